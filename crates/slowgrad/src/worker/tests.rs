//! What the worker answers, through its one door: commands in, snapshots out.

use super::*;
use crate::library;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::run::LossPoint;
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::{ParamValue, PluginRef, SpecPatch};
use slowgrad_engine::structure::Reshape;
use slowgrad_script::{Files, Root};
use slowgrad_timeline::cue::Condition;
use slowgrad_timeline::scene::Target;
use std::sync::Arc;

const LESSON: &str = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], optimizer: "own", data: "xor", seed: 3 } }"#;
const OPTIMIZER: &str =
    "fn state() { #{ v: 0.0 } } fn update(w, grad, state, ctx) { state.v += grad; w - ctx.lr * state.v }";

fn worker() -> Worker {
    let files = Files::from_iter([("t.rhai", LESSON.as_bytes()), ("optimizers/own.rhai", OPTIMIZER.as_bytes())]);
    let library = Library { roots: vec![library::shipped(), Root { name: "own".into(), files }] };
    Worker::start(library, Limits::default(), "t.rhai".into(), || {}).expect("a thread")
}

fn settled(worker: &Worker) -> Snapshot {
    worker.settled(Duration::from_mins(1)).expect("it settles")
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
    let first = settled(&worker);
    worker.send(Command::Train(100));
    assert_eq!(settled(&worker).timeline.expect("a step").step().step, 108);
    worker.send(Command::Seek(8));
    let again = settled(&worker);
    assert_eq!(values(&first), values(&again));
    assert_eq!(again.furthest, 107);
    worker.send(Change::Reset.into());
    worker.send(Command::Seek(8));
    assert_eq!(values(&settled(&worker)), values(&first));
}

#[test]
fn a_broken_script_changes_nothing_and_a_good_one_waits_for_the_step_to_end() {
    let mut worker = worker();
    let before = settled(&worker);
    worker.send(reload(&OPTIMIZER.replace("state.v +=", "state.u +="), false));
    let broken = settled(&worker);
    assert_eq!(broken.problems.len(), 1);
    assert_eq!(values(&broken), values(&before));
    worker.send(Command::Seek(2));
    assert!(!settled(&worker).stuck);

    worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), false));
    let waits = settled(&worker);
    assert!(waits.problems.is_empty());
    assert_eq!(waits.timeline.expect("a step").step().names.state, ["v"]);
    worker.send(Command::Seek(3));
    let after = settled(&worker);
    assert_eq!(after.timeline.as_ref().expect("a step").step().names.state, ["u"]);
    assert!(after.messages.iter().any(|message| message.contains("«v» dropped")), "{:?}", after.messages);
}

#[test]
fn a_script_that_runs_away_is_stopped() {
    let mut worker = worker();
    worker.send(reload(&OPTIMIZER.replace("state.v += grad", "loop { }"), true));
    let stopped = settled(&worker);
    assert_eq!(stopped.problems[0].severity, slowgrad_tape::Severity::Error);
    worker.send(Command::Seek(5));
    assert_eq!(settled(&worker).timeline.expect("a step").step().step, 5);
}

#[test]
fn controls_and_plugins_change_at_once_and_edits_stay() {
    let mut worker = worker();
    worker.send(Change::Input { sample: 0, input: 1, value: 0.25 }.into());
    worker.send(weight(2.0).into());
    worker
        .send(Change::Control { slot: Slot::Optimizer, control: "lr".into(), value: ParamValue::Number(0.125) }.into());
    worker.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    let snapshot = settled(&worker);
    let timeline = snapshot.timeline.expect("a step");
    let step = timeline.step();
    assert_eq!((step.samples[0].input[1], step.before.values[0], step.contexts[0][0]), (0.25, 2.0, 0.125));
    assert_eq!(step.names.loss, "mae");
    worker.send(patch(SpecPatch { optimizer: Some(PluginRef::named("nothing")), ..SpecPatch::default() }));
    let snapshot = settled(&worker);
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
    Change::Control { slot: Slot::Optimizer, control: "lr".into(), value: ParamValue::Number(value) }.into()
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
    assert_eq!(shown(&settled(&worker)).1, "sgd");
    worker.send(Command::Seek(10));
    worker.send(rate(0.125));
    let slid = settled(&worker);
    assert_eq!((shown(&slid).0, shown(&slid).1.as_str(), shown(&slid).3), (10, "own", 0.125));
    worker.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    assert_eq!(shown(&settled(&worker)), (10, "own".into(), "mae".into(), 0.125));
}

#[test]
fn what_was_done_while_a_reload_waited_stays() {
    let mut worker = worker();
    worker.send(Command::Seek(10));
    settled(&worker);
    worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), false));
    worker.send(save("t.rhai", &LESSON.replace("\"T\"", "\"T\", batch: 2")));
    worker.send(rate(0.125));
    let waits = settled(&worker);
    assert_eq!((shown(&waits).3, waits.setup.expect("a set-up").batch), (0.125, 1));
    // Stepping in the past is not the end of the step that it waits for.
    worker.send(Command::Seek(3));
    worker.send(Command::Seek(4));
    assert_eq!(settled(&worker).timeline.expect("a step").step().names.state, ["v"]);
    worker.send(Command::Train(10));
    let after = settled(&worker);
    assert_eq!((shown(&after).0, shown(&after).3), (14, 0.125));
    assert_eq!(after.timeline.expect("a step").step().names.state, ["u"]);
    assert_eq!(after.setup.expect("a set-up").batch, 2);
    worker.send(Command::Seek(10));
    assert_eq!(settled(&worker).timeline.expect("a step").step().names.state, ["v"]);
}

