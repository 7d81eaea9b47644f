//! The transport bar: playback, speed, position and the timeline strip.

use super::icons::{Icon, icon_button};
use super::sections::{HEIGHT_PTS, has_sections, sections_ui};
use super::timeline_strip::timeline_strip_ui;
use crate::actions::{Action, keys_text};
use crate::state::App;
use egui::{Align, ComboBox, Label, Layout, RichText, TextEdit, Ui};
use slowgrad_render::Theme;
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::number_format;
use slowgrad_timeline::playback::playhead::{Command, Loop, Playhead};

pub(super) fn transport_bar_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        buttons_ui(ui, app, session, &theme);
        ui.add_space(8.0);
        granularity_ui(ui, session);
        speed_ui(ui, session, &theme);
        ui.add_space(8.0);
        step_field_ui(ui, app, session, &theme);
        ui.add_space(8.0);
        status_ui(ui, app, session, &theme);
    });
    ui.add_space(4.0);
    if has_sections(session) {
        sections_ui(ui, session, &theme);
        ui.add_space(HEIGHT_PTS - 16.0 - ui.spacing().item_spacing.y);
    }
    timeline_strip_ui(ui, app, session, &theme);
}

fn buttons_ui(ui: &mut Ui, app: &mut App, session: &mut Session, theme: &Theme) {
    let playing = session.is_active();
    let full_speed = session.is_full_speed();
    let repeats = session.playhead.as_ref().is_some_and(|playhead| *playhead.repeat() != Loop::Off);
    let play = if playing { Icon::Pause } else { Icon::Play };
    for (icon, action, on) in [
        (Icon::Start, Action::Run(RunAction::Home), false),
        (Icon::StepBack, Action::Run(RunAction::StepBack), false),
        (play, Action::Run(RunAction::PlayPause), playing && !full_speed),
        (Icon::StepForward, Action::Run(RunAction::StepForward), false),
        (Icon::End, Action::Run(RunAction::End), false),
        (Icon::Loop, Action::Run(RunAction::Loop), repeats),
        (Icon::FullSpeed, Action::Run(RunAction::FullSpeed), full_speed),
        (Icon::Flag, Action::Run(RunAction::Bookmark), session.bookmark_here().is_some()),
    ] {
        let mut tip = action.tooltip();
        if action == Action::Run(RunAction::PlayPause) {
            tip = format!("{tip}\n{}", Action::Run(RunAction::PlayBackwards).tooltip());
        }
        if icon_button(ui, icon, &tip, on, theme).clicked() {
            app.act(action, session);
        }
    }
}

fn granularity_ui(ui: &mut Ui, session: &mut Session) {
    let Some(now) = session.playhead.as_ref().map(Playhead::granularity) else { return };
    let mut chosen = now;
    let keys = format!(
        "Unit of playback and stepping ({} {})",
        keys_text(Action::Run(RunAction::Coarser).info()),
        keys_text(Action::Run(RunAction::Finer).info())
    );
    let combo = ComboBox::from_id_salt("unit").width(92.0).selected_text(now.name());
    let response = combo.show_ui(ui, |ui| {
        for granularity in Granularity::ALL {
            ui.selectable_value(&mut chosen, granularity, granularity.name());
        }
    });
    name(&response.response, "unit", now.name());
    response.response.on_hover_text(keys);
    if chosen != now {
        session.command_playhead(&Command::Granularity(chosen));
    }
}

/// Sets the accessible name of a combo box.
pub(super) fn name(response: &egui::Response, what: &str, value: &str) {
    let text = format!("{what}: {value}");
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::ComboBox, true, &text));
}

fn speed_ui(ui: &mut Ui, session: &mut Session, theme: &Theme) {
    let Some(speed) = session.playhead.as_ref().map(Playhead::speed) else { return };
    if icon_button(ui, Icon::Previous, &Action::Run(RunAction::Slower).tooltip(), false, theme).clicked() {
        session.act(RunAction::Slower);
    }
    let text = speed_text(speed);
    let (rect, response) = ui.allocate_exact_size(egui::vec2(44.0, 28.0), egui::Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::labeled(egui::Role::Button, true, format!("speed {text}, click to reset to 1×"))
    });
    ui.painter().text(rect.center(), egui::Align2::CENTER_CENTER, &text, egui::FontId::proportional(14.5), theme.text);
    if response
        .on_hover_text("Playback speed; click to reset to 1×, or type digits: 50 is 50×, 05 is half speed")
        .clicked()
    {
        session.command_playhead(&Command::Speed(1.0));
    }
    if icon_button(ui, Icon::Next, &Action::Run(RunAction::Faster).tooltip(), false, theme).clicked() {
        session.act(RunAction::Faster);
    }
}

/// The text of a playback speed.
fn speed_text(speed: f64) -> String {
    let part = 1.0 / speed;
    if speed < 1.0 && part == part.round() {
        format!("1/{part:.0}×")
    } else {
        format!("{}×", number_format::number(speed, 3))
    }
}

fn step_field_ui(ui: &mut Ui, app: &mut App, session: &mut Session, theme: &Theme) {
    let Some((timeline, _)) = session.now() else { return };
    let step = timeline.step().step;
    let label = ui.label(RichText::new("step").color(theme.faint));
    let id = egui::Id::unique("step field");
    if !ui.memory(|memory| memory.has_focus(id)) {
        app.transport.step_text = step.to_string();
    }
    // Step numbers can have many digits.
    let width = 68.0_f32.max(11.0 * app.transport.step_text.len() as f32);
    let edit = TextEdit::singleline(&mut app.transport.step_text)
        .id(id)
        .desired_width(width)
        .align(egui::Align2::RIGHT_CENTER);
    let help = format!(
        "Training step; type a number to go to it ({} and {} go by one step)",
        keys_text(Action::Run(RunAction::PreviousStep).info()),
        keys_text(Action::Run(RunAction::NextStep).info())
    );
    let response = ui.add(edit).labelled_by(label.id).on_hover_text(help);
    let accepted = response.lost_focus() && ui.input(|input| input.key_pressed(egui::Key::Enter));
    if accepted
        && let Ok(requested) = app.transport.step_text.trim().parse::<u64>()
        && requested >= 1
        && requested != step
    {
        session.go_to_step(requested);
    }
}

fn status_ui(ui: &mut Ui, app: &mut App, session: &Session, theme: &Theme) {
    let Some((timeline, _)) = session.now() else { return };
    let text = if session.is_full_speed() {
        let step = timeline.step();
        let penalty =
            step.penalty.as_ref().map(|penalty| format!(" · penalty {}", number_format::number(penalty.sum, 4)));
        let loss = number_format::number(step.loss, 4);
        format!("training at full speed · {} {loss}{}", super::step_loss_name(session), penalty.unwrap_or_default())
    } else {
        app.scene(session).map(|scene| scene.status.clone()).unwrap_or_default()
    };
    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
        if let Some(snapshot) = &session.snapshot {
            let epoch = timeline.step().epoch + 1;
            let proof = snapshot.proof.map(|(done, all)| {
                format!("\nchecking the steps before the session was saved: {done} of {all} computed again")
            });
            let tip =
                format!("epoch {epoch} · {} steps trained so far{}", snapshot.furthest, proof.unwrap_or_default());
            ui.add(Label::new(RichText::new(format!("epoch {epoch}")).color(theme.faint)).extend()).on_hover_text(tip);
        }
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            ui.add(Label::new(RichText::new(text).color(theme.text)).truncate());
        });
    });
}
