//! Problems as a terminal shows them: the place, the source line with a mark under the whole expression, and
//! a way out.

use ariadne::{Config, IndexType, Label, Report, ReportKind, Source};
use slowgrad_script::ConsoleLine;
use slowgrad_tape::{Diagnostic, Severity};
use std::io::{IsTerminal, Write};

/// Whether whoever runs the program lets it use colours on a terminal.
pub(crate) fn colours() -> bool {
    std::env::var_os("NO_COLOR").is_none()
}

/// Prints problems to standard error, and once where more can be read about them.
pub(crate) fn print(diagnostics: &[Diagnostic]) {
    let colour = std::io::stderr().is_terminal() && colours();
    let problems = diagnostics.iter().map(|diagnostic| render(diagnostic, colour));
    let hint = diagnostics.first().map(|first| format!("for details, run `slowgrad explain {}`\n", first.code));
    for text in problems.chain(hint) {
        // A closed pipe is no reason to fail.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

/// Longer source lines are not shown.
const LONGEST_LINE: usize = 400;

/// One problem as text.
pub(crate) fn render(diagnostic: &Diagnostic, colour: bool) -> String {
    let kind = match diagnostic.severity {
        Severity::Error => ReportKind::Error,
        Severity::Warning => ReportKind::Warning,
    };
    let word = if diagnostic.severity == Severity::Error { "error" } else { "warning" };
    let help = diagnostic.help.as_ref().map(|help| format!("  help: {}\n", plain(help))).unwrap_or_default();
    let Some(location) = &diagnostic.location else {
        return format!("{word}[{}]: {}\n{help}", diagnostic.code, plain(&diagnostic.message));
    };
    let name = plain(&location.source.name);
    let name = name.as_str();
    // A line of a machine's length would fill the screen many times.
    let line = location.source.text.lines().nth(location.span.line.saturating_sub(1) as usize);
    // In an empty file there is no line that could be shown.
    if location.source.text.is_empty() || line.is_some_and(|line| line.len() > LONGEST_LINE) {
        return format!("{}\n{help}", plain(&diagnostic.to_string()));
    }
    let range = location.span.start as usize..(location.span.end.max(location.span.start + 1)) as usize;
    let config = Config::default().with_color(colour).with_index_type(IndexType::Byte);
    let mut report = Report::build(kind, (name, range.clone()))
        .with_config(config)
        .with_code(diagnostic.code)
        .with_message(plain(&diagnostic.message))
        .with_label(Label::new((name, range)).with_message("here"));
    for frame in &diagnostic.frames {
        let place = frame.location.as_ref().map(|at| format!(", called at {at}")).unwrap_or_default();
        report = report.with_note(plain(&format!("in {}{place}", frame.function)));
    }
    if let Some(help) = &diagnostic.help {
        report = report.with_help(plain(help));
    }
    let mut bytes = Vec::new();
    let text = harmless(&location.source.text);
    let source = (name, Source::from(text.as_str()));
    match report.finish().write(source, &mut bytes) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => format!("{}\n", plain(&diagnostic.to_string())),
    }
}

/// A text of a script as one line that cannot move the cursor or change colours: control characters are not
/// passed on.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|ch| if ch.is_control() || turns(ch) { ' ' } else { ch }).collect()
}

/// The text of a script with blanks for what could move the cursor, change colours or turn the direction of
/// writing; each byte that is left stays in its place.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for ch in text.chars() {
        if (ch.is_control() && !matches!(ch, '\n' | '\r' | '\t')) || turns(ch) {
            shown.extend(std::iter::repeat_n(' ', ch.len_utf8()));
        } else {
            shown.push(ch);
        }
    }
    shown
}

/// Whether a letter changes the direction of what stands after it.
fn turns(ch: char) -> bool {
    matches!(ch, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Prints to standard error what scripts have printed, at most so many lines and from then on none.
pub(crate) struct Console {
    left: usize,
}

impl Console {
    pub(crate) fn new(lines: usize) -> Self {
        Self { left: lines }
    }

    /// Whether nothing more will be printed.
    pub(crate) fn is_full(&self) -> bool {
        self.left == 0
    }

    pub(crate) fn print(&mut self, printed: Vec<ConsoleLine>) {
        for ConsoleLine { text, location } in printed {
            if self.left == 0 {
                return;
            }
            self.left -= 1;
            let place = location.map(|location| format!("{location}: ")).unwrap_or_default();
            line(&format!("{place}{}", plain(&text)));
            if self.left == 0 {
                line("… further output of scripts is not shown");
            }
        }
    }
}

/// Prints one line to standard error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use slowgrad_tape::{Location, Source as Text, Span};
    use std::sync::Arc;

    fn shown(text: &str, message: &str) -> String {
        let source = Arc::new(Text { name: "mine.rhai".into(), text: text.into() });
        let span = Span { start: 0, end: text.len().min(1) as u32, line: 1, column: 1 };
        render(&Diagnostic::error("thrown", message).at(Location { source, span }).help("mend it"), false)
    }

    #[test]
    fn an_empty_file_is_reported_without_a_line() {
        let report = shown("", "this file has no `fn lesson`");
        assert_eq!(report, "mine.rhai:1:1: error: this file has no `fn lesson`\n  help: mend it\n");
    }

    #[test]
    fn no_script_reaches_the_terminal_behind_the_report() {
        let report = shown("x \u{1b}]0;title\u{7} \u{9b}31m \u{202e} ü", "\u{1b}[31mred\u{2066}");
        let left: String = report.chars().filter(|ch| ch.is_control() && *ch != '\n' || turns(*ch)).collect();
        assert_eq!(left, "", "{report}");
        assert!(report.contains("[31mred") && report.contains('ü'));
    }
}
