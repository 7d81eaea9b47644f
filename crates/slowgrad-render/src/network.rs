//! The network as a widget: handles camera and pointer, passes edges, discs and pulses to the graphics pipelines, and
//! paints labels over them with egui.
//!
//! This module must not know the meaning of an element; it returns the [`Target`]s of the scene unchanged.

use std::sync::Arc;

use egui::{
    Color32, Painter, PointerButton, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
};
use slowgrad_timeline::scene::{
    Anchor, Disc, Edge, Form, Heatmap, Ink, Label, LabelBackground, Patch, Scene, Target, View,
};

use crate::math::{MathLayout, anchored};
use crate::pipelines::{DiscInstance, EdgeInstance, FieldInstances, NetworkCallback, PatchInstance};
use crate::screen_view::ScreenView;
use crate::theme::{Theme, mix};

/// The interaction with the network in this frame.
#[derive(Debug, Clone, Default)]
pub struct NetworkResponse {
    /// The element under the pointer.
    pub hovered: Option<Target>,
    /// The element that was clicked.
    pub clicked: Option<Target>,
    /// The element that was double-clicked.
    pub double_clicked: Option<Target>,
    /// Whether the click hit no element.
    pub background_clicked: bool,
    /// The element that is being dragged, and the movement in this frame in world units. Discs can always be dragged,
    /// edges only while selected. All other drags pan the camera.
    pub dragged: Option<(Target, Vec2)>,
    /// The element whose drag ended in this frame.
    pub dropped: Option<Target>,
    /// The area of the network, in points.
    pub rect: Option<Rect>,
    /// The response of egui.
    pub response: Option<Response>,
}

/// Draws the network into the available space.
pub fn network_ui(ui: &mut Ui, scene: &Scene, view: &mut View, theme: &Theme) -> NetworkResponse {
    let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, ui.is_enabled(), accessible_name(scene)));
    let mut result = NetworkResponse { rect: Some(area), ..NetworkResponse::default() };
    if area.width() < 1.0 || area.height() < 1.0 {
        return result;
    }
    // The drag in progress is kept in egui's memory under this id; the camera must not move meanwhile.
    let drag_id = response.id.with("drag");
    let mut dragged: Option<Target> = ui.data(|data| data.get_temp(drag_id)).flatten();
    if view.auto_fit && dragged.is_none() {
        view.fit(scene.bounds, area.size());
    }

    let pointer = response.hover_pos();
    result.hovered = pointer.and_then(|pos| view.hit(area, scene, pos));
    if let Some(pos) = pointer {
        let factor = ui.input(|input| input.zoom_delta() * (input.smooth_scroll_delta().y / 240.0).exp());
        if factor != 1.0 {
            view.zoom_at(area, pos, factor);
        }
    }
    if response.drag_started() {
        let origin = ui.input(|input| input.pointer.press_origin());
        let hit = origin.and_then(|pos| view.hit(area, scene, pos));
        let draggable = hit.is_some_and(|target| view.selected == Some(target) || is_disc(scene, target));
        dragged = hit.filter(|_| draggable && response.dragged_by(PointerButton::Primary));
    }
    if response.dragged() {
        match dragged {
            Some(target) => result.dragged = Some((target, response.drag_delta() / view.zoom)),
            None => view.pan(response.drag_delta()),
        }
    }
    if response.drag_stopped() {
        result.dropped = dragged.take();
    }
    ui.data_mut(|data| data.insert_temp(drag_id, dragged));
    if response.double_clicked() {
        result.double_clicked = result.hovered;
    }
    if response.clicked() {
        result.clicked = result.hovered;
        result.background_clicked = result.hovered.is_none();
    }

    if ui.is_rect_visible(area) {
        let painter = ui.painter().with_clip_rect(area);
        let network = NetworkPainter { scene, view, theme, hovered: result.hovered };
        let (discs, discs_below_maps) = network.discs();
        painter.add(egui_wgpu::Callback::new_paint_callback(
            area,
            NetworkCallback {
                id: response.id,
                edges: network.edges(),
                discs,
                discs_below_maps,
                matrices: scene.matrices.iter().map(|field| network.field(field)).collect(),
                maps: scene.maps.iter().map(|field| network.field(field)).collect(),
                origin: view.to_screen(area, [0.0, 0.0]),
                zoom: view.zoom,
                dash_pts: (7.0 * view.zoom).clamp(4.0, 14.0),
                previous_color: mix(theme.faint, theme.text, 0.3).gamma_multiply(0.85),
            },
        ));
        network.labels(&painter, area);
    }
    result.response = Some(response);
    result
}

