//! What was done by hand: undo and redo of all of it.
//!
//! Before each change the line of the run is kept, which is small since replay is exact; to undo is to take
//! up that line again. Of the changes of a session that was saved there are only recipes, and to undo one is to make
//! its run again. Going on to train is no change: a change that was undone can be made again until another one takes
//! its place.

use super::{reshape, slots};
use crate::backend::{Backend, Start};
use crate::protocol::{Arrangement, Change, Made, Past, Pasts, Recipe, Slot, Texts};
use slowgrad_engine::data::Data;
use slowgrad_engine::run::RunRevision;
use slowgrad_engine::spec::{LessonSpec, SpecPatch};
use slowgrad_engine::structure::Reshape;
use slowgrad_timeline::scene::Target;
use slowgrad_timeline::words;
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

/// So many changes can be undone.
const MOST: usize = 200;

/// What a run is, apart from the numbers that replay brings back.
pub(crate) struct State {
    line: RunRevision,
    start: Rc<Start>,
    made: Arc<Data>,
    asked: Rc<[(u64, Arc<LessonSpec>)]>,
    began_with: Arc<Texts>,
    changes: Arc<[Made]>,
    arrangement: Arrangement,
    seed: Option<u64>,
}

/// A state to go to.
pub(crate) enum Kept {
    /// Of a run that was made in this sitting.
    Live(Box<State>),
    /// Of one before.
    Told(Recipe),
}

impl Kept {
    fn recipe(&self) -> Recipe {
        match self {
            Kept::Told(recipe) => recipe.clone(),
            Kept::Live(state) => Recipe {
                seed: state.seed,
                scripts: Arc::clone(&state.began_with),
                changes: Arc::clone(&state.changes),
                arrangement: Arc::clone(&state.arrangement),
                step: state.line.step() + 1,
                furthest: state.line.furthest(),
                ghost: state.line.abandoned_branch().cloned(),
            },
        }
    }
}

/// A state to go to, and the change, in words, that lies between.
struct Point {
    words: String,
    kept: Kept,
    /// The number that the change moved, as it was.
    was: Option<f64>,
}

/// A number that changes bit by bit: as long as it is the same one that moves, it is one change.
#[derive(Clone, PartialEq)]
enum Number {
    Parameter(slowgrad_engine::shape::Parameter),
    Input(usize, usize),
    Control(Slot, Vec<usize>, String),
    Batch,
}

/// Undo and redo.
#[derive(Default)]
pub(crate) struct History {
    undo: VecDeque<Point>,
    redo: Vec<Point>,
    moving: Option<Number>,
    /// All of it as plain data, until something comes or goes.
    told: Option<Arc<Pasts>>,
}

impl History {
    /// In words what would be undone, and what done again.
    pub(crate) fn words(&self) -> (Option<String>, Option<String>) {
        let words = |point: &Point| point.words.clone();
        (self.undo.back().map(words), self.redo.last().map(words))
    }

    pub(crate) fn seal(&mut self) {
        self.moving = None;
    }

    /// Another lesson is open, or another version that starts anew.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// All of it as plain data.
    pub(crate) fn pasts(&mut self) -> Arc<Pasts> {
        let past = |point: &Point| Past { words: point.words.clone(), recipe: point.kept.recipe() };
        let tell = || {
            let undo = self.undo.iter().map(past).collect();
            Arc::new(Pasts { undo, redo: self.redo.iter().map(past).collect() })
        };
        Arc::clone(self.told.get_or_insert_with(tell))
    }

    /// Takes up what could be undone and done again when a session was saved.
    pub(crate) fn recall(&mut self, pasts: &Pasts) {
        let point = |past: &Past| Point { words: past.words.clone(), kept: Kept::Told(past.recipe.clone()), was: None };
        self.undo = pasts.undo.iter().map(point).collect();
        self.redo = pasts.redo.iter().map(point).collect();
        self.told = None;
    }
}

impl Backend {
    fn state(&self) -> Option<Kept> {
        let opened = self.opened.as_ref()?;
        Some(Kept::Live(Box::new(State {
            line: opened.run.revision(),
            start: Rc::clone(&opened.start),
            made: Arc::clone(&opened.made),
            asked: Rc::clone(&opened.asked),
            began_with: Arc::clone(&opened.began_with),
            changes: Arc::clone(&opened.changes),
            arrangement: Arc::clone(&opened.arrangement),
            seed: self.seed,
        })))
    }

