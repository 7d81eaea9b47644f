//! What was done by hand: undo and redo of all of it, and making a saved run again.
//!
//! Before each change the line of the run is kept, which is small since replay is exact; to undo is to take
//! up that line again. Going on to train is no change: a change that was undone can be made again until
//! another one takes its place. It must not know files: a saved run comes in as plain data.

use super::desk::Desk;
use super::message::{Arrangement, Change, Made, Saved, Slot};
use super::{slots, structure};
use slowgrad_engine::data::Data;
use slowgrad_engine::run::Line;
use slowgrad_engine::setup::Setup;
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
struct State {
    line: Line,
    start: Rc<(Setup, Vec<f64>)>,
    made: Arc<Data>,
    asked: Arc<LessonSpec>,
    changes: Arc<[Made]>,
    arrangement: Arrangement,
    seed: Option<u64>,
    /// How often scripts had been exchanged.
    exchanges: u64,
}

/// A state to go to, and the change, in words, that lies between.
struct Point {
    words: String,
    state: State,
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
pub(super) struct History {
    undo: VecDeque<Point>,
    redo: Vec<Point>,
    moving: Option<Number>,
    /// What is being made again, change by change.
    replay: Option<Replay>,
    exchanges: u64,
}

/// A saved run that is on its way.
struct Replay {
    changes: VecDeque<Made>,
    furthest: u64,
    step: u64,
}

impl History {
    /// In words what would be undone, and what done again.
    pub(super) fn words(&self) -> (Option<String>, Option<String>) {
        let words = |point: &Point| point.words.clone();
        (self.undo.back().map(words), self.redo.last().map(words))
    }

    pub(super) fn seal(&mut self) {
        self.moving = None;
    }

    /// Another lesson is open, or another version that starts anew.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Scripts were exchanged: lines of before would run the old ones.
    pub(super) fn exchanged(&mut self) {
        self.exchanges += 1;
    }

    pub(super) fn is_replaying(&self) -> bool {
        self.replay.is_some()
    }

    /// What is on its way stops where it is.
    pub(super) fn stop_replay(&mut self) -> bool {
        self.replay.take().is_some()
    }
}

impl Desk {
    fn state(&self) -> Option<State> {
        let opened = self.opened.as_ref()?;
        Some(State {
            line: opened.run.line(),
            start: Rc::clone(&opened.start),
            made: Arc::clone(&opened.made),
            asked: Arc::clone(&opened.asked),
            changes: Arc::clone(&opened.changes),
            arrangement: Arc::clone(&opened.arrangement),
            seed: self.seed,
            exchanges: self.history.exchanges,
        })
    }

    /// Makes a change, which can be undone; answers whether it could be made.
    pub(super) fn change(&mut self, step: Option<u64>, change: Change) -> bool {
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
                is_back && point.state.line.step() == after
            })
        {
            // Back where it was: nothing has happened.
            self.take_up(point.state);
            return true;
        }
        let before = if goes_on { None } else { self.state().map(|state| (state, self.number_before(&change))) };
        if !self.make(&change) {
            return false;
        }
        self.history.redo.clear();
        self.history.moving = number;
        if let Some((state, was)) = before {
            self.history.undo.push_back(Point { words: in_words(&change), state, was });
            if self.history.undo.len() > MOST {
                self.history.undo.pop_front();
            }
        }
        self.note(after, change, goes_on);
        true
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
    fn fits(&self, change: &Change) -> Result<(), String> {
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
    fn make(&mut self, change: &Change) -> bool {
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
            Change::Freeze { parameters, is_frozen } => structure::freeze(&mut opened.run, parameters, *is_frozen),
            Change::Arrange(arrangement) => opened.arrangement = Arc::clone(arrangement),
            Change::Reset => self.start_again(),
            Change::Reseed => {
                let spec = &opened.run.setup().spec;
                self.seed = Some(spec.seed.wrapping_add(1));
                if spec.weights.is_some() {
                    self.messages.push("this lesson brings its own initial weights; only the data changes".into());
                }
                self.start_again();
            }
        }
        self.stale = true;
        true
    }

