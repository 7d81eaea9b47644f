//! Accuracy and confusion against predictions that are compared sample by sample.

mod common;

use common::{descent, identity, setup, softmax, tanh};
use slowgrad_engine::data::Data;
use slowgrad_engine::evaluation::{ClassTargets, Evaluated};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::Sample;
use slowgrad_engine::train::{self, Workspace};
use std::rc::Rc;
use std::sync::Arc;

/// The inputs of a setup's training data, with other targets.
fn relabelled(setup: &Setup, target: impl Fn(usize) -> Vec<f64>) -> Arc<Data> {
    let data = &setup.train;
    let sample = |at: usize| Sample { input: data.input(at).to_vec(), target: target(at) };
    let samples: Vec<Sample> = (0..data.len()).map(sample).collect();
    Arc::new(Data::new(&samples, setup.shape.inputs(), setup.shape.outputs()).expect("data"))
}

fn outputs(setup: &Rc<Setup>, values: &[f64]) -> Vec<Vec<f64>> {
    let inputs: Vec<Vec<f64>> = (0..setup.train.len()).map(|at| setup.train.input(at).to_vec()).collect();
    train::predict(setup, values, &inputs, &mut Workspace::default()).expect("it runs")
}

#[test]
fn the_predicted_class_is_that_of_the_largest_output() {
    let (mut setup, values) = setup(&[3, 5, 4], vec![tanh(), softmax(4)], descent(0.05, false), 700, 5);
    setup.train = relabelled(&setup, |at| (0..4).map(|class| f64::from(u8::from(at % 4 == class))).collect());
    let setup = Rc::new(setup);
    let mut expected = [[0; 4]; 4];
    for (at, outputs) in outputs(&setup, &values).iter().enumerate() {
        let predicted = (0..4).max_by(|a, b| outputs[*a].total_cmp(&outputs[*b])).expect("a class");
        expected[at % 4][predicted] += 1;
    }
    let evaluated = Evaluated::new(&setup, &values, &mut Workspace::default()).expect("it runs");
    let confusion = evaluated.train.confusion().expect("classes");
    let found = [0, 1, 2, 3].map(|class| [0, 1, 2, 3].map(|predicted| confusion.count(class, predicted)));
    assert_eq!(found, expected);
    assert!(expected.iter().flatten().filter(|count| **count > 0).count() > 4, "the test distinguishes classes");
    let right: u64 = (0..4).map(|class| expected[class][class]).sum();
    assert_eq!(evaluated.scores().train.accuracy, Some(right as f64 / 700.0));
    assert!(evaluated.scores().test.is_none());
}

#[test]
fn with_one_output_the_predicted_class_has_the_lower_loss() {
    let (mut setup, values) = setup(&[2, 6, 1], vec![tanh(), identity()], descent(0.05, false), 300, 5);
    setup.train = relabelled(&setup, |at| vec![if at % 3 == 0 { -1.0 } else { 2.0 }]);
    setup.test = Arc::clone(&setup.train);
    let setup = Rc::new(setup);
    let evaluated = Evaluated::new(&setup, &values, &mut Workspace::default()).expect("it runs");
    assert_eq!(evaluated.train.classes(), Some(ClassTargets::TwoValues { values: [-1.0, 2.0] }));
    // The squared error is lower for the nearer target.
    let right = |(at, output): (usize, &Vec<f64>)| (output[0] > 0.5) == (at % 3 != 0);
    let right = outputs(&setup, &values).iter().enumerate().filter(|sample| right(*sample)).count();
    assert!((1..300).contains(&right), "{right}");
    let scores = evaluated.scores();
    assert_eq!(scores.train.accuracy, Some(right as f64 / 300.0));
    assert_eq!(scores.test, Some(scores.train));
}

#[test]
fn targets_that_are_numbers_have_no_accuracy() {
    let (setup, mut values) = setup(&[2, 3, 1], vec![tanh(), identity()], descent(0.05, false), 20, 5);
    let setup = Rc::new(setup);
    let evaluate =
        |values: &[f64]| Evaluated::new(&setup, values, &mut Workspace::default()).expect("it runs").scores();
    let scores = evaluate(&values).train;
    assert!(scores.loss.is_finite() && scores.accuracy.is_none());
    values[0] = f64::NAN;
    assert!(evaluate(&values).train.loss.is_nan());
}

#[test]
fn an_output_that_is_not_a_number_predicts_nothing() {
    let (mut setup, mut values) = setup(&[2, 3, 2], vec![tanh(), identity()], descent(0.05, false), 10, 5);
    setup.train = relabelled(&setup, |at| if at % 2 == 0 { vec![1.0, 0.0] } else { vec![0.0, 1.0] });
    values.fill(f64::NAN);
    let evaluated = Evaluated::new(&Rc::new(setup), &values, &mut Workspace::default()).expect("it runs");
    let confusion = evaluated.train.confusion().expect("classes");
    assert_eq!([confusion.undecided(0), confusion.undecided(1), confusion.count(0, 0)], [5, 5, 0]);
    assert_eq!(evaluated.scores().train.accuracy, Some(0.0));
}

#[test]
fn a_wide_network_is_run_in_blocks_with_the_same_bits() {
    // Too wide for all samples at once.
    let (setup, values) = setup(&[2, 60_000, 1], vec![tanh(), identity()], descent(0.05, false), 80, 5);
    let setup = Rc::new(setup);
    let inputs: Vec<Vec<f64>> = (0..80).map(|at| setup.train.input(at).to_vec()).collect();
    let mut work = Workspace::default();
    let predicted = train::predict(&setup, &values, &inputs, &mut work).expect("it runs");
    let activations = train::activations(&setup, &values, &inputs, &mut work).expect("it runs");
    assert_eq!((predicted.len(), activations[0].len(), activations[0][59_999].len()), (80, 60_000, 80));
    for (at, input) in inputs.iter().enumerate().step_by(13) {
        let one = [input.clone()];
        let alone = train::predict(&setup, &values, &one, &mut Workspace::default()).expect("it runs");
        assert_eq!(predicted[at][0].to_bits(), alone[0][0].to_bits(), "sample {at}");
        assert_eq!(activations[1][0][at].to_bits(), alone[0][0].to_bits(), "sample {at}");
    }
}
