//! Compares single functions of the library with PyTorch at points that training rarely reaches: exactly on a kink,
//! far out, after many steps. The numbers and the script that creates them are in `tests/reference`.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, reason = "a test")]

mod common;

use serde_json::Value;
use slowgrad_engine::plugin::{PluginInfo, SharedFunction};
use slowgrad_engine::spec::{ParamValue, PluginRef};
use slowgrad_script::Sandbox;
use std::fs;
use std::path::Path;

/// Losses without points: `edges` compares them with many-digit values of the formulas in PyTorch's documentation.
const CALCULATED: [&str; 2] = ["binary_cross_entropy_with_logits", "cross_entropy_with_logits"];

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}

fn plugin(point: &Value) -> PluginRef {
    let value = |value: &Value| match value {
        Value::Bool(on) => ParamValue::Bool(*on),
        Value::String(word) => ParamValue::Text(word.clone()),
        other => ParamValue::Number(other.as_f64().unwrap()),
    };
    let controls = point["controls"].as_object().unwrap();
    PluginRef {
        params: controls.iter().map(|(name, given)| (name.clone(), value(given))).collect(),
        ..PluginRef::named(point["name"].as_str().unwrap())
    }
}

/// The function of a table; `width` is the number of inputs that have a gradient.
fn function(sandbox: &Sandbox, point: &Value, width: usize) -> (PluginInfo, SharedFunction) {
    let plugin = plugin(point);
    match point["kind"].as_str().unwrap() {
        "activations" => sandbox.activation(&plugin, width).map(|made| (made.info, made.function)),
        "losses" => sandbox.loss(&plugin, width).map(|made| (made.info, made.function)),
        "regularizers" => sandbox.regularizer(&plugin).map(|made| (made.info, made.function)),
        "schedules" => sandbox.schedule(&plugin).map(|made| (made.info, made.function)),
        other => panic!("{other}"),
    }
    .unwrap_or_else(|error| panic!("{error}"))
}

/// Compares with a relative tolerance, plus rounding errors of numbers near 1 that cancel.
fn near(ours: &[f64], theirs: &[f64]) -> bool {
    ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(a, b)| (a - b).abs() <= 1e-12 * b.abs() + 1e-15)
}

#[test]
fn values_and_derivatives_equal_pytorch_on_kinks_and_far_out() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/reference/points.json");
    let reference: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let points = reference["points"].as_array().unwrap();
    let sandbox = common::sandbox(&[]);
    for path in common::shipped().files.paths() {
        let Some((kind, name)) = path.strip_suffix(".rhai").and_then(|path| path.split_once('/')) else { continue };
        if ["activations", "losses", "regularizers", "schedules"].contains(&kind) && !CALCULATED.contains(&name) {
            assert!(
                points.iter().any(|point| point["kind"] == *kind && point["name"] == *name),
                "no points for {path}"
            );
        }
    }
    let mut compared = 0;
    for point in points {
        let grads = point.get("grads").and_then(Value::as_array);
        let width = grads.map_or(0, |grads| grads[0].as_array().unwrap().len());
        let (info, function) = function(&sandbox, point, width);
        let rows = point["inputs"].as_array().unwrap().iter().zip(point["values"].as_array().unwrap());
        for (i, (inputs, values)) in rows.enumerate() {
            let inputs = numbers(inputs);
            let what = format!("{} {} at {inputs:?}", point["name"], point["controls"]);
            let call = function.borrow_mut().call(&[inputs, info.sliders()].concat()).unwrap();
            let ours: Vec<f64> = (0..values.as_array().unwrap().len()).map(|k| call.output(k)).collect();
            assert!(near(&ours, &numbers(values)), "{what} is {ours:?}, and {values} in PyTorch");
            if let Some(grads) = grads {
                let mut ours = Vec::new();
                call.trace.backward(&call.values, &numbers(&point["seeds"]), &mut ours);
                ours.truncate(width);
                assert!(near(&ours, &numbers(&grads[i])), "{what}: gradient {ours:?}, and {} in PyTorch", grads[i]);
            }
            compared += 1;
        }
    }
    println!("{compared} points of {} functions", points.len());
    assert!(compared > 1000);
}
