//! Many calls of a function at once, and their chain rule.
//!
//! A pass owns the rows of numbers that a function's [`Program`] works on. Whoever asks writes the inputs into
//! their rows, runs the function, reads the results, writes ∂L/∂results, runs the chain rule and reads the
//! gradients; nothing is copied or computed twice. A pass is kept from step to step, so that none of this
//! allocates. Functions that cannot be merged into a program go call by call behind the same interface.

use crate::executor::{Memories, Steps};
use crate::function::{Call, Function};
use crate::program::{GROUP, Program, Split};
use crate::source::Diagnostic;
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

/// Groups after the calls in each row, where whoever writes or reads may go on to the end of a vector.
const ROOM: usize = 2;

/// How the last calls were carried out.
#[derive(Debug, Clone, Default)]
enum Made {
    #[default]
    Nothing,
    Program(Box<Running>),
    /// Each by itself, with its number; the results and the gradients have rows of their own.
    Singly(Vec<(usize, Call)>),
}

/// A program as it runs in a pass.
#[derive(Debug, Clone)]
struct Running {
    program: Arc<Program>,
    split: Split,
    /// Lanes of a block.
    width: usize,
    /// Whether what is the same in all calls still has to be computed.
    is_stale: bool,
    /// The inputs that lay elsewhere last and what takes their places, with the steps for that if it can be done.
    over: Option<(Vec<Option<usize>>, Option<Steps>)>,
}

impl Running {
    /// Computes what is the same in all calls, if an input of it has changed.
    #[inline]
    fn refresh(&mut self, inputs: usize, stride: usize, same: &[Option<f64>], rows: &mut [f64]) {
        if std::mem::take(&mut self.is_stale) {
            self.refresh_now(inputs, stride, same, rows);
        }
    }

    fn refresh_now(&mut self, inputs: usize, stride: usize, same: &[Option<f64>], rows: &mut [f64]) {
        for (input, same) in same.iter().enumerate() {
            if let (Some(x), true) = (same, input >= inputs || self.program.uses(input)) {
                rows[input * stride..][..stride].fill(*x);
            }
        }
        self.split.shared.run_once(rows);
    }
}

