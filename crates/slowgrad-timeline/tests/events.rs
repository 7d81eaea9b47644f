//! The events of a step reproduce the step: their numbers lead from the sample to the new parameters bit for bit, every
//! address finds its event, and the units of a granularity tile the step.

#[path = "../../slowgrad-engine/tests/common/mod.rs"]
mod common;

use common::{decay, descent, elastic, identity, leaky, setup, setup_of, softmax, tamed, tanh};
use proptest::prelude::*;
use slowgrad_engine::model::Model;
use slowgrad_engine::record::record;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::shape::{Parameter, Shape};
use slowgrad_engine::spec::LessonSpec;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::{Cell, EventKind, Phase};
use slowgrad_timeline::explain::worked_example::{self, Selection};
use slowgrad_timeline::playback::cue::PlayPart;
use slowgrad_timeline::playback::playhead::{Command, Loop, NeededStep, PHASE_PAUSE_SECS, Playhead};
use std::collections::HashMap;
use std::sync::Arc;

fn timeline(sizes: &[usize], kinds: &[usize], momentum: bool, samples: usize, step: u64) -> Timeline {
    regularized(sizes, kinds, momentum, samples, step, None, None)
}

/// With a regularizer of this strength and a schedule of this decay.
fn regularized(
    sizes: &[usize],
    kinds: &[usize],
    momentum: bool,
    samples: usize,
    step: u64,
    strength: Option<f64>,
    slowing: Option<f64>,
) -> Timeline {
    let shape = Shape::new(sizes[0], &sizes[1..]);
    recorded(shape, kinds, momentum, (samples, step), strength, slowing, false)
}

/// A network whose layers may have no biases, with or without the gradients of its inputs.
fn recorded(
    shape: Shape,
    kinds: &[usize],
    momentum: bool,
    (samples, step): (usize, u64),
    strength: Option<f64>,
    slowing: Option<f64>,
    input_gradients: bool,
) -> Timeline {
    let activations = shape.sizes()[1..]
        .iter()
        .zip(kinds.iter().cycle())
        .map(|(&size, kind)| match kind {
            0 => identity(),
            1 => tanh(),
            2 => leaky(),
            _ => softmax(size),
        })
        .collect();
    let (mut setup, values) = setup_of(shape, activations, descent(0.1, momentum), samples, samples);
    setup.spec = Arc::new(LessonSpec { input_gradients, ..LessonSpec::default() });
    setup.regularizer = strength.map(elastic);
    setup.schedule = slowing.map(decay);
    let model = Model::new(values, &setup.optimizer);
    Timeline::new(Arc::new(record(&setup, &model, step).expect("it runs")))
}

fn small() -> Timeline {
    timeline(&[2, 3, 1], &[1, 0], true, 2, 1)
}

