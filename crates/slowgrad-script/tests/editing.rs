//! Editor support: completion and go-to-definition.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

use slowgrad_script::PluginKind;
use slowgrad_script::editing::{Completion, Definition, complete, definition};

/// The completions at the mark `¦` in a text.
fn at(text: &str) -> Vec<Completion> {
    let offset = text.find('¦').unwrap();
    let plugins = [
        (PluginKind::Activation, "tanh".to_owned()),
        (PluginKind::Activation, "relu".to_owned()),
        (PluginKind::Optimizer, "adam".to_owned()),
        (PluginKind::Dataset, "xor".to_owned()),
        (PluginKind::Loss, "mse".to_owned()),
    ];
    complete(&text.replace('¦', ""), offset, &plugins)
}

fn names(text: &str) -> Vec<String> {
    at(text).into_iter().map(|completion| completion.text).collect()
}

#[track_caller]
fn offers(text: &str, expected: &[&str], not: &[&str]) {
    let found = names(text);
    for name in expected {
        assert!(found.iter().any(|one| one == name), "{text}: no {name} in {found:?}");
    }
    for name in not {
        assert!(found.iter().all(|one| one != name), "{text}: {name} in {found:?}");
    }
}

#[test]
fn a_partial_name_is_completed_and_replaced() {
    let found = at("fn activation(z) { sigm¦ }");
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].text.as_str(), found[0].replaces.clone()), ("sigmoid", 19..23));
    assert!(found[0].detail.contains("sigmoid(x: Scalar) -> Scalar · "), "{}", found[0].detail);
    offers("fn activation(z) { let slope = 0.1; slo¦ }", &["slope"], &["sigmoid"]);
    offers("fn activation(z) { ¦ }", &["z", "tanh", "PI", "let", "if"], &["slider", "say", "lr"]);
    offers("fn helper(x) { x } fn activation(z) { he¦", &["helper"], &[]);
    offers("fn f() { let inner = 1; } fn activation(z) { ¦ }", &["f"], &["inner"]);
    assert_eq!(names("fn activation(z) { let lon = 1; let long = 2; lo¦ }")[..2], ["long", "lon"], "nearest first");
}

#[test]
fn after_a_point_members_of_the_value_are_offered() {
    let lesson = |body: &str| format!("fn lesson() {{ #{{}} }} fn perform(stage) {{ {body} }}");
    offers(&lesson("stage.¦"), &["say", "play", "train"], &["exp", "push", "lr"]);
    offers(&lesson("stage.pl¦"), &["play"], &["say"]);
    offers(&lesson("stage.highlight(|p| p.¦)"), &["grad", "is_bias"], &["loss", "push", "exp"]);
    offers(&lesson("stage.train_until(|m| abs(m.¦) < 1.0, 10)"), &["loss", "epoch"], &["grad", "push"]);
    offers(&lesson("stage.show(\"¦\")"), &["timeline", "explanation"], &["fit"]);
    offers(&lesson("stage.camera(\"¦\")"), &["fit"], &["timeline"]);
    offers(&lesson("stage.camera(#{ ¦ })"), &["layer", "neuron"], &["by"]);
    let stage = "fn perform(s) { s.¦ }";
    offers(stage, &["say"], &["push"]);
    let optimizer = |body: &str| {
        format!(
            "fn params() {{ #{{ momentum: slider(0.9, 0.0, 1.0) }} }} fn state() {{ #{{ velocity: 0.0 }} }}
             fn update(w, grad, state, ctx) {{ {body} }}"
        )
    };
    offers(&optimizer("ctx.¦"), &["lr", "step", "grad_norm", "is_bias", "momentum"], &["fan_in", "velocity", "exp"]);
    offers(&optimizer("state.¦"), &["velocity"], &["momentum", "lr"]);
    offers(&optimizer("grad.¦"), &["abs", "sign"], &["push"]);
    offers("fn init(ctx) { ctx.¦ }", &["fan_in", "rng", "is_bias"], &["lr", "count"]);
    offers("fn dataset(ctx) { ctx.rng.¦ }", &["uniform", "normal"], &["fan_in", "say"]);
    offers("fn dataset(c) { c.¦ }", &["count", "noise", "rng"], &["fan_in"]);
    let p = "fn params() { #{ slope: slider(0.1, 0.0, 1.0) } } fn activation(z, p) { p.¦ }";
    offers(p, &["slope"], &["exp"]);
    offers("fn loss(output, target) { output.¦ }", &["sum", "map", "len"], &["exp", "trim"]);
    offers("fn loss(output, target) { output[0].¦ }", &["exp", "sum"], &["say", "lr"]);
}

