//! The arrays of a layer that `update_layer` receives and returns, and their order as inputs and results of the engine's
//! function: the weights row by row, then the biases.
//!
//! This module must not know how a script is called.

use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording;
use rhai::{Dynamic, Map};
use slowgrad_engine::shape::Shape;

/// The sizes of a layer and the structure of its optimizer state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LayerForm {
    pub(crate) fan_in: usize,
    pub(crate) fan_out: usize,
    /// Number of biases: one for each neuron, or none.
    pub(crate) biases: usize,
    /// The state fields.
    pub(crate) state: Vec<(String, FieldForm)>,
}

/// The structure of a state field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FieldForm {
    /// One number for each parameter, in the form of `w`.
    LikeParameters,
    /// Arrays of the script's own.
    Arrays(ArrayForm),
}

/// The structure of an array of numbers or arrays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ArrayForm {
    Number,
    Array(Vec<ArrayForm>),
}

impl ArrayForm {
    /// The structure of a value and its numbers in order; `None` if it contains anything else.
    pub(crate) fn of(value: &Dynamic, numbers: &mut Vec<f64>) -> Option<Self> {
        if let Ok(array) = value.as_array_ref() {
            let items = array.iter().map(|item| Self::of(item, numbers)).collect::<Option<Vec<_>>>()?;
            return Some(ArrayForm::Array(items));
        }
        let number = value.as_float().or_else(|_| value.as_int().map(|n| n as f64)).ok()?;
        numbers.push(number);
        Some(ArrayForm::Number)
    }

    fn len(&self) -> usize {
        match self {
            ArrayForm::Number => 1,
            ArrayForm::Array(items) => items.iter().map(ArrayForm::len).sum(),
        }
    }

    fn names(&self, name: &str, names: &mut Vec<String>) {
        match self {
            ArrayForm::Number => names.push(name.to_owned()),
            ArrayForm::Array(items) => {
                for (nth, item) in items.iter().enumerate() {
                    item.names(&format!("{name}[{nth}]"), names);
                }
            }
        }
    }

    fn build(&self, next: &mut impl FnMut() -> Dynamic) -> Dynamic {
        match self {
            ArrayForm::Number => next(),
            ArrayForm::Array(items) => Dynamic::from_array(items.iter().map(|item| item.build(next)).collect()),
        }
    }

    /// The numbers of a value with this structure, in order.
    fn read(&self, value: &Dynamic, name: &str, numbers: &mut Vec<(String, Dynamic)>) -> Result<(), String> {
        let ArrayForm::Array(items) = self else {
            numbers.push((name.to_owned(), value.clone()));
            return Ok(());
        };
        let Ok(array) = value.as_array_ref() else {
            return Err(format!("`{name}` must be an array, but this is {}", kind(value)));
        };
        if array.len() != items.len() {
            let found = wording::count(array.len(), "element");
            return Err(format!("`{name}` has {found}, but it must have {}", items.len()));
        }
        for (nth, (item, value)) in items.iter().zip(array.iter()).enumerate() {
            item.read(value, &format!("{name}[{nth}]"), numbers)?;
        }
        Ok(())
    }
}

impl LayerForm {
    /// A layer without state.
    pub(crate) fn of(shape: &Shape, layer: usize) -> Self {
        let biases = shape.biases(layer).len();
        Self { fan_in: shape.fan_in(layer), fan_out: shape.size(layer), biases, state: Vec::new() }
    }

    /// Number of parameters.
    pub(crate) fn parameters(&self) -> usize {
        self.fan_in * self.fan_out + self.biases
    }

    /// Number of results: the parameters and the state.
    pub(crate) fn results(&self) -> usize {
        let state = self.state.iter().map(|(_, form)| match form {
            FieldForm::LikeParameters => self.parameters(),
            FieldForm::Arrays(form) => form.len(),
        });
        self.parameters() + state.sum::<usize>()
    }

