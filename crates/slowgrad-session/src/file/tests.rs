//! Sessions are saved, parsed and restored.

use super::*;
use crate::backend::link::InlineBackend;
use crate::protocol::{Change, Recipe, RecordedChange, ScriptTexts, Slot, UndoEntry, UndoHistory};
use crate::session::{Editable, RunAction, Session};
use crate::shipped;
use crate::testing::{inline, timeout};
use slowgrad_engine::run::{LossCurve, LossPoint};
use slowgrad_engine::spec::ParamValue;
use slowgrad_script::{Library, Limits};
use slowgrad_timeline::playback::cue::Plot;
use slowgrad_timeline::playback::playhead;

pub(super) fn finish(session: &mut Session) {
    while session.is_busy() {
        assert!(session.run_until_idle(timeout()));
    }
    session.tick(0.0);
}

pub(super) fn start(first: BackendCommand) -> InlineBackend {
    inline(Library { roots: vec![shipped::shipped()] }, Limits::default(), first)
}

#[test]
fn a_restored_session_equals_the_saved_one() {
    let lesson = "lessons/sgd-and-momentum.rhai".to_owned();
    let mut session = Session::new(start(BackendCommand::Open(lesson.clone())));
    finish(&mut session);
    session.act(RunAction::Reseed);
    finish(&mut session);
    session.edit(Editable::Parameter(1), 0.1 + 0.2);
    session.go_to_step(40);
    finish(&mut session);
    session.set_control(Slot::Optimizer, &[], "lr", ParamValue::Number(0.0625));
    session.send(Change::Arrange([(Target::Input(0), [3.0, -4.5])].into()).into());
    session.set_activation(0, "softplus");
    // The loss function changes from here on, and a change in the past abandons a branch.
    let (root, path_of_loss) = (shipped::shipped(), "losses/mse.rhai");
    let text = root.files.get(path_of_loss).and_then(|bytes| std::str::from_utf8(bytes).ok()).expect("it is shipped");
    let bytes = Some(text.replace("sum / ", "2.0 * sum / ").into_bytes());
    session.send(BackendCommand::ReloadFile { root: root.name, path: path_of_loss.into(), bytes, at_once: true });
    session.go_to_step(50);
    finish(&mut session);
    session.go_to_step(45);
    session.set_activation(0, "tanh");
    session.set_activation(0, "elu");
    session.act(RunAction::Undo);
    session.go_to_step(12);
    finish(&mut session);
    session.act(RunAction::Coarser);
    session.act(RunAction::Faster);
    session.act(RunAction::Loop);
    session.take_over(&playhead::Command::Seek(17));
    session.view.selected = Some(Target::Weight { layer: 0, neuron: 1, input: 0 });
    session.view.zoom_by(1.5);
    session.bookmarks.insert(Bookmark { name: "look".into(), step: 3, event: 5 });
    let panels = OpenPanels {
        tab: DrawerTab::Console,
        plots: OpenPlots { shown: vec![Plot::Histograms], open: true, log_losses: true, ..OpenPlots::default() },
        unsaved: Vec::new(),
    };
    session.send(BackendCommand::Compare(Some(Difference::slider(Slot::Optimizer, "sgd", "lr", 0.25))));
    finish(&mut session);
    let saved = session.to_file(panels.clone()).expect("a session");
    let read = SessionFile::parse(saved.text().as_bytes()).expect("the same");
    assert_eq!(read, saved, "{}", saved.text());

    let mut again = Session::new(start(read.command(lesson))).restoring(read);
    finish(&mut again);
    assert_eq!(again.take_restored_panels().as_ref(), Some(&panels));
    let now = again.to_file(panels).expect("a session");
    assert_eq!(now, saved);
    assert!(
        now.run.recipe.abandoned_branch.is_some()
            && now.run.undo_history.undo.len() == 7
            && now.run.undo_history.redo.len() == 1
    );
    let notices: Vec<&str> = again.notices.iter().map(|notice| notice.text.as_str()).collect();
    // In this library the script has its original text.
    assert_eq!(notices, ["losses/mse.rhai has changed since: the current version runs from the next step"]);
    let weights = |session: &Session| session.now().map(|(timeline, _)| timeline.step().before.values.clone());
    assert_eq!(weights(&again), weights(&session));
}