/// Follows the events of a step and checks each operand against the results of earlier events.
fn follow(timeline: &Timeline) {
    let step = timeline.step();
    let same = |a: f64, b: f64, what: &str| assert_eq!(a.to_bits(), b.to_bits(), "{what}: {a} and {b}");
    let mut sums: HashMap<(usize, usize, usize), f64> = HashMap::new();
    let mut running = 0.0;
    let (mut gradient, mut chained, mut latest, mut lr) = (0.0, 0.0, 0.0, step.learning_rate());
    let mut updated = step.before.values.clone();
    for index in 0..timeline.len() {
        let event = timeline.event(index);
        let sample = event.address.sample.map(|s| &step.samples[s]);
        let is_first = event.address.operation == 0;
        if let (true, Cell::Parameter { layer, neuron, input }) = (is_first, event.address.cell) {
            gradient = sums[&(layer, neuron, input.unwrap_or(usize::MAX))];
            chained = 0.0;
        }
        if is_first && event.address.cell == Cell::Rate {
            // A schedule that returns the constant 1 has no operation.
            latest = 1.0;
        }
        match (&event.kind, event.address.cell) {
            (EventKind::Enter { input, value }, _) => same(*value, sample.expect("a sample").input[*input], "input"),
            (EventKind::Product { input, weight, x, product }, _) => {
                same(weight * x, *product, "product");
                if *input == 0 {
                    running = *product;
                }
            }
            (EventKind::Accumulate { weight, x, before, sum, .. }, _) => {
                same(*before, running, "the sum so far");
                same(weight.mul_add(*x, *before), *sum, "fused multiply-add");
                running = *sum;
            }
            (EventKind::AddBias { sum, bias, z }, Cell::Neuron { layer, neuron }) => {
                same(*sum, running, "the sum");
                same(sum + bias, *z, "z");
                same(*z, sample.expect("a sample").layers[layer].z[neuron], "z");
                assert!(step.shape.has_biases(layer));
                running = *z;
            }
            (EventKind::Activated { z, .. }, Cell::Neuron { .. }) => same(*z, running, "z"),
            (EventKind::Operation { op, operands, result }, _) => {
                let operand = |k: usize| operands.get(k).map_or(operands[0].value, |named| named.value);
                same(op.value(operand(0), operand(1), operand(2)), result.value, "operation");
                latest = result.value;
                // The optimizer's inputs are results of earlier events.
                for operand in operands {
                    match operand.name.as_str() {
                        "grad" => same(operand.value, gradient, "the gradient that the optimizer receives"),
                        "ctx.lr" => same(operand.value, lr, "the learning rate that the optimizer receives"),
                        _ => {}
                    }
                }
            }
            (EventKind::Compare { compare, a, b, answer }, _) => assert_eq!(compare.holds(a.value, b.value), *answer),
            (EventKind::Chain { upstream, local, contribution, before, after, .. }, _) => {
                same(upstream * local, *contribution, "chain rule");
                same(before.map_or(*contribution, |before| before + contribution), *after, "the gradient so far");
                chained = *after;
            }
            (EventKind::Delta { neuron, delta, .. }, Cell::Neuron { layer, .. }) => {
                same(*delta, sample.expect("a sample").layers[layer].delta[*neuron], "δ");
            }
            (EventKind::BiasGrad { before, sum, .. }, Cell::Neuron { layer, neuron }) => {
                let key = (layer, neuron, usize::MAX);
                assert!(step.shape.has_biases(layer));
                assert_eq!(before.map(f64::to_bits), sums.get(&key).map(|sum| sum.to_bits()));
                sums.insert(key, *sum);
            }
            (EventKind::WeightGrad { input, delta, x, contribution, before, sum }, Cell::Neuron { layer, neuron }) => {
                let key = (layer, neuron, *input);
                assert_eq!(before.map(f64::to_bits), sums.get(&key).map(|sum| sum.to_bits()));
                same(delta * x, *contribution, "δ·x");
                same(before.map_or(*contribution, |before| delta.mul_add(*x, before)), *sum, "the batch's sum");
                sums.insert(key, *sum);
            }
            (
                EventKind::Backprop { input, weight, delta, contribution, before, sum },
                Cell::Neuron { layer, neuron },
            ) => {
                same(weight * delta, *contribution, "w·δ");
                same(before.map_or(*contribution, |before| weight.mul_add(*delta, before)), *sum, "∂L/∂a so far");
                if neuron + 1 == step.shape.size(layer) {
                    let complete = sample.expect("a sample").layer_input_gradient(layer).expect("it has events");
                    same(*sum, complete[*input], "∂L/∂a or ∂L/∂x");
                }
            }
            (EventKind::Average { sum, count, mean }, Cell::Parameter { layer, neuron, input }) => {
                same(*sum, sums[&(layer, neuron, input.unwrap_or(usize::MAX))], "the batch's sum");
                same(sum / *count as f64, *mean, "mean");
                gradient = *mean;
            }
            (EventKind::Rate { base, factor, lr: found, .. }, Cell::Rate) => {
                same(*factor, latest, "the schedule's own operations");
                same(base * factor, *found, "the learning rate");
                lr = *found;
            }
            (EventKind::Penalized { mean, share, grad, .. }, Cell::Parameter { layer, neuron, input }) => {
                assert!(input.is_some(), "biases have no penalty");
                same(*mean, gradient, "the gradient of the loss");
                same(*share, chained, "the end of the penalty's chain rule");
                same(mean + share, *grad, "the whole gradient");
                same(*grad, step.grads[step.shape.index(Parameter { layer, neuron, input })], "the whole gradient");
                gradient = *grad;
            }
            (EventKind::Updated { old, new, .. }, Cell::Parameter { layer, neuron, input }) => {
                let at = step.shape.index(Parameter { layer, neuron, input });
                same(*old, updated[at], "old");
                updated[at] = *new;
            }
            _ => {}
        }
    }
    for (found, expected) in updated.iter().zip(&step.after.values) {
        same(*found, *expected, "the new parameters");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn events_lead_from_the_sample_to_the_new_parameters(
        sizes in prop::collection::vec(1_usize..6, 2..5),
        biases in prop::collection::vec(any::<bool>(), 4),
        input_gradients in any::<bool>(),
        kinds in prop::collection::vec(0_usize..4, 3),
        momentum in any::<bool>(),
        samples in 1_usize..5,
        step in 1_u64..4,
        strength in prop::option::of(0.0_f64..0.3),
        slowing in prop::option::of(0.0_f64..1.0),
    ) {
        let shape = Shape::with_biases(sizes[0], sizes[1..].iter().copied().zip(biases));
        let timeline = recorded(shape, &kinds, momentum, (samples, step), strength, slowing, input_gradients);
        let to_inputs = |index| {
            let event = timeline.event(index);
            event.address.cell.layer() == Some(0) && matches!(event.kind, EventKind::Backprop { .. })
        };
        let found = (0..timeline.len()).filter(|&index| to_inputs(index)).count();
        prop_assert_eq!(found, if input_gradients { samples * sizes[0] * sizes[1] } else { 0 });
        prop_assert_eq!(timeline.step().penalty.is_some(), strength.is_some());
        follow(&timeline);
        for index in 0..timeline.len() {
            prop_assert_eq!(timeline.locate(&timeline.address(index)), Some(index));
        }
        for granularity in Granularity::ALL {
            let mut index = 0;
            while index < timeline.len() {
                let unit = timeline.unit(index, granularity);
                prop_assert_eq!(unit.start, index, "units tile the step");
                prop_assert!(timeline.unit(unit.end - 1, granularity) == unit);
                index = unit.end;
            }
        }
    }
}

#[test]
fn a_worked_example_has_the_numbers_of_schedule_and_regularizer() {
    let timeline = regularized(&[2, 2, 1], &[1, 0], false, 2, 2, Some(0.25), Some(0.5));
    let mut text = String::new();
    let update = Selection { sample: None, phase: Some(Phase::Update) };
    worked_example::text(&timeline, update, Granularity::Operation, 4, &mut text).expect("text");
    let rate = text.find("learning rate").expect("a heading");
    assert!(rate < text.find("layer 1 · weight 1 → 1").expect("a heading"), "{text}");
    assert!(text.contains("η = η₀ · decay(step)"), "{text}");
    assert!(text.contains("0.1 · 0.5 ") && text.contains("= 0.05"), "{text}");
    assert!(text.contains("g += ∂R/∂w₁₁") && text.contains("∂R/∂w = ∂R/∂t"), "{text}");
    assert!(!text.contains("g += ∂R/∂b"), "{text}");
    let header = worked_example::header(&timeline, "title");
    assert!(header.contains("regularizer elastic") && header.contains("(η = 0.05) · schedule decay"), "{header}");
    let phases = timeline.phases();
    let (_, _, events) = phases.last().expect("an update");
    let rate = timeline.unit(events.start, Granularity::Layer);
    assert_eq!(timeline.address(rate.start).cell, Cell::Rate);
    assert!(matches!(timeline.event(rate.end - 1).kind, EventKind::Rate { .. }), "the learning rate is a unit");
    let mut kinds = Vec::new();
    worked_example::json_lines(&timeline, update, Granularity::Operation, |line| {
        kinds.push((
            line.kind,
            line.layer,
            line.operands.iter().map(|operand| operand.name.clone()).collect::<Vec<_>>(),
        ));
        Ok(())
    })
    .expect("lines");
    let named = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    assert!(kinds.contains(&("rate", None, named(["base", "factor"]))), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == ("penalized", Some(0), named(["mean", "share"]))).count(), 4);
    let caption = slowgrad_timeline::playback::placeholders::fill_in("{lr} and {penalty:4}", &timeline, 0, None);
    let penalty = timeline.step().penalty.as_ref().expect("a regularizer").sum;
    assert_eq!(caption, format!("0.05 and {}", slowgrad_timeline::number_format::number(penalty, 4)));
}

