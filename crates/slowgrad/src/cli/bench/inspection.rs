//! Looking closely: events, the past, saved files, frames.

use super::lessons;
use super::timing::{Spread, timed};
use super::{Bench, Reading, Row};
use crate::cli::Failure;
use crate::desktop::worker_thread::{WorkerThread, clock};
use crate::files::library;
use slowgrad_app::headless::Contents;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::run::Run;
use slowgrad_render::{Theme, network_ui};
use slowgrad_script::{Files, Library, PluginKind, Root, Sandbox};
use slowgrad_session::shipped;
use slowgrad_session::{Command, Link as _};
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::{Address, Cell, Phase};
use slowgrad_timeline::scene::{Layout, Moment, SceneOptions, SceneSummary, View, draw_scene, zoom_step};
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

pub(super) const ROWS: &[Row] = &[
    Row { name: "open-w1", what: "load lesson W1: scripts, data and weights", measure: open },
    Row { name: "first-step", what: "record the first step of W1 and trace its scripts", measure: first_step },
    Row { name: "record-w1", what: "record a step of W1", measure: |bench| record(bench, "w1") },
    Row { name: "record-w3", what: "record a step of W3", measure: |bench| record(bench, "w3") },
    Row {
        name: "event-xor",
        what: "create an event at a random address, 2-3-1",
        measure: |bench| events(bench, "xor"),
    },
    Row { name: "event-w3", what: "create an event at a random address, W3", measure: |bench| events(bench, "w3") },
    Row {
        name: "seek-xor",
        what: "seek to one of 100 000 past steps and its events, 2-3-1",
        measure: |bench| seeks(bench, "xor"),
    },
    Row {
        name: "seek-w1",
        what: "seek to one of 100 000 past steps and its events, W1",
        measure: |bench| seeks(bench, "w1"),
    },
    Row { name: "save", what: "reload a saved lesson and show its step, shipped lessons", measure: saves },
    Row { name: "frame-100", what: "a frame with 10² weights, without the GPU", measure: |bench| frames(bench, 2, 9) },
    Row { name: "frame-10k", what: "a frame with 10⁴ weights", measure: |bench| frames(bench, 2, 99) },
    Row { name: "frame-100k", what: "a frame with 10⁵ weights", measure: |bench| frames(bench, 2, 315) },
    Row { name: "frame-1m", what: "a frame with 10⁶ weights", measure: |bench| frames(bench, 2, 999) },
    Row {
        name: "frame-first",
        what: "the first frame of a step with 10⁶ weights, one layer active",
        measure: |bench| first_frames(bench, 999),
    },
    Row { name: "window-10k", what: "a whole window frame with 10⁴ weights", measure: |bench| windows(bench, 99) },
    Row { name: "window-1m", what: "a whole window frame with 10⁶ weights", measure: |bench| windows(bench, 999) },
    Row {
        name: "frame-deep", what: "a frame with 10⁴ weights in 400 layers", measure: |bench| frames(bench, 400, 5)
    },
];

/// So many places of a step or a run stand for all.
const PLACES: usize = 200;
/// Steps of the past that any is gone back to.
const PAST_STEPS: u64 = 100_000;
/// A window's worth.
const FRAME: egui::Vec2 = egui::vec2(1280.0, 720.0);

/// Places below an end, as a die throws them.
fn places(end: u64) -> Vec<u64> {
    let mut rng = Rng::new(1, Purpose::Data);
    (0..PLACES).map(|_| (rng.unit() * end as f64) as u64).collect()
}

fn timeline(run: &Run) -> Result<Timeline, Failure> {
    Ok(Timeline::new(Arc::new(run.record()?)))
}

