//! Files that change while a lesson runs: the new version takes over at a step's boundary, and a broken
//! one changes nothing.
//!
//! It must not know where files come from; they are handed in as bytes.

use super::slots::plugins;
use crate::backend::{Backend, Start, has_ending};
use crate::protocol::{LessonInfo, Slot, Texts};
use slowgrad_engine::spec::{LayerSpec, LessonSpec};
use slowgrad_script::Lesson;
use std::rc::Rc;
use std::sync::Arc;

/// Files were saved, and what is made from them waits for the end of a step.
pub(crate) struct Pending {
    /// The step after which it takes over.
    pub(crate) step: u64,
    /// What the lesson's file asks for by now.
    asked: Arc<LessonSpec>,
}

impl Backend {
    /// Takes in another version of a file.
    pub(crate) fn reload(&mut self, root: &str, path: &str, bytes: Option<Vec<u8>>, at_once: bool) {
        // The editor tells of what it saved at once, and the watcher a little later.
        if self.sandbox.file(path).is_some_and(|(from, known)| from == root && bytes.as_deref() == Some(&known[..])) {
            return;
        }
        let is_gone = bytes.is_none();
        let is_used = self.sandbox.files().iter().any(|used| used == path);
        self.replace(root, path, bytes.map(Arc::from));
        let is_lesson = path == self.path;
        if self.opened.is_none() {
            let lesson = self.path.clone();
            return self.open(&lesson);
        }
        if is_lesson && is_gone {
            self.messages.push(format!("{path} was deleted; the last version keeps running"));
        } else if is_used && (has_ending(path, "json") || has_ending(path, "safetensors")) {
            self.reload_lesson(path, at_once, true);
        } else if is_lesson || !self.problems.is_empty() {
            // A lesson that could not be used may have waited for this very file.
            self.reload_lesson(path, at_once, false);
        } else if is_used {
            let asked = self.asked_now();
            self.exchange(path, asked, at_once);
        }
    }

    fn reload_lesson(&mut self, changed: &str, at_once: bool, from_the_start: bool) {
        let Some(lesson) = self.read() else { return };
        let Some(opened) = &mut self.opened else { return self.begin(lesson) };
        if from_the_start || !same_run(opened.asked(), &lesson.spec) {
            self.messages.push(format!("{changed} was saved: the run restarts"));
            self.reloaded = true;
            self.history.clear();
            return self.begin(lesson);
        }
        let asked = Arc::new(self.perform_as(lesson));
        self.exchange(changed, asked, at_once);
    }

    /// What the lesson's file asks for by now, if the run can go on with that.
    fn asked_now(&mut self) -> Arc<LessonSpec> {
        let was = self.opened.as_ref().map(|opened| Arc::clone(opened.asked())).unwrap_or_default();
        let lesson = self.read().filter(|lesson| same_run(&was, &lesson.spec));
        lesson.map_or(was, |lesson| Arc::new(self.perform_as(lesson)))
    }

    /// The lesson performs what its file says; answers what the file asks for.
    fn perform_as(&mut self, lesson: Lesson) -> LessonSpec {
        let Lesson { spec, cues, conditions, warnings, .. } = lesson;
        if let Some(opened) = &mut self.opened {
            opened.warnings = warnings;
            opened.conditions = conditions;
            self.conditions.problem = None;
            if opened.info.cues != cues || opened.info.title != spec.title {
                self.edition += 1;
                opened.info = Arc::new(LessonInfo {
                    title: spec.title.clone(),
                    cues,
                    edition: self.edition,
                    ..(*opened.info).clone()
                });
            }
        }
        spec
    }

    /// What was made from files that have changed is made anew: for the next start, and for the run.
    fn exchange(&mut self, path: &str, asked: Arc<LessonSpec>, at_once: bool) {
        let is_start = self.renew_start(&asked);
        let uses = |slot: Slot| {
            let mut asked = (*asked).clone();
            let names = plugins(&mut asked, slot).into_iter().map(|plugin| plugin.name.clone()).collect::<Vec<_>>();
            names.iter().any(|name| self.sandbox.path_of(slot.kind(), name).is_some_and(|used| used == path))
        };
        if uses(Slot::Initializer) && path != self.path {
            if is_start {
                self.messages.push(format!("{path} was saved: the next Reset draws the weights with it"));
            }
            if !Slot::ALL.into_iter().any(|slot| slot != Slot::Initializer && uses(slot)) {
                return;
            }
        }
        let at_once = at_once || !self.is_shown() || self.is_training();
        if !self.await_step(asked, at_once) {
            return;
        }
        if at_once {
            if self.problems.is_empty() {
                self.messages.push(format!("{path} was saved and is in use"));
            }
        } else {
            self.run_problem = None;
            self.messages.push(format!("{path} was saved and is in use from the next step"));
        }
    }

    /// The next start is made from the files as they are; answers whether that can be done.
    fn renew_start(&mut self, asked: &Arc<LessonSpec>) -> bool {
        let Some((setup, values)) = self.beginning(asked) else { return false };
        let began_with = Arc::new(self.untold(&Texts::new(), &[]));
        if let Some(opened) = &mut self.opened {
            opened.start = Rc::new(Start { asked: Arc::clone(asked), setup, values, began_with });
        }
        true
    }