#[test]
fn an_address_of_another_step_or_past_a_cell_finds_nothing() {
    let timeline = small();
    let mut address = timeline.address(5);
    address.operation = 1_000;
    assert_eq!(timeline.locate(&address), None);
    let mut address = timeline.address(5);
    address.step = 2;
    assert_eq!(timeline.locate(&address), None);
    let mut address = timeline.address(5);
    address.cell = Cell::Neuron { layer: 9, neuron: 0 };
    assert_eq!(timeline.locate(&address), None);
}

#[test]
fn counterpart_maps_events_to_a_run_with_other_plugins() {
    let mine = timeline(&[2, 3, 2], &[1, 0], false, 2, 4);
    // Another optimizer, activations of another form, and a schedule, which adds a cell.
    let others = [
        timeline(&[2, 3, 2], &[1, 0], true, 2, 4),
        timeline(&[2, 3, 2], &[2, 3], false, 2, 4),
        regularized(&[2, 3, 2], &[1, 0], false, 2, 4, Some(0.1), Some(0.1)),
    ];
    for other in others {
        let mut last = 0;
        for index in 0..mine.len() {
            let there = mine.counterpart(index, &other);
            assert!(there >= last && there < other.len(), "the order is the same");
            last = there;
            let (from, to) = (mine.address(index), other.address(there));
            assert_eq!((from.sample, from.phase, from.cell), (to.sample, to.phase, to.cell), "event {index}");
            let operations =
                |timeline: &Timeline| timeline.cell(from.sample, from.phase, from.cell).map(|cell| cell.len());
            if operations(&mine) == operations(&other) {
                assert_eq!(from.operation, to.operation);
            }
            // A cell that only the other run has is between two events of this one.
            assert!(other.counterpart(there, &mine) <= index);
        }
        assert_eq!(mine.counterpart(mine.len(), &other), other.len());
        assert_eq!(other.counterpart(other.len(), &mine), mine.len());
        (0..other.len()).for_each(|index| assert!(other.counterpart(index, &mine) <= mine.len()));
    }
}

