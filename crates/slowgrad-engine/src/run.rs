//! A run: a model in training, with a history in which every past step can be restored bit for bit.
//!
//! The history is a bounded number of checkpoints plus replay; replay is exact because a step is a pure function of its
//! model and setup. Edits (a parameter set by hand, another plugin, another control value, a neuron or a layer added or
//! removed) are stored with the step after which they were made and applied again on replay; steps before a change of
//! the structure have the structure of their time. An edit in the past starts a branch: later steps are dropped, and
//! their loss curve stays as the abandoned branch. A [`RunRevision`] identifies one history without the numbers that
//! replay recomputes; undo restores a revision.

mod loss_curve;
mod restored;

pub use loss_curve::{LossCurve, LossPoint};
pub use restored::{Proof, StateMismatch, StoredState};

use crate::evaluation::Evaluated;
use crate::model::Model;
use crate::parameter_path::ParameterPath;
use crate::record::{self, RecordedStep};
use crate::setup::Setup;
use crate::structure::Reshape;
use crate::train::{self, Objective, Workspace};
use restored::{Recomputation, RestoredState};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// An edit after a step.
#[derive(Debug, Clone)]
struct Edit {
    /// For a change of the structure: where the new network's parameters come from.
    remap: Option<Rc<ParameterRemap>>,
    /// The new setup, if it changed.
    setup: Option<Rc<Setup>>,
    /// New values of parameters: (flat index, value).
    values: Vec<(usize, f64)>,
}

/// A change of the structure as it applies to a model. `origins[index]` is the old flat index of each new parameter,
/// `None` for those without a predecessor.
#[derive(Debug)]
struct ParameterRemap {
    origins: Vec<Option<usize>>,
    /// The values of parameters without a predecessor, by their new flat indices.
    fresh: Vec<f64>,
}

#[derive(Debug, Clone)]
struct Checkpoint {
    setup: Rc<Setup>,
    model: Model,
}

impl Edit {
    /// Makes the edit in the current setup and model.
    fn apply(&self, setup: &mut Rc<Setup>, model: &mut Model) {
        if let Some(new) = &self.setup {
            if let Some(ParameterRemap { origins, fresh }) = self.remap.as_deref() {
                *model = model.remapped(origins, fresh, &setup.optimizer);
            }
            model.migrate(&setup.optimizer, &new.optimizer);
            *setup = Rc::clone(new);
        }
        for &(index, value) in &self.values {
            model.values[index] = value;
        }
    }
}

/// The state in which a run begins, before any edit.
#[derive(Debug)]
struct Start {
    /// Number of completed steps: 0 unless the run resumes another one.
    step: u64,
    state: Checkpoint,
}

/// The effect of a change of the setup on the optimizer state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateChange {
    /// State fields that were dropped.
    pub dropped: Vec<String>,
    /// State fields that start at their initial value.
    pub added: Vec<String>,
}

/// Edits by the step after which they were made.
type Edits = BTreeMap<u64, Vec<Edit>>;

/// A revision of a run: its start, its edits, the current step and the loss curves. It shares all of that with the run,
/// so that storing one for each edit is cheap.
#[derive(Debug, Clone)]
pub struct RunRevision {
    start: Rc<Start>,
    edits: Rc<Edits>,
    step: u64,
    furthest: u64,
    curve: Rc<LossCurve>,
    abandoned_branch: Option<Arc<LossCurve>>,
    restored: Option<Rc<RestoredState>>,
}

impl RunRevision {
    /// Number of completed steps.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The furthest step that was completed on this branch.
    pub fn furthest(&self) -> u64 {
        self.furthest
    }

    /// The loss curve of the branch that was abandoned last.
    pub fn abandoned_branch(&self) -> Option<&Arc<LossCurve>> {
        self.abandoned_branch.as_ref()
    }
}

/// A version of a run's start and edits. Two versions are equal only if nothing changed between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunVersion(u64);

