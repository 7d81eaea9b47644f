//! The keys of a browser in egui's terms, and which of them the browser keeps.

use egui::{Key, Modifiers};

/// The key of a keyboard event. `name` is its logical key. `code` is the place on the keyboard, for layouts without Latin
/// letters.
pub(crate) fn key(name: &str, code: &str) -> Option<Key> {
    Key::from_name(name).or_else(|| Key::from_name(code))
}

/// The text that a logical key types; `None` for keys with a name, such as `Enter`, and for shortcuts.
pub(crate) fn typed(name: &str, modifiers: Modifiers, alt_graph: bool) -> Option<&str> {
    let mut letters = name.chars();
    let is_letter = letters.next().is_some_and(|letter| !letter.is_control()) && letters.next().is_none();
    let is_shortcut = (modifiers.ctrl || modifiers.command) && !alt_graph;
    (is_letter && !is_shortcut).then_some(name)
}

/// Whether the browser handles the key as well: copying and pasting reach the page as events of their own, and developer
/// tools and full screen belong to the browser.
pub(crate) fn is_for_browser(key: Option<Key>, modifiers: Modifiers) -> bool {
    match key {
        Some(Key::C | Key::X | Key::V) => modifiers.command,
        Some(Key::I | Key::J) => modifiers.command && modifiers.shift,
        Some(Key::F11) | None => true,
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_letter_or_by_its_place() {
        assert_eq!(key("a", "KeyQ"), Some(Key::A));
        assert_eq!(key(" ", "Space"), Some(Key::Space));
        assert_eq!(key("я", "KeyZ"), Some(Key::Z));
        assert_eq!(key("PageDown", "PageDown"), Some(Key::PageDown));
        assert_eq!(key("Shift", "ShiftLeft"), Some(Key::ShiftLeft));
        assert_eq!(key("Unidentified", ""), None);
    }

    #[test]
    fn letters_are_typed_unless_they_are_shortcuts() {
        let none = Modifiers::NONE;
        assert_eq!(typed("ß", none, false), Some("ß"));
        assert_eq!(typed("A", Modifiers::SHIFT, false), Some("A"));
        assert_eq!(typed("Enter", none, false), None);
        assert_eq!(typed("s", Modifiers::CTRL, false), None);
        assert_eq!(typed("s", Modifiers::COMMAND, false), None);
        // The right Alt key of many keyboards counts as Ctrl and Alt.
        assert_eq!(typed("@", Modifiers::CTRL | Modifiers::ALT, true), Some("@"));
    }

    #[test]
    fn the_browser_keeps_its_clipboard_and_its_own_keys() {
        assert!(is_for_browser(Some(Key::V), Modifiers::COMMAND));
        assert!(!is_for_browser(Some(Key::V), Modifiers::NONE));
        assert!(!is_for_browser(Some(Key::S), Modifiers::COMMAND));
        assert!(is_for_browser(Some(Key::I), Modifiers::COMMAND | Modifiers::SHIFT));
        assert!(is_for_browser(Some(Key::F11), Modifiers::NONE));
        assert!(!is_for_browser(Some(Key::F5), Modifiers::NONE));
    }
}
