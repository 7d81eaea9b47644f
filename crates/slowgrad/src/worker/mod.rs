//! The thread that trains: it owns the script sandbox and the run, so that no script can stop a frame.
//!
//! The window hands in [`Command`]s and gets [`Snapshot`]s; neither side ever waits for the other. This
//! module must not know the window: whoever wants to be woken hands in a closure.

mod answers;
mod conditions;
mod desk;
mod editions;
#[cfg(test)]
mod fire;
mod history;
mod message;
mod plots;
mod reload;
mod replay;
mod rival;
mod scripts;
mod slots;
mod structure;
#[cfg(test)]
mod tests;

pub(crate) use answers::{maps, range};
use desk::Desk;
pub(crate) use message::{
    Answers, Arrangement, Change, Checked, Choice, Command, Curves, DataInfo, Difference, Knob, Made, Past, Pasts,
    Recipe, RivalInfo, Saved, SetupInfo, Slot, SlotInfo, Snapshot, Texts, UsedFile,
};
pub(crate) use plots::{
    ActivationAt, CurvePoint, FunctionCurve, Histogram, Landscape, LandscapeAsk, LossAt, LossesAt, PathPoint, Surface,
    Wanted,
};
pub(crate) use slots::{layers, sign};

use slowgrad_script::{Library, Limits};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// Samples that pictures of the data show.
const SHOWN_SAMPLES: usize = 400;
/// How long training goes on before the next command is looked at.
const BURST: Duration = Duration::from_millis(10);
/// How long plots are computed before the next command is looked at.
const DRAFT: Duration = Duration::from_millis(5);
/// The same while training goes on.
const SHORT_DRAFT: Duration = Duration::from_millis(2);
/// Pictures of a training run come at most this often.
const PICTURE_EVERY: Duration = Duration::from_millis(33);

/// The window's end of the worker thread.
#[derive(Debug)]
pub(crate) struct Worker {
    commands: Sender<Command>,
    snapshots: Receiver<Snapshot>,
    sent: u64,
}

/// Scripts may nest values deeply before a limit stops them, and the interpreter walks them recursively. Only what
/// is used takes memory.
pub(crate) const SCRIPT_STACK_BYTES: usize = 256 << 20;

impl Worker {
    /// Starts the thread with its first command, which opens a lesson; scripts run within these limits. `wake` is called after every snapshot.
    pub(crate) fn start(
        library: Library,
        limits: Limits,
        first: Command,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let (commands, to_do) = channel();
        let (done, snapshots) = channel();
        let thread = std::thread::Builder::new().name("slowgrad-worker".into()).stack_size(SCRIPT_STACK_BYTES);
        thread.spawn(move || {
            let worked = AssertUnwindSafe(|| work(Desk::new(library, limits), &to_do, &done, &wake));
            // Whoever waits for a snapshot learns that there will be none, whether the window is gone or this panicked.
            let _ = catch_unwind(worked);
            drop(done);
            wake();
        })?;
        let mut worker = Self { commands, snapshots, sent: 0 };
        worker.send(first);
        Ok(worker)
    }

    /// Hands over a command and answers its number; it is carried out once [`Snapshot::handled`] is as large.
    pub(crate) fn send(&mut self, command: Command) -> u64 {
        // That the thread has ended is seen when its snapshots are received.
        let _ = self.commands.send(command);
        self.sent += 1;
        self.sent
    }

    /// Number of commands handed over.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// A snapshot that has come in; an error says that none has, or that the thread has ended.
    pub(crate) fn receive(&self) -> Result<Snapshot, TryRecvError> {
        self.snapshots.try_recv()
    }

    /// Waits for a snapshot that knows all commands sent so far: for pictures without a window.
    pub(crate) fn settled(&self, patience: Duration) -> Option<Snapshot> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.snapshots.recv_timeout(left) {
                Ok(snapshot) if snapshot.handled >= self.sent && !snapshot.training && !snapshot.drafting => {
                    return Some(snapshot);
                }
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

/// Carries out commands until the window is gone.
fn work(mut desk: Desk, commands: &Receiver<Command>, snapshots: &Sender<Snapshot>, wake: &dyn Fn()) {
    let mut pictured = Instant::now();
    loop {
        // Everything that is waiting is carried out before the next picture: a slider that is dragged
        // faster than a step can be recorded must not lag behind.
        let mut heard = false;
        loop {
            let command = if heard || desk.is_training() || desk.is_drafting() {
                match commands.try_recv() {
                    Ok(command) => command,
                    Err(TryRecvError::Empty) => break,
                    Err(TryRecvError::Disconnected) => return,
                }
            } else {
                match commands.recv() {
                    Ok(command) => command,
                    Err(_) => return,
                }
            };
            desk.carry_out(command);
            heard = true;
        }
        let was_training = desk.is_training();
        if was_training {
            desk.burst(BURST);
        }
        let was_drafting = desk.is_drafting();
        // A command that was heard is answered at once; what it takes long to compute comes with later pictures.
        if was_drafting && !heard {
            desk.draft(if was_training { SHORT_DRAFT } else { DRAFT });
        }
        let ended = (was_training && !desk.is_training()) || (was_drafting && !desk.is_drafting());
        if heard || ended || pictured.elapsed() >= PICTURE_EVERY {
            let began = Instant::now();
            let snapshot = desk.snapshot();
            if snapshots.send(snapshot).is_err() {
                return;
            }
            wake();
            // A picture that is dear to make comes less often, so that most of the time goes into training.
            pictured = Instant::now() + 3 * began.elapsed();
        }
    }
}
