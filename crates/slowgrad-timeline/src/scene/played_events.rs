//! The events of a moment, named by the movement that shows them.
//!
//! It must not know positions or colours.

use super::Target;
use crate::events::Timeline;
use crate::events::{Cell, Event, Phase};
use slowgrad_engine::shape::Parameter;
use std::ops::Range;

/// The events that are played at a moment.
#[derive(Debug, Clone)]
pub(super) enum PlayedEvents {
    /// None: before the first event or after the last.
    None,
    /// A single operation.
    Single(Box<Event>),
    /// All inputs of a sample.
    Inputs,
    /// Neurons of a layer, forward.
    Forward { layer: usize, neurons: Range<usize> },
    /// The loss.
    Loss,
    /// The chain rule of the loss.
    LossBackward,
    /// Neurons of a layer, backward.
    Backward { layer: usize, neurons: Range<usize> },
    /// Parameters of a layer, from the first [`UpdateKey`] to the last. `None` if no parameter changes: while an optimizer
    /// of whole layers computes.
    Update { layer: usize, keys: Option<(UpdateKey, UpdateKey)> },
    /// The learning rate.
    LearningRate,
}

/// The order of the updates within a layer: neuron, then input. The bias comes after all inputs.
pub(super) type UpdateKey = (usize, usize);

/// The key of a parameter.
pub(super) fn update_key(neuron: usize, input: Option<usize>) -> UpdateKey {
    (neuron, input.unwrap_or(usize::MAX))
}

/// The input of a key, or none for the bias.
pub(super) fn key_input((_, input): UpdateKey) -> Option<usize> {
    (input < usize::MAX).then_some(input)
}

impl PlayedEvents {
    pub(super) fn of(timeline: &Timeline, events: &Range<usize>) -> Self {
        match events.len() {
            0 => return PlayedEvents::None,
            1 => return PlayedEvents::Single(Box::new(timeline.event(events.start))),
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
        let layer = first.cell.layer().unwrap_or(0);
        match (first.phase, first.cell) {
            (Phase::Input, _) => PlayedEvents::Inputs,
            (Phase::Forward, _) => PlayedEvents::Forward { layer, neurons: neurons(layer) },
            (Phase::Loss, _) => PlayedEvents::Loss,
            (Phase::Backward, Cell::Loss) => PlayedEvents::LossBackward,
            (Phase::Backward, _) => PlayedEvents::Backward { layer, neurons: neurons(layer) },
            (Phase::Update, Cell::Rate) => PlayedEvents::LearningRate,
            (Phase::Update, _) => {
                let changed = matches!(last.cell, Cell::Parameter { .. });
                // Gradients and the optimizer's call precede the first parameter of a layer.
                let is_parameter = matches!(first.cell, Cell::Parameter { .. });
                let first = if is_parameter { cell_key(first.cell) } else { (0, 0) };
                PlayedEvents::Update { layer, keys: changed.then(|| (first, cell_key(last.cell))) }
            }
        }
    }

    /// Whether a parameter is being updated.
    pub(super) fn updates(&self, layer: usize, neuron: usize, input: Option<usize>) -> bool {
        match self {
            PlayedEvents::Single(event) => {
                event.address.phase == Phase::Update && event.target == Parameter { layer, neuron, input }.into()
            }
            PlayedEvents::Update { layer: at, keys: Some((first, last)) } => {
                *at == layer && (*first..=*last).contains(&update_key(neuron, input))
            }
            _ => false,
        }
    }

    /// The layer and the neurons being computed, forward or backward.
    pub(super) fn neurons(&self) -> Option<(usize, Range<usize>)> {
        match self {
            PlayedEvents::Single(event) => match (event.address.cell, event.target) {
                (Cell::Neuron { layer, neuron }, _) => Some((layer, neuron..neuron + 1)),
                (Cell::Layer { layer }, Target::Neuron { neuron, .. }) => Some((layer, neuron..neuron + 1)),
                _ => None,
            },
            PlayedEvents::Forward { layer, neurons } | PlayedEvents::Backward { layer, neurons } => {
                Some((*layer, neurons.clone()))
            }
            _ => None,
        }
    }

    /// The single operation, if only one is played.
    pub(super) fn single(&self) -> Option<&Event> {
        match self {
            PlayedEvents::Single(event) => Some(event),
            _ => None,
        }
    }

    /// Whether the loss is being computed or differentiated, in one operation or in many.
    pub(super) fn in_loss(&self) -> bool {
        match self {
            PlayedEvents::Single(event) => event.address.cell == Cell::Loss,
            PlayedEvents::Loss | PlayedEvents::LossBackward => true,
            _ => false,
        }
    }

    /// Whether the current operation reads its number from an input of a layer.
    pub(super) fn reads_layer_input(&self, layer: usize, input: usize) -> bool {
        self.single().is_some_and(|event| {
            matches!(event.address.phase, Phase::Forward | Phase::Backward)
                && matches!(event.target, Target::Weight { layer: at, input: from, .. } if (at, from) == (layer, input))
        })
    }

    /// The weight being updated alone, or the element of the single operation.
    pub(super) fn single_target(&self) -> Option<Target> {
        match self {
            PlayedEvents::Single(event) => Some(event.target),
            PlayedEvents::Update { layer, keys: Some((first, last)) } if first == last => {
                key_input(*first).map(|input| Target::Weight { layer: *layer, neuron: first.0, input })
            }
            _ => None,
        }
    }
}

fn cell_key(cell: Cell) -> UpdateKey {
    cell.parameter().map_or((0, 0), |at| update_key(at.neuron, at.input))
}
