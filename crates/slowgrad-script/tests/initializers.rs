//! Compares the distributions of the shipped initializers with theory: mean, variance, range and shape over many
//! draws. Each tolerance is five standard errors of its estimate, so a correct initializer would fail with one in
//! about two million seeds. The seeds are fixed.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::{ParamValue, PluginRef};

const ERRORS: f64 = 5.0;
const INPUTS: usize = 60;
const NEURONS: usize = 40;

/// The weights and biases of a layer of [`NEURONS`] neurons with [`INPUTS`] inputs, which is followed by another layer.
fn drawn(plugin: &PluginRef, seed: u64) -> (Vec<f64>, Vec<f64>) {
    let shape = Shape::new(INPUTS, &[NEURONS, 3]);
    let all = common::sandbox(&[]).initializer(plugin, &shape, seed).unwrap();
    let biases = (0..2).flat_map(|layer| all[shape.biases(layer)].to_vec()).collect();
    (all[shape.weights(0)].to_vec(), biases)
}

/// Checks mean, variance and the fraction within one standard deviation of 0, each with its standard error.
fn agrees(name: &str, weights: &[f64], variance: f64, kurtosis: f64, within: f64) {
    let n = weights.len() as f64;
    let close = |what: &str, found: f64, expected: f64, error: f64| {
        assert!((found - expected).abs() < ERRORS * error, "{name}: {what} is {found}, and {expected} in theory");
    };
    close("the mean", weights.iter().sum::<f64>() / n, 0.0, (variance / n).sqrt());
    let squares = weights.iter().map(|w| w * w).sum::<f64>() / n;
    close("the variance", squares, variance, variance * ((kurtosis - 1.0) / n).sqrt());
    let inner = weights.iter().filter(|w| w.abs() < variance.sqrt()).count() as f64 / n;
    close("the share within a deviation", inner, within, (within * (1.0 - within) / n).sqrt());
}

#[test]
fn normal_initializers_have_the_theoretical_variance() {
    let (inputs, outputs) = (INPUTS as f64, NEURONS as f64);
    let theory =
        [("xavier_normal", 2.0 / (inputs + outputs)), ("he_normal", 2.0 / inputs), ("lecun_normal", 1.0 / inputs)];
    for (name, variance) in theory {
        let (weights, biases) = drawn(&PluginRef::named(name), 5);
        assert_eq!(weights.len(), INPUTS * NEURONS);
        agrees(name, &weights, variance, 3.0, 0.682_689_492_137_086);
        assert!(biases.iter().all(|bias| *bias == 0.0), "{name}");
    }
}

#[test]
fn uniform_initializers_fill_the_theoretical_range() {
    let (inputs, outputs) = (INPUTS as f64, NEURONS as f64);
    let theory =
        [("xavier_uniform", 6.0 / (inputs + outputs)), ("he_uniform", 6.0 / inputs), ("lecun_uniform", 3.0 / inputs)];
    for (name, square) in theory {
        let (weights, biases) = drawn(&PluginRef::named(name), 5);
        agrees(name, &weights, square / 3.0, 1.8, 1.0 / 3.0_f64.sqrt());
        let (r, n) = (f64::sqrt(square), weights.len() as f64);
        let most = weights.iter().fold(0.0_f64, |most, w| most.max(w.abs()));
        // The largest of n uniform numbers misses r by r / n on average, and by 15 r / n with probability e⁻¹⁵.
        assert!(most <= r && most > r * (1.0 - 15.0 / n), "{name}: {most} of {r}");
        assert!(biases.iter().all(|bias| *bias == 0.0), "{name}");
    }
}

#[test]
fn another_seed_draws_other_weights() {
    for name in ["xavier_normal", "he_uniform", "lecun_normal", "lecun_uniform", "orthogonal"] {
        let (sandbox, shape) = (common::sandbox(&[]), Shape::new(5, &[4, 3]));
        let weights = |seed| {
            let all = sandbox.initializer(&PluginRef::named(name), &shape, seed).unwrap();
            [&all[shape.weights(0)], &all[shape.weights(1)]].concat()
        };
        assert_eq!(weights(1), weights(1), "{name}");
        assert!(weights(1).iter().zip(weights(2)).all(|(a, b)| a.to_bits() != b.to_bits()), "{name}");
    }
}

#[test]
fn constant_initializers_draw_nothing() {
    let (weights, biases) = drawn(&PluginRef::named("zeros"), 1);
    assert!(weights.iter().chain(&biases).all(|x| *x == 0.0));
    let number = |name: &str, x| (name.to_owned(), ParamValue::Number(x));
    let constant =
        PluginRef { params: [number("value", -0.75), number("bias", 0.125)].into(), ..PluginRef::named("constant") };
    let (weights, biases) = drawn(&constant, 1);
    assert!(weights.iter().all(|w| *w == -0.75) && biases.iter().all(|b| *b == 0.125));
}

#[test]
fn orthogonal_rows_or_columns_are_orthonormal() {
    let gain = 1.5;
    let params = [("gain".to_owned(), ParamValue::Number(gain))].into();
    let plugin = PluginRef { params, ..PluginRef::named("orthogonal") };
    let sandbox = common::sandbox(&[]);
    // Wide, square and tall layers.
    let shape = Shape::new(9, &[4, 4, 11, 1]);
    let all = sandbox.initializer(&plugin, &shape, 3).unwrap();
    for (layer, (inputs, neurons)) in [(9, 4), (4, 4), (4, 11), (11, 1)].into_iter().enumerate() {
        let weights = &all[shape.weights(layer)];
        assert_eq!(weights.len(), inputs * neurons);
        let vectors: Vec<Vec<f64>> = if neurons <= inputs {
            weights.chunks(inputs).map(<[f64]>::to_vec).collect()
        } else {
            (0..inputs).map(|i| weights.iter().skip(i).step_by(inputs).copied().collect()).collect()
        };
        for (i, a) in vectors.iter().enumerate() {
            for (j, b) in vectors.iter().enumerate() {
                let product: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
                let expected = if i == j { gain * gain } else { 0.0 };
                assert!((product - expected).abs() < 1e-12, "layer {layer}: rows {i} and {j} give {product}");
            }
        }
        assert!(all[shape.biases(layer)].iter().all(|bias| *bias == 0.0));
    }
}

/// `exit` ends the function that draws one number, not the loop that draws all of them.
#[test]
fn exit_may_return_a_number() {
    for text in ["fn init(ctx) { exit(ctx.fan_in) }", "fn init(ctx) { [ctx.fan_in].for_each(|| exit(this)); 0 }"] {
        let sandbox = common::sandbox(&[("initializers/left.rhai", text)]);
        let drawn = sandbox.initializer(&PluginRef::named("left"), &Shape::new(3, &[2]), 1).unwrap();
        assert_eq!(drawn, [3.0; 8], "{text}");
    }
}
