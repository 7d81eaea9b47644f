//! The functions that describe things: controls, files, parameters, cues and random numbers.

use crate::functions::number;
use crate::host::{Host, Number};
use crate::marks::{ControlMark, CsvMark, ParameterMark, Random, Stage};
use crate::problem::{Outcome, Problem};
use crate::reading;
use crate::reference::{Group, names};
use crate::words::{kind, list, suggestion};
use rhai::{Array, Dynamic, Engine, ImmutableString, Map, NativeCallContext};
use slowgrad_engine::orthogonal;
use slowgrad_engine::plugin::ControlKind;
use slowgrad_engine::shape::Parameter;
use slowgrad_timeline::cue::{Cue, PlayPart};
use slowgrad_timeline::granularity::Granularity;
use std::cell::Cell;
use std::rc::Rc;

/// Cues of the language that this version does not have.
pub(crate) const LATER: &[&str] =
    &["ask", "focus", "highlight", "clear", "train_until", "speed", "camera", "show", "hide", "plot", "note"];

pub(crate) fn register(engine: &mut Engine, host: &Rc<Host>) {
    engine.register_type_with_name::<ControlMark>("control");
    engine.register_type_with_name::<CsvMark>("csv");
    engine.register_type_with_name::<ParameterMark>("parameter");
    engine.register_type_with_name::<Random>("random");
    engine.register_type_with_name::<Stage>("stage");
    controls(engine);
    data(engine);
    random(engine, host);
    cues(engine, host);
    later(engine);
}

/// A plain number, or an error that says what it is.
fn plain(value: &Dynamic, wanted_by: &str) -> Outcome<f64> {
    match number(value, wanted_by)? {
        Number::Plain(x) => Ok(x),
        Number::Traced(_) => {
            Err(Problem::new("wrong-type", format!("`{wanted_by}` needs plain numbers, but this is a scalar")).into())
        }
    }
}

/// A whole number from 0.
fn count(value: &Dynamic, wanted_by: &str) -> Outcome<usize> {
    let found = value.as_int().ok().and_then(|n| usize::try_from(n).ok());
    let message = || {
        format!(
            "`{wanted_by}` needs a whole number from 0, but this is {}",
            value.as_int().map_or_else(|_| kind(value).to_owned(), |n| n.to_string())
        )
    };
    found.ok_or_else(|| Problem::new("wrong-type", message()).into())
}

fn controls(engine: &mut Engine) {
    let order = Rc::new(Cell::new(0_u64));
    let next = move |kind: ControlKind| {
        order.set(order.get() + 1);
        ControlMark { kind, order: order.get() }
    };
    for log in [false, true] {
        let next = next.clone();
        let name = if log { "log_slider" } else { "slider" };
        engine.register_fn(name, move |value: Dynamic, min: Dynamic, max: Dynamic| -> Outcome<ControlMark> {
            let (value, min, max) = (plain(&value, name)?, plain(&min, name)?, plain(&max, name)?);
            let wrong = |message: String| {
                Err(Problem::new("wrong-control", message).help(format!("write `{name}(start, least, most)`")).into())
            };
            if !(min < max && max.is_finite() && min.is_finite()) {
                return wrong(format!("a slider from {min} to {max} cannot be moved"));
            }
            if !(min..=max).contains(&value) {
                return wrong(format!("the slider starts at {value}, which is not between {min} and {max}"));
            }
            if log && min <= 0.0 {
                return wrong(format!(
                    "a slider that moves by ratios cannot start at {min}; its least must be above 0"
                ));
            }
            Ok(next(ControlKind::Slider { value, min, max, log }))
        });
    }
    let toggled = next.clone();
    engine.register_fn("toggle", move |value: bool| toggled(ControlKind::Toggle { value }));
    engine.register_fn("choice", move |value: ImmutableString, options: Array| -> Outcome<ControlMark> {
        let options = words(&options, "choice")?;
        let value = value.to_string();
        if !options.contains(&value) {
            let known: Vec<&str> = options.iter().map(String::as_str).collect();
            return Err(Problem::new("wrong-control", format!("`{value}` is not among {}", list(&known))).into());
        }
        Ok(next(ControlKind::Choice { value, options }))
    });
}

fn words(array: &Array, wanted_by: &str) -> Outcome<Vec<String>> {
    let word = |item: &Dynamic| {
        let found = item.clone().into_string();
        found.map_err(|_| {
            Problem::new("wrong-type", format!("`{wanted_by}` needs texts, but this is {}", kind(item))).into()
        })
    };
    array.iter().map(word).collect()
}

