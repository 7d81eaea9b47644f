//! The network as a widget: it looks after camera and pointer, hands edges, discs and pulses to the graphics
//! pipelines and paints labels over them with egui.
//!
//! It must not know what a mark stands for; [`Target`]s go in and come out as they are.

use std::sync::Arc;

use egui::{
    Color32, Painter, PointerButton, Pos2, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
};
use slowgrad_timeline::scene::{Anchor, Disc, Edge, Field, Form, Ground, Ink, Label, Patch, Scene, Target};

use crate::camera::View;
use crate::math::{MathLayout, place};
use crate::pipelines::{DiscInstance, EdgeInstance, FieldMarks, NetworkCallback, PatchInstance};
use crate::theme::{Theme, mix};

/// What the pointer did to the network.
#[derive(Debug, Clone, Default)]
pub struct NetworkResponse {
    /// Under the pointer.
    pub hovered: Option<Target>,
    /// Clicked once.
    pub clicked: Option<Target>,
    /// Clicked twice.
    pub double_clicked: Option<Target>,
    /// Clicked where nothing is.
    pub background_clicked: bool,
    /// Dragged this frame, by so many world units. Discs can always be dragged, an edge only while it is
    /// selected; any other drag moves the picture.
    pub dragged: Option<(Target, Vec2)>,
    /// Let go after a drag.
    pub dropped: Option<Target>,
    /// Where the network was drawn.
    pub rect: Option<Rect>,
    /// All that egui knows of it.
    pub response: Option<Response>,
}

/// Draws the network into all the room there is.
pub fn network_ui(ui: &mut Ui, scene: &Scene, view: &mut View, theme: &Theme) -> NetworkResponse {
    let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::click_and_drag());
    response.widget_info(|| WidgetInfo::labeled(Role::Image, ui.is_enabled(), scene_in_words(scene)));
    let mut answer = NetworkResponse { rect: Some(area), ..NetworkResponse::default() };
    if area.width() < 1.0 || area.height() < 1.0 {
        return answer;
    }
    // What is being dragged stays under the pointer.
    if view.auto_fit && view.held.is_none() {
        view.fit(scene.bounds, area.size());
    }

    let pointer = response.hover_pos();
    answer.hovered = pointer.and_then(|pos| view.hit(area, scene, pos));
    if let Some(pos) = pointer {
        let factor = ui.input(|input| input.zoom_delta() * (input.smooth_scroll_delta().y / 240.0).exp());
        if factor != 1.0 {
            view.zoom_at(area, pos, factor);
        }
    }
    if response.drag_started() {
        let origin = ui.input(|input| input.pointer.press_origin());
        let hit = origin.and_then(|pos| view.hit(area, scene, pos));
        let is_grip = hit.is_some_and(|target| view.selected == Some(target) || is_disc(scene, target));
        view.held = hit.filter(|_| is_grip && response.dragged_by(PointerButton::Primary));
    }
    if response.dragged() {
        match view.held {
            Some(target) => answer.dragged = Some((target, response.drag_delta() / view.zoom)),
            None => view.pan(response.drag_delta()),
        }
    }
    if response.drag_stopped() {
        answer.dropped = view.held.take();
    }
    if response.double_clicked() {
        answer.double_clicked = answer.hovered;
    }
    if response.clicked() {
        answer.clicked = answer.hovered;
        answer.background_clicked = answer.hovered.is_none();
    }

    if ui.is_rect_visible(area) {
        let painter = ui.painter().with_clip_rect(area);
        let marks = Marks { scene, view, theme, hovered: answer.hovered };
        let (discs, first_over) = marks.discs();
        painter.add(egui_wgpu::Callback::new_paint_callback(
            area,
            NetworkCallback {
                id: response.id,
                edges: marks.edges(),
                discs,
                first_over,
                matrices: scene.matrices.iter().map(|field| marks.field(field)).collect(),
                maps: scene.maps.iter().map(|field| marks.field(field)).collect(),
                origin: view.to_screen(area, [0.0, 0.0]),
                zoom: view.zoom,
                dash: (7.0 * view.zoom).clamp(4.0, 14.0),
                ghost_color: mix(theme.faint, theme.text, 0.3).gamma_multiply(0.85),
            },
        ));
        marks.labels(&painter, area);
    }
    answer.response = Some(response);
    answer
}

