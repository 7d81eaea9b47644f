//! The letters that formulas are set in: which fonts, how high, and what stands in for signs that these lack.
//!
//! It must not know how boxes are put together.

use std::borrow::Cow;

/// The font family of a textbook's upright letters.
pub(crate) const UPRIGHT: &str = "book upright";
/// That of a variable of one letter.
pub(crate) const ITALIC: &str = "book italic";
/// That of a variable whose name is a word.
pub(crate) const WORD: &str = "book word";

/// A book's letters look smaller than those of the screen's font at the same size.
pub(super) const BOOK_SCALE: f32 = 1.14;

/// Which letters a formula is set in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    /// The screen's font, which can be read when it is small: labels in the network.
    Screen,
    /// A textbook's: upright numbers, italic variables.
    Book,
}

impl Face {
    /// Height of a fraction's bar above the baseline: where the font's minus sign stands.
    pub(super) fn axis(self) -> f32 {
        match self {
            Face::Screen => 0.27,
            Face::Book => 0.25,
        }
    }

    /// Ascent and descent of a line of letters; tighter than the font's own, which leaves room for accents.
    pub(super) fn heights(self) -> (f32, f32) {
        match self {
            Face::Screen => (0.80, 0.22),
            Face::Book => (0.71, 0.21),
        }
    }

    /// The gap that stands for a space beside an operator: relations stand freer than sums and products.
    pub(super) fn gap(self, text: &str) -> f32 {
        match (self, text.trim()) {
            (Face::Book, "·" | "+" | "−" | "/" | "mod") => 0.22,
            _ => 0.28,
        }
    }
}

/// Of what kind letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    Upright,
    Variable,
    Prose,
}

/// The text with characters that the bundled fonts lack replaced by ones they have.
pub fn drawable(text: &str) -> Cow<'_, str> {
    const MISSING: [(char, char); 14] = [
        ('ⁿ', 'n'),
        ('ᵀ', 'T'),
        ('ᵗ', 't'),
        ('ᵢ', 'i'),
        ('ⱼ', 'j'),
        ('ₖ', 'k'),
        ('ₙ', 'n'),
        ('ₜ', 't'),
        ('ₗ', 'l'),
        ('ẑ', 'z'),
        ('✓', '√'),
        ('✕', '×'),
        ('⚠', '!'),
        ('❄', '⊛'),
    ];
    let substitute = |c: char| MISSING.iter().find(|(from, _)| *from == c).map(|(_, to)| *to);
    if text.chars().any(|c| substitute(c).is_some()) {
        text.chars().map(|c| substitute(c).unwrap_or(c)).collect::<String>().into()
    } else {
        text.into()
    }
}
