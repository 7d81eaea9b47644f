//! All known paths of a function as one straight line of lane instructions.
//!
//! Traces that part at a comparison are merged: what they have in common is computed once, each comparison
//! becomes a row of masks, and each result is chosen by masks lane by lane. A block whose lanes take different
//! paths then needs no sorting, and a value of a path that a lane did not take is never looked at. Lanes that
//! take a path nobody has met yet are told apart by a row of their own.
//!
//! The instructions are those of the traces, each rounded on its own, so the bits are those of a single call.
//! This module must not know who asks and where traces come from.

use crate::dispatch;
use crate::math;
use crate::op::Op;
use crate::trace::{Compare, Trace};
use crate::tree::{Fork, Next, TraceTree};
use std::collections::HashMap;

/// What an instruction does with its operands' rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Code {
    /// The value of an operation: a, b, c.
    Value(Op),
    /// A power whose exponent is this constant: a.
    Power(Exponent),
    /// Upstream × local derivative into an operand: a, b, c, the result, upstream.
    Chain(Op, u8),
    /// The same for a power with a constant exponent: a, upstream.
    PowerChain(Exponent),
    /// All bits set where the comparison of a and b holds, else none.
    Compare(Compare),
    /// b where the bits of a are set, else c.
    Select,
}

/// Exponents whose powers have a short definition (see [`math::pow`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Exponent {
    Two,
    Three,
    Half,
    MinusOne,
}

impl Exponent {
    fn of(x: f64) -> Option<Self> {
        [(2.0, Self::Two), (3.0, Self::Three), (0.5, Self::Half), (-1.0, Self::MinusOne)]
            .into_iter()
            .find_map(|(value, exponent)| (value == x).then_some(exponent))
    }
}

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Instruction {
    code: Code,
    /// Rows; those that are not used repeat the first.
    operands: [u32; 5],
}

/// An instruction with the places where the rows of its operands and of its result begin; that of the result comes
/// after those of the operands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    code: Code,
    operands: [u32; 5],
    into: u32,
}

/// The instructions of a program for calls of which some inputs are known to be the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Split {
    /// What is the same in all calls; computed once.
    pub(crate) shared: Vec<Placed>,
    /// The rest of the function.
    pub(crate) forward: Vec<Placed>,
    /// Its chain rule.
    pub(crate) backward: Vec<Placed>,
}

/// Programs beyond this many instructions are not made: their traces run one after the other instead.
const MOST_INSTRUCTIONS: usize = 20_000;
/// Functions with more paths are not merged.
const MOST_TRACES: usize = 64;
/// Numbers that the rows of one block should not exceed, so that they stay in the nearest cache.
const NEAR_NUMBERS: usize = 4096;
/// Lanes come in groups of this many: the widest vector unit's width.
pub const GROUP: usize = 8;
/// Lanes of a block at most.
const WIDEST: usize = 128;

/// A function's paths, ready to run over lanes. Rows are numbered: inputs, seeds, constants, then the result
/// of each instruction, those of the chain rule last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Program {
    inputs: usize,
    seeds: usize,
    constants: Vec<f64>,
    code: Vec<Instruction>,
    /// Instructions before this one are the function's own, the rest is its chain rule.
    backward: usize,
    outputs: Vec<u32>,
    /// The row of 1 for lanes whose path is not known; `None` when all are.
    unknown: Option<u32>,
    grads: Vec<u32>,
    used: Vec<bool>,
}

impl Program {
    /// Merges the traces of a tree; `None` when there are too many.
    pub(crate) fn new(tree: &TraceTree, inputs: usize) -> Option<Self> {
        let traces = tree.traces();
        let size: usize = traces.iter().map(|trace| trace.nodes().len() + trace.chain().len()).sum();
        if traces.is_empty() || traces.len() > MOST_TRACES || size > MOST_INSTRUCTIONS {
            return None;
        }
        Some(Builder::new(tree, inputs).build())
    }

