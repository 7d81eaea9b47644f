//! What every part of the picture works with: the moment, the layout, the places around a disc where words
//! stand, and how a number on its way is drawn.
//!
//! It must not know phases; those have a file each.

mod backward;
pub(crate) mod edge_bundles;
mod forward;
pub(crate) mod gradient_path;
mod headline;
pub(crate) mod highlight;
mod loss;
mod network;
mod update;
pub(crate) mod weight_labels;
pub(crate) mod weight_matrix;

use crate::event::{Cell, Event, Phase};
use crate::scene::SceneOptions;
use crate::scene::computed_values::Known;
use crate::scene::label_placement::{Canvas, Rank, Words as Lettering};
use crate::scene::layout::{LEAST_WORDS, Layout, ROOMY_RADIUS};
use crate::scene::moment_progress::Wave;
use crate::scene::{Anchor, Ground, Ink, Label, Math, Point, Pulse, Target};
use crate::timeline::Timeline;
use crate::words::{self, Words};
use edge_bundles::Crowds;
use std::ops::Range;
use weight_matrix::Matrices;

/// What is being played.
#[derive(Debug, Clone)]
pub(crate) enum Play {
    /// Nothing, before the first event or after the last.
    Nothing,
    /// A single operation.
    One(Box<Event>),
    /// All inputs of a sample.
    Entering,
    /// Neurons of a layer, forward.
    Forward { layer: usize, neurons: Range<usize> },
    /// The loss.
    Loss,
    /// The loss's chain rule.
    LossBack,
    /// Neurons of a layer, backward.
    Backward { layer: usize, neurons: Range<usize> },
    /// Parameters of a layer from the first key to the last (neuron, input; the bias has the largest input).
    Update { layer: usize, first: (usize, usize), last: (usize, usize) },
    /// The learning rate.
    Rate,
}

impl Play {
    /// What the events of one wave are.
    pub(crate) fn of(timeline: &Timeline, events: &Range<usize>) -> Self {
        match events.len() {
            0 => return Play::Nothing,
            1 => return Play::One(Box::new(timeline.event(events.start))),
            _ => {}
        }
        let (first, last) = (timeline.address(events.start), timeline.address(events.end - 1));
        let neurons = |layer: usize| {
            let start = if let Cell::Neuron { neuron, .. } = first.cell { neuron } else { 0 };
            let end = if let Cell::Neuron { neuron, .. } = last.cell {
                neuron + 1
            } else {
                timeline.step().shape.size(layer)
            };
            start..end
        };
        match (first.phase, first.cell) {
            (Phase::Input, _) => Play::Entering,
            (Phase::Forward, cell) => {
                let layer = cell.layer().unwrap_or(0);
                Play::Forward { layer, neurons: neurons(layer) }
            }
            (Phase::Loss, _) => Play::Loss,
            (Phase::Backward, Cell::Loss) => Play::LossBack,
            (Phase::Backward, cell) => {
                let layer = cell.layer().unwrap_or(0);
                Play::Backward { layer, neurons: neurons(layer) }
            }
            (Phase::Update, Cell::Rate) => Play::Rate,
            (Phase::Update, cell) => {
                Play::Update { layer: cell.layer().unwrap_or(0), first: key(first.cell), last: key(last.cell) }
            }
        }
    }

    /// Whether a parameter is among those being updated.
    pub(crate) fn updates(&self, layer: usize, neuron: usize, input: Option<usize>) -> bool {
        let this = (neuron, input.unwrap_or(usize::MAX));
        match self {
            Play::One(event) => event.address.cell == Cell::Parameter { layer, neuron, input },
            Play::Update { layer: at, first, last } => *at == layer && (*first..=*last).contains(&this),
            _ => false,
        }
    }

    /// The neurons being computed, forward or backward: the layer and which of it.
    pub(crate) fn neurons(&self) -> Option<(usize, Range<usize>)> {
        match self {
            Play::One(event) => match (event.address.cell, event.target) {
                (Cell::Neuron { layer, neuron }, _) => Some((layer, neuron..neuron + 1)),
                (Cell::Layer { layer }, Target::Neuron { neuron, .. }) => Some((layer, neuron..neuron + 1)),
                _ => None,
            },
            Play::Forward { layer, neurons } | Play::Backward { layer, neurons } => Some((*layer, neurons.clone())),
            _ => None,
        }
    }
}

