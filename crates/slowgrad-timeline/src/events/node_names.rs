//! The names of a trace's nodes, as formulas use them.

use super::event::NamedValue;
use slowgrad_tape::{Instruction, Trace, ValueId};

/// The name of a node: an input's name, a constant's number, the variable of the script, or t₁, t₂, … in the order of the
/// operations.
pub(crate) fn name_of(trace: &Trace, id: ValueId) -> String {
    let node = trace.node(id);
    if node.op.arity() == 0 {
        let named = id.index() < trace.inputs();
        return if named {
            trace.input_name(id.index()).to_owned()
        } else {
            crate::number_format::number(node.constant, 6)
        };
    }
    if let Some(name) = trace.variable(id) {
        return distinct(trace, id, name);
    }
    let computed = trace.instructions().iter().filter(|instruction| matches!(instruction, Instruction::Compute(_)));
    let nth =
        computed.take_while(|instruction| !matches!(instruction, Instruction::Compute(other) if *other == id)).count();
    format!("t{}", nth + 1)
}

/// A variable's name, made distinct where several values have it: the optimizer state before and after an update is m and
/// m′, and the values of a variable in a loop are d₁, d₂, …
fn distinct(trace: &Trace, id: ValueId, name: &str) -> String {
    let is_same = |other: ValueId| trace.node(other).op.arity() > 0 && trace.variable(other) == Some(name);
    let last = |name: &'_ str| name.rsplit('.').next().map(str::to_owned);
    let is_input = |k: usize| last(trace.input_name(k)) == last(name);
    let starts = (0..trace.inputs()).any(is_input);
    let instructions = trace.instructions().iter().filter_map(|instruction| match instruction {
        Instruction::Compute(other) => Some(*other),
        Instruction::Ask(_) => None,
    });
    let same: Vec<ValueId> = instructions.filter(|other| is_same(*other)).collect();
    let nth = same.iter().position(|other| *other == id).unwrap_or(0);
    match (starts, same.len()) {
        (false, 1) => name.to_owned(),
        (true, 1..=3) => format!("{name}{}", "′".repeat(nth + 1)),
        _ => {
            let digits = (nth + 1).to_string();
            let lowered = digits.bytes().filter_map(|digit| char::from_u32(0x2080 + u32::from(digit - b'0')));
            // A name that ends in a digit already has an index.
            let gap = if name.ends_with(|c: char| c.is_ascii_digit()) { "," } else { "" };
            format!("{name}{gap}{}", lowered.collect::<String>())
        }
    }
}

/// A node's name and value.
pub(crate) fn named(trace: &Trace, values: &[f64], id: ValueId) -> NamedValue {
    NamedValue { name: name_of(trace, id), value: values[id.index()] }
}