#[test]
fn going_to_a_step_ends_all_training_and_training_can_be_stopped() {
    let mut worker = worker();
    worker.send(Command::FullSpeed(true));
    worker.send(Command::Train(1_000_000_000));
    worker.send(Command::Seek(7));
    assert_eq!(shown(&settled(&worker)).0, 7);
    worker.send(Command::Train(1_000_000_000));
    worker.send(Command::FullSpeed(false));
    assert!(shown(&settled(&worker)).0 < 1_000_000);
}

#[test]
fn a_new_lesson_beside_the_opened_one_is_in_the_menu() {
    let mut worker = worker();
    worker.send(save("second.rhai", LESSON));
    worker.send(save("helper.rhai", "fn help() {}"));
    let names = |snapshot: Snapshot| snapshot.lessons.iter().map(|choice| choice.name.clone()).collect::<Vec<_>>();
    let both = settled(&worker);
    let titles = both.lessons.iter().map(|choice| choice.title.clone()).collect::<Vec<_>>();
    let lessons = names(both);
    // The lesson's own folder comes first, then the shipped ones as they are taught, by their titles.
    assert_eq!(lessons[..4], ["second.rhai", "t.rhai", "lessons/welcome.rhai", "lessons/which-weights-change.rhai"]);
    assert_eq!(titles[1..4], ["T", "Welcome to slowgrad", "Which weights change?"]);
    assert!(!lessons.contains(&"helper.rhai".to_owned()));
    worker.send(Command::ReloadFile { root: "own".into(), path: "second.rhai".into(), bytes: None, at_once: false });
    assert_eq!(names(settled(&worker))[0], "t.rhai");
}

#[test]
fn the_console_shows_what_the_shown_step_prints_and_nothing_else() {
    let mut worker = worker();
    let printing = LESSON.replace("#{", "print(\"read\"); #{");
    worker.send(save("t.rhai", &printing.replace("\"own\"", "\"own\", loss: \"loud\"")));
    worker.send(save("losses/loud.rhai", "fn loss(output, target) { print(output[0].value()); output[0] * 0.5 }"));
    worker.send(Change::Reset.into());
    let before = settled(&worker);
    worker.send(Command::Seek(20));
    let after = settled(&worker);
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
    settled(&worker);
    worker.send(Command::Change { step: Some(9), change: weight(2.0) });
    let failed = settled(&worker);
    assert!(failed.stuck && !failed.problems.is_empty());
    assert_eq!((shown(&failed).0, failed.furthest), (4, 4));
    worker.send(weight(2.0).into());
    let edited = settled(&worker);
    assert_eq!((shown(&edited).0, edited.furthest), (4, 3));
    assert_eq!(edited.timeline.expect("a step").step().before.values[0], 2.0);
}

