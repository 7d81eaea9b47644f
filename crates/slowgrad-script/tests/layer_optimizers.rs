//! Optimizers that update a whole layer at once: `fn update_layer(w, grad, state, ctx)`.
//!
//! Published rules are written as scripts and compared with the same rules in Rust, step by step; the recorded step and the
//! step at full speed have the same bits.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    clippy::disallowed_methods,
    reason = "a test, which compares with a tolerance"
)]

mod common;

use slowgrad_engine::model::Model;
use slowgrad_engine::plugin::{InitialState, UpdateRule};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::spec::PluginRef;
use slowgrad_engine::training_state;
use slowgrad_script::Diagnostic;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::{Cell, EventKind, Phase};
use slowgrad_timeline::explain::inspect;
use slowgrad_timeline::explain::words::Explainer;
use slowgrad_timeline::explain::worked_example::JsonLine;
use slowgrad_timeline::scene::{Link, Math};
use std::collections::BTreeSet;
use std::sync::Arc;

const SIZES: [usize; 3] = [2, 4, 2];

/// A lesson with two layers whose optimizer is `name`.
fn lesson(name: &str) -> String {
    format!(
        "fn lesson() {{ #{{ title: \"T\", layers: {SIZES:?}, activation: \"tanh\", loss: \"mse\", batch: 3, seed: 5,
            optimizer: \"{name}\", params: #{{ lr: 0.5 }}, initializer: \"xavier_uniform\",
            data: [#{{ input: [0.5, -1], target: [1, 0] }}, #{{ input: [-0.25, 0.75], target: [0, 1] }},
                   #{{ input: [1.5, 0.5], target: [0.5, -0.5] }}, #{{ input: [-1, -1], target: [-1, 0.25] }}] }} }}"
    )
}

fn run(script: &str) -> Run {
    let text = lesson("own");
    let sandbox = common::sandbox(&[("t.rhai", &text), ("optimizers/own.rhai", script)]);
    let opened = sandbox.open("t.rhai").unwrap_or_else(|errors| panic!("{errors:#?}"));
    Run::new(opened.setup, opened.parameters)
}

/// Weights `[out][in]` and biases, or numbers in their form.
type LayerNumbers = (Vec<Vec<f64>>, Vec<f64>);

/// The weights `[out][in]`, the biases and the gradients of a layer before a step.
struct LayerBefore {
    w: Vec<Vec<f64>>,
    b: Vec<f64>,
    gw: Vec<Vec<f64>>,
    gb: Vec<f64>,
}

impl LayerBefore {
    fn of(step: &RecordedStep, layer: usize) -> Self {
        let (shape, values, grads) = (&step.shape, &step.before.values, &step.grads);
        let rows = |numbers: &[f64]| {
            numbers[shape.weights(layer)].chunks(shape.fan_in(layer)).map(<[f64]>::to_vec).collect::<Vec<_>>()
        };
        Self {
            w: rows(values),
            b: values[shape.biases(layer)].to_vec(),
            gw: rows(grads),
            gb: grads[shape.biases(layer)].to_vec(),
        }
    }
}

fn norm<'a>(rows: impl IntoIterator<Item = &'a Vec<f64>>) -> f64 {
    rows.into_iter().flatten().map(|x| x * x).sum::<f64>().sqrt()
}

/// Trains some steps with a script. Each recorded step must equal `rule`, which computes the new parameters of a layer, and
/// the step at full speed must have the bits of the recorded one.
fn compare(script: &str, mut rule: impl FnMut(usize, usize, &LayerBefore) -> LayerNumbers) {
    let mut run = run(script);
    for nth in 1..=25 {
        let recorded = run.record().unwrap();
        for layer in 0..recorded.shape.layers() {
            let (w, b) = rule(nth, layer, &LayerBefore::of(&recorded, layer));
            let expected = [w.concat(), b].concat();
            for (at, expected) in recorded.shape.layer(layer).zip(expected) {
                let found = recorded.after.values[at];
                let error = (found - expected).abs() / expected.abs().max(1e-3);
                assert!(error < 1e-12, "step {nth}, layer {layer}, parameter {at}: {found} is not {expected}");
            }
        }
        run.advance().unwrap();
        assert!(run.model().same_bits(&recorded.after), "step {nth}");
    }
}

