//! The weights of a layer: edges and their numbers, or a matrix with the edges of single weights.
//!
//! It must not know what moves.

use super::disc_labels::{between_discs, weight_position};
use super::weight_labels::weight_digits;
use super::{
    LOCK, SceneContext, SceneDraft, edge_bundles, gradient_ink, gradient_path, slope, update_ink, weight_ink,
    weight_matrix,
};
use crate::events::{Event, EventKind};
use crate::number_format::number;
use crate::scene::label_placement::{LabelPlacement, LabelText, Rank};
use crate::scene::moment_progress::GROUP_DELTAS;
use crate::scene::played_events::PlayedEvents;
use crate::scene::text_size::PARAMETER_SIZE_WORLD;
use crate::scene::{Anchor, Edge, Ink, LabelBackground, Math, Target};

/// The maximum number of frozen weights of a layer that are drawn in addition to the strongest weights.
const MAX_FROZEN: usize = 64;
/// The width of an edge, as in TensorFlow Playground: a minimum, a slope over the magnitude of the weight, a maximum.
const EDGE_WIDTH_WORLD: (f64, f64, f64) = (1.0, 1.8, 10.0);
/// Up to this number of edges a layer is drawn at full strength.
const FULL_STRENGTH_EDGES: f32 = 40.0;

/// Draws the weights of a layer.
pub(super) fn draw(context: &SceneContext, draft: &mut SceneDraft, layer: usize) {
    let shape = &context.values.step.shape;
    let fan_in = shape.fan_in(layer);
    if let Some(area) = context.layout.matrix(layer) {
        weight_matrix::draw(context, draft, layer, area);
        for flat in required_cells(context, layer) {
            draw_edge(context, &mut draft.edges, layer, flat / fan_in, flat % fan_in, 1);
        }
        draw_selected_number(context, &mut draft.labels, layer);
        return;
    }
    let followable = edge_bundles::followable_edges(context, layer);
    let chosen = context.summary.edges(layer).map(|edges| edges.strongest(followable)).unwrap_or_default();
    let bundled = followable < shape.weights(layer).len();
    if bundled {
        edge_bundles::draw(context, &mut draft.edges, layer);
    }
    for &flat in &chosen {
        let (neuron, input) = (flat / fan_in, flat % fan_in);
        draw_edge(context, &mut draft.edges, layer, neuron, input, chosen.len());
        if !bundled && context.weight_labels.position(layer, flat).is_some() {
            draw_number(context, &mut draft.labels, layer, neuron, input);
        }
    }
    for flat in required_weights(context, layer) {
        if chosen.binary_search(&flat).is_err() {
            draw_edge(context, &mut draft.edges, layer, flat / fan_in, flat % fan_in, chosen.len());
        }
    }
    if let Some(Target::Weight { layer: at, neuron, input }) = context.options.selected
        && at == layer
        && (bundled || context.weight_labels.position(layer, neuron * fan_in + input).is_none())
    {
        draw_selected_number(context, &mut draft.labels, layer);
    }
}

/// The colour of a parameter: its own, or that of its change once it is updated.
pub(super) fn parameter_ink(context: &SceneContext, layer: usize, neuron: usize, input: Option<usize>) -> Ink {
    let (old, new) = context.values.old_and_new(layer, neuron, input);
    if context.values.is_updated(layer, neuron, input) { update_ink(new - old) } else { weight_ink(old) }
}

/// The weights that are drawn even if they are weak: those of the current operation and of the selection, and some frozen
/// ones.
fn required_weights(context: &SceneContext, layer: usize) -> Vec<usize> {
    let shape = &context.values.step.shape;
    let (size, fan_in) = (shape.size(layer), shape.fan_in(layer));
    let mut required: Vec<usize> = frozen_weights(context, layer).collect();
    if let Some((at, neurons)) = context.played.neurons()
        && at == layer
        && neurons.len() == 1
    {
        required.extend(neurons.start * fan_in..neurons.end * fan_in);
    }
    let played = context.played.single_target().filter(|target| matches!(target, Target::Weight { .. }));
    for target in played.into_iter().chain(context.options.selected) {
        match target {
            Target::Weight { layer: at, neuron, input } if at == layer => required.push(neuron * fan_in + input),
            Target::Neuron { layer: at, neuron } | Target::Bias { layer: at, neuron } if at == layer => {
                required.extend(neuron * fan_in..(neuron + 1) * fan_in);
            }
            Target::Neuron { layer: at, neuron } if at + 1 == layer => {
                required.extend((0..size).map(|to| to * fan_in + neuron));
            }
            Target::Input(input) if layer == 0 => required.extend((0..size).map(|to| to * fan_in + input)),
            _ => {}
        }
    }
    required.sort_unstable();
    required.dedup();
    required.retain(|&flat| flat < size * fan_in);
    required
}

/// The weights of a matrix that have an edge through their cell: that of the current operation, the selected one, and
/// some frozen ones.
fn required_cells(context: &SceneContext, layer: usize) -> Vec<usize> {
    let fan_in = context.values.step.shape.fan_in(layer);
    let flat = |target| match target {
        Target::Weight { layer: at, neuron, input } if at == layer => Some(neuron * fan_in + input),
        _ => None,
    };
    let targets = context.played.single_target().into_iter().chain(context.options.selected);
    let mut required: Vec<usize> = targets.filter_map(flat).chain(frozen_weights(context, layer)).collect();
    required.sort_unstable();
    required.dedup();
    required
}

/// The first frozen weights of a layer.
fn frozen_weights(context: &SceneContext, layer: usize) -> impl Iterator<Item = usize> {
    let step = context.values.step;
    let weights = step.shape.weights(layer);
    let first = weights.start;
    step.frozen.range(weights).take(MAX_FROZEN).map(move |at| at - first)
}