impl RunVersion {
    fn next() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// A model in training.
#[derive(Debug)]
pub struct Run {
    start: Rc<Start>,
    version: RunVersion,
    setup: Rc<Setup>,
    model: Model,
    step: u64,
    furthest: u64,
    checkpoints: BTreeMap<u64, Checkpoint>,
    edits: Rc<Edits>,
    stride: u64,
    budget_bytes: usize,
    /// The largest number of parameters that the network has had.
    max_parameters: usize,
    curve: Rc<LossCurve>,
    abandoned_branch: Option<Arc<LossCurve>>,
    path: ParameterPath,
    abandoned_path: Option<ParameterPath>,
    /// The stored state that the run was restored from.
    restored: Option<Rc<RestoredState>>,
    /// The recomputation of the steps before `restored`.
    recomputation: Option<Recomputation>,
    work: Workspace,
}

impl Run {
    /// Default limit for the memory of all checkpoints, in bytes.
    pub const DEFAULT_BUDGET_BYTES: usize = 64 << 20;
    /// Steps between checkpoints, until they exceed the budget.
    const INITIAL_STRIDE: u64 = 16;

    /// A run that starts with these parameters (flat, as [`Shape`](crate::shape::Shape) orders them) and the
    /// optimizer's initial state.
    pub fn new(setup: Setup, values: Vec<f64>) -> Self {
        let model = Model::new(values, &setup.optimizer);
        Self::resumed(setup, model, 0)
    }

    /// A run that continues another one after `step` completed steps. It cannot go back before that step.
    pub fn resumed(setup: Setup, model: Model, step: u64) -> Self {
        let (setup, max_parameters) = (Rc::new(setup), model.values.len());
        let start = Start { step, state: Checkpoint { setup: Rc::clone(&setup), model: model.clone() } };
        Self {
            path: ParameterPath::new(step, &setup.shape, &model.values),
            start: Rc::new(start),
            version: RunVersion::next(),
            setup,
            model,
            step,
            furthest: step,
            checkpoints: BTreeMap::new(),
            edits: Rc::default(),
            stride: Self::INITIAL_STRIDE,
            budget_bytes: Self::DEFAULT_BUDGET_BYTES,
            max_parameters,
            curve: Rc::default(),
            abandoned_branch: None,
            abandoned_path: None,
            restored: None,
            recomputation: None,
            work: Workspace::default(),
        }
    }

    /// A run with the same start and edits but other setups, at its start. `change` returns the new setup for each setup
    /// of this run.
    ///
    /// # Errors
    /// The first error of `change`.
    pub fn variant<E>(&self, mut change: impl FnMut(&Setup) -> Result<Setup, E>) -> Result<Self, E> {
        let Start { step, state } = &*self.start;
        let setup = change(&state.setup)?;
        let mut model = Model::new(state.model.values.clone(), &setup.optimizer);
        if *step > 0 {
            model.state.clone_from(&state.model.state);
            model.migrate(&state.setup.optimizer, &setup.optimizer);
        }
        let mut variant = Self::resumed(setup, model, *step).with_budget(self.budget_bytes);
        let mut edits = Edits::new();
        for (&step, made) in &*self.edits {
            let mut changed = Vec::with_capacity(made.len());
            for Edit { remap, setup, values } in made {
                let setup = setup.as_ref().map(|setup| change(setup)).transpose()?.map(Rc::new);
                changed.push(Edit { remap: remap.clone(), setup, values: values.clone() });
            }
            edits.insert(step, changed);
        }
        variant.edits = Rc::new(edits);
        variant.path = ParameterPath::default();
        variant.load_checkpoint(*step);
        Ok(variant)
    }

    /// Sets the limit for the memory of all checkpoints, in bytes.
    #[must_use]
    pub fn with_budget(mut self, bytes: usize) -> Self {
        self.budget_bytes = bytes;
        self
    }

    /// The version of the run's start and edits; a new one after each edit.
    pub fn version(&self) -> RunVersion {
        self.version
    }

