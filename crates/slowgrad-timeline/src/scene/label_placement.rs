//! Labels of a scene, so that no two cover each other.
//!
//! Every label has a rank. Placement keeps labels of a higher rank and drops a label that would cover one of them. Moving
//! numbers are labels too. This module must not know the meaning of any label.

use super::{Anchor, Bounds, Ink, Label, LabelBackground, Math, Point, Target};

/// The priority of a label. If two overlap, the first rank wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    /// The current operation.
    Current,
    /// The value in a disc.
    Value,
    /// A moving number.
    Moving,
    /// Outputs, targets, the loss.
    Outcome,
    /// Gradients, biases and names around a disc.
    Around,
    /// The weight on an edge.
    Weight,
}

/// The text of a label that has no position yet.
#[derive(Debug, Clone)]
pub(super) struct LabelText {
    pub(super) math: Math,
    pub(super) size: f32,
    ink: Ink,
    background: LabelBackground,
    target: Option<Target>,
}

impl LabelText {
    pub(super) fn new(math: Math, size: f32, ink: Ink) -> Self {
        Self { math, size, ink, background: LabelBackground::Bare, target: None }
    }

    pub(super) fn on(self, background: LabelBackground) -> Self {
        Self { background, ..self }
    }

    pub(super) fn about(self, target: Target) -> Self {
        Self { target: Some(target), ..self }
    }

    /// The opaque label at a position.
    pub(super) fn at(self, place: Point, anchor: Anchor) -> Label {
        let LabelText { math, size, ink, background, target } = self;
        Label { place, anchor, math, size, ink, background, alpha: 1.0, target }
    }
}

/// The labels of a scene in the order in which they were added.
#[derive(Debug, Default)]
pub(super) struct LabelPlacement {
    labels: Vec<(Rank, Label)>,
}

impl LabelPlacement {
    pub(super) fn add(&mut self, rank: Rank, place: Point, anchor: Anchor, text: LabelText) {
        self.labels.push((rank, text.at(place, anchor)));
    }

    /// The labels that do not overlap, and a box around all of them and `reserved`.
    ///
    /// Moving labels and labels above or below a disc are moved into `reserved`. Only other labels at rest can enlarge
    /// the box, so it does not change while a step plays.
    pub(super) fn place(mut self, reserved: Bounds) -> (Vec<Label>, Bounds) {
        self.labels.sort_by_key(|(rank, _)| *rank);
        let mut bounds = reserved;
        let mut placed: Vec<(Bounds, Label)> = Vec::with_capacity(self.labels.len());
        for (rank, mut label) in self.labels {
            if matches!(rank, Rank::Current | Rank::Moving) || matches!(label.anchor, Anchor::Above | Anchor::Below) {
                let by = offset_into(label.room(), reserved);
                label.place = [label.place[0] + by[0], label.place[1] + by[1]];
            }
            let room = label.room();
            if !placed.iter().any(|(other, _)| other.overlaps(room)) {
                bounds = union(bounds, room);
                placed.push((room, label));
            }
        }
        (placed.into_iter().map(|(_, label)| label).collect(), bounds)
    }
}

/// The shortest move that puts a box inside another.
fn offset_into(room: Bounds, within: Bounds) -> Point {
    [0, 1].map(|axis| {
        let (low, high) = (within.min[axis] - room.min[axis], within.max[axis] - room.max[axis]);
        if low > high { f32::midpoint(low, high) } else { 0.0_f32.clamp(low, high) }
    })
}

fn union(a: Bounds, b: Bounds) -> Bounds {
    let pair = |f: fn(f32, f32) -> f32, a: Point, b: Point| [f(a[0], b[0]), f(a[1], b[1])];
    Bounds { min: pair(f32::min, a.min, b.min), max: pair(f32::max, a.max, b.max) }
}
