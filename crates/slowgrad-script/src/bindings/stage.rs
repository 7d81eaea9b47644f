//! The methods of the stage. Each converts its arguments to a cue, which is plain data.
//!
//! This module checks that the arguments fit the lesson's network. It must not know how cues are performed.

use crate::bindings::arguments;
use crate::bindings::arguments::{count, plain, words};
use crate::bindings::values::{Closure, NeuronRef, ParameterRef, StageRecorder, Subject};
use crate::diagnostics::problem::{NativeResult, Problem};
use crate::diagnostics::value_kind::kind;
use crate::diagnostics::wording::suggestion;
use crate::runtime::host::Host;
use rhai::{Dynamic, Engine, FnPtr, NativeCallContext};
use slowgrad_engine::shape::LayerPart;
use slowgrad_tape::Location;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::cue::{CameraTarget, Cue, CueCondition, CueParameters, Panel, PlayPart, Plot};
use slowgrad_timeline::playback::playhead;
use slowgrad_timeline::scene::Target;
use std::rc::Rc;

/// Registers the methods of the stage.
pub(crate) fn register(engine: &mut Engine, host: &Rc<Host>) {
    /// Registers a cue. `$make` computes the [`Cue`] from the arguments.
    macro_rules! cue {
        ($name:literal, |$stage:ident $(, $argument:ident)*| $make:expr) => {
            let shared = Rc::clone(host);
            engine.register_fn($name, move |context: NativeCallContext, $stage: &mut StageRecorder $(, $argument: Dynamic)*| -> NativeResult<()> {
                let $stage = CueCall { stage: $stage, location: shared.location(&context) };
                let cue: Cue = $make;
                let CueCall { stage, location } = $stage;
                let mut cues = stage.cues.borrow_mut();
                if cues.len() >= shared.limits.get().cues {
                    let message = format!("a lesson may have at most {} cues", shared.limits.get().cues);
                    return Err(Problem::new("too-many-cues", message).limit("cues").into());
                }
                cues.push((cue, location));
                Ok(())
            });
        };
    }
    cue!("say", |stage, text| Cue::Say(check_digits(caption(&text, "say")?)?));
    cue!("section", |stage, name| Cue::Section(caption(&name, "section")?));
    cue!("wait", |stage| Cue::Wait);
    cue!("pause", |stage, seconds| Cue::Pause { seconds: seconds_of(&seconds, "pause")? });
    cue!("train", |stage, steps| Cue::Train { steps: training_steps(&steps, "train")? });
    cue!("play", |stage, part| play(&part, None)?);
    cue!("play", |stage, part, how| play(&part, Some(&how))?);
    cue!("step", |stage| Cue::Step { count: 1, by: Granularity::default() });
    cue!("step", |stage, n| Cue::Step { count: whole_number(&n, "step")?, by: Granularity::default() });
    cue!("step", |stage, n, by| Cue::Step { count: whole_number(&n, "step")?, by: granularity(&by)? });
    cue!("set", |stage, changes| Cue::Set(match changes.as_map_ref() {
        Ok(map) => Box::new(arguments::patch(&map)?),
        Err(_) =>
            return Err(Problem::new("wrong-type", format!("`set` needs a map, but this is {}", kind(&changes)))
                .help("write `stage.set(#{ optimizer: \"sgd\" })`")
                .into()),
    }));
    cue!("tweak", |stage, which, value| {
        let Some(ParameterRef(parameter)) = which.clone().try_cast() else {
            let problem = Problem::new(
                "wrong-type",
                format!("`tweak` needs `weight(…)` or `bias(…)`, but this is {}", kind(&which)),
            );
            return Err(problem
                .help("write `stage.tweak(weight(layer, neuron, input), 0.5)`, all counted from 0")
                .into());
        };
        arguments::existing_parameter(parameter, &stage.stage.shape)?;
        let value = plain(&value, "tweak")?;
        if !value.is_finite() {
            return Err(Problem::new("wrong-value", format!("a weight cannot be {value}")).into());
        }
        Cue::Tweak { parameter, value }
    });
    cue!("freeze", |stage, which| Cue::Freeze { parameters: stage.parameters(&which, "freeze")?, frozen: true });
    cue!("unfreeze", |stage, which| Cue::Freeze { parameters: stage.parameters(&which, "unfreeze")?, frozen: false });
    cue!("ask", |stage, question, answers, right| ask(&question, &answers, &right)?);
    cue!("focus", |stage, which| Cue::Focus(stage.element(&which, "focus")?));
    cue!("highlight", |stage, condition| {
        Cue::Highlight(stage.condition(&condition, Subject::Parameter, "stage.highlight(|p| p.grad != 0.0)")?)
    });
    cue!("train_until", |stage, condition, most| {
        let example = "stage.train_until(|m| m.loss < 0.01, 5000)";
        let until = stage.condition(&condition, Subject::Training, example)?;
        let most = training_steps(&most, "train_until")?;
        Cue::TrainUntil { until, max_steps: most }
    });
    cue!("clear", |stage| Cue::Clear);
    cue!("speed", |stage, speed| Cue::Speed(speed_of(&speed)?));
    cue!("camera", |stage, look| Cue::Camera(stage.look(&look)?));
    cue!("show", |stage, panel| Cue::Show(panel_of(&panel, "show")?));
    cue!("hide", |stage, panel| Cue::Hide(panel_of(&panel, "hide")?));
    cue!("plot", |stage, plot| Cue::Plot(plot_of(&plot)?));
    cue!("note", |stage, text| Cue::Note(caption(&text, "note")?));
}

