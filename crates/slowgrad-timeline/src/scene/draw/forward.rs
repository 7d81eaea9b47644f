//! The forward pass: numbers move to the right, become products on the way, are summed, and pass the activation.
//!
//! It must not know gradients or updates.

use super::disc_labels::{LabelSide, add_current};
use super::moving_numbers::{MAX_MOVING_NUMBERS, MAX_PULSES, MovingNumber, draw_arrival, fit_numbers};
use super::{SceneContext, SceneDraft, equation, value_ink, weight_ink};
use crate::events::{Cell, Event, EventKind};
use crate::explain::expression::{Term, compose};
use crate::scene::label_placement::LabelPlacement;
use crate::scene::layout::{ENTRANCE_WORLD, toward};
use crate::scene::moment_progress::{ARRIVAL, GROUP_ACTIVATIONS, GROUP_SUMS};
use crate::scene::{Edge, Ink, Math, Target};
use slowgrad_tape::{Notation, Op};
use std::ops::Range;

/// The maximum number of dots that leave a matrix together.
const MAX_MATRIX_PULSES: usize = 240;
/// The distance from the rim of a disc to the start of its bias's movement.
pub(super) const BIAS_GAP_WORLD: f32 = 14.0;

/// Draws one operation of the forward pass.
pub(in crate::scene) fn draw_event(context: &SceneContext, draft: &mut SceneDraft, event: &Event) {
    let share = context.progress.eased(0.0, ARRIVAL);
    let arrived = context.progress.arrived();
    match &event.kind {
        EventKind::Enter { input, value } => draw_entrance(context, draft, *input, *value, true),
        EventKind::Product { input, x, product, .. } => {
            let (Some((layer, neuron)), input) = (neuron_of(event), *input) else { return };
            if !arrived {
                draw_product(context, draft, (layer, neuron, input), share, [*x, *product], true);
            } else if input == 0 {
                // The first product is the first sum. Others wait for their addition.
                let (_, rim) = context.layout.edge(layer, neuron, input);
                draw_arrival(context, &mut draft.pulses, rim, value_ink(*product));
            }
        }
        EventKind::Accumulate { input, weight, x, before, sum } => {
            let Some((layer, neuron)) = neuron_of(event) else { return };
            let target = Target::Neuron { layer, neuron };
            draw_sum(context, &mut draft.labels, target, [*before, weight * x], *sum);
            if arrived {
                let (_, rim) = context.layout.edge(layer, neuron, *input);
                let inside = toward(rim, context.layout.position(target), 0.4 * context.layout.radius(target));
                draw_arrival(context, &mut draft.pulses, inside, value_ink(*sum));
            }
        }
        EventKind::AddBias { sum, bias, z } => {
            let Some((layer, neuron)) = neuron_of(event) else { return };
            let target = Target::Neuron { layer, neuron };
            if !arrived {
                let ([x, y], radius) = (context.layout.position(target), context.layout.radius(target));
                let (from, to) = ([x, y + radius + BIAS_GAP_WORLD], [x, y + radius * 0.4]);
                MovingNumber::new(context, *bias, weight_ink, true).draw(context, draft, from, to, share);
            }
            draw_sum(context, &mut draft.labels, target, [*sum, *bias], *z);
        }
        EventKind::Operation { .. } | EventKind::Compare { .. } => {
            draw_operation(context, &mut draft.labels, event.target, LabelSide::Above, &event.kind, value_ink);
        }
        EventKind::Activated { neuron, a, .. } => {
            let layer = event.address.cell.layer().unwrap_or(0);
            let math = equation(context.activation_name(layer, *neuron), context.number(*a));
            add_current(context, &mut draft.labels, event.target, LabelSide::Above, math, value_ink(*a));
        }
        _ => {}
    }
}

/// Draws all inputs of a sample, which enter together.
pub(in crate::scene) fn draw_inputs(context: &SceneContext, draft: &mut SceneDraft) {
    let input = &context.values.recorded().input;
    let with_text = input.len() <= MAX_MOVING_NUMBERS;
    for (nth, &x) in input.iter().enumerate().take(MAX_PULSES) {
        draw_entrance(context, draft, nth, x, with_text);
    }
}

/// Draws neurons that are computed together: their products move, then the sums appear, then the activations.
pub(in crate::scene) fn draw_neurons(
    context: &SceneContext,
    draft: &mut SceneDraft,
    layer: usize,
    neurons: &Range<usize>,
) {
    let progress = context.progress.progress;
    if progress >= GROUP_SUMS {
        if neurons.len() == 1 && progress < GROUP_ACTIVATIONS {
            let neuron = neurons.start;
            let z = context.values.recorded().layers[layer].z[neuron];
            let math = equation(Math::indexed("z", (neuron + 1).to_string()), context.number(z));
            let target = Target::Neuron { layer, neuron };
            add_current(context, &mut draft.labels, target, LabelSide::Above, math, value_ink(z));
        }
        return;
    }
    let share = context.progress.eased(0.0, GROUP_SUMS);
    let moving = moving_weights(context, &draft.edges, layer, neurons);
    let with_text = fit_numbers(context, layer, moving.len());
    for (neuron, input) in moving {
        let (w, x) = (context.values.weights(layer, neuron)[input], context.values.layer_input(layer, input));
        draw_product(context, draft, (layer, neuron, input), share, [x, w * x], with_text);
    }
}

