//! The update of a step at full speed: the optimizer's rule on every parameter.
//!
//! Parameters, gradients and state go through the rule in blocks that stay in the nearest cache. A rule that
//! cannot fail writes over what it read; any other writes beside it, so that after an error the model is as it was.

use crate::model::Model;
use crate::norms::Norms;
use crate::plugin::{Optimizer, Shared};
use crate::rate;
use crate::setup::Setup;
use crate::work_sharing::{JOBS_A_THREAD, share};
use slowgrad_tape::{Diagnostic, GROUP, Over, Pass};
use smallvec::SmallVec;
use std::ops::Range;
use std::rc::Rc;

/// Parameters that are worth a thread: some microseconds.
const WORTH_A_THREAD: usize = 1 << 13;

/// What the rule of a set-up needs, found out once and again when more is known of its functions.
#[derive(Debug, Default)]
pub(crate) struct Update {
    /// The set-up, and what was known of the rules for weights and for biases.
    known: Option<(Rc<Setup>, [u64; 2])>,
    /// Whether the rule looks at the number of the step.
    needs_step: bool,
    /// The learning rate that the passes have, with the rest of the context.
    given: Option<u64>,
    /// Whether it looks at norms, and what they are.
    needs_norms: bool,
    norms: Norms,
    /// The schedule's call.
    rate: Pass,
    parts: Vec<Part>,
    /// The rule for weights and the one for biases; a pass for each job of several threads.
    passes: [Vec<Pass>; 2],
    next: Model,
}

/// Parameters that go through one rule with one context.
#[derive(Debug)]
struct Part {
    layer: usize,
    range: Range<usize>,
    is_bias: bool,
}

impl Update {
    /// Updates the model with the gradients of a step (counted from 1), by at most so many threads.
    pub(crate) fn carry_out(
        &mut self,
        setup: &Rc<Setup>,
        model: &mut Model,
        grads: &[f64],
        step: u64,
        threads: usize,
    ) -> Result<(), Box<Diagnostic>> {
        let optimizer = &setup.optimizer;
        self.look_at(setup, threads);
        if self.needs_norms {
            self.norms.fill(&setup.shape, &model.values, grads);
        }
        let lr = self.learning_rate(setup, step)?;
        // What stands from the last step is not given again.
        let is_given = self.given == Some(lr.to_bits()) && !self.needs_norms && !self.needs_step;
        let is_sure = setup.frozen.is_empty()
            && self.parts.iter().all(|part| self.passes[usize::from(part.is_bias)].iter().all(Pass::is_complete));
        if !is_sure {
            // Field by field, so that no memory is asked for.
            self.next.values.clone_from(&model.values);
            self.next.state.clone_from(&model.state);
        }
        for part in &self.parts {
            let passes = &mut self.passes[usize::from(part.is_bias)];
            let rule = if part.is_bias { &optimizer.biases } else { &optimizer.weights };
            if !is_given {
                for pass in &mut *passes {
                    let context = context(optimizer, lr, step, &self.norms, part.layer);
                    for (input, x) in (2 + model.state.len()..).zip(context) {
                        pass.set_input(input, x);
                    }
                    pass.prepare(rule);
                }
            }
            if is_sure {
                in_place(passes, model, grads, part.range.clone(), threads);
            } else {
                beside(&mut passes[0], rule, model, &mut self.next, grads, part.range.clone())?;
            }
        }
        self.given = Some(lr.to_bits());
        if !is_sure {
            for &frozen in &*setup.frozen {
                self.next.values[frozen] = model.values[frozen];
                for (new, old) in self.next.state.iter_mut().zip(&model.state) {
                    new[frozen] = old[frozen];
                }
            }
            std::mem::swap(model, &mut self.next);
        }
        Ok(())
    }

    /// The optimizer's own, times what the schedule says.
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

    fn look_at(&mut self, setup: &Rc<Setup>, threads: usize) {
        let (shape, optimizer) = (&setup.shape, &setup.optimizer);
        let editions = [&optimizer.weights, &optimizer.biases].map(|rule| rule.borrow().edition());
        let threads = threads.min(shape.parameters() / WORTH_A_THREAD);
        let jobs = if threads < 2 { 1 } else { threads * JOBS_A_THREAD };
        let is_known = self.known.as_ref().is_some_and(|(known, at)| Rc::ptr_eq(known, setup) && *at == editions);
        if is_known && self.passes[0].len() == jobs {
            return;
        }
        for (passes, rule) in self.passes.iter_mut().zip([&optimizer.weights, &optimizer.biases]) {
            let width = rule.borrow_mut().width().min(shape.parameters().next_multiple_of(GROUP));
            passes.resize_with(jobs, Pass::default);
            for pass in passes {
                pass.fit(&rule.borrow(), width);
                pass.never_backward();
            }
        }
        let [weights, biases] = [&optimizer.weights, &optimizer.biases].map(|rule| rule.borrow());
        let context = 2 + optimizer.state.len();
        let uses = |names: &[&str]| {
            let inputs = (context..).zip(Optimizer::CONTEXT).filter(|(_, name)| names.contains(name));
            inputs.into_iter().any(|(input, _)| weights.uses(input) || biases.uses(input))
        };
        let by_layer = uses(&["layer_grad_norm", "layer_weight_norm"]);
        self.needs_norms = by_layer || uses(&["grad_norm"]);
        self.parts.clear();
        // One rule for all parameters, which does not look at their layers, is carried out at once.
        if !by_layer && weights.is_same(&biases) {
            self.parts.push(Part { layer: 0, range: 0..shape.parameters(), is_bias: false });
        } else {
            for layer in 0..shape.layers() {
                self.parts.push(Part { layer, range: shape.weights(layer), is_bias: false });
                self.parts.push(Part { layer, range: shape.biases(layer), is_bias: true });
            }
        }
        self.needs_step = uses(&["step"]);
        self.known = Some((Rc::clone(setup), editions));
        self.given = None;
    }
}

