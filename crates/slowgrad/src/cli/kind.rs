//! Kinds of scripts as people type them, and where lessons name them.

use crate::files::library;
use slowgrad_script::PluginKind;

/// The kind that a word names: `loss` and `losses`, `dataset` and `data-set`.
pub(super) fn parse(text: &str) -> Result<PluginKind, String> {
    let wanted = text.to_lowercase().replace(['-', '_', ' '], "");
    let mut kinds = PluginKind::ALL.into_iter();
    if let Some(kind) = kinds.find(|kind| wanted == word(*kind) || wanted == kind.folder()) {
        return Ok(kind);
    }
    let words = PluginKind::ALL.map(word);
    Err(match library::nearest(&wanted, words.iter().map(String::as_str)) {
        Some(near) => format!("did you mean «{near}»?"),
        None => format!("available kinds: {}", words.join(", ")),
    })
}

/// A kind in one word.
pub(super) fn word(kind: PluginKind) -> String {
    kind.label().replace(' ', "")
}

/// The field of a lesson that names a plugin of this kind.
pub(super) fn field(kind: PluginKind) -> String {
    if kind == PluginKind::Dataset { "data".to_owned() } else { word(kind) }
}
