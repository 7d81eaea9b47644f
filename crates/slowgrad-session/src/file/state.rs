//! The numbers of the shown step in a session file: parameters, optimizer state and the losses of the run.

use super::limits::{self, MAX_ENTRIES, MAX_STATE_NUMBERS};
use super::runs::CurveDto;
use crate::protocol::Curves;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use slowgrad_engine::model::Model;
use slowgrad_engine::run::{LossCurve, LossPoint, StoredState};
use slowgrad_timeline::Timeline;
use std::sync::Arc;

/// The numbers of the shown step. Those of a running session are shared with its snapshot.
#[derive(Debug, Clone)]
pub(crate) enum StateDto {
    /// From the recording of the shown step.
    Live { timeline: Arc<Timeline>, curves: Arc<Curves> },
    /// From a file.
    Read(Arc<StoredState>),
}

impl StateDto {
    /// The numbers of the shown step, unless they exceed [`MAX_STATE_NUMBERS`].
    pub(crate) fn live(timeline: &Arc<Timeline>, curves: &Arc<Curves>) -> Option<Self> {
        let Model { values, state } = &timeline.step().before;
        let numbers = values.len() + state.iter().map(Vec::len).sum::<usize>();
        let (timeline, curves) = (Arc::clone(timeline), Arc::clone(curves));
        (numbers <= MAX_STATE_NUMBERS).then_some(StateDto::Live { timeline, curves })
    }

    fn model(&self) -> &Model {
        match self {
            StateDto::Live { timeline, .. } => &timeline.step().before,
            StateDto::Read(stored) => &stored.model,
        }
    }

    fn fields(&self) -> Vec<String> {
        match self {
            StateDto::Live { timeline, .. } => timeline.step().names.state_names(),
            StateDto::Read(stored) => stored.fields.clone(),
        }
    }

    fn losses(&self) -> &[LossPoint] {
        match self {
            StateDto::Live { curves, .. } => &curves.present,
            StateDto::Read(stored) => stored.curve.points(),
        }
    }

    fn same_losses(&self, other: &Self) -> bool {
        match (self, other) {
            (StateDto::Live { curves: one, .. }, StateDto::Live { curves: other, .. }) if Arc::ptr_eq(one, other) => {
                true
            }
            _ => self.losses() == other.losses(),
        }
    }

    /// The numbers for the backend.
    pub(crate) fn stored(&self) -> Arc<StoredState> {
        match self {
            StateDto::Read(stored) => Arc::clone(stored),
            StateDto::Live { .. } => Arc::new(StoredState {
                model: self.model().clone(),
                fields: self.fields(),
                curve: LossCurve::from_points(self.losses().to_vec()),
            }),
        }
    }
}

impl PartialEq for StateDto {
    fn eq(&self, other: &Self) -> bool {
        // Compared in every frame; usually both share the same step.
        let same_step = match (self, other) {
            (StateDto::Live { timeline: one, .. }, StateDto::Live { timeline: other, .. }) => Arc::ptr_eq(one, other),
            _ => false,
        };
        (same_step || (self.model().same_bits(other.model()) && self.fields() == other.fields()))
            && self.same_losses(other)
    }
}

/// The serialized form of [`StateDto`]. Numbers are Base64 of little-endian float64.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StateFile {
    /// The losses of the steps.
    losses: CurveDto,
    /// The parameters, flat.
    parameters: String,
    /// The optimizer's state.
    #[serde(deserialize_with = "limits::list::<_, _, MAX_ENTRIES>")]
    optimizer: Vec<FieldDto>,
}

/// A field of the optimizer's state.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldDto {
    field: String,
    numbers: String,
}

impl Serialize for StateDto {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Model { values, state } = self.model();
        let field = |(field, numbers): (String, &Vec<f64>)| FieldDto { field, numbers: encode_numbers(numbers) };
        let points = self.losses();
        StateFile {
            losses: CurveDto((!points.is_empty()).then(|| Arc::new(LossCurve::from_points(points.to_vec())))),
            parameters: encode_numbers(values),
            optimizer: self.fields().into_iter().zip(state).map(field).collect(),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for StateDto {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let StateFile { losses, parameters, optimizer } = StateFile::deserialize(deserializer)?;
        let numbers = |text: &str| decode_numbers(text).ok_or_else(|| D::Error::custom("its numbers are damaged"));
        let values = numbers(&parameters)?;
        let state = optimizer.iter().map(|field| numbers(&field.numbers)).collect::<Result<Vec<_>, D::Error>>()?;
        let fields = optimizer.into_iter().map(|field| field.field).collect();
        let curve = losses.0.map(Arc::unwrap_or_clone).unwrap_or_default();
        Ok(StateDto::Read(Arc::new(StoredState { model: Model { values, state }, fields, curve })))
    }
}

/// The Base64 digits of numbers, as little-endian float64.
fn encode_numbers(numbers: &[f64]) -> String {
    let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// The numbers of Base64 digits; `None` if these do not consist of float64.
fn decode_numbers(digits: &str) -> Option<Vec<f64>> {
    let bytes = STANDARD.decode(digits).ok()?;
    let (numbers, rest) = bytes.as_chunks::<8>();
    rest.is_empty().then(|| numbers.iter().map(|number| f64::from_le_bytes(*number)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_numbers_survive_and_damaged_digits_do_not() {
        let numbers = [0.1 + 0.2, -0.0, f64::INFINITY, f64::from_bits(0x7ff8_0000_0000_1234), 5e-324];
        let read = decode_numbers(&encode_numbers(&numbers)).expect("numbers");
        let bits = |numbers: &[f64]| numbers.iter().map(|number| number.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&numbers));
        for damaged in ["Zm9v", "AAAAAAAA8D", "AAAAAAAA8D=", "AAAAAAAA8 8=", "é"] {
            assert_eq!(decode_numbers(damaged), None, "{damaged}");
        }
    }
}
