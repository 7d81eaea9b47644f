//! A lesson that a command has loaded: its sandbox, its set-up and a run.

use super::Failure;
use super::report::{self, ConsolePrinter};
use super::weight_file;
use crate::files::library::{self, LessonFiles};
use slowgrad_engine::run::Run;
use slowgrad_engine::training_state::TrainingState;
use slowgrad_script::{Lesson, Limits, Sandbox};
use std::path::Path;

/// The maximum number of lines from scripts that a command prints.
const MAX_PRINTED_LINES: usize = 500;

/// What a run begins with.
#[derive(Debug, Clone, Copy)]
pub(super) enum RunStart<'a> {
    /// The weights of the lesson.
    Lesson,
    /// The weights of a file.
    Weights(&'a Path),
    /// The state of an earlier run: weights, optimizer state and step.
    State(&'a Path),
}

/// A loaded lesson with a run.
pub(super) struct LoadedLesson {
    sandbox: Sandbox,
    console: ConsolePrinter,
    pub(super) lesson: Lesson,
    pub(super) run: Run,
}

impl LoadedLesson {
    /// Loads a lesson by its path or name, and prints its warnings, its notes and the output of its scripts.
    pub(super) fn new(path: &Path, limits: Limits) -> Result<Self, Failure> {
        Self::from_start(path, RunStart::Lesson, limits)
    }

    /// Loads a lesson whose run begins with the contents of a file.
    pub(super) fn from_start(path: &Path, start: RunStart<'_>, limits: Limits) -> Result<Self, Failure> {
        let LessonFiles { library, lesson, .. } =
            library::load(Some(path)).map_err(|error| Failure::new(error.to_string()))?;
        let sandbox = Sandbox::new(library, limits);
        let lesson = sandbox.open(&lesson);
        let mut console = ConsolePrinter::new(MAX_PRINTED_LINES);
        console.print(sandbox.console());
        let lesson = lesson.map_err(Failure::Scripts)?;
        report::print(&lesson.warnings);
        lesson.notes.iter().for_each(|note| report::print_line(&format!("note: {note}")));
        let setup = lesson.setup.clone();
        let run = match start {
            RunStart::Lesson => Run::new(setup, lesson.parameters.clone()),
            RunStart::Weights(file) => {
                let values = weight_file::read(file, &setup, &limits)?;
                Run::new(setup, values)
            }
            RunStart::State(file) => {
                let TrainingState { model, step, .. } = weight_file::read_state(file, &setup, &limits)?;
                Run::resumed(setup, model, step)
            }
        };
        Ok(Self { sandbox, console, lesson, run })
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
