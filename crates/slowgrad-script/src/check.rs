//! Tries a file out: does it run, is its gradient true, does it say something that it does not do?
//!
//! Functions are called at seeded points within the range where they are used. The gradient that the tape
//! derives is compared with central differences, and with the author's own `derivative` where there is one.

use crate::host::Budget;
use crate::plugins::{Home, PluginKind};
use crate::program::Program;
use crate::sandbox::{Sandbox, first_update, runs_each_time};
use crate::words::{kind, list};
use crate::{controls, errors, reading};
use rhai::Dynamic;
use slowgrad_engine::plugin::Activation;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::PluginRef;
use slowgrad_tape::{Call, Diagnostic, Function, Op};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

/// Calls of each function.
const POINTS: usize = 64;
/// Distance of the points of a central difference, times the input's size where that is above 1.
const STEP: f64 = 1e-5;
/// How far a derivative may be from the central difference, relative to its size where that is above 1.
const ROUGH: f64 = 1e-4;
/// How far the author's derivative may be from the derived one.
const CLOSE: f64 = 1e-6;

type Checked = Result<(), Box<Diagnostic>>;

impl Sandbox {
    /// Everything that is wrong or doubtful about one file of any kind. What it printed is in the
    /// [`console`](Self::console).
    pub fn check(&self, path: &str) -> Vec<Diagnostic> {
        let mut check = Check { sandbox: self, found: Vec::new() };
        if let Err(error) = check.file(path) {
            check.found.push(*error);
        }
        let mut found = check.found;
        let mut seen = Vec::new();
        found.retain(|diagnostic| {
            let new = !seen.contains(diagnostic);
            seen.push(diagnostic.clone());
            new
        });
        found
    }
}

