//! A run: a model in training, with a past that can be reached again bit for bit.
//!
//! The past is a bounded number of checkpoints plus replay; replay is exact because a step is a pure
//! function of its model and set-up. Edits (a parameter by hand, another plugin, another control, a neuron or a
//! layer more or less) are kept with the step after which they were made and are carried out again on the way: the
//! steps before a change of the structure have the structure of their time. An edit in the past starts a branch:
//! what came after is forgotten, and its loss curve stays as a ghost. A [`Line`] is all that tells one past from
//! another, without the numbers that replay brings back; to undo is to restore one.

use crate::model::Model;
use crate::parameter_path::Trail;
use crate::record::{self, RecordedStep};
use crate::setup::Setup;
use crate::structure::Reshape;
use crate::train::{self, Objective, Workspace};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// One point of the loss curve.
#[derive(Debug, Clone, Copy)]
pub struct LossPoint {
    /// The step, from 1.
    pub step: u64,
    /// The mean loss of its batch, before its update.
    pub loss: f64,
}

impl PartialEq for LossPoint {
    /// By its bits, so that a loss that is no number is the same as itself.
    fn eq(&self, other: &Self) -> bool {
        (self.step, self.loss.to_bits()) == (other.step, other.loss.to_bits())
    }
}

/// A loss curve in bounded memory: past a limit every second point is dropped.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LossCurve {
    points: Vec<LossPoint>,
    stride: u64,
}

impl LossCurve {
    const MOST: usize = 8192;

    /// A curve that was drawn before, of points in order of their steps.
    pub fn from_points(points: Vec<LossPoint>) -> Self {
        Self { points, stride: 1 }
    }

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
    /// Which parameters of the network before are those of the set-up's, when its structure changed.
    transplant: Option<Rc<Transplant>>,
    /// The set-up from here on, when it changed.
    setup: Option<Rc<Setup>>,
    /// Parameters that were given another value.
    values: Vec<(usize, f64)>,
}

/// A change of the structure, as it is carried out on a model.
#[derive(Debug)]
struct Transplant {
    origins: Vec<Option<usize>>,
    /// The numbers of new parameters, by their new indices.
    fresh: Vec<f64>,
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

/// Edits by the step after which they were made.
type Edits = BTreeMap<u64, Vec<Edit>>;

/// Where a run stands and what made it so: its start and its edits, with the curves that were drawn. It shares
/// all of that with the run, so that one for each change by hand costs little.
#[derive(Debug, Clone)]
pub struct Line {
    start: Rc<Checkpoint>,
    edits: Rc<Edits>,
    step: u64,
    furthest: u64,
    curve: Rc<LossCurve>,
    ghost: Option<Arc<LossCurve>>,
}

impl Line {
    /// The number of steps that were done.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The furthest step that was done.
    pub fn furthest(&self) -> u64 {
        self.furthest
    }

    /// The loss curve of the branch that was left last.
    pub fn ghost(&self) -> Option<&Arc<LossCurve>> {
        self.ghost.as_ref()
    }
}

/// A run's beginning and edits as they are at a time: equal only when they are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edition(u64);

impl Edition {
    fn another() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// A model in training.
#[derive(Debug)]
pub struct Run {
    /// What it began with, before any edit.
    start: Rc<Checkpoint>,
    edition: Edition,
    setup: Rc<Setup>,
    model: Model,
    step: u64,
    furthest: u64,
    checkpoints: BTreeMap<u64, Checkpoint>,
    edits: Rc<Edits>,
    stride: u64,
    budget: usize,
    /// The most parameters that the network has had.
    widest: usize,
    curve: Rc<LossCurve>,
    ghost: Option<Arc<LossCurve>>,
    trail: Trail,
    ghost_trail: Option<Trail>,
    work: Workspace,
}

impl Run {
    /// Checkpoints may take this many bytes in all, unless said otherwise.
    pub const BUDGET_BYTES: usize = 64 << 20;
    /// Steps between checkpoints, until there are too many.
    const STRIDE: u64 = 16;

    /// A run that starts with these parameters and the optimizer's initial state.
    pub fn new(setup: Setup, values: Vec<f64>) -> Self {
        let model = Model::new(values, &setup.optimizer);
        let (setup, widest) = (Rc::new(setup), model.values.len());
        let start = Checkpoint { setup: Rc::clone(&setup), model: model.clone() };
        Self {
            trail: Trail::new(&setup.shape, &model.values),
            start: Rc::new(start),
            edition: Edition::another(),
            setup,
            model,
            step: 0,
            furthest: 0,
            checkpoints: BTreeMap::new(),
            edits: Rc::default(),
            stride: Self::STRIDE,
            budget: Self::BUDGET_BYTES,
            widest,
            curve: Rc::default(),
            ghost: None,
            ghost_trail: None,
            work: Workspace::default(),
        }
    }

