//! All parameters of a step as a table: what each is, its gradient, the optimizer's state and how far it moved.
//!
//! Rows are asked for one by one and in any order, so that a table of a hundred thousand rows costs what is seen of it.
//! It must not know how a table is drawn.

use crate::events::Cell;
use crate::explain::words::{self, level};
use crate::scene::{Ink, Target};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;
use std::cmp::Ordering;
use std::ops::Range;

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Column {
    /// Which parameter: in the order of the network.
    Name,
    /// Its value before the step.
    Value,
    /// The gradient that the optimizer got.
    Gradient,
    /// A field of the optimizer's state after the step.
    State(usize),
    /// How far the step moved it.
    Change,
}

impl Column {
    /// The columns of a step's table, from the left.
    pub fn all(step: &RecordedStep) -> Vec<Column> {
        let state = (0..step.names.state.len()).map(Column::State);
        [Column::Name, Column::Value, Column::Gradient].into_iter().chain(state).chain([Column::Change]).collect()
    }

    /// Its heading.
    pub fn heading(self, step: &RecordedStep) -> String {
        match self {
            Column::Name => "parameter".into(),
            Column::Value => "value".into(),
            Column::Gradient => "gradient".into(),
            Column::State(field) => {
                step.names.state.get(field).map_or_else(String::new, |name| words::symbol(name).plain())
            }
            Column::Change => "change".into(),
        }
    }

    /// What it shows, in a sentence.
    pub fn help(self, step: &RecordedStep) -> String {
        let optimizer = &step.names.optimizer;
        match self {
            Column::Name => "Which parameter, in the order of the network".into(),
            Column::Value => format!("Its value before step {}", step.step),
            Column::Gradient => format!("The gradient that {optimizer} got"),
            Column::State(_) => format!("What {optimizer} keeps of it after step {}", step.step),
            Column::Change => format!("How far step {} moved it", step.step),
        }
    }

    /// The number in a row, by the parameter's flat index.
    pub fn number(self, step: &RecordedStep, parameter: usize) -> f64 {
        match self {
            Column::Name => parameter as f64,
            Column::Value => step.before.values[parameter],
            Column::Gradient => step.grads[parameter],
            Column::State(field) => step.after.state[field][parameter],
            Column::Change => step.after.values[parameter] - step.before.values[parameter],
        }
    }

    /// The colour of a number in it.
    pub fn ink(self, x: f64) -> Ink {
        match self {
            Column::Name => Ink::Text,
            Column::Value => Ink::Weight(level(x)),
            Column::Gradient => Ink::Gradient(level(x)),
            Column::State(_) | Column::Change => Ink::Update(level(x)),
        }
    }
}

/// A parameter's symbol and the layer it belongs to, from 1.
pub fn name(step: &RecordedStep, parameter: usize) -> (String, usize) {
    let Parameter { layer, neuron, input } = step.shape.parameter(parameter);
    (words::parameter(step, Cell::Parameter { layer, neuron, input }).plain(), layer + 1)
}

/// What of the network a parameter is.
pub fn target(step: &RecordedStep, parameter: usize) -> Target {
    match step.shape.parameter(parameter) {
        Parameter { layer, neuron, input: Some(input) } => Target::Weight { layer, neuron, input },
        Parameter { layer, neuron, input: None } => Target::Bias { layer, neuron },
    }
}

/// The parameter that a part of the network is, by its flat index.
pub fn index(step: &RecordedStep, target: Target) -> Option<usize> {
    let (layer, neuron, input) = match target {
        Target::Weight { layer, neuron, input } => (layer, neuron, Some(input)),
        Target::Bias { layer, neuron } => (layer, neuron, None),
        Target::Input(_) | Target::Neuron { .. } | Target::Loss => return None,
    };
    let shape = &step.shape;
    let exists =
        layer < shape.layers() && neuron < shape.size(layer) && input.is_none_or(|input| input < shape.fan_in(layer));
    exists.then(|| shape.index(Parameter { layer, neuron, input }))
}

/// Which way a column is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The largest first.
    Falling,
    /// The smallest first.
    Rising,
    /// Those that are furthest from 0 first, whatever their sign.
    Size,
}

/// By what a table is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sorting {
    /// The column.
    pub column: Column,
    /// Which way.
    pub direction: Direction,
}

impl Default for Sorting {
    fn default() -> Self {
        Self { column: Column::Name, direction: Direction::Rising }
    }
}

impl Sorting {
    /// What a click on a heading makes of it: another column starts with its largest numbers, the same one turns.
    #[must_use]
    pub fn clicked(self, column: Column) -> Self {
        let direction = match (self.column == column, self.direction, column) {
            (false, _, Column::Name) => Direction::Rising,
            (false, _, _) => Direction::Falling,
            (true, Direction::Falling, _) => Direction::Rising,
            (true, Direction::Rising, Column::Name) => Direction::Falling,
            (true, Direction::Rising, _) => Direction::Size,
            (true, Direction::Size, _) => Direction::Falling,
        };
        Self { column, direction }
    }

    fn compare(self, step: &RecordedStep, a: u32, b: u32) -> Ordering {
        let number = |parameter: u32| self.column.number(step, parameter as usize);
        let by_number = match self.direction {
            Direction::Falling => number(b).total_cmp(&number(a)),
            Direction::Rising => number(a).total_cmp(&number(b)),
            Direction::Size => number(b).abs().total_cmp(&number(a).abs()),
        };
        // Equal numbers stand in the order of the network.
        by_number.then(a.cmp(&b))
    }

    /// The place of a parameter in the sorted table.
    pub fn rank(self, step: &RecordedStep, parameter: usize) -> usize {
        if self == Self::default() {
            return parameter;
        }
        let all = 0..step.shape.parameters() as u32;
        all.filter(|&other| self.compare(step, other, parameter as u32) == Ordering::Less).count()
    }
}

/// A sorted table of which only some rows are put in order: those that are seen.
#[derive(Debug, Clone, Default)]
pub struct Order {
    rows: Vec<u32>,
}

impl Order {
    /// The parameters in these rows, by their flat index. Takes time in proportion to all parameters, not more.
    pub fn rows(&mut self, step: &RecordedStep, sorting: Sorting, wanted: Range<usize>) -> &[u32] {
        let count = step.shape.parameters();
        let wanted = wanted.start.min(count)..wanted.end.min(count);
        if self.rows.len() != count {
            self.rows = (0..count as u32).collect();
        }
        let compare = |a: &u32, b: &u32| sorting.compare(step, *a, *b);
        if wanted.is_empty() {
            return &[];
        }
        // What belongs above the first row goes there, then what belongs below the last one; the rest is sorted.
        let (_, _, _) = self.rows.select_nth_unstable_by(wanted.start, compare);
        let below = &mut self.rows[wanted.start..];
        let (_, _, _) = below.select_nth_unstable_by(wanted.len() - 1, compare);
        let seen = &mut below[..wanted.len()];
        seen.sort_unstable_by(compare);
        seen
    }
}
