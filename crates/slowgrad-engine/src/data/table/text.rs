//! Tables in text files: encoding, separator and decimal sign are found here.

use super::cell::{CellValue, number};
use super::error::TableError;
use super::rows::{Row, RowReader, first_rows};
use crate::spec::TableSpec;
use csv::{ReaderBuilder, StringRecord};

/// The separators in the order of preference: decimal commas and commas in texts are more frequent than the others.
const SEPARATORS: [u8; 4] = [b'\t', b';', b'|', b','];
/// The layout of a file is found from its first rows, this many bytes of them at most, but at least three rows.
const SAMPLE_BYTES: usize = 64 << 10;
/// The number of rows from which the layout is found.
pub(super) const SAMPLE_ROWS: usize = 50;

/// How the lines of a text are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TextLayout {
    pub(super) separator: u8,
    pub(super) decimal_comma: bool,
}

impl TextLayout {
    /// The layout in words.
    pub(super) fn description(self) -> String {
        let separator = match self.separator {
            b',' => "commas".to_owned(),
            b';' => "semicolons".to_owned(),
            b'\t' => "tabs".to_owned(),
            other => format!("«{}»", char::from(other)),
        };
        let decimal = if self.decimal_comma { " and decimal commas" } else { "" };
        format!("a text with {separator}{decimal}")
    }
}

/// A text with rows.
pub(super) struct TextFile<'b> {
    /// The rows, without byte order mark and `sep=` line.
    text: &'b str,
    /// The lines before them.
    skipped_lines: u64,
    pub(super) layout: TextLayout,
}

impl<'b> TextFile<'b> {
    /// Finds encoding, separator and decimal sign.
    ///
    /// # Errors
    /// When the file is not a text in UTF-8.
    pub(super) fn new(bytes: &'b [u8], spec: &TableSpec) -> Result<Self, TableError> {
        let mut text = utf8(bytes)?;
        let (mut skipped_lines, mut told) = (0, None);
        // Excel writes and reads such a line.
        if let Some(separator) = text.strip_prefix("sep=").and_then(|rest| rest.bytes().next())
            && let Some(end) = text.find('\n').filter(|end| text[..*end].trim_end().len() == 5)
        {
            (text, skipped_lines, told) = (&text[end + 1..], 1, Some(separator));
        }
        let by_name = spec.path.to_ascii_lowercase().ends_with(".tsv").then_some(b'\t');
        let separator = spec.separator.or(told).or(by_name).unwrap_or_else(|| found_separator(text));
        let mut file = Self { text, skipped_lines, layout: TextLayout { separator, decimal_comma: false } };
        file.layout.decimal_comma = match spec.decimal_comma {
            Some(comma) => comma,
            None => separator != b',' && has_decimal_commas(&first_rows(&mut file.rows(), SAMPLE_ROWS)?),
        };
        Ok(file)
    }

    /// A reader of all rows.
    pub(super) fn rows(&self) -> TextRows<'b> {
        let mut builder = ReaderBuilder::new();
        builder.has_headers(false).flexible(true).delimiter(self.layout.separator);
        TextRows {
            reader: builder.from_reader(self.text.as_bytes()),
            text: self.text.as_bytes(),
            skipped_lines: self.skipped_lines,
        }
    }
}

/// Reads the rows of a text.
pub(super) struct TextRows<'b> {
    reader: csv::Reader<&'b [u8]>,
    text: &'b [u8],
    skipped_lines: u64,
}

impl RowReader for TextRows<'_> {
    fn next(&mut self, row: &mut Row) -> Result<bool, TableError> {
        let start = self.reader.position().clone();
        let found = self.reader.read_byte_record(&mut row.cells);
        // Empty lines belong to the row after them.
        let empty = self.text[usize::try_from(start.byte()).unwrap_or(usize::MAX).min(self.text.len())..].iter();
        let lines = empty.take_while(|byte| matches!(byte, b'\r' | b'\n')).filter(|byte| **byte == b'\n').count();
        row.number = self.skipped_lines + start.line() + lines as u64;
        found.map_err(|error| TableError::Row { row: format!("line {}", row.number), cause: error.to_string() })
    }

    fn progress(&self) -> f64 {
        self.reader.position().byte() as f64 / self.text.len().max(1) as f64
    }
}

/// The text of a file, without its byte order mark.
fn utf8(bytes: &[u8]) -> Result<&str, TableError> {
    let whole = |encoding| Err(TableError::Encoding { row: String::new(), encoding });
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return whole("UTF-16");
    }
    if bytes.starts_with(b"PK\x03\x04") {
        return Err(TableError::NotText("; it looks like an Excel file, whose name must end in .xlsx"));
    }
    if bytes.starts_with(&[0xd0, 0xcf, 0x11, 0xe0]) {
        return Err(TableError::NotText("; it looks like an old Excel file (.xls)"));
    }
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        // Letters of Latin script in UTF-16 are every second byte.
        let pairs = bytes[at & !1..].chunks_exact(2).take(16);
        return if at < 2 && pairs.clone().all(|pair| pair.contains(&0)) {
            whole("UTF-16")
        } else {
            Err(TableError::NotText("; it contains zero bytes"))
        };
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(text)),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            Err(TableError::Encoding { row: format!("line {line}: "), encoding: "Windows-1252 or Latin-1" })
        }
    }
}

