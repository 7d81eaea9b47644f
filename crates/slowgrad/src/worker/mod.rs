//! The thread that trains: it owns the script sandbox and the run, so that no script can stop a frame.
//!
//! The window hands in [`Command`]s and gets [`Snapshot`]s; neither side ever waits for the other. This
//! module must not know the window: whoever wants to be woken hands in a closure.

mod answers;
mod desk;
mod message;
mod reload;

pub(crate) use answers::range;
use desk::Desk;
pub(crate) use message::{Answers, Command, Curves, DataInfo, SetupInfo, Slot, SlotInfo, Snapshot};

use slowgrad_script::Library;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, TryRecvError, channel};
use std::time::{Duration, Instant};

/// How long training goes on before the next command is looked at.
const BURST: Duration = Duration::from_millis(10);
/// Pictures of a training run come at most this often.
const PICTURE_EVERY: Duration = Duration::from_millis(33);

/// The window's end of the worker thread.
#[derive(Debug)]
pub(crate) struct Worker {
    commands: Sender<Command>,
    snapshots: Receiver<Snapshot>,
    sent: u64,
}

impl Worker {
    /// Starts the thread and opens a lesson. `wake` is called after every snapshot.
    pub(crate) fn start(
        library: Library,
        lesson: String,
        wake: impl Fn() + Send + 'static,
    ) -> Result<Self, std::io::Error> {
        let (commands, to_do) = channel();
        let (done, snapshots) = channel();
        std::thread::Builder::new().name("slowgrad-worker".into()).spawn(move || {
            let desk = Desk::new(library);
            work(desk, &to_do, &done, &wake);
        })?;
        let mut worker = Self { commands, snapshots, sent: 0 };
        worker.send(Command::Open(lesson));
        Ok(worker)
    }

    /// Hands over a command and answers its number; it is carried out once [`Snapshot::handled`] is as large.
    pub(crate) fn send(&mut self, command: Command) -> u64 {
        // The thread only ends with the program.
        let _ = self.commands.send(command);
        self.sent += 1;
        self.sent
    }

    /// Number of commands handed over.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// A snapshot that has come in.
    pub(crate) fn receive(&self) -> Option<Snapshot> {
        self.snapshots.try_recv().ok()
    }

    /// Waits for a snapshot that knows all commands sent so far: for pictures without a window.
    pub(crate) fn settled(&self, patience: Duration) -> Option<Snapshot> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.snapshots.recv_timeout(left) {
                Ok(snapshot) if snapshot.handled >= self.sent && !snapshot.training => return Some(snapshot),
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
            let command = if heard || desk.is_training() {
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
        let ended = was_training && !desk.is_training();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::library;
    use slowgrad_engine::spec::{ParamValue, PluginRef, SpecPatch};
    use slowgrad_script::{Files, Root};

    const LESSON: &str =
        r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], optimizer: "own", data: "xor", seed: 3 } }"#;
    const OPTIMIZER: &str =
        "fn state() { #{ v: 0.0 } } fn update(w, grad, state, ctx) { state.v += grad; w - ctx.lr * state.v }";

    fn worker() -> Worker {
        let files = Files::from_iter([("t.rhai", LESSON.as_bytes()), ("optimizers/own.rhai", OPTIMIZER.as_bytes())]);
        let library = Library { roots: vec![library::shipped(), Root { name: "own".into(), files }] };
        Worker::start(library, "t.rhai".into(), || {}).expect("a thread")
    }

    fn settled(worker: &Worker) -> Snapshot {
        worker.settled(Duration::from_mins(1)).expect("it settles")
    }

    fn reload(text: &str, at_once: bool) -> Command {
        let bytes = Some(text.as_bytes().to_vec());
        Command::ReloadFile { root: "own".into(), path: "optimizers/own.rhai".into(), bytes, at_once }
    }

    fn values(snapshot: &Snapshot) -> Vec<u64> {
        let timeline = snapshot.timeline.as_ref().expect("a step");
        timeline.step().before.values.iter().map(|value| value.to_bits()).collect()
    }

    #[test]
    fn going_back_gives_the_same_bits() {
        let mut worker = worker();
        worker.send(Command::Seek(8));
        let first = settled(&worker);
        worker.send(Command::Train(100));
        assert_eq!(settled(&worker).timeline.expect("a step").step().step, 108);
        worker.send(Command::Seek(8));
        let again = settled(&worker);
        assert_eq!(values(&first), values(&again));
        assert_eq!(again.furthest, 107);
        worker.send(Command::Reset);
        worker.send(Command::Seek(8));
        assert_eq!(values(&settled(&worker)), values(&first));
    }

    #[test]
    fn a_broken_script_changes_nothing_and_a_good_one_waits_for_the_step_to_end() {
        let mut worker = worker();
        let before = settled(&worker);
        worker.send(reload(&OPTIMIZER.replace("state.v +=", "state.u +="), false));
        let broken = settled(&worker);
        assert_eq!(broken.problems.len(), 1);
        assert_eq!(values(&broken), values(&before));
        worker.send(Command::Seek(2));
        assert!(!settled(&worker).stuck);

        worker.send(reload(&OPTIMIZER.replace("state.v", "state.u").replace("v: 0.0", "u: 0.0"), false));
        let waits = settled(&worker);
        assert!(waits.problems.is_empty());
        assert_eq!(waits.timeline.expect("a step").step().names.state, ["v"]);
        worker.send(Command::Seek(3));
        let after = settled(&worker);
        assert_eq!(after.timeline.as_ref().expect("a step").step().names.state, ["u"]);
        assert!(after.messages.iter().any(|message| message.contains("«v» dropped")), "{:?}", after.messages);
    }

    #[test]
    fn a_script_that_runs_away_is_stopped() {
        let mut worker = worker();
        worker.send(reload(&OPTIMIZER.replace("state.v += grad", "loop { }"), true));
        let stopped = settled(&worker);
        assert_eq!(stopped.problems[0].severity, slowgrad_tape::Severity::Error);
        worker.send(Command::Seek(5));
        assert_eq!(settled(&worker).timeline.expect("a step").step().step, 5);
    }

    #[test]
    fn controls_and_plugins_change_at_once_and_edits_stay() {
        let mut worker = worker();
        worker.send(Command::SetInput { sample: 0, input: 1, value: 0.25 });
        worker.send(Command::SetParameter { index: 0, value: 2.0 });
        worker.send(Command::SetControl {
            slot: Slot::Optimizer,
            control: "lr".into(),
            value: ParamValue::Number(0.125),
        });
        worker.send(Command::Patch(SpecPatch { loss: Some(PluginRef::named("mae")), ..SpecPatch::default() }));
        let snapshot = settled(&worker);
        let timeline = snapshot.timeline.expect("a step");
        let step = timeline.step();
        assert_eq!((step.samples[0].input[1], step.before.values[0], step.contexts[0][0]), (0.25, 2.0, 0.125));
        assert_eq!(step.names.loss, "mae");
        worker.send(Command::Patch(SpecPatch { optimizer: Some(PluginRef::named("nothing")), ..SpecPatch::default() }));
        let snapshot = settled(&worker);
        assert_eq!(snapshot.problems.len(), 1);
        assert_eq!(snapshot.timeline.expect("a step").step().names.optimizer, "own");
    }
}
