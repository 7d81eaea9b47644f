//! The update of a step at full speed: applies the optimizer's rule to every parameter or to every layer.
//!
//! Parameters, gradients and state go through a rule for parameters in blocks that stay in the L1 cache. A rule that cannot
//! fail runs in place; any other writes to a second model, so that the first is unchanged after an error. A rule for layers
//! is one call for each layer.

use crate::model::Model;
use crate::norms::Norms;
use crate::plugin::{Optimizer, SharedFunction, StateField, UpdateRule};
use crate::rate;
use crate::setup::Setup;
use crate::shape::Shape;
use crate::work_sharing::{JOBS_PER_THREAD, run_jobs};
use slowgrad_tape::{CallerRow, Diagnostic, LANE_GROUP, Pass};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

/// Minimum number of parameters per thread: some microseconds of work.
const MIN_PARAMETERS_PER_THREAD: usize = 1 << 13;

/// The optimizer's rule, prepared for a setup.
#[derive(Debug, Default)]
pub(crate) struct Update {
    /// The schedule's call.
    rate: Pass,
    norms: Norms,
    parameters: ParameterUpdate,
    /// The calls of a rule for layers.
    layers: Vec<Pass>,
    next: Model,
}

impl Update {
    /// Updates the model with the gradients of a step (from 1), on at most `threads` threads.
    ///
    /// # Errors
    /// The diagnostic of a failing script. The model is unchanged then.
    pub(crate) fn apply(
        &mut self,
        setup: &Rc<Setup>,
        model: &mut Model,
        grads: &[f64],
        step: u64,
        threads: usize,
    ) -> Result<(), Box<Diagnostic>> {
        let lr = self.learning_rate(setup, step)?;
        match &setup.optimizer.rule {
            UpdateRule::Parameter { weights, biases } => {
                let rules = [weights, biases];
                let Self { parameters, norms, next, .. } = self;
                parameters.bind(setup, rules, threads);
                if parameters.needs_norms {
                    norms.fill(&setup.shape, &model.values, grads);
                }
                let context = StepContext { optimizer: &setup.optimizer, shape: &setup.shape, lr, step, norms };
                parameters.apply(setup, rules, &context, model, next, grads, threads)
            }
            UpdateRule::Layer(rules) => {
                self.norms.fill(&setup.shape, &model.values, grads);
                self.apply_layers(setup, rules, model, grads, lr, step)
            }
        }
    }

    /// One call for each layer.
    fn apply_layers(
        &mut self,
        setup: &Setup,
        rules: &[SharedFunction],
        model: &mut Model,
        grads: &[f64],
        lr: f64,
        step: u64,
    ) -> Result<(), Box<Diagnostic>> {
        let (shape, optimizer) = (&setup.shape, &setup.optimizer);
        let Self { norms, layers, next, .. } = self;
        let context = StepContext { optimizer, shape, lr, step, norms };
        // Field by field, which reuses the allocations.
        next.values.clone_from(&model.values);
        next.state.clone_from(&model.state);
        if layers.is_empty() {
            layers.extend(rules.iter().map(|rule| {
                let mut pass = Pass::default();
                pass.fit(&rule.borrow(), 1);
                pass.set_forward_only();
                pass
            }));
        }
        for (layer, (pass, rule)) in layers.iter_mut().zip(rules).enumerate() {
            let parameters = shape.layer(layer);
            let state = || optimizer.state.iter().map(|field| field.layer(shape, layer));
            let own = [&model.values[parameters.clone()], &grads[parameters.clone()]].into_iter();
            let own = own.chain(model.state.iter().zip(state()).map(|(numbers, range)| &numbers[range]));
            for (input, x) in own.flatten().copied().chain(context.of_layer(layer)).enumerate() {
                pass.input_mut(input)[0] = x;
            }
            pass.forward(rule)?;
            let results = std::iter::once(&mut next.values[parameters]);
            let results = results.chain(next.state.iter_mut().zip(state()).map(|(numbers, range)| &mut numbers[range]));
            for (k, number) in results.flatten().enumerate() {
                *number = pass.output(k)[0];
            }
        }
        restore_frozen(shape, &optimizer.state, &setup.frozen, model, next);
        std::mem::swap(model, next);
        Ok(())
    }

