//! The mark of the running operation in its script.
//!
//! It must not know how the script is drawn.

use crate::events::{Event, EventKind};
use crate::explain::symbols;
use crate::number_format;
use crate::scene::ScriptMark;

/// The expression of an event in its script, with its result. `None` for events that come from no script.
pub fn script_mark(event: &Event, digits: usize) -> Option<ScriptMark> {
    let location = event.location.clone()?;
    let number = |x| number_format::number(x, digits);
    let (name, value) = match &event.kind {
        EventKind::Operation { result, .. } => (symbols::symbol(&result.name).plain(), number(result.value)),
        EventKind::Compare { compare, a, b, answer } => {
            let [a, b] = [a, b].map(|operand| symbols::symbol(&operand.name).plain());
            (format!("{a} {} {b}", compare.symbol()), if *answer { "yes".into() } else { "no".into() })
        }
        EventKind::Chain { operands, into, after, .. } => {
            let of = symbols::differentiated(event.address.phase);
            let operand = operands.get(*into).map_or(String::new(), |operand| symbols::symbol(&operand.name).plain());
            (format!("∂{of}/∂{operand}"), number(*after))
        }
        other => (String::new(), number(other.result())),
    };
    Some(ScriptMark { location, value, name })
}
