//! Sets formulas: stacked fractions with a bar, indices, exponents, slanted variables, colours by meaning.
//!
//! A formula comes as a tree of boxes ([`Math`]) and becomes pieces with places ([`MathLayout`]), which are
//! painted by egui like any other text. This module must not know what a formula says; it only knows that a
//! marked box has a colour and perhaps an event to go to.

use std::borrow::Cow;
use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, CursorIcon, FontId, Galley, Painter, Pos2, Rect, Role, Sense, Stroke, Ui, Vec2, WidgetInfo};
use slowgrad_timeline::scene::{Anchor, Ink, Math};

use crate::theme::Theme;

/// Letters of an index or exponent, relative to their base.
const SCRIPT_SIZE: f32 = 0.68;
/// Letters of a fraction, relative to the text around it.
const FRACTION_SIZE: f32 = 0.88;
/// No box is set smaller than this part of the formula's size.
const SMALLEST: f32 = 0.5;
/// Height of a fraction's bar above the baseline: where this font's minus sign stands.
const AXIS: f32 = 0.27;
/// Ascent and descent of a line of letters; tighter than the font's own, which leaves room for accents.
const ASCENT: f32 = 0.80;
const DESCENT: f32 = 0.22;
const SPACE: f32 = 0.28;

/// What happened to a formula that can be clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MathResponse {
    /// The event of the marked box that was clicked.
    pub clicked: Option<usize>,
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
    Link(usize),
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
    /// Sets a formula on one line.
    pub fn new(painter: &Painter, math: &Math, size: f32) -> Self {
        Self::wrapped(painter, math, size, f32::INFINITY)
    }

    /// Sets a formula on as many lines as the width demands, broken before operators where possible. A
    /// single box wider than the width makes the whole formula smaller, down to about half.
    pub fn wrapped(painter: &Painter, math: &Math, size: f32, max_width: f32) -> Self {
        let mut size = size;
        let mut atoms = atoms(painter, math, size);
        let widest = atoms.iter().map(|atom| atom.set.width).fold(0.0, f32::max);
        if widest > max_width {
            size *= (max_width / widest).max(0.55) * 0.99;
            atoms = self::atoms(painter, math, size);
        }
        let lines = break_lines(atoms, max_width, size);
        let line_gap = 0.42 * size;
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
        Self { size: bounds, baseline: baseline.unwrap_or_default(), pieces }
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
                PieceKind::Link(_) => {}
            }
        }
    }

    /// The places of the boxes that lead to an event, relative to the left top corner.
    fn links(&self) -> impl Iterator<Item = (Rect, usize, Option<Ink>)> + '_ {
        self.pieces.iter().filter_map(|piece| match piece.kind {
            PieceKind::Link(event) => Some((piece.rect, event, piece.ink)),
            _ => None,
        })
    }
}

/// Width and height of a formula on one line.
pub fn measure(painter: &Painter, math: &Math, size: f32) -> Vec2 {
    MathLayout::new(painter, math, size).size()
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
    for (number, (link, event, ink)) in layout.links().enumerate() {
        let area = link.translate(rect.min.to_vec2()).expand2(Vec2::new(1.0, 0.0));
        let part =
            ui.interact(area, response.id.with(number), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
        part.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), math.plain()));
        if part.hovered() || part.has_focus() {
            let shade = ink.map_or(color, |ink| theme.text_color(ink, theme.panel));
            ui.painter().hline(area.x_range(), area.bottom() + 1.0, Stroke::new(1.0, shade));
        }
        if part.clicked() {
            clicked = Some(event);
        }
    }
    if ui.is_rect_visible(rect) {
        layout.paint(ui.painter(), rect.min, color, theme);
    }
    MathResponse { clicked }
}

/// The text with characters that the bundled fonts lack replaced by ones they have.
pub fn drawable(text: &str) -> Cow<'_, str> {
    const MISSING: [(char, char); 13] = [
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
    ];
    let substitute = |c: char| MISSING.iter().find(|(from, _)| *from == c).map(|(_, to)| *to);
    if text.chars().any(|c| substitute(c).is_some()) {
        text.chars().map(|c| substitute(c).unwrap_or(c)).collect::<String>().into()
    } else {
        text.into()
    }
}

fn set_text(painter: &Painter, text: &str, size: f32, italics: bool) -> Set {
    let trimmed = text.trim_matches(' ');
    let spaces = |n: usize| n as f32 * SPACE * size;
    let before = spaces(text.len() - text.trim_start_matches(' ').len());
    if trimmed.is_empty() {
        return Set { width: before, ..Set::default() };
    }
    let after = spaces(text.len() - text.trim_end_matches(' ').len());
    let format = TextFormat {
        font_id: FontId::proportional(size),
        color: Color32::PLACEHOLDER,
        italics,
        ..TextFormat::default()
    };
    let mut job = LayoutJob::single_section(drawable(trimmed).into_owned(), format);
    job.wrap.max_width = f32::INFINITY;
    let galley = painter.layout_job(job);
    let baseline = galley
        .rows
        .first()
        .and_then(|row| row.glyphs.first().map(|glyph| row.pos.y + glyph.pos.y))
        .unwrap_or(size * ASCENT);
    let slant = if italics { 0.08 * size } else { 0.0 };
    let width = galley.size().x;
    let rect = Rect::from_min_size(Pos2::new(before, -baseline), galley.size());
    Set {
        width: before + width + slant + after,
        ascent: ASCENT * size,
        descent: DESCENT * size,
        pieces: vec![Piece { rect, ink: None, kind: PieceKind::Text(galley) }],
    }
}

