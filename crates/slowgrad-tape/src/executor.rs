//! How the instructions of a program run on rows of numbers.
//!
//! Rows lie in the memory of a pass, or with whoever asked. What is seen to here is that each row is there, and borrowed,
//! for as long as a loop goes through it. This module must not know what the numbers mean, or how the instructions were
//! found.

use crate::fuse::{First, Then};
use crate::isa;
use crate::kernels::Loops;
use crate::op::Op;
use crate::program::GROUP;
use crate::trace::Compare;
use std::marker::PhantomData;

/// What an instruction does with its operands' rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Code {
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
    /// The first on a and b, then another on what comes of it, then perhaps a third, each with the next operands; the
    /// last of them may have a product for its operand.
    Joined(First, Then, Then),
}

impl Code {
    /// Number of operands.
    pub(crate) fn arity(self) -> usize {
        match self {
            Code::Value(op) => op.arity(),
            Code::Power(_) => 1,
            Code::PowerChain(_) | Code::Compare(_) => 2,
            Code::Select => 3,
            Code::Joined(_, then, last) => 2 + then.rows() + last.rows(),
            Code::Chain(..) => 5,
        }
    }

    /// Whether the result may take an operand's place.
    pub(crate) fn goes_by_group(self) -> bool {
        matches!(self, Code::Joined(..)) || First::new(self).is_some()
    }
}

/// Exponents whose powers have a short definition (see [`crate::math::pow`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Exponent {
    Two,
    Three,
    Half,
    MinusOne,
}

impl Exponent {
    pub(crate) fn of(x: f64) -> Option<Self> {
        [(2.0, Self::Two), (3.0, Self::Three), (0.5, Self::Half), (-1.0, Self::MinusOne)]
            .into_iter()
            .find_map(|(value, exponent)| (value == x).then_some(exponent))
    }
}

/// Operands that an instruction has at most.
pub(crate) const OPERANDS: usize = 5;

/// One instruction, with the rows of its operands (those that are not used repeat others) and of its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) code: Code,
    pub(crate) operands: [u32; OPERANDS],
    pub(crate) into: u32,
}

impl Step {
    pub(crate) fn reads(&self, row: u32) -> bool {
        self.operands[..self.code.arity()].contains(&row)
    }
}

/// Memories in which rows may lie: that of the pass, and those of whoever asked.
pub(crate) const MEMORIES: usize = 8;

/// Lanes that go through all steps at once where rows lie elsewhere: so few that the processor begins with one step while
/// it waits for what another one divides or reads.
const LANES: usize = 64;

/// Where a row begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which memory.
    memory: usize,
    /// Numbers before it.
    at: usize,
}

impl Place {
    /// In the memory of the pass.
    pub(crate) fn own(at: usize) -> Self {
        Self { memory: 0, at }
    }

    /// The row that is the k-th of the other memories.
    pub(crate) fn elsewhere(k: usize) -> Self {
        assert!(k + 1 < MEMORIES, "a memory for each row that lies elsewhere");
        Self { memory: k + 1, at: 0 }
    }
}

/// A step with the places of its rows, in bytes from the first of the pass's own numbers; they wrap around for those that
/// lie elsewhere.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    loops: Loops,
    pub(crate) code: Code,
    /// Those of the operands, then that of the result.
    pub(crate) places: [usize; OPERANDS + 1],
}

/// A row that does not lie in the pass's own memory.
#[derive(Debug, Clone, Copy)]
struct Elsewhere {
    step: usize,
    /// Which of its places.
    place: usize,
    memory: usize,
}

/// Steps that are ready to run. None writes where it reads, except those that [go by group](Code::goes_by_group), and own
/// rows begin at multiples of the stride, so that rows are the same or have nothing in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps {
    placed: Vec<Placed>,
    /// Numbers from one own row to the next, whole groups of them.
    stride: usize,
    /// Numbers that the pass's own memory must have.
    reach: usize,
    elsewhere: Vec<Elsewhere>,
}

