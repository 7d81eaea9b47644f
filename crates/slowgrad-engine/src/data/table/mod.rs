//! Tables from files: which cells become which inputs and targets. Bytes in, samples out; files are opened elsewhere.
//!
//! A table is read twice. The first pass surveys the columns that a lesson uses, the second writes numbers into rows of
//! their final size, so that a large table is in memory once. Nothing is changed silently: what is dropped, filled,
//! expanded or scaled is in the [report](super::report).

mod cell;
mod columns;
mod error;
mod rows;
mod sheet;
mod text;

pub use error::{CellPlace, TableError};

use super::report::{ColumnReport, Dropped, Filled, Scaled, TableReport};
use super::{Data, scale, split};
use crate::io_names::IoNames;
use crate::spec::{MissingValues, TableSpec};
use columns::{ColumnRole, Encoded, Encoding, TableHeader, UsedColumn};
pub(super) use error::{listed, shortened};
use rows::{Row, TableFile, first_rows};
use sheet::SheetFile;
use text::{SAMPLE_ROWS, TextFile};

/// Progress is told each time that this part of the file was read.
const PROGRESS_STEP: f64 = 1.0 / 128.0;

/// The settings of a network and its data for which a table is read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TableSettings {
    /// The network's number of inputs.
    pub inputs: usize,
    /// The network's number of outputs.
    pub outputs: usize,
    /// The fraction of the samples for testing.
    pub test_fraction: f64,
    /// The seed of the split.
    pub seed: u64,
    /// The maximum size of an Excel file when it is unpacked, in bytes.
    pub max_unpacked_bytes: u64,
}

/// The samples of a table.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadedTable {
    /// The training data.
    pub train: Data,
    /// The test data; may be empty.
    pub test: Data,
    /// The names of columns and classes.
    pub names: IoNames,
    /// What was read and changed.
    pub report: TableReport,
}

/// Reads the samples of a table. `progress` is called with the part that is done, 0 to 1.
///
/// # Errors
/// When the file is not a table that slowgrad reads, lacks a column, has a cell without a usable value, or does not fit the
/// network.
pub fn read(
    spec: &TableSpec,
    bytes: &[u8],
    purpose: TableSettings,
    progress: &dyn Fn(f64),
) -> Result<LoadedTable, TableError> {
    let is_excel = spec.path.to_ascii_lowercase().ends_with(".xlsx");
    let mut file = if is_excel {
        TableFile::Sheet(Box::new(SheetFile::new(bytes, spec.sheet.as_deref(), purpose.max_unpacked_bytes)?))
    } else {
        TableFile::Text(TextFile::new(bytes, spec)?)
    };
    let first = first_rows(&mut *file.rows()?, SAMPLE_ROWS)?;
    let header = TableHeader::find(&first, file.row_format().decimal_comma, spec)?;
    let mut used = UsedColumn::find(&header, spec)?;
    let rows = survey(&mut file, &header, &mut used, spec.missing, &|part| progress(part / 2.0))?;
    let encodings = encodings(&used, &header, spec, purpose)?;
    check_widths(&used, &encodings, &header, purpose)?;
    let (data, dropped) =
        fill(&mut file, &header, &used, &encodings, rows, spec.missing, &|part| progress(0.5 + part / 2.0))?;
    if data.is_empty() {
        return Err(TableError::AllDropped { rows });
    }
    let samples = data.len();
    let (mut train, mut test) = split::split(data, purpose.test_fraction, purpose.seed);
    if train.is_empty() {
        return Err(TableError::NoTraining { rows: samples });
    }
    // The column and the width of each input.
    let input_columns: Vec<(usize, usize)> = used
        .iter()
        .zip(&encodings)
        .filter(|(column, _)| column.used_for == ColumnRole::Input)
        .flat_map(|(column, encoding)| (0..encoding.width()).map(|_| (column.column, encoding.words().len())))
        .collect();
    let failed = |why| {
        let (header, input_columns) = (&header, &input_columns);
        move |input: usize| TableError::Scale { column: header.column_name(input_columns[input].0), why }
    };
    let filled = match spec.missing {
        MissingValues::Mean => {
            let filled = scale::fill_missing(&mut train, &mut test);
            let (rows, values) = filled.map_err(failed("has no values in the rows for training"))?;
            Some(Filled { rows, values }).filter(|filled| filled.rows > 0)
        }
        _ => None,
    };
    let names = names(&used, &encodings, &header);
    let scaled = match spec.scale {
        None => None,
        Some(kind) => {
            let numbers: Vec<usize> = (0..input_columns.len()).filter(|&input| input_columns[input].1 == 0).collect();
            let scales = scale::scale(&mut train, &mut test, kind, &numbers);
            Some(Scaled { kind, inputs: scales.map_err(failed("has numbers that are too large to be scaled"))? })
        }
    };
    let columns = |wanted: ColumnRole| {
        let found = used.iter().zip(&encodings).filter(move |(column, _)| column.used_for == wanted);
        found
            .map(|(column, encoding)| ColumnReport {
                name: header.name(column.column).map_or_else(|| header.column_name(column.column), str::to_owned),
                words: encoding.words(),
            })
            .collect::<Vec<_>>()
    };
    let report = TableReport {
        path: spec.path.clone(),
        format: file.description(),
        has_header: header.names.is_some(),
        rows,
        columns: header.columns,
        inputs: columns(ColumnRole::Input),
        targets: columns(ColumnRole::Target),
        dropped,
        filled,
        scaled,
    };
    Ok(LoadedTable { train, test, names, report })
}

