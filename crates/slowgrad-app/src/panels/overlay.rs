//! What lies over everything: the list of keys, and the palette that finds a command.

use super::comparison::{Offer, offers};
use super::icons::{Icon, icon_button};
use crate::actions::{Action, Entry, Group, Part, TABLE, keys_text};
use crate::platform::{FileRef, KnownSession, PlatformRequest, SESSION_ENDING, is_session};
use crate::state::{Gui, Overlay};
use egui::style::ScrollAnimation;
use egui::{
    Align, Align2, Area, Color32, Frame, Id, Key, LayerId, Layout, Order, RichText, ScrollArea, Sense, TextEdit, Ui,
    Vec2,
};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_session::{Choice, Command, SetupInfo, Slot};
use std::sync::Arc;

pub(super) fn overlay_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    match gui.overlay.clone() {
        Some(Overlay::Help) => help_ui(ui, gui),
        Some(Overlay::Palette { part, search, chosen }) => palette_ui(ui, gui, session, part, (search, chosen)),
        Some(Overlay::Compare { search, chosen }) => compare_ui(ui, gui, session, search, chosen),
        Some(Overlay::Activation { layer, search, chosen }) => activation_ui(ui, gui, session, layer, (search, chosen)),
        Some(Overlay::Unsaved) => unsaved_ui(ui, gui, session),
        Some(Overlay::Open { search, chosen, sessions }) => open_ui(ui, gui, session, search, chosen, sessions),
        Some(Overlay::SaveAs { path }) => save_ui(ui, gui, path),
        Some(Overlay::Name { bookmark, name }) => name_ui(ui, gui, session, bookmark, name),
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
            ui.heading("Unsaved changes");
            ui.add_space(4.0);
            ui.add(egui::Label::new(RichText::new(gui.editor.unsaved().join(", ")).color(theme.text)).wrap());
            ui.add_space(10.0);
            ui.horizontal(|ui| {
                if ui.button("Save and close").clicked() {
                    gui.is_closed = gui.editor.save_all(session, gui.platform.as_mut());
                    stays |= !gui.is_closed;
                }
                gui.is_closed |= ui.button("Close without saving").clicked();
                stays |= ui.button("Cancel").clicked();
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
                ui.heading("Keyboard shortcuts");
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
                        let is_left = matches!(group, Group::Playing | Group::Timeline | Group::Script);
                        let column = &mut columns[usize::from(!is_left)];
                        column.label(RichText::new(group.name()).strong().color(theme.text));
                        for entry in TABLE.iter().filter(|entry| entry.group == group) {
                            key_line_ui(column, entry, &theme);
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
    if is_closed {
        gui.overlay = None;
    }
}

fn key_line_ui(ui: &mut Ui, entry: &Entry, theme: &slowgrad_render::Theme) {
    line_ui(ui, &keys_text(entry), entry.help, theme);
}

fn line_ui(ui: &mut Ui, left: &str, right: &str, theme: &slowgrad_render::Theme) {
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

/// A line of a list to choose from.
struct Line {
    name: String,
    help: String,
    /// What stands at its right.
    note: String,
}

/// What became of a list in a frame.
enum Outcome {
    Open,
    Closed,
    /// This line was chosen.
    Chosen(usize),
    /// Enter was pressed where no line fits.
    Typed,
}

/// The width of a list to choose from, and most of it that names take.
const FINDER: f32 = 560.0;
const NAMES: f32 = 240.0;

/// A line of a list: its name, what it is, and a note at the right. Names take the same width in all lines.
fn found_ui(ui: &mut Ui, theme: &Theme, line: &Line, is_chosen: bool, names: f32) -> egui::Response {
    let row = ui.horizontal(|ui| {
        let response = ui.selectable_label(is_chosen, line.name.as_str());
        ui.add_space((names - response.rect.width()).max(0.0));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.add(egui::Label::new(RichText::new(&line.note).color(theme.faint)).truncate());
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                ui.add(egui::Label::new(RichText::new(&line.help).size(13.0).color(theme.faint)).truncate());
            });
        });
        response
    });
    row.inner
}