/// Subtracts `rate · direction` from a matrix.
fn moved(w: &[Vec<f64>], direction: &[Vec<f64>], rate: f64) -> Vec<Vec<f64>> {
    w.iter().zip(direction).map(|(w, d)| w.iter().zip(d).map(|(w, d)| w - rate * d).collect()).collect()
}

fn moved_row(w: &[f64], direction: &[f64], rate: f64) -> Vec<f64> {
    w.iter().zip(direction).map(|(w, d)| w - rate * d).collect()
}

#[test]
fn the_shipped_lars_equals_its_formula() {
    let shipped = common::shipped();
    let script = std::str::from_utf8(shipped.files.get("optimizers/lars.rhai").unwrap()).unwrap();
    let mut velocity: Vec<Option<LayerNumbers>> = vec![None; 2];
    compare(script, |_, layer, LayerBefore { w, b, gw, gb }| {
        let (lr, trust, momentum, decay) = (0.5, 0.02, 0.9, 0.0001);
        let rate = lr * trust * norm(w) / (norm(gw) + decay * norm(w));
        let before = velocity[layer].take();
        let old = |j: usize, k: usize| before.as_ref().map_or(0.0, |(v, _)| v[j][k]);
        let v: Vec<Vec<f64>> = w
            .iter()
            .enumerate()
            .map(|(j, row)| {
                let number = |(k, w): (usize, &f64)| momentum * old(j, k) + rate * (gw[j][k] + decay * w);
                row.iter().enumerate().map(number).collect()
            })
            .collect();
        let of_bias = |j: usize| momentum * before.as_ref().map_or(0.0, |(_, v)| v[j]) + lr * gb[j];
        let vb: Vec<f64> = (0..b.len()).map(of_bias).collect();
        let result = (moved(w, &v, 1.0), moved_row(b, &vb, 1.0));
        velocity[layer] = Some((v, vb));
        result
    });
}

#[test]
fn gradients_can_be_centred() {
    // Yong et al. 2020: the mean over the inputs of a neuron is subtracted from the gradient of its weights.
    let script = "fn update_layer(w, grad, state, ctx) {
        for j in 0..ctx.fan_out {
            let mean = grad.weights[j].mean();
            for k in 0..ctx.fan_in { w.weights[j][k] -= ctx.lr * (grad.weights[j][k] - mean); }
            w.biases[j] -= ctx.lr * grad.biases[j];
        }
        w
    }";
    compare(script, |_, _, LayerBefore { w, b, gw, gb }| {
        let centred = |row: &Vec<f64>| {
            let mean = row.iter().sum::<f64>() / row.len() as f64;
            row.iter().map(|g| g - mean).collect::<Vec<_>>()
        };
        let gw: Vec<Vec<f64>> = gw.iter().map(centred).collect();
        (moved(w, &gw, 0.5), moved_row(b, gb, 0.5))
    });
}

/// Diagonal Shampoo (Gupta, Koren and Singer 2018, with the diagonals of the two preconditioners): arrays of a layer's own
/// sizes as state.
const SHAMPOO: &str = "
    fn state(ctx) {
        let rows = []; rows.pad(ctx.fan_out, 0.0);
        let columns = []; columns.pad(ctx.fan_in, 0.0);
        #{ rows: rows, columns: columns, bias: 0.0 }
    }
    fn update_layer(w, grad, state, ctx) {
        for j in 0..ctx.fan_out {
            for k in 0..ctx.fan_in {
                let square = grad.weights[j][k] * grad.weights[j][k];
                state.rows[j] += square;
                state.columns[k] += square;
            }
        }
        for j in 0..ctx.fan_out {
            for k in 0..ctx.fan_in {
                w.weights[j][k] -= ctx.lr * grad.weights[j][k] / ((state.rows[j] * state.columns[k]) ** 0.25 + 0.0001);
            }
            state.bias.biases[j] += grad.biases[j] * grad.biases[j];
            w.biases[j] -= ctx.lr * grad.biases[j] / (sqrt(state.bias.biases[j]) + 0.0001);
        }
        w
    }";

