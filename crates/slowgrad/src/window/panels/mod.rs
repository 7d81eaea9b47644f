//! The panels around the network, and where each stands.
//!
//! A panel reads the session and hands it what a person asks for; it must not know how that is carried out.

mod canvas;
pub(super) mod code;
mod curve;
mod data;
mod drawer;
mod editor;
mod explain;
mod icons;
mod lesson;
mod overlay;
mod plots;
mod rival;
mod sections;
pub(super) mod strip;
mod structure;
mod table;
#[cfg(test)]
mod tests;
mod top;
mod transport;

pub(super) use table::Table;

use super::action::{Action, keys_text};
use super::gui::{Gui, Tab};
use super::session::Session;
use crate::worker::Snapshot;
use egui::{CentralPanel, Frame, Margin, Panel, Ui};
use slowgrad_tape::Severity;

/// Draws the whole window.
pub(super) fn window_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    let theme = *gui.theme();
    let size = ui.max_rect().size();
    let frame = |x: i8, y: i8| Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(x, y));
    // Side panels give way on small windows and take a little more on large ones.
    let left = (0.19 * size.x).clamp(196.0, 300.0);
    let right = if gui.editor.is_open() {
        // A script needs some seventy letters in a row.
        (0.46 * size.x).clamp(330.0, 820.0)
    } else if gui.tab == Tab::Parameters {
        // Columns of numbers stand side by side.
        (0.385 * size.x).clamp(330.0, 640.0)
    } else {
        (0.285 * size.x).clamp(250.0, 520.0)
    };

    Panel::top("top")
        .exact_size(40.0)
        .frame(frame(12, 6))
        .resizable(false)
        .show(ui, |ui| top::top_ui(ui, gui, session));
    Panel::bottom("timeline")
        .exact_size(88.0 + if sections::has_sections(session) { sections::HEIGHT } else { 0.0 })
        .frame(frame(12, 8))
        .resizable(false)
        .show(ui, |ui| transport::transport_ui(ui, gui, session));
    Panel::left("lesson").exact_size(left).frame(frame(12, 10)).resizable(false).show(ui, |ui| {
        lesson::lesson_ui(ui, gui, session);
    });
    Panel::right("explain").exact_size(right).frame(frame(14, 10)).resizable(false).show(ui, |ui| {
        explain::explain_ui(ui, gui, session);
    });
    CentralPanel::no_frame().frame(Frame::new().fill(theme.background)).show(ui, |ui| {
        if plots::plots_panel_ui(ui, gui, session) {
            rival::rival_ui(ui, gui, session);
            CentralPanel::no_frame().show(ui, |ui| canvas::canvas_ui(ui, gui, session));
        }
    });
    overlay::overlay_ui(ui, gui, session);
}

/// The keys of an action as text.
pub(super) fn key(action: Action) -> String {
    keys_text(action.entry())
}

/// Number of problems that stop something.
pub(super) fn errors(snapshot: &Snapshot) -> usize {
    snapshot.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
}
