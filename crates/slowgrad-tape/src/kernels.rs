//! The loops that carry out instructions on rows of lanes.
//!
//! Each is compiled for every vector unit and gives the same bits on all of them. The instructions of plain arithmetic,
//! joined or not, go group by group; the others are loops over whole rows. This module must not know whose the rows are.

use crate::executor::{Code, Exponent, OPERANDS, Placed};
use crate::fuse::{First, Then};
use crate::isa::Isa;
use crate::math;
use crate::op::Op;
use crate::program::GROUP;
use crate::trace::Compare;

/// Makes of a value one that the compiler knows, so that each has a loop of its own.
macro_rules! known {
    ($value:expr, $known:ident = $of:ident: $($name:ident)*, $then:expr) => {
        match $value {
            $( $of::$name => {
                const $known: usize = $of::$name as usize;
                $then
            } )*
            #[allow(unreachable_patterns, reason = "not everywhere are all of them wanted")]
            _ => unreachable!("a value that has a loop"),
        }
    };
}

/// A loop over so many lanes, in whole groups, of a step's rows, with where the pass's own numbers begin. The rows must be
/// there, and the vector unit that it was compiled for.
type Loop = unsafe fn(&Placed, usize, usize);

/// An instruction's loop for each vector unit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loops([Loop; 3]);

impl Loops {
    /// The loop for a vector unit.
    #[inline]
    pub(crate) fn on(&self, unit: Isa) -> Loop {
        self.0[unit as usize - Isa::Portable as usize]
    }

    #[cfg(target_arch = "x86_64")]
    fn new<B: Body>() -> Self {
        #[target_feature(enable = "avx2,fma")]
        fn avx2<B: Body>(step: &Placed, own: usize, lanes: usize) {
            B::run(step, own, lanes);
        }
        #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
        fn avx512<B: Body>(step: &Placed, own: usize, lanes: usize) {
            B::run(step, own, lanes);
        }
        Self([B::run, avx2::<B>, avx512::<B>])
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn new<B: Body>() -> Self {
        Self([B::run; 3])
    }

    /// The loop of an instruction: one of its own for whatever can be joined.
    pub(crate) fn of(code: Code) -> Self {
        let (first, then, last) = match (code, First::new(code)) {
            (Code::Joined(first, then, last), _) => (first, then, last),
            (_, Some(first)) => (first, Then::Nothing, Then::Nothing),
            _ => return Self::new::<Rows>(),
        };
        known!(first, FIRST = First: Add Sub Mul Div Sqrt, match then {
            Then::Nothing => Self::new::<Groups<FIRST, { Then::Nothing as usize }, { Then::Nothing as usize }>>(),
            _ if then.rows() > 1 => known!(then, THEN = Then: AddProduct SubProduct SubFromProduct, {
                Self::new::<Groups<FIRST, THEN, { Then::Nothing as usize }>>()
            }),
            _ => known!(then, THEN = Then: Add Sub SubFrom Mul Div DivInto, {
                known!(last, LAST = Then: Nothing Add Sub SubFrom Mul Div DivInto AddProduct SubProduct SubFromProduct, {
                    Self::new::<Groups<FIRST, THEN, LAST>>()
                })
            }),
        })
    }
}

/// What is done for a step, to be compiled for each vector unit and reached as a [`Loop`] only.
trait Body {
    fn run(step: &Placed, own: usize, lanes: usize);
}

/// Joined instructions, or one of those that may be.
struct Groups<const FIRST: usize, const THEN: usize, const LAST: usize>;

impl<const FIRST: usize, const THEN: usize, const LAST: usize> Body for Groups<FIRST, THEN, LAST> {
    /// Group by group: all of a group is read before any of it is written, so the result may take an operand's place.
    #[inline(always)]
    fn run(step: &Placed, own: usize, lanes: usize) {
        let (first, then, last) = (First::ALL[FIRST], Then::ALL[THEN], Then::ALL[LAST]);
        let [rows @ .., into] = step.places.map(|place| at(own, place));
        for lane in (0..lanes / GROUP * GROUP).step_by(GROUP) {
            #[allow(unsafe_code, reason = "the rows are there; without references, since they may be the same")]
            let groups = rows.map(|row| unsafe { row.add(lane).cast::<[f64; GROUP]>().read() });
            let mut result = [0.0; GROUP];
            for i in 0..GROUP {
                let [a, b, c, d, e] = groups.map(|group| group[i]);
                result[i] = last.of(then.of(first.of(a, b), c, d), d, e);
            }
            #[allow(unsafe_code, reason = "as above")]
            unsafe {
                into.add(lane).cast::<[f64; GROUP]>().write(result);
            }
            // A group fills a vector. Without this, the compiler may fill them crosswise from several groups.
            std::hint::black_box(());
        }
    }
}

/// Any other instruction, as a loop over rows of which the result's is none of the others.
struct Rows;

impl Body for Rows {
    #[inline(always)]
    fn run(step: &Placed, own: usize, lanes: usize) {
        // So that the compiler knows that no lanes are left over.
        let lanes = lanes / GROUP * GROUP;
        #[allow(unsafe_code, reason = "the rows are there, and such a step never writes where it reads")]
        let (row, into) = unsafe {
            (
                |k: usize| std::slice::from_raw_parts(at(own, step.places[k]), lanes),
                std::slice::from_raw_parts_mut(at(own, step.places[OPERANDS]), lanes),
            )
        };
        whole_rows(step.code, row, into);
    }
}

/// What lies so many bytes from the first of the pass's own numbers.
#[inline(always)]
fn at(own: usize, place: usize) -> *mut f64 {
    std::ptr::with_exposed_provenance_mut(own.wrapping_add(place))
}

#[inline(always)]
fn whole_rows<'a>(code: Code, row: impl Fn(usize) -> &'a [f64], into: &mut [f64]) {
    match code {
        Code::Value(op) => op.value_lanes(row(0), row(1), row(2), into),
        Code::Chain(op, operand) => {
            op.chain_lanes(operand as usize, row(0), row(1), row(2), row(3), row(4), into);
        }
        Code::Power(exponent) => power_lanes(exponent, row(0), into),
        Code::PowerChain(exponent) => power_chain_lanes(exponent, row(0), row(1), into),
        Code::Compare(compare) => compare_lanes(compare, row(0), row(1), into),
        Code::Select => {
            let (mask, yes, no) = (row(0), row(1), row(2));
            for i in 0..into.len() {
                // Written as a condition, this would become a choice of two places, which is no vector operation.
                let mask = mask[i].to_bits();
                into[i] = f64::from_bits((mask & yes[i].to_bits()) | (!mask & no[i].to_bits()));
            }
        }
        Code::Joined(..) => unreachable!("these go by group"),
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
