//! The picture of one moment as plain data.
//!
//! A scene holds places, sizes, inks and words, and nothing that knows what a network is for: the window,
//! the exporters and the tests all read the same data. World units are points at zoom 1; x grows to the
//! right and y downwards. Colours are named by meaning ([`Ink`]); a theme turns them into pixels.

mod builder;
mod computed_values;
mod draw;
mod label_placement;
pub mod layout;
mod moment_progress;
mod neuron_maps;

pub use builder::{Moment, Picture, SceneOptions, scene, script_mark, zoom_step};
pub use neuron_maps::Maps;

use serde::{Deserialize, Serialize};
use slowgrad_engine::shape::Parameter;
use slowgrad_tape::Location;
use std::sync::Arc;

/// A place in world units.
pub type Point = [f32; 2];

/// What a colour means. Levels run from −1 to 1 (sign and strength) and are clamped.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ink {
    /// An activation, a pre-activation or an input.
    Value(f32),
    /// A weight or a bias.
    Weight(f32),
    /// A gradient, ∂L/∂ something.
    Gradient(f32),
    /// A change of a parameter.
    Update(f32),
    /// The loss and its parts.
    Loss,
    /// Ordinary text and outlines.
    Text,
    /// Text and outlines of less weight.
    Faint,
    /// The current operation, the selection.
    Accent,
    /// Not computed yet.
    Empty,
}

/// What of the network a mark stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Input number `i`.
    Input(usize),
    /// Neuron `neuron` of layer `layer` (0 is the first layer after the input).
    Neuron {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
    },
    /// The weight into `neuron` of `layer` from number `input` of the layer before.
    Weight {
        /// Layer, from 0.
        layer: usize,
        /// Neuron it leads to.
        neuron: usize,
        /// Neuron or input it comes from.
        input: usize,
    },
    /// The bias of a neuron.
    Bias {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
    },
    /// The loss.
    Loss,
}

impl From<Parameter> for Target {
    fn from(Parameter { layer, neuron, input }: Parameter) -> Self {
        input.map_or(Target::Bias { layer, neuron }, |input| Target::Weight { layer, neuron, input })
    }
}

/// A neuron or an input.
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
    /// 0 to 1: a halo around what is being computed.
    pub glow: f32,
    /// 0 (as the ground) to 1.
    pub alpha: f32,
    /// What it stands for.
    pub target: Target,
}

/// A connection, drawn under the discs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Edge {
    /// Start, at the edge of the source's disc.
    pub from: Point,
    /// End, at the edge of the neuron's disc.
    pub to: Point,
    /// Width.
    pub width: f32,
    /// Colour.
    pub ink: Ink,
    /// 0 (invisible) to 1.
    pub alpha: f32,
    /// The width it had before the update, drawn as an outline, while it changes.
    pub ghost_width: Option<f32>,
    /// 0 to 1: a halo along it.
    pub glow: f32,
    /// Held fast: drawn hollow.
    pub is_frozen: bool,
    /// What it stands for.
    pub target: Target,
}

/// A number on its way along a connection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Pulse {
    /// Where it is now.
    pub center: Point,
    /// Radius of the dot.
    pub radius: f32,
    /// Colour.
    pub ink: Ink,
}

/// Numbers on a grid as colour levels, row by row from the top. Small enough to be compared and handed to the
/// graphics as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Levels {
    /// Numbers in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// −1 to 1 as −127 to 127.
    pub levels: Vec<i8>,
}

impl Levels {
    /// A number's level as it is kept in a grid.
    pub fn level(x: f64) -> i8 {
        // What is no number has no colour: it becomes 0. (There may be millions of these a step, and rounding is a call.)
        let level = 127.0 * x.clamp(-1.0, 1.0);
        (level + f64::copysign(0.5, level)) as i8
    }

