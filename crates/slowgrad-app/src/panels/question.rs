//! A question of the lesson with its answers, in place of the caption.
//!
//! A sign and a word mark the correct answer, not only a colour.

use crate::actions::{Action, keys_text};
use egui::text::LayoutJob;
use egui::{Align, CursorIcon, FontId, Galley, Pos2, Rect, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use slowgrad_render::Theme;
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_timeline::playback::performer::Question;
use slowgrad_timeline::scene::Ink;
use std::sync::Arc;

/// A question, laid out but not painted.
pub(super) struct QuestionCard {
    pub(super) rect: Rect,
    question: Question,
    text: Arc<Galley>,
    answers: Vec<Arc<Galley>>,
    /// The text size of an answer, in points.
    size: f32,
    hint: Arc<Galley>,
}

/// The maximum share of the area, unless the text would become too small.
const MAX_AREA_SHARE: f32 = 0.42;
/// The number of rows of a question that is too long at the smallest size.
const MAX_CUT_ROWS: usize = 2;
/// The text is not made smaller once it is below this size.
const MIN_TEXT_PTS: f32 = 16.0;

/// The mark of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Open,
    Right,
    /// Chosen and incorrect.
    Wrong,
    /// The other answers, once the correct one is shown.
    Other,
}

fn verdict(question: &Question, answer: usize) -> Verdict {
    match (question.revealed, answer == question.right, question.chosen == Some(answer)) {
        (false, ..) => Verdict::Open,
        (true, true, _) => Verdict::Right,
        (true, false, true) => Verdict::Wrong,
        (true, false, false) => Verdict::Other,
    }
}

impl QuestionCard {
    /// Lays out the current question at the bottom of an area, with this text size or a smaller one that leaves space
    /// for the network.
    pub(super) fn new(ui: &Ui, area: Rect, size: f32, session: &Session, theme: &Theme) -> Option<Self> {
        let mut size = 0.84 * size;
        loop {
            let card = Self::with_text_size(ui, area, size, usize::MAX, session, theme)?;
            if card.rect.height() <= MAX_AREA_SHARE * area.height() {
                return Some(card);
            }
            if size < MIN_TEXT_PTS {
                // Cut texts leave space for the network. They are complete under the pointer.
                return Self::with_text_size(ui, area, size, MAX_CUT_ROWS, session, theme);
            }
            size *= 0.9;
        }
    }

    /// Lays out the question with at most `rows` rows of text, and at most one for each answer if that is not unlimited.
    fn with_text_size(ui: &Ui, area: Rect, size: f32, rows: usize, session: &Session, theme: &Theme) -> Option<Self> {
        let question = session.player.stage().question.clone()?;
        let width = (area.width() - 28.0).max(80.0);
        let layout = |text: String, size: f32, width: f32, rows: usize, color| {
            let mut job = LayoutJob::simple(text, FontId::proportional(size), color, width);
            job.halign = Align::LEFT;
            job.wrap.max_rows = rows;
            ui.painter().layout_job(job)
        };
        let text = layout(session.fill_in(&question.text), size, width - 40.0, rows, theme.text);
        let answer_size = 0.8 * size;
        let inner = width - 40.0 - 3.4 * answer_size;
        let ink = |answer| if verdict(&question, answer) == Verdict::Other { theme.faint } else { theme.text };
        let answer_rows = if rows == usize::MAX { rows } else { 1 };
        let answers: Vec<_> = question
            .answers
            .iter()
            .enumerate()
            .map(|(nth, answer)| layout(answer.clone(), answer_size, inner, answer_rows, ink(nth)))
            .collect();
        let keys = keys_text(Action::Run(RunAction::NextCue).info());
        let hint = if question.revealed {
            format!("Press {keys} to continue")
        } else {
            format!("Press 1 to {} or click to answer · {keys} shows the answer", answers.len())
        };
        let hint = layout(hint, 13.0, width - 40.0, usize::MAX, theme.text_color(Ink::Accent, theme.panel));
        let rows: f32 = answers.iter().map(|answer| row_height(answer, answer_size) + ROW_GAP_PTS).sum();
        let height = 12.0 + text.size().y + 8.0 + rows + 2.0 + hint.size().y + 10.0;
        let rect = Rect::from_min_max(
            Pos2::new(area.left() + 14.0, area.bottom() - 12.0 - height),
            area.max - Vec2::new(14.0, 12.0),
        );
        Some(Self { rect, question, text, answers, size: answer_size, hint })
    }

