//! Results that all scenes of one step share: the first of the two phases of making scenes.
//!
//! Computing them takes a look at every weight, so they are computed once a step, if necessary on another thread. This
//! module must not know positions, the zoom or a moment.

use super::layout::is_matrix;
use super::{Levels, Target};
use crate::events::Timeline;
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::{Parameter, Shape};
use std::sync::{Arc, Mutex, PoisonError};

/// The results that all scenes of one step share: the strongest weights, bundles of edges, and the matrices of large
/// layers. [`draw_scene`](super::draw_scene) makes the scene of a moment from them.
#[derive(Debug)]
pub struct SceneSummary {
    /// For each layer.
    pub(super) layers: Vec<LayerSummary>,
    pub(super) highlights: HighlightCache,
}

impl SceneSummary {
    /// Summarizes the step of a timeline.
    pub fn new(timeline: &Timeline) -> Self {
        let step = timeline.step();
        let summary = |layer: usize| {
            if is_matrix(&step.shape, layer) {
                LayerSummary::Matrix(MatrixLevels::of(step, layer))
            } else {
                LayerSummary::Edges(EdgeBundles::of(step, layer))
            }
        };
        Self { layers: (0..step.shape.layers()).map(summary).collect(), highlights: HighlightCache::default() }
    }

    /// The bundles of a layer whose weights are drawn as edges.
    pub(super) fn edges(&self, layer: usize) -> Option<&EdgeBundles> {
        match &self.layers[layer] {
            LayerSummary::Edges(bundles) => Some(bundles),
            LayerSummary::Matrix(_) => None,
        }
    }

    /// The levels of a layer whose weights are drawn as a matrix.
    pub(super) fn matrix(&self, layer: usize) -> Option<&MatrixLevels> {
        match &self.layers[layer] {
            LayerSummary::Matrix(levels) => Some(levels),
            LayerSummary::Edges(_) => None,
        }
    }
}

/// The summary of a layer, by the way its weights are drawn.
#[derive(Debug)]
pub(super) enum LayerSummary {
    Edges(EdgeBundles),
    Matrix(MatrixLevels),
}

/// The weights of one bundle: all weights into a neuron, or all weights out of a neuron or an input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct EdgeBundle {
    pub(super) sum: f64,
    /// Root mean square.
    pub(super) rms: f64,
    /// The largest magnitude.
    pub(super) max_abs: f64,
}

impl EdgeBundle {
    fn of(weights: &[f64]) -> Self {
        // Eight lanes, because each addition to a single sum would wait for the one before.
        let mut lanes = [(0.0, 0.0, 0.0_f64); 8];
        for eight in weights.chunks(8) {
            for ((sum, squares, max_abs), &w) in lanes.iter_mut().zip(eight) {
                *sum += w;
                *squares += w * w;
                *max_abs = if w.abs() > *max_abs { w.abs() } else { *max_abs };
            }
        }
        let sum = lanes.iter().map(|lane| lane.0).sum();
        let squares: f64 = lanes.iter().map(|lane| lane.1).sum();
        let max_abs = lanes.iter().fold(0.0, |max_abs: f64, lane| max_abs.max(lane.2));
        Self { sum, rms: (squares / weights.len() as f64).sqrt(), max_abs }
    }
}

/// The bundles of a layer whose weights are drawn as edges, and the order of its weights.
#[derive(Debug)]
pub(super) struct EdgeBundles {
    /// The weights as `neuron * fan_in + input`, the strongest first.
    order: Vec<usize>,
    /// For each neuron the weights into it.
    pub(super) incoming: Vec<EdgeBundle>,
    /// For each input of the layer the weights out of it.
    pub(super) outgoing: Vec<EdgeBundle>,
}

impl EdgeBundles {
    fn of(step: &RecordedStep, layer: usize) -> Self {
        let shape = &step.shape;
        let (weights, fan_in) = (&step.before.values[shape.weights(layer)], shape.fan_in(layer));
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|&a, &b| weights[b].abs().total_cmp(&weights[a].abs()).then(a.cmp(&b)));
        let column = |input: usize| weights.iter().skip(input).step_by(fan_in).copied().collect::<Vec<_>>();
        Self {
            order,
            incoming: weights.chunks_exact(fan_in).map(EdgeBundle::of).collect(),
            outgoing: (0..fan_in).map(|input| EdgeBundle::of(&column(input))).collect(),
        }
    }

    /// The `count` strongest weights, in ascending order of their index.
    pub(super) fn strongest(&self, count: usize) -> Vec<usize> {
        let mut strongest = self.order[..count.min(self.order.len())].to_vec();
        strongest.sort_unstable();
        strongest
    }
}

/// The colour levels of a layer whose weights are drawn as a matrix.
#[derive(Debug)]
pub(super) struct MatrixLevels {
    /// The weights before the step.
    pub(super) before: Arc<Levels>,
    /// The weights after the step.
    pub(super) after: Arc<Levels>,
    /// The weight at the end of the colour ramp: the largest magnitude before the step.
    pub(super) ramp_end: f64,
    /// For each neuron the weights into it.
    pub(super) rows: Vec<EdgeBundle>,
    /// The gradients of the sample that was drawn last.
    gradients: Mutex<Option<(usize, Arc<Levels>)>>,
}

