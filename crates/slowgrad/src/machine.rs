//! The machine as a backend needs it: a clock, processors and a stack for scripts.

use slowgrad_session::{Clock, Machine};
use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;
use std::time::Instant;

/// The stack size of threads that run scripts. Scripts may nest values deeply before a limit stops them, and the
/// interpreter visits them recursively. The system commits only the pages in use.
pub(crate) const SCRIPT_STACK_BYTES: usize = 256 << 20;

/// The machine's monotonic clock.
pub(crate) fn clock() -> Clock {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Clock::new(|| START.elapsed())
}

/// This machine: its clock and its processors.
pub(crate) fn machine() -> Machine {
    Machine { clock: clock(), max_threads: thread::available_parallelism().map_or(1, NonZero::get) }
}
