//! The loss on the right of the network: outputs, targets, their differences and the loss.
//!
//! It must not know layers before the last.

use super::disc_labels::{DISC_GAP_WORLD, LINE_HEIGHT, LabelSide, add_around, add_current};
use super::forward::draw_operation;
use super::moving_numbers::{MAX_MOVING_NUMBERS, MovingNumber, draw_arrival};
use super::network::draw_value;
use super::{SceneContext, SceneDraft, equation, gradient_ink, gradient_path, slope, value_ink};
use crate::events::{Cell, Event, EventKind, Phase};
use crate::explain::{symbols, words};
use crate::scene::computed_values::LossState;
use crate::scene::label_placement::{LabelPlacement, LabelText, Rank};
use crate::scene::layout::Density;
use crate::scene::moment_progress::ARRIVAL;
use crate::scene::played_events::PlayedEvents;
use crate::scene::text_size::TEXT_SIZE_WORLD;
use crate::scene::{Anchor, CHARACTER_WIDTH, Disc, Edge, Ink, Math, Target};
use slowgrad_tape::{Instruction, Op, ValueId};

/// The distance of the lines of an output, as a multiple of the text size.
const OUTPUT_LINE_HEIGHT: f32 = 1.4;
/// Text size of the outputs of a tight column.
const TIGHT_TEXT_SIZE_WORLD: f32 = 11.0;
/// The distance from an output's disc to its text.
const OUTPUT_GAP_WORLD: f32 = 10.0;
/// A name of the loss with up to this number of characters fits on one line above it.
const MAX_LINE_CHARACTERS: usize = 16;

/// Draws the outputs, the targets and the loss, as far as they are computed.
pub(in crate::scene) fn draw(context: &SceneContext, draft: &mut SceneDraft) {
    let shape = &context.values.step.shape;
    let density = context.layout.density(shape.layers());
    if density != Density::Block {
        for output in 0..shape.outputs() {
            draft.edges.push(output_edge(context, output));
            draw_output(context, &mut draft.labels, output, density);
        }
    }
    draft.discs.push(disc(context));
    draw_loss_labels(context, &mut draft.labels);
}

fn output_edge(context: &SceneContext, output: usize) -> Edge {
    let (from, to) = context.layout.loss_edge(output);
    let current = involves_output(context, output);
    let on_path = gradient_path::contains_output(context, output);
    Edge {
        from,
        to,
        width: 1.2,
        ink: if current { Ink::Accent } else { Ink::Faint },
        alpha: if current || on_path { 0.9 } else { 0.45 },
        ghost_width: None,
        glow: if on_path { gradient_path::PATH_GLOW } else { 0.0 },
        frozen: false,
        target: Target::Loss,
    }
}

/// The number of characters of an output's name, which has a number beside it.
const MAX_OUTPUT_NAME_CHARS: usize = 9;

/// Draws ŷ or the name of the output, y and their difference to the right of an output.
fn draw_output(context: &SceneContext, labels: &mut LabelPlacement, output: usize, density: Density) {
    let layer = context.values.last_layer();
    let disc = Target::Neuron { layer, neuron: output };
    let ([x, y], radius) = (context.layout.position(disc), context.layout.radius(disc));
    let x = x + radius + OUTPUT_GAP_WORLD;
    let index = (output + 1).to_string();
    let (symbol, target_name) = (Math::indexed("ŷ", index.clone()), Math::indexed("y", index));
    let name = context.values.step.io_names.output(output);
    let output_name =
        name.map_or_else(|| symbol.clone(), |name| Math::prose(words::elided(name, MAX_OUTPUT_NAME_CHARS)));
    let prediction = context.values.forward(layer, output).activation();
    let target = context.values.recorded().target[output];
    let target_equation = equation(target_name.clone(), context.number(target));
    if density == Density::Tight {
        let size = context.legible(TIGHT_TEXT_SIZE_WORLD);
        let width = |math: &Math| CHARACTER_WIDTH * size * math.plain().chars().count() as f32;
        let mut parts = vec![target_equation];
        let shown = match prediction {
            Some(a) => Some(equation(output_name, context.number(a))),
            // Without room above the disc, its name is here until its number is known.
            None => name.filter(|_| !context.has_words(disc)).map(|_| output_name),
        };
        if let Some(shown) = shown {
            parts.insert(0, Math::row([shown, Math::text("   ")]));
        }
        // If only one fits, the output: the target is the same in every scene.
        let both = Math::row(parts.clone());
        let fits = width(&both) <= context.layout.output_text_width() - OUTPUT_GAP_WORLD;
        let math = if fits { both } else { parts.swap_remove(0) };
        labels.add(Rank::Outcome, [x, y], Anchor::Right, LabelText::new(math, size, Ink::Text).about(disc));
        return;
    }
    let size = context.legible(TEXT_SIZE_WORLD);
    let mut add_line = |nth: f32, math: Math, ink: Ink| {
        let place = [x, y + nth * OUTPUT_LINE_HEIGHT * size];
        labels.add(Rank::Outcome, place, Anchor::Right, LabelText::new(math, size, ink).about(disc));
    };
    add_line(0.0, target_equation, if involves_output(context, output) { Ink::Accent } else { Ink::Faint });
    if let Some(a) = prediction {
        add_line(-1.0, equation(output_name.clone(), context.number(a)), value_ink(a));
        if context.values.loss_started() {
            let difference = Math::row([symbol, Math::text(" − "), target_name]);
            add_line(1.0, equation(difference, context.number(a - target)), Ink::Loss);
        }
    }
}

