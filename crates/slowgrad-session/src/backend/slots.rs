//! Access to plugins by slot: the present plugin, its alternatives and its controls.
//!
//! It covers lesson descriptions and the set-ups assembled from them. It must not know runs or commands.

use crate::protocol::{Choice, PluginControl, SetupInfo, Slot, SlotInfo};
use slowgrad_engine::plugin::{Activation, Control, ControlKind, PluginInfo};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{DataSpec, LessonSpec, PluginRef};
use slowgrad_script::{PluginKind, Sandbox};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The plugins that fit in each slot.
pub(crate) type Choices = BTreeMap<Slot, Arc<[Choice]>>;

/// Lists the plugins of the library by slot.
pub(crate) fn choices(sandbox: &Sandbox) -> Choices {
    let at = |slot: Slot| {
        let choice = |name: String, description| Choice { title: name.clone(), name, description };
        let none = matches!(slot, Slot::Regularizer | Slot::Schedule);
        let none = none.then(|| choice(PluginRef::NONE.to_owned(), format!("no {}", slot.name())));
        let known = sandbox.list(slot.kind()).into_iter().map(|info| choice(info.name, info.description));
        (slot, none.into_iter().chain(known).collect())
    };
    Slot::ALL.into_iter().map(at).collect()
}

/// The plugins of a description, by kind and name.
pub(crate) fn named_plugins(spec: &LessonSpec) -> Vec<(PluginKind, &str)> {
    let mut named: Vec<(PluginKind, &str)> =
        spec.layers.iter().map(|layer| (PluginKind::Activation, layer.activation.name.as_str())).collect();
    named.push((PluginKind::Loss, &spec.loss.name));
    named.push((PluginKind::Optimizer, &spec.optimizer.name));
    named.push((PluginKind::Initializer, &spec.initializer.name));
    named.extend(spec.regularizer.iter().map(|plugin| (PluginKind::Regularizer, plugin.name.as_str())));
    named.extend(spec.schedule.iter().map(|plugin| (PluginKind::Schedule, plugin.name.as_str())));
    if let DataSpec::Plugin(plugin) = &spec.data {
        named.push((PluginKind::Dataset, &plugin.name));
    }
    named
}

/// The description of a set-up for snapshots.
pub(crate) fn setup_info(setup: &Setup, choices: &Choices) -> SetupInfo {
    let slot = |slot: Slot| {
        let Plugged { name, description, controls } = plugged(setup, slot)?;
        let choices = choices.get(&slot).cloned().unwrap_or_default();
        Some(SlotInfo { slot, name, description, controls, choices })
    };
    SetupInfo {
        slots: Slot::ALL.into_iter().filter_map(slot).collect(),
        batch: setup.batch,
        seed: setup.seed,
        sizes: setup.shape.sizes().to_vec(),
        activations: setup.activations.iter().map(|activation| activation.info.name.clone()).collect(),
    }
}

/// The plugin in a slot; several activations are combined.
pub(crate) struct Plugged {
    pub(crate) name: String,
    description: String,
    pub(crate) controls: Vec<PluginControl>,
}

impl Plugged {
    fn one(info: &PluginInfo) -> Self {
        Self { name: info.name.clone(), description: info.description.clone(), controls: controls(info, &[]) }
    }

    fn placeholder(name: &str, description: &str) -> Self {
        Self { name: name.to_owned(), description: description.to_owned(), controls: Vec::new() }
    }

    /// Combines the activations of the hidden layers; if they differ, lists all names and the controls of each.
    fn several(hidden: &[Activation]) -> Self {
        let mut different: Vec<(&PluginInfo, Vec<usize>)> = Vec::new();
        for (layer, activation) in hidden.iter().enumerate() {
            match different.iter_mut().find(|(info, _)| **info == activation.info) {
                Some((_, layers)) => layers.push(layer),
                None => different.push((&activation.info, vec![layer])),
            }
        }
        if let [(info, _)] = different[..] {
            return Self::one(info);
        }
        let mut names: Vec<&str> = Vec::new();
        for (info, _) in &different {
            if !names.contains(&info.name.as_str()) {
                names.push(&info.name);
            }
        }
        Self {
            name: names.join(", "),
            description: "The layers have different activations. A choice here applies to all layers but the last."
                .to_owned(),
            controls: different.iter().flat_map(|(info, layers)| controls(info, layers)).collect(),
        }
    }
}

fn controls(info: &PluginInfo, layers: &[usize]) -> Vec<PluginControl> {
    let control = |control: &Control| PluginControl {
        layers: layers.to_vec(),
        plugin: info.name.clone(),
        control: control.clone(),
    };
    info.controls.iter().map(control).collect()
}

