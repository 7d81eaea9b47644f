//! A script function as callers see it: numbers in, numbers and gradients out.
//!
//! This module must not know where traces come from. The first input that takes a new path costs one run of the
//! [`Tracer`]; all later ones are computed from the traces. A volatile trace is never reused.

use crate::isa::LANE_GROUP;
use crate::program::Program;
use crate::source::Diagnostic;
use crate::trace::{Call, Trace};
use crate::trace_tree::TraceTree;
use std::fmt;
use std::sync::Arc;

/// Runs a function on one input and records its trace.
pub trait Tracer {
    /// Runs the function on `inputs`, one number per input, and records the call.
    ///
    /// # Errors
    /// A diagnostic when the script fails.
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>>;
}

/// Maximum number of traces that are stored. Beyond it, the tracer runs for each new path.
const MAX_TRACES: usize = 1024;
/// Maximum number of operations and comparisons on all stored traces. Beyond it, the tracer runs for each new path.
const MAX_NODES: usize = 1_000_000;

/// The stored traces, merged.
#[derive(Debug, Clone)]
enum Merged {
    /// Not merged since the last new trace.
    Stale,
    /// All traces in one program.
    Program(Arc<Program>),
    /// Not mergeable: there are too many traces, or the script has to run each time.
    CallByCall,
}

/// A traced function with all the paths it has taken so far.
pub struct Function {
    inputs: usize,
    outputs: usize,
    tracer: Box<dyn Tracer>,
    tree: TraceTree,
    volatile: bool,
    /// Operations and comparisons on all stored traces.
    stored_nodes: usize,
    merged: Merged,
    version: u64,
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
    /// A function of `inputs` numbers that returns `outputs` numbers.
    pub fn new(inputs: usize, outputs: usize, tracer: Box<dyn Tracer>) -> Self {
        Self {
            inputs,
            outputs,
            tracer,
            tree: TraceTree::default(),
            volatile: false,
            stored_nodes: 0,
            merged: Merged::Stale,
            version: 0,
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

    /// The traces recorded so far.
    pub fn traces(&self) -> &[Arc<Trace>] {
        self.tree.traces()
    }

    /// Whether the script runs for calls that repeat: for all of them because it reads plain numbers, or for those
    /// whose path is not stored because there are too many.
    pub fn runs_each_time(&self) -> bool {
        self.volatile || self.is_full()
    }

    fn is_full(&self) -> bool {
        self.tree.traces().len() >= MAX_TRACES || self.stored_nodes >= MAX_NODES
    }

    /// Calls the function with one number per input.
    ///
    /// # Errors
    /// The tracer's diagnostic when the script has to run and fails.
    pub fn call(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        debug_assert_eq!(inputs.len(), self.inputs, "number of inputs");
        if !self.volatile
            && let Some(index) = self.tree.select(inputs, &mut self.values)
        {
            return Ok(Call { trace: Arc::clone(&self.tree.traces()[index]), values: self.values.clone() });
        }
        let call = self.tracer.trace(inputs)?;
        if call.trace.is_volatile() {
            self.version += u64::from(!self.volatile);
            self.volatile = true;
            self.merged = Merged::CallByCall;
        } else if !self.volatile && !self.is_full() {
            self.stored_nodes += call.trace.nodes().len() + call.trace.guards().len();
            self.tree.insert(Arc::clone(&call.trace));
            self.merged = Merged::Stale;
            self.version += 1;
        }
        Ok(call)
    }

    /// All stored traces as one program, if they can be merged.
    pub(crate) fn program(&mut self) -> Option<Arc<Program>> {
        if matches!(self.merged, Merged::Stale) && !self.tree.traces().is_empty() {
            let program = Program::new(&self.tree, self.inputs);
            self.merged = program.map_or(Merged::CallByCall, |program| Merged::Program(Arc::new(program)));
        }
        match &self.merged {
            Merged::Program(program) => Some(Arc::clone(program)),
            _ => None,
        }
    }

    /// Whether a result, a path or a gradient may depend on an input. True when that is not known.
    pub fn uses(&self, input: usize) -> bool {
        match &self.merged {
            // An unknown path may read any input.
            Merged::Program(program) => program.uses(input) || !program.is_complete(),
            _ => true,
        }
    }

    /// Whether both functions are known to compute the same for every input.
    pub fn is_equivalent(&self, other: &Function) -> bool {
        match (&self.merged, &other.merged) {
            (Merged::Program(a), Merged::Program(b)) => a.is_complete() && a == b,
            _ => false,
        }
    }

    /// Changes whenever a new path of the function is recorded.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The number of calls that run best at once in a [forward-only](crate::Pass::set_forward_only) pass.
    pub fn width(&mut self) -> usize {
        self.program().map_or(LANE_GROUP, |program| program.forward_width())
    }
}
