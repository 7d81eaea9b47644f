//! Positions of inputs, neurons and the loss, so that a network is readable before anything is dragged.
//!
//! A layout is made from a shape and the length of the inputs' names. It must not know numbers, time or colours. Small
//! layers are columns with room for text around each disc, medium layers are tight columns, and large layers are compact
//! blocks: 784 inputs become a block of 28 × 28. Two layers with too many weights between them for edges have room for a
//! matrix between them.

use super::{Bounds, CHARACTER_WIDTH, Point, Target};
use slowgrad_engine::shape::Shape;

/// The density of a layer's discs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Density {
    /// Up to 12 discs: room for text above and below each.
    Roomy,
    /// Up to 40 discs: room for a number in each.
    Tight,
    /// More: a block of discs without numbers.
    Block,
}

impl Density {
    /// The density of a layer of `discs`, in a network whose largest layer has `largest`. Beside a block, or in a small
    /// area, text would be too small to read and needs no room.
    fn of(discs: usize, largest: usize, cramped: bool) -> Self {
        match (discs, largest) {
            (0..=12, 0..=40) if !cramped => Density::Roomy,
            (0..=40, _) => Density::Tight,
            _ => Density::Block,
        }
    }
}

/// Room for the text on the right of an output, ŷ, y and their difference, as a multiple of its size.
const OUTPUT_TEXT_WIDTH: f32 = 9.2;
/// Room between that text and the loss.
const LOSS_GAP_WORLD: f32 = 84.0;

/// The radius of discs with room for text.
pub const ROOMY_RADIUS_WORLD: f32 = 34.0;
const ROOMY_PITCH_WORLD: f32 = 146.0;
/// Limits of the radius of the loss, which is a little larger than the discs.
const LOSS_RADIUS_WORLD: [f32; 2] = [25.0, 36.0];
/// The text size at zoom 1.
const TEXT_SIZE_WORLD: f32 = 15.0;
/// The minimum text size on screen. Text that would be smaller is left out.
pub const MIN_TEXT_SIZE_PTS: f32 = 11.5;
/// Text that would have to be larger to be legible gets no more room.
const MAX_RESERVED_TEXT_SIZE_WORLD: f32 = 30.0;
/// The maximum radius of a disc in a tight column, as a share of the distance from disc to disc.
const MAX_RADIUS_SHARE: f32 = 0.38;
/// The radius of a disc whose number is legible.
const READABLE_RADIUS_PTS: f32 = 14.0;
/// If text would have to be enlarged more than this to be legible, columns are made denser instead.
const MAX_ENLARGEMENT: f32 = 1.5;

/// The discs of the inputs or of a layer of neurons.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    density: Density,
    radius: f32,
    /// The distance from one disc to the next below it.
    pitch: f32,
    positions: Vec<Point>,
}

impl Column {
    /// The distance between the centres of the highest and the lowest disc.
    fn height(&self) -> f32 {
        let [low, high] = self
            .positions
            .iter()
            .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], [_, y]| [low.min(*y), high.max(*y)]);
        (high - low).max(0.0)
    }

    /// Whether there is room for text of this size above and below each disc.
    fn has_text(&self, size: f32) -> bool {
        self.pitch - 2.0 * self.radius >= 2.5 * size
    }
}

/// The positions of a network's discs and matrices.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    columns: Vec<Column>,
    /// For each layer the area of its matrix, if it has one: a row per neuron, a column per input.
    matrices: Vec<Option<Bounds>>,
    loss: Point,
    /// The size of text in the area that the layout was made for.
    text_size: f32,
    /// The size of titles of matrices in that area. Titles are never left out.
    title_size: f32,
    /// Room on the left of each input.
    entrance: f32,
}

/// A layer with more weights is drawn as a matrix: edges that cross that often cannot be followed.
const MAX_EDGES: usize = 512;
/// Whether the weights of a layer are drawn as a matrix.
pub fn is_matrix(shape: &Shape, layer: usize) -> bool {
    shape.weights(layer).len() > MAX_EDGES
}

