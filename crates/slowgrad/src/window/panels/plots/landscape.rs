//! The loss over two weights, as a map with lines of one height or as a surface, with the way that the optimizer
//! took and a ball where it is.
//!
//! All other parameters are those of the step that is shown; along the way they were those of its time, so the way
//! need not lie on the surface: it is drawn at the loss that there was.

use super::axes::{Axis, Mark, grid_mesh, instead_ui, legend_ui, plain, plot_ui, readout};
use super::contour::segments;
use super::surface::{Camera, surface_mesh};
use crate::window::gui::Gui;
use crate::window::session::Session;
use crate::worker::{Landscape, PathPoint, Surface};
use egui::{Align2, Color32, ComboBox, FontId, Pos2, Rect, Role, Sense, Shape, Stroke, Ui, Vec2, WidgetInfo};
use egui_plot::{Line, LineStyle, PlotPoint};
use slowgrad_engine::record::RecordedStep;
use slowgrad_render::Theme;
use slowgrad_tape::math;
use slowgrad_timeline::{parameters, words};
use std::sync::Arc;

const DASHED: LineStyle = LineStyle::Dashed { length: 5.0 };
/// Lines of one height on a map.
const LEVELS: usize = 12;
/// More parameters than this are not listed; they are chosen in the network.
const LISTED: usize = 300;
/// Beside the map stands what its colours mean.
const BAR_WIDTH: f32 = 66.0;
/// A point of the way is under the pointer when it is this near.
const NEAR: f32 = 9.0;

/// How losses are told apart: from 0 for the least to 1 for the largest.
#[derive(Debug, Clone, Copy)]
struct Heights {
    low: f64,
    high: f64,
    is_log: bool,
}

impl Heights {
    /// Those of a surface, and of the ways over it when they are to be seen at their heights.
    fn of(landscape: &Landscape, is_log: bool, with_ways: bool) -> Self {
        let mut heights = Self { low: 0.0, high: 1.0, is_log };
        let surface = &landscape.surface;
        let range = |losses: &mut dyn Iterator<Item = f64>| {
            let finite = losses.map(|loss| heights.scaled(loss)).filter(|height| height.is_finite());
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let (low, high) = range(&mut surface.losses.iter().copied().chain([surface.loss]));
        if low > high {
            return heights;
        }
        // The way may be higher than all of the surface, but not by so much that the surface gets flat.
        let ways = landscape.path.iter().chain(&landscape.rival).filter_map(|point| point.loss);
        let mut ways = ways.filter(|loss| with_ways && heights.scaled(*loss) < high + 4.0 * (high - low));
        let (least, most) = range(&mut ways);
        (heights.low, heights.high) = (low.min(least), high.max(most));
        if heights.high - heights.low < 1e-12 {
            heights.high = heights.low + 1e-12_f64.max(1e-6 * heights.low.abs());
        }
        heights
    }

    fn scaled(self, loss: f64) -> f64 {
        if self.is_log { math::log10(loss) } else { loss }
    }

    /// Nothing for losses that have no height.
    fn share(self, loss: f64) -> Option<f32> {
        let height = self.scaled(loss);
        height.is_finite().then(|| ((height - self.low) / (self.high - self.low)) as f32)
    }

    fn loss(self, share: f64) -> f64 {
        let height = self.low + share * (self.high - self.low);
        if self.is_log { math::pow(10.0, height) } else { height }
    }

    /// The colour of a height: more shades where it is low, since that is where the way leads.
    fn color(share: f32, theme: &Theme) -> Color32 {
        let share = share.clamp(0.0, 1.0);
        theme.background.lerp_to_gamma(theme.loss, 0.06 + 0.8 * share.sqrt())
    }

    /// Heights of the lines of a map, closer to each other where it is low.
    fn levels(self) -> Vec<f64> {
        let share = |nth: usize| nth as f64 / (LEVELS + 1) as f64;
        (1..=LEVELS).map(|nth| self.loss(if self.is_log { share(nth) } else { share(nth) * share(nth) })).collect()
    }
}

/// A stretch of a way.
struct Way {
    points: Vec<PathPoint>,
    color: Color32,
    style: LineStyle,
    width: f32,
    /// Whether its steps can be gone to.
    is_mine: bool,
}

impl Way {
    /// Whether it is seen from the start of its run.
    fn begins(&self) -> bool {
        self.style != (LineStyle::Dotted { spacing: 4.0 }) && self.points.first().is_some_and(|first| first.step == 0)
    }
}

/// The way up to now, what comes after it, what an edit left, and the way of the run that goes along.
fn ways(landscape: &Landscape, theme: &Theme) -> Vec<Way> {
    let surface = &landscape.surface;
    let now = PathPoint { step: surface.step - 1, at: surface.present, loss: Some(surface.loss) };
    let parted = |path: &[PathPoint], now: Option<PathPoint>| {
        let done = path.iter().copied().filter(|point| point.step < surface.step);
        let later = path.iter().copied().filter(|point| point.step >= surface.step);
        let last = now.or_else(|| done.clone().next_back());
        (done.chain(now).collect::<Vec<_>>(), last.into_iter().chain(later).collect::<Vec<_>>())
    };
    let (done, later) = parted(&landscape.path, Some(now));
    let (rival_done, rival_later) = parted(&landscape.rival, None);
    let way = |points, color, style, width, is_mine| Way { points, color, style, width, is_mine };
    let dotted = LineStyle::Dotted { spacing: 4.0 };
    let ways = [
        way(landscape.ghost.clone(), theme.faint, dotted, 1.2, false),
        way(rival_later, theme.text.gamma_multiply(0.5), dotted, 1.2, false),
        way(later, theme.accent.gamma_multiply(0.6), dotted, 1.4, true),
        way(rival_done, theme.text, DASHED, 1.8, false),
        way(done, theme.accent, LineStyle::Solid, 2.2, true),
    ];
    ways.into_iter().filter(|way| !way.points.is_empty()).collect()
}

pub(super) fn landscape_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    let theme = *gui.theme();
    let Some((timeline, _)) = session.now() else { return };
    let timeline = Arc::clone(timeline);
    let step = timeline.step();
    if step.shape.parameters() < 2 {
        return instead_ui(ui, "A landscape needs two parameters.", &theme);
    }
    let landscape = session.snapshot.as_ref().and_then(|snapshot| snapshot.plots.landscape.clone());
    controls_ui(ui, gui, session, step, landscape.as_deref());
    let Some(landscape) = landscape else {
        return instead_ui(ui, "The first losses are being computed…", &theme);
    };
    legend(ui, session, &landscape, &theme);
    let heights = Heights::of(&landscape, gui.plots.is_log, gui.plots.is_surface);
    let ways = ways(&landscape, &theme);
    let names = landscape.surface.axes.map(|axis| name(step, axis));
    let asked = if gui.plots.is_surface {
        surface_ui(ui, gui, &landscape, heights, &ways, &names)
    } else {
        map_ui(ui, &landscape, heights, &ways, &names, &theme)
    };
    if let Some(step) = asked {
        session.go_to_step(step);
    }
}

