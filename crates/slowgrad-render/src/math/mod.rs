//! Sets formulas: stacked fractions with a bar, indices, exponents, slanted variables, colours by meaning.
//!
//! A formula comes as a tree of boxes ([`Math`]) and becomes pieces with places ([`MathLayout`]), which are
//! painted by egui like any other text. This module must not know what a formula says; it only knows that a
//! marked box has a colour and perhaps an event to go to.

mod boxes;
mod lines;
mod typeface;
mod widget;

use std::sync::Arc;

use boxes::Setter;
use egui::{Color32, FontFamily, Galley, Painter, Pos2, Rect, Stroke, Vec2};
use lines::break_lines;
use slowgrad_timeline::scene::{Anchor, Ink, Link, Math};
pub use typeface::drawable;
use typeface::{BOOK_SCALE, Face};
pub(crate) use typeface::{ITALIC, UPRIGHT, WORD};
pub use widget::{MathResponse, colored_math_ui, math_ui};

use crate::theme::Theme;

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

#[cfg(test)]
mod tests {
    use super::*;
    use egui::FontId;

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
