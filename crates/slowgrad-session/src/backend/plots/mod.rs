//! The data of the open plots, computed between two commands, in time that training leaves over.
//!
//! Fast plots are computed with each snapshot. The landscape and the losses along the path of the run are computed
//! incrementally. It must not know commands, scripts or the window.

mod function;
mod histogram;
mod landscape;
pub(crate) mod predictions;
#[cfg(test)]
mod tests;

use crate::clock::Deadline;
use crate::protocol::{Landscape, PlotRequest, Plots, ScoresAtStep, Surface};
use landscape::LandscapeJob;
use predictions::{Detail, predict_over_inputs};
use slowgrad_engine::parameter_path::ParameterPath;
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::train::Workspace;
use slowgrad_timeline::Timeline;
use std::sync::Arc;

/// The number of samples that are drawn.
pub(crate) const SHOWN_SAMPLES: usize = 400;

/// The state of the run that plots depend on besides the shown step.
#[derive(Debug, Clone, Copy)]
pub(super) struct RunContext {
    /// The number of the run.
    pub(super) run_number: u64,
    /// Whether training is in progress; then coarse landscapes suffice.
    pub(super) training: bool,
}

/// The open plots and the computations in progress for them.
#[derive(Debug, Default)]
pub(super) struct PlotJobs {
    request: PlotRequest,
    plots: Plots,
    /// The step that the fast plots were computed for.
    computed_for: Option<Arc<Timeline>>,
    /// The default axes of the landscape, with the number and the shape of their run.
    default_axes: Option<(u64, Arc<Shape>, [usize; 2])>,
    landscape: Option<LandscapeJob>,
    /// The step that the landscape was started for.
    landscape_step: Option<Arc<Timeline>>,
    /// The finest surface so far.
    surface: Option<Arc<Surface>>,
    work: Workspace,
}

impl PlotJobs {
    /// Replaces the set of open plots.
    pub(super) fn set_request(&mut self, request: PlotRequest) {
        self.request = request;
    }

    /// Whether the plot of predictions is open.
    pub(super) fn shows_predictions(&self) -> bool {
        self.request.predictions
    }

    /// Whether an open plot needs the scores along the path of the run.
    fn needs_scores(&self) -> bool {
        self.request.scores || self.request.landscape.is_some()
    }

    /// Computes the fast plots for the step that the run executes next, and starts the landscape.
    pub(super) fn update(
        &mut self,
        run: &mut Run,
        comparison: Option<&mut Run>,
        timeline: &Arc<Timeline>,
        context: &RunContext,
    ) {
        let current = self.computed_for.as_ref().is_some_and(|computed| Arc::ptr_eq(computed, timeline));
        let step = timeline.step();
        let (request, plots) = (&self.request, &mut self.plots);
        if !current {
            *plots = Plots {
                scores: plots.scores.take(),
                comparison_scores: plots.comparison_scores.take(),
                ..Plots::default()
            };
            self.computed_for = Some(Arc::clone(timeline));
        }
        let detail = if request.predictions { Detail::Fine } else { Detail::Coarse };
        if plots.predictions.as_ref().is_none_or(|predictions| Detail::of(predictions) != detail) {
            plots.predictions = predict_over_inputs(run, SHOWN_SAMPLES, detail).map(Arc::new);
        }
        plots.histograms = plots.histograms.take().filter(|_| request.histograms);
        if request.histograms && plots.histograms.is_none() {
            plots.histograms = Some(histogram::histograms(step).into());
        }
        plots.activation = plots.activation.take().filter(|(at, _)| Some(*at) == request.activation);
        if let (Some(at), None) = (request.activation, &plots.activation) {
            plots.activation = function::activation(run.setup(), step, at).map(|curve| (at, Arc::new(curve)));
        }
        plots.loss = plots.loss.take().filter(|(at, _)| Some(*at) == request.loss);
        if let (Some(at), None) = (request.loss, &plots.loss) {
            plots.loss = function::loss(run.setup(), step, at).map(|curve| (at, Arc::new(curve)));
        }
        self.update_landscape(run, comparison, timeline, context);
    }

