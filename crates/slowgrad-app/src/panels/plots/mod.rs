//! The plots below the network, side by side.

pub(super) mod axes;
mod confusion;
mod contour;
mod functions;
mod histograms;
mod landscape;
mod predictions;
mod scores;
#[cfg(test)]
mod tests;
pub(super) mod thinning;

use super::icons::{Icon, icon_button};
use crate::actions::Action;
use crate::state::plot_tabs::{Plot, PlotTabs};
use egui::{Align, Frame, Layout, Margin, Panel, Rect, RichText, Role, Ui, UiBuilder, Vec2, WidgetInfo};
use scores::Metric;
use slowgrad_render::Theme;
use slowgrad_session::Session;

/// The minimum width of a plot.
const MIN_PLOT_WIDTH_PTS: f32 = 300.0;
/// The space between two plots.
const GAP_PTS: f32 = 12.0;

/// Draws the plots below the network or in its place; returns whether the network has space left.
pub(super) fn plots_panel_ui(
    ui: &mut Ui,
    plots: &mut PlotTabs,
    shown: bool,
    session: &mut Session,
    theme: &Theme,
) -> bool {
    plots.request_data(session);
    if !shown {
        return true;
    }
    let room = ui.available_height();
    let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(10, 6));
    if plots.is_large() {
        frame.show(ui, |ui| {
            ui.set_min_size(ui.available_size());
            plots_ui(ui, plots, session, theme);
        });
        return false;
    }
    let panel = Panel::bottom("plots").frame(frame).resizable(true);
    panel.default_size(0.52 * room).size_range(190.0..=(room - 150.0).max(191.0)).show(ui, |ui| {
        // The height of the panel does not depend on its contents.
        ui.expand_to_include_rect(ui.max_rect());
        plots_ui(ui, plots, session, theme);
    });
    true
}

fn plots_ui(ui: &mut Ui, plots: &mut PlotTabs, session: &mut Session, theme: &Theme) {
    bar_ui(ui, plots, theme);
    let room = ui.available_rect_before_wrap();
    plots.set_capacity(((room.width() + GAP_PTS) / (MIN_PLOT_WIDTH_PTS + GAP_PTS)) as usize);
    let seen = plots.visible();
    let width = (room.width() - GAP_PTS * (seen.len().max(1) - 1) as f32) / seen.len().max(1) as f32;
    for (nth, plot) in seen.into_iter().enumerate() {
        let min = room.min + Vec2::new(nth as f32 * (width + GAP_PTS), 0.0);
        let rect = Rect::from_min_size(min, Vec2::new(width, room.height()));
        ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt(plot), |ui| {
            ui.set_clip_rect(rect.expand(2.0).intersect(ui.clip_rect()));
            ui.spacing_mut().item_spacing.y = 3.0;
            ui.spacing_mut().interact_size.y = 20.0;
            ui.spacing_mut().button_padding = Vec2::new(6.0, 2.0);
            match plot {
                Plot::Losses => scores::scores_ui(ui, plots, session, Metric::Loss, theme),
                Plot::Accuracy => scores::scores_ui(ui, plots, session, Metric::Accuracy, theme),
                Plot::Confusion => confusion::confusion_ui(ui, plots, session, theme),
                Plot::Predictions => predictions::predictions_ui(ui, session, theme),
                Plot::Landscape => landscape::landscape_ui(ui, plots, session, theme),
                Plot::Histograms => histograms::histograms_ui(ui, session, theme),
                Plot::Activation => functions::activation_ui(ui, session, theme),
                Plot::Loss => functions::loss_ui(ui, plots, session, theme),
            }
        });
    }
}

/// The tabs of the plots and the buttons of the panel. The tabs wrap in a narrow panel.
fn bar_ui(ui: &mut Ui, plots: &mut PlotTabs, theme: &Theme) {
    ui.with_layout(Layout::right_to_left(Align::TOP), |ui| {
        if icon_button(ui, Icon::Close, &format!("Close the plots ({})", super::key(Action::Plots)), false, theme)
            .clicked()
        {
            plots.toggle_panel();
        }
        let (word, help) = if plots.is_large() {
            ("smaller", "Show the network above the plots again")
        } else {
            ("larger", "Show the plots in place of the network")
        };
        if ui.button(RichText::new(word).size(13.0)).on_hover_text(help).clicked() {
            plots.toggle_large();
        }
        ui.with_layout(Layout::left_to_right(Align::TOP).with_main_wrap(true), |ui| {
            ui.spacing_mut().item_spacing = Vec2::splat(2.0);
            ui.spacing_mut().button_padding = Vec2::new(7.0, 3.0);
            let seen = plots.visible();
            for plot in Plot::ALL {
                let response = ui.selectable_label(seen.contains(&plot), RichText::new(plot.label()).size(13.5));
                let (on, key) = (seen.contains(&plot), Action::Plot(plot).tooltip());
                // The lesson panel has a control named activation too.
                let name = format!("plot: {}", plot.label());
                response.widget_info(|| WidgetInfo::selected(Role::Button, true, on, &name));
                if response.on_hover_text(key).clicked() {
                    plots.toggle(plot);
                }
            }
        });
    });
}
