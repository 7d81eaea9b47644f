//! A search field over a list of matching items. Enter picks the chosen item, and so does a click.
//!
//! It must not know what the items are.

use egui::style::ScrollAnimation;
use egui::text::{LayoutJob, TextFormat};
use egui::{
    Align, Align2, Area, Color32, FontId, Frame, Id, Key, Label, LayerId, Layout, Order, Response, RichText,
    ScrollArea, Sense, Stroke, TextEdit, TextStyle, Ui, Vec2, WidgetText,
};
use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use slowgrad_render::{Theme, text_order};
use slowgrad_timeline::scene::Ink;
use std::cmp::Reverse;

/// The width of the picker.
const WIDTH_PTS: f32 = 560.0;
/// The maximum width of the column of names.
const MAX_NAME_WIDTH_PTS: f32 = 240.0;

/// The texts and the search of a picker.
pub(super) struct Picker<'a> {
    /// The heading, which is also the accessible name of the search field.
    pub(super) name: &'a str,
    pub(super) search: &'a mut String,
    /// The index of the chosen item among those that match.
    pub(super) chosen: &'a mut usize,
    /// Whether there is a button that opens a dialog of the platform instead.
    pub(super) can_browse: bool,
}

/// An item of the list.
pub(super) struct PickerItem {
    pub(super) name: String,
    pub(super) help: String,
    /// The text on the right.
    pub(super) note: String,
    /// More text in which the search finds whole words.
    pub(super) keywords: String,
}

/// The result of a frame.
pub(super) enum PickerOutcome {
    Open,
    Closed,
    /// The item with this index was picked.
    Picked(usize),
    /// Enter was pressed while no item matches the search.
    Entered,
    /// The button for the platform's dialog was clicked.
    Browse,
}

/// An item that matches the search.
struct Match {
    index: usize,
    score: u32,
    /// The matched characters of the name, by index.
    letters: Vec<u32>,
}

/// The items that match every word of a search, the best first and otherwise in their order. A word matches
/// fuzzily in the name or exactly in the keywords. An empty search matches every item.
fn matches(items: &[PickerItem], search: &str) -> Vec<Match> {
    let mut matcher = Matcher::new(Config::DEFAULT);
    let words: Vec<(Atom, String)> = search
        .split_whitespace()
        .map(|word| {
            let fuzzy = Atom::new(word, CaseMatching::Ignore, Normalization::Smart, AtomKind::Fuzzy, false);
            (fuzzy, word.to_lowercase())
        })
        .collect();
    let mut found = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let name: Vec<char> = item.name.chars().collect();
        let keywords = item.keywords.to_lowercase();
        let (mut score, mut letters) = (0, Vec::new());
        let all = words.iter().all(|(fuzzy, word)| {
            match fuzzy.indices(Utf32Str::Unicode(&name), &mut matcher, &mut letters) {
                Some(points) => score += u32::from(points),
                None => return keywords.contains(word),
            }
            true
        });
        if all {
            letters.sort_unstable();
            letters.dedup();
            found.push(Match { index, score, letters });
        }
    }
    found.sort_by_key(|found| Reverse(found.score));
    found
}

/// Darkens the window below a dialog; returns whether it was clicked.
pub(super) fn veil_ui(ui: &Ui, name: &str) -> bool {
    let screen = ui.ctx().content_rect();
    Area::new(Id::unique((name, "veil")))
        .order(Order::Middle)
        .fixed_pos(screen.min)
        .show(ui.ctx(), |ui| {
            let response = ui.allocate_rect(screen, Sense::click());
            ui.painter().rect_filled(screen, 0.0, Color32::from_black_alpha(120));
            response.clicked()
        })
        .inner
}

