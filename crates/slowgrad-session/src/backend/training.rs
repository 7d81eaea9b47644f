//! Training in bursts, between which the worker listens: how long, with how many threads, and what waits for it.

use super::Backend;
use slowgrad_engine::run::Run;
use std::time::Duration;

/// Steps of training between two looks at the clock.
const MOST_STEPS: u32 = 64;

impl Backend {
    /// Whether there is training to do.
    pub(crate) fn is_training(&self) -> bool {
        self.opened.is_some() && (self.full_speed || self.train_left > 0 || self.replay.is_some())
    }

    /// Trains for a while.
    pub(crate) fn burst(&mut self, length: Duration) {
        let length = self.pace.burst(length);
        let began = self.clock.now();
        let (deadline, mut trained, mut is_alone) = (self.clock.deadline(length), 0, true);
        // Looking at the clock takes as long as a part of a small step.
        let mut steps = 1;
        while !deadline.has_passed() && self.is_training() {
            if self.replay.is_some() {
                self.replay();
                is_alone = false;
                continue;
            }
            // The run waits for the one that goes along.
            if !self.keep_up(deadline.left()) {
                is_alone = false;
                break;
            }
            let looked = self.clock.now();
            if self.rival.is_some() {
                (steps, is_alone) = (1, false);
            }
            for _ in 0..steps {
                self.take_pending();
                let Some(opened) = self.opened.as_mut().filter(|_| self.full_speed || self.train_left > 0) else {
                    break;
                };
                opened.run.set_threads(self.pace.threads());
                match opened.run.advance() {
                    Ok(objective) => {
                        self.train_left = self.train_left.saturating_sub(1);
                        trained += 1;
                        self.trained(objective.loss);
                    }
                    Err(problem) => self.get_stuck(*problem),
                }
            }
            steps = if self.clock.now() - looked < length / 16 { (2 * steps).min(MOST_STEPS) } else { 1 };
        }
        if is_alone {
            self.pace.took(trained, self.clock.now() - began);
        }
        self.keep_up(length);
        self.stale = true;
    }

    /// Whether plots are still being computed, or the run that goes along catches up.
    pub(crate) fn is_drafting(&self) -> bool {
        let Some(opened) = &self.opened else { return false };
        let rival = self.rival.as_ref().map(|rival| &rival.run);
        let is_behind = rival.is_some_and(|rival| rival.step() != opened.run.step());
        let runs: Vec<&Run> = [Some(&opened.run), rival].into_iter().flatten().collect();
        is_behind || self.drafts.is_drafting(&runs, self.is_training())
    }

    /// Computes plots for a while.
    pub(crate) fn draft(&mut self, length: Duration) {
        let hurry = self.is_training();
        if !self.keep_up(length) {
            return;
        }
        let Some(opened) = &mut self.opened else { return };
        let rival = self.rival.as_mut().map(|rival| &mut rival.run);
        let mut runs: Vec<&mut Run> = [Some(&mut opened.run), rival].into_iter().flatten().collect();
        self.drafts.go_on(&mut runs, hurry, self.clock.deadline(length));
        // What scripts print for a picture is nobody's business.
        drop(self.sandbox.console());
    }

    /// Trains so many more steps, burst by burst.
    pub(crate) fn train(&mut self, steps: u64) {
        self.train_left = self.train_left.saturating_add(steps);
    }

    pub(crate) fn stop_training(&mut self) {
        self.forget_until();
        self.full_speed = false;
        self.train_left = 0;
    }
}
