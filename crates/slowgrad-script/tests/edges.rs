//! Every shipped activation, loss, penalty and update at 0, the least subnormal number, powers of ten and the largest
//! number, compared with values that were computed with many digits and no overflow (`tests/data`).
//!
//! The rule: a value that an f64 can hold is finite, and its distance is at most [`RELATIVE`] of the
//! value plus [`ROUNDINGS`] times the rounding errors of the formula. These are estimated from the trace: if each number
//! in it is wrong in its last bit, how far does the result move? So a formula that is well-conditioned is held to its
//! last digits, and `exp(z) - 1` near 0 to the last digits of 1. A gradient may be wrong by the last bits of 1 or of the
//! largest sum of the chain rule's terms; where the value overflows, it only has to be a number or an infinity.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, reason = "a test")]

mod common;

use serde_json::Value;
use slowgrad_engine::plugin::{Optimizer, UpdateRule};
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::{ParamValue, PluginRef};
use slowgrad_script::Sandbox;
use slowgrad_tape::{Call, Function};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

const RELATIVE: f64 = 1e-13;
const ROUNDINGS: f64 = 16.0;

fn numbers(value: &Value) -> Vec<f64> {
    let number = |x: &Value| x.as_f64().unwrap_or_else(|| x.as_str().unwrap().parse().unwrap());
    value.as_array().map_or_else(Vec::new, |all| all.iter().map(number).collect())
}

fn plugin(row: &Value) -> PluginRef {
    let controls = row["controls"].as_object().into_iter().flatten();
    let params = controls.map(|(name, given)| (name.clone(), ParamValue::Bool(given.as_bool().unwrap())));
    PluginRef { params: params.collect(), ..PluginRef::named(row["name"].as_str().unwrap()) }
}

/// A function, and what it takes after the inputs of a row.
struct Tested {
    function: Rc<RefCell<Function>>,
    sliders: Vec<f64>,
    optimizer: Option<Optimizer>,
}

impl Tested {
    fn new(sandbox: &Sandbox, row: &Value) -> Self {
        let plugin = plugin(row);
        let width = row["grads"].as_array().map_or(1, Vec::len);
        let made = match row["kind"].as_str().unwrap() {
            "activations" => sandbox.activation(&plugin, width).map(|made| (made.function, made.info.sliders(), None)),
            "losses" => sandbox.loss(&plugin, width).map(|made| (made.function, made.info.sliders(), None)),
            "regularizers" => sandbox.regularizer(&plugin).map(|made| (made.function, made.info.sliders(), None)),
            // Of an optimizer of whole layers, the rows are about a layer with one weight and one bias.
            "optimizers" => sandbox.optimizer(&plugin, &Shape::new(1, &[1])).map(|made| {
                let rule = match &made.rule {
                    UpdateRule::Parameter { weights, .. } => weights,
                    UpdateRule::Layer(rules) => &rules[0],
                };
                (Rc::clone(rule), made.other_sliders(), Some(made))
            }),
            other => panic!("{other}"),
        };
        let (function, sliders, optimizer) = made.unwrap_or_else(|error| panic!("{error}"));
        Self { function, sliders, optimizer }
    }

    fn call(&self, row: &Value) -> Call {
        let mut inputs = numbers(&row["inputs"]);
        if let Some(optimizer) = &self.optimizer {
            // The row ends with the step. The context has the learning rate before it and the norms after it.
            let step = inputs.pop().unwrap();
            let (w, grad) = (inputs[0].abs(), inputs[1].abs());
            inputs.extend([optimizer.learning_rate(), step, grad, grad, w, 0.0, 1.0]);
        }
        inputs.extend(&self.sliders);
        self.function.borrow_mut().call(&inputs).unwrap_or_else(|error| panic!("{row}: {error}"))
    }
}

fn seeds(call: &Call, k: usize) -> Vec<f64> {
    (0..call.trace.outputs().len()).map(|j| if j == k { 1.0 } else { 0.0 }).collect()
}

