//! Layers with too many weights for edges: their matrix as a map of cells, a row a neuron, a column an input.
//!
//! Each neuron's row ends in a bundle that stands for all its weights; the row that is being computed stands out,
//! and a single weight keeps its way through its cell. Close enough, each cell has its number. Levels are made
//! once a step, before its first scene, and shared by all of them. This file must not know how a layer's parts are
//! computed.

use super::edge_bundles::Bundle;
use super::{Play, Stage, slope};
use crate::scene::label_placement::{Rank, Words as Lettering};
use crate::scene::layout::is_matrix;
use crate::scene::moment_progress::GROUP_DELTA;
use crate::scene::{Anchor, Bounds, Field, Form, Ground, Ink, Levels, Math, Patch, Point, Target};
use crate::words;
use slowgrad_engine::record::RecordedStep;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// What the scenes of one step share about the matrices of its layers. Made once a step, so that no scene has to look at
/// every weight.
#[derive(Debug)]
pub(crate) struct Matrices {
    /// For each layer that stands as a matrix.
    layers: Vec<Option<Kept>>,
}

#[derive(Debug)]
struct Kept {
    before: Arc<Levels>,
    after: Arc<Levels>,
    /// The largest weight before the step: where the ramp ends.
    reach: f64,
    bundles: Vec<Bundle>,
    /// The gradients of a sample, by its number: those that were shown last.
    gradients: Mutex<Option<(usize, Arc<Levels>)>>,
}

impl Matrices {
    pub(crate) fn of(step: &RecordedStep) -> Self {
        let layers = 0..step.shape.layers();
        Self { layers: layers.map(|layer| is_matrix(&step.shape, layer).then(|| Kept::of(step, layer))).collect() }
    }

    fn layer(&self, layer: usize) -> Option<&Kept> {
        self.layers.get(layer).and_then(Option::as_ref)
    }
}

impl Kept {
    fn of(step: &RecordedStep, layer: usize) -> Self {
        let (width, height) = (step.shape.fan_in(layer), step.shape.size(layer));
        let weights = step.shape.weights(layer);
        let bundles: Vec<Bundle> = step.before.values[weights.clone()].chunks_exact(width).map(Bundle::of).collect();
        let largest = bundles.iter().fold(0.0, |largest: f64, row| largest.max(row.largest));
        let reach = if largest > 0.0 && largest.is_finite() { largest } else { 1.0 };
        let scale = 1.0 / reach;
        let levels = |values: &[f64]| {
            let levels = values[weights.clone()].iter().map(|&w| Levels::level(w * scale)).collect();
            Arc::new(Levels { width, height, levels })
        };
        let (before, after) = (levels(&step.before.values), levels(&step.after.values));
        Self { before, after, reach, bundles, gradients: Mutex::new(None) }
    }

    /// ∂L/∂w = δ · x of one sample. The root of a product is that of its factors, which are few.
    fn gradients(&self, step: &RecordedStep, layer: usize, sample: usize) -> Arc<Levels> {
        let mut kept = self.gradients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, levels)) = kept.as_ref().filter(|(of, _)| *of == sample) {
            return Arc::clone(levels);
        }
        let rooted = |x: &f64| (x.abs().sqrt().copysign(*x)) as f32;
        let x: Vec<f32> = step.layer_input(sample, layer).iter().map(rooted).collect();
        let delta: Vec<f32> = step.samples[sample].layers[layer].delta.iter().map(rooted).collect();
        let mut levels = Vec::with_capacity(x.len() * delta.len());
        for delta in &delta {
            levels.extend(x.iter().map(|x| Levels::level_f32(delta * x)));
        }
        let levels = Arc::new(Levels { width: x.len(), height: delta.len(), levels });
        *kept = Some((sample, Arc::clone(&levels)));
        levels
    }
}

/// A row that stands out is at least so high.
const LEAST_ROW: f32 = 15.0;
/// Cells smaller than this on screen, in points, have no number.
const LEAST_CELL: [f32; 2] = [58.0, 18.0];
/// If more cells than this are in view, none has a number.
const MOST_NUMBERS: usize = 700;