    /// What makes the present run again.
    pub(crate) fn recipe(&self) -> Recipe {
        match &self.replay {
            Some(replay) => replay.recipe().clone(),
            None => self.state().map(|state| state.recipe()).unwrap_or_default(),
        }
    }

    /// Makes a change, which can be undone; answers whether it could be made.
    pub(crate) fn change(&mut self, step: Option<u64>, change: Change) -> bool {
        if step.is_some_and(|step| !self.seek(step)) {
            return false;
        }
        if let Err(why) = self.fits(&change) {
            self.messages.push(why);
            return false;
        }
        let Some(after) = self.opened.as_ref().map(|opened| opened.run.step()) else { return false };
        let number = number(&change);
        let goes_on = number.is_some() && number == self.history.moving;
        if goes_on
            && let Some(point) = self.history.undo.pop_back_if(|point| {
                let is_back = point.was.zip(value(&change)).is_some_and(|(was, is)| was.to_bits() == is.to_bits());
                is_back && matches!(&point.kept, Kept::Live(state) if state.line.step() == after)
            })
        {
            // Back where it was: nothing has happened.
            self.history.told = None;
            self.go_to(point.kept);
            return true;
        }
        let before = if goes_on { None } else { self.state().map(|kept| (kept, self.number_before(&change))) };
        let cuts_off = self.cuts_off_scripts(after, &change);
        if !self.make(&change) {
            return false;
        }
        self.history.redo.clear();
        self.history.told = None;
        self.history.moving = number;
        if let Some((kept, was)) = before {
            self.history.undo.push_back(Point { words: in_words(&change), kept, was });
            if self.history.undo.len() > MOST {
                self.history.undo.pop_front();
            }
        }
        self.note(after, Some(change), goes_on);
        if cuts_off {
            self.take_over();
        }
        true
    }

    /// Whether a change after a step leaves out that scripts took over later: they do at once then, since those that run
    /// on are never other than those that are saved.
    fn cuts_off_scripts(&self, after: u64, change: &Change) -> bool {
        let goes_on = !matches!(change, Change::Reset | Change::Reseed | Change::Arrange(_));
        let mut changes = self.opened.iter().flat_map(|opened| opened.changes.iter());
        goes_on && changes.any(|made| made.after > after && made.change.is_none())
    }

    /// The number that a change is about to move.
    fn number_before(&self, change: &Change) -> Option<f64> {
        let run = &self.opened.as_ref()?.run;
        match change {
            Change::Parameter { parameter, .. } => run.model().values.get(run.setup().shape.index(*parameter)).copied(),
            Change::Input { sample, input, .. } => run.setup().train.input(*sample).get(*input).copied(),
            _ => None,
        }
    }

    /// Whether there is what a change is about.
    pub(crate) fn fits(&self, change: &Change) -> Result<(), String> {
        let Some(opened) = &self.opened else { return Err("no lesson is open".into()) };
        let setup = opened.run.setup();
        match change {
            Change::Parameter { parameter, value } if !setup.shape.has(*parameter) || !value.is_finite() => {
                Err("the network has no such weight".into())
            }
            Change::Input { sample, input, value }
                if *sample >= setup.train.len() || *input >= setup.shape.inputs() || !value.is_finite() =>
            {
                Err("the data has no such sample".into())
            }
            Change::Activation { layer, .. } if *layer >= setup.shape.layers() => {
                Err("the network has no such layer".into())
            }
            Change::Control { layers, .. } if layers.iter().any(|&layer| layer + 1 >= setup.shape.layers()) => {
                Err("the network has no such hidden layer".into())
            }
            Change::Freeze { parameters, .. } if parameters.iter().any(|parameter| !setup.shape.has(*parameter)) => {
                Err("the network has no such weight".into())
            }
            _ => Ok(()),
        }
    }

