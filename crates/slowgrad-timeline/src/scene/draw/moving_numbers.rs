//! Numbers that move between elements: a dot with its number.
//!
//! It must not know phases.

use super::{SceneContext, SceneDraft};
use crate::scene::label_placement::{LabelText, Rank};
use crate::scene::moment_progress::ARRIVAL;
use crate::scene::{Anchor, Ink, LabelBackground, Math, Point, Pulse};

/// More dots than this move without numbers.
pub(super) const MAX_MOVING_NUMBERS: usize = 24;
/// The maximum number of dots that move together.
pub(super) const MAX_PULSES: usize = 600;

/// Text size of moving numbers.
const MOVING_NUMBER_SIZE_WORLD: f32 = 14.5;
/// Radius of a dot with a number.
const DOT_RADIUS_WORLD: f32 = 6.5;
/// Radius of a dot without a number, which is one of many.
const SMALL_DOT_RADIUS_WORLD: f32 = 4.0;

/// A moving number, or a moving dot without one.
#[derive(Debug, Clone)]
pub(super) struct MovingNumber {
    ink: Ink,
    text: Option<String>,
}

impl MovingNumber {
    /// A number in the colour of its meaning; `with_text` decides whether it is shown.
    pub(super) fn new(context: &SceneContext, x: f64, ink: fn(f64) -> Ink, with_text: bool) -> Self {
        Self { ink: ink(x), text: with_text.then(|| context.number(x)) }
    }

    /// Draws the number at a share of the straight way between two positions.
    pub(super) fn draw(self, context: &SceneContext, draft: &mut SceneDraft, from: Point, to: Point, share: f32) {
        let share = if context.options.reduced_motion && share < 1.0 { 0.5 } else { share };
        let direction = [to[0] - from[0], to[1] - from[1]];
        let center = [from[0] + direction[0] * share, from[1] + direction[1] * share];
        self.draw_at(context, draft, center, direction, share);
    }

    /// Draws the number on the edge of a weight, from 0 at the input's end to 1 at the neuron's.
    pub(super) fn draw_along(
        self,
        context: &SceneContext,
        draft: &mut SceneDraft,
        (layer, neuron, input): (usize, usize, usize),
        share: f32,
    ) {
        let share = if context.options.reduced_motion { 0.5 } else { share };
        let center = context.layout.along(layer, neuron, input, share);
        let (from, to) = context.layout.edge(layer, neuron, input);
        self.draw_at(context, draft, center, [to[0] - from[0], to[1] - from[1]], share);
    }

    /// Draws the dot and its number. The number is ahead of the dot when it leaves and behind it when it arrives, so that
    /// it covers neither end.
    fn draw_at(self, context: &SceneContext, draft: &mut SceneDraft, center: Point, direction: Point, share: f32) {
        let ink = self.ink;
        let radius = if self.text.is_some() { DOT_RADIUS_WORLD } else { SMALL_DOT_RADIUS_WORLD };
        draft.pulses.push(Pulse { center, radius, ink });
        let Some(text) = self.text else { return };
        let text = label_text(context, text, ink);
        let half = half_size(&text);
        let length = direction[0].hypot(direction[1]).max(1e-3);
        let unit = direction.map(|part| part / length);
        // From the middle of the label to its border in the direction of the movement. At most half the length, so that
        // the number never moves backwards.
        let reach = (half[0] / unit[0].abs().max(1e-3)).min(half[1] / unit[1].abs().max(1e-3)).min(0.5 * length);
        let ahead = reach * (1.0 - 2.0 * share);
        let place = [center[0] + unit[0] * ahead, center[1] + unit[1] * ahead];
        draft.labels.add(Rank::Moving, place, Anchor::Center, text);
    }
}

/// Draws the dot of a number that has arrived: it shrinks and disappears.
pub(super) fn draw_arrival(context: &SceneContext, pulses: &mut Vec<Pulse>, center: Point, ink: Ink) {
    let remaining = 1.0 - context.progress.eased(ARRIVAL, 1.0);
    if remaining > 0.0 {
        pulses.push(Pulse { center, radius: DOT_RADIUS_WORLD * remaining, ink });
    }
}

/// Whether `count` numbers that move through a layer can be read. Between columns that are too close they would cover
/// discs.
pub(super) fn fit_numbers(context: &SceneContext, layer: usize, count: usize) -> bool {
    let [from, to] = [layer, layer + 1].map(|column| context.layout.extent(column));
    let widest = label_text(context, "−0.0000".to_owned(), Ink::Text);
    count <= MAX_MOVING_NUMBERS && to.min[0] - from.max[0] >= 2.0 * half_size(&widest)[0]
}

fn label_text(context: &SceneContext, text: String, ink: Ink) -> LabelText {
    LabelText::new(Math::text(text), context.legible(MOVING_NUMBER_SIZE_WORLD), ink).on(LabelBackground::Pill)
}

/// Half the width and half the height of a label.
fn half_size(text: &LabelText) -> Point {
    text.clone().at([0.0; 2], Anchor::Center).room().max
}
