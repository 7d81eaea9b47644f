//! The places that plugins are plugged into: what is there, what could be, and their controls.
//!
//! Both a description and the set-up made from it have these places. It must not know runs or commands.

use crate::protocol::{Choice, Knob, SetupInfo, Slot, SlotInfo};
use slowgrad_engine::plugin::{Activation, Control, ControlKind, PluginInfo};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{DataSpec, LessonSpec, PluginRef};
use slowgrad_script::Sandbox;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What could be plugged in at each place.
pub(crate) type Choices = BTreeMap<Slot, Arc<[Choice]>>;

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

/// What a set-up says about itself.
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

/// What is plugged in at a slot, as one.
pub(crate) struct Plugged {
    pub(crate) name: String,
    description: String,
    pub(crate) controls: Vec<Knob>,
}

impl Plugged {
    fn one(info: &PluginInfo) -> Self {
        Self { name: info.name.clone(), description: info.description.clone(), controls: knobs(info, &[]) }
    }

    fn stands_in(name: &str, description: &str) -> Self {
        Self { name: name.to_owned(), description: description.to_owned(), controls: Vec::new() }
    }

    /// The activations of the hidden layers: where they differ, the names of all, and the controls of each.
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
            controls: different.iter().flat_map(|(info, layers)| knobs(info, layers)).collect(),
        }
    }
}

fn knobs(info: &PluginInfo, layers: &[usize]) -> Vec<Knob> {
    let knob =
        |control: &Control| Knob { layers: layers.to_vec(), plugin: info.name.clone(), control: control.clone() };
    info.controls.iter().map(knob).collect()
}

/// What is plugged in at a slot; a network of one layer has no hidden activation.
pub(crate) fn plugged(setup: &Setup, slot: Slot) -> Option<Plugged> {
    let one_or_none = |info: Option<&PluginInfo>| match info {
        Some(info) => Plugged::one(info),
        None => Plugged::stands_in(PluginRef::NONE, ""),
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
            Plugged::stands_in("from the lesson", "The lesson sets the initial weights.")
        }
        Slot::Initializer => Plugged::one(&setup.initializer),
        Slot::Data => match &setup.dataset {
            Some(info) => Plugged::one(info),
            None => Plugged::stands_in(&data_name(setup), "Samples from the lesson."),
        },
    })
}

/// Which of the plugins at a slot have a control; of hidden layers only these, or all.
pub(crate) fn having(setup: &Setup, slot: Slot, layers: &[usize], control: &str) -> Vec<usize> {
    if slot != Slot::Activation {
        return vec![0];
    }
    let has = |info: &PluginInfo| info.controls.iter().any(|known| known.name == control);
    let hidden = setup.activations.iter().take(setup.activations.len() - 1).enumerate();
    let meant = hidden.filter(|(layer, _)| layers.is_empty() || layers.contains(layer));
    meant.filter(|(_, activation)| has(&activation.info)).map(|(layer, _)| layer).collect()
}

/// The sign that the mathematics has for a control, or its name in words.
pub fn sign(control: &str) -> String {
    match control {
        "lr" => "η".to_owned(),
        "momentum" => "β".to_owned(),
        other => other.replace('_', " "),
    }
}

/// Layers in words.
pub fn layers(layers: &[usize]) -> String {
    let numbers: Vec<String> = layers.iter().map(|layer| (layer + 1).to_string()).collect();
    format!("layer{} {}", if layers.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

/// What the samples are called.
fn data_name(setup: &Setup) -> String {
    match &setup.spec.data {
        DataSpec::Plugin(plugin) => plugin.name.clone(),
        DataSpec::Inline(_) => "in the lesson".to_owned(),
        DataSpec::Csv { path, .. } => path.clone(),
    }
}

/// The plugins of a description at a slot.
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
            DataSpec::Inline(_) | DataSpec::Csv { .. } => Vec::new(),
        },
    }
}

/// The plugins of a set-up at a slot.
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
        // Theirs begin another run.
        Slot::Initializer | Slot::Data => Vec::new(),
    }
}

/// Moves a slider of some of the plugins at a slot.
pub(crate) fn slide(setup: &mut Setup, slot: Slot, meant: &[usize], name: &str, to: f64) {
    for (_, info) in infos(setup, slot).into_iter().enumerate().filter(|(nth, _)| meant.contains(nth)) {
        for control in &mut info.controls {
            if let ControlKind::Slider { value, .. } = &mut control.kind
                && control.name == name
            {
                *value = to;
            }
        }
    }
}
