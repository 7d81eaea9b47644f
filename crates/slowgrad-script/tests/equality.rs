//! The recorded step and the step at full speed give the same bits for random scripts: activations, losses and
//! optimizers with branches, loops, helpers and state, in random networks.

use proptest::prelude::*;
use slowgrad_engine::model::Model;
use slowgrad_engine::record::record;
use slowgrad_engine::run::Run;
use slowgrad_engine::train::{self, Workspace};
use slowgrad_script::{Files, Library, Limits, Root, Sandbox};
use std::rc::Rc;

/// A random expression over some names; every function keeps numbers in a moderate range.
fn expression(names: &'static [&'static str]) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => prop::sample::select(names).prop_map(str::to_owned),
        1 => (-20..20_i32).prop_map(|n| format!("{:.2}", f64::from(n) / 8.0)),
        1 => (-3..4_i32).prop_map(|n| n.to_string()),
    ];
    leaf.prop_recursive(4, 16, 2, |inner| {
        prop_oneof![
            (inner.clone(), prop::sample::select(&["+", "-", "*"][..]), inner.clone())
                .prop_map(|(a, op, b)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} / (1.5 + ({b}) ** 2))")),
            (prop::sample::select(&["tanh", "sigmoid", "sin", "softplus", "abs", "cos", "atan"][..]), inner.clone())
                .prop_map(|(f, a)| format!("{f}(0.5 * ({a}))")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("max({a}, {b})")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("(if ({a}) > 0.25 {{ {b} }} else {{ {c} }})")),
            // Takes out a plain number, so the script must run each time.
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(if value({a}) > 0.1 {{ {b} }} else {{ 0.5 }})")),
            inner.clone().prop_map(|a| format!("(-({a}))")),
            inner.prop_map(|a| format!("helper({a})")),
        ]
    })
}

const HELPER: &str = "fn helper(x) { let s = 0.0; for i in 0..3 { s += tanh(x * i); } s }\n";

#[derive(Debug, Clone)]
struct Case {
    activation: String,
    loss: String,
    update: String,
    /// A penalty and a rate, each in half of the cases.
    penalty: Option<String>,
    rate: Option<String>,
    layers: Vec<usize>,
    samples: usize,
    batch: usize,
    seed: u64,
}

fn cases() -> impl Strategy<Value = Case> {
    (
        expression(&["z"]),
        expression(&["d", "output[i]"]),
        expression(&["grad", "state.memory", "w", "ctx.lr", "ctx.grad_norm"]),
        prop::option::of(expression(&["w", "p.strength"])),
        prop::option::of(expression(&["step", "ctx.epoch", "ctx.steps_per_epoch", "ctx.strength"])),
        prop::collection::vec(1_usize..6, 2..5),
        1_usize..7,
        1_usize..8,
        any::<u64>(),
    )
        .prop_map(|(activation, loss, update, penalty, rate, layers, samples, batch, seed)| Case {
            activation,
            loss,
            update,
            penalty,
            rate,
            layers,
            samples,
            batch,
            seed: seed % 1_000,
        })
}