fn open(bench: &Bench) -> Result<Reading, Failure> {
    let mut sandbox = lessons::sandbox(bench.limits);
    let (root, bytes) = sandbox.file("w1.rhai").ok_or_else(|| Failure::new("cannot find lesson W1"))?;
    let read = || {
        // What was read before is forgotten with that.
        sandbox.replace(&root, "w1.rhai", Some(Arc::clone(&bytes)));
        sandbox.open("w1.rhai").map(|lesson| drop(black_box(lesson)))
    };
    bench.timing.shortest(read).map(Reading::seconds).map_err(Failure::Scripts)
}

fn first_step(bench: &Bench) -> Result<Reading, Failure> {
    let spread = bench.timing.each(1, |_| {
        let run = lessons::run("w1", bench.limits)?;
        timed(|| timeline(&run))
    })?;
    Ok(Reading::seconds(spread.median))
}

fn record(bench: &Bench, lesson: &str) -> Result<Reading, Failure> {
    let run = lessons::run(lesson, bench.limits)?;
    bench.timing.shortest(|| timeline(&run).map(|step| drop(black_box(step)))).map(Reading::seconds)
}

fn events(bench: &Bench, lesson: &str) -> Result<Reading, Failure> {
    let timeline = timeline(&lessons::run(lesson, bench.limits)?)?;
    let addresses: Vec<Address> =
        places(timeline.len() as u64).into_iter().map(|index| timeline.address(index as usize)).collect();
    let spread = bench.timing.each(addresses.len(), |case| {
        timed(|| {
            let index = timeline.locate(&addresses[case]).ok_or_else(|| Failure::new("an address has no event"))?;
            Ok::<_, Failure>(timeline.event(index))
        })
    })?;
    Ok(spread.into())
}

fn seeks(bench: &Bench, lesson: &str) -> Result<Reading, Failure> {
    let mut run = lessons::run(lesson, bench.limits)?;
    run.seek(PAST_STEPS)?;
    let steps = places(PAST_STEPS);
    let spread = bench.timing.each(steps.len(), |case| {
        timed(|| {
            run.seek(steps[case])?;
            timeline(&run)
        })
    })?;
    Ok(spread.into())
}

/// The worker's own time from a lesson's file that was saved with another line at its end to the snapshot that shows
/// its step. The watcher waits before it reads a file, which is not in it.
fn saves(bench: &Bench) -> Result<Reading, Failure> {
    let shipped = shipped::shipped();
    let library = Library { roots: vec![shipped.clone()] };
    let lessons: Vec<String> =
        Sandbox::new(library, bench.limits).catalogue(PluginKind::Lesson).into_iter().map(|entry| entry.path).collect();
    let mut savings: Vec<Saving> = Vec::new();
    for path in lessons {
        let text = shipped.files.get(&path).map(|bytes| bytes.to_vec()).unwrap_or_default();
        let files = Files::from_iter([(path.as_str(), text.as_slice())]);
        let library = Library { roots: vec![shipped.clone(), Root { name: OWN.into(), files }] };
        let worker = WorkerThread::start(library, bench.limits, Command::Open(path.clone()), || {});
        let worker = worker.map_err(|error| Failure::new(error.to_string()))?;
        savings.push(Saving { worker, path, text });
    }
    for saving in &mut savings {
        saving.settle()?;
    }
    Ok(bench.timing.each(savings.len(), |case| savings[case].save())?.into())
}

/// The root of lessons that are saved.
const OWN: &str = "own";

/// A lesson that is open and saved again and again.
struct Saving {
    worker: WorkerThread,
    path: String,
    text: Vec<u8>,
}

impl Saving {
    fn save(&mut self) -> Result<Duration, Failure> {
        self.text.extend(b"\n// and another line");
        let (path, bytes) = (self.path.clone(), Some(self.text.clone()));
        let save = Command::ReloadFile { root: OWN.into(), path, bytes, at_once: true };
        timed(|| {
            self.worker.send(save);
            self.settle()
        })
    }

