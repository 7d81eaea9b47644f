//! One path through a script function, recorded while it runs.
//!
//! A tape is append-only and an id is an index, so operands always come before their operation and evaluating the nodes
//! in order repeats the run. Guards store the results of the comparisons on the way; a trace is valid for exactly those
//! inputs that give the same results.

use crate::op::Op;
use crate::source::{Location, Source, Span};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The index of a node in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct ValueId(u32);

impl ValueId {
    /// The node's position in the trace, from 0.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// The source text that an operation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Index into [`Trace::sources`].
    pub source: u32,
    /// The range of the expression in that source.
    pub span: Span,
    /// Index into [`Trace::names`] of the variable that the expression's value was assigned to.
    pub name: Option<u32>,
}

/// One operation of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// The operation.
    pub op: Op,
    /// The operands. Those beyond the operation's arity repeat the first.
    pub operands: [ValueId; 3],
    /// The value of a constant; 0 for other operations.
    pub constant: f64,
    /// The script expression it comes from, if any.
    pub site: Option<Site>,
}

/// The six comparisons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compare {
    /// `a < b`
    Less,
    /// `a <= b`
    LessOrEqual,
    /// `a > b`
    Greater,
    /// `a >= b`
    GreaterOrEqual,
    /// `a == b`
    Equal,
    /// `a != b`
    NotEqual,
}

impl Compare {
    /// All six.
    pub const ALL: [Compare; 6] = [
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Greater,
        Compare::GreaterOrEqual,
        Compare::Equal,
        Compare::NotEqual,
    ];

    /// The result by IEEE 754: exact, without tolerance; NaN is unequal to everything.
    #[inline(always)]
    pub fn holds(self, a: f64, b: f64) -> bool {
        match self {
            Compare::Less => a < b,
            Compare::LessOrEqual => a <= b,
            Compare::Greater => a > b,
            Compare::GreaterOrEqual => a >= b,
            Compare::Equal => a == b,
            Compare::NotEqual => a != b,
        }
    }

    /// The symbol in a formula, such as `≤`.
    pub fn symbol(self) -> &'static str {
        match self {
            Compare::Less => "<",
            Compare::LessOrEqual => "≤",
            Compare::Greater => ">",
            Compare::GreaterOrEqual => "≥",
            Compare::Equal => "=",
            Compare::NotEqual => "≠",
        }
    }

    /// The operator in a script, such as `<=`.
    pub fn operator(self) -> &'static str {
        match self {
            Compare::Less => "<",
            Compare::LessOrEqual => "<=",
            Compare::Greater => ">",
            Compare::GreaterOrEqual => ">=",
            Compare::Equal => "==",
            Compare::NotEqual => "!=",
        }
    }
}

/// The result of a comparison when the trace was recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// Number of nodes on the tape at the time of the comparison.
    pub after: u32,
    /// The comparison.
    pub compare: Compare,
    /// Left operand.
    pub a: ValueId,
    /// Right operand.
    pub b: ValueId,
    /// The recorded result.
    pub result: bool,
    /// The script expression it comes from, if any.
    pub site: Option<Site>,
}

impl Guard {
    /// Whether the comparison gives the recorded result for these node values.
    #[inline(always)]
    pub fn holds(&self, values: &[f64]) -> bool {
        self.compare.holds(values[self.a.index()], values[self.b.index()]) == self.result
    }
}

/// One instruction of a function's run, in order of execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// Computed the node with this id.
    Compute(ValueId),
    /// Compared two nodes, as recorded by the guard with this index.
    Compare(usize),
}

/// One application of the chain rule: adds the gradient of `node`, times the local derivative, to that of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainStep {
    /// The operation. Its own gradient is complete at this step.
    pub node: ValueId,
    /// Index of the operand, 0 to 2.
    pub operand: u8,
    /// The operand's node.
    pub into: ValueId,
    /// Whether this is the first contribution to the operand's gradient: it sets the gradient instead of adding to it.
    pub first: bool,
}

/// The tape reached its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} operations in one call")]
pub struct TapeFull {
    /// Maximum number of operations and comparisons.
    pub limit: usize,
}

/// A finished trace. The first nodes are the inputs, in the order in which they were declared.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Each input's name, and whether the chain rule continues into it. Shared by all traces of a function.
    inputs: Arc<Vec<(String, bool)>>,
    nodes: Vec<Node>,
    guards: Vec<Guard>,
    outputs: Vec<ValueId>,
    instructions: Vec<Instruction>,
    chain: Vec<ChainStep>,
    seeded: Vec<(ValueId, usize, bool)>,
    sources: Vec<Arc<Source>>,
    names: Vec<Arc<str>>,
    volatile: bool,
}