impl Case {
    fn lesson(&self) -> String {
        let number = |k: usize| format!("{:.3}", ((k as f64) * 0.7389 + 0.31).fract() * 2.0 - 1.0);
        let vector = |n: usize, from: usize| (0..n).map(|k| number(from + k)).collect::<Vec<_>>().join(", ");
        let (inputs, outputs) = (self.layers[0], self.layers[self.layers.len() - 1]);
        let samples: Vec<String> = (0..self.samples)
            .map(|s| format!("#{{ input: [{}], target: [{}] }}", vector(inputs, 17 * s), vector(outputs, 31 * s + 5)))
            .collect();
        let penalty = self.penalty.as_ref().map(|penalty| format!("fn penalty(w, p) {{ 0.01 * ({penalty}) }}"));
        let rate = self.rate.as_ref().map(|rate| format!("fn rate(step, ctx) {{ 1.0 + 0.5 * tanh({rate}) }}"));
        let params = if penalty.is_some() || rate.is_some() {
            "fn params() { #{ strength: slider(0.3, 0.0, 1.0) } }"
        } else {
            ""
        };
        format!(
            "fn lesson() {{ #{{ title: \"random\", layers: {:?}, batch: {}, seed: {}, shuffle: {},
                data: [{}] }} }}
             fn perform(stage) {{ }}
             fn activation(z) {{ {} }}
             fn loss(output, target) {{
                 let total = 0.0;
                 for i in 0..output.len() {{ let d = output[i] - target[i]; total += d * d + 0.1 * {}; }}
                 total
             }}
             fn state() {{ #{{ memory: 0.25 }} }}
             fn update(w, grad, state, ctx) {{
                 state.memory = 0.5 * state.memory + tanh({});
                 if ctx.is_bias {{ return w - ctx.lr * grad; }}
                 w - ctx.lr * (tanh(grad) + 0.1 * state.memory)
             }}
             {} {} {params}
             {HELPER}",
            self.layers,
            self.batch,
            self.seed,
            self.seed.is_multiple_of(2),
            samples.join(", "),
            self.activation,
            self.loss,
            self.update,
            penalty.unwrap_or_default(),
            rate.unwrap_or_default(),
        )
    }
}

/// The default plugins of lessons, without the shipped library.
fn library(lesson: &str) -> Library {
    let files: Files = [
        ("lesson.rhai", lesson),
        ("initializers/xavier_uniform.rhai", "fn init(ctx) { ctx.rng.uniform(-0.9, 0.9) }"),
        ("activations/identity.rhai", "fn activation(z) { z }"),
        ("activations/tanh.rhai", "fn activation(z) { tanh(z) }"),
        ("losses/mse.rhai", "fn loss(output, target) { (output[0] - target[0]) ** 2 }"),
        ("optimizers/sgd.rhai", "fn update(w, grad, state, ctx) { w - ctx.lr * grad }"),
    ]
    .into_iter()
    .map(|(path, text)| (path, text.as_bytes().to_vec()))
    .collect();
    Library { roots: vec![Root { name: "test".into(), files }] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn scripted_steps_have_the_same_bits_recorded_and_at_full_speed(case in cases()) {
        let text = case.lesson();
        let sandbox = Sandbox::new(library(&text), Limits::default());
        let lesson = sandbox.open("lesson.rhai").map_err(|errors| {
            TestCaseError::fail(format!("{}\n{text}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")))
        })?;
        let mut fast = Model::new(lesson.parameters.clone(), &lesson.setup.optimizer);
        let mut slow = fast.clone();
        let mut work = Workspace::default();
        let setup = Rc::new(lesson.setup.clone());
        for step in 1..=5 {
            let objective = train::step(&setup, &mut fast, step, &mut work).expect("the script runs");
            let recorded = record(&lesson.setup, &slow, step).expect("the script runs");
            let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
            prop_assert!(same(objective.loss, recorded.loss));
            prop_assert_eq!(objective.penalty.is_some(), case.penalty.is_some());
            let penalty = recorded.penalty.map_or(0.0, |penalty| penalty.sum);
            prop_assert!(same(objective.penalty.unwrap_or(0.0), penalty));
            slow = recorded.after;
            let finite = fast.values.iter().all(|x| x.is_finite());
            prop_assert!(fast.same_bits(&slow) || !finite, "step {step}\n{text}");
            if !finite {
                break;
            }
        }
        // Earlier steps are restored bit for bit.
        let mut run = Run::new(lesson.setup.clone(), lesson.parameters.clone());
        run.seek(3).expect("the script runs");
        let third = run.model().clone();
        run.seek(20).expect("the script runs");
        run.seek(3).expect("the script runs");
        prop_assert!(run.model().same_bits(&third) || third.values.iter().any(|x| x.is_nan()));
    }
}
