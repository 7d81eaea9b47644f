//! Resolves a plugin's name and control values to the functions that the engine calls.

pub(crate) mod catalogue;
pub(crate) mod controls;
mod layer_form;
mod optimizer;
pub(crate) mod tracer;

use crate::bindings::arguments;
use crate::bindings::values::RandomSource;
use crate::diagnostics::problem::Problem;
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording::suggestion;
use crate::lesson::missing_feature;
use crate::library::{self, Library, folder, is_plain, stem};
use crate::plugins::tracer::{ScriptTracer, TracedFunction};
use crate::runtime::host::Budget;
use crate::runtime::imports::script_text;
use crate::runtime::interpreter::Interpreter;
use crate::runtime::program::ScriptProgram;
use crate::text::ScriptText;
use rhai::{Dynamic, Map};
use slowgrad_engine::plugin::{
    Activation, Control, ControlKind, Loss, Optimizer, PluginInfo, Regularizer, Schedule, SharedFunction,
};
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::shape::{Parameter, Shape};
use slowgrad_engine::spec::{ParamValue, PluginRef, Sample};
use slowgrad_tape::{Diagnostic, Function};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

/// The kinds of script files. Each has a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PluginKind {
    /// `fn activation(z)` or `fn activation_layer(z)`
    Activation,
    /// `fn loss(output, target)`
    Loss,
    /// `fn penalty(w)`
    Regularizer,
    /// `fn update(w, grad, state, ctx)` or `fn update_layer(w, grad, state, ctx)`
    Optimizer,
    /// `fn init(ctx)` or `fn init_layer(ctx)`
    Initializer,
    /// `fn rate(step, ctx)`
    Schedule,
    /// `fn dataset(ctx)`
    Dataset,
    /// `fn lesson()` and `fn perform(stage)`
    Lesson,
}

impl PluginKind {
    /// All kinds.
    pub const ALL: [PluginKind; 8] = [
        PluginKind::Activation,
        PluginKind::Loss,
        PluginKind::Regularizer,
        PluginKind::Optimizer,
        PluginKind::Initializer,
        PluginKind::Schedule,
        PluginKind::Dataset,
        PluginKind::Lesson,
    ];

