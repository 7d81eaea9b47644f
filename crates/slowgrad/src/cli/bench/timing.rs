//! Time measurements on a machine with other load.
//!
//! Work is timed in many short rounds, and the shortest round counts, because other load can only lengthen a round.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// The duration of a round: much longer than reading the clock, and short enough to fall between other load.
const ROUND_DURATION: Duration = Duration::from_micros(500);

/// The precision of measurements.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// The time for one result.
    budget: Duration,
}

impl Timing {
    /// Reliable measurements, of about two seconds each.
    pub(super) const THOROUGH: Self = Self { budget: Duration::from_secs(2) };
    /// Runs the work only once or twice, to test that it works.
    pub(super) const QUICK: Self = Self { budget: Duration::ZERO };

    /// Whether the work runs only once or twice.
    pub(super) fn is_quick(self) -> bool {
        self.budget.is_zero()
    }

    /// The time of one call in seconds, from the shortest of many rounds of calls.
    pub(super) fn shortest<E>(self, mut work: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
        let mut round = |calls: u32| {
            let began = Instant::now();
            for _ in 0..calls {
                work()?;
            }
            Ok(began.elapsed() / calls)
        };
        // The first calls fill caches and trace scripts.
        let mut shortest: Duration = round(1)?.min(round(1)?);
        let calls = (ROUND_DURATION.as_nanos() / shortest.as_nanos().max(1)).clamp(1, 1 << 20) as u32;
        let deadline = Instant::now() + self.budget;
        while Instant::now() < deadline {
            shortest = shortest.min(round(calls)?);
        }
        Ok(shortest.as_secs_f64())
    }

    /// Measures several cases in turn, repeatedly, and takes the shortest time of each. `work` measures one case itself.
    pub(super) fn each<E>(
        self,
        cases: usize,
        mut work: impl FnMut(usize) -> Result<Duration, E>,
    ) -> Result<CaseTimes, E> {
        let mut shortest = vec![Duration::MAX; cases];
        let deadline = Instant::now() + self.budget;
        loop {
            for (case, shortest) in shortest.iter_mut().enumerate() {
                *shortest = work(case)?.min(*shortest);
            }
            if Instant::now() >= deadline {
                break;
            }
        }
        shortest.sort_unstable();
        let seconds = |index: usize| shortest.get(index).map_or(f64::NAN, Duration::as_secs_f64);
        Ok(CaseTimes { median: seconds(cases / 2), worst: seconds(cases.saturating_sub(1)) })
    }
}

/// The time of the work, without the time to drop its result.
pub(super) fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<Duration, E> {
    let began = Instant::now();
    let result = black_box(work()?);
    let elapsed = began.elapsed();
    drop(result);
    Ok(elapsed)
}

/// The times of several cases of one kind, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct CaseTimes {
    pub(super) median: f64,
    pub(super) worst: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn each_case_counts_with_its_shortest_time() {
        let mut calls = 0;
        let spread = Timing::QUICK.each(3, |case| {
            calls += 1;
            Ok::<_, Infallible>(Duration::from_secs(1 + case as u64))
        });
        let Ok(CaseTimes { median, worst }) = spread;
        assert_eq!((calls, median, worst), (3, 2.0, 3.0));
    }

    #[test]
    fn error_stops_the_measurement() {
        let mut calls = 0;
        let failed = Timing::THOROUGH.shortest(|| {
            calls += 1;
            if calls == 3 { Err("no more") } else { Ok(()) }
        });
        assert_eq!((failed, calls), (Err("no more"), 3));
    }
}
