//! The update of a step at full speed: the optimizer's rule on every parameter.
//!
//! Parameters, gradients and state go through the rule in blocks that stay in the nearest cache. A rule that
//! cannot fail writes over what it read; any other writes beside it, so that after an error the model is as it was.

use crate::model::Model;
use crate::norms::Norms;
use crate::plugin::Optimizer;
use crate::rate;
use crate::setup::Setup;
use slowgrad_tape::{Diagnostic, GROUP, Pass};
use std::ops::Range;
use std::rc::Rc;

/// What the rule of a set-up needs, found out once and again when more is known of its functions.
#[derive(Debug, Default)]
pub(crate) struct Update {
    /// The set-up, and what was known of the rules for weights and for biases.
    known: Option<(Rc<Setup>, [u64; 2])>,
    /// Whether it looks at norms.
    norms: bool,
    parts: Vec<Part>,
    /// The rule for weights and the one for biases.
    passes: [Pass; 2],
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
    /// Updates the model with the gradients of a step (counted from 1).
    pub(crate) fn carry_out(
        &mut self,
        setup: &Rc<Setup>,
        model: &mut Model,
        grads: &[f64],
        step: u64,
    ) -> Result<(), Box<Diagnostic>> {
        let optimizer = &setup.optimizer;
        self.look_at(setup);
        let norms = if self.norms { Norms::of(&setup.shape, &model.values, grads) } else { Norms::default() };
        let lr = rate::effective(setup, rate::scheduled(setup, step)?.as_ref());
        let is_sure = setup.frozen.is_empty()
            && self.parts.iter().all(|part| self.passes[usize::from(part.is_bias)].is_complete());
        if !is_sure {
            self.next.clone_from(model);
        }
        for part in &self.parts {
            let pass = &mut self.passes[usize::from(part.is_bias)];
            for (input, x) in (2 + model.state.len()..).zip(context(optimizer, lr, step, &norms, part.layer)) {
                pass.set_input(input, x);
            }
            let rule = if part.is_bias { &optimizer.biases } else { &optimizer.weights };
            let width = pass.calls();
            for start in part.range.clone().step_by(width) {
                let block = start..part.range.end.min(start + width);
                let count = block.len();
                pass.input_mut(0)[..count].copy_from_slice(&model.values[block.clone()]);
                pass.input_mut(1)[..count].copy_from_slice(&grads[block.clone()]);
                for (k, field) in model.state.iter().enumerate() {
                    pass.input_mut(2 + k)[..count].copy_from_slice(&field[block.clone()]);
                }
                pass.want(count, width);
                pass.forward(rule)?;
                let into = if is_sure { &mut *model } else { &mut self.next };
                into.values[block.clone()].copy_from_slice(&pass.output(0)[..count]);
                for (k, field) in into.state.iter_mut().enumerate() {
                    field[block.clone()].copy_from_slice(&pass.output(1 + k)[..count]);
                }
            }
        }
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

    fn look_at(&mut self, setup: &Rc<Setup>) {
        let (shape, optimizer) = (&setup.shape, &setup.optimizer);
        let editions = [&optimizer.weights, &optimizer.biases].map(|rule| rule.borrow().edition());
        if self.known.as_ref().is_some_and(|(known, at)| Rc::ptr_eq(known, setup) && *at == editions) {
            return;
        }
        for (pass, rule) in self.passes.iter_mut().zip([&optimizer.weights, &optimizer.biases]) {
            let width = rule.borrow_mut().width().min(shape.parameters().next_multiple_of(GROUP));
            pass.fit(&rule.borrow(), width);
        }
        let [weights, biases] = [&optimizer.weights, &optimizer.biases].map(|rule| rule.borrow());
        let context = 2 + optimizer.state.len();
        let uses = |names: &[&str]| {
            let inputs = (context..).zip(Optimizer::CONTEXT).filter(|(_, name)| names.contains(name));
            inputs.into_iter().any(|(input, _)| weights.uses(input) || biases.uses(input))
        };
        let by_layer = uses(&["layer_grad_norm", "layer_weight_norm"]);
        self.norms = by_layer || uses(&["grad_norm"]);
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
        self.known = Some((Rc::clone(setup), editions));
    }
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
