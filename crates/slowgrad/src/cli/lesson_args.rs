//! The lesson of a command, and the settings that the command line changes in it.

use super::Failure;
use crate::files::library;
use clap::Args;
use slowgrad_engine::plugin::{ControlKind, PluginInfo};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::{LessonSpec, ParamValue, PluginRef, SpecPatch};
use slowgrad_script::Sandbox;
use slowgrad_session::Slot;
use std::path::PathBuf;

/// The name of the number of samples per step.
const BATCH: &str = "batch";

#[derive(Debug, Args)]
pub(super) struct LessonArgs {
    /// Lesson, pack or session file, or the name of a library lesson
    pub(super) lesson: PathBuf,
    /// Change a setting of the lesson, and repeat the option for more: a control such as lr=0.1, batch=8, or a plugin
    /// such as optimizer=adam
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_setting)]
    settings: Vec<Setting>,
    /// Seed of the initial weights, the data and the order of samples [default: the lesson's]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
}

/// A setting on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Setting {
    name: String,
    value: String,
}

fn parse_setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("it must be of the form NAME=VALUE, such as lr=0.1")?;
    let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
    if name.is_empty() || value.is_empty() {
        return Err("it must be of the form NAME=VALUE, such as lr=0.1".into());
    }
    Ok(Setting { name, value })
}

impl LessonArgs {
    /// Whether the command line changes nothing in the lesson.
    pub(super) fn is_unchanged(&self) -> bool {
        self.settings.is_empty() && self.seed.is_none()
    }

    /// Changes the settings of a lesson. Returns its new setup and initial weights.
    ///
    /// # Errors
    ///
    /// When a name or a value is wrong, or when the scripts do not work with these settings.
    pub(super) fn apply(&self, sandbox: &Sandbox, spec: &LessonSpec) -> Result<(Setup, Vec<f64>), Failure> {
        let mut spec = LessonSpec { seed: self.seed.unwrap_or(spec.seed), ..spec.clone() };
        let is_control = |setting: &&Setting| setting.name != BATCH && slot(&setting.name).is_none();
        let mut patch = SpecPatch::default();
        for Setting { name, value } in self.settings.iter().filter(|setting| !is_control(setting)) {
            match slot(name) {
                Some(slot) => set_plugin(&mut patch, sandbox, &spec, slot, value)?,
                None => patch.batch = Some(parse_batch(value)?),
            }
        }
        let mut setup = sandbox.patch(&mut spec, &patch).map_err(Failure::Scripts)?;
        // The controls are those of the new plugins.
        let mut patch = SpecPatch::default();
        for Setting { name, value } in self.settings.iter().filter(is_control) {
            patch.params.insert(name.clone(), parse_control(&setup, name, value)?);
        }
        if !patch.params.is_empty() {
            setup = sandbox.patch(&mut spec, &patch).map_err(Failure::Scripts)?;
        }
        let parameters = sandbox.parameters(&spec)?;
        Ok((setup, parameters))
    }
}

/// The slot of a plugin by its name.
fn slot(name: &str) -> Option<Slot> {
    Slot::ALL.into_iter().find(|slot| slot.name() == name)
}

/// Puts a plugin into a slot.
fn set_plugin(
    patch: &mut SpecPatch,
    sandbox: &Sandbox,
    spec: &LessonSpec,
    slot: Slot,
    name: &str,
) -> Result<(), Failure> {
    if slot == Slot::Activation && spec.layers.len() < 2 {
        return Err(Failure::usage("this network has no hidden layer; set `output` for the activation of its layer"));
    }
    let may_be_empty = matches!(slot, Slot::Regularizer | Slot::Schedule);
    let is_known = (may_be_empty && name == PluginRef::NONE) || sandbox.path_of(slot.kind(), name).is_some();
    if !is_known {
        let mut known: Vec<String> = sandbox.list(slot.kind()).into_iter().map(|info| info.name).collect();
        known.extend(may_be_empty.then(|| PluginRef::NONE.to_owned()));
        return Err(unknown(&format!("there is no {} named «{name}»", slot.kind().label()), name, &known));
    }
    slot.plug(patch, PluginRef::named(name));
    Ok(())
}

fn parse_batch(text: &str) -> Result<usize, Failure> {
    let batch = text.parse().ok().filter(|batch| *batch > 0);
    batch.ok_or_else(|| Failure::usage(format!("batch must be a whole number of 1 or more, not {text}")))
}

/// Reads the value of a control, whose kind decides what the text means.
fn parse_control(setup: &Setup, name: &str, text: &str) -> Result<ParamValue, Failure> {
    let controls: Vec<_> = plugins(setup).flat_map(|info| &info.controls).collect();
    let Some(control) = controls.iter().find(|control| control.name == name) else {
        let mut known: Vec<String> = controls.iter().map(|control| control.name.clone()).collect();
        known.extend(Slot::ALL.into_iter().map(Slot::name).chain([BATCH]).map(str::to_owned));
        known.sort_unstable();
        known.dedup();
        let message = format!("this lesson has no setting «{name}»");
        let message = if name == "seed" { format!("{message}; use --seed {text}") } else { message };
        return Err(unknown(&message, name, &known));
    };
    let wrong = |wanted: &str| Err(Failure::usage(format!("{name} must be {wanted}, not {text}")));
    match &control.kind {
        ControlKind::Slider { .. } => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(ParamValue::Number(number)),
            _ => wrong("a number"),
        },
        ControlKind::Toggle { .. } => match text {
            "true" | "on" => Ok(ParamValue::Bool(true)),
            "false" | "off" => Ok(ParamValue::Bool(false)),
            _ => wrong("true or false"),
        },
        ControlKind::Choice { options, .. } if options.iter().any(|option| option == text) => {
            Ok(ParamValue::Text(text.to_owned()))
        }
        ControlKind::Choice { options, .. } => wrong(&format!("one of {}", options.join(", "))),
    }
}

/// The plugins of a setup whose controls have an effect.
fn plugins(setup: &Setup) -> impl Iterator<Item = &PluginInfo> {
    // An initializer does nothing if the lesson gives the weights.
    let initializer = setup.spec.weights.is_none().then_some(&setup.initializer);
    let activations = setup.activations.iter().map(|activation| &activation.info);
    let optional = [
        setup.regularizer.as_ref().map(|plugin| &plugin.info),
        setup.schedule.as_ref().map(|plugin| &plugin.info),
        setup.dataset.as_ref(),
        initializer,
    ];
    activations.chain([&setup.loss.info, &setup.optimizer.info]).chain(optional.into_iter().flatten())
}

/// The error about an unknown name, with the most similar one or all of them.
fn unknown(message: &str, name: &str, known: &[String]) -> Failure {
    let help = match library::nearest(name, known.iter().map(String::as_str)) {
        Some(near) => format!("did you mean «{near}»?"),
        None => format!("choose from {}", known.join(", ")),
    };
    Failure::usage(format!("{message}; {help}"))
}
