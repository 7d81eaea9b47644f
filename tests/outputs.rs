//! How the program writes: through links, pipes and devices, never over an input, checked before the work, and whole or
//! not at all when a signal ends it.

#![cfg(unix)]

mod common;

use common::{SMALL_LESSON as LESSON, run};
use serde_json::Value;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _, symlink};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// The time after which a test gives up.
const TIMEOUT: Duration = Duration::from_mins(1);
/// More steps than any test waits for.
const ENDLESS: &str = "1000000000000";

/// The program, for which signals have their default effect even if the parent of the tests ignores them, as `nohup`
/// does.
fn slowgrad() -> Command {
    let mut command = common::slowgrad();
    let default_signals = || {
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM] {
            #[allow(unsafe_code, reason = "the standard library cannot change the effect of a signal")]
            // SAFETY: the arguments are valid, and `signal` may be called between fork and exec.
            unsafe {
                libc::signal(signal, libc::SIG_DFL);
            }
        }
        Ok(())
    };
    #[allow(unsafe_code, reason = "the code between fork and exec is restricted")]
    // SAFETY: the function only calls `signal`, which is safe in a signal handler.
    unsafe {
        command.pre_exec(default_signals);
    }
    command
}

/// A folder with the lesson `small.rhai`.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = Self(tempfile::tempdir().expect("a temporary folder"));
        fs::write(folder.at("small.rhai"), LESSON).expect("write the lesson");
        folder
    }

    fn at(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = slowgrad();
        command.current_dir(self.0.path()).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> (i32, String, String) {
        run(&mut self.command(arguments))
    }

    /// Trains the lesson for some steps.
    fn train(&self, steps: &str, arguments: &[&str]) -> (i32, String, String) {
        self.run(&[&["train", "small.rhai", "--steps", steps], arguments].concat())
    }

    fn train_well(&self, steps: &str, arguments: &[&str]) -> String {
        let (code, out, problems) = self.train(steps, arguments);
        assert_eq!((code, problems.as_str()), (0, ""), "{arguments:?}");
        out
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the folder").flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    fn pipe(&self, path: &str) {
        let made = Command::new("mkfifo").arg(self.at(path)).status();
        assert!(made.is_ok_and(|status| status.success()));
    }
}

fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("a file").permissions().mode() & 0o7777
}

