//! A file is dragged out of a file manager and dropped onto the window: the test is the file manager, and speaks the
//! protocol of drag and drop between X11 programs (XDND, version 5).

use crate::driver::{LESSON, OPTIMIZER, Window};
use std::path::Path;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

/// A program that has files to drag.
struct FileManager {
    server: RustConnection,
    /// Its own window, that answers.
    own: u32,
    onto: u32,
}

impl FileManager {
    fn new(display: &str, onto: u32) -> Self {
        let (server, screen) = x11rb::connect(Some(display)).expect("the X server");
        let own = server.generate_id().expect("a number");
        let root = server.setup().roots[screen].root;
        let aux = CreateWindowAux::new();
        let made = server.create_window(0, own, root, 0, 0, 1, 1, 0, WindowClass::INPUT_OUTPUT, 0, &aux);
        made.expect("a request").check().expect("a window");
        Self { server, own, onto }
    }

    fn atom(&self, name: &str) -> u32 {
        self.server.intern_atom(false, name.as_bytes()).expect("a request").reply().expect("an atom").atom
    }

    fn tell(&self, message: &str, data: [u32; 4]) {
        let [a, b, c, d] = data;
        let event = ClientMessageEvent::new(32, self.onto, self.atom(message), [self.own, a, b, c, d]);
        self.server.send_event(false, self.onto, EventMask::NO_EVENT, event).expect("a request");
        self.server.flush().expect("it is sent");
    }

    /// Drags a file over the window and lets go; answers once the window has said that it took it.
    fn drop(&self, file: &Path) {
        let (selection, uris) = (self.atom("XdndSelection"), self.atom("text/uri-list"));
        let text = format!("file://{}\r\n", file.display());
        self.server.set_selection_owner(self.own, selection, 0u32).expect("a request");
        self.tell("XdndEnter", [5 << 24, uris, AtomEnum::NONE.into(), AtomEnum::NONE.into()]);
        self.tell("XdndPosition", [0, 0x0100_0100, 0, self.atom("XdndActionCopy")]);
        let (status, finished) = (self.atom("XdndStatus"), self.atom("XdndFinished"));
        let (mut is_read, mut is_welcome) = (false, false);
        loop {
            match self.server.wait_for_event().expect("an event") {
                Event::SelectionRequest(asked) => {
                    assert_eq!((asked.selection, asked.target), (selection, uris));
                    let (to, property) = (asked.requestor, asked.property);
                    let handed = self.server.change_property8(PropMode::REPLACE, to, property, uris, text.as_bytes());
                    handed.expect("a request");
                    let notify = SelectionNotifyEvent {
                        response_type: SELECTION_NOTIFY_EVENT,
                        sequence: 0,
                        time: asked.time,
                        requestor: to,
                        selection,
                        target: uris,
                        property,
                    };
                    self.server.send_event(false, to, EventMask::NO_EVENT, notify).expect("a request");
                    is_read = true;
                }
                Event::ClientMessage(said) if said.type_ == status => {
                    assert_eq!(said.data.as_data32()[1] & 1, 1, "files are welcome");
                    is_welcome = true;
                }
                Event::ClientMessage(said) if said.type_ == finished => return,
                _ => continue,
            }
            if is_read && is_welcome {
                self.tell("XdndDrop", [0, 0, 0, 0]);
            }
        }
    }
}

#[test]
fn a_file_dropped_onto_the_window_is_opened() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    window.make_folder("somewhere");
    window.save("somewhere/dropped.rhai", &LESSON.replace("\"own\"", "\"sgd\"").replace("[2, 3, 1]", "[2, 5, 1]"));
    let (display, onto) = window.on_screen();
    let files = FileManager::new(display, onto);

    files.drop(&window.path("somewhere/dropped.rhai"));
    window.until("the lesson opens", |state| state["lesson"] == "dropped.rhai" && state["sizes"][1] == 5);

    // What is no lesson is said, and what is shown stays.
    window.save("somewhere/notes.json", "{}");
    files.drop(&window.path("somewhere/notes.json"));
    let told = window.until("it says why not", |state| state["notices"].to_string().contains("not a session file"));
    assert_eq!(told["lesson"], "dropped.rhai");

    // A session that was saved.
    window.press("ctrl+Right");
    window.until("the second step", |state| state["step"] == 2);
    window.press("ctrl+s");
    window.until("it asks where to", |state| state["overlay"] == "save");
    window.press("Return");
    window.until("it is saved", |state| state["notices"].to_string().contains("saved as"));
    files.drop(&window.path("lesson.rhai"));
    window.until("the first lesson", |state| state["lesson"] == "lesson.rhai" && state["step"] == 1);
    files.drop(&window.path("somewhere/dropped.session.json"));
    window.until("the session", |state| state["lesson"] == "dropped.rhai" && state["step"] == 2);
}
