//! Where the worker's things lie: the sandbox, the run, and what the window is told of them.
//!
//! Commands change the run or the set-up; a snapshot computes the present step once after all of them. It
//! must not know threads, files or the window.

use super::answers::answers;
use super::message::{Answers, Choice, Command, Curves, DataInfo, LessonInfo, SetupInfo, Slot, SlotInfo, Snapshot};
use super::reload::Pending;
use slowgrad_engine::data::Data;
use slowgrad_engine::plugin::{ControlKind, PluginInfo};
use slowgrad_engine::record::{self, RecordedStep};
use slowgrad_engine::run::{Run, StateChange};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{DataSpec, LessonSpec, ParamValue, PluginRef, SpecPatch};
use slowgrad_script::{ConsoleLine, Lesson, Library, Limits, PluginKind, Sandbox};
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::Timeline;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Samples that the picture of the data shows.
const SHOWN_SAMPLES: usize = 400;
/// Lines of the console that are kept.
const CONSOLE_LINES: usize = 500;

/// A lesson with its run.
pub(super) struct Opened {
    pub(super) info: Arc<LessonInfo>,
    /// What its file asks for.
    pub(super) asked: LessonSpec,
    /// The same with what was changed by hand.
    pub(super) spec: LessonSpec,
    pub(super) run: Run,
    /// The set-up and the parameters that the run started with.
    start: (Setup, Vec<f64>),
    /// The training data as it was made, before any edit by hand.
    pub(super) made: Arc<Data>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// The worker's state.
pub(crate) struct Desk {
    pub(super) sandbox: Sandbox,
    /// Lessons that lie beside the opened one, not in a folder of lessons.
    beside: Vec<String>,
    pub(super) opened: Option<Opened>,
    /// The lesson that was asked for last, whether it opened or not.
    pub(super) path: String,
    pub(super) edition: u64,
    pub(super) pending: Option<Pending>,
    /// What was wrong when scripts were read last.
    pub(super) problems: Vec<Diagnostic>,
    /// What was wrong when they ran last.
    run_problem: Option<Diagnostic>,
    pub(super) messages: Vec<String>,
    pub(super) reloaded: bool,
    pub(super) stale: bool,
    seed: Option<u64>,
    runs: u64,
    handled: u64,
    full_speed: bool,
    train_left: u64,
    stuck: bool,
    shown: Option<Arc<Timeline>>,
    answers: Option<Arc<Answers>>,
    data: Option<Arc<DataInfo>>,
    console: Arc<[ConsoleLine]>,
    lessons: Arc<[Choice]>,
    choices: [Arc<[Choice]>; 3],
}

impl Desk {
    pub(super) fn new(library: Library) -> Self {
        let own = library.roots.iter().skip(1).flat_map(|root| root.files.paths());
        let beside: Vec<String> =
            own.filter(|path| !path.contains('/') && has_ending(path, "rhai")).map(str::to_owned).collect();
        let mut desk = Self {
            sandbox: Sandbox::new(library, Limits::default()),
            beside,
            opened: None,
            path: String::new(),
            edition: 0,
            pending: None,
            problems: Vec::new(),
            run_problem: None,
            messages: Vec::new(),
            reloaded: false,
            stale: false,
            seed: None,
            runs: 0,
            handled: 0,
            full_speed: false,
            train_left: 0,
            stuck: false,
            shown: None,
            answers: None,
            data: None,
            console: Arc::new([]),
            lessons: Arc::new([]),
            choices: std::array::from_fn(|_| Arc::from([])),
        };
        desk.list();
        desk
    }

    /// Looks at the library anew: a file may have come or gone.
    pub(super) fn list(&mut self) {
        let choices = |kind| {
            let known = self.sandbox.list(kind).into_iter();
            known.map(|info: PluginInfo| Choice { name: info.name, description: info.description }).collect::<Vec<_>>()
        };
        self.choices =
            [PluginKind::Activation, PluginKind::Loss, PluginKind::Optimizer].map(|kind| Arc::from(choices(kind)));
        let is_lesson = |path: &&String| self.sandbox.text(path).is_some_and(|text| text.contains("fn lesson"));
        let beside = self.beside.iter().filter(is_lesson);
        let beside =
            beside.map(|path| Choice { name: path.clone(), description: "beside the opened lesson".to_owned() });
        let known = choices(PluginKind::Lesson).into_iter();
        let known = known.map(|choice| Choice { name: format!("lessons/{}.rhai", choice.name), ..choice });
        self.lessons = beside.chain(known).collect();
    }

    /// Whether there is training to do.
    pub(super) fn is_training(&self) -> bool {
        self.opened.is_some() && (self.full_speed || self.train_left > 0)
    }

