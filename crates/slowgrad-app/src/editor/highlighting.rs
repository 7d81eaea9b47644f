//! Syntax highlighting of a script, cached until the text changes.
//!
//! The running operation, underlines and the cursor change more often and are painted over it elsewhere.

use egui::text::{LayoutJob, TextFormat};
use egui::{Color32, FontId, Galley, Pos2, Rect, TextStyle, Ui};
use slowgrad_render::Theme;
use slowgrad_render::text_order::{BaseDirection, visual_order};
use slowgrad_script::{TokenKind, highlight};
use std::ops::Range;
use std::sync::Arc;

/// The line height, relative to the text size.
const LINE_HEIGHT_EM: f32 = 1.5;

/// A text with its layout.
#[derive(Clone)]
struct HighlightedText {
    text: String,
    theme: Theme,
    font: FontId,
    galley: Arc<Galley>,
    /// The layout of each line, reused when other lines change.
    lines: Vec<Arc<Galley>>,
    tokens: Arc<[(Range<usize>, TokenKind)]>,
    /// A layout with the current font atlas, to detect that the atlas was rebuilt.
    probe: Arc<Galley>,
}

/// The last highlighted text.
#[derive(Clone, Default)]
pub(crate) struct SyntaxHighlightCache {
    laid: Option<HighlightedText>,
    /// The number of lines laid out so far.
    #[cfg(test)]
    layouts: usize,
}

impl SyntaxHighlightCache {
    /// The highlighted text. It is computed again only when text, theme or font change.
    pub(crate) fn galley(&mut self, ui: &Ui, text: &str, theme: &Theme) -> Arc<Galley> {
        let font = TextStyle::Monospace.resolve(ui.style());
        let probe = ui.painter().layout_no_wrap("0".to_owned(), font.clone(), Color32::PLACEHOLDER);
        let laid = self.laid.take().filter(|laid| Arc::ptr_eq(&laid.probe, &probe));
        if let Some(laid) = laid.as_ref().filter(|laid| laid.text == text && laid.theme == *theme && laid.font == font)
        {
            let galley = Arc::clone(&laid.galley);
            self.laid = Some(laid.clone());
            return galley;
        }
        let tokens: Arc<[_]> = highlight(text).into();
        let known = laid.map(|laid| laid.lines).unwrap_or_default();
        let jobs = jobs(text, &tokens, &font, theme);
        let is_cached = |(job, line): &(&LayoutJob, &Arc<Galley>)| **job == *line.job;
        let before = jobs.iter().zip(&known).take_while(is_cached).count();
        let most = jobs.len().min(known.len()) - before;
        let after = jobs.iter().rev().zip(known.iter().rev()).take(most).take_while(is_cached).count();
        let count = jobs.len();
        let lay = |(at, job): (usize, LayoutJob)| match at {
            at if at < before => Arc::clone(&known[at]),
            at if count - at <= after => Arc::clone(&known[known.len() - (count - at)]),
            _ => {
                let line = ui.painter().layout_job(job);
                visual_order(&line, BaseDirection::LeftToRight).map_or(line, Arc::new)
            }
        };
        let lines: Vec<Arc<Galley>> = jobs.into_iter().enumerate().map(lay).collect();
        #[cfg(test)]
        {
            self.layouts += count - before - after;
        }
        let whole = LayoutJob::simple(text.to_owned(), font.clone(), theme.text, f32::INFINITY);
        let galley = Arc::new(Galley::concat(Arc::new(whole), &lines, ui.pixels_per_point()));
        let (text, theme) = (text.to_owned(), *theme);
        self.laid = Some(HighlightedText { text, theme, font, galley: Arc::clone(&galley), lines, tokens, probe });
        galley
    }

    /// The tokens of the last highlighted text.
    pub(crate) fn tokens(&self) -> Arc<[(Range<usize>, TokenKind)]> {
        self.laid.as_ref().map_or_else(|| Arc::from([]), |laid| Arc::clone(&laid.tokens))
    }
}

/// The highlighted lines of a text, without their line feeds.
fn jobs(text: &str, tokens: &[(Range<usize>, TokenKind)], font: &FontId, theme: &Theme) -> Vec<LayoutJob> {
    let height = (LINE_HEIGHT_EM * font.size).round();
    let format = |color| TextFormat { line_height: Some(height), ..TextFormat::simple(font.clone(), color) };
    let mut jobs = Vec::new();
    let mut start = 0;
    let mut first = 0;
    for line in text.split('\n') {
        let end = start + line.len();
        let mut job = LayoutJob { keep_trailing_whitespace: true, ..LayoutJob::default() };
        job.wrap.max_width = f32::INFINITY;
        first += tokens[first..].iter().take_while(|(range, _)| range.end <= start).count();
        let mut at = start;
        for (range, kind) in tokens[first..].iter().take_while(|(range, _)| range.start < end) {
            let (from, to) = (range.start.max(start), range.end.min(end));
            if at < from {
                job.append(&text[at..from], 0.0, format(theme.text));
            }
            job.append(&text[from..to], 0.0, format(color(*kind, theme)));
            at = to;
        }
        // An empty line has the same height as the others.
        if at < end || start == end {
            job.append(&text[at..end], 0.0, format(theme.text));
        }
        jobs.push(job);
        start = end + 1;
    }
    jobs
}

