//! Stress tests of hot reload: scripts are edited continually during training. After any sequence of saves, the backend
//! continues, preserves the state that it can, and ends with exactly the same set-up as a fresh start.

use crate::backend::Backend;
use crate::backend::link::{BackendLink as _, InlineBackend};
use crate::protocol::{BackendCommand, Snapshot};
use crate::shipped;
use crate::testing::{inline, machine, timeout};
use slowgrad_engine::plugin::{InitialState, StateField};
use slowgrad_engine::rng::{Purpose, Rng};
use slowgrad_engine::setup::Setup;
use slowgrad_engine::train::{self, Workspace};
use slowgrad_script::{CountingAllocator, Library, Limits, Root};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

/// The files of the lesson.
const PATHS: [&str; 6] = [
    "t.rhai",
    "optimizers/own.rhai",
    "losses/own.rhai",
    "activations/own.rhai",
    "shared/help.rhai",
    "datasets/own.rhai",
];

/// A valid version of a file, by number.
fn version(path: &str, n: usize) -> String {
    let factor = 0.5 + (n % 7) as f64 / 8.0;
    match path {
        "t.rhai" => {
            // Every 40th version starts a new run; the others change the plugins of the run.
            let (seed, batch) = (n / 40, 1 + n % 3);
            let optimizer = if n.is_multiple_of(5) { "momentum" } else { "own" };
            let loss = if n.is_multiple_of(4) { "mse" } else { "own" };
            let limits = if n.is_multiple_of(3) { ", limits: #{ tape: 1000 }" } else { "" };
            format!(
                "fn lesson() {{\n    #{{ title: \"T{n}\", layers: [2, 3, 1], activation: \"own\", optimizer: \"{optimizer}\",\n\
                 loss: \"{loss}\", data: \"own\", batch: {batch}, seed: {seed}, params: #{{ lr: 0.01 }}{limits} }}\n}}\n\
                 fn perform(stage) {{ stage.say(\"é {n}\"); stage.play(\"forward\"); }}\n"
            )
        }
        "optimizers/own.rhai" => {
            let fields = &[&["v"][..], &["v", "u"], &["u"], &["u", "v", "x"], &[]][n % 5];
            let initial: Vec<String> = fields.iter().map(|field| format!("{field}: {factor:?}")).collect();
            let steps = fields.iter().map(|field| format!("    state.{field} = {factor:?} * state.{field} + grad;\n"));
            let steps = steps.collect::<Vec<_>>().concat();
            let used = fields.first().map_or("grad".to_owned(), |field| format!("state.{field}"));
            format!(
                "fn state() {{ #{{ {} }} }}\nfn update(w, grad, state, ctx) {{\n{steps}    w - ctx.lr * {used}\n}}\n",
                initial.join(", ")
            )
        }
        "losses/own.rhai" => {
            format!("fn loss(output, target) {{\n    let d = output[0] - target[0];\n    {factor:?} * d * d\n}}\n")
        }
        "activations/own.rhai" => {
            format!(
                "import \"shared/help\" as help;\nfn activation(z) {{ if z > {factor:?} {{ help::f(z) }} else {{ tanh(z) }} }}\n"
            )
        }
        "shared/help.rhai" => format!("fn f(x) {{ tanh(x) * {factor:?} + {n}.0 * 0.001 }}\n"),
        _ => format!(
            "fn dataset(ctx) {{\n    [#{{ input: [0.0, {factor:?}], target: [1.0] }}, #{{ input: [1.0, 0.0], target: [0.0] }}]\n}}\n"
        ),
    }
}

/// A backend with a random sequence of edits.
struct StressTest {
    backend: Backend,
    rng: Rng,
    /// The last valid version of each file.
    valid: BTreeMap<&'static str, usize>,
}

fn library(valid: &BTreeMap<&'static str, usize>) -> Library {
    let files = valid.iter().map(|(path, n)| (*path, version(path, *n).into_bytes()));
    Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files: files.collect() }] }
}

fn opened(valid: &BTreeMap<&'static str, usize>) -> Backend {
    let mut backend = Backend::new(library(valid), Limits::default(), machine());
    backend.execute(BackendCommand::Open("t.rhai".into()));
    let problems: Vec<_> = backend.lesson.report.problems().collect();
    assert!(problems.is_empty(), "{problems:?}");
    backend
}

impl StressTest {
    fn new(seed: u64) -> Self {
        let valid: BTreeMap<_, _> = PATHS.into_iter().map(|path| (path, 1)).collect();
        Self { backend: opened(&valid), rng: Rng::new(seed, Purpose::Data), valid }
    }

    fn below(&mut self, n: usize) -> usize {
        self.rng.below(n as u64) as usize
    }

