//! `slowgrad trace`: prints the operations of a training step.

use super::lesson_args::LessonArgs;
use super::loaded_lesson::LoadedLesson;
use super::{Failure, PhaseArg, UnitArg, output};
use clap::{Args, ValueEnum};
use slowgrad_script::Limits;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::worked_example::{self, Selection};
use std::io::{BufWriter, ErrorKind, Write};
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct TraceArgs {
    #[command(flatten)]
    lesson: LessonArgs,
    /// Training step, counted from 1; earlier steps are trained first [default: 1, or the step that a session shows]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    step: Option<u64>,
    /// Only this sample of the batch, counted from 1
    #[arg(long, value_name = "I")]
    sample: Option<usize>,
    /// Only this phase
    #[arg(long, value_name = "P")]
    phase: Option<PhaseArg>,
    /// Unit to print: a coarser unit combines its operations
    #[arg(long, value_name = "UNIT", default_value = "operation")]
    by: UnitArg,
    /// Output format: readable text or JSON lines
    #[arg(long, default_value = "text")]
    format: Format,
    /// Significant digits in text output
    #[arg(long, value_name = "N", default_value_t = 6, value_parser = clap::value_parser!(u8).range(1..=17))]
    digits: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Text,
    Jsonl,
}

pub(super) fn run(args: &TraceArgs, limits: Limits) -> Result<(), Failure> {
    let mut loaded = LoadedLesson::new(&args.lesson, limits)?;
    let step = args.step.unwrap_or_else(|| loaded.shown_step());
    loaded.run.seek(step - 1)?;
    // Only the output of scripts in this step is printed.
    loaded.drop_console();
    let recorded = loaded.run.record();
    loaded.print_console(|print| print());
    let timeline = Timeline::new(Arc::new(recorded?));
    let samples = timeline.step().samples.len();
    if let Some(sample) = args.sample.filter(|sample| *sample == 0 || *sample > samples) {
        return Err(Failure::usage(format!("step {step} has samples 1 to {samples}, not {sample}")));
    }
    let selection = Selection { sample: args.sample.map(|sample| sample - 1), phase: args.phase.map(Into::into) };
    let by = args.by.into();
    let mut out = BufWriter::new(std::io::stdout().lock());
    let written = match args.format {
        Format::Jsonl => worked_example::json_lines(&timeline, selection, by, |line| {
            serde_json::to_writer(&mut out, line)?;
            out.write_all(b"\n")
        }),
        Format::Text => {
            let mut text = FmtAdapter { out: &mut out, error: None };
            let header = worked_example::header(&timeline, &loaded.lesson.spec.title);
            let written = std::fmt::Write::write_str(&mut text, &header)
                .and_then(|()| worked_example::text(&timeline, selection, by, usize::from(args.digits), &mut text));
            match (written, text.error.take()) {
                (_, Some(error)) => Err(error),
                (Err(_), None) => Err(ErrorKind::Other.into()),
                (Ok(()), None) => Ok(()),
            }
        }
    };
    written.and_then(|()| out.flush()).map_err(|error| output::cannot_print(&error))
}

/// Implements [`std::fmt::Write`] for a writer and keeps the error of the writer.
struct FmtAdapter<'a, W: Write> {
    out: &'a mut W,
    error: Option<std::io::Error>,
}

impl<W: Write> std::fmt::Write for FmtAdapter<'_, W> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.out.write_all(text.as_bytes()).map_err(|error| {
            self.error = Some(error);
            std::fmt::Error
        })
    }
}
