//! Training states: parameters, optimizer state and step in one file, so that training continues with the same bits.
//!
//! A safetensors file that is also a weight file: the parameters have the names of [`weights`], and each
//! state field with a number for each parameter has tensors of the same shape, such as `optimizer.m.0.weight`. A field with
//! arrays of each layer is one tensor, such as `optimizer.rows`. The order of the samples follows from the seed and the
//! step, so the file has no generator's position. This module must not open files.

use crate::model::Model;
use crate::plugin::StateField;
use crate::setup::Setup;
use crate::weights::{self, NetworkTensor, WeightsError};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The start of the names of the optimizer's tensors.
pub(crate) const STATE_PREFIX: &str = "optimizer.";

const FORMAT: &str = "slowgrad-state-1";

/// An error in a training state.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum TrainingStateError {
    /// The file is damaged.
    #[error("not a training state: {0}")]
    Format(String),
    /// The file has weights at most.
    #[error("the file has no optimizer state and no step")]
    NoState,
    /// The parameters are unusable.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The file has the state of another optimizer.
    #[error("the file has the state of the optimizer {found}, but this run uses {expected}")]
    Optimizer {
        /// The file's optimizer and its fields.
        found: String,
        /// The run's optimizer and its fields.
        expected: String,
    },
}

/// A state of training.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingState {
    /// Parameters and optimizer state.
    pub model: Model,
    /// Number of completed steps.
    pub step: u64,
    /// Settings that differ from those of the run that wrote the state, such as `seed was 1 and is 2`. With any of them,
    /// training does not have the bits of an uninterrupted run.
    pub differences: Vec<String>,
}

/// What the file says beside its tensors.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// Number of completed steps.
    step: u64,
    /// The optimizer and its state fields.
    optimizer: String,
    fields: Vec<String>,
    /// What decides which samples a step has.
    seed: u64,
    batch: usize,
    shuffle: bool,
    samples: usize,
}

impl Header {
    fn new(setup: &Setup, step: u64) -> Self {
        Self {
            step,
            optimizer: setup.optimizer.info.name.clone(),
            fields: setup.optimizer.state.iter().map(|field| field.name.clone()).collect(),
            seed: setup.seed,
            batch: setup.batch,
            shuffle: setup.shuffle,
            samples: setup.train.len(),
        }
    }

    /// The optimizer with its state fields.
    fn optimizer(&self) -> String {
        let fields = if self.fields.is_empty() { "no state".to_owned() } else { self.fields.join(", ") };
        format!("{} ({fields})", self.optimizer)
    }

    /// The settings that differ from those of another run.
    fn differences(&self, now: &Header) -> Vec<String> {
        let settings = |header: &Header| {
            [
                ("seed", header.seed.to_string()),
                ("batch", header.batch.to_string()),
                ("shuffle", header.shuffle.to_string()),
                ("samples", header.samples.to_string()),
            ]
        };
        let pairs = settings(self).into_iter().zip(settings(now));
        let different = pairs.filter(|((_, then), (_, now))| then != now);
        different.map(|((name, then), (_, now))| format!("{name} was {then} and is {now}")).collect()
    }
}

/// Writes the state after `step` completed steps.
///
/// # Errors
/// [`WeightsError::NotFinite`] for parameters that are NaN or infinite, [`WeightsError::Format`] if serialization fails.
pub fn to_safetensors(setup: &Setup, model: &Model, step: u64) -> Result<Vec<u8>, WeightsError> {
    weights::check_finite(&setup.shape, &model.values)?;
    let failed = |error: &dyn std::fmt::Display| WeightsError::Format(error.to_string());
    let bytes: Vec<Vec<u8>> = model.state.iter().map(|numbers| weights::to_bytes(numbers)).collect();
    let values = weights::to_bytes(&model.values);
    let mut views = weights::views(&setup.shape, &values, "")?;
    for (field, bytes) in setup.optimizer.state.iter().zip(&bytes) {
        let name = format!("{STATE_PREFIX}{}", field.name);
        if field.is_per_parameter() {
            views.extend(weights::views(&setup.shape, bytes, &format!("{name}."))?);
        } else {
            let dims = vec![field.len(setup.shape.parameters())];
            views.push((name, TensorView::new(Dtype::F64, dims, bytes).map_err(|error| failed(&error))?));
        }
    }
    // One entry, because a map with several is written in an order that differs from run to run.
    let header = serde_json::to_string(&Header::new(setup, step)).map_err(|error| failed(&error))?;
    let metadata = HashMap::from([(FORMAT.to_owned(), header)]);
    safetensors::serialize(views, Some(metadata)).map_err(|error| failed(&error))
}

/// Reads a state for a run with this setup.
///
/// # Errors
/// [`TrainingStateError::Format`] for bytes that are not such a file, [`TrainingStateError::NoState`] for a weight file,
/// [`TrainingStateError::Optimizer`] for the state of another optimizer, [`TrainingStateError::Weights`] for parameters
/// that do not fit the network.
pub fn from_safetensors(setup: &Setup, bytes: &[u8]) -> Result<TrainingState, TrainingStateError> {
    let broken = |error: String| TrainingStateError::Format(error);
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(|error| broken(error.to_string()))?;
    let Some(then) = header.metadata().as_ref().and_then(|metadata| metadata.get(FORMAT)) else {
        return Err(TrainingStateError::NoState);
    };
    let then: Header = serde_json::from_str(then).map_err(|error| broken(error.to_string()))?;
    let now = Header::new(setup, 0);
    if then.fields != now.fields {
        return Err(TrainingStateError::Optimizer { found: then.optimizer(), expected: now.optimizer() });
    }
    let values = weights::from_safetensors(&setup.shape, bytes)?.values;
    let file = SafeTensors::deserialize(bytes).map_err(|error| broken(error.to_string()))?;
    // Copies the tensor of this name if it has the wanted shape.
    let read = |name: String, dims: &[usize], numbers: &mut [f64]| {
        let tensor = file.tensor(&name).map_err(|_| broken(format!("it has no tensor «{name}»")))?;
        let found = weights::floats(tensor.dtype(), tensor.data());
        let fits = tensor.dtype() == Dtype::F64 && tensor.shape() == dims;
        match found.filter(|_| fits) {
            Some(found) => numbers.copy_from_slice(&found),
            None => {
                return Err(broken(format!("the tensor «{name}» has another shape or type than this network needs")));
            }
        }
        Ok(())
    };
    let read_field = |field: &StateField| {
        let prefix = format!("{STATE_PREFIX}{}", field.name);
        let mut numbers = vec![0.0; field.len(setup.shape.parameters())];
        if !field.is_per_parameter() {
            read(prefix, &[numbers.len()], &mut numbers)?;
            return Ok(numbers);
        }
        for NetworkTensor { name, range, dims } in weights::tensors(&setup.shape) {
            read(format!("{prefix}.{name}"), &dims, &mut numbers[range])?;
        }
        Ok(numbers)
    };
    let state = setup.optimizer.state.iter().map(read_field).collect::<Result<_, TrainingStateError>>()?;
    Ok(TrainingState { model: Model { values, state }, step: then.step, differences: then.differences(&now) })
}
