//! The small field over the network in which a number is typed, dragged or nudged.
//!
//! Enter and a click elsewhere accept, Esc brings the old number back, and with it whatever the run had. A
//! change is shown at once; all changes of one field are undone together.

use egui::{Align2, Area, DragValue, Frame, Id, Key, Margin, Order, Pos2, RichText, Ui};
use slowgrad_render::Theme;
use slowgrad_session::{Editable, Session};
use slowgrad_tape::math;
use slowgrad_timeline::explain::words;
use slowgrad_timeline::scene::Target;

/// An open field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) target: Target,
    what: Editable,
    original: f64,
    value: f64,
    /// What the run has.
    applied: f64,
    text: String,
    frames: u8,
}

/// What became of the field in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Open,
    Done,
}

impl Field {
    pub(crate) fn new(target: Target, what: Editable, value: f64) -> Self {
        Self { target, what, original: value, value, applied: value, text: short(value), frames: 0 }
    }

    /// Brings the old number back.
    pub(crate) fn cancel(&mut self, session: &mut Session) {
        self.value = self.original;
        self.apply(session);
        session.seal();
    }

    /// The number that is in the field stays.
    pub(crate) fn accept(&mut self, session: &mut Session) {
        self.apply(session);
        session.seal();
    }

    /// Gives the run the number that is in the field.
    fn apply(&mut self, session: &mut Session) {
        if self.value.to_bits() != self.applied.to_bits() {
            self.applied = self.value;
            session.edit(self.what, self.value);
        }
    }

    fn set(&mut self, value: f64, session: &mut Session) {
        if value.is_finite() {
            self.value = value;
            self.apply(session);
        }
    }

    /// Draws the field near a point of the screen.
    pub(crate) fn show(&mut self, ui: &Ui, at: Pos2, session: &mut Session, theme: &Theme) -> Outcome {
        let mut outcome = Outcome::Open;
        // The key or the click that opened the field must not close it.
        let is_fresh = self.frames == 0;
        self.frames = self.frames.saturating_add(1);
        let area =
            Area::new(Id::unique("edit field")).order(Order::Foreground).pivot(Align2::CENTER_BOTTOM).fixed_pos(at);
        let shown = area.constrain_to(ui.ctx().content_rect()).show(ui.ctx(), |ui| {
            let frame = Frame::popup(ui.style()).inner_margin(Margin::symmetric(10, 8)).fill(theme.raised);
            frame.show(ui, |ui| {
                ui.set_max_width(230.0);
                let heading = ui.label(RichText::new(words::target(self.target)).small().color(theme.faint));
                ui.horizontal(|ui| {
                    if ui.button("−").on_hover_text("Decrease (↓)").clicked() {
                        self.nudge(-1.0, session);
                    }
                    let edit =
                        egui::TextEdit::singleline(&mut self.text).desired_width(92.0).font(egui::TextStyle::Monospace);
                    let response = ui.add(edit).labelled_by(heading.id);
                    if is_fresh {
                        response.request_focus();
                        select_all(ui, response.id, self.text.chars().count());
                    }
                    if response.changed()
                        && let Some(value) = parse(&self.text)
                    {
                        self.set(value, session);
                    }
                    if ui.button("+").on_hover_text("Increase (↑)").clicked() {
                        self.nudge(1.0, session);
                    }
                    let mut dragged = self.value;
                    let drag = DragValue::new(&mut dragged)
                        .speed(self.stride() / 10.0)
                        .custom_formatter(|_, _| "drag".to_owned());
                    if ui.add(drag).on_hover_text("Drag left or right").changed() {
                        self.set(dragged, session);
                        self.text = short(self.value);
                    }
                    let (up, down, enter) = ui.input(|input| {
                        (
                            input.key_pressed(Key::ArrowUp),
                            input.key_pressed(Key::ArrowDown),
                            input.key_pressed(Key::Enter),
                        )
                    });
                    if up {
                        self.nudge(1.0, session);
                    }
                    if down {
                        self.nudge(-1.0, session);
                    }
                    if enter {
                        outcome = Outcome::Done;
                    }
                });
                ui.label(RichText::new("Enter accepts · Esc cancels").small().color(theme.faint));
            });
        });
        if shown.response.clicked_elsewhere() {
            outcome = Outcome::Done;
        }
        if is_fresh {
            return Outcome::Open;
        }
        if outcome == Outcome::Done {
            self.accept(session);
        }
        outcome
    }

