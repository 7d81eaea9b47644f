//! Changes of a network's structure during training. Neurons and layers are added and removed; every parameter that
//! exists before and after keeps its value and its optimizer state.
//!
//! A change maps each parameter of the new network to one of the old. This module must not know where the values of new
//! parameters come from.

use crate::shape::{Parameter, Shape};
use crate::spec::{LayerSpec, LessonSpec};
use serde::{Deserialize, Serialize};

/// A change of the structure. The inputs and the last layer depend on the data and cannot change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Reshape {
    /// Adds a neuron at the end of a layer.
    AddNeuron {
        /// Layer, from 0.
        layer: usize,
    },
    /// Removes a neuron.
    RemoveNeuron {
        /// Layer, from 0.
        layer: usize,
        /// Neuron, from 0.
        neuron: usize,
    },
    /// Inserts a layer before another one, with as many neurons as that one has inputs, so that its weights still fit.
    AddLayer {
        /// The layer that it is inserted before, from 0.
        before: usize,
    },
    /// Removes a layer. The next layer keeps the weights whose input still exists.
    RemoveLayer {
        /// Layer, from 0.
        layer: usize,
    },
}

impl Reshape {
    /// The layers of a description after the change; `None` if the change is not possible.
    pub fn layers(self, spec: &LessonSpec) -> Option<Vec<LayerSpec>> {
        let mut layers = spec.layers.clone();
        let last = layers.len().checked_sub(1)?;
        match self {
            Reshape::AddNeuron { layer } if layer < last => layers[layer].size += 1,
            // The last neuron can only be removed with its layer.
            Reshape::RemoveNeuron { layer, neuron }
                if layer < last && layers[layer].size > 1 && neuron < layers[layer].size =>
            {
                layers[layer].size -= 1;
            }
            Reshape::AddLayer { before } if before <= last => {
                let size = before.checked_sub(1).map_or(spec.inputs, |layer| layers[layer].size);
                // It is like a neighbouring hidden layer, but not frozen.
                let like = before.saturating_sub(1).min(last.saturating_sub(1));
                layers.insert(before, LayerSpec { size, frozen: None, ..layers[like].clone() });
            }
            Reshape::RemoveLayer { layer } if layer < last => drop(layers.remove(layer)),
            _ => return None,
        }
        Some(layers)
    }

    /// For each parameter of the new shape, its flat index in the old one; `None` if it is new.
    pub fn origins(self, old: &Shape, new: &Shape) -> Vec<Option<usize>> {
        (0..new.parameters()).map(|index| self.origin(new.parameter(index), old)).collect()
    }

    fn origin(self, parameter: Parameter, old: &Shape) -> Option<usize> {
        let Parameter { mut layer, mut neuron, mut input } = parameter;
        match self {
            Reshape::AddNeuron { .. } => {}
            Reshape::RemoveNeuron { layer: at, neuron: gone } => {
                if layer == at && neuron >= gone {
                    neuron += 1;
                } else if layer == at + 1 {
                    input = input.map(|input| if input >= gone { input + 1 } else { input });
                }
            }
            Reshape::AddLayer { before } if layer == before => return None,
            Reshape::AddLayer { before } => layer -= usize::from(layer > before),
            Reshape::RemoveLayer { layer: at } => layer += usize::from(layer >= at),
        }
        let before = Parameter { layer, neuron, input };
        old.has(before).then(|| old.index(before))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::PluginRef;

    fn spec(sizes: &[usize]) -> LessonSpec {
        let layer = |(nth, &size): (usize, &usize)| LayerSpec::new(size, PluginRef::named(format!("f{nth}")));
        LessonSpec {
            inputs: sizes[0],
            layers: sizes[1..].iter().enumerate().map(layer).collect(),
            ..LessonSpec::default()
        }
    }

    /// The new sizes, and for each new parameter the old one that it comes from.
    fn changed(sizes: &[usize], reshape: Reshape) -> Option<(Vec<usize>, Vec<Option<Parameter>>)> {
        let before = spec(sizes);
        let after = LessonSpec { layers: reshape.layers(&before)?, ..before.clone() };
        let (old, new) = (before.shape(), after.shape());
        let origins = reshape.origins(&old, &new);
        assert_eq!(origins.len(), new.parameters());
        let mut used: Vec<usize> = origins.iter().flatten().copied().collect();
        used.sort_unstable();
        used.dedup();
        assert_eq!(used.len(), origins.iter().flatten().count(), "no parameter is used twice");
        Some((new.sizes().to_vec(), origins.into_iter().map(|origin| Some(old.parameter(origin?))).collect()))
    }

    #[test]
    fn adding_a_neuron_keeps_all_parameters() {
        let (sizes, origins) = changed(&[2, 3, 1], Reshape::AddNeuron { layer: 0 }).expect("possible");
        assert_eq!(sizes, [2, 4, 1]);
        assert_eq!(origins.iter().flatten().count(), 13);
    }

    #[test]
    fn removing_a_neuron_removes_only_its_own_parameters() {
        let (sizes, origins) = changed(&[2, 3, 1], Reshape::RemoveNeuron { layer: 0, neuron: 1 }).expect("possible");
        assert_eq!(sizes, [2, 2, 1]);
        assert!(origins.iter().all(|origin| {
            origin.is_some_and(|Parameter { layer, neuron, input }| {
                (layer, neuron) != (0, 1) && (layer, input) != (1, Some(1))
            })
        }));
    }

    #[test]
    fn a_layer_can_be_inserted_and_removed() {
        let (sizes, origins) = changed(&[2, 3, 1], Reshape::AddLayer { before: 1 }).expect("possible");
        assert_eq!(sizes, [2, 3, 3, 1]);
        assert_eq!(origins.iter().flatten().count(), 13);
        let (sizes, origins) = changed(&[2, 3, 3, 1], Reshape::RemoveLayer { layer: 1 }).expect("possible");
        assert_eq!((sizes.as_slice(), origins.iter().flatten().count()), (&[2, 3, 1][..], 13));
        let (sizes, origins) = changed(&[2, 3, 1], Reshape::RemoveLayer { layer: 0 }).expect("possible");
        assert_eq!((sizes.as_slice(), origins.iter().flatten().count()), (&[2, 1][..], 3));
        let before = spec(&[2, 3, 1]);
        assert_eq!(Reshape::AddLayer { before: 1 }.layers(&before).expect("possible")[1].activation.name, "f0");
    }

    #[test]
    fn changes_that_the_data_forbids_are_refused() {
        for reshape in [
            Reshape::AddNeuron { layer: 1 },
            Reshape::RemoveNeuron { layer: 1, neuron: 0 },
            Reshape::RemoveNeuron { layer: 0, neuron: 3 },
            Reshape::RemoveLayer { layer: 1 },
            Reshape::AddLayer { before: 2 },
        ] {
            assert_eq!(changed(&[2, 3, 1], reshape), None, "{reshape:?}");
        }
        assert_eq!(changed(&[2, 1, 1], Reshape::RemoveNeuron { layer: 0, neuron: 0 }), None);
    }
}
