//! What the backend predictions, through its one door: commands in, snapshots out.

mod conditions;
mod plugins;
mod replay;
mod stored;
mod structure;
mod undo;

use crate::backend::link::{BackendLink as _, InlineBackend};
use crate::protocol::*;
use crate::shipped;
use crate::testing::{idle, inline};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::{ParamValue, PluginRef, SpecPatch};
use slowgrad_engine::structure::Reshape;
use slowgrad_script::{Files, Root};
use slowgrad_script::{Library, Limits};
use std::sync::Arc;

const LESSON: &str = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], optimizer: "own", data: "xor", seed: 3 } }"#;
const OPTIMIZER: &str =
    "fn state() { #{ v: 0.0 } } fn update(w, grad, state, ctx) { state.v += grad; w - ctx.lr * state.v }";

fn backend() -> InlineBackend {
    backend_with(LESSON, OPTIMIZER)
}

fn backend_with(lesson: &str, optimizer: &str) -> InlineBackend {
    backend_within(Limits::default(), lesson, optimizer)
}

fn backend_within(limits: Limits, lesson: &str, optimizer: &str) -> InlineBackend {
    let files = Files::from_iter([("t.rhai", lesson.as_bytes()), ("optimizers/own.rhai", optimizer.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    inline(library, limits, "t.rhai")
}

fn idle_snapshot(backend: &mut InlineBackend) -> Snapshot {
    idle(backend)
}

fn reload(text: &str, at_once: bool) -> BackendCommand {
    let bytes = Some(text.as_bytes().to_vec());
    BackendCommand::ReloadFile { root: "own".into(), path: "optimizers/own.rhai".into(), bytes, at_once }
}

fn values(snapshot: &Snapshot) -> Vec<u64> {
    let timeline = snapshot.timeline.as_ref().expect("a step");
    timeline.step().before.values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn going_back_reproduces_a_step_to_the_bit() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(8));
    let first = idle_snapshot(&mut backend);
    backend.send(BackendCommand::Train(100));
    assert_eq!(idle_snapshot(&mut backend).timeline.expect("a step").step().step, 108);
    backend.send(BackendCommand::Seek(8));
    let again = idle_snapshot(&mut backend);
    assert_eq!(values(&first), values(&again));
    assert_eq!(again.furthest, 107);
    backend.send(Change::Reset.into());
    backend.send(BackendCommand::Seek(8));
    assert_eq!(values(&idle_snapshot(&mut backend)), values(&first));
}

#[test]
fn a_broken_script_has_no_effect_and_a_valid_one_waits_for_the_end_of_the_step() {
    let mut backend = backend();
    let before = idle_snapshot(&mut backend);
    backend.send(reload(&OPTIMIZER.replace("state.v +=", "state.u +="), false));
    let broken = idle_snapshot(&mut backend);
    assert_eq!(broken.problems.len(), 1);
    assert_eq!(values(&broken), values(&before));
    backend.send(BackendCommand::Seek(2));
    assert!(!idle_snapshot(&mut backend).stuck);

    backend.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), false));
    let waits = idle_snapshot(&mut backend);
    assert!(waits.problems.is_empty());
    assert_eq!(waits.timeline.expect("a step").step().names.state_names(), ["v"]);
    backend.send(BackendCommand::Seek(3));
    let after = idle_snapshot(&mut backend);
    assert_eq!(after.timeline.as_ref().expect("a step").step().names.state_names(), ["u"]);
    assert!(after.messages.iter().any(|message| message.contains("«v» dropped")), "{:?}", after.messages);
}

#[test]
fn an_endless_script_is_stopped() {
    let mut backend = backend();
    backend.send(reload(&OPTIMIZER.replace("state.v += grad", "loop { }"), true));
    let stopped = idle_snapshot(&mut backend);
    assert_eq!(stopped.problems[0].severity, slowgrad_tape::Severity::Error);
    backend.send(BackendCommand::Seek(5));
    assert_eq!(idle_snapshot(&mut backend).timeline.expect("a step").step().step, 5);
}

