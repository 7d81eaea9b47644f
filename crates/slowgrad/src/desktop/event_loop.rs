//! The event loop: window events in, frames out, asleep in between.
//!
//! A frame is drawn only when something asks for one: the pointer, a key, the worker, or time that passes
//! while something plays. It must not know what the panels show.

use super::event_log::EventLog;
use super::notes_window::Notes;
use super::wake::{Wake, plain};
use super::window::Open;
use super::{Opening, SIZE, WindowError, system_preferences};
use crate::files::autosave::Autosave;
use crate::files::folders::Folders;
use crate::files::library::read_file;
use crate::files::platform::Disk;
use crate::files::watcher::{Change, Watch};
use crate::files::writer::{Writer, Written};
use slowgrad_app::platform::{FileRef, PlatformRequest};
use slowgrad_app::settings::{self, Geometry, Settings};
use slowgrad_app::{App, PresenterNotes};
use slowgrad_script::Limits;
use slowgrad_session::{Command, NextFrame, Session, SessionFile};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use winit::application::ApplicationHandler;
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::event::{StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy, OwnedDisplayHandle};
use winit::monitor::MonitorHandle;
use winit::window::{Fullscreen, Window, WindowId};

/// While a window is resized, its size is remembered this often.
const SETTINGS_EVERY: Duration = Duration::from_millis(500);

/// Opens the window and returns when it is closed. `is_any` says that nobody asked for this very lesson.
pub(crate) fn run(
    size: Option<(u32, u32)>,
    log: EventLog,
    limits: Limits,
    opening: Opening,
    is_any: bool,
    folders: Option<Folders>,
) -> Result<(), WindowError> {
    let event_loop =
        EventLoop::<Wake>::with_user_event().build().map_err(|error| WindowError::Display(plain(&error)))?;
    let proxy = event_loop.create_proxy();
    let writer = {
        let proxy = proxy.clone();
        Writer::start(move |written| drop(proxy.send_event(Wake::Written(written)))).map_err(WindowError::Thread)?
    };
    let desktop = {
        let proxy = proxy.clone();
        system_preferences::listen(move |said| drop(proxy.send_event(Wake::Preferences(said))))
    };
    let (autosave, kept) = match &folders {
        Some(folders) => Autosave::claim(&folders.autosaved, |kept| opening.is_further(kept, is_any)),
        None => (Autosave::default(), None),
    };
    let settings_file = folders.as_ref().map(|folders| folders.settings.join(settings::FILE_NAME));
    let (settings, problem) = settings_file.as_deref().map(read_settings).unwrap_or_default();
    let mut app = App::new(egui::Context::default(), Disk::default());
    app.set_preferences(settings.preferences.clone());
    if log.is_open() {
        // Controls are told by what screen readers are told of them.
        app.context().enable_accesskit();
    }
    let (mut session, watch) = match kept.map(|kept| Opening::resume(kept, Path::new(""))) {
        Some(Ok(kept)) => {
            let (mut session, watch) = begin(kept, limits, &proxy, &mut app, folders.as_ref())?;
            session.notice("slowgrad didn't close properly. Restored where you left off.");
            (session, watch)
        }
        Some(Err(error)) => {
            let (mut session, watch) = begin(opening, limits, &proxy, &mut app, folders.as_ref())?;
            session.notice(format!("cannot restore your last session: {error}"));
            (session, watch)
        }
        None => begin(opening, limits, &proxy, &mut app, folders.as_ref())?,
    };
    if let Some(problem) = problem {
        session.notice(format!("cannot read the window settings, using defaults: {problem}"));
    }
    let mut geometry = settings.geometry;
    geometry.size = size.map(|(width, height)| [width, height]).or(geometry.size);
    let mut desktop_app = DesktopApp {
        display: event_loop.owned_display_handle(),
        proxy,
        geometry,
        settings,
        settings_file,
        settings_kept: Instant::now(),
        settings_differ: false,
        is_full_screen: false,
        limits,
        folders,
        app,
        session,
        log,
        writer,
        autosave,
        open: None,
        notes: None,
        failure: None,
        last_tick: None,
        next: NextFrame::Now,
        watch,
    };
    event_loop.run_app(&mut desktop_app).map_err(|error| WindowError::Display(plain(&error)))?;
    drop(desktop);
    desktop_app.failure.map_or(Ok(()), Err)
}

