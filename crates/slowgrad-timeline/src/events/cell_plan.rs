//! Which operations a cell consists of, and in which order.
//!
//! This is the only place that knows: the timeline lays out its cells by these plans and asks them what the n-th operation
//! of a cell computes; the origins of numbers and the scene ask them which operation computes a value. A plan must not know
//! any number that a step computed.

use super::event::{Cell, Phase};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;
use std::ops::Range;

/// What one operation of a cell computes. Inputs, outputs, instructions and chain steps count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CellOperation {
    /// An input of the network takes the sample's value.
    Enter { input: usize },
    /// w·x. The first product of a neuron is also its first partial sum.
    Product { input: usize },
    /// The partial sum that includes this input, which is not the first: one fused multiply-add.
    Accumulate { input: usize },
    /// The pre-activation z = sum + bias. In a layer without biases the last partial sum is z.
    AddBias,
    /// An instruction of the cell's script: the activation, loss, schedule or optimizer.
    Script { instruction: usize },
    /// The activation of a neuron: the only output of its own call, or one of a whole layer's call.
    Activated { output: usize },
    /// The value of the loss.
    LossValue,
    /// ∂L/∂L = 1.
    Seed,
    /// A chain step of the cell's script.
    Chain { step: usize },
    /// δ = ∂L/∂z.
    Delta,
    /// ∂L/∂b, summed over the batch so far.
    BiasGrad,
    /// ∂L/∂w, summed over the batch so far.
    WeightGrad { input: usize },
    /// The term w·δ of ∂L/∂a in the layer before, summed over this layer's neurons so far.
    Backprop { input: usize },
    /// The learning rate of the step.
    Rate,
    /// The mean of a parameter's gradient over the batch.
    Average,
    /// An instruction of the regularizer.
    Penalty { instruction: usize },
    /// A chain step of the regularizer.
    PenaltyChain { step: usize },
    /// The gradient with the derivative of the penalty.
    Penalized,
    /// The parameter's new value.
    Updated,
    /// A frozen parameter keeps its value.
    Frozen,
}

/// Operations of one kind, which are next to each other in a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Enter,
    /// The first product, then a product and a partial sum for each further input.
    WeightedSum,
    AddBias,
    Script,
    Activated,
    LossValue,
    Seed,
    Chain,
    Delta,
    BiasGrad,
    WeightGrad,
    Backprop,
    Rate,
    Average,
    Penalty,
    PenaltyChain,
    Penalized,
    Updated,
    Frozen,
}

/// No cell has more kinds of operations than a parameter's update.
const MAX_KINDS: usize = 6;

/// The operations of a cell in one phase, in the order in which they run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CellPlan {
    /// The kinds in order, each with the number of the first operation after it.
    kinds: [(Kind, usize); MAX_KINDS],
    count: usize,
}

impl CellPlan {
    /// The plan of a cell in a phase of a sample; the update has no sample. It is empty where the step has no such cell.
    pub(crate) fn of(step: &RecordedStep, sample: Option<usize>, phase: Phase, cell: Cell) -> Self {
        let (shape, mut plan) = (&step.shape, Self { kinds: [(Kind::Enter, 0); MAX_KINDS], count: 0 });
        let recorded = sample.map(|sample| &step.samples[sample]);
        match (phase, cell, recorded) {
            (Phase::Input, Cell::Input, _) => plan.push(Kind::Enter, shape.inputs()),
            (Phase::Forward, Cell::Neuron { layer, neuron }, Some(recorded)) => {
                plan.push(Kind::WeightedSum, 2 * shape.fan_in(layer) - 1);
                if shape.has_biases(layer) {
                    plan.push(Kind::AddBias, 1);
                }
                if !step.names.whole_layer[layer] {
                    plan.push(Kind::Script, recorded.layers[layer].traces[neuron].instructions().len());
                    plan.push(Kind::Activated, 1);
                }
            }
            (Phase::Forward, Cell::Layer { layer }, Some(recorded)) if step.names.whole_layer[layer] => {
                plan.push(Kind::Script, recorded.layers[layer].traces[0].instructions().len());
                plan.push(Kind::Activated, shape.size(layer));
            }
            (Phase::Loss, Cell::Loss, Some(recorded)) => {
                plan.push(Kind::Script, recorded.loss_trace.instructions().len());
                plan.push(Kind::LossValue, 1);
            }
            (Phase::Backward, Cell::Loss, Some(recorded)) => {
                plan.push(Kind::Seed, 1);
                plan.push(Kind::Chain, recorded.loss_trace.chain().len());
            }
            (Phase::Backward, Cell::Layer { layer }, Some(recorded)) if step.names.whole_layer[layer] => {
                plan.push(Kind::Chain, recorded.layers[layer].traces[0].chain().len());
            }
            (Phase::Backward, Cell::Neuron { layer, neuron }, Some(recorded)) => {
                if !step.names.whole_layer[layer] {
                    plan.push(Kind::Chain, recorded.layers[layer].traces[neuron].chain().len());
                }
                plan.push(Kind::Delta, 1);
                if shape.has_biases(layer) {
                    plan.push(Kind::BiasGrad, 1);
                }
                plan.push(Kind::WeightGrad, shape.fan_in(layer));
                if recorded.layer_input_gradient(layer).is_some() {
                    plan.push(Kind::Backprop, shape.fan_in(layer));
                }
            }
            (Phase::Update, Cell::Rate, _) => {
                if let Some(rate) = &step.rate {
                    plan.push(Kind::Script, rate.trace.instructions().len());
                    plan.push(Kind::Rate, 1);
                }
            }
            (Phase::Update, Cell::Parameter { layer, neuron, input }, _) => {
                let index = shape.index(Parameter { layer, neuron, input });
                let trace = step.update_trace(index);
                if trace.is_some() {
                    plan.push_gradient(step, index);
                }
                if step.frozen.contains(&index) {
                    plan.push(Kind::Frozen, 1);
                } else {
                    // An optimizer of whole layers has run in a cell of its own.
                    if let Some(trace) = trace {
                        plan.push(Kind::Script, trace.instructions().len());
                    }
                    plan.push(Kind::Updated, 1);
                }
            }
            (Phase::Update, Cell::ParameterGradient { layer, neuron, input }, _)
                if step.layer_update_trace(layer).is_some() =>
            {
                plan.push_gradient(step, shape.index(Parameter { layer, neuron, input }));
            }
            (Phase::Update, Cell::Layer { layer }, _) if !step.is_layer_frozen(layer) => {
                if let Some(trace) = step.layer_update_trace(layer) {
                    plan.push(Kind::Script, trace.instructions().len());
                }
            }
            _ => {}
        }
        plan
    }

