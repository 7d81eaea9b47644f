//! Undo and redo.

use super::*;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::run::LossPoint;
use slowgrad_tape::Severity;
use slowgrad_timeline::scene::Target;

/// The state that undo restores: parameters, optimizer state, step, trained steps, curves, and a description of the rest.
pub(crate) type ComparableState = (Vec<u64>, Vec<u64>, u64, u64, [Vec<(u64, u64)>; 2], String);

pub(crate) fn run_state(snapshot: &Snapshot) -> ComparableState {
    let step = snapshot.timeline.as_ref().expect("a step").step();
    let state = step.before.state.iter().flatten().map(|x| x.to_bits()).collect();
    let setup = snapshot.setup.as_ref().expect("a set-up");
    let slots: Vec<String> = setup.slots.iter().map(|slot| format!("{}: {:?}", slot.name, slot.controls)).collect();
    let Recipe { arrangement, changes, .. } = &snapshot.recipe;
    let shown = format!("{slots:?} {} {} {arrangement:?} {changes:?}", setup.batch, setup.seed);
    let bits = |points: &[LossPoint]| points.iter().map(|point| (point.step, point.loss.to_bits())).collect();
    let abandoned_branch = snapshot
        .curves
        .abandoned_branch
        .as_ref()
        .map(|abandoned_branch| bits(abandoned_branch.points()))
        .unwrap_or_default();
    let curves = [bits(&snapshot.curves.present), abandoned_branch];
    let data = format!("{:?}", snapshot.data.as_ref().map(|data| &data.samples));
    (values(snapshot), state, step.step, snapshot.furthest, curves, format!("{shown} {data}"))
}

/// A random change by hand. It only affects parameters that the first structure has.
pub(crate) fn random_change(rng: &mut Rng) -> Vec<BackendCommand> {
    let value = rng.below(64) as f64 / 16.0 - 2.0;
    let shape = slowgrad_engine::shape::Shape::new(2, &[3, 1]);
    let parameter = shape.parameter(rng.below(13) as usize);
    let plugin = |slot: Slot, names: &[&str], rng: &mut Rng| {
        patch(slot.patch(PluginRef::named(names[rng.below(names.len() as u64) as usize])))
    };
    match rng.below(18) {
        0..3 => vec![Change::Parameter { parameter, value }.into()],
        // A drag is undone as one change.
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
        _ => vec![BackendCommand::Change {
            step: Some(1 + rng.below(30)),
            change: Change::Parameter { parameter, value },
        }],
    }
}

/// A random command that is not a change.
pub(crate) fn random_seek(rng: &mut Rng) -> BackendCommand {
    match rng.below(3) {
        0 => BackendCommand::Train(rng.below(40)),
        _ => BackendCommand::Seek(1 + rng.below(60)),
    }
}

#[test]
fn random_changes_are_undone_and_redone_to_the_bit() {
    for seed in 0..24 {
        let mut rng = Rng::new(seed, Purpose::Data);
        let mut backend = backend();
        // The state before each change, and the snapshot after it.
        let mut befores = Vec::new();
        for _ in 0..12 {
            let before = snapshot_after(&mut backend, random_seek(&mut rng));
            backend.send(BackendCommand::Seal);
            for command in random_change(&mut rng) {
                backend.send(command);
            }
            backend.send(BackendCommand::Seal);
            let after = idle_snapshot(&mut backend);
            // An output with one neuron and softmax is warned of.
            let mut errors = after.problems.iter().filter(|problem| problem.severity == Severity::Error);
            assert_eq!(errors.next(), None);
            befores.push((run_state(&before), after));
        }
        let last = run_state(&snapshot_after(&mut backend, BackendCommand::Seek(7)));
        let mut steps = vec![last.clone()];
        let mut compared = 0;
        for (before, after) in befores.iter().rev() {
            assert!(after.undo.is_some());
            let undone = snapshot_after(&mut backend, BackendCommand::Undo);
            let undone_state = run_state(&undone);
            // A change with a seek is undone to the step of the change.
            if undone_state.2 == before.2 {
                compared += 1;
                assert_eq!(undone_state, *before, "seed {seed}");
            }
            steps.push(undone_state);
        }
        assert!(compared >= 8, "{compared}");
        let first = snapshot_after(&mut backend, BackendCommand::Undo);
        assert_eq!(first.undo, None);
        assert!(first.messages.iter().any(|message| message.contains("nothing to undo")));
        steps.pop();
        for step in steps.iter().rev() {
            assert_eq!(run_state(&snapshot_after(&mut backend, BackendCommand::Redo)), *step, "seed {seed}");
        }
        assert_eq!(snapshot_after(&mut backend, BackendCommand::Redo).redo, None);
    }
}

#[test]
fn a_change_after_an_undo_clears_redo() {
    let mut backend = backend();
    backend.send(weight(1.0).into());
    backend.send(rate(0.25));
    backend.send(BackendCommand::Undo);
    // Training is not a change.
    let undone = snapshot_after(&mut backend, BackendCommand::Seek(5));
    assert!(undone.redo.is_some());
    let other = snapshot_after(&mut backend, weight(2.0).into());
    assert_eq!(other.redo, None);
    let undone = snapshot_after(&mut backend, BackendCommand::Undo);
    assert_eq!(
        (shown(&undone).0, f64::from_bits(values(&undone)[0])),
        (5, {
            backend.send(BackendCommand::Seek(1));
            backend.send(BackendCommand::Seek(5));
            f64::from_bits(values(&idle_snapshot(&mut backend))[0])
        })
    );
}

