//! The landscape as a surface that can be rotated. A path is faint where it is under the surface or behind it.

use super::super::axes::plain;
use super::heights::HeightScale;
use super::orbit_camera::OrbitCamera;
use super::paths::{PathLine, balls, path_under_pointer};
use super::surface_mesh::surface_mesh;
use super::{LandscapePlot, description, range};
use crate::state::landscape_view::LandscapeView;
use egui::{Align2, FontId, Pos2, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo};
use slowgrad_render::Theme;
use slowgrad_session::{PathPoint, Surface};
use slowgrad_timeline::number_format;

/// Draws the surface; returns a step to go to.
pub(super) fn surface_ui(
    ui: &mut Ui,
    view: &mut LandscapeView,
    drawn: &LandscapePlot<'_>,
    theme: &Theme,
) -> Option<u64> {
    let LandscapePlot { landscape, heights, paths, names } = drawn;
    let heights = *heights;
    let surface = &landscape.surface;
    let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, description(landscape, names)));
    rotate(ui, view, &response, theme);
    range::wheel(ui, &response, view, surface, surface.present);
    let painter = ui.painter().with_clip_rect(area);
    painter.rect_filled(area, 0.0, theme.background);
    let camera = OrbitCamera::new(view.rotation(), area);
    box_behind(&painter, &camera, surface, heights, names, theme);
    let shares: Vec<Option<f32>> = surface.losses.iter().map(|loss| heights.share(*loss)).collect();
    let line = theme.text.gamma_multiply(0.22);
    painter.add(surface_mesh(&camera, surface.side, &shares, |share| HeightScale::color(share, theme), line));
    let ground = SurfaceProjection { camera: &camera, surface, heights, shares: &shares };
    let mut near = Vec::new();
    for path in paths {
        let places = ground.places(path);
        for (points, hidden) in ground.stretches(&places) {
            path.draw_line(&painter, &points, hidden, theme);
        }
        let seen = places.iter().filter(|place| place.known && is_in_box(place.at));
        let seen: Vec<(Pos2, PathPoint)> =
            seen.map(|place| (camera.project(place.at), path.points[place.nth])).collect();
        let points: Vec<Pos2> = seen.iter().map(|(at, _)| *at).collect();
        // A path is cut at the box, and so may be its start.
        let has_start = path.begins() && seen.first().is_some_and(|(_, point)| point.step == 0);
        path.draw_points(&painter, &points, has_start, theme);
        near.extend(seen.into_iter().map(|near| (near, path.baseline)));
    }
    let place = |point: &PathPoint| {
        let at = ground.at(point.at, heights.share(point.loss?)?);
        is_in_box(at).then(|| (camera.project(at), ground.hides(at)))
    };
    let now = PathPoint { step: surface.step - 1, at: surface.present, loss: Some(surface.loss) };
    if let Some((ball, _)) = place(&now) {
        let floor = camera.project(ground.at(surface.present, 0.0));
        painter.line_segment([ball, floor], Stroke::new(1.0, theme.accent.gamma_multiply(0.7)));
    }
    balls(&painter, landscape, theme, place);
    ui.painter().rect_stroke(area, 0.0, Stroke::new(1.0, theme.line), egui::StrokeKind::Inside);
    let pointer = response.hover_pos().filter(|_| !response.dragged());
    let step = pointer.and_then(|pointer| path_under_pointer(ui, area, pointer, &near, theme));
    let clicked = response.clicked() && !response.double_clicked();
    if step.is_none() {
        let help = "Drag or use the arrow keys to rotate; the wheel zooms";
        response.on_hover_cursor(egui::CursorIcon::Grab).on_hover_text_at_pointer(help);
    }
    step.filter(|_| clicked)
}

/// A point of a path, in box coordinates.
struct PathVertex {
    at: [f32; 3],
    /// The index of the path point.
    nth: usize,
    /// Whether its loss is known; otherwise the height is interpolated.
    known: bool,
}

fn is_in_box([x, y, height]: [f32; 3]) -> bool {
    x.abs() <= 1.0 && y.abs() <= 1.0 && (-1e-3..=1.001).contains(&height)
}

/// The surface that hides parts of a path.
struct SurfaceProjection<'a> {
    camera: &'a OrbitCamera,
    surface: &'a Surface,
    heights: HeightScale,
    shares: &'a [Option<f32>],
}

