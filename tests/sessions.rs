//! Sessions on the command line: a session is taken like a lesson, also without its lesson's folder.

mod common;

use common::{root, run, slowgrad};
use serde_json::Value;
use slowgrad_engine::shape::Parameter;
use slowgrad_script::{Files, Library, Limits, Root};
use slowgrad_session::{
    Backend, BackendCommand, BackendLink as _, Change, Clock, DrawerTab, InlineBackend, Machine, OpenPanels, OpenPlots,
    Session, SessionFile, shipped,
};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

const LESSON: &str = r#"
fn lesson() {
    #{ title: "Mine", layers: [2, 3, 1], activation: "tanh", output: "sigmoid", loss: "own",
       optimizer: "adam", data: csv("points.csv", #{ inputs: ["a", "b"], target: "y" }), seed: 5 }
}
"#;
const LOSS: &str = "fn loss(output, target) { let d = output[0] - target[0]; d * d }\n";
const DATA: &str = "a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n";
const FILES: [(&str, &str); 3] = [("m.rhai", LESSON), ("losses/own.rhai", LOSS), ("points.csv", DATA)];

/// A folder with the lesson.
fn lesson_folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::create_dir(folder.path().join("losses")).expect("a folder");
    for (path, text) in FILES {
        fs::write(folder.path().join(path), text).expect("a file");
    }
    folder
}

/// A session of the lesson in a folder that does not exist. Its run has done `commands`.
fn session(commands: impl IntoIterator<Item = BackendCommand>) -> SessionFile {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    let clock = Clock::new(|| START.elapsed());
    let files = Files::from_iter(FILES.map(|(path, text)| (path, text.as_bytes())));
    let library = Library { roots: vec![shipped::shipped(), Root { name: "/nowhere/lessons".into(), files }] };
    let mut link = InlineBackend::new(Backend::new(library, Limits::default(), Machine { clock, max_threads: 1 }));
    link.send(BackendCommand::Open("m.rhai".into()));
    let mut session = Session::new(link);
    for command in commands {
        session.send(command);
        assert!(session.run_until_idle(clock.deadline(Duration::from_mins(1))));
    }
    let panels = OpenPanels { tab: DrawerTab::Script, plots: OpenPlots::default(), unsaved: Vec::new() };
    session.to_file(panels).expect("a session")
}

/// A session file alone in a folder.
fn saved(session: &SessionFile) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("sent.session.json");
    fs::write(&file, session.text()).expect("a file");
    (folder, file)
}

fn succeeds(command: &[&dyn AsRef<std::ffi::OsStr>]) -> String {
    let (code, out, problems) = run(slowgrad().args(command));
    assert_eq!(code, 0, "{problems}");
    out
}

fn weights(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).expect("weights")).expect("JSON")
}

#[test]
fn a_session_without_its_folder_is_traced_checked_and_trained_further() {
    let (here, file) = saved(&session([BackendCommand::Seek(41)]));
    let lesson = lesson_folder();
    let lesson = lesson.path().join("m.rhai");

    // The shown step by default, and any other.
    let shown = succeeds(&[&"trace", &file, &"--format", &"jsonl"]);
    assert_eq!(shown, succeeds(&[&"trace", &lesson, &"--step", &"41", &"--format", &"jsonl"]));
    let early = succeeds(&[&"trace", &file, &"--step", &"7", &"--format", &"jsonl"]);
    assert_eq!(early, succeeds(&[&"trace", &lesson, &"--step", &"7", &"--format", &"jsonl"]));

    // Adam's state continues: 40 + 60 steps are 100 steps.
    let (one, other) = (here.path().join("one.json"), here.path().join("other.json"));
    let metrics = here.path().join("m.jsonl");
    succeeds(&[&"train", &file, &"--steps", &"60", &"--weights-out", &one, &"--metrics", &metrics]);
    succeeds(&[&"train", &lesson, &"--steps", &"100", &"--weights-out", &other]);
    assert_eq!(weights(&one), weights(&other));
    let metrics = fs::read_to_string(metrics).expect("metrics");
    let steps: Vec<Value> = metrics.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")).collect();
    assert_eq!((steps.len(), &steps[0]["step"], &steps[59]["step"]), (60, &41.into(), &100.into()));

    let checked = succeeds(&[&"check", &file]);
    assert!(checked.contains("sent.session.json: ok"), "{checked}");
    let (code, _, problems) = run(slowgrad().arg("train").arg(&file).args(["--steps", "1", "--weights-in"]).arg(&one));
    assert!(code == 2 && problems.contains("has its own weights"), "{problems}");
}