    /// Sets the maximum number of threads for a step. The results are the same bits for any number.
    pub fn set_threads(&mut self, threads: usize) {
        self.work.set_threads(threads);
    }

    /// Number of completed steps.
    pub fn step(&self) -> u64 {
        self.step
    }

    /// The furthest step completed on this branch.
    pub fn furthest(&self) -> u64 {
        self.furthest
    }

    /// The current parameters and optimizer state.
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The current setup.
    pub fn setup(&self) -> &Setup {
        &self.setup
    }

    /// The current setup with its other owners.
    pub(crate) fn shared_setup(&self) -> &Rc<Setup> {
        &self.setup
    }

    /// The path of the parameters on this branch, including steps after the current one.
    pub fn parameter_path(&self) -> &ParameterPath {
        &self.path
    }

    /// Watches two parameters (flat indices) of the current network: the path then stores their values at more steps.
    pub fn watch(&mut self, axes: [usize; 2]) {
        self.path.watch(&self.setup.shape, axes);
    }

    /// Computes the scores of the path's points: one block of samples of one point for each call. Returns whether more
    /// scores are pending.
    ///
    /// # Errors
    /// The diagnostic of a failing script. The loss of that point becomes NaN, and it is not evaluated again.
    pub fn evaluate_path(&mut self) -> Result<bool, Box<Diagnostic>> {
        let Some(step) = self.path.next_step() else { return Ok(false) };
        let setup = Rc::clone(self.setup_after(step));
        self.path.evaluate(&setup)?;
        Ok(self.path.next_step().is_some())
    }

    /// Number of points of the path whose scores are not computed yet.
    pub fn unknown_scores(&self) -> usize {
        self.path.points().iter().filter(|point| point.scores.is_none()).count()
    }

    /// The setup with which a past step of this branch continues.
    fn setup_after(&self, step: u64) -> &Rc<Setup> {
        let mut edits = self.edits.range(..=step).rev().flat_map(|(_, edits)| edits.iter().rev());
        edits.find_map(|edit| edit.setup.as_ref()).unwrap_or(&self.start.state.setup)
    }

    /// The loss curve of this branch.
    pub fn curve(&self) -> &LossCurve {
        &self.curve
    }

    /// The loss curve of the branch that the last edit in the past abandoned.
    pub fn abandoned_branch(&self) -> Option<&Arc<LossCurve>> {
        self.abandoned_branch.as_ref()
    }

    /// The path of the parameters on the abandoned branch.
    pub fn abandoned_path(&self) -> Option<&ParameterPath> {
        self.abandoned_path.as_ref()
    }

    /// Replaces the abandoned branch, or removes it. Used to restore the branch of a stored run that this run repeats.
    pub fn set_abandoned_branch(&mut self, branch: Option<Arc<LossCurve>>) {
        self.abandoned_branch = branch;
        self.abandoned_path = None;
    }

    /// Number of checkpoints, including the start, and the memory of their numbers in bytes.
    pub fn checkpoints(&self) -> (usize, usize) {
        let count = 1 + self.checkpoints.len() + usize::from(self.restored.is_some());
        (count, count * self.checkpoint_bytes())
    }

    /// The current revision of the run.
    pub fn revision(&self) -> RunRevision {
        RunRevision {
            start: Rc::clone(&self.start),
            edits: Rc::clone(&self.edits),
            step: self.step,
            furthest: self.furthest,
            curve: Rc::clone(&self.curve),
            abandoned_branch: self.abandoned_branch.clone(),
            restored: self.restored.clone(),
        }
    }

