//! Compares the derived gradient with finite differences, and reports results that are not finite.

use super::points::{Probe, ProbeKind};
use super::report::{FunctionReport, Measurement, WorstPoint};
use super::slope::{Side, Slope, TestedFunction, same_piece};
use super::{Check, CheckResult, contract};
use crate::plugins::PluginKind;
use crate::runtime::program::ScriptProgram;
use crate::sandbox::runs_each_time_warning;
use slowgrad_tape::{Call, Diagnostic, Op, Site, Trace, ValueId};

/// The largest relative error of a gradient that counts as correct.
const RELATIVE_TOLERANCE: f64 = 1e-5;
/// A finite difference with a larger relative error is inconclusive.
const MAX_DIFFERENCE_ERROR: f64 = 1e-4;
/// A finite difference is inconclusive if the gradient changes by more than this, relative to its size.
const MAX_GRADIENT_CHANGE: f64 = 0.5;
/// A mismatch must exceed the estimated error by this factor.
const ERROR_FACTOR: f64 = 4.0;
/// Factors for the first step width. A mismatch must show with each of them.
const FIRST_STEP_FACTORS: [f64; 2] = [1.0, 0.37];
/// The largest number of kinks to test.
const MAX_KINKS: usize = 24;
/// Steps of a staircase function that are narrower than this (relative to inputs above 1) count as rounding.
const MAX_STAIR_WIDTH: f64 = 1e-2;
/// The number of points with such rounding from which a warning is given.
const MIN_STAIRS: usize = 3;
/// The budget of tape operations for checking one function.
const MAX_OPERATIONS: usize = 30_000_000;
/// The cost of one run of a script that cannot be replayed, in tape operations.
const OPERATIONS_PER_RUN: usize = 10_000;

/// A point at which the gradient is wrong.
#[derive(Debug, Clone)]
struct Mismatch {
    worst: WorstPoint,
    /// Whether rounding in fine steps causes it.
    rounding: bool,
}

/// The comparison of one function.
struct GradientComparison<'c> {
    function: &'c TestedFunction<'c>,
    width: usize,
    outputs: usize,
    points: usize,
    kinks: usize,
    worst: Option<WorstPoint>,
    wrong: Option<Mismatch>,
    stairs: Vec<Mismatch>,
}

