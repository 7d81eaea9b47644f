//! The gradient check: it accepts correct functions, finds wrong gradients, and reports results that are not finite.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;
use proptest::prelude::*;
use slowgrad_script::{CheckReport, Diagnostic, Measurement};

fn examine(text: &str) -> CheckReport {
    common::sandbox(&[("t.rhai", text)]).examine("t.rhai")
}

fn activation(body: &str) -> CheckReport {
    examine(&format!("fn activation(z) {{ {body} }}"))
}

fn codes(checked: &CheckReport) -> Vec<&'static str> {
    checked.diagnostics.iter().map(|found| found.code).collect()
}

fn find<'c>(checked: &'c CheckReport, code: &str) -> &'c Diagnostic {
    let found = checked.diagnostics.iter().find(|found| found.code == code);
    found.unwrap_or_else(|| panic!("no {code} in {checked:#?}"))
}

#[track_caller]
fn fine(body: &str) -> (usize, usize) {
    let checked = activation(body);
    assert!(checked.diagnostics.is_empty(), "{body}: {:#?}", checked.diagnostics);
    let Measurement::Gradient { points, kinks, agrees, ref worst } = checked.reports[0].measurement else {
        panic!("{checked:?}")
    };
    assert!(agrees && worst.as_ref().unwrap().error < 1e-4, "{body}: {worst:?}");
    (points, kinks)
}

#[test]
fn correct_functions_pass_in_any_notation() {
    for body in [
        "tanh(z)",
        "sigmoid(z) * z",
        "z ** 3 - 2 * z",
        "z * 0.0 + 1.0",
        "1e-9 * z",
        "1e9 * z",
        "tanh(1000.0 * z)",
        "sigmoid(300.0 * z) * 50.0",
        "sin(40.0 * z)",
        "erf(z / sqrt(2.0)) * z / 2.0 + z / 2.0",
        "(z + 1e7) - 1e7",
        "softplus(z) * tanh(softplus(z))",
        "z / (1.0 + abs(z))",
        "atan(z)",
        "cbrt(z * z + 1.0)",
        "atan2(z, 2.0)",
        "z * clamp(z + 3.0, 0.0, 6.0) / 6.0",
        "stop_gradient(z) * z",
        "exp(-z * z)",
        "ln(1.0 + z * z)",
        "z % 3.0",
        "let a = [z, 2.0 * z, -z]; a.log_sum_exp()",
        "floor(z)",
        "floor(z) + ceil(z)",
        "round(z) + z",
        "sign(z) * z",
        "let y = z; for i in 0..5 { y = sin(y) + 0.1 * y; } y",
    ] {
        let (points, _) = fine(body);
        assert!(points > 40, "{body}: {points}");
    }
}

#[test]
fn both_sides_of_kinks_are_tested() {
    for (body, least) in [
        ("if z > 0.0 { z } else { 0.1 * z }", 1),
        ("abs(z)", 1),
        ("max(0.0, z) + min(z, 2.0)", 2),
        ("clamp(z, -1.0, 1.0)", 2),
        ("if z > 1.5 { 2.0 * z } else if z < -1.5 { z * z } else { 0.0 * z }", 2),
        ("switch z > 0.25 { true => z * z, _ => sin(z) }", 1),
    ] {
        let (_, kinks) = fine(body);
        assert!(kinks >= least, "{body}: {kinks} kinks");
    }
}

