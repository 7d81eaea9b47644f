//! A key with modifiers: matching and display text.
//!
//! It must not know the action of a key.

use egui::{Key, Modifiers};

/// A key with the modifiers that it requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shortcut {
    pub(super) key: Key,
    /// Ctrl, or Cmd on macOS.
    pub(super) command: bool,
    /// Required, forbidden, or ignored for characters that need Shift on some keyboards.
    pub(super) shift: Option<bool>,
}

impl Shortcut {
    pub(super) const fn plain(key: Key) -> Self {
        Self { key, command: false, shift: Some(false) }
    }

    pub(super) const fn shift(key: Key) -> Self {
        Self { key, command: false, shift: Some(true) }
    }

    pub(super) const fn command(key: Key) -> Self {
        Self { key, command: true, shift: Some(false) }
    }

    pub(super) const fn command_shift(key: Key) -> Self {
        Self { key, command: true, shift: Some(true) }
    }

    /// A character whose key depends on the keyboard layout.
    pub(super) const fn sign(key: Key) -> Self {
        Self { key, command: false, shift: None }
    }

    /// The same with Ctrl.
    pub(super) const fn command_sign(key: Key) -> Self {
        Self { key, command: true, shift: None }
    }

    /// Whether a pressed key is this one.
    pub(crate) fn fits(self, key: Key, modifiers: Modifiers) -> bool {
        let alt = modifiers.alt && self.shift.is_some();
        key == self.key
            && modifiers.command == self.command
            && !alt
            && self.shift.is_none_or(|shift| shift == modifiers.shift)
    }

    /// The display text.
    pub(crate) fn text(self) -> String {
        let key = match self.key {
            Key::ArrowLeft => "←".to_owned(),
            Key::ArrowRight => "→".to_owned(),
            Key::ArrowUp => "↑".to_owned(),
            Key::ArrowDown => "↓".to_owned(),
            Key::OpenBracket => "[".to_owned(),
            Key::CloseBracket => "]".to_owned(),
            Key::Questionmark => "?".to_owned(),
            Key::Slash => "/".to_owned(),
            Key::Plus => "+".to_owned(),
            Key::Equals => "=".to_owned(),
            Key::Minus => "−".to_owned(),
            Key::Period => ".".to_owned(),
            Key::Comma => ",".to_owned(),
            Key::PageUp => "Page Up".to_owned(),
            Key::PageDown => "Page Down".to_owned(),
            Key::Escape => "Esc".to_owned(),
            other => other.name().to_owned(),
        };
        let control = if self.command { "Ctrl+" } else { "" };
        let shift = if self.shift == Some(true) { "Shift+" } else { "" };
        format!("{control}{shift}{key}")
    }
}