fn data(engine: &mut Engine) {
    engine.register_fn("csv", |path: ImmutableString, how: Map| -> Outcome<CsvMark> {
        if let Some(odd) = how.keys().find(|key| !["inputs", "target"].contains(&key.as_str())) {
            let problem = Problem::new("unknown-field", format!("`csv` has no field `{odd}`"));
            let help = suggestion(odd, ["inputs", "target"]).unwrap_or_default();
            return Err(problem.help(help).into());
        }
        let usage = "write `csv(\"iris.csv\", #{ inputs: [\"petal_length\", \"petal_width\"], target: \"species\" })`";
        let missing =
            |field: &str| Problem::new("missing-field", format!("`csv` needs the field `{field}`")).help(usage);
        let inputs =
            how.get("inputs").and_then(|inputs| inputs.as_array_ref().ok().map(|array| words(&array, "inputs")));
        let inputs = inputs.ok_or_else(|| missing("inputs"))??;
        let target =
            how.get("target").and_then(|target| target.clone().into_string().ok()).ok_or_else(|| missing("target"))?;
        Ok(CsvMark { path: path.to_string(), inputs, target })
    });
    engine.register_fn("weight", |layer: Dynamic, neuron: Dynamic, input: Dynamic| -> Outcome<ParameterMark> {
        let (layer, neuron) = (count(&layer, "weight")?, count(&neuron, "weight")?);
        Ok(ParameterMark(Parameter { layer, neuron, input: Some(count(&input, "weight")?) }))
    });
    engine.register_fn("bias", |layer: Dynamic, neuron: Dynamic| -> Outcome<ParameterMark> {
        Ok(ParameterMark(Parameter { layer: count(&layer, "bias")?, neuron: count(&neuron, "bias")?, input: None }))
    });
}

/// Multiplications of a native function that count as one operation of the interpreter: they take about its time.
const PER_OPERATION: usize = 8;

fn random(engine: &mut Engine, host: &Rc<Host>) {
    engine.register_fn("unit", |random: &mut Random| random.0.borrow_mut().unit());
    engine.register_fn("uniform", |random: &mut Random, low: Dynamic, high: Dynamic| -> Outcome<f64> {
        Ok(random.0.borrow_mut().uniform(plain(&low, "uniform")?, plain(&high, "uniform")?))
    });
    engine.register_fn("normal", |random: &mut Random, mean: Dynamic, deviation: Dynamic| -> Outcome<f64> {
        Ok(random.0.borrow_mut().normal(plain(&mean, "normal")?, plain(&deviation, "normal")?))
    });
    engine.register_fn("below", |random: &mut Random, n: Dynamic| -> Outcome<i64> {
        let n = count(&n, "below")?;
        if n == 0 {
            let problem = Problem::new("wrong-value", "no whole number from 0 is below 0");
            return Err(problem.help("`ctx.rng.below(6)` draws from 0 to 5").into());
        }
        Ok(random.0.borrow_mut().below(n as u64) as i64)
    });
    let shared = Rc::clone(host);
    let orthogonal =
        move |context: NativeCallContext, random: &mut Random, rows: Dynamic, columns: Dynamic| -> Outcome<Array> {
            let (rows, columns) = (count(&rows, "orthogonal")?, count(&columns, "orthogonal")?);
            if rows == 0 || columns == 0 {
                let problem = Problem::new("wrong-value", format!("a matrix of {rows} × {columns} has no numbers"));
                return Err(problem.help("write `ctx.rng.orthogonal(ctx.fan_out, ctx.fan_in)`").into());
            }
            let most = context.engine().max_array_size();
            if rows.saturating_mul(columns) > most {
                let message = format!("a matrix of {rows} × {columns} is too large; it may have {most} numbers");
                return Err(Problem::new("too-large", message).into());
            }
            let spend = |numbers: usize| shared.spend(numbers.div_ceil(PER_OPERATION) as u64);
            let matrix = orthogonal::orthogonal(&mut random.0.borrow_mut(), rows, columns, spend)?;
            let row = |row: Vec<f64>| Dynamic::from_array(row.into_iter().map(Dynamic::from_float).collect());
            Ok(matrix.into_iter().map(row).collect())
        };
    engine.register_fn("orthogonal", orthogonal);
}

