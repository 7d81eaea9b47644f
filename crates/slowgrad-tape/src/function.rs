//! A script function as the rest of the program sees it: numbers in, numbers and gradients out.
//!
//! Nothing here knows where traces come from. The first input that takes a new path costs one run of the
//! [`Tracer`]; all others are computed from the traces. A volatile trace is never reused.

use crate::lanes::{Block, LANES};
use crate::source::Diagnostic;
use crate::trace::Trace;
use crate::tree::TraceTree;
use std::fmt;
use std::sync::Arc;

/// Runs a function on one input and writes down what it did.
pub trait Tracer {
    /// The trace of the function for these inputs.
    fn trace(&mut self, inputs: &[f64]) -> Result<Trace, Box<Diagnostic>>;
}

/// One call: the path taken and the value of each of its nodes.
#[derive(Debug, Clone)]
pub struct Call {
    /// The path.
    pub trace: Arc<Trace>,
    /// One value a node.
    pub values: Vec<f64>,
}

impl Call {
    /// The value of the k-th result.
    pub fn output(&self, k: usize) -> f64 {
        self.values[self.trace.outputs()[k].index()]
    }
}

/// The values of one input over many calls.
#[derive(Debug, Clone, Copy)]
pub enum Row<'a> {
    /// The same number in every call.
    Same(f64),
    /// One number a call.
    Each(&'a [f64]),
}

impl Row<'_> {
    #[inline]
    fn at(&self, i: usize) -> f64 {
        match self {
            Row::Same(x) => *x,
            Row::Each(xs) => xs[i],
        }
    }
}

/// Past this many different paths a function is run each time instead of remembered.
const MOST_TRACES: usize = 1024;
/// Past this many operations and comparisons on all of them, too.
const MOST_NODES: usize = 1_000_000;

/// A traced function with all the paths it has taken so far.
pub struct Function {
    inputs: usize,
    outputs: usize,
    tracer: Box<dyn Tracer>,
    tree: TraceTree,
    volatile: bool,
    /// Operations and comparisons on all paths that are remembered.
    remembered: usize,
    recent: usize,
    values: Vec<f64>,
    block: Block,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("inputs", &self.inputs)
            .field("outputs", &self.outputs)
            .field("traces", &self.tree.traces().len())
            .field("volatile", &self.volatile)
            .finish_non_exhaustive()
    }
}

impl Function {
    /// A function of `inputs` numbers that gives `outputs` numbers.
    pub fn new(inputs: usize, outputs: usize, tracer: Box<dyn Tracer>) -> Self {
        Self {
            inputs,
            outputs,
            tracer,
            tree: TraceTree::default(),
            volatile: false,
            remembered: 0,
            recent: 0,
            values: Vec::new(),
            block: Block::default(),
        }
    }

    /// Number of inputs.
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// Number of results.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The traces met so far.
    pub fn traces(&self) -> &[Arc<Trace>] {
        self.tree.traces()
    }

    /// Whether the script is run on every call, because it took out a plain number, or on every call whose
    /// path is not among those remembered, because it has too many.
    pub fn runs_each_time(&self) -> bool {
        self.volatile || self.is_full()
    }

    fn is_full(&self) -> bool {
        self.tree.traces().len() >= MOST_TRACES || self.remembered >= MOST_NODES
    }

    /// One call.
    pub fn call(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        debug_assert_eq!(inputs.len(), self.inputs, "number of inputs");
        let trace = self.path(inputs)?;
        Ok(Call { trace, values: self.values.clone() })
    }

    /// The trace that is right for these inputs, its values in `self.values`.
    fn path(&mut self, inputs: &[f64]) -> Result<Arc<Trace>, Box<Diagnostic>> {
        if !self.volatile
            && let Some(index) = self.tree.select(inputs, &mut self.values)
        {
            self.recent = index;
            return Ok(Arc::clone(&self.tree.traces()[index]));
        }
        let trace = Arc::new(self.tracer.trace(inputs)?);
        trace.evaluate(inputs, &mut self.values);
        if trace.is_volatile() {
            self.volatile = true;
        } else if !self.volatile && !self.is_full() {
            self.remembered += trace.nodes().len() + trace.guards().len();
            self.recent = self.tree.insert(Arc::clone(&trace));
        }
        Ok(trace)
    }

