//! Execution of a program's instructions on rows of numbers.
//!
//! Rows are stored in the buffer of a pass or in buffers of its caller. This module guarantees the contract of
//! [`Kernel`](crate::kernels::Kernel): every row is in bounds and borrowed for as long as a kernel uses it. It must not
//! know what the numbers mean or how the instructions were found.

use crate::instruction::{MAX_OPERANDS, RowInstruction};
use crate::isa::{self, LANE_GROUP};
use crate::kernels::{Kernels, PlacedInstruction};
use std::marker::PhantomData;

/// Maximum number of buffers that rows may be stored in: the pass's own and its caller's.
pub(crate) const MAX_BUFFERS: usize = 8;

/// Lanes of a block when rows are in the caller's buffers. Few enough that the processor can start one instruction
/// while it waits for the divisions and loads of another.
const CALLER_BLOCK_LANES: usize = 64;

/// Where a row starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowRef {
    /// Index of the buffer; 0 is the pass's own.
    buffer: usize,
    /// Index of the row's first number in its buffer.
    offset: usize,
}

impl RowRef {
    /// A row of the pass's own buffer.
    pub(crate) fn own(offset: usize) -> Self {
        Self { buffer: 0, offset }
    }

    /// The row that is the k-th of the caller's buffers.
    ///
    /// # Panics
    /// When there are more than [`MAX_BUFFERS`].
    pub(crate) fn in_caller_buffer(k: usize) -> Self {
        assert!(k + 1 < MAX_BUFFERS, "a buffer for each of the caller's rows");
        Self { buffer: k + 1, offset: 0 }
    }
}

/// A row of an instruction that is in one of the caller's buffers.
#[derive(Debug, Clone, Copy)]
struct CallerOperand {
    instruction: usize,
    /// Index into [`PlacedInstruction::places`].
    place: usize,
    buffer: usize,
}

/// Instructions that are ready to run.
///
/// Invariants: own rows start at multiples of the stride and hold a stride of numbers, so two of them are identical or
/// disjoint. An instruction's result has the row of an operand only if its opcode
/// [runs by group](crate::instruction::Opcode::runs_by_group).
#[derive(Debug, Clone, Default)]
pub(crate) struct Executable {
    placed: Vec<PlacedInstruction>,
    /// Numbers from the start of one own row to the next, a multiple of [`LANE_GROUP`].
    stride: usize,
    /// Minimum length of the pass's own buffer.
    own_len: usize,
    caller_operands: Vec<CallerOperand>,
}

impl Executable {
    /// Assigns rows to instructions. Own rows are `stride` numbers apart.
    ///
    /// # Panics
    /// When an instruction that does not run by group would write to a row that it reads, or an own row does not start
    /// at a multiple of the stride.
    pub(crate) fn new(instructions: &[RowInstruction], stride: usize, row: impl Fn(u32) -> RowRef) -> Self {
        let mut executable = Self { stride, ..Self::default() };
        for (index, &RowInstruction { opcode, operands, into }) in instructions.iter().enumerate() {
            let [a, b, c, d, e] = operands;
            let rows = [a, b, c, d, e, into].map(&row);
            let in_place = rows[..MAX_OPERANDS].contains(&rows[MAX_OPERANDS]);
            assert!(opcode.runs_by_group() || !in_place, "an instruction that writes where it reads");
            for (place, &RowRef { buffer, offset }) in rows.iter().enumerate() {
                if buffer == 0 {
                    assert!(offset.is_multiple_of(stride), "rows that start at multiples of the stride");
                    executable.own_len = executable.own_len.max(offset + stride);
                } else {
                    executable.caller_operands.push(CallerOperand { instruction: index, place, buffer });
                }
            }
            let places = rows.map(|row| row.offset * size_of::<f64>());
            executable.placed.push(PlacedInstruction { kernels: Kernels::of(opcode), opcode, places });
        }
        executable
    }

    /// Runs instructions whose rows are all in the pass's own buffer, on `lanes` lanes from `lane` on. `lanes` is a
    /// multiple of [`LANE_GROUP`].
    ///
    /// # Panics
    /// When the buffer is too short or a row is in a caller's buffer.
    #[inline]
    pub(crate) fn run(&self, own: &mut [f64], lane: usize, lanes: usize) {
        assert!(
            lane + lanes <= self.stride && own.len() >= self.own_len && self.caller_operands.is_empty(),
            "a buffer that fits the instructions"
        );
        // SAFETY: from `lane` on, each own row has `stride - lane >= lanes` numbers, and it ends within `own_len`, so
        // within `own`, which is borrowed exclusively. The type's invariants make rows identical or disjoint as
        // required.
        #[allow(unsafe_code, reason = "kernels take addresses")]
        unsafe {
            execute(&self.placed, own[lane..].as_mut_ptr().expose_provenance(), lanes);
        }
    }

