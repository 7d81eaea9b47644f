//! Numbers as text, for formulas, sentences, labels and the trace.

/// A number with this many significant digits (at least 1), correctly rounded, with a real minus sign (U+2212).
///
/// Trailing zeros are dropped when the shown digits are exact, and kept when the number has more digits than shown.
/// Very large and very small numbers are written with an exponent: `2e−5`.
///
/// ```
/// use slowgrad_timeline::number_format::number;
///
/// assert_eq!(number(0.5, 3), "0.5");
/// assert_eq!(number(-2.0 / 3.0, 3), "−0.667");
/// assert_eq!(number(0.1 + 0.2, 3), "0.300", "the number has more digits");
/// assert_eq!(number(2e-5, 3), "2e−5");
/// ```
pub fn number(x: f64, digits: usize) -> String {
    if x.is_nan() {
        return "NaN".into();
    }
    if x.is_infinite() {
        return if x > 0.0 { "∞".into() } else { "−∞".into() };
    }
    let digits = digits.max(1);
    // The exponent after rounding to these digits: 9.99 to two digits is 1.0e1.
    let scientific = format!("{:.*e}", digits - 1, x);
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    // Both zeros are written as 0.
    let text = if x == 0.0 {
        "0".to_owned()
    } else if (-4..digits.max(6) as i32).contains(&exponent) {
        let decimals = (digits as i32 - 1 - exponent).max(0) as usize;
        trimmed(&format!("{x:.decimals$}"), x)
    } else {
        // Compare the whole text with the number: 2e−5 is exact, a rounded 2.000e−5 is not.
        let short = mantissa.trim_end_matches('0').trim_end_matches('.');
        let exact = format!("{short}e{exponent}").parse() == Ok(x);
        format!("{}e{exponent}", if exact { short } else { mantissa })
    };
    text.replace('-', "−")
}

/// Without trailing zeros, where the text is the exact number.
fn trimmed(text: &str, x: f64) -> String {
    if !text.contains('.') || text.parse() != Ok(x) {
        return text.to_owned();
    }
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A number with its sign, also where it is positive. Zero and NaN have none.
pub fn signed(x: f64, digits: usize) -> String {
    let text = number(x, digits);
    if text.starts_with('−') || x.is_nan() || x == 0.0 { text } else { format!("+{text}") }
}

/// The smallest number of digits, at least `least`, with which the old and the new value of a parameter look different.
pub(crate) fn digits_apart(old: f64, new: f64, least: usize) -> usize {
    let differs = |&digits: &usize| number(old, digits) != number(new, digits);
    if old == new { least } else { (least..17).find(differs).unwrap_or(17) }
}
