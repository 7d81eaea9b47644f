//! How the instructions of a program run on rows of numbers.
//!
//! Rows lie in the memory of a pass, or with whoever asked. An instruction whose result only one other one needs is
//! carried out together with that one, each rounded on its own as before: what is saved is the way through the rows.
//! This module must not know what the numbers mean, or how the instructions were found.

use crate::dispatch;
use crate::math;
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
    /// The first operation on a and b, then the second on its result and c.
    Pair(First, Second),
    /// a·b + c·d, or their difference.
    Products(Join),
}

impl Code {
    /// Number of operands.
    pub(crate) fn arity(self) -> usize {
        match self {
            Code::Value(op) => op.arity(),
            Code::Power(_) => 1,
            Code::PowerChain(_) | Code::Compare(_) => 2,
            Code::Select | Code::Pair(..) => 3,
            Code::Products(_) => 4,
            Code::Chain(..) => 5,
        }
    }

    /// Whether the result may take an operand's place.
    pub(crate) fn goes_by_group(self) -> bool {
        matches!(self, Code::Value(Op::Add | Op::Sub | Op::Mul | Op::Div) | Code::Pair(..) | Code::Products(_))
    }
}

/// Exponents whose powers have a short definition (see [`math::pow`]).
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

/// What may come first in a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum First {
    Add,
    Sub,
    Mul,
    Div,
    /// The root of a.
    Sqrt,
}

impl First {
    fn of(code: Code) -> Option<Self> {
        match code {
            Code::Value(Op::Add) => Some(Self::Add),
            Code::Value(Op::Sub) => Some(Self::Sub),
            Code::Value(Op::Mul) => Some(Self::Mul),
            Code::Value(Op::Div) => Some(Self::Div),
            Code::Value(Op::Sqrt) => Some(Self::Sqrt),
            _ => None,
        }
    }
}

/// What may come second in a pair, with t for the result of the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Second {
    Add,
    /// t − c.
    Sub,
    /// c − t.
    SubFrom,
    Mul,
    /// t / c.
    Div,
    /// c / t.
    DivInto,
}

impl Second {
    /// The result of the first is this operand of an operation.
    fn of(code: Code, operand: usize) -> Option<Self> {
        match (code, operand) {
            (Code::Value(Op::Add), _) => Some(Self::Add),
            (Code::Value(Op::Mul), _) => Some(Self::Mul),
            (Code::Value(Op::Sub), 0) => Some(Self::Sub),
            (Code::Value(Op::Sub), _) => Some(Self::SubFrom),
            (Code::Value(Op::Div), 0) => Some(Self::Div),
            (Code::Value(Op::Div), _) => Some(Self::DivInto),
            _ => None,
        }
    }
}

/// How two products become one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Join {
    Add,
    Sub,
}

/// One instruction, with the rows of its operands (those that are not used repeat the first) and of its result.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) code: Code,
    pub(crate) operands: [u32; 5],
    pub(crate) into: u32,
}

impl Step {
    pub(crate) fn reads(&self, row: u32) -> bool {
        self.operands[..self.code.arity()].contains(&row)
    }
}

/// Joins steps with those that need their results, where `uses` says for each row that nothing else needs them. Steps
/// must stand after those whose results they need.
pub(crate) fn join(steps: &mut Vec<Step>, uses: &[u32]) {
    let mut maker = vec![usize::MAX; uses.len()];
    for (at, step) in steps.iter().enumerate() {
        maker[step.into as usize] = at;
    }
    let mut is_joined = vec![false; steps.len()];
    for at in (0..steps.len()).rev() {
        if is_joined[at] {
            continue;
        }
        let Step { code, operands, into } = steps[at];
        // What makes an operand for this step alone.
        let made = |operand: usize| {
            let row = operands[operand] as usize;
            let maker = maker[row];
            (operand < code.arity() && uses[row] == 1 && maker != usize::MAX).then_some(maker)
        };
        let products = [0, 1].map(|operand| made(operand).filter(|&at| steps[at].code == Code::Value(Op::Mul)));
        let sum = match code {
            Code::Value(Op::Add) => Some(Join::Add),
            Code::Value(Op::Sub) => Some(Join::Sub),
            _ => None,
        };
        if let (Some(join), [Some(one), Some(other)]) = (sum, products) {
            let ([a, b, ..], [c, d, ..]) = (steps[one].operands, steps[other].operands);
            steps[at] = Step { code: Code::Products(join), operands: [a, b, c, d, a], into };
            (is_joined[one], is_joined[other]) = (true, true);
            continue;
        }
        let pair = [1, 0].into_iter().find_map(|operand| {
            let second = Second::of(code, operand)?;
            let maker = made(operand)?;
            Some((maker, First::of(steps[maker].code)?, second, operands[1 - operand]))
        });
        if let Some((maker, first, second, c)) = pair {
            let [a, b, ..] = steps[maker].operands;
            steps[at] = Step { code: Code::Pair(first, second), operands: [a, b, c, a, a], into };
            is_joined[maker] = true;
        }
    }
    let mut is_joined = is_joined.into_iter();
    steps.retain(|_| is_joined.next() == Some(false));
}