struct Check<'s> {
    sandbox: &'s Sandbox,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn file(&mut self, path: &str) -> Checked {
        *self.sandbox.plugins.home.borrow_mut() = Home { path: path.to_owned() };
        self.sandbox.plugins.interpreter.shelf.used.borrow_mut().clear();
        let program = self.sandbox.plugins.program(path)?;
        self.found.extend(errors::habits(&program.text));
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
    fn nothing(&mut self, path: &str, program: &Program) -> Checked {
        let folder = PluginKind::ALL.into_iter().find(|kind| path.starts_with(&format!("{}/", kind.folder())));
        if let Some(kind) = folder {
            let usage = usage(kind);
            let name = usage.split('(').next().unwrap_or(usage);
            return program.contract(name, usage, &[]).map(drop);
        }
        let all: Vec<&str> = PluginKind::ALL.into_iter().flat_map(PluginKind::contracts).copied().collect();
        let names: Vec<&str> = program.functions.iter().map(|function| function.name.as_str()).collect();
        let near =
            names.iter().find_map(|name| crate::words::nearest(name, all.iter().copied()).map(|near| (*name, near)));
        if let Some((name, near)) = near {
            let usage = PluginKind::ALL.into_iter().find(|kind| kind.contracts().contains(&near)).map_or(near, usage);
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

    fn plugin(&mut self, kind: PluginKind, path: &str, program: &Rc<Program>) -> Checked {
        let plugin = PluginRef::named(path);
        let mut rng = Rng::new(1, Purpose::Data);
        match kind {
            PluginKind::Activation => {
                let activation = self.sandbox.activation(&plugin, 4)?;
                let width = if activation.whole_layer { 4 } else { 1 };
                let mut points: Vec<Vec<f64>> =
                    (0..POINTS).map(|_| (0..width).map(|_| rng.uniform(-4.0, 4.0)).collect()).collect();
                for far in [0.0, 20.0, -20.0] {
                    points.push(vec![far; width]);
                }
                let sliders = activation.info.sliders();
                for point in &mut points {
                    point.extend(&sliders);
                }
                self.gradient(kind, program, &Borrowed(&activation.function), &points, width)?;
                self.derivative(&activation, program, &points)?;
            }
            PluginKind::Loss => {
                // A loss may be made for a number of outputs, such as a mean and a deviation.
                let mut refused = Vec::new();
                let sizes = [1, 2, 3];
                for outputs in sizes {
                    let loss = self.sandbox.loss(&plugin, outputs)?;
                    let mut points = Vec::new();
                    for i in 0..POINTS {
                        let mut point: Vec<f64> = (0..outputs).map(|_| rng.uniform(0.05, 0.95)).collect();
                        let one_hot = |k: usize| if k == i % (outputs + 1) { 1.0 } else { 0.0 };
                        point.extend((0..outputs).map(|k| if i % 2 == 0 { one_hot(k) } else { rng.uniform(0.0, 1.0) }));
                        point.extend(loss.info.sliders());
                        points.push(point);
                    }
                    match self.gradient(kind, program, &Borrowed(&loss.function), &points, outputs) {
                        Err(error) if ["out-of-bounds", "thrown"].contains(&error.code) => refused.push(error),
                        other => other?,
                    }
                }
                if refused.len() == sizes.len() {
                    refused.truncate(1);
                    return refused.pop().map_or(Ok(()), Err);
                }
            }
            PluginKind::Regularizer => {
                let regularizer = self.sandbox.regularizer(&plugin)?;
                let sliders = regularizer.info.sliders();
                let weights = (0..POINTS).map(|_| rng.uniform(-3.0, 3.0)).chain([0.0, 100.0, -100.0]);
                let points: Vec<Vec<f64>> = weights.map(|w| [&[w], sliders.as_slice()].concat()).collect();
                self.gradient(kind, program, &Borrowed(&regularizer.function), &points, 1)?;
            }
            PluginKind::Schedule => self.schedule(&plugin, program)?,
            PluginKind::Optimizer => self.optimizer(&plugin, program, &mut rng)?,
            PluginKind::Initializer => drop(self.sandbox.initializer(&plugin, &Shape::new(3, &[4, 2]), 1)?),
            PluginKind::Dataset => self.dataset(&plugin, program)?,
            PluginKind::Lesson => {}
        }
        Ok(())
    }

    /// The derived gradient of the first `width` inputs against central differences.
    fn gradient(
        &mut self,
        kind: PluginKind,
        program: &Program,
        function: &Borrowed<'_>,
        points: &[Vec<f64>],
        width: usize,
    ) -> Checked {
        let mut worst: Option<(f64, String, f64, f64)> = None;
        let mut grads = Vec::new();
        let outputs = function.0.borrow().outputs();
        for point in points {
            let call = function.call(point)?;
            self.finite(&call, program, kind);
            let stops = call.trace.nodes().iter().any(|node| node.op == Op::StopGradient);
            for k in 0..outputs {
                let seeds: Vec<f64> = (0..outputs).map(|j| if j == k { 1.0 } else { 0.0 }).collect();
                call.trace.backward(&call.values, &seeds, &mut grads);
                for (j, &derived) in grads.iter().enumerate().take(width) {
                    if !derived.is_finite() && call.values.iter().all(|x| x.is_finite()) {
                        self.gradient_not_finite(&call, j, derived, program, kind);
                        continue;
                    }
                    let Some(difference) = function.difference(point, j, k, &call)? else { continue };
                    let error = (derived - difference).abs() / derived.abs().max(1.0);
                    // Whoever stops the gradient on purpose gets another one than the differences show.
                    if error > ROUGH && !stops && worst.as_ref().is_none_or(|(most, ..)| error > *most) {
                        let at = format!("{} = {}", call.trace.input_name(j), point[j]);
                        worst = Some((error, at, derived, difference));
                    }
                }
            }
        }
        if function.0.borrow().runs_each_time() {
            self.found.push(runs_each_time(program, kind));
        }
        if let Some((_, at, derived, difference)) = worst {
            let message =
                format!("the derived gradient is {derived:.6} where the function rises by {difference:.6}, at {at}");
            let name = contract(kind, program);
            let help = "`value(x)`, `floor` and their like hide a number from the chain rule";
            let location = program.text.function_location(name);
            self.found.push(Diagnostic::warning("gradient-mismatch", message).at(location).help(help));
        }
        Ok(())
    }

    /// The author's `derivative(z, a)` against the derived one.
    fn derivative(&mut self, activation: &Activation, program: &Program, points: &[Vec<f64>]) -> Checked {
        let Some(definition) = program.function("derivative").filter(|_| !activation.whole_layer) else {
            return Ok(());
        };
        let takes_params = definition.parameters.len() == 3;
        let location = program.text.function_location("derivative");
        let mut worst: Option<(f64, f64, f64, f64)> = None;
        let mut grads = Vec::new();
        for point in points {
            let call = activation.function.borrow_mut().call(point)?;
            call.trace.backward(&call.values, &[1.0], &mut grads);
            let mut arguments = vec![Dynamic::from_float(point[0]), Dynamic::from_float(call.output(0))];
            if takes_params {
                arguments.push(Dynamic::from_map(controls::plain(&activation.info.controls)));
            }
            let interpreter = &self.sandbox.plugins.interpreter;
            let value = interpreter.call(program, "derivative", arguments, Budget::Call)?;
            let Ok(stated) = reading::float(&value, "the result of `derivative`") else {
                let message = format!("the result of `derivative` must be a number, but this is {}", kind(&value));
                return Err(Box::new(Diagnostic::error("wrong-return", message).at(location)));
            };
            let error = (stated - grads[0]).abs() / grads[0].abs().max(1.0);
            if (error > CLOSE || error.is_nan()) && worst.is_none_or(|(most, ..)| error > most || error.is_nan()) {
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

    fn optimizer(&mut self, plugin: &PluginRef, program: &Program, rng: &mut Rng) -> Checked {
        let optimizer = self.sandbox.optimizer(plugin)?;
        for rule in [&optimizer.weights, &optimizer.biases] {
            let mut inputs = first_update(&optimizer);
            for step in 1..=POINTS {
                inputs[1] = rng.uniform(-1.0, 1.0);
                inputs[2 + optimizer.state.len() + 1] = step as f64;
                let call = rule.borrow_mut().call(&inputs)?;
                if !self.finite(&call, program, PluginKind::Optimizer) {
                    break;
                }
                inputs[0] = call.output(0);
                for field in 0..optimizer.state.len() {
                    inputs[2 + field] = call.output(1 + field);
                }
            }
            if rule.borrow().runs_each_time() {
                self.found.push(runs_each_time(program, PluginKind::Optimizer));
            }
        }
        Ok(())
    }

    /// The rates of the first epochs, of one step each and of many.
    fn schedule(&mut self, plugin: &PluginRef, program: &Program) -> Checked {
        let schedule = self.sandbox.schedule(plugin)?;
        for per_epoch in [1, 10] {
            for step in 1..=POINTS {
                let context = [step as f64, ((step - 1) / per_epoch) as f64, per_epoch as f64];
                let inputs = [&context[..], &schedule.info.sliders()].concat();
                let call = schedule.function.borrow_mut().call(&inputs)?;
                if !self.finite(&call, program, PluginKind::Schedule) {
                    break;
                }
            }
        }
        if schedule.function.borrow().runs_each_time() {
            self.found.push(runs_each_time(program, PluginKind::Schedule));
        }
        Ok(())
    }

    fn dataset(&mut self, plugin: &PluginRef, program: &Program) -> Checked {
        let samples = self.sandbox.dataset(plugin, None, 0.0, 1)?;
        let location = program.text.function_location("dataset");
        let Some(first) = samples.first() else {
            return Err(Box::new(Diagnostic::error("wrong-data", "the data set is empty").at(location)));
        };
        let made = slowgrad_engine::data::Data::new(&samples, first.input.len(), first.target.len());
        made.map(drop).map_err(|error| Box::new(Diagnostic::error("wrong-data", error.to_string()).at(location)))
    }

    /// Warns of a gradient that is NaN or infinite though every value is a number, as √(z²) has at 0.
    fn gradient_not_finite(&mut self, call: &Call, input: usize, derived: f64, program: &Program, kind: PluginKind) {
        const CODE: &str = "gradient-not-finite";
        if self.found.iter().any(|found| found.code == CODE) {
            return;
        }
        let (name, at) = (call.trace.input_name(input), call.values[input]);
        let message = format!("the gradient with respect to {name} is {derived} at {name} = {at}");
        let help = "some local derivative is infinite there (such as that of `sqrt` at 0); a branch or a small number keeps it away";
        let location = program.text.function_location(contract(kind, program));
        self.found.push(Diagnostic::warning(CODE, message).at(location).help(help));
    }

    /// Warns at the first operation that gave NaN or an infinity.
    fn finite(&mut self, call: &Call, program: &Program, kind: PluginKind) -> bool {
        let trace = &call.trace;
        let Some(at) = call.values.iter().position(|x| !x.is_finite()) else { return true };
        let node = trace.nodes()[at];
        let location = node.site.and_then(|site| trace.location(&site));
        let location = location.unwrap_or_else(|| program.text.function_location(contract(kind, program)));
        let inputs: Vec<String> =
            (0..trace.inputs()).map(|i| format!("{} = {}", trace.input_name(i), call.values[i])).collect();
        let message = format!("this gives {} for {}", call.values[at], inputs.join(", "));
        // One place is named once, with the first inputs that lead there.
        let known = self.found.iter().any(|d| d.code == "not-finite" && d.location.as_ref() == Some(&location));
        if !known {
            self.found.push(Diagnostic::warning("not-finite", message).at(location));
        }
        false
    }
}

/// A shared function that is called in turn.
struct Borrowed<'f>(&'f RefCell<Function>);

impl Borrowed<'_> {
    fn call(&self, inputs: &[f64]) -> Result<Call, Box<Diagnostic>> {
        self.0.borrow_mut().call(inputs)
    }

    /// The central difference of result k along input j; none across a fork, where there may be a corner.
    fn difference(&self, point: &[f64], j: usize, k: usize, middle: &Call) -> Result<Option<f64>, Box<Diagnostic>> {
        let h = STEP * point[j].abs().max(1.0);
        let mut moved = point.to_vec();
        moved[j] = point[j] + h;
        let above = self.call(&moved)?;
        moved[j] = point[j] - h;
        let below = self.call(&moved)?;
        let same = |call: &Call| Arc::ptr_eq(&call.trace, &middle.trace);
        let forked = !self.0.borrow().runs_each_time() && (!same(&above) || !same(&below));
        let difference = (above.output(k) - below.output(k)) / (2.0 * h);
        // A corner without a fork, as of `max`, is seen by the two sides having different slopes.
        let sides = ((above.output(k) - middle.output(k)) / h, (middle.output(k) - below.output(k)) / h);
        let corner = (sides.0 - sides.1).abs() > 0.01 * sides.0.abs().max(sides.1.abs()).max(1.0);
        Ok((!forked && !corner && difference.is_finite()).then_some(difference))
    }
}

fn contract(kind: PluginKind, program: &Program) -> &'static str {
    kind.contracts().iter().find(|name| program.function(name).is_some()).copied().unwrap_or("")
}

/// The contract function of a kind as one writes it.
pub(crate) fn usage(kind: PluginKind) -> &'static str {
    match kind {
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
