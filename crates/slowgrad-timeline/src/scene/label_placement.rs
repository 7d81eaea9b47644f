//! What has been drawn so far, and the rule that no two labels cover each other.
//!
//! A label is handed in with its rank. When all are there, those of a higher rank keep their place, and one
//! that would cover another is left out; numbers on their way are labels like all others. It must not know what
//! any mark means.

use crate::scene::{Anchor, Bounds, Disc, Edge, Field, Ground, Ink, Label, Math, Point, Pulse, Target};

/// Who stays when two labels want the same place: the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// The operation that is running.
    Current,
    /// The value in a disc.
    Value,
    /// A number on its way.
    Moving,
    /// Outputs, targets, the loss.
    Outcome,
    /// Gradients, biases and names around a disc.
    Around,
    /// The weight on an edge.
    Weight,
}

/// A picture in the making.
#[derive(Debug, Default)]
pub(crate) struct Canvas {
    pub(crate) edges: Vec<Edge>,
    pub(crate) discs: Vec<Disc>,
    pub(crate) pulses: Vec<Pulse>,
    pub(crate) matrices: Vec<Field>,
    labels: Vec<(Rank, Label)>,
}

/// A label before it has a place.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    pub(crate) math: Math,
    pub(crate) size: f32,
    pub(crate) ink: Ink,
    pub(crate) ground: Ground,
    /// What they are about.
    pub(crate) target: Option<Target>,
}

impl Words {
    pub(crate) fn new(math: Math, size: f32, ink: Ink) -> Self {
        Self { math, size, ink, ground: Ground::Bare, target: None }
    }

    pub(crate) fn on(self, ground: Ground) -> Self {
        Self { ground, ..self }
    }

    pub(crate) fn about(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }
}

impl Canvas {
    pub(crate) fn label(&mut self, rank: Rank, place: Point, anchor: Anchor, words: Words) {
        let Words { math, size, ink, ground, target } = words;
        self.labels.push((rank, Label { place, anchor, math, size, ink, ground, alpha: 1.0, target }));
    }

    /// The labels that have their place for themselves, and the box around everything: the reserved one, so that the
    /// picture stands still while it plays, unless a label at rest reaches beyond it. What moves or hangs on a disc stays
    /// within.
    pub(crate) fn settle(&mut self, reserved: Bounds) -> (Vec<Label>, Bounds) {
        self.labels.sort_by_key(|(rank, _)| *rank);
        let mut bounds = reserved;
        let mut kept: Vec<(Bounds, Label)> = Vec::with_capacity(self.labels.len());
        for (rank, mut label) in self.labels.drain(..) {
            if matches!(rank, Rank::Current | Rank::Moving) || matches!(label.anchor, Anchor::Above | Anchor::Below) {
                let by = inwards(label.room(), reserved);
                label.place = [label.place[0] + by[0], label.place[1] + by[1]];
            }
            let room = label.room();
            if !kept.iter().any(|(other, _)| other.overlaps(room)) {
                bounds = union(bounds, room);
                kept.push((room, label));
            }
        }
        (kept.into_iter().map(|(_, label)| label).collect(), bounds)
    }
}

/// How far a box is to be moved to lie within another.
fn inwards(room: Bounds, within: Bounds) -> Point {
    [0, 1].map(|axis| {
        let (low, high) = (within.min[axis] - room.min[axis], within.max[axis] - room.max[axis]);
        if low > high { f32::midpoint(low, high) } else { 0.0_f32.clamp(low, high) }
    })
}

fn union(a: Bounds, b: Bounds) -> Bounds {
    let pair = |f: fn(f32, f32) -> f32, a: Point, b: Point| [f(a[0], b[0]), f(a[1], b[1])];
    Bounds { min: pair(f32::min, a.min, b.min), max: pair(f32::max, a.max, b.max) }
}
