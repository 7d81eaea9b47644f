//! The check for numbers that are not finite names the exact step, also where the loss hides it.

mod common;

use common::{descent, doubling, identity, setup, tanh};
use slowgrad_engine::finite_check::{BrokenStep, FiniteCheck, NotFinite};
use slowgrad_engine::run::Run;
use slowgrad_engine::setup::Setup;

/// Trains until the check reports a step, at most `steps` steps. Returns the report and the step at which it came.
fn train(setup: Setup, values: Vec<f64>, steps: u64) -> (Option<BrokenStep>, u64) {
    let mut run = Run::new(setup, values);
    let mut check = FiniteCheck::new(&run);
    for step in 1..=steps {
        let objective = run.advance().expect("no script fails");
        let broken = check.check(&run, objective, step == steps, 1).expect("no script fails");
        if broken.is_some() {
            return (broken, step);
        }
    }
    (None, steps)
}

#[test]
fn the_first_loss_that_is_not_finite_is_found_at_once() {
    let (setup, values) = setup(&[1, 1], vec![identity()], descent(1e4, true), 3, 3);
    let (broken, at) = train(setup.clone(), values.clone(), 1_000);
    let broken = broken.expect("it diverges");
    assert!(matches!(broken.number, NotFinite::Loss(_)), "{broken:?}");
    assert_eq!(broken.step, at);
    let mut run = Run::new(setup, values);
    run.seek(broken.step - 1).expect("no script fails");
    assert!(run.model().same_bits(&broken.before));
    assert!(run.evaluate().expect("no script fails").scores().train.loss.is_infinite());
}

/// Parameters double in each step, and tanh hides that they become infinite.
#[test]
fn a_parameter_that_is_not_finite_is_found_behind_a_finite_loss() {
    let (setup, _) = setup(&[1, 1, 1], vec![tanh(), tanh()], doubling(), 3, 3);
    let values = vec![8.0, 0.0, 1.0, 0.0];
    // 8 · 2¹⁰²¹ = 2¹⁰²⁴ is too large.
    let (broken, at) = train(setup.clone(), values.clone(), 5_000);
    let broken = broken.expect("it overflows");
    assert_eq!((broken.step, broken.number), (1021, NotFinite::Parameter { index: 0, value: f64::INFINITY }));
    assert_eq!(broken.before.values[0], f64::from_bits((1023 + 1023) << 52), "2¹⁰²³");
    assert!((1021..1021 + 16).contains(&at), "reported at {at}");
    // The last step is checked in any case.
    assert_eq!(train(setup.clone(), values.clone(), 1021).0.expect("it overflows").step, 1021);
    assert_eq!(train(setup, values, 1020), (None, 1020));
}
