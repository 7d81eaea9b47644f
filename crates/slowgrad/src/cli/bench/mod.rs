//! `slowgrad bench`: how fast everything is, on this machine, in one table.
//!
//! Each row is measured by itself in about two seconds, as the shortest of many rounds. Only ratios of rows of
//! one run mean anything on another machine.

mod inspection;
mod lessons;
mod process;
mod timing;
mod training;

use super::{Failure, out};
use crate::files::library;
use clap::Args;
use serde_json::{Value, json};
use slowgrad_script::Limits;
use slowgrad_tape::isa::{self, Isa};
use timing::Timing;

const LONG_HELP: &str = "\
All rows use float64 and train in one thread, unless the row says two. The activation, the loss and the optimizer of each row are
scripts; the loss is computed in each step. Set SLOWGRAD_ISA to portable, avx2 or avx512 to choose the vector unit.
A time is the shortest of many rounds; a row with several cases shows the median and the worst case.

With --json, the output is an object with the fields
  vector_unit  portable, avx2 or avx512
  cores        the number of cores of the machine
  is_quick     whether --quick was given; the numbers are then not reliable
  rows         [{name, what, value, worst, unit}], where unit is \"samples per second\", \"seconds\" or \"bytes\";
               worst is null if the row has only one case, value if this system does not report it
  peak_memory  peak memory of the whole run in bytes, null if this system does not report it";

#[derive(Debug, Args)]
#[command(after_long_help = LONG_HELP)]
pub(super) struct BenchArgs {
    /// Only rows whose names start with one of these, such as w1 or seek
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Print JSON; `slowgrad bench --help` describes the fields
    #[arg(long)]
    json: bool,
    /// Run each measurement only once or twice, to test that it works
    #[arg(long)]
    quick: bool,
}

/// What rows need to be measured.
#[derive(Debug, Clone, Copy)]
struct Bench {
    timing: Timing,
    limits: Limits,
}

/// A line of the table.
struct Row {
    name: &'static str,
    what: &'static str,
    measure: fn(&Bench) -> Result<Reading, Failure>,
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    SamplesPerSecond,
    Seconds,
    Bytes,
}

/// What was measured.
#[derive(Debug, Clone, Copy)]
struct Reading {
    unit: Unit,
    /// Nothing when this system does not tell it.
    value: Option<f64>,
    /// Of several cases; the value is the median then.
    worst: Option<f64>,
}

impl Reading {
    fn samples_per_second(value: f64) -> Self {
        Self { unit: Unit::SamplesPerSecond, value: Some(value), worst: None }
    }

    fn seconds(value: f64) -> Self {
        Self { unit: Unit::Seconds, value: Some(value), worst: None }
    }

    fn bytes(value: Option<u64>) -> Self {
        Self { unit: Unit::Bytes, value: value.map(|bytes| bytes as f64), worst: None }
    }
}

impl From<timing::Spread> for Reading {
    fn from(spread: timing::Spread) -> Self {
        Self { unit: Unit::Seconds, value: Some(spread.median), worst: Some(spread.worst) }
    }
}

pub(super) fn run(args: &BenchArgs, limits: Limits) -> Result<(), Failure> {
    let rows = chosen(&args.names)?;
    let timing = if args.quick { Timing::QUICK } else { Timing::THOROUGH };
    let bench = Bench { timing, limits };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if !args.json {
        let unit = vector_unit();
        let quick = if args.quick { "; --quick: the times are not reliable" } else { "" };
        out(&format!(
            "float64, {unit}, {cores} cores, one thread unless a row says two; the loss is computed in each step{quick}\n\n"
        ))?;
    }
    let name_width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let what_width = rows.iter().map(|row| row.what.chars().count()).max().unwrap_or(0);
    let mut told: Vec<Value> = Vec::new();
    for row in &rows {
        let reading = (row.measure)(&bench)?;
        if args.json {
            told.push(json!({
                "name": row.name,
                "what": row.what,
                "value": reading.value,
                "worst": reading.worst,
                "unit": match reading.unit {
                    Unit::SamplesPerSecond => "samples per second",
                    Unit::Seconds => "seconds",
                    Unit::Bytes => "bytes",
                },
            }));
        } else {
            let value = reading.value.map_or_else(|| "n/a".to_owned(), |value| in_words(value, reading.unit));
            let worst = reading.worst.map(|worst| format!("   worst {:>10}", in_words(worst, reading.unit)));
            let worst = worst.unwrap_or_default();
            out(&format!("{:name_width$}  {:what_width$}  {value:>18}{worst}\n", row.name, row.what))?;
        }
    }
    if args.json {
        let whole = json!({
            "vector_unit": vector_unit(),
            "cores": cores,
            "is_quick": args.quick,
            "rows": told,
            "peak_memory": process::peak_memory(),
        });
        out(&format!("{whole}\n"))?;
    }
    Ok(())
}

