//! A backend on the test's own thread, so that tests are deterministic and fast.

use crate::backend::link::{InlineBackend, Link as _};
use crate::backend::{Backend, Machine};
use crate::clock::{Clock, Deadline};
use crate::protocol::{Command, Snapshot};
use slowgrad_script::{Library, Limits};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// Tests give up after so long.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The machine's clock.
pub fn clock() -> Clock {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Clock::new(|| START.elapsed())
}

/// The machine of a test, with one training thread.
pub fn machine() -> Machine {
    Machine { clock: clock(), max_threads: 1 }
}

/// The moment at which a test gives up.
pub fn timeout() -> Deadline {
    clock().deadline(TIMEOUT)
}

/// A backend with one training thread that has been given its first command.
pub fn inline(library: Library, limits: Limits, first: impl Into<Command>) -> InlineBackend {
    let mut link = InlineBackend::new(Backend::new(library, limits, machine()));
    link.send(first.into());
    link
}

/// The scripts inside the program, without any folder on disk.
pub fn shipped_library() -> Library {
    Library { roots: vec![crate::shipped::shipped()] }
}

/// A backend that has been asked to open a shipped lesson, such as `welcome`.
pub fn lesson(name: &str) -> InlineBackend {
    inline(shipped_library(), Limits::default(), Command::Open(format!("lessons/{name}.rhai")))
}

/// The snapshot once nothing is left to do.
///
/// # Panics
///
/// When that takes longer than a minute.
pub fn idle(link: &mut InlineBackend) -> Snapshot {
    link.run_until_idle(timeout()).expect("the backend becomes idle")
}
