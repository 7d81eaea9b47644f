//! The cues of a lesson, as plain data.
//!
//! A cue must not hold a function: conditions are referred to by number.

use crate::events::Granularity;
use crate::scene::Target;
use serde::{Deserialize, Serialize};
use slowgrad_engine::shape::{LayerPart, Parameter};
use slowgrad_engine::spec::SpecPatch;
use std::fmt;

/// A part of a step to play.
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
    /// All, in the order of a step.
    pub const ALL: [PlayPart; 5] =
        [PlayPart::Forward, PlayPart::Loss, PlayPart::Backward, PlayPart::Update, PlayPart::Step];

    /// The name in scripts.
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
    /// The plugins and their controls.
    Lesson,
    /// The formula of the current event, and the selected element.
    Explanation,
    /// The timeline strip and the transport bar.
    Timeline,
    /// The script with its running line.
    Script,
    /// The open plots.
    Plots,
}

impl Panel {
    /// All panels.
    pub const ALL: [Panel; 5] = [Panel::Lesson, Panel::Explanation, Panel::Timeline, Panel::Script, Panel::Plots];

    /// The name in scripts.
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

/// A plot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Plot {
    /// The loss over the steps.
    Losses,
    /// The accuracy over the steps.
    Accuracy,
    /// Which classes are predicted for which.
    Confusion,
    /// The prediction over the inputs.
    #[serde(rename = "answers")]
    Predictions,
    /// The loss as a function of two parameters.
    Landscape,
    /// The distributions of weights and gradients.
    Histograms,
    /// A neuron's activation with its derivative.
    Activation,
    /// The loss as a function of an output, with its derivative.
    Loss,
}

impl Plot {
    /// All, in the order of menus.
    pub const ALL: [Plot; 8] = [
        Plot::Losses,
        Plot::Accuracy,
        Plot::Confusion,
        Plot::Predictions,
        Plot::Landscape,
        Plot::Histograms,
        Plot::Activation,
        Plot::Loss,
    ];

    /// The name in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Plot::Losses => "loss",
            Plot::Accuracy => "accuracy",
            Plot::Confusion => "confusion",
            Plot::Predictions => "answers",
            Plot::Landscape => "landscape",
            Plot::Histograms => "histograms",
            Plot::Activation => "activation",
            Plot::Loss => "loss function",
        }
    }

    /// The name in the interface.
    pub fn label(self) -> &'static str {
        match self {
            Plot::Predictions => "predictions",
            _ => self.name(),
        }
    }
}

/// What the camera shows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CameraTarget {
    /// The whole network.
    Fit,
    /// A layer with its inputs.
    Layer(usize),
    /// An element of the network, close enough to read.
    At(Target),
}

/// The parameters that a cue is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CueParameters {
    /// A weight, a bias, or those of a neuron.
    Of(Target),
    /// Those of a layer.
    Layer {
        /// Layer, from 0.
        layer: usize,
        /// Which of them.
        part: LayerPart,
    },
}

/// A condition in a lesson's script, by its number in the lesson. The script crate traces its function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CueCondition(pub usize);