    /// Trains for a while.
    pub(super) fn burst(&mut self, length: Duration) {
        let began = Instant::now();
        self.take_pending();
        let Some(opened) = &mut self.opened else { return };
        while began.elapsed() < length && (self.full_speed || self.train_left > 0) {
            if let Err(problem) = opened.run.advance() {
                self.run_problem = Some(*problem);
                self.stuck = true;
                self.full_speed = false;
                self.train_left = 0;
            }
            self.train_left = self.train_left.saturating_sub(1);
        }
        self.stale = true;
    }

    /// Carries out a command.
    pub(super) fn carry_out(&mut self, command: Command) {
        self.handled += 1;
        self.stuck = false;
        match command {
            Command::Open(path) => {
                self.seed = None;
                self.open(&path);
            }
            Command::Seek(step) => self.seek(step),
            Command::Train(steps) => self.train_left = self.train_left.saturating_add(steps),
            Command::FullSpeed(on) => self.full_speed = on,
            Command::SetParameter { index, value } => {
                self.change(|opened| opened.run.set_parameter(index, value));
            }
            Command::SetInput { sample, input, value } => self.change(|opened| {
                let mut setup = opened.run.setup().clone();
                Arc::make_mut(&mut setup.train).set_input(sample, input, value);
                opened.run.set_setup(setup);
            }),
            Command::SetControl { slot, control, value } => self.set_control(slot, &control, &value),
            Command::Patch(patch) => self.patch(&patch),
            Command::ReloadFile { root, path, bytes, at_once } => self.reload(&root, &path, bytes, at_once),
            Command::Reset => self.start_again(),
            Command::Reseed => {
                let seed = self.opened.as_ref().map_or(0, |opened| opened.spec.seed);
                self.seed = Some(seed.wrapping_add(1));
                if self.opened.as_ref().is_some_and(|opened| opened.spec.weights.is_some()) {
                    self.messages.push("this lesson brings its own initial weights; only the data changes".into());
                }
                self.start_again();
            }
            Command::DropGhost => self.change(|opened| opened.run.drop_ghost()),
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Opened)) {
        if let Some(opened) = &mut self.opened {
            change(opened);
            self.stale = true;
        }
    }

    /// Opens a lesson; when that fails the one before goes on.
    pub(super) fn open(&mut self, path: &str) {
        path.clone_into(&mut self.path);
        match self.sandbox.open(path) {
            Ok(lesson) => {
                self.problems.clear();
                self.begin(lesson);
            }
            Err(problems) => {
                self.problems = problems;
                self.stuck = true;
                self.messages.push(format!("{path} has a problem"));
                // Plugins are looked for beside the lesson that runs, not beside the one that does not.
                if let Some(opened) = &self.opened
                    && opened.info.path != path
                {
                    opened.info.path.clone_into(&mut self.path);
                    let _ = self.sandbox.open(&self.path);
                }
            }
        }
    }

    /// Starts a run of a lesson that was read.
    pub(super) fn begin(&mut self, lesson: Lesson) {
        let Lesson { path, spec: asked, cues, mut setup, mut parameters, warnings, .. } = lesson;
        let mut spec = asked.clone();
        if let Some(seed) = self.seed {
            spec.seed = seed;
            let made = self.sandbox.assemble(&spec);
            let drawn = self.sandbox.parameters(&spec).map_err(|error| vec![*error]);
            match made.and_then(|setup| Ok((setup, drawn?))) {
                Ok(made) => (setup, parameters) = made,
                Err(problems) => self.problems = problems,
            }
        }
        self.runs += 1;
        self.edition += 1;
        let info = LessonInfo { path, title: spec.title.clone(), cues, opened: self.runs, edition: self.edition };
        self.opened = Some(Opened {
            info: Arc::new(info),
            asked,
            made: Arc::clone(&setup.train),
            run: Run::new(setup.clone(), parameters.clone()),
            start: (setup, parameters),
            spec,
            warnings,
        });
        self.settle();
    }

    /// The run is a new one.
    fn settle(&mut self) {
        self.pending = None;
        self.run_problem = None;
        self.full_speed = false;
        self.train_left = 0;
        self.stale = true;
    }

    /// The same lesson from its initial weights, without the changes made by hand.
    fn start_again(&mut self) {
        let path = self.path.clone();
        match self.sandbox.open(&path) {
            Ok(lesson) => {
                self.problems.clear();
                self.begin(lesson);
            }
            Err(problems) => {
                self.problems = problems;
                // The last good version is what there is to start again with.
                self.runs += 1;
                if let Some(opened) = &mut self.opened {
                    let (setup, parameters) = opened.start.clone();
                    opened.info = Arc::new(LessonInfo { opened: self.runs, ..(*opened.info).clone() });
                    opened.spec.clone_from(&opened.asked);
                    opened.run = Run::new(setup, parameters);
                }
                self.settle();
            }
        }
    }

