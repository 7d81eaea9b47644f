//! The run of a session file without a session, for commands that train, trace or draw it.
//!
//! It must not know how the file was read.

use super::lesson_run::LessonRun;
use super::replay::{Progress, Replay};
use super::script_files::Scripts;
use crate::file::SessionFile;
use slowgrad_engine::run::Run;
use slowgrad_script::{Lesson, Library, Limits, Sandbox};
use slowgrad_tape::Diagnostic;

/// The lesson of a session and its run at the shown step, with all changes of the session.
#[derive(Debug)]
pub struct RestoredRun {
    /// The sandbox of the scripts.
    pub sandbox: Sandbox,
    /// The lesson, with the run's set-up and the parameters of the shown step.
    pub lesson: Lesson,
    /// The run, which has completed the steps before the shown one. Changes at later steps are part of it.
    pub run: Run,
    /// Messages for the user.
    pub messages: Vec<String>,
}

impl RestoredRun {
    /// Restores the run of a session; `lesson` is the path of its lesson in the library. A session without stored weights
    /// is trained up to its shown step.
    ///
    /// # Errors
    ///
    /// The problems of the lesson, of the plugins that it uses, or of a step.
    pub fn new(library: Library, limits: Limits, session: &SessionFile, lesson: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut lesson_run = LessonRun::new(Scripts::new(library, limits), 1);
        let (recipe, state) = (session.run.recipe.clone(), session.state.as_ref().map(crate::file::StateDto::stored));
        let mut replay = Replay::of_lesson(&mut lesson_run, lesson, recipe, state);
        while let Some(running) = replay {
            replay = match running.advance(&mut lesson_run) {
                Progress::Running(next) => Some(next),
                Progress::Ended(_) => None,
                Progress::Unusable(recipe, _) => Replay::of_lesson(&mut lesson_run, lesson, *recipe, None),
            };
        }
        let LessonRun { scripts, open, mut report, .. } = lesson_run;
        let problems: Vec<Diagnostic> = report.problems().cloned().collect();
        let Some(open) = open.filter(|_| problems.is_empty()) else { return Err(problems) };
        let sandbox = scripts.into_sandbox();
        let mut lesson = sandbox.open(lesson)?;
        lesson.setup = open.run.setup().clone();
        lesson.parameters.clone_from(&open.run.model().values);
        Ok(Self { sandbox, lesson, run: open.run, messages: report.take_messages() })
    }
}
