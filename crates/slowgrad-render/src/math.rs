//! Sets formulas: stacked fractions with a bar, indices, exponents, slanted variables, colours by meaning.
//!
//! A formula comes as a tree of boxes ([`Math`]) and becomes pieces with places ([`MathLayout`]), which are
//! painted by egui like any other text. This module must not know what a formula says; it only knows that a
//! marked box has a colour and perhaps an event to go to.

use std::borrow::Cow;
use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{
    Color32, CursorIcon, FontFamily, FontId, Galley, Painter, Pos2, Rect, Role, Sense, Stroke, Ui, Vec2, WidgetInfo,
};
use slowgrad_timeline::scene::{Anchor, Ink, Link, Math};

use crate::theme::Theme;

/// Letters of an index or exponent, relative to their base.
const SCRIPT_SIZE: f32 = 0.68;
/// Letters of a fraction, relative to the text around it.
const FRACTION_SIZE: f32 = 0.9;
/// No box is set smaller than this part of the formula's size.
const SMALLEST: f32 = 0.5;
/// A book's letters look smaller than those of the screen's font at the same size.
const BOOK_SCALE: f32 = 1.14;

/// Which letters a formula is set in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Face {
    /// The screen's font, which can be read when it is small: labels in the network.
    Screen,
    /// A textbook's: upright numbers, italic variables.
    Book,
}

impl Face {
    /// Height of a fraction's bar above the baseline: where the font's minus sign stands.
    fn axis(self) -> f32 {
        match self {
            Face::Screen => 0.27,
            Face::Book => 0.25,
        }
    }

    /// Ascent and descent of a line of letters; tighter than the font's own, which leaves room for accents.
    fn heights(self) -> (f32, f32) {
        match self {
            Face::Screen => (0.80, 0.22),
            Face::Book => (0.71, 0.21),
        }
    }

    /// The gap that stands for a space beside an operator: relations stand freer than sums and products.
    fn gap(self, text: &str) -> f32 {
        match (self, text.trim()) {
            (Face::Book, "·" | "+" | "−" | "/" | "mod") => 0.22,
            _ => 0.28,
        }
    }
}

/// Of what kind letters are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    Upright,
    Variable,
    Prose,
}

/// What all boxes of a formula have in common.
struct Setter<'a> {
    painter: &'a Painter,
    face: Face,
    /// The size of the whole formula.
    full: f32,
}

/// What happened to a formula that can be clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MathResponse {
    /// Where the marked box that was clicked came from.
    pub clicked: Option<Link>,
}

/// A formula whose pieces have found their places.
#[derive(Debug, Clone)]
pub struct MathLayout {
    size: Vec2,
    /// From the top down to the baseline of the first line.
    baseline: f32,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
struct Piece {
    rect: Rect,
    ink: Option<Ink>,
    kind: PieceKind,
}

#[derive(Debug, Clone)]
enum PieceKind {
    /// `rect.min` is where the text's own box starts.
    Text(Arc<Galley>),
    Bar,
    /// A root's or a high bracket's stroke: points and width.
    Stroke(Vec<Pos2>, f32),
    Link(Link, String),
}

/// A box with its baseline at y = 0; ascent and descent are positive.
#[derive(Debug, Default)]
struct Set {
    width: f32,
    ascent: f32,
    descent: f32,
    pieces: Vec<Piece>,
}

impl Set {
    fn append(&mut self, other: Set, offset: Vec2) {
        self.width = self.width.max(offset.x + other.width);
        self.ascent = self.ascent.max(other.ascent - offset.y);
        self.descent = self.descent.max(other.descent + offset.y);
        self.pieces.extend(other.pieces.into_iter().map(|piece| Piece { rect: piece.rect.translate(offset), ..piece }));
    }

    fn push(&mut self, other: Set) {
        let offset = Vec2::new(self.width, 0.0);
        self.append(other, offset);
    }
}

/// A part of a formula that stays on one line.
struct Atom {
    set: Set,
    /// Room before it, dropped at the start of a line.
    lead: f32,
    /// A line may start here, and preferably where an operator stands.
    may_break: bool,
    is_operator: bool,
}

impl MathLayout {
    /// Sets a formula on one line, in the letters of labels.
    pub fn new(painter: &Painter, math: &Math, size: f32) -> Self {
        Self::set(painter, math, size, f32::INFINITY, Face::Screen)
    }

    /// Sets a formula as a textbook prints it, on as many lines as the width demands, broken before operators where
    /// possible. A single box wider than the width makes the whole formula smaller, down to about half.
    pub fn wrapped(painter: &Painter, math: &Math, size: f32, max_width: f32) -> Self {
        // A context that has just been made gets its fonts with its second frame.
        let is_there =
            painter.fonts_mut(|fonts| fonts.definitions().families.contains_key(&FontFamily::Name(UPRIGHT.into())));
        let (face, size) = if is_there { (Face::Book, BOOK_SCALE * size) } else { (Face::Screen, size) };
        Self::set(painter, math, size, max_width, face)
    }

