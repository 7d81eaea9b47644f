//! What was read and changed on the way from a lesson's data to its samples, as data and in words.

use super::scale::InputScale;
use super::table::{CellPlace, listed, shortened};
use super::{Data, split};
use crate::io_names::IoNames;
use crate::spec::Scale;

/// The samples of a lesson, summarized.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DataReport {
    /// How the table was read, if the data is a table.
    pub table: Option<TableReport>,
    /// The names of inputs and outputs.
    pub names: IoNames,
    /// The number of inputs of a sample.
    pub inputs: usize,
    /// The number of targets of a sample.
    pub targets: usize,
    /// The number of samples of each class; empty if the targets are no classes.
    pub classes: Vec<ClassCount>,
    /// The number of training samples.
    pub train: usize,
    /// The number of test samples.
    pub test: usize,
}

/// The number of samples of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassCount {
    /// The name of the class, or its number from 0.
    pub name: String,
    /// Whether the class has a name.
    pub is_named: bool,
    /// The number of training samples.
    pub train: usize,
    /// The number of test samples.
    pub test: usize,
}

/// How a table was read.
#[derive(Debug, Clone, PartialEq)]
pub struct TableReport {
    /// The path that the lesson gives.
    pub path: String,
    /// The format of the file in words.
    pub format: String,
    /// Whether the first row has the names of the columns.
    pub has_header: bool,
    /// The number of rows of data in the file.
    pub rows: usize,
    /// The number of columns in the file.
    pub columns: usize,
    /// The input columns.
    pub inputs: Vec<ColumnReport>,
    /// The target columns.
    pub targets: Vec<ColumnReport>,
    /// The dropped rows.
    pub dropped: Option<Dropped>,
    /// The filled values.
    pub filled: Option<Filled>,
    /// The scaled inputs.
    pub scaled: Option<Scaled>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnReport {
    /// Its name, or `column 3`.
    pub name: String,
    /// Its words or classes, each of which is one input or output; empty for numbers.
    pub words: Vec<String>,
}

/// Rows that were dropped because of a missing or unreadable value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dropped {
    /// Their number.
    pub rows: usize,
    /// The cell that is the reason for the first one.
    pub first: CellPlace,
}

/// Missing or unreadable inputs that were replaced by the mean over the training data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filled {
    /// The number of rows.
    pub rows: usize,
    /// The number of inputs in these rows.
    pub values: usize,
}

/// Scaled inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Scaled {
    /// The kind of scale.
    pub kind: Scale,
    /// The scale of each input that is a number.
    pub inputs: Vec<InputScale>,
}

impl DataReport {
    /// Counts the samples and their classes.
    pub fn new(train: &Data, test: &Data, names: &IoNames, table: Option<TableReport>) -> Self {
        let classes = split::classes(train).filter(|_| test.is_empty() || split::classes(test).is_some());
        let count = |data: &Data, class| {
            (0..data.len()).filter(|&sample| split::class_of(data.target(sample)) == Some(class)).count()
        };
        let class = |class: usize| {
            let name = names.output(class).filter(|_| train.outputs() > 1);
            ClassCount {
                name: name.map_or_else(|| class.to_string(), str::to_owned),
                is_named: name.is_some(),
                train: count(train, class),
                test: count(test, class),
            }
        };
        Self {
            table,
            names: names.clone(),
            inputs: train.inputs_per_sample,
            targets: train.outputs(),
            classes: (0..classes.unwrap_or(0)).map(class).collect(),
            train: train.len(),
            test: test.len(),
        }
    }

    /// The classes without training samples, and those without test samples, where they should have some: a class that has
    /// a name or test samples is to be learned, and one that is learned is to be tested.
    pub fn missing_classes(&self) -> (Vec<&str>, Vec<&str>) {
        let untrained = |class: &&ClassCount| class.train == 0 && (class.is_named || class.test > 0);
        let untested = |class: &&ClassCount| class.test == 0 && class.train > 0 && self.test > 0;
        let names = |wanted: &dyn Fn(&&ClassCount) -> bool| {
            self.classes.iter().filter(|class| wanted(class)).map(|class| class.name.as_str()).collect()
        };
        (names(&untrained), names(&untested))
    }