fn key(cell: Cell) -> (usize, usize) {
    match cell {
        Cell::Parameter { neuron, input, .. } => (neuron, input.unwrap_or(usize::MAX)),
        _ => (0, 0),
    }
}

/// A picture in the making with all it is made from.
#[derive(Debug)]
pub(crate) struct Stage<'a> {
    pub(crate) timeline: &'a Timeline,
    pub(crate) layout: &'a Layout,
    pub(crate) options: &'a SceneOptions,
    pub(crate) play: Play,
    pub(crate) known: &'a Known<'a>,
    pub(crate) wave: &'a Wave,
    pub(crate) crowds: &'a Crowds,
    pub(crate) matrices: &'a Matrices,
    /// Where the numbers of weights stand: for each layer that shows some `[neuron][input]`.
    pub(crate) spots: Vec<Vec<Option<Point>>>,
    pub(crate) words: Words,
    pub(crate) canvas: Canvas,
}

/// The places for words around a disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slot {
    /// Above: what the number in the disc is.
    Above,
    /// Below: the bias.
    Bias,
    /// Below that: the gradient.
    Gradient,
}

/// The letters of numbers at rest.
pub(crate) const AROUND: f32 = 15.0;
/// Those of weights and biases.
pub(crate) const ON_EDGE: f32 = 13.5;
/// And those of numbers on their way.
const PILL: f32 = 14.5;
/// Words do not become higher than this on screen, in points, however close one looks.
const MOST_WORDS: f32 = 26.0;

/// More pulses than this move without their numbers.
pub(crate) const MOST_PILLS: usize = 24;
/// No more pulses than this move together.
pub(crate) const MOST_PULSES: usize = 600;

