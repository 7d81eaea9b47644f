//! Which plots are open, and the data that they show. It must not know how the data is computed.

use slowgrad_engine::evaluation::{Evaluated, Scores};
use std::sync::Arc;

/// The network's predictions on a grid over the range of its inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Predictions {
    /// A network with one input: pairs of the input and the first output, by increasing input.
    Line(Vec<[f64; 2]>),
    /// A network with two inputs: a square grid of points.
    Grid {
        /// The number of points along each side.
        side: usize,
        /// For each output, its `side · side` values, row by row from the smallest second input.
        outputs: Vec<Vec<f64>>,
    },
}

/// The plots that are open. The backend computes no others.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlotRequest {
    /// The losses and accuracies over all data along the run.
    pub scores: bool,
    /// The predictions on a fine grid; without it they are computed on a coarse one.
    pub predictions: bool,
    /// The histograms of parameters and gradients.
    pub histograms: bool,
    /// The activation of a neuron.
    pub activation: Option<ActivationAt>,
    /// The loss of a sample.
    pub loss: Option<LossAt>,
    /// The loss landscape.
    pub landscape: Option<LandscapeRequest>,
}

/// The scores over all data after a number of steps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoresAtStep {
    /// The number of completed steps.
    pub step: u64,
    /// The loss and the accuracy over the training and the test data.
    pub scores: Scores,
}

/// A complete evaluation of the parameters after a number of steps.
#[derive(Debug, Clone)]
pub struct StepEvaluation {
    /// The number of completed steps.
    pub steps: u64,
    /// The scores and the predictions class by class.
    pub evaluated: Evaluated,
}

/// The data of the plots that are open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plots {
    /// The losses and accuracies over all data along the run, for the steps that are evaluated so far.
    pub scores: Option<Arc<[ScoresAtStep]>>,
    /// The losses and accuracies of the comparison.
    pub comparison_scores: Option<Arc<[ScoresAtStep]>>,
    /// The predictions before the shown step; `None` for more than two inputs.
    pub predictions: Option<Arc<Predictions>>,
    /// The histograms of the shown step, layer by layer.
    pub histograms: Option<Arc<[LayerHistograms]>>,
    /// The curve of an activation.
    pub activation: Option<(ActivationAt, Arc<FunctionCurve>)>,
    /// The curve of a loss.
    pub loss: Option<(LossAt, Arc<FunctionCurve>)>,
    /// The loss landscape, as fine as it is so far.
    pub landscape: Option<Arc<Landscape>>,
}

/// The axes and the range of the loss landscape.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LandscapeRequest {
    /// The flat indices of the two parameters. By default the two weights that change most.
    pub axes: Option<[usize; 2]>,
    /// The lowest and the highest value of each. By default a range that contains the path of the run.
    pub range: Option<[[f64; 2]; 2]>,
}

/// The mean loss over the training data on a grid over two parameters, with all others fixed.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    /// The step, from 1, whose initial values the fixed parameters have.
    pub step: u64,
    /// The flat indices of the two parameters.
    pub axes: [usize; 2],
    /// The lowest and the highest value of each.
    pub range: [[f64; 2]; 2],
    /// Whether the viewer chose the range.
    pub range_chosen: bool,
    /// The number of points along each side.
    pub side: usize,
    /// The `side · side` losses, row by row from the lowest value of the second parameter; NaN where a script fails.
    pub losses: Vec<f64>,
    /// The present values of the two parameters.
    pub present: [f64; 2],
    /// The loss at the present values.
    pub loss: f64,
    /// Whether this is the finest grid; if not, a finer one follows.
    pub complete: bool,
}

impl Surface {
    /// The value of a parameter (axis 0 or 1) at the n-th point along its side, from 0.
    pub fn place(&self, axis: usize, nth: usize) -> f64 {
        let [low, high] = self.range[axis];
        low + (high - low) * (nth as f64 / (self.side - 1) as f64)
    }
}

/// A point of the path that a run takes through the plane of two parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathPoint {
    /// The number of completed steps.
    pub step: u64,
    /// The values of the two parameters.
    pub at: [f64; 2],
    /// The mean loss over the training data with all parameters of that step; `None` until it is evaluated.
    pub loss: Option<f64>,
}

/// The loss landscape: a surface and the paths across it.
#[derive(Debug, Clone, PartialEq)]
pub struct Landscape {
    /// The surface.
    pub surface: Arc<Surface>,
    /// The path of the run.
    pub path: Vec<PathPoint>,
    /// The path of the branch that the last edit in the past abandoned.
    pub abandoned_branch: Vec<PathPoint>,
    /// The path of the comparison.
    pub comparison: Vec<PathPoint>,
}

/// A neuron's activation for a sample of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivationAt {
    /// The sample, counted within the batch.
    pub sample: usize,
    /// The layer, from 0; inputs are no layer.
    pub layer: usize,
    /// The neuron in its layer, from 0.
    pub neuron: usize,
}

/// The loss of a sample of the batch as a function of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossAt {
    /// The sample, counted within the batch.
    pub sample: usize,
    /// The output, from 0.
    pub output: usize,
}

/// A point of a function's curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    /// The argument.
    pub x: f64,
    /// The value.
    pub y: f64,
    /// The derivative dy/dx.
    pub slope: f64,
}

/// A scripted function of one number.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionCurve {
    /// The points by increasing x, without those where the script fails.
    pub points: Vec<CurvePoint>,
    /// The point of the sample.
    pub present: CurvePoint,
    /// The target of the sample, for a loss.
    pub target: Option<f64>,
}

/// The distributions of a layer's parameters and of their gradients.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerHistograms {
    /// The parameters before the step.
    pub values: Histogram,
    /// The gradients of the batch that the optimizer receives.
    pub grads: Histogram,
}

/// Counts of numbers in bars of equal width. The edges are multiples of the width, so no bar holds both signs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// The width of a bar.
    pub width: f64,
    /// The left edge of the first bar, in widths.
    pub first: i64,
    /// Bar k counts the numbers in [(first + k)·width, (first + k + 1)·width) except zeros.
    pub counts: Vec<u64>,
    /// The number of zeros.
    pub zeros: u64,
    /// The number of infinite values and NaNs.
    pub strange: u64,
}
