//! The part of a run that the timeline's strip shows, from the whole run down to a few operations.
//!
//! Time is counted in training steps: 2.5 is half through the third step, as events go. It must not know
//! pixels or panels; places along the strip are shares from 0 to 1.

/// At most so few events fill the strip.
const FEWEST_EVENTS: f64 = 6.0;

/// A window onto the run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Timescale {
    start: f64,
    /// Steps from one end to the other.
    span: f64,
}

impl Default for Timescale {
    /// One step.
    fn default() -> Self {
        Self { start: 0.0, span: 1.0 }
    }
}

/// How far the run goes, and how finely the present step is cut.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    /// Steps that there are to look at.
    pub steps: u64,
    /// Events of the present step.
    pub events: usize,
}

impl Extent {
    fn most(self) -> f64 {
        self.steps.max(1) as f64
    }

    fn least(self) -> f64 {
        (FEWEST_EVENTS / self.events.max(1) as f64).min(1.0)
    }
}

impl Timescale {
    /// The first and the last moment that are seen.
    pub fn ends(self) -> (f64, f64) {
        (self.start, self.start + self.span)
    }

    /// Steps from one end to the other.
    pub fn span(self) -> f64 {
        self.span
    }

    /// Where along the strip a moment lies; outside of 0 to 1 it is not seen.
    pub fn share(self, time: f64) -> f64 {
        (time - self.start) / self.span
    }

    /// The moment at a place of the strip.
    pub fn time(self, share: f64) -> f64 {
        self.start + share * self.span
    }

    /// Shows more or less; what lies at the share `at` stays there.
    pub fn zoom(&mut self, at: f64, factor: f64, extent: Extent) {
        let fixed = self.time(at);
        self.span = (self.span / factor).clamp(extent.least(), extent.most());
        self.start = fixed - at * self.span;
        self.hold(extent);
    }

    /// Moves along by a share of the strip.
    pub fn pan(&mut self, by: f64, extent: Extent) {
        self.start += by * self.span;
        self.hold(extent);
    }

    /// Shows the whole run.
    pub fn whole(extent: Extent) -> Self {
        Self { start: 0.0, span: extent.most() }
    }

    /// Shows one step (from 1).
    pub fn step(step: u64) -> Self {
        Self { start: step.saturating_sub(1) as f64, span: 1.0 }
    }

    /// Turns the page when a moment of a step (from 1) has left it.
    pub fn follow(&mut self, step: u64, time: f64, extent: Extent) {
        let (from, to) = self.ends();
        if self.span == 1.0 && from == from.floor() {
            // The end of a step is shown with the step, not as the start of the next one.
            *self = Self::step(step);
        } else if time < from {
            self.start = time - 0.9 * self.span;
        } else if time > to {
            self.start = time - 0.1 * self.span;
        }
        self.hold(extent);
    }

    fn hold(&mut self, extent: Extent) {
        self.span = self.span.clamp(extent.least(), extent.most());
        self.start = self.start.clamp(0.0, extent.most() - self.span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: Extent = Extent { steps: 100, events: 600 };

    #[test]
    fn what_is_under_the_pointer_stays_there() {
        let mut scale = Timescale::step(50);
        for factor in [0.5, 0.5, 3.0, 2.0, 1.1, 4.0] {
            let before = scale.time(0.3);
            scale.zoom(0.3, factor, EXTENT);
            assert!((scale.time(0.3) - before).abs() < 1e-9, "{scale:?}");
            assert!((scale.time(scale.share(49.7)) - 49.7).abs() < 1e-9);
        }
    }

    #[test]
    fn it_shows_no_more_than_the_run_and_no_less_than_a_few_events() {
        let mut scale = Timescale::step(1);
        scale.zoom(0.0, 1e-9, EXTENT);
        assert_eq!((scale, scale.ends()), (Timescale::whole(EXTENT), (0.0, 100.0)));
        scale.zoom(1.0, 1e9, EXTENT);
        assert_eq!(scale.span(), 0.01);
        scale.pan(1e9, EXTENT);
        assert!((scale.ends().1 - 100.0).abs() < 1e-9);
        scale.pan(-1e9, EXTENT);
        assert_eq!(scale.ends().0, 0.0);
    }

    #[test]
    fn the_page_turns_with_the_playhead() {
        let mut scale = Timescale::default();
        // One step is shown whole, also at its very end.
        scale.follow(3, 3.0, EXTENT);
        assert_eq!(scale.ends(), (2.0, 3.0));
        scale.follow(4, 3.0, EXTENT);
        assert_eq!(scale.ends(), (3.0, 4.0));
        scale.zoom(0.5, 4.0, EXTENT);
        let (from, to) = scale.ends();
        scale.follow(4, to - 0.01, EXTENT);
        assert_eq!(scale.ends(), (from, to), "as long as it is seen nothing moves");
        scale.follow(4, to + 0.01, EXTENT);
        assert!((scale.share(to + 0.01) - 0.1).abs() < 1e-9);
        scale.follow(4, 3.0, EXTENT);
        assert!(scale.ends().0 <= 3.0 && scale.ends().1 > 3.0);
    }
}
