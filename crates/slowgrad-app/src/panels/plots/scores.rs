//! The loss or the accuracy over the steps: of the training data, of the test data and, for the loss, of each batch, for
//! the run and its comparison.

use super::axes::{Axis, DrawnPlot, LegendMark, legend_ui, placeholder_ui, plot_ui, readout};
use super::thinning::thinned;
use crate::state::plot_tabs::{LogAxes, PlotTabs};
use egui::{Color32, Pos2, Role, Stroke, Ui, WidgetInfo};
use egui_plot::{Line, LineStyle, PlotPoints, Points, VLine};
use slowgrad_engine::evaluation::Score;
use slowgrad_engine::run::LossPoint;
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_session::{ScoresAtStep, Snapshot};
use slowgrad_tape::math;
use slowgrad_timeline::number_format;

/// The maximum number of drawn batch losses.
const MAX_BATCH_POINTS: usize = 1500;

/// What is plotted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Loss,
    Accuracy,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Metric::Loss => "loss",
            Metric::Accuracy => "accuracy",
        }
    }

    fn of(self, score: Score) -> Option<f64> {
        match self {
            Metric::Loss => Some(score.loss),
            Metric::Accuracy => score.accuracy,
        }
    }
}

/// A line of the plot.
struct Series {
    name: String,
    points: Vec<[f64; 2]>,
    color: Color32,
    style: LineStyle,
    width: f32,
}

/// The lines of a snapshot. The scores after n steps are at the start of step n + 1, like the loss of its batch.
fn series(snapshot: &Snapshot, metric: Metric, theme: &Theme) -> Vec<Series> {
    let solid = LineStyle::Solid;
    let dashed = LineStyle::Dashed { length: 5.0 };
    let batch = |curve: &[LossPoint]| thinned(curve, MAX_BATCH_POINTS);
    let train = |scores: &[ScoresAtStep]| -> Vec<[f64; 2]> {
        scores.iter().filter_map(|at| Some([(at.step + 1) as f64, metric.of(at.scores.train)?])).collect()
    };
    let test = |scores: &[ScoresAtStep]| -> Vec<[f64; 2]> {
        scores.iter().filter_map(|at| Some([(at.step + 1) as f64, metric.of(at.scores.test?)?])).collect()
    };
    let mut all = Vec::new();
    let mut add = |name: String, points: Vec<[f64; 2]>, color, style, width| {
        if !points.is_empty() {
            all.push(Series { name, points, color, style, width });
        }
    };
    let full_batch =
        snapshot.setup.as_ref().zip(snapshot.data.as_ref()).is_none_or(|(setup, data)| setup.batch >= data.train);
    let of_steps = metric == Metric::Loss;
    if let Some(ghost) = snapshot.curves.abandoned_branch.as_ref().filter(|_| of_steps) {
        let style = LineStyle::Dotted { spacing: 4.0 };
        add("previous run".into(), batch(ghost.points()), theme.faint, style, 1.2);
    }
    if of_steps && !full_batch {
        add("batch".into(), batch(&snapshot.curves.present), theme.loss.gamma_multiply(0.42), solid, 1.0);
    }
    let (mine, theirs) = match &snapshot.comparison {
        Some(comparison) => {
            (format!(" · {}", comparison.baseline_setting), format!(" · {}", comparison.comparison_setting))
        }
        None => (String::new(), String::new()),
    };
    if let Some(scores) = &snapshot.plots.comparison_scores {
        add(format!("test{theirs}"), test(scores), theme.text, dashed, 1.6);
        add(format!("train{theirs}"), train(scores), theme.text, solid, 1.6);
    }
    if let Some(scores) = &snapshot.plots.scores {
        add(format!("test{mine}"), test(scores), theme.loss, dashed, 2.0);
        add(format!("train{mine}"), train(scores), theme.loss, solid, 2.0);
    }
    all
}

