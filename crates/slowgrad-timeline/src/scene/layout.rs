//! Where inputs, neurons and the loss stand, so that every picture of a network is readable before anyone
//! has arranged it.
//!
//! A layout is made from a shape alone and must not know numbers, time or colours. Small layers are columns
//! with room for words around each disc, middling ones are tight columns, and large ones are compact blocks:
//! 784 inputs stand as 28 × 28. Where two layers have too many weights between them for edges, there is room for
//! their matrix.

use crate::scene::{Bounds, Point, Target};
use slowgrad_engine::shape::Shape;

/// How much room a layer's discs have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Density {
    /// Up to 12 discs: room for words above and below each.
    Roomy,
    /// Up to 40 discs: room for a number in each.
    Tight,
    /// More: a block of discs without numbers.
    Block,
}

impl Density {
    /// The density that suits a layer of so many discs, in a network whose largest layer has `most`: beside a block,
    /// or where all is cramped, there is no point in room for words, which would be too small to read.
    fn of(discs: usize, most: usize, is_cramped: bool) -> Self {
        match (discs, most) {
            (0..=12, 0..=40) if !is_cramped => Density::Roomy,
            (0..=40, _) => Density::Tight,
            _ => Density::Block,
        }
    }
}

/// Room for the words at the right of an output, ŷ, y and their difference, as a multiple of their height.
const OUTPUT_WORDS: f32 = 9.2;
/// Room between them and the loss.
const BEFORE_LOSS: f32 = 84.0;

/// The radius of discs with room for words.
pub const ROOMY_RADIUS: f32 = 34.0;
const ROOMY_PITCH: f32 = 146.0;
/// The loss is a little larger than the discs, beside small ones as small as this at least.
const LOSS_RADIUS: [f32; 2] = [25.0, 36.0];
/// The height of words where a point is a world unit.
const WORDS: f32 = 15.0;
/// Words are at least so high on screen, in points; where discs leave no room for them, there are none.
pub const LEAST_WORDS: f32 = 11.5;
/// Words that would have to be so large to be read get no more room.
const MOST_WORDS: f32 = 30.0;
/// The radius of a disc of a tight column at most, as a share of what there is from disc to disc.
const LARGEST: f32 = 0.38;
/// The radius of a disc in which a number can be read, in points.
const READABLE: f32 = 14.0;
/// Where words would have to be so much larger than usual to be read, columns stand closer instead.
const MOST_ENLARGED: f32 = 1.5;

/// One layer of discs, the inputs or a layer of neurons.
#[derive(Debug, Clone, PartialEq)]
struct Column {
    density: Density,
    radius: f32,
    /// From one disc to the next below it.
    pitch: f32,
    places: Vec<Point>,
}

impl Column {
    /// From the middle of the highest disc to that of the lowest.
    fn height(&self) -> f32 {
        let [low, high] = self
            .places
            .iter()
            .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], [_, y]| [low.min(*y), high.max(*y)]);
        (high - low).max(0.0)
    }

    /// Whether there is room for words of this height above and below each disc.
    fn has_words(&self, height: f32) -> bool {
        self.pitch - 2.0 * self.radius >= 2.5 * height
    }
}

/// The places of everything round in a network.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    columns: Vec<Column>,
    /// For each layer where its weights stand as a matrix, if they do: a row a neuron, a column an input.
    matrices: Vec<Option<Bounds>>,
    loss: Point,
    /// The height of words in the room that it was made for.
    words: f32,
    /// The same of those that are always there, the names of matrices.
    names: f32,
}

/// A layer of more weights than this is shown as a matrix and not as edges: where more cross each other, none can be
/// followed.
const MOST_EDGES: usize = 512;
/// Whether a layer of a network is shown as a matrix.
pub fn is_matrix(shape: &Shape, layer: usize) -> bool {
    shape.weights(layer).len() > MOST_EDGES
}

/// Room between a matrix and the discs at both sides.
const BESIDE_MATRIX: f32 = 76.0;