#[test]
fn a_lesson_offers_its_fields_and_the_names_of_plugins() {
    let lesson = |body: &str| format!("fn lesson() {{\n    #{{ title: \"T\", {body} }}\n}}");
    offers(&lesson("¦"), &["layers", "activation", "seed"], &["exp", "title_", "fn"]);
    offers(&lesson("opt¦"), &["optimizer"], &["loss"]);
    offers(&lesson("activation: \"¦\""), &["tanh", "relu"], &["adam", "xor"]);
    offers(&lesson("output: \"t¦"), &["tanh"], &["relu"]);
    offers(&lesson("optimizer: #{ name: \"¦\" }"), &["adam"], &["tanh"]);
    offers(&lesson("data: \"¦\""), &["xor"], &["tanh"]);
    offers(&lesson("layers: [2, #{ ¦ }]"), &["size", "activation"], &["loss"]);
    offers(&lesson("layers: [2, #{ size: 3, activation: \"¦\" }]"), &["tanh"], &["adam"]);
    let found = at(&lesson("activation: \"ta¦nh\""));
    assert_eq!(found[0].replaces.len(), 2, "the quotes stay");
    offers("fn perform(stage) { stage.play(\"¦\") }", &["forward", "backward"], &["operation"]);
    offers("fn perform(stage) { stage.play(\"forward\", #{ by: \"¦\" }) }", &["operation", "neuron"], &["forward"]);
    offers("fn perform(stage) { stage.play(\"forward\", #{ ¦ }) }", &["by", "seconds"], &["layers"]);
    offers("fn perform(stage) { stage.set(#{ ¦ }) }", &["schedule", "regularizer", "batch"], &["layers", "seed"]);
    offers("fn lesson() { #{ limits: #{ ¦ } } }", &["operations", "memory", "parameters"], &["seed"]);
}

#[test]
fn outside_functions_contracts_are_offered() {
    offers("¦", &["fn activation(z)", "fn update(w, grad, state, ctx)", "fn lesson()"], &["exp"]);
    offers("fn ¦", &["activation(z)", "params()"], &["exp"]);
    offers("fn params() { #{ a: sli¦ } }", &["slider"], &[]);
}

#[test]
fn comments_and_texts_offer_nothing_and_broken_scripts_work() {
    assert!(at("// sigm¦").is_empty() && at("/// sigm¦").is_empty() && at("fn f() { let exp¦ }").is_empty());
    assert!(at("fn f() { \"sigm¦\" }").is_empty() && at("fn f() { 1.5¦ }").is_empty());
    let text = "//! é\nfn lesson() { #{ title: \"T\", optimizer: #{ name: \"a\" } } }\nfn perform(stage) { stage.say(`${x}`); }";
    for end in 0..=text.len() {
        let Some(cut) = text.get(..end) else {
            assert!(complete(text, end, &[]).is_empty());
            continue;
        };
        for offset in 0..=end {
            let _ = (complete(cut, offset, &[]), definition(cut, offset));
        }
    }
}

/// The definition of the name at the mark `¦`.
fn meaning(text: &str) -> Option<Definition> {
    let offset = text.find('¦').unwrap();
    definition(&text.replace('¦', ""), offset)
}

#[track_caller]
fn means(text: &str, before: &str) {
    let plain = text.replace('¦', "");
    let Some(Definition::Here(range)) = meaning(text) else { panic!("{text}: {:?}", meaning(text)) };
    assert_eq!(&plain[..range.start], before, "{text}");
}

#[test]
fn names_lead_to_their_definition() {
    means("fn g(x) { x } fn activation(z) { ¦g(z) }", "fn ");
    means("fn activation(z) { let a = 1; ¦a }", "fn activation(z) { let ");
    means("fn activation(z) { z¦ }", "fn activation(");
    means("fn activation(z) { let a = 1; let a = a¦ + 1; a }", "fn activation(z) { let ");
    means("fn activation(z) { let a = 1; if z > 0.0 { let a = 2; } ¦a }", "fn activation(z) { let ");
    means("fn activation(z) { for i in 0..3 { print(i¦); } z }", "fn activation(z) { for ");
    means("fn activation(z) { [1].map(|k| k¦ + 1) }", "fn activation(z) { [1].map(|");
    means("fn f(x) { x } fn activation(x) { ¦x }", "fn f(x) { x } fn activation(");
    means("fn state() { #{ v: 0.0 } } fn update(w, g, s, ctx) { s.v¦ }", "fn state() { #{ ");
    means("fn params() { #{ k: slider(1, 0, 2) } } fn activation(z, p) { p.¦k }", "fn params() { #{ ");
    assert_eq!(meaning("fn activation(z) { ¦exp(z) }"), None);
    assert_eq!(meaning("fn f() { let b = 1; } fn activation(z) { ¦b }"), None);
    let file = |function: Option<&str>| {
        Some(Definition::File { path: "shared/h".to_owned(), function: function.map(str::to_owned) })
    };
    assert_eq!(meaning("import \"shared¦/h\" as h;"), file(None));
    assert_eq!(meaning("import \"shared/h\" as h; fn activation(z) { h::twi¦ce(z) }"), file(Some("twice")));
    means("import \"shared/h\" as h; fn activation(z) { ¦h::twice(z) }", "import \"shared/h\" as ");
}
