//! A run: a model in training, with a past that can be reached again bit for bit.
//!
//! The past is a bounded number of checkpoints plus replay; replay is exact because a step is a pure
//! function of its model and set-up. Edits (a parameter by hand, another plugin, another control) are
//! kept with the step after which they were made and are carried out again on the way. An edit in the past
//! starts a branch: what came after is forgotten, and its loss curve stays as a ghost.

use crate::model::Model;
use crate::record::{self, RecordedStep};
use crate::setup::Setup;
use crate::train::{self, Objective, Workspace};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;
use std::rc::Rc;

/// One point of the loss curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LossPoint {
    /// The step, from 1.
    pub step: u64,
    /// The mean loss of its batch, before its update.
    pub loss: f64,
}

/// A loss curve in bounded memory: past a limit every second point is dropped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LossCurve {
    points: Vec<LossPoint>,
    stride: u64,
}

impl LossCurve {
    const MOST: usize = 8192;

    /// The points in order of their steps.
    pub fn points(&self) -> &[LossPoint] {
        &self.points
    }

    fn push(&mut self, point: LossPoint) {
        self.stride = self.stride.max(1);
        let known = self.points.last().is_some_and(|last| last.step >= point.step);
        if known || !(point.step - 1).is_multiple_of(self.stride) {
            return;
        }
        self.points.push(point);
        if self.points.len() > Self::MOST {
            self.stride *= 2;
            let stride = self.stride;
            self.points.retain(|point| (point.step - 1).is_multiple_of(stride));
        }
    }

    fn truncate(&mut self, step: u64) {
        self.points.retain(|point| point.step <= step);
    }
}

/// What was done by hand after a step.
#[derive(Debug, Clone)]
struct Edit {
    /// The set-up from here on, when it changed.
    setup: Option<Rc<Setup>>,
    /// Parameters that were given another value.
    values: Vec<(usize, f64)>,
}

#[derive(Debug, Clone)]
struct Checkpoint {
    setup: Rc<Setup>,
    model: Model,
}

/// What a change of the set-up did to the optimizer's state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateChange {
    /// Fields whose numbers are gone.
    pub dropped: Vec<String>,
    /// Fields that start at their initial value.
    pub added: Vec<String>,
}

/// A model in training.
#[derive(Debug)]
pub struct Run {
    setup: Rc<Setup>,
    model: Model,
    step: u64,
    furthest: u64,
    checkpoints: BTreeMap<u64, Checkpoint>,
    edits: BTreeMap<u64, Vec<Edit>>,
    stride: u64,
    budget: usize,
    curve: LossCurve,
    ghost: Option<LossCurve>,
    work: Workspace,
}

impl Run {
    /// Checkpoints may take this many bytes in all, unless said otherwise.
    pub const BUDGET_BYTES: usize = 64 << 20;

    /// A run that starts with these parameters and the optimizer's initial state.
    pub fn new(setup: Setup, values: Vec<f64>) -> Self {
        let model = Model::new(values, &setup.optimizer);
        let setup = Rc::new(setup);
        let start = Checkpoint { setup: Rc::clone(&setup), model: model.clone() };
        Self {
            setup,
            model,
            step: 0,
            furthest: 0,
            checkpoints: BTreeMap::from([(0, start)]),
            edits: BTreeMap::new(),
            stride: 16,
            budget: Self::BUDGET_BYTES,
            curve: LossCurve::default(),
            ghost: None,
            work: Workspace::default(),
        }
    }

    /// The same run with another limit for its checkpoints, in bytes.
    #[must_use]
    pub fn with_budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// Number of steps done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The furthest step done on this branch.
    pub fn furthest(&self) -> u64 {
        self.furthest
    }

    /// Parameters and optimizer state now.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The set-up now.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The loss curve of this branch.
    pub fn curve(&self) -> &LossCurve {
        &self.curve
    }

    /// The loss curve of the branch that the last edit in the past left behind.
    pub fn ghost(&self) -> Option<&LossCurve> {
        self.ghost.as_ref()
    }

    /// Forgets the ghost.
    pub fn drop_ghost(&mut self) {
        self.ghost = None;
    }

    /// Number of checkpoints and the bytes that their numbers take.
    pub fn checkpoints(&self) -> (usize, usize) {
        (self.checkpoints.len(), self.checkpoints.len() * self.checkpoint_bytes())
    }

    /// Trains one step at full speed. On an error nothing changes.
    pub fn advance(&mut self) -> Result<Objective, Box<Diagnostic>> {
        let next = self.step + 1;
        let objective = train::step(&self.setup, &mut self.model, next, &mut self.work)?;
        self.step = next;
        self.curve.push(LossPoint { step: next, loss: objective.loss });
        if next > self.furthest {
            self.furthest = next;
        }
        self.redo_edits();
        self.keep_checkpoint();
        Ok(objective)
    }

    /// The next step, written down. The run itself does not move.
    pub fn record(&self) -> Result<RecordedStep, Box<Diagnostic>> {
        record::record(&self.setup, &self.model, self.step + 1)
    }

