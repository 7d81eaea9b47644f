//! Dropping files onto the window. The test plays the file manager: it speaks the protocol for drag and drop between
//! X11 programs (XDND version 5, <https://www.freedesktop.org/wiki/Specifications/XDND>).

use crate::driver::{LESSON, OPTIMIZER, Window, display};
use crate::harness::{Group, group};
use std::path::Path;
use x11rb::connection::Connection;
use x11rb::protocol::Event;
use x11rb::protocol::xproto::{
    AtomEnum, ClientMessageEvent, ConnectionExt, CreateWindowAux, EventMask, PropMode, SELECTION_NOTIFY_EVENT,
    SelectionNotifyEvent, WindowClass,
};
use x11rb::rust_connection::RustConnection;
use x11rb::wrapper::ConnectionExt as _;

pub(crate) const TESTS: &[Group] = &[group!(display, [a_file_dropped_onto_the_window_is_opened])];

/// The source of a drag.
struct FileManager {
    server: RustConnection,
    /// The file manager's window, which answers the target's questions.
    source: u32,
    target: u32,
}

impl FileManager {
    fn new(display: &str, target: u32) -> Self {
        let (server, screen) = x11rb::connect(Some(display)).expect("connect to the X server");
        let source = server.generate_id().expect("generate an id");
        let root = server.setup().roots[screen].root;
        let aux = CreateWindowAux::new();
        let created = server.create_window(0, source, root, 0, 0, 1, 1, 0, WindowClass::INPUT_OUTPUT, 0, &aux);
        created.expect("send a request").check().expect("create a window");
        Self { server, source, target }
    }

    fn atom(&self, name: &str) -> u32 {
        self.server.intern_atom(false, name.as_bytes()).expect("send a request").reply().expect("intern the atom").atom
    }

    fn send(&self, message: &str, data: [u32; 4]) {
        let [a, b, c, d] = data;
        let event = ClientMessageEvent::new(32, self.target, self.atom(message), [self.source, a, b, c, d]);
        self.server.send_event(false, self.target, EventMask::NO_EVENT, event).expect("send the event");
        self.server.flush().expect("flush");
    }

    /// Drags a file over the window and drops it. Returns once the window has acknowledged the drop.
    fn drop(&self, file: &Path) {
        let (selection, uris) = (self.atom("XdndSelection"), self.atom("text/uri-list"));
        let text = format!("file://{}\r\n", file.display());
        self.server.set_selection_owner(self.source, selection, 0u32).expect("own the selection");
        self.send("XdndEnter", [5 << 24, uris, AtomEnum::NONE.into(), AtomEnum::NONE.into()]);
        self.send("XdndPosition", [0, 0x0100_0100, 0, self.atom("XdndActionCopy")]);
        let (status, finished) = (self.atom("XdndStatus"), self.atom("XdndFinished"));
        let (mut requested, mut accepted) = (false, false);
        loop {
            match self.server.wait_for_event().expect("wait for an event") {
                Event::SelectionRequest(request) => {
                    assert_eq!((request.selection, request.target), (selection, uris));
                    let (to, property) = (request.requestor, request.property);
                    let changed = self.server.change_property8(PropMode::REPLACE, to, property, uris, text.as_bytes());
                    changed.expect("send the file name");
                    let notify = SelectionNotifyEvent {
                        response_type: SELECTION_NOTIFY_EVENT,
                        sequence: 0,
                        time: request.time,
                        requestor: to,
                        selection,
                        target: uris,
                        property,
                    };
                    self.server.send_event(false, to, EventMask::NO_EVENT, notify).expect("send the event");
                    requested = true;
                }
                Event::ClientMessage(message) if message.type_ == status => {
                    assert_eq!(message.data.as_data32()[1] & 1, 1, "files are accepted");
                    accepted = true;
                }
                Event::ClientMessage(message) if message.type_ == finished => return,
                _ => continue,
            }
            if requested && accepted {
                self.send("XdndDrop", [0, 0, 0, 0]);
            }
        }
    }
}

fn a_file_dropped_onto_the_window_is_opened() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.make_folder("somewhere");
    window.save("somewhere/dropped.rhai", &LESSON.replace("\"own\"", "\"sgd\"").replace("[2, 3, 1]", "[2, 5, 1]"));
    let (display_name, target) = window.on_screen();
    let files = FileManager::new(display_name, target);

    files.drop(&window.path("somewhere/dropped.rhai"));
    window.until("the lesson opens", |state| state["lesson"] == "dropped.rhai" && state["sizes"][1] == 5);

    // A pack, without the folder that it was made from.
    window.pack("lesson.rhai", "packed.slowgrad");
    files.drop(&window.path("packed.slowgrad"));
    window.until("the pack opens", |state| state["lesson"] == "lesson.rhai" && state["sizes"][1] == 3);
    files.drop(&window.path("somewhere/dropped.rhai"));
    window.until("the lesson opens", |state| state["lesson"] == "dropped.rhai");

    // A file that is no lesson is refused, and the open lesson stays.
    window.save("somewhere/notes.json", "{}");
    files.drop(&window.path("somewhere/notes.json"));
    let refused =
        window.until("the file is refused", |state| state["notices"].to_string().contains("not a session file"));
    assert_eq!(refused["lesson"], "dropped.rhai");

    // A saved session.
    window.press("ctrl+Right");
    window.until("the second step is shown", |state| state["step"] == 2);
    window.press("ctrl+s");
    window.until("the save dialog opens", |state| state["overlay"] == "save");
    window.press("Return");
    window.until("the session is saved", |state| state["notices"].to_string().contains("saved as"));
    files.drop(&window.path("lesson.rhai"));
    window.until("the first lesson opens", |state| state["lesson"] == "lesson.rhai" && state["step"] == 1);
    files.drop(&window.path("somewhere/dropped.session.json"));
    window.until("the session opens", |state| state["lesson"] == "dropped.rhai" && state["step"] == 2);
}
