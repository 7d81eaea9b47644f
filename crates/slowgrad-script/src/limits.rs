//! What a script may use up before it is stopped.
//!
//! Every entry into a script starts with full budgets. The numbers suit lessons; a lesson may ask for less
//! and only whoever makes the sandbox may give more. Time is read from the clock that is handed in, so that
//! the crate also runs where there is none.

use std::time::Duration;

/// Budgets of one entry into a script, equal in every build profile.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Interpreter operations of a plugin's call (2 million).
    pub operations: u64,
    /// Interpreter operations while a lesson is read, data is made or weights are drawn (50 million).
    pub making_operations: u64,
    /// Time of a plugin's call (250 ms).
    pub time: Duration,
    /// Time to read a lesson, make data or draw weights (2 s).
    pub making_time: Duration,
    /// Operations and comparisons on one tape (100 000).
    pub tape: usize,
    /// Script functions that may call each other (32).
    pub call_levels: usize,
    /// Nesting of expressions (64).
    pub expression_depth: usize,
    /// Bytes of a string (64 KiB).
    pub string: usize,
    /// Elements of an array with those of the arrays in it, in a plugin's call (10 000).
    pub array: usize,
    /// The same while data is made (2 million).
    pub making_array: usize,
    /// Entries of a map with those of the maps in it, in a plugin's call (1 000).
    pub map: usize,
    /// The same while data is made (100 000): each sample is a map.
    pub making_map: usize,
    /// Modules that one entry may import (32).
    pub modules: usize,
    /// Lines that one entry may print (1 000).
    pub prints: usize,
    /// Cues of a lesson (10 000).
    pub cues: usize,
    /// Parameters of a network (5 million).
    pub parameters: usize,
    /// The time since some fixed moment; without it only operations are counted.
    pub clock: Option<fn() -> Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            operations: 2_000_000,
            making_operations: 50_000_000,
            time: Duration::from_millis(250),
            making_time: Duration::from_secs(2),
            tape: 100_000,
            call_levels: 32,
            expression_depth: 64,
            string: 64 * 1024,
            array: 10_000,
            making_array: 2_000_000,
            map: 1_000,
            making_map: 100_000,
            modules: 32,
            prints: 1_000,
            cues: 10_000,
            parameters: 5_000_000,
            clock: clock(),
        }
    }
}

/// The machine's clock, where there is one.
#[allow(clippy::unnecessary_wraps, reason = "a page in a browser has none")]
fn clock() -> Option<fn() -> Duration> {
    #[cfg(not(target_family = "wasm"))]
    {
        use std::sync::LazyLock;
        use std::time::Instant;
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        let clock: fn() -> Duration = || START.elapsed();
        Some(clock)
    }
    #[cfg(target_family = "wasm")]
    None
}
