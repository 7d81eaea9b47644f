//! The changes of a run in the order in which they took effect, as a recipe stores them.
//!
//! A change in the past drops later ones, and a slider that moves is one change. This file must not know how a change is
//! applied or undone.

use super::open_lesson::OpenLesson;
use super::script_files::Scripts;
use crate::protocol::{Change, RecordedChange, ScriptTexts, Slot};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::SpecPatch;

/// A number that a slider or a drag changes gradually. Successive changes of the same number are undone together.
#[derive(Clone, PartialEq)]
pub(crate) enum GradualNumber {
    Parameter(Parameter),
    Input(usize, usize),
    Control(Slot, Vec<usize>, String),
    Batch,
}

/// The number that a change affects, if it changes gradually.
pub(crate) fn gradual_number(change: &Change) -> Option<GradualNumber> {
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
        | Change::FreezeLayer { .. }
        | Change::Arrange(_)
        | Change::Reset
        | Change::Reseed => None,
    }
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
    let new_run = change.as_ref().is_some_and(Change::starts_new_run);
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