    /// The folder of this kind.
    pub fn folder(self) -> &'static str {
        match self {
            PluginKind::Activation => "activations",
            PluginKind::Loss => "losses",
            PluginKind::Regularizer => "regularizers",
            PluginKind::Optimizer => "optimizers",
            PluginKind::Initializer => "initializers",
            PluginKind::Schedule => "schedules",
            PluginKind::Dataset => "datasets",
            PluginKind::Lesson => "lessons",
        }
    }

    /// The name of this kind in messages, such as `data set`.
    pub fn label(self) -> &'static str {
        match self {
            PluginKind::Activation => "activation",
            PluginKind::Loss => "loss",
            PluginKind::Regularizer => "regularizer",
            PluginKind::Optimizer => "optimizer",
            PluginKind::Initializer => "initializer",
            PluginKind::Schedule => "schedule",
            PluginKind::Dataset => "data set",
            PluginKind::Lesson => "lesson",
        }
    }

    /// Whether a script defines this kind, wherever it is stored. A lesson that also defines a loss is a lesson.
    pub fn is_defined_in(self, script: &[u8]) -> bool {
        let text = String::from_utf8_lossy(script);
        let has = |kind: Self| kind.contracts().iter().any(|name| text.contains(&format!("fn {name}(")));
        has(self) && (self == PluginKind::Lesson || !has(PluginKind::Lesson))
    }

    /// The contract functions that identify a file of this kind.
    pub(crate) fn contracts(self) -> &'static [&'static str] {
        match self {
            PluginKind::Activation => &["activation", "activation_layer"],
            PluginKind::Loss => &["loss"],
            PluginKind::Regularizer => &["penalty"],
            PluginKind::Optimizer => &["update", "update_layer"],
            PluginKind::Initializer => &["init", "init_layer"],
            PluginKind::Schedule => &["rate"],
            PluginKind::Dataset => &["dataset"],
            PluginKind::Lesson => &["lesson"],
        }
    }

    /// The kind of the files in this file's folder, if it is a folder of plugins.
    pub(crate) fn in_folder(path: &str) -> Option<Self> {
        let folder = path.rsplit('/').nth(1)?;
        Self::ALL.into_iter().find(|kind| kind.folder() == folder)
    }

    /// Advice for an empty file.
    fn first_line(self) -> String {
        format!("begin with `fn {} {{ … }}`; `slowgrad new` writes a commented example", self.usage())
    }

    /// The contract function as an author writes it.
    pub(crate) fn usage(self) -> &'static str {
        match self {
            PluginKind::Activation => "activation(z)",
            PluginKind::Loss => "loss(output, target)",
            PluginKind::Regularizer => "penalty(w)",
            PluginKind::Optimizer => "update(w, grad, state, ctx)",
            PluginKind::Schedule => "rate(step, ctx)",
            PluginKind::Initializer => "init(ctx)",
            PluginKind::Dataset => "dataset(ctx)",
            PluginKind::Lesson => "lesson()",
        }
    }

    /// Whether the context of the contract function already has this field, so that no control can have the name. The
    /// exception is an optimizer's `lr`.
    fn reserves(self, name: &str) -> bool {
        match self {
            PluginKind::Optimizer => {
                ["is_bias", "fan_in", "fan_out"].contains(&name) || name != "lr" && Optimizer::CONTEXT.contains(&name)
            }
            PluginKind::Schedule => Schedule::CONTEXT.contains(&name),
            PluginKind::Initializer => ["fan_in", "fan_out", "layer", "is_bias", "rng"].contains(&name),
            PluginKind::Dataset => name == "rng",
            PluginKind::Activation | PluginKind::Loss | PluginKind::Regularizer | PluginKind::Lesson => false,
        }
    }
}

/// The current lesson. Its folder is searched for plugins first.
#[derive(Debug, Clone, Default)]
pub(crate) struct Home {
    pub(crate) path: String,
}

/// A file's bytes, and the program compiled from them or all problems found.
type CompileResult = (Arc<[u8]>, Result<Rc<ScriptProgram>, Vec<Diagnostic>>);

/// Builds plugins from files and caches compiled programs and traced functions.
#[derive(Debug)]
pub(crate) struct Plugins {
    pub(crate) interpreter: Rc<Interpreter>,
    pub(crate) home: RefCell<Home>,
    programs: RefCell<BTreeMap<String, CompileResult>>,
    /// Keyed by file, function and the constants of the trace. Sliders are inputs, so moving one keeps the trace.
    functions: RefCell<BTreeMap<String, (Rc<ScriptProgram>, SharedFunction)>>,
}

/// When the cache reaches this size, it is cleared.
const MAX_CACHED_FUNCTIONS: usize = 256;

impl Plugins {
    pub(crate) fn new(interpreter: Rc<Interpreter>) -> Self {
        Self { interpreter, home: RefCell::default(), programs: RefCell::default(), functions: RefCell::default() }
    }

    /// Drops everything compiled from more than one file, because a file has changed. The rest is keyed by the file's
    /// bytes.
    pub(crate) fn invalidate(&self) {
        self.interpreter.files.invalidate();
        self.programs.borrow_mut().retain(|_, (_, program)| program.as_ref().is_ok_and(|program| !program.may_import));
    }

    /// Drops everything compiled and traced, because the limits have changed.
    pub(crate) fn clear(&self) {
        self.interpreter.files.invalidate();
        self.programs.borrow_mut().clear();
        self.functions.borrow_mut().clear();
    }

