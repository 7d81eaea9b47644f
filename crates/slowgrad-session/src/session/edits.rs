//! Edits of the run by the viewer: values, plugins, the structure of the network, and freezing.
//!
//! It must not know how a change is applied; the backend does that.

use super::{RunStart, Session};
use crate::protocol::{BackendCommand, Change, Slot};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::{ParamValue, PluginRef};
use slowgrad_engine::structure::Reshape;
use slowgrad_timeline::events::{Cell, Phase};
use slowgrad_timeline::playback::playhead::NeededStep;
use slowgrad_timeline::scene::Target;

/// A value that the viewer can edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Editable {
    /// A weight or bias, by its flat index.
    Parameter(usize),
    /// An input of a training sample.
    Input {
        /// The sample in the training data, from 0.
        sample: usize,
        /// The input, from 0.
        input: usize,
    },
}

impl Session {
    /// Adds or removes a neuron or a layer; all other parameters keep their values.
    pub fn reshape(&mut self, reshape: Reshape) {
        self.send(BackendCommand::Seal);
        self.send(Change::Reshape(reshape).into());
    }

    /// Changes the activation of a layer; all parameters keep their values.
    pub fn set_activation(&mut self, layer: usize, name: &str) {
        self.send(BackendCommand::Seal);
        self.send(Change::Activation { layer, plugin: PluginRef::named(name) }.into());
    }

    /// The layer of the selected element, or the first layer.
    pub fn selected_layer(&self) -> usize {
        match self.view.selected {
            Some(Target::Neuron { layer, .. } | Target::Weight { layer, .. } | Target::Bias { layer, .. }) => layer,
            _ => 0,
        }
    }

    /// The hidden layer closest to the selected layer; the data determines the size of the last layer.
    pub(super) fn hidden_layer(&self) -> usize {
        let hidden = self.now().map_or(0, |(timeline, _)| timeline.step().shape.layers() - 1);
        self.selected_layer().min(hidden.saturating_sub(1))
    }

    /// Removes the selected neuron, or the last one of the selected hidden layer.
    pub(super) fn remove_neuron(&mut self) {
        let layer = self.hidden_layer();
        let neuron = match self.view.selected {
            Some(Target::Neuron { layer: at, neuron }) if at == layer => neuron,
            _ => self.now().map_or(0, |(timeline, _)| timeline.step().shape.size(layer) - 1),
        };
        self.reshape(Reshape::RemoveNeuron { layer, neuron });
    }

    /// The parameters of an element, and whether all of them are frozen; `None` for inputs, for the loss, and for an element
    /// that the network does not have.
    pub fn frozen(&self, target: Target) -> Option<(Vec<Parameter>, bool)> {
        let step = self.now()?.0.step();
        if !target.exists_in(&step.shape) {
            return None;
        }
        let parameters: Vec<Parameter> = match target {
            Target::Weight { layer, neuron, input } => vec![Parameter { layer, neuron, input: Some(input) }],
            Target::Bias { layer, neuron } => vec![Parameter { layer, neuron, input: None }],
            Target::Neuron { layer, neuron } => step.shape.of_neuron(layer, neuron).collect(),
            Target::Input(_) | Target::Loss => return None,
        };
        let frozen = parameters.iter().all(|parameter| step.frozen.contains(&step.shape.index(*parameter)));
        Some((parameters, frozen))
    }

    /// Freezes or unfreezes the parameters of the selected element.
    pub fn freeze_selected(&mut self) {
        match self.view.selected.and_then(|target| self.frozen(target)) {
            Some((parameters, frozen)) => {
                self.send(Change::Freeze { parameters, frozen: !frozen }.into());
            }
            None => self.notice("select a weight, a bias or a neuron to freeze"),
        }
    }

    /// The editable value of an element and its present number; `None` if it has none.
    pub fn editable(&self, target: Target) -> Option<(Editable, f64)> {
        let (timeline, _) = self.now()?;
        let step = timeline.step();
        let parameter = match target {
            Target::Weight { layer, neuron, input } => Parameter { layer, neuron, input: Some(input) },
            // The editable value of a neuron is its bias, if it has one.
            Target::Bias { layer, neuron } | Target::Neuron { layer, neuron } => {
                Parameter { layer, neuron, input: None }
            }
            Target::Input(input) => {
                let sample = step.samples.get(self.sample())?;
                return Some((Editable::Input { sample: sample.sample, input }, *sample.input.get(input)?));
            }
            Target::Loss => return None,
        };
        if !step.shape.has(parameter) {
            return None;
        }
        let index = step.shape.index(parameter);
        let values = if self.is_updated(parameter) { &step.after.values } else { &step.before.values };
        Some((Editable::Parameter(index), *values.get(index)?))
    }

    /// Changes a value. Non-finite numbers are ignored.
    pub fn edit(&mut self, what: Editable, value: f64) {
        if !value.is_finite() {
            return;
        }
        match what {
            Editable::Parameter(index) => {
                let Some((timeline, _)) = self.now() else { return };
                let parameter = timeline.step().shape.parameter(index);
                let step = timeline.step().step;
                let change = Change::Parameter { parameter, value };
                // After the update, the screen shows the initial state of the next step, so the edit applies to that step.
                if self.is_updated(parameter) {
                    self.hold();
                    let command = BackendCommand::Change { step: Some(step + 1), change };
                    self.request_step(step + 1, command, NeededStep::Next);
                } else {
                    self.send(change.into());
                }
            }
            Editable::Input { sample, input } => {
                self.send(Change::Input { sample, input, value }.into());
            }
        }
    }

    /// Whether the playhead is past the update of a parameter.
    fn is_updated(&self, parameter: Parameter) -> bool {
        let Some((timeline, playhead)) = self.now() else { return false };
        let cell = Cell::Parameter { layer: parameter.layer, neuron: parameter.neuron, input: parameter.input };
        timeline.cell(None, Phase::Update, cell).is_some_and(|events| playhead.position() >= events.end as f64)
    }

    /// Puts a plugin into a slot.
    pub fn choose_plugin(&mut self, slot: Slot, name: &str) {
        self.change(slot, Change::Patch(Box::new(slot.patch(PluginRef::named(name)))));
    }

    /// Sets a control of the plugin in a slot. For activations, `layers` are the hidden layers concerned, or empty for all.
    pub fn set_control(&mut self, slot: Slot, layers: &[usize], control: &str, value: ParamValue) {
        self.change(slot, Change::Control { slot, layers: layers.to_vec(), control: control.to_owned(), value });
    }

    /// Sends a change of a plugin. If it restarts the run, the lesson waits.
    fn change(&mut self, slot: Slot, change: Change) {
        if slot.starts_new_run() {
            self.restart(change, RunStart::Hold);
        } else {
            self.send(change.into());
        }
    }
}