#[test]
fn texts_curves_and_undo_history_survive_a_round_trip() {
    let texts = |pairs: &[(&str, &str)]| -> ScriptTexts {
        pairs.iter().map(|(path, text)| ((*path).to_owned(), Arc::from(*text))).collect()
    };
    let lesson = ("a.rhai", "fn lesson() {\r\n}\n\n");
    let recorded = |after, scripts, change| RecordedChange { after, scripts, change };
    let first = recorded(3, texts(&[]), Some(Change::Input { sample: 0, input: 1, value: 0.1 + 0.2 }));
    let exchange = recorded(5, texts(&[("losses/own.rhai", ""), lesson]), None);
    let points = [0.1 + 0.2, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 1e-300];
    let points = (4..).zip(points).map(|(step, loss)| LossPoint { step, loss }).collect();
    let abandoned_branch = Some(Arc::new(LossCurve::from_points(points)));
    let now = Recipe {
        seed: Some(u64::MAX),
        scripts: Arc::new(texts(&[lesson, ("losses/own.rhai", "old")])),
        changes: [first.clone(), exchange.clone()].into(),
        arrangement: [(Target::Loss, [0.5, -1.0])].into(),
        step: 7,
        furthest: 9,
        abandoned_branch: abandoned_branch.clone(),
    };
    let entry = |words: &str, recipe| UndoEntry { name: words.into(), recipe };
    let early =
        Recipe { changes: [].into(), arrangement: [].into(), abandoned_branch: None, seed: None, ..now.clone() };
    let other = Recipe { changes: [exchange].into(), scripts: Arc::default(), step: 2, ..early.clone() };
    let undo_history = UndoHistory {
        undo: vec![
            entry("one", early.clone()),
            entry("two", Recipe { changes: [first].into(), abandoned_branch, ..early.clone() }),
            entry("three", Recipe { changes: now.changes.clone(), ..early }),
            entry("four", other.clone()),
        ],
        redo: vec![entry("five", now.clone()), entry("six", other)],
    };
    let runs = RunsDto { recipe: now, undo_history: Arc::new(undo_history), built_in: Arc::default() };
    let text = serde_json::to_string_pretty(&runs).expect("JSON");
    assert_eq!(serde_json::from_str::<RunsDto>(&text).expect("the same"), runs, "{text}");
    assert_eq!(text.matches("fn lesson").count(), 1, "each text is stored once: {text}");
    assert!(text.contains("\"began_with\": [0,1]"), "{text}");
    for (whole, broken) in [("[0,1]", "[0,4]"), ("\"same\": 1", "\"same\": 2")] {
        assert!(text.contains(whole), "{text}");
        let error =
            serde_json::from_str::<RunsDto>(&text.replace(whole, broken)).expect_err("it is broken").to_string();
        assert!(error.contains("missing script or change"), "{error}");
    }
}

#[test]
fn a_session_of_the_first_version_can_be_read() {
    let text = r#"{"slowgrad":"session","version":1,"lesson":"welcome","title":"T","seed":4,
        "changes":[{"after":2,"change":{"freeze":{"parameters":[],"is_frozen":true}}}],"step":3,"position":1.5,
        "trained":8,"loss":null,"granularity":"layer","speed":1.0,"cue":0,"moved":[["loss",[1.0,2.0]]],
        "panels":{"tab":"script"}}"#;
    let read = SessionFile::parse(text.as_bytes()).expect("a session");
    let change = Some(Change::Freeze { parameters: Vec::new(), frozen: true });
    let expected = Recipe {
        seed: Some(4),
        changes: [RecordedChange { after: 2, scripts: ScriptTexts::new(), change }].into(),
        arrangement: [(Target::Loss, [1.0, 2.0])].into(),
        step: 3,
        furthest: 8,
        ..Recipe::default()
    };
    assert_eq!((read.run.recipe, read.position), (expected, 1.5));
}