/// Room between a matrix and the discs on both sides.
const MATRIX_GAP_WORLD: f32 = 76.0;

impl Layout {
    /// The layout of a network in an area of any size. The middle of the inputs is the origin.
    pub fn new(shape: &Shape) -> Self {
        Self::with(shape, false)
    }

    /// The layout for a drawing area of `size` points. Columns move together or apart to fill the area, and text around
    /// discs that would be too small to read gets no room.
    pub fn within(shape: &Shape, size: Point) -> Self {
        let [spacious, cramped] = [false, true].map(|cramped| {
            let mut layout = Self::with(shape, cramped);
            layout.stretch(size[0] / size[1]);
            // Larger text needs more room, which makes the text larger.
            for _ in 0..3 {
                layout.title_size = (MIN_TEXT_SIZE_PTS / layout.zoom(size)).max(TEXT_SIZE_WORLD);
                let text_size = layout.title_size.min(MAX_RESERVED_TEXT_SIZE_WORLD);
                layout.loss[0] += OUTPUT_TEXT_WIDTH * (text_size - layout.text_size);
                layout.text_size = text_size;
            }
            layout.spread(size);
            layout
        });
        if spacious.text_size <= MAX_ENLARGEMENT * TEXT_SIZE_WORLD || cramped == spacious { spacious } else { cramped }
    }

    /// The zoom that shows the whole layout in an area of `size` points.
    fn zoom(&self, size: Point) -> f32 {
        let Bounds { min, max } = self.bounds();
        (size[0] / (max[0] - min[0])).min(size[1] / (max[1] - min[1])).max(1e-3)
    }

    fn with(shape: &Shape, cramped: bool) -> Self {
        let mut columns: Vec<Column> = Vec::with_capacity(shape.sizes().len());
        let mut matrices = Vec::with_capacity(shape.layers());
        let mut x = 0.0;
        let mut before: Option<Block> = None;
        let largest = shape.sizes().iter().copied().max().unwrap_or(0);
        for &size in shape.sizes() {
            let block = Block::of(size, largest, cramped);
            if let Some(before) = before {
                let height = before.height().max(block.height());
                let right = x + before.width() / 2.0;
                // Long columns are further apart, so that edges between them are not too steep.
                let mut gap = (0.3 * height).clamp(block.min_gap(), 600.0);
                matrices.push((before.size * size > MAX_EDGES).then(|| {
                    // As high as the taller column, so that rows are level with the neurons of a height_factor column.
                    let height = height.max(240.0);
                    let width = height.min(640.0) * (0.5 * (before.size as f32 / size as f32).sqrt()).clamp(0.5, 0.9);
                    gap = width + 2.0 * MATRIX_GAP_WORLD;
                    let left = right + MATRIX_GAP_WORLD;
                    Bounds { min: [left, -height / 2.0], max: [left + width, height / 2.0] }
                }));
                x = right + gap + block.width() / 2.0;
            }
            let positions = (0..size).map(|nth| block.position(x, nth)).collect();
            columns.push(Column { density: block.density, radius: block.radius, pitch: block.pitch, positions });
            before = Some(block);
        }
        let half = before.map_or(0.0, |block| block.width() / 2.0);
        Self {
            columns,
            matrices,
            loss: [x + half + OUTPUT_TEXT_WIDTH * TEXT_SIZE_WORLD + LOSS_GAP_WORLD, 0.0],
            text_size: TEXT_SIZE_WORLD,
            title_size: TEXT_SIZE_WORLD,
            entrance: SIDE_GAP_WORLD + ENTRANCE_WORLD,
        }
    }