impl Layout {
    /// The layout of a network nobody has arranged yet, where there is room for everything. The middle of the inputs is
    /// the origin.
    pub fn new(shape: &Shape) -> Self {
        Self::with(shape, false)
    }

    /// The layout for a room of so many points: columns move together or apart so that it is used well, and where the
    /// words around discs would be too small to be read there is no room for them.
    pub fn within(shape: &Shape, room: Point) -> Self {
        let [spacious, cramped] = [false, true].map(|is_cramped| {
            let mut layout = Self::with(shape, is_cramped);
            layout.stretch(room[0] / room[1]);
            // Larger words need more room themselves.
            for _ in 0..3 {
                layout.names = (LEAST_WORDS / layout.zoom(room)).max(WORDS);
                let words = layout.names.min(MOST_WORDS);
                layout.loss[0] += OUTPUT_WORDS * (words - layout.words);
                layout.words = words;
            }
            layout.spread(room);
            layout
        });
        if spacious.words <= MOST_ENLARGED * WORDS || cramped == spacious { spacious } else { cramped }
    }

    /// Points a world unit when all of it is shown in a room of so many points.
    fn zoom(&self, room: Point) -> f32 {
        let Bounds { min, max } = self.bounds();
        (room[0] / (max[0] - min[0])).min(room[1] / (max[1] - min[1])).max(1e-3)
    }

    fn with(shape: &Shape, is_cramped: bool) -> Self {
        let mut columns: Vec<Column> = Vec::with_capacity(shape.sizes().len());
        let mut matrices = Vec::with_capacity(shape.layers());
        let mut x = 0.0;
        let mut before: Option<Block> = None;
        let most = shape.sizes().iter().copied().max().unwrap_or(0);
        for &size in shape.sizes() {
            let block = Block::of(size, most, is_cramped);
            if let Some(before) = before {
                let high = before.height().max(block.height());
                let right = x + before.width() / 2.0;
                // Long columns stand further apart, so that edges between them do not become too steep.
                let mut gap = (0.3 * high).clamp(block.least_gap(), 600.0);
                matrices.push((before.size * size > MOST_EDGES).then(|| {
                    // As high as the taller column: where both are one, rows stand beside their neurons.
                    let high = high.max(240.0);
                    let wide = high.min(640.0) * (0.5 * (before.size as f32 / size as f32).sqrt()).clamp(0.5, 0.9);
                    gap = wide + 2.0 * BESIDE_MATRIX;
                    let left = right + BESIDE_MATRIX;
                    Bounds { min: [left, -high / 2.0], max: [left + wide, high / 2.0] }
                }));
                x = right + gap + block.width() / 2.0;
            }
            let places = (0..size).map(|nth| block.place(x, nth)).collect();
            columns.push(Column { density: block.density, radius: block.radius, pitch: block.pitch, places });
            before = Some(block);
        }
        let half = before.map_or(0.0, |block| block.width() / 2.0);
        Self {
            columns,
            matrices,
            loss: [x + half + OUTPUT_WORDS * WORDS + BEFORE_LOSS, 0.0],
            words: WORDS,
            names: WORDS,
        }
    }

