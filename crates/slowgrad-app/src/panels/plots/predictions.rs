//! The network's predictions over its inputs, with the samples: decision boundaries, or a fitted curve.

use super::axes::{Axis, LegendMark, grid_mesh, legend_ui, marker, placeholder_ui, plot_ui, readout};
use super::contour::{chains, segments};
use egui::{Color32, Role, Shape, Stroke, Ui, WidgetInfo};
use egui_plot::{Line, LineStyle, MarkerShape, PlotPoints};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_session::{ComparisonInfo, DataInfo, Predictions};
use slowgrad_timeline::explain::words;
use slowgrad_timeline::number_format;
use slowgrad_timeline::scene::Ink;

/// The number of characters of a name on an axis or in the legend.
const MAX_NAME_CHARS: usize = 24;
/// The marks of classes.
const CLASS_MARKERS: [MarkerShape; 5] =
    [MarkerShape::Circle, MarkerShape::Square, MarkerShape::Up, MarkerShape::Diamond, MarkerShape::Down];

/// The line style of the comparison.
const COMPARISON_STYLE: LineStyle = LineStyle::Dashed { length: 7.0 };

/// The kind of targets.
enum TargetKind {
    /// One of this many outputs is the class.
    OneOf(usize),
    /// One output with two values, the two classes.
    TwoOf([f64; 2]),
    /// One output with any number in this range.
    Number([f64; 2]),
}

impl TargetKind {
    fn new(data: &DataInfo) -> Self {
        let outputs = data.samples.first().map_or(0, |(_, target)| target.len());
        if outputs > 1 {
            return Self::OneOf(outputs);
        }
        let all = || data.samples.iter().chain(&data.test_samples).filter_map(|(_, target)| target.first().copied());
        let low = all().fold(f64::INFINITY, f64::min);
        let high = all().fold(f64::NEG_INFINITY, f64::max);
        let [low, high] = if low < high { [low, high] } else { [low.min(0.0), low.max(1.0)] };
        if all().all(|target| target == low || target == high) {
            Self::TwoOf([low, high])
        } else {
            Self::Number([low, high])
        }
    }

    /// The class of a target.
    fn class(&self, target: &[f64]) -> usize {
        match self {
            Self::OneOf(_) => largest(target.iter().copied()),
            Self::TwoOf([low, _]) => usize::from(target.first().is_some_and(|target| target > low)),
            Self::Number(_) => 0,
        }
    }

    fn color(&self, target: &[f64], theme: &Theme) -> Color32 {
        match self {
            Self::OneOf(outputs) => class_color(self.class(target), *outputs, theme),
            Self::TwoOf(range) | Self::Number(range) => theme.value.at(level(target.first().copied(), *range)),
        }
    }
}

/// A number as a level from −1 to 1 of a range.
fn level(value: Option<f64>, [low, high]: [f64; 2]) -> f32 {
    let value = value.filter(|value| value.is_finite()).unwrap_or(f64::midpoint(low, high));
    ((value - f64::midpoint(low, high)) / (0.5 * (high - low))).clamp(-1.0, 1.0) as f32
}

fn largest(values: impl Iterator<Item = f64>) -> usize {
    let best = values.enumerate().reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |(class, _)| class)
}

/// A name on an axis or in the legend.
fn elided(name: &str) -> String {
    words::elided(name, MAX_NAME_CHARS)
}

/// The name of an input, or its symbol.
fn input_name(data: &DataInfo, input: usize) -> String {
    let symbol = || ["x₁", "x₂"].get(input).map_or_else(String::new, |symbol| (*symbol).to_owned());
    data.names.input(input).map_or_else(symbol, elided)
}

/// The name of a class, or its number from 1.
fn class_name(data: &DataInfo, class: usize) -> String {
    data.names.output(class).map_or_else(|| format!("class {}", class + 1), elided)
}

/// Two classes have the colours of the signs; more have those of quantities that this plot does not show.
fn class_color(class: usize, classes: usize, theme: &Theme) -> Color32 {
    let more = [theme.value.negative, theme.value.positive, theme.update.positive, theme.gradient.negative, theme.loss];
    if classes == 2 { more[class % 2] } else { more[class % more.len()] }
}