    /// This layout with room for names of up to so many characters on the left of the inputs, if there is no room above
    /// them.
    #[must_use]
    pub fn with_input_names(mut self, characters: usize) -> Self {
        let inputs = self.columns.first().filter(|inputs| inputs.density != Density::Block);
        let has_room_above = inputs.is_none_or(|inputs| inputs.has_text(self.title_size));
        let characters = if has_room_above || characters == 0 { 0 } else { characters.min(MAX_NAME_CHARS) + 1 };
        let name = CHARACTER_WIDTH * self.title_size * characters as f32;
        self.entrance = SIDE_GAP_WORLD + name.max(ENTRANCE_WORLD);
        self
    }

    /// Room for a name on the left of an input, from the rim of its disc; 0 for inputs in several columns.
    pub fn input_name_width(&self) -> f32 {
        if self.density(0) == Density::Block { 0.0 } else { self.entrance - INPUT_NAME_GAP_WORLD }
    }

    /// Moves columns together or apart so that the ratio of width to height approaches `aspect`, that of the drawing area:
    /// the more of the area is used, the larger is the text. Text around the discs keeps its room. Blocks of discs do not
    /// change; columns and matrices beside them only become higher.
    fn stretch(&mut self, aspect: f32) {
        let bounds = self.bounds();
        let (width, height) = (bounds.max[0] - bounds.min[0], bounds.max[1] - bounds.min[1]);
        if !aspect.is_finite() || aspect <= 0.0 {
            return;
        }
        if self.columns.iter().any(|column| column.density == Density::Block) {
            let height_factor = (width / height / aspect).clamp(1.0, 2.2);
            for Bounds { min, max } in self.matrices.iter_mut().flatten() {
                (min[1], max[1]) = (min[1] * height_factor, max[1] * height_factor);
            }
            for column in self.columns.iter_mut().filter(|column| column.density == Density::Tight) {
                column.positions.iter_mut().for_each(|[_, y]| *y *= height_factor);
                column.pitch *= height_factor;
            }
            return;
        }
        let roomy = self.are_all(Density::Roomy);
        let width_factor = (aspect * height / width).clamp(if roomy { 0.74 } else { 0.62 }, 1.5);
        let height_factor = (width * width_factor / height / aspect).clamp(1.0, if roomy { 1.7 } else { 1.3 });
        let last = |layout: &Self| layout.columns.last().and_then(|column| column.positions.first()).copied();
        let before = last(self).unwrap_or_default();
        for [x, y] in self.columns.iter_mut().flat_map(|column| &mut column.positions) {
            *x *= width_factor;
            *y *= height_factor;
        }
        for Bounds { min, max } in self.matrices.iter_mut().flatten() {
            (*min, *max) =
                ([min[0] * width_factor, min[1] * height_factor], [max[0] * width_factor, max[1] * height_factor]);
        }
        self.columns.iter_mut().for_each(|column| column.pitch *= height_factor);
        // The text between the outputs and the loss keeps its width.
        let after = last(self).unwrap_or_default();
        self.loss = [self.loss[0] + after[0] - before[0], self.loss[1] * height_factor];
    }

    fn are_all(&self, density: Density) -> bool {
        self.columns.iter().all(|column| column.density == density)
    }

