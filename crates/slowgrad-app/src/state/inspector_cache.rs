//! The explanation of the selected element, computed once per step, sample and element.

use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::inspect;
use slowgrad_timeline::explain::words::Explainer;
use slowgrad_timeline::scene::{Inspector, Target};
use std::sync::Arc;

/// The last explanation.
#[derive(Default)]
pub(crate) struct InspectorCache(Option<CachedInspector>);

struct CachedInspector {
    timeline: Arc<Timeline>,
    sample: Option<usize>,
    inspector: Inspector,
}

impl InspectorCache {
    /// The explanation of an element at an event.
    pub(crate) fn get(&mut self, timeline: &Arc<Timeline>, event: usize, target: Target) -> &Inspector {
        let sample = timeline.address(event.min(timeline.len() - 1)).sample;
        let cached = self.0.take().filter(|cached| {
            Arc::ptr_eq(&cached.timeline, timeline) && cached.sample == sample && cached.inspector.target == target
        });
        let cached = cached.unwrap_or_else(|| CachedInspector {
            timeline: Arc::clone(timeline),
            sample,
            inspector: inspect(timeline, event, target, Explainer { digits: 3 }),
        });
        &self.0.insert(cached).inspector
    }
}
