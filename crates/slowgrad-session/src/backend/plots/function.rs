//! A scripted function as a curve: the activation over z, the loss over one output, each with its derivative.
//!
//! Every point is a call of the traced function itself, sliders included, many of them at once. It must not know
//! runs.

use crate::protocol::{ActivationAt, CurvePoint, FunctionCurve, LossAt};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::setup::Setup;
use slowgrad_tape::{Function, Pass};
use std::cell::RefCell;

/// Intervals between the points of a curve; even, so that the middle of a range is a point.
const INTERVALS: usize = 256;
/// The same for a function whose script has to run for each point.
const FEW_INTERVALS: usize = 32;

/// The activation of a neuron over its z; in the layer form the other neurons' z are those of the sample.
pub(crate) fn activation(setup: &Setup, step: &RecordedStep, at: ActivationAt) -> Option<FunctionCurve> {
    let recorded = step.samples.get(at.sample)?.layers.get(at.layer)?;
    let activation = setup.activations.get(at.layer)?;
    let z = *recorded.z.get(at.neuron)?;
    let widest = recorded.z.iter().filter(|z| z.is_finite()).fold(4.0_f64, |widest, z| widest.max(1.25 * z.abs()));
    let inputs = step.activation_inputs(at.sample, at.layer, at.neuron);
    let (varied, result) = if activation.whole_layer { (at.neuron, at.neuron) } else { (0, 0) };
    let range = [-widest.ceil(), widest.ceil()];
    let (points, present) = curve(&activation.function, &inputs, varied, result, range, z)?;
    Some(FunctionCurve { points, present, target: None })
}

/// The loss of a sample over one of the outputs, with the others as they are.
pub(crate) fn loss(setup: &Setup, step: &RecordedStep, at: LossAt) -> Option<FunctionCurve> {
    let recorded = step.samples.get(at.sample)?;
    let target = *recorded.target.get(at.output)?;
    let inputs = step.loss_inputs(at.sample);
    let output = *inputs.get(at.output)?;
    let seen = [output, target, 0.0, 1.0].into_iter().filter(|x| x.is_finite());
    let (low, high) = seen.fold((0.0_f64, 1.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    let wider = 0.25 * (high - low);
    let (points, present) = curve(&setup.loss.function, &inputs, at.output, 0, [low - wider, high + wider], output)?;
    Some(FunctionCurve { points, present, target: Some(target) })
}

/// Result number `result` of a function and its derivative by one of its inputs, over a range of that input, and
/// at the present place.
fn curve(
    function: &RefCell<Function>,
    inputs: &[f64],
    varied: usize,
    result: usize,
    [low, high]: [f64; 2],
    present: f64,
) -> Option<(Vec<CurvePoint>, CurvePoint)> {
    let intervals = if function.borrow().runs_each_time() { FEW_INTERVALS } else { INTERVALS };
    let place = |i: usize| low + (high - low) * (i as f64 / intervals as f64);
    let places: Vec<f64> = (0..=intervals).map(place).collect();
    let present = one(function, inputs, varied, result, present)?;
    let points = at_once(function, inputs, varied, result, &places)
        .unwrap_or_else(|| places.iter().filter_map(|x| one(function, inputs, varied, result, *x)).collect());
    Some((points, present))
}

/// All calls in lanes; nothing when one of them fails.
fn at_once(
    function: &RefCell<Function>,
    inputs: &[f64],
    varied: usize,
    result: usize,
    places: &[f64],
) -> Option<Vec<CurvePoint>> {
    let mut pass = Pass::default();
    pass.fit(&function.borrow(), places.len());
    for (input, x) in inputs.iter().enumerate() {
        pass.set_input(input, *x);
    }
    pass.input_mut(varied).copy_from_slice(places);
    for k in 0..function.borrow().outputs() {
        pass.set_seed(k, if k == result { 1.0 } else { 0.0 });
    }
    pass.forward(function).ok()?;
    pass.backward();
    let calls = places.iter().zip(pass.output(result)).zip(pass.grad(varied));
    Some(calls.map(|((&x, &y), &slope)| CurvePoint { x, y, slope }).collect())
}

/// One call by itself; nothing when it fails.
fn one(function: &RefCell<Function>, inputs: &[f64], varied: usize, result: usize, x: f64) -> Option<CurvePoint> {
    let mut inputs = inputs.to_vec();
    inputs[varied] = x;
    let call = function.borrow_mut().call(&inputs).ok()?;
    let mut seeds = vec![0.0; function.borrow().outputs()];
    seeds[result] = 1.0;
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &seeds, &mut grads);
    Some(CurvePoint { x, y: call.output(result), slope: grads[varied] })
}
