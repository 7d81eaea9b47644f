//! The dialogs and pickers over the panels.

use super::comparison::{ComparisonOption, comparison_options};
use super::icons::{Icon, icon_button};
use super::picker::{Picker, PickerItem, PickerOutcome, picker_ui, veil_ui};
use crate::actions::{ACTIONS, Action, ActionGroup, ActionInfo, Element, keys_text};
use crate::platform::{FileRef, KnownSession, PlatformRequest, SESSION_SUFFIX, is_session};
use crate::state::App;
use crate::state::overlays::{Overlay, activation_choices};
use egui::{Align, Align2, Area, Frame, Id, Layout, Order, RichText, ScrollArea, Sense, Ui, Vec2};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_session::{BackendCommand, Choice};

pub(super) fn overlay_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    match app.overlays.overlay().cloned() {
        Some(Overlay::Help) => help_ui(ui, app),
        Some(Overlay::Palette { element, search, chosen }) => palette_ui(ui, app, session, element, (search, chosen)),
        Some(Overlay::Compare { search, chosen }) => compare_ui(ui, app, session, search, chosen),
        Some(Overlay::Activation { layer, search, chosen }) => activation_ui(ui, app, session, layer, (search, chosen)),
        Some(Overlay::Unsaved) => unsaved_ui(ui, app, session),
        Some(Overlay::Open { search, chosen, sessions }) => open_ui(ui, app, session, search, chosen, sessions),
        Some(Overlay::SaveAs { path }) => save_ui(ui, app, session, path),
        Some(Overlay::Replace { file }) => replace_ui(ui, app, file),
        Some(Overlay::RenameBookmark { bookmark, name }) => rename_bookmark_ui(ui, app, session, bookmark, name),
        None => {}
    }
}

/// Asks about unsaved scripts.
fn unsaved_ui(ui: &Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    let mut cancelled = veil_ui(ui, "unsaved");
    let area = Area::new(Id::unique("unsaved")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, Vec2::ZERO);
    area.show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(20).show(ui, |ui| {
            ui.set_width(380.0);
            ui.heading("Unsaved changes");
            ui.add_space(4.0);
            ui.add(egui::Label::new(RichText::new(app.editor.unsaved().join(", ")).color(theme.text)).wrap());
            ui.add_space(10.0);
            ui.horizontal(|ui| {
                if ui.button("Save and close").clicked() {
                    if app.editor.save_all(session, app.platform.platform_mut()) {
                        app.platform.close_window();
                    } else {
                        cancelled = true;
                    }
                }
                if ui.button("Close without saving").clicked() {
                    app.platform.close_window();
                }
                cancelled |= ui.button("Cancel").clicked();
            });
        });
    });
    if cancelled {
        app.overlays.close();
    }
}

fn help_ui(ui: &Ui, app: &mut App) {
    let theme = *app.theme();
    let mut closed = veil_ui(ui, "help");
    let screen = ui.ctx().content_rect();
    let area = Area::new(Id::unique("help")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, Vec2::ZERO);
    area.default_size(screen.size()).show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(20).show(ui, |ui| {
            let width = (screen.width() - 120.0).min(900.0);
            ui.set_width(width);
            ui.horizontal(|ui| {
                ui.heading("Keyboard shortcuts");
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    closed |= icon_button(ui, Icon::Close, "Close (Esc)", false, &theme).clicked();
                });
            });
            ui.add_space(6.0);
            ScrollArea::vertical().max_height(screen.height() - 130.0).show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 4.0;
                ui.spacing_mut().interact_size.y = 16.0;
                ui.set_width(ui.available_width() - 12.0);
                ui.columns(2, |columns| {
                    for group in ActionGroup::ALL {
                        let left = matches!(group, ActionGroup::Playback | ActionGroup::Timeline | ActionGroup::Script);
                        let column = &mut columns[usize::from(!left)];
                        column.label(RichText::new(group.name()).strong().color(theme.text));
                        for info in ACTIONS.iter().filter(|info| info.group == group) {
                            key_line_ui(column, info, &theme);
                        }
                        column.add_space(10.0);
                    }
                    let column = &mut columns[1];
                    column.label(RichText::new("Mouse and digits").strong().color(theme.text));
                    for (what, help) in [
                        ("click", "Select a neuron or a weight and explain it"),
                        ("double-click", "Edit a weight, an input or a neuron's bias"),
                        ("drag", "Move a neuron or the view, or change the selected weight"),
                        ("wheel", "Zoom"),
                        ("drag on timeline", "Go to any operation; with Shift, select the range to repeat"),
                        ("wheel on timeline", "Zoom the timeline; with Shift, scroll it"),
                        ("digits", "Set the playback speed: 5 0 is 50×, 0 5 is half speed"),
                        ("panel edges", "Drag to resize a panel; double-click to reset it"),
                    ] {
                        line_ui(column, what, help, &theme);
                    }
                });
            });
        });
    });
    if closed {
        app.overlays.close();
    }
}