pub(super) fn predictions_ui(ui: &mut Ui, session: &Session, theme: &Theme) {
    let Some(snapshot) = &session.snapshot else { return };
    let Some(data) = snapshot.data.clone() else { return };
    let inputs = data.samples.first().map_or(0, |(input, _)| input.len());
    let (Some(predictions), 1..=2) = (snapshot.plots.predictions.clone(), inputs) else {
        let text = format!("The network has {inputs} inputs; predictions can be plotted over one or two.");
        return placeholder_ui(ui, &text, theme);
    };
    let present = session
        .now()
        .and_then(|(timeline, _)| timeline.step().samples.get(session.sample()))
        .map(|sample| sample.sample);
    let kind = TargetKind::new(&data);
    let comparison =
        snapshot.comparison.as_ref().and_then(|comparison| Some((&**comparison, comparison.predictions.as_deref()?)));
    match &*predictions {
        Predictions::Grid { side, outputs } => {
            let other = comparison.and_then(|(comparison, predictions)| match predictions {
                Predictions::Grid { side: there, outputs } if there == side => {
                    Some(ComparedPredictions { comparison, predictions: &outputs[..] })
                }
                _ => None,
            });
            plane_ui(ui, &data, &kind, (*side, outputs), other.as_ref(), present, theme);
        }
        Predictions::Line(points) => {
            let other = comparison.and_then(|(comparison, predictions)| match predictions {
                Predictions::Line(points) => Some(ComparedPredictions { comparison, predictions: &points[..] }),
                Predictions::Grid { .. } => None,
            });
            line_ui(ui, &data, points, other.as_ref(), present, theme);
        }
    }
}

/// The predictions of the comparison.
struct ComparedPredictions<'a, T> {
    comparison: &'a ComparisonInfo,
    predictions: &'a [T],
}

/// The suffix of a name that tells the run, when there are two.
fn run_suffix<T>(other: Option<&ComparedPredictions<'_, T>>, theirs: bool) -> String {
    other.map_or_else(String::new, |ComparedPredictions { comparison, .. }| {
        format!(" · {}", if theirs { &comparison.comparison_setting } else { &comparison.baseline_setting })
    })
}

/// The decision boundaries: the middle between two targets, or the points where two outputs are equal.
fn decision_boundaries(kind: &TargetKind, side: usize, outputs: &[Vec<f64>]) -> Vec<[[f64; 2]; 2]> {
    match kind {
        TargetKind::TwoOf([low, high]) => {
            outputs.first().map_or_else(Vec::new, |values| segments(side, values, f64::midpoint(*low, *high)))
        }
        TargetKind::OneOf(classes) => (0..*classes)
            .flat_map(|class| {
                let lead: Vec<f64> = (0..side * side)
                    .map(|i| {
                        let others = outputs.iter().enumerate().filter(|(other, _)| *other != class);
                        let most = others.map(|(_, output)| output[i]).fold(f64::NEG_INFINITY, f64::max);
                        outputs[class][i] - most
                    })
                    .collect();
                segments(side, &lead, 0.0)
            })
            .collect(),
        TargetKind::Number(_) => Vec::new(),
    }
}

