//! The editor with files in memory, a real backend and the real panels, without a screen.

use super::*;
use crate::actions::Action;
use crate::platform::{FileRef, KnownSession, NoFiles, ScriptTarget};
use crate::state::App;
use egui::{Event as Input, ImeEvent, Key, Modifiers, RawInput};
use slowgrad_script::{Files, Library, Limits, Root};
use slowgrad_session::shipped;
use slowgrad_session::testing::{inline, lesson, timeout};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

const LESSON: &str =
    "fn lesson() {\r\n    #{ title: \"T\", layers: [2, 2, 1], optimizer: \"own\", data: \"xor\", seed: 3 }\r\n}\r\n";
const OPTIMIZER: &str = "// né\nfn update(w, grad, state, ctx) {\n    w - ctx.lr * grad\n}\n";

/// The root of the files.
const ROOT: &str = "own";

/// A lesson folder in memory.
#[derive(Debug, Clone, Default)]
struct Folder(Rc<RefCell<BTreeMap<String, Vec<u8>>>>);

impl Folder {
    fn write(&self, path: &str, text: &str) {
        self.0.borrow_mut().insert(path.into(), text.into());
    }

    fn read(&self, path: &str) -> String {
        String::from_utf8(self.0.borrow()[path].clone()).expect("a text")
    }
}

impl Platform for Folder {
    fn known_sessions(&self) -> Vec<KnownSession> {
        Vec::new()
    }

    fn suggested_session(&self, _: &str, _: &str) -> FileRef {
        FileRef::default()
    }

    fn exists(&self, _: &FileRef) -> bool {
        false
    }

    fn script_target(&self, root: &str) -> Option<ScriptTarget> {
        Some(ScriptTarget { root: ROOT.into(), copy: root != ROOT })
    }

    fn save_script(&mut self, script: ScriptSave<'_>) -> Result<FileRef, ScriptSaveError> {
        let mut files = self.0.borrow_mut();
        match (files.get(script.path), script.expected) {
            (Some(found), expected) if expected != Some(found) => {
                return Err(ScriptSaveError::Changed(found.as_slice().into()));
            }
            (None, Some(_)) => return Err(ScriptSaveError::Gone),
            _ => {}
        }
        files.insert(script.path.into(), script.bytes.to_vec());
        Ok(FileRef::new(script.path))
    }
}

/// An app without a screen.
struct EditorHarness {
    folder: Folder,
    app: App,
    session: Session,
    secs: f64,
    /// Whether input methods may write in the last frame.
    accepts_ime: bool,
}

impl EditorHarness {
    fn open() -> Self {
        let folder = Folder::default();
        let scripts = [("lesson.rhai", LESSON), ("optimizers/own.rhai", OPTIMIZER)];
        for (path, text) in scripts {
            folder.write(path, text);
        }
        let files = Files::from_iter(scripts.map(|(path, text)| (path, text.as_bytes())));
        let library = Library { roots: vec![shipped::shipped(), Root { name: ROOT.into(), files }] };
        let session = Session::new(inline(library, Limits::default(), "lesson.rhai"));
        let app = App::new(egui::Context::default(), folder.clone());
        let mut harness = Self { folder, app, session, secs: 0.0, accepts_ime: false };
        harness.settle();
        harness.frame(Vec::new());
        harness
    }

    fn settle(&mut self) {
        assert!(self.session.run_until_idle(timeout()));
    }

    fn frame(&mut self, events: Vec<Input>) {
        self.secs += 0.1;
        let size = egui::vec2(1280.0, 720.0);
        let raw = RawInput {
            screen_rect: Some(egui::Rect::from_min_size(egui::Pos2::ZERO, size)),
            time: Some(self.secs),
            focused: true,
            events,
            ..RawInput::default()
        };
        let ctx = self.app.context().clone();
        let output = ctx.run_ui(raw, |ui| self.app.window_ui(ui, &mut self.session));
        self.accepts_ime = output.platform_output.ime.is_some();
        output.drop_without_applying_deltas();
    }

    fn edit(&mut self, path: &str) {
        self.app.act(Action::Script, &mut self.session);
        assert!(self.app.editor.show(path, &self.session));
        self.app.editor.target = Some(0..0);
        // The first frame requests the focus, the second has it.
        self.frame(Vec::new());
        self.frame(Vec::new());
        assert!(self.app.is_editing_text());
    }

    /// Presses keys within one frame.
    fn press(&mut self, events: Vec<Input>) {
        self.frame(events);
        while !self.app.editor.waiting.is_empty() {
            self.frame(Vec::new());
        }
        self.frame(Vec::new());
    }

