//! How one box of a formula is set: letters, indices, exponents, fractions, roots and brackets.
//!
//! A box becomes a [`Set`] of pieces around its baseline. It must not know lines or widgets.

use super::typeface::{BOOK_SCALE, Face, ITALIC, Letters, UPRIGHT, WORD, drawable};
use super::{Piece, PieceKind};
use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontFamily, FontId, Painter, Pos2, Rect, Vec2};
use slowgrad_timeline::scene::{Ink, Link, Math};

/// Letters of an index or exponent, relative to their base.
const SCRIPT_SIZE: f32 = 0.68;
/// Letters of a fraction, relative to the text around it.
const FRACTION_SIZE: f32 = 0.9;
/// No box is set smaller than this part of the formula's size.
const SMALLEST: f32 = 0.5;

/// What all boxes of a formula have in common.
pub(super) struct Setter<'a> {
    pub(super) painter: &'a Painter,
    pub(super) face: Face,
    /// The size of the whole formula.
    pub(super) full: f32,
}

/// A box with its baseline at y = 0; ascent and descent are positive.
#[derive(Debug, Default)]
pub(super) struct Set {
    pub(super) width: f32,
    pub(super) ascent: f32,
    pub(super) descent: f32,
    pub(super) pieces: Vec<Piece>,
}

impl Set {
    fn append(&mut self, other: Set, offset: Vec2) {
        self.width = self.width.max(offset.x + other.width);
        self.ascent = self.ascent.max(other.ascent - offset.y);
        self.descent = self.descent.max(other.descent + offset.y);
        self.pieces.extend(other.pieces.into_iter().map(|piece| Piece { rect: piece.rect.translate(offset), ..piece }));
    }

    pub(super) fn push(&mut self, other: Set) {
        let offset = Vec2::new(self.width, 0.0);
        self.append(other, offset);
    }
}

