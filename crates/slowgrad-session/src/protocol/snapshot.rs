//! The backend's state at one moment, as immutable plain data that can cross threads.

use super::{Difference, Plots, Predictions, Recipe, Slot, StepEvaluation, UndoHistory};
use slowgrad_engine::io_names::IoNames;
use slowgrad_engine::plugin::Control;
use slowgrad_engine::run::{LossCurve, LossPoint};
use slowgrad_script::{ConsoleLine, FunctionReport, PluginKind};
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::playback::cue::Cue;
use slowgrad_timeline::scene::{NeuronMaps, SceneSummary};
use std::sync::Arc;

/// An item of a menu: a lesson, or a plugin for a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The key that selects it: a plugin's name or a lesson's path.
    pub name: String,
    /// The title in the menu.
    pub title: String,
    /// A description in one or two sentences.
    pub description: String,
}

/// A control of the plugin in a slot.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginControl {
    /// The hidden layers that the control belongs to, from 0; empty when it belongs to all of them.
    pub layers: Vec<usize>,
    /// The name of the plugin that declares it.
    pub plugin: String,
    /// The control with its present value.
    pub control: Control,
}

/// The plugin in a slot, and its alternatives.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotInfo {
    /// The slot.
    pub slot: Slot,
    /// The name of the plugin; several names when hidden layers differ.
    pub name: String,
    /// The description of the plugin.
    pub description: String,
    /// The controls of the plugin.
    pub controls: Vec<PluginControl>,
    /// The plugins that fit.
    pub choices: Arc<[Choice]>,
}

/// The set-up that the lesson trains with at present.
#[derive(Debug, Clone, PartialEq)]
pub struct SetupInfo {
    /// The plugins, in the order in which they are shown.
    pub slots: Vec<SlotInfo>,
    /// The number of samples in a batch.
    pub batch: usize,
    /// The seed of weights, data and shuffling.
    pub seed: u64,
    /// The numbers of neurons, from the inputs to the last layer.
    pub sizes: Vec<usize>,
    /// The name of each layer's activation.
    pub activations: Vec<String>,
}

/// The second run of a comparison.
#[derive(Debug, Clone)]
pub struct ComparisonInfo {
    /// The setting in which the two runs differ.
    pub difference: Difference,
    /// The setting of the baseline, in a word or two.
    pub baseline_setting: String,
    /// The setting of the comparison, in a word or two.
    pub comparison_setting: String,
    /// Its step with the number of the shown step; `None` while it catches up.
    pub timeline: Option<Arc<Timeline>>,
    /// Its neurons' activations over the range of the inputs, before that step.
    pub maps: Option<Arc<NeuronMaps>>,
    /// Its predictions, while their plot is open.
    pub predictions: Option<Arc<Predictions>>,
    /// The data that the scenes of that step share.
    pub summary: Option<Arc<SceneSummary>>,
    /// The number of steps that it has completed.
    pub step: u64,
    /// The losses of its steps.
    pub curve: Vec<LossPoint>,
}

/// The samples that are drawn.
#[derive(Debug, Clone, PartialEq)]
pub struct DataInfo {
    /// The number of training samples.
    pub train: usize,
    /// The number of test samples.
    pub test: usize,
    /// The names of inputs and outputs.
    pub names: Arc<IoNames>,
    /// The inputs and targets of the first training samples.
    pub samples: Vec<(Vec<f64>, Vec<f64>)>,
    /// The inputs and targets of the first test samples.
    pub test_samples: Vec<(Vec<f64>, Vec<f64>)>,
}

/// The lesson that is open.
#[derive(Debug, Clone, PartialEq)]
pub struct LessonInfo {
    /// Its path in the library.
    pub path: String,
    /// The name of the library root that contained its file when it was opened.
    pub root: String,
    /// Its title.
    pub title: String,
    /// Its cues.
    pub cues: Vec<Cue>,
    /// Increases whenever a run starts from initial weights.
    pub run_number: u64,
    /// Increases whenever the cues are reread.
    pub cue_version: u64,
}

