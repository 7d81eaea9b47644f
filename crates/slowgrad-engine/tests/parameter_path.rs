//! The parameter path, and variants of a run, hold the numbers that training had.

mod common;

use common::{descent, elastic, identity, setup, softmax, tanh};
use slowgrad_engine::evaluation::{Evaluated, Evaluation};
use slowgrad_engine::model::Model;
use slowgrad_engine::run::Run;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::train::Workspace;
use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

#[test]
fn points_of_the_path_are_the_states_that_seek_restores() {
    let (mut setup, values) = setup(&[2, 4, 1], vec![tanh(), identity()], descent(0.05, true), 12, 5);
    setup.test = Arc::clone(&setup.train);
    let mut run = Run::new(setup, values);
    run.seek(40).expect("it runs");
    run.set_parameter(2, 0.75);
    run.seek(90).expect("it runs");
    let mut changed = run.setup().clone();
    changed.optimizer = descent(0.01, true);
    run.set_setup(changed);
    run.seek(120).expect("it runs");
    while run.evaluate_path().expect("it runs") {}
    let points: Vec<_> =
        run.parameter_path().points().iter().map(|point| (point.step, point.values.clone(), point.scores)).collect();
    assert_eq!(points.len(), 121);
    for (step, values, scores) in points {
        run.seek(step).expect("it runs");
        let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&values), bits(&run.model().values), "step {step}");
        let now = run.evaluate().expect("it runs").scores();
        assert!(now.test.is_some());
        assert_eq!(scores, Some(now), "step {step}");
    }
}

#[test]
fn the_path_of_an_abandoned_branch_is_kept() {
    let (setup, values) = setup(&[2, 3, 1], vec![tanh(), identity()], descent(0.05, false), 6, 6);
    let mut run = Run::new(setup, values);
    run.seek(30).expect("it runs");
    let end = run.model().values.clone();
    run.seek(10).expect("it runs");
    run.set_parameter(0, 2.0);
    assert_eq!(run.parameter_path().points().last().map(|point| (point.step, point.values[0])), Some((10, 2.0)));
    let left = run.abandoned_path().expect("the abandoned path").points().last().expect("its end");
    assert_eq!((left.step, &left.values), (30, &end));
    run.set_abandoned_branch(None);
    assert!(run.abandoned_path().is_none());
}

#[test]
fn losses_in_blocks_equal_losses_at_once() {
    let (setup, values) = setup(&[3, 4, 2], vec![tanh(), softmax(2)], descent(0.05, false), 700, 5);
    let (setup, mut work) = (Rc::new(setup), Workspace::default());
    let at_once = Evaluated::new(&setup, &values, &mut work).expect("it runs").scores();
    let mut evaluation = Evaluation::default();
    let mut parts = 0;
    while !evaluation.is_done(&setup.train) {
        evaluation.advance(&setup, &values, &setup.train, &mut Workspace::default()).expect("it runs");
        parts += 1;
    }
    assert!(parts > 1);
    assert_eq!(evaluation.score().map(|score| score.loss.to_bits()), Some(at_once.train.loss.to_bits()));
}

#[test]
fn a_variant_equals_a_run_made_with_the_other_setup() {
    let (setup, values) = setup(&[2, 4, 1], vec![tanh(), identity()], descent(0.05, false), 12, 5);
    let differently = |setup: &Setup| Setup { optimizer: descent(0.02, true), ..setup.clone() };
    let edited = |mut run: Run, change: &dyn Fn(&Setup) -> Setup| -> Vec<Model> {
        let mut models = Vec::new();
        run.set_parameter(1, -0.5);
        run.seek(20).expect("it runs");
        run.set_parameter(3, 0.25);
        run.seek(30).expect("it runs");
        let penalized = Setup { regularizer: Some(elastic(0.01)), ..run.setup().clone() };
        run.set_setup(change(&penalized));
        for step in [0, 19, 20, 21, 30, 31, 60] {
            run.seek(step).expect("it runs");
            models.push(run.model().clone());
        }
        models
    };
    let expected = edited(Run::new(differently(&setup), values.clone()), &differently);

    let mut run = Run::new(setup, values);
    run.set_parameter(1, -0.5);
    run.seek(20).expect("it runs");
    run.set_parameter(3, 0.25);
    run.seek(30).expect("it runs");
    run.set_setup(Setup { regularizer: Some(elastic(0.01)), ..run.setup().clone() });
    run.seek(60).expect("it runs");
    let mut variant =
        run.variant(|setup| Ok::<_, Infallible>(differently(setup))).unwrap_or_else(|never| match never {});
    for (step, model) in [0, 19, 20, 21, 30, 31, 60].into_iter().zip(&expected) {
        variant.seek(step).expect("it runs");
        assert!(variant.model().same_bits(model), "step {step}");
    }
    assert!(!variant.model().same_bits(run.model()), "the setups differ");
}

#[test]
fn a_restored_revision_has_its_own_path() {
    let (setup, values) = setup(&[2, 3, 1], vec![tanh(), identity()], descent(0.05, false), 6, 6);
    let mut run = Run::new(setup, values);
    run.seek(50).expect("it runs");
    let revision = run.revision();
    let before: Vec<Vec<f64>> = run.parameter_path().points().iter().map(|point| point.values.clone()).collect();
    run.seek(20).expect("it runs");
    run.set_parameter(0, 2.0);
    run.seek(40).expect("it runs");
    run.restore(&revision);
    run.seek(50).expect("it runs");
    let after: Vec<Vec<f64>> = run.parameter_path().points().iter().map(|point| point.values.clone()).collect();
    assert_eq!(after, before);
}