/// The plugin in a slot; `None` for the hidden activation of a network with one layer.
pub(crate) fn plugged(setup: &Setup, slot: Slot) -> Option<Plugged> {
    let one_or_none = |info: Option<&PluginInfo>| match info {
        Some(info) => Plugged::one(info),
        None => Plugged::placeholder(PluginRef::NONE, ""),
    };
    let last = setup.activations.len() - 1;
    Some(match slot {
        Slot::Activation if last == 0 => return None,
        Slot::Activation => Plugged::several(&setup.activations[..last]),
        Slot::Output => Plugged::one(&setup.activations[last].info),
        Slot::Loss => Plugged::one(&setup.loss.info),
        Slot::Regularizer => one_or_none(setup.regularizer.as_ref().map(|plugin| &plugin.info)),
        Slot::Optimizer => Plugged::one(&setup.optimizer.info),
        Slot::Schedule => one_or_none(setup.schedule.as_ref().map(|plugin| &plugin.info)),
        Slot::Initializer if setup.spec.weights.is_some() => {
            Plugged::placeholder("from the lesson", "The lesson sets the initial weights.")
        }
        Slot::Initializer => Plugged::one(&setup.initializer),
        Slot::Data => match &setup.dataset {
            Some(info) => Plugged::one(info),
            None => Plugged::placeholder(&data_name(setup), "Samples from the lesson."),
        },
    })
}

/// The indices of the plugins in a slot that have a control. For hidden layers, only those in `layers`, or all if that
/// is empty.
pub(crate) fn with_control(setup: &Setup, slot: Slot, layers: &[usize], control: &str) -> Vec<usize> {
    if slot != Slot::Activation {
        return vec![0];
    }
    let has = |info: &PluginInfo| info.controls.iter().any(|known| known.name == control);
    let hidden = setup.activations.iter().take(setup.activations.len() - 1).enumerate();
    let selected = hidden.filter(|(layer, _)| layers.is_empty() || layers.contains(layer));
    selected.filter(|(_, activation)| has(&activation.info)).map(|(layer, _)| layer).collect()
}

/// The mathematical symbol of a control, such as η, or its name in words.
pub fn control_symbol(control: &str) -> String {
    match control {
        "lr" => "η".to_owned(),
        "momentum" => "β".to_owned(),
        other => other.replace('_', " "),
    }
}

/// A list of layers in words, counted from 1: "layers 1, 3".
pub fn layer_list(layers: &[usize]) -> String {
    let numbers: Vec<String> = layers.iter().map(|layer| (layer + 1).to_string()).collect();
    format!("layer{} {}", if layers.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

/// The name of the data.
fn data_name(setup: &Setup) -> String {
    match &setup.spec.data {
        DataSpec::Plugin(plugin) => plugin.name.clone(),
        DataSpec::Inline(_) => "in the lesson".to_owned(),
        DataSpec::Table(table) => table.path.clone(),
    }
}

/// The plugins of a description in a slot.
pub(crate) fn plugins(spec: &mut LessonSpec, slot: Slot) -> Vec<&mut PluginRef> {
    match slot {
        Slot::Activation => {
            let last = spec.layers.len().saturating_sub(1);
            spec.layers[..last].iter_mut().map(|layer| &mut layer.activation).collect()
        }
        Slot::Output => spec.layers.last_mut().map(|layer| &mut layer.activation).into_iter().collect(),
        Slot::Loss => vec![&mut spec.loss],
        Slot::Regularizer => spec.regularizer.as_mut().into_iter().collect(),
        Slot::Optimizer => vec![&mut spec.optimizer],
        Slot::Schedule => spec.schedule.as_mut().into_iter().collect(),
        Slot::Initializer => vec![&mut spec.initializer],
        Slot::Data => match &mut spec.data {
            DataSpec::Plugin(plugin) => vec![plugin],
            DataSpec::Inline(_) | DataSpec::Table(_) => Vec::new(),
        },
    }
}

/// The plugins of a set-up in a slot.
fn infos(setup: &mut Setup, slot: Slot) -> Vec<&mut PluginInfo> {
    match slot {
        Slot::Activation => {
            let last = setup.activations.len().saturating_sub(1);
            setup.activations[..last].iter_mut().map(|activation| &mut activation.info).collect()
        }
        Slot::Output => setup.activations.last_mut().map(|activation| &mut activation.info).into_iter().collect(),
        Slot::Loss => vec![&mut setup.loss.info],
        Slot::Regularizer => setup.regularizer.iter_mut().map(|plugin| &mut plugin.info).collect(),
        Slot::Optimizer => vec![&mut setup.optimizer.info],
        Slot::Schedule => setup.schedule.iter_mut().map(|plugin| &mut plugin.info).collect(),
        // Their controls restart the run instead.
        Slot::Initializer | Slot::Data => Vec::new(),
    }
}

/// Sets a slider of the plugins in a slot with these indices.
pub(crate) fn slide(setup: &mut Setup, slot: Slot, selected: &[usize], name: &str, to: f64) {
    for (_, info) in infos(setup, slot).into_iter().enumerate().filter(|(nth, _)| selected.contains(nth)) {
        for control in &mut info.controls {
            if let ControlKind::Slider { value, .. } = &mut control.kind
                && control.name == name
            {
                *value = to;
            }
        }
    }
}
