//! Recorded steps and full-speed steps give the same bits, for random networks, plugins, batches and vector units; and
//! their gradients agree with finite differences.

mod common;

use common::{decay, descent, elastic, identity, leaky, setup, setup_of, softmax, tanh};
use proptest::prelude::*;
use slowgrad_engine::model::Model;
use slowgrad_engine::plugin::ControlKind;
use slowgrad_engine::record::record;
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::LessonSpec;
use slowgrad_engine::structure::Reshape;
use slowgrad_engine::train::{self, Workspace};
use slowgrad_tape::isa;
use std::rc::Rc;
use std::sync::Arc;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(120))]

    #[test]
    fn recorded_steps_have_the_bits_of_full_speed_steps(
        sizes in prop::collection::vec(1_usize..9, 2..5),
        kinds in prop::collection::vec(0_usize..4, 4),
        biases in prop::collection::vec(any::<bool>(), 4),
        input_gradients in any::<bool>(),
        momentum in any::<bool>(),
        samples in 1_usize..24,
        batch in 1_usize..30,
        shuffle in any::<bool>(),
        strength in prop::option::of(0.0_f64..0.3),
        slowing in prop::option::of(0.0_f64..1.0),
        steps in 1_u64..12,
        frozen in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
    ) {
        let activations = sizes[1..].iter().zip(&kinds).map(|(&size, kind)| match kind {
            0 => identity(),
            1 => tanh(),
            2 => leaky(),
            _ => softmax(size),
        }).collect();
        let shape = Shape::with_biases(sizes[0], sizes[1..].iter().copied().zip(biases));
        let (mut setup, values) = setup_of(shape, activations, descent(0.05, momentum), samples, batch);
        setup.spec = Arc::new(LessonSpec { input_gradients, ..LessonSpec::default() });
        setup.shuffle = shuffle;
        setup.regularizer = strength.map(elastic);
        setup.schedule = slowing.map(decay);
        setup.frozen = Arc::new(frozen.iter().map(|index| index.index(values.len())).collect());
        let setup = Rc::new(setup);
        for unit in isa::available() {
            prop_assert!(isa::force(unit));
            let mut fast = Model::new(values.clone(), &setup.optimizer);
            let mut slow = fast.clone();
            let mut work = Workspace::default();
            for step in 1..=steps {
                let objective = train::step(&setup, &mut fast, step, &mut work).expect("no script fails");
                let recorded = record(&setup, &slow, step).expect("no script fails");
                prop_assert_eq!(objective.loss.to_bits(), recorded.loss.to_bits(), "loss of step {}", step);
                let penalty = recorded.penalty.map(|penalty| penalty.sum.to_bits());
                prop_assert_eq!(objective.penalty.map(f64::to_bits), penalty, "penalty of step {}", step);
                slow = recorded.after;
                prop_assert!(fast.same_bits(&slow), "step {} on {:?}", step, unit);
            }
            for &at in &*setup.frozen {
                prop_assert_eq!(fast.values[at].to_bits(), values[at].to_bits(), "a frozen parameter stays");
                prop_assert!(fast.state.iter().all(|field| field[at] == 0.0), "its state stays initial");
            }
        }
    }
}

/// Large enough for the update to run on the model's own memory.
#[test]
fn large_updates_have_the_bits_of_recorded_ones() {
    let (setup, values) = setup(&[23, 41, 11], vec![tanh(), identity()], descent(0.05, true), 6, 3);
    let setup = Rc::new(setup);
    for unit in isa::available() {
        assert!(isa::force(unit));
        let mut model = Model::new(values.clone(), &setup.optimizer);
        let mut work = Workspace::default();
        for step in 1..=3 {
            let recorded = record(&setup, &model, step).expect("no script fails");
            train::step(&setup, &mut model, step, &mut work).expect("no script fails");
            assert!(model.same_bits(&recorded.after), "step {step} on {unit:?}");
        }
    }
}

/// Large enough for several threads to share the layers and the update.
#[cfg(feature = "threads")]
#[test]
fn the_number_of_threads_changes_no_bit() {
    let activations = vec![tanh(), leaky(), softmax(10)];
    let (mut setup, values) = setup(&[203, 130, 67, 10], activations, descent(0.05, true), 90, 31);
    setup.regularizer = Some(elastic(0.01));
    let setup = Rc::new(setup);
    let trained = |threads: usize| {
        let mut model = Model::new(values.clone(), &setup.optimizer);
        let mut work = Workspace::default();
        work.set_threads(threads);
        let losses: Vec<u64> = (1..=7)
            .map(|step| train::step(&setup, &mut model, step, &mut work).expect("no script fails").loss.to_bits())
            .collect();
        (model, losses)
    };
    let (model, losses) = trained(1);
    for threads in [2, 3, 7] {
        let (other, other_losses) = trained(threads);
        assert_eq!(losses, other_losses, "{threads} threads");
        assert!(model.same_bits(&other), "{threads} threads");
    }
}

