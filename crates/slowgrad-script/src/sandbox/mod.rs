//! The public entry point: turns lessons and plugins into setups and diagnostics.

mod data_and_weights;

pub use data_and_weights::TableProgress;

use crate::bindings::values::{LocatedCue, StageRecorder};
use crate::combination;
use crate::diagnostics::lints;
use crate::diagnostics::problem::Problem;
use crate::lesson::conditions;
use crate::lesson::scores::{self, MissingScores};
use crate::lesson::{self, LessonDescription};
use crate::library::{self, Library, Root};
use crate::plugins::{Home, PluginKind, Plugins};
use crate::runtime::host::{Budget, ConsoleLine, Host};
use crate::runtime::imports::ScriptFiles;
use crate::runtime::interpreter::Interpreter;
use crate::runtime::limits::Limits;
use crate::runtime::program::ScriptProgram;
use data_and_weights::{CachedData, LoadedData, class_warnings};
use rhai::Dynamic;
use slowgrad_engine::condition::Condition;
use slowgrad_engine::data::report::DataReport;
use slowgrad_engine::plugin::{
    Activation, InitialState, Loss, Optimizer, Regularizer, Schedule, SharedFunction, UpdateRule,
};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::{DataSpec, LessonSpec, PluginRef, Sample, SpecPatch};
use slowgrad_tape::{Diagnostic, Location, Source};
use slowgrad_timeline::playback::cue::Cue;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// A lesson, ready to train and to perform.
#[derive(Debug)]
pub struct Lesson {
    /// The path of the lesson's file.
    pub path: String,
    /// The text of the lesson's file.
    pub source: Arc<Source>,
    /// The page of the lesson: the `//!` lines at the top of the file.
    pub page: String,
    /// The configuration that `lesson()` returns.
    pub spec: LessonSpec,
    /// The cues that `perform(stage)` records, in order.
    pub cues: Vec<Cue>,
    /// The source location of each cue, in the same order.
    pub cue_locations: Vec<Option<Location>>,
    /// The conditions of cues; a cue refers to one by its index.
    pub conditions: Vec<Condition>,
    /// The setup assembled from `spec`.
    pub setup: Setup,
    /// The initial parameters, flat in the order that the shape defines.
    pub parameters: Vec<f64>,
    /// Warnings: the lesson works, but something in it looks unintended.
    pub warnings: Vec<Diagnostic>,
    /// The warning that output, loss and targets do not fit together, or that samples without a gradient are wrong.
    pub combination: Option<Diagnostic>,
    /// Messages for the viewer: how the tensors of a weight file were assigned, and what was changed in a table.
    pub notes: Vec<String>,
    /// What was read of the data.
    pub data: Arc<DataReport>,
    /// The paths of all files that the lesson depends on.
    pub files: Vec<String>,
}

impl Lesson {
    /// All warnings.
    pub fn all_warnings(&self) -> Vec<Diagnostic> {
        self.combination.iter().chain(&self.warnings).cloned().collect()
    }
}

/// Runs all scripts: opens lessons, builds plugins and checks files. A sandbox belongs to one thread.
#[derive(Debug)]
pub struct Sandbox {
    pub(crate) plugins: Plugins,
    limits: Limits,
    data: RefCell<Option<CachedData>>,
    progress: TableProgress,
}

/// Finds the location of a lesson's field, such as `layers`, for errors about that part of the setup.
pub(crate) type FieldLocator<'p> = &'p dyn Fn(&str) -> Option<Location>;

impl Sandbox {
    /// Creates a sandbox over a library.
    pub fn new(library: Library, limits: Limits) -> Self {
        let files = Rc::new(ScriptFiles::default());
        *files.library.borrow_mut() = library;
        let interpreter = Interpreter::new(Rc::new(Host::new(limits)), files);
        let progress = TableProgress::default();
        Self { plugins: Plugins::new(Rc::new(interpreter)), limits, data: RefCell::new(None), progress }
    }

