//! The sections of a lesson in a row, with the progress; a click goes to a section.

use egui::{CursorIcon, FontId, Id, Rect, Sense, Ui, Vec2, WidgetInfo};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_timeline::playback::cue::Cue;

/// The height of the row, with the space below it.
pub(super) const HEIGHT_PTS: f32 = 20.0;

/// A section: its range of cues, without the cue that names it, and its name.
struct SectionSpan {
    start: usize,
    end: usize,
    name: String,
}

/// The sections of a lesson, none when it has no section cues.
fn sections(cues: &[Cue]) -> Vec<SectionSpan> {
    let mut sections: Vec<SectionSpan> = Vec::new();
    for (at, cue) in cues.iter().enumerate() {
        let Cue::Section(name) = cue else { continue };
        if let Some(last) = sections.last_mut() {
            last.end = at;
        } else if at > 0 {
            sections.push(SectionSpan { start: 0, end: at, name: "start".into() });
        }
        sections.push(SectionSpan { start: at + 1, end: cues.len(), name: name.clone() });
    }
    sections
}

/// Whether the lesson has sections.
pub(super) fn has_sections(session: &Session) -> bool {
    session.player.cues().iter().any(|cue| matches!(cue, Cue::Section(_)))
}

pub(super) fn sections_ui(ui: &mut Ui, session: &mut Session, theme: &Theme) {
    let (area, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), HEIGHT_PTS - 4.0), Sense::hover());
    let row = area.shrink2(Vec2::new(6.0, 0.0));
    let sections = sections(session.player.cues());
    let (done, all) = session.player.progress();
    // The width grows with the number of cues; the constant is for the name.
    let weight = |section: &SectionSpan| 4.0 + (section.end - section.start) as f32;
    let whole: f32 = sections.iter().map(weight).sum::<f32>().max(1.0);
    let mut x = row.left();
    let mut clicked = None;
    for section in &sections {
        let width = row.width() * weight(section) / whole;
        let rect = Rect::from_min_size(egui::pos2(x, row.top()), Vec2::new(width - 2.0, row.height()));
        x += width;
        let response = ui.interact(rect, Id::unique(("section", section.start)), Sense::click());
        let current = done >= section.start && (done < section.end || (section.end == all && done == all));
        let label = format!("section {}", section.name);
        response.widget_info(|| WidgetInfo::selected(egui::Role::Button, true, current, &label));
        let background = if response.hovered() || response.has_focus() {
            theme.line
        } else if done >= section.end {
            theme.raised.lerp_to_gamma(theme.faint, 0.25)
        } else {
            theme.raised
        };
        ui.painter().rect_filled(rect, 3.0, background);
        if current {
            let share = (done - section.start) as f32 / (section.end - section.start).max(1) as f32;
            let so_far = rect.with_max_x(egui::lerp(rect.x_range(), share.clamp(0.02, 1.0)));
            ui.painter().rect_filled(so_far.with_min_y(rect.bottom() - 2.5), 1.0, theme.accent);
        }
        let ink = if current { theme.text } else { theme.faint };
        let galley = ui.painter().layout_no_wrap(section.name.clone(), FontId::proportional(11.0), ink);
        let at = egui::pos2(rect.left() + 5.0, rect.center().y - galley.size().y / 2.0);
        ui.painter().with_clip_rect(rect.shrink2(Vec2::new(3.0, 0.0))).galley(at, galley, ink);
        let response = response.on_hover_cursor(CursorIcon::PointingHand);
        if response.on_hover_text(format!("{}: click to go to this section", section.name)).clicked() {
            clicked = Some(section.start);
        }
    }
    if let Some(cue) = clicked {
        session.go_to_cue(cue);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_cover_all_cues_except_their_own() {
        let section = |name: &str| Cue::Section(name.into());
        let cues = [Cue::Wait, section("a"), Cue::Wait, Cue::Wait, section("b"), Cue::Wait];
        let found: Vec<_> = sections(&cues).into_iter().map(|s| (s.name, s.start, s.end)).collect();
        assert_eq!(found, [("start".into(), 0, 1), ("a".into(), 2, 4), ("b".into(), 5, 6)]);
        assert_eq!(sections(&cues[1..])[0].name, "a");
        assert!(sections(&[Cue::Wait]).is_empty());
    }
}
