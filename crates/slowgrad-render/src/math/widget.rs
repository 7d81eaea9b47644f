//! A formula as a widget: what a screen reader says of it, and the parts that can be clicked.

use super::MathLayout;
use crate::theme::Theme;
use egui::{Color32, CursorIcon, Role, Sense, Stroke, Ui, Vec2, WidgetInfo};
use slowgrad_timeline::scene::{Link, Math};

/// What happened to a formula that can be clicked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MathResponse {
    /// Where the marked box that was clicked came from.
    pub clicked: Option<Link>,
}

/// A formula as a widget, in the colour of ordinary text, wrapped to the width at hand.
pub fn math_ui(ui: &mut Ui, math: &Math, size: f32, theme: &Theme) -> MathResponse {
    colored_math_ui(ui, math, size, theme.text, theme)
}

/// A formula as a widget, in a colour of one's own where it is not marked.
pub fn colored_math_ui(ui: &mut Ui, math: &Math, size: f32, color: Color32, theme: &Theme) -> MathResponse {
    let layout = MathLayout::wrapped(ui.painter(), math, size, ui.available_width());
    let (rect, response) = ui.allocate_exact_size(layout.size(), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, ui.is_enabled(), math.plain()));
    let mut clicked = None;
    for (number, (place, link, text, ink)) in layout.links().enumerate() {
        let area = place.translate(rect.min.to_vec2()).expand2(Vec2::new(1.0, 0.0));
        let part =
            ui.interact(area, response.id.with(number), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
        part.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), format!("where {text} came from")));
        let shade = ink.map_or(color, |ink| theme.text_color(ink, theme.panel));
        // A fine line says what can be followed; under the pointer it is a clear one.
        let strength = if part.hovered() || part.has_focus() { 1.0 } else { 0.3 };
        let line = Stroke::new(1.0, shade.gamma_multiply(strength));
        ui.painter().hline(area.x_range(), area.bottom() + 0.5, line);
        if part.on_hover_text(format!("goes to {}", link.goal())).clicked() {
            clicked = Some(link);
        }
    }
    if ui.is_rect_visible(rect) {
        layout.paint(ui.painter(), rect.min, color, theme);
    }
    MathResponse { clicked }
}