    /// Moves columns together or apart so that width to height comes nearer to `aspect`, that of the room the
    /// picture has: letters grow with the room that is used. Words around the discs keep their room. Blocks
    /// of discs stay as they are, beside which columns and matrices only become higher.
    fn stretch(&mut self, aspect: f32) {
        let bounds = self.bounds();
        let (width, height) = (bounds.max[0] - bounds.min[0], bounds.max[1] - bounds.min[1]);
        if !aspect.is_finite() || aspect <= 0.0 {
            return;
        }
        if self.columns.iter().any(|column| column.density == Density::Block) {
            let tall = (width / height / aspect).clamp(1.0, 2.2);
            for Bounds { min, max } in self.matrices.iter_mut().flatten() {
                (min[1], max[1]) = (min[1] * tall, max[1] * tall);
            }
            for column in self.columns.iter_mut().filter(|column| column.density == Density::Tight) {
                column.places.iter_mut().for_each(|[_, y]| *y *= tall);
                column.pitch *= tall;
            }
            return;
        }
        let is_roomy = self.are_all(Density::Roomy);
        let wide = (aspect * height / width).clamp(if is_roomy { 0.74 } else { 0.62 }, 1.5);
        let tall = (width * wide / height / aspect).clamp(1.0, if is_roomy { 1.7 } else { 1.3 });
        let last = |layout: &Self| layout.columns.last().and_then(|column| column.places.first()).copied();
        let before = last(self).unwrap_or_default();
        for [x, y] in self.columns.iter_mut().flat_map(|column| &mut column.places) {
            *x *= wide;
            *y *= tall;
        }
        for Bounds { min, max } in self.matrices.iter_mut().flatten() {
            (*min, *max) = ([min[0] * wide, min[1] * tall], [max[0] * wide, max[1] * tall]);
        }
        self.columns.iter_mut().for_each(|column| column.pitch *= tall);
        // The words between the outputs and the loss are as long as before.
        let after = last(self).unwrap_or_default();
        self.loss = [self.loss[0] + after[0] - before[0], self.loss[1] * tall];
    }

    fn are_all(&self, density: Density) -> bool {
        self.columns.iter().all(|column| column.density == density)
    }

    /// Tight columns take the height that the room leaves them, and short ones that of the highest, with larger discs
    /// where there is room on all sides: numbers are read in them, and words around them.
    fn spread(&mut self, room: Point) {
        let Bounds { min, max } = self.bounds();
        let spare = room[1] / self.zoom(room) - (max[1] - min[1]) - 2.0 * (ROOMY_RADIUS + 1.4 * self.words);
        let longest = self.columns.iter().map(|column| column.places.len()).max().unwrap_or(0);
        let pitch = self.columns.first().map_or(0.0, |column| column.pitch);
        let has_matrix = self.matrices.iter().any(Option::is_some);
        if self.are_all(Density::Tight) && !has_matrix && longest > 1 && spare > 0.0 {
            let tall = (1.0 + spare / ((longest - 1) as f32 * pitch)).min(ROOMY_PITCH / pitch).max(1.0);
            for column in &mut self.columns {
                column.places.iter_mut().for_each(|[_, y]| *y *= tall);
                column.pitch *= tall;
            }
        }
        let matrices = self.matrices.iter().flatten().map(|matrix| matrix.max[1] - matrix.min[1]);
        let highest = self.columns.iter().map(Column::height).chain(matrices).fold(0.0, f32::max);
        let middles: Vec<f32> =
            self.columns.iter().map(|column| column.places.first().map_or(0.0, |at| at[0])).collect();
        let (names, readable) = (self.names, READABLE / self.zoom(room));
        let tight = |column: &&Column| column.density == Density::Tight;
        let smallest =
            self.columns.iter().filter(tight).map(|column| LARGEST * column.pitch).fold(ROOMY_RADIUS, f32::min);
        for (nth, column) in self.columns.iter_mut().enumerate().filter(|(_, column)| column.density == Density::Tight)
        {
            let beside =
                [nth.checked_sub(1), Some(nth + 1)].into_iter().flatten().filter_map(|other| middles.get(other));
            let across = beside.map(|x| (x - middles[nth]).abs()).fold(f32::INFINITY, f32::min);
            let largest = (0.22 * across).min(ROOMY_RADIUS).min((1.4 * smallest).max(readable));
            let wanted = (2.0 * largest + 2.7 * names).min(highest / column.places.len() as f32);
            if wanted > column.pitch && column.places.len() > 1 {
                column.places.iter_mut().for_each(|[_, y]| *y *= wanted / column.pitch);
                column.pitch = wanted;
            }
            column.radius = (LARGEST * column.pitch).min(largest).max(column.radius);
        }
    }

    /// Whether it is a layout of a network of this shape.
    pub fn fits(&self, shape: &Shape) -> bool {
        self.columns.iter().map(|column| column.places.len()).eq(shape.sizes().iter().copied())
    }