/// Shows a one-line legend of the colours.
pub fn legend_ui(ui: &mut Ui, theme: &Theme) {
    let size = ui.style().text_styles.get(&egui::TextStyle::Small).map_or(12.0, |font| font.size);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 0.5 * size;
        for (name, ramp) in [("weight, value", theme.value), ("gradient", theme.gradient), ("update", theme.update)] {
            let text = |text: &str| egui::RichText::new(text).size(size).color(theme.faint);
            ui.add(egui::Label::new(text("−")).extend());
            let (bar, _) = ui.allocate_exact_size(Vec2::new(4.5 * size, 0.55 * size), Sense::hover());
            let mut mesh = egui::Mesh::default();
            for step in 0..=8 {
                let share = step as f32 / 8.0;
                let x = egui::lerp(bar.x_range(), share);
                let color = ramp.at(2.0 * share - 1.0);
                mesh.colored_vertex(Pos2::new(x, bar.top()), color);
                mesh.colored_vertex(Pos2::new(x, bar.bottom()), color);
                if step > 0 {
                    let i = 2 * step;
                    mesh.add_triangle(i - 2, i - 1, i);
                    mesh.add_triangle(i - 1, i, i + 1);
                }
            }
            ui.painter().add(mesh);
            ui.add(egui::Label::new(text("+")).extend());
            ui.add(egui::Label::new(text(name)).extend());
            ui.add_space(0.6 * size);
        }
    });
}

/// The name of the network for screen readers.
fn accessible_name(scene: &Scene) -> String {
    let sentence = &scene.formula.sentence;
    if sentence.is_empty() {
        format!("network, {}", scene.status)
    } else {
        format!("network, {}: {sentence}", scene.status)
    }
}

fn is_disc(scene: &Scene, target: Target) -> bool {
    scene.discs.iter().any(|disc| disc.target == target)
}

fn is_negative(ink: Ink) -> bool {
    match ink {
        Ink::Value(level) | Ink::Weight(level) | Ink::Gradient(level) | Ink::Update(level) => level < 0.0,
        _ => false,
    }
}

/// Converts a scene into instances and paints its labels.
struct NetworkPainter<'a> {
    scene: &'a Scene,
    view: &'a View,
    theme: &'a Theme,
    hovered: Option<Target>,
}

