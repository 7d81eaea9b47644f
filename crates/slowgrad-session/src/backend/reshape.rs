//! Changes of the network during training: adding and removing neurons and layers, and freezing parameters.
//!
//! Like any edit, such a change belongs to a step, and in the past it starts a new branch. The lesson's initializer
//! draws new parameters. It must not know how the network is drawn.

use super::lesson_run::LessonRun;
use slowgrad_engine::record;
use slowgrad_engine::run::Run;
use slowgrad_engine::spec::LessonSpec;
use slowgrad_engine::structure::Reshape;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Adds or removes a neuron or a layer; all other parameters keep their values. Returns false when the network does not
/// allow it.
pub(crate) fn reshape(lesson: &mut LessonRun, reshape: Reshape) -> bool {
    lesson.apply_pending_swap();
    let Some(open) = &lesson.open else { return false };
    let spec = &open.run.setup().spec;
    let Some(layers) = reshape.layers(spec) else {
        lesson.report.message("the data sets the number of inputs and outputs, and a layer needs at least one neuron");
        return false;
    };
    // Weights in the lesson's file fit its original structure only.
    let spec = LessonSpec { layers, weights: None, ..(**spec).clone() };
    let start = lesson.scripts.start(&spec);
    let Some((mut setup, fresh)) = lesson.report.accept(start) else { return false };
    let Some(open) = &mut lesson.open else { return false };
    open.keep_edited_samples(&mut setup);
    let run = &mut open.run;
    let model = run.reshaped(&setup, reshape, &fresh);
    match record::record(&setup, &model, run.step() + 1) {
        Ok(_) => {
            run.reshape(setup, reshape, fresh);
            lesson.report.clear_run_problem();
            true
        }
        Err(problem) => {
            lesson.report.accept::<()>(Err(vec![*problem]));
            false
        }
    }
}

/// Freezes or unfreezes parameters of a run, given by their flat indices.
pub(crate) fn freeze(run: &mut Run, parameters: impl Iterator<Item = usize>, freeze: bool) {
    let mut setup = run.setup().clone();
    let mut frozen: BTreeSet<usize> = (*setup.frozen).clone();
    for index in parameters {
        if freeze {
            frozen.insert(index);
        } else {
            frozen.remove(&index);
        }
    }
    setup.frozen = Arc::new(frozen);
    run.set_setup(setup);
}