#[test]
fn what_runs_again_clears_the_problem() {
    let mut worker = worker();
    let unknown = SpecPatch { loss: Some(PluginRef::named("nothing")), ..SpecPatch::default() };
    worker.send(patch(unknown));
    assert_eq!(settled(&worker).problems.len(), 1);
    worker.send(patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
    assert!(settled(&worker).problems.is_empty());
}

const DECAY: &str = "fn params() { #{ strength: slider(0.5, 0.0, 1.0) } } fn penalty(w, p) { p.strength * w ** 2 }";
const HALVES: &str = "fn rate(step, ctx) { 0.5 ** (step - 1) }";

fn with_kinds() -> Worker {
    let mut worker = worker();
    worker.send(save("regularizers/decay.rhai", DECAY));
    worker.send(save("schedules/halves.rhai", HALVES));
    worker.send(patch(Slot::Regularizer.patch(PluginRef::named("decay"))));
    worker.send(patch(Slot::Schedule.patch(PluginRef::named("halves"))));
    worker
}

fn slot(snapshot: &Snapshot, slot: Slot) -> SlotInfo {
    let setup = snapshot.setup.as_ref().expect("a set-up");
    setup.slots.iter().find(|info| info.slot == slot).expect("every slot is told").clone()
}

/// Penalty and learning rate of the shown step.
fn penalty_and_rate(snapshot: &Snapshot) -> (Option<f64>, f64) {
    let step = snapshot.timeline.as_ref().expect("a step").step();
    (step.penalty.as_ref().map(|penalty| penalty.sum), step.learning_rate())
}

#[test]
fn a_regularizer_and_a_schedule_are_plugged_in_moved_and_taken_away() {
    let mut worker = with_kinds();
    let first = settled(&worker);
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    let (penalty, lr) = penalty_and_rate(&first);
    worker.send(
        Change::Control { slot: Slot::Regularizer, control: "strength".into(), value: ParamValue::Number(0.25) }.into(),
    );
    worker.send(Command::Seek(3));
    worker.send(Command::Seek(1));
    let slid = settled(&worker);
    assert_eq!(penalty_and_rate(&slid), (penalty.map(|sum| sum / 2.0), lr));
    worker.send(Command::Seek(3));
    let third = settled(&worker);
    assert_eq!(penalty_and_rate(&third).1, lr / 4.0);
    for (place, chosen) in [(Slot::Regularizer, "decay"), (Slot::Schedule, "halves")] {
        let info = slot(&third, place);
        assert_eq!((info.name.as_str(), info.choices[0].name.as_str()), (chosen, "none"));
        worker.send(patch(place.patch(PluginRef::named("none"))));
    }
    let without = settled(&worker);
    assert_eq!(penalty_and_rate(&without), (None, lr));
    assert_eq!(slot(&without, Slot::Schedule).name, "none");
    // The past has them, with the bits it had.
    worker.send(Command::Seek(2));
    assert_eq!(penalty_and_rate(&settled(&worker)).1, lr / 2.0);
    worker.send(Command::Seek(3));
    assert_eq!(values(&settled(&worker)), values(&third));
}

#[test]
fn a_penalty_that_is_saved_runs_and_a_broken_one_changes_nothing() {
    let mut worker = with_kinds();
    let first = penalty_and_rate(&settled(&worker)).0.expect("a regularizer");
    let saved = |text: &str| Command::ReloadFile {
        root: "own".into(),
        path: "regularizers/decay.rhai".into(),
        bytes: Some(text.as_bytes().to_vec()),
        at_once: true,
    };
    worker.send(saved("fn penalty(w) { w w }"));
    let broken = settled(&worker);
    assert_eq!((broken.problems.len(), penalty_and_rate(&broken).0), (1, Some(first)));
    worker.send(saved(
        "fn params() { #{ strength: slider(0.5, 0.0, 1.0) } } fn penalty(w, p) { 2.0 * p.strength * w ** 2 }",
    ));
    let again = settled(&worker);
    assert!(again.problems.is_empty());
    assert_eq!(penalty_and_rate(&again).0, Some(2.0 * first));
}

#[test]
fn another_initializer_or_data_set_starts_the_run_anew_from_the_same_seed() {
    let mut worker = with_kinds();
    worker.send(Command::Seek(5));
    let before = settled(&worker);
    worker.send(patch(Slot::Initializer.patch(PluginRef::named("he_normal"))));
    let drawn = settled(&worker);
    assert!(drawn.messages.iter().any(|message| message.contains("another initializer")), "{:?}", drawn.messages);
    assert_eq!((shown(&drawn).0, slot(&drawn, Slot::Initializer).name.as_str()), (1, "he_normal"));
    assert_eq!(slot(&drawn, Slot::Regularizer).name, "decay", "what was changed by hand stays");
    let opened = |snapshot: &Snapshot| snapshot.lesson.as_ref().expect("a lesson").opened;
    assert!(opened(&drawn) > opened(&before));
    worker.send(patch(Slot::Initializer.patch(PluginRef::named("he_normal"))));
    assert_eq!(values(&settled(&worker)), values(&drawn), "the same seed draws the same weights");

    worker.send(patch(Slot::Data.patch(PluginRef::named("xor_region"))));
    let other = settled(&worker);
    assert_eq!((slot(&other, Slot::Data).name.as_str(), values(&other)), ("xor_region", values(&drawn)));
    assert!(other.data.as_ref().expect("data").train > 4);
    worker.send(patch(Slot::Data.patch(PluginRef::named("iris"))));
    let wrong = settled(&worker);
    assert!(!wrong.problems.is_empty());
    assert_eq!(slot(&wrong, Slot::Data).name, "xor_region", "what cannot be used changes nothing");
}

#[test]
fn a_slider_of_a_data_set_makes_other_samples() {
    let mut worker = worker();
    let set = "fn params() { #{ shift: slider(1.0, 0.0, 9.0) } }
        fn dataset(ctx) { [#{ input: [ctx.shift, ctx.noise], target: [0.0] }] }";
    worker.send(save("datasets/shifted.rhai", set));
    worker.send(save("t.rhai", &LESSON.replace("data: \"xor\"", "noise: 0.25, data: \"shifted\"")));
    let first = settled(&worker);
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    let input = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().samples[0].input.clone();
    assert_eq!(input(&first), [1.0, 0.25]);
    worker.send(Command::Seek(4));
    let value = ParamValue::Number(3.0);
    worker.send(Change::Control { slot: Slot::Data, control: "shift".into(), value }.into());
    let moved = settled(&worker);
    assert_eq!((shown(&moved).0, input(&moved), values(&moved)), (1, vec![3.0, 0.25], values(&first)));
}

#[test]
fn a_slider_of_the_lessons_own_function_acts_and_its_other_functions_are_reloaded() {
    let mut worker = worker();
    let own = format!("{LESSON} {DECAY} fn init(ctx) {{ 0.5 }}");
    worker.send(save("t.rhai", &own));
    worker.send(Change::Reset.into());
    // 2·3 + 3·1 weights of 0.5.
    assert_eq!(penalty_and_rate(&settled(&worker)).0, Some(9.0 * 0.5 * 0.25));
    let value = ParamValue::Number(1.0);
    worker.send(Change::Control { slot: Slot::Regularizer, control: "strength".into(), value }.into());
    assert_eq!(penalty_and_rate(&settled(&worker)).0, Some(9.0 * 0.25));
    let changed = own.replace("* w ** 2", "* abs(w)");
    worker.send(Command::ReloadFile {
        root: "own".into(),
        path: "t.rhai".into(),
        bytes: Some(changed.into_bytes()),
        at_once: true,
    });
    assert_eq!(penalty_and_rate(&settled(&worker)).0, Some(9.0 * 0.5));
}

#[test]
fn a_lesson_that_waits_for_a_file_takes_it_when_it_comes() {
    let mut worker = worker();
    let optimizer = |snapshot: &Snapshot| {
        let slots = &snapshot.setup.as_ref().expect("a set-up").slots;
        slots.iter().find(|info| info.slot == Slot::Optimizer).expect("an optimizer").name.clone()
    };
    worker.send(save("t.rhai", &LESSON.replace("\"own\"", "\"mine\"")));
    let waiting = settled(&worker);
    assert!(!waiting.problems.is_empty() && optimizer(&waiting) == "own");
    worker.send(save("optimizers/mine.rhai", "fn update(w, grad, state, ctx) { w - 0.5 * ctx.lr * grad }"));
    // It takes over when the step that is shown is over.
    worker.send(Command::Seek(2));
    let taken = settled(&worker);
    assert!(taken.problems.is_empty(), "{:?}", taken.problems);
    assert_eq!(optimizer(&taken), "mine");
}

#[test]
fn samples_edited_by_hand_outlive_data_that_could_not_be_used() {
    let data = |target: &str| format!("fn dataset(ctx) {{ [#{{ input: [0.0, 1.0], target: [{target}] }}] }}");
    let picky = "fn loss(output, target) { if target[0] > 5.0 { throw \"too far\"; } output[0] * 0.5 }";
    let mut worker = worker();
    worker.send(save("losses/picky.rhai", picky));
    worker.send(save("datasets/own.rhai", &data("1.0")));
    worker.send(save("t.rhai", &LESSON.replace("\"xor\"", "\"own\", loss: \"picky\"")));
    worker.send(Change::Input { sample: 0, input: 1, value: 0.25 }.into());
    let edited = settled(&worker);
    assert!(edited.problems.is_empty(), "{:?}", edited.problems);
    let save_now = |text: String| Command::ReloadFile {
        root: "own".into(),
        path: "datasets/own.rhai".into(),
        bytes: Some(text.into_bytes()),
        at_once: true,
    };
    worker.send(save_now(data("9.0")));
    assert_eq!(settled(&worker).problems.len(), 1);
    worker.send(save_now(data("1.0")));
    let after = settled(&worker);
    assert!(after.problems.is_empty());
    assert_eq!(after.timeline.expect("a step").step().samples[0].input[1], 0.25);
}

#[test]
fn starting_again_starts_with_the_scripts_of_now() {
    let mut worker = worker();
    worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), true));
    worker.send(save("t.rhai", "fn lesson() { oops }"));
    worker.send(Change::Reset.into());
    let again = settled(&worker);
    assert!(!again.problems.is_empty());
    assert_eq!(again.timeline.expect("a step").step().names.state, ["u"]);
}