fn plane_ui(
    ui: &mut Ui,
    data: &DataInfo,
    kind: &TargetKind,
    (side, outputs): (usize, &[Vec<f64>]),
    other: Option<&ComparedPredictions<'_, Vec<f64>>>,
    present: Option<usize>,
    theme: &Theme,
) {
    let mut marks = Vec::new();
    // The baseline has the accent colour and the comparison the text colour, as in the other plots.
    let own = if other.is_some() { theme.text_color(Ink::Accent, theme.background) } else { theme.text };
    let line = |marks: &mut Vec<_>, name: &str| {
        marks.push((LegendMark::Line(LineStyle::Solid), own, format!("{name}{}", run_suffix(other, false))));
        if other.is_some() {
            marks.push((
                LegendMark::Line(COMPARISON_STYLE),
                theme.text,
                run_suffix(other, true).replacen(" · ", "", 1),
            ));
        }
    };
    match kind {
        TargetKind::OneOf(outputs) => {
            for class in 0..*outputs {
                let dot = LegendMark::Dot(CLASS_MARKERS[class % CLASS_MARKERS.len()], true);
                marks.push((dot, class_color(class, *outputs, theme), class_name(data, class)));
            }
            line(&mut marks, "decision boundary");
        }
        TargetKind::TwoOf(range) => {
            for (class, target) in range.iter().enumerate() {
                let color = theme.value.at(if class == 0 { -1.0 } else { 1.0 });
                marks.push((
                    LegendMark::Dot(CLASS_MARKERS[class], true),
                    color,
                    format!("y = {}", number_format::number(*target, 3)),
                ));
            }
            let middle = f64::midpoint(range[0], range[1]);
            line(&mut marks, &format!("ŷ = {}", number_format::number(middle, 3)));
        }
        TargetKind::Number(range) => {
            for (target, level) in range.iter().zip([-1.0, 1.0]) {
                let name = format!("y = {}", number_format::number(*target, 3));
                marks.push((LegendMark::Dot(MarkerShape::Circle, true), theme.value.at(level), name));
            }
        }
    }
    if !data.test_samples.is_empty() {
        marks.push((LegendMark::Dot(MarkerShape::Circle, false), theme.text, "hollow = test data".into()));
    }
    legend_ui(ui, &marks, theme);

    let over = |input: usize| slowgrad_session::padded_range(data.samples.iter().map(|(x, _)| x[input]));
    let (x, y) = (over(0), over(1));
    let share = |[low, high]: [f64; 2], nth: usize| low + (high - low) * nth as f64 / (side - 1) as f64;
    let background = |color: Color32, amount: f32| theme.background.lerp_to_gamma(color, amount);
    let color = |i: usize| match kind {
        TargetKind::OneOf(classes) => {
            let class = largest(outputs.iter().map(|output| output[i]));
            Some(background(class_color(class, *classes, theme), 0.4))
        }
        TargetKind::TwoOf(range) | TargetKind::Number(range) => {
            let value = outputs.first()?[i];
            value.is_finite().then(|| background(theme.value.at(level(Some(value), *range)), 0.62))
        }
    };
    let place = |[a, b]: [f64; 2]| {
        let at = |[low, high]: [f64; 2], nth: f64| low + (high - low) * nth / (side - 1) as f64;
        [at(x, a), at(y, b)]
    };
    let mut lines: Vec<Line<'static>> = Vec::new();
    let runs =
        [Some((outputs, own, LineStyle::Solid)), other.map(|other| (other.predictions, theme.text, COMPARISON_STYLE))];
    for (outputs, color, style) in runs.into_iter().flatten() {
        lines.extend(chains(&decision_boundaries(kind, side, outputs)).into_iter().map(|line| {
            let line: Vec<[f64; 2]> = line.into_iter().map(place).collect();
            Line::new("", line).color(color).style(style).width(1.6).allow_hover(false)
        }));
    }
    let shown = plot_ui(
        ui,
        "predictions",
        [Axis::new(input_name(data, 0), x), Axis::new(input_name(data, 1), y)],
        theme,
        |transform| {
            let at = |column: usize, row: usize| {
                transform.position_from_point(&egui_plot::PlotPoint::new(share(x, column), share(y, row)))
            };
            vec![Shape::mesh(grid_mesh(side, at, color))]
        },
        move |plot| {
            for line in lines {
                plot.line(line);
            }
        },
    );
    let painter = ui.painter().with_clip_rect(shown.frame());
    let few = data.samples.len() + data.test_samples.len() <= 60;
    let radius = if few { 5.0 } else { 3.2 };
    for (samples, train) in [(&data.test_samples, false), (&data.samples, true)] {
        for (input, target) in samples {
            let at = shown.at(input[0], input[1]);
            let shape = CLASS_MARKERS[kind.class(target) % CLASS_MARKERS.len()];
            painter.add(marker(at, radius, shape, kind.color(target, theme), train, theme.background));
        }
    }
    if let Some((input, _)) = present.and_then(|present| data.samples.get(present)) {
        painter.circle_stroke(shown.at(input[0], input[1]), radius + 4.0, Stroke::new(2.0, theme.accent));
    }
    let description = format!("plot of predictions over two inputs, {} samples", data.train);
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &description));
    if let Some(pointer) = shown.pointer {
        // The prediction at the nearest grid point, without interpolation.
        let nth = |[low, high]: [f64; 2], at: f64| {
            (((at - low) / (high - low)) * (side - 1) as f64).round().clamp(0.0, (side - 1) as f64) as usize
        };
        let (column, row) = (nth(x, pointer.x), nth(y, pointer.y));
        let number = |value: f64| number_format::number(value, 3);
        let list = |outputs: &[Vec<f64>]| {
            let outputs: Vec<String> = outputs.iter().map(|output| number(output[row * side + column])).collect();
            outputs.join(", ")
        };
        let mut text = format!("x {}, {}\nŷ {}", number(share(x, column)), number(share(y, row)), list(outputs));
        if let Some(other) = other {
            text = format!(
                "{text}{}\nŷ {}{}",
                run_suffix(Some(other), false),
                list(other.predictions),
                run_suffix(Some(other), true)
            );
        }
        readout(ui, shown.frame(), shown.at(share(x, column), share(y, row)), &text, theme);
    }
}

