//! `slowgrad render`: renders one moment of a training step.

use super::loaded_lesson::LoadedLesson;
use super::output::write_file;
use super::{Failure, UnitArg, parse_size};
use crate::still;
use clap::{Args, ValueEnum};
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_render::{Offscreen, Theme};
use slowgrad_script::Limits;
use slowgrad_session::neuron_maps;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::playhead::{Command, NeededStep, Playhead};
use slowgrad_timeline::scene::{Moment, Target};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct RenderArgs {
    /// Lesson or session file, or the name of a library lesson
    lesson: PathBuf,
    /// PNG file to write
    #[arg(short, long, value_name = "OUT.png")]
    output: PathBuf,
    /// Training step, counted from 1 [default: 1, or the step that a session shows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), conflicts_with = "time")]
    step: Option<u64>,
    /// Event of the step, counted from 0 as in `slowgrad trace --format jsonl`
    #[arg(long, value_name = "EVENT", default_value_t = 0, conflicts_with = "time")]
    at: usize,
    /// Progress of the event, 0 to 1
    #[arg(long, value_name = "FRACTION", default_value_t = 1.0, conflicts_with = "time")]
    progress: f32,
    /// Render the moment after this many seconds of playback at 1× from the first step, or from the one that a session shows
    #[arg(long, value_name = "S")]
    time: Option<f64>,
    /// Unit of playback: a coarser unit shows its operations together
    #[arg(long, value_name = "UNIT", default_value = "operation")]
    by: UnitArg,
    /// Element to select and explain: weight(1,0,2), bias(1,0), neuron(1,0) or input(0), counted from 0
    #[arg(long, value_name = "ELEMENT", value_parser = parse_target)]
    select: Option<Target>,
    /// Image size in points
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = parse_size)]
    size: (u32, u32),
    /// Pixels per point
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0)]
    scale: f32,
    /// Theme
    #[arg(long, default_value = "dark")]
    theme: ThemeArg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ThemeArg {
    Dark,
    Light,
    HighContrastDark,
    HighContrastLight,
}

impl ThemeArg {
    fn theme(self) -> Theme {
        match self {
            Self::Dark => Theme::dark(),
            Self::Light => Theme::light(),
            Self::HighContrastDark => Theme::high_contrast_dark(),
            Self::HighContrastLight => Theme::high_contrast_light(),
        }
    }
}

pub(super) fn run(args: &RenderArgs, limits: Limits) -> Result<(), Failure> {
    let mut loaded = LoadedLesson::new(&args.lesson, limits)?;
    if let Some(target) = args.select {
        check_target(target, &loaded.lesson.setup.shape)?;
    }
    if !(0.25..=4.0).contains(&args.scale) {
        return Err(Failure::usage(format!("--scale must be 0.25 to 4, not {}", args.scale)));
    }
    let (timeline, moment) = match args.time {
        Some(secs) => play(&mut loaded.run, args.by.into(), secs)?,
        None => {
            let step = args.step.unwrap_or_else(|| loaded.shown_step());
            seek(&mut loaded.run, step, args)?
        }
    };
    let still = still::Still {
        timeline: &timeline,
        moment,
        title: &loaded.lesson.spec.title,
        selected: args.select,
        caption: String::new(),
        maps: neuron_maps(&mut loaded.run).map(Arc::new),
    };
    let to_pixels = |points: u32| (points as f32 * args.scale).round() as u32;
    let (width, height) = (to_pixels(args.size.0), to_pixels(args.size.1));
    let mut offscreen = pollster::block_on(Offscreen::new(width, height, args.scale))
        .map_err(|error| Failure::new(error.to_string()))?;
    let picture = still.draw(&mut offscreen, &args.theme.theme()).map_err(|error| Failure::new(error.to_string()))?;
    let mut bytes = Vec::new();
    picture.write_png(&mut bytes).map_err(|error| Failure::new(error.to_string()))?;
    write_file(&args.output, &bytes)
}

fn record(run: &Run) -> Result<Timeline, Failure> {
    Ok(Timeline::new(Arc::new(run.record()?)))
}

fn seek(run: &mut Run, step: u64, args: &RenderArgs) -> Result<(Timeline, Moment), Failure> {
    run.seek(step - 1)?;
    let timeline = record(run)?;
    if args.at >= timeline.len() {
        let last = timeline.len() - 1;
        return Err(Failure::usage(format!("step {step} has events 0 to {last}, not {}", args.at)));
    }
    let events = timeline.unit(args.at, args.by.into());
    Ok((timeline, Moment { events, progress: args.progress.clamp(0.0, 1.0) }))
}

/// Plays from the present step for a time, as the window does.
fn play(run: &mut Run, by: Granularity, secs: f64) -> Result<(Timeline, Moment), Failure> {
    if !(0.0..=1e6).contains(&secs) {
        return Err(Failure::usage(format!("--time must be 0 to 1000000 seconds, not {secs}")));
    }
    const FRAME_SECS: f64 = 1.0 / 60.0;
    let mut timeline = record(run)?;
    let mut playhead = Playhead::new(&timeline, by);
    playhead.apply(&Command::Play, &timeline);
    let mut left = secs;
    while left > 0.0 {
        let response = playhead.tick(left.min(FRAME_SECS), &timeline);
        left -= FRAME_SECS;
        if response.needed_step == Some(NeededStep::Next) {
            run.advance()?;
            timeline = record(run)?;
            playhead.arrive(&timeline, NeededStep::Next);
        }
    }
    let moment = Moment { events: playhead.unit(), progress: playhead.progress() };
    Ok((timeline, moment))
}

/// Parses an element, such as `weight(1,0,2)`.
fn parse_target(text: &str) -> Result<Target, String> {
    let error = || format!("«{text}» is not one of weight(l,j,i), bias(l,j), neuron(l,j), input(i), loss");
    if text == "loss" {
        return Ok(Target::Loss);
    }
    let (name, rest) = text.strip_suffix(')').and_then(|text| text.split_once('(')).ok_or_else(error)?;
    let numbers: Result<Vec<usize>, _> = rest.split(',').map(|number| number.trim().parse()).collect();
    match (name.trim(), numbers.map_err(|_| error())?.as_slice()) {
        ("weight", &[layer, neuron, input]) => Ok(Target::Weight { layer, neuron, input }),
        ("bias", &[layer, neuron]) => Ok(Target::Bias { layer, neuron }),
        ("neuron", &[layer, neuron]) => Ok(Target::Neuron { layer, neuron }),
        ("input", &[input]) => Ok(Target::Input(input)),
        _ => Err(error()),
    }
}

/// Checks that the network has the element.
fn check_target(target: Target, shape: &Shape) -> Result<(), Failure> {
    if target.exists_in(shape) {
        return Ok(());
    }
    let sizes: Vec<String> = shape.sizes().iter().map(usize::to_string).collect();
    Err(Failure::usage(format!(
        "the network {} has no such element; layers and neurons are counted from 0",
        sizes.join("–")
    )))
}