    fn set(painter: &Painter, math: &Math, size: f32, max_width: f32, face: Face) -> Self {
        let mut setter = Setter { painter, face, full: size };
        let mut atoms = setter.atoms(math);
        let widest = atoms.iter().map(|atom| atom.set.width).fold(0.0, f32::max);
        if widest > max_width {
            setter.full *= (max_width / widest).max(0.55) * 0.99;
            atoms = setter.atoms(math);
        }
        let lines = break_lines(atoms, max_width, setter.full);
        let line_gap = 0.42 * setter.full;
        let mut pieces = Vec::new();
        let mut bounds = Vec2::ZERO;
        let mut baseline = None;
        for line in lines {
            if baseline.is_some() {
                bounds.y += line_gap;
            }
            let offset = Vec2::new(0.0, bounds.y + line.ascent);
            baseline.get_or_insert(offset.y);
            bounds.x = bounds.x.max(line.width);
            bounds.y += line.ascent + line.descent;
            pieces.extend(line.pieces.into_iter().map(|piece| Piece { rect: piece.rect.translate(offset), ..piece }));
        }
        Self { size: bounds.ceil(), baseline: baseline.unwrap_or_default(), pieces }
    }

    /// Width and height.
    pub fn size(&self) -> Vec2 {
        self.size
    }

    /// From the top down to the baseline of the first line.
    pub fn baseline(&self) -> f32 {
        self.baseline
    }

    /// Paints it with its left top corner at `pos`; what is not marked takes `color`.
    pub fn paint(&self, painter: &Painter, pos: Pos2, color: Color32, theme: &Theme) {
        for piece in &self.pieces {
            let color = piece.ink.map_or(color, |ink| {
                let shade = theme.text_color(ink, theme.panel);
                if color.a() == 255 { shade } else { shade.gamma_multiply(color.a() as f32 / 255.0) }
            });
            let rect = piece.rect.translate(pos.to_vec2());
            match &piece.kind {
                PieceKind::Text(galley) => painter.galley(rect.min, Arc::clone(galley), color),
                PieceKind::Bar => {
                    painter.rect_filled(rect, 0.0, color);
                }
                PieceKind::Stroke(points, width) => {
                    let points = points.iter().map(|point| *point + rect.min.to_vec2()).collect();
                    painter.add(egui::Shape::line(points, Stroke::new(*width, color)));
                }
                PieceKind::Link(..) => {}
            }
        }
    }

    /// The places of the boxes that lead to an event, relative to the left top corner.
    fn links(&self) -> impl Iterator<Item = (Rect, Link, &str, Option<Ink>)> + '_ {
        self.pieces.iter().filter_map(|piece| match &piece.kind {
            PieceKind::Link(link, text) => Some((piece.rect, *link, text.as_str(), piece.ink)),
            _ => None,
        })
    }
}

/// Width and height of a formula on one line, in a textbook's letters.
pub fn measure(painter: &Painter, math: &Math, size: f32) -> Vec2 {
    MathLayout::wrapped(painter, math, size, f32::INFINITY).size()
}

/// Where a box of this size has its left top corner when it hangs on `pos`.
pub fn place(pos: Pos2, anchor: Anchor, size: Vec2) -> Pos2 {
    match anchor {
        Anchor::Center => pos - size / 2.0,
        Anchor::Above => pos - Vec2::new(size.x / 2.0, size.y),
        Anchor::Below => pos - Vec2::new(size.x / 2.0, 0.0),
        Anchor::Left => pos - Vec2::new(size.x, size.y / 2.0),
        Anchor::Right => pos - Vec2::new(0.0, size.y / 2.0),
    }
}

/// Paints a formula on one line and says which area it covers.
pub fn paint_math(
    painter: &Painter,
    pos: Pos2,
    anchor: Anchor,
    math: &Math,
    size: f32,
    color: Color32,
    theme: &Theme,
) -> Rect {
    let layout = MathLayout::new(painter, math, size);
    let corner = place(pos, anchor, layout.size());
    layout.paint(painter, corner, color, theme);
    Rect::from_min_size(corner, layout.size())
}

/// A formula as a widget, in the colour of ordinary text, wrapped to the width at hand.
pub fn math_ui(ui: &mut Ui, math: &Math, size: f32, theme: &Theme) -> MathResponse {
    colored_math_ui(ui, math, size, theme.text, theme)
}

