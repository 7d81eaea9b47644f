//! One path through a script function, written down while it runs.
//!
//! A tape is append-only and an id is an index, so an operand always stands before its operation and
//! reading the nodes in order is running the function again. Guards remember the answers that comparisons
//! gave on the way; a trace is right for exactly those inputs that give the same answers.

use crate::function::Call;
use crate::op::Op;
use crate::source::{Location, Source, Span};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::Arc;

/// The index of a node in its trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct ValueId(u32);

impl ValueId {
    /// The node's position in the trace.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where in which of the trace's sources an operation stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Index into [`Trace::sources`].
    pub source: u32,
    /// The extent of the expression.
    pub span: Span,
    /// Index into [`Trace::names`] of the variable that the expression's value was given to.
    pub name: Option<u32>,
}

/// One operation of a trace.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// The operands; those beyond the operation's arity repeat the first.
    pub operands: [ValueId; 3],
    /// The number of a constant.
    pub constant: f64,
    /// The expression it came from, when a script produced it.
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

    /// The exact IEEE answer: no tolerance, and NaN is unequal to everything.
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

    /// As a textbook prints it.
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

    /// As a script writes it.
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

/// The answer a comparison gave when the trace was made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Guard {
    /// How many nodes stood on the tape when the question was asked.
    pub after: u32,
    /// The question.
    pub compare: Compare,
    /// Left operand.
    pub a: ValueId,
    /// Right operand.
    pub b: ValueId,
    /// The answer.
    pub answer: bool,
    /// The comparison's place in the script.
    pub site: Option<Site>,
}

impl Guard {
    /// Whether the same answer comes out for these values.
    #[inline(always)]
    pub fn holds(&self, values: &[f64]) -> bool {
        self.compare.holds(values[self.a.index()], values[self.b.index()]) == self.answer
    }
}

/// What a function did at one point of its run, in order: computed something or asked something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instruction {
    /// The node with this id was computed.
    Compute(ValueId),
    /// The guard with this index was asked.
    Ask(usize),
}

/// One use of the chain rule: the gradient of `node` flows into one of its operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainStep {
    /// The operation whose gradient is complete.
    pub node: ValueId,
    /// Which operand, 0 to 2.
    pub operand: u8,
    /// The operand's node.
    pub into: ValueId,
    /// Whether this is the first contribution to the operand's gradient: it sets it instead of adding to it.
    pub first: bool,
}

/// The tape reached its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more than {limit} operations in one call")]
pub struct TapeFull {
    /// The limit.
    pub limit: usize,
}

/// A finished trace: the first nodes are the inputs, in the order in which they were declared.
#[derive(Debug, Clone)]
pub struct Trace {
    /// Name, and whether the chain rule flows into it; the same list for all traces of a function.
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

    /// The name of an input as a formula shows it.
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

    /// All guards in the order in which they were asked.
    pub fn guards(&self) -> &[Guard] {
        &self.guards
    }

    /// The function's results.
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// What ran, operations and comparisons, in order. Inputs and constants are not in it.
    pub fn instructions(&self) -> &[Instruction] {
        &self.instructions
    }

    /// The chain rule, from the results back to the inputs, one step per operand that matters.
    pub fn chain(&self) -> &[ChainStep] {
        &self.chain
    }

    /// The texts that [`Site`]s point into.
    pub fn sources(&self) -> &[Arc<Source>] {
        &self.sources
    }

    /// The variable names that [`Site`]s point to.
    pub fn names(&self) -> &[Arc<str>] {
        &self.names
    }

    /// Whether the script took out a plain number, so that no guard can promise this trace for another input.
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// The place of a site.
    pub fn location(&self, site: &Site) -> Option<Location> {
        let source = self.sources.get(site.source as usize)?;
        Some(Location { source: Arc::clone(source), span: site.span })
    }

    /// The variable a node's value was given to, if its script gave it a name.
    pub fn variable(&self, id: ValueId) -> Option<&str> {
        let name = self.node(id).site?.name?;
        self.names.get(name as usize).map(|name| &**name)
    }

    /// Computes the nodes `from..to` into `values`, which holds all nodes before `from`.
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

    /// Computes every node for these inputs into `values` and tells whether all guards hold.
    pub fn evaluate(&self, inputs: &[f64], values: &mut Vec<f64>) -> bool {
        self.compute(inputs, values, 0, self.nodes.len());
        self.guards.iter().all(|guard| guard.holds(values))
    }

    /// Reverse mode: fills `grads` (one per node; those that nothing flows into stay 0) from the gradients
    /// of the results, `seeds[k]` = `∂L/∂outputs[k]`.
    pub fn backward(&self, values: &[f64], seeds: &[f64], grads: &mut Vec<f64>) {
        self.seed(seeds, grads);
        for step in &self.chain {
            let (_, _, after) = self.chain_values(step, values, grads);
            grads[step.into.index()] = after;
        }
    }

    /// Puts the gradients of the results in place, before the first chain step.
    pub fn seed(&self, seeds: &[f64], grads: &mut Vec<f64>) {
        grads.clear();
        grads.resize(self.nodes.len(), 0.0);
        for &(id, k, first) in &self.seeded {
            grads[id.index()] = if first { seeds[k] } else { grads[id.index()] + seeds[k] };
        }
    }

    /// The numbers of one chain step, given the gradients so far: local derivative, contribution
    /// (upstream × local), and the operand's gradient afterwards.
    pub fn chain_values(&self, step: &ChainStep, values: &[f64], grads: &[f64]) -> (f64, f64, f64) {
        let node = self.node(step.node);
        let [a, b, c] = node.operands.map(|id| values[id.index()]);
        let local = node.op.derivative(step.operand as usize, a, b, c, values[step.node.index()]);
        let contribution = grads[step.node.index()] * local;
        let after = if step.first { contribution } else { grads[step.into.index()] + contribution };
        (local, contribution, after)
    }