impl Trace {
    fn empty() -> Self {
        Self {
            inputs: Arc::default(),
            nodes: Vec::new(),
            guards: Vec::new(),
            outputs: Vec::new(),
            instructions: Vec::new(),
            chain: Vec::new(),
            seeded: Vec::new(),
            sources: Vec::new(),
            names: Vec::new(),
            volatile: false,
        }
    }

    /// Number of inputs; they are the nodes `0..inputs()`.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The name of an input in formulas; empty when there is no such input.
    pub fn input_name(&self, index: usize) -> &str {
        self.inputs.get(index).map_or("", |(name, _)| name)
    }

    /// All nodes in the order in which they were computed.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The node with this id.
    pub fn node(&self, id: ValueId) -> &Node {
        &self.nodes[id.index()]
    }

    /// All guards in the order of their comparisons.
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// The nodes of the function's results.
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// The operations and comparisons in order of execution, without inputs and constants.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// The chain rule from the results back to the inputs, one step for each operand that depends on a differentiable
    /// input.
    pub fn chain(&self) -> &[ChainStep] {
        &self.chain
    }

    /// The sources that [`Site::source`] indexes.
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    /// The variable names that [`Site::name`] indexes.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Whether the script read a plain number out of a traced value, so that guards cannot decide whether the trace is
    /// valid for another input.
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// The location of a site; `None` when it belongs to another trace.
    pub fn location(&self, site: &Site) -> Option<Location> {
        let source = self.sources.get(site.source as usize)?;
        Some(Location { source: Arc::clone(source), span: site.span })
    }

    /// The name of the variable that a node's value was assigned to, if any.
    pub fn variable(&self, id: ValueId) -> Option<&str> {
        let name = self.node(id).site?.name?;
        self.names.get(name as usize).map(|name| &**name)
    }

    /// Computes the nodes `from..to` into `values`, which already holds all nodes before `from`.
    #[inline]
    pub(crate) fn compute(&self, inputs: &[f64], values: &mut Vec<f64>, from: usize, to: usize) {
        values.truncate(from);
        for (i, node) in self.nodes[from..to].iter().enumerate() {
            let value = match node.op {
                Op::Input => inputs[from + i],
                Op::Constant => node.constant,
                op => {
                    let [a, b, c] = node.operands;
                    op.value(values[a.index()], values[b.index()], values[c.index()])
                }
            };
            values.push(value);
        }
    }

    /// Computes the value of every node into `values`, from one number per input. Returns whether all guards hold.
    pub fn evaluate(&self, inputs: &[f64], values: &mut Vec<f64>) -> bool {
        self.compute(inputs, values, 0, self.nodes.len());
        self.guards.iter().all(|guard| guard.holds(values))
    }

    /// Reverse-mode differentiation (Griewank and Walther, "Evaluating Derivatives", 2008, chapter 3).
    ///
    /// `values` holds one number per node, `seeds[k]` is ∂L/∂outputs\[k\]. Fills `grads` with ∂L/∂node, one number per
    /// node; 0 for nodes that no chain step reaches.
    pub fn backward(&self, values: &[f64], seeds: &[f64], grads: &mut Vec<f64>) {
        self.seed(seeds, grads);
        for step in &self.chain {
            let (_, _, after) = self.chain_values(step, values, grads);
            grads[step.into.index()] = after;
        }
    }

    /// Initialises `grads` (one number per node) with the gradients of the results, before the first chain step.
    pub fn seed(&self, seeds: &[f64], grads: &mut Vec<f64>) {
        grads.clear();
        grads.resize(self.nodes.len(), 0.0);
        for &(id, k, first) in &self.seeded {
            grads[id.index()] = if first { seeds[k] } else { grads[id.index()] + seeds[k] };
        }
    }

    /// The numbers of one chain step, given the gradients so far: the local derivative, the contribution (upstream
    /// gradient × local derivative), and the operand's gradient after the step.
    pub fn chain_values(&self, step: &ChainStep, values: &[f64], grads: &[f64]) -> (f64, f64, f64) {
        let node = self.node(step.node);
        let [a, b, c] = node.operands.map(|id| values[id.index()]);
        let local = node.op.derivative(step.operand as usize, a, b, c, values[step.node.index()]);
        let contribution = grads[step.node.index()] * local;
        let after = if step.first { contribution } else { grads[step.into.index()] + contribution };
        (local, contribution, after)
    }