#[test]
fn an_initializer_waits_for_the_next_start() {
    let mut worker = worker();
    worker.send(save("initializers/own.rhai", "fn init(ctx) { 0.25 }"));
    worker.send(save("t.rhai", &LESSON.replace("\"own\"", "\"own\", initializer: \"own\"")));
    let before = settled(&worker);
    assert!(before.problems.is_empty(), "{:?}", before.problems);
    worker.send(save("initializers/own.rhai", "fn init(ctx) { 0.5 }"));
    let saved = settled(&worker);
    assert_eq!(values(&saved), values(&before));
    assert!(saved.messages.iter().any(|message| message.contains("next start")), "{:?}", saved.messages);
    worker.send(Change::Reset.into());
    assert_ne!(values(&settled(&worker)), values(&before));
}

#[test]
fn a_worker_that_panics_is_noticed() {
    let mut worker = worker();
    worker.send(Command::Panic);
    let deadline = Instant::now() + Duration::from_mins(1);
    while worker.receive().err() != Some(TryRecvError::Disconnected) {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What has to be the same again: all numbers and all that is shown of the past and of what was done.
type State = (Vec<u64>, Vec<u64>, u64, u64, [Vec<(u64, u64)>; 2], String);

fn state(snapshot: &Snapshot) -> State {
    let step = snapshot.timeline.as_ref().expect("a step").step();
    let state = step.before.state.iter().flatten().map(|x| x.to_bits()).collect();
    let setup = snapshot.setup.as_ref().expect("a set-up");
    let slots: Vec<String> = setup.slots.iter().map(|slot| format!("{}: {:?}", slot.name, slot.controls)).collect();
    let shown = format!("{slots:?} {} {} {:?} {:?}", setup.batch, setup.seed, snapshot.arrangement, snapshot.changes);
    let bits = |points: &[LossPoint]| points.iter().map(|point| (point.step, point.loss.to_bits())).collect();
    let curves = [bits(&snapshot.curves.present), bits(snapshot.curves.ghost.as_deref().unwrap_or_default())];
    let data = format!("{:?}", snapshot.data.as_ref().map(|data| &data.samples));
    (values(snapshot), state, step.step, snapshot.furthest, curves, format!("{shown} {data}"))
}

/// Something that a person does, from a random number. The parameters of the first structure stay valid.
fn deed(rng: &mut Rng) -> Vec<Command> {
    let value = rng.below(64) as f64 / 16.0 - 2.0;
    let shape = slowgrad_engine::shape::Shape::new(2, &[3, 1]);
    let parameter = shape.parameter(rng.below(13) as usize);
    let plugin = |slot: Slot, names: &[&str], rng: &mut Rng| {
        patch(slot.patch(PluginRef::named(names[rng.below(names.len() as u64) as usize])))
    };
    match rng.below(18) {
        0..3 => vec![Change::Parameter { parameter, value }.into()],
        // A drag is one thing to undo.
        3 => [0.5, 0.25, 0.125].map(|by| Change::Parameter { parameter, value: value + by }.into()).to_vec(),
        4 => vec![Change::Input { sample: rng.below(4) as usize, input: 1, value }.into()],
        5 => vec![rate(value.abs() + 0.01), rate(value.abs() + 0.02)],
        6 => vec![plugin(Slot::Optimizer, &["sgd", "momentum", "own", "adam"], rng)],
        7 => vec![plugin(Slot::Activation, &["relu", "tanh"], rng)],
        8 => vec![patch(SpecPatch { batch: Some(1 + rng.below(4) as usize), ..SpecPatch::default() })],
        9 => vec![plugin(Slot::Data, &["xor"], rng)],
        10 => vec![Change::Reset.into()],
        11 => vec![Change::Reseed.into()],
        12 => vec![Change::Arrange(Arc::new([(Target::Input(0), [value as f32, 1.0])])).into()],
        13 => vec![freeze(&[rng.below(13) as usize, rng.below(13) as usize], rng.below(3) > 0)],
        14 => vec![Change::Reshape(Reshape::AddNeuron { layer: 0 }).into()],
        15 => vec![Change::Reshape(Reshape::AddLayer { before: 1 }).into()],
        16 => {
            let name = ["relu", "elu", "softmax"][rng.below(3) as usize];
            vec![Change::Activation { layer: rng.below(2) as usize, plugin: PluginRef::named(name) }.into()]
        }
        _ => vec![Command::Change { step: Some(1 + rng.below(30)), change: Change::Parameter { parameter, value } }],
    }
}

#[test]
fn one_layer_gets_another_activation_and_all_else_stays() {
    let text = |second: &str| {
        format!(
            r#"fn lesson() {{ #{{ title: "A", data: "xor", layers: [2, #{{ size: 3, activation: "tanh" }},
            #{{ size: 3, activation: "{second}" }}, #{{ size: 1, activation: "sigmoid" }}] }} }}"#
        )
    };
    let files = Files::from_iter([("a.rhai", text("tanh").as_bytes())]);
    let library = Library { roots: vec![library::shipped(), Root { name: "own".into(), files }] };
    let mut worker = Worker::start(library, Limits::default(), "a.rhai".into(), || {}).expect("a thread");
    let before = settled_after(&mut worker, Command::Seek(20));
    let names = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().names.activations.clone();
    let activate = |layer, name: &str| Change::Activation { layer, plugin: PluginRef::named(name) };
    let after = settled_after(&mut worker, activate(0, "leaky_relu").into());
    assert!(after.problems.is_empty(), "{:?}", after.problems);
    assert_eq!(names(&after), ["leaky_relu", "tanh", "sigmoid"]);
    assert_eq!((values(&after), after.timeline.as_ref().map(|at| at.step().step)), (values(&before), Some(20)));
    assert_eq!(after.undo.as_deref(), Some("activation leaky_relu of layer 1"));
    // The slot of all hidden layers names both, and moves the control where it is.
    let setup = after.setup.as_ref().expect("a set-up");
    let slot = setup.slots.iter().find(|slot| slot.slot == Slot::Activation).expect("hidden layers");
    assert_eq!(slot.name, "leaky_relu, tanh");
    let control = slot.controls.first().expect("its slope").name.clone();
    let value = ParamValue::Number(0.5);
    let slid = settled_after(&mut worker, Change::Control { slot: Slot::Activation, control, value }.into());
    assert_eq!(names(&slid), names(&after));
    assert_ne!(outputs(&slid), outputs(&after));

    // The file changes the other layer: this one keeps what it was given by hand.
    let saved = settled_after(&mut worker, reload_as("a.rhai", &text("relu")));
    assert_eq!(names(&saved), ["leaky_relu", "relu", "sigmoid"], "{:?}", saved.problems);
    let whole = settled_after(&mut worker, activate(2, "identity").into());
    assert_eq!(names(&whole), ["leaky_relu", "relu", "identity"]);
    let wrong = settled_after(&mut worker, activate(3, "relu").into());
    assert_eq!(names(&wrong), names(&whole));
    assert!(wrong.messages.iter().any(|message| message.contains("no such layer")));
    worker.send(Command::Undo);
    worker.send(Command::Undo);
    assert_eq!(names(&settled_after(&mut worker, Command::Undo)), ["tanh", "relu", "sigmoid"]);
}

/// What the network answers to the first sample.
fn outputs(snapshot: &Snapshot) -> Vec<f64> {
    let timeline = snapshot.timeline.as_ref().expect("a step");
    timeline.step().samples[0].layers.last().expect("layers").a.clone()
}

fn reload_as(path: &str, text: &str) -> Command {
    Command::ReloadFile { root: "own".into(), path: path.into(), bytes: Some(text.as_bytes().to_vec()), at_once: true }
}

/// Goes on with the run, which is nothing to undo.
fn wander(rng: &mut Rng) -> Command {
    match rng.below(3) {
        0 => Command::Train(rng.below(40)),
        _ => Command::Seek(1 + rng.below(60)),
    }
}

#[test]
fn whatever_was_done_is_undone_and_done_again_to_the_bit() {
    for seed in 0..24 {
        let mut rng = Rng::new(seed, Purpose::Data);
        let mut worker = worker();
        // Before each change and, backwards, where it was undone.
        let mut befores = Vec::new();
        for _ in 0..12 {
            let before = settled_after(&mut worker, wander(&mut rng));
            worker.send(Command::Seal);
            for command in deed(&mut rng) {
                worker.send(command);
            }
            worker.send(Command::Seal);
            let after = settled(&worker);
            assert!(after.problems.is_empty(), "{:?}", after.problems);
            befores.push((state(&before), after));
        }
        let last = state(&settled_after(&mut worker, Command::Seek(7)));
        let mut steps = vec![last.clone()];
        let mut compared = 0;
        for (before, after) in befores.iter().rev() {
            assert!(after.undo.is_some());
            let undone = settled_after(&mut worker, Command::Undo);
            let undone_state = state(&undone);
            // A change that goes to a step first is undone to there.
            if undone_state.2 == before.2 {
                compared += 1;
                assert_eq!(undone_state, *before, "seed {seed}");
            }
            steps.push(undone_state);
        }
        assert!(compared >= 8, "{compared}");
        let first = settled_after(&mut worker, Command::Undo);
        assert_eq!(first.undo, None);
        assert!(first.messages.iter().any(|message| message.contains("nothing to undo")));
        steps.pop();
        for step in steps.iter().rev() {
            assert_eq!(state(&settled_after(&mut worker, Command::Redo)), *step, "seed {seed}");
        }
        assert_eq!(settled_after(&mut worker, Command::Redo).redo, None);
    }
}

fn settled_after(worker: &mut Worker, command: Command) -> Snapshot {
    worker.send(command);
    settled(worker)
}

#[test]
fn after_an_undo_another_change_takes_the_place_of_what_came_after() {
    let mut worker = worker();
    worker.send(weight(1.0).into());
    worker.send(rate(0.25));
    worker.send(Command::Undo);
    // Going on to train is no change.
    let undone = settled_after(&mut worker, Command::Seek(5));
    assert!(undone.redo.is_some());
    let other = settled_after(&mut worker, weight(2.0).into());
    assert_eq!(other.redo, None);
    let undone = settled_after(&mut worker, Command::Undo);
    assert_eq!(
        (shown(&undone).0, f64::from_bits(values(&undone)[0])),
        (5, {
            worker.send(Command::Seek(1));
            worker.send(Command::Seek(5));
            f64::from_bits(values(&settled(&worker))[0])
        })
    );
}

#[test]
fn what_is_put_back_while_it_moves_was_no_change_and_loses_nothing() {
    let mut worker = worker();
    worker.send(Command::Seek(20));
    let before = settled_after(&mut worker, Command::Seek(4));
    let was = f64::from_bits(values(&before)[0]);
    worker.send(weight(3.0).into());
    let moved = settled(&worker);
    assert_eq!((moved.furthest, moved.curves.ghost.is_some()), (3, true));
    let back = settled_after(&mut worker, weight(was).into());
    assert_eq!((state(&back), back.undo), (state(&before), None));
}

#[test]
fn undo_leaves_the_scripts_as_they_are_saved() {
    let mut worker = worker();
    worker.send(Command::Seek(5));
    worker.send(weight(2.0).into());
    worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), true));
    worker.send(Command::Seek(9));
    let undone = settled_after(&mut worker, Command::Undo);
    let step = undone.timeline.as_ref().expect("a step").step();
    assert_eq!((step.step, step.names.state.as_slice()), (5, &["u".to_owned()][..]));
    assert_ne!(step.before.values[0], 2.0);
}