    /// The weights and the biases as arrays.
    fn parts(&self) -> [(&'static str, ArrayForm); 2] {
        let row = |numbers: usize| ArrayForm::Array(vec![ArrayForm::Number; numbers]);
        [("weights", ArrayForm::Array(vec![row(self.fan_in); self.fan_out])), ("biases", row(self.biases))]
    }

    /// The names of all inputs before the context.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let like_parameters = |name: &str, names: &mut Vec<String>| {
            for (part, form) in self.parts() {
                form.names(&format!("{name}.{part}"), names);
            }
        };
        like_parameters("w", &mut names);
        like_parameters("grad", &mut names);
        for (field, form) in &self.state {
            match form {
                FieldForm::LikeParameters => like_parameters(&format!("state.{field}"), &mut names),
                FieldForm::Arrays(form) => form.names(&format!("state.{field}"), &mut names),
            }
        }
        names
    }

    fn parameter_map(&self, next: &mut impl FnMut() -> Dynamic) -> Dynamic {
        let parts = self.parts();
        let map: Map = parts.iter().map(|(part, form)| ((*part).into(), form.build(next))).collect();
        Dynamic::from_map(map)
    }

    /// `w`, `grad` and the state map from their numbers in order.
    pub(crate) fn arguments(&self, numbers: impl Iterator<Item = Dynamic>) -> (Dynamic, Dynamic, Map) {
        let mut numbers = numbers;
        let mut next = || numbers.next().unwrap_or(Dynamic::UNIT);
        let (w, grad) = (self.parameter_map(&mut next), self.parameter_map(&mut next));
        let state = self.state.iter().map(|(field, form)| {
            let value = match form {
                FieldForm::LikeParameters => self.parameter_map(&mut next),
                FieldForm::Arrays(form) => form.build(&mut next),
            };
            (field.as_str().into(), value)
        });
        (w, grad, state.collect())
    }

    /// The numbers of a map in the form of `w`, each with its name.
    ///
    /// # Errors
    /// A message if the value has another form.
    pub(crate) fn parameters_of(&self, value: &Dynamic, name: &str) -> Result<Vec<(String, Dynamic)>, String> {
        let Ok(map) = value.as_map_ref() else {
            let message =
                format!("{name} must be a map like `w`, with `weights` and `biases`, but this is {}", kind(value));
            return Err(message);
        };
        let mut numbers = Vec::with_capacity(self.parameters());
        for (part, form) in self.parts() {
            let Some(value) = map.get(part) else { return Err(format!("{name} lacks `{part}`")) };
            form.read(value, part, &mut numbers)?;
        }
        Ok(numbers)
    }

    /// The numbers of a state field, each with its name.
    ///
    /// # Errors
    /// A message if the value has another form than before.
    pub(crate) fn field_of(
        &self,
        value: &Dynamic,
        name: &str,
        form: &FieldForm,
    ) -> Result<Vec<(String, Dynamic)>, String> {
        match form {
            FieldForm::LikeParameters => self.parameters_of(value, &format!("`{name}`")),
            FieldForm::Arrays(form) => {
                let mut numbers = Vec::new();
                form.read(value, name, &mut numbers)?;
                Ok(numbers)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rhai::Array;

    fn form() -> LayerForm {
        let rows = ArrayForm::Array(vec![ArrayForm::Number, ArrayForm::Number]);
        LayerForm {
            fan_in: 2,
            fan_out: 1,
            biases: 1,
            state: vec![("m".into(), FieldForm::LikeParameters), ("rows".into(), FieldForm::Arrays(rows))],
        }
    }

    #[test]
    fn numbers_keep_their_order_from_inputs_to_results() {
        let form = form();
        let names = form.names();
        let expected = "w.weights[0][0] w.weights[0][1] w.biases[0] grad.weights[0][0] grad.weights[0][1] grad.biases[0] \
                        state.m.weights[0][0] state.m.weights[0][1] state.m.biases[0] state.rows[0] state.rows[1]";
        assert_eq!(names.join(" "), expected);
        assert_eq!(form.results(), 8);
        let (w, _, state) = form.arguments((0..names.len()).map(|k| Dynamic::from_float(k as f64)));
        let read = |numbers: Vec<(String, Dynamic)>| {
            numbers.into_iter().map(|(_, x)| x.as_float().expect("a number")).collect::<Vec<_>>()
        };
        assert_eq!(read(form.parameters_of(&w, "w").expect("w")), [0.0, 1.0, 2.0]);
        let field = |nth: usize| {
            let (name, field) = &form.state[nth];
            read(form.field_of(&state[name.as_str()], name, field).expect("a field"))
        };
        assert_eq!((field(0), field(1)), (vec![6.0, 7.0, 8.0], vec![9.0, 10.0]));
    }

    #[test]
    fn values_of_another_form_are_described() {
        let form = form();
        let error = |value: Dynamic| form.parameters_of(&value, "the result").expect_err("another form");
        assert_eq!(
            error(Dynamic::from_float(1.0)),
            "the result must be a map like `w`, with `weights` and `biases`, but this is a number"
        );
        assert_eq!(error(Dynamic::from_map(Map::new())), "the result lacks `weights`");
        let numbers: Array = vec![Dynamic::from_float(1.0)];
        let map: Map = [("weights".into(), Dynamic::from_array(vec![numbers.into()]))].into_iter().collect();
        assert_eq!(error(Dynamic::from_map(map)), "`weights[0]` has 1 element, but it must have 2");
    }
}
