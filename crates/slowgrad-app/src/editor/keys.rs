//! The keys that the editor handles instead of the text widget.
//!
//! A frame can contain several keys, which are handled in their order: the widget gets those before the first key of
//! the editor, and the keys after it wait for the next frame.

use crate::actions::{self, Action, ActionGroup};
use egui::{Event, Key};

/// A key that the editor handles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EditorKey {
    Act(Action),
    Enter,
    Tab {
        back: bool,
    },
    /// A closing bracket.
    Close(String),
    Escape,
    /// Moves the choice in the list of completions.
    Move(isize),
}

/// The editor's meaning of an event, or `None` when the widget handles it. An open list of completions takes the arrow
/// keys.
pub(crate) fn editor_key(event: &Event, has_list: bool) -> Option<EditorKey> {
    match event {
        Event::Text(text) if matches!(text.as_str(), "}" | ")" | "]") => Some(EditorKey::Close(text.clone())),
        Event::Key { key, pressed: true, modifiers, .. } => {
            let action = actions::pressed(*key, *modifiers).filter(|action| action.info().group == ActionGroup::Script);
            if let Some(action) = action {
                return Some(EditorKey::Act(action));
            }
            let unmodified = !modifiers.command && !modifiers.alt;
            match key {
                Key::Escape => Some(EditorKey::Escape),
                Key::Enter if unmodified => Some(EditorKey::Enter),
                Key::Tab if unmodified => Some(EditorKey::Tab { back: modifiers.shift }),
                Key::ArrowDown if has_list && unmodified && !modifiers.shift => Some(EditorKey::Move(1)),
                Key::ArrowUp if has_list && unmodified && !modifiers.shift => Some(EditorKey::Move(-1)),
                _ => None,
            }
        }
        _ => None,
    }
}

/// Whether an event comes from the keyboard, so that its order matters.
pub(crate) fn is_typed(event: &Event) -> bool {
    matches!(
        event,
        Event::Text(_) | Event::Key { pressed: true, .. } | Event::Paste(_) | Event::Cut | Event::Copy | Event::Ime(_)
    )
}

/// Normalizes the line endings of pasted text.
pub(crate) fn pasted(event: Event) -> Event {
    match event {
        Event::Paste(text) => Event::Paste(text.replace("\r\n", "\n").replace('\r', "\n")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::Modifiers;

    fn key(key: Key, modifiers: Modifiers) -> Event {
        Event::Key { key, physical_key: None, pressed: true, repeat: false, modifiers }
    }

    #[test]
    fn the_editor_ignores_playback_keys_and_handles_its_keys() {
        for info in actions::ACTIONS {
            for plain in [Key::Space, Key::ArrowRight, Key::E, Key::T, Key::Home, Key::F1] {
                assert_eq!(editor_key(&key(plain, Modifiers::NONE), false), None, "{}", info.name);
            }
        }
        assert_eq!(editor_key(&key(Key::S, Modifiers::COMMAND), false), Some(EditorKey::Act(Action::Save)));
        assert_eq!(editor_key(&key(Key::Space, Modifiers::COMMAND), false), Some(EditorKey::Act(Action::Complete)));
        assert_eq!(editor_key(&key(Key::Enter, Modifiers::COMMAND), true), Some(EditorKey::Act(Action::Check)));
        assert_eq!(editor_key(&key(Key::Tab, Modifiers::SHIFT), false), Some(EditorKey::Tab { back: true }));
        assert_eq!(editor_key(&key(Key::ArrowDown, Modifiers::NONE), false), None);
        assert_eq!(editor_key(&key(Key::ArrowDown, Modifiers::NONE), true), Some(EditorKey::Move(1)));
        assert_eq!(editor_key(&Event::Text("x".into()), true), None);
    }

    #[test]
    fn pasted_text_has_line_feeds() {
        assert_eq!(pasted(Event::Paste("a\r\nb\rc\n".into())), Event::Paste("a\nb\nc\n".into()));
    }
}
