//! The plots show the same numbers as training and the functions, to the bit. Tests use commands and snapshots only.

use super::*;
use crate::backend::link::{BackendLink as _, InlineBackend};
use crate::protocol::{
    ActivationAt, BackendCommand, Change, CurvePoint, Difference, LandscapeRequest, LayerHistograms, LossAt, Slot,
    Snapshot,
};
use crate::shipped;
use crate::testing::{clock, idle, inline};
use slowgrad_engine::evaluation::Evaluated;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::{ParamValue, PluginRef};
use slowgrad_script::{Files, Library, Limits, Root, Sandbox};
use std::time::Duration;

const LESSON: &str = r#"fn lesson() { #{
    title: "T", layers: [2, 3, 2], activation: "bent", output: "softmax", loss: "categorical_cross_entropy", optimizer: "sgd",
    data: "two", batch: 3, seed: 3, test_fraction: 0.25,
} }"#;
/// An activation with a slider and a kink.
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

fn backend() -> InlineBackend {
    inline(files(), Limits::default(), "t.rhai")
}

fn idle_snapshot(backend: &mut InlineBackend) -> Snapshot {
    let snapshot = idle(backend);
    assert!(snapshot.problems.is_empty(), "{:?}", snapshot.problems);
    snapshot
}

/// The set-up and the initial parameters of the lesson, without a backend.
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

fn show(request: PlotRequest) -> BackendCommand {
    BackendCommand::ShowPlots(Box::new(request))
}

fn all_plots() -> PlotRequest {
    PlotRequest {
        scores: true,
        predictions: true,
        histograms: true,
        activation: Some(ActivationAt { sample: 1, layer: 0, neuron: 2 }),
        loss: Some(LossAt { sample: 1, output: 1 }),
        landscape: Some(LandscapeRequest { axes: Some([1, 10]), range: None }),
    }
}

/// A run of the lesson with momentum at the same learning rate.
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
fn closed_plots_are_not_computed() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(5));
    let plots = idle_snapshot(&mut backend).plots;
    assert!(plots.predictions.is_some(), "the small drawing of the data is always shown");
    assert_eq!(Plots { predictions: None, ..plots }, Plots::default());
    backend.send(show(all_plots()));
    let open = idle_snapshot(&mut backend).plots;
    assert!(open.scores.is_some() && open.histograms.is_some() && open.landscape.is_some());
    backend.send(show(PlotRequest::default()));
    let closed = idle_snapshot(&mut backend).plots;
    assert_eq!(Plots { predictions: None, ..closed }, Plots::default());
}

#[test]
fn landscape_points_are_losses_with_two_weights_varied() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(8));
    backend.send(show(all_plots()));
    let landscape = idle_snapshot(&mut backend).plots.landscape.expect("a landscape");
    let surface = &landscape.surface;
    assert!(surface.complete && surface.step == 8 && surface.axes == [1, 10]);
    let run = run_to(7);
    let mut values = run.model().values.clone();
    assert_eq!(surface.present.map(f64::to_bits), [values[1], values[10]].map(f64::to_bits));
    let (setup, mut work) = (std::rc::Rc::new(run.setup().clone()), Workspace::default());
    let mut loss = |values: &[f64]| Evaluated::new(&setup, values, &mut work).expect("it runs").scores().train.loss;
    assert_eq!(surface.loss.to_bits(), loss(&values).to_bits());
    assert_eq!(surface.losses.len(), surface.side * surface.side);
    for (i, cell) in surface.losses.iter().enumerate() {
        (values[1], values[10]) = (surface.place(0, i % surface.side), surface.place(1, i / surface.side));
        assert_eq!(cell.to_bits(), loss(&values).to_bits(), "point {i}");
    }
}

#[test]
fn path_and_scores_equal_those_of_the_run() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(30));
    backend.send(show(all_plots()));
    backend.send(BackendCommand::Compare(Some(momentum())));
    let plots = idle_snapshot(&mut backend).plots;
    let landscape = plots.landscape.expect("a landscape");
    let mut run = run_to(0);
    let mut other = momentum_run();
    assert_eq!((landscape.path.len(), landscape.comparison.len()), (30, 30));
    let scores = plots.scores.expect("scores");
    let comparison_scores = plots.comparison_scores.expect("scores");
    for (run, path, scores) in
        [(&mut run, &landscape.path, &scores), (&mut other, &landscape.comparison, &comparison_scores)]
    {
        for (point, evaluated) in path.iter().zip(scores.iter()) {
            run.seek(point.step).expect("it trains");
            let values = &run.model().values;
            assert_eq!(point.at.map(f64::to_bits), [values[1], values[10]].map(f64::to_bits));
            let now = run.evaluate().expect("it runs").scores();
            assert_eq!(point.loss.map(f64::to_bits), Some(now.train.loss.to_bits()));
            assert_eq!((evaluated.step, evaluated.scores), (point.step, now));
            assert!(now.test.is_some());
        }
    }
    assert_ne!(landscape.path.last(), landscape.comparison.last(), "the optimizers take different paths");
}