    /// Where a layer's weights stand as a matrix, when they do: a row a neuron, a column an input.
    pub fn matrix(&self, layer: usize) -> Option<Bounds> {
        self.matrices.get(layer).copied().flatten()
    }

    /// The centre of a disc; for a weight the middle of its edge or of its cell in the matrix, for a bias the centre
    /// of its neuron.
    pub fn position(&self, target: Target) -> Point {
        match target {
            Target::Loss => self.loss,
            Target::Input(input) => self.place(0, input),
            Target::Neuron { layer, neuron } | Target::Bias { layer, neuron } => self.place(layer + 1, neuron),
            Target::Weight { layer, neuron, input } => {
                if let Some(Bounds { min, max }) = self.matrix(layer) {
                    let share = |nth: usize, of: usize| (nth as f32 + 0.5) / of.max(1) as f32;
                    let across = share(input, self.columns[layer].places.len());
                    let down = share(neuron, self.columns[layer + 1].places.len());
                    return [min[0] + (max[0] - min[0]) * across, min[1] + (max[1] - min[1]) * down];
                }
                let ([ax, ay], [bx, by]) = (self.place(layer, input), self.place(layer + 1, neuron));
                [ax.midpoint(bx), ay.midpoint(by)]
            }
        }
    }

    /// Moves an input, a neuron or the loss. Weights and biases go where their neurons go.
    pub fn set_position(&mut self, target: Target, place: Point) {
        let slot = match target {
            Target::Loss => Some(&mut self.loss),
            Target::Input(input) => self.columns[0].places.get_mut(input),
            Target::Neuron { layer, neuron } => {
                self.columns.get_mut(layer + 1).and_then(|column| column.places.get_mut(neuron))
            }
            Target::Weight { .. } | Target::Bias { .. } => None,
        };
        if let Some(slot) = slot {
            *slot = place;
        }
    }

    /// The radius of a disc; for a weight or a bias that of the neuron it belongs to.
    pub fn radius(&self, target: Target) -> f32 {
        match target {
            Target::Loss => self.loss_radius(),
            Target::Input(_) => self.columns[0].radius,
            Target::Neuron { layer, .. } | Target::Weight { layer, .. } | Target::Bias { layer, .. } => {
                self.columns.get(layer + 1).map_or(ROOMY_RADIUS, |column| column.radius)
            }
        }
    }

    fn loss_radius(&self) -> f32 {
        let largest = self.columns.iter().map(|column| column.radius).fold(0.0, f32::max);
        (1.06 * largest).clamp(LOSS_RADIUS[0], LOSS_RADIUS[1])
    }

    /// The box around the discs of a column (0 is the inputs, 1 the first layer's neurons).
    pub fn extent(&self, column: usize) -> Bounds {
        let Some(Column { places, radius, .. }) = self.columns.get(column) else { return Bounds::default() };
        let all = |axis: usize, pick: fn(f32, f32) -> f32| {
            places.iter().map(|place| place[axis]).reduce(pick).unwrap_or_default()
        };
        Bounds {
            min: [all(0, f32::min) - radius, all(1, f32::min) - radius],
            max: [all(0, f32::max) + radius, all(1, f32::max) + radius],
        }
    }

    /// How much room the discs have that enter a layer (`column` 0 is the inputs, 1 the first layer's neurons).
    pub fn density(&self, column: usize) -> Density {
        self.columns.get(column).map_or(Density::Roomy, |column| column.density)
    }

    /// The room from one disc's rim to the next below it.
    pub fn gap(&self, column: usize) -> f32 {
        self.columns.get(column).map_or(0.0, |column| column.pitch - 2.0 * column.radius)
    }

    /// The two ends of a weight's edge, or of its way through the matrix, at the rims of the discs.
    pub fn edge(&self, layer: usize, neuron: usize, input: usize) -> (Point, Point) {
        let (from, to) = (self.place(layer, input), self.place(layer + 1, neuron));
        let (to_there, to_here) = if self.matrix(layer).is_some() {
            let cell = self.position(Target::Weight { layer, neuron, input });
            (cell, cell)
        } else {
            (to, from)
        };
        (toward(from, to_there, self.columns[layer].radius), toward(to, to_here, self.columns[layer + 1].radius))
    }

