//! The panels around the network and their layout.
//!
//! A panel reads the session and sends it the user's requests. It must not know how they are executed.

mod canvas;
#[cfg(test)]
mod canvas_tests;
pub(super) mod code;
mod comparison;
mod context_menu;
mod data;
mod drawer;
mod editor;
mod explanation;
mod hints;
mod icons;
mod lesson;
mod loss_sparkline;
mod number_field;
mod overlay;
mod parameter_table;
mod picker;
mod plots;
pub(super) mod presenter_notes;
mod question;
mod screen_reader;
mod sections;
mod structure_buttons;
mod table_reading;
#[cfg(test)]
mod tests;
mod timeline_strip;
mod top_bar;
mod transport_bar;

use crate::actions::{Action, keys_text};
use crate::state::App;
use egui::{CentralPanel, CursorIcon, Frame, Id, Margin, Panel, Rect, Sense, Ui, Vec2, WidgetInfo};
use slowgrad_session::DrawerTab;
use slowgrad_session::Session;
use slowgrad_timeline::explain::words;
use slowgrad_timeline::playback::cue::Panel as LessonPanel;
use slowgrad_timeline::scene::Target;

/// Draws the whole window.
pub(super) fn window_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    let size = ui.max_rect().size();
    let frame = |x: i8, y: i8| Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(x, y));
    // Side panels adapt to the size of the window.
    let left = (0.19 * size.x).clamp(196.0, 300.0);
    let right = if app.editor.is_open() {
        // A script needs about seventy letters per line.
        (0.46 * size.x).clamp(330.0, 820.0)
    } else if app.drawer.tab() == DrawerTab::Parameters {
        // The parameter table has several columns of numbers.
        (0.385 * size.x).clamp(330.0, 640.0)
    } else {
        (0.285 * size.x).clamp(250.0, 520.0)
    };
    let preferences = app.preferences();
    let chosen = if app.editor.is_open() { preferences.editor_width } else { preferences.explanation.width };
    let left = preferences.lesson.width.unwrap_or(left).clamp(160.0, (0.35 * size.x).max(160.0));
    let right = chosen.unwrap_or(right).clamp(220.0, (0.6 * size.x).max(220.0));
    let (has_left, has_right) = (app.is_shown(LessonPanel::Lesson), app.shows_right_panel());

    // Lessons and problems are not shown to an audience.
    if !app.is_presenting() {
        Panel::top("top")
            .exact_size(40.0)
            .frame(frame(12, 6))
            .resizable(false)
            .show(ui, |ui| top_bar::top_bar_ui(ui, app, session));
    }
    if app.is_shown(LessonPanel::Timeline) {
        Panel::bottom("timeline")
            .exact_size(88.0 + if sections::has_sections(session) { sections::HEIGHT_PTS } else { 0.0 })
            .frame(frame(12, 8))
            .resizable(false)
            .show(ui, |ui| transport_bar::transport_bar_ui(ui, app, session));
    }
    if has_left {
        Panel::left("lesson").exact_size(left).frame(frame(12, 10)).resizable(false).show(ui, |ui| {
            let action = lesson::lesson_ui(ui, &mut app.links, session, &theme);
            if let Some(action) = action {
                app.act(action, session);
            }
        });
    }
    if has_right {
        Panel::right("explain").exact_size(right).frame(frame(14, 10)).resizable(false).show(ui, |ui| {
            explanation::explanation_ui(ui, app, session);
        });
    }
    let shows_plots = app.is_shown(LessonPanel::Plots);
    let canvas = CentralPanel::no_frame()
        .frame(Frame::new().fill(theme.background))
        .show(ui, |ui| {
            if plots::plots_panel_ui(ui, &mut app.plots, shows_plots, session, &theme) {
                CentralPanel::no_frame().show(ui, |ui| canvas::canvas_ui(ui, app, session));
            }
        })
        .response
        .rect;
    if has_left {
        edge_ui(
            ui,
            "width of the lesson panel",
            canvas.with_max_x(canvas.left()),
            (left, 1.0),
            &mut app.appearance.preferences_mut().lesson.width,
        );
    }
    if has_right {
        let open = app.editor.is_open();
        let preferences = app.appearance.preferences_mut();
        let width = if open { &mut preferences.editor_width } else { &mut preferences.explanation.width };
        edge_ui(ui, "width of the explanation panel", canvas.with_min_x(canvas.right()), (right, -1.0), width);
    }
    table_reading::table_reading_ui(ui, canvas, session, &theme);
    screen_reader::announcements_ui(ui, app, session);
    overlay::overlay_ui(ui, app, session);
}

/// The name of the loss of a step: the mean over its batch.
fn step_loss_name(session: &Session) -> &'static str {
    let snapshot = session.snapshot.as_ref();
    let (setup, data) = (snapshot.and_then(|now| now.setup.as_ref()), snapshot.and_then(|now| now.data.as_ref()));
    match setup.map_or(0, |setup| setup.batch) {
        1 => "sample loss",
        batch if data.is_some_and(|data| batch >= data.train) => "training loss",
        _ => "batch loss",
    }
}

/// The description of an element of the network, with the names of inputs and outputs.
fn element_name(session: &Session, target: Target) -> String {
    match session.now() {
        Some((timeline, _)) => {
            let step = timeline.step();
            words::named_target(target, &step.shape, &step.io_names)
        }
        None => words::target(target),
    }
}

/// The keys of an action as text.
pub(super) fn key(action: Action) -> String {
    keys_text(action.info())
}

/// The edge between the network and a panel. Dragging it resizes the panel, and a double-click resets the width. The
/// panel grows in a direction, to the right or to the left.
fn edge_ui(ui: &Ui, name: &str, edge: Rect, (width, direction): (f32, f32), preferred: &mut Option<f32>) {
    let response = ui.interact(edge.expand2(Vec2::new(3.0, 0.0)), Id::unique(name), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(width), name));
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    if response.double_clicked() {
        *preferred = None;
    } else if response.dragged() {
        *preferred = Some(width + direction * response.drag_delta().x);
    }
}