#[test]
fn diagonal_shampoo_stores_rows_and_columns() {
    let mut sums: Vec<(Vec<f64>, Vec<f64>, Vec<f64>)> =
        SIZES.windows(2).map(|pair| (vec![0.0; pair[1]], vec![0.0; pair[0]], vec![0.0; pair[1]])).collect();
    compare(SHAMPOO, |_, layer, LayerBefore { w, b, gw, gb }| {
        let (rows, columns, biases) = &mut sums[layer];
        for (j, row) in gw.iter().enumerate() {
            for (k, g) in row.iter().enumerate() {
                rows[j] += g * g;
                columns[k] += g * g;
            }
            biases[j] += gb[j] * gb[j];
        }
        let scaled = |j: usize| {
            let number = |(k, g): (usize, &f64)| g / ((rows[j] * columns[k]).powf(0.25) + 0.0001);
            gw[j].iter().enumerate().map(number).collect::<Vec<f64>>()
        };
        let scaled: Vec<Vec<f64>> = (0..gw.len()).map(scaled).collect();
        let of_biases: Vec<f64> = gb.iter().zip(&*biases).map(|(g, sum)| g / (sum.sqrt() + 0.0001)).collect();
        (moved(w, &scaled, 0.5), moved_row(b, &of_biases, 0.5))
    });
}

#[test]
fn lamb_scales_the_steps_of_adam_by_layer() {
    // You et al. 2020, without decay: the step of a layer has the norm of its weights.
    let script = "
        fn state() { #{ m: 0.0, v: 0.0 } }
        fn step_of(m, v, ctx) { m / (1.0 - 0.9 ** ctx.step) / (sqrt(v / (1.0 - 0.999 ** ctx.step)) + 0.000001) }
        fn update_layer(w, grad, state, ctx) {
            let steps = [];
            for j in 0..ctx.fan_out {
                let row = [];
                for k in 0..ctx.fan_in {
                    let g = grad.weights[j][k];
                    state.m.weights[j][k] = 0.9 * state.m.weights[j][k] + 0.1 * g;
                    state.v.weights[j][k] = 0.999 * state.v.weights[j][k] + 0.001 * g * g;
                    row.push(step_of(state.m.weights[j][k], state.v.weights[j][k], ctx));
                }
                steps.push(row);
            }
            let ratio = ctx.layer_weight_norm / steps.map(|row| row.norm()).norm();
            for j in 0..ctx.fan_out {
                for k in 0..ctx.fan_in { w.weights[j][k] -= 0.01 * ctx.lr * ratio * steps[j][k]; }
            }
            w
        }";
    let mut moments: Vec<Vec<Vec<(f64, f64)>>> =
        SIZES.windows(2).map(|pair| vec![vec![(0.0, 0.0); pair[0]]; pair[1]]).collect();
    compare(script, |nth, layer, LayerBefore { w, b, gw, .. }| {
        let correct = |beta: f64| 1.0 - beta.powi(nth as i32);
        let steps: Vec<Vec<f64>> = gw
            .iter()
            .zip(&mut moments[layer])
            .map(|(row, moments)| {
                let step = |(g, (m, v)): (&f64, &mut (f64, f64))| {
                    (*m, *v) = (0.9 * *m + 0.1 * g, 0.999 * *v + 0.001 * g * g);
                    *m / correct(0.9) / ((*v / correct(0.999)).sqrt() + 1e-6)
                };
                row.iter().zip(moments).map(step).collect()
            })
            .collect();
        (moved(w, &steps, 0.01 * 0.5 * norm(w) / norm(&steps)), b.clone())
    });
}

#[test]
fn the_layer_and_the_number_of_layers_are_in_the_context() {
    for script in [
        "fn update(w, grad, state, ctx) { w - ctx.lr * (ctx.layers - ctx.layer) * grad }",
        "fn update_layer(w, grad, state, ctx) {
            for j in 0..ctx.fan_out {
                for k in 0..ctx.fan_in { w.weights[j][k] -= ctx.lr * (ctx.layers - ctx.layer) * grad.weights[j][k]; }
                w.biases[j] -= ctx.lr * (ctx.layers - ctx.layer) * grad.biases[j];
            }
            w
        }",
    ] {
        compare(script, |_, layer, LayerBefore { w, b, gw, gb }| {
            let rate = 0.5 * (2 - layer) as f64;
            (moved(w, gw, rate), moved_row(b, gb, rate))
        });
    }
}