    /// Starts a new landscape when the present one is of another step or has other axes.
    fn update_landscape(
        &mut self,
        run: &mut Run,
        mut comparison: Option<&mut Run>,
        timeline: &Arc<Timeline>,
        context: &RunContext,
    ) {
        let Some(request) = &self.request.landscape else {
            (self.landscape, self.landscape_step, self.surface) = (None, None, None);
            return;
        };
        let shape = &Arc::clone(&run.setup().shape);
        let requested_axes = request.axes.filter(|axes| axes.iter().all(|axis| *axis < shape.parameters()));
        let cached = self
            .default_axes
            .take()
            .filter(|(run_number, of_shape, _)| *run_number == context.run_number && of_shape == shape);
        let (_, _, default_axes) = self.default_axes.insert(cached.unwrap_or_else(|| {
            let axes = landscape::most_changed(run, &timeline.step().after.values);
            (context.run_number, Arc::clone(shape), axes)
        }));
        let axes = requested_axes.unwrap_or(*default_axes);
        // From now on the run records the path of these two parameters step by step.
        run.watch(axes);
        if let Some(comparison) = &mut comparison {
            comparison.watch(axes);
        }
        // Empty and non-finite ranges are ignored.
        let is_range = |range: &[[f64; 2]; 2]| range.iter().all(|[low, high]| low < high && (high - low).is_finite());
        let requested_range = request.range.filter(is_range);
        let same_axes = self.landscape.as_ref().is_some_and(|job| job.has_axes(shape, axes));
        let same_range = self.landscape.as_ref().is_some_and(|job| job.has_range(requested_range));
        let same_step = self.landscape_step.as_ref().is_some_and(|step| Arc::ptr_eq(step, timeline));
        // During training a landscape is not replaced before it is fine enough.
        let unfinished = context.training && self.landscape.as_ref().is_some_and(|job| !job.is_fine_enough());
        if same_axes && same_range && (same_step || unfinished) {
            return;
        }
        if !same_axes {
            self.surface = None;
        }
        let before = self.landscape.as_ref().filter(|_| same_axes).and_then(LandscapeJob::default_range);
        let values = &run.model().values;
        let default_range = || {
            [0, 1].map(|axis| {
                let runs = [Some(&*run), comparison.as_deref()].into_iter().flatten();
                let paths = runs.flat_map(|run| landscape::path(run.parameter_path(), &run.setup().shape, axes));
                let coordinates = paths.map(|point| point.at[axis]);
                landscape::range(coordinates.chain([values[axes[axis]]]), before.map(|before| before[axis]))
            })
        };
        self.work = Workspace::default();
        let range = requested_range.unwrap_or_else(default_range);
        self.landscape = Some(LandscapeJob::new(run, axes, range, requested_range.is_some()));
        self.landscape_step = Some(Arc::clone(timeline));
    }

    /// Whether a plot is incomplete.
    pub(super) fn has_work(&self, runs: &[&Run], training: bool) -> bool {
        let unknown = self.needs_scores() && runs.iter().any(|run| run.unknown_scores() > 0);
        unknown || self.landscape.as_ref().is_some_and(|job| job.has_work(training))
    }

    /// Computes until everything is complete or the deadline passes.
    pub(super) fn compute(&mut self, runs: &mut [&mut Run], training: bool, deadline: Deadline) {
        let mut turn = 0_usize;
        while !deadline.has_passed() {
            // The coarse landscape has priority over the losses; finer ones alternate with them.
            turn += 1;
            let needs_scores = self.needs_scores();
            let job = self.landscape.as_mut().filter(|job| job.has_work(training));
            let has_surface = job.as_ref().is_none_or(|job| job.surface().is_some());
            let unknown = runs.iter_mut().map(|run| (run.unknown_scores(), run));
            let run = unknown.filter(|(unknown, _)| needs_scores && has_surface && *unknown > 0);
            let run = run.max_by_key(|(unknown, _)| *unknown).map(|(_, run)| run);
            match (job, run) {
                (None, None) => break,
                // A script that fails for an earlier step leaves a gap in the curve.
                (None, Some(run)) => drop(run.evaluate_path()),
                (Some(_), Some(run)) if turn.is_multiple_of(2) => drop(run.evaluate_path()),
                (Some(job), _) => {
                    job.advance(&mut self.work);
                    if let Some(surface) = job.surface() {
                        self.surface = Some(Arc::clone(surface));
                    }
                }
            }
        }
    }

    /// The present data of the open plots.
    pub(super) fn plots(&mut self, run: &Run, comparison: Option<&Run>) -> Plots {
        let shows_scores = self.request.scores;
        self.plots.scores = shows_scores.then(|| scores(run.parameter_path()));
        self.plots.comparison_scores = comparison.filter(|_| shows_scores).map(|run| scores(run.parameter_path()));
        self.plots.landscape = self.surface.as_ref().map(|surface| {
            let shape = &run.setup().shape;
            let project = |path: &ParameterPath| landscape::path(path, shape, surface.axes);
            Arc::new(Landscape {
                surface: Arc::clone(surface),
                path: project(run.parameter_path()),
                abandoned_branch: run.abandoned_path().map(project).unwrap_or_default(),
                comparison: comparison.map(|run| project(run.parameter_path())).unwrap_or_default(),
            })
        });
        self.plots.clone()
    }
}

/// The scores that are evaluated along a path.
fn scores(path: &ParameterPath) -> Arc<[ScoresAtStep]> {
    let evaluated =
        path.points().iter().filter_map(|point| Some(ScoresAtStep { step: point.step, scores: point.scores? }));
    evaluated.collect()
}