    /// A run with the same beginning and the same edits that differs in its set-up alone, which `change` makes from that
    /// of each stretch of this run. It stands at its beginning.
    pub fn twin<E>(&self, mut change: impl FnMut(&Setup) -> Result<Setup, E>) -> Result<Self, E> {
        let mut twin = Self::new(change(&self.start.setup)?, self.start.model.values.clone()).with_budget(self.budget);
        let mut edits = Edits::new();
        for (&step, made) in &*self.edits {
            let mut changed = Vec::with_capacity(made.len());
            for Edit { transplant, setup, values } in made {
                let setup = setup.as_ref().map(|setup| change(setup)).transpose()?.map(Rc::new);
                changed.push(Edit { transplant: transplant.clone(), setup, values: values.clone() });
            }
            edits.insert(step, changed);
        }
        twin.edits = Rc::new(edits);
        twin.trail = Trail::default();
        twin.load(0);
        Ok(twin)
    }

    /// The same run with another limit for its checkpoints, in bytes.
    #[must_use]
    pub fn with_budget(mut self, bytes: usize) -> Self {
        self.budget = bytes;
        self
    }

    /// Its beginning and edits; another one after each edit.
    pub fn edition(&self) -> Edition {
        self.edition
    }

    /// Lets at most so many threads work on a step; the bits do not depend on it.
    pub fn set_threads(&mut self, threads: usize) {
        self.work.set_threads(threads);
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

    /// The way that the parameters took on this branch, also beyond the present step.
    pub fn trail(&self) -> &Trail {
        &self.trail
    }

    /// Somebody looks at the way of two parameters (flat indices) of the network as it is now.
    pub fn watch(&mut self, axes: [usize; 2]) {
        self.trail.watch(&self.setup.shape, axes);
    }

    /// Computes the losses of the trail's points, some samples of one point at a time, and answers whether more are to
    /// come. A point where a script fails is not asked for again.
    pub fn evaluate_trail(&mut self) -> Result<bool, Box<Diagnostic>> {
        let Some(step) = self.trail.wanted() else { return Ok(false) };
        let setup = Rc::clone(self.setup_after(step));
        self.trail.go_on(&setup)?;
        Ok(self.trail.wanted().is_some())
    }

    /// Number of points of the trail whose losses are not known.
    pub fn unknown_losses(&self) -> usize {
        self.trail.points().iter().filter(|point| point.losses.is_none()).count()
    }

    /// What goes on from a past step of this branch.
    fn setup_after(&self, step: u64) -> &Rc<Setup> {
        let mut edits = self.edits.range(..=step).rev().flat_map(|(_, edits)| edits.iter().rev());
        edits.find_map(|edit| edit.setup.as_ref()).unwrap_or(&self.start.setup)
    }

    /// The loss curve of this branch.
    pub fn curve(&self) -> &LossCurve {
        &self.curve
    }

    /// The loss curve of the branch that the last edit in the past left behind.
    pub fn ghost(&self) -> Option<&Arc<LossCurve>> {
        self.ghost.as_ref()
    }

    /// The way that the parameters took on that branch.
    pub fn ghost_trail(&self) -> Option<&Trail> {
        self.ghost_trail.as_ref()
    }

    /// Shows another ghost, or none: that of a run that was made before, which this one is made like.
    pub fn set_ghost(&mut self, ghost: Option<Arc<LossCurve>>) {
        self.ghost = ghost;
        self.ghost_trail = None;
    }

    /// Number of checkpoints, the start among them, and the bytes that their numbers take.
    pub fn checkpoints(&self) -> (usize, usize) {
        let count = 1 + self.checkpoints.len();
        (count, count * self.checkpoint_bytes())
    }

    /// What tells this run as it stands from every other.
    pub fn line(&self) -> Line {
        Line {
            start: Rc::clone(&self.start),
            edits: Rc::clone(&self.edits),
            step: self.step,
            furthest: self.furthest,
            curve: Rc::clone(&self.curve),
            ghost: self.ghost.clone(),
        }
    }

    /// Takes up a line again, also one of another start. The run then stands at a step at or before the line's,
    /// with its bits; [`Run::seek`] goes the rest of the way.
    pub fn restore(&mut self, line: &Line) {
        let is_same_start = Rc::ptr_eq(&self.start, &line.start);
        // Up to there both lines have the same numbers.
        let same = if is_same_start { parting(&self.edits, &line.edits) } else { Some(0) };
        if let Some(parting) = same {
            self.checkpoints.split_off(&parting);
            // What comes after is passed again on the way to where the line stands.
            self.trail.forget(parting);
        }
        self.edition = Edition::another();
        // The way that another branch took is not kept with each line.
        self.ghost_trail = None;
        if !is_same_start {
            self.trail = Trail::default();
            self.start = Rc::clone(&line.start);
            self.widest = self.start.model.values.len();
            self.stride = Self::STRIDE;
        }
        let is_here = self.step <= line.step && same.is_none_or(|parting| self.step < parting);
        self.edits = Rc::clone(&line.edits);
        self.furthest = line.furthest;
        self.curve = Rc::clone(&line.curve);
        self.ghost.clone_from(&line.ghost);
        if !is_here {
            self.load(line.step);
        }
    }

    /// The step that going to a step starts from.
    pub fn starts_from(&self, step: u64) -> u64 {
        let nearest = self.checkpoints.range(..=step).next_back().map_or(0, |(at, _)| *at);
        if self.step <= step { nearest.max(self.step) } else { nearest }
    }

    /// Trains one step at full speed. On an error nothing changes.
    pub fn advance(&mut self) -> Result<Objective, Box<Diagnostic>> {
        let next = self.step + 1;
        let objective = train::step(&self.setup, &mut self.model, next, &mut self.work)?;
        self.step = next;
        if next > self.furthest {
            Rc::make_mut(&mut self.curve).push(LossPoint { step: next, loss: objective.loss });
            self.furthest = next;
        }
        self.redo_edits();
        self.trail.push(next, &self.setup.shape, &self.model.values);
        self.keep_checkpoint();
        Ok(objective)
    }

    /// The next step, written down. The run itself does not move.
    pub fn record(&self) -> Result<RecordedStep, Box<Diagnostic>> {
        record::record(&self.setup, &self.model, self.step + 1)
    }

    /// Goes to the state after `step` steps, with the bits it had; past the furthest step this is training.
    pub fn seek(&mut self, step: u64) -> Result<(), Box<Diagnostic>> {
        let here = (self.step, Rc::clone(&self.setup));
        // Going on from here is shorter when no checkpoint lies between.
        let left = (self.starts_from(step) != self.step).then(|| self.load(step));
        while self.step < step {
            if let Err(error) = self.advance() {
                // A past that cannot be reached leaves the present as it was; a future that cannot be
                // trained ends where training got to.
                if let Some(model) = left.filter(|_| step <= here.0) {
                    (self.step, self.setup) = here;
                    self.model = model;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Stands at the nearest checkpoint at or before a step; answers the model that it had.
    fn load(&mut self, step: u64) -> Model {
        let nearest = self.checkpoints.range(..=step).next_back();
        let (at, checkpoint) = match nearest {
            Some((&at, checkpoint)) => (at, checkpoint.clone()),
            None => (0, (*self.start).clone()),
        };
        let is_start = nearest.is_none();
        if checkpoint.setup.shape != self.setup.shape {
            self.work = Workspace::default();
        }
        self.step = at;
        self.widest = self.widest.max(checkpoint.model.values.len());
        self.setup = checkpoint.setup;
        let left = std::mem::replace(&mut self.model, checkpoint.model);
        if is_start {
            self.redo_edits();
        }
        self.trail.push(at, &self.setup.shape, &self.model.values);
        left
    }

    /// Gives a parameter (flat index) another value, from now on.
    pub fn set_parameter(&mut self, index: usize, value: f64) {
        self.branch();
        self.model.values[index] = value;
        let edits = Rc::make_mut(&mut self.edits).entry(self.step).or_default();
        // Dragging a value makes one edit, not hundreds.
        match edits.last_mut() {
            Some(edit) if edit.setup.is_none() => {
                edit.values.retain(|(at, _)| *at != index);
                edit.values.push((index, value));
            }
            _ => edits.push(Edit { transplant: None, setup: None, values: vec![(index, value)] }),
        }
        self.trail.cut(self.step, &self.setup.shape, &self.model.values);
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
        let edits = Rc::make_mut(&mut self.edits).entry(self.step).or_default();
        match edits.last_mut() {
            // A slider that is dragged leaves one set-up behind, not hundreds.
            Some(edit) if edit.values.is_empty() && same_rule => {
                edit.setup = Some(Rc::clone(&self.setup));
            }
            _ => edits.push(Edit { transplant: None, setup: Some(Rc::clone(&self.setup)), values: Vec::new() }),
        }
        // The losses there are those of the new set-up.
        self.trail.cut(self.step, &self.setup.shape, &self.model.values);
        self.force_checkpoint();
        StateChange { dropped, added }
    }

    /// The model as it would be after a change of the structure: `setup` is what would be trained with, `fresh` holds
    /// the numbers of parameters that are new, at their new places.
    pub fn reshaped(&self, setup: &Setup, reshape: Reshape, fresh: &[f64]) -> Model {
        let origins = reshape.origins(&self.setup.shape, &setup.shape);
        self.model.transplanted(&origins, fresh, &setup.optimizer)
    }

    /// Changes the structure from now on. What stays keeps its numbers, its state, and whether it is frozen; `setup`
    /// is that of the new structure and has the same optimizer, `fresh` holds the numbers of new parameters at their
    /// new places.
    pub fn reshape(&mut self, mut setup: Setup, reshape: Reshape, fresh: Vec<f64>) {
        self.branch();
        let origins = reshape.origins(&self.setup.shape, &setup.shape);
        let was_frozen = |origin: &Option<usize>| origin.is_some_and(|at| self.setup.frozen.contains(&at));
        let frozen = (0..origins.len()).filter(|&index| was_frozen(&origins[index])).collect();
        setup.frozen = Arc::new(frozen);
        let transplant = Rc::new(Transplant { origins, fresh });
        let setup = Rc::new(setup);
        self.take_over(Some(&transplant), &setup);
        let edit = Edit { transplant: Some(transplant), setup: Some(setup), values: Vec::new() };
        Rc::make_mut(&mut self.edits).entry(self.step).or_default().push(edit);
        self.trail.cut(self.step, &self.setup.shape, &self.model.values);
        self.force_checkpoint();
    }

    /// Goes on with another set-up, which may be one of another structure.
    fn take_over(&mut self, transplant: Option<&Transplant>, setup: &Rc<Setup>) {
        if let Some(Transplant { origins, fresh }) = transplant {
            self.model = self.model.transplanted(origins, fresh, &self.setup.optimizer);
            self.widest = self.widest.max(self.model.values.len());
            self.work = Workspace::default();
        }
        self.model.migrate(&self.setup.optimizer, &setup.optimizer);
        self.setup = Rc::clone(setup);
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
        self.edition = Edition::another();
        if self.furthest > self.step {
            let mut left = (*self.curve).clone();
            left.points.retain(|point| point.step >= self.step);
            self.ghost = Some(Arc::new(left));
            self.ghost_trail = Some(self.trail.clone());
            Rc::make_mut(&mut self.curve).truncate(self.step);
            self.furthest = self.step;
        }
        self.checkpoints.split_off(&(self.step + 1));
        if self.edits.range(self.step + 1..).next().is_some() {
            Rc::make_mut(&mut self.edits).split_off(&(self.step + 1));
        }
    }

    fn redo_edits(&mut self) {
        let edits = Rc::clone(&self.edits);
        for edit in edits.get(&self.step).into_iter().flatten() {
            if let Some(setup) = &edit.setup {
                self.take_over(edit.transplant.as_deref(), setup);
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
        while self.checkpoints.len() > 1 && self.checkpoints().1 > self.budget {
            self.stride *= 2;
            let stride = self.stride;
            self.checkpoints.retain(|at, _| at.is_multiple_of(stride));
        }
    }

    fn checkpoint_bytes(&self) -> usize {
        // A few hundred bytes stand for the map's entry and the vectors' headers.
        256 + 8 * self.widest * (1 + self.model.state.len())
    }
}

/// The first step at which two lines of one start were edited in different ways; nothing when there is none.
fn parting(one: &Rc<Edits>, other: &Rc<Edits>) -> Option<u64> {
    if Rc::ptr_eq(one, other) {
        return None;
    }
    let steps = one.keys().chain(other.keys()).copied();
    steps.filter(|step| !same(one.get(step), other.get(step))).min()
}

/// Whether edits do the same, bit for bit.
fn same(one: Option<&Vec<Edit>>, other: Option<&Vec<Edit>>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    let setups = |a: &Option<Rc<Setup>>, b: &Option<Rc<Setup>>| match (a, b) {
        (Some(a), Some(b)) => Rc::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let values = |a: &Edit| a.values.iter().map(|(at, value)| (*at, value.to_bits())).collect::<Vec<_>>();
    one.len() == other.len() && one.iter().zip(other).all(|(a, b)| setups(&a.setup, &b.setup) && values(a) == values(b))
}
