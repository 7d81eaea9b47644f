//! The derived gradient against finite differences, and what is not a number.

use super::points::{Place, Probe};
use super::report::{Report, Tried, Worst};
use super::slope::{Borrowed, Side, Slope, same_piece};
use super::{Check, Outcome, contract};
use crate::plugins::PluginKind;
use crate::runtime::program::ScriptProgram;
use crate::sandbox::runs_each_time_warning;
use slowgrad_tape::{Call, Diagnostic, Op, Site, Trace, ValueId};

/// A gradient may be off by this part of itself before it counts as wrong.
const CLOSE: f64 = 1e-5;
/// A difference whose own error is larger than this part of it says nothing.
const DECIDED: f64 = 1e-4;
/// A gradient that changes by more, relative to its size, is not steady.
const CHANGED: f64 = 0.5;
/// How often an estimated error must be exceeded.
const SURE: f64 = 4.0;
/// Shares of the usual first step: a mismatch must show with each of them.
const STARTS: [f64; 2] = [1.0, 0.37];
/// Kinks that are tried from both sides.
const MOST_KINKS: usize = 24;
/// A stair narrower than this, times the input's size where that is above 1, is too fine to be meant as one.
const STAIR: f64 = 1e-2;
/// Points that must lie on such stairs.
const FEW: usize = 3;
/// Operations of the tape that one function's check may compute; a script that runs each time pays more for each.
const WORK: usize = 30_000_000;
const WORK_OF_A_RUN: usize = 10_000;

/// A comparison that went wrong.
#[derive(Debug, Clone)]
struct Found {
    worst: Worst,
    fine: bool,
}

/// The comparison of one function.
struct Comparison<'c> {
    function: &'c Borrowed<'c>,
    width: usize,
    outputs: usize,
    points: usize,
    kinks: usize,
    worst: Option<Worst>,
    wrong: Option<Found>,
    stairs: Vec<Found>,
}

impl Check<'_> {
    /// The derived gradient of the first `width` inputs against differences, at the probes and beside the kinks between
    /// them.
    pub(super) fn gradient(
        &mut self,
        kind: PluginKind,
        program: &ScriptProgram,
        function: &Borrowed<'_>,
        probes: &[Probe],
        width: usize,
    ) -> Outcome {
        let mut comparison = Comparison {
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
            let cost = call.trace.nodes().len() + if function.0.borrow().runs_each_time() { WORK_OF_A_RUN } else { 0 };
            // The special and the far ones are called whatever it costs.
            let affordable = spent < WORK && self.in_time();
            if !self.numbers(&call, program, kind, width) || probe.place == Place::Far || !affordable {
                continue;
            }
            spent += 20 * width * comparison.outputs * cost;
            comparison.point(&call, probe)?;
        }
        let chosen: Vec<&Probe> = probes.iter().filter(|probe| probe.place != Place::Far).collect();
        for pair in chosen.windows(2) {
            if comparison.kinks >= MOST_KINKS || spent >= WORK || !self.in_time() {
                break;
            }
            spent += 100 * width * pair[0].inputs.len().max(100);
            for j in 0..width {
                comparison.between(&pair[0].inputs, pair[1].inputs[j], j)?;
            }
        }
        self.judge(kind, program, comparison);
        Ok(())
    }

    fn judge(&mut self, kind: PluginKind, program: &ScriptProgram, comparison: Comparison<'_>) {
        let name = contract(kind, program);
        let location = || program.text.function_location(name);
        if comparison.function.0.borrow().runs_each_time() {
            self.found.push(runs_each_time_warning(program, kind));
        }
        let few = comparison.stairs.len() < FEW;
        let steepest = comparison.stairs.into_iter().max_by(|a, b| a.worst.error.total_cmp(&b.worst.error));
        let stairs = steepest.filter(|_| !few);
        let wrong = comparison.wrong.or(stairs);
        if let Some(found) = &wrong {
            let help = if found.fine {
                "rounding in fine steps hides the slope from the chain rule; leave the rounding out"
            } else {
                "`value(x)` and its like hide a number from the chain rule"
            };
            let warning = Diagnostic::warning("gradient-mismatch", found.worst.sentence());
            self.found.push(warning.at(location()).help(help));
        }
        let agrees = wrong.is_none();
        let worst = wrong.map(|found| found.worst).or(comparison.worst);
        let tried = Tried::Gradient { points: comparison.points, kinks: comparison.kinks, agrees, worst };
        self.report(Report { function: name, tried });
    }

    /// Warns of results and gradients that are not numbers, at the operation where that begins.
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
            let of = if operands.is_empty() { String::new() } else { format!(" of {}", operands.join(" and ")) };
            let message = format!("this gives {}{of} for {}", number(call.values[at]), inputs(call));
            let warning = Diagnostic::warning("not-finite", message).at(place(node.site));
            self.once(match remedy(node.op, call.values[at]) {
                Some(help) => warning.help(help),
                None => warning,
            });
            return false;
        }
        let Some((input, derived, node)) = broken_gradient(call, width) else { return true };
        let name = trace.input_name(input);
        let message = format!("the gradient with respect to {name} is {} for {}", number(derived), inputs(call));
        let site = first.map_or(trace.node(node).site, |at| trace.nodes()[at].site);
        let help = match first {
            Some(at) => format!("this gives {} on the way; a branch or a bound keeps it away", number(call.values[at])),
            None => "a local derivative is infinite here, such as that of `sqrt` at 0; a branch or a small number keeps it away".to_owned(),
        };
        self.once(Diagnostic::warning("gradient-not-finite", message).at(place(site)).help(help));
        false
    }

    /// One place is named once for each kind of problem, with the first inputs that lead there.
    fn once(&mut self, warning: Diagnostic) {
        let known = self.found.iter().any(|found| found.code == warning.code && found.location == warning.location);
        if !known {
            self.found.push(warning);
        }
    }
}