/// Starts to watch and to work on what was opened.
fn begin(
    opening: Opening,
    limits: Limits,
    proxy: &EventLoopProxy<Wake>,
    app: &mut App,
    folders: Option<&Folders>,
) -> Result<(Session, Option<Watch>), WindowError> {
    let file = opening.file.as_ref().map(|file| FileRef::new(&file.display().to_string()));
    app.start_session(Disk::new(folders.cloned(), opening.folders.clone()), file);
    let watch = {
        let proxy = proxy.clone();
        Watch::start(opening.folders.clone(), move |change| drop(proxy.send_event(Wake::File(change))))
    };
    let proxy = proxy.clone();
    // The loop is gone only when the program ends.
    let mut session = opening.session(limits, move || drop(proxy.send_event(Wake::Worker)))?;
    // A folder that cannot be watched is no reason not to show the lesson; the window says so.
    let watch = watch.map_err(|error| session.notice(format!("cannot watch files for changes: {error}"))).ok();
    Ok((session, watch))
}

/// Reads the settings of the window; the defaults when there are none, and the reason when they cannot be used.
fn read_settings(file: &Path) -> (Settings, Option<String>) {
    match read_file(file) {
        Ok(bytes) => match Settings::parse(&bytes) {
            Ok(settings) => (settings, None),
            Err(error) => (Settings::default(), Some(error)),
        },
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Default::default(),
        Err(error) => (Settings::default(), Some(error.to_string())),
    }
}

struct DesktopApp {
    display: OwnedDisplayHandle,
    proxy: EventLoopProxy<Wake>,
    geometry: Geometry,
    /// As they are in their file.
    settings: Settings,
    settings_file: Option<PathBuf>,
    settings_kept: Instant,
    /// Whether the file is still to be written or on its way to the disk.
    settings_differ: bool,
    is_full_screen: bool,
    limits: Limits,
    folders: Option<Folders>,
    app: App,
    session: Session,
    log: EventLog,
    writer: Writer,
    autosave: Autosave,
    open: Option<Open>,
    notes: Option<Notes>,
    failure: Option<WindowError>,
    last_tick: Option<Instant>,
    next: NextFrame,
    watch: Option<Watch>,
}

impl DesktopApp {
    fn open(&self, event_loop: &ActiveEventLoop) -> Result<Open, WindowError> {
        let [width, height] = self.geometry.size.unwrap_or(SIZE);
        let attributes = Window::default_attributes()
            .with_title("slowgrad")
            .with_inner_size(LogicalSize::new(f64::from(width), f64::from(height)))
            .with_min_inner_size(LogicalSize::new(760.0, 480.0))
            .with_maximized(self.geometry.maximized);
        // A screen may be gone since.
        let is_on = |monitor: MonitorHandle, [x, y]: [i32; 2]| {
            let (at, size) = (monitor.position(), monitor.size());
            (at.x..at.x + size.width as i32).contains(&x) && (at.y..at.y + size.height as i32).contains(&y)
        };
        let position = self.geometry.position.filter(|at| event_loop.available_monitors().any(|one| is_on(one, *at)));
        let attributes = match position {
            Some([x, y]) => attributes.with_position(PhysicalPosition::new(x, y)),
            None => attributes,
        };
        let ctx = self.app.context().clone();
        Open::new(event_loop, attributes, ctx, self.display.clone(), self.proxy.clone())
    }

    fn redraw(&mut self, event_loop: &ActiveEventLoop) {
        let Some(open) = &mut self.open else { return };
        let now = Instant::now();
        let dt = self.last_tick.map_or(0.0, |last| (now - last).as_secs_f64());
        self.last_tick = Some(now);
        self.next = self.session.tick(dt);
        let window = Arc::clone(&open.window);
        let clear = self.app.theme().background;
        open.draw(
            clear,
            |ui| self.app.window_ui(ui, &mut self.session),
            |readers, pixels_per_point| self.log.see(readers, pixels_per_point),
        );
        if let Some(title) = self.app.new_title(&self.session) {
            window.set_title(&title);
        }
        for request in self.app.take_requests() {
            match request {
                PlatformRequest::Open(file) => self.open_path(file.name().into()),
                PlatformRequest::SaveSession(file) => self.save(file),
                // Full screen and the notes window follow the state of the app below; there are no dialogs.
                PlatformRequest::Fullscreen(_)
                | PlatformRequest::NotesWindow(_)
                | PlatformRequest::OpenDialog
                | PlatformRequest::SaveSessionDialog { .. } => {}
            }
        }
        if self.app.is_presenting() != self.is_full_screen {
            self.is_full_screen = self.app.is_presenting();
            window.set_fullscreen(self.is_full_screen.then_some(Fullscreen::Borderless(None)));
        }
        self.keep_notes(event_loop, &window);
        self.autosave.keep(&self.session, &self.app, &self.writer);
        if self.settings_kept.elapsed() > SETTINGS_EVERY {
            self.keep_settings();
        } else {
            self.settings_differ |= self.new_settings().is_some();
        }
        let sheet = self.notes.as_ref().and_then(Notes::sheet);
        self.log.write(&self.session, &self.app, sheet, self.autosave.is_kept() && !self.settings_differ);
    }