#[test]
fn a_drag_back_to_the_initial_value_is_not_a_change() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(20));
    let before = snapshot_after(&mut backend, BackendCommand::Seek(4));
    let was = f64::from_bits(values(&before)[0]);
    backend.send(weight(3.0).into());
    let moved = idle_snapshot(&mut backend);
    assert_eq!((moved.furthest, moved.curves.abandoned_branch.is_some()), (3, true));
    let back = snapshot_after(&mut backend, weight(was).into());
    assert_eq!((run_state(&back), back.undo), (run_state(&before), None));
}

/// An optimizer with another name for its state.
fn renamed() -> String {
    OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0")
}

#[test]
fn undo_does_not_affect_scripts() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(5));
    backend.send(weight(2.0).into());
    // Several saves without training in between are one point.
    backend.send(reload(&OPTIMIZER.replace("ctx.lr", "2.0 * ctx.lr"), true));
    backend.send(reload(&renamed(), true));
    backend.send(BackendCommand::Seek(9));
    let state = |snapshot: &Snapshot| {
        let step = snapshot.timeline.as_ref().expect("a step").step();
        (step.step, step.names.state_names().join(" "), step.before.values[0] == 2.0)
    };
    let undone = snapshot_after(&mut backend, BackendCommand::Undo);
    assert_eq!(state(&undone), (5, "u".into(), true));
    let undone = snapshot_after(&mut backend, BackendCommand::Undo);
    assert_eq!((state(&undone), undone.undo), ((5, "u".into(), false), None));
}

#[test]
fn a_save_without_an_effect_on_the_run_is_not_a_change() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(5));
    let saved = snapshot_after(&mut backend, save("t.rhai", &LESSON.replace("\"T\"", "\"Another title\"")));
    assert_eq!((saved.lesson.map(|lesson| lesson.title.clone()), saved.undo), (Some("Another title".into()), None));
    let broken = snapshot_after(&mut backend, reload("fn update(", true));
    assert_eq!((broken.problems.is_empty(), broken.undo), (false, None));
}

fn is_finite(snapshot: &Snapshot) -> bool {
    let step = snapshot.timeline.as_ref().expect("a step").step();
    step.loss.is_finite() && step.before.values.iter().all(|value| value.is_finite())
}

#[test]
fn a_change_that_breaks_the_run_is_undone_with_the_weights() {
    let mut backend = backend();
    let before = snapshot_after(&mut backend, BackendCommand::Seek(5));
    let output = Parameter { layer: 1, neuron: 0, input: Some(0) };
    backend.send(Change::Parameter { parameter: output, value: 1e200 }.into());
    backend.send(BackendCommand::Train(40));
    assert!(is_finite(&before) && !is_finite(&idle_snapshot(&mut backend)), "the run breaks");
    assert_eq!(run_state(&snapshot_after(&mut backend, BackendCommand::Undo)), run_state(&before));
    // The run continues as if the change had not been made.
    let continued = snapshot_after(&mut backend, BackendCommand::Seek(45));
    let unbroken = snapshot_after(&mut super::backend(), BackendCommand::Seek(45));
    assert!(is_finite(&continued));
    assert_eq!(values(&continued), values(&unbroken));
    assert!(!is_finite(&snapshot_after(&mut backend, BackendCommand::Redo)));
}

#[test]
fn the_weights_from_before_a_save_that_breaks_the_run_come_back() {
    for at_once in [true, false] {
        let mut backend = backend();
        let before = snapshot_after(&mut backend, BackendCommand::Seek(5));
        let saved =
            snapshot_after(&mut backend, reload(&OPTIMIZER.replace("ctx.lr * state.v", "1e300 * state.v"), at_once));
        assert_eq!(saved.undo.as_deref(), Some("the steps since optimizers/own.rhai was saved"));
        backend.send(BackendCommand::Train(40));
        assert!(!is_finite(&idle_snapshot(&mut backend)), "the run breaks");
        let undone = snapshot_after(&mut backend, BackendCommand::Undo);
        let state = |snapshot: &Snapshot| run_state(snapshot).1;
        assert_eq!((values(&undone), state(&undone), shown(&undone).0), (values(&before), state(&before), 5));
        // The mended script continues from there, as if the run had never been broken.
        backend.send(reload(OPTIMIZER, true));
        let continued = snapshot_after(&mut backend, BackendCommand::Seek(45));
        let unbroken = snapshot_after(&mut super::backend(), BackendCommand::Seek(45));
        assert!(is_finite(&continued));
        assert_eq!(values(&continued), values(&unbroken));
    }
}

#[test]
fn undo_lists_name_inputs_and_outputs() {
    let named = LESSON.replace("data:", "input_names: [\"width\", \"height\"], output_names: [\"area\"], data:");
    let mut backend = backend_with(&named, OPTIMIZER);
    let bias = Parameter { layer: 1, neuron: 0, input: None };
    let changes = [
        (weight(2.0), "weight from input 1 (width) to neuron 1 of layer 1"),
        (Change::Parameter { parameter: bias, value: 0.5 }, "bias 1 of layer 2 (area)"),
        (Change::Input { sample: 2, input: 1, value: 0.25 }, "input 2 (height) of sample 3"),
    ];
    for (change, name) in changes {
        let changed = snapshot_after(&mut backend, change.into());
        assert_eq!(changed.undo.as_deref(), Some(name));
    }
}