    /// A sandbox over another library with the same limits. It keeps the data of a table that is the same file.
    #[must_use]
    pub fn with_library(&self, library: Library) -> Self {
        let (data, progress) = (self.data.clone(), self.progress.clone());
        let other = Self { data, progress, ..Self::new(library, self.limits) };
        other.invalidate();
        other
    }

    /// Sets what is told while a table is read, which may take seconds.
    pub fn set_progress(&mut self, progress: TableProgress) {
        self.progress = progress;
    }

    pub(crate) fn interpreter(&self) -> &Interpreter {
        &self.plugins.interpreter
    }

    /// The limits given to [`new`](Self::new). A lesson may lower them for itself.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Replaces a file of a root, or removes it if `bytes` is `None`. An unknown root is added with the highest
    /// precedence.
    ///
    /// Functions in use keep their old scripts. Open or assemble the lesson again to use the new file.
    pub fn replace(&mut self, root: &str, path: &str, bytes: Option<Arc<[u8]>>) {
        let mut library = self.interpreter().files.library.borrow_mut();
        let at = library.roots.iter().position(|known| known.name == root).unwrap_or_else(|| {
            library.roots.push(Root { name: root.to_owned(), ..Root::default() });
            library.roots.len() - 1
        });
        match bytes {
            Some(bytes) => drop(library.roots[at].files.insert(path, bytes)),
            None => library.roots[at].files.remove(path),
        }
        drop(library);
        self.invalidate();
    }

    /// Replaces the whole library.
    pub fn replace_library(&mut self, library: Library) {
        *self.interpreter().files.library.borrow_mut() = library;
        self.invalidate();
    }

    fn invalidate(&self) {
        self.plugins.invalidate();
        self.data.borrow_mut().take_if(|data| data.depends_on_scripts());
    }

    /// A copy of the library.
    pub fn library(&self) -> Library {
        self.interpreter().files.library.borrow().clone()
    }

    /// The file with the highest precedence at this path: the name of its root, and its bytes.
    pub fn file(&self, path: &str) -> Option<(String, Arc<[u8]>)> {
        let library = self.interpreter().files.library.borrow();
        let (root, bytes) = library.find(path)?;
        Some((library.roots[root].name.clone(), bytes))
    }

    /// The text of a file, if it exists and is UTF-8.
    pub fn text(&self, path: &str) -> Option<String> {
        let (_, bytes) = self.interpreter().files.library.borrow().find(path)?;
        String::from_utf8(bytes.to_vec()).ok()
    }

    /// The paths of all files that the last [`open`](Self::open) or [`check`](Self::check) looked for, including
    /// missing ones, whether or not it succeeded.
    pub fn files(&self) -> Vec<String> {
        self.interpreter().files.searched()
    }

    /// Takes the lines that scripts have printed since the last call.
    pub fn console(&self) -> Vec<ConsoleLine> {
        self.interpreter().host.take_console()
    }

    /// The path of a plugin, resolved as the current lesson would.
    pub fn path_of(&self, kind: PluginKind, name: &str) -> Option<String> {
        self.plugins.locate(kind, name).ok()
    }

    /// Builds an activation. `size` is the number of neurons and matters only to `activation_layer`.
    ///
    /// # Errors
    ///
    /// Returns the first problem of the script: it does not exist, does not compile, has no contract function or has
    /// invalid controls. The function itself is traced on its first call.
    pub fn activation(&self, plugin: &PluginRef, size: usize) -> Result<Activation, Box<Diagnostic>> {
        self.plugins.activation(plugin, size)
    }

    /// Builds a loss for `outputs` network outputs.
    ///
    /// # Errors
    ///
    /// As for [`activation`](Self::activation).
    pub fn loss(&self, plugin: &PluginRef, outputs: usize) -> Result<Loss, Box<Diagnostic>> {
        self.plugins.loss(plugin, outputs)
    }

