//! The plot of the data: samples as dots over the network's predictions.

use egui::{
    Color32, Label, Mesh, Painter, Pos2, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo,
};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_session::{DataInfo, Predictions};
use slowgrad_timeline::explain::words;

/// The maximum height of the plot.
const MAX_HEIGHT_PTS: f32 = 190.0;

/// A range of numbers along an axis.
#[derive(Debug, Clone, Copy)]
struct ValueRange {
    low: f64,
    high: f64,
}

impl ValueRange {
    fn of_values(values: impl Iterator<Item = f64>) -> Self {
        let [low, high] = slowgrad_session::padded_range(values);
        Self { low, high }
    }

    fn share(self, value: f64) -> f32 {
        ((value - self.low) / (self.high - self.low)) as f32
    }
}

/// Draws the samples when they have one or two inputs. The current sample has a ring, and a linked one has a wide ring.
pub(super) fn data_picture_ui(ui: &mut Ui, session: &Session, theme: &Theme, linked: Option<usize>) {
    let Some(snapshot) = &session.snapshot else { return };
    let Some(data) = &snapshot.data else { return };
    let inputs = data.samples.first().map_or(0, |(input, _)| input.len());
    if !(1..=2).contains(&inputs) {
        return;
    }
    let width = ui.available_width();
    let height = (0.5 * width).min(MAX_HEIGHT_PTS);
    let (area, response) = ui.allocate_exact_size(Vec2::new(width, height), Sense::hover());
    let names = axis_names(data, inputs);
    let axes = ["x", "y"].into_iter().zip(names);
    let named: String = axes.filter_map(|(axis, name)| Some(format!(", {axis}: {}", name?))).collect();
    let label = format!("data and predictions, {} samples{named}", data.train);
    response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &label));
    let painter = ui.painter().with_clip_rect(area);
    painter.rect_filled(area, 6.0, theme.background);
    let current = session
        .now()
        .and_then(|(timeline, _)| timeline.step().samples.get(session.sample()))
        .map(|sample| sample.sample);
    let marked = MarkedSamples { current, linked };
    if inputs == 2 {
        plane(&painter, area, data, snapshot.plots.predictions.as_deref(), marked, theme);
        response.on_hover_text(
            "Each dot is a sample, coloured by its target; the background shows the network's predictions",
        );
    } else {
        line(&painter, area, data, snapshot.plots.predictions.as_deref(), marked, theme);
        response.on_hover_text("The dots are the samples; the line shows the network's predictions");
    }
    ui.painter().rect_stroke(area, 6.0, Stroke::new(1.0, theme.line), StrokeKind::Inside);
    axis_names_ui(ui, names, theme);
}

/// The names along and up the plot: of the two inputs, or of the input and the output.
fn axis_names(data: &DataInfo, inputs: usize) -> [Option<&str>; 2] {
    let names = &data.names;
    [names.input(0), if inputs == 2 { names.input(1) } else { names.output(0) }]
}

/// The text size of the names.
const NAME_SIZE_PTS: f32 = 11.0;
/// The number of characters of a name; the accessible name of the plot has all.
const MAX_NAME_CHARS: usize = 18;

/// Draws the names below the plot, where they cover no sample.
fn axis_names_ui(ui: &mut Ui, names: [Option<&str>; 2], theme: &Theme) {
    let arrows = ["→", "↑"].into_iter().zip(names);
    let named = arrows.filter_map(|(arrow, name)| Some(format!("{arrow} {}", words::elided(name?, MAX_NAME_CHARS))));
    let named: Vec<String> = named.collect();
    if !named.is_empty() {
        let text = RichText::new(named.join("    ")).size(NAME_SIZE_PTS).color(theme.faint);
        ui.add(Label::new(text).truncate());
    }
}

/// The samples with a ring.
#[derive(Debug, Clone, Copy)]
struct MarkedSamples {
    current: Option<usize>,
    linked: Option<usize>,
}

