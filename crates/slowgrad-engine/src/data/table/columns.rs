//! The columns that a lesson uses, and what their cells are: numbers, words or classes.

use super::cell::CellValue;
use super::error::{CellPlace, TableError, listed};
use super::rows::Row;
use crate::spec::{ColumnRef, MissingValues, TableSpec};
use std::collections::{BTreeSet, HashMap};

/// Maximum number of different words or classes in a column.
pub(super) const MAX_WORDS: usize = 1_000;
/// The largest whole number that is a class.
const MAX_CLASS: f64 = 1e15;

/// The columns of a table: their number, and their names if the first row has them.
#[derive(Debug)]
pub(super) struct TableHeader {
    pub(super) columns: usize,
    pub(super) names: Option<Vec<String>>,
    /// The number of the first row of the file.
    pub(super) first_row: u64,
    /// Whether a cell of the first row is a number.
    has_numbers: bool,
}

impl TableHeader {
    /// Finds out whether the first row has names.
    ///
    /// # Errors
    /// [`TableError::Empty`] without rows.
    pub(super) fn find(first_rows: &[Row], comma: bool, spec: &TableSpec) -> Result<Self, TableError> {
        let (first, others) = first_rows.split_first().ok_or(TableError::Empty)?;
        let is_number = |cell: &[u8]| matches!(CellValue::read(cell, comma), CellValue::Number(_));
        let columns = first.cells.len();
        let has_numbers = (0..columns).any(|column| is_number(first.cell(column)));
        let mut used = spec.inputs.iter().flatten().chain(&spec.targets).chain(&spec.words);
        let named = used.any(|column| matches!(column, ColumnRef::Name(_)));
        let is_header = spec.header.unwrap_or_else(|| named || looks_like_names(first, others, has_numbers, is_number));
        let name = |column| String::from_utf8_lossy(first.cell(column)).into_owned();
        let names = is_header.then(|| (0..columns).map(name).collect());
        Ok(Self { columns, names, first_row: first.number, has_numbers })
    }

    /// A column for messages: `column «age»`, or `column 3`, counted from 0.
    pub(super) fn column_name(&self, column: usize) -> String {
        match self.name(column) {
            Some(name) => format!("column «{name}»"),
            None => format!("column {column}"),
        }
    }

    /// The name of a column, if it has one.
    pub(super) fn name(&self, column: usize) -> Option<&str> {
        self.names.as_ref()?.get(column).map(String::as_str).filter(|name| !name.is_empty())
    }

    /// The index of a column.
    fn find_column(&self, column: &ColumnRef) -> Result<usize, TableError> {
        let name = match column {
            ColumnRef::Number(number) if *number < self.columns => return Ok(*number),
            ColumnRef::Number(number) => {
                return Err(TableError::ColumnNumber { column: *number, columns: self.columns });
            }
            ColumnRef::Name(name) => name,
        };
        let Some(names) = &self.names else { return Err(TableError::NoNames { column: name.clone() }) };
        let mut found = names.iter().enumerate().filter(|(_, known)| *known == name).map(|(column, _)| column);
        match (found.next(), found.next()) {
            (Some(column), None) => Ok(column),
            (Some(first), Some(second)) => Err(TableError::SameName { column: name.clone(), first, second }),
            _ => {
                let (column, columns) = (name.clone(), listed(names));
                Err(TableError::Column { column, columns, is_data: self.has_numbers })
            }
        }
    }
}

/// Whether the first row has names: a word above numbers, or a row of words that do not occur again in their columns.
fn looks_like_names(first: &Row, others: &[Row], has_numbers: bool, is_number: impl Fn(&[u8]) -> bool) -> bool {
    let columns = 0..first.cells.len();
    let cells_below = |column: usize| others.iter().map(move |row| row.cell(column)).filter(|cell| !cell.is_empty());
    let above_numbers = |column: usize| {
        let mut below = cells_below(column).peekable();
        !is_number(first.cell(column))
            && !first.cell(column).is_empty()
            && below.peek().is_some()
            && below.all(&is_number)
    };
    if columns.clone().any(above_numbers) {
        return true;
    }
    !has_numbers && columns.clone().all(|column| !cells_below(column).any(|cell| cell == first.cell(column)))
}