/// Waits until a condition holds.
fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < TIMEOUT, "timed out: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn wait_for_end(child: &mut Child) -> ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("wait for the program") {
            return status;
        }
        if start.elapsed() > TIMEOUT {
            let _ = child.kill();
            panic!("the program does not end");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

fn send(signal: &str, child: &Child) {
    let number = match signal {
        "TERM" => libc::SIGTERM,
        "HUP" => libc::SIGHUP,
        _ => libc::SIGINT,
    };
    #[allow(unsafe_code, reason = "the standard library only sends SIGKILL")]
    // SAFETY: the arguments are numbers; the process is a child that was not waited for, so its number is not reused.
    let sent = unsafe { libc::kill(child.id() as libc::pid_t, number) };
    assert_eq!(sent, 0);
}

// Names that lead elsewhere.

#[test]
fn links_lead_to_their_target_and_a_file_keeps_its_permissions() {
    let folder = Folder::new();
    fs::create_dir(folder.at("runs")).expect("a folder");
    for (link, target, text) in [
        ("w.json", "runs/weights.json", Some("old")),
        ("m.jsonl", "runs/lines.jsonl", Some("old")),
        ("new.json", "runs/none.json", None),
    ] {
        if let Some(text) = text {
            fs::write(folder.at(target), text).expect("a file");
            fs::set_permissions(folder.at(target), fs::Permissions::from_mode(0o600)).expect("set the permissions");
        }
        symlink(target, folder.at(link)).expect("a link");
    }
    let inode = fs::metadata(folder.at("m.jsonl")).expect("a file").ino();
    folder.train_well("3", &["--weights-out", "w.json", "--metrics", "m.jsonl"]);
    folder.train_well("3", &["--weights-out", "new.json"]);
    for link in ["w.json", "m.jsonl", "new.json"] {
        assert!(fs::symlink_metadata(folder.at(link)).expect("a link").is_symlink(), "{link}");
    }
    assert_eq!(folder.read("runs/weights.json"), folder.read("runs/none.json"));
    assert_eq!(json_lines(&folder.read("runs/lines.jsonl")).len(), 3);
    assert_eq!(fs::metadata(folder.at("m.jsonl")).expect("a file").ino(), inode, "metrics are written in place");
    assert_eq!((mode(&folder.at("w.json")), mode(&folder.at("m.jsonl"))), (0o600, 0o600));
    assert_eq!(fs::read_dir(folder.at("runs")).expect("a folder").count(), 3, "no temporary file is left");
    // A link to a link to itself leads nowhere.
    symlink("loop.json", folder.at("loop.json")).expect("a link");
    let (code, _, problems) = folder.train("3", &["--weights-out", "loop.json"]);
    assert_eq!(code, 1);
    assert!(problems.contains("symbolic links"), "{problems}");
}

#[test]
fn pipes_devices_and_standard_output_are_written_as_they_are() {
    let folder = Folder::new();
    folder.train_well("4", &["--weights-out", "w.json", "--metrics", "m.jsonl"]);
    let (weights, metrics) = (folder.read("w.json"), folder.read("m.jsonl"));
    for (option, expected) in [("--weights-out", &weights), ("--metrics", &metrics)] {
        for name in ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
            if !Path::new(name).exists() && name != "-" {
                continue;
            }
            let (code, out, problems) = folder.train("4", &[option, name]);
            assert_eq!((code, &out), (0, expected), "{option} {name}: {problems}");
            assert!(problems.starts_with("4 steps: train loss "), "the summary is not mixed with it: {problems}");
        }
        folder.pipe("pipe");
        let reader = {
            let pipe = folder.at("pipe");
            thread::spawn(move || fs::read_to_string(pipe).expect("read the pipe"))
        };
        let out = folder.train_well("4", &[option, "pipe"]);
        assert!(out.starts_with("4 steps"), "{out}");
        assert_eq!(&reader.join().expect("the reader"), expected);
        assert!(fs::symlink_metadata(folder.at("pipe")).expect("a pipe").file_type().is_fifo());
        fs::remove_file(folder.at("pipe")).expect("delete the pipe");
    }
    if Path::new("/dev/full").exists() {
        for option in ["--metrics", "--weights-out"] {
            let (code, _, problems) = folder.train("4", &[option, "/dev/full"]);
            assert_eq!(code, 1);
            assert!(problems.contains("cannot write /dev/full: "), "{problems}");
        }
        assert!(fs::symlink_metadata("/dev/full").expect("the device").file_type().is_char_device());
    }
    folder.train_well("4", &["--weights-out", "/dev/null", "--metrics", "/dev/null"]);
    assert!(fs::symlink_metadata("/dev/null").expect("the device").file_type().is_char_device());
    assert_eq!(folder.names(), ["m.jsonl", "small.rhai", "w.json"]);
}

#[test]
fn an_inherited_descriptor_is_continued_where_it_is() {
    let folder = Folder::new();
    let script =
        r#"exec 3>log; echo before >&3; "$0" train small.rhai --steps 2 --metrics /dev/fd/3 && echo after >&3"#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, env!("CARGO_BIN_EXE_slowgrad")]).current_dir(folder.0.path());
    let (code, out, problems) = run(&mut shell);
    assert_eq!(code, 0, "{out}{problems}");
    let log = folder.read("log");
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[3]), (4, "before", "after"), "{log}");
    assert_eq!(json_lines(lines[2])[0]["step"], 2);
    for (name, problem) in [("/dev/fd/0", "cannot write /dev/fd/0: "), ("/dev/fd/99", "cannot write /dev/fd/99: ")] {
        let mut command = folder.command(&["train", "small.rhai", "--steps", "2", "--metrics", name]);
        let (code, _, problems) = run(command.stdin(fs::File::open(folder.at("log")).expect("a file")));
        assert_eq!(code, 1, "{problems}");
        assert!(problems.contains(problem), "{problems}");
    }
}

