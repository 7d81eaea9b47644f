//! By how much a function rises, from its values alone.
//!
//! A traced function is smooth as long as its guards answer the same and no operation with a corner crosses it; such a
//! stretch is called a piece here. Differences are taken within one piece, with steps that are halved and
//! extrapolated, until the estimate of the error is smallest. What is left of the error by rounding is bounded by the
//! sizes of the numbers on the tape.

use slowgrad_tape::{Call, Diagnostic, Function, Node, Op, Trace};
use std::cell::RefCell;
use std::sync::Arc;

/// Halvings of the step.
const LEVELS: usize = 28;
/// Extrapolations; more would only add up rounding.
const ORDERS: usize = 5;
/// Estimates that differ by more, relative to the slope, are not steady.
const STEADY: f64 = 1e-3;
/// An error so small, relative to the slope, ends the halving.
const FINE: f64 = 1e-9;
/// What extrapolation makes of the rounding in one value.
const AMPLIFIED: f64 = 10.0;

/// A slope with a bound of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    pub(super) value: f64,
    pub(super) error: f64,
    /// The part of the error that rounding may have.
    rounding: f64,
    /// How far from the point it was looked.
    pub(super) step: f64,
}

impl Slope {
    /// Whether steps of other lengths told the same, up to rounding. Where a function grows without bound they do not,
    /// and nothing can be said.
    pub(super) fn is_sure(&self) -> bool {
        self.error <= STEADY * self.value.abs() || self.error <= 8.0 * self.rounding
    }
}

/// A value with the rounding that may be in it.
type Rounded = (f64, f64);

/// To which side of a point steps are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Both,
    Up,
    Down,
}

/// A shared function that is called in turn.
pub(super) struct Borrowed<'f>(pub(super) &'f RefCell<Function>);

type Called<T> = Result<T, Box<Diagnostic>>;