/// What a lesson uses a column for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnRole {
    Input,
    Target,
}

/// What the cells of a column become.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Encoding {
    /// A number each.
    Number,
    /// One number for each word: 1 for the word of the cell, 0 for the others.
    Words(HashMap<Vec<u8>, usize>, Vec<String>),
    /// The same for each of these whole numbers, in order.
    WholeNumbers(Vec<i64>),
}

impl Encoding {
    /// The number of inputs or targets.
    pub(super) fn width(&self) -> usize {
        match self {
            Self::Number => 1,
            Self::Words(_, words) => words.len(),
            Self::WholeNumbers(numbers) => numbers.len(),
        }
    }

    /// The words or classes; empty for numbers.
    pub(super) fn words(&self) -> Vec<String> {
        match self {
            Self::Number => Vec::new(),
            Self::Words(_, words) => words.clone(),
            Self::WholeNumbers(numbers) => numbers.iter().map(i64::to_string).collect(),
        }
    }
}

/// The value of a cell in a column of a known encoding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Encoded {
    Number(f64),
    /// The index of a word or class.
    Word(usize),
    /// A missing or unreadable value.
    Missing,
}

/// A column that a lesson uses, and what was found in it.
#[derive(Debug)]
pub(super) struct UsedColumn {
    pub(super) column: usize,
    pub(super) used_for: ColumnRole,
    /// Whether every cell is a word: the column is listed in `words`.
    all_words: bool,
    /// Whether it is a class, if the lesson says so.
    classes: Option<bool>,
    numbers: usize,
    words: usize,
    first_word: Option<CellPlace>,
    first_number: Option<CellPlace>,
    first_fraction: Option<CellPlace>,
    /// The words with their numbers, at most one more than the limit.
    known: HashMap<Vec<u8>, usize>,
    /// The same words in order of their first appearance.
    in_order: Vec<String>,
    /// The whole numbers of a target, at most one more than the limit.
    whole_numbers: BTreeSet<i64>,
}