    /// The optimizer's learning rate times the schedule's factor.
    fn learning_rate(&mut self, setup: &Setup, step: u64) -> Result<f64, Box<Diagnostic>> {
        let base = setup.optimizer.learning_rate();
        let Some(schedule) = &setup.schedule else { return Ok(base) };
        self.rate.fit(&schedule.function.borrow(), 1);
        for (input, x) in rate::inputs(setup, schedule, step).enumerate() {
            self.rate.set_input(input, x);
        }
        self.rate.forward(&schedule.function)?;
        Ok(base * self.rate.output(0)[0])
    }
}

/// Whether all parameters of a layer are frozen.
pub(crate) fn is_layer_frozen(shape: &Shape, frozen: &BTreeSet<usize>, layer: usize) -> bool {
    frozen.range(shape.layer(layer)).count() == shape.layer(layer).len()
}

/// Gives frozen parameters back their values and their state of before the step. A layer of which all parameters are frozen
/// keeps its whole state.
pub(crate) fn restore_frozen(
    shape: &Shape,
    state: &[StateField],
    frozen: &BTreeSet<usize>,
    before: &Model,
    after: &mut Model,
) {
    for &parameter in frozen {
        after.values[parameter] = before.values[parameter];
    }
    for (field, (after, before)) in state.iter().zip(after.state.iter_mut().zip(&before.state)) {
        if field.is_per_parameter() {
            for &parameter in frozen {
                after[parameter] = before[parameter];
            }
            continue;
        }
        for layer in (0..shape.layers()).filter(|&layer| is_layer_frozen(shape, frozen, layer)) {
            let range = field.layer(shape, layer);
            after[range.clone()].copy_from_slice(&before[range]);
        }
    }
}

/// What a step's calls of the optimizer have in common.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepContext<'a> {
    pub(crate) optimizer: &'a Optimizer,
    pub(crate) shape: &'a Shape,
    /// The learning rate, after the schedule.
    pub(crate) lr: f64,
    /// The step, from 1.
    pub(crate) step: u64,
    /// Empty if no rule reads norms.
    pub(crate) norms: &'a Norms,
}

impl<'a> StepContext<'a> {
    /// The last inputs of an update in this layer: [`Optimizer::CONTEXT`], then the sliders other than `lr`.
    pub(crate) fn of_layer(self, layer: usize) -> impl Iterator<Item = f64> + 'a {
        let of_layer = |norms: &[f64]| norms.get(layer).copied().unwrap_or(0.0);
        let Norms { grad, layer_grad, layer_weight } = self.norms;
        let norms = [*grad, of_layer(layer_grad), of_layer(layer_weight)];
        let position = [layer as f64, self.shape.layers() as f64];
        let own = [self.lr, self.step as f64].into_iter().chain(norms).chain(position);
        own.chain(self.optimizer.each_other_slider())
    }
}

/// A rule for parameters, prepared for a setup. Prepared again when it records a new path.
#[derive(Debug, Default)]
struct ParameterUpdate {
    /// The setup, and the versions of the rules for weights and for biases.
    bound_to: Option<(Rc<Setup>, [u64; 2])>,
    /// Whether a rule reads what differs from step to step or from layer to layer, other than the learning rate.
    context_varies: bool,
    /// The bits of the learning rate that the passes were bound with, together with the rest of the context.
    bound_lr: Option<u64>,
    /// Whether a rule reads norms.
    needs_norms: bool,
    ranges: Vec<UpdateRange>,
    /// Passes of the rule for weights, and of the one for biases: one for each job.
    passes: [Vec<Pass>; 2],
}

/// Parameters that share a rule and a context.
#[derive(Debug)]
struct UpdateRange {
    layer: usize,
    parameters: Range<usize>,
    is_bias: bool,
}

impl ParameterUpdate {
    #[allow(clippy::too_many_arguments, reason = "all of them are parts of one step")]
    fn apply(
        &mut self,
        setup: &Setup,
        rules: [&SharedFunction; 2],
        context: &StepContext<'_>,
        model: &mut Model,
        next: &mut Model,
        grads: &[f64],
        threads: usize,
    ) -> Result<(), Box<Diagnostic>> {
        let lr = context.lr;
        // A context that equals that of the last step is not set again.
        let context_bound = self.bound_lr == Some(lr.to_bits()) && !self.context_varies;
        let infallible = setup.frozen.is_empty()
            && self.ranges.iter().all(|range| self.passes[usize::from(range.is_bias)].iter().all(Pass::is_complete));
        if !infallible {
            // Field by field, which reuses the allocations.
            next.values.clone_from(&model.values);
            next.state.clone_from(&model.state);
        }
        for range in &self.ranges {
            let passes = &mut self.passes[usize::from(range.is_bias)];
            let rule = rules[usize::from(range.is_bias)];
            if !context_bound {
                for pass in &mut *passes {
                    for (input, x) in (2 + model.state.len()..).zip(context.of_layer(range.layer)) {
                        pass.set_input(input, x);
                    }
                    pass.prepare(rule);
                }
            }
            if infallible {
                in_place(passes, model, grads, range.parameters.clone(), threads);
            } else {
                out_of_place(&mut passes[0], rule, model, next, grads, range.parameters.clone())?;
            }
        }
        self.bound_lr = Some(lr.to_bits());
        if !infallible {
            restore_frozen(&setup.shape, &setup.optimizer.state, &setup.frozen, model, next);
            std::mem::swap(model, next);
        }
        Ok(())
    }

