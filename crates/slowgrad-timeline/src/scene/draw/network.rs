//! The network at rest: discs, weights and the numbers next to them. Movements are drawn over it.
//!
//! It must not know what moves.

use super::disc_labels::{LINE_HEIGHT, LabelSide, add_around};
use super::layer_edges::{self, parameter_ink};
use super::moving_numbers::MovingNumber;
use super::{LOCK, SceneContext, SceneDraft, equation, gradient_ink, slope, value_ink};
use crate::events::{EventKind, Phase};
use crate::explain::{symbols, words};
use crate::number_format::number;
use crate::scene::computed_values::{BackwardState, ForwardState};
use crate::scene::label_placement::{LabelPlacement, LabelText, Rank};
use crate::scene::layout::{INPUT_NAME_GAP_WORLD, MAX_NAME_CHARS};
use crate::scene::moment_progress::ARRIVAL;
use crate::scene::played_events::PlayedEvents;
use crate::scene::text_size::{PARAMETER_SIZE_WORLD, TEXT_SIZE_WORLD};
use crate::scene::{Anchor, CHARACTER_WIDTH, Disc, Ink, LabelBackground, Math, Target};

/// Text size of a value at the rim of its disc.
const CHIP_SIZE_WORLD: f32 = 13.5;
/// The number in a disc is shortened to two digits if it would be smaller on screen.
const MIN_NUMBER_SIZE_PTS: f32 = 10.0;
/// It is shortened to one digit, and then left out, if it would be smaller on screen.
const MIN_SHORT_NUMBER_SIZE_PTS: f32 = 7.5;

/// Draws everything but the loss.
pub(in crate::scene) fn draw(context: &SceneContext, draft: &mut SceneDraft) {
    let shape = &context.values.step.shape;
    for layer in 0..shape.layers() {
        layer_edges::draw(context, draft, layer);
    }
    for input in 0..shape.inputs() {
        draw_input(context, draft, input);
    }
    for layer in 0..shape.layers() {
        for neuron in 0..shape.size(layer) {
            draw_neuron(context, draft, layer, neuron);
        }
    }
}

/// Fewer characters of a name tell nothing.
const MIN_NAME_CHARS: usize = 4;

fn draw_input(context: &SceneContext, draft: &mut SceneDraft, input: usize) {
    let target = Target::Input(input);
    let value = context.values.input(input);
    let current = context.played.single().is_some_and(|event| event.target == target)
        || matches!(context.played, PlayedEvents::Inputs)
        || context.played.reads_layer_input(0, input);
    let grad = context.values.input_gradient(input);
    let complete = grad.filter(|_| context.values.input_gradients_are_complete());
    draft.discs.push(disc(context, target, value.map_or(Ink::Empty, |x| fill(context, x)), complete, current));
    let symbol = || Math::indexed("x", (input + 1).to_string());
    let name = context.values.step.io_names.input(input);
    if !name.is_some_and(|name| draw_name_on_left(context, &mut draft.labels, target, name)) {
        let name = name.map_or_else(symbol, |name| Math::prose(words::elided(name, MAX_NAME_CHARS)));
        draw_name(context, &mut draft.labels, target, name);
    }
    if let Some(x) = value {
        draw_value(context, &mut draft.labels, target, "", x);
    }
    if let Some(grad) = grad
        && (context.has_words(target) || context.options.selected == Some(target))
    {
        let math = equation(slope(symbol()), context.number(grad));
        let text = LabelText::new(math, context.text_size(TEXT_SIZE_WORLD, target), gradient_ink(grad));
        add_around(context, &mut draft.labels, target, LabelSide::Gradient, Rank::Around, text);
    }
}

fn draw_neuron(context: &SceneContext, draft: &mut SceneDraft, layer: usize, neuron: usize) {
    let target = Target::Neuron { layer, neuron };
    let (forward, backward) = (context.values.forward(layer, neuron), context.values.backward(layer, neuron));
    let fill = forward.activation().map_or(Ink::Empty, |a| fill(context, a));
    let delta = match backward {
        BackwardState::Delta(delta) => Some(delta),
        _ => None,
    };
    let current = context.played.neurons().is_some_and(|(at, neurons)| at == layer && neurons.contains(&neuron))
        || context.played.reads_layer_input(layer + 1, neuron);
    draft.discs.push(disc(context, target, fill, delta, current));

    draw_name(context, &mut draft.labels, target, forward_name(context, layer, neuron, &forward));
    if let Some(x) = forward.value() {
        let prefix = if matches!(forward, ForwardState::PartialSum { .. }) { "Σ " } else { "" };
        draw_value(context, &mut draft.labels, target, prefix, x);
    }
    if let ForwardState::PartialSum { waiting: Some((input, product)), .. } = forward {
        draw_waiting_product(context, draft, (layer, neuron, input), product);
    }
    if context.has_words(target) || context.options.selected == Some(target) {
        draw_gradient_below(context, &mut draft.labels, layer, neuron, &backward);
        // If only one line fits, the gradient takes the place of the bias.
        let has_room = backward == BackwardState::NotStarted || context.has_two_lines(target);
        if has_room && context.values.step.shape.has_biases(layer) {
            draw_bias_below(context, &mut draft.labels, layer, neuron);
        }
    }
}

