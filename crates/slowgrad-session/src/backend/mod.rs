//! Where the worker's things lie: the sandbox, the run, and what the window is told of them.
//!
//! Commands change the run or the set-up here; `training` goes on with the run, and `snapshot` says how all of it is. It
//! must not know threads, files or the window.

mod comparison;
mod conditions;
mod hot_reload;
pub(crate) mod link;
pub(crate) mod plots;
mod replay;
mod reshape;
mod script_files;
mod script_versions;
pub(crate) mod slots;
mod snapshot;
#[cfg(test)]
mod stress_tests;
#[cfg(test)]
mod tests;
pub(crate) mod thread_count;
mod training;
mod undo;

use crate::clock::Clock;
use crate::protocol::{Arrangement, Choice, Command, DataInfo, LessonInfo, Made, Slot, Snapshot, Texts};
use crate::shipped;
use comparison::Rival;
use conditions::Conditions;
use hot_reload::Pending;
use plots::Drafts;
use replay::Replay;
use script_files::Scripts;
use slots::Choices;
use slowgrad_engine::condition::Condition;
use slowgrad_engine::data::Data;
use slowgrad_engine::record;
use slowgrad_engine::run::{Run, StateChange};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{LessonSpec, ParamValue, PluginRef, SpecPatch};
use slowgrad_script::{ConsoleLine, Entry, Lesson, Library, Limits, PluginKind, Sandbox};
use slowgrad_tape::Diagnostic;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::picture::{Maps, Picture};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use thread_count::Pace;
use undo::History;

/// Multiplications that training may take before it is broken into bursts: some tens of milliseconds.
const QUICK_WORK: u64 = 50_000_000;
/// Steps that training may take before it is broken into bursts.
const QUICK_STEPS: u64 = 10_000;

/// What a run starts with, and what the lesson's file asked for and scripts said when that was made.
pub(crate) struct Start {
    pub(crate) asked: Arc<LessonSpec>,
    pub(crate) setup: Setup,
    pub(crate) values: Vec<f64>,
    pub(crate) began_with: Arc<Texts>,
}

/// A lesson with its run.
pub(crate) struct Opened {
    pub(crate) info: Arc<LessonInfo>,
    /// What its file asked for, after how many steps each time; what was changed by hand is in the description that the
    /// run's set-up has.
    pub(crate) asked: Rc<[(u64, Arc<LessonSpec>)]>,
    pub(crate) run: Run,
    /// What there is to start again with.
    pub(crate) start: Rc<Start>,
    /// The training data as it was made, before any edit by hand.
    pub(crate) made: Arc<Data>,
    /// What scripts said when the run began.
    pub(crate) began_with: Arc<Texts>,
    /// What was done since to make the run what it is.
    pub(crate) changes: Arc<[Made]>,
    pub(crate) arrangement: Arrangement,
    pub(crate) warnings: Vec<Diagnostic>,
    /// What its cues ask.
    pub(crate) conditions: Vec<Condition>,
}

impl Opened {
    /// What the lesson's file asked for when the run stood where it stands.
    pub(crate) fn asked(&self) -> &Arc<LessonSpec> {
        let mut asked = self.asked.iter().rev();
        asked.find(|(after, _)| *after <= self.run.step()).map_or(&self.start.asked, |(_, asked)| asked)
    }
}

/// How long training goes on before the next command is looked at.
const TRAINING_SLICE: Duration = Duration::from_millis(10);
/// How long plots are computed before the next command is looked at.
const PLOT_SLICE: Duration = Duration::from_millis(5);
/// The same while training goes on.
const PLOT_SLICE_WHILE_TRAINING: Duration = Duration::from_millis(2);
/// Snapshots of a training run come at most this often.
const SNAPSHOT_INTERVAL: Duration = Duration::from_millis(33);

/// The machine that a backend works on.
#[derive(Debug, Clone, Copy)]
pub struct Machine {
    /// Tells how long something takes.
    pub clock: Clock,
    /// The number of threads that training may use.
    pub max_threads: usize,
}

