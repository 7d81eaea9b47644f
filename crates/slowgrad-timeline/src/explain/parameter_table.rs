//! All parameters of a step as a table: value, gradient, optimizer state and change.
//!
//! Rows are computed on request and in any order, so that a table of a hundred thousand rows costs only its visible rows.
//! It must not know how a table is drawn.

use super::symbols;
use super::words::level;
use crate::scene::{Ink, Target};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;
use std::cmp::Ordering;
use std::ops::Range;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterColumn {
    /// The parameter's symbol. Sorts in the order of the network.
    Name,
    /// The value before the step.
    Value,
    /// The gradient that the optimizer received.
    Gradient,
    /// A field of the optimizer's state after the step.
    State(usize),
    /// The difference that the step made to the value.
    Change,
}

impl ParameterColumn {
    /// The columns of a step's table, from left to right.
    pub fn all(step: &RecordedStep) -> Vec<ParameterColumn> {
        let state = (0..step.names.state.len()).map(ParameterColumn::State);
        [ParameterColumn::Name, ParameterColumn::Value, ParameterColumn::Gradient]
            .into_iter()
            .chain(state)
            .chain([ParameterColumn::Change])
            .collect()
    }

    /// The heading.
    pub fn heading(self, step: &RecordedStep) -> String {
        match self {
            ParameterColumn::Name => "parameter".into(),
            ParameterColumn::Value => "value".into(),
            ParameterColumn::Gradient => "gradient".into(),
            ParameterColumn::State(field) => {
                step.names.state.get(field).map_or_else(String::new, |name| symbols::symbol(name).plain())
            }
            ParameterColumn::Change => "change".into(),
        }
    }

    /// A description for a tooltip.
    pub fn help(self, step: &RecordedStep) -> String {
        let optimizer = &step.names.optimizer;
        match self {
            ParameterColumn::Name => "The parameter, in the order of the network".into(),
            ParameterColumn::Value => format!("The value before step {}", step.step),
            ParameterColumn::Gradient => format!("The gradient that {optimizer} received"),
            ParameterColumn::State(_) => format!("The state of {optimizer} after step {}", step.step),
            ParameterColumn::Change => format!("The change in step {}", step.step),
        }
    }

    /// The number in a row, given the parameter's flat index.
    pub fn number(self, step: &RecordedStep, parameter: usize) -> f64 {
        match self {
            ParameterColumn::Name => parameter as f64,
            ParameterColumn::Value => step.before.values[parameter],
            ParameterColumn::Gradient => step.grads[parameter],
            ParameterColumn::State(field) => step.after.state[field][parameter],
            ParameterColumn::Change => step.after.values[parameter] - step.before.values[parameter],
        }
    }

    /// The colour of a number in this column.
    pub fn ink(self, x: f64) -> Ink {
        match self {
            ParameterColumn::Name => Ink::Text,
            ParameterColumn::Value => Ink::Weight(level(x)),
            ParameterColumn::Gradient => Ink::Gradient(level(x)),
            ParameterColumn::State(_) | ParameterColumn::Change => Ink::Update(level(x)),
        }
    }
}

/// A parameter's symbol and its layer, which counts from 1. `parameter` is a flat index.
pub fn name(step: &RecordedStep, parameter: usize) -> (String, usize) {
    let at = step.shape.parameter(parameter);
    (symbols::parameter(&step.shape, at).plain(), at.layer + 1)
}

/// The element of the network that a parameter is. `parameter` is a flat index.
pub fn target(step: &RecordedStep, parameter: usize) -> Target {
    step.shape.parameter(parameter).into()
}

/// The flat index of an element of the network. `None` if it is no parameter, or the network has no such element.
pub fn index(step: &RecordedStep, target: Target) -> Option<usize> {
    let at = match target {
        Target::Weight { layer, neuron, input } => Parameter { layer, neuron, input: Some(input) },
        Target::Bias { layer, neuron } => Parameter { layer, neuron, input: None },
        Target::Input(_) | Target::Neuron { .. } | Target::Loss => return None,
    };
    step.shape.has(at).then(|| step.shape.index(at))
}

/// The direction in which a column is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SortDirection {
    /// The largest first.
    Descending,
    /// The smallest first.
    Ascending,
    /// The largest absolute value first.
    Magnitude,
}

/// The column and the direction that a table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SortOrder {
    /// The column.
    pub column: ParameterColumn,
    /// The direction.
    pub direction: SortDirection,
}

impl Default for SortOrder {
    fn default() -> Self {
        Self { column: ParameterColumn::Name, direction: SortDirection::Ascending }
    }
}

impl SortOrder {
    /// The order after a click on a heading. Another column starts with its largest numbers; the same column changes its
    /// direction.
    #[must_use]
    pub fn clicked(self, column: ParameterColumn) -> Self {
        let direction = match (self.column == column, self.direction, column) {
            (false, _, ParameterColumn::Name) => SortDirection::Ascending,
            (false, _, _) => SortDirection::Descending,
            (true, SortDirection::Descending, _) => SortDirection::Ascending,
            (true, SortDirection::Ascending, ParameterColumn::Name) => SortDirection::Descending,
            (true, SortDirection::Ascending, _) => SortDirection::Magnitude,
            (true, SortDirection::Magnitude, _) => SortDirection::Descending,
        };
        Self { column, direction }
    }

    fn compare(self, step: &RecordedStep, a: u32, b: u32) -> Ordering {
        let number = |parameter: u32| self.column.number(step, parameter as usize);
        let by_number = match self.direction {
            SortDirection::Descending => number(b).total_cmp(&number(a)),
            SortDirection::Ascending => number(a).total_cmp(&number(b)),
            SortDirection::Magnitude => number(b).abs().total_cmp(&number(a).abs()),
        };
        // Equal numbers are in the order of the network.
        by_number.then(a.cmp(&b))
    }

    /// The row of a parameter in the sorted table. Takes time in proportion to the number of parameters.
    pub fn rank(self, step: &RecordedStep, parameter: usize) -> usize {
        if self == Self::default() {
            return parameter;
        }
        let all = 0..step.shape.parameters() as u32;
        all.filter(|&other| self.compare(step, other, parameter as u32) == Ordering::Less).count()
    }
}

/// A table of which only the requested rows are sorted.
#[derive(Debug, Clone, Default)]
pub struct SortedRows {
    rows: Vec<u32>,
}

impl SortedRows {
    /// The flat indices of the parameters in a range of rows. Takes time in proportion to the number of parameters.
    pub fn rows(&mut self, step: &RecordedStep, sorting: SortOrder, range: Range<usize>) -> &[u32] {
        let count = step.shape.parameters();
        let range = range.start.min(count)..range.end.min(count);
        if self.rows.len() != count {
            self.rows = (0..count as u32).collect();
        }
        let compare = |a: &u32, b: &u32| sorting.compare(step, *a, *b);
        if range.is_empty() {
            return &[];
        }
        // Partition the parameters above the range, then those below it, and sort only the rest.
        let (_, _, _) = self.rows.select_nth_unstable_by(range.start, compare);
        let below = &mut self.rows[range.start..];
        let (_, _, _) = below.select_nth_unstable_by(range.len() - 1, compare);
        let requested = &mut below[..range.len()];
        requested.sort_unstable_by(compare);
        requested
    }
}
