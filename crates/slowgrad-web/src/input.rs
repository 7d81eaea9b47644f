//! The browser's events as egui's input.
//!
//! Listeners only note events; the next frame takes them. So an event that a frame causes, such as a change of focus,
//! cannot interrupt that frame. It must not know the app.

use crate::dom::{self, listen};
use crate::files::NamedFile;
use crate::keys;
use egui::{
    Context, Event, Modifiers, MouseWheelSource, MouseWheelUnit, PointerButton, Pos2, RawInput, TouchDeviceId, TouchId,
    TouchPhase, Vec2, pos2, vec2,
};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsValue;
use web_sys::{
    ClipboardEvent, DragEvent, FocusEvent, HtmlCanvasElement, KeyboardEvent, MouseEvent, PointerEvent, WheelEvent,
};

/// What has happened since the last frame.
#[derive(Default)]
struct Pending {
    events: Vec<Event>,
    modifiers: Modifiers,
    focused: bool,
    /// Whether something other than egui's events needs a frame.
    changed: bool,
    /// Files that were dropped or chosen, or why they cannot be read.
    files: Option<Result<Vec<NamedFile>, String>>,
}

/// The input of the page, shared with its listeners.
#[derive(Clone)]
pub(crate) struct Input {
    ctx: Context,
    pending: Rc<RefCell<Pending>>,
}

impl Input {
    /// Listens to the events of a canvas that egui draws into, and of its page.
    pub(crate) fn new(canvas: &HtmlCanvasElement, ctx: Context) -> Self {
        let input = Self { ctx, pending: Rc::default() };
        input.pending.borrow_mut().focused = true;
        input.listen_to_pointer(canvas);
        input.listen_to_keys();
        input.listen_to_clipboard();
        input.listen_to_files(canvas);
        input
    }

    /// Whether something has happened since the last frame.
    pub(crate) fn is_pending(&self) -> bool {
        let pending = self.pending.borrow();
        pending.changed || !pending.events.is_empty()
    }

    /// Requests a frame.
    pub(crate) fn request_frame(&self) {
        self.pending.borrow_mut().changed = true;
    }

    /// Removes and returns egui's events.
    pub(crate) fn take(&self) -> RawInput {
        let mut pending = self.pending.borrow_mut();
        pending.changed = false;
        RawInput { events: std::mem::take(&mut pending.events), focused: pending.focused, ..RawInput::default() }
    }

    /// Removes and returns files that were dropped or chosen.
    pub(crate) fn take_files(&self) -> Option<Result<Vec<NamedFile>, String>> {
        self.pending.borrow_mut().files.take()
    }

    /// Lets the user choose files.
    pub(crate) fn choose_files(&self) {
        let input = self.clone();
        dom::choose_files(move |files| input.add_files(files));
    }

    fn add_files(&self, files: Result<Vec<NamedFile>, String>) {
        let mut pending = self.pending.borrow_mut();
        pending.files = Some(files);
        pending.changed = true;
    }

    fn push(&self, event: Event) {
        self.pending.borrow_mut().events.push(event);
    }

    /// A position on the canvas, which fills the page, in egui's points.
    fn position(&self, event: &MouseEvent) -> Pos2 {
        pos2(event.client_x() as f32, event.client_y() as f32) / self.ctx.zoom_factor()
    }

    fn set_modifiers(&self, modifiers: Modifiers) -> Modifiers {
        let mut pending = self.pending.borrow_mut();
        if pending.modifiers != modifiers {
            pending.modifiers = modifiers;
            pending.events.push(Event::ModifiersChanged(modifiers));
        }
        modifiers
    }

    fn mouse_modifiers(&self, event: &MouseEvent) -> Modifiers {
        self.set_modifiers(Modifiers {
            alt: event.alt_key(),
            ctrl: event.ctrl_key(),
            shift: event.shift_key(),
            mac_cmd: event.meta_key(),
            command: event.ctrl_key() || event.meta_key(),
        })
    }