fn disc(context: &SceneContext) -> Disc {
    let computed = matches!(context.values.loss(), LossState::Value(_));
    let seeded = context.values.backward_started();
    Disc {
        center: context.layout.position(Target::Loss),
        radius: context.layout.radius(Target::Loss),
        fill: if computed && context.values.phase != Phase::Update { Ink::Loss } else { Ink::Empty },
        ring: if seeded { gradient_ink(1.0) } else { Ink::Loss },
        ring_width: if seeded { 4.0 } else { 1.5 },
        glow: if context.played.in_loss() { context.progress.glow() } else { 0.0 },
        alpha: 1.0,
        target: Target::Loss,
    }
}

fn draw_loss_labels(context: &SceneContext, labels: &mut LabelPlacement) {
    draw_loss_name(context, labels);
    match context.values.loss() {
        LossState::NotStarted => {}
        LossState::Running(x) | LossState::Value(x) => draw_value(context, labels, Target::Loss, "", x),
    }
    if context.values.backward_started() {
        let text = LabelText::new(Math::text("∂L/∂L = 1"), context.legible(TEXT_SIZE_WORLD), gradient_ink(1.0));
        add_around(context, labels, Target::Loss, LabelSide::Gradient, Rank::Around, text);
    }
}

/// Draws `L = mse(ŷ, y)` above the loss. A long name is on a line of its own, or on several if it would cover the outputs.
fn draw_loss_name(context: &SceneContext, labels: &mut LabelPlacement) {
    let loss = &context.values.step.names.loss;
    let whole = format!("L = {loss}(ŷ, y)");
    let size = context.legible(TEXT_SIZE_WORLD);
    let ([x, y], radius) = (context.layout.position(Target::Loss), context.layout.radius(Target::Loss));
    let last_column = context.values.step.shape.layers();
    let width = context.layout.bounds().max[0] - context.layout.extent(last_column).max[0];
    let fits = |line: &str| CHARACTER_WIDTH * size * (line.chars().count() as f32 + 1.0) < width;
    let lines = if whole.chars().count() <= MAX_LINE_CHARACTERS && fits(&whole) {
        vec![whole]
    } else {
        let parts: Vec<&str> = if fits(loss) { vec![loss] } else { loss.split_inclusive('_').collect() };
        ["L"].into_iter().chain(parts.into_iter().rev()).map(str::to_owned).collect()
    };
    for (nth, line) in lines.into_iter().enumerate() {
        let place = [x, y - radius - DISC_GAP_WORLD - LINE_HEIGHT * size * nth as f32];
        let text = LabelText::new(Math::text(line), size, Ink::Faint).about(Target::Loss);
        labels.add(Rank::Outcome, place, Anchor::Above, text);
    }
}

/// Whether the current operations of the loss read an output, or compute its gradient.
fn involves_output(context: &SceneContext, output: usize) -> bool {
    let Some(event) = context.played.single() else {
        return matches!(context.played, PlayedEvents::Loss | PlayedEvents::LossBackward);
    };
    match event.address.phase {
        Phase::Loss => {
            let outputs = context.values.step.shape.outputs();
            operands(context, event).into_iter().any(|node| node == output || node == outputs + output)
        }
        Phase::Backward if event.address.cell == Cell::Loss => {
            matches!(event.target, Target::Neuron { neuron, .. } if neuron == output)
        }
        _ => false,
    }
}

/// The operands of an operation of the loss, as indices of the trace: outputs first, then targets.
fn operands(context: &SceneContext, event: &Event) -> Vec<usize> {
    let trace = &context.values.recorded().loss_trace;
    let ids = match trace.instructions().get(event.address.operation) {
        Some(Instruction::Compute(id)) => {
            let node = trace.node(*id);
            node.operands[..Op::arity(node.op)].to_vec()
        }
        Some(Instruction::Compare(guard)) => vec![trace.guards()[*guard].a, trace.guards()[*guard].b],
        None => Vec::new(),
    };
    ids.into_iter().map(ValueId::index).collect()
}