    /// Restores a revision, even one with another start. Afterwards the run is at a step at or before the revision's,
    /// with that step's bits; [`Run::seek`] replays the rest.
    pub fn restore(&mut self, revision: &RunRevision) {
        let same_start = Rc::ptr_eq(&self.start, &revision.start);
        // Both histories agree up to this step.
        let diverges_at = if same_start { divergence(&self.edits, &revision.edits) } else { Some(0) };
        if let Some(divergence) = diverges_at {
            self.checkpoints.split_off(&divergence);
            // Replay up to the revision's step adds the later points again.
            self.path.truncate(divergence);
        }
        self.version = RunVersion::next();
        // A revision does not store the path of its abandoned branch.
        self.abandoned_path = None;
        if !same_start {
            self.path = ParameterPath::default();
            self.start = Rc::clone(&revision.start);
            self.max_parameters = self.start.state.model.values.len();
            self.stride = Self::INITIAL_STRIDE;
        }
        let position_kept = self.step <= revision.step && diverges_at.is_none_or(|divergence| self.step < divergence);
        self.edits = Rc::clone(&revision.edits);
        self.furthest = revision.furthest;
        self.curve = Rc::clone(&revision.curve);
        self.abandoned_branch.clone_from(&revision.abandoned_branch);
        self.restored.clone_from(&revision.restored);
        if !position_kept {
            self.load_checkpoint(revision.step);
        }
    }

    /// The step at which a [`seek`](Self::seek) to `step` starts its replay.
    pub fn replay_start(&self, step: u64) -> u64 {
        let (nearest, ..) = self.nearest_state(step);
        if self.step <= step { nearest.max(self.step) } else { nearest }
    }

    /// Trains one step at full speed and returns the objective before its update.
    ///
    /// # Errors
    /// The diagnostic of a failing script. The run is unchanged then.
    pub fn advance(&mut self) -> Result<Objective, Box<Diagnostic>> {
        let next = self.step + 1;
        let objective = train::step(&self.setup, &mut self.model, next, &mut self.work)?;
        self.step = next;
        if next > self.furthest {
            Rc::make_mut(&mut self.curve).push(LossPoint { step: next, loss: objective.loss });
            self.furthest = next;
        }
        self.apply_edits(0);
        self.path.push(next, &self.setup.shape, &self.model.values);
        self.store_checkpoint_if_due();
        Ok(objective)
    }

    /// Records the next step without advancing the run.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn record(&self) -> Result<RecordedStep, Box<Diagnostic>> {
        record::record(&self.setup, &self.model, self.step + 1)
    }

