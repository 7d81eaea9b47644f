//! The editor over files in memory, a real backend and the real panels, without a screen.

use super::*;
use crate::actions::Action;
use crate::platform::{FileRef, KnownSession, NoFiles, ScriptTarget};
use crate::state::Gui;
use egui::{Event as Input, Key, Modifiers, RawInput};
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

/// A lesson's folder in memory.
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

/// A window without a screen.
struct Desk {
    folder: Folder,
    gui: Gui,
    session: Session,
    secs: f64,
}

impl Desk {
    fn open() -> Self {
        let folder = Folder::default();
        let scripts = [("lesson.rhai", LESSON), ("optimizers/own.rhai", OPTIMIZER)];
        scripts.iter().for_each(|(path, text)| folder.write(path, text));
        let files = Files::from_iter(scripts.map(|(path, text)| (path, text.as_bytes())));
        let library = Library { roots: vec![shipped::shipped(), Root { name: ROOT.into(), files }] };
        let session = Session::new(inline(library, Limits::default(), "lesson.rhai"));
        let gui = Gui::new(egui::Context::default(), folder.clone());
        let mut desk = Self { folder, gui, session, secs: 0.0 };
        desk.settle();
        desk.frame(Vec::new());
        desk
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
        let ctx = self.gui.context().clone();
        ctx.run_ui(raw, |ui| self.gui.window_ui(ui, &mut self.session)).drop_without_applying_deltas();
    }

    fn edit(&mut self, path: &str) {
        self.gui.act(Action::Script, &mut self.session);
        assert!(self.gui.editor.show(path, &self.session));
        self.gui.editor.target = Some(0..0);
        // One frame asks for the keyboard, the next has it.
        self.frame(Vec::new());
        self.frame(Vec::new());
        assert!(self.gui.is_writing());
    }

    /// Presses keys, all within one frame.
    fn press(&mut self, events: Vec<Input>) {
        self.frame(events);
        while !self.gui.editor.waiting.is_empty() {
            self.frame(Vec::new());
        }
        self.frame(Vec::new());
    }

    fn text(&self) -> &str {
        &self.gui.editor.document().expect("a document").text
    }

