//! The training thread. It owns the backend with the scripts and the run, so that no script can block a frame.
//!
//! It must not know the window, which it wakes through a closure.

use crate::machine::{SCRIPT_STACK_BYTES, machine};
use slowgrad_script::{Library, Limits};
use slowgrad_session::{Backend, BackendCommand, BackendLink, BackendStopped, Deadline, Snapshot, is_idle};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;

/// The link to the worker thread.
#[derive(Debug)]
pub(crate) struct WorkerThread {
    commands: Sender<BackendCommand>,
    snapshots: Receiver<Snapshot>,
    sent: u64,
}

impl WorkerThread {
    /// Starts the thread with its first command, which opens a lesson. The thread calls `wake` after every snapshot.
    ///
    /// # Errors
    ///
    /// When the system cannot start a thread.
    pub(crate) fn start(
        library: Library,
        limits: Limits,
        first: BackendCommand,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        Self::with_backend(move || Backend::new(library, limits, machine()), first, wake)
    }

    fn with_backend(
        backend: impl FnOnce() -> Backend + Send + 'static,
        first: BackendCommand,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let (commands, queue) = channel();
        let (results, snapshots) = channel();
        let thread = thread::Builder::new().name("slowgrad-worker".into()).stack_size(SCRIPT_STACK_BYTES);
        thread.spawn(move || {
            let work = AssertUnwindSafe(|| work(backend(), &queue, &results, &wake));
            // After a panic the channel closes, which tells the session that the backend has stopped.
            let _ = catch_unwind(work);
            drop(results);
            wake();
        })?;
        let mut worker = Self { commands, snapshots, sent: 0 };
        worker.send(first);
        Ok(worker)
    }
}

impl BackendLink for WorkerThread {
    fn send(&mut self, command: BackendCommand) -> u64 {
        // If the thread has ended, `try_receive` reports it.
        let _ = self.commands.send(command);
        self.sent += 1;
        self.sent
    }

    fn sent(&self) -> u64 {
        self.sent
    }

    fn try_receive(&mut self) -> Result<Option<Snapshot>, BackendStopped> {
        match self.snapshots.try_recv() {
            Ok(snapshot) => Ok(Some(snapshot)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(BackendStopped),
        }
    }

    fn run_until_idle(&mut self, deadline: Deadline) -> Option<Snapshot> {
        loop {
            let snapshot = self.snapshots.recv_timeout(deadline.left()).ok()?;
            if is_idle(&snapshot, self.sent) {
                return Some(snapshot);
            }
        }
    }
}

/// Executes commands until the link is dropped.
fn work(mut backend: Backend, commands: &Receiver<BackendCommand>, snapshots: &Sender<Snapshot>, wake: &dyn Fn()) {
    loop {
        let first = if backend.is_busy() {
            None
        } else {
            let Ok(command) = commands.recv() else { return };
            Some(command)
        };
        if let Some(snapshot) = backend.turn(first.into_iter().chain(commands.try_iter())) {
            if snapshots.send(snapshot).is_err() {
                return;
            }
            wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::clock;
    use slowgrad_session::shipped;
    use std::time::Duration;

    #[test]
    fn panic_in_backend_is_reported_as_stopped() {
        let (woken, wakes) = channel();
        let wake = move || {
            let _ = woken.send(());
        };
        let mut worker =
            WorkerThread::with_backend(|| panic!("a bug"), BackendCommand::Seek(1), wake).expect("start a thread");
        wakes.recv_timeout(Duration::from_mins(1)).expect("a wake-up when the thread ends");
        assert_eq!(worker.try_receive().err(), Some(BackendStopped));
        assert!(worker.run_until_idle(clock().deadline(Duration::from_mins(1))).is_none());
    }

    #[test]
    fn lesson_opens_on_thread() {
        let library = Library { roots: vec![shipped::shipped()] };
        let first = BackendCommand::Open("lessons/welcome.rhai".into());
        let mut worker = WorkerThread::start(library, Limits::default(), first, || {}).expect("start a thread");
        let snapshot = worker.run_until_idle(clock().deadline(Duration::from_mins(1))).expect("a snapshot");
        assert_eq!((snapshot.handled, snapshot.problems.len()), (1, 0));
        assert!(snapshot.timeline.is_some());
    }
}