    /// The compiled file at a path.
    pub(crate) fn program(&self, path: &str) -> Result<Rc<ScriptProgram>, Box<Diagnostic>> {
        let found = if is_plain(path) { self.interpreter.files.library.borrow().find(path) } else { None };
        let Some((_, bytes)) = found else {
            let left_out = self.interpreter.files.library.borrow().left_out(path);
            let missing = || Problem::new("no-such-file", format!("there is no file `{path}`"));
            return Err(Box::new(left_out.unwrap_or_else(missing).unplaced()));
        };
        self.interpreter.files.used.borrow_mut().insert(path.to_owned());
        if let Some((known, program)) = self.programs.borrow().get(path)
            && Arc::ptr_eq(known, &bytes)
        {
            return program.clone().map_err(first_error);
        }
        let program = self.compile(path, &bytes);
        self.programs.borrow_mut().insert(path.to_owned(), (bytes, program.clone()));
        program.map_err(first_error)
    }

    fn compile(&self, path: &str, bytes: &[u8]) -> Result<Rc<ScriptProgram>, Vec<Diagnostic>> {
        let text = script_text(path, bytes, &self.interpreter.host).map_err(|fault| vec![*fault])?;
        if text.is_empty() {
            let text = ScriptText::new(path, text);
            let empty = Diagnostic::error("empty-file", format!("`{path}` is empty")).at(text.function_location(""));
            return Err(vec![empty.help(PluginKind::in_folder(path).map_or_else(
                || "write a function into it; `slowgrad new` writes a commented example of each kind".to_owned(),
                PluginKind::first_line,
            ))]);
        }
        self.interpreter.compile_program(path, text).map(Rc::new)
    }

    /// Adds, after the first problem of a file, all other problems of that file.
    pub(crate) fn with_related(&self, reported: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let programs = self.programs.borrow();
        let faulty: Vec<&Vec<Diagnostic>> =
            programs.values().filter_map(|(_, program)| program.as_ref().err()).collect();
        let mut all: Vec<Diagnostic> = Vec::new();
        for fault in reported {
            let others = faulty.iter().find(|faults| faults.first() == Some(&fault)).map_or(&[][..], |faults| faults);
            let new: Vec<_> = std::iter::once(&fault).chain(others).filter(|fault| !all.contains(fault)).collect();
            let new: Vec<Diagnostic> = new.into_iter().cloned().collect();
            all.extend(new);
            all.dedup();
        }
        all
    }

    /// The path of a plugin. A name that ends in `.rhai` is a path: a lesson that defines its own functions.
    pub(crate) fn locate(&self, kind: PluginKind, name: &str) -> Result<String, Problem> {
        let library = self.interpreter.files.library.borrow();
        if !is_plain(name) {
            return Err(Problem::new("unknown-plugin", format!("`{name}` is not a valid plugin name")));
        }
        if (library::is_script(name) || name == self.home.borrow().path) && library.find(name).is_some() {
            return Ok(name.to_owned());
        }
        if let Some((_, path)) = candidates(&library, kind, name, &self.home.borrow().path).next() {
            return Ok(path);
        }
        let named = format!("{}/{name}.rhai", kind.folder());
        let beside = format!("{}{named}", folder(&self.home.borrow().path));
        if let Some(problem) = [beside, named].iter().find_map(|path| library.left_out(path)) {
            return Err(problem);
        }
        // An empty file beside the lesson is of the kind that the lesson wants. Reading it reports what is missing.
        let bare = format!("{}{name}.rhai", folder(&self.home.borrow().path));
        if library.find(&bare).is_some_and(|(_, bytes)| bytes.trim_ascii().is_empty()) {
            return Ok(bare);
        }
        let problem = Problem::new("unknown-plugin", format!("there is no {} named `{name}`", kind.label()));
        let names = library.names(kind.folder());
        let help = missing_feature(name).or_else(|| suggestion(name, names.iter().map(String::as_str)));
        Err(problem.help(help.unwrap_or_else(|| "none is installed".to_owned())))
    }

