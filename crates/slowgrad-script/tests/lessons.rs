//! Lessons, plugins and data through the public interface of the crate.
#![allow(clippy::unwrap_used, missing_docs, clippy::print_stdout, reason = "a test")]

mod common;
use slowgrad_engine::condition;
use slowgrad_engine::model::Model;
use slowgrad_engine::plugin::{ControlKind, StateField};
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::{LayerPart, Parameter, Shape};
use slowgrad_engine::spec::{DataSpec, ParamValue, PluginRef, SpecPatch};
use slowgrad_script::{PluginKind, TokenKind, highlight};
use slowgrad_tape::math;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::cue::{CameraTarget, Cue, CueCondition, CueParameters, Panel, PlayPart, Plot};
use slowgrad_timeline::scene::Target;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

const LESSON: &str = "//! A page.\nfn lesson() {
    #{ title: \"Mine\", layers: [2, #{ size: 3, activation: \"relu\" }, 4, 1], output: \"sigmoid\",
       loss: #{ name: \"huber\", delta: 2.0 }, optimizer: \"momentum\", data: \"xor\", batch: 2, seed: 7, params: #{ lr: 0.5, delta: 3.0 } }
}
fn perform(stage) {
    stage.section(\"one\");
    stage.say(\"hello {output:2}\");
    stage.play(\"forward\", #{ by: \"neuron\", seconds: 2 });
    stage.step(-2, \"layer\");
    stage.wait();
    stage.pause(1.5);
    stage.tweak(weight(0, 1, 1), 0.25);
    stage.tweak(bias(2, 0), 1);
    stage.set(#{ optimizer: \"sgd\", lr: 0.1, batch: 4 });
    stage.train(200);
}";

#[test]
fn a_lesson_becomes_plain_data() {
    let sandbox = common::sandbox(&[("mine.rhai", LESSON)]);
    let lesson = sandbox.open("mine.rhai").unwrap();
    let spec = &lesson.spec;
    assert_eq!((spec.title.as_str(), spec.inputs, spec.batch, spec.seed), ("Mine", 2, 2, 7));
    let names: Vec<(usize, &str)> =
        spec.layers.iter().map(|layer| (layer.size, layer.activation.name.as_str())).collect();
    assert_eq!(names, [(3, "relu"), (4, "tanh"), (1, "sigmoid")]);
    // The plugin's own map takes precedence over the lesson's params.
    assert_eq!(spec.loss.params["delta"], ParamValue::Number(2.0));
    assert_eq!(lesson.setup.optimizer.learning_rate(), 0.5);
    assert_eq!(lesson.setup.train.len(), 4);
    assert!(lesson.setup.test.is_empty());
    assert_eq!(lesson.page, "A page.");
    let patch = SpecPatch {
        optimizer: Some(PluginRef::named("sgd")),
        batch: Some(4),
        params: [("lr".to_owned(), ParamValue::Number(0.1))].into(),
        ..SpecPatch::default()
    };
    assert_eq!(
        lesson.cues,
        [
            Cue::Section("one".into()),
            Cue::Say("hello {output:2}".into()),
            Cue::Play { part: PlayPart::Forward, by: Granularity::Neuron, seconds: Some(2.0) },
            Cue::Step { count: -2, by: Granularity::Layer },
            Cue::Wait,
            Cue::Pause { seconds: 1.5 },
            Cue::Tweak { parameter: Parameter { layer: 0, neuron: 1, input: Some(1) }, value: 0.25 },
            Cue::Tweak { parameter: Parameter { layer: 2, neuron: 0, input: None }, value: 1.0 },
            Cue::Set(Box::new(patch)),
            Cue::Train { steps: 200 },
        ]
    );
    assert_eq!(lesson.cue_locations[3].as_ref().unwrap().to_string(), "mine.rhai:10:5");
    for file in [
        "mine.rhai",
        "activations/relu.rhai",
        "losses/huber.rhai",
        "optimizers/sgd.rhai",
        "datasets/xor.rhai",
        "initializers/xavier_uniform.rhai",
    ] {
        assert!(lesson.files.contains(&file.to_owned()), "{file} {:?}", lesson.files);
    }
    let again = sandbox.open("mine.rhai").unwrap();
    assert_eq!(again.parameters, lesson.parameters);
}

const STAGED: &str = "fn lesson() { #{ title: \"Staged\", layers: [2, 3, 1], data: \"xor\" } }
const MOST = 7;
fn is_in(p, layer) { p.layer == layer && !p.is_bias }
fn perform(stage) {
    stage.ask(\"Which?\", [\"a\", \"b\", \"c\"], 2);
    stage.focus(weight(1, 0, 2));
    stage.focus(bias(0, 1));
    stage.focus(neuron(0, 2));
    let least = 0.25;
    stage.highlight(|p| abs(p.grad) > least);
    for layer in 0..2 { stage.highlight(|p| is_in(p, layer)); }
    stage.train_until(|m| m.loss < 0.01 || m.step >= global::MOST, 100);
    stage.clear();
    stage.speed(0.5);
    stage.camera(\"fit\");
    stage.camera(#{ layer: 1 });
    stage.camera(#{ layer: 0, neuron: 2 });
    stage.camera(weight(0, 1, 1));
    stage.show(\"timeline\");
    stage.hide(\"lesson\");
    stage.plot(\"loss function\");
    stage.note(\"Slowly.\");
}";

#[test]
fn the_lesson_in_the_readme_runs() {
    let guide = std::fs::read_to_string(format!("{}/../../scripts/README.md", env!("CARGO_MANIFEST_DIR"))).unwrap();
    let mut blocks = guide.split("```rhai\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    let lesson = blocks.find(|block| block.contains("stage.ask(")).unwrap();
    let lesson = common::sandbox(&[("mine.rhai", lesson)]).open("mine.rhai").unwrap();
    let has_question = lesson.cues.iter().any(|cue| matches!(cue, Cue::Ask { right: 1, .. }));
    assert!(has_question && lesson.cues.contains(&Cue::Focus(Target::Weight { layer: 1, neuron: 0, input: 2 })));
}

#[test]
fn the_stage_records_cues_and_numbers_their_conditions() {
    let lesson = common::sandbox(&[("mine.rhai", STAGED)]).open("mine.rhai").unwrap();
    let neuron = Target::Neuron { layer: 0, neuron: 2 };
    assert_eq!(
        lesson.cues,
        [
            Cue::Ask { question: "Which?".into(), answers: vec!["a".into(), "b".into(), "c".into()], right: 2 },
            Cue::Focus(Target::Weight { layer: 1, neuron: 0, input: 2 }),
            Cue::Focus(Target::Bias { layer: 0, neuron: 1 }),
            Cue::Focus(neuron),
            Cue::Highlight(CueCondition(0)),
            Cue::Highlight(CueCondition(1)),
            Cue::Highlight(CueCondition(2)),
            Cue::TrainUntil { until: CueCondition(3), max_steps: 100 },
            Cue::Clear,
            Cue::Speed(0.5),
            Cue::Camera(CameraTarget::Fit),
            Cue::Camera(CameraTarget::Layer(1)),
            Cue::Camera(CameraTarget::At(neuron)),
            Cue::Camera(CameraTarget::At(Target::Weight { layer: 0, neuron: 1, input: 1 })),
            Cue::Show(Panel::Timeline),
            Cue::Hide(Panel::Lesson),
            Cue::Plot(Plot::Loss),
            Cue::Note("Slowly.".into()),
        ]
    );
    assert_eq!(lesson.conditions.len(), 4);
}

#[test]
fn layers_have_no_biases_or_are_frozen_as_the_lesson_says() {
    let open = |layers: &str, more: &str| {
        let text = format!(
            "fn lesson() {{ #{{ title: \"T\", data: \"xor\", layers: {layers}, {more} }} }}
            fn perform(stage) {{
                stage.freeze(#{{ layer: 0 }});
                stage.unfreeze(#{{ layer: 0, part: \"weights\" }});
                stage.freeze(neuron(1, 0));
                stage.freeze(weight(0, 1, 0));
            }}"
        );
        common::sandbox(&[("mine.rhai", &text)]).open("mine.rhai").unwrap()
    };
    let lesson = open("[2, #{ size: 3, bias: false, frozen: true }, #{ size: 2, frozen: \"biases\" }, 1]", "");
    let shape = &lesson.setup.shape;
    assert_eq!([0, 1, 2].map(|layer| shape.biases(layer).len()), [0, 2, 1]);
    assert_eq!(lesson.parameters.len(), 6 + 8 + 3);
    assert_eq!(lesson.setup.frozen.iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 12, 13]);
    let layer = |part| CueParameters::Layer { layer: 0, part };
    let weight = Target::Weight { layer: 0, neuron: 1, input: 0 };
    assert_eq!(
        lesson.cues,
        [
            Cue::Freeze { parameters: layer(LayerPart::All), frozen: true },
            Cue::Freeze { parameters: layer(LayerPart::Weights), frozen: false },
            Cue::Freeze { parameters: CueParameters::Of(Target::Neuron { layer: 1, neuron: 0 }), frozen: true },
            Cue::Freeze { parameters: CueParameters::Of(weight), frozen: true },
        ]
    );
    assert_eq!(lesson.cues[1].to_string(), "unfreezes the weights of layer 0");
    assert_eq!(lesson.cues[3].to_string(), "freezes weight(0, 1, 0)");
    // The fields of the lesson are the defaults of its layers.
    let lesson = open("[2, #{ size: 3, bias: true }, #{ size: 1, frozen: false }]", "bias: false, frozen: \"weights\"");
    assert_eq!([0, 1].map(|layer| lesson.setup.shape.biases(layer).len()), [3, 0]);
    assert_eq!(lesson.setup.frozen.iter().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    assert!(!lesson.spec.input_gradients && open("[2, 2, 1]", "input_gradients: true").spec.input_gradients);
}

/// A parameter that does not exist is neither drawn, penalized nor named by a condition.
#[test]
fn initializers_and_regularizers_pass_over_biases_that_a_layer_lacks() {
    let text = r#"fn lesson() { #{ title: "T", data: "xor", layers: [2, 2, 1], bias: false, regularizer: "l2", initializer: "mine" } }"#;
    let init = "fn init(ctx) { if ctx.is_bias { throw \"no bias\" } 0.25 }";
    let sandbox = common::sandbox(&[("mine.rhai", text), ("initializers/mine.rhai", init)]);
    let lesson = sandbox.open("mine.rhai").unwrap();
    assert_eq!(lesson.parameters, [0.25; 6]);
    let step = Run::new(lesson.setup, lesson.parameters).record().unwrap();
    assert!(step.penalty.unwrap().traces.iter().all(Option::is_some));
}

#[test]
fn conditions_keep_captured_values_and_run_for_every_parameter() {
    let lesson = common::sandbox(&[("mine.rhai", STAGED)]).open("mine.rhai").unwrap();
    let mut run = Run::new(lesson.setup.clone(), lesson.parameters.clone());
    // Only some gradients of this sample are large.
    run.seek(3).unwrap();
    let step = run.record().unwrap();
    let holds = |at: usize| match &lesson.conditions[at] {
        condition::Condition::Parameter(condition) => condition.evaluate(&step).unwrap(),
        condition::Condition::Training(_) => panic!("a condition of parameters"),
    };
    let large: Vec<bool> = step.grads.iter().map(|grad| grad.abs() > 0.25).collect();
    assert!(large.contains(&true) && large.contains(&false), "{:?}", step.grads);
    assert_eq!(holds(0), large);
    for layer in 0..2 {
        let shape = &step.shape;
        let in_layer: Vec<bool> = (0..shape.parameters()).map(|index| shape.weights(layer).contains(&index)).collect();
        assert_eq!(holds(1 + layer), in_layer, "weights of layer {layer}");
    }
}

#[test]
fn conditions_of_training_run_after_the_first_epoch() {
    let lesson = common::sandbox(&[("mine.rhai", STAGED)]).open("mine.rhai").unwrap();
    let condition::Condition::Training(condition) = &lesson.conditions[3] else { panic!("a condition of training") };
    let mut until = condition::StopCondition::new(condition.clone());
    let mut run = Run::new(lesson.setup.clone(), lesson.parameters.clone());
    assert_eq!(run.setup().steps_per_epoch(), 4);
    // The condition is false after the first sample and true after all four.
    let mut reached = |loss: f64| {
        run.advance().unwrap();
        until.is_reached(&mut run, loss).unwrap()
    };
    let losses = [0.001, 0.5, 0.001, 0.001, 0.001, 0.001];
    assert_eq!(losses.map(&mut reached), [false, false, false, false, false, true]);
    assert!(reached(9.0), "the constant of the file counts");
}

#[test]
fn a_patch_changes_only_its_fields_and_nothing_when_it_fails() {
    let sandbox = common::sandbox(&[("mine.rhai", LESSON)]);
    let mut spec = sandbox.open("mine.rhai").unwrap().spec;
    let setup = sandbox
        .patch(&mut spec, &SpecPatch { optimizer: Some(PluginRef::named("adam")), ..SpecPatch::default() })
        .unwrap();
    assert_eq!(
        (setup.optimizer.info.name.as_str(), setup.optimizer.learning_rate()),
        ("adam", 0.5),
        "the learning rate stays"
    );
    let before = spec.clone();
    let wrong = SpecPatch {
        activation: Some(PluginRef::named("tanh")),
        loss: Some(PluginRef::named("nothing")),
        ..SpecPatch::default()
    };
    assert_eq!(sandbox.patch(&mut spec, &wrong).unwrap_err()[0].code, "unknown-plugin");
    assert_eq!(spec, before);
    let moved = SpecPatch { params: [("lr".to_owned(), ParamValue::Number(0.01))].into(), ..SpecPatch::default() };
    let next = sandbox.patch(&mut spec, &moved).unwrap();
    assert_eq!(next.optimizer.learning_rate(), 0.01);
    assert!(
        Rc::ptr_eq(&common::rules(&next.optimizer)[0], &common::rules(&setup.optimizer)[0]),
        "a slider keeps the traces"
    );
    assert!(Arc::ptr_eq(&next.train, &setup.train), "the data stays");
    let all = SpecPatch {
        activation: Some(PluginRef::named("softplus")),
        output: Some(PluginRef::named("softmax")),
        ..SpecPatch::default()
    };
    let setup = sandbox.patch(&mut spec, &all).unwrap();
    let names: Vec<&str> = setup.activations.iter().map(|activation| activation.info.name.as_str()).collect();
    assert_eq!(names, ["softplus", "softplus", "softmax"]);
    assert!(setup.activations[2].whole_layer);
    assert!(Rc::ptr_eq(&setup.activations[0].function, &setup.activations[1].function));
}

#[test]
fn a_lesson_finds_plugins_and_files_beside_itself_first() {
    let own = [
        (
            "mine.rhai",
            "fn lesson() { #{ title: \"t\", layers: [1, 1], activation: \"tanh\", output: \"tanh\", loss: \"odd\", data: csv(\"d.csv\", #{ inputs: [\"x\"], target: \"y\" }), weights: \"w.json\" } }",
        ),
        ("activations/tanh.rhai", "/// Mine.\nfn activation(z) { z * 2.0 }"),
        ("odd.rhai", "fn loss(output, target) { output[0] }"),
        ("d.csv", "x,y\n1,2\n3,4\n"),
        ("w.json", "{\"format\": \"slowgrad-weights-1\", \"layers\": [{\"weight\": [[0.5]], \"bias\": [0.25]}]}"),
        (
            "xor.rhai",
            "fn lesson() { #{ title: \"a lesson that is named like its data\", layers: [2, 1], data: \"xor\" } }",
        ),
    ];
    let sandbox = common::sandbox(&own);
    let lesson = sandbox.open("mine.rhai").unwrap();
    assert_eq!(lesson.parameters, [0.5, 0.25]);
    assert_eq!(lesson.setup.activations[0].info.description, "Mine.");
    assert_eq!(lesson.setup.train.target(1), [4.0]);
    assert!(lesson.files.contains(&"d.csv".to_owned()) && lesson.files.contains(&"w.json".to_owned()));
    sandbox.open("xor.rhai").unwrap();
}

#[test]
fn a_lesson_may_define_its_own_functions() {
    let text = "fn lesson() { #{ title: \"t\", layers: [2, 2, 1], activation: \"relu\", loss: \"mse\", data: \"xor\", params: #{ pull: 3 } } }
        fn params() { #{ pull: slider(1, 0, 5) } }
        fn activation(z) { z * 3.0 }
        fn loss(output, target, p) { p.pull * output[0] }
        fn state() { #{ n: 0 } }
        fn update(w, grad, state, ctx) { state.n += 1; w - grad * ctx.lr }";
    let sandbox = common::sandbox(&[("mine.rhai", text)]);
    let lesson = sandbox.open("mine.rhai").unwrap();
    assert_eq!(lesson.setup.activations[0].info.name, "mine");
    assert_eq!(lesson.setup.activations[1].info.name, "identity");
    assert_eq!(lesson.setup.loss.info.sliders(), [3.0]);
    assert_eq!(lesson.setup.optimizer.state, [StateField::per_parameter("n", 0.0)]);
    assert!(sandbox.check("mine.rhai").is_empty());
}

#[test]
fn a_replaced_file_takes_effect_and_old_traces_keep_their_text() {
    let mut sandbox = common::sandbox(&[("activations/own.rhai", "fn activation(z) { z + 1.0 }")]);
    let plugin = PluginRef::named("own");
    let old = sandbox.activation(&plugin, 1).unwrap();
    let before = old.function.borrow_mut().call(&[1.0]).unwrap();
    sandbox.replace("own", "activations/own.rhai", Some(Arc::from(&b"// new\nfn activation(z) { z * 5.0 }"[..])));
    let new = sandbox.activation(&plugin, 1).unwrap();
    assert_eq!(new.function.borrow_mut().call(&[1.0]).unwrap().output(0), 5.0);
    // The old version still runs, and its locations are those of the old text.
    let after = old.function.borrow_mut().call(&[2.0]).unwrap();
    assert_eq!(after.output(0), 3.0);
    for call in [before, after] {
        let place = call.trace.location(&call.trace.nodes()[call.trace.nodes().len() - 1].site.unwrap()).unwrap();
        assert_eq!(place.span.text(&place.source), "z + 1.0");
    }
    sandbox.replace("own", "activations/own.rhai", None);
    assert_eq!(sandbox.activation(&plugin, 1).unwrap_err().code, "unknown-plugin");
}

#[test]
fn imported_files_are_always_watched() {
    let own = [
        ("shared/m.rhai", "fn f(x) { x * 2.0 }"),
        ("own.rhai", "import \"shared/m\" as m;\nfn activation(z) { m::f(z) }"),
        ("mine.rhai", "fn lesson() { #{ title: \"t\", layers: [2, 1], output: \"own\", data: \"xor\" } }"),
    ];
    let mut sandbox = common::sandbox(&own);
    for _ in 0..2 {
        assert!(sandbox.open("mine.rhai").unwrap().files.contains(&"shared/m.rhai".to_owned()));
    }
    sandbox.replace("own", "shared/m.rhai", Some(Arc::from(&b"fn f(x) { x * 3.0 }"[..])));
    let lesson = sandbox.open("mine.rhai").unwrap();
    assert_eq!(lesson.setup.activations[0].function.borrow_mut().call(&[2.0]).unwrap().output(0), 6.0);
    assert!(lesson.files.contains(&"shared/m.rhai".to_owned()));
}

#[test]
fn entries_have_their_origin_and_the_entries_they_shadow() {
    let own = [
        ("losses/mse.rhai", "//! # Mine\n//!\n//! About it.\nfn loss(output, target, p) { output[0] }"),
        ("sgd.rhai", "/// Bare.\nfn update(w, grad, state, ctx) { w }"),
        ("momentum.rhai", "fn lesson() { #{ title: \"Mine\" } } fn update(w, grad, state, ctx) { w }"),
        ("optimizers/odd.rhai", "fn updat(w, grad, state, ctx) { w }"),
        ("optimizers/loud.rhai", "fn params() { print(1); #{} } fn update(w, grad, state, ctx) { w }"),
    ];
    let sandbox = common::sandbox(&own);
    let entry = |kind, name: &str| sandbox.catalogue(kind).into_iter().find(|entry| entry.info.name == name).unwrap();
    let mse = entry(PluginKind::Loss, "mse");
    assert_eq!((mse.path.as_str(), mse.root, mse.hides), ("losses/mse.rhai", 1, vec![0]));
    assert_eq!((mse.title.as_str(), mse.info.description.as_str()), ("Mine", "About it."));
    assert_eq!((mse.signature.as_str(), mse.page.lines().count()), ("loss(output, target, p)", 3));
    assert_eq!(entry(PluginKind::Loss, "mae").root, 0);
    // A plugin beside the lesson shadows the library even without a folder. A lesson is not a plugin.
    assert_eq!(entry(PluginKind::Optimizer, "sgd").path, "sgd.rhai");
    assert_eq!(sandbox.path_of(PluginKind::Optimizer, "sgd").as_deref(), Some("sgd.rhai"));
    assert_eq!(sandbox.path_of(PluginKind::Optimizer, "momentum").as_deref(), Some("optimizers/momentum.rhai"));
    let (lesson, shipped) = (entry(PluginKind::Lesson, "momentum"), entry(PluginKind::Lesson, "large"));
    assert_eq!((lesson.title.as_str(), lesson.path.as_str(), lesson.root), ("Mine", "momentum.rhai", 1));
    assert_eq!(shipped.title, "A large network");
    assert!(shipped.info.description.starts_with("A network of the size"), "{}", shipped.info.description);
    let odd = entry(PluginKind::Optimizer, "odd");
    assert_eq!(odd.problem.map(|problem| problem.code), Some("missing-function"));
    assert!(sandbox.console().is_empty() && sandbox.files().is_empty(), "looking is neither printing nor using");
}

#[test]
fn lists_describe_every_plugin() {
    let sandbox = common::sandbox(&[("losses/broken.rhai", "fn loss(")]);
    let names = |kind| sandbox.list(kind).into_iter().map(|info| info.name).collect::<Vec<_>>();
    assert_eq!(names(PluginKind::Regularizer), ["elastic", "l1", "l2"]);
    assert!(names(PluginKind::Loss).contains(&"broken".to_owned()));
    for kind in PluginKind::ALL {
        for info in sandbox.list(kind) {
            assert!(!info.description.is_empty(), "{}", info.name);
            assert_eq!(info.name == "broken", info.description.starts_with("cannot be used"));
        }
    }
    let adam = sandbox.optimizer(&PluginRef::named("adam"), &common::smallest()).unwrap();
    let names: Vec<&str> = adam.info.controls.iter().map(|control| control.name.as_str()).collect();
    assert_eq!(names, ["lr", "beta1", "beta2", "epsilon"]);
    let sgd = sandbox.optimizer(&PluginRef::named("sgd"), &common::smallest()).unwrap();
    assert_eq!(sgd.info.controls[0].kind, ControlKind::Slider { value: 0.1, min: 1e-5, max: 10.0, log: true });
    let tanh = sandbox.activation(&PluginRef::named("tanh"), 1).unwrap();
    assert_eq!(tanh.derivative_text.as_deref(), Some("1.0 - a * a"));
}

fn length(point: &[f64]) -> f64 {
    point.iter().map(|x| x * x).sum::<f64>().sqrt()
}

#[test]
fn data_sets_match_the_playground() {
    let sandbox = common::sandbox(&[]);
    let made = |name: &str, count, noise| sandbox.dataset(&PluginRef::named(name), count, noise, 3).unwrap();
    for (name, count) in
        [("circle", 500), ("xor_region", 500), ("gauss", 500), ("spiral", 500), ("plane", 1200), ("gaussians", 1200)]
    {
        let samples = made(name, None, 0.0);
        assert_eq!(samples.len(), count, "{name}");
        assert_eq!(made(name, Some(200), 0.25).len(), 200, "{name}");
        assert_eq!(samples, made(name, None, 0.0));
        assert!(samples.iter().all(|s| s.target[0].abs() <= 1.2 && s.input.iter().all(|x| x.abs() <= 6.0)), "{name}");
    }
    for sample in made("circle", None, 0.0) {
        let r = length(&sample.input);
        assert!(if sample.target[0] > 0.0 { r < 2.5 } else { (3.4999..5.0001).contains(&r) });
    }
    for sample in made("xor_region", None, 0.0) {
        assert_eq!(sample.target[0] > 0.0, sample.input[0] * sample.input[1] >= 0.0);
        assert!(sample.input.iter().all(|x| (0.3..=5.3).contains(&x.abs())));
    }
    let spiral = made("spiral", None, 0.0);
    assert_eq!((spiral[0].target[0], spiral[250].target[0]), (1.0, -1.0));
    assert!((length(&spiral[100].input) - 2.0).abs() < 1e-12);
    let gauss = made("gauss", None, 0.0);
    let mean = gauss[..250].iter().map(|s| s.input[0]).sum::<f64>() / 250.0;
    assert!((mean - 2.0).abs() < 0.2, "{mean}");
    for sample in made("plane", None, 0.0) {
        assert_eq!(sample.target[0], (sample.input[0] + 0.0 + sample.input[1] + 0.0) / 10.0);
    }
    assert!(made("gaussians", None, 0.0).iter().any(|s| s.target[0] > 0.8));
}

#[test]
fn inputs_and_outputs_have_the_names_of_the_lesson_or_of_its_table() {
    let named = r#"fn lesson() { #{ title: "t", layers: [2, 2], input_names: ["width", ""], output_names: ["no", "yes"],
        data: [#{ input: [0.0, 1.0], target: [1.0, 0.0] }, #{ input: [1.0, 1.0], target: [0.0, 1.0] }] } }"#;
    let table = r#"fn lesson() { #{ title: "t", layers: [2, 2], input_names: ["", "height"],
        data: csv("t.csv", #{ target: "answer" }) } }"#;
    let sandbox = common::sandbox(&[("a.rhai", named), ("b.rhai", table), ("t.csv", "w,h,answer\n1,2,no\n3,4,yes\n")]);
    let names = |path: &str| (*sandbox.open(path).unwrap().setup.io_names).clone();
    let inline = names("a.rhai");
    assert_eq!((inline.input(0), inline.input(1), inline.output(1)), (Some("width"), None, Some("yes")));
    let read = names("b.rhai");
    assert_eq!(
        (read.inputs, read.outputs),
        (vec!["w".to_owned(), "height".into()], vec!["no".to_owned(), "yes".into()])
    );
    let wrong = named.replace("[\"no\", \"yes\"]", "[\"no\", \"yes\", \"maybe\"]");
    let sandbox = common::sandbox(&[("a.rhai", wrong.as_str())]);
    let errors = sandbox.open("a.rhai").unwrap_err();
    assert_eq!(errors[0].message, "`output_names` has 3 names, but the network has 2 there");
}

#[test]
fn a_table_is_read_again_only_if_its_file_changes() {
    let lesson =
        r#"fn lesson() { #{ title: "t", layers: [1, 1], data: csv("t.csv", #{ inputs: ["x"], target: "y" }) } }"#;
    let mut sandbox = common::sandbox(&[("a.rhai", lesson), ("t.csv", "x,y\n1,2\n")]);
    let train = |sandbox: &slowgrad_script::Sandbox| sandbox.open("a.rhai").unwrap().setup.train;
    let first = train(&sandbox);
    let root = sandbox.file("t.csv").unwrap().0;
    sandbox.replace(&root, "a.rhai", Some(lesson.replace("\"t\"", "\"T\"").as_bytes().into()));
    assert!(std::sync::Arc::ptr_eq(&first, &train(&sandbox)), "a script was saved");
    assert!(std::sync::Arc::ptr_eq(&first, &train(&sandbox.with_library(sandbox.library()))), "a text is checked");
    sandbox.replace(&root, "t.csv", Some(b"x,y\n1,5\n".as_slice().into()));
    assert_eq!(train(&sandbox).targets(), [5.0]);
}

#[test]
fn iris_is_fishers_data() {
    let sandbox = common::sandbox(&[]);
    let lesson = sandbox.open("lessons/iris.rhai").unwrap();
    assert_eq!((lesson.setup.train.len(), lesson.setup.test.len()), (120, 30));
    assert!(lesson.data.classes.iter().all(|class| (class.train, class.test) == (40, 10)), "{:?}", lesson.data.classes);
    assert_eq!(lesson.setup.io_names.output(2), Some("virginica"));
    assert!(matches!(lesson.spec.data, DataSpec::Table(_)));
    let mut sums = [0.0; 4];
    for data in [&lesson.setup.train, &lesson.setup.test] {
        for sample in 0..data.len() {
            data.input(sample).iter().zip(&mut sums).for_each(|(x, sum)| *sum += x);
        }
    }
    let means = sums.map(|sum| (sum / 150.0 * 1000.0).round() / 1000.0);
    assert_eq!(means, [5.843, 3.057, 3.758, 1.199]);
}

#[test]
fn initializers_draw_from_their_distribution() {
    let sandbox = common::sandbox(&[]);
    let shape = Shape::new(50, &[40, 10]);
    let drawn = |name: &str| sandbox.initializer(&PluginRef::named(name), &shape, 1).unwrap();
    let r = (6.0_f64 / 90.0).sqrt();
    let values = drawn("xavier_uniform");
    assert!(
        values[shape.weights(0)].iter().all(|w| w.abs() <= r)
            && values[shape.weights(0)].iter().any(|w| w.abs() > 0.9 * r)
    );
    assert!(values[shape.biases(0)].iter().all(|b| *b == 0.0));
    assert!(drawn("playground")[shape.biases(1)].iter().all(|b| *b == 0.1));
    let he = &drawn("he_normal")[shape.weights(0)];
    let deviation = (he.iter().map(|w| w * w).sum::<f64>() / he.len() as f64).sqrt();
    assert!((deviation - 0.2).abs() < 0.01, "{deviation}");
}

#[test]
fn large_data_and_weights_are_created_quickly() {
    let sandbox = common::sandbox(&[]);
    let start = Instant::now();
    let samples = sandbox.dataset(&PluginRef::named("patterns"), None, 0.1, 5).unwrap();
    println!("patterns: {:?}", start.elapsed());
    assert_eq!((samples.len(), samples[0].input.len(), samples[0].target.len()), (200, 784, 10));
    let start = Instant::now();
    let shape = Shape::new(784, &[128, 64, 10]);
    assert_eq!(sandbox.initializer(&PluginRef::named("he_normal"), &shape, 5).unwrap().len(), 109_386);
    println!("he_normal: {:?}", start.elapsed());
}

#[test]
fn binary_cross_entropy_has_pytorchs_values_and_gradients() {
    let sandbox = common::sandbox(&[]);
    let loss = sandbox.loss(&PluginRef::named("binary_cross_entropy"), 2).unwrap();
    for (o, t) in [([0.3, 0.8], [1.0, 0.0]), ([0.999, 0.5], [1.0, 0.25]), ([1e-9, 1.0 - 1e-9], [1.0, 0.0])] {
        let call = loss.function.borrow_mut().call(&[o[0], o[1], t[0], t[1]]).unwrap();
        let term = |o: f64, t: f64| -(t * math::ln(o).max(-100.0) + (1.0 - t) * math::ln(1.0 - o).max(-100.0));
        let expected = 0.5 * (term(o[0], t[0]) + term(o[1], t[1]));
        assert!((call.output(0) - expected).abs() <= 1e-12 * expected.abs(), "{o:?}");
        let mut grads = Vec::new();
        call.trace.backward(&call.values, &[1.0], &mut grads);
        for k in 0..2 {
            let torch = (o[k] - t[k]) / ((1.0 - o[k]) * o[k]).max(1e-12) / 2.0;
            assert!((grads[k] - torch).abs() <= 1e-9 * torch.abs().max(1.0), "{o:?} {} {torch}", grads[k]);
        }
    }
    // At exactly 0 and 1 the logarithm is −100 as in PyTorch, and nothing becomes NaN.
    let call = loss.function.borrow_mut().call(&[0.0, 1.0, 1.0, 1.0]).unwrap();
    assert_eq!(call.output(0), 50.0);
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &[1.0], &mut grads);
    assert!(grads[..2].iter().all(|g| g.is_finite()), "{:?}", &grads[..2]);
}

#[test]
fn optimizers_follow_pytorch() {
    let sandbox = common::sandbox(&[]);
    let after = |name: &str, gradients: &[f64]| {
        let optimizer = sandbox
            .optimizer(
                &PluginRef { name: name.into(), params: [("lr".to_owned(), ParamValue::Number(0.1))].into() },
                &common::smallest(),
            )
            .unwrap();
        let mut w = 1.0;
        let mut state = Model::new(vec![w], &optimizer).state.concat();
        for (i, g) in gradients.iter().enumerate() {
            let inputs = [
                vec![w, *g],
                state.clone(),
                vec![0.1, (i + 1) as f64, 0.0, 0.0, 0.0, 0.0, 1.0],
                optimizer.other_sliders(),
            ]
            .concat();
            let call = common::rules(&optimizer)[0].borrow_mut().call(&inputs).unwrap();
            w = call.output(0);
            state = (0..state.len()).map(|k| call.output(1 + k)).collect();
        }
        w
    };
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
    close(after("sgd", &[0.5, -0.2]), 1.0 - 0.05 + 0.02);
    close(after("momentum", &[0.5, -0.2]), 1.0 - 0.05 - 0.1 * (0.45 - 0.2));
    close(after("nesterov", &[0.5, -0.2]), 1.0 - 0.1 * (0.5 + 0.45) - 0.1 * (-0.2 + 0.9 * 0.25));
    let adam = |gradients: &[f64]| {
        let (mut w, mut m, mut v) = (1.0_f64, 0.0_f64, 0.0_f64);
        for (i, g) in gradients.iter().enumerate() {
            let t = (i + 1) as f64;
            m = 0.9 * m + 0.1 * g;
            v = 0.999 * v + 0.001 * g * g;
            let denominator = v.sqrt() / (1.0 - math::pow(0.999, t)).sqrt() + 1e-8;
            w -= 0.1 / (1.0 - math::pow(0.9, t)) * m / denominator;
        }
        w
    };
    close(after("adam", &[0.5, -0.2, 3.0]), adam(&[0.5, -0.2, 3.0]));
}

#[test]
fn highlighting_returns_the_kinds_of_tokens() {
    let text = "/// doc\nfn loss(o, t) { exp(1.0) + \"a\" }";
    let kinds: Vec<(&str, TokenKind)> = highlight(text).into_iter().map(|(range, kind)| (&text[range], kind)).collect();
    assert_eq!(kinds[0], ("/// doc", TokenKind::DocComment));
    assert_eq!(kinds[1], ("fn", TokenKind::Keyword));
    assert!(kinds.contains(&("exp", TokenKind::Function)) && kinds.contains(&("\"a\"", TokenKind::Text)));
}

/// Running functions and replays keep the imports they were created with, even if the script runs each time.
#[test]
fn a_changed_or_broken_import_does_not_affect_running_functions() {
    let lesson = "fn lesson() { #{ title: \"t\", layers: [1, 2, 1], activation: \"own\", seed: 3,
                      data: [#{ input: [0.5], target: [1.0] }, #{ input: [-1.5], target: [0.0] }] } }
                  fn perform(stage) { }";
    let own = "import \"shared/m\" as m;\nfn activation(z) { if value(z) > 0.0 { m::f(z) } else { m::f(2.0 * z) } }";
    let mut sandbox = common::sandbox(&[
        ("lesson.rhai", lesson),
        ("activations/own.rhai", own),
        ("shared/m.rhai", "fn f(x) { tanh(x) }"),
    ]);
    let opened = sandbox.open("lesson.rhai").unwrap();
    let mut run = slowgrad_engine::run::Run::new(opened.setup.clone(), opened.parameters.clone());
    run.seek(20).unwrap();
    let before = run.model().clone();
    for text in ["fn f(x) { x * 3.0 }", "fn f(x) { "] {
        sandbox.replace("own", "shared/m.rhai", Some(text.as_bytes().into()));
        run.seek(0).unwrap();
        run.seek(20).expect("the last good version goes on");
        assert!(run.model().same_bits(&before), "the past has the bits it had");
    }
    assert!(sandbox.assemble(&opened.spec).is_err(), "assembling again reports the broken helper");
    sandbox.replace("own", "shared/m.rhai", Some(b"fn f(x) { x * 3.0 }".as_slice().into()));
    let mut changed = slowgrad_engine::run::Run::new(sandbox.assemble(&opened.spec).unwrap(), opened.parameters);
    changed.seek(20).unwrap();
    assert!(!changed.model().same_bits(&before), "assembling again uses the new helper");
}