fn cues(engine: &mut Engine, host: &Rc<Host>) {
    /// Registers a cue of so many arguments that `$make` turns into a [`Cue`].
    macro_rules! cue {
        ($name:literal, |$stage:ident $(, $argument:ident)*| $make:expr) => {
            let shared = Rc::clone(host);
            engine.register_fn($name, move |context: NativeCallContext, $stage: &mut Stage $(, $argument: Dynamic)*| -> Outcome<()> {
                let cue: Cue = $make;
                let mut cues = $stage.cues.borrow_mut();
                if cues.len() >= shared.limits.get().cues {
                    let message = format!("a lesson may have at most {} cues", shared.limits.get().cues);
                    return Err(Problem::new("too-many-cues", message).into());
                }
                cues.push((cue, shared.location(&context)));
                Ok(())
            });
        };
    }
    cue!("say", |stage, text| Cue::Say(digits(caption(&text, "say")?)?));
    cue!("section", |stage, name| Cue::Section(caption(&name, "section")?));
    cue!("wait", |stage| Cue::Wait);
    cue!("pause", |stage, seconds| Cue::Pause { seconds: seconds_of(&seconds, "pause")? });
    cue!("train", |stage, steps| Cue::Train { steps: count(&steps, "train")? as u64 });
    cue!("play", |stage, part| play(&part, None)?);
    cue!("play", |stage, part, how| play(&part, Some(&how))?);
    cue!("step", |stage| Cue::Step { count: 1, by: Granularity::default() });
    cue!("step", |stage, n| Cue::Step { count: whole(&n, "step")?, by: Granularity::default() });
    cue!("step", |stage, n, by| Cue::Step { count: whole(&n, "step")?, by: granularity(&by)? });
    cue!("set", |stage, changes| Cue::Set(match changes.as_map_ref() {
        Ok(map) => Box::new(reading::patch(&map)?),
        Err(_) =>
            return Err(Problem::new("wrong-type", format!("`set` needs a map, but this is {}", kind(&changes)))
                .help("write `stage.set(#{ optimizer: \"sgd\" })`")
                .into()),
    }));
    cue!("tweak", |stage, which, value| {
        let Some(ParameterMark(parameter)) = which.clone().try_cast() else {
            let problem = Problem::new(
                "wrong-type",
                format!("`tweak` needs `weight(…)` or `bias(…)`, but this is {}", kind(&which)),
            );
            return Err(problem
                .help("write `stage.tweak(weight(layer, neuron, input), 0.5)`, all counted from 0")
                .into());
        };
        reading::parameter(parameter, &stage.shape)?;
        let value = plain(&value, "tweak")?;
        if !value.is_finite() {
            return Err(Problem::new("wrong-value", format!("a weight cannot be {value}")).into());
        }
        Cue::Tweak { parameter, value }
    });
}

fn caption(value: &Dynamic, cue: &str) -> Outcome<String> {
    let message = || format!("`{cue}` needs a text, but this is {}", kind(value));
    value.clone().into_string().map_err(|_| Problem::new("wrong-type", message()).into())
}

/// Decimal digits that tell every number from every other.
const MOST_DIGITS: usize = 17;

/// Refuses more digits in `{output:2}` than a number has.
fn digits(text: String) -> Outcome<String> {
    let asked = text.split('{').skip(1).filter_map(|field| field.split_once('}')?.0.split_once(':'));
    match asked.filter_map(|(_, digits)| digits.parse::<usize>().ok()).find(|&digits| digits > MOST_DIGITS) {
        None => Ok(text),
        Some(digits) => {
            let message = format!("a number cannot be shown with {digits} digits; it has {MOST_DIGITS} at most");
            Err(Problem::new("wrong-value", message).help("write `{output:3}` for three digits").into())
        }
    }
}

fn whole(value: &Dynamic, cue: &str) -> Outcome<i64> {
    value.as_int().map_err(|_| {
        Problem::new("wrong-type", format!("`{cue}` needs a whole number, but this is {}", kind(value))).into()
    })
}

fn seconds_of(value: &Dynamic, cue: &str) -> Outcome<f64> {
    let seconds = plain(value, cue)?;
    if seconds.is_finite() && seconds >= 0.0 {
        return Ok(seconds);
    }
    Err(Problem::new("wrong-value", format!("`{cue}` needs a time in seconds, but this is {seconds}")).into())
}

fn granularity(value: &Dynamic) -> Outcome<Granularity> {
    let name = caption(value, "by")?;
    Granularity::named(&name).ok_or_else(|| {
        let problem = Problem::new("unknown-name", format!("there is no granularity `{name}`"));
        problem.help(suggestion(&name, Granularity::ALL.map(Granularity::name)).unwrap_or_default()).into()
    })
}

fn play(part: &Dynamic, how: Option<&Dynamic>) -> Outcome<Cue> {
    let name = caption(part, "play")?;
    let part = PlayPart::ALL.into_iter().find(|part| part.name() == name).ok_or_else(|| {
        let problem = Problem::new("unknown-name", format!("there is nothing named `{name}` to play"));
        problem.help(suggestion(&name, PlayPart::ALL.map(PlayPart::name)).unwrap_or_default())
    })?;
    let (mut by, mut seconds) = (Granularity::default(), None);
    if let Some(how) = how {
        let map = how.as_map_ref().map_err(|_| {
            let problem = Problem::new("wrong-type", format!("how to play is a map, but this is {}", kind(how)));
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

fn later(engine: &mut Engine) {
    fn missing(name: &str) -> Outcome<()> {
        let problem = Problem::new("not-available", format!("`{name}` is not available in this version"));
        Err(problem.help(format!("the cues are {}", list(&names(Group::Cues).collect::<Vec<_>>()))).into())
    }
    for &name in LATER {
        engine.register_fn(name, move |_: &mut Stage| missing(name));
        engine.register_fn(name, move |_: &mut Stage, _: Dynamic| missing(name));
        engine.register_fn(name, move |_: &mut Stage, _: Dynamic, _: Dynamic| missing(name));
        engine.register_fn(name, move |_: &mut Stage, _: Dynamic, _: Dynamic, _: Dynamic| missing(name));
    }
}
