//! What only a browser has: its clock, its clipboard, downloads, the choice of a file, and text outside the canvas.
//!
//! It must not know the app. What may fail at the browser's will returns an error in words; what is part of the page
//! itself is expected to be there.

use crate::files::NamedFile;
use egui::{CursorIcon, Theme};
use js_sys::{Array, Uint8Array};
use slowgrad_app::settings::SystemPreferences;
use slowgrad_session::Clock;
use std::time::Duration;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::convert::FromWasmAbi;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    Blob, BlobPropertyBag, Document, EventTarget, FileList, HtmlAnchorElement, HtmlCanvasElement, HtmlElement,
    HtmlInputElement, Performance, Url, UrlSearchParams, Window,
};

pub(crate) fn window() -> Window {
    web_sys::window().expect("a page has a window")
}

pub(crate) fn document() -> Document {
    window().document().expect("a page has a document")
}

/// The time since the page was opened.
pub(crate) fn now() -> Duration {
    thread_local! {
        static PERFORMANCE: Performance = window().performance().expect("a browser has a clock");
    }
    Duration::from_secs_f64(PERFORMANCE.with(Performance::now) / 1000.0)
}

/// The page's clock.
pub(crate) fn clock() -> Clock {
    Clock::new(now)
}

/// The canvas of the page.
pub(crate) fn canvas() -> HtmlCanvasElement {
    document().get_element_by_id("canvas").and_then(|element| element.dyn_into().ok()).expect("the page has a canvas")
}

/// Shows a text over the canvas; `None` removes it.
pub(crate) fn show_message(text: Option<&str>) {
    if let Some(element) = document().get_element_by_id("message") {
        element.set_text_content(text);
        let _ = if text.is_some() { element.remove_attribute("hidden") } else { element.set_attribute("hidden", "") };
    }
}

/// Calls a function for each event of a kind, as long as the page is open.
pub(crate) fn listen<E: FromWasmAbi + 'static>(target: &EventTarget, event: &str, handler: impl FnMut(E) + 'static) {
    let closure = Closure::<dyn FnMut(E)>::new(handler);
    let added = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    added.expect("a listener can be added");
    closure.forget();
}

/// The lesson that the page's address asks for, as in `?lesson=iris`.
pub(crate) fn requested_lesson() -> Option<String> {
    let search = window().location().search().ok()?;
    UrlSearchParams::new_with_str(&search).ok()?.get("lesson")
}

/// The preferences of the operating system, as the browser reports them.
pub(crate) fn system_preferences() -> SystemPreferences {
    let prefers = |query: &str| window().match_media(query).ok().flatten().is_some_and(|query| query.matches());
    let scheme = if prefers("(prefers-color-scheme: light)") {
        Some(Theme::Light)
    } else {
        prefers("(prefers-color-scheme: dark)").then_some(Theme::Dark)
    };
    SystemPreferences {
        scheme,
        high_contrast: prefers("(prefers-contrast: more)"),
        reduced_motion: prefers("(prefers-reduced-motion: reduce)"),
    }
}

/// Calls a function when the preferences of the operating system may have changed.
pub(crate) fn on_preferences_changed(changed: impl Fn() + Clone + 'static) {
    for query in ["(prefers-color-scheme: light)", "(prefers-contrast: more)", "(prefers-reduced-motion: reduce)"] {
        if let Ok(Some(query)) = window().match_media(query) {
            let changed = changed.clone();
            listen(&query, "change", move |_: JsValue| changed());
        }
    }
}

/// Copies a text.
///
/// # Errors
///
/// When the page has no clipboard, as on a page that was not loaded over HTTPS.
pub(crate) fn copy(text: &str) -> Result<(), &'static str> {
    let clipboard = window().navigator().clipboard();
    if clipboard.is_undefined() {
        return Err("cannot copy: a browser has a clipboard only for pages over https:// or from localhost");
    }
    let written = clipboard.write_text(text);
    // The user may have forbidden it; the browser tells them.
    spawn_local(async move { drop(JsFuture::from(written).await) });
    Ok(())
}

/// Opens an address in another tab.
pub(crate) fn open_url(address: &str) {
    let _ = window().open_with_url_and_target(address, "_blank");
}

