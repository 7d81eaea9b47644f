//! The activation over z and the loss over an output: the function, its derivative and the current sample.

use super::axes::{Axis, DrawnPlot, LegendMark, corner_readout, legend_ui, placeholder_ui, plot_ui, readout};
use crate::state::plot_tabs::PlotTabs;
use egui::{Color32, DragValue, Role, Stroke, Ui, WidgetInfo};
use egui_plot::{HLine, Line, LineStyle, PlotPoints, VLine};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_session::{CurvePoint, FunctionCurve};
use slowgrad_timeline::number_format;

const SLOPE_STYLE: LineStyle = LineStyle::Dashed { length: 6.0 };
const TARGET_STYLE: LineStyle = LineStyle::Dashed { length: 2.5 };

/// The names of the plot, its axes and its lines.
struct CurveLabels {
    plot: &'static str,
    x: String,
    y: String,
    slope: String,
}

pub(super) fn activation_ui(ui: &mut Ui, session: &Session, theme: &Theme) {
    let Some((at, curve)) = session.snapshot.as_ref().and_then(|snapshot| snapshot.plots.activation.clone()) else {
        return missing_ui(ui, session, "This activation cannot be plotted.", theme);
    };
    let Some((timeline, _)) = session.now() else { return };
    let step = timeline.step();
    let Some(function) = step.names.activations.get(at.layer) else { return };
    let (k, whole) = (subscript(at.neuron), step.names.whole_layer[at.layer]);
    let output = at.layer + 1 == step.shape.layers();
    let a = format!("{}{k}", if output { "ŷ" } else { "a" });
    let names = CurveLabels { plot: "activation", x: format!("z{k}"), slope: format!("∂{a}/∂z{k}"), y: a };
    let layer = if output { "output".to_owned() } else { format!("layer {}", at.layer + 1) };
    let mut place = format!("{function} · {layer} · neuron {} · sample {}", at.neuron + 1, at.sample + 1);
    if whole {
        place += " · other z fixed";
    }
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new(place).size(12.0).color(theme.faint));
    });
    curve_ui(ui, &curve, &names, theme.value.positive, theme);
}

pub(super) fn loss_ui(ui: &mut Ui, plots: &mut PlotTabs, session: &Session, theme: &Theme) {
    let Some((at, curve)) = session.snapshot.as_ref().and_then(|snapshot| snapshot.plots.loss.clone()) else {
        return missing_ui(ui, session, "This loss cannot be plotted over one output.", theme);
    };
    let Some((timeline, _)) = session.now() else { return };
    let (function, outputs) = (&timeline.step().names.loss, timeline.step().shape.outputs());
    let k = subscript(at.output);
    let names =
        CurveLabels { plot: "loss function", x: format!("ŷ{k}"), y: "L".to_owned(), slope: format!("∂L/∂ŷ{k}") };
    ui.horizontal(|ui| {
        ui.label(egui::RichText::new(format!("{function} · sample {}", at.sample + 1)).size(12.0).color(theme.faint));
        if outputs > 1 {
            let label = ui.label(egui::RichText::new("output").size(12.0).color(theme.faint));
            let mut nth = plots.output() + 1;
            ui.add(DragValue::new(&mut nth).range(1..=outputs).speed(0.05)).labelled_by(label.id);
            plots.set_output(nth - 1);
            ui.label(egui::RichText::new("others fixed").size(12.0).color(theme.faint));
        }
    });
    curve_ui(ui, &curve, &names, theme.loss, theme);
}

/// A text in place of a curve, which may still be computed.
fn missing_ui(ui: &mut Ui, session: &Session, text: &str, theme: &Theme) {
    placeholder_ui(ui, if session.is_busy() { "Computing…" } else { text }, theme);
}