/// A field over the list of what fits to it: a line is chosen with the arrows and Enter, or clicked.
fn finder_ui(
    ui: &Ui,
    theme: &Theme,
    name: &str,
    (search, chosen): (&mut String, &mut usize),
    fitting: impl Fn(&str) -> Vec<Line>,
) -> Outcome {
    let mut outcome = if veil(ui, name) { Outcome::Closed } else { Outcome::Open };
    let screen = ui.ctx().content_rect();
    let anchor = Vec2::new(0.0, 0.14 * screen.height());
    let id = Id::unique(name);
    let is_new = !ui.memory(|memory| memory.areas().visible_last_frame(&LayerId::new(Order::Foreground, id)));
    Area::new(id).order(Order::Foreground).anchor(Align2::CENTER_TOP, anchor).show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(14).show(ui, |ui| {
            ui.set_width(FINDER.min(screen.width() - 60.0));
            let width = ui.available_width();
            // Read aloud as the field's own name.
            let (rect, _) = ui.allocate_exact_size(Vec2::new(width, 18.0), Sense::hover());
            let font = egui::FontId::proportional(13.0);
            ui.painter().text(rect.left_center(), Align2::LEFT_CENTER, name, font, theme.faint);
            let edit = TextEdit::singleline(search).desired_width(f32::INFINITY);
            let response = ui.add(edit);
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::TextInput, true, name));
            response.request_focus();
            let lines = fitting(search);
            let (up, down, enter, escape) = ui.input(|input| {
                let pressed = |key| input.key_pressed(key);
                (pressed(Key::ArrowUp), pressed(Key::ArrowDown), pressed(Key::Enter), pressed(Key::Escape))
            });
            if response.changed() {
                *chosen = 0;
            }
            *chosen = (*chosen + usize::from(down)).saturating_sub(usize::from(up)).min(lines.len().saturating_sub(1));
            ui.add_space(4.0);
            let button = egui::TextStyle::Button.resolve(ui.style());
            let width = |line: &Line| {
                let galley = ui.painter().layout_no_wrap(line.name.clone(), button.clone(), theme.text);
                galley.size().x + 2.0 * ui.spacing().button_padding.x + 8.0
            };
            let names = lines.iter().map(width).fold(0.0, f32::max).min(NAMES);
            ScrollArea::vertical().max_height(0.5 * screen.height()).show(ui, |ui| {
                for (i, line) in lines.iter().enumerate() {
                    let response = found_ui(ui, theme, line, i == *chosen, names);
                    if i == *chosen && (up || down || is_new) {
                        response.scroll_to_me_animation(None, ScrollAnimation::none());
                    }
                    if response.clicked() {
                        outcome = Outcome::Chosen(i);
                    }
                    if !line.help.is_empty() {
                        response.on_hover_text(&line.help);
                    }
                }
            });
            if !lines.is_empty() {
                ui.add_space(6.0);
                ui.label(RichText::new("↑ ↓ select · Enter confirms · Esc cancels").size(13.0).color(theme.faint));
            }
            if escape {
                outcome = Outcome::Closed;
            } else if enter {
                outcome = if *chosen < lines.len() { Outcome::Chosen(*chosen) } else { Outcome::Typed };
            }
        });
    });
    outcome
}

fn palette_ui(
    ui: &Ui,
    gui: &mut Gui,
    session: &mut Session,
    part: Option<Part>,
    (mut search, mut chosen): (String, usize),
) {
    let theme = *gui.theme();
    let lines = |search: &str| {
        let line = |entry: &Entry| Line { name: entry.name.into(), help: entry.help.into(), note: keys_text(entry) };
        found(part, search).into_iter().map(line).collect()
    };
    match finder_ui(ui, &theme, "find a command", (&mut search, &mut chosen), lines) {
        Outcome::Open | Outcome::Typed => gui.overlay = Some(Overlay::Palette { part, search, chosen }),
        Outcome::Closed => gui.overlay = None,
        Outcome::Chosen(nth) => {
            gui.overlay = None;
            if let Some(entry) = found(part, &search).get(nth) {
                gui.act(entry.action, session);
            }
        }
    }
}

