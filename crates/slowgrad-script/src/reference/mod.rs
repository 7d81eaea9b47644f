//! Everything that a script may name: one table, from which the printed reference, the definition files for
//! language servers and the editor's completion are made.
//!
//! Registering a function takes code, which stands in `functions`, `arrays` and `making`; tests hold that code and
//! this table together in both directions, and run every example. The table must not know how anything is carried
//! out. It is plain data, so that an editor may ask it on every key.

mod definitions;
mod lessons;
mod numbers;
mod print;
mod values;

#[cfg(test)]
mod tests;

pub use definitions::{MARK, definition_files};
pub use print::markdown;

use std::sync::LazyLock;

/// What kind of thing an entry is, in the order of the printed reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Between two values, or before one.
    Operators,
    /// Functions of numbers, traced or plain.
    Numbers,
    /// Names that stand for a number.
    Constants,
    /// Functions of arrays.
    Arrays,
    /// Functions of texts and letters.
    Texts,
    /// Functions of maps.
    Maps,
    /// Functions of whole numbers, ranges and function pointers.
    Others,
    /// Writing to the console and leaving a script.
    Output,
    /// The functions by which slowgrad knows a file, and those beside them.
    Contracts,
    /// What `params()` describes controls with.
    Controls,
    /// What `ctx` holds.
    Context,
    /// Methods of `ctx.rng`.
    Random,
    /// Fields of the map that `lesson()` gives.
    LessonFields,
    /// What lessons name files and parameters with.
    LessonParts,
    /// Methods of the stage.
    Cues,
    /// What the conditions of cues are asked about.
    Conditions,
}

impl Group {
    /// All groups, in the order of the printed reference.
    pub const ALL: [Group; 16] = [
        Group::Operators,
        Group::Numbers,
        Group::Constants,
        Group::Arrays,
        Group::Texts,
        Group::Maps,
        Group::Others,
        Group::Output,
        Group::Contracts,
        Group::Controls,
        Group::Context,
        Group::Random,
        Group::LessonFields,
        Group::LessonParts,
        Group::Cues,
        Group::Conditions,
    ];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Group::Operators => "Operators",
            Group::Numbers => "Numbers",
            Group::Constants => "Constants",
            Group::Arrays => "Arrays",
            Group::Texts => "Texts",
            Group::Maps => "Maps",
            Group::Others => "Whole numbers, ranges and functions",
            Group::Output => "Output and leaving",
            Group::Contracts => "Functions that slowgrad calls",
            Group::Controls => "Controls",
            Group::Context => "The context, `ctx`",
            Group::Random => "Random numbers, `ctx.rng`",
            Group::LessonFields => "Fields of `lesson()`",
            Group::LessonParts => "Parts of lessons",
            Group::Cues => "Cues of the stage",
            Group::Conditions => "What conditions are asked about, `p` and `m`",
        }
    }

    /// Whether its entries are functions that the interpreter knows by their names.
    pub fn is_native(self) -> bool {
        let fields = matches!(self, Group::Context | Group::LessonFields | Group::Conditions);
        !fields && !matches!(self, Group::Operators | Group::Contracts)
    }

    /// Whether its entries are written after a point, `x.name(…)`, on a value of an ordinary kind.
    pub fn is_method(self) -> bool {
        matches!(self, Group::Numbers | Group::Arrays | Group::Texts | Group::Maps | Group::Others)
    }
}

/// One thing that a script may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// As a script writes it, such as `clamp`, `**` or `lr`.
    pub name: &'static str,
    /// What kind of thing it is.
    pub group: Group,
    /// Each way to use it with its types, such as `clamp(x: Scalar, low: Scalar, high: Scalar) -> Scalar`. Fields of a
    /// map have one, `lr: Scalar`.
    pub signatures: &'static [&'static str],
    /// What it does, in a sentence or two.
    pub description: &'static str,
    /// A piece of script. A line with `// …` at its end is an expression with its result.
    pub example: &'static str,
}

/// An entry as the tables write it, without its group.
type Row = (&'static str, &'static [&'static str], &'static str, &'static str);

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let tables: [(Group, &[Row]); 16] = [
        (Group::Operators, numbers::OPERATORS),
        (Group::Numbers, numbers::NUMBERS),
        (Group::Constants, numbers::CONSTANTS),
        (Group::Arrays, values::ARRAYS),
        (Group::Texts, values::TEXTS),
        (Group::Maps, values::MAPS),
        (Group::Others, values::OTHERS),
        (Group::Output, values::OUTPUT),
        (Group::Contracts, lessons::CONTRACTS),
        (Group::Controls, lessons::CONTROLS),
        (Group::Context, lessons::CONTEXT),
        (Group::Random, lessons::RANDOM),
        (Group::LessonFields, lessons::FIELDS),
        (Group::LessonParts, lessons::PARTS),
        (Group::Cues, lessons::CUES),
        (Group::Conditions, lessons::CONDITIONS),
    ];
    let entry = |group, &(name, signatures, description, example): &Row| Entry {
        name,
        group,
        signatures,
        description,
        example,
    };
    tables.iter().flat_map(|&(group, rows)| rows.iter().map(move |row| entry(group, row))).collect()
});

/// All entries, group by group.
pub fn entries() -> &'static [Entry] {
    &ENTRIES
}

/// The entries of one group.
pub fn group(group: Group) -> impl Iterator<Item = &'static Entry> {
    entries().iter().filter(move |entry| entry.group == group)
}

/// The names of one group, in the order of the printed reference.
pub(crate) fn names(wanted: Group) -> impl Iterator<Item = &'static str> {
    group(wanted).map(|entry| entry.name)
}
