//! What is said to screen readers without being asked: what the lesson says, messages, and, when the panel that
//! explains does not say it, the operation that was stepped to. While it plays, only what a person can follow.

use crate::window::gui::Gui;
use crate::window::session::Session;
use egui::accesskit::{Live, Role};
use egui::{Id, Rect, Sense, Ui, Vec2};

/// The present moment in a few sentences.
fn words(gui: &mut Gui, session: &Session) -> String {
    let mut parts = Vec::new();
    if let Some(notice) = session.notices.last() {
        parts.push(notice.text.clone());
    }
    if session.is_full_speed() {
        parts.push("training at full speed".into());
    } else if session.is_going() {
        parts.push(session.caption());
    } else if !gui.is_explaining()
        && let Some(scene) = gui.scene(session)
    {
        parts.push(scene.status.clone());
        parts.push(scene.formula.sentence.clone());
    }
    parts.retain(|part| !part.is_empty());
    parts.join(". ")
}

pub(super) fn spoken_ui(ui: &Ui, gui: &mut Gui, session: &Session) {
    let text = words(gui, session);
    let corner = Rect::from_min_size(ui.max_rect().min, Vec2::splat(1.0));
    let id = Id::unique("spoken");
    ui.interact(corner, id, Sense::hover());
    ui.ctx().accesskit_node_builder(id, |node| {
        node.set_role(Role::Status);
        node.set_live(Live::Polite);
        node.set_label(text.as_str());
    });
}