    fn load(&self, kind: PluginKind, plugin: &PluginRef) -> Result<Rc<ScriptProgram>, Box<Diagnostic>> {
        let path = self.locate(kind, &plugin.name).map_err(|problem| Box::new(problem.unplaced()))?;
        self.program(&path).map_err(|mut error| {
            // Only its use tells the kind of an empty file beside a lesson.
            if error.code == "empty-file" {
                error.help = Some(kind.first_line());
            }
            error
        })
    }

    /// The controls of a plugin, set to the given values.
    fn controls(
        &self,
        kind: PluginKind,
        program: &ScriptProgram,
        plugin: &PluginRef,
    ) -> Result<Vec<Control>, Box<Diagnostic>> {
        let mut controls = controls::declared(&self.interpreter, program)?;
        if let Some(control) = controls.iter().find(|control| kind.reserves(&control.name)) {
            let message = format!("`{}` is already in `ctx` and cannot be a control", control.name);
            let location = program
                .text
                .map_key("params", &control.name)
                .unwrap_or_else(|| program.text.function_location("params"));
            return Err(Box::new(Diagnostic::error("wrong-control", message).at(location)));
        }
        if kind == PluginKind::Optimizer {
            let slides = |control: &Control| matches!(control.kind, ControlKind::Slider { .. });
            if controls.iter().any(|control| control.name == "lr" && !slides(control)) {
                let location = program.text.map_key("params", "lr");
                let location = location.unwrap_or_else(|| program.text.function_location("params"));
                let error =
                    Diagnostic::error("wrong-control", "`lr`, the learning rate, must be a slider").at(location);
                return Err(Box::new(error.help("write `lr: log_slider(0.1, 0.0001, 10.0)`")));
            }
            if !controls.iter().any(|control| control.name == "lr") {
                controls.insert(0, controls::default_learning_rate());
            }
        }
        controls::set_values(&mut controls, &plugin.params, stem(&plugin.name))
            .map_err(|problem| Box::new(problem.unplaced()))?;
        Ok(controls)
    }

    /// The name, description and controls of a plugin or lesson.
    pub(crate) fn described(&self, kind: PluginKind, plugin: &PluginRef) -> Result<PluginInfo, Box<Diagnostic>> {
        let program = self.load(kind, plugin)?;
        let controls = if kind == PluginKind::Lesson { Vec::new() } else { self.controls(kind, &program, plugin)? };
        Ok(plugin_info(kind, plugin, &program, controls))
    }

    /// Like [`described`](Self::described), but describes a broken plugin by its problem.
    pub(crate) fn info(&self, kind: PluginKind, plugin: &PluginRef) -> PluginInfo {
        self.described(kind, plugin).unwrap_or_else(|error| broken_info(&plugin.name, &error))
    }

    /// The names of a plugin's controls. `None` if the plugin is broken; using it reports the problem.
    pub(crate) fn control_names(&self, kind: PluginKind, plugin: &PluginRef) -> Option<Vec<String>> {
        let bare = PluginRef::named(plugin.name.clone());
        let controls = self.load(kind, &bare).and_then(|program| self.controls(kind, &program, &bare));
        Some(controls.ok()?.into_iter().map(|control| control.name).collect())
    }

    /// Checks that a plugin's controls accept these values. A broken plugin is reported where it is used.
    pub(crate) fn check_values(&self, kind: PluginKind, plugin: &PluginRef) -> Result<(), Problem> {
        let bare = PluginRef::named(plugin.name.clone());
        let controls = self.load(kind, &bare).and_then(|program| self.controls(kind, &program, &bare));
        match controls {
            Ok(mut controls) => controls::set_values(&mut controls, &plugin.params, stem(&plugin.name)),
            Err(_) => Ok(()),
        }
    }

    /// Builds plugins with functions that are not shared with others.
    pub(crate) fn uncached<T>(&self, build: impl FnOnce() -> T) -> T {
        let kept = self.functions.take();
        let built = build();
        self.functions.replace(kept);
        built
    }

