//! The parameter table: value, gradient, optimizer state and change, sorted by any column. Only visible rows are sorted
//! and drawn, so the cost does not grow with the number of parameters.
//!
//! It must not know how a number is computed: the timeline provides the rows.

use crate::state::parameter_table::{ParameterTable, ROW_KEYS};
use egui::{EventFilter, FontId, Key, Pos2, Rect, Role, ScrollArea, Sense, TextStyle, Ui, Vec2, WidgetInfo};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::parameter_table::{self, ParameterColumn, SortDirection};
use slowgrad_timeline::number_format;
use std::sync::Arc;

/// Significant digits.
const DIGITS: usize = 3;
/// The width of the column of names, and the minimum width of a column of numbers, relative to the text size.
const NAME_WIDTH_EM: f32 = 6.8;
const MIN_NUMBER_WIDTH_EM: f32 = 5.4;
/// The text size of the table, relative to body text.
const TEXT_SCALE: f32 = 0.9;
/// The sign before the name of a frozen parameter.
const FROZEN_SIGN: &str = "⊛ ";

pub(super) fn table_ui(ui: &mut Ui, table: &mut ParameterTable, session: &mut Session, theme: &Theme) {
    let Some((timeline, _)) = session.now() else { return };
    let timeline = Arc::clone(timeline);
    let step = timeline.step();
    let columns = ParameterColumn::all(step);
    let letter = font(ui).size;
    let room = ui.available_width() - 10.0;
    let numbers = (columns.len() - 1) as f32;
    let name = NAME_WIDTH_EM * letter;
    let number = ((room - name) / numbers).max(MIN_NUMBER_WIDTH_EM * letter);
    let widths: Vec<f32> =
        columns.iter().map(|column| if *column == ParameterColumn::Name { name } else { number }).collect();
    let before = session.view.selected;
    // Scrolls to an element that was selected elsewhere.
    if before != table.cursor() {
        table.set_cursor(before);
        if let Some(row) = table.cursor_row(step) {
            table.reveal(row, row_height(letter), ui.available_height());
        }
    }
    ScrollArea::horizontal().id_salt("parameters").auto_shrink(false).show(ui, |ui| {
        ui.set_width(widths.iter().sum());
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        heading_ui(ui, table, &columns, &widths, &timeline, theme);
        keys(ui, table, &columns, &timeline, letter);
        rows_ui(ui, table, &columns, &widths, &timeline, theme);
    });
    if table.cursor().is_some() {
        session.view.selected = table.cursor();
    }
}

/// The font of the table.
fn font(ui: &Ui) -> FontId {
    let body = TextStyle::Body.resolve(ui.style());
    FontId::new(TEXT_SCALE * body.size, body.family)
}

fn row_height(letter: f32) -> f32 {
    (1.5 * letter).round()
}

fn heading_ui(
    ui: &mut Ui,
    table: &mut ParameterTable,
    columns: &[ParameterColumn],
    widths: &[f32],
    timeline: &Timeline,
    theme: &Theme,
) {
    let step = timeline.step();
    let mut sorted = None;
    ui.horizontal(|ui| {
        for (&column, &width) in columns.iter().zip(widths) {
            let active = table.sorting().column == column;
            let (sign, row_text) = match table.sorting().direction {
                _ if !active => ("", ""),
                SortDirection::Descending => (" ▼", ", largest first"),
                SortDirection::Ascending => (" ▲", ", smallest first"),
                SortDirection::Magnitude => (" ±", ", furthest from 0 first"),
            };
            let heading = column.heading(step);
            let (rect, response) = ui.allocate_exact_size(Vec2::new(width, 1.6 * font(ui).size), Sense::click());
            let response = response
                .on_hover_cursor(egui::CursorIcon::PointingHand)
                .on_hover_text(format!("{}\nClick to sort; click again to reverse the order", column.help(step)));
            let highlighted = active || response.hovered() || response.has_focus();
            let color = if highlighted { theme.text } else { theme.faint };
            let small = TextStyle::Small.resolve(ui.style());
            let galley = ui.painter().layout_no_wrap(format!("{heading}{sign}"), small, color);
            // Headings are aligned like their columns: names to the left, numbers to the right.
            let x = match column {
                ParameterColumn::Name => rect.left() + 4.0,
                _ => rect.right() - 6.0 - galley.size().x,
            };
            ui.painter().galley(Pos2::new(x, rect.center().y - galley.size().y / 2.0), galley, color);
            let words = format!("sort by {heading}{row_text}");
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, active, &words));
            if response.clicked() {
                sorted = Some(column);
            }
        }
    });
    if let Some(column) = sorted {
        table.sort_by(column);
    }
}