#[test]
fn frozen_parameters_and_frozen_layers_keep_their_values_and_state() {
    let mut run = run(SHAMPOO);
    let mut setup = run.setup().clone();
    let shape = Arc::clone(&setup.shape);
    let one = shape.layer(1).start;
    setup.frozen = Arc::new(shape.layer(0).chain([one]).collect::<BTreeSet<_>>());
    run.set_setup(setup);
    let before = run.model().clone();
    for _ in 0..5 {
        let recorded = run.record().unwrap();
        run.advance().unwrap();
        assert!(run.model().same_bits(&recorded.after));
    }
    let after = run.model();
    let layers = |state: &[f64], sizes: [usize; 2]| (state[..sizes[0]].to_vec(), state[sizes[0]..].to_vec());
    assert_eq!(after.values[shape.layer(0)], before.values[shape.layer(0)]);
    assert_eq!(after.values[one], before.values[one]);
    assert!(shape.layer(1).skip(1).all(|at| after.values[at] != before.values[at]));
    let InitialState::PerLayer(initial) = &run.setup().optimizer.state[1].initial else { panic!("an array") };
    assert_eq!(initial.iter().map(Vec::len).collect::<Vec<_>>(), [2, 4], "columns, sorted after bias");
    let (frozen, moving) = layers(&after.state[1], [2, 4]);
    assert_eq!(frozen, [0.0, 0.0]);
    assert!(moving.iter().all(|x| *x > 0.0));
}

#[test]
fn a_training_state_stores_arrays_and_numbers_of_layers() {
    let mut run = run(SHAMPOO);
    for _ in 0..3 {
        run.advance().unwrap();
    }
    let bytes = training_state::to_safetensors(run.setup(), run.model(), 3).unwrap();
    let read = training_state::from_safetensors(run.setup(), &bytes).unwrap();
    assert!(read.model.same_bits(run.model()) && read.step == 3);
    let lesson = lesson("adam");
    let adam = common::sandbox(&[("t.rhai", &lesson)]).open("t.rhai").unwrap().setup;
    assert!(training_state::from_safetensors(&adam, &bytes).unwrap_err().to_string().contains("bias, columns, rows"));
}

#[test]
fn state_carries_over_between_rules_for_parameters_and_for_layers() {
    let sandbox = common::sandbox(&[("optimizers/own.rhai", SHAMPOO)]);
    let shape = Shape::new(SIZES[0], &SIZES[1..]);
    let optimizer = |name: &str| sandbox.optimizer(&PluginRef::named(name), &shape).unwrap();
    let (momentum, lars, own) = (optimizer("momentum"), optimizer("lars"), optimizer("own"));
    assert!(matches!(lars.rule, UpdateRule::Layer(_)) && matches!(momentum.rule, UpdateRule::Parameter { .. }));
    let mut model = Model::new(vec![0.5; shape.parameters()], &momentum);
    model.state[0].fill(0.125);
    assert_eq!(model.migrate(&momentum, &lars), (vec![], vec![]));
    assert_eq!(model.state, [vec![0.125; shape.parameters()]]);
    let (dropped, added) = model.migrate(&lars, &own);
    assert_eq!((dropped.join(" "), added.join(" ")), ("velocity".into(), "bias columns rows".into()));
    let lens: Vec<usize> = model.state.iter().map(Vec::len).collect();
    assert_eq!(lens, [shape.parameters(), 2 + 4, 4 + 2]);
}

