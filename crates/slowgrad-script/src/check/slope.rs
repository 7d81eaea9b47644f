//! Slopes by finite differences, from the values of a function alone.
//!
//! A traced function is smooth as long as its guards give the same results and no operation crosses a corner. Such an
//! interval is called a piece. Differences are taken within one piece, with steps that are halved and extrapolated
//! (Richardson extrapolation, as in Ridders, 1982) until the error estimate is smallest. The rounding error is bounded
//! from the magnitudes of the numbers on the tape.

use slowgrad_tape::{Call, Diagnostic, Function, Node, Op, Trace};
use std::cell::RefCell;
use std::sync::Arc;

/// The largest number of halvings of the step.
const MAX_HALVINGS: usize = 28;
/// The largest number of extrapolations. More would only accumulate rounding errors.
const MAX_EXTRAPOLATIONS: usize = 5;
/// The largest relative error of a reliable estimate.
const MAX_RELATIVE_ERROR: f64 = 1e-3;
/// The relative error at which the halving ends.
const TARGET_RELATIVE_ERROR: f64 = 1e-9;
/// The factor by which extrapolation amplifies the rounding error of a value.
const ROUNDING_AMPLIFICATION: f64 = 10.0;

/// A slope with an error bound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Slope {
    pub(super) value: f64,
    pub(super) error: f64,
    /// The part of the error that is due to rounding.
    rounding: f64,
    /// The distance from the point at which the function was evaluated.
    pub(super) step: f64,
}

impl Slope {
    /// Whether steps of different lengths agree up to rounding. Near a pole they do not, and the slope is unknown.
    pub(super) fn is_reliable(&self) -> bool {
        self.error <= MAX_RELATIVE_ERROR * self.value.abs() || self.error <= 8.0 * self.rounding
    }
}

/// A value and its rounding error.
type Rounded = (f64, f64);

/// The side of a point on which the function is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Both,
    Up,
    Down,
}

/// The function under test.
pub(super) struct TestedFunction<'f>(pub(super) &'f RefCell<Function>);

type CallResult<T> = Result<T, Box<Diagnostic>>;