    /// Writes down a change that was made, and forgets what it made undone.
    fn note(&mut self, after: u64, change: Change, goes_on: bool) {
        let Some(opened) = &mut self.opened else { return };
        let mut changes = opened.changes.to_vec();
        let after = match &change {
            // What tells these is not among the changes: a seed, the places of discs.
            Change::Reset | Change::Reseed => {
                opened.changes = Arc::new([]);
                return;
            }
            Change::Arrange(_) => return,
            change if is_beginning(change) => {
                // Another run: of the one before only its description of then stays.
                let describes = |made: &Made| {
                    let Made { change, .. } = made;
                    matches!(
                        change,
                        Change::Control { .. } | Change::Patch(_) | Change::Activation { .. } | Change::Reshape(_)
                    )
                };
                changes.retain(|made| made.after <= after && describes(made));
                for made in &mut changes {
                    made.after = 0;
                }
                0
            }
            _ => {
                changes.retain(|made| made.after <= after);
                if goes_on && changes.last().is_some_and(|last| last.after == after) {
                    changes.pop();
                }
                after
            }
        };
        changes.push(Made { after, change });
        opened.changes = changes.into();
    }

    pub(super) fn undo(&mut self) {
        self.adopt_pending();
        let Some(Point { words, state, was }) = self.history.undo.pop_back() else {
            return self.messages.push("there is nothing to undo".into());
        };
        self.messages.push(format!("undone: {words}"));
        self.history.redo.extend(self.state().map(|state| Point { words, state, was }));
        self.take_up(state);
    }

    pub(super) fn redo(&mut self) {
        self.adopt_pending();
        let Some(Point { words, state, was }) = self.history.redo.pop() else {
            return self.messages.push("there is nothing to do again".into());
        };
        self.messages.push(format!("done again: {words}"));
        self.history.undo.extend(self.state().map(|state| Point { words, state, was }));
        self.take_up(state);
    }

    /// Makes the run what it was.
    fn take_up(&mut self, state: State) {
        self.history.moving = None;
        let Some(opened) = &mut self.opened else { return };
        let State { line, start, made, asked, changes, arrangement, seed, exchanges } = state;
        opened.run.restore(&line);
        opened.made = made;
        opened.changes = changes;
        opened.arrangement = arrangement;
        self.seed = seed;
        self.run_problem = None;
        if exchanges == self.history.exchanges {
            (opened.start, opened.asked) = (start, asked);
            self.seek(line.step() + 1);
            return;
        }
        // Scripts are undone in the editor alone: from here on those of now run.
        let reached = opened.run.seek(line.step());
        self.stop_training();
        self.stale = true;
        match reached {
            Ok(()) => self.take_over(&asked),
            Err(problem) => self.get_stuck(*problem),
        }
    }

    /// Opens a lesson and begins to make it what it was when it was saved.
    pub(super) fn restore(&mut self, saved: Saved) {
        let Saved { lesson, seed, changes, arrangement, step, furthest } = saved;
        self.seed = seed;
        self.open(&lesson);
        let Some(opened) = self.opened.as_mut().filter(|opened| opened.info.path == lesson) else { return };
        opened.arrangement = arrangement;
        self.history.replay = Some(Replay { changes: changes.into(), furthest, step });
    }

    /// Goes on with making a saved run again: one step or one change.
    pub(super) fn replay(&mut self) {
        let (Some(mut replay), Some(opened)) = (self.history.replay.take(), &mut self.opened) else { return };
        let to = replay.changes.front().map_or(replay.furthest, |made| made.after);
        if opened.run.step() < to {
            match opened.run.advance() {
                Ok(_) => self.history.replay = Some(replay),
                Err(problem) => self.get_stuck(*problem),
            }
            return;
        }
        let Some(made) = replay.changes.pop_front() else {
            self.seek(replay.step.max(1));
            return;
        };
        self.history.seal();
        if self.change(Some(made.after + 1), made.change) {
            self.history.replay = Some(replay);
        } else {
            let why = "a change of this session does not fit its lesson any more; what came after it is left out";
            self.messages.push(why.into());
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
            Reshape::AddNeuron { layer } => format!("a neuron more in layer {}", layer + 1),
            Reshape::RemoveNeuron { layer, neuron } => format!("without neuron {} of layer {}", neuron + 1, layer + 1),
            Reshape::AddLayer { before } => format!("a layer more before layer {}", before + 1),
            Reshape::RemoveLayer { layer } => format!("without layer {}", layer + 1),
        },
        Change::Freeze { is_frozen: true, .. } => "freezing".into(),
        Change::Freeze { .. } => "letting go".into(),
        Change::Arrange(_) => "places of neurons".into(),
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
