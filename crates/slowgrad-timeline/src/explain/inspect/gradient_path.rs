//! The way from the loss to a weight, neuron by neuron: what arrives there, one product per path, and what is left of it
//! as δ.
//!
//! It must not know any activation or loss: what is left is read off the recorded chain rule of the script.

use super::{Desk, MOST_ROWS, of_layer, row, text};
use crate::events::origin::{Call, Part};
use crate::events::{Cell, Phase};
use crate::explain::words::grad_of;
use crate::scene::{Ink, InspectorRow, Math, Section};
use slowgrad_engine::shape::Parameter;

/// Of more paths than these the sum is one number.
const MOST_PATHS: usize = 4;

impl Desk<'_> {
    /// How δ of a parameter's neuron came about, from the loss on.
    pub(super) fn way(&self, at: Parameter) -> Section {
        let mut rows = Vec::new();
        for layer in (at.layer..self.step.shape.layers()).rev() {
            let (neurons, left_out) = if layer == at.layer { (vec![at.neuron], 0) } else { self.strongest(layer) };
            for neuron in neurons {
                rows.push(self.arrives(layer, neuron));
                rows.push(self.is_left(layer, neuron));
            }
            if left_out > 0 {
                let words = format!("and {left_out} more neurons of layer {}, with smaller δ", layer + 1);
                rows.push(row(text("…"), Math::prose(words)));
            }
        }
        let delta = Math::indexed("δ", (at.neuron + 1).to_string()).plain();
        let heading = match self.step.samples.len() {
            1 => format!("Where does {delta} come from?"),
            _ => format!("Where does {delta} come from, on sample {}?", self.sample + 1),
        };
        Section { heading, rows }
    }

    /// The neurons of a layer with the largest δ, in their order, and how many there are besides.
    fn strongest(&self, layer: usize) -> (Vec<usize>, usize) {
        let deltas = &self.recorded().layers[layer].delta;
        let mut neurons: Vec<usize> = (0..deltas.len()).collect();
        neurons.sort_by(|&a, &b| deltas[b].abs().total_cmp(&deltas[a].abs()));
        neurons.truncate(MOST_ROWS);
        neurons.sort_unstable();
        let left_out = deltas.len() - neurons.len();
        (neurons, left_out)
    }

    /// δ of a neuron; with several layers it says which.
    fn delta(&self, layer: usize, neuron: usize) -> Math {
        let name = Math::indexed("δ", (neuron + 1).to_string());
        self.placed(name, layer).ink(Ink::Gradient(0.5))
    }

    fn placed(&self, name: Math, layer: usize) -> Math {
        if self.step.shape.layers() > 1 { of_layer(name, layer) } else { name }
    }

    /// a of a neuron with its layer, or ŷ, which needs none.
    fn answer(&self, layer: usize, neuron: usize) -> Math {
        let name = self.activation_name(layer, neuron);
        if layer + 1 == self.step.shape.layers() { name } else { self.placed(name, layer) }
    }

    /// ∂L/∂a: from the loss, or one product for each neuron that it went into.
    fn arrives(&self, layer: usize, neuron: usize) -> InspectorRow {
        let total = self.recorded().layers[layer].grad_a[neuron];
        let event = self.from.grad_a(self.sample, layer, neuron);
        let total = self.mark(total, Ink::Gradient, event);
        let label = grad_of(self.answer(layer, neuron));
        let next = layer + 1;
        if next == self.step.shape.layers() {
            let loss = &self.step.names.loss;
            let why = match event {
                Some(_) => format!("How {loss} changes with this output."),
                None => format!("On the path that it took, {loss} does not look at this output."),
            };
            return InspectorRow { label, value: total, why };
        }
        let deltas = &self.recorded().layers[next].delta;
        if deltas.len() > MOST_PATHS {
            let value = Math::row([Math::prose(format!("{} products of w and δ = ", deltas.len())), total]);
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
                if to > 0 { crate::explain::formula::enclosed(weight) } else { weight },
                text(" · "),
                self.factor(delta, Ink::Gradient, self.from.delta(self.sample, next, to)),
            ]);
        }
        let equals = || [text(" = ")];
        row(label, Math::row(symbols.into_iter().chain(equals()).chain(numbers).chain(equals()).chain([total])))
    }

    /// δ: what arrived, through the activation.
    fn is_left(&self, layer: usize, neuron: usize) -> InspectorRow {
        let here = &self.recorded().layers[layer];
        let (arrived, delta) = (here.grad_a[neuron], here.delta[neuron]);
        let left = self.mark(delta, Ink::Gradient, self.from.delta(self.sample, layer, neuron));
        let label = self.delta(layer, neuron);
        let activation = &self.step.names.activations[layer];
        let whole = self.step.names.whole_layer[layer];
        if whole {
            let why = format!("By the chain rule through {activation}, which takes the whole layer.");
            return InspectorRow { label, value: left, why };
        }
        let cell = Cell::Neuron { layer, neuron };
        let call = Call::of(self.timeline, Some(self.sample), Phase::Backward, cell, Part::Script);
        let paths = call.as_ref().map(Call::paths).unwrap_or_default();
        let arrived = self.mark(arrived, Ink::Gradient, self.from.grad_a(self.sample, layer, neuron));
        let z = Math::indexed("z", (neuron + 1).to_string());
        let (symbols, slope) = match (paths.as_slice(), &call) {
            // One operation, whose slope is the slope.
            ([only], Some(call)) => {
                let above = Math::row([text("∂"), self.activation_name(layer, neuron)]);
                let slope = Math::fraction(above, Math::row([text("∂"), z]));
                (slope, Some(self.factor(only.local, Ink::Value, call.chain_event(only.at))))
            }
            _ => (Math::row([text(format!("{activation}′")), Math::fenced(z)]), None),
        };
        let mut value = vec![grad_of(self.answer(layer, neuron)), text(" · "), symbols, text(" = ")];
        if let Some(slope) = slope {
            value.extend([arrived, text(" · "), slope, text(" = ")]);
        }
        value.push(left);
        let why = match (paths.len(), delta == 0.0) {
            (0, false) => format!("{activation} hands z on as it is: its slope is 1."),
            (0 | 1, _) => String::new(),
            (count, _) => format!("{activation} has {count} slopes on the way; a click leads to the last of them."),
        };
        InspectorRow { label, value: Math::Row(value), why }
    }
}
