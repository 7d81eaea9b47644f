//! `slowgrad train`: trains at full speed, and writes weights and metrics.
//!
//! All outputs are checked before training starts. A signal ends training after the present step, and the results so far
//! are written.

use super::broken_step;
use super::lesson_args::LessonArgs;
use super::loaded_lesson::{LoadedLesson, TrainingStart};
use super::signals::StopRequest;
use super::weight_file;
use super::{Failure, output, report, score_text};
use crate::files::output::{METRICS, Output, OutputStream, TRAINING_STATE, WEIGHTS, check_distinct};
use crate::machine::machine;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use slowgrad_engine::evaluation::Scores;
use slowgrad_engine::finite_check::FiniteCheck;
use slowgrad_engine::train::Objective;
use slowgrad_script::Limits;
use slowgrad_session::ThreadTuner;
use slowgrad_timeline::explain::worked_example::JsonNumber;
use slowgrad_timeline::number_format;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::{Duration, Instant};

#[derive(Debug, Args)]
pub(super) struct TrainArgs {
    #[command(flatten)]
    lesson: LessonArgs,
    /// Number of training steps to run
    #[arg(long, value_name = "N")]
    steps: u64,
    /// Number of training threads [default: tuned during training]; does not affect the results
    #[arg(long, value_name = "N")]
    threads: Option<NonZero<usize>>,
    /// Start from the weights in this .json or .safetensors file; the names may be those of another program
    #[arg(long, value_name = "FILE", conflicts_with = "state_in")]
    weights_in: Option<PathBuf>,
    /// Write the trained weights to this .json or .safetensors file; - is standard output
    #[arg(long, value_name = "FILE")]
    weights_out: Option<PathBuf>,
    /// Continue from the state in this .safetensors file: weights, optimizer state and step
    #[arg(long, value_name = "FILE")]
    state_in: Option<PathBuf>,
    /// Write the state after training to this .safetensors file, for --state-in; - is standard output
    #[arg(long, value_name = "FILE")]
    state_out: Option<PathBuf>,
    /// Train on when the loss or a parameter is not finite
    #[arg(long)]
    keep_going: bool,
    /// Write one JSON line per step to this file, as training goes on; - is standard output. An older file is emptied
    /// when training starts
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
    /// The accuracy over the training data, at the same steps; absent if the targets are not classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    train_accuracy: Option<JsonNumber>,
    /// The mean loss over the test data, at the same steps; absent without test data.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_loss: Option<JsonNumber>,
    /// The accuracy over the test data, at the same steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    test_accuracy: Option<JsonNumber>,
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

/// The accuracy in the progress bar, which is computed now and then.
#[derive(Default)]
struct ShownAccuracy {
    accuracy: Option<f64>,
    next: Option<Instant>,
}

impl ShownAccuracy {
    /// The shortest time between two evaluations.
    const MIN_INTERVAL: Duration = Duration::from_millis(500);
    /// The time between two evaluations, as a multiple of the time that the last one took.
    const REST: u32 = 20;

    /// The losses of the last batch and, if targets are classes, a recent accuracy.
    fn message(&mut self, loaded: &mut LoadedLesson, batch_loss: f64) -> Result<String, Failure> {
        let began = Instant::now();
        if self.next.is_none_or(|next| next <= began) {
            self.accuracy = loaded.evaluate()?.scores().train.accuracy;
            self.next = Some(began + Self::MIN_INTERVAL.max(Self::REST * began.elapsed()));
        }
        let accuracy = self.accuracy.map(|accuracy| format!(" · accuracy {}", number_format::number(accuracy, 3)));
        Ok(format!("batch loss {}{}", number_format::number(batch_loss, 4), accuracy.unwrap_or_default()))
    }
}

/// The metrics, one JSON line per step.
struct Metrics {
    out: OutputStream,
    /// Whether training goes on when nothing reads the metrics any more, because it makes weights or a state.
    may_be_unread: bool,
    /// The lines that are not written yet.
    pending: Vec<u8>,
    written_at: Instant,
}

impl Metrics {
    /// The longest time that a line waits for the next step. Writing each line of a small network on its own would take
    /// longer than its training.
    const MAX_DELAY: Duration = Duration::from_millis(20);

    fn start(output: Output, may_be_unread: bool) -> Result<Self, Failure> {
        Ok(Self { out: output.start()?, may_be_unread, pending: Vec::new(), written_at: Instant::now() })
    }

    /// Writes a line so that others can follow the training.
    fn write(&mut self, line: &StepMetrics) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.pending, line).map_err(|error| Failure::new(error.to_string()))?;
        self.pending.push(b'\n');
        if self.written_at.elapsed() >= Self::MAX_DELAY { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let written = self.out.write(&self.pending);
        self.pending.clear();
        self.written_at = Instant::now();
        match written {
            Err(error) if error.is_closed_pipe() && self.may_be_unread => Ok(()),
            written => Ok(written?),
        }
    }
}

