//! The running script: its text with the current expression highlighted, and the value of that expression.
//!
//! Highlighting knows only words, numbers, strings and comments of the script language. It must not report errors.

use std::ops::Range;
use std::sync::Arc;

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Pos2, Rect, Role, Sense, Stroke, TextStyle, Ui, Vec2, WidgetInfo};
use slowgrad_timeline::scene::{Ink, ScriptMark};

use crate::fonts::replace_missing_glyphs;
use crate::text_order::{BaseDirection, visual_order};
use crate::theme::Theme;

const KEYWORDS: [&str; 24] = [
    "fn", "let", "const", "if", "else", "for", "in", "while", "loop", "return", "break", "continue", "do", "until",
    "switch", "import", "export", "as", "private", "this", "throw", "try", "catch", "global",
];

/// The kind of a piece of script text, which determines its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SyntaxKind {
    Plain,
    Keyword,
    Number,
    String,
    Comment,
    Call,
}

/// Shows as many lines of the script as fit, including the running one.
pub fn script_ui(ui: &mut Ui, mark: &ScriptMark, theme: &Theme) {
    let source = &*mark.location.source;
    let span = mark.location.span;
    let mut font = TextStyle::Monospace.resolve(ui.style());
    let small = TextStyle::Small.resolve(ui.style());
    let value = if mark.name.is_empty() {
        format!("◀ {}", mark.value)
    } else {
        format!("◀ {} = {}", mark.name, mark.value)
    };

    let place = format!("{}  line {}", source.name, span.line);
    ui.add(egui::Label::new(egui::RichText::new(place).font(small).color(theme.faint)).truncate());

    let text = source.text.trim_end();
    let lines = lines(text);
    let first = (span.line as usize).saturating_sub(1).min(lines.len().saturating_sub(1));
    let marked = span.start as usize..span.end as usize;
    let last = lines.iter().rposition(|line| line.start < marked.end).unwrap_or(first).max(first);
    let spans = highlight(text);

    // Shrink the text a little before long lines are cut.
    let longest = lines.iter().map(|line| text[line.clone()].chars().count()).max().unwrap_or(0);
    let needed = (longest + lines.len().to_string().len() + 3) as f32;
    let glyph_width = ui.painter().layout_no_wrap("0".to_owned(), font.clone(), theme.text).size().x;
    let normal = font.size;
    font.size =
        (normal * ui.available_width() / (needed * glyph_width)).clamp((0.8 * normal).max(8.0).min(normal), normal);
    let line_height = (normal * 1.5).round();
    let fitting = ((ui.available_height() / line_height) as usize).clamp(1, lines.len().max(1));
    let start = first_visible_line(lines.len(), fitting, first, last);
    let size = Vec2::new(ui.available_width(), line_height * fitting as f32);
    let (area, response) = ui.allocate_exact_size(size, Sense::hover());
    response.widget_info(|| {
        WidgetInfo::labeled(Role::Label, ui.is_enabled(), format!("{}: {} {value}", mark.location, span.text(source)))
    });
    if !ui.is_rect_visible(area) {
        return;
    }

    let painter = ui.painter().with_clip_rect(area.expand(1.0).intersect(ui.clip_rect()));
    let cell = painter.layout_no_wrap("0".to_owned(), font.clone(), theme.text).size();
    let glyph = cell.x;
    let gutter = glyph * (lines.len().to_string().len() as f32 + 1.5);
    let value_size = {
        let galley = painter.layout_no_wrap(replace_missing_glyphs(&value).into_owned(), font.clone(), theme.text);
        galley.size().x + 1.6 * glyph
    };
    // Scroll a long running line until its marked part is visible beside the value.
    let columns = |range: Range<usize>| text.get(range).map_or(0, |part| part.chars().count()) as f32;
    let line = lines.get(last).cloned().unwrap_or_default();
    let end = gutter + glyph * columns(line.start..marked.end.clamp(line.start, line.end));
    let begin = gutter + glyph * columns(line.start..marked.start.clamp(line.start, line.end));
    // The other lines do not scroll.
    let scroll = (end + value_size - area.width()).max(0.0).min((begin - gutter).max(0.0));

    for (row, number) in (start..(start + fitting).min(lines.len())).enumerate() {
        let top = area.top() + row as f32 * line_height;
        let band = Rect::from_min_size(Pos2::new(area.left(), top), Vec2::new(area.width(), line_height));
        let running = (first..=last).contains(&number);
        if running {
            painter.rect_filled(band, 3.0, theme.raised);
        }
        let line = lines[number].clone();
        let job = layout(text, line.clone(), &spans, &marked, &font, theme);
        let galley = painter.layout_job(job);
        let galley = visual_order(&galley, BaseDirection::LeftToRight).map_or(galley, Arc::new);
        let y = band.center().y - cell.y / 2.0;
        let code_left = area.left() + gutter;
        let code_area = Rect::from_min_max(Pos2::new(code_left - 2.0, band.top()), band.max);
        let width = galley.size().x;
        let scroll = if running { scroll } else { 0.0 };
        painter.with_clip_rect(code_area).galley(Pos2::new(code_left - scroll, y), galley, theme.text);
        if code_left - scroll + width > area.right() && !running {
            fade(&painter, code_area.with_min_x(area.right() - 4.0 * glyph), theme.panel);
        }

        let tone = if running { theme.text } else { theme.faint };
        let label = painter.layout_no_wrap((number + 1).to_string(), font.clone(), tone);
        painter.galley(Pos2::new(code_left - glyph - label.size().x, y), label, tone);

        if number == last {
            let color = theme.text_color(Ink::Accent, theme.raised);
            let galley = painter.layout_no_wrap(replace_missing_glyphs(&value).into_owned(), font.clone(), color);
            let right = area.right() - 0.5 * glyph - galley.size().x;
            let left = (code_left + width - scroll + 1.5 * glyph).min(right);
            let background = Rect::from_min_max(Pos2::new(left - 0.7 * glyph, band.top()), band.max);
            painter.rect_filled(background, 3.0, theme.raised);
            painter.galley(Pos2::new(left, y), galley, color);
        }
    }
    let gutter_line = area.left() + gutter - 0.5 * glyph;
    painter.vline(gutter_line, area.y_range(), Stroke::new(1.0, theme.line));
}