fn saved(snapshot: &Snapshot) -> Command {
    Command::Restore(Box::new(Saved {
        lesson: "t.rhai".into(),
        seed: snapshot.seed,
        changes: snapshot.changes.to_vec(),
        arrangement: Arc::clone(&snapshot.arrangement),
        step: shown(snapshot).0,
        furthest: snapshot.furthest,
    }))
}

#[test]
fn a_saved_run_is_made_again_to_the_bit() {
    for seed in 100..124 {
        let mut rng = Rng::new(seed, Purpose::Data);
        let mut first = worker();
        for _ in 0..10 {
            first.send(wander(&mut rng));
            first.send(Command::Seal);
            for command in deed(&mut rng) {
                first.send(command);
            }
        }
        let before = settled_after(&mut first, wander(&mut rng));
        let text = serde_json::to_string(&before.changes[..]).expect("JSON");
        let changes: Vec<Made> = serde_json::from_str(&text).expect("the same");
        assert_eq!(changes, before.changes[..]);
        let mut second = worker();
        let after = settled_after(&mut second, saved(&before));
        let (mut is, mut was) = (state(&after), state(&before));
        // The branch that was left is not saved.
        (is.4[1], was.4[1]) = (Vec::new(), Vec::new());
        assert_eq!(is, was, "seed {seed}: {text}");
    }
}