/// A formula as a widget, in a colour of one's own where it is not marked.
pub fn colored_math_ui(ui: &mut Ui, math: &Math, size: f32, color: Color32, theme: &Theme) -> MathResponse {
    let layout = MathLayout::wrapped(ui.painter(), math, size, ui.available_width());
    let (rect, response) = ui.allocate_exact_size(layout.size(), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, ui.is_enabled(), math.plain()));
    let mut clicked = None;
    for (number, (place, link, text, ink)) in layout.links().enumerate() {
        let area = place.translate(rect.min.to_vec2()).expand2(Vec2::new(1.0, 0.0));
        let part =
            ui.interact(area, response.id.with(number), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
        part.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), format!("where {text} came from")));
        let shade = ink.map_or(color, |ink| theme.text_color(ink, theme.panel));
        // A fine line says what can be followed; under the pointer it is a clear one.
        let strength = if part.hovered() || part.has_focus() { 1.0 } else { 0.3 };
        let line = Stroke::new(1.0, shade.gamma_multiply(strength));
        ui.painter().hline(area.x_range(), area.bottom() + 0.5, line);
        if part.clicked() {
            clicked = Some(link);
        }
    }
    if ui.is_rect_visible(rect) {
        layout.paint(ui.painter(), rect.min, color, theme);
    }
    MathResponse { clicked }
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

