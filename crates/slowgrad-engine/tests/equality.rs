//! The recorded step and the step at full speed are one mathematics: the same bits, for random networks,
//! plugins, batches and vector units; and that mathematics is right, by finite differences.

mod common;

use common::{descent, identity, leaky, setup, softmax, tanh};
use proptest::prelude::*;
use slowgrad_engine::model::Model;
use slowgrad_engine::record::record;
use slowgrad_engine::run::Run;
use slowgrad_engine::train::{self, Workspace};
use slowgrad_tape::isa;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn recorded_steps_have_the_bits_of_full_speed_steps(
        sizes in prop::collection::vec(1_usize..9, 2..5),
        kinds in prop::collection::vec(0_usize..4, 4),
        momentum in any::<bool>(),
        samples in 1_usize..24,
        batch in 1_usize..30,
        shuffle in any::<bool>(),
        steps in 1_u64..12,
    ) {
        let activations = sizes[1..].iter().zip(&kinds).map(|(&size, kind)| match kind {
            0 => identity(),
            1 => tanh(),
            2 => leaky(),
            _ => softmax(size),
        }).collect();
        let (mut setup, values) = setup(&sizes, activations, descent(0.05, momentum), samples, batch);
        setup.shuffle = shuffle;
        for unit in isa::available() {
            prop_assert!(isa::force(unit));
            let mut fast = Model::new(values.clone(), &setup.optimizer);
            let mut slow = fast.clone();
            let mut work = Workspace::default();
            for step in 1..=steps {
                let loss = train::step(&setup, &mut fast, step, &mut work).expect("no script fails");
                let recorded = record(&setup, &slow, step).expect("no script fails");
                prop_assert_eq!(loss.to_bits(), recorded.loss.to_bits(), "loss of step {}", step);
                slow = recorded.after;
                prop_assert!(fast.same_bits(&slow), "step {} on {:?}", step, unit);
            }
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences_of_the_loss() {
    for (sizes, last) in [(vec![2, 3, 2], false), (vec![3, 4, 3, 2], true)] {
        let mut activations: Vec<_> = sizes[1..].iter().map(|_| tanh()).collect();
        if last {
            activations.pop();
            activations.push(softmax(sizes[sizes.len() - 1]));
        }
        let (setup, values) = setup(&sizes, activations, descent(0.1, false), 5, 5);
        let model = Model::new(values.clone(), &setup.optimizer);
        let recorded = record(&setup, &model, 1).expect("it runs");
        let mut work = Workspace::default();
        for index in 0..values.len() {
            let mut loss = |h: f64| {
                let mut moved = values.clone();
                moved[index] += h;
                train::evaluate(&setup, &moved, &setup.train, &mut work).expect("it runs").expect("there is data")
            };
            let slope = (loss(1e-6) - loss(-1e-6)) / 2e-6;
            let grad = recorded.grads[index];
            assert!((slope - grad).abs() < 1e-8, "{:?}: {grad} and {slope}", setup.shape.parameter(index));
        }
    }
}

#[test]
fn any_past_step_is_reached_with_the_bits_it_had() {
    let (setup, values) = setup(&[2, 4, 1], vec![tanh(), identity()], descent(0.05, true), 12, 5);
    // So small a budget that nearly every checkpoint is dropped again.
    let mut run = Run::new(setup, values).with_budget(4_000);
    let mut past = vec![run.model().clone()];
    for step in 1..=700 {
        if step == 100 {
            run.set_parameter(3, 0.25);
            past.pop();
            past.push(run.model().clone());
        }
        if step == 300 {
            let mut other = run.setup().clone();
            other.optimizer = descent(0.01, false);
            let change = run.set_setup(other);
            assert_eq!(change.dropped, ["velocity"]);
            past.pop();
            past.push(run.model().clone());
        }
        run.advance().expect("it runs");
        past.push(run.model().clone());
    }
    let (count, bytes) = run.checkpoints();
    assert!(bytes <= 4_000 && count >= 2, "{count} checkpoints, {bytes} bytes");
    for step in [0, 1, 99, 98, 100, 101, 299, 298, 301, 300, 555, 17, 700, 699] {
        run.seek(step).expect("it runs");
        assert_eq!(run.step(), step);
        assert!(run.model().same_bits(&past[step as usize]), "step {step}");
    }
    assert_eq!(run.furthest(), 700, "looking at the past forgets nothing");
}

#[test]
fn an_edit_in_the_past_starts_a_branch_and_leaves_a_ghost() {
    let (setup, values) = setup(&[2, 3, 1], vec![tanh(), identity()], descent(0.05, false), 6, 6);
    let mut run = Run::new(setup, values);
    run.seek(50).expect("it runs");
    let old = run.model().clone();
    run.seek(20).expect("it runs");
    run.set_parameter(0, 2.0);
    assert_eq!(run.furthest(), 20);
    let ghost = run.ghost().expect("the line that was left");
    assert_eq!(ghost.points().last().map(|point| point.step), Some(50));
    run.seek(50).expect("it runs");
    assert!(!run.model().same_bits(&old), "the branch is another line");
    let branch = run.model().clone();
    run.seek(20).expect("it runs");
    assert_eq!(run.model().values[0].to_bits(), 2.0_f64.to_bits(), "the edit belongs to its step");
    run.seek(50).expect("it runs");
    assert!(run.model().same_bits(&branch));
}

#[test]
fn state_carries_over_to_another_optimizer_where_its_fields_match() {
    let (setup, values) = setup(&[2, 2, 1], vec![tanh(), identity()], descent(0.05, true), 6, 3);
    let mut run = Run::new(setup, values);
    run.seek(5).expect("it runs");
    let velocity = run.model().state[0].clone();
    assert!(velocity.iter().any(|v| *v != 0.0));
    let mut again = run.setup().clone();
    again.optimizer = descent(0.5, true);
    let change = run.set_setup(again);
    assert!(change.dropped.is_empty() && change.added.is_empty());
    assert_eq!(run.model().state[0], velocity);
}
