//! The drawn parts of a formula, each with its rectangle.

use std::sync::Arc;

use egui::{Galley, Pos2, Rect, Vec2};
use slowgrad_timeline::scene::{Ink, Link};

/// A part of a formula at its position, relative to the formula's origin.
#[derive(Debug, Clone)]
pub(super) struct MathPiece {
    pub(super) rect: Rect,
    /// The colour of a marked box; `None` takes the colour of the surrounding text.
    pub(super) ink: Option<Ink>,
    pub(super) kind: MathPieceKind,
}

impl MathPiece {
    pub(super) fn translate(self, offset: Vec2) -> Self {
        Self { rect: self.rect.translate(offset), ..self }
    }
}

/// The contents of a [`MathPiece`].
#[derive(Debug, Clone)]
pub(super) enum MathPieceKind {
    /// The galley's origin is `rect.min`.
    Text(Arc<Galley>),
    /// A fraction bar, which fills the rectangle.
    Bar,
    /// A line of a root or a tall bracket: points relative to `rect.min`, and the line width.
    Stroke(Vec<Pos2>, f32),
    /// A clickable rectangle with its target and its plain text; draws nothing.
    Link(Link, String),
}