    fn seek(&mut self, step: u64) {
        let shown = self.shown.as_ref().map_or(1, |timeline| timeline.step().step);
        let Some(opened) = &mut self.opened else { return };
        let mut reached = Ok(());
        // A script that was saved while a step was shown takes over after that step.
        if self.pending.is_some() && step > shown {
            reached = opened.run.seek(shown);
            if reached.is_ok() {
                self.take_pending();
            }
        }
        let Some(opened) = &mut self.opened else { return };
        match reached.and_then(|()| opened.run.seek(step.saturating_sub(1))) {
            Ok(()) => self.stale = true,
            Err(problem) => {
                self.run_problem = Some(*problem);
                self.stuck = true;
                self.stale = false;
            }
        }
    }

    fn set_control(&mut self, slot: Slot, control: &str, value: &ParamValue) {
        let Some(opened) = &mut self.opened else { return };
        let mut spec = opened.spec.clone();
        let plugins: Vec<&mut PluginRef> = plugins(&mut spec, slot);
        let Some(name) = plugins.first().map(|plugin| plugin.name.clone()) else { return };
        for plugin in plugins {
            if plugin.name == name {
                plugin.params.insert(control.to_owned(), value.clone());
            }
        }
        // A slider is an input of what was traced, so nothing is traced anew.
        if let ParamValue::Number(number) = value {
            let mut setup = opened.run.setup().clone();
            for info in infos(&mut setup, slot) {
                if info.name == name {
                    slide(info, control, *number);
                }
            }
            opened.spec = spec;
            opened.run.set_setup(setup);
            self.stale = true;
            return;
        }
        match self.sandbox.assemble(&spec) {
            Ok(setup) => self.adopt(setup, spec),
            Err(problems) => self.problems = problems,
        }
    }

    fn patch(&mut self, patch: &SpecPatch) {
        let Some(opened) = &self.opened else { return };
        let mut spec = opened.spec.clone();
        match self.sandbox.patch(&mut spec, patch) {
            Ok(setup) => {
                self.problems.clear();
                self.adopt(setup, spec);
            }
            Err(problems) => self.problems = problems,
        }
    }

    /// Trains with another set-up from now on, if it can carry out the present step; says what became of
    /// the optimizer's state.
    pub(super) fn adopt(&mut self, mut setup: Setup, spec: LessonSpec) {
        let Some(opened) = &mut self.opened else { return };
        let now = opened.run.setup();
        // Samples that were edited by hand stay edited as long as the data is the same.
        if *setup.train == *opened.made {
            setup.train = Arc::clone(&now.train);
        } else {
            opened.made = Arc::clone(&setup.train);
        }
        let mut model = opened.run.model().clone();
        model.migrate(&now.optimizer, &setup.optimizer);
        match record::record(&setup, &model, opened.run.step() + 1) {
            Ok(_) => {
                let StateChange { dropped, added } = opened.run.set_setup(setup);
                opened.spec = spec;
                self.run_problem = None;
                self.stale = true;
                self.messages.extend(dropped.iter().map(|field| format!("state field «{field}» dropped")));
                self.messages
                    .extend(added.iter().map(|field| format!("state field «{field}» starts at its initial value")));
            }
            Err(problem) => self.problems = vec![*problem],
        }
    }

    /// Whether the present step could not be computed.
    pub(super) fn is_broken(&self) -> bool {
        self.run_problem.is_some()
    }

    /// The state now, with the present step.
    pub(super) fn snapshot(&mut self) -> Snapshot {
        if self.stale {
            self.present();
        }
        let printed = self.sandbox.console();
        if !printed.is_empty() {
            let kept = self.console.iter().cloned().chain(printed).collect::<Vec<_>>();
            self.console = kept[kept.len().saturating_sub(CONSOLE_LINES)..].into();
        }
        let opened = self.opened.as_ref();
        let problems = self.problems.iter().chain(&self.run_problem);
        let problems = problems.chain(opened.into_iter().flat_map(|opened| &opened.warnings)).cloned().collect();
        Snapshot {
            handled: self.handled,
            training: self.is_training(),
            lesson: opened.map(|opened| Arc::clone(&opened.info)),
            lessons: Arc::clone(&self.lessons),
            setup: opened.map(|opened| Arc::new(self.setup_info(opened))),
            data: self.data.clone(),
            answers: self.answers.clone(),
            timeline: self.shown.clone(),
            furthest: opened.map_or(0, |opened| opened.run.furthest()),
            curves: Arc::new(opened.map(|opened| curves(&opened.run)).unwrap_or_default()),
            console: Arc::clone(&self.console),
            problems,
            stuck: self.stuck,
            messages: std::mem::take(&mut self.messages),
            reloaded: std::mem::take(&mut self.reloaded),
        }
    }