/// Wide and narrow layers with and without biases, large enough for several tiles and threads.
#[test]
fn layers_without_biases_have_the_bits_of_recorded_ones() {
    for biases in [[false, false, false], [false, true, false], [true, false, true]] {
        let shape = Shape::with_biases(4, [130, 67, 10].into_iter().zip(biases));
        let (setup, values) = setup_of(shape, vec![tanh(), leaky(), softmax(10)], descent(0.05, true), 40, 31);
        let setup = Rc::new(setup);
        for unit in isa::available() {
            assert!(isa::force(unit));
            for threads in [1, 3] {
                let mut model = Model::new(values.clone(), &setup.optimizer);
                let mut work = Workspace::default();
                work.set_threads(threads);
                for step in 1..=3 {
                    let recorded = record(&setup, &model, step).expect("no script fails");
                    train::step(&setup, &mut model, step, &mut work).expect("no script fails");
                    assert!(model.same_bits(&recorded.after), "{biases:?}, step {step} on {unit:?}, {threads} threads");
                }
            }
        }
    }
}

/// A bias of 0 adds 0 to the sum, so such a layer computes the same numbers as one without biases.
#[test]
fn a_layer_without_biases_computes_what_biases_of_zero_compute() {
    let sizes = [(4, false), (3, false)];
    let (without, values) = setup_of(Shape::with_biases(3, sizes), vec![tanh(), softmax(3)], descent(0.1, false), 5, 5);
    let (with, _) = setup(&[3, 4, 3], vec![tanh(), softmax(3)], descent(0.1, false), 5, 5);
    let (mut zeros, mut next) = (vec![0.0; with.shape.parameters()], values.iter());
    for (layer, _) in sizes.iter().enumerate() {
        zeros[with.shape.weights(layer)].iter_mut().zip(&mut next).for_each(|(to, from)| *to = *from);
    }
    assert_eq!((values.len(), zeros.len()), (4 * 3 + 3 * 4, 4 * 3 + 4 + 3 * 4 + 3));
    let record = |mut setup: slowgrad_engine::setup::Setup, values: Vec<f64>| {
        setup.train = Arc::clone(&without.train);
        record(&setup, &Model::new(values, &setup.optimizer), 1).expect("it runs")
    };
    let (one, other) = (record(without.clone(), values), record(with, zeros));
    assert_eq!(one.loss.to_bits(), other.loss.to_bits());
    for layer in 0..2 {
        let [one, other] = [&one, &other].map(|step| step.grads[step.shape.weights(layer)].to_vec());
        assert_eq!(one, other);
    }
}

#[test]
fn gradients_of_the_inputs_agree_with_finite_differences_of_the_loss() {
    for (sizes, bias) in [(vec![2, 3, 2], true), (vec![3, 4, 3, 2], false), (vec![4, 2], true)] {
        let activations = sizes[1..].iter().map(|_| tanh()).collect();
        let shape = Shape::with_biases(sizes[0], sizes[1..].iter().map(|&size| (size, bias)));
        let (mut setup, values) = setup_of(shape, activations, descent(0.1, false), 3, 3);
        let model = Model::new(values, &setup.optimizer);
        assert!(record(&setup, &model, 1).expect("it runs").samples.iter().all(|sample| sample.grad_input.is_none()));
        setup.spec = Arc::new(LessonSpec { input_gradients: true, ..LessonSpec::default() });
        let recorded = record(&setup, &model, 1).expect("it runs");
        for (nth, sample) in recorded.samples.iter().enumerate() {
            let gradient = sample.grad_input.as_ref().expect("the lesson asks for it");
            assert_eq!(gradient.len(), sizes[0]);
            for (input, &grad) in gradient.iter().enumerate() {
                let loss = |h: f64| {
                    let mut moved = setup.clone();
                    Arc::make_mut(&mut moved.train).set_input(sample.sample, input, sample.input[input] + h);
                    record(&moved, &model, 1).expect("it runs").samples[nth].loss
                };
                let slope = (loss(1e-6) - loss(-1e-6)) / 2e-6;
                assert!((slope - grad).abs() < 1e-8, "input {input}: {grad} and {slope}");
                assert_ne!(grad, 0.0);
            }
        }
    }
}

