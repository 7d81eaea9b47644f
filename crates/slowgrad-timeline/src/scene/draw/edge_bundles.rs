//! Layers with more edges than can be followed: as many of the strongest as there is room for on screen, and bundles
//! for all others, in which the weights into a neuron, or out of one, are one line. Closer, every edge is there.
//!
//! The choice depends on the step and the zoom; it must not know time, so that edges do not come and go while it plays.

use super::Stage;
use crate::scene::layout::{is_matrix, toward};
use crate::scene::{Bounds, Edge, Ink, Point, Target};
use crate::words;
use slowgrad_engine::record::RecordedStep;

/// Edges that are closer together than this where they are in the middle, in points, cannot be told apart.
const TOO_CLOSE: f32 = 2.0;
/// Then so much room is left for each that is drawn.
const APART: f32 = 6.0;
/// How strongly a bundle is drawn of which nothing is running.
const FAINT: f32 = 0.35;

/// All weights into a neuron, or out of one, in one line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Bundle {
    sum: f64,
    /// The root of the mean square.
    size: f64,
    /// The largest without its sign.
    pub(crate) largest: f64,
}

impl Bundle {
    pub(crate) fn of(weights: &[f64]) -> Self {
        // Several at once: each sum would wait for the one before.
        let mut lanes = [(0.0, 0.0, 0.0_f64); 8];
        for eight in weights.chunks(8) {
            for ((sum, squares, largest), &w) in lanes.iter_mut().zip(eight) {
                *sum += w;
                *squares += w * w;
                *largest = if w.abs() > *largest { w.abs() } else { *largest };
            }
        }
        let sum = lanes.iter().map(|lane| lane.0).sum();
        let squares: f64 = lanes.iter().map(|lane| lane.1).sum();
        let largest = lanes.iter().fold(0.0, |largest: f64, lane| largest.max(lane.2));
        Self { sum, size: (squares / weights.len() as f64).sqrt(), largest }
    }

    /// Its line: as wide as its weights are strong, in the colour of their sum.
    pub(crate) fn line(&self, target: Target, (from, to): (Point, Point), glow: Option<f32>) -> Edge {
        Edge {
            from,
            to,
            width: (0.8 + 4.0 * self.size.min(1.0)) as f32,
            ink: Ink::Weight(words::level(self.sum)),
            alpha: if glow.is_some() { 1.0 } else { FAINT },
            ghost_width: None,
            glow: glow.unwrap_or(0.0),
            is_frozen: false,
            target,
        }
    }
}

/// What the scenes of one step share about layers whose weights are edges.
#[derive(Debug)]
pub(crate) struct Crowds {
    layers: Vec<Crowd>,
}

/// Those of one layer; nothing where it stands as a matrix.
#[derive(Debug, Default)]
struct Crowd {
    /// The weights as `neuron * fan_in + input`, the strongest first.
    order: Vec<usize>,
    /// Of each neuron what comes into it, and of each input what goes out of it.
    into: Vec<Bundle>,
    out: Vec<Bundle>,
}

impl Crowds {
    pub(crate) fn of(step: &RecordedStep) -> Self {
        Self { layers: (0..step.shape.layers()).map(|layer| Crowd::of(step, layer)).collect() }
    }

    /// So many of a layer's weights, the strongest, in ascending order.
    pub(crate) fn strongest(&self, layer: usize, count: usize) -> Vec<usize> {
        let order = &self.layers[layer].order;
        let mut chosen = order[..count.min(order.len())].to_vec();
        chosen.sort_unstable();
        chosen
    }
}

impl Crowd {
    fn of(step: &RecordedStep, layer: usize) -> Self {
        let shape = &step.shape;
        if is_matrix(shape, layer) {
            return Self::default();
        }
        let (weights, fan_in) = (&step.before.values[shape.weights(layer)], shape.fan_in(layer));
        let mut order: Vec<usize> = (0..weights.len()).collect();
        order.sort_by(|&a, &b| weights[b].abs().total_cmp(&weights[a].abs()).then(a.cmp(&b)));
        let column = |input: usize| weights.iter().skip(input).step_by(fan_in).copied().collect::<Vec<_>>();
        Self {
            order,
            into: weights.chunks_exact(fan_in).map(Bundle::of).collect(),
            out: (0..fan_in).map(|input| Bundle::of(&column(input))).collect(),
        }
    }
}

impl Stage<'_> {
    /// How many of a layer's edges can be followed at this zoom.
    pub(crate) fn followed(&self, layer: usize) -> usize {
        let all = self.known.step.shape.weights(layer).len();
        let [from, to] = [layer, layer + 1].map(|column| self.layout.extent(column));
        let high = self.options.zoom * f32::midpoint(from.max[1] - from.min[1], to.max[1] - to.min[1]);
        if high >= TOO_CLOSE * all as f32 { all } else { ((high / APART) as usize).min(all) }
    }

    /// The bundles of a layer: all lead through one place between its columns. Of blocks of discs those have one that
    /// are nearest.
    pub(crate) fn bundles(&mut self, layer: usize) {
        let crowds = self.crowds;
        let Crowd { into, out, .. } = &crowds.layers[layer];
        let [left, right] = [layer, layer + 1].map(|column| self.layout.extent(column));
        let [height, other] = [left, right].map(|Bounds { min, max }| f32::midpoint(min[1], max[1]));
        let knot = [f32::midpoint(left.max[0], right.min[0]), f32::midpoint(height, other)];
        let glow = self.wave.glow();
        // Where all neurons are at work none of them stands out.
        let playing = self.play.neurons().filter(|(at, neurons)| *at == layer && neurons.len() < into.len());
        let is_lit = |lit: bool| lit.then_some(super::gradient_path::GLOW);
        let rim = |target: Target| toward(self.layout.position(target), knot, self.layout.radius(target));
        let mut lines = Vec::with_capacity(into.len() + out.len());
        for (input, bundle) in out.iter().enumerate() {
            let target = Self::source(layer, input);
            let (at, radius) = (self.layout.position(target), self.layout.radius(target));
            if at[0] + 1.5 * radius >= left.max[0] {
                let is_on_way = (0..into.len()).any(|neuron| self.is_on_way(layer, neuron, input));
                lines.push(bundle.line(target, (rim(target), knot), is_lit(is_on_way)));
            }
        }
        for (neuron, bundle) in into.iter().enumerate() {
            let target = Target::Neuron { layer, neuron };
            let (at, radius) = (self.layout.position(target), self.layout.radius(target));
            if at[0] - 1.5 * radius <= right.min[0] {
                let is_playing = playing.as_ref().is_some_and(|(_, neurons)| neurons.contains(&neuron));
                let is_on_way = (0..out.len()).any(|input| self.is_on_way(layer, neuron, input));
                let lit = if is_playing { Some(0.5 * glow) } else { is_lit(is_on_way) };
                lines.push(bundle.line(target, (knot, rim(target)), lit));
            }
        }
        self.canvas.edges.append(&mut lines);
    }
}
