//! One trace over a block of inputs at once.
//!
//! Values lie as rows of lanes, one row a node. Each lane goes through the same rounded operations as a
//! single evaluation would, so the bits are the same; only the interpreter's work is shared by the block.

use crate::dispatch;
use crate::op::Op;
use crate::trace::Trace;

/// Number of inputs that a block holds at most.
pub const LANES: usize = 64;

/// The rows of a block: `values` and `grads` of every node, each row [`LANES`] long.
#[derive(Debug, Clone, Default)]
pub(crate) struct Block {
    values: Vec<f64>,
    grads: Vec<f64>,
}

impl Block {
    /// Makes room for a trace's rows. What the rows held before is meaningless.
    pub(crate) fn fit(&mut self, trace: &Trace) {
        let len = trace.nodes().len() * LANES;
        if self.values.len() < len {
            self.values.resize(len, 0.0);
            self.grads.resize(len, 0.0);
        }
    }

    pub(crate) fn value(&self, node: usize) -> &[f64] {
        &self.values[node * LANES..(node + 1) * LANES]
    }

    pub(crate) fn value_mut(&mut self, node: usize) -> &mut [f64] {
        &mut self.values[node * LANES..(node + 1) * LANES]
    }

    pub(crate) fn grad(&self, node: usize) -> &[f64] {
        &self.grads[node * LANES..(node + 1) * LANES]
    }

    /// Computes all nodes; the rows of the inputs are already in place.
    pub(crate) fn forward(&mut self, trace: &Trace, lanes: usize) {
        forward(trace, lanes, &mut self.values);
    }

    /// Runs the chain rule; `seeds[k]` is the row of `∂L/∂outputs[k]`.
    pub(crate) fn backward(&mut self, trace: &Trace, lanes: usize, seeds: &[[f64; LANES]]) {
        backward(trace, lanes, seeds, &self.values, &mut self.grads);
    }
}

dispatch!(fn forward(trace: &Trace, lanes: usize, values: &mut [f64]) = forward_body);
dispatch!(fn backward(trace: &Trace, lanes: usize, seeds: &[[f64; LANES]], values: &[f64], grads: &mut [f64]) = backward_body);

#[inline(always)]
fn row(rows: &[f64], node: usize, lanes: usize) -> &[f64] {
    &rows[node * LANES..][..lanes]
}

#[inline(always)]
fn forward_body(trace: &Trace, lanes: usize, values: &mut [f64]) {
    for (i, node) in trace.nodes().iter().enumerate() {
        let (before, rest) = values.split_at_mut(i * LANES);
        let result = &mut rest[..lanes];
        match node.op {
            Op::Input => {}
            Op::Constant => result.fill(node.constant),
            op => {
                let [a, b, c] = node.operands.map(|id| row(before, id.index(), lanes));
                op.value_lanes(a, b, c, result);
            }
        }
    }
}

#[inline(always)]
fn backward_body(trace: &Trace, lanes: usize, seeds: &[[f64; LANES]], values: &[f64], grads: &mut [f64]) {
    for input in 0..trace.inputs() {
        grads[input * LANES..][..lanes].fill(0.0);
    }
    for &(id, k, first) in trace.seeded() {
        let into = &mut grads[id.index() * LANES..][..lanes];
        let seed = &seeds[k][..lanes];
        if first {
            into.copy_from_slice(seed);
        } else {
            for (g, s) in into.iter_mut().zip(seed) {
                *g += s;
            }
        }
    }
    let mut local = [0.0; LANES];
    for step in trace.chain() {
        let node = trace.node(step.node);
        let [a, b, c] = node.operands.map(|id| row(values, id.index(), lanes));
        let y = row(values, step.node.index(), lanes);
        let local = &mut local[..lanes];
        node.op.derivative_lanes(step.operand as usize, a, b, c, y, local);
        // An operand stands before its operation.
        let (before, from) = grads.split_at_mut(step.node.index() * LANES);
        let upstream = &from[..lanes];
        let into = &mut before[step.into.index() * LANES..][..lanes];
        if step.first {
            for i in 0..lanes {
                into[i] = upstream[i] * local[i];
            }
        } else {
            for i in 0..lanes {
                into[i] += upstream[i] * local[i];
            }
        }
    }
}
