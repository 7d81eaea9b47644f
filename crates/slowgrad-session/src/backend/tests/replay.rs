//! Replays of saved runs, with the scripts of each time.

use super::undo::{random_change, random_seek, run_state};
use super::*;
use slowgrad_engine::rng::{Purpose, Rng};

fn saved(snapshot: &Snapshot) -> BackendCommand {
    let (recipe, undo_history) = (snapshot.recipe.clone(), Arc::clone(&snapshot.undo_history));
    BackendCommand::Restore(Box::new(SavedRun { lesson: "t.rhai".into(), recipe, undo_history, state: None }))
}

/// A version of the optimizer with another step size and the same state.
pub(super) fn optimizer_version(nth: u64) -> String {
    OPTIMIZER.replace("state.v += grad", &format!("state.v += {nth}.0 * grad"))
}

#[test]
fn a_saved_run_and_its_undo_history_are_restored_to_the_bit() {
    let (mut reloaded, mut abandoned, mut undone) = (0, 0, 0);
    for seed in 100..124 {
        let mut rng = Rng::new(seed, Purpose::Data);
        let mut first = backend();
        let (mut lesson, mut optimizer) = (LESSON.to_owned(), OPTIMIZER.to_owned());
        for _ in 0..10 {
            first.send(random_seek(&mut rng));
            first.send(BackendCommand::Seal);
            for command in random_change(&mut rng) {
                first.send(command);
            }
            let at_once = rng.below(2) > 0;
            match rng.below(7) {
                0 => drop(first.send(BackendCommand::Undo)),
                1 | 2 => {
                    optimizer = optimizer_version(1 + rng.below(4));
                    first.send(reload(&optimizer, at_once));
                }
                3 => {
                    let other = ["batch: 2", "loss: \"mae\"", "activation: \"sigmoid\"", "params: #{ lr: 0.25 }"];
                    lesson = LESSON.replace("seed: 3", &format!("seed: 3, {}", other[rng.below(4) as usize]));
                    let bytes = Some(lesson.clone().into_bytes());
                    first.send(BackendCommand::ReloadFile {
                        root: "own".into(),
                        path: "t.rhai".into(),
                        bytes,
                        at_once,
                    });
                }
                _ => {}
            }
        }
        let before = snapshot_after(&mut first, random_seek(&mut rng));
        reloaded += before.recipe.changes.iter().filter(|recorded| recorded.change.is_none()).count();
        abandoned += usize::from(before.recipe.abandoned_branch.is_some());
        // The library has the last version of each file only.
        let mut second = backend_with(&lesson, &optimizer);
        let mut after = snapshot_after(&mut second, saved(&before));
        assert_eq!(run_state(&after), run_state(&before), "seed {seed}");
        assert_eq!((&after.recipe, &after.undo_history), (&before.recipe, &before.undo_history), "seed {seed}");
        let mut expected = before;
        for (command, finished) in [
            (BackendCommand::Undo, (|snapshot| snapshot.undo.is_none()) as fn(&Snapshot) -> bool),
            (BackendCommand::Redo, |snapshot| snapshot.redo.is_none()),
        ] {
            while !finished(&expected) {
                expected = snapshot_after(&mut first, command.clone());
                after = snapshot_after(&mut second, command.clone());
                assert_eq!(
                    run_state(&after),
                    run_state(&expected),
                    "seed {seed}, {command:?}: {:?} {:?}",
                    expected.undo,
                    expected.redo
                );
                assert_eq!((&after.undo, &after.redo), (&expected.undo, &expected.redo), "seed {seed}");
                undone += 1;
            }
        }
    }
    assert!(reloaded > 10 && abandoned > 5 && undone > 200, "{reloaded} {abandoned} {undone}");
}

#[test]
fn a_run_with_several_script_versions_is_restored() {
    let mut first = backend();
    first.send(BackendCommand::Seek(4));
    first.send(weight(0.5).into());
    first.send(BackendCommand::Seek(6));
    first.send(reload(&optimizer_version(2), true));
    first.send(BackendCommand::Seek(12));
    first.send(BackendCommand::Seek(9));
    first.send(weight(0.25).into());
    // A broken version has no effect.
    let broken = OPTIMIZER.replace("grad;", "gard;");
    let before = snapshot_after(&mut first, reload(&broken, true));
    assert!(!before.problems.is_empty() && before.recipe.abandoned_branch.is_some());
    let mut second = backend_with(LESSON, &broken);
    let after = snapshot_after(&mut second, saved(&before));
    assert_eq!((run_state(&after), &after.problems), (run_state(&before), &before.problems));
    // Once it is repaired it takes effect, and earlier changes can be undone.
    for command in [
        reload(&optimizer_version(3), true),
        BackendCommand::Seek(12),
        BackendCommand::Undo,
        BackendCommand::Undo,
        BackendCommand::Redo,
    ] {
        let [is, was] = [&mut second, &mut first].map(|backend| snapshot_after(backend, command.clone()));
        assert!(is.problems.is_empty() && was.problems.is_empty());
        assert_eq!(run_state(&is), run_state(&was), "{command:?}");
    }
}