impl SurfaceProjection<'_> {
    fn at(&self, place: [f64; 2], height: f32) -> [f32; 3] {
        let share = |[low, high]: [f64; 2], value: f64| (2.0 * (value - low) / (high - low) - 1.0) as f32;
        [share(self.surface.range[0], place[0]), share(self.surface.range[1], place[1]), height]
    }

    fn hides(&self, at: [f32; 3]) -> bool {
        self.camera.hides(self.surface.side, self.shares, at)
    }

    /// The points of a path. A point without a loss is interpolated between its neighbours that have one; points before
    /// the first and after the last of these are left out.
    fn places(&self, path: &PathLine) -> Vec<PathVertex> {
        let known: Vec<(usize, f32)> = path
            .points
            .iter()
            .enumerate()
            .filter_map(|(nth, point)| Some((nth, self.heights.share(point.loss?)?)))
            .collect();
        let mut places: Vec<PathVertex> = Vec::new();
        for (which, &(nth, height)) in known.iter().enumerate() {
            places.push(PathVertex { at: self.at(path.points[nth].at, height), nth, known: true });
            let Some(&(next, then)) = known.get(which + 1) else { continue };
            for between in nth + 1..next {
                let share = (between - nth) as f32 / (next - nth) as f32;
                let at = self.at(path.points[between].at, egui::lerp(height..=then, share));
                places.push(PathVertex { at, nth: between, known: false });
            }
        }
        places
    }

    /// The line through the points in the box, split where it goes behind the surface or comes out again. Each part is
    /// visible or hidden.
    fn stretches(&self, places: &[PathVertex]) -> Vec<(Vec<Pos2>, bool)> {
        /// The length of a piece that is either visible or hidden as a whole.
        const PIECE_PTS: f32 = 5.0;
        const MAX_PIECES: usize = 64;
        let mut stretches: Vec<(Vec<Pos2>, bool)> = Vec::new();
        let mut continues = false;
        for pair in places.windows(2) {
            let [from, to] = [pair[0].at, pair[1].at];
            let length = self.camera.project(from).distance(self.camera.project(to));
            let pieces = ((length / PIECE_PTS) as usize).clamp(1, MAX_PIECES);
            let along = |nth: f32| [0, 1, 2].map(|axis| egui::lerp(from[axis]..=to[axis], nth / pieces as f32));
            for nth in 0..pieces {
                let middle = along(nth as f32 + 0.5);
                if !is_in_box(middle) {
                    continues = false;
                    continue;
                }
                let hidden = self.hides(middle);
                let [start, end] = [nth, nth + 1].map(|nth| self.camera.project(along(nth as f32)));
                match stretches.last_mut().filter(|(_, was_hidden)| continues && *was_hidden == hidden) {
                    Some((points, _)) => points.push(end),
                    None => stretches.push((vec![start, end], hidden)),
                }
                continues = true;
            }
        }
        stretches
    }
}

/// Rotates the surface by dragging, or by the arrow keys while it has the focus.
fn rotate(ui: &Ui, view: &mut LandscapeView, response: &egui::Response, theme: &Theme) {
    let mut by = if response.dragged() { response.drag_delta() * 0.01 } else { Vec2::ZERO };
    if response.has_focus() {
        ui.memory_mut(|memory| {
            let filter = egui::EventFilter { horizontal_arrows: true, vertical_arrows: true, ..Default::default() };
            memory.set_focus_lock_filter(response.id, filter);
        });
        let pressed = |key| ui.input(|input| f32::from(u8::from(input.key_pressed(key))));
        by.x += 0.1 * (pressed(egui::Key::ArrowRight) - pressed(egui::Key::ArrowLeft));
        by.y += 0.1 * (pressed(egui::Key::ArrowDown) - pressed(egui::Key::ArrowUp));
        ui.painter().rect_stroke(
            response.rect.shrink(1.0),
            2.0,
            Stroke::new(1.5, theme.accent),
            egui::StrokeKind::Inside,
        );
    }
    view.rotate(by);
}

/// The floor of the box with the two parameters, and the axis of losses.
fn box_behind(
    painter: &egui::Painter,
    camera: &OrbitCamera,
    surface: &Surface,
    heights: HeightScale,
    names: &[String; 2],
    theme: &Theme,
) {
    let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
    let floor = corners.map(|[x, y]| camera.project([x, y, 0.0]));
    let stroke = Stroke::new(1.0, theme.faint.gamma_multiply(0.7));
    painter.add(Shape::closed_line(floor.to_vec(), stroke));
    let font = FontId::proportional(11.5);
    // Names are at the two front edges, numbers at the ends of these.
    for (axis, edges) in [(0, [(0, 1), (3, 2)]), (1, [(0, 3), (1, 2)])] {
        let middle = |(from, to): (usize, usize)| floor[from].lerp(floor[to], 0.5);
        let front = if middle(edges[0]).y > middle(edges[1]).y { edges[0] } else { edges[1] };
        let out = (middle(front) - camera.project([0.0, 0.0, 0.0])).normalized();
        let align = |out: Vec2| {
            let x = if out.x < -0.3 {
                egui::Align::Max
            } else if out.x > 0.3 {
                egui::Align::Min
            } else {
                egui::Align::Center
            };
            Align2([x, egui::Align::Min])
        };
        let name = middle(front) + 9.0 * out + Vec2::new(0.0, 4.0);
        painter.text(name, align(out), &names[axis], font.clone(), theme.text);
        for (end, value) in [(front.0, surface.range[axis][0]), (front.1, surface.range[axis][1])] {
            let near_end = floor[end].lerp(middle(front), 0.2) + 5.0 * out;
            painter.text(near_end, align(out), plain(value), FontId::proportional(10.5), theme.faint);
        }
    }
    // The axis of losses is at the leftmost corner.
    let mut corner = 0;
    for nth in 1..4 {
        if floor[nth].x < floor[corner].x {
            corner = nth;
        }
    }
    let [x, y] = corners[corner];
    let top = camera.project([x, y, 1.0]);
    painter.line_segment([floor[corner], top], stroke);
    for share in [0.0, 0.5, 1.0] {
        let at = camera.project([x, y, share as f32]);
        painter.line_segment([at, at - Vec2::new(4.0, 0.0)], stroke);
        let text = number_format::number(heights.loss(share), 3);
        painter.text(at - Vec2::new(6.0, 0.0), Align2::RIGHT_CENTER, text, FontId::proportional(10.5), theme.faint);
    }
    painter.text(top - Vec2::new(0.0, 5.0), Align2::CENTER_BOTTOM, "L", font, theme.text);
}
