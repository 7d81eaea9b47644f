//! The numbers in the plots are those that training and the functions give, through the worker's one door.

use super::*;
use crate::backend::link::{InlineBackend, Link as _};
use crate::protocol::{
    ActivationAt, Change, Command, CurvePoint, Difference, LandscapeAsk, LayerHistograms, LossAt, Slot, Snapshot,
};
use crate::shipped;
use crate::testing::{clock, idle, inline};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::{ParamValue, PluginRef};
use slowgrad_engine::train;
use slowgrad_script::{Files, Library, Limits, Root, Sandbox};
use std::time::Duration;

const LESSON: &str = r#"fn lesson() { #{
    title: "T", layers: [2, 3, 2], activation: "bent", output: "softmax", loss: "categorical_cross_entropy", optimizer: "sgd",
    data: "two", batch: 3, seed: 3, test_fraction: 0.25,
} }"#;
/// With a slider and a kink.
const BENT: &str = "fn params() { #{ slope: slider(0.1, 0.0, 1.0) } }
    fn activation(z, p) { if z > 0.0 { z } else { p.slope * z } }";
const TWO: &str = "fn dataset(ctx) {
    let all = [];
    for i in 0..24 { all.push(#{ input: [i * 0.1 - 1.0, 0.5 - i % 5 * 0.2], target: if i % 3 == 0 { [1.0, 0.0] } else { [0.0, 1.0] } }); }
    all
}";

fn files() -> Library {
    let files = [("t.rhai", LESSON), ("activations/bent.rhai", BENT), ("datasets/two.rhai", TWO)];
    let files = Files::from_iter(files.map(|(path, text)| (path, text.as_bytes())));
    Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] }
}

fn worker() -> InlineBackend {
    inline(files(), Limits::default(), "t.rhai")
}

fn settled(worker: &mut InlineBackend) -> Snapshot {
    let snapshot = idle(worker);
    assert!(snapshot.problems.is_empty(), "{:?}", snapshot.problems);
    snapshot
}

/// The same lesson, made here.
fn lesson() -> (Setup, Vec<f64>) {
    let sandbox = Sandbox::new(files(), Limits::default());
    let lesson = sandbox.open("t.rhai").expect("a lesson");
    (lesson.setup, lesson.parameters)
}

fn run_to(step: u64) -> Run {
    let (setup, values) = lesson();
    let mut run = Run::new(setup, values);
    run.seek(step).expect("it trains");
    run
}

fn show(wanted: Wanted) -> Command {
    Command::Show(Box::new(wanted))
}

fn everything() -> Wanted {
    Wanted {
        losses: true,
        answers: true,
        histograms: true,
        activation: Some(ActivationAt { sample: 1, layer: 0, neuron: 2 }),
        loss: Some(LossAt { sample: 1, output: 1 }),
        landscape: Some(LandscapeAsk { axes: Some([1, 10]), range: None }),
    }
}

/// The lesson with another optimizer at the same learning rate.
fn momentum_run() -> Run {
    let sandbox = Sandbox::new(files(), Limits::default());
    let (setup, values) = lesson();
    let mut plugin = PluginRef::named("momentum");
    plugin.params.insert("lr".into(), ParamValue::Number(setup.optimizer.learning_rate()));
    let mut spec = (*setup.spec).clone();
    let setup = sandbox.patch(&mut spec, &Slot::Optimizer.patch(plugin)).expect("a set-up");
    Run::new(setup, values)
}

fn momentum() -> Difference {
    Difference::plugin(Slot::Optimizer, "momentum")
}

#[test]
fn nothing_is_computed_for_plots_that_are_not_open() {
    let mut worker = worker();
    worker.send(Command::Seek(5));
    let plots = settled(&mut worker).plots;
    assert!(plots.answers.is_some(), "the small picture is always there");
    assert_eq!(Plots { answers: None, ..plots }, Plots::default());
    worker.send(show(everything()));
    let open = settled(&mut worker).plots;
    assert!(open.losses.is_some() && open.histograms.is_some() && open.landscape.is_some());
    worker.send(show(Wanted::default()));
    let closed = settled(&mut worker).plots;
    assert_eq!(Plots { answers: None, ..closed }, Plots::default());
}