#[test]
fn memory_grows_with_cells_and_not_with_events() {
    let narrow = timeline(&[2, 8, 1], &[1], false, 1, 1);
    let wide = timeline(&[400, 8, 1], &[1], false, 1, 1);
    assert!(
        wide.phase(Phase::Forward, Some(0)).expect("there").len()
            > 50 * narrow.phase(Phase::Forward, Some(0)).expect("there").len()
    );
    // The same cells, except for the parameters of the update.
    assert_eq!(
        wide.cell_count() - wide.step().shape.parameters(),
        narrow.cell_count() - narrow.step().shape.parameters()
    );
}

#[test]
fn any_frame_rate_plays_the_same_units() {
    let timeline = small();
    let mut ends = Vec::new();
    for dt in [0.001, 0.0167, 0.4, 1.7] {
        let mut playhead = Playhead::new(&timeline, Granularity::Operation);
        playhead.apply(&Command::Play, &timeline);
        let mut time: f64 = 0.0;
        while playhead.tick(dt, &timeline).needed_step.is_none() {
            time += dt;
            assert!(time < 1e4, "the step ends");
        }
        let breaths = (timeline.phases().len() - 1) as f64 * PHASE_PAUSE_SECS;
        let expected = 0.25 * timeline.len() as f64 + breaths;
        assert!((time - expected).abs() < 2.0 * dt + 1e-6, "{time} of {expected} seconds at {dt}");
        ends.push((playhead.unit(), playhead.progress()));
    }
    assert!(ends.iter().all(|end| *end == (timeline.len() - 1..timeline.len(), 1.0)), "{ends:?}");
}

#[test]
fn stepping_forward_and_back_returns() {
    let timeline = small();
    for granularity in [Granularity::Operation, Granularity::Neuron, Granularity::Layer, Granularity::Phase] {
        let mut playhead = Playhead::new(&timeline, granularity);
        let mut positions = vec![playhead.position()];
        let finish = |playhead: &mut Playhead| {
            while playhead.is_playing() {
                playhead.tick(10.0, &timeline);
            }
        };
        loop {
            let response = playhead.apply(&Command::StepForward, &timeline);
            if response.needed_step == Some(NeededStep::Next) {
                break;
            }
            finish(&mut playhead);
            assert_eq!(playhead.progress(), 1.0, "it stops after one unit");
            positions.push(playhead.position());
        }
        assert_eq!(playhead.position(), timeline.len() as f64);
        while let Some(position) = positions.pop() {
            assert_eq!(playhead.position(), position, "{granularity:?}");
            playhead.apply(&Command::StepBack, &timeline);
        }
    }
}

#[test]
fn playing_backwards_reverses_playing_forwards() {
    let timeline = small();
    let mut playhead = Playhead::new(&timeline, Granularity::Neuron);
    playhead.apply(&Command::Play, &timeline);
    let mut forwards = Vec::new();
    while playhead.tick(0.125, &timeline).needed_step.is_none() {
        forwards.push(playhead.position());
    }
    playhead.apply(&Command::PlayBackwards, &timeline);
    let mut backwards = Vec::new();
    while playhead.tick(0.125, &timeline).needed_step.is_none() {
        backwards.push(playhead.position());
    }
    assert_eq!(forwards.len(), backwards.len());
    // It pauses between phases.
    assert!(forwards.is_sorted() && backwards.iter().rev().is_sorted());
    forwards.dedup();
    backwards.dedup();
    assert_eq!(forwards.len(), backwards.len());
}