impl Setter<'_> {
    fn script(&self, size: f32, factor: f32) -> f32 {
        (size * factor).max(self.full * SMALLEST)
    }

    /// A word in one font, without spaces around it.
    fn word(&self, text: &str, size: f32, letters: Letters) -> Set {
        let is_one = text.chars().nth(1).is_none();
        let (family, italics, size, slant) = match (self.face, letters) {
            (Face::Screen, Letters::Variable) => (FontFamily::Proportional, true, size, 0.08 * size),
            (Face::Screen, _) => (FontFamily::Proportional, false, size, 0.0),
            (Face::Book, Letters::Upright) => (FontFamily::Name(UPRIGHT.into()), false, size, 0.0),
            (Face::Book, Letters::Variable) if is_one => (FontFamily::Name(ITALIC.into()), false, size, 0.03 * size),
            (Face::Book, Letters::Variable) => (FontFamily::Name(WORD.into()), false, size, 0.05 * size),
            (Face::Book, Letters::Prose) => (FontFamily::Proportional, false, size / BOOK_SCALE, 0.0),
        };
        let format = TextFormat {
            font_id: FontId::new(size, family),
            color: Color32::PLACEHOLDER,
            italics,
            ..TextFormat::default()
        };
        // A book's dot of multiplication is smaller than the one in running text.
        let text = if self.face == Face::Book && letters == Letters::Upright && text == "·" { "⋅" } else { text };
        let mut job = LayoutJob::single_section(drawable(text).into_owned(), format);
        job.wrap.max_width = f32::INFINITY;
        let galley = self.painter.layout_job(job);
        let (ascent, descent) = self.face.heights();
        let baseline = galley
            .rows
            .first()
            .and_then(|row| row.glyphs.first().map(|glyph| row.pos.y + glyph.pos.y))
            .unwrap_or(size * ascent);
        let rect = Rect::from_min_size(Pos2::new(0.0, -baseline), galley.size());
        Set {
            width: galley.size().x + slant,
            ascent: ascent * size,
            descent: descent * size,
            pieces: vec![Piece { rect, ink: None, kind: PieceKind::Text(galley) }],
        }
    }

    /// A text with its spaces; powers of ten are written out.
    pub(super) fn text(&self, text: &str, size: f32, letters: Letters) -> Set {
        let trimmed = text.trim_matches(' ');
        let gap = if letters == Letters::Prose { 0.25 } else { self.face.gap(text) } * size;
        let spaces = |n: usize| n as f32 * gap;
        let before = spaces(text.len() - text.trim_start_matches(' ').len());
        if trimmed.is_empty() {
            return Set { width: before, ..Set::default() };
        }
        let after = spaces(text.len() - text.trim_end_matches(' ').len());
        let mut set = Set { width: before, ..Set::default() };
        match power_of_ten(trimmed).filter(|_| self.face == Face::Book && letters == Letters::Upright) {
            Some((mantissa, exponent)) => {
                set.push(self.word(mantissa, size, letters));
                set.width += 0.16 * size;
                set.push(self.word("·", size, letters));
                set.width += 0.16 * size;
                let ten = self.word("10", size, letters);
                set.push(Self::raised(ten, self.word(exponent, self.script(size, SCRIPT_SIZE), letters), size));
            }
            None => set.push(self.word(trimmed, size, letters)),
        }
        set.width += after;
        set
    }

    /// A variable: a hat and primes are set apart from its letter.
    fn variable(&self, name: &str, size: f32) -> Set {
        let is_name = name.chars().any(char::is_alphabetic);
        if self.face == Face::Screen || !is_name {
            return self.text(name, size, if is_name { Letters::Variable } else { Letters::Upright });
        }
        let bare = name.trim_end_matches('′');
        let mut set = match bare {
            "ŷ" => {
                let mut y = self.word("y", size, Letters::Variable);
                let hat = self.word("ˆ", size, Letters::Upright);
                let middle = Vec2::new((y.width - hat.width) / 2.0 + 0.06 * size, -0.02 * size);
                let width = y.width;
                y.append(hat, middle);
                Set { width, ascent: 0.72 * size, ..y }
            }
            bare => self.word(bare, size, Letters::Variable),
        };
        if bare.len() < name.len() {
            let primes = self.word(&name[bare.len()..], self.script(size, SCRIPT_SIZE), Letters::Upright);
            set = Self::raised(set, primes, size);
        }
        set
    }

    /// A base with an exponent.
    fn raised(mut base: Set, exponent: Set, size: f32) -> Set {
        let rise = (base.ascent - exponent.ascent * 0.62).max(0.36 * size);
        let width = base.width;
        base.append(exponent, Vec2::new(width + 0.03 * size, -rise));
        base
    }

    /// Sets a box whose letters have `size`.
    pub(super) fn set(&self, math: &Math, size: f32) -> Set {
        match math {
            Math::Row(parts) => {
                let mut row = Set::default();
                for part in parts {
                    row.push(self.set(part, size));
                }
                row
            }
            Math::Text(text) => self.text(text, size, Letters::Upright),
            Math::Variable(name) => self.variable(name, size),
            Math::Prose(text) => self.text(text, size, Letters::Prose),
            Math::Sub(base, index) => {
                let mut both = self.set(base, size);
                self.lower(&mut both, index, size);
                both
            }
            Math::Sup(base, exponent) => {
                // An index and an exponent of the same base stand one above the other.
                let (base, index) = match &**base {
                    Math::Sub(inner, index) => (&**inner, Some(index)),
                    other => (other, None),
                };
                let base = self.set(base, size);
                let mut lowered = Set { descent: base.descent, ..Set::default() };
                if let Some(index) = index {
                    self.lower(&mut lowered, index, size);
                }
                let width = base.width;
                let mut both = Self::raised(base, self.set(exponent, self.script(size, SCRIPT_SIZE)), size);
                both.append(lowered, Vec2::new(width, 0.0));
                both
            }
            Math::Fraction(above, below) => self.fraction(above, below, size),
            Math::Root(inside) => self.root(inside, size),
            Math::Fenced(inside) => self.fenced(inside, size),
            Math::Marked { math, ink, link } => marked(self.set(math, size), math, *ink, *link),
        }
    }

    fn lower(&self, base: &mut Set, index: &Math, size: f32) {
        let lowered = self.set(index, self.script(size, SCRIPT_SIZE));
        let drop = match self.face {
            Face::Screen => (base.descent - 0.02 * size).max(0.2 * size),
            Face::Book => (base.descent - 0.06 * size).max(0.17 * size),
        };
        let width = base.width;
        base.append(lowered, Vec2::new(width + 0.02 * size, drop));
    }

    fn fraction(&self, above: &Math, below: &Math, size: f32) -> Set {
        let inner = self.script(size, FRACTION_SIZE);
        let (above, below) = (self.set(above, inner), self.set(below, inner));
        let (pad, gap) = match self.face {
            Face::Screen => (0.1 * size, 0.13 * size),
            Face::Book => (0.09 * size, 0.16 * size),
        };
        let bar = match self.face {
            Face::Screen => 0.055 * size,
            Face::Book => 0.05 * size,
        };
        let bar = bar.max(1.0);
        let width = above.width.max(below.width) + 4.0 * pad;
        let axis = -self.face.axis() * size;
        let bar_rect = Rect::from_min_max(Pos2::new(pad, axis - bar / 2.0), Pos2::new(width - pad, axis + bar / 2.0));
        let mut both =
            Set { width, pieces: vec![Piece { rect: bar_rect, ink: None, kind: PieceKind::Bar }], ..Set::default() };
        let up = Vec2::new((width - above.width) / 2.0, bar_rect.top() - gap - above.descent);
        let down = Vec2::new((width - below.width) / 2.0, bar_rect.bottom() + gap + below.ascent);
        both.append(above, up);
        both.append(below, down);
        both.width = width;
        both
    }

    /// A hook and a bar over what it is the root of.
    fn root(&self, inside: &Math, size: f32) -> Set {
        let inside = self.set(inside, size);
        let (hook, gap, stroke) = (0.55 * size, 0.12 * size, (0.05 * size).max(1.0));
        let (top, bottom) = (-inside.ascent - gap, inside.descent);
        let (width, height) = (hook + inside.width + 0.06 * size, bottom - top);
        let down = 0.55 * height;
        // Points count from the corner, as the rectangle of a stroke says where that is.
        let tick = vec![
            Pos2::new(0.06 * size, down),
            Pos2::new(0.16 * size, down - 0.06 * size),
            Pos2::new(0.34 * size, height),
            Pos2::new(hook, 0.0),
            Pos2::new(width, 0.0),
        ];
        let thick = vec![Pos2::new(0.17 * size, down - 0.04 * size), Pos2::new(0.34 * size, height - 0.02 * size)];
        let rect = Rect::from_min_max(Pos2::new(0.0, top), Pos2::new(width, bottom));
        let piece = |points, width| Piece { rect, ink: None, kind: PieceKind::Stroke(points, width) };
        let mut both = Set {
            width,
            ascent: -top + stroke,
            descent: bottom,
            pieces: vec![piece(tick, stroke), piece(thick, 1.8 * stroke)],
        };
        both.append(inside, Vec2::new(hook, 0.0));
        both.width = width;
        both
    }

    /// Brackets, drawn as curves where what they enclose is higher than a line.
    fn fenced(&self, inside: &Math, size: f32) -> Set {
        let inside = self.set(inside, size);
        let (ascent, descent) = self.face.heights();
        let mut row = Set::default();
        if inside.ascent <= 1.3 * ascent * size && inside.descent <= 2.2 * descent * size {
            row.push(self.word("(", size, Letters::Upright));
            row.push(inside);
            row.push(self.word(")", size, Letters::Upright));
            return row;
        }
        let axis = -self.face.axis() * size;
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
        let bracket = |bend: f32| Set {
            width,
            ascent: -top,
            descent: top + 2.0 * half,
            pieces: vec![Piece {
                rect: Rect::from_min_size(Pos2::new(0.0, top), Vec2::new(width, 2.0 * half)),
                ink: None,
                kind: PieceKind::Stroke(curve(bend), stroke),
            }],
        };
        row.push(bracket(-1.0));
        row.push(inside);
        row.push(bracket(1.0));
        row
    }
}

/// A number as `words` writes it with an exponent, in its two parts.
fn power_of_ten(text: &str) -> Option<(&str, &str)> {
    let (mantissa, exponent) = text.split_once('e')?;
    let is_number = |text: &str, point: bool| {
        let digits = text.strip_prefix('−').unwrap_or(text);
        !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit() || (point && c == '.'))
    };
    (is_number(mantissa, true) && is_number(exponent, false)).then_some((mantissa, exponent))
}

/// A box in the colour of its meaning, which may lead to an event.
pub(super) fn marked(mut set: Set, math: &Math, ink: Ink, link: Option<Link>) -> Set {
    for piece in &mut set.pieces {
        piece.ink.get_or_insert(ink);
    }
    if let Some(link) = link {
        let rect = Rect::from_min_max(Pos2::new(0.0, -set.ascent), Pos2::new(set.width, set.descent));
        set.pieces.push(Piece { rect, ink: Some(ink), kind: PieceKind::Link(link, math.plain()) });
    }
    set
}