impl NetworkPainter<'_> {
    /// The colour of the outline around a selected or hovered element.
    fn highlight(&self, target: Target) -> Option<Color32> {
        if self.view.selected == Some(target) {
            Some(self.theme.accent)
        } else if self.hovered == Some(target) {
            Some(self.theme.text.gamma_multiply(0.55))
        } else {
            None
        }
    }

    fn edges(&self) -> Vec<EdgeInstance> {
        let mut instances = Vec::with_capacity(self.scene.edges.len() + 2);
        let any_highlighted = self.view.selected.is_some() || self.hovered.is_some();
        for edge in &self.scene.edges {
            if edge.alpha <= 0.0 {
                continue;
            }
            if any_highlighted && let Some(color) = self.highlight(edge.target) {
                instances.push(self.edge_outline(edge, color));
            }
            let color = self.theme.line_color(edge.ink);
            instances.push(EdgeInstance {
                from: edge.from,
                to: edge.to,
                width: edge.width,
                previous_width: edge.ghost_width.unwrap_or(-1.0),
                glow: edge.glow.clamp(0.0, 1.0),
                style: f32::from(u8::from(is_negative(edge.ink)) + 2 * u8::from(edge.frozen)),
                color: color.gamma_multiply(edge.alpha.min(1.0)).to_array(),
                glow_color: self.glow(edge.ink, color).to_array(),
            });
        }
        instances
    }

    /// The colour of a glow: shifted to the accent colour, except for gradients, which yellow would turn brown.
    fn glow(&self, ink: Ink, color: Color32) -> Color32 {
        let accent = if matches!(ink, Ink::Gradient(_)) { 0.0 } else { 0.35 };
        mix(color, self.theme.accent, accent)
    }

    fn edge_outline(&self, edge: &Edge, color: Color32) -> EdgeInstance {
        EdgeInstance {
            from: edge.from,
            to: edge.to,
            width: edge.width + 5.0 / self.view.zoom,
            previous_width: -1.0,
            glow: 0.0,
            style: 0.0,
            color: color.gamma_multiply(0.8).to_array(),
            glow_color: [0; 4],
        }
    }

    fn field(&self, field: &Heatmap) -> FieldInstances {
        let ramp = match field.ink {
            Ink::Gradient(_) => self.theme.gradient,
            Ink::Update(_) => self.theme.update,
            _ => self.theme.value,
        };
        let levels = (-127_i16..=127).map(|level| ramp.at(f32::from(level) / 127.0));
        let colors = levels.chain([self.theme.background, self.theme.text]).map(|color| color.to_array()).collect();
        let patch = |patch: &Patch| {
            let ([left, top], [right, bottom]) = (patch.place.min, patch.place.max);
            PatchInstance {
                rect: [left, top, right, bottom],
                source: patch.region.map(|number| number as f32),
                form: match patch.form {
                    Form::Cells => 0.0,
                    Form::Plane => 1.0,
                    Form::Curve => 2.0,
                },
                alpha: patch.alpha,
                probe: patch.probe.unwrap_or([-1.0; 2]),
            }
        };
        FieldInstances { levels: Arc::clone(&field.levels), colors, patches: field.patches.iter().map(patch).collect() }
    }

    /// The discs of neurons, then those of pulses, and the number of the former.
    fn discs(&self) -> (Vec<DiscInstance>, usize) {
        let theme = self.theme;
        let mut instances = Vec::with_capacity(self.scene.discs.len() + 2 * self.scene.pulses.len() + 2);
        for disc in &self.scene.discs {
            if let Some(color) = self.highlight(disc.target) {
                instances.push(DiscInstance {
                    center: disc.center,
                    radius: disc.radius + 4.5 / self.view.zoom,
                    ring_width: 2.5 / self.view.zoom,
                    halo: 0.0,
                    halo_reach: 0.0,
                    fill: theme.background.to_array(),
                    ring: color.to_array(),
                    halo_color: [0; 4],
                });
            }
            instances.push(DiscInstance {
                center: disc.center,
                radius: disc.radius,
                ring_width: disc.ring_width,
                halo: disc.glow.clamp(0.0, 1.0),
                halo_reach: disc.radius * 0.55,
                fill: self.fill(disc).to_array(),
                ring: mix(theme.background, theme.color(disc.ring), disc.alpha).to_array(),
                halo_color: mix(theme.color(disc.fill), theme.accent, 0.85).to_array(),
            });
        }
        let neurons = instances.len();
        for pulse in &self.scene.pulses {
            let color = theme.text_color(pulse.ink, theme.background);
            instances.push(DiscInstance {
                center: pulse.center,
                radius: pulse.radius,
                ring_width: pulse.radius * 0.22,
                halo: 1.0,
                halo_reach: pulse.radius * 1.1,
                fill: color.to_array(),
                ring: theme.background.to_array(),
                halo_color: color.to_array(),
            });
        }
        (instances, neurons)
    }

    fn labels(&self, painter: &Painter, area: Rect) {
        let theme = self.theme;
        for (label, layout, rect) in place_labels(painter, self.scene, self.view, area) {
            let size = snap_font_size(label.size * self.view.zoom);
            let faded = |color: Color32| color.gamma_multiply(label.alpha);
            let plate = |fill: Color32, edge: Color32, radius: f32| {
                let radius = radius.min(rect.height() / 2.0);
                painter.rect(rect, radius, faded(fill), Stroke::new(1.0, faded(edge)), StrokeKind::Inside);
            };
            let background = theme.panel.gamma_multiply(0.92);
            match label.background {
                LabelBackground::Plate => plate(background, theme.line.gamma_multiply(0.8), 0.3 * size),
                LabelBackground::Pill => plate(theme.panel, theme.text_color(label.ink, theme.panel), rect.height()),
                LabelBackground::Chip(ink) => {
                    plate(theme.color(ink), mix(theme.color(ink), theme.text, 0.35), rect.height());
                }
                // Keeps text beside a disc legible where an edge passes behind it.
                LabelBackground::Bare if label.anchor != Anchor::Center => {
                    painter.rect_filled(rect.expand(0.12 * size), 0.3 * size, theme.background.gamma_multiply(0.85));
                }
                LabelBackground::Bare => {}
            }
            layout.paint(painter, rect.min + pad(label, size), faded(self.text_color(label)), theme);
        }
    }

    /// The fill colour of a disc. Discs are opaque even if they are faint.
    fn fill(&self, disc: &Disc) -> Color32 {
        mix(self.theme.background, self.theme.color(disc.fill), disc.alpha)
    }

    /// The text colour of a label. On a disc or a chip it contrasts with the fill.
    fn text_color(&self, label: &Label) -> Color32 {
        match label.background {
            LabelBackground::Chip(ink) => return self.theme.readable_on(self.theme.color(ink)),
            LabelBackground::Bare if label.anchor == Anchor::Center => {
                let disc = label.target.and_then(|target| self.scene.discs.iter().find(|disc| disc.target == target));
                if let Some(disc) = disc {
                    return self.theme.readable_on(self.fill(disc));
                }
            }
            _ => {}
        }
        self.theme.text_color(label.ink, self.theme.background)
    }
}