    /// Spreads tight columns over the height of an area of `size` points, and short columns over the height of the highest.
    /// Discs become larger if there is room on all sides, so that their numbers and the text around them are legible.
    fn spread(&mut self, size: Point) {
        let Bounds { min, max } = self.bounds();
        let spare = size[1] / self.zoom(size) - (max[1] - min[1]) - 2.0 * (ROOMY_RADIUS_WORLD + 1.4 * self.text_size);
        let longest = self.columns.iter().map(|column| column.positions.len()).max().unwrap_or(0);
        let pitch = self.columns.first().map_or(0.0, |column| column.pitch);
        let has_matrix = self.matrices.iter().any(Option::is_some);
        if self.are_all(Density::Tight) && !has_matrix && longest > 1 && spare > 0.0 {
            let height_factor = (1.0 + spare / ((longest - 1) as f32 * pitch)).min(ROOMY_PITCH_WORLD / pitch).max(1.0);
            for column in &mut self.columns {
                column.positions.iter_mut().for_each(|[_, y]| *y *= height_factor);
                column.pitch *= height_factor;
            }
        }
        let matrices = self.matrices.iter().flatten().map(|matrix| matrix.max[1] - matrix.min[1]);
        let highest = self.columns.iter().map(Column::height).chain(matrices).fold(0.0, f32::max);
        let middles: Vec<f32> =
            self.columns.iter().map(|column| column.positions.first().map_or(0.0, |at| at[0])).collect();
        let (title_size, readable) = (self.title_size, READABLE_RADIUS_PTS / self.zoom(size));
        let tight = |column: &&Column| column.density == Density::Tight;
        let smallest = self
            .columns
            .iter()
            .filter(tight)
            .map(|column| MAX_RADIUS_SHARE * column.pitch)
            .fold(ROOMY_RADIUS_WORLD, f32::min);
        for (nth, column) in self.columns.iter_mut().enumerate().filter(|(_, column)| column.density == Density::Tight)
        {
            let beside =
                [nth.checked_sub(1), Some(nth + 1)].into_iter().flatten().filter_map(|other| middles.get(other));
            let across = beside.map(|x| (x - middles[nth]).abs()).fold(f32::INFINITY, f32::min);
            let largest = (0.22 * across).min(ROOMY_RADIUS_WORLD).min((1.4 * smallest).max(readable));
            let pitch = (2.0 * largest + 2.7 * title_size).min(highest / column.positions.len() as f32);
            if pitch > column.pitch && column.positions.len() > 1 {
                column.positions.iter_mut().for_each(|[_, y]| *y *= pitch / column.pitch);
                column.pitch = pitch;
            }
            column.radius = (MAX_RADIUS_SHARE * column.pitch).min(largest).max(column.radius);
        }
    }

    /// Whether this is a layout of a network of this shape.
    pub fn fits(&self, shape: &Shape) -> bool {
        self.columns.iter().map(|column| column.positions.len()).eq(shape.sizes().iter().copied())
    }

    /// The area of a layer's matrix, if it has one: a row per neuron, a column per input.
    pub fn matrix(&self, layer: usize) -> Option<Bounds> {
        self.matrices.get(layer).copied().flatten()
    }

    /// The centre of a disc. For a weight the middle of its edge or of its cell in the matrix, for a bias the centre of its
    /// neuron.
    pub fn position(&self, target: Target) -> Point {
        match target {
            Target::Loss => self.loss,
            Target::Input(input) => self.disc(0, input),
            Target::Neuron { layer, neuron } | Target::Bias { layer, neuron } => self.disc(layer + 1, neuron),
            Target::Weight { layer, neuron, input } => {
                if let Some(Bounds { min, max }) = self.matrix(layer) {
                    let share = |nth: usize, of: usize| (nth as f32 + 0.5) / of.max(1) as f32;
                    let across = share(input, self.columns[layer].positions.len());
                    let down = share(neuron, self.columns[layer + 1].positions.len());
                    return [min[0] + (max[0] - min[0]) * across, min[1] + (max[1] - min[1]) * down];
                }
                let ([ax, ay], [bx, by]) = (self.disc(layer, input), self.disc(layer + 1, neuron));
                [ax.midpoint(bx), ay.midpoint(by)]
            }
        }
    }

    /// Moves an input, a neuron or the loss. Weights and biases follow their neurons and are ignored.
    pub fn set_position(&mut self, target: Target, position: Point) {
        let disc = match target {
            Target::Loss => Some(&mut self.loss),
            Target::Input(input) => self.columns[0].positions.get_mut(input),
            Target::Neuron { layer, neuron } => {
                self.columns.get_mut(layer + 1).and_then(|column| column.positions.get_mut(neuron))
            }
            Target::Weight { .. } | Target::Bias { .. } => None,
        };
        if let Some(disc) = disc {
            *disc = position;
        }
    }

