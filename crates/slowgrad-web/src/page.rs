//! The page: it draws a frame when one is due, and carries out what the app asks of its platform.
//!
//! The backend works in slices within the frames, so a frame waits for one slice at most. A page that is hidden gets no
//! frames from the browser, so it rests. It must not know panels.

use crate::dom;
use crate::files::{LessonSource, PagePlatform};
use crate::input::Input;
use egui::{Context, OutputCommand, PlatformOutput, Rect, Vec2, ViewportId};
use slowgrad_app::App;
use slowgrad_app::platform::{FileRef, PlatformRequest};
use slowgrad_app::settings::Preferences;
use slowgrad_render::fallback_fonts::FoundFonts;
use slowgrad_render::{FrameOutcome, RenderError, WindowRenderer, text_order};
use slowgrad_script::{CountingAllocator, Limits};
use slowgrad_session::{Backend, BackendLink, InlineBackend, Machine, NextFrame, Session};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Event, HtmlCanvasElement};

/// Counts the memory of scripts, to enforce their limit.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

/// The number of graphics devices that are opened before the page gives up.
const MAX_DEVICES: usize = 4;

/// Starts the page, when the browser has loaded this module.
#[wasm_bindgen(start)]
pub(crate) fn start() {
    std::panic::set_hook(Box::new(|info| {
        web_sys::console::error_1(&info.to_string().into());
        let text = format!("slowgrad has stopped because of a bug; reload the page to start again.\n\n{info}");
        dom::show_message(Some(&text));
    }));
    spawn_local(async {
        let canvas = dom::canvas();
        match WindowRenderer::for_canvas(canvas.clone(), fit(&canvas)).await {
            Ok(renderer) => run(PageApp::new(canvas, renderer)),
            Err(error) => show_render_error(&error),
        }
    });
}

/// Tells the user that the page cannot draw.
fn show_render_error(error: &RenderError) {
    dom::show_message(Some(&format!(
        "This browser cannot draw the network: slowgrad needs WebGPU or WebGL 2. Turn on hardware acceleration in the \
         settings of the browser, or use a newer browser.\n\n{error}"
    )));
}

/// Gives a canvas as many pixels as it covers on the screen; returns its width and height in pixels.
fn fit(canvas: &HtmlCanvasElement) -> [u32; 2] {
    let scale = dom::window().device_pixel_ratio();
    let size = [canvas.client_width(), canvas.client_height()].map(|side| (f64::from(side) * scale).round() as u32);
    if size != [canvas.width(), canvas.height()] {
        canvas.set_width(size[0]);
        canvas.set_height(size[1]);
    }
    size
}

/// Offers the page a frame whenever the browser is about to draw one.
fn run(page: PageApp) {
    let page = Rc::new(RefCell::new(page));
    let unsaved = Rc::clone(&page);
    dom::listen(&dom::window(), "beforeunload", move |event: Event| {
        if unsaved.try_borrow().is_ok_and(|page| page.app.has_unsaved_scripts()) {
            // The browser asks the user whether to leave.
            event.prevent_default();
        }
    });
    let changed = Rc::clone(&page);
    dom::on_preferences_changed(move || {
        if let Ok(mut page) = changed.try_borrow_mut() {
            page.app.set_system_preferences(dom::system_preferences());
            page.input.request_frame();
        }
    });
    // The function requests itself again, so it must be able to name itself.
    let frame = Rc::new(RefCell::new(None::<Closure<dyn FnMut()>>));
    let next = Rc::clone(&frame);
    *frame.borrow_mut() = Some(Closure::new(move || {
        if let Some(failed) = page.borrow_mut().frame() {
            reopen(Rc::clone(&page), failed);
        }
        request_frame(&next);
    }));
    request_frame(&frame);
}

fn request_frame(frame: &RefCell<Option<Closure<dyn FnMut()>>>) {
    if let Some(frame) = &*frame.borrow() {
        let requested = dom::window().request_animation_frame(frame.as_ref().unchecked_ref());
        requested.expect("a page has frames");
    }
}

/// Replaces a graphics device that has failed.
fn reopen(page: Rc<RefCell<PageApp>>, failed: WindowRenderer) {
    spawn_local(async move {
        match failed.reopen().await {
            Ok(renderer) => page.borrow_mut().set_renderer(renderer),
            Err(error) => show_render_error(&error),
        }
    });
}

