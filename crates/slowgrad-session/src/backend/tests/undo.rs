//! What was done is undone and done again.

use super::*;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::run::LossPoint;
use slowgrad_timeline::scene::Target;

/// What has to be the same again: all numbers and all that is shown of the past and of what was done.
pub(crate) type State = (Vec<u64>, Vec<u64>, u64, u64, [Vec<(u64, u64)>; 2], String);

pub(crate) fn state(snapshot: &Snapshot) -> State {
    let step = snapshot.timeline.as_ref().expect("a step").step();
    let state = step.before.state.iter().flatten().map(|x| x.to_bits()).collect();
    let setup = snapshot.setup.as_ref().expect("a set-up");
    let slots: Vec<String> = setup.slots.iter().map(|slot| format!("{}: {:?}", slot.name, slot.controls)).collect();
    let Recipe { arrangement, changes, .. } = &snapshot.recipe;
    let shown = format!("{slots:?} {} {} {arrangement:?} {changes:?}", setup.batch, setup.seed);
    let bits = |points: &[LossPoint]| points.iter().map(|point| (point.step, point.loss.to_bits())).collect();
    let ghost = snapshot.curves.ghost.as_ref().map(|ghost| bits(ghost.points())).unwrap_or_default();
    let curves = [bits(&snapshot.curves.present), ghost];
    let data = format!("{:?}", snapshot.data.as_ref().map(|data| &data.samples));
    (values(snapshot), state, step.step, snapshot.furthest, curves, format!("{shown} {data}"))
}

/// Something that a person does, from a random number. The parameters of the first structure stay valid.
pub(crate) fn deed(rng: &mut Rng) -> Vec<Command> {
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

/// Goes on with the run, which is nothing to undo.
pub(crate) fn wander(rng: &mut Rng) -> Command {
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
            let after = settled(&mut worker);
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
            f64::from_bits(values(&settled(&mut worker))[0])
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
    let moved = settled(&mut worker);
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
