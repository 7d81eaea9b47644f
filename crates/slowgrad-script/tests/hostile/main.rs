//! Scripts that try to hang, crash or exhaust the memory: each ends quickly, with a clear error at the right location.
//!
//! Each script runs within the default limits in a separate process, which reports its cost. The tests assert that the
//! memory is bounded. An ignored test measures times (`cargo test -p slowgrad-script --test hostile -- --ignored
//! times --nocapture`), because a busy machine must not cause a failure.
#![allow(clippy::unwrap_used, clippy::format_collect, missing_docs, reason = "a test")]

#[path = "../common/mod.rs"]
mod common;
mod scripts;

use scripts::{Case, cases};
use slowgrad_script::{CountingAllocator, Limits};
use std::io::Write as _;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The bound that ARCHITECTURE.md states for a process that checks a single script, in MiB.
const MOST_MEMORY: u64 = 400;
/// The time limit of a call, and the longest time until it has ended, in ms.
const CALL: u64 = 250;
const MAKING: u64 = 5_000;
const GRACE: u64 = 250;

/// The result of a script, as reported by its process: code, line, milliseconds, peak memory in MiB.
#[derive(Debug)]
struct End {
    code: String,
    line: u32,
    millis: u64,
    peak: Option<u64>,
}

/// The peak resident memory of this process in MiB, on systems that report it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? / 1024)
}

/// Checks one script in this process, on behalf of a parent process.
#[test]
#[ignore = "it is started by the other tests"]
fn one() {
    let Ok(name) = std::env::var("SLOWGRAD_HOSTILE") else { return };
    let case = cases().into_iter().find(|case| case.name == name).expect("a case of this name");
    let check = move || {
        let files: Vec<(&str, &str)> = case.files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        let sandbox = common::sandbox_within(&files, Limits::default());
        let began = Instant::now();
        let found = sandbox.check("t.rhai");
        (found, began.elapsed())
    };
    // The stack size with which the program runs scripts.
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(check).unwrap();
    let (found, time) = thread.join().unwrap();
    // The error of an import says that the file cannot be used; the reason is an error in that file.
    let errors = || found.iter().filter(|found| found.severity == slowgrad_tape::Severity::Error);
    let first = errors().find(|error| error.code != "broken-import").or(errors().next());
    let (code, line) = first.map_or(("good", 0), |error| {
        assert!((1..1_000).contains(&error.message.len()), "a message of {} bytes", error.message.len());
        (error.code, error.location.as_ref().map_or(0, |location| location.span.line))
    });
    let peak = peak().map_or(String::new(), |peak| peak.to_string());
    let mut out = std::io::stdout();
    writeln!(out, "\nended,{code},{line},{},{peak}", time.as_millis()).unwrap();
}

fn end_of(case: &Case) -> End {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "one", "--ignored", "--nocapture"])
        .env("SLOWGRAD_HOSTILE", case.name)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let Some(line) = text.lines().find_map(|line| line.strip_prefix("ended,")) else {
        let last: String = String::from_utf8_lossy(&output.stderr).chars().take(600).collect();
        return End { code: format!("{}: {last}", output.status), line: 0, millis: 0, peak: None };
    };
    let fields: Vec<&str> = line.split(',').collect();
    End {
        code: fields[0].to_owned(),
        line: fields[1].parse().unwrap(),
        millis: fields[2].parse().unwrap(),
        peak: fields[3].parse().ok(),
    }
}

/// All cases with their results, several at a time.
fn ends(at_a_time: usize) -> Vec<(Case, End)> {
    let cases = cases();
    let (next, ends) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let end = end_of(case);
                    ends.lock().unwrap().push((case.clone(), end));
                }
            });
        }
    });
    ends.into_inner().unwrap()
}

#[test]
fn each_script_ends_with_a_clear_error_and_bounded_memory() {
    let mut wrong = Vec::new();
    for (case, end) in ends(2) {
        // On a slow machine the clock may stop a script first.
        let is_expected = case.codes.contains(&end.code.as_str()) || end.code == "too-slow";
        let is_placed = end.code == "good" || (case.line.min(1)..=case.line).contains(&end.line);
        if !is_expected || !is_placed || end.peak.is_some_and(|peak| peak > MOST_MEMORY) {
            wrong.push((case.name, case.codes, case.line, end));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[ignore = "it measures times, which depend on the machine and on what else it does"]
fn times() {
    let mut ends = ends(1);
    ends.sort_by_key(|(case, end)| {
        std::cmp::Reverse(end.millis.saturating_sub(if case.is_making { MAKING } else { CALL }))
    });
    let mut out = std::io::stdout();
    let mut late = Vec::new();
    for (case, end) in &ends {
        let limit = if case.is_making { MAKING } else { CALL };
        let memory = end.peak.map_or("?".to_owned(), |peak| peak.to_string());
        writeln!(
            out,
            "{:<42} {:<22.22} line {:<4} {:>5} ms of {limit} {memory:>4} MiB",
            case.name, end.code, end.line, end.millis
        )
        .unwrap();
        if end.millis > limit + GRACE {
            late.push(case.name);
        }
    }
    assert!(late.is_empty(), "{late:?}");
}