    fn settle(&mut self) -> Result<(), Failure> {
        let snapshot = self.worker.run_until_idle(clock().deadline(Duration::from_mins(1)));
        let wrong = |what: &str| Failure::new(format!("{}: {what}", self.path));
        let snapshot = snapshot.ok_or_else(|| wrong("the worker did not respond"))?;
        match snapshot.problems.first() {
            Some(problem) => Err(wrong(&problem.to_string())),
            None => Ok(()),
        }
    }
}

/// From a moment to the shapes that the graphics card is handed: the network's picture as the window draws it.
struct Frames {
    timeline: Timeline,
    layout: Layout,
    view: View,
    options: SceneOptions,
    theme: Theme,
    ctx: egui::Context,
}

impl Frames {
    fn of(bench: &Bench, layers: usize, size: usize) -> Result<Self, Failure> {
        let timeline = timeline(&lessons::network(layers, size, bench.limits)?)?;
        let layout = Layout::within(&timeline.step().shape, FRAME.into());
        let mut view = View::default();
        view.fit(layout.bounds(), FRAME);
        let options = SceneOptions { zoom: zoom_step(view.zoom), ..SceneOptions::default() };
        let (theme, ctx) = (Theme::dark(), egui::Context::default());
        theme.apply(&ctx);
        Ok(Self { timeline, layout, view, options, theme, ctx })
    }

    /// How long one takes.
    fn draw(&mut self, picture: &SceneSummary, moment: &Moment) -> Result<Duration, Failure> {
        timed(|| {
            let scene = draw_scene(picture, &self.timeline, &self.layout, moment, &self.options);
            let screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, FRAME));
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

fn frames(bench: &Bench, layers: usize, size: usize) -> Result<Reading, Failure> {
    let mut frames = Frames::of(bench, layers, size)?;
    // What all frames of a step share is found out once, where training is.
    let picture = SceneSummary::new(&frames.timeline);
    // Moments evenly over the step, each halfway.
    let moments = if bench.timing.is_quick() { 1 } else { 32 };
    let spread: Spread = bench.timing.each(moments, |case| {
        let index = (2 * case + 1) * frames.timeline.len() / (2 * moments);
        let moment = Moment { events: frames.timeline.unit(index, Granularity::Operation), progress: 0.5 };
        frames.draw(&picture, &moment)
    })?;
    Ok(spread.into())
}

/// The first frames of a step that has just come, each of which shows a layer at work as a whole.
fn first_frames(bench: &Bench, size: usize) -> Result<Reading, Failure> {
    let mut frames = Frames::of(bench, 2, size)?;
    let firsts = (0..3).map(|layer| Cell::Neuron { layer, neuron: 0 });
    let both = firsts.flat_map(|cell| [Phase::Forward, Phase::Backward].map(|phase| (phase, cell)));
    let starts: Vec<usize> = both
        .filter_map(|(phase, cell)| frames.timeline.cell(Some(0), phase, cell))
        .map(|events| events.start)
        .collect();
    let spread: Spread = bench.timing.each(starts.len(), |case| {
        let picture = SceneSummary::new(&frames.timeline);
        let moment = Moment { events: frames.timeline.unit(starts[case], Granularity::Layer), progress: 0.5 };
        frames.draw(&picture, &moment)
    })?;
    Ok(spread.into())
}

/// All panels of a window in which a network of two hidden layers of this size plays: the first frame at a place of
/// its step.
fn windows(bench: &Bench, size: usize) -> Result<Reading, Failure> {
    let worker = lessons::worker(size, bench.limits)?;
    let contents = Contents::of(clock(), worker, FRAME).ok_or_else(|| Failure::new("the lesson cannot run"));
    let mut contents = contents?;
    let places = if bench.timing.is_quick() { 1 } else { 32 };
    let spread = bench.timing.each(places, |case| {
        contents.play_from((2 * case + 1) as f64 / (2 * places) as f64);
        timed(|| Ok::<_, Failure>(contents.frame()))
    })?;
    Ok(spread.into())
}
