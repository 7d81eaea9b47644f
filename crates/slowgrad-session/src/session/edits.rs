//! What a person changes of the run: numbers, plugins, the structure of the network, and what is held fast.
//!
//! It must not know how a change is carried out; the worker does that.

use super::{RunStart, Session};
use crate::protocol::{Change, Command, Slot};
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::{ParamValue, PluginRef};
use slowgrad_engine::structure::Reshape;
use slowgrad_timeline::events::{Cell, Phase};
use slowgrad_timeline::playback::playhead::NeededStep;
use slowgrad_timeline::scene::Target;

/// A value that can be edited by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Editable {
    /// A weight or bias, by its flat index.
    Parameter(usize),
    /// An input of a sample of the data.
    Input { sample: usize, input: usize },
}

impl Session {
    /// Changes the structure of the network; what stays keeps its numbers.
    pub fn restructure(&mut self, reshape: Reshape) {
        self.send(Command::Seal);
        self.send(Change::Reshape(reshape).into());
    }

    /// Gives a layer another activation; all numbers stay.
    pub fn activate(&mut self, layer: usize, name: &str) {
        self.send(Command::Seal);
        self.send(Change::Activation { layer, plugin: PluginRef::named(name) }.into());
    }

    /// The layer of what is selected, or the first.
    pub fn selected_layer(&self) -> usize {
        match self.view.selected {
            Some(Target::Neuron { layer, .. } | Target::Weight { layer, .. } | Target::Bias { layer, .. }) => layer,
            _ => 0,
        }
    }

    /// The same among those whose neurons may come and go: the outputs belong to the data.
    pub(super) fn hidden_layer(&self) -> usize {
        let hidden = self.now().map_or(0, |(timeline, _)| timeline.step().shape.layers() - 1);
        self.selected_layer().min(hidden.saturating_sub(1))
    }

    /// The selected neuron goes, or the last of its layer.
    pub(super) fn remove_neuron(&mut self) {
        let layer = self.hidden_layer();
        let neuron = match self.view.selected {
            Some(Target::Neuron { layer: at, neuron }) if at == layer => neuron,
            _ => self.now().map_or(0, |(timeline, _)| timeline.step().shape.size(layer) - 1),
        };
        self.restructure(Reshape::RemoveNeuron { layer, neuron });
    }

    /// The parameters that a part of the network stands for, and whether all are frozen.
    pub fn frozen(&self, target: Target) -> Option<(Vec<Parameter>, bool)> {
        let step = self.now()?.0.step();
        let parameters = match target {
            Target::Weight { layer, neuron, input } => vec![Parameter { layer, neuron, input: Some(input) }],
            Target::Bias { layer, neuron } => vec![Parameter { layer, neuron, input: None }],
            Target::Neuron { layer, neuron } => {
                let inputs = (0..step.shape.fan_in(layer)).map(Some).chain([None]);
                inputs.map(|input| Parameter { layer, neuron, input }).collect()
            }
            Target::Input(_) | Target::Loss => return None,
        };
        let is_frozen = parameters.iter().all(|parameter| step.frozen.contains(&step.shape.index(*parameter)));
        Some((parameters, is_frozen))
    }

    /// Holds what is selected fast, or lets it go.
    pub fn freeze_selected(&mut self) {
        let frozen = self.view.selected.and_then(|target| self.frozen(target));
        match frozen {
            Some((parameters, is_frozen)) => {
                self.send(Change::Freeze { parameters, is_frozen: !is_frozen }.into());
            }
            None => self.notice("select a weight, a bias or a neuron to freeze"),
        }
    }

    /// The number that a mark stands for and that a hand may change, with its present value.
    pub fn editable(&self, target: Target) -> Option<(Editable, f64)> {
        let (timeline, _) = self.now()?;
        let step = timeline.step();
        let parameter = match target {
            Target::Weight { layer, neuron, input } => Parameter { layer, neuron, input: Some(input) },
            // A neuron's own number is its bias.
            Target::Bias { layer, neuron } | Target::Neuron { layer, neuron } => {
                Parameter { layer, neuron, input: None }
            }
            Target::Input(input) => {
                let sample = step.samples.get(self.sample())?;
                return Some((Editable::Input { sample: sample.sample, input }, *sample.input.get(input)?));
            }
            Target::Loss => return None,
        };
        let index = step.shape.index(parameter);
        let values = if self.is_updated(parameter) { &step.after.values } else { &step.before.values };
        Some((Editable::Parameter(index), *values.get(index)?))
    }

    /// Gives an editable number another value.
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
                // What is on screen after the update is the start of the next step, so that is what changes.
                if self.is_updated(parameter) {
                    self.hold();
                    self.sought = step + 1;
                    self.want(Command::Change { step: Some(step + 1), change }, NeededStep::Next);
                } else {
                    self.send(change.into());
                }
            }
            Editable::Input { sample, input } => {
                self.send(Change::Input { sample, input, value }.into());
            }
        }
    }

    /// Whether the update of a parameter is over at this moment.
    fn is_updated(&self, parameter: Parameter) -> bool {
        let Some((timeline, playhead)) = self.now() else { return false };
        let cell = Cell::Parameter { layer: parameter.layer, neuron: parameter.neuron, input: parameter.input };
        timeline.cell(None, Phase::Update, cell).is_some_and(|events| playhead.position() >= events.end as f64)
    }

    /// Plugs in another plugin.
    pub fn choose(&mut self, slot: Slot, name: &str) {
        self.change(slot, Change::Patch(Box::new(slot.patch(PluginRef::named(name)))));
    }

    /// Moves a control of what is plugged in at a slot, of these layers where hidden layers differ.
    pub fn control(&mut self, slot: Slot, layers: &[usize], control: &str, value: ParamValue) {
        self.change(slot, Change::Control { slot, layers: layers.to_vec(), control: control.to_owned(), value });
    }

    /// Hands over a change of a plugin; with some a run starts anew, and the lesson then waits to be performed.
    fn change(&mut self, slot: Slot, change: Change) {
        if slot.is_beginning() {
            self.restart(change, RunStart::Hold);
        } else {
            self.send(change.into());
        }
    }
}