/// Keys of the focused table: arrows move through rows and columns, Space reverses the order.
fn keys(ui: &mut Ui, table: &mut ParameterTable, columns: &[ParameterColumn], timeline: &Timeline, letter: f32) {
    let count = timeline.step().shape.parameters();
    let room = Rect::from_min_size(ui.cursor().min, ui.available_size());
    let response = ui.interact(room, ParameterTable::focus_id(), Sense::focusable_noninteractive());
    let words = format!("parameter table, {count} rows");
    response.widget_info(|| WidgetInfo::labeled(Role::Table, true, &words));
    let requested = table.take_focus_request();
    if requested {
        response.request_focus();
    }
    if requested || response.gained_focus() {
        // egui leaves the arrow keys to the table from its second frame with the focus.
        ui.ctx().request_repaint();
    }
    if !response.has_focus() {
        return;
    }
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, tab: false, escape: false };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(ParameterTable::focus_id(), filter));
    let line = row_height(letter);
    let page = ((room.height() / line) as usize).saturating_sub(2).max(1);
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    if let Some(key) = ROW_KEYS.into_iter().find(|key| pressed(*key)) {
        let last = count - 1;
        let row = match (table.cursor_row(timeline.step()), key) {
            (_, Key::End) => last,
            (None, _) | (_, Key::Home) => 0,
            (Some(row), Key::ArrowDown) => (row + 1).min(last),
            (Some(row), Key::PageDown) => (row + page).min(last),
            (Some(row), Key::PageUp) => row.saturating_sub(page),
            (Some(row), _) => row.saturating_sub(1),
        };
        if let Some(parameter) = table.row(timeline, row) {
            table.set_cursor(Some(parameter_table::target(timeline.step(), parameter as usize)));
            table.reveal(row, line, room.height() + line);
        }
    }
    let at = columns.iter().position(|column| *column == table.sorting().column).unwrap_or(0);
    let beside = if pressed(Key::ArrowRight) {
        columns.get(at + 1)
    } else if pressed(Key::ArrowLeft) {
        at.checked_sub(1).and_then(|at| columns.get(at))
    } else if pressed(Key::Space) {
        columns.get(at)
    } else {
        None
    };
    if let Some(&column) = beside {
        table.sort_by(column);
    }
}

fn rows_ui(
    ui: &mut Ui,
    table: &mut ParameterTable,
    columns: &[ParameterColumn],
    widths: &[f32],
    timeline: &Arc<Timeline>,
    theme: &Theme,
) {
    let step = timeline.step();
    let letter = font(ui).size;
    let (line, count) = (row_height(letter), step.shape.parameters());
    let has_focus = ui.memory(|memory| memory.has_focus(ParameterTable::focus_id()));
    let mut area = ScrollArea::vertical().id_salt("rows").auto_shrink(false);
    if let Some(offset) = table.take_next_offset() {
        area = area.vertical_scroll_offset(offset);
    }
    let output = area.show_rows(ui, line, count, |ui, range| {
        let rows = table.rows(timeline, range.clone()).to_vec();
        for (row, parameter) in range.zip(rows) {
            let parameter = parameter as usize;
            let target = parameter_table::target(step, parameter);
            let size = Vec2::new(widths.iter().sum(), line);
            let (_, rect) = ui.allocate_space(size);
            let response = ui.interact(rect, ui.scope_id().with(("row", row)), Sense::CLICK);
            let selected = table.cursor() == Some(target);
            let words = row_text(timeline, columns, parameter);
            response.widget_info(|| WidgetInfo::selected(Role::Row, true, selected, &words));
            if selected {
                ui.painter().rect_filled(rect, 3.0, theme.raised);
                if has_focus {
                    ui.painter().rect_stroke(rect, 3.0, egui::Stroke::new(1.0, theme.accent), egui::StrokeKind::Inside);
                }
            } else if response.hovered() {
                ui.painter().rect_filled(rect, 3.0, theme.raised.gamma_multiply(0.5));
            }
            row_ui(ui, rect, columns, widths, timeline, parameter, theme);
            if response.clicked() {
                table.set_cursor(Some(target));
            }
        }
    });
    table.set_offset(output.state.clamped_offset().y);
}

/// The cells of a row: the name on the left, numbers aligned to the right.
fn row_ui(
    ui: &Ui,
    rect: Rect,
    columns: &[ParameterColumn],
    widths: &[f32],
    timeline: &Timeline,
    parameter: usize,
    theme: &Theme,
) {
    let step = timeline.step();
    let font = font(ui);
    let small = FontId::new(0.85 * font.size, font.family.clone());
    let mut x = rect.left();
    for (&column, &width) in columns.iter().zip(widths) {
        let put = |text: String, font: &FontId, color, right: Option<f32>, left: f32| {
            let galley = ui.painter().layout_no_wrap(text, font.clone(), color);
            let at = right.map_or(left, |right| right - galley.size().x);
            let end = at + galley.size().x;
            ui.painter().galley(Pos2::new(at, rect.center().y - galley.size().y / 2.0), galley, color);
            end
        };
        if column == ParameterColumn::Name {
            let (name, layer) = parameter_table::name(step, parameter);
            let mark = if step.frozen.contains(&parameter) { FROZEN_SIGN } else { "" };
            let end = put(format!("{mark}{name}"), &font, theme.text, None, x + 4.0);
            put(format!("layer {layer}"), &small, theme.faint, None, end + 6.0);
        } else {
            let value = column.number(step, parameter);
            let color = theme.text_color(column.ink(value), theme.panel);
            put(number_format::signed(value, DIGITS), &font, color, Some(x + width - 6.0), x);
        }
        x += width;
    }
}

/// The text of a row for screen readers.
fn row_text(timeline: &Timeline, columns: &[ParameterColumn], parameter: usize) -> String {
    let step = timeline.step();
    let (name, layer) = parameter_table::name(step, parameter);
    let numbers = columns[1..].iter().map(|column| {
        format!(", {} {}", column.heading(step), number_format::number(column.number(step, parameter), DIGITS))
    });
    let frozen = if step.frozen.contains(&parameter) { ", frozen" } else { "" };
    format!("{name} of layer {layer}{frozen}{}", numbers.collect::<String>())
}
