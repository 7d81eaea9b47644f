//! Runs are made again from what was saved, with the scripts of their time.

use super::undo::{deed, state, wander};
use super::*;
use slowgrad_engine::rng::{Purpose, Rng};

fn saved(snapshot: &Snapshot) -> Command {
    let (recipe, pasts) = (snapshot.recipe.clone(), Arc::clone(&snapshot.pasts));
    Command::Restore(Box::new(Saved { lesson: "t.rhai".into(), recipe, pasts }))
}

/// The optimizer with steps of another size: another rule with the same state.
fn edition(nth: u64) -> String {
    OPTIMIZER.replace("state.v += grad", &format!("state.v += {nth}.0 * grad"))
}

#[test]
fn a_saved_run_is_made_again_to_the_bit_and_so_is_all_that_can_be_undone() {
    let (mut exchanged, mut ghosts, mut undone) = (0, 0, 0);
    for seed in 100..124 {
        let mut rng = Rng::new(seed, Purpose::Data);
        let mut first = worker();
        let (mut lesson, mut optimizer) = (LESSON.to_owned(), OPTIMIZER.to_owned());
        for _ in 0..10 {
            first.send(wander(&mut rng));
            first.send(Command::Seal);
            for command in deed(&mut rng) {
                first.send(command);
            }
            let at_once = rng.below(2) > 0;
            match rng.below(7) {
                0 => drop(first.send(Command::Undo)),
                1 | 2 => {
                    optimizer = edition(1 + rng.below(4));
                    first.send(reload(&optimizer, at_once));
                }
                3 => {
                    let other = ["batch: 2", "loss: \"mae\"", "activation: \"sigmoid\"", "params: #{ lr: 0.25 }"];
                    lesson = LESSON.replace("seed: 3", &format!("seed: 3, {}", other[rng.below(4) as usize]));
                    let bytes = Some(lesson.clone().into_bytes());
                    first.send(Command::ReloadFile { root: "own".into(), path: "t.rhai".into(), bytes, at_once });
                }
                _ => {}
            }
        }
        let before = settled_after(&mut first, wander(&mut rng));
        exchanged += before.recipe.changes.iter().filter(|made| made.change.is_none()).count();
        ghosts += usize::from(before.recipe.ghost.is_some());
        // The disk has the last version only.
        let mut second = worker_with(&lesson, &optimizer);
        let mut after = settled_after(&mut second, saved(&before));
        assert_eq!(state(&after), state(&before), "seed {seed}");
        assert_eq!((&after.recipe, &after.pasts), (&before.recipe, &before.pasts), "seed {seed}");
        let mut here = before;
        for (command, is_over) in [
            (Command::Undo, (|snapshot| snapshot.undo.is_none()) as fn(&Snapshot) -> bool),
            (Command::Redo, |snapshot| snapshot.redo.is_none()),
        ] {
            while !is_over(&here) {
                here = settled_after(&mut first, command.clone());
                after = settled_after(&mut second, command.clone());
                assert_eq!(state(&after), state(&here), "seed {seed}, {command:?}: {:?} {:?}", here.undo, here.redo);
                assert_eq!((&after.undo, &after.redo), (&here.undo, &here.redo), "seed {seed}");
                undone += 1;
            }
        }
    }
    assert!(exchanged > 10 && ghosts > 5 && undone > 200, "{exchanged} {ghosts} {undone}");
}

#[test]
fn a_run_that_went_on_by_another_rule_comes_back_as_it_was() {
    let mut first = worker();
    first.send(Command::Seek(4));
    first.send(weight(0.5).into());
    first.send(Command::Seek(6));
    first.send(reload(&edition(2), true));
    first.send(Command::Seek(12));
    first.send(Command::Seek(9));
    first.send(weight(0.25).into());
    // A version that does not run changes nothing.
    let broken = OPTIMIZER.replace("grad;", "gard;");
    let before = settled_after(&mut first, reload(&broken, true));
    assert!(!before.problems.is_empty() && before.recipe.ghost.is_some());
    let mut second = worker_with(LESSON, &broken);
    let after = settled_after(&mut second, saved(&before));
    assert_eq!((state(&after), &after.problems), (state(&before), &before.problems));
    // And when it is mended it takes over, and what was done before can be undone.
    for command in [reload(&edition(3), true), Command::Seek(12), Command::Undo, Command::Undo, Command::Redo] {
        let [is, was] = [&mut second, &mut first].map(|worker| settled_after(worker, command.clone()));
        assert!(is.problems.is_empty() && was.problems.is_empty());
        assert_eq!(state(&is), state(&was), "{command:?}");
    }
}

#[test]
fn what_was_changed_while_nobody_looked_runs_from_the_next_step_on() {
    let mut first = worker();
    first.send(Command::Seek(20));
    let before = settled_after(&mut first, Command::Seek(9));
    let mut second = worker_with(LESSON, &edition(4));
    let there = settled_after(&mut second, saved(&before));
    assert_eq!(state(&there), state(&before));
    let told = "optimizers/own.rhai has changed since: the current version runs from the next step";
    assert!(there.messages.iter().any(|message| message == told), "{:?}", there.messages);
    let [next, was] = [&mut second, &mut first].map(|worker| settled_after(worker, Command::Seek(10)));
    assert_eq!(values(&next), values(&was), "the step that was shown is as it was shown");
    let [after, was] = [&mut second, &mut first].map(|worker| settled_after(worker, Command::Seek(11)));
    assert_ne!(values(&after), values(&was));
    let [back, was] = [&mut second, &mut first].map(|worker| settled_after(worker, Command::Seek(9)));
    assert_eq!(values(&back), values(&was));
}

