//! Kernels: the loops that compute instructions on rows of lanes.
//!
//! Each kernel is compiled for every vector unit and gives the same bits on all of them. Plain arithmetic, fused or
//! not, runs group by group; the other kernels are loops over whole rows. This module must not know who owns the rows.

use crate::instruction::{Exponent, FusedHead, FusedTail, MAX_OPERANDS, Opcode};
use crate::isa::{Isa, LANE_GROUP};
use crate::math;
use crate::op::Op;
use crate::trace::Compare;

/// Turns a runtime value into a constant, so that each value gets a kernel of its own.
macro_rules! as_constant {
    ($value:expr, $constant:ident = $of:ident: $($name:ident)*, $then:expr) => {
        match $value {
            $( $of::$name => {
                const $constant: usize = $of::$name as usize;
                $then
            } )*
            #[allow(unreachable_patterns, reason = "some lists name every variant")]
            _ => unreachable!("a value without a kernel"),
        }
    };
}

/// A kernel: computes an instruction on `lanes` lanes, rounded down to whole groups of [`LANE_GROUP`].
///
/// The arguments are the instruction, the base address and `lanes`. Row `k` of the instruction starts at the address
/// `base + places[k]`, in bytes and with wrap-around; row [`MAX_OPERANDS`] is the result's.
///
/// # Safety
/// The caller guarantees that
/// 1. the processor has the vector unit that the kernel was compiled for;
/// 2. each operand's row holds at least `lanes` initialised, aligned `f64`s, valid for reads, in one allocation whose
///    provenance was exposed; the result's row likewise, valid for writes;
/// 3. the result's row is disjoint from each operand's row or, if the opcode
///    [runs by group](Opcode::runs_by_group), identical with it;
/// 4. during the call, nothing else writes to the operands' rows or accesses the result's row.
pub(crate) type Kernel = unsafe fn(&PlacedInstruction, usize, usize);

/// An instruction's kernel for each vector unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernels([Kernel; 3]);

impl Kernels {
    /// The kernel for a vector unit.
    #[inline]
    pub(crate) fn on(&self, unit: Isa) -> Kernel {
        self.0[unit as usize - Isa::Portable as usize]
    }

    #[cfg(target_arch = "x86_64")]
    fn new<B: KernelBody>() -> Self {
        #[target_feature(enable = "avx2,fma")]
        fn avx2<B: KernelBody>(instruction: &PlacedInstruction, base: usize, lanes: usize) {
            B::run(instruction, base, lanes);
        }
        #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
        fn avx512<B: KernelBody>(instruction: &PlacedInstruction, base: usize, lanes: usize) {
            B::run(instruction, base, lanes);
        }
        Self([B::run, avx2::<B>, avx512::<B>])
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn new<B: KernelBody>() -> Self {
        Self([B::run; 3])
    }

    /// The kernel of an opcode. Each chain of operations has a kernel of its own.
    pub(crate) fn of(opcode: Opcode) -> Self {
        let (head, tail, last) = match (opcode, FusedHead::new(opcode)) {
            (Opcode::Fused(head, tail, last), _) => (head, tail, last),
            (_, Some(head)) => (head, FusedTail::Identity, FusedTail::Identity),
            _ => return Self::new::<ByRow>(),
        };
        as_constant!(head, HEAD = FusedHead: Add Sub Mul Div Sqrt, match tail {
            FusedTail::Identity => {
                Self::new::<ByGroup<HEAD, { FusedTail::Identity as usize }, { FusedTail::Identity as usize }>>()
            }
            _ if tail.operands() > 1 => as_constant!(tail, TAIL = FusedTail: AddProduct SubProduct SubFromProduct, {
                Self::new::<ByGroup<HEAD, TAIL, { FusedTail::Identity as usize }>>()
            }),
            _ => as_constant!(tail, TAIL = FusedTail: Add Sub SubFrom Mul Div DivInto, {
                as_constant!(
                    last,
                    LAST = FusedTail: Identity Add Sub SubFrom Mul Div DivInto AddProduct SubProduct SubFromProduct,
                    Self::new::<ByGroup<HEAD, TAIL, LAST>>()
                )
            }),
        })
    }
}

/// An instruction with its kernel and the addresses of its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PlacedInstruction {
    pub(crate) kernels: Kernels,
    pub(crate) opcode: Opcode,
    /// Byte offsets of the operands' rows, then of the result's, from the first number of the pass's own buffer. Rows
    /// in other buffers have offsets that wrap around.
    pub(crate) places: [usize; MAX_OPERANDS + 1],
}

