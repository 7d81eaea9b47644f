//! The network itself changes while it is trained: neurons and layers come and go, parameters are held fast.
//!
//! Such a change is an edit of the run like any other: it belongs to its step, and in the past it starts a branch.
//! What is new gets its numbers from the lesson's initializer. It must not know what the network looks like.

use crate::backend::{Backend, Opened};
use slowgrad_engine::record;
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::LessonSpec;
use slowgrad_engine::structure::Reshape;
use std::collections::BTreeSet;
use std::sync::Arc;

impl Backend {
    /// Adds or removes a neuron or a layer; all that stays keeps its numbers. Answers whether that could be done.
    pub(crate) fn reshape(&mut self, reshape: Reshape) -> bool {
        self.adopt_pending();
        let Some(opened) = &self.opened else { return false };
        let spec = &opened.run.setup().spec;
        let Some(layers) = reshape.layers(spec) else {
            self.messages
                .push("the data sets the number of inputs and outputs, and a layer needs at least one neuron".into());
            return false;
        };
        // Weights that the lesson gives are those of its own structure.
        let spec = LessonSpec { layers, weights: None, ..(**spec).clone() };
        let made = self.sandbox.assemble(&spec);
        let drawn = self.sandbox.parameters(&spec).map_err(|error| vec![*error]);
        let Some((mut setup, fresh)) = self.heed(made.and_then(|setup| Ok((setup, drawn?)))) else { return false };
        let Some(Opened { run, made, .. }) = &mut self.opened else { return false };
        // Samples that were edited by hand stay edited.
        if *setup.train == **made {
            setup.train = Arc::clone(&run.setup().train);
        }
        let model = run.reshaped(&setup, reshape, &fresh);
        match record::record(&setup, &model, run.step() + 1) {
            Ok(_) => {
                run.reshape(setup, reshape, fresh);
                self.run_problem = None;
                true
            }
            Err(problem) => {
                self.problems = vec![*problem];
                false
            }
        }
    }
}

/// Holds parameters of a run fast, or lets them go.
pub(crate) fn freeze(run: &mut Run, parameters: &[Parameter], is_frozen: bool) {
    let mut setup = run.setup().clone();
    let mut frozen: BTreeSet<usize> = (*setup.frozen).clone();
    for index in parameters.iter().map(|parameter| setup.shape.index(*parameter)) {
        if is_frozen {
            frozen.insert(index);
        } else {
            frozen.remove(&index);
        }
    }
    setup.frozen = Arc::new(frozen);
    run.set_setup(setup);
}