// What is refused before the work.

/// Trains without an end, which is refused at once.
#[track_caller]
fn refused(folder: &Folder, code: i32, reason: &str, arguments: &[&str]) {
    let mut command = folder.command(&["train", "small.rhai", "--steps", ENDLESS]);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("start the program");
    let found = wait_for_end(&mut child).code();
    let mut problems = String::new();
    child.stderr.take().expect("standard error").read_to_string(&mut problems).expect("UTF-8");
    assert_eq!(found, Some(code), "{arguments:?}: {problems}");
    assert!(problems.contains(reason) && problems.starts_with("error: cannot write "), "{problems}");
}

#[test]
fn what_cannot_be_written_is_told_before_the_work() {
    let folder = Folder::new();
    fs::create_dir(folder.at("folder.json")).expect("a folder");
    fs::write(folder.at("kept.json"), "kept").expect("a file");
    fs::set_permissions(folder.at("kept.json"), fs::Permissions::from_mode(0o444)).expect("set the permissions");
    symlink("kept.json", folder.at("link.json")).expect("a link");
    let before = folder.names();
    for option in ["--weights-out", "--metrics"] {
        refused(&folder, 1, "there is no folder missing/deep", &[option, "missing/deep/w.json"]);
        refused(&folder, 1, "it is a folder", &[option, "folder.json"]);
        refused(&folder, 1, "it is a folder", &[option, "kept.json/"]);
        refused(&folder, 1, "it is read-only", &[option, "kept.json"]);
        refused(&folder, 1, "it is read-only", &[option, "link.json"]);
        refused(&folder, 1, "small.rhai", &[option, "small.rhai/w.json"]);
    }
    refused(&folder, 2, "must end in .json or .safetensors", &["--weights-out", "w.pickle"]);
    refused(&folder, 2, "must end in .json or .safetensors", &["--weights-out", "w"]);
    refused(&folder, 2, "must end in .jsonl or ", &["--metrics", "m.csv"]);
    assert_eq!((folder.names(), folder.read("kept.json")), (before.clone(), "kept".into()));
    // Pictures are refused without a graphics adapter.
    let refused = |expected: i32, reason: &str, arguments: &[&str]| {
        let command = &mut folder.command(arguments);
        let (code, _, problems) =
            run(command.env("VK_DRIVER_FILES", "/nonexistent").env("VK_ICD_FILENAMES", "/nonexistent"));
        assert_eq!(code, expected, "{arguments:?}: {problems}");
        assert!(problems.contains(reason), "{arguments:?}: {problems}");
    };
    for arguments in [&["render", "small.rhai", "-o"][..], &["small.rhai", "--screenshot"]] {
        for name in ["x.pdf", "z.jpg", "x"] {
            refused(2, "must end in .png", &[arguments, &[name]].concat());
        }
        refused(1, "there is no folder missing", &[arguments, &["missing/x.png"]].concat());
    }
    assert_eq!(folder.names(), before);
}

#[test]
fn a_folder_that_accepts_no_files_is_told_before_the_work() {
    let folder = Folder::new();
    fs::create_dir(folder.at("closed")).expect("a folder");
    fs::set_permissions(folder.at("closed"), fs::Permissions::from_mode(0o555)).expect("set the permissions");
    // The administrator may write everywhere.
    if fs::write(folder.at("closed/try"), "").is_err() {
        refused(&folder, 1, "does not accept new files", &["--weights-out", "closed/w.json"]);
        refused(&folder, 1, "does not accept new files", &["--metrics", "closed/m.jsonl"]);
    }
}

