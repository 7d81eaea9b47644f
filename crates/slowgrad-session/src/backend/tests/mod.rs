//! What the worker answers, through its one door: commands in, snapshots out.

mod conditions;
mod plugins;
mod replay;
mod structure;
mod undo;

use crate::backend::link::{InlineBackend, Link as _};
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

fn worker() -> InlineBackend {
    worker_with(LESSON, OPTIMIZER)
}

fn worker_with(lesson: &str, optimizer: &str) -> InlineBackend {
    let files = Files::from_iter([("t.rhai", lesson.as_bytes()), ("optimizers/own.rhai", optimizer.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    inline(library, Limits::default(), "t.rhai")
}

fn settled(worker: &mut InlineBackend) -> Snapshot {
    idle(worker)
}

fn reload(text: &str, at_once: bool) -> Command {
    let bytes = Some(text.as_bytes().to_vec());
    Command::ReloadFile { root: "own".into(), path: "optimizers/own.rhai".into(), bytes, at_once }
}

fn values(snapshot: &Snapshot) -> Vec<u64> {
    let timeline = snapshot.timeline.as_ref().expect("a step");
    timeline.step().before.values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn going_back_gives_the_same_bits() {
    let mut worker = worker();
    worker.send(Command::Seek(8));
    let first = settled(&mut worker);
    worker.send(Command::Train(100));
    assert_eq!(settled(&mut worker).timeline.expect("a step").step().step, 108);
    worker.send(Command::Seek(8));
    let again = settled(&mut worker);
    assert_eq!(values(&first), values(&again));
    assert_eq!(again.furthest, 107);
    worker.send(Change::Reset.into());
    worker.send(Command::Seek(8));
    assert_eq!(values(&settled(&mut worker)), values(&first));
}

#[test]
fn a_broken_script_changes_nothing_and_a_good_one_waits_for_the_step_to_end() {
    let mut worker = worker();
    let before = settled(&mut worker);
    worker.send(reload(&OPTIMIZER.replace("state.v +=", "state.u +="), false));
    let broken = settled(&mut worker);
    assert_eq!(broken.problems.len(), 1);
    assert_eq!(values(&broken), values(&before));
    worker.send(Command::Seek(2));
    assert!(!settled(&mut worker).stuck);

    worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), false));
    let waits = settled(&mut worker);
    assert!(waits.problems.is_empty());
    assert_eq!(waits.timeline.expect("a step").step().names.state, ["v"]);
    worker.send(Command::Seek(3));
    let after = settled(&mut worker);
    assert_eq!(after.timeline.as_ref().expect("a step").step().names.state, ["u"]);
    assert!(after.messages.iter().any(|message| message.contains("«v» dropped")), "{:?}", after.messages);
}

#[test]
fn a_script_that_runs_away_is_stopped() {
    let mut worker = worker();
    worker.send(reload(&OPTIMIZER.replace("state.v += grad", "loop { }"), true));
    let stopped = settled(&mut worker);
    assert_eq!(stopped.problems[0].severity, slowgrad_tape::Severity::Error);
    worker.send(Command::Seek(5));
    assert_eq!(settled(&mut worker).timeline.expect("a step").step().step, 5);
}

#[test]
fn controls_and_plugins_change_at_once_and_edits_stay() {
    let mut worker = worker();
    worker.send(Change::Input { sample: 0, input: 1, value: 0.25 }.into());
    worker.send(weight(2.0).into());
    worker.send(
        Change::Control {
            slot: Slot::Optimizer,
            layers: Vec::new(),
            control: "lr".into(),
            value: ParamValue::Number(0.125),
        }
        .into(),
    );
    worker.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    let snapshot = settled(&mut worker);
    let timeline = snapshot.timeline.expect("a step");
    let step = timeline.step();
    assert_eq!((step.samples[0].input[1], step.before.values[0], step.contexts[0][0]), (0.25, 2.0, 0.125));
    assert_eq!(step.names.loss, "mae");
    worker.send(patch(SpecPatch { optimizer: Some(PluginRef::named("nothing")), ..SpecPatch::default() }));
    let snapshot = settled(&mut worker);
    assert_eq!(snapshot.problems.len(), 1);
    assert_eq!(snapshot.timeline.expect("a step").step().names.optimizer, "own");
}

fn save(path: &str, text: &str) -> Command {
    Command::ReloadFile { root: "own".into(), path: path.into(), bytes: Some(text.as_bytes().to_vec()), at_once: false }
}

fn patch(patch: SpecPatch) -> Command {
    Change::Patch(Box::new(patch)).into()
}

/// The first weight's other value.
fn weight(value: f64) -> Change {
    Change::Parameter { parameter: Parameter { layer: 0, neuron: 0, input: Some(0) }, value }
}

fn rate(value: f64) -> Command {
    Change::Control {
        slot: Slot::Optimizer,
        layers: Vec::new(),
        control: "lr".into(),
        value: ParamValue::Number(value),
    }
    .into()
}

/// Step, optimizer, loss and learning rate that are shown.
fn shown(snapshot: &Snapshot) -> (u64, String, String, f64) {
    let timeline = snapshot.timeline.as_ref().expect("a step");
    let step = timeline.step();
    (step.step, step.names.optimizer.clone(), step.names.loss.clone(), step.contexts[0][0])
}

#[test]
fn going_back_goes_back_to_what_was_asked_for_then() {
    let mut worker = worker();
    worker.send(Command::Seek(50));
    worker.send(patch(SpecPatch { optimizer: Some(PluginRef::named("sgd")), ..SpecPatch::default() }));
    assert_eq!(shown(&settled(&mut worker)).1, "sgd");
    worker.send(Command::Seek(10));
    worker.send(rate(0.125));
    let slid = settled(&mut worker);
    assert_eq!((shown(&slid).0, shown(&slid).1.as_str(), shown(&slid).3), (10, "own", 0.125));
    worker.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    assert_eq!(shown(&settled(&mut worker)), (10, "own".into(), "mae".into(), 0.125));
}

#[test]
fn what_was_done_while_a_reload_waited_stays() {
    let mut worker = worker();
    worker.send(Command::Seek(10));
    settled(&mut worker);
    worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), false));
    worker.send(save("t.rhai", &LESSON.replace("\"T\"", "\"T\", batch: 2")));
    worker.send(rate(0.125));
    let waits = settled(&mut worker);
    assert_eq!((shown(&waits).3, waits.setup.expect("a set-up").batch), (0.125, 1));
    // Stepping in the past is not the end of the step that it waits for.
    worker.send(Command::Seek(3));
    worker.send(Command::Seek(4));
    assert_eq!(settled(&mut worker).timeline.expect("a step").step().names.state, ["v"]);
    worker.send(Command::Train(10));
    let after = settled(&mut worker);
    assert_eq!((shown(&after).0, shown(&after).3), (14, 0.125));
    assert_eq!(after.timeline.expect("a step").step().names.state, ["u"]);
    assert_eq!(after.setup.expect("a set-up").batch, 2);
    worker.send(Command::Seek(10));
    assert_eq!(settled(&mut worker).timeline.expect("a step").step().names.state, ["v"]);
}

