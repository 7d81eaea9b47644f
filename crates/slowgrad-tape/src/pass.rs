//! Many calls of a function at once, and their chain rule.
//!
//! A pass owns the rows of numbers that a function's [`Program`] works on. Whoever asks writes the inputs into
//! their rows, runs the function, reads the results, writes ∂L/∂results, runs the chain rule and reads the
//! gradients; nothing is copied or computed twice. A pass is kept from step to step, so that none of this
//! allocates. Functions that cannot be merged into a program go call by call behind the same interface.

use crate::function::{Call, Function};
use crate::program::{GROUP, Program};
use crate::source::Diagnostic;
use std::sync::Arc;

/// How the last calls were carried out.
#[derive(Debug, Clone, Default)]
enum Made {
    #[default]
    Nothing,
    Program(Arc<Program>),
    /// Each by itself, with its number; the results and the gradients have rows of their own.
    Singly(Vec<(usize, Call)>),
}

/// Many calls of one function. Each row holds one number a call.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    inputs: usize,
    outputs: usize,
    calls: usize,
    /// Of so many neighbouring calls the first ones are wanted.
    wanted: (usize, usize),
    /// Numbers from the beginning of one row to the next.
    stride: usize,
    /// Row by row: inputs, seeds, and what the program computes.
    rows: Vec<f64>,
    /// What the rows of inputs and seeds were filled with, when it was one number.
    same: Vec<Option<u64>>,
    made: Made,
}

impl Pass {
    /// Makes room for so many calls; what was in it is gone when their number is another.
    pub fn fit(&mut self, function: &Function, calls: usize) {
        let shape = (function.inputs(), function.outputs(), calls);
        if shape == (self.inputs, self.outputs, self.calls) {
            return;
        }
        (self.inputs, self.outputs, self.calls) = shape;
        self.wanted = (calls, calls);
        let groups = calls.div_ceil(GROUP);
        // An odd number of groups spreads long rows over all of the cache.
        self.stride = (if groups > 16 { groups | 1 } else { groups }) * GROUP;
        self.rows.clear();
        self.rows.resize((self.inputs + self.outputs) * self.stride, 0.0);
        self.same.clear();
        self.same.resize(self.inputs + self.outputs, None);
        self.made = Made::Nothing;
    }

    /// Of each `of` neighbouring calls only the first `first` are wanted; the others fill vectors. They are computed
    /// where that costs nothing, and the script never runs for them.
    pub fn want(&mut self, first: usize, of: usize) {
        self.wanted = (first, of);
    }

    fn is_wanted(&self, call: usize) -> bool {
        call % self.wanted.1 < self.wanted.0
    }

    /// Numbers from the beginning of one row of inputs or seeds to the next.
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The row of an input.
    pub fn input(&self, input: usize) -> &[f64] {
        &self.rows[input * self.stride..][..self.calls]
    }

    /// The row of an input, to be written.
    pub fn input_mut(&mut self, input: usize) -> &mut [f64] {
        self.same[input] = None;
        &mut self.rows[input * self.stride..][..self.calls]
    }

    /// All rows of inputs from the first to before `end`, [`stride`](Self::stride) apart.
    pub fn inputs_mut(&mut self, end: usize) -> &mut [f64] {
        self.same[..end].fill(None);
        &mut self.rows[..end * self.stride]
    }

    /// Gives an input the same number in all calls.
    pub fn set_input(&mut self, input: usize, x: f64) {
        let bits = Some(x.to_bits());
        if self.same[input] != bits {
            self.input_mut(input).fill(x);
            self.same[input] = bits;
        }
    }

    /// All rows of ∂L/∂results, [`stride`](Self::stride) apart, to be written before the chain rule runs.
    pub fn seeds_mut(&mut self) -> &mut [f64] {
        self.same[self.inputs..].fill(None);
        &mut self.rows[self.inputs * self.stride..][..self.outputs * self.stride]
    }

    /// Gives ∂L/∂result k the same number in all calls.
    pub fn set_seed(&mut self, k: usize, x: f64) {
        self.set_input(self.inputs + k, x);
    }

