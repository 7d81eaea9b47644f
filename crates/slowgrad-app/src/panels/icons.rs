//! Icons that are painted as shapes, so that they do not depend on the font.

use egui::{Color32, Pos2, Rect, Response, Role, Sense, Stroke, Ui, Vec2, WidgetInfo};
use slowgrad_render::Theme;

/// An icon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Icon {
    Play,
    Pause,
    StepForward,
    StepBack,
    Start,
    End,
    FullSpeed,
    Loop,
    Sun,
    Moon,
    Previous,
    Next,
    Flag,
    Undo,
    Redo,
    Close,
}

/// A square button with an icon. The first line of `label` is its accessible name; all of it is the tooltip.
pub(super) fn icon_button(ui: &mut Ui, icon: Icon, label: &str, on: bool, theme: &Theme) -> Response {
    let side = 28.0;
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(side), Sense::click());
    let enabled = ui.is_enabled();
    let name = label.lines().next().unwrap_or(label).to_owned();
    response.widget_info(|| WidgetInfo::selected(Role::Button, enabled, on, &name));
    let visuals = ui.style().interact_selectable(&response, false);
    let background = if on { theme.accent } else { visuals.weak_bg_fill };
    let ink = if on { theme.readable_on(theme.accent) } else { visuals.text_color() };
    ui.painter().rect_filled(rect, 6.0, background);
    if response.has_focus() {
        ui.painter().rect_stroke(rect, 6.0, Stroke::new(1.5, theme.accent), egui::StrokeKind::Inside);
    }
    paint(ui, icon, rect.shrink(8.0), ink);
    response.on_hover_text(label)
}

fn triangle(ui: &Ui, rect: Rect, forward: bool, ink: Color32) {
    let (tip, base) = if forward { (rect.right(), rect.left()) } else { (rect.left(), rect.right()) };
    let mut points = vec![Pos2::new(base, rect.top()), Pos2::new(tip, rect.center().y), Pos2::new(base, rect.bottom())];
    // Antialiasing depends on the direction of the outline.
    if !forward {
        points.reverse();
    }
    ui.painter().add(egui::Shape::convex_polygon(points, ink, Stroke::NONE));
}

fn bar(ui: &Ui, rect: Rect, ink: Color32) {
    ui.painter().rect_filled(rect, 1.0, ink);
}