    /// Opens the presenter's window, closes it, or tells it what to say.
    fn keep_notes(&mut self, event_loop: &ActiveEventLoop, main: &Window) {
        if !self.app.has_notes_window() {
            self.notes = None;
            return;
        }
        if self.notes.is_none() {
            match Notes::open(event_loop, main, self.display.clone(), self.proxy.clone()) {
                Ok(notes) => self.notes = Some(notes),
                Err(error) => {
                    self.app.notes_window_closed();
                    return self.session.notice(format!("cannot open the presenter notes: {error}"));
                }
            }
        }
        if let Some(notes) = &mut self.notes {
            notes.say(PresenterNotes::new(&self.session), *self.app.theme(), self.app.preferences().scale);
        }
    }

    /// How the window is, when its file does not say so yet.
    fn new_settings(&self) -> Option<Settings> {
        let settings = Settings::new(self.geometry, self.app.preferences().clone());
        (self.settings_file.is_some() && settings != self.settings).then_some(settings)
    }

    /// Remembers how the window is, when that has changed.
    fn keep_settings(&mut self) {
        if let (Some(settings), Some(file)) = (self.new_settings(), self.settings_file.clone()) {
            self.settings = settings.clone();
            self.settings_kept = Instant::now();
            self.settings_differ = true;
            self.writer.write(file, move || settings.text());
        }
    }

    /// The window closes by itself.
    fn close(&mut self, event_loop: &ActiveEventLoop) {
        self.keep_settings();
        self.autosave.close();
        event_loop.exit();
    }

    /// Takes note of where the window is.
    fn note_geometry(&mut self, event: &WindowEvent) {
        let Some(window) = self.open.as_ref().map(|open| &open.window) else { return };
        self.geometry.maximized = window.is_maximized();
        if self.geometry.maximized || self.is_full_screen {
            return;
        }
        match event {
            WindowEvent::Resized(size) => {
                let size: LogicalSize<u32> = size.to_logical(window.scale_factor());
                self.geometry.size = Some([size.width, size.height]);
            }
            WindowEvent::Moved(at) => self.geometry.position = Some([at.x, at.y]),
            _ => {}
        }
    }

    /// Reads a lesson or a session, beside all else; it takes the place of what is shown once it is here.
    fn open_path(&mut self, path: PathBuf) {
        let proxy = self.proxy.clone();
        let read = move || {
            let opening = Opening::read(Some(&path));
            let _ = proxy.send_event(Wake::Opened(Box::new(opening)));
        };
        if let Err(error) = std::thread::Builder::new().name("slowgrad-reader".into()).spawn(read) {
            self.session.notice(WindowError::Thread(error).to_string());
        }
    }

    /// Shows what was read; when that fails, what is shown stays.
    fn opened(&mut self, opening: Result<Opening, WindowError>) {
        if self.app.has_unsaved_scripts() {
            return self.session.notice("a script has unsaved changes; save it before you open another lesson");
        }
        match opening.and_then(|opening| begin(opening, self.limits, &self.proxy, &mut self.app, self.folders.as_ref()))
        {
            Ok((session, watch)) => {
                self.session = session;
                // The folders of before are no longer watched.
                drop(std::mem::replace(&mut self.watch, watch));
            }
            Err(error) => self.session.notice(error.to_string()),
        }
    }

    /// Saves what is shown as a session.
    fn save(&mut self, file: FileRef) {
        match SessionFile::of(&self.session, self.app.open_panels()) {
            Some(session) => {
                self.writer.write(file.name().into(), move || session.text());
                self.app.set_session_file(file);
            }
            None => self.session.notice("nothing to save yet"),
        }
    }