    /// The nodes that receive seeds: (node, index of the result, whether it is the node's first seed).
    pub(crate) fn seeded(&self) -> &[(ValueId, usize, bool)] {
        &self.seeded
    }

    /// Whether both traces record the same run. Compares everything except data derived from it.
    fn same_path(&self, other: &Trace) -> bool {
        let node = |(a, b): (&Node, &Node)| {
            (a.op, a.operands, a.site, a.constant.to_bits()) == (b.op, b.operands, b.site, b.constant.to_bits())
        };
        self.volatile == other.volatile
            && self.nodes.len() == other.nodes.len()
            && self.nodes.iter().zip(&other.nodes).all(node)
            && self.guards == other.guards
            && self.outputs == other.outputs
            && Arc::ptr_eq(&self.inputs, &other.inputs)
            && self.sources.len() == other.sources.len()
            && self.sources.iter().zip(&other.sources).all(|(a, b)| Arc::ptr_eq(a, b))
            && self.names == other.names
    }

    fn plan_backward(&mut self) {
        let n = self.nodes.len();
        // A node is live if it depends on a differentiable input other than through stop_gradient.
        let mut live = vec![false; n];
        for (i, node) in self.nodes.iter().enumerate() {
            live[i] = match node.op {
                Op::Input => self.inputs[i].1,
                Op::Constant | Op::StopGradient => false,
                op => node.operands[..op.arity()].iter().any(|id| live[id.index()]),
            };
        }
        let mut reached = vec![false; n];
        for (k, &id) in self.outputs.iter().enumerate() {
            if live[id.index()] {
                self.seeded.push((id, k, !reached[id.index()]));
                reached[id.index()] = true;
            }
        }
        for i in (0..n).rev() {
            let node = self.nodes[i];
            if !reached[i] {
                continue;
            }
            for (k, &into) in node.operands[..node.op.arity()].iter().enumerate() {
                if live[into.index()] {
                    let first = !reached[into.index()];
                    reached[into.index()] = true;
                    self.chain.push(ChainStep { node: ValueId(i as u32), operand: k as u8, into, first });
                }
            }
        }
    }
}

/// One call: the path it took and the value of each node.
#[derive(Debug, Clone)]
pub struct Call {
    /// The path.
    pub trace: Arc<Trace>,
    /// One value per node.
    pub values: Vec<f64>,
}

impl Call {
    /// The value of the k-th result.
    pub fn output(&self, k: usize) -> f64 {
        self.values[self.trace.outputs()[k].index()]
    }
}

/// Records a trace while a function runs.
#[derive(Debug)]
pub struct TraceBuilder {
    trace: Trace,
    values: Vec<f64>,
    constants: HashMap<u64, ValueId>,
    limit: usize,
    /// The last finished trace, shared with calls that take the same path.
    last: Option<Arc<Trace>>,
}

/// Maximum number of nodes for which a tape keeps its allocations and its last trace for the next run.
const MAX_REUSED_NODES: usize = 4096;

impl TraceBuilder {
    /// An empty tape for at most `limit` operations, constants and comparisons.
    pub fn new(limit: usize) -> Self {
        Self { trace: Trace::empty(), values: Vec::new(), constants: HashMap::new(), limit, last: None }
    }

    /// Starts the next run with these inputs (name, and whether the chain rule continues into it) and their values.
    /// Reuses the tape's allocations.
    pub fn restart(&mut self, limit: usize, inputs: &Arc<Vec<(String, bool)>>, values: &[f64]) -> Vec<ValueId> {
        if self.trace.nodes.capacity() > MAX_REUSED_NODES {
            *self = Self::new(limit);
        }
        let Self { trace, values: computed, constants, .. } = self;
        if !Arc::ptr_eq(&trace.inputs, inputs) {
            trace.inputs = Arc::clone(inputs);
        }
        trace.nodes.clear();
        trace.guards.clear();
        trace.instructions.clear();
        trace.sources.clear();
        trace.names.clear();
        trace.volatile = false;
        computed.clear();
        if !constants.is_empty() {
            constants.clear();
        }
        self.limit = limit;
        let input = Node { op: Op::Input, operands: [ValueId(0); 3], constant: 0.0, site: None };
        values.iter().map(|&value| self.append(input, value)).collect()
    }

