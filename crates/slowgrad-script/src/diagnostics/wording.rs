//! Pure text helpers for messages: similar names, plurals and lists. Must not know scripts or values.

/// Names longer than this are not compared.
const MAX_NAME_BYTES: usize = 100;

/// The known name most similar to a mistyped one, if any is similar enough.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Computing a distance takes time quadratic in the length.
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let lower_name = name.to_lowercase();
    let far = (name.chars().count() / 3).max(1);
    let known = known.into_iter().filter(|other| *other != name && other.len() <= MAX_NAME_BYTES);
    let scored = known.map(|other| {
        let lower = other.to_lowercase();
        let begins = lower_name.chars().count() >= 3
            && (lower.starts_with(&lower_name) || lower_name.starts_with(&lower) && lower.len() > 2);
        let distance = strsim::damerau_levenshtein(&lower_name, &lower).min(if begins { 1 } else { usize::MAX });
        // At equal distance, prefer the name of the same length: it was mistyped, not cut off.
        ((distance, lower.len().abs_diff(lower_name.len())), other)
    });
    scored.filter(|((distance, _), _)| *distance <= far).min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

/// "did you mean `x`?", or a list of all names if none is similar and there are few.
pub(crate) fn suggestion<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    match known.len() {
        1 => Some(format!("the only choice is {}", list(&known))),
        2..=24 => Some(format!("choose from {}", list(&known))),
        _ => None,
    }
}

/// `1 argument`, `2 arguments`.
pub(crate) fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}

/// `a`, `b` and `c`.
pub(crate) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_similar_names_are_suggested() {
        let known = ["sigmoid", "softplus", "tanh", "momentum"];
        assert_eq!(nearest("sigmoidd", known), Some("sigmoid"));
        assert_eq!(nearest("tahn", known), Some("tanh"));
        assert_eq!(nearest("momentun", known), Some("momentum"));
        assert_eq!(nearest("relu", known), None);
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
