//! Regularizers, schedules, initializers of whole layers and functions in a lesson's own file: each kind from the
//! script to a training step, with its controls and the locations of its errors.

#![allow(clippy::unwrap_used, reason = "it is a test")]

mod common;

use common::sandbox;
use slowgrad_engine::model::Model;
use slowgrad_engine::plugin::SharedFunction;
use slowgrad_engine::record::record;
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::{DataSpec, ParamValue, PluginRef, SpecPatch};
use slowgrad_script::{Diagnostic, Lesson, Limits, Sandbox};

const L2: &str = "fn params() { #{ strength: slider(0.01, 0.0, 1.0), squared: toggle(true) } }
fn penalty(w, p) { if p.squared { p.strength * w ** 2 } else { p.strength * abs(w) } }";
const STEPS: &str =
    "fn params() { #{ factor: slider(0.5, 0.0, 1.0), every: choice(\"epoch\", [\"epoch\", \"step\"]) } }
fn rate(step, ctx) { if ctx.every == \"epoch\" { ctx.factor ** ctx.epoch } else { ctx.factor ** (step - 1) } }";

fn lesson(fields: &str, own: &str) -> String {
    format!("fn lesson() {{ #{{ title: \"t\", layers: [2, 3, 1], seed: 3, {fields} }} }}\n{own}")
}

/// A sandbox with a lesson, a regularizer `l_two` and a schedule `halves` beside it.
fn with(text: &str) -> Sandbox {
    sandbox(&[("mine.rhai", text), ("regularizers/l_two.rhai", L2), ("schedules/halves.rhai", STEPS)])
}

fn open(sandbox: &Sandbox) -> Lesson {
    sandbox.open("mine.rhai").map_err(|errors| errors[0].to_string()).unwrap()
}

fn refused(text: &str) -> Diagnostic {
    with(text).open("mine.rhai").unwrap_err().remove(0)
}

/// The marked text of a diagnostic, and its line.
fn place(diagnostic: &Diagnostic) -> (String, u32) {
    let location = diagnostic.location.as_ref().unwrap();
    (location.span.text(&location.source).to_owned(), location.span.line)
}

#[test]
fn a_lesson_trains_with_a_regularizer_and_a_schedule() {
    let sandbox = with(&lesson(
        "data: \"xor\", batch: 4, params: #{ lr: 0.5, strength: 0.25 },
         regularizer: \"l_two\", schedule: #{ name: \"halves\", factor: 0.25 }",
        "",
    ));
    let lesson = open(&sandbox);
    let mut run = Run::new(lesson.setup.clone(), lesson.parameters.clone());
    let first = run.record().unwrap();
    let penalty = first.penalty.as_ref().unwrap();
    assert_eq!((penalty.regularizer.as_str(), penalty.sliders.as_slice()), ("l_two", &[0.25][..]));
    let weights = (0..2).flat_map(|layer| first.shape.weights(layer)).map(|i| first.before.values[i]);
    let expected = weights.map(|w| 0.25 * (w * w));
    assert!((penalty.sum - expected.sum::<f64>()).abs() < 1e-12);
    for layer in 0..2 {
        for weight in first.shape.weights(layer) {
            let share = 2.0 * 0.25 * first.before.values[weight];
            assert!((penalty.shares[weight] - share).abs() < 1e-12);
            assert_eq!(first.grads[weight].to_bits(), (first.mean_grad(weight) + penalty.shares[weight]).to_bits());
        }
        assert!(first.shape.biases(layer).all(|bias| penalty.shares[bias] == 0.0));
    }
    run.seek(2).unwrap();
    let third = run.record().unwrap();
    let rate = third.rate.as_ref().unwrap();
    // One step is an epoch, so the third step is in epoch 2.
    assert_eq!((rate.schedule.as_str(), rate.base, rate.factor, rate.lr), ("halves", 0.5, 0.0625, 0.03125));
    assert_eq!(third.learning_rate(), 0.03125);
}

#[test]
fn the_lessons_own_functions_take_precedence_over_named_plugins() {
    let own = "fn penalty(w) { 0.5 * abs(w) }
        fn rate(step, ctx) { 1.0 / step }
        fn init(ctx) { 0.25 }
        fn dataset(ctx) { [#{ input: [1.0, 2.0], target: [ctx.noise] }] }";
    let fields = "regularizer: \"l_two\", schedule: \"halves\", initializer: \"he_normal\", noise: 0.5";
    for data in ["", ", data: \"xor\""] {
        let lesson = open(&with(&lesson(&format!("{fields}{data}"), own)));
        let spec = &lesson.spec;
        let named = |plugin: &Option<PluginRef>| plugin.as_ref().map(|plugin| plugin.name.clone());
        assert_eq!((named(&spec.regularizer), named(&spec.schedule)).0.as_deref(), Some("mine.rhai"));
        assert_eq!(named(&spec.schedule).as_deref(), Some("mine.rhai"));
        assert!(lesson.parameters.iter().all(|x| *x == 0.25));
        assert_eq!((lesson.setup.train.len(), lesson.setup.train.target(0)), (1, &[0.5][..]));
        let step = record(&lesson.setup, &Model::new(lesson.parameters, &lesson.setup.optimizer), 2).unwrap();
        assert_eq!(step.penalty.unwrap().sum, 9.0 * 0.125);
        assert_eq!(step.rate.unwrap().factor, 0.5);
    }
    let both = refused(&lesson("data: [#{ input: [1.0, 2.0], target: [0.0] }]", own));
    assert_eq!((both.code, place(&both).1), ("wrong-value", 1));
    assert!(both.message.contains("fn dataset"), "{both}");
}

#[test]
fn none_is_valid_and_set_adds_and_removes_plugins() {
    let text = lesson(
        "data: \"xor\", regularizer: \"none\"",
        "fn perform(stage) {
            stage.set(#{ regularizer: #{ name: \"l_two\", strength: 0.5 }, schedule: \"halves\" });
            stage.set(#{ factor: 0.125, strength: 0.75 });
            stage.set(#{ regularizer: \"none\", schedule: \"none\" });
        }",
    );
    let sandbox = with(&text);
    let lesson = open(&sandbox);
    assert_eq!((&lesson.spec.regularizer, &lesson.spec.schedule), (&None, &None));
    let mut spec = lesson.spec.clone();
    let mut patches = lesson.cues.iter().map(|cue| match cue {
        slowgrad_timeline::playback::cue::Cue::Set(patch) => patch.clone(),
        other => panic!("{other:?}"),
    });
    let setup = sandbox.patch(&mut spec, &patches.next().unwrap()).unwrap();
    assert_eq!(setup.regularizer.unwrap().info.sliders(), [0.5]);
    let setup = sandbox.patch(&mut spec, &patches.next().unwrap()).unwrap();
    assert_eq!(
        (setup.regularizer.unwrap().info.sliders(), setup.schedule.unwrap().info.sliders()),
        (vec![0.75], vec![0.125])
    );
    let setup = sandbox.patch(&mut spec, &patches.next().unwrap()).unwrap();
    assert!(setup.regularizer.is_none() && setup.schedule.is_none());
    let cannot =
        refused(&self::lesson("data: \"xor\"", "fn perform(stage) {\n stage.set(#{ schedule: \"cosin\" }); }"));
    assert_eq!((cannot.code, place(&cannot)), ("unknown-plugin", ("stage.set(#{ schedule: \"cosin\" })".into(), 3)));
}

/// Functions of every traced kind with a slider, a toggle and a choice, and their inputs without the sliders.
fn traced(sandbox: &Sandbox, params: &[(&str, ParamValue)]) -> Vec<(&'static str, SharedFunction, Vec<f64>)> {
    let plugin = |name: &str| PluginRef {
        params: params.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        ..PluginRef::named(name)
    };
    let activation = sandbox.activation(&plugin("a"), 1).unwrap();
    let layer = sandbox.activation(&plugin("l"), 2).unwrap();
    let loss = sandbox.loss(&plugin("c"), 1).unwrap();
    let regularizer = sandbox.regularizer(&plugin("r")).unwrap();
    let schedule = sandbox.schedule(&plugin("s")).unwrap();
    let optimizer = sandbox.optimizer(&plugin("o"), &common::smallest()).unwrap();
    let inputs = |own: &[f64], sliders: Vec<f64>| [own, &sliders].concat();
    let update = inputs(&[0.5, 0.1, 0.1, 1.0, 0.1, 0.1, 0.1, 0.0, 1.0], optimizer.other_sliders());
    vec![
        ("activation", activation.function, inputs(&[0.5], activation.info.sliders())),
        ("layer", layer.function, inputs(&[0.5, 0.25], layer.info.sliders())),
        ("loss", loss.function, inputs(&[0.5, 1.0], loss.info.sliders())),
        ("penalty", regularizer.function, inputs(&[0.5], regularizer.info.sliders())),
        ("rate", schedule.function, inputs(&[1.0, 0.0, 4.0], schedule.info.sliders())),
        ("update", common::rules(&optimizer)[0].clone(), update),
    ]
}

#[test]
fn a_slider_needs_no_new_trace_and_a_toggle_or_a_choice_needs_one() {
    const PARAMS: &str =
        "fn params() { #{ k: slider(1.0, 0.0, 9.0), on: toggle(true), way: choice(\"up\", [\"up\", \"down\"]) } }
        fn mix(x, p) { let y = if p.on { x * p.k } else { x + p.k }; if p.way == \"up\" { y } else { -y } }\n";
    let file = |function: &str| format!("{PARAMS}{function}");
    let files = [
        ("activations/a.rhai", file("fn activation(z, p) { mix(z, p) }")),
        ("activations/l.rhai", file("fn activation_layer(z, p) { z.map(|x| mix(x, p)) }")),
        ("losses/c.rhai", file("fn loss(output, target, p) { mix(output[0] - target[0], p) }")),
        ("regularizers/r.rhai", file("fn penalty(w, p) { mix(w, p) }")),
        ("schedules/s.rhai", file("fn rate(step, ctx) { mix(step, ctx) }")),
        ("optimizers/o.rhai", file("fn update(w, grad, state, ctx) { w - ctx.lr * mix(grad, ctx) }")),
    ];
    let sandbox = sandbox(&files.each_ref().map(|(path, text)| (*path, text.as_str())));
    let value = |(_, function, inputs): &(&str, SharedFunction, Vec<f64>)| {
        function.borrow_mut().call(inputs).unwrap().output(0)
    };
    let traces = |all: &[(&str, SharedFunction, Vec<f64>)]| -> usize {
        all.iter().map(|(_, function, _)| function.borrow().traces().len()).sum()
    };
    let first = traced(&sandbox, &[]);
    let values: Vec<f64> = first.iter().map(value).collect();
    assert_eq!(traces(&first), 6);
    let slid = traced(&sandbox, &[("k", ParamValue::Number(3.0))]);
    for (((kind, before, _), after), old) in first.iter().zip(&slid).zip(&values) {
        assert!(std::rc::Rc::ptr_eq(before, &after.1), "{kind}");
        assert_ne!(value(after), *old, "{kind}: the slider acts");
    }
    assert_eq!(traces(&slid), 6, "a slider is an input");
    for change in [("on", ParamValue::Bool(false)), ("way", ParamValue::Text("down".into()))] {
        let changed = traced(&sandbox, &[change]);
        for ((kind, before, _), after) in first.iter().zip(&changed) {
            assert!(!std::rc::Rc::ptr_eq(before, &after.1), "{kind}");
            value(after);
            value(after);
        }
        assert_eq!(traces(&changed), 6, "one trace more for each");
    }
    let back = traced(&sandbox, &[]);
    let again: Vec<f64> = back.iter().map(value).collect();
    assert_eq!((again, traces(&back)), (values, 6), "what was traced is remembered");
}

#[test]
fn an_initializer_may_draw_a_whole_layer() {
    let made = |text: &str, shape: &Shape| {
        sandbox(&[("initializers/own.rhai", text)]).initializer(&PluginRef::named("own"), shape, 5)
    };
    let shape = Shape::new(3, &[2, 4]);
    let rows = "fn init_layer(ctx) {
        let rows = [];
        for out in 0..ctx.fan_out { let row = []; for i in 0..ctx.fan_in { row.push(10 * out + i + 0.5 * ctx.layer); } rows.push(row); }
        rows }";
    let drawn = made(rows, &shape).unwrap();
    assert_eq!(drawn[..8], [0.0, 1.0, 2.0, 10.0, 11.0, 12.0, 0.0, 0.0]);
    assert_eq!(drawn[8..], [0.5, 1.5, 10.5, 11.5, 20.5, 21.5, 30.5, 31.5, 0.0, 0.0, 0.0, 0.0]);
    let with_biases = format!("{rows} fn init(ctx) {{ if ctx.is_bias {{ 0.125 }} else {{ throw \"never\" }} }}");
    let drawn = made(&with_biases, &shape).unwrap();
    assert_eq!((drawn[6], drawn[7], drawn[19]), (0.125, 0.125, 0.125));

    for (body, message) in [
        ("7", "must be an array of rows, but this is a number"),
        ("[[1.0, 2.0, 3.0]]", "has 1 rows, but layer 0 has 2 neurons"),
        ("[[1.0, 2.0, 3.0], 4]", "row 1 is a number"),
        ("[[1.0, 2.0, 3.0], [1.0, 2.0]]", "row 1 of the result of `init_layer` has 2 numbers, not 3"),
        ("[[1.0, 2.0, \"x\"], [1.0, 2.0, 3.0]]", "but this is a text (layer 0, neuron 0, input 2)"),
        ("[[1.0, 2.0, 3.0], [1.0, 0.0 / 0.0, 3.0]]", "but this is NaN (layer 0, neuron 1, input 1)"),
    ] {
        let error = made(&format!("\nfn init_layer(ctx) {{ {body} }}"), &shape).unwrap_err();
        assert!(error.message.contains(message), "{}", error.message);
        assert_eq!((error.code, place(&error).1), ("wrong-return", 2), "{error}");
    }
    let error = made("fn init_layer() { [] }", &shape).unwrap_err();
    assert_eq!(error.code, "wrong-arity");
}

#[test]
fn orthogonal_matrices_are_limited_to_large_layers() {
    let text = "fn init_layer(ctx) { ctx.rng.orthogonal(ctx.fan_out, ctx.fan_in) }";
    let made = |inputs: usize, size: usize| {
        let sandbox = sandbox(&[("initializers/own.rhai", text)]);
        sandbox.initializer(&PluginRef::named("own"), &Shape::new(inputs, &[size]), 5)
    };
    let drawn = made(784, 128).unwrap();
    let rows: Vec<&[f64]> = drawn[..784 * 128].chunks(784).collect();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    assert!((dot(rows[3], rows[3]) - 1.0).abs() < 1e-12 && dot(rows[3], rows[90]).abs() < 1e-12);
    assert_eq!(drawn, made(784, 128).unwrap(), "a seed gives one matrix");
    let limits = Limits { setup_operations: 1_000_000, ..Limits::default() };
    let own = common::sandbox_within(&[("initializers/own.rhai", text)], limits);
    let error = own.initializer(&PluginRef::named("own"), &Shape::new(600, &[600]), 5).unwrap_err();
    assert!(matches!(error.code, "too-many-operations" | "too-slow"), "{error}");
    let check = |call: &str| {
        let text = format!("fn init_layer(ctx) {{\n    ctx.rng.orthogonal({call}) }}");
        let sandbox = sandbox(&[("initializers/own.rhai", &text)]);
        *sandbox.initializer(&PluginRef::named("own"), &Shape::new(2, &[2]), 5).unwrap_err()
    };
    for call in ["0, 3", "-1, 3", "1000000000, 1000000000", "2.5, 3"] {
        assert_eq!(place(&check(call)).1, 2, "{call}");
    }
}

#[test]
fn errors_in_a_penalty_or_a_rate_have_their_location() {
    let penalty = |body: &str| refused(&lesson("data: \"xor\"", &format!("fn penalty{body}")));
    let rate = |body: &str| refused(&lesson("data: \"xor\"", &format!("fn rate{body}")));
    for (found, code, text) in [
        (penalty("(w) { if w > 9.0 { w } }"), "wrong-return", "must be a number, but this is nothing"),
        (penalty("(w) { w > 0.0 }"), "wrong-return", "must be a number, but this is a boolean"),
        (penalty("(w, p, q) { w }"), "wrong-arity", "takes 3 arguments, not 1 or 2"),
        (penalty("(w) { w + nothing }"), "unknown-name", "nothing"),
        (rate("(step, ctx) { [step] }"), "wrong-return", "must be a number, but this is an array"),
        (rate("(step) { step }"), "wrong-arity", "takes 1 argument, not 2"),
        (rate("(step, ctx) { ctx.epochs }"), "unknown-property", "epochs"),
        (
            rate("(step, ctx) { ctx.epoch }\nfn params() { #{ epoch: slider(1.0, 0.0, 2.0) } }"),
            "wrong-control",
            "`epoch` is already in `ctx`",
        ),
    ] {
        assert!(found.message.contains(text), "{found}");
        assert_eq!(found.code, code, "{found}");
        assert!(place(&found).1 >= 2, "{found}");
    }
    let missing = refused(&lesson("data: \"xor\",\n schedule: \"halve\"", ""));
    assert_eq!((missing.code, place(&missing).1), ("unknown-plugin", 2));
    assert!(missing.help.as_deref().is_some_and(|help| help.contains("`halves`")), "{missing}");
}

#[test]
fn check_reports_a_penalty_and_a_rate_that_are_not_finite() {
    let checked = |path: &str, text: &str| sandbox(&[(path, text)]).check(path);
    assert_eq!(checked("regularizers/l_two.rhai", L2), []);
    assert_eq!(checked("schedules/halves.rhai", STEPS), []);
    let found = checked("regularizers/log.rhai", "fn penalty(w) {\n    ln(w) }");
    assert!(found.iter().any(|d| d.code == "not-finite" && place(d) == ("ln(w)".into(), 2)), "{found:?}");
    let found = checked("schedules/div.rhai", "fn rate(step, ctx) {\n    1.0 / (step - 8) }");
    assert!(found.iter().any(|d| d.code == "not-finite" && place(d).1 == 2), "{found:?}");
    assert!(found.iter().any(|d| d.message.contains("step = 8")), "{found:?}");
    let found = checked("regularizers/hidden.rhai", "fn penalty(w) { w * floor(w) + value(w) }");
    assert!(found.iter().any(|d| d.code == "gradient-mismatch"), "{found:?}");
}

#[test]
fn the_lessons_count_and_noise_set_the_sliders_of_its_data() {
    let set = "fn params() { #{ noise: slider(0.1, 0.0, 1.0), count: slider(7, 1, 100), shift: slider(2.0, 0.0, 5.0) } }
        fn dataset(ctx) { let all = []; for i in 0..ctx.count { all.push(#{ input: [ctx.noise, ctx.shift], target: [0.0] }); } all }";
    let opened = |fields: &str| {
        let text = lesson(fields, "");
        let sandbox = sandbox(&[("mine.rhai", &text), ("datasets/own.rhai", set)]);
        let lesson = open(&sandbox);
        (sandbox, lesson)
    };
    let values = |lesson: &Lesson| {
        let sliders = lesson.setup.dataset.as_ref().unwrap().sliders();
        (lesson.setup.train.len(), lesson.setup.train.input(0).to_vec(), sliders)
    };
    let (_, plain) = opened("data: \"own\"");
    assert_eq!(values(&plain), (7, vec![0.1, 2.0], vec![0.1, 7.0, 2.0]));
    let (sandbox, given) = opened("data: \"own\", noise: 0.5, count: 9, params: #{ shift: 1.0 }");
    assert_eq!(values(&given), (9, vec![0.5, 1.0], vec![0.5, 9.0, 1.0]));
    // A moved slider takes precedence over the lesson.
    let mut spec = given.spec.clone();
    let DataSpec::Plugin(plugin) = &mut spec.data else { panic!("a plugin") };
    plugin.params.insert("noise".into(), ParamValue::Number(0.75));
    let setup = sandbox.assemble(&spec).unwrap();
    assert_eq!(setup.train.input(0)[0], 0.75);
    let patch = SpecPatch { data: Some(PluginRef::named("xor")), ..SpecPatch::default() };
    assert_eq!(sandbox.patch(&mut spec, &patch).unwrap().train.len(), 4);
}
