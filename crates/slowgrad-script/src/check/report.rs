//! The result of a check, as data and as one line of text.

use super::slope::short;
use slowgrad_engine::data::report::DataReport;
use slowgrad_tape::Diagnostic;
use std::fmt;
use std::sync::Arc;

/// The result of checking one file.
#[derive(Debug, Clone, Default)]
pub struct CheckReport {
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
    /// How each function was tested, whether it passed or not.
    pub reports: Vec<FunctionReport>,
    /// What was read of a lesson's data.
    pub data: Option<Arc<DataReport>>,
}

/// How one function was tested.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionReport {
    /// The contract function, such as `loss`.
    pub function: &'static str,
    /// The test and its result.
    pub measurement: Measurement,
}

/// A test of a function, with its counts.
#[derive(Debug, Clone, PartialEq)]
pub enum Measurement {
    /// A comparison of the derived gradient with finite differences.
    Gradient {
        /// The number of compared points.
        points: usize,
        /// The number of corners and jumps among them, each compared on both sides.
        kinks: usize,
        /// Whether both agree at every point.
        agrees: bool,
        /// The point with the largest error; `None` if no point could be compared.
        worst: Option<WorstPoint>,
    },
    /// The number of steps that an update rule was run for.
    Steps(usize),
}

/// The point with the largest difference between gradient and finite differences.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstPoint {
    /// The difference, relative to the gradient if that is above 1.
    pub error: f64,
    /// The inputs at this point, such as `z = 3.1`.
    pub at: String,
    /// The derivative by the chain rule.
    pub derived: f64,
    /// The derivative by finite differences.
    pub difference: f64,
}

impl FunctionReport {
    /// Merges another report of the same function into this one.
    pub(super) fn merge(&mut self, other: FunctionReport) {
        match (&mut self.measurement, other.measurement) {
            (Measurement::Steps(steps), Measurement::Steps(more)) => *steps += more,
            (
                Measurement::Gradient { points, kinks, agrees, worst },
                Measurement::Gradient { points: more, kinks: other_kinks, agrees: also, worst: other },
            ) => {
                *points += more;
                *kinks += other_kinks;
                // Keep the largest error, but prefer any disagreement to an agreement.
                let rank = |agrees: bool, worst: &Option<WorstPoint>| {
                    (!agrees, worst.as_ref().map_or(-1.0, |worst| worst.error))
                };
                if rank(also, &other) > rank(*agrees, worst) {
                    *worst = other;
                }
                *agrees &= also;
            }
            _ => {}
        }
    }
}

impl fmt::Display for FunctionReport {
    /// `gradient agrees at 412 points (worst 2e-11 at z = 3.1)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.measurement {
            Measurement::Steps(steps) => write!(f, "`{}` ran for {steps} steps", self.function),
            Measurement::Gradient { points: 0, .. } => f.write_str("the gradient could not be compared at any point"),
            Measurement::Gradient { points, kinks, agrees, worst } => {
                let verdict = if *agrees { "agrees" } else { "does not agree" };
                write!(f, "gradient {verdict} at {points} points")?;
                if *kinks > 0 {
                    write!(f, ", {kinks} beside kinks")?;
                }
                let Some(worst) = worst else { return Ok(()) };
                write!(f, " (worst {:.0e} at {})", worst.error, worst.at)
            }
        }
    }
}

impl WorstPoint {
    /// Both derivatives, with as many digits as are needed to tell them apart.
    pub(super) fn message(&self) -> String {
        let digits = (3..17).find(|&digits| short(self.derived, digits) != short(self.difference, digits));
        let digits = digits.unwrap_or(17);
        let (derived, difference) = (short(self.derived, digits), short(self.difference, digits));
        format!("the derived gradient is {derived}, but finite differences give {difference}, at {}", self.at)
    }
}