    /// Carries out a change; answers whether anything came of it.
    pub(crate) fn make(&mut self, change: &Change) -> bool {
        let Some(opened) = &mut self.opened else { return false };
        match change {
            Change::Parameter { parameter, value } => {
                let index = opened.run.setup().shape.index(*parameter);
                opened.run.set_parameter(index, *value);
            }
            Change::Input { sample, input, value } => {
                let mut setup = opened.run.setup().clone();
                Arc::make_mut(&mut setup.train).set_input(*sample, *input, *value);
                opened.run.set_setup(setup);
            }
            Change::Control { slot, layers, control, value } => {
                return self.set_control(*slot, layers, control, value);
            }
            Change::Patch(patch) => return self.patch(patch),
            Change::Activation { layer, plugin } => return self.activate(*layer, plugin),
            Change::Reshape(reshape) => {
                if !self.reshape(*reshape) {
                    return false;
                }
            }
            Change::Freeze { parameters, is_frozen } => reshape::freeze(&mut opened.run, parameters, *is_frozen),
            Change::Arrange(arrangement) => opened.arrangement = Arc::clone(arrangement),
            Change::Reset => self.start_again(),
            Change::Reseed => {
                let spec = &opened.run.setup().spec;
                self.seed = Some(spec.seed.wrapping_add(1));
                if spec.weights.is_some() {
                    self.messages.push("this lesson sets its own initial weights; only the data changes".into());
                }
                self.start_again();
            }
        }
        self.stale = true;
        true
    }

    /// Writes down what was done, with what scripts say by now, and forgets what it made undone.
    pub(crate) fn note(&mut self, after: u64, change: Option<Change>, goes_on: bool) {
        let Some(opened) = &self.opened else { return };
        // What tells these is not among the changes: a seed, the places of discs.
        if matches!(change, Some(Change::Reset | Change::Reseed | Change::Arrange(_))) {
            return;
        }
        let is_beginning = change.as_ref().is_some_and(is_beginning);
        // Another run: of the one before only its description of then stays.
        let describes = |change: &Change| {
            matches!(change, Change::Control { .. } | Change::Patch(_) | Change::Activation { .. } | Change::Reshape(_))
        };
        let stays = |made: &Made| !is_beginning || made.change.as_ref().is_none_or(describes);
        let mut changes: Vec<Made> = Vec::with_capacity(opened.changes.len() + 1);
        let mut scripts = Texts::new();
        for mut made in opened.changes.iter().filter(|made| made.after <= after).cloned() {
            // What is left out may have been the first to know what a script said.
            scripts.append(&mut made.scripts);
            if stays(&made) {
                made.scripts = std::mem::take(&mut scripts);
                made.after = if is_beginning { 0 } else { made.after };
                changes.push(made);
            }
        }
        let moves = |made: &Made| made.change.as_ref().and_then(number);
        let is_same = |made: &mut Made| made.after == after && moves(made) == change.as_ref().and_then(number);
        if goes_on {
            changes.pop_if(is_same);
        }
        let scripts = self.untold(&opened.began_with, &changes);
        changes.push(Made { after: if is_beginning { 0 } else { after }, scripts, change });
        if let Some(opened) = &mut self.opened {
            opened.changes = changes.into();
            opened.asked = opened.asked.iter().filter(|(known, _)| *known <= after).cloned().collect();
        }
    }

    pub(crate) fn undo(&mut self) {
        self.adopt_pending();
        let Some(Point { words, kept, was }) = self.history.undo.pop_back() else {
            return self.messages.push("nothing to undo".into());
        };
        self.messages.push(format!("undone: {words}"));
        let left = self.leave();
        self.history.redo.extend(left.map(|kept| Point { words, kept, was }));
        self.go_to(kept);
    }

    pub(crate) fn redo(&mut self) {
        self.adopt_pending();
        let Some(Point { words, kept, was }) = self.history.redo.pop() else {
            return self.messages.push("nothing to redo".into());
        };
        self.messages.push(format!("redone: {words}"));
        let left = self.leave();
        self.history.undo.extend(left.map(|kept| Point { words, kept, was }));
        self.go_to(kept);
    }

    /// Where the run is, or where it is on its way to.
    fn leave(&mut self) -> Option<Kept> {
        self.history.told = None;
        self.drop_replay().or_else(|| self.state())
    }

    /// Makes the run what it was.
    fn go_to(&mut self, kept: Kept) {
        self.history.moving = None;
        match kept {
            Kept::Live(state) => self.take_up(*state),
            Kept::Told(recipe) => self.make_again(recipe),
        }
    }