    /// Runs the instructions on `lanes` lanes, block by block. `lanes` is a multiple of [`LANE_GROUP`]. All blocks use
    /// the same own rows.
    ///
    /// # Panics
    /// When a buffer is too short, or a read-only buffer would be written to.
    pub(crate) fn run_in_place(&mut self, buffers: &Buffers<'_>, lanes: usize) {
        let width = self.stride.min(CALLER_BLOCK_LANES);
        assert!(buffers.lengths[0] >= self.own_len, "an own buffer that fits the instructions");
        let own = buffers.bases[0].expose_provenance();
        for &CallerOperand { instruction, place, buffer } in &self.caller_operands {
            assert!(
                buffers.lengths[buffer] >= lanes && (buffers.writable[buffer] || place < MAX_OPERANDS),
                "a caller's buffer that fits the instructions"
            );
            self.placed[instruction].places[place] = buffers.bases[buffer].expose_provenance().wrapping_sub(own);
        }
        for start in (0..lanes).step_by(width) {
            // SAFETY: each own row has `stride >= width` numbers and ends within `own_len`. Each caller's row starts
            // `start` numbers into a buffer of at least `lanes` numbers, and only writable buffers are written to. All
            // buffers are borrowed for the lifetime of `buffers`, the writable ones exclusively, so rows of different
            // buffers are disjoint; rows of one are identical or disjoint by the type's invariants.
            #[allow(unsafe_code, reason = "kernels take addresses")]
            unsafe {
                execute(&self.placed, own, width.min(lanes - start));
            }
            for &CallerOperand { instruction, place, .. } in &self.caller_operands {
                let place = &mut self.placed[instruction].places[place];
                *place = place.wrapping_add(width * size_of::<f64>());
            }
        }
    }

    /// Computes the rows that have the same number in all lanes: runs one group and fills each result's row with its
    /// first number. `own` is the pass's own buffer.
    pub(crate) fn run_uniform(&self, own: &mut [f64]) {
        self.run(own, 0, LANE_GROUP);
        for placed in &self.placed {
            let row = &mut own[placed.places[MAX_OPERANDS] / size_of::<f64>()..][..self.stride];
            row.fill(row[0]);
        }
    }
}

/// Runs instructions one after the other on `lanes` lanes, with rows at `base` plus each instruction's places.
///
/// # Safety
/// For each instruction, points 2 to 4 of the contract of [`Kernel`](crate::kernels::Kernel) hold.
#[inline]
#[allow(unsafe_code, reason = "kernels take addresses")]
unsafe fn execute(instructions: &[PlacedInstruction], base: usize, lanes: usize) {
    let unit = isa::current();
    for instruction in instructions {
        // SAFETY: point 1 holds because `isa::current` returns only units that were detected; the caller guarantees the
        // others.
        unsafe {
            instruction.kernels.on(unit)(instruction, base, lanes);
        }
    }
}

/// The buffers that hold the rows of some neighbouring lanes, each from the first of these lanes on.
pub(crate) struct Buffers<'a> {
    bases: [*mut f64; MAX_BUFFERS],
    /// Numbers available from each base on.
    lengths: [usize; MAX_BUFFERS],
    writable: [bool; MAX_BUFFERS],
    borrowed: PhantomData<&'a mut [f64]>,
}

impl<'a> Buffers<'a> {
    /// The pass's own buffer; callers add theirs.
    pub(crate) fn new(own: &'a mut [f64]) -> Self {
        let mut buffers = Self {
            bases: [std::ptr::null_mut(); MAX_BUFFERS],
            lengths: [0; MAX_BUFFERS],
            writable: [false; MAX_BUFFERS],
            borrowed: PhantomData,
        };
        buffers.set(0, own);
        buffers
    }

    fn set(&mut self, buffer: usize, numbers: &'a mut [f64]) {
        self.bases[buffer] = numbers.as_mut_ptr();
        self.lengths[buffer] = numbers.len();
        self.writable[buffer] = true;
    }

    /// Adds the k-th of the caller's buffers.
    pub(crate) fn with_writable(mut self, k: usize, numbers: &'a mut [f64]) -> Self {
        self.set(k + 1, numbers);
        self
    }

    /// Adds the k-th of the caller's buffers, which is only read.
    pub(crate) fn with_read_only(mut self, k: usize, numbers: &'a [f64]) -> Self {
        self.bases[k + 1] = numbers.as_ptr().cast_mut();
        self.lengths[k + 1] = numbers.len();
        self
    }
}
