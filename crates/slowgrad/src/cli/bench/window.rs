//! The window without a graphics card: hot reload and frames.

use super::inspection::record_timeline;
use super::lessons;
use super::timing::timed;
use super::{BenchContext, BenchRow, RowResult};
use crate::cli::Failure;
use crate::desktop::worker_thread::WorkerThread;
use crate::machine::clock;
use slowgrad_app::headless::HeadlessApp;
use slowgrad_render::{Theme, network_ui};
use slowgrad_script::{Files, Library, Limits, PluginKind, Root, Sandbox};
use slowgrad_session::shipped;
use slowgrad_session::{
    ActivationAt, BackendCommand, BackendLink as _, Difference, LandscapeRequest, LossAt, PlotRequest, Slot,
};
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::{Cell, Phase};
use slowgrad_timeline::scene::{Layout, Moment, SceneOptions, SceneSummary, View, draw_scene, zoom_step};
use std::time::Duration;

pub(super) const ROWS: &[BenchRow] = &[
    BenchRow {
        name: "save",
        description: "reload a saved lesson and show its step, shipped lessons",
        measure: reloads,
    },
    BenchRow {
        name: "frame-100",
        description: "a frame with 10² weights, without the GPU",
        measure: |bench| frames(bench, 2, 9),
    },
    BenchRow { name: "frame-10k", description: "a frame with 10⁴ weights", measure: |bench| frames(bench, 2, 99) },
    BenchRow { name: "frame-100k", description: "a frame with 10⁵ weights", measure: |bench| frames(bench, 2, 315) },
    BenchRow { name: "frame-1m", description: "a frame with 10⁶ weights", measure: |bench| frames(bench, 2, 999) },
    BenchRow {
        name: "frame-first",
        description: "the first frame of a step with 10⁶ weights, one layer active",
        measure: |bench| first_frames(bench, 999),
    },
    BenchRow {
        name: "window-10k",
        description: "a whole window frame with 10⁴ weights",
        measure: |bench| windows(bench, 99),
    },
    BenchRow {
        name: "window-1m",
        description: "a whole window frame with 10⁶ weights",
        measure: |bench| windows(bench, 999),
    },
    BenchRow {
        name: "compare-1m",
        description: "a step of two runs side by side, 10⁶ weights each, adam, all plots open",
        measure: compare,
    },
    BenchRow {
        name: "frame-deep",
        description: "a frame with 10⁴ weights in 400 layers",
        measure: |bench| frames(bench, 400, 5),
    },
];

/// The size of a window, in points.
const FRAME_SIZE_PTS: egui::Vec2 = egui::vec2(1280.0, 720.0);
/// The time for which two runs train side by side.
const COMPARISON_TIME: Duration = Duration::from_mins(1);
/// The number of moments of a step that are measured.
const MOMENTS: usize = 32;

/// The time from the reload command for a shipped lesson, with one more line at its end, to the snapshot with its step.
/// The delays of the file watcher are not included.
fn reloads(bench: &BenchContext) -> Result<RowResult, Failure> {
    let shipped = shipped::shipped();
    let library = Library { roots: vec![shipped.clone()] };
    let lessons: Vec<String> =
        Sandbox::new(library, bench.limits).catalogue(PluginKind::Lesson).into_iter().map(|entry| entry.path).collect();
    let mut cases: Vec<ReloadCase> = Vec::new();
    for path in lessons {
        let text = shipped.files.get(&path).map(|bytes| bytes.to_vec()).unwrap_or_default();
        let files = Files::from_iter([(path.as_str(), text.as_slice())]);
        let library = Library { roots: vec![shipped.clone(), Root { name: OWN_ROOT.into(), files }] };
        let worker = WorkerThread::start(library, bench.limits, BackendCommand::Open(path.clone()), || {});
        let worker = worker.map_err(|error| Failure::new(error.to_string()))?;
        cases.push(ReloadCase { worker, path, text });
    }
    for case in &mut cases {
        case.wait_until_idle()?;
    }
    Ok(bench.timing.each(cases.len(), |index| cases[index].reload())?.into())
}

/// The root of the changed lessons.
const OWN_ROOT: &str = "own";

/// An open lesson that is changed and reloaded repeatedly.
struct ReloadCase {
    worker: WorkerThread,
    path: String,
    text: Vec<u8>,
}

impl ReloadCase {
    fn reload(&mut self) -> Result<Duration, Failure> {
        self.text.extend(b"\n// one more line");
        let (path, bytes) = (self.path.clone(), Some(self.text.clone()));
        let reload = BackendCommand::ReloadFile { root: OWN_ROOT.into(), path, bytes, at_once: true };
        timed(|| {
            self.worker.send(reload);
            self.wait_until_idle()
        })
    }

    fn wait_until_idle(&mut self) -> Result<(), Failure> {
        let snapshot = self.worker.run_until_idle(clock().deadline(Duration::from_mins(1)));
        let failure = |message: &str| Failure::new(format!("{}: {message}", self.path));
        let snapshot = snapshot.ok_or_else(|| failure("the worker did not respond"))?;
        match snapshot.problems.first() {
            Some(problem) => Err(failure(&problem.to_string())),
            None => Ok(()),
        }
    }
}

/// Draws the network as the window does, up to the triangles for the graphics card.
struct FrameBench {
    timeline: Timeline,
    layout: Layout,
    view: View,
    options: SceneOptions,
    theme: Theme,
    ctx: egui::Context,
}