    /// How far a nudge goes: a tenth of the number's size, as a round figure.
    fn stride(&self) -> f64 {
        let size = self.value.abs().max(0.1);
        math::pow(10.0, math::log10(0.5 * size).floor())
    }

    fn nudge(&mut self, direction: f64, session: &mut Session) {
        let stride = self.stride();
        let next = ((self.value / stride).round() + direction) * stride;
        self.set(next, session);
        self.text = short(self.value);
    }
}

fn select_all(ui: &Ui, id: Id, end: usize) {
    let mut state = egui::text_edit::TextEditState::load(ui.ctx(), id).unwrap_or_default();
    let all = egui::text::CCursorRange::two(egui::text::CCursor::new(0), egui::text::CCursor::new(end));
    state.cursor.set_char_range(Some(all));
    state.store(ui.ctx(), id);
}

/// A number as it is edited: all that matters of it, in ordinary signs.
fn short(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    if (rounded - value).abs() <= 1e-6 * value.abs() || value.abs() >= 1e-3 {
        rounded.to_string()
    } else {
        format!("{value:e}")
    }
}

/// Reads a number as people type it, with a comma or a real minus sign too.
pub(crate) fn parse(text: &str) -> Option<f64> {
    text.trim().replace('−', "-").replace(',', ".").parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use slowgrad_script::Limits;
    use slowgrad_session::testing::{lesson, timeout};

    #[test]
    fn escape_loses_nothing_and_a_number_is_accepted_once() {
        let mut session = Session::new(lesson("welcome"));
        let settle = |session: &mut Session| assert!(session.run_until_idle(timeout()));
        settle(&mut session);
        session.send(slowgrad_session::Command::Seek(6));
        session.send(slowgrad_session::Command::Seek(2));
        settle(&mut session);
        let target = Target::Weight { layer: 0, neuron: 0, input: 0 };
        let value = |session: &Session| session.editable(target).expect("a weight").1;
        let furthest = |session: &Session| session.snapshot.as_ref().map(|snapshot| snapshot.furthest);
        let (what, before) = session.editable(target).expect("a weight");
        let mut field = Field::new(target, what, before);
        field.nudge(1.0, &mut session);
        settle(&mut session);
        assert_ne!(value(&session), before, "it is shown at once");
        field.nudge(1.0, &mut session);
        field.cancel(&mut session);
        settle(&mut session);
        assert_eq!(session.snapshot.as_ref().and_then(|snapshot| snapshot.undo.clone()), None);
        assert_eq!((value(&session).to_bits(), furthest(&session)), (before.to_bits(), Some(5)));

        field.set(2.0, &mut session);
        field.accept(&mut session);
        settle(&mut session);
        assert_eq!((value(&session), furthest(&session)), (2.0, Some(1)));
        // Here nothing comes after, so a change is shown at once, and taken back.
        let mut field = Field::new(target, what, 2.0);
        field.nudge(1.0, &mut session);
        settle(&mut session);
        assert_ne!(value(&session), 2.0);
        field.cancel(&mut session);
        settle(&mut session);
        assert_eq!(value(&session), 2.0);
    }

    #[test]
    fn numbers_are_read_as_people_type_them() {
        assert_eq!(parse(" −0,5 "), Some(-0.5));
        assert_eq!(parse("1e-3"), Some(0.001));
        assert_eq!(parse("NaN"), None);
        assert_eq!(parse("1,2,3"), None);
    }

    #[test]
    fn numbers_are_shown_without_noise() {
        assert_eq!(short(0.1 + 0.2), "0.3");
        assert_eq!(short(-2.0), "-2");
        assert_eq!(parse(&short(1.5e-9)), Some(1.5e-9));
    }
}