/// The body of a kernel, compiled once for each vector unit. It is called only through a [`Kernel`] and relies on the
/// contract of one.
trait KernelBody {
    fn run(instruction: &PlacedInstruction, base: usize, lanes: usize);
}

/// A chain of plain arithmetic operations, or a single one.
struct ByGroup<const HEAD: usize, const TAIL: usize, const LAST: usize>;

impl<const HEAD: usize, const TAIL: usize, const LAST: usize> KernelBody for ByGroup<HEAD, TAIL, LAST> {
    /// Reads a whole group before it writes any of it, so the result's row may be an operand's row.
    #[inline(always)]
    fn run(instruction: &PlacedInstruction, base: usize, lanes: usize) {
        let (head, tail, last) = (FusedHead::ALL[HEAD], FusedTail::ALL[TAIL], FusedTail::ALL[LAST]);
        let [rows @ .., into] = instruction.places.map(|place| row_start(base, place));
        for lane in (0..lanes / LANE_GROUP * LANE_GROUP).step_by(LANE_GROUP) {
            // SAFETY: `lane + LANE_GROUP <= lanes`, so by point 2 of `Kernel`'s contract the group is inside a row that
            // is valid for reads and aligned for `f64`, which is all that an array of `f64` needs. The read is a copy:
            // no reference to a row exists, since by point 3 rows may be identical.
            #[allow(unsafe_code, reason = "rows may be identical, so they cannot be references")]
            let groups = rows.map(|row| unsafe { row.add(lane).cast::<[f64; LANE_GROUP]>().read() });
            let mut result = [0.0; LANE_GROUP];
            for i in 0..LANE_GROUP {
                let [a, b, c, d, e] = groups.map(|group| group[i]);
                result[i] = last.apply(tail.apply(head.apply(a, b), c, d), d, e);
            }
            // SAFETY: `lane + LANE_GROUP <= lanes`, so by point 2 of `Kernel`'s contract the group is inside a row that
            // is valid for writes and aligned. By point 3 a row that overlaps it is the same row, whose group was read
            // above.
            #[allow(unsafe_code, reason = "rows may be identical, so they cannot be references")]
            unsafe {
                into.add(lane).cast::<[f64; LANE_GROUP]>().write(result);
            }
            // A group fills a vector. Without this barrier the compiler may form vectors across several groups.
            std::hint::black_box(());
        }
    }
}

/// Any other instruction, as a loop over whole rows. The result's row is disjoint from the operands' rows.
struct ByRow;

impl KernelBody for ByRow {
    #[inline(always)]
    fn run(instruction: &PlacedInstruction, base: usize, lanes: usize) {
        // Tells the compiler that no partial group remains.
        let lanes = lanes / LANE_GROUP * LANE_GROUP;
        // SAFETY: by point 2 of `Kernel`'s contract each row holds at least `lanes` initialised, aligned numbers. By
        // points 3 and 4 the result's row is disjoint from the operands' rows and nothing else accesses it, so the
        // unique reference aliases nothing; the operands' rows are only read, so shared references to them may overlap.
        #[allow(unsafe_code, reason = "rows are addresses, so that one instruction may use rows of several buffers")]
        let (row, into) = unsafe {
            (
                |k: usize| std::slice::from_raw_parts(row_start(base, instruction.places[k]), lanes),
                std::slice::from_raw_parts_mut(row_start(base, instruction.places[MAX_OPERANDS]), lanes),
            )
        };
        whole_rows(instruction.opcode, row, into);
    }
}