    /// Restores the state after `step` steps bit for bit; trains if that is beyond the furthest step.
    ///
    /// # Errors
    /// The diagnostic of a failing script. If `step` is in the past, the run is unchanged then; if it is in the future,
    /// the run stays at the last step that succeeded.
    pub fn seek(&mut self, step: u64) -> Result<(), Box<Diagnostic>> {
        let here = (self.step, Rc::clone(&self.setup));
        // If no checkpoint is nearer, replay continues from the current step.
        let left = (self.replay_start(step) != self.step).then(|| self.load_checkpoint(step));
        while self.step < step {
            if let Err(error) = self.advance() {
                // A failed replay of the past restores the present; failed training stays where it is.
                if let Some(model) = left.filter(|_| step <= here.0) {
                    (self.step, self.setup) = here;
                    self.model = model;
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// The state from which replay to a step starts: the number of its step, the state, and the number of edits at that
    /// step that it contains.
    fn nearest_state(&self, step: u64) -> (u64, &Checkpoint, usize) {
        let (at, state, contained) = match self.checkpoints.range(..=step).next_back() {
            Some((&at, checkpoint)) => (at, checkpoint, usize::MAX),
            None => (self.start.step, &self.start.state, 0),
        };
        match &self.restored {
            // A checkpoint at the same step contains all edits.
            Some(restored) if at < restored.step && restored.step <= step && restored.fits(self) => {
                (restored.step, &restored.state, restored.contained_edits)
            }
            _ => (at, state, contained),
        }
    }

    /// Loads the nearest state at or before a step. Returns the model that was current before.
    fn load_checkpoint(&mut self, step: u64) -> Model {
        let (at, checkpoint, contained) = self.nearest_state(step);
        let checkpoint = checkpoint.clone();
        if checkpoint.setup.shape != self.setup.shape {
            self.work = Workspace::default();
        }
        self.step = at;
        self.max_parameters = self.max_parameters.max(checkpoint.model.values.len());
        self.setup = checkpoint.setup;
        let left = std::mem::replace(&mut self.model, checkpoint.model);
        self.apply_edits(contained);
        self.path.push(at, &self.setup.shape, &self.model.values);
        left
    }

    /// Sets a parameter (flat index) by hand after the current step.
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
            _ => edits.push(Edit { remap: None, setup: None, values: vec![(index, value)] }),
        }
        self.path.replace_from(self.step, &self.setup.shape, &self.model.values);
        self.store_checkpoint();
    }

    /// Changes the setup after the current step. The optimizer's state carries over by field name.
    ///
    /// # Panics
    /// When the setup has another shape.
    pub fn set_setup(&mut self, setup: Setup) -> StateChange {
        assert_eq!(setup.shape, self.setup.shape, "a set-up of another shape is another run");
        self.branch();
        let same_rule = setup.optimizer.rule.is_same(&self.setup.optimizer.rule);
        let (dropped, added) = self.model.migrate(&self.setup.optimizer, &setup.optimizer);
        self.setup = Rc::new(setup);
        let edits = Rc::make_mut(&mut self.edits).entry(self.step).or_default();
        match edits.last_mut() {
            // Dragging a slider stores one setup, not hundreds.
            Some(edit) if edit.values.is_empty() && same_rule => {
                edit.setup = Some(Rc::clone(&self.setup));
            }
            _ => edits.push(Edit { remap: None, setup: Some(Rc::clone(&self.setup)), values: Vec::new() }),
        }
        // The point's scores change with the setup.
        self.path.replace_from(self.step, &self.setup.shape, &self.model.values);
        self.store_checkpoint();
        StateChange { dropped, added }
    }

    /// The model after a change of the structure, without applying it. `setup` is the setup of the new structure,
    /// `fresh` holds the values of new parameters at their new flat indices.
    pub fn reshaped(&self, setup: &Setup, reshape: Reshape, fresh: &[f64]) -> Model {
        let origins = reshape.origins(&self.setup.shape, &setup.shape);
        self.model.remapped(&origins, fresh, &setup.optimizer)
    }

    /// Changes the structure after the current step. Parameters that remain keep their values, their optimizer state
    /// and whether they are frozen. `setup` is the setup of the new structure, with the same optimizer; `fresh` holds
    /// the values of new parameters at their new flat indices.
    pub fn reshape(&mut self, mut setup: Setup, reshape: Reshape, fresh: Vec<f64>) {
        self.branch();
        let origins = reshape.origins(&self.setup.shape, &setup.shape);
        let was_frozen = |origin: &Option<usize>| origin.is_some_and(|at| self.setup.frozen.contains(&at));
        let frozen = (0..origins.len()).filter(|&index| was_frozen(&origins[index])).collect();
        setup.frozen = Arc::new(frozen);
        let remap = Rc::new(ParameterRemap { origins, fresh });
        let edit = Edit { remap: Some(remap), setup: Some(Rc::new(setup)), values: Vec::new() };
        self.apply_edit(&edit);
        Rc::make_mut(&mut self.edits).entry(self.step).or_default().push(edit);
        self.path.replace_from(self.step, &self.setup.shape, &self.model.values);
        self.store_checkpoint();
    }

    fn apply_edit(&mut self, edit: &Edit) {
        edit.apply(&mut self.setup, &mut self.model);
        if edit.remap.is_some() {
            self.max_parameters = self.max_parameters.max(self.model.values.len());
            self.work = Workspace::default();
        }
    }

    /// Evaluates the current model on the training and test data. Penalties are not included.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn evaluate(&mut self) -> Result<Evaluated, Box<Diagnostic>> {
        Evaluated::new(&self.setup, &self.model.values, &mut self.work)
    }

    /// The network's outputs, `[sample][output]`, for inputs `[sample][input]`.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn predict(&mut self, inputs: &[Vec<f64>]) -> Result<Vec<Vec<f64>>, Box<Diagnostic>> {
        train::predict(&self.setup, &self.model.values, inputs, &mut self.work)
    }