    /// Whether a result or a path depends on an input.
    pub(crate) fn uses(&self, input: usize) -> bool {
        self.used[input]
    }

    /// Whether every path is known.
    pub(crate) fn is_complete(&self) -> bool {
        self.unknown.is_none()
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.first() + self.code.len()
    }

    /// The constants with their rows.
    pub(crate) fn constants(&self) -> impl Iterator<Item = (usize, f64)> {
        (self.inputs + self.seeds..).zip(self.constants.iter().copied())
    }

    /// The row of the k-th result.
    pub(crate) fn output(&self, k: usize) -> usize {
        self.outputs[k] as usize
    }

    /// The row of the gradient of an input.
    pub(crate) fn grad(&self, input: usize) -> usize {
        self.grads[input] as usize
    }

    /// The row of 1 for lanes whose path is not known; `None` when all are.
    pub(crate) fn unknown(&self) -> Option<usize> {
        self.unknown.map(|row| row as usize)
    }

    /// The instructions for rows of a length, those apart that depend on nothing but constants and what `is_same` in
    /// all calls; it is asked about the rows of inputs, then of seeds.
    pub(crate) fn split(&self, stride: usize, is_same: impl Fn(usize) -> bool) -> Split {
        let mut same: Vec<bool> = (0..self.inputs + self.seeds).map(is_same).collect();
        // Where a seed is the same, the beginning of the chain rule may be, too.
        let shared_end = if same[self.inputs..].contains(&true) { self.code.len() } else { self.backward };
        same.resize(self.first(), true);
        let place = |row: usize| (row * stride) as u32;
        let mut split = Split::default();
        for (i, instruction) in self.code.iter().enumerate() {
            let operands = instruction.operands.map(|row| place(row as usize));
            let placed = Placed { code: instruction.code, operands, into: place(self.first() + i) };
            let shared = i < shared_end && instruction.operands.iter().all(|&row| same[row as usize]);
            same.push(shared);
            match (shared, i < self.backward) {
                (true, _) => split.shared.push(placed),
                (false, true) => split.forward.push(placed),
                (false, false) => split.backward.push(placed),
            }
        }
        split
    }

    /// The row of the first instruction.
    fn first(&self) -> usize {
        self.inputs + self.seeds + self.constants.len()
    }

    /// Lanes of a block: as many as keep its rows in the nearest cache.
    pub(crate) fn width(&self) -> usize {
        (NEAR_NUMBERS / self.rows() / GROUP * GROUP).clamp(2 * GROUP, WIDEST)
    }
}

/// Values of one trace in the merged program, and its results.
struct Path {
    rows: Vec<Option<u32>>,
}

struct Builder<'t> {
    tree: &'t TraceTree,
    inputs: usize,
    seeds: usize,
    constants: Vec<f64>,
    code: Vec<Instruction>,
    known: HashMap<Instruction, u32>,
    paths: Vec<Path>,
}

/// While a program is built, constants have rows of their own, counted from here.
const CONSTANT: u32 = 1 << 30;
/// And so have instructions.
const INSTRUCTION: u32 = 1 << 31;

impl<'t> Builder<'t> {
    fn new(tree: &'t TraceTree, inputs: usize) -> Self {
        let paths = tree.traces().iter().map(|trace| Path { rows: vec![None; trace.nodes().len()] }).collect();
        let seeds = tree.traces()[0].outputs().len();
        Self { tree, inputs, seeds, constants: Vec::new(), code: Vec::new(), known: HashMap::new(), paths }
    }

    fn constant(&mut self, x: f64) -> u32 {
        let at = self.constants.iter().position(|known| known.to_bits() == x.to_bits());
        CONSTANT
            + at.unwrap_or_else(|| {
                self.constants.push(x);
                self.constants.len() - 1
            }) as u32
    }

    fn constant_value(&self, row: u32) -> Option<f64> {
        (CONSTANT..INSTRUCTION).contains(&row).then(|| self.constants[(row - CONSTANT) as usize])
    }