/// The separator that divides the first rows into equal numbers of cells, or else the one with most cells in the first row.
fn found_separator(text: &str) -> u8 {
    let sample = sample(text);
    let is_whole = sample.len() == text.len();
    let widths = |separator: u8| {
        let mut reader = ReaderBuilder::new();
        let mut reader = reader.has_headers(false).flexible(true).delimiter(separator).from_reader(sample.as_bytes());
        let mut widths = Vec::new();
        let mut record = StringRecord::new();
        while widths.len() < SAMPLE_ROWS && matches!(reader.read_record(&mut record), Ok(true)) {
            widths.push(record.len());
        }
        // The last row may be cut within quotes.
        if !is_whole && widths.len() > 2 && reader.is_done() {
            widths.pop();
        }
        widths
    };
    let candidates = SEPARATORS.map(|separator| (separator, widths(separator)));
    let is_even = |widths: &[usize]| widths[0] > 1 && widths.iter().all(|width| *width == widths[0]);
    let even = candidates.iter().find(|(_, widths)| !widths.is_empty() && is_even(widths));
    let most = candidates.iter().rev().max_by_key(|(_, widths)| widths.first().copied().unwrap_or(0));
    // Without any separator the table has one column.
    let most = most.filter(|(_, widths)| widths.first().is_some_and(|width| *width > 1));
    even.or(most).map_or(b',', |(separator, _)| *separator)
}

/// The first lines of a text.
fn sample(text: &str) -> &str {
    let ends = || text.match_indices('\n').map(|(at, _)| at + 1);
    let third = ends().nth(2).unwrap_or(text.len());
    let end = ends().find(|end| *end >= SAMPLE_BYTES).unwrap_or(text.len());
    &text[..end.max(third)]
}

/// Whether the rows have numbers with a decimal comma, and none with a decimal point. `1,234` may be a number with a
/// separator of thousands, so it does not count.
fn has_decimal_commas(rows: &[Row]) -> bool {
    let cells = || rows.iter().flat_map(|row| (0..row.cells.len()).map(move |column| row.cell(column)));
    let is_decimal = |cell: &[u8], comma: bool, sign: u8| {
        cell.contains(&sign) && matches!(CellValue::read(cell, comma), CellValue::Number(_))
    };
    let is_thousands = |cell: &[u8]| {
        let digits = cell.strip_prefix(b"-").unwrap_or(cell);
        let mut parts = digits.split(|byte| *byte == b',');
        parts.next().is_some_and(|first| (1..=3).contains(&first.len()) && first != b"0")
            && parts.all(|part| part.len() == 3 && number(part, false).is_some())
    };
    cells().any(|cell| is_decimal(cell, true, b',') && !is_thousands(cell))
        && !cells().any(|cell| is_decimal(cell, false, b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> (char, bool) {
        let file = TextFile::new(text.as_bytes(), &TableSpec::default()).expect("a text");
        (char::from(file.layout.separator), file.layout.decimal_comma)
    }

    #[test]
    fn separator_and_decimal_sign_are_found() {
        for (text, expected) in [
            ("a,b\n1,2\n", (',', false)),
            ("a;b\n1,5;2,5\n3;4\n", (';', true)),
            ("1,5;2,5;0,1\n3,5;4,5;0,2\n", (';', true)),
            ("a\tb\n1.5\t2\n", ('\t', false)),
            ("a|b|c\n1|2|3\n", ('|', false)),
            ("x, unit;y\n1.5;2\n", (';', false)),
            ("name,genres\nA,x|y\nB,x|z\n", (',', false)),
            ("a,b\n\"1;2\",3\n\"4;5\",6\n", (',', false)),
            ("a;b\n1,234;5\n2,345;6\n", (';', false)),
            ("a;b\n1,234;5,5\n", (';', true)),
            ("a\n1\n2\n", (',', false)),
            ("sep=|\na|b;c\n1|2;3\n", ('|', false)),
            ("a,b\n1,2\n1,2,3\n", (',', false)),
            ("", (',', false)),
        ] {
            assert_eq!(layout(text), expected, "{text:?}");
        }
    }

    #[test]
    fn other_encodings_are_named() {
        let error = |bytes: &[u8]| match TextFile::new(bytes, &TableSpec::default()) {
            Ok(_) => panic!("it is read"),
            Err(error) => error.to_string(),
        };
        let utf16: Vec<u8> = "a,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(error(&utf16).contains("UTF-16"));
        assert!(error(&[&[0xff, 0xfe], &utf16[..]].concat()).contains("UTF-16"));
        assert_eq!(error(b"a,b\n1,caf\xe9\n"), "line 2: the text is not UTF-8; it looks like Windows-1252 or Latin-1");
        assert!(error(b"PK\x03\x04").contains(".xlsx"));
        assert!(error(b"a,b\n1,\x002\n").contains("zero bytes"));
        let file = TextFile::new(b"\xef\xbb\xbfa,b\n", &TableSpec::default()).expect("a text");
        assert_eq!(file.text, "a,b\n");
    }

    #[test]
    fn rows_have_the_numbers_of_their_lines() {
        for end in ["\n", "\r\n"] {
            let text = format!("sep=;{end}a;b{end}{end}\"x{end}y\";2{end}{end}{end}3;4");
            let file = TextFile::new(text.as_bytes(), &TableSpec::default()).expect("a text");
            let rows = first_rows(&mut file.rows(), 9).expect("rows");
            assert_eq!(rows.iter().map(|row| row.number).collect::<Vec<_>>(), [2, 4, 8], "{text:?}");
        }
    }
}
