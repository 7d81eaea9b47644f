//! The clock is handed in, so that the session also runs where the standard library has none (a web page) and so that
//! tests can control time.

use std::time::Duration;

/// A monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock(fn() -> Duration);

impl Clock {
    /// A clock that reads the time since some fixed moment.
    pub const fn new(now: fn() -> Duration) -> Self {
        Self(now)
    }

    /// The time since the clock's fixed moment.
    pub fn now(self) -> Duration {
        (self.0)()
    }

    /// The moment this long from now.
    pub fn deadline(self, after: Duration) -> Deadline {
        Deadline { clock: self, at: self.now().saturating_add(after) }
    }
}

/// A moment until which work may take.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    clock: Clock,
    at: Duration,
}

impl Deadline {
    /// Whether the moment is over.
    pub fn has_passed(self) -> bool {
        self.left().is_zero()
    }

    /// The time left; zero once the moment is over.
    pub fn left(self) -> Duration {
        self.at.saturating_sub(self.clock.now())
    }

    /// This deadline, or one this long from now if that is earlier.
    #[must_use]
    pub fn at_most(self, after: Duration) -> Self {
        let earlier = self.clock.deadline(after);
        if earlier.at < self.at { earlier } else { self }
    }
}