/// Calls a function for each row of data.
fn each_row(
    file: &mut TableFile<'_>,
    header: &TableHeader,
    progress: &dyn Fn(f64),
    mut visit: impl FnMut(&Row) -> Result<(), TableError>,
) -> Result<usize, TableError> {
    let mut reader = file.rows()?;
    let mut row = Row::default();
    if header.names.is_some() {
        reader.next(&mut row)?;
    }
    let (mut rows, mut told) = (0, 0.0);
    progress(0.0);
    while reader.next(&mut row)? {
        rows += 1;
        visit(&row)?;
        if reader.progress() >= told + PROGRESS_STEP {
            told = reader.progress();
            progress(told);
        }
    }
    progress(1.0);
    Ok(rows)
}

/// The first pass: counts the rows, and what is in the columns.
fn survey(
    file: &mut TableFile<'_>,
    header: &TableHeader,
    used: &mut [UsedColumn],
    missing: MissingValues,
    progress: &dyn Fn(f64),
) -> Result<usize, TableError> {
    let format = file.row_format();
    let rows = each_row(file, header, progress, |row| {
        let cells = row.cells.len();
        if cells > header.columns || cells < header.columns && !format.has_short_rows {
            let found = if cells == 1 { "1 cell".to_owned() } else { format!("{cells} cells") };
            let (row, first) = (format.row_name(row.number), format.row_name(header.first_row));
            return Err(TableError::RowLength { row, found, first, expected: header.columns });
        }
        for column in &mut *used {
            let at = column.column;
            column.survey(row, format.decimal_comma, missing, || format.place(row, at, header.column_name(at)))?;
        }
        Ok(())
    })?;
    if rows == 0 { Err(TableError::Empty) } else { Ok(rows) }
}

/// What each column becomes.
fn encodings(
    used: &[UsedColumn],
    header: &TableHeader,
    spec: &TableSpec,
    purpose: TableSettings,
) -> Result<Vec<Encoding>, TableError> {
    // One target of whole numbers for several outputs can only be classes.
    let may_be_classes = spec.targets.len() == 1 && purpose.outputs > 1;
    let encoding = |column: &UsedColumn| {
        column.encoding(header, spec.missing, may_be_classes && column.used_for == ColumnRole::Target)
    };
    used.iter().map(encoding).collect()
}

