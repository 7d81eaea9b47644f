//! A lesson opened for a command: its sandbox, its set-up and a run.

use super::Failure;
use super::report::{self, Console};
use crate::files::atomic_write::write_atomically;
use crate::files::library::{self, Loaded};
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_engine::weights;
use slowgrad_script::{Lesson, Limits, Sandbox};
use std::path::Path;

/// Lines of scripts that a command passes on.
const PRINTED_LINES: usize = 500;

/// An opened lesson.
pub(super) struct Opened {
    sandbox: Sandbox,
    console: Console,
    pub(super) lesson: Lesson,
    pub(super) run: Run,
}

impl Opened {
    /// Opens a lesson, whose scripts run within these limits; prints its warnings and what it printed itself.
    pub(super) fn new(path: &Path, limits: Limits) -> Result<Self, Failure> {
        Self::with_weights(path, None, limits)
    }

    /// Opens a lesson with the initial weights of a file.
    pub(super) fn with_weights(path: &Path, weights_in: Option<&Path>, limits: Limits) -> Result<Self, Failure> {
        let Loaded { library, lesson, .. } =
            library::load(Some(path)).map_err(|error| Failure::new(error.to_string()))?;
        let sandbox = Sandbox::new(library, limits);
        let lesson = sandbox.open(&lesson);
        let mut console = Console::new(PRINTED_LINES);
        console.print(sandbox.console());
        let lesson = lesson.map_err(Failure::Scripts)?;
        report::print(&lesson.warnings);
        let values = match weights_in {
            Some(file) => read_weights(file, &lesson.setup.shape)?,
            None => lesson.parameters.clone(),
        };
        let run = Run::new(lesson.setup.clone(), values);
        Ok(Self { sandbox, console, lesson, run })
    }

    /// Prints to standard error what the scripts have printed since the last time; `pause` holds back what else is
    /// drawn there.
    pub(super) fn print_console(&mut self, pause: impl FnOnce(&mut dyn FnMut())) {
        let mut printed = self.sandbox.console();
        if !printed.is_empty() && !self.console.is_full() {
            pause(&mut || self.console.print(std::mem::take(&mut printed)));
        }
    }

    /// The mean loss over the training data and the test data; of what scripts print meanwhile only the words before
    /// an error are kept.
    pub(super) fn evaluate(&mut self) -> Result<(f64, Option<f64>), Failure> {
        let evaluated = self.run.evaluate();
        if evaluated.is_err() {
            self.print_console(|print| print());
        }
        self.drop_console();
        Ok(evaluated?)
    }

    /// Forgets what the scripts have printed.
    pub(super) fn drop_console(&self) {
        drop(self.sandbox.console());
    }
}

fn is_json(path: &Path) -> Result<bool, Failure> {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("json") => Ok(true),
        Some("safetensors") => Ok(false),
        _ => Err(Failure::usage(format!("{} is neither a .json nor a .safetensors file", path.display()))),
    }
}

fn read_weights(path: &Path, shape: &Shape) -> Result<Vec<f64>, Failure> {
    let json = is_json(path)?;
    let wrong = |error: &dyn std::fmt::Display| Failure::new(format!("{}: {error}", path.display()));
    let bytes = library::read_file(path).map_err(|error| wrong(&error))?;
    if !json {
        return weights::from_safetensors(shape, &bytes).map_err(|error| wrong(&error));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| wrong(&error))?;
    weights::from_json(shape, text).map_err(|error| wrong(&error))
}

/// Writes a weight file; the format is that of its ending.
pub(super) fn write_weights(path: &Path, shape: &Shape, values: &[f64]) -> Result<(), Failure> {
    let bytes = if is_json(path)? {
        weights::to_json(shape, values).into_bytes()
    } else {
        weights::to_safetensors(shape, values).map_err(|error| Failure::new(error.to_string()))?
    };
    write_whole(path, &bytes)
}

/// Checks the ending of a weight file before any work is done.
pub(super) fn check_ending(path: &Path) -> Result<(), Failure> {
    is_json(path).map(|_| ())
}

pub(super) fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format!("cannot write {}: {error}", path.display()))
}

/// Writes a file whole or not at all.
pub(super) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_atomically(path, bytes).map_err(|error| cannot_write(path, &error))
}