    /// Paints the question and handles its answers.
    pub(super) fn show(self, ui: &mut Ui, session: &mut Session, theme: &Theme) {
        let painter = ui.painter().clone();
        painter.rect(self.rect, 10.0, theme.panel, Stroke::new(1.0, theme.line), StrokeKind::Inside);
        painter.rect_filled(self.rect.with_max_x(self.rect.left() + 4.0), 2.0, theme.accent);
        let left = self.rect.left() + 20.0;
        let mut top = self.rect.top() + 12.0;
        let words = self.text.text().to_owned();
        let rect = Rect::from_min_size(Pos2::new(left, top), self.text.size());
        let response = ui.interact(rect, ui.scope_id().with("question"), Sense::hover());
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &words));
        if self.text.elided {
            response.on_hover_text(&words);
        }
        painter.galley(rect.min, Arc::clone(&self.text), theme.text);
        top = rect.bottom() + 8.0;
        let mut chosen = None;
        for (nth, answer) in self.answers.iter().enumerate() {
            let height = row_height(answer, self.size);
            let row = Rect::from_min_max(Pos2::new(left, top), Pos2::new(self.rect.right() - 20.0, top + height));
            if self.answer_ui(ui, row, nth, theme) {
                chosen = Some(nth);
            }
            top = row.bottom() + ROW_GAP_PTS;
        }
        let rect = Rect::from_min_size(Pos2::new(left, top + 2.0), self.hint.size());
        let mut continued = false;
        if self.question.revealed {
            let response = ui.interact(rect.expand(6.0), ui.scope_id().with("continue"), Sense::click());
            response.widget_info(|| WidgetInfo::labeled(Role::Button, true, "continue"));
            continued = response.on_hover_cursor(CursorIcon::PointingHand).clicked();
        }
        painter.galley(rect.min, self.hint, theme.accent);
        if let Some(answer) = chosen {
            session.answer(answer);
        }
        if continued {
            session.advance_lesson();
        }
    }

    /// An answer with its key; returns whether it was chosen.
    fn answer_ui(&self, ui: &Ui, row: Rect, nth: usize, theme: &Theme) -> bool {
        let verdict = verdict(&self.question, nth);
        let sense = if verdict == Verdict::Open { Sense::click() } else { Sense::hover() };
        let response = ui.interact(row, ui.scope_id().with(("answer", nth)), sense);
        let text = self.answers[nth].text();
        let name = match verdict {
            Verdict::Open | Verdict::Other => format!("answer {}: {text}", nth + 1),
            Verdict::Right => format!("answer {}: {text}, correct", nth + 1),
            Verdict::Wrong => format!("answer {}: {text}, incorrect", nth + 1),
        };
        response.widget_info(|| WidgetInfo::labeled(Role::Button, verdict == Verdict::Open, &name));
        let hovered = verdict == Verdict::Open && (response.hovered() || response.has_focus());
        let (background, line) = match verdict {
            Verdict::Right => (theme.accent.gamma_multiply(0.22), Stroke::new(2.0, theme.accent)),
            Verdict::Open if hovered => (theme.line, Stroke::new(1.0, theme.accent)),
            Verdict::Open => (theme.raised, Stroke::new(1.0, theme.line)),
            Verdict::Wrong => (theme.raised, Stroke::new(1.0, theme.text)),
            Verdict::Other => (theme.panel, Stroke::new(1.0, theme.line)),
        };
        let painter = ui.painter();
        painter.rect(row, 8.0, background, line, StrokeKind::Inside);
        let sign = Rect::from_center_size(
            Pos2::new(row.left() + 1.3 * self.size, row.center().y),
            Vec2::splat(0.72 * self.size),
        );
        let thick = 0.13 * self.size;
        match verdict {
            Verdict::Right => {
                let corner = Pos2::new(sign.left() + 0.38 * sign.width(), sign.bottom() - 0.08 * sign.height());
                let points = vec![Pos2::new(sign.left(), sign.center().y), corner, sign.right_top()];
                painter.line(points, Stroke::new(thick, theme.text_color(Ink::Accent, theme.panel)));
            }
            Verdict::Wrong => {
                painter.line_segment([sign.left_top(), sign.right_bottom()], Stroke::new(thick, theme.text));
                painter.line_segment([sign.left_bottom(), sign.right_top()], Stroke::new(thick, theme.text));
            }
            Verdict::Open | Verdict::Other => {
                let ink = if verdict == Verdict::Open { theme.text } else { theme.faint };
                let number = (nth + 1).to_string();
                let font = FontId::proportional(self.size);
                painter.text(sign.center(), egui::Align2::CENTER_CENTER, number, font, ink);
            }
        }
        let at = Pos2::new(row.left() + 2.6 * self.size, row.center().y - 0.5 * self.answers[nth].size().y);
        painter.galley(at, Arc::clone(&self.answers[nth]), theme.text);
        let response = if self.answers[nth].elided { response.on_hover_text(text) } else { response };
        response.on_hover_cursor(CursorIcon::PointingHand).clicked()
    }
}

/// The space between two answers.
const ROW_GAP_PTS: f32 = 6.0;

fn row_height(answer: &Galley, size: f32) -> f32 {
    answer.size().y + 0.6 * size
}