/// The name above a neuron: that of the number in its disc.
fn forward_name(context: &SceneContext, layer: usize, neuron: usize, forward: &ForwardState) -> Math {
    let z = Math::indexed("z", (neuron + 1).to_string());
    let names = &context.values.step.names;
    let activation = &names.activations[layer];
    match forward {
        ForwardState::NotStarted => {
            let name = context.values.step.io_names.output(neuron).filter(|_| layer == context.values.last_layer());
            let symbol = || context.activation_name(layer, neuron);
            name.map_or_else(symbol, |name| Math::prose(words::elided(name, MAX_NAME_CHARS)))
        }
        ForwardState::PartialSum { .. } => Math::text("Σ w · x"),
        ForwardState::PreActivation(_) => z,
        ForwardState::Activating(_) => Math::row([Math::text(format!("{activation}(")), z, Math::text(") …")]),
        // An equation; its other side is the number in the disc.
        ForwardState::Activated(_) => {
            let z_value = context.number(context.values.recorded().layers[layer].z[neuron]);
            if names.whole_layer[layer] {
                equation(z, z_value)
            } else {
                equation(context.activation_name(layer, neuron), format!("{activation}({z_value})"))
            }
        }
    }
}

/// Draws a product that has arrived and waits for its addition, which moves it into the disc.
fn draw_waiting_product(
    context: &SceneContext,
    draft: &mut SceneDraft,
    (layer, neuron, input): (usize, usize, usize),
    product: f64,
) {
    let (_, rim) = context.layout.edge(layer, neuron, input);
    let center = context.layout.position(Target::Neuron { layer, neuron });
    let added = context.played.single().is_some_and(|event| {
        matches!(event.kind, EventKind::Accumulate { .. }) && event.target == (Target::Weight { layer, neuron, input })
    });
    let share = if added && !context.options.reduced_motion { 0.4 * context.progress.eased(0.0, ARRIVAL) } else { 0.0 };
    let place = [rim[0] + (center[0] - rim[0]) * share, rim[1] + (center[1] - rim[1]) * share];
    MovingNumber::new(context, product, value_ink, true).draw(context, draft, place, place, 1.0);
}

fn draw_gradient_below(
    context: &SceneContext,
    labels: &mut LabelPlacement,
    layer: usize,
    neuron: usize,
    backward: &BackwardState,
) {
    let (name, x) = match backward {
        BackwardState::NotStarted => return,
        BackwardState::Accumulating(grad) => (slope(context.activation_name(layer, neuron)), *grad),
        BackwardState::Differentiating(named) => (slope(symbols::symbol(&named.name)), named.value),
        BackwardState::Delta(delta) => (Math::indexed("δ", (neuron + 1).to_string()), *delta),
    };
    let target = Target::Neuron { layer, neuron };
    let size = context.text_size(TEXT_SIZE_WORLD, target);
    let text = LabelText::new(equation(name, context.number(x)), size, gradient_ink(x));
    add_around(context, labels, target, LabelSide::Gradient, Rank::Around, text);
}

fn draw_bias_below(context: &SceneContext, labels: &mut LabelPlacement, layer: usize, neuron: usize) {
    let bias = context.values.parameter(layer, neuron, None);
    let mut math = equation(Math::indexed("b", (neuron + 1).to_string()), context.number(bias));
    if context.values.is_frozen(layer, neuron, None) {
        math = Math::row([Math::text(LOCK), math]);
    }
    let target = Target::Neuron { layer, neuron };
    let size = context.text_size(PARAMETER_SIZE_WORLD, target);
    let text = LabelText::new(math, size, parameter_ink(context, layer, neuron, None));
    add_around(context, labels, target, LabelSide::Bias, Rank::Around, text);
}

/// The fill of a disc. In the update the activations of the last sample are fainter.
fn fill(context: &SceneContext, x: f64) -> Ink {
    let strength = if context.values.phase == Phase::Update { 0.35 } else { 1.0 };
    Ink::Value(words::level(x) * strength)
}