/// The losses of the run's steps, including the steps after the present one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Curves {
    /// The losses of the present branch.
    pub present: Vec<LossPoint>,
    /// The losses of the branch that the last edit in the past abandoned.
    pub abandoned_branch: Option<Arc<LossCurve>>,
}

/// A file that the lesson uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedFile {
    /// Its path in the library.
    pub path: String,
    /// The name of the root that contains it.
    pub root: String,
    /// Its present contents.
    pub bytes: Arc<[u8]>,
}

/// The result of checking a script.
#[derive(Debug, Clone, PartialEq)]
pub struct CheckOutcome {
    /// The path of the script in the library.
    pub path: String,
    /// The text that was checked.
    pub text: String,
    /// The problems in the text.
    pub problems: Vec<Diagnostic>,
    /// The trial calls of its functions.
    pub reports: Vec<FunctionReport>,
}

/// The state of the backend at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The number of executed commands.
    pub handled: u64,
    /// Whether training is in progress.
    pub training: bool,
    /// The number of steps that were computed to prove the stored numbers of a session, and the number of all steps before
    /// them; `None` when there is nothing to prove.
    pub proof: Option<(u64, u64)>,
    /// Whether plots are being computed or the comparison is catching up.
    pub computing_plots: bool,
    /// The lesson that is open.
    pub lesson: Option<Arc<LessonInfo>>,
    /// All lessons of the library.
    pub lessons: Arc<[Choice]>,
    /// The set-up of the run.
    pub setup: Option<Arc<SetupInfo>>,
    /// The samples that are drawn.
    pub data: Option<Arc<DataInfo>>,
    /// The neurons' activations over the range of the inputs, before the shown step; `None` for more than two inputs.
    pub maps: Option<Arc<NeuronMaps>>,
    /// Whether each parameter of the shown step is highlighted, by flat index; `None` without a highlight.
    pub highlighted: Option<Arc<[bool]>>,
    /// The data of the open plots.
    pub plots: Plots,
    /// The evaluation of the shown step, or of an earlier one while that is in progress; `None` unless it is requested.
    pub evaluation: Option<Arc<StepEvaluation>>,
    /// The second run of a comparison.
    pub comparison: Option<Arc<ComparisonInfo>>,
    /// The shown step, which the run executes next.
    pub timeline: Option<Arc<Timeline>>,
    /// The data that the scenes of that step share; made by the backend so that no frame waits for it.
    pub summary: Option<Arc<SceneSummary>>,
    /// The number of steps that were trained.
    pub furthest: u64,
    /// The recipe of the run.
    pub recipe: Recipe,
    /// The runs that undo and redo return to.
    pub undo_history: Arc<UndoHistory>,
    /// The name of the change that undo would undo.
    pub undo: Option<String>,
    /// The name of the change that redo would redo.
    pub redo: Option<String>,
    /// The losses of the run's steps.
    pub curves: Arc<Curves>,
    /// The output of `print` in scripts.
    pub console: Arc<[ConsoleLine]>,
    /// The problems of scripts and of the run.
    pub problems: Arc<[Diagnostic]>,
    /// The scripts in use, the lesson first.
    pub files: Arc<[UsedFile]>,
    /// The files of data and initial weights that the lesson uses, without those that are built in.
    pub data_files: Arc<[UsedFile]>,
    /// The names of all plugins.
    pub plugins: Arc<[(PluginKind, String)]>,
    /// The result of the last check.
    pub checked: Option<Arc<CheckOutcome>>,
    /// Whether a command since the previous snapshot could not reach its step.
    pub stuck: bool,
    /// The messages for the viewer since the previous snapshot.
    pub messages: Vec<String>,
    /// Whether a new version of a script took effect since the previous snapshot.
    pub reloaded: bool,
}