/// Downloads a file.
///
/// # Errors
///
/// When the browser refuses.
pub(crate) fn download(name: &str, text: &str) -> Result<(), String> {
    let refused = |error: JsValue| format!("cannot download {name}: {error:?}");
    let options = BlobPropertyBag::new();
    options.set_type("application/json");
    let parts = Array::of1(&JsValue::from_str(text));
    let blob = Blob::new_with_str_sequence_and_options(&parts, &options).map_err(refused)?;
    let address = Url::create_object_url_with_blob(&blob).map_err(refused)?;
    let link: HtmlAnchorElement = document().create_element("a").map_err(refused)?.unchecked_into();
    link.set_href(&address);
    link.set_download(name);
    link.click();
    Url::revoke_object_url(&address).map_err(refused)
}

/// Lets the user choose files, and passes their contents on.
pub(crate) fn choose_files(chosen: impl Fn(Result<Vec<NamedFile>, String>) + Clone + 'static) {
    let Ok(element) = document().create_element("input") else { return };
    let input: HtmlInputElement = element.unchecked_into();
    input.set_type("file");
    input.set_multiple(true);
    let files = input.clone();
    listen(&input, "change", move |_: JsValue| read_files(files.files(), chosen.clone()));
    input.click();
}

/// Reads files, and passes their contents on when all are read.
pub(crate) fn read_files(list: Option<FileList>, read: impl Fn(Result<Vec<NamedFile>, String>) + 'static) {
    let Some(list) = list.filter(|list| list.length() > 0) else { return };
    spawn_local(async move {
        let mut files = Vec::new();
        for file in (0..list.length()).filter_map(|nth| list.item(nth)) {
            match JsFuture::from(file.array_buffer()).await {
                Ok(buffer) => files.push((file.name(), Uint8Array::new(&buffer).to_vec())),
                Err(_) => return read(Err(format!("cannot read {}", file.name()))),
            }
        }
        read(Ok(files));
    });
}

/// Shows the page full screen, or not. The browser refuses unless the user has just pressed a key or a button.
pub(crate) fn set_fullscreen(on: bool) {
    if !on {
        return document().exit_fullscreen();
    }
    if let Some(root) = document().document_element() {
        let _ = root.request_fullscreen();
    }
}

/// Shows a cursor over the canvas.
pub(crate) fn set_cursor(canvas: &HtmlElement, icon: CursorIcon) {
    let _ = canvas.style().set_property("cursor", css_cursor(icon));
}

fn css_cursor(icon: CursorIcon) -> &'static str {
    match icon {
        CursorIcon::Default => "default",
        CursorIcon::None => "none",
        CursorIcon::ContextMenu => "context-menu",
        CursorIcon::Help => "help",
        CursorIcon::PointingHand => "pointer",
        CursorIcon::Progress => "progress",
        CursorIcon::Wait => "wait",
        CursorIcon::Cell => "cell",
        CursorIcon::Crosshair => "crosshair",
        CursorIcon::Text => "text",
        CursorIcon::VerticalText => "vertical-text",
        CursorIcon::Alias => "alias",
        CursorIcon::Copy => "copy",
        CursorIcon::Move => "move",
        CursorIcon::NoDrop => "no-drop",
        CursorIcon::NotAllowed => "not-allowed",
        CursorIcon::Grab => "grab",
        CursorIcon::Grabbing => "grabbing",
        CursorIcon::AllScroll => "all-scroll",
        CursorIcon::ResizeHorizontal => "ew-resize",
        CursorIcon::ResizeNeSw => "nesw-resize",
        CursorIcon::ResizeNwSe => "nwse-resize",
        CursorIcon::ResizeVertical => "ns-resize",
        CursorIcon::ResizeEast => "e-resize",
        CursorIcon::ResizeSouthEast => "se-resize",
        CursorIcon::ResizeSouth => "s-resize",
        CursorIcon::ResizeSouthWest => "sw-resize",
        CursorIcon::ResizeWest => "w-resize",
        CursorIcon::ResizeNorthWest => "nw-resize",
        CursorIcon::ResizeNorth => "n-resize",
        CursorIcon::ResizeNorthEast => "ne-resize",
        CursorIcon::ResizeColumn => "col-resize",
        CursorIcon::ResizeRow => "row-resize",
        CursorIcon::ZoomIn => "zoom-in",
        CursorIcon::ZoomOut => "zoom-out",
    }
}