#[test]
fn gradients_agree_with_finite_differences_of_the_objective() {
    for (sizes, last, strength) in [(vec![2, 3, 2], false, None), (vec![3, 4, 3, 2], true, Some(0.2))] {
        let mut activations: Vec<_> = sizes[1..].iter().map(|_| tanh()).collect();
        if last {
            activations.pop();
            activations.push(softmax(sizes[sizes.len() - 1]));
        }
        let (mut setup, values) = setup(&sizes, activations, descent(0.1, false), 5, 5);
        setup.regularizer = strength.map(elastic);
        let model = Model::new(values.clone(), &setup.optimizer);
        let recorded = record(&setup, &model, 1).expect("it runs");
        for index in 0..values.len() {
            let objective = |h: f64| {
                let mut moved = model.clone();
                moved.values[index] += h;
                let step = record(&setup, &moved, 1).expect("it runs");
                step.loss + step.penalty.map_or(0.0, |penalty| penalty.sum)
            };
            let slope = (objective(1e-6) - objective(-1e-6)) / 2e-6;
            let grad = recorded.grads[index];
            assert!((slope - grad).abs() < 1e-8, "{:?}: {grad} and {slope}", setup.shape.parameter(index));
        }
    }
}

#[test]
fn a_penalty_applies_to_weights_only_and_its_gradient_is_added_to_the_mean() {
    let (mut setup, values) = setup(&[2, 3, 2], vec![tanh(), identity()], descent(0.1, false), 5, 5);
    let model = Model::new(values.clone(), &setup.optimizer);
    let without = record(&setup, &model, 1).expect("it runs");
    setup.regularizer = Some(elastic(0.25));
    let with = record(&setup, &model, 1).expect("it runs");
    let penalty = with.penalty.as_ref().expect("there is a regularizer");
    let mut sum = 0.0;
    for (index, &w) in values.iter().enumerate() {
        let is_weight = setup.shape.parameter(index).input.is_some();
        let (value, share) = match (is_weight, w > 0.3) {
            (false, _) => (0.0, 0.0),
            (true, true) => (0.25 * (w * w), 0.25 * w + 0.25 * w),
            (true, false) => (0.25 * w.abs(), 0.25 * w.signum()),
        };
        sum += value;
        assert_eq!(penalty.shares[index], share, "{:?}", setup.shape.parameter(index));
        assert_eq!(without.grads[index].to_bits(), with.mean_grad(index).to_bits());
        let total = if is_weight { without.grads[index] + share } else { without.grads[index] };
        assert_eq!(with.grads[index].to_bits(), total.to_bits());
        assert_eq!(penalty.traces[index].is_some(), is_weight);
    }
    assert_eq!(penalty.sum, sum);
    assert_eq!(without.loss.to_bits(), with.loss.to_bits(), "the loss excludes the penalty");
    // The optimizer clips by the norm of the whole gradient.
    let square = with.grads.iter().map(|grad| grad * grad).sum::<f64>();
    assert!((with.contexts[0][2] - square.sqrt()).abs() < 1e-12);
}

#[test]
fn a_schedule_multiplies_the_learning_rate_and_knows_step_and_epoch() {
    let (mut setup, values) = setup(&[2, 2, 1], vec![tanh(), identity()], descent(0.5, false), 6, 3);
    setup.schedule = Some(decay(0.25));
    let model = Model::new(values, &setup.optimizer);
    // Two steps make an epoch.
    for (step, rate) in [(1, 1.0), (2, 1.0), (3, 1.0 / 1.75), (4, 1.0 / 2.0)] {
        let recorded = record(&setup, &model, step).expect("it runs");
        let recorded_rate = recorded.rate.as_ref().expect("there is a schedule");
        assert_eq!(recorded_rate.inputs, [step as f64, ((step - 1) / 2) as f64, 2.0, 0.25]);
        assert_eq!((recorded_rate.base, recorded_rate.factor, recorded_rate.lr), (0.5, rate, 0.5 * rate));
        assert_eq!(recorded.learning_rate(), 0.5 * rate);
    }
}

#[test]
fn moving_a_slider_of_a_regularizer_or_a_schedule_traces_nothing() {
    let (mut setup, values) = setup(&[2, 3, 1], vec![tanh(), identity()], descent(0.1, false), 4, 2);
    setup.regularizer = Some(elastic(0.1));
    setup.schedule = Some(decay(0.1));
    let traces = |setup: &slowgrad_engine::setup::Setup| {
        let regularizer = setup.regularizer.as_ref().map(|plugin| plugin.function.borrow().traces().len());
        (regularizer, setup.schedule.as_ref().map(|plugin| plugin.function.borrow().traces().len()))
    };
    let mut run = Run::new(setup.clone(), values);
    run.seek(11).expect("it runs");
    let unmoved = run.model().clone();
    run.seek(10).expect("it runs");
    let before = traces(&setup);
    let mut moved = run.setup().clone();
    for info in
        [&mut moved.regularizer.as_mut().expect("there").info, &mut moved.schedule.as_mut().expect("there").info]
    {
        for control in &mut info.controls {
            if let ControlKind::Slider { value, .. } = &mut control.kind {
                *value = 0.7;
            }
        }
    }
    run.set_setup(moved);
    run.advance().expect("it runs");
    assert_eq!(traces(&setup), before, "no new trace");
    assert!(!run.model().same_bits(&unmoved), "the slider has an effect");
}