    /// Builds a regularizer.
    ///
    /// # Errors
    ///
    /// As for [`activation`](Self::activation).
    pub fn regularizer(&self, plugin: &PluginRef) -> Result<Regularizer, Box<Diagnostic>> {
        self.plugins.regularizer(plugin)
    }

    /// Builds a learning rate schedule.
    ///
    /// # Errors
    ///
    /// As for [`activation`](Self::activation).
    pub fn schedule(&self, plugin: &PluginRef) -> Result<Schedule, Box<Diagnostic>> {
        self.plugins.schedule(plugin)
    }

    /// Builds an optimizer for a network of this shape: with one update rule for weights and one for biases, or with one
    /// for each layer.
    ///
    /// # Errors
    ///
    /// As for [`activation`](Self::activation); also if `state()` fails or returns anything but a map of numbers, and if a
    /// layer is larger than the limits allow for a rule that updates it at once.
    pub fn optimizer(&self, plugin: &PluginRef, shape: &Shape) -> Result<Optimizer, Box<Diagnostic>> {
        self.plugins.optimizer(plugin, shape)
    }

    /// Generates the samples of a data set. `count` and `noise` set the controls of the same name; `seed` seeds
    /// `ctx.rng`.
    ///
    /// # Errors
    ///
    /// Returns the first problem of the script, of running it, or of the samples that it returns.
    pub fn dataset(
        &self,
        plugin: &PluginRef,
        count: Option<usize>,
        noise: f64,
        seed: u64,
    ) -> Result<Vec<Sample>, Box<Diagnostic>> {
        self.plugins.dataset(plugin, count, noise, seed)
    }

    /// Draws the initial parameters, flat in the order that the shape defines.
    ///
    /// # Errors
    ///
    /// Returns the first problem of the script, of running it, or of its result, which must be finite and fit the
    /// shape.
    pub fn initializer(&self, plugin: &PluginRef, shape: &Shape, seed: u64) -> Result<Vec<f64>, Box<Diagnostic>> {
        self.plugins.initial(plugin, shape, seed)
    }

    /// Opens a lesson. From now on plugins are searched in the lesson's folder first, and its `limits` apply.
    ///
    /// # Errors
    ///
    /// Returns all problems found in the lesson and in the plugins that it uses.
    pub fn open(&self, path: &str) -> Result<Lesson, Vec<Diagnostic>> {
        let before = self.interpreter().host.limits.get();
        self.interpreter().files.used.borrow_mut().clear();
        self.interpreter().set_limits(self.limits);
        let result = self.open_lesson(path);
        if result.is_err() {
            // The lesson opened before stays in use, with its own limits.
            self.interpreter().set_limits(before);
        }
        result.map_err(|errors| self.plugins.with_related(errors))
    }

    fn open_lesson(&self, path: &str) -> Result<Lesson, Vec<Diagnostic>> {
        let one = |error: Box<Diagnostic>| vec![*error];
        *self.plugins.home.borrow_mut() = Home { path: path.to_owned() };
        let program = self.plugins.program(path).map_err(one)?;
        program.contract("lesson", "lesson()", &[0]).map_err(one)?;
        let map = self.interpreter().call(&program, "lesson", Vec::new(), Budget::Setup).map_err(one)?;
        let LessonDescription { spec, limits } = lesson::read(&self.plugins, &program, &map)?;
        if let Some(limits) = limits {
            self.interpreter().set_limits(limits);
            self.plugins.clear();
        }
        let locate_field = |field: &str| {
            program.text.map_key("lesson", field).or_else(|| Some(program.text.function_location("lesson")))
        };
        let mut warnings = Vec::new();
        let setup = self.assemble_at(&spec, &locate_field, &mut warnings)?;
        let data = self.data.borrow().as_ref().map(|cached| Arc::clone(&cached.data.report)).unwrap_or_default();
        let changes = data.changes();
        let mut notes = Vec::new();
        if let (Some(table), false) = (&data.table, changes.is_empty()) {
            notes.push(format!("{}: {}", table.path, changes.join("; ")));
        }
        let parameters = self.parameters_at(&spec, &locate_field, &mut notes).map_err(one)?;
        let combination = combination::check(&self.plugins, &setup, &locate_field).or_else(|| {
            let saturated = combination::saturation(&self.plugins, &setup, &parameters)?;
            Some(with_location(saturated, locate_field("output")))
        });
        let (located_cues, conditions) = self.perform(&program, &spec, &setup, &mut warnings)?;
        warnings.extend(self.lints());
        warnings.extend(self.interpreter().files.library.borrow().warnings());
        let (cues, cue_locations) = located_cues.into_iter().unzip();
        Ok(Lesson {
            path: path.to_owned(),
            source: Arc::clone(&program.text.source),
            page: program.page(),
            spec,
            cues,
            cue_locations,
            conditions,
            setup,
            parameters,
            warnings,
            combination,
            notes,
            data,
            files: self.files(),
        })
    }