#[test]
fn a_requested_range_is_used_and_the_default_range_returns_after_it() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(12));
    let request = |range| PlotRequest {
        landscape: Some(LandscapeRequest { axes: Some([1, 10]), range }),
        ..PlotRequest::default()
    };
    let mut surface = |range| {
        backend.send(show(request(range)));
        idle_snapshot(&mut backend).plots.landscape.expect("a landscape").surface.clone()
    };
    let own = surface(None);
    let requested = [[-3.0, -1.0], [0.25, 4.0]];
    let there = surface(Some(requested));
    assert_eq!((there.range, there.range_chosen, there.complete), (requested, true, true));
    // Each point is the loss of the network with these two parameters.
    let mut run = run_to(11);
    for (nth, value) in [(0, [-3.0, 0.25]), (there.losses.len() - 1, [-1.0, 4.0])] {
        run.set_parameter(1, value[0]);
        run.set_parameter(10, value[1]);
        assert_eq!(there.losses[nth].to_bits(), run.evaluate().expect("it runs").scores().train.loss.to_bits());
    }
    // Invalid ranges are ignored.
    for range in [[[1.0, 1.0], [0.0, 1.0]], [[2.0, 1.0], [0.0, 1.0]], [[f64::NAN, 1.0], [0.0, f64::INFINITY]]] {
        assert_eq!(surface(Some(range)).range, own.range, "{range:?}");
    }
    assert_eq!(surface(None).range, own.range);
}

#[test]
fn changes_interrupt_and_discard_the_landscape() {
    let mut backend = backend();
    backend.send(show(all_plots()));
    let before = idle_snapshot(&mut backend).plots.landscape.expect("a landscape").surface.clone();
    // Each change discards the landscape that was started after the previous one.
    for value in [0.5, 0.75, -0.25] {
        let parameter = Parameter { layer: 0, neuron: 2, input: Some(0) };
        backend.send(Change::Parameter { parameter, value }.into());
    }
    let after = idle_snapshot(&mut backend);
    let surface = after.plots.landscape.expect("a landscape").surface.clone();
    assert!(surface.complete && surface.losses != before.losses);
    let mut run = run_to(0);
    run.set_parameter(4, -0.25);
    assert_eq!(surface.loss.to_bits(), run.evaluate().expect("it runs").scores().train.loss.to_bits());
    assert_eq!(after.timeline.expect("a step").step().before.values[4], -0.25);
}

#[test]
fn plot_jobs_stop_at_the_deadline() {
    let mut run = run_to(3);
    let timeline = Arc::new(Timeline::new(Arc::new(run.record().expect("it runs"))));
    let context = RunContext { run_number: 1, training: false };
    let mut jobs = PlotJobs::default();
    jobs.set_request(all_plots());
    jobs.update(&mut run, None, &timeline, &context);
    assert!(jobs.has_work(&[&run], false));
    jobs.compute(&mut [&mut run], false, clock().deadline(Duration::ZERO));
    assert!(jobs.plots(&run, None).landscape.is_none(), "there was no time for a landscape");
    let mut slices = 0;
    while jobs.has_work(&[&run], false) {
        jobs.compute(&mut [&mut run], false, clock().deadline(Duration::from_micros(50)));
        slices += 1;
    }
    assert!(slices > 1, "the landscape takes several slices");
    // Another step restarts the landscape.
    run.advance().expect("it trains");
    let next = Arc::new(Timeline::new(Arc::new(run.record().expect("it runs"))));
    jobs.update(&mut run, None, &next, &context);
    assert!(jobs.has_work(&[&run], false));
    jobs.set_request(PlotRequest::default());
    jobs.update(&mut run, None, &next, &context);
    assert!(!jobs.has_work(&[&run], false), "closed plots are not computed");
}

