//! The network of the comparison: its scene, its view, and which of the two runs is explained.
//!
//! It must not know panels or keys.

use super::scene_cache::{SceneCache, predictions_moment};
use slowgrad_session::Session;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::scene::{Moment, Scene, SceneOptions, View, zoom_step};
use std::sync::Arc;

/// The view of the comparison run.
#[derive(Default)]
pub(crate) struct ComparisonView {
    pub(super) scenes: SceneCache,
    view: View,
    focused: bool,
    pinned: Option<PinnedEvent>,
}

/// An event of the comparison that a link led to. It is shown until the baseline moves on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PinnedEvent {
    pub(crate) step: u64,
    /// The event of the baseline at that time.
    pub(crate) baseline: usize,
    /// The event of the comparison.
    pub(crate) comparison: usize,
}

impl ComparisonView {
    /// Whether the values of the comparison are explained instead of those of the baseline.
    pub(crate) fn is_focused(&self) -> bool {
        self.focused
    }

    pub(crate) fn set_focused(&mut self, focused: bool) {
        self.focused = focused;
    }

    pub(crate) fn pin(&mut self, event: PinnedEvent) {
        self.pinned = Some(event);
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    pub(crate) fn view_mut(&mut self) -> &mut View {
        &mut self.view
    }

    /// Drops the focus when the comparison has ended.
    pub(super) fn update(&mut self, comparing: bool) {
        self.focused &= comparing;
    }

    /// The step of the comparison, when its values are explained.
    pub(crate) fn focused_timeline(&self, session: &Session) -> Option<Arc<Timeline>> {
        let comparison = session.snapshot.as_ref()?.comparison.as_ref()?;
        comparison.timeline.clone().filter(|_| self.focused)
    }

    /// The moment of the comparison: the same operation with the same progress, or the pinned event.
    pub(crate) fn moment(&self, session: &Session, theirs: &Timeline) -> Option<Moment> {
        let (mine, playhead) = session.now()?;
        if session.is_full_speed() {
            return Some(predictions_moment(theirs));
        }
        let events = playhead.unit();
        let still = !playhead.is_playing() && theirs.step().step == mine.step().step;
        let pinned = self.pinned.filter(|pinned| {
            still
                && (pinned.step, pinned.baseline) == (mine.step().step, playhead.event())
                && pinned.comparison < theirs.len()
        });
        if let Some(PinnedEvent { comparison, .. }) = pinned {
            return Some(Moment { events: comparison..comparison + 1, progress: playhead.progress() });
        }
        let start = mine.counterpart(events.start, theirs);
        let end = mine.counterpart(events.end, theirs).max(start + 1).min(theirs.len());
        Some(Moment { events: start..end, progress: playhead.progress() })
    }

    /// The scene of the comparison at this moment.
    pub(crate) fn scene(&mut self, session: &Session) -> Option<Arc<Scene>> {
        let comparison = session.snapshot.as_ref()?.comparison.as_ref()?;
        let (theirs, picture) = (comparison.timeline.as_ref()?, comparison.summary.as_ref()?);
        let moment = self.moment(session, theirs)?;
        let options = SceneOptions {
            selected: session.view.selected,
            maps: comparison.maps.clone(),
            zoom: zoom_step(self.view.zoom),
            ..SceneOptions::default()
        };
        Some(self.scenes.scene((theirs, picture), &moment, &options))
    }
}
