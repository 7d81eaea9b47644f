//! The drawer: running script, parameter table, console and problems.

use crate::actions::Action;
use crate::state::App;
use crate::state::drawer_state::error_count;
use egui::text::{LayoutJob, TextFormat};
use egui::{Align, FontId, Label, Layout, RichText, ScrollArea, Sense, TextStyle, Ui};
use slowgrad_render::{Theme, script_ui};
use slowgrad_session::DrawerTab;
use slowgrad_session::Session;
use slowgrad_tape::{Diagnostic, Location, Severity};
use std::ops::Range;

/// The width of the buttons beside the tabs.
const BUTTONS_WIDTH_PTS: f32 = 120.0;

/// The height of the drawer below the explanation: larger for the editor, smaller while an element is selected.
pub(super) fn height(app: &App, available: f32, selected: bool) -> f32 {
    if app.editor.is_open() {
        (0.64 * available).clamp(240.0, 900.0)
    } else if app.drawer.tab() == DrawerTab::Parameters {
        (0.46 * available).clamp(180.0, 700.0)
    } else {
        let (share, least) = if selected { (0.24, 128.0) } else { (0.36, 150.0) };
        (share * available).clamp(least, 420.0)
    }
}

pub(super) fn drawer_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    if app.is_presenting() {
        // An audience sees the running script only.
        return script_tab_ui(ui, app, session, &theme);
    }
    let errors = session.snapshot.as_ref().map_or(0, error_count);
    let (mut action, mut beside) = (None, true);
    let has_buttons = app.drawer.tab() == DrawerTab::Script && !app.editor.is_open();
    ui.horizontal_wrapped(|ui| {
        for tab in DrawerTab::ALL {
            let text = match tab {
                DrawerTab::Problems if errors > 0 => {
                    RichText::new(format!("Problems ({errors})")).color(theme.loss).strong()
                }
                tab => RichText::new(tab.name()),
            };
            if ui.selectable_label(app.drawer.tab() == tab, text).clicked() {
                app.drawer.show_tab(tab);
            }
        }
        beside = ui.available_size_before_wrap().x > BUTTONS_WIDTH_PTS;
        if has_buttons && beside {
            action = buttons_ui(ui);
        }
    });
    // Below the tabs when there is no space beside them.
    if has_buttons && !beside {
        ui.horizontal(|ui| action = buttons_ui(ui));
    }
    ui.add_space(2.0);
    if let Some(action) = action {
        app.act(action, session);
    }
    let place = match app.drawer.tab() {
        DrawerTab::Script if app.editor.is_open() => return super::editor::editor_ui(ui, app, session),
        DrawerTab::Script => return script_tab_ui(ui, app, session, &theme),
        DrawerTab::Parameters => return super::parameter_table::table_ui(ui, &mut app.drawer.table, session, &theme),
        DrawerTab::Console => console_ui(ui, session, &theme),
        DrawerTab::Problems => problems_ui(ui, session, &theme),
    };
    if let Some(place) = place {
        app.drawer.show_tab(DrawerTab::Script);
        app.editor.go_to(&place, session);
    }
}

/// The buttons of the running script.
fn buttons_ui(ui: &mut Ui) -> Option<Action> {
    let mut clicked = None;
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        for (word, action) in [("Check", Action::Check), ("Edit", Action::Script)] {
            let response = ui.button(word).on_hover_text(action.tooltip());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, action.info().name));
            if response.clicked() {
                clicked = Some(action);
            }
        }
    });
    clicked
}

fn script_tab_ui(ui: &mut Ui, app: &mut App, session: &Session, theme: &Theme) {
    match app.explained_scene(session).and_then(|scene| scene.script.clone()) {
        Some(mark) => script_ui(ui, &mark, theme),
        None => {
            let text = "The running line of a script appears here: activation, loss or optimizer. \
                        Weighted sums are computed by the network itself.";
            // Scrolls in a low window, so that the drawer keeps its height.
            ScrollArea::vertical().id_salt("no script").auto_shrink(false).min_scrolled_height(0.0).show(ui, |ui| {
                ui.add(Label::new(RichText::new(text).color(theme.faint)).wrap());
            });
        }
    }
}

/// The output of scripts; returns the location of a clicked line.
fn console_ui(ui: &mut Ui, session: &Session, theme: &Theme) -> Option<Location> {
    let Some(snapshot) = session.snapshot.as_ref().filter(|snapshot| !snapshot.console.is_empty()) else {
        ui.add(Label::new(RichText::new("The output of print(…) appears here.").color(theme.faint)).wrap());
        return None;
    };
    let mut clicked = None;
    ScrollArea::vertical().id_salt("console").auto_shrink(false).stick_to_bottom(true).show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        for line in snapshot.console.iter() {
            let mut job = LayoutJob::default();
            let font = TextStyle::Monospace.resolve(ui.style());
            if let Some(location) = &line.location {
                let place = format!("{}:{}  ", location.source.name, location.span.line);
                job.append(&place, 0.0, TextFormat::simple(FontId::new(11.0, font.family.clone()), theme.faint));
            }
            job.append(&line.text, 0.0, TextFormat::simple(font, theme.text));
            clicked = location_ui(ui, job, line.location.as_ref()).or(clicked.take());
        }
    });
    clicked
}

/// A text that links to a location in a script; returns the location when clicked.
fn location_ui(ui: &mut Ui, text: LayoutJob, place: Option<&Location>) -> Option<Location> {
    let label = Label::new(text).wrap();
    let Some(place) = place else {
        ui.add(label);
        return None;
    };
    let response = ui.add(label.sense(Sense::click())).on_hover_cursor(egui::CursorIcon::PointingHand);
    response.on_hover_text("Click to edit this line").clicked().then(|| place.clone())
}