    fn written(&mut self, Written { file, result }: Written) {
        self.autosave.written(&file);
        if self.settings_file.as_ref() == Some(&file) {
            self.settings_differ = self.new_settings().is_some();
        }
        let is_asked = self.app.session_file().is_some_and(|asked| Path::new(asked.name()) == file);
        match result {
            Ok(()) if is_asked => self.session.notice(format!("saved as {}", file.display())),
            Ok(()) => {}
            Err(error) => self.session.notice(format!("cannot write {}: {error}", file.display())),
        }
    }
}

impl ApplicationHandler<Wake> for DesktopApp {
    fn new_events(&mut self, _: &ActiveEventLoop, cause: StartCause) {
        if let (StartCause::ResumeTimeReached { .. }, Some(open)) = (cause, &self.open) {
            open.window.request_redraw();
        }
    }

    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if self.open.is_some() {
            return;
        }
        match self.open(event_loop) {
            Ok(open) => self.open = Some(open),
            Err(error) => {
                self.failure = Some(error);
                event_loop.exit();
            }
        }
    }

    fn user_event(&mut self, _: &ActiveEventLoop, wake: Wake) {
        match wake {
            Wake::Worker => {}
            // A file may change before the window is there.
            Wake::File(Change { root, path, bytes }) => {
                let at_once = self.session.is_between_steps();
                self.session.send(Command::ReloadFile { root, path, bytes, at_once });
            }
            Wake::Opened(opening) => self.opened(*opening),
            Wake::Written(written) => self.written(written),
            Wake::Preferences(said) => self.app.set_system_preferences(said),
            Wake::Accessibility(event) => {
                let notes = self.notes.as_mut().map(|notes| &mut notes.open);
                let is_meant = |open: &&mut Open| open.window.id() == event.window_id;
                if let Some(open) = [self.open.as_mut(), notes].into_iter().flatten().find(is_meant) {
                    open.heed_reader(event.window_event);
                    open.window.request_redraw();
                }
            }
        }
        if let Some(open) = &self.open {
            open.window.request_redraw();
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if let Some(notes) = self.notes.as_mut().filter(|notes| notes.id() == id) {
            let heard = notes.heed(&event);
            if heard.action.is_some() || !heard.keys.is_empty() {
                heard.action.into_iter().for_each(|action| self.app.act(action, &mut self.session));
                self.open.iter_mut().for_each(|open| open.hear(heard.keys.clone()));
            }
            return;
        }
        if self.open.as_ref().is_none_or(|open| open.window.id() != id) {
            return;
        }
        self.note_geometry(&event);
        if matches!(event, WindowEvent::CloseRequested) && self.app.confirm_close() {
            return self.close(event_loop);
        }
        let Some(open) = &mut self.open else { return };
        match &event {
            WindowEvent::RedrawRequested => {
                self.redraw(event_loop);
                if self.app.is_closing() {
                    self.close(event_loop);
                }
                return;
            }
            WindowEvent::CloseRequested => open.window.request_redraw(),
            WindowEvent::DroppedFile(path) => {
                let path = path.clone();
                return self.open_path(path);
            }
            _ => {}
        }
        if open.heed(&event) {
            open.window.request_redraw();
        }
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        let Some(open) = &self.open else { return };
        let now = Instant::now();
        let due = match self.next {
            NextFrame::Now => Some(now),
            NextFrame::After(secs) => self.last_tick.and_then(|last| last.checked_add(Duration::from_secs_f64(secs))),
            NextFrame::WhenAsked => None,
        };
        // What has changed is remembered even if nothing happens any more.
        let settings = self.new_settings().and_then(|_| self.settings_kept.checked_add(SETTINGS_EVERY));
        let due = [due, open.egui_frame, settings].into_iter().flatten().min();
        let mut wait: Option<Instant> = None;
        let notes = self.notes.as_ref().map(|notes| &notes.open);
        let frames = [Some((open, due)), notes.map(|notes| (notes, notes.egui_frame))];
        for (open, due) in frames.into_iter().flatten() {
            match due {
                Some(due) if due <= now => open.window.request_redraw(),
                due => wait = [wait, due].into_iter().flatten().min(),
            }
        }
        event_loop.set_control_flow(wait.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }
}