/// A parameter in a few letters.
fn name(step: &RecordedStep, index: usize) -> String {
    let (letters, layer) = parameters::name(step, index);
    if step.shape.layers() == 1 { letters } else { format!("{letters} · layer {layer}") }
}

fn controls_ui(ui: &mut Ui, gui: &mut Gui, session: &Session, step: &RecordedStep, landscape: Option<&Landscape>) {
    let theme = *gui.theme();
    let selected = session.view.selected.and_then(|target| parameters::index(step, target));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let map = ui.selectable_label(!gui.plots.is_surface, "map");
        if map.on_hover_text("from above, with lines of one loss; else a surface that can be turned").clicked() {
            gui.plots.is_surface = !gui.plots.is_surface;
        }
        ui.checkbox(&mut gui.plots.is_log, "log").on_hover_text("heights by ratios of the loss");
        // Neurons may be gone since these were chosen.
        let chosen = gui.plots.axes.filter(|axes| axes.iter().all(|axis| *axis < step.shape.parameters()));
        let now = chosen.or(landscape.map(|landscape| landscape.surface.axes));
        let room = ((ui.available_width() - 10.0) / 2.0 - 30.0).clamp(46.0, 150.0);
        for (nth, axis) in ["x", "y"].into_iter().enumerate() {
            let shown = now.map_or_else(|| "…".to_owned(), |axes| name(step, axes[nth]));
            let mut chosen = None;
            ui.label(egui::RichText::new(axis).size(12.0).color(theme.faint));
            let combo = ComboBox::from_id_salt(("landscape", axis)).width(room).truncate().selected_text(&shown);
            let response = combo.show_ui(ui, |ui| {
                if ui.selectable_label(gui.plots.axes.is_none(), "changed most").clicked() {
                    gui.plots.axes = None;
                }
                if let Some(selected) = selected
                    && ui.selectable_label(false, format!("selected: {}", name(step, selected))).clicked()
                {
                    chosen = Some(selected);
                }
                for index in 0..step.shape.parameters().min(LISTED) {
                    let is_now = now.is_some_and(|axes| axes[nth] == index);
                    if ui.selectable_label(is_now, name(step, index)).clicked() {
                        chosen = Some(index);
                    }
                }
            });
            response
                .response
                .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("parameter along {axis}: {shown}")));
            response.response.on_hover_text(format!("the parameter along {axis}"));
            if let (Some(chosen), Some(mut axes)) = (chosen, now) {
                // The same parameter on both axes would be no surface: they change places.
                if axes[1 - nth] == chosen {
                    axes[1 - nth] = axes[nth];
                }
                axes[nth] = chosen;
                gui.plots.axes = Some(axes);
            }
        }
    });
}

