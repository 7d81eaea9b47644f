//! The connection between a session and its backend, which runs on another thread or on this one.
//!
//! Neither side waits for the other: commands are queued, snapshots are fetched once a frame.

use super::Backend;
use crate::clock::Deadline;
use crate::protocol::{Command, Snapshot};
use std::collections::VecDeque;
use std::time::Duration;

/// The time that a backend on the frame's own thread may take of each frame.
const FRAME_BUDGET: Duration = Duration::from_millis(8);

/// The backend has ended, because of a bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackendStopped;

/// A connection to a backend.
pub trait Link {
    /// Queues a command and returns its serial number, from 1. It has been executed once [`Snapshot::handled`] is as large.
    fn send(&mut self, command: Command) -> u64;

    /// The serial number of the last command; 0 before the first.
    fn sent(&self) -> u64;

    /// Lets a backend on this thread work for a part of a frame. A backend on another thread needs no such call.
    fn work(&mut self) {}

    /// The next snapshot that has arrived.
    ///
    /// # Errors
    ///
    /// [`BackendStopped`] once there will be no more snapshots.
    fn try_receive(&mut self) -> Result<Option<Snapshot>, BackendStopped>;

    /// Waits until all commands have been executed and nothing is being trained or computed, and returns the snapshot
    /// of that moment; `None` when the deadline passes first or the backend has ended.
    fn run_until_idle(&mut self, deadline: Deadline) -> Option<Snapshot>;
}

/// Whether a snapshot reflects all `sent` commands, and nothing is being trained or computed.
pub fn is_idle(snapshot: &Snapshot, sent: u64) -> bool {
    snapshot.handled >= sent && !snapshot.training && !snapshot.drafting
}

/// A backend that works on the thread of its session: for web pages, films and tests.
pub struct InlineBackend {
    backend: Backend,
    commands: Vec<Command>,
    snapshots: VecDeque<Snapshot>,
    sent: u64,
}

impl InlineBackend {
    /// Connects a backend that has executed no command yet.
    pub fn new(backend: Backend) -> Self {
        Self { backend, commands: Vec::new(), snapshots: VecDeque::new(), sent: 0 }
    }

    fn turn(&mut self) {
        let snapshot = self.backend.turn(self.commands.drain(..));
        self.snapshots.extend(snapshot);
    }
}

impl Link for InlineBackend {
    fn send(&mut self, command: Command) -> u64 {
        self.commands.push(command);
        self.sent += 1;
        self.sent
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn work(&mut self) {
        let deadline = self.backend.clock().deadline(FRAME_BUDGET);
        while (!self.commands.is_empty() || self.backend.is_busy()) && !deadline.has_passed() {
            self.turn();
        }
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
