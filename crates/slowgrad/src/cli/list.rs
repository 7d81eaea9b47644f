//! `slowgrad list`: lists lessons and plugins with their descriptions, controls and origins.

use super::{Failure, kind, output, report};
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
    let library = library::library_of_folder(Path::new(".")).map_err(|error| Failure::new(error.to_string()))?;
    let sandbox = Sandbox::new(library.clone(), limits);
    let kinds = PluginKind::ALL.into_iter().filter(|kind| args.kind.is_none_or(|only| only == *kind));
    let mut sections: Vec<(PluginKind, Vec<CatalogueItem>)> =
        kinds.map(|kind| (kind, sandbox.catalogue(kind))).collect();
    for (kind, entries) in &mut sections {
        if *kind == PluginKind::Lesson {
            shipped::order_lessons(entries);
        }
    }
    if let (Some(name), Some((kind, entries))) = (&args.name, sections.first_mut()) {
        let name = name.strip_suffix(".rhai").unwrap_or(name);
        let Some(index) = entries.iter().position(|entry| entry.info.name == name) else {
            let suggestion = match library::nearest(name, entries.iter().map(|entry| entry.info.name.as_str())) {
                Some(near) => format!("; did you mean «{near}»?"),
                None => format!("; `slowgrad list {}` lists all", kind::word(*kind)),
            };
            return Err(Failure::new(format!("there is no {} named «{name}»{suggestion}", kind.label())));
        };
        *entries = vec![entries.swap_remove(index)];
    }
    if args.json {
        let rows: Vec<JsonEntry<'_>> = sections
            .iter()
            .flat_map(|(kind, entries)| entries.iter().map(|entry| JsonEntry::new(*kind, entry, &library)))
            .collect();
        let text = serde_json::to_string_pretty(&rows).map_err(|error| Failure::new(error.to_string()))?;
        return output::print(&format!("{text}\n"));
    }
    let mut formatter = ListFormatter::new(&library);
    match (&args.name, sections.first()) {
        (Some(_), Some((kind, entries))) => entries.iter().for_each(|entry| formatter.entry(*kind, entry)),
        _ => sections.iter().for_each(|(kind, entries)| formatter.section(*kind, entries)),
    }
    output::print(&formatter.text)
}

/// The name of a root in the output.
fn root_name(library: &Library, root: usize) -> &str {
    if root == 0 { "built-in" } else { &library.roots[root].name }
}

/// An entry of the JSON output.
#[derive(Debug, Serialize)]
struct JsonEntry<'e> {
    kind: String,
    name: &'e str,
    title: &'e str,
    description: &'e str,
    signature: &'e str,
    page: &'e str,
    controls: Vec<JsonControl<'e>>,
    root: &'e str,
    path: &'e str,
    hides: Vec<&'e str>,
    problem: Option<JsonProblem<'e>>,
}

#[derive(Debug, Serialize)]
struct JsonControl<'e> {
    name: &'e str,
    #[serde(flatten)]
    value: JsonControlValue<'e>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum JsonControlValue<'e> {
    Slider { value: f64, min: f64, max: f64, log: bool },
    Toggle { value: bool },
    Choice { value: &'e str, options: &'e [String] },
}

#[derive(Debug, Serialize)]
struct JsonProblem<'e> {
    code: &'e str,
    message: &'e str,
    line: Option<u32>,
    column: Option<u32>,
}