fn line_ui(
    ui: &mut Ui,
    data: &DataInfo,
    points: &[[f64; 2]],
    other: Option<&ComparedPredictions<'_, [f64; 2]>>,
    present: Option<usize>,
    theme: &Theme,
) {
    let prediction = format!("ŷ, prediction{}", run_suffix(other, false));
    let mut marks = vec![
        (LegendMark::Line(LineStyle::Solid), theme.value.negative, prediction),
        (LegendMark::Dot(MarkerShape::Circle, true), theme.value.positive, "y, training data".to_owned()),
    ];
    if !data.test_samples.is_empty() {
        marks.push((LegendMark::Dot(MarkerShape::Circle, false), theme.value.positive, "test data".to_owned()));
    }
    if other.is_some() {
        marks.push((LegendMark::Line(COMPARISON_STYLE), theme.text, format!("ŷ{}", run_suffix(other, true))));
    }
    legend_ui(ui, &marks, theme);
    let x = slowgrad_session::padded_range(data.samples.iter().map(|(x, _)| x[0]));
    let samples = data.samples.iter().chain(&data.test_samples).filter_map(|(_, target)| target.first().copied());
    let theirs = other.map_or(&[][..], |other| other.predictions);
    let y = Axis::around(
        &data.names.output(0).map_or_else(|| "y".to_owned(), elided),
        samples.chain(points.iter().chain(theirs).map(|[_, y]| *y)),
        false,
    );
    let curve = |points: &[[f64; 2]]| -> PlotPoints<'static> {
        points.iter().copied().filter(|[_, y]| y.is_finite()).collect()
    };
    let line = Line::new("predictions", curve(points)).color(theme.value.negative).width(2.2);
    let beside =
        Line::new("predictions of the comparison", curve(theirs)).color(theme.text).style(COMPARISON_STYLE).width(1.8);
    let axes = [Axis::new(input_name(data, 0), x), y];
    let shown = plot_ui(
        ui,
        "predictions",
        axes,
        theme,
        |_| Vec::new(),
        move |plot| {
            plot.line(beside);
            plot.line(line);
        },
    );
    let painter = ui.painter().with_clip_rect(shown.frame());
    for (samples, train) in [(&data.test_samples, false), (&data.samples, true)] {
        for (i, (input, target)) in samples.iter().enumerate() {
            let Some(target) = target.first() else { continue };
            let at = shown.at(input[0], *target);
            painter.add(marker(at, 3.6, MarkerShape::Circle, theme.value.positive, train, theme.background));
            if train && present == Some(i) {
                painter.circle_stroke(at, 7.5, Stroke::new(2.0, theme.accent));
            }
        }
    }
    let description = format!("plot of predictions over the input, {} samples", data.train);
    shown.response.widget_info(|| WidgetInfo::labeled(Role::Image, true, &description));
    let near =
        shown.pointer.and_then(|at| points.iter().min_by(|a, b| (a[0] - at.x).abs().total_cmp(&(b[0] - at.x).abs())));
    if let Some([x, y]) = near {
        let mut text = format!("x {}\nŷ {}", number_format::number(*x, 4), number_format::number(*y, 4));
        // Both runs have predictions at the same inputs.
        if let (Some(other), Some([_, y])) = (other, theirs.iter().find(|there| there[0] == *x)) {
            text = format!(
                "{text}{}\nŷ {}{}",
                run_suffix(Some(other), false),
                number_format::number(*y, 4),
                run_suffix(Some(other), true)
            );
        }
        painter.circle(shown.at(*x, *y), 3.5, theme.value.negative, Stroke::new(1.0, theme.background));
        readout(ui, shown.frame(), shown.at(*x, *y), &text, theme);
    }
}
