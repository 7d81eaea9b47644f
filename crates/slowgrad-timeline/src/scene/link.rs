//! Links from a displayed number to its origin.
//!
//! It must not know how a link is followed.

use super::Target;
use serde::Serialize;

/// A plugin of the lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plugin {
    /// The activation of this layer.
    Activation(usize),
    /// The loss.
    Loss,
    /// The regularizer.
    Regularizer,
    /// The optimizer.
    Optimizer,
    /// The schedule.
    Schedule,
    /// The initializer.
    Initializer,
}

/// A slider of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slider {
    /// The learning rate of the optimizer.
    LearningRate,
    /// A slider by its index. The optimizer's learning rate is not counted.
    Nth(usize),
}

/// The origin of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// An event of the same step, by its index in the timeline.
    Event(usize),
    /// The update of this parameter in the previous step.
    PreviousUpdate(Target),
    /// A field of this parameter's optimizer state, written in the previous step.
    PreviousState(Target, usize),
    /// A constant in a script: the index of the first event that uses it.
    Constant(usize),
    /// A slider.
    Slider(Plugin, Slider),
    /// The initial value that a plugin provides.
    Plugin(Plugin),
    /// A sample, by its index in the data.
    Sample(usize),
}

impl Link {
    /// The destination, as words that follow "goes to".
    pub fn destination(self) -> &'static str {
        match self {
            Link::Event(_) => "the operation that computed it",
            Link::PreviousUpdate(_) => "the update of the previous step that set it",
            Link::PreviousState(..) => "the update of the previous step that stored it",
            Link::Constant(_) => "the line of the script that contains it",
            Link::Slider(..) => "its slider in the lesson",
            Link::Plugin(_) => "the plugin that sets its initial value",
            Link::Sample(_) => "its sample in the data",
        }
    }
}
