//! Compares training with PyTorch in float64: each shipped activation, loss, regularizer, optimizer and schedule, and
//! some scripts that are not shipped, from the same initial weights on the same data. See `reference/README.md`.

mod common;

use serde_json::{Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Optimizers without a counterpart in PyTorch's core. `tests/layer_optimizers.rs` of the script crate compares it with its
/// published formula.
const NOT_IN_PYTORCH: [&str; 1] = ["optimizers/lars.rhai"];

/// A JSON value as a Rhai literal.
fn rhai(value: &Value) -> String {
    match value {
        Value::Number(number) => {
            let x = number.as_f64().expect("a number");
            let text = format!("{x:?}");
            // Rhai needs a decimal point before an exponent.
            if text.contains('e') && !text.contains('.') { text.replacen('e', ".0e", 1) } else { text }
        }
        Value::Array(items) => format!("[{}]", items.iter().map(rhai).collect::<Vec<_>>().join(", ")),
        Value::Object(fields) => {
            let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}: {}", rhai(value))).collect();
            format!("#{{ {} }}", fields.join(", "))
        }
        Value::String(text) => format!("{text:?}"),
        Value::Bool(truth) => truth.to_string(),
        Value::Null => "()".into(),
    }
}

fn lesson(case: &Value) -> String {
    let mut text = String::from("fn lesson() {\n    #{\n");
    let batch = case["batch"].as_u64().expect("a batch");
    let layers: Vec<String> = case["layers"]
        .as_array()
        .expect("layers")
        .iter()
        .map(|size| size.as_u64().expect("a size").to_string())
        .collect();
    writeln!(text, "        title: {:?},", case["name"].as_str().expect("a name")).expect("text");
    writeln!(text, "        layers: [{}], batch: {batch},", layers.join(", ")).expect("text");
    for field in ["activation", "output", "loss", "regularizer", "optimizer", "schedule", "params"] {
        if let Some(value) = case.get(field) {
            writeln!(text, "        {field}: {},", rhai(value)).expect("text");
        }
    }
    writeln!(text, "        data: {},", rhai(&case["data"])).expect("text");
    text.push_str("    }\n}\nfn perform(stage) { }\n");
    text
}

/// The same training with a loss of logits instead of probabilities, if the case has probabilities. The case with a
/// saturated sigmoid is left out: its probabilities are 0 and 1.
fn from_logits(case: &Value) -> Option<Value> {
    let loss = match (case["output"].as_str()?, case["loss"].as_str()?) {
        ("sigmoid", "binary_cross_entropy") => "binary_cross_entropy_with_logits",
        ("softmax", "categorical_cross_entropy") => "cross_entropy_with_logits",
        _ => return None,
    };
    let name = case["name"].as_str().filter(|name| !name.contains("saturated"))?;
    let mut case = case.clone();
    case["name"] = json!(format!("{name}_from_logits"));
    (case["output"], case["loss"]) = (json!("identity"), json!(loss));
    Some(case)
}

fn numbers(layers: &Value) -> Vec<f64> {
    let flat = |value: &Value| -> Vec<f64> {
        let items = value.as_array().expect("numbers").iter();
        items
            .flat_map(|item| item.as_array().map_or_else(|| vec![item.clone()], Clone::clone))
            .map(|x| x.as_f64().expect("a number"))
            .collect()
    };
    let layers = layers.as_array().expect("layers").iter();
    layers.flat_map(|layer| [flat(&layer["weight"]), flat(&layer["bias"])].concat()).collect()
}

fn relative(a: f64, b: f64) -> f64 {
    (a - b).abs() / b.abs().max(1e-300)
}

