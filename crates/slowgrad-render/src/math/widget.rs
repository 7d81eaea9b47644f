//! A formula as a widget: its text for screen readers and its clickable parts.

use super::MathLayout;
use crate::theme::Theme;
use egui::{Color32, CursorIcon, Role, Sense, Stroke, Ui, Vec2, WidgetInfo};
use slowgrad_timeline::scene::{Link, Math};

/// The interaction with a formula in this frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MathResponse {
    /// The link of the box that was clicked.
    pub clicked: Option<Link>,
}

/// Shows a formula in the colour of body text, wrapped to the available width.
pub fn math_ui(ui: &mut Ui, math: &Math, size: f32, theme: &Theme) -> MathResponse {
    colored_math_ui(ui, math, size, theme.text, theme)
}

/// Shows a formula wrapped to the available width. Unmarked boxes take `color`.
pub fn colored_math_ui(ui: &mut Ui, math: &Math, size: f32, color: Color32, theme: &Theme) -> MathResponse {
    let layout = MathLayout::wrapped(ui.painter(), math, size, ui.available_width());
    let (rect, response) = ui.allocate_exact_size(layout.size(), Sense::hover());
    response.widget_info(|| WidgetInfo::labeled(Role::Label, ui.is_enabled(), math.plain()));
    let mut clicked = None;
    for (index, (rect_in_formula, link, text, ink)) in layout.links().enumerate() {
        let area = rect_in_formula.translate(rect.min.to_vec2()).expand2(Vec2::new(1.0, 0.0));
        let part = ui.interact(area, response.id.with(index), Sense::click()).on_hover_cursor(CursorIcon::PointingHand);
        part.widget_info(|| WidgetInfo::labeled(Role::Link, ui.is_enabled(), format!("origin of {text}")));
        let shade = ink.map_or(color, |ink| theme.text_color(ink, theme.panel));
        // A faint underline marks links; hover and focus make it clear.
        let strength = if part.hovered() || part.has_focus() { 1.0 } else { 0.3 };
        let line = Stroke::new(1.0, shade.gamma_multiply(strength));
        ui.painter().hline(area.x_range(), area.bottom() + 0.5, line);
        if part.on_hover_text(format!("goes to {}", link.destination())).clicked() {
            clicked = Some(link);
        }
    }
    if ui.is_rect_visible(rect) {
        layout.paint(ui.painter(), rect.min, color, theme);
    }
    MathResponse { clicked }
}
