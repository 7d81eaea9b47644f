//! The reference as Rhai definition files, which language servers read.

use super::{Entry, Group, entries};
use std::fmt::Write as _;

/// The first line of each file, by which it is known again.
pub const MARK: &str = "// Written by slowgrad definitions.";

/// The definition files: their names and texts, the same bytes each time.
pub fn definition_files() -> Vec<(&'static str, String)> {
    vec![
        ("slowgrad-functions.d.rhai", functions()),
        ("slowgrad-constants.d.rhai", constants()),
        ("slowgrad-operators.d.rhai", operators()),
        ("slowgrad-contracts.d.rhai", contracts()),
    ]
}

/// A doc comment with description and example.
fn comment(text: &mut String, entry: &Entry) {
    let _ = writeln!(text, "/// {}\n///\n/// ```", entry.description);
    for line in entry.example.lines() {
        let _ = writeln!(text, "/// {line}");
    }
    text.push_str("/// ```\n");
}

fn head() -> String {
    format!("{MARK}\nmodule static;\n")
}

/// A function that is declared, with `?` for any type, as Rhai writes it.
fn declare(text: &mut String, entry: &Entry, signature: &str) {
    text.push('\n');
    comment(text, entry);
    let typed = signature.replace(": any", ": ?").replace("-> any", "-> ?");
    let result = if signature.contains("->") { "" } else { " -> ()" };
    let _ = writeln!(text, "fn {}{result};", typed.trim_start_matches("fn "));
}

fn functions() -> String {
    let mut text = head();
    for entry in entries().iter().filter(|entry| entry.group.is_native() && entry.group != Group::Constants) {
        for signature in entry.signatures {
            declare(&mut text, entry, signature);
        }
    }
    text
}

fn constants() -> String {
    let mut text = head();
    for entry in super::group(Group::Constants) {
        text.push('\n');
        comment(&mut text, entry);
        let _ = writeln!(text, "const {}: number;", entry.name);
    }
    text
}

fn operators() -> String {
    let mut text = head();
    for entry in super::group(Group::Operators) {
        for signature in entry.signatures {
            // `text + any -> text` is `op +(text, any) -> text;` there, and a name of an operand is a Scalar.
            let Some((use_of, result)) = signature.split_once(" -> ") else { continue };
            let kind = |operand: &str| match operand.trim() {
                "x" | "y" => "Scalar".to_owned(),
                "any" => "?".to_owned(),
                other => other.to_owned(),
            };
            let operator = if use_of.contains("..=") { "..=" } else { entry.name };
            let Some((left, right)) = use_of.split_once(operator) else { continue };
            let operands: Vec<String> =
                [left, right].into_iter().filter(|side| !side.trim().is_empty()).map(kind).collect();
            text.push('\n');
            comment(&mut text, entry);
            let _ = writeln!(text, "op {operator}({}) -> {result};", operands.join(", "));
        }
    }
    text
}

/// What an author writes and slowgrad calls, and the fields of the maps that are handed to and fro.
fn contracts() -> String {
    let mut text = head();
    for entry in super::group(Group::Contracts) {
        for signature in entry.signatures {
            declare(&mut text, entry, signature);
        }
    }
    use super::Group;
    for fields in [Group::Context, Group::LessonFields, Group::Conditions] {
        let _ = writeln!(text, "\n// {}", fields.title());
        for entry in super::group(fields) {
            for signature in entry.signatures {
                let _ = writeln!(text, "//   {signature} // {}", entry.description);
            }
        }
    }
    text
}
