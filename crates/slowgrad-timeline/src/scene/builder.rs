//! The picture of a moment of a step: a pure function from a timeline, a layout and a moment to a scene.
//!
//! The same inputs give the same bytes, whether the moment is played, scrubbed to or exported. It must not
//! know a clock, a screen or a script language. Numbers at rest come from `known` only, and those on their
//! way belong to the events being played, so that nothing is shown before it is computed.

use super::computed_values::{self, Known};
use super::draw::edge_bundles::Crowds;
use super::draw::highlight::{self, Highlights};
use super::draw::weight_labels;
use super::draw::weight_matrix::Matrices;
use super::draw::{Play, Stage};
use super::label_placement::Canvas;
use super::moment_progress::Wave;
use super::neuron_maps::Maps;
use crate::event::{Cell, Event, EventKind, Phase};
use crate::scene::layout::Layout;
use crate::scene::{Bounds, Comparison, Formula, Math, Scene, ScriptMark, Target};
use crate::timeline::Timeline;
use crate::words::{self, Words};
use std::ops::Range;
use std::sync::Arc;

/// A moment of a step: what has happened, what is happening, and how far that has come.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// The events before `start` are done; those in the range are being played together.
    pub events: Range<usize>,
    /// 0 to 1; easing happens inside.
    pub progress: f32,
}

/// What of a picture is a matter of choice.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneOptions {
    /// Significant digits of every number.
    pub digits: usize,
    /// What is explained in the inspector; all its edges are drawn, and its way to the loss is lit.
    pub selected: Option<Target>,
    /// Numbers do not travel: they stand halfway until they arrive.
    pub reduced_motion: bool,
    /// What the lesson says.
    pub caption: String,
    /// The parameters that stand out, flat; all else is dimmed.
    pub lit: Option<Arc<[bool]>>,
    /// What the neurons compute, for discs with room for it.
    pub maps: Option<Arc<Maps>>,
    /// Points on screen a world unit, as far as details depend on it: see [`zoom_step`].
    pub zoom: f32,
    /// What of the world is in view, when that is not all: numbers of which there are too many appear only there.
    pub view: Option<Bounds>,
}

/// Zooms between which nothing appears or goes: the scene of one serves all up to the next, a quarter of an octave on.
pub fn zoom_step(zoom: f32) -> f32 {
    let step = (zoom.max(1e-3).log2() * 4.0 + 0.01).floor() / 4.0;
    step.exp2()
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self {
            digits: 3,
            selected: None,
            reduced_motion: false,
            caption: String::new(),
            lit: None,
            maps: None,
            zoom: 1.0,
            view: None,
        }
    }
}

/// The scene of a moment. Films and windows that draw many moments of one timeline keep a [`Picture`].
pub fn scene(timeline: &Timeline, layout: &Layout, moment: &Moment, options: &SceneOptions) -> Scene {
    Picture::new(timeline).scene(timeline, layout, moment, options)
}

/// What all moments of a timeline have in common, found out once: which weights are strongest, bundles of them, and the
/// matrices of large layers. It takes as long as a look at every weight, so that whoever must not wait lets another
/// thread make it.
#[derive(Debug)]
pub struct Picture {
    crowds: Crowds,
    matrices: Matrices,
    highlights: Highlights,
}

impl Picture {
    /// That of a timeline.
    pub fn new(timeline: &Timeline) -> Self {
        let step = timeline.step();
        Self { crowds: Crowds::of(step), matrices: Matrices::of(step), highlights: Highlights::default() }
    }

    /// The scene of a moment of the timeline that the picture was made for.
    pub fn scene(&self, timeline: &Timeline, layout: &Layout, moment: &Moment, options: &SceneOptions) -> Scene {
        let wave = Wave::of(timeline, moment);
        let known = Known::new(timeline, &wave);
        let mut stage = Stage {
            timeline,
            layout,
            options,
            play: Play::of(timeline, &wave.events),
            known: &known,
            wave: &wave,
            crowds: &self.crowds,
            matrices: &self.matrices,
            spots: weight_labels::spots(&timeline.step().shape, layout, options),
            words: Words { digits: options.digits },
            canvas: Canvas::default(),
        };
        stage.network();
        stage.outcome();
        let play = stage.play.clone();
        match &play {
            Play::Nothing => {}
            Play::One(event) => match event.address.phase {
                Phase::Input | Phase::Forward => stage.forward_event(event),
                Phase::Loss => stage.loss_event(event),
                Phase::Backward => stage.backward_event(event),
                Phase::Update => stage.update_event(event),
            },
            Play::Entering => stage.inputs_enter(),
            Play::Forward { layer, neurons } => stage.neurons_forward(*layer, neurons),
            Play::Loss => stage.outputs_compared(),
            Play::LossBack => stage.outputs_receive(),
            Play::Backward { layer, neurons } => stage.neurons_backward(*layer, neurons),
            Play::Update { layer, first, last } if first == last => {
                stage.parameter_moves(*layer, first.0, (first.1 < usize::MAX).then_some(first.1));
            }
            // Edges and numbers that change do so where they stand.
            Play::Update { .. } => {}
            Play::Rate => stage.rate_known(),
        }
        let (labels, bounds) = stage.canvas.settle(layout.bounds());
        let formula = match &play {
            Play::One(event) => stage.words.formula(timeline, event),
            _ => stage.headline(),
        };
        let (status, script) = (stage.status(), stage.script());
        let maps = stage.maps();
        let Canvas { edges, matrices, discs, pulses, .. } = stage.canvas;
        let mut scene = Scene {
            bounds,
            edges,
            matrices,
            discs,
            maps,
            pulses,
            labels,
            formula,
            script,
            comparisons: comparisons(&known),
            status,
            caption: options.caption.clone(),
        };
        if let Some(lit) = options.lit.as_ref().filter(|lit| lit.len() == timeline.step().shape.parameters()) {
            highlight::dim(&mut scene, &timeline.step().shape, lit, &self.highlights);
        }
        scene
    }
}

