//! The update: the calculation of each parameter is drawn at the position of its number and ends in old → new. What belongs
//! to no parameter, such as the schedule, is drawn above the network.
//!
//! Widths and outlines of the edges belong to the network. This file must not know the positions of parameters.

use super::disc_labels::add_current_parameter;
use super::forward::operation_text;
use super::{SceneContext, gradient_ink, update_ink, weight_ink};
use crate::events::{Cell, Event, EventKind};
use crate::number_format::digits_apart;
use crate::number_format::number;
use crate::scene::label_placement::{LabelPlacement, LabelText, Rank};
use crate::scene::text_size::TEXT_SIZE_WORLD;
use crate::scene::{Anchor, Ink, LabelBackground, Math};
use slowgrad_engine::shape::Parameter;

/// Draws one operation of the update.
pub(in crate::scene) fn draw_event(context: &SceneContext, labels: &mut LabelPlacement, event: &Event) {
    // An operation of a whole layer's update is drawn at the parameter that it belongs to.
    let of_layer = matches!(event.address.cell, Cell::Layer { .. }).then_some(event.target);
    let Some(parameter) = event.address.cell.parameter().or_else(|| of_layer?.parameter()) else {
        return draw_event_of_no_parameter(context, labels, event);
    };
    let with_result = |expression: String, result: f64| {
        let arrived = context.progress.arrived();
        Math::text(if arrived { format!("{expression} = {}", context.number(result)) } else { expression })
    };
    let (math, ink) = match &event.kind {
        EventKind::Average { sum, count, mean } => {
            (with_result(format!("{} / {count}", context.number(*sum)), *mean), gradient_ink(*mean))
        }
        EventKind::Chain { upstream, local, contribution, before, after, .. } => {
            // Numbers only: symbols would cover the numbers in the discs.
            let expression = match before {
                None => format!("{} · {}", context.number(*upstream), context.enclosed(*local)),
                Some(before) => format!("{} + {}", context.number(*before), context.enclosed(*contribution)),
            };
            (with_result(expression, *after), gradient_ink(*after))
        }
        EventKind::Penalized { mean, share, grad, .. } => {
            let expression = format!("{} + {}", context.number(*mean), context.enclosed(*share));
            (with_result(expression, *grad), gradient_ink(*grad))
        }
        EventKind::Updated { .. } => return draw_update(context, labels, parameter),
        EventKind::Frozen { .. } => return draw_frozen(context, labels, parameter),
        kind => match operation_text(context, kind, update_ink) {
            Some(text) => text,
            None => return,
        },
    };
    add_current_parameter(context, labels, parameter, math, ink);
}

/// Draws one operation of the schedule, the learning rate, or what an optimizer computes from its context.
fn draw_event_of_no_parameter(context: &SceneContext, labels: &mut LabelPlacement, event: &Event) {
    match &event.kind {
        EventKind::Rate { .. } => draw_learning_rate(context, labels),
        kind => {
            if let Some((math, ink)) = operation_text(context, kind, |_| Ink::Text) {
                draw_above_network(context, labels, math, ink);
            }
        }
    }
}

/// Draws the learning rate of the step: the optimizer's, multiplied by the factor of the schedule.
pub(in crate::scene) fn draw_learning_rate(context: &SceneContext, labels: &mut LabelPlacement) {
    let Some(rate) = &context.values.step.rate else { return };
    let product = format!("η = {} · {}", context.number(rate.base), context.number(rate.factor));
    let arrived = context.progress.arrived();
    let text = if arrived { format!("{product} = {}", context.number(rate.lr)) } else { product };
    draw_above_network(context, labels, Math::text(text), Ink::Accent);
}

/// Draws a plate above the network, for operations that belong to none of its elements.
fn draw_above_network(context: &SceneContext, labels: &mut LabelPlacement, math: Math, ink: Ink) {
    let bounds = context.layout.bounds();
    let place = [f32::midpoint(bounds.min[0], bounds.max[0]), bounds.min[1]];
    let text = LabelText::new(math, context.legible(TEXT_SIZE_WORLD), ink).on(LabelBackground::Plate);
    labels.add(Rank::Current, place, Anchor::Above, text);
}

/// Draws a frozen parameter.
fn draw_frozen(context: &SceneContext, labels: &mut LabelPlacement, parameter: Parameter) {
    let Parameter { layer, neuron, input } = parameter;
    let (value, _) = context.values.old_and_new(layer, neuron, input);
    let math = Math::text(format!("frozen: {}", context.number(value)));
    add_current_parameter(context, labels, parameter, math, weight_ink(value));
}

/// Draws the update of a parameter: `old →`, then `old → new`.
pub(in crate::scene) fn draw_update(context: &SceneContext, labels: &mut LabelPlacement, parameter: Parameter) {
    let Parameter { layer, neuron, input } = parameter;
    if context.values.is_frozen(layer, neuron, input) {
        return draw_frozen(context, labels, parameter);
    }
    let (old, new) = context.values.old_and_new(layer, neuron, input);
    let digits = digits_apart(old, new, context.options.digits);
    let mut text = format!("{} →", number(old, digits));
    if context.progress.arrived() {
        text = format!("{text} {}", number(new, digits));
    }
    add_current_parameter(context, labels, parameter, Math::text(text), update_ink(new - old));
}
