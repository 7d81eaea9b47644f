//! Labels around discs and on edges: names, gradients, biases, and the plate of the current operation.
//!
//! It must not know phases.

use super::SceneContext;
use crate::scene::label_placement::{LabelPlacement, LabelText, Rank};
use crate::scene::text_size::TEXT_SIZE_WORLD;
use crate::scene::{Anchor, CHARACTER_WIDTH, Ink, LabelBackground, Math, Point, Target};
use slowgrad_engine::shape::Parameter;

/// The distance from a disc to the text above it.
pub(super) const DISC_GAP_WORLD: f32 = 5.0;
/// The height of a line, as a share of the text size.
pub(super) const LINE_HEIGHT: f32 = 1.22;
/// A current operation is drawn in smaller text if it would be wider than this; it could cover the discs at both ends of
/// an edge.
const PLATE_WIDTH_WORLD: f32 = 150.0;
/// Limits of that text size.
const PLATE_TEXT_SIZE_WORLD: [f32; 2] = [11.0, 14.5];

/// The side of a disc that a label is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LabelSide {
    /// Above: the name of the number in the disc.
    Above,
    /// The first line below: the bias.
    Bias,
    /// The line below the bias, or the first line if the disc has no bias: the gradient.
    Gradient,
}

/// Adds a label next to a disc.
pub(super) fn add_around(
    context: &SceneContext,
    labels: &mut LabelPlacement,
    target: Target,
    side: LabelSide,
    rank: Rank,
    text: LabelText,
) {
    let ([x, y], radius) = (context.layout.position(target), context.layout.radius(target));
    let line = LINE_HEIGHT * context.text_size(TEXT_SIZE_WORLD, target);
    // The number at the rim of a disc with a map extends a little beyond it.
    let overhang = if context.has_map(target) { (0.3 * line).max(DISC_GAP_WORLD) } else { DISC_GAP_WORLD };
    let below = radius + overhang;
    let has_bias = matches!(target, Target::Neuron { layer, .. } if context.values.step.shape.has_biases(layer));
    let second_line = has_bias && context.has_two_lines(target);
    let (place, anchor) = match side {
        LabelSide::Above => ([x, y - radius - DISC_GAP_WORLD], Anchor::Above),
        LabelSide::Bias => ([x, y + below], Anchor::Below),
        LabelSide::Gradient => ([x, y + below + if second_line { line } else { 0.0 }], Anchor::Below),
    };
    labels.add(rank, place, anchor, text.about(target));
}

/// Adds the plate of the current operation next to a disc.
pub(super) fn add_current(
    context: &SceneContext,
    labels: &mut LabelPlacement,
    target: Target,
    side: LabelSide,
    math: Math,
    ink: Ink,
) {
    let text = plate(context, math, ink);
    add_around(context, labels, target, side, Rank::Current, text);
}

/// Adds the plate of the current operation on a parameter, at the position of the parameter's number.
pub(super) fn add_current_parameter(
    context: &SceneContext,
    labels: &mut LabelPlacement,
    parameter: Parameter,
    math: Math,
    ink: Ink,
) {
    let Parameter { layer, neuron, input } = parameter;
    let Some(input) = input else {
        return add_current(context, labels, Target::Neuron { layer, neuron }, LabelSide::Bias, math, ink);
    };
    let text = plate(context, math, ink).about(parameter.into());
    let place = between_discs(context, layer, neuron, input, &text);
    labels.add(Rank::Current, place, Anchor::Center, text);
}

fn plate(context: &SceneContext, math: Math, ink: Ink) -> LabelText {
    let [min, max] = PLATE_TEXT_SIZE_WORLD;
    let characters = math.plain().chars().count().max(1) as f32;
    let size = context.legible((PLATE_WIDTH_WORLD / (CHARACTER_WIDTH * characters)).clamp(min, max));
    LabelText::new(math, size, ink).on(LabelBackground::Plate)
}

/// The position of text about a weight: that of the weight's number, moved along the edge so that it covers neither disc.
pub(super) fn between_discs(
    context: &SceneContext,
    layer: usize,
    neuron: usize,
    input: usize,
    text: &LabelText,
) -> Point {
    let usual = weight_position(context, layer, neuron, input);
    let [(ax, ar), (bx, br)] = [Target::layer_input(layer, input), Target::Neuron { layer, neuron }]
        .map(|end| (context.layout.position(end)[0], context.layout.radius(end)));
    let half = 0.5 * (CHARACTER_WIDTH * text.math.plain().chars().count() as f32 + 0.8) * text.size + 4.0;
    let (low, high) = (ax + ar + half, bx - br - half);
    let (from, to) = context.layout.edge(layer, neuron, input);
    if context.layout.matrix(layer).is_some() || (to[0] - from[0]).abs() < 1.0 {
        return usual;
    }
    let x = if low > high { f32::midpoint(low, high) } else { usual[0].clamp(low, high) };
    let share = ((x - from[0]) / (to[0] - from[0])).clamp(0.0, 1.0);
    [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share]
}

/// The position of a weight's number on its edge.
pub(super) fn weight_position(context: &SceneContext, layer: usize, neuron: usize, input: usize) -> Point {
    let flat = neuron * context.values.step.shape.fan_in(layer) + input;
    let placed = context.weight_labels.position(layer, flat);
    placed.unwrap_or_else(|| context.layout.position(Target::Weight { layer, neuron, input }))
}