    /// The radius of a disc. For a weight or a bias the radius of its neuron.
    pub fn radius(&self, target: Target) -> f32 {
        match target {
            Target::Loss => self.loss_radius(),
            Target::Input(_) => self.columns[0].radius,
            Target::Neuron { layer, .. } | Target::Weight { layer, .. } | Target::Bias { layer, .. } => {
                self.columns.get(layer + 1).map_or(ROOMY_RADIUS_WORLD, |column| column.radius)
            }
        }
    }

    fn loss_radius(&self) -> f32 {
        let largest = self.columns.iter().map(|column| column.radius).fold(0.0, f32::max);
        (1.06 * largest).clamp(LOSS_RADIUS_WORLD[0], LOSS_RADIUS_WORLD[1])
    }

    /// The box around the discs of a column (0 is the inputs, 1 the first layer's neurons).
    pub fn extent(&self, column: usize) -> Bounds {
        let Some(Column { positions, radius, .. }) = self.columns.get(column) else { return Bounds::default() };
        let all = |axis: usize, pick: fn(f32, f32) -> f32| {
            positions.iter().map(|position| position[axis]).reduce(pick).unwrap_or_default()
        };
        Bounds {
            min: [all(0, f32::min) - radius, all(1, f32::min) - radius],
            max: [all(0, f32::max) + radius, all(1, f32::max) + radius],
        }
    }

    /// The density of a column (0 is the inputs, 1 the first layer's neurons).
    pub fn density(&self, column: usize) -> Density {
        self.columns.get(column).map_or(Density::Roomy, |column| column.density)
    }

    /// The distance from the rim of a disc to the rim of the next below it.
    pub fn gap(&self, column: usize) -> f32 {
        self.columns.get(column).map_or(0.0, |column| column.pitch - 2.0 * column.radius)
    }

    /// The two ends of a weight's edge, or of its path through the matrix, at the rims of the discs.
    pub fn edge(&self, layer: usize, neuron: usize, input: usize) -> (Point, Point) {
        let (from, to) = (self.disc(layer, input), self.disc(layer + 1, neuron));
        let (toward_end, toward_start) = if self.matrix(layer).is_some() {
            let cell = self.position(Target::Weight { layer, neuron, input });
            (cell, cell)
        } else {
            (to, from)
        };
        (toward(from, toward_end, self.columns[layer].radius), toward(to, toward_start, self.columns[layer + 1].radius))
    }

    /// A position on a weight's edge, from 0 at the input's end to 1 at the neuron's. In a matrix the path leads through the
    /// weight's cell.
    pub fn along(&self, layer: usize, neuron: usize, input: usize, share: f32) -> Point {
        let (from, to) = self.edge(layer, neuron, input);
        let between = |[ax, ay]: Point, [bx, by]: Point, share: f32| [ax + (bx - ax) * share, ay + (by - ay) * share];
        if self.matrix(layer).is_none() {
            return between(from, to, share);
        }
        let cell = self.position(Target::Weight { layer, neuron, input });
        if share < 0.5 { between(from, cell, 2.0 * share) } else { between(cell, to, 2.0 * share - 1.0) }
    }

    /// The edge from an output to the loss: from the end of the output's text to the rim of the loss.
    pub fn loss_edge(&self, output: usize) -> (Point, Point) {
        let last = self.columns.len() - 1;
        let [x, y] = self.disc(last, output);
        let from = [x + self.columns[last].radius + self.output_text_width(), y];
        (from, toward(self.loss, from, self.loss_radius()))
    }

    /// Room for the text on the right of an output.
    pub fn output_text_width(&self) -> f32 {
        OUTPUT_TEXT_WIDTH * self.text_size
    }