    /// The same of a number that is good enough for a colour.
    pub(crate) fn level_f32(x: f32) -> i8 {
        let level = 127.0 * x.clamp(-1.0, 1.0);
        (level + f32::copysign(0.5, level)) as i8
    }
}

/// How a patch shows its levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// A rectangle of cells; where cells are smaller than pixels, the strongest of those in a pixel.
    Cells,
    /// A smooth map inside a disc.
    Plane,
    /// One row of levels as heights of a curve inside a disc, above its lowest quarter, where its number stands.
    Curve,
}

/// A part of a grid of levels, drawn as an area.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Patch {
    /// Where it is drawn; for maps the box around the disc.
    pub place: Bounds,
    /// First column and row of the grid, then their numbers.
    pub source: [usize; 4],
    /// How it is drawn.
    pub form: Form,
    /// 0 (invisible) to 1.
    pub alpha: f32,
    /// Where the sample stands on it, as shares of its width and height from the left top.
    pub probe: Option<Point>,
}

/// Patches of one grid.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The grid.
    pub levels: Arc<Levels>,
    /// Whose ramp its colours are; the levels are those of the grid.
    pub ink: Ink,
    /// The layer whose weights its cells are: a row a neuron, a column an input.
    pub layer: Option<usize>,
    /// Where its parts are drawn.
    pub patches: Vec<Patch>,
}

/// Where a label's place lies relative to its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Anchor {
    /// The place is the middle of the text.
    Center,
    /// The text stands above the place.
    Above,
    /// The text stands below the place.
    Below,
    /// The text ends at the place.
    Left,
    /// The text starts at the place.
    Right,
}

/// What a label's letters stand on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ground {
    /// On whatever is there.
    Bare,
    /// On a small rounded plate, so that they read over edges.
    Plate,
    /// On a plate that is framed in their own colour: a number on its way.
    Pill,
    /// On an area of this colour: the value of a disc whose middle has a map.
    Chip(Ink),
}

/// A piece of text in the scene.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Label {
    /// Its place.
    pub place: Point,
    /// How it hangs on its place.
    pub anchor: Anchor,
    /// The text.
    pub math: Math,
    /// Height of the letters, world units.
    pub size: f32,
    /// Colour.
    pub ink: Ink,
    /// What its letters stand on.
    pub ground: Ground,
    /// 0 (invisible) to 1.
    pub alpha: f32,
    /// What of the network it is about, when it is about one part of it.
    pub target: Option<Target>,
}

impl Label {
    /// Room between the letters and the border of what they stand on, across and down.
    pub fn pad(&self) -> Point {
        match self.ground {
            Ground::Bare => [0.0, 0.0],
            Ground::Plate => [0.36 * self.size, 0.14 * self.size],
            Ground::Pill | Ground::Chip(_) => [0.45 * self.size, 0.14 * self.size],
        }
    }

    /// The box that it covers, from an estimate of its letters' width.
    pub fn room(&self) -> Bounds {
        let letters = self.math.plain().chars().count() as f32;
        let pad = self.pad();
        let (width, height) = (0.55 * self.size * letters + 2.0 * pad[0], 1.2 * self.size + 2.0 * pad[1]);
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

/// A plugin of the lesson.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plugin {
    /// The activation of this layer.
    Activation(usize),
    /// The loss.
    Loss,
    /// The regularizer.
    Regularizer,
    /// The optimizer.
    Optimizer,
    /// The schedule.
    Schedule,
    /// The initializer.
    Initializer,
}

/// A slider of a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Slider {
    /// The learning rate of the optimizer.
    LearningRate,
    /// A slider by its number; of the optimizer's the learning rate does not count.
    Nth(usize),
}

/// Where a number came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Link {
    /// An event of the same step, as an index into its timeline.
    Event(usize),
    /// The update of this parameter in the step before.
    UpdateBefore(Target),
    /// A field of what the optimizer kept for this parameter in the step before.
    StateBefore(Target, usize),
    /// A number that is written in a script: the first event that uses it.
    Written(usize),
    /// A slider.
    Slider(Plugin, Slider),
    /// What a plugin begins with.
    Plugin(Plugin),
    /// A sample, by its number in the data.
    Sample(usize),
}