    /// Saves a file, and asserts that the run preserves its parameters and the state of fields that still exist.
    fn save(&mut self, path: &str, bytes: Option<Vec<u8>>) {
        let state = |backend: &Backend| {
            let opened = backend.lesson.open.as_ref().expect("a lesson is open");
            let fields = opened.run.setup().optimizer.state.clone();
            (opened.info.run_number, opened.run.step(), fields, opened.run.model().clone())
        };
        let at_once = self.below(2) == 0;
        let (run, step, fields, model) = state(&self.backend);
        self.backend.execute(BackendCommand::ReloadFile { root: "own".into(), path: path.into(), bytes, at_once });
        let (new_run, new_step, new_fields, new_model) = state(&self.backend);
        if new_run != run {
            return;
        }
        assert_eq!(step, new_step);
        let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&model.values), bits(&new_model.values));
        for (StateField { name, initial }, numbers) in new_fields.iter().zip(&new_model.state) {
            let InitialState::PerParameter(initial) = initial else { panic!("«{name}» is not per parameter") };
            match fields.iter().position(|field| field.name == *name) {
                Some(was) => assert_eq!(bits(&model.state[was]), bits(numbers), "«{name}»"),
                None => assert!(numbers.iter().all(|x| x.to_bits() == initial.to_bits()), "«{name}»"),
            }
        }
    }

    /// One edit: valid, truncated, corrupted, deleted, renamed or failing later.
    fn edit(&mut self) {
        let path = PATHS[self.below(PATHS.len())];
        let n = self.below(200);
        let mut text = version(path, n).into_bytes();
        let place = self.below(text.len());
        match self.below(20) {
            0..8 => {
                self.valid.insert(path, n);
                self.save(path, Some(text));
            }
            8 | 9 => {
                text.truncate(place);
                self.save(path, Some(text));
            }
            10 | 11 => {
                let junk = [b'}', b'(', b'"', 0xff, 0, b'.', b'z', b'7'];
                text[place] = junk[self.below(junk.len())];
                self.save(path, Some(text));
            }
            12 => {
                text.drain(place..(place + 9).min(version(path, n).len()));
                self.save(path, Some(text));
            }
            13 => self.save(path, Some(Vec::new())),
            14 => self.save(path, None),
            15 => {
                self.save(path, None);
                self.restore(path);
            }
            16 => {
                // A rename and its reversal.
                let other = format!("{path}.old.rhai");
                self.save(path, None);
                self.save(&other, Some(text));
                self.save(&other, None);
                self.restore(path);
            }
            17 => {
                let other = ["notes.rhai", "second.rhai", "losses/other.rhai", "data.csv"][self.below(4)];
                let text = [&b"fn lesson() { #{} }"[..], b"fn loss(a, b) { a[0] }", b"", b"a,b\n1,2\n"][self.below(4)];
                self.save(other, Some(text.to_vec()));
            }
            18 => {
                // It fails after a few steps.
                let text = "fn state() { #{ n: 0.0 } }\nfn update(w, grad, state, ctx) {\n    state.n += 1.0;\n    if state.n > 3.5 { throw \"no more\" }\n    w - ctx.lr * grad\n}\n";
                self.save("optimizers/own.rhai", Some(text.as_bytes().to_vec()));
            }
            _ => {
                if self.below(50) == 0 {
                    self.save("losses/own.rhai", Some(b"fn loss(output, target) { loop {} }".to_vec()));
                }
            }
        }
    }

    fn restore(&mut self, path: &'static str) {
        self.save(path, Some(version(path, self.valid[path]).into_bytes()));
    }

    /// A random command between two edits.
    fn random_command(&mut self) {
        match self.below(8) {
            0 => self.backend.execute(BackendCommand::FullSpeed(true)),
            1 => self.backend.execute(BackendCommand::FullSpeed(false)),
            2 => {
                let steps = self.below(20) as u64;
                self.backend.execute(BackendCommand::Train(steps));
            }
            3 => {
                let step = self.backend.lesson.open.as_ref().map_or(0, |opened| opened.run.step());
                let to = (step + 4).saturating_sub(self.below(6) as u64).max(1);
                self.backend.execute(BackendCommand::Seek(to));
            }
            4 => drop(self.backend.snapshot()),
            _ => {}
        }
        if self.backend.is_training() {
            self.backend.train(Duration::from_micros(100));
        }
    }

    /// Restores valid versions of all files, and compares with a fresh start.
    fn compare_with_fresh_start(&mut self) {
        for path in PATHS {
            self.restore(path);
        }
        let step = self.backend.lesson.open.as_ref().map_or(0, |opened| opened.run.step());
        self.backend.execute(BackendCommand::Seek(step + 3));
        let shown = self.backend.snapshot();
        let errors = shown.problems.iter().filter(|problem| problem.severity == slowgrad_tape::Severity::Error);
        assert_eq!(errors.count(), 0, "{:?}", shown.problems);
        let fresh = opened(&self.valid);
        let (now, fresh) = (self.backend.lesson.open.as_ref(), fresh.lesson.open.as_ref());
        let (now, fresh) = (now.expect("a lesson"), fresh.expect("a lesson"));
        assert_eq!(now.requested(), fresh.requested());
        assert_eq!(*now.run.setup().spec, *fresh.run.setup().spec);
        let bits = |numbers: &[f64]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&now.start().values), bits(&fresh.start().values));
        let trained = |setup: &Setup| {
            let setup = Rc::new(setup.clone());
            let mut model = now.run.model().clone();
            let mut work = Workspace::default();
            let losses: Vec<u64> = (1..=12)
                .map(|ahead| {
                    let step = now.run.step() + ahead;
                    train::step(&setup, &mut model, step, &mut work).expect("it trains").loss.to_bits()
                })
                .collect();
            (model, losses)
        };
        let ((model, losses), (fresh_model, fresh_losses)) = (trained(now.run.setup()), trained(fresh.run.setup()));
        assert_eq!(losses, fresh_losses);
        assert!(model.same_bits(&fresh_model));
    }
}

