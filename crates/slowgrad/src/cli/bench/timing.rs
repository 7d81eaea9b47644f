//! How long something takes on a machine that does other things as well.
//!
//! Work is timed in many short rounds, and the fastest one counts: what else goes on can only add to a round.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// A round is long against the clock's own time and short against what else the machine does.
const ROUND: Duration = Duration::from_micros(500);

/// How much time a measurement may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Timing {
    /// Seconds for one number.
    budget: Duration,
}

impl Timing {
    /// Numbers that can be compared, in about two seconds each.
    pub(super) const THOROUGH: Self = Self { budget: Duration::from_secs(2) };
    /// Each work is done once or twice, only to see that it can be done.
    pub(super) const QUICK: Self = Self { budget: Duration::ZERO };

    /// Whether work is only done once or twice.
    pub(super) fn is_quick(self) -> bool {
        self.budget.is_zero()
    }

    /// The shortest time of one call, in seconds: of many rounds of calls.
    pub(super) fn shortest<E>(self, mut work: impl FnMut() -> Result<(), E>) -> Result<f64, E> {
        let mut round = |calls: u32| {
            let began = Instant::now();
            for _ in 0..calls {
                work()?;
            }
            Ok(began.elapsed() / calls)
        };
        // What is done once is done; caches fill, and scripts are traced.
        let mut shortest: Duration = round(1)?.min(round(1)?);
        let calls = (ROUND.as_nanos() / shortest.as_nanos().max(1)).clamp(1, 1 << 20) as u32;
        let deadline = Instant::now() + self.budget;
        while Instant::now() < deadline {
            shortest = shortest.min(round(calls)?);
        }
        Ok(shortest.as_secs_f64())
    }

    /// The shortest time of each of these cases, in seconds, gone through in turn again and again.
    pub(super) fn each<E>(self, cases: usize, mut work: impl FnMut(usize) -> Result<Duration, E>) -> Result<Spread, E> {
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
        let seconds = |at: usize| shortest.get(at).map_or(f64::NAN, Duration::as_secs_f64);
        Ok(Spread { median: seconds(cases / 2), worst: seconds(cases.saturating_sub(1)) })
    }
}

/// The time of work, without that of letting its result go.
pub(super) fn timed<T, E>(work: impl FnOnce() -> Result<T, E>) -> Result<Duration, E> {
    let began = Instant::now();
    let done = black_box(work()?);
    let took = began.elapsed();
    drop(done);
    Ok(took)
}

/// Times of several cases of one kind, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) worst: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;

    #[test]
    fn cases_are_told_apart_by_their_shortest_times() {
        let mut calls = 0;
        let spread = Timing::QUICK.each(3, |case| {
            calls += 1;
            Ok::<_, Infallible>(Duration::from_secs(1 + case as u64))
        });
        let Ok(Spread { median, worst }) = spread;
        assert_eq!((calls, median, worst), (3, 2.0, 3.0));
    }

    #[test]
    fn an_error_ends_the_measurement() {
        let mut calls = 0;
        let failed = Timing::THOROUGH.shortest(|| {
            calls += 1;
            if calls == 3 { Err("no more") } else { Ok(()) }
        });
        assert_eq!((failed, calls), (Err("no more"), 3));
    }
}
