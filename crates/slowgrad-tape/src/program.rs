//! All known paths of a function as one straight line of lane instructions.
//!
//! Traces that diverge at a comparison are merged: common operations are computed once, each comparison becomes a row
//! of masks, and masks select each result lane by lane. Lanes that take different paths therefore need no sorting, and
//! a value on a path that a lane did not take is never selected for it. A separate row marks lanes whose path is not
//! known yet.
//!
//! The instructions are those of the traces, each rounded on its own, so the bits are those of a single call. This
//! module must not know its callers or where traces come from.

use crate::executor::{Executable, MAX_BUFFERS, RowRef};
use crate::fuse::fuse;
use crate::instruction::{Exponent, MAX_OPERANDS, Opcode, RowInstruction};
use crate::isa::LANE_GROUP;
use crate::op::Op;
use crate::trace::Trace;
use crate::trace_tree::{Fork, Next, TraceTree};
use std::collections::HashMap;

/// An instruction in single-assignment form: its result's row follows from its position in the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct SsaInstruction {
    opcode: Opcode,
    /// The operands' rows. Unused operands repeat the first.
    operands: [u32; MAX_OPERANDS],
}

/// The instructions of a program, split for calls in which some inputs are uniform, that is, the same in all lanes.
#[derive(Debug, Clone, Default)]
pub(crate) struct SplitProgram {
    /// Instructions with uniform results, computed once for all calls.
    pub(crate) shared: Executable,
    /// The rest of the function's own instructions.
    pub(crate) forward: Executable,
    /// The rest of the chain rule.
    pub(crate) backward: Executable,
}

/// Maximum size of the traces that are merged into one program, in nodes and chain steps. Larger functions run call by
/// call.
const MAX_INSTRUCTIONS: usize = 20_000;
/// Maximum number of traces that are merged into one program. Functions with more paths run call by call.
const MAX_TRACES: usize = 64;
/// Numbers that the rows of one block may hold so that they stay in the L1 cache: 32 KiB.
const CACHE_NUMBERS: usize = 4096;
/// Maximum number of lanes of a block.
const MAX_BLOCK_LANES: usize = 512;

/// A function's paths, ready to run over lanes.
///
/// Rows are numbered in this order: inputs, seeds, constants, then the result of each instruction, the chain rule's
/// last.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Program {
    inputs: usize,
    seeds: usize,
    constants: Vec<f64>,
    code: Vec<SsaInstruction>,
    /// Index of the first instruction of the chain rule; those before it compute the function itself.
    backward: usize,
    outputs: Vec<u32>,
    /// The row that is 1 in lanes whose path is not known and 0 elsewhere; `None` when all paths are known.
    unknown: Option<u32>,
    grads: Vec<u32>,
    used: Vec<bool>,
}