    fn text(&self) -> &str {
        &self.app.editor.document().expect("a document").text
    }

    fn at(&mut self, before: &str) {
        let at = self.text().find(before).expect("it is there") + before.len();
        self.app.editor.target = Some(at..at);
        self.frame(Vec::new());
    }

    fn file(&self, path: &str) -> String {
        self.folder.read(path)
    }
}

fn key(key: Key, modifiers: Modifiers) -> Input {
    Input::Key { key, physical_key: None, pressed: true, repeat: false, modifiers }
}

fn plain(name: Key) -> Input {
    key(name, Modifiers::NONE)
}

fn ctrl(name: Key) -> Input {
    key(name, Modifiers::COMMAND)
}

fn typed(text: &str) -> Input {
    Input::Text(text.into())
}

#[test]
fn the_key_that_opens_the_editor_is_not_typed_into_it() {
    let mut harness = EditorHarness::open();
    harness.press(vec![plain(Key::E), typed("e")]);
    harness.press(Vec::new());
    assert!(harness.app.is_editing_text());
    assert!(harness.app.editor.unsaved().is_empty());
}

#[test]
fn keys_of_one_frame_count_in_their_order() {
    let mut harness = EditorHarness::open();
    harness.edit("optimizers/own.rhai");
    harness.at("ctx) {");
    harness.press(vec![
        plain(Key::Enter),
        typed("let é = #{"),
        plain(Key::Enter),
        typed("a: 1"),
        plain(Key::Enter),
        typed("}"),
        typed(";"),
        ctrl(Key::S),
        typed(" // more"),
    ]);
    let saved = OPTIMIZER.replace("ctx) {", "ctx) {\n    let é = #{\n        a: 1\n    };");
    assert_eq!(harness.file("optimizers/own.rhai"), saved);
    assert_eq!(harness.text(), saved.replace("};", "}; // more"));
    assert_eq!(harness.app.editor.unsaved(), ["optimizers/own.rhai"]);
    harness.press(vec![ctrl(Key::Slash)]);
    assert!(harness.text().contains("\n    // }; // more"), "{}", harness.text());
}

#[test]
fn an_input_method_composes_and_commits_text() {
    let mut harness = EditorHarness::open();
    assert!(!harness.accepts_ime);
    harness.edit("optimizers/own.rhai");
    harness.at("// né");
    assert!(harness.accepts_ime, "the window lets the input method write");
    let compose = |text: &str| Input::Ime(ImeEvent::Preedit { text: text.into(), active_range_chars: None });
    harness.press(vec![compose("gaku")]);
    harness.press(vec![compose("gakushuu")]);
    assert!(harness.text().starts_with("// négakushuu\n"), "{}", harness.text());
    // Enter ends the composition and is not typed.
    harness.press(vec![compose(""), Input::Ime(ImeEvent::Commit("学習".into()))]);
    harness.press(vec![typed("!")]);
    assert_eq!(harness.text(), OPTIMIZER.replace("né", "né学習!"));
    assert_eq!(harness.app.editor.unsaved(), ["optimizers/own.rhai"]);
    harness.press(vec![Input::Ime(ImeEvent::DeleteSurrounding { before_chars: 2, after_chars: 0 })]);
    assert_eq!(harness.text(), OPTIMIZER.replace("né", "né学"));
}

#[test]
fn typing_is_undone_and_redone() {
    let mut harness = EditorHarness::open();
    harness.edit("optimizers/own.rhai");
    let rest = |harness: &mut EditorHarness| (0..15).for_each(|_| harness.frame(Vec::new()));
    harness.at("ctx) {");
    rest(&mut harness);
    harness.press(vec![plain(Key::Enter)]);
    rest(&mut harness);
    let indented = OPTIMIZER.replace("ctx) {", "ctx) {\n    ");
    assert_eq!(harness.text(), indented);
    harness.press(vec![ctrl(Key::Z)]);
    assert_eq!(harness.text(), OPTIMIZER);
    assert!(harness.app.editor.unsaved().is_empty());
    harness.press(vec![key(Key::Z, Modifiers::COMMAND | Modifiers::SHIFT)]);
    assert_eq!(harness.text(), indented);
}

