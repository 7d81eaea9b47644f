//! The command line.
//!
//! Exit codes: 0 success, 1 an error in scripts or data (with a diagnostic on standard error), 2 an error in the command
//! line.

mod bench;
mod broken_step;
mod check;
mod definitions;
mod explain;
mod kind;
mod lesson_args;
mod list;
mod loaded_lesson;
mod manual;
mod new;
mod output;
mod pack;
#[cfg(feature = "window")]
mod render;
mod report;
mod score_text;
mod signals;
mod table_progress;
mod trace;
mod train;
mod weight_file;

#[cfg(feature = "window")]
use crate::desktop::{self, WindowError};
use crate::files::output::OutputError;
#[cfg(feature = "window")]
use crate::files::output::{self as outputs, Output};
#[cfg(feature = "window")]
use crate::files::output::{PICTURE, TEXT};
use crate::machine::{SCRIPT_STACK_BYTES, processor_time};
use clap::{Parser, Subcommand, ValueEnum};
#[cfg(feature = "window")]
use slowgrad_app::headless::ScreenshotError;
use slowgrad_script::Limits;
use slowgrad_tape::Diagnostic;
use slowgrad_tape::isa::{self, Isa};
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::Phase;
#[cfg(feature = "window")]
use std::path::PathBuf;
use std::process::ExitCode;

/// Watch a neural network learn: every operation of a training step, in slow motion.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<CliCommand>,
    /// Lesson, pack or session file, or the name of a library lesson [default: welcome]
    #[cfg(feature = "window")]
    lesson: Option<PathBuf>,
    #[cfg(feature = "window")]
    #[command(flatten)]
    window: WindowArgs,
    /// Override the limits on scripts, for example operations=4000000,seconds=0.5
    #[arg(long, value_name = "NAME=NUMBER,…", global = true, value_parser = parse_limits)]
    limits: Option<Limits>,
}

/// Options of the window.
#[cfg(feature = "window")]
#[derive(Debug, clap::Args)]
struct WindowArgs {
    /// Window size, for example 1280x720
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    size: Option<(u32, u32)>,
    /// Write a screenshot to a PNG file and quit, without opening a window; - is standard output
    #[arg(long, value_name = "FILE.png")]
    screenshot: Option<PathBuf>,
    /// With --screenshot: play the lesson for this many seconds first, 0 to 86400
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0, requires = "screenshot", value_parser = parse_after)]
    after: f64,
    /// Write the events of the window as JSON lines (for tests)
    #[arg(long, value_name = "FILE", hide = true)]
    log_events: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum CliCommand {
    /// Print every operation of a training step
    Trace(trace::TraceArgs),
    /// Train at full speed
    Train(train::TrainArgs),
    /// Render one moment of a training step to a PNG file
    #[cfg(feature = "window")]
    Render(render::RenderArgs),
    /// Check that scripts run and that their gradients are correct
    Check(check::CheckArgs),
    /// List lessons and plugins with their controls
    List(list::ListArgs),
    /// Create a commented starter script
    New(new::NewArgs),
    /// Write a lesson with every file that it uses into one file, to give to others
    Pack(pack::PackArgs),
    /// Write the files of a pack into a folder
    Unpack(pack::UnpackArgs),
    /// Write definition files for Rhai language servers
    Definitions(definitions::DefinitionsArgs),
    /// Explain a diagnostic code, such as unknown-name
    Explain(explain::ExplainArgs),
    /// Print the completions of a shell: bash, elvish, fish, powershell or zsh
    Completions(manual::CompletionsArgs),
    /// Print the manual page of slowgrad or of one of its commands
    Man(manual::ManArgs),
    /// Measure performance on this machine
    Bench(bench::BenchArgs),
}

/// A unit on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum UnitArg {
    Operation,
    Neuron,
    Layer,
    Phase,
}

impl From<UnitArg> for Granularity {
    fn from(unit: UnitArg) -> Self {
        match unit {
            UnitArg::Operation => Granularity::Operation,
            UnitArg::Neuron => Granularity::Neuron,
            UnitArg::Layer => Granularity::Layer,
            UnitArg::Phase => Granularity::Phase,
        }
    }
}

/// A phase on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PhaseArg {
    Input,
    Forward,
    Loss,
    Backward,
    Update,
}

impl From<PhaseArg> for Phase {
    fn from(phase: PhaseArg) -> Self {
        match phase {
            PhaseArg::Input => Phase::Input,
            PhaseArg::Forward => Phase::Forward,
            PhaseArg::Loss => Phase::Loss,
            PhaseArg::Backward => Phase::Backward,
            PhaseArg::Update => Phase::Update,
        }
    }
}

/// Why a command failed.
#[derive(Debug)]
enum Failure {
    /// Errors in scripts or data: exit code 1.
    Scripts(Vec<Diagnostic>),
    /// Another error, as one line, with its exit code.
    Message(String, u8),
    /// Nothing reads the output any more: the command ends without an error.
    ClosedPipe,
    /// A signal has ended the command, which has written its results so far.
    Stopped(signals::Signal),
}

impl Failure {
    /// An error in files or data: exit code 1.
    fn new(message: impl Into<String>) -> Self {
        Failure::Message(message.into(), 1)
    }

    /// An error in the command line: exit code 2.
    fn usage(message: impl Into<String>) -> Self {
        Failure::Message(message.into(), 2)
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        match error {
            error if error.is_closed_pipe() => Failure::ClosedPipe,
            error if error.is_usage() => Failure::usage(error.to_string()),
            error => Failure::new(error.to_string()),
        }
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Failure::Scripts(vec![*diagnostic])
    }
}

