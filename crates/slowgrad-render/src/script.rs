//! The running script: its text with the expression that computes right now marked, and the value it gave.
//!
//! The colouring knows just enough of the script language to make it pleasant to read: words, numbers,
//! strings and comments. It never judges the text.

use std::ops::Range;

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Pos2, Rect, Role, Sense, Stroke, TextStyle, Ui, Vec2, WidgetInfo};
use slowgrad_timeline::scene::{Ink, ScriptMark};

use crate::math::drawable;
use crate::theme::Theme;

const KEYWORDS: [&str; 24] = [
    "fn", "let", "const", "if", "else", "for", "in", "while", "loop", "return", "break", "continue", "do", "until",
    "switch", "import", "export", "as", "private", "this", "throw", "try", "catch", "global",
];

/// What a piece of script text is, for its colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Token {
    Plain,
    Keyword,
    Number,
    Text,
    Comment,
    Call,
}

/// Shows as many lines as the height allows, always with the running one among them.
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
    let colors = tokens(text);

    // Long lines make the letters a little smaller before they are cut.
    let longest = lines.iter().map(|line| text[line.clone()].chars().count()).max().unwrap_or(0);
    let needed = (longest + lines.len().to_string().len() + 3) as f32;
    let letter = ui.painter().layout_no_wrap("0".to_owned(), font.clone(), theme.text).size().x;
    let ordinary = font.size;
    font.size =
        (ordinary * ui.available_width() / (needed * letter)).clamp((0.8 * ordinary).max(8.0).min(ordinary), ordinary);
    let line_height = (ordinary * 1.5).round();
    let room = ui.available_height();
    let fitting = ((room / line_height) as usize).clamp(1, lines.len().max(1));
    let start = window(lines.len(), fitting, first, last);
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
        let galley = painter.layout_no_wrap(drawable(&value).into_owned(), font.clone(), theme.text);
        galley.size().x + 1.6 * glyph
    };
    // A long running line slides to the left until its marked part can be seen beside the value.
    let columns = |range: Range<usize>| text.get(range).map_or(0, |part| part.chars().count()) as f32;
    let line = lines.get(last).cloned().unwrap_or_default();
    let end = gutter + glyph * columns(line.start..marked.end.clamp(line.start, line.end));
    let begin = gutter + glyph * columns(line.start..marked.start.clamp(line.start, line.end));
    // The other lines keep their beginnings.
    let slide = (end + value_size - area.width()).max(0.0).min((begin - gutter).max(0.0));

    for (row, number) in (start..(start + fitting).min(lines.len())).enumerate() {
        let top = area.top() + row as f32 * line_height;
        let band = Rect::from_min_size(Pos2::new(area.left(), top), Vec2::new(area.width(), line_height));
        let is_running = (first..=last).contains(&number);
        if is_running {
            painter.rect_filled(band, 3.0, theme.raised);
        }
        let line = lines[number].clone();
        let job = layout(text, line.clone(), &colors, &marked, &font, theme);
        let galley = painter.layout_job(job);
        let y = band.center().y - cell.y / 2.0;
        let code_left = area.left() + gutter;
        let code_area = Rect::from_min_max(Pos2::new(code_left - 2.0, band.top()), band.max);
        let width = galley.size().x;
        let slide = if is_running { slide } else { 0.0 };
        painter.with_clip_rect(code_area).galley(Pos2::new(code_left - slide, y), galley, theme.text);
        if code_left - slide + width > area.right() && !is_running {
            fade(&painter, code_area.with_min_x(area.right() - 4.0 * glyph), theme.panel);
        }

        let tone = if is_running { theme.text } else { theme.faint };
        let label = painter.layout_no_wrap((number + 1).to_string(), font.clone(), tone);
        painter.galley(Pos2::new(code_left - glyph - label.size().x, y), label, tone);

        if number == last {
            let color = theme.text_color(Ink::Accent, theme.raised);
            let galley = painter.layout_no_wrap(drawable(&value).into_owned(), font.clone(), color);
            let right = area.right() - 0.5 * glyph - galley.size().x;
            let left = (code_left + width - slide + 1.5 * glyph).min(right);
            let ground = Rect::from_min_max(Pos2::new(left - 0.7 * glyph, band.top()), band.max);
            painter.rect_filled(ground, 3.0, theme.raised);
            painter.galley(Pos2::new(left, y), galley, color);
        }
    }
    let gutter_line = area.left() + gutter - 0.5 * glyph;
    painter.vline(gutter_line, area.y_range(), Stroke::new(1.0, theme.line));
}

/// Lets what is cut at the right edge fade away.
fn fade(painter: &egui::Painter, rect: Rect, ground: Color32) {
    let mut mesh = egui::Mesh::default();
    for (x, color) in [(rect.left(), Color32::TRANSPARENT), (rect.right(), ground)] {
        mesh.colored_vertex(Pos2::new(x, rect.top()), color);
        mesh.colored_vertex(Pos2::new(x, rect.bottom()), color);
    }
    mesh.add_triangle(0, 1, 2);
    mesh.add_triangle(1, 2, 3);
    painter.add(mesh);
}

/// The byte range of each line, without its line break.
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

/// The first line to show, so that lines `first` to `last` are among `fitting` of `count`.
fn window(count: usize, fitting: usize, first: usize, last: usize) -> usize {
    let middle = first.midpoint(last);
    let start = middle.saturating_sub(fitting / 2);
    // What the marked range ends with has its value beside it, and comes before what it starts with.
    start.max((last + 1).saturating_sub(fitting)).min(count.saturating_sub(fitting))
}

