//! The effects of keys on a text beyond inserting a letter: indentation, comments, completion.
//!
//! All functions take a text and a selection in bytes, so that they can be tested without a window.

use super::positions::line_around;
use slowgrad_script::TokenKind;
use std::ops::Range;

/// The spaces of one level of indentation.
pub(crate) const INDENT_SPACES: usize = 4;

/// The replacement of a range of text, with the selection after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TextChange {
    pub(crate) range: Range<usize>,
    pub(crate) with: String,
    pub(crate) selected: Range<usize>,
}

impl TextChange {
    /// Replaces a range and puts the cursor after it.
    pub(crate) fn insert(range: Range<usize>, with: impl Into<String>) -> Self {
        let with = with.into();
        let end = range.start + with.len();
        Self { range, with, selected: end..end }
    }

    /// Applies the change to a text.
    pub(crate) fn apply(&self, text: &mut String) {
        text.replace_range(self.range.clone(), &self.with);
    }
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start_matches([' ', '\t']).len()
}

/// Enter: starts a line with the same indentation, one level deeper after an opening bracket.
pub(crate) fn line_feed(text: &str, selected: Range<usize>) -> TextChange {
    let line = &text[line_around(text, selected.start).start..selected.start];
    let indent = &line[..indentation(line)];
    let opens = line.trim_end().ends_with(['{', '(', '[']);
    let further = if opens { " ".repeat(INDENT_SPACES) } else { String::new() };
    let closes = text[selected.end..].starts_with(['}', ')', ']']);
    let mut change = TextChange::insert(selected, format!("\n{indent}{further}"));
    if opens && closes {
        // The closing bracket gets a separate line.
        change.with.push('\n');
        change.with.push_str(indent);
    }
    change
}

/// Tab: inserts spaces up to the next tab stop, or indents all selected lines.
pub(crate) fn indent(text: &str, selected: Range<usize>) -> TextChange {
    if text[selected.clone()].contains('\n') {
        return each_line(text, selected, |line| {
            if line.is_empty() { String::new() } else { format!("{}{line}", " ".repeat(INDENT_SPACES)) }
        });
    }
    let column = text[line_around(text, selected.start).start..selected.start].chars().count();
    TextChange::insert(selected, " ".repeat(INDENT_SPACES - column % INDENT_SPACES))
}

/// Shift+Tab: unindents all selected lines.
pub(crate) fn outdent(text: &str, selected: Range<usize>) -> TextChange {
    each_line(text, selected, |line| {
        let spaces = line.len() - line.trim_start_matches(' ').len();
        let gone = if line.starts_with('\t') { 1 } else { spaces.min(INDENT_SPACES) };
        line[gone..].to_owned()
    })
}

/// Inserts a closing bracket; at the start of a line it unindents the line.
pub(crate) fn close(text: &str, selected: Range<usize>, bracket: &str) -> TextChange {
    let start = line_around(text, selected.start).start;
    let before = &text[start..selected.start];
    if before.chars().all(|letter| letter == ' ') {
        let indent = " ".repeat(before.len().saturating_sub(INDENT_SPACES));
        return TextChange::insert(start..selected.end, format!("{indent}{bracket}"));
    }
    TextChange::insert(selected, bracket)
}

/// Comments the selected lines, or uncomments them when all are comments.
pub(crate) fn comment(text: &str, selected: Range<usize>) -> TextChange {
    let lines = whole_lines(text, &selected);
    let blank = |line: &&str| line.trim().is_empty();
    let written: Vec<&str> = text[lines].split('\n').filter(|line| !blank(line)).collect();
    let are_comments = !written.is_empty() && written.iter().all(|line| line.trim_start().starts_with("//"));
    let column = written.iter().map(|line| indentation(line)).min().unwrap_or(0);
    each_line(text, selected, |line| {
        if blank(&line) {
            return line.to_owned();
        }
        let (indent, rest) = line.split_at(if are_comments { indentation(line) } else { column });
        if are_comments {
            let rest = rest.strip_prefix("//").unwrap_or(rest);
            format!("{indent}{}", rest.strip_prefix(' ').unwrap_or(rest))
        } else {
            format!("{indent}// {rest}")
        }
    })
}

/// The whole lines of a selection. A selection that ends at the start of a line does not include that line.
fn whole_lines(text: &str, selected: &Range<usize>) -> Range<usize> {
    let start = line_around(text, selected.start).start;
    let ends_before = selected.end > selected.start && text[..selected.end].ends_with('\n');
    start..line_around(text, selected.end - usize::from(ends_before)).end
}