pub(super) fn scores_ui(ui: &mut Ui, plots: &mut PlotTabs, session: &mut Session, metric: Metric, theme: &Theme) {
    let Some(snapshot) = &session.snapshot else { return };
    let step = session.now().map_or(1, |(timeline, _)| timeline.step().step);
    let mut series = series(snapshot, metric, theme);
    if metric == Metric::Accuracy && series.is_empty() {
        let text = if snapshot.computing_plots { "Computing…" } else { super::confusion::NO_CLASSES };
        return placeholder_ui(ui, text, theme);
    }
    let log = LogAxes { losses: plots.log.losses && metric == Metric::Loss, ..plots.log };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if metric == Metric::Loss {
            ui.checkbox(&mut plots.log.losses, "log L").on_hover_text("Logarithmic loss axis");
        }
        let steps = ui.checkbox(&mut plots.log.steps, "log step");
        steps.on_hover_text("Logarithmic step axis, which gives the first steps more room");
        // The topmost line comes first in the legend.
        let marks: Vec<(LegendMark, Color32, String)> = series
            .iter()
            .rev()
            .map(|series| (LegendMark::Line(series.style), series.color, series.name.clone()))
            .collect();
        legend_ui(ui, &marks, theme);
    });
    let description = scores_text(&series, step as f64);
    let scaled = |loss: f64| if log.losses { math::log10(loss) } else { loss };
    let along = |step: f64| if log.steps { math::log10(step) } else { step };
    for series in &mut series {
        series.points.retain(|[_, loss]| scaled(*loss).is_finite());
    }
    let last =
        series.iter().filter_map(|series| series.points.last()).map(|[step, _]| *step).fold(step as f64, f64::max);
    let losses = series.iter().flat_map(|series| series.points.iter().map(|[_, loss]| scaled(*loss)));
    let ends: &[f64] = match metric {
        Metric::Loss if log.losses => &[],
        Metric::Loss => &[0.0],
        Metric::Accuracy => &[0.0, 1.0],
    };
    let y = Axis::around(metric.name(), losses.chain(ends.iter().copied()), log.losses);
    let lines: Vec<Line<'static>> = series
        .iter()
        .map(|series| {
            let points: PlotPoints<'static> = series.points.iter().map(|[x, y]| [along(*x), scaled(*y)]).collect();
            Line::new(series.name.clone(), points).color(series.color).width(series.width).style(series.style)
        })
        .collect();
    // A single point does not show as a line.
    let single: Vec<Points<'static>> = series
        .iter()
        .filter(|series| series.points.len() == 1)
        .map(|series| {
            let points: PlotPoints<'static> = series.points.iter().map(|[x, y]| [along(*x), scaled(*y)]).collect();
            Points::new(series.name.clone(), points).color(series.color).radius(3.5)
        })
        .collect();
    let now = VLine::new("this step", along(step as f64)).color(theme.accent).width(1.2);
    let shown = plot_ui(
        ui,
        metric.name(),
        [Axis::steps(last, log.steps), y],
        theme,
        |_| Vec::new(),
        move |plot| {
            plot.vline(now);
            for line in lines {
                plot.line(line);
            }
            for point in single {
                plot.points(point);
            }
        },
    );
    shown.response.widget_info(|| {
        WidgetInfo::labeled(
            Role::Image,
            true,
            format!("plot of the {}, {}", metric.name(), description.replace('\n', ", ")),
        )
    });
    let nearest_step = under_pointer(ui, &shown, &series, theme, (&along, &scaled));
    if let Some(step) = nearest_step.filter(|_| shown.response.clicked()) {
        session.go_to_step(step);
    }
}

/// The numbers at a step, as text.
fn scores_text(series: &[Series], step: f64) -> String {
    let number = |series: &Series| {
        let [_, loss] = series.points.iter().find(|[at, _]| *at == step)?;
        Some(format!("{} {}", series.name, number_format::number(*loss, 4)))
    };
    let numbers = series.iter().rev().filter_map(number);
    [format!("step {}", number_format::number(step, 7))].into_iter().chain(numbers).collect::<Vec<_>>().join("\n")
}

/// The scales of the axes: of steps and of the metric.
type Scales<'a> = (&'a dyn Fn(f64) -> f64, &'a dyn Fn(f64) -> f64);

/// Shows the numbers of the step nearest to the pointer; returns the step.
fn under_pointer(
    ui: &Ui,
    shown: &DrawnPlot,
    series: &[Series],
    theme: &Theme,
    (along, scaled): Scales<'_>,
) -> Option<u64> {
    let pointer = shown.pointer?;
    // The topmost line decides which steps there are.
    let steps = series.iter().rev().find(|series| !series.points.is_empty())?.points.iter().map(|[step, _]| *step);
    let far = |step: f64| (along(step) - pointer.x).abs();
    let nearest = steps.reduce(|best, step| if far(step) < far(best) { step } else { best })?;
    let (frame, x) = (shown.frame(), shown.at(along(nearest), 0.0).x);
    ui.painter().vline(x, frame.y_range(), Stroke::new(1.0, theme.faint));
    for series in series {
        if let Some([_, loss]) = series.points.iter().find(|[at, _]| *at == nearest) {
            let at = shown.at(along(nearest), scaled(*loss));
            ui.painter().circle(at, 3.5, series.color, Stroke::new(1.0, theme.background));
        }
    }
    let text = format!("{}\nclick to go to this step", scores_text(series, nearest));
    readout(ui, frame, Pos2::new(x, ui.input(|input| input.pointer.hover_pos())?.y), &text, theme);
    Some(nearest as u64)
}
