//! The reference as a Markdown page.

use super::numbers::KINKS;
use super::{Group, ReferenceItem, group};
use crate::bindings::numbers::operation;
use std::fmt::Write as _;

const HEAD: &str = "# Script reference

This page is generated from the table that also drives the editor's completion. A test runs every example.
[README.md](README.md) explains how to write scripts; this page lists everything they can use.

Types: a *Scalar* is a traced number. A plain *number* can be used wherever a Scalar is expected; with only plain numbers, the result is plain.
*int* is a whole number and *text* a string. *array*, *map* (`#{ … }`), *bool*, *range* and *function* (`|x| …`) are Rhai's types. *any* is a
value of any type. Functions can also be called as methods of their first argument: `sum(list)` is `list.sum()`. In a line with `// …` the
comment is the result; a final `…` stands for more digits.
";

const KINK_HEAD: &str = "
## Derivatives at kinks

At a corner or a jump of a function, the derivative follows PyTorch.

| function | at | derivative |
| --- | --- | --- |
";

/// The whole page. The output is deterministic.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for section in Group::ALL {
        let _ = write!(page, "\n## {}\n", section.title());
        for item in group(section) {
            write_item(&mut page, item);
        }
        if section == Group::Numbers {
            page.push_str(KINK_HEAD);
            for kink in KINKS {
                let functions: Vec<String> = split(kink.function).iter().map(|call| format!("`{call}`")).collect();
                let _ = writeln!(page, "| {} | {} | {} |", functions.join(", "), kink.point, kink.derivative);
            }
        }
    }
    page
}

/// Splits a list of calls such as `max(x, y), min(x, y)`.
fn split(functions: &str) -> Vec<String> {
    functions
        .split("), ")
        .map(|call| if call.contains('(') && !call.ends_with(')') { format!("{call})") } else { call.to_owned() })
        .collect()
}

fn write_item(page: &mut String, item: &ReferenceItem) {
    let _ = write!(page, "\n### `{}`\n\n", item.name);
    for (i, signature) in item.signatures.iter().enumerate() {
        let _ = write!(page, "{}`{signature}`", if i == 0 { "" } else { "<br>\n" });
    }
    let _ = write!(page, "\n\n{}", item.description);
    if matches!(item.group, Group::Numbers | Group::Operators)
        && let Some(op) = operation(item.name).filter(|op| op.arity() > 0)
    {
        let rules: Vec<String> = (0..op.arity()).map(|k| format!("`{}`", op.derivative_text(k))).collect();
        let of_each = if rules.len() == 1 { "" } else { " with respect to each operand" };
        let _ = write!(page, " Derivative{of_each}, for operands a, b, c and result y: {}.", rules.join(", "));
    }
    let _ = write!(page, "\n\n```rhai\n{}\n```\n", item.example);
}
