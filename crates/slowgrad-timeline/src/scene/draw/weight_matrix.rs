//! Layers with too many weights for edges: their matrix as a map of cells, a row per neuron, a column per input.
//!
//! The row of each neuron ends in a line that bundles its weights. The rows being computed are emphasized. Cells that are
//! large enough show their numbers. This file must not know how a layer is computed.

use super::edge_bundles::line;
use super::{SceneContext, SceneDraft, slope, weight_ink};
use crate::explain::symbols;
use crate::number_format;
use crate::scene::label_placement::{LabelPlacement, LabelText, Rank};
use crate::scene::layout::toward;
use crate::scene::moment_progress::GROUP_DELTAS;
use crate::scene::played_events::PlayedEvents;
use crate::scene::{Anchor, Bounds, CHARACTER_WIDTH, Form, Heatmap, Ink, LabelBackground, Math, Patch, Point, Target};
use std::ops::Range;
use std::sync::Arc;

/// The minimum height of an emphasized row, and width of an emphasized column.
const MIN_ROW_WORLD: f32 = 15.0;
/// Smaller cells have no number: width and height.
const MIN_CELL_PTS: [f32; 2] = [58.0, 18.0];
/// If more cells are visible, none has a number.
const MAX_NUMBERS: usize = 700;
/// Text size of the title.
const TITLE_SIZE_WORLD: f32 = 15.0;
/// The title may be wider than the matrix by this much, which the gaps to the discs leave.
const TITLE_OVERHANG_WORLD: f32 = 110.0;

/// Draws the matrix of a layer in an area, with the lines from its rows to their neurons.
pub(super) fn draw(context: &SceneContext, draft: &mut SceneDraft, layer: usize, area: Bounds) {
    let step = context.values.step;
    let Some(summary) = context.summary.matrix(layer) else { return };
    let (rows, columns) = (step.shape.size(layer), step.shape.fan_in(layer));
    let gradients = matches!(&context.played, PlayedEvents::Backward { layer: at, .. } if *at == layer)
        && context.progress.progress >= GROUP_DELTAS;
    let updated = context.values.is_updated(layer, rows - 1, None);
    let (levels, ink) = if gradients {
        (summary.gradients(step, layer, context.values.sample), Ink::Gradient(0.0))
    } else {
        (Arc::clone(if updated { &summary.after } else { &summary.before }), Ink::Weight(0.0))
    };
    let whole = Patch { place: area, region: [0, 0, columns, rows], form: Form::Cells, alpha: 1.0, probe: None };
    let active = active_rows(context, layer);
    let mut patches = vec![Patch { alpha: if active.is_some() { 0.35 } else { 0.9 }, ..whole }];
    if let Some(active) = &active {
        patches.push(row_patch(whole, active));
    }
    if let Some(column) = selected_column(context, layer) {
        patches.push(column_patch(whole, column));
    }
    draft.matrices.push(Heatmap { levels, ink, layer: Some(layer), patches });

    let glow = context.progress.glow();
    for (neuron, bundle) in summary.rows.iter().enumerate() {
        let target = Target::Neuron { layer, neuron };
        let is_active = active.as_ref().is_some_and(|rows| rows.contains(&neuron));
        let from = [area.max[0], context.layout.position(Target::Weight { layer, neuron, input: 0 })[1]];
        let to = toward(context.layout.position(target), from, context.layout.radius(target));
        let row_glow = is_active.then_some(if rows > 1 { 0.5 * glow } else { 0.0 });
        draft.edges.push(line(bundle, target, (from, to), row_glow));
    }
    let ramp_end = (!gradients).then_some(summary.ramp_end);
    draw_title(context, &mut draft.labels, layer, area, ramp_end);
    draw_numbers(context, &mut draft.labels, layer, area);
}

/// Draws the name, the size and the range of a matrix above it. Without a range its cells are gradients.
fn draw_title(
    context: &SceneContext,
    labels: &mut LabelPlacement,
    layer: usize,
    Bounds { min, max }: Bounds,
    ramp_end: Option<f64>,
) {
    let shape = &context.values.step.shape;
    let (rows, columns) = (shape.size(layer), shape.fan_in(layer));
    let weights = symbols::of_layer(Math::variable("W"), layer);
    // The weights of large layers are small. Their ramp ends at the largest, and the title says so.
    let (name, range) = match ramp_end {
        Some(end) => (weights, format!("   −{0} … +{0}", number_format::number(end, 2))),
        None => (slope(weights), String::new()),
    };
    let title = |range: &str| Math::row([name.clone(), Math::text(format!("   {rows} × {columns}{range}"))]);
    let size = context.legible(TITLE_SIZE_WORLD);
    let width = |math: &Math| CHARACTER_WIDTH * size * math.plain().chars().count() as f32;
    let fits = width(&title(&range)) <= max[0] - min[0] + TITLE_OVERHANG_WORLD;
    let title = if fits { title(&range) } else { title("") };
    // There may be text of outputs on the right, so a wide title extends to the left.
    let middle = f32::midpoint(min[0], max[0]).min(max[0] - 0.5 * width(&title));
    let place = [middle, min[1] - 0.45 * size];
    labels.add(Rank::Around, place, Anchor::Above, LabelText::new(title, size, Ink::Faint));
}

