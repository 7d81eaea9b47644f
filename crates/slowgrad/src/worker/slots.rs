//! The places that plugins are plugged into: what is there, what could be, and their controls.
//!
//! Both a description and the set-up made from it have these places. It must not know runs or commands.

use super::message::{Choice, SetupInfo, Slot, SlotInfo};
use slowgrad_engine::plugin::{Activation, Control, ControlKind, PluginInfo};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{DataSpec, LessonSpec, PluginRef};
use slowgrad_script::Sandbox;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What could be plugged in at each place.
pub(super) type Choices = BTreeMap<Slot, Arc<[Choice]>>;

pub(super) fn choices(sandbox: &Sandbox) -> Choices {
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
pub(super) fn setup_info(setup: &Setup, choices: &Choices) -> SetupInfo {
    let slot = |slot: Slot| {
        let PluginInfo { name, description, controls } = plugged(setup, slot)?;
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

/// What is plugged in at a slot; a network of one layer has no hidden activation.
pub(super) fn plugged(setup: &Setup, slot: Slot) -> Option<PluginInfo> {
    let stands_in = |name: &str, description: &str| PluginInfo {
        name: name.to_owned(),
        description: description.to_owned(),
        controls: Vec::new(),
    };
    let none = || stands_in(PluginRef::NONE, "");
    let last = setup.activations.len() - 1;
    Some(match slot {
        Slot::Activation if last == 0 => return None,
        Slot::Activation => several(&setup.activations[..last]),
        Slot::Output => setup.activations[last].info.clone(),
        Slot::Loss => setup.loss.info.clone(),
        Slot::Regularizer => setup.regularizer.as_ref().map_or_else(none, |plugin| plugin.info.clone()),
        Slot::Optimizer => setup.optimizer.info.clone(),
        Slot::Schedule => setup.schedule.as_ref().map_or_else(none, |plugin| plugin.info.clone()),
        Slot::Initializer if setup.spec.weights.is_some() => {
            stands_in("from the lesson", "This lesson gives its initial weights itself.")
        }
        Slot::Initializer => setup.initializer.clone(),
        Slot::Data => match &setup.dataset {
            Some(info) => info.clone(),
            None => stands_in(&data_name(setup), "Samples that the lesson gives."),
        },
    })
}

/// The activations of the hidden layers as one: where they differ, the names and controls of all.
fn several(hidden: &[Activation]) -> PluginInfo {
    let mut all = hidden[0].info.clone();
    let mut names = vec![all.name.clone()];
    for PluginInfo { name, controls, .. } in hidden.iter().map(|activation| &activation.info) {
        if !names.contains(name) {
            names.push(name.clone());
            all.controls.extend(
                controls.iter().filter(|control| !has(&all.controls, &control.name)).cloned().collect::<Vec<_>>(),
            );
        }
    }
    if names.len() > 1 {
        all.name = names.join(", ");
        all.description =
            "Layers have activations of their own. What is chosen here is given to all but the last.".into();
    }
    all
}

fn has(controls: &[Control], name: &str) -> bool {
    controls.iter().any(|control| control.name == name)
}

/// What the description calls the first plugin at a slot that has this control.
pub(super) fn owner(setup: &Setup, slot: Slot, control: &str) -> Option<String> {
    let nth = match slot {
        Slot::Activation => {
            setup.activations.iter().position(|activation| has(&activation.info.controls, control)).unwrap_or(0)
        }
        _ => 0,
    };
    plugins(&mut (*setup.spec).clone(), slot).get(nth).map(|plugin| plugin.name.clone())
}

/// The sign that the mathematics has for a control, or its name in words.
pub(crate) fn sign(control: &str) -> String {
    match control {
        "lr" => "η".to_owned(),
        "momentum" => "β".to_owned(),
        other => other.replace('_', " "),
    }
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
pub(super) fn plugins(spec: &mut LessonSpec, slot: Slot) -> Vec<&mut PluginRef> {
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

/// Moves a slider of a plugin wherever the description of a set-up has it at a slot.
pub(super) fn slide(setup: &mut Setup, slot: Slot, plugin: &str, name: &str, to: f64) {
    let mut spec = (*setup.spec).clone();
    let described = plugins(&mut spec, slot).into_iter().map(|described| described.name == plugin).collect::<Vec<_>>();
    for (info, _) in infos(setup, slot).into_iter().zip(described).filter(|(_, is_meant)| *is_meant) {
        for control in &mut info.controls {
            if let ControlKind::Slider { value, .. } = &mut control.kind
                && control.name == name
            {
                *value = to;
            }
        }
    }
}
