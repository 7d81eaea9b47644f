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
    let hint = diagnostics.first().map(|first| format!("`slowgrad explain {}` says more\n", first.code));
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
    let Some(location) = &diagnostic.location else {
        let help = diagnostic.help.as_ref().map(|help| format!("  help: {help}\n")).unwrap_or_default();
        return format!("{word}[{}]: {}\n{help}", diagnostic.code, diagnostic.message);
    };
    let name = location.source.name.as_str();
    // A line of a machine's length would fill the screen many times.
    let line = location.source.text.lines().nth(location.span.line.saturating_sub(1) as usize);
    if line.is_some_and(|line| line.len() > LONGEST_LINE) {
        let help = diagnostic.help.as_ref().map(|help| format!("  help: {help}\n")).unwrap_or_default();
        return format!("{diagnostic}\n{help}");
    }
    let range = location.span.start as usize..(location.span.end.max(location.span.start + 1)) as usize;
    let config = Config::default().with_color(colour).with_index_type(IndexType::Byte);
    let mut report = Report::build(kind, (name, range.clone()))
        .with_config(config)
        .with_code(diagnostic.code)
        .with_message(&diagnostic.message)
        .with_label(Label::new((name, range)).with_message("here"));
    for frame in &diagnostic.frames {
        let place = frame.location.as_ref().map(|at| format!(", called at {at}")).unwrap_or_default();
        report = report.with_note(format!("in {}{place}", frame.function));
    }
    if let Some(help) = &diagnostic.help {
        report = report.with_help(help);
    }
    let mut bytes = Vec::new();
    let source = (name, Source::from(location.source.text.as_str()));
    match report.finish().write(source, &mut bytes) {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(_) => format!("{diagnostic}\n"),
    }
}

/// A text of a script as one line that cannot move the cursor or change colours: control characters are not
/// passed on.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|ch| if ch.is_control() { ' ' } else { ch }).collect()
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
                line("… scripts may have printed more, which is not shown");
            }
        }
    }
}

/// Prints one line to standard error.
pub(crate) fn line(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
