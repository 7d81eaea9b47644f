//! Applies a change by hand to the run, and names it in undo lists.
//!
//! It must not know how changes are undone.

use super::lesson_run::LessonRun;
use super::{reshape, slots};
use crate::protocol::{Change, Slot};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{ParamValue, PluginRef, SpecPatch};
use slowgrad_engine::structure::Reshape;
use slowgrad_timeline::explain::words;
use slowgrad_timeline::scene::Target;
use std::sync::Arc;

/// Checks that the network and the data have the elements of a change.
///
/// # Errors
///
/// A message that names the missing element.
pub(crate) fn check_fits(lesson: &LessonRun, change: &Change) -> Result<(), String> {
    let Some(opened) = &lesson.open else { return Err("no lesson is open".into()) };
    let setup = opened.run.setup();
    match change {
        Change::Parameter { parameter, value } if !setup.shape.has(*parameter) || !value.is_finite() => {
            Err("the network has no such weight".into())
        }
        Change::Input { sample, input, value }
            if *sample >= setup.train.len() || *input >= setup.shape.inputs() || !value.is_finite() =>
        {
            Err("the data has no such sample".into())
        }
        Change::Activation { layer, .. } if *layer >= setup.shape.layers() => {
            Err("the network has no such layer".into())
        }
        Change::Control { layers, .. } if layers.iter().any(|&layer| layer + 1 >= setup.shape.layers()) => {
            Err("the network has no such hidden layer".into())
        }
        Change::Freeze { parameters, .. } if parameters.iter().any(|parameter| !setup.shape.has(*parameter)) => {
            Err("the network has no such weight".into())
        }
        Change::FreezeLayer { layer, .. } if *layer >= setup.shape.layers() => {
            Err("the network has no such layer".into())
        }
        _ => Ok(()),
    }
}

/// Applies a change; returns false when it has no effect.
pub(crate) fn apply(lesson: &mut LessonRun, change: &Change) -> bool {
    let Some(open) = &mut lesson.open else { return false };
    match change {
        Change::Parameter { parameter, value } => {
            let index = open.run.setup().shape.index(*parameter);
            open.run.set_parameter(index, *value);
        }
        Change::Input { sample, input, value } => {
            let mut setup = open.run.setup().clone();
            Arc::make_mut(&mut setup.train).set_input(*sample, *input, *value);
            open.run.set_setup(setup);
        }
        Change::Control { slot, layers, control, value } => return set_control(lesson, *slot, layers, control, value),
        Change::Patch(change) => return patch(lesson, change),
        Change::Activation { layer, plugin } => return set_activation(lesson, *layer, plugin),
        Change::Reshape(change) => {
            if !reshape::reshape(lesson, *change) {
                return false;
            }
        }
        Change::Freeze { parameters, frozen } => {
            let shape = Arc::clone(&open.run.setup().shape);
            reshape::freeze(&mut open.run, parameters.iter().map(|parameter| shape.index(*parameter)), *frozen);
        }
        Change::FreezeLayer { layer, part, frozen } => {
            let parameters = open.run.setup().shape.part(*layer, *part);
            reshape::freeze(&mut open.run, parameters, *frozen);
        }
        Change::Arrange(arrangement) => open.arrangement = Arc::clone(arrangement),
        Change::Reset => lesson.restart(),
        Change::Reseed => {
            let spec = &open.run.setup().spec;
            let (seed, own_weights) = (spec.seed.wrapping_add(1), spec.weights.is_some());
            lesson.set_seed(Some(seed));
            if own_weights {
                lesson.report.message("this lesson sets its own initial weights; only the data changes");
            }
            lesson.restart();
        }
    }
    lesson.mark_stale();
    true
}

/// Sets a control of the plugin in a slot; for hidden activations, those of these layers, or all if empty.
fn set_control(lesson: &mut LessonRun, slot: Slot, layers: &[usize], control: &str, value: &ParamValue) -> bool {
    if slot.starts_new_run() {
        lesson.apply_pending_swap();
    }
    let Some(open) = &mut lesson.open else { return false };
    let mut spec = (*open.run.setup().spec).clone();
    let indices = slots::with_control(open.run.setup(), slot, layers, control);
    let plugins = slots::plugins(&mut spec, slot).into_iter().enumerate();
    let selected: Vec<_> = plugins.filter(|(nth, _)| indices.contains(nth)).collect();
    if selected.is_empty() {
        return false;
    }
    for (_, plugin) in selected {
        plugin.params.insert(control.to_owned(), value.clone());
    }
    if slot.starts_new_run() {
        return lesson.begin_with(&spec, &control.replace('_', " "));
    }
    // A slider is an input of the traced function, so no function is retraced.
    if let ParamValue::Number(number) = value {
        let mut setup = Setup { spec: Arc::new(spec), ..open.run.setup().clone() };
        slots::slide(&mut setup, slot, &indices, control, *number);
        open.run.set_setup(setup);
        lesson.mark_stale();
        return true;
    }
    let assembled = lesson.scripts.sandbox().assemble(&spec);
    lesson.set_setup(assembled)
}

