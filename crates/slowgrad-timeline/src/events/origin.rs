//! The origin of a number: the event of the same step whose result it is, bit for bit. A number that no event of the step
//! computed comes from the step before, the sample, a control or a literal in a script.
//!
//! Formulas and explanations link their numbers to these origins. Numbers that the engine itself counts or measures (the
//! step number, norms) have no origin. Origins within a call of a script are in `call_origins`. This module must not know
//! how a number is written, nor which operations a cell consists of.

use super::cell_plan::CellOperation;
use super::event::{Cell, Phase};
use super::timeline::Timeline;
use super::update_inputs::{UpdateInput, UpdateInputs};
use crate::scene::{Link, Plugin, Slider};
use slowgrad_engine::plugin::Optimizer;
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;

/// The control that sets the learning rate.
pub(crate) const LEARNING_RATE: Link = Link::Slider(Plugin::Optimizer, Slider::LearningRate);

/// The origins of a step's numbers. Samples, layers, neurons and inputs count from 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origins<'a> {
    pub(super) timeline: &'a Timeline,
    pub(super) step: &'a RecordedStep,
}

impl<'a> Origins<'a> {
    pub(crate) fn of(timeline: &'a Timeline) -> Self {
        Self { timeline, step: timeline.step() }
    }

    pub(super) fn event(self, sample: usize, phase: Phase, cell: Cell, operation: CellOperation) -> Option<Link> {
        self.timeline.find(Some(sample), phase, cell, operation).map(Link::Event)
    }

    fn forward(self, sample: usize, layer: usize, neuron: usize, operation: CellOperation) -> Option<Link> {
        self.event(sample, Phase::Forward, Cell::Neuron { layer, neuron }, operation)
    }

    fn backward(self, sample: usize, layer: usize, neuron: usize, operation: CellOperation) -> Option<Link> {
        self.event(sample, Phase::Backward, Cell::Neuron { layer, neuron }, operation)
    }

    /// An input of a layer: a value of the sample or an activation of the layer before.
    pub(crate) fn layer_input(self, sample: usize, layer: usize, input: usize) -> Option<Link> {
        match layer.checked_sub(1) {
            None => self.event(sample, Phase::Input, Cell::Input, CellOperation::Enter { input }),
            Some(layer) => self.activated(sample, layer, input),
        }
    }

    /// The row of the data set that a sample is.
    pub(crate) fn row(self, sample: usize) -> Link {
        Link::Sample(self.step.samples[sample].sample)
    }

    /// A weight times its input.
    pub(crate) fn product(self, sample: usize, layer: usize, neuron: usize, input: usize) -> Option<Link> {
        self.forward(sample, layer, neuron, CellOperation::Product { input })
    }

    /// The sum of a neuron's first products, at least one. Of one product this is the product.
    pub(crate) fn partial_sum(self, sample: usize, layer: usize, neuron: usize, terms: usize) -> Option<Link> {
        let operation = match terms {
            1 => CellOperation::Product { input: 0 },
            _ => CellOperation::Accumulate { input: terms - 1 },
        };
        self.forward(sample, layer, neuron, operation)
    }

    /// A pre-activation.
    pub(crate) fn z(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        let bias = self.forward(sample, layer, neuron, CellOperation::AddBias);
        bias.or_else(|| self.partial_sum(sample, layer, neuron, self.step.shape.fan_in(layer)))
    }

    /// An activation.
    pub(crate) fn activated(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        if self.step.names.whole_layer[layer] {
            let operation = CellOperation::Activated { output: neuron };
            return self.event(sample, Phase::Forward, Cell::Layer { layer }, operation);
        }
        self.forward(sample, layer, neuron, CellOperation::Activated { output: 0 })
    }

    /// The loss of a sample.
    pub(crate) fn loss(self, sample: usize) -> Option<Link> {
        self.event(sample, Phase::Loss, Cell::Loss, CellOperation::LossValue)
    }

    /// δ of a neuron.
    pub(crate) fn delta(self, sample: usize, layer: usize, neuron: usize) -> Option<Link> {
        self.backward(sample, layer, neuron, CellOperation::Delta)
    }

