//! What a lesson lets stand out: everything else of a scene is dimmed. It must not know why it stands out.

use crate::scene::{Disc, Edge, Field, Levels, Scene, Target};
use slowgrad_engine::shape::{Parameter, Shape};
use std::sync::{Arc, Mutex, PoisonError};

/// An edge that does not stand out keeps so much of its strength.
const DIM_EDGE: f32 = 0.12;
/// So does a disc.
const DIM_DISC: f32 = 0.22;
/// So do words.
const DIM_WORDS: f32 = 0.38;
/// An edge that stands out is at least so strong.
const BRIGHT: f32 = 0.85;
/// The level of a cell that does not stand out is divided by this.
const DIM_LEVEL: i8 = 8;

/// What stands out, kept from scene to scene: it is found by a look at every weight.
#[derive(Debug, Default)]
pub(crate) struct Highlights {
    last: Mutex<Option<Arc<Lit>>>,
}

/// The parameters that stand out, with the neurons and inputs that they belong to.
#[derive(Debug)]
struct Lit {
    parameters: Arc<[bool]>,
    inputs: Vec<bool>,
    neurons: Vec<Vec<bool>>,
    /// Matrices that were dimmed: what they were made from, and what came of it.
    matrices: Mutex<Vec<(Arc<Levels>, Arc<Levels>)>>,
}

/// Matrices that are kept dimmed: all layers of one moment, and those of the last.
const MOST_MATRICES: usize = 64;

impl Highlights {
    fn of(&self, shape: &Shape, parameters: &Arc<[bool]>) -> Arc<Lit> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lit) = last.as_ref().filter(|lit| Arc::ptr_eq(&lit.parameters, parameters)) {
            return Arc::clone(lit);
        }
        let lit = Arc::new(Lit::new(shape, parameters));
        *last = Some(Arc::clone(&lit));
        lit
    }
}

impl Lit {
    fn new(shape: &Shape, parameters: &Arc<[bool]>) -> Self {
        let mut sources: Vec<Vec<bool>> = shape.sizes().iter().map(|&size| vec![false; size]).collect();
        for layer in 0..shape.layers() {
            let rows = parameters[shape.weights(layer)].chunks_exact(shape.fan_in(layer));
            for (neuron, row) in rows.enumerate() {
                let bias = parameters[shape.index(Parameter { layer, neuron, input: None })];
                let mut is_lit = bias;
                for (source, weight) in sources[layer].iter_mut().zip(row) {
                    *source |= weight;
                    is_lit |= weight;
                }
                sources[layer + 1][neuron] |= is_lit;
            }
        }
        let neurons = sources.split_off(1);
        let inputs = sources.swap_remove(0);
        Self { parameters: Arc::clone(parameters), inputs, neurons, matrices: Mutex::new(Vec::new()) }
    }

    fn is_lit(&self, shape: &Shape, target: Target) -> bool {
        let parameter = |layer, neuron, input| self.parameters[shape.index(Parameter { layer, neuron, input })];
        match target {
            Target::Input(input) => self.inputs[input],
            Target::Neuron { layer, neuron } => self.neurons[layer][neuron],
            Target::Weight { layer, neuron, input } => parameter(layer, neuron, Some(input)),
            Target::Bias { layer, neuron } => parameter(layer, neuron, None),
            Target::Loss => false,
        }
    }

    /// A layer's matrix of which only some cells stand out.
    fn dimmed(&self, shape: &Shape, layer: usize, levels: &Arc<Levels>) -> Arc<Levels> {
        let mut kept = self.matrices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, dimmed)) = kept.iter().find(|(from, _)| Arc::ptr_eq(from, levels)) {
            return Arc::clone(dimmed);
        }
        let cells = levels.levels.iter().zip(&self.parameters[shape.weights(layer)]);
        let dim = |(level, is_lit): (&i8, &bool)| if *is_lit { *level } else { *level / DIM_LEVEL };
        let dimmed = Arc::new(Levels { levels: cells.map(dim).collect(), ..**levels });
        if kept.len() >= MOST_MATRICES {
            kept.remove(0);
        }
        kept.push((Arc::clone(levels), Arc::clone(&dimmed)));
        dimmed
    }
}

/// Dims all of a scene but what stands out.
pub(crate) fn dim(scene: &mut Scene, shape: &Shape, parameters: &Arc<[bool]>, highlights: &Highlights) {
    let lit = highlights.of(shape, parameters);
    let is_lit = |target: Target| lit.is_lit(shape, target);
    for edge in scene.edges.iter_mut().filter(|edge| edge.alpha > 0.0) {
        dim_edge(edge, is_lit(edge.target));
    }
    for matrix in &mut scene.matrices {
        if let Some(layer) = matrix.layer {
            matrix.levels = lit.dimmed(shape, layer, &matrix.levels);
        }
    }
    for label in &mut scene.labels {
        if label.target.is_some_and(|target| !is_lit(target)) {
            label.alpha *= DIM_WORDS;
        }
    }
    for disc in scene.discs.iter_mut().filter(|disc| !is_lit(disc.target)) {
        dim_disc(disc, scene.maps.as_mut());
    }
}

fn dim_edge(edge: &mut Edge, is_lit: bool) {
    if is_lit {
        edge.alpha = edge.alpha.max(BRIGHT);
    } else {
        edge.alpha *= DIM_EDGE;
        edge.glow *= DIM_EDGE;
        edge.ghost_width = None;
    }
}

/// A disc is dimmed with the map that is drawn into it.
fn dim_disc(disc: &mut Disc, maps: Option<&mut Field>) {
    disc.alpha *= DIM_DISC;
    disc.glow *= DIM_DISC;
    let [x, y] = disc.center;
    for patch in maps.into_iter().flat_map(|maps| &mut maps.patches) {
        let ([left, top], [right, bottom]) = (patch.place.min, patch.place.max);
        if left < x && x < right && top < y && y < bottom {
            patch.alpha *= DIM_DISC;
        }
    }
}