#[test]
fn a_saved_run_that_does_not_fit_says_so_and_restoring_can_be_stopped() {
    let mut worker = worker();
    let parameter = Parameter { layer: 7, neuron: 0, input: None };
    let changes = vec![Made { after: 3, change: Change::Parameter { parameter, value: 1.0 } }];
    let restore = |changes, furthest| {
        let arrangement = Arc::new([]);
        let saved = Saved { lesson: "t.rhai".into(), seed: None, changes, arrangement, step: 2, furthest };
        Command::Restore(Box::new(saved))
    };
    let misfit = settled_after(&mut worker, restore(changes, 4));
    assert!(misfit.messages.iter().any(|message| message.contains("does not fit")), "{:?}", misfit.messages);
    worker.send(restore(Vec::new(), 1_000_000_000));
    let stopped = settled_after(&mut worker, Command::Seek(3));
    assert_eq!(shown(&stopped).0, 3);
    assert!(stopped.messages.iter().any(|message| message.contains("not restored")), "{:?}", stopped.messages);
}

#[test]
fn neurons_and_layers_come_and_go_and_the_rest_stays() {
    let mut worker = worker();
    worker.send(Command::Seek(6));
    let before = settled(&worker);
    let sizes = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().shape.sizes().to_vec();
    worker.send(Change::Reshape(Reshape::AddNeuron { layer: 0 }).into());
    let four = settled(&worker);
    assert_eq!(sizes(&four), [2, 4, 1]);
    assert_eq!(four.setup.as_ref().expect("a set-up").sizes, [2, 4, 1]);
    assert_eq!(values(&four)[..6], values(&before)[..6], "the weights that were there stay");
    let state = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().before.state[0].clone();
    assert_eq!(state(&four)[..6], state(&before)[..6], "and what the optimizer remembers of them");
    assert_eq!(state(&four)[6..8], [0.0; 2]);
    worker.send(Change::Reshape(Reshape::AddLayer { before: 1 }).into());
    worker.send(Change::Reshape(Reshape::RemoveNeuron { layer: 0, neuron: 1 }).into());
    worker.send(Command::Seek(9));
    let five = settled(&worker);
    assert_eq!(sizes(&five), [2, 3, 4, 1]);
    assert!(five.problems.is_empty(), "{:?}", five.problems);
    // A save that says nothing of the structure leaves it; the step before the change has its own.
    worker.send(reload(&OPTIMIZER.replace("state.v += grad", "state.v += 2.0 * grad"), true));
    assert_eq!(sizes(&settled(&worker)), [2, 3, 4, 1]);
    worker.send(Command::Seek(3));
    assert_eq!(sizes(&settled(&worker)), [2, 3, 1]);
    worker.send(Command::Seek(8));
    assert_eq!(sizes(&settled(&worker)), [2, 3, 4, 1]);
    worker.send(Change::Reshape(Reshape::RemoveLayer { layer: 2 }).into());
    assert!(settled(&worker).messages[0].contains("belong to the data"));
    worker.send(Change::Reset.into());
    assert_eq!(sizes(&settled(&worker)), [2, 3, 1], "the lesson's own structure");
}