/// Changes the activation of one layer; all parameters keep their values.
fn set_activation(lesson: &mut LessonRun, layer: usize, plugin: &PluginRef) -> bool {
    let Some(open) = &lesson.open else { return false };
    let mut spec = (*open.run.setup().spec).clone();
    plugin.clone_into(&mut spec.layers[layer].activation);
    let assembled = lesson.scripts.sandbox().assemble(&spec);
    lesson.set_setup(assembled)
}

/// Changes plugins or controls of the description.
fn patch(lesson: &mut LessonRun, patch: &SpecPatch) -> bool {
    let new_start = match (&patch.initializer, &patch.data) {
        (Some(_), _) => Some("initializer"),
        (None, Some(_)) => Some("data set"),
        (None, None) => None,
    };
    if new_start.is_some() {
        lesson.apply_pending_swap();
    }
    let Some(open) = &lesson.open else { return false };
    let mut spec = (*open.run.setup().spec).clone();
    let assembled = lesson.scripts.sandbox().patch(&mut spec, patch);
    match new_start {
        None => lesson.set_setup(assembled),
        Some(what) => lesson.report.accept(assembled).is_some() && lesson.begin_with(&spec, what),
    }
}

/// The name of a change in undo lists, with the names of inputs and outputs of the set-up before it.
pub(crate) fn name(change: &Change, setup: &Setup) -> String {
    let named = |target| words::named_target(target, &setup.shape, &setup.io_names);
    match change {
        Change::Parameter { parameter, .. } => named((*parameter).into()),
        Change::Input { sample, input, .. } => format!("{} of sample {}", named(Target::Input(*input)), sample + 1),
        Change::Control { layers, control, .. } => {
            let name = control.replace('_', " ");
            if layers.is_empty() { name } else { format!("{name} of {}", slots::layer_list(layers)) }
        }
        Change::Patch(patch) => patch_name(patch),
        Change::Activation { layer, plugin } => format!("activation {} of layer {}", plugin.name, layer + 1),
        Change::Reshape(reshape) => match reshape {
            Reshape::AddNeuron { layer } => format!("add neuron to layer {}", layer + 1),
            Reshape::RemoveNeuron { layer, neuron } => format!("remove neuron {} of layer {}", neuron + 1, layer + 1),
            Reshape::AddLayer { before } => format!("add layer before layer {}", before + 1),
            Reshape::RemoveLayer { layer } => format!("remove layer {}", layer + 1),
        },
        Change::Freeze { frozen: true, .. } => "freeze".into(),
        Change::Freeze { .. } => "unfreeze".into(),
        Change::FreezeLayer { layer, part, frozen } => {
            let verb = if *frozen { "freeze" } else { "unfreeze" };
            format!("{verb} {} of layer {}", part.description(), layer + 1)
        }
        Change::Arrange(_) => "layout".into(),
        Change::Reset => "reset".into(),
        Change::Reseed => "new weights".into(),
    }
}

/// The plugins and controls of a patch.
fn patch_name(patch: &SpecPatch) -> String {
    let SpecPatch { activation, output, loss, regularizer, optimizer, schedule, initializer, data, batch, params } =
        patch;
    let places = [
        (Slot::Activation, activation),
        (Slot::Output, output),
        (Slot::Loss, loss),
        (Slot::Regularizer, regularizer),
        (Slot::Optimizer, optimizer),
        (Slot::Schedule, schedule),
        (Slot::Initializer, initializer),
        (Slot::Data, data),
    ];
    let plugged =
        places.into_iter().filter_map(|(slot, plugin)| Some(format!("{} {}", slot.name(), plugin.as_ref()?.name)));
    let batch = batch.map(|_| "batch".to_owned());
    plugged.chain(batch).chain(params.keys().map(|name| name.replace('_', " "))).collect::<Vec<_>>().join(", ")
}
