//! The parameter table: value, gradient, optimizer state and change, sorted by any column. Only visible rows are sorted
//! and drawn, so the cost does not grow with the number of parameters.
//!
//! It must not know how a number is computed: the timeline provides the rows.

use crate::state::parameter_table::{ParameterTable, ROW_KEYS};
use egui::style::ScrollAnimation;
use egui::{EventFilter, FontId, Id, Key, Pos2, Rangef, Rect, Role, Sense, TextStyle, Ui, Vec2, WidgetInfo};
use egui_table::{CellInfo, Column, HeaderCellInfo, HeaderRow, PrefetchInfo, Table, TableDelegate, TableState};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::parameter_table::{self, ParameterColumn, SortDirection};
use slowgrad_timeline::explain::words;
use slowgrad_timeline::number_format;
use std::sync::Arc;

/// Significant digits.
const DIGITS: usize = 3;
/// The minimum widths of the column of names and of a column of numbers, relative to the text size.
const MIN_NAME_WIDTH_EM: f32 = 6.8;
const MIN_NUMBER_WIDTH_EM: f32 = 5.4;
/// The height of the headings, relative to the text size.
const HEADING_HEIGHT_EM: f32 = 1.6;
/// The text size of the table, relative to body text.
const TEXT_SCALE: f32 = 0.9;
/// The sign before the name of a frozen parameter.
const FROZEN_SIGN: &str = "⊛ ";

pub(super) fn table_ui(ui: &mut Ui, table: &mut ParameterTable, session: &mut Session, theme: &Theme) {
    let Some((timeline, _)) = session.now() else { return };
    let timeline = Arc::clone(timeline);
    let step = timeline.step();
    let columns = ParameterColumn::all(step);
    let before = session.view.selected;
    // Scrolls to an element that was selected elsewhere.
    if before != table.cursor() {
        table.set_cursor(before);
        if let Some(row) = table.cursor_row(step) {
            table.reveal(row);
        }
    }
    keys(ui, table, &columns, &timeline);
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        ui.style_mut().scroll_animation = ScrollAnimation::none();
        grid_ui(ui, table, columns, &timeline, theme);
    });
    if table.cursor().is_some() {
        session.view.selected = table.cursor();
    }
}

/// The headings and the visible rows. Names do not scroll sideways.
fn grid_ui(
    ui: &mut Ui,
    table: &mut ParameterTable,
    columns: Vec<ParameterColumn>,
    timeline: &Arc<Timeline>,
    theme: &Theme,
) {
    let step = timeline.step();
    let font = font(ui);
    let letter = font.size;
    // Columns of numbers share the width that names leave.
    let width = ui.available_width();
    let name_width = (MIN_NAME_WIDTH_EM * letter).round();
    let min_number_width = (MIN_NUMBER_WIDTH_EM * letter).round();
    let number_width = ((width - name_width) / (columns.len() - 1) as f32).floor().max(min_number_width);
    let grid_columns = columns.iter().map(|column| {
        let id = Id::unique(("parameter column", column.heading(step)));
        let is_name = *column == ParameterColumn::Name;
        let (current, min) = if is_name { (name_width, name_width) } else { (number_width, min_number_width) };
        Column::new(current).range(Rangef::new(min, f32::INFINITY)).id(id)
    });
    let mut grid = Table::new()
        .id_salt(("parameters", columns.len()))
        .columns(grid_columns.collect::<Vec<_>>())
        .num_sticky_cols(1)
        .headers([HeaderRow::new((HEADING_HEIGHT_EM * letter).round())])
        .num_rows(step.shape.parameters() as u64);
    if let Some(row) = table.take_revealed() {
        grid = grid.scroll_to_row(row as u64, None);
    }
    // Widths chosen by the user are valid for this width of the panel.
    let id = grid.get_id(ui);
    if TableState::load(ui.ctx(), id).is_none_or(|state| state.parent_width != Some(width)) {
        TableState { parent_width: Some(width), ..TableState::default() }.store(ui.ctx(), id);
    }
    let has_focus = ui.memory(|memory| memory.has_focus(ParameterTable::focus_id()));
    let pointer = ui.ctx().pointer_hover_pos().filter(|_| ui.rect_contains_pointer(ui.available_rect_before_wrap()));
    let hovered_y = pointer.map(|pos| pos.y);
    let mut rows =
        TableCells { table, columns, timeline, theme, font, has_focus, hovered_y, first: 0, parameters: Vec::new() };
    grid.show(ui, &mut rows);
}

/// The font of the table.
fn font(ui: &Ui) -> FontId {
    let body = TextStyle::Body.resolve(ui.style());
    FontId::new(TEXT_SCALE * body.size, body.family)
}

fn row_height(letter: f32) -> f32 {
    (1.5 * letter).round()
}

/// Keys of the focused table: arrows move through rows and columns, Space reverses the order.
fn keys(ui: &mut Ui, table: &mut ParameterTable, columns: &[ParameterColumn], timeline: &Timeline) {
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
    let line = row_height(font(ui).size);
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
            table.reveal(row);
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

/// The cells of the table in one frame.
struct TableCells<'a> {
    table: &'a mut ParameterTable,
    columns: Vec<ParameterColumn>,
    timeline: &'a Arc<Timeline>,
    theme: &'a Theme,
    font: FontId,
    has_focus: bool,
    /// The height of the pointer on screen, if it is over the table.
    hovered_y: Option<f32>,
    /// The first visible row.
    first: u64,
    /// The parameters of the visible rows.
    parameters: Vec<u32>,
}

