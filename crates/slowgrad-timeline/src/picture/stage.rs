//! What every part of the picture works with: the moment, the layout, the places around a disc where words
//! stand, and how a number on its way is drawn.
//!
//! It must not know phases; those have a file each.

use super::SceneOptions;
use super::canvas::{Canvas, Rank, Words as Lettering};
use super::known::Known;
use super::matrix::Matrices;
use super::strongest::Strongest;
use super::wave::Wave;
use crate::event::{Cell, Event, Phase};
use crate::layout::{Density, Layout};
use crate::scene::{Anchor, Ink, Math, Point, Pulse, Target};
use crate::timeline::Timeline;
use crate::words::{self, Words};
use std::ops::Range;

/// What is being played.
#[derive(Debug, Clone)]
pub(super) enum Play {
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
    pub(super) fn of(timeline: &Timeline, events: &Range<usize>) -> Self {
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
    pub(super) fn updates(&self, layer: usize, neuron: usize, input: Option<usize>) -> bool {
        let this = (neuron, input.unwrap_or(usize::MAX));
        match self {
            Play::One(event) => event.address.cell == Cell::Parameter { layer, neuron, input },
            Play::Update { layer: at, first, last } => *at == layer && (*first..=*last).contains(&this),
            _ => false,
        }
    }

    /// The neurons being computed, forward or backward: the layer and which of it.
    pub(super) fn neurons(&self) -> Option<(usize, Range<usize>)> {
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
pub(super) struct Stage<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) layout: &'a Layout,
    pub(super) options: &'a SceneOptions,
    pub(super) play: Play,
    pub(super) known: &'a Known<'a>,
    pub(super) wave: &'a Wave,
    pub(super) strongest: &'a Strongest,
    pub(super) matrices: &'a Matrices,
    pub(super) words: Words,
    pub(super) canvas: Canvas,
}

/// The places for words around a disc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slot {
    /// Above: what the number in the disc is.
    Above,
    /// Below: the bias.
    Bias,
    /// Below that: the gradient.
    Gradient,
}

/// More pulses than this move without their numbers.
pub(super) const MOST_PILLS: usize = 24;
/// No more pulses than this move together.
pub(super) const MOST_PULSES: usize = 600;