/// Draws the picker.
pub(super) fn picker_ui(ui: &Ui, theme: &Theme, picker: Picker<'_>, items: &[PickerItem]) -> PickerOutcome {
    let Picker { name, search, chosen, can_browse } = picker;
    let mut outcome = if veil_ui(ui, name) { PickerOutcome::Closed } else { PickerOutcome::Open };
    let screen = ui.ctx().content_rect();
    let anchor = Vec2::new(0.0, 0.14 * screen.height());
    let id = Id::unique(name);
    let first_frame = !ui.memory(|memory| memory.areas().visible_last_frame(&LayerId::new(Order::Foreground, id)));
    Area::new(id).order(Order::Foreground).anchor(Align2::CENTER_TOP, anchor).show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(14).show(ui, |ui| {
            ui.set_width(WIDTH_PTS.min(screen.width() - 60.0));
            let width = ui.available_width();
            // Painted, because screen readers get it as the name of the field.
            let (rect, _) = ui.allocate_exact_size(Vec2::new(width, 18.0), Sense::hover());
            let font = FontId::proportional(13.0);
            ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, name, font, theme.faint);
            let mut layouter = text_order::field_galley;
            let edit = TextEdit::singleline(search).desired_width(f32::INFINITY).layouter(&mut layouter);
            let response = ui.add(edit);
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, name));
            response.request_focus();
            let found = matches(items, search);
            let (up, down, enter, escape) = ui.input(|input| {
                let pressed = |key| input.key_pressed(key);
                (pressed(Key::ArrowUp), pressed(Key::ArrowDown), pressed(Key::Enter), pressed(Key::Escape))
            });
            if response.changed() {
                *chosen = 0;
            }
            *chosen = (*chosen + usize::from(down)).saturating_sub(usize::from(up)).min(found.len().saturating_sub(1));
            ui.add_space(4.0);
            let button = TextStyle::Button.resolve(ui.style());
            let name_width = |found: &Match| {
                let galley = ui.painter().layout_no_wrap(items[found.index].name.clone(), button.clone(), theme.text);
                galley.size().x + 2.0 * ui.spacing().button_padding.x + 8.0
            };
            let name_width = found.iter().map(name_width).fold(0.0, f32::max).min(MAX_NAME_WIDTH_PTS);
            ScrollArea::vertical().max_height(0.5 * screen.height()).show(ui, |ui| {
                for (nth, found) in found.iter().enumerate() {
                    let item = &items[found.index];
                    let response = item_ui(ui, theme, item, &found.letters, nth == *chosen, name_width);
                    if nth == *chosen && (up || down || first_frame) {
                        response.scroll_to_me_animation(None, ScrollAnimation::none());
                    }
                    if response.clicked() {
                        outcome = PickerOutcome::Picked(found.index);
                    }
                    if !item.help.is_empty() {
                        response.on_hover_text(&item.help);
                    }
                }
            });
            if !found.is_empty() {
                ui.add_space(6.0);
                ui.label(RichText::new("↑ ↓ select · Enter confirms · Esc cancels").size(13.0).color(theme.faint));
            }
            if can_browse {
                ui.add_space(6.0);
                if ui.button("Browse…").on_hover_text("Choose a file in a dialog").clicked() {
                    outcome = PickerOutcome::Browse;
                }
            }
            if escape {
                outcome = PickerOutcome::Closed;
            } else if enter {
                outcome = found.get(*chosen).map_or(PickerOutcome::Entered, |found| PickerOutcome::Picked(found.index));
            }
        });
    });
    outcome
}

/// Draws an item: the name with its matched letters, the help, and the note on the right. Names have the same width.
fn item_ui(ui: &mut Ui, theme: &Theme, item: &PickerItem, letters: &[u32], chosen: bool, name_width: f32) -> Response {
    let row = ui.horizontal(|ui| {
        let response = ui.selectable_label(chosen, name_text(ui, theme, &item.name, letters, chosen));
        ui.add_space((name_width - response.rect.width()).max(0.0));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(&item.note).color(theme.faint)).truncate());
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(Label::new(RichText::new(&item.help).size(13.0).color(theme.faint)).truncate());
            });
        });
        response
    });
    row.inner
}

/// A name whose matched letters are underlined and, unless the item is chosen, in the accent colour.
fn name_text(ui: &Ui, theme: &Theme, name: &str, letters: &[u32], chosen: bool) -> WidgetText {
    if letters.is_empty() {
        return name.into();
    }
    let font = TextStyle::Button.resolve(ui.style());
    let plain = TextFormat::simple(font.clone(), Color32::PLACEHOLDER);
    let color = if chosen { Color32::PLACEHOLDER } else { theme.text_color(Ink::Accent, theme.panel) };
    let matched = TextFormat { underline: Stroke::new(1.0, color), ..TextFormat::simple(font, color) };
    let mut job = LayoutJob::default();
    for (nth, letter) in name.chars().enumerate() {
        let hit = u32::try_from(nth).is_ok_and(|nth| letters.binary_search(&nth).is_ok());
        job.append(letter.encode_utf8(&mut [0; 4]), 0.0, if hit { matched.clone() } else { plain.clone() });
    }
    job.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(names: &[(&str, &str)]) -> Vec<PickerItem> {
        let item = |&(name, keywords): &(&str, &str)| PickerItem {
            name: name.into(),
            help: String::new(),
            note: String::new(),
            keywords: keywords.into(),
        };
        names.iter().map(item).collect()
    }

    #[test]
    fn every_word_must_match_and_the_best_match_is_first() {
        let items = items(&[("Zoom out", "the timeline"), ("Timeline: zoom in", ""), ("Pan left", "Move the view")]);
        let found = |search: &str| matches(&items, search).into_iter().map(|found| found.index).collect::<Vec<_>>();
        assert_eq!(found(""), [0, 1, 2], "an empty search keeps the order");
        assert_eq!(found("zoom"), [0, 1]);
        assert_eq!(found("timeline zoom"), [1, 0], "a match in the name is better than one in the keywords");
        assert_eq!(found("MOVE left"), [2]);
        assert_eq!(found("tlzm"), [1], "letters may be left out");
        assert!(found("zoom right").is_empty());
    }

    #[test]
    fn matched_letters_are_marked() {
        let items = items(&[("η = 0.1, zoom", "")]);
        assert_eq!(matches(&items, "zo")[0].letters, [9, 10]);
        assert_eq!(matches(&items, "η")[0].letters, [0]);
    }
}
