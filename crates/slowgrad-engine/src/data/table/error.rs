//! What is wrong with a table, in words about the table: line, column, cell and the remedy.

use super::columns::MAX_WORDS;

/// The number of names that a message lists.
const MAX_LISTED: usize = 12;
/// The number of characters of a cell that a message shows.
const MAX_SHOWN_CHARS: usize = 40;

/// A place in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CellPlace {
    /// `line` of a text file or `row` of a sheet, and its number from 1: `line 4`.
    pub row: String,
    /// The name of the column: `column «age»`.
    pub column: String,
    /// The contents.
    pub text: String,
}

impl CellPlace {
    /// The contents of the cell as a message shows them.
    fn shown(&self) -> String {
        shown(&self.text)
    }
}

/// An error in a table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// The file has another encoding than UTF-8.
    #[error("{row}the text is not UTF-8; it looks like {encoding}")]
    Encoding {
        /// The line of the first byte that does not fit, as `line 3: `; empty where the whole file is meant.
        row: String,
        /// The likely encoding.
        encoding: &'static str,
    },
    /// The file is not a text.
    #[error("this is not a text file{0}")]
    NotText(&'static str),
    /// The file is not an Excel file that can be read.
    #[error("this is not an Excel file that can be read: {0}")]
    NotExcel(String),
    /// The contents of an Excel file are too large.
    #[error("the file contains more than {max} bytes when it is unpacked, which is the limit")]
    TooLarge {
        /// The limit in bytes.
        max: u64,
    },
    /// There is no sheet of this name.
    #[error("there is no sheet «{sheet}»; the sheets are {sheets}")]
    Sheet {
        /// The name of the sheet.
        sheet: String,
        /// The sheets of the file.
        sheets: String,
    },
    /// A row cannot be read.
    #[error("{row}: {cause}")]
    Row {
        /// The row.
        row: String,
        /// The cause.
        cause: String,
    },
    /// There are no rows of data.
    #[error("the table has no rows of data")]
    Empty,
    /// A row has another number of cells than the first row.
    #[error("{row} has {found}, but {first} has {expected}")]
    RowLength {
        /// The row.
        row: String,
        /// Its cells, such as `3 cells`.
        found: String,
        /// The first row.
        first: String,
        /// Its number of cells.
        expected: usize,
    },
    /// There is no column of this name.
    #[error("there is no column «{column}»; the columns are {columns}")]
    Column {
        /// The name.
        column: String,
        /// The columns of the table.
        columns: String,
        /// Whether the first row has numbers, which names of columns seldom are.
        is_data: bool,
    },
    /// There is no column of this number.
    #[error("there is no column {column}; the table has {columns} columns, counted from 0")]
    ColumnNumber {
        /// The number, from 0.
        column: usize,
        /// The number of columns.
        columns: usize,
    },
    /// Several columns have this name.
    #[error("columns {first} and {second}, counted from 0, are both named «{column}»")]
    SameName {
        /// The name.
        column: String,
        /// The first of them, from 0.
        first: usize,
        /// The second of them, from 0.
        second: usize,
    },
    /// Columns are given by name in a table without names.
    #[error("«{column}» is the name of a column, but this table has no names: `header` is false")]
    NoNames {
        /// The name.
        column: String,
    },
    /// A column is an input and a target, or is named twice.
    #[error("{0} is used twice")]
    Twice(String),
    /// No column is left for the inputs.
    #[error("all columns are targets, so none is left for the inputs")]
    NoInputs,
    /// A value is missing.
    #[error("{}, {}: the value is missing{}", place.row, place.column, if place.text.is_empty() { String::new() } else { format!(" ({})", place.shown()) })]
    Missing {
        /// The cell.
        place: CellPlace,
    },
    /// A cell of numbers is a word.
    #[error("{}, {}: {} is not a number, but {numbers} other cells of this column are", place.row, place.column, place.shown())]
    NotANumber {
        /// The cell.
        place: CellPlace,
        /// The number of cells that are numbers.
        numbers: usize,
    },
    /// A cell of words is a number.
    #[error("{}, {}: {} is a number, but {words} other cells of this column are words", place.row, place.column, place.shown())]
    NotAWord {
        /// The cell.
        place: CellPlace,
        /// The number of cells that are words.
        words: usize,
    },
    /// A class is not a whole number.
    #[error("{}, {}: {} is not a whole number, so it cannot be a class", place.row, place.column, place.shown())]
    NotAClass {
        /// The cell.
        place: CellPlace,
    },
    /// A column has too many different words.
    #[error("{column} has more than {MAX_WORDS} different words, such as {}", shown(word))]
    TooManyWords {
        /// The column.
        column: String,
        /// One of them.
        word: String,
    },
    /// A column has no values.
    #[error("{0} has no values")]
    NoValues(String),
    /// The table makes another number of inputs than the network has.
    #[error("the table gives {found} inputs ({columns}), but the network has {expected}")]
    Inputs {
        /// The number of inputs that the table makes.
        found: usize,
        /// The columns and their words.
        columns: String,
        /// The network's number.
        expected: usize,
    },
    /// A target of words needs one output for each word.
    #[error("{column} needs one output for each {kind}: {words}; that is {found}, but the network has {expected}")]
    Classes {
        /// The column.
        column: String,
        /// `word` or `class`.
        kind: &'static str,
        /// The words or classes.
        words: String,
        /// Their number.
        found: usize,
        /// The network's number of outputs.
        expected: usize,
    },
    /// The targets need another number of outputs than the network has.
    #[error("the table gives {found} targets ({columns}), but the network has {expected}")]
    Targets {
        /// The number of targets that the table makes.
        found: usize,
        /// The columns and their words.
        columns: String,
        /// The network's number of outputs.
        expected: usize,
    },
    /// All rows were dropped.
    #[error("all {rows} rows are dropped, because each has a missing or unreadable value")]
    AllDropped {
        /// The number of rows.
        rows: usize,
    },
    /// All rows are in the test data.
    #[error("all {rows} rows are in the test set, so none is left for training")]
    NoTraining {
        /// The number of rows.
        rows: usize,
    },
    /// A column has no mean in the training data, or numbers too large to be scaled.
    #[error("{column} {why}")]
    Scale {
        /// The column.
        column: String,
        /// The reason.
        why: &'static str,
    },
}