/// Maps a target to a level from −1 to 1 of the range of targets.
fn scale(data: &DataInfo) -> impl Fn(f64) -> f32 {
    let targets = || data.samples.iter().filter_map(|(_, target)| target.first().copied());
    let low = targets().fold(f64::INFINITY, f64::min);
    let high = targets().fold(f64::NEG_INFINITY, f64::max);
    // When all targets are equal, the level shows their sign.
    let (middle, reach) =
        if high > low { (f64::midpoint(low, high), 0.5 * (high - low)) } else { (0.0, low.abs().clamp(1e-9, 1e9)) };
    move |value: f64| if value.is_finite() { ((value - middle) / reach).clamp(-1.0, 1.0) as f32 } else { 0.0 }
}

fn plane(
    painter: &Painter,
    area: Rect,
    data: &DataInfo,
    answers: Option<&Predictions>,
    marked: MarkedSamples,
    theme: &Theme,
) {
    let x = ValueRange::of_values(data.samples.iter().map(|(input, _)| input[0]));
    let y = ValueRange::of_values(data.samples.iter().map(|(input, _)| input[1]));
    let level = scale(data);
    let at = |a: f32, b: f32| Pos2::new(egui::lerp(area.x_range(), a), egui::lerp(area.bottom()..=area.top(), b));
    if let Some(Predictions::Grid { side, outputs }) = answers
        && let Some(values) = outputs.first()
    {
        let mut mesh = Mesh::default();
        for (i, value) in values.iter().enumerate() {
            let place = |i: usize| i as f32 / (side - 1) as f32;
            let color = theme.background.lerp_to_gamma(theme.value.at(level(*value)), 0.62);
            mesh.colored_vertex(at(place(i % side), place(i / side)), color);
        }
        for row in 0..side - 1 {
            for column in 0..side - 1 {
                let first = (row * side + column) as u32;
                let next = first + *side as u32;
                mesh.add_triangle(first, first + 1, next);
                mesh.add_triangle(first + 1, next + 1, next);
            }
        }
        painter.add(mesh);
    }
    let radius = if data.samples.len() > 60 { 2.6 } else { 4.5 };
    for (i, (input, target)) in data.samples.iter().enumerate() {
        let place = at(x.share(input[0]), y.share(input[1]));
        let color = theme.value.at(target.first().map_or(0.0, |target| level(*target)));
        dot(painter, place, radius, color, (marked, i), theme);
    }
}

fn line(
    painter: &Painter,
    area: Rect,
    data: &DataInfo,
    answers: Option<&Predictions>,
    marked: MarkedSamples,
    theme: &Theme,
) {
    let x = ValueRange::of_values(data.samples.iter().map(|(input, _)| input[0]));
    let y = ValueRange::of_values(data.samples.iter().filter_map(|(_, target)| target.first().copied()));
    let at = |a: f64, b: f64| {
        Pos2::new(
            egui::lerp(area.x_range(), x.share(a)),
            egui::lerp(area.bottom()..=area.top(), y.share(b).clamp(-1.0, 2.0)),
        )
    };
    let radius = if data.samples.len() > 60 { 2.2 } else { 4.0 };
    for (i, (input, target)) in data.samples.iter().enumerate() {
        let Some(target) = target.first() else { continue };
        dot(painter, at(input[0], *target), radius, theme.value.positive, (marked, i), theme);
    }
    if let Some(Predictions::Line(points)) = answers {
        let points: Vec<Pos2> = points.iter().filter(|[_, y]| y.is_finite()).map(|[a, b]| at(*a, *b)).collect();
        painter.line(points, Stroke::new(2.0, theme.value.negative));
    }
}

fn dot(
    painter: &Painter,
    place: Pos2,
    radius: f32,
    color: Color32,
    (marked, i): (MarkedSamples, usize),
    theme: &Theme,
) {
    painter.circle(place, radius, color, Stroke::new(1.0, theme.background));
    if marked.current == Some(i) {
        painter.circle_stroke(place, radius + 3.5, Stroke::new(2.0, theme.accent));
    }
    if marked.linked == Some(i) {
        painter.circle_stroke(place, radius + 9.0, Stroke::new(3.0, theme.accent));
    }
}
