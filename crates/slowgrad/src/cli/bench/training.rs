//! Training steps at full speed.

use super::{BenchContext, BenchRow, RowResult, lessons};
use crate::cli::Failure;
use slowgrad_engine::model::Model;
use slowgrad_engine::run::Run;
use slowgrad_engine::train::{self, Workspace};
use std::rc::Rc;

pub(super) const ROWS: &[BenchRow] = &[
    BenchRow {
        name: "w1",
        description: "2-4-2-1 tanh, half squared error, sgd, batches of 10, circle",
        measure: |bench| steps(bench, 1, "w1"),
    },
    BenchRow {
        name: "w1-exp",
        description: "as w1, tanh written with exp",
        measure: |bench| steps(bench, 1, "w1-exp"),
    },
    BenchRow {
        name: "w1-value",
        description: "as w1, with a script that uses value() and runs each time",
        measure: |bench| steps(bench, 1, "w1-value"),
    },
    BenchRow { name: "w1-history", description: "as w1, with its history stored", measure: history },
    BenchRow {
        name: "w2",
        description: "2-8-8-8-1 relu by if, half squared error, momentum, batches of 32, circle",
        measure: |bench| steps(bench, 1, "w2"),
    },
    BenchRow {
        name: "w2-other",
        description: "2-8-8-8-1 mish, huber, adamw, batches of 32, circle",
        measure: |bench| steps(bench, 1, "w2-other"),
    },
    BenchRow {
        name: "w3",
        description: "784-128-64-10 tanh, softmax cross-entropy, momentum, batches of 64, patterns",
        measure: |bench| steps(bench, 1, "w3"),
    },
    BenchRow { name: "w3-two", description: "as w3, with two threads", measure: |bench| steps(bench, 2, "w3") },
    BenchRow {
        name: "adam", description: "adam, the update only, per parameter of 10⁶", measure: million_parameters
    },
];

/// Samples per second of training without history.
fn steps(bench: &BenchContext, threads: usize, lesson: &str) -> Result<RowResult, Failure> {
    let run = lessons::run(lesson, bench.limits)?;
    let samples = run.setup().batch as f64;
    Ok(RowResult::samples_per_second(samples / seconds_per_step(bench, threads, &run)?))
}

fn seconds_per_step(bench: &BenchContext, threads: usize, run: &Run) -> Result<f64, Failure> {
    let setup = Rc::new(run.setup().clone());
    let mut model: Model = run.model().clone();
    let mut work = Workspace::default();
    work.set_threads(threads);
    let mut step = 0;
    let seconds = bench.timing.shortest(|| {
        step += 1;
        train::step(&setup, &mut model, step, &mut work).map(drop)
    })?;
    Ok(seconds)
}

/// Samples per second of a run with history.
fn history(bench: &BenchContext) -> Result<RowResult, Failure> {
    let mut run = lessons::run("w1", bench.limits)?;
    let samples = run.setup().batch as f64;
    let seconds = bench.timing.shortest(|| run.advance().map(drop))?;
    Ok(RowResult::samples_per_second(samples / seconds))
}

/// Seconds per parameter of the update alone.
fn million_parameters(bench: &BenchContext) -> Result<RowResult, Failure> {
    let run = lessons::network(2, 998, bench.limits)?;
    let setup = Rc::new(run.setup().clone());
    let mut model: Model = run.model().clone();
    let grads: Vec<f64> = model.values.iter().map(|value| 0.1 * value).collect();
    let (mut work, mut step) = (Workspace::default(), 0);
    let seconds = bench.timing.shortest(|| {
        step += 1;
        train::update(&setup, &mut model, &grads, step, &mut work)
    })?;
    Ok(RowResult::seconds(seconds / grads.len() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use slowgrad_script::Limits;

    fn run(lesson: &str) -> Run {
        // Generating the data may exceed the default limit on a busy machine.
        let mut limits = Limits::default();
        limits.set("seconds", 5.0).expect("a limit");
        lessons::run(lesson, limits).expect("a lesson")
    }

    #[test]
    fn all_batches_have_full_size() {
        for lesson in ["w1", "w1-exp", "w1-value", "w2", "w2-other", "w3"] {
            let run = run(lesson);
            assert_eq!(run.setup().train.len() % run.setup().batch, 0, "{lesson}");
        }
    }

    #[test]
    fn only_the_lesson_with_value_runs_its_script_each_time() {
        for (lesson, each_time) in [("w1", false), ("w1-exp", false), ("w1-value", true), ("w3", false)] {
            let mut run = run(lesson);
            run.advance().expect("a step");
            let function = &run.setup().activations[0].function;
            assert_eq!(function.borrow().runs_each_time(), each_time, "{lesson}");
        }
    }
}
