//! What the plots show, computed beside training: only what the window wants to see, and in the little time
//! between two commands.
//!
//! What is quick is computed with each picture; landscapes and the losses along a run's past take as many goes as
//! they need. It must not know commands, scripts or the window.

mod function;
mod histogram;
mod landscape;
pub(crate) mod predictions;
#[cfg(test)]
mod tests;

use crate::clock::Deadline;
use crate::protocol::{Landscape, LossesAt, Plots, Surface, Wanted};
use landscape::Job;
use predictions::{Detail, answers};
use slowgrad_engine::parameter_path::ParameterPath;
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::train::Workspace;
use slowgrad_timeline::Timeline;
use std::sync::Arc;

/// Samples that pictures of the data show.
pub(crate) const SHOWN_SAMPLES: usize = 400;

/// What else is to be known of the moment that is drawn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment {
    /// Number of the run.
    pub(super) opened: u64,
    /// Whether training goes on.
    pub(super) hurry: bool,
}

/// Plots in the making.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    wanted: Wanted,
    plots: Plots,
    /// The step that the quick plots were computed for.
    known: Option<Arc<Timeline>>,
    /// The axes that were chosen for the run, with its number and its shape.
    chosen: Option<(u64, Arc<Shape>, [usize; 2])>,
    job: Option<Job>,
    /// The step that the landscape was begun for.
    begun: Option<Arc<Timeline>>,
    /// The best landscape so far.
    surface: Option<Arc<Surface>>,
    work: Workspace,
}

impl Drafts {
    /// Takes in which plots are open.
    pub(super) fn want(&mut self, wanted: Wanted) {
        self.wanted = wanted;
    }

    /// Whether answers are looked at closely.
    pub(super) fn has_answers(&self) -> bool {
        self.wanted.answers
    }

    /// Whether losses along the past are looked at.
    fn needs_losses(&self) -> bool {
        self.wanted.losses || self.wanted.landscape.is_some()
    }

    /// Computes what is quick for the step that the run stands before, and begins what is not.
    pub(super) fn renew(&mut self, run: &mut Run, rival: Option<&mut Run>, timeline: &Arc<Timeline>, of: &Moment) {
        let is_known = self.known.as_ref().is_some_and(|known| Arc::ptr_eq(known, timeline));
        let step = timeline.step();
        let (wanted, plots) = (&self.wanted, &mut self.plots);
        if !is_known {
            *plots = Plots { losses: plots.losses.take(), rival_losses: plots.rival_losses.take(), ..Plots::default() };
            self.known = Some(Arc::clone(timeline));
        }
        let detail = if wanted.answers { Detail::Fine } else { Detail::Coarse };
        if plots.answers.as_ref().is_none_or(|answers| Detail::of(answers) != detail) {
            plots.answers = answers(run, SHOWN_SAMPLES, detail).map(Arc::new);
        }
        plots.histograms = plots.histograms.take().filter(|_| wanted.histograms);
        if wanted.histograms && plots.histograms.is_none() {
            plots.histograms = Some(histogram::histograms(step).into());
        }
        plots.activation = plots.activation.take().filter(|(at, _)| Some(*at) == wanted.activation);
        if let (Some(at), None) = (wanted.activation, &plots.activation) {
            plots.activation = function::activation(run.setup(), step, at).map(|curve| (at, Arc::new(curve)));
        }
        plots.loss = plots.loss.take().filter(|(at, _)| Some(*at) == wanted.loss);
        if let (Some(at), None) = (wanted.loss, &plots.loss) {
            plots.loss = function::loss(run.setup(), step, at).map(|curve| (at, Arc::new(curve)));
        }
        self.begin_landscape(run, rival, timeline, of);
    }