/// Checks that the table makes as many inputs and targets as the network has.
fn check_widths(
    used: &[UsedColumn],
    encodings: &[Encoding],
    header: &TableHeader,
    purpose: TableSettings,
) -> Result<(), TableError> {
    let of = |wanted: ColumnRole| used.iter().zip(encodings).filter(move |(column, _)| column.used_for == wanted);
    let width = |wanted| of(wanted).map(|(_, encoding)| encoding.width()).sum::<usize>();
    let columns = |wanted| {
        let column = |(column, encoding): (&UsedColumn, &Encoding)| {
            let name = header.name(column.column).map_or_else(|| header.column_name(column.column), str::to_owned);
            match encoding.words() {
                words if words.is_empty() => name,
                words => format!("{name} ({})", listed(&words)),
            }
        };
        listed(&of(wanted).map(column).collect::<Vec<_>>())
    };
    let (found, expected) = (width(ColumnRole::Input), purpose.inputs);
    if found != expected {
        return Err(TableError::Inputs { found, columns: columns(ColumnRole::Input), expected });
    }
    let (found, expected) = (width(ColumnRole::Target), purpose.outputs);
    if found == expected {
        return Ok(());
    }
    let mut targets = of(ColumnRole::Target);
    Err(match (targets.next(), targets.next()) {
        (Some((column, encoding)), None) if *encoding != Encoding::Number => TableError::Classes {
            column: header.column_name(column.column),
            kind: if matches!(encoding, Encoding::Words(..)) { "word" } else { "class" },
            words: listed(&encoding.words()),
            found,
            expected,
        },
        _ => TableError::Targets { found, columns: columns(ColumnRole::Target), expected },
    })
}

/// The second pass: the samples, and what was dropped. A missing input that is filled later is NaN.
fn fill(
    file: &mut TableFile<'_>,
    header: &TableHeader,
    used: &[UsedColumn],
    encodings: &[Encoding],
    rows: usize,
    missing: MissingValues,
    progress: &dyn Fn(f64),
) -> Result<(Data, Option<Dropped>), TableError> {
    let format = file.row_format();
    let width = |wanted: ColumnRole| {
        let widths = used.iter().zip(encodings).filter(|(column, _)| column.used_for == wanted);
        widths.map(|(_, encoding)| encoding.width()).sum::<usize>()
    };
    let (inputs_per_sample, outputs) = (width(ColumnRole::Input), width(ColumnRole::Target));
    let mut inputs = Vec::with_capacity(rows.saturating_mul(inputs_per_sample));
    let mut targets = Vec::with_capacity(rows.saturating_mul(outputs));
    let mut dropped: Option<Dropped> = None;
    each_row(file, header, progress, |row| {
        let (inputs_before, targets_before) = (inputs.len(), targets.len());
        for (column, encoding) in used.iter().zip(encodings) {
            let into = if column.used_for == ColumnRole::Input { &mut inputs } else { &mut targets };
            match column.encode(encoding, row.cell(column.column), format.decimal_comma) {
                Encoded::Number(x) => into.push(x),
                Encoded::Word(word) => into.extend((0..encoding.width()).map(|at| if at == word { 1.0 } else { 0.0 })),
                Encoded::Missing if missing == MissingValues::Mean && column.used_for == ColumnRole::Input => {
                    into.extend((0..encoding.width()).map(|_| f64::NAN));
                }
                Encoded::Missing => {
                    inputs.truncate(inputs_before);
                    targets.truncate(targets_before);
                    let first = || format.place(row, column.column, header.column_name(column.column));
                    dropped.get_or_insert_with(|| Dropped { rows: 0, first: first() }).rows += 1;
                    return Ok(());
                }
            }
        }
        Ok(())
    })?;
    Ok((Data { inputs, targets, inputs_per_sample, outputs }, dropped))
}

/// The names of inputs and outputs: columns, words and classes.
fn names(used: &[UsedColumn], encodings: &[Encoding], header: &TableHeader) -> IoNames {
    let single_target = used.iter().filter(|column| column.used_for == ColumnRole::Target).count() == 1;
    let mut names = IoNames::default();
    for (column, encoding) in used.iter().zip(encodings) {
        let name = header.name(column.column).unwrap_or_default();
        let is_target = column.used_for == ColumnRole::Target;
        let into = if is_target { &mut names.outputs } else { &mut names.inputs };
        match encoding.words() {
            words if words.is_empty() => into.push(name.to_owned()),
            words if name.is_empty() || is_target && single_target => into.extend(words),
            words => into.extend(words.iter().map(|word| format!("{name}={word}"))),
        }
    }
    names
}