/// The numbers of an input, which lie with whoever asks.
#[derive(Debug)]
pub enum Over<'a> {
    /// They stay as they are.
    Read(&'a [f64]),
    /// The numbers of this result take their places.
    Replace(&'a mut [f64], usize),
}

impl Over<'_> {
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

/// Many calls of one function. Each row holds one number a call.
#[derive(Debug, Clone, Default)]
pub struct Pass {
    inputs: usize,
    outputs: usize,
    calls: usize,
    /// Of so many neighbouring calls the first ones are wanted.
    wanted: (usize, usize),
    /// Whether the chain rule is never asked for.
    is_one_way: bool,
    /// Numbers from the beginning of one row to the next.
    stride: usize,
    /// Row by row: inputs, seeds, and what the program computes.
    rows: Vec<f64>,
    /// The number that an input, then a seed, has in all calls, where it was set so; its row is filled when it is needed.
    same: Vec<Option<f64>>,
    made: Made,
}

impl Pass {
    /// Makes room for so many calls; what was in it is gone when their number is another.
    #[inline]
    pub fn fit(&mut self, function: &Function, calls: usize) {
        let shape = (function.inputs(), function.outputs(), calls);
        if shape == (self.inputs, self.outputs, self.calls) {
            return;
        }
        (self.inputs, self.outputs, self.calls) = shape;
        self.wanted = (calls, calls);
        let groups = calls.div_ceil(GROUP) + ROOM;
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
    #[inline]
    pub fn want(&mut self, first: usize, of: usize) {
        self.wanted = (first, of);
    }

    /// The chain rule is never asked for, so that less has to be kept for it; before these go forward.
    pub fn never_backward(&mut self) {
        self.is_one_way = true;
        self.made = Made::Nothing;
    }

    fn is_wanted(&self, call: usize) -> bool {
        call % self.wanted.1 < self.wanted.0
    }

    /// Number of calls.
    #[inline]
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Numbers from the beginning of one row of inputs or seeds to the next.
    #[inline]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// The row of an input that is not the same in all calls.
    #[inline]
    pub fn input(&self, input: usize) -> &[f64] {
        debug_assert!(self.same[input].is_none(), "an input that is the same has no row");
        &self.rows[input * self.stride..][..self.calls]
    }

    /// The row of an input, to be written.
    #[inline]
    pub fn input_mut(&mut self, input: usize) -> &mut [f64] {
        self.differ(input..input + 1);
        &mut self.rows[input * self.stride..][..self.calls]
    }

    /// The same with room after the last, which may be written as well.
    #[inline]
    pub fn input_with_room_mut(&mut self, input: usize) -> &mut [f64] {
        self.differ(input..input + 1);
        &mut self.rows[input * self.stride..][..self.stride]
    }

    /// All rows of inputs from the first to before `end`, [`stride`](Self::stride) apart.
    #[inline]
    pub fn inputs_mut(&mut self, end: usize) -> &mut [f64] {
        self.differ(0..end);
        &mut self.rows[..end * self.stride]
    }

    /// These inputs are no longer the same in all calls.
    #[inline]
    fn differ(&mut self, inputs: Range<usize>) {
        let same = &mut self.same[inputs];
        if same.iter().any(Option::is_some) {
            same.fill(None);
            self.made = Made::Nothing;
        }
    }

    /// Gives an input the same number in all calls.
    #[inline]
    pub fn set_input(&mut self, input: usize, x: f64) {
        let before = self.same[input].replace(x);
        match (&mut self.made, before) {
            (_, Some(before)) if before.to_bits() == x.to_bits() => {}
            (Made::Program(running), Some(_)) => {
                running.is_stale |= input >= self.inputs || running.program.uses(input);
            }
            // What does not change from call to call has changed.
            (Made::Program(_), None) => self.made = Made::Nothing,
            _ => {}
        }
    }

    /// All rows of ∂L/∂results, [`stride`](Self::stride) apart, to be written before the chain rule runs.
    #[inline]
    pub fn seeds_mut(&mut self) -> &mut [f64] {
        self.differ(self.inputs..self.inputs + self.outputs);
        &mut self.rows[self.inputs * self.stride..][..self.outputs * self.stride]
    }

    /// Gives ∂L/∂result k the same number in all calls; before these go forward.
    #[inline]
    pub fn set_seed(&mut self, k: usize, x: f64) {
        self.set_input(self.inputs + k, x);
    }

    /// Whether no call could take a path that is not known yet, so that [`forward`](Self::forward) cannot fail.
    #[inline]
    pub fn is_complete(&self) -> bool {
        matches!(&self.made, Made::Program(running) if running.program.is_complete())
    }

    /// Takes up what is known of the function, so that [`is_complete`](Self::is_complete) can be answered.
    pub fn prepare(&mut self, function: &RefCell<Function>) {
        if matches!(self.made, Made::Nothing)
            && let Some(program) = function.borrow_mut().program()
        {
            self.adopt(program);
        }
    }

    /// Runs a complete function on the inputs of the first calls, whichever thread this is.
    ///
    /// # Panics
    /// When not all paths are known, or there are not as many calls.
    pub fn forward_prepared(&mut self, calls: usize) {
        assert!(self.is_complete() && calls <= self.calls, "a pass that was prepared for as many calls");
        self.run(calls);
    }

    /// Runs the function on the inputs. The function is looked at only when a call takes a path that this pass does not
    /// know.
    #[inline]
    pub fn forward(&mut self, function: &RefCell<Function>) -> Result<(), Box<Diagnostic>> {
        if matches!(self.made, Made::Program(_)) && self.run(self.calls).is_none() {
            return Ok(());
        }
        let function = &mut *function.borrow_mut();
        if !function.runs_each_time() && function.traces().is_empty() {
            self.call(function, 0)?;
        }
        while let Some(program) = function.program() {
            self.adopt(program);
            match self.run(self.calls) {
                Some(call) => drop(self.call(function, call)?),
                None => return Ok(()),
            }
        }
        self.run_singly(function)
    }

    /// One of the calls.
    fn call(&self, function: &mut Function, i: usize) -> Result<Call, Box<Diagnostic>> {
        let inputs: Vec<f64> = (0..self.inputs).map(|input| self.number(input, i)).collect();
        function.call(&inputs)
    }

    /// An input or a seed of a call.
    fn number(&self, row: usize, call: usize) -> f64 {
        self.same[row].unwrap_or_else(|| self.rows[row * self.stride + call])
    }

    fn adopt(&mut self, program: Arc<Program>) {
        if matches!(&self.made, Made::Program(running) if Arc::ptr_eq(&running.program, &program)) {
            return;
        }
        self.rows.resize(program.rows() * self.stride, 0.0);
        for (row, x) in program.constants() {
            self.rows[row * self.stride..][..self.stride].fill(x);
        }
        let split = program.split(self.stride, !self.is_one_way, |row| self.same[row].is_some());
        let width = if self.is_one_way { program.forward_width() } else { program.width() };
        self.made = Made::Program(Box::new(Running { program, split, width, is_stale: true, over: None }));
    }

    /// Answers a call among the first ones whose path the program does not know.
    fn run(&mut self, calls: usize) -> Option<usize> {
        let Made::Program(running) = &mut self.made else { return None };
        running.refresh(self.inputs, self.stride, &self.same, &mut self.rows);
        let width = running.width;
        for_blocks(calls, width, |start, lanes| {
            running.split.forward.run(&mut self.rows, start, lanes);
        });
        let unknown = &self.rows[running.program.unknown()? * self.stride..][..calls];
        // Nearly always there is none, which is seen fastest by looking at all of them.
        let any = unknown.iter().fold(0, |any, mask| any | mask.to_bits());
        if any == 0 {
            return None;
        }
        (0..calls).find(|&call| unknown[call] != 0.0 && self.is_wanted(call))
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

    /// Result k of each call, with room after the last; what stands there has no meaning.
    #[inline]
    pub fn output_with_room(&self, k: usize) -> &[f64] {
        &self.rows[self.output_row(k)..][..self.stride]
    }

    /// Result k of each call.
    #[inline]
    pub fn output(&self, k: usize) -> &[f64] {
        &self.rows[self.output_row(k)..][..self.calls]
    }

    fn output_row(&self, k: usize) -> usize {
        let row = match &self.made {
            Made::Program(running) => running.program.output(k),
            _ => self.inputs + self.outputs + k,
        };
        row * self.stride
    }

    /// Runs a complete function, whose chain rule is never asked for, on as many calls as its first inputs have numbers,
    /// where these lie: the k-th has the numbers of input k, as many as each of the others. Answers for which calls that
    /// was done: all but a few at both ends, or none where room is needed that only the rows have.
    ///
    /// # Panics
    /// When not all paths are known, or the inputs do not have as many numbers as each other.
    pub fn forward_over(&mut self, inputs: &mut [Over<'_>]) -> Range<usize> {
        assert!(self.is_one_way, "a pass that never goes backward");
        let Made::Program(running) = &mut self.made else { return 0..0 };
        assert!(running.program.is_complete(), "a pass that was prepared");
        let count = inputs.first().map_or(0, |input| input.numbers().len());
        assert!(inputs.iter().all(|input| input.numbers().len() == count), "as many numbers for each input");
        running.refresh(self.inputs, self.stride, &self.same, &mut self.rows);
        let is_known =
            matches!(&running.over, Some((known, _)) if inputs.iter().map(Over::result).eq(known.iter().copied()));
        if !is_known {
            let results: Vec<Option<usize>> = inputs.iter().map(Over::result).collect();
            let elsewhere: Vec<_> = results.iter().copied().enumerate().collect();
            let is_same = |row: usize| self.same[row].is_some();
            let steps = running.program.forward_elsewhere(self.stride, is_same, &elsewhere);
            running.over = Some((results, steps));
        }
        let Some((_, Some(steps))) = &mut running.over else { return 0..0 };
        // A vector that lies in two lines of the cache takes longer to be read and written. Large memories begin alike, so
        // where one of them has a line's beginning, most have.
        let start = inputs.first().map_or(0, |input| input.numbers().as_ptr().align_offset(GROUP * size_of::<f64>()));
        let start = start.min(count);
        let end = start + (count - start) / GROUP * GROUP;
        let mut memories = Memories::new(&mut self.rows);
        for (k, input) in inputs.iter_mut().enumerate() {
            memories = match input {
                Over::Read(numbers) => memories.with_shared(k, &numbers[start..end]),
                Over::Replace(numbers, _) => memories.with(k, &mut numbers[start..end]),
            };
        }
        steps.run_over(&memories, end - start);
        start..end
    }

    /// Runs the chain rule of the calls that went forward last.
    ///
    /// # Panics
    /// When it was said that this is [never asked for](Self::never_backward).
    #[inline]
    pub fn backward(&mut self) {
        assert!(!self.is_one_way, "a pass that goes backward");
        match &mut self.made {
            Made::Nothing => {}
            Made::Program(running) => {
                let width = running.width;
                for_blocks(self.calls, width, |start, lanes| {
                    running.split.backward.run(&mut self.rows, start, lanes);
                });
            }
            Made::Singly(calls) => {
                let mut grads = Vec::new();
                for (i, call) in &*calls {
                    let (same, rows) = (&self.same, &self.rows);
                    let number = |row: usize| same[row].unwrap_or_else(|| rows[row * self.stride + i]);
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

    /// ∂L/∂input of each call, with room after the last; what stands there has no meaning.
    #[inline]
    pub fn grad_with_room(&self, input: usize) -> &[f64] {
        &self.rows[self.grad_row(input)..][..self.stride]
    }

    /// ∂L/∂input of each call.
    #[inline]
    pub fn grad(&self, input: usize) -> &[f64] {
        &self.rows[self.grad_row(input)..][..self.calls]
    }

    fn grad_row(&self, input: usize) -> usize {
        let row = match &self.made {
            Made::Program(running) => running.program.grad(input),
            _ => self.inputs + 2 * self.outputs + input,
        };
        row * self.stride
    }
}

/// Goes through calls block by block, each with where it begins and its lanes. Without a division, which would take
/// longer than a small block.
#[inline]
fn for_blocks(calls: usize, width: usize, mut run: impl FnMut(usize, usize)) {
    let mut start = 0;
    while start < calls {
        run(start, (calls - start).min(width).next_multiple_of(GROUP));
        start += width;
    }
}