impl Check<'_> {
    /// Compares the derived gradient of the first `width` inputs with finite differences, at the probes and on both
    /// sides of the kinks between them.
    pub(super) fn gradient(
        &mut self,
        kind: PluginKind,
        program: &ScriptProgram,
        function: &TestedFunction<'_>,
        probes: &[Probe],
        width: usize,
    ) -> CheckResult {
        let mut comparison = GradientComparison {
            function,
            width,
            outputs: function.0.borrow().outputs(),
            points: 0,
            kinks: 0,
            worst: None,
            wrong: None,
            stairs: Vec::new(),
        };
        let mut spent = 0;
        for probe in probes {
            let call = function.call(&probe.inputs)?;
            let cost =
                call.trace.nodes().len() + if function.0.borrow().runs_each_time() { OPERATIONS_PER_RUN } else { 0 };
            // Every probe is called once, even if the budget is spent.
            let affordable = spent < MAX_OPERATIONS && self.in_time();
            let finite = match probe.kind {
                ProbeKind::Edge => self.is_a_number(&call, program, kind, width),
                _ => self.numbers(&call, program, kind, width),
            };
            if !finite || !probe.kind.is_compared() || !affordable {
                continue;
            }
            spent += 20 * width * comparison.outputs * cost;
            comparison.point(&call, probe)?;
        }
        let chosen: Vec<&Probe> = probes.iter().filter(|probe| probe.kind.is_compared()).collect();
        for pair in chosen.windows(2) {
            if comparison.kinks >= MAX_KINKS || spent >= MAX_OPERATIONS || !self.in_time() {
                break;
            }
            spent += 100 * width * pair[0].inputs.len().max(100);
            for j in 0..width {
                comparison.between(&pair[0].inputs, pair[1].inputs[j], j)?;
            }
        }
        self.report_comparison(kind, program, comparison);
        Ok(())
    }

    fn report_comparison(&mut self, kind: PluginKind, program: &ScriptProgram, comparison: GradientComparison<'_>) {
        let name = contract(kind, program);
        let location = || program.text.function_location(name);
        if comparison.function.0.borrow().runs_each_time() {
            self.found.push(runs_each_time_warning(program, kind));
        }
        let few = comparison.stairs.len() < MIN_STAIRS;
        let steepest = comparison.stairs.into_iter().max_by(|a, b| a.worst.error.total_cmp(&b.worst.error));
        let stairs = steepest.filter(|_| !few);
        let wrong = comparison.wrong.or(stairs);
        if let Some(found) = &wrong {
            let help = if found.rounding {
                "rounding hides the slope from the chain rule; remove the rounding"
            } else {
                "`value(x)` and similar functions hide a number from the chain rule"
            };
            let warning = Diagnostic::warning("gradient-mismatch", found.worst.message());
            self.found.push(warning.at(location()).help(help));
        }
        let agrees = wrong.is_none();
        let worst = wrong.map(|found| found.worst).or(comparison.worst);
        let measurement = Measurement::Gradient { points: comparison.points, kinks: comparison.kinks, agrees, worst };
        self.report(FunctionReport { function: name, measurement });
    }

    /// Like [`numbers`](Self::numbers), but accepts infinities: a result may be too large for a number.
    pub(super) fn is_a_number(&mut self, call: &Call, program: &ScriptProgram, kind: PluginKind, width: usize) -> bool {
        let outputs = call.trace.outputs();
        let mut grads = Vec::new();
        let infinite = (0..outputs.len()).any(|k| call.output(k).is_infinite());
        let nan = (0..outputs.len()).any(|k| call.output(k).is_nan()) || {
            let seeds: Vec<f64> = vec![1.0; outputs.len()];
            call.trace.backward(&call.values, &seeds, &mut grads);
            // Next to an infinite result, the gradient may be anything.
            !infinite && grads.iter().take(width).any(|grad| grad.is_nan())
        };
        !nan || self.numbers(call, program, kind, width)
    }

    /// Warns about results and gradients that are not finite, at the operation where the problem begins. Returns
    /// whether all are finite.
    pub(super) fn numbers(&mut self, call: &Call, program: &ScriptProgram, kind: PluginKind, width: usize) -> bool {
        let trace = &call.trace;
        let fallback = || program.text.function_location(contract(kind, program));
        let place = |site: Option<Site>| site.and_then(|site| trace.location(&site)).unwrap_or_else(fallback);
        let first = call.values.iter().position(|x| !x.is_finite());
        let broken = trace.outputs().iter().any(|id| !call.values[id.index()].is_finite());
        if let Some(at) = first.filter(|_| broken) {
            let node = trace.nodes()[at];
            let operands: Vec<String> = match node.op {
                Op::Input | Op::Constant => Vec::new(),
                op => node.operands[..op.arity()].iter().map(|id| number(call.values[id.index()])).collect(),
            };
            let of = match operands.as_slice() {
                [] => String::new(),
                [operand] => format!(" for operand {operand},"),
                _ => format!(" for operands {},", operands.join(" and ")),
            };
            let message = format!("this gives {}{of} at {}", number(call.values[at]), inputs(call));
            let warning = Diagnostic::warning("not-finite", message).at(place(node.site));
            self.warn_once(match remedy(node.op, call.values[at]) {
                Some(help) => warning.help(help),
                None => warning,
            });
            return false;
        }
        let Some((input, derived, node)) = broken_gradient(call, width) else { return true };
        let name = trace.input_name(input);
        let message = format!("the gradient with respect to {name} is {} at {}", number(derived), inputs(call));
        let site = first.map_or(trace.node(node).site, |at| trace.nodes()[at].site);
        let help = match first {
            Some(at) => format!("this gives {} on the way; avoid it with a branch or a bound", number(call.values[at])),
            None => "a local derivative is infinite here, such as that of `sqrt` at 0; avoid it with a branch or add a small number".to_owned(),
        };
        self.warn_once(Diagnostic::warning("gradient-not-finite", message).at(place(site)).help(help));
        false
    }

    /// Adds a warning unless one with the same code and location exists.
    fn warn_once(&mut self, warning: Diagnostic) {
        let known = self.found.iter().any(|found| found.code == warning.code && found.location == warning.location);
        if !known {
            self.found.push(warning);
        }
    }
}

