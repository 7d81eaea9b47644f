//! All traces of one function met so far, found again by the answers to their comparisons.
//!
//! A function is deterministic, so two of its traces are the same up to the first comparison that
//! answered differently. That comparison is a fork of the tree; what was computed before it serves both sides.

use crate::trace::Trace;
use std::sync::Arc;

/// What comes after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nobody has been there yet.
    Unknown,
    /// The next question.
    Fork(usize),
    /// The path is this one.
    Trace(usize),
}

/// A question at which paths part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fork {
    /// A trace that passes this fork; the question is its guard `guard`.
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
    /// The traces in the order in which they were met.
    pub fn traces(&self) -> &[Arc<Trace>] {
        &self.traces
    }

    /// Where every path begins.
    pub(crate) fn root(&self) -> Next {
        self.root
    }

    /// A fork by its index.
    pub(crate) fn fork(&self, index: usize) -> Fork {
        self.forks[index]
    }

    /// Finds the trace that is right for these inputs and computes all its nodes into `values`.
    ///
    /// Answers `None` when the function has not yet taken this path.
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
                    let answer = guard.compare.holds(values[guard.a.index()], values[guard.b.index()]);
                    next = if answer { fork.when_true } else { fork.when_false };
                }
            }
        }
    }

    /// Adds a trace and returns its index; one that is already there is not added twice.
    pub fn insert(&mut self, trace: Arc<Trace>) -> usize {
        let new = self.traces.len();
        let answers: Vec<bool> = trace.guards().iter().map(|guard| guard.answer).collect();
        // Walk the forks that exist, then hang a chain of new ones under the first unknown branch.
        let mut parent: Option<(usize, bool)> = None;
        let mut next = self.root;
        let mut depth = 0;
        loop {
            match next {
                Next::Fork(index) => {
                    let answer = answers.get(depth).copied().unwrap_or(false);
                    parent = Some((index, answer));
                    next = if answer { self.forks[index].when_true } else { self.forks[index].when_false };
                    depth += 1;
                }
                Next::Trace(index) => return index,
                Next::Unknown => break,
            }
        }
        self.traces.push(trace);
        for (guard, &answer) in answers.iter().enumerate().skip(depth) {
            let fork = self.forks.len();
            self.forks.push(Fork { trace: new, guard, when_false: Next::Unknown, when_true: Next::Unknown });
            self.attach(parent, Next::Fork(fork));
            parent = Some((fork, answer));
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