impl Stage<'_> {
    pub(crate) fn number(&self, x: f64) -> String {
        words::number(x, self.options.digits)
    }

    /// A number as a term or a factor: in brackets when it is negative.
    pub(crate) fn enclosed(&self, x: f64) -> String {
        let text = self.number(x);
        if text.starts_with('−') { format!("({text})") } else { text }
    }

    /// The height of words about a part of the network that are `usual` units high beside a large disc: on screen they
    /// can be read, and do not grow beyond that which helps.
    pub(crate) fn letters(&self, usual: f32, target: Target) -> f32 {
        let scale = (self.layout.radius(target) / ROOMY_RADIUS).min(1.0);
        self.legible(usual * scale)
    }

    /// The same of words about nothing in particular.
    pub(crate) fn legible(&self, usual: f32) -> f32 {
        legible(usual, self.options)
    }

    /// Words in one of the places around a disc.
    pub(crate) fn around(&mut self, target: Target, slot: Slot, rank: Rank, lettering: Lettering) {
        let ([x, y], radius) = (self.layout.position(target), self.layout.radius(target));
        let line = 1.22 * self.letters(AROUND, target);
        // The number at the rim of a disc with a map reaches a little beyond it.
        let rim = radius + if self.has_map(target) { (0.3 * line).max(5.0) } else { 5.0 };
        // Two places below where there is a bias; the loss has none.
        let has_second = target != Target::Loss && self.has_two_lines(target);
        let (place, anchor) = match slot {
            Slot::Above => ([x, y - radius - 5.0], Anchor::Above),
            Slot::Bias => ([x, y + rim], Anchor::Below),
            Slot::Gradient => ([x, y + rim + if has_second { line } else { 0.0 }], Anchor::Below),
        };
        self.canvas.label(rank, place, anchor, lettering.about(target));
    }

    /// Whether there is room for words above and below each disc of a column.
    pub(crate) fn has_words(&self, target: Target) -> bool {
        self.layout.gap(column(target)) >= 2.5 * self.letters(AROUND, target)
    }

    /// Whether there is room for two lines below each disc.
    pub(crate) fn has_two_lines(&self, target: Target) -> bool {
        self.layout.gap(column(target)) >= 4.3 * self.letters(AROUND, target)
    }

    /// What is being computed, on a plate.
    pub(crate) fn current(&mut self, target: Target, slot: Slot, math: Math, ink: Ink) {
        let size = self.current_size(&math);
        self.around(target, slot, Rank::Current, Lettering::new(math, size, ink).on(Ground::Plate));
    }

    /// Size of the letters of what is being computed: smaller for long words, which else would cover the numbers in the
    /// discs at both ends of an edge.
    fn current_size(&self, math: &Math) -> f32 {
        const WIDTH: f32 = 150.0;
        self.legible((WIDTH / (0.55 * math.plain().chars().count().max(1) as f32)).clamp(11.0, 14.5))
    }

    /// What is being computed about a weight or a bias, on a plate where its number otherwise stands.
    pub(crate) fn current_parameter(
        &mut self,
        layer: usize,
        neuron: usize,
        input: Option<usize>,
        math: Math,
        ink: Ink,
    ) {
        match input {
            None => self.current(Target::Neuron { layer, neuron }, Slot::Bias, math, ink),
            Some(input) => {
                let target = Target::Weight { layer, neuron, input };
                let size = self.current_size(&math);
                let words = Lettering::new(math, size, ink).on(Ground::Plate).about(target);
                let place = self.between_discs(layer, neuron, input, &words);
                self.canvas.label(Rank::Current, place, Anchor::Center, words);
            }
        }
    }

    /// Where words about a weight stand: where its number otherwise does, or as near as they cover neither disc.
    pub(crate) fn between_discs(&self, layer: usize, neuron: usize, input: usize, words: &Lettering) -> Point {
        let spot = self.weight_spot(layer, neuron, input);
        let [(ax, ar), (bx, br)] = [Self::source(layer, input), Target::Neuron { layer, neuron }]
            .map(|end| (self.layout.position(end)[0], self.layout.radius(end)));
        let half = 0.5 * (0.55 * words.math.plain().chars().count() as f32 + 0.8) * words.size + 4.0;
        let (low, high) = (ax + ar + half, bx - br - half);
        let (from, to) = self.layout.edge(layer, neuron, input);
        if self.layout.matrix(layer).is_some() || (to[0] - from[0]).abs() < 1.0 {
            return spot;
        }
        let x = if low > high { f32::midpoint(low, high) } else { spot[0].clamp(low, high) };
        let share = ((x - from[0]) / (to[0] - from[0])).clamp(0.0, 1.0);
        [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share]
    }

    /// Whether so many numbers on their way through a layer can be read: where columns are too close they would cover
    /// discs.
    pub(crate) fn has_pills(&self, layer: usize, count: usize) -> bool {
        let [from, to] = [layer, layer + 1].map(|column| self.layout.extent(column));
        let widest = Lettering::new(Math::text("−0.0000"), self.legible(PILL), Ink::Text).on(Ground::Pill);
        count <= MOST_PILLS && to.min[0] - from.max[0] >= 2.0 * pill_reach(&widest)[0]
    }

    /// A number on its way; `share` is how far it has come. It has `text` at that share.
    pub(crate) fn pulse(&mut self, from: Point, to: Point, share: f32, ink: Ink, text: String) {
        let share = if self.options.reduced_motion && share < 1.0 { 0.5 } else { share };
        let center = [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
        self.carried(center, [to[0] - from[0], to[1] - from[1]], share, ink, text);
    }

    /// A number on its way along a weight, from 0 at the input's end to 1 at the neuron's.
    pub(crate) fn pulse_along(
        &mut self,
        (layer, neuron, input): (usize, usize, usize),
        way: f32,
        ink: Ink,
        text: String,
    ) {
        let way = if self.options.reduced_motion { 0.5 } else { way };
        let place = self.layout.along(layer, neuron, input, way);
        let (from, to) = self.layout.edge(layer, neuron, input);
        self.carried(place, [to[0] - from[0], to[1] - from[1]], way, ink, text);
    }

    /// A dot with its number, which goes before it when it leaves and behind it when it arrives, so that it covers
    /// neither what it leaves nor what it comes to.
    fn carried(&mut self, center: Point, way: Point, share: f32, ink: Ink, text: String) {
        // Without a number it is one of many.
        let radius = if text.is_empty() { 4.0 } else { 6.5 };
        self.canvas.pulses.push(Pulse { center, radius, ink });
        if text.is_empty() {
            return;
        }
        let words = Lettering::new(Math::text(text), self.legible(PILL), ink).on(Ground::Pill);
        let half = pill_reach(&words);
        let length = way[0].hypot(way[1]).max(1e-3);
        let along = way.map(|part| part / length);
        // From its middle to its border in the direction of the way; it never runs backwards.
        let reach = (half[0] / along[0].abs().max(1e-3)).min(half[1] / along[1].abs().max(1e-3)).min(0.5 * length);
        let ahead = reach * (1.0 - 2.0 * share);
        let place = [center[0] + along[0] * ahead, center[1] + along[1] * ahead];
        self.canvas.label(Rank::Moving, place, Anchor::Center, words);
    }

    /// A number that has arrived melts into its goal.
    pub(crate) fn melt(&mut self, at: Point, ink: Ink) {
        let left = 1.0 - self.wave.way(crate::scene::moment_progress::ARRIVE, 1.0);
        if left > 0.0 {
            self.canvas.pulses.push(Pulse { center: at, radius: 6.5 * left, ink });
        }
    }

    /// The disc that something enters a layer from.
    pub(crate) fn source(layer: usize, input: usize) -> Target {
        match layer.checked_sub(1) {
            None => Target::Input(input),
            Some(layer) => Target::Neuron { layer, neuron: input },
        }
    }

    /// x₁ or a₁: what enters a layer.
    pub(crate) fn source_name(layer: usize, input: usize) -> Math {
        Math::indexed(if layer == 0 { "x" } else { "a" }, (input + 1).to_string())
    }

    /// a₁, or ŷ₁ in the last layer.
    pub(crate) fn activation_name(&self, layer: usize, neuron: usize) -> Math {
        let is_last = layer + 1 == self.known.step.shape.layers();
        Math::indexed(if is_last { "ŷ" } else { "a" }, (neuron + 1).to_string())
    }

    /// w₁₂ or b₁.
    pub(crate) fn parameter_name(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        words::parameter(self.known.step, Cell::Parameter { layer, neuron, input })
    }
}