impl Borrowed<'_> {
    pub(super) fn call(&self, inputs: &[f64]) -> Called<Call> {
        self.0.borrow_mut().call(inputs)
    }

    /// The call at a moved input, with what stops the gradient held where it was.
    pub(super) fn moved(&self, base: &Call, point: &[f64], j: usize, x: f64) -> Called<Call> {
        let mut moved = point.to_vec();
        moved[j] = x;
        if has_stop(&base.trace) { Ok(frozen(base, &moved)) } else { self.call(&moved) }
    }

    /// The result at a moved input, if it lies on the same piece and is a number.
    fn beside(&self, base: &Call, point: &[f64], j: usize, x: f64, k: usize) -> Called<Option<Rounded>> {
        let call = self.moved(base, point, j, x)?;
        Ok((same_piece(base, &call) && call.output(k).is_finite()).then(|| (call.output(k), noise(&call, k))))
    }

    /// The slope of result k along input j, from one side or both; `start` is the first step's share of the usual.
    pub(super) fn slope(
        &self,
        base: &Call,
        point: &[f64],
        j: usize,
        k: usize,
        side: Side,
        start: f64,
    ) -> Called<Option<Slope>> {
        let x = point[j];
        let widest = start * 0.1 * x.abs().max(0.1);
        let own = (base.output(k), noise(base, k));
        let mut last_row: Vec<f64> = Vec::new();
        let mut estimates: Vec<Slope> = Vec::new();
        for level in 0..LEVELS {
            let step = widest / f64::from(1 << level);
            let (up, down) = match side {
                Side::Both => (x + step, x - step),
                Side::Up => (x + step, x),
                Side::Down => (x, x - step),
            };
            let value = |at: f64| if at == x { Ok(Some(own)) } else { self.beside(base, point, j, at, k) };
            let (Some((above, above_noise)), Some((below, below_noise))) = (value(up)?, value(down)?) else {
                last_row.clear();
                estimates.clear();
                continue;
            };
            let row = extrapolated((above - below) / (up - down), &last_row, side);
            let rounding = AMPLIFIED * (above_noise + below_noise) / (up - down);
            estimates.extend(best_of_row(&row, &last_row, rounding, step));
            last_row = row;
            // Two levels must say so.
            if let [.., before, now] = estimates.as_slice()
                && before.error.max(now.error) <= FINE * now.value.abs()
            {
                break;
            }
        }
        Ok(confirmed(&estimates))
    }

    /// The best slope from either side or both.
    pub(super) fn best_slope(
        &self,
        base: &Call,
        point: &[f64],
        j: usize,
        k: usize,
        start: f64,
    ) -> Called<Option<Slope>> {
        let mut best = self.slope(base, point, j, k, Side::Both, start)?;
        for side in [Side::Up, Side::Down] {
            if best.is_some_and(|best| best.error <= 1e-6 * best.value.abs()) {
                break;
            }
            let found = self.slope(base, point, j, k, side, start)?;
            if best.is_none_or(|best| found.is_some_and(|found| found.error < best.error)) {
                best = found;
            }
        }
        Ok(best)
    }

    /// Whether the function of one number has a kink just here.
    pub(super) fn at_kink(&self, call: &Call, point: &[f64]) -> Called<bool> {
        for x in [point[0].next_up(), point[0].next_down()] {
            let mut beside = point.to_vec();
            beside[0] = x;
            if !same_piece(call, &self.call(&beside)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Between two values of input j, where one piece ends and another begins: the last and the first number of them.
    pub(super) fn kink(&self, point: &[f64], j: usize, from: f64, to: f64) -> Called<Option<(f64, f64)>> {
        let mut at = point.to_vec();
        let mut call = |x: f64| {
            at[j] = x;
            self.call(&at)
        };
        let (low, high) = (from.min(to), from.max(to));
        let first = call(low)?;
        if same_piece(&first, &call(high)?) {
            return Ok(None);
        }
        let (mut low, mut high) = (rank(low), rank(high));
        while low + 1 < high {
            let middle = i64::midpoint(low, high);
            if same_piece(&first, &call(ranked(middle))?) { low = middle } else { high = middle }
        }
        // A corner such as that of `abs` is a piece of its own; the next one begins behind it.
        let corner = call(ranked(high))?;
        if !same_piece(&corner, &call(ranked(high + 1))?) {
            high += 1;
        }
        let (low, high) = (ranked(low), ranked(high));
        Ok(Some((low, high)))
    }
}

/// A quotient with its extrapolations by those of the step twice as long. The errors of differences go with the
/// step's even powers from both sides, with all powers from one.
fn extrapolated(quotient: f64, before: &[f64], side: Side) -> Vec<f64> {
    let mut row = vec![quotient];
    let mut power = 1.0;
    for (order, &longer) in before.iter().take(ORDERS).enumerate() {
        power *= if side == Side::Both { 4.0 } else { 2.0 };
        row.push(row[order] + (row[order] - longer) / (power - 1.0));
    }
    row
}

/// The entry of a row that is nearest to those it was made from.
fn best_of_row(row: &[f64], before: &[f64], rounding: f64, step: f64) -> Option<Slope> {
    let entries = (1..row.len()).map(|at| {
        let apart = (row[at] - row[at - 1]).abs().max((row[at] - before[at - 1]).abs());
        Slope { value: row[at], error: apart + rounding, rounding, step }
    });
    entries.filter(|slope| slope.error.is_finite()).min_by(|a, b| a.error.total_cmp(&b.error))
}

/// The estimate of least error, which the estimates of half and twice the step must not contradict: where a function
/// grows without bound, extrapolations may meet by chance.
fn confirmed(estimates: &[Slope]) -> Option<Slope> {
    let best = (0..estimates.len()).min_by(|&a, &b| estimates[a].error.total_cmp(&estimates[b].error))?;
    let slope = estimates[best];
    let beside = estimates.get(best + 1).or_else(|| estimates.get(best.checked_sub(1)?))?;
    Some(Slope { error: slope.error.max((beside.value - slope.value).abs()), ..slope })
}

/// Numbers in their order as whole numbers, so that halving leads from any two to neighbours.
fn rank(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    if bits < 0 { i64::MIN - bits } else { bits }
}

fn ranked(rank: i64) -> f64 {
    f64::from_bits(if rank < 0 { i64::MIN - rank } else { rank } as u64)
}

fn has_stop(trace: &Trace) -> bool {
    !trace.is_volatile() && trace.nodes().iter().any(|node| node.op == Op::StopGradient)
}

/// The trace at other inputs with every stopped value as it was: what the chain rule is asked to differentiate.
fn frozen(base: &Call, inputs: &[f64]) -> Call {
    let mut values: Vec<f64> = Vec::with_capacity(base.values.len());
    for (i, node) in base.trace.nodes().iter().enumerate() {
        values.push(match node.op {
            Op::Input => inputs[i],
            Op::Constant => node.constant,
            Op::StopGradient => base.values[i],
            op => {
                let [a, b, c] = node.operands.map(|id| values[id.index()]);
                op.value(a, b, c)
            }
        });
    }
    Call { trace: Arc::clone(&base.trace), values }
}

/// How far rounding may move result k: each number on the tape may be off by its last bit.
pub(super) fn noise(call: &Call, k: usize) -> f64 {
    let outputs = call.trace.outputs().len();
    let seeds: Vec<f64> = (0..outputs).map(|j| if j == k { 1.0 } else { 0.0 }).collect();
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &seeds, &mut grads);
    let moved: f64 = grads.iter().zip(&call.values).map(|(g, x)| (g * x).abs()).filter(|x| x.is_finite()).sum();
    f64::EPSILON * (moved + call.output(k).abs())
}

/// Whether two calls lie on the same smooth piece.
pub(super) fn same_piece(a: &Call, b: &Call) -> bool {
    let same_path = Arc::ptr_eq(&a.trace, &b.trace) || a.trace.is_volatile() && same_shape(&a.trace, &b.trace);
    if !same_path {
        return false;
    }
    let guards = |call: &Call| call.trace.guards().iter().all(|guard| guard.holds(&call.values));
    let nodes = a.trace.nodes().iter().enumerate();
    let mut branches = nodes.map(|(i, node)| (branch(node, i, &a.values), branch(node, i, &b.values)));
    branches.all(|(a, b)| a == b || a.is_nan() && b.is_nan()) && (guards(b) || b.trace.is_volatile())
}

/// Whether two runs of a script that runs each time did the same.
fn same_shape(a: &Trace, b: &Trace) -> bool {
    let nodes = |trace: &Trace| trace.nodes().iter().map(|node| (node.op, node.operands)).collect::<Vec<_>>();
    let answers = |trace: &Trace| trace.guards().iter().map(|guard| guard.result).collect::<Vec<_>>();
    nodes(a) == nodes(b) && answers(a) == answers(b)
}

/// On which side of its corners, jumps and poles an operation is.
fn branch(node: &Node, at: usize, values: &[f64]) -> f64 {
    let [a, b, c] = node.operands.map(|id| values[id.index()]);
    let side = |x: f64| {
        if x > 0.0 {
            1.0
        } else if x < 0.0 {
            -1.0
        } else {
            x.abs()
        }
    };
    match node.op {
        Op::Abs | Op::Sign | Op::Cbrt => side(a),
        Op::Min | Op::Max => side(a - b),
        Op::Clamp => side(a - b) + 3.0 * side(a - c),
        // A pole.
        Op::Div => side(b),
        Op::Pow if b >= 0.0 && b.fract() == 0.0 => 2.0,
        Op::Pow => side(a),
        Op::Rem => (a / b).trunc(),
        // The result jumps from π to −π.
        Op::Atan2 => {
            if b < 0.0 {
                side(a)
            } else {
                2.0
            }
        }
        Op::Tan => (a / std::f64::consts::PI + 0.5).floor(),
        Op::Floor | Op::Ceil | Op::Round => values[at],
        _ => 0.0,
    }
}

/// A number with so many digits, without needless zeros.
pub(super) fn short(x: f64, digits: usize) -> String {
    let text = format!("{x:.*e}", digits.saturating_sub(1));
    match text.parse::<f64>() {
        Ok(rounded) if x == 0.0 || (1e-4..1e6).contains(&x.abs()) => rounded.to_string(),
        _ => text,
    }
}