impl<'e> JsonEntry<'e> {
    fn new(kind: PluginKind, entry: &'e CatalogueItem, library: &'e Library) -> Self {
        let control = |control: &'e Control| JsonControl { name: &control.name, value: json_value(&control.kind) };
        let problem = entry.problem.as_ref().map(|problem| {
            let span = problem.location.as_ref().map(|location| location.span);
            let (line, column) = (span.map(|span| span.line), span.map(|span| span.column));
            JsonProblem { code: problem.code, message: &problem.message, line, column }
        });
        JsonEntry {
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

fn json_value(kind: &ControlKind) -> JsonControlValue<'_> {
    match kind {
        &ControlKind::Slider { value, min, max, log } => JsonControlValue::Slider { value, min, max, log },
        &ControlKind::Toggle { value } => JsonControlValue::Toggle { value },
        ControlKind::Choice { value, options } => JsonControlValue::Choice { value, options },
    }
}

/// A control as text: `slope 0.01 (0 to 1)`.
fn format_control(control: &Control) -> String {
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

/// A number, in scientific notation if it is very small or very large.
fn number(x: f64) -> String {
    if x == 0.0 || (1e-4..1e9).contains(&x.abs()) { x.to_string() } else { format!("{x:e}") }
}

/// Formats the list as text for a terminal.
struct ListFormatter<'l> {
    library: &'l Library,
    text: String,
    /// The number of columns; lines are not wrapped if the output is not a terminal.
    width: Option<usize>,
    colour: bool,
}

/// The maximum width of the name column. A longer name moves its own description to the right.
const MAX_NAME_COLUMNS: usize = 34;
/// The maximum width of a line, for readability.
const MAX_COLUMNS: usize = 110;

#[derive(Clone, Copy)]
enum AnsiStyle {
    Plain,
    Bold,
    Faint,
    Red,
}

impl<'l> ListFormatter<'l> {
    fn new(library: &'l Library) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let width =
            terminal_size::terminal_size().map_or(MAX_COLUMNS, |(width, _)| usize::from(width.0).min(MAX_COLUMNS));
        let colour = terminal && report::colours_allowed();
        Self { library, text: String::new(), width: terminal.then_some(width), colour }
    }

    /// Adds all entries of a kind.
    fn section(&mut self, kind: PluginKind, entries: &[CatalogueItem]) {
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let heading = self.styled(kind.folder(), AnsiStyle::Bold);
        let _ = writeln!(self.text, "{heading}");
        if entries.is_empty() {
            self.text.push_str("  none\n");
        }
        let names = entries.iter().map(|entry| entry.info.name.width());
        let column = names.filter(|width| *width <= MAX_NAME_COLUMNS).max().unwrap_or(0) + 4;
        for entry in entries {
            let name = report::sanitize_line(&entry.info.name);
            let gap = " ".repeat(column.saturating_sub(2 + name.width()).max(2));
            let prefix = format!("  {}{gap}", self.styled(&name, AnsiStyle::Plain));
            match &entry.problem {
                Some(_) => self.block(&prefix, column, &problem_line(entry), AnsiStyle::Red),
                None if kind == PluginKind::Lesson => self.block(&prefix, column, &entry.title, AnsiStyle::Plain),
                None => self.block(&prefix, column, &entry.info.description, AnsiStyle::Plain),
            }
            self.controls(entry, column);
            if entry.root > 0 {
                self.block(&" ".repeat(column), column, &self.origin(entry), AnsiStyle::Faint);
            }
        }
    }

    /// Adds one entry with its documentation.
    fn entry(&mut self, kind: PluginKind, entry: &CatalogueItem) {
        let heading = self.styled(&report::sanitize_line(&entry.title), AnsiStyle::Bold);
        let _ = writeln!(self.text, "{heading}");
        self.block("", 0, &format!("{} «{}», {}", kind.label(), entry.info.name, self.origin(entry)), AnsiStyle::Faint);
        if entry.problem.is_some() {
            return self.block("", 0, &problem_line(entry), AnsiStyle::Red);
        }
        self.text.push('\n');
        let lines: Vec<&str> = entry.page.lines().skip_while(|line| line.starts_with("# ")).collect();
        for paragraph in lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty()) {
            self.block("", 0, &paragraph.join(" "), AnsiStyle::Plain);
            self.text.push('\n');
        }
        self.block("  fn ", 5, &entry.signature, AnsiStyle::Plain);
        if kind != PluginKind::Lesson && entry.page != entry.info.description {
            self.block("    ", 4, &entry.info.description, AnsiStyle::Plain);
        }
        self.controls(entry, 4);
    }

    fn controls(&mut self, entry: &CatalogueItem, column: usize) {
        if !entry.info.controls.is_empty() {
            let controls: Vec<String> = entry.info.controls.iter().map(format_control).collect();
            self.block(&" ".repeat(column), column, &controls.join(" · "), AnsiStyle::Faint);
        }
    }

    /// The origin of an entry, and the entries that it hides.
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

    /// Adds a wrapped paragraph: the prefix before the first line, and spaces up to `column` before the others. Control
    /// characters in `text` are removed.
    fn block(&mut self, prefix: &str, column: usize, text: &str, style: AnsiStyle) {
        let text = report::sanitize_line(text);
        let columns = self.width.map_or(usize::MAX, |width| width.saturating_sub(column).max(20));
        for (i, line) in wrap(&text, columns).into_iter().enumerate() {
            let line = self.styled(&line, style);
            let _ = if i == 0 {
                writeln!(self.text, "{prefix}{line}")
            } else {
                writeln!(self.text, "{}{line}", " ".repeat(column))
            };
        }
    }

    fn styled(&self, text: &str, style: AnsiStyle) -> String {
        match style {
            AnsiStyle::Bold if self.colour => format!("\x1b[1m{text}\x1b[0m"),
            AnsiStyle::Faint if self.colour => format!("\x1b[2m{text}\x1b[0m"),
            AnsiStyle::Red if self.colour => format!("\x1b[31m{text}\x1b[0m"),
            _ => text.to_owned(),
        }
    }
}

/// The error of an entry in one line.
fn problem_line(entry: &CatalogueItem) -> String {
    let location = entry.problem.as_ref().and_then(|problem| problem.location.as_ref());
    let location = location.map(|location| format!(" ({location})")).unwrap_or_default();
    format!("{}{location}", entry.info.description)
}

/// Wraps text between words into lines of at most `columns` columns. Longer words are not split.
fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        if lines[last].is_empty() {
            lines[last].push_str(word);
        } else if lines[last].width() + 1 + word.width() <= columns {
            lines[last].push(' ');
            lines[last].push_str(word);
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
    fn lines_are_wrapped_between_words_by_columns() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("überlänge", 4), ["überlänge"]);
        assert_eq!(wrap("日本 語", 5), ["日本", "語"]);
        assert_eq!(wrap("", 5), [""]);
    }

    #[test]
    fn numbers_are_formatted_briefly() {
        let texts = [0.0, 0.01, 500.0, 1e-8, -0.5, 2.5e12].map(number);
        assert_eq!(texts, ["0", "0.01", "500", "1e-8", "-0.5", "2.5e12"]);
    }
}