fn refused(script: &str) -> Diagnostic {
    let text = lesson("own");
    let sandbox = common::sandbox(&[("t.rhai", &text), ("optimizers/own.rhai", script)]);
    sandbox.open("t.rhai").unwrap_err().remove(0)
}

#[test]
fn other_forms_are_refused_with_the_place_and_the_remedy() {
    let update = |body: &str| {
        format!(
            "fn state(ctx) {{ #{{ v: 0.0, rows: [0.0, 1.0] }} }}\nfn update_layer(w, grad, state, ctx) {{\n    {body}\n}}"
        )
    };
    for (body, message) in [
        ("w.weights", "must be a map like `w`, with `weights` and `biases`, but this is an array"),
        ("", "but this is nothing"),
        ("#{ weights: w.weights }", "lacks `biases`"),
        ("w.weights[0].push(1.0); w", "`weights[0]` has 3 elements, but it must have 2"),
        ("w.weights = 1.0; w", "`weights` must be an array, but this is a number"),
        ("w.biases[1] = \"x\"; w", "`biases[1]` of the result of `update_layer` must be a number, but this is a text"),
        ("state.rows = [1.0]; w", "`state.rows` has 1 element, but it must have 2"),
        ("state.v = 1.0; w", "`state.v` must be a map like `w`"),
        ("state.w = 1.0; w", "`update_layer` adds a field `w` to the state"),
        ("state.remove(\"rows\"); w", "`update_layer` removes the field `rows` from the state"),
        ("w.weights[9][0] -= 1.0; w", "9"),
    ] {
        let error = refused(&update(body));
        assert!(error.message.contains(message), "{body}: {error}");
        let location = error.location.as_ref().unwrap_or_else(|| panic!("{body}: {error}"));
        assert_eq!(location.source.name, "optimizers/own.rhai", "{error}");
    }
    for (script, message) in [
        ("fn update_layer(w, grad) { w }", "takes 2 arguments, not 4"),
        ("fn state() { 1.0 } fn update_layer(w, grad, state, ctx) { w }", "`state` must return a map"),
        ("fn state() { #{ v: \"x\" } } fn update_layer(w, grad, state, ctx) { w }", "must be a number or an array"),
        (
            "fn state(ctx) { if ctx.layer == 0 { #{ v: 0.0 } } else { #{ u: 0.0 } } } fn update_layer(w, grad, state, ctx) { w }",
            "the same fields for every layer",
        ),
        (
            "fn state(ctx) { #{ v: ctx.layer } } fn update_layer(w, grad, state, ctx) { w }",
            "must be the same number, or an array, in every layer",
        ),
    ] {
        assert!(refused(script).message.contains(message), "{}", refused(script));
    }
}

#[test]
fn layers_beyond_the_limits_are_refused_with_the_limit() {
    let text = "fn lesson() { #{ title: \"T\", layers: [200, 60, 1], optimizer: \"lars\", data: \"own\" } }";
    let data = "fn dataset(ctx) { let x = []; x.pad(200, 0.5); [#{ input: x, target: [1.0] }] }";
    let sandbox = common::sandbox(&[("t.rhai", text), ("datasets/own.rhai", data)]);
    let error = sandbox.open("t.rhai").unwrap_err().remove(0);
    assert!(error.message.contains("at most 10000 parameters at once, not 12060 parameters"), "{error}");
    assert!(error.help.as_ref().unwrap().contains("array"), "{error}");
}