#[test]
fn a_place_of_the_landscape_has_the_loss_with_these_two_weights() {
    let mut worker = worker();
    worker.send(Command::Seek(8));
    worker.send(show(everything()));
    let landscape = settled(&mut worker).plots.landscape.expect("a landscape");
    let surface = &landscape.surface;
    assert!(surface.is_final && surface.step == 8 && surface.axes == [1, 10]);
    let run = run_to(7);
    let mut values = run.model().values.clone();
    assert_eq!(surface.present.map(f64::to_bits), [values[1], values[10]].map(f64::to_bits));
    let (setup, mut work) = (std::rc::Rc::new(run.setup().clone()), Workspace::default());
    let mut loss = |values: &[f64]| {
        train::evaluate(&setup, values, &setup.train, &mut work).expect("it runs").expect("there is data")
    };
    assert_eq!(surface.loss.to_bits(), loss(&values).to_bits());
    assert_eq!(surface.losses.len(), surface.side * surface.side);
    for (i, cell) in surface.losses.iter().enumerate() {
        (values[1], values[10]) = (surface.place(0, i % surface.side), surface.place(1, i / surface.side));
        assert_eq!(cell.to_bits(), loss(&values).to_bits(), "place {i}");
    }
}

#[test]
fn the_way_over_the_landscape_and_the_losses_along_it_are_those_of_the_run() {
    let mut worker = worker();
    worker.send(Command::Seek(30));
    worker.send(show(everything()));
    worker.send(Command::Compare(Some(momentum())));
    let plots = settled(&mut worker).plots;
    let landscape = plots.landscape.expect("a landscape");
    let mut run = run_to(0);
    let mut twin = momentum_run();
    assert_eq!((landscape.path.len(), landscape.rival.len()), (30, 30));
    let losses = plots.losses.expect("losses");
    let rival_losses = plots.rival_losses.expect("losses");
    for (run, path, losses) in [(&mut run, &landscape.path, &losses), (&mut twin, &landscape.rival, &rival_losses)] {
        for (point, known) in path.iter().zip(losses.iter()) {
            run.seek(point.step).expect("it trains");
            let values = &run.model().values;
            assert_eq!(point.at.map(f64::to_bits), [values[1], values[10]].map(f64::to_bits));
            let (train, test) = run.evaluate().expect("it runs");
            assert_eq!(point.loss.map(f64::to_bits), Some(train.to_bits()));
            assert_eq!((known.step, known.train.to_bits()), (point.step, train.to_bits()));
            assert_eq!(known.test.map(f64::to_bits), test.map(f64::to_bits));
            assert!(test.is_some());
        }
    }
    assert_ne!(landscape.path.last(), landscape.rival.last(), "the optimizers go different ways");
}

#[test]
fn a_landscape_reaches_as_far_as_was_asked_for_and_keeps_its_own_range_in_mind() {
    let mut worker = worker();
    worker.send(Command::Seek(12));
    let ask = |range| Wanted { landscape: Some(LandscapeAsk { axes: Some([1, 10]), range }), ..Wanted::default() };
    let mut surface = |range| {
        worker.send(show(ask(range)));
        settled(&mut worker).plots.landscape.expect("a landscape").surface.clone()
    };
    let own = surface(None);
    let asked = [[-3.0, -1.0], [0.25, 4.0]];
    let there = surface(Some(asked));
    assert_eq!((there.range, there.is_chosen, there.is_final), (asked, true, true));
    // Each place is what the network loses there.
    let mut run = run_to(11);
    for (nth, value) in [(0, [-3.0, 0.25]), (there.losses.len() - 1, [-1.0, 4.0])] {
        run.set_parameter(1, value[0]);
        run.set_parameter(10, value[1]);
        assert_eq!(there.losses[nth].to_bits(), run.evaluate().expect("it runs").0.to_bits());
    }
    // What is no range is none.
    for range in [[[1.0, 1.0], [0.0, 1.0]], [[2.0, 1.0], [0.0, 1.0]], [[f64::NAN, 1.0], [0.0, f64::INFINITY]]] {
        assert_eq!(surface(Some(range)).range, own.range, "{range:?}");
    }
    assert_eq!(surface(None).range, own.range);
}

