//! The presenter notes: the lesson's note, the text on screen and the next cues.

use super::key;
use crate::actions::Action;
use egui::{Align, CentralPanel, Frame, Label, Layout, Margin, Panel, RichText, ScrollArea, Ui};
use slowgrad_render::Theme;
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_tape::Severity;
use slowgrad_timeline::playback::cue::Cue;
use slowgrad_timeline::scene::Ink;

/// The contents of the presenter notes.
#[derive(Debug, Clone, PartialEq)]
pub struct PresenterNotes {
    /// The lesson and its section.
    title: String,
    pub(crate) note: String,
    /// The text that the audience reads.
    caption: String,
    /// The correct answer to the current question.
    answer: Option<String>,
    /// The cues up to the next pause.
    pub(crate) next: String,
    /// The error of a script, which the audience does not see.
    problem: Option<String>,
    /// The number of finished cues and of all cues.
    progress: (usize, usize),
    /// Whether the lesson waits for the presenter.
    waits: bool,
}

impl PresenterNotes {
    /// The notes of the current moment.
    pub fn new(session: &Session) -> Self {
        let performance = &session.player;
        let stage = performance.stage();
        let snapshot = session.snapshot.as_ref();
        let lesson = snapshot.and_then(|snapshot| snapshot.lesson.as_ref());
        let mut problems = snapshot.into_iter().flat_map(|snapshot| snapshot.problems.iter());
        let mut title = lesson.map(|lesson| lesson.title.clone()).unwrap_or_default();
        if let Some(section) = performance.section() {
            title = format!("{title} · {section}");
        }
        let question = stage.question.as_ref();
        Self {
            title,
            note: stage.note.clone(),
            caption: question.map_or_else(|| session.caption(), |question| session.fill_in(&question.text)),
            answer: question.and_then(|question| question.answers.get(question.right).cloned()),
            next: next(session),
            problem: problems.find(|problem| problem.severity == Severity::Error).map(ToString::to_string),
            progress: performance.progress(),
            waits: performance.waits_for_presenter() && performance.has_cues(),
        }
    }
}

fn next(session: &Session) -> String {
    /// A presenter does not read more than this many cues.
    const MAX_CUES: usize = 6;
    let performance = &session.player;
    let (done, _) = performance.progress();
    let is_stop = |cue: &&Cue| matches!(cue, Cue::Wait | Cue::Ask { .. });
    // The current pause is shown elsewhere.
    let ahead = performance.cues().iter().skip(done).skip_while(|cue| matches!(cue, Cue::Wait));
    let mut coming = Vec::new();
    for cue in ahead.take(MAX_CUES) {
        coming.push(session.fill_in(&cue.to_string()));
        if is_stop(&cue) {
            break;
        }
    }
    match coming.as_slice() {
        [] if performance.has_cues() => "ends".into(),
        [] => "has no cues".into(),
        coming => coming.join("\n"),
    }
}

/// Draws the window of the presenter notes; returns the action of a clicked button.
pub fn presenter_notes_ui(ui: &mut Ui, notes: &PresenterNotes, theme: &Theme) -> Option<Action> {
    let mut clicked = None;
    let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(20, 12));
    Panel::bottom("steps").frame(frame.fill(theme.raised)).resizable(false).show(ui, |ui| {
        ui.horizontal(|ui| {
            for (word, action) in
                [("Back", Action::Run(RunAction::PreviousCue)), ("Next", Action::Run(RunAction::NextCue))]
            {
                let button = ui.button(RichText::new(format!("{word} ({})", key(action))).size(16.0));
                if button.on_hover_text(action.info().help).clicked() {
                    clicked = Some(action);
                }
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                let (done, all) = notes.progress;
                ui.label(RichText::new(format!("cue {done} of {all}")).size(15.0).color(theme.faint));
                if notes.waits {
                    let accent = theme.text_color(Ink::Accent, theme.raised);
                    ui.label(RichText::new("waiting for you").size(15.0).color(accent).strong());
                }
            });
        });
    });
    CentralPanel::no_frame().frame(frame).show(ui, |ui| {
        ui.add(Label::new(RichText::new(&notes.title).size(15.0).color(theme.faint)).truncate());
        ui.add_space(6.0);
        let part_ui = |ui: &mut Ui, heading: &str, text: &str, size: f32, color| {
            ui.label(RichText::new(heading).size(13.0).color(theme.faint));
            ui.add(Label::new(RichText::new(text).size(size).color(color)).wrap());
            ui.add_space(10.0);
        };
        ScrollArea::vertical().auto_shrink(false).show(ui, |ui| {
            let (note, ink) = match notes.note.as_str() {
                "" => ("no note", theme.faint),
                note => (note, theme.text),
            };
            part_ui(ui, "note", note, 26.0, ink);
            if !notes.caption.is_empty() {
                part_ui(ui, "on screen", &notes.caption, 18.0, theme.text);
            }
            if let Some(answer) = &notes.answer {
                part_ui(ui, "correct answer", answer, 18.0, theme.text);
            }
            part_ui(ui, "next, the lesson", &notes.next, 18.0, theme.text);
            if let Some(problem) = &notes.problem {
                part_ui(ui, "a script failed; the last good version keeps running", problem, 16.0, theme.loss);
            }
        });
    });
    clicked
}