#[test]
fn a_file_that_changes_an_activation_leaves_the_structure_as_it_is() {
    let mut worker = worker();
    worker.send(Change::Reshape(Reshape::AddLayer { before: 0 }).into());
    let text = LESSON.replace("layers: [2, 3, 1],", r#"layers: [2, 3, 1], activation: "sigmoid","#);
    let bytes = Some(text.into_bytes());
    worker.send(Command::ReloadFile { root: "own".into(), path: "t.rhai".into(), bytes, at_once: true });
    let changed = settled(&worker);
    let step = changed.timeline.as_ref().expect("a step").step();
    assert_eq!(step.shape.sizes(), [2, 2, 3, 1]);
    assert_eq!(step.names.activations[..2], ["sigmoid", "sigmoid"]);
}

fn freeze(parameters: &[usize], is_frozen: bool) -> Command {
    let shape = slowgrad_engine::shape::Shape::new(2, &[3, 1]);
    let parameters = parameters.iter().map(|index| shape.parameter(*index)).collect();
    Change::Freeze { parameters, is_frozen }.into()
}

#[test]
fn what_is_frozen_stays_through_training_and_reloads() {
    let mut worker = worker();
    let before = settled(&worker);
    worker.send(freeze(&[0, 12], true));
    worker.send(Command::Seek(4));
    worker.send(reload(&OPTIMIZER.replace("state.v += grad", "state.v += 2.0 * grad"), true));
    worker.send(Command::Train(50));
    let after = settled(&worker);
    let step = after.timeline.as_ref().expect("a step").step();
    assert_eq!(step.frozen.iter().copied().collect::<Vec<_>>(), [0, 12]);
    let stays = |index: usize| values(&after)[index] == values(&before)[index];
    assert!(stays(0) && stays(12) && !stays(1));
    assert_eq!(step.after.values[0].to_bits(), step.before.values[0].to_bits());
    worker.send(freeze(&[0], false));
    worker.send(Command::Train(20));
    let free = settled(&worker);
    assert_ne!(values(&free)[0], values(&before)[0]);
    assert_eq!(values(&free)[12], values(&before)[12]);
}

/// A worker whose lesson performs this.
fn performing(cues: &str) -> Worker {
    let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], data: "xor", seed: 3, params: #{ lr: 0.1 } } }"#;
    let text = format!("{lesson} fn perform(stage) {{ {cues} }}");
    let files = Files::from_iter([("t.rhai", text.as_bytes())]);
    let library = Library { roots: vec![library::shipped(), Root { name: "own".into(), files }] };
    Worker::start(library, Limits::default(), "t.rhai".into(), || {}).expect("a thread")
}

