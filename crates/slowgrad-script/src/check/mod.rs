//! Checks a script file: whether it runs, whether its gradient is correct, and whether it contains likely mistakes.
//!
//! Functions are called at seeded points within their usual range and at special points. The gradient that the tape
//! derives is compared with finite differences (`gradient`, `slope`) and, where the author wrote one, with
//! `derivative`.

mod gradient;
mod points;
mod report;
mod slope;

pub use report::{CheckReport, FunctionReport, Measurement, WorstPoint};

use crate::bindings::arguments;
use crate::diagnostics::lints;
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording::list;
use crate::plugins::controls;
use crate::plugins::{Home, PluginKind};
use crate::runtime::host::Budget;
use crate::runtime::program::ScriptProgram;
use crate::sandbox::{Sandbox, first_updates, runs_each_time_warning};
use points::{Domain, Probe, ProbeKind, Sliders};
use rhai::Dynamic;
use slope::{TestedFunction, noise};
use slowgrad_engine::data::report::DataReport;
use slowgrad_engine::plugin::{Activation, Optimizer, UpdateRule};
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::PluginRef;
use slowgrad_tape::Diagnostic;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Steps that an optimizer runs for each size of gradient.
const OPTIMIZER_STEPS: usize = 64;
/// Steps that an optimizer runs for each size near the ends of the range of numbers.
const OPTIMIZER_EDGE_STEPS: usize = 4;
/// A gradient that does not change, and the steps that an optimizer runs with it. A mean with a decay of 0.99 has
/// arrived after 3,700 steps.
const CONSTANT_GRADIENT: f64 = 12_345.678;
const CONSTANT_STEPS: usize = 5_000;
/// Width of the layer for activations of a whole layer.
const TEST_LAYER_WIDTH: usize = 4;
/// The largest relative difference between the author's derivative and the derived one.
const DERIVATIVE_TOLERANCE: f64 = 1e-6;
/// The largest input for `derivative`: beyond it, correct textbook formulas may overflow.
const MAX_TEXTBOOK_INPUT: f64 = 30.0;

type CheckResult<T = ()> = Result<T, Box<Diagnostic>>;

impl Sandbox {
    /// Checks one file of any kind and returns its errors and warnings. Its output is in the
    /// [`console`](Self::console).
    pub fn check(&self, path: &str) -> Vec<Diagnostic> {
        self.examine(path).diagnostics
    }

    /// Checks one file like [`check`](Self::check) and also reports how each function was tested.
    pub fn examine(&self, path: &str) -> CheckReport {
        let mut check = Check { sandbox: self, found: Vec::new(), reports: Vec::new(), data: None, deadline: None };
        if let Err(error) = check.file(path) {
            check.found.push(*error);
        }
        let mut found = self.plugins.with_related(check.found);
        let mut seen = Vec::new();
        found.retain(|diagnostic| {
            let fresh = !seen.contains(diagnostic);
            seen.push(diagnostic.clone());
            fresh
        });
        CheckReport { diagnostics: found, reports: check.reports, data: check.data }
    }
}

/// The gradients for which an optimizer is run.
#[derive(Clone, Copy)]
enum Gradients {
    /// Random numbers up to a size.
    Random,
    /// Always the same number.
    Constant,
    /// One size with both signs.
    Edge,
}

struct Check<'s> {
    sandbox: &'s Sandbox,
    found: Vec<Diagnostic>,
    reports: Vec<FunctionReport>,
    /// What was read of a lesson's data.
    data: Option<Arc<DataReport>>,
    /// The time after which no more points are tested. Without a clock only the operation count limits a check.
    deadline: Option<Duration>,
}

