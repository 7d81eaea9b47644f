//! Undo and redo of everything that is done by hand.
//!
//! Before each change the state of the run is stored, which is small since replay is exact; to undo is to restore it.
//! Changes loaded from a session file are stored as recipes; undoing one replays its run. Training is not a change: a
//! change that was undone can be redone until another one takes its place. It must not know how a change is applied.

use super::change::{begins_new_run, name};
use super::lesson_run::LessonRun;
use super::open_lesson::{OpenLesson, RunState};
use super::script_files::Scripts;
use crate::protocol::{Change, Made, Past, Pasts, Recipe, Slot, Texts};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::SpecPatch;
use std::collections::VecDeque;
use std::sync::Arc;

/// The number of changes that can be undone.
const MAX_CHANGES: usize = 200;

/// A state to return to.
pub(crate) enum UndoState {
    /// Of a run that was made in this sitting.
    Live(Box<RunState>),
    /// Of a run from a session file.
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

/// A state to return to, and the name of the change between it and the next one.
pub(crate) struct UndoPoint {
    pub(crate) name: String,
    pub(crate) state: UndoState,
    /// The value of the number that the change moves, before it.
    value_before: Option<f64>,
}

impl UndoPoint {
    /// The same change from its other side.
    pub(crate) fn opposite(&self, state: UndoState) -> Self {
        Self { name: self.name.clone(), state, value_before: self.value_before }
    }
}

/// A number that changes gradually: successive changes of the same number are one change.
#[derive(Clone, PartialEq)]
enum GradualNumber {
    Parameter(Parameter),
    Input(usize, usize),
    Control(Slot, Vec<usize>, String),
    Batch,
}

/// Undo and redo.
#[derive(Default)]
pub(crate) struct UndoStack {
    undo: VecDeque<UndoPoint>,
    redo: Vec<UndoPoint>,
    /// The number that the last change moved, until the change is sealed.
    moving: Option<GradualNumber>,
    /// Both lists as plain data, until one of them changes.
    plain: Option<Arc<Pasts>>,
}

/// A change that is about to be made.
pub(crate) struct NewChange {
    number: Option<GradualNumber>,
    /// Whether it continues the last one.
    pub(crate) continues: bool,
    before: Option<(UndoState, Option<f64>)>,
}

impl UndoStack {
    /// The names of the changes that would be undone and redone.
    pub(crate) fn names(&self) -> (Option<String>, Option<String>) {
        let name = |point: &UndoPoint| point.name.clone();
        (self.undo.back().map(name), self.redo.last().map(name))
    }

    /// The next change does not continue the last one.
    pub(crate) fn seal(&mut self) {
        self.moving = None;
    }

    /// Another run is open, in which nothing can be undone.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Both lists as plain data.
    pub(crate) fn plain(&mut self) -> Arc<Pasts> {
        let past = |point: &UndoPoint| Past { words: point.name.clone(), recipe: point.state.recipe() };
        let make = || {
            let undo = self.undo.iter().map(past).collect();
            Arc::new(Pasts { undo, redo: self.redo.iter().map(past).collect() })
        };
        Arc::clone(self.plain.get_or_insert_with(make))
    }

    /// Takes the lists of a session file.
    pub(crate) fn load(&mut self, pasts: &Pasts) {
        let point = |past: &Past| UndoPoint {
            name: past.words.clone(),
            state: UndoState::Saved(past.recipe.clone()),
            value_before: None,
        };
        self.undo = pasts.undo.iter().map(point).collect();
        self.redo = pasts.redo.iter().map(point).collect();
        self.plain = None;
    }

    /// The state to return to when a change only puts a number back to where the change that it continues began; that
    /// change is dropped.
    pub(crate) fn take_back(&mut self, lesson: &LessonRun, change: &Change) -> Option<UndoState> {
        let after = lesson.open.as_ref()?.run.step();
        let number = gradual_number(change);
        if number.is_none() || number != self.moving {
            return None;
        }
        let point = self.undo.pop_back_if(|point| {
            let before = point.value_before.zip(new_value(change));
            let back = before.is_some_and(|(before, new)| before.to_bits() == new.to_bits());
            back && matches!(&point.state, UndoState::Live(state) if state.revision.step() == after)
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

    /// Adds a change that was made.
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

    /// Takes the last change off its list.
    pub(crate) fn pop_undo(&mut self) -> Option<UndoPoint> {
        let point = self.undo.pop_back()?;
        self.changed();
        Some(point)
    }

    /// Takes the change that was undone last off its list.
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

/// Records a change after this many steps with the scripts that have changed since the last one, and drops the changes
/// that it made undone.
pub(crate) fn record_change(
    open: &mut OpenLesson,
    scripts: &Scripts,
    after: u64,
    change: Option<Change>,
    continues: bool,
) {
    // A recipe has other fields for these: the seed, the arrangement.
    if matches!(change, Some(Change::Reset | Change::Reseed | Change::Arrange(_))) {
        return;
    }
    let new_run = change.as_ref().is_some_and(begins_new_run);
    // Of the run before only the changes of its description remain.
    let describes = |change: &Change| {
        matches!(change, Change::Control { .. } | Change::Patch(_) | Change::Activation { .. } | Change::Reshape(_))
    };
    let remains = |made: &Made| !new_run || made.change.as_ref().is_none_or(describes);
    let mut changes: Vec<Made> = Vec::with_capacity(open.changes.len() + 1);
    let mut texts = Texts::new();
    for mut made in open.changes.iter().filter(|made| made.after <= after).cloned() {
        // A change that is left out may have been the first with a new text of a script.
        texts.append(&mut made.scripts);
        if remains(&made) {
            made.scripts = std::mem::take(&mut texts);
            made.after = if new_run { 0 } else { made.after };
            changes.push(made);
        }
    }
    let number = |made: &Made| made.change.as_ref().and_then(gradual_number);
    if continues {
        changes.pop_if(|made| made.after == after && number(made) == change.as_ref().and_then(gradual_number));
    }
    let texts = scripts.new_texts(&open.initial_scripts, &changes);
    changes.push(Made { after: if new_run { 0 } else { after }, scripts: texts, change });
    open.set_changes(changes, after);
}

/// Whether a change after this many steps drops versions of scripts that took over later. The present versions take over
/// at once then, since the scripts that run are always those that are saved.
pub(crate) fn drops_scripts(open: &OpenLesson, after: u64, change: &Change) -> bool {
    let continues_run = !matches!(change, Change::Reset | Change::Reseed | Change::Arrange(_));
    continues_run && open.changes.iter().any(|made| made.after > after && made.change.is_none())
}

/// The number that a change is about to move, before it.
fn old_value(lesson: &LessonRun, change: &Change) -> Option<f64> {
    let run = &lesson.open.as_ref()?.run;
    match change {
        Change::Parameter { parameter, .. } => run.model().values.get(run.setup().shape.index(*parameter)).copied(),
        Change::Input { sample, input, .. } => run.setup().train.input(*sample).get(*input).copied(),
        _ => None,
    }
}

/// The value that a change gives to the number that it moves.
fn new_value(change: &Change) -> Option<f64> {
    match change {
        Change::Parameter { value, .. } | Change::Input { value, .. } => Some(*value),
        _ => None,
    }
}

/// The number that a change moves, when it is one that moves gradually.
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
