//! Requests to the platform: dialogs, full screen, the notes window.

use super::*;

/// A platform with dialogs, on which files exist whose names begin with "old".
#[derive(Debug, Clone, Copy)]
struct Dialogs;

impl Platform for Dialogs {
    fn known_sessions(&self) -> Vec<KnownSession> {
        Vec::new()
    }

    fn suggested_session(&self, _: &str, _: &str) -> FileRef {
        FileRef::new("suggested.session.json")
    }

    fn exists(&self, file: &FileRef) -> bool {
        file.name().starts_with("old")
    }

    fn script_target(&self, _: &str) -> Option<ScriptTarget> {
        None
    }

    fn save_script(&mut self, _: ScriptSave<'_>) -> Result<FileRef, ScriptSaveError> {
        Err(ScriptSaveError::Gone)
    }

    fn has_dialogs(&self) -> bool {
        true
    }
}

fn requests(window: &mut Window) -> Vec<PlatformRequest> {
    window.state_mut().app.as_mut().expect("it is drawn").take_requests()
}

#[test]
fn a_platform_with_dialogs_is_asked_for_files() {
    let mut window = window_on(slowgrad_session::testing::lesson("welcome"), Dialogs);
    let suggested = FileRef::new("suggested.session.json");
    for (modifiers, key, request) in [
        (Modifiers::COMMAND, Key::O, PlatformRequest::OpenDialog),
        (Modifiers::COMMAND | Modifiers::SHIFT, Key::S, PlatformRequest::SaveSessionDialog { suggested }),
    ] {
        press(&mut window, modifiers, key);
        window.get_by_label("Browse…").click();
        window.run_steps(8);
        assert_eq!((requests(&mut window), overlay(&window)), (vec![request], ""));
    }
    let app = window.state_mut().app.as_mut().expect("it is drawn");
    app.open_file(FileRef::new("a"));
    app.save_session_as(FileRef::new("b"));
    let chosen = [PlatformRequest::Open(FileRef::new("a")), PlatformRequest::SaveSession(FileRef::new("b"))];
    assert_eq!(requests(&mut window), chosen);
    let mut window = open("welcome");
    press(&mut window, Modifiers::COMMAND, Key::O);
    assert!(window.query_by_label("Browse…").is_none());
}

#[test]
fn a_session_replaces_another_file_only_with_consent() {
    let mut window = window_on(slowgrad_session::testing::lesson("welcome"), Dialogs);
    let save_as = |window: &mut Window, name: &str| {
        press(window, Modifiers::COMMAND | Modifiers::SHIFT, Key::S);
        // Replaces the suggested name.
        press(window, Modifiers::COMMAND, Key::A);
        window.get_by_label("save session as: Enter saves, Esc cancels").type_text(name);
        window.run_steps(8);
        press(window, Modifiers::NONE, Key::Enter);
    };
    save_as(&mut window, "new");
    assert_eq!(requests(&mut window), [PlatformRequest::SaveSession(FileRef::new("new.session.json"))]);

    save_as(&mut window, "old");
    assert_eq!((requests(&mut window), overlay(&window)), (vec![], "replace"));
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!((requests(&mut window), overlay(&window)), (vec![], ""));

    let old = FileRef::new("old.session.json");
    save_as(&mut window, "old");
    window.get_by_label("Choose another name").click();
    window.run_steps(8);
    assert_eq!((requests(&mut window), overlay(&window)), (vec![], "save"));
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_label("Replace").click();
    window.run_steps(8);
    assert_eq!((requests(&mut window), overlay(&window)), (vec![PlatformRequest::SaveSession(old.clone())], ""));

    // The session's own file is saved without a question.
    window.state_mut().app.as_mut().expect("it is drawn").set_session_file(old.clone());
    save_as(&mut window, "old.session.json");
    assert_eq!(requests(&mut window), [PlatformRequest::SaveSession(old)]);
}

#[test]
fn full_screen_and_notes_are_requested_from_the_platform() {
    let mut window = open("welcome");
    press(&mut window, Modifiers::NONE, Key::P);
    press(&mut window, Modifiers::SHIFT, Key::P);
    press(&mut window, Modifiers::NONE, Key::Escape);
    let expected =
        [PlatformRequest::Fullscreen(true), PlatformRequest::NotesWindow(true), PlatformRequest::Fullscreen(false)];
    assert_eq!(requests(&mut window), expected);
}