    /// The row of an instruction, the same one for the same instruction.
    fn emit(&mut self, code: Code, operands: &[u32]) -> u32 {
        let mut all = [operands[0]; 5];
        all[..operands.len()].copy_from_slice(operands);
        let instruction = Instruction { code, operands: all };
        *self.known.entry(instruction).or_insert_with(|| {
            self.code.push(instruction);
            INSTRUCTION + (self.code.len() - 1) as u32
        })
    }

    /// The row of a node, after those that it needs.
    fn node(&mut self, trace: usize, node: usize) -> u32 {
        let tree = self.tree;
        let nodes = tree.traces()[trace].nodes();
        // Operands stand before their node; going down a list instead of into itself spares the stack.
        let mut wanted = vec![node];
        while let Some(&next) = wanted.last() {
            if self.paths[trace].rows[next].is_some() {
                wanted.pop();
                continue;
            }
            let node = &nodes[next];
            let operands = node.operands[..node.op.arity()].iter().map(|id| id.index());
            let before = wanted.len();
            wanted.extend(operands.filter(|&operand| self.paths[trace].rows[operand].is_none()));
            if wanted.len() > before {
                continue;
            }
            wanted.pop();
            let operands = node.operands.map(|id| self.paths[trace].rows[id.index()].unwrap_or(0));
            let row = match node.op {
                Op::Input => next as u32,
                Op::Constant => self.constant(node.constant),
                Op::Pow if let Some(exponent) = self.constant_value(operands[1]).and_then(Exponent::of) => {
                    self.emit(Code::Power(exponent), &operands[..1])
                }
                op => self.emit(Code::Value(op), &operands[..op.arity()]),
            };
            self.paths[trace].rows[next] = Some(row);
        }
        self.paths[trace].rows[node].unwrap_or(0)
    }

    /// The results of a trace.
    fn outputs(&mut self, trace: usize) -> Vec<u32> {
        let tree = self.tree;
        tree.traces()[trace].outputs().iter().map(|id| self.node(trace, id.index())).collect()
    }

    /// The gradients of the inputs of a trace.
    fn grads(&mut self, index: usize) -> Vec<u32> {
        let tree = self.tree;
        let trace: &Trace = &tree.traces()[index];
        let mut grads: Vec<Option<u32>> = vec![None; trace.nodes().len()];
        for &(id, k, _) in trace.seeded() {
            let seed = (self.inputs + k) as u32;
            let sum = grads[id.index()].map_or(seed, |before| self.emit(Code::Value(Op::Add), &[before, seed]));
            grads[id.index()] = Some(sum);
        }
        for step in trace.chain() {
            let node = trace.node(step.node);
            let upstream = grads[step.node.index()].unwrap_or(0);
            let contribution = match (node.op, step.operand) {
                // Multiplying by 1 changes nothing.
                (Op::Add, _) | (Op::Sub | Op::Rem, 0) => upstream,
                // Both ends of a square are one product.
                (Op::Mul, operand) => {
                    let other = self.node(index, node.operands[1 - operand as usize].index());
                    self.emit(Code::Value(Op::Mul), &[upstream, other])
                }
                (op, operand) => {
                    let [a, b, c] = node.operands.map(|id| self.node(index, id.index()));
                    let y = self.node(index, step.node.index());
                    match self.constant_value(b).and_then(Exponent::of).filter(|_| op == Op::Pow) {
                        Some(exponent) if operand == 0 => self.emit(Code::PowerChain(exponent), &[a, upstream]),
                        _ => self.emit(Code::Chain(op, operand), &[a, b, c, y, upstream]),
                    }
                }
            };
            let into = &mut grads[step.into.index()];
            let before = *into;
            let sum = before.map_or(contribution, |before| self.emit(Code::Value(Op::Add), &[before, contribution]));
            grads[step.into.index()] = Some(sum);
        }
        let mut rows = Vec::with_capacity(self.inputs);
        for grad in grads.into_iter().take(self.inputs) {
            rows.push(grad.unwrap_or_else(|| self.constant(0.0)));
        }
        rows
    }

