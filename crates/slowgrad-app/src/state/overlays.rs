//! What is open over the panels: a dialog or a picker, or the field that edits a number.
//!
//! It must not know how they are drawn.

use super::number_field::NumberField;
use crate::actions::Element;
use crate::platform::{FileRef, KnownSession};
use egui::{Context, Id, Memory};
use slowgrad_session::{Choice, Session, SetupInfo, Slot};
use slowgrad_timeline::scene::Target;
use std::sync::Arc;

/// A dialog or a picker over the panels. A picker has a search text and the index of the chosen item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// The list of keyboard shortcuts.
    Help,
    /// Picks an action: any, or one for an element of the network.
    Palette { element: Option<Element>, search: String, chosen: usize },
    /// Picks the setting in which a comparison differs.
    Compare { search: String, chosen: usize },
    /// Picks the activation of a layer.
    Activation { layer: usize, search: String, chosen: usize },
    /// Asks about unsaved scripts before the window closes.
    Unsaved,
    /// Picks a lesson or one of these sessions.
    Open { search: String, chosen: usize, sessions: Vec<KnownSession> },
    /// Edits the path for saving the session.
    SaveAs { path: String },
    /// Asks whether to replace this file by the session.
    Replace { file: FileRef },
    /// Renames a bookmark.
    RenameBookmark { bookmark: usize, name: String },
}

impl Overlay {
    /// The palette with an empty search.
    pub(crate) fn palette(element: Option<Element>) -> Self {
        Self::Palette { element, search: String::new(), chosen: 0 }
    }
}

/// The open overlay, the open number field and the keyboard focus.
#[derive(Debug, Default)]
pub(crate) struct Overlays {
    overlay: Option<Overlay>,
    field: Option<NumberField>,
    /// The widget with the keyboard focus in the last frame.
    focused: Option<Id>,
}

impl Overlays {
    pub(crate) fn open(&mut self, overlay: Overlay) {
        self.overlay = Some(overlay);
    }

    /// Closes the overlay.
    pub(crate) fn close(&mut self) {
        self.overlay = None;
    }

    /// Closes the overlay and the field, without accepting its number.
    pub(super) fn reset(&mut self) {
        self.overlay = None;
        self.field = None;
    }

    /// The open overlay.
    pub(crate) fn overlay(&self) -> Option<&Overlay> {
        self.overlay.as_ref()
    }

    /// Opens the palette, or closes it.
    pub(crate) fn toggle_palette(&mut self) {
        let open = matches!(self.overlay, Some(Overlay::Palette { .. }));
        self.overlay = (!open).then(|| Overlay::palette(None));
    }

    /// Opens the list of keyboard shortcuts, or closes it.
    pub(crate) fn toggle_help(&mut self) {
        self.overlay = (self.overlay != Some(Overlay::Help)).then_some(Overlay::Help);
    }

    /// Opens the picker of a layer's activation at the current one.
    pub(crate) fn open_activation(&mut self, layer: usize, session: &Session) {
        let setup = session.snapshot.as_ref().and_then(|snapshot| snapshot.setup.as_ref());
        let chosen = setup.and_then(|setup| {
            let name = setup.activations.get(layer)?;
            activation_choices(setup).iter().position(|choice| choice.name == *name)
        });
        self.open(Overlay::Activation { layer, search: String::new(), chosen: chosen.unwrap_or(0) });
    }

    /// Opens the dialog that renames a bookmark.
    pub(crate) fn rename_bookmark(&mut self, nth: usize, session: &Session) {
        if let Some(bookmark) = session.bookmarks.get(nth) {
            self.open(Overlay::RenameBookmark { bookmark: nth, name: bookmark.name.clone() });
        }
    }

    /// The field that is open.
    pub(crate) fn field(&self) -> Option<&NumberField> {
        self.field.as_ref()
    }

    /// Opens the field that edits an element's number, and accepts the number of another open field.
    pub(crate) fn edit(&mut self, target: Target, session: &mut Session) {
        session.view.selected = Some(target);
        if let Some(mut field) = self.field.take() {
            field.accept(session);
        }
        self.field = session.editable(target).map(|(what, value)| NumberField::new(target, what, value));
    }

    /// Removes the open field, to draw it.
    pub(crate) fn take_field(&mut self) -> Option<NumberField> {
        self.field.take()
    }

    pub(crate) fn set_field(&mut self, field: NumberField) {
        self.field = Some(field);
    }

    /// Cancels the open field; returns whether one was open.
    pub(crate) fn cancel_field(&mut self, session: &mut Session) -> bool {
        let Some(mut field) = self.field.take() else { return false };
        field.cancel(session);
        true
    }

    /// Ends the group of edits that undo reverts together, when the pointer or the focus has left its widget.
    pub(super) fn end_edit_group(&mut self, ctx: &Context, session: &mut Session) {
        let focused = ctx.memory(Memory::focused);
        let left = focused != self.focused || ctx.input(|input| input.pointer.any_released());
        self.focused = focused;
        if left && self.field.is_none() {
            session.seal();
        }
    }

    /// The name of what is open, for the event log.
    pub(crate) fn name(&self) -> &'static str {
        match (&self.overlay, &self.field) {
            (Some(Overlay::Help), _) => "help",
            (Some(Overlay::Palette { .. }), _) => "palette",
            (Some(Overlay::Compare { .. }), _) => "compare",
            (Some(Overlay::Activation { .. }), _) => "activation",
            (Some(Overlay::Unsaved), _) => "unsaved",
            (Some(Overlay::Open { .. }), _) => "open",
            (Some(Overlay::SaveAs { .. }), _) => "save",
            (Some(Overlay::Replace { .. }), _) => "replace",
            (Some(Overlay::RenameBookmark { .. }), _) => "name",
            (None, Some(_)) => "edit",
            (None, None) => "",
        }
    }
}

/// The activations that a layer can have.
pub(crate) fn activation_choices(setup: &SetupInfo) -> Arc<[Choice]> {
    let slot = setup.slots.iter().find(|slot| slot.slot == Slot::Output);
    slot.map(|slot| Arc::clone(&slot.choices)).unwrap_or_default()
}