    /// The operations that complete the gradient of a parameter (flat index).
    fn push_gradient(&mut self, step: &RecordedStep, index: usize) {
        // The mean of one sample is no operation.
        if step.samples.len() > 1 {
            self.push(Kind::Average, 1);
        }
        if let Some(trace) = step.penalty_trace(index) {
            self.push(Kind::Penalty, trace.instructions().len());
            self.push(Kind::PenaltyChain, trace.chain().len());
            self.push(Kind::Penalized, 1);
        }
    }

    fn push(&mut self, kind: Kind, operations: usize) {
        self.kinds[self.count] = (kind, self.len() + operations);
        self.count += 1;
    }

    /// Number of operations.
    pub(crate) fn len(&self) -> usize {
        self.count.checked_sub(1).map_or(0, |last| self.kinds[last].1)
    }

    /// What the operation with this number computes. `None` past the last one.
    pub(crate) fn operation(&self, number: usize) -> Option<CellOperation> {
        let mut start = 0;
        for &(kind, end) in &self.kinds[..self.count] {
            if number < end {
                return Some(Self::nth(kind, number - start));
            }
            start = end;
        }
        None
    }

    /// The number of the operation that computes this. `None` where the cell has no such operation.
    pub(crate) fn number(&self, operation: CellOperation) -> Option<usize> {
        use CellOperation as O;
        let (kind, nth) = match operation {
            O::Enter { input } => (Kind::Enter, input),
            // The product of input k is followed by its partial sum; the first product has none of its own.
            O::Product { input } => (Kind::WeightedSum, (2 * input).saturating_sub(1)),
            O::Accumulate { input: 0 } => return None,
            O::Accumulate { input } => (Kind::WeightedSum, 2 * input),
            O::AddBias => (Kind::AddBias, 0),
            O::Script { instruction } => (Kind::Script, instruction),
            O::Activated { output } => (Kind::Activated, output),
            O::LossValue => (Kind::LossValue, 0),
            O::Seed => (Kind::Seed, 0),
            O::Chain { step } => (Kind::Chain, step),
            O::Delta => (Kind::Delta, 0),
            O::BiasGrad => (Kind::BiasGrad, 0),
            O::WeightGrad { input } => (Kind::WeightGrad, input),
            O::Backprop { input } => (Kind::Backprop, input),
            O::Rate => (Kind::Rate, 0),
            O::Average => (Kind::Average, 0),
            O::Penalty { instruction } => (Kind::Penalty, instruction),
            O::PenaltyChain { step } => (Kind::PenaltyChain, step),
            O::Penalized => (Kind::Penalized, 0),
            O::Updated => (Kind::Updated, 0),
            O::Frozen => (Kind::Frozen, 0),
        };
        let range = self.range(kind)?;
        (nth < range.len()).then_some(range.start + nth)
    }

    /// The weighted sum, with the bias if the layer has one; empty where the cell has none.
    pub(crate) fn weighted_sum(&self) -> Range<usize> {
        let sum = self.range(Kind::WeightedSum).unwrap_or(0..0);
        sum.start..self.range(Kind::AddBias).map_or(sum.end, |bias| bias.end)
    }

    /// The instructions of the cell's script. Also where a script has no instruction, this is where they would be.
    pub(crate) fn script(&self) -> Range<usize> {
        self.range(Kind::Script).unwrap_or(0..0)
    }