/// Runs the command line.
pub(crate) fn run(args: Args) -> ExitCode {
    if let Err(message) = choose_vector_unit() {
        report::print_line(&format!("error: {message}"));
        return ExitCode::from(2);
    }
    let limits = Limits { processor_time: processor_time(), ..args.limits.unwrap_or_default() };
    let result = match args.command {
        Some(command) => run_command(command, limits),
        #[cfg(feature = "window")]
        None => open_window(args.lesson, args.window, limits),
        #[cfg(not(feature = "window"))]
        None => Err(Failure::usage("this build has no window; `slowgrad --help` lists the commands")),
    };
    match result {
        Ok(()) | Err(Failure::ClosedPipe) => ExitCode::SUCCESS,
        Err(Failure::Stopped(signal)) => signals::end_by(signal),
        Err(Failure::Scripts(diagnostics)) => {
            report::print(&diagnostics);
            ExitCode::from(1)
        }
        Err(Failure::Message(message, code)) => {
            report::print_line(&format!("error: {message}"));
            ExitCode::from(code)
        }
    }
}

/// Runs a command on a thread with a stack for scripts.
fn run_command(command: CliCommand, limits: Limits) -> Result<(), Failure> {
    signals::watch()?;
    let work = move || match command {
        CliCommand::Trace(args) => trace::run(&args, limits),
        CliCommand::Train(args) => train::run(&args, limits),
        #[cfg(feature = "window")]
        CliCommand::Render(args) => render::run(&args, limits),
        CliCommand::Check(args) => check::run(&args, limits),
        CliCommand::List(args) => list::run(&args, limits),
        CliCommand::New(args) => new::run(&args),
        CliCommand::Pack(args) => pack::pack(&args, limits),
        CliCommand::Unpack(args) => pack::unpack(&args),
        CliCommand::Definitions(args) => definitions::run(&args),
        CliCommand::Explain(args) => explain::run(&args),
        CliCommand::Completions(args) => manual::completions(&args),
        CliCommand::Man(args) => manual::man(&args),
        CliCommand::Bench(args) => bench::run(&args, limits),
    };
    let thread = std::thread::Builder::new().stack_size(SCRIPT_STACK_BYTES).spawn(work);
    match thread.map_err(|error| Failure::new(error.to_string()))?.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Applies the environment variable `SLOWGRAD_ISA`: portable, avx2 or avx512. Results do not depend on it.
fn choose_vector_unit() -> Result<(), String> {
    let Some(name) = std::env::var_os("SLOWGRAD_ISA") else { return Ok(()) };
    let unit = match name.to_str() {
        Some("portable") => Isa::Portable,
        Some("avx2") => Isa::Avx2,
        Some("avx512") => Isa::Avx512,
        _ => return Err("SLOWGRAD_ISA must be portable, avx2 or avx512".into()),
    };
    if isa::force(unit) { Ok(()) } else { Err(format!("this machine does not support {}", name.to_string_lossy())) }
}

#[cfg(feature = "window")]
fn open_window(lesson: Option<PathBuf>, args: WindowArgs, limits: Limits) -> Result<(), Failure> {
    let screenshot = args.screenshot.map(|path| Output::check(&path, &PICTURE)).transpose()?;
    let log_events = args.log_events.map(|path| Output::check(&path, &TEXT)).transpose()?;
    let written: Vec<&Output> = screenshot.iter().chain(&log_events).collect();
    outputs::check_distinct(&written, lesson.as_slice())?;
    if screenshot.is_some() {
        signals::watch()?;
    }
    let options =
        desktop::WindowOptions { lesson, limits, size_pts: args.size, screenshot, after_secs: args.after, log_events };
    desktop::run(options).map_err(|error| match error {
        WindowError::Output(error) => error.into(),
        WindowError::Screenshot(ScreenshotError::Lesson(problems)) => Failure::Scripts(problems),
        error => Failure::new(error.to_string()),
    })
}

/// Parses a duration of playback.
#[cfg(feature = "window")]
fn parse_after(text: &str) -> Result<f64, String> {
    const MAX_SECS: f64 = 86_400.0;
    parse_number(text, 0.0, MAX_SECS, "a number of seconds")
}

/// Parses a number between two limits.
#[cfg(feature = "window")]
fn parse_number(text: &str, min: f64, max: f64, what: &str) -> Result<f64, String> {
    let number = text.trim().parse::<f64>().ok().filter(|number| (min..=max).contains(number));
    number.ok_or_else(|| format!("it must be {what} from {min} to {max}"))
}

/// Parses limits, such as `operations=4000000,seconds=0.5`. The others keep their defaults.
fn parse_limits(text: &str) -> Result<Limits, String> {
    let mut limits = Limits::default();
    for assignment in text.split(',') {
        let (name, amount) =
            assignment.split_once('=').ok_or_else(|| format!("«{assignment}» is not of the form NAME=NUMBER"))?;
        let number = amount.trim().parse::<f64>().map_err(|_| format!("«{amount}» is not a number"))?;
        limits.set(name.trim(), number).map_err(|error| {
            let help = error.help.map_or_else(String::new, |help| format!("; {help}"));
            format!("{}{help}", error.message)
        })?;
    }
    Ok(limits)
}

/// Parses a size, such as `1280x720`.
#[cfg(feature = "window")]
fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let error = || format!("«{text}» is not a size such as 1280x720");
    let (width, height) = text.split_once(['x', '×']).ok_or_else(error)?;
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| error());
    let (width, height) = (number(width)?, number(height)?);
    let fits = |pixels: u32| (64..=8192).contains(&pixels);
    if fits(width) && fits(height) {
        Ok((width, height))
    } else {
        Err("width and height must be 64 to 8192 pixels".into())
    }
}