impl Check<'_> {
    fn file(&mut self, path: &str) -> CheckResult {
        *self.sandbox.plugins.home.borrow_mut() = Home { path: path.to_owned() };
        self.sandbox.plugins.interpreter.files.used.borrow_mut().clear();
        let limits = self.sandbox.plugins.interpreter.host.limits.get();
        self.deadline = limits.timer().map(|now| now() + limits.setup_time);
        let program = self.sandbox.plugins.program(path)?;
        self.found.extend(lints::lint(&program.text));
        let defines = |kind: &PluginKind| kind.contracts().iter().any(|name| program.function(name).is_some());
        let is_lesson = defines(&PluginKind::Lesson);
        if is_lesson {
            match self.sandbox.open(path) {
                Ok(lesson) => {
                    self.found.extend(lesson.all_warnings());
                    self.data = Some(lesson.data);
                }
                Err(errors) => {
                    self.found.extend(errors);
                    return Ok(());
                }
            }
        }
        let kinds: Vec<PluginKind> =
            PluginKind::ALL.into_iter().filter(|kind| *kind != PluginKind::Lesson && defines(kind)).collect();
        if kinds.is_empty() && !is_lesson {
            return self.no_contract(path, &program);
        }
        for kind in kinds {
            self.plugin(kind, path, &program)?;
        }
        Ok(())
    }

    /// Reports a file without any contract function. The folder tells which function is missing.
    fn no_contract(&mut self, path: &str, program: &ScriptProgram) -> CheckResult {
        let folder = PluginKind::ALL.into_iter().find(|kind| path.starts_with(&format!("{}/", kind.folder())));
        if let Some(kind) = folder {
            let usage = kind.usage();
            let name = usage.split('(').next().unwrap_or(usage);
            return program.contract(name, usage, &[]).map(drop);
        }
        let all: Vec<&str> = PluginKind::ALL.into_iter().flat_map(PluginKind::contracts).copied().collect();
        let names: Vec<&str> = program.functions.iter().map(|function| function.name.as_str()).collect();
        let near = names
            .iter()
            .find_map(|name| crate::diagnostics::wording::nearest(name, all.iter().copied()).map(|near| (*name, near)));
        if let Some((name, near)) = near {
            let usage = PluginKind::ALL
                .into_iter()
                .find(|kind| kind.contracts().contains(&near))
                .map_or(near, PluginKind::usage);
            let message = format!("this file has `fn {name}`, did you mean `fn {near}`?");
            let location = program.text.function_location(name);
            self.found
                .push(Diagnostic::error("missing-function", message).at(location).help(format!("write `fn {usage}`")));
        } else if names.is_empty() {
            let message = "this file defines none of the functions that slowgrad calls";
            let location = program.text.function_location("");
            self.found.push(
                Diagnostic::error("missing-function", message)
                    .at(location)
                    .help(format!("slowgrad calls {}", list(&all))),
            );
        }
        // A file with only helper functions for imports is fine.
        Ok(())
    }

    fn plugin(&mut self, kind: PluginKind, path: &str, program: &Rc<ScriptProgram>) -> CheckResult {
        let plugin = PluginRef::named(path);
        let mut rng = Rng::new(1, Purpose::Data);
        match kind {
            PluginKind::Activation => {
                let activation = self.sandbox.activation(&plugin, TEST_LAYER_WIDTH)?;
                let width = if activation.whole_layer { TEST_LAYER_WIDTH } else { 1 };
                let probes = points::anywhere(width, &Sliders::new(&activation.info.controls), &mut rng);
                self.gradient(kind, program, &TestedFunction(&activation.function), &probes, width)?;
                self.derivative(&activation, program, &probes)?;
            }
            PluginKind::Loss => self.loss(&plugin, program, &mut rng)?,
            PluginKind::Regularizer => {
                let regularizer = self.sandbox.regularizer(&plugin)?;
                let probes = points::anywhere(1, &Sliders::new(&regularizer.info.controls), &mut rng);
                self.gradient(kind, program, &TestedFunction(&regularizer.function), &probes, 1)?;
            }
            PluginKind::Schedule => self.schedule(&plugin, program)?,
            PluginKind::Optimizer => self.optimizer(&plugin, program, &mut rng)?,
            PluginKind::Initializer => drop(self.sandbox.initializer(&plugin, &Shape::new(3, &[4, 2]), 1)?),
            PluginKind::Dataset => self.dataset(&plugin, program)?,
            PluginKind::Lesson => {}
        }
        Ok(())
    }

    /// Whether there is time for another point. The deadline bounds a check to a few seconds for any script.
    fn in_time(&self) -> bool {
        let timer = self.sandbox.plugins.interpreter.host.limits.get().timer();
        timer.zip(self.deadline).is_none_or(|(now, deadline)| now() < deadline)
    }

    /// Adds a report, and merges it with an earlier report of the same function.
    fn report(&mut self, report: FunctionReport) {
        let same = self.reports.iter_mut().find(|known| known.function == report.function);
        match same {
            Some(known) => known.merge(report),
            None => self.reports.push(report),
        }
    }

    /// Checks a loss with 1 to 3 outputs, on probabilities and on real numbers.
    fn loss(&mut self, plugin: &PluginRef, program: &Rc<ScriptProgram>, rng: &mut Rng) -> CheckResult {
        // A loss may require a certain number of outputs, such as a mean and a deviation.
        let mut rejected = Vec::new();
        let sizes = [1, 2, 3];
        let mut depends = false;
        for outputs in sizes {
            let loss = self.sandbox.loss(plugin, outputs)?;
            let function = TestedFunction(&loss.function);
            let sliders = Sliders::new(&loss.info.controls);
            let probes = |domain, rng: &mut Rng| points::loss(domain, outputs, &sliders, rng);
            let result = (|| {
                let shares = probes(Domain::Probabilities, rng);
                let reals = probes(Domain::Reals, rng);
                // Use only the domains in which the loss is finite: it may be made for probabilities or for real numbers.
                let fits = |probes: &[Probe]| -> CheckResult<bool> {
                    for probe in probes.iter().filter(|probe| probe.kind == ProbeKind::Random) {
                        if !function.call(&probe.inputs)?.output(0).is_finite() {
                            return Ok(false);
                        }
                    }
                    Ok(true)
                };
                let (of_shares, of_reals) = (fits(&shares)?, fits(&reals)?);
                let mut all = if of_shares || !of_reals { shares } else { Vec::new() };
                all.extend(if of_reals { reals } else { Vec::new() });
                self.gradient(PluginKind::Loss, program, &function, &all, outputs)?;
                let points: Vec<Vec<f64>> = all.into_iter().map(|probe| probe.inputs).collect();
                lints::depends_on_output(&loss.function, &points, outputs)
            })();
            match result {
                Err(error) if ["out-of-bounds", "different-lengths", "thrown"].contains(&error.code) => {
                    rejected.push(error);
                }
                other => depends |= other?,
            }
        }
        if rejected.len() == sizes.len() {
            rejected.truncate(1);
            return rejected.pop().map_or(Ok(()), Err);
        }
        if !depends {
            self.found.push(lints::loss_without_output(&program.text));
        }
        Ok(())
    }

    /// Compares the author's `derivative(z, a)` with the derived one.
    fn derivative(&mut self, activation: &Activation, program: &ScriptProgram, probes: &[Probe]) -> CheckResult {
        let Some(definition) = program.function("derivative").filter(|_| !activation.whole_layer) else {
            return Ok(());
        };
        let takes_params = definition.parameters.len() == 3;
        let location = program.text.function_location("derivative");
        let mut worst: Option<(f64, f64, f64, f64)> = None;
        let mut grads = Vec::new();
        let function = TestedFunction(&activation.function);
        // `derivative` gets the current values of the controls.
        let sliders = Sliders::new(&activation.info.controls);
        let usable = |probe: &&Probe| probe.kind.is_compared() && probe.inputs[0].abs() <= MAX_TEXTBOOK_INPUT;
        for probe in probes.iter().filter(usable).filter(|_| self.in_time()) {
            let point = sliders.with_input(probe.inputs[0]);
            let call = function.call(&point)?;
            call.trace.backward(&call.values, &[1.0], &mut grads);
            // At a kink the derivative of either side is acceptable.
            if !grads[0].is_finite() || function.at_kink(&call, &point)? {
                continue;
            }
            let mut arguments = vec![Dynamic::from_float(point[0]), Dynamic::from_float(call.output(0))];
            if takes_params {
                arguments.push(Dynamic::from_map(controls::plain_values(&activation.info.controls)));
            }
            let interpreter = &self.sandbox.plugins.interpreter;
            let value = interpreter.call(program, "derivative", arguments, Budget::Call)?;
            let Ok(stated) = arguments::float(&value, "the result of `derivative`") else {
                let message = format!("the result of `derivative` must be a number, but this is {}", kind(&value));
                return Err(Box::new(Diagnostic::error("wrong-return", message).at(location)));
            };
            let allowed =
                DERIVATIVE_TOLERANCE * grads[0].abs().max(stated.abs()) + 64.0 * noise(&call, 0).max(f64::EPSILON);
            let error = (stated - grads[0]).abs() / grads[0].abs().max(1.0);
            let wrong = stated.is_nan() || (stated - grads[0]).abs() > allowed;
            if wrong && worst.is_none_or(|(most, ..)| error > most || error.is_nan()) {
                worst = Some((error, point[0], stated, grads[0]));
            }
        }
        if let Some((_, z, stated, derived)) = worst {
            let message = format!(
                "`derivative` returns {stated:.6} at z = {z}, but the activation's derivative there is {derived:.6}"
            );
            let help = "`derivative` is only shown; training uses the derived one";
            self.found.push(Diagnostic::warning("derivative-mismatch", message).at(location).help(help));
        }
        Ok(())
    }

    fn optimizer(&mut self, plugin: &PluginRef, program: &ScriptProgram, rng: &mut Rng) -> CheckResult {
        // A layer with weights and biases; an optimizer of parameters ignores the shape.
        let shape = Shape::new(3, &[2]);
        let optimizer = self.sandbox.optimizer(plugin, &shape)?;
        let parameters = if matches!(optimizer.rule, UpdateRule::Layer(_)) { shape.parameters() } else { 1 };
        let mut steps = 0;
        for (rule, first) in first_updates(&optimizer, &shape) {
            let context = first.len() - optimizer.other_sliders().len() - Optimizer::CONTEXT.len();
            // Gradients of usual size, zero (a neuron that never fires), tiny and large; then a gradient that does not
            // change, until running means have arrived at it up to rounding; then the ends of the range of numbers.
            let usual = [1.0, 0.0, 1e-9, 1e4].map(|size| (size, OPTIMIZER_STEPS, Gradients::Random));
            let edges = points::EDGE_SIZES.map(|size| (size, OPTIMIZER_EDGE_STEPS, Gradients::Edge));
            let steady = [(CONSTANT_GRADIENT, CONSTANT_STEPS, Gradients::Constant)];
            for (size, steps_of_size, gradients) in usual.into_iter().chain(steady).chain(edges) {
                let mut inputs = first.clone();
                for step in 1..=steps_of_size {
                    for grad in &mut inputs[parameters..2 * parameters] {
                        // Adding 0 turns −0 into 0, so that messages do not show −0.
                        *grad = match gradients {
                            Gradients::Random => size * rng.uniform(-1.0, 1.0) + 0.0,
                            Gradients::Constant => size,
                            Gradients::Edge if step % 2 == 0 => -size,
                            Gradients::Edge => size,
                        };
                    }
                    let norm = norm(&inputs[parameters..2 * parameters]);
                    inputs[context + 1] = step as f64;
                    (inputs[context + 2], inputs[context + 3]) = (norm * 2.0, norm);
                    let call = rule.borrow_mut().call(&inputs)?;
                    steps += 1;
                    let finite = match gradients {
                        Gradients::Edge => self.is_a_number(&call, program, PluginKind::Optimizer, 0),
                        _ => self.numbers(&call, program, PluginKind::Optimizer, 0),
                    };
                    // A number that is infinite stays so.
                    let results = call.trace.outputs().len();
                    let overflows = (0..results).any(|k| call.output(k).is_infinite());
                    if !finite || overflows || !self.in_time() {
                        break;
                    }
                    for k in 0..results {
                        // The state follows the gradients.
                        inputs[if k < parameters { k } else { k + parameters }] = call.output(k);
                    }
                }
            }
            if rule.borrow().runs_each_time() {
                self.found.push(runs_each_time_warning(program, PluginKind::Optimizer));
            }
        }
        let function = contract(PluginKind::Optimizer, program);
        self.report(FunctionReport { function, measurement: Measurement::Steps(steps) });
        Ok(())
    }

    /// Runs a schedule over its first epochs, with 1 and with 10 steps per epoch.
    fn schedule(&mut self, plugin: &PluginRef, program: &ScriptProgram) -> CheckResult {
        let schedule = self.sandbox.schedule(plugin)?;
        for per_epoch in [1, 10] {
            for step in 1..=OPTIMIZER_STEPS {
                let context = [step as f64, ((step - 1) / per_epoch) as f64, per_epoch as f64];
                let inputs = [&context[..], &schedule.info.sliders()].concat();
                let call = schedule.function.borrow_mut().call(&inputs)?;
                if !self.numbers(&call, program, PluginKind::Schedule, 0) {
                    break;
                }
            }
        }
        if schedule.function.borrow().runs_each_time() {
            self.found.push(runs_each_time_warning(program, PluginKind::Schedule));
        }
        Ok(())
    }

    fn dataset(&mut self, plugin: &PluginRef, program: &ScriptProgram) -> CheckResult {
        let samples = self.sandbox.dataset(plugin, None, 0.0, 1)?;
        let location = program.text.function_location("dataset");
        let Some(first) = samples.first() else {
            return Err(Box::new(Diagnostic::error("wrong-data", "the data set is empty").at(location)));
        };
        let made = slowgrad_engine::data::Data::new(&samples, first.input.len(), first.target.len());
        made.map(drop).map_err(|error| Box::new(Diagnostic::error("wrong-data", error.to_string()).at(location)))
    }
}

/// The Euclidean norm. No square overflows.
fn norm(numbers: &[f64]) -> f64 {
    let largest = numbers.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    let square = |x: &f64| (x / largest) * (x / largest);
    if largest == 0.0 { 0.0 } else { largest * numbers.iter().map(square).sum::<f64>().sqrt() }
}

fn contract(kind: PluginKind, program: &ScriptProgram) -> &'static str {
    kind.contracts().iter().find(|name| program.function(name).is_some()).copied().unwrap_or("")
}