fn each_line(text: &str, selected: Range<usize>, change: impl Fn(&str) -> String) -> TextChange {
    let range = whole_lines(text, &selected);
    let old: Vec<&str> = text[range.clone()].split('\n').collect();
    let new: Vec<String> = old.iter().map(|line| change(line)).collect();
    let with = new.join("\n");
    let selected = if selected.is_empty() {
        // The cursor stays at its letter.
        let after = (range.end - selected.start).min(with.len());
        let at = range.start + with.len() - after;
        at..at
    } else {
        range.start..range.start + with.len()
    };
    TextChange { range, with, selected }
}

/// The bracket at the cursor and its partner.
pub(crate) fn brackets(text: &str, tokens: &[(Range<usize>, TokenKind)], cursor: usize) -> Option<[Range<usize>; 2]> {
    let all: Vec<&Range<usize>> =
        tokens.iter().filter(|(_, kind)| *kind == TokenKind::Bracket).map(|(range, _)| range).collect();
    let from = all.partition_point(|range| range.end < cursor);
    let at = (from..all.len().min(from + 2)).find(|at| all[*at].start <= cursor)?;
    let closes = |range: &Range<usize>| text[range.clone()].starts_with([')', ']', '}']);
    let depth = |range: &Range<usize>, forwards: bool| if closes(range) == forwards { -1 } else { 1 };
    let forwards = !closes(all[at]);
    let mut open = 0;
    let step = |range: &&&Range<usize>| {
        open += depth(range, forwards);
        open == 0
    };
    let partner = if forwards { all[at..].iter().find(step) } else { all[..=at].iter().rev().find(step) };
    partner.map(|partner| [all[at].clone(), (*partner).clone()])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with its selection between bars; one bar is a cursor.
    fn parse(marked: &str) -> (String, Range<usize>) {
        let parts: Vec<&str> = marked.split('|').collect();
        let start = parts[0].len();
        let end = start + if parts.len() > 2 { parts[1].len() } else { 0 };
        (parts.concat(), start..end)
    }

    #[track_caller]
    fn check(marked: &str, change: impl Fn(&str, Range<usize>) -> TextChange, after: &str) {
        let (mut text, selected) = parse(marked);
        let change = change(&text, selected);
        change.apply(&mut text);
        let mut shown = text.clone();
        shown.insert(change.selected.end, '|');
        if !change.selected.is_empty() {
            shown.insert(change.selected.start, '|');
        }
        assert_eq!(shown, after);
    }

    #[test]
    fn enter_keeps_the_indentation() {
        check("    é = 1;|", line_feed, "    é = 1;\n    |");
        check("fn f() {|", line_feed, "fn f() {\n    |");
        check("  fn f() {|}", line_feed, "  fn f() {\n      |\n  }");
        check("  ab|cd|ef", line_feed, "  ab\n  |ef");
        check("  |  a", line_feed, "  \n  |  a");
        check("|", line_feed, "\n|");
    }

    #[test]
    fn tab_goes_to_the_next_stop_and_moves_lines() {
        check("a|b", indent, "a   |b");
        check("éééé|", indent, "éééé    |");
        check("a|x|b", indent, "a   |b");
        check("a|a\n\nb|b\nc", indent, "|    aa\n\n    bb|\nc");
        check("|a\n|b", indent, "|    a|\nb");
        check("      a|b", outdent, "  a|b");
        check("\ta|", outdent, "a|");
        check("| a\n    b\nc|", outdent, "|a\nb\nc|");
        check("  |", outdent, "|");
    }

    #[test]
    fn a_closing_bracket_unindents_its_line() {
        let closing = |text: &str, selected| close(text, selected, "}");
        check("{\n        |", closing, "{\n    }|");
        check("  |", closing, "}|");
        check("a |", closing, "a }|");
        check("|ab|", closing, "}|");
    }

    #[test]
    fn lines_are_commented_and_uncommented() {
        check("    let é = 1;|", comment, "    // let é = 1;|");
        check("    // let é = 1;|", comment, "    let é = 1;|");
        check("  |a\n\n    b|", comment, "|  // a\n\n  //   b|");
        check("|  // a\n\n  //   b|", comment, "|  a\n\n    b|");
        check("|//a\nb|", comment, "|// //a\n// b|");
        check("|", comment, "|");
    }

    #[test]
    fn brackets_find_their_partners() {
        let text = "f(#{a: [1, \")\"]}, `x${y}`)";
        let tokens = slowgrad_script::highlight(text);
        let find = |cursor| brackets(text, &tokens, cursor).map(|[a, b]| (a.start, b.start));
        assert_eq!(find(1), Some((1, 25)));
        assert_eq!(find(26), Some((25, 1)));
        assert_eq!(find(2), Some((1, 25)));
        assert_eq!(find(8), Some((7, 14)));
        assert_eq!(find(0), None);
        assert_eq!(brackets("(", &slowgrad_script::highlight("("), 0), None);
        assert_eq!(brackets(")", &slowgrad_script::highlight(")"), 1), None);
    }
}