/// Fades out text that is cut at the right edge.
fn fade(painter: &egui::Painter, rect: Rect, background: Color32) {
    let mut mesh = egui::Mesh::default();
    for (x, color) in [(rect.left(), Color32::TRANSPARENT), (rect.right(), background)] {
        mesh.colored_vertex(Pos2::new(x, rect.top()), color);
        mesh.colored_vertex(Pos2::new(x, rect.bottom()), color);
    }
    mesh.add_triangle(0, 1, 2);
    mesh.add_triangle(1, 2, 3);
    painter.add(mesh);
}

/// The byte range of each line, without the line break.
fn lines(text: &str) -> Vec<Range<usize>> {
    let mut start = 0;
    text.split('\n')
        .map(|line| {
            let range = start..start + line.trim_end_matches('\r').len();
            start += line.len() + 1;
            range
        })
        .collect()
}

/// The first of `fitting` visible lines of `count`, chosen so that the lines `first` to `last` are visible.
fn first_visible_line(count: usize, fitting: usize, first: usize, last: usize) -> usize {
    let middle = first.midpoint(last);
    let start = middle.saturating_sub(fitting / 2);
    // The last marked line has precedence, because the value is beside it.
    start.max((last + 1).saturating_sub(fitting)).min(count.saturating_sub(fitting))
}

/// The highlighted text of one line.
fn layout(
    text: &str,
    line: Range<usize>,
    spans: &[(Range<usize>, SyntaxKind)],
    marked: &Range<usize>,
    font: &FontId,
    theme: &Theme,
) -> LayoutJob {
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    let from = spans.partition_point(|(range, _)| range.end <= line.start);
    for (range, kind) in &spans[from..] {
        if range.start >= line.end {
            break;
        }
        let piece = range.start.max(line.start)..range.end.min(line.end);
        // Split the piece at the ends of the marked range.
        let cuts = [
            piece.start,
            marked.start.clamp(piece.start, piece.end),
            marked.end.clamp(piece.start, piece.end),
            piece.end,
        ];
        for part in cuts.windows(2).map(|cut| cut[0]..cut[1]).filter(|part| !part.is_empty()) {
            let highlighted = marked.start <= part.start && part.end <= marked.end;
            let Some(part_text) = text.get(part.clone()) else { continue };
            // Do not highlight the indentation of a continuation line.
            let indentation = part_text.trim().is_empty() && part.start == line.start;
            let format = TextFormat {
                font_id: font.clone(),
                color: color(*kind, theme),
                background: if highlighted && !indentation { theme.code.running } else { Color32::TRANSPARENT },
                expand_bg: 2.0,
                ..TextFormat::default()
            };
            job.append(&replace_missing_glyphs(part_text).replace('\t', "    "), 0.0, format);
        }
    }
    job
}

