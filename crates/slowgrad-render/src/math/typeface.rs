//! The two typefaces of formulas and their metrics, in multiples of the font size.
//!
//! This module must not know how boxes are assembled.

/// Formula fonts look smaller than the interface font at the same size; this factor evens them out.
pub(super) const PRINT_SCALE: f32 = 1.14;

/// The fonts of a formula.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typeface {
    /// The interface font, which stays legible at small sizes: labels in the network.
    Screen,
    /// A textbook's fonts: upright numbers, italic variables.
    Print,
}

impl Typeface {
    /// Height of the math axis above the baseline: fraction bars and minus signs are drawn there.
    pub(super) fn axis(self) -> f32 {
        match self {
            Self::Screen => 0.27,
            Self::Print => 0.25,
        }
    }

    /// Ascent and descent of a line of text. Tighter than the font's own metrics, which reserve space for accents.
    pub(super) fn line_metrics(self) -> (f32, f32) {
        match self {
            Self::Screen => (0.80, 0.22),
            Self::Print => (0.71, 0.21),
        }
    }

    /// Width of a space beside `text`. Relations get more space than sums and products.
    pub(super) fn space_beside(self, text: &str) -> f32 {
        match (self, text.trim()) {
            (Self::Print, "·" | "+" | "−" | "/" | "mod") => 0.22,
            _ => 0.28,
        }
    }
}

/// The role of a text in a formula, which determines its font.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextRole {
    Upright,
    Variable,
    Prose,
}

/// Width of a space in prose.
pub(super) const PROSE_SPACE: f32 = 0.25;
