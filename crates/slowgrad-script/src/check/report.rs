//! What a check found out, as data and in a line.

use super::slope::short;
use slowgrad_tape::Diagnostic;
use std::fmt;

/// What came of trying one file out.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    /// Everything that is wrong or doubtful.
    pub diagnostics: Vec<Diagnostic>,
    /// What was tried, function by function, whether it went well or not.
    pub reports: Vec<Report>,
}

/// How one function was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The contract function, such as `loss`.
    pub function: &'static str,
    /// What was compared.
    pub tried: Tried,
}

/// What was compared, and how often.
#[derive(Debug, Clone, PartialEq)]
pub enum Tried {
    /// The derived gradient against finite differences.
    Gradient {
        /// Points at which both were compared.
        points: usize,
        /// Corners and jumps among them, each tried from both sides.
        kinks: usize,
        /// Whether the two agreed everywhere.
        agrees: bool,
        /// Where they were furthest apart, when any point could be compared.
        worst: Option<Worst>,
    },
    /// A rule that was run step after step.
    Steps(usize),
}

/// The point at which gradient and difference were furthest apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Worst {
    /// The distance, relative to the gradient where that is above 1.
    pub error: f64,
    /// The input along which was gone and where it stood, such as `z = 3.1`.
    pub at: String,
    /// What the chain rule gives.
    pub derived: f64,
    /// By how much the function rises there.
    pub difference: f64,
}

impl Report {
    /// Adds what another report says of the same function.
    pub(super) fn join(&mut self, other: Report) {
        match (&mut self.tried, other.tried) {
            (Tried::Steps(steps), Tried::Steps(more)) => *steps += more,
            (
                Tried::Gradient { points, kinks, agrees, worst },
                Tried::Gradient { points: more, kinks: other_kinks, agrees: also, worst: other },
            ) => {
                *points += more;
                *kinks += other_kinks;
                // The worst of all, but a disagreement before any agreement.
                let rank =
                    |agrees: bool, worst: &Option<Worst>| (!agrees, worst.as_ref().map_or(-1.0, |worst| worst.error));
                if rank(also, &other) > rank(*agrees, worst) {
                    *worst = other;
                }
                *agrees &= also;
            }
            _ => {}
        }
    }
}

impl fmt::Display for Report {
    /// `gradient agrees at 412 points (worst 2e-11 at z = 3.1)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.tried {
            Tried::Steps(steps) => write!(f, "`{}` ran for {steps} steps", self.function),
            Tried::Gradient { points: 0, .. } => f.write_str("no point at which the gradient could be compared"),
            Tried::Gradient { points, kinks, agrees, worst } => {
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

impl Worst {
    /// Both numbers with as many digits as tell them apart.
    pub(super) fn sentence(&self) -> String {
        let digits = (3..17).find(|&digits| short(self.derived, digits) != short(self.difference, digits));
        let digits = digits.unwrap_or(17);
        let (derived, difference) = (short(self.derived, digits), short(self.difference, digits));
        format!("the derived gradient is {derived} where the function rises by {difference}, at {}", self.at)
    }
}
