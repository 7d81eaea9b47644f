//! Many calls of a function at once, and their chain rule.
//!
//! A pass owns the rows of numbers that a function's [`Program`] works on. Its caller writes the inputs into their
//! rows, runs the function, reads the results, writes ∂L/∂result, runs the chain rule and reads the gradients; nothing
//! is copied or computed twice. A pass is reused from step to step, so that it allocates nothing in the steady state.
//! Functions that cannot be merged into a program run call by call behind the same interface.

use crate::executor::{Buffers, Executable};
use crate::function::Function;
use crate::isa::LANE_GROUP;
use crate::program::{Program, SplitProgram};
use crate::source::Diagnostic;
use crate::trace::Call;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

/// Groups of padding after the calls in each row, so that callers may read and write whole vectors.
const PADDING_GROUPS: usize = 2;

/// How the last calls ran, and the numbers that the chain rule needs from them.
#[derive(Debug, Clone, Default)]
enum PassState {
    #[default]
    Empty,
    Program(Box<PreparedProgram>),
    /// Each call ran by itself; stored with its index. The results and the gradients have rows of their own.
    Calls(Vec<(usize, Call)>),
}

/// A program as prepared for a pass.
#[derive(Debug, Clone)]
struct PreparedProgram {
    program: Arc<Program>,
    split: SplitProgram,
    width: usize,
    /// Whether the uniform rows have to be recomputed.
    stale: bool,
    /// The results that replaced the caller's rows last, and the instructions for that; `None` if it is not possible.
    in_place: Option<(Vec<Option<usize>>, Option<Executable>)>,
}

impl PreparedProgram {
    /// Recomputes the uniform rows if an input of them has changed.
    #[inline]
    fn refresh(&mut self, inputs: usize, stride: usize, uniform: &[Option<f64>], rows: &mut [f64]) {
        if std::mem::take(&mut self.stale) {
            self.refresh_now(inputs, stride, uniform, rows);
        }
    }

    fn refresh_now(&mut self, inputs: usize, stride: usize, uniform: &[Option<f64>], rows: &mut [f64]) {
        for (input, number) in uniform.iter().enumerate() {
            if let (Some(x), true) = (number, input >= inputs || self.program.uses(input)) {
                rows[input * stride..][..stride].fill(*x);
            }
        }
        self.split.shared.run_uniform(rows);
    }
}

/// The values of an input, in a buffer of the caller. One number per call.
#[derive(Debug)]
pub enum CallerRow<'a> {
    /// The values are only read.
    Read(&'a [f64]),
    /// The values are overwritten with the result of this index.
    Replace(&'a mut [f64], usize),
}

impl CallerRow<'_> {
    fn numbers(&self) -> &[f64] {
        match self {
            Self::Read(numbers) => numbers,
            Self::Replace(numbers, _) => numbers,
        }
    }

    fn result(&self) -> Option<usize> {
        match self {
            Self::Read(_) => None,
            Self::Replace(_, result) => Some(*result),
        }
    }
}

/// Many calls of one function. Each row holds one number per call.
///
/// A value of an input or a seed is either *varying*, with a row that the caller writes, or *uniform*, one number for
/// all calls.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    inputs: usize,
    outputs: usize,
    calls: usize,
    /// (first, of): the first calls of each `of` neighbouring ones are active.
    active: (usize, usize),
    /// Whether the chain rule never runs.
    forward_only: bool,
    /// Numbers from the start of one row to the next.
    stride: usize,
    /// Row by row: inputs, seeds, then what the program computes.
    rows: Vec<f64>,
    /// The number of each uniform input, then of each uniform seed; its row is filled on demand. `None` for varying
    /// ones.
    uniform: Vec<Option<f64>>,
    state: PassState,
}

impl Pass {
    /// Resizes for `calls` calls of a function. If any size changes, all stored numbers are lost.
    #[inline]
    pub fn fit(&mut self, function: &Function, calls: usize) {
        let shape = (function.inputs(), function.outputs(), calls);
        if shape == (self.inputs, self.outputs, self.calls) {
            return;
        }
        (self.inputs, self.outputs, self.calls) = shape;
        self.active = (calls, calls);
        let groups = calls.div_ceil(LANE_GROUP) + PADDING_GROUPS;
        // An odd number of groups spreads long rows over all sets of the cache.
        self.stride = (if groups > 16 { groups | 1 } else { groups }) * LANE_GROUP;
        self.rows.clear();
        self.rows.resize((self.inputs + self.outputs) * self.stride, 0.0);
        self.uniform.clear();
        self.uniform.resize(self.inputs + self.outputs, None);
        self.state = PassState::Empty;
    }

