//! Runs that continue from the stored numbers of one step, and the recomputation that proves these.

use super::replay::optimizer_version;
use super::undo::{random_change, random_seek, run_state};
use super::*;
use crate::testing::timeout;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::run::{LossCurve, StoredState};

/// The numbers of the shown step, as a session file stores them.
fn state(snapshot: &Snapshot) -> StoredState {
    let step = snapshot.timeline.as_ref().expect("a step").step();
    let curve = LossCurve::from_points(snapshot.curves.present.clone());
    StoredState { model: step.before.clone(), fields: step.names.state_names(), curve }
}

fn stored(snapshot: &Snapshot, state: StoredState) -> BackendCommand {
    let (recipe, undo_history) = (snapshot.recipe.clone(), Arc::clone(&snapshot.undo_history));
    BackendCommand::Restore(Box::new(SavedRun {
        lesson: "t.rhai".into(),
        recipe,
        undo_history,
        state: Some(Arc::new(state)),
    }))
}

/// The numbers of a run. Its recipe may also have texts of scripts that an abandoned branch used.
fn numbers(snapshot: &Snapshot) -> impl PartialEq + std::fmt::Debug {
    let (values, state, step, furthest, curves, _) = run_state(snapshot);
    (values, state, step, furthest, curves)
}

/// Waits until the stored numbers are proved; returns the messages.
fn prove(backend: &mut InlineBackend) -> Vec<String> {
    let deadline = timeout();
    let mut messages = Vec::new();
    loop {
        backend.work();
        while let Ok(Some(snapshot)) = backend.try_receive() {
            messages.extend(snapshot.messages.clone());
            if snapshot.proof.is_none() && !snapshot.training {
                return messages;
            }
        }
        assert!(!deadline.has_passed(), "the proof takes too long");
    }
}

#[test]
fn a_stored_run_is_shown_at_once_and_proved_later() {
    let (mut unproved, mut undone) = (0, 0);
    for seed in 200..216 {
        let mut rng = Rng::new(seed, Purpose::Data);
        let mut first = backend();
        let mut optimizer = OPTIMIZER.to_owned();
        for _ in 0..8 {
            first.send(random_seek(&mut rng));
            first.send(BackendCommand::Seal);
            for command in random_change(&mut rng) {
                first.send(command);
            }
            if rng.below(4) == 0 {
                optimizer = optimizer_version(1 + rng.below(4));
                first.send(reload(&optimizer, true));
            }
        }
        let before = snapshot_after(&mut first, random_seek(&mut rng));
        let mut second = backend_with(LESSON, &optimizer);
        let after = snapshot_after(&mut second, stored(&before, state(&before)));
        assert_eq!(run_state(&after), run_state(&before), "seed {seed}");
        assert_eq!((&after.recipe, &after.undo_history), (&before.recipe, &before.undo_history), "seed {seed}");
        unproved += usize::from(after.proof.is_some());
        // Both runs go on in the same way before the proof, and change.
        let step = shown(&before).0;
        for command in [
            BackendCommand::Seal,
            BackendCommand::Seek(step + 3),
            weight(0.375).into(),
            BackendCommand::Seek(step + 5),
            BackendCommand::Undo,
            BackendCommand::Redo,
            BackendCommand::Undo,
        ] {
            let [is, was] = [&mut second, &mut first].map(|backend| snapshot_after(backend, command.clone()));
            assert_eq!(numbers(&is), numbers(&was), "seed {seed}: {command:?}");
            undone += usize::from(command == BackendCommand::Undo);
        }
        let messages = prove(&mut second);
        assert!(!messages.iter().any(|message| message.contains("other results")), "seed {seed}: {messages:?}");
        for step in [1, 1 + step / 2, step] {
            let [is, was] =
                [&mut second, &mut first].map(|backend| snapshot_after(backend, BackendCommand::Seek(step)));
            assert_eq!(numbers(&is), numbers(&was), "seed {seed}: step {step}");
        }
    }
    assert!(unproved > 8 && undone > 20, "{unproved} {undone}");
}

