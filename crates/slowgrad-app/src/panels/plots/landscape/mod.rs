//! The loss over two parameters, as a map with contour lines or as a surface, with the optimizer's path and its current
//! position.
//!
//! All other parameters have their values at the current step. At earlier steps they had other values, so a path point
//! need not be on the surface: it is drawn at its own loss.

mod heights;
mod map;
mod orbit_camera;
mod paths;
mod range;
mod surface_mesh;
mod surface_plot;

use super::axes::{LegendMark, legend_ui, placeholder_ui};
use crate::state::plot_tabs::PlotTabs;
use egui::{ComboBox, Role, Ui, WidgetInfo};
use egui_plot::LineStyle;
use heights::HeightScale;
use paths::{COMPARISON_STYLE, DOTTED_STYLE, PathLine, path_lines};
use slowgrad_engine::record::RecordedStep;
use slowgrad_render::Theme;
use slowgrad_session::Landscape;
use slowgrad_session::Session;
use slowgrad_timeline::explain::{parameter_table, words};
use slowgrad_timeline::number_format;
use std::sync::Arc;

/// At most this many parameters are listed; others can be selected in the network.
const MAX_LISTED_PARAMETERS: usize = 300;
/// The width of a combo box beyond its text.
const COMBO_PADDING_PTS: f32 = 26.0;
/// Below this width, the name of a parameter is abbreviated.
const SHORT_NAME_WIDTH_PTS: f32 = 80.0;
/// The width of the range button.
const RANGE_BUTTON_PTS: f32 = 60.0;

pub(super) fn landscape_ui(ui: &mut Ui, plots: &mut PlotTabs, session: &mut Session, theme: &Theme) {
    let Some((timeline, _)) = session.now() else { return };
    let timeline = Arc::clone(timeline);
    let step = timeline.step();
    if step.shape.parameters() < 2 {
        return placeholder_ui(ui, "The landscape needs two parameters.", theme);
    }
    let landscape = session.snapshot.as_ref().and_then(|snapshot| snapshot.plots.landscape.clone());
    controls_ui(ui, plots, session, step, landscape.as_deref(), theme);
    let Some(landscape) = landscape else {
        return placeholder_ui(ui, "Computing the first losses…", theme);
    };
    legend(ui, session, &landscape, theme);
    let drawn = LandscapePlot {
        landscape: &landscape,
        heights: HeightScale::new(&landscape, plots.log.losses, plots.landscape.is_surface()),
        paths: path_lines(&landscape, theme),
        names: landscape.surface.axes.map(|axis| name(step, axis)),
    };
    let view = &mut plots.landscape;
    let clicked_step = if view.is_surface() {
        surface_plot::surface_ui(ui, view, &drawn, theme)
    } else {
        map::map_ui(ui, view, &drawn, theme)
    };
    if let Some(step) = clicked_step {
        session.go_to_step(step);
    }
}

/// The contents of the landscape.
struct LandscapePlot<'a> {
    landscape: &'a Landscape,
    heights: HeightScale,
    paths: Vec<PathLine>,
    /// The names of the two parameters.
    names: [String; 2],
}

/// The number of characters of the name of an input or an output in the name of a parameter.
const MAX_IO_NAME_CHARS: usize = 14;

/// A short name of a parameter, with the name of its input, or of its output for others of the last layer.
fn name(step: &RecordedStep, index: usize) -> String {
    let (letters, layer) = parameter_table::name(step, index);
    let symbol = if step.shape.layers() == 1 { letters } else { format!("{letters} · layer {layer}") };
    let at = step.shape.parameter(index);
    let input = at.input.filter(|_| at.layer == 0).and_then(|input| step.io_names.input(input));
    let output = || step.io_names.output(at.neuron).filter(|_| layer == step.shape.layers());
    match input.or_else(output) {
        Some(name) => format!("{symbol} · {}", words::elided(name, MAX_IO_NAME_CHARS)),
        None => symbol,
    }
}

