//! The memory and the file size of the program.

use super::{BenchContext, BenchRow, RowResult};
use crate::cli::Failure;
use std::process::Command;

pub(super) const ROWS: &[BenchRow] = &[
    BenchRow {
        name: "memory-w1",
        description: "peak memory of a process that trains W1",
        measure: |bench| memory(bench, "w1"),
    },
    BenchRow {
        name: "memory-w3",
        description: "peak memory of a process that trains W3",
        measure: |bench| memory(bench, "w3"),
    },
    #[cfg(feature = "window")]
    BenchRow {
        name: "memory-compare",
        description: "peak memory of a process that compares two runs of 10⁶ weights for a minute",
        measure: |bench| memory(bench, "compare-1m"),
    },
    BenchRow { name: "program", description: "size of the program file, with its scripts and fonts", measure: program },
];

/// The peak memory of this process in bytes; `None` if the system does not report it.
pub(super) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// The peak memory of a separate process that measures one row.
fn memory(bench: &BenchContext, row: &str) -> Result<RowResult, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(format!("cannot measure memory: {error}"));
    let program = std::env::current_exe().map_err(|error| failed(&error))?;
    let mut command = Command::new(program);
    command.args(["bench", row, "--json"]);
    if bench.timing.is_quick() {
        command.arg("--quick");
    }
    let output = command.output().map_err(|error| failed(&error))?;
    if !output.status.success() {
        return Err(failed(&String::from_utf8_lossy(&output.stderr).trim()));
    }
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| failed(&error))?;
    Ok(RowResult::bytes(report["peak_memory"].as_u64()))
}

fn program(_: &BenchContext) -> Result<RowResult, Failure> {
    let size = std::env::current_exe().and_then(|path| path.metadata()).map(|file| file.len());
    size.map(|bytes| RowResult::bytes(Some(bytes))).map_err(|error| Failure::new(error.to_string()))
}
