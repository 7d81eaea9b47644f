//! Published worked examples, each as a lesson alone: the numbers are those that the authors printed.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Parameter;

fn run(lesson: &str) -> Run {
    let sandbox = common::sandbox(&[("mine.rhai", lesson)]);
    let lesson = sandbox.open("mine.rhai").unwrap();
    assert!(lesson.warnings.is_empty(), "{:#?}", lesson.warnings);
    Run::new(lesson.setup, lesson.parameters)
}

/// Checks a number against a printed one, to one unit of its last digit.
fn assert_printed(found: f64, printed: &str) {
    let digits = printed.split_once('.').map_or(0, |(_, digits)| digits.len());
    let unit: f64 = format!("1e-{digits}").parse().unwrap();
    let expected: f64 = printed.parse().unwrap();
    assert!((found - expected).abs() <= unit, "{found} is not {printed}");
}

fn weight(run: &Run, layer: usize, neuron: usize, input: usize) -> f64 {
    run.model().values[run.setup().shape.index(Parameter { layer, neuron, input: Some(input) })]
}

/// The network of Mazur, "A Step by Step Backpropagation Example" (2015), with a replacement for its layers.
fn mazur(layers: &str, more: &str) -> String {
    format!(
        "fn lesson() {{ #{{ title: \"Two by two\", layers: {layers}, activation: \"sigmoid\", output: \"sigmoid\",
            loss: \"half_squared_error\", optimizer: \"sgd\", params: #{{ lr: 0.5 }}, {more}
            data: [#{{ input: [0.05, 0.10], target: [0.01, 0.99] }}],
            weights: [ #{{ weight: [[0.15, 0.20], [0.25, 0.30]], bias: [0.35, 0.35] }},
                       #{{ weight: [[0.40, 0.45], [0.50, 0.55]], bias: [0.60, 0.60] }} ] }} }}"
    )
}

/// The article's w₅ to w₈ after one step.
const OUTPUT_WEIGHTS: [&str; 4] = ["0.35891648", "0.408666186", "0.511301270", "0.561370121"];

fn assert_weights(run: &Run, layer: usize, printed: [&str; 4]) {
    for (nth, printed) in printed.into_iter().enumerate() {
        assert_printed(weight(run, layer, nth / 2, nth % 2), printed);
    }
}

/// The shipped lesson, and the same lesson with maps for its layers.
#[test]
fn a_step_of_mazurs_network_with_held_biases() {
    let shipped =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/lessons/one-step-by-hand.rhai"));
    let maps = r#"[2, #{ size: 2, frozen: "biases" }, #{ size: 2, frozen: "biases" }]"#;
    for lesson in [shipped.unwrap(), mazur(maps, "")] {
        let mut run = run(&lesson);
        let start = run.model().values.clone();
        let recorded = run.record().unwrap();
        let layers = &recorded.samples[0].layers;
        assert_printed(layers[0].z[0], "0.3775");
        assert_printed(layers[0].a[0], "0.593269992");
        assert_printed(layers[1].a[0], "0.75136507");
        assert_printed(layers[1].a[1], "0.772928465");
        assert_printed(recorded.loss, "0.298371109");
        let w5 = recorded.shape.index(Parameter { layer: 1, neuron: 0, input: Some(0) });
        assert_printed(recorded.grads[w5], "0.082167041");
        run.seek(1).unwrap();
        assert_weights(&run, 1, OUTPUT_WEIGHTS);
        assert_weights(&run, 0, ["0.149780716", "0.19956143", "0.24975114", "0.29950229"]);
        // The article prints 0.291027924, from weights that it rounded.
        assert_printed(run.record().unwrap().loss, "0.291028");
        // The loss that step 10,000 computes, before its update.
        run.seek(9_999).unwrap();
        assert_printed(run.record().unwrap().loss, "0.0000351085");
        for layer in 0..2 {
            for bias in run.setup().shape.biases(layer) {
                assert_eq!(run.model().values[bias].to_bits(), start[bias].to_bits(), "a held bias");
            }
        }
    }
}

#[test]
fn a_frozen_layer_stays_and_the_other_one_trains() {
    let mut run = run(&mazur("[2, #{ size: 2, frozen: true }, 2]", ""));
    let start = run.model().values.clone();
    run.seek(1).unwrap();
    let shape = run.setup().shape.clone();
    assert_eq!(run.model().values[shape.layer(0)], start[shape.layer(0)]);
    assert_weights(&run, 1, OUTPUT_WEIGHTS);
    assert!(shape.biases(1).all(|bias| run.model().values[bias] != start[bias]), "its biases train as well");
}

/// A 2-2-1 network without biases, as exercises of textbooks have it.
#[test]
fn a_network_without_biases() {
    let prime = |weights: &str| {
        format!(
            "fn lesson() {{ #{{ title: \"No bias\", layers: [2, 2, 1], bias: false, activation: \"sigmoid\", output: \"sigmoid\",
                loss: \"half_squared_error\", optimizer: \"sgd\", params: #{{ lr: 1.0 }},
                data: [#{{ input: [0.35, 0.7], target: [1] }}], weights: {weights} }} }}"
        )
    };
    let run = run(&prime("[ #{ weight: [[0.2, 0.2], [0.3, 0.3]] }, #{ weight: [[0.3, 0.9]] } ]"));
    assert_eq!(run.model().values, [0.2, 0.2, 0.3, 0.3, 0.3, 0.9]);
    let recorded = run.record().unwrap();
    assert_printed(recorded.samples[0].layers[1].a[0], "0.6651");
    assert_printed(recorded.loss, "0.0561");
}

/// ∂L/∂x of Mazur's network, by the article's δ: W₁ᵀ·δ of the hidden neurons.
#[test]
fn gradients_of_the_inputs_follow_from_the_hidden_deltas() {
    let recorded = run(&mazur("[2, 2, 2]", "input_gradients: true,")).record().unwrap();
    let sample = &recorded.samples[0];
    let delta = &sample.layers[0].delta;
    let gradient = sample.grad_input.as_ref().unwrap();
    for (input, w) in [[0.15, 0.25], [0.20, 0.30]].into_iter().enumerate() {
        let expected = w[0] * delta[0] + w[1] * delta[1];
        assert!((gradient[input] - expected).abs() < 1e-15 && expected != 0.0);
    }
}