impl Program {
    /// Merges the traces of a tree. `None` when there are none, or too many.
    pub(crate) fn new(tree: &TraceTree, inputs: usize) -> Option<Self> {
        let traces = tree.traces();
        let size: usize = traces.iter().map(|trace| trace.nodes().len() + trace.chain().len()).sum();
        if traces.is_empty() || traces.len() > MAX_TRACES || size > MAX_INSTRUCTIONS {
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

    pub(crate) fn rows(&self) -> usize {
        self.first_instruction() + self.code.len()
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

    /// The row that is 1 in lanes whose path is not known; `None` when all paths are known.
    pub(crate) fn unknown(&self) -> Option<usize> {
        self.unknown.map(|row| row as usize)
    }

    /// The instructions for rows of `stride` numbers. `uniform` tells for the rows of inputs, then of seeds, whether
    /// they are the same in all calls; instructions that depend only on such rows and on constants are split off.
    /// Without the chain rule, which reads intermediate rows, more of the function's own instructions can be fused.
    pub(crate) fn split(&self, stride: usize, with_chain_rule: bool, uniform: impl Fn(usize) -> bool) -> SplitProgram {
        let [shared, forward, backward] = self.row_instructions(with_chain_rule, uniform);
        let place = |row: u32| RowRef::own(row as usize * stride);
        let [shared, forward, backward] =
            [shared, forward, backward].map(|instructions| Executable::new(&instructions, stride, place));
        SplitProgram { shared, forward, backward }
    }

    /// The function's own instructions for inputs in the caller's buffers: `in_place[k]` is such an input and the
    /// result, if any, that replaces it. `None` when that would need a temporary copy, or more than [`MAX_BUFFERS`].
    pub(crate) fn forward_in_place(
        &self,
        stride: usize,
        uniform: impl Fn(usize) -> bool,
        in_place: &[(usize, Option<usize>)],
    ) -> Option<Executable> {
        if in_place.len() + 1 > MAX_BUFFERS {
            return None;
        }
        let [_, mut instructions, _] = self.row_instructions(false, uniform);
        let mut places: Vec<RowRef> = (0..self.rows()).map(|row| RowRef::own(row * stride)).collect();
        for (k, &(input, _)) in in_place.iter().enumerate() {
            places[input] = RowRef::in_caller_buffer(k);
        }
        let mut copies = Vec::new();
        for (k, &(input, output)) in in_place.iter().enumerate() {
            let Some(output) = output else { continue };
            let (input, output) = (input as u32, self.outputs[output]);
            let moved = places[output as usize] != RowRef::own(output as usize * stride);
            match instructions.iter().position(|instruction| instruction.into == output) {
                _ if output == input => {}
                // A later copy might still read the row that this one would overwrite.
                _ if moved => return None,
                Some(at)
                    if !instructions[at + 1..].iter().any(|instruction| instruction.reads(input))
                        && (instructions[at].opcode.runs_by_group() || !instructions[at].reads(input)) =>
                {
                    places[output as usize] = RowRef::in_caller_buffer(k);
                }
                _ => copies.push(RowInstruction {
                    opcode: Opcode::Value(Op::Input),
                    operands: [output; MAX_OPERANDS],
                    into: input,
                }),
            }
        }
        instructions.extend(copies);
        Some(Executable::new(&instructions, stride, |row| places[row as usize]))
    }

    /// The instructions with uniform results, the rest of the function, and the rest of its chain rule. The last two
    /// are fused.
    fn row_instructions(&self, with_chain_rule: bool, uniform: impl Fn(usize) -> bool) -> [Vec<RowInstruction>; 3] {
        let mut row_uniform: Vec<bool> = (0..self.inputs + self.seeds).map(uniform).collect();
        // With a uniform seed, the first instructions of the chain rule may be uniform too.
        let shared_end = if row_uniform[self.inputs..].contains(&true) { self.code.len() } else { self.backward };
        row_uniform.resize(self.first_instruction(), true);
        let end = if with_chain_rule { self.code.len() } else { self.backward };
        let [mut shared, mut forward, mut backward] = [const { Vec::new() }; 3];
        let mut uses = vec![0; self.rows()];
        let results = self.outputs.iter().chain(&self.unknown).chain(self.grads.iter().filter(|_| with_chain_rule));
        results.for_each(|&row| uses[row as usize] += 1);
        for (i, &SsaInstruction { opcode, operands }) in self.code[..end].iter().enumerate() {
            let instruction = RowInstruction { opcode, operands, into: (self.first_instruction() + i) as u32 };
            operands[..opcode.arity()].iter().for_each(|&row| uses[row as usize] += 1);
            let is_shared = i < shared_end && operands.iter().all(|&row| row_uniform[row as usize]);
            row_uniform.push(is_shared);
            match (is_shared, i < self.backward) {
                (true, _) => shared.push(instruction),
                (false, true) => forward.push(instruction),
                (false, false) => backward.push(instruction),
            }
        }
        fuse(&mut forward, &uses);
        fuse(&mut backward, &uses);
        [shared, forward, backward]
    }

    /// The row of the first instruction's result.
    fn first_instruction(&self) -> usize {
        self.inputs + self.seeds + self.constants.len()
    }

    /// Lanes of a block: as many as keep its rows in the L1 cache.
    pub(crate) fn width(&self) -> usize {
        width(self.rows())
    }

    /// [`width`](Self::width) for runs without the chain rule.
    pub(crate) fn forward_width(&self) -> usize {
        let [_, forward, _] = self.row_instructions(false, |_| false);
        let mut rows: Vec<u32> =
            forward.iter().flat_map(|instruction| instruction.operands.into_iter().chain([instruction.into])).collect();
        rows.sort_unstable();
        rows.dedup();
        width(rows.len())
    }
}

fn width(rows: usize) -> usize {
    (CACHE_NUMBERS / rows.max(1) / LANE_GROUP * LANE_GROUP).clamp(2 * LANE_GROUP, MAX_BLOCK_LANES)
}

/// The rows of one trace's nodes in the merged program, as far as they have been emitted.
struct TraceRows {
    rows: Vec<Option<u32>>,
}

struct Builder<'t> {
    tree: &'t TraceTree,
    inputs: usize,
    seeds: usize,
    constants: Vec<f64>,
    code: Vec<SsaInstruction>,
    emitted: HashMap<SsaInstruction, u32>,
    paths: Vec<TraceRows>,
}

/// While a program is built, constants have rows numbered from here on.
const FIRST_CONSTANT: u32 = 1 << 30;
/// While a program is built, instructions have rows numbered from here on.
const FIRST_INSTRUCTION: u32 = 1 << 31;

impl<'t> Builder<'t> {
    fn new(tree: &'t TraceTree, inputs: usize) -> Self {
        let paths = tree.traces().iter().map(|trace| TraceRows { rows: vec![None; trace.nodes().len()] }).collect();
        let seeds = tree.traces()[0].outputs().len();
        Self { tree, inputs, seeds, constants: Vec::new(), code: Vec::new(), emitted: HashMap::new(), paths }
    }

    fn constant(&mut self, x: f64) -> u32 {
        let at = self.constants.iter().position(|known| known.to_bits() == x.to_bits());
        FIRST_CONSTANT
            + at.unwrap_or_else(|| {
                self.constants.push(x);
                self.constants.len() - 1
            }) as u32
    }

    fn constant_value(&self, row: u32) -> Option<f64> {
        (FIRST_CONSTANT..FIRST_INSTRUCTION).contains(&row).then(|| self.constants[(row - FIRST_CONSTANT) as usize])
    }

    /// Appends an instruction and returns its row. An equal instruction is not appended twice.
    fn emit(&mut self, opcode: Opcode, operands: &[u32]) -> u32 {
        let mut all = [operands[0]; MAX_OPERANDS];
        all[..operands.len()].copy_from_slice(operands);
        let instruction = SsaInstruction { opcode, operands: all };
        *self.emitted.entry(instruction).or_insert_with(|| {
            self.code.push(instruction);
            FIRST_INSTRUCTION + (self.code.len() - 1) as u32
        })
    }

    /// Appends a node of a trace after the nodes that it reads. Returns its row.
    fn node(&mut self, trace: usize, node: usize) -> u32 {
        let tree = self.tree;
        let nodes = tree.traces()[trace].nodes();
        // An explicit stack, so that long traces do not overflow the call stack.
        let mut pending = vec![node];
        while let Some(&next) = pending.last() {
            if self.paths[trace].rows[next].is_some() {
                pending.pop();
                continue;
            }
            let node = &nodes[next];
            let operands = node.operands[..node.op.arity()].iter().map(|id| id.index());
            let before = pending.len();
            pending.extend(operands.filter(|&operand| self.paths[trace].rows[operand].is_none()));
            if pending.len() > before {
                continue;
            }
            pending.pop();
            let operands = node.operands.map(|id| self.paths[trace].rows[id.index()].unwrap_or(0));
            let row = match node.op {
                Op::Input => next as u32,
                Op::Constant => self.constant(node.constant),
                Op::Pow if let Some(exponent) = self.constant_value(operands[1]).and_then(Exponent::of) => {
                    self.emit(Opcode::Power(exponent), &operands[..1])
                }
                op => self.emit(Opcode::Value(op), &operands[..op.arity()]),
            };
            self.paths[trace].rows[next] = Some(row);
        }
        self.paths[trace].rows[node].unwrap_or(0)
    }

    /// The rows of a trace's results.
    fn outputs(&mut self, trace: usize) -> Vec<u32> {
        let tree = self.tree;
        tree.traces()[trace].outputs().iter().map(|id| self.node(trace, id.index())).collect()
    }

    /// The rows of the gradients of a trace's inputs.
    fn grads(&mut self, index: usize) -> Vec<u32> {
        let tree = self.tree;
        let trace: &Trace = &tree.traces()[index];
        let mut grads: Vec<Option<u32>> = vec![None; trace.nodes().len()];
        for &(id, k, _) in trace.seeded() {
            let seed = (self.inputs + k) as u32;
            let sum = grads[id.index()].map_or(seed, |before| self.emit(Opcode::Value(Op::Add), &[before, seed]));
            grads[id.index()] = Some(sum);
        }
        for step in trace.chain() {
            let node = trace.node(step.node);
            let upstream = grads[step.node.index()].unwrap_or(0);
            let contribution = match (node.op, step.operand) {
                // The local derivative is 1, and a product with 1 is exact.
                (Op::Add, _) | (Op::Sub | Op::Rem, 0) => upstream,
                // Emitted as a product, so that the two contributions of a square are one instruction.
                (Op::Mul, operand) => {
                    let other = self.node(index, node.operands[1 - operand as usize].index());
                    self.emit(Opcode::Value(Op::Mul), &[upstream, other])
                }
                (op, operand) => {
                    let [a, b, c] = node.operands.map(|id| self.node(index, id.index()));
                    let y = self.node(index, step.node.index());
                    match self.constant_value(b).and_then(Exponent::of).filter(|_| op == Op::Pow) {
                        Some(exponent) if operand == 0 => self.emit(Opcode::PowerChain(exponent), &[a, upstream]),
                        _ => self.emit(Opcode::Chain(op, operand), &[a, b, c, y, upstream]),
                    }
                }
            };
            let into = &mut grads[step.into.index()];
            let before = *into;
            let sum = before.map_or(contribution, |before| self.emit(Opcode::Value(Op::Add), &[before, contribution]));
            grads[step.into.index()] = Some(sum);
        }
        let mut rows = Vec::with_capacity(self.inputs);
        for grad in grads.into_iter().take(self.inputs) {
            rows.push(grad.unwrap_or_else(|| self.constant(0.0)));
        }
        rows
    }

    /// The rows that `of` returns for each trace, selected by the forks that lead to it. `None` where no path is known.
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
                            if yes == no { yes } else { self.emit(Opcode::Select, &[mask, yes, no]) }
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
        (self.emit(Opcode::Compare(guard.compare), &[a, b]), fork)
    }

    /// The row that is 1 where no path is known, 0 elsewhere.
    fn unknown(&mut self, next: Next) -> u32 {
        match next {
            Next::Unknown => self.constant(1.0),
            Next::Trace(_) => self.constant(0.0),
            Next::Fork(index) => {
                let (mask, fork) = self.mask(index);
                let (yes, no) = (self.unknown(fork.when_true), self.unknown(fork.when_false));
                if yes == no { yes } else { self.emit(Opcode::Select, &[mask, yes, no]) }
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

        // The number of constants is final now, and it determines every row.
        let constants = (self.inputs + self.seeds) as u32;
        let first = constants + self.constants.len() as u32;
        let place = |row: &mut u32| {
            if *row >= FIRST_INSTRUCTION {
                *row = *row - FIRST_INSTRUCTION + first;
            } else if *row >= FIRST_CONSTANT {
                *row = *row - FIRST_CONSTANT + constants;
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
