//! The machine as a backend needs it: a clock, processors and a stack for scripts.

use slowgrad_session::{Clock, Machine};
use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

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

/// The clock of the calling thread's processor time, where the system has one.
#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have no such clock")]
pub(crate) fn processor_time() -> Option<fn() -> Duration> {
    use rustix::time::{ClockId, clock_gettime};
    let processor_time: fn() -> Duration = || {
        let time = clock_gettime(ClockId::ThreadCPUTime);
        // Both are in range: the seconds are not negative, and the nanoseconds are below 10⁹.
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    };
    Some(processor_time)
}

/// The clock of the calling thread's processor time. Not read on this system: the limits count the time that passes.
#[cfg(not(unix))]
pub(crate) fn processor_time() -> Option<fn() -> Duration> {
    None
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn processor_time_advances_with_work_and_not_with_waiting() {
        let now = processor_time().expect("a clock");
        let before = now();
        thread::sleep(Duration::from_millis(50));
        let slept = now().saturating_sub(before);
        assert!(slept < Duration::from_millis(25), "{slept:?}");
        let start = Instant::now();
        while now().saturating_sub(before) < Duration::from_millis(30) {
            assert!(start.elapsed() < Duration::from_mins(1), "the clock stands still");
        }
    }
}
