//! The connection between a session and its backend, which runs on another thread or on this one.
//!
//! Neither side blocks on the other: commands are queued, and the session fetches snapshots once a frame.

use super::Backend;
use crate::clock::Deadline;
use crate::protocol::{BackendCommand, Snapshot};
use std::collections::VecDeque;
use std::time::Duration;

/// The time per frame for a backend on the thread of the session.
const FRAME_BUDGET: Duration = Duration::from_millis(8);

/// The error of a backend that has ended because of a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendStopped;

/// A table that a backend reads at the moment.
#[derive(Debug, Clone, PartialEq)]
pub struct TableReading {
    /// The path of the table, as the lesson gives it.
    pub path: String,
    /// The part that is read, 0 to 1.
    pub part: f64,
}

/// A connection to a backend.
pub trait BackendLink {
    /// Queues a command and returns its serial number, from 1. It is executed once [`Snapshot::handled`] reaches that
    /// number.
    fn send(&mut self, command: BackendCommand) -> u64;

    /// The serial number of the last command; 0 before the first.
    fn sent(&self) -> u64;

    /// Runs a backend on this thread for a part of a frame. For a backend on another thread it does nothing.
    fn work(&mut self) {}

    /// Whether a backend on this thread has something left to do in [`work`](Self::work).
    fn has_work(&self) -> bool {
        false
    }

    /// The table that a backend on another thread reads at the moment, if that takes long enough to be shown.
    fn reading(&self) -> Option<TableReading> {
        None
    }

    /// The next snapshot in the queue.
    ///
    /// # Errors
    ///
    /// [`BackendStopped`] when the backend has ended and the queue is empty.
    fn try_receive(&mut self) -> Result<Option<Snapshot>, BackendStopped>;

    /// Waits until all commands are executed and no training or computation is in progress, and returns the snapshot
    /// of that moment; `None` when the deadline passes first or the backend has ended.
    fn run_until_idle(&mut self, deadline: Deadline) -> Option<Snapshot>;
}

/// Whether a snapshot reflects all `sent` commands, with no training or computation in progress.
pub fn is_idle(snapshot: &Snapshot, sent: u64) -> bool {
    snapshot.handled >= sent && !snapshot.training && !snapshot.computing_plots
}

/// A backend on the thread of its session, for web pages, films and tests.
pub struct InlineBackend {
    backend: Backend,
    commands: Vec<BackendCommand>,
    snapshots: VecDeque<Snapshot>,
    sent: u64,
}

impl InlineBackend {
    /// Connects to a backend that has not executed a command yet.
    pub fn new(backend: Backend) -> Self {
        Self { backend, commands: Vec::new(), snapshots: VecDeque::new(), sent: 0 }
    }

    fn turn(&mut self) {
        let unread = !self.snapshots.is_empty();
        let snapshot = self.backend.turn(self.commands.drain(..), unread);
        self.snapshots.extend(snapshot);
    }
}

impl BackendLink for InlineBackend {
    fn send(&mut self, command: BackendCommand) -> u64 {
        self.commands.push(command);
        self.sent += 1;
        self.sent
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn work(&mut self) {
        let deadline = self.backend.clock().deadline(FRAME_BUDGET);
        while self.has_work() && !deadline.has_passed() {
            self.turn();
        }
    }

    fn has_work(&self) -> bool {
        !self.commands.is_empty() || self.backend.is_busy()
    }

    fn try_receive(&mut self) -> Result<Option<Snapshot>, BackendStopped> {
        Ok(self.snapshots.pop_front())
    }

    fn run_until_idle(&mut self, deadline: Deadline) -> Option<Snapshot> {
        loop {
            self.turn();
            let last = self.snapshots.drain(..).next_back();
            if let Some(snapshot) = last.filter(|snapshot| is_idle(snapshot, self.sent)) {
                return Some(snapshot);
            }
            if deadline.has_passed() {
                return None;
            }
        }
    }
}
