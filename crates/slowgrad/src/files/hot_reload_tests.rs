//! Hot reload from the disk to the training thread: scripts are saved during training, with each method that editors use.

use super::library;
use super::watcher::{FileChange, FileWatcher};
use crate::desktop::worker_thread::WorkerThread;
use crate::machine::clock;
use slowgrad_script::Limits;
use slowgrad_session::{BackendCommand, BackendLink as _};
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const LESSON: &str = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], optimizer: "own", data: "xor", seed: 3 } }"#;
const OPTIMIZER: &str = "fn update(w, grad, state, ctx) { w - ctx.lr * grad }";

/// The methods that editors use to save a file.
const SAVE_METHODS: [fn(&Path, &[u8]); 4] = [
    // Write a temporary file and rename it.
    |path, text| {
        let temporary = path.with_extension("tmp");
        fs::write(&temporary, text).expect("write the file");
        fs::rename(&temporary, path).expect("rename the file");
    },
    // Truncate and write in two parts.
    |path, text| {
        use std::io::Write as _;
        let mut file = fs::File::create(path).expect("truncate the file");
        let (first, second) = text.split_at(text.len() / 2);
        file.write_all(first).expect("write the first part");
        std::thread::sleep(Duration::from_millis(5));
        file.write_all(second).expect("write the second part");
    },
    // Delete and create again.
    |path, text| {
        fs::remove_file(path).expect("delete the file");
        std::thread::sleep(Duration::from_millis(10));
        fs::write(path, text).expect("create the file");
    },
    // Write in place.
    |path, text| fs::write(path, text).expect("write the file"),
];

/// Saves a script `times` times during training, with each method in turn. Returns the delays from the watcher's report
/// and from the save to the snapshot in which the new version runs.
fn reload_delays(times: usize) -> Vec<(Duration, Duration)> {
    let folder = tempfile::tempdir().expect("a folder");
    let top = fs::canonicalize(folder.path()).expect("the folder");
    fs::create_dir(top.join("optimizers")).expect("a folder");
    fs::write(top.join("t.rhai"), LESSON).expect("a file");
    fs::write(top.join("optimizers/own.rhai"), OPTIMIZER).expect("a file");
    let loaded = library::load(Some(&top.join("t.rhai"))).expect("a lesson");
    let mut worker = WorkerThread::start(loaded.library, Limits::default(), BackendCommand::Open(loaded.lesson), || {})
        .expect("a thread");
    let (to, changes) = channel();
    let _watcher = FileWatcher::start(loaded.folders, move |change| drop(to.send(change))).expect("start to watch");
    let timeout = Duration::from_mins(1);
    worker.run_until_idle(clock().deadline(timeout)).expect("open the lesson");
    worker.send(BackendCommand::FullSpeed(true));
    let mut delays = Vec::new();
    for n in 0..times {
        let field = format!("f{n}");
        let text =
            format!("fn state() {{ #{{ {field}: {n}.0 }} }}\nfn update(w, grad, state, ctx) {{ w - ctx.lr * grad }}\n");
        let saved = Instant::now();
        SAVE_METHODS[n % SAVE_METHODS.len()](&top.join("optimizers/own.rhai"), text.as_bytes());
        let mut reported = None;
        loop {
            if let Ok(change) = changes.try_recv() {
                reported.get_or_insert_with(Instant::now);
                let FileChange { root, path, bytes } = change;
                worker.send(BackendCommand::ReloadFile { root, path, bytes, at_once: true });
            }
            if let Ok(Some(snapshot)) = worker.try_receive()
                && let Some(timeline) = &snapshot.timeline
                && timeline.step().names.state_names() == [field.as_str()]
                && timeline.step().before.state[0].iter().all(|x| *x == n as f64)
            {
                let reported = reported.expect("a report of the change");
                delays.push((reported.elapsed(), saved.elapsed()));
                break;
            }
            assert!(saved.elapsed() < timeout, "save {n} has no effect");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    delays
}

#[test]
fn script_reloads_with_every_save_method() {
    reload_delays(12);
}

#[test]
#[ignore = "measures times, which depend on the load of the machine"]
fn time_from_save_to_effect() {
    let delays = reload_delays(100);
    for method in 0..SAVE_METHODS.len() {
        let summary = |time: fn(&(Duration, Duration)) -> Duration| {
            let mut times: Vec<Duration> = delays.iter().skip(method).step_by(SAVE_METHODS.len()).map(time).collect();
            times.sort();
            (times[times.len() / 2], times[times.len() - 1])
        };
        println!(
            "method {method}: reported → runs {:?}, saved → runs {:?} (median, worst)",
            summary(|t| t.0),
            summary(|t| t.1)
        );
    }
}