#[test]
fn typed_keys_are_not_actions() {
    let mut harness = EditorHarness::open();
    harness.edit("optimizers/own.rhai");
    let state = |harness: &EditorHarness| {
        let playhead = harness.session.playhead.as_ref().expect("a playhead");
        (
            playhead.position(),
            playhead.is_playing(),
            harness.app.drawer.tab(),
            harness.app.theme().dark_mode,
            harness.session.is_full_speed(),
        )
    };
    let before = state(&harness);
    let keys = [Key::Space, Key::ArrowRight, Key::ArrowUp, Key::Home, Key::T, Key::D, Key::S, Key::L, Key::PageDown];
    harness.press(keys.map(plain).to_vec());
    harness.press(vec![ctrl(Key::ArrowRight), ctrl(Key::R), ctrl(Key::N)]);
    assert_eq!(state(&harness), before);
    assert!(!harness.session.is_busy());
    // The first Escape leaves the text, the second closes the editor.
    harness.press(vec![plain(Key::Escape)]);
    assert!(!harness.app.is_editing_text() && harness.app.editor.is_open());
    harness.press(vec![plain(Key::Escape)]);
    assert!(!harness.app.editor.is_open());
}

#[test]
fn names_are_completed_by_keys() {
    let mut harness = EditorHarness::open();
    harness.edit("optimizers/own.rhai");
    harness.at("ctx.lr * ");
    harness.press(vec![typed("soft")]);
    let names = |harness: &EditorHarness| -> Vec<String> {
        harness.app.editor.list.iter().flat_map(|list| list.names.iter().map(|name| name.text.clone())).collect()
    };
    assert!(names(&harness).len() > 1, "{:?}", names(&harness));
    harness.press(vec![plain(Key::Escape)]);
    assert!(names(&harness).is_empty() && harness.app.is_editing_text());
    harness.press(vec![ctrl(Key::Space)]);
    let second = names(&harness)[1].clone();
    harness.press(vec![plain(Key::ArrowDown), plain(Key::Tab), typed("(")]);
    assert!(harness.text().contains(&format!("ctx.lr * {second}(grad")), "{}", harness.text());
    assert!(harness.app.is_editing_text());
}

#[test]
fn a_definition_is_found() {
    let mut harness = EditorHarness::open();
    harness.edit("optimizers/own.rhai");
    harness.at("ctx.lr * gr");
    harness.press(vec![plain(Key::F12)]);
    let parameter = harness.text().find("grad").expect("it is there");
    assert_eq!(harness.app.editor.selection(), parameter..parameter);
}

#[test]
fn a_saved_script_runs_unless_it_is_broken() {
    let mut harness = EditorHarness::open();
    let rate = |harness: &EditorHarness| {
        let slots = &harness.session.snapshot.as_ref().expect("a snapshot").setup.as_ref().expect("a set-up").slots;
        slots.iter().find(|slot| slot.name == "own").expect("the optimizer").controls.len()
    };
    let controls = rate(&harness);
    harness.edit("optimizers/own.rhai");
    harness.at("ctx) {\n");
    harness.press(vec![typed("    let x = ctx.oops;\n"), plain(Key::Enter), ctrl(Key::S)]);
    harness.settle();
    harness.frame(Vec::new());
    let marks = harness.app.editor.marks(&harness.session);
    assert_eq!(errors(&marks), 1, "{marks:?}");
    assert!(harness.text()[marks[0].range.clone()].contains("oops"));
    // Text typed before a mark moves the mark; text typed into it removes the mark.
    harness.app.editor.select(0..0);
    harness.app.editor.edit(|_, _| TextChange::insert(0..0, "// ∂\n"));
    let moved = harness.app.editor.marks(&harness.session);
    assert_eq!(moved[0].range.start, marks[0].range.start + "// ∂\n".len());

    let good = format!("fn params() {{ #{{ more: slider(0.5, 0.0, 1.0) }} }}\n{OPTIMIZER}");
    harness.app.editor.document_mut().expect("a document").text.clone_from(&good);
    harness.press(vec![ctrl(Key::S)]);
    harness.settle();
    harness.frame(Vec::new());
    assert!(harness.app.editor.marks(&harness.session).is_empty());
    assert!(harness.app.editor.unsaved().is_empty());
    assert_eq!(rate(&harness), controls + 1);
}

#[test]
fn a_built_in_script_is_saved_as_a_copy_that_replaces_it() {
    let mut harness = EditorHarness::open();
    harness.edit("losses/mse.rhai");
    assert_ne!(harness.app.editor.document().expect("a document").root, ROOT);
    harness.press(vec![typed("// mine"), plain(Key::Enter), ctrl(Key::S)]);
    assert!(harness.file("losses/mse.rhai").starts_with("// mine\n"));
    let (tone, message) = harness.app.editor.message().expect("a message");
    assert!(tone == Tone::Good && message.contains("copy") && message.contains("losses/mse.rhai"), "{message}");
    harness.settle();
    let file =
        files(&harness.session).iter().find(|file| file.path == "losses/mse.rhai").expect("it is in use").clone();
    assert!(file.bytes.starts_with(b"// mine"));
    assert_eq!(file.root, ROOT);
    // The copy is then saved like any other file.
    harness.press(vec![typed("// again"), ctrl(Key::S)]);
    assert!(harness.file("losses/mse.rhai").contains("// again"));
}

