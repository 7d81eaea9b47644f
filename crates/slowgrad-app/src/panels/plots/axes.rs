//! Common parts of all plots: axes with round numbers, a legend, and a readout under the pointer.
//!
//! It must not know the data.

use egui::{Align2, Color32, FontId, Mesh, Pos2, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, Vec2, Vec2b};
use egui_plot::{AxisHints, GridMark, LineStyle, Plot, PlotBounds, PlotPoint, PlotTransform, PlotUi};
use slowgrad_render::Theme;
use slowgrad_tape::math;
use slowgrad_timeline::number_format;

/// An axis.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    /// The quantity.
    pub(super) label: String,
    /// The range `[low, high]`, in decimal logarithms on a logarithmic axis.
    pub(super) range: [f64; 2],
    /// Whether the axis shows 10ˣ at x.
    pub(super) log: bool,
    /// Whether it counts steps.
    pub(super) counts_steps: bool,
}

impl Axis {
    pub(super) fn new(label: impl Into<String>, range: [f64; 2]) -> Self {
        Self { label: label.into(), range, log: false, counts_steps: false }
    }

    /// An axis of steps, from the first to `last`.
    pub(super) fn steps(last: f64, log: bool) -> Self {
        let (first, last) = if log { (0.0, math::log10(last.max(2.0))) } else { (1.0, last.max(2.0)) };
        let margin = 0.03 * (last - first);
        Self { counts_steps: true, log, ..Self::new("step", [first - margin, last + margin]) }
    }

    /// An axis around values with a margin. A logarithmic axis takes logarithms.
    pub(super) fn around(label: &str, values: impl Iterator<Item = f64>, log: bool) -> Self {
        let finite = values.filter(|value| value.is_finite());
        let (low, high) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        let (low, high) = if low > high { (0.0, 1.0) } else { (low, high) };
        let wider = if high > low { 0.07 * (high - low) } else { 0.5 * high.abs().max(1.0) };
        // Numbers that are not negative leave no room below 0, where a thick line could seem to reach.
        let below = if low == 0.0 && !log && high > 0.0 { 0.0 } else { wider };
        Self { log, ..Self::new(label, [low - below, high + wider]) }
    }

    fn text(&self, mark: GridMark) -> String {
        let value = mark.value;
        if self.log {
            let value = math::pow(10.0, value);
            return if self.counts_steps { count(value) } else { number_format::number(value, 3) };
        }
        // Rounds a mark near 0 to exactly 0.
        let value = if value.abs() < 1e-6 * mark.step_size { 0.0 } else { value };
        if self.counts_steps { count(value) } else { plain(value) }
    }

    fn marks(&self, bounds: (f64, f64), parts: f64) -> Vec<GridMark> {
        let (low, high) = bounds;
        // A short range between powers of ten has linear marks.
        if !self.log || (high - low < 0.7 && !self.counts_steps) {
            let least = if self.counts_steps { 1.0 } else { 0.0 };
            return marks(bounds, parts, least);
        }
        // Powers of ten, with twos and fives in a short range.
        let every = ((high - low) / parts).ceil().max(1.0);
        let between: &[f64] = if high - low < 2.5 { &[1.0, 2.0, 5.0] } else { &[1.0] };
        let decades = (low / every).floor() as i64..=(high / every).ceil() as i64;
        let values =
            decades.flat_map(|decade| between.iter().map(move |part| decade as f64 * every + math::log10(*part)));
        let seen = values.filter(|value| (low..=high).contains(value));
        seen.map(|value| GridMark { value, step_size: every }).collect()
    }
}

/// Marks at round numbers that divide a range into about `parts` parts, at least `least` apart.
pub(crate) fn marks((low, high): (f64, f64), parts: f64, least: f64) -> Vec<GridMark> {
    let part = ((high - low) / parts).max(least);
    if !part.is_finite() || part <= 0.0 {
        return Vec::new();
    }
    let decade = math::pow(10.0, math::log10(part).floor());
    let step_size = [1.0, 2.0, 5.0, 10.0].map(|times| times * decade).into_iter().find(|step| *step >= part);
    let step_size = step_size.unwrap_or(part);
    let marks = (low / step_size).ceil() as i64..=(high / step_size).floor() as i64;
    marks.map(|nth| GridMark { value: nth as f64 * step_size, step_size }).collect()
}