    /// Computes the present step.
    fn present(&mut self) {
        self.stale = false;
        let Some(opened) = &mut self.opened else { return };
        match opened.run.record() {
            Ok(step) => {
                let step: Arc<RecordedStep> = Arc::new(step);
                self.shown = Some(Arc::new(Timeline::new(step)));
                if !self.stuck {
                    self.run_problem = None;
                }
            }
            Err(problem) => {
                self.run_problem = Some(*problem);
                self.stuck = true;
                self.full_speed = false;
                self.train_left = 0;
                return;
            }
        }
        self.answers = answers(&mut opened.run, SHOWN_SAMPLES).map(Arc::new);
        let data = data_info(opened);
        if self.data.as_deref() != Some(&data) {
            self.data = Some(Arc::new(data));
        }
    }

    fn setup_info(&self, opened: &Opened) -> SetupInfo {
        let setup = opened.run.setup();
        let last = setup.activations.len() - 1;
        let slot = |slot: Slot| {
            let (info, choices) = match slot {
                Slot::Activation if last == 0 => return None,
                Slot::Activation => (&setup.activations[0].info, &self.choices[0]),
                Slot::Output => (&setup.activations[last].info, &self.choices[0]),
                Slot::Loss => (&setup.loss.info, &self.choices[1]),
                Slot::Optimizer => (&setup.optimizer.info, &self.choices[2]),
            };
            let PluginInfo { name, description, controls } = info.clone();
            Some(SlotInfo { slot, name, description, controls, choices: Arc::clone(choices) })
        };
        SetupInfo {
            slots: Slot::ALL.into_iter().filter_map(slot).collect(),
            batch: setup.batch,
            seed: setup.seed,
            sizes: setup.shape.sizes().to_vec(),
        }
    }
}

/// Whether a path of the library has an ending.
pub(super) fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|have| have == ending)
}

/// The loss curves of a run.
fn curves(run: &Run) -> Curves {
    Curves { present: run.curve().points().to_vec(), ghost: run.ghost().map(|ghost| ghost.points().to_vec()) }
}

fn data_info(opened: &Opened) -> DataInfo {
    let setup = opened.run.setup();
    let name = match &opened.spec.data {
        DataSpec::Plugin(plugin) => plugin.name.clone(),
        DataSpec::Inline(_) => "in the lesson".to_owned(),
        DataSpec::Csv { path, .. } => path.clone(),
    };
    let shown = setup.train.len().min(SHOWN_SAMPLES);
    let few = |numbers: &[f64]| numbers[..numbers.len().min(8)].to_vec();
    let samples = (0..shown).map(|at| (few(setup.train.input(at)), few(setup.train.target(at)))).collect();
    DataInfo { name, train: setup.train.len(), test: setup.test.len(), samples }
}

/// The plugins of a description at a slot.
fn plugins(spec: &mut LessonSpec, slot: Slot) -> Vec<&mut PluginRef> {
    match slot {
        Slot::Activation => {
            let last = spec.layers.len().saturating_sub(1);
            spec.layers[..last].iter_mut().map(|layer| &mut layer.activation).collect()
        }
        Slot::Output => spec.layers.last_mut().map(|layer| &mut layer.activation).into_iter().collect(),
        Slot::Loss => vec![&mut spec.loss],
        Slot::Optimizer => vec![&mut spec.optimizer],
    }
}

/// The plugins of a set-up at a slot.
fn infos(setup: &mut Setup, slot: Slot) -> Vec<&mut PluginInfo> {
    match slot {
        Slot::Activation => {
            let last = setup.activations.len().saturating_sub(1);
            setup.activations[..last].iter_mut().map(|activation| &mut activation.info).collect()
        }
        Slot::Output => setup.activations.last_mut().map(|activation| &mut activation.info).into_iter().collect(),
        Slot::Loss => vec![&mut setup.loss.info],
        Slot::Optimizer => vec![&mut setup.optimizer.info],
    }
}

fn slide(info: &mut PluginInfo, name: &str, to: f64) {
    for control in &mut info.controls {
        if let ControlKind::Slider { value, .. } = &mut control.kind
            && control.name == name
        {
            *value = to;
        }
    }
}