#[test]
fn controls_and_plugins_take_effect_at_once_and_edits_persist() {
    let mut backend = backend();
    backend.send(Change::Input { sample: 0, input: 1, value: 0.25 }.into());
    backend.send(weight(2.0).into());
    backend.send(
        Change::Control {
            slot: Slot::Optimizer,
            layers: Vec::new(),
            control: "lr".into(),
            value: ParamValue::Number(0.125),
        }
        .into(),
    );
    backend.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    let snapshot = idle_snapshot(&mut backend);
    let timeline = snapshot.timeline.expect("a step");
    let step = timeline.step();
    assert_eq!((step.samples[0].input[1], step.before.values[0], step.contexts[0][0]), (0.25, 2.0, 0.125));
    assert_eq!(step.names.loss, "mae");
    backend.send(patch(SpecPatch { optimizer: Some(PluginRef::named("nothing")), ..SpecPatch::default() }));
    let snapshot = idle_snapshot(&mut backend);
    assert_eq!(snapshot.problems.len(), 1);
    assert_eq!(snapshot.timeline.expect("a step").step().names.optimizer, "own");
}

fn save(path: &str, text: &str) -> BackendCommand {
    BackendCommand::ReloadFile {
        root: "own".into(),
        path: path.into(),
        bytes: Some(text.as_bytes().to_vec()),
        at_once: false,
    }
}

fn patch(patch: SpecPatch) -> BackendCommand {
    Change::Patch(Box::new(patch)).into()
}

/// A change of the first weight.
fn weight(value: f64) -> Change {
    Change::Parameter { parameter: Parameter { layer: 0, neuron: 0, input: Some(0) }, value }
}

fn rate(value: f64) -> BackendCommand {
    Change::Control {
        slot: Slot::Optimizer,
        layers: Vec::new(),
        control: "lr".into(),
        value: ParamValue::Number(value),
    }
    .into()
}

/// The shown step, with its optimizer, loss and learning rate.
fn shown(snapshot: &Snapshot) -> (u64, String, String, f64) {
    let timeline = snapshot.timeline.as_ref().expect("a step");
    let step = timeline.step();
    (step.step, step.names.optimizer.clone(), step.names.loss.clone(), step.contexts[0][0])
}

#[test]
fn going_back_restores_the_plugins_of_that_step() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(50));
    backend.send(patch(SpecPatch { optimizer: Some(PluginRef::named("sgd")), ..SpecPatch::default() }));
    assert_eq!(shown(&idle_snapshot(&mut backend)).1, "sgd");
    backend.send(BackendCommand::Seek(10));
    backend.send(rate(0.125));
    let slid = idle_snapshot(&mut backend);
    assert_eq!((shown(&slid).0, shown(&slid).1.as_str(), shown(&slid).3), (10, "own", 0.125));
    backend.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    assert_eq!(shown(&idle_snapshot(&mut backend)), (10, "own".into(), "mae".into(), 0.125));
}

#[test]
fn changes_during_a_pending_reload_persist() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(10));
    idle_snapshot(&mut backend);
    backend.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), false));
    backend.send(save("t.rhai", &LESSON.replace("\"T\"", "\"T\", batch: 2")));
    backend.send(rate(0.125));
    let waits = idle_snapshot(&mut backend);
    assert_eq!((shown(&waits).3, waits.setup.expect("a set-up").batch), (0.125, 1));
    // Steps in the past do not end the wait.
    backend.send(BackendCommand::Seek(3));
    backend.send(BackendCommand::Seek(4));
    assert_eq!(idle_snapshot(&mut backend).timeline.expect("a step").step().names.state_names(), ["v"]);
    backend.send(BackendCommand::Train(10));
    let after = idle_snapshot(&mut backend);
    assert_eq!((shown(&after).0, shown(&after).3), (14, 0.125));
    assert_eq!(after.timeline.expect("a step").step().names.state_names(), ["u"]);
    assert_eq!(after.setup.expect("a set-up").batch, 2);
    backend.send(BackendCommand::Seek(10));
    assert_eq!(idle_snapshot(&mut backend).timeline.expect("a step").step().names.state_names(), ["v"]);
}

