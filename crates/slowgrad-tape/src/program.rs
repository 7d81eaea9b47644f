//! All known paths of a function as one straight line of lane instructions.
//!
//! Traces that part at a comparison are merged: what they have in common is computed once, each comparison
//! becomes a row of masks, and each result is chosen by masks lane by lane. A block whose lanes take different
//! paths then needs no sorting, and a value of a path that a lane did not take is never looked at. Lanes that
//! take a path nobody has met yet are told apart by a row of their own.
//!
//! The instructions are those of the traces, each rounded on its own, so the bits are those of a single call.
//! This module must not know who asks and where traces come from.

use crate::executor::{Code, Exponent, MEMORIES, OPERANDS, Place, Step, Steps};
use crate::fuse::join;
use crate::op::Op;
use crate::trace::Trace;
use crate::trace_tree::{Fork, Next, TraceTree};
use std::collections::HashMap;

/// One instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Instruction {
    code: Code,
    /// Rows; those that are not used repeat the first.
    operands: [u32; OPERANDS],
}

/// The instructions of a program for calls of which some inputs are known to be the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Split {
    /// What is the same in all calls; computed once.
    pub(crate) shared: Steps,
    /// The rest of the function.
    pub(crate) forward: Steps,
    /// Its chain rule.
    pub(crate) backward: Steps,
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
const WIDEST: usize = 512;

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
    /// all calls; it is asked about the rows of inputs, then of seeds. Without the chain rule more of the function's own
    /// instructions are joined.
    pub(crate) fn split(&self, stride: usize, has_chain_rule: bool, is_same: impl Fn(usize) -> bool) -> Split {
        let [shared, forward, backward] = self.steps(has_chain_rule, is_same);
        let place = |row: u32| Place::own(row as usize * stride);
        let [shared, forward, backward] = [shared, forward, backward].map(|steps| Steps::new(&steps, stride, place));
        Split { shared, forward, backward }
    }

    /// The function's own instructions for inputs that lie elsewhere: `elsewhere[k]` is an input that does, and the
    /// result that takes its place. `None` when that cannot be done without more room.
    pub(crate) fn forward_elsewhere(
        &self,
        stride: usize,
        is_same: impl Fn(usize) -> bool,
        elsewhere: &[(usize, Option<usize>)],
    ) -> Option<Steps> {
        if elsewhere.len() + 1 > MEMORIES {
            return None;
        }
        let [_, mut steps, _] = self.steps(false, is_same);
        let mut places: Vec<Place> = (0..self.rows()).map(|row| Place::own(row * stride)).collect();
        for (k, &(input, _)) in elsewhere.iter().enumerate() {
            places[input] = Place::elsewhere(k);
        }
        let mut copies = Vec::new();
        for (k, &(input, output)) in elsewhere.iter().enumerate() {
            let Some(output) = output else { continue };
            let (input, output) = (input as u32, self.outputs[output]);
            let is_elsewhere = places[output as usize] != Place::own(output as usize * stride);
            match steps.iter().position(|step| step.into == output) {
                _ if output == input => {}
                // What is written over it might still be needed.
                _ if is_elsewhere => return None,
                Some(at)
                    if !steps[at + 1..].iter().any(|step| step.reads(input))
                        && (steps[at].code.goes_by_group() || !steps[at].reads(input)) =>
                {
                    places[output as usize] = Place::elsewhere(k);
                }
                _ => copies.push(Step { code: Code::Value(Op::Input), operands: [output; OPERANDS], into: input }),
            }
        }
        steps.extend(copies);
        Some(Steps::new(&steps, stride, |row| places[row as usize]))
    }

    /// What is the same in all calls, the rest of the function, and its chain rule where there is to be one.
    fn steps(&self, has_chain_rule: bool, is_same: impl Fn(usize) -> bool) -> [Vec<Step>; 3] {
        let mut same: Vec<bool> = (0..self.inputs + self.seeds).map(is_same).collect();
        // Where a seed is the same, the beginning of the chain rule may be, too.
        let shared_end = if same[self.inputs..].contains(&true) { self.code.len() } else { self.backward };
        same.resize(self.first(), true);
        let end = if has_chain_rule { self.code.len() } else { self.backward };
        let [mut shared, mut forward, mut backward] = [const { Vec::new() }; 3];
        let mut uses = vec![0; self.rows()];
        let results = self.outputs.iter().chain(&self.unknown).chain(self.grads.iter().filter(|_| has_chain_rule));
        results.for_each(|&row| uses[row as usize] += 1);
        for (i, &Instruction { code, operands }) in self.code[..end].iter().enumerate() {
            let step = Step { code, operands, into: (self.first() + i) as u32 };
            operands[..code.arity()].iter().for_each(|&row| uses[row as usize] += 1);
            let is_shared = i < shared_end && operands.iter().all(|&row| same[row as usize]);
            same.push(is_shared);
            match (is_shared, i < self.backward) {
                (true, _) => shared.push(step),
                (false, true) => forward.push(step),
                (false, false) => backward.push(step),
            }
        }
        join(&mut forward, &uses);
        join(&mut backward, &uses);
        [shared, forward, backward]
    }

    /// The row of the first instruction.
    fn first(&self) -> usize {
        self.inputs + self.seeds + self.constants.len()
    }

    /// Lanes of a block: as many as keep its rows in the nearest cache.
    pub(crate) fn width(&self) -> usize {
        width(self.rows())
    }

    /// The same without the chain rule.
    pub(crate) fn forward_width(&self) -> usize {
        let [_, forward, _] = self.steps(false, |_| false);
        let mut rows: Vec<u32> = forward.iter().flat_map(|step| step.operands.into_iter().chain([step.into])).collect();
        rows.sort_unstable();
        rows.dedup();
        width(rows.len())
    }
}

fn width(rows: usize) -> usize {
    (NEAR_NUMBERS / rows.max(1) / GROUP * GROUP).clamp(2 * GROUP, WIDEST)
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
        let mut all = [operands[0]; OPERANDS];
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
