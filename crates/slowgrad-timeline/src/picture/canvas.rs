//! What has been drawn so far, and the rule that no two labels cover each other.
//!
//! A label is handed in with its rank. When all are there, those of a higher rank keep their place, and one
//! that would cover another is left out. It must not know what any mark means.

use crate::scene::{Anchor, Bounds, Disc, Edge, Field, Ink, Label, Math, Point, Pulse};

/// Who stays when two labels want the same place: the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The operation that is running.
    Current,
    /// The value in a disc.
    Value,
    /// Outputs, targets, the loss.
    Outcome,
    /// Gradients, biases and names around a disc.
    Around,
    /// The weight on an edge.
    Weight,
}

/// A picture in the making.
#[derive(Debug, Default)]
pub(super) struct Canvas {
    pub(super) edges: Vec<Edge>,
    pub(super) discs: Vec<Disc>,
    pub(super) pulses: Vec<Pulse>,
    pub(super) matrices: Vec<Field>,
    labels: Vec<(Rank, Label)>,
}

/// A label before it has a place.
#[derive(Debug, Clone)]
pub(super) struct Words {
    pub(super) math: Math,
    pub(super) size: f32,
    pub(super) ink: Ink,
    pub(super) plate: bool,
}

impl Words {
    pub(super) fn new(math: Math, size: f32, ink: Ink) -> Self {
        Self { math, size, ink, plate: false }
    }

    pub(super) fn plated(math: Math, size: f32, ink: Ink) -> Self {
        Self { math, size, ink, plate: true }
    }
}

/// Size of the letters that pulses carry.
const PILL_SIZE: f32 = 15.0;

impl Canvas {
    pub(super) fn label(&mut self, rank: Rank, place: Point, anchor: Anchor, words: Words) {
        let Words { math, size, ink, plate } = words;
        let label =
            Label { place, anchor, math, size, ink, plate, smallest: if rank == Rank::Current { 0.0 } else { 5.5 } };
        self.labels.push((rank, label));
    }

    /// The labels that have their place for themselves, and pills that do not cover each other; then the box
    /// around everything, `reserved` included.
    pub(super) fn settle(&mut self, reserved: Bounds) -> (Vec<Label>, Bounds) {
        let mut pills: Vec<Bounds> = Vec::new();
        for pulse in &mut self.pulses {
            if pulse.text.is_empty() {
                continue;
            }
            let pill = pill_box(pulse);
            if pills.iter().any(|other| overlaps(*other, pill)) {
                pulse.text.clear();
            } else {
                pills.push(pill);
            }
        }
        self.labels.sort_by_key(|(rank, _)| *rank);
        let mut kept: Vec<(Bounds, Label)> = Vec::with_capacity(self.labels.len());
        for (rank, label) in self.labels.drain(..) {
            let place = label_box(&label);
            // A number on its way passes over everything but what it would make unreadable: a weight's number.
            let under_pill = rank == Rank::Weight && pills.iter().any(|pill| overlaps(*pill, place));
            if !under_pill && !kept.iter().any(|(other, _)| overlaps(*other, place)) {
                kept.push((place, label));
            }
        }
        let mut bounds = reserved;
        for place in kept.iter().map(|(place, _)| *place).chain(pills) {
            bounds = union(bounds, place);
        }
        (kept.into_iter().map(|(_, label)| label).collect(), bounds)
    }
}

/// The box that a label covers, from an estimate of its letters' width.
pub(super) fn label_box(label: &Label) -> Bounds {
    let letters = label.math.plain().chars().count() as f32;
    let pad = if label.plate { [0.36 * label.size, 0.14 * label.size] } else { [0.0, 0.0] };
    let (width, height) = (0.55 * label.size * letters + 2.0 * pad[0], 1.2 * label.size + 2.0 * pad[1]);
    let [x, y] = label.place;
    let corner = match label.anchor {
        Anchor::Center => [x - width / 2.0, y - height / 2.0],
        Anchor::Above => [x - width / 2.0, y - height],
        Anchor::Below => [x - width / 2.0, y],
        Anchor::Left => [x - width, y - height / 2.0],
        Anchor::Right => [x, y - height / 2.0],
    };
    Bounds { min: corner, max: [corner[0] + width, corner[1] + height] }
}

/// The box of the number above a pulse.
fn pill_box(pulse: &Pulse) -> Bounds {
    let half = (0.55 * pulse.text.chars().count() as f32 + 0.9) * PILL_SIZE / 2.0;
    let bottom = pulse.center[1] - pulse.radius - 0.35 * PILL_SIZE;
    Bounds { min: [pulse.center[0] - half, bottom - 1.4 * PILL_SIZE], max: [pulse.center[0] + half, bottom] }
}

/// Whether two boxes share more than a border.
pub(super) fn overlaps(a: Bounds, b: Bounds) -> bool {
    (0..2).all(|axis| a.min[axis] < b.max[axis] && b.min[axis] < a.max[axis])
}

fn union(a: Bounds, b: Bounds) -> Bounds {
    let pair = |f: fn(f32, f32) -> f32, a: Point, b: Point| [f(a[0], b[0]), f(a[1], b[1])];
    Bounds { min: pair(f32::min, a.min, b.min), max: pair(f32::max, a.max, b.max) }
}
