//! A run that continues from stored numbers, and the recomputation that proves them.
//!
//! A stored state makes a run usable before the steps up to it have been computed: it is one more place from which
//! replay can start. The edits of the run are made again first, each at its step and without training in between.
//! [`Run::prove`] later computes the steps from the start, and compares losses and the state bit for bit. This module
//! must not know how a state is stored.

use super::{Checkpoint, Edits, LossCurve, ParameterPath, Run, RunVersion, Start, divergence, starts_with};
use crate::model::Model;
use crate::setup::Setup;
use crate::train::{self, Workspace};
use slowgrad_tape::Diagnostic;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The numbers of a run at one step.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredState {
    /// The parameters and the optimizer's state, flat.
    pub model: Model,
    /// The names of the optimizer's state fields, in the order of the model.
    pub fields: Vec<String>,
    /// The losses of the steps up to the furthest one.
    pub curve: LossCurve,
}

/// The error of a stored state that belongs to another network or optimizer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored numbers belong to another network or optimizer")]
pub struct StateMismatch;

/// The progress of [`Run::prove`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// There is no stored state, or it is proved.
    Done,
    /// More steps have to be computed.
    Running,
    /// The last step has been computed, and the stored state has the same bits.
    Same,
    /// This step (from 1) is the first that has another loss, or other parameters or optimizer state after it.
    Differs(u64),
}

/// A stored state in the history of a run.
#[derive(Debug)]
pub(super) struct RestoredState {
    start: Rc<Start>,
    /// Number of completed steps.
    pub(super) step: u64,
    /// The edits of the run when it was restored.
    edits: Rc<Edits>,
    /// Number of edits at `step` that the state contains.
    pub(super) contained_edits: usize,
    pub(super) state: Checkpoint,
    /// The stored losses.
    curve: Rc<LossCurve>,
    /// Whether no further step has to be computed to compare the state.
    compared: Cell<bool>,
}

impl RestoredState {
    /// Whether a run has the history up to this state, without edits that the state does not contain.
    pub(super) fn fits(&self, run: &Run) -> bool {
        let here = |edits: &Edits| edits.get(&self.step).map_or(0, Vec::len);
        Rc::ptr_eq(&self.start, &run.start)
            && match divergence(&run.edits, &self.edits) {
                Some(step) if step < self.step => false,
                Some(step) if step == self.step && here(&self.edits) > 0 => {
                    let contained = &self.edits[&self.step][..self.contained_edits];
                    run.edits.get(&step).map_or(contained.is_empty(), |edits| starts_with(edits, contained))
                }
                _ => true,
            }
    }
}

/// The recomputation of the steps before a stored state.
#[derive(Debug)]
pub(super) struct Recomputation {
    target: Rc<RestoredState>,
    /// Number of steps computed so far.
    step: u64,
    setup: Rc<Setup>,
    model: Model,
    path: ParameterPath,
    work: Workspace,
}

impl Recomputation {
    fn new(target: &Rc<RestoredState>) -> Self {
        let Start { step, state } = &*target.start;
        let Checkpoint { setup, model } = state.clone();
        let mut new = Self {
            target: Rc::clone(target),
            step: *step,
            setup,
            model,
            path: ParameterPath::default(),
            work: Workspace::default(),
        };
        new.step_done();
        new
    }

    /// Makes the edits at the present step.
    fn step_done(&mut self) {
        let contained = if self.step == self.target.step { self.target.contained_edits } else { usize::MAX };
        for edit in self.target.edits.get(&self.step).into_iter().flatten().take(contained) {
            edit.apply(&mut self.setup, &mut self.model);
            if edit.remap.is_some() {
                self.work = Workspace::default();
            }
        }
        self.path.push(self.step, &self.setup.shape, &self.model.values);
    }

    /// Continues from a checkpoint of a step that was computed in the meantime.
    fn jump(&mut self, step: u64, checkpoint: &Checkpoint) {
        if checkpoint.setup.shape != self.setup.shape {
            self.work = Workspace::default();
        }
        (self.step, self.setup, self.model) = (step, Rc::clone(&checkpoint.setup), checkpoint.model.clone());
        self.path.push(self.step, &self.setup.shape, &self.model.values);
    }
}

impl Run {
    /// Moves to a later step without computing it, so that edits can be made at that step. The parameters are
    /// meaningless until [`Run::restore_state`] replaces them.
    pub fn skip_to(&mut self, step: u64) {
        self.step = self.step.max(step);
        self.furthest = self.furthest.max(self.step);
    }

