//! The values that the lines of a script have computed, for display at the ends of the lines.

use super::positions::{line_at, range_of};
use slowgrad_tape::Source;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Event;
use slowgrad_timeline::explain::script_mark;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Only this many events of a long computation are shown.
const MAX_EVENTS: usize = 512;
/// At most this many values are shown per line.
const MAX_VALUES_PER_LINE: usize = 3;
/// Significant digits.
const DIGITS: usize = 3;

/// Values by line, counted from 0.
pub(crate) type LineValues = BTreeMap<usize, Vec<String>>;

/// The values that the lines of `source` have computed up to an event, in the neuron, loss or parameter of that event.
/// Each line has its last few values.
pub(crate) fn line_values(timeline: &Timeline, event: usize, source: &Arc<Source>) -> LineValues {
    let address = timeline.address(event);
    let cell = timeline.cell(address.sample, address.phase, address.cell).unwrap_or(event..event + 1);
    let first = cell.start.max((event + 1).saturating_sub(MAX_EVENTS));
    let mut lines = LineValues::new();
    for event in first..=event {
        let Some((line, text)) = value(&timeline.event(event), source) else { continue };
        let values = lines.entry(line).or_default();
        // A loop computes the same line again.
        values.retain(|known| known.split(" = ").next() != text.split(" = ").next());
        values.push(text);
        if values.len() > MAX_VALUES_PER_LINE {
            values.remove(0);
        }
    }
    lines
}

/// The value of an event, with the line that it belongs to.
fn value(event: &Event, source: &Arc<Source>) -> Option<(usize, String)> {
    let mark = script_mark(event, DIGITS)?;
    let found = &mark.location.source;
    if !Arc::ptr_eq(found, source) && found != source {
        return None;
    }
    let last = range_of(mark.location.span, source).end.saturating_sub(1);
    let line = line_at(&super::document::plain(&source.text), last);
    let text = if mark.name.is_empty() { mark.value } else { format!("{} = {}", mark.name, mark.value) };
    Some((line, text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slowgrad_script::{Limits, Sandbox};
    use slowgrad_session::testing::shipped_library;
    use slowgrad_timeline::events::Phase;
    use slowgrad_timeline::number_format;

    #[test]
    fn lines_show_only_values_computed_so_far() {
        let sandbox = Sandbox::new(shipped_library(), Limits::default());
        let lesson = sandbox.open("lessons/welcome.rhai").expect("it is fine");
        let run = slowgrad_engine::run::Run::new(lesson.setup, lesson.parameters);
        let timeline = Timeline::new(Arc::new(run.record().expect("a step")));
        let loss = timeline.phase(Phase::Loss, Some(0)).expect("a loss");
        let marks: Vec<usize> = loss.filter(|at| timeline.event(*at).location.is_some()).collect();
        let source = Arc::clone(&timeline.event(marks[0]).location.expect("a place").source);
        let values_at = |at: usize| line_values(&timeline, at, &source);
        let first = values_at(marks[0]);
        assert_eq!(first.len(), 1);
        let all = values_at(marks[marks.len() - 1]);
        assert!(all.len() > 1 && first.keys().all(|line| all.contains_key(line)), "{all:?}");
        let result = number_format::number(timeline.event(marks[marks.len() - 1]).kind.result(), DIGITS);
        assert!(all.values().flatten().any(|text| text.ends_with(&result)), "{all:?} {result}");
        let other = Arc::new(Source { name: "other".into(), text: source.text.clone() });
        assert!(line_values(&timeline, marks[0], &other).is_empty());
    }
}
