//! Words for people: what kind of value something is, and which known name is nearest to a mistyped one.

/// Bytes of a name that another one could be mistyped for.
const MAX_NAME_BYTES: usize = 100;

/// The known name that was probably meant.
pub(crate) fn nearest<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    // Nobody mistypes a name of that length, and distances take time with its square.
    if name.len() > MAX_NAME_BYTES {
        return None;
    }
    let wanted = name.to_lowercase();
    let far = (name.chars().count() / 3).max(1);
    let known = known.into_iter().filter(|other| *other != name && other.len() <= MAX_NAME_BYTES);
    let scored = known.map(|other| {
        let lower = other.to_lowercase();
        let begins = wanted.chars().count() >= 3
            && (lower.starts_with(&wanted) || wanted.starts_with(&lower) && lower.len() > 2);
        let distance = strsim::damerau_levenshtein(&wanted, &lower).min(if begins { 1 } else { usize::MAX });
        // Of two that are as near, the one of the same length was mistyped and not cut.
        ((distance, lower.len().abs_diff(wanted.len())), other)
    });
    scored.filter(|((distance, _), _)| *distance <= far).min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

/// "did you mean `x`?", or all there are when nothing is near and they are few.
pub(crate) fn suggestion<'n>(name: &str, known: impl IntoIterator<Item = &'n str>) -> Option<String> {
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    match known.len() {
        1 => Some(format!("there is only {}", list(&known))),
        2..=24 => Some(format!("there are {}", list(&known))),
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
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let known = ["sigmoid", "softplus", "tanh", "momentum"];
        assert_eq!(nearest("sigmoidd", known), Some("sigmoid"));
        assert_eq!(nearest("tahn", known), Some("tanh"));
        assert_eq!(nearest("momentun", known), Some("momentum"));
        assert_eq!(nearest("relu", known), None);
        assert_eq!(list(&["a", "b", "c"]), "`a`, `b` and `c`");
    }
}