impl Comparison<'_> {
    /// Compares all partial derivatives at one point.
    fn point(&mut self, call: &Call, probe: &Probe) -> Outcome {
        let mut compared = false;
        self.each(call, |this, k, j, derived| {
            compared |= this.partial(call, &probe.inputs, k, j, derived, None)?;
            if probe.place == Place::Anywhere {
                this.stair(call, &probe.inputs, k, j, derived)?;
            }
            Ok(())
        })?;
        self.points += usize::from(compared);
        Ok(())
    }

    /// Goes over the partial derivatives that the chain rule gives for a call.
    fn each(&mut self, call: &Call, mut look: impl FnMut(&mut Self, usize, usize, f64) -> Outcome) -> Outcome {
        // Whoever stops the gradient on purpose gets another one than the differences show; where the script runs
        // anew each time the stopped value cannot be held.
        if call.trace.is_volatile() && call.trace.nodes().iter().any(|node| node.op == Op::StopGradient) {
            return Ok(());
        }
        let mut grads = Vec::new();
        for k in 0..self.outputs {
            let seeds: Vec<f64> = (0..self.outputs).map(|other| if other == k { 1.0 } else { 0.0 }).collect();
            call.trace.backward(&call.values, &seeds, &mut grads);
            for (j, &derived) in grads.iter().enumerate().take(self.width) {
                if derived.is_finite() {
                    look(self, k, j, derived)?;
                }
            }
        }
        Ok(())
    }

    /// Compares one partial derivative; answers whether the difference was good enough to say anything.
    fn partial(
        &mut self,
        call: &Call,
        point: &[f64],
        k: usize,
        j: usize,
        derived: f64,
        side: Option<Side>,
    ) -> Outcome<bool> {
        let mut last = None;
        for start in STARTS {
            let slope = match side {
                Some(side) => self.function.slope(call, point, j, k, side, start)?,
                None => self.function.best_slope(call, point, j, k, start)?,
            };
            let Some(slope) = slope.filter(Slope::is_sure) else { return Ok(false) };
            let Slope { value, error, .. } = slope;
            let size = derived.abs().max(value.abs());
            let apart = (derived - value).abs();
            // Numbers below the least normal one are not exact to any part of themselves.
            if apart <= CLOSE * size + SURE * error + f64::MIN_POSITIVE {
                let decided = SURE * error <= DECIDED * size.max(CLOSE);
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
            // A difference over a stretch on which the gradient changes much says nothing about this point.
            for x in [point[j] - slope.step, point[j] + slope.step] {
                let beside = self.function.moved(call, point, j, x)?;
                let changed = (derivative(&beside, j, k) - derived).abs();
                if same_piece(call, &beside) && (changed.is_nan() || changed > CHANGED * derived.abs().max(value.abs()))
                {
                    return Ok(false);
                }
            }
            let found = Found { worst: worst(call, point, j, derived, value), fine: false };
            if self.wrong.as_ref().is_none_or(|known| found.worst.error > known.worst.error) {
                self.wrong = Some(found);
            }
        }
        Ok(true)
    }

    /// Where the function is cut into stairs too fine to see, it is what they make together that counts.
    fn stair(&mut self, call: &Call, point: &[f64], k: usize, j: usize, derived: f64) -> Outcome {
        let width = STAIR * point[j].abs().max(1.0);
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
            self.stairs.push(Found { worst: worst(call, point, j, derived, coarse), fine: true });
        }
        Ok(())
    }

    /// Looks for a kink on the way along one input and tries both its sides.
    fn between(&mut self, point: &[f64], to: f64, j: usize) -> Outcome {
        let Some((low, high)) = self.function.kink(point, j, point[j], to)? else { return Ok(()) };
        let mut compared = false;
        for (x, side) in [(low, Side::Down), (high, Side::Up)] {
            let mut at = point.to_vec();
            at[j] = x;
            let call = self.function.call(&at)?;
            self.each(&call, |this, k, along, derived| {
                if along == j {
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

/// What the chain rule gives for result k along input j.
fn derivative(call: &Call, j: usize, k: usize) -> f64 {
    let outputs = call.trace.outputs().len();
    let seeds: Vec<f64> = (0..outputs).map(|other| if other == k { 1.0 } else { 0.0 }).collect();
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &seeds, &mut grads);
    grads[j]
}

fn worst(call: &Call, point: &[f64], j: usize, derived: f64, difference: f64) -> Worst {
    let error = (derived - difference).abs() / derived.abs().max(1.0);
    let at = if call.trace.inputs() > 1 && point.len() <= MOST_NAMED {
        inputs(call)
    } else {
        format!("{} = {}", call.trace.input_name(j), number(point[j]))
    };
    Worst { error, at, derived, difference }
}

/// Inputs that a message names.
const MOST_NAMED: usize = 6;

/// `output[0] = 0, target[0] = 1`
pub(super) fn inputs(call: &Call) -> String {
    let one = |i: usize| format!("{} = {}", call.trace.input_name(i), number(call.values[i]));
    let mut named: Vec<String> = (0..call.trace.inputs().min(MOST_NAMED)).map(one).collect();
    if call.trace.inputs() > MOST_NAMED {
        named.push("…".to_owned());
    }
    named.join(", ")
}

/// A number as people write it.
fn number(x: f64) -> String {
    if x.is_nan() {
        "NaN".to_owned()
    } else if x.is_infinite() {
        if x > 0.0 { "∞" } else { "−∞" }.to_owned()
    } else {
        super::slope::short(x, 6)
    }
}

/// The first input whose gradient is not a number, with it and the operation where the chain rule goes wrong.
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

/// How to keep an operation from giving what is not a number.
fn remedy(op: Op, value: f64) -> Option<&'static str> {
    Some(match op {
        Op::Constant => "it comes from plain numbers, such as a division by `0.0`",
        Op::Ln | Op::Log10 | Op::Log2 => "the logarithm needs a number above 0, such as `ln(max(x, 0.000001))`",
        Op::Div | Op::Rem => "a small number added to what is divided by keeps it from 0",
        Op::Sqrt => "the square root needs a number from 0, such as `sqrt(max(x, 0.0))`",
        Op::Pow if value.is_infinite() => {
            "it grows beyond all numbers, as 0 does to a power below 0; `clamp` keeps it small"
        }
        Op::Pow => "a power with a fraction needs a base from 0, one below 0 a base that is not 0",
        Op::Exp | Op::Sinh | Op::Cosh => "it grows beyond all numbers; `min(x, 700.0)` or another form keeps it small",
        Op::Asin | Op::Acos => "it needs a number from −1 to 1, such as `clamp(x, -1.0, 1.0)`",
        _ => return None,
    })
}