    /// A box around all discs and the room reserved for their text. It does not change while a step plays.
    pub fn bounds(&self) -> Bounds {
        let ([x, y], radius) = (self.loss, self.loss_radius());
        let line = 1.4 * self.text_size;
        let mut bounds = Bounds {
            min: [x - radius - 24.0, y - radius - 2.0 * line - 8.0],
            max: [x + radius + 26.0, y + radius + line + 8.0],
        };
        for column in &self.columns {
            // A line above each disc, and two below it.
            let text = if column.density == Density::Roomy || column.has_text(self.title_size) { line } else { 5.0 };
            for &[x, y] in &column.positions {
                let side = column.radius + SIDE_GAP_WORLD;
                bounds.min = [bounds.min[0].min(x - side), bounds.min[1].min(y - column.radius - text - 8.0)];
                bounds.max = [bounds.max[0].max(x + side), bounds.max[1].max(y + column.radius + 2.0 * text + 8.0)];
            }
        }
        for matrix in self.matrices.iter().flatten() {
            // The title is above the matrix. Its text may be a zoom step larger.
            bounds.min[1] = bounds.min[1].min(matrix.min[1] - 2.1 * self.title_size);
            bounds.max[1] = bounds.max[1].max(matrix.max[1] + 8.0);
        }
        // The numbers of a sample enter from the left, where names of inputs may be, too.
        bounds.min[0] -= self.entrance - SIDE_GAP_WORLD;
        bounds
    }

    fn disc(&self, column: usize, nth: usize) -> Point {
        self.columns.get(column).and_then(|column| column.positions.get(nth)).copied().unwrap_or_default()
    }
}

/// The distance from a disc to the border of the picture.
const SIDE_GAP_WORLD: f32 = 18.0;
/// The distance from a disc to the name on its left.
pub(super) const INPUT_NAME_GAP_WORLD: f32 = 8.0;
/// The number of characters of a name at its disc; the pointer shows the whole name.
pub(super) const MAX_NAME_CHARS: usize = 14;
/// The distance from an input to the position on its left where its number enters.
pub const ENTRANCE_WORLD: f32 = 48.0;

/// The point at `distance` from `from`, in the direction of `to`.
pub fn toward(from: Point, to: Point, distance: f32) -> Point {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx.hypot(dy);
    if length <= f32::EPSILON {
        return from;
    }
    let share = distance / length;
    [from[0] + dx * share, from[1] + dy * share]
}

/// The arrangement of a layer's discs: `rows` rows of `columns` discs.
#[derive(Debug, Clone, Copy)]
struct Block {
    density: Density,
    size: usize,
    columns: usize,
    rows: usize,
    pitch: f32,
    radius: f32,
}

impl Block {
    fn of(size: usize, largest: usize, cramped: bool) -> Self {
        let density = Density::of(size, largest, cramped);
        let (columns, pitch, radius) = match density {
            Density::Roomy => (1, ROOMY_PITCH_WORLD, ROOMY_RADIUS_WORLD),
            Density::Tight => (1, 43.0, 19.0),
            Density::Block if size <= 256 => (block_columns(size), 32.0, 12.0),
            Density::Block => (block_columns(size), 21.0, 8.5),
        };
        Self { density, size, columns, rows: size.div_ceil(columns).max(1), pitch, radius }
    }

    fn position(&self, x: f32, nth: usize) -> Point {
        let (column, row) = (nth % self.columns, nth / self.columns);
        let middle = |count: usize| (count as f32 - 1.0) / 2.0;
        [x + (column as f32 - middle(self.columns)) * self.pitch, (row as f32 - middle(self.rows)) * self.pitch]
    }

    fn width(&self) -> f32 {
        (self.columns as f32 - 1.0) * self.pitch + 2.0 * self.radius
    }

    fn height(&self) -> f32 {
        (self.rows as f32 - 1.0) * self.pitch
    }

    fn min_gap(&self) -> f32 {
        if self.density == Density::Roomy { 220.0 } else { 190.0 }
    }
}

