//! Kinds of scripts on the command line and in lessons.

use crate::files::library;
use slowgrad_script::PluginKind;

/// Parses a kind: `loss` or `losses`, `dataset` or `data-set`.
pub(super) fn parse(text: &str) -> Result<PluginKind, String> {
    let normalized = text.to_lowercase().replace(['-', '_', ' '], "");
    let mut kinds = PluginKind::ALL.into_iter();
    if let Some(kind) = kinds.find(|kind| normalized == word(*kind) || normalized == kind.folder()) {
        return Ok(kind);
    }
    let words = PluginKind::ALL.map(word);
    Err(match library::nearest(&normalized, words.iter().map(String::as_str)) {
        Some(near) => format!("did you mean «{near}»?"),
        None => format!("available kinds: {}", words.join(", ")),
    })
}

/// The name of a kind as one word.
pub(super) fn word(kind: PluginKind) -> String {
    kind.label().replace(' ', "")
}

/// The field of a lesson that names a plugin of this kind.
pub(super) fn field(kind: PluginKind) -> String {
    if kind == PluginKind::Dataset { "data".to_owned() } else { word(kind) }
}