    /// What is made from the files as they are takes over at once or when the step that is shown is over; answers
    /// whether it can.
    fn await_step(&mut self, asked: Arc<LessonSpec>, at_once: bool) -> bool {
        let Some(opened) = &self.opened else { return false };
        let step = opened.run.step() + 1;
        let made = self.sandbox.assemble(&rebased(&opened.run.setup().spec, opened.asked(), &asked));
        if self.heed(made).is_none() {
            return false;
        }
        self.pending = Some(Pending { step, asked });
        self.reloaded = true;
        if at_once {
            self.adopt_pending();
        }
        true
    }

    /// What waits takes over when the step that it waits for is over.
    pub(crate) fn take_pending(&mut self) {
        let done = self.opened.as_ref().map_or(0, |opened| opened.run.step());
        if self.pending.as_ref().is_some_and(|pending| done >= pending.step) {
            self.adopt_pending();
        }
    }

    pub(crate) fn adopt_pending(&mut self) {
        let (Some(pending), Some(opened)) = (self.pending.take(), &mut self.opened) else { return };
        // What was changed by hand stays, even while this waited.
        let spec = rebased(&opened.run.setup().spec, opened.asked(), &pending.asked);
        let made = self.sandbox.assemble(&spec);
        // What could not be taken over is still asked for.
        if self.adopt(made)
            && let Some(opened) = &mut self.opened
        {
            let after = opened.run.step();
            let before = opened.asked.iter().filter(|(known, _)| *known < after).cloned();
            opened.asked = before.chain([(after, pending.asked)]).collect();
            self.note(after, None, false);
        }
    }

    /// The run goes on with the scripts as they are; answers whether it does.
    pub(crate) fn take_over(&mut self) -> bool {
        let asked = self.asked_now();
        self.renew_start(&asked);
        self.await_step(asked, true) && self.problems.is_empty()
    }

    /// A run that was made with other versions of its scripts goes on with those of now, at once or from the next step
    /// on; answers which have changed.
    pub(crate) fn catch_up(&mut self, at_once: bool) -> Vec<String> {
        let mut changed = self.changed_since();
        changed.retain(|path| self.goes_on_with(path));
        let Some(was) = self.opened.as_ref().map(|opened| Arc::clone(opened.asked())) else { return Vec::new() };
        if changed.is_empty() {
            return Vec::new();
        }
        // A lesson that has a problem now says so, and the version before goes on.
        if let Some(lesson) = self.read() {
            let asked = if same_run(&was, &lesson.spec) {
                Arc::new(self.perform_as(lesson))
            } else {
                changed.remove(&self.path);
                self.messages.push(format!("{} has changed since: Reset to start the current version", self.path));
                was
            };
            self.renew_start(&asked);
            if !changed.is_empty() {
                self.await_step(asked, at_once);
            }
        }
        changed.into_iter().collect()
    }
}

/// A description that goes along with its file: what the file itself changed, changes.
fn rebased(now: &LessonSpec, was: &LessonSpec, asked: &LessonSpec) -> LessonSpec {
    fn pick<T: Clone + PartialEq>(now: &T, was: &T, asked: &T) -> T {
        if was == asked { now.clone() } else { asked.clone() }
    }
    LessonSpec {
        title: asked.title.clone(),
        layers: layers(&now.layers, &was.layers, &asked.layers),
        loss: pick(&now.loss, &was.loss, &asked.loss),
        regularizer: pick(&now.regularizer, &was.regularizer, &asked.regularizer),
        optimizer: pick(&now.optimizer, &was.optimizer, &asked.optimizer),
        schedule: pick(&now.schedule, &was.schedule, &asked.schedule),
        batch: pick(&now.batch, &was.batch, &asked.batch),
        shuffle: pick(&now.shuffle, &was.shuffle, &asked.shuffle),
        ..now.clone()
    }
}

/// The layers of a run whose file changed: as many and as large as they are now, with the activations that the file
/// changed.
fn layers(now: &[LayerSpec], was: &[LayerSpec], asked: &[LayerSpec]) -> Vec<LayerSpec> {
    if was == asked {
        return now.to_vec();
    }
    let sizes = |layers: &[LayerSpec]| layers.iter().map(|layer| layer.size).collect::<Vec<_>>();
    if sizes(now) == sizes(asked) {
        // A layer that the file did not change keeps the activation that it was given by hand.
        let changed = |nth: usize| was.get(nth) != asked.get(nth);
        return (0..asked.len()).map(|nth| if changed(nth) { asked[nth].clone() } else { now[nth].clone() }).collect();
    }
    // Where layers came or went, hidden layers go by the first and the output by the last.
    let activation = |layers: &[LayerSpec], is_last: bool| {
        let layer = if is_last { layers.last() } else { layers.first() };
        layer.map(|layer| layer.activation.clone())
    };
    let mut layers = now.to_vec();
    let last = layers.len().saturating_sub(1);
    for (nth, layer) in layers.iter_mut().enumerate() {
        let (old, new) = (activation(was, nth == last), activation(asked, nth == last));
        if old != new
            && let Some(new) = new
        {
            layer.activation = new;
        }
    }
    layers
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
