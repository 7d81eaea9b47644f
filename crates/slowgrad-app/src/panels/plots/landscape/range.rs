//! The ranges of the landscape: fitted to the path, or chosen with the wheel, by dragging the map or by typing.
//!
//! It must not know how the landscape is drawn.

use crate::state::landscape_view::{AxisRanges, LandscapeView};
use crate::state::number_field::parse;
use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{DragValue, PopupCloseBehavior, Response, RichText, Ui, Vec2, WidgetInfo};
use slowgrad_render::Theme;
use slowgrad_session::Surface;
use slowgrad_timeline::number_format;

/// The limits of a range; a narrower one, relative to its numbers, would lose all precision.
const MIN_RELATIVE_WIDTH: f64 = 1e-9;
const MAX_WIDTH: f64 = 1e9;

/// The requested ranges, which may not be drawn yet.
pub(super) fn requested(view: &LandscapeView, surface: &Surface) -> AxisRanges {
    view.range().unwrap_or(surface.range)
}

/// The wheel zooms around a point, and a double-click fits the ranges to the path.
pub(super) fn wheel(ui: &Ui, response: &Response, view: &mut LandscapeView, surface: &Surface, around: [f64; 2]) {
    if response.double_clicked() {
        view.reset_range();
    }
    if !response.hovered() {
        return;
    }
    let factor = ui.input(|input| input.zoom_delta() * (input.smooth_scroll_delta().y / 240.0).exp());
    if factor != 1.0 {
        view.set_range(zoomed(requested(view, surface), around, f64::from(factor)));
    }
}

/// Dragging moves the map.
pub(super) fn drag(response: &Response, view: &mut LandscapeView, surface: &Surface, size: Vec2) {
    if response.dragged() && response.drag_delta() != Vec2::ZERO {
        let by = response.drag_delta() / size;
        view.set_range(moved(requested(view, surface), [-f64::from(by.x), f64::from(by.y)]));
    }
}

/// The ranges zoomed by a factor around a point.
fn zoomed(range: AxisRanges, around: [f64; 2], factor: f64) -> AxisRanges {
    let side = |axis: usize| {
        let ([low, high], at) = (range[axis], around[axis].clamp(range[axis][0], range[axis][1]));
        let least = MIN_RELATIVE_WIDTH * at.abs().max(1.0);
        let factor = factor.clamp((high - low) / MAX_WIDTH, ((high - low) / least).max(1.0));
        [at - (at - low) / factor, at + (high - at) / factor]
    };
    [side(0), side(1)]
}

/// The ranges moved by shares of their widths.
fn moved(range: AxisRanges, by: [f64; 2]) -> AxisRanges {
    let side = |axis: usize| range[axis].map(|end| end + by[axis] * (range[axis][1] - range[axis][0]));
    [side(0), side(1)]
}

/// The button that opens the numbers of the ranges.
pub(super) fn button_ui(ui: &mut Ui, view: &mut LandscapeView, surface: &Surface, names: &[String; 2], theme: &Theme) {
    let word = RichText::new("range");
    let word = if view.range().is_some() { word.color(theme.text).strong() } else { word };
    let config = MenuConfig::new().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
    // Menu style would hide that the numbers can be edited.
    let style = std::sync::Arc::clone(ui.style());
    let (response, _) = MenuButton::new(word).config(config).ui(ui, |ui| {
        ui.set_style(style);
        numbers_ui(ui, view, surface, names, theme);
    });
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, "range of the landscape"));
    response.on_hover_text("AxisRanges of the landscape; the wheel zooms, a double-click shows the whole path again");
}

fn numbers_ui(ui: &mut Ui, view: &mut LandscapeView, surface: &Surface, names: &[String; 2], theme: &Theme) {
    let before = requested(view, surface);
    let mut range = before;
    for (axis, name) in names.iter().enumerate() {
        ui.horizontal(|ui| {
            ui.label(RichText::new(name).color(theme.text));
            let [low, high] = range[axis];
            let speed = 0.005 * (high - low);
            for (end, word) in [(0, "from"), (1, "to")] {
                let label = ui.label(RichText::new(word).color(theme.faint));
                let number = DragValue::new(&mut range[axis][end])
                    .speed(speed)
                    .custom_formatter(|x, _| number_format::number(x, 4))
                    .custom_parser(parse);
                let number = number.range(if end == 0 { f64::MIN..=high } else { low..=f64::MAX });
                let response = ui.add(number).labelled_by(label.id);
                response.widget_info(|| WidgetInfo::drag_value(true, range[axis][end]));
            }
        });
    }
    if range != before && range.iter().all(|[low, high]| low < high) {
        view.set_range(range);
    }
    if ui.button("Centre on current values").clicked() {
        let half = |axis: usize| 0.5 * (before[axis][1] - before[axis][0]);
        view.set_range([0, 1].map(|axis| {
            let at = surface.present[axis];
            [at - half(axis), at + half(axis)]
        }));
    }
    if ui.add_enabled(view.range().is_some(), egui::Button::new("Fit to path")).clicked() {
        view.reset_range();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zooming_keeps_the_point_under_the_pointer_and_has_limits() {
        let range = [[-1.0, 3.0], [0.0, 1.0]];
        let near = zoomed(range, [0.0, 0.5], 2.0);
        assert_eq!(near, [[-0.5, 1.5], [0.25, 0.75]]);
        assert_eq!(zoomed(near, [0.0, 0.5], 0.5), range);
        let (mut small, mut large) = (range, range);
        for _ in 0..200 {
            small = zoomed(small, [0.3, 0.7], 3.0);
            large = zoomed(large, [0.3, 0.7], 1.0 / 3.0);
        }
        assert!(small.iter().all(|[low, high]| low < high && high - low < 1e-6), "{small:?}");
        assert!(large.iter().all(|[low, high]| (high - low).is_finite() && high - low > 1e6), "{large:?}");
        assert_eq!(moved(range, [0.25, -0.5]), [[0.0, 4.0], [-0.5, 0.5]]);
    }
}