impl Link {
    /// Where it leads, as words that follow "goes to".
    pub fn goal(self) -> &'static str {
        match self {
            Link::Event(_) => "the operation that computed it",
            Link::UpdateBefore(_) => "the update that made it, in the step before",
            Link::StateBefore(..) => "where the optimizer wrote it down, in the step before",
            Link::Written(_) => "the line of the script that it is written in",
            Link::Slider(..) => "its slider in the lesson",
            Link::Plugin(_) => "the choice in the lesson that it began with",
            Link::Sample(_) => "its sample in the data",
        }
    }
}

/// A formula as a tree of boxes, so that it can be set with real fractions and indices.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Math {
    /// Boxes side by side.
    Row(Vec<Math>),
    /// Upright text: numbers, operators, function names.
    Text(String),
    /// A variable, set in italics.
    Variable(String),
    /// The first box with the second as index below right.
    Sub(Box<Math>, Box<Math>),
    /// The first box raised to the second.
    Sup(Box<Math>, Box<Math>),
    /// Numerator over denominator.
    Fraction(Box<Math>, Box<Math>),
    /// A square root.
    Root(Box<Math>),
    /// In brackets as high as what they enclose.
    Fenced(Box<Math>),
    /// Words of a sentence among the formula.
    Prose(String),
    /// A box in the colour of its meaning, which may be clicked to go to an event.
    Marked {
        /// The box.
        math: Box<Math>,
        /// Its meaning.
        ink: Ink,
        /// Where it came from.
        link: Option<Link>,
    },
}

/// The formula panel: one event, in symbols and in numbers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Formula {
    /// Where in the step: `backward · layer 2 · neuron 1`.
    pub title: String,
    /// What is asked, as a question, or empty.
    pub asked: String,
    /// The formula in symbols; of the chain rule one product per path.
    pub symbols: Math,
    /// The same formula with its numbers, without the result. A number leads to the event it came from.
    pub numbers: Math,
    /// The result as text.
    pub result: Math,
    /// The event in words, for captions and screen readers.
    pub sentence: String,
    /// Further lines: the rule of a local derivative with its numbers, what a path gives, a warning about NaN.
    pub notes: Vec<Math>,
    /// Plain sentences: why a factor is 0 or 1.
    pub why: Vec<String>,
}

/// The script panel: a text with the running operation marked.
#[derive(Debug, Clone, PartialEq)]
pub struct ScriptMark {
    /// The expression that is running.
    pub location: Location,
    /// Its value, to stand at the end of the line.
    pub value: String,
    /// What the value is, such as `t₃` or the name of the variable it is given to.
    pub name: String,
}

/// The loss on the right of the network: wanted, actual, difference, per output.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    /// The network's output.
    pub output: f64,
    /// The target.
    pub target: f64,
}

/// One row of the inspector: a name, its formula with numbers, a value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct InspectorRow {
    /// What the row is about.
    pub label: Math,
    /// Its value or formula.
    pub value: Math,
    /// A plain sentence that explains it, or empty.
    pub why: String,
}

/// Rows under a heading.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section {
    /// Such as `Why this much?`, or empty.
    pub heading: String,
    /// From top to bottom.
    pub rows: Vec<InspectorRow>,
}

/// What is selected, explained.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inspector {
    /// What is selected.
    pub target: Target,
    /// Such as `weight w₁₂ of layer 2`.
    pub title: String,
    /// From top to bottom.
    pub sections: Vec<Section>,
}

/// A box in world units.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct Bounds {
    /// Left top corner.
    pub min: Point,
    /// Right bottom corner.
    pub max: Point,
}