impl TableCells<'_> {
    /// The parameter in a visible row.
    fn parameter(&self, row: u64) -> Option<usize> {
        let nth = usize::try_from(row.checked_sub(self.first)?).ok()?;
        self.parameters.get(nth).map(|parameter| *parameter as usize)
    }
}

impl TableDelegate for TableCells<'_> {
    fn default_row_height(&self) -> f32 {
        row_height(self.font.size)
    }

    fn prepare(&mut self, info: &PrefetchInfo) {
        self.first = info.visible_rows.start;
        let range = info.visible_rows.start as usize..info.visible_rows.end as usize;
        self.parameters = self.table.rows(self.timeline, range).to_vec();
    }

    fn header_cell_ui(&mut self, ui: &mut Ui, cell: &HeaderCellInfo) {
        let Some(&column) = self.columns.get(cell.group_index) else { return };
        let step = self.timeline.step();
        let active = self.table.sorting().column == column;
        let (sign, order) = match self.table.sorting().direction {
            _ if !active => ("", ""),
            SortDirection::Descending => (" ▼", ", largest first"),
            SortDirection::Ascending => (" ▲", ", smallest first"),
            SortDirection::Magnitude => (" ±", ", furthest from 0 first"),
        };
        let heading = column.heading(step);
        let rect = ui.max_rect();
        let response = ui
            .interact(rect, ui.scope_id().with("sort"), Sense::click())
            .on_hover_cursor(egui::CursorIcon::PointingHand)
            .on_hover_text(format!("{}\nClick to sort; click again to reverse the order", column.help(step)));
        let highlighted = active || response.hovered() || response.has_focus();
        let color = if highlighted { self.theme.text } else { self.theme.faint };
        let small = TextStyle::Small.resolve(ui.style());
        let galley = ui.painter().layout_no_wrap(format!("{heading}{sign}"), small, color);
        // Headings are aligned like their columns: names to the left, numbers to the right.
        let x = match column {
            ParameterColumn::Name => rect.left() + 4.0,
            _ => rect.right() - 6.0 - galley.size().x,
        };
        ui.painter().galley(Pos2::new(x, rect.center().y - galley.size().y / 2.0), galley, color);
        let words = format!("sort by {heading}{order}");
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, active, &words));
        if response.clicked() {
            self.table.sort_by(column);
        }
    }

    fn row_ui(&mut self, ui: &mut Ui, row: u64) {
        let Some(parameter) = self.parameter(row) else { return };
        let target = parameter_table::target(self.timeline.step(), parameter);
        let rect = ui.max_rect();
        if ui.interact(rect, ui.scope_id().with("select"), Sense::CLICK).clicked() {
            self.table.set_cursor(Some(target));
        }
        if self.table.cursor() == Some(target) {
            ui.painter().rect_filled(rect, 3.0, self.theme.raised);
            if self.has_focus {
                let stroke = egui::Stroke::new(1.0, self.theme.accent);
                ui.painter().rect_stroke(rect, 3.0, stroke, egui::StrokeKind::Inside);
            }
        } else if self.hovered_y.is_some_and(|y| rect.y_range().contains(y)) {
            ui.painter().rect_filled(rect, 3.0, self.theme.raised.gamma_multiply(0.5));
        }
    }

    fn cell_ui(&mut self, ui: &mut Ui, cell: &CellInfo) {
        let (Some(&column), Some(parameter)) = (self.columns.get(cell.col_nr), self.parameter(cell.row_nr)) else {
            return;
        };
        let (step, rect, theme) = (self.timeline.step(), ui.max_rect(), self.theme);
        let put = |text: String, font: &FontId, color, x: f32, align_right: bool| {
            let galley = ui.painter().layout_no_wrap(text, font.clone(), color);
            let left = if align_right { x - galley.size().x } else { x };
            let end = left + galley.size().x;
            ui.painter().galley(Pos2::new(left, rect.center().y - galley.size().y / 2.0), galley, color);
            end
        };
        if column == ParameterColumn::Name {
            let (name, layer) = parameter_table::name(step, parameter);
            let mark = if step.frozen.contains(&parameter) { FROZEN_SIGN } else { "" };
            let end = put(format!("{mark}{name}"), &self.font, theme.text, rect.left() + 4.0, false);
            let small = FontId::new(0.85 * self.font.size, self.font.family.clone());
            put(format!("layer {layer}"), &small, theme.faint, end + 6.0, false);
            // Screen readers read the whole row at its first cell.
            let target = parameter_table::target(step, parameter);
            let response = ui.interact(rect, ui.scope_id().with("row"), Sense::CLICK);
            let selected = self.table.cursor() == Some(target);
            let words = row_text(self.timeline, &self.columns, parameter);
            response.widget_info(|| WidgetInfo::selected(Role::Row, true, selected, &words));
            if response.clicked() {
                self.table.set_cursor(Some(target));
            }
            response.on_hover_text(words::named_target(target, &step.shape, &step.io_names));
        } else {
            let value = column.number(step, parameter);
            let color = theme.text_color(column.ink(value), theme.panel);
            put(number_format::signed(value, DIGITS), &self.font, color, rect.right() - 6.0, true);
        }
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
    let target = parameter_table::target(step, parameter);
    let named = words::named_target(target, &step.shape, &step.io_names);
    // A row without names is short.
    let words = if named == words::target(target) { String::new() } else { format!(", {named}") };
    format!("{name} of layer {layer}{words}{frozen}{}", numbers.collect::<String>())
}