fn legend(ui: &mut Ui, session: &Session, landscape: &Landscape, theme: &Theme) {
    let rival = session.snapshot.as_ref().and_then(|snapshot| snapshot.rival.as_ref());
    let (mine, theirs) = rival.map_or(("the way", ""), |rival| (rival.mine.as_str(), rival.theirs.as_str()));
    let mut marks = vec![
        (Mark::Ball, theme.accent, format!("now, L = {}", words::number(landscape.surface.loss, 3))),
        (Mark::Line(LineStyle::Solid), theme.accent, mine.to_owned()),
    ];
    if !landscape.rival.is_empty() {
        marks.push((Mark::Line(DASHED), theme.text, theirs.to_owned()));
    }
    if !landscape.ghost.is_empty() {
        marks.push((Mark::Line(LineStyle::Dotted { spacing: 4.0 }), theme.faint, "before your change".to_owned()));
    }
    legend_ui(ui, &marks, theme);
}

/// What is said of the landscape where it cannot be seen.
fn said(landscape: &Landscape, names: &[String; 2]) -> String {
    let surface = &landscape.surface;
    let number = |x: f64| words::number(x, 4);
    format!(
        "loss landscape over {} and {}, step {}, now {} and {}, loss {}",
        names[0],
        names[1],
        surface.step,
        number(surface.present[0]),
        number(surface.present[1]),
        number(surface.loss)
    )
}

/// Draws the map; answers a step to go to.
fn map_ui(
    ui: &mut Ui,
    landscape: &Landscape,
    heights: Heights,
    ways: &[Way],
    names: &[String; 2],
    theme: &Theme,
) -> Option<u64> {
    let surface = &landscape.surface;
    let side = surface.side;
    let room = ui.available_rect_before_wrap();
    let picture = room.with_max_x(room.right() - BAR_WIDTH);
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
                [Axis::new(&names[0], surface.range[0]), Axis::new(&names[1], surface.range[1])],
                theme,
                |transform| {
                    let at = |column: usize, row: usize| {
                        let place = PlotPoint::new(surface.place(0, column), surface.place(1, row));
                        transform.position_from_point(&place)
                    };
                    let color = |i: usize| heights.share(surface.losses[i]).map(|share| Heights::color(share, theme));
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
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, said(landscape, names)));
    let frame = shown.frame();
    let painter = ui.painter().with_clip_rect(frame);
    let mut near = Vec::new();
    for way in ways {
        let points: Vec<Pos2> = way.points.iter().map(|point| shown.at(point.at[0], point.at[1])).collect();
        draw_way(&painter, &points, way, way.begins(), theme);
        near.extend(points.into_iter().zip(way.points.iter().copied()).map(|near| (near, way.is_mine)));
    }
    balls(&painter, landscape, theme, |point| Some(shown.at(point.at[0], point.at[1])));
    bar(
        ui,
        Rect::from_min_max(Pos2::new(frame.right() + 8.0, frame.top()), Pos2::new(room.right(), frame.bottom())),
        heights,
        theme,
    );
    let pointer =
        ui.input(|input| input.pointer.hover_pos()).filter(|pos| shown.pointer.is_some() && frame.contains(*pos))?;
    if let Some(asked) = way_under_pointer(ui, frame, pointer, &near, theme) {
        return shown.response.clicked().then_some(asked);
    }
    let at = shown.pointer?;
    let nth = |axis: usize, at: f64| {
        let [low, high] = surface.range[axis];
        (((at - low) / (high - low)) * (side - 1) as f64).round().clamp(0.0, (side - 1) as f64) as usize
    };
    // The loss at the nearest place that was computed, not one in between.
    let (column, row) = (nth(0, at.x), nth(1, at.y));
    let (x, y) = (surface.place(0, column), surface.place(1, row));
    let loss = surface.losses[row * side + column];
    let text = format!(
        "{} {}\n{} {}\nL {}",
        names[0],
        words::number(x, 3),
        names[1],
        words::number(y, 3),
        words::number(loss, 4)
    );
    painter.circle_stroke(shown.at(x, y), 2.5, Stroke::new(1.0, theme.text));
    readout(ui, frame, shown.at(x, y), &text, theme);
    None
}