impl TableError {
    /// What to do about it.
    pub fn help(&self) -> String {
        let help = match self {
            Self::Encoding { .. } => "save it as UTF-8; in Excel: «CSV UTF-8 (comma delimited)»",
            Self::NotText(_) => "save it as a text with separators, or as .xlsx",
            Self::NotExcel(_) => "save it as .xlsx without a password, or as CSV",
            Self::TooLarge { .. } => "save it as CSV.",
            Self::Sheet { .. } => "name one of them in `sheet`, or leave it out for the first one",
            Self::Row { .. } | Self::RowLength { .. } => {
                "each row must have as many cells as the first one; put cells that contain the separator into quotes, or name \
                 the separator: `separator: \";\"`"
            }
            Self::Empty => "there must be a row of data below the names of the columns",
            Self::Column { is_data: true, .. } => {
                "the first row looks like data: give columns by number from 0, such as `inputs: [0, 1], target: 2`"
            }
            Self::Column { .. } | Self::ColumnNumber { .. } => {
                "give a column by its name in the first row, or by its number from 0"
            }
            Self::SameName { .. } => "give the column by its number",
            Self::NoNames { .. } => "give columns by number from 0, or remove `header: false`",
            Self::Twice(_) => "a column is one input or one target",
            Self::NoInputs => "name the inputs in `inputs`",
            Self::Missing { .. } => {
                "correct the cell; or say `missing: \"drop\"` to drop such rows, or `missing: \"mean\"` to fill inputs with \
                 the mean; or list the column in `words` if this is a word"
            }
            Self::NotANumber { place, .. } if place.text.contains(',') => {
                "say `decimal: \",\"` if this is a decimal comma; numbers have no separators of thousands"
            }
            Self::NotANumber { .. } => {
                "correct the cell; or say `missing: \"drop\"` to drop such rows; or list the column in `words` if all its \
                 cells are words"
            }
            Self::NotAWord { .. } => "correct the cell, or list the column in `words` if all its cells are words",
            Self::NotAClass { .. } => "remove `classes: true` if the targets are numbers",
            Self::TooManyWords { .. } => "each word becomes an input or an output; is a number mistyped?",
            Self::NoValues(_) => "leave the column out",
            Self::Inputs { .. } => "give the network as many inputs as the table, or choose other columns in `inputs`",
            Self::Classes { .. } => "give the network one output for each of them, or choose a target of numbers",
            Self::Targets { .. } => "give the network one output for each target, or choose other columns in `target`",
            Self::AllDropped { .. } => "correct the table, or leave out a column that is mostly empty",
            Self::NoTraining { .. } => "lower `test_fraction`",
            Self::Scale { .. } => "correct the column, or leave it out",
        };
        help.to_owned()
    }
}

/// A cell as a message shows it.
fn shown(text: &str) -> String {
    format!("«{}»", shortened(text))
}

/// A text on one line, cut if it is long.
pub(in crate::data) fn shortened(text: &str) -> String {
    let (mut chars, mut cut) = (text.chars(), String::new());
    cut.extend(chars.by_ref().take(MAX_SHOWN_CHARS).map(|ch| if ch.is_control() { '␣' } else { ch }));
    cut + if chars.next().is_some() { "…" } else { "" }
}

/// A list of names for a message.
pub(in crate::data) fn listed<N: AsRef<str>>(names: &[N]) -> String {
    let shown: Vec<String> = names.iter().take(MAX_LISTED).map(|name| shortened(name.as_ref())).collect();
    let rest = names.len().saturating_sub(MAX_LISTED);
    if rest == 0 { shown.join(", ") } else { format!("{} and {rest} more", shown.join(", ")) }
}