#[test]
fn a_part_plays_to_its_end_in_the_given_time() {
    let timeline = small();
    let mut playhead = Playhead::new(&timeline, Granularity::Operation);
    assert!(playhead.play_part(&timeline, PlayPart::Backward, Granularity::Operation, Some(8.0)));
    let backward = timeline.phase(Phase::Backward, Some(0)).expect("there");
    assert_eq!(playhead.unit().start, backward.start);
    let mut secs: f64 = 0.0;
    while !playhead.tick(0.01, &timeline).finished {
        secs += 0.01;
    }
    assert!((secs - 8.0).abs() < 0.05, "{secs}");
    assert_eq!(playhead.position(), backward.end as f64);
    assert!(!playhead.is_playing());
    assert!(playhead.play_part(&timeline, PlayPart::Forward, Granularity::Layer, None), "the second sample's");
    assert_eq!(timeline.address(playhead.unit().start).sample, Some(1));
    playhead.apply(&Command::End, &timeline);
    assert!(
        !playhead.play_part(&timeline, PlayPart::Loss, Granularity::Layer, None),
        "the rest of the step has no loss"
    );
}

#[test]
fn seeking_loops_and_changes_of_granularity_keep_the_position() {
    let timeline = small();
    let mut playhead = Playhead::new(&timeline, Granularity::Operation);
    playhead.apply(&Command::Seek(17), &timeline);
    assert_eq!((playhead.event(), playhead.progress()), (17, 1.0));
    for command in [Command::Coarser, Command::Coarser, Command::Finer, Command::Finer] {
        playhead.apply(&command, &timeline);
        assert!((playhead.position() - 18.0).abs() < 1e-6, "{command:?}: {}", playhead.position());
    }
    playhead.apply(&Command::Loop(Loop::Range(10..14)), &timeline);
    playhead.apply(&Command::Seek(11), &timeline);
    playhead.apply(&Command::Play, &timeline);
    for _ in 0..500 {
        assert_eq!(playhead.tick(0.05, &timeline).needed_step, None);
        assert!((10.0..=14.0).contains(&playhead.position()));
    }
    playhead.apply(&Command::Speed(f64::NAN), &timeline);
    assert_eq!(playhead.speed(), 1.0);
    for _ in 0..20 {
        playhead.apply(&Command::Faster, &timeline);
    }
    assert!(playhead.is_full_speed());
}

#[test]
fn a_worked_example_is_correct_to_its_digits() {
    let timeline = small();
    let mut text = String::new();
    worked_example::text(&timeline, Selection::default(), Granularity::Operation, 6, &mut text).expect("text");
    for heading in ["INPUT", "FORWARD", "LOSS", "BACKWARD", "UPDATE", "layer 1 · neuron 3", "sample 2 of 2"] {
        assert!(text.contains(heading), "{heading} is missing from\n{text}");
    }
    // Each line «a · b = c» or «a + b = c» in numbers is correct to the digits it shows.
    let mut checked = 0;
    for line in text.lines() {
        let parts: Vec<&str> = line.split(" = ").map(str::trim).collect();
        let [.., numbers, result] = parts.as_slice() else { continue };
        let numbers = numbers.rsplit("= ").next().unwrap_or(numbers).trim();
        let value = |text: &str| text.trim_matches(['(', ')', ' ']).replace('−', "-").parse::<f64>().ok();
        let result = result.split("  ").next().and_then(value);
        for (sign, apply) in [(" · ", (|a, b| a * b) as fn(f64, f64) -> f64), (" + ", |a, b| a + b)] {
            if let Some((a, b)) = numbers.split_once(sign)
                && let (Some(a), Some(b), Some(result)) = (value(a), value(b), result)
            {
                let error = (apply(a, b) - result).abs();
                // Half a unit of the sixth digit of each of the three numbers.
                let size = |x: f64| x.abs().max(1e-9);
                let operands = if sign == " · " { 2.0 * size(result) } else { size(a) + size(b) };
                assert!(error <= 5e-6 * (operands + size(result)), "{line}");
                checked += 1;
            }
        }
    }
    assert!(checked > 40, "only {checked} lines were products or sums:\n{text}");
}