/// Draws one operation of the loss. Outputs that it reads move to the loss.
pub(in crate::scene) fn draw_event(context: &SceneContext, draft: &mut SceneDraft, event: &Event) {
    let outputs = context.values.step.shape.outputs();
    let mut read: Vec<usize> = operands(context, event).into_iter().filter(|&node| node < outputs).collect();
    read.dedup();
    for output in read {
        move_output(context, draft, output, true);
    }
    match &event.kind {
        EventKind::LossValue { value, .. } => {
            let math = equation(Math::variable("L"), context.number(*value));
            add_current(context, &mut draft.labels, Target::Loss, LabelSide::Above, math, Ink::Loss);
        }
        kind => draw_operation(context, &mut draft.labels, Target::Loss, LabelSide::Above, kind, |_| Ink::Loss),
    }
}

/// Draws the loss: all outputs move to it together.
pub(in crate::scene) fn draw_loss(context: &SceneContext, draft: &mut SceneDraft) {
    let outputs = context.values.step.shape.outputs();
    for output in 0..outputs {
        move_output(context, draft, output, outputs <= MAX_MOVING_NUMBERS);
    }
    if context.progress.arrived() {
        let math = equation(Math::variable("L"), context.number(context.values.recorded().loss));
        add_current(context, &mut draft.labels, Target::Loss, LabelSide::Above, math, Ink::Loss);
    }
}

/// Moves an output to the loss.
fn move_output(context: &SceneContext, draft: &mut SceneDraft, output: usize, with_text: bool) {
    let a = context.values.recorded().layers[context.values.last_layer()].a[output];
    let (from, to) = context.layout.loss_edge(output);
    if context.progress.arrived() {
        draw_arrival(context, &mut draft.pulses, to, value_ink(a));
    } else {
        let share = context.progress.eased(0.0, ARRIVAL);
        MovingNumber::new(context, a, value_ink, with_text).draw(context, draft, from, to, share);
    }
}

/// Draws the chain rule of the loss: the gradients of all outputs leave it together.
pub(in crate::scene) fn draw_loss_backward(context: &SceneContext, draft: &mut SceneDraft) {
    let grads = &context.values.recorded().layers[context.values.last_layer()].grad_a;
    for (output, &grad) in grads.iter().enumerate() {
        move_gradient(context, draft, output, grad, grads.len() <= MAX_MOVING_NUMBERS);
    }
}

/// Moves a contribution to ∂L/∂ŷ from the loss to an output.
fn move_gradient(context: &SceneContext, draft: &mut SceneDraft, output: usize, grad: f64, with_text: bool) {
    let (from, to) = context.layout.loss_edge(output);
    if context.progress.arrived() {
        draw_arrival(context, &mut draft.pulses, from, gradient_ink(grad));
    } else {
        let share = context.progress.eased(0.0, ARRIVAL);
        MovingNumber::new(context, grad, gradient_ink, with_text).draw(context, draft, to, from, share);
    }
}

/// Draws one step of the chain rule of the loss.
pub(super) fn draw_backward_event(context: &SceneContext, draft: &mut SceneDraft, event: &Event) {
    match &event.kind {
        EventKind::Seed => {
            let math = Math::text("∂L/∂L = 1");
            add_current(context, &mut draft.labels, Target::Loss, LabelSide::Gradient, math, gradient_ink(1.0));
        }
        EventKind::Chain { contribution, .. } => {
            if let Target::Neuron { neuron, .. } = event.target {
                move_gradient(context, draft, neuron, *contribution, true);
            }
            draw_chain_step(context, &mut draft.labels, Target::Loss, &event.kind);
        }
        _ => {}
    }
}

/// Draws upstream × local = contribution below a disc.
pub(super) fn draw_chain_step(context: &SceneContext, labels: &mut LabelPlacement, target: Target, kind: &EventKind) {
    let EventKind::Chain { operands, into, upstream, local, contribution, before, after, .. } = kind else {
        return;
    };
    let name = operands.get(*into).map_or(Math::text("?"), |operand| symbols::symbol(&operand.name));
    let product = format!("{} · {}", context.number(*upstream), context.enclosed(*local));
    let after_text = context.number(*after);
    let math = if !context.progress.arrived() {
        Math::text(product)
    } else if before.is_some() {
        Math::row([slope(name), Math::text(format!(" + {} = {after_text}", context.enclosed(*contribution)))])
    } else {
        Math::row([slope(name), Math::text(format!(" = {product} = {after_text}"))])
    };
    add_current(context, labels, target, LabelSide::Gradient, math, gradient_ink(*after));
}
