//! `slowgrad train`: trains at full speed, and writes weights and metrics.

use super::Failure;
use super::broken_step;
use super::loaded_lesson::{LoadedLesson, RunStart};
use super::output::cannot_write;
use super::weight_file;
use crate::files::atomic_write::AtomicFile;
use crate::machine::machine;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use slowgrad_engine::finite_check::FiniteCheck;
use slowgrad_engine::train::Objective;
use slowgrad_script::Limits;
use slowgrad_session::ThreadTuner;
use slowgrad_timeline::explain::worked_example::JsonNumber;
use slowgrad_timeline::number_format;
use std::io::Write;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    /// Lesson file, or the name of a library lesson
    lesson: PathBuf,
    /// Number of training steps to run
    #[arg(long, value_name = "N")]
    steps: u64,
    /// Number of training threads [default: tuned during training]; does not affect the results
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Start from the weights in this .json or .safetensors file; the names may be those of another program
    #[arg(long, value_name = "FILE", conflicts_with = "state_in")]
    weights_in: Option<PathBuf>,
    /// Write the trained weights to this .json or .safetensors file
    #[arg(long, value_name = "FILE")]
    weights_out: Option<PathBuf>,
    /// Continue from the state in this .safetensors file: weights, optimizer state and step
    #[arg(long, value_name = "FILE")]
    state_in: Option<PathBuf>,
    /// Write the state after training to this .safetensors file, for --state-in
    #[arg(long, value_name = "FILE")]
    state_out: Option<PathBuf>,
    /// Train on when the loss or a parameter is not finite
    #[arg(long)]
    keep_going: bool,
    /// Write one JSON line per step to this file
    #[arg(long, value_name = "FILE.jsonl")]
    metrics: Option<PathBuf>,
}

/// A line of the metrics file.
#[derive(Debug, Serialize)]
struct StepMetrics {
    /// The step, counted from 1.
    step: u64,
    /// The epoch, counted from 0.
    epoch: u64,
    /// The mean loss of the step's batch, before its update.
    loss: JsonNumber,
    /// The regularizer's penalty, summed over the weights before the update; absent without a regularizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    penalty: Option<JsonNumber>,
    /// The mean loss over the training data after the step; present at the end of an epoch and at the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    train_loss: Option<JsonNumber>,
    /// The mean loss over the test data, at the same steps; absent without test data.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_loss: Option<JsonNumber>,
}

/// The number of training threads, fixed by the user or tuned during training.
struct ThreadCount {
    fixed: Option<usize>,
    pace: ThreadTuner,
    burst: Instant,
    steps: u64,
}

impl ThreadCount {
    /// The duration of a measurement.
    const BURST: Duration = Duration::from_millis(10);
    /// The number of steps between two reads of the clock.
    const STEPS_PER_CLOCK_READ: u64 = 8;

    fn new(fixed: Option<NonZero<usize>>) -> Self {
        Self {
            fixed: fixed.map(NonZero::get),
            pace: ThreadTuner::new(machine().max_threads),
            burst: Instant::now(),
            steps: 0,
        }
    }

    /// The number of threads for the next step.
    fn threads(&self) -> usize {
        self.fixed.unwrap_or_else(|| self.pace.threads())
    }

    /// Records a finished step.
    fn record_step(&mut self) {
        self.steps += 1;
        if self.steps.is_multiple_of(Self::STEPS_PER_CLOCK_READ) && self.burst.elapsed() >= self.pace.slice(Self::BURST)
        {
            self.pace.record(self.steps, self.burst.elapsed());
            (self.burst, self.steps) = (Instant::now(), 0);
        }
    }
}

/// The metrics file, which gets its name when training ends.
struct MetricsFile<'a> {
    path: &'a Path,
    file: AtomicFile,
}

impl<'a> MetricsFile<'a> {
    fn create(path: &'a Path) -> Result<Self, Failure> {
        let file = AtomicFile::create(path).map_err(|error| cannot_write(path, &error))?;
        Ok(Self { path, file })
    }