#[test]
fn a_run_of_any_length_is_back_at_once_and_can_be_edited_and_undone() {
    let mut first = backend();
    first.send(rate(0.25));
    let mut before = snapshot_after(&mut first, BackendCommand::Seek(9));
    // A year of training.
    (before.recipe.step, before.recipe.furthest) = (1_000_000_000_000, 1_000_000_000_010);
    let numbers = state(&before);
    let mut second = backend();
    let after = snapshot_after(&mut second, stored(&before, numbers));
    assert_eq!((shown(&after).0, after.furthest), (1_000_000_000_000, 1_000_000_000_010));
    assert_eq!((values(&after), shown(&after).3), (values(&before), 0.25));
    let further = snapshot_after(&mut second, BackendCommand::Train(3));
    assert_eq!(shown(&further).0, 1_000_000_000_003);
    let edited =
        snapshot_after(&mut second, BackendCommand::Change { step: Some(1_000_000_000_000), change: weight(2.0) });
    assert_ne!(values(&edited), values(&before));
    let undone = snapshot_after(&mut second, BackendCommand::Undo);
    assert_eq!(values(&undone), values(&before));
    // Also after a new run.
    second.send(Change::Reset.into());
    let back = snapshot_after(&mut second, BackendCommand::Undo);
    assert_eq!((shown(&back).0, values(&back)), (1_000_000_000_000, values(&before)));
    // Steps that are not stored are computed from the start.
    let early = snapshot_after(&mut second, BackendCommand::Seek(9));
    assert_eq!(values(&early), values(&before));
    second.send(BackendCommand::Seek(500_000_000_000));
    second.work();
    let told = std::iter::from_fn(|| second.try_receive().ok().flatten()).flat_map(|snapshot| snapshot.messages);
    assert!(told.collect::<String>().contains("step 500000000000 is computed from the start of the run"));
}

#[test]
fn a_difference_is_told_and_the_stored_numbers_stay() {
    let mut first = backend();
    let before = snapshot_after(&mut first, BackendCommand::Seek(300));
    let changed = |change: fn(&mut StoredState)| {
        let mut numbers = state(&before);
        change(&mut numbers);
        let mut second = backend();
        second.send(stored(&before, numbers));
        (prove(&mut second).concat(), second)
    };
    let (told, mut second) = changed(|numbers| numbers.model.values[0] += 0.5);
    assert!(told.contains("from step 299 on"), "{told}");
    let shown_values = values(&snapshot_after(&mut second, BackendCommand::Seek(300)));
    assert_ne!(shown_values, values(&before));
    let (told, _) = changed(|numbers| {
        let mut points = numbers.curve.points().to_vec();
        points[6].loss += 1e-9;
        numbers.curve = LossCurve::from_points(points);
    });
    assert!(told.contains("from step 7 on"), "{told}");
    let (told, _) = changed(|_| ());
    assert!(!told.contains("other results"), "{told}");
}

#[test]
fn numbers_that_do_not_fit_are_replaced_by_a_replay() {
    let mut first = backend();
    let before = snapshot_after(&mut first, BackendCommand::Seek(30));
    let changes: [fn(&mut StoredState); 4] = [
        |numbers| numbers.model.values.truncate(3),
        |numbers| numbers.model.state.clear(),
        |numbers| numbers.fields[0].push('x'),
        |numbers| numbers.model.state[0].truncate(3),
    ];
    for change in changes {
        let mut numbers = state(&before);
        change(&mut numbers);
        let mut second = backend();
        let after = snapshot_after(&mut second, stored(&before, numbers));
        assert_eq!(run_state(&after), run_state(&before));
        assert!(after.proof.is_none());
    }
}

#[test]
fn a_command_that_follows_at_once_does_not_disturb_the_restoration() {
    let mut first = backend();
    for n in 0..20 {
        first.send(BackendCommand::Seek(2 * n + 1));
        first.send(BackendCommand::Seal);
        first.send(rate(0.1 + n as f64 / 8.0));
    }
    let before = snapshot_after(&mut first, BackendCommand::Seek(50));
    let mut second = backend();
    second.send(stored(&before, state(&before)));
    let [is, was] = [&mut second, &mut first].map(|backend| snapshot_after(backend, BackendCommand::Seek(51)));
    assert_eq!(run_state(&is), run_state(&was));
    assert!(!is.messages.concat().contains("partly"), "{:?}", is.messages);
}

#[test]
fn a_lesson_that_is_deleted_keeps_running() {
    let mut backend = backend();
    backend.send(rate(0.25));
    let before = snapshot_after(&mut backend, BackendCommand::Seek(9));
    let deleted = snapshot_after(
        &mut backend,
        BackendCommand::ReloadFile { root: "own".into(), path: "t.rhai".into(), bytes: None, at_once: true },
    );
    assert!(deleted.messages.concat().contains("t.rhai was deleted"), "{:?}", deleted.messages);
    assert_eq!((run_state(&deleted), &deleted.files), (run_state(&before), &before.files));
    let again = snapshot_after(&mut backend, Change::Reset.into());
    assert!(again.problems.is_empty() && shown(&again).0 == 1);
    assert_eq!(run_state(&snapshot_after(&mut backend, BackendCommand::Undo)), run_state(&before));
}