fn key_line_ui(ui: &mut Ui, info: &ActionInfo, theme: &Theme) {
    line_ui(ui, &keys_text(info), info.help, theme);
}

fn line_ui(ui: &mut Ui, left: &str, right: &str, theme: &Theme) {
    ui.horizontal(|ui| {
        let (rect, response) = ui.allocate_exact_size(Vec2::new(148.0, 17.0), Sense::hover());
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

fn palette_ui(
    ui: &Ui,
    app: &mut App,
    session: &mut Session,
    element: Option<Element>,
    (mut search, mut chosen): (String, usize),
) {
    let theme = *app.theme();
    let actions = palette_actions(element);
    let item = |info: &&ActionInfo| PickerItem {
        name: info.name.into(),
        help: info.help.into(),
        note: keys_text(info),
        keywords: info.help.into(),
    };
    let items: Vec<PickerItem> = actions.iter().map(item).collect();
    let picker = Picker { name: "find a command", search: &mut search, chosen: &mut chosen, can_browse: false };
    match picker_ui(ui, &theme, picker, &items) {
        PickerOutcome::Picked(nth) => {
            app.overlays.close();
            app.act(actions[nth].action, session);
        }
        PickerOutcome::Closed => app.overlays.close(),
        _ => app.overlays.open(Overlay::Palette { element, search, chosen }),
    }
}

/// The actions of the palette: all, or those for an element of the network.
fn palette_actions(element: Option<Element>) -> Vec<&'static ActionInfo> {
    let applies = |info: &&ActionInfo| match element {
        Some(element) => element.actions().iter().any(|group| group.contains(&info.action)),
        None => !matches!(info.action, Action::Palette | Action::Leave),
    };
    ACTIONS.iter().filter(applies).collect()
}

/// Asks for the setting in which the comparison differs.
fn compare_ui(ui: &Ui, app: &mut App, session: &mut Session, mut search: String, mut chosen: usize) {
    let theme = *app.theme();
    let options = comparison_options(session);
    let item = |option: &ComparisonOption| PickerItem {
        name: option.name.clone(),
        help: option.help.clone(),
        note: option.instead.clone(),
        keywords: String::new(),
    };
    let items: Vec<PickerItem> = options.iter().map(item).collect();
    let name = "compare with a run that uses";
    let picker = Picker { name, search: &mut search, chosen: &mut chosen, can_browse: false };
    match picker_ui(ui, &theme, picker, &items) {
        PickerOutcome::Picked(nth) => {
            app.overlays.close();
            session.send(BackendCommand::Compare(Some(options[nth].difference.clone())));
        }
        PickerOutcome::Closed => app.overlays.close(),
        _ => app.overlays.open(Overlay::Compare { search, chosen }),
    }
}

/// Asks for the activation of a layer.
fn activation_ui(
    ui: &Ui,
    app: &mut App,
    session: &mut Session,
    layer: usize,
    (mut search, mut chosen): (String, usize),
) {
    let theme = *app.theme();
    let Some(setup) = session.snapshot.as_ref().and_then(|snapshot| snapshot.setup.clone()) else {
        return app.overlays.close();
    };
    let (choices, now) = (activation_choices(&setup), setup.activations.get(layer));
    let item = |choice: &Choice| PickerItem {
        name: choice.title.clone(),
        help: choice.description.clone(),
        note: if now == Some(&choice.name) { "current".into() } else { String::new() },
        keywords: choice.name.clone(),
    };
    let items: Vec<PickerItem> = choices.iter().map(item).collect();
    let name = format!("new activation for layer {}", layer + 1);
    let picker = Picker { name: &name, search: &mut search, chosen: &mut chosen, can_browse: false };
    match picker_ui(ui, &theme, picker, &items) {
        PickerOutcome::Picked(nth) => {
            app.overlays.close();
            if now != Some(&choices[nth].name) {
                session.set_activation(layer, &choices[nth].name);
            }
        }
        PickerOutcome::Closed => app.overlays.close(),
        _ => app.overlays.open(Overlay::Activation { layer, search, chosen }),
    }
}

/// Opens a lesson or a session: an item of the list, a typed path, or a file from the platform's dialog.
fn open_ui(
    ui: &Ui,
    app: &mut App,
    session: &mut Session,
    mut search: String,
    mut chosen: usize,
    sessions: Vec<KnownSession>,
) {
    let theme = *app.theme();
    let lessons = session.snapshot.as_ref().map(|snapshot| snapshot.lessons.clone()).unwrap_or_default();
    let session_item = |KnownSession { name, file }: &KnownSession| PickerItem {
        name: name.clone(),
        help: file.to_string(),
        note: "session".into(),
        keywords: String::new(),
    };
    let lesson_item = |lesson: &Choice| PickerItem {
        name: lesson.title.clone(),
        help: lesson.description.clone(),
        note: "lesson".into(),
        keywords: String::new(),
    };
    let items: Vec<PickerItem> = sessions.iter().map(session_item).chain(lessons.iter().map(lesson_item)).collect();
    let picker = Picker {
        name: "find a lesson or a session, or type a file path",
        search: &mut search,
        chosen: &mut chosen,
        can_browse: app.platform.platform().has_dialogs(),
    };
    match picker_ui(ui, &theme, picker, &items) {
        PickerOutcome::Open => app.overlays.open(Overlay::Open { search, chosen, sessions }),
        PickerOutcome::Closed => app.overlays.close(),
        PickerOutcome::Entered => app.open_file(FileRef::new(search.trim())),
        PickerOutcome::Browse => {
            app.overlays.close();
            app.platform.request(PlatformRequest::OpenDialog);
        }
        PickerOutcome::Picked(nth) => match sessions.get(nth) {
            Some(known) => app.open_file(known.file.clone()),
            None => {
                app.overlays.close();
                session.open(&lessons[nth - sessions.len()].name);
            }
        },
    }
}

/// The answers to the question whether a file may be replaced.
const REPLACE: &str = "Replace";
const ANOTHER_NAME: &str = "Choose another name";

/// Asks where to save the session.
fn save_ui(ui: &Ui, app: &mut App, session: &Session, mut path: String) {
    let theme = *app.theme();
    let picker = Picker {
        name: "save session as: Enter saves, Esc cancels",
        search: &mut path,
        chosen: &mut 0,
        can_browse: app.platform.platform().has_dialogs(),
    };
    match picker_ui(ui, &theme, picker, &[]) {
        PickerOutcome::Entered if !path.trim().is_empty() => {
            let mut path = path.trim().to_owned();
            // A session is recognized by its suffix.
            if !is_session(&path) {
                path.push_str(SESSION_SUFFIX);
            }
            app.save_session_as_typed(FileRef::new(&path));
        }
        PickerOutcome::Browse => {
            app.overlays.close();
            let suggested = app.platform.suggested_session(session);
            app.platform.request(PlatformRequest::SaveSessionDialog { suggested });
        }
        PickerOutcome::Closed => app.overlays.close(),
        _ => app.overlays.open(Overlay::SaveAs { path }),
    }
}

/// Asks whether to replace a file by the session.
fn replace_ui(ui: &Ui, app: &mut App, file: FileRef) {
    let theme = *app.theme();
    let mut cancelled = veil_ui(ui, "replace");
    let mut chosen = None;
    let area = Area::new(Id::unique("replace")).order(Order::Foreground).anchor(Align2::CENTER_CENTER, Vec2::ZERO);
    area.show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(20).show(ui, |ui| {
            ui.set_width(420.0);
            ui.heading("Replace this file?");
            ui.add_space(4.0);
            let text = format!("{file} exists already. Its contents will be lost.");
            ui.add(egui::Label::new(RichText::new(text).color(theme.text)).wrap());
            ui.add_space(10.0);
            ui.horizontal(|ui| {
                for label in [REPLACE, ANOTHER_NAME] {
                    if ui.button(label).clicked() {
                        chosen = Some(label);
                    }
                }
                cancelled |= ui.button("Cancel").clicked();
            });
        });
    });
    match chosen {
        Some(REPLACE) => app.save_session_as(file),
        Some(_) => app.overlays.open(Overlay::SaveAs { path: file.name().to_owned() }),
        None if cancelled => app.overlays.close(),
        None => {}
    }
}

/// Asks for the name of a bookmark.
fn rename_bookmark_ui(ui: &Ui, app: &mut App, session: &mut Session, bookmark: usize, mut name: String) {
    let theme = *app.theme();
    let picker = Picker { name: "bookmark name", search: &mut name, chosen: &mut 0, can_browse: false };
    match picker_ui(ui, &theme, picker, &[]) {
        PickerOutcome::Entered => {
            if let Some(renamed) = session.bookmarks.get_mut(bookmark).filter(|_| !name.trim().is_empty()) {
                name.trim().clone_into(&mut renamed.name);
            }
            app.overlays.close();
        }
        PickerOutcome::Closed => app.overlays.close(),
        _ => app.overlays.open(Overlay::RenameBookmark { bookmark, name }),
    }
}