    fn listen_to_pointer(&self, canvas: &HtmlCanvasElement) {
        let (input, target) = (self.clone(), canvas.clone());
        listen(canvas, "pointerdown", move |event: PointerEvent| {
            // A drag goes on outside the canvas.
            let _ = target.set_pointer_capture(event.pointer_id());
            input.touch(&event, TouchPhase::Start);
            input.button(&event, true);
        });
        let input = self.clone();
        listen(canvas, "pointermove", move |event: PointerEvent| {
            input.touch(&event, TouchPhase::Move);
            if event.is_primary() {
                input.mouse_modifiers(&event);
                input.push(Event::PointerMoved(input.position(&event)));
            }
        });
        let input = self.clone();
        listen(canvas, "pointerup", move |event: PointerEvent| {
            input.touch(&event, TouchPhase::End);
            input.button(&event, false);
            if event.pointer_type() == "touch" && event.is_primary() {
                input.push(Event::PointerGone);
            }
        });
        let input = self.clone();
        listen(canvas, "pointercancel", move |event: PointerEvent| {
            input.touch(&event, TouchPhase::Cancel);
            input.push(Event::PointerGone);
        });
        let input = self.clone();
        listen(canvas, "pointerleave", move |_: PointerEvent| input.push(Event::PointerGone));
        // The app has a menu of its own.
        listen(canvas, "contextmenu", |event: MouseEvent| event.prevent_default());
        let input = self.clone();
        listen(canvas, "wheel", move |event: WheelEvent| {
            event.prevent_default();
            let unit = match event.delta_mode() {
                WheelEvent::DOM_DELTA_LINE => MouseWheelUnit::Line,
                WheelEvent::DOM_DELTA_PAGE => MouseWheelUnit::Page,
                _ => MouseWheelUnit::Point,
            };
            let delta: Vec2 = -vec2(event.delta_x() as f32, event.delta_y() as f32);
            let modifiers = input.mouse_modifiers(&event);
            let (phase, source) = (TouchPhase::Move, MouseWheelSource::Unknown);
            input.push(Event::MouseWheel { unit, delta, phase, source, modifiers });
        });
    }

    fn button(&self, event: &PointerEvent, pressed: bool) {
        let button = match event.button() {
            0 => PointerButton::Primary,
            1 => PointerButton::Middle,
            2 => PointerButton::Secondary,
            3 => PointerButton::Extra1,
            4 => PointerButton::Extra2,
            _ => return,
        };
        if event.is_primary() {
            let (pos, modifiers) = (self.position(event), self.mouse_modifiers(event));
            self.push(Event::PointerMoved(pos));
            self.push(Event::PointerButton { pos, button, pressed, modifiers });
        }
    }

    /// Reports a finger, so that two of them can zoom.
    fn touch(&self, event: &PointerEvent, phase: TouchPhase) {
        if event.pointer_type() == "touch" {
            let id = TouchId::from(event.pointer_id());
            let (device_id, force) = (TouchDeviceId(0), Some(event.pressure()));
            self.push(Event::Touch { device_id, id, phase, pos: self.position(event), force });
        }
    }

    fn listen_to_keys(&self) {
        let document = dom::document();
        let input = self.clone();
        listen(&document, "keydown", move |event: KeyboardEvent| input.key(&event, true));
        let input = self.clone();
        listen(&document, "keyup", move |event: KeyboardEvent| input.key(&event, false));
        for (name, focused) in [("focus", true), ("blur", false)] {
            let input = self.clone();
            listen(&dom::window(), name, move |_: FocusEvent| {
                input.pending.borrow_mut().focused = focused;
                // A key that is released elsewhere is not reported.
                input.set_modifiers(Modifiers::NONE);
                input.push(Event::WindowFocused(focused));
            });
        }
    }

    fn key(&self, event: &KeyboardEvent, pressed: bool) {
        let modifiers = self.set_modifiers(Modifiers {
            alt: event.alt_key(),
            ctrl: event.ctrl_key(),
            shift: event.shift_key(),
            mac_cmd: event.meta_key(),
            command: event.ctrl_key() || event.meta_key(),
        });
        // An input method is composing a letter.
        if event.is_composing() {
            return;
        }
        let name = event.key();
        let key = keys::key(&name, &event.code());
        if let Some(key) = key {
            let physical_key = egui::Key::from_name(&event.code());
            self.push(Event::Key { key, physical_key, pressed, repeat: false, modifiers });
        }
        if pressed && let Some(text) = keys::typed(&name, modifiers, event.get_modifier_state("AltGraph")) {
            self.push(Event::Text(text.to_owned()));
        }
        if !keys::is_for_browser(key, modifiers) {
            event.prevent_default();
        }
    }

    fn listen_to_clipboard(&self) {
        let document = dom::document();
        for (name, copied) in [("copy", Event::Copy), ("cut", Event::Cut)] {
            let input = self.clone();
            listen(&document, name, move |event: ClipboardEvent| {
                event.prevent_default();
                input.push(copied.clone());
            });
        }
        let input = self.clone();
        listen(&document, "paste", move |event: ClipboardEvent| {
            event.prevent_default();
            let text = event.clipboard_data().and_then(|data| data.get_data("text").ok());
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                input.push(Event::Paste(text.replace("\r\n", "\n")));
            }
        });
    }

    fn listen_to_files(&self, canvas: &HtmlCanvasElement) {
        // Otherwise the browser leaves the page and shows the file.
        listen(canvas, "dragover", |event: DragEvent| event.prevent_default());
        let input = self.clone();
        listen(canvas, "drop", move |event: DragEvent| {
            event.prevent_default();
            let input = input.clone();
            dom::read_files(event.data_transfer().and_then(|data| data.files()), move |files| input.add_files(files));
        });
        let input = self.clone();
        listen(&dom::window(), "resize", move |_: JsValue| input.request_frame());
    }
}