#[test]
fn a_lesson_that_describes_another_run_by_now_does_not_take_the_place_of_what_was_saved() {
    let mut first = worker();
    let before = settled_after(&mut first, Command::Seek(9));
    let mut second = worker_with(&LESSON.replace("[2, 3, 1]", "[2, 5, 1]"), OPTIMIZER);
    let there = settled_after(&mut second, saved(&before));
    assert_eq!(state(&there), state(&before));
    assert!(there.messages.iter().any(|message| message.contains("Reset to start")), "{:?}", there.messages);
    let again = settled_after(&mut second, Change::Reset.into());
    assert_eq!(again.setup.expect("a set-up").sizes, [2, 5, 1]);
}

#[test]
fn a_script_that_is_gone_still_made_the_run() {
    let mut first = worker();
    first.send(save("optimizers/mine.rhai", "fn update(w, grad, state, ctx) { w - 0.5 * ctx.lr * grad }"));
    first.send(patch(Slot::Optimizer.patch(PluginRef::named("mine"))));
    let before = settled_after(&mut first, Command::Seek(9));
    let mut second = worker();
    let there = settled_after(&mut second, saved(&before));
    assert_eq!(state(&there), state(&before));
    assert!(there.problems[0].message.contains("no optimizer named `mine`"), "{:?}", there.problems);
    let on = settled_after(&mut second, Command::Seek(12));
    assert_eq!(values(&on), values(&settled_after(&mut first, Command::Seek(12))));
}

#[test]
fn a_file_that_comes_while_a_run_is_made_again_waits_until_that_is_done() {
    let mut first = worker();
    let before = settled_after(&mut first, Command::Seek(2000));
    let mut second = worker();
    second.send(saved(&before));
    let waited = settled_after(&mut second, reload(&edition(2), false));
    assert_eq!(values(&waited), values(&before));
    let on = settled_after(&mut second, Command::Seek(2003));
    assert_ne!(values(&on), values(&settled_after(&mut first, Command::Seek(2003))));
}

#[test]
fn what_is_undone_twice_in_a_hurry_is_undone_twice() {
    let mut first = worker();
    first.send(Command::Seek(3000));
    first.send(weight(0.5).into());
    first.send(Command::Seek(6000));
    first.send(rate(0.25));
    let before = settled_after(&mut first, Command::Seek(9000));
    let mut second = worker();
    settled_after(&mut second, saved(&before));
    let twice = |worker: &mut InlineBackend, command: Command| {
        worker.send(command.clone());
        settled_after(worker, command)
    };
    let [is, was] = [&mut second, &mut first].map(|worker| twice(worker, Command::Undo));
    assert_eq!(state(&is), state(&was));
    assert_ne!(values(&is), values(&before));
    // Where it stood when it was undone is where it comes back to.
    assert_eq!(state(&twice(&mut second, Command::Redo)), state(&before));
}

#[test]
fn a_saved_run_that_does_not_fit_says_so_and_restoring_can_be_stopped() {
    let mut worker = worker();
    let parameter = Parameter { layer: 7, neuron: 0, input: None };
    let change = Some(Change::Parameter { parameter, value: 1.0 });
    let changes = vec![Made { after: 3, scripts: Texts::new(), change }];
    let restore = |changes: Vec<Made>, furthest| {
        let recipe = Recipe { changes: changes.into(), step: 2, furthest, ..Recipe::default() };
        Command::Restore(Box::new(Saved { lesson: "t.rhai".into(), recipe, ..Saved::default() }))
    };
    let misfit = settled_after(&mut worker, restore(changes, 4));
    assert!(misfit.messages.iter().any(|message| message.contains("no longer fits")), "{:?}", misfit.messages);
    assert!(misfit.recipe.changes.is_empty());
    worker.send(restore(Vec::new(), 1_000_000_000));
    let stopped = settled_after(&mut worker, Command::Seek(3));
    assert_eq!(shown(&stopped).0, 3);
    assert!(stopped.messages.iter().any(|message| message.contains("partly restored")), "{:?}", stopped.messages);
}

#[test]
fn a_change_in_the_past_does_not_bring_back_an_old_script() {
    let mut worker = worker();
    worker.send(Command::Seek(9));
    worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), true));
    let past = settled_after(&mut worker, Command::Seek(4));
    let fields = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().names.state.clone();
    assert_eq!(fields(&past), ["v"], "that is how it was");
    let changed = settled_after(&mut worker, weight(2.0).into());
    assert_eq!((shown(&changed).0, fields(&changed)), (4, vec!["u".to_owned()]));
    let back = settled_after(&mut worker, Command::Undo);
    assert_eq!((state(&back), fields(&back)), (state(&past), vec!["v".to_owned()]));
}
