//! Which outputs, losses and targets fit together: every shipped output with every shipped loss, the same mathematics
//! under other names, and targets that a loss cannot use.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, reason = "a test")]

mod common;

use slowgrad_script::{Diagnostic, PluginKind, Sandbox};

const CODES: [&str; 4] = ["loss-and-output", "target-domain", "constant-output", "saturated-output"];

/// The warnings about the combination in a lesson.
fn warnings(sandbox: &mut Sandbox, text: &str) -> Vec<Diagnostic> {
    sandbox.replace("own", "t.rhai", Some(text.as_bytes().into()));
    let lesson = sandbox.open("t.rhai").unwrap_or_else(|errors| panic!("{text}: {errors:#?}"));
    lesson.all_warnings().into_iter().filter(|found| CODES.contains(&found.code)).collect()
}

/// A lesson with these targets.
fn lesson(output: &str, loss: &str, targets: &[&[f64]]) -> String {
    let inputs = [[0.3, -0.6], [0.8, 0.7], [-0.7, 0.8], [-0.6, -0.9]];
    let samples =
        targets.iter().zip(inputs).map(|(target, input)| format!("#{{ input: {input:?}, target: {target:?} }}"));
    let data = samples.collect::<Vec<_>>().join(", ");
    let width = targets[0].len();
    format!(
        "fn lesson() {{ #{{ title: \"t\", layers: [2, 3, {width}], output: \"{output}\", loss: \"{loss}\", data: [{data}] }} }}\n"
    )
}

fn code(sandbox: &mut Sandbox, output: &str, loss: &str, targets: &[&[f64]]) -> &'static str {
    let found = warnings(sandbox, &lesson(output, loss, targets));
    assert!(found.len() <= 1, "{output} {loss}: {found:#?}");
    for warning in &found {
        assert!(warning.location.is_some() && warning.help.is_some(), "{warning:#?}");
        println!("{output} {loss} {targets:?}: {}: {}", warning.code, warning.message);
    }
    found.first().map_or("", |warning| warning.code)
}

/// Targets that suit each shipped loss, and the outputs that fit it. The other outputs get the given warning.
fn fitting(loss: &str) -> (&'static [&'static [f64]], &'static [&'static str], &'static str) {
    const CLASSES: &[&[f64]] = &[&[1.0, 0.0], &[0.0, 1.0]];
    match loss {
        // Each output is a probability.
        "binary_cross_entropy" | "focal" => (CLASSES, &["sigmoid", "softmax"], "loss-and-output"),
        // The probabilities have to share the 1: with independent ones, "yes to all" would be best for every sample.
        "categorical_cross_entropy" => (CLASSES, &["softmax"], "loss-and-output"),
        // The same in logarithms.
        "nll" | "kl_divergence" => (CLASSES, &["log_softmax"], "loss-and-output"),
        // A logit near 0 is undecided, so it needs both signs.
        "binary_cross_entropy_with_logits" => (CLASSES, &["identity", "leaky_relu", "prelu"], "loss-and-output"),
        // Only the differences of logits count, so one side without a bound is enough, and 6 is nearly enough. Softmax
        // of log-probabilities gives the probabilities again.
        "cross_entropy_with_logits" => (
            CLASSES,
            &[
                "celu",
                "elu",
                "gelu",
                "gelu_tanh",
                "hardswish",
                "identity",
                "leaky_relu",
                "log_softmax",
                "mish",
                "prelu",
                "relu",
                "relu6",
                "selu",
                "silu",
                "softplus",
            ],
            "loss-and-output",
        ),
        // The margins are at −1 and 1.
        "hinge" | "squared_hinge" => (
            &[&[1.0, -1.0], &[-1.0, 1.0]],
            &["celu", "elu", "hardtanh", "identity", "leaky_relu", "prelu", "selu", "softsign", "tanh"],
            "target-domain",
        ),
        // Logarithms of means and of variances may be any number.
        "poisson_nll" => (&[&[0.0, 3.0], &[2.0, 1.0]], &["identity", "leaky_relu", "prelu"], "loss-and-output"),
        "gaussian_nll" => (&[&[0.5, 0.0], &[0.25, 0.0]], &["identity", "leaky_relu", "prelu"], "loss-and-output"),
        // Differences: any output that reaches the targets. Log-probabilities are never above 0.
        "half_squared_error" | "huber" | "log_cosh" | "mae" | "mse" | "quantile" | "smooth_l1" => (
            &[&[0.25, 0.75], &[0.75, 0.25]],
            &[
                "celu",
                "elu",
                "gelu",
                "gelu_tanh",
                "hardswish",
                "hardtanh",
                "identity",
                "leaky_relu",
                "mish",
                "prelu",
                "relu",
                "relu6",
                "selu",
                "sigmoid",
                "silu",
                "softmax",
                "softplus",
                "softsign",
                "tanh",
            ],
            "target-domain",
        ),
        other => panic!("which outputs fit {other}?"),
    }
}