#[test]
fn going_to_a_step_ends_all_training_and_training_can_be_stopped() {
    let mut worker = worker();
    worker.send(Command::FullSpeed(true));
    worker.send(Command::Train(1_000_000_000));
    worker.send(Command::Seek(7));
    assert_eq!(shown(&settled(&mut worker)).0, 7);
    worker.send(Command::Train(1_000_000_000));
    worker.send(Command::FullSpeed(false));
    assert!(shown(&settled(&mut worker)).0 < 1_000_000);
}

#[test]
fn a_new_lesson_beside_the_opened_one_is_in_the_menu() {
    let mut worker = worker();
    worker.send(save("second.rhai", LESSON));
    worker.send(save("helper.rhai", "fn help() {}"));
    let names = |snapshot: Snapshot| snapshot.lessons.iter().map(|choice| choice.name.clone()).collect::<Vec<_>>();
    let both = settled(&mut worker);
    let titles = both.lessons.iter().map(|choice| choice.title.clone()).collect::<Vec<_>>();
    let lessons = names(both);
    // The lesson's own folder comes first, then the shipped ones as they are taught, by their titles.
    assert_eq!(lessons[..4], ["second.rhai", "t.rhai", "lessons/welcome.rhai", "lessons/which-weights-change.rhai"]);
    assert_eq!(titles[1..4], ["T", "Welcome to slowgrad", "Which weights change?"]);
    assert!(!lessons.contains(&"helper.rhai".to_owned()));
    worker.send(Command::ReloadFile { root: "own".into(), path: "second.rhai".into(), bytes: None, at_once: false });
    assert_eq!(names(settled(&mut worker))[0], "t.rhai");
}

#[test]
fn the_console_shows_what_the_shown_step_prints_and_nothing_else() {
    let mut worker = worker();
    let printing = LESSON.replace("#{", "print(\"read\"); #{");
    worker.send(save("t.rhai", &printing.replace("\"own\"", "\"own\", loss: \"loud\"")));
    worker.send(save("losses/loud.rhai", "fn loss(output, target) { print(output[0].value()); output[0] * 0.5 }"));
    worker.send(Change::Reset.into());
    let before = settled(&mut worker);
    worker.send(Command::Seek(20));
    let after = settled(&mut worker);
    assert!(before.console.iter().any(|line| line.text == "read"));
    let printed = after.console.len() - before.console.len();
    assert_eq!(printed, after.timeline.expect("a step").step().samples.len(), "{:?}", after.console);
}

/// Fails on the update of the fifth step and later ones.
const FAILS: &str = "fn state() { #{ n: 0.0 } } fn update(w, grad, state, ctx) { state.n += 1.0; \
    if state.n > 4.5 { throw \"no more\"; } w - ctx.lr * grad }";

#[test]
fn after_a_step_that_fails_picture_and_run_are_together_and_edits_wait() {
    let mut worker = worker();
    worker.send(reload(FAILS, true));
    settled(&mut worker);
    worker.send(Command::Change { step: Some(9), change: weight(2.0) });
    let failed = settled(&mut worker);
    assert!(failed.stuck && !failed.problems.is_empty());
    assert_eq!((shown(&failed).0, failed.furthest), (4, 4));
    worker.send(weight(2.0).into());
    let edited = settled(&mut worker);
    assert_eq!((shown(&edited).0, edited.furthest), (4, 3));
    assert_eq!(edited.timeline.expect("a step").step().before.values[0], 2.0);
}

#[test]
fn what_runs_again_clears_the_problem() {
    let mut worker = worker();
    let unknown = SpecPatch { loss: Some(PluginRef::named("nothing")), ..SpecPatch::default() };
    worker.send(patch(unknown));
    assert_eq!(settled(&mut worker).problems.len(), 1);
    worker.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    assert!(settled(&mut worker).problems.is_empty());
}

fn settled_after(worker: &mut InlineBackend, command: Command) -> Snapshot {
    worker.send(command);
    settled(worker)
}

fn freeze(parameters: &[usize], is_frozen: bool) -> Command {
    let shape = slowgrad_engine::shape::Shape::new(2, &[3, 1]);
    let parameters = parameters.iter().map(|index| shape.parameter(*index)).collect();
    Change::Freeze { parameters, is_frozen }.into()
}