    /// A traced function, cached by file, function and the constants of the trace.
    fn function(&self, program: &Rc<ScriptProgram>, traced: TracedFunction, given: &[Control]) -> SharedFunction {
        let key = format!(
            "{} {traced:?} {:?} {:?}",
            program.path,
            controls::fixed_values(given),
            controls::sliders(given).collect::<Vec<_>>()
        );
        let mut functions = self.functions.borrow_mut();
        if let Some((known, function)) = functions.get(&key)
            && Rc::ptr_eq(known, program)
        {
            return Rc::clone(function);
        }
        let tracer = ScriptTracer::new(&self.interpreter, program, traced, given);
        let (inputs, outputs) = tracer.arity();
        let function = Rc::new(RefCell::new(Function::new(inputs, outputs, Box::new(tracer))));
        if functions.len() >= MAX_CACHED_FUNCTIONS {
            functions.clear();
        }
        functions.insert(key, (Rc::clone(program), Rc::clone(&function)));
        function
    }

    pub(crate) fn activation(&self, plugin: &PluginRef, size: usize) -> Result<Activation, Box<Diagnostic>> {
        let program = self.load(PluginKind::Activation, plugin)?;
        let whole_layer = program.function("activation").is_none() && program.function("activation_layer").is_some();
        let max = self.interpreter.host.limits.get().array;
        if whole_layer && size > max {
            let message = format!("`{}` takes a whole layer of at most {max} neurons, not {size}", stem(&plugin.name));
            let problem = Problem::new("too-large", message).limit("array");
            return Err(Box::new(self.interpreter.host.explain_limit(problem).unplaced()));
        }
        let traced = if whole_layer { TracedFunction::Layer(size) } else { TracedFunction::Activation };
        program.contract(
            traced.function(),
            if whole_layer { "activation_layer(z)" } else { "activation(z)" },
            &[1, 2],
        )?;
        if program.function("derivative").is_some() {
            program.contract("derivative", "derivative(z, a)", &[2, 3])?;
        }
        let controls = self.controls(PluginKind::Activation, &program, plugin)?;
        let function = self.function(&program, traced, &controls);
        let info = plugin_info(PluginKind::Activation, plugin, &program, controls);
        Ok(Activation { info, whole_layer, function, derivative_text: program.body("derivative") })
    }

    pub(crate) fn loss(&self, plugin: &PluginRef, outputs: usize) -> Result<Loss, Box<Diagnostic>> {
        let program = self.load(PluginKind::Loss, plugin)?;
        program.contract("loss", "loss(output, target)", &[2, 3])?;
        let controls = self.controls(PluginKind::Loss, &program, plugin)?;
        let function = self.function(&program, TracedFunction::Loss(outputs), &controls);
        Ok(Loss { info: plugin_info(PluginKind::Loss, plugin, &program, controls), function })
    }

    pub(crate) fn regularizer(&self, plugin: &PluginRef) -> Result<Regularizer, Box<Diagnostic>> {
        let program = self.load(PluginKind::Regularizer, plugin)?;
        program.contract("penalty", "penalty(w)", &[1, 2])?;
        let controls = self.controls(PluginKind::Regularizer, &program, plugin)?;
        let function = self.function(&program, TracedFunction::Penalty, &controls);
        Ok(Regularizer { info: plugin_info(PluginKind::Regularizer, plugin, &program, controls), function })
    }

    pub(crate) fn schedule(&self, plugin: &PluginRef) -> Result<Schedule, Box<Diagnostic>> {
        let program = self.load(PluginKind::Schedule, plugin)?;
        program.contract("rate", "rate(step, ctx)", &[2])?;
        let controls = self.controls(PluginKind::Schedule, &program, plugin)?;
        let function = self.function(&program, TracedFunction::Rate, &controls);
        Ok(Schedule { info: plugin_info(PluginKind::Schedule, plugin, &program, controls), function })
    }

