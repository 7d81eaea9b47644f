//! Boxes of a formula: text, indices, exponents, fractions, roots and brackets.
//!
//! Each box of the tree becomes a [`MathBox`], pieces positioned around a baseline. This module must not know about
//! lines or widgets.

use super::piece::{MathPiece, MathPieceKind};
use super::typeface::{PRINT_SCALE, PROSE_SPACE, TextRole, Typeface};
use crate::fonts::{MATH_ITALIC, MATH_UPRIGHT, MATH_WORD, replace_missing_glyphs};
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontFamily, FontId, Painter, Pos2, Rect, Vec2};
use slowgrad_timeline::scene::{Ink, Link, Math};

/// Font size of an index or exponent, relative to its base.
const SCRIPT_SCALE: f32 = 0.68;
/// Font size in a fraction, relative to the surrounding text.
const FRACTION_SCALE: f32 = 0.9;
/// The smallest font size of a nested box, relative to the whole formula.
const MIN_SCALE: f32 = 0.5;

/// Turns the boxes of one formula into pieces.
pub(super) struct Typesetter<'a> {
    pub(super) painter: &'a Painter,
    pub(super) typeface: Typeface,
    /// Font size of the whole formula, in points.
    pub(super) size: f32,
}

/// A box with its baseline at y = 0, in points. Ascent and descent are positive.
#[derive(Debug, Default)]
pub(super) struct MathBox {
    pub(super) width: f32,
    pub(super) ascent: f32,
    pub(super) descent: f32,
    pub(super) pieces: Vec<MathPiece>,
}

impl MathBox {
    /// Adds a box at an offset of its origin and grows to contain it.
    fn append(&mut self, other: MathBox, offset: Vec2) {
        self.width = self.width.max(offset.x + other.width);
        self.ascent = self.ascent.max(other.ascent - offset.y);
        self.descent = self.descent.max(other.descent + offset.y);
        self.pieces.extend(other.pieces.into_iter().map(|piece| piece.translate(offset)));
    }

    /// Appends a box on the right.
    pub(super) fn push(&mut self, other: MathBox) {
        let offset = Vec2::new(self.width, 0.0);
        self.append(other, offset);
    }
}