/// The app on its canvas.
struct PageApp {
    canvas: HtmlCanvasElement,
    /// `None` while it is replaced.
    renderer: Option<WindowRenderer>,
    /// The number of graphics devices so far.
    devices: usize,
    /// The limit that egui knows.
    max_texture_side: usize,
    input: Input,
    app: App,
    session: Session,
    size_px: [u32; 2],
    last_tick: Option<Duration>,
    /// The session's next frame.
    next_frame: NextFrame,
    /// The time of the next frame that egui has requested.
    repaint_at: Option<Duration>,
    is_shown: bool,
}

impl PageApp {
    fn new(canvas: HtmlCanvasElement, renderer: WindowRenderer) -> Self {
        let ctx = Context::default();
        if let Ok(agent) = dom::window().navigator().user_agent() {
            ctx.set_os(egui::os::OperatingSystem::from_user_agent(&agent));
        }
        let mut app = App::new(ctx.clone(), PagePlatform::default());
        app.set_preferences(Preferences::default());
        app.set_system_preferences(dom::system_preferences());
        let requested = dom::requested_lesson();
        let (source, problem) = match LessonSource::of_name(requested.as_deref()) {
            Ok(source) => (source, None),
            Err(problem) => (LessonSource::of_name(None).expect("the welcome lesson is built in"), Some(problem)),
        };
        let mut session = start_session(source, &mut app);
        if let Some(problem) = problem {
            session.notice(problem);
        }
        Self {
            input: Input::new(&canvas, ctx),
            canvas,
            max_texture_side: renderer.max_texture_side(),
            renderer: Some(renderer),
            devices: 1,
            app,
            session,
            size_px: [0, 0],
            last_tick: None,
            next_frame: NextFrame::Now,
            repaint_at: None,
            is_shown: false,
        }
    }

    /// Draws a frame if one is due. Returns the renderer when its device has failed.
    fn frame(&mut self) -> Option<WindowRenderer> {
        let size_px = fit(&self.canvas);
        if size_px != self.size_px {
            self.size_px = size_px;
            self.renderer.iter_mut().for_each(|renderer| renderer.resize(size_px));
            self.input.request_frame();
        }
        let now = dom::now();
        if !self.is_due(now) {
            return None;
        }
        let dt = self.last_tick.map_or(0.0, |last| now.saturating_sub(last).as_secs_f64());
        self.last_tick = Some(now);
        self.next_frame = self.session.tick(dt);
        let failed = self.draw(now);
        if let Some(title) = self.app.new_title(&self.session) {
            dom::document().set_title(&title);
        }
        for request in self.app.take_requests() {
            self.carry_out(request);
        }
        match self.input.take_files() {
            Some(Ok(files)) => self.open(LessonSource::of_files(files)),
            Some(Err(problem)) => self.session.notice(problem),
            None => {}
        }
        failed
    }

    fn is_due(&self, now: Duration) -> bool {
        let session = match self.next_frame {
            NextFrame::Now => true,
            NextFrame::After(secs) => self.last_tick.is_none_or(|last| now.saturating_sub(last).as_secs_f64() >= secs),
            NextFrame::OnEvent => false,
        };
        session || self.session.needs_ticks() || self.input.is_pending() || self.repaint_at.is_some_and(|at| at <= now)
    }

    /// Lays out and draws the app. Returns the renderer when its device has failed.
    fn draw(&mut self, now: Duration) -> Option<WindowRenderer> {
        let ctx = self.app.context().clone();
        let native = dom::window().device_pixel_ratio() as f32;
        let [width, height] = self.size_px.map(|side| side as f32);
        let mut raw = self.input.take();
        raw.time = Some(now.as_secs_f64());
        raw.max_texture_side = Some(self.max_texture_side);
        raw.screen_rect =
            Some(Rect::from_min_size(egui::Pos2::ZERO, Vec2::new(width, height) / (native * ctx.zoom_factor())));
        raw.viewports.entry(ViewportId::ROOT).or_default().native_pixels_per_point = Some(native);
        let mut output = ctx.run_ui(raw, |ui| self.app.window_ui(ui, &mut self.session));
        self.handle_output(std::mem::take(&mut output.platform_output));
        let delay = output.viewport_output.get(&ViewportId::ROOT).map(|viewport| viewport.repaint_delay);
        self.repaint_at = delay.and_then(|delay| now.checked_add(delay));
        let mut textures = std::mem::take(&mut output.textures_delta);
        let shapes = std::mem::take(&mut output.shapes);
        let pixels_per_point = output.pixels_per_point;
        output.drop_without_applying_deltas();
        let primitives = text_order::tessellate(&ctx, shapes, pixels_per_point);
        let clear = self.app.theme().background;
        let Some(renderer) = &mut self.renderer else {
            textures.clear();
            return None;
        };
        match renderer.paint(&primitives, textures, pixels_per_point, clear, || {}) {
            Ok(FrameOutcome::Presented) if !self.is_shown => {
                self.is_shown = true;
                dom::show_message(None);
            }
            Ok(FrameOutcome::Presented | FrameOutcome::Hidden) => {}
            Ok(FrameOutcome::Retry) => self.input.request_frame(),
            Err(failure) if self.devices < MAX_DEVICES => {
                self.session.notice(format!("{failure}; another one was opened"));
                return self.renderer.take();
            }
            Err(failure) => {
                self.renderer = None;
                show_render_error(&failure);
            }
        }
        None
    }