#[test]
fn json_lines_have_the_full_precision() {
    let timeline = small();
    let mut lines = Vec::new();
    worked_example::json_lines(&timeline, Selection::default(), Granularity::Operation, |line| {
        lines.push(serde_json::to_string(line)?);
        Ok(())
    })
    .expect("lines");
    assert_eq!(lines.len(), timeline.len());
    for (index, line) in lines.iter().enumerate() {
        let value: serde_json::Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(value["schema"], worked_example::SCHEMA);
        assert_eq!(value["event"], index);
        let result = value["result"].as_f64().expect("a number");
        assert_eq!(result.to_bits(), timeline.event(index).kind.result().to_bits());
    }
}

#[test]
fn numbers_are_correctly_rounded_and_show_whether_they_are_exact() {
    let shown = |x| slowgrad_timeline::number_format::number(x, 4);
    assert_eq!(shown(0.5), "0.5");
    assert_eq!(shown(1.0 / 3.0), "0.3333");
    assert_eq!(shown(0.1 + 0.2), "0.3000", "not exactly 0.3");
    assert_eq!(shown(-1234.56), "−1235");
    assert_eq!(shown(99_999.6), "100000");
    assert_eq!(shown(0.000_012_344), "1.234e−5");
    assert_eq!(shown(f64::NAN), "NaN");
    assert_eq!(shown(f64::NEG_INFINITY), "−∞");
    assert_eq!(shown(0.0), "0");
    assert_eq!(shown(-0.0), "0");
    assert_eq!(shown(9.9996), "10.00");
}

/// The timeline of the step from these parameters.
fn from_values(sizes: &[usize], kinds: &[usize], values: &[f64]) -> Timeline {
    let activations = sizes[1..].iter().zip(kinds).map(|(_, kind)| if *kind == 0 { identity() } else { tanh() });
    let (setup, _) = setup(sizes, activations.collect(), descent(0.1, false), 3, 3);
    let model = Model::new(values.to_vec(), &setup.optimizer);
    Timeline::new(Arc::new(record(&setup, &model, 1).expect("it runs")))
}

#[test]
fn the_operation_that_is_not_finite_is_the_first_of_its_kind() {
    assert_eq!(small().first_not_finite(), None);
    // A prediction of about 10²⁰⁰ overflows in the square of the loss.
    let square = from_values(&[1, 1], &[0], &[1e200, 0.0]);
    let event = square.first_not_finite().expect("an infinite loss");
    assert_eq!((event.address.phase, event.address.sample), (Phase::Loss, Some(0)));
    assert!(matches!(&event.kind, EventKind::Operation { result, .. } if result.value == f64::INFINITY), "{event:?}");
    // The weighted sum overflows, and tanh hides it.
    let hidden = from_values(&[2, 1, 1], &[1, 0], &[1e308, 1e308, 1e308, 1.0, 0.0]);
    let event = hidden.first_not_finite();
    let all: Vec<usize> = (0..hidden.len()).filter(|&index| !hidden.event(index).kind.result().is_finite()).collect();
    assert_eq!(event.map(|event| event.index), all.first().copied());
    // The parameter itself is not finite: the first product with it.
    let weight = from_values(&[2, 1], &[0], &[1.0, f64::NAN, 0.0]);
    let event = weight.first_not_finite().expect("NaN");
    assert_eq!((event.address.phase, event.address.operation), (Phase::Forward, 1));
    assert!(matches!(event.kind, EventKind::Product { input: 1, .. }), "{event:?}");
}

#[test]
fn an_infinity_without_effect_is_not_reported() {
    let (mut setup, _) = setup(&[1, 1], vec![identity()], tamed(), 1, 1);
    let timeline = |setup: &Setup| {
        let model = Model::new(vec![1e120, 0.0], &setup.optimizer);
        Timeline::new(Arc::new(record(setup, &model, 1).expect("it runs")))
    };
    // The optimizer's g⁴ overflows, and g / ∞ is 0.
    let harmless = timeline(&setup);
    let result = |index| harmless.event(index).kind.result();
    assert!((0..harmless.len()).any(|index| result(index) == f64::INFINITY));
    assert_eq!(harmless.first_not_finite(), None);
    // The same gradient in a penalty that overflows.
    setup.regularizer = Some(elastic(1e300));
    let event = timeline(&setup).first_not_finite().expect("an infinite penalty");
    assert_eq!(event.address.phase, Phase::Update);
}