/// The disc of an input or a neuron. Its ring is strong and wide if the loss depends much on it: on z
/// of a neuron, or on an input.
fn disc(context: &SceneContext, target: Target, fill: Ink, gradient: Option<f64>, current: bool) -> Disc {
    let radius = context.layout.radius(target);
    let scale = (radius / 30.0).clamp(0.3, 1.0);
    let (ring, ring_width) = match gradient {
        Some(gradient) => (gradient_ink(gradient), 2.5 + 4.5 * gradient.abs().sqrt().min(1.0) as f32),
        None => (Ink::Faint, 1.5),
    };
    // The halos of many discs would be stronger than their colours.
    let many =
        matches!(context.played, PlayedEvents::Forward { .. } | PlayedEvents::Backward { .. } | PlayedEvents::Inputs);
    let share = match radius {
        _ if !many => 1.0,
        20.0.. => 0.75,
        13.0.. => 0.4,
        _ => 0.12,
    };
    Disc {
        center: context.layout.position(target),
        radius,
        fill,
        ring,
        ring_width: ring_width * scale,
        glow: if current { context.progress.glow() * share } else { 0.0 },
        alpha: 1.0,
        target,
    }
}

fn draw_name(context: &SceneContext, labels: &mut LabelPlacement, target: Target, name: Math) {
    if context.has_words(target) || context.options.selected == Some(target) {
        let text = LabelText::new(name, context.text_size(TEXT_SIZE_WORLD, target), Ink::Faint);
        add_around(context, labels, target, LabelSide::Above, Rank::Around, text);
    }
}

/// Draws the name of an input on its left where there is no room above it; returns false if there is none on the left
/// either.
fn draw_name_on_left(context: &SceneContext, labels: &mut LabelPlacement, target: Target, name: &str) -> bool {
    let size = context.text_size(TEXT_SIZE_WORLD, target);
    let ([x, y], radius) = (context.layout.position(target), context.layout.radius(target));
    let characters = (context.layout.input_name_width() / (CHARACTER_WIDTH * size)) as usize;
    let pitch = context.layout.gap(0) + 2.0 * radius;
    if context.has_words(target) || characters < MIN_NAME_CHARS || pitch < LINE_HEIGHT * size {
        return false;
    }
    let name = Math::prose(words::elided(name, characters.min(MAX_NAME_CHARS)));
    let text = LabelText::new(name, size, Ink::Faint).about(target);
    labels.add(Rank::Around, [x - radius - INPUT_NAME_GAP_WORLD, y], Anchor::Left, text);
    true
}

/// Draws the number of a disc: in its middle, or at its lower rim if it has a map.
pub(super) fn draw_value(context: &SceneContext, labels: &mut LabelPlacement, target: Target, prefix: &str, x: f64) {
    let ([cx, cy], radius) = (context.layout.position(target), context.layout.radius(target));
    let zoom = context.options.zoom;
    // There may be thousands of small discs.
    if radius * zoom < MIN_SHORT_NUMBER_SIZE_PTS || !context.is_visible(target) {
        return;
    }
    if context.has_map(target) {
        let size = context.text_size(CHIP_SIZE_WORLD, target);
        if context.has_words(target) || radius > 1.8 * size {
            let text = LabelText::new(Math::text(format!("{prefix}{}", context.number(x))), size, Ink::Text);
            let text = text.on(LabelBackground::Chip(fill(context, x))).about(target);
            labels.add(Rank::Value, [cx, cy + 0.78 * radius], Anchor::Center, text);
        }
        return;
    }
    // As large as fits, with fewer digits if it would be too small to read.
    let sized = |digits: usize| {
        let text = format!("{prefix}{}", number(x, digits));
        let fits = 1.7 * radius / (CHARACTER_WIDTH * text.chars().count().max(1) as f32);
        (text, fits.min(0.56 * radius).min(context.legible(0.56 * radius)))
    };
    let (mut text, mut size) = sized(context.options.digits);
    for (digits, min) in [(2, MIN_NUMBER_SIZE_PTS), (1, MIN_SHORT_NUMBER_SIZE_PTS)] {
        if size * zoom < min && context.options.digits > digits {
            (text, size) = sized(digits);
        }
    }
    if size * zoom >= MIN_SHORT_NUMBER_SIZE_PTS {
        let text = LabelText::new(Math::text(text), size, Ink::Text).about(target);
        labels.add(Rank::Value, [cx, cy], Anchor::Center, text);
    }
}