/// The maximum number of steps that one cue trains.
const MAX_TRAINING_STEPS: u64 = 1_000_000_000;

/// The number of steps that a cue trains.
fn training_steps(value: &Dynamic, caller: &str) -> NativeResult<u64> {
    let steps = count(value, caller)? as u64;
    if steps > MAX_TRAINING_STEPS {
        let message = format!("`{caller}` trains at most {MAX_TRAINING_STEPS} steps, but this is {steps}");
        return Err(Problem::new("wrong-value", message).into());
    }
    Ok(steps)
}

/// One call of a method of the stage.
struct CueCall<'s> {
    stage: &'s StageRecorder,
    location: Option<Location>,
}

impl CueCall<'_> {
    /// An element of the network, checked to exist.
    fn element(&self, value: &Dynamic, cue: &str) -> NativeResult<Target> {
        if let Some(ParameterRef(parameter)) = value.clone().try_cast() {
            arguments::existing_parameter(parameter, &self.stage.shape)?;
            return Ok(parameter.into());
        }
        if let Some(NeuronRef { layer, neuron }) = value.clone().try_cast() {
            arguments::existing_neuron(layer, neuron, &self.stage.shape)?;
            return Ok(Target::Neuron { layer, neuron });
        }
        let message = format!("`{cue}` needs `weight(…)`, `bias(…)` or `neuron(…)`, but this is {}", kind(value));
        let help = format!("write `stage.{cue}(weight(layer, neuron, input))`, all counted from 0");
        Err(Problem::new("wrong-type", message).help(help).into())
    }

    /// The parameters of an element, or of a layer: `#{ layer: 1 }` with or without a part.
    fn parameters(&self, value: &Dynamic, cue: &str) -> NativeResult<CueParameters> {
        let Ok(map) = value.as_map_ref() else {
            if value.is::<ParameterRef>() || value.is::<NeuronRef>() {
                return Ok(CueParameters::Of(self.element(value, cue)?));
            }
            let message = format!(
                "`{cue}` needs `weight(…)`, `bias(…)`, `neuron(…)` or a layer's map, but this is {}",
                kind(value)
            );
            let help =
                format!("write `stage.{cue}(#{{ layer: 1 }})` or `stage.{cue}(#{{ layer: 1, part: \"biases\" }})`");
            return Err(Problem::new("wrong-type", message).help(help).into());
        };
        if let Some(odd) = map.keys().find(|field| !["layer", "part"].contains(&field.as_str())) {
            let problem = Problem::new("unknown-field", format!("`{cue}` has no field `{odd}`"));
            return Err(problem.help(suggestion(odd, ["layer", "part"]).unwrap_or_default()).into());
        }
        let Some(layer) = map.get("layer") else {
            let problem = Problem::new("missing-field", format!("`{cue}` needs the field `layer`"));
            return Err(problem.help(format!("write `stage.{cue}(#{{ layer: 1 }})`, counted from 0")).into());
        };
        let layer = count(layer, "layer")?;
        arguments::existing_layer(layer, &self.stage.shape)?;
        let part = match map.get("part") {
            None => LayerPart::All,
            Some(part) => arguments::layer_part(&caption(part, "part")?, "`part`")?,
        };
        if self.stage.shape.part(layer, part).is_empty() {
            return Err(arguments::without_biases(layer).into());
        }
        Ok(CueParameters::Layer { layer, part })
    }

    /// Stores a closure. The cue refers to it by its index.
    fn condition(&self, value: &Dynamic, subject: Subject, example: &str) -> NativeResult<CueCondition> {
        let Some(function) = value.clone().try_cast::<FnPtr>() else {
            let message = format!("this cue needs a condition, but this is {}", kind(value));
            return Err(Problem::new("wrong-type", message).help(format!("write `{example}`")).into());
        };
        let mut closures = self.stage.closures.borrow_mut();
        closures.push(Closure::new(subject, &function, self.location.clone()));
        Ok(CueCondition(closures.len() - 1))
    }

    /// `"fit"`, an element of the network, or `#{ layer: 1 }` with or without a neuron.
    fn look(&self, value: &Dynamic) -> NativeResult<CameraTarget> {
        const USAGE: &str =
            "write `stage.camera(\"fit\")`, `stage.camera(#{ layer: 1 })` or `stage.camera(neuron(1, 0))`";
        if let Ok(word) = value.clone().into_string() {
            if word == "fit" {
                return Ok(CameraTarget::Fit);
            }
            let problem = Problem::new("unknown-name", format!("`camera` has no target `{word}`"));
            return Err(problem.help(USAGE).into());
        }
        let Ok(map) = value.as_map_ref() else {
            return match self.element(value, "camera") {
                Ok(part) => Ok(CameraTarget::At(part)),
                Err(_) if !value.is::<ParameterRef>() && !value.is::<NeuronRef>() => {
                    let message = format!("`camera` cannot show {}", kind(value));
                    Err(Problem::new("wrong-type", message).help(USAGE).into())
                }
                Err(error) => Err(error),
            };
        };
        if let Some(odd) = map.keys().find(|field| !["layer", "neuron"].contains(&field.as_str())) {
            let problem = Problem::new("unknown-field", format!("`camera` has no field `{odd}`"));
            return Err(problem.help(suggestion(odd, ["layer", "neuron"]).unwrap_or_default()).into());
        }
        let field = |name: &str| map.get(name).map(|value| count(value, name)).transpose();
        let Some(layer) = field("layer")? else {
            return Err(Problem::new("missing-field", "`camera` needs the field `layer`").help(USAGE).into());
        };
        let neuron = field("neuron")?;
        arguments::existing_neuron(layer, neuron.unwrap_or(0), &self.stage.shape)?;
        Ok(neuron.map_or(CameraTarget::Layer(layer), |neuron| CameraTarget::At(Target::Neuron { layer, neuron })))
    }
}

