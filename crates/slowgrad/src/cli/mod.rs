//! The commands that need no window.
//!
//! Exit codes: 0 good, 1 the script or the data is at fault (with a diagnostic on standard error), 2 the
//! command line is.

mod bench;
mod check;
mod definitions;
mod explain;
mod kind;
mod list;
mod new;
mod loaded_lesson;
mod render;
mod report;
mod trace;
mod train;

use crate::desktop;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use slowgrad_script::Limits;
use slowgrad_tape::Diagnostic;
use slowgrad_tape::isa::{self, Isa};
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::Phase;
use std::io::{ErrorKind, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

/// Watch a neural network learn: every operation of a training step, in slow motion.
#[derive(Debug, Parser)]
#[command(version, about, args_conflicts_with_subcommands = true, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Lesson or session file, or the name of a library lesson [default: welcome]
    lesson: Option<PathBuf>,
    #[command(flatten)]
    window: WindowArgs,
    /// Override the limits on scripts, for example operations=4000000,seconds=0.5
    #[arg(long, value_name = "NAME=NUMBER,…", global = true, value_parser = limits)]
    limits: Option<Limits>,
}

/// Options of the window.
#[derive(Debug, ClapArgs)]
struct WindowArgs {
    /// Window size, for example 1280x720
    #[arg(long, value_name = "WxH", value_parser = size)]
    size: Option<(u32, u32)>,
    /// Write a screenshot to a PNG file and quit, without opening a window
    #[arg(long, value_name = "FILE")]
    screenshot: Option<PathBuf>,
    /// With --screenshot: play the lesson for this many seconds first
    #[arg(long, value_name = "SECONDS", default_value_t = 4.0, requires = "screenshot")]
    after: f64,
    /// Write the events of the window as JSON lines (for tests)
    #[arg(long, value_name = "FILE", hide = true)]
    log_events: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print every operation of a training step
    Trace(trace::TraceArgs),
    /// Train at full speed
    Train(train::TrainArgs),
    /// Render one moment of a training step to a PNG file
    Render(render::RenderArgs),
    /// Check that scripts run and that their gradients are correct
    Check(check::CheckArgs),
    /// List lessons and plugins with their controls
    List(list::ListArgs),
    /// Create a commented starter script
    New(new::NewArgs),
    /// Write definition files for Rhai language servers
    Definitions(definitions::DefinitionsArgs),
    /// Explain a diagnostic code, such as unknown-name
    Explain(explain::ExplainArgs),
    /// Measure performance on this machine
    Bench(bench::BenchArgs),
}

/// How finely to look, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum By {
    Operation,
    Neuron,
    Layer,
    Phase,
}

impl From<By> for Granularity {
    fn from(by: By) -> Self {
        match by {
            By::Operation => Granularity::Operation,
            By::Neuron => Granularity::Neuron,
            By::Layer => Granularity::Layer,
            By::Phase => Granularity::Phase,
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
    /// Scripts or data are at fault.
    Scripts(Vec<Diagnostic>),
    /// Something else, in one line; with its exit code.
    Message(String, u8),
}

impl Failure {
    /// What was asked for is not there: exit code 1.
    fn new(message: impl Into<String>) -> Self {
        Failure::Message(message.into(), 1)
    }

    /// The command line is wrong: exit code 2.
    fn usage(message: impl Into<String>) -> Self {
        Failure::Message(message.into(), 2)
    }
}

impl From<Box<Diagnostic>> for Failure {
    fn from(diagnostic: Box<Diagnostic>) -> Self {
        Failure::Scripts(vec![*diagnostic])
    }
}

/// Carries out the command line.
pub(crate) fn run(args: Args) -> ExitCode {
    if let Err(message) = choose_vector_unit() {
        report::line(&format!("error: {message}"));
        return ExitCode::from(2);
    }
    let limits = args.limits.unwrap_or_default();
    let done = match args.command {
        Some(command) => with_script_stack(command, limits),
        None => open_window(args.lesson, args.window, limits),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Scripts(diagnostics)) => {
            report::print(&diagnostics);
            ExitCode::from(1)
        }
        Err(Failure::Message(message, code)) => {
            report::line(&format!("error: {message}"));
            ExitCode::from(code)
        }
    }
}

/// Carries out a command on a thread with room for scripts.
fn with_script_stack(command: Command, limits: Limits) -> Result<(), Failure> {
    let work = move || match command {
        Command::Trace(args) => trace::run(&args, limits),
        Command::Train(args) => train::run(&args, limits),
        Command::Render(args) => render::run(&args, limits),
        Command::Check(args) => check::run(&args, limits),
        Command::List(args) => list::run(&args, limits),
        Command::New(args) => new::run(&args),
        Command::Definitions(args) => definitions::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Bench(args) => bench::run(&args, limits),
    };
    let thread = std::thread::Builder::new().stack_size(desktop::worker_thread::SCRIPT_STACK_BYTES).spawn(work);
    match thread.map_err(|error| Failure::new(error.to_string()))?.join() {
        Ok(done) => done,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Writes to standard output; a reader that stops early is no error.
fn out(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Failure::new(format!("cannot write: {error}"))),
        _ => Ok(()),
    }
}

/// `SLOWGRAD_ISA` = portable, avx2 or avx512 chooses the vector unit; results do not depend on it.
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

fn open_window(lesson: Option<PathBuf>, args: WindowArgs, limits: Limits) -> Result<(), Failure> {
    let options = desktop::WindowOptions {
        lesson,
        limits,
        size: args.size,
        screenshot: args.screenshot,
        after_secs: args.after,
        log_events: args.log_events,
    };
    desktop::run(options).map_err(|error| Failure::new(error.to_string()))
}

/// `operations=4000000,seconds=0.5` as limits; what is not named stays as it is.
fn limits(text: &str) -> Result<Limits, String> {
    let mut limits = Limits::default();
    for given in text.split(',') {
        let (name, amount) =
            given.split_once('=').ok_or_else(|| format!("«{given}» is not of the form NAME=NUMBER"))?;
        let number = amount.trim().parse::<f64>().map_err(|_| format!("«{amount}» is not a number"))?;
        limits.set(name.trim(), number).map_err(|error| {
            let help = error.help.map_or_else(String::new, |help| format!("; {help}"));
            format!("{}{help}", error.message)
        })?;
    }
    Ok(limits)
}

/// `1280x720` as numbers of pixels.
fn size(text: &str) -> Result<(u32, u32), String> {
    let wrong = || format!("«{text}» is not a size such as 1280x720");
    let (width, height) = text.split_once(['x', '×']).ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong());
    let (width, height) = (number(width)?, number(height)?);
    let fits = |pixels: u32| (64..=8192).contains(&pixels);
    if fits(width) && fits(height) {
        Ok((width, height))
    } else {
        Err("width and height must be 64 to 8192 pixels".into())
    }
}