/// The worker's state.
pub struct Backend {
    clock: Clock,
    /// When the next snapshot of a training run is due.
    snapshot_due: Duration,
    pub(crate) sandbox: Sandbox,
    pub(crate) opened: Option<Opened>,
    /// The lesson that was asked for last, whether it opened or not.
    pub(crate) path: String,
    pub(crate) edition: u64,
    pub(crate) pending: Option<Pending>,
    /// What was wrong when scripts were read last.
    pub(crate) problems: Vec<Diagnostic>,
    /// What was wrong when they ran last.
    pub(crate) run_problem: Option<Diagnostic>,
    pub(crate) messages: Vec<String>,
    pub(crate) reloaded: bool,
    pub(crate) stale: bool,
    /// The seed that a person asked for instead of the lesson's.
    pub(crate) seed: Option<u64>,
    pub(crate) history: History,
    /// A run that is made again.
    pub(crate) replay: Option<Replay>,
    /// How many threads train.
    pace: Pace,
    pub(crate) conditions: Conditions,
    runs: u64,
    handled: u64,
    full_speed: bool,
    train_left: u64,
    stuck: bool,
    pub(crate) shown: Option<Arc<Timeline>>,
    picture: Option<Arc<Picture>>,
    maps: Option<Arc<Maps>>,
    pub(crate) drafts: Drafts,
    /// The run that goes along.
    pub(crate) rival: Option<Rival>,
    data: Option<Arc<DataInfo>>,
    console: Arc<[ConsoleLine]>,
    pub(crate) scripts: Scripts,
    lessons: Arc<[Choice]>,
    choices: Choices,
}

