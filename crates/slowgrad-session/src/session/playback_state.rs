//! Playback settings that outlive a playhead: the range to repeat, and playback after full speed.
//!
//! It must not know the backend.

use slowgrad_timeline::playback::playhead::Loop;
use std::ops::Range;

/// The playback settings of a session.
#[derive(Debug, Default)]
pub(super) struct PlaybackState {
    /// The events of a step that were chosen for repetition, even while they are not repeated.
    loop_range: Option<Range<usize>>,
    /// Whether the animation resumes when training at full speed ends.
    resumes: bool,
}

impl PlaybackState {
    /// The mode after this one: off, the whole step, the chosen range.
    pub(super) fn next_loop(&self, mode: &Loop) -> Loop {
        match (mode, &self.loop_range) {
            (Loop::Off, _) => Loop::Step,
            (Loop::Step, Some(range)) => Loop::Range(range.clone()),
            (Loop::Step, None) | (Loop::Range(_), _) => Loop::Off,
        }
    }

    /// Chooses a range, or none.
    pub(super) fn set_loop_range(&mut self, range: Option<Range<usize>>) {
        self.loop_range = range;
    }

    /// The chosen range with its start or its end moved to this unit, in a step with `len` events.
    pub(super) fn moved_loop_range(&self, start: bool, unit: &Range<usize>, len: usize) -> Range<usize> {
        let chosen = self.loop_range.clone().unwrap_or(0..len);
        if start {
            unit.start..if chosen.end > unit.start { chosen.end } else { len }
        } else {
            (if chosen.start < unit.end { chosen.start } else { 0 })..unit.end
        }
    }

    /// Whether the animation resumes when training at full speed ends.
    pub(super) fn resumes(&self) -> bool {
        self.resumes
    }

    /// Sets whether the animation resumes when training at full speed ends.
    pub(super) fn set_resumes(&mut self, resumes: bool) {
        self.resumes = resumes;
    }
}