/// Padding around the text of a label, in points.
fn pad(label: &Label, size: f32) -> Vec2 {
    Vec2::from(label.pad()) * (size / label.size)
}

/// The visible labels with their layouts and rectangles. The scene separates labels by estimated widths; if the real
/// text overlaps, the earlier label wins. Labels are never cut off: those anchored in `area` are moved inside, others
/// are omitted.
fn place_labels<'s>(
    painter: &Painter,
    scene: &'s Scene,
    view: &View,
    area: Rect,
) -> Vec<(&'s Label, MathLayout, Rect)> {
    let mut placed: Vec<(&Label, MathLayout, Rect)> = Vec::new();
    for label in &scene.labels {
        let size = snap_font_size(label.size * view.zoom);
        let pos = view.to_screen(area, label.place);
        // A label beside its anchor may be visible although the anchor is not.
        if size < 2.0 || !area.expand(3.0 * size).contains(pos) {
            continue;
        }
        let layout = MathLayout::new(painter, &label.math, size);
        let outer = layout.size() + 2.0 * pad(label, size);
        let mut rect = Rect::from_min_size(anchored(pos, label.anchor, outer), outer);
        if area.contains(pos) {
            rect = rect.translate(offset_into(rect, area));
        } else if !area.contains_rect(rect) {
            continue;
        }
        // Line heights exceed the text a little.
        let text_rect = |rect: Rect| rect.shrink2(Vec2::new(0.5, 0.12 * rect.height()));
        if !placed.iter().any(|(_, _, other)| text_rect(*other).intersects(text_rect(rect))) {
            placed.push((label, layout, rect));
        }
    }
    placed
}

/// The smallest offset that moves a rectangle into an area; zero along an axis in which it does not fit.
fn offset_into(rect: Rect, area: Rect) -> Vec2 {
    let by = |low: f32, high: f32| if low > high { 0.0 } else { 0.0_f32.clamp(low, high) };
    let (min, max) = (area.min - rect.min, area.max - rect.max);
    Vec2::new(by(min.x, max.x), by(min.y, max.y))
}

/// The rectangles of the visible labels of a scene drawn into `area` (points), and the number of labels that are too
/// small, out of view or without space.
pub fn label_rects(painter: &Painter, scene: &Scene, view: &View, area: Rect) -> (Vec<Rect>, usize) {
    let rects: Vec<Rect> = place_labels(painter, scene, view, area).into_iter().map(|(_, _, rect)| rect).collect();
    let omitted = scene.labels.len() - rects.len();
    (rects, omitted)
}

