//! The update: each parameter's own small calculation stands where its number stands, and ends in old → new.
//!
//! Widths and ghosts of the edges are the network's matter; this file must not know geometry.

use super::stage::{Stage, gradient, update};
use crate::event::{Cell, Event, EventKind};
use crate::inspect::digits_apart;
use crate::scene::Math;
use crate::words::number;

impl Stage<'_> {
    /// One operation of the update of a parameter.
    pub(super) fn update_event(&mut self, event: &Event) {
        let Cell::Parameter { layer, neuron, input } = event.address.cell else { return };
        match &event.kind {
            EventKind::Average { sum, count, mean } => {
                let quotient = format!("{} / {count}", self.number(*sum));
                let text = if self.wave.arrived() { format!("{quotient} = {}", self.number(*mean)) } else { quotient };
                self.current_parameter(layer, neuron, input, Math::text(text), gradient(*mean));
            }
            EventKind::Updated { .. } => self.parameter_moves(layer, neuron, input),
            kind => {
                if let Some((math, ink)) = self.operation_words(kind, update) {
                    self.current_parameter(layer, neuron, input, math, ink);
                }
            }
        }
    }

    /// `old →`, then `old → new`.
    pub(super) fn parameter_moves(&mut self, layer: usize, neuron: usize, input: Option<usize>) {
        let (old, new) = self.known.old_and_new(layer, neuron, input);
        let digits = digits_apart(old, new, self.options.digits);
        let mut text = format!("{} →", number(old, digits));
        if self.wave.arrived() {
            text = format!("{text} {}", number(new, digits));
        }
        self.current_parameter(layer, neuron, input, Math::text(text), update(new - old));
    }
}
