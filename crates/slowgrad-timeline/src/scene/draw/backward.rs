//! The backward pass: gradients move to the left, from the loss into each neuron and along every weight.
//!
//! A weight's gradient is the product of two numbers that meet on its edge: δ from the right, and the activation from the
//! left. It must not know the update.

use super::disc_labels::{LabelSide, add_current, add_current_parameter};
use super::forward::{BIAS_GAP_WORLD, moving_weights};
use super::loss;
use super::moving_numbers::{MovingNumber, draw_arrival, fit_numbers};
use super::{SceneContext, SceneDraft, equation, gradient_ink, slope, value_ink};
use crate::events::{Cell, Event, EventKind};
use crate::scene::moment_progress::{ARRIVAL, GROUP_DELTAS};
use crate::scene::{Math, Target};
use slowgrad_engine::shape::Parameter;
use std::ops::Range;

/// Draws one operation of the backward pass.
pub(in crate::scene) fn draw_event(context: &SceneContext, draft: &mut SceneDraft, event: &Event) {
    let (layer, neuron) = match event.address.cell {
        Cell::Neuron { layer, neuron } => (layer, neuron),
        Cell::Layer { .. } => {
            return loss::draw_chain_step(context, &mut draft.labels, event.target, &event.kind);
        }
        _ => return loss::draw_backward_event(context, draft, event),
    };
    let target = Target::Neuron { layer, neuron };
    let (arrived, share) = (context.progress.arrived(), context.progress.eased(0.0, ARRIVAL));
    match &event.kind {
        EventKind::Chain { .. } => loss::draw_chain_step(context, &mut draft.labels, target, &event.kind),
        EventKind::Delta { delta, .. } if arrived => {
            let math = equation(Math::indexed("δ", (neuron + 1).to_string()), context.number(*delta));
            add_current(context, &mut draft.labels, target, LabelSide::Gradient, math, gradient_ink(*delta));
        }
        EventKind::BiasGrad { delta, .. } => {
            if arrived {
                let math = equation(slope(context.parameter_name(layer, neuron, None)), context.number(*delta));
                add_current(context, &mut draft.labels, target, LabelSide::Bias, math, gradient_ink(*delta));
            } else {
                let ([x, y], radius) = (context.layout.position(target), context.layout.radius(target));
                let (from, to) = ([x, y + 0.4 * radius], [x, y + radius + BIAS_GAP_WORLD]);
                MovingNumber::new(context, *delta, gradient_ink, true).draw(context, draft, from, to, share);
            }
        }
        EventKind::WeightGrad { input, delta, x, contribution, .. } => {
            let middle = context.layout.along(layer, neuron, *input, 0.5);
            if arrived {
                let parameter = Parameter { layer, neuron, input: Some(*input) };
                let name = slope(context.parameter_name(layer, neuron, parameter.input));
                let (math, ink) = (equation(name, context.number(*contribution)), gradient_ink(*contribution));
                add_current_parameter(context, &mut draft.labels, parameter, math, ink);
                draw_arrival(context, &mut draft.pulses, middle, ink);
            } else {
                let (from, to) = context.layout.edge(layer, neuron, *input);
                MovingNumber::new(context, *x, value_ink, true).draw(context, draft, from, middle, share);
                MovingNumber::new(context, *delta, gradient_ink, true).draw(context, draft, to, middle, share);
            }
        }
        EventKind::Backprop { input, delta, contribution, .. } => {
            if arrived {
                let (rim, _) = context.layout.edge(layer, neuron, *input);
                draw_arrival(context, &mut draft.pulses, rim, gradient_ink(*contribution));
            } else {
                draw_backprop(context, draft, (layer, neuron, *input), share, [*delta, *contribution], true);
            }
        }
        _ => {}
    }
}

/// Draws neurons whose gradients move together: first δ, then along all their weights.
pub(in crate::scene) fn draw_neurons(
    context: &SceneContext,
    draft: &mut SceneDraft,
    layer: usize,
    neurons: &Range<usize>,
) {
    if context.values.recorded().layer_input_gradient(layer).is_none()
        || context.progress.progress < GROUP_DELTAS
        || context.progress.arrived()
    {
        return;
    }
    let share = context.progress.eased(GROUP_DELTAS, ARRIVAL);
    let moving = moving_weights(context, &draft.edges, layer, neurons);
    let with_text = fit_numbers(context, layer, moving.len());
    for (neuron, input) in moving {
        let w = context.values.weights(layer, neuron)[input];
        let delta = context.values.recorded().layers[layer].delta[neuron];
        draw_backprop(context, draft, (layer, neuron, input), share, [delta, w * delta], with_text);
    }
}

/// Draws δ moving back along a weight; at the weight, halfway, it becomes the product w · δ.
fn draw_backprop(
    context: &SceneContext,
    draft: &mut SceneDraft,
    weight: (usize, usize, usize),
    share: f32,
    [delta, product]: [f64; 2],
    with_text: bool,
) {
    let number = MovingNumber::new(context, if share < 0.5 { delta } else { product }, gradient_ink, with_text);
    number.draw_along(context, draft, weight, 1.0 - share);
}
