//! The number of training threads, tuned by measurement.
//!
//! A second thread halves the time of a large network while a processor is free, and slows training down while none is.
//! Only a measurement can tell: at intervals one slice of steps runs with the other number of threads, and training
//! continues with the faster one. The results are bit-identical either way. It must not read a clock.

use std::time::Duration;

/// Chooses the number of threads for each slice of training steps.
#[derive(Debug, Clone)]
pub struct ThreadTuner {
    max_threads: usize,
    /// Whether slices between trials use all threads.
    uses_all: bool,
    trial: bool,
    /// The seconds per step in the last slice before the trial.
    secs_per_step: Option<f64>,
    /// The number of slices until the next trial.
    until_trial: u32,
    /// The number of slices between trials.
    interval: u32,
}

impl ThreadTuner {
    /// The number of slices between trials at first.
    const MIN_TRIAL_INTERVAL: u32 = 8;
    /// The number of slices between trials after many trials without a gain.
    const MAX_TRIAL_INTERVAL: u32 = 256;
    /// A trial wins if its time per step is below this fraction, so that noise causes no change.
    const GAIN: f64 = 0.95;

    /// Chooses between one thread and `max_threads`.
    pub fn new(max_threads: usize) -> Self {
        let interval = Self::MIN_TRIAL_INTERVAL;
        Self { max_threads, uses_all: false, trial: false, secs_per_step: None, until_trial: 1, interval }
    }

    /// The number of threads for the next slice.
    pub fn threads(&self) -> usize {
        if self.uses_all == self.trial { 1 } else { self.max_threads }
    }

    /// The length of the next slice; a trial is short, since it may be slow.
    pub fn slice(&self, usual: Duration) -> Duration {
        if self.trial { usual / 4 } else { usual }
    }

    /// Records the number of steps of a slice and the time that they took.
    pub fn record(&mut self, steps: u64, time: Duration) {
        if self.max_threads < 2 || steps == 0 {
            return;
        }
        let each = time.as_secs_f64() / steps as f64;
        if self.trial {
            self.trial = false;
            if self.secs_per_step.is_some_and(|usual| each < Self::GAIN * usual) {
                self.uses_all = !self.uses_all;
                self.interval = Self::MIN_TRIAL_INTERVAL;
            } else {
                self.interval = (2 * self.interval).min(Self::MAX_TRIAL_INTERVAL);
            }
            self.until_trial = self.interval;
            return;
        }
        self.secs_per_step = Some(each);
        self.until_trial = self.until_trial.saturating_sub(1);
        self.trial = self.until_trial == 0;
    }
}

#[cfg(test)]
mod tests {
    use super::ThreadTuner;
    use std::time::Duration;

    /// Simulates slices on a machine where `micros` is the time per step by number of threads; returns microseconds per
    /// step.
    fn trained(tuner: &mut ThreadTuner, slices: usize, micros: impl Fn(usize) -> f64) -> f64 {
        let (mut time, mut steps) = (0.0, 0);
        for _ in 0..slices {
            let slice = tuner.slice(Duration::from_millis(10));
            let each = micros(tuner.threads()) * 1e-6;
            let count = (slice.as_secs_f64() / each).ceil().max(1.0) as u64;
            tuner.record(count, Duration::from_secs_f64(each * count as f64));
            time += each * count as f64;
            steps += count;
        }
        time / steps as f64 * 1e6
    }

    #[test]
    fn faster_threads_are_used() {
        let mut tuner = ThreadTuner::new(2);
        assert_eq!(tuner.threads(), 1);
        let each = trained(&mut tuner, 200, |threads| if threads == 2 { 200.0 } else { 330.0 });
        assert!(each < 215.0, "{each}");
        assert_eq!(tuner.threads(), 2);
    }

    #[test]
    fn slower_threads_cost_little() {
        let mut tuner = ThreadTuner::new(2);
        let each = trained(&mut tuner, 1_000, |threads| if threads == 2 { 3_000.0 } else { 330.0 });
        assert!(each < 1.01 * 330.0, "{each}");
    }

    #[test]
    fn a_processor_that_becomes_busy_is_detected() {
        let mut tuner = ThreadTuner::new(2);
        trained(&mut tuner, 100, |threads| if threads == 2 { 200.0 } else { 330.0 });
        assert_eq!(tuner.threads(), 2);
        let each = trained(&mut tuner, 1_000, |threads| if threads == 2 { 900.0 } else { 330.0 });
        assert!(each < 1.4 * 330.0, "{each}");
        assert_eq!(tuner.threads(), 1);
    }

    #[test]
    fn one_processor_means_one_thread() {
        let mut tuner = ThreadTuner::new(1);
        trained(&mut tuner, 50, |_| 330.0);
        assert_eq!(tuner.threads(), 1);
    }
}
