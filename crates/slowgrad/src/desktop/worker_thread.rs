//! The training thread. It owns the backend with the scripts and the run, so that no script can block a frame.
//!
//! It must not know the window, which it wakes through a closure.

use crate::machine::{SCRIPT_STACK_BYTES, machine};
use slowgrad_script::{Library, Limits, TableProgress};
use slowgrad_session::{
    Backend, BackendCommand, BackendLink, BackendStopped, Deadline, Snapshot, TableReading, is_idle,
};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// The time after which reading a table is shown.
const LONG_READING: Duration = Duration::from_millis(300);

/// The link to the worker thread.
#[derive(Debug)]
pub(crate) struct WorkerThread {
    commands: Sender<BackendCommand>,
    snapshots: Receiver<Snapshot>,
    /// The number of snapshots in the queue.
    unread: Arc<AtomicUsize>,
    reading: Reading,
    sent: u64,
}

/// The table that the thread reads at the moment, shared by both threads.
type Reading = Arc<Mutex<Option<TableReading>>>;

fn set_reading(shared: &Reading, reading: Option<TableReading>) {
    *shared.lock().unwrap_or_else(PoisonError::into_inner) = reading;
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
        let reading = Reading::default();
        let shared = Arc::clone(&reading);
        let unread = Arc::new(AtomicUsize::new(0));
        let queued = Arc::clone(&unread);
        let thread = thread::Builder::new().name("slowgrad-worker".into()).stack_size(SCRIPT_STACK_BYTES);
        thread.spawn(move || {
            let wake: Rc<dyn Fn()> = Rc::new(wake);
            let work = AssertUnwindSafe(|| {
                let mut backend = backend();
                backend.set_table_progress(table_progress(Arc::clone(&shared), Rc::clone(&wake)));
                work(backend, &queue, (&results, &queued), &shared, &*wake);
            });
            // After a panic the channel closes, which tells the session that the backend has stopped.
            let _ = catch_unwind(work);
            drop(results);
            wake();
        })?;
        let mut worker = Self { commands, snapshots, unread, reading, sent: 0 };
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

    fn reading(&self) -> Option<TableReading> {
        self.reading.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn try_receive(&mut self) -> Result<Option<Snapshot>, BackendStopped> {
        match self.snapshots.try_recv() {
            Ok(snapshot) => {
                self.unread.fetch_sub(1, Ordering::AcqRel);
                Ok(Some(snapshot))
            }
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(BackendStopped),
        }
    }

    fn run_until_idle(&mut self, deadline: Deadline) -> Option<Snapshot> {
        loop {
            let snapshot = self.snapshots.recv_timeout(deadline.left()).ok()?;
            self.unread.fetch_sub(1, Ordering::AcqRel);
            if is_idle(&snapshot, self.sent) {
                return Some(snapshot);
            }
        }
    }
}

/// Publishes how far a table is read, if that takes long.
fn table_progress(shared: Reading, wake: Rc<dyn Fn()>) -> TableProgress {
    let began = Cell::new(None);
    TableProgress::new(move |path, part| {
        if part == 0.0 || began.get().is_none() {
            began.set(Some(Instant::now()));
        }
        if part < 1.0 && began.get().is_some_and(|began: Instant| began.elapsed() >= LONG_READING) {
            set_reading(&shared, Some(TableReading { path: path.to_owned(), part }));
            wake();
        }
    })
}

/// Executes commands until the link is dropped.
fn work(
    mut backend: Backend,
    commands: &Receiver<BackendCommand>,
    (snapshots, unread): (&Sender<Snapshot>, &AtomicUsize),
    reading: &Reading,
    wake: &dyn Fn(),
) {
    loop {
        let first = if backend.is_busy() {
            None
        } else {
            let Ok(command) = commands.recv() else { return };
            Some(command)
        };
        let is_unread = unread.load(Ordering::Acquire) > 0;
        let snapshot = backend.turn(first.into_iter().chain(commands.try_iter()), is_unread);
        set_reading(reading, None);
        if let Some(snapshot) = snapshot {
            unread.fetch_add(1, Ordering::AcqRel);
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
    use slowgrad_script::{Files, Root};
    use slowgrad_session::{Recipe, SavedRun, shipped};
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
    fn a_table_that_is_read_for_long_is_shown_until_the_lesson_is_open() {
        let (woken, wakes) = channel();
        let shared = Reading::default();
        let progress = table_progress(
            Arc::clone(&shared),
            Rc::new(move || {
                let _ = woken.send(());
            }),
        );
        let shown = || shared.lock().expect("not poisoned").clone();
        progress.tell("big.csv", 0.0);
        assert_eq!(shown(), None);
        thread::sleep(LONG_READING);
        progress.tell("big.csv", 0.5);
        assert_eq!(shown(), Some(TableReading { path: "big.csv".into(), part: 0.5 }));
        assert_eq!(wakes.try_iter().count(), 1);
        // The next table starts again.
        progress.tell("small.csv", 0.0);
        progress.tell("small.csv", 0.9);
        assert_eq!(wakes.try_iter().count(), 0);
    }

    #[test]
    fn the_table_of_a_lesson_and_of_a_session_is_shown_while_it_is_read() {
        let text =
            "fn lesson() { #{ title: \"T\", layers: [2, 1], data: csv(\"big.csv\", #{ inputs: [0, 1], target: 2 }) } }";
        // Reading it takes longer than LONG_READING on any machine.
        let table = b"0.125,-3.5,1.25\n".repeat(3 << 20);
        let files = Files::from_iter([("t.rhai", text.as_bytes()), ("big.csv", &table)]);
        let recipe = Recipe { step: 1, ..Recipe::default() };
        let saved = SavedRun { lesson: "t.rhai".into(), recipe, undo_history: Arc::default(), state: None };
        for first in [BackendCommand::Open("t.rhai".into()), BackendCommand::Restore(Box::new(saved))] {
            let library =
                Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files: files.clone() }] };
            let (woken, wakes) = channel();
            let wake = move || {
                let _ = woken.send(());
            };
            let mut limits = Limits::default();
            limits.set("seconds", 60.0).expect("a limit");
            let mut worker = WorkerThread::start(library, limits, first, wake).expect("start a thread");
            // Each wake-up is for a part that was read, until the first snapshot.
            let mut shown = Vec::new();
            let snapshot = loop {
                wakes.recv_timeout(Duration::from_mins(1)).expect("a wake-up");
                if let Some(snapshot) = worker.try_receive().expect("the backend runs") {
                    break snapshot;
                }
                shown.extend(worker.reading());
            };
            assert!(snapshot.problems.is_empty(), "{:?}", snapshot.problems);
            assert!(!shown.is_empty() && shown.iter().all(|reading| reading.path == "big.csv"), "{shown:?}");
            assert_eq!(worker.reading(), None);
        }
    }

    #[test]
    fn training_does_not_fill_the_queue_of_a_window_that_reads_nothing() {
        let library = Library { roots: vec![shipped::shipped()] };
        let first = BackendCommand::Open("lessons/welcome.rhai".into());
        let mut worker = WorkerThread::start(library, Limits::default(), first, || {}).expect("start a thread");
        worker.run_until_idle(clock().deadline(Duration::from_mins(1))).expect("a snapshot");
        worker.send(BackendCommand::FullSpeed(true));
        thread::sleep(Duration::from_millis(500));
        let mut queued = Vec::new();
        while let Some(snapshot) = worker.try_receive().expect("the backend runs") {
            queued.push(snapshot.handled);
        }
        // The answer to the command; one more may have followed while the queue was read.
        assert!((1..=2).contains(&queued.len()), "{queued:?}");
        // Training went on meanwhile, and a window that reads again is up to date.
        worker.send(BackendCommand::FullSpeed(false));
        let last = worker.run_until_idle(clock().deadline(Duration::from_mins(1))).expect("a snapshot");
        assert!(last.timeline.expect("a step").step().step > 100);
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
