//! Tables in Excel files (`.xlsx`).
//!
//! The file is a zip archive from anywhere, so its unpacked size is limited before it is read, and so is the text of its
//! cells, because many cells can share one long text.

use super::error::TableError;
use super::rows::{Row, RowReader};
use calamine::{Cell, DataRef, Reader as _, SheetType, Xlsx, XlsxCellReader};
use std::fmt::Display;
use std::io::{Cursor, Read as _, Write as _, copy, sink};
use zip::ZipArchive;

/// The number of columns that Excel has.
const MAX_COLUMNS: u32 = 16_384;

/// A sheet of an Excel file.
pub(super) struct SheetFile<'b> {
    file: Xlsx<Cursor<&'b [u8]>>,
    sheet: String,
    max_bytes: u64,
}

impl<'b> SheetFile<'b> {
    /// Opens a sheet: the first one, or that of this name.
    ///
    /// # Errors
    /// When the file is not an Excel file, contains more than `max_bytes`, or has no such sheet.
    pub(super) fn new(bytes: &'b [u8], name: Option<&str>, max_bytes: u64) -> Result<Self, TableError> {
        check_size(bytes, max_bytes)?;
        let file = Xlsx::new(Cursor::new(bytes)).map_err(not_excel)?;
        let sheets = file.sheets_metadata().iter().filter(|sheet| sheet.typ == SheetType::WorkSheet);
        let sheets: Vec<String> = sheets.map(|sheet| sheet.name.clone()).collect();
        let found = match name {
            Some(name) => sheets.iter().find(|sheet| *sheet == name),
            None => sheets.first(),
        };
        let Some(sheet) = found.cloned() else {
            let sheet = name.unwrap_or("1").to_owned();
            return Err(TableError::Sheet { sheet, sheets: super::error::listed(&sheets) });
        };
        Ok(Self { file, sheet, max_bytes })
    }

    /// The name of the sheet.
    pub(super) fn name(&self) -> &str {
        &self.sheet
    }

    /// A reader of all rows.
    ///
    /// # Errors
    /// When the sheet cannot be read.
    pub(super) fn rows(&mut self) -> Result<SheetRows<'_, 'b>, TableError> {
        let cells = self.file.worksheet_cells_reader(&self.sheet).map_err(not_excel)?;
        Ok(SheetRows {
            cells,
            next: None,
            is_done: false,
            row: 0,
            left_bytes: self.max_bytes,
            max_bytes: self.max_bytes,
        })
    }
}

/// Reads the rows of a sheet.
pub(super) struct SheetRows<'s, 'b> {
    cells: XlsxCellReader<'s, Cursor<&'b [u8]>>,
    /// The first cell of the next row: its row from 0, its column, its text.
    next: Option<(u32, u32, Vec<u8>)>,
    /// Whether all cells were read.
    is_done: bool,
    /// The first row, from 0, that may follow.
    row: u32,
    /// The number of bytes of text that may follow.
    left_bytes: u64,
    max_bytes: u64,
}

impl SheetRows<'_, '_> {
    /// The next cell with a value.
    fn cell(&mut self) -> Result<Option<(u32, u32, Vec<u8>)>, TableError> {
        if let Some(cell) = self.next.take() {
            return Ok(Some(cell));
        }
        // After the last cell there is nothing to read.
        while !self.is_done {
            let Some(cell) = self.cells.next_cell().map_err(not_excel)? else {
                self.is_done = true;
                break;
            };
            let (row, column) = cell.get_position();
            let text = text(&cell);
            if text.is_empty() {
                continue;
            }
            let left = self.left_bytes.checked_sub(text.len() as u64);
            self.left_bytes = left.ok_or(TableError::TooLarge { max: self.max_bytes })?;
            if column >= MAX_COLUMNS {
                return Err(TableError::NotExcel(format!("row {} has more than {MAX_COLUMNS} columns", row + 1)));
            }
            return Ok(Some((row, column, text)));
        }
        Ok(None)
    }
}

impl RowReader for SheetRows<'_, '_> {
    fn next(&mut self, row: &mut Row) -> Result<bool, TableError> {
        row.cells.clear();
        let Some((number, mut column, mut text)) = self.cell()? else { return Ok(false) };
        if number < self.row {
            return Err(TableError::NotExcel(format!("row {} is out of order", u64::from(number) + 1)));
        }
        self.row = number.saturating_add(1);
        row.number = u64::from(number) + 1;
        loop {
            let filled = row.cells.len() as u32;
            if column < filled {
                return Err(TableError::NotExcel(format!("a cell of row {} is out of order", row.number)));
            }
            (filled..column).for_each(|_| row.cells.push_field(b""));
            row.cells.push_field(&text);
            match self.cell()? {
                Some(next) if next.0 == number => (_, column, text) = next,
                next => {
                    self.next = next;
                    return Ok(true);
                }
            }
        }
    }

    fn progress(&self) -> f64 {
        0.0
    }
}

/// The text of a cell. A number has all its digits, and a date is a word: 2024-05-01, or 2024-05-01T06:30:00.
fn text(cell: &Cell<DataRef<'_>>) -> Vec<u8> {
    let mut text = Vec::new();
    let written = match cell.get_value() {
        DataRef::Empty => Ok(()),
        DataRef::Int(number) => write!(text, "{number}"),
        DataRef::Float(number) => write!(text, "{number}"),
        DataRef::Bool(truth) => write!(text, "{truth}"),
        DataRef::DateTime(date) if date.is_duration() => write!(text, "{}", date.as_f64()),
        DataRef::DateTime(date) => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            let midnight = hour == 0 && minute == 0 && second == 0;
            let time = if midnight { String::new() } else { format!("T{hour:02}:{minute:02}:{second:02}") };
            write!(text, "{year:04}-{month:02}-{day:02}{time}")
        }
        DataRef::Error(error) => write!(text, "{error}"),
        DataRef::DateTimeIso(date) => text.write_all(date.strip_suffix("T00:00:00").unwrap_or(date).as_bytes()),
        DataRef::String(words) | DataRef::DurationIso(words) => text.write_all(words.as_bytes()),
        DataRef::SharedString(words) => text.write_all(words.as_bytes()),
    };
    debug_assert!(written.is_ok(), "a vector can be written to");
    text
}

/// Checks the unpacked size of an archive by unpacking it: the sizes that it states may be wrong.
fn check_size(bytes: &[u8], max: u64) -> Result<(), TableError> {
    // A file with a password is no archive; calamine says so.
    if !bytes.starts_with(b"PK") {
        return Ok(());
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(not_excel)?;
    let mut left = max;
    for entry in 0..archive.len() {
        let file = archive.by_index(entry).map_err(not_excel)?;
        let unpacked = copy(&mut file.take(left.saturating_add(1)), &mut sink()).map_err(not_excel)?;
        left = left.checked_sub(unpacked).ok_or(TableError::TooLarge { max })?;
    }
    Ok(())
}

fn not_excel(error: impl Display) -> TableError {
    TableError::NotExcel(error.to_string())
}