/// The problems; returns the location of a clicked one.
fn problems_ui(ui: &mut Ui, session: &Session, theme: &Theme) -> Option<Location> {
    let Some(snapshot) = session.snapshot.as_ref().filter(|snapshot| !snapshot.problems.is_empty()) else {
        ui.add(Label::new(RichText::new("No problems.").color(theme.faint)).wrap());
        return None;
    };
    let mut clicked = None;
    ScrollArea::vertical().id_salt("problems").auto_shrink(false).show(ui, |ui| {
        for problem in snapshot.problems.iter() {
            clicked = problem_ui(ui, problem, theme).or(clicked.take());
            ui.add_space(10.0);
        }
        if error_count(snapshot) > 0 && snapshot.timeline.is_some() {
            ui.add(Label::new(RichText::new("The last good version keeps running.").small().color(theme.faint)).wrap());
        }
    });
    clicked
}

/// A problem with its location, message, source line with a caret, and help. Returns the location when clicked.
fn problem_ui(ui: &mut Ui, problem: &Diagnostic, theme: &Theme) -> Option<Location> {
    ui.spacing_mut().item_spacing.y = 3.0;
    let (word, color) = match problem.severity {
        Severity::Error => ("error", theme.loss),
        Severity::Warning => ("warning", theme.value.negative),
    };
    let place = problem.location.as_ref().map_or_else(String::new, |location| format!("{location}  "));
    let mut head = LayoutJob::default();
    let mono = TextStyle::Monospace.resolve(ui.style());
    head.append(&place, 0.0, TextFormat::simple(mono.clone(), theme.text));
    head.append(word, 0.0, TextFormat::simple(mono, color));
    let clicked = location_ui(ui, head, problem.location.as_ref());
    ui.add(Label::new(RichText::new(&problem.message).color(theme.text)).wrap());
    if let Some(location) = &problem.location {
        source_ui(ui, location, theme, color);
    }
    if let Some(help) = &problem.help {
        ui.add(Label::new(RichText::new(format!("help: {help}")).color(theme.faint)).wrap());
    }
    for frame in &problem.frames {
        let place = frame.location.as_ref().map_or_else(String::new, |location| format!(" at {location}"));
        ui.add(Label::new(RichText::new(format!("in {}{place}", frame.function)).small().color(theme.faint)).wrap());
    }
    clicked
}

fn source_ui(ui: &mut Ui, location: &Location, theme: &Theme, color: egui::Color32) {
    let Some(line) = location.source.text.lines().nth((location.span.line as usize).saturating_sub(1)) else { return };
    let number = location.span.line.to_string();
    let font = TextStyle::Monospace.resolve(ui.style());
    let glyph = ui.painter().layout_no_wrap("0".to_owned(), font.clone(), theme.text).size().x;
    let room = ((ui.available_width() - 16.0) / glyph) as usize;
    let before = (location.span.column as usize).saturating_sub(1);
    let marked = location.span.text(&location.source).lines().next().map_or(1, |text| text.chars().count().max(1));
    let (shown, caret) = excerpt(line, before, marked, room.saturating_sub(number.len() + 3).max(12));
    let faint = TextFormat::simple(font.clone(), theme.faint);
    let mut job = LayoutJob::default();
    job.append(&format!("{number} │ "), 0.0, faint.clone());
    job.append(&shown, 0.0, TextFormat::simple(font.clone(), theme.text));
    job.append(&format!("\n{} │ {}", " ".repeat(number.len()), " ".repeat(caret.start)), 0.0, faint);
    job.append(&"^".repeat(caret.len()), 0.0, TextFormat::simple(font, color));
    egui::Frame::new().fill(theme.raised).corner_radius(6).inner_margin(6).show(ui, |ui| {
        ui.set_width(ui.available_width());
        ui.add(Label::new(job).extend());
    });
}

/// The part of a line that fits into `room` characters and contains the marked part, with the range of the mark.
fn excerpt(line: &str, before: usize, marked: usize, room: usize) -> (String, Range<usize>) {
    let letters: Vec<char> = line.chars().map(|letter| if letter == '\t' { ' ' } else { letter }).collect();
    let before = before.min(letters.len());
    let indent = letters.iter().take_while(|letter| letter.is_whitespace()).count().min(before);
    let needed = before + marked.min(room / 2) + 1;
    // Text before the mark is cut when the mark would not be visible.
    let start = if needed - indent > room { needed - room + 1 } else { indent };
    let mut shown: Vec<char> = letters[start.min(letters.len())..].to_vec();
    if start > indent && !shown.is_empty() {
        shown[0] = '…';
    }
    if shown.len() > room {
        shown.truncate(room - 1);
        shown.push('…');
    }
    let caret = before - start.min(before);
    let end = (caret + marked).min(shown.len()).max(caret + 1);
    (shown.into_iter().collect(), caret..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marked_part_is_always_visible() {
        let line = "    state.velocity = ctx.momentum * state.velocit + grad;";
        for room in 12..80 {
            let before = line.find("velocit +").expect("it is there");
            let (shown, caret) = excerpt(line, before, 7, room);
            assert!(shown.chars().count() <= room, "{room}");
            let marked: String = shown.chars().skip(caret.start).take(caret.len()).collect();
            assert!(marked.starts_with("veloc"), "{room}: {shown} {caret:?}");
        }
        assert_eq!(excerpt("  a + b", 4, 1, 40), ("a + b".to_owned(), 2..3));
        assert_eq!(excerpt("", 0, 1, 40).1, 0..1);
        assert_eq!(excerpt("x", 1, 1, 40).1, 1..2);
    }
}
