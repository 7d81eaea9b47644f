//! Bounds of memory: a step in the steady state allocates nothing, and the history of a million steps stays within its
//! budget.

mod common;

use common::{decay, descent, elastic, identity, leaky, setup, softmax, tanh};
use slowgrad_engine::model::Model;
use slowgrad_engine::run::Run;
use slowgrad_engine::train::{self, Workspace};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

/// Counts the allocations of this thread.
struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
    static ALLOCATED_BYTES: Cell<isize> = const { Cell::new(0) };
}

// SAFETY: every method forwards to `System`, which upholds the contract; counting does not touch the memory.
#[allow(unsafe_code, reason = "an allocator is unsafe to implement")]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        ALLOCATED_BYTES.set(ALLOCATED_BYTES.get() + layout.size() as isize);
        // SAFETY: the caller upholds the contract of `GlobalAlloc::alloc`, which is also that of `System::alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        ALLOCATED_BYTES.set(ALLOCATED_BYTES.get() - layout.size() as isize);
        // SAFETY: the caller upholds the contract of `GlobalAlloc::dealloc`, and `place` comes from `System::alloc`.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_step_in_the_steady_state_allocates_nothing() {
    let cases = [
        (vec![2, 4, 2, 1], vec![tanh(), tanh(), tanh()], false, 25, 10),
        // The last batch of each epoch is shorter.
        (vec![2, 8, 8, 1], vec![leaky(), leaky(), tanh()], true, 70, 32),
        (vec![20, 16, 10], vec![tanh(), softmax(10)], true, 64, 64),
        (vec![3, 2, 2], vec![identity(), softmax(2)], false, 5, 1),
    ];
    for (sizes, activations, momentum, samples, batch) in cases {
        let (mut setup, values) = setup(&sizes, activations, descent(0.01, momentum), samples, batch);
        setup.regularizer = momentum.then(|| elastic(0.01));
        setup.schedule = momentum.then(|| decay(0.01));
        setup.frozen = Arc::new(if batch == 1 { [1].into() } else { BTreeSet::new() });
        let setup = Rc::new(setup);
        let mut model = Model::new(values, &setup.optimizer);
        let mut work = Workspace::default();
        let mut train = |from: u64, to: u64| {
            let before = ALLOCATIONS.get();
            for step in from..to {
                train::step(&setup, &mut model, step, &mut work).expect("no script fails");
            }
            ALLOCATIONS.get() - before
        };
        assert!(train(1, 200) > 0, "the allocator counts");
        assert_eq!(train(200, 1_200), 0, "{sizes:?}");
    }
}

#[test]
fn the_history_of_many_steps_stays_within_its_budget_and_replays_fast() {
    const STEPS: u64 = 1_000_000;
    const BUDGET: usize = 256 << 10;
    let (setup, values) = setup(&[2, 4, 2, 1], vec![tanh(), tanh(), tanh()], descent(0.01, true), 24, 8);
    let mut run = Run::new(setup, values).with_budget(BUDGET);
    let before = ALLOCATED_BYTES.get();
    let mut models = Vec::new();
    for step in 1..=STEPS {
        run.advance().expect("no script fails");
        if step % 49_999 == 0 {
            models.push((step, run.model().clone()));
        }
    }
    let (count, bytes) = run.checkpoints();
    assert!(bytes <= BUDGET, "{bytes}");
    // The curve has at most 8192 points of 16 bytes; the map's nodes and the vectors' headers are extra.
    let allocated = ALLOCATED_BYTES.get() - before;
    assert!(allocated < (4 * BUDGET) as isize, "{allocated} bytes for {count} checkpoints");
    for (step, model) in models.into_iter().rev() {
        // Replay is no longer than the distance between two checkpoints.
        let max_replay = 4 * STEPS / count as u64;
        assert!(
            step - run.replay_start(step) <= max_replay,
            "{step} needs {} steps of replay",
            step - run.replay_start(step)
        );
        run.seek(step).expect("no script fails");
        assert!(run.model().same_bits(&model), "step {step}");
    }
}