/// Says which colours mean what, on one line.
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

fn scene_in_words(scene: &Scene) -> String {
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

/// Everything that turns a scene into marks on screen.
struct Marks<'a> {
    scene: &'a Scene,
    view: &'a View,
    theme: &'a Theme,
    hovered: Option<Target>,
}

impl Marks<'_> {
    /// Selected, or else hovered: how strongly it stands out, and in which colour.
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
        let is_anything_marked = self.view.selected.is_some() || self.hovered.is_some();
        for edge in &self.scene.edges {
            if edge.alpha <= 0.0 {
                continue;
            }
            if is_anything_marked && let Some(color) = self.highlight(edge.target) {
                instances.push(self.edge_outline(edge, color));
            }
            let color = self.theme.line_color(edge.ink);
            instances.push(EdgeInstance {
                from: edge.from,
                to: edge.to,
                width: edge.width,
                ghost_width: edge.ghost_width.unwrap_or(-1.0),
                glow: edge.glow.clamp(0.0, 1.0),
                style: f32::from(u8::from(is_negative(edge.ink)) + 2 * u8::from(edge.is_frozen)),
                color: color.gamma_multiply(edge.alpha.min(1.0)).to_array(),
                glow_color: self.glow(edge.ink, color).to_array(),
            });
        }
        instances
    }

    /// A gradient glows in its own colour, which yellow would make brown; all else a little in that of what is running.
    fn glow(&self, ink: Ink, color: Color32) -> Color32 {
        let accent = if matches!(ink, Ink::Gradient(_)) { 0.0 } else { 0.35 };
        mix(color, self.theme.accent, accent)
    }

    fn edge_outline(&self, edge: &Edge, color: Color32) -> EdgeInstance {
        EdgeInstance {
            from: edge.from,
            to: edge.to,
            width: edge.width + 5.0 / self.view.zoom,
            ghost_width: -1.0,
            glow: 0.0,
            style: 0.0,
            color: color.gamma_multiply(0.8).to_array(),
            glow_color: [0; 4],
        }
    }

    fn field(&self, field: &Field) -> FieldMarks {
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
                place: [left, top, right, bottom],
                source: patch.source.map(|number| number as f32),
                form: match patch.form {
                    Form::Cells => 0.0,
                    Form::Plane => 1.0,
                    Form::Curve => 2.0,
                },
                alpha: patch.alpha,
                probe: patch.probe.unwrap_or([-1.0; 2]),
            }
        };
        FieldMarks { levels: Arc::clone(&field.levels), colors, patches: field.patches.iter().map(patch).collect() }
    }

    /// All discs, and the number of those that are neurons: the others are pulses.
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
        for (label, layout, rect) in placed(painter, self.scene, self.view, area) {
            let size = on_grid(label.size * self.view.zoom);
            let seen = |color: Color32| color.gamma_multiply(label.alpha);
            let plate = |fill: Color32, edge: Color32, radius: f32| {
                let radius = radius.min(rect.height() / 2.0);
                painter.rect(rect, radius, seen(fill), Stroke::new(1.0, seen(edge)), StrokeKind::Inside);
            };
            let ground = theme.panel.gamma_multiply(0.92);
            match label.ground {
                Ground::Plate => plate(ground, theme.line.gamma_multiply(0.8), 0.3 * size),
                Ground::Pill => plate(theme.panel, theme.text_color(label.ink, theme.panel), rect.height()),
                Ground::Chip(ink) => plate(theme.color(ink), mix(theme.color(ink), theme.text, 0.35), rect.height()),
                // Words beside a disc stay readable where an edge passes behind them.
                Ground::Bare if label.anchor != Anchor::Center => {
                    painter.rect_filled(rect.expand(0.12 * size), 0.3 * size, theme.background.gamma_multiply(0.85));
                }
                Ground::Bare => {}
            }
            layout.paint(painter, rect.min + pad(label, size), seen(self.letters(label)), theme);
        }
    }

    /// Discs hide what lies under them, however dim they are.
    fn fill(&self, disc: &Disc) -> Color32 {
        mix(self.theme.background, self.theme.color(disc.fill), disc.alpha)
    }

    /// Letters on a disc or a chip take the colour that reads on its fill.
    fn letters(&self, label: &Label) -> Color32 {
        match label.ground {
            Ground::Chip(ink) => return self.theme.on(self.theme.color(ink)),
            Ground::Bare if label.anchor == Anchor::Center => {
                let disc = label.target.and_then(|target| self.scene.discs.iter().find(|disc| disc.target == target));
                if let Some(disc) = disc {
                    return self.theme.on(self.fill(disc));
                }
            }
            _ => {}
        }
        self.theme.text_color(label.ink, self.theme.background)
    }
}