/// The weights `(neuron, input)` along which dots move: those with an edge, evenly thinned out if they are too many. Of a
/// matrix, evenly distributed cells.
pub(super) fn moving_weights(
    context: &SceneContext,
    edges: &[Edge],
    layer: usize,
    neurons: &Range<usize>,
) -> Vec<(usize, usize)> {
    if context.layout.matrix(layer).is_some() {
        let fan_in = context.values.step.shape.fan_in(layer);
        // An odd stride, so that neighbouring rows usually send from other inputs.
        let stride = (neurons.len() * fan_in).div_ceil(MAX_MATRIX_PULSES).max(1) | 1;
        let cells = (neurons.start * fan_in..neurons.end * fan_in).step_by(stride);
        return cells.map(|flat| (flat / fan_in, flat % fan_in)).collect();
    }
    let weight = |edge: &Edge| match edge.target {
        Target::Weight { layer: at, neuron, input } if at == layer && neurons.contains(&neuron) => {
            Some((neuron, input))
        }
        _ => None,
    };
    let moving: Vec<(usize, usize)> = edges.iter().filter_map(weight).collect();
    let stride = moving.len().div_ceil(MAX_PULSES).max(1);
    moving.into_iter().step_by(stride).collect()
}

/// Draws the value of an input that enters the network from the left.
fn draw_entrance(context: &SceneContext, draft: &mut SceneDraft, input: usize, x: f64, with_text: bool) {
    let target = Target::Input(input);
    let (center, radius) = (context.layout.position(target), context.layout.radius(target));
    let rim = [center[0] - radius, center[1]];
    if context.progress.arrived() {
        draw_arrival(context, &mut draft.pulses, rim, value_ink(x));
    } else {
        let (from, share) = ([rim[0] - ENTRANCE_WORLD, rim[1]], context.progress.eased(0.0, ARRIVAL));
        MovingNumber::new(context, x, value_ink, with_text).draw(context, draft, from, rim, share);
    }
}

/// Draws x moving along a weight; at the weight, halfway, it becomes the product w · x.
fn draw_product(
    context: &SceneContext,
    draft: &mut SceneDraft,
    weight: (usize, usize, usize),
    share: f32,
    [x, product]: [f64; 2],
    with_text: bool,
) {
    let number = MovingNumber::new(context, if share < 0.5 { x } else { product }, value_ink, with_text);
    number.draw_along(context, draft, weight, share);
}

/// Draws `a + b` above a neuron, followed by the sum once it is computed.
fn draw_sum(context: &SceneContext, labels: &mut LabelPlacement, target: Target, [a, b]: [f64; 2], sum: f64) {
    let b = context.number(b);
    let expression = match b.strip_prefix('−') {
        Some(magnitude) => format!("{} − {magnitude}", context.number(a)),
        None => format!("{} + {b}", context.number(a)),
    };
    let math = with_result(context, Math::text(expression), sum);
    add_current(context, labels, target, LabelSide::Above, math, value_ink(sum));
}

/// An expression, followed by its result once it is computed.
fn with_result(context: &SceneContext, expression: Math, result: f64) -> Math {
    if context.progress.arrived() { equation(expression, context.number(result)) } else { expression }
}

/// Draws an operation or a comparison of a script next to a disc.
pub(super) fn draw_operation(
    context: &SceneContext,
    labels: &mut LabelPlacement,
    target: Target,
    side: LabelSide,
    kind: &EventKind,
    ink: fn(f64) -> Ink,
) {
    if let Some((math, ink)) = operation_text(context, kind, ink) {
        add_current(context, labels, target, side, math, ink);
    }
}

/// The text and the colour of an operation or a comparison: `tanh(0.42)`, then `tanh(0.42) = 0.397`.
pub(super) fn operation_text(context: &SceneContext, kind: &EventKind, ink: fn(f64) -> Ink) -> Option<(Math, Ink)> {
    let arrived = context.progress.arrived();
    match kind {
        EventKind::Operation { op, operands, result } => {
            let operands: Vec<Math> =
                operands.iter().map(|operand| Math::text(context.number(operand.value))).collect();
            let math = with_result(context, on_one_line(*op, &operands), result.value);
            Some((math, if arrived { ink(result.value) } else { Ink::Text }))
        }
        EventKind::Compare { compare, a, b, answer } => {
            let answer = match (arrived, answer) {
                (false, _) => "",
                (true, true) => " yes",
                (true, false) => " no",
            };
            let [a, b] = [a, b].map(|operand| context.number(operand.value));
            Some((Math::text(format!("{a} {} {b} ?{answer}", compare.symbol())), Ink::Accent))
        }
        _ => None,
    }
}

fn neuron_of(event: &Event) -> Option<(usize, usize)> {
    match event.address.cell {
        Cell::Neuron { layer, neuron } => Some((layer, neuron)),
        _ => None,
    }
}

/// An operation without a tall fraction.
fn on_one_line(op: Op, operands: &[Math]) -> Math {
    let math = compose(op, operands.iter().cloned().map(Term::leaf).collect()).math();
    if op.notation() == Notation::Fraction { Math::text(math.plain()) } else { math }
}