impl FrameBench {
    fn new(bench: &BenchContext, layers: usize, size: usize) -> Result<Self, Failure> {
        let timeline = record_timeline(&lessons::network(layers, size, bench.limits)?)?;
        let layout = Layout::within(&timeline.step().shape, FRAME_SIZE_PTS.into());
        let mut view = View::default();
        view.fit(layout.bounds(), FRAME_SIZE_PTS);
        let options = SceneOptions { zoom: zoom_step(view.zoom), ..SceneOptions::default() };
        let (theme, ctx) = (Theme::dark(), egui::Context::default());
        theme.apply(&ctx);
        Ok(Self { timeline, layout, view, options, theme, ctx })
    }

    /// Draws a frame and returns the time it took.
    fn draw(&mut self, summary: &SceneSummary, moment: &Moment) -> Result<Duration, Failure> {
        timed(|| {
            let scene = draw_scene(summary, &self.timeline, &self.layout, moment, &self.options);
            let screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, FRAME_SIZE_PTS));
            let raw = egui::RawInput { screen_rect, ..egui::RawInput::default() };
            let mut output = self.ctx.run_ui(raw, |ui| {
                network_ui(ui, &scene, &mut self.view, &self.theme);
            });
            let shapes = std::mem::take(&mut output.shapes);
            output.drop_without_applying_deltas();
            Ok::<_, Failure>(self.ctx.tessellate(shapes, 1.0))
        })
    }
}

fn frames(bench: &BenchContext, layers: usize, size: usize) -> Result<RowResult, Failure> {
    let mut frames = FrameBench::new(bench, layers, size)?;
    // The worker thread computes the summary once per step.
    let summary = SceneSummary::new(&frames.timeline);
    // The moments are spaced evenly over the step.
    let moments = if bench.timing.is_quick() { 1 } else { MOMENTS };
    let spread = bench.timing.each(moments, |case| {
        let index = (2 * case + 1) * frames.timeline.len() / (2 * moments);
        let moment = Moment { events: frames.timeline.unit(index, Granularity::Operation), progress: 0.5 };
        frames.draw(&summary, &moment)
    })?;
    Ok(spread.into())
}

/// The first frame after a new step, with the summary. Each case shows one layer in the forward or backward pass.
fn first_frames(bench: &BenchContext, size: usize) -> Result<RowResult, Failure> {
    let mut frames = FrameBench::new(bench, 2, size)?;
    let neurons = (0..3).map(|layer| Cell::Neuron { layer, neuron: 0 });
    let cells = neurons.flat_map(|cell| [Phase::Forward, Phase::Backward].map(|phase| (phase, cell)));
    let starts: Vec<usize> = cells
        .filter_map(|(phase, cell)| frames.timeline.cell(Some(0), phase, cell))
        .map(|events| events.start)
        .collect();
    let spread = bench.timing.each(starts.len(), |case| {
        let summary = SceneSummary::new(&frames.timeline);
        let moment = Moment { events: frames.timeline.unit(starts[case], Granularity::Layer), progress: 0.5 };
        frames.draw(&summary, &moment)
    })?;
    Ok(spread.into())
}

/// Frames of the whole window, with all panels, while a network with two hidden layers of `size` neurons plays.
fn windows(bench: &BenchContext, size: usize) -> Result<RowResult, Failure> {
    let worker = wide_worker(size, bench.limits)?;
    let contents =
        HeadlessApp::new(clock(), worker, FRAME_SIZE_PTS).ok_or_else(|| Failure::new("the lesson cannot run"));
    let mut contents = contents?;
    let moments = if bench.timing.is_quick() { 1 } else { MOMENTS };
    let spread = bench.timing.each(moments, |case| {
        contents.play_from((2 * case + 1) as f64 / (2 * moments) as f64);
        timed(|| Ok::<_, Failure>(contents.frame()))
    })?;
    Ok(spread.into())
}

/// Training at full speed with a comparison and all plots, as long as memory needs to reach its limit.
fn compare(bench: &BenchContext) -> Result<RowResult, Failure> {
    let mut worker = wide_worker(999, bench.limits)?;
    let stopped = || Failure::new("the worker did not respond");
    worker.run_until_idle(clock().deadline(Duration::from_mins(1))).ok_or_else(stopped)?;
    let plots = PlotRequest {
        scores: true,
        predictions: true,
        histograms: true,
        activation: Some(ActivationAt { sample: 0, layer: 0, neuron: 0 }),
        loss: Some(LossAt { sample: 0, output: 0 }),
        landscape: Some(LandscapeRequest::default()),
    };
    worker.send(BackendCommand::ShowPlots(Box::new(plots)));
    worker.send(BackendCommand::Evaluate(true));
    worker.send(BackendCommand::Compare(Some(Difference::slider(Slot::Optimizer, "adam", "lr", 0.002))));
    worker.send(BackendCommand::FullSpeed(true));
    let deadline = clock().deadline(if bench.timing.is_quick() { Duration::ZERO } else { COMPARISON_TIME });
    let mut steps = 0;
    let took = timed(|| {
        loop {
            match worker.try_receive().map_err(|_| stopped())? {
                Some(snapshot) => steps = snapshot.timeline.map_or(0, |timeline| timeline.step().step),
                None => std::thread::sleep(Duration::from_millis(16)),
            }
            if steps > 1 && deadline.has_passed() {
                return Ok::<_, Failure>(());
            }
        }
    })?;
    Ok(RowResult::seconds(took.as_secs_f64() / (steps - 1) as f64))
}

/// A worker thread that opens a lesson with two hidden layers of `size` neurons.
fn wide_worker(size: usize, limits: Limits) -> Result<WorkerThread, Failure> {
    let text = lessons::source("wide.rhai").replace("[2, 4, 4, 1]", &format!("[2, {size}, {size}, 1]"));
    let files = Files::from_iter([("wider.rhai", text.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "bench".into(), files }] };
    let worker = WorkerThread::start(library, limits, BackendCommand::Open("wider.rhai".into()), || {});
    worker.map_err(|error| Failure::new(error.to_string()))
}