/// Rounds a font size to half points, so that a smooth zoom does not fill the font texture.
fn snap_font_size(size: f32) -> f32 {
    (size * 2.0).round() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use egui::{Event, Modifiers, RawInput};
    use slowgrad_timeline::scene::{Bounds, Disc};

    const SCREEN: Rect = Rect { min: Pos2::ZERO, max: Pos2::new(400.0, 300.0) };

    fn scene() -> Scene {
        let mut scene = crate::empty_scene::empty_scene();
        scene.bounds = Bounds { min: [-200.0, -150.0], max: [200.0, 150.0] };
        let weight = Target::Weight { layer: 0, neuron: 0, input: 0 };
        scene.discs = [(Target::Input(0), -100.0), (Target::Neuron { layer: 0, neuron: 0 }, 100.0)]
            .into_iter()
            .map(|(target, x)| Disc {
                center: [x, 0.0],
                radius: 20.0,
                fill: Ink::Empty,
                ring: Ink::Faint,
                ring_width: 1.0,
                glow: 0.0,
                alpha: 1.0,
                target,
            })
            .collect();
        scene.edges = vec![Edge {
            from: [-80.0, 0.0],
            to: [80.0, 0.0],
            width: 2.0,
            ink: Ink::Weight(-0.5),
            alpha: 1.0,
            ghost_width: None,
            glow: 0.0,
            frozen: false,
            target: weight,
        }];
        scene
    }

    /// Sends pointer input to a network.
    struct NetworkHarness {
        ctx: egui::Context,
        scene: Scene,
        view: View,
        time: f64,
    }

    impl NetworkHarness {
        fn new() -> Self {
            let mut harness = Self { ctx: egui::Context::default(), scene: scene(), view: View::default(), time: 0.0 };
            harness.frame(Vec::new());
            harness.frame(Vec::new());
            harness
        }

        fn frame(&mut self, events: Vec<Event>) -> NetworkResponse {
            self.time += 0.05;
            let input = RawInput { screen_rect: Some(SCREEN), time: Some(self.time), events, ..RawInput::default() };
            let mut result = NetworkResponse::default();
            let theme = Theme::dark();
            let output = self.ctx.run_ui(input, |ui| result = network_ui(ui, &self.scene, &mut self.view, &theme));
            output.drop_without_applying_deltas();
            result
        }

        fn to_screen(&self, place: [f32; 2]) -> Pos2 {
            self.view.to_screen(SCREEN, place)
        }

        fn button(pos: Pos2, pressed: bool) -> Event {
            Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
        }

        fn click(&mut self, place: [f32; 2]) -> NetworkResponse {
            let pos = self.to_screen(place);
            self.frame(vec![Event::PointerMoved(pos)]);
            self.frame(vec![Self::button(pos, true)]);
            self.frame(vec![Self::button(pos, false)])
        }

        /// Drags in two moves and returns the responses to the moves and to the release.
        fn drag(&mut self, from: [f32; 2], by: Vec2) -> Vec<NetworkResponse> {
            let pos = self.to_screen(from);
            self.frame(vec![Event::PointerMoved(pos)]);
            self.frame(vec![Self::button(pos, true)]);
            let mut responses = vec![
                self.frame(vec![Event::PointerMoved(pos + by * 0.5)]),
                self.frame(vec![Event::PointerMoved(pos + by)]),
            ];
            responses.push(self.frame(vec![Self::button(pos + by, false)]));
            responses
        }
    }

    #[test]
    fn clicks_distinguish_neurons_weights_and_background() {
        let mut harness = NetworkHarness::new();
        assert_eq!(harness.click([-100.0, 0.0]).clicked, Some(Target::Input(0)));
        harness.time += 1.0;
        let weight = Target::Weight { layer: 0, neuron: 0, input: 0 };
        assert_eq!(harness.click([0.0, 0.0]).clicked, Some(weight));
        harness.time += 1.0;
        let result = harness.click([0.0, 100.0]);
        assert_eq!((result.clicked, result.background_clicked), (None, true));
        assert!(harness.view.auto_fit, "clicks do not move the camera");
    }

    #[test]
    fn two_quick_clicks_are_a_double_click() {
        let mut harness = NetworkHarness::new();
        harness.click([100.0, 0.0]);
        assert_eq!(harness.click([100.0, 0.0]).double_clicked, Some(Target::Neuron { layer: 0, neuron: 0 }));
    }

    #[test]
    fn dragging_a_disc_moves_it_and_dragging_the_background_pans() {
        let mut harness = NetworkHarness::new();
        let zoom = harness.view.zoom;
        let responses = harness.drag([-100.0, 0.0], Vec2::new(40.0, 20.0));
        let moved =
            responses.iter().filter_map(|response| response.dragged).fold(Vec2::ZERO, |sum, (_, delta)| sum + delta);
        assert!((moved - Vec2::new(40.0, 20.0) / zoom).length() < 1.0, "{moved}");
        assert_eq!(responses[2].dropped, Some(Target::Input(0)));
        assert!(harness.view.auto_fit);

        let responses = harness.drag([0.0, 100.0], Vec2::new(40.0, 0.0));
        assert!(responses.iter().all(|response| response.dragged.is_none()));
        assert!(!harness.view.auto_fit);
        assert!(harness.view.center[0] < -1.0);
    }

    #[test]
    fn only_the_selected_edge_can_be_dragged() {
        let weight = Target::Weight { layer: 0, neuron: 0, input: 0 };
        let mut harness = NetworkHarness::new();
        assert!(harness.drag([0.0, 0.0], Vec2::new(0.0, 30.0)).iter().all(|response| response.dragged.is_none()));
        harness.view.refit();
        harness.frame(Vec::new());
        harness.view.selected = Some(weight);
        let responses = harness.drag([0.0, 0.0], Vec2::new(0.0, 30.0));
        assert!(responses.iter().any(|response| response.dragged.is_some_and(|(target, _)| target == weight)));
    }

    #[test]
    fn hidden_edges_have_no_instances() {
        let mut scene = scene();
        scene.edges = vec![scene.edges[0].clone(); 100_000];
        scene.edges[7].alpha = 0.0;
        let (view, theme) = (View::default(), Theme::dark());
        let network = NetworkPainter { scene: &scene, view: &view, theme: &theme, hovered: None };
        let instances = network.edges();
        assert_eq!(instances.len(), 99_999);
        assert_eq!(size_of_val(&instances[0]), 40);
        assert_eq!(instances[0].style, 1.0);
    }
}