impl Backend {
    /// A backend without a lesson, whose scripts run within these limits.
    pub fn new(library: Library, limits: Limits, machine: Machine) -> Self {
        let mut desk = Self {
            clock: machine.clock,
            snapshot_due: Duration::ZERO,
            sandbox: Sandbox::new(library, limits),
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
            history: History::default(),
            replay: None,
            pace: Pace::new(machine.max_threads),
            conditions: Conditions::default(),
            runs: 0,
            handled: 0,
            full_speed: false,
            train_left: 0,
            stuck: false,
            shown: None,
            picture: None,
            maps: None,
            drafts: Drafts::default(),
            rival: None,
            data: None,
            console: Arc::new([]),
            scripts: Scripts::default(),
            lessons: Arc::new([]),
            choices: Choices::new(),
        };
        desk.list();
        desk
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    /// Whether something is being trained or computed.
    pub fn is_busy(&self) -> bool {
        self.is_training() || self.is_drafting()
    }

    /// Executes commands, trains or computes plots for a slice of time, and returns a snapshot when one is due.
    ///
    /// All commands are executed before the next snapshot: a slider that is dragged faster than a step can be recorded
    /// must not lag behind.
    pub fn turn(&mut self, commands: impl IntoIterator<Item = Command>) -> Option<Snapshot> {
        let mut heard = false;
        for command in commands {
            self.carry_out(command);
            heard = true;
        }
        let was_training = self.is_training();
        if was_training {
            self.burst(TRAINING_SLICE);
        }
        let was_drafting = self.is_drafting();
        // A command is answered at once; what takes long to compute follows with later snapshots.
        if was_drafting && !heard {
            self.draft(if was_training { PLOT_SLICE_WHILE_TRAINING } else { PLOT_SLICE });
        }
        let ended = (was_training && !self.is_training()) || (was_drafting && !self.is_drafting());
        let began = self.clock.now();
        if !heard && !ended && began < self.snapshot_due {
            return None;
        }
        let snapshot = self.snapshot();
        // Throttles expensive snapshots, so that most of the time is spent training.
        let now = self.clock.now();
        self.snapshot_due = now + 3 * now.saturating_sub(began) + SNAPSHOT_INTERVAL;
        Some(snapshot)
    }

    /// A file has come, gone or changed.
    pub(crate) fn replace(&mut self, root: &str, path: &str, bytes: Option<Arc<[u8]>>) {
        self.sandbox.replace(root, path, bytes);
        self.list();
    }

    /// Looks at the library anew.
    fn list(&mut self) {
        self.choices = slots::choices(&self.sandbox);
        let mut lessons = self.sandbox.entries(PluginKind::Lesson);
        shipped::order_lessons(&mut lessons);
        let lessons = lessons.into_iter();
        let choice = |Entry { path, title, info, .. }| Choice { name: path, title, description: info.description };
        self.lessons = lessons.map(choice).collect();
        self.scripts.plugins = script_files::plugins(&self.sandbox.library());
    }

    /// Carries out a command.
    pub(crate) fn carry_out(&mut self, command: Command) {
        self.handled += 1;
        // What asks for a picture only does not end what is on its way, nor what leads to another run than that.
        let is_aside = matches!(
            command,
            Command::ReloadFile { .. }
                | Command::Check { .. }
                | Command::Seal
                | Command::Show(_)
                | Command::Highlight(_)
                | Command::Undo
                | Command::Redo
        );
        if !is_aside && self.stop_replay() {
            self.messages.push("the run was only partly restored".into());
        }
        match command {
            Command::Open(path) => {
                self.seed = None;
                self.rival = None;
                self.open(&path);
            }
            Command::Seek(step) => drop(self.seek(step)),
            Command::Train(steps) => {
                self.forget_until();
                self.train(steps);
            }
            Command::TrainUntil { until, most } => self.train_until(until, most),
            Command::Highlight(condition) => self.highlight(condition),
            Command::FullSpeed(on) => {
                self.stop_training();
                self.full_speed = on;
            }
            Command::Change { step, change } => drop(self.change(step, change)),
            Command::Seal => self.history.seal(),
            Command::Undo => self.undo(),
            Command::Redo => self.redo(),
            Command::Restore(saved) => self.restore(*saved),
            Command::ReloadFile { root, path, bytes, at_once } => {
                if !self.waits(&root, &path, bytes.as_ref(), at_once) {
                    self.reload(&root, &path, bytes, at_once);
                }
            }
            Command::DropGhost => {
                if let Some(opened) = &mut self.opened {
                    opened.run.set_abandoned_branch(None);
                }
            }
            Command::Show(wanted) => self.drafts.want(*wanted),
            Command::Compare(difference) => self.compare(difference),
            Command::Check { path, text } => self.check(path, text),
        }
    }

    /// Opens a lesson; when that fails the one before goes on.
    pub(crate) fn open(&mut self, path: &str) {
        path.clone_into(&mut self.path);
        match self.read() {
            Some(lesson) => {
                self.history.clear();
                self.begin(lesson);
            }
            None => {
                self.stuck = true;
                self.messages.push(format!("{path} has a problem; see Problems"));
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

    /// Reads the lesson's file. What it prints while it is read is for the console.
    pub(crate) fn read(&mut self) -> Option<Lesson> {
        drop(self.sandbox.console());
        let read = self.sandbox.open(&self.path);
        self.scripts.read = self.sandbox.files();
        self.keep_printed();
        self.heed(read)
    }

    /// What was made from scripts; what is wrong with them is known from here on, or no longer.
    pub(crate) fn heed<T>(&mut self, made: Result<T, Vec<Diagnostic>>) -> Option<T> {
        match made {
            Ok(made) => {
                self.problems.clear();
                Some(made)
            }
            Err(problems) => {
                self.problems = problems;
                None
            }
        }
    }

    /// What a run of this description starts with, with the seed that a person asked for.
    pub(crate) fn beginning(&mut self, asked: &LessonSpec) -> Option<(Setup, Vec<f64>)> {
        let spec = LessonSpec { seed: self.seed.unwrap_or(asked.seed), ..asked.clone() };
        let setup = self.sandbox.assemble(&spec);
        let drawn = self.sandbox.parameters(&spec).map_err(|error| vec![*error]);
        self.heed(setup.and_then(|setup| Ok((setup, drawn?))))
    }

    /// Starts a run of a lesson that was read.
    pub(crate) fn begin(&mut self, lesson: Lesson) {
        let Lesson { path, spec: asked, cues, conditions, setup, parameters, warnings, .. } = lesson;
        let (setup, values) = self.seed.and_then(|_| self.beginning(&asked)).unwrap_or((setup, parameters));
        let (asked, began_with) = (Arc::new(asked), Arc::new(self.untold(&Texts::new(), &[])));
        self.runs += 1;
        self.edition += 1;
        let info = LessonInfo { path, title: asked.title.clone(), cues, opened: self.runs, edition: self.edition };
        let before = self.opened.take().filter(|before| before.info.path == info.path);
        self.opened = Some(Opened {
            info: Arc::new(info),
            asked: Rc::new([(0, Arc::clone(&asked))]),
            made: Arc::clone(&setup.train),
            run: Run::new(setup.clone(), values.clone()),
            start: Rc::new(Start { asked, setup, values, began_with: Arc::clone(&began_with) }),
            began_with,
            changes: Arc::new([]),
            arrangement: before.map(|before| before.arrangement).unwrap_or_default(),
            warnings,
            conditions,
        });
        self.settle();
    }

    /// The run is a new one.
    fn settle(&mut self) {
        self.pending = None;
        self.run_problem = None;
        self.conditions = Conditions::default();
        self.stop_training();
        self.stale = true;
    }

    /// A step cannot be computed.
    pub(crate) fn get_stuck(&mut self, problem: Diagnostic) {
        self.run_problem = Some(problem);
        self.stuck = true;
        self.stop_training();
    }

    /// The same lesson from its initial weights, without the changes made by hand.
    pub(crate) fn start_again(&mut self) {
        match self.read() {
            Some(lesson) => self.begin(lesson),
            None => {
                // The last good version is what there is to start again with.
                self.runs += 1;
                if let Some(opened) = &mut self.opened {
                    let Start { asked, setup, values, began_with } = &*opened.start;
                    opened.info = Arc::new(LessonInfo { opened: self.runs, ..(*opened.info).clone() });
                    opened.made = Arc::clone(&setup.train);
                    opened.run = Run::new(setup.clone(), values.clone());
                    opened.asked = Rc::new([(0, Arc::clone(asked))]);
                    opened.began_with = Arc::clone(began_with);
                    opened.changes = Arc::new([]);
                }
                self.settle();
            }
        }
    }

    /// Goes to a step; answers whether it got there. Whatever it was training is over.
    pub(crate) fn seek(&mut self, step: u64) -> bool {
        self.stop_training();
        self.stale = true;
        // A script that was saved while a step was shown takes over after that step.
        let Some(opened) = &self.opened else { return false };
        // Steps are trained at once while that is quick, and in bursts, which another command can end, beyond.
        let wanted = step.saturating_sub(1);
        let setup = opened.run.setup();
        let work = (setup.shape.parameters() * setup.batch).max(1) as u64;
        let quick = (QUICK_WORK / work).clamp(1, QUICK_STEPS);
        let near = wanted.min(opened.run.replay_start(wanted).saturating_add(quick));
        let stops = self.pending.as_ref().map(|pending| pending.step).filter(|over| near >= *over);
        for done in stops.into_iter().chain([near]) {
            let Some(opened) = &mut self.opened else { return false };
            if let Err(problem) = opened.run.seek(done) {
                self.get_stuck(*problem);
                return false;
            }
            if Some(done) == stops {
                self.take_pending();
            }
        }
        self.stuck = false;
        self.train_left = wanted - near;
        true
    }

    /// Moves a control of what is plugged in at a slot; of hidden layers' activations those of these layers, or of all.
    pub(crate) fn set_control(&mut self, slot: Slot, layers: &[usize], control: &str, value: &ParamValue) -> bool {
        if slot.is_beginning() {
            self.adopt_pending();
        }
        let Some(opened) = &mut self.opened else { return false };
        let mut spec = (*opened.run.setup().spec).clone();
        let having = slots::having(opened.run.setup(), slot, layers, control);
        let described = slots::plugins(&mut spec, slot).into_iter().enumerate();
        let meant: Vec<_> = described.filter(|(nth, _)| having.contains(nth)).collect();
        if meant.is_empty() {
            return false;
        }
        for (_, plugin) in meant {
            plugin.params.insert(control.to_owned(), value.clone());
        }
        if slot.is_beginning() {
            return self.begin_with(&spec, &control.replace('_', " "));
        }
        // A slider is an input of what was traced, so nothing is traced anew.
        if let ParamValue::Number(number) = value {
            let mut setup = Setup { spec: Arc::new(spec), ..opened.run.setup().clone() };
            slots::slide(&mut setup, slot, &having, control, *number);
            opened.run.set_setup(setup);
            self.stale = true;
            return true;
        }
        let made = self.sandbox.assemble(&spec);
        self.adopt(made)
    }

    /// Gives one layer another activation; all numbers stay.
    pub(crate) fn activate(&mut self, layer: usize, plugin: &PluginRef) -> bool {
        let Some(opened) = &self.opened else { return false };
        let mut spec = (*opened.run.setup().spec).clone();
        plugin.clone_into(&mut spec.layers[layer].activation);
        let made = self.sandbox.assemble(&spec);
        self.adopt(made)
    }

    pub(crate) fn patch(&mut self, patch: &SpecPatch) -> bool {
        let beginning = match (&patch.initializer, &patch.data) {
            (Some(_), _) => Some("initializer"),
            (None, Some(_)) => Some("data set"),
            (None, None) => None,
        };
        if beginning.is_some() {
            self.adopt_pending();
        }
        let Some(opened) = &self.opened else { return false };
        let mut spec = (*opened.run.setup().spec).clone();
        let made = self.sandbox.patch(&mut spec, patch);
        match beginning {
            None => self.adopt(made),
            Some(what) => self.heed(made).is_some() && self.begin_with(&spec, what),
        }
    }

    /// Starts a run of another description, which differs from the present one in where weights and samples come
    /// from; the seed and all else that was changed by hand stay.
    fn begin_with(&mut self, spec: &LessonSpec, what: &str) -> bool {
        let setup = self.sandbox.assemble(spec);
        let drawn = self.sandbox.parameters(spec).map_err(|error| vec![*error]);
        let Some((setup, parameters)) = self.heed(setup.and_then(|setup| Ok((setup, drawn?)))) else { return false };
        self.runs += 1;
        let Some(opened) = &mut self.opened else { return false };
        opened.info = Arc::new(LessonInfo { opened: self.runs, ..(*opened.info).clone() });
        opened.made = Arc::clone(&setup.train);
        opened.asked = Rc::new([(0, Arc::clone(opened.asked()))]);
        opened.run = Run::new(setup, parameters);
        self.messages.push(format!("new {what}: the run restarts with the same seed"));
        self.settle();
        true
    }

    /// Trains with another set-up from now on, if it could be made and can carry out the present step, and answers
    /// whether it does; says what became of the optimizer's state.
    pub(crate) fn adopt(&mut self, made: Result<Setup, Vec<Diagnostic>>) -> bool {
        let Some(mut setup) = self.heed(made) else { return false };
        let Some(opened) = &mut self.opened else { return false };
        let now = opened.run.setup();
        let made = Arc::clone(&setup.train);
        // Samples that were edited by hand stay edited as long as the data is the same.
        if *made == *opened.made {
            setup.train = Arc::clone(&now.train);
        }
        // What is held fast stays so.
        setup.frozen = Arc::clone(&now.frozen);
        let mut model = opened.run.model().clone();
        model.migrate(&now.optimizer, &setup.optimizer);
        match record::record(&setup, &model, opened.run.step() + 1) {
            Ok(_) => {
                let StateChange { dropped, added } = opened.run.set_setup(setup);
                opened.made = made;
                self.run_problem = None;
                self.stale = true;
                self.messages.extend(dropped.iter().map(|field| format!("state field «{field}» dropped")));
                self.messages
                    .extend(added.iter().map(|field| format!("state field «{field}» starts at its initial value")));
                true
            }
            Err(problem) => {
                self.problems = vec![*problem];
                false
            }
        }
    }
}

/// Whether a path of the library has an ending.
pub(crate) fn has_ending(path: &str, ending: &str) -> bool {
    Path::new(path).extension().is_some_and(|have| have == ending)
}
