//! Why a local derivative is 0, 1 or −1, in a sentence.
//!
//! It must not know networks: it explains single operations.

use crate::events::NamedValue;
use crate::explain::symbols::symbol;
use crate::number_format::number;
use slowgrad_tape::Op;

/// A derivative rule in words, with the operands' names in place of a, b and c.
pub(super) fn rule_in_words(op: Op, operand: usize, operands: &[NamedValue]) -> String {
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

/// The reason for a local derivative of 0, 1 or −1. `None` for other values.
pub(crate) fn slope_reason(
    op: Op,
    of: &NamedValue,
    operands: &[NamedValue],
    into: usize,
    local: f64,
) -> Option<String> {
    let name = |k: usize| symbol(&operands[k].name).plain();
    let (own, result) = (name(into), symbol(&of.name).plain());
    let value = |k: usize| number(operands[k].value, 3);
    if local != 0.0 && local.abs() != 1.0 {
        return None;
    }
    let sentence = match op {
        Op::Add => format!("The slope is 1: the sum grows by as much as {own}."),
        Op::Sub if into == 0 => format!("The slope is 1: the difference grows by as much as {own}."),
        Op::Sub => format!("The slope is −1: {own} is subtracted."),
        Op::Neg => "The slope is −1: the sign is reversed.".into(),
        Op::Mul if operands[0].name == operands[1].name => {
            format!("The slope of a product is its other factor, here {own} again: {}.", value(1 - into))
        }
        Op::Mul => {
            format!("The slope of a product is its other factor, and {} is {}.", name(1 - into), number(local, 3))
        }
        Op::Max | Op::Min => {
            let kind = if op == Op::Max { "larger" } else { "smaller" };
            let other = 1 - into;
            if local == 0.0 {
                format!("The slope is 0: {} is {kind}, and {own} has no effect on the result.", name(other))
            } else {
                format!("The slope is 1: {own} is {kind}, and it is the result.")
            }
        }
        Op::Clamp if into == 0 && local == 0.0 => {
            format!("The slope is 0: {own} = {} is clamped to the limit.", value(0))
        }
        Op::Clamp if into == 0 => format!("The slope is 1: {own} is within the limits, and it is the result."),
        Op::Floor | Op::Ceil | Op::Round | Op::Sign => {
            "The slope is 0: the result is a step function, flat between its jumps.".into()
        }
        Op::Abs if local == 0.0 => format!("The slope at the kink, where {own} is 0, is defined as 0."),
        Op::Abs => format!(
            "The slope is {}: {own} is {}.",
            number(local, 1),
            if local > 0.0 { "positive" } else { "negative" }
        ),
        Op::StopGradient => "stop_gradient makes it a constant for the chain rule.".into(),
        Op::Exp => format!("The slope of exp is its own value, and {result} is {}.", number(of.value, 3)),
        _ if local == 0.0 => {
            format!("The slope is 0 at {own} = {}: here {result} does not change with it.", value(into))
        }
        _ => format!("The slope is {} at {own} = {}.", number(local, 1), value(into)),
    };
    Some(sentence)
}
