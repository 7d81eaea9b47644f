//! Makes the scene of a moment: a pure function of the timeline, the layout, the moment and the options.
//!
//! The same inputs give the same bytes, whether the moment is played, scrubbed to or exported. It must not know a clock, a
//! screen or a script language.

use super::context::SceneContext;
use super::draw::{SceneDraft, backward, forward, headline, highlight, loss, network, update};
use super::layout::Layout;
use super::played_events::{PlayedEvents, key_input};
use super::{Edge, Moment, OutputComparison, Scene, SceneOptions, SceneSummary, ScriptMark, Target, neuron_maps};
use crate::events::Phase;
use crate::events::Timeline;
use crate::explain::{script_mark, words};
use slowgrad_engine::shape::Parameter;

/// The scene of a single moment. To draw many moments of a step, make a [`SceneSummary`] once and call [`draw_scene`].
pub fn scene(timeline: &Timeline, layout: &Layout, moment: &Moment, options: &SceneOptions) -> Scene {
    draw_scene(&SceneSummary::new(timeline), timeline, layout, moment, options)
}

/// The scene of a moment. The summary must be that of the timeline, and the layout must fit its network.
pub fn draw_scene(
    summary: &SceneSummary,
    timeline: &Timeline,
    layout: &Layout,
    moment: &Moment,
    options: &SceneOptions,
) -> Scene {
    let context = SceneContext::new(summary, timeline, layout, moment, options);
    let mut draft = SceneDraft::default();
    network::draw(&context, &mut draft);
    loss::draw(&context, &mut draft);
    draw_events(&context, &mut draft);

    let SceneDraft { edges, matrices, discs, pulses, labels } = draft;
    let (labels, bounds) = labels.place(layout.bounds());
    let mut scene = Scene {
        bounds,
        formula: match context.played.single() {
            Some(event) => context.words.formula(timeline, event),
            None => headline::formula(&context),
        },
        script: script(&context),
        comparisons: comparisons(&context),
        status: status(&context, &edges),
        caption: options.caption.clone(),
        maps: neuron_maps::draw(&context, &discs),
        edges,
        matrices,
        discs,
        pulses,
        labels,
    };
    let shape = &timeline.step().shape;
    if let Some(parameters) = options.highlighted.as_ref().filter(|flags| flags.len() == shape.parameters()) {
        highlight::dim(&mut scene, shape, parameters, &summary.highlights);
    }
    scene
}

/// Draws the movements of the current events.
fn draw_events(context: &SceneContext, draft: &mut SceneDraft) {
    match &context.played {
        PlayedEvents::None => {}
        PlayedEvents::Single(event) => match event.address.phase {
            Phase::Input | Phase::Forward => forward::draw_event(context, draft, event),
            Phase::Loss => loss::draw_event(context, draft, event),
            Phase::Backward => backward::draw_event(context, draft, event),
            Phase::Update => update::draw_event(context, &mut draft.labels, event),
        },
        PlayedEvents::Inputs => forward::draw_inputs(context, draft),
        PlayedEvents::Forward { layer, neurons } => forward::draw_neurons(context, draft, *layer, neurons),
        PlayedEvents::Loss => loss::draw_loss(context, draft),
        PlayedEvents::LossBackward => loss::draw_loss_backward(context, draft),
        PlayedEvents::Backward { layer, neurons } => backward::draw_neurons(context, draft, *layer, neurons),
        PlayedEvents::Update { layer, keys: Some((first, last)) } if first == last => {
            let parameter = Parameter { layer: *layer, neuron: first.0, input: key_input(*first) };
            update::draw_update(context, &mut draft.labels, parameter);
        }
        // Nothing moves: the edges and numbers of the network show the change.
        PlayedEvents::Update { .. } => {}
        PlayedEvents::LearningRate => update::draw_learning_rate(context, &mut draft.labels),
    }
}

/// Outputs and targets, once every output is computed.
fn comparisons(context: &SceneContext) -> Vec<OutputComparison> {
    let values = &context.values;
    let output = |neuron| values.forward(values.last_layer(), neuron).activation();
    let outputs: Option<Vec<f64>> = (0..values.step.shape.outputs()).map(output).collect();
    let pairs = outputs.unwrap_or_default().into_iter().zip(&values.recorded().target);
    pairs.map(|(output, &target)| OutputComparison { output, target }).collect()
}

/// The position in the step, and the number of weights drawn if it is not all.
fn status(context: &SceneContext, edges: &[Edge]) -> String {
    let mut status = match context.played.single() {
        Some(event) => words::title(context.timeline, &event.address),
        None => headline::title(context),
    };
    let shape = &context.values.step.shape;
    // A matrix shows all of its weights.
    let has_edges = |layer: usize| context.layout.matrix(layer).is_none();
    let all: usize =
        (0..shape.layers()).filter(|layer| has_edges(*layer)).map(|layer| shape.weights(layer).len()).sum();
    let is_drawn = |edge: &&Edge| matches!(edge.target, Target::Weight { layer, .. } if has_edges(layer));
    let drawn = edges.iter().filter(is_drawn).count();
    if drawn < all {
        status = format!("{status} · {} of {} weights drawn: the strongest", grouped(drawn), grouped(all));
    }
    status
}

/// The number of events, back from the end of a cell, that are searched for the last script expression.
const MAX_SEARCHED_EVENTS: usize = 64;

/// The current expression, or the last one of a neuron or a parameter that is played as a whole.
fn script(context: &SceneContext) -> Option<ScriptMark> {
    let (timeline, events) = (context.timeline, &context.progress.events);
    if let Some(event) = context.played.single() {
        return script_mark(event, context.options.digits);
    }
    if events.is_empty() || timeline.address(events.start).cell != timeline.address(events.end - 1).cell {
        return None;
    }
    let mut last_events = events.clone().rev().take(MAX_SEARCHED_EVENTS).map(|index| timeline.event(index));
    let event = last_events.find(|event| event.location.is_some())?;
    script_mark(&event, context.options.digits)
}

/// A count with narrow spaces between thousands.
fn grouped(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}