    /// Takes up a line that is kept.
    fn take_up(&mut self, state: State) {
        let Some(opened) = &mut self.opened else { return };
        let State { line, start, made, asked, began_with, changes, arrangement, seed } = state;
        opened.run.restore(&line);
        opened.start = start;
        opened.made = made;
        opened.asked = asked;
        opened.began_with = began_with;
        opened.changes = changes;
        opened.arrangement = arrangement;
        self.seed = seed;
        self.run_problem = None;
        if self.changed_since().is_empty() {
            self.seek(line.step() + 1);
            return;
        }
        // Scripts are undone in the editor alone: from here on those of now run.
        let Some(opened) = &mut self.opened else { return };
        let reached = opened.run.seek(line.step());
        self.stop_training();
        self.stale = true;
        match reached {
            Ok(()) => drop(self.catch_up(true)),
            Err(problem) => self.get_stuck(*problem),
        }
    }
}

/// The number that a change moves, when it is one that moves bit by bit.
fn number(change: &Change) -> Option<Number> {
    match change {
        Change::Parameter { parameter, .. } => Some(Number::Parameter(*parameter)),
        Change::Input { sample, input, .. } => Some(Number::Input(*sample, *input)),
        Change::Control { slot, layers, control, .. } => Some(Number::Control(*slot, layers.clone(), control.clone())),
        Change::Patch(patch) => {
            let rest = SpecPatch { batch: None, ..(**patch).clone() };
            (patch.batch.is_some() && rest == SpecPatch::default()).then_some(Number::Batch)
        }
        Change::Activation { .. }
        | Change::Reshape(_)
        | Change::Freeze { .. }
        | Change::Arrange(_)
        | Change::Reset
        | Change::Reseed => None,
    }
}

/// What a change gives to the number that it moves.
fn value(change: &Change) -> Option<f64> {
    match change {
        Change::Parameter { value, .. } | Change::Input { value, .. } => Some(*value),
        _ => None,
    }
}

/// Whether a run starts anew with a change of its description.
fn is_beginning(change: &Change) -> bool {
    match change {
        Change::Control { slot, .. } => slot.is_beginning(),
        Change::Patch(patch) => patch.initializer.is_some() || patch.data.is_some(),
        _ => false,
    }
}

/// A change as people call it.
fn in_words(change: &Change) -> String {
    match change {
        Change::Parameter { parameter, .. } => {
            let (layer, neuron) = (parameter.layer, parameter.neuron);
            words::target(match parameter.input {
                Some(input) => Target::Weight { layer, neuron, input },
                None => Target::Bias { layer, neuron },
            })
        }
        Change::Input { sample, input, .. } => format!("input {} of sample {}", input + 1, sample + 1),
        Change::Control { layers, control, .. } => {
            let name = control.replace('_', " ");
            if layers.is_empty() { name } else { format!("{name} of {}", slots::layers(layers)) }
        }
        Change::Patch(patch) => patched(patch),
        Change::Activation { layer, plugin } => format!("activation {} of layer {}", plugin.name, layer + 1),
        Change::Reshape(reshape) => match reshape {
            Reshape::AddNeuron { layer } => format!("add neuron to layer {}", layer + 1),
            Reshape::RemoveNeuron { layer, neuron } => format!("remove neuron {} of layer {}", neuron + 1, layer + 1),
            Reshape::AddLayer { before } => format!("add layer before layer {}", before + 1),
            Reshape::RemoveLayer { layer } => format!("remove layer {}", layer + 1),
        },
        Change::Freeze { is_frozen: true, .. } => "freeze".into(),
        Change::Freeze { .. } => "unfreeze".into(),
        Change::Arrange(_) => "layout".into(),
        Change::Reset => "reset".into(),
        Change::Reseed => "new weights".into(),
    }
}

/// What a patch changes.
fn patched(patch: &SpecPatch) -> String {
    let SpecPatch { activation, output, loss, regularizer, optimizer, schedule, initializer, data, batch, params } =
        patch;
    let places = [
        (Slot::Activation, activation),
        (Slot::Output, output),
        (Slot::Loss, loss),
        (Slot::Regularizer, regularizer),
        (Slot::Optimizer, optimizer),
        (Slot::Schedule, schedule),
        (Slot::Initializer, initializer),
        (Slot::Data, data),
    ];
    let plugged =
        places.into_iter().filter_map(|(slot, plugin)| Some(format!("{} {}", slot.name(), plugin.as_ref()?.name)));
    let batch = batch.map(|_| "batch".to_owned());
    plugged.chain(batch).chain(params.keys().map(|name| name.replace('_', " "))).collect::<Vec<_>>().join(", ")
}