    /// Many calls at once: `outputs[k][i]` is the k-th result of call i.
    pub fn forward(&mut self, inputs: &[Row<'_>], outputs: &mut [&mut [f64]]) -> Result<(), Box<Diagnostic>> {
        self.run(inputs, outputs, None)
    }

    /// Many calls at once with their gradients: `seeds[k]` holds ∂L/∂result k, `grads[j]` receives ∂L/∂input j
    /// for the first `grads.len()` inputs.
    pub fn gradient(
        &mut self,
        inputs: &[Row<'_>],
        outputs: &mut [&mut [f64]],
        seeds: &[Row<'_>],
        grads: &mut [&mut [f64]],
    ) -> Result<(), Box<Diagnostic>> {
        self.run(inputs, outputs, Some((seeds, grads)))
    }

    fn run(
        &mut self,
        inputs: &[Row<'_>],
        outputs: &mut [&mut [f64]],
        mut gradient: Option<(&[Row<'_>], &mut [&mut [f64]])>,
    ) -> Result<(), Box<Diagnostic>> {
        let calls = outputs.first().map_or(0, |row| row.len());
        let mut one = vec![0.0; inputs.len()];
        let mut seeds = vec![[0.0; LANES]; gradient.as_ref().map_or(0, |(seeds, _)| seeds.len())];
        for start in (0..calls).step_by(LANES) {
            let mut waiting: Vec<usize> = (start..calls.min(start + LANES)).collect();
            let mut recent = Some(self.recent);
            while !waiting.is_empty() {
                // First try the path taken last; after that, find the path of the first call still waiting.
                let remembered =
                    recent.take().filter(|_| !self.volatile).and_then(|i| self.tree.traces().get(i).cloned());
                let first_is_sure = remembered.is_none();
                let trace = match remembered {
                    Some(trace) => trace,
                    None => {
                        for (x, row) in one.iter_mut().zip(inputs) {
                            *x = row.at(waiting[0]);
                        }
                        self.path(&one)?
                    }
                };
                let lanes = if first_is_sure && self.runs_each_time() { 1 } else { waiting.len() };
                let block = &mut self.block;
                block.fit(&trace);
                for (j, row) in inputs.iter().enumerate() {
                    let into = block.value_mut(j);
                    match row {
                        Row::Same(x) => into[..lanes].fill(*x),
                        Row::Each(xs) => {
                            for (x, &call) in into.iter_mut().zip(&waiting[..lanes]) {
                                *x = xs[call];
                            }
                        }
                    }
                }
                block.forward(&trace, lanes);
                if let Some((given, _)) = &gradient {
                    for (seed, row) in seeds.iter_mut().zip(*given) {
                        for (s, &call) in seed.iter_mut().zip(&waiting[..lanes]) {
                            *s = row.at(call);
                        }
                    }
                    block.backward(&trace, lanes, &seeds);
                }
                let done = |lane: usize| {
                    // The call that the trace was found for took it by definition.
                    if lane == 0 && first_is_sure {
                        return true;
                    }
                    trace.guards().iter().all(|guard| {
                        let a = block.value(guard.a.index())[lane];
                        let b = block.value(guard.b.index())[lane];
                        guard.compare.holds(a, b) == guard.answer
                    })
                };
                let mut left = waiting.split_off(lanes);
                let mut kept = Vec::new();
                for (lane, &call) in waiting.iter().enumerate() {
                    if !done(lane) {
                        kept.push(call);
                        continue;
                    }
                    for (row, id) in outputs.iter_mut().zip(trace.outputs()) {
                        row[call] = block.value(id.index())[lane];
                    }
                    if let Some((_, grads)) = &mut gradient {
                        for (j, row) in grads.iter_mut().enumerate() {
                            row[call] = block.grad(j)[lane];
                        }
                    }
                }
                kept.append(&mut left);
                waiting = kept;
            }
        }
        Ok(())
    }
}