/// Logarithms that cannot go below −1: means and variances of at least 0.37 may be enough or not.
const UNDECIDED: [&str; 6] = ["celu", "elu", "hardtanh", "selu", "softsign", "tanh"];

#[test]
fn every_shipped_output_and_loss_get_the_right_verdict() {
    let mut sandbox = common::sandbox(&[]);
    let names = |kind| sandbox.list(kind).into_iter().map(|plugin| plugin.name).collect::<Vec<_>>();
    let (outputs, losses) = (names(PluginKind::Activation), names(PluginKind::Loss));
    assert!(outputs.len() >= 20 && losses.len() >= 18);
    let mut wrong = Vec::new();
    for loss in &losses {
        let (targets, fine, otherwise) = fitting(loss);
        for output in &outputs {
            if ["poisson_nll", "gaussian_nll"].contains(&loss.as_str()) && UNDECIDED.contains(&output.as_str()) {
                continue;
            }
            let expected = if fine.contains(&output.as_str()) { "" } else { otherwise };
            let found = code(&mut sandbox, output, loss, targets);
            if found != expected {
                wrong.push(format!("{loss} after {output}: {found:?}, not {expected:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// An output, a loss, targets, and the code of the warning.
type Case<'c> = (&'c str, &'c str, &'c [&'c [f64]], &'c str);

#[track_caller]
fn assert_codes(sandbox: &mut Sandbox, cases: &[Case<'_>]) {
    let differ = |&(output, loss, targets, expected): &Case<'_>| {
        let found = code(sandbox, output, loss, targets);
        (found != expected).then(|| format!("{loss} after {output} with {targets:?}: {found:?}, not {expected:?}"))
    };
    let wrong: Vec<String> = cases.iter().filter_map(differ).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const YES_NO: &[&[f64]] = &[&[0.0], &[1.0]];
const MARGINS: &[&[f64]] = &[&[-1.0], &[1.0]];
const CLASSES: &[&[f64]] = &[&[1.0, 0.0, 0.0], &[0.0, 1.0, 0.0], &[0.0, 0.0, 1.0]];

#[test]
fn common_mistakes_are_found_and_common_choices_are_not() {
    assert_codes(
        &mut common::sandbox(&[]),
        &[
            ("identity", "binary_cross_entropy", YES_NO, "loss-and-output"),
            ("softmax", "nll", CLASSES, "loss-and-output"),
            ("softmax", "kl_divergence", CLASSES, "loss-and-output"),
            ("softmax", "cross_entropy_with_logits", CLASSES, "loss-and-output"),
            ("sigmoid", "binary_cross_entropy_with_logits", YES_NO, "loss-and-output"),
            ("softmax", "categorical_cross_entropy", YES_NO, "constant-output"),
            ("log_softmax", "nll", &[&[1.0]], "constant-output"),
            ("sigmoid", "categorical_cross_entropy", YES_NO, "target-domain"),
            ("softmax", "categorical_cross_entropy", &[&[1.0, 0.0], &[0.0, 0.0]], "target-domain"),
            ("sigmoid", "binary_cross_entropy", MARGINS, "target-domain"),
            ("identity", "binary_cross_entropy_with_logits", MARGINS, "target-domain"),
            ("identity", "hinge", YES_NO, "target-domain"),
            ("identity", "squared_hinge", YES_NO, "target-domain"),
            ("identity", "poisson_nll", &[&[-1.0], &[4.0]], "target-domain"),
            ("relu", "mse", &[&[-0.5], &[3.0]], "target-domain"),
            ("sigmoid", "mse", &[&[0.5], &[170.0]], "target-domain"),
            ("sigmoid", "binary_cross_entropy", YES_NO, ""),
            ("sigmoid", "binary_cross_entropy", &[&[0.1], &[0.9]], ""),
            ("identity", "binary_cross_entropy_with_logits", YES_NO, ""),
            ("identity", "cross_entropy_with_logits", CLASSES, ""),
            ("identity", "cross_entropy_with_logits", &[&[0.2, 0.5, 0.3]], ""),
            ("softmax", "categorical_cross_entropy", CLASSES, ""),
            ("softmax", "categorical_cross_entropy", &[&[1.0, 0.0, 0.0]], ""),
            ("softmax", "mse", CLASSES, ""),
            ("log_softmax", "nll", CLASSES, ""),
            ("log_softmax", "kl_divergence", &[&[0.25, 0.75], &[0.5, 0.5]], ""),
            ("identity", "hinge", MARGINS, ""),
            ("tanh", "half_squared_error", MARGINS, ""),
            ("identity", "poisson_nll", &[&[0.0], &[1e6]], ""),
            ("identity", "gaussian_nll", &[&[0.0, 0.0], &[-250_000.0, 0.0]], ""),
            ("identity", "mse", &[&[-1e9], &[1e9]], ""),
            ("relu", "mae", &[&[0.0], &[1e5]], ""),
            ("softplus", "log_cosh", &[&[0.0], &[12.0]], ""),
            ("identity", "quantile", &[&[-3.0], &[7.0]], ""),
            ("sigmoid", "mse", &[&[0.999], &[1.0]], ""),
        ],
    );
}

/// The same mathematics under other names, written in other ways.
#[test]
fn scripts_of_users_get_the_same_verdicts() {
    let mut sandbox = common::sandbox(&[
        ("activations/squash.rhai", "fn activation(z) { 1.0 / (1.0 + exp(-clamp(z, -700.0, 700.0))) }"),
        ("activations/straight.rhai", "fn activation(z) { z + 0.0 }"),
        ("activations/shares.rhai", "fn activation_layer(z) { softmax(z) }"),
        ("activations/logs.rhai", "fn activation_layer(z) { let all = log_sum_exp(z); z.map(|x| x - all) }"),
        (
            "losses/surprise.rhai",
            "fn loss(output, target) { \
             -(target.zip(output, |t, o| t * ln(o) + (1.0 - t) * ln(1.0 - o)).sum()) }",
        ),
        ("losses/of_class.rhai", "fn loss(output, target) { -ln(max(output[target.argmax()], 1e-12)) }"),
        ("losses/picked.rhai", "fn loss(output, target) { -dot(output, target) }"),
        ("losses/scores.rhai", "fn loss(output, target) { log_sum_exp(output) - dot(output, target) }"),
        (
            "losses/yes_no.rhai",
            "fn loss(output, target) { \
             let s = 0.0; for i in 0..output.len() { s += softplus(output[i]) - target[i] * output[i]; } s }",
        ),
        ("losses/margin.rhai", "fn loss(output, target) { output.zip(target, |o, t| max(0.0, 1.0 - o * t)).sum() }"),
    ]);
    assert_codes(
        &mut sandbox,
        &[
            ("straight", "surprise", YES_NO, "loss-and-output"),
            ("squash", "surprise", YES_NO, ""),
            ("squash", "surprise", MARGINS, "target-domain"),
            ("shares", "of_class", CLASSES, ""),
            ("squash", "of_class", CLASSES, "loss-and-output"),
            ("straight", "of_class", CLASSES, "loss-and-output"),
            ("shares", "picked", CLASSES, "loss-and-output"),
            ("straight", "picked", CLASSES, "loss-and-output"),
            ("logs", "picked", CLASSES, ""),
            ("straight", "scores", CLASSES, ""),
            ("logs", "scores", CLASSES, ""),
            ("shares", "scores", CLASSES, "loss-and-output"),
            ("straight", "yes_no", YES_NO, ""),
            ("squash", "yes_no", YES_NO, "loss-and-output"),
            ("straight", "margin", YES_NO, "target-domain"),
            ("straight", "margin", MARGINS, ""),
        ],
    );
}

/// Custom losses that are meant as they are.
#[test]
fn unusual_losses_of_lessons_are_not_warned_of() {
    let mut sandbox = common::sandbox(&[]);
    for loss in [
        // A straight slope, whatever the target is.
        "fn loss(output, target) { 12.5 * output[0] }",
        "fn loss(output, target) { ln(1.0 + (output[0] - target[0]) ** 2) }",
        "fn loss(output, target) { 1.0 - exp(-((output[0] - target[0]) ** 2)) }",
        "fn loss(output, target) { let d = output[0] - target[0]; if d > 0.0 { 3.0 * d * d } else { d * d } }",
        "fn loss(output, target) { if output[0] > 1e3 { throw \"too large\" } abs(output[0] - target[0]) }",
        "fn loss(output, target) { print(output[0]); abs(output[0] - target[0]) }",
    ] {
        let text = format!("{}{loss}", lesson("identity", "mse", &[&[0.0], &[1.5], &[-2.0]]));
        assert_eq!(warnings(&mut sandbox, &text), [], "{loss}");
        assert!(sandbox.console().is_empty(), "lines printed by the check are dropped");
    }
}

/// Weights so large that the output is rounded to 0 or 1.
#[test]
fn samples_without_a_gradient_are_found() {
    let mut sandbox = common::sandbox(&[]);
    let mut code = |output: &str, loss: &str, target: &str, weights: &str| {
        let width = target.split(',').count();
        let found = warnings(
            &mut sandbox,
            &format!(
                "fn lesson() {{ #{{ title: \"t\", layers: [1, {width}], output: \"{output}\", loss: \"{loss}\", \
                 data: [#{{ input: [1.0], target: [{target}] }}], weights: [#{{ weight: {weights}, bias: [0.0{}] }}] }} }}",
                ", 0.0".repeat(width - 1)
            ),
        );
        found.first().map_or("", |warning| warning.code)
    };
    let classes = "1.0, 0.0, 0.0";
    let logits = "[[-431.0], [279.0], [427.0]]";
    assert_eq!(code("softmax", "categorical_cross_entropy", classes, logits), "saturated-output");
    assert_eq!(code("log_softmax", "nll", classes, logits), "");
    assert_eq!(code("identity", "cross_entropy_with_logits", classes, logits), "");
    assert_eq!(code("softmax", "categorical_cross_entropy", classes, "[[-4.0], [2.0], [4.0]]"), "");
    assert_eq!(code("sigmoid", "binary_cross_entropy", "0.0", "[[50.0]]"), "saturated-output");
    assert_eq!(code("sigmoid", "binary_cross_entropy", "1.0", "[[50.0]]"), "");
    assert_eq!(code("identity", "binary_cross_entropy_with_logits", "0.0", "[[50.0]]"), "");
    assert_eq!(code("tanh", "mse", "-1.0", "[[30.0]]"), "saturated-output");
    assert_eq!(code("tanh", "mse", "1.0", "[[30.0]]"), "");
    // A silent ReLU has the loss that it would have at 0.
    assert_eq!(code("relu", "mse", "1.0", "[[-2.0]]"), "");
}

/// A cue may bring the wrong pair together.
#[test]
fn cues_are_checked() {
    let mut sandbox = common::sandbox(&[]);
    let text = lesson("sigmoid", "binary_cross_entropy", YES_NO);
    let perform = |cue: &str| format!("{text}fn perform(stage) {{\n    stage.say(\"So far.\");\n    {cue}\n}}");
    let found = warnings(&mut sandbox, &perform("stage.set(#{ output: \"identity\" });"));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].code, found[0].location.as_ref().unwrap().span.line), ("loss-and-output", 4));
    let cue = "stage.set(#{ output: \"identity\", loss: \"binary_cross_entropy_with_logits\" });";
    assert_eq!(warnings(&mut sandbox, &perform(cue)), []);
}