    fn bind(&mut self, setup: &Rc<Setup>, rules: [&SharedFunction; 2], threads: usize) {
        let (shape, optimizer) = (&setup.shape, &setup.optimizer);
        let versions = rules.map(|rule| rule.borrow().version());
        let threads = threads.min(shape.parameters() / MIN_PARAMETERS_PER_THREAD);
        let jobs = if threads < 2 { 1 } else { threads * JOBS_PER_THREAD };
        let bound = self.bound_to.as_ref().is_some_and(|(bound, at)| Rc::ptr_eq(bound, setup) && *at == versions);
        if bound && self.passes[0].len() == jobs {
            return;
        }
        for (passes, rule) in self.passes.iter_mut().zip(rules) {
            let width = rule.borrow_mut().width().min(shape.parameters().next_multiple_of(LANE_GROUP));
            passes.resize_with(jobs, Pass::default);
            for pass in passes {
                pass.fit(&rule.borrow(), width);
                pass.set_forward_only();
            }
        }
        let [weights, biases] = rules.map(|rule| rule.borrow());
        let context = 2 + optimizer.state.len();
        let uses = |names: &[&str]| {
            let inputs = (context..).zip(Optimizer::CONTEXT).filter(|(_, name)| names.contains(name));
            inputs.into_iter().any(|(input, _)| weights.uses(input) || biases.uses(input))
        };
        let by_layer = uses(&["layer_grad_norm", "layer_weight_norm", "layer"]);
        self.needs_norms = uses(&["grad_norm", "layer_grad_norm", "layer_weight_norm"]);
        self.ranges.clear();
        // If both rules are the same and read nothing about layers, all parameters are one range.
        if !by_layer && weights.is_equivalent(&biases) {
            self.ranges.push(UpdateRange { layer: 0, parameters: 0..shape.parameters(), is_bias: false });
        } else {
            for layer in 0..shape.layers() {
                self.ranges.push(UpdateRange { layer, parameters: shape.weights(layer), is_bias: false });
                if shape.has_biases(layer) {
                    self.ranges.push(UpdateRange { layer, parameters: shape.biases(layer), is_bias: true });
                }
            }
        }
        self.context_varies = self.needs_norms || by_layer || uses(&["step"]);
        self.bound_to = Some((Rc::clone(setup), versions));
        self.bound_lr = None;
    }
}

/// Neighbouring parameters with their gradients and state.
struct ParameterSlice<'m> {
    values: &'m mut [f64],
    grads: &'m [f64],
    state: SmallVec<[&'m mut [f64]; 4]>,
}

/// Copies numbers into the rows of a pass.
#[inline]
fn load<'m>(pass: &mut Pass, values: &[f64], grads: &[f64], state: impl Iterator<Item = &'m [f64]>) {
    copy(values, pass.input_mut(0));
    copy(grads, pass.input_mut(1));
    for (k, field) in state.enumerate() {
        copy(field, pass.input_mut(2 + k));
    }
}

/// Copies the rule's results from the rows of a pass.
#[inline]
fn store<'m>(pass: &Pass, values: &mut [f64], state: impl Iterator<Item = &'m mut [f64]>) {
    copy(pass.output(0), values);
    for (k, field) in state.enumerate() {
        copy(pass.output(1 + k), field);
    }
}

/// Copies as many numbers as both slices have, group by group: a `memcpy` call for each short slice would take longer.
#[inline]
fn copy(from: &[f64], to: &mut [f64]) {
    let count = from.len().min(to.len());
    let (from_groups, from_rest) = from[..count].as_chunks::<LANE_GROUP>();
    let (to_groups, to_rest) = to[..count].as_chunks_mut::<LANE_GROUP>();
    for (from, to) in from_groups.iter().zip(to_groups) {
        *to = *from;
    }
    for (from, to) in from_rest.iter().zip(to_rest) {
        *to = *from;
    }
}

