//! Everything that drawing may read at a moment.
//!
//! A context must not change while a scene is drawn; the scene under construction is a
//! [`SceneDraft`](super::draw::SceneDraft). It must not know phases.

use super::computed_values::ComputedValues;
use super::draw::weight_labels::WeightLabels;
use super::layout::{Layout, ROOMY_RADIUS_WORLD};
use super::moment_progress::MomentProgress;
use super::played_events::PlayedEvents;
use super::text_size::{TEXT_SIZE_WORLD, legible};
use super::{Bounds, Math, Moment, SceneOptions, SceneSummary, Target};
use crate::events::Timeline;
use crate::explain::symbols;
use crate::explain::words::Explainer;
use crate::number_format;
use slowgrad_engine::shape::Parameter;

/// A disc with a smaller radius on screen has no room for a map.
const MIN_MAP_RADIUS_PTS: f32 = 9.0;

/// The inputs of a scene and the results that its parts share.
#[derive(Debug)]
pub(super) struct SceneContext<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) layout: &'a Layout,
    pub(super) options: &'a SceneOptions,
    pub(super) summary: &'a SceneSummary,
    pub(super) progress: MomentProgress,
    pub(super) played: PlayedEvents,
    pub(super) values: ComputedValues<'a>,
    pub(super) weight_labels: WeightLabels,
    pub(super) words: Explainer,
}

impl<'a> SceneContext<'a> {
    pub(super) fn new(
        summary: &'a SceneSummary,
        timeline: &'a Timeline,
        layout: &'a Layout,
        moment: &Moment,
        options: &'a SceneOptions,
    ) -> Self {
        let progress = MomentProgress::of(timeline, moment);
        Self {
            timeline,
            layout,
            options,
            summary,
            played: PlayedEvents::of(timeline, &progress.events),
            values: ComputedValues::new(timeline, &progress),
            progress,
            weight_labels: WeightLabels::place(&timeline.step().shape, layout, options),
            words: Explainer { digits: options.digits },
        }
    }

    pub(super) fn number(&self, x: f64) -> String {
        number_format::number(x, self.options.digits)
    }

    /// A number as a term or a factor: in brackets if it is negative.
    pub(super) fn enclosed(&self, x: f64) -> String {
        let text = self.number(x);
        if text.starts_with('−') { format!("({text})") } else { text }
    }

    /// The size of text around an element, for text of size `usual` around a large disc. It is legible at every zoom.
    pub(super) fn text_size(&self, usual: f32, target: Target) -> f32 {
        let scale = (self.layout.radius(target) / ROOMY_RADIUS_WORLD).min(1.0);
        self.legible(usual * scale)
    }

    /// The size of text that is not about an element. See [`legible`].
    pub(super) fn legible(&self, usual: f32) -> f32 {
        legible(usual, self.options)
    }

    /// Whether the discs of a column have room for text above and below.
    pub(super) fn has_words(&self, target: Target) -> bool {
        self.layout.gap(column(target)) >= 2.5 * self.text_size(TEXT_SIZE_WORLD, target)
    }

    /// Whether the discs of a column have room for two lines below.
    pub(super) fn has_two_lines(&self, target: Target) -> bool {
        self.layout.gap(column(target)) >= 4.3 * self.text_size(TEXT_SIZE_WORLD, target)
    }

    /// Whether a disc is drawn with its map.
    pub(super) fn has_map(&self, target: Target) -> bool {
        let radius_pts = self.layout.radius(target) * self.options.zoom;
        let maps = self.options.maps.as_ref().filter(|_| radius_pts >= MIN_MAP_RADIUS_PTS);
        maps.is_some_and(|maps| maps.has(&self.values.step.shape, target))
    }

    /// Whether a disc may be visible.
    pub(super) fn is_visible(&self, target: Target) -> bool {
        let ([x, y], radius) = (self.layout.position(target), self.layout.radius(target));
        let Some(visible) = self.options.visible else { return true };
        visible.overlaps(Bounds { min: [x - radius, y - radius], max: [x + radius, y + radius] })
    }

    /// x₁ or a₁: an input of a layer.
    pub(super) fn layer_input_name(layer: usize, input: usize) -> Math {
        symbols::layer_input(layer, input)
    }

    /// a₁, or ŷ₁ in the last layer.
    pub(super) fn activation_name(&self, layer: usize, neuron: usize) -> Math {
        symbols::activation(&self.values.step.shape, layer, neuron)
    }

    /// w₁₂ or b₁.
    pub(super) fn parameter_name(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        symbols::parameter(&self.values.step.shape, Parameter { layer, neuron, input })
    }
}

/// The column of a disc: 0 for the inputs. The loss is in none.
fn column(target: Target) -> usize {
    match target {
        Target::Input(_) => 0,
        Target::Neuron { layer, .. } | Target::Bias { layer, .. } | Target::Weight { layer, .. } => layer + 1,
        Target::Loss => usize::MAX,
    }
}
