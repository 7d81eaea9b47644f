//! The top bar: the lesson, problems, and commands of the window.

use super::icons::{Icon, icon_button};
use super::key;
use crate::actions::Action;
use crate::state::App;
use crate::state::drawer_state::error_count;
use egui::{Align, Button, Layout, RichText, Ui};
use slowgrad_session::DrawerTab;
use slowgrad_session::RunAction;
use slowgrad_session::Session;

pub(super) fn top_bar_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
        lesson_menu_ui(ui, session);
        undo_ui(ui, app, session);
        let title =
            session.snapshot.as_ref().and_then(|snapshot| snapshot.lesson.as_ref()).map(|lesson| lesson.title.clone());
        // The right side is laid out first, so that the title is truncated.
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            if ui.button("? keys").on_hover_text(Action::Help.tooltip()).clicked() {
                app.act(Action::Help, session);
            }
            let icon = if theme.dark_mode { Icon::Sun } else { Icon::Moon };
            let tip = format!("{}\nCurrent: {}", Action::Theme.tooltip(), app.preferences().theme.name());
            if icon_button(ui, icon, &tip, false, &theme).clicked() {
                app.act(Action::Theme, session);
            }
            let compares = session.snapshot.as_ref().is_some_and(|snapshot| snapshot.comparison.is_some());
            let compare = egui::Button::selectable(compares, "compare");
            if ui.add(compare).on_hover_text(Action::Compare.tooltip()).clicked() {
                app.act(Action::Compare, session);
            }
            let plots = egui::Button::selectable(app.plots.is_open(), "plots");
            if ui.add(plots).on_hover_text(Action::Plots.tooltip()).clicked() {
                app.act(Action::Plots, session);
            }
            if ui.button("commands").on_hover_text(Action::Palette.tooltip()).clicked() {
                app.act(Action::Palette, session);
            }
            let errors = session.snapshot.as_ref().map_or(0, error_count);
            let warnings = session.snapshot.as_ref().map_or(0, |snapshot| snapshot.problems.len() - errors);
            if errors > 0 {
                let text = if errors == 1 { "1 problem".to_owned() } else { format!("{errors} problems") };
                let badge =
                    Button::new(RichText::new(text).color(theme.readable_on(theme.loss)).strong()).fill(theme.loss);
                if ui
                    .add(badge)
                    .on_hover_text("The last good version keeps running; click to see the problems")
                    .clicked()
                {
                    app.drawer.show_tab(DrawerTab::Problems);
                }
            } else if warnings > 0 {
                let text = if warnings == 1 { "1 warning".to_owned() } else { format!("{warnings} warnings") };
                if ui.button(text).on_hover_text("Everything runs; click to see the warnings").clicked() {
                    app.drawer.show_tab(DrawerTab::Problems);
                }
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                if let Some(title) = title {
                    ui.add(egui::Label::new(RichText::new(title).heading().color(theme.text)).truncate());
                }
                if let Some(section) = session.player.section() {
                    ui.add(egui::Label::new(RichText::new(format!("· {section}")).color(theme.faint)).truncate());
                }
            });
        });
    });
}

/// Undo and redo, with their effect in the tooltip.
fn undo_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    let words = session.snapshot.as_ref().map(|snapshot| (snapshot.undo.clone(), snapshot.redo.clone()));
    let (undo, redo) = words.unwrap_or_default();
    for (icon, action, words) in
        [(Icon::Undo, Action::Run(RunAction::Undo), undo), (Icon::Redo, Action::Run(RunAction::Redo), redo)]
    {
        let tip = match &words {
            Some(words) => format!("{} ({}): {words}", action.info().name, key(action)),
            None => action.tooltip(),
        };
        let response = ui.add_enabled_ui(words.is_some(), |ui| icon_button(ui, icon, &tip, false, &theme)).inner;
        if response.on_disabled_hover_text(action.tooltip()).clicked() {
            app.act(action, session);
        }
    }
}

fn lesson_menu_ui(ui: &mut Ui, session: &mut Session) {
    let Some(snapshot) = &session.snapshot else {
        ui.label("opening…");
        return;
    };
    let lessons = snapshot.lessons.clone();
    let open = snapshot.lesson.as_ref().map(|lesson| lesson.path.clone()).unwrap_or_default();
    let mut chosen = None;
    ui.menu_button("Lessons", |ui| {
        ui.set_min_width(260.0);
        egui::ScrollArea::vertical().max_height(420.0).show(ui, |ui| {
            for lesson in lessons.iter() {
                let response = ui.selectable_label(lesson.name == open, lesson.title.as_str());
                if response.on_hover_text(lesson.description.as_str()).clicked() {
                    chosen = Some(lesson.name.clone());
                    ui.close();
                }
            }
        });
    });
    if let Some(lesson) = chosen {
        session.open(&lesson);
    }
}