/// Trains a case with `slowgrad train`. Returns the final parameters and the loss of each step.
fn train(folder: &Path, case: &Value) -> (Vec<f64>, Vec<f64>) {
    fs::write(folder.join("lesson.rhai"), lesson(case)).expect("write the lesson");
    if let Some(scripts) = case["scripts"].as_object() {
        for (path, source) in scripts {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("create the folder");
            fs::write(path, source.as_str().expect("a source")).expect("write the script");
        }
    }
    let weights = json!({ "format": "slowgrad-weights-1", "layers": case["initial"] });
    fs::write(folder.join("in.json"), weights.to_string()).expect("write the weights");
    let steps = case["steps"].as_u64().expect("steps").to_string();
    let (code, _, problems) = common::run(
        common::slowgrad()
            .current_dir(folder)
            .args(["train", "lesson.rhai", "--steps", &steps, "--weights-in", "in.json"])
            .args(["--weights-out", "out.json", "--metrics", "metrics.jsonl"]),
    );
    assert_eq!(code, 0, "{}:\n{problems}", case["name"]);
    let out: Value = serde_json::from_slice(&fs::read(folder.join("out.json")).expect("weights")).expect("JSON");
    let metrics = fs::read_to_string(folder.join("metrics.jsonl")).expect("metrics");
    let loss = |line: &str| serde_json::from_str::<Value>(line).expect("JSON")["loss"].as_f64().expect("a loss");
    (numbers(&out["layers"]), metrics.lines().map(loss).collect())
}

#[test]
fn two_hundred_steps_equal_pytorch() {
    let file = fs::read(common::root().join("tests/reference/torch.json")).expect("the reference numbers");
    let reference: Value = serde_json::from_slice(&file).expect("JSON");
    let loss_steps: Vec<usize> = reference["loss_steps"]
        .as_array()
        .expect("steps")
        .iter()
        .map(|n| n.as_u64().expect("a step") as usize)
        .collect();
    let cases = reference["cases"].as_array().expect("cases");
    let cases: Vec<Value> = cases.iter().cloned().chain(cases.iter().filter_map(from_logits)).collect();
    // Each shipped plugin has a case that does not shadow it with a script of the case.
    let kinds: [(&str, &[&str]); 5] = [
        ("activations", &["activation", "output"]),
        ("losses", &["loss"]),
        ("regularizers", &["regularizer"]),
        ("optimizers", &["optimizer"]),
        ("schedules", &["schedule"]),
    ];
    for (kind, fields) in kinds {
        for entry in fs::read_dir(common::root().join("scripts").join(kind)).expect("scripts") {
            let path = entry.expect("an entry").path();
            let name = path.file_stem().and_then(|name| name.to_str()).expect("a name");
            let own = format!("{kind}/{name}.rhai");
            let uses = |case: &Value| {
                let names = |field: &&str| case[field] == *name || case[field]["name"] == *name;
                case["scripts"].get(&own).is_none() && fields.iter().any(names)
            };
            let in_pytorch = !NOT_IN_PYTORCH.contains(&own.as_str());
            assert_eq!(cases.iter().any(uses), in_pytorch, "a case for {kind}/{name}");
        }
    }
    let mut worst = (0.0, String::new());
    for case in &cases {
        let folder = tempfile::tempdir().expect("temporary folder");
        let (found, losses) = train(folder.path(), case);
        let expected = numbers(&case["final"]);
        assert_eq!(found.len(), expected.len());
        for (i, (ours, theirs)) in found.iter().zip(&expected).enumerate() {
            let error = relative(*ours, *theirs);
            assert!(error < 1e-10, "{}: parameter {i} is {ours}, and {theirs} in PyTorch", case["name"]);
            if error > worst.0 {
                worst = (error, case["name"].to_string());
            }
        }
        for (step, theirs) in loss_steps.iter().zip(case["losses"].as_array().expect("losses")) {
            let (ours, theirs) = (losses[step - 1], theirs.as_f64().expect("a loss"));
            assert!(
                relative(ours, theirs) < 1e-9 || (ours - theirs).abs() < 1e-14,
                "{}: loss of step {step}",
                case["name"]
            );
        }
    }
    println!("{} cases; the worst parameter is {:e} off, in {}", cases.len(), worst.0, worst.1);
}
