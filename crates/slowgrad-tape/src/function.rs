//! A script function as the rest of the program sees it: numbers in, numbers and gradients out.
//!
//! Nothing here knows where traces come from. The first input that takes a new path costs one run of the
//! [`Tracer`]; all others are computed from the traces. A volatile trace is never reused.

use crate::program::{Program, Rows};
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

/// The paths of a function, merged.
#[derive(Debug, Clone)]
enum Merged {
    /// Not looked at since the last new path.
    Stale,
    /// All of them in one program.
    Program(Arc<Program>),
    /// Each call goes by itself: there are too many paths, or the script has to run.
    Singly,
}

/// What many calls at once leave for their chain rule.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    program: Option<Arc<Program>>,
    rows: Rows,
    /// The calls themselves when they went singly.
    calls: Vec<Call>,
}

/// A traced function with all the paths it has taken so far.
pub struct Function {
    inputs: usize,
    outputs: usize,
    tracer: Box<dyn Tracer>,
    tree: TraceTree,
    volatile: bool,
    merged: Merged,
    values: Vec<f64>,
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
            merged: Merged::Stale,
            values: Vec::new(),
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
        self.volatile || self.tree.traces().len() >= MOST_TRACES
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
            return Ok(Arc::clone(&self.tree.traces()[index]));
        }
        let trace = Arc::new(self.tracer.trace(inputs)?);
        trace.evaluate(inputs, &mut self.values);
        if trace.is_volatile() {
            self.volatile = true;
            self.merged = Merged::Singly;
        } else if !self.volatile && self.tree.traces().len() < MOST_TRACES {
            self.tree.insert(Arc::clone(&trace));
            self.merged = Merged::Stale;
        }
        Ok(trace)
    }

    /// All paths met so far in one program, if they can be merged.
    fn program(&mut self) -> Option<Arc<Program>> {
        if matches!(self.merged, Merged::Stale) {
            let program = Program::new(&self.tree, self.inputs);
            self.merged = program.map_or(Merged::Singly, |program| Merged::Program(Arc::new(program)));
        }
        match &self.merged {
            Merged::Program(program) => Some(Arc::clone(program)),
            _ => None,
        }
    }

    /// Whether a result, a path or a gradient may depend on an input; true when that is not known.
    pub fn uses(&self, input: usize) -> bool {
        match &self.merged {
            Merged::Program(program) => program.uses(input),
            _ => true,
        }
    }

    /// Whether both are known to do the same to every input.
    pub fn is_same(&self, other: &Function) -> bool {
        match (&self.merged, &other.merged) {
            (Merged::Program(a), Merged::Program(b)) => a.is_complete() && a == b,
            _ => false,
        }
    }

    /// Many calls at once: `outputs[k][i]` is the k-th result of call i.
    pub fn forward(
        &mut self,
        inputs: &[Row<'_>],
        outputs: &mut [&mut [f64]],
        pass: &mut Pass,
    ) -> Result<(), Box<Diagnostic>> {
        debug_assert_eq!((inputs.len(), outputs.len()), (self.inputs, self.outputs), "inputs and outputs");
        let calls = outputs.first().map_or(0, |row| row.len());
        if calls == 0 {
            return Ok(());
        }
        if self.tree.traces().is_empty() && !self.volatile {
            self.find_path(inputs, 0)?;
        }
        while let Some(program) = self.program() {
            match pass.forward(program, inputs, calls) {
                Some(call) => drop(self.find_path(inputs, call)?),
                None => {
                    pass.results(outputs);
                    return Ok(());
                }
            }
        }
        pass.program = None;
        pass.calls.clear();
        for i in 0..calls {
            let call = self.find_path(inputs, i)?;
            for (k, row) in outputs.iter_mut().enumerate() {
                row[i] = call.output(k);
            }
            pass.calls.push(call);
        }
        Ok(())
    }

    /// One of many calls.
    fn find_path(&mut self, inputs: &[Row<'_>], i: usize) -> Result<Call, Box<Diagnostic>> {
        let one: Vec<f64> = inputs.iter().map(|row| row.at(i)).collect();
        self.call(&one)
    }
}

impl Pass {
    /// Answers a call whose path is not known.
    fn forward(&mut self, program: Arc<Program>, inputs: &[Row<'_>], calls: usize) -> Option<usize> {
        let program = match &self.program {
            Some(known) if Arc::ptr_eq(known, &program) => known,
            _ => {
                self.rows.forget();
                self.program.insert(program)
            }
        };
        self.rows.fit(program, calls);
        for (j, row) in inputs.iter().enumerate() {
            if let Row::Same(x) = row {
                self.rows.set_same(j, *x);
            }
        }
        for block in 0..self.rows.blocks() {
            let calls = self.rows.calls(block);
            for (j, row) in inputs.iter().enumerate() {
                if let Row::Each(numbers) = row {
                    self.rows.set(block, j, &numbers[calls.clone()]);
                }
            }
            if let Some(lane) = self.rows.forward(program, block) {
                return Some(calls.start + lane);
            }
        }
        None
    }

    fn results(&self, outputs: &mut [&mut [f64]]) {
        let Some(program) = &self.program else { return };
        for block in 0..self.rows.blocks() {
            let calls = self.rows.calls(block);
            for (k, row) in outputs.iter_mut().enumerate() {
                row[calls.clone()].copy_from_slice(self.rows.output(program, block, k));
            }
        }
    }

    /// The chain rule of the calls that went forward last: `seeds[k]` holds ∂L/∂result k, `grads[j]` receives
    /// ∂L/∂input j for the first `grads.len()` inputs.
    pub fn backward(&mut self, seeds: &[Row<'_>], grads: &mut [&mut [f64]]) {
        let Some(program) = &self.program else { return self.backward_singly(seeds, grads) };
        for (k, row) in seeds.iter().enumerate() {
            if let Row::Same(x) = row {
                self.rows.set_same(program.seed(k), *x);
            }
        }
        for block in 0..self.rows.blocks() {
            let calls = self.rows.calls(block);
            for (k, row) in seeds.iter().enumerate() {
                if let Row::Each(numbers) = row {
                    self.rows.set(block, program.seed(k), &numbers[calls.clone()]);
                }
            }
            self.rows.backward(program, block);
            for (j, row) in grads.iter_mut().enumerate() {
                row[calls.clone()].copy_from_slice(self.rows.grad(program, block, j));
            }
        }
    }

    fn backward_singly(&self, seeds: &[Row<'_>], grads: &mut [&mut [f64]]) {
        let mut into = Vec::new();
        for (i, call) in self.calls.iter().enumerate() {
            let seeds: Vec<f64> = seeds.iter().map(|row| row.at(i)).collect();
            call.trace.backward(&call.values, &seeds, &mut into);
            for (row, grad) in grads.iter_mut().zip(&into) {
                row[i] = *grad;
            }
        }
    }
}