    /// Runs a data set and returns its samples.
    pub(crate) fn dataset(
        &self,
        plugin: &PluginRef,
        count: Option<usize>,
        noise: f64,
        seed: u64,
    ) -> Result<Vec<Sample>, Box<Diagnostic>> {
        let program = self.load(PluginKind::Dataset, plugin)?;
        program.contract("dataset", "dataset(ctx)", &[1])?;
        let plugin = self.with_amounts(plugin, count, noise);
        let mut context = controls::plain_values(&self.controls(PluginKind::Dataset, &program, &plugin)?);
        if let Some(own) = context.get("count").and_then(|own| own.as_float().ok()) {
            context.insert("count".into(), Dynamic::from_int(own.round() as i64));
        }
        let default_count = || Dynamic::from_int(count.map_or(DEFAULT_SAMPLES, |count| count as i64));
        context.entry("count".into()).or_insert_with(default_count);
        context.entry("noise".into()).or_insert_with(|| Dynamic::from_float(noise));
        context.insert("rng".into(), Dynamic::from(RandomSource(Rc::new(RefCell::new(Rng::new(seed, Purpose::Data))))));
        let value = self.interpreter.call(&program, "dataset", vec![Dynamic::from_map(context)], Budget::Setup)?;
        let location = || program.text.result_location("dataset", value.is_unit());
        let Ok(array) = value.as_array_ref() else {
            let message = format!("`dataset` must return an array of samples, but this is {}", kind(&value));
            let help = "write each sample as `#{ input: [0.0, 1.0], target: [1.0] }`";
            return Err(Box::new(Diagnostic::error("wrong-return", message).at(location()).help(help)));
        };
        arguments::samples(&array).map_err(|problem| Box::new(problem.unplaced().at(location())))
    }

    /// The data set with the lesson's `count` and `noise` as values of its sliders of these names.
    pub(crate) fn with_amounts(&self, plugin: &PluginRef, count: Option<usize>, noise: f64) -> PluginRef {
        let bare = PluginRef::named(plugin.name.clone());
        let controls = self.load(PluginKind::Dataset, &bare);
        let controls = controls.and_then(|program| self.controls(PluginKind::Dataset, &program, &bare));
        let mut plugin = plugin.clone();
        let given = [("count", count.map(|count| count as f64)), ("noise", (noise != 0.0).then_some(noise))];
        for (name, value) in given {
            if let Some(value) = value
                && controls.iter().flat_map(|controls| controls::sliders(controls)).any(|slider| slider == name)
            {
                plugin.params.entry(name.to_owned()).or_insert(ParamValue::Number(value));
            }
        }
        plugin
    }

    /// Runs an initializer and returns the parameters, flat in the order that the shape defines.
    pub(crate) fn initial(&self, plugin: &PluginRef, shape: &Shape, seed: u64) -> Result<Vec<f64>, Box<Diagnostic>> {
        let program = self.load(PluginKind::Initializer, plugin)?;
        let (whole_layer, per_weight) = (program.function("init_layer").is_some(), program.function("init").is_some());
        if whole_layer {
            program.contract("init_layer", "init_layer(ctx)", &[1])?;
        }
        if per_weight || !whole_layer {
            program.contract("init", "init(ctx)", &[1])?;
        }
        let controls = controls::plain_values(&self.controls(PluginKind::Initializer, &program, plugin)?);
        let rng = Dynamic::from(RandomSource(Rc::new(RefCell::new(Rng::new(seed, Purpose::Weights)))));
        let mut drawn = Vec::with_capacity(shape.parameters());
        for layer in 0..shape.layers() {
            let parts = [(false, shape.weights(layer)), (true, shape.biases(layer))];
            for (is_bias, range) in parts.into_iter().filter(|(_, range)| !range.is_empty()) {
                let budget = Budget::Initializer { weights: range.len() };
                let mut context: Map = controls.clone();
                context.insert("fan_in".into(), Dynamic::from_int(shape.fan_in(layer) as i64));
                context.insert("fan_out".into(), Dynamic::from_int(shape.size(layer) as i64));
                context.insert("layer".into(), Dynamic::from_int(layer as i64));
                context.insert("is_bias".into(), Dynamic::from_bool(is_bias));
                context.insert("rng".into(), rng.clone());
                if whole_layer && !is_bias {
                    let arguments = vec![Dynamic::from_map(context)];
                    let rows = self.interpreter.call(&program, "init_layer", arguments, budget)?;
                    let weights = arguments::layer(&rows, layer, shape);
                    let location = || program.text.function_location("init_layer");
                    drawn.extend(weights.map_err(|problem| Box::new(problem.unplaced().at(location())))?);
                    continue;
                }
                if !per_weight {
                    // An `init_layer` without `init` leaves the biases at 0.
                    drawn.resize(drawn.len() + range.len(), 0.0);
                    continue;
                }
                let context = Dynamic::from_map(context);
                let values = self.interpreter.call_many(&program, "init", &context, range.len(), budget)?;
                for (value, index) in values.iter().zip(range) {
                    let found = arguments::float(value, "the result of `init`").ok().filter(|x| x.is_finite());
                    let Some(x) = found else {
                        let Parameter { neuron, .. } = shape.parameter(index);
                        let message = format!(
                            "`init` must return a finite number, but this is {} (layer {layer}, neuron {neuron})",
                            display_value(value)
                        );
                        let location = program.text.result_location("init", value.is_unit());
                        return Err(Box::new(Diagnostic::error("wrong-return", message).at(location)));
                    };
                    drawn.push(x);
                }
            }
        }
        Ok(drawn)
    }
}

