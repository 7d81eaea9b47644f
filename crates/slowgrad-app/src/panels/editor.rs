//! The drawer while a script is edited: script list, save and check, the text, and messages.

use super::code::annotations::{Annotations, severity_color};
use super::code::code_ui;
use super::icons::{Icon, icon_button};
use super::transport_bar::name;
use crate::actions::{Action, keys_text};
use crate::editor::document::Conflict;
use crate::editor::{Editor, Tone};
use crate::platform::Platform;
use crate::state::App;
use egui::{Align, ComboBox, Frame, Id, Label, Layout, Margin, Panel, RichText, ScrollArea, Sense, TextStyle, Ui};
use slowgrad_render::Theme;
use slowgrad_session::{SESSION_ROOT, Session};
use slowgrad_tape::Severity;
use slowgrad_timeline::scene::Ink;

/// Draws the editor and performs the actions of its buttons and keys.
pub(super) fn editor_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    let location = app.scene(session).and_then(|scene| scene.script.as_ref().map(|mark| mark.location.clone()));
    let mut annotations = Annotations { marks: app.editor.marks(session), ..Annotations::default() };
    if let Some(location) = &location {
        annotations.running = app.editor.running(location);
    }
    if let Some(location) = location.filter(|_| annotations.running.is_some()) {
        annotations.values = app.editor.values(session, &location.source);
    }
    let mut actions = Vec::new();
    let label = heading_ui(ui, &mut app.editor, app.platform.platform(), session, &theme, &mut actions);
    conflict_ui(ui, &mut app.editor, app.platform.platform_mut(), session, &theme);
    let frame = Frame::new().inner_margin(Margin { top: 5, ..Margin::ZERO });
    Panel::bottom("editor messages").frame(frame).resizable(false).show_separator_line(false).show(ui, |ui| {
        messages_ui(ui, &mut app.editor, session, &annotations, &theme);
    });
    actions.extend(code_ui(ui, &mut app.editor, session, &annotations, label, &theme));
    for action in actions {
        app.act(action, session);
    }
}

/// The list of scripts and the buttons. Returns the id of the label for the text.
fn heading_ui(
    ui: &mut Ui,
    editor: &mut Editor,
    platform: &dyn Platform,
    session: &Session,
    theme: &Theme,
    actions: &mut Vec<Action>,
) -> Id {
    let shown = editor.document().map(|document| (document.path.clone(), document.is_unsaved(), document.root.clone()));
    let (path, unsaved, root) = shown.unwrap_or_default();
    let built_in = platform.script_target(&root).is_none_or(|target| target.copy);
    let mut chosen = None;
    let row = ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let script = Action::Script;
            if icon_button(ui, Icon::Close, "Close the editor (Esc, E)\nUnsaved text is not lost", false, theme)
                .clicked()
            {
                actions.push(script);
            }
            let check = if editor.is_checking() { "Checking…" } else { "Check gradient" };
            let button = egui::Button::new(check);
            if ui.add_enabled(!editor.is_checking(), button).on_hover_text(Action::Check.tooltip()).clicked() {
                actions.push(Action::Check);
            }
            let save = RichText::new(if unsaved { "● Save" } else { "Save" });
            let button = egui::Button::new(if unsaved { save.strong() } else { save });
            let response = ui.add_enabled(unsaved, button).on_hover_text(Action::Save.tooltip());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, unsaved, "Save script"));
            if response.clicked() {
                actions.push(Action::Save);
            }
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let mark = |path: &str, unsaved: bool| if unsaved { format!("● {path}") } else { path.to_owned() };
                let width = (ui.available_width() - 6.0).clamp(80.0, 250.0);
                let combo = ComboBox::from_id_salt("script file").width(width).truncate();
                let response = combo.selected_text(mark(&path, unsaved)).show_ui(ui, |ui| {
                    for (other, unsaved) in editor.choices(session) {
                        if ui.selectable_label(other == path, mark(&other, unsaved)).clicked() {
                            chosen = Some(other);
                        }
                    }
                });
                let tip = if unsaved {
                    "unsaved changes"
                } else if root == SESSION_ROOT {
                    "in the session file; saving a change creates your own copy"
                } else if built_in {
                    "built in; saving a change creates your own copy"
                } else {
                    "your own file"
                };
                name(&response.response, "script", &format!("{path}, {tip}"));
                response.response.on_hover_text(format!("{path}: {tip}\nAll scripts of this lesson")).id
            })
            .inner
        })
        .inner
    });
    if let Some(chosen) = chosen
        && editor.show(&chosen, session)
    {
        editor.target = Some(editor.selection());
    }
    row.inner
}