/// All rows, in the order in which they are measured.
fn all() -> impl Iterator<Item = &'static Row> {
    training::ROWS.iter().chain(inspection::ROWS).chain(process::ROWS)
}

/// The rows that were asked for.
fn chosen(names: &[String]) -> Result<Vec<&'static Row>, Failure> {
    for name in names {
        if !all().any(|row| row.name.starts_with(name.as_str())) {
            let suggestion = match library::nearest(name, all().map(|row| row.name)) {
                Some(near) => format!("did you mean «{near}»?"),
                None => format!("available rows: {}", all().map(|row| row.name).collect::<Vec<_>>().join(", ")),
            };
            return Err(Failure::usage(format!("there is no row named «{name}»; {suggestion}")));
        }
    }
    // A whole name means that row alone.
    let is_meant = |row: &&Row, name: &String| {
        let is_whole = all().any(|row| row.name == name);
        if is_whole { row.name == name } else { row.name.starts_with(name.as_str()) }
    };
    Ok(all().filter(|row| names.is_empty() || names.iter().any(|name| is_meant(row, name))).collect())
}

fn vector_unit() -> &'static str {
    match isa::current() {
        Isa::Portable => "portable",
        Isa::Avx2 => "avx2",
        Isa::Avx512 => "avx512",
    }
}

/// A number with its unit, three digits long.
fn in_words(value: f64, unit: Unit) -> String {
    let steps: &[(f64, &str)] = match unit {
        Unit::SamplesPerSecond => &[(1e6, "M samples/s"), (1e3, "k samples/s"), (1.0, "samples/s")],
        Unit::Seconds => &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")],
        Unit::Bytes => &[(1_048_576.0, "MiB"), (1024.0, "KiB"), (1.0, "bytes")],
    };
    let &(scale, word) = steps.iter().find(|(scale, _)| value >= *scale).unwrap_or(&steps[steps.len() - 1]);
    let scaled = value / scale;
    let decimals = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{scaled:.decimals$} {word}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_and_a_unit_of_their_size() {
        let words = [
            in_words(32_714_000.0, Unit::SamplesPerSecond),
            in_words(0.000_001_234, Unit::Seconds),
            in_words(2e-11, Unit::Seconds),
            in_words(99.97e-3, Unit::Seconds),
            in_words(15.5 * 1_048_576.0, Unit::Bytes),
        ];
        assert_eq!(words, ["32.7 M samples/s", "1.23 µs", "0.02 ns", "100 ms", "15.5 MiB"]);
    }

    #[test]
    fn a_name_means_its_row_or_all_that_begin_so() {
        let names = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|&name| name.to_owned()).collect();
            chosen(&asked).map(|rows| rows.iter().map(|row| row.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["w3"]).expect("a row"), ["w3"]);
        assert_eq!(names(&["seek"]).expect("rows"), ["seek-xor", "seek-w1"]);
        assert!(names(&["sek-xor"]).is_err_and(|failure| format!("{failure:?}").contains("seek-xor")));
        let mut every: Vec<_> = all().map(|row| row.name).collect();
        every.sort_unstable();
        every.dedup();
        assert_eq!(every.len(), all().count(), "two rows have one name");
    }
}
