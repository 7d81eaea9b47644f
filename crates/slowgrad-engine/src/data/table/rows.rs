//! The rows of a table, whatever file they come from.

use super::error::{CellPlace, TableError};
use super::sheet::SheetFile;
use super::text::TextFile;
use csv::ByteRecord;

/// One row: its cells as text, and where it is.
#[derive(Debug, Default)]
pub(super) struct Row {
    pub(super) cells: ByteRecord,
    /// The line of a text file or the row of a sheet, from 1.
    pub(super) number: u64,
}

impl Row {
    /// The text of a cell without spaces at its ends; empty beyond the last cell.
    pub(super) fn cell(&self, column: usize) -> &[u8] {
        self.cells.get(column).unwrap_or_default().trim_ascii()
    }
}

/// Reads rows from the first one on.
pub(super) trait RowReader {
    /// Reads the next row; false after the last one.
    ///
    /// # Errors
    /// When the row cannot be read.
    fn next(&mut self, row: &mut Row) -> Result<bool, TableError>;

    /// The part of the file that is read, 0 to 1; 0 if it is not known.
    fn progress(&self) -> f64;
}

/// A file with rows.
pub(super) enum TableFile<'b> {
    /// Lines of text.
    Text(TextFile<'b>),
    /// A sheet of an Excel file.
    Sheet(Box<SheetFile<'b>>),
}

impl TableFile<'_> {
    /// A reader of all rows.
    ///
    /// # Errors
    /// When there are no rows to read.
    pub(super) fn rows(&mut self) -> Result<Box<dyn RowReader + '_>, TableError> {
        Ok(match self {
            Self::Text(text) => Box::new(text.rows()),
            Self::Sheet(sheet) => Box::new(sheet.rows()?),
        })
    }

    /// How its rows are read and named.
    pub(super) fn row_format(&self) -> RowFormat {
        match self {
            Self::Text(text) => {
                RowFormat { decimal_comma: text.layout.decimal_comma, has_short_rows: false, unit: "line" }
            }
            Self::Sheet(_) => RowFormat { decimal_comma: false, has_short_rows: true, unit: "row" },
        }
    }

    /// How the file was read, in words.
    pub(super) fn description(&self) -> String {
        match self {
            Self::Text(text) => text.layout.description(),
            Self::Sheet(sheet) => format!("sheet «{}»", sheet.name()),
        }
    }
}

/// How the rows of a file are read and named.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowFormat {
    /// Whether numbers have a decimal comma.
    pub(super) decimal_comma: bool,
    /// Whether a row may have fewer cells than the first one. A sheet does not store empty cells.
    pub(super) has_short_rows: bool,
    /// The word for a row in messages.
    unit: &'static str,
}

impl RowFormat {
    /// A row by its number, in words.
    pub(super) fn row_name(self, number: u64) -> String {
        format!("{} {number}", self.unit)
    }

    /// A cell for a message. `column_name` is as in [`CellPlace::column`].
    pub(super) fn place(self, row: &Row, column: usize, column_name: String) -> CellPlace {
        let text = String::from_utf8_lossy(row.cell(column)).into_owned();
        CellPlace { row: self.row_name(row.number), column: column_name, text }
    }
}

/// The first rows, from which the layout of a table is found.
///
/// # Errors
/// When a row cannot be read.
pub(super) fn first_rows(reader: &mut dyn RowReader, max: usize) -> Result<Vec<Row>, TableError> {
    let mut rows = Vec::new();
    let mut row = Row::default();
    while rows.len() < max && reader.next(&mut row)? {
        rows.push(std::mem::take(&mut row));
    }
    Ok(rows)
}