    /// What was changed, one sentence each: dropped, filled, expanded and scaled.
    pub fn changes(&self) -> Vec<String> {
        let Some(table) = &self.table else { return Vec::new() };
        let mut changes = Vec::new();
        if let Some(Dropped { rows, first }) = &table.dropped {
            let text = if first.text.is_empty() {
                "an empty cell".to_owned()
            } else {
                format!("«{}»", shortened(&first.text))
            };
            let (row, column) = (&first.row, &first.column);
            changes.push(format!(
                "{} of {} dropped for a missing or unreadable value, first {row}, {column}, {text}",
                rows,
                counted(table.rows, "row")
            ));
        }
        if let Some(Filled { rows, values }) = table.filled {
            changes.push(format!(
                "{} in {} filled with the mean of {}",
                counted(values, "missing input"),
                counted(rows, "row"),
                self.training_rows()
            ));
        }
        let expanded = table.inputs.iter().filter(|column| !column.words.is_empty());
        changes.extend(expanded.map(|ColumnReport { name, words }| {
            format!("{name} is {}, one for each word: {}", counted(words.len(), "input"), listed(words))
        }));
        if let Some(scaled) = &table.scaled {
            let how = match scaled.kind {
                Scale::Standard => "mean 0 and standard deviation 1",
                Scale::MinMax => "0 to 1",
            };
            let inputs = counted(scaled.inputs.len(), "input");
            changes.push(format!("{inputs} scaled to {how}, computed on {}", self.training_rows()));
        }
        changes
    }

    /// A summary, one line each.
    pub fn summary(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(table) = &self.table {
            let header = if table.has_header { "named in the first row" } else { "without names" };
            let columns = format!("{}, {header}", counted(table.columns, "column"));
            lines.push(format!("{}: {}, {columns}, {}", table.path, counted(table.rows, "row"), table.format));
        }
        let list = |columns: &[ColumnReport], kind: &str| {
            let named = columns.iter().map(|column| match column.words.len() {
                0 => column.name.clone(),
                words => format!("{} ({words} {kind})", column.name),
            });
            listed(&named.collect::<Vec<_>>())
        };
        let columns = self.table.as_ref();
        let of = |columns: Option<String>| columns.map(|columns| format!(": {columns}")).unwrap_or_default();
        lines.push(counted(self.inputs, "input") + &of(columns.map(|table| list(&table.inputs, "words"))));
        lines.push(counted(self.targets, "target") + &of(columns.map(|table| list(&table.targets, "classes"))));
        if !self.classes.is_empty() {
            let count = |class: &ClassCount| format!("{} {}", class.name, class.train + class.test);
            let counts: Vec<String> = self.classes.iter().map(count).collect();
            lines.push(format!("{} classes: {}", self.classes.len(), listed(&counts)));
        }
        lines.extend(self.changes());
        if let Some(scaled) = self.table.as_ref().and_then(|table| table.scaled.as_ref()) {
            let scale = |scale: &InputScale| {
                let name =
                    self.names.input(scale.input).map_or_else(|| format!("input {}", scale.input), str::to_owned);
                format!("({name} − {}) / {}", short(scale.offset), short(scale.divisor))
            };
            lines.push(listed(&scaled.inputs.iter().map(scale).collect::<Vec<_>>()));
        }
        let stratified = if self.test > 0 && !self.classes.is_empty() { ", each class in its share" } else { "" };
        lines.push(format!("{} for training, {} for testing{stratified}", counted(self.train, "sample"), self.test));
        lines
    }

    fn training_rows(&self) -> String {
        format!("the {} for training", counted(self.train, "row"))
    }
}

/// `1 row`, `2 rows`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A number with four significant digits.
fn short(x: f64) -> String {
    let scientific = format!("{x:.3e}");
    let exponent: i32 = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok()).unwrap_or(0);
    if !(-4..6).contains(&exponent) {
        return scientific;
    }
    let decimals = usize::try_from(3 - exponent).unwrap_or(0);
    let text = format!("{x:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}