/// Room around the letters of a label.
fn pad(label: &Label, size: f32) -> Vec2 {
    Vec2::from(label.pad()) * (size / label.size)
}

/// The labels that are drawn, with their letters and the rooms these really take. The scene keeps labels apart by an
/// estimate of their width; where the letters are wider, the earlier label stays. None is cut off by the edge: a label
/// whose place is in view comes in, another one is left out.
fn placed<'s>(painter: &Painter, scene: &'s Scene, view: &View, area: Rect) -> Vec<(&'s Label, MathLayout, Rect)> {
    let mut placed: Vec<(&Label, MathLayout, Rect)> = Vec::new();
    for label in &scene.labels {
        let size = on_grid(label.size * view.zoom);
        let pos = view.to_screen(area, label.place);
        // What stands beside its place may be in view although that is not.
        if size < 2.0 || !area.expand(3.0 * size).contains(pos) {
            continue;
        }
        let layout = MathLayout::new(painter, &label.math, size);
        let room = layout.size() + 2.0 * pad(label, size);
        let mut rect = Rect::from_min_size(place(pos, label.anchor, room), room);
        if area.contains(pos) {
            rect = rect.translate(inwards(rect, area));
        } else if !area.contains_rect(rect) {
            continue;
        }
        // Line heights reach a little beyond the letters.
        let letters = |rect: Rect| rect.shrink2(Vec2::new(0.5, 0.12 * rect.height()));
        if !placed.iter().any(|(_, _, other)| letters(*other).intersects(letters(rect))) {
            placed.push((label, layout, rect));
        }
    }
    placed
}

/// How far a label is to be moved to lie within an area; not at all in a direction in which it is larger.
fn inwards(rect: Rect, area: Rect) -> Vec2 {
    let by = |low: f32, high: f32| if low > high { 0.0 } else { 0.0_f32.clamp(low, high) };
    let (min, max) = (area.min - rect.min, area.max - rect.max);
    Vec2::new(by(min.x, max.x), by(min.y, max.y))
}

/// The rooms that the labels of a scene take when it is drawn into an area, and how many labels are too small to be
/// drawn, out of view, or without room.
pub fn label_rects(painter: &Painter, scene: &Scene, view: &View, area: Rect) -> (Vec<Rect>, usize) {
    let rects: Vec<Rect> = placed(painter, scene, view, area).into_iter().map(|(_, _, rect)| rect).collect();
    let left_out = scene.labels.len() - rects.len();
    (rects, left_out)
}