/// A number at a mark, without rounding noise.
pub(crate) fn plain(value: f64) -> String {
    number_format::number(format!("{value:.9e}").parse().unwrap_or(value), 3)
}

/// A number of steps in a few letters: 12k, 1.5M.
pub(crate) fn count(steps: f64) -> String {
    match steps {
        1e6.. => format!("{}M", number_format::number(steps / 1e6, 3)),
        1e4.. => format!("{}k", number_format::number(steps / 1e3, 3)),
        0.0.. => number_format::number(steps, 4),
        // The margin to the left of the first step.
        _ => String::new(),
    }
}

/// A plot as drawn in this frame.
pub(super) struct DrawnPlot {
    pub(super) response: Response,
    pub(super) transform: PlotTransform,
    /// The position of the pointer in the plot.
    pub(super) pointer: Option<PlotPoint>,
}

impl DrawnPlot {
    pub(super) fn at(&self, x: f64, y: f64) -> Pos2 {
        self.transform.position_from_point(&PlotPoint::new(x, y))
    }

    pub(super) fn frame(&self) -> Rect {
        *self.transform.frame()
    }
}

/// Draws a plot into the available space: shapes behind the grid, then the lines.
pub(super) fn plot_ui<'a>(
    ui: &mut Ui,
    name: &str,
    [x, y]: [Axis; 2],
    theme: &Theme,
    behind: impl FnOnce(&PlotTransform) -> Vec<Shape>,
    lines: impl FnOnce(&mut PlotUi<'a>) + 'a,
) -> DrawnPlot {
    let size = ui.available_size();
    let (wide, high) = (f64::from(size.x / 70.0).clamp(2.0, 8.0), f64::from(size.y / 45.0).clamp(2.0, 8.0));
    let bounds = PlotBounds::from_min_max([x.range[0], y.range[0]], [x.range[1], y.range[1]]);
    let label = |text: &str| egui::RichText::new(text).size(12.0).color(theme.faint);
    let hints = |hints: AxisHints<'a>, axis: &Axis| {
        let (axis, label) = (axis.clone(), label(&axis.label));
        let hints = hints.tick_label_color(theme.faint).tick_label_font(FontId::proportional(11.5)).label(label);
        hints.formatter(move |mark, _| axis.text(mark))
    };
    let plot = Plot::new(name)
        .width(size.x)
        .height(size.y)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .allow_axis_zoom_drag(false)
        .sense(Sense::click())
        .show_background(false)
        .show_x(false)
        .show_y(false)
        .show_crosshair(false)
        .label_formatter(|_| None)
        .grid_color(theme.line)
        .grid_fade(1.0)
        .show_grid(Vec2b::TRUE)
        // The plot may be small: few labels, but more than one.
        .custom_x_axes(vec![hints(AxisHints::new_x(), &x).label_spacing(20.0..=30.0)])
        .custom_y_axes(vec![hints(AxisHints::new_y(), &y).label_spacing(6.0..=10.0).min_thickness(30.0)])
        .x_grid_spacer(move |input| x.marks(input.bounds, wide))
        .y_grid_spacer(move |input| y.marks(input.bounds, high));
    let background = ui.painter().add(Shape::Noop);
    let shown = plot.show(ui, move |plot| {
        plot.set_plot_bounds(bounds);
        lines(plot);
        plot.pointer_coordinate()
    });
    let frame = *shown.transform.frame();
    let mut shapes = vec![Shape::rect_filled(frame, 0.0, theme.background)];
    shapes.extend(behind(&shown.transform));
    ui.painter().set(background, Shape::Vec(shapes));
    ui.painter().rect_stroke(frame, 0.0, Stroke::new(1.0, theme.line), StrokeKind::Inside);
    let pointer = shown.inner.filter(|_| shown.response.hovered());
    DrawnPlot { response: shown.response, transform: shown.transform, pointer }
}