impl Stage<'_> {
    /// A layer's matrix, with the bundles from its rows to their neurons.
    pub(crate) fn layer_matrix(&mut self, layer: usize, place: Bounds) {
        let step = self.known.step;
        let Some(kept) = self.matrices.layer(layer) else { return };
        let (rows, columns) = (step.shape.size(layer), step.shape.fan_in(layer));
        let gradients =
            matches!(&self.play, Play::Backward { layer: at, .. } if *at == layer) && self.wave.progress >= GROUP_DELTA;
        let is_after = self.known.is_updated(layer, rows - 1, None);
        let (levels, ink) = if gradients {
            (kept.gradients(step, layer, self.known.sample), Ink::Gradient(0.0))
        } else {
            (Arc::clone(if is_after { &kept.after } else { &kept.before }), Ink::Weight(0.0))
        };
        let whole = Patch { place, source: [0, 0, columns, rows], form: Form::Cells, alpha: 1.0, probe: None };
        let active = self.active_rows(layer);
        let mut patches = vec![Patch { alpha: if active.is_some() { 0.35 } else { 0.9 }, ..whole }];
        if let Some(active) = &active {
            patches.push(rows_of(whole, active));
        }
        if let Some(column) = self.selected_column(layer) {
            patches.push(column_of(whole, column));
        }
        self.canvas.matrices.push(Field { levels, ink, layer: Some(layer), patches });

        let glow = self.wave.glow();
        for (neuron, bundle) in kept.bundles.iter().enumerate() {
            let target = Target::Neuron { layer, neuron };
            let is_active = active.as_ref().is_some_and(|rows| rows.contains(&neuron));
            let from = [place.max[0], self.layout.position(Target::Weight { layer, neuron, input: 0 })[1]];
            let to = crate::scene::layout::toward(self.layout.position(target), from, self.layout.radius(target));
            let lit = is_active.then_some(if rows > 1 { 0.5 * glow } else { 0.0 });
            self.canvas.edges.push(bundle.line(target, (from, to), lit));
        }
        self.matrix_title(layer, place, gradients, kept.reach);
        self.cell_numbers(layer, place);
    }

    fn matrix_title(&mut self, layer: usize, Bounds { min, max }: Bounds, gradients: bool, reach: f64) {
        let (rows, columns) = (self.known.step.shape.size(layer), self.known.step.shape.fan_in(layer));
        let name = words::of_layer("W", layer);
        // Weights of large layers are small: their ramp ends at the largest, and that is said.
        let end = if gradients { String::new() } else { format!("   −{0} … +{0}", words::number(reach, 2)) };
        let name = if gradients { slope(name) } else { name };
        let title = |end: &str| Math::row([name.clone(), Math::text(format!("   {rows} × {columns}{end}"))]);
        let size = self.legible(15.0);
        // Wider than the matrix only where the discs beside it leave room.
        let width = |math: &Math| 0.55 * size * math.plain().chars().count() as f32;
        let title = if width(&title(&end)) > max[0] - min[0] + 110.0 { title("") } else { title(&end) };
        // At the right there may be the words of outputs, so that it reaches beyond the matrix at the left.
        let middle = f32::midpoint(min[0], max[0]).min(max[0] - 0.5 * width(&title));
        let place = [middle, min[1] - 0.45 * size];
        self.canvas.label(Rank::Around, place, Anchor::Above, Lettering::new(title, size, Ink::Faint));
    }

    /// The rows of the neurons that are being computed, or else of the selected one.
    fn active_rows(&self, layer: usize) -> Option<Range<usize>> {
        let all = self.known.step.shape.size(layer);
        if let Some((_, rows)) = self.play.neurons().filter(|(at, _)| *at == layer) {
            return (rows.len() < all).then_some(rows);
        }
        match (&self.play, self.options.selected) {
            (Play::Update { layer: at, first, last }, _) if *at == layer => {
                (last.0 - first.0 + 1 < all).then_some(first.0..last.0 + 1)
            }
            (_, Some(Target::Neuron { layer: at, neuron } | Target::Bias { layer: at, neuron })) if at == layer => {
                Some(neuron..neuron + 1)
            }
            _ => None,
        }
    }

    /// The column of a selected neuron that a layer's weights come from.
    fn selected_column(&self, layer: usize) -> Option<usize> {
        match self.options.selected {
            Some(Target::Input(input)) if layer == 0 => Some(input),
            Some(Target::Neuron { layer: at, neuron }) if at + 1 == layer => Some(neuron),
            _ => None,
        }
    }

    /// The numbers of the cells in view, where these are large enough.
    fn cell_numbers(&mut self, layer: usize, Bounds { min, max }: Bounds) {
        let Some(view) = self.options.view else { return };
        let shape = &self.known.step.shape;
        let counts = [shape.fan_in(layer), shape.size(layer)];
        let cell: Point = [0, 1].map(|axis| (max[axis] - min[axis]) / counts[axis] as f32);
        if (0..2).any(|axis| cell[axis] * self.options.zoom < LEAST_CELL[axis]) {
            return;
        }
        let seen = |axis: usize| {
            let nth = |at: f32| ((at - min[axis]) / cell[axis]).clamp(0.0, counts[axis] as f32);
            nth(view.min[axis]) as usize..nth(view.max[axis]).ceil() as usize
        };
        let (columns, rows) = (seen(0), seen(1));
        if columns.len() * rows.len() > MOST_NUMBERS {
            return;
        }
        let size = self.legible((cell[0] / (0.55 * 8.5)).min(0.5 * cell[1])).min(0.62 * cell[1]);
        for neuron in rows {
            for input in columns.clone() {
                let w = self.known.parameter(layer, neuron, Some(input));
                let text = Math::text(self.number(w));
                let target = Target::Weight { layer, neuron, input };
                let place = self.layout.position(target);
                let words = Lettering::new(text, size, Ink::Weight(words::level(w))).on(Ground::Plate).about(target);
                self.canvas.label(Rank::Weight, place, Anchor::Center, words);
            }
        }
    }
}

/// Some rows of a whole matrix, high enough to be seen.
fn rows_of(whole: Patch, rows: &Range<usize>) -> Patch {
    let Bounds { min: [left, top], max: [right, bottom] } = whole.place;
    let high = (bottom - top) / whole.source[3] as f32;
    let (from, to) = (top + high * rows.start as f32, top + high * rows.end as f32);
    let more = 0.5 * (LEAST_ROW - (to - from)).max(0.0);
    let place = Bounds { min: [left, from - more], max: [right, to + more] };
    Patch { place, source: [0, rows.start, whole.source[2], rows.len()], alpha: 1.0, ..whole }
}

/// A column of a whole matrix, wide enough to be seen.
fn column_of(whole: Patch, column: usize) -> Patch {
    let Bounds { min: [left, top], max: [right, bottom] } = whole.place;
    let wide = (right - left) / whole.source[2] as f32;
    let (from, to) = (left + wide * column as f32, left + wide * (column + 1) as f32);
    let more = 0.5 * (LEAST_ROW - (to - from)).max(0.0);
    let place = Bounds { min: [from - more, top], max: [to + more, bottom] };
    Patch { place, source: [column, 0, 1, whole.source[3]], alpha: 1.0, ..whole }
}
