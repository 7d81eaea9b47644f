//! Every name that a script can use, in one table. The printed reference, the definition files for language servers
//! and the editor's completion are generated from it.
//!
//! Functions are registered elsewhere, by the modules that bind them to the interpreter. Tests compare that code with
//! this table in both directions and run every example. The table must not know how a function is implemented. It is
//! plain data, so that an editor can query it on every key press.

mod definitions;
mod lessons;
mod numbers;
mod print;
mod values;

#[cfg(test)]
mod tests;

pub use definitions::{GENERATED_MARK, definition_files};
pub use print::markdown;

use std::sync::LazyLock;

/// The kind of a reference item, in the order of the printed reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Binary and unary operators.
    Operators,
    /// Functions of numbers, traced or plain.
    Numbers,
    /// Names of numbers, such as `PI`.
    Constants,
    /// Functions of arrays.
    Arrays,
    /// Functions of texts and characters.
    Texts,
    /// Functions of maps.
    Maps,
    /// Functions of whole numbers, ranges and function pointers.
    Others,
    /// Printing to the console and ending a script.
    Output,
    /// The functions that slowgrad calls in a script.
    Contracts,
    /// Constructors of controls, for `params()`.
    Controls,
    /// Fields of `ctx`.
    Context,
    /// Fields of `w` and `grad` in `update_layer`.
    Layer,
    /// Methods of `ctx.rng`.
    Random,
    /// Fields of the map that `lesson()` returns.
    LessonFields,
    /// Constructors of tables, parameters and neurons, for lessons.
    LessonParts,
    /// Methods of the stage.
    Cues,
    /// Fields that the conditions of cues can read.
    Conditions,
}

impl Group {
    /// All groups, in the order of the printed reference.
    pub const ALL: [Group; 17] = [
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
        Group::Layer,
        Group::Random,
        Group::LessonFields,
        Group::LessonParts,
        Group::Cues,
        Group::Conditions,
    ];

    /// The heading of the group in the printed reference.
    pub fn title(self) -> &'static str {
        match self {
            Group::Operators => "Operators",
            Group::Numbers => "Numbers",
            Group::Constants => "Constants",
            Group::Arrays => "Arrays",
            Group::Texts => "Texts",
            Group::Maps => "Maps",
            Group::Others => "Whole numbers, ranges and functions",
            Group::Output => "Output and exit",
            Group::Contracts => "Functions that slowgrad calls",
            Group::Controls => "Controls",
            Group::Context => "The context, `ctx`",
            Group::Layer => "The parameters of a layer, `w` and `grad`",
            Group::Random => "Random numbers, `ctx.rng`",
            Group::LessonFields => "Fields of `lesson()`",
            Group::LessonParts => "Values for lessons",
            Group::Cues => "Cues of the stage",
            Group::Conditions => "Fields of conditions, `p` and `m`",
        }
    }

    /// Whether the interpreter resolves the items by name, as functions or constants.
    pub fn is_native(self) -> bool {
        let fields = matches!(self, Group::Context | Group::Layer | Group::LessonFields | Group::Conditions);
        !fields && !matches!(self, Group::Operators | Group::Contracts)
    }

    /// Whether the items are methods of ordinary values, written `x.name(…)`.
    pub fn is_method(self) -> bool {
        matches!(self, Group::Numbers | Group::Arrays | Group::Texts | Group::Maps | Group::Others)
    }
}

/// A name that a script can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReferenceItem {
    /// The name in a script, such as `clamp`, `**` or `lr`.
    pub name: &'static str,
    /// The group that the item belongs to.
    pub group: Group,
    /// The overloads with their types, such as `clamp(x: Scalar, low: Scalar, high: Scalar) -> Scalar`. A field of a
    /// map has a single one, such as `lr: Scalar`.
    pub signatures: &'static [&'static str],
    /// One or two sentences.
    pub description: &'static str,
    /// A snippet of a script. In a line that ends with `// …`, the comment is the value of the expression before it.
    pub example: &'static str,
}

/// Name, signatures, description and example of an item.
type TableRow = (&'static str, &'static [&'static str], &'static str, &'static str);

static ITEMS: LazyLock<Vec<ReferenceItem>> = LazyLock::new(|| {
    let tables: [(Group, &[TableRow]); 17] = [
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
        (Group::Layer, lessons::LAYER),
        (Group::Random, lessons::RANDOM),
        (Group::LessonFields, lessons::FIELDS),
        (Group::LessonParts, lessons::PARTS),
        (Group::Cues, lessons::CUES),
        (Group::Conditions, lessons::CONDITIONS),
    ];
    let item = |group, &(name, signatures, description, example): &TableRow| ReferenceItem {
        name,
        group,
        signatures,
        description,
        example,
    };
    tables.iter().flat_map(|&(group, rows)| rows.iter().map(move |row| item(group, row))).collect()
});

/// All items, group by group.
pub fn items() -> &'static [ReferenceItem] {
    &ITEMS
}

/// The items of one group.
pub fn group(group: Group) -> impl Iterator<Item = &'static ReferenceItem> {
    items().iter().filter(move |item| item.group == group)
}

/// The names of one group, in the order of the printed reference.
pub(crate) fn names(of: Group) -> impl Iterator<Item = &'static str> {
    group(of).map(|item| item.name)
}