    /// Runs the function on the inputs.
    pub fn forward(&mut self, function: &mut Function) -> Result<(), Box<Diagnostic>> {
        if !function.runs_each_time() && function.traces().is_empty() {
            self.call(function, 0)?;
        }
        while let Some(program) = function.program() {
            match self.run(program) {
                Some(call) => drop(self.call(function, call)?),
                None => return Ok(()),
            }
        }
        self.run_singly(function)
    }

    /// One of the calls.
    fn call(&self, function: &mut Function, i: usize) -> Result<Call, Box<Diagnostic>> {
        let inputs: Vec<f64> = (0..self.inputs).map(|input| self.rows[input * self.stride + i]).collect();
        function.call(&inputs)
    }

    /// Answers a call whose path the program does not know.
    fn run(&mut self, program: Arc<Program>) -> Option<usize> {
        let program = match &self.made {
            Made::Program(known) if Arc::ptr_eq(known, &program) => known,
            _ => {
                self.rows.resize(program.rows() * self.stride, 0.0);
                for (row, x) in program.constants() {
                    self.rows[row * self.stride..][..self.stride].fill(x);
                }
                self.made = Made::Program(program);
                let Made::Program(program) = &self.made else { return None };
                program
            }
        };
        for start in (0..self.calls).step_by(program.width()) {
            let end = self.calls.min(start + program.width());
            program.forward(&mut self.rows, self.stride, start..end.next_multiple_of(GROUP));
            let Some(row) = program.unknown() else { continue };
            let unknown = &self.rows[row * self.stride..][..self.calls];
            if let Some(lost) = (start..end).find(|&call| unknown[call] != 0.0 && self.is_wanted(call)) {
                return Some(lost);
            }
        }
        None
    }

    fn run_singly(&mut self, function: &mut Function) -> Result<(), Box<Diagnostic>> {
        let mut calls = match std::mem::take(&mut self.made) {
            Made::Singly(calls) => calls,
            _ => Vec::new(),
        };
        calls.clear();
        self.rows.resize((2 * self.inputs + 2 * self.outputs) * self.stride, 0.0);
        for i in 0..self.calls {
            if !self.is_wanted(i) {
                continue;
            }
            let call = self.call(function, i)?;
            for k in 0..self.outputs {
                self.rows[(self.inputs + self.outputs + k) * self.stride + i] = call.output(k);
            }
            calls.push((i, call));
        }
        self.made = Made::Singly(calls);
        Ok(())
    }

    /// Result k of each call.
    pub fn output(&self, k: usize) -> &[f64] {
        let row = match &self.made {
            Made::Program(program) => program.output(k),
            _ => self.inputs + self.outputs + k,
        };
        &self.rows[row * self.stride..][..self.calls]
    }

    /// Runs the chain rule of the calls that went forward last.
    pub fn backward(&mut self) {
        match &self.made {
            Made::Nothing => {}
            Made::Program(program) => {
                for start in (0..self.calls).step_by(program.width()) {
                    let end = self.calls.min(start + program.width());
                    program.backward(&mut self.rows, self.stride, start..end.next_multiple_of(GROUP));
                }
            }
            Made::Singly(calls) => {
                let mut grads = Vec::new();
                for (i, call) in calls {
                    let seeds: Vec<f64> =
                        (0..self.outputs).map(|k| self.rows[(self.inputs + k) * self.stride + *i]).collect();
                    call.trace.backward(&call.values, &seeds, &mut grads);
                    let first = self.inputs + 2 * self.outputs;
                    for (row, grad) in (first..).zip(&grads[..self.inputs]) {
                        self.rows[row * self.stride + *i] = *grad;
                    }
                }
            }
        }
    }

    /// ∂L/∂input of each call.
    pub fn grad(&self, input: usize) -> &[f64] {
        let row = match &self.made {
            Made::Program(program) => program.grad(input),
            _ => self.inputs + 2 * self.outputs + input,
        };
        &self.rows[row * self.stride..][..self.calls]
    }
}
