//! What a lesson lets stand out: everything else of a scene is dimmed. It must not know why it stands out.

use crate::scene::{Disc, Edge, Field, Levels, Scene, Target};
use slowgrad_engine::shape::{Parameter, Shape};
use std::sync::Arc;

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

/// The parameters that stand out, with the neurons and inputs that they belong to.
struct Lit<'s> {
    shape: &'s Shape,
    parameters: &'s [bool],
    inputs: Vec<bool>,
    neurons: Vec<Vec<bool>>,
}

impl<'s> Lit<'s> {
    fn new(shape: &'s Shape, parameters: &'s [bool]) -> Self {
        let mut inputs = vec![false; shape.inputs()];
        let mut neurons: Vec<Vec<bool>> = (0..shape.layers()).map(|layer| vec![false; shape.size(layer)]).collect();
        for index in (0..parameters.len()).filter(|&index| parameters[index]) {
            let Parameter { layer, neuron, input } = shape.parameter(index);
            neurons[layer][neuron] = true;
            match (layer.checked_sub(1), input) {
                (None, Some(input)) => inputs[input] = true,
                (Some(before), Some(input)) => neurons[before][input] = true,
                (_, None) => {}
            }
        }
        Self { shape, parameters, inputs, neurons }
    }

    fn is_lit(&self, target: Target) -> bool {
        let parameter = |layer, neuron, input| self.parameters[self.shape.index(Parameter { layer, neuron, input })];
        match target {
            Target::Input(input) => self.inputs[input],
            Target::Neuron { layer, neuron } => self.neurons[layer][neuron],
            Target::Weight { layer, neuron, input } => parameter(layer, neuron, Some(input)),
            Target::Bias { layer, neuron } => parameter(layer, neuron, None),
            Target::Loss => false,
        }
    }
}

/// Dims all of a scene but what stands out.
pub(super) fn dim(scene: &mut Scene, shape: &Shape, parameters: &[bool]) {
    let lit = Lit::new(shape, parameters);
    for edge in scene.edges.iter_mut().filter(|edge| edge.alpha > 0.0) {
        dim_edge(edge, lit.is_lit(edge.target));
    }
    for matrix in &mut scene.matrices {
        dim_cells(matrix, &lit);
    }
    for label in &mut scene.labels {
        if label.target.is_some_and(|target| !lit.is_lit(target)) {
            label.alpha *= DIM_WORDS;
        }
    }
    for disc in scene.discs.iter_mut().filter(|disc| !lit.is_lit(disc.target)) {
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

fn dim_cells(matrix: &mut Field, lit: &Lit<'_>) {
    let Some(layer) = matrix.layer else { return };
    let parameters = &lit.parameters[lit.shape.weights(layer)];
    let mut levels = Levels::clone(&matrix.levels);
    for (level, is_lit) in levels.levels.iter_mut().zip(parameters) {
        if !is_lit {
            *level /= DIM_LEVEL;
        }
    }
    matrix.levels = Arc::new(levels);
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