/// Draws the surface, which can be turned; answers a step to go to.
fn surface_ui(
    ui: &mut Ui,
    gui: &mut Gui,
    landscape: &Landscape,
    heights: Heights,
    ways: &[Way],
    names: &[String; 2],
) -> Option<u64> {
    let theme = *gui.theme();
    let surface = &landscape.surface;
    let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, said(landscape, names)));
    turn(ui, gui, &response);
    let painter = ui.painter().with_clip_rect(area);
    painter.rect_filled(area, 0.0, theme.background);
    let camera = Camera::new(gui.plots.yaw, gui.plots.pitch, area);
    let share = |[low, high]: [f64; 2], value: f64| (2.0 * (value - low) / (high - low) - 1.0) as f32;
    let at = |place: [f64; 2], height: f32| {
        camera.project([share(surface.range[0], place[0]), share(surface.range[1], place[1]), height])
    };
    box_behind(&painter, &camera, surface, heights, names, &theme);
    let shares: Vec<Option<f32>> = surface.losses.iter().map(|loss| heights.share(*loss)).collect();
    let line = theme.text.gamma_multiply(0.22);
    painter.add(surface_mesh(&camera, surface.side, &shares, |share| Heights::color(share, &theme), line));
    let mut near = Vec::new();
    for way in ways {
        // A point whose loss is not known yet has no height.
        let known = way.points.iter().filter_map(|point| Some((*point, heights.share(point.loss?)?)));
        let known: Vec<(PathPoint, f32)> = known.filter(|(_, height)| *height <= 1.0).collect();
        let points: Vec<Pos2> = known.iter().map(|(point, height)| at(point.at, *height)).collect();
        // What lies above the box is cut off, with the start.
        let has_start = way.begins() && known.first().is_some_and(|(point, _)| point.step == 0);
        draw_way(&painter, &points, way, has_start, &theme);
        near.extend(points.into_iter().zip(known.into_iter().map(|(point, _)| point)).map(|near| (near, way.is_mine)));
    }
    let place = |point: &PathPoint| Some(at(point.at, heights.share(point.loss?)?));
    let floor = at(surface.present, 0.0);
    let now = PathPoint { step: surface.step - 1, at: surface.present, loss: Some(surface.loss) };
    if let Some(ball) = place(&now) {
        painter.line_segment([ball, floor], Stroke::new(1.0, theme.accent.gamma_multiply(0.7)));
    }
    balls(&painter, landscape, &theme, place);
    ui.painter().rect_stroke(area, 0.0, Stroke::new(1.0, theme.line), egui::StrokeKind::Inside);
    let pointer = response.hover_pos().filter(|_| !response.dragged());
    let asked = pointer.and_then(|pointer| way_under_pointer(ui, area, pointer, &near, &theme));
    let is_clicked = response.clicked();
    if asked.is_none() {
        response.on_hover_cursor(egui::CursorIcon::Grab).on_hover_text_at_pointer("drag to turn, arrows do it too");
    }
    asked.filter(|_| is_clicked)
}

/// Dragging turns the surface, and so do the arrows while it has the keyboard.
fn turn(ui: &Ui, gui: &mut Gui, response: &egui::Response) {
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
            Stroke::new(1.5, gui.theme().accent),
            egui::StrokeKind::Inside,
        );
    }
    let turns = std::f32::consts::TAU;
    gui.plots.yaw = (gui.plots.yaw - by.x).rem_euclid(turns);
    gui.plots.pitch = (gui.plots.pitch + by.y).clamp(0.12, 1.45);
}

/// The floor with the two parameters along it, and the losses along its height.
fn box_behind(
    painter: &egui::Painter,
    camera: &Camera,
    surface: &Surface,
    heights: Heights,
    names: &[String; 2],
    theme: &Theme,
) {
    let corners = [[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]];
    let floor = corners.map(|[x, y]| camera.project([x, y, 0.0]));
    let stroke = Stroke::new(1.0, theme.faint.gamma_multiply(0.7));
    painter.add(Shape::closed_line(floor.to_vec(), stroke));
    let font = FontId::proportional(11.5);
    // Names stand at the two edges in front, numbers at their ends.
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
    // The loss stands at the corner that is farthest to the left.
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
        let text = words::number(heights.loss(share), 3);
        painter.text(at - Vec2::new(6.0, 0.0), Align2::RIGHT_CENTER, text, FontId::proportional(10.5), theme.faint);
    }
    painter.text(top - Vec2::new(0.0, 5.0), Align2::CENTER_BOTTOM, "L", font, theme.text);
}

