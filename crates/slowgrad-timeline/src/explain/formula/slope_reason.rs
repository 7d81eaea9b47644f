//! Why a slope is what it is, in words.

use crate::events::Named;
use crate::explain::words::{number, symbol};
use slowgrad_tape::Op;

/// A rule in words with the operands' names in place of a, b and c.
pub(super) fn spelled_rule(op: Op, operand: usize, operands: &[Named]) -> String {
    let rule: Vec<char> = op.derivative_text(operand).chars().collect();
    let mut out = String::new();
    for (i, &c) in rule.iter().enumerate() {
        let is_letter = |at: Option<&char>| at.is_some_and(|c| c.is_alphabetic());
        let alone = !is_letter(i.checked_sub(1).and_then(|i| rule.get(i))) && !is_letter(rule.get(i + 1));
        match "abc".find(c).and_then(|k| operands.get(k)).filter(|_| alone) {
            Some(operand) => out.push_str(&symbol(&operand.name).plain()),
            None => out.push(c),
        }
    }
    out
}

/// Why a local derivative is 0, 1 or −1, in a plain sentence.
pub(crate) fn why_slope(op: Op, of: &Named, operands: &[Named], into: usize, local: f64) -> Option<String> {
    let name = |k: usize| symbol(&operands[k].name).plain();
    let (own, result) = (name(into), symbol(&of.name).plain());
    let value = |k: usize| number(operands[k].value, 3);
    let is_plain = local == 0.0 || local.abs() == 1.0;
    if !is_plain {
        return None;
    }
    let sentence = match op {
        Op::Add => format!("The slope is 1: a sum grows by as much as {own}."),
        Op::Sub if into == 0 => format!("The slope is 1: the difference grows by as much as {own}."),
        Op::Sub => format!("The slope is −1: {own} is taken away."),
        Op::Neg => "The slope is −1: the sign is turned.".into(),
        Op::Mul if operands[0].name == operands[1].name => {
            format!("The slope of a product is its other factor, which is {own} once more: {}.", value(1 - into))
        }
        Op::Mul => {
            format!("The slope of a product is its other factor, and {} is {}.", name(1 - into), number(local, 3))
        }
        Op::Max | Op::Min => {
            let kind = if op == Op::Max { "larger" } else { "smaller" };
            let other = 1 - into;
            if local == 0.0 {
                format!("The slope is 0: {} is the {kind} one, and {own} has no part in the result.", name(other))
            } else {
                format!("The slope is 1: {own} is the {kind} one and is handed on as it is.")
            }
        }
        Op::Clamp if into == 0 && local == 0.0 => {
            format!("The slope is 0: {own} = {} is cut off at the limit.", value(0))
        }
        Op::Clamp if into == 0 => format!("The slope is 1: {own} lies within the limits and is handed on as it is."),
        Op::Floor | Op::Ceil | Op::Round | Op::Sign => {
            "The slope is 0: the result moves in stairs, flat between them.".into()
        }
        Op::Abs if local == 0.0 => format!("The slope is taken to be 0 at the kink, where {own} is 0."),
        Op::Abs => format!(
            "The slope is {}: {own} is {}.",
            number(local, 1),
            if local > 0.0 { "positive" } else { "negative" }
        ),
        Op::StopGradient => "stop_gradient makes it a constant to the chain rule.".into(),
        Op::Exp => format!("The slope of exp is its own value, and {result} is {}.", number(of.value, 3)),
        _ if local == 0.0 => {
            format!("The slope is 0 at {own} = {}: here {result} does not change with it.", value(into))
        }
        _ => format!("The slope is {} at {own} = {}.", number(local, 1), value(into)),
    };
    Some(sentence)
}
