//! Undo and redo of all changes by hand.
//!
//! Before each change the state of the run is stored; it is small since replay is exact. Undo restores that state. Changes
//! loaded from a session file are stored as recipes; undoing one replays its run. The state is also stored before a saved
//! script takes effect: undo returns to the parameters of that time, and the text of the script is undone in the editor.
//! Training is not a change, so a change can be redone until another one is made. It must not know how a change is applied.

use super::change::name;
use super::lesson_run::LessonRun;
use super::open_lesson::{OpenLesson, RunState};
use super::recorded_changes::{GradualNumber, gradual_number};
use crate::protocol::{Change, Recipe, UndoEntry, UndoHistory};
use std::collections::VecDeque;
use std::sync::Arc;

/// The number of changes that can be undone.
const MAX_CHANGES: usize = 200;

/// A state to return to.
pub(crate) enum UndoState {
    /// The state of a run of this session.
    Live(Box<RunState>),
    /// A run from a session file.
    Saved(Recipe),
}

impl UndoState {
    fn recipe(&self) -> Recipe {
        match self {
            UndoState::Saved(recipe) => recipe.clone(),
            UndoState::Live(state) => state.recipe(),
        }
    }
}

/// A state to return to, with the name of the change that left it.
pub(crate) struct UndoPoint {
    pub(crate) name: String,
    pub(crate) state: UndoState,
    /// Whether it was stored because a script was saved.
    is_save: bool,
    /// The value before the change, if it changes one number.
    value_before: Option<f64>,
}

impl UndoPoint {
    /// The entry for the opposite list: the same change with the state on its other side.
    pub(crate) fn opposite(&self, state: UndoState) -> Self {
        Self { name: self.name.clone(), state, is_save: self.is_save, value_before: self.value_before }
    }
}

/// The changes that can be undone and redone.
#[derive(Default)]
pub(crate) struct UndoStack {
    undo: VecDeque<UndoPoint>,
    redo: Vec<UndoPoint>,
    /// The number that the last change affected, until the change is sealed.
    moving: Option<GradualNumber>,
    /// Cached plain data of both lists.
    plain: Option<Arc<UndoHistory>>,
}

/// A change before it is applied.
pub(crate) struct NewChange {
    number: Option<GradualNumber>,
    /// Whether it continues the last one.
    pub(crate) continues: bool,
    before: Option<UndoPoint>,
}

impl UndoStack {
    /// The names of the next changes to undo and redo.
    pub(crate) fn names(&self) -> (Option<String>, Option<String>) {
        let name = |point: &UndoPoint| point.name.clone();
        (self.undo.back().map(name), self.redo.last().map(name))
    }

    /// Ends the last change: the next one does not continue it.
    pub(crate) fn seal(&mut self) {
        self.moving = None;
    }

    /// Discards everything, for a new run.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Both lists as plain data.
    pub(crate) fn plain(&mut self) -> Arc<UndoHistory> {
        let past = |point: &UndoPoint| UndoEntry { name: point.name.clone(), recipe: point.state.recipe() };
        let make = || {
            let undo = self.undo.iter().map(past).collect();
            Arc::new(UndoHistory { undo, redo: self.redo.iter().map(past).collect() })
        };
        Arc::clone(self.plain.get_or_insert_with(make))
    }

    /// Loads the lists of a session file.
    pub(crate) fn load(&mut self, undo_history: &UndoHistory) {
        let point = |past: &UndoEntry| UndoPoint {
            name: past.name.clone(),
            state: UndoState::Saved(past.recipe.clone()),
            is_save: false,
            value_before: None,
        };
        self.undo = undo_history.undo.iter().map(point).collect();
        self.redo = undo_history.redo.iter().map(point).collect();
        self.plain = None;
    }