/// Asks in which one thing a second run shall differ.
fn compare_ui(ui: &Ui, gui: &mut Gui, session: &mut Session, mut search: String, mut chosen: usize) {
    let theme = *gui.theme();
    let all = offers(session);
    let fitting = |search: &str| {
        let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
        let fits = |offer: &&Offer| words.iter().all(|word| offer.name.to_lowercase().contains(word));
        all.iter().filter(fits).collect::<Vec<_>>()
    };
    let line = |offer: &Offer| Line { name: offer.name.clone(), help: offer.help.clone(), note: offer.instead.clone() };
    let lines = |search: &str| fitting(search).into_iter().map(line).collect();
    match finder_ui(ui, &theme, "compare with a run that uses", (&mut search, &mut chosen), lines) {
        Outcome::Open | Outcome::Typed => gui.overlay = Some(Overlay::Compare { search, chosen }),
        Outcome::Closed => gui.overlay = None,
        Outcome::Chosen(nth) => {
            gui.overlay = None;
            if let Some(offer) = fitting(&search).get(nth) {
                session.send(Command::Compare(Some(offer.difference.clone())));
            }
        }
    }
}

/// All activations that a layer could have.
pub(crate) fn activations(setup: &SetupInfo) -> Arc<[Choice]> {
    let slot = setup.slots.iter().find(|slot| slot.slot == Slot::Output);
    slot.map(|slot| Arc::clone(&slot.choices)).unwrap_or_default()
}

/// Asks which activation a layer shall have.
fn activation_ui(
    ui: &Ui,
    gui: &mut Gui,
    session: &mut Session,
    layer: usize,
    (mut search, mut chosen): (String, usize),
) {
    let theme = *gui.theme();
    let Some(setup) = session.snapshot.as_ref().and_then(|snapshot| snapshot.setup.clone()) else {
        return gui.overlay = None;
    };
    let (choices, now) = (activations(&setup), setup.activations.get(layer));
    let fitting = |search: &str| {
        let search = search.trim().to_lowercase();
        choices.iter().filter(|choice| choice.name.to_lowercase().contains(&search)).collect::<Vec<_>>()
    };
    let line = |choice: &Choice| Line {
        name: choice.title.clone(),
        help: choice.description.clone(),
        note: if now == Some(&choice.name) { "current".into() } else { String::new() },
    };
    let lines = |search: &str| fitting(search).into_iter().map(line).collect();
    let name = format!("new activation for layer {}", layer + 1);
    match finder_ui(ui, &theme, &name, (&mut search, &mut chosen), lines) {
        Outcome::Open | Outcome::Typed => gui.overlay = Some(Overlay::Activation { layer, search, chosen }),
        Outcome::Closed => gui.overlay = None,
        Outcome::Chosen(nth) => {
            gui.overlay = None;
            if let Some(choice) = fitting(&search).get(nth).filter(|choice| now != Some(&choice.name)) {
                session.activate(layer, &choice.name);
            }
        }
    }
}

/// What can be opened: a session's file, or a lesson of the library.
enum Openable {
    Session(FileRef),
    Lesson(String),
}

