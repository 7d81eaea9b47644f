//! Annotations of a script's text: the running operation, computed values, problems and line numbers.
//!
//! It only paints.

use super::row;
use crate::editor::ProblemMark;
use crate::editor::highlighting::rects;
use crate::editor::inline_values::LineValues;
use crate::editor::positions::{char_at, line_around, line_at};
use egui::text::CCursor;
use egui::{Color32, FontId, Galley, Painter, Pos2, Rect, RichText, Shape, Stroke, TextStyle, Ui};
use slowgrad_render::Theme;
use slowgrad_tape::Severity;
use slowgrad_timeline::scene::Ink;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The annotations of a script.
#[derive(Debug, Default)]
pub(crate) struct Annotations {
    pub(crate) marks: Vec<ProblemMark>,
    /// The running operation, in bytes.
    pub(crate) running: Option<Range<usize>>,
    /// The computed values by line, counted from 0.
    pub(crate) values: Arc<LineValues>,
}

/// A text on the screen.
pub(super) struct CodeLayout<'s> {
    pub(super) galley: &'s Galley,
    pub(super) origin: Pos2,
    pub(super) text: &'s str,
    /// The width of a letter, in points.
    pub(super) glyph: f32,
    pub(super) theme: &'s Theme,
}

/// The colour of a problem on the background of code.
pub(crate) fn severity_color(severity: Severity, theme: &Theme) -> Color32 {
    let ink = match severity {
        Severity::Error => Ink::Loss,
        Severity::Warning => Ink::Value(-1.0),
    };
    theme.text_color(ink, theme.background)
}