impl TestedFunction<'_> {
    pub(super) fn call(&self, inputs: &[f64]) -> CallResult<Call> {
        self.0.borrow_mut().call(inputs)
    }

    /// Calls the function with input j set to x. Values inside `stop_gradient` stay constant.
    pub(super) fn moved(&self, base: &Call, point: &[f64], j: usize, x: f64) -> CallResult<Call> {
        let mut moved = point.to_vec();
        moved[j] = x;
        if has_stop(&base.trace) { Ok(frozen(base, &moved)) } else { self.call(&moved) }
    }

    /// Result k with input j set to x, if the call is on the same piece and the result is finite.
    fn beside(&self, base: &Call, point: &[f64], j: usize, x: f64, k: usize) -> CallResult<Option<Rounded>> {
        let call = self.moved(base, point, j, x)?;
        Ok((same_piece(base, &call) && call.output(k).is_finite()).then(|| (call.output(k), noise(&call, k))))
    }

    /// The slope of result k with respect to input j, from one side or both. `start` scales the first step.
    pub(super) fn slope(
        &self,
        base: &Call,
        point: &[f64],
        j: usize,
        k: usize,
        side: Side,
        start: f64,
    ) -> CallResult<Option<Slope>> {
        let x = point[j];
        let widest = start * 0.1 * x.abs().max(0.1);
        let own = (base.output(k), noise(base, k));
        let mut last_row: Vec<f64> = Vec::new();
        let mut estimates: Vec<Slope> = Vec::new();
        for level in 0..MAX_HALVINGS {
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
            let rounding = ROUNDING_AMPLIFICATION * (above_noise + below_noise) / (up - down);
            estimates.extend(best_of_row(&row, &last_row, rounding, step));
            last_row = row;
            // Two levels in a row must reach the target.
            if let [.., before, now] = estimates.as_slice()
                && before.error.max(now.error) <= TARGET_RELATIVE_ERROR * now.value.abs()
            {
                break;
            }
        }
        Ok(confirmed(&estimates))
    }

    /// The slope with the smallest error bound, from either side or both.
    pub(super) fn best_slope(
        &self,
        base: &Call,
        point: &[f64],
        j: usize,
        k: usize,
        start: f64,
    ) -> CallResult<Option<Slope>> {
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

    /// Whether a function of one number has a kink exactly at this point.
    pub(super) fn at_kink(&self, call: &Call, point: &[f64]) -> CallResult<bool> {
        for x in [point[0].next_up(), point[0].next_down()] {
            let mut beside = point.to_vec();
            beside[0] = x;
            if !same_piece(call, &self.call(&beside)?) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Searches for the end of a piece between two values of input j. Returns the last number of the piece and the first
    /// number of the next one.
    pub(super) fn kink(&self, point: &[f64], j: usize, from: f64, to: f64) -> CallResult<Option<(f64, f64)>> {
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
            if same_piece(&first, &call(from_rank(middle))?) { low = middle } else { high = middle }
        }
        // A corner such as that of `abs` is a piece of a single point; the next piece begins after it.
        let corner = call(from_rank(high))?;
        if !same_piece(&corner, &call(from_rank(high + 1))?) {
            high += 1;
        }
        let (low, high) = (from_rank(low), from_rank(high));
        Ok(Some((low, high)))
    }
}

/// Extrapolates a difference quotient with the row of the step twice as long. The error of a two-sided difference is a
/// series in even powers of the step, that of a one-sided difference in all powers.
fn extrapolated(quotient: f64, before: &[f64], side: Side) -> Vec<f64> {
    let mut row = vec![quotient];
    let mut power = 1.0;
    for (order, &longer) in before.iter().take(MAX_EXTRAPOLATIONS).enumerate() {
        power *= if side == Side::Both { 4.0 } else { 2.0 };
        row.push(row[order] + (row[order] - longer) / (power - 1.0));
    }
    row
}

/// The entry of a row that differs least from the entries it was extrapolated from.
fn best_of_row(row: &[f64], before: &[f64], rounding: f64, step: f64) -> Option<Slope> {
    let entries = (1..row.len()).map(|at| {
        let apart = (row[at] - row[at - 1]).abs().max((row[at] - before[at - 1]).abs());
        Slope { value: row[at], error: apart + rounding, rounding, step }
    });
    entries.filter(|slope| slope.error.is_finite()).min_by(|a, b| a.error.total_cmp(&b.error))
}

/// The estimate with the smallest error, increased by its distance from the estimate of a neighbouring step: near a
/// pole, extrapolations may agree by chance.
fn confirmed(estimates: &[Slope]) -> Option<Slope> {
    let best = (0..estimates.len()).min_by(|&a, &b| estimates[a].error.total_cmp(&estimates[b].error))?;
    let slope = estimates[best];
    let beside = estimates.get(best + 1).or_else(|| estimates.get(best.checked_sub(1)?))?;
    Some(Slope { error: slope.error.max((beside.value - slope.value).abs()), ..slope })
}

/// Maps floating-point numbers to integers in the same order, so that bisection ends at adjacent numbers.
fn rank(x: f64) -> i64 {
    let bits = x.to_bits() as i64;
    if bits < 0 { i64::MIN - bits } else { bits }
}

/// The inverse of [`rank`].
fn from_rank(rank: i64) -> f64 {
    f64::from_bits(if rank < 0 { i64::MIN - rank } else { rank } as u64)
}

fn has_stop(trace: &Trace) -> bool {
    !trace.is_volatile() && trace.nodes().iter().any(|node| node.op == Op::StopGradient)
}

/// Evaluates a trace with other inputs while every stopped value stays constant: the function that the chain rule
/// differentiates.
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

/// The possible rounding error of result k, if the last bit of each number on the tape may be wrong.
pub(super) fn noise(call: &Call, k: usize) -> f64 {
    let outputs = call.trace.outputs().len();
    let seeds: Vec<f64> = (0..outputs).map(|j| if j == k { 1.0 } else { 0.0 }).collect();
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &seeds, &mut grads);
    let moved: f64 = grads.iter().zip(&call.values).map(|(g, x)| (g * x).abs()).filter(|x| x.is_finite()).sum();
    f64::EPSILON * (moved + call.output(k).abs())
}

/// Whether two calls are on the same smooth piece.
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

/// Whether two runs of a script that cannot be replayed performed the same operations.
fn same_shape(a: &Trace, b: &Trace) -> bool {
    let nodes = |trace: &Trace| trace.nodes().iter().map(|node| (node.op, node.operands)).collect::<Vec<_>>();
    let outcomes = |trace: &Trace| trace.guards().iter().map(|guard| guard.result).collect::<Vec<_>>();
    nodes(a) == nodes(b) && outcomes(a) == outcomes(b)
}

/// The side of an operation's corners, jumps and poles on which its operands are.
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

/// Formats a number with this many significant digits, without trailing zeros.
pub(super) fn short(x: f64, digits: usize) -> String {
    let text = format!("{x:.*e}", digits.saturating_sub(1));
    match text.parse::<f64>() {
        Ok(rounded) if x == 0.0 || (1e-4..1e6).contains(&x.abs()) => rounded.to_string(),
        _ => text,
    }
}