/// The rows of the neurons being computed, otherwise the row of the selected neuron.
fn active_rows(context: &SceneContext, layer: usize) -> Option<Range<usize>> {
    let all = context.values.step.shape.size(layer);
    if let Some((_, rows)) = context.played.neurons().filter(|(at, _)| *at == layer) {
        return (rows.len() < all).then_some(rows);
    }
    match (&context.played, context.options.selected) {
        (PlayedEvents::Update { layer: at, keys: Some((first, last)) }, _) if *at == layer => {
            (last.0 - first.0 + 1 < all).then_some(first.0..last.0 + 1)
        }
        (_, Some(Target::Neuron { layer: at, neuron } | Target::Bias { layer: at, neuron })) if at == layer => {
            Some(neuron..neuron + 1)
        }
        _ => None,
    }
}

/// The column of the selected neuron or input.
fn selected_column(context: &SceneContext, layer: usize) -> Option<usize> {
    match context.options.selected {
        Some(Target::Input(input)) if layer == 0 => Some(input),
        Some(Target::Neuron { layer: at, neuron }) if at + 1 == layer => Some(neuron),
        _ => None,
    }
}

/// Draws the numbers of the visible cells, if these are large enough.
fn draw_numbers(context: &SceneContext, labels: &mut LabelPlacement, layer: usize, Bounds { min, max }: Bounds) {
    let Some(visible) = context.options.visible else { return };
    let shape = &context.values.step.shape;
    let counts = [shape.fan_in(layer), shape.size(layer)];
    let cell: Point = [0, 1].map(|axis| (max[axis] - min[axis]) / counts[axis] as f32);
    if (0..2).any(|axis| cell[axis] * context.options.zoom < MIN_CELL_PTS[axis]) {
        return;
    }
    let visible_cells = |axis: usize| {
        let nth = |at: f32| ((at - min[axis]) / cell[axis]).clamp(0.0, counts[axis] as f32);
        nth(visible.min[axis]) as usize..nth(visible.max[axis]).ceil() as usize
    };
    let (columns, rows) = (visible_cells(0), visible_cells(1));
    if columns.len() * rows.len() > MAX_NUMBERS {
        return;
    }
    let usual = (cell[0] / (CHARACTER_WIDTH * 8.5)).min(0.5 * cell[1]);
    let size = context.legible(usual).min(0.62 * cell[1]);
    for neuron in rows {
        for input in columns.clone() {
            let w = context.values.parameter(layer, neuron, Some(input));
            let target = Target::Weight { layer, neuron, input };
            let text = LabelText::new(Math::text(context.number(w)), size, weight_ink(w));
            let text = text.on(LabelBackground::Plate).about(target);
            labels.add(Rank::Weight, context.layout.position(target), Anchor::Center, text);
        }
    }
}

/// Rows of a whole matrix, high enough to be visible.
fn row_patch(whole: Patch, rows: &Range<usize>) -> Patch {
    let Bounds { min: [left, top], max: [right, bottom] } = whole.place;
    let height = (bottom - top) / whole.region[3] as f32;
    let (from, to) = (top + height * rows.start as f32, top + height * rows.end as f32);
    let more = 0.5 * (MIN_ROW_WORLD - (to - from)).max(0.0);
    let place = Bounds { min: [left, from - more], max: [right, to + more] };
    Patch { place, region: [0, rows.start, whole.region[2], rows.len()], alpha: 1.0, ..whole }
}

/// A column of a whole matrix, wide enough to be visible.
fn column_patch(whole: Patch, column: usize) -> Patch {
    let Bounds { min: [left, top], max: [right, bottom] } = whole.place;
    let width = (right - left) / whole.region[2] as f32;
    let (from, to) = (left + width * column as f32, left + width * (column + 1) as f32);
    let more = 0.5 * (MIN_ROW_WORLD - (to - from)).max(0.0);
    let place = Bounds { min: [from - more, top], max: [to + more, bottom] };
    Patch { place, region: [column, 0, 1, whole.region[3]], alpha: 1.0, ..whole }
}
