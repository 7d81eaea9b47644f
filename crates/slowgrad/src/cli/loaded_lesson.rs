//! A lesson or session that a command has loaded: its sandbox, its set-up and a run.
//!
//! A session is its lesson with all changes, at the step that it shows. Commands use the scripts and the data that the
//! session file holds, not those that are in the lesson's folder now, so that they have the same results everywhere.

use super::Failure;
use super::report::{self, ConsolePrinter};
use super::weight_file;
use crate::files::library::{self, LessonFiles};
use crate::files::sessions::{self, LoadedSession, Versions, is_session};
use slowgrad_engine::run::Run;
use slowgrad_script::{Lesson, Limits, Sandbox};
use slowgrad_session::RestoredRun;
use std::path::Path;

/// The maximum number of lines from scripts that a command prints.
const MAX_PRINTED_LINES: usize = 500;
/// The number of steps from which a replay is told.
const MIN_TOLD_STEPS: u64 = 100_000;

/// A loaded lesson with a run.
pub(super) struct LoadedLesson {
    sandbox: Sandbox,
    console: ConsolePrinter,
    pub(super) lesson: Lesson,
    pub(super) run: Run,
    first_step: u64,
}

impl LoadedLesson {
    /// Loads a lesson by its path or name, or a session, and prints its warnings and the output of its scripts.
    pub(super) fn new(path: &Path, limits: Limits) -> Result<Self, Failure> {
        Self::with_weights(path, None, limits)
    }

    /// The number of the step (from 1) that a session shows; 1 for a lesson.
    pub(super) fn shown_step(&self) -> u64 {
        self.first_step
    }

    /// Restores the run of a session.
    fn from_session(path: &Path, limits: Limits) -> Result<Self, Failure> {
        let failed = |error: sessions::SessionReadError| Failure::new(error.to_string());
        let session = sessions::read_session(path).map_err(failed)?;
        let LoadedSession { files, notices } =
            sessions::load_lesson(&session, Some(path), Versions::Session).map_err(failed)?;
        if let Some(steps) = session.replayed_steps().filter(|steps| *steps > MIN_TOLD_STEPS) {
            report::print_line(&format!("note: {} stores no weights; computing {steps} steps again", path.display()));
        }
        let restored = RestoredRun::new(files.library, limits, &session, &files.lesson);
        let RestoredRun { sandbox, lesson, run, messages } = restored.map_err(Failure::Scripts)?;
        for text in notices.iter().chain(&messages) {
            report::print_line(&format!("note: {text}"));
        }
        drop(sandbox.console());
        let first_step = run.step() + 1;
        Ok(Self { sandbox, console: ConsolePrinter::new(MAX_PRINTED_LINES), lesson, run, first_step })
    }

    /// Loads a lesson, with the initial weights from a file.
    pub(super) fn with_weights(path: &Path, weights_in: Option<&Path>, limits: Limits) -> Result<Self, Failure> {
        if is_session(path) {
            return match weights_in {
                Some(_) => Err(Failure::usage("a session has its own weights; give its lesson to start from others")),
                None => Self::from_session(path, limits),
            };
        }
        let LessonFiles { library, lesson, .. } =
            library::load(Some(path)).map_err(|error| Failure::new(error.to_string()))?;
        let sandbox = Sandbox::new(library, limits);
        let lesson = sandbox.open(&lesson);
        let mut console = ConsolePrinter::new(MAX_PRINTED_LINES);
        console.print(sandbox.console());
        let lesson = lesson.map_err(Failure::Scripts)?;
        report::print(&lesson.warnings);
        let values = match weights_in {
            Some(file) => weight_file::read(file, &lesson.setup.shape)?,
            None => lesson.parameters.clone(),
        };
        let run = Run::new(lesson.setup.clone(), values);
        Ok(Self { sandbox, console, lesson, run, first_step: 1 })
    }

    /// Prints the output of the scripts since the last call to standard error. `pause` calls its argument while a progress
    /// bar is hidden.
    pub(super) fn print_console(&mut self, pause: impl FnOnce(&mut dyn FnMut())) {
        let mut printed = self.sandbox.console();
        if !printed.is_empty() && !self.console.is_full() {
            pause(&mut || self.console.print(std::mem::take(&mut printed)));
        }
    }

    /// The mean loss over the training data and over the test data. The output of scripts is printed only on an error.
    pub(super) fn evaluate(&mut self) -> Result<(f64, Option<f64>), Failure> {
        let evaluated = self.run.evaluate();
        if evaluated.is_err() {
            self.print_console(|print| print());
        }
        self.drop_console();
        Ok(evaluated?)
    }

    /// Discards the output of the scripts since the last call.
    pub(super) fn drop_console(&self) {
        drop(self.sandbox.console());
    }
}
