//! The part of a run that the timeline strip shows, from the whole run down to a few operations.
//!
//! Time is measured in training steps: 2.5 is after half of the events of the third step. It must not know pixels or
//! panels; positions along the strip are shares from 0 to 1.

/// The number of events in the strip at the highest zoom.
const MIN_EVENTS: f64 = 6.0;

/// The range of time in the strip.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VisibleRange {
    start: f64,
    /// The length, in steps.
    span: f64,
}

impl Default for VisibleRange {
    /// The first step.
    fn default() -> Self {
        Self { start: 0.0, span: 1.0 }
    }
}

/// The length of the run and of the present step, which limit the zoom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunExtent {
    /// The number of steps of the run.
    pub steps: u64,
    /// The number of events in the present step.
    pub events: usize,
}

impl RunExtent {
    fn max_span(self) -> f64 {
        self.steps.max(1) as f64
    }

    fn min_span(self) -> f64 {
        (MIN_EVENTS / self.events.max(1) as f64).min(1.0)
    }
}

impl VisibleRange {
    /// The times at the left and the right end.
    pub fn ends(self) -> (f64, f64) {
        (self.start, self.start + self.span)
    }

    /// The length, in steps.
    pub fn span(self) -> f64 {
        self.span
    }

    /// The position of a time along the strip; outside 0 to 1 it is not visible.
    pub fn share(self, time: f64) -> f64 {
        (time - self.start) / self.span
    }

    /// The time at a position along the strip.
    pub fn time(self, share: f64) -> f64 {
        self.start + share * self.span
    }

    /// Zooms by a factor around the position `at`, which keeps its time.
    pub fn zoom(&mut self, at: f64, factor: f64, extent: RunExtent) {
        let fixed = self.time(at);
        self.span = (self.span / factor).clamp(extent.min_span(), extent.max_span());
        self.start = fixed - at * self.span;
        self.clamp(extent);
    }

    /// Moves by a share of the strip.
    pub fn pan(&mut self, by: f64, extent: RunExtent) {
        self.start += by * self.span;
        self.clamp(extent);
    }

    /// The range of the whole run.
    pub fn whole(extent: RunExtent) -> Self {
        Self { start: 0.0, span: extent.max_span() }
    }

    /// The range of one step, from 1.
    pub fn step(step: u64) -> Self {
        Self { start: step.saturating_sub(1) as f64, span: 1.0 }
    }

    /// Scrolls by a page when a time in a step, from 1, is no longer visible.
    pub fn follow(&mut self, step: u64, time: f64, extent: RunExtent) {
        let (from, to) = self.ends();
        if self.span == 1.0 && from == from.floor() {
            // The end of a step belongs to that step, not to the next one.
            *self = Self::step(step);
        } else if time < from {
            self.start = time - 0.9 * self.span;
        } else if time > to {
            self.start = time - 0.1 * self.span;
        }
        self.clamp(extent);
    }

    fn clamp(&mut self, extent: RunExtent) {
        self.span = self.span.clamp(extent.min_span(), extent.max_span());
        self.start = self.start.clamp(0.0, extent.max_span() - self.span);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXTENT: RunExtent = RunExtent { steps: 100, events: 600 };

    #[test]
    fn zoom_keeps_the_time_at_the_pointer() {
        let mut scale = VisibleRange::step(50);
        for factor in [0.5, 0.5, 3.0, 2.0, 1.1, 4.0] {
            let before = scale.time(0.3);
            scale.zoom(0.3, factor, EXTENT);
            assert!((scale.time(0.3) - before).abs() < 1e-9, "{scale:?}");
            assert!((scale.time(scale.share(49.7)) - 49.7).abs() < 1e-9);
        }
    }

    #[test]
    fn zoom_is_limited_to_the_run_and_a_few_events() {
        let mut scale = VisibleRange::step(1);
        scale.zoom(0.0, 1e-9, EXTENT);
        assert_eq!((scale, scale.ends()), (VisibleRange::whole(EXTENT), (0.0, 100.0)));
        scale.zoom(1.0, 1e9, EXTENT);
        assert_eq!(scale.span(), 0.01);
        scale.pan(1e9, EXTENT);
        assert!((scale.ends().1 - 100.0).abs() < 1e-9);
        scale.pan(-1e9, EXTENT);
        assert_eq!(scale.ends().0, 0.0);
    }

    #[test]
    fn the_range_follows_the_playhead_by_pages() {
        let mut scale = VisibleRange::default();
        // A range of one step shows the whole step, including its end.
        scale.follow(3, 3.0, EXTENT);
        assert_eq!(scale.ends(), (2.0, 3.0));
        scale.follow(4, 3.0, EXTENT);
        assert_eq!(scale.ends(), (3.0, 4.0));
        scale.zoom(0.5, 4.0, EXTENT);
        let (from, to) = scale.ends();
        scale.follow(4, to - 0.01, EXTENT);
        assert_eq!(scale.ends(), (from, to), "the range is fixed while the time is visible");
        scale.follow(4, to + 0.01, EXTENT);
        assert!((scale.share(to + 0.01) - 0.1).abs() < 1e-9);
        scale.follow(4, 3.0, EXTENT);
        assert!(scale.ends().0 <= 3.0 && scale.ends().1 > 3.0);
    }
}