/// A sample of a line or mark in the legend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum LegendMark {
    Line(LineStyle),
    Dot(egui_plot::MarkerShape, bool),
    Ball,
}

/// The legend, on one line that wraps when necessary.
pub(super) fn legend_ui(ui: &mut Ui, marks: &[(LegendMark, Color32, String)], theme: &Theme) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::new(4.0, 0.0);
        ui.spacing_mut().interact_size.y = 15.0;
        for (mark, color, name) in marks {
            // A mark and its name are not separated by a line break.
            let galley = ui.painter().layout_no_wrap(name.clone(), FontId::proportional(12.0), theme.text);
            let size = Vec2::new(24.0 + galley.size().x + 6.0, 15.0);
            let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
            response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, name));
            swatch(ui, Rect::from_min_size(rect.min, Vec2::new(20.0, 14.0)), *mark, *color, theme);
            let top = rect.center().y - 0.5 * galley.size().y;
            ui.painter().galley(Pos2::new(rect.left() + 24.0, top), galley, theme.text);
        }
    });
}

fn swatch(ui: &Ui, rect: Rect, mark: LegendMark, color: Color32, theme: &Theme) {
    let (from, to) = (rect.left_center() + Vec2::new(1.0, 0.0), rect.right_center() - Vec2::new(1.0, 0.0));
    let painter = ui.painter();
    match mark {
        LegendMark::Line(LineStyle::Solid) => {
            painter.line_segment([from, to], Stroke::new(2.0, color));
        }
        LegendMark::Line(LineStyle::Dashed { length }) => {
            painter.extend(Shape::dashed_line(&[from, to], Stroke::new(1.6, color), length.min(5.0), 2.5));
        }
        LegendMark::Line(LineStyle::Dotted { spacing }) => {
            painter.extend(Shape::dotted_line(&[from, to], color, spacing.min(4.0), 1.0));
        }
        LegendMark::Ball => {
            painter.circle(rect.center(), 4.5, color, Stroke::new(1.0, theme.background));
        }
        LegendMark::Dot(shape, filled) => {
            painter.add(marker(rect.center(), 4.2, shape, color, filled, theme.background));
        }
    }
}

/// The mark of a sample, whose shape distinguishes classes without colour.
pub(super) fn marker(
    at: Pos2,
    radius: f32,
    shape: egui_plot::MarkerShape,
    color: Color32,
    filled: bool,
    rim: Color32,
) -> Shape {
    use egui_plot::MarkerShape;
    let (fill, stroke) =
        if filled { (color, Stroke::new(1.0, rim)) } else { (Color32::TRANSPARENT, Stroke::new(1.5, color)) };
    let polygon = |points: &[(f32, f32)]| {
        let points = points.iter().map(|(x, y)| at + radius * Vec2::new(*x, *y)).collect();
        Shape::convex_polygon(points, fill, stroke)
    };
    match shape {
        MarkerShape::Square => polygon(&[(-0.85, -0.85), (0.85, -0.85), (0.85, 0.85), (-0.85, 0.85)]),
        MarkerShape::Diamond => polygon(&[(0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)]),
        MarkerShape::Up => polygon(&[(0.0, -1.15), (1.05, 0.75), (-1.05, 0.75)]),
        MarkerShape::Down => polygon(&[(0.0, 1.15), (-1.05, -0.75), (1.05, -0.75)]),
        _ => Shape::Circle(egui::epaint::CircleShape { center: at, radius, fill, stroke }),
    }
}

/// A readout in the corner where it covers the fewest points.
pub(super) fn corner_readout(ui: &Ui, frame: Rect, drawn: &[Pos2], text: &str, theme: &Theme) {
    let frame = frame.shrink(6.0);
    let galley = ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(12.0), theme.text);
    let size = galley.size() + PLATE_PADDING_PTS;
    let corners = [Align2::RIGHT_TOP, Align2::LEFT_TOP, Align2::LEFT_BOTTOM, Align2::RIGHT_BOTTOM];
    let plates = corners.map(|corner_readout| corner_readout.align_size_within_rect(size, frame));
    let hidden = |plate: &Rect| drawn.iter().filter(|at| plate.expand(8.0).contains(**at)).count();
    if let Some(plate) = plates.into_iter().min_by_key(hidden) {
        plate_ui(ui, plate, galley, theme);
    }
}