    /// Warns if output, loss and targets of a set-up do not fit together. The warning has no location: the viewer may have
    /// chosen them.
    pub fn combination_warning(&self, setup: &Setup) -> Option<Diagnostic> {
        combination::check(&self.plugins, setup, &|_| None)
    }

    /// Runs `perform`, and applies each `set` cue to a copy of the configuration to check it. Adds a warning where a cue
    /// combines an output and a loss that do not fit together.
    fn perform(
        &self,
        program: &Rc<ScriptProgram>,
        spec: &LessonSpec,
        setup: &Setup,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<(Vec<LocatedCue>, Vec<Condition>), Vec<Diagnostic>> {
        if program.function("perform").is_none() {
            return Ok(Default::default());
        }
        program.contract("perform", "perform(stage)", &[1]).map_err(|error| vec![*error])?;
        let cues = Rc::new(RefCell::new(Vec::new()));
        let closures = Rc::new(RefCell::new(Vec::new()));
        let shape = Rc::new((*setup.shape).clone());
        let stage = StageRecorder { cues: Rc::clone(&cues), closures: Rc::clone(&closures), shape };
        let called = self.interpreter().call(program, "perform", vec![Dynamic::from(stage)], Budget::Setup);
        drop(called.map_err(|error| vec![*error])?);
        let located_cues: Vec<LocatedCue> = cues.take();
        let mut spec = spec.clone();
        for (cue, location) in &located_cues {
            if let Cue::Set(patch) = cue {
                let changed = self.patch_at(&mut spec, patch, &|_| location.clone())?;
                if patch.output.is_some() || patch.loss.is_some() || !patch.params.is_empty() {
                    warnings.extend(combination::check(&self.plugins, &changed, &|_| location.clone()));
                }
            }
        }
        let missing = MissingScores::of(setup);
        let wrong: Vec<Diagnostic> = located_cues
            .iter()
            .flat_map(|(cue, location)| scores::check_placeholders(cue, missing, location.as_ref()))
            .collect();
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok((located_cues, conditions::build(&self.plugins, program, closures.take(), setup)?))
    }

    /// Assembles the setup of a configuration: builds all plugins, calls each once, and prepares the data.
    ///
    /// # Errors
    ///
    /// Returns all problems of the plugins and the data.
    pub fn assemble(&self, spec: &LessonSpec) -> Result<Setup, Vec<Diagnostic>> {
        self.assemble_at(spec, &|_| None, &mut Vec::new()).map_err(|errors| self.plugins.with_related(errors))
    }

    /// Changes a configuration and assembles its new setup. On an error the configuration is unchanged.
    ///
    /// A learning rate stays when the optimizer changes, unless the patch sets its own.
    ///
    /// # Errors
    ///
    /// Returns all problems of the changed plugins and data, and of values that no control accepts.
    pub fn patch(&self, spec: &mut LessonSpec, patch: &SpecPatch) -> Result<Setup, Vec<Diagnostic>> {
        self.patch_at(spec, patch, &|_| None)
    }

    fn patch_at(
        &self,
        spec: &mut LessonSpec,
        patch: &SpecPatch,
        locate_field: FieldLocator<'_>,
    ) -> Result<Setup, Vec<Diagnostic>> {
        let mut changed = spec.clone();
        let (last, hidden) =
            changed.layers.split_last_mut().map_or((None, &mut [][..]), |(last, hidden)| (Some(last), hidden));
        if let Some(activation) = &patch.activation {
            for layer in hidden {
                layer.activation = activation.clone();
            }
        }
        if let (Some(output), Some(last)) = (&patch.output, last) {
            last.activation = output.clone();
        }
        if let Some(loss) = &patch.loss {
            changed.loss = loss.clone();
        }
        if let Some(regularizer) = &patch.regularizer {
            changed.regularizer = regularizer.clone().unless_none();
        }
        if let Some(schedule) = &patch.schedule {
            changed.schedule = schedule.clone().unless_none();
        }
        if let Some(initializer) = &patch.initializer {
            changed.initializer = initializer.clone();
            changed.weights = None;
        }
        if let Some(data) = &patch.data {
            changed.data = DataSpec::Plugin(data.clone());
        }
        if let Some(optimizer) = &patch.optimizer {
            let rate = changed.optimizer.params.remove("lr");
            changed.optimizer = optimizer.clone();
            if let Some(rate) = rate {
                changed.optimizer.params.entry("lr".to_owned()).or_insert(rate);
            }
        }
        if let Some(batch) = patch.batch {
            changed.batch = batch.max(1);
        }
        let place = |problem: Problem| vec![with_location(problem.unplaced(), locate_field("params"))];
        lesson::override_all(&self.plugins, &mut changed, &patch.params).map_err(place)?;
        let setup = self.assemble_at(&changed, locate_field, &mut Vec::new())?;
        *spec = changed;
        Ok(setup)
    }

    /// The initial parameters of a configuration: its own weights, or those that its initializer draws.
    ///
    /// # Errors
    ///
    /// Returns the first problem of the initializer, or of weights that do not fit the network.
    pub fn parameters(&self, spec: &LessonSpec) -> Result<Vec<f64>, Box<Diagnostic>> {
        self.parameters_at(spec, &|_| None, &mut Vec::new())
    }

    fn assemble_at(
        &self,
        spec: &LessonSpec,
        locate_field: FieldLocator<'_>,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<Setup, Vec<Diagnostic>> {
        let shape = spec.shape();
        let limits = self.interpreter().host.limits.get();
        let max = limits.parameters;
        if shape.parameters() > max {
            let found = match shape.parameters() {
                usize::MAX => "far too many".to_owned(),
                found => found.to_string(),
            };
            let message = format!("the network has {found} parameters; the limit is {max}");
            let problem = Problem::new("too-large", message)
                .help("a layer has size × (inputs + 1) parameters, or size × inputs without biases.")
                .limit("parameters");
            let error = self.interpreter().host.explain_limit(problem).unplaced();
            return Err(vec![with_location(error, locate_field("layers"))]);
        }
        if shape.outputs() > limits.array {
            let (outputs, max) = (shape.outputs(), limits.array);
            let message = format!("the last layer has {outputs} neurons; a loss accepts at most {max}");
            let problem = Problem::new("too-large", message).limit("array");
            let error = self.interpreter().host.explain_limit(problem).unplaced();
            return Err(vec![with_location(error, locate_field("layers"))]);
        }
        let mut errors = Vec::new();
        let last = spec.layers.len().saturating_sub(1);
        let mut activations = Vec::new();
        for (i, layer) in spec.layers.iter().enumerate() {
            let field = if i == last { "output" } else { "activation" };
            let built = self.plugins.activation(&layer.activation, layer.size).and_then(|activation| {
                let z = vec![0.5; if activation.whole_layer { layer.size } else { 1 }];
                let inputs = [z, activation.info.sliders()].concat();
                self.dry_run(&activation.function, &inputs, &layer.activation, PluginKind::Activation, warnings)?;
                Ok(activation)
            });
            match built {
                Ok(activation) => activations.push(activation),
                Err(error) => errors.push(*locate(error, locate_field(field))),
            }
        }
        let outputs = shape.outputs();
        let loss = self.plugins.loss(&spec.loss, outputs).and_then(|loss| {
            let inputs = [vec![0.25; outputs], vec![0.5; outputs], loss.info.sliders()].concat();
            self.dry_run(&loss.function, &inputs, &spec.loss, PluginKind::Loss, warnings)?;
            Ok(loss)
        });
        let loss = loss.map_err(|error| errors.push(*locate(error, locate_field("loss")))).ok();
        let regularizer = spec.regularizer.as_ref().map(|plugin| {
            let regularizer = self.plugins.regularizer(plugin)?;
            let inputs = [vec![0.5], regularizer.info.sliders()].concat();
            self.dry_run(&regularizer.function, &inputs, plugin, PluginKind::Regularizer, warnings)?;
            Ok(regularizer)
        });
        let regularizer =
            regularizer.transpose().map_err(|error| errors.push(*locate(error, locate_field("regularizer")))).ok();
        let schedule = spec.schedule.as_ref().map(|plugin| {
            let schedule = self.plugins.schedule(plugin)?;
            let inputs = [vec![1.0, 0.0, 1.0], schedule.info.sliders()].concat();
            self.dry_run(&schedule.function, &inputs, plugin, PluginKind::Schedule, warnings)?;
            Ok(schedule)
        });
        let schedule = schedule.transpose().map_err(|error| errors.push(*locate(error, locate_field("schedule")))).ok();
        let optimizer = self.plugins.optimizer(&spec.optimizer, &shape).and_then(|optimizer| {
            for (rule, inputs) in first_updates(&optimizer, &shape) {
                self.dry_run(&rule, &inputs, &spec.optimizer, PluginKind::Optimizer, warnings)?;
            }
            Ok(optimizer)
        });
        let optimizer = optimizer.map_err(|error| errors.push(*locate(error, locate_field("optimizer")))).ok();
        let data = self.load_data(spec, &shape).map_err(|error| errors.push(*locate(error, locate_field("data")))).ok();
        errors.dedup();
        if let Some(data) = &data {
            let found = class_warnings(&data.report).into_iter();
            warnings.extend(found.map(|warning| with_location(warning, locate_field("data"))));
        }
        warnings.dedup();
        let (Some(loss), Some(regularizer), Some(optimizer), Some(schedule), Some(data), true) =
            (loss, regularizer, optimizer, schedule, data, errors.is_empty())
        else {
            return Err(errors);
        };
        let LoadedData { train, test, names, .. } = data;
        let dataset = match &spec.data {
            DataSpec::Plugin(plugin) => {
                let plugin = self.plugins.with_amounts(plugin, spec.count, spec.noise);
                Some(self.plugins.info(PluginKind::Dataset, &plugin))
            }
            _ => None,
        };
        let frozen = Arc::new(spec.frozen(&shape));
        Ok(Setup {
            spec: Arc::new(spec.clone()),
            shape: Arc::new(shape),
            activations,
            loss,
            regularizer,
            optimizer,
            schedule,
            initializer: self.plugins.info(PluginKind::Initializer, &spec.initializer),
            dataset,
            io_names: names,
            train,
            test,
            batch: spec.batch,
            shuffle: spec.shuffle,
            seed: spec.seed,
            frozen,
        })
    }

    /// Calls a new function once, so that errors appear before training starts.
    fn dry_run(
        &self,
        function: &RefCell<slowgrad_tape::Function>,
        inputs: &[f64],
        plugin: &PluginRef,
        kind: PluginKind,
        warnings: &mut Vec<Diagnostic>,
    ) -> Result<(), Box<Diagnostic>> {
        // Lines printed by a dry run are dropped.
        let host = &self.interpreter().host;
        let printed = host.console_len();
        let called = function.borrow_mut().call(inputs);
        host.truncate_console(printed);
        let call = called?;
        let program = self.plugins.locate(kind, &plugin.name).ok().and_then(|path| self.plugins.program(&path).ok());
        let Some(program) = program else { return Ok(()) };
        let contract = kind.contracts().iter().find(|name| program.function(name).is_some()).copied();
        warnings.extend(lints::not_finite(&call, &program.text, contract.unwrap_or_default()));
        if function.borrow().runs_each_time() {
            warnings.push(runs_each_time_warning(&program, kind));
        }
        Ok(())
    }

    /// Style warnings about all files in use.
    pub(crate) fn lints(&self) -> Vec<Diagnostic> {
        let mut warnings = Vec::new();
        for path in self.files() {
            if library::is_script(&path)
                && let Ok(program) = self.plugins.program(&path)
            {
                warnings.extend(lints::lint(&program.text));
            }
        }
        warnings
    }
}

/// The functions of an optimizer, each with the inputs of a first call: parameters of 0.5 and gradients of 0.1.
pub(crate) fn first_updates(optimizer: &Optimizer, shape: &Shape) -> Vec<(SharedFunction, Vec<f64>)> {
    let inputs = |parameters: usize, layer: usize| {
        let state = optimizer.state.iter().flat_map(|field| match &field.initial {
            InitialState::PerParameter(x) => vec![*x; parameters],
            InitialState::PerLayer(layers) => layers[layer].clone(),
        });
        let own = std::iter::repeat_n(0.5, parameters).chain(std::iter::repeat_n(0.1, parameters));
        let context = [optimizer.learning_rate(), 1.0, 0.3, 0.2, 0.5, layer as f64, shape.layers() as f64];
        own.chain(state).chain(context).chain(optimizer.other_sliders()).collect()
    };
    match &optimizer.rule {
        UpdateRule::Parameter { weights, biases } => {
            [weights, biases].map(|rule| (Rc::clone(rule), inputs(1, 0))).to_vec()
        }
        UpdateRule::Layer(rules) => {
            let rules = rules.iter().enumerate();
            rules.map(|(layer, rule)| (Rc::clone(rule), inputs(shape.layer(layer).len(), layer))).collect()
        }
    }
}

/// The warning that a script cannot be replayed from its trace, located at the call that prevents it.
pub(crate) fn runs_each_time_warning(program: &ScriptProgram, kind: PluginKind) -> Diagnostic {
    let text = &program.text;
    let name = kind.contracts().iter().find(|name| program.function(name).is_some()).unwrap_or(&"");
    let (cause, location) = match text.first_call_of(&["value", "print", "debug", "to_string"]) {
        Some((word, location)) => (format!("uses `{word}(…)`"), location),
        None => ("converts a scalar to a text or takes too many paths".to_owned(), text.function_location(name)),
    };
    let message = format!("`{name}` runs again for each number because it {cause}");
    Diagnostic::warning("runs-each-time", message)
        .at(location)
        .help("this is correct but slow; remove it when you no longer need it")
}

/// Adds a location to a diagnostic that has none.
fn with_location(mut diagnostic: Diagnostic, location: Option<Location>) -> Diagnostic {
    diagnostic.location = diagnostic.location.or(location);
    diagnostic
}

#[allow(clippy::unnecessary_box_returns, clippy::boxed_local, reason = "the box is passed on")]
fn locate(error: Box<Diagnostic>, location: Option<Location>) -> Box<Diagnostic> {
    Box::new(with_location(*error, location))
}
