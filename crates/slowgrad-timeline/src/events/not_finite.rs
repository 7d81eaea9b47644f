//! Finds the operation at which a step broke: the first one whose result is NaN or infinite.
//!
//! A step may hold an infinity that does no harm: in 1 / (1 + exp(−z)) the power overflows, and the result is 0. Only cells
//! whose own results are not finite are searched. That also skips nearly all of the events, of which a step may have
//! millions.

use super::event::{Cell, Event, Phase};
use super::timeline::Timeline;
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;

impl Timeline {
    /// The first event whose result is not finite, in the first cell that has such a result for the rest of the step: a
    /// pre-activation, an activation, a loss, a gradient, the learning rate or a parameter. `None` if the step has none.
    pub fn first_not_finite(&self) -> Option<Event> {
        let step = self.step();
        let broken = self.cells().filter(|&(sample, phase, cell, _)| is_broken(step, sample, phase, cell));
        broken
            .flat_map(|(.., events)| events)
            .map(|index| self.event(index))
            .find(|event| !event.kind.result().is_finite())
    }
}

/// Whether a result of a cell is not finite. True also for a cell that adds to a sum over samples or neurons which is not
/// finite in the end, though another cell may be the cause.
fn is_broken(step: &RecordedStep, sample: Option<usize>, phase: Phase, cell: Cell) -> bool {
    let broken = |x: &f64| !x.is_finite();
    let recorded = sample.map(|sample| &step.samples[sample]);
    match (phase, cell, recorded) {
        (Phase::Input, _, Some(sample)) => sample.input.iter().any(broken),
        (Phase::Forward, Cell::Neuron { layer, neuron }, Some(sample)) => {
            let layer = &sample.layers[layer];
            broken(&layer.z[neuron]) || broken(&layer.a[neuron])
        }
        (Phase::Forward, Cell::Layer { layer }, Some(sample)) => sample.layers[layer].a.iter().any(broken),
        (Phase::Loss, _, Some(sample)) => broken(&sample.loss),
        (Phase::Backward, Cell::Loss, Some(sample)) => {
            sample.layers.last().is_some_and(|last| last.grad_a.iter().any(broken))
        }
        (Phase::Backward, Cell::Layer { layer }, Some(sample)) => sample.layers[layer].delta.iter().any(broken),
        (Phase::Backward, Cell::Neuron { layer, neuron }, Some(sample)) => {
            let mut parameters = step.shape.of_neuron(layer, neuron);
            let backprop = sample.layer_input_gradient(layer);
            broken(&sample.layers[layer].delta[neuron])
                || parameters.any(|at| broken(&step.grad_sums[step.shape.index(at)]))
                || backprop.is_some_and(|gradient| gradient.iter().any(broken))
        }
        (Phase::Update, Cell::Rate, _) => broken(&step.learning_rate()),
        (Phase::Update, Cell::Layer { layer }, _) => step.after.values[step.shape.layer(layer)].iter().any(broken),
        (Phase::Update, Cell::ParameterGradient { layer, neuron, input }, _) => {
            let at = step.shape.index(Parameter { layer, neuron, input });
            step.penalty.as_ref().is_some_and(|penalty| broken(&penalty.sum)) || broken(&step.grads[at])
        }
        (Phase::Update, Cell::Parameter { layer, neuron, input }, _) => {
            let at = step.shape.index(Parameter { layer, neuron, input });
            let penalty = step.penalty.as_ref().is_some_and(|penalty| broken(&penalty.sum));
            penalty || broken(&step.grads[at]) || broken(&step.after.values[at])
        }
        _ => false,
    }
}
