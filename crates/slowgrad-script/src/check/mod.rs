//! Tries a file out: does it run, is its gradient true, does it say something that it does not do?
//!
//! Functions are called at seeded points within the range where they are used, and at the places where something
//! special may happen. The gradient that the tape derives is compared with finite differences (`gradient`, `slope`),
//! and with the author's own `derivative` where there is one.

mod gradient;
mod points;
mod report;
mod slope;

pub use report::{Checked, Report, Tried, Worst};

use crate::bindings::arguments;
use crate::diagnostics::lints;
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording::list;
use crate::plugins::controls;
use crate::plugins::{Home, PluginKind};
use crate::runtime::host::Budget;
use crate::runtime::program::ScriptProgram;
use crate::sandbox::{Sandbox, first_update_inputs, runs_each_time_warning};
use points::{Domain, Place, Probe, Sliders};
use rhai::Dynamic;
use slope::{Borrowed, noise};
use slowgrad_engine::plugin::Activation;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::PluginRef;
use slowgrad_tape::Diagnostic;
use std::rc::Rc;
use std::time::Duration;

/// Steps of an optimizer with each kind of gradient.
const STEPS: usize = 64;
/// Neurons of a layer that is tried, other than one.
const LAYER: usize = 4;
/// How far the author's derivative may be from the derived one, relative to its size.
const CLOSE: f64 = 1e-6;
/// Beyond, textbook forms overflow that are right.
const TEXTBOOK: f64 = 30.0;

type Outcome<T = ()> = Result<T, Box<Diagnostic>>;

impl Sandbox {
    /// Everything that is wrong or doubtful about one file of any kind. What it printed is in the
    /// [`console`](Self::console).
    pub fn check(&self, path: &str) -> Vec<Diagnostic> {
        self.examine(path).diagnostics
    }

    /// The same with what was tried, in numbers.
    pub fn examine(&self, path: &str) -> Checked {
        let mut check = Check { sandbox: self, found: Vec::new(), reports: Vec::new(), until: None };
        if let Err(error) = check.file(path) {
            check.found.push(*error);
        }
        let mut found = self.plugins.with_related(check.found);
        let mut seen = Vec::new();
        found.retain(|diagnostic| {
            let new = !seen.contains(diagnostic);
            seen.push(diagnostic.clone());
            new
        });
        Checked { diagnostics: found, reports: check.reports }
    }
}

struct Check<'s> {
    sandbox: &'s Sandbox,
    found: Vec<Diagnostic>,
    reports: Vec<Report>,
    /// When no further points are tried; where there is no clock, only work is counted.
    until: Option<Duration>,
}

