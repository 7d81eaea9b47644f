//! Plugins are replaced, adjusted, removed and reloaded during a run.

use super::*;

const DECAY: &str = "fn params() { #{ strength: slider(0.5, 0.0, 1.0) } } fn penalty(w, p) { p.strength * w ** 2 }";
const HALVES: &str = "fn rate(step, ctx) { 0.5 ** (step - 1) }";

fn with_kinds() -> InlineBackend {
    let mut backend = backend();
    backend.send(save("regularizers/decay.rhai", DECAY));
    backend.send(save("schedules/halves.rhai", HALVES));
    backend.send(patch(Slot::Regularizer.patch(PluginRef::named("decay"))));
    backend.send(patch(Slot::Schedule.patch(PluginRef::named("halves"))));
    backend
}

fn slot(snapshot: &Snapshot, slot: Slot) -> SlotInfo {
    let setup = snapshot.setup.as_ref().expect("a set-up");
    setup.slots.iter().find(|info| info.slot == slot).expect("every slot is listed").clone()
}

/// Penalty and learning rate of the shown step.
fn penalty_and_rate(snapshot: &Snapshot) -> (Option<f64>, f64) {
    let step = snapshot.timeline.as_ref().expect("a step").step();
    (step.penalty.as_ref().map(|penalty| penalty.sum), step.learning_rate())
}

#[test]
fn a_regularizer_and_a_schedule_can_be_set_adjusted_and_removed() {
    let mut backend = with_kinds();
    let first = idle_snapshot(&mut backend);
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    let (penalty, lr) = penalty_and_rate(&first);
    backend.send(
        Change::Control {
            slot: Slot::Regularizer,
            layers: Vec::new(),
            control: "strength".into(),
            value: ParamValue::Number(0.25),
        }
        .into(),
    );
    backend.send(BackendCommand::Seek(3));
    backend.send(BackendCommand::Seek(1));
    let slid = idle_snapshot(&mut backend);
    assert_eq!(penalty_and_rate(&slid), (penalty.map(|sum| sum / 2.0), lr));
    backend.send(BackendCommand::Seek(3));
    let third = idle_snapshot(&mut backend);
    assert_eq!(penalty_and_rate(&third).1, lr / 4.0);
    for (place, chosen) in [(Slot::Regularizer, "decay"), (Slot::Schedule, "halves")] {
        let info = slot(&third, place);
        assert_eq!((info.name.as_str(), info.choices[0].name.as_str()), (chosen, "none"));
        backend.send(patch(place.patch(PluginRef::named("none"))));
    }
    let without = idle_snapshot(&mut backend);
    assert_eq!(penalty_and_rate(&without), (None, lr));
    assert_eq!(slot(&without, Slot::Schedule).name, "none");
    // Earlier steps still use them and have the same bits.
    backend.send(BackendCommand::Seek(2));
    assert_eq!(penalty_and_rate(&idle_snapshot(&mut backend)).1, lr / 2.0);
    backend.send(BackendCommand::Seek(3));
    assert_eq!(values(&idle_snapshot(&mut backend)), values(&third));
}

#[test]
fn a_saved_penalty_takes_effect_and_a_broken_one_does_not() {
    let mut backend = with_kinds();
    let first = penalty_and_rate(&idle_snapshot(&mut backend)).0.expect("a regularizer");
    let saved = |text: &str| BackendCommand::ReloadFile {
        root: "own".into(),
        path: "regularizers/decay.rhai".into(),
        bytes: Some(text.as_bytes().to_vec()),
        at_once: true,
    };
    backend.send(saved("fn penalty(w) { w w }"));
    let broken = idle_snapshot(&mut backend);
    assert_eq!((broken.problems.len(), penalty_and_rate(&broken).0), (1, Some(first)));
    backend.send(saved(
        "fn params() { #{ strength: slider(0.5, 0.0, 1.0) } } fn penalty(w, p) { 2.0 * p.strength * w ** 2 }",
    ));
    let again = idle_snapshot(&mut backend);
    assert!(again.problems.is_empty());
    assert_eq!(penalty_and_rate(&again).0, Some(2.0 * first));
}

#[test]
fn a_new_initializer_or_data_set_restarts_the_run_with_the_same_seed() {
    let mut backend = with_kinds();
    backend.send(BackendCommand::Seek(5));
    let before = idle_snapshot(&mut backend);
    backend.send(patch(Slot::Initializer.patch(PluginRef::named("he_normal"))));
    let drawn = idle_snapshot(&mut backend);
    assert!(drawn.messages.iter().any(|message| message.contains("new initializer")), "{:?}", drawn.messages);
    assert_eq!((shown(&drawn).0, slot(&drawn, Slot::Initializer).name.as_str()), (1, "he_normal"));
    assert_eq!(slot(&drawn, Slot::Regularizer).name, "decay", "changes by hand persist");
    let run_number = |snapshot: &Snapshot| snapshot.lesson.as_ref().expect("a lesson").run_number;
    assert!(run_number(&drawn) > run_number(&before));
    backend.send(patch(Slot::Initializer.patch(PluginRef::named("he_normal"))));
    assert_eq!(values(&idle_snapshot(&mut backend)), values(&drawn), "the same seed draws the same weights");

    backend.send(patch(Slot::Data.patch(PluginRef::named("xor_region"))));
    let other = idle_snapshot(&mut backend);
    assert_eq!((slot(&other, Slot::Data).name.as_str(), values(&other)), ("xor_region", values(&drawn)));
    assert!(other.data.as_ref().expect("data").train > 4);
    backend.send(patch(Slot::Data.patch(PluginRef::named("iris"))));
    let wrong = idle_snapshot(&mut backend);
    assert!(!wrong.problems.is_empty());
    assert_eq!(slot(&wrong, Slot::Data).name, "xor_region", "unsuitable data has no effect");
}