/// How far each number on the tape may be from its exact value, if each operation is wrong in its last bit.
fn roundings(call: &Call) -> Vec<f64> {
    let mut errors: Vec<f64> = Vec::new();
    for (node, &y) in call.trace.nodes().iter().zip(&call.values) {
        let [a, b, c] = node.operands.map(|id| call.values.get(id.index()).copied().unwrap_or(0.0));
        let passed_on = (0..node.op.arity())
            .map(|operand| (node.op.derivative(operand, a, b, c, y) * errors[node.operands[operand].index()]).abs());
        let own = if node.op.arity() == 0 { 0.0 } else { f64::EPSILON * y.abs() };
        errors.push(passed_on.chain([own]).filter(|error| error.is_finite()).sum());
    }
    errors
}

/// The largest magnitude of the chain rule's sums, and at least 1: a derivative such as 1 − y² cancels.
fn gradient_size(call: &Call) -> f64 {
    let mut grads = Vec::new();
    call.trace.seed(&seeds(call, 0), &mut grads);
    for step in call.trace.chain() {
        let (_, contribution, _) = call.trace.chain_values(step, &call.values, &grads);
        grads[step.into.index()] += contribution.abs();
    }
    let inputs = &grads[..call.trace.inputs()];
    inputs.iter().copied().filter(|x| x.is_finite()).fold(1.0, f64::max)
}

fn agrees(ours: f64, exact: f64, rounding: f64) -> bool {
    if exact.is_infinite() {
        return !ours.is_finite();
    }
    (ours - exact).abs() <= RELATIVE * exact.abs() + ROUNDINGS * rounding + 4.0 * 5e-324
}

#[test]
fn shipped_functions_equal_exact_values_from_zero_to_the_largest_number() {
    let sandbox = common::sandbox(&[]);
    let mut tested: BTreeMap<String, (Tested, usize)> = BTreeMap::new();
    let mut wrong: Vec<String> = Vec::new();
    for line in include_str!("data/edge_values.jsonl").lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let width = row["grads"].as_array().map_or(1, Vec::len);
        let key =
            format!("{}/{} {} {width}", row["kind"].as_str().unwrap(), row["name"].as_str().unwrap(), row["controls"]);
        let (function, count) = tested.entry(key).or_insert_with(|| (Tested::new(&sandbox, &row), 0));
        *count += 1;
        let call = function.call(&row);
        let roundings = roundings(&call);
        for ((k, exact), id) in numbers(&row["values"]).into_iter().enumerate().zip(call.trace.outputs()) {
            if !agrees(call.output(k), exact, roundings[id.index()]) {
                wrong.push(format!("value {k} is {:e}, not {exact:e}: {line}", call.output(k)));
            }
        }
        let exact = numbers(&row["grads"]);
        let mut ours = Vec::new();
        call.trace.backward(&call.values, &seeds(&call, 0), &mut ours);
        let size = f64::EPSILON * gradient_size(&call);
        for (j, exact) in exact.into_iter().enumerate() {
            // Where the value itself is too large for a number, its gradient may be, too.
            let overflows = !call.output(0).is_finite() && !ours[j].is_nan();
            if !overflows && !agrees(ours[j], exact, size) {
                wrong.push(format!("gradient {j} is {:e}, not {exact:e}: {line}", ours[j]));
            }
        }
    }
    for (key, (_, count)) in &tested {
        assert!(*count > 10, "{key}: {count} points");
    }
    for path in common::shipped().files.paths() {
        let Some((kind, name)) = path.strip_suffix(".rhai").and_then(|path| path.split_once('/')) else { continue };
        if ["activations", "losses", "regularizers", "optimizers"].contains(&kind) {
            let prefix = format!("{kind}/{name} ");
            assert!(tested.keys().any(|key| key.starts_with(&prefix)), "no values for {path}");
        }
    }
    println!("{} functions", tested.len());
    assert!(wrong.is_empty(), "{} of the numbers are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
