//! The reference as a page in Markdown.

use super::numbers::KINKS;
use super::{Entry, Group, group};
use crate::bindings::numbers::operation;
use std::fmt::Write as _;

const HEAD: &str = "# Script reference

This page is generated from the table that the editor's completion comes from; every example on it is run by a test.
[README.md](README.md) says how scripts are written; this page lists what they may name.

Types: a *Scalar* is a traced number; where one is taken, a plain *number* may stand, and the result of plain numbers is plain.
*int* is a whole number, *text* a string, *array*, *map* (`#{ … }`), *bool*, *range* and *function* (`|x| …`) are Rhai's, *any* is a value
of any type. Whatever takes something first may be written after it: `sum(list)` is `list.sum()`. In a line with `// …` the comment is
the result; `…` at its end stands for further digits.
";

const KINK_HEAD: &str = "
## Derivatives at kinks

Where a function has a corner or a jump, its derivative follows PyTorch.

| function | at | derivative |
| --- | --- | --- |
";

/// The whole page, the same bytes each time.
pub fn markdown() -> String {
    let mut page = HEAD.to_owned();
    for kind in Group::ALL {
        let _ = write!(page, "\n## {}\n", kind.title());
        for entry in group(kind) {
            write_entry(&mut page, entry);
        }
        if kind == Group::Numbers {
            page.push_str(KINK_HEAD);
            for kink in KINKS {
                let functions: Vec<String> = split(kink.function).iter().map(|one| format!("`{one}`")).collect();
                let _ = writeln!(page, "| {} | {} | {} |", functions.join(", "), kink.place, kink.derivative);
            }
        }
    }
    page
}

/// `max(x, y), min(x, y)` as its functions.
fn split(functions: &str) -> Vec<String> {
    functions
        .split("), ")
        .map(|one| if one.contains('(') && !one.ends_with(')') { format!("{one})") } else { one.to_owned() })
        .collect()
}

fn write_entry(page: &mut String, entry: &Entry) {
    let _ = write!(page, "\n### `{}`\n\n", entry.name);
    for (i, signature) in entry.signatures.iter().enumerate() {
        let _ = write!(page, "{}`{signature}`", if i == 0 { "" } else { "<br>\n" });
    }
    let _ = write!(page, "\n\n{}", entry.description);
    if matches!(entry.group, Group::Numbers | Group::Operators)
        && let Some(op) = operation(entry.name).filter(|op| op.arity() > 0)
    {
        let rules: Vec<String> = (0..op.arity()).map(|k| format!("`{}`", op.derivative_text(k))).collect();
        let by = if rules.len() == 1 { "" } else { " by each operand" };
        let _ = write!(page, " Derivative{by}, for operands a, b, c and result y: {}.", rules.join(", "));
    }
    let _ = write!(page, "\n\n```rhai\n{}\n```\n", entry.example);
}