    /// Where gradients of results enter: (node, index of the result, whether it is the node's first).
    pub(crate) fn seeded(&self) -> &[(ValueId, usize, bool)] {
        &self.seeded
    }

    /// Whether both say the same of the same run: all but what follows from it.
    fn is_same(&self, other: &Trace) -> bool {
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
        // A node is live when a differentiable input reaches it and not only through stop_gradient.
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

/// Writes a trace while a function runs.
#[derive(Debug)]
pub struct TraceBuilder {
    trace: Trace,
    values: Vec<f64>,
    constants: HashMap<u64, ValueId>,
    limit: usize,
    /// The trace that was finished last.
    last: Option<Arc<Trace>>,
}

/// Nodes for which a tape keeps room, and the last trace, for the next run.
const KEPT_NODES: usize = 4096;

impl TraceBuilder {
    /// An empty tape that takes at most `limit` operations and comparisons.
    pub fn new(limit: usize) -> Self {
        Self { trace: Trace::empty(), values: Vec::new(), constants: HashMap::new(), limit, last: None }
    }

    /// Begins anew with these inputs: name, and whether the chain rule flows into it. Room is kept from run to run.
    pub fn restart(&mut self, limit: usize, inputs: &Arc<Vec<(String, bool)>>, values: &[f64]) -> Vec<ValueId> {
        if self.trace.nodes.capacity() > KEPT_NODES {
            *self = Self::new(limit);
        }
        let Self { trace, values: known, constants, .. } = self;
        if !Arc::ptr_eq(&trace.inputs, inputs) {
            trace.inputs = Arc::clone(inputs);
        }
        trace.nodes.clear();
        trace.guards.clear();
        trace.instructions.clear();
        trace.sources.clear();
        trace.names.clear();
        trace.volatile = false;
        known.clear();
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

    /// A plain number that a traced value met. Equal bits give the same node.
    pub fn constant(&mut self, value: f64) -> Result<ValueId, TapeFull> {
        if let Some(&id) = self.constants.get(&value.to_bits()) {
            return Ok(id);
        }
        self.room()?;
        let id = self.append(Node { op: Op::Constant, operands: [ValueId(0); 3], constant: value, site: None }, value);
        self.constants.insert(value.to_bits(), id);
        Ok(id)
    }

    /// Carries out an operation and writes it down.
    ///
    /// # Panics
    /// When the number of operands is not the operation's arity.
    pub fn push(&mut self, op: Op, operands: &[ValueId], site: Option<Site>) -> Result<ValueId, TapeFull> {
        assert_eq!(operands.len(), op.arity(), "operands of {op:?}");
        self.room()?;
        let mut ids = [operands[0]; 3];
        ids[..operands.len()].copy_from_slice(operands);
        let [a, b, c] = ids.map(|id| self.values[id.index()]);
        let id = self.append(Node { op, operands: ids, constant: 0.0, site }, op.value(a, b, c));
        self.trace.instructions.push(Instruction::Compute(id));
        Ok(id)
    }

    /// Answers a comparison and writes the answer down as a guard.
    pub fn compare(&mut self, compare: Compare, a: ValueId, b: ValueId, site: Option<Site>) -> Result<bool, TapeFull> {
        self.room()?;
        let answer = compare.holds(self.value(a), self.value(b));
        self.trace.instructions.push(Instruction::Ask(self.trace.guards.len()));
        self.trace.guards.push(Guard { after: self.trace.nodes.len() as u32, compare, a, b, answer, site });
        Ok(answer)
    }

    /// The value of a node.
    pub fn value(&self, id: ValueId) -> f64 {
        self.values[id.index()]
    }

    /// Marks the trace as right for this very input only.
    pub fn mark_volatile(&mut self) {
        self.trace.volatile = true;
    }

    /// The index of a source for [`Site`]s.
    pub fn source(&mut self, source: &Arc<Source>) -> u32 {
        let sources = &mut self.trace.sources;
        let known = sources.iter().position(|s| Arc::ptr_eq(s, source));
        known.unwrap_or_else(|| {
            sources.push(Arc::clone(source));
            sources.len() - 1
        }) as u32
    }

    /// The index of a variable name for [`Site`]s.
    pub fn name(&mut self, name: &Arc<str>) -> u32 {
        let names = &mut self.trace.names;
        let known = names.iter().position(|n| n == name);
        known.unwrap_or_else(|| {
            names.push(Arc::clone(name));
            names.len() - 1
        }) as u32
    }

    /// The finished call, with these results.
    pub fn finish(mut self, outputs: Vec<ValueId>) -> Call {
        self.call(outputs)
    }

    /// The call that has been written, with these results; then the tape can be [restarted](Self::restart). A run that
    /// did the same as the one before it has the same trace.
    pub fn call(&mut self, outputs: Vec<ValueId>) -> Call {
        self.trace.outputs = outputs;
        let values = self.values.clone();
        if let Some(last) = self.last.as_ref().filter(|last| last.is_same(&self.trace)) {
            return Call { trace: Arc::clone(last), values };
        }
        let mut trace = std::mem::replace(&mut self.trace, Trace::empty());
        trace.plan_backward();
        let trace = Arc::new(trace);
        self.last = Some(Arc::clone(&trace)).filter(|trace| trace.nodes.len() <= KEPT_NODES);
        Call { trace, values }
    }

    fn room(&self) -> Result<(), TapeFull> {
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