/// Outputs and targets, once every output is known.
fn comparisons(known: &Known) -> Vec<Comparison> {
    let layer = known.step.shape.layers() - 1;
    let output = |neuron| match known.forward(layer, neuron) {
        computed_values::Forward::Active(a) => Some(a),
        _ => None,
    };
    let outputs: Option<Vec<f64>> = (0..known.step.shape.outputs()).map(output).collect();
    let pairs = outputs.unwrap_or_default().into_iter().zip(&known.recorded().target);
    pairs.map(|(output, &target)| Comparison { output, target }).collect()
}

impl Stage<'_> {
    /// Where in the step, and how many of the weights are drawn when not all are.
    fn status(&self) -> String {
        let mut status = match &self.play {
            Play::One(event) => words::title(self.timeline, &event.address),
            _ => self.place(),
        };
        let shape = &self.known.step.shape;
        // A matrix shows all of its weights.
        let edged = (0..shape.layers()).filter(|layer| self.layout.matrix(*layer).is_none());
        let all: usize = edged.map(|layer| shape.weights(layer).len()).sum();
        let drawn = self.canvas.edges.iter().filter(|edge| match edge.target {
            Target::Weight { layer, .. } => self.layout.matrix(layer).is_none(),
            _ => false,
        });
        let drawn = drawn.count();
        if drawn < all {
            status = format!("{status} · {} of {} weights drawn: the strongest", grouped(drawn), grouped(all));
        }
        status
    }

    /// Where in the step the events that are played together stand.
    pub(crate) fn place(&self) -> String {
        let first = self.timeline.address(self.wave.events.start.min(self.timeline.len() - 1));
        if self.wave.events.is_empty() {
            return format!("step {}", first.step);
        }
        let last = self.timeline.address(self.wave.events.end - 1);
        if first.cell == last.cell {
            return words::title(self.timeline, &first);
        }
        let whole =
            words::title(self.timeline, &crate::event::Address { cell: Cell::Loss, phase: Phase::Loss, ..first });
        let phase = whole.replace(Phase::Loss.name(), first.phase.name());
        first.cell.layer().map_or(phase.clone(), |layer| format!("{phase} · layer {}", layer + 1))
    }

    /// The running expression, or the last one of a neuron or a parameter that is played as a whole.
    fn script(&self) -> Option<ScriptMark> {
        let events = &self.wave.events;
        let first = self.timeline.address(events.start.min(self.timeline.len() - 1));
        let is_one_cell = !events.is_empty() && self.timeline.address(events.end - 1).cell == first.cell;
        let event = match &self.play {
            Play::One(event) => (**event).clone(),
            _ if is_one_cell => events
                .clone()
                .rev()
                .take(LOOK_BACK)
                .map(|index| self.timeline.event(index))
                .find(|event| event.location.is_some())?,
            _ => return None,
        };
        script_mark(&event, self.options.digits)
    }
}

/// Where an event stands in its script, with what it gave; nothing for those that come from no script.
pub fn script_mark(event: &Event, digits: usize) -> Option<ScriptMark> {
    let location = event.location.clone()?;
    let number = |x| words::number(x, digits);
    let (name, value) = match &event.kind {
        EventKind::Operation { result, .. } => (words::symbol(&result.name).plain(), number(result.value)),
        EventKind::Ask { compare, a, b, answer } => {
            let [a, b] = [a, b].map(|operand| words::symbol(&operand.name).plain());
            (format!("{a} {} {b}", compare.symbol()), if *answer { "yes".into() } else { "no".into() })
        }
        EventKind::Chain { operands, into, after, .. } => {
            let of = words::differentiated(event.address.phase);
            let operand = operands.get(*into).map_or(String::new(), |operand| words::symbol(&operand.name).plain());
            (format!("∂{of}/∂{operand}"), number(*after))
        }
        other => (String::new(), number(other.result())),
    };
    Some(ScriptMark { location, value, name })
}

/// How many events back from the end of a cell its last script expression is looked for.
const LOOK_BACK: usize = 64;

/// A formula that says nothing.
pub(crate) fn silence(title: String) -> Formula {
    let nothing = || Math::Row(Vec::new());
    Formula {
        title,
        asked: String::new(),
        symbols: nothing(),
        numbers: nothing(),
        result: nothing(),
        sentence: String::new(),
        notes: Vec::new(),
        why: Vec::new(),
    }
}

/// A count with thin spaces between thousands.
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