    /// Of each `of` neighbouring calls, only the first `first` are active; the others pad vectors. Padding calls are
    /// computed where that costs nothing, and never make the script run.
    #[inline]
    pub fn set_active(&mut self, first: usize, of: usize) {
        self.active = (first, of);
    }

    /// Declares that the chain rule will never run, so that fewer intermediate rows are stored. Call it before the
    /// first [`forward`](Self::forward).
    pub fn set_forward_only(&mut self) {
        self.forward_only = true;
        self.state = PassState::Empty;
    }

    fn is_active(&self, call: usize) -> bool {
        call % self.active.1 < self.active.0
    }

    /// Number of calls.
    #[inline]
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Numbers from the start of one row of inputs or seeds to the next.
    #[inline]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The row of a varying input, one number per call.
    #[inline]
    pub fn input(&self, input: usize) -> &[f64] {
        debug_assert!(self.uniform[input].is_none(), "a uniform input has no row");
        &self.rows[input * self.stride..][..self.calls]
    }

    /// The row of an input, for writing; makes the input varying.
    #[inline]
    pub fn input_mut(&mut self, input: usize) -> &mut [f64] {
        self.make_varying(input..input + 1);
        &mut self.rows[input * self.stride..][..self.calls]
    }

    /// [`input_mut`](Self::input_mut) with the padding after the last call, which may be written too.
    #[inline]
    pub fn input_padded_mut(&mut self, input: usize) -> &mut [f64] {
        self.make_varying(input..input + 1);
        &mut self.rows[input * self.stride..][..self.stride]
    }

    /// The rows of the inputs before `end`, [`stride`](Self::stride) apart, for writing; makes these inputs varying.
    #[inline]
    pub fn inputs_mut(&mut self, end: usize) -> &mut [f64] {
        self.make_varying(0..end);
        &mut self.rows[..end * self.stride]
    }

    /// Makes these inputs and seeds varying.
    #[inline]
    fn make_varying(&mut self, inputs: Range<usize>) {
        let uniform = &mut self.uniform[inputs];
        if uniform.iter().any(Option::is_some) {
            uniform.fill(None);
            self.state = PassState::Empty;
        }
    }

    /// Makes an input uniform, with this number in all calls.
    #[inline]
    pub fn set_input(&mut self, input: usize, x: f64) {
        let before = self.uniform[input].replace(x);
        match (&mut self.state, before) {
            (_, Some(before)) if before.to_bits() == x.to_bits() => {}
            (PassState::Program(prepared), Some(_)) => {
                prepared.stale |= input >= self.inputs || prepared.program.uses(input);
            }
            // The set of uniform inputs has changed, so the program has to be split again.
            (PassState::Program(_), None) => self.state = PassState::Empty,
            _ => {}
        }
    }

    /// The rows of ∂L/∂result, [`stride`](Self::stride) apart, for writing before the chain rule runs; makes them
    /// varying.
    #[inline]
    pub fn seeds_mut(&mut self) -> &mut [f64] {
        self.make_varying(self.inputs..self.inputs + self.outputs);
        &mut self.rows[self.inputs * self.stride..][..self.outputs * self.stride]
    }

    /// Makes ∂L/∂result k uniform, with this number in all calls. Call it before [`forward`](Self::forward).
    #[inline]
    pub fn set_seed(&mut self, k: usize, x: f64) {
        self.set_input(self.inputs + k, x);
    }

    /// Whether every path is known, so that [`forward`](Self::forward) cannot fail.
    #[inline]
    pub fn is_complete(&self) -> bool {
        matches!(&self.state, PassState::Program(prepared) if prepared.program.is_complete())
    }

    /// Binds the program of the paths known so far, if there is none yet, so that [`is_complete`](Self::is_complete)
    /// is up to date.
    pub fn prepare(&mut self, function: &RefCell<Function>) {
        if matches!(self.state, PassState::Empty)
            && let Some(program) = function.borrow_mut().program()
        {
            self.bind(program);
        }
    }

    /// Runs the first `calls` calls of a complete function. Unlike [`forward`](Self::forward) it needs no access to the
    /// function, so it can run on any thread.
    ///
    /// # Panics
    /// When not all paths are known, or the pass has fewer calls.
    pub fn forward_prepared(&mut self, calls: usize) {
        assert!(self.is_complete() && calls <= self.calls, "a complete pass with room for the calls");
        self.run(calls);
    }