impl Check<'_> {
    fn file(&mut self, path: &str) -> Outcome {
        *self.sandbox.plugins.home.borrow_mut() = Home { path: path.to_owned() };
        self.sandbox.plugins.interpreter.files.used.borrow_mut().clear();
        let limits = self.sandbox.plugins.interpreter.host.limits.get();
        self.until = limits.clock.map(|now| now() + limits.setup_time);
        let program = self.sandbox.plugins.program(path)?;
        self.found.extend(lints::lint(&program.text));
        let defines = |kind: &PluginKind| kind.contracts().iter().any(|name| program.function(name).is_some());
        let is_lesson = defines(&PluginKind::Lesson);
        if is_lesson {
            match self.sandbox.open(path) {
                Ok(lesson) => self.found.extend(lesson.warnings),
                Err(errors) => {
                    self.found.extend(errors);
                    return Ok(());
                }
            }
        }
        let kinds: Vec<PluginKind> =
            PluginKind::ALL.into_iter().filter(|kind| *kind != PluginKind::Lesson && defines(kind)).collect();
        if kinds.is_empty() && !is_lesson {
            return self.nothing(path, &program);
        }
        for kind in kinds {
            self.plugin(kind, path, &program)?;
        }
        Ok(())
    }

    /// A file without any contract function: the folder tells which one was meant.
    fn nothing(&mut self, path: &str, program: &ScriptProgram) -> Outcome {
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
            let message = "this file has no function that slowgrad knows";
            let location = program.text.function_location("");
            self.found.push(
                Diagnostic::error("missing-function", message).at(location).help(format!("it knows {}", list(&all))),
            );
        }
        // A file of helper functions to import is fine.
        Ok(())
    }

    fn plugin(&mut self, kind: PluginKind, path: &str, program: &Rc<ScriptProgram>) -> Outcome {
        let plugin = PluginRef::named(path);
        let mut rng = Rng::new(1, Purpose::Data);
        match kind {
            PluginKind::Activation => {
                let activation = self.sandbox.activation(&plugin, LAYER)?;
                let width = if activation.whole_layer { LAYER } else { 1 };
                let probes = points::anywhere(width, &Sliders::new(&activation.info.controls), &mut rng);
                self.gradient(kind, program, &Borrowed(&activation.function), &probes, width)?;
                self.derivative(&activation, program, &probes)?;
            }
            PluginKind::Loss => self.loss(&plugin, program, &mut rng)?,
            PluginKind::Regularizer => {
                let regularizer = self.sandbox.regularizer(&plugin)?;
                let probes = points::anywhere(1, &Sliders::new(&regularizer.info.controls), &mut rng);
                self.gradient(kind, program, &Borrowed(&regularizer.function), &probes, 1)?;
            }
            PluginKind::Schedule => self.schedule(&plugin, program)?,
            PluginKind::Optimizer => self.optimizer(&plugin, program, &mut rng)?,
            PluginKind::Initializer => drop(self.sandbox.initializer(&plugin, &Shape::new(3, &[4, 2]), 1)?),
            PluginKind::Dataset => self.dataset(&plugin, program)?,
            PluginKind::Lesson => {}
        }
        Ok(())
    }

    /// Whether there is time for another point. A file is checked within a few seconds, however slow its script is.
    fn in_time(&self) -> bool {
        let clock = self.sandbox.plugins.interpreter.host.limits.get().clock;
        clock.zip(self.until).is_none_or(|(now, until)| now() < until)
    }

    /// Reports of one function tried in several ways become one.
    fn report(&mut self, report: Report) {
        let same = self.reports.iter_mut().find(|known| known.function == report.function);
        match same {
            Some(known) => known.join(report),
            None => self.reports.push(report),
        }
    }

    /// A loss, made for some numbers of outputs and for shares or any numbers.
    fn loss(&mut self, plugin: &PluginRef, program: &Rc<ScriptProgram>, rng: &mut Rng) -> Outcome {
        // A loss may be made for a number of outputs, such as a mean and a deviation.
        let mut refused = Vec::new();
        let sizes = [1, 2, 3];
        let mut matters = false;
        for outputs in sizes {
            let loss = self.sandbox.loss(plugin, outputs)?;
            let function = Borrowed(&loss.function);
            let sliders = Sliders::new(&loss.info.controls);
            let probes = |domain, rng: &mut Rng| points::loss(domain, outputs, &sliders, rng);
            let tried = (|| {
                let shares = probes(Domain::Shares, rng);
                let reals = probes(Domain::Reals, rng);
                // A loss of probabilities is not asked about other numbers, and one of other numbers not about them.
                let fits = |probes: &[Probe]| -> Outcome<bool> {
                    for probe in probes.iter().filter(|probe| probe.place == Place::Anywhere) {
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
            match tried {
                Err(error) if ["out-of-bounds", "different-lengths", "thrown"].contains(&error.code) => {
                    refused.push(error);
                }
                other => matters |= other?,
            }
        }
        if refused.len() == sizes.len() {
            refused.truncate(1);
            return refused.pop().map_or(Ok(()), Err);
        }
        if !matters {
            self.found.push(lints::loss_without_output(&program.text));
        }
        Ok(())
    }

    /// The author's `derivative(z, a)` against the derived one.
    fn derivative(&mut self, activation: &Activation, program: &ScriptProgram, probes: &[Probe]) -> Outcome {
        let Some(definition) = program.function("derivative").filter(|_| !activation.whole_layer) else {
            return Ok(());
        };
        let takes_params = definition.parameters.len() == 3;
        let location = program.text.function_location("derivative");
        let mut worst: Option<(f64, f64, f64, f64)> = None;
        let mut grads = Vec::new();
        let function = Borrowed(&activation.function);
        // The script sees the controls as they stand.
        let standing = Sliders::new(&activation.info.controls);
        let usable = |probe: &&Probe| probe.place != Place::Far && probe.inputs[0].abs() <= TEXTBOOK;
        for probe in probes.iter().filter(usable).filter(|_| self.in_time()) {
            let point = standing.given(probe.inputs[0]);
            let call = function.call(&point)?;
            call.trace.backward(&call.values, &[1.0], &mut grads);
            // At a kink either side's derivative is as good.
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
            let allowed = CLOSE * grads[0].abs().max(stated.abs()) + 64.0 * noise(&call, 0).max(f64::EPSILON);
            let error = (stated - grads[0]).abs() / grads[0].abs().max(1.0);
            let wrong = stated.is_nan() || (stated - grads[0]).abs() > allowed;
            if wrong && worst.is_none_or(|(most, ..)| error > most || error.is_nan()) {
                worst = Some((error, point[0], stated, grads[0]));
            }
        }
        if let Some((_, z, stated, derived)) = worst {
            let message = format!(
                "`derivative` gives {stated:.6} at z = {z}, but the activation's derivative there is {derived:.6}"
            );
            let help = "it is shown as text only; training uses the derived one";
            self.found.push(Diagnostic::warning("derivative-mismatch", message).at(location).help(help));
        }
        Ok(())
    }

    fn optimizer(&mut self, plugin: &PluginRef, program: &ScriptProgram, rng: &mut Rng) -> Outcome {
        let optimizer = self.sandbox.optimizer(plugin)?;
        let fields = optimizer.state.len();
        let mut steps = 0;
        for rule in [&optimizer.weights, &optimizer.biases] {
            // Gradients of all signs, none at all as of a neuron that never fires, tiny and large ones.
            for size in [1.0, 0.0, 1e-9, 1e4] {
                let mut inputs = first_update_inputs(&optimizer);
                for step in 1..=STEPS {
                    // Adding 0 leaves no −0, which nobody expects in a message.
                    let grad = size * rng.uniform(-1.0, 1.0) + 0.0;
                    inputs[1] = grad;
                    let context = 2 + fields;
                    inputs[context + 1] = step as f64;
                    (inputs[context + 2], inputs[context + 3]) = (grad.abs() * 2.0, grad.abs());
                    let call = rule.borrow_mut().call(&inputs)?;
                    steps += 1;
                    if !self.numbers(&call, program, PluginKind::Optimizer, 0) || !self.in_time() {
                        break;
                    }
                    inputs[0] = call.output(0);
                    for field in 0..fields {
                        inputs[2 + field] = call.output(1 + field);
                    }
                }
            }
            if rule.borrow().runs_each_time() {
                self.found.push(runs_each_time_warning(program, PluginKind::Optimizer));
            }
        }
        self.report(Report { function: "update", tried: Tried::Steps(steps) });
        Ok(())
    }

    /// The rates of the first epochs, of one step each and of many.
    fn schedule(&mut self, plugin: &PluginRef, program: &ScriptProgram) -> Outcome {
        let schedule = self.sandbox.schedule(plugin)?;
        for per_epoch in [1, 10] {
            for step in 1..=STEPS {
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

    fn dataset(&mut self, plugin: &PluginRef, program: &ScriptProgram) -> Outcome {
        let samples = self.sandbox.dataset(plugin, None, 0.0, 1)?;
        let location = program.text.function_location("dataset");
        let Some(first) = samples.first() else {
            return Err(Box::new(Diagnostic::error("wrong-data", "the data set is empty").at(location)));
        };
        let made = slowgrad_engine::data::Data::new(&samples, first.input.len(), first.target.len());
        made.map(drop).map_err(|error| Box::new(Diagnostic::error("wrong-data", error.to_string()).at(location)))
    }
}

fn contract(kind: PluginKind, program: &ScriptProgram) -> &'static str {
    kind.contracts().iter().find(|name| program.function(name).is_some()).copied().unwrap_or("")
}