impl GradientComparison<'_> {
    /// Compares all partial derivatives at one point.
    fn point(&mut self, call: &Call, probe: &Probe) -> CheckResult {
        let mut compared = false;
        self.each(call, |this, k, j, derived| {
            compared |= this.partial(call, &probe.inputs, k, j, derived, None)?;
            if probe.kind == ProbeKind::Random {
                this.stair(call, &probe.inputs, k, j, derived)?;
            }
            Ok(())
        })?;
        self.points += usize::from(compared);
        Ok(())
    }

    /// Calls a function for each finite partial derivative of a call, with the result, the input and the derivative.
    fn each(&mut self, call: &Call, mut visit: impl FnMut(&mut Self, usize, usize, f64) -> CheckResult) -> CheckResult {
        // A stopped gradient deliberately differs from finite differences. In a script that cannot be replayed, the
        // stopped value cannot be held constant for the comparison.
        if call.trace.is_volatile() && call.trace.nodes().iter().any(|node| node.op == Op::StopGradient) {
            return Ok(());
        }
        let mut grads = Vec::new();
        for k in 0..self.outputs {
            let seeds: Vec<f64> = (0..self.outputs).map(|other| if other == k { 1.0 } else { 0.0 }).collect();
            call.trace.backward(&call.values, &seeds, &mut grads);
            for (j, &derived) in grads.iter().enumerate().take(self.width) {
                if derived.is_finite() {
                    visit(self, k, j, derived)?;
                }
            }
        }
        Ok(())
    }

    /// Compares one partial derivative. Returns whether the finite difference was conclusive.
    fn partial(
        &mut self,
        call: &Call,
        point: &[f64],
        k: usize,
        j: usize,
        derived: f64,
        side: Option<Side>,
    ) -> CheckResult<bool> {
        let mut last = None;
        for start in FIRST_STEP_FACTORS {
            let slope = match side {
                Some(side) => self.function.slope(call, point, j, k, side, start)?,
                None => self.function.best_slope(call, point, j, k, start)?,
            };
            let Some(slope) = slope.filter(Slope::is_reliable) else { return Ok(false) };
            let Slope { value, error, .. } = slope;
            let size = derived.abs().max(value.abs());
            let apart = (derived - value).abs();
            // Subnormal numbers have no relative precision.
            if apart <= RELATIVE_TOLERANCE * size + ERROR_FACTOR * error + f64::MIN_POSITIVE {
                let decided = ERROR_FACTOR * error <= MAX_DIFFERENCE_ERROR * size.max(RELATIVE_TOLERANCE);
                if decided {
                    let worst = worst(call, point, j, derived, value);
                    if self.worst.as_ref().is_none_or(|known| worst.error > known.error) {
                        self.worst = Some(worst);
                    }
                }
                return Ok(decided);
            }
            last = Some(slope);
        }
        if let Some(slope) = last {
            let value = slope.value;
            // A finite difference over an interval in which the gradient changes a lot is inconclusive.
            for x in [point[j] - slope.step, point[j] + slope.step] {
                let beside = self.function.moved(call, point, j, x)?;
                let changed = (derivative(&beside, j, k) - derived).abs();
                if same_piece(call, &beside)
                    && (changed.is_nan() || changed > MAX_GRADIENT_CHANGE * derived.abs().max(value.abs()))
                {
                    return Ok(false);
                }
            }
            let found = Mismatch { worst: worst(call, point, j, derived, value), rounding: false };
            if self.wrong.as_ref().is_none_or(|known| found.worst.error > known.worst.error) {
                self.wrong = Some(found);
            }
        }
        Ok(true)
    }

    /// Detects rounding: on a fine staircase the slope over many steps counts, not the slope of one step.
    fn stair(&mut self, call: &Call, point: &[f64], k: usize, j: usize, derived: f64) -> CheckResult {
        let width = MAX_STAIR_WIDTH * point[j].abs().max(1.0);
        let beside = |x: f64| {
            let mut moved = point.to_vec();
            moved[j] = x;
            self.function.call(&moved)
        };
        for near in [-0.1, 0.1] {
            if same_piece(call, &beside(point[j] + near * width)?) {
                return Ok(());
            }
        }
        let (below, above) = (beside(point[j] - width)?, beside(point[j] + width)?);
        let coarse = (above.output(k) - below.output(k)) / (2.0 * width);
        let size = derived.abs().max(coarse.abs());
        if coarse.is_finite() && (derived - coarse).abs() > 0.1 * size {
            self.stairs.push(Mismatch { worst: worst(call, point, j, derived, coarse), rounding: true });
        }
        Ok(())
    }

    /// Searches for a kink along one input and compares the derivatives on both sides of it.
    fn between(&mut self, point: &[f64], to: f64, j: usize) -> CheckResult {
        let Some((low, high)) = self.function.kink(point, j, point[j], to)? else { return Ok(()) };
        let mut compared = false;
        for (x, side) in [(low, Side::Down), (high, Side::Up)] {
            let mut at = point.to_vec();
            at[j] = x;
            let call = self.function.call(&at)?;
            self.each(&call, |this, k, input, derived| {
                if input == j {
                    compared |= this.partial(&call, &at, k, j, derived, Some(side))?;
                }
                Ok(())
            })?;
        }
        self.kinks += usize::from(compared);
        self.points += 2 * usize::from(compared);
        Ok(())
    }
}