/// The height of letters in the world that are `usual` units high where a unit is a point: on screen they can be read.
pub(crate) fn legible(usual: f32, options: &SceneOptions) -> f32 {
    let zoom = options.zoom.max(1e-3);
    // Numbers beside others may be a little smaller than words.
    let least = LEAST_WORDS * (usual / AROUND).clamp(0.9, 1.0);
    (usual * zoom).clamp(least, MOST_WORDS) / zoom
}

/// How far a number on its way reaches from its middle, across and down.
fn pill_reach(words: &Lettering) -> Point {
    let Lettering { math, size, ink, ground, .. } = words.clone();
    let label = Label { place: [0.0; 2], anchor: Anchor::Center, math, size, ink, ground, alpha: 1.0, target: None };
    label.room().max
}

/// The column that a disc stands in.
fn column(target: Target) -> usize {
    match target {
        Target::Input(_) => 0,
        Target::Neuron { layer, .. } | Target::Bias { layer, .. } | Target::Weight { layer, .. } => layer + 1,
        Target::Loss => usize::MAX,
    }
}

/// `name = number`.
pub(crate) fn equation(name: Math, number: String) -> Math {
    Math::row([name, Math::text(" = "), Math::text(number)])
}

/// ∂L/∂ something on one line.
pub(crate) fn slope(by: Math) -> Math {
    slope_of("L", by)
}

/// The same of something else than the loss.
pub(crate) fn slope_of(what: &str, by: Math) -> Math {
    Math::row([Math::text(format!("∂{what}/∂")), by])
}

/// The colour level of a value or a weight.
pub(crate) fn value(x: f64) -> Ink {
    Ink::Value(words::level(x))
}

/// The colour level of a gradient: the root of its size, because most gradients are far below 1 and would
/// all look like 0.
pub(crate) fn gradient(x: f64) -> Ink {
    Ink::Gradient(rooted(x))
}

/// The colour level of a change of a parameter, rooted like a gradient's.
pub(crate) fn update(x: f64) -> Ink {
    Ink::Update(rooted(x))
}

pub(crate) fn rooted(x: f64) -> f32 {
    words::level(x.signum() * x.abs().sqrt())
}