#[test]
fn changes_by_another_program_are_a_conflict() {
    let mut harness = EditorHarness::open();
    harness.edit("lesson.rhai");
    harness.press(vec![typed("// mine"), plain(Key::Enter)]);
    harness.folder.write("lesson.rhai", "// theirs\n");
    harness.press(vec![ctrl(Key::S)]);
    assert!(harness.app.editor.document().expect("a document").conflict.is_some());
    assert_eq!(harness.file("lesson.rhai"), "// theirs\n");
    harness.press(vec![ctrl(Key::S)]);
    assert_eq!(harness.file("lesson.rhai"), "// theirs\n");
    let EditorHarness { app, session, .. } = &mut harness;
    app.editor.keep_mine(session, app.platform.platform_mut());
    assert!(harness.file("lesson.rhai").starts_with("// mine\n"));
    assert!(harness.app.editor.unsaved().is_empty());
}

#[test]
fn line_endings_stay_and_the_window_asks_before_it_closes() {
    let mut harness = EditorHarness::open();
    assert!(harness.app.confirm_close());
    harness.edit("lesson.rhai");
    harness.press(vec![typed("// é"), plain(Key::Enter)]);
    assert!(!harness.app.confirm_close());
    harness.frame(Vec::new());
    assert!(!harness.app.is_editing_text() && !harness.app.is_closing());
    harness.press(vec![plain(Key::Escape)]);
    assert!(harness.app.overlays.overlay().is_none());
    // The text survives a switch to another script.
    assert!(harness.app.editor.show("optimizers/own.rhai", &harness.session));
    harness.frame(Vec::new());
    assert_eq!(harness.app.editor.unsaved(), ["lesson.rhai"]);
    let EditorHarness { app, session, .. } = &mut harness;
    assert!(app.editor.save_all(session, app.platform.platform_mut()));
    assert_eq!(harness.file("lesson.rhai"), format!("// é\r\n{LESSON}"));
    assert!(harness.app.confirm_close());
}

#[test]
fn a_check_finds_problems_in_an_unsaved_text() {
    let mut harness = EditorHarness::open();
    harness.edit("optimizers/own.rhai");
    harness.press(vec![ctrl(Key::Enter)]);
    harness.settle();
    harness.frame(Vec::new());
    assert!(!harness.app.editor.is_checking());
    assert!(harness.app.editor.checked(&harness.session).expect("it was checked").problems.is_empty());
    harness.at("ctx.lr * ");
    harness.press(vec![typed("z"), ctrl(Key::Enter)]);
    harness.settle();
    let marks = harness.app.editor.marks(&harness.session);
    assert_eq!(errors(&marks), 1, "{marks:?}");
    assert!(harness.text()[marks[0].range.clone()].contains("zgrad"));
    assert_eq!(harness.file("optimizers/own.rhai"), OPTIMIZER);
    // The result does not apply to another text.
    harness.press(vec![typed("z")]);
    assert!(harness.app.editor.checked(&harness.session).is_none());
}

#[test]
fn printed_lines_link_to_their_script() {
    let mut harness = EditorHarness::open();
    harness.edit("optimizers/own.rhai");
    harness.at("ctx) {\n");
    harness.press(vec![typed("    print(\"here\");"), plain(Key::Enter), ctrl(Key::S)]);
    harness.settle();
    let snapshot = harness.session.snapshot.as_ref().expect("a snapshot");
    let line = snapshot.console.iter().find(|line| line.text == "here").expect("it is printed").clone();
    let place = line.location.expect("a place");
    harness.app.editor.close();
    harness.app.editor.go_to(&place, &harness.session);
    harness.frame(Vec::new());
    assert!(harness.app.editor.is_open());
    let at = harness.app.editor.selection().start;
    assert!(harness.text()[at..].starts_with("print(\"here\")"), "{}", &harness.text()[at..]);
}

#[test]
fn a_built_in_script_needs_a_folder_for_its_copy() {
    let mut session = Session::new(lesson("welcome"));
    assert!(session.run_until_idle(timeout()));
    let mut editor = Editor::default();
    editor.open(None, &session);
    editor.edit(|_, _| TextChange::insert(0..0, "//\n"));
    editor.save(&mut session, &mut NoFiles);
    let (tone, message) = editor.message().expect("a message");
    assert!(tone == Tone::Bad && message.contains("built into"), "{message}");
    assert_eq!(editor.unsaved(), ["lessons/welcome.rhai"]);
}