#[test]
fn a_wrong_gradient_is_found_with_its_worst_point() {
    for body in [
        "value(z) * z",
        "value(z)",
        "sin(value(z)) + z",
        "z + 0.0001 * value(z)",
        "if z > 2.0 { value(z) } else { z }",
        "round(z * 1000.0) / 1000.0",
        "floor(z * 1e6) / 1e6 + sin(z)",
    ] {
        let checked = activation(body);
        let found = find(&checked, "gradient-mismatch");
        assert!(
            found.message.contains("at z = ") && found.message.contains("finite differences give"),
            "{body}: {}",
            found.message
        );
        assert!(found.help.is_some() && found.location.is_some());
        let Measurement::Gradient { agrees, ref worst, .. } = checked.reports[0].measurement else {
            panic!("{checked:?}")
        };
        assert!(!agrees && worst.as_ref().unwrap().error > 1e-5, "{body}: {worst:?}");
        assert!(checked.reports[0].to_string().starts_with("gradient does not agree"), "{}", checked.reports[0]);
    }
    // An error of 1e-4 relative to a steep gradient and to a flat one.
    for scale in ["1e6", "1e-6"] {
        let checked = activation(&format!("{scale} * (z + 0.0002 * value(z))"));
        find(&checked, "gradient-mismatch");
    }
    let loss = "fn loss(output, target) { let s = 0.0; for i in 0..output.len() { s += value(output[i]) * (output[i] - target[i]); } s }";
    let checked = examine(loss);
    assert!(find(&checked, "gradient-mismatch").message.contains("output[0] = "));
    let layer = examine("fn activation_layer(z) { let first = value(z[0]); z.map(|x| x * first) }");
    find(&layer, "gradient-mismatch");
}

#[test]
fn the_textbook_derivative_is_compared_as_well() {
    let with = |body: &str, derivative: &str| {
        examine(&format!("fn activation(z) {{ {body} }} fn derivative(z, a) {{ {derivative} }}"))
    };
    for (body, derivative) in [
        ("tanh(z)", "1.0 - a * a"),
        ("sigmoid(z)", "exp(-z) / (1.0 + exp(-z)) ** 2"),
        ("if z > 0.0 { z } else { 0.0 }", "if z >= 0.0 { 1.0 } else { 0.0 }"),
        ("abs(z)", "if z > 0.0 { 1.0 } else { -1.0 }"),
        ("0.000001 * z * z", "0.000002 * z"),
    ] {
        let checked = with(body, derivative);
        assert!(checked.diagnostics.is_empty(), "{body}: {checked:#?}");
    }
    for (body, derivative) in [
        ("tanh(z)", "1.0001 - a * a"),
        ("0.000001 * z * z", "0.0000020002 * z"),
        ("z", "0.0 / 0.0"),
        ("if z > 3.5 { 2.0 * z } else { z }", "1.0"),
    ] {
        find(&with(body, derivative), "derivative-mismatch");
    }
}

#[test]
fn results_that_are_not_finite_are_reported_with_input_and_location() {
    let of = |text: &str, code: &str, place: &str, input: &str| {
        let checked = examine(text);
        let found = find(&checked, code);
        let location = found.location.as_ref().unwrap();
        assert_eq!(location.span.text(&location.source), place, "{text}");
        assert!(found.message.contains(input) && found.help.is_some(), "{text}: {found:#?}");
    };
    of("fn activation(z) { 2.0 + ln(z) }", "not-finite", "ln(z)", "z = ");
    of("fn activation(z) { 1.0 / z }", "not-finite", "1.0 / z", "z = 0");
    of("fn activation(z) { sqrt(z) }", "not-finite", "sqrt(z)", "z = -");
    of("fn activation(z) { z ** 0.5 }", "not-finite", "z ** 0.5", "z = -");
    of("fn activation(z) { asin(z) }", "not-finite", "asin(z)", "z = ");
    of("fn activation(z) { exp(z) }", "not-finite", "exp(z)", "z = 1000");
    of("fn activation(z) { 1.0 / (1.0 + exp(-z)) }", "gradient-not-finite", "exp(-z)", "z = -1000");
    of("fn activation(z) { sqrt(z * z) }", "gradient-not-finite", "sqrt(z * z)", "z = 0");
    let entropy =
        "fn loss(output, target) { let s = 0.0; for i in 0..output.len() { s -= target[i] * ln(output[i]); } s }";
    of(entropy, "not-finite", "ln(output[i])", "output[0] = 0");
    let root = "fn loss(output, target) { sqrt(output.zip(target, |o, t| (o - t) ** 2).sum()) }";
    of(root, "gradient-not-finite", "sqrt(output.zip(target, |o, t| (o - t) ** 2).sum())", "output[0] = ");
    of(
        "fn update(w, grad, state, ctx) { w - ctx.lr * grad / abs(grad) }",
        "not-finite",
        "ctx.lr * grad / abs(grad)",
        "grad = 0",
    );
}