fn layout(
    text: &str,
    line: Range<usize>,
    tokens: &[(Range<usize>, Token)],
    marked: &Range<usize>,
    font: &FontId,
    theme: &Theme,
) -> LayoutJob {
    let mut job = LayoutJob::default();
    job.wrap.max_width = f32::INFINITY;
    let from = tokens.partition_point(|(range, _)| range.end <= line.start);
    for (range, token) in &tokens[from..] {
        if range.start >= line.end {
            break;
        }
        let piece = range.start.max(line.start)..range.end.min(line.end);
        // A piece is cut where the marked range begins and ends.
        let cuts = [
            piece.start,
            marked.start.clamp(piece.start, piece.end),
            marked.end.clamp(piece.start, piece.end),
            piece.end,
        ];
        for part in cuts.windows(2).map(|cut| cut[0]..cut[1]).filter(|part| !part.is_empty()) {
            let is_marked = marked.start <= part.start && part.end <= marked.end;
            let Some(letters) = text.get(part.clone()) else { continue };
            // Indentation before a continued mark stays unmarked.
            let is_blank = letters.trim().is_empty() && part.start == line.start;
            let format = TextFormat {
                font_id: font.clone(),
                color: color(*token, theme),
                background: if is_marked && !is_blank { theme.code.running } else { Color32::TRANSPARENT },
                expand_bg: 2.0,
                ..TextFormat::default()
            };
            job.append(&drawable(letters).replace('\t', "    "), 0.0, format);
        }
    }
    job
}

fn color(token: Token, theme: &Theme) -> Color32 {
    match token {
        Token::Plain => theme.text,
        Token::Keyword => theme.code.keyword,
        Token::Number => theme.code.number,
        Token::Text => theme.code.string,
        Token::Comment => theme.code.comment,
        Token::Call => theme.code.function,
    }
}

/// Cuts a script into coloured pieces that together cover all of it.
fn tokens(text: &str) -> Vec<(Range<usize>, Token)> {
    let bytes = text.as_bytes();
    let mut tokens: Vec<(Range<usize>, Token)> = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &text[at..];
        let (length, token) = match bytes[at] {
            b'/' if rest.starts_with("//") => (rest.find('\n').unwrap_or(rest.len()), Token::Comment),
            b'/' if rest.starts_with("/*") => (rest.find("*/").map_or(rest.len(), |end| end + 2), Token::Comment),
            quote @ (b'"' | b'`' | b'\'') => (quoted(rest, quote), Token::Text),
            b'0'..=b'9' => {
                let end = rest
                    .char_indices()
                    .find(|&(i, c)| {
                        !(c.is_ascii_alphanumeric() || c == '_' || (c == '.' && !rest[i..].starts_with("..")))
                    })
                    .map_or(rest.len(), |(i, _)| i);
                (end, Token::Number)
            }
            byte if byte == b'_' || byte.is_ascii_alphabetic() => {
                let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                let word = &rest[..end];
                let token = match word {
                    "true" | "false" => Token::Number,
                    _ if KEYWORDS.contains(&word) => Token::Keyword,
                    _ if rest[end..].trim_start_matches(' ').starts_with('(') => Token::Call,
                    _ => Token::Plain,
                };
                (end, token)
            }
            _ => (rest.chars().next().map_or(1, char::len_utf8), Token::Plain),
        };
        let range = at..at + length;
        at = range.end;
        match tokens.last_mut() {
            Some((last, Token::Plain)) if token == Token::Plain => last.end = range.end,
            _ => tokens.push((range, token)),
        }
    }
    tokens
}

/// Length of a quoted text, both quotes included.
fn quoted(rest: &str, quote: u8) -> usize {
    let mut is_escaped = false;
    for (i, byte) in rest.bytes().enumerate().skip(1) {
        if is_escaped {
            is_escaped = false;
        } else if byte == b'\\' {
            is_escaped = true;
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
    fn tokens_cover_the_text_and_know_their_kind() {
        let tokens = tokens(SCRIPT);
        let whole: String = tokens.iter().map(|(range, _)| &SCRIPT[range.clone()]).collect();
        assert_eq!(whole, SCRIPT);
        let kind =
            |word: &str| tokens.iter().find(|(range, _)| &SCRIPT[range.clone()] == word).map(|(_, token)| *token);
        assert_eq!(kind("fn"), Some(Token::Keyword));
        assert_eq!(kind("loss"), Some(Token::Call));
        assert_eq!(kind("2.0"), Some(Token::Number));
        assert_eq!(kind("\"ü\""), Some(Token::Text));
        assert_eq!(kind("/* δ */"), Some(Token::Comment));
    }

    #[test]
    fn ranges_of_numbers_end_before_two_dots() {
        let tokens = tokens("0..10");
        assert_eq!(tokens[0], (0..1, Token::Number));
        assert_eq!(tokens[2], (3..5, Token::Number));
    }

    #[test]
    fn the_running_lines_are_always_shown() {
        for (count, fitting, first, last) in
            [(100, 5, 50, 50), (100, 5, 0, 0), (100, 5, 99, 99), (10, 3, 4, 8), (3, 3, 1, 1)]
        {
            let start = window(count, fitting, first, last);
            assert!((start..start + fitting).contains(&last), "{count} {fitting} {first} {last}");
            assert!(start + fitting <= count);
        }
    }

    #[test]
    fn lines_have_no_line_breaks_in_them() {
        let text = "a\r\nbc\n\nd";
        let found: Vec<_> = lines(text).into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["a", "bc", "", "d"]);
    }
}
