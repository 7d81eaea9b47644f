//! `slowgrad explain`: prints the documentation of a diagnostic code.

use super::{Failure, output, report};
use clap::Args;
use slowgrad_script::explain::{self, Page};
use std::fmt::Write as _;
use std::io::IsTerminal;

#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Diagnostic code, such as unknown-name [default: list all codes]
    code: Option<String>,
}

pub(super) fn run(args: &ExplainArgs) -> Result<(), Failure> {
    let text = match &args.code {
        None => list(),
        Some(code) => {
            let colour = std::io::stdout().is_terminal() && report::colours_allowed();
            format_page(&explain::page(code).ok_or_else(|| unknown(code))?, colour)
        }
    };
    output::print(&text)
}

fn unknown(code: &str) -> Failure {
    let help = explain::nearest_code(code)
        .map_or_else(|| "`slowgrad explain` lists all codes".to_owned(), |near| format!("did you mean `{near}`?"));
    Failure::new(format!("unknown code `{code}`; {help}"))
}

fn list() -> String {
    let longest = explain::pages().map(|page| page.code.len()).max().unwrap_or(0);
    explain::pages().fold(String::new(), |mut text, page| {
        let _ = writeln!(text, "{:longest$}  {}", page.code, page.title);
        text
    })
}

const BOLD: &str = "\u{1b}[1m";
const GREEN: &str = "\u{1b}[32m";
const RED: &str = "\u{1b}[31m";
const PLAIN: &str = "\u{1b}[0m";

/// A page as text for a terminal. Each example is indented and has a heading with its kind and path.
fn format_page(page: &Page, colour: bool) -> String {
    let painted = |paint: &str, text: &str| if colour { format!("{paint}{text}{PLAIN}") } else { text.to_owned() };
    let mut text = format!("{}\n\n", painted(BOLD, &format!("{}: {}", page.code, page.title)));
    let mut in_example = false;
    for line in page.body.lines() {
        if let Some(head) = line.strip_prefix("```") {
            in_example = !in_example;
            if let Some((kind, path)) = head.strip_prefix("rhai ").and_then(|head| head.split_once(' ')) {
                let paint = if kind == "faulty" { RED } else { GREEN };
                let _ = writeln!(text, "{}, {path}:", painted(paint, kind));
            }
        } else if in_example {
            let _ = writeln!(text, "    {line}");
        } else {
            let _ = writeln!(text, "{line}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_examples_and_colours_only_on_request() {
        let page = explain::page("unknown-name").expect("a page");
        let plain = format_page(&page, false);
        assert!(plain.starts_with("unknown-name: A name is not defined here.\n"), "{plain}");
        assert!(plain.contains("faulty, activations/mine.rhai:\n    fn activation(z) {"), "{plain}");
        assert!(!plain.contains('\u{1b}') && !plain.contains("```"), "{plain}");
        assert!(format_page(&page, true).contains(RED));
    }

    #[test]
    fn list_has_one_line_per_code() {
        let list = list();
        assert_eq!(list.lines().count(), explain::pages().count());
        assert!(list.lines().any(|line| line.starts_with("wrong-return ") && line.ends_with('.')));
    }
}