    /// A parameter's gradient, summed over the samples up to this one.
    pub(crate) fn gradient(self, sample: usize, at: Parameter) -> Option<Link> {
        let operation = at.input.map_or(CellOperation::BiasGrad, |input| CellOperation::WeightGrad { input });
        self.backward(sample, at.layer, at.neuron, operation)
    }

    /// ∂L/∂a of an input of a layer, or ∂L/∂x, summed over the layer's neurons up to this one.
    pub(crate) fn backprop(self, sample: usize, layer: usize, neuron: usize, input: usize) -> Option<Link> {
        self.backward(sample, layer, neuron, CellOperation::Backprop { input })
    }

    fn update(self, at: Parameter, operation: CellOperation) -> Option<Link> {
        self.timeline.find(None, Phase::Update, at.into(), operation).map(Link::Event)
    }

    /// The cell of the update that completes a parameter's gradient.
    pub(super) fn gradient_cell(self, at: Parameter) -> Cell {
        let Parameter { layer, neuron, input } = at;
        let whole = self.step.layer_update_trace(layer).is_some();
        if whole { Cell::ParameterGradient { layer, neuron, input } } else { at.into() }
    }

    fn complete_gradient(self, at: Parameter, operation: CellOperation) -> Option<Link> {
        self.timeline.find(None, Phase::Update, self.gradient_cell(at), operation).map(Link::Event)
    }

    /// The gradient of a parameter that the optimizer receives.
    pub(crate) fn final_gradient(self, at: Parameter) -> Option<Link> {
        self.complete_gradient(at, CellOperation::Penalized).or_else(|| self.mean_gradient(at))
    }

    /// The mean of a parameter's gradient over the batch, without the penalty. For a batch of one sample this is the
    /// gradient itself.
    pub(crate) fn mean_gradient(self, at: Parameter) -> Option<Link> {
        self.complete_gradient(at, CellOperation::Average).or_else(|| self.gradient(self.step.samples.len() - 1, at))
    }

    /// The learning rate of the step: the schedule's event, or the control that sets it.
    pub(crate) fn rate(self) -> Link {
        let scheduled = self.timeline.find(None, Phase::Update, Cell::Rate, CellOperation::Rate);
        scheduled.map_or(LEARNING_RATE, Link::Event)
    }

    /// A parameter's new value.
    pub(crate) fn updated(self, at: Parameter) -> Option<Link> {
        self.update(at, CellOperation::Updated).or_else(|| self.update(at, CellOperation::Frozen))
    }

    /// A parameter's value before the step.
    pub(crate) fn before(self, at: Parameter) -> Link {
        before(self.step, at)
    }

    /// A field of a parameter's optimizer state before the step.
    fn state(self, at: Parameter, field: usize) -> Link {
        if self.step.step > 1 { Link::PreviousState(at.into(), field) } else { Link::Plugin(Plugin::Optimizer) }
    }

    /// The inputs of an optimizer's call, up to the context, whose first value is the learning rate.
    pub(super) fn update_inputs(self, inputs: UpdateInputs<'_>) -> Vec<Option<Link>> {
        let origin = |input| match inputs.role(input) {
            UpdateInput::Value(at) => Some(self.before(at)),
            UpdateInput::Gradient(at) => self.final_gradient(at),
            UpdateInput::State { field, parameter: Some(at) } => Some(self.state(at, field)),
            // No single event of the step before computed it.
            UpdateInput::State { parameter: None, .. } if self.step.step > 1 => None,
            UpdateInput::State { parameter: None, .. } => Some(Link::Plugin(Plugin::Optimizer)),
            UpdateInput::Context(0) => Some(self.rate()),
            UpdateInput::Context(_) | UpdateInput::Control => None,
        };
        (0..inputs.context() + Optimizer::CONTEXT.len()).map(origin).collect()
    }
}

/// A parameter's value before a step: from the update of the step before, or from the initializer.
pub(crate) fn before(step: &RecordedStep, at: Parameter) -> Link {
    if step.step > 1 { Link::PreviousUpdate(at.into()) } else { Link::Plugin(Plugin::Initializer) }
}