    fn at(&mut self, before: &str) {
        let at = self.text().find(before).expect("it is there") + before.len();
        self.gui.editor.target = Some(at..at);
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
    let mut desk = Desk::open();
    desk.press(vec![plain(Key::E), typed("e")]);
    desk.press(Vec::new());
    assert!(desk.gui.is_writing());
    assert!(desk.gui.editor.unsaved().is_empty());
}

#[test]
fn keys_of_one_frame_count_in_their_order() {
    let mut desk = Desk::open();
    desk.edit("optimizers/own.rhai");
    desk.at("ctx) {");
    desk.press(vec![
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
    assert_eq!(desk.file("optimizers/own.rhai"), saved);
    assert_eq!(desk.text(), saved.replace("};", "}; // more"));
    assert_eq!(desk.gui.editor.unsaved(), ["optimizers/own.rhai"]);
    desk.press(vec![ctrl(Key::Slash)]);
    assert!(desk.text().contains("\n    // }; // more"), "{}", desk.text());
}

#[test]
fn what_was_typed_is_undone_and_done_again() {
    let mut desk = Desk::open();
    desk.edit("optimizers/own.rhai");
    let rest = |desk: &mut Desk| (0..15).for_each(|_| desk.frame(Vec::new()));
    desk.at("ctx) {");
    rest(&mut desk);
    desk.press(vec![plain(Key::Enter)]);
    rest(&mut desk);
    let indented = OPTIMIZER.replace("ctx) {", "ctx) {\n    ");
    assert_eq!(desk.text(), indented);
    desk.press(vec![ctrl(Key::Z)]);
    assert_eq!(desk.text(), OPTIMIZER);
    assert!(desk.gui.editor.unsaved().is_empty());
    desk.press(vec![key(Key::Z, Modifiers::COMMAND | Modifiers::SHIFT)]);
    assert_eq!(desk.text(), indented);
}

#[test]
fn keys_that_are_typed_never_reach_the_player() {
    let mut desk = Desk::open();
    desk.edit("optimizers/own.rhai");
    let state = |desk: &Desk| {
        let playhead = desk.session.playhead.as_ref().expect("a playhead");
        (
            playhead.position(),
            playhead.is_playing(),
            desk.gui.tab,
            desk.gui.theme().dark_mode,
            desk.session.is_full_speed(),
        )
    };
    let before = state(&desk);
    let keys = [Key::Space, Key::ArrowRight, Key::ArrowUp, Key::Home, Key::T, Key::D, Key::S, Key::L, Key::PageDown];
    desk.press(keys.map(plain).to_vec());
    desk.press(vec![ctrl(Key::ArrowRight), ctrl(Key::R), ctrl(Key::N)]);
    assert_eq!(state(&desk), before);
    assert!(!desk.session.is_unsettled());
    // The first leaves the text, the second closes the editor.
    desk.press(vec![plain(Key::Escape)]);
    assert!(!desk.gui.is_writing() && desk.gui.editor.is_open());
    desk.press(vec![plain(Key::Escape)]);
    assert!(!desk.gui.editor.is_open());
}

#[test]
fn names_are_completed_by_keys() {
    let mut desk = Desk::open();
    desk.edit("optimizers/own.rhai");
    desk.at("ctx.lr * ");
    desk.press(vec![typed("soft")]);
    let names = |desk: &Desk| -> Vec<String> {
        desk.gui.editor.list.iter().flat_map(|list| list.names.iter().map(|name| name.text.clone())).collect()
    };
    assert!(names(&desk).len() > 1, "{:?}", names(&desk));
    desk.press(vec![plain(Key::Escape)]);
    assert!(names(&desk).is_empty() && desk.gui.is_writing());
    desk.press(vec![ctrl(Key::Space)]);
    let second = names(&desk)[1].clone();
    desk.press(vec![plain(Key::ArrowDown), plain(Key::Tab), typed("(")]);
    assert!(desk.text().contains(&format!("ctx.lr * {second}(grad")), "{}", desk.text());
    assert!(desk.gui.is_writing());
}

#[test]
fn a_definition_is_found() {
    let mut desk = Desk::open();
    desk.edit("optimizers/own.rhai");
    desk.at("ctx.lr * gr");
    desk.press(vec![plain(Key::F12)]);
    let parameter = desk.text().find("grad").expect("it is there");
    assert_eq!(desk.gui.editor.selection(), parameter..parameter);
}

#[test]
fn what_is_saved_runs_and_what_is_broken_does_not() {
    let mut desk = Desk::open();
    let rate = |desk: &Desk| {
        let slots = &desk.session.snapshot.as_ref().expect("a snapshot").setup.as_ref().expect("a set-up").slots;
        slots.iter().find(|slot| slot.name == "own").expect("the optimizer").controls.len()
    };
    let controls = rate(&desk);
    desk.edit("optimizers/own.rhai");
    desk.at("ctx) {\n");
    desk.press(vec![typed("    let x = ctx.oops;\n"), plain(Key::Enter), ctrl(Key::S)]);
    desk.settle();
    desk.frame(Vec::new());
    let marks = desk.gui.editor.marks(&desk.session);
    assert_eq!(errors(&marks), 1, "{marks:?}");
    assert!(desk.text()[marks[0].range.clone()].contains("oops"));
    // What is typed before a mark moves it, what is typed into it takes it away.
    desk.gui.editor.select(0..0);
    desk.gui.editor.edit(|_, _| Change::insert(0..0, "// ∂\n"));
    let moved = desk.gui.editor.marks(&desk.session);
    assert_eq!(moved[0].range.start, marks[0].range.start + "// ∂\n".len());

    let good = format!("fn params() {{ #{{ more: slider(0.5, 0.0, 1.0) }} }}\n{OPTIMIZER}");
    desk.gui.editor.document_mut().expect("a document").text.clone_from(&good);
    desk.press(vec![ctrl(Key::S)]);
    desk.settle();
    desk.frame(Vec::new());
    assert!(desk.gui.editor.marks(&desk.session).is_empty());
    assert!(desk.gui.editor.unsaved().is_empty());
    assert_eq!(rate(&desk), controls + 1);
}

#[test]
fn a_built_in_script_is_saved_as_a_copy_that_takes_its_place() {
    let mut desk = Desk::open();
    desk.edit("losses/mse.rhai");
    assert_ne!(desk.gui.editor.document().expect("a document").root, ROOT);
    desk.press(vec![typed("// mine"), plain(Key::Enter), ctrl(Key::S)]);
    assert!(desk.file("losses/mse.rhai").starts_with("// mine\n"));
    let (tone, message) = desk.gui.editor.message().expect("a message");
    assert!(tone == Tone::Good && message.contains("copy") && message.contains("losses/mse.rhai"), "{message}");
    desk.settle();
    let file = files(&desk.session).iter().find(|file| file.path == "losses/mse.rhai").expect("it is in use").clone();
    assert!(file.bytes.starts_with(b"// mine"));
    assert_eq!(file.root, ROOT);
    // The second time it is a file like any other.
    desk.press(vec![typed("// again"), ctrl(Key::S)]);
    assert!(desk.file("losses/mse.rhai").contains("// again"));
}

#[test]
fn what_somebody_else_wrote_is_asked_about() {
    let mut desk = Desk::open();
    desk.edit("lesson.rhai");
    desk.press(vec![typed("// mine"), plain(Key::Enter)]);
    desk.folder.write("lesson.rhai", "// theirs\n");
    desk.press(vec![ctrl(Key::S)]);
    assert!(desk.gui.editor.document().expect("a document").conflict.is_some());
    assert_eq!(desk.file("lesson.rhai"), "// theirs\n");
    desk.press(vec![ctrl(Key::S)]);
    assert_eq!(desk.file("lesson.rhai"), "// theirs\n");
    let Desk { gui, session, .. } = &mut desk;
    gui.editor.keep_mine(session, gui.platform.as_mut());
    assert!(desk.file("lesson.rhai").starts_with("// mine\n"));
    assert!(desk.gui.editor.unsaved().is_empty());
}

#[test]
fn line_endings_stay_and_the_window_asks_before_it_closes() {
    let mut desk = Desk::open();
    assert!(desk.gui.may_close());
    desk.edit("lesson.rhai");
    desk.press(vec![typed("// é"), plain(Key::Enter)]);
    assert!(!desk.gui.may_close());
    desk.frame(Vec::new());
    assert!(!desk.gui.is_writing() && !desk.gui.is_closed);
    desk.press(vec![plain(Key::Escape)]);
    assert!(desk.gui.overlay.is_none());
    // Another script is shown; the text stays.
    assert!(desk.gui.editor.show("optimizers/own.rhai", &desk.session));
    desk.frame(Vec::new());
    assert_eq!(desk.gui.editor.unsaved(), ["lesson.rhai"]);
    let Desk { gui, session, .. } = &mut desk;
    assert!(gui.editor.save_all(session, gui.platform.as_mut()));
    assert_eq!(desk.file("lesson.rhai"), format!("// é\r\n{LESSON}"));
    assert!(desk.gui.may_close());
}

#[test]
fn a_check_finds_what_is_wrong_in_a_text_that_is_not_saved() {
    let mut desk = Desk::open();
    desk.edit("optimizers/own.rhai");
    desk.press(vec![ctrl(Key::Enter)]);
    desk.settle();
    desk.frame(Vec::new());
    assert!(!desk.gui.editor.is_checking());
    assert!(desk.gui.editor.checked(&desk.session).expect("it was checked").problems.is_empty());
    desk.at("ctx.lr * ");
    desk.press(vec![typed("z"), ctrl(Key::Enter)]);
    desk.settle();
    let marks = desk.gui.editor.marks(&desk.session);
    assert_eq!(errors(&marks), 1, "{marks:?}");
    assert!(desk.text()[marks[0].range.clone()].contains("zgrad"));
    assert_eq!(desk.file("optimizers/own.rhai"), OPTIMIZER);
    // It says nothing about another text.
    desk.press(vec![typed("z")]);
    assert!(desk.gui.editor.checked(&desk.session).is_none());
}

#[test]
fn what_a_script_prints_leads_to_its_line() {
    let mut desk = Desk::open();
    desk.edit("optimizers/own.rhai");
    desk.at("ctx) {\n");
    desk.press(vec![typed("    print(\"here\");"), plain(Key::Enter), ctrl(Key::S)]);
    desk.settle();
    let snapshot = desk.session.snapshot.as_ref().expect("a snapshot");
    let line = snapshot.console.iter().find(|line| line.text == "here").expect("it is printed").clone();
    let place = line.location.expect("a place");
    desk.gui.editor.close();
    desk.gui.editor.go_to(&place, &desk.session);
    desk.frame(Vec::new());
    assert!(desk.gui.editor.is_open());
    let at = desk.gui.editor.selection().start;
    assert!(desk.text()[at..].starts_with("print(\"here\")"), "{}", &desk.text()[at..]);
}

#[test]
fn a_script_that_comes_with_the_program_needs_a_folder_for_its_copy() {
    let mut session = Session::new(lesson("welcome"));
    assert!(session.run_until_idle(timeout()));
    let mut editor = Editor::default();
    editor.open(None, &session);
    editor.edit(|_, _| Change::insert(0..0, "//\n"));
    editor.save(&mut session, &mut NoFiles);
    let (tone, message) = editor.message().expect("a message");
    assert!(tone == Tone::Bad && message.contains("built into"), "{message}");
    assert_eq!(editor.unsaved(), ["lessons/welcome.rhai"]);
}
