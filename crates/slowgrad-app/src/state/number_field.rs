//! The number that is edited in the field over the network.
//!
//! Changes reach the run at once and are undone together. Cancelling restores the run to its state before the edit.
//! It must not know how the field is drawn.

use slowgrad_session::{Editable, Session};
use slowgrad_tape::math;
use slowgrad_timeline::scene::Target;

/// An open field.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NumberField {
    target: Target,
    what: Editable,
    original: f64,
    value: f64,
    /// The value that the run has.
    applied: f64,
    /// The text in the field.
    pub(crate) text: String,
    drawn: bool,
}

impl NumberField {
    pub(crate) fn new(target: Target, what: Editable, value: f64) -> Self {
        Self { target, what, original: value, value, applied: value, text: short(value), drawn: false }
    }

    /// The element whose number is edited.
    pub(crate) fn target(&self) -> Target {
        self.target
    }

    pub(crate) fn value(&self) -> f64 {
        self.value
    }

    /// Whether this is the first frame of the field, which ignores the key or the click that has opened it.
    pub(crate) fn take_first_frame(&mut self) -> bool {
        !std::mem::replace(&mut self.drawn, true)
    }

    /// Restores the original number.
    pub(crate) fn cancel(&mut self, session: &mut Session) {
        self.value = self.original;
        self.apply(session);
        session.seal();
    }

    /// Keeps the number and ends the edit.
    pub(crate) fn accept(&mut self, session: &mut Session) {
        self.apply(session);
        session.seal();
    }

    /// Sends the number to the run.
    fn apply(&mut self, session: &mut Session) {
        if self.value.to_bits() != self.applied.to_bits() {
            self.applied = self.value;
            session.edit(self.what, self.value);
        }
    }

    /// Sets the number from the typed text, when that is a number.
    pub(crate) fn apply_text(&mut self, session: &mut Session) {
        if let Some(value) = parse(&self.text) {
            self.set(value, session);
        }
    }

    fn set(&mut self, value: f64, session: &mut Session) {
        if value.is_finite() {
            self.value = value;
            self.apply(session);
        }
    }

    /// Sets the number and the text.
    pub(crate) fn set_value(&mut self, value: f64, session: &mut Session) {
        self.set(value, session);
        self.text = short(self.value);
    }

    /// The step of a nudge: about a tenth of the number, as a power of ten.
    pub(crate) fn stride(&self) -> f64 {
        let size = self.value.abs().max(0.1);
        math::pow(10.0, math::log10(0.5 * size).floor())
    }

    /// Moves the number to the next multiple of the stride in a direction.
    pub(crate) fn nudge(&mut self, direction: f64, session: &mut Session) {
        let stride = self.stride();
        self.set_value(((self.value / stride).round() + direction) * stride, session);
    }
}

/// A number as text for editing, without rounding noise.
fn short(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    if (rounded - value).abs() <= 1e-6 * value.abs() || value.abs() >= 1e-3 {
        rounded.to_string()
    } else {
        format!("{value:e}")
    }
}

/// Parses a typed number; also accepts a decimal comma and a typographic minus sign.
pub(crate) fn parse(text: &str) -> Option<f64> {
    text.trim().replace('−', "-").replace(',', ".").parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use slowgrad_session::testing::{lesson, timeout};

    #[test]
    fn cancel_restores_the_run_and_accept_keeps_the_number() {
        let mut session = Session::new(lesson("welcome"));
        let settle = |session: &mut Session| assert!(session.run_until_idle(timeout()));
        settle(&mut session);
        session.send(slowgrad_session::BackendCommand::Seek(6));
        session.send(slowgrad_session::BackendCommand::Seek(2));
        settle(&mut session);
        let target = Target::Weight { layer: 0, neuron: 0, input: 0 };
        let value = |session: &Session| session.editable(target).expect("a weight").1;
        let furthest = |session: &Session| session.snapshot.as_ref().map(|snapshot| snapshot.furthest);
        let (what, before) = session.editable(target).expect("a weight");
        let mut field = NumberField::new(target, what, before);
        field.nudge(1.0, &mut session);
        settle(&mut session);
        assert_ne!(value(&session), before, "the change is shown at once");
        field.nudge(1.0, &mut session);
        field.cancel(&mut session);
        settle(&mut session);
        assert_eq!(session.snapshot.as_ref().and_then(|snapshot| snapshot.undo.clone()), None);
        assert_eq!((value(&session).to_bits(), furthest(&session)), (before.to_bits(), Some(5)));

        field.set(2.0, &mut session);
        field.accept(&mut session);
        settle(&mut session);
        assert_eq!((value(&session), furthest(&session)), (2.0, Some(1)));
        // At the end of the run a change is shown at once too, and reverted.
        let mut field = NumberField::new(target, what, 2.0);
        field.nudge(1.0, &mut session);
        settle(&mut session);
        assert_ne!(value(&session), 2.0);
        field.cancel(&mut session);
        settle(&mut session);
        assert_eq!(value(&session), 2.0);
    }

    #[test]
    fn typed_numbers_are_parsed() {
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
