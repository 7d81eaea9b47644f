//! `slowgrad list`: what there is, with descriptions, controls, and where it comes from.

use super::{Failure, kind, out, report};
use crate::files::library;
use clap::Args;
use serde::Serialize;
use slowgrad_engine::plugin::{Control, ControlKind};
use slowgrad_script::{CatalogueItem, Library, Limits, PluginKind, Sandbox};
use slowgrad_session::shipped;
use std::fmt::Write as _;
use std::io::IsTerminal;
use std::path::Path;
use unicode_width::UnicodeWidthStr;

const JSON_HELP: &str = "\
With --json, the output is an array of objects with the fields
  kind         activation, loss, optimizer, …, lesson
  name         the name used in lessons
  title        the title of a lesson, or the heading of a plugin's documentation
  description  one line of text
  signature    the function as declared, such as activation(z, p); \"\" if the script is broken
  page         the documentation: the lines that start with //!
  controls     [{name, kind: \"slider\", value, min, max, log}, {name, kind: \"toggle\", value},
               {name, kind: \"choice\", value, options}]
  root         \"built-in\", or the folder that has the file
  path         the path within the root
  hides        the roots with a file of the same name that this file hides
  problem      the first error, {code, message, line, column}, or null";

#[derive(Debug, Args)]
#[command(after_long_help = JSON_HELP)]
pub(super) struct ListArgs {
    /// Only this kind: activation, loss, optimizer, …, lesson
    #[arg(value_parser = kind::parse)]
    kind: Option<PluginKind>,
    /// Only this entry, with its documentation
    name: Option<String>,
    /// Print JSON; `slowgrad list --help` describes the fields
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &ListArgs, limits: Limits) -> Result<(), Failure> {
    let library = library::around(Path::new(".")).map_err(|error| Failure::new(error.to_string()))?;
    let sandbox = Sandbox::new(library.clone(), limits);
    let kinds = PluginKind::ALL.into_iter().filter(|kind| args.kind.is_none_or(|wanted| wanted == *kind));
    let mut shelves: Vec<(PluginKind, Vec<CatalogueItem>)> =
        kinds.map(|kind| (kind, sandbox.catalogue(kind))).collect();
    for (kind, entries) in &mut shelves {
        if *kind == PluginKind::Lesson {
            shipped::order_lessons(entries);
        }
    }
    if let (Some(name), Some((kind, entries))) = (&args.name, shelves.first_mut()) {
        let name = name.strip_suffix(".rhai").unwrap_or(name);
        let Some(at) = entries.iter().position(|entry| entry.info.name == name) else {
            let suggestion = match library::nearest(name, entries.iter().map(|entry| entry.info.name.as_str())) {
                Some(near) => format!("; did you mean «{near}»?"),
                None => format!("; `slowgrad list {}` lists all", kind::word(*kind)),
            };
            return Err(Failure::new(format!("there is no {} named «{name}»{suggestion}", kind.label())));
        };
        *entries = vec![entries.swap_remove(at)];
    }
    if args.json {
        let rows: Vec<Row<'_>> = shelves
            .iter()
            .flat_map(|(kind, entries)| entries.iter().map(|entry| Row::new(*kind, entry, &library)))
            .collect();
        let text = serde_json::to_string_pretty(&rows).map_err(|error| Failure::new(error.to_string()))?;
        return out(&format!("{text}\n"));
    }
    let mut page = Page::new(&library);
    match (&args.name, shelves.first()) {
        (Some(_), Some((kind, entries))) => entries.iter().for_each(|entry| page.whole(*kind, entry)),
        _ => shelves.iter().for_each(|(kind, entries)| page.shelf(*kind, entries)),
    }
    out(&page.text)
}

/// How people call a root.
fn root_name(library: &Library, root: usize) -> &str {
    if root == 0 { "built-in" } else { &library.roots[root].name }
}

/// An entry for programs.
#[derive(Debug, Serialize)]
struct Row<'e> {
    kind: String,
    name: &'e str,
    title: &'e str,
    description: &'e str,
    signature: &'e str,
    page: &'e str,
    controls: Vec<ControlRow<'e>>,
    root: &'e str,
    path: &'e str,
    hides: Vec<&'e str>,
    problem: Option<ProblemRow<'e>>,
}

#[derive(Debug, Serialize)]
struct ControlRow<'e> {
    name: &'e str,
    #[serde(flatten)]
    range: Range<'e>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Range<'e> {
    Slider { value: f64, min: f64, max: f64, log: bool },
    Toggle { value: bool },
    Choice { value: &'e str, options: &'e [String] },
}

#[derive(Debug, Serialize)]
struct ProblemRow<'e> {
    code: &'e str,
    message: &'e str,
    line: Option<u32>,
    column: Option<u32>,
}

impl<'e> Row<'e> {
    fn new(kind: PluginKind, entry: &'e CatalogueItem, library: &'e Library) -> Self {
        let control = |control: &'e Control| ControlRow { name: &control.name, range: range(&control.kind) };
        let problem = entry.problem.as_ref().map(|problem| {
            let span = problem.location.as_ref().map(|location| location.span);
            let (line, column) = (span.map(|span| span.line), span.map(|span| span.column));
            ProblemRow { code: problem.code, message: &problem.message, line, column }
        });
        Row {
            kind: kind::word(kind),
            name: &entry.info.name,
            title: &entry.title,
            description: &entry.info.description,
            signature: &entry.signature,
            page: &entry.page,
            controls: entry.info.controls.iter().map(control).collect(),
            root: root_name(library, entry.root),
            path: &entry.path,
            hides: entry.hides.iter().map(|root| root_name(library, *root)).collect(),
            problem,
        }
    }
}

fn range(kind: &ControlKind) -> Range<'_> {
    match kind {
        &ControlKind::Slider { value, min, max, log } => Range::Slider { value, min, max, log },
        &ControlKind::Toggle { value } => Range::Toggle { value },
        ControlKind::Choice { value, options } => Range::Choice { value, options },
    }
}

