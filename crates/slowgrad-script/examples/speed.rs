#![allow(missing_docs, clippy::all, clippy::pedantic, clippy::print_stdout, clippy::unwrap_used)]
use slowgrad_engine::{model::Model, train};
use slowgrad_script::*;
use std::time::Instant;
fn lesson(layers: &str, act: &str, out: &str, loss: &str, opt: &str, data: &str, batch: usize) -> String {
    format!("fn lesson() {{ #{{ title: \"W\", layers: {layers}, activation: \"{act}\", output: \"{out}\", loss: \"{loss}\", optimizer: \"{opt}\", data: \"{data}\", test_fraction: 0.5, batch: {batch}, seed: 1, params: #{{ lr: 0.01 }} }} }}")
}
fn main() {
    let mut files = Files::new();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts");
    for dir in ["activations", "losses", "optimizers", "initializers", "datasets"] {
        for f in std::fs::read_dir(root.join(dir)).unwrap() {
            let f = f.unwrap().path();
            files.insert(format!("{dir}/{}", f.file_name().unwrap().to_str().unwrap()), std::fs::read(&f).unwrap());
        }
    }
    files.insert("activations/tanh_exp.rhai", *b"fn activation(z) { let e = exp(2.0 * z); (e - 1.0) / (e + 1.0) }");
    files.insert("activations/mish.rhai", *b"fn activation(z) { z * tanh(softplus(z)) }");
    files.insert("w1.rhai", lesson("[2, 4, 2, 1]", "tanh", "tanh", "half_squared_error", "sgd", "circle", 10).into_bytes());
    files.insert("w1e.rhai", lesson("[2, 4, 2, 1]", "tanh_exp", "tanh_exp", "half_squared_error", "sgd", "circle", 10).into_bytes());
    files.insert("w2.rhai", lesson("[2, 8, 8, 8, 1]", "relu", "tanh", "half_squared_error", "momentum", "circle", 32).into_bytes());
    files.insert("w3.rhai", lesson("[784, 128, 64, 10]", "tanh", "softmax", "categorical_cross_entropy", "momentum", "patterns", 64).into_bytes());
    files.insert("mha.rhai", lesson("[2, 8, 8, 8, 1]", "mish", "tanh", "huber", "adam", "circle", 32).into_bytes());
    let sandbox = Sandbox::new(Library { roots: vec![Root { name: "x".into(), files }] }, Limits::default());
    let only: Vec<String> = std::env::args().skip(1).collect();
    for (name, steps) in [("w1", 200_000u64), ("w1e", 200_000), ("w2", 50_000), ("mha", 20_000), ("w3", 300)] {
        if !only.is_empty() && !only.iter().any(|o| o == name) { continue; }
        let lesson = sandbox.open(&format!("{name}.rhai")).unwrap();
        let mut model = Model::new(lesson.parameters.clone(), &lesson.setup.optimizer);
        let mut work = train::Workspace::default();
        for s in 1..50 { train::step(&lesson.setup, &mut model, s, &mut work).unwrap(); }
        let steps = if only.is_empty() { steps } else { std::env::var("STEPS").ok().and_then(|s| s.parse().ok()).unwrap_or(steps) };
        let mut best = f64::MAX;
        for _ in 0..5 {
            let t = Instant::now();
            for s in 0..steps / 5 { train::step(&lesson.setup, &mut model, 50 + s, &mut work).unwrap(); }
            best = best.min(t.elapsed().as_secs_f64() / (steps / 5) as f64);
        }
        println!("{name}: {:.3} us/step, {:.2} M samples/s, sum {:?}", best * 1e6, lesson.setup.batch as f64 / best / 1e6, model.values.iter().sum::<f64>());
    }
}
