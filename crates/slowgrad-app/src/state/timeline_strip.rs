//! The visible range of the timeline strip, and a range that is being selected on it.
//!
//! It must not know how the strip is drawn.

use slowgrad_session::Session;
use slowgrad_session::visible_range::{RunExtent, VisibleRange};
use slowgrad_timeline::Timeline;
use slowgrad_timeline::playback::playhead::Playhead;

/// The state of the strip.
#[derive(Debug, Default)]
pub(crate) struct TimelineStrip {
    scale: VisibleRange,
    /// Step and time of the playhead in the last frame.
    last_position: Option<(u64, f64)>,
    /// The event at which a range selection has started.
    selection_start: Option<usize>,
}

impl TimelineStrip {
    pub(crate) fn scale(&self) -> VisibleRange {
        self.scale
    }

    pub(crate) fn scale_mut(&mut self) -> &mut VisibleRange {
        &mut self.scale
    }

    /// The event at which a range selection has started.
    pub(crate) fn selection_start(&self) -> Option<usize> {
        self.selection_start
    }

    pub(crate) fn set_selection_start(&mut self, event: Option<usize>) {
        self.selection_start = event;
    }

    /// Zooms around the playhead, or around the middle when the playhead is out of view.
    pub(crate) fn zoom(&mut self, factor: f64, session: &Session) {
        let Some((timeline, playhead)) = session.now() else { return };
        let at = self.scale.share(run_time(timeline, playhead.position()));
        let at = if (0.0..=1.0).contains(&at) { at } else { 0.5 };
        self.scale.zoom(at, factor, extent(session, timeline));
    }

    /// Shows the whole run, or the current step when the whole run is shown.
    pub(crate) fn toggle_whole(&mut self, session: &Session) {
        let Some((timeline, _)) = session.now() else { return };
        let whole = VisibleRange::whole(extent(session, timeline));
        self.scale = if self.scale == whole { VisibleRange::step(timeline.step().step) } else { whole };
    }

    /// Scrolls to the playhead when it has moved.
    pub(crate) fn follow(&mut self, session: &Session, timeline: &Timeline, playhead: &Playhead) {
        let now = (timeline.step().step, run_time(timeline, playhead.position()));
        if self.last_position != Some(now) {
            self.last_position = Some(now);
            if self.selection_start.is_none() {
                self.scale.follow(now.0, now.1, extent(session, timeline));
            }
        }
    }
}

/// The length of the run, for the limits of the visible range.
pub(crate) fn extent(session: &Session, timeline: &Timeline) -> RunExtent {
    let furthest = session.snapshot.as_ref().map_or(0, |snapshot| snapshot.furthest);
    RunExtent { steps: (furthest + 1).max(timeline.step().step), events: timeline.len() }
}

/// A position in the current step as a time of the run, in steps.
pub(crate) fn run_time(timeline: &Timeline, position: f64) -> f64 {
    (timeline.step().step - 1) as f64 + position / timeline.len().max(1) as f64
}