impl CodeLayout<'_> {
    fn height(&self) -> f32 {
        self.galley.rows.first().map_or(20.0, |row| row.height())
    }

    fn top(&self, line: usize) -> f32 {
        self.origin.y + line as f32 * self.height()
    }

    /// The right end of a line.
    fn end(&self, line: usize) -> f32 {
        self.galley.rows.get(line).map_or(self.origin.x, |row| self.origin.x + row.rect_without_leading_space().right())
    }

    fn rects(&self, range: &Range<usize>) -> Vec<Rect> {
        rects(self.galley, self.origin, char_at(self.text, range.start)..char_at(self.text, range.end))
    }

    /// The highlights behind the text: the current line, the running operation and matching brackets.
    pub(super) fn behind(
        &self,
        clip: Rect,
        cursor: Option<&Range<usize>>,
        brackets: &[Range<usize>],
        annotations: &Annotations,
    ) -> Shape {
        let mut shapes = Vec::new();
        if let Some(cursor) = cursor {
            let band = row(clip, self.top(line_at(self.text, cursor.end)), self.height());
            shapes.push(Shape::rect_filled(band, 0.0, self.theme.panel));
        }
        for rect in annotations.running.iter().flat_map(|running| self.rects(running)) {
            shapes.push(Shape::rect_filled(rect.expand2(egui::vec2(2.0, -1.0)), 3.0, self.theme.code.running));
        }
        for rect in brackets.iter().flat_map(|bracket| self.rects(bracket)) {
            let rect = rect.shrink2(egui::vec2(0.0, 1.0));
            let stroke = Stroke::new(1.0, self.theme.faint);
            shapes.push(Shape::rect_stroke(rect, 2.0, stroke, egui::StrokeKind::Outside));
        }
        Shape::Vec(shapes)
    }

    /// The texts at line ends: problems or computed values.
    pub(super) fn line_ends(&self, painter: &Painter, room: Rect, annotations: &Annotations) {
        // Candidates for each line: all values, or only the last one.
        let mut line_texts: BTreeMap<usize, (Vec<String>, Color32)> = BTreeMap::new();
        let accent = self.theme.text_color(Ink::Accent, self.theme.background);
        for (line, values) in annotations.values.iter() {
            let last = values.last().map(|value| format!("◀ {value}"));
            let texts = [format!("◀ {}", values.join("   "))].into_iter().chain(last).collect();
            line_texts.insert(*line, (texts, accent));
        }
        for mark in annotations.marks.iter().rev() {
            let message = mark.problem.message.lines().next().unwrap_or("").to_owned();
            let color = severity_color(mark.problem.severity, self.theme);
            line_texts.insert(line_at(self.text, mark.range.start), (vec![message], color));
        }
        for (line, (texts, color)) in line_texts {
            let band = row(room, self.top(line), self.height());
            if !band.intersects(painter.clip_rect()) {
                continue;
            }
            let after = self.end(line) + 2.0 * self.glyph;
            let laid = texts.into_iter().map(|text| painter.layout_no_wrap(text, FontId::monospace(12.0), color));
            let laid: Vec<Arc<Galley>> = laid.collect();
            let fits = |galley: &&Arc<Galley>| after + galley.size().x + 8.0 <= room.right();
            let Some(galley) = laid.iter().find(fits).or(laid.last()) else { continue };
            // A text that does not fit covers the end of a long line, up to half of the width.
            let left = after.min((room.right() - galley.size().x - 8.0).max(room.center().x));
            if left < after {
                let background = Rect::from_min_max(Pos2::new(left - 0.7 * self.glyph, band.top() + 1.0), band.max);
                painter.rect_filled(background, 3.0, self.theme.raised);
            }
            painter.galley(Pos2::new(left, band.center().y - galley.size().y / 2.0), Arc::clone(galley), color);
        }
    }

    /// Underlines problems.
    pub(super) fn underlines(&self, painter: &Painter, annotations: &Annotations) {
        for mark in &annotations.marks {
            let stroke = Stroke::new(1.4, severity_color(mark.problem.severity, self.theme));
            let mut found = self.rects(&mark.range);
            if found.is_empty() {
                // An empty line, or the end of the text.
                let at = self.galley.pos_from_cursor(CCursor::new(char_at(self.text, mark.range.start)));
                found.push(Rect::from_min_size(at.min, egui::vec2(8.0, at.height())).translate(self.origin.to_vec2()));
            }
            for rect in found.into_iter().filter(|rect| rect.intersects(painter.clip_rect())) {
                let base = rect.bottom() - 2.5;
                let steps = (rect.width().max(6.0) / 3.0).ceil() as usize;
                let points = (0..=steps).map(|step| {
                    Pos2::new(rect.left() + 3.0 * step as f32, base + if step % 2 == 0 { 1.0 } else { -1.0 })
                });
                painter.add(Shape::line(points.collect(), stroke));
            }
        }
    }

    /// The line numbers, with the problems marked.
    pub(super) fn gutter(&self, painter: &Painter, lines: usize, cursor: Option<usize>, annotations: &Annotations) {
        let area = painter.clip_rect();
        let height = self.height();
        let first = ((area.top() - self.origin.y) / height).floor().max(0.0) as usize;
        let seen = (area.height() / height).ceil() as usize + 1;
        let running =
            annotations.running.as_ref().map(|range| line_at(self.text, range.start)..=line_at(self.text, range.end));
        let wrong: BTreeMap<usize, Severity> = annotations
            .marks
            .iter()
            .rev()
            .map(|mark| (line_at(self.text, mark.range.start), mark.problem.severity))
            .collect();
        for line in first..(first + seen).min(lines) {
            let band = row(area, self.top(line), height);
            let current = cursor == Some(line) || running.as_ref().is_some_and(|running| running.contains(&line));
            let color = match wrong.get(&line) {
                Some(severity) => severity_color(*severity, self.theme),
                None if current => self.theme.text,
                None => self.theme.faint.gamma_multiply(0.75),
            };
            let number = painter.layout_no_wrap((line + 1).to_string(), FontId::monospace(12.0), color);
            let right = area.right() - 0.8 * self.glyph;
            painter.galley(Pos2::new(right - number.size().x, band.center().y - number.size().y / 2.0), number, color);
            if wrong.contains_key(&line) {
                painter.rect_filled(
                    Rect::from_min_max(band.min, Pos2::new(band.left() + 3.0, band.bottom())),
                    1.0,
                    color,
                );
            }
        }
        painter.vline(area.right() - 0.5, area.y_range(), Stroke::new(1.0, self.theme.line));
    }

    /// A tooltip with the problem under the pointer and its help.
    pub(super) fn explain(&self, ui: &Ui, at: usize, annotations: &Annotations) {
        let end = line_around(self.text, at).end;
        let applies = |mark: &&ProblemMark| {
            mark.range.contains(&at)
                || mark.range.start == at
                || (at == end && line_around(self.text, mark.range.start).end == end)
        };
        let Some(mark) = annotations.marks.iter().find(applies) else { return };
        let tip = egui::Tooltip::always_open(
            ui.ctx().clone(),
            ui.layer_id(),
            egui::Id::unique("problem under the pointer"),
            egui::PopupAnchor::Pointer,
        );
        tip.gap(14.0).width(380.0).show(|ui| problem_text_ui(ui, mark, self.theme));
    }
}

fn problem_text_ui(ui: &mut Ui, mark: &ProblemMark, theme: &Theme) {
    let problem = &mark.problem;
    ui.add(egui::Label::new(RichText::new(&problem.message).color(theme.text)).wrap());
    if let Some(help) = &problem.help {
        ui.add(egui::Label::new(RichText::new(format!("help: {help}")).color(theme.faint)).wrap());
    }
    let code = RichText::new(problem.code).text_style(TextStyle::Small).color(severity_color(problem.severity, theme));
    ui.label(code);
}
