//! What the window and the worker say to each other.
//!
//! One closed enum goes to the worker; snapshots that never change come back. Nothing in here holds a
//! script or a run, so every message can cross threads.

use super::plots::{Plots, Wanted};
use serde::{Deserialize, Serialize};
use slowgrad_engine::plugin::Control;
use slowgrad_engine::run::{LossCurve, LossPoint};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::{ParamValue, PluginRef, SpecPatch};
use slowgrad_engine::structure::Reshape;
use slowgrad_script::{ConsoleLine, PluginKind, Report};
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::cue::{Condition, Cue};
use slowgrad_timeline::picture::{Maps, Picture};
use slowgrad_timeline::scene::Target;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that the window can ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Command {
    /// Opens a lesson of the library, by its path there.
    Open(String),
    /// Shows a step (from 1), training or going back as needed.
    Seek(u64),
    /// Trains so many steps at full speed and shows the one after them.
    Train(u64),
    /// The same until a condition of the lesson holds, at most so many steps.
    TrainUntil { until: Condition, most: u64 },
    /// Lets the parameters stand out of which a condition of the lesson holds.
    Highlight(Option<Condition>),
    /// Trains without end, or stops all training.
    FullSpeed(bool),
    /// Makes a change that can be undone: before a step, which is shown then, or before the present one.
    Change { step: Option<u64>, change: Change },
    /// What was changed so far is done: the next change is one to undo by itself.
    Seal,
    /// Goes back to before the last change.
    Undo,
    /// Goes on to where the last change was undone.
    Redo,
    /// Opens a lesson and makes it what it was when it was saved.
    Restore(Box<Saved>),
    /// A file on disk changed; `None` when it is gone.
    ReloadFile {
        root: String,
        path: String,
        bytes: Option<Vec<u8>>,
        /// Whether the present step may be computed anew; else the change waits for the next one.
        at_once: bool,
    },
    /// Forgets the loss curve that an edit left behind.
    DropGhost,
    /// Which plots are open: these are computed, and no others.
    Show(Box<Wanted>),
    /// Lets a second run go along that differs in one thing; nothing ends it.
    Compare(Option<Difference>),
    /// Checks a script with this text, which may not be saved yet; nothing that runs changes.
    Check { path: String, text: String },
    /// Shows how the window takes it when the worker has a bug.
    #[cfg(test)]
    Panic,
}

impl From<String> for Command {
    fn from(lesson: String) -> Self {
        Command::Open(lesson)
    }
}

impl From<&str> for Command {
    fn from(lesson: &str) -> Self {
        Command::Open(lesson.to_owned())
    }
}

/// Everything that is done to a run by hand, and can be undone. A session file holds these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Change {
    /// Gives a parameter another value.
    Parameter { parameter: Parameter, value: f64 },
    /// Changes one number of a sample of the training data.
    Input { sample: usize, input: usize, value: f64 },
    /// Moves a control of a plugin; of activations those of these hidden layers, or of all that have it.
    Control {
        slot: Slot,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        layers: Vec<usize>,
        control: String,
        value: ParamValue,
    },
    /// Changes plugins or controls.
    Patch(Box<SpecPatch>),
    /// Gives one layer another activation.
    Activation { layer: usize, plugin: PluginRef },
    /// Adds or removes a neuron or a layer; what stays keeps its numbers.
    Reshape(Reshape),
    /// Holds parameters fast, or lets them go.
    Freeze { parameters: Vec<Parameter>, is_frozen: bool },
    /// Moves discs; names all that stand elsewhere than they would by themselves.
    Arrange(Arrangement),
    /// Back to the initial weights, without any edits.
    Reset,
    /// The same lesson with the next seed.
    Reseed,
}

impl From<Change> for Command {
    fn from(change: Change) -> Self {
        Command::Change { step: None, change }
    }
}

/// Discs that were moved by hand, and how far from where they would stand by themselves.
pub(crate) type Arrangement = Arc<[(Target, [f32; 2])]>;

/// Texts of scripts, by their paths.
pub(crate) type Texts = BTreeMap<String, Arc<str>>;

/// Something that was done, and the number of steps that were done before.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Made {
    pub(crate) after: u64,
    /// What scripts said by then, as far as that had changed since what was done before.
    pub(crate) scripts: Texts,
    /// What was changed by hand; nothing where only the scripts took over.
    pub(crate) change: Option<Change>,
}

/// How a run is made again. Replay is exact, so that what was done is all that there is to know.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Recipe {
    /// The seed that a person asked for instead of the lesson's.
    pub(crate) seed: Option<u64>,
    /// What scripts said when the run began. Those that are not named say what they say now.
    pub(crate) scripts: Arc<Texts>,
    /// What was done to make the run what it is, in that order.
    pub(crate) changes: Arc<[Made]>,
    pub(crate) arrangement: Arrangement,
    /// The step that was shown, from 1.
    pub(crate) step: u64,
    /// How many steps were trained.
    pub(crate) furthest: u64,
    /// The losses of the branch that the last edit in the past left behind.
    pub(crate) ghost: Option<Arc<LossCurve>>,
}

