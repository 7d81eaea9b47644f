//! One cell: a number, a word, or nothing.

/// A number of at most so many characters can have a decimal comma.
const MAX_NUMBER_LEN: usize = 64;

/// Texts that stand for a missing value, as in pandas and in the tables of UCI.
const MISSING: [&str; 14] =
    ["", "?", "NA", "N/A", "n/a", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "<NA>", "#N/A", "#NA"];

/// The contents of a cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum CellValue {
    /// No value: an empty cell, or a text such as `NA`.
    Missing,
    /// A finite number.
    Number(f64),
    /// Any other text.
    Word,
}

impl CellValue {
    /// Reads a cell without spaces at its ends.
    pub(super) fn read(cell: &[u8], decimal_comma: bool) -> Self {
        match number(cell, decimal_comma) {
            Some(x) => Self::Number(x),
            None if MISSING.iter().any(|text| text.as_bytes() == cell) => Self::Missing,
            None => Self::Word,
        }
    }
}

/// The number in a cell, if it is one and finite.
pub(super) fn number(cell: &[u8], decimal_comma: bool) -> Option<f64> {
    let first = *cell.first()?;
    // Words such as `inf` are no numbers.
    if !(first.is_ascii_digit() || matches!(first, b'+' | b'-' | b'.') || decimal_comma && first == b',') {
        return None;
    }
    if let Some(x) = small_whole_number(cell) {
        return Some(x);
    }
    let mut buffer = [0; MAX_NUMBER_LEN];
    let text = if decimal_comma {
        let copy = buffer.get_mut(..cell.len())?;
        copy.copy_from_slice(cell);
        for byte in &mut *copy {
            *byte = match *byte {
                b',' => b'.',
                // A point would separate thousands.
                b'.' => return None,
                other => other,
            };
        }
        copy
    } else {
        cell
    };
    std::str::from_utf8(text).ok()?.parse().ok().filter(|x: &f64| x.is_finite())
}

/// A number of a few digits, such as the brightness of a pixel: large tables are mostly made of them.
fn small_whole_number(cell: &[u8]) -> Option<f64> {
    const MAX_DIGITS: usize = 9;
    if cell.len() > MAX_DIGITS {
        return None;
    }
    let mut whole = 0_u32;
    for byte in cell {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        whole = whole * 10 + u32::from(digit);
    }
    Some(f64::from(whole))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_the_standard_library_with_either_decimal_sign() {
        for text in ["0", "255", "999999999", "1000000000", "-1.5", "+2", ".5", "5.", "1e-3", "1E5", "0.1", "4.9e-324"]
        {
            let expected: f64 = text.parse().expect("a number");
            assert_eq!(CellValue::read(text.as_bytes(), false), CellValue::Number(expected), "{text}");
            let comma = text.replace('.', ",");
            assert_eq!(CellValue::read(comma.as_bytes(), true), CellValue::Number(expected), "{comma}");
        }
        for text in ["inf", "-inf", "infinity", "1e999", "1,234.5", "12%", "0x10", "1 2", "a1", "1a", "-", "+", "."] {
            assert_eq!(CellValue::read(text.as_bytes(), false), CellValue::Word, "{text}");
        }
        assert_eq!(CellValue::read(b"1.234,5", true), CellValue::Word);
        assert_eq!(CellValue::read("9".repeat(400).as_bytes(), true), CellValue::Word);
        for text in MISSING {
            assert_eq!(CellValue::read(text.as_bytes(), false), CellValue::Missing, "{text}");
        }
    }
}
