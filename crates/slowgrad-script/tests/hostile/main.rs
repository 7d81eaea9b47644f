//! Scripts that want to hang, crash or fill the memory: each ends soon, with a clear word at the right place.
//!
//! Each runs within the usual limits in a process of its own, which tells what it cost. That memory stays bounded
//! is asserted; times are measured by an ignored test (`cargo test -p slowgrad-script --test hostile -- --ignored
//! times --nocapture`), because a busy machine is no reason to fail.
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

/// What ARCHITECTURE.md promises, in MiB, for a process that does nothing but check one script.
const MOST_MEMORY: u64 = 400;
/// What the time limits allow an entry, and what may pass until it has ended, in ms.
const CALL: u64 = 250;
const MAKING: u64 = 5_000;
const GRACE: u64 = 250;

/// How a script ended, as its process tells it: code, line, milliseconds, peak of the memory in MiB.
#[derive(Debug)]
struct End {
    code: String,
    line: u32,
    millis: u64,
    peak: Option<u64>,
}

/// The largest resident memory of this process in MiB, where the system tells it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? / 1024)
}

/// Checks one script in this process, when a parent asks for it.
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
    // As the program runs scripts.
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(check).unwrap();
    let (found, time) = thread.join().unwrap();
    // An import tells that the file cannot be used; why not is told of that file.
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

/// All cases with how they ended, some at a time.
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
fn each_ends_with_a_clear_word_at_its_place_and_bounded_memory() {
    let mut wrong = Vec::new();
    for (case, end) in ends(2) {
        // On a slow machine it may be the clock that stops a script first.
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