#[test]
fn inputs_are_never_overwritten_and_each_output_has_a_file_of_its_own() {
    let folder = Folder::new();
    folder.train_well("1", &["--weights-out", "first.json"]);
    let own_weights = LESSON.replace("seed: 5", "seed: 5, weights: \"first.json\"");
    fs::write(folder.at("small.rhai"), own_weights).expect("write the lesson");
    fs::write(folder.at("start.json"), folder.read("first.json")).expect("a file");
    symlink("first.json", folder.at("link.json")).expect("a link");
    fs::hard_link(folder.at("first.json"), folder.at("hard.json")).expect("a hard link");
    let first = folder.read("first.json");
    for name in ["first.json", "./first.json", "link.json", "hard.json"] {
        refused(&folder, 2, "the command reads this file", &["--weights-out", name]);
        refused(&folder, 2, "the command reads this file", &["--metrics", name]);
    }
    refused(&folder, 2, "the command reads this file", &["--weights-in", "start.json", "--weights-out", "start.json"]);
    for (weights, metrics) in
        [("a.json", "a.json"), ("a.json", "./a.json"), ("link.json", "hard.json"), ("-", "-"), ("-", "/dev/stdout")]
    {
        let arguments = ["--weights-out", weights, "--metrics", metrics];
        // An output that is an input is told first.
        let reason = if weights == "link.json" { "the command reads this file" } else { "is the same file" };
        refused(&folder, 2, reason, &arguments);
    }
    assert_eq!((folder.read("first.json"), folder.read("start.json")), (first.clone(), first));

    // A lesson can have any name.
    fs::write(folder.at("small.png"), LESSON).expect("write the lesson");
    for arguments in [&["render", "small.png", "-o", "small.png"][..], &["small.png", "--screenshot", "small.png"]] {
        let (code, _, problems) = folder.run(arguments);
        assert_eq!(code, 2, "{problems}");
        assert!(problems.contains("cannot write small.png: the command reads this file"), "{problems}");
    }
    assert_eq!(folder.read("small.png"), LESSON);
    // Other files of the lesson's folder can be replaced.
    folder.train_well("1", &["--weights-out", "start.json"]);
}

// Signals.