/// The timeline of the third step with a script; some parameters are frozen if `frozen`.
fn timeline(script: &str, frozen: bool) -> Timeline {
    let mut run = run(script);
    if frozen {
        let mut setup = run.setup().clone();
        setup.frozen = Arc::new(setup.shape.layer(0).chain([setup.shape.layer(1).start]).collect());
        run.set_setup(setup);
    }
    for _ in 0..2 {
        run.advance().unwrap();
    }
    Timeline::new(Arc::new(run.record().unwrap()))
}

#[test]
fn the_events_of_a_layer_are_its_gradients_the_call_and_the_new_values() {
    let timeline = timeline(SHAMPOO, false);
    let step = timeline.step();
    let update = timeline.phase(Phase::Update, None).unwrap();
    let cells: Vec<Cell> = update.clone().map(|index| timeline.address(index).cell).collect();
    for layer in 0..2 {
        let of_layer: Vec<&Cell> = cells.iter().filter(|cell| cell.layer() == Some(layer)).collect();
        let kind = |cell: &Cell| match cell {
            Cell::ParameterGradient { .. } => 0,
            Cell::Layer { .. } => 1,
            Cell::Parameter { .. } => 2,
            other => panic!("{other:?}"),
        };
        assert!(of_layer.is_sorted_by_key(|cell| kind(cell)), "layer {layer}");
        let parameters = step.shape.layer(layer).len();
        assert_eq!(of_layer.iter().filter(|cell| kind(cell) == 0).count(), parameters, "a mean for each");
        assert_eq!(of_layer.iter().filter(|cell| kind(cell) == 2).count(), parameters, "a value for each");
    }
    for index in 0..timeline.len() {
        assert_eq!(timeline.locate(&timeline.address(index)), Some(index));
    }
    for index in update {
        let event = timeline.event(index);
        let EventKind::Updated { new, .. } = event.kind else { continue };
        let at = event.target.parameter().unwrap();
        assert_eq!(new.to_bits(), step.after.values[step.shape.index(at)].to_bits());
        // The new value is the result of an operation of the call, which is shown at the same parameter.
        let formula = Explainer { digits: 6 }.formula(&timeline, &event);
        let Math::Marked { link: Some(Link::Event(computed)), .. } = formula.result else { panic!("{formula:?}") };
        let computed = timeline.event(computed);
        assert_eq!((computed.kind.result().to_bits(), computed.target), (new.to_bits(), event.target));
        assert_eq!(computed.address.cell, Cell::Layer { layer: at.layer });
    }
}

#[test]
fn every_event_and_parameter_of_a_layer_optimizer_is_explained() {
    let shipped = common::shipped();
    let lars = std::str::from_utf8(shipped.files.get("optimizers/lars.rhai").unwrap()).unwrap();
    for (script, frozen) in [(lars, false), (lars, true), (SHAMPOO, false), (SHAMPOO, true)] {
        let timeline = timeline(script, frozen);
        let (step, explainer) = (timeline.step(), Explainer { digits: 3 });
        for index in 0..timeline.len() {
            let event = timeline.event(index);
            let formula = explainer.formula(&timeline, &event);
            assert!(!formula.sentence.is_empty() && !formula.title.is_empty(), "{event:?}");
            assert_eq!(JsonLine::new(&timeline, &event).layer, event.address.cell.layer());
        }
        for index in 0..step.shape.parameters() {
            let at = step.shape.parameter(index);
            let explained = inspect(&timeline, 0, at.into(), explainer);
            let headings: Vec<&str> = explained.sections.iter().map(|section| section.heading.as_str()).collect();
            let expected = if step.frozen.contains(&index) { "Why does it not change?" } else { "Why this change?" };
            assert!(headings.contains(&expected), "{headings:?}");
            let rows: usize = explained.sections.iter().map(|section| section.rows.len()).sum();
            assert!((2..80).contains(&rows), "parameter {index}: {rows} rows");
        }
        let own_state = timeline.state_event(step.shape.parameter(step.shape.parameters() - 1), 0);
        assert!(own_state.is_some(), "the bias of the last neuron has a state of its own");
    }
}