/// The derivative of result k with respect to input j, by the chain rule.
fn derivative(call: &Call, j: usize, k: usize) -> f64 {
    let outputs = call.trace.outputs().len();
    let seeds: Vec<f64> = (0..outputs).map(|other| if other == k { 1.0 } else { 0.0 }).collect();
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &seeds, &mut grads);
    grads[j]
}

fn worst(call: &Call, point: &[f64], j: usize, derived: f64, difference: f64) -> WorstPoint {
    let error = (derived - difference).abs() / derived.abs().max(1.0);
    let at = if call.trace.inputs() > 1 && point.len() <= MAX_NAMED_INPUTS {
        inputs(call)
    } else {
        format!("{} = {}", call.trace.input_name(j), number(point[j]))
    };
    WorstPoint { error, at, derived, difference }
}

/// The largest number of inputs in a message.
const MAX_NAMED_INPUTS: usize = 6;

/// `output[0] = 0, target[0] = 1`
pub(super) fn inputs(call: &Call) -> String {
    let one = |i: usize| format!("{} = {}", call.trace.input_name(i), number(call.values[i]));
    let mut named: Vec<String> = (0..call.trace.inputs().min(MAX_NAMED_INPUTS)).map(one).collect();
    if call.trace.inputs() > MAX_NAMED_INPUTS {
        named.push("…".to_owned());
    }
    named.join(", ")
}

/// A number for messages.
fn number(x: f64) -> String {
    if x.is_nan() {
        "NaN".to_owned()
    } else if x.is_infinite() {
        if x > 0.0 { "∞" } else { "−∞" }.to_owned()
    } else {
        super::slope::short(x, 6)
    }
}

/// The first input with a gradient that is not finite: its index, the gradient and the operation that causes it.
fn broken_gradient(call: &Call, width: usize) -> Option<(usize, f64, ValueId)> {
    let trace: &Trace = &call.trace;
    let outputs = trace.outputs().len();
    (0..outputs).find_map(|k| {
        let seeds: Vec<f64> = (0..outputs).map(|j| if j == k { 1.0 } else { 0.0 }).collect();
        let mut grads = Vec::new();
        trace.seed(&seeds, &mut grads);
        let mut cause = None;
        for step in trace.chain() {
            let (local, _, after) = trace.chain_values(step, &call.values, &grads);
            grads[step.into.index()] = after;
            if cause.is_none() && !(local.is_finite() && after.is_finite()) {
                cause = Some(step.node);
            }
        }
        let input = (0..width).find(|&j| !grads[j].is_finite())?;
        Some((input, grads[input], cause?))
    })
}

/// Advice on how to keep the result of an operation finite.
fn remedy(op: Op, value: f64) -> Option<&'static str> {
    Some(match op {
        Op::Constant => "it comes from plain numbers, such as a division by `0.0`",
        Op::Ln | Op::Log10 | Op::Log2 => "the logarithm needs a number above 0, such as `ln(max(x, 0.000001))`",
        Op::Div | Op::Rem => "add a small number to the divisor to keep it away from 0",
        Op::Sqrt => "the square root needs a number of at least 0, such as `sqrt(max(x, 0.0))`",
        Op::Pow if value.is_infinite() => {
            "the result is too large, or 0 has a negative exponent; bound the operands with `clamp`"
        }
        Op::Pow => "a fractional exponent needs a base of at least 0, a negative exponent a base that is not 0",
        Op::Exp | Op::Sinh | Op::Cosh => {
            "the result is too large; bound the input with `min(x, 700.0)` or rewrite the formula"
        }
        Op::Asin | Op::Acos => "the input must be between −1 and 1, such as `clamp(x, -1.0, 1.0)`",
        _ => return None,
    })
}