#[test]
fn a_slider_of_a_data_set_changes_the_samples() {
    let mut backend = backend();
    let set = "fn params() { #{ shift: slider(1.0, 0.0, 9.0) } }
        fn dataset(ctx) { [#{ input: [ctx.shift, ctx.noise], target: [0.0] }] }";
    backend.send(save("datasets/shifted.rhai", set));
    backend.send(save("t.rhai", &LESSON.replace("data: \"xor\"", "noise: 0.25, data: \"shifted\"")));
    let first = idle_snapshot(&mut backend);
    assert!(first.problems.is_empty(), "{:?}", first.problems);
    let input = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().samples[0].input.clone();
    assert_eq!(input(&first), [1.0, 0.25]);
    backend.send(BackendCommand::Seek(4));
    let value = ParamValue::Number(3.0);
    backend.send(Change::Control { slot: Slot::Data, layers: Vec::new(), control: "shift".into(), value }.into());
    let moved = idle_snapshot(&mut backend);
    assert_eq!((shown(&moved).0, input(&moved), values(&moved)), (1, vec![3.0, 0.25], values(&first)));
}

#[test]
fn functions_in_the_lesson_have_sliders_and_are_reloaded() {
    let mut backend = backend();
    let own = format!("{LESSON} {DECAY} fn init(ctx) {{ 0.5 }}");
    backend.send(save("t.rhai", &own));
    backend.send(Change::Reset.into());
    // 2·3 + 3·1 weights of 0.5.
    assert_eq!(penalty_and_rate(&idle_snapshot(&mut backend)).0, Some(9.0 * 0.5 * 0.25));
    let value = ParamValue::Number(1.0);
    backend.send(
        Change::Control { slot: Slot::Regularizer, layers: Vec::new(), control: "strength".into(), value }.into(),
    );
    assert_eq!(penalty_and_rate(&idle_snapshot(&mut backend)).0, Some(9.0 * 0.25));
    let changed = own.replace("* w ** 2", "* abs(w)");
    backend.send(BackendCommand::ReloadFile {
        root: "own".into(),
        path: "t.rhai".into(),
        bytes: Some(changed.into_bytes()),
        at_once: true,
    });
    assert_eq!(penalty_and_rate(&idle_snapshot(&mut backend)).0, Some(9.0 * 0.5));
}

#[test]
fn a_lesson_uses_a_missing_file_once_it_exists() {
    let mut backend = backend();
    let optimizer = |snapshot: &Snapshot| {
        let slots = &snapshot.setup.as_ref().expect("a set-up").slots;
        slots.iter().find(|info| info.slot == Slot::Optimizer).expect("an optimizer").name.clone()
    };
    backend.send(save("t.rhai", &LESSON.replace("\"own\"", "\"mine\"")));
    let waiting = idle_snapshot(&mut backend);
    assert!(!waiting.problems.is_empty() && optimizer(&waiting) == "own");
    backend.send(save("optimizers/mine.rhai", "fn update(w, grad, state, ctx) { w - 0.5 * ctx.lr * grad }"));
    // It takes effect at the end of the shown step.
    backend.send(BackendCommand::Seek(2));
    let taken = idle_snapshot(&mut backend);
    assert!(taken.problems.is_empty(), "{:?}", taken.problems);
    assert_eq!(optimizer(&taken), "mine");
}

#[test]
fn edited_samples_survive_a_failed_reload_of_the_data() {
    let data = |target: &str| format!("fn dataset(ctx) {{ [#{{ input: [0.0, 1.0], target: [{target}] }}] }}");
    let picky = "fn loss(output, target) { if target[0] > 5.0 { throw \"too far\"; } output[0] * 0.5 }";
    let mut backend = backend();
    backend.send(save("losses/picky.rhai", picky));
    backend.send(save("datasets/own.rhai", &data("1.0")));
    backend.send(save("t.rhai", &LESSON.replace("\"xor\"", "\"own\", loss: \"picky\"")));
    backend.send(Change::Input { sample: 0, input: 1, value: 0.25 }.into());
    let edited = idle_snapshot(&mut backend);
    assert!(edited.problems.is_empty(), "{:?}", edited.problems);
    let save_now = |text: String| BackendCommand::ReloadFile {
        root: "own".into(),
        path: "datasets/own.rhai".into(),
        bytes: Some(text.into_bytes()),
        at_once: true,
    };
    backend.send(save_now(data("9.0")));
    assert_eq!(idle_snapshot(&mut backend).problems.len(), 1);
    backend.send(save_now(data("1.0")));
    let after = idle_snapshot(&mut backend);
    assert!(after.problems.is_empty());
    assert_eq!(after.timeline.expect("a step").step().samples[0].input[1], 0.25);
}

#[test]
fn a_reset_uses_the_present_scripts() {
    let mut backend = backend();
    backend.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), true));
    backend.send(save("t.rhai", "fn lesson() { oops }"));
    backend.send(Change::Reset.into());
    let again = idle_snapshot(&mut backend);
    assert!(!again.problems.is_empty());
    assert_eq!(again.timeline.expect("a step").step().names.state_names(), ["u"]);
}

