//! What the window is told: a snapshot of everything, with the present step computed once for it.

use super::{Backend, Opened};
use crate::backend::plots::Moment;
use crate::backend::plots::SHOWN_SAMPLES;
use crate::backend::plots::predictions::maps;
use crate::backend::slots;
use crate::protocol::Plots;
use crate::protocol::{Curves, DataInfo, Snapshot};
use slowgrad_engine::data::Data;
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::run::Run;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::picture::Picture;
use std::sync::Arc;
use std::time::Duration;

/// A picture waits so long for the run that goes along.
const PATIENCE: Duration = Duration::from_millis(30);
/// Lines of the console that are kept.
const CONSOLE_LINES: usize = 500;

impl Backend {
    /// Whether the step that the run stands before has been shown.
    pub(crate) fn is_shown(&self) -> bool {
        let present = self.opened.as_ref().map(|opened| opened.run.step() + 1);
        self.shown.as_ref().map(|timeline| timeline.step().step) == present
    }

    /// What scripts have printed goes to the console.
    pub(crate) fn keep_printed(&mut self) {
        let printed = self.sandbox.console();
        if !printed.is_empty() {
            let kept = self.console.iter().cloned().chain(printed).collect::<Vec<_>>();
            self.console = kept[kept.len().saturating_sub(CONSOLE_LINES)..].into();
        }
    }

    /// The state now, with the present step.
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        if self.stale {
            self.present();
        }
        self.keep_up(PATIENCE);
        let rival = self.rival_info();
        let plots = self.plots();
        let files = self.used_files();
        let (recipe, pasts) = (self.recipe(), self.history.pasts());
        let opened = self.opened.as_ref();
        let (undo, redo) = self.history.words();
        let problems = self.problems.iter().chain(&self.run_problem).chain(&self.conditions.problem);
        let problems = problems.chain(opened.into_iter().flat_map(|opened| &opened.warnings)).cloned().collect();
        Snapshot {
            handled: self.handled,
            training: self.is_training(),
            drafting: self.is_drafting(),
            lesson: opened.map(|opened| Arc::clone(&opened.info)),
            lessons: Arc::clone(&self.lessons),
            setup: opened.map(|opened| Arc::new(slots::setup_info(opened.run.setup(), &self.choices))),
            data: self.data.clone(),
            maps: self.maps.clone(),
            lit: self.conditions.lit.clone(),
            plots,
            rival,
            timeline: self.shown.clone(),
            picture: self.picture.clone(),
            furthest: opened.map_or(0, |opened| opened.run.furthest()),
            recipe,
            pasts,
            undo,
            redo,
            curves: Arc::new(opened.map(|opened| curves(&opened.run)).unwrap_or_default()),
            console: Arc::clone(&self.console),
            problems,
            files,
            plugins: Arc::clone(&self.scripts.plugins),
            checked: self.scripts.checked.clone(),
            stuck: std::mem::take(&mut self.stuck),
            messages: std::mem::take(&mut self.messages),
            reloaded: std::mem::take(&mut self.reloaded),
        }
    }

    /// Computes the present step.
    fn present(&mut self) {
        self.stale = false;
        // Only what the step that is shown prints is for the console: not training, trials and pictures.
        drop(self.sandbox.console());
        let Some(recorded) = self.opened.as_ref().map(|opened| opened.run.record()) else { return };
        self.keep_printed();
        let step: RecordedStep = match recorded {
            Ok(step) => {
                if !self.stuck {
                    self.run_problem = None;
                }
                step
            }
            Err(problem) => {
                self.get_stuck(*problem);
                // The picture and the run stay together: at the last step that can be shown.
                let before = self.opened.as_mut().and_then(|Opened { run, .. }| {
                    run.seek(run.step().checked_sub(1)?).ok()?;
                    run.record().ok()
                });
                let Some(step) = before else { return };
                step
            }
        };
        let timeline = Timeline::new(Arc::new(step));
        self.picture = Some(Arc::new(Picture::new(&timeline)));
        self.shown = Some(Arc::new(timeline));
        self.light();
        let Some(opened) = &mut self.opened else { return };
        self.maps = maps(&mut opened.run).map(Arc::new);
        let data = data_info(opened);
        if self.data.as_deref() != Some(&data) {
            self.data = Some(Arc::new(data));
        }
    }

    /// What the open plots show of the present step.
    fn plots(&mut self) -> Plots {
        let hurry = self.is_training();
        let (Some(opened), Some(shown)) = (&mut self.opened, &self.shown) else { return Plots::default() };
        let moment = Moment { opened: opened.info.opened, hurry };
        let rival = self.rival.as_mut().map(|rival| &mut rival.run);
        self.drafts.renew(&mut opened.run, rival, shown, &moment);
        drop(self.sandbox.console());
        self.drafts.plots(&opened.run, self.rival.as_ref().map(|rival| &rival.run))
    }
}

/// The loss curves of a run.
fn curves(run: &Run) -> Curves {
    Curves { present: run.curve().points().to_vec(), ghost: run.abandoned_branch().cloned() }
}

fn data_info(opened: &Opened) -> DataInfo {
    let setup = opened.run.setup();
    let few = |numbers: &[f64]| numbers[..numbers.len().min(8)].to_vec();
    let shown = |data: &Data| {
        (0..data.len().min(SHOWN_SAMPLES)).map(|at| (few(data.input(at)), few(data.target(at)))).collect()
    };
    DataInfo {
        train: setup.train.len(),
        test: setup.test.len(),
        samples: shown(&setup.train),
        test_samples: shown(&setup.test),
    }
}