/// Runs `work` on a thread with the stack that `slowgrad` gives the scripts of others: nested calls and nested values
/// need it before a limit stops them.
fn on_script_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(256 << 20).spawn(work).expect("a thread");
    thread.join().expect("no panic")
}

/// The number of edits.
const EDITS: usize = 10_000;

#[test]
fn after_ten_thousand_edits_the_run_equals_a_fresh_start() {
    let edits = || {
        let mut test = StressTest::new(1);
        let mut held = Vec::new();
        for edit in 1..=EDITS {
            test.edit();
            test.random_command();
            if edit.is_multiple_of(EDITS / 20) {
                test.compare_with_fresh_start();
                held.push(CountingAllocator::held() >> 10);
            }
        }
        held
    };
    let held = on_script_stack(edits);
    // A run stores its edits, so it grows a little; a copy of the library per edit would be a leak.
    let an_edit = (held[held.len() - 1] - held[0]) / (EDITS as isize * 19 / 20);
    assert!(an_edit < 20, "{an_edit} KiB per edit: {held:?}");
}

#[test]
fn endless_scripts_are_rejected_during_training() {
    on_script_stack(reload_endless_scripts);
}

fn reload_endless_scripts() {
    let valid: BTreeMap<_, _> = PATHS.into_iter().map(|path| (path, 1)).collect();
    let mut backend = inline(library(&valid), Limits::default(), "t.rhai");
    backend.send(BackendCommand::FullSpeed(true));
    let until = |backend: &mut InlineBackend, holds: &dyn Fn(&Snapshot) -> bool| {
        let deadline = timeout();
        loop {
            backend.work();
            while let Ok(Some(snapshot)) = backend.try_receive() {
                if holds(&snapshot) {
                    return snapshot;
                }
            }
            assert!(!deadline.has_passed(), "no such snapshot");
        }
    };
    let step = |snapshot: &Snapshot| snapshot.timeline.as_ref().map_or(0, |timeline| timeline.step().step);
    for (path, text) in [
        ("losses/own.rhai", "fn loss(output, target) { loop {} }"),
        ("activations/own.rhai", "fn activation(z) { let a = [z]; loop { a += a; } }"),
        ("optimizers/own.rhai", "fn update(w, grad, state, ctx) { update(w, grad, state, ctx) }"),
        ("datasets/own.rhai", "fn dataset(ctx) { let a = []; loop { a = [a]; } }"),
    ] {
        let bytes = |text: &str| Some(text.as_bytes().to_vec());
        let reload = |bytes| BackendCommand::ReloadFile { root: "own".into(), path: path.into(), bytes, at_once: true };
        let sent = backend.send(reload(bytes(text)));
        let refused = until(&mut backend, &|snapshot| snapshot.handled >= sent);
        assert!(!refused.problems.is_empty() && refused.training, "{path}: {:?}", refused.problems);
        until(&mut backend, &|snapshot| step(snapshot) > step(&refused) + 10);
        let sent = backend.send(reload(bytes(&version(path, 1))));
        let repaired = until(&mut backend, &|snapshot| snapshot.handled >= sent);
        assert!(repaired.problems.is_empty() && repaired.training, "{path}: {:?}", repaired.problems);
    }
}
