//! The gradient path from the loss to a parameter, neuron by neuron: ∂L/∂a with one product for each path, then δ.
//!
//! It must not know any activation or loss: slopes come from the recorded chain rule of the script.

use super::{InspectContext, MAX_ROWS, row, text};
use crate::events::{CallOrigins, Cell, CellScript, Phase};
use crate::explain::symbols::{self, enclosed, grad_of, of_layer, pre_activation};
use crate::scene::{Ink, InspectorRow, Math, Section};
use slowgrad_engine::shape::Parameter;

/// Beyond this number of paths only the sum is written.
const MAX_PATHS: usize = 4;

impl InspectContext<'_> {
    /// How δ of a parameter's neuron is computed, starting at the loss.
    pub(super) fn gradient_path(&self, at: Parameter) -> Section {
        let mut rows = Vec::new();
        for layer in (at.layer..self.step.shape.layers()).rev() {
            let (neurons, left_out) = if layer == at.layer { (vec![at.neuron], 0) } else { self.strongest(layer) };
            for neuron in neurons {
                rows.push(self.grad_a_row(layer, neuron));
                rows.push(self.delta_row(layer, neuron));
            }
            if left_out > 0 {
                let words = format!("and {left_out} more neurons of layer {} with smaller δ", layer + 1);
                rows.push(row(text("…"), Math::prose(words)));
            }
        }
        let delta = symbols::delta(at.neuron).plain();
        let heading = match self.step.samples.len() {
            1 => format!("Where does {delta} come from?"),
            _ => format!("Where does {delta} come from, on sample {}?", self.sample + 1),
        };
        Section { heading, rows }
    }

    /// The neurons of a layer with the largest δ, in order, and the number of the others.
    fn strongest(&self, layer: usize) -> (Vec<usize>, usize) {
        let deltas = &self.recorded().layers[layer].delta;
        let mut neurons: Vec<usize> = (0..deltas.len()).collect();
        neurons.sort_by(|&a, &b| deltas[b].abs().total_cmp(&deltas[a].abs()));
        neurons.truncate(MAX_ROWS);
        neurons.sort_unstable();
        let left_out = deltas.len() - neurons.len();
        (neurons, left_out)
    }

    /// δ of a neuron, with its layer if the network has several.
    fn delta(&self, layer: usize, neuron: usize) -> Math {
        self.with_layer(Math::indexed("δ", (neuron + 1).to_string()), layer).ink(Ink::Gradient(0.5))
    }

    fn with_layer(&self, name: Math, layer: usize) -> Math {
        if self.step.shape.layers() > 1 { of_layer(name, layer) } else { name }
    }

    /// The activation of a neuron, with its layer; ŷ needs none.
    fn activation_with_layer(&self, layer: usize, neuron: usize) -> Math {
        let name = self.activation_symbol(layer, neuron);
        if layer + 1 == self.step.shape.layers() { name } else { self.with_layer(name, layer) }
    }

    /// ∂L/∂a: from the loss, or one product for each neuron that a feeds.
    fn grad_a_row(&self, layer: usize, neuron: usize) -> InspectorRow {
        let total = self.recorded().layers[layer].grad_a[neuron];
        let event = self.from.grad_a(self.sample, layer, neuron);
        let total = self.mark(total, Ink::Gradient, event);
        let label = grad_of(self.activation_with_layer(layer, neuron));
        let next = layer + 1;
        if next == self.step.shape.layers() {
            let loss = &self.step.names.loss;
            let why = match event {
                Some(_) => format!("How {loss} changes with this output."),
                None => format!("On the branch that was taken, {loss} does not depend on this output."),
            };
            return InspectorRow { label, value: total, why };
        }
        let deltas = &self.recorded().layers[next].delta;
        if deltas.len() > MAX_PATHS {
            let value = Math::row([Math::prose(format!("sum of {} products w · δ = ", deltas.len())), total]);
            return row(label, value);
        }
        let (mut symbols, mut numbers) = (Vec::new(), Vec::new());
        for (to, &delta) in deltas.iter().enumerate() {
            if to > 0 {
                symbols.push(text(" + "));
                numbers.push(text(" + "));
            }
            symbols.extend([self.name(next, to, Some(neuron)), text(" · "), self.delta(next, to)]);
            let weight = self.before(next, to, Some(neuron));
            numbers.extend([
                if to > 0 { enclosed(weight) } else { weight },
                text(" · "),
                self.factor(delta, Ink::Gradient, self.from.delta(self.sample, next, to)),
            ]);
        }
        let equals = || [text(" = ")];
        row(label, Math::row(symbols.into_iter().chain(equals()).chain(numbers).chain(equals()).chain([total])))
    }

    /// δ: ∂L/∂a through the activation.
    fn delta_row(&self, layer: usize, neuron: usize) -> InspectorRow {
        let here = &self.recorded().layers[layer];
        let (grad_a, delta) = (here.grad_a[neuron], here.delta[neuron]);
        let result = self.mark(delta, Ink::Gradient, self.from.delta(self.sample, layer, neuron));
        let label = self.delta(layer, neuron);
        let activation = &self.step.names.activations[layer];
        let whole = self.step.names.whole_layer[layer];
        if whole {
            let why = format!("By the chain rule through {activation}, which takes the whole layer.");
            return InspectorRow { label, value: result, why };
        }
        let cell = Cell::Neuron { layer, neuron };
        let call = CallOrigins::of(self.timeline, Some(self.sample), Phase::Backward, cell, CellScript::Main);
        let paths = call.as_ref().map(CallOrigins::chain_terms).unwrap_or_default();
        let grad_a = self.mark(grad_a, Ink::Gradient, self.from.grad_a(self.sample, layer, neuron));
        let z = pre_activation(neuron);
        let (symbols, slope) = match (paths.as_slice(), &call) {
            // The slope of the only operation is the slope of the activation.
            ([only], Some(call)) => {
                let above = Math::row([text("∂"), self.activation_symbol(layer, neuron)]);
                let slope = Math::fraction(above, Math::row([text("∂"), z]));
                (slope, Some(self.factor(only.local, Ink::Value, call.chain_event(only.at))))
            }
            _ => (Math::row([text(format!("{activation}′")), Math::fenced(z)]), None),
        };
        let mut value = vec![grad_of(self.activation_with_layer(layer, neuron)), text(" · "), symbols, text(" = ")];
        if let Some(slope) = slope {
            value.extend([grad_a, text(" · "), slope, text(" = ")]);
        }
        value.push(result);
        let why = match (paths.len(), delta == 0.0) {
            (0, false) => format!("{activation} returns z itself: its slope is 1."),
            (0 | 1, _) => String::new(),
            (count, _) => {
                format!("The chain rule through {activation} has {count} steps; click δ to see the last one.")
            }
        };
        InspectorRow { label, value: Math::Row(value), why }
    }
}
