//! The warning that output and loss of the run do not fit together or do not fit the targets.
//!
//! Opening a lesson warns of the pair that the lesson names, at its place in the file. This module tries the pair that the
//! viewer, a cue or an undo has put in its place. It must not know how the pair was chosen.

use super::lesson_run::LessonRun;
use slowgrad_engine::spec::{LessonSpec, PluginRef};
use slowgrad_tape::Diagnostic;

/// What the warning depends on. Targets are those of the run.
#[derive(PartialEq)]
struct PairKey {
    output: Option<PluginRef>,
    loss: PluginRef,
    run_number: u64,
    scripts_version: u64,
}

/// The last pair that was tried, and its warning.
#[derive(Default)]
pub(crate) struct CombinationWarning(Option<(PairKey, Option<Diagnostic>)>);

impl CombinationWarning {
    /// The warning about the present pair of the run.
    pub(crate) fn update(&mut self, lesson: &LessonRun) -> Option<Diagnostic> {
        let open = lesson.open.as_ref()?;
        let setup = open.run.setup();
        let output = |spec: &LessonSpec| spec.layers.last().map(|layer| layer.activation.clone());
        let (requested, spec) = (open.requested(), &setup.spec);
        if output(requested) == output(spec) && requested.loss == spec.loss && requested.data == spec.data {
            return open.combination.clone();
        }
        let key = PairKey {
            output: output(spec),
            loss: spec.loss.clone(),
            run_number: lesson.number(),
            scripts_version: lesson.scripts.version(),
        };
        if let Some((tried, warning)) = &self.0
            && *tried == key
        {
            return warning.clone();
        }
        let found = lesson.scripts.sandbox().combination_warning(setup);
        // A cue that sets this pair has the same warning, with its place in the lesson.
        let warning = found.filter(|found| open.warnings.iter().all(|known| known.message != found.message));
        self.0 = Some((key, warning.clone()));
        warning
    }
}