/// The files that a plugin's name can refer to, with the index of their root, by descending precedence: in the folder
/// of the kind, or beside the lesson under the bare name.
pub(crate) fn candidates<'l>(
    library: &'l Library,
    kind: PluginKind,
    name: &'l str,
    home: &'l str,
) -> impl Iterator<Item = (usize, String)> + 'l {
    let (beside, folder) = (folder(home), kind.folder());
    let bare = format!("{beside}{name}.rhai");
    let paths = [format!("{beside}{folder}/{name}.rhai"), bare.clone(), format!("{folder}/{name}.rhai")];
    library.roots.iter().enumerate().rev().filter_map(move |(at, root)| {
        let means = |path: &&String| {
            let bytes = root.files.get(path);
            bytes.is_some_and(|bytes| **path != bare || bare != home && kind.is_defined_in(bytes))
        };
        Some((at, paths.iter().find(means)?.clone()))
    })
}

/// The first problem of a file. [`Plugins::with_related`] adds the rest.
#[allow(clippy::unnecessary_box_returns, reason = "it becomes the error of a result")]
fn first_error(faults: Vec<Diagnostic>) -> Box<Diagnostic> {
    let unknown = || Diagnostic::error("interpreter", "the file cannot be compiled");
    Box::new(faults.into_iter().next().unwrap_or_else(unknown))
}

/// Samples of a data set if neither the lesson nor the data set sets a number.
const DEFAULT_SAMPLES: i64 = 500;

fn display_value(value: &Dynamic) -> String {
    value.as_float().map_or_else(|_| kind(value).to_owned(), |x| x.to_string())
}

/// The list entry of a broken file.
pub(crate) fn broken_info(name: &str, error: &Diagnostic) -> PluginInfo {
    let description = format!("cannot be used: {}", error.message);
    PluginInfo { name: stem(name).to_owned(), description, controls: Vec::new() }
}

fn plugin_info(kind: PluginKind, plugin: &PluginRef, program: &ScriptProgram, controls: Vec<Control>) -> PluginInfo {
    let contract = kind.contracts().iter().find_map(|name| program.function(name));
    let described = contract.map(|function| function.description.as_str()).filter(|text| !text.is_empty());
    let page = program.page();
    let text = described.unwrap_or(&page);
    let prose = text.lines().skip_while(|line| line.is_empty() || line.starts_with('#'));
    let line = prose.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
    PluginInfo { name: stem(&plugin.name).to_owned(), description: line, controls }
}
