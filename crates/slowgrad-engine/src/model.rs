//! The numbers that training changes.

use crate::plugin::{InitialState, Optimizer, StateField};

/// All parameters and their optimizer state, as flat vectors in the order of [`crate::shape::Shape`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Model {
    /// The parameters.
    pub values: Vec<f64>,
    /// The numbers of each state field of the optimizer: one for each parameter, or some for each layer (see
    /// [`StateField`]).
    pub state: Vec<Vec<f64>>,
}

impl Model {
    /// Parameters with the optimizer's initial state.
    pub fn new(values: Vec<f64>, optimizer: &Optimizer) -> Self {
        let state = optimizer.state.iter().map(|field| field.initial_numbers(values.len())).collect();
        Self { values, state }
    }

    /// Converts the state to another optimizer: fields with the same name and as many numbers keep them, new ones start at
    /// their initial numbers. Returns the names of the dropped fields and of the new ones.
    pub fn migrate(&mut self, from: &Optimizer, to: &Optimizer) -> (Vec<String>, Vec<String>) {
        let mut old: Vec<Option<Vec<f64>>> = std::mem::take(&mut self.state).into_iter().map(Some).collect();
        let mut added = Vec::new();
        let carries = |have: &StateField, field: &StateField| have.name == field.name && have.fits(field);
        for field in &to.state {
            let carried = from.state.iter().position(|have| carries(have, field)).and_then(|i| old[i].take());
            self.state.push(carried.unwrap_or_else(|| {
                added.push(field.name.clone());
                field.initial_numbers(self.values.len())
            }));
        }
        let dropped = from.state.iter().filter(|have| !to.state.iter().any(|field| carries(have, field)));
        (dropped.map(|field| field.name.clone()).collect(), added)
    }

    /// The model of another network: each parameter is copied, with its state, from the old flat index
    /// `origins[index]`. Where that is `None`, it takes its value from `fresh[index]` and the optimizer's initial
    /// state. State fields that are not per parameter start at the optimizer's initial numbers.
    #[must_use]
    pub fn remapped(&self, origins: &[Option<usize>], fresh: &[f64], optimizer: &Optimizer) -> Self {
        let new = |old: &[f64], fresh: &dyn Fn(usize) -> f64| {
            origins
                .iter()
                .enumerate()
                .map(|(index, origin)| origin.map_or_else(|| fresh(index), |at| old[at]))
                .collect()
        };
        let state = self.state.iter().zip(&optimizer.state).map(|(old, field)| match field.initial {
            InitialState::PerParameter(initial) => new(old, &|_| initial),
            InitialState::PerLayer(_) => field.initial_numbers(origins.len()),
        });
        Self { values: new(&self.values, &|index| fresh[index]), state: state.collect() }
    }

    /// Whether both models hold the same bits.
    pub fn same_bits(&self, other: &Model) -> bool {
        let same =
            |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(x, y)| x.to_bits() == y.to_bits());
        same(&self.values, &other.values)
            && self.state.len() == other.state.len()
            && self.state.iter().zip(&other.state).all(|(a, b)| same(a, b))
    }
}
