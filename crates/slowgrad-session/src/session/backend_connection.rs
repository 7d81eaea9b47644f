//! The link to the backend, and the state that was last sent over it.
//!
//! It sends a setting only when that has changed. It must not know what a snapshot contains.

use crate::backend::link::{BackendLink, BackendStopped, TableReading};
use crate::clock::Deadline;
use crate::protocol::{BackendCommand, Snapshot};
use slowgrad_timeline::playback::cue::CueCondition;

/// A connection to a backend.
pub(super) struct BackendConnection {
    link: Box<dyn BackendLink>,
    full_speed: bool,
    highlight: Option<CueCondition>,
    evaluation: bool,
    /// Whether changes were sent since the last [`BackendCommand::Seal`].
    unsealed: bool,
}

impl BackendConnection {
    /// Connects over a link.
    pub(super) fn new(link: impl BackendLink + 'static) -> Self {
        Self { link: Box::new(link), full_speed: false, highlight: None, evaluation: false, unsealed: false }
    }

    /// Sends a command; returns its serial number.
    pub(super) fn send(&mut self, command: BackendCommand) -> u64 {
        self.unsealed |= matches!(command, BackendCommand::Change { .. });
        self.link.send(command)
    }

    /// Seals the changes since the last seal, if there are any.
    pub(super) fn seal(&mut self) {
        if std::mem::take(&mut self.unsealed) {
            self.send(BackendCommand::Seal);
        }
    }

    /// The number of commands sent.
    pub(super) fn sent(&self) -> u64 {
        self.link.sent()
    }

    /// Whether the backend trains at full speed by request of the viewer.
    pub(super) fn is_full_speed(&self) -> bool {
        self.full_speed
    }

    /// Starts or stops training at full speed.
    pub(super) fn set_full_speed(&mut self, full_speed: bool) {
        if self.full_speed != full_speed {
            self.full_speed = full_speed;
            self.send(BackendCommand::FullSpeed(full_speed));
        }
    }

    /// Highlights parameters by a condition of the lesson.
    pub(super) fn set_highlight(&mut self, highlight: Option<CueCondition>) {
        if self.highlight != highlight {
            self.highlight = highlight;
            self.send(BackendCommand::Highlight(highlight));
        }
    }

    /// Starts or ends the evaluation of the shown step over all data.
    pub(super) fn set_evaluation(&mut self, evaluation: bool) {
        if self.evaluation != evaluation {
            self.evaluation = evaluation;
            self.send(BackendCommand::Evaluate(evaluation));
        }
    }

    /// Records that the backend has dropped the highlight, because a new run started.
    pub(super) fn highlight_dropped(&mut self) {
        self.highlight = None;
    }

    /// Removes the highlight unconditionally, because conditions have other numbers now.
    pub(super) fn reset_highlight(&mut self) {
        self.highlight = None;
        self.send(BackendCommand::Highlight(None));
    }

    /// Runs a backend on this thread for a part of a frame.
    pub(super) fn work(&mut self) {
        self.link.work();
    }

    /// Whether a backend on this thread has something left to do.
    pub(super) fn has_work(&self) -> bool {
        self.link.has_work()
    }

    /// The table that the backend reads at the moment.
    pub(super) fn reading(&self) -> Option<TableReading> {
        self.link.reading()
    }

    /// The next snapshot in the queue.
    ///
    /// # Errors
    ///
    /// [`BackendStopped`] when the backend has ended and the queue is empty.
    pub(super) fn try_receive(&mut self) -> Result<Option<Snapshot>, BackendStopped> {
        self.link.try_receive()
    }

    /// Waits until the backend is idle; `None` when the deadline passes first.
    pub(super) fn run_until_idle(&mut self, deadline: Deadline) -> Option<Snapshot> {
        self.link.run_until_idle(deadline)
    }
}