impl UsedColumn {
    /// The columns that a lesson uses: first the inputs, then the targets.
    ///
    /// # Errors
    /// For a column that does not exist or is used twice.
    pub(super) fn find(header: &TableHeader, spec: &TableSpec) -> Result<Vec<Self>, TableError> {
        let indices = |columns: &[ColumnRef]| {
            columns.iter().map(|column| header.find_column(column)).collect::<Result<Vec<_>, _>>()
        };
        let inputs = spec.inputs.as_deref().map(indices).transpose()?;
        let (targets, words) = (indices(&spec.targets)?, indices(&spec.words)?);
        let others = || (0..header.columns).filter(|column| !targets.contains(column)).collect();
        let inputs: Vec<usize> = inputs.unwrap_or_else(others);
        if inputs.is_empty() {
            return Err(TableError::NoInputs);
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = inputs.iter().chain(&targets).find(|column| !seen.insert(**column)) {
            return Err(TableError::Twice(header.column_name(*twice)));
        }
        let used = |column: usize, used_for| Self {
            column,
            used_for,
            all_words: words.contains(&column),
            classes: spec.classes.filter(|_| used_for == ColumnRole::Target),
            numbers: 0,
            words: 0,
            first_word: None,
            first_number: None,
            first_fraction: None,
            known: HashMap::new(),
            in_order: Vec::new(),
            whole_numbers: BTreeSet::new(),
        };
        let inputs = inputs.into_iter().map(|column| used(column, ColumnRole::Input));
        Ok(inputs.chain(targets.into_iter().map(|column| used(column, ColumnRole::Target))).collect())
    }

    /// Reads a cell of the column.
    fn value(&self, cell: &[u8], comma: bool) -> CellValue {
        match CellValue::read(cell, comma) {
            _ if self.all_words && !cell.is_empty() => CellValue::Word,
            value => value,
        }
    }

    /// Counts what is in a cell.
    ///
    /// # Errors
    /// For a missing value, unless the lesson says what to do with it.
    pub(super) fn survey(
        &mut self,
        row: &Row,
        comma: bool,
        missing: MissingValues,
        place: impl Fn() -> CellPlace,
    ) -> Result<(), TableError> {
        let cell = row.cell(self.column);
        let value = self.value(cell, comma);
        match value {
            CellValue::Missing if missing == MissingValues::Refuse => {
                return Err(TableError::Missing { place: place() });
            }
            CellValue::Missing => return Ok(()),
            CellValue::Number(x) => {
                self.numbers += 1;
                if self.used_for == ColumnRole::Target {
                    if self.first_number.is_none() {
                        self.first_number = Some(place());
                    }
                    if x.fract() != 0.0 || x.abs() > MAX_CLASS {
                        self.first_fraction.get_or_insert_with(&place);
                    } else if self.whole_numbers.len() <= MAX_WORDS {
                        self.whole_numbers.insert(x as i64);
                    }
                } else if self.first_number.is_none() {
                    self.first_number = Some(place());
                }
            }
            CellValue::Word => {
                self.words += 1;
                self.first_word.get_or_insert_with(&place);
            }
        }
        let counts = value == CellValue::Word || self.classes == Some(true);
        if counts && self.known.len() <= MAX_WORDS && !self.known.contains_key(cell) {
            self.known.insert(cell.to_vec(), self.known.len());
            self.in_order.push(String::from_utf8_lossy(cell).into_owned());
        }
        Ok(())
    }

    /// What the cells become, after all rows were surveyed. `may_be_classes` is whether a target of whole numbers is a
    /// class if the lesson does not say.
    ///
    /// # Errors
    /// For a column of numbers and words, and for too many words.
    pub(super) fn encoding(
        &self,
        header: &TableHeader,
        missing: MissingValues,
        may_be_classes: bool,
    ) -> Result<Encoding, TableError> {
        let name = || header.column_name(self.column);
        let is_class = self.classes == Some(true);
        if self.numbers + self.words == 0 {
            return Err(TableError::NoValues(name()));
        }
        if let (Some(word), Some(number), false) = (&self.first_word, &self.first_number, is_class) {
            if self.words > self.numbers {
                return Err(TableError::NotAWord { place: number.clone(), words: self.words });
            }
            if missing == MissingValues::Refuse {
                return Err(TableError::NotANumber { place: word.clone(), numbers: self.numbers });
            }
        }
        if self.words == 0 || self.numbers > 0 && !is_class {
            let whole = self.first_fraction.is_none();
            return match &self.first_fraction {
                Some(place) if is_class => Err(TableError::NotAClass { place: place.clone() }),
                _ if is_class || may_be_classes && whole && self.classes.is_none() => {
                    let numbers: Vec<i64> = self.whole_numbers.iter().copied().collect();
                    match numbers.get(MAX_WORDS) {
                        Some(number) => Err(TableError::TooManyWords { column: name(), word: number.to_string() }),
                        None => Ok(Encoding::WholeNumbers(numbers)),
                    }
                }
                _ => Ok(Encoding::Number),
            };
        }
        match self.in_order.get(MAX_WORDS) {
            Some(word) => Err(TableError::TooManyWords { column: name(), word: word.clone() }),
            None => Ok(Encoding::Words(self.known.clone(), self.in_order.clone())),
        }
    }

    /// The value of a cell.
    pub(super) fn encode(&self, encoding: &Encoding, cell: &[u8], comma: bool) -> Encoded {
        match (encoding, self.value(cell, comma)) {
            (_, CellValue::Missing) => Encoded::Missing,
            (Encoding::Words(known, _), _) => known.get(cell).map_or(Encoded::Missing, |word| Encoded::Word(*word)),
            (Encoding::Number, CellValue::Number(x)) => Encoded::Number(x),
            (Encoding::WholeNumbers(numbers), CellValue::Number(x)) => {
                numbers.binary_search(&(x as i64)).map_or(Encoded::Missing, Encoded::Word)
            }
            (_, CellValue::Word) => Encoded::Missing,
        }
    }
}
