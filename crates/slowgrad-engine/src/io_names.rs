//! The names of a network's inputs and outputs: columns of a table, classes, or names that a lesson gives.
//!
//! It must not know how they are shown.

/// The names of inputs and outputs, each list in order. A list may be shorter than the layer, and an empty text is no
/// name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IoNames {
    /// The names of the inputs, such as `petal_length`.
    pub inputs: Vec<String>,
    /// The names of the outputs: classes such as `setosa`, or target columns.
    pub outputs: Vec<String>,
}

impl IoNames {
    /// The name of an input, counted from 0, if it has one.
    pub fn input(&self, input: usize) -> Option<&str> {
        name(&self.inputs, input)
    }

    /// The name of an output, counted from 0, if it has one.
    pub fn output(&self, output: usize) -> Option<&str> {
        name(&self.outputs, output)
    }

    /// The number of characters of the longest name of an input; 0 if no input has a name.
    pub fn longest_input(&self) -> usize {
        self.inputs.iter().map(|name| name.chars().count()).max().unwrap_or(0)
    }

    /// These names, and those of `other` where these have none.
    #[must_use]
    pub fn or(&self, other: &Self) -> Self {
        let list = |own: &[String], other: &[String]| {
            let merged = (0..own.len().max(other.len())).map(|i| name(own, i).or(name(other, i)).unwrap_or_default());
            merged.map(str::to_owned).collect()
        };
        Self { inputs: list(&self.inputs, &other.inputs), outputs: list(&self.outputs, &other.outputs) }
    }
}

fn name(names: &[String], at: usize) -> Option<&str> {
    names.get(at).map(String::as_str).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_names_some_and_the_table_the_others() {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let lesson = IoNames { inputs: list(&["", "width"]), outputs: list(&["no", "yes"]) };
        let table = IoNames { inputs: list(&["a", "b", "c"]), outputs: list(&["0"]) };
        let names = lesson.or(&table);
        assert_eq!([0, 1, 2, 3].map(|i| names.input(i)), [Some("a"), Some("width"), Some("c"), None]);
        assert_eq!([0, 1, 2].map(|i| names.output(i)), [Some("no"), Some("yes"), None]);
    }
}
