//! The parameter paths over a landscape, with the current positions.
//!
//! It must not know whether the landscape is a map or a surface.

use super::super::axes::readout;
use egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, Ui, Vec2};
use egui_plot::LineStyle;
use slowgrad_render::Theme;
use slowgrad_session::{Landscape, PathPoint};
use slowgrad_timeline::number_format;

/// The line style of the comparison's path.
pub(super) const COMPARISON_STYLE: LineStyle = LineStyle::Dashed { length: 5.0 };
/// The line style of later steps and of the previous run.
pub(super) const DOTTED_STYLE: LineStyle = LineStyle::Dotted { spacing: 4.0 };

/// The radius within which a path point is under the pointer.
const HIT_RADIUS_PTS: f32 = 9.0;

/// A part of a path.
pub(super) struct PathLine {
    pub(super) points: Vec<PathPoint>,
    pub(super) color: Color32,
    pub(super) style: LineStyle,
    pub(super) width: f32,
    /// Whether its steps belong to the baseline, so that a click can go to them.
    pub(super) baseline: bool,
}

impl PathLine {
    /// Whether it is drawn from the start of its run.
    pub(super) fn begins(&self) -> bool {
        self.style != DOTTED_STYLE && self.points.first().is_some_and(|first| first.step == 0)
    }

    /// Draws a line; a hidden one is faint.
    pub(super) fn draw_line(&self, painter: &Painter, points: &[Pos2], hidden: bool, theme: &Theme) {
        let (color, width) =
            if hidden { (self.color.gamma_multiply(0.5), 0.65 * self.width) } else { (self.color, self.width) };
        // A dark rim separates the path from any background.
        if self.style == LineStyle::Solid && !hidden {
            let rim = Stroke::new(width + 2.0, theme.background.gamma_multiply(0.75));
            painter.add(Shape::line(points.to_vec(), rim));
        }
        let stroke = Stroke::new(width, color);
        match self.style {
            LineStyle::Solid => {
                painter.add(Shape::line(points.to_vec(), stroke));
            }
            LineStyle::Dashed { length } => painter.extend(Shape::dashed_line(points, stroke, length, 0.7 * length)),
            LineStyle::Dotted { spacing } => {
                painter.extend(Shape::dotted_line(points, color, spacing, 0.6 * width));
            }
        }
    }

    /// Draws the points when they are far enough apart, and the start.
    pub(super) fn draw_points(&self, painter: &Painter, points: &[Pos2], has_start: bool, theme: &Theme) {
        let apart = points.windows(2).map(|pair| pair[0].distance(pair[1])).sum::<f32>() / points.len().max(1) as f32;
        if apart > 5.0 {
            for point in points {
                painter.circle_filled(*point, 0.5 + self.width * 0.7, self.color);
            }
        }
        if let Some(first) = points.first().filter(|_| has_start) {
            painter.circle(*first, 4.0, theme.background, Stroke::new(1.6, self.color));
        }
    }
}

/// The paths up to now and after it, of the previous run, and of the comparison.
pub(super) fn path_lines(landscape: &Landscape, theme: &Theme) -> Vec<PathLine> {
    let surface = &landscape.surface;
    let now = PathPoint { step: surface.step - 1, at: surface.present, loss: Some(surface.loss) };
    let parted = |path: &[PathPoint], now: Option<PathPoint>| {
        let done = path.iter().copied().filter(|point| point.step < surface.step);
        let later = path.iter().copied().filter(|point| point.step >= surface.step);
        let last = now.or_else(|| done.clone().next_back());
        (done.chain(now).collect::<Vec<_>>(), last.into_iter().chain(later).collect::<Vec<_>>())
    };
    let (done, later) = parted(&landscape.path, Some(now));
    let (comparison_done, comparison_later) = parted(&landscape.comparison, None);
    let path = |points, color, style, width, baseline| PathLine { points, color, style, width, baseline };
    let lines = [
        path(landscape.abandoned_branch.clone(), theme.faint, DOTTED_STYLE, 1.2, false),
        path(comparison_later, theme.text.gamma_multiply(0.5), DOTTED_STYLE, 1.2, false),
        path(later, theme.accent.gamma_multiply(0.6), DOTTED_STYLE, 1.4, true),
        path(comparison_done, theme.text, COMPARISON_STYLE, 1.8, false),
        path(done, theme.accent, LineStyle::Solid, 2.2, true),
    ];
    lines.into_iter().filter(|path| !path.points.is_empty()).collect()
}

/// Draws the current positions. `place` returns the screen position of a point and whether it is hidden.
pub(super) fn balls(
    painter: &Painter,
    landscape: &Landscape,
    theme: &Theme,
    place: impl Fn(&PathPoint) -> Option<(Pos2, bool)>,
) {
    let surface = &landscape.surface;
    // A hidden ball is drawn as a ring.
    let ball = |at: Pos2, radius: f32, color: Color32, hidden: bool| {
        if hidden {
            painter.circle_stroke(at, radius, Stroke::new(1.5, color));
        } else {
            painter.circle(at, radius, color, Stroke::new(1.5, theme.background));
        }
    };
    let comparison = landscape.comparison.iter().rev().find(|point| point.step < surface.step && point.loss.is_some());
    if let Some((at, hidden)) = comparison.and_then(&place) {
        ball(at, 5.5, theme.text, hidden);
    }
    let now = PathPoint { step: surface.step - 1, at: surface.present, loss: Some(surface.loss) };
    if let Some((at, hidden)) = place(&now) {
        ball(at, 7.0, theme.accent, hidden);
        if !hidden {
            painter.circle_filled(at - Vec2::splat(2.0), 2.0, Color32::from_white_alpha(190));
        }
    }
}

/// Shows the step of the path point under the pointer; returns the step when it belongs to the baseline.
pub(super) fn path_under_pointer(
    ui: &Ui,
    frame: Rect,
    pointer: Pos2,
    near: &[((Pos2, PathPoint), bool)],
    theme: &Theme,
) -> Option<u64> {
    let within = near.iter().filter(|((at, _), _)| at.distance(pointer) < HIT_RADIUS_PTS);
    let nearest = within.min_by(|a, b| a.0.0.distance(pointer).total_cmp(&b.0.0.distance(pointer)))?;
    let ((at, point), baseline) = nearest;
    let step = point.step + 1;
    let loss = point.loss.map_or_else(|| "not computed yet".to_owned(), |loss| number_format::number(loss, 4));
    let go = if *baseline { "\nclick to go to this step" } else { "" };
    let [x, y] = point.at.map(|value| number_format::number(value, 4));
    ui.painter().circle_stroke(*at, 6.0, Stroke::new(1.5, theme.text));
    readout(ui, frame, *at, &format!("step {step}\n{x}, {y}\nL {loss}{go}"), theme);
    baseline.then_some(step)
}