fn color(kind: SyntaxKind, theme: &Theme) -> Color32 {
    match kind {
        SyntaxKind::Plain => theme.text,
        SyntaxKind::Keyword => theme.code.keyword,
        SyntaxKind::Number => theme.code.number,
        SyntaxKind::String => theme.code.string,
        SyntaxKind::Comment => theme.code.comment,
        SyntaxKind::Call => theme.code.function,
    }
}

/// Splits a script into highlighted spans, which cover all of it.
fn highlight(text: &str) -> Vec<(Range<usize>, SyntaxKind)> {
    let bytes = text.as_bytes();
    let mut spans: Vec<(Range<usize>, SyntaxKind)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let (length, kind) = match bytes[at] {
            b'/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), SyntaxKind::Comment),
            b'/' if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |end| end + 2), SyntaxKind::Comment),
            quote @ (b'"' | b'`' | b'\'') => (quoted(rest, quote), SyntaxKind::String),
            b'0'..=b'9' => {
                let end = rest
                    .char_indices()
                    .find(|&(i, c)| {
                        !(c.is_ascii_alphanumeric() || c == '_' || (c == '.' && !rest[i..].starts_with("..")))
                    })
                    .map_or(rest.len(), |(i, _)| i);
                (end, SyntaxKind::Number)
            }
            byte if byte == b'_' || byte.is_ascii_alphabetic() => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let word = &rest[..end];
                let kind = match word {
                    "true" | "false" => SyntaxKind::Number,
                    _ if KEYWORDS.contains(&word) => SyntaxKind::Keyword,
                    _ if rest[end..].trim_start_matches(' ').starts_with('(') => SyntaxKind::Call,
                    _ => SyntaxKind::Plain,
                };
                (end, kind)
            }
            _ => (rest.chars().next().map_or(1, char::len_utf8), SyntaxKind::Plain),
        };
        let range = at..at + length;
        at = range.end;
        match spans.last_mut() {
            Some((last, SyntaxKind::Plain)) if kind == SyntaxKind::Plain => last.end = range.end,
            _ => spans.push((range, kind)),
        }
    }
    spans
}

/// Length in bytes of a quoted string, including its quotes.
fn quoted(rest: &str, quote: u8) -> usize {
    let mut escaped = false;
    for (i, byte) in rest.bytes().enumerate().skip(1) {
        if escaped {
            escaped = false;
        } else if byte == b'\\' {
            escaped = true;
        } else if byte == quote {
            return i + 1;
        }
    }
    rest.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "// mean — squared\nfn loss(o, t) {\n    let d = o - t; /* δ */\n    d ** 2.0 + \"ü\"\n}";

    #[test]
    fn spans_cover_the_text_and_have_the_right_kind() {
        let spans = highlight(SCRIPT);
        let whole: String = spans.iter().map(|(range, _)| &SCRIPT[range.clone()]).collect();
        assert_eq!(whole, SCRIPT);
        let kind = |word: &str| spans.iter().find(|(range, _)| &SCRIPT[range.clone()] == word).map(|(_, kind)| *kind);
        assert_eq!(kind("fn"), Some(SyntaxKind::Keyword));
        assert_eq!(kind("loss"), Some(SyntaxKind::Call));
        assert_eq!(kind("2.0"), Some(SyntaxKind::Number));
        assert_eq!(kind("\"ü\""), Some(SyntaxKind::String));
        assert_eq!(kind("/* δ */"), Some(SyntaxKind::Comment));
    }

    #[test]
    fn numbers_end_before_a_range_operator() {
        let spans = highlight("0..10");
        assert_eq!(spans[0], (0..1, SyntaxKind::Number));
        assert_eq!(spans[2], (3..5, SyntaxKind::Number));
    }

    #[test]
    fn running_lines_are_always_visible() {
        for (count, fitting, first, last) in
            [(100, 5, 50, 50), (100, 5, 0, 0), (100, 5, 99, 99), (10, 3, 4, 8), (3, 3, 1, 1)]
        {
            let start = first_visible_line(count, fitting, first, last);
            assert!((start..start + fitting).contains(&last), "{count} {fitting} {first} {last}");
            assert!(start + fitting <= count);
        }
    }

    #[test]
    fn lines_do_not_contain_line_breaks() {
        let text = "a\r\nbc\n\nd";
        let found: Vec<_> = lines(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["a", "bc", "", "d"]);
    }
}
