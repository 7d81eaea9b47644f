//! The step as a strip of coloured phases, with a playhead that can be dragged.

use crate::still::phase_ink;
use crate::window::session::Session;
use egui::{Color32, CursorIcon, FontId, Pos2, Rect, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use slowgrad_render::Theme;
use slowgrad_timeline::event::Phase;
use slowgrad_timeline::playhead::Command;

pub(super) fn strip_ui(ui: &mut Ui, session: &mut Session, theme: &Theme) {
    let size = Vec2::new(ui.available_width(), 30.0);
    let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let Some((timeline, playhead)) = session.now() else { return };
    let len = timeline.len().max(1) as f32;
    let position = playhead.position() as f32;
    let words = format!("timeline, event {} of {}", playhead.event() + 1, timeline.len());
    response.widget_info(|| WidgetInfo::slider(true, f64::from(position), &words));
    let bar = area.shrink2(Vec2::new(6.0, 3.0));
    let x_of = |event: f32| egui::lerp(bar.x_range(), (event / len).clamp(0.0, 1.0));
    let event_at = |x: f32| {
        let share = ((x - bar.left()) / bar.width().max(1.0)).clamp(0.0, 1.0);
        ((share * len) as usize).min(timeline.len() - 1)
    };
    let painter = ui.painter();
    painter.rect_filled(bar, 5.0, theme.background);
    let now = x_of(position);
    let samples = timeline.step().samples.len();
    for (phase, sample, range) in timeline.phases() {
        let (from, to) = (x_of(range.start as f32) + 0.5, x_of(range.end as f32) - 0.5);
        if to <= from {
            continue;
        }
        let color = theme.color(phase_ink(phase));
        let ahead = theme.panel.lerp_to_gamma(color, 0.32);
        let rect = Rect::from_x_y_ranges(from..=to, bar.y_range());
        let radius = 4.0f32.min(rect.width() / 2.0);
        painter.rect_filled(rect, radius, ahead);
        let past = painter.with_clip_rect(rect.with_max_x(now.clamp(from, to)));
        past.rect_filled(rect, radius, color);
        let long = match sample {
            Some(sample) if samples > 1 && phase == Phase::Forward => format!("{} {}", phase.name(), sample + 1),
            _ => phase.name().to_owned(),
        };
        let font = FontId::proportional(12.0);
        let galley = painter.layout_no_wrap(long, font, theme.text);
        if galley.size().x + 8.0 <= rect.width() {
            let at = rect.center() - galley.size() / 2.0;
            let rest = painter.with_clip_rect(rect.with_min_x(now.clamp(from, to)));
            rest.galley_with_override_text_color(at, galley.clone(), theme.on(ahead));
            past.galley_with_override_text_color(at, galley, theme.on(color));
        }
    }
    if playhead.is_playing() || playhead.unit().len() > 1 {
        let unit = playhead.unit();
        let rect = Rect::from_x_y_ranges(x_of(unit.start as f32)..=x_of(unit.end as f32), bar.y_range());
        painter.rect_stroke(rect, 4.0, Stroke::new(1.0, theme.text.gamma_multiply(0.6)), StrokeKind::Inside);
    }
    let shade = if theme.is_dark { Color32::WHITE } else { theme.text };
    if let Some(pos) = response.hover_pos().filter(|_| !response.dragged()) {
        painter.vline(
            pos.x.clamp(bar.left(), bar.right()),
            area.y_range(),
            Stroke::new(1.0, shade.gamma_multiply(0.4)),
        );
    }
    painter.vline(now, area.y_range(), Stroke::new(2.0, shade));
    painter.circle_filled(Pos2::new(now, area.top() + 1.0), 4.5, shade);
    let asked =
        response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked()).map(|pos| event_at(pos.x));
    let hovered = response.hover_pos().map(|pos| timeline.address(event_at(pos.x)));
    let hover = hovered.map(|address| slowgrad_timeline::words::title(timeline, &address));
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    if let Some(text) = hover {
        response.on_hover_text_at_pointer(text);
    }
    if let Some(event) = asked {
        session.take_over(&Command::Seek(event));
    }
}
