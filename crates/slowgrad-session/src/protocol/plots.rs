//! Which plots are open, and the data that they show. It must not know how the data is computed.

use std::sync::Arc;

/// The network's answers over the range of its inputs.
#[derive(Debug, Clone, PartialEq)]
pub enum Answers {
    /// One input: x and the first output, from left to right.
    Line(Vec<[f64; 2]>),
    /// Two inputs: each output on a grid of `side` × `side` places, row by row from the smallest y.
    Grid { side: usize, outputs: Vec<Vec<f64>> },
}

/// The plots that are open. What is not wanted is not computed.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Wanted {
    /// The losses along the run.
    pub losses: bool,
    /// The network's answers on a finer grid than that of the small picture.
    pub answers: bool,
    pub histograms: bool,
    pub activation: Option<ActivationAt>,
    pub loss: Option<LossAt>,
    pub landscape: Option<LandscapeAsk>,
}

/// The losses at a moment of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossesAt {
    /// Steps done.
    pub step: u64,
    pub train: f64,
    pub test: Option<f64>,
}

/// What was computed for the plots that are open.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plots {
    /// The losses over all data along the run, as far as they are known.
    pub losses: Option<Arc<[LossesAt]>>,
    /// The same of the run that it is compared with.
    pub rival_losses: Option<Arc<[LossesAt]>>,
    pub answers: Option<Arc<Answers>>,
    pub histograms: Option<Arc<[LayerHistograms]>>,
    pub activation: Option<(ActivationAt, Arc<FunctionCurve>)>,
    pub loss: Option<(LossAt, Arc<FunctionCurve>)>,
    pub landscape: Option<Arc<Landscape>>,
}

/// What the window asks for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LandscapeAsk {
    /// Flat indices of the two parameters; the two weights that changed most when nobody chose.
    pub axes: Option<[usize; 2]>,
    /// From where to where of each; what holds the way when nobody chose.
    pub range: Option<[[f64; 2]; 2]>,
}

/// A grid of losses around a moment of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Surface {
    /// The step that is about to be carried out with the parameters that stay.
    pub step: u64,
    /// Flat indices of the two parameters.
    pub axes: [usize; 2],
    /// From the least to the largest value of each.
    pub range: [[f64; 2]; 2],
    /// Whether somebody chose it.
    pub is_chosen: bool,
    /// Places along each side.
    pub side: usize,
    /// Row by row from the least value of the second parameter; not a number where a script fails.
    pub losses: Vec<f64>,
    /// The two parameters as they are, and the loss there.
    pub present: [f64; 2],
    pub loss: f64,
    /// Whether a finer grid is on its way.
    pub is_final: bool,
}

impl Surface {
    /// The value of a parameter (0 or 1) at the n-th place along its side.
    pub fn place(&self, axis: usize, nth: usize) -> f64 {
        let [low, high] = self.range[axis];
        low + (high - low) * (nth as f64 / (self.side - 1) as f64)
    }
}

/// A moment of the way that the optimizer took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PathPoint {
    /// Steps done.
    pub step: u64,
    pub at: [f64; 2],
    /// The loss at that time, when all parameters were those of that time; nothing while it is not known yet.
    pub loss: Option<f64>,
}

/// A surface with what lies on it.
#[derive(Debug, Clone, PartialEq)]
pub struct Landscape {
    pub surface: Arc<Surface>,
    pub path: Vec<PathPoint>,
    /// The way that an edit left behind.
    pub ghost: Vec<PathPoint>,
    /// The way of the run that this one is compared with.
    pub rival: Vec<PathPoint>,
}

/// A neuron's activation in a sample of the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActivationAt {
    pub sample: usize,
    pub layer: usize,
    pub neuron: usize,
}

/// The loss of a sample of the batch over one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LossAt {
    pub sample: usize,
    pub output: usize,
}

/// One call: where, the value, and the derivative.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CurvePoint {
    pub x: f64,
    pub y: f64,
    pub slope: f64,
}

/// A function of one number.
#[derive(Debug, Clone, PartialEq)]
pub struct FunctionCurve {
    /// From left to right; places where the script fails are left out.
    pub points: Vec<CurvePoint>,
    /// Where the sample stands.
    pub present: CurvePoint,
    /// What is wanted, for a loss.
    pub target: Option<f64>,
}

/// The parameters of a layer before a step, and the gradients that its optimizer gets.
#[derive(Debug, Clone, PartialEq)]
pub struct LayerHistograms {
    pub values: Histogram,
    pub grads: Histogram,
}

/// Numbers counted by size, in bars of one width whose edges are multiples of it, so that none holds both signs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Histogram {
    /// The width of a bar.
    pub width: f64,
    /// The first bar begins at this multiple of the width.
    pub first: i64,
    /// Bar k counts the numbers from (first + k)·width to below (first + k + 1)·width, without zero.
    pub counts: Vec<u64>,
    /// Numbers that are zero.
    pub zeros: u64,
    /// Numbers that are infinite or none at all.
    pub strange: u64,
}