/// Sets a box whose letters have `size`, within a formula that started with `full`.
fn set(painter: &Painter, math: &Math, size: f32, full: f32) -> Set {
    let smaller = |factor: f32| (size * factor).max(full * SMALLEST);
    match math {
        Math::Row(parts) => {
            let mut row = Set::default();
            for part in parts {
                row.push(set(painter, part, size, full));
            }
            row
        }
        Math::Text(text) => set_text(painter, text, size, false),
        Math::Variable(name) => set_text(painter, name, size, name.chars().any(char::is_alphabetic)),
        Math::Sub(base, index) => {
            let mut both = set(painter, base, size, full);
            lower(painter, &mut both, index, smaller(SCRIPT_SIZE), size, full);
            both
        }
        Math::Sup(base, exponent) => {
            // An index and an exponent of the same base stand one above the other.
            let (base, index) = match &**base {
                Math::Sub(inner, index) => (&**inner, Some(index)),
                other => (other, None),
            };
            let mut both = set(painter, base, size, full);
            let base_width = both.width;
            let script = smaller(SCRIPT_SIZE);
            let raised = set(painter, exponent, script, full);
            let rise = (both.ascent - raised.ascent * 0.55).max(0.34 * size);
            if let Some(index) = index {
                lower(painter, &mut both, index, script, size, full);
            }
            both.append(raised, Vec2::new(base_width + 0.03 * size, -rise));
            both
        }
        Math::Fraction(above, below) => {
            let inner = smaller(FRACTION_SIZE);
            let above = set(painter, above, inner, full);
            let below = set(painter, below, inner, full);
            let (pad, gap) = (0.1 * size, 0.13 * size);
            let bar = (0.055 * size).max(1.0);
            let content = above.width.max(below.width);
            let width = content + 4.0 * pad;
            let axis = -AXIS * size;
            let bar_rect =
                Rect::from_min_max(Pos2::new(pad, axis - bar / 2.0), Pos2::new(width - pad, axis + bar / 2.0));
            let mut both = Set {
                width,
                pieces: vec![Piece { rect: bar_rect, ink: None, kind: PieceKind::Bar }],
                ..Set::default()
            };
            let up = Vec2::new((width - above.width) / 2.0, bar_rect.top() - gap - above.descent);
            let down = Vec2::new((width - below.width) / 2.0, bar_rect.bottom() + gap + below.ascent);
            both.append(above, up);
            both.append(below, down);
            both.width = width;
            both
        }
        Math::Marked { math, ink, event } => marked(set(painter, math, size, full), *ink, *event),
    }
}

fn lower(painter: &Painter, base: &mut Set, index: &Math, script: f32, size: f32, full: f32) {
    let lowered = set(painter, index, script, full);
    let offset = Vec2::new(base.width + 0.02 * size, (base.descent - 0.02 * size).max(0.2 * size));
    base.append(lowered, offset);
}

fn marked(mut set: Set, ink: Ink, event: Option<usize>) -> Set {
    for piece in &mut set.pieces {
        piece.ink.get_or_insert(ink);
    }
    if let Some(event) = event {
        let rect = Rect::from_min_max(Pos2::new(0.0, -set.ascent), Pos2::new(set.width, set.descent));
        set.pieces.push(Piece { rect, ink: Some(ink), kind: PieceKind::Link(event) });
    }
    set
}

/// Cuts a formula into parts that stay together.
fn atoms(painter: &Painter, math: &Math, size: f32) -> Vec<Atom> {
    let mut atoms = Vec::new();
    let mut lead = 0.0;
    collect(painter, math, size, &mut |set| set, &mut lead, &mut atoms);
    atoms
}

fn collect(
    painter: &Painter,
    math: &Math,
    size: f32,
    finish: &mut dyn FnMut(Set) -> Set,
    lead: &mut f32,
    atoms: &mut Vec<Atom>,
) {
    match math {
        Math::Row(parts) => {
            for part in parts {
                collect(painter, part, size, finish, lead, atoms);
            }
        }
        Math::Marked { math, ink, event } => {
            let mut both = |set: Set| finish(marked(set, *ink, *event));
            collect(painter, math, size, &mut both, lead, atoms);
        }
        Math::Text(text) => {
            for word in text.split_inclusive(' ') {
                let body = word.trim_end_matches(' ');
                if !body.is_empty() {
                    let is_operator = matches!(body, "+" | "−" | "-" | "=" | "·" | "×" | "/" | "←" | "→" | "≈");
                    let may_break = *lead > 0.0;
                    let set = finish(set_text(painter, body, size, false));
                    atoms.push(Atom { set, lead: std::mem::take(lead), may_break, is_operator });
                }
                *lead += (word.len() - body.len()) as f32 * SPACE * size;
            }
        }
        other => {
            let may_break = *lead > 0.0;
            let set = finish(set(painter, other, size, size));
            atoms.push(Atom { set, lead: std::mem::take(lead), may_break, is_operator: false });
        }
    }
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
        let replaced = drawable("xᵀ ᵢⱼₖₙₜₗⁿᵗẑ✓✕⚠").into_owned();
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