impl MatrixLevels {
    fn of(step: &RecordedStep, layer: usize) -> Self {
        let (width, height) = (step.shape.fan_in(layer), step.shape.size(layer));
        let weights = step.shape.weights(layer);
        let rows: Vec<EdgeBundle> =
            step.before.values[weights.clone()].chunks_exact(width).map(EdgeBundle::of).collect();
        let max_abs = rows.iter().fold(0.0, |max_abs: f64, row| max_abs.max(row.max_abs));
        let ramp_end = if max_abs > 0.0 && max_abs.is_finite() { max_abs } else { 1.0 };
        let scale = 1.0 / ramp_end;
        let levels = |values: &[f64]| {
            let levels = values[weights.clone()].iter().map(|&w| Levels::level(w * scale)).collect();
            Arc::new(Levels { width, height, levels })
        };
        let (before, after) = (levels(&step.before.values), levels(&step.after.values));
        Self { before, after, ramp_end, rows, gradients: Mutex::new(None) }
    }

    /// ∂L/∂w = δ · x of one sample, as the levels of its signed square root.
    pub(super) fn gradients(&self, step: &RecordedStep, layer: usize, sample: usize) -> Arc<Levels> {
        let mut cache = self.gradients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, levels)) = cache.as_ref().filter(|(of, _)| *of == sample) {
            return Arc::clone(levels);
        }
        // √(δ · x) = √δ · √x, which takes a root per row and per column instead of one per cell.
        let signed_root = |x: &f64| (x.abs().sqrt().copysign(*x)) as f32;
        let x: Vec<f32> = step.layer_input(sample, layer).iter().map(signed_root).collect();
        let delta: Vec<f32> = step.samples[sample].layers[layer].delta.iter().map(signed_root).collect();
        let mut levels = Vec::with_capacity(x.len() * delta.len());
        for delta in &delta {
            levels.extend(x.iter().map(|x| Levels::level_f32(delta * x)));
        }
        let levels = Arc::new(Levels { width: x.len(), height: delta.len(), levels });
        *cache = Some((sample, Arc::clone(&levels)));
        levels
    }
}

/// Matrices that a highlight caches: all layers of one moment, and those of the moment before.
const MAX_CACHED_MATRICES: usize = 64;
/// The level of a cell that is not highlighted is divided by this.
const DIMMED_LEVEL_DIVISOR: i8 = 8;

/// The highlight of the last scene. Consecutive scenes usually have the same.
#[derive(Debug, Default)]
pub(super) struct HighlightCache {
    last: Mutex<Option<Arc<Highlight>>>,
}

impl HighlightCache {
    /// The highlight of these parameters.
    pub(super) fn get(&self, shape: &Shape, parameters: &Arc<[bool]>) -> Arc<Highlight> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(highlight) = last.as_ref().filter(|highlight| Arc::ptr_eq(&highlight.parameters, parameters)) {
            return Arc::clone(highlight);
        }
        let highlight = Arc::new(Highlight::new(shape, parameters));
        *last = Some(Arc::clone(&highlight));
        highlight
    }
}

/// The highlighted parameters, with the neurons and inputs that they belong to.
#[derive(Debug)]
pub(super) struct Highlight {
    parameters: Arc<[bool]>,
    inputs: Vec<bool>,
    neurons: Vec<Vec<bool>>,
    /// Pairs of a matrix and the same matrix dimmed.
    matrices: Mutex<Vec<(Arc<Levels>, Arc<Levels>)>>,
}

impl Highlight {
    fn new(shape: &Shape, parameters: &Arc<[bool]>) -> Self {
        let mut columns: Vec<Vec<bool>> = shape.sizes().iter().map(|&size| vec![false; size]).collect();
        for layer in 0..shape.layers() {
            let rows = parameters[shape.weights(layer)].chunks_exact(shape.fan_in(layer));
            let biases = &parameters[shape.biases(layer)];
            for (neuron, row) in rows.enumerate() {
                let mut highlighted = biases.get(neuron).is_some_and(|bias| *bias);
                for (source, weight) in columns[layer].iter_mut().zip(row) {
                    *source |= weight;
                    highlighted |= weight;
                }
                columns[layer + 1][neuron] |= highlighted;
            }
        }
        let neurons = columns.split_off(1);
        let inputs = columns.swap_remove(0);
        Self { parameters: Arc::clone(parameters), inputs, neurons, matrices: Mutex::new(Vec::new()) }
    }

    /// Whether an element is highlighted. The loss never is.
    pub(super) fn contains(&self, shape: &Shape, target: Target) -> bool {
        let parameter = |layer, neuron, input| self.parameters[shape.index(Parameter { layer, neuron, input })];
        match target {
            Target::Input(input) => self.inputs[input],
            Target::Neuron { layer, neuron } => self.neurons[layer][neuron],
            Target::Weight { layer, neuron, input } => parameter(layer, neuron, Some(input)),
            Target::Bias { layer, neuron } => parameter(layer, neuron, None),
            Target::Loss => false,
        }
    }

    /// The matrix of a layer with all cells dimmed but the highlighted ones.
    pub(super) fn dimmed(&self, shape: &Shape, layer: usize, levels: &Arc<Levels>) -> Arc<Levels> {
        let mut cache = self.matrices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, dimmed)) = cache.iter().find(|(original, _)| Arc::ptr_eq(original, levels)) {
            return Arc::clone(dimmed);
        }
        let cells = levels.levels.iter().zip(&self.parameters[shape.weights(layer)]);
        let dim =
            |(level, highlighted): (&i8, &bool)| if *highlighted { *level } else { *level / DIMMED_LEVEL_DIVISOR };
        let dimmed = Arc::new(Levels { levels: cells.map(dim).collect(), ..**levels });
        if cache.len() >= MAX_CACHED_MATRICES {
            cache.remove(0);
        }
        cache.push((Arc::clone(levels), Arc::clone(&dimmed)));
        dimmed
    }
}