#[test]
fn a_command_interrupts_the_landscape_and_a_change_throws_it_away() {
    let mut worker = worker();
    worker.send(show(everything()));
    let before = settled(&mut worker).plots.landscape.expect("a landscape").surface.clone();
    // All of these come while a landscape is begun; each throws away the one before.
    for value in [0.5, 0.75, -0.25] {
        let parameter = Parameter { layer: 0, neuron: 2, input: Some(0) };
        worker.send(Change::Parameter { parameter, value }.into());
    }
    let after = settled(&mut worker);
    let surface = after.plots.landscape.expect("a landscape").surface.clone();
    assert!(surface.is_final && surface.losses != before.losses);
    let mut run = run_to(0);
    run.set_parameter(4, -0.25);
    assert_eq!(surface.loss.to_bits(), run.evaluate().expect("it runs").0.to_bits());
    assert_eq!(after.timeline.expect("a step").step().before.values[4], -0.25);
}

#[test]
fn drafts_stop_when_their_time_is_over() {
    let mut run = run_to(3);
    let timeline = Arc::new(Timeline::new(Arc::new(run.record().expect("it runs"))));
    let moment = Moment { opened: 1, hurry: false };
    let mut drafts = Drafts::default();
    drafts.want(everything());
    drafts.renew(&mut run, None, &timeline, &moment);
    assert!(drafts.is_drafting(&[&run], false));
    drafts.go_on(&mut [&mut run], false, clock().deadline(Duration::ZERO));
    assert!(drafts.plots(&run, None).landscape.is_none(), "no time, no landscape");
    let mut goes = 0;
    while drafts.is_drafting(&[&run], false) {
        drafts.go_on(&mut [&mut run], false, clock().deadline(Duration::from_micros(50)));
        goes += 1;
    }
    assert!(goes > 1, "it comes in parts");
    // Another step cancels what was begun.
    run.advance().expect("it trains");
    let next = Arc::new(Timeline::new(Arc::new(run.record().expect("it runs"))));
    drafts.renew(&mut run, None, &next, &moment);
    assert!(drafts.is_drafting(&[&run], false));
    drafts.want(Wanted::default());
    drafts.renew(&mut run, None, &next, &moment);
    assert!(!drafts.is_drafting(&[&run], false), "what nobody wants is not computed");
}

#[test]
fn histograms_count_every_parameter_and_every_gradient() {
    let mut worker = worker();
    worker.send(show(everything()));
    let snapshot = settled(&mut worker);
    let layers = snapshot.plots.histograms.expect("histograms");
    let timeline = snapshot.timeline.expect("a step");
    assert_eq!(layers.len(), 2);
    for (layer, LayerHistograms { values, grads }) in layers.iter().enumerate() {
        let parameters = timeline.step().shape.layer(layer).len() as u64;
        for histogram in [values, grads] {
            assert_eq!(histogram.counts.iter().sum::<u64>() + histogram.zeros + histogram.strange, parameters);
        }
    }
}