    fn write(&mut self, line: &[u8]) -> Result<(), Failure> {
        self.file.write_all(line).map_err(|error| cannot_write(self.path, &error))
    }

    fn finish(self) -> Result<(), Failure> {
        self.file.finish().map_err(|error| cannot_write(self.path, &error))
    }
}

pub(super) fn run(args: &TrainArgs, limits: Limits) -> Result<(), Failure> {
    if let Some(path) = &args.weights_out {
        weight_file::check_extension(path)?;
    }
    if let Some(path) = &args.state_out {
        weight_file::check_state_extension(path)?;
    }
    let start = match (&args.weights_in, &args.state_in) {
        (Some(path), _) => RunStart::Weights(path),
        (None, Some(path)) => RunStart::State(path),
        (None, None) => RunStart::Lesson,
    };
    let mut loaded = LoadedLesson::from_start(&args.lesson, start, limits)?;
    let (first, _) = loaded.evaluate()?;
    let bar = ProgressBar::new(args.steps);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {per_sec}  loss {msg}  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut metrics = args.metrics.as_deref().map(MetricsFile::create).transpose()?;
    let per_epoch = loaded.run.setup().steps_per_epoch();
    let mut threads = ThreadCount::new(args.threads);
    let mut finite_check = (!args.keep_going).then(|| FiniteCheck::new(&loaded.run));
    for trained in 1..=args.steps {
        loaded.run.set_threads(threads.threads());
        let advanced = loaded.run.advance();
        threads.record_step();
        loaded.print_console(|print| bar.suspend(print));
        let objective = match advanced {
            Ok(objective) => objective,
            Err(error) => {
                // The metrics up to the error are kept.
                metrics.map_or(Ok(()), MetricsFile::finish)?;
                return Err(error.into());
            }
        };
        let Objective { loss, penalty } = objective;
        // Counted from the start of training, which may have been in an earlier run.
        let step = loaded.run.step();
        if trained % 64 == 0 {
            bar.set_position(trained);
            bar.set_message(number_format::number(loss, 4));
        }
        if let Some(metrics) = &mut metrics {
            let mut line = StepMetrics {
                step,
                epoch: (step - 1) / per_epoch,
                loss: JsonNumber(loss),
                penalty: penalty.map(JsonNumber),
                train_loss: None,
                test_loss: None,
            };
            if step % per_epoch == 0 || trained == args.steps {
                let (train, test) = loaded.evaluate()?;
                line.train_loss = Some(JsonNumber(train));
                line.test_loss = test.map(JsonNumber);
            }
            let mut text = serde_json::to_vec(&line).map_err(|error| Failure::new(error.to_string()))?;
            text.push(b'\n');
            metrics.write(&text)?;
        }
        if let Some(check) = &mut finite_check
            && let Some(broken) = check.check(&loaded.run, objective, trained == args.steps, threads.threads())?
        {
            // Files of weights and states keep their last good contents.
            bar.finish_and_clear();
            metrics.map_or(Ok(()), MetricsFile::finish)?;
            return Err(broken_step::failure(loaded.run.setup(), &broken));
        }
    }
    bar.finish_and_clear();
    let (last, test) = loaded.evaluate()?;
    metrics.map_or(Ok(()), MetricsFile::finish)?;
    if let Some(path) = &args.weights_out {
        weight_file::write(path, &loaded.run)?;
    }
    if let Some(path) = &args.state_out {
        weight_file::write_state(path, &loaded.run)?;
    }
    let test = test.map(|loss| format!(", test loss {}", number_format::number(loss, 6))).unwrap_or_default();
    if !last.is_finite() {
        let advice = "note: the loss is not finite; try a smaller learning rate";
        writeln!(std::io::stderr(), "{advice}").map_err(|error| Failure::new(error.to_string()))?;
    }
    let (first, last) = (number_format::number(first, 6), number_format::number(last, 6));
    writeln!(std::io::stdout(), "{} steps: train loss {first} → {last}{test}", args.steps)
        .map_err(|error| Failure::new(error.to_string()))
}