impl Bounds {
    /// Whether it shares more than a border with another.
    pub fn overlaps(self, other: Bounds) -> bool {
        (0..2).all(|axis| self.min[axis] < other.max[axis] && other.min[axis] < self.max[axis])
    }
}

/// The picture of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Scene {
    /// Everything drawn lies within.
    pub bounds: Bounds,
    /// Drawn first.
    pub edges: Vec<Edge>,
    /// Whole layers of weights where they are too many for edges, drawn over these.
    pub matrices: Vec<Field>,
    /// Drawn over the edges and the matrices.
    pub discs: Vec<Disc>,
    /// What the neurons compute over the input plane, drawn into their discs.
    pub maps: Option<Field>,
    /// Drawn over the discs and their maps.
    pub pulses: Vec<Pulse>,
    /// Drawn last.
    pub labels: Vec<Label>,
    /// The current event's formula.
    pub formula: Formula,
    /// The current event's place in a script, when a script produced it.
    pub script: Option<ScriptMark>,
    /// What the sample's outputs are and should be; empty before the outputs are known.
    pub comparisons: Vec<Comparison>,
    /// `step 3 · sample 2 of 4 · forward`.
    pub status: String,
    /// What the lesson says at this moment, or empty.
    pub caption: String,
}

impl Math {
    /// Upright text.
    pub fn text(text: impl Into<String>) -> Self {
        Math::Text(text.into())
    }

    /// A variable.
    pub fn variable(name: impl Into<String>) -> Self {
        Math::Variable(name.into())
    }

    /// A variable with an index.
    pub fn indexed(name: impl Into<String>, index: impl Into<String>) -> Self {
        Math::Sub(Box::new(Math::variable(name)), Box::new(Math::text(index)))
    }

    /// A quotient.
    pub fn fraction(numerator: Math, denominator: Math) -> Self {
        Math::Fraction(Box::new(numerator), Box::new(denominator))
    }

    /// Words of a sentence.
    pub fn prose(text: impl Into<String>) -> Self {
        Math::Prose(text.into())
    }

    /// In brackets.
    pub fn fenced(math: Math) -> Self {
        Math::Fenced(Box::new(math))
    }

    /// Boxes side by side.
    pub fn row(parts: impl IntoIterator<Item = Math>) -> Self {
        Math::Row(parts.into_iter().collect())
    }

    /// The same box in the colour of its meaning.
    #[must_use]
    pub fn ink(self, ink: Ink) -> Self {
        Math::Marked { math: Box::new(self), ink, link: None }
    }

    /// The formula on one line of plain text: `∂L/∂w_12`.
    pub fn plain(&self) -> String {
        match self {
            Math::Row(parts) => parts.iter().map(Math::plain).collect(),
            Math::Text(text) | Math::Variable(text) | Math::Prose(text) => text.clone(),
            Math::Root(inside) => format!("√{}", bracketed(inside)),
            Math::Fenced(inside) => format!("({})", inside.plain()),
            Math::Sub(base, index) => format!("{}{}", base.plain(), lowered(&index.plain())),
            Math::Sup(base, exponent) => format!("{}^{}", base.plain(), bracketed(exponent)),
            Math::Fraction(above, below) => format!("{}/{}", bracketed(above), bracketed(below)),
            Math::Marked { math, .. } => math.plain(),
        }
    }
}

/// A part that is more than one term, in brackets.
fn bracketed(math: &Math) -> String {
    let plain = math.plain();
    if plain.contains(' ') { format!("({plain})") } else { plain }
}

/// Digits as index digits where Unicode has them.
fn lowered(index: &str) -> String {
    let digit = |c: char| match c {
        ',' => Some(c),
        c => c.to_digit(10).and_then(|d| char::from_u32(0x2080 + d)),
    };
    if index.chars().all(|c| c.is_ascii_digit() || c == ',') {
        index.chars().filter_map(digit).collect()
    } else {
        format!("_{index}")
    }
}
