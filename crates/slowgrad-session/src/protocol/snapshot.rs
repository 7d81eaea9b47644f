//! The backend's state at one moment, as plain data that never changes and can cross threads.

use super::{Answers, Difference, Pasts, Plots, Recipe, Slot};
use slowgrad_engine::plugin::Control;
use slowgrad_engine::run::{LossCurve, LossPoint};
use slowgrad_script::{ConsoleLine, FunctionReport, PluginKind};
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::playback::cue::Cue;
use slowgrad_timeline::scene::{NeuronMaps, SceneSummary};
use std::sync::Arc;

/// A plugin that could be plugged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// What it is chosen by: a plugin's name, a lesson's path.
    pub name: String,
    /// What people read.
    pub title: String,
    pub description: String,
}

/// A control of what is plugged in at a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Knob {
    /// Where hidden layers differ, those that it belongs to; else it belongs to all there are.
    pub layers: Vec<usize>,
    /// The plugin that has it.
    pub plugin: String,
    pub control: Control,
}

/// What is plugged in at a slot, and what could be.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotInfo {
    pub slot: Slot,
    pub name: String,
    pub description: String,
    pub controls: Vec<Knob>,
    pub choices: Arc<[Choice]>,
}

/// What a lesson trains with at the moment.
#[derive(Debug, Clone, PartialEq)]
pub struct SetupInfo {
    pub slots: Vec<SlotInfo>,
    pub batch: usize,
    pub seed: u64,
    pub sizes: Vec<usize>,
    /// The name of each layer's activation.
    pub activations: Vec<String>,
}

/// A second run that goes along.
#[derive(Debug, Clone)]
pub struct RivalInfo {
    pub difference: Difference,
    /// What the first run has, in a word or two.
    pub mine: String,
    /// What the second has instead.
    pub theirs: String,
    /// Its step with the number of the one that is shown; nothing while it catches up.
    pub timeline: Option<Arc<Timeline>>,
    /// What its neurons compute before that step.
    pub maps: Option<Arc<NeuronMaps>>,
    /// What it answers over the inputs, while the plot of answers is open.
    pub answers: Option<Arc<Answers>>,
    /// What the scenes of that step have in common.
    pub picture: Option<Arc<SceneSummary>>,
    /// Steps that it has done.
    pub step: u64,
    pub curve: Vec<LossPoint>,
}

/// The samples, as far as they are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct DataInfo {
    pub train: usize,
    pub test: usize,
    /// Inputs and targets of the first samples to learn from.
    pub samples: Vec<(Vec<f64>, Vec<f64>)>,
    /// The same of those to test with.
    pub test_samples: Vec<(Vec<f64>, Vec<f64>)>,
}

/// A lesson as it was opened.
#[derive(Debug, Clone, PartialEq)]
pub struct LessonInfo {
    pub path: String,
    pub title: String,
    pub cues: Vec<Cue>,
    /// Grows whenever a run starts from its initial weights.
    pub opened: u64,
    /// Grows whenever the cues were read anew.
    pub edition: u64,
}

/// Loss curves of the whole branch, also beyond the present step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curves {
    pub present: Vec<LossPoint>,
    /// What an edit in the past left behind.
    pub ghost: Option<Arc<LossCurve>>,
}

/// A script that the lesson uses, as it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedFile {
    /// Its path in the library.
    pub path: String,
    /// The root that it was found in.
    pub root: String,
    pub bytes: Arc<[u8]>,
}

/// What a check of a script found.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    pub path: String,
    /// The text that was checked.
    pub text: String,
    pub problems: Vec<Diagnostic>,
    /// How its functions were tried.
    pub reports: Vec<FunctionReport>,
}

/// How the worker is, at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Number of commands carried out.
    pub handled: u64,
    pub training: bool,
    /// Whether plots are still being computed, or a second run catches up.
    pub drafting: bool,
    pub lesson: Option<Arc<LessonInfo>>,
    pub lessons: Arc<[Choice]>,
    pub setup: Option<Arc<SetupInfo>>,
    pub data: Option<Arc<DataInfo>>,
    /// What every neuron computes over the range of the inputs, with the parameters before the step that is shown.
    pub maps: Option<Arc<NeuronMaps>>,
    /// Which parameters of the step that is shown stand out, flat; nothing while all are alike.
    pub lit: Option<Arc<[bool]>>,
    /// What the open plots show.
    pub plots: Plots,
    /// The run that goes along.
    pub rival: Option<Arc<RivalInfo>>,
    /// The step that is shown; the run stands before it.
    pub timeline: Option<Arc<Timeline>>,
    /// What the scenes of that step have in common, made here so that no frame waits for it.
    pub picture: Option<Arc<SceneSummary>>,
    pub furthest: u64,
    /// What makes the run again.
    pub recipe: Recipe,
    /// What makes those again that can be gone back to.
    pub pasts: Arc<Pasts>,
    /// What would be undone, in words.
    pub undo: Option<String>,
    /// What would be done again, in words.
    pub redo: Option<String>,
    pub curves: Arc<Curves>,
    pub console: Arc<[ConsoleLine]>,
    pub problems: Arc<[Diagnostic]>,
    /// The lesson and the scripts that it uses.
    pub files: Arc<[UsedFile]>,
    /// The names of all plugins.
    pub plugins: Arc<[(PluginKind, String)]>,
    /// What the last check found.
    pub checked: Option<Arc<Checked>>,
    /// Whether the last step asked for could not be computed.
    pub stuck: bool,
    /// What happened since the snapshot before.
    pub messages: Vec<String>,
    /// A script was exchanged while it ran.
    pub reloaded: bool,
}