/// A control in words: `slope 0.01 (0 to 1)`.
fn in_words(control: &Control) -> String {
    let name = &control.name;
    match &control.kind {
        ControlKind::Slider { value, min, max, log } => {
            let log = if *log { ", logarithmic" } else { "" };
            format!("{name} {} ({} to {}{log})", number(*value), number(*min), number(*max))
        }
        ControlKind::Toggle { value } => format!("{name} {} (on or off)", if *value { "on" } else { "off" }),
        ControlKind::Choice { value, options } => format!("{name} {value} ({})", options.join(", ")),
    }
}

/// A number as one would write it: very small and very large ones with a power of ten.
fn number(x: f64) -> String {
    if x == 0.0 || (1e-4..1e9).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// Text for people, as wide as their terminal.
struct Page<'l> {
    library: &'l Library,
    text: String,
    /// Columns; lines are not broken when nobody looks at them on a terminal.
    width: Option<usize>,
    colour: bool,
}

/// Names longer than this push their description to the right.
const NAME_COLUMNS: usize = 34;
/// Wider lines are tiring to read.
const WIDEST: usize = 110;

#[derive(Clone, Copy)]
enum Ink {
    Plain,
    Bold,
    Faint,
    Red,
}

impl<'l> Page<'l> {
    fn new(library: &'l Library) -> Self {
        let is_terminal = std::io::stdout().is_terminal();
        let width = terminal_size::terminal_size().map_or(WIDEST, |(width, _)| usize::from(width.0).min(WIDEST));
        let colour = is_terminal && report::colours();
        Self { library, text: String::new(), width: is_terminal.then_some(width), colour }
    }

