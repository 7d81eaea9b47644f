//! Backward: gradients travel to the left, from the loss into each neuron, along every weight and on.
//!
//! A weight's gradient is the meeting of two numbers on its edge: δ comes from the right, the activation it
//! once carried from the left. It must not know the update.

use super::{Slot, Stage, equation, gradient, slope, value};
use crate::event::{Cell, Event, EventKind};
use crate::scene::moment_progress::{ARRIVE, GROUP_DELTA};
use crate::scene::{Math, Target};
use std::ops::Range;

impl Stage<'_> {
    /// One operation of the backward pass.
    pub(crate) fn backward_event(&mut self, event: &Event) {
        let (layer, neuron) = match event.address.cell {
            Cell::Neuron { layer, neuron } => (layer, neuron),
            Cell::Layer { .. } => return self.chain(event.target, &event.kind),
            _ => return self.loss_chain_event(event),
        };
        let target = Target::Neuron { layer, neuron };
        let way = self.wave.way(0.0, ARRIVE);
        match &event.kind {
            EventKind::Chain { .. } => self.chain(target, &event.kind),
            EventKind::Delta { delta, .. } => {
                let math = equation(Math::indexed("δ", (neuron + 1).to_string()), self.number(*delta));
                if self.wave.arrived() {
                    self.current(target, Slot::Gradient, math, gradient(*delta));
                }
            }
            EventKind::BiasGrad { delta, .. } => {
                if self.wave.arrived() {
                    let math = equation(slope(self.parameter_name(layer, neuron, None)), self.number(*delta));
                    self.current(target, Slot::Bias, math, gradient(*delta));
                } else {
                    let ([x, y], radius) = (self.layout.position(target), self.layout.radius(target));
                    let text = self.number(*delta);
                    self.pulse([x, y + 0.4 * radius], [x, y + radius + 14.0], way, gradient(*delta), text);
                }
            }
            EventKind::WeightGrad { input, delta, x, contribution, .. } => {
                let middle = self.layout.along(layer, neuron, *input, 0.5);
                if self.wave.arrived() {
                    let math =
                        equation(slope(self.parameter_name(layer, neuron, Some(*input))), self.number(*contribution));
                    self.current_parameter(layer, neuron, Some(*input), math, gradient(*contribution));
                    self.melt(middle, gradient(*contribution));
                } else {
                    let (from, to) = self.layout.edge(layer, neuron, *input);
                    let (x_text, delta_text) = (self.number(*x), self.number(*delta));
                    self.pulse(from, middle, way, value(*x), x_text);
                    self.pulse(to, middle, way, gradient(*delta), delta_text);
                }
            }
            EventKind::Backprop { input, delta, contribution, .. } => {
                if self.wave.arrived() {
                    self.melt(self.layout.edge(layer, neuron, *input).0, gradient(*contribution));
                } else {
                    // δ becomes w · δ halfway, where the weight stands.
                    let carried = if way < 0.5 { *delta } else { *contribution };
                    let text = self.number(carried);
                    self.pulse_along((layer, neuron, *input), 1.0 - way, gradient(carried), text);
                }
            }
            _ => {}
        }
    }

    /// The neurons' gradients travel together: first δ, then along all their weights.
    pub(crate) fn neurons_backward(&mut self, layer: usize, neurons: &Range<usize>) {
        // Nothing is computed about what enters the network.
        if layer == 0 || self.wave.progress < GROUP_DELTA || self.wave.arrived() {
            return;
        }
        let way = self.wave.way(GROUP_DELTA, ARRIVE);
        let moving = self.moving_edges(layer, neurons);
        let with_text = self.has_pills(layer, moving.len());
        for (neuron, input) in moving {
            let (w, delta) =
                (self.known.weights(layer, neuron)[input], self.known.recorded().layers[layer].delta[neuron]);
            let carried = if way < 0.5 { delta } else { w * delta };
            let text = if with_text { self.number(carried) } else { String::new() };
            self.pulse_along((layer, neuron, input), 1.0 - way, gradient(carried), text);
        }
    }
}
