//! A lesson or session that a command has loaded: its sandbox, its set-up and a run.
//!
//! A session is its lesson with all changes, at the step that it shows. Commands use the scripts and the data that the
//! session file holds, not those that are in the lesson's folder now, so that they have the same results everywhere.

use super::Failure;
use super::lesson_args::LessonArgs;
use super::report::{self, ConsolePrinter};
use super::table_progress::table_progress;
use super::weight_file;
use crate::files::library::{self, LessonFiles};
use crate::files::path_text::to_text;
use crate::files::sessions::{self, LoadedSession, Versions, is_session};
use slowgrad_engine::evaluation::Evaluated;
use slowgrad_engine::run::Run;
use slowgrad_engine::training_state::TrainingState;
use slowgrad_script::{Lesson, Limits, Sandbox};
use slowgrad_session::RestoredRun;
use std::path::{Path, PathBuf};

/// The maximum number of lines from scripts that a command prints.
const MAX_PRINTED_LINES: usize = 500;
/// The number of steps from which a replay is told.
const MIN_TOLD_STEPS: u64 = 100_000;

/// What a run begins with.
#[derive(Debug, Clone, Copy)]
pub(super) enum TrainingStart<'a> {
    /// The weights of the lesson.
    Lesson,
    /// The weights of a file.
    Weights(&'a Path),
    /// The state of an earlier run: weights, optimizer state and step.
    State(&'a Path),
}

impl<'a> TrainingStart<'a> {
    /// The file that the run begins with.
    fn file(self) -> Option<&'a Path> {
        match self {
            Self::Lesson => None,
            Self::Weights(file) | Self::State(file) => Some(file),
        }
    }
}

/// A loaded lesson with a run.
pub(super) struct LoadedLesson {
    sandbox: Sandbox,
    console: ConsolePrinter,
    pub(super) lesson: Lesson,
    pub(super) run: Run,
    /// The files that the lesson or session was read from, and the weights.
    pub(super) inputs: Vec<PathBuf>,
}

impl LoadedLesson {
    /// Loads a lesson by its path or name and changes its settings, or a session. Prints its warnings and the output of its
    /// scripts.
    pub(super) fn new(args: &LessonArgs, limits: Limits) -> Result<Self, Failure> {
        Self::from_start(args, TrainingStart::Lesson, limits)
    }

    /// The number of the step (from 1) that follows those of the session or state; 1 for a lesson. Called before training.
    pub(super) fn shown_step(&self) -> u64 {
        self.run.step() + 1
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
        let console = ConsolePrinter::new(MAX_PRINTED_LINES);
        Ok(Self { sandbox, console, lesson, run, inputs: vec![path.to_owned()] })
    }

    /// Loads a lesson whose run begins with the contents of a file, or a session.
    pub(super) fn from_start(args: &LessonArgs, start: TrainingStart<'_>, limits: Limits) -> Result<Self, Failure> {
        if is_session(&args.lesson) {
            if !args.is_unchanged() {
                return Err(Failure::usage("a session has its own settings; give its lesson to change them"));
            }
            if start.file().is_some() {
                return Err(Failure::usage("a session has its own weights; give its lesson to start from others"));
            }
            return Self::from_session(&args.lesson, limits);
        }
        let LessonFiles { library, lesson, folders, .. } =
            library::load(Some(&args.lesson)).map_err(|error| Failure::new(error.to_string()))?;
        let mut sandbox = Sandbox::new(library, limits);
        sandbox.set_progress(table_progress());
        let lesson = sandbox.open(&lesson);
        let mut console = ConsolePrinter::new(MAX_PRINTED_LINES);
        console.print(sandbox.console());
        let mut lesson = lesson.map_err(Failure::Scripts)?;
        report::print(&lesson.all_warnings());
        for note in &lesson.notes {
            report::print_line(&format!("note: {note}"));
        }
        if !args.is_unchanged() {
            (lesson.setup, lesson.parameters) = args.apply(&sandbox, &lesson.spec)?;
            lesson.spec = (*lesson.setup.spec).clone();
        }
        let setup = lesson.setup.clone();
        let run = match start {
            TrainingStart::Lesson => Run::new(setup, lesson.parameters.clone()),
            TrainingStart::Weights(file) => {
                let values = weight_file::read(file, &setup, &limits)?;
                Run::new(setup, values)
            }
            TrainingStart::State(file) => {
                let TrainingState { model, step, .. } = weight_file::read_state(file, &setup, &limits)?;
                Run::resumed(setup, model, step)
            }
        };
        let mut inputs = files_on_disk(&sandbox, &folders);
        inputs.extend([Some(args.lesson.as_path()), start.file()].into_iter().flatten().map(Path::to_owned));
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

    /// Evaluates the model on the training and test data. The output of scripts is printed only on an error.
    pub(super) fn evaluate(&mut self) -> Result<Evaluated, Failure> {
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
pub(super) fn files_on_disk(sandbox: &Sandbox, folders: &[PathBuf]) -> Vec<PathBuf> {
    let on_disk = |path: String| {
        let (root, _) = sandbox.file(&path)?;
        let folder = folders.iter().find(|folder| to_text(folder) == root)?;
        Some(folder.join(path))
    };
    sandbox.files().into_iter().filter_map(on_disk).collect()
}
