//! Plugins are exchanged, moved, taken away and saved while a run goes on.

use super::*;

const DECAY: &str = "fn params() { #{ strength: slider(0.5, 0.0, 1.0) } } fn penalty(w, p) { p.strength * w ** 2 }";
const HALVES: &str = "fn rate(step, ctx) { 0.5 ** (step - 1) }";

fn with_kinds() -> InlineBackend {
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
    let first = settled(&mut worker);
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    let (penalty, lr) = penalty_and_rate(&first);
    worker.send(
        Change::Control {
            slot: Slot::Regularizer,
            layers: Vec::new(),
            control: "strength".into(),
            value: ParamValue::Number(0.25),
        }
        .into(),
    );
    worker.send(Command::Seek(3));
    worker.send(Command::Seek(1));
    let slid = settled(&mut worker);
    assert_eq!(penalty_and_rate(&slid), (penalty.map(|sum| sum / 2.0), lr));
    worker.send(Command::Seek(3));
    let third = settled(&mut worker);
    assert_eq!(penalty_and_rate(&third).1, lr / 4.0);
    for (place, chosen) in [(Slot::Regularizer, "decay"), (Slot::Schedule, "halves")] {
        let info = slot(&third, place);
        assert_eq!((info.name.as_str(), info.choices[0].name.as_str()), (chosen, "none"));
        worker.send(patch(place.patch(PluginRef::named("none"))));
    }
    let without = settled(&mut worker);
    assert_eq!(penalty_and_rate(&without), (None, lr));
    assert_eq!(slot(&without, Slot::Schedule).name, "none");
    // The past has them, with the bits it had.
    worker.send(Command::Seek(2));
    assert_eq!(penalty_and_rate(&settled(&mut worker)).1, lr / 2.0);
    worker.send(Command::Seek(3));
    assert_eq!(values(&settled(&mut worker)), values(&third));
}

#[test]
fn a_penalty_that_is_saved_runs_and_a_broken_one_changes_nothing() {
    let mut worker = with_kinds();
    let first = penalty_and_rate(&settled(&mut worker)).0.expect("a regularizer");
    let saved = |text: &str| Command::ReloadFile {
        root: "own".into(),
        path: "regularizers/decay.rhai".into(),
        bytes: Some(text.as_bytes().to_vec()),
        at_once: true,
    };
    worker.send(saved("fn penalty(w) { w w }"));
    let broken = settled(&mut worker);
    assert_eq!((broken.problems.len(), penalty_and_rate(&broken).0), (1, Some(first)));
    worker.send(saved(
        "fn params() { #{ strength: slider(0.5, 0.0, 1.0) } } fn penalty(w, p) { 2.0 * p.strength * w ** 2 }",
    ));
    let again = settled(&mut worker);
    assert!(again.problems.is_empty());
    assert_eq!(penalty_and_rate(&again).0, Some(2.0 * first));
}

#[test]
fn another_initializer_or_data_set_starts_the_run_anew_from_the_same_seed() {
    let mut worker = with_kinds();
    worker.send(Command::Seek(5));
    let before = settled(&mut worker);
    worker.send(patch(Slot::Initializer.patch(PluginRef::named("he_normal"))));
    let drawn = settled(&mut worker);
    assert!(drawn.messages.iter().any(|message| message.contains("new initializer")), "{:?}", drawn.messages);
    assert_eq!((shown(&drawn).0, slot(&drawn, Slot::Initializer).name.as_str()), (1, "he_normal"));
    assert_eq!(slot(&drawn, Slot::Regularizer).name, "decay", "what was changed by hand stays");
    let opened = |snapshot: &Snapshot| snapshot.lesson.as_ref().expect("a lesson").opened;
    assert!(opened(&drawn) > opened(&before));
    worker.send(patch(Slot::Initializer.patch(PluginRef::named("he_normal"))));
    assert_eq!(values(&settled(&mut worker)), values(&drawn), "the same seed draws the same weights");

    worker.send(patch(Slot::Data.patch(PluginRef::named("xor_region"))));
    let other = settled(&mut worker);
    assert_eq!((slot(&other, Slot::Data).name.as_str(), values(&other)), ("xor_region", values(&drawn)));
    assert!(other.data.as_ref().expect("data").train > 4);
    worker.send(patch(Slot::Data.patch(PluginRef::named("iris"))));
    let wrong = settled(&mut worker);
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
    let first = settled(&mut worker);
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    let input = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().samples[0].input.clone();
    assert_eq!(input(&first), [1.0, 0.25]);
    worker.send(Command::Seek(4));
    let value = ParamValue::Number(3.0);
    worker.send(Change::Control { slot: Slot::Data, layers: Vec::new(), control: "shift".into(), value }.into());
    let moved = settled(&mut worker);
    assert_eq!((shown(&moved).0, input(&moved), values(&moved)), (1, vec![3.0, 0.25], values(&first)));
}