/// Letter sizes move in small steps, so that a smooth zoom does not fill the font texture.
fn on_grid(size: f32) -> f32 {
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
            is_frozen: false,
            target: weight,
        }];
        scene
    }

    /// A person with a pointer before a network.
    struct Session {
        ctx: egui::Context,
        scene: Scene,
        view: View,
        time: f64,
    }

    impl Session {
        fn new() -> Self {
            let mut session = Self { ctx: egui::Context::default(), scene: scene(), view: View::default(), time: 0.0 };
            session.frame(Vec::new());
            session.frame(Vec::new());
            session
        }

        fn frame(&mut self, events: Vec<Event>) -> NetworkResponse {
            self.time += 0.05;
            let input = RawInput { screen_rect: Some(SCREEN), time: Some(self.time), events, ..RawInput::default() };
            let mut answer = NetworkResponse::default();
            let theme = Theme::dark();
            let output = self.ctx.run_ui(input, |ui| answer = network_ui(ui, &self.scene, &mut self.view, &theme));
            output.drop_without_applying_deltas();
            answer
        }

        fn on_screen(&self, place: [f32; 2]) -> Pos2 {
            self.view.to_screen(SCREEN, place)
        }

        fn button(pos: Pos2, pressed: bool) -> Event {
            Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE }
        }

        fn click(&mut self, place: [f32; 2]) -> NetworkResponse {
            let pos = self.on_screen(place);
            self.frame(vec![Event::PointerMoved(pos)]);
            self.frame(vec![Self::button(pos, true)]);
            self.frame(vec![Self::button(pos, false)])
        }

        /// Drags in two moves and returns the answers of both.
        fn drag(&mut self, from: [f32; 2], by: Vec2) -> Vec<NetworkResponse> {
            let pos = self.on_screen(from);
            self.frame(vec![Event::PointerMoved(pos)]);
            self.frame(vec![Self::button(pos, true)]);
            let mut answers = vec![
                self.frame(vec![Event::PointerMoved(pos + by * 0.5)]),
                self.frame(vec![Event::PointerMoved(pos + by)]),
            ];
            answers.push(self.frame(vec![Self::button(pos + by, false)]));
            answers
        }
    }

    #[test]
    fn clicks_tell_neurons_weights_and_background_apart() {
        let mut session = Session::new();
        assert_eq!(session.click([-100.0, 0.0]).clicked, Some(Target::Input(0)));
        session.time += 1.0;
        let weight = Target::Weight { layer: 0, neuron: 0, input: 0 };
        assert_eq!(session.click([0.0, 0.0]).clicked, Some(weight));
        session.time += 1.0;
        let answer = session.click([0.0, 100.0]);
        assert_eq!((answer.clicked, answer.background_clicked), (None, true));
        assert!(session.view.auto_fit, "clicks do not move the picture");
    }

    #[test]
    fn two_quick_clicks_are_a_double_click() {
        let mut session = Session::new();
        session.click([100.0, 0.0]);
        assert_eq!(session.click([100.0, 0.0]).double_clicked, Some(Target::Neuron { layer: 0, neuron: 0 }));
    }

    #[test]
    fn discs_are_dragged_in_world_units_and_the_background_pans() {
        let mut session = Session::new();
        let zoom = session.view.zoom;
        let answers = session.drag([-100.0, 0.0], Vec2::new(40.0, 20.0));
        let moved = answers.iter().filter_map(|answer| answer.dragged).fold(Vec2::ZERO, |sum, (_, delta)| sum + delta);
        assert!((moved - Vec2::new(40.0, 20.0) / zoom).length() < 1.0, "{moved}");
        assert_eq!(answers[2].dropped, Some(Target::Input(0)));
        assert!(session.view.auto_fit);

        let answers = session.drag([0.0, 100.0], Vec2::new(40.0, 0.0));
        assert!(answers.iter().all(|answer| answer.dragged.is_none()));
        assert!(!session.view.auto_fit);
        assert!(session.view.center[0] < -1.0);
    }

    #[test]
    fn only_the_selected_edge_can_be_dragged() {
        let weight = Target::Weight { layer: 0, neuron: 0, input: 0 };
        let mut session = Session::new();
        assert!(session.drag([0.0, 0.0], Vec2::new(0.0, 30.0)).iter().all(|answer| answer.dragged.is_none()));
        session.view.refit();
        session.frame(Vec::new());
        session.view.selected = Some(weight);
        let answers = session.drag([0.0, 0.0], Vec2::new(0.0, 30.0));
        assert!(answers.iter().any(|answer| answer.dragged.is_some_and(|(target, _)| target == weight)));
    }

    #[test]
    fn a_hundred_thousand_edges_become_instances_in_one_go() {
        let mut scene = scene();
        scene.edges = vec![scene.edges[0].clone(); 100_000];
        scene.edges[7].alpha = 0.0;
        let (view, theme) = (View::default(), Theme::dark());
        let marks = Marks { scene: &scene, view: &view, theme: &theme, hovered: None };
        let instances = marks.edges();
        assert_eq!(instances.len(), 99_999);
        assert_eq!(size_of_val(&instances[0]), 40);
        assert_eq!(instances[0].style, 1.0);
    }
}