impl Drop for Metrics {
    /// Writes the last lines before an error.
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

pub(super) fn run(args: &TrainArgs, limits: Limits) -> Result<(), Failure> {
    let check = |path: &Option<PathBuf>, format| path.as_deref().map(|path| Output::check(path, format)).transpose();
    let metrics = check(&args.metrics, &METRICS)?;
    let weights = check(&args.weights_out, &WEIGHTS)?;
    let state = check(&args.state_out, &TRAINING_STATE)?;
    let start = match (&args.weights_in, &args.state_in) {
        (Some(path), _) => TrainingStart::Weights(path),
        (None, Some(path)) => TrainingStart::State(path),
        (None, None) => TrainingStart::Lesson,
    };
    let mut loaded = LoadedLesson::from_start(&args.lesson, start, limits)?;
    let outputs: Vec<&Output> = metrics.iter().chain(&weights).chain(&state).collect();
    check_distinct(&outputs, &loaded.inputs)?;
    let is_stdout_in_use = outputs.into_iter().any(Output::is_stdout);
    let first = loaded.evaluate()?.scores().train;
    let bar = ProgressBar::new(args.steps);
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} steps  {per_sec}  {msg}  {eta} left");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let mut metrics = metrics.map(|output| Metrics::start(output, weights.is_some() || state.is_some())).transpose()?;
    let per_epoch = loaded.run.setup().steps_per_epoch();
    let mut threads = ThreadCount::new(args.threads);
    let mut progress = ShownAccuracy::default();
    let stop = StopRequest::accept();
    let mut finite_check = (!args.keep_going).then(|| FiniteCheck::new(&loaded.run));
    let mut trained = 0;
    for number in 1..=args.steps {
        loaded.run.set_threads(threads.threads());
        let advanced = loaded.run.advance();
        threads.record_step();
        loaded.print_console(|print| bar.suspend(print));
        let objective = advanced?;
        let Objective { loss, penalty } = objective;
        trained = number;
        // Counted from the start of training, which may have been in an earlier run.
        let step = loaded.run.step();
        let is_last = number == args.steps || stop.signal().is_some();
        if number % 64 == 0 && !bar.is_hidden() {
            bar.set_position(number);
            bar.set_message(progress.message(&mut loaded, loss)?);
        }
        if let Some(metrics) = &mut metrics {
            let mut line = StepMetrics {
                step,
                epoch: (step - 1) / per_epoch,
                loss: JsonNumber(loss),
                penalty: penalty.map(JsonNumber),
                train_loss: None,
                train_accuracy: None,
                test_loss: None,
                test_accuracy: None,
            };
            if step % per_epoch == 0 || is_last {
                let Scores { train, test } = loaded.evaluate()?.scores();
                line.train_loss = Some(JsonNumber(train.loss));
                line.train_accuracy = train.accuracy.map(JsonNumber);
                line.test_loss = test.map(|test| JsonNumber(test.loss));
                line.test_accuracy = test.and_then(|test| test.accuracy).map(JsonNumber);
            }
            metrics.write(&line)?;
        }
        if let Some(check) = &mut finite_check
            && let Some(broken) = check.check(&loaded.run, objective, is_last, threads.threads())?
        {
            // Files of weights and states keep their last good contents. The metrics are written up to this step.
            bar.finish_and_clear();
            return Err(broken_step::failure(loaded.run.setup(), &broken));
        }
        if is_last {
            break;
        }
    }
    bar.finish_and_clear();
    metrics.as_mut().map_or(Ok(()), Metrics::flush)?;
    let evaluated = loaded.evaluate()?;
    let Scores { train: last, test } = evaluated.scores();
    if let Some(output) = weights {
        weight_file::write(output, &loaded.run)?;
    }
    if let Some(output) = state {
        weight_file::write_state(output, &loaded.run)?;
    }
    if !last.loss.is_finite() {
        report::print_line("note: the loss is not finite; try a smaller learning rate");
    }
    let stopped_by = stop.signal();
    let steps = match stopped_by {
        Some(signal) => format!("stopped by {} after {trained} of {} steps", signal.name(), args.steps),
        None if trained == 1 => "1 step".to_owned(),
        None => format!("{trained} steps"),
    };
    let (data, evaluation) = if test.is_some() { ("test", &evaluated.test) } else { ("training", &evaluated.train) };
    let scores = score_text::summary(first, last, test);
    let summary =
        format!("{steps}: {scores}{}", score_text::confusion_table(data, evaluation, &loaded.run.setup().io_names));
    if is_stdout_in_use {
        report::print_line(&summary);
    } else {
        output::print(&format!("{summary}\n"))?;
    }
    stopped_by.map_or(Ok(()), |signal| Err(Failure::Stopped(signal)))
}