/// One cue of a lesson.
#[derive(Debug, Clone, PartialEq)]
pub enum Cue {
    /// Shows a caption. Fields such as `{output:2}` are filled in when it is shown.
    Say(String),
    /// Plays a part of the step.
    Play {
        /// The part to play.
        part: PlayPart,
        /// The granularity.
        by: Granularity,
        /// The total duration; `None` for the normal duration.
        seconds: Option<f64>,
    },
    /// Steps by units; negative numbers step back.
    Step {
        /// The number of units.
        count: i64,
        /// The unit.
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
    /// Sets a parameter to a value.
    Tweak {
        /// The parameter.
        parameter: Parameter,
        /// The value.
        value: f64,
    },
    /// Freezes or unfreezes parameters.
    Freeze {
        /// The parameters.
        parameters: CueParameters,
        /// Whether they are frozen from now on.
        frozen: bool,
    },
    /// Trains at full speed.
    Train {
        /// Number of steps.
        steps: u64,
    },
    /// Trains at full speed until a condition holds.
    TrainUntil {
        /// Evaluated after each step.
        until: CueCondition,
        /// The maximum number of steps.
        max_steps: u64,
    },
    /// Asks the audience a question, and waits for an answer.
    Ask {
        /// The question.
        question: String,
        /// The possible answers.
        answers: Vec<String>,
        /// The index of the right answer.
        right: usize,
    },
    /// Selects an element of the network and moves the camera to it.
    Focus(Target),
    /// Dims the parameters for which a condition does not hold, in every step.
    Highlight(CueCondition),
    /// Removes the caption, the question, the highlight and the selection.
    Clear,
    /// Sets the playback speed; 1 is normal.
    Speed(f64),
    /// Moves the camera.
    Camera(CameraTarget),
    /// Shows a panel, also in presentation mode.
    Show(Panel),
    /// Hides a panel.
    Hide(Panel),
    /// Opens a plot.
    Plot(Plot),
    /// Shows the presenter a note that the audience does not see.
    Note(String),
    /// Starts a named section.
    Section(String),
}

impl Cue {
    /// Whether the lesson waits for the presenter at this cue.
    pub fn is_stop(&self) -> bool {
        matches!(self, Cue::Wait | Cue::Ask { .. })
    }
}

impl fmt::Display for Cue {
    /// A short description for lists of cues.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cue::Say(text) => write!(f, "says “{text}”"),
            Cue::Play { part, by, .. } => write!(f, "plays {} by {}", part.name(), by.name()),
            Cue::Step { count, by } if *count < 0 => write!(f, "steps back by {} × {}", -count, by.name()),
            Cue::Step { count, by } => write!(f, "steps by {count} × {}", by.name()),
            Cue::Wait => write!(f, "waits for the presenter"),
            Cue::Pause { seconds } => write!(f, "waits for {seconds} s"),
            Cue::Set(_) => write!(f, "changes plugins or controls"),
            Cue::Tweak { parameter, value } => write!(f, "sets {} to {value}", element_name(Target::from(*parameter))),
            Cue::Freeze { parameters, frozen } => {
                let verb = if *frozen { "freezes" } else { "unfreezes" };
                match parameters {
                    CueParameters::Of(target) => write!(f, "{verb} {}", element_name(*target)),
                    CueParameters::Layer { layer, part } => {
                        write!(f, "{verb} {} of layer {layer}", part.description())
                    }
                }
            }
            Cue::Train { steps } => write!(f, "trains {steps} steps"),
            Cue::TrainUntil { max_steps, .. } => {
                write!(f, "trains until its condition holds, at most {max_steps} steps")
            }
            Cue::Ask { question, .. } => write!(f, "asks “{question}”"),
            Cue::Focus(target) => write!(f, "focuses on {}", element_name(*target)),
            Cue::Highlight(_) => write!(f, "highlights the parameters that meet a condition"),
            Cue::Clear => write!(f, "clears the stage"),
            Cue::Speed(speed) => write!(f, "plays at {speed} × speed"),
            Cue::Camera(CameraTarget::Fit) => write!(f, "shows the whole network"),
            Cue::Camera(CameraTarget::Layer(layer)) => write!(f, "shows layer {layer}"),
            Cue::Camera(CameraTarget::At(target)) => write!(f, "shows {}", element_name(*target)),
            Cue::Show(panel) => write!(f, "shows the panel {}", panel.name()),
            Cue::Hide(panel) => write!(f, "hides the panel {}", panel.name()),
            Cue::Plot(plot) => write!(f, "opens the plot {}", plot.name()),
            Cue::Note(_) => write!(f, "shows a note to the presenter"),
            Cue::Section(name) => write!(f, "begins the section “{name}”"),
        }
    }
}

/// The name of an element in scripts.
fn element_name(target: Target) -> String {
    match target {
        Target::Input(input) => format!("input {input}"),
        Target::Neuron { layer, neuron } => format!("neuron({layer}, {neuron})"),
        Target::Weight { layer, neuron, input } => format!("weight({layer}, {neuron}, {input})"),
        Target::Bias { layer, neuron } => format!("bias({layer}, {neuron})"),
        Target::Loss => "the loss".to_owned(),
    }
}