    /// Goes to the state after `step` steps, with the bits it had; past the furthest step this is training.
    pub fn seek(&mut self, step: u64) -> Result<(), Box<Diagnostic>> {
        let nearest = self.checkpoints.range(..=step).next_back();
        // Going on from here is shorter when no checkpoint lies between.
        let here = match nearest.filter(|(at, _)| step < self.step || **at > self.step) {
            None => None,
            Some((&at, checkpoint)) => {
                let checkpoint = checkpoint.clone();
                let model = std::mem::replace(&mut self.model, checkpoint.model);
                let setup = std::mem::replace(&mut self.setup, checkpoint.setup);
                Some((std::mem::replace(&mut self.step, at), setup, model))
            }
        };
        while self.step < step {
            if let Err(error) = self.advance() {
                // A past that cannot be reached leaves the present as it was; a future that cannot be
                // trained ends where training got to.
                if let Some((at, setup, model)) = here.filter(|(at, ..)| step <= *at) {
                    (self.step, self.setup, self.model) = (at, setup, model);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Gives a parameter (flat index) another value, from now on.
    pub fn set_parameter(&mut self, index: usize, value: f64) {
        self.branch();
        self.model.values[index] = value;
        let edits = self.edits.entry(self.step).or_default();
        // Dragging a value makes one edit, not hundreds.
        match edits.last_mut() {
            Some(edit) if edit.setup.is_none() => {
                edit.values.retain(|(at, _)| *at != index);
                edit.values.push((index, value));
            }
            _ => edits.push(Edit { setup: None, values: vec![(index, value)] }),
        }
        self.force_checkpoint();
    }

    /// Trains with another set-up of the same shape from now on. The optimizer's state carries over.
    ///
    /// # Panics
    /// When the shape is another one.
    pub fn set_setup(&mut self, setup: Setup) -> StateChange {
        assert_eq!(setup.shape, self.setup.shape, "a set-up of another shape is another run");
        self.branch();
        let same_rule = Rc::ptr_eq(&setup.optimizer.weights, &self.setup.optimizer.weights);
        let (dropped, added) = self.model.migrate(&self.setup.optimizer, &setup.optimizer);
        self.setup = Rc::new(setup);
        let edits = self.edits.entry(self.step).or_default();
        match edits.last_mut() {
            // A slider that is dragged leaves one set-up behind, not hundreds.
            Some(edit) if edit.values.is_empty() && same_rule => {
                edit.setup = Some(Rc::clone(&self.setup));
            }
            _ => edits.push(Edit { setup: Some(Rc::clone(&self.setup)), values: Vec::new() }),
        }
        self.force_checkpoint();
        StateChange { dropped, added }
    }

    /// The mean loss, without any penalty, over the training data and over the test data (when there is any) with the
    /// model as it is.
    pub fn evaluate(&mut self) -> Result<(f64, Option<f64>), Box<Diagnostic>> {
        let train = train::evaluate(&self.setup, &self.model.values, &self.setup.train, &mut self.work)?;
        let test = train::evaluate(&self.setup, &self.model.values, &self.setup.test, &mut self.work)?;
        Ok((train.unwrap_or(f64::NAN), test))
    }

    /// The network's outputs for inputs.
    pub fn predict(&mut self, inputs: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Box<Diagnostic>> {
        train::predict(&self.setup, &self.model.values, inputs, &mut self.work)
    }

    /// What every neuron answers to inputs, `[layer][neuron][sample]`.
    pub fn activations(&mut self, inputs: &[Vec<f64>]) -> Result<Vec<Vec<Vec<f64>>>, Box<Diagnostic>> {
        train::activations(&self.setup, &self.model.values, inputs, &mut self.work)
    }

    /// An edit is about to be made here: what came after is no longer true.
    fn branch(&mut self) {
        if self.furthest > self.step {
            let mut left = self.curve.clone();
            left.points.retain(|point| point.step >= self.step);
            self.ghost = Some(left);
            self.curve.truncate(self.step);
            self.furthest = self.step;
        }
        self.checkpoints.split_off(&(self.step + 1));
        self.edits.split_off(&(self.step + 1));
    }

    fn redo_edits(&mut self) {
        let Some(edits) = self.edits.get(&self.step) else { return };
        for edit in edits {
            if let Some(setup) = &edit.setup {
                self.model.migrate(&self.setup.optimizer, &setup.optimizer);
                self.setup = Rc::clone(setup);
            }
            for &(index, value) in &edit.values {
                self.model.values[index] = value;
            }
        }
    }

    fn keep_checkpoint(&mut self) {
        if self.step.is_multiple_of(self.stride) && !self.checkpoints.contains_key(&self.step) {
            self.force_checkpoint();
        }
    }

    fn force_checkpoint(&mut self) {
        let checkpoint = Checkpoint { setup: Rc::clone(&self.setup), model: self.model.clone() };
        self.checkpoints.insert(self.step, checkpoint);
        // Halving the density keeps what is left evenly spread; the start stays for ever.
        while self.checkpoints.len() > 2 && self.checkpoints().1 > self.budget {
            self.stride *= 2;
            let stride = self.stride;
            self.checkpoints.retain(|at, _| at.is_multiple_of(stride));
        }
    }

    fn checkpoint_bytes(&self) -> usize {
        // A few hundred bytes stand for the map's entry and the vectors' headers.
        256 + 8 * self.model.values.len() * (1 + self.model.state.len())
    }
}