fn curve_ui(ui: &mut Ui, curve: &FunctionCurve, names: &CurveLabels, color: Color32, theme: &Theme) {
    let slope_color = theme.text_color(slowgrad_timeline::scene::Ink::Gradient(1.0), theme.background);
    let target_color = theme.text;
    let mut marks = vec![
        (LegendMark::Line(LineStyle::Solid), color, names.y.clone()),
        (LegendMark::Line(SLOPE_STYLE), slope_color, names.slope.clone()),
        (LegendMark::Ball, theme.accent, "now".to_owned()),
    ];
    if curve.target.is_some() {
        marks.insert(2, (LegendMark::Line(TARGET_STYLE), target_color, "target".to_owned()));
    }
    legend_ui(ui, &marks, theme);
    let points = || curve.points.iter().chain([&curve.present]);
    let x_range = points()
        .map(|point| point.x)
        .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], x| [low.min(x), high.max(x)]);
    let seen = points().flat_map(|point| [point.y, point.slope]);
    let mut y = Axis::around("", seen.chain([0.0]), false);
    clip(&mut y, curve);
    let now = curve.present;
    let [low, high] = y.range;
    let lines = [
        Line::new(names.slope.clone(), connected(curve, |point| point.slope))
            .color(slope_color)
            .width(1.6)
            .style(SLOPE_STYLE),
        Line::new(names.y.clone(), connected(curve, |point| point.y)).color(color).width(2.2),
    ];
    let target = curve.target;
    let tangent = tangent(now, x_range);
    let (axis, faint) = (theme.faint.gamma_multiply(0.8), theme.faint);
    let axes = [Axis::new(names.x.clone(), x_range), y];
    let shown = plot_ui(
        ui,
        names.plot,
        axes,
        theme,
        |_| Vec::new(),
        move |plot| {
            plot.hline(HLine::new("", 0.0).color(axis).width(1.0));
            if low < 0.0 && 0.0 < high {
                plot.vline(VLine::new("", 0.0).color(axis).width(1.0));
            }
            if let Some(target) = target {
                plot.vline(VLine::new("", target).color(target_color).style(TARGET_STYLE).width(1.3));
            }
            plot.line(Line::new("", PlotPoints::from(tangent.to_vec())).color(faint).width(1.2));
            for line in lines {
                plot.line(line);
            }
        },
    );
    let text = |point: CurvePoint| {
        let number = |x: f64| number_format::number(x, 4);
        format!(
            "{} {}\n{} {}\n{} {}",
            names.x,
            number(point.x),
            names.y,
            number(point.y),
            names.slope,
            number(point.slope)
        )
    };
    shown.response.widget_info(|| {
        WidgetInfo::labeled(
            Role::Image,
            true,
            format!("plot of the {}, now {}", names.plot, text(now).replace('\n', ", ")),
        )
    });
    ball(ui, &shown, now, slope_color, theme);
    let nearest = shown.pointer.and_then(|pointer| {
        curve.points.iter().chain([&now]).min_by(|a, b| (a.x - pointer.x).abs().total_cmp(&(b.x - pointer.x).abs()))
    });
    match nearest {
        Some(point) => {
            let at = shown.at(point.x, point.y);
            ui.painter().circle(at, 3.5, color, Stroke::new(1.0, theme.background));
            readout(ui, shown.frame(), at, &text(*point), theme);
        }
        None => {
            let drawn = points().flat_map(|point| [shown.at(point.x, point.y), shown.at(point.x, point.slope)]);
            corner_readout(ui, shown.frame(), &drawn.collect::<Vec<_>>(), &text(now), theme);
        }
    }
}

/// Limits the axis to the bulk of the values, because a loss may diverge at the edge of its range.
fn clip(y: &mut Axis, curve: &FunctionCurve) {
    let mut values: Vec<f64> =
        curve.points.iter().flat_map(|point| [point.y, point.slope]).filter(|y| y.is_finite()).collect();
    if values.len() < 40 {
        return;
    }
    values.sort_by(f64::total_cmp);
    let (low, high) = (values[values.len() / 20], values[values.len() - 1 - values.len() / 20]);
    let reach = 1.5 * (high - low).max(1e-9);
    let now = [curve.present.y, curve.present.slope].into_iter().filter(|y| y.is_finite());
    let (least, most) =
        now.fold((low - reach, high + reach), |(least, most), y| (least.min(y - reach), most.max(y + reach)));
    y.range = [y.range[0].max(least), y.range[1].min(most)];
}

/// The points of a line, with a gap where the function is not finite.
fn connected(curve: &FunctionCurve, of: impl Fn(&CurvePoint) -> f64) -> PlotPoints<'static> {
    curve.points.iter().map(|point| [point.x, of(point)]).filter(|[_, y]| y.is_finite()).collect()
}

/// A segment of the tangent at the current point.
fn tangent(now: CurvePoint, [low, high]: [f64; 2]) -> [[f64; 2]; 2] {
    let reach = 0.12 * (high - low);
    let at = |x: f64| [x, now.y + now.slope * (x - now.x)];
    [at(now.x - reach), at(now.x + reach)]
}

/// The current sample on the function and on its derivative.
fn ball(ui: &Ui, shown: &DrawnPlot, now: CurvePoint, slope_color: Color32, theme: &Theme) {
    let painter = ui.painter().with_clip_rect(shown.frame());
    let (on, below) = (shown.at(now.x, now.y), shown.at(now.x, now.slope));
    painter.line_segment([on, below], Stroke::new(1.0, theme.accent.gamma_multiply(0.6)));
    painter.circle(below, 4.0, slope_color, Stroke::new(1.0, theme.background));
    painter.circle(on, 6.0, theme.accent, Stroke::new(1.5, theme.background));
}

/// An index as a subscript, counted from 1.
fn subscript(nth: usize) -> String {
    (nth + 1)
        .to_string()
        .chars()
        .map(|digit| char::from_u32(digit as u32 - '0' as u32 + '₀' as u32).unwrap_or(digit))
        .collect()
}
