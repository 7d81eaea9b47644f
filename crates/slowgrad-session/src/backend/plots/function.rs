//! A scripted function as a curve: the activation over z, the loss over one output, each with its derivative.
//!
//! Every point is a call of the traced function with the present sliders; all points are computed in one batch. It must
//! not know runs.

use crate::protocol::{ActivationAt, CurvePoint, FunctionCurve, LossAt};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::setup::Setup;
use slowgrad_tape::{Function, Pass};
use std::cell::RefCell;

/// The number of intervals of a curve; even, so that the centre of the range is a point.
const INTERVALS: usize = 256;
/// The number of intervals for a function whose script has to run for each point.
const FEW_INTERVALS: usize = 32;

/// The activation of a neuron over its z. For activations of a whole layer, the z of the other neurons are fixed at
/// those of the sample.
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

/// The loss of a sample over one output, with the other outputs fixed.
pub(crate) fn loss(setup: &Setup, step: &RecordedStep, at: LossAt) -> Option<FunctionCurve> {
    let recorded = step.samples.get(at.sample)?;
    let target = *recorded.target.get(at.output)?;
    let inputs = step.loss_inputs(at.sample);
    let output = *inputs.get(at.output)?;
    let included = [output, target, 0.0, 1.0].into_iter().filter(|x| x.is_finite());
    let (low, high) = included.fold((0.0_f64, 1.0_f64), |(low, high), x| (low.min(x), high.max(x)));
    let wider = 0.25 * (high - low);
    let (points, present) = curve(&setup.loss.function, &inputs, at.output, 0, [low - wider, high + wider], output)?;
    Some(FunctionCurve { points, present, target: Some(target) })
}

/// One result of a function and its derivative with respect to one input, over a range of that input and at its present
/// value. The parameters `varied` and `result` are indices of inputs and outputs.
fn curve(
    function: &RefCell<Function>,
    inputs: &[f64],
    varied: usize,
    result: usize,
    [low, high]: [f64; 2],
    present: f64,
) -> Option<(Vec<CurvePoint>, CurvePoint)> {
    let intervals = if function.borrow().runs_each_time() { FEW_INTERVALS } else { INTERVALS };
    let x_at = |i: usize| low + (high - low) * (i as f64 / intervals as f64);
    let xs: Vec<f64> = (0..=intervals).map(x_at).collect();
    let present = call_one(function, inputs, varied, result, present)?;
    let points = call_batch(function, inputs, varied, result, &xs)
        .unwrap_or_else(|| xs.iter().filter_map(|x| call_one(function, inputs, varied, result, *x)).collect());
    Some((points, present))
}

/// Calls the function for all points in lanes; `None` when one of the calls fails.
fn call_batch(
    function: &RefCell<Function>,
    inputs: &[f64],
    varied: usize,
    result: usize,
    xs: &[f64],
) -> Option<Vec<CurvePoint>> {
    let mut pass = Pass::default();
    pass.fit(&function.borrow(), xs.len());
    for (input, x) in inputs.iter().enumerate() {
        pass.set_input(input, *x);
    }
    pass.input_mut(varied).copy_from_slice(xs);
    for k in 0..function.borrow().outputs() {
        pass.set_seed(k, if k == result { 1.0 } else { 0.0 });
    }
    pass.forward(function).ok()?;
    pass.backward();
    let calls = xs.iter().zip(pass.output(result)).zip(pass.grad(varied));
    Some(calls.map(|((&x, &y), &slope)| CurvePoint { x, y, slope }).collect())
}

/// Calls the function for one point; `None` when the call fails.
fn call_one(function: &RefCell<Function>, inputs: &[f64], varied: usize, result: usize, x: f64) -> Option<CurvePoint> {
    let mut inputs = inputs.to_vec();
    inputs[varied] = x;
    let call = function.borrow_mut().call(&inputs).ok()?;
    let mut seeds = vec![0.0; function.borrow().outputs()];
    seeds[result] = 1.0;
    let mut grads = Vec::new();
    call.trace.backward(&call.values, &seeds, &mut grads);
    Some(CurvePoint { x, y: call.output(result), slope: grads[varied] })
}
