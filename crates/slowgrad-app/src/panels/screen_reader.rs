//! Announcements for screen readers: caption or question, messages and the current event.
//!
//! Each has a separate live region, so that only changes are announced. During playback, announcements are limited to a
//! rate that a listener can follow.

use crate::state::App;
use egui::accesskit::{Live, Role};
use egui::{Id, Rect, Sense, Ui, Vec2};
use slowgrad_session::Session;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::performer::Question;

/// An event must last this long to be announced.
const MIN_EVENT_SECS: f64 = 1.5;
/// Up to this playback speed, phases are announced.
const MAX_PHASE_SPEED: f64 = 2.0;

/// A question with its answers, then the correct answer.
fn question(question: &Question, session: &Session) -> String {
    let answer = |nth: usize| format!("{}: {}", nth + 1, question.answers[nth]);
    if !question.revealed {
        let answers = (0..question.answers.len()).map(answer).collect::<Vec<_>>();
        return format!("{} {}", session.fill_in(&question.text), answers.join(". "));
    }
    let right = format!("The correct answer is {}", answer(question.right));
    match question.chosen {
        Some(chosen) if chosen == question.right => format!("{right}. Your answer is correct"),
        Some(chosen) => format!("{right}. Your answer was {}", answer(chosen)),
        None => right,
    }
}

/// The current event.
fn event(app: &mut App, session: &Session) -> String {
    let Some((timeline, playhead)) = session.now() else { return String::new() };
    if session.is_full_speed() {
        return "training at full speed".into();
    }
    if playhead.is_playing() && playhead.unit_secs() < MIN_EVENT_SECS {
        let followable = playhead.speed() <= MAX_PHASE_SPEED && playhead.granularity() < Granularity::Phase;
        let address = timeline.address(playhead.event());
        return if followable { format!("step {}, {}", address.step, address.phase.name()) } else { "playing".into() };
    }
    let Some(scene) = app.explained_scene(session) else { return String::new() };
    let parts = [scene.status.as_str(), scene.formula.sentence.as_str()];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(". ")
}

pub(super) fn announcements_ui(ui: &Ui, app: &mut App, session: &Session) {
    let lesson = match &session.player.stage().question {
        Some(current) => question(current, session),
        None => app.announced.caption(session),
    };
    let message = session.notices.last().map(|notice| notice.text.clone()).unwrap_or_default();
    let event = event(app, session);
    let corner = Rect::from_min_size(ui.max_rect().min, Vec2::splat(1.0));
    for (name, text) in [("lesson", lesson), ("message", message), ("event", event)] {
        let id = Id::unique(("spoken", name));
        ui.interact(corner, id, Sense::hover());
        ui.ctx().accesskit_node_builder(id, |node| {
            node.set_role(Role::Status);
            node.set_live(Live::Polite);
            node.set_label(text.as_str());
        });
    }
}