#[test]
fn a_loss_is_tested_only_in_its_domain() {
    for text in [
        // For probabilities: negative outputs must not be tested.
        "fn loss(output, target) { let s = 0.0; for i in 0..output.len() { s -= target[i] * ln(max(output[i], 1e-12)); } s }",
        "fn loss(output, target) { let s = 0.0; for i in 0..output.len() { s += sqrt(output[i] + 1e-9) - target[i] * ln(output[i] + 1e-9); } s }",
        // For labels −1 and 1.
        "fn loss(output, target) { let s = 0.0; for i in 0..output.len() { s += max(0.0, 1.0 - target[i] * output[i]); } s }",
        "fn loss(output, target) { let s = 0.0; for i in 0..output.len() { s += exp(output[i]) - target[i] * output[i]; } s }",
    ] {
        let checked = examine(text);
        assert!(checked.diagnostics.is_empty(), "{text}: {:#?}", checked.diagnostics);
    }
}

#[test]
fn a_correct_file_is_summarized_in_one_line() {
    let checked = activation("tanh(z)");
    let line = checked.reports[0].to_string();
    assert!(line.starts_with("gradient agrees at ") && line.contains("(worst ") && line.contains(" at z = "), "{line}");
    let checked = common::sandbox(&[]).examine("optimizers/adam.rhai");
    assert_eq!(codes(&checked), [""; 0]);
    assert!(checked.reports[0].to_string().starts_with("`update` ran for "), "{}", checked.reports[0]);
}

#[test]
fn a_slow_script_is_checked_in_bounded_time() {
    let started = std::time::Instant::now();
    let checked = activation("let y = z; for i in 0..20000 { y += 0.0; } y * value(1.0)");
    assert!(started.elapsed().as_secs() < 60, "it must end");
    assert!(checked.diagnostics.iter().all(|found| found.code != "gradient-mismatch"), "{checked:#?}");
}

/// The text of a random function without poles.
fn formula() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => Just("z".to_owned()),
        1 => (-30..30_i32).prop_map(|n| format!("{:?}", f64::from(n) / 8.0)),
    ];
    leaf.prop_recursive(5, 24, 3, |inner| {
        let unary = prop::sample::select(vec!["tanh", "sigmoid", "softplus", "abs", "sin", "cos", "atan", "erf", "stop_gradient", "floor", "sign"]);
        let binary = prop::sample::select(vec!["+", "-", "*"]);
        prop_oneof![
            3 => (unary, inner.clone()).prop_map(|(f, x)| format!("{f}({x})")),
            3 => (inner.clone(), binary, inner.clone()).prop_map(|(x, op, y)| format!("({x} {op} {y})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("max({x}, {y})")),
            1 => (inner.clone(), inner.clone()).prop_map(|(x, y)| format!("({x} / (1.0 + abs({y})))")),
            1 => inner.clone().prop_map(|x| format!("exp(-abs({x}))")),
            1 => (inner.clone(), inner.clone(), inner).prop_map(|(x, y, w)| format!("(if {x} > {y} {{ {w} }} else {{ {y} }})")),
        ]
    })
}

/// The warning about the gradient of a correct function, if there is one.
fn false_alarm(body: &str) -> Option<slowgrad_script::Diagnostic> {
    activation(body).diagnostics.into_iter().find(|found| found.code == "gradient-mismatch")
}

#[test]
fn earlier_false_alarms_stay_fixed() {
    for body in ["abs((z * z))", "stop_gradient(z)", "(stop_gradient(z) / (1.0 + abs(z)))"] {
        assert_eq!(false_alarm(body), None, "{body}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_compositions_raise_no_false_alarm(body in formula()) {
        let alarm = false_alarm(&body);
        prop_assert!(alarm.is_none(), "{body}: {alarm:#?}");
    }

    #[test]
    fn a_planted_error_is_found_in_random_compositions(body in formula()) {
        prop_assume!(!body.contains("stop_gradient"));
        // The planted error is as large as the rest, so that rounding cannot hide it.
        let checked = activation(&format!("{body} * 0.0 + z + 0.001 * value(z)"));
        let finite = checked.diagnostics.iter().all(|found| found.code != "not-finite");
        prop_assert!(!finite || codes(&checked).contains(&"gradient-mismatch"), "{body}: {checked:#?}");
    }
}
