//! The completions at the cursor, with a description of the chosen one.

use crate::editor::completion::CompletionList;
use egui::{
    Align, Area, Frame, Id, Label, Layout, Margin, Order, Rect, RichText, ScrollArea, Sense, TextStyle, Ui, Vec2,
};
use slowgrad_render::Theme;

/// The number of names that are visible at once.
const MAX_VISIBLE_NAMES: usize = 8;
/// The widths of the names and of the description.
const COLUMN_WIDTHS_PTS: [f32; 2] = [170.0, 250.0];

/// Draws the list below the cursor, or above it when there is no space. Returns whether a name was clicked, which is
/// then the chosen one.
pub(super) fn names_ui(ui: &Ui, list: &mut CompletionList, cursor: Rect, theme: &Theme) -> bool {
    let row = ui.text_style_height(&TextStyle::Monospace) + 5.0;
    // The description has at least three lines.
    let height = row * list.names.len().clamp(3, MAX_VISIBLE_NAMES) as f32;
    let screen = ui.ctx().content_rect();
    let has_room = cursor.bottom() + height + 24.0 < screen.bottom();
    let top = if has_room { cursor.bottom() + 2.0 } else { cursor.top() - height - 22.0 };
    let mut clicked = false;
    let area = Area::new(Id::unique("names")).order(Order::Foreground).fixed_pos(egui::pos2(cursor.left() - 10.0, top));
    area.constrain_to(screen).show(ui.ctx(), |ui| {
        Frame::popup(ui.style()).inner_margin(Margin::same(6)).fill(theme.raised).show(ui, |ui| {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing = Vec2::new(10.0, 0.0);
                ui.allocate_ui_with_layout(
                    Vec2::new(COLUMN_WIDTHS_PTS[0], height),
                    Layout::top_down(Align::LEFT),
                    |ui| {
                        let scroll = ScrollArea::vertical().id_salt("names").max_height(height).auto_shrink(false);
                        scroll.show(ui, |ui| clicked = column_ui(ui, list, row, theme));
                    },
                );
                ui.allocate_ui_with_layout(
                    Vec2::new(COLUMN_WIDTHS_PTS[1], height),
                    Layout::top_down(Align::LEFT),
                    |ui| {
                        ui.set_width(COLUMN_WIDTHS_PTS[1]);
                        detail_ui(ui, list, height, theme);
                    },
                );
            });
        });
    });
    clicked
}

fn column_ui(ui: &mut Ui, list: &mut CompletionList, height: f32, theme: &Theme) -> bool {
    let font = TextStyle::Monospace.resolve(ui.style());
    let mut clicked = false;
    for (at, name) in list.names.iter().enumerate() {
        let chosen = at == list.chosen;
        let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::click());
        let described = format!("{}: {}", name.text, name.detail);
        response.widget_info(|| egui::WidgetInfo::selected(egui::Role::ListBoxOption, true, chosen, &described));
        let visuals = ui.visuals();
        let (background, ink) = if chosen {
            (visuals.selection.bg_fill, theme.readable_on(visuals.selection.bg_fill))
        } else if response.hovered() {
            (visuals.widgets.hovered.weak_bg_fill, theme.text)
        } else {
            (egui::Color32::TRANSPARENT, theme.text)
        };
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        painter.rect_filled(rect, 4.0, background);
        let letters = painter.layout_no_wrap(name.text.clone(), font.clone(), ink);
        let top = rect.center().y - letters.size().y / 2.0;
        painter.galley(egui::pos2(rect.left() + 6.0, top), letters, ink);
        // Does not scroll back while the pointer is over the list.
        if chosen && !ui.rect_contains_pointer(ui.clip_rect()) {
            response.scroll_to_me(None::<Align>);
        }
        if response.clicked() {
            list.chosen = at;
            clicked = true;
        }
    }
    clicked
}

fn detail_ui(ui: &mut Ui, list: &CompletionList, height: f32, theme: &Theme) {
    let Some(name) = list.names.get(list.chosen) else { return };
    ScrollArea::vertical().id_salt("name").max_height(height).show(ui, |ui| {
        ui.add(Label::new(RichText::new(&name.detail).small().color(theme.text)).wrap());
    });
}