/// Trains without an end, and waits until some steps are in the metrics.
fn endless_training(folder: &Folder, program: &mut Command) -> Child {
    program.args(["train", "small.rhai", "--steps", ENDLESS, "--metrics", "m.jsonl", "--weights-out", "w.json"]);
    program.current_dir(folder.0.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = program.spawn().expect("start the program");
    let metrics = folder.at("m.jsonl");
    // The metrics are written as they come.
    wait_until("metrics", || fs::read_to_string(&metrics).is_ok_and(|text| text.lines().count() >= 20));
    child
}

#[test]
fn a_signal_ends_training_and_the_results_so_far_are_written() {
    for (name, number) in [("TERM", 15), ("HUP", 1), ("INT", 2)] {
        let folder = Folder::new();
        fs::write(folder.at("w.json"), "old").expect("a file");
        let mut child = endless_training(&folder, &mut slowgrad());
        send(name, &child);
        assert_eq!(wait_for_end(&mut child).signal(), Some(number), "the shell sees the signal");
        let mut out = String::new();
        child.stdout.take().expect("standard output").read_to_string(&mut out).expect("UTF-8");
        let lines = json_lines(&folder.read("m.jsonl"));
        let steps = lines.len().to_string();
        assert!(
            out.starts_with(&format!("stopped by SIG{name} after {steps} of {ENDLESS} steps: train loss ")),
            "{out}"
        );
        assert!(lines.iter().enumerate().all(|(at, line)| line["step"] == at as u64 + 1));
        assert!(lines[lines.len() - 1]["train_loss"].is_f64());
        let weights = folder.read("w.json");
        assert_eq!(folder.names(), ["m.jsonl", "small.rhai", "w.json"], "no temporary file is left");
        folder.train_well(&steps, &["--weights-out", "w.json"]);
        assert_eq!(folder.read("w.json"), weights, "the weights are those of the last step");
    }
}

#[test]
fn a_signal_that_the_parent_ignores_stays_ignored() {
    let folder = Folder::new();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" HUP; exec "$0" "$@""#, env!("CARGO_BIN_EXE_slowgrad")]);
    let mut child = endless_training(&folder, &mut shell);
    send("HUP", &child);
    let lines = || folder.read("m.jsonl").lines().count();
    let before = lines();
    wait_until("more steps", || lines() > before + 1000);
    send("TERM", &child);
    assert_eq!(wait_for_end(&mut child).signal(), Some(15));
}

#[test]
fn a_signal_ends_any_work_and_leaves_nothing_behind() {
    let folder = Folder::new();
    // The step of a picture is trained without an end.
    let arguments = ["render", "small.rhai", "-o", "x.png", "--step", "1000000000"];
    for (name, number) in [("TERM", 15), ("HUP", 1), ("INT", 2)] {
        let mut child = folder.command(&arguments).spawn().expect("start the program");
        thread::sleep(Duration::from_millis(300));
        send(name, &child);
        assert_eq!(wait_for_end(&mut child).signal(), Some(number));
        assert_eq!(folder.names(), ["small.rhai"]);
    }
}

#[test]
fn the_temporary_file_of_a_killed_process_is_removed_by_the_next_run() {
    let folder = Folder::new();
    let dead = folder.at(".slowgrad-dead01.tmp");
    let alive = fs::File::create(folder.at(".slowgrad-alive1.tmp")).expect("a file");
    alive.lock().expect("lock the file");
    fs::write(&dead, "half of the weights").expect("a file");
    folder.train_well("1", &["--weights-out", "w.json"]);
    assert_eq!(folder.names(), [".slowgrad-alive1.tmp", "small.rhai", "w.json"]);
    drop(alive);
    folder.train_well("1", &["--weights-out", "w.json"]);
    assert_eq!(folder.names(), ["small.rhai", "w.json"]);
}

// Closed pipes.

#[test]
fn every_command_ends_quietly_when_its_reader_is_gone() {
    let folder = Folder::new();
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["list", "loss", "mse"],
        &["explain"],
        &["explain", "unknown-name"],
        &["check"],
        &["check", "small.rhai"],
        &["trace", "small.rhai"],
        &["trace", "large", "--format", "jsonl", "--phase", "forward", "--sample", "1"],
        &["train", "small.rhai", "--steps", "3"],
        &["train", "small.rhai", "--steps", ENDLESS, "--metrics", "-"],
        &["train", "small.rhai", "--steps", "3", "--weights-out", "-"],
        &["new", "loss", "mine"],
        &["definitions", "rhai"],
        &["bench", "--quick", "w1"],
        &["bench", "--quick", "--json", "w1"],
        &["completions", "bash"],
        &["man"],
        &["man", "train"],
        &["--help"],
        &["help", "train"],
        &["--version"],
    ] {
        let mut command = folder.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("start the program");
        drop(child.stdout.take());
        let status = wait_for_end(&mut child);
        let mut problems = String::new();
        child.stderr.take().expect("standard error").read_to_string(&mut problems).expect("UTF-8");
        // The summary of a training whose output is standard output.
        let problems: Vec<&str> = problems.lines().filter(|line| !line.contains(" steps: train loss ")).collect();
        assert_eq!((status.code(), problems), (Some(0), vec![]), "{arguments:?}");
    }
}

#[test]
fn errors_are_silent_when_standard_error_is_closed() {
    let folder = Folder::new();
    for arguments in [&["check", "missing.rhai"][..], &["trace", "missing.rhai"], &["dance"], &["list", "loss", "mine"]]
    {
        let mut child = folder.command(arguments).stderr(Stdio::piped()).spawn().expect("start the program");
        drop(child.stderr.take());
        let code = wait_for_end(&mut child).code();
        assert_eq!(code, Some(1), "{arguments:?}");
    }
}