#[test]
fn histograms_count_each_parameter_and_gradient() {
    let mut backend = backend();
    backend.send(show(all_plots()));
    let snapshot = idle_snapshot(&mut backend);
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
fn curve_points_equal_calls_of_the_functions() {
    let mut backend = backend();
    let control = "slope".to_owned();
    backend.send(
        Change::Control { slot: Slot::Activation, layers: Vec::new(), control, value: ParamValue::Number(0.75) }.into(),
    );
    backend.send(show(all_plots()));
    let snapshot = idle_snapshot(&mut backend);
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
fn the_curve_of_a_layer_activation_varies_one_neuron() {
    let mut backend = backend();
    backend.send(show(PlotRequest {
        activation: Some(ActivationAt { sample: 0, layer: 1, neuron: 1 }),
        ..PlotRequest::default()
    }));
    let snapshot = idle_snapshot(&mut backend);
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

/// The shown step of the second run, with the bits of its parameters and optimizer state.
fn comparison_bits(snapshot: &Snapshot) -> (u64, Vec<u64>) {
    let comparison = snapshot.comparison.as_ref().expect("a comparison");
    let timeline = comparison.timeline.as_ref().expect("it is at the same step");
    let before = &timeline.step().before;
    let numbers = before.values.iter().chain(before.state.iter().flatten());
    (timeline.step().step, numbers.map(|number| number.to_bits()).collect())
}

/// The same for a new run with the optimizer of the second.
fn fresh_bits(step: u64, edit: impl Fn(&mut Run)) -> (u64, Vec<u64>) {
    let mut run = momentum_run();
    edit(&mut run);
    run.seek(step - 1).expect("it trains");
    let numbers = run.model().values.iter().chain(run.model().state.iter().flatten());
    (step, numbers.map(|number| number.to_bits()).collect())
}

#[test]
fn a_comparison_equals_a_separate_run_to_the_bit() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(9));
    backend.send(BackendCommand::Compare(Some(momentum())));
    let started = idle_snapshot(&mut backend);
    assert_eq!(comparison_bits(&started), fresh_bits(9, |_| {}));
    let comparison = started.comparison.as_ref().expect("a comparison");
    assert_eq!((comparison.baseline_setting.as_str(), comparison.comparison_setting.as_str()), ("sgd", "momentum"));
    // It has maps of its neurons, and predictions while their plot is open.
    let mut fresh = momentum_run();
    fresh.seek(8).expect("it trains");
    assert_eq!(comparison.maps.as_deref(), predictions::neuron_maps(&mut fresh).as_ref());
    assert!(comparison.maps.is_some() && comparison.maps != started.maps && comparison.predictions.is_none());
    backend.send(show(PlotRequest { predictions: true, ..PlotRequest::default() }));
    let plotted = idle_snapshot(&mut backend).comparison.expect("a comparison");
    assert_eq!(plotted.predictions.as_deref(), predict_over_inputs(&mut fresh, SHOWN_SAMPLES, Detail::Fine).as_ref());
    for command in [BackendCommand::Train(120), BackendCommand::Seek(4), BackendCommand::Seek(40)] {
        backend.send(command);
        let snapshot = idle_snapshot(&mut backend);
        let step = snapshot.timeline.as_ref().expect("a step").step().step;
        assert_eq!(comparison_bits(&snapshot), fresh_bits(step, |_| {}));
    }
    // Edits by hand apply to both runs.
    let parameter = Parameter { layer: 0, neuron: 2, input: Some(0) };
    backend.send(Change::Parameter { parameter, value: 0.625 }.into());
    backend.send(BackendCommand::Seek(60));
    let edit = |run: &mut Run| {
        run.seek(39).expect("it trains");
        run.set_parameter(4, 0.625);
    };
    assert_eq!(comparison_bits(&idle_snapshot(&mut backend)), fresh_bits(60, edit));
    backend.send(BackendCommand::Undo);
    let undone = idle_snapshot(&mut backend);
    let step = undone.timeline.as_ref().expect("a step").step().step;
    assert_eq!(comparison_bits(&undone), fresh_bits(step, |_| {}));
    backend.send(BackendCommand::Compare(None));
    assert!(idle_snapshot(&mut backend).comparison.is_none());
}

#[test]
fn compared_runs_start_equal_and_may_differ_in_one_slider() {
    let mut backend = backend();
    backend.send(BackendCommand::Compare(Some(Difference::slider(Slot::Activation, "bent", "slope", 0.5))));
    backend.send(BackendCommand::Seek(3));
    backend.send(BackendCommand::Seek(1));
    let snapshot = idle_snapshot(&mut backend);
    let comparison = snapshot.comparison.as_ref().expect("a comparison");
    assert_eq!(
        (comparison.baseline_setting.as_str(), comparison.comparison_setting.as_str()),
        ("slope = 0.1", "slope = 0.5")
    );
    let (baseline_setting, comparison_setting) =
        (snapshot.timeline.as_ref().expect("a step"), comparison.timeline.as_ref().expect("a step"));
    assert_eq!(baseline_setting.step().before, comparison_setting.step().before);
    assert_eq!(baseline_setting.step().names.activation_sliders[0], [0.1]);
    assert_eq!(comparison_setting.step().names.activation_sliders[0], [0.5]);
    assert_eq!(baseline_setting.step().samples[0].input, comparison_setting.step().samples[0].input);
    assert_ne!(baseline_setting.step().after, comparison_setting.step().after);
}

#[test]
fn a_failed_comparison_is_reported_and_another_lesson_ends_one() {
    let mut backend = backend();
    backend.send(BackendCommand::Compare(Some(Difference::plugin(Slot::Loss, "nothing"))));
    let none = idle_snapshot(&mut backend);
    assert!(none.comparison.is_none());
    assert!(none.messages.iter().any(|message| message.contains("the comparison has ended")), "{:?}", none.messages);
    backend.send(BackendCommand::Compare(Some(momentum())));
    assert!(idle_snapshot(&mut backend).comparison.is_some());
    backend.send(Change::Reset.into());
    backend.send(BackendCommand::Seek(6));
    assert_eq!(comparison_bits(&idle_snapshot(&mut backend)), fresh_bits(6, |_| {}));
    backend.send(BackendCommand::Open("t.rhai".into()));
    assert!(idle_snapshot(&mut backend).comparison.is_none());
}
