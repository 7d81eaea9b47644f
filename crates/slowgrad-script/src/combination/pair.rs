//! The output activation and the loss of a lesson, called with plain numbers.

use crate::plugins::Plugins;
use slowgrad_engine::plugin::{Activation, Loss};
use slowgrad_engine::setup::Setup;
use slowgrad_tape::{Call, Diagnostic};

/// Outputs from which a script that runs for each call is too slow to be tried.
const MAX_VOLATILE_WIDTH: usize = 64;

/// What a script returns, or its error. Such an error is no verdict: training reports it.
pub(super) type Tried<T> = Result<T, Box<Diagnostic>>;

/// An output and a loss with functions of their own.
pub(super) struct Pair {
    pub(super) activation: Activation,
    pub(super) loss: Loss,
    /// The number of outputs.
    pub(super) width: usize,
    activation_sliders: Vec<f64>,
    loss_sliders: Vec<f64>,
}

impl Pair {
    /// The output and the loss of a setup. `None` if they cannot be tried quickly.
    pub(super) fn new(plugins: &Plugins, setup: &Setup) -> Option<Self> {
        let (width, spec) = (setup.shape.outputs(), &setup.spec);
        let output = &spec.layers.last()?.activation;
        let built = plugins.uncached(|| (plugins.activation(output, width), plugins.loss(&spec.loss, width)));
        let (Ok(activation), Ok(loss)) = built else { return None };
        let (activation_sliders, loss_sliders) = (activation.info.sliders(), loss.info.sliders());
        let pair = Self { activation, loss, width, activation_sliders, loss_sliders };
        let host = &plugins.interpreter.host;
        let printed = host.console_len();
        let tried = pair.outputs(&vec![0.5; width]).and_then(|output| pair.loss_call(&output, &vec![1.0; width]));
        host.truncate_console(printed);
        tried.ok()?;
        let volatile =
            pair.activation.function.borrow().runs_each_time() || pair.loss.function.borrow().runs_each_time();
        (!volatile || width <= MAX_VOLATILE_WIDTH).then_some(pair)
    }

    fn activation_call(&self, z: &[f64]) -> Tried<Call> {
        self.activation.function.borrow_mut().call(&[z, &self.activation_sliders].concat())
    }

    /// The outputs for the pre-activations of the layer.
    pub(super) fn outputs(&self, z: &[f64]) -> Tried<Vec<f64>> {
        if self.activation.whole_layer {
            let call = self.activation_call(z)?;
            return Ok((0..self.width).map(|k| call.output(k)).collect());
        }
        z.iter().map(|&z| Ok(self.activation_call(&[z])?.output(0))).collect()
    }

    fn loss_call(&self, output: &[f64], target: &[f64]) -> Tried<Call> {
        self.loss.function.borrow_mut().call(&[output, target, &self.loss_sliders].concat())
    }

    /// The loss of one sample.
    pub(super) fn loss(&self, output: &[f64], target: &[f64]) -> Tried<f64> {
        Ok(self.loss_call(output, target)?.output(0))
    }

    /// The gradient of the loss by the outputs.
    pub(super) fn loss_gradient(&self, output: &[f64], target: &[f64]) -> Tried<Vec<f64>> {
        let call = self.loss_call(output, target)?;
        let mut grads = Vec::new();
        call.trace.backward(&call.values, &[1.0], &mut grads);
        grads.truncate(self.width);
        Ok(grads)
    }

    /// The loss as a function of the pre-activations.
    pub(super) fn composed(&self, z: &[f64], target: &[f64]) -> Tried<f64> {
        self.loss(&self.outputs(z)?, target)
    }

    /// The gradient of the loss by the pre-activations.
    pub(super) fn composed_gradient(&self, z: &[f64], target: &[f64]) -> Tried<Vec<f64>> {
        let seeds = self.loss_gradient(&self.outputs(z)?, target)?;
        let mut grads = Vec::new();
        if self.activation.whole_layer {
            let call = self.activation_call(z)?;
            call.trace.backward(&call.values, &seeds, &mut grads);
            grads.truncate(self.width);
            return Ok(grads);
        }
        let one = |(&z, seed): (&f64, f64)| {
            let call = self.activation_call(&[z])?;
            call.trace.backward(&call.values, &[seed], &mut grads);
            Ok(grads[0])
        };
        z.iter().zip(seeds).map(one).collect()
    }

    /// A vector of this width that begins with 1 and has `rest` elsewhere.
    pub(super) fn first(&self, rest: f64) -> Vec<f64> {
        let mut vector = vec![rest; self.width];
        vector[0] = 1.0;
        vector
    }

    /// Directions in which outputs may differ: all alike, one against the others, one after the other.
    pub(super) fn directions(&self) -> Vec<Vec<f64>> {
        let turned = |vector: &[f64]| vector.iter().map(|x| -x).collect::<Vec<f64>>();
        let mut found = vec![vec![1.0; self.width], vec![-1.0; self.width]];
        if self.width > 1 {
            let alternating: Vec<f64> = (0..self.width).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
            for vector in [self.first(0.0), self.first(-1.0), alternating] {
                found.push(turned(&vector));
                found.push(vector);
            }
        }
        found
    }
}

/// A point at this distance in a direction. It begins at a point of usual size, from which no number of a target is
/// likely to differ by exactly 0.
pub(super) fn along(direction: &[f64], size: f64) -> Vec<f64> {
    let base = |i: usize| 0.371_234_567 + 0.113_456_789 * (7 * i % 5) as f64;
    direction.iter().enumerate().map(|(i, x)| base(i) + size * x).collect()
}

/// A size beyond every target and beyond the range in which activations bend.
pub(super) fn far(target: &[f64]) -> f64 {
    1e6 * target.iter().fold(1.0, |most: f64, t| most.max(t.abs()))
}