    /// The rows that `of` gives for each trace, chosen by the forks on the way to it; `None` where no path is known.
    fn choose(&mut self, next: Next, of: &mut dyn FnMut(&mut Self, usize) -> Vec<u32>) -> Option<Vec<u32>> {
        match next {
            Next::Unknown => None,
            Next::Trace(index) => Some(of(self, index)),
            Next::Fork(index) => {
                let (mask, fork) = self.mask(index);
                let when_true = self.choose(fork.when_true, of);
                let when_false = self.choose(fork.when_false, of);
                match (when_true, when_false) {
                    (Some(yes), Some(no)) => {
                        let select = |(yes, no): (u32, u32)| {
                            if yes == no { yes } else { self.emit(Code::Select, &[mask, yes, no]) }
                        };
                        Some(yes.into_iter().zip(no).map(select).collect())
                    }
                    (one, other) => one.or(other),
                }
            }
        }
    }

    fn mask(&mut self, index: usize) -> (u32, Fork) {
        let fork = self.tree.fork(index);
        let guard = self.tree.traces()[fork.trace].guards()[fork.guard];
        let (a, b) = (self.node(fork.trace, guard.a.index()), self.node(fork.trace, guard.b.index()));
        (self.emit(Code::Compare(guard.compare), &[a, b]), fork)
    }

    /// The row of 1 where no path is known, 0 elsewhere.
    fn unknown(&mut self, next: Next) -> u32 {
        match next {
            Next::Unknown => self.constant(1.0),
            Next::Trace(_) => self.constant(0.0),
            Next::Fork(index) => {
                let (mask, fork) = self.mask(index);
                let (yes, no) = (self.unknown(fork.when_true), self.unknown(fork.when_false));
                if yes == no { yes } else { self.emit(Code::Select, &[mask, yes, no]) }
            }
        }
    }

    fn build(mut self) -> Program {
        let root = self.tree.root();
        let mut outputs = self.choose(root, &mut Self::outputs).unwrap_or_default();
        let unknown = self.unknown(root);
        let mut unknown = (self.constant_value(unknown) != Some(0.0)).then_some(unknown);
        let backward = self.code.len();
        let mut grads = self.choose(root, &mut Self::grads).unwrap_or_default();

        // Now the number of constants is known, and with it each row.
        let constants = (self.inputs + self.seeds) as u32;
        let first = constants + self.constants.len() as u32;
        let place = |row: &mut u32| {
            if *row >= INSTRUCTION {
                *row = *row - INSTRUCTION + first;
            } else if *row >= CONSTANT {
                *row = *row - CONSTANT + constants;
            }
        };
        self.code.iter_mut().flat_map(|instruction| &mut instruction.operands).for_each(place);
        outputs.iter_mut().chain(&mut grads).chain(&mut unknown).for_each(place);
        let mut used = vec![false; self.inputs];
        let read = self.code.iter().flat_map(|instruction| &instruction.operands).chain(&outputs);
        for &row in read.filter(|&&row| (row as usize) < self.inputs) {
            used[row as usize] = true;
        }
        Program {
            inputs: self.inputs,
            seeds: self.seeds,
            constants: self.constants,
            code: self.code,
            backward,
            outputs,
            unknown,
            grads,
            used,
        }
    }
}

/// Computes what is the same in all calls of a pass, whose rows are `stride` long.
pub(crate) fn execute_once(code: &[Placed], stride: usize, rows: &mut [f64]) {
    execute(code, 0, GROUP, rows);
    for placed in code {
        let row = &mut rows[placed.into as usize..][..stride];
        row.fill(row[0]);
    }
}

dispatch!(
    /// Runs instructions on the lanes from `lane` on.
    pub(crate) fn execute(code: &[Placed], lane: usize, lanes: usize, rows: &mut [f64]) = execute_body
);