fn color(kind: TokenKind, theme: &Theme) -> Color32 {
    match kind {
        TokenKind::Keyword => theme.code.keyword,
        TokenKind::Number => theme.code.number,
        TokenKind::Text => theme.code.string,
        TokenKind::Comment | TokenKind::DocComment => theme.code.comment,
        TokenKind::Function => theme.code.function,
        TokenKind::Invalid => theme.loss,
        TokenKind::Identifier | TokenKind::Operator | TokenKind::Bracket | TokenKind::Punctuation => theme.text,
    }
}

/// The rectangles, one per line, of a range of characters in a galley at `origin`.
pub(crate) fn rects(galley: &Galley, origin: Pos2, chars: Range<usize>) -> Vec<Rect> {
    let mut start = 0;
    let mut found = Vec::new();
    for row in &galley.rows {
        let letters = row.char_count_excluding_newline().0;
        let end = start + letters;
        if start > chars.end {
            break;
        }
        let part = chars.start.max(start)..chars.end.min(end);
        if part.start < part.end || (chars.is_empty() && part.start == part.end) {
            let x = |char: usize| row.pos.x + row.x_offset((char - start).into());
            let rect = Rect::from_x_y_ranges(x(part.start)..=x(part.end), row.min_y()..=row.max_y());
            found.push(rect.translate(origin.to_vec2()));
        }
        start = end + usize::from(row.ends_with_newline);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_ui(mut draw: impl FnMut(&mut Ui)) {
        let ctx = egui::Context::default();
        Theme::dark().apply(&ctx);
        // The font is not loaded in the first frame.
        for _ in 0..2 {
            ctx.run_ui(egui::RawInput::default(), |ui| draw(ui)).drop_without_applying_deltas();
        }
    }

    #[test]
    fn only_changed_lines_are_laid_out_again() {
        let mut look = SyntaxHighlightCache::default();
        let text = "fn f() { 1.0 }\n\n".repeat(1_000);
        let ctx = egui::Context::default();
        let mut frame = |text: &str| {
            let before = look.layouts;
            let draw = |ui: &mut Ui| drop(look.galley(ui, text, &Theme::dark()));
            ctx.run_ui(egui::RawInput::default(), draw).drop_without_applying_deltas();
            look.layouts - before
        };
        frame(&text);
        // The font is not loaded in the first frame.
        frame(&text);
        assert_eq!(frame(&text), 0);
        let text = text.replacen('1', "2", 1);
        assert_eq!(frame(&text), 1);
        assert_eq!(frame(&format!("{text}é\nx")), 2);
        assert_eq!(frame(&format!("{text}é")), 0);
        // An opened comment changes all lines after it.
        assert!(frame(&format!("/*{text}é")) > 900);
    }

    #[test]
    fn lines_have_the_same_layout_as_the_whole_text() {
        with_ui(|ui| {
            for text in ["", "\n", "a\n\nb = 1.5; // é\n", "/* a\n  b */ c"] {
                let galley = SyntaxHighlightCache::default().galley(ui, text, &Theme::dark());
                let feeds = galley.rows.iter().filter(|row| row.ends_with_newline).count();
                assert_eq!(
                    (galley.rows.len(), feeds),
                    (text.split('\n').count(), text.matches('\n').count()),
                    "{text:?}"
                );
                let heights: Vec<f32> = galley.rows.iter().map(|row| row.height()).collect();
                assert!(heights.iter().all(|height| *height == heights[0] && *height > 10.0), "{heights:?}");
                assert_eq!(galley.end().index.0, text.chars().count());
            }
        });
    }

    #[test]
    fn right_to_left_text_has_a_caret_place_for_each_character() {
        use slowgrad_render::fallback_fonts::{FallbackFont, FoundFonts, add_fallback_fonts};
        let ctx = egui::Context::default();
        Theme::dark().apply(&ctx);
        let bytes: &'static [u8] = include_bytes!("../../../../tests/fonts/NotoSansHebrew.ttf");
        let fonts = vec![FallbackFont { name: "Hebrew".into(), bytes: Arc::new(bytes), index: 0 }];
        add_fallback_fonts(&ctx, FoundFonts { fonts, missing: String::new() });
        let text = "let a = 1.0; // שלום עולם\nb(\"ש\");";
        ctx.run_ui(egui::RawInput::default(), |ui| {
            let galley = SyntaxHighlightCache::default().galley(ui, text, &Theme::dark());
            assert_eq!(galley.end().index.0, text.chars().count());
            let read: Vec<String> = galley.rows.iter().map(|row| row.row.text()).collect();
            assert_eq!(read.join("\n"), text);
            let x = |at: usize| galley.pos_from_cursor(egui::text::CCursor::new(at)).left();
            assert!(x(16) > x(20) && x(20) > x(24), "code is left to right, the words are right to left");
            assert!(x(15) < x(24));
        })
        .drop_without_applying_deltas();
    }

    #[test]
    fn every_character_has_a_rectangle() {
        with_ui(|ui| {
            let text = "é = \"δ\";\n\n  § b";
            let galley = SyntaxHighlightCache::default().galley(ui, text, &Theme::light());
            assert_eq!(galley.text(), text);
            assert_eq!(galley.rows.len(), 3);
            let all = rects(&galley, Pos2::ZERO, 0..text.chars().count());
            assert_eq!(all.len(), 2, "an empty line has no rectangle");
            let one = rects(&galley, Pos2::ZERO, 5..6);
            assert_eq!(one.len(), 1);
            assert_eq!(one[0].left(), galley.pos_from_cursor(egui::text::CCursor::new(5)).left());
            assert!(one[0].width() > 2.0);
        });
    }
}