impl Typesetter<'_> {
    /// A reduced font size, not below the minimum.
    fn reduced(&self, size: f32, factor: f32) -> f32 {
        (size * factor).max(self.size * MIN_SCALE)
    }

    /// Text in one font, without surrounding spaces.
    fn word(&self, text: &str, size: f32, role: TextRole) -> MathBox {
        let single = text.chars().nth(1).is_none();
        let (family, italics, size, slant) = match (self.typeface, role) {
            (Typeface::Screen, TextRole::Variable) => (FontFamily::Proportional, true, size, 0.08 * size),
            (Typeface::Screen, _) => (FontFamily::Proportional, false, size, 0.0),
            (Typeface::Print, TextRole::Upright) => (FontFamily::Name(MATH_UPRIGHT.into()), false, size, 0.0),
            (Typeface::Print, TextRole::Variable) if single => {
                (FontFamily::Name(MATH_ITALIC.into()), false, size, 0.03 * size)
            }
            (Typeface::Print, TextRole::Variable) => (FontFamily::Name(MATH_WORD.into()), false, size, 0.05 * size),
            (Typeface::Print, TextRole::Prose) => (FontFamily::Proportional, false, size / PRINT_SCALE, 0.0),
        };
        let format = TextFormat {
            font_id: FontId::new(size, family),
            color: Color32::PLACEHOLDER,
            italics,
            ..TextFormat::default()
        };
        // Print uses the small dot operator for products.
        let text =
            if self.typeface == Typeface::Print && role == TextRole::Upright && text == "·" { "⋅" } else { text };
        let mut job = LayoutJob::single_section(replace_missing_glyphs(text).into_owned(), format);
        job.wrap.max_width = f32::INFINITY;
        let galley = self.painter.layout_job(job);
        let (ascent, descent) = self.typeface.line_metrics();
        let baseline = galley
            .rows
            .first()
            .and_then(|row| row.glyphs.first().map(|glyph| row.pos.y + glyph.pos.y))
            .unwrap_or(size * ascent);
        let rect = Rect::from_min_size(Pos2::new(0.0, -baseline), galley.size());
        MathBox {
            width: galley.size().x + slant,
            ascent: ascent * size,
            descent: descent * size,
            pieces: vec![MathPiece { rect, ink: None, kind: MathPieceKind::Text(galley) }],
        }
    }

    /// Text with its surrounding spaces. Print writes out powers of ten.
    pub(super) fn text(&self, text: &str, size: f32, role: TextRole) -> MathBox {
        let trimmed = text.trim_matches(' ');
        let gap = if role == TextRole::Prose { PROSE_SPACE } else { self.typeface.space_beside(text) } * size;
        let spaces = |n: usize| n as f32 * gap;
        let before = spaces(text.len() - text.trim_start_matches(' ').len());
        if trimmed.is_empty() {
            return MathBox { width: before, ..MathBox::default() };
        }
        let after = spaces(text.len() - text.trim_end_matches(' ').len());
        let mut row = MathBox { width: before, ..MathBox::default() };
        match power_of_ten(trimmed).filter(|_| self.typeface == Typeface::Print && role == TextRole::Upright) {
            Some((mantissa, exponent)) => {
                row.push(self.word(mantissa, size, role));
                row.width += 0.16 * size;
                row.push(self.word("·", size, role));
                row.width += 0.16 * size;
                let ten = self.word("10", size, role);
                row.push(Self::raised(ten, self.word(exponent, self.reduced(size, SCRIPT_SCALE), role), size));
            }
            None => row.push(self.word(trimmed, size, role)),
        }
        row.width += after;
        row
    }

    /// A variable. Print draws its hat and primes separately from the letter.
    fn variable(&self, name: &str, size: f32) -> MathBox {
        let is_name = name.chars().any(char::is_alphabetic);
        if self.typeface == Typeface::Screen || !is_name {
            return self.text(name, size, if is_name { TextRole::Variable } else { TextRole::Upright });
        }
        let bare = name.trim_end_matches('′');
        let mut symbol = match bare {
            "ŷ" => {
                let mut y = self.word("y", size, TextRole::Variable);
                let hat = self.word("ˆ", size, TextRole::Upright);
                let middle = Vec2::new((y.width - hat.width) / 2.0 + 0.06 * size, -0.02 * size);
                let width = y.width;
                y.append(hat, middle);
                MathBox { width, ascent: 0.72 * size, ..y }
            }
            bare => self.word(bare, size, TextRole::Variable),
        };
        if bare.len() < name.len() {
            let primes = self.word(&name[bare.len()..], self.reduced(size, SCRIPT_SCALE), TextRole::Upright);
            symbol = Self::raised(symbol, primes, size);
        }
        symbol
    }

    /// A base with an exponent.
    fn raised(mut base: MathBox, exponent: MathBox, size: f32) -> MathBox {
        let rise = (base.ascent - exponent.ascent * 0.62).max(0.36 * size);
        let width = base.width;
        base.append(exponent, Vec2::new(width + 0.03 * size, -rise));
        base
    }

    /// Lays out a box at font size `size`.
    pub(super) fn layout(&self, math: &Math, size: f32) -> MathBox {
        match math {
            Math::Row(parts) => {
                let mut row = MathBox::default();
                for part in parts {
                    row.push(self.layout(part, size));
                }
                row
            }
            Math::Text(text) => self.text(text, size, TextRole::Upright),
            Math::Variable(name) => self.variable(name, size),
            Math::Prose(text) => self.text(text, size, TextRole::Prose),
            Math::Sub(base, index) => {
                let mut both = self.layout(base, size);
                self.lower(&mut both, index, size);
                both
            }
            Math::Sup(base, exponent) => {
                // An index and an exponent of the same base are stacked.
                let (base, index) = match &**base {
                    Math::Sub(inner, index) => (&**inner, Some(index)),
                    other => (other, None),
                };
                let base = self.layout(base, size);
                let mut lowered = MathBox { descent: base.descent, ..MathBox::default() };
                if let Some(index) = index {
                    self.lower(&mut lowered, index, size);
                }
                let width = base.width;
                let mut both = Self::raised(base, self.layout(exponent, self.reduced(size, SCRIPT_SCALE)), size);
                both.append(lowered, Vec2::new(width, 0.0));
                both
            }
            Math::Fraction(above, below) => self.fraction(above, below, size),
            Math::Root(inside) => self.root(inside, size),
            Math::Fenced(inside) => self.fenced(inside, size),
            Math::Marked { math, ink, link } => marked(self.layout(math, size), math, *ink, *link),
        }
    }

    /// Adds an index to the lower right of a base.
    fn lower(&self, base: &mut MathBox, index: &Math, size: f32) {
        let lowered = self.layout(index, self.reduced(size, SCRIPT_SCALE));
        let drop = match self.typeface {
            Typeface::Screen => (base.descent - 0.02 * size).max(0.2 * size),
            Typeface::Print => (base.descent - 0.06 * size).max(0.17 * size),
        };
        let width = base.width;
        base.append(lowered, Vec2::new(width + 0.02 * size, drop));
    }

    /// Numerator and denominator with a bar on the math axis.
    fn fraction(&self, above: &Math, below: &Math, size: f32) -> MathBox {
        let inner = self.reduced(size, FRACTION_SCALE);
        let (above, below) = (self.layout(above, inner), self.layout(below, inner));
        let (pad, gap) = match self.typeface {
            Typeface::Screen => (0.1 * size, 0.13 * size),
            Typeface::Print => (0.09 * size, 0.16 * size),
        };
        let bar = match self.typeface {
            Typeface::Screen => 0.055 * size,
            Typeface::Print => 0.05 * size,
        };
        let bar = bar.max(1.0);
        let width = above.width.max(below.width) + 4.0 * pad;
        let axis = -self.typeface.axis() * size;
        let bar_rect = Rect::from_min_max(Pos2::new(pad, axis - bar / 2.0), Pos2::new(width - pad, axis + bar / 2.0));
        let mut both = MathBox {
            width,
            pieces: vec![MathPiece { rect: bar_rect, ink: None, kind: MathPieceKind::Bar }],
            ..MathBox::default()
        };
        let up = Vec2::new((width - above.width) / 2.0, bar_rect.top() - gap - above.descent);
        let down = Vec2::new((width - below.width) / 2.0, bar_rect.bottom() + gap + below.ascent);
        both.append(above, up);
        both.append(below, down);
        both.width = width;
        both
    }

    /// A radical sign: a hook and a bar over the radicand.
    fn root(&self, inside: &Math, size: f32) -> MathBox {
        let inside = self.layout(inside, size);
        let (hook, gap, stroke) = (0.55 * size, 0.12 * size, (0.05 * size).max(1.0));
        let (top, bottom) = (-inside.ascent - gap, inside.descent);
        let (width, height) = (hook + inside.width + 0.06 * size, bottom - top);
        let down = 0.55 * height;
        // Points are relative to the rectangle's corner.
        let tick = vec![
            Pos2::new(0.06 * size, down),
            Pos2::new(0.16 * size, down - 0.06 * size),
            Pos2::new(0.34 * size, height),
            Pos2::new(hook, 0.0),
            Pos2::new(width, 0.0),
        ];
        let thick = vec![Pos2::new(0.17 * size, down - 0.04 * size), Pos2::new(0.34 * size, height - 0.02 * size)];
        let rect = Rect::from_min_max(Pos2::new(0.0, top), Pos2::new(width, bottom));
        let piece = |points, width| MathPiece { rect, ink: None, kind: MathPieceKind::Stroke(points, width) };
        let mut both = MathBox {
            width,
            ascent: -top + stroke,
            descent: bottom,
            pieces: vec![piece(tick, stroke), piece(thick, 1.8 * stroke)],
        };
        both.append(inside, Vec2::new(hook, 0.0));
        both.width = width;
        both
    }

    /// Parentheses: characters around contents of one line, curves around taller contents.
    fn fenced(&self, inside: &Math, size: f32) -> MathBox {
        let inside = self.layout(inside, size);
        let (ascent, descent) = self.typeface.line_metrics();
        let mut row = MathBox::default();
        if inside.ascent <= 1.3 * ascent * size && inside.descent <= 2.2 * descent * size {
            row.push(self.word("(", size, TextRole::Upright));
            row.push(inside);
            row.push(self.word(")", size, TextRole::Upright));
            return row;
        }
        let axis = -self.typeface.axis() * size;
        let half = (inside.ascent + axis).max(inside.descent - axis);
        let (top, width, stroke) = (axis - half, 0.26 * size + 0.04 * half, (0.06 * size).max(1.0));
        let curve = |bend: f32| -> Vec<Pos2> {
            let (tips, belly) = if bend < 0.0 { (0.85 * width, 0.2 * width) } else { (0.15 * width, 0.8 * width) };
            let at = |i: i32| {
                let t = f32::from(i as i16) / 16.0;
                let away = (2.0 * t - 1.0) * (2.0 * t - 1.0);
                Pos2::new(belly + (tips - belly) * away, 2.0 * half * t)
            };
            (0..=16).map(at).collect()
        };
        let bracket = |bend: f32| MathBox {
            width,
            ascent: -top,
            descent: top + 2.0 * half,
            pieces: vec![MathPiece {
                rect: Rect::from_min_size(Pos2::new(0.0, top), Vec2::new(width, 2.0 * half)),
                ink: None,
                kind: MathPieceKind::Stroke(curve(bend), stroke),
            }],
        };
        row.push(bracket(-1.0));
        row.push(inside);
        row.push(bracket(1.0));
        row
    }
}

/// Mantissa and exponent of a number in scientific notation, such as `1.2e−5`.
fn power_of_ten(text: &str) -> Option<(&str, &str)> {
    let (mantissa, exponent) = text.split_once('e')?;
    let is_number = |text: &str, point: bool| {
        let digits = text.strip_prefix('−').unwrap_or(text);
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || (point && c == '.'))
    };
    (is_number(mantissa, true) && is_number(exponent, false)).then_some((mantissa, exponent))
}

/// Colours the pieces of a box that have no colour, and makes the box clickable if it has a link.
pub(super) fn marked(mut contents: MathBox, math: &Math, ink: Ink, link: Option<Link>) -> MathBox {
    for piece in &mut contents.pieces {
        piece.ink.get_or_insert(ink);
    }
    if let Some(link) = link {
        let rect = Rect::from_min_max(Pos2::new(0.0, -contents.ascent), Pos2::new(contents.width, contents.descent));
        contents.pieces.push(MathPiece { rect, ink: Some(ink), kind: MathPieceKind::Link(link, math.plain()) });
    }
    contents
}