    /// Cancels the change in progress if the new one sets its number back to the initial value; returns the state
    /// before it.
    pub(crate) fn cancel(&mut self, lesson: &LessonRun, change: &Change) -> Option<UndoState> {
        let after = lesson.open.as_ref()?.run.step();
        let number = gradual_number(change);
        if number.is_none() || number != self.moving {
            return None;
        }
        let point = self.undo.pop_back_if(|point| {
            let before = point.value_before.zip(new_value(change));
            let unchanged = before.is_some_and(|(before, new)| before.to_bits() == new.to_bits());
            unchanged && matches!(&point.state, UndoState::Live(state) if state.revision.step() == after)
        })?;
        self.plain = None;
        self.moving = None;
        Some(point.state)
    }

    /// Stores the state before a change.
    pub(crate) fn begin(&self, lesson: &LessonRun, change: &Change) -> NewChange {
        let number = gradual_number(change);
        let continues = number.is_some() && number == self.moving;
        let before = lesson.open.as_ref().filter(|_| !continues).map(|open| UndoPoint {
            name: name(change, open.run.setup()),
            state: UndoState::Live(Box::new(open.state(lesson.seed()))),
            is_save: false,
            value_before: old_value(open, change),
        });
        NewChange { number, continues, before }
    }

    /// Adds a change after it was applied.
    pub(crate) fn add(&mut self, new: NewChange) {
        self.redo.clear();
        self.plain = None;
        self.moving = new.number;
        if let Some(before) = new.before {
            self.push(before);
        }
    }

    /// Adds the state before a script was saved that the run uses. A script saved several times without training in between
    /// has one such state.
    pub(crate) fn add_save(&mut self, before: Option<UndoState>, path: &str) {
        self.redo.clear();
        self.changed();
        let Some(UndoState::Live(state)) = before else { return };
        let trained = |point: &UndoPoint| match &point.state {
            UndoState::Live(saved) => saved.revision.furthest() != state.revision.furthest(),
            UndoState::Saved(_) => true,
        };
        if self.undo.back().is_some_and(|last| last.is_save && !trained(last)) {
            return;
        }
        let name = format!("the steps since {path} was saved");
        self.push(UndoPoint { name, state: UndoState::Live(state), is_save: true, value_before: None });
    }

    fn push(&mut self, point: UndoPoint) {
        self.undo.push_back(point);
        if self.undo.len() > MAX_CHANGES {
            self.undo.pop_front();
        }
    }

    /// Removes and returns the last change.
    pub(crate) fn pop_undo(&mut self) -> Option<UndoPoint> {
        let point = self.undo.pop_back()?;
        self.changed();
        Some(point)
    }

    /// Removes and returns the change that was undone last.
    pub(crate) fn pop_redo(&mut self) -> Option<UndoPoint> {
        let point = self.redo.pop()?;
        self.changed();
        Some(point)
    }

    /// Adds a change that can be undone.
    pub(crate) fn push_undo(&mut self, point: Option<UndoPoint>) {
        self.undo.extend(point);
    }

    /// Adds a change that can be redone.
    pub(crate) fn push_redo(&mut self, point: Option<UndoPoint>) {
        self.redo.extend(point);
    }

    fn changed(&mut self) {
        self.plain = None;
        self.moving = None;
    }
}

/// The present state of the run.
pub(crate) fn live_state(lesson: &LessonRun) -> Option<UndoState> {
    let open = lesson.open.as_ref()?;
    Some(UndoState::Live(Box::new(open.state(lesson.seed()))))
}

/// The present value of the number that a change affects.
fn old_value(open: &OpenLesson, change: &Change) -> Option<f64> {
    let run = &open.run;
    match change {
        Change::Parameter { parameter, .. } => run.model().values.get(run.setup().shape.index(*parameter)).copied(),
        Change::Input { sample, input, .. } => run.setup().train.input(*sample).get(*input).copied(),
        _ => None,
    }
}

/// The new value of the number that a change affects.
fn new_value(change: &Change) -> Option<f64> {
    match change {
        Change::Parameter { value, .. } | Change::Input { value, .. } => Some(*value),
        _ => None,
    }
}
