//! Formulas as trees of boxes, for a typesetter or as one line of text.
//!
//! It must not know fonts or sizes.

use super::{Ink, Link};
use serde::Serialize;

/// A box of a formula. Fractions, indices and roots keep their structure, so that a typesetter can draw them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Math {
    /// Boxes side by side.
    Row(Vec<Math>),
    /// Upright text: numbers, operators, function names.
    Text(String),
    /// A variable, set in italics.
    Variable(String),
    /// The first box with the second as a subscript.
    Sub(Box<Math>, Box<Math>),
    /// The first box raised to the second.
    Sup(Box<Math>, Box<Math>),
    /// Numerator over denominator.
    Fraction(Box<Math>, Box<Math>),
    /// A square root.
    Root(Box<Math>),
    /// A box in brackets of its height.
    Fenced(Box<Math>),
    /// Words within the formula.
    Prose(String),
    /// A box in the colour of its meaning, which can be a link.
    Marked {
        /// The box.
        math: Box<Math>,
        /// The meaning of the colour.
        ink: Ink,
        /// The origin of the number.
        link: Option<Link>,
    },
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

    /// Words within a formula.
    pub fn prose(text: impl Into<String>) -> Self {
        Math::Prose(text.into())
    }

    /// A box in brackets.
    pub fn fenced(math: Math) -> Self {
        Math::Fenced(Box::new(math))
    }

    /// Boxes side by side.
    pub fn row(parts: impl IntoIterator<Item = Math>) -> Self {
        Math::Row(parts.into_iter().collect())
    }

    /// The same box in the colour of a meaning.
    #[must_use]
    pub fn ink(self, ink: Ink) -> Self {
        Math::Marked { math: Box::new(self), ink, link: None }
    }

    /// The formula as one line of plain text: `∂L/∂w₁₂`.
    pub fn plain(&self) -> String {
        match self {
            Math::Row(parts) => parts.iter().map(Math::plain).collect(),
            Math::Text(text) | Math::Variable(text) | Math::Prose(text) => text.clone(),
            Math::Root(inside) => format!("√{}", bracketed(inside)),
            Math::Fenced(inside) => format!("({})", inside.plain()),
            Math::Sub(base, index) => format!("{}{}", base.plain(), subscript(&index.plain())),
            Math::Sup(base, exponent) => format!("{}^{}", base.plain(), bracketed(exponent)),
            Math::Fraction(above, below) => format!("{}/{}", bracketed(above), bracketed(below)),
            Math::Marked { math, .. } => math.plain(),
        }
    }
}

/// The plain text of a box, in brackets if it has more than one term.
fn bracketed(math: &Math) -> String {
    let plain = math.plain();
    if plain.contains(' ') { format!("({plain})") } else { plain }
}

/// An index in Unicode subscript digits; other indices follow an underscore.
fn subscript(index: &str) -> String {
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