impl Steps {
    /// Gives steps the places of their rows, of which the own ones are `stride` apart.
    ///
    /// # Panics
    /// When a step would write where it reads and does not go by group.
    pub(crate) fn new(steps: &[Step], stride: usize, place: impl Fn(u32) -> Place) -> Self {
        let mut made = Self { stride, ..Self::default() };
        for (step, &Step { code, operands, into }) in steps.iter().enumerate() {
            assert!(code.goes_by_group() || !operands.contains(&into), "a step that writes where it reads");
            let [a, b, c, d, e] = operands;
            let places = [a, b, c, d, e, into].map(&place);
            for (place, &Place { memory, at }) in places.iter().enumerate() {
                if memory == 0 {
                    assert!(at.is_multiple_of(stride), "rows that lie side by side");
                    made.reach = made.reach.max(at + stride);
                } else {
                    made.elsewhere.push(Elsewhere { step, place, memory });
                }
            }
            let places = places.map(|place| place.at * size_of::<f64>());
            made.placed.push(Placed { loops: Loops::of(code), code, places });
        }
        made
    }

    /// Runs steps of which all rows lie in the pass's own memory on some neighbouring lanes, in whole groups.
    ///
    /// # Panics
    /// When the memory is too short, or a row lies elsewhere.
    #[inline]
    pub(crate) fn run(&self, own: &mut [f64], lane: usize, lanes: usize) {
        assert!(
            lane + lanes <= self.stride && own.len() >= self.reach && self.elsewhere.is_empty(),
            "a memory that fits the steps"
        );
        execute(&self.placed, own[lane..].as_mut_ptr().expose_provenance(), lanes);
    }

    /// Runs the steps on so many lanes, in whole groups, some after the others, with the same own rows for all of these.
    ///
    /// # Panics
    /// When a memory is too short, or one that may only be read would be written.
    pub(crate) fn run_over(&mut self, memories: &Memories<'_>, lanes: usize) {
        let width = self.stride.min(LANES);
        assert!(memories.lengths[0] >= self.reach, "an own memory that fits the steps");
        let own = memories.bases[0].expose_provenance();
        for &Elsewhere { step, place, memory } in &self.elsewhere {
            assert!(
                memories.lengths[memory] >= lanes && (memories.may_write[memory] || place < OPERANDS),
                "another memory that fits the steps"
            );
            self.placed[step].places[place] = memories.bases[memory].expose_provenance().wrapping_sub(own);
        }
        for start in (0..lanes).step_by(width) {
            execute(&self.placed, own, width.min(lanes - start));
            for &Elsewhere { step, place, .. } in &self.elsewhere {
                let place = &mut self.placed[step].places[place];
                *place = place.wrapping_add(width * size_of::<f64>());
            }
        }
    }

    /// Computes what is the same in all calls of a pass, whose memory this is.
    pub(crate) fn run_once(&self, rows: &mut [f64]) {
        self.run(rows, 0, GROUP);
        for placed in &self.placed {
            let row = &mut rows[placed.places[OPERANDS] / size_of::<f64>()..][..self.stride];
            row.fill(row[0]);
        }
    }
}

/// Carries out steps whose rows have been seen to be there, and to be borrowed for as long as this runs.
#[inline]
fn execute(steps: &[Placed], own: usize, lanes: usize) {
    let unit = isa::current();
    for step in steps {
        #[allow(
            unsafe_code,
            reason = "the rows are there, and isa::current answers only with a unit that was detected"
        )]
        unsafe {
            step.loops.on(unit)(step, own, lanes);
        }
    }
}

/// The memories that rows lie in, each from the first of some neighbouring lanes on.
pub(crate) struct Memories<'a> {
    bases: [*mut f64; MEMORIES],
    /// Numbers from there on.
    lengths: [usize; MEMORIES],
    may_write: [bool; MEMORIES],
    borrowed: PhantomData<&'a mut [f64]>,
}

impl<'a> Memories<'a> {
    /// The memory of a pass.
    pub(crate) fn new(own: &'a mut [f64]) -> Self {
        let mut memories = Self {
            bases: [std::ptr::null_mut(); MEMORIES],
            lengths: [0; MEMORIES],
            may_write: [false; MEMORIES],
            borrowed: PhantomData,
        };
        memories.set(0, own);
        memories
    }

    fn set(&mut self, memory: usize, numbers: &'a mut [f64]) {
        self.bases[memory] = numbers.as_mut_ptr();
        self.lengths[memory] = numbers.len();
        self.may_write[memory] = true;
    }

    /// The k-th of the other memories.
    pub(crate) fn with(mut self, k: usize, numbers: &'a mut [f64]) -> Self {
        self.set(k + 1, numbers);
        self
    }

    /// The k-th of the other memories, only to be read.
    pub(crate) fn with_shared(mut self, k: usize, numbers: &'a [f64]) -> Self {
        self.bases[k + 1] = numbers.as_ptr().cast_mut();
        self.lengths[k + 1] = numbers.len();
        self
    }
}
