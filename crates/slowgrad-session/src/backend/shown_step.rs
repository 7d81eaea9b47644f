//! The present step, recorded once for all its views.
//!
//! It must not know how a step is drawn.

use super::lesson_run::LessonRun;
use super::plots::SHOWN_SAMPLES;
use super::plots::predictions::neuron_maps;
use crate::protocol::DataInfo;
use slowgrad_engine::condition::Condition;
use slowgrad_engine::data::Data;
use slowgrad_engine::run::Run;
use slowgrad_engine::setup::Setup;
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::playback::cue;
use slowgrad_timeline::scene::{NeuronMaps, SceneSummary};
use std::sync::Arc;

/// The number of inputs and targets of a sample that are shown.
const MAX_SHOWN_NUMBERS: usize = 8;

/// A recorded step of a run.
#[derive(Debug, Clone)]
pub(crate) struct ShownStep {
    pub(crate) timeline: Arc<Timeline>,
    /// The data that the scenes of the step share.
    pub(crate) summary: Arc<SceneSummary>,
    /// The neurons' activations over the range of the inputs, before the step.
    pub(crate) maps: Option<Arc<NeuronMaps>>,
}

impl ShownStep {
    /// Records the step that a run executes next.
    ///
    /// # Errors
    ///
    /// When a script fails in that step.
    pub(crate) fn record(run: &mut Run) -> Result<Self, Box<Diagnostic>> {
        let timeline = Timeline::new(Arc::new(run.record()?));
        let summary = Arc::new(SceneSummary::new(&timeline));
        Ok(Self { timeline: Arc::new(timeline), summary, maps: neuron_maps(run).map(Arc::new) })
    }

    /// The number of the step, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.timeline.step().step
    }
}

/// The shown step and its highlighted parameters.
#[derive(Debug, Default)]
pub(crate) struct StepDisplay {
    step: Option<ShownStep>,
    data: Option<Arc<DataInfo>>,
    /// The condition for highlighting, with the number of its run.
    highlight: Option<(cue::CueCondition, u64)>,
    /// Whether each parameter is highlighted, by flat index.
    highlighted: Option<Arc<[bool]>>,
}

impl StepDisplay {
    /// The shown step.
    pub(crate) fn step(&self) -> Option<&ShownStep> {
        self.step.as_ref()
    }

    /// The samples that are drawn.
    pub(crate) fn data(&self) -> Option<&Arc<DataInfo>> {
        self.data.as_ref()
    }

    /// Whether each parameter is highlighted, by flat index; `None` without a highlight.
    pub(crate) fn highlighted(&self) -> Option<&Arc<[bool]>> {
        self.highlighted.as_ref()
    }

    /// Whether the shown step is the one that the run executes next.
    pub(crate) fn shows_present_step(&self, lesson: &LessonRun) -> bool {
        let present = lesson.open.as_ref().map(|open| open.run.step() + 1);
        self.step.as_ref().map(ShownStep::number) == present
    }

    /// Highlights the parameters for which a condition holds, in this step and in later ones.
    pub(crate) fn set_highlight(&mut self, condition: Option<cue::CueCondition>, lesson: &mut LessonRun) {
        self.highlight = condition.map(|condition| (condition, lesson.number()));
        lesson.report.set_condition_problem(None);
        self.update_highlight(lesson);
    }

    /// Evaluates the condition for the shown step. A failing condition highlights nothing.
    fn update_highlight(&mut self, lesson: &mut LessonRun) {
        self.highlighted = None;
        // A condition applies to one run only.
        let set = self.highlight.filter(|(_, run)| *run == lesson.number());
        let condition = set.and_then(|(condition, _)| lesson.open.as_ref()?.condition(condition).cloned());
        let (Some(Condition::Parameter(condition)), Some(shown)) = (condition, &self.step) else { return };
        match condition.evaluate(shown.timeline.step()) {
            Ok(highlighted) => self.highlighted = Some(highlighted.into()),
            Err(problem) => {
                self.highlight = None;
                lesson.report.set_condition_problem(Some(*problem));
            }
        }
        lesson.scripts.keep_printed();
    }

    /// Records the present step.
    pub(crate) fn update(&mut self, lesson: &mut LessonRun) {
        // Only the shown step prints to the console, not training, trial calls and plots.
        lesson.scripts.discard_printed();
        let Some(open) = &mut lesson.open else { return };
        let recorded = open.run.record();
        lesson.scripts.keep_printed();
        let step = match recorded {
            Ok(step) => {
                if !lesson.report.is_stuck() {
                    lesson.report.clear_run_problem();
                }
                step
            }
            Err(problem) => {
                lesson.step_failed(*problem);
                // Display and run stay in step: both return to the last step that can be shown.
                let before = lesson.open.as_mut().and_then(|open| {
                    open.run.seek(open.run.step().checked_sub(1)?).ok()?;
                    open.run.record().ok()
                });
                let Some(step) = before else { return };
                step
            }
        };
        let timeline = Timeline::new(Arc::new(step));
        let summary = Arc::new(SceneSummary::new(&timeline));
        self.step = Some(ShownStep { timeline: Arc::new(timeline), summary, maps: None });
        self.update_highlight(lesson);
        let (Some(shown), Some(open)) = (&mut self.step, &mut lesson.open) else { return };
        shown.maps = neuron_maps(&mut open.run).map(Arc::new);
        let data = data_info(open.run.setup());
        if self.data.as_deref() != Some(&data) {
            self.data = Some(Arc::new(data));
        }
    }
}

/// The first samples of the data.
fn data_info(setup: &Setup) -> DataInfo {
    let few = |numbers: &[f64]| numbers[..numbers.len().min(MAX_SHOWN_NUMBERS)].to_vec();
    let shown = |data: &Data| {
        (0..data.len().min(SHOWN_SAMPLES)).map(|at| (few(data.input(at)), few(data.target(at)))).collect()
    };
    DataInfo {
        train: setup.train.len(),
        test: setup.test.len(),
        names: Arc::clone(&setup.io_names),
        samples: shown(&setup.train),
        test_samples: shown(&setup.test),
    }
}
