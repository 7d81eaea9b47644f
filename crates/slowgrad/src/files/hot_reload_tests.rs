//! Scripts that are saved while they train, in every way in which editors save: from the watcher to the worker thread.

use super::library;
use super::watcher::{Change, Watch};
use crate::desktop::worker_thread::{WorkerThread, clock};
use slowgrad_script::Limits;
use slowgrad_session::{Command, Link as _};
use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

const LESSON: &str = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], optimizer: "own", data: "xor", seed: 3 } }"#;
const OPTIMIZER: &str = "fn update(w, grad, state, ctx) { w - ctx.lr * grad }";

/// How editors save.
const WAYS: [fn(&Path, &[u8]); 4] = [
    // Beside it, and renamed.
    |path, text| {
        let beside = path.with_extension("tmp");
        fs::write(&beside, text).expect("it is written");
        fs::rename(&beside, path).expect("it is renamed");
    },
    // Emptied, and written in two pieces.
    |path, text| {
        use std::io::Write as _;
        let mut file = fs::File::create(path).expect("it is emptied");
        let (one, two) = text.split_at(text.len() / 2);
        file.write_all(one).expect("a piece");
        std::thread::sleep(Duration::from_millis(5));
        file.write_all(two).expect("the other piece");
    },
    // Deleted, and put back.
    |path, text| {
        fs::remove_file(path).expect("it is gone");
        std::thread::sleep(Duration::from_millis(10));
        fs::write(path, text).expect("it is back");
    },
    // In place.
    |path, text| fs::write(path, text).expect("it is written"),
];

/// Saves a script in every way, so often, while it trains. Answers the times from the watcher's report, and from
/// the save itself, to the snapshot in which the new version runs.
fn saved_on_disk(times: usize) -> Vec<(Duration, Duration)> {
    let folder = tempfile::tempdir().expect("a folder");
    let top = fs::canonicalize(folder.path()).expect("the folder");
    fs::create_dir(top.join("optimizers")).expect("a folder");
    fs::write(top.join("t.rhai"), LESSON).expect("a file");
    fs::write(top.join("optimizers/own.rhai"), OPTIMIZER).expect("a file");
    let loaded = library::load(Some(&top.join("t.rhai"))).expect("a lesson");
    let mut worker =
        WorkerThread::start(loaded.library, Limits::default(), Command::Open(loaded.lesson), || {}).expect("a thread");
    let (to, changes) = channel();
    let _watch = Watch::start(loaded.folders, move |change| drop(to.send(change))).expect("it watches");
    let timeout = Duration::from_mins(1);
    worker.run_until_idle(clock().deadline(timeout)).expect("it opens");
    worker.send(Command::FullSpeed(true));
    let mut took = Vec::new();
    for n in 0..times {
        let field = format!("f{n}");
        let text =
            format!("fn state() {{ #{{ {field}: {n}.0 }} }}\nfn update(w, grad, state, ctx) {{ w - ctx.lr * grad }}\n");
        let saved = Instant::now();
        WAYS[n % WAYS.len()](&top.join("optimizers/own.rhai"), text.as_bytes());
        let mut reported = None;
        loop {
            if let Ok(change) = changes.try_recv() {
                reported.get_or_insert_with(Instant::now);
                let Change { root, path, bytes } = change;
                worker.send(Command::ReloadFile { root, path, bytes, at_once: true });
            }
            if let Ok(Some(snapshot)) = worker.try_receive()
                && let Some(timeline) = &snapshot.timeline
                && timeline.step().names.state == [field.as_str()]
                && timeline.step().before.state[0].iter().all(|x| *x == n as f64)
            {
                let reported = reported.expect("it was told of the change");
                took.push((reported.elapsed(), saved.elapsed()));
                break;
            }
            assert!(saved.elapsed() < timeout, "save {n} has no effect");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    took
}

#[test]
fn a_script_is_taken_up_however_it_is_saved() {
    saved_on_disk(12);
}

#[test]
#[ignore = "it measures times, which depend on the machine and on what else it does"]
fn time_from_saving_to_effect() {
    let took = saved_on_disk(100);
    for way in 0..WAYS.len() {
        let middle = |time: fn(&(Duration, Duration)) -> Duration| {
            let mut times: Vec<Duration> = took.iter().skip(way).step_by(WAYS.len()).map(time).collect();
            times.sort();
            (times[times.len() / 2], times[times.len() - 1])
        };
        println!(
            "way {way}: reported → runs {:?}, saved → runs {:?} (median, worst)",
            middle(|t| t.0),
            middle(|t| t.1)
        );
    }
}