    /// All of a kind.
    fn shelf(&mut self, kind: PluginKind, entries: &[CatalogueItem]) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let heading = self.ink(kind.folder(), Ink::Bold);
        let _ = writeln!(self.text, "{heading}");
        if entries.is_empty() {
            self.text.push_str("  none\n");
        }
        let names = entries.iter().map(|entry| entry.info.name.width());
        let column = names.filter(|width| *width <= NAME_COLUMNS).max().unwrap_or(0) + 4;
        for entry in entries {
            let name = report::plain(&entry.info.name);
            let gap = " ".repeat(column.saturating_sub(2 + name.width()).max(2));
            let lead = format!("  {}{gap}", self.ink(&name, Ink::Plain));
            match &entry.problem {
                Some(_) => self.block(&lead, column, &problem_line(entry), Ink::Red),
                None if kind == PluginKind::Lesson => self.block(&lead, column, &entry.title, Ink::Plain),
                None => self.block(&lead, column, &entry.info.description, Ink::Plain),
            }
            self.controls(entry, column);
            if entry.root > 0 {
                self.block(&" ".repeat(column), column, &self.origin(entry), Ink::Faint);
            }
        }
    }

    /// One with its page.
    fn whole(&mut self, kind: PluginKind, entry: &CatalogueItem) {
        let heading = self.ink(&report::plain(&entry.title), Ink::Bold);
        let _ = writeln!(self.text, "{heading}");
        self.block("", 0, &format!("{} «{}», {}", kind.label(), entry.info.name, self.origin(entry)), Ink::Faint);
        if entry.problem.is_some() {
            return self.block("", 0, &problem_line(entry), Ink::Red);
        }
        self.text.push('\n');
        let lines: Vec<&str> = entry.page.lines().skip_while(|line| line.starts_with("# ")).collect();
        for paragraph in lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()) {
            self.block("", 0, &paragraph.join(" "), Ink::Plain);
            self.text.push('\n');
        }
        self.block("  fn ", 5, &entry.signature, Ink::Plain);
        if kind != PluginKind::Lesson && entry.page != entry.info.description {
            self.block("    ", 4, &entry.info.description, Ink::Plain);
        }
        self.controls(entry, 4);
    }

    fn controls(&mut self, entry: &CatalogueItem, column: usize) {
        if !entry.info.controls.is_empty() {
            let words: Vec<String> = entry.info.controls.iter().map(in_words).collect();
            self.block(&" ".repeat(column), column, &words.join(" · "), Ink::Faint);
        }
    }

    /// Where an entry comes from and what it hides.
    fn origin(&self, entry: &CatalogueItem) -> String {
        let hidden = entry.hides.iter().map(|&root| match root {
            0 => "the built-in one".to_owned(),
            root => format!("the one in {}", root_name(self.library, root)),
        });
        let file = match entry.root {
            0 => "built-in".to_owned(),
            root => format!("from {}", Path::new(&self.library.roots[root].name).join(&entry.path).display()),
        };
        match hidden.collect::<Vec<_>>().join(" and ") {
            hidden if hidden.is_empty() => file,
            hidden => format!("{file}; hides {hidden}"),
        }
    }

    /// A paragraph after a lead, wrapped, with later lines at a column. The text of scripts is made harmless.
    fn block(&mut self, lead: &str, column: usize, text: &str, ink: Ink) {
        let text = report::plain(text);
        let columns = self.width.map_or(usize::MAX, |width| width.saturating_sub(column).max(20));
        for (i, line) in wrap(&text, columns).into_iter().enumerate() {
            let line = self.ink(&line, ink);
            let _ = if i == 0 {
                writeln!(self.text, "{lead}{line}")
            } else {
                writeln!(self.text, "{}{line}", " ".repeat(column))
            };
        }
    }

    fn ink(&self, text: &str, ink: Ink) -> String {
        match ink {
            Ink::Bold if self.colour => format!("\x1b[1m{text}\x1b[0m"),
            Ink::Faint if self.colour => format!("\x1b[2m{text}\x1b[0m"),
            Ink::Red if self.colour => format!("\x1b[31m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// What is wrong with an entry, in one line.
fn problem_line(entry: &CatalogueItem) -> String {
    let place = entry.problem.as_ref().and_then(|problem| problem.location.as_ref());
    let place = place.map(|location| format!(" ({location})")).unwrap_or_default();
    format!("{}{place}", entry.info.description)
}

/// A text in lines of at most so many columns, broken between words; longer words stay whole.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let at = lines.len() - 1;
        if lines[at].is_empty() {
            lines[at].push_str(word);
        } else if lines[at].width() + 1 + word.width() <= columns {
            lines[at].push(' ');
            lines[at].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_between_words_and_count_columns() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("überlänge", 4), ["überlänge"]);
        assert_eq!(wrap("日本 語", 5), ["日本", "語"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 0.01, 500.0, 1e-8, -0.5, 2.5e12].map(number);
        assert_eq!(texts, ["0", "0.01", "500", "1e-8", "-0.5", "2.5e12"]);
    }
}