    /// A place on a weight's edge, from 0 at the input's end to 1 at the neuron's; where the weights stand as a matrix,
    /// the way leads through the weight's cell.
    pub fn along(&self, layer: usize, neuron: usize, input: usize, share: f32) -> Point {
        let (from, to) = self.edge(layer, neuron, input);
        let between = |[ax, ay]: Point, [bx, by]: Point, share: f32| [ax + (bx - ax) * share, ay + (by - ay) * share];
        if self.matrix(layer).is_none() {
            return between(from, to, share);
        }
        let cell = self.position(Target::Weight { layer, neuron, input });
        if share < 0.5 { between(from, cell, 2.0 * share) } else { between(cell, to, 2.0 * share - 1.0) }
    }

    /// The way from an output to the loss: from the end of the output's words to the loss's rim.
    pub fn loss_edge(&self, output: usize) -> (Point, Point) {
        let last = self.columns.len() - 1;
        let [x, y] = self.place(last, output);
        let from = [x + self.columns[last].radius + self.output_words(), y];
        (from, toward(self.loss, from, self.loss_radius()))
    }

    /// Room for the words at the right of an output.
    pub fn output_words(&self) -> f32 {
        OUTPUT_WORDS * self.words
    }

    /// A box around all discs and the room reserved for their words, which does not change while a step plays.
    pub fn bounds(&self) -> Bounds {
        let ([x, y], radius) = (self.loss, self.loss_radius());
        let line = 1.4 * self.words;
        let mut bounds = Bounds {
            min: [x - radius - 24.0, y - radius - 2.0 * line - 8.0],
            max: [x + radius + 26.0, y + radius + line + 8.0],
        };
        for column in &self.columns {
            // A line above each disc, and two below it.
            let words = if column.density == Density::Roomy || column.has_words(self.names) { line } else { 5.0 };
            for &[x, y] in &column.places {
                let side = column.radius + 18.0;
                bounds.min = [bounds.min[0].min(x - side), bounds.min[1].min(y - column.radius - words - 8.0)];
                bounds.max = [bounds.max[0].max(x + side), bounds.max[1].max(y + column.radius + 2.0 * words + 8.0)];
            }
        }
        for matrix in self.matrices.iter().flatten() {
            // Its name stands above it, in letters that may be a step of the zoom larger.
            bounds.min[1] = bounds.min[1].min(matrix.min[1] - 2.1 * self.names);
            bounds.max[1] = bounds.max[1].max(matrix.max[1] + 8.0);
        }
        // The numbers of a sample come in from the left.
        bounds.min[0] -= ENTRANCE;
        bounds
    }

    fn place(&self, column: usize, nth: usize) -> Point {
        self.columns.get(column).and_then(|column| column.places.get(nth)).copied().unwrap_or_default()
    }
}

/// How far to the left of an input its number comes from.
pub const ENTRANCE: f32 = 48.0;

/// The point at `distance` from `from` on the way to `to`.
pub fn toward(from: Point, to: Point, distance: f32) -> Point {
    let (dx, dy) = (to[0] - from[0], to[1] - from[1]);
    let length = dx.hypot(dy);
    if length <= f32::EPSILON {
        return from;
    }
    let share = distance / length;
    [from[0] + dx * share, from[1] + dy * share]
}

/// How the discs of a layer are set out: `rows` rows of `wide` discs.
#[derive(Debug, Clone, Copy)]
struct Block {
    density: Density,
    size: usize,
    wide: usize,
    rows: usize,
    pitch: f32,
    radius: f32,
}

impl Block {
    fn of(size: usize, most: usize, is_cramped: bool) -> Self {
        let density = Density::of(size, most, is_cramped);
        let (wide, pitch, radius) = match density {
            Density::Roomy => (1, ROOMY_PITCH, ROOMY_RADIUS),
            Density::Tight => (1, 43.0, 19.0),
            Density::Block if size <= 256 => (columns_of(size), 32.0, 12.0),
            Density::Block => (columns_of(size), 21.0, 8.5),
        };
        Self { density, size, wide, rows: size.div_ceil(wide).max(1), pitch, radius }
    }