    /// The activations of all neurons, `[layer][neuron][sample]`, for inputs `[sample][input]`.
    ///
    /// # Errors
    /// The diagnostic of a failing script.
    pub fn activations(&mut self, inputs: &[Vec<f64>]) -> Result<Vec<Vec<Vec<f64>>>, Box<Diagnostic>> {
        train::activations(&self.setup, &self.model.values, inputs, &mut self.work)
    }

    /// Starts a branch at the current step, before an edit: drops all later steps.
    fn branch(&mut self) {
        self.version = RunVersion::next();
        if self.furthest > self.step {
            let mut left = (*self.curve).clone();
            left.drop_before(self.step);
            self.abandoned_branch = Some(Arc::new(left));
            self.abandoned_path = Some(self.path.clone());
            Rc::make_mut(&mut self.curve).truncate(self.step);
            self.furthest = self.step;
        }
        self.checkpoints.split_off(&(self.step + 1));
        if self.edits.range(self.step + 1..).next().is_some() {
            Rc::make_mut(&mut self.edits).split_off(&(self.step + 1));
        }
    }

    /// Makes the edits at the current step, except the first ones, which the state contains.
    fn apply_edits(&mut self, contained: usize) {
        let edits = Rc::clone(&self.edits);
        for edit in edits.get(&self.step).into_iter().flatten().skip(contained) {
            self.apply_edit(edit);
        }
    }

    fn store_checkpoint_if_due(&mut self) {
        if self.step.is_multiple_of(self.stride) && !self.checkpoints.contains_key(&self.step) {
            self.store_checkpoint();
        }
    }

    fn store_checkpoint(&mut self) {
        let checkpoint = Checkpoint { setup: Rc::clone(&self.setup), model: self.model.clone() };
        self.insert_checkpoint(self.step, checkpoint);
    }

    fn insert_checkpoint(&mut self, step: u64, checkpoint: Checkpoint) {
        self.checkpoints.insert(step, checkpoint);
        // Doubling the stride keeps the remaining checkpoints evenly spaced. The start is never dropped.
        while self.checkpoints.len() > 1 && self.checkpoints().1 > self.budget_bytes {
            self.stride *= 2;
            let stride = self.stride;
            self.checkpoints.retain(|at, _| at.is_multiple_of(stride));
        }
    }

    fn checkpoint_bytes(&self) -> usize {
        // The constant accounts for the map's entry and the vectors' headers.
        256 + 8 * self.max_parameters * (1 + self.model.state.len())
    }
}

/// The first step at which the edits of two histories with one start differ; `None` if they never do.
fn divergence(one: &Rc<Edits>, other: &Rc<Edits>) -> Option<u64> {
    if Rc::ptr_eq(one, other) {
        return None;
    }
    let steps = one.keys().chain(other.keys()).copied();
    steps.filter(|step| !same_edits(one.get(step), other.get(step))).min()
}

/// Whether two lists of edits do the same, bit for bit.
fn same_edits(one: Option<&Vec<Edit>>, other: Option<&Vec<Edit>>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return false };
    one.len() == other.len() && starts_with(one, other)
}

/// Whether the first edits of a list do the same as all of another list, bit for bit.
fn starts_with(list: &[Edit], first: &[Edit]) -> bool {
    let setups = |a: &Option<Rc<Setup>>, b: &Option<Rc<Setup>>| match (a, b) {
        (Some(a), Some(b)) => Rc::ptr_eq(a, b),
        (a, b) => a.is_none() && b.is_none(),
    };
    let values = |a: &Edit| a.values.iter().map(|(at, value)| (*at, value.to_bits())).collect::<Vec<_>>();
    list.len() >= first.len()
        && list.iter().zip(first).all(|(a, b)| setups(&a.setup, &b.setup) && values(a) == values(b))
}