/// Opens a lesson or a session: one of the list, or a file whose path is typed.
fn open_ui(
    ui: &Ui,
    gui: &mut Gui,
    session: &mut Session,
    mut search: String,
    mut chosen: usize,
    sessions: Vec<KnownSession>,
) {
    let theme = *gui.theme();
    let lessons = session.snapshot.as_ref().map(|snapshot| snapshot.lessons.clone()).unwrap_or_default();
    let fitting = |search: &str| {
        let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
        let fits = |text: &str| words.iter().all(|word| text.to_lowercase().contains(word));
        let session = |KnownSession { name, file }: &KnownSession| {
            let help = file.to_string();
            (Line { name: name.clone(), help, note: "session".into() }, Openable::Session(file.clone()))
        };
        let lesson = |lesson: &slowgrad_session::Choice| {
            let (name, help) = (lesson.title.clone(), lesson.description.clone());
            (Line { name, help, note: "lesson".into() }, Openable::Lesson(lesson.name.clone()))
        };
        let all = sessions.iter().map(session).chain(lessons.iter().map(lesson));
        all.filter(|(line, _)| fits(&line.name)).collect::<Vec<_>>()
    };
    let lines = |search: &str| fitting(search).into_iter().map(|(line, _)| line).collect();
    let name = "find a lesson or a session, or type a file path";
    let outcome = finder_ui(ui, &theme, name, (&mut search, &mut chosen), lines);
    let asked = match outcome {
        Outcome::Open => None,
        Outcome::Closed => return gui.overlay = None,
        Outcome::Chosen(nth) => fitting(&search).into_iter().nth(nth).map(|(_, openable)| openable),
        Outcome::Typed => Some(Openable::Session(FileRef::new(search.trim()))),
    };
    match asked {
        None => gui.overlay = Some(Overlay::Open { search, chosen, sessions }),
        Some(Openable::Session(file)) => {
            gui.requests.push(PlatformRequest::Open(file));
            gui.overlay = None;
        }
        Some(Openable::Lesson(lesson)) => {
            session.open(&lesson);
            gui.overlay = None;
        }
    }
}

/// Asks where to save the session.
fn save_ui(ui: &Ui, gui: &mut Gui, mut path: String) {
    let theme = *gui.theme();
    let name = "save session as: Enter saves, Esc cancels";
    match finder_ui(ui, &theme, name, (&mut path, &mut 0), |_| Vec::new()) {
        Outcome::Typed if !path.trim().is_empty() => {
            let mut path = path.trim().to_owned();
            // So that it is known as a session again.
            if !is_session(&path) {
                path.push_str(SESSION_ENDING);
            }
            gui.requests.push(PlatformRequest::SaveSession(FileRef::new(&path)));
            gui.overlay = None;
        }
        Outcome::Closed => gui.overlay = None,
        _ => gui.overlay = Some(Overlay::SaveAs { path }),
    }
}

/// Asks what a bookmark is to be called.
fn name_ui(ui: &Ui, gui: &mut Gui, session: &mut Session, bookmark: usize, mut name: String) {
    let theme = *gui.theme();
    match finder_ui(ui, &theme, "bookmark name", (&mut name, &mut 0), |_| Vec::new()) {
        Outcome::Typed => {
            if let Some(known) = session.bookmarks.get_mut(bookmark).filter(|_| !name.trim().is_empty()) {
                name.trim().clone_into(&mut known.name);
            }
            gui.overlay = None;
        }
        Outcome::Closed => gui.overlay = None,
        _ => gui.overlay = Some(Overlay::Name { bookmark, name }),
    }
}

/// The commands, or those for a part of the network, that hold every word of what was typed.
fn found(part: Option<Part>, search: &str) -> Vec<&'static Entry> {
    let words: Vec<String> = search.split_whitespace().map(str::to_lowercase).collect();
    let holds = |entry: &&Entry| {
        let text = format!("{} {}", entry.name, entry.help).to_lowercase();
        words.iter().all(|word| text.contains(word))
    };
    let is_meant = |entry: &&Entry| match part {
        Some(part) => part.actions().iter().any(|group| group.contains(&entry.action)),
        None => !matches!(entry.action, Action::Palette | Action::Leave),
    };
    TABLE.iter().filter(is_meant).filter(holds).collect()
}
