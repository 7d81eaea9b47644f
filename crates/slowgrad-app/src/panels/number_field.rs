//! The small field over the network in which a number is typed, dragged or nudged.
//!
//! Enter and a click elsewhere accept the number; Esc cancels.

use super::element_name;
use crate::state::number_field::NumberField;
use egui::{Align2, Area, DragValue, Frame, Id, Key, Margin, Order, Pos2, RichText, Ui};
use slowgrad_render::Theme;
use slowgrad_session::Session;

/// Whether the field stays open after a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FieldStatus {
    Open,
    Closed,
}

/// Draws the field above a point of the screen.
pub(super) fn number_field_ui(
    ui: &Ui,
    field: &mut NumberField,
    at: Pos2,
    session: &mut Session,
    theme: &Theme,
) -> FieldStatus {
    let mut status = FieldStatus::Open;
    // The key or the click that opened the field must not close it.
    let first_frame = field.take_first_frame();
    let area = Area::new(Id::unique("edit field")).order(Order::Foreground).pivot(Align2::CENTER_BOTTOM).fixed_pos(at);
    let shown = area.constrain_to(ui.ctx().content_rect()).show(ui.ctx(), |ui| {
        let frame = Frame::popup(ui.style()).inner_margin(Margin::symmetric(10, 8)).fill(theme.raised);
        frame.show(ui, |ui| {
            ui.set_max_width(230.0);
            let heading = ui.label(RichText::new(element_name(session, field.target())).small().color(theme.faint));
            ui.horizontal(|ui| {
                if ui.button("−").on_hover_text("Decrease (↓)").clicked() {
                    field.nudge(-1.0, session);
                }
                let edit =
                    egui::TextEdit::singleline(&mut field.text).desired_width(92.0).font(egui::TextStyle::Monospace);
                let response = ui.add(edit).labelled_by(heading.id);
                if first_frame {
                    response.request_focus();
                    select_all(ui, response.id, field.text.chars().count());
                }
                if response.changed() {
                    field.apply_text(session);
                }
                if ui.button("+").on_hover_text("Increase (↑)").clicked() {
                    field.nudge(1.0, session);
                }
                let mut dragged = field.value();
                let drag = DragValue::new(&mut dragged)
                    .speed(field.stride() / 10.0)
                    .custom_formatter(|_, _| "drag".to_owned());
                if ui.add(drag).on_hover_text("Drag left or right").changed() {
                    field.set_value(dragged, session);
                }
                let (up, down, enter) = ui.input(|input| {
                    (input.key_pressed(Key::ArrowUp), input.key_pressed(Key::ArrowDown), input.key_pressed(Key::Enter))
                });
                if up {
                    field.nudge(1.0, session);
                }
                if down {
                    field.nudge(-1.0, session);
                }
                if enter {
                    status = FieldStatus::Closed;
                }
            });
            ui.label(RichText::new("Enter accepts · Esc cancels").small().color(theme.faint));
        });
    });
    if shown.response.clicked_elsewhere() {
        status = FieldStatus::Closed;
    }
    if first_frame {
        return FieldStatus::Open;
    }
    if status == FieldStatus::Closed {
        field.accept(session);
    }
    status
}

fn select_all(ui: &Ui, id: Id, end: usize) {
    let mut state = egui::text_edit::TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let all = egui::text::CCursorRange::two(egui::text::CCursor::new(0), egui::text::CCursor::new(end));
    state.cursor.set_char_range(Some(all));
    state.store(ui.ctx(), id);
}
