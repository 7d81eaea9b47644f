//! Forward: numbers travel to the right, become products on the way, are added up, and pass the activation.
//!
//! It must not know gradients or updates.

use super::{MOST_PILLS, MOST_PULSES, Slot, Stage, equation, value};
use crate::event::{Cell, Event, EventKind};
use crate::expression::{Term, compose};
use crate::scene::layout::{ENTRANCE, toward};
use crate::scene::moment_progress::{ARRIVE, GROUP_ACTIVE, GROUP_SUMS};
use crate::scene::{Ink, Math, Target};
use crate::words;
use slowgrad_tape::{Notation, Op};
use std::ops::Range;

/// So many numbers come out of a matrix together.
const MOST_FROM_MATRIX: usize = 240;

impl Stage<'_> {
    /// One operation of the forward pass.
    pub(crate) fn forward_event(&mut self, event: &Event) {
        let way = self.wave.way(0.0, ARRIVE);
        match &event.kind {
            EventKind::Enter { input, value } => self.enter(*input, *value, true),
            EventKind::Product { input, x, product, .. } => {
                let (Some((layer, neuron)), input) = (neuron_of(event), *input) else { return };
                if self.wave.arrived() {
                    if input == 0 {
                        self.melt(self.layout.edge(layer, neuron, input).1, value(*product));
                    }
                } else {
                    self.product((layer, neuron, input), way, *x, *product, true);
                }
            }
            EventKind::Accumulate { input, weight, x, before, sum } => {
                let Some((layer, neuron)) = neuron_of(event) else { return };
                let sums = self.sum_of(*before, weight * x);
                self.result(Target::Neuron { layer, neuron }, Slot::Above, sums, *sum, value(*sum));
                if self.wave.arrived() {
                    let (_, rim) = self.layout.edge(layer, neuron, *input);
                    let center = self.layout.position(Target::Neuron { layer, neuron });
                    let inside = toward(rim, center, 0.4 * self.layout.radius(Target::Neuron { layer, neuron }));
                    self.melt(inside, value(*sum));
                }
            }
            EventKind::AddBias { sum, bias, z } => {
                let Some((layer, neuron)) = neuron_of(event) else { return };
                let target = Target::Neuron { layer, neuron };
                if !self.wave.arrived() {
                    let ([x, y], radius) = (self.layout.position(target), self.layout.radius(target));
                    let text = self.number(*bias);
                    self.pulse(
                        [x, y + radius + 14.0],
                        [x, y + radius * 0.4],
                        way,
                        Ink::Weight(words::level(*bias)),
                        text,
                    );
                }
                let sums = self.sum_of(*sum, *bias);
                self.result(target, Slot::Above, sums, *z, value(*z));
            }
            EventKind::Operation { .. } | EventKind::Ask { .. } => {
                self.operation(event.target, Slot::Above, &event.kind, value);
            }
            EventKind::Activated { neuron, a, .. } => {
                let layer = event.address.cell.layer().unwrap_or(0);
                let math = equation(self.activation_name(layer, *neuron), self.number(*a));
                self.current(event.target, Slot::Above, math, value(*a));
            }
            _ => {}
        }
    }

    /// All inputs of a sample enter together.
    pub(crate) fn inputs_enter(&mut self) {
        let input = &self.known.recorded().input;
        let with_text = input.len() <= MOST_PILLS;
        for (i, &x) in input.iter().enumerate().take(MOST_PULSES) {
            self.enter(i, x, with_text);
        }
    }

    /// The neurons' numbers travel together; then the sums are there, then the activations.
    pub(crate) fn neurons_forward(&mut self, layer: usize, neurons: &Range<usize>) {
        if self.wave.progress >= GROUP_SUMS {
            if neurons.len() == 1 && self.wave.progress < GROUP_ACTIVE {
                let neuron = neurons.start;
                let z = self.known.recorded().layers[layer].z[neuron];
                let math = equation(Math::indexed("z", (neuron + 1).to_string()), self.number(z));
                self.current(Target::Neuron { layer, neuron }, Slot::Above, math, value(z));
            }
            return;
        }
        let way = self.wave.way(0.0, GROUP_SUMS);
        let moving = self.moving_edges(layer, neurons);
        let with_text = self.has_pills(layer, moving.len());
        for (neuron, input) in moving {
            let (w, x) = (self.known.weights(layer, neuron)[input], self.known.source(layer, input));
            self.product((layer, neuron, input), way, x, w * x, with_text);
        }
    }

    /// The drawn edges into some neurons of a layer, evenly thinned when there are very many; of a matrix some cells.
    pub(crate) fn moving_edges(&self, layer: usize, neurons: &Range<usize>) -> Vec<(usize, usize)> {
        if self.layout.matrix(layer).is_some() {
            let fan_in = self.known.step.shape.fan_in(layer);
            // No row has as many cells as the stride, so that neighbouring rows send from other inputs.
            let every = (neurons.len() * fan_in).div_ceil(MOST_FROM_MATRIX).max(1) | 1;
            let cells = (neurons.start * fan_in..neurons.end * fan_in).step_by(every);
            return cells.map(|flat| (flat / fan_in, flat % fan_in)).collect();
        }
        let moving: Vec<(usize, usize)> = self
            .canvas
            .edges
            .iter()
            .filter_map(|edge| match edge.target {
                Target::Weight { layer: at, neuron, input } if at == layer && neurons.contains(&neuron) => {
                    Some((neuron, input))
                }
                _ => None,
            })
            .collect();
        let every = moving.len().div_ceil(MOST_PULSES).max(1);
        moving.into_iter().step_by(every).collect()
    }

    fn enter(&mut self, input: usize, x: f64, with_text: bool) {
        let target = Target::Input(input);
        let (center, radius) = (self.layout.position(target), self.layout.radius(target));
        let rim = [center[0] - radius, center[1]];
        if self.wave.arrived() {
            self.melt(rim, value(x));
        } else {
            let text = if with_text { self.number(x) } else { String::new() };
            let way = self.wave.way(0.0, ARRIVE);
            self.pulse([rim[0] - ENTRANCE, rim[1]], rim, way, value(x), text);
        }
    }

    /// What enters a connection becomes the product halfway, where the weight stands.
    fn product(&mut self, weight: (usize, usize, usize), way: f32, x: f64, product: f64, with_text: bool) {
        let carried = if way < 0.5 { x } else { product };
        let text = if with_text { self.number(carried) } else { String::new() };
        self.pulse_along(weight, way, value(carried), text);
    }

    fn sum_of(&self, before: f64, more: f64) -> Math {
        let more = self.number(more);
        let text = match more.strip_prefix('−') {
            Some(size) => format!("{} − {size}", self.number(before)),
            None => format!("{} + {more}", self.number(before)),
        };
        Math::text(text)
    }

    /// An expression, followed by its result once that is known.
    pub(crate) fn result(&mut self, target: Target, slot: Slot, expression: Math, result: f64, ink: Ink) {
        let math = if self.wave.arrived() { equation(expression, self.number(result)) } else { expression };
        self.current(target, slot, math, ink);
    }

    /// An operation or a comparison of a script.
    pub(crate) fn operation(&mut self, target: Target, slot: Slot, kind: &EventKind, ink: fn(f64) -> Ink) {
        if let Some((math, ink)) = self.operation_words(kind, ink) {
            self.current(target, slot, math, ink);
        }
    }

    /// The same as words: `tanh(0.42)`, then `tanh(0.42) = 0.397`.
    pub(crate) fn operation_words(&self, kind: &EventKind, ink: fn(f64) -> Ink) -> Option<(Math, Ink)> {
        match kind {
            EventKind::Operation { op, operands, result } => {
                let operands: Vec<Math> =
                    operands.iter().map(|operand| Math::text(self.number(operand.value))).collect();
                let expression = on_one_line(*op, &operands);
                let math =
                    if self.wave.arrived() { equation(expression, self.number(result.value)) } else { expression };
                Some((math, if self.wave.arrived() { ink(result.value) } else { Ink::Text }))
            }
            EventKind::Ask { compare, a, b, answer } => {
                let answer = if *answer { "yes" } else { "no" };
                let answer = if self.wave.arrived() { format!(" {answer}") } else { String::new() };
                let text = format!("{} {} {} ?{answer}", self.number(a.value), compare.symbol(), self.number(b.value));
                Some((Math::text(text), Ink::Accent))
            }
            _ => None,
        }
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