#[test]
fn training_for_weights_continues_without_a_reader_of_its_metrics() {
    let folder = Folder::new();
    let mut command =
        folder.command(&["train", "small.rhai", "--steps", "5000", "--metrics", "-", "--weights-out", "w.json"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("start the program");
    drop(child.stdout.take());
    assert!(wait_for_end(&mut child).success());
    let weights = folder.read("w.json");
    folder.train_well("5000", &["--weights-out", "w.json"]);
    assert_eq!(folder.read("w.json"), weights);
}

// Settings and the other options.

#[test]
fn settings_and_seed_have_the_effect_of_the_lesson_s_own() {
    let folder = Folder::new();
    let changed = LESSON.replace("\"momentum\"", "\"adam\"").replace("\"tanh\"", "\"leaky_relu\"");
    let changed = changed.replace("batch: 2", "batch: 4").replace("seed: 5", "seed: 11");
    let changed = changed.replace("lr: 0.5", "lr: 0.02, beta1: 0.8, slope: 0.2");
    fs::write(folder.at("changed.rhai"), changed).expect("write the lesson");
    let settings = [
        "--set",
        "slope=0.2",
        "--set",
        "optimizer=adam",
        "--set",
        "activation=leaky_relu",
        "--set",
        "batch=4",
        "--set",
        "lr=0.02",
        "--set",
        "beta1=0.8",
        "--seed",
        "11",
    ];
    folder.train_well("20", &[&["--weights-out", "set.json"], &settings[..]].concat());
    let (code, _, problems) = folder.run(&["train", "changed.rhai", "--steps", "20", "--weights-out", "own.json"]);
    assert_eq!(code, 0, "{problems}");
    folder.train_well("20", &["--weights-out", "plain.json"]);
    assert_eq!(folder.read("set.json"), folder.read("own.json"));
    assert_ne!(folder.read("set.json"), folder.read("plain.json"));
    let trace = |arguments: &[&str]| {
        let (code, text, problems) = folder.run(&[&["trace"], arguments, &["--format", "jsonl"]].concat());
        assert_eq!((code, problems.as_str()), (0, ""));
        text
    };
    let of_settings = trace(&[&["small.rhai"], &settings[..]].concat());
    assert_eq!(json_lines(&of_settings).len(), json_lines(&trace(&["changed.rhai"])).len());
    assert!(of_settings == trace(&["changed.rhai"]) && of_settings != trace(&["small.rhai"]));
    // The seed alone draws other weights.
    assert_ne!(trace(&["small.rhai", "--seed", "6"]), trace(&["small.rhai"]));
    assert_eq!(trace(&["small.rhai", "--seed", "5"]), trace(&["small.rhai"]));
}

#[test]
fn a_wrong_setting_is_refused_with_the_names_that_exist() {
    let folder = Folder::new();
    let own = LESSON.replace("seed: 5", "seed: 5, initializer: \"orthogonal\", weights: [#{ weight: [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]], bias: [0.0, 0.0, 0.0] }, #{ weight: [[1.0, 1.0, 1.0]], bias: [0.0] }]");
    fs::write(folder.at("own.rhai"), own).expect("write the lesson");
    fs::write(folder.at("flat.rhai"), LESSON.replace("[2, 3, 1]", "[2, 1]")).expect("write the lesson");
    for (lesson, setting, part) in [
        ("small.rhai", "optimzer=adam", "did you mean «optimizer»?"),
        ("small.rhai", "optimizer=adm", "there is no optimizer named «adm»; did you mean «adam»?"),
        ("small.rhai", "schedule=zzz", "there is no schedule named «zzz»; choose from "),
        ("small.rhai", "zzz=1", "choose from activation, batch, "),
        ("small.rhai", "momentun=0.5", "did you mean «momentum»?"),
        ("small.rhai", "seed=3", "use --seed 3"),
        ("small.rhai", "lr=fast", "lr must be a number, not fast"),
        ("small.rhai", "lr=nan", "lr must be a number, not nan"),
        ("small.rhai", "batch=0", "batch must be a whole number of 1 or more, not 0"),
        ("small.rhai", "batch=2.5", "batch must be a whole number"),
        ("small.rhai", "lr", "NAME=VALUE"),
        ("small.rhai", "=3", "NAME=VALUE"),
        ("flat.rhai", "activation=relu", "no hidden layer"),
        // The lesson's own weights leave the initializer without an effect.
        ("own.rhai", "gain=2", "this lesson has no setting «gain»"),
    ] {
        for command in [&["train", lesson, "--steps", "1"][..], &["trace", lesson], &["render", lesson, "-o", "x.png"]]
        {
            let (code, _, problems) = folder.run(&[command, &["--set", setting]].concat());
            assert_eq!(code, 2, "{command:?} {setting}: {problems}");
            assert!(problems.contains(part), "{setting}: {problems}");
        }
    }
    // A learning rate on a logarithmic scale: the script's own limit.
    let (code, _, problems) = folder.train("1", &["--set", "lr=-1"]);
    assert!(code == 1 && problems.contains("above 0"), "{problems}");
    assert!(!folder.names().contains(&"x.png".to_owned()));
}

#[test]
fn numbers_outside_their_range_are_refused() {
    let folder = Folder::new();
    for (option, value, range) in [
        ("--progress", "1.5", "from 0 to 1"),
        ("--progress", "-0.1", "from 0 to 1"),
        ("--progress", "nan", "from 0 to 1"),
        ("--time", "nan", "from 0 to 1000000"),
        ("--time", "-1", "from 0 to 1000000"),
        ("--scale", "100", "from 0.25 to 4"),
    ] {
        let option = format!("{option}={value}");
        let (code, _, problems) = folder.run(&["render", "small.rhai", "-o", "x.png", &option]);
        assert_eq!(code, 2, "{option}: {problems}");
        assert!(problems.contains(range), "{option}: {problems}");
    }
    for value in ["nan", "-1", "inf", "1e9", "soon"] {
        let after = format!("--after={value}");
        let (code, _, problems) = folder.run(&["small.rhai", "--screenshot", "x.png", &after]);
        assert_eq!(code, 2, "{value}: {problems}");
        assert!(problems.contains("from 0 to 86400"), "{problems}");
    }
    assert_eq!(folder.names(), ["small.rhai"]);
}

#[test]
fn a_screenshot_of_a_broken_lesson_fails_with_its_errors() {
    let folder = Folder::new();
    fs::write(folder.at("broken.rhai"), LESSON.replace("\"xor\"", "\"xorr\"")).expect("write the lesson");
    let late =
        "fn update(w, grad, state, ctx) {\n    if ctx.step > 2 { throw \"enough\"; }\n    w - ctx.lr * grad\n}\n";
    let stage = "fn perform(stage) { stage.train(20); }";
    let failing =
        LESSON.replace("optimizer: \"momentum\", ", "").replace("fn perform(stage) { }", &format!("{late}{stage}"));
    fs::write(folder.at("late.rhai"), failing).expect("write the lesson");
    for (lesson, part) in [("broken.rhai", "xorr"), ("late.rhai", "enough")] {
        let (code, _, problems) = folder.run(&[lesson, "--screenshot", "x.png"]);
        assert_eq!(code, 1, "{problems}");
        assert!(problems.contains(part) && problems.contains(lesson), "{problems}");
    }
    assert!(!folder.at("x.png").exists());
}

#[test]
fn completions_and_manual_pages_know_every_command() {
    let folder = Folder::new();
    let (_, help, _) = folder.run(&["--help"]);
    let list = help.split("Commands:").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("the commands");
    let commands: Vec<&str> =
        list.lines().filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect();
    assert!(commands.len() >= 11, "{commands:?}");
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (code, text, problems) = folder.run(&["completions", shell]);
        assert_eq!((code, problems.as_str()), (0, ""));
        for name in commands.iter().copied().chain(["weights-out", "screenshot"]) {
            assert!(text.contains(name), "{shell}: {name}");
        }
    }
    let (code, page, _) = folder.run(&["man"]);
    assert_eq!(code, 0);
    assert!(page.contains(".TH slowgrad 1"), "{page}");
    for name in commands {
        assert!(page.contains(&format!("slowgrad\\-{name}(1)")), "{name}: {page}");
        let (code, page, _) = folder.run(&["man", name]);
        assert_eq!(code, 0);
        assert!(
            page.contains(&format!(".TH slowgrad\\-{name} 1")) || page.contains(&format!(".TH slowgrad-{name} 1")),
            "{page}"
        );
    }
    let (code, _, problems) = folder.run(&["man", "trian"]);
    assert_eq!(code, 2);
    assert!(problems.contains("did you mean «train»?"), "{problems}");
    assert_eq!(folder.run(&["completions", "tcsh"]).0, 2);
}