/// The number of columns of a block. A square number of discs is probably an image and becomes a square; other blocks are
/// twice as high as wide.
fn block_columns(size: usize) -> usize {
    let root = size.isqrt();
    if root * root == size { root } else { (size / 2).isqrt().max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_of_784_inputs_is_square() {
        let layout = Layout::new(&Shape::new(784, &[128, 64, 10]));
        let [left, top] = layout.position(Target::Input(0));
        let [right, bottom] = layout.position(Target::Input(783));
        assert_eq!(right - left, bottom - top);
        assert_eq!(layout.density(0), Density::Block);
        assert_eq!(layout.density(3), Density::Tight);
        let first = layout.position(Target::Neuron { layer: 0, neuron: 0 });
        assert!(first[0] > right + 200.0);
    }

    #[test]
    fn no_two_discs_touch() {
        for (inputs, layers) in [(2, vec![3, 1]), (12, vec![13, 40, 2]), (784, vec![128, 64, 10]), (1, vec![1])] {
            let shape = Shape::new(inputs, &layers);
            let layout = Layout::new(&shape);
            let discs: Vec<(Point, f32)> = layout
                .columns
                .iter()
                .flat_map(|column| column.positions.iter().map(|&position| (position, column.radius)))
                .chain([(layout.loss, layout.loss_radius())])
                .collect();
            for (i, (a, ra)) in discs.iter().enumerate() {
                for (b, rb) in &discs[..i] {
                    assert!((a[0] - b[0]).hypot(a[1] - b[1]) > ra + rb, "{inputs} {layers:?}");
                }
            }
        }
    }

    #[test]
    fn a_layout_fills_its_area_and_keeps_the_text_between_outputs_and_loss() {
        let shape = Shape::new(2, &[3, 1]);
        let plain = Layout::new(&shape);
        for size in [[500.0, 1000.0], [800.0, 800.0], [1400.0, 1000.0], [3000.0, 1000.0]] {
            let layout = Layout::within(&shape, size);
            let gap = |layout: &Layout| {
                let output = layout.position(Target::Neuron { layer: 1, neuron: 0 });
                layout.position(Target::Loss)[0] - output[0] - layout.output_text_width()
            };
            assert!((gap(&layout) - gap(&plain)).abs() < 0.01, "{size:?}");
            assert!(layout.zoom(size) >= 0.99 * plain.zoom(size), "{size:?}");
        }
    }

    #[test]
    fn columns_are_denser_where_text_would_be_too_small() {
        let shape = Shape::new(4, &[8, 3]);
        let density = |size: Point| Layout::within(&shape, size).density(1);
        assert_eq!(density([1400.0, 900.0]), Density::Roomy);
        assert_eq!(density([660.0, 420.0]), Density::Tight);
        let small = Layout::within(&shape, [660.0, 420.0]);
        assert!(small.radius(Target::Input(0)) * small.zoom([660.0, 420.0]) > 18.0, "numbers in discs are legible");
    }

    #[test]
    fn tight_columns_fill_the_height_of_the_area() {
        for layers in [vec![3, 3, 3, 1], vec![8, 8, 8, 8, 8, 1]] {
            let (shape, size) = (Shape::new(2, &layers), [660.0, 450.0]);
            let layout = Layout::within(&shape, size);
            assert_eq!(layout.density(1), Density::Tight, "{layers:?}");
            let (Bounds { min, max }, zoom) = (layout.bounds(), layout.zoom(size));
            assert!((max[1] - min[1]) * zoom <= 450.01, "{layers:?}");
            let radius = layout.radius(Target::Neuron { layer: 1, neuron: 0 });
            assert!(radius * zoom > 15.0, "{layers:?}: {radius} at {zoom}");
            assert!(layout.gap(2) > 0.2 * radius, "{layers:?}");
        }
    }

    #[test]
    fn edges_follow_a_moved_neuron() {
        let mut layout = Layout::new(&Shape::new(2, &[2, 1]));
        layout.set_position(Target::Neuron { layer: 0, neuron: 1 }, [500.0, 40.0]);
        let (_, to) = layout.edge(0, 1, 0);
        assert!(((to[0] - 500.0).hypot(to[1] - 40.0) - ROOMY_RADIUS_WORLD).abs() < 1e-3);
        assert!(layout.fits(&Shape::new(2, &[2, 1])) && !layout.fits(&Shape::new(2, &[3, 1])));
    }
}
