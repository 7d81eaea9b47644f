//! The loss over two weights, as a map with lines of one height or as a surface, with the way that the optimizer
//! took and a ball where it is.
//!
//! All other parameters are those of the step that is shown; along the way they were those of its time, so the way
//! need not lie on the surface: it is drawn at the loss that there was.

mod heights;
mod map;
mod orbit_camera;
mod paths;
mod range;
mod surface;

use super::axes::{Mark, instead_ui, legend_ui};
use crate::state::Gui;
use egui::{ComboBox, Role, Ui, WidgetInfo};
use egui_plot::LineStyle;
use heights::Heights;
use paths::{DASHED, DOTTED, Way, ways};
use slowgrad_engine::record::RecordedStep;
use slowgrad_render::Theme;
use slowgrad_session::Landscape;
use slowgrad_session::Session;
use slowgrad_timeline::explain::parameter_table;
use slowgrad_timeline::number_format;
use std::sync::Arc;

/// More parameters than this are not listed; they are chosen in the network.
const LISTED: usize = 300;
/// What a list needs beside its text.
const COMBO: f32 = 26.0;
/// The name of a parameter is abbreviated in less room than this.
const NARROW: f32 = 80.0;
/// Room for the button of the range.
const RANGE: f32 = 60.0;

pub(super) fn landscape_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    let theme = *gui.theme();
    let Some((timeline, _)) = session.now() else { return };
    let timeline = Arc::clone(timeline);
    let step = timeline.step();
    if step.shape.parameters() < 2 {
        return instead_ui(ui, "The landscape needs two parameters.", &theme);
    }
    let landscape = session.snapshot.as_ref().and_then(|snapshot| snapshot.plots.landscape.clone());
    controls_ui(ui, gui, session, step, landscape.as_deref());
    let Some(landscape) = landscape else {
        return instead_ui(ui, "Computing the first losses…", &theme);
    };
    legend(ui, session, &landscape, &theme);
    let drawn = Drawn {
        landscape: &landscape,
        heights: Heights::of(&landscape, gui.plots.is_log, gui.plots.is_surface),
        ways: ways(&landscape, &theme),
        names: landscape.surface.axes.map(|axis| name(step, axis)),
    };
    let asked =
        if gui.plots.is_surface { orbit_camera::surface_ui(ui, gui, &drawn) } else { map::map_ui(ui, gui, &drawn) };
    if let Some(step) = asked {
        session.go_to_step(step);
    }
}

/// What is drawn, from whichever side.
struct Drawn<'a> {
    landscape: &'a Landscape,
    heights: Heights,
    ways: Vec<Way>,
    /// Those of the two parameters.
    names: [String; 2],
}

/// A parameter in a few letters.
fn name(step: &RecordedStep, index: usize) -> String {
    let (letters, layer) = parameter_table::name(step, index);
    if step.shape.layers() == 1 { letters } else { format!("{letters} · layer {layer}") }
}

fn controls_ui(ui: &mut Ui, gui: &mut Gui, session: &Session, step: &RecordedStep, landscape: Option<&Landscape>) {
    let theme = *gui.theme();
    let selected = session.view.selected.and_then(|target| parameter_table::index(step, target));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 5.0;
        let map = ui.selectable_label(!gui.plots.is_surface, "map");
        if map.on_hover_text("Show a map with contour lines instead of a surface that you can rotate").clicked() {
            gui.plots.is_surface = !gui.plots.is_surface;
        }
        ui.checkbox(&mut gui.plots.is_log, "log").on_hover_text("Logarithmic loss axis");
        // Neurons may be gone since these were chosen.
        let chosen = gui.plots.axes.filter(|axes| axes.iter().all(|axis| *axis < step.shape.parameters()));
        let now = chosen.or(landscape.map(|landscape| landscape.surface.axes));
        let room = ((ui.available_width() - RANGE - 10.0) / 2.0 - 30.0).clamp(46.0, 150.0);
        for (nth, axis) in ["x", "y"].into_iter().enumerate() {
            let shown = now.map_or_else(|| "…".to_owned(), |axes| name(step, axes[nth]));
            // Where there is little room the layer's number has to do.
            let brief = shown.replace(" · layer ", " · ");
            let text = if room < NARROW { brief } else { shown.clone() };
            let mut chosen = None;
            ui.label(egui::RichText::new(axis).size(12.0).color(theme.faint));
            let combo = ComboBox::from_id_salt(("landscape", axis)).width(room).truncate().selected_text(text);
            let listed = |ui: &mut Ui| {
                if ui.selectable_label(gui.plots.axes.is_none(), "changed most").clicked() {
                    (gui.plots.axes, gui.plots.range) = (None, None);
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
            };
            // A long name must not push out what stands beside it.
            let response = ui
                .scope(|ui| {
                    ui.set_max_width(room + COMBO);
                    combo.show_ui(ui, listed)
                })
                .inner;
            response
                .response
                .widget_info(|| WidgetInfo::labeled(Role::ComboBox, true, format!("parameter along {axis}: {shown}")));
            response.response.on_hover_text(format!("Parameter along {axis}"));
            if let (Some(chosen), Some(mut axes)) = (chosen, now) {
                // The same parameter on both axes would be no surface: they change places.
                if axes[1 - nth] == chosen {
                    axes[1 - nth] = axes[nth];
                }
                axes[nth] = chosen;
                gui.plots.axes = Some(axes);
                gui.plots.range = None;
            }
        }
        if let Some(landscape) = landscape {
            let names = landscape.surface.axes.map(|axis| name(step, axis));
            range::button_ui(ui, &mut gui.plots, &landscape.surface, &names, &theme);
        }
    });
}

fn legend(ui: &mut Ui, session: &Session, landscape: &Landscape, theme: &Theme) {
    let rival = session.snapshot.as_ref().and_then(|snapshot| snapshot.rival.as_ref());
    let (mine, theirs) = rival.map_or(("path", ""), |rival| (rival.mine.as_str(), rival.theirs.as_str()));
    let mut marks = vec![
        (Mark::Ball, theme.accent, format!("now, L = {}", number_format::number(landscape.surface.loss, 3))),
        (Mark::Line(LineStyle::Solid), theme.accent, mine.to_owned()),
    ];
    if !landscape.rival.is_empty() {
        marks.push((Mark::Line(DASHED), theme.text, theirs.to_owned()));
    }
    if !landscape.ghost.is_empty() {
        marks.push((Mark::Line(DOTTED), theme.faint, "previous run".to_owned()));
    }
    legend_ui(ui, &marks, theme);
}

/// What is said of the landscape where it cannot be seen.
fn said(landscape: &Landscape, names: &[String; 2]) -> String {
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
