//! The events that move at a moment, and their progress.
//!
//! The events of one layer and phase move together. A moment that covers more of them plays one group after the other.
//! This module must not know what anything looks like.

use super::Moment;
use crate::events::Granularity;
use crate::events::Timeline;
use std::ops::Range;

/// The progress at which moving numbers arrive.
pub(super) const ARRIVAL: f32 = 0.72;
/// The progress at which the sums of neurons that move forward together are complete.
pub(super) const GROUP_SUMS: f32 = 0.6;
/// The progress at which the activations of neurons that move forward together are computed.
pub(super) const GROUP_ACTIVATIONS: f32 = 0.8;
/// The progress at which the δ of neurons that move backward together are computed and leave along the weights.
pub(super) const GROUP_DELTAS: f32 = 0.25;

/// The events that move together at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct MomentProgress {
    /// Indices into the timeline; empty only before the first event and after the last.
    pub(super) events: Range<usize>,
    /// From 0 to 1.
    pub(super) progress: f32,
}

impl MomentProgress {
    pub(super) fn of(timeline: &Timeline, moment: &Moment) -> Self {
        let end = moment.events.end.min(timeline.len());
        let start = moment.events.start.min(end);
        let progress = if moment.progress.is_nan() { 0.0 } else { moment.progress.clamp(0.0, 1.0) };
        let mut groups = Vec::new();
        let mut at = start;
        while at < end {
            let stop = timeline.unit(at, Granularity::Layer).end.min(end);
            groups.push(at..stop);
            at = stop;
        }
        let Some(last) = groups.len().checked_sub(1) else { return Self { events: start..end, progress } };
        let scaled = progress * groups.len() as f32;
        let nth = (scaled as usize).min(last);
        Self { events: groups.swap_remove(nth), progress: (scaled - nth as f32).clamp(0.0, 1.0) }
    }

    /// The eased progress, from 0 to 1, of a movement that starts at progress `from` and ends at progress `to`.
    pub(super) fn eased(&self, from: f32, to: f32) -> f32 {
        ease((self.progress - from) / (to - from))
    }

    /// Whether moving numbers have arrived.
    pub(super) fn arrived(&self) -> bool {
        self.progress >= ARRIVAL
    }

    /// Strength of the halo around the current elements. It swells in the middle.
    pub(super) fn glow(&self) -> f32 {
        let swell = 4.0 * self.progress * (1.0 - self.progress);
        0.6 + 0.4 * swell
    }
}

/// Smoothstep: from 0 to 1, slowly at both ends.
fn ease(share: f32) -> f32 {
    let x = share.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}
