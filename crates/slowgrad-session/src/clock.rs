//! A clock that callers provide, so that a session also runs where the standard library has none (in a web page), and so
//! that tests can control time.

use std::time::Duration;

/// A monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Clock(fn() -> Duration);

impl Clock {
    /// Wraps a function that returns the time since a fixed moment.
    pub const fn new(now: fn() -> Duration) -> Self {
        Self(now)
    }

    /// The time since the clock's fixed moment.
    pub fn now(self) -> Duration {
        (self.0)()
    }

    /// The deadline this long from now.
    pub fn deadline(self, after: Duration) -> Deadline {
        Deadline { clock: self, at: self.now().saturating_add(after) }
    }
}

/// The time at which work must end.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    clock: Clock,
    at: Duration,
}

impl Deadline {
    /// Whether the deadline has passed.
    pub fn has_passed(self) -> bool {
        self.left().is_zero()
    }

    /// The time left; zero after the deadline.
    pub fn left(self) -> Duration {
        self.at.saturating_sub(self.clock.now())
    }

    /// This deadline or the one this long from now, whichever is earlier.
    #[must_use]
    pub fn at_most(self, after: Duration) -> Self {
        let earlier = self.clock.deadline(after);
        if earlier.at < self.at { earlier } else { self }
    }
}
