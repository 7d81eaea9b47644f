//! Math layout: stacked fractions, indices, exponents, roots and brackets, coloured by meaning.
//!
//! A formula is a tree of boxes ([`Math`]). [`MathLayout`] turns it into positioned pieces, which egui paints like any
//! other text. This module must not know the meaning of a formula; it only knows that a marked box has a colour and
//! possibly a link.

mod boxes;
mod lines;
mod piece;
mod typeface;
mod widget;

use std::sync::Arc;

use boxes::Typesetter;
use egui::{Color32, FontFamily, Painter, Pos2, Rect, Stroke, Vec2};
use lines::break_lines;
use piece::{MathPiece, MathPieceKind};
use slowgrad_timeline::scene::{Anchor, Ink, Link, Math};
use typeface::{PRINT_SCALE, Typeface};
pub use widget::{MathResponse, colored_math_ui, math_ui};

use crate::fonts::MATH_UPRIGHT;
use crate::theme::Theme;

/// A formula whose pieces have positions. Sizes are in points.
#[derive(Debug, Clone)]
pub struct MathLayout {
    size: Vec2,
    /// Distance from the top to the baseline of the first line.
    baseline: f32,
    pieces: Vec<MathPiece>,
}

/// A formula that is too wide shrinks to this factor at most.
const MIN_SHRINK: f32 = 0.55;

impl MathLayout {
    /// Lays out a formula on one line in the interface font, as labels of the network show it.
    pub fn new(painter: &Painter, math: &Math, size: f32) -> Self {
        Self::typeset(painter, math, size, f32::INFINITY, Typeface::Screen)
    }

    /// Lays out a formula in print fonts, wrapped to `max_width`. Lines break before operators where possible. If a
    /// single box is wider than `max_width`, the whole formula shrinks, down to about half its size.
    pub fn wrapped(painter: &Painter, math: &Math, size: f32, max_width: f32) -> Self {
        // A new context has its fonts from the second frame on.
        let upright = FontFamily::Name(MATH_UPRIGHT.into());
        let installed = painter.fonts_mut(|fonts| fonts.definitions().families.contains_key(&upright));
        let (typeface, size) = if installed { (Typeface::Print, PRINT_SCALE * size) } else { (Typeface::Screen, size) };
        Self::typeset(painter, math, size, max_width, typeface)
    }

    fn typeset(painter: &Painter, math: &Math, size: f32, max_width: f32, typeface: Typeface) -> Self {
        let mut typesetter = Typesetter { painter, typeface, size };
        let mut atoms = typesetter.atoms(math);
        let widest = atoms.iter().map(|atom| atom.contents.width).fold(0.0, f32::max);
        if widest > max_width {
            typesetter.size *= (max_width / widest).max(MIN_SHRINK) * 0.99;
            atoms = typesetter.atoms(math);
        }
        let lines = break_lines(atoms, max_width, typesetter.size);
        let line_gap = 0.42 * typesetter.size;
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
            pieces.extend(line.pieces.into_iter().map(|piece| piece.translate(offset)));
        }
        Self { size: bounds.ceil(), baseline: baseline.unwrap_or_default(), pieces }
    }

    /// Width and height in points.
    pub fn size(&self) -> Vec2 {
        self.size
    }

    /// Distance in points from the top to the baseline of the first line.
    pub fn baseline(&self) -> f32 {
        self.baseline
    }

    /// Paints the formula with its top left corner at `pos`. Unmarked boxes take `color`.
    pub fn paint(&self, painter: &Painter, pos: Pos2, color: Color32, theme: &Theme) {
        for piece in &self.pieces {
            let color = piece.ink.map_or(color, |ink| {
                let shade = theme.text_color(ink, theme.panel);
                if color.a() == 255 { shade } else { shade.gamma_multiply(color.a() as f32 / 255.0) }
            });
            let rect = piece.rect.translate(pos.to_vec2());
            match &piece.kind {
                MathPieceKind::Text(galley) => painter.galley(rect.min, Arc::clone(galley), color),
                MathPieceKind::Bar => {
                    painter.rect_filled(rect, 0.0, color);
                }
                MathPieceKind::Stroke(points, width) => {
                    let points = points.iter().map(|point| *point + rect.min.to_vec2()).collect();
                    painter.add(egui::Shape::line(points, Stroke::new(*width, color)));
                }
                MathPieceKind::Link(..) => {}
            }
        }
    }

    /// The clickable boxes with their plain text and colour; rectangles are relative to the top left corner.
    fn links(&self) -> impl Iterator<Item = (Rect, Link, &str, Option<Ink>)> + '_ {
        self.pieces.iter().filter_map(|piece| match &piece.kind {
            MathPieceKind::Link(link, text) => Some((piece.rect, *link, text.as_str(), piece.ink)),
            _ => None,
        })
    }
}

/// Width and height in points of a formula on one line in print fonts.
pub fn measure(painter: &Painter, math: &Math, size: f32) -> Vec2 {
    MathLayout::wrapped(painter, math, size, f32::INFINITY).size()
}

/// The top left corner of a box of this size that is anchored at `pos`.
pub fn anchored(pos: Pos2, anchor: Anchor, size: Vec2) -> Pos2 {
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

    /// Runs `check` with a painter, once before and once after the fonts are loaded.
    fn with_painter(check: impl Fn(&Painter)) {
        let ctx = egui::Context::default();
        crate::fonts::install_fonts(&ctx);
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
    fn fractions_are_taller_than_a_letter_and_indices_smaller() {
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
    fn font_size_scales_the_whole_formula() {
        with_painter(|painter| {
            let (one, two) = (measure(painter, &quotient(), 16.0), measure(painter, &quotient(), 32.0));
            assert!((two.x / one.x - 2.0).abs() < 0.15, "{one} {two}");
            assert!((two.y / one.y - 2.0).abs() < 0.15, "{one} {two}");
        });
    }

    #[test]
    fn long_formulas_wrap_within_the_width() {
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
    fn a_formula_shrinks_if_a_box_is_too_wide() {
        with_painter(|painter| {
            let wide = Math::fraction(Math::text("0.123456789 · 0.123456789"), Math::text("2"));
            let free = measure(painter, &wide, 30.0).x;
            let layout = MathLayout::wrapped(painter, &wide, 30.0, free * 0.7);
            assert!(layout.size().x <= free * 0.7 + 0.5);
        });
    }
}