#[test]
fn seek_restores_any_past_step_bit_for_bit() {
    let (mut setup, values) = setup(&[2, 4, 1], vec![tanh(), identity()], descent(0.05, true), 12, 5);
    setup.schedule = Some(decay(0.01));
    // A budget so small that nearly every checkpoint is dropped again.
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
            other.regularizer = Some(elastic(0.01));
            other.schedule = None;
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
    assert_eq!(run.furthest(), 700, "seeking drops nothing");
}

#[test]
fn an_edit_in_the_past_starts_a_branch_and_keeps_the_abandoned_one() {
    let (setup, values) = setup(&[2, 3, 1], vec![tanh(), identity()], descent(0.05, false), 6, 6);
    let mut run = Run::new(setup, values);
    run.seek(50).expect("it runs");
    let old = run.model().clone();
    run.seek(20).expect("it runs");
    run.set_parameter(0, 2.0);
    assert_eq!(run.furthest(), 20);
    let abandoned = run.abandoned_branch().expect("the abandoned branch");
    assert_eq!(abandoned.points().last().map(|point| point.step), Some(50));
    run.seek(50).expect("it runs");
    assert!(!run.model().same_bits(&old), "the branch differs");
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

#[test]
fn the_structure_changes_in_place_and_belongs_to_its_step() {
    let (start, values) = setup(&[2, 3, 1], vec![tanh(), identity()], descent(0.05, true), 6, 3);
    let mut run = Run::new(start.clone(), values);
    run.seek(20).expect("it runs");
    let mut frozen = run.setup().clone();
    frozen.frozen = Arc::new([7, 9].into());
    run.set_setup(frozen);
    run.seek(30).expect("it runs");
    let before = run.model().clone();
    // Without the second neuron the weights 2 and 3, the bias 7 and the weight 10 are gone.
    let (two, _) = setup(&[2, 2, 1], vec![tanh(), identity()], descent(0.05, true), 6, 3);
    run.reshape(two, Reshape::RemoveNeuron { layer: 0, neuron: 1 }, vec![0.0; 9]);
    let remaining = [0, 1, 4, 5, 6, 8, 9, 11, 12];
    let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    let of = |numbers: &[f64]| remaining.iter().map(|&at| numbers[at].to_bits()).collect::<Vec<_>>();
    assert_eq!(bits(&run.model().values), of(&before.values));
    assert_eq!(bits(&run.model().state[0]), of(&before.state[0]), "remaining parameters keep their state");
    assert_eq!(run.setup().frozen.iter().copied().collect::<Vec<_>>(), [6], "frozen parameters stay frozen");
    run.seek(40).expect("it runs");
    let (four, _) = setup(&[2, 2, 2, 1], vec![tanh(), tanh(), identity()], descent(0.05, true), 6, 3);
    run.reshape(four, Reshape::AddLayer { before: 1 }, vec![0.5; 15]);
    assert_eq!(run.model().values[6..12], [0.5; 6], "a new layer has the given values");
    assert_eq!(run.model().state[0][6..12], [0.0; 6]);
    run.seek(60).expect("it runs");
    let after = run.model().clone();
    assert_eq!(run.record().expect("it runs").shape.sizes(), [2, 2, 2, 1]);
    // The past has the structure of its time, and replay from there leads to the same present.
    run.seek(29).expect("it runs");
    assert_eq!(run.record().expect("it runs").shape.sizes(), [2, 3, 1]);
    run.seek(0).expect("it runs");
    assert_eq!(run.evaluate().expect("it runs").scores().train.loss.to_bits(), {
        let mut fresh = Run::new(start, run.model().values.clone());
        fresh.evaluate().expect("it runs").scores().train.loss.to_bits()
    });
    run.seek(60).expect("it runs");
    assert!(run.model().same_bits(&after));
    assert_eq!(run.furthest(), 60);
}

#[test]
fn a_workspace_can_change_to_another_setup_of_the_same_shape() {
    let (first, values) = setup(&[2, 4, 1], vec![tanh(), identity()], descent(0.05, false), 12, 5);
    let mut second = first.clone();
    second.activations[0] = leaky();
    let mut run = Run::new(first, values);
    run.seek(10).expect("it runs");
    run.set_setup(second.clone());
    for _ in 0..8 {
        let recorded = run.record().expect("it runs");
        run.advance().expect("it runs");
        assert!(run.model().same_bits(&recorded.after), "step {}", run.step());
    }
}
