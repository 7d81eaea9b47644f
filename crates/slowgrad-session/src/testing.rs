//! Backends on the thread of the test, which are deterministic and fast.

use crate::backend::link::{BackendLink as _, InlineBackend};
use crate::backend::{Backend, Machine};
use crate::clock::{Clock, Deadline};
use crate::protocol::{BackendCommand, Snapshot};
use slowgrad_script::{Library, Limits};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The time after which a test fails.
const TIMEOUT: Duration = Duration::from_mins(1);

/// A clock that starts at its first use.
pub fn clock() -> Clock {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Clock::new(|| START.elapsed())
}

/// The resources of a test: one training thread.
pub fn machine() -> Machine {
    Machine { clock: clock(), max_threads: 1 }
}

/// The deadline of a test that starts to wait now.
pub fn timeout() -> Deadline {
    clock().deadline(TIMEOUT)
}

/// A backend with one training thread and a queued first command.
pub fn inline(library: Library, limits: Limits, first: impl Into<BackendCommand>) -> InlineBackend {
    let mut link = InlineBackend::new(Backend::new(library, limits, machine()));
    link.send(first.into());
    link
}

/// The library of shipped scripts, without folders on disk.
pub fn shipped_library() -> Library {
    Library { roots: vec![crate::shipped::shipped()] }
}

/// A backend with a queued command to open a shipped lesson, such as `welcome`.
pub fn lesson(name: &str) -> InlineBackend {
    inline(shipped_library(), Limits::default(), BackendCommand::Open(format!("lessons/{name}.rhai")))
}

/// Waits until a backend is idle and returns its snapshot.
///
/// # Panics
///
/// If that takes longer than a minute.
pub fn idle(link: &mut InlineBackend) -> Snapshot {
    link.run_until_idle(timeout()).expect("the backend becomes idle")
}
