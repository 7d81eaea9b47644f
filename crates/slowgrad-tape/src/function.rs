//! A script function as the rest of the program sees it: numbers in, numbers and gradients out.
//!
//! Nothing here knows where traces come from. The first input that takes a new path costs one run of the
//! [`Tracer`]; all others are computed from the traces. A volatile trace is never reused.

use crate::program::{GROUP, Program};
use crate::source::Diagnostic;
use crate::trace::Trace;
use crate::trace_tree::TraceTree;
use std::fmt;
use std::sync::Arc;

/// Runs a function on one input and writes down what it did.
pub trait Tracer {
    /// What the function did with these inputs.
    fn trace(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>>;
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

/// Past this many different paths a function is run each time instead of remembered.
const MOST_TRACES: usize = 1024;
/// Past this many operations and comparisons on all of them, too.
const MOST_NODES: usize = 1_000_000;

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

/// A traced function with all the paths it has taken so far.
pub struct Function {
    inputs: usize,
    outputs: usize,
    tracer: Box<dyn Tracer>,
    tree: TraceTree,
    volatile: bool,
    /// Operations and comparisons on all paths that are remembered.
    remembered: usize,
    merged: Merged,
    edition: u64,
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
            remembered: 0,
            merged: Merged::Stale,
            edition: 0,
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
        self.volatile || self.is_full()
    }

    fn is_full(&self) -> bool {
        self.tree.traces().len() >= MOST_TRACES || self.remembered >= MOST_NODES
    }

    /// One call.
    pub fn call(&mut self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        debug_assert_eq!(inputs.len(), self.inputs, "number of inputs");
        if !self.volatile
            && let Some(index) = self.tree.select(inputs, &mut self.values)
        {
            return Ok(Call { trace: Arc::clone(&self.tree.traces()[index]), values: self.values.clone() });
        }
        let call = self.tracer.trace(inputs)?;
        if call.trace.is_volatile() {
            self.edition += u64::from(!self.volatile);
            self.volatile = true;
            self.merged = Merged::Singly;
        } else if !self.volatile && !self.is_full() {
            self.remembered += call.trace.nodes().len() + call.trace.guards().len();
            self.tree.insert(Arc::clone(&call.trace));
            self.merged = Merged::Stale;
            self.edition += 1;
        }
        Ok(call)
    }

    /// All paths met so far in one program, if they can be merged.
    pub(crate) fn program(&mut self) -> Option<Arc<Program>> {
        if matches!(self.merged, Merged::Stale) && !self.tree.traces().is_empty() {
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
            // A path that is not known yet may look at anything.
            Merged::Program(program) => program.uses(input) || !program.is_complete(),
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

    /// Grows whenever something new is known of the function.
    pub fn edition(&self) -> u64 {
        self.edition
    }

    /// Calls that are best carried out at once when the chain rule is never asked for.
    pub fn width(&mut self) -> usize {
        self.program().map_or(GROUP, |program| program.forward_width())
    }
}
