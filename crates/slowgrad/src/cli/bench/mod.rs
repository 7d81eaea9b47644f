//! `slowgrad bench`: measures the performance on this machine and prints a table.
//!
//! Each row takes about two seconds and is the shortest of many rounds. Only ratios between rows of one run are
//! meaningful on other machines.

mod inspection;
mod lessons;
mod process;
mod timing;
mod training;
#[cfg(feature = "window")]
mod window;

use super::{Failure, output};
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

/// The options of all measurements.
#[derive(Debug, Clone, Copy)]
struct BenchContext {
    timing: Timing,
    limits: Limits,
}

/// A row of the table.
struct BenchRow {
    name: &'static str,
    description: &'static str,
    measure: fn(&BenchContext) -> Result<RowResult, Failure>,
}

/// The unit of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    SamplesPerSecond,
    Seconds,
    Bytes,
}

/// The result of a row.
#[derive(Debug, Clone, Copy)]
struct RowResult {
    unit: Unit,
    /// The value, or the median of several cases; `None` if the system does not report it.
    value: Option<f64>,
    /// The worst of several cases.
    worst: Option<f64>,
}

impl RowResult {
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

impl From<timing::CaseTimes> for RowResult {
    fn from(times: timing::CaseTimes) -> Self {
        Self { unit: Unit::Seconds, value: Some(times.median), worst: Some(times.worst) }
    }
}

pub(super) fn run(args: &BenchArgs, limits: Limits) -> Result<(), Failure> {
    let rows = select_rows(&args.names)?;
    let timing = if args.quick { Timing::QUICK } else { Timing::THOROUGH };
    let bench = BenchContext { timing, limits };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    if !args.json {
        let unit = vector_unit();
        let quick = if args.quick { "; --quick: the times are not reliable" } else { "" };
        output::print(&format!(
            "float64, {unit}, {cores} cores, one thread unless a row says two; the loss is computed in each step{quick}\n\n"
        ))?;
    }
    let name_width = rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let description_width = rows.iter().map(|row| row.description.chars().count()).max().unwrap_or(0);
    let mut json_rows: Vec<Value> = Vec::new();
    for row in &rows {
        let result = (row.measure)(&bench)?;
        if args.json {
            json_rows.push(json!({
                "name": row.name,
                "what": row.description,
                "value": result.value,
                "worst": result.worst,
                "unit": match result.unit {
                    Unit::SamplesPerSecond => "samples per second",
                    Unit::Seconds => "seconds",
                    Unit::Bytes => "bytes",
                },
            }));
        } else {
            let value = result.value.map_or_else(|| "n/a".to_owned(), |value| format_value(value, result.unit));
            let worst = result.worst.map(|worst| format!("   worst {:>10}", format_value(worst, result.unit)));
            let worst = worst.unwrap_or_default();
            output::print(&format!(
                "{:name_width$}  {:description_width$}  {value:>18}{worst}\n",
                row.name, row.description
            ))?;
        }
    }
    if args.json {
        let whole = json!({
            "vector_unit": vector_unit(),
            "cores": cores,
            "is_quick": args.quick,
            "rows": json_rows,
            "peak_memory": process::peak_memory(),
        });
        output::print(&format!("{whole}\n"))?;
    }
    Ok(())
}

/// All rows, in the order of result.
fn all_rows() -> impl Iterator<Item = &'static BenchRow> {
    #[cfg(feature = "window")]
    let window = window::ROWS;
    #[cfg(not(feature = "window"))]
    let window: &[BenchRow] = &[];
    training::ROWS.iter().chain(inspection::ROWS).chain(window).chain(process::ROWS)
}

/// The rows that the names select; all without names.
fn select_rows(names: &[String]) -> Result<Vec<&'static BenchRow>, Failure> {
    for name in names {
        if !all_rows().any(|row| row.name.starts_with(name.as_str())) {
            let suggestion = match library::nearest(name, all_rows().map(|row| row.name)) {
                Some(near) => format!("did you mean «{near}»?"),
                None => format!("available rows: {}", all_rows().map(|row| row.name).collect::<Vec<_>>().join(", ")),
            };
            return Err(Failure::usage(format!("there is no row named «{name}»; {suggestion}")));
        }
    }
    // A complete name selects only that row.
    let is_selected = |row: &&BenchRow, name: &String| {
        let complete = all_rows().any(|row| row.name == name);
        if complete { row.name == name } else { row.name.starts_with(name.as_str()) }
    };
    Ok(all_rows().filter(|row| names.is_empty() || names.iter().any(|name| is_selected(row, name))).collect())
}

fn vector_unit() -> &'static str {
    match isa::current() {
        Isa::Portable => "portable",
        Isa::Avx2 => "avx2",
        Isa::Avx512 => "avx512",
    }
}

/// A value with its unit and three digits.
fn format_value(value: f64, unit: Unit) -> String {
    let units: &[(f64, &str)] = match unit {
        Unit::SamplesPerSecond => &[(1e6, "M samples/s"), (1e3, "k samples/s"), (1.0, "samples/s")],
        Unit::Seconds => &[(1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns")],
        Unit::Bytes => &[(1_048_576.0, "MiB"), (1024.0, "KiB"), (1.0, "bytes")],
    };
    let &(scale, unit) = units.iter().find(|(scale, _)| value >= *scale).unwrap_or(&units[units.len() - 1]);
    let scaled = value / scale;
    let decimals = if scaled < 9.995 { 2 } else { usize::from(scaled < 99.95) };
    format!("{scaled:.decimals$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_three_digits_and_a_suitable_unit() {
        let texts = [
            format_value(32_714_000.0, Unit::SamplesPerSecond),
            format_value(0.000_001_234, Unit::Seconds),
            format_value(2e-11, Unit::Seconds),
            format_value(99.97e-3, Unit::Seconds),
            format_value(15.5 * 1_048_576.0, Unit::Bytes),
        ];
        assert_eq!(texts, ["32.7 M samples/s", "1.23 µs", "0.02 ns", "100 ms", "15.5 MiB"]);
    }

    #[test]
    fn name_selects_its_row_or_all_rows_with_the_prefix() {
        let names = |asked: &[&str]| {
            let asked: Vec<String> = asked.iter().map(|&name| name.to_owned()).collect();
            select_rows(&asked).map(|rows| rows.iter().map(|row| row.name).collect::<Vec<_>>())
        };
        assert_eq!(names(&["w3"]).expect("a row"), ["w3"]);
        assert_eq!(names(&["seek"]).expect("rows"), ["seek-xor", "seek-w1"]);
        assert!(names(&["sek-xor"]).is_err_and(|failure| format!("{failure:?}").contains("seek-xor")));
        let mut every: Vec<_> = all_rows().map(|row| row.name).collect();
        every.sort_unstable();
        every.dedup();
        assert_eq!(every.len(), all_rows().count(), "two rows have one name");
    }
}
