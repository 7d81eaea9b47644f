//! All recorded traces of one function, found by the results of their comparisons.
//!
//! A function is deterministic, so two of its traces agree up to the first comparison with different results. That
//! comparison is a fork of the tree; values computed before it serve both branches.

use crate::trace::Trace;
use std::sync::Arc;

/// The continuation after a comparison's result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Not recorded yet.
    Unknown,
    /// Another comparison.
    Fork(usize),
    /// No further comparison: this trace.
    Trace(usize),
}

/// A comparison at which traces diverge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fork {
    /// A trace that contains the comparison, as its guard with index `guard`.
    pub(crate) trace: usize,
    pub(crate) guard: usize,
    pub(crate) when_false: Next,
    pub(crate) when_true: Next,
}

/// The tree of traces.
#[derive(Debug, Clone)]
pub struct TraceTree {
    traces: Vec<Arc<Trace>>,
    forks: Vec<Fork>,
    root: Next,
}

impl Default for TraceTree {
    fn default() -> Self {
        Self { traces: Vec::new(), forks: Vec::new(), root: Next::Unknown }
    }
}

impl TraceTree {
    /// The traces in the order in which they were recorded.
    pub fn traces(&self) -> &[Arc<Trace>] {
        &self.traces
    }

    /// The start of every path.
    pub(crate) fn root(&self) -> Next {
        self.root
    }

    /// A fork by its index.
    pub(crate) fn fork(&self, index: usize) -> Fork {
        self.forks[index]
    }

    /// Finds the trace that is valid for these inputs (one number each), computes the value of each of its nodes into
    /// `values`, and returns its index. `None` when this path has not been recorded.
    pub fn select(&self, inputs: &[f64], values: &mut Vec<f64>) -> Option<usize> {
        values.clear();
        let mut next = self.root;
        loop {
            match next {
                Next::Unknown => return None,
                Next::Trace(index) => {
                    let trace = &self.traces[index];
                    trace.compute(inputs, values, values.len(), trace.nodes().len());
                    return Some(index);
                }
                Next::Fork(index) => {
                    let fork = &self.forks[index];
                    let trace = &self.traces[fork.trace];
                    let guard = &trace.guards()[fork.guard];
                    trace.compute(inputs, values, values.len(), guard.after as usize);
                    let result = guard.compare.holds(values[guard.a.index()], values[guard.b.index()]);
                    next = if result { fork.when_true } else { fork.when_false };
                }
            }
        }
    }

    /// Adds a trace unless it is already stored. Returns its index.
    pub fn insert(&mut self, trace: Arc<Trace>) -> usize {
        let new = self.traces.len();
        let results: Vec<bool> = trace.guards().iter().map(|guard| guard.result).collect();
        // Follows the existing forks, then adds a chain of new ones at the first unknown branch.
        let mut parent: Option<(usize, bool)> = None;
        let mut next = self.root;
        let mut depth = 0;
        loop {
            match next {
                Next::Fork(index) => {
                    let result = results.get(depth).copied().unwrap_or(false);
                    parent = Some((index, result));
                    next = if result { self.forks[index].when_true } else { self.forks[index].when_false };
                    depth += 1;
                }
                Next::Trace(index) => return index,
                Next::Unknown => break,
            }
        }
        self.traces.push(trace);
        for (guard, &result) in results.iter().enumerate().skip(depth) {
            let fork = self.forks.len();
            self.forks.push(Fork { trace: new, guard, when_false: Next::Unknown, when_true: Next::Unknown });
            self.attach(parent, Next::Fork(fork));
            parent = Some((fork, result));
        }
        self.attach(parent, Next::Trace(new));
        new
    }

    fn attach(&mut self, parent: Option<(usize, bool)>, next: Next) {
        match parent {
            None => self.root = next,
            Some((fork, true)) => self.forks[fork].when_true = next,
            Some((fork, false)) => self.forks[fork].when_false = next,
        }
    }
}
