//! All parameters as a table: value, gradient, state and change, sorted by any column. Only the rows that are seen are
//! put in order and drawn, so a hundred thousand of them cost what twenty do.
//!
//! It must not know how a number is computed: rows come from the timeline's table.

use crate::state::Gui;
use egui::{EventFilter, FontId, Id, Key, Pos2, Rect, Role, ScrollArea, Sense, TextStyle, Ui, Vec2, WidgetInfo};
use slowgrad_engine::record::RecordedStep;
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::parameter_table::{self, ParameterColumn, SortDirection, SortOrder, SortedRows};
use slowgrad_timeline::number_format;
use slowgrad_timeline::scene::Target;
use std::ops::Range;
use std::sync::Arc;

/// Significant digits of a number.
const DIGITS: usize = 3;
/// Width of the column of names, and the least of a column of numbers, in letters of the table.
const NAME: f32 = 6.8;
const NUMBER: f32 = 5.4;
/// Letters of the table, relative to running text.
const LETTERS: f32 = 0.9;
/// Stands before the name of a parameter that is held fast.
const FROZEN: &str = "⊛ ";

/// Keys that walk through the rows.
const WALKS: [Key; 6] = [Key::ArrowDown, Key::ArrowUp, Key::PageDown, Key::PageUp, Key::Home, Key::End];

/// The rows that were put in order last, and for what.
struct Seen {
    timeline: Arc<Timeline>,
    sorting: SortOrder,
    range: Range<usize>,
    parameters: Vec<u32>,
}

/// The table's own state.
#[derive(Default)]
pub(crate) struct Table {
    sorting: SortOrder,
    order: SortedRows,
    seen: Option<Seen>,
    /// The row that was last selected here or brought into sight.
    cursor: Option<Target>,
    /// Whether the keyboard shall come to the table.
    pub(crate) is_called: bool,
    /// How far it is scrolled, and how far it shall be.
    offset: f32,
    wanted_offset: Option<f32>,
}

impl Table {
    /// Whether keys are the table's.
    pub(crate) fn has_keyboard(ctx: &egui::Context) -> bool {
        ctx.memory(|memory| memory.has_focus(focus()))
    }

    /// Whether a key means something to the table that has the keyboard.
    pub(crate) fn takes(key: Key) -> bool {
        WALKS.contains(&key) || matches!(key, Key::ArrowLeft | Key::ArrowRight | Key::Space)
    }

    /// The parameters in these rows.
    fn rows(&mut self, timeline: &Arc<Timeline>, wanted: Range<usize>) -> &[u32] {
        let is_known = self.seen.as_ref().is_some_and(|seen| {
            Arc::ptr_eq(&seen.timeline, timeline) && seen.sorting == self.sorting && seen.range == wanted
        });
        if !is_known {
            let parameters = self.order.rows(timeline.step(), self.sorting, wanted.clone()).to_vec();
            let timeline = Arc::clone(timeline);
            self.seen = Some(Seen { timeline, sorting: self.sorting, range: wanted, parameters });
        }
        self.seen.as_ref().map_or(&[], |seen| &seen.parameters)
    }

    /// The parameter in one row.
    fn row(&mut self, timeline: &Timeline, row: usize) -> Option<u32> {
        self.order.rows(timeline.step(), self.sorting, row..row + 1).first().copied()
    }

    /// The row of what is selected, if it is a parameter.
    fn cursor_row(&self, step: &RecordedStep) -> Option<usize> {
        let index = parameter_table::index(step, self.cursor?)?;
        Some(self.sorting.rank(step, index))
    }

    fn sort(&mut self, sorting: SortOrder) {
        self.sorting = sorting;
        self.cursor = None;
    }
}

/// The id of what takes the keyboard.
fn focus() -> Id {
    Id::unique("parameter table")
}

pub(super) fn table_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    let theme = *gui.theme();
    let Some((timeline, _)) = session.now() else { return };
    let timeline = Arc::clone(timeline);
    let step = timeline.step();
    let columns = ParameterColumn::all(step);
    let letter = font(ui).size;
    let room = ui.available_width() - 10.0;
    let numbers = (columns.len() - 1) as f32;
    let name = NAME * letter;
    let number = ((room - name) / numbers).max(NUMBER * letter);
    let widths: Vec<f32> =
        columns.iter().map(|column| if *column == ParameterColumn::Name { name } else { number }).collect();
    let table = &mut gui.table;
    let before = session.view.selected;
    // What was selected elsewhere comes into sight.
    if before != table.cursor {
        table.cursor = before;
        if let Some(row) = table.cursor_row(step) {
            reveal(table, row, letter, ui.available_height());
        }
    }
    ScrollArea::horizontal().id_salt("parameters").auto_shrink(false).show(ui, |ui| {
        ui.set_width(widths.iter().sum());
        ui.spacing_mut().item_spacing = Vec2::ZERO;
        heading_ui(ui, table, &columns, &widths, &timeline, &theme);
        keys(ui, table, &columns, &timeline, letter);
        rows_ui(ui, table, &columns, &widths, &timeline, &theme);
    });
    if table.cursor.is_some() {
        session.view.selected = table.cursor;
    }
}

/// The table's letters.
fn font(ui: &Ui) -> FontId {
    let body = TextStyle::Body.resolve(ui.style());
    FontId::new(LETTERS * body.size, body.family)
}

fn row_height(letter: f32) -> f32 {
    (1.5 * letter).round()
}

/// Scrolls so far that a row is seen.
fn reveal(table: &mut Table, row: usize, letter: f32, height: f32) {
    let line = row_height(letter);
    let (top, room) = (row as f32 * line, (height - 3.0 * line).max(line));
    table.wanted_offset = Some(table.offset.clamp((top + line - room).max(0.0), top));
}