fn draw_way(painter: &egui::Painter, points: &[Pos2], way: &Way, has_start: bool, theme: &Theme) {
    // A dark rim keeps the way apart from any ground.
    if way.style == LineStyle::Solid {
        painter.add(Shape::line(points.to_vec(), Stroke::new(way.width + 2.0, theme.background.gamma_multiply(0.75))));
    }
    let stroke = Stroke::new(way.width, way.color);
    match way.style {
        LineStyle::Solid => {
            painter.add(Shape::line(points.to_vec(), stroke));
        }
        LineStyle::Dashed { length } => painter.extend(Shape::dashed_line(points, stroke, length, 0.7 * length)),
        LineStyle::Dotted { spacing } => {
            painter.extend(Shape::dotted_line(points, way.color, spacing, 0.6 * way.width));
        }
    }
    // Single steps are seen as long as they lie apart.
    let apart = points.windows(2).map(|pair| pair[0].distance(pair[1])).sum::<f32>() / points.len().max(1) as f32;
    if apart > 5.0 {
        for point in points {
            painter.circle_filled(*point, 0.5 + way.width * 0.7, way.color);
        }
    }
    if let Some(first) = points.first().filter(|_| has_start) {
        painter.circle(*first, 4.0, theme.background, Stroke::new(1.6, way.color));
    }
}

/// Where the runs are now.
fn balls(painter: &egui::Painter, landscape: &Landscape, theme: &Theme, place: impl Fn(&PathPoint) -> Option<Pos2>) {
    let surface = &landscape.surface;
    let rival = landscape.rival.iter().rev().find(|point| point.step < surface.step);
    if let Some(at) = rival.and_then(&place) {
        painter.circle(at, 5.5, theme.text, Stroke::new(1.5, theme.background));
    }
    let now = PathPoint { step: surface.step - 1, at: surface.present, loss: Some(surface.loss) };
    if let Some(at) = place(&now) {
        painter.circle(at, 7.0, theme.accent, Stroke::new(1.5, theme.background));
        painter.circle_filled(at - Vec2::splat(2.0), 2.0, Color32::from_white_alpha(190));
    }
}

/// Says which step a point of a way is; answers the step to go to when it is one of this run.
fn way_under_pointer(
    ui: &Ui,
    frame: Rect,
    pointer: Pos2,
    near: &[((Pos2, PathPoint), bool)],
    theme: &Theme,
) -> Option<u64> {
    let within = near.iter().filter(|((at, _), _)| at.distance(pointer) < NEAR);
    let nearest = within.min_by(|a, b| a.0.0.distance(pointer).total_cmp(&b.0.0.distance(pointer)))?;
    let ((at, point), is_mine) = nearest;
    let step = point.step + 1;
    let loss = point.loss.map_or_else(|| "not known yet".to_owned(), |loss| words::number(loss, 4));
    let go = if *is_mine { "\nclick to go there" } else { "" };
    let [x, y] = point.at.map(|value| words::number(value, 4));
    ui.painter().circle_stroke(*at, 6.0, Stroke::new(1.5, theme.text));
    readout(ui, frame, *at, &format!("step {step}\n{x}, {y}\nL {loss}{go}"), theme);
    is_mine.then_some(step)
}

/// What the colours of a map mean.
fn bar(ui: &Ui, area: Rect, heights: Heights, theme: &Theme) {
    let strip = area.with_max_x(area.left() + 9.0);
    let mut mesh = egui::Mesh::default();
    let steps = 24_u32;
    for step in 0..=steps {
        let share = step as f32 / steps as f32;
        let y = egui::lerp(strip.bottom()..=strip.top(), share);
        let color = Heights::color(share, theme);
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
        let text = words::number(heights.loss(f64::from(share)), 2);
        ui.painter().text(Pos2::new(strip.right() + 4.0, y), align, text, font.clone(), theme.faint);
    }
    let at = Pos2::new(strip.right() + 4.0, egui::lerp(strip.bottom()..=strip.top(), 0.75));
    ui.painter().text(at, Align2::LEFT_CENTER, "L", font, theme.faint);
}