/// Memories in which rows may lie: that of the pass, and those of whoever asked.
pub(crate) const MEMORIES: usize = 8;

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
struct Placed {
    code: Code,
    operands: [usize; 5],
    into: usize,
}

/// A row that does not lie in the pass's own memory.
#[derive(Debug, Clone, Copy)]
struct Elsewhere {
    step: usize,
    /// Which operand, or the result.
    operand: Option<usize>,
    memory: usize,
}

/// Steps that are ready to run. None writes where it reads, except those that [go by group](Code::goes_by_group), and own
/// rows begin at multiples of the stride, so that rows are the same or have nothing in common.
#[derive(Debug, Clone, Default)]
pub(crate) struct Steps {
    placed: Vec<Placed>,
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
        for (at, step) in steps.iter().enumerate() {
            let (operands, into) = (step.operands.map(&place), place(step.into));
            assert!(step.code.goes_by_group() || !operands.contains(&into), "a step that writes where it reads");
            let each =
                operands.iter().enumerate().map(|(operand, place)| (Some(operand), place)).chain([(None, &into)]);
            for (operand, place) in each {
                let start = place.at;
                if place.memory == 0 {
                    assert!(start.is_multiple_of(stride), "rows that lie side by side");
                    made.reach = made.reach.max(start + stride);
                } else {
                    made.elsewhere.push(Elsewhere { step: at, operand, memory: place.memory });
                }
            }
            let bytes = |place: Place| place.at * size_of::<f64>();
            made.placed.push(Placed { code: step.code, operands: operands.map(bytes), into: bytes(into) });
        }
        made
    }

    /// Runs steps of which all rows lie in the pass's own memory on some neighbouring lanes, in whole groups.
    ///
    /// # Panics
    /// When the memory is too short, or a row lies elsewhere.
    #[inline]
    pub(crate) fn run(&mut self, own: &mut [f64], lane: usize, lanes: usize) {
        assert!(
            lane + lanes <= self.stride && own.len() >= self.reach && self.elsewhere.is_empty(),
            "a memory that fits the steps"
        );
        execute(&self.placed, own[lane..].as_mut_ptr().expose_provenance(), lanes);
    }

    /// Runs the steps on so many lanes, in whole groups.
    ///
    /// # Panics
    /// When a memory is too short, or one that may only be read would be written.
    pub(crate) fn run_with(&mut self, memories: &Memories<'_>, lanes: usize) {
        assert!(lanes <= self.stride && memories.lengths[0] >= self.reach, "an own memory that fits the steps");
        let own = memories.bases[0].expose_provenance();
        for &Elsewhere { step, operand, memory } in &self.elsewhere {
            assert!(
                memories.lengths[memory] >= lanes && (memories.may_write[memory] || operand.is_some()),
                "another memory that fits the steps"
            );
            let step = &mut self.placed[step];
            let place = memories.bases[memory].expose_provenance().wrapping_sub(own);
            *operand.map_or(&mut step.into, |operand| &mut step.operands[operand]) = place;
        }
        execute(&self.placed, own, lanes);
    }

    /// Computes what is the same in all calls of a pass, whose memory this is.
    pub(crate) fn run_once(&mut self, rows: &mut [f64]) {
        self.run(rows, 0, GROUP);
        for placed in &self.placed {
            let row = &mut rows[placed.into / size_of::<f64>()..][..self.stride];
            row.fill(row[0]);
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

/// A group of numbers.
type Eight = [f64; GROUP];

/// Group by group: all of a group is read before any of it is written, so the result may take an operand's place.
macro_rules! by_group {
    ($row:ident, $into:ident, $lanes:ident, |$($x:ident = $k:literal),*| $rule:expr) => {
        for at in (0..$lanes).step_by(GROUP) {
            $(
                #[allow(unsafe_code, reason = "as for rows of lanes; without references, since they may be the same")]
                let $x: Eight = unsafe { $row($k).add(at).cast::<Eight>().read() };
            )*
            let mut y: Eight = [0.0; GROUP];
            for i in 0..GROUP {
                $( let $x = $x[i]; )*
                y[i] = $rule;
            }
            #[allow(unsafe_code, reason = "as above")]
            unsafe { $into.add(at).cast::<Eight>().write(y) };
        }
    };
}

/// A loop for each pair.
macro_rules! pairs {
    ($row:ident, $into:ident, $lanes:ident, $first:expr, $second:expr;
     $($name:ident: |$a:ident, $b:ident| $t:expr),*) => {
        match ($first, $second) { $(
            (First::$name, Second::Add) => by_group!($row, $into, $lanes, |$a = 0, $b = 1, c = 2| $t + c),
            (First::$name, Second::Sub) => by_group!($row, $into, $lanes, |$a = 0, $b = 1, c = 2| $t - c),
            (First::$name, Second::SubFrom) => by_group!($row, $into, $lanes, |$a = 0, $b = 1, c = 2| c - $t),
            (First::$name, Second::Mul) => by_group!($row, $into, $lanes, |$a = 0, $b = 1, c = 2| $t * c),
            (First::$name, Second::Div) => by_group!($row, $into, $lanes, |$a = 0, $b = 1, c = 2| $t / c),
            (First::$name, Second::DivInto) => by_group!($row, $into, $lanes, |$a = 0, $b = 1, c = 2| c / $t),
        )* }
    };
}

dispatch!(
    /// Runs steps; only [`Steps::run`] and [`Steps::run_with`] may, which see to it that all rows are there.
    fn execute(steps: &[Placed], own: usize, lanes: usize) = execute_body
);

#[inline(always)]
fn execute_body(steps: &[Placed], own: usize, lanes: usize) {
    // So that the compiler knows that no lanes are left over.
    let lanes = lanes / GROUP * GROUP;
    for Placed { code, operands, into } in steps {
        let base = |place: usize| std::ptr::with_exposed_provenance_mut::<f64>(own.wrapping_add(place));
        #[allow(unsafe_code, reason = "each row was seen to be so long and to be borrowed for as long as this runs")]
        let row = |k: usize| unsafe { std::slice::from_raw_parts(base(operands[k]), lanes) };
        let (place, into) = (|k: usize| base(operands[k]), base(*into));
        match *code {
            Code::Value(Op::Add) => by_group!(place, into, lanes, |a = 0, b = 1| a + b),
            Code::Value(Op::Sub) => by_group!(place, into, lanes, |a = 0, b = 1| a - b),
            Code::Value(Op::Mul) => by_group!(place, into, lanes, |a = 0, b = 1| a * b),
            Code::Value(Op::Div) => by_group!(place, into, lanes, |a = 0, b = 1| a / b),
            Code::Pair(first, second) => pairs!(place, into, lanes, first, second;
                Add: |a, b| (a + b), Sub: |a, b| (a - b), Mul: |a, b| (a * b), Div: |a, b| (a / b),
                Sqrt: |a, _b| a.sqrt()),
            Code::Products(Join::Add) => by_group!(place, into, lanes, |a = 0, b = 1, c = 2, d = 3| a * b + c * d),
            Code::Products(Join::Sub) => by_group!(place, into, lanes, |a = 0, b = 1, c = 2, d = 3| a * b - c * d),
            _ => {
                #[allow(unsafe_code, reason = "as above, and such a step never writes where it reads")]
                let into = unsafe { std::slice::from_raw_parts_mut(into, lanes) };
                whole_rows(*code, row, into);
            }
        }
    }
}

/// The steps that are loops over rows of which the result's is none of the others.
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
        Code::Pair(..) | Code::Products(_) => unreachable!("these go by group"),
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

/// Asks for numbers that will soon be read, so that they are on their way while others are worked on.
#[inline]
pub(crate) fn fetch(numbers: &[f64]) {
    #[cfg(target_arch = "x86_64")]
    for line in numbers.chunks(GROUP) {
        #[allow(unsafe_code, reason = "a hint, which reads nothing")]
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = numbers;
}
