//! Closer views of training: loading a lesson, recording steps, creating events, seeking.

use super::lessons;
use super::timing::timed;
use super::{BenchContext, BenchRow, RowResult};
use crate::cli::Failure;
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::run::Run;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Address;
use std::hint::black_box;
use std::sync::Arc;

pub(super) const ROWS: &[BenchRow] = &[
    BenchRow { name: "open-w1", description: "load lesson W1: scripts, data and weights", measure: open },
    BenchRow {
        name: "first-step",
        description: "record the first step of W1 and trace its scripts",
        measure: first_step,
    },
    BenchRow { name: "record-w1", description: "record a step of W1", measure: |bench| record(bench, "w1") },
    BenchRow { name: "record-w3", description: "record a step of W3", measure: |bench| record(bench, "w3") },
    BenchRow {
        name: "event-xor",
        description: "create an event at a random address, 2-3-1",
        measure: |bench| events(bench, "xor"),
    },
    BenchRow {
        name: "event-w3",
        description: "create an event at a random address, W3",
        measure: |bench| events(bench, "w3"),
    },
    BenchRow {
        name: "seek-xor",
        description: "seek to one of 100 000 past steps and its events, 2-3-1",
        measure: |bench| seeks(bench, "xor"),
    },
    BenchRow {
        name: "seek-w1",
        description: "seek to one of 100 000 past steps and its events, W1",
        measure: |bench| seeks(bench, "w1"),
    },
];

/// The number of random cases.
const RANDOM_CASES: usize = 200;
/// The number of steps before the seeks.
const PAST_STEPS: u64 = 100_000;

/// Random numbers from 0 to `end`, exclusive; the same in each call.
fn random_indices(end: u64) -> Vec<u64> {
    let mut rng = Rng::new(1, Purpose::Data);
    (0..RANDOM_CASES).map(|_| (rng.unit() * end as f64) as u64).collect()
}

/// Records the current step of a run.
pub(super) fn record_timeline(run: &Run) -> Result<Timeline, Failure> {
    Ok(Timeline::new(Arc::new(run.record()?)))
}

fn open(bench: &BenchContext) -> Result<RowResult, Failure> {
    let mut sandbox = lessons::sandbox(bench.limits);
    let (root, bytes) = sandbox.file("w1.rhai").ok_or_else(|| Failure::new("cannot find lesson W1"))?;
    let open = || {
        // Discards the cached lesson.
        sandbox.replace(&root, "w1.rhai", Some(Arc::clone(&bytes)));
        sandbox.open("w1.rhai").map(|lesson| drop(black_box(lesson)))
    };
    bench.timing.shortest(open).map(RowResult::seconds).map_err(Failure::Scripts)
}

fn first_step(bench: &BenchContext) -> Result<RowResult, Failure> {
    let spread = bench.timing.each(1, |_| {
        let run = lessons::run("w1", bench.limits)?;
        timed(|| record_timeline(&run))
    })?;
    Ok(RowResult::seconds(spread.median))
}

fn record(bench: &BenchContext, lesson: &str) -> Result<RowResult, Failure> {
    let run = lessons::run(lesson, bench.limits)?;
    bench.timing.shortest(|| record_timeline(&run).map(|step| drop(black_box(step)))).map(RowResult::seconds)
}

fn events(bench: &BenchContext, lesson: &str) -> Result<RowResult, Failure> {
    let timeline = record_timeline(&lessons::run(lesson, bench.limits)?)?;
    let addresses: Vec<Address> =
        random_indices(timeline.len() as u64).into_iter().map(|index| timeline.address(index as usize)).collect();
    let spread = bench.timing.each(addresses.len(), |case| {
        timed(|| {
            let index = timeline.locate(&addresses[case]).ok_or_else(|| Failure::new("an address has no event"))?;
            Ok::<_, Failure>(timeline.event(index))
        })
    })?;
    Ok(spread.into())
}

fn seeks(bench: &BenchContext, lesson: &str) -> Result<RowResult, Failure> {
    let mut run = lessons::run(lesson, bench.limits)?;
    run.seek(PAST_STEPS)?;
    let steps = random_indices(PAST_STEPS);
    let spread = bench.timing.each(steps.len(), |case| {
        timed(|| {
            run.seek(steps[case])?;
            record_timeline(&run)
        })
    })?;
    Ok(spread.into())
}