/// Each answer needs a digit key.
const MAX_ANSWERS: usize = 9;

fn ask(question: &Dynamic, answers: &Dynamic, right: &Dynamic) -> NativeResult<Cue> {
    const USAGE: &str =
        "write `stage.ask(\"Which?\", [\"this\", \"that\"], 1)`: the last number is the right answer, counted from 0";
    let question = caption(question, "ask")?;
    let Ok(array) = answers.as_array_ref() else {
        let message = format!("`ask` needs an array of answers, but this is {}", kind(answers));
        return Err(Problem::new("wrong-type", message).help(USAGE).into());
    };
    let answers = words(&array, "ask")?;
    if !(2..=MAX_ANSWERS).contains(&answers.len()) {
        let message = format!("a question has 2 to {MAX_ANSWERS} answers, but this one has {}", answers.len());
        return Err(Problem::new("wrong-value", message).help(USAGE).into());
    }
    let right = count(right, "ask")?;
    if right >= answers.len() {
        let message = format!("there is no answer {right}; answers are numbered from 0 to {}", answers.len() - 1);
        return Err(Problem::new("wrong-value", message).help(USAGE).into());
    }
    Ok(Cue::Ask { question: check_digits(question)?, answers, right })
}

fn speed_of(value: &Dynamic) -> NativeResult<f64> {
    let speed = plain(value, "speed")?;
    if (playhead::MIN_SPEED..=playhead::MAX_SPEED).contains(&speed) {
        return Ok(speed);
    }
    let (slowest, fastest) = (playhead::MIN_SPEED, playhead::MAX_SPEED);
    let message = format!("`speed` must be from {slowest} to {fastest}, but this is {speed}");
    Err(Problem::new("wrong-value", message).help("1 is normal speed; `stage.train(…)` trains at full speed").into())
}