    /// Begins another landscape when the one that there is belongs to another moment or to other axes.
    fn begin_landscape(&mut self, run: &mut Run, mut rival: Option<&mut Run>, timeline: &Arc<Timeline>, of: &Moment) {
        let Some(ask) = &self.wanted.landscape else {
            (self.job, self.begun, self.surface) = (None, None, None);
            return;
        };
        let shape = &Arc::clone(&run.setup().shape);
        let asked = ask.axes.filter(|axes| axes.iter().all(|axis| *axis < shape.parameters()));
        let chosen = self.chosen.take().filter(|(opened, of_shape, _)| *opened == of.opened && of_shape == shape);
        let (_, _, chosen) = self.chosen.insert(chosen.unwrap_or_else(|| {
            (of.opened, Arc::clone(shape), landscape::most_changed(run, &timeline.step().after.values))
        }));
        let axes = asked.unwrap_or(*chosen);
        // From now on the way of these two is known closely.
        run.watch(axes);
        if let Some(rival) = &mut rival {
            rival.watch(axes);
        }
        // A range without any extent, or without numbers, is none.
        let is_range = |range: &[[f64; 2]; 2]| range.iter().all(|[low, high]| low < high && (high - low).is_finite());
        let asked_range = ask.range.filter(is_range);
        let has_axes = self.job.as_ref().is_some_and(|job| job.is_over_axes(shape, axes));
        let has_range = self.job.as_ref().is_some_and(|job| job.reaches(asked_range));
        let is_begun = self.begun.as_ref().is_some_and(|begun| Arc::ptr_eq(begun, timeline));
        // While training goes on each landscape gets fine enough before the next one begins.
        let is_left = of.hurry && self.job.as_ref().is_some_and(|job| !job.is_fine_enough());
        if has_axes && has_range && (is_begun || is_left) {
            return;
        }
        if !has_axes {
            self.surface = None;
        }
        let before = self.job.as_ref().filter(|_| has_axes).and_then(Job::own_range);
        let values = &run.model().values;
        let own_range = || {
            [0, 1].map(|axis| {
                let runs = [Some(&*run), rival.as_deref()].into_iter().flatten();
                let ways = runs.flat_map(|run| landscape::path(run.parameter_path(), &run.setup().shape, axes));
                let way = ways.map(|point| point.at[axis]);
                landscape::range(way.chain([values[axes[axis]]]), before.map(|before| before[axis]))
            })
        };
        self.work = Workspace::default();
        let range = asked_range.unwrap_or_else(own_range);
        self.job = Some(Job::new(run, axes, range, asked_range.is_some()));
        self.begun = Some(Arc::clone(timeline));
    }

    /// Whether there is something left to compute.
    pub(super) fn is_drafting(&self, runs: &[&Run], hurry: bool) -> bool {
        let has_losses = self.needs_losses() && runs.iter().any(|run| run.unknown_losses() > 0);
        has_losses || self.job.as_ref().is_some_and(|job| if hurry { !job.is_fine_enough() } else { !job.is_over() })
    }

    /// Computes for so long at most.
    pub(super) fn go_on(&mut self, runs: &mut [&mut Run], hurry: bool, deadline: Deadline) {
        let mut turn = 0_usize;
        while !deadline.has_passed() {
            // A coarse landscape comes first, the losses next, and finer ones take turns with them.
            turn += 1;
            let is_wanted = |job: &Job| if hurry { !job.is_fine_enough() } else { !job.is_over() };
            let job = self.job.as_mut().filter(|job| is_wanted(job));
            let has_surface = job.as_ref().is_none_or(|job| job.surface().is_some());
            let losses = self.wanted.losses || self.wanted.landscape.is_some();
            let unknown = runs.iter_mut().map(|run| (run.unknown_losses(), run));
            let run = unknown.filter(|(unknown, _)| losses && has_surface && *unknown > 0);
            let run = run.max_by_key(|(unknown, _)| *unknown).map(|(_, run)| run);
            match (job, run) {
                (None, None) => break,
                // A script that fails somewhere in the past leaves a gap there.
                (None, Some(run)) => drop(run.evaluate_path()),
                (Some(_), Some(run)) if turn.is_multiple_of(2) => drop(run.evaluate_path()),
                (Some(job), _) => {
                    job.go_on(&mut self.work);
                    if let Some(surface) = job.surface() {
                        self.surface = Some(Arc::clone(surface));
                    }
                }
            }
        }
    }

    /// What there is to be shown now.
    pub(super) fn plots(&mut self, run: &Run, rival: Option<&Run>) -> Plots {
        let is_wanted = self.wanted.losses;
        self.plots.losses = is_wanted.then(|| losses(run.parameter_path()));
        self.plots.rival_losses = rival.filter(|_| is_wanted).map(|rival| losses(rival.parameter_path()));
        self.plots.landscape = self.surface.as_ref().map(|surface| {
            let shape = &run.setup().shape;
            let way = |trail: &ParameterPath| landscape::path(trail, shape, surface.axes);
            Arc::new(Landscape {
                surface: Arc::clone(surface),
                path: way(run.parameter_path()),
                ghost: run.abandoned_path().map(way).unwrap_or_default(),
                rival: rival.map(|rival| way(rival.parameter_path())).unwrap_or_default(),
            })
        });
        self.plots.clone()
    }
}

/// The losses that are known along a trail.
fn losses(trail: &ParameterPath) -> Arc<[LossesAt]> {
    let known = trail.points().iter().filter_map(|point| {
        let (train, test) = point.losses?;
        Some(LossesAt { step: point.step, train, test })
    });
    known.collect()
}
