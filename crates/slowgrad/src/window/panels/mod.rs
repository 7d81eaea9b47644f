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
mod hints;
mod icons;
mod lesson;
mod overlay;
mod plots;
mod rival;
mod sections;
mod spoken;
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
use egui::{CentralPanel, CursorIcon, Frame, Id, Margin, Panel, Rect, Sense, Ui, WidgetInfo};
use slowgrad_tape::Severity;

/// Draws the whole window.
pub(super) fn window_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    let theme = *gui.theme();
    let size = ui.max_rect().size();
    let frame = |x: i8, y: i8| Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(x, y));
    if gui.is_presenting {
        return present_ui(ui, gui, session);
    }
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
    let habits = &gui.habits;
    let wanted = if gui.editor.is_open() { habits.editor_width } else { habits.explanation.width };
    let left = habits.lesson.width.unwrap_or(left).clamp(160.0, (0.35 * size.x).max(160.0));
    let right = wanted.unwrap_or(right).clamp(220.0, (0.6 * size.x).max(220.0));
    let (has_left, has_right) = (habits.lesson.is_shown, gui.is_explaining());

    Panel::top("top")
        .exact_size(40.0)
        .frame(frame(12, 6))
        .resizable(false)
        .show(ui, |ui| top::top_ui(ui, gui, session));
    let transport = Panel::bottom("timeline")
        .exact_size(88.0 + if sections::has_sections(session) { sections::HEIGHT } else { 0.0 })
        .frame(frame(12, 8))
        .resizable(false)
        .show(ui, |ui| transport::transport_ui(ui, gui, session))
        .response
        .rect;
    if has_left {
        Panel::left("lesson").exact_size(left).frame(frame(12, 10)).resizable(false).show(ui, |ui| {
            lesson::lesson_ui(ui, gui, session);
        });
    }
    if has_right {
        Panel::right("explain").exact_size(right).frame(frame(14, 10)).resizable(false).show(ui, |ui| {
            explain::explain_ui(ui, gui, session);
        });
    }
    let canvas = CentralPanel::no_frame()
        .frame(Frame::new().fill(theme.background))
        .show(ui, |ui| {
            if plots::plots_panel_ui(ui, gui, session) {
                rival::rival_ui(ui, gui, session);
                CentralPanel::no_frame().show(ui, |ui| canvas::canvas_ui(ui, gui, session));
            }
        })
        .response
        .rect;
    if has_left && let Some(width) = edge_ui(ui, "width of the lesson panel", canvas.left(), canvas, left, 1.0) {
        gui.habits.lesson.width = width;
    }
    if has_right && let Some(width) = edge_ui(ui, "width of the explanation panel", canvas.right(), canvas, right, -1.0)
    {
        *(if gui.editor.is_open() { &mut gui.habits.editor_width } else { &mut gui.habits.explanation.width }) = width;
    }
    let explanation = ui.max_rect().with_min_x(canvas.right()).with_min_y(canvas.top());
    hints::hints_ui(ui, gui, session, &hints::Places { canvas, transport, explanation });
    spoken::spoken_ui(ui, gui, session);
    overlay::overlay_ui(ui, gui, session);
}

/// For an audience: the network and what the lesson says. What is wrong with scripts is the author's business.
fn present_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    let background = gui.theme().background;
    CentralPanel::no_frame().frame(Frame::new().fill(background)).show(ui, |ui| canvas::canvas_ui(ui, gui, session));
    spoken::spoken_ui(ui, gui, session);
    overlay::overlay_ui(ui, gui, session);
}

/// The keys of an action as text.
pub(super) fn key(action: Action) -> String {
    keys_text(action.entry())
}

/// The edge between the network and a panel: answers the panel's other width when it is dragged, and none for the
/// usual one when it is double-clicked.
fn edge_ui(ui: &Ui, name: &str, x: f32, canvas: Rect, width: f32, outward: f32) -> Option<Option<f32>> {
    let rect = Rect::from_x_y_ranges(x - 3.0..=x + 3.0, canvas.y_range());
    let response = ui.interact(rect, Id::unique(name), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(width), name));
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    if response.double_clicked() {
        return Some(None);
    }
    response.dragged().then(|| Some(width + outward * response.drag_delta().x))
}

/// Number of problems that stop something.
pub(super) fn errors(snapshot: &Snapshot) -> usize {
    snapshot.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
}
