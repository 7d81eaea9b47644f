//! The landscape as a map with contour lines.

use super::super::axes::{Axis, grid_mesh, plot_ui, readout};
use super::super::contour::segments;
use super::heights::{HeightScale, within};
use super::paths::{balls, path_under_pointer};
use super::{LandscapePlot, description, range};
use crate::state::landscape_view::LandscapeView;
use egui::{Align2, FontId, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, WidgetInfo};
use egui_plot::{Line, PlotPoint};
use slowgrad_render::Theme;
use slowgrad_timeline::number_format;

/// The width of the colour scale beside the map.
const SCALE_WIDTH_PTS: f32 = 66.0;

/// Draws the map; returns a step to go to.
pub(super) fn map_ui(ui: &mut Ui, view: &mut LandscapeView, drawn: &LandscapePlot<'_>, theme: &Theme) -> Option<u64> {
    let LandscapePlot { landscape, heights, paths, names } = drawn;
    let heights = *heights;
    let surface = &landscape.surface;
    // Shows the last computed surface within the requested range.
    let ranges = range::requested(view, surface);
    let side = surface.side;
    let room = ui.available_rect_before_wrap();
    let picture = room.with_max_x(room.right() - SCALE_WIDTH_PTS);
    let place = |[a, b]: [f64; 2]| {
        let at = |[low, high]: [f64; 2], nth: f64| low + (high - low) * nth / (side - 1) as f64;
        [at(surface.range[0], a), at(surface.range[1], b)]
    };
    let ink = theme.text.gamma_multiply(0.38);
    let levels = heights.levels().into_iter().flat_map(|level| segments(side, &surface.losses, level));
    let lines: Vec<Line<'static>> = levels
        .map(|[from, to]| Line::new("", vec![place(from), place(to)]).color(ink).width(1.0).allow_hover(false))
        .collect();
    let shown = ui
        .scope_builder(egui::UiBuilder::new().max_rect(picture), |ui| {
            plot_ui(
                ui,
                "landscape",
                [Axis::new(&names[0], ranges[0]), Axis::new(&names[1], ranges[1])],
                theme,
                |transform| {
                    let at = |column: usize, row: usize| {
                        let place = PlotPoint::new(surface.place(0, column), surface.place(1, row));
                        transform.position_from_point(&place)
                    };
                    let color =
                        |i: usize| heights.share(surface.losses[i]).map(|share| HeightScale::color(share, theme));
                    vec![Shape::mesh(grid_mesh(side, at, color))]
                },
                move |plot| {
                    for line in lines {
                        plot.line(line);
                    }
                },
            )
        })
        .inner;
    ui.allocate_rect(room, Sense::hover());
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, description(landscape, names)));
    let frame = shown.frame();
    let around = shown.pointer.map_or(surface.present, |at| [at.x, at.y]);
    let grip = shown.response.interact(Sense::click_and_drag());
    range::wheel(ui, &grip, view, surface, around);
    range::drag(&grip, view, surface, frame.size());
    let painter = ui.painter().with_clip_rect(frame);
    let mut near = Vec::new();
    for path in paths {
        let points: Vec<Pos2> = path.points.iter().map(|point| shown.at(point.at[0], point.at[1])).collect();
        path.draw_line(&painter, &points, false, theme);
        path.draw_points(&painter, &points, path.begins(), theme);
        near.extend(points.into_iter().zip(path.points.iter().copied()).map(|near| (near, path.baseline)));
    }
    balls(&painter, landscape, theme, |point| Some((shown.at(point.at[0], point.at[1]), false)));
    bar(
        ui,
        Rect::from_min_max(Pos2::new(frame.right() + 8.0, frame.top()), Pos2::new(room.right(), frame.bottom())),
        heights,
        theme,
    );
    let pointer =
        ui.input(|input| input.pointer.hover_pos()).filter(|pos| shown.pointer.is_some() && frame.contains(*pos))?;
    if let Some(step) = path_under_pointer(ui, frame, pointer, &near, theme) {
        return (grip.clicked() && !grip.double_clicked()).then_some(step);
    }
    let at = shown.pointer.filter(|at| {
        let place = [at.x, at.y];
        (0..2).all(|axis| within(surface.range, axis, place[axis]))
    })?;
    let nth = |axis: usize, at: f64| {
        let [low, high] = surface.range[axis];
        (((at - low) / (high - low)) * (side - 1) as f64).round().clamp(0.0, (side - 1) as f64) as usize
    };
    // The loss at the nearest grid point, without interpolation.
    let (column, row) = (nth(0, at.x), nth(1, at.y));
    let (x, y) = (surface.place(0, column), surface.place(1, row));
    let loss = surface.losses[row * side + column];
    let text = format!(
        "{} {}\n{} {}\nL {}",
        names[0],
        number_format::number(x, 3),
        names[1],
        number_format::number(y, 3),
        number_format::number(loss, 4)
    );
    painter.circle_stroke(shown.at(x, y), 2.5, Stroke::new(1.0, theme.text));
    readout(ui, frame, shown.at(x, y), &text, theme);
    None
}

/// The colour scale of the map.
fn bar(ui: &Ui, area: Rect, heights: HeightScale, theme: &Theme) {
    let strip = area.with_max_x(area.left() + 9.0);
    let mut mesh = egui::Mesh::default();
    let steps = 24_u32;
    for step in 0..=steps {
        let share = step as f32 / steps as f32;
        let y = egui::lerp(strip.bottom()..=strip.top(), share);
        let color = HeightScale::color(share, theme);
        mesh.colored_vertex(Pos2::new(strip.left(), y), color);
        mesh.colored_vertex(Pos2::new(strip.right(), y), color);
        if step > 0 {
            let first = 2 * step - 2;
            mesh.add_triangle(first, first + 1, first + 2);
            mesh.add_triangle(first + 1, first + 3, first + 2);
        }
    }
    ui.painter().add(mesh);
    ui.painter().rect_stroke(strip, 0.0, Stroke::new(1.0, theme.line), egui::StrokeKind::Outside);
    let font = FontId::proportional(10.5);
    for (share, align) in [(0.0, Align2::LEFT_BOTTOM), (0.5, Align2::LEFT_CENTER), (1.0, Align2::LEFT_TOP)] {
        let y = egui::lerp(strip.bottom()..=strip.top(), share);
        let text = number_format::number(heights.loss(f64::from(share)), 2);
        ui.painter().text(Pos2::new(strip.right() + 4.0, y), align, text, font.clone(), theme.faint);
    }
    let at = Pos2::new(strip.right() + 4.0, egui::lerp(strip.bottom()..=strip.top(), 0.75));
    ui.painter().text(at, Align2::LEFT_CENTER, "L", font, theme.faint);
}
