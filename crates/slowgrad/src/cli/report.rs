//! Formats diagnostics for a terminal: the location, the source line with the expression marked, and the help.

use ariadne::{Config, IndexType, Label, Report, ReportKind, Source};
use slowgrad_script::ConsoleLine;
use slowgrad_tape::{Diagnostic, Severity};
use std::io::{IsTerminal, Write};

/// Whether the user allows colours (<https://no-color.org>).
pub(super) fn colours_allowed() -> bool {
    std::env::var_os("NO_COLOR").is_none()
}

/// Prints diagnostics to standard error, followed by a hint to `slowgrad explain`.
pub(super) fn print(diagnostics: &[Diagnostic]) {
    let colour = std::io::stderr().is_terminal() && colours_allowed();
    let problems = diagnostics.iter().map(|diagnostic| render(diagnostic, colour));
    let hint = diagnostics.first().map(|first| format!("for details, run `slowgrad explain {}`\n", first.code));
    for text in problems.chain(hint) {
        // A closed pipe is not an error.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// The maximum length of a source line that is printed.
const MAX_LINE_BYTES: usize = 400;

/// Formats one diagnostic.
fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let kind = match diagnostic.severity {
        Severity::Error => ReportKind::Error,
        Severity::Warning => ReportKind::Warning,
    };
    let word = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
    let help = diagnostic.help.as_ref().map(|help| format!("  help: {}\n", sanitize_line(help))).unwrap_or_default();
    let Some(location) = &diagnostic.location else {
        return format!("{word}[{}]: {}\n{help}", diagnostic.code, sanitize_line(&diagnostic.message));
    };
    let name = sanitize_line(&location.source.name);
    let name = name.as_str();
    // Generated scripts can have lines of many screens.
    let line = location.source.text.lines().nth(location.span.line.saturating_sub(1) as usize);
    // An empty file has no line to print.
    if location.source.text.is_empty() || line.is_some_and(|line| line.len() > MAX_LINE_BYTES) {
        return format!("{}\n{help}", sanitize_line(&diagnostic.to_string()));
    }
    let range = location.span.start as usize..(location.span.end.max(location.span.start + 1)) as usize;
    let config = Config::default().with_color(colour).with_index_type(IndexType::Byte);
    let mut report = Report::build(kind, (name, range.clone()))
        .with_config(config)
        .with_code(diagnostic.code)
        .with_message(sanitize_line(&diagnostic.message))
        .with_label(Label::new((name, range)).with_message("here"));
    for frame in &diagnostic.frames {
        let location = frame.location.as_ref().map(|at| format!(", called at {at}")).unwrap_or_default();
        report = report.with_note(sanitize_line(&format!("in {}{location}", frame.function)));
    }
    if let Some(help) = &diagnostic.help {
        report = report.with_help(sanitize_line(help));
    }
    let mut bytes = Vec::new();
    let text = sanitize_source(&location.source.text);
    let source = (name, Source::from(text.as_str()));
    match report.finish().write(source, &mut bytes) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => format!("{}\n", sanitize_line(&diagnostic.to_string())),
    }
}

/// Text from a script as one line, in which spaces replace control characters, so that it cannot move the cursor or
/// change colours.
pub(super) fn sanitize_line(text: &str) -> String {
    text.chars().map(|ch| if ch.is_control() || is_bidi_control(ch) { ' ' } else { ch }).collect()
}

/// The source of a script, in which spaces replace characters that move the cursor, change colours or change the text
/// direction. Byte offsets stay valid.
fn sanitize_source(text: &str) -> String {
    let mut sanitized = String::with_capacity(text.len());
    for ch in text.chars() {
        if (ch.is_control() && !matches!(ch, '\n' | '\r' | '\t')) || is_bidi_control(ch) {
            sanitized.extend(std::iter::repeat_n(' ', ch.len_utf8()));
        } else {
            sanitized.push(ch);
        }
    }
    sanitized
}

/// Whether a character controls the direction of bidirectional text.
fn is_bidi_control(ch: char) -> bool {
    matches!(ch, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Prints the output of scripts to standard error, up to a number of lines.
pub(super) struct ConsolePrinter {
    lines_left: usize,
}

impl ConsolePrinter {
    pub(super) fn new(max_lines: usize) -> Self {
        Self { lines_left: max_lines }
    }

    /// Whether the limit is reached, so that no more lines are printed.
    pub(super) fn is_full(&self) -> bool {
        self.lines_left == 0
    }

    /// Prints lines as far as the limit allows.
    pub(super) fn print(&mut self, printed: Vec<ConsoleLine>) {
        for ConsoleLine { text, location } in printed {
            if self.lines_left == 0 {
                return;
            }
            self.lines_left -= 1;
            let location = location.map(|location| format!("{location}: ")).unwrap_or_default();
            print_line(&format!("{location}{}", sanitize_line(&text)));
            if self.lines_left == 0 {
                print_line("… further output of scripts is not shown");
            }
        }
    }
}

/// Prints one line to standard error.
pub(super) fn print_line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use slowgrad_tape::{Location, Source as Text, Span};
    use std::sync::Arc;

    fn rendered(text: &str, message: &str) -> String {
        let source = Arc::new(Text { name: "mine.rhai".into(), text: text.into() });
        let span = Span { start: 0, end: text.len().min(1) as u32, line: 1, column: 1 };
        render(&Diagnostic::error("thrown", message).at(Location { source, span }).help("fix it"), false)
    }

    #[test]
    fn empty_file_is_reported_without_a_source_line() {
        let report = rendered("", "this file has no `fn lesson`");
        assert_eq!(report, "mine.rhai:1:1: error: this file has no `fn lesson`\n  help: fix it\n");
    }

    #[test]
    fn control_characters_of_scripts_do_not_reach_the_terminal() {
        let report = rendered("x \u{1b}]0;title\u{7} \u{9b}31m \u{202e} ü", "\u{1b}[31mred\u{2066}");
        let controls: String =
            report.chars().filter(|ch| ch.is_control() && *ch != '\n' || is_bidi_control(*ch)).collect();
        assert_eq!(controls, "", "{report}");
        assert!(report.contains("[31mred") && report.contains('ü'));
    }
}
