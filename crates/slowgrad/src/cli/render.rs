//! `slowgrad render`: renders one moment of a training step.

use super::lesson_args::LessonArgs;
use super::loaded_lesson::LoadedLesson;
use super::report::print_line;
use super::{Failure, UnitArg, parse_number, parse_size};
use crate::files::output::{Output, PICTURE, check_distinct};
use crate::files::system_fonts::SystemFonts;
use crate::still;
use clap::{Args, ValueEnum};
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Shape;
use slowgrad_render::fallback_fonts::{add_fallback_fonts, take_wanted_letters};
use slowgrad_render::{Offscreen, RgbaImage, Theme};
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
    #[command(flatten)]
    lesson: LessonArgs,
    /// PNG file to write; - is standard output
    #[arg(short, long, value_name = "OUT.png")]
    output: PathBuf,
    /// Training step, counted from 1 [default: 1, or the step that a session shows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000), conflicts_with = "time")]
    step: Option<u64>,
    /// Event of the step, counted from 0 as in `slowgrad trace --format jsonl`
    #[arg(long, value_name = "EVENT", default_value_t = 0, conflicts_with = "time")]
    at: usize,
    /// Progress of the event, 0 to 1
    #[arg(long, value_name = "FRACTION", default_value_t = 1.0, conflicts_with = "time", value_parser = parse_progress)]
    progress: f64,
    /// Render the moment after this many seconds of playback at 1× from the first step, or from the one that a
    /// session shows
    #[arg(long, value_name = "S", value_parser = parse_time)]
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
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_scale)]
    scale: f64,
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
    let output = Output::check(&args.output, &PICTURE)?;
    let mut loaded = LoadedLesson::new(&args.lesson, limits)?;
    check_distinct(&[&output], &loaded.inputs)?;
    if let Some(target) = args.select {
        check_target(target, &loaded.lesson.setup.shape)?;
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
    let scale = args.scale as f32;
    let to_pixels = |points: u32| (points as f32 * scale).round() as u32;
    let (width, height) = (to_pixels(args.size.0), to_pixels(args.size.1));
    let mut offscreen =
        pollster::block_on(Offscreen::new(width, height, scale)).map_err(|error| Failure::new(error.to_string()))?;
    let picture = draw(&still, &mut offscreen, &args.theme.theme())?;
    let mut bytes = Vec::new();
    picture.write_png(&mut bytes).map_err(|error| Failure::new(error.to_string()))?;
    Ok(output.write(&bytes)?)
}

/// Draws a still with the system's fonts for letters that the built-in fonts lack. Standard error names the scripts that
/// no font has.
fn draw(still: &still::Still<'_>, offscreen: &mut Offscreen, theme: &Theme) -> Result<RgbaImage, Failure> {
    let fonts = SystemFonts::default();
    loop {
        let picture = still.draw(offscreen, theme).map_err(|error| Failure::new(error.to_string()))?;
        let letters = take_wanted_letters(offscreen.context());
        if letters.is_empty() {
            return Ok(picture);
        }
        if let Some(text) = add_fallback_fonts(offscreen.context(), fonts.find(&letters)) {
            print_line(&format!("note: {text}"));
        }
    }
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
    Ok((timeline, Moment { events, progress: args.progress as f32 }))
}

/// Plays from the present step for a time, as the window does.
fn play(run: &mut Run, by: Granularity, secs: f64) -> Result<(Timeline, Moment), Failure> {
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

fn parse_progress(text: &str) -> Result<f64, String> {
    parse_number(text, 0.0, 1.0, "a number")
}

fn parse_time(text: &str) -> Result<f64, String> {
    parse_number(text, 0.0, 1e6, "a number of seconds")
}

fn parse_scale(text: &str) -> Result<f64, String> {
    parse_number(text, 0.25, 4.0, "a number")
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