fn heading_ui(
    ui: &mut Ui,
    table: &mut Table,
    columns: &[ParameterColumn],
    widths: &[f32],
    timeline: &Timeline,
    theme: &Theme,
) {
    let step = timeline.step();
    let mut sorted = None;
    ui.horizontal(|ui| {
        for (&column, &width) in columns.iter().zip(widths) {
            let is_sorted = table.sorting.column == column;
            let (sign, spoken) = match table.sorting.direction {
                _ if !is_sorted => ("", ""),
                SortDirection::Descending => (" ▼", ", largest first"),
                SortDirection::Ascending => (" ▲", ", smallest first"),
                SortDirection::Magnitude => (" ±", ", furthest from 0 first"),
            };
            let heading = column.heading(step);
            let (rect, response) = ui.allocate_exact_size(Vec2::new(width, 1.6 * font(ui).size), Sense::click());
            let response = response
                .on_hover_cursor(egui::CursorIcon::PointingHand)
                .on_hover_text(format!("{}\nClick to sort; click again to reverse the order", column.help(step)));
            let is_lit = is_sorted || response.hovered() || response.has_focus();
            let color = if is_lit { theme.text } else { theme.faint };
            let small = TextStyle::Small.resolve(ui.style());
            let galley = ui.painter().layout_no_wrap(format!("{heading}{sign}"), small, color);
            // A heading stands where its column does: names to the left, numbers to the right.
            let x = match column {
                ParameterColumn::Name => rect.left() + 4.0,
                _ => rect.right() - 6.0 - galley.size().x,
            };
            ui.painter().galley(Pos2::new(x, rect.center().y - galley.size().y / 2.0), galley, color);
            let words = format!("sort by {heading}{spoken}");
            response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_sorted, &words));
            if response.clicked() {
                sorted = Some(column);
            }
        }
    });
    if let Some(column) = sorted {
        table.sort(table.sorting.clicked(column));
    }
}

/// While the table has the keyboard: arrows walk through rows and columns, space turns the order.
fn keys(ui: &mut Ui, table: &mut Table, columns: &[ParameterColumn], timeline: &Timeline, letter: f32) {
    let count = timeline.step().shape.parameters();
    let room = Rect::from_min_size(ui.cursor().min, ui.available_size());
    let response = ui.interact(room, focus(), Sense::focusable_noninteractive());
    let words = format!("parameter table, {count} rows");
    response.widget_info(|| WidgetInfo::labeled(Role::Table, true, &words));
    let is_called = std::mem::take(&mut table.is_called);
    if is_called {
        response.request_focus();
    }
    if is_called || response.gained_focus() {
        // Arrows belong to the table from its second frame with the keyboard.
        ui.ctx().request_repaint();
    }
    if !response.has_focus() {
        return;
    }
    let filter = EventFilter { horizontal_arrows: true, vertical_arrows: true, tab: false, escape: false };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(focus(), filter));
    let line = row_height(letter);
    let page = ((room.height() / line) as usize).saturating_sub(2).max(1);
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    if let Some(key) = WALKS.into_iter().find(|key| pressed(*key)) {
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
            table.cursor = Some(parameter_table::target(timeline.step(), parameter as usize));
            reveal(table, row, letter, room.height() + line);
        }
    }
    let at = columns.iter().position(|column| *column == table.sorting.column).unwrap_or(0);
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
        table.sort(table.sorting.clicked(column));
    }
}

fn rows_ui(
    ui: &mut Ui,
    table: &mut Table,
    columns: &[ParameterColumn],
    widths: &[f32],
    timeline: &Arc<Timeline>,
    theme: &Theme,
) {
    let step = timeline.step();
    let letter = font(ui).size;
    let (line, count) = (row_height(letter), step.shape.parameters());
    let has_focus = ui.memory(|memory| memory.has_focus(focus()));
    let mut area = ScrollArea::vertical().id_salt("rows").auto_shrink(false);
    if let Some(offset) = table.wanted_offset.take() {
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
            let is_selected = table.cursor == Some(target);
            let words = spoken(timeline, columns, parameter);
            response.widget_info(|| WidgetInfo::selected(Role::Row, true, is_selected, &words));
            if is_selected {
                ui.painter().rect_filled(rect, 3.0, theme.raised);
                if has_focus {
                    ui.painter().rect_stroke(rect, 3.0, egui::Stroke::new(1.0, theme.accent), egui::StrokeKind::Inside);
                }
            } else if response.hovered() {
                ui.painter().rect_filled(rect, 3.0, theme.raised.gamma_multiply(0.5));
            }
            row_ui(ui, rect, columns, widths, timeline, parameter, theme);
            if response.clicked() {
                table.cursor = Some(target);
            }
        }
    });
    table.offset = output.state.clamped_offset().y;
}

/// The cells of a row: the name from the left, numbers to the right.
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
            let mark = if step.frozen.contains(&parameter) { FROZEN } else { "" };
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

/// A row for screen readers.
fn spoken(timeline: &Timeline, columns: &[ParameterColumn], parameter: usize) -> String {
    let step = timeline.step();
    let (name, layer) = parameter_table::name(step, parameter);
    let numbers = columns[1..].iter().map(|column| {
        format!(", {} {}", column.heading(step), number_format::number(column.number(step, parameter), DIGITS))
    });
    let frozen = if step.frozen.contains(&parameter) { ", frozen" } else { "" };
    format!("{name} of layer {layer}{frozen}{}", numbers.collect::<String>())
}
