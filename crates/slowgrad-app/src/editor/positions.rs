//! Conversion of text positions between bytes, characters and lines, and between versions of a text or of its line
//! endings.

use slowgrad_tape::{Location, Source, Span};
use std::ops::Range;

/// The character at a byte.
pub(crate) fn char_at(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

/// The byte of a character, or the end of the text.
pub(crate) fn byte_at(text: &str, char: usize) -> usize {
    text.char_indices().nth(char).map_or(text.len(), |(at, _)| at)
}

/// The line of a byte, counted from 0.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

/// The line around a byte, without its line feed.
pub(crate) fn line_around(text: &str, byte: usize) -> Range<usize> {
    let byte = byte.min(text.len());
    let start = text[..byte].rfind('\n').map_or(0, |feed| feed + 1);
    let end = text[byte..].find('\n').map_or(text.len(), |feed| byte + feed);
    start..end
}

/// Whether two texts are equal except for line endings.
pub(crate) fn same_text(source: &str, text: &str) -> bool {
    if source.contains('\r') { super::document::plain(source) == text } else { source == text }
}

/// Converts a byte position to the same text with line feeds only.
fn without_returns(text: &str, byte: usize) -> usize {
    let byte = (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    byte - text[..byte].matches("\r\n").count()
}

/// The range of a span in its source with line feeds only.
pub(crate) fn range_of(span: Span, source: &Source) -> Range<usize> {
    let [start, end] = [span.start, span.end].map(|byte| without_returns(&source.text, byte as usize));
    start..end.max(start)
}

/// The range of a location in the current text, or `None` when the text changed there.
pub(crate) fn range_now(location: &Location, text: &str) -> Option<Range<usize>> {
    let old = &location.source.text;
    let range = range_of(location.span, &location.source);
    if same_text(old, text) {
        return Some(range);
    }
    moved(range, &super::document::plain(old), text)
}

/// Maps a range from an old text to a new one that differs in one place, or `None` when the range is in that place.
fn moved(range: Range<usize>, old: &str, new: &str) -> Option<Range<usize>> {
    let before = old.bytes().zip(new.bytes()).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - before;
    let after = old.bytes().rev().zip(new.bytes().rev()).take(most).take_while(|(a, b)| a == b).count();
    let found = if range.end <= before {
        range
    } else if range.start >= old.len() - after {
        let by = |at: usize| new.len() - (old.len() - at);
        by(range.start)..by(range.end)
    } else {
        return None;
    };
    (new.is_char_boundary(found.start) && new.is_char_boundary(found.end)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn bytes_characters_and_lines_agree() {
        let text = "aé\nδ∂x\n";
        for (char, (byte, _)) in text.char_indices().enumerate() {
            assert_eq!((char_at(text, byte), byte_at(text, char)), (char, byte));
        }
        assert_eq!((char_at(text, text.len()), byte_at(text, 99)), (7, text.len()));
        assert_eq!([0, 3, 4, 8, text.len()].map(|byte| line_at(text, byte)), [0, 0, 1, 1, 2]);
        assert_eq!(&text[line_around(text, 6)], "δ∂x");
        assert_eq!(line_around(text, text.len()), text.len()..text.len());
    }

    fn location(text: &str, marked: &str) -> Location {
        let start = text.find(marked).expect("it is there");
        let span = Span { start: start as u32, end: (start + marked.len()) as u32, line: 1, column: 1 };
        Location { source: Arc::new(Source { name: "a".into(), text: text.into() }), span }
    }

    #[test]
    fn locations_are_found_despite_other_line_endings() {
        let there = location("let é = 1;\r\nlet b = é +\r\n 2;\r\n", "é +\r\n 2");
        let text = "let é = 1;\nlet b = é +\n 2;\n";
        assert_eq!(range_now(&there, text).map(|range| &text[range]), Some("é +\n 2"));
    }

    #[test]
    fn locations_move_with_edits_elsewhere_and_vanish_with_edits_inside() {
        let there = location("let a = 1;\nlet b = gard;\n", "gard");
        let find = |text: &'static str| range_now(&there, text).map(|range| &text[range]);
        assert_eq!(find("// né\nlet a = 1;\nlet b = gard;\n"), Some("gard"));
        assert_eq!(find("let a = 1;\nlet b = gard;\n// more\n"), Some("gard"));
        assert_eq!(find("let a = 1;\nlet b = grad;\n"), None);
        assert_eq!(find(""), None);
        // Two characters with a common first byte differ.
        let there = location("aé", "é");
        assert_eq!(range_now(&there, "aè"), None);
    }
}