#[test]
fn a_session_trains_on_with_its_changes() {
    let weight = |value| Change::Parameter { parameter: Parameter { layer: 0, neuron: 1, input: None }, value }.into();
    let all = [BackendCommand::Seek(11), weight(0.5), BackendCommand::Seek(21), weight(0.25), BackendCommand::Seek(31)];
    let (here, whole) = saved(&session(all.clone()));
    // The same run, shown at an earlier step: training makes the later change again.
    let (_there, early) = saved(&session(all.into_iter().chain([BackendCommand::Seek(16)])));
    let (one, other) = (here.path().join("one.json"), here.path().join("other.json"));
    succeeds(&[&"train", &whole, &"--steps", &"5", &"--weights-out", &one]);
    succeeds(&[&"train", &early, &"--steps", &"20", &"--weights-out", &other]);
    assert_eq!(weights(&one), weights(&other));
}

#[test]
fn the_files_of_the_folder_do_not_change_the_results_of_commands() {
    let lesson = lesson_folder();
    let file = lesson.path().join("m.session.json");
    let text = session([BackendCommand::Seek(5)]).text().replace("/nowhere/lessons/m.rhai", "./m.rhai");
    fs::write(&file, text).expect("a file");
    let before = succeeds(&[&"trace", &file]);
    fs::write(lesson.path().join("losses/own.rhai"), LOSS.replace("d * d", "2.0 * d * d")).expect("a file");
    fs::remove_file(lesson.path().join("m.rhai")).expect("remove the lesson");
    assert_eq!(succeeds(&[&"trace", &file]), before);
}

#[test]
fn older_formats_open_from_their_texts() {
    let traced = succeeds(&[&"trace", &root().join("tests/sessions/format-2.session.json")]);
    assert!(traced.contains("step 2"), "{traced}");
    // The hidden layer has one neuron more than in the text of the lesson.
    assert!(traced.contains("2–4–1") || traced.contains("2-4-1"), "{traced}");
    let first = r#"{"slowgrad":"session","version":1,"lesson":"welcome","title":"T","seed":4,
        "changes":[{"after":2,"change":{"freeze":{"parameters":[],"is_frozen":true}}}],"step":3,"position":1.5,
        "trained":8,"loss":null,"granularity":"layer","speed":1.0,"cue":0,"moved":[],"panels":{"tab":"script"}}"#;
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("first.session.json");
    fs::write(&file, first).expect("a file");
    assert!(succeeds(&[&"trace", &file]).contains("step 3"));
}

#[test]
fn a_session_that_asks_for_too_much_ends_with_the_reason() {
    let text = session([BackendCommand::Seek(5)]).text();
    let mut value: Value = serde_json::from_str(&text).expect("JSON");
    value["run"]["trained"] = 10_000_000_000_u64.into();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("long.session.json");
    // With weights it opens, and continues from them.
    fs::write(&file, value.to_string()).expect("a file");
    succeeds(&[&"train", &file, &"--steps", &"3"]);
    value.as_object_mut().expect("an object").remove("state");
    fs::write(&file, value.to_string()).expect("a file");
    let (code, _, problems) = run(slowgrad().args(["train", "--steps", "3"]).arg(&file));
    assert!(code == 1 && problems.contains("stores no weights"), "{problems}");

    let lesson = folder.path().join("long.rhai");
    fs::write(&lesson, format!("{LESSON}\nfn perform(stage) {{ stage.train(9000000000000000000); }}")).expect("a file");
    fs::write(folder.path().join("points.csv"), DATA).expect("a file");
    fs::create_dir(folder.path().join("losses")).expect("a folder");
    fs::write(folder.path().join("losses/own.rhai"), LOSS).expect("a file");
    let (code, _, problems) = run(slowgrad().arg("check").arg(&lesson));
    assert!(code == 1 && problems.contains("trains at most 1000000000 steps"), "{problems}");

    for after in ["nan", "inf", "-1", "1e9"] {
        let after = format!("--after={after}");
        let (code, _, problems) = run(slowgrad().args(["welcome", "--screenshot", "x.png", &after]));
        assert!(code == 2 && problems.contains("seconds"), "{problems}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn lessons_and_sessions_in_folders_that_are_not_utf8_work() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = tempfile::tempdir().expect("a folder");
    let odd = folder.path().join(std::ffi::OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir_all(odd.join("losses")).expect("a folder");
    let lesson = odd.join(std::ffi::OsStr::from_bytes(b"m\xff.rhai"));
    for (path, text) in [("points.csv", DATA), ("losses/own.rhai", LOSS)] {
        fs::write(odd.join(path), text).expect("a file");
    }
    fs::write(&lesson, LESSON).expect("a file");
    assert!(succeeds(&[&"train", &lesson, &"--steps", &"3"]).starts_with("3 steps"));
    let file = odd.join(std::ffi::OsStr::from_bytes(b"s\xfe.session.json"));
    fs::write(&file, session([BackendCommand::Seek(5)]).text()).expect("a file");
    assert!(succeeds(&[&"trace", &file]).contains("step 5"));
    assert_eq!(fs::read_dir(folder.path()).expect("entries").count(), 1, "nothing is written elsewhere");
}
