//! What the inputs and the operations of an optimizer's call belong to: a parameter, a state field, the context.
//!
//! An optimizer updates one parameter in a call, or a whole layer. `slowgrad_engine::plugin` defines the order of the
//! inputs and results. This module must not know how an input is written or drawn.

use super::event::{Address, Cell, Phase};
use slowgrad_engine::plugin::Optimizer;
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::{Op, Trace, ValueId};
use std::ops::Range;

/// The role of an input of an update.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpdateInput {
    /// A parameter before the step.
    Value(Parameter),
    /// The gradient of a parameter.
    Gradient(Parameter),
    /// A number of a state field; of a parameter, if the field has one for each.
    State { field: usize, parameter: Option<Parameter> },
    /// The n-th of [`Optimizer::CONTEXT`].
    Context(usize),
    /// A slider other than the learning rate.
    Control,
}

/// The inputs of an optimizer's call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct UpdateInputs<'a> {
    step: &'a RecordedStep,
    /// The first parameter (flat index) and the number of parameters of the call.
    first: usize,
    count: usize,
    layer: usize,
}

impl<'a> UpdateInputs<'a> {
    /// The inputs of the call that updates a parameter.
    pub(crate) fn of_parameter(step: &'a RecordedStep, at: Parameter) -> Self {
        let (index, layer) = (step.shape.index(at), at.layer);
        if step.layer_update_trace(layer).is_some() {
            return Self::of_layer(step, layer);
        }
        Self { step, first: index, count: 1, layer }
    }

    /// The inputs of the call that updates a layer.
    pub(crate) fn of_layer(step: &'a RecordedStep, layer: usize) -> Self {
        let parameters = step.shape.layer(layer);
        Self { step, first: parameters.start, count: parameters.len(), layer }
    }

    /// The inputs of the optimizer's call that an event belongs to; `None` for events that belong to none.
    pub(crate) fn of_event(step: &'a RecordedStep, address: &Address) -> Option<Self> {
        match (address.phase, address.cell) {
            (Phase::Update, Cell::Parameter { layer, neuron, input }) => {
                Some(Self::of_parameter(step, Parameter { layer, neuron, input }))
            }
            (Phase::Update, Cell::Layer { layer }) => Some(Self::of_layer(step, layer)),
            _ => None,
        }
    }

    /// The inputs of each state field, by number of the input.
    fn field_inputs(self) -> impl Iterator<Item = (usize, Range<usize>)> + 'a {
        let mut start = 2 * self.count;
        self.step.names.state.iter().enumerate().map(move |(nth, field)| {
            let len =
                if field.is_per_parameter() { self.count } else { field.layer(&self.step.shape, self.layer).len() };
            let range = start..start + len;
            start = range.end;
            (nth, range)
        })
    }

    /// Number of state fields.
    pub(crate) fn fields(self) -> usize {
        self.step.names.state.len()
    }

    /// The number of the first input of the context.
    pub(crate) fn context(self) -> usize {
        self.field_inputs().last().map_or(2 * self.count, |(_, range)| range.end)
    }

    /// The role of an input.
    pub(crate) fn role(self, input: usize) -> UpdateInput {
        let parameter = |nth: usize| self.step.shape.parameter(self.first + nth);
        if input < self.count {
            return UpdateInput::Value(parameter(input));
        }
        if input < 2 * self.count {
            return UpdateInput::Gradient(parameter(input - self.count));
        }
        if let Some((field, range)) = self.field_inputs().find(|(_, range)| range.contains(&input)) {
            let each = self.step.names.state[field].is_per_parameter();
            return UpdateInput::State { field, parameter: each.then(|| parameter(input - range.start)) };
        }
        let place = input - self.context();
        if place < Optimizer::CONTEXT.len() { UpdateInput::Context(place) } else { UpdateInput::Control }
    }

    /// The number of the result that is a parameter's new value.
    pub(crate) fn result(self, at: Parameter) -> usize {
        self.step.shape.index(at) - self.first
    }

    /// The number of the result that is a parameter's new number in a state field; `None` if the field has none for each
    /// parameter.
    pub(crate) fn state_result(self, at: Parameter, field: usize) -> Option<usize> {
        let (_, range) = self.field_inputs().nth(field)?;
        // The results have no gradients.
        self.step.names.state[field].is_per_parameter().then(|| range.start - self.count + self.result(at))
    }

    /// The field of a result that is part of the state.
    pub(crate) fn stored_field(self, result: usize) -> Option<usize> {
        self.field_inputs().find(|(_, range)| range.contains(&(result + self.count))).map(|(field, _)| field)
    }

    /// For each node of a call's trace, the parameter that it belongs to: that of its operand which depends on the fewest
    /// parameters, or on the last of several. `None` for nodes that depend on no parameter.
    pub(crate) fn owners(self, trace: &Trace) -> Vec<Option<Parameter>> {
        /// The parameter of a node, and the lowest and the highest that it depends on.
        type Owned = Option<(usize, usize, usize)>;
        let mut owned: Vec<Owned> = Vec::with_capacity(trace.nodes().len());
        for (id, node) in trace.nodes().iter().enumerate() {
            if id < trace.inputs() {
                let parameter = match self.role(id) {
                    UpdateInput::Value(at) | UpdateInput::Gradient(at) => Some(at),
                    UpdateInput::State { parameter, .. } => parameter,
                    UpdateInput::Context(_) | UpdateInput::Control => None,
                };
                let index = parameter.map(|at| self.step.shape.index(at));
                owned.push(index.map(|index| (index, index, index)));
                continue;
            }
            let operands = if node.op == Op::Constant { &[][..] } else { &node.operands[..node.op.arity()] };
            let of_operands = operands.iter().filter_map(|operand| owned[operand.index()]);
            owned.push(of_operands.reduce(|a, b| {
                let (parameter, ..) = if a.2 - a.1 < b.2 - b.1 { a } else { b };
                (parameter, a.1.min(b.1), a.2.max(b.2))
            }));
        }
        owned.into_iter().map(|owned| owned.map(|(index, ..)| self.step.shape.parameter(index))).collect()
    }

    /// The parameter that an operation belongs to.
    pub(crate) fn owner(self, trace: &Trace, operands: &[ValueId], result: Option<ValueId>) -> Option<Parameter> {
        if let Some(nth) = result.and_then(|id| trace.outputs().iter().position(|output| *output == id))
            && nth < self.count
        {
            return Some(self.step.shape.parameter(self.first + nth));
        }
        let owners = self.owners(trace);
        match result {
            Some(id) => owners[id.index()],
            None => operands.iter().rev().find_map(|id| owners[id.index()]),
        }
    }
}