#[test]
fn curves_are_calls_of_the_functions_with_their_sliders() {
    let mut worker = worker();
    let control = "slope".to_owned();
    worker.send(
        Change::Control { slot: Slot::Activation, layers: Vec::new(), control, value: ParamValue::Number(0.75) }.into(),
    );
    worker.send(show(everything()));
    let snapshot = settled(&mut worker);
    let timeline = snapshot.timeline.expect("a step");
    let step = timeline.step();
    let (setup, _) = lesson();

    let (_, curve) = snapshot.plots.activation.expect("a curve");
    assert_eq!(curve.points.len(), 257);
    let mut function = setup.activations[0].function.borrow_mut();
    let mut grads = Vec::new();
    for CurvePoint { x, y, slope } in curve.points.iter().chain([&curve.present]) {
        let call = function.call(&[*x, 0.75]).expect("it runs");
        call.trace.backward(&call.values, &[1.0], &mut grads);
        assert_eq!([y.to_bits(), slope.to_bits()], [call.output(0).to_bits(), grads[0].to_bits()], "at {x}");
    }
    let neuron = &step.samples[1].layers[0];
    assert_eq!([curve.present.x.to_bits(), curve.present.y.to_bits()], [neuron.z[2].to_bits(), neuron.a[2].to_bits()]);
    assert!(curve.points.iter().any(|point| point.x == 0.0), "the kink is a point");

    let (_, curve) = snapshot.plots.loss.expect("a curve");
    let sample = &step.samples[1];
    let mut function = setup.loss.function.borrow_mut();
    for CurvePoint { x, y, slope } in curve.points.iter().chain([&curve.present]) {
        let mut inputs = step.loss_inputs(1);
        inputs[1] = *x;
        let call = function.call(&inputs).expect("it runs");
        call.trace.backward(&call.values, &[1.0], &mut grads);
        assert_eq!([y.to_bits(), slope.to_bits()], [call.output(0).to_bits(), grads[1].to_bits()], "at {x}");
    }
    assert_eq!(curve.present.y.to_bits(), sample.loss.to_bits());
    assert_eq!(curve.present.slope.to_bits(), sample.layers[1].grad_a[1].to_bits());
    assert_eq!(curve.target, Some(sample.target[1]));
}

#[test]
fn the_curve_of_a_whole_layer_varies_one_neuron() {
    let mut worker = worker();
    worker
        .send(show(Wanted { activation: Some(ActivationAt { sample: 0, layer: 1, neuron: 1 }), ..Wanted::default() }));
    let snapshot = settled(&mut worker);
    let (_, curve) = snapshot.plots.activation.expect("a curve");
    let timeline = snapshot.timeline.expect("a step");
    let layer = &timeline.step().samples[0].layers[1];
    let (setup, _) = lesson();
    let mut function = setup.activations[1].function.borrow_mut();
    for point in &curve.points {
        let call = function.call(&[layer.z[0], point.x]).expect("it runs");
        assert_eq!(point.y.to_bits(), call.output(1).to_bits());
    }
    assert_eq!(curve.present.y.to_bits(), layer.a[1].to_bits());
}

/// What the second run is at the step that is shown: its parameters and optimizer state, bit for bit.
fn rival_bits(snapshot: &Snapshot) -> (u64, Vec<u64>) {
    let rival = snapshot.rival.as_ref().expect("a rival");
    let timeline = rival.timeline.as_ref().expect("it keeps up");
    let before = &timeline.step().before;
    let numbers = before.values.iter().chain(before.state.iter().flatten());
    (timeline.step().step, numbers.map(|number| number.to_bits()).collect())
}

/// The same of a run that is made afresh with the optimizer of the second.
fn fresh_bits(step: u64, edit: impl Fn(&mut Run)) -> (u64, Vec<u64>) {
    let mut run = momentum_run();
    edit(&mut run);
    run.seek(step - 1).expect("it trains");
    let numbers = run.model().values.iter().chain(run.model().state.iter().flatten());
    (step, numbers.map(|number| number.to_bits()).collect())
}

