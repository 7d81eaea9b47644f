//! What a lesson does, cue by cue, as plain data.

use crate::granularity::Granularity;
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::SpecPatch;

/// Which part of the present step to play.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlayPart {
    /// The sample's values entering the network and the forward pass.
    Forward,
    /// The loss.
    Loss,
    /// The backward pass.
    Backward,
    /// The update of the parameters.
    Update,
    /// The rest of the step.
    Step,
}

impl PlayPart {
    /// All, in the order in which they happen.
    pub const ALL: [PlayPart; 5] =
        [PlayPart::Forward, PlayPart::Loss, PlayPart::Backward, PlayPart::Update, PlayPart::Step];

    /// The name that scripts use.
    pub fn name(self) -> &'static str {
        match self {
            PlayPart::Forward => "forward",
            PlayPart::Loss => "loss",
            PlayPart::Backward => "backward",
            PlayPart::Update => "update",
            PlayPart::Step => "step",
        }
    }
}

/// One cue of a lesson.
#[derive(Debug, Clone, PartialEq)]
pub enum Cue {
    /// Shows a caption; `{output:2}` and the like are filled in when it is shown.
    Say(String),
    /// Plays a part of the step.
    Play {
        /// What to play.
        part: PlayPart,
        /// How finely.
        by: Granularity,
        /// How long it takes in all; the usual pace when absent.
        seconds: Option<f64>,
    },
    /// Steps by units; negative numbers step back.
    Step {
        /// How many.
        count: i64,
        /// Of what.
        by: Granularity,
    },
    /// Waits for the presenter.
    Wait,
    /// Waits for a time.
    Pause {
        /// In seconds.
        seconds: f64,
    },
    /// Changes plugins or controls.
    Set(Box<SpecPatch>),
    /// Gives a parameter another value.
    Tweak {
        /// Which one.
        parameter: Parameter,
        /// The value.
        value: f64,
    },
    /// Trains at full speed.
    Train {
        /// Number of steps.
        steps: u64,
    },
    /// Starts a named section.
    Section(String),
}