#[test]
fn invalid_files_are_rejected_with_a_reason() {
    let error = |text: &str| SessionFile::parse(text.as_bytes()).expect_err("it is none").to_string();
    assert!(error("{").contains("is not a session file"));
    assert!(error("{}").contains("\"slowgrad\": \"session\""));
    assert!(error(r#"{"slowgrad": "session", "version": 99, "more": 1}"#).contains("newer slowgrad (file version 99"));
    assert!(error(r#"{"slowgrad": "session", "version": 1}"#).contains("missing field"));
}

#[test]
fn a_session_holds_the_scripts_and_the_data_of_its_lesson() {
    let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 2, 1], activation: "tanh", loss: "own", optimizer: "sgd",
        data: csv("points.csv", #{ inputs: ["a", "b"], target: "y" }) } }"#;
    let loss = "fn loss(output, target) { let d = output[0] - target[0]; d * d }";
    let csv = "a,b,y\r\n0,1,1\n1,0,0\n";
    let files = [("t.rhai", lesson), ("losses/own.rhai", loss), ("points.csv", csv), ("unused.csv", csv)];
    let files = slowgrad_script::Files::from_iter(files.map(|(path, text)| (path, text.as_bytes())));
    let own = slowgrad_script::Root { name: "/lessons".into(), files };
    let library = Library { roots: vec![shipped::shipped(), own] };
    let mut session = Session::new(inline(library.clone(), Limits::default(), "t.rhai"));
    finish(&mut session);
    session.go_to_step(5);
    finish(&mut session);
    let panels = OpenPanels { tab: DrawerTab::Script, plots: OpenPlots::default(), unsaved: Vec::new() };
    let saved = session.to_file(panels.clone()).expect("a session");
    let read = SessionFile::parse(saved.text().as_bytes()).expect("the same");
    assert_eq!(read, saved);
    assert_eq!((read.lesson.as_str(), read.lesson_path()), ("/lessons/t.rhai", Some("t.rhai")));
    let own = read.own_files();
    let texts: Vec<(&str, &[u8])> = own.iter().map(|(path, bytes)| (path.as_str(), &**bytes)).collect();
    let expected: [(&str, &[u8]); 3] =
        [("losses/own.rhai", loss.as_bytes()), ("t.rhai", lesson.as_bytes()), ("points.csv", csv.as_bytes())];
    assert_eq!(texts, expected);
    assert!(read.all_files().iter().any(|(path, _)| path == "activations/tanh.rhai"));

    // It opens from these files, and refers to the same lesson when it is saved again.
    let held = slowgrad_script::Root { name: SESSION_ROOT.into(), files: own.into_iter().collect() };
    let library = Library { roots: vec![shipped::shipped(), held] };
    let link = inline(library, Limits::default(), read.command("t.rhai".into()));
    let mut again = Session::new(link).restoring(read);
    finish(&mut again);
    let restored = again.to_file(panels).expect("a session");
    assert_eq!(restored, saved);
    let notices: Vec<&str> = again.notices.iter().map(|notice| notice.text.as_str()).collect();
    assert_eq!(notices, [""; 0]);
}

#[test]
fn large_data_is_stored_as_a_digest() {
    let file = |path: &str, bytes: usize| crate::protocol::UsedFile {
        path: path.into(),
        root: "/lessons".into(),
        bytes: vec![b'x'; bytes].into(),
    };
    let files = embed(&[file("a.csv", 10), file("b.csv", limits::MAX_DATA_BYTES), file("c.safetensors", 20)]);
    let text = serde_json::to_string(&files).expect("JSON");
    assert!(text.len() < 1_000, "{text}");
    let read: Vec<DataFile> = serde_json::from_str(&text).expect("the same");
    assert_eq!(read, files);
    assert_eq!(Digest::of(b"foobar").fnv1a, "85944171f73967e8");
    let whole: Vec<bool> = read.iter().map(|file| matches!(file.contents, DataContents::Whole(_))).collect();
    assert_eq!(whole, [true, false, true]);
}
