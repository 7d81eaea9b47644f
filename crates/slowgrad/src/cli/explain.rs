//! `slowgrad explain`: the page of a diagnostic's code.

use super::{Failure, out, report};
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
            let colour = std::io::stdout().is_terminal() && report::colours();
            shown(&explain::page(code).ok_or_else(|| unknown(code))?, colour)
        }
    };
    out(&text)
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

/// A page for a terminal: examples are indented and named by what they are.
fn shown(page: &Page, colour: bool) -> String {
    let painted = |paint: &str, text: &str| if colour { format!("{paint}{text}{PLAIN}") } else { text.to_owned() };
    let mut text = format!("{}\n\n", painted(BOLD, &format!("{}: {}", page.code, page.title)));
    let mut within = false;
    for line in page.body.lines() {
        if let Some(head) = line.strip_prefix("```") {
            within = !within;
            if let Some((which, path)) = head.strip_prefix("rhai ").and_then(|head| head.split_once(' ')) {
                let paint = if which == "faulty" { RED } else { GREEN };
                let _ = writeln!(text, "{}, {path}:", painted(paint, which));
            }
        } else if within {
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
    fn a_page_is_shown_with_its_examples_and_colours_only_when_asked() {
        let page = explain::page("unknown-name").expect("a page");
        let plain = shown(&page, false);
        assert!(plain.starts_with("unknown-name: A name is not defined here.\n"), "{plain}");
        assert!(plain.contains("faulty, activations/mine.rhai:\n    fn activation(z) {"), "{plain}");
        assert!(!plain.contains('\u{1b}') && !plain.contains("```"), "{plain}");
        assert!(shown(&page, true).contains(RED));
    }

    #[test]
    fn the_list_has_one_line_a_code() {
        let list = list();
        assert_eq!(list.lines().count(), explain::pages().count());
        assert!(list.lines().any(|line| line.starts_with("wrong-return ") && line.ends_with('.')));
    }
}