/// A slice split into chunks of `size` parameters.
struct SliceChunks<'m> {
    rest: ParameterSlice<'m>,
    size: usize,
}

impl<'m> Iterator for SliceChunks<'m> {
    type Item = ParameterSlice<'m>;

    fn next(&mut self) -> Option<ParameterSlice<'m>> {
        let rest = &mut self.rest;
        let size = self.size.min(rest.values.len());
        if size == 0 {
            return None;
        }
        let (grads, others) = rest.grads.split_at(size);
        rest.grads = others;
        #[allow(clippy::mut_mut, reason = "a slice that is to be split has to be taken out of its place")]
        let split = |numbers: &mut &'m mut [f64]| {
            let (some, others) = std::mem::take(numbers).split_at_mut(size);
            *numbers = others;
            some
        };
        Some(ParameterSlice {
            values: split(&mut rest.values),
            grads,
            state: rest.state.iter_mut().map(split).collect(),
        })
    }
}

/// The parameters of a range.
fn parameter_slice<'m>(model: &'m mut Model, grads: &'m [f64], range: &Range<usize>) -> ParameterSlice<'m> {
    ParameterSlice {
        values: &mut model.values[range.clone()],
        grads: &grads[range.clone()],
        state: model.state.iter_mut().map(|field| &mut field[range.clone()]).collect(),
    }
}

/// Applies a rule that cannot fail, on several threads if there are enough parameters.
fn in_place(passes: &mut [Pass], model: &mut Model, grads: &[f64], range: Range<usize>, threads: usize) {
    let count = range.len();
    let threads = threads.min(count / MIN_PARAMETERS_PER_THREAD);
    if threads < 2 && count <= passes[0].calls() {
        // A small network fits into one block.
        let pass = &mut passes[0];
        let Model { values, state } = model;
        load(pass, &values[range.clone()], &grads[range.clone()], state.iter().map(|field| &field[range.clone()]));
        pass.forward_prepared(count);
        return store(pass, &mut values[range.clone()], state.iter_mut().map(|field| &mut field[range.clone()]));
    }
    let whole = parameter_slice(model, grads, &range);
    if threads < 2 {
        return update_slice(&mut passes[0], whole);
    }
    let size = count.div_ceil(passes.len()).next_multiple_of(LANE_GROUP);
    let chunks = SliceChunks { rest: whole, size };
    run_jobs(threads, passes.iter_mut().zip(chunks), |(pass, chunk)| update_slice(pass, chunk));
}

/// Runs on the caller's buffers as far as possible, and on the rest block by block.
fn update_slice(pass: &mut Pass, slice: ParameterSlice<'_>) {
    let ParameterSlice { values, grads, mut state } = slice;
    let (count, width) = (values.len(), pass.calls());
    let done = {
        let mut rows = SmallVec::<[CallerRow<'_>; 6]>::new();
        rows.push(CallerRow::Replace(values, 0));
        rows.push(CallerRow::Read(grads));
        rows.extend(state.iter_mut().enumerate().map(|(k, field)| CallerRow::Replace(field, 1 + k)));
        pass.forward_in_place(&mut rows)
    };
    for rest in [0..done.start, done.end..count] {
        for start in rest.clone().step_by(width) {
            let block = start..rest.end.min(start + width);
            load(pass, &values[block.clone()], &grads[block.clone()], state.iter().map(|field| &field[block.clone()]));
            pass.forward_prepared(block.len());
            store(pass, &mut values[block.clone()], state.iter_mut().map(|field| &mut field[block.clone()]));
        }
    }
}

/// Applies a rule that may fail. Writes only to `next`.
fn out_of_place(
    pass: &mut Pass,
    rule: &SharedFunction,
    model: &mut Model,
    next: &mut Model,
    grads: &[f64],
    range: Range<usize>,
) -> Result<(), Box<Diagnostic>> {
    let width = pass.calls();
    for start in range.clone().step_by(width) {
        let block = start..range.end.min(start + width);
        let state = model.state.iter().map(|field| &field[block.clone()]);
        load(pass, &model.values[block.clone()], &grads[block.clone()], state);
        pass.set_active(block.len(), width);
        pass.forward(rule)?;
        store(pass, &mut next.values[block.clone()], next.state.iter_mut().map(|field| &mut field[block.clone()]));
    }
    Ok(())
}
