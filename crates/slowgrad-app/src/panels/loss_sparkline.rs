//! The loss over the steps, with the curve of the previous run.

use super::plots::axes::{count, marks, plain};
use super::plots::thinning::thinned;
use super::step_loss_name;
use egui::{Align, Label, Layout, RichText, Ui, Vec2b};
use egui_plot::{AxisHints, Line, LineStyle, Plot, VLine};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_session::{BackendCommand, Curves};
use slowgrad_timeline::number_format;
use std::ops::RangeInclusive;

/// More points cannot be distinguished at this size.
const MAX_POINTS: usize = 600;
/// The margin above the highest loss, as a fraction of the axis.
const MARGIN: f64 = 0.08;

pub(super) fn curve_ui(ui: &mut Ui, session: &mut Session, theme: &Theme) {
    let Some(snapshot) = &session.snapshot else { return };
    let curves = snapshot.curves.clone();
    let last = curves.present.last().copied();
    ui.horizontal(|ui| {
        ui.label(RichText::new(step_loss_name(session)).color(theme.faint));
        if let Some(last) = last {
            ui.add(Label::new(RichText::new(number_format::number(last.loss, 4)).color(theme.text)).truncate());
        }
        if curves.abandoned_branch.is_some() {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                if ui.small_button("clear old").on_hover_text("Remove the curve of the previous run").clicked() {
                    session.send(BackendCommand::DropAbandonedBranch);
                }
            });
        }
    });
    if last.is_some_and(|last| !last.loss.is_finite()) {
        let advice = "The loss is not finite. Reset, then try a smaller learning rate.";
        ui.add(Label::new(RichText::new(advice).small().color(theme.loss)).wrap());
    }
    let height = ui.available_height().max(40.0);
    if curves.present.is_empty() {
        ui.add(Label::new(RichText::new("The curve starts after the first step.").small().color(theme.faint)).wrap());
        return;
    }
    plot_ui(ui, session, &curves, height, theme);
}

fn plot_ui(ui: &mut Ui, session: &mut Session, curves: &Curves, height: f32, theme: &Theme) {
    let step = session.now().map_or(1, |(timeline, _)| timeline.step().step);
    let plot = Plot::new("loss curve")
        .height(height)
        .width(ui.available_width() - 6.0)
        .allow_drag(false)
        .allow_zoom(false)
        .allow_scroll(false)
        .allow_boxed_zoom(false)
        .allow_double_click_reset(false)
        .show_background(false)
        .show_axes(true)
        .show_grid(Vec2b::new(false, true))
        .y_grid_spacer(|input| marks(input.bounds, 3.0, 0.0))
        // The plot is small: few labels, but more than the zero.
        .custom_x_axes(vec![AxisHints::new_x().label_spacing(34.0..=60.0).formatter(|mark, _| count(mark.value))])
        .custom_y_axes(vec![
            AxisHints::new_y().min_thickness(30.0).label_spacing(6.0..=10.0).formatter(|mark, _| plain(mark.value)),
        ])
        .set_margin_fraction(egui::vec2(0.08, 0.0));
    let color = theme.loss;
    let (faint, text) = (theme.faint, theme.text);
    let comparison = session.snapshot.as_ref().and_then(|snapshot| snapshot.comparison.clone());
    let present = thinned(&curves.present, MAX_POINTS);
    let previous = curves.abandoned_branch.as_ref().map(|curve| thinned(curve.points(), MAX_POINTS));
    let other = comparison.as_ref().map(|comparison| thinned(&comparison.curve, MAX_POINTS));
    let drawn = [Some(&present), previous.as_ref(), other.as_ref()].into_iter().flatten().flatten();
    let heights = height_range(drawn.map(|[_, loss]| *loss));
    let response = plot.show(ui, |plot| {
        plot.set_plot_bounds_y(heights);
        if let Some(previous) = previous {
            plot.line(
                Line::new("previous run", previous)
                    .color(faint.gamma_multiply(0.7))
                    .style(LineStyle::dashed_loose())
                    .width(1.2),
            );
        }
        if let (Some(comparison), Some(other)) = (&comparison, other) {
            plot.line(Line::new(comparison.comparison_setting.clone(), other).color(text).width(1.3));
        }
        plot.line(Line::new("loss", present).color(color).width(1.6));
        plot.vline(VLine::new("this step", step as f64).color(faint).width(1.0));
        plot.pointer_coordinate()
    });
    let label = format!("loss curve, {} points", curves.present.len());
    response.response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Image, true, &label));
    let at = response.inner;
    let clicked = response.response.clicked();
    response.response.on_hover_text("Click to go to a step");
    if clicked && let Some(at) = at {
        session.go_to_step(at.x.round().max(1.0) as u64);
    }
}

/// The range of the loss axis: from 0, or the lowest loss if that is negative. Below 0 there is no margin, so that no line
/// is drawn where no loss is.
fn height_range(losses: impl Iterator<Item = f64>) -> RangeInclusive<f64> {
    let (low, high) = losses.fold((0.0_f64, 0.0_f64), |(low, high), loss| (low.min(loss), high.max(loss)));
    let margin = if high > low { MARGIN * (high - low) } else { 1.0 };
    let below = if low < 0.0 { margin } else { 0.0 };
    low - below..=high + margin
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_of_losses_that_are_not_negative_begins_at_zero() {
        assert_eq!(height_range([1.0, 2.0].into_iter()), 0.0..=2.0 * (1.0 + MARGIN));
        assert_eq!(height_range([0.0].into_iter()), 0.0..=1.0);
        let negative = height_range([-2.0, -1.0].into_iter());
        assert!(*negative.start() < -2.0 && *negative.end() > 0.0);
    }
}