    /// Runs the function on the inputs. The function itself is used only when a call takes a path that this pass does
    /// not know.
    ///
    /// # Errors
    /// The tracer's diagnostic when the script fails for one of the calls.
    ///
    /// # Panics
    /// When the function is already borrowed.
    #[inline]
    pub fn forward(&mut self, function: &RefCell<Function>) -> Result<(), Box<Diagnostic>> {
        if matches!(self.state, PassState::Program(_)) && self.run(self.calls).is_none() {
            return Ok(());
        }
        let function = &mut *function.borrow_mut();
        if !function.runs_each_time() && function.traces().is_empty() {
            self.call(function, 0)?;
        }
        while let Some(program) = function.program() {
            self.bind(program);
            match self.run(self.calls) {
                Some(call) => drop(self.call(function, call)?),
                None => return Ok(()),
            }
        }
        self.run_calls(function)
    }

    fn call(&self, function: &mut Function, i: usize) -> Result<Call, Box<Diagnostic>> {
        let inputs: Vec<f64> = (0..self.inputs).map(|input| self.number(input, i)).collect();
        function.call(&inputs)
    }

    /// An input or a seed of a call.
    fn number(&self, row: usize, call: usize) -> f64 {
        self.uniform[row].unwrap_or_else(|| self.rows[row * self.stride + call])
    }

    fn bind(&mut self, program: Arc<Program>) {
        if matches!(&self.state, PassState::Program(prepared) if Arc::ptr_eq(&prepared.program, &program)) {
            return;
        }
        self.rows.resize(program.rows() * self.stride, 0.0);
        for (row, x) in program.constants() {
            self.rows[row * self.stride..][..self.stride].fill(x);
        }
        let split = program.split(self.stride, !self.forward_only, |row| self.uniform[row].is_some());
        let width = if self.forward_only { program.forward_width() } else { program.width() };
        self.state =
            PassState::Program(Box::new(PreparedProgram { program, split, width, stale: true, in_place: None }));
    }

    /// Runs the program. Returns an active call among the first `calls` whose path it does not know, if there is one.
    fn run(&mut self, calls: usize) -> Option<usize> {
        let PassState::Program(prepared) = &mut self.state else { return None };
        prepared.refresh(self.inputs, self.stride, &self.uniform, &mut self.rows);
        let width = prepared.width;
        for_blocks(calls, width, |start, lanes| {
            prepared.split.forward.run(&mut self.rows, start, lanes);
        });
        let unknown = &self.rows[prepared.program.unknown()? * self.stride..][..calls];
        // Nearly always none is set, and testing all masks at once is the fastest way to find out.
        let any = unknown.iter().fold(0, |any, mask| any | mask.to_bits());
        if any == 0 {
            return None;
        }
        (0..calls).find(|&call| unknown[call] != 0.0 && self.is_active(call))
    }

    fn run_calls(&mut self, function: &mut Function) -> Result<(), Box<Diagnostic>> {
        let mut calls = match std::mem::take(&mut self.state) {
            PassState::Calls(calls) => calls,
            _ => Vec::new(),
        };
        calls.clear();
        self.rows.resize((2 * self.inputs + 2 * self.outputs) * self.stride, 0.0);
        for i in 0..self.calls {
            if !self.is_active(i) {
                continue;
            }
            let call = self.call(function, i)?;
            for k in 0..self.outputs {
                self.rows[(self.inputs + self.outputs + k) * self.stride + i] = call.output(k);
            }
            calls.push((i, call));
        }
        self.state = PassState::Calls(calls);
        Ok(())
    }

    /// [`output`](Self::output) with the padding after the last call, which has no meaning.
    #[inline]
    pub fn output_padded(&self, k: usize) -> &[f64] {
        &self.rows[self.output_row(k)..][..self.stride]
    }

    /// Result k of each call.
    #[inline]
    pub fn output(&self, k: usize) -> &[f64] {
        &self.rows[self.output_row(k)..][..self.calls]
    }

    fn output_row(&self, k: usize) -> usize {
        let row = match &self.state {
            PassState::Program(prepared) => prepared.program.output(k),
            _ => self.inputs + self.outputs + k,
        };
        row * self.stride
    }