#[test]
fn a_slider_of_the_lessons_own_function_acts_and_its_other_functions_are_reloaded() {
    let mut worker = worker();
    let own = format!("{LESSON} {DECAY} fn init(ctx) {{ 0.5 }}");
    worker.send(save("t.rhai", &own));
    worker.send(Change::Reset.into());
    // 2·3 + 3·1 weights of 0.5.
    assert_eq!(penalty_and_rate(&settled(&mut worker)).0, Some(9.0 * 0.5 * 0.25));
    let value = ParamValue::Number(1.0);
    worker.send(
        Change::Control { slot: Slot::Regularizer, layers: Vec::new(), control: "strength".into(), value }.into(),
    );
    assert_eq!(penalty_and_rate(&settled(&mut worker)).0, Some(9.0 * 0.25));
    let changed = own.replace("* w ** 2", "* abs(w)");
    worker.send(Command::ReloadFile {
        root: "own".into(),
        path: "t.rhai".into(),
        bytes: Some(changed.into_bytes()),
        at_once: true,
    });
    assert_eq!(penalty_and_rate(&settled(&mut worker)).0, Some(9.0 * 0.5));
}

#[test]
fn a_lesson_that_waits_for_a_file_takes_it_when_it_comes() {
    let mut worker = worker();
    let optimizer = |snapshot: &Snapshot| {
        let slots = &snapshot.setup.as_ref().expect("a set-up").slots;
        slots.iter().find(|info| info.slot == Slot::Optimizer).expect("an optimizer").name.clone()
    };
    worker.send(save("t.rhai", &LESSON.replace("\"own\"", "\"mine\"")));
    let waiting = settled(&mut worker);
    assert!(!waiting.problems.is_empty() && optimizer(&waiting) == "own");
    worker.send(save("optimizers/mine.rhai", "fn update(w, grad, state, ctx) { w - 0.5 * ctx.lr * grad }"));
    // It takes over when the step that is shown is over.
    worker.send(Command::Seek(2));
    let taken = settled(&mut worker);
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
    let edited = settled(&mut worker);
    assert!(edited.problems.is_empty(), "{:?}", edited.problems);
    let save_now = |text: String| Command::ReloadFile {
        root: "own".into(),
        path: "datasets/own.rhai".into(),
        bytes: Some(text.into_bytes()),
        at_once: true,
    };
    worker.send(save_now(data("9.0")));
    assert_eq!(settled(&mut worker).problems.len(), 1);
    worker.send(save_now(data("1.0")));
    let after = settled(&mut worker);
    assert!(after.problems.is_empty());
    assert_eq!(after.timeline.expect("a step").step().samples[0].input[1], 0.25);
}

#[test]
fn starting_again_starts_with_the_scripts_of_now() {
    let mut worker = worker();
    worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), true));
    worker.send(save("t.rhai", "fn lesson() { oops }"));
    worker.send(Change::Reset.into());
    let again = settled(&mut worker);
    assert!(!again.problems.is_empty());
    assert_eq!(again.timeline.expect("a step").step().names.state, ["u"]);
}

#[test]
fn an_initializer_waits_for_the_next_start() {
    let mut worker = worker();
    worker.send(save("initializers/own.rhai", "fn init(ctx) { 0.25 }"));
    worker.send(save("t.rhai", &LESSON.replace("\"own\"", "\"own\", initializer: \"own\"")));
    let before = settled(&mut worker);
    assert!(before.problems.is_empty(), "{:?}", before.problems);
    worker.send(save("initializers/own.rhai", "fn init(ctx) { 0.5 }"));
    let saved = settled(&mut worker);
    assert_eq!(values(&saved), values(&before));
    assert!(saved.messages.iter().any(|message| message.contains("next Reset")), "{:?}", saved.messages);
    worker.send(Change::Reset.into());
    assert_ne!(values(&settled(&mut worker)), values(&before));
}
