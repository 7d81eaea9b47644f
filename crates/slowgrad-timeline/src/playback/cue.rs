//! What a lesson does, cue by cue, as plain data.

use crate::events::Granularity;
use crate::scene::Target;
use serde::{Deserialize, Serialize};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::SpecPatch;
use std::fmt;

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

/// A part of the window that a lesson may show or hide.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Panel {
    /// What is trained, with all controls.
    Lesson,
    /// What happens now, in formulas, and what is selected.
    Explanation,
    /// The step in time, and what moves in it.
    Timeline,
    /// The script with its running line.
    Script,
    /// The plots that are open.
    Plots,
}

impl Panel {
    /// All of them.
    pub const ALL: [Panel; 5] = [Panel::Lesson, Panel::Explanation, Panel::Timeline, Panel::Script, Panel::Plots];

    /// The name that scripts use.
    pub fn name(self) -> &'static str {
        match self {
            Panel::Lesson => "lesson",
            Panel::Explanation => "explanation",
            Panel::Timeline => "timeline",
            Panel::Script => "script",
            Panel::Plots => "plots",
        }
    }
}

/// The plots that there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plot {
    /// The loss over the steps.
    Losses,
    /// What the network answers over its inputs.
    Answers,
    /// The loss over two parameters.
    Landscape,
    /// How weights and gradients are spread.
    Histograms,
    /// A neuron's activation with its derivative.
    Activation,
    /// The loss over an output, with its derivative.
    Loss,
}

impl Plot {
    /// All, in the order in which they are offered.
    pub const ALL: [Plot; 6] =
        [Plot::Losses, Plot::Answers, Plot::Landscape, Plot::Histograms, Plot::Activation, Plot::Loss];

    /// The name that people and scripts use.
    pub fn name(self) -> &'static str {
        match self {
            Plot::Losses => "loss",
            Plot::Answers => "answers",
            Plot::Landscape => "landscape",
            Plot::Histograms => "histograms",
            Plot::Activation => "activation",
            Plot::Loss => "loss function",
        }
    }
}

/// What the picture of the network shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Look {
    /// All of it.
    Fit,
    /// A layer with what leads into it.
    Layer(usize),
    /// A part of the network, as near as it can be read.
    At(Target),
}

/// A condition that a lesson's script has written: its number among all of the lesson. What it asks is traced like any
/// function; a cue is plain data and holds none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition(pub usize);

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
    /// Trains at full speed until a condition holds.
    TrainUntil {
        /// Asked after each step.
        until: Condition,
        /// Number of steps after which it ends all the same.
        most: u64,
    },
    /// Asks the audience, and waits for an answer.
    Ask {
        /// The question.
        question: String,
        /// What may be answered.
        answers: Vec<String>,
        /// Which answer is right, from 0.
        right: usize,
    },
    /// Selects a part of the network and looks at it.
    Focus(Target),
    /// Dims all parameters of which a condition does not hold, whatever step is shown.
    Highlight(Condition),
    /// Takes away the caption, the question, the highlight and the focus.
    Clear,
    /// Plays faster or slower from now on; 1 is the usual pace.
    Speed(f64),
    /// Moves the view.
    Camera(Look),
    /// Shows a panel, also where a presenter shows none.
    Show(Panel),
    /// Hides a panel.
    Hide(Panel),
    /// Opens a plot.
    Plot(Plot),
    /// Reminds the presenter of something; the audience does not see it.
    Note(String),
    /// Starts a named section.
    Section(String),
}

impl Cue {
    /// Whether the lesson stops here until somebody goes on.
    pub fn is_stop(&self) -> bool {
        matches!(self, Cue::Wait | Cue::Ask { .. })
    }
}

impl fmt::Display for Cue {
    /// In a few words, for who wants to know what comes next.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cue::Say(text) => write!(f, "says “{text}”"),
            Cue::Play { part, by, .. } => write!(f, "plays {} by {}", part.name(), by.name()),
            Cue::Step { count, by } if *count < 0 => write!(f, "steps back by {} × {}", -count, by.name()),
            Cue::Step { count, by } => write!(f, "steps by {count} × {}", by.name()),
            Cue::Wait => write!(f, "waits for you"),
            Cue::Pause { seconds } => write!(f, "waits for {seconds} s"),
            Cue::Set(_) => write!(f, "changes plugins or controls"),
            Cue::Tweak { parameter, value } => write!(f, "sets {} to {value}", part_name(Target::from(*parameter))),
            Cue::Train { steps } => write!(f, "trains {steps} steps"),
            Cue::TrainUntil { most, .. } => write!(f, "trains until its condition holds, at most {most} steps"),
            Cue::Ask { question, .. } => write!(f, "asks “{question}”"),
            Cue::Focus(target) => write!(f, "looks at {}", part_name(*target)),
            Cue::Highlight(_) => write!(f, "highlights what its condition holds of"),
            Cue::Clear => write!(f, "clears the stage"),
            Cue::Speed(speed) => write!(f, "plays at {speed} × the usual pace"),
            Cue::Camera(Look::Fit) => write!(f, "shows the whole network"),
            Cue::Camera(Look::Layer(layer)) => write!(f, "shows layer {layer}"),
            Cue::Camera(Look::At(target)) => write!(f, "shows {}", part_name(*target)),
            Cue::Show(panel) => write!(f, "shows the panel {}", panel.name()),
            Cue::Hide(panel) => write!(f, "hides the panel {}", panel.name()),
            Cue::Plot(plot) => write!(f, "opens the plot {}", plot.name()),
            Cue::Note(_) => write!(f, "has a note for you"),
            Cue::Section(name) => write!(f, "begins the section “{name}”"),
        }
    }
}

/// A part of the network as scripts name it.
fn part_name(target: Target) -> String {
    match target {
        Target::Input(input) => format!("input {input}"),
        Target::Neuron { layer, neuron } => format!("neuron({layer}, {neuron})"),
        Target::Weight { layer, neuron, input } => format!("weight({layer}, {neuron}, {input})"),
        Target::Bias { layer, neuron } => format!("bias({layer}, {neuron})"),
        Target::Loss => "the loss".to_owned(),
    }
}
