//! How many threads train, found out by trying.
//!
//! A second thread halves the time of a large network while its processor is free, and makes everything wait while
//! it is not. Nobody can know that but by measuring: now and then a burst of steps is given to the other number of
//! threads, and the faster one goes on. The results are the same bits in any case. It reads no clock.

use std::time::Duration;

/// Chooses the number of threads for each burst of steps.
#[derive(Debug, Clone)]
pub struct Pace {
    most: usize,
    /// Whether the bursts between trials use all threads.
    uses_all: bool,
    is_trial: bool,
    /// Seconds a step in the last burst before the trial.
    usual: Option<f64>,
    /// Bursts until the next trial, and between trials.
    left: u32,
    between: u32,
}

impl Pace {
    /// Bursts between trials at first, and after many trials that did not help.
    const OFTEN: u32 = 8;
    const SELDOM: u32 = 256;
    /// A trial has to be faster by this factor, so that noise does not change anything.
    const GAIN: f64 = 0.95;

    /// One thread or as many as there are processors.
    pub fn new(most: usize) -> Self {
        Self { most, uses_all: false, is_trial: false, usual: None, left: 1, between: Self::OFTEN }
    }

    /// Threads for the next burst.
    pub fn threads(&self) -> usize {
        if self.uses_all == self.is_trial { 1 } else { self.most }
    }

    /// How long the next burst should be: a trial costs little when it goes wrong.
    pub fn burst(&self, usual: Duration) -> Duration {
        if self.is_trial { usual / 4 } else { usual }
    }

    /// A burst of so many steps is over.
    pub fn took(&mut self, steps: u64, time: Duration) {
        if self.most < 2 || steps == 0 {
            return;
        }
        let each = time.as_secs_f64() / steps as f64;
        if self.is_trial {
            self.is_trial = false;
            if self.usual.is_some_and(|usual| each < Self::GAIN * usual) {
                self.uses_all = !self.uses_all;
                self.between = Self::OFTEN;
            } else {
                self.between = (2 * self.between).min(Self::SELDOM);
            }
            self.left = self.between;
            return;
        }
        self.usual = Some(each);
        self.left = self.left.saturating_sub(1);
        self.is_trial = self.left == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::Pace;
    use std::time::Duration;

    /// Trains many bursts on a machine where a step of so many threads takes so long; answers the seconds a step.
    fn trained(pace: &mut Pace, bursts: usize, micros: impl Fn(usize) -> f64) -> f64 {
        let (mut time, mut steps) = (0.0, 0);
        for _ in 0..bursts {
            let burst = pace.burst(Duration::from_millis(10));
            let each = micros(pace.threads()) * 1e-6;
            let count = (burst.as_secs_f64() / each).ceil().max(1.0) as u64;
            pace.took(count, Duration::from_secs_f64(each * count as f64));
            time += each * count as f64;
            steps += count;
        }
        time / steps as f64 * 1e6
    }

    #[test]
    fn threads_that_pay_are_used() {
        let mut pace = Pace::new(2);
        assert_eq!(pace.threads(), 1);
        let each = trained(&mut pace, 200, |threads| if threads == 2 { 200.0 } else { 330.0 });
        assert!(each < 215.0, "{each}");
        assert_eq!(pace.threads(), 2);
    }

    #[test]
    fn threads_that_do_not_pay_cost_next_to_nothing() {
        let mut pace = Pace::new(2);
        let each = trained(&mut pace, 1_000, |threads| if threads == 2 { 3_000.0 } else { 330.0 });
        assert!(each < 1.01 * 330.0, "{each}");
    }

    #[test]
    fn a_processor_that_becomes_busy_is_noticed() {
        let mut pace = Pace::new(2);
        trained(&mut pace, 100, |threads| if threads == 2 { 200.0 } else { 330.0 });
        assert_eq!(pace.threads(), 2);
        let each = trained(&mut pace, 1_000, |threads| if threads == 2 { 900.0 } else { 330.0 });
        assert!(each < 1.4 * 330.0, "{each}");
        assert_eq!(pace.threads(), 1);
    }

    #[test]
    fn one_processor_means_one_thread() {
        let mut pace = Pace::new(1);
        trained(&mut pace, 50, |_| 330.0);
        assert_eq!(pace.threads(), 1);
    }
}