/// A run to go back to, or on to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Past {
    /// The change, in words, that lies between.
    pub(crate) words: String,
    pub(crate) recipe: Recipe,
}

/// All that can be undone and done again; what comes next is the last of its list.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Pasts {
    pub(crate) undo: Vec<Past>,
    pub(crate) redo: Vec<Past>,
}

/// A run as it was saved.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Saved {
    pub(crate) lesson: String,
    pub(crate) recipe: Recipe,
    pub(crate) pasts: Arc<Pasts>,
}

/// A place that a plugin is plugged into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Slot {
    /// The hidden layers' activation; choosing one gives it to all of them.
    Activation,
    /// The last layer's activation.
    Output,
    /// The loss.
    Loss,
    /// What is added to the loss for each weight; may be empty.
    Regularizer,
    /// The optimizer.
    Optimizer,
    /// What the learning rate is multiplied by; may be empty.
    Schedule,
    /// What initial weights are drawn by.
    Initializer,
    /// What makes the samples.
    Data,
}

impl Slot {
    /// All, in the order in which they are shown.
    pub(crate) const ALL: [Slot; 8] = [
        Slot::Data,
        Slot::Activation,
        Slot::Output,
        Slot::Loss,
        Slot::Regularizer,
        Slot::Optimizer,
        Slot::Schedule,
        Slot::Initializer,
    ];

    /// What it is called in the window.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Slot::Activation => "activation",
            Slot::Output => "output",
            Slot::Loss => "loss",
            Slot::Regularizer => "regularizer",
            Slot::Optimizer => "optimizer",
            Slot::Schedule => "schedule",
            Slot::Initializer => "initializer",
            Slot::Data => "data",
        }
    }

    /// The kind of plugin that fits.
    pub(crate) fn kind(self) -> PluginKind {
        match self {
            Slot::Activation | Slot::Output => PluginKind::Activation,
            Slot::Loss => PluginKind::Loss,
            Slot::Regularizer => PluginKind::Regularizer,
            Slot::Optimizer => PluginKind::Optimizer,
            Slot::Schedule => PluginKind::Schedule,
            Slot::Initializer => PluginKind::Initializer,
            Slot::Data => PluginKind::Dataset,
        }
    }

    /// Whether a run has to start anew when something else is plugged in.
    pub(crate) fn is_beginning(self) -> bool {
        matches!(self, Slot::Initializer | Slot::Data)
    }

    /// The change that plugs a plugin in.
    pub(crate) fn patch(self, plugin: PluginRef) -> SpecPatch {
        let (mut patch, plugin) = (SpecPatch::default(), Some(plugin));
        *match self {
            Slot::Activation => &mut patch.activation,
            Slot::Output => &mut patch.output,
            Slot::Loss => &mut patch.loss,
            Slot::Regularizer => &mut patch.regularizer,
            Slot::Optimizer => &mut patch.optimizer,
            Slot::Schedule => &mut patch.schedule,
            Slot::Initializer => &mut patch.initializer,
            Slot::Data => &mut patch.data,
        } = plugin;
        patch
    }
}

/// A plugin that could be plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    /// What it is chosen by: a plugin's name, a lesson's path.
    pub(crate) name: String,
    /// What people read.
    pub(crate) title: String,
    pub(crate) description: String,
}

/// A control of what is plugged in at a slot.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Knob {
    /// Where hidden layers differ, those that it belongs to; else it belongs to all there are.
    pub(crate) layers: Vec<usize>,
    /// The plugin that has it.
    pub(crate) plugin: String,
    pub(crate) control: Control,
}

/// What is plugged in at a slot, and what could be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SlotInfo {
    pub(crate) slot: Slot,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) controls: Vec<Knob>,
    pub(crate) choices: Arc<[Choice]>,
}

/// What a lesson trains with at the moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SetupInfo {
    pub(crate) slots: Vec<SlotInfo>,
    pub(crate) batch: usize,
    pub(crate) seed: u64,
    pub(crate) sizes: Vec<usize>,
    /// The name of each layer's activation.
    pub(crate) activations: Vec<String>,
}

/// The one thing in which a second run differs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Difference {
    pub(crate) slot: Slot,
    pub(crate) plugin: PluginRef,
}

impl Difference {
    /// Another plugin.
    pub(crate) fn plugin(slot: Slot, name: &str) -> Self {
        Self { slot, plugin: PluginRef::named(name) }
    }

    /// Another value of a slider of the same plugin.
    pub(crate) fn slider(slot: Slot, plugin: &str, control: &str, value: f64) -> Self {
        let mut other = Self::plugin(slot, plugin);
        other.plugin.params.insert(control.to_owned(), ParamValue::Number(value));
        other
    }
}