fn plot_of(value: &Dynamic) -> NativeResult<Plot> {
    let name = caption(value, "plot")?;
    Plot::ALL.into_iter().find(|plot| plot.name() == name).ok_or_else(|| {
        let problem = Problem::new("unknown-name", format!("there is no plot `{name}`"));
        problem.help(suggestion(&name, Plot::ALL.map(Plot::name)).unwrap_or_default()).into()
    })
}

fn panel_of(value: &Dynamic, cue: &str) -> NativeResult<Panel> {
    let name = caption(value, cue)?;
    Panel::ALL.into_iter().find(|panel| panel.name() == name).ok_or_else(|| {
        let problem = Problem::new("unknown-name", format!("there is no panel `{name}`"));
        problem.help(suggestion(&name, Panel::ALL.map(Panel::name)).unwrap_or_default()).into()
    })
}

fn caption(value: &Dynamic, cue: &str) -> NativeResult<String> {
    let message = || format!("`{cue}` needs a text, but this is {}", kind(value));
    value.clone().into_string().map_err(|_| Problem::new("wrong-type", message()).into())
}

/// Significant decimal digits that distinguish all `f64` values.
const MAX_DIGITS: usize = 17;

/// Refuses a field such as `{output:20}` with more digits than a number has.
fn check_digits(text: String) -> NativeResult<String> {
    let formats = text.split('{').skip(1).filter_map(|field| field.split_once('}')?.0.split_once(':'));
    match formats.filter_map(|(_, digits)| digits.parse::<usize>().ok()).find(|&digits| digits > MAX_DIGITS) {
        None => Ok(text),
        Some(digits) => {
            let message = format!("a number cannot be shown with {digits} digits; the maximum is {MAX_DIGITS}");
            Err(Problem::new("wrong-value", message).help("write `{output:3}` for three digits").into())
        }
    }
}

fn whole_number(value: &Dynamic, cue: &str) -> NativeResult<i64> {
    value.as_int().map_err(|_| {
        Problem::new("wrong-type", format!("`{cue}` needs a whole number, but this is {}", kind(value))).into()
    })
}

fn seconds_of(value: &Dynamic, cue: &str) -> NativeResult<f64> {
    let seconds = plain(value, cue)?;
    if seconds.is_finite() && seconds >= 0.0 {
        return Ok(seconds);
    }
    Err(Problem::new("wrong-value", format!("`{cue}` needs a time in seconds, but this is {seconds}")).into())
}

fn granularity(value: &Dynamic) -> NativeResult<Granularity> {
    let name = caption(value, "by")?;
    Granularity::from_name(&name).ok_or_else(|| {
        let problem = Problem::new("unknown-name", format!("there is no unit `{name}`"));
        problem.help(suggestion(&name, Granularity::ALL.map(Granularity::name)).unwrap_or_default()).into()
    })
}

fn play(part: &Dynamic, how: Option<&Dynamic>) -> NativeResult<Cue> {
    let name = caption(part, "play")?;
    let part = PlayPart::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| {
        let problem = Problem::new("unknown-name", format!("there is no part `{name}` to play"));
        problem.help(suggestion(&name, PlayPart::ALL.map(PlayPart::name)).unwrap_or_default())
    })?;
    let (mut by, mut seconds) = (Granularity::default(), None);
    if let Some(how) = how {
        let map = how.as_map_ref().map_err(|_| {
            let problem =
                Problem::new("wrong-type", format!("the options of `play` must be a map, but this is {}", kind(how)));
            problem.help("write `stage.play(\"forward\", #{ by: \"neuron\", seconds: 5 })`")
        })?;
        for (field, value) in map.iter() {
            match field.as_str() {
                "by" => by = granularity(value)?,
                "seconds" => seconds = Some(seconds_of(value, "seconds")?),
                _ => {
                    let problem = Problem::new("unknown-field", format!("`play` has no field `{field}`"));
                    return Err(problem.help(suggestion(field, ["by", "seconds"]).unwrap_or_default()).into());
                }
            }
        }
    }
    Ok(Cue::Play { part, by, seconds })
}