    fn set_renderer(&mut self, mut renderer: WindowRenderer) {
        renderer.resize(self.size_px);
        // egui uploads its textures again when this limit changes.
        let limit = renderer.max_texture_side();
        self.max_texture_side = if self.max_texture_side == limit { limit - 1 } else { limit };
        self.renderer = Some(renderer);
        self.devices += 1;
        self.input.request_frame();
    }

    fn handle_output(&mut self, output: PlatformOutput) {
        dom::set_cursor(&self.canvas, output.cursor_icon);
        for command in output.commands {
            match command {
                OutputCommand::CopyText(text) => {
                    if let Err(problem) = dom::copy(&text) {
                        self.session.notice(problem);
                    }
                }
                OutputCommand::OpenUrl(link) => dom::open_url(&link.url),
                // A browser has no second clipboard, and the app copies no pictures.
                OutputCommand::TextSelectionSettled(_) | OutputCommand::CopyImage(_) => {}
            }
        }
    }

    fn carry_out(&mut self, request: PlatformRequest) {
        match request {
            PlatformRequest::Open(file) => {
                self.session.notice(format!("a page cannot open «{file}» by its name; browse for it, or drop it here"));
            }
            PlatformRequest::OpenDialog => self.input.choose_files(),
            PlatformRequest::SaveSession(file) => self.save_session(file),
            // The browser asks for the place, or has one.
            PlatformRequest::SaveSessionDialog { suggested } => self.app.save_session_as(suggested),
            PlatformRequest::Fullscreen(on) => dom::set_fullscreen(on),
            PlatformRequest::NotesWindow(true) => {
                self.app.notes_window_closed();
                self.session.notice("a page has one window; the desktop program shows presenter notes in another one");
            }
            PlatformRequest::NotesWindow(false) => {}
            PlatformRequest::FindFonts(missing) => {
                self.app.add_fonts(FoundFonts { missing, ..FoundFonts::default() }, &mut self.session);
            }
        }
        self.input.request_frame();
    }

    fn save_session(&mut self, file: FileRef) {
        let Some(saved) = self.session.to_file(self.app.open_panels()) else {
            return self.session.notice("nothing to save yet");
        };
        match dom::download(file.name(), &saved.without_unsaved().text()) {
            Ok(()) => {
                self.session.notice(format!("downloaded as {file}"));
                self.app.set_session_file(file);
            }
            Err(problem) => self.session.notice(problem),
        }
    }

    /// Replaces the session. On an error the current one stays.
    fn open(&mut self, source: Result<LessonSource, String>) {
        if self.app.has_unsaved_scripts() {
            return self.session.notice("a script has unsaved changes; save it before you open another lesson");
        }
        match source {
            Ok(source) => self.session = start_session(source, &mut self.app),
            Err(problem) => self.session.notice(problem),
        }
        self.next_frame = NextFrame::Now;
    }
}

/// Starts a session with a backend on this thread.
fn start_session(source: LessonSource, app: &mut App) -> Session {
    app.start_session(source.platform(), None);
    let machine = Machine { clock: dom::clock(), max_threads: 1 };
    let mut link = InlineBackend::new(Backend::new(source.library, Limits::page(Some(dom::now)), machine));
    link.send(source.first);
    let session = Session::new(link);
    match source.saved {
        Some(saved) => session.restoring(saved),
        None => session,
    }
}