/// A second run that goes along.
#[derive(Debug, Clone)]
pub(crate) struct RivalInfo {
    pub(crate) difference: Difference,
    /// What the first run has, in a word or two.
    pub(crate) mine: String,
    /// What the second has instead.
    pub(crate) theirs: String,
    /// Its step with the number of the one that is shown; nothing while it catches up.
    pub(crate) timeline: Option<Arc<Timeline>>,
    /// What its neurons compute before that step.
    pub(crate) maps: Option<Arc<Maps>>,
    /// What it answers over the inputs, while the plot of answers is open.
    pub(crate) answers: Option<Arc<Answers>>,
    /// What the scenes of that step have in common.
    pub(crate) picture: Option<Arc<Picture>>,
    /// Steps that it has done.
    pub(crate) step: u64,
    pub(crate) curve: Vec<LossPoint>,
}

/// The samples, as far as they are drawn.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DataInfo {
    pub(crate) train: usize,
    pub(crate) test: usize,
    /// Inputs and targets of the first samples to learn from.
    pub(crate) samples: Vec<(Vec<f64>, Vec<f64>)>,
    /// The same of those to test with.
    pub(crate) test_samples: Vec<(Vec<f64>, Vec<f64>)>,
}

/// A lesson as it was opened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LessonInfo {
    pub(crate) path: String,
    pub(crate) title: String,
    pub(crate) cues: Vec<Cue>,
    /// Grows whenever a run starts from its initial weights.
    pub(crate) opened: u64,
    /// Grows whenever the cues were read anew.
    pub(crate) edition: u64,
}

/// The network's answers over the range of its inputs.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Answers {
    /// One input: x and the first output, from left to right.
    Line(Vec<[f64; 2]>),
    /// Two inputs: each output on a grid of `side` × `side` places, row by row from the smallest y.
    Grid { side: usize, outputs: Vec<Vec<f64>> },
}

/// Loss curves of the whole branch, also beyond the present step.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Curves {
    pub(crate) present: Vec<LossPoint>,
    /// What an edit in the past left behind.
    pub(crate) ghost: Option<Arc<LossCurve>>,
}

/// A script that the lesson uses, as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UsedFile {
    /// Its path in the library.
    pub(crate) path: String,
    /// The root that it was found in.
    pub(crate) root: String,
    pub(crate) bytes: Arc<[u8]>,
}

/// What a check of a script found.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Checked {
    pub(crate) path: String,
    /// The text that was checked.
    pub(crate) text: String,
    pub(crate) problems: Vec<Diagnostic>,
    /// How its functions were tried.
    pub(crate) reports: Vec<Report>,
}

/// How the worker is, at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    /// Number of commands carried out.
    pub(crate) handled: u64,
    pub(crate) training: bool,
    /// Whether plots are still being computed, or a second run catches up.
    pub(crate) drafting: bool,
    pub(crate) lesson: Option<Arc<LessonInfo>>,
    pub(crate) lessons: Arc<[Choice]>,
    pub(crate) setup: Option<Arc<SetupInfo>>,
    pub(crate) data: Option<Arc<DataInfo>>,
    /// What every neuron computes over the range of the inputs, with the parameters before the step that is shown.
    pub(crate) maps: Option<Arc<Maps>>,
    /// Which parameters of the step that is shown stand out, flat; nothing while all are alike.
    pub(crate) lit: Option<Arc<[bool]>>,
    /// What the open plots show.
    pub(crate) plots: Plots,
    /// The run that goes along.
    pub(crate) rival: Option<Arc<RivalInfo>>,
    /// The step that is shown; the run stands before it.
    pub(crate) timeline: Option<Arc<Timeline>>,
    /// What the scenes of that step have in common, made here so that no frame waits for it.
    pub(crate) picture: Option<Arc<Picture>>,
    pub(crate) furthest: u64,
    /// What makes the run again.
    pub(crate) recipe: Recipe,
    /// What makes those again that can be gone back to.
    pub(crate) pasts: Arc<Pasts>,
    /// What would be undone, in words.
    pub(crate) undo: Option<String>,
    /// What would be done again, in words.
    pub(crate) redo: Option<String>,
    pub(crate) curves: Arc<Curves>,
    pub(crate) console: Arc<[ConsoleLine]>,
    pub(crate) problems: Arc<[Diagnostic]>,
    /// The lesson and the scripts that it uses.
    pub(crate) files: Arc<[UsedFile]>,
    /// The names of all plugins.
    pub(crate) plugins: Arc<[(PluginKind, String)]>,
    /// What the last check found.
    pub(crate) checked: Option<Arc<Checked>>,
    /// Whether the last step asked for could not be computed.
    pub(crate) stuck: bool,
    /// What happened since the snapshot before.
    pub(crate) messages: Vec<String>,
    /// A script was exchanged while it ran.
    pub(crate) reloaded: bool,
}
