//! The controls at the bottom: the typed step, the typed speed and the timeline strip.

use super::timeline_strip::TimelineStrip;

/// Digits that follow within this time belong to the same number.
const SPEED_TYPING_SECS: f64 = 1.0;

/// The state of the transport bar.
#[derive(Debug, Default)]
pub(crate) struct TransportState {
    /// The text of the step field.
    pub(crate) step_text: String,
    /// The digits of a speed that is being typed.
    speed_digits: String,
    /// egui's time of the last digit.
    last_digit_secs: f64,
    pub(crate) strip: TimelineStrip,
}

impl TransportState {
    /// Adds digits of a speed typed at a time, and returns the speed so far. A leading zero stands for "0.".
    pub(crate) fn type_speed(&mut self, digits: &str, now_secs: f64) -> Option<f64> {
        if now_secs - self.last_digit_secs > SPEED_TYPING_SECS {
            self.speed_digits.clear();
        }
        self.speed_digits.push_str(digits);
        self.last_digit_secs = now_secs;
        let typed = &self.speed_digits;
        let number = typed.strip_prefix('0').map_or_else(|| typed.clone(), |rest| format!("0.{rest}"));
        number.parse::<f64>().ok().filter(|speed| *speed > 0.0)
    }
}
