//! Files that change while a lesson runs: the new version takes over at a step's boundary, and a broken
//! one changes nothing.
//!
//! It must not know where files come from; they are handed in as bytes.

use super::desk::{Desk, has_ending};
use super::message::LessonInfo;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::LessonSpec;
use std::sync::Arc;

/// A set-up that waits for the end of the present step.
pub(super) struct Pending {
    setup: Setup,
    spec: LessonSpec,
}

impl Desk {
    /// Takes in another version of a file.
    pub(super) fn reload(&mut self, root: &str, path: &str, bytes: Option<Vec<u8>>, at_once: bool) {
        let is_gone = bytes.is_none();
        let is_used = self.sandbox.files().iter().any(|used| used == path);
        self.sandbox.replace(root, path, bytes.map(Arc::from));
        self.list();
        let is_lesson = path == self.path;
        if self.opened.is_none() {
            let lesson = self.path.clone();
            self.open(&lesson);
        } else if is_lesson && is_gone {
            self.messages.push(format!("{path} is gone; the last version goes on"));
        } else if is_lesson {
            self.reload_lesson(path, at_once);
        } else if is_used || !self.problems.is_empty() {
            let is_weights = is_used && (has_ending(path, "json") || has_ending(path, "safetensors"));
            if is_weights { self.reload_lesson(path, at_once) } else { self.reload_plugin(path, at_once) }
        }
    }

    fn reload_plugin(&mut self, path: &str, at_once: bool) {
        let Some(opened) = &self.opened else { return };
        let spec = opened.spec.clone();
        match self.sandbox.assemble(&spec) {
            Ok(setup) => {
                self.problems.clear();
                self.exchange(setup, spec, path, at_once);
            }
            Err(problems) => self.problems = problems,
        }
    }

    fn reload_lesson(&mut self, changed: &str, at_once: bool) {
        let path = self.path.clone();
        let lesson = match self.sandbox.open(&path) {
            Ok(lesson) => lesson,
            Err(problems) => {
                self.problems = problems;
                return;
            }
        };
        self.problems.clear();
        let Some(opened) = &mut self.opened else { return self.begin(lesson) };
        let is_same_run = same_run(&opened.asked, &lesson.spec) && changed == path;
        if !is_same_run {
            self.messages.push(format!("{changed} was saved: the run starts anew"));
            self.reloaded = true;
            return self.begin(lesson);
        }
        // What was changed by hand stays unless the file itself changed that part.
        let is_same_spec = opened.asked == lesson.spec;
        let spec = if is_same_spec { opened.spec.clone() } else { lesson.spec.clone() };
        opened.asked = lesson.spec;
        opened.warnings = lesson.warnings;
        if opened.info.cues != lesson.cues || opened.info.title != spec.title {
            self.edition += 1;
            opened.info = Arc::new(LessonInfo {
                title: spec.title.clone(),
                cues: lesson.cues,
                edition: self.edition,
                ..(*opened.info).clone()
            });
        }
        match self.sandbox.assemble(&spec) {
            Ok(setup) => self.exchange(setup, spec, changed, at_once),
            Err(problems) => self.problems = problems,
        }
    }

    fn exchange(&mut self, setup: Setup, spec: LessonSpec, path: &str, at_once: bool) {
        self.reloaded = true;
        if at_once || self.is_broken() || self.is_training() {
            self.pending = None;
            self.adopt(setup, spec);
            if self.problems.is_empty() {
                self.messages.push(format!("{path} was saved and runs"));
            }
        } else {
            self.pending = Some(Pending { setup, spec });
            self.messages.push(format!("{path} was saved and runs from the next step on"));
        }
    }

    /// The present step is over: what waits takes over.
    pub(super) fn take_pending(&mut self) {
        if let Some(Pending { setup, spec }) = self.pending.take() {
            self.adopt(setup, spec);
        }
    }
}

/// Whether a run of one description can go on with the other.
fn same_run(a: &LessonSpec, b: &LessonSpec) -> bool {
    let sizes = |spec: &LessonSpec| spec.layers.iter().map(|layer| layer.size).collect::<Vec<_>>();
    a.inputs == b.inputs
        && sizes(a) == sizes(b)
        && a.data == b.data
        && a.count == b.count
        && a.noise.to_bits() == b.noise.to_bits()
        && a.test_fraction.to_bits() == b.test_fraction.to_bits()
        && a.seed == b.seed
        && a.weights == b.weights
        && a.initializer == b.initializer
}