    /// Continues from a stored state: `step` steps are completed, and `furthest` steps have been trained. The edits of
    /// the run must have been made.
    ///
    /// # Errors
    /// [`StateMismatch`] if the state does not fit the network and the optimizer of that step. The run is unchanged then.
    pub fn restore_state(&mut self, step: u64, furthest: u64, stored: StoredState) -> Result<(), StateMismatch> {
        let StoredState { model, fields, curve } = stored;
        let setup = Rc::clone(self.setup_after(step));
        let parameters = setup.shape.parameters();
        let expected = &setup.optimizer.state;
        let fits = model.values.len() == parameters
            && fields.iter().eq(expected.iter().map(|field| &field.name))
            && model.state.iter().map(Vec::len).eq(expected.iter().map(|field| field.len(parameters)));
        if !fits {
            return Err(StateMismatch);
        }
        let edits = Rc::make_mut(&mut self.edits);
        let contained_edits = edits.get(&step).map_or(0, Vec::len);
        // Later edits at this step must not be merged into those that the state contains.
        edits.entry(step).or_default().push(super::Edit { remap: None, setup: None, values: Vec::new() });
        self.version = RunVersion::next();
        self.checkpoints = BTreeMap::new();
        self.stride = Self::INITIAL_STRIDE;
        (self.step, self.furthest) = (step, furthest.max(step));
        self.curve = Rc::new(curve);
        self.abandoned_path = None;
        self.work = Workspace::default();
        let Start { step: first, state } = &*self.start;
        self.path = ParameterPath::new(*first, &state.setup.shape, &state.model.values);
        self.path.push(step, &setup.shape, &model.values);
        self.max_parameters = self.max_parameters.max(parameters);
        (self.setup, self.model) = (Rc::clone(&setup), model.clone());
        self.recomputation = None;
        self.restored = Some(Rc::new(RestoredState {
            start: Rc::clone(&self.start),
            step,
            edits: Rc::clone(&self.edits),
            contained_edits,
            state: Checkpoint { setup, model },
            curve: Rc::clone(&self.curve),
            compared: Cell::new(false),
        }));
        Ok(())
    }

    /// The stored state that is not proved yet, if the history still contains it.
    fn unproved(&self) -> Option<&Rc<RestoredState>> {
        self.restored.as_ref().filter(|restored| !restored.compared.get() && restored.fits(self))
    }

    /// Number of steps that were computed to prove the stored state, and number of all steps before it. `None` when there
    /// is nothing to prove.
    pub fn proof_progress(&self) -> Option<(u64, u64)> {
        let target = self.unproved()?;
        let recomputed = self.recomputation.as_ref().filter(|known| Rc::ptr_eq(&known.target, target));
        Some((recomputed.map_or(0, |known| known.step), target.step))
    }

    /// Computes up to `steps` of the steps before the stored state, with this number of threads. Checkpoints of these
    /// steps become part of the run.
    ///
    /// # Errors
    /// The diagnostic of a failing script. The state then stays unproved, and [`Run::prove`] has nothing more to do.
    pub fn prove(&mut self, steps: u32, threads: usize) -> Result<Proof, Box<Diagnostic>> {
        let Some(target) = self.unproved().map(Rc::clone) else {
            self.recomputation = None;
            return Ok(Proof::Done);
        };
        let known = self.recomputation.take().filter(|known| Rc::ptr_eq(&known.target, &target));
        let mut recomputation = known.unwrap_or_else(|| Recomputation::new(&target));
        recomputation.work.set_threads(threads);
        if let Some((&at, checkpoint)) = self.checkpoints.range(recomputation.step + 1..target.step.max(1)).next_back()
            && at > recomputation.step
            && at < target.step
        {
            recomputation.jump(at, checkpoint);
        }
        for _ in 0..steps {
            if recomputation.step == target.step {
                break;
            }
            let next = recomputation.step + 1;
            let trained = train::step(&recomputation.setup, &mut recomputation.model, next, &mut recomputation.work);
            let objective = trained.inspect_err(|_| target.compared.set(true))?;
            recomputation.step = next;
            recomputation.step_done();
            if target.curve.differs_at(next, objective.loss) {
                target.compared.set(true);
                return Ok(Proof::Differs(next));
            }
            if next < target.step && next.is_multiple_of(self.stride) && !self.checkpoints.contains_key(&next) {
                let (setup, model) = (Rc::clone(&recomputation.setup), recomputation.model.clone());
                self.insert_checkpoint(next, Checkpoint { setup, model });
            }
        }
        if recomputation.step < target.step {
            self.recomputation = Some(recomputation);
            return Ok(Proof::Running);
        }
        target.compared.set(true);
        if !recomputation.model.same_bits(&target.state.model) {
            return Ok(Proof::Differs(target.step));
        }
        self.path.insert_earlier(recomputation.path);
        Ok(Proof::Same)
    }
}

impl LossCurve {
    /// Whether the curve has another loss at a step.
    fn differs_at(&self, step: u64, loss: f64) -> bool {
        let known = self.points().binary_search_by_key(&step, |point| point.step);
        let known = known.ok().map(|at| self.points()[at].loss);
        // A file does not store the sign of NaN.
        known.is_some_and(|known| known.to_bits() != loss.to_bits() && !(known.is_nan() && loss.is_nan()))
    }
}
