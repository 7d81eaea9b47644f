//! The scene: one moment of a training step as plain data.
//!
//! A scene holds positions, sizes, colours and text, and must not know what a network is for. The window, the
//! exporters and the tests read the same data. World units are points at zoom 1; x grows to the right and y downwards.
//! Colours are named by meaning ([`Ink`]); a theme turns them into pixels.
//!
//! Scenes are made in two phases: [`SceneSummary::new`] looks at every weight, once a step, and [`draw_scene`] makes the
//! scene of a moment, as often as needed.

mod builder;
mod computed_values;
mod context;
mod draw;
mod label_placement;
pub mod layout;
mod link;
mod math;
mod moment;
mod moment_progress;
mod neuron_maps;
mod played_events;
mod summary;
mod target;
mod text_size;
mod view;

pub use builder::{draw_scene, scene};
pub use layout::Layout;
pub use link::{Link, Plugin, Slider};
pub use math::Math;
pub use moment::{Moment, SceneOptions, zoom_step};
pub use neuron_maps::NeuronMaps;
pub use summary::SceneSummary;
pub use target::Target;
pub use view::{View, ZOOM_RANGE};

use serde::Serialize;
use slowgrad_tape::Location;
use std::sync::Arc;

/// A position or a distance in world units: x and y.
pub type Point = [f32; 2];

/// The meaning of a colour. Levels run from −1 to 1 (sign and strength); a theme clamps them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ink {
    /// An activation, a pre-activation or an input.
    Value(f32),
    /// A weight or a bias.
    Weight(f32),
    /// A gradient.
    Gradient(f32),
    /// A change of a parameter.
    Update(f32),
    /// The loss and its parts.
    Loss,
    /// Ordinary text and outlines.
    Text,
    /// Less important text and outlines.
    Faint,
    /// The current operation, the selection.
    Accent,
    /// Not computed yet.
    Empty,
}

/// A neuron, an input or the loss.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Disc {
    /// Centre.
    pub center: Point,
    /// Radius.
    pub radius: f32,
    /// The fill: the activation.
    pub fill: Ink,
    /// The ring: the gradient, or [`Ink::Faint`].
    pub ring: Ink,
    /// Width of the ring.
    pub ring_width: f32,
    /// Strength of a halo, from 0 to 1. Marks the neuron being computed.
    pub glow: f32,
    /// Opacity, from 0 to 1.
    pub alpha: f32,
    /// The element it shows.
    pub target: Target,
}

/// A connection, drawn under the discs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edge {
    /// Start, at the rim of the source's disc.
    pub from: Point,
    /// End, at the rim of the neuron's disc.
    pub to: Point,
    /// Width.
    pub width: f32,
    /// Colour.
    pub ink: Ink,
    /// Opacity, from 0 to 1.
    pub alpha: f32,
    /// The width before the update, drawn as an outline while the width changes.
    pub ghost_width: Option<f32>,
    /// Strength of a halo along the edge, from 0 to 1.
    pub glow: f32,
    /// Whether the parameter is frozen; the edge is then drawn hollow.
    pub frozen: bool,
    /// The element it shows.
    pub target: Target,
}

/// A dot that moves along a connection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pulse {
    /// Current position.
    pub center: Point,
    /// Radius of the dot.
    pub radius: f32,
    /// Colour.
    pub ink: Ink,
}

/// A grid of colour levels, row by row from the top. It is small enough to be compared and uploaded as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// Number of columns.
    pub width: usize,
    /// Number of rows.
    pub height: usize,
    /// Levels from −1 to 1, scaled to −127 to 127.
    pub levels: Vec<i8>,
}

impl Levels {
    /// The level of a number in a grid.
    pub fn level(x: f64) -> i8 {
        // NaN becomes 0. (A step may have millions of levels, and `round` is a function call.)
        let level = 127.0 * x.clamp(-1.0, 1.0);
        (level + f64::copysign(0.5, level)) as i8
    }

    /// The level of a number in single precision, which is enough for a colour.
    pub(crate) fn level_f32(x: f32) -> i8 {
        let level = 127.0 * x.clamp(-1.0, 1.0);
        (level + f32::copysign(0.5, level)) as i8
    }
}

/// The way a patch shows its levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A rectangle of cells. If cells are smaller than pixels, a pixel shows the strongest of its cells.
    Cells,
    /// A smooth map inside a disc.
    Plane,
    /// One row of levels as the heights of a curve inside a disc, above the lowest quarter, which is left to the number.
    Curve,
}

/// A region of a grid of levels, drawn as an area.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Patch {
    /// The area; for a map the box around its disc.
    pub place: Bounds,
    /// The region of the grid: first column, first row, number of columns, number of rows.
    pub region: [usize; 4],
    /// The way it is drawn.
    pub form: Form,
    /// Opacity, from 0 to 1.
    pub alpha: f32,
    /// The position of the sample, as shares of the width and the height from the top left.
    pub probe: Option<Point>,
}

/// A grid of levels and the areas that show its regions.
#[derive(Debug, Clone, PartialEq)]
pub struct Heatmap {
    /// The grid.
    pub levels: Arc<Levels>,
    /// The colour ramp. Its own level is ignored.
    pub ink: Ink,
    /// The layer whose weights are the cells, if they are weights: a row per neuron, a column per input.
    pub layer: Option<usize>,
    /// The areas.
    pub patches: Vec<Patch>,
}

/// The point of a label's text that is at the label's position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The text is centred on the position.
    Center,
    /// The text is above the position.
    Above,
    /// The text is below the position.
    Below,
    /// The text ends at the position.
    Left,
    /// The text starts at the position.
    Right,
}

