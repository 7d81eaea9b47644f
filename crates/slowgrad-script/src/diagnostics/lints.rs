//! Style warnings: correct code that may not do what its author intended.

use crate::diagnostics::captured_loop_variable::captured_loop_variables;
use crate::text::ScriptText;
use crate::text::lexer::TokenKind;
use slowgrad_tape::{Call, Diagnostic, Function};
use std::cell::RefCell;
use std::rc::Rc;

/// All warnings about a text.
pub(crate) fn lint(text: &Rc<ScriptText>) -> Vec<Diagnostic> {
    let negated = |&(start, end): &(usize, usize)| {
        let power = &text.source.text[start..end];
        let message = format!("`{power}` is the power of the negated number: unary minus binds tighter than `**`");
        let help = "write `-(x ** 2)` for the negated power, or `(-x) ** 2` to be clear";
        Diagnostic::warning("minus-before-power", message).at(text.location(text.range(start, end))).help(help)
    };
    let unused = |&(start, end, sign): &(usize, usize, usize)| {
        let (word, sign) = (&text.source.text[start..end], &text.source.text[sign..=sign]);
        let word = word.split(|ch: char| !ch.is_alphabetic()).next().filter(|word| !word.is_empty());
        let message = format!(
            "the value of this {} is discarded: `{sign}` starts a new statement",
            word.map_or_else(|| "block".to_owned(), |word| format!("`{word}`"))
        );
        let help = format!("put it in parentheses, `(…) {sign} x`, or give it a name with `let`");
        Diagnostic::warning("unused-value", message).at(text.location(text.range(start, end))).help(help)
    };
    let map = &text.source_map;
    let found = map.negated_bases.iter().map(negated).chain(map.unused.iter().map(unused));
    found.chain(whole_divisions(text)).chain(captured_loop_variables(text)).collect()
}

/// `1 / 2` with whole literals is 0 in Rhai, without a warning.
fn whole_divisions(text: &Rc<ScriptText>) -> Vec<Diagnostic> {
    let tokens: Vec<_> = text
        .tokens
        .iter()
        .filter(|token| !matches!(token.kind, TokenKind::Comment | TokenKind::DocComment))
        .map(|token| (token, &text.source.text[token.start..token.end]))
        .collect();
    let mut found = Vec::new();
    for (i, window) in tokens.windows(3).enumerate() {
        let [(first, a), (_, "/"), (last, b)] = window else { continue };
        let (Ok(a), Ok(b)) = (a.parse::<i64>(), b.parse::<i64>()) else { continue };
        let before = i.checked_sub(1).map_or("", |at| tokens[at].1);
        let after = tokens.get(i + 3).map_or("", |(_, word)| *word);
        // `x * 1 / 2` divides `x * 1`, and `1 / 2 ** n` divides by the power.
        if b == 0 || a % b == 0 || ["*", "/", "%", "**"].contains(&before) || after == "**" || after == "." {
            continue;
        }
        let message = format!("`{a} / {b}` divides whole numbers and gives {}", a / b);
        let help = format!("write `{a}.0 / {b}` for a result with a fraction");
        let location = text.location(text.range(first.start, last.end));
        found.push(Diagnostic::warning("whole-division", message).at(location).help(help));
    }
    found
}

/// Inputs listed in a message.
const MAX_NAMED_INPUTS: usize = 6;

/// Warns about the first operation of a call that gave NaN or an infinity.
pub(crate) fn not_finite(call: &Call, text: &ScriptText, function: &str) -> Option<Diagnostic> {
    let trace = &call.trace;
    let at = call.values.iter().position(|x| !x.is_finite())?;
    let location = trace.nodes()[at].site.and_then(|site| trace.location(&site));
    let location = location.unwrap_or_else(|| text.result_location(function, false));
    let mut inputs: Vec<String> = (0..trace.inputs())
        .take(MAX_NAMED_INPUTS)
        .map(|i| format!("{} = {}", trace.input_name(i), short_number(call.values[i])))
        .collect();
    if trace.inputs() > MAX_NAMED_INPUTS {
        inputs.push("…".to_owned());
    }
    let operation = location.span.text(&location.source).lines().next().unwrap_or_default().to_owned();
    let message = format!("`{operation}` gives {} for {}", non_finite_name(call.values[at]), inputs.join(", "));
    let help = "keep its input out of that range, for example with `max(x, 1e-6)` or an `if`";
    Some(Diagnostic::warning("not-finite", message).at(location).help(help))
}

/// A name for NaN or an infinity.
fn non_finite_name(x: f64) -> &'static str {
    if x.is_nan() { "NaN (not a number)" } else { "an infinite number" }
}

/// A number rounded for display.
fn short_number(x: f64) -> String {
    let rounded = format!("{x:.4}");
    let short = rounded.trim_end_matches('0').trim_end_matches('.');
    if x.is_finite() && (1e-3..1e6).contains(&x.abs()) { short.to_owned() } else { x.to_string() }
}

/// Whether the gradient of a loss with respect to any output is nonzero at one of these points.
pub(crate) fn depends_on_output(
    loss: &RefCell<Function>,
    points: &[Vec<f64>],
    outputs: usize,
) -> Result<bool, Box<Diagnostic>> {
    let mut grads = Vec::new();
    for point in points {
        let call = loss.borrow_mut().call(point)?;
        call.trace.backward(&call.values, &[1.0], &mut grads);
        if grads.iter().take(outputs).any(|grad| *grad != 0.0) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The warning that a loss does not depend on the network's output.
pub(crate) fn loss_without_output(text: &ScriptText) -> Diagnostic {
    let message = "this loss does not depend on `output`, so nothing can be learnt from it";
    let help =
        "compare `output` with `target`; `value(x)`, `stop_gradient(x)` and `floor` exclude a number from the gradient";
    Diagnostic::warning("loss-without-output", message).at(text.function_location("loss")).help(help)
}