fn paint(ui: &Ui, icon: Icon, area: Rect, ink: Color32) {
    let part = |from: f32, to: f32| {
        Rect::from_x_y_ranges(egui::lerp(area.x_range(), from)..=egui::lerp(area.x_range(), to), area.y_range())
    };
    let pen = Stroke::new(1.8, ink);
    let center = area.center();
    match icon {
        Icon::Play => triangle(ui, part(0.1, 1.0), true, ink),
        Icon::Pause => {
            bar(ui, part(0.1, 0.38), ink);
            bar(ui, part(0.62, 0.9), ink);
        }
        Icon::StepForward => {
            bar(ui, part(0.0, 0.18), ink);
            triangle(ui, part(0.3, 1.0), true, ink);
        }
        Icon::StepBack => {
            triangle(ui, part(0.0, 0.7), false, ink);
            bar(ui, part(0.82, 1.0), ink);
        }
        Icon::Start => {
            bar(ui, part(0.0, 0.15), ink);
            triangle(ui, part(0.15, 0.6), false, ink);
            triangle(ui, part(0.55, 1.0), false, ink);
        }
        Icon::End => {
            triangle(ui, part(0.0, 0.45), true, ink);
            triangle(ui, part(0.4, 0.85), true, ink);
            bar(ui, part(0.85, 1.0), ink);
        }
        Icon::FullSpeed => {
            triangle(ui, part(-0.05, 0.5), true, ink);
            triangle(ui, part(0.45, 1.05), true, ink);
        }
        Icon::Loop => {
            let box_ = area.shrink2(Vec2::new(0.0, 1.5));
            ui.painter().rect_stroke(box_, 4.0, pen, egui::StrokeKind::Inside);
            let tip = Rect::from_center_size(Pos2::new(center.x + 1.0, box_.top() + 0.5), Vec2::new(5.0, 7.0));
            triangle(ui, tip, true, ink);
        }
        Icon::Sun => {
            ui.painter().circle_filled(center, 0.26 * area.width(), ink);
            for ray in 0..8 {
                let direction = Vec2::angled(std::f32::consts::TAU * ray as f32 / 8.0) * 0.5 * area.width();
                ui.painter()
                    .line_segment([center + 0.76 * direction, center + 1.08 * direction], Stroke::new(1.5, ink));
            }
        }
        Icon::Moon => {
            let radius = 0.5 * area.width();
            // A crescent as a ribbon between two arcs.
            let outer = (0..=20).map(|i| 0.30 + 0.70 * i as f32 / 10.0).map(|turn| turn * std::f32::consts::PI - 0.9);
            let arc: Vec<Pos2> = outer.map(|angle| center + radius * Vec2::angled(angle)).collect();
            let (Some(first), Some(last)) = (arc.first().copied(), arc.last().copied()) else { return };
            let bulge = first + (last - first) / 2.0 + (center - (first + (last - first) / 2.0)) * 0.55;
            let mut mesh = egui::Mesh::default();
            for (i, point) in arc.iter().enumerate() {
                let share = i as f32 / (arc.len() - 1) as f32;
                let straight = first + (last - first) * share;
                let inner = straight + (bulge - (first + (last - first) / 2.0)) * 4.0 * share * (1.0 - share);
                mesh.colored_vertex(*point, ink);
                mesh.colored_vertex(inner, ink);
                if i > 0 {
                    let at = 2 * i as u32;
                    mesh.add_triangle(at - 2, at - 1, at);
                    mesh.add_triangle(at - 1, at, at + 1);
                }
            }
            ui.painter().add(mesh);
        }
        Icon::Previous => triangle(ui, part(0.2, 0.8), false, ink),
        Icon::Next => triangle(ui, part(0.2, 0.8), true, ink),
        Icon::Flag => {
            let staff = area.left() + 0.16 * area.width();
            ui.painter().vline(staff, area.y_range(), pen);
            let corner = |x: f32, y: f32| area.min + Vec2::new(x * area.width(), y * area.height());
            let cloth = vec![corner(0.16, 0.02), corner(0.95, 0.3), corner(0.16, 0.58)];
            ui.painter().add(egui::Shape::convex_polygon(cloth, ink, Stroke::NONE));
        }
        Icon::Undo | Icon::Redo => {
            // An arrow that turns back: most of a circle, with the tip at its start.
            let side = if icon == Icon::Undo { 1.0 } else { -1.0 };
            let radius = 0.4 * area.width();
            let middle = center + Vec2::new(0.0, 0.08 * area.height());
            let place = |i: u8| {
                let angle = std::f32::consts::PI * (1.1 + 1.25 * f32::from(i) / 16.0);
                let round = Vec2::angled(angle) * radius;
                middle + Vec2::new(side * round.x, round.y)
            };
            ui.painter().add(egui::Shape::line((0..=16).map(place).collect(), pen));
            let tip = Rect::from_center_size(place(0) + Vec2::new(0.0, 1.0), Vec2::splat(0.5 * area.width()));
            let mut points = vec![tip.left_top(), tip.right_top(), tip.center_bottom()];
            if side < 0.0 {
                points.reverse();
            }
            ui.painter().add(egui::Shape::convex_polygon(points, ink, Stroke::NONE));
        }
        Icon::Close => {
            ui.painter().line_segment([area.left_top(), area.right_bottom()], pen);
            ui.painter().line_segment([area.right_top(), area.left_bottom()], pen);
        }
    }
}