#[test]
fn what_a_lesson_highlights_goes_along_with_the_step_that_is_shown() {
    let cues = "stage.highlight(|p| p.grad > 0.0); stage.highlight(|p| p.layer == 1 && p.is_bias);";
    let mut worker = performing(cues);
    assert_eq!(settled(&worker).lit, None);
    let lit_by = |snapshot: &Snapshot, holds: &dyn Fn(f64) -> bool| {
        let grads = &snapshot.timeline.as_ref().expect("a step").step().grads;
        grads.iter().map(|grad| holds(*grad)).collect::<Vec<_>>()
    };
    let mut met = Vec::new();
    for step in [2, 3, 7] {
        worker.send(Command::Seek(step));
        worker.send(Command::Highlight(Some(Condition(0))));
        let shown = settled(&worker);
        assert_eq!(shown.lit.as_deref(), Some(&*lit_by(&shown, &|grad| grad > 0.0)), "step {step}");
        met.push(shown.lit);
    }
    assert!(met[0] != met[1] || met[1] != met[2], "steps differ, and so does what stands out");
    worker.send(Command::Highlight(Some(Condition(1))));
    let lit = settled(&worker).lit.expect("something stands out");
    assert_eq!(lit.iter().filter(|lit| **lit).count(), 1);
    assert!(lit[12], "the last bias");
    // A lesson that was saved meanwhile may have fewer conditions.
    worker.send(Command::Highlight(Some(Condition(2))));
    let none = settled(&worker);
    assert_eq!((none.lit, none.problems.len()), (None, 0));
}

#[test]
fn training_ends_when_its_condition_holds_or_it_was_long_enough() {
    let cues = "stage.train_until(|m| m.loss < 0.02, 100000); stage.train_until(|m| m.step >= 9, 100);";
    let mut worker = performing(cues);
    worker.send(Command::TrainUntil { until: Condition(1), most: 100 });
    let nine = settled(&worker);
    assert_eq!(nine.timeline.as_ref().expect("a step").step().step, 10, "nine steps are done");
    worker.send(Command::TrainUntil { until: Condition(0), most: 30 });
    assert_eq!(settled(&worker).timeline.expect("a step").step().step, 40, "thirty more are the most");
    worker.send(Command::TrainUntil { until: Condition(0), most: 100_000 });
    let learned = settled(&worker);
    let done = learned.timeline.as_ref().expect("a step").step().step - 1;
    assert!((40..100_000).contains(&done), "{done}");
    // The steps of the last epoch, and no earlier ones, had such a loss.
    let points = &learned.curves.present;
    let mean = |end: u64| {
        let losses: Vec<f64> =
            points.iter().filter(|point| point.step > end - 4 && point.step <= end).map(|point| point.loss).collect();
        (losses.len() == 4).then(|| losses.iter().sum::<f64>() / 4.0)
    };
    if let (Some(last), Some(before)) = (mean(done), mean(done - 1)) {
        assert!(last < 0.02 && before >= 0.02, "{last} {before}");
    }
    // The next training has no condition.
    worker.send(Command::Train(5));
    assert_eq!(settled(&worker).timeline.expect("a step").step().step, done + 6);
}

#[test]
fn training_until_a_condition_can_be_interrupted() {
    let mut worker = performing("stage.train_until(|m| m.loss < -1.0, 1000000000);");
    worker.send(Command::TrainUntil { until: Condition(0), most: 1_000_000_000 });
    worker.send(Command::FullSpeed(false));
    let stopped = settled(&worker).timeline.expect("a step").step().step;
    worker.send(Command::Train(1));
    assert_eq!(settled(&worker).timeline.expect("a step").step().step, stopped + 1);
}

#[test]
fn a_condition_that_fails_is_the_authors_problem_and_ends_what_asked_it() {
    let cues = "stage.highlight(|p| if p.value > 10.0 { p.nothing > 0.0 } else { true });
                stage.train_until(|m| m.step > 20 && m.nothing > 0.0, 1000);
                stage.highlight(|p| { if p.value > 10.0 { loop { } } true });";
    let mut worker = performing(cues);
    worker.send(Command::Highlight(Some(Condition(0))));
    assert!(settled(&worker).lit.is_some(), "no weight is large yet");
    worker.send(weight(20.0).into());
    let failed = settled(&worker);
    assert_eq!(failed.lit, None);
    assert!(failed.problems[0].message.contains("nothing"), "{:?}", failed.problems);
    assert!(failed.problems[0].location.is_some());

    worker.send(Command::TrainUntil { until: Condition(1), most: 1000 });
    let failed = settled(&worker);
    assert_eq!(failed.timeline.as_ref().expect("a step").step().step, 22);
    assert_eq!(failed.problems.len(), 1, "{:?}", failed.problems);
    assert!(!failed.stuck, "the run itself is good");

    worker.send(Command::Highlight(Some(Condition(2))));
    let stopped = settled(&worker);
    assert_eq!((stopped.lit, stopped.problems.len()), (None, 1));
    worker.send(Command::Highlight(None));
    assert!(settled(&worker).problems.is_empty());
}
