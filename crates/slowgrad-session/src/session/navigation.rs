//! Movement of the playhead to steps, events and bookmarks, and the range to repeat.
//!
//! It must not know how steps are computed.

use super::Session;
use super::step_request::StepPosition;
use crate::file::Bookmark;
use slowgrad_timeline::explain::words;
use slowgrad_timeline::playback::playhead::{self, NeededStep};
use slowgrad_timeline::scene::Target;
use std::ops::Range;

impl Session {
    /// Goes to the start of a step, from 1.
    pub fn go_to_step(&mut self, step: u64) {
        self.take_over(&playhead::Command::Pause);
        self.seek_step(step, NeededStep::Next);
    }

    /// Goes to an event of a step.
    pub fn go_to(&mut self, step: u64, event: usize) {
        self.go_to_position(step, StepPosition::Event(event));
    }

    /// Goes to a fraction of a step, from 0 to 1.
    pub fn go_to_fraction(&mut self, step: u64, fraction: f64) {
        self.go_to_position(step, StepPosition::Fraction(fraction));
    }

    fn go_to_position(&mut self, step: u64, position: StepPosition) {
        let shown = self.now().filter(|(timeline, _)| timeline.step().step == step && !self.is_waiting_for_step());
        if let Some(event) = shown.and_then(|(timeline, _)| position.event(timeline)) {
            return self.take_over(&playhead::Command::Seek(event));
        }
        // A drag within a step that is already requested does not request it again.
        if !self.is_waiting_for_step() || self.request.step() != step {
            self.go_to_step(step);
        }
        self.request.set_position(position);
    }

    /// Goes to the update of a parameter in the previous step: to its end, where the present value was computed, or to the
    /// event that computed a field of its optimizer state.
    pub fn go_to_update_before(&mut self, target: Target, field: Option<usize>) {
        let Some((timeline, _)) = self.now() else { return };
        let step = timeline.step().step;
        if step > 1 {
            self.view.selected = Some(target);
            self.go_to_step(step - 1);
            self.request.set_position(StepPosition::Update(target, field));
        }
    }

    /// Changes the repetition: off, the whole step, the chosen range.
    pub(super) fn cycle_loop(&mut self) {
        let mode = self.playhead.as_ref().map(|playhead| playhead.repeat().clone()).unwrap_or_default();
        self.command_playhead(&playhead::Command::Loop(self.playback.next_loop(&mode)));
    }

    /// Repeats a range of events.
    pub fn select_range(&mut self, range: Range<usize>) {
        self.playback.set_loop_range(Some(range.clone()));
        self.command_playhead(&playhead::Command::Loop(playhead::Loop::Range(range)));
    }

    /// Moves the start or the end of the repeated range to the playhead.
    pub(super) fn move_loop_range(&mut self, start: bool) {
        let Some((timeline, playhead)) = self.now() else { return };
        let range = self.playback.moved_loop_range(start, &playhead.unit(), timeline.len());
        self.select_range(range);
    }

    /// The step and event at the playhead.
    fn position(&self) -> Option<(u64, usize)> {
        self.now().map(|(timeline, playhead)| (timeline.step().step, playhead.event()))
    }

    /// The number of the bookmark at the playhead.
    pub fn bookmark_here(&self) -> Option<usize> {
        self.bookmarks.position(self.position()?)
    }

    /// Adds a bookmark at the playhead, or removes the existing one.
    pub(super) fn toggle_bookmark(&mut self) {
        match self.bookmark_here() {
            Some(nth) => self.remove_bookmark(nth),
            None => drop(self.add_bookmark()),
        }
    }

    /// Adds a bookmark at the playhead unless one exists; returns its number.
    pub fn add_bookmark(&mut self) -> Option<usize> {
        if let Some(nth) = self.bookmark_here() {
            return Some(nth);
        }
        let (timeline, playhead) = self.now()?;
        let name = words::title(timeline, &timeline.address(playhead.event()));
        let (step, event) = self.position()?;
        self.notice(format!("bookmark: {name}"));
        Some(self.bookmarks.insert(Bookmark { name, step, event }))
    }

    /// Removes a bookmark by number.
    pub fn remove_bookmark(&mut self, nth: usize) {
        if let Some(removed) = self.bookmarks.remove(nth) {
            self.notice(format!("bookmark removed: {}", removed.name));
        }
    }

    /// Goes to the next bookmark, or to the previous one.
    pub(super) fn go_to_bookmark(&mut self, forward: bool) {
        let Some(position) = self.position() else { return };
        match self.bookmarks.neighbour(position, forward) {
            Some((step, event)) => self.go_to(step, event),
            None if self.bookmarks.is_empty() => self.notice("no bookmarks yet"),
            None => self.notice(if forward { "no later bookmark" } else { "no earlier bookmark" }),
        }
    }
}
