//! Weight files and training states on the command line. The extension, in upper or lower case, chooses the format.

use super::Failure;
use super::report::print_line;
use crate::files::library;
use crate::files::output::Output;
use slowgrad_engine::run::Run;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::training_state::{self, TrainingState, TrainingStateError};
use slowgrad_engine::weights::{self, LoadedWeights, WeightFormat, WeightsError};
use slowgrad_script::Limits;
use std::fmt::Display;
use std::path::Path;

fn format(path: &Path) -> Result<WeightFormat, Failure> {
    let unknown = || Failure::usage(format!("{} is neither a .json nor a .safetensors file", path.display()));
    WeightFormat::of(path).ok_or_else(unknown)
}

/// Checks the extension of a training state.
fn check_state_extension(path: &Path) -> Result<(), Failure> {
    match WeightFormat::of(path) {
        Some(WeightFormat::Safetensors) => Ok(()),
        _ => Err(Failure::usage(format!("{} is not a .safetensors file", path.display()))),
    }
}

/// An error in a file. Tensors that do not fit are listed beside those that the network needs.
fn failed(path: &Path, error: &dyn Display, weights: Option<&WeightsError>) -> Failure {
    let table = match weights {
        Some(WeightsError::Match(error)) => error.table(),
        _ => Vec::new(),
    };
    let rows = table.iter().flat_map(|row| ["\n  ", row.as_str()]).collect::<String>();
    Failure::new(format!("{}: {error}{rows}", path.display()))
}

fn read_bytes(path: &Path, limits: &Limits) -> Result<Vec<u8>, Failure> {
    let max_bytes = weights::max_file_bytes(limits.parameters);
    library::read_file_up_to(path, max_bytes).map_err(|error| failed(path, &error, None))
}

/// Reads the parameters of a network for a setup. Says how tensors with the names of another program were assigned.
pub(super) fn read(path: &Path, setup: &Setup, limits: &Limits) -> Result<Vec<f64>, Failure> {
    let format = format(path)?;
    let read = weights::read(format, &setup.shape, &read_bytes(path, limits)?);
    let LoadedWeights { values, mapping } = read.map_err(|error| failed(path, &error, Some(&error)))?;
    if let Some(mapping) = mapping {
        print_line(&format!("note: tensors of {}: {mapping}", path.display()));
    }
    Ok(values)
}

/// Reads a training state for a setup. Warns if the lesson has changed in a way that changes the steps.
pub(super) fn read_state(path: &Path, setup: &Setup, limits: &Limits) -> Result<TrainingState, Failure> {
    check_state_extension(path)?;
    let bytes = read_bytes(path, limits)?;
    let state = training_state::from_safetensors(setup, &bytes).map_err(|error| match &error {
        TrainingStateError::Weights(weights) => failed(path, &error, Some(weights)),
        TrainingStateError::NoState => {
            failed(path, &format!("{error}; write one with --state-out, or read the weights with --weights-in"), None)
        }
        TrainingStateError::Optimizer { .. } => {
            failed(path, &format!("{error}; --weights-in reads the weights alone"), None)
        }
        TrainingStateError::Format(_) => failed(path, &error, None),
    })?;
    if !state.differences.is_empty() {
        let differences = state.differences.join(", ");
        print_line(&format!("warning: {}: {differences}; the steps differ from an uninterrupted run", path.display()));
    }
    Ok(state)
}

/// Writes the parameters of a run. A pipe or a device whose name has no extension receives JSON.
pub(super) fn write(output: Output, run: &Run) -> Result<(), Failure> {
    let format = match output.extension() {
        Some("safetensors") => WeightFormat::Safetensors,
        _ => WeightFormat::Json,
    };
    let bytes = weights::write(format, &run.setup().shape, &run.model().values);
    let bytes = bytes.map_err(|error| not_written(&output, &error))?;
    Ok(output.write(&bytes)?)
}

/// Writes the state of a run.
pub(super) fn write_state(output: Output, run: &Run) -> Result<(), Failure> {
    let bytes = training_state::to_safetensors(run.setup(), run.model(), run.step());
    let bytes = bytes.map_err(|error| not_written(&output, &error))?;
    Ok(output.write(&bytes)?)
}

fn not_written(output: &Output, error: &WeightsError) -> Failure {
    Failure::new(format!("{} was not written: {error}", output.name().display()))
}