/// Asks how to resolve a conflict with the file.
fn conflict_ui(ui: &mut Ui, editor: &mut Editor, platform: &mut dyn Platform, session: &mut Session, theme: &Theme) {
    let Some(conflict) = editor.document().and_then(|document| document.conflict.clone()) else { return };
    let (text, theirs) = match conflict {
        Conflict::Changed { .. } => ("Another program has changed this file since you opened it.", true),
        Conflict::Gone => ("The file has been deleted or moved.", false),
    };
    let frame = Frame::new().fill(theme.raised).corner_radius(6).inner_margin(Margin::symmetric(8, 5));
    frame.show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(Label::new(RichText::new(text).color(theme.text_color(Ink::Loss, theme.raised))).wrap());
        ui.horizontal(|ui| {
            let keep = if theirs { "Keep mine" } else { "Save again" };
            if ui.button(keep).on_hover_text("Save the text in the editor").clicked() {
                editor.keep_mine(session, platform);
            }
            if theirs
                && ui
                    .button("Use theirs")
                    .on_hover_text("Replace the text in the editor with the file's contents")
                    .clicked()
            {
                editor.take_theirs();
            }
        });
    });
}

/// The message of the last command and the problems of this script.
fn messages_ui(ui: &mut Ui, editor: &mut Editor, session: &Session, annotations: &Annotations, theme: &Theme) {
    ui.spacing_mut().item_spacing.y = 3.0;
    let small = |text: String, color| Label::new(RichText::new(text).text_style(TextStyle::Small).color(color));
    if let Some((severity_color, text)) = editor.message() {
        let color = match severity_color {
            Tone::Good => theme.text_color(Ink::Update(1.0), theme.panel),
            Tone::Plain => theme.faint,
            Tone::Bad => theme.text_color(Ink::Loss, theme.panel),
        };
        ui.add(small(text.to_owned(), color).wrap());
    }
    if let Some(checked) = editor.checked(session) {
        let errors = checked.problems.iter().filter(|problem| problem.severity == Severity::Error).count();
        let (verdict, ink) = match (checked.problems.len(), errors) {
            (0, _) => ("passed".to_owned(), Ink::Update(1.0)),
            (n, 0) => (format!("passed with {}", counted(n, "warning")), Ink::Update(1.0)),
            (_, n) => (counted(n, "problem"), Ink::Loss),
        };
        let tried = checked.reports.iter().map(ToString::to_string);
        let words: Vec<String> = std::iter::once(format!("check: {verdict}")).chain(tried).collect();
        ui.add(small(words.join(" · "), theme.text_color(ink, theme.panel)).wrap());
    }
    if annotations.marks.is_empty() {
        if editor.message().is_none() && editor.checked(session).is_none() {
            let hint = [Action::Save, Action::Complete, Action::Definition, Action::Comment].map(|action| {
                let info = action.info();
                format!("{} {}", keys_text(info), info.name.to_lowercase())
            });
            ui.add(small(hint.join(" · "), theme.faint).truncate());
        }
        return;
    }
    let mut target = None;
    ScrollArea::vertical().id_salt("problem list").max_height(104.0).show(ui, |ui| {
        ui.set_width(ui.available_width());
        for mark in &annotations.marks {
            let line = crate::editor::positions::line_at(
                editor.document().map_or("", |document| document.text.as_str()),
                mark.range.start,
            );
            let color = severity_color(mark.problem.severity, theme);
            let mut job = egui::text::LayoutJob::default();
            let font = TextStyle::Small.resolve(ui.style());
            let mut add = |text: &str, color| job.append(text, 0.0, egui::TextFormat::simple(font.clone(), color));
            add(&format!("{}  ", line + 1), theme.faint);
            add(&mark.problem.message, color);
            if let Some(help) = &mark.problem.help {
                add(&format!("  {help}"), theme.faint);
            }
            add(&format!("  {}", mark.problem.code), theme.faint);
            let response = ui.add(Label::new(job).wrap().sense(Sense::click()));
            if response.on_hover_text("Click to go to this line").clicked() {
                target = Some(mark.range.start..mark.range.start);
            }
        }
        if crate::editor::errors(&annotations.marks) > 0
            && session.snapshot.as_ref().is_some_and(|snapshot| snapshot.timeline.is_some())
        {
            ui.add(small("The last good version keeps running.".to_owned(), theme.faint).wrap());
        }
    });
    if target.is_some() {
        editor.target = target;
    }
}

fn counted(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