    /// The chain steps of the cell's script. Also where a script has no chain step, this is where they would be.
    pub(crate) fn chain(&self) -> Range<usize> {
        self.range(Kind::Chain).unwrap_or(0..0)
    }

    /// The instructions of the regularizer.
    pub(crate) fn penalty(&self) -> Range<usize> {
        self.range(Kind::Penalty).unwrap_or(0..0)
    }

    /// The chain steps of the regularizer.
    pub(crate) fn penalty_chain(&self) -> Range<usize> {
        self.range(Kind::PenaltyChain).unwrap_or(0..0)
    }

    /// The terms of ∂L/∂a for the layer before, or of ∂L/∂x, one an input; empty in the first layer if the step has no ∂L/∂x.
    pub(crate) fn backprops(&self) -> Range<usize> {
        self.range(Kind::Backprop).unwrap_or(0..0)
    }

    fn range(&self, kind: Kind) -> Option<Range<usize>> {
        let at = self.kinds[..self.count].iter().position(|(other, _)| *other == kind)?;
        let start = at.checked_sub(1).map_or(0, |before| self.kinds[before].1);
        Some(start..self.kinds[at].1)
    }

    /// The `nth` operation of a kind.
    fn nth(kind: Kind, nth: usize) -> CellOperation {
        use CellOperation as O;
        match kind {
            Kind::Enter => O::Enter { input: nth },
            Kind::AddBias => O::AddBias,
            Kind::WeightedSum if nth > 0 && nth.is_multiple_of(2) => O::Accumulate { input: nth / 2 },
            Kind::WeightedSum => O::Product { input: nth.div_ceil(2) },
            Kind::Script => O::Script { instruction: nth },
            Kind::Activated => O::Activated { output: nth },
            Kind::LossValue => O::LossValue,
            Kind::Seed => O::Seed,
            Kind::Chain => O::Chain { step: nth },
            Kind::Delta => O::Delta,
            Kind::BiasGrad => O::BiasGrad,
            Kind::WeightGrad => O::WeightGrad { input: nth },
            Kind::Backprop => O::Backprop { input: nth },
            Kind::Rate => O::Rate,
            Kind::Average => O::Average,
            Kind::Penalty => O::Penalty { instruction: nth },
            Kind::PenaltyChain => O::PenaltyChain { step: nth },
            Kind::Penalized => O::Penalized,
            Kind::Updated => O::Updated,
            Kind::Frozen => O::Frozen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that `number` is the inverse of `operation`.
    fn check(kinds: &[(Kind, usize)]) -> Vec<CellOperation> {
        let mut plan = CellPlan { kinds: [(Kind::Enter, 0); MAX_KINDS], count: 0 };
        for &(kind, operations) in kinds {
            plan.push(kind, operations);
        }
        let operations: Vec<CellOperation> = (0..plan.len()).filter_map(|number| plan.operation(number)).collect();
        let numbers: Vec<usize> = operations.iter().filter_map(|operation| plan.number(*operation)).collect();
        assert_eq!(numbers, (0..plan.len()).collect::<Vec<_>>());
        assert_eq!(plan.operation(plan.len()), None);
        operations
    }

    #[test]
    fn every_operation_has_one_number() {
        use Kind as K;
        check(&[(K::Enter, 3)]);
        check(&[(K::WeightedSum, 5), (K::AddBias, 1), (K::Script, 2), (K::Activated, 1)]);
        check(&[(K::WeightedSum, 5), (K::Script, 2), (K::Activated, 1)]);
        check(&[(K::Script, 0), (K::Activated, 3)]);
        check(&[(K::Script, 4), (K::LossValue, 1)]);
        check(&[(K::Seed, 1), (K::Chain, 0)]);
        check(&[(K::Chain, 2), (K::Delta, 1), (K::BiasGrad, 1), (K::WeightGrad, 2), (K::Backprop, 2)]);
        check(&[(K::Script, 1), (K::Rate, 1)]);
        let penalty = [(K::Average, 1), (K::Penalty, 2), (K::PenaltyChain, 2), (K::Penalized, 1)];
        check(&[&penalty[..], &[(K::Script, 2), (K::Updated, 1)]].concat());
        check(&[&penalty[..], &[(K::Frozen, 1)]].concat());
        check(&penalty);
        check(&[(K::Script, 3)]);
    }

    #[test]
    fn a_weighted_sum_is_products_and_partial_sums() {
        use CellOperation as O;
        let expected = [
            O::Product { input: 0 },
            O::Product { input: 1 },
            O::Accumulate { input: 1 },
            O::Product { input: 2 },
            O::Accumulate { input: 2 },
        ];
        assert_eq!(check(&[(Kind::WeightedSum, 5)]), expected);
        assert_eq!(check(&[(Kind::WeightedSum, 1), (Kind::AddBias, 1)]), [O::Product { input: 0 }, O::AddBias]);
    }
}