#[test]
fn a_seek_ends_all_training_and_training_can_be_stopped() {
    let mut backend = backend();
    backend.send(BackendCommand::FullSpeed(true));
    backend.send(BackendCommand::Train(1_000_000_000));
    backend.send(BackendCommand::Seek(7));
    assert_eq!(shown(&idle_snapshot(&mut backend)).0, 7);
    backend.send(BackendCommand::Train(1_000_000_000));
    backend.send(BackendCommand::FullSpeed(false));
    assert!(shown(&idle_snapshot(&mut backend)).0 < 1_000_000);
}

#[test]
fn a_new_lesson_beside_the_open_one_is_listed() {
    let mut backend = backend();
    backend.send(save("second.rhai", LESSON));
    backend.send(save("helper.rhai", "fn help() {}"));
    let names = |snapshot: Snapshot| snapshot.lessons.iter().map(|choice| choice.name.clone()).collect::<Vec<_>>();
    let both = idle_snapshot(&mut backend);
    let titles = both.lessons.iter().map(|choice| choice.title.clone()).collect::<Vec<_>>();
    let lessons = names(both);
    // The folder of the lesson comes first, then the shipped lessons in teaching order.
    assert_eq!(lessons[..4], ["second.rhai", "t.rhai", "lessons/welcome.rhai", "lessons/which-weights-change.rhai"]);
    assert_eq!(titles[1..4], ["T", "Welcome to slowgrad", "Which weights change?"]);
    assert!(!lessons.contains(&"helper.rhai".to_owned()));
    backend.send(BackendCommand::ReloadFile {
        root: "own".into(),
        path: "second.rhai".into(),
        bytes: None,
        at_once: false,
    });
    assert_eq!(names(idle_snapshot(&mut backend))[0], "t.rhai");
}

#[test]
fn only_the_shown_step_prints_to_the_console() {
    let mut backend = backend();
    let printing = LESSON.replace("#{", "print(\"read\"); #{");
    backend.send(save("t.rhai", &printing.replace("\"own\"", "\"own\", loss: \"loud\"")));
    backend.send(save("losses/loud.rhai", "fn loss(output, target) { print(output[0].value()); output[0] * 0.5 }"));
    backend.send(Change::Reset.into());
    let before = idle_snapshot(&mut backend);
    backend.send(BackendCommand::Seek(20));
    let after = idle_snapshot(&mut backend);
    assert!(before.console.iter().any(|line| line.text == "read"));
    let printed = after.console.len() - before.console.len();
    assert_eq!(printed, after.timeline.expect("a step").step().samples.len(), "{:?}", after.console);
}

/// An optimizer that fails from the fifth step on.
const FAILS: &str = "fn state() { #{ n: 0.0 } } fn update(w, grad, state, ctx) { state.n += 1.0; \
    if state.n > 4.5 { throw \"no more\"; } w - ctx.lr * grad }";

#[test]
fn after_a_failed_step_the_last_valid_step_is_shown_and_can_be_edited() {
    let mut backend = backend();
    backend.send(reload(FAILS, true));
    idle_snapshot(&mut backend);
    backend.send(BackendCommand::Change { step: Some(9), change: weight(2.0) });
    let failed = idle_snapshot(&mut backend);
    assert!(failed.stuck && !failed.problems.is_empty());
    assert_eq!((shown(&failed).0, failed.furthest), (4, 4));
    backend.send(weight(2.0).into());
    let edited = idle_snapshot(&mut backend);
    assert_eq!((shown(&edited).0, edited.furthest), (4, 3));
    assert_eq!(edited.timeline.expect("a step").step().before.values[0], 2.0);
}

