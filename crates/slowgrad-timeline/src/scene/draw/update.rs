//! The update: each parameter's own small calculation stands where its number stands, and ends in old → new.
//!
//! What the schedule says stands over the network before all of them. Widths and ghosts of the edges are the network's
//! matter; this file must not know where parameters stand.

use super::{Stage, gradient, update};
use crate::event::{Cell, Event, EventKind};
use crate::inspect::digits_apart;
use crate::scene::label_placement::{Rank, Words as Lettering};
use crate::scene::{Anchor, Ground, Ink, Math};
use crate::words::{level, number};

/// The letters of what stands over the network.
const OVER_ALL: f32 = 15.0;

impl Stage<'_> {
    /// One operation of the update of a parameter.
    pub(crate) fn update_event(&mut self, event: &Event) {
        let Cell::Parameter { layer, neuron, input } = event.address.cell else { return self.rate_event(event) };
        match &event.kind {
            EventKind::Average { sum, count, mean } => {
                let quotient = format!("{} / {count}", self.number(*sum));
                let text = if self.wave.arrived() { format!("{quotient} = {}", self.number(*mean)) } else { quotient };
                self.current_parameter(layer, neuron, input, Math::text(text), gradient(*mean));
            }
            EventKind::Chain { upstream, local, contribution, before, after, .. } => {
                // Numbers only: symbols would cover the numbers in the discs.
                let text = match before {
                    None => format!("{} · {}", self.number(*upstream), self.enclosed(*local)),
                    Some(before) => format!("{} + {}", self.number(*before), self.enclosed(*contribution)),
                };
                let text = if self.wave.arrived() { format!("{text} = {}", self.number(*after)) } else { text };
                self.current_parameter(layer, neuron, input, Math::text(text), gradient(*after));
            }
            EventKind::Penalized { mean, share, grad, .. } => {
                let sum = format!("{} + {}", self.number(*mean), self.enclosed(*share));
                let text = if self.wave.arrived() { format!("{sum} = {}", self.number(*grad)) } else { sum };
                self.current_parameter(layer, neuron, input, Math::text(text), gradient(*grad));
            }
            EventKind::Updated { .. } => self.parameter_moves(layer, neuron, input),
            EventKind::Frozen { .. } => self.parameter_stays(layer, neuron, input),
            kind => {
                if let Some((math, ink)) = self.operation_words(kind, update) {
                    self.current_parameter(layer, neuron, input, math, ink);
                }
            }
        }
    }

    /// One operation of the schedule, or what comes of it.
    fn rate_event(&mut self, event: &Event) {
        match &event.kind {
            EventKind::Rate { .. } => self.rate_known(),
            kind => {
                if let Some((math, ink)) = self.operation_words(kind, |_| Ink::Text) {
                    self.above_all(math, ink);
                }
            }
        }
    }

    /// The learning rate of the step: the optimizer's own, times what the schedule says.
    pub(crate) fn rate_known(&mut self) {
        let Some(rate) = &self.known.step.rate else { return };
        let product = format!("η = {} · {}", self.number(rate.base), self.number(rate.factor));
        let text = if self.wave.arrived() { format!("{product} = {}", self.number(rate.lr)) } else { product };
        self.above_all(Math::text(text), Ink::Accent);
    }

    /// A plate over the whole network, for what belongs to none of its parts.
    fn above_all(&mut self, math: Math, ink: Ink) {
        let bounds = self.layout.bounds();
        let place = [f32::midpoint(bounds.min[0], bounds.max[0]), bounds.min[1]];
        self.canvas.label(
            Rank::Current,
            place,
            Anchor::Above,
            Lettering::new(math, self.legible(OVER_ALL), ink).on(Ground::Plate),
        );
    }

    /// A parameter that is held fast.
    fn parameter_stays(&mut self, layer: usize, neuron: usize, input: Option<usize>) {
        let value = self.known.old_and_new(layer, neuron, input).0;
        let text = format!("frozen: {}", self.number(value));
        self.current_parameter(layer, neuron, input, Math::text(text), Ink::Weight(level(value)));
    }

    /// `old →`, then `old → new`.
    pub(crate) fn parameter_moves(&mut self, layer: usize, neuron: usize, input: Option<usize>) {
        if self.known.is_frozen(layer, neuron, input) {
            return self.parameter_stays(layer, neuron, input);
        }
        let (old, new) = self.known.old_and_new(layer, neuron, input);
        let digits = digits_apart(old, new, self.options.digits);
        let mut text = format!("{} →", number(old, digits));
        if self.wave.arrived() {
            text = format!("{text} {}", number(new, digits));
        }
        self.current_parameter(layer, neuron, input, Math::text(text), update(new - old));
    }
}