/// Draws the edge of a weight, in a layer where `drawn` weights are drawn; through a matrix in two halves.
fn draw_edge(context: &SceneContext, edges: &mut Vec<Edge>, layer: usize, neuron: usize, input: usize, drawn: usize) {
    let (layout, values, played) = (context.layout, &context.values, &context.played);
    let target = Target::Weight { layer, neuron, input };
    let radii = layout.radius(Target::layer_input(layer, input)) + layout.radius(target);
    let scale = (radii / 60.0).clamp(0.3, 1.0);
    let width = |w: f64| {
        let (min, slope, max) = EDGE_WIDTH_WORLD;
        let width = min + slope * w.abs();
        if width.is_nan() { min as f32 } else { width.min(max) as f32 * scale }
    };
    let (old, new) = values.old_and_new(layer, neuron, Some(input));
    let now = values.parameter(layer, neuron, Some(input));
    let is_updated = |event: &Event| matches!(event.kind, EventKind::Updated { .. });
    let updating = played.updates(layer, neuron, Some(input));
    let changing = updating && played.single().is_none_or(is_updated);
    let current = updating || played.single().is_some_and(|event| event.target == target);
    let near = played.neurons().is_some_and(|(at, neurons)| at == layer && neurons.contains(&neuron));
    // The more edges a layer has, the fainter they are, so that discs stay visible.
    let strength = (FULL_STRENGTH_EDGES / drawn.max(1) as f32).powf(0.35).min(1.0);
    let (mut ink, mut glow) = (weight_ink(now), 0.0);
    if current {
        // The halos of many edges that change together would be stronger than their colours.
        glow = context.progress.glow() * if changing { strength.powi(3) } else { 1.0 };
    } else if gradient_path::contains_weight(context, layer, neuron, input) {
        glow = gradient_path::PATH_GLOW;
    }
    if let Some(gradient) = shown_gradient(context, layer, neuron, input) {
        ink = gradient_ink(gradient);
        // The halos of many edges would cover each other.
        glow = context.progress.glow() * if current { 1.0 } else { 0.35 };
    }
    let alpha = if current || glow > 0.0 || context.options.selected == Some(target) {
        1.0
    } else if near {
        strength.max(0.3)
    } else {
        0.8 * strength
    };
    let (from, to) = layout.edge(layer, neuron, input);
    let share = context.progress.eased(0.1, 0.9);
    let edge = Edge {
        from,
        to,
        width: if changing { width(old) + (width(new) - width(old)) * share } else { width(now) },
        ink,
        alpha,
        ghost_width: changing.then(|| width(old)),
        glow,
        frozen: values.is_frozen(layer, neuron, Some(input)),
        target,
    };
    if layout.matrix(layer).is_some() {
        let cell = layout.position(target);
        edges.extend([Edge { to: cell, ..edge.clone() }, Edge { from: cell, ..edge }]);
    } else {
        edges.push(edge);
    }
}

/// ∂L/∂w of a weight whose edge shows its gradient at this moment.
fn shown_gradient(context: &SceneContext, layer: usize, neuron: usize, input: usize) -> Option<f64> {
    let values = &context.values;
    match &context.played {
        PlayedEvents::Single(event) => match event.kind {
            EventKind::WeightGrad { contribution, .. } if event.target == (Target::Weight { layer, neuron, input }) => {
                Some(contribution)
            }
            _ => None,
        },
        PlayedEvents::Backward { layer: at, neurons } if *at == layer && neurons.contains(&neuron) => {
            let delta = values.recorded().layers[layer].delta[neuron];
            (context.progress.progress >= GROUP_DELTAS).then(|| delta * values.layer_input(layer, input))
        }
        _ => None,
    }
}

/// Draws the number of the selected weight, unless its update is being played, which shows it.
fn draw_selected_number(context: &SceneContext, labels: &mut LabelPlacement, layer: usize) {
    if let Some(Target::Weight { layer: at, neuron, input }) = context.options.selected
        && at == layer
        && !context.played.updates(layer, neuron, Some(input))
    {
        draw_number(context, labels, layer, neuron, input);
    }
}

fn draw_number(context: &SceneContext, labels: &mut LabelPlacement, layer: usize, neuron: usize, input: usize) {
    let values = &context.values;
    let target = Target::Weight { layer, neuron, input };
    let selected = context.options.selected == Some(target);
    let digits = if selected { context.options.digits } else { weight_digits(context.options) };
    let mut math = Math::text(number(values.parameter(layer, neuron, Some(input)), digits));
    if values.is_frozen(layer, neuron, Some(input)) {
        math = Math::row([Math::text(LOCK), math]);
    }
    if selected && let Some(gradient) = values.gradient(layer, neuron, input) {
        let text = Math::text(format!("w = {}", context.number(gradient)));
        math = Math::row([math, Math::text("   "), slope(text).ink(gradient_ink(gradient))]);
    }
    let mut ink = parameter_ink(context, layer, neuron, Some(input));
    // While neurons move backward together, each of their weights shows its gradient.
    if matches!(context.played, PlayedEvents::Backward { .. })
        && let Some(gradient) = shown_gradient(context, layer, neuron, input)
    {
        math = Math::text(format!("∂{}", number(gradient, digits)));
        ink = gradient_ink(gradient);
    }
    let text = LabelText::new(math, context.legible(PARAMETER_SIZE_WORLD), ink);
    let text = text.on(LabelBackground::Plate).about(target);
    // The label of the selected weight is longer and has a higher rank.
    let (rank, place) = if selected {
        (Rank::Outcome, between_discs(context, layer, neuron, input, &text))
    } else {
        (Rank::Weight, weight_position(context, layer, neuron, input))
    };
    labels.add(rank, place, Anchor::Center, text);
}