    /// Runs a complete function in place, on rows in the caller's buffers: `inputs[k]` holds input k, one number per
    /// call; inputs after these must be uniform.
    ///
    /// Returns the range of calls that ran: all but a few at both ends, or none if a temporary copy would be needed.
    /// The caller runs the others through rows.
    ///
    /// # Panics
    /// When the pass is not [forward only](Self::set_forward_only), when not all paths are known, or when the inputs
    /// differ in length.
    pub fn forward_in_place(&mut self, inputs: &mut [CallerRow<'_>]) -> Range<usize> {
        assert!(self.forward_only, "a forward-only pass");
        let PassState::Program(prepared) = &mut self.state else { return 0..0 };
        assert!(prepared.program.is_complete(), "a complete pass");
        let count = inputs.first().map_or(0, |input| input.numbers().len());
        assert!(inputs.iter().all(|input| input.numbers().len() == count), "inputs of one length");
        prepared.refresh(self.inputs, self.stride, &self.uniform, &mut self.rows);
        let unchanged = matches!(&prepared.in_place, Some((results, _)) if inputs.iter().map(CallerRow::result).eq(results.iter().copied()));
        if !unchanged {
            let results: Vec<Option<usize>> = inputs.iter().map(CallerRow::result).collect();
            let in_place: Vec<_> = results.iter().copied().enumerate().collect();
            let uniform = |row: usize| self.uniform[row].is_some();
            let executable = prepared.program.forward_in_place(self.stride, uniform, &in_place);
            prepared.in_place = Some((results, executable));
        }
        let Some((_, Some(executable))) = &mut prepared.in_place else { return 0..0 };
        // A vector that crosses a cache line takes longer to load and store. Large allocations share their alignment,
        // so the first buffer's alignment is a good guess for all.
        let start =
            inputs.first().map_or(0, |input| input.numbers().as_ptr().align_offset(LANE_GROUP * size_of::<f64>()));
        let start = start.min(count);
        let end = start + (count - start) / LANE_GROUP * LANE_GROUP;
        let mut buffers = Buffers::new(&mut self.rows);
        for (k, input) in inputs.iter_mut().enumerate() {
            buffers = match input {
                CallerRow::Read(numbers) => buffers.with_read_only(k, &numbers[start..end]),
                CallerRow::Replace(numbers, _) => buffers.with_writable(k, &mut numbers[start..end]),
            };
        }
        executable.run_in_place(&buffers, end - start);
        start..end
    }

    /// Runs the chain rule of the calls that ran last: fills the gradients from the seeds.
    ///
    /// # Panics
    /// When the pass is [forward only](Self::set_forward_only).
    #[inline]
    pub fn backward(&mut self) {
        assert!(!self.forward_only, "a pass with a chain rule");
        match &mut self.state {
            PassState::Empty => {}
            PassState::Program(prepared) => {
                let width = prepared.width;
                for_blocks(self.calls, width, |start, lanes| {
                    prepared.split.backward.run(&mut self.rows, start, lanes);
                });
            }
            PassState::Calls(calls) => {
                let mut grads = Vec::new();
                for (i, call) in &*calls {
                    let (uniform, rows) = (&self.uniform, &self.rows);
                    let number = |row: usize| uniform[row].unwrap_or_else(|| rows[row * self.stride + i]);
                    let seeds: Vec<f64> = (self.inputs..self.inputs + self.outputs).map(number).collect();
                    call.trace.backward(&call.values, &seeds, &mut grads);
                    let first = self.inputs + 2 * self.outputs;
                    for (row, grad) in (first..).zip(&grads[..self.inputs]) {
                        self.rows[row * self.stride + *i] = *grad;
                    }
                }
            }
        }
    }

    /// [`grad`](Self::grad) with the padding after the last call, which has no meaning.
    #[inline]
    pub fn grad_padded(&self, input: usize) -> &[f64] {
        &self.rows[self.grad_row(input)..][..self.stride]
    }

    /// ∂L/∂input of each call.
    #[inline]
    pub fn grad(&self, input: usize) -> &[f64] {
        &self.rows[self.grad_row(input)..][..self.calls]
    }

    fn grad_row(&self, input: usize) -> usize {
        let row = match &self.state {
            PassState::Program(prepared) => prepared.program.grad(input),
            _ => self.inputs + 2 * self.outputs + input,
        };
        row * self.stride
    }
}

/// Calls `run` with the start and the number of lanes of each block of `width` lanes. Avoids a division, which would
/// take longer than a small block.
#[inline]
fn for_blocks(calls: usize, width: usize, mut run: impl FnMut(usize, usize)) {
    let mut start = 0;
    while start < calls {
        run(start, (calls - start).min(width).next_multiple_of(LANE_GROUP));
        start += width;
    }
}
