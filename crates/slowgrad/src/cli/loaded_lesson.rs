//! A lesson that a command has loaded: its sandbox, its set-up and a run.

use super::Failure;
use super::lesson_args::LessonArgs;
use super::report::{self, ConsolePrinter};
use super::weight_file;
use crate::files::library::{self, LessonFiles};
use slowgrad_engine::run::Run;
use slowgrad_script::{Lesson, Limits, Sandbox};
use std::path::{Path, PathBuf};

/// The maximum number of lines from scripts that a command prints.
const MAX_PRINTED_LINES: usize = 500;

/// A loaded lesson with a run.
pub(super) struct LoadedLesson {
    sandbox: Sandbox,
    console: ConsolePrinter,
    pub(super) lesson: Lesson,
    pub(super) run: Run,
    /// The files that the lesson was read from, and the weights.
    pub(super) inputs: Vec<PathBuf>,
}

impl LoadedLesson {
    /// Loads a lesson by its path or name, changes its settings, and prints its warnings and the output of its scripts.
    pub(super) fn new(args: &LessonArgs, limits: Limits) -> Result<Self, Failure> {
        Self::with_weights(args, None, limits)
    }

    /// Loads a lesson, with the initial weights from a file.
    pub(super) fn with_weights(args: &LessonArgs, weights_in: Option<&Path>, limits: Limits) -> Result<Self, Failure> {
        let LessonFiles { library, lesson, folders } =
            library::load(Some(&args.lesson)).map_err(|error| Failure::new(error.to_string()))?;
        let sandbox = Sandbox::new(library, limits);
        let lesson = sandbox.open(&lesson);
        let mut console = ConsolePrinter::new(MAX_PRINTED_LINES);
        console.print(sandbox.console());
        let mut lesson = lesson.map_err(Failure::Scripts)?;
        report::print(&lesson.warnings);
        if !args.is_unchanged() {
            (lesson.setup, lesson.parameters) = args.apply(&sandbox, &lesson.spec)?;
            lesson.spec = (*lesson.setup.spec).clone();
        }
        let values = match weights_in {
            Some(file) => weight_file::read(file, &lesson.setup.shape)?,
            None => lesson.parameters.clone(),
        };
        let run = Run::new(lesson.setup.clone(), values);
        let mut inputs = files_on_disk(&sandbox, &folders);
        inputs.extend([Some(args.lesson.as_path()), weights_in].into_iter().flatten().map(Path::to_owned));
        Ok(Self { sandbox, console, lesson, run, inputs })
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

/// The files on disk that a sandbox has read, from these folders.
fn files_on_disk(sandbox: &Sandbox, folders: &[PathBuf]) -> Vec<PathBuf> {
    let on_disk = |path: String| {
        let (root, _) = sandbox.file(&path)?;
        let folder = folders.iter().find(|folder| folder.display().to_string() == root)?;
        Some(folder.join(path))
    };
    sandbox.files().into_iter().filter_map(on_disk).collect()
}