/// Neighbouring parameters with their gradients and state.
struct Stretch<'m> {
    values: &'m mut [f64],
    grads: &'m [f64],
    state: SmallVec<[&'m mut [f64]; 4]>,
}

/// Puts numbers into the rows of a pass.
#[inline]
fn load<'m>(pass: &mut Pass, values: &[f64], grads: &[f64], state: impl Iterator<Item = &'m [f64]>) {
    copy(values, pass.input_mut(0));
    copy(grads, pass.input_mut(1));
    for (k, field) in state.enumerate() {
        copy(field, pass.input_mut(2 + k));
    }
}

/// Takes what the rule made of them.
#[inline]
fn store<'m>(pass: &Pass, values: &mut [f64], state: impl Iterator<Item = &'m mut [f64]>) {
    copy(pass.output(0), values);
    for (k, field) in state.enumerate() {
        copy(pass.output(1 + k), field);
    }
}

/// As many numbers as both have, group by group: a call for each few numbers takes longer than copying them.
#[inline]
fn copy(from: &[f64], to: &mut [f64]) {
    let count = from.len().min(to.len());
    let (from_groups, from_rest) = from[..count].as_chunks::<GROUP>();
    let (to_groups, to_rest) = to[..count].as_chunks_mut::<GROUP>();
    for (from, to) in from_groups.iter().zip(to_groups) {
        *to = *from;
    }
    for (from, to) in from_rest.iter().zip(to_rest) {
        *to = *from;
    }
}

/// All of a stretch, part by part.
struct Parts<'m> {
    rest: Stretch<'m>,
    size: usize,
}

impl<'m> Iterator for Parts<'m> {
    type Item = Stretch<'m>;

    fn next(&mut self) -> Option<Stretch<'m>> {
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
        Some(Stretch { values: split(&mut rest.values), grads, state: rest.state.iter_mut().map(split).collect() })
    }
}

/// The parameters of a range.
fn stretch<'m>(model: &'m mut Model, grads: &'m [f64], range: &Range<usize>) -> Stretch<'m> {
    Stretch {
        values: &mut model.values[range.clone()],
        grads: &grads[range.clone()],
        state: model.state.iter_mut().map(|field| &mut field[range.clone()]).collect(),
    }
}

/// A rule that cannot fail, by several threads when it is worth it.
fn in_place(passes: &mut [Pass], model: &mut Model, grads: &[f64], range: Range<usize>, threads: usize) {
    let count = range.len();
    let threads = threads.min(count / WORTH_A_THREAD);
    if threads < 2 && count <= passes[0].calls() {
        // A small network has one block.
        let pass = &mut passes[0];
        let Model { values, state } = model;
        load(pass, &values[range.clone()], &grads[range.clone()], state.iter().map(|field| &field[range.clone()]));
        pass.forward_prepared(count);
        return store(pass, &mut values[range.clone()], state.iter_mut().map(|field| &mut field[range.clone()]));
    }
    let whole = stretch(model, grads, &range);
    if threads < 2 {
        return sweep(&mut passes[0], whole);
    }
    let size = count.div_ceil(passes.len()).next_multiple_of(GROUP);
    let parts = Parts { rest: whole, size };
    share(threads, passes.iter_mut().zip(parts), |(pass, part)| sweep(pass, part));
}

/// Where the numbers lie as far as that can be done, the rest block by block.
fn sweep(pass: &mut Pass, part: Stretch<'_>) {
    let Stretch { values, grads, mut state } = part;
    let (count, width) = (values.len(), pass.calls());
    let done = {
        let mut over = SmallVec::<[Over<'_>; 6]>::new();
        over.push(Over::Replace(values, 0));
        over.push(Over::Read(grads));
        over.extend(state.iter_mut().enumerate().map(|(k, field)| Over::Replace(field, 1 + k)));
        pass.forward_over(&mut over)
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

/// A rule that may fail, whose results do not touch what it reads.
fn beside(
    pass: &mut Pass,
    rule: &Shared,
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
        pass.want(block.len(), width);
        pass.forward(rule)?;
        store(pass, &mut next.values[block.clone()], next.state.iter_mut().map(|field| &mut field[block.clone()]));
    }
    Ok(())
}

/// The optimizer's inputs after w, grad and state: its context, then the sliders other than `lr`.
pub(crate) fn context(
    optimizer: &Optimizer,
    lr: f64,
    step: u64,
    norms: &Norms,
    layer: usize,
) -> impl Iterator<Item = f64> {
    let of_layer = |norms: &[f64]| norms.get(layer).copied().unwrap_or(0.0);
    let own = [lr, step as f64, norms.grad, of_layer(&norms.layer_grad), of_layer(&norms.layer_weight)];
    own.into_iter().chain(optimizer.each_other_slider())
}