#[test]
fn a_problem_is_cleared_once_the_run_works_again() {
    let mut backend = backend();
    let unknown = SpecPatch { loss: Some(PluginRef::named("nothing")), ..SpecPatch::default() };
    backend.send(patch(unknown));
    assert_eq!(idle_snapshot(&mut backend).problems.len(), 1);
    backend.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    assert!(idle_snapshot(&mut backend).problems.is_empty());
}

fn snapshot_after(backend: &mut InlineBackend, command: BackendCommand) -> Snapshot {
    backend.send(command);
    idle_snapshot(backend)
}

fn freeze(parameters: &[usize], frozen: bool) -> BackendCommand {
    let shape = slowgrad_engine::shape::Shape::new(2, &[3, 1]);
    let parameters = parameters.iter().map(|index| shape.parameter(*index)).collect();
    Change::Freeze { parameters, frozen }.into()
}

/// The text of the lesson with these layers.
fn with_layers(layers: &str) -> String {
    LESSON.replace("[2, 3, 1]", layers)
}

/// Draws the first moment of the shown step; returns the number of discs of neurons.
fn drawn_neurons(snapshot: &Snapshot) -> usize {
    use slowgrad_timeline::scene::{Layout, Moment, SceneOptions, Target, draw_scene};
    let (timeline, summary) = (snapshot.timeline.as_ref().expect("a step"), snapshot.summary.as_ref());
    let summary = summary.expect("a summary");
    let layout = Layout::new(&timeline.step().shape);
    let moment = Moment { events: 0..1, progress: 0.0 };
    let scene = draw_scene(summary, timeline, &layout, &moment, &SceneOptions::default());
    scene.discs.iter().filter(|disc| matches!(disc.target, Target::Neuron { .. })).count()
}

#[test]
fn a_network_that_is_too_large_has_no_effect_and_a_wide_one_is_drawn() {
    // A debug build draws 1.2 million weights slowly.
    let mut limits = Limits::default();
    limits.set("seconds", 5.0).expect("a limit");
    let mut backend = backend_within(limits, LESSON, OPTIMIZER);
    backend.send(BackendCommand::Seek(5));
    let before = idle_snapshot(&mut backend);
    // 4,000 · 4,001 parameters in the second layer.
    let too_large = snapshot_after(&mut backend, save("t.rhai", &with_layers("[2, 4000, 4000, 1]")));
    assert!(too_large.problems[0].message.contains("parameters"), "{:?}", too_large.problems);
    let location = too_large.problems[0].location.as_ref().expect("a location");
    assert!(location.to_string().starts_with("t.rhai:1:"), "{location}");
    assert_eq!((shown(&too_large).0, values(&too_large)), (5, values(&before)));
    // The last good version trains on.
    let trained = snapshot_after(&mut backend, BackendCommand::Train(10));
    assert_eq!((shown(&trained).0, drawn_neurons(&trained)), (15, 4));
    assert!(!trained.stuck && !trained.problems.is_empty());
    let mended = snapshot_after(&mut backend, save("t.rhai", LESSON));
    assert!(mended.problems.is_empty(), "{:?}", mended.problems);
    assert_eq!((shown(&mended).0, values(&mended)), (15, values(&trained)));

    for wide in [16_385, 400_000] {
        let opened = snapshot_after(&mut backend, save("t.rhai", &with_layers(&format!("[2, {wide}, 1]"))));
        assert!(opened.problems.is_empty(), "{:?}", opened.problems);
        assert_eq!((shown(&opened).0, drawn_neurons(&opened)), (1, wide + 1));
        assert_eq!(shown(&snapshot_after(&mut backend, BackendCommand::Train(1))).0, 2);
    }
    let back = snapshot_after(&mut backend, save("t.rhai", LESSON));
    assert!(back.problems.is_empty(), "{:?}", back.problems);
    assert_eq!((shown(&back).0, drawn_neurons(&back)), (1, 4));
    assert_eq!(values(&snapshot_after(&mut backend, BackendCommand::Seek(5))), values(&before));
}