#[test]
fn a_second_run_goes_along_step_by_step_with_the_bits_of_a_run_of_its_own() {
    let mut worker = worker();
    worker.send(Command::Seek(9));
    worker.send(Command::Compare(Some(momentum())));
    let begun = settled(&mut worker);
    assert_eq!(rival_bits(&begun), fresh_bits(9, |_| {}));
    let rival = begun.rival.as_ref().expect("a rival");
    assert_eq!((rival.mine.as_str(), rival.theirs.as_str()), ("sgd", "momentum"));
    // Its neurons have maps of their own, and its answers are asked for with the plot.
    let mut fresh = momentum_run();
    fresh.seek(8).expect("it trains");
    assert_eq!(rival.maps.as_deref(), predictions::maps(&mut fresh).as_ref());
    assert!(rival.maps.is_some() && rival.maps != begun.maps && rival.answers.is_none());
    worker.send(show(Wanted { answers: true, ..Wanted::default() }));
    let asked = settled(&mut worker).rival.expect("a rival");
    assert_eq!(asked.answers.as_deref(), answers(&mut fresh, SHOWN_SAMPLES, Detail::Fine).as_ref());
    for command in [Command::Train(120), Command::Seek(4), Command::Seek(40)] {
        worker.send(command);
        let snapshot = settled(&mut worker);
        let step = snapshot.timeline.as_ref().expect("a step").step().step;
        assert_eq!(rival_bits(&snapshot), fresh_bits(step, |_| {}));
    }
    // What is done by hand is done to both.
    let parameter = Parameter { layer: 0, neuron: 2, input: Some(0) };
    worker.send(Change::Parameter { parameter, value: 0.625 }.into());
    worker.send(Command::Seek(60));
    let edit = |run: &mut Run| {
        run.seek(39).expect("it trains");
        run.set_parameter(4, 0.625);
    };
    assert_eq!(rival_bits(&settled(&mut worker)), fresh_bits(60, edit));
    worker.send(Command::Undo);
    let undone = settled(&mut worker);
    let step = undone.timeline.as_ref().expect("a step").step().step;
    assert_eq!(rival_bits(&undone), fresh_bits(step, |_| {}));
    worker.send(Command::Compare(None));
    assert!(settled(&mut worker).rival.is_none());
}

#[test]
fn both_runs_begin_with_the_same_numbers_and_one_slider_may_be_the_difference() {
    let mut worker = worker();
    worker.send(Command::Compare(Some(Difference::slider(Slot::Activation, "bent", "slope", 0.5))));
    worker.send(Command::Seek(3));
    worker.send(Command::Seek(1));
    let snapshot = settled(&mut worker);
    let rival = snapshot.rival.as_ref().expect("a rival");
    assert_eq!((rival.mine.as_str(), rival.theirs.as_str()), ("slope = 0.1", "slope = 0.5"));
    let (mine, theirs) = (snapshot.timeline.as_ref().expect("a step"), rival.timeline.as_ref().expect("a step"));
    assert_eq!(mine.step().before, theirs.step().before);
    assert_eq!(mine.step().names.activation_sliders[0], [0.1]);
    assert_eq!(theirs.step().names.activation_sliders[0], [0.5]);
    assert_eq!(mine.step().samples[0].input, theirs.step().samples[0].input);
    assert_ne!(mine.step().after, theirs.step().after);
}

#[test]
fn a_comparison_that_cannot_be_made_says_so_and_another_lesson_ends_it() {
    let mut worker = worker();
    worker.send(Command::Compare(Some(Difference::plugin(Slot::Loss, "nothing"))));
    let none = settled(&mut worker);
    assert!(none.rival.is_none());
    assert!(none.messages.iter().any(|message| message.contains("the comparison has ended")), "{:?}", none.messages);
    worker.send(Command::Compare(Some(momentum())));
    assert!(settled(&mut worker).rival.is_some());
    worker.send(Change::Reset.into());
    worker.send(Command::Seek(6));
    assert_eq!(rival_bits(&settled(&mut worker)), fresh_bits(6, |_| {}));
    worker.send(Command::Open("t.rhai".into()));
    assert!(settled(&mut worker).rival.is_none());
}
