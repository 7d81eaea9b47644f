//! Which events move together, and how far they have come.
//!
//! The events of a moment that belong to one layer of one phase move together as one wave; a moment that
//! covers more than that plays its waves one after the other. It must not know what anything looks like.

use crate::granularity::Granularity;
use crate::scene::Moment;
use crate::timeline::Timeline;
use std::ops::Range;

/// The share of a wave's time after which what was on its way has arrived.
pub(crate) const ARRIVE: f32 = 0.72;
/// When neurons move forward together: the sums are complete.
pub(crate) const GROUP_SUMS: f32 = 0.6;
/// When neurons move forward together: the activations are known.
pub(crate) const GROUP_ACTIVE: f32 = 0.8;
/// When neurons move back together: their δ is known and leaves along the weights.
pub(crate) const GROUP_DELTA: f32 = 0.25;

/// Events that are being played together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wave {
    /// Not empty, except before the first and after the last event.
    pub(crate) events: Range<usize>,
    /// 0 to 1.
    pub(crate) progress: f32,
}

impl Wave {
    pub(crate) fn of(timeline: &Timeline, moment: &Moment) -> Self {
        let end = moment.events.end.min(timeline.len());
        let start = moment.events.start.min(end);
        let progress = if moment.progress.is_nan() { 0.0 } else { moment.progress.clamp(0.0, 1.0) };
        let mut waves = Vec::new();
        let mut at = start;
        while at < end {
            let stop = timeline.unit(at, Granularity::Layer).end.min(end);
            waves.push(at..stop);
            at = stop;
        }
        let Some(last) = waves.len().checked_sub(1) else { return Self { events: start..end, progress } };
        let along = progress * waves.len() as f32;
        let nth = (along as usize).min(last);
        Self { events: waves.swap_remove(nth), progress: (along - nth as f32).clamp(0.0, 1.0) }
    }

    /// How far on its way something is that leaves at share `from` of the wave and arrives at share `to`.
    pub(crate) fn way(&self, from: f32, to: f32) -> f32 {
        ease((self.progress - from) / (to - from))
    }

    /// Whether what was on its way has arrived.
    pub(crate) fn arrived(&self) -> bool {
        self.progress >= ARRIVE
    }

    /// A halo that is there as long as the wave and swells in its middle.
    pub(crate) fn glow(&self) -> f32 {
        let swell = 4.0 * self.progress * (1.0 - self.progress);
        0.6 + 0.4 * swell
    }
}

/// From 0 to 1, slowly at both ends.
pub(crate) fn ease(share: f32) -> f32 {
    let x = share.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}