    /// Declares the next input. All inputs come before the first operation.
    ///
    /// # Panics
    /// When an operation or constant is already on the tape.
    pub fn input(&mut self, name: impl Into<String>, value: f64, differentiable: bool) -> ValueId {
        assert_eq!(self.trace.inputs.len(), self.trace.nodes.len(), "inputs come first");
        Arc::make_mut(&mut self.trace.inputs).push((name.into(), differentiable));
        self.append(Node { op: Op::Input, operands: [ValueId(0); 3], constant: 0.0, site: None }, value)
    }

    /// Records a plain number as an operand. Equal bits give the same node.
    ///
    /// # Errors
    /// [`TapeFull`] at the limit.
    pub fn constant(&mut self, value: f64) -> Result<ValueId, TapeFull> {
        if let Some(&id) = self.constants.get(&value.to_bits()) {
            return Ok(id);
        }
        self.check_limit()?;
        let id = self.append(Node { op: Op::Constant, operands: [ValueId(0); 3], constant: value, site: None }, value);
        self.constants.insert(value.to_bits(), id);
        Ok(id)
    }

    /// Computes an operation and records it.
    ///
    /// # Errors
    /// [`TapeFull`] at the limit.
    ///
    /// # Panics
    /// When the number of operands is not the operation's arity.
    pub fn push(&mut self, op: Op, operands: &[ValueId], site: Option<Site>) -> Result<ValueId, TapeFull> {
        assert_eq!(operands.len(), op.arity(), "operands of {op:?}");
        self.check_limit()?;
        let mut ids = [operands[0]; 3];
        ids[..operands.len()].copy_from_slice(operands);
        let [a, b, c] = ids.map(|id| self.values[id.index()]);
        let id = self.append(Node { op, operands: ids, constant: 0.0, site }, op.value(a, b, c));
        self.trace.instructions.push(Instruction::Compute(id));
        Ok(id)
    }

    /// Compares two nodes and records the result as a guard.
    ///
    /// # Errors
    /// [`TapeFull`] at the limit.
    pub fn compare(&mut self, compare: Compare, a: ValueId, b: ValueId, site: Option<Site>) -> Result<bool, TapeFull> {
        self.check_limit()?;
        let result = compare.holds(self.value(a), self.value(b));
        self.trace.instructions.push(Instruction::Compare(self.trace.guards.len()));
        self.trace.guards.push(Guard { after: self.trace.nodes.len() as u32, compare, a, b, result, site });
        Ok(result)
    }

    /// The value of a node.
    pub fn value(&self, id: ValueId) -> f64 {
        self.values[id.index()]
    }

    /// Marks the trace as valid for this input only.
    pub fn mark_volatile(&mut self) {
        self.trace.volatile = true;
    }

    /// The index of a source, for [`Site::source`].
    pub fn source(&mut self, source: &Arc<Source>) -> u32 {
        let sources = &mut self.trace.sources;
        let found = sources.iter().position(|s| Arc::ptr_eq(s, source));
        found.unwrap_or_else(|| {
            sources.push(Arc::clone(source));
            sources.len() - 1
        }) as u32
    }

    /// The index of a variable name, for [`Site::name`].
    pub fn name(&mut self, name: &Arc<str>) -> u32 {
        let names = &mut self.trace.names;
        let found = names.iter().position(|n| n == name);
        found.unwrap_or_else(|| {
            names.push(Arc::clone(name));
            names.len() - 1
        }) as u32
    }

    /// Finishes the call with these results.
    pub fn finish(mut self, outputs: Vec<ValueId>) -> Call {
        self.call(outputs)
    }

    /// Finishes the call with these results and keeps the tape for a [restart](Self::restart). Runs in a row that
    /// record the same share one trace.
    pub fn call(&mut self, outputs: Vec<ValueId>) -> Call {
        self.trace.outputs = outputs;
        let values = self.values.clone();
        if let Some(last) = self.last.as_ref().filter(|last| last.same_path(&self.trace)) {
            return Call { trace: Arc::clone(last), values };
        }
        let mut trace = std::mem::replace(&mut self.trace, Trace::empty());
        trace.plan_backward();
        let trace = Arc::new(trace);
        self.last = Some(Arc::clone(&trace)).filter(|trace| trace.nodes.len() <= MAX_REUSED_NODES);
        Call { trace, values }
    }

    fn check_limit(&self) -> Result<(), TapeFull> {
        let used = self.trace.nodes.len() + self.trace.guards.len();
        if used < self.limit { Ok(()) } else { Err(TapeFull { limit: self.limit }) }
    }

    fn append(&mut self, node: Node, value: f64) -> ValueId {
        let id = ValueId(self.trace.nodes.len() as u32);
        self.trace.nodes.push(node);
        self.values.push(value);
        id
    }
}