#[inline(always)]
fn execute_body(code: &[Placed], lane: usize, lanes: usize, rows: &mut [f64]) {
    // So that the compiler knows that no lanes are left over.
    let lanes = lanes / GROUP * GROUP;
    for Placed { code, operands, into } in code {
        let (before, rest) = rows.split_at_mut(*into as usize);
        let into = &mut rest[lane..][..lanes];
        let row = |k: usize| &before[operands[k] as usize + lane..][..lanes];
        match *code {
            Code::Value(op) => op.value_lanes(row(0), row(1), row(2), into),
            Code::Chain(op, operand) => {
                op.chain_lanes(operand as usize, row(0), row(1), row(2), row(3), row(4), into);
            }
            Code::Power(exponent) => power_lanes(exponent, row(0), into),
            Code::PowerChain(exponent) => power_chain_lanes(exponent, row(0), row(1), into),
            Code::Compare(compare) => compare_lanes(compare, row(0), row(1), into),
            Code::Select => {
                let (mask, yes, no) = (row(0), row(1), row(2));
                for i in 0..lanes {
                    // Written as a condition, this would become a choice of two places, which is no vector operation.
                    let mask = mask[i].to_bits();
                    into[i] = f64::from_bits((mask & yes[i].to_bits()) | (!mask & no[i].to_bits()));
                }
            }
        }
    }
}

#[inline(always)]
fn power_lanes(exponent: Exponent, a: &[f64], into: &mut [f64]) {
    match exponent {
        Exponent::Two => each(a, into, |a| math::pow(a, 2.0)),
        Exponent::Three => each(a, into, |a| math::pow(a, 3.0)),
        Exponent::Half => each(a, into, |a| math::pow(a, 0.5)),
        Exponent::MinusOne => each(a, into, |a| math::pow(a, -1.0)),
    }
}

#[inline(always)]
fn power_chain_lanes(exponent: Exponent, a: &[f64], upstream: &[f64], into: &mut [f64]) {
    let rule = |a: f64, b: f64| Op::Pow.derivative(0, a, b, b, 0.0);
    match exponent {
        Exponent::Two => pairs(a, upstream, into, |a, up| up * rule(a, 2.0)),
        Exponent::Three => pairs(a, upstream, into, |a, up| up * rule(a, 3.0)),
        Exponent::Half => pairs(a, upstream, into, |a, up| up * rule(a, 0.5)),
        Exponent::MinusOne => pairs(a, upstream, into, |a, up| up * rule(a, -1.0)),
    }
}

#[inline(always)]
fn compare_lanes(compare: Compare, a: &[f64], b: &[f64], into: &mut [f64]) {
    let mask = |holds: bool| f64::from_bits(if holds { u64::MAX } else { 0 });
    match compare {
        Compare::Less => pairs(a, b, into, |a, b| mask(a < b)),
        Compare::LessOrEqual => pairs(a, b, into, |a, b| mask(a <= b)),
        Compare::Greater => pairs(a, b, into, |a, b| mask(a > b)),
        Compare::GreaterOrEqual => pairs(a, b, into, |a, b| mask(a >= b)),
        Compare::Equal => pairs(a, b, into, |a, b| mask(a == b)),
        Compare::NotEqual => pairs(a, b, into, |a, b| mask(a != b)),
    }
}

#[inline(always)]
fn each(a: &[f64], into: &mut [f64], rule: impl Fn(f64) -> f64) {
    let n = into.len();
    let a = &a[..n];
    for i in 0..n {
        into[i] = rule(a[i]);
    }
}

#[inline(always)]
fn pairs(a: &[f64], b: &[f64], into: &mut [f64], rule: impl Fn(f64, f64) -> f64) {
    let n = into.len();
    let (a, b) = (&a[..n], &b[..n]);
    for i in 0..n {
        into[i] = rule(a[i], b[i]);
    }
}
