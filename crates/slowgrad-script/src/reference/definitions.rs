//! The reference as Rhai definition files, for language servers.

use super::{Group, ReferenceItem, items};
use std::fmt::Write as _;

/// The first line of each definition file. A file without it was not generated and must not be overwritten.
pub const GENERATED_MARK: &str = "// Written by slowgrad definitions.";

/// The names and contents of all definition files. The output is deterministic.
pub fn definition_files() -> Vec<(&'static str, String)> {
    vec![
        ("slowgrad-functions.d.rhai", functions()),
        ("slowgrad-constants.d.rhai", constants()),
        ("slowgrad-operators.d.rhai", operators()),
        ("slowgrad-contracts.d.rhai", contracts()),
    ]
}

/// Appends a doc comment with description and example.
fn comment(text: &mut String, item: &ReferenceItem) {
    let _ = writeln!(text, "/// {}\n///\n/// ```", item.description);
    for line in item.example.lines() {
        let _ = writeln!(text, "/// {line}");
    }
    text.push_str("/// ```\n");
}

fn head() -> String {
    format!("{GENERATED_MARK}\nmodule static;\n")
}

/// Appends a function declaration, with `?` for any type as in Rhai's syntax.
fn declare(text: &mut String, item: &ReferenceItem, signature: &str) {
    text.push('\n');
    comment(text, item);
    let typed = signature.replace(": any", ": ?").replace("-> any", "-> ?");
    let result = if signature.contains("->") { "" } else { " -> ()" };
    let _ = writeln!(text, "fn {}{result};", typed.trim_start_matches("fn "));
}

fn functions() -> String {
    let mut text = head();
    for item in items().iter().filter(|item| item.group.is_native() && item.group != Group::Constants) {
        for signature in item.signatures {
            declare(&mut text, item, signature);
        }
    }
    text
}

fn constants() -> String {
    let mut text = head();
    for item in super::group(Group::Constants) {
        text.push('\n');
        comment(&mut text, item);
        let _ = writeln!(text, "const {}: number;", item.name);
    }
    text
}

fn operators() -> String {
    let mut text = head();
    for item in super::group(Group::Operators) {
        for signature in item.signatures {
            // `text + any -> text` becomes `op +(text, any) -> text;`. The operands `x` and `y` are Scalars.
            let Some((usage, result)) = signature.split_once(" -> ") else { continue };
            let kind = |operand: &str| match operand.trim() {
                "x" | "y" => "Scalar".to_owned(),
                "any" => "?".to_owned(),
                other => other.to_owned(),
            };
            let operator = if usage.contains("..=") { "..=" } else { item.name };
            let Some((left, right)) = usage.split_once(operator) else { continue };
            let operands: Vec<String> =
                [left, right].into_iter().filter(|side| !side.trim().is_empty()).map(kind).collect();
            text.push('\n');
            comment(&mut text, item);
            let _ = writeln!(text, "op {operator}({}) -> {result};", operands.join(", "));
        }
    }
    text
}

/// The functions that authors define and slowgrad calls, and the fields of their map arguments and results.
fn contracts() -> String {
    let mut text = head();
    for item in super::group(Group::Contracts) {
        for signature in item.signatures {
            declare(&mut text, item, signature);
        }
    }
    use super::Group;
    for fields in [Group::Context, Group::Layer, Group::LessonFields, Group::Conditions] {
        let _ = writeln!(text, "\n// {}", fields.title());
        for item in super::group(fields) {
            for signature in item.signatures {
                let _ = writeln!(text, "//   {signature} // {}", item.description);
            }
        }
    }
    text
}