/// The padding of a readout.
const PLATE_PADDING_PTS: Vec2 = Vec2::new(12.0, 8.0);

fn plate_ui(ui: &Ui, plate: Rect, galley: std::sync::Arc<egui::Galley>, theme: &Theme) {
    ui.painter().rect(plate, 5.0, theme.raised, Stroke::new(1.0, theme.line), StrokeKind::Inside);
    ui.painter().galley(plate.min + 0.5 * PLATE_PADDING_PTS, galley, theme.text);
}

/// A readout beside a position, within the plot.
pub(super) fn readout(ui: &Ui, frame: Rect, at: Pos2, text: &str, theme: &Theme) {
    let galley = ui.painter().layout_no_wrap(text.to_owned(), FontId::proportional(12.0), theme.text);
    let size = galley.size() + PLATE_PADDING_PTS;
    let right = at.x + 12.0 + size.x <= frame.right();
    let x = if right { at.x + 12.0 } else { at.x - 12.0 - size.x };
    let x = x.clamp(frame.left(), (frame.right() - size.x).max(frame.left()));
    let y = (at.y - size.y - 6.0).clamp(frame.top(), (frame.bottom() - size.y).max(frame.top()));
    plate_ui(ui, Rect::from_min_size(Pos2::new(x, y), size), galley, theme);
}

/// A text in place of a plot.
pub(super) fn placeholder_ui(ui: &mut Ui, text: &str, theme: &Theme) {
    let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, text));
    let galley = ui.painter().layout(text.to_owned(), FontId::proportional(13.0), theme.faint, 0.9 * area.width());
    ui.painter().galley(Align2::CENTER_CENTER.anchor_size(area.center(), galley.size()).min, galley, theme.faint);
}

/// A regular grid of colours with interpolation.
pub(super) fn grid_mesh(
    side: usize,
    at: impl Fn(usize, usize) -> Pos2,
    color: impl Fn(usize) -> Option<Color32>,
) -> Mesh {
    let mut mesh = Mesh::default();
    let colors: Vec<Option<Color32>> = (0..side * side).map(color).collect();
    for (i, color) in colors.iter().enumerate() {
        mesh.colored_vertex(at(i % side, i / side), color.unwrap_or(Color32::TRANSPARENT));
    }
    for row in 0..side - 1 {
        for column in 0..side - 1 {
            let first = row * side + column;
            let corners = [first, first + 1, first + side, first + side + 1];
            if corners.iter().all(|corner_readout| colors[*corner_readout].is_some()) {
                let [a, b, c, d] = corners.map(|corner_readout| corner_readout as u32);
                mesh.add_triangle(a, b, c);
                mesh.add_triangle(b, d, c);
            }
        }
    }
    mesh
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_within_the_range() {
        for (low, high) in [(0.0, 1.0), (-3.7, 12.9), (1e-7, 3e-7), (1.0, 20_000.0)] {
            let marks = marks((low, high), 4.0, 0.0);
            assert!((2..=9).contains(&marks.len()), "{low} to {high}: {}", marks.len());
            assert!(marks.iter().all(|mark| mark.value >= low - 1e-12 && mark.value <= high + 1e-12));
        }
        assert!(marks((0.0, f64::INFINITY), 3.0, 0.0).is_empty());
    }

    #[test]
    fn a_log_axis_marks_powers_of_ten() {
        let axis = Axis { log: true, ..Axis::new("loss", [-4.0, 1.0]) };
        let texts: Vec<String> = axis.marks((-4.0, 1.0), 6.0).into_iter().map(|mark| axis.text(mark)).collect();
        assert_eq!(texts, ["0.0001", "0.001", "0.01", "0.1", "1", "10"]);
    }
}
