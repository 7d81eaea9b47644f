//! What only the presenter reads: the lesson's note and what comes next, in a strip that is opened for rehearsing or
//! on a screen that the audience does not see.

use crate::window::session::Session;
use egui::{Label, RichText, Ui};
use slowgrad_render::Theme;

pub(super) const HEIGHT: f32 = 64.0;

pub(super) fn notes_ui(ui: &mut Ui, session: &Session, theme: &Theme) {
    let performance = &session.performance;
    let (done, all) = performance.progress();
    let note = performance.stage().note.as_str();
    let next = match performance.next_cue() {
        Some(cue) => format!("cue {done} of {all} · then it {cue}"),
        None => format!("cue {done} of {all} · the lesson is over"),
    };
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        let words = if note.is_empty() { "no note here" } else { note };
        let ink = if note.is_empty() { theme.faint } else { theme.text };
        ui.add(Label::new(RichText::new(words).size(18.0).color(ink)).truncate());
        ui.add(Label::new(RichText::new(next).size(14.0).color(theme.faint)).truncate());
    });
}
