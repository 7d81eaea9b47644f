//! The thread that trains: it owns the backend with its scripts and its run, so that no script can stop a frame.
//!
//! It must not know the window: a closure wakes that.

use slowgrad_script::{Library, Limits};
use slowgrad_session::{Backend, BackendStopped, Clock, Command, Deadline, Link, Machine, Snapshot, is_idle};
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread;
use std::time::Instant;

/// Scripts may nest values deeply before a limit stops them, and the interpreter walks them recursively. Only the part
/// that is used takes memory.
pub(crate) const SCRIPT_STACK_BYTES: usize = 256 << 20;

/// The machine's monotonic clock.
pub(crate) fn clock() -> Clock {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Clock::new(|| START.elapsed())
}

/// This machine: its clock and its processors.
pub(crate) fn machine() -> Machine {
    Machine { clock: clock(), max_threads: thread::available_parallelism().map_or(1, NonZero::get) }
}

/// The window's end of the worker thread.
#[derive(Debug)]
pub(crate) struct WorkerThread {
    commands: Sender<Command>,
    snapshots: Receiver<Snapshot>,
    sent: u64,
}

impl WorkerThread {
    /// Starts the thread with its first command, which opens a lesson; scripts run within these limits. `wake` is called
    /// after every snapshot.
    ///
    /// # Errors
    ///
    /// When the system starts no thread.
    pub(crate) fn start(
        library: Library,
        limits: Limits,
        first: Command,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        Self::with_backend(move || Backend::new(library, limits, machine()), first, wake)
    }

    fn with_backend(
        backend: impl FnOnce() -> Backend + Send + 'static,
        first: Command,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let (commands, to_do) = channel();
        let (done, snapshots) = channel();
        let thread = thread::Builder::new().name("slowgrad-worker".into()).stack_size(SCRIPT_STACK_BYTES);
        thread.spawn(move || {
            let work = AssertUnwindSafe(|| work(backend(), &to_do, &done, &wake));
            // After a panic the channel closes, so that the session learns that there will be no more snapshots.
            let _ = catch_unwind(work);
            drop(done);
            wake();
        })?;
        let mut worker = Self { commands, snapshots, sent: 0 };
        worker.send(first);
        Ok(worker)
    }
}

impl Link for WorkerThread {
    fn send(&mut self, command: Command) -> u64 {
        // A thread that has ended is noticed when snapshots are received.
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

/// Executes commands until the window is gone.
fn work(mut backend: Backend, commands: &Receiver<Command>, snapshots: &Sender<Snapshot>, wake: &dyn Fn()) {
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
    use slowgrad_session::shipped;
    use std::time::Duration;

    #[test]
    fn a_panic_in_the_backend_is_reported_as_stopped() {
        let (woken, wakes) = channel();
        let wake = move || drop(woken.send(()));
        let mut worker =
            WorkerThread::with_backend(|| panic!("a bug"), Command::Seek(1), wake).expect("a thread starts");
        wakes.recv_timeout(Duration::from_mins(1)).expect("the thread wakes the window when it ends");
        assert_eq!(worker.try_receive().err(), Some(BackendStopped));
        assert!(worker.run_until_idle(clock().deadline(Duration::from_mins(1))).is_none());
    }

    #[test]
    fn a_lesson_opens_on_the_thread() {
        let library = Library { roots: vec![shipped::shipped()] };
        let first = Command::Open("lessons/welcome.rhai".into());
        let mut worker = WorkerThread::start(library, Limits::default(), first, || {}).expect("a thread starts");
        let snapshot = worker.run_until_idle(clock().deadline(Duration::from_mins(1))).expect("a snapshot");
        assert_eq!((snapshot.handled, snapshot.problems.len()), (1, 0));
        assert!(snapshot.timeline.is_some());
    }
}
