//! Undo and redo of all changes by hand.
//!
//! Before each change the state of the run is stored; it is small since replay is exact. Undo restores that state. Changes
//! loaded from a session file are stored as recipes; undoing one replays its run. Training is not a change, so a change
//! can be redone until another one is made. It must not know how a change is applied.

use super::change::{name, starts_new_run};
use super::lesson_run::LessonRun;
use super::open_lesson::{OpenLesson, RunState};
use super::script_files::Scripts;
use crate::protocol::{Change, Recipe, RecordedChange, ScriptTexts, Slot, UndoEntry, UndoHistory};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::SpecPatch;
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
    /// The value before the change, if it changes one number.
    value_before: Option<f64>,
}

impl UndoPoint {
    /// The entry for the opposite list: the same change with the state on its other side.
    pub(crate) fn opposite(&self, state: UndoState) -> Self {
        Self { name: self.name.clone(), state, value_before: self.value_before }
    }
}

/// A number that a slider or a drag changes gradually. Successive changes of the same number are undone together.
#[derive(Clone, PartialEq)]
enum GradualNumber {
    Parameter(Parameter),
    Input(usize, usize),
    Control(Slot, Vec<usize>, String),
    Batch,
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
    before: Option<(UndoState, Option<f64>)>,
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
        let before = if continues { None } else { live_state(lesson).map(|state| (state, old_value(lesson, change))) };
        NewChange { number, continues, before }
    }

    /// Adds a change after it was applied.
    pub(crate) fn add(&mut self, new: NewChange, change: &Change) {
        self.redo.clear();
        self.plain = None;
        self.moving = new.number;
        if let Some((state, value_before)) = new.before {
            self.undo.push_back(UndoPoint { name: name(change), state, value_before });
            if self.undo.len() > MAX_CHANGES {
                self.undo.pop_front();
            }
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

/// Records a change after this many steps in the recipe of the run, with the scripts that have changed since the previous
/// one. Drops later changes, which belong to the abandoned branch.
pub(crate) fn record_change(
    open: &mut OpenLesson,
    scripts: &Scripts,
    after: u64,
    change: Option<Change>,
    continues: bool,
) {
    // A recipe stores the seed and the arrangement separately.
    if matches!(change, Some(Change::Reset | Change::Reseed | Change::Arrange(_))) {
        return;
    }
    let new_run = change.as_ref().is_some_and(starts_new_run);
    // A new run keeps only those changes of the previous one that concern its description.
    let describes = |change: &Change| {
        matches!(change, Change::Control { .. } | Change::Patch(_) | Change::Activation { .. } | Change::Reshape(_))
    };
    let remains = |recorded: &RecordedChange| !new_run || recorded.change.as_ref().is_none_or(describes);
    let mut changes: Vec<RecordedChange> = Vec::with_capacity(open.changes.len() + 1);
    let mut texts = ScriptTexts::new();
    for mut recorded in open.changes.iter().filter(|recorded| recorded.after <= after).cloned() {
        // A dropped change may have introduced a new text of a script, which later changes still use.
        texts.append(&mut recorded.scripts);
        if remains(&recorded) {
            recorded.scripts = std::mem::take(&mut texts);
            recorded.after = if new_run { 0 } else { recorded.after };
            changes.push(recorded);
        }
    }
    let number = |recorded: &RecordedChange| recorded.change.as_ref().and_then(gradual_number);
    if continues {
        changes.pop_if(|last| last.after == after && number(last) == change.as_ref().and_then(gradual_number));
    }
    let texts = scripts.new_texts(&open.initial_scripts, &changes);
    changes.push(RecordedChange { after: if new_run { 0 } else { after }, scripts: texts, change });
    open.set_changes(changes, after);
}

/// Whether a change after this many steps drops script versions that took effect later. The present versions then take
/// effect at once, since the run always uses the saved scripts.
pub(crate) fn drops_scripts(open: &OpenLesson, after: u64, change: &Change) -> bool {
    let continues_run = !matches!(change, Change::Reset | Change::Reseed | Change::Arrange(_));
    continues_run && open.changes.iter().any(|recorded| recorded.after > after && recorded.change.is_none())
}

/// The present value of the number that a change affects.
fn old_value(lesson: &LessonRun, change: &Change) -> Option<f64> {
    let run = &lesson.open.as_ref()?.run;
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

/// The number that a change affects, if it changes gradually.
fn gradual_number(change: &Change) -> Option<GradualNumber> {
    match change {
        Change::Parameter { parameter, .. } => Some(GradualNumber::Parameter(*parameter)),
        Change::Input { sample, input, .. } => Some(GradualNumber::Input(*sample, *input)),
        Change::Control { slot, layers, control, .. } => {
            Some(GradualNumber::Control(*slot, layers.clone(), control.clone()))
        }
        Change::Patch(patch) => {
            let rest = SpecPatch { batch: None, ..(**patch).clone() };
            (patch.batch.is_some() && rest == SpecPatch::default()).then_some(GradualNumber::Batch)
        }
        Change::Activation { .. }
        | Change::Reshape(_)
        | Change::Freeze { .. }
        | Change::Arrange(_)
        | Change::Reset
        | Change::Reseed => None,
    }
}