impl Stage<'_> {
    pub(super) fn number(&self, x: f64) -> String {
        words::number(x, self.options.digits)
    }

    /// A number as a term or a factor: in brackets when it is negative.
    pub(super) fn enclosed(&self, x: f64) -> String {
        let text = self.number(x);
        if text.starts_with('−') { format!("({text})") } else { text }
    }

    /// Words in one of the places around a disc.
    pub(super) fn around(&mut self, target: Target, slot: Slot, rank: Rank, lettering: Lettering) {
        let ([x, y], radius) = (self.layout.position(target), self.layout.radius(target));
        // Two places below where there is a bias; the loss has none.
        let second = if target == Target::Loss { 7.0 } else { 25.0 };
        let (place, anchor) = match slot {
            Slot::Above => ([x, y - radius - 6.0], Anchor::Above),
            Slot::Bias => ([x, y + radius + 6.0], Anchor::Below),
            Slot::Gradient => ([x, y + radius + second], Anchor::Below),
        };
        self.canvas.label(rank, place, anchor, lettering);
    }

    /// What is being computed, on a plate.
    pub(super) fn current(&mut self, target: Target, slot: Slot, math: Math, ink: Ink) {
        let size = current_size(&math);
        self.around(target, slot, Rank::Current, Lettering::plated(math, size, ink));
    }

    /// What is being computed about a weight or a bias, on a plate where its number otherwise stands.
    pub(super) fn current_parameter(
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
                let (place, size) = (self.weight_spot(layer, neuron, input), current_size(&math));
                self.canvas.label(Rank::Current, place, Anchor::Center, Lettering::plated(math, size, ink));
            }
        }
    }

    /// A number on its way; `share` is how far it has come. It has `text` at that share.
    pub(super) fn pulse(&mut self, from: Point, to: Point, share: f32, ink: Ink, text: String) {
        let share = if self.options.reduced_motion && share < 1.0 { 0.5 } else { share };
        let center = [from[0] + (to[0] - from[0]) * share, from[1] + (to[1] - from[1]) * share];
        // Without a number it is one of many.
        let radius = if text.is_empty() { 4.0 } else { 6.5 };
        self.canvas.pulses.push(Pulse { center, radius, ink, text });
    }

    /// A number on its way along a weight, from 0 at the input's end to 1 at the neuron's.
    pub(super) fn pulse_along(
        &mut self,
        (layer, neuron, input): (usize, usize, usize),
        way: f32,
        ink: Ink,
        text: String,
    ) {
        let way = if self.options.reduced_motion { 0.5 } else { way };
        let place = self.layout.along(layer, neuron, input, way);
        self.pulse(place, place, 1.0, ink, text);
    }

    /// A number that has arrived melts into its goal.
    pub(super) fn melt(&mut self, at: Point, ink: Ink) {
        let left = 1.0 - self.wave.way(super::wave::ARRIVE, 1.0);
        if left > 0.0 {
            self.canvas.pulses.push(Pulse { center: at, radius: 6.5 * left, ink, text: String::new() });
        }
    }

    /// Whether a layer's discs have room for words.
    pub(super) fn is_roomy(&self, layer: usize) -> bool {
        self.layout.density(layer + 1) == Density::Roomy
    }

    /// The disc that something enters a layer from.
    pub(super) fn source(layer: usize, input: usize) -> Target {
        match layer.checked_sub(1) {
            None => Target::Input(input),
            Some(layer) => Target::Neuron { layer, neuron: input },
        }
    }

    /// x₁ or a₁: what enters a layer.
    pub(super) fn source_name(layer: usize, input: usize) -> Math {
        Math::indexed(if layer == 0 { "x" } else { "a" }, (input + 1).to_string())
    }

    /// a₁, or ŷ₁ in the last layer.
    pub(super) fn activation_name(&self, layer: usize, neuron: usize) -> Math {
        let is_last = layer + 1 == self.known.step.shape.layers();
        Math::indexed(if is_last { "ŷ" } else { "a" }, (neuron + 1).to_string())
    }

    /// w₁₂ or b₁.
    pub(super) fn parameter_name(&self, layer: usize, neuron: usize, input: Option<usize>) -> Math {
        words::parameter(self.known.step, Cell::Parameter { layer, neuron, input })
    }
}

/// Size of the letters of what is being computed: smaller for long words, which else would cover the
/// numbers in the discs at both ends of an edge.
fn current_size(math: &Math) -> f32 {
    const WIDTH: f32 = 150.0;
    (WIDTH / (0.55 * math.plain().chars().count().max(1) as f32)).clamp(11.0, 14.5)
}

/// `name = number`.
pub(super) fn equation(name: Math, number: String) -> Math {
    Math::row([name, Math::text(" = "), Math::text(number)])
}

/// ∂L/∂ something on one line.
pub(super) fn slope(by: Math) -> Math {
    slope_of("L", by)
}

/// The same of something else than the loss.
pub(super) fn slope_of(what: &str, by: Math) -> Math {
    Math::row([Math::text(format!("∂{what}/∂")), by])
}

/// The colour level of a value or a weight.
pub(super) fn value(x: f64) -> Ink {
    Ink::Value(words::level(x))
}

/// The colour level of a gradient: the root of its size, because most gradients are far below 1 and would
/// all look like 0.
pub(super) fn gradient(x: f64) -> Ink {
    Ink::Gradient(rooted(x))
}

/// The colour level of a change of a parameter, rooted like a gradient's.
pub(super) fn update(x: f64) -> Ink {
    Ink::Update(rooted(x))
}

pub(super) fn rooted(x: f64) -> f32 {
    words::level(x.signum() * x.abs().sqrt())
}