#[test]
fn an_initializer_takes_effect_with_the_next_reset() {
    let mut backend = backend();
    backend.send(save("initializers/own.rhai", "fn init(ctx) { 0.25 }"));
    backend.send(save("t.rhai", &LESSON.replace("\"own\"", "\"own\", initializer: \"own\"")));
    let before = idle_snapshot(&mut backend);
    assert!(before.problems.is_empty(), "{:?}", before.problems);
    backend.send(save("initializers/own.rhai", "fn init(ctx) { 0.5 }"));
    let saved = idle_snapshot(&mut backend);
    assert_eq!(values(&saved), values(&before));
    assert!(saved.messages.iter().any(|message| message.contains("next Reset")), "{:?}", saved.messages);
    backend.send(Change::Reset.into());
    assert_ne!(values(&idle_snapshot(&mut backend)), values(&before));
}

#[test]
fn the_viewer_is_told_how_foreign_tensors_were_assigned() {
    let shape = slowgrad_engine::shape::Shape::new(2, &[3, 1]);
    let numbers: Vec<f64> = (0..shape.parameters()).map(|index| index as f64 / 8.0).collect();
    let mut bytes = slowgrad_engine::weights::to_safetensors(&shape, &numbers).expect("finite numbers");
    // Names of the same length, so that the header keeps its length.
    for (own, theirs) in [(b"\"0.", b"\"a."), (b"\"2.", b"\"b.")] {
        while let Some(at) = bytes.windows(own.len()).position(|window| window == own) {
            bytes[at..at + own.len()].copy_from_slice(theirs);
        }
    }
    let lesson = LESSON.replace("seed: 3", "weights: \"theirs.safetensors\"");
    let files = Files::from_iter([
        ("t.rhai", lesson.as_bytes()),
        ("theirs.safetensors", &bytes),
        ("optimizers/own.rhai", OPTIMIZER.as_bytes()),
    ]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    let opened = idle_snapshot(&mut inline(library, Limits::default(), "t.rhai"));
    assert_eq!(values(&opened), numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>());
    let told =
        "tensors of theirs.safetensors: a.weight → 0.weight, a.bias → 0.bias, b.weight → 2.weight, b.bias → 2.bias";
    assert!(opened.messages.iter().any(|message| message == told), "{:?}", opened.messages);
}

#[test]
fn a_pair_of_output_and_loss_chosen_during_a_run_is_warned_of_like_that_of_a_lesson() {
    let combination = |snapshot: &Snapshot| {
        let found = snapshot.problems.iter().filter(|problem| problem.code == "loss-and-output");
        found.cloned().collect::<Vec<_>>()
    };
    let choose = |backend: &mut InlineBackend, slot: Slot, name: &str| {
        backend.send(patch(slot.patch(PluginRef::named(name))));
        idle_snapshot(backend)
    };
    let mut backend = backend();
    let opened = idle_snapshot(&mut backend);
    assert_eq!(combination(&opened), []);
    choose(&mut backend, Slot::Output, "identity");
    let chosen = choose(&mut backend, Slot::Loss, "binary_cross_entropy");
    let [warning] = &combination(&chosen)[..] else { panic!("{:?}", chosen.problems) };
    assert!(warning.message.contains("`binary_cross_entropy` needs outputs from 0 to 1"), "{warning}");
    assert_eq!(warning.location, None);
    // It stays while the run trains, and follows undo and going back.
    backend.send(BackendCommand::Train(5));
    assert_eq!(combination(&idle_snapshot(&mut backend)).len(), 1);
    backend.send(BackendCommand::Undo);
    assert_eq!(combination(&idle_snapshot(&mut backend)), []);
    backend.send(BackendCommand::Redo);
    assert_eq!(combination(&idle_snapshot(&mut backend)).len(), 1);
    assert_eq!(combination(&choose(&mut backend, Slot::Output, "sigmoid")), []);

    // The lesson's own pair has its place in the file, until another one replaces it.
    let pair = LESSON.replace("data:", "output: \"identity\", loss: \"binary_cross_entropy\", data:");
    let mut backend = backend_with(&pair, OPTIMIZER);
    let opened = idle_snapshot(&mut backend);
    let [warning] = &combination(&opened)[..] else { panic!("{:?}", opened.problems) };
    assert!(warning.location.is_some());
    assert_eq!(combination(&choose(&mut backend, Slot::Loss, "binary_cross_entropy_with_logits")), []);
}