/// The address of a row from the base address and a byte offset.
#[inline(always)]
fn row_start(base: usize, place: usize) -> *mut f64 {
    std::ptr::with_exposed_provenance_mut(base.wrapping_add(place))
}

#[inline(always)]
fn whole_rows<'a>(opcode: Opcode, row: impl Fn(usize) -> &'a [f64], into: &mut [f64]) {
    match opcode {
        Opcode::Value(op) => op.value_lanes(row(0), row(1), row(2), into),
        Opcode::Chain(op, operand) => {
            op.chain_lanes(operand as usize, row(0), row(1), row(2), row(3), row(4), into);
        }
        Opcode::Power(exponent) => power_lanes(exponent, row(0), into),
        Opcode::PowerChain(exponent) => power_chain_lanes(exponent, row(0), row(1), into),
        Opcode::Compare(compare) => compare_lanes(compare, row(0), row(1), into),
        Opcode::Select => {
            let (mask, yes, no) = (row(0), row(1), row(2));
            for i in 0..into.len() {
                // A condition would compile to a choice between two addresses, which does not vectorise.
                let mask = mask[i].to_bits();
                into[i] = f64::from_bits((mask & yes[i].to_bits()) | (!mask & no[i].to_bits()));
            }
        }
        Opcode::Fused(..) => unreachable!("chains run by group"),
    }
}

#[inline(always)]
fn power_lanes(exponent: Exponent, a: &[f64], into: &mut [f64]) {
    match exponent {
        Exponent::Two => each(a, into, |a| math::pow(a, 2.0)),
        Exponent::Three => each(a, into, |a| math::pow(a, 3.0)),
        Exponent::Half => each(a, into, |a| math::pow(a, 0.5)),
        Exponent::MinusOne => each(a, into, |a| math::pow(a, -1.0)),
    }
}

#[inline(always)]
fn power_chain_lanes(exponent: Exponent, a: &[f64], upstream: &[f64], into: &mut [f64]) {
    let rule = |a: f64, b: f64| Op::Pow.derivative(0, a, b, b, 0.0);
    match exponent {
        Exponent::Two => pairs(a, upstream, into, |a, up| up * rule(a, 2.0)),
        Exponent::Three => pairs(a, upstream, into, |a, up| up * rule(a, 3.0)),
        Exponent::Half => pairs(a, upstream, into, |a, up| up * rule(a, 0.5)),
        Exponent::MinusOne => pairs(a, upstream, into, |a, up| up * rule(a, -1.0)),
    }
}

#[inline(always)]
fn compare_lanes(compare: Compare, a: &[f64], b: &[f64], into: &mut [f64]) {
    let mask = |holds: bool| f64::from_bits(if holds { u64::MAX } else { 0 });
    match compare {
        Compare::Less => pairs(a, b, into, |a, b| mask(a < b)),
        Compare::LessOrEqual => pairs(a, b, into, |a, b| mask(a <= b)),
        Compare::Greater => pairs(a, b, into, |a, b| mask(a > b)),
        Compare::GreaterOrEqual => pairs(a, b, into, |a, b| mask(a >= b)),
        Compare::Equal => pairs(a, b, into, |a, b| mask(a == b)),
        Compare::NotEqual => pairs(a, b, into, |a, b| mask(a != b)),
    }
}

#[inline(always)]
fn each(a: &[f64], into: &mut [f64], rule: impl Fn(f64) -> f64) {
    let n = into.len();
    let a = &a[..n];
    for i in 0..n {
        into[i] = rule(a[i]);
    }
}

#[inline(always)]
fn pairs(a: &[f64], b: &[f64], into: &mut [f64], rule: impl Fn(f64, f64) -> f64) {
    let n = into.len();
    let (a, b) = (&a[..n], &b[..n]);
    for i in 0..n {
        into[i] = rule(a[i], b[i]);
    }
}