fn controls_ui(
    ui: &mut Ui,
    plots: &mut PlotTabs,
    session: &Session,
    step: &RecordedStep,
    landscape: Option<&Landscape>,
    theme: &Theme,
) {
    let selected = session.view.selected.and_then(|target| parameter_table::index(step, target));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let map = ui.selectable_label(!plots.landscape.is_surface(), "map");
        if map.on_hover_text("Show a map with contour lines instead of a surface that you can rotate").clicked() {
            plots.landscape.toggle_surface();
        }
        ui.checkbox(&mut plots.log.losses, "log").on_hover_text("Logarithmic loss axis");
        // Parameters may have been removed since they were chosen.
        let chosen = plots.landscape.axes().filter(|axes| axes.iter().all(|axis| *axis < step.shape.parameters()));
        let now = chosen.or(landscape.map(|landscape| landscape.surface.axes));
        let room = ((ui.available_width() - RANGE_BUTTON_PTS - 10.0) / 2.0 - 30.0).clamp(46.0, 150.0);
        for (nth, axis) in ["x", "y"].into_iter().enumerate() {
            let shown = now.map_or_else(|| "…".to_owned(), |axes| name(step, axes[nth]));
            // In little space, only the number of the layer is shown.
            let brief = shown.replace(" · layer ", " · ");
            let text = if room < SHORT_NAME_WIDTH_PTS { brief } else { shown.clone() };
            let mut chosen = None;
            ui.label(egui::RichText::new(axis).size(12.0).color(theme.faint));
            let combo = ComboBox::from_id_salt(("landscape", axis)).width(room).truncate().selected_text(text);
            let listed = |ui: &mut Ui| {
                if ui.selectable_label(plots.landscape.axes().is_none(), "changed most").clicked() {
                    plots.landscape.follow_most_changed();
                }
                if let Some(selected) = selected
                    && ui.selectable_label(false, format!("selected: {}", name(step, selected))).clicked()
                {
                    chosen = Some(selected);
                }
                for index in 0..step.shape.parameters().min(MAX_LISTED_PARAMETERS) {
                    let current = now.is_some_and(|axes| axes[nth] == index);
                    if ui.selectable_label(current, name(step, index)).clicked() {
                        chosen = Some(index);
                    }
                }
            };
            // A long name must not push the other controls out.
            let response = ui
                .scope(|ui| {
                    ui.set_max_width(room + COMBO_PADDING_PTS);
                    combo.show_ui(ui, listed)
                })
                .inner;
            response
                .response
                .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("parameter along {axis}: {shown}")));
            response.response.on_hover_text(format!("Parameter along {axis}"));
            if let (Some(chosen), Some(axes)) = (chosen, now) {
                plots.landscape.set_axis(nth, chosen, axes);
            }
        }
        if let Some(landscape) = landscape {
            let names = landscape.surface.axes.map(|axis| name(step, axis));
            range::button_ui(ui, &mut plots.landscape, &landscape.surface, &names, theme);
        }
    });
}

fn legend(ui: &mut Ui, session: &Session, landscape: &Landscape, theme: &Theme) {
    let comparison = session.snapshot.as_ref().and_then(|snapshot| snapshot.comparison.as_ref());
    let (mine, theirs) = comparison.map_or(("path", ""), |comparison| {
        (comparison.baseline_setting.as_str(), comparison.comparison_setting.as_str())
    });
    let mut marks = vec![
        (LegendMark::Ball, theme.accent, format!("now, L = {}", number_format::number(landscape.surface.loss, 3))),
        (LegendMark::Line(LineStyle::Solid), theme.accent, mine.to_owned()),
    ];
    if !landscape.comparison.is_empty() {
        marks.push((LegendMark::Line(COMPARISON_STYLE), theme.text, theirs.to_owned()));
    }
    if !landscape.abandoned_branch.is_empty() {
        marks.push((LegendMark::Line(DOTTED_STYLE), theme.faint, "previous run".to_owned()));
    }
    legend_ui(ui, &marks, theme);
}

/// The description of the landscape for screen readers.
fn description(landscape: &Landscape, names: &[String; 2]) -> String {
    let surface = &landscape.surface;
    let number = |x: f64| number_format::number(x, 4);
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
