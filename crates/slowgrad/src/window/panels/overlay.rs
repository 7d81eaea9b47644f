//! What lies over everything: the list of keys, and the palette that finds a command.

use super::icons::{Icon, icon_button};
use crate::window::action::{Action, Entry, Group, TABLE, keys_text};
use crate::window::gui::{Gui, Overlay};
use crate::window::session::Session;
use egui::{
    Align, Align2, Area, Color32, Frame, Id, Key, Layout, Order, RichText, ScrollArea, Sense, TextEdit, Ui, Vec2,
};

pub(super) fn overlay_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    match gui.overlay.clone() {
        Some(Overlay::Help) => help_ui(ui, gui),
        Some(Overlay::Palette { search, chosen }) => palette_ui(ui, gui, session, search, chosen),
        Some(Overlay::Unsaved) => unsaved_ui(ui, gui, session),
        None => {}
    }
}

/// Asks what shall become of scripts that are not saved.
fn unsaved_ui(ui: &Ui, gui: &mut Gui, session: &mut Session) {
    let theme = *gui.theme();
    let mut stays = veil(ui, "unsaved");
    let area = Area::new(Id::unique("unsaved")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, Vec2::ZERO);
    area.show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(20).show(ui, |ui| {
            ui.set_width(380.0);
            ui.heading("Not saved yet");
            ui.add_space(4.0);
            ui.add(egui::Label::new(RichText::new(gui.editor.unsaved().join(", ")).color(theme.text)).wrap());
            ui.add_space(10.0);
            ui.horizontal(|ui| {
                if ui.button("Save and close").clicked() {
                    gui.is_closed = gui.editor.save_all(session);
                    stays |= !gui.is_closed;
                }
                gui.is_closed |= ui.button("Close without saving").clicked();
                stays |= ui.button("Stay").clicked();
            });
        });
    });
    if stays {
        gui.overlay = None;
    }
}

/// Darkens what lies below; answers whether it was clicked.
fn veil(ui: &Ui, name: &str) -> bool {
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

fn help_ui(ui: &Ui, gui: &mut Gui) {
    let theme = *gui.theme();
    let mut is_closed = veil(ui, "help");
    let screen = ui.ctx().content_rect();
    let area = Area::new(Id::unique("help")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, Vec2::ZERO);
    area.default_size(screen.size()).show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(20).show(ui, |ui| {
            let width = (screen.width() - 120.0).min(900.0);
            ui.set_width(width);
            ui.horizontal(|ui| {
                ui.heading("Keys");
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    is_closed |= icon_button(ui, Icon::Close, "Close (Esc)", false, &theme).clicked();
                });
            });
            ui.add_space(6.0);
            ScrollArea::vertical().max_height(screen.height() - 130.0).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                ui.spacing_mut().interact_size.y = 16.0;
                ui.set_width(ui.available_width() - 12.0);
                ui.columns(2, |columns| {
                    for group in Group::ALL {
                        let is_left = matches!(group, Group::Playing | Group::Script);
                        let column = &mut columns[usize::from(!is_left)];
                        column.label(RichText::new(group.name()).strong().color(theme.text));
                        for entry in TABLE.iter().filter(|entry| entry.group == group) {
                            key_line_ui(column, entry, &theme);
                        }
                        column.add_space(10.0);
                    }
                    let column = &mut columns[1];
                    column.label(RichText::new("Pointer and size").strong().color(theme.text));
                    for (what, help) in [
                        ("click", "selects a neuron or a weight and explains it"),
                        ("double-click", "edits a weight, an input, or a neuron's bias"),
                        ("drag", "moves a neuron, or the picture; a selected weight grows and shrinks"),
                        ("wheel", "zooms"),
                        ("drag the timeline", "goes to any operation of the step"),
                        ("Ctrl+plus, minus", "larger and smaller letters; Ctrl+0 as they were"),
                    ] {
                        line_ui(column, what, help, &theme);
                    }
                });
            });
        });
    });
    if is_closed {
        gui.overlay = None;
    }
}

fn key_line_ui(ui: &mut Ui, entry: &Entry, theme: &slowgrad_render::Theme) {
    line_ui(ui, &keys_text(entry), entry.help, theme);
}

fn line_ui(ui: &mut Ui, left: &str, right: &str, theme: &slowgrad_render::Theme) {
    ui.horizontal(|ui| {
        let (rect, response) = ui.allocate_exact_size(Vec2::new(118.0, 17.0), Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, left));
        ui.painter().text(
            rect.left_center(),
            Align2::LEFT_CENTER,
            left,
            egui::FontId::proportional(13.0),
            theme.text_color(slowgrad_timeline::scene::Ink::Accent, theme.panel),
        );
        ui.add(egui::Label::new(RichText::new(right).size(13.0).color(theme.faint)).wrap());
    });
}

fn palette_ui(ui: &Ui, gui: &mut Gui, session: &mut Session, mut search: String, mut chosen: usize) {
    let theme = *gui.theme();
    let mut is_closed = veil(ui, "palette");
    let mut done: Option<Action> = None;
    let screen = ui.ctx().content_rect();
    let anchor = Vec2::new(0.0, 0.14 * screen.height());
    Area::new(Id::unique("palette")).order(Order::Foreground).anchor(Align2::CENTER_TOP, anchor).show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(14).show(ui, |ui| {
            ui.set_width(440.0);
            let edit = TextEdit::singleline(&mut search).hint_text("find a command").desired_width(f32::INFINITY);
            let response = ui.add(edit);
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, "find a command"));
            response.request_focus();
            let found = found(&search);
            let (up, down, enter, escape) = ui.input(|input| {
                let pressed = |key| input.key_pressed(key);
                (pressed(Key::ArrowUp), pressed(Key::ArrowDown), pressed(Key::Enter), pressed(Key::Escape))
            });
            if response.changed() {
                chosen = 0;
            }
            chosen = (chosen + usize::from(down)).saturating_sub(usize::from(up)).min(found.len().saturating_sub(1));
            is_closed |= escape;
            ui.add_space(4.0);
            ScrollArea::vertical().max_height(0.5 * screen.height()).show(ui, |ui| {
                for (i, entry) in found.iter().enumerate() {
                    let response = ui.horizontal(|ui| {
                        let response = ui.selectable_label(i == chosen, entry.name).on_hover_text(entry.help);
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            ui.label(RichText::new(keys_text(entry)).color(theme.faint));
                        });
                        response
                    });
                    if i == chosen && (up || down) {
                        response.inner.scroll_to_me(None);
                    }
                    if response.inner.clicked() {
                        done = Some(entry.action);
                    }
                }
            });
            if enter {
                done = found.get(chosen).map(|entry| entry.action);
            }
        });
    });
    gui.overlay = (!is_closed && done.is_none()).then_some(Overlay::Palette { search, chosen });
    if let Some(action) = done {
        gui.act(action, session);
    }
}

/// The commands that hold every word of what was typed.
fn found(search: &str) -> Vec<&'static Entry> {
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    let holds = |entry: &&Entry| {
        let text = format!("{} {}", entry.name, entry.help).to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    TABLE.iter().filter(|entry| !matches!(entry.action, Action::Palette | Action::Leave)).filter(holds).collect()
}