    fn place(&self, x: f32, nth: usize) -> Point {
        let (column, row) = (nth % self.wide, nth / self.wide);
        let middle = |count: usize| (count as f32 - 1.0) / 2.0;
        [x + (column as f32 - middle(self.wide)) * self.pitch, (row as f32 - middle(self.rows)) * self.pitch]
    }

    fn width(&self) -> f32 {
        (self.wide as f32 - 1.0) * self.pitch + 2.0 * self.radius
    }

    fn height(&self) -> f32 {
        (self.rows as f32 - 1.0) * self.pitch
    }

    fn least_gap(&self) -> f32 {
        if self.density == Density::Roomy { 220.0 } else { 190.0 }
    }
}

/// A square number of discs is most likely a picture and stands as a square; others stand twice as high as wide.
fn columns_of(size: usize) -> usize {
    let root = size.isqrt();
    if root * root == size { root } else { (size / 2).isqrt().max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_of_784_inputs_is_square_and_beside_it_is_a_tall_block() {
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
                .flat_map(|column| column.places.iter().map(|&place| (place, column.radius)))
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
    fn a_layout_uses_its_room_and_keeps_the_words_between_outputs_and_loss() {
        let shape = Shape::new(2, &[3, 1]);
        let plain = Layout::new(&shape);
        for room in [[500.0, 1000.0], [800.0, 800.0], [1400.0, 1000.0], [3000.0, 1000.0]] {
            let layout = Layout::within(&shape, room);
            let gap = |layout: &Layout| {
                let output = layout.position(Target::Neuron { layer: 1, neuron: 0 });
                layout.position(Target::Loss)[0] - output[0] - layout.output_words()
            };
            assert!((gap(&layout) - gap(&plain)).abs() < 0.01, "{room:?}");
            assert!(layout.zoom(room) >= 0.99 * plain.zoom(room), "{room:?}");
        }
    }

    #[test]
    fn columns_stand_closer_where_words_would_be_too_small() {
        let shape = Shape::new(4, &[8, 3]);
        let density = |room: Point| Layout::within(&shape, room).density(1);
        assert_eq!(density([1400.0, 900.0]), Density::Roomy);
        assert_eq!(density([660.0, 420.0]), Density::Tight);
        let small = Layout::within(&shape, [660.0, 420.0]);
        assert!(small.radius(Target::Input(0)) * small.zoom([660.0, 420.0]) > 18.0, "numbers in discs can be read");
    }

    #[test]
    fn tight_columns_use_the_height_that_there_is() {
        for layers in [vec![3, 3, 3, 1], vec![8, 8, 8, 8, 8, 1]] {
            let (shape, room) = (Shape::new(2, &layers), [660.0, 450.0]);
            let layout = Layout::within(&shape, room);
            assert_eq!(layout.density(1), Density::Tight, "{layers:?}");
            let (Bounds { min, max }, zoom) = (layout.bounds(), layout.zoom(room));
            assert!((max[1] - min[1]) * zoom <= 450.01, "{layers:?}");
            let radius = layout.radius(Target::Neuron { layer: 1, neuron: 0 });
            assert!(radius * zoom > 15.0, "{layers:?}: {radius} at {zoom}");
            assert!(layout.gap(2) > 0.2 * radius, "{layers:?}");
        }
    }

    #[test]
    fn a_moved_neuron_takes_its_edges_along() {
        let mut layout = Layout::new(&Shape::new(2, &[2, 1]));
        layout.set_position(Target::Neuron { layer: 0, neuron: 1 }, [500.0, 40.0]);
        let (_, to) = layout.edge(0, 1, 0);
        assert!(((to[0] - 500.0).hypot(to[1] - 40.0) - ROOMY_RADIUS).abs() < 1e-3);
        assert!(layout.fits(&Shape::new(2, &[2, 1])) && !layout.fits(&Shape::new(2, &[3, 1])));
    }
}