#[test]
fn scripts_changed_since_the_save_take_effect_with_the_next_step() {
    let mut first = backend();
    first.send(BackendCommand::Seek(20));
    let before = snapshot_after(&mut first, BackendCommand::Seek(9));
    let mut second = backend_with(LESSON, &optimizer_version(4));
    let restored = snapshot_after(&mut second, saved(&before));
    assert_eq!(run_state(&restored), run_state(&before));
    let message_text = "optimizers/own.rhai has changed since: the current version runs from the next step";
    assert!(restored.messages.iter().any(|message| message == message_text), "{:?}", restored.messages);
    let [next, was] = [&mut second, &mut first].map(|backend| snapshot_after(backend, BackendCommand::Seek(10)));
    assert_eq!(values(&next), values(&was), "the shown step is not affected");
    let [after, was] = [&mut second, &mut first].map(|backend| snapshot_after(backend, BackendCommand::Seek(11)));
    assert_ne!(values(&after), values(&was));
    let [back, was] = [&mut second, &mut first].map(|backend| snapshot_after(backend, BackendCommand::Seek(9)));
    assert_eq!(values(&back), values(&was));
}

#[test]
fn a_lesson_that_describes_another_run_does_not_replace_the_saved_one() {
    let mut first = backend();
    let before = snapshot_after(&mut first, BackendCommand::Seek(9));
    let mut second = backend_with(&LESSON.replace("[2, 3, 1]", "[2, 5, 1]"), OPTIMIZER);
    let restored = snapshot_after(&mut second, saved(&before));
    assert_eq!(run_state(&restored), run_state(&before));
    assert!(restored.messages.iter().any(|message| message.contains("Reset to start")), "{:?}", restored.messages);
    let again = snapshot_after(&mut second, Change::Reset.into());
    assert_eq!(again.setup.expect("a set-up").sizes, [2, 5, 1]);
}

#[test]
fn a_run_with_a_deleted_script_is_restored() {
    let mut first = backend();
    first.send(save("optimizers/mine.rhai", "fn update(w, grad, state, ctx) { w - 0.5 * ctx.lr * grad }"));
    first.send(patch(Slot::Optimizer.patch(PluginRef::named("mine"))));
    let before = snapshot_after(&mut first, BackendCommand::Seek(9));
    let mut second = backend();
    let restored = snapshot_after(&mut second, saved(&before));
    assert_eq!(run_state(&restored), run_state(&before));
    assert!(restored.problems[0].message.contains("no optimizer named `mine`"), "{:?}", restored.problems);
    let on = snapshot_after(&mut second, BackendCommand::Seek(12));
    assert_eq!(values(&on), values(&snapshot_after(&mut first, BackendCommand::Seek(12))));
}

#[test]
fn a_file_saved_during_a_replay_is_reloaded_after_it() {
    let mut first = backend();
    let before = snapshot_after(&mut first, BackendCommand::Seek(2000));
    let mut second = backend();
    second.send(saved(&before));
    let waited = snapshot_after(&mut second, reload(&optimizer_version(2), false));
    assert_eq!(values(&waited), values(&before));
    let on = snapshot_after(&mut second, BackendCommand::Seek(2003));
    assert_ne!(values(&on), values(&snapshot_after(&mut first, BackendCommand::Seek(2003))));
}

#[test]
fn two_quick_undos_undo_two_changes() {
    let mut first = backend();
    first.send(BackendCommand::Seek(3000));
    first.send(weight(0.5).into());
    first.send(BackendCommand::Seek(6000));
    first.send(rate(0.25));
    let before = snapshot_after(&mut first, BackendCommand::Seek(9000));
    let mut second = backend();
    snapshot_after(&mut second, saved(&before));
    let twice = |backend: &mut InlineBackend, command: BackendCommand| {
        backend.send(command.clone());
        snapshot_after(backend, command)
    };
    let [is, was] = [&mut second, &mut first].map(|backend| twice(backend, BackendCommand::Undo));
    assert_eq!(run_state(&is), run_state(&was));
    assert_ne!(values(&is), values(&before));
    // Redo returns to the step at which the change was undone.
    assert_eq!(run_state(&twice(&mut second, BackendCommand::Redo)), run_state(&before));
}

#[test]
fn a_change_that_no_longer_fits_is_reported_and_a_replay_can_be_stopped() {
    let mut backend = backend();
    let parameter = Parameter { layer: 7, neuron: 0, input: None };
    let change = Some(Change::Parameter { parameter, value: 1.0 });
    let changes = vec![RecordedChange { after: 3, scripts: ScriptTexts::new(), change }];
    let restore = |changes: Vec<RecordedChange>, furthest| {
        let recipe = Recipe { changes: changes.into(), step: 2, furthest, ..Recipe::default() };
        BackendCommand::Restore(Box::new(SavedRun { lesson: "t.rhai".into(), recipe, ..SavedRun::default() }))
    };
    let misfit = snapshot_after(&mut backend, restore(changes, 4));
    assert!(misfit.messages.iter().any(|message| message.contains("no longer fits")), "{:?}", misfit.messages);
    assert!(misfit.recipe.changes.is_empty());
    backend.send(restore(Vec::new(), 1_000_000_000));
    let stopped = snapshot_after(&mut backend, BackendCommand::Seek(3));
    assert_eq!(shown(&stopped).0, 3);
    assert!(stopped.messages.iter().any(|message| message.contains("partly restored")), "{:?}", stopped.messages);
}

#[test]
fn a_change_in_the_past_uses_the_present_scripts() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(9));
    backend.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), true));
    let past = snapshot_after(&mut backend, BackendCommand::Seek(4));
    let fields = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().names.state_names();
    assert_eq!(fields(&past), ["v"], "earlier steps keep the old version");
    let changed = snapshot_after(&mut backend, weight(2.0).into());
    assert_eq!((shown(&changed).0, fields(&changed)), (4, vec!["u".to_owned()]));
    let back = snapshot_after(&mut backend, BackendCommand::Undo);
    assert_eq!((run_state(&back), fields(&back)), (run_state(&past), vec!["v".to_owned()]));
}