/// The background of a label.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LabelBackground {
    /// None.
    Bare,
    /// A small rounded plate, so that the text can be read over edges.
    Plate,
    /// A plate with a border in the colour of the text: a moving number.
    Pill,
    /// An area of this colour: the value of a disc that shows a map.
    Chip(Ink),
}

/// A piece of text in the scene.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// Position.
    pub place: Point,
    /// The point of the text that is at the position.
    pub anchor: Anchor,
    /// The text.
    pub math: Math,
    /// Text size, in world units.
    pub size: f32,
    /// Colour.
    pub ink: Ink,
    /// Background.
    pub background: LabelBackground,
    /// Opacity, from 0 to 1.
    pub alpha: f32,
    /// The element that the text is about, if it is about one.
    pub target: Option<Target>,
}

/// The width of a character, as a share of the text size: an estimate, because a scene does not know fonts.
pub(crate) const CHARACTER_WIDTH: f32 = 0.55;

impl Label {
    /// The distance from the text to the border of its background, across and down.
    pub fn pad(&self) -> Point {
        match self.background {
            LabelBackground::Bare => [0.0, 0.0],
            LabelBackground::Plate => [0.36 * self.size, 0.14 * self.size],
            LabelBackground::Pill | LabelBackground::Chip(_) => [0.45 * self.size, 0.14 * self.size],
        }
    }

    /// The box that the label covers, from an estimate of the width of its text.
    pub fn room(&self) -> Bounds {
        let characters = self.math.plain().chars().count() as f32;
        let pad = self.pad();
        let (width, height) = (CHARACTER_WIDTH * self.size * characters + 2.0 * pad[0], 1.2 * self.size + 2.0 * pad[1]);
        let [x, y] = self.place;
        let min = match self.anchor {
            Anchor::Center => [x - width / 2.0, y - height / 2.0],
            Anchor::Above => [x - width / 2.0, y - height],
            Anchor::Below => [x - width / 2.0, y],
            Anchor::Left => [x - width, y - height / 2.0],
            Anchor::Right => [x, y - height / 2.0],
        };
        Bounds { min, max: [min[0] + width, min[1] + height] }
    }
}

/// The explanation of an event or of several: a formula in symbols and in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Formula {
    /// The position in the step: `backward · layer 2 · neuron 1`.
    pub title: String,
    /// The question that the formula answers, or empty.
    pub question: String,
    /// The formula in symbols; for the chain rule one product per path.
    pub symbols: Math,
    /// The formula in numbers, without the result. Each number links to the event that computed it.
    pub numbers: Math,
    /// The result.
    pub result: Math,
    /// The event as a sentence, for captions and screen readers.
    pub sentence: String,
    /// Further lines: the rule of a local derivative with its numbers, the product of a path, a warning about NaN.
    pub notes: Vec<Math>,
    /// Sentences that explain why a factor is 0 or 1.
    pub why: Vec<String>,
}

impl Formula {
    /// A formula with a title only.
    pub(crate) fn titled(title: String) -> Self {
        let empty = || Math::Row(Vec::new());
        Self {
            title,
            question: String::new(),
            symbols: empty(),
            numbers: empty(),
            result: empty(),
            sentence: String::new(),
            notes: Vec::new(),
            why: Vec::new(),
        }
    }
}

/// The running operation in its script.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptMark {
    /// The running expression.
    pub location: Location,
    /// Its value, shown at the end of the line.
    pub value: String,
    /// The name of the value, such as `t₃` or the variable that it is assigned to.
    pub name: String,
}

/// An output of the network and its target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OutputComparison {
    /// The network's output.
    pub output: f64,
    /// The target.
    pub target: f64,
}

/// One row of the inspector.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InspectorRow {
    /// The subject of the row.
    pub label: Math,
    /// Its value or formula.
    pub value: Math,
    /// A sentence that explains it, or empty.
    pub why: String,
}

/// Rows of the inspector under a heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// Such as `Why this much?`, or empty.
    pub heading: String,
    /// From top to bottom.
    pub rows: Vec<InspectorRow>,
}

/// The explanation of the selected element.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspector {
    /// The selected element.
    pub target: Target,
    /// Such as `weight w₁₂ of layer 2`.
    pub title: String,
    /// From top to bottom.
    pub sections: Vec<Section>,
}

/// A box in world units.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bounds {
    /// Top left corner.
    pub min: Point,
    /// Bottom right corner.
    pub max: Point,
}

impl Bounds {
    /// Whether two boxes share more than a border.
    pub fn overlaps(self, other: Bounds) -> bool {
        (0..2).all(|axis| self.min[axis] < other.max[axis] && other.min[axis] < self.max[axis])
    }
}

/// One moment of a step.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// A box around everything drawn.
    pub bounds: Bounds,
    /// Drawn first.
    pub edges: Vec<Edge>,
    /// The weights of layers that have too many for edges; drawn over the edges.
    pub matrices: Vec<Heatmap>,
    /// Drawn over the edges and the matrices.
    pub discs: Vec<Disc>,
    /// The functions of the neurons over the input plane, drawn into their discs.
    pub maps: Option<Heatmap>,
    /// Drawn over the discs and their maps.
    pub pulses: Vec<Pulse>,
    /// Drawn last.
    pub labels: Vec<Label>,
    /// The formula of the current events.
    pub formula: Formula,
    /// The current operation in its script, if a script produced it.
    pub script: Option<ScriptMark>,
    /// The outputs of the sample and their targets; empty until the outputs are computed.
    pub comparisons: Vec<OutputComparison>,
    /// `step 3 · sample 2 of 4 · forward`.
    pub status: String,
    /// The caption of the lesson, or empty.
    pub caption: String,
}