/// The font family of a textbook's upright letters.
pub(crate) const UPRIGHT: &str = "book upright";
/// That of a variable of one letter.
pub(crate) const ITALIC: &str = "book italic";
/// That of a variable whose name is a word.
pub(crate) const WORD: &str = "book word";

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
    fn text(&self, text: &str, size: f32, letters: Letters) -> Set {
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
    fn set(&self, math: &Math, size: f32) -> Set {
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

    /// Cuts a formula into parts that stay together.
    fn atoms(&self, math: &Math) -> Vec<Atom> {
        let mut atoms = Vec::new();
        let mut lead = 0.0;
        self.collect(math, &mut |set| set, &mut lead, &mut atoms);
        atoms
    }

    fn collect(&self, math: &Math, finish: &mut dyn FnMut(Set) -> Set, lead: &mut f32, atoms: &mut Vec<Atom>) {
        let size = self.full;
        match math {
            Math::Row(parts) => {
                for part in parts {
                    self.collect(part, finish, lead, atoms);
                }
            }
            // What is clicked is one piece.
            Math::Marked { math: inner, ink, link: link @ None } => {
                let mut both = |set: Set| finish(marked(set, inner, *ink, *link));
                self.collect(inner, &mut both, lead, atoms);
            }
            Math::Text(text) | Math::Prose(text) => {
                let letters = if matches!(math, Math::Prose(_)) { Letters::Prose } else { Letters::Upright };
                let gap = if letters == Letters::Prose { 0.25 } else { self.face.gap(text) } * size;
                for word in text.split_inclusive(' ') {
                    let body = word.trim_end_matches(' ');
                    if !body.is_empty() {
                        let is_operator =
                            matches!(body, "+" | "−" | "-" | "=" | "·" | "×" | "/" | "←" | "→" | "≈" | "+=");
                        let may_break = *lead > 0.0;
                        let set = finish(self.text(body, size, letters));
                        atoms.push(Atom { set, lead: std::mem::take(lead), may_break, is_operator });
                    }
                    *lead += (word.len() - body.len()) as f32 * gap;
                }
            }
            other => {
                let may_break = *lead > 0.0;
                let set = finish(self.set(other, size));
                atoms.push(Atom { set, lead: std::mem::take(lead), may_break, is_operator: false });
            }
        }
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

fn marked(mut set: Set, math: &Math, ink: Ink, link: Option<Link>) -> Set {
    for piece in &mut set.pieces {
        piece.ink.get_or_insert(ink);
    }
    if let Some(link) = link {
        let rect = Rect::from_min_max(Pos2::new(0.0, -set.ascent), Pos2::new(set.width, set.descent));
        set.pieces.push(Piece { rect, ink: Some(ink), kind: PieceKind::Link(link, math.plain()) });
    }
    set
}

/// Fills lines from the left. A line that is too long goes on the next one from its last operator, or else
/// from its last space; continued lines are set in a little.
fn break_lines(atoms: Vec<Atom>, max_width: f32, size: f32) -> Vec<Set> {
    let indent = if max_width > 14.0 * size { size } else { 0.0 };
    let mut starts = vec![0];
    let mut x = 0.0;
    for (i, atom) in atoms.iter().enumerate() {
        let start = starts[starts.len() - 1];
        let lead = if i == start { 0.0 } else { atom.lead };
        let end = x + lead + atom.set.width;
        if end <= max_width || i == start {
            x = end;
            continue;
        }
        let candidates = start + 1..=i;
        let at_operator = candidates.clone().rev().find(|&j| atoms[j].may_break && atoms[j].is_operator);
        // An operator far back would leave the line half empty; prose breaks at its last space instead.
        let width_to = |j: usize| atoms[start..j].iter().map(|a| a.lead + a.set.width).sum::<f32>();
        let next = at_operator
            .filter(|&j| width_to(j) > 0.4 * max_width)
            .or_else(|| candidates.rev().find(|&j| atoms[j].may_break))
            .unwrap_or(i);
        starts.push(next);
        x = indent + atoms[next].set.width;
        x += atoms[next + 1..=i.max(next)].iter().map(|a| a.lead + a.set.width).sum::<f32>();
    }
    let mut lines: Vec<Set> = Vec::new();
    for (i, atom) in atoms.into_iter().enumerate() {
        if starts.contains(&i) {
            let width = if lines.is_empty() { 0.0 } else { indent };
            lines.push(Set { width, ..Set::default() });
        } else if let Some(line) = lines.last_mut() {
            line.width += atom.lead;
        }
        if let Some(line) = lines.last_mut() {
            line.push(atom.set);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs `check` with a painter whose fonts are loaded.
    fn with_painter(check: impl Fn(&Painter)) {
        let ctx = egui::Context::default();
        crate::theme::install_fonts(&ctx);
        for _ in 0..2 {
            let output = ctx.run_ui(egui::RawInput::default(), |ui| check(ui.painter()));
            output.drop_without_applying_deltas();
        }
    }

    fn quotient() -> Math {
        Math::fraction(
            Math::row([Math::text("∂"), Math::variable("L")]),
            Math::row([Math::text("∂"), Math::indexed("w", "12")]),
        )
    }

    #[test]
    fn fractions_are_taller_and_indices_are_smaller_than_letters() {
        with_painter(|painter| {
            let letter = measure(painter, &Math::variable("L"), 20.0);
            let fraction = measure(painter, &quotient(), 20.0);
            assert!(fraction.y > 1.7 * letter.y);
            let indexed = measure(painter, &Math::indexed("w", "w"), 20.0);
            let twice = 2.0 * measure(painter, &Math::variable("w"), 20.0).x;
            assert!(indexed.x < twice);
            assert!(indexed.y > letter.y);
        });
    }

    #[test]
    fn size_scales_the_whole_formula() {
        with_painter(|painter| {
            let (one, two) = (measure(painter, &quotient(), 16.0), measure(painter, &quotient(), 32.0));
            assert!((two.x / one.x - 2.0).abs() < 0.15, "{one} {two}");
            assert!((two.y / one.y - 2.0).abs() < 0.15, "{one} {two}");
        });
    }

    #[test]
    fn long_formulas_wrap_before_an_operator_and_keep_to_the_width() {
        with_painter(|painter| {
            let term = || Math::row([Math::indexed("w", "1"), Math::text(" · "), Math::variable("x")]);
            let parts = (0..12).flat_map(|i| [Math::text(if i == 0 { "= " } else { " + " }), term()]);
            let layout = MathLayout::wrapped(painter, &Math::row(parts), 18.0, 200.0);
            assert!(layout.size().x <= 200.0);
            assert!(layout.size().y > 3.0 * 18.0);
        });
    }

    #[test]
    fn prose_wraps_at_spaces() {
        with_painter(|painter| {
            let text = Math::text("the derivative of relu is zero because its input is negative here");
            let layout = MathLayout::wrapped(painter, &text, 14.0, 160.0);
            assert!(layout.size().x <= 160.0);
            assert!(layout.size().y > 30.0);
        });
    }

    #[test]
    fn a_box_that_is_too_wide_makes_the_formula_smaller() {
        with_painter(|painter| {
            let wide = Math::fraction(Math::text("0.123456789 · 0.123456789"), Math::text("2"));
            let free = measure(painter, &wide, 30.0).x;
            let layout = MathLayout::wrapped(painter, &wide, 30.0, free * 0.7);
            assert!(layout.size().x <= free * 0.7 + 0.5);
        });
    }

    #[test]
    fn every_glyph_of_the_program_is_in_the_bundled_fonts() {
        let needed = "∂δηθαβγλμσεωφπρτΔΣΘ·−×÷ŷȳ←→↑↓⇒∑√∏½²³⁰⁴⁺⁻₀₁₂₃₄₅₆₇₈₉≤≥≠≈∞◀▶◂▸●○…′∇±ℓ⊙∘|—–";
        let replaced = drawable("xᵀ ᵢⱼₖₙₜₗⁿᵗẑ✓✕⚠❄").into_owned();
        with_painter(|painter| {
            for family in [FontId::proportional(14.0), FontId::monospace(14.0)] {
                for c in needed.chars().chain(replaced.chars()) {
                    let known = painter.fonts_mut(|fonts| fonts.has_glyph(&family, c));
                    // The first pass still has egui's own fonts.
                    assert!(known || painter.ctx().cumulative_pass_nr() == 0, "{c:?} in {family:?}");
                }
            }
        });
    }
}
