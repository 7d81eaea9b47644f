//! The event loop: it dispatches window events, draws frames on demand and sleeps in between.
//!
//! A frame is drawn only on request: after input, after a message from another thread, or when playback needs one. It
//! must not know what the panels show.

use super::dialogs::{FileChoice, FileDialogs};
use super::error::one_line;
use super::event_log::EventLog;
use super::notes_window::NotesWindow;
use super::session_source::SessionSource;
use super::wake::Wake;
use super::window::WindowSurface;
use super::{DEFAULT_SIZE_PTS, WindowError, system_preferences};
use crate::files::autosave::Autosave;
use crate::files::folders::Folders;
use crate::files::path_text::{from_text, to_text};
use crate::files::platform::DesktopPlatform;
use crate::files::sessions::for_file;
use crate::files::settings_file::SettingsFile;
use crate::files::system_fonts::SystemFonts;
use crate::files::watcher::{FileChange, FileWatcher};
use crate::files::writer::{WriteResult, Writer};
use slowgrad_app::platform::{FileRef, PlatformRequest};
use slowgrad_app::settings::{Geometry, Settings};
use slowgrad_app::{App, PresenterNotes};
use slowgrad_render::fallback_fonts::FoundFonts;
use slowgrad_script::Limits;
use slowgrad_session::{BackendCommand, NextFrame, Session};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use winit::application::ApplicationHandler;
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::event::{StartCause, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy, OwnedDisplayHandle};
use winit::monitor::MonitorHandle;
use winit::window::{Fullscreen, Window, WindowId};

/// The state that the window starts with.
pub(super) struct LoopOptions {
    pub(super) size_pts: Option<(u32, u32)>,
    pub(super) log: EventLog,
    pub(super) limits: Limits,
    pub(super) source: SessionSource,
    /// Whether the user has named no lesson, so that an autosaved session of any lesson is restored.
    pub(super) any_lesson: bool,
    pub(super) folders: Option<Folders>,
}

/// Opens the window and returns when it closes.
pub(super) fn run(options: LoopOptions) -> Result<(), WindowError> {
    let LoopOptions { size_pts, log, limits, source, any_lesson, folders } = options;
    let event_loop =
        EventLoop::<Wake>::with_user_event().build().map_err(|error| WindowError::Display(one_line(&error)))?;
    let proxy = event_loop.create_proxy();
    let writer = {
        let proxy = proxy.clone();
        Writer::start(move |result| drop(proxy.send_event(Wake::FileWritten(result)))).map_err(WindowError::Thread)?
    };
    let preferences = {
        let proxy = proxy.clone();
        system_preferences::subscribe(move |preferences| drop(proxy.send_event(Wake::SystemPreferences(preferences))))
    };
    let (autosave, autosaved) = match &folders {
        Some(folders) => Autosave::claim(&folders.autosaved, |session| source.yields_to(session, any_lesson)),
        None => (Autosave::default(), None),
    };
    let (settings, settings_error) = SettingsFile::read(folders.as_ref().map(|folders| folders.settings.as_path()));
    let mut app = App::new(egui::Context::default(), DesktopPlatform::default());
    app.set_preferences(settings.settings().preferences.clone());
    if log.is_enabled() {
        // The log reads the controls from the accessibility tree.
        app.context().enable_accesskit();
    }
    let (mut session, watcher) = match autosaved.map(SessionSource::from_autosave) {
        Some(Ok(source)) => {
            let (mut session, watcher) = start_session(source, limits, &proxy, &mut app, folders.as_ref())?;
            session.notice("slowgrad didn't close properly. Restored where you left off.");
            (session, watcher)
        }
        Some(Err(error)) => {
            let (mut session, watcher) = start_session(source, limits, &proxy, &mut app, folders.as_ref())?;
            session.notice(format!("cannot restore your last session: {error}"));
            (session, watcher)
        }
        None => start_session(source, limits, &proxy, &mut app, folders.as_ref())?,
    };
    if let Some(error) = settings_error {
        session.notice(format!("cannot read the window settings, using defaults: {error}"));
    }
    let mut geometry = settings.settings().geometry;
    geometry.size = size_pts.map(|(width, height)| [width, height]).or(geometry.size);
    let mut desktop_app = DesktopApp {
        display: event_loop.owned_display_handle(),
        proxy,
        limits,
        folders,
        app,
        session,
        log,
        writer,
        watcher,
        fonts: SystemFonts::default(),
        autosave,
        settings,
        geometry,
        full_screen: false,
        main: None,
        notes: None,
        dialogs: FileDialogs::default(),
        failure: None,
        last_tick: None,
        next_frame: NextFrame::Now,
    };
    event_loop.run_app(&mut desktop_app).map_err(|error| WindowError::Display(one_line(&error)))?;
    drop(preferences);
    desktop_app.failure.map_or(Ok(()), Err)
}

/// Starts a session and watches the folders of its scripts.
fn start_session(
    source: SessionSource,
    limits: Limits,
    proxy: &EventLoopProxy<Wake>,
    app: &mut App,
    folders: Option<&Folders>,
) -> Result<(Session, Option<FileWatcher>), WindowError> {
    let file = source.file.as_ref().map(|file| FileRef::new(&to_text(file)));
    app.start_session(DesktopPlatform::new(folders.cloned(), source.roots(), FileDialogs::are_available()), file);
    let watcher = {
        let proxy = proxy.clone();
        FileWatcher::start(source.folders.clone(), move |change| drop(proxy.send_event(Wake::FileChanged(change))))
    };
    let proxy = proxy.clone();
    // Sending fails only when the program ends.
    let mut session = source.start(limits, move || drop(proxy.send_event(Wake::Snapshot)))?;
    // The session works without hot reload.
    let watcher = watcher.map_err(|error| session.notice(format!("cannot watch files for changes: {error}"))).ok();
    Ok((session, watcher))
}

/// The program with its windows.
struct DesktopApp {
    display: OwnedDisplayHandle,
    proxy: EventLoopProxy<Wake>,
    limits: Limits,
    folders: Option<Folders>,
    app: App,
    session: Session,
    log: EventLog,
    writer: Writer,
    watcher: Option<FileWatcher>,
    fonts: SystemFonts,
    autosave: Autosave,
    settings: SettingsFile,
    /// The current size and position of the main window.
    geometry: Geometry,
    full_screen: bool,
    main: Option<WindowSurface>,
    notes: Option<NotesWindow>,
    dialogs: FileDialogs,
    /// The error that closed the window.
    failure: Option<WindowError>,
    last_tick: Option<Instant>,
    /// The session's next frame.
    next_frame: NextFrame,
}

impl DesktopApp {
    fn open_main_window(&self, event_loop: &ActiveEventLoop) -> Result<WindowSurface, WindowError> {
        let [width, height] = self.geometry.size.unwrap_or(DEFAULT_SIZE_PTS);
        let attributes = Window::default_attributes()
            .with_title("slowgrad")
            .with_inner_size(LogicalSize::new(f64::from(width), f64::from(height)))
            .with_min_inner_size(LogicalSize::new(760.0, 480.0))
            .with_maximized(self.geometry.maximized);
        // The monitor may have been disconnected.
        let is_on = |monitor: MonitorHandle, [x, y]: [i32; 2]| {
            let (corner, size) = (monitor.position(), monitor.size());
            (corner.x..corner.x + size.width as i32).contains(&x)
                && (corner.y..corner.y + size.height as i32).contains(&y)
        };
        let saved = self.geometry.position;
        let position = saved.filter(|saved| event_loop.available_monitors().any(|monitor| is_on(monitor, *saved)));
        let attributes = match position {
            Some([x, y]) => attributes.with_position(PhysicalPosition::new(x, y)),
            None => attributes,
        };
        let ctx = self.app.context().clone();
        WindowSurface::new(event_loop, attributes, ctx, self.display.clone(), self.proxy.clone())
    }

    fn redraw(&mut self, event_loop: &ActiveEventLoop) {
        let Some(main) = &mut self.main else { return };
        let now = Instant::now();
        let dt = self.last_tick.map_or(0.0, |last| (now - last).as_secs_f64());
        self.last_tick = Some(now);
        self.next_frame = self.session.tick(dt);
        let window = Arc::clone(&main.window);
        let clear = self.app.theme().background;
        let drawn = main.draw(
            clear,
            |ui| self.app.window_ui(ui, &mut self.session),
            |tree, pixels_per_point| self.log.record_controls(tree, pixels_per_point),
        );
        match drawn {
            Ok(None) => {}
            Ok(Some(cause)) => self.session.notice(format!("{cause}; another one was opened")),
            Err(error) => return self.fail(WindowError::Render(error), event_loop),
        }
        if let Some(title) = self.app.new_title(&self.session) {
            window.set_title(&title);
        }
        for request in self.app.take_requests() {
            match request {
                PlatformRequest::Open(file) => self.open_path(from_text(file.name())),
                PlatformRequest::SaveSession(file) => self.save_session(file),
                PlatformRequest::Fullscreen(on) => {
                    self.full_screen = on;
                    window.set_fullscreen(on.then_some(Fullscreen::Borderless(None)));
                }
                PlatformRequest::NotesWindow(true) => self.open_notes_window(event_loop, &window),
                PlatformRequest::NotesWindow(false) => self.notes = None,
                PlatformRequest::OpenDialog => {
                    let opened = self.dialogs.open(&window, self.on_file_chosen());
                    self.report_dialog(opened);
                }
                PlatformRequest::FindFonts(letters) => self.find_fonts(letters),
                PlatformRequest::SaveSessionDialog { suggested } => {
                    let on_chosen = self.on_file_chosen();
                    let opened = self.dialogs.save_session(&from_text(suggested.name()), &window, on_chosen);
                    self.report_dialog(opened);
                }
            }
        }
        if let Some(notes) = &mut self.notes {
            notes.set_content(PresenterNotes::new(&self.session), *self.app.theme(), self.app.preferences().scale);
        }
        self.autosave.update(&self.session, &self.app, &self.writer);
        self.settings.update(self.current_settings(), &self.writer);
        let notes = self.notes.as_ref().and_then(NotesWindow::sheet);
        self.log.write(&self.session, &self.app, notes, self.autosave.is_saved() && self.settings.is_saved());
    }

    fn open_notes_window(&mut self, event_loop: &ActiveEventLoop, main: &Window) {
        if self.notes.is_some() {
            return;
        }
        match NotesWindow::open(event_loop, main, self.display.clone(), self.proxy.clone()) {
            Ok(notes) => self.notes = Some(notes),
            Err(error) => {
                self.app.notes_window_closed();
                self.session.notice(format!("cannot open the presenter notes: {error}"));
            }
        }
    }

    /// The function that reports the choice of a file dialog to the event loop, from another thread.
    fn on_file_chosen(&self) -> impl FnOnce(FileChoice) + Send + 'static {
        let proxy = self.proxy.clone();
        // The event loop may have ended in the meantime.
        move |choice| drop(proxy.send_event(Wake::FileChosen(choice)))
    }

    fn report_dialog(&mut self, opened: std::io::Result<()>) {
        if let Err(error) = opened {
            self.session.notice(format!("cannot open a file dialog: {error}"));
        }
    }

    fn current_settings(&self) -> Settings {
        Settings::new(self.geometry, self.app.preferences().clone())
    }

    /// Ends the program because of an error. The next start restores the autosaved session, as after a crash.
    fn fail(&mut self, error: WindowError, event_loop: &ActiveEventLoop) {
        self.failure = Some(error);
        event_loop.exit();
    }

    /// Closes the window at the user's request.
    fn close(&mut self, event_loop: &ActiveEventLoop) {
        self.settings.save(self.current_settings(), &self.writer);
        self.autosave.close();
        event_loop.exit();
    }

    /// Records the size and position of the main window.
    fn record_geometry(&mut self, event: &WindowEvent) {
        let Some(window) = self.main.as_ref().map(|main| &main.window) else { return };
        self.geometry.maximized = window.is_maximized();
        if self.geometry.maximized || self.full_screen {
            return;
        }
        match event {
            WindowEvent::Resized(size) => {
                let size: LogicalSize<u32> = size.to_logical(window.scale_factor());
                self.geometry.size = Some([size.width, size.height]);
            }
            WindowEvent::Moved(corner) => self.geometry.position = Some([corner.x, corner.y]),
            _ => {}
        }
    }

    /// Reads a lesson or session on a thread; when it has been read, it replaces the current one.
    fn open_path(&mut self, path: PathBuf) {
        let proxy = self.proxy.clone();
        let read = move || {
            let source = SessionSource::read(Some(&path));
            let _ = proxy.send_event(Wake::SourceRead(Box::new(source)));
        };
        if let Err(error) = std::thread::Builder::new().name("slowgrad-reader".into()).spawn(read) {
            self.session.notice(WindowError::Thread(error).to_string());
        }
    }

    /// Looks for fonts on a thread.
    fn find_fonts(&mut self, letters: String) {
        let (fonts, proxy) = (self.fonts.clone(), self.proxy.clone());
        let find = move || drop(proxy.send_event(Wake::FontsFound(fonts.find(&letters))));
        if let Err(error) = std::thread::Builder::new().name("slowgrad-fonts".into()).spawn(find) {
            self.session.notice(WindowError::Thread(error).to_string());
        }
    }

    /// Adds fonts to both windows.
    fn add_fonts(&mut self, found: FoundFonts) {
        if let Some(notes) = &mut self.notes {
            notes.add_fonts(found.clone());
        }
        self.app.add_fonts(found, &mut self.session);
    }

    /// Replaces the current session. On an error the current one stays.
    fn replace_session(&mut self, source: Result<SessionSource, WindowError>) {
        if self.app.has_unsaved_scripts() {
            return self.session.notice("a script has unsaved changes; save it before you open another lesson");
        }
        let folders = self.folders.as_ref();
        let started = source.and_then(|source| start_session(source, self.limits, &self.proxy, &mut self.app, folders));
        match started {
            Ok((session, watcher)) => {
                self.session = session;
                self.watcher = watcher;
            }
            Err(error) => self.session.notice(error.to_string()),
        }
    }

    /// Saves the session to a file.
    fn save_session(&mut self, file: FileRef) {
        match self.session.to_file(self.app.open_panels()) {
            Some(session) => {
                let path = from_text(file.name());
                let session = for_file(session.without_unsaved(), &path);
                self.writer.write(path, move || session.text());
                self.app.set_session_file(file);
            }
            None => self.session.notice("nothing to save yet"),
        }
    }

    /// Handles the choice in a file dialog.
    fn handle_file_choice(&mut self, choice: FileChoice) {
        self.dialogs.closed();
        match choice {
            FileChoice::Open(path) => self.app.open_file(FileRef::new(&to_text(&path))),
            FileChoice::SaveSession(path) => self.app.save_session_as(FileRef::new(&to_text(&path))),
            FileChoice::Exists(path) => self.app.ask_to_replace(FileRef::new(&to_text(&path))),
            FileChoice::Cancelled => {}
        }
    }

    fn handle_write_result(&mut self, WriteResult { file, result }: WriteResult) {
        self.autosave.handle_write_result(&file);
        self.settings.handle_write_result(&file, &self.current_settings());
        let requested = self.app.session_file().is_some_and(|session| from_text(session.name()) == file);
        match result {
            Ok(()) if requested => self.session.notice(format!("saved as {}", file.display())),
            Ok(()) => {}
            Err(error) => self.session.notice(error.to_string()),
        }
    }
}

impl ApplicationHandler<Wake> for DesktopApp {
    fn new_events(&mut self, _: &ActiveEventLoop, cause: StartCause) {
        if let (StartCause::ResumeTimeReached { .. }, Some(main)) = (cause, &self.main) {
            main.window.request_redraw();
        }
    }

    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if self.main.is_some() {
            return;
        }
        match self.open_main_window(event_loop) {
            Ok(main) => self.main = Some(main),
            Err(error) => self.fail(error, event_loop),
        }
    }

    fn user_event(&mut self, _: &ActiveEventLoop, wake: Wake) {
        match wake {
            // The next frame takes the snapshot.
            Wake::Snapshot => {}
            Wake::FileChanged(FileChange { root, path, bytes }) => {
                let at_once = self.session.is_between_steps();
                self.session.send(BackendCommand::ReloadFile { root, path, bytes, at_once });
            }
            Wake::SourceRead(source) => self.replace_session(*source),
            Wake::FileWritten(result) => self.handle_write_result(result),
            Wake::FileChosen(choice) => self.handle_file_choice(choice),
            Wake::FontsFound(found) => self.add_fonts(found),
            Wake::SystemPreferences(preferences) => self.app.set_system_preferences(preferences),
            Wake::Accessibility(event) => {
                let notes = self.notes.as_mut().map(|notes| &mut notes.surface);
                let is_target = |surface: &&mut WindowSurface| surface.window.id() == event.window_id;
                if let Some(surface) = [self.main.as_mut(), notes].into_iter().flatten().find(is_target) {
                    surface.handle_accessibility_event(event.window_event);
                    surface.window.request_redraw();
                }
            }
        }
        if let Some(main) = &self.main {
            main.window.request_redraw();
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if let Some(notes) = self.notes.as_mut().filter(|notes| notes.id() == id) {
            let response = notes.handle_event(&event);
            if let Some(failure) = response.failure {
                self.session.notice(failure);
            }
            let letters = notes.take_wanted_letters();
            if response.action.is_some() || !response.keys.is_empty() {
                response.action.into_iter().for_each(|action| self.app.act(action, &mut self.session));
                self.main.iter_mut().for_each(|main| main.add_keys(response.keys.clone()));
            }
            if !letters.is_empty() {
                self.find_fonts(letters);
            }
            return;
        }
        if self.main.as_ref().is_none_or(|main| main.window.id() != id) {
            return;
        }
        self.record_geometry(&event);
        if matches!(event, WindowEvent::CloseRequested) && self.app.confirm_close() {
            return self.close(event_loop);
        }
        let Some(main) = &mut self.main else { return };
        match &event {
            WindowEvent::RedrawRequested => {
                self.redraw(event_loop);
                if self.app.is_closing() {
                    self.close(event_loop);
                }
                return;
            }
            WindowEvent::CloseRequested => main.window.request_redraw(),
            WindowEvent::DroppedFile(path) => {
                let path = path.clone();
                return self.open_path(path);
            }
            _ => {}
        }
        if main.handle_event(&event) {
            main.window.request_redraw();
        }
    }

    fn about_to_wait(&mut self, event_loop: &ActiveEventLoop) {
        let Some(main) = &self.main else { return };
        let now = Instant::now();
        let due = match self.next_frame {
            NextFrame::Now => Some(now),
            NextFrame::After(secs) => self.last_tick.and_then(|last| last.checked_add(Duration::from_secs_f64(secs))),
            NextFrame::OnEvent => None,
        };
        // A frame saves changed settings, and the session, even if nothing else happens.
        let save = self.settings.next_save(&self.current_settings());
        let due = [due, main.next_frame, save, self.autosave.next_update()].into_iter().flatten().min();
        let mut wait: Option<Instant> = None;
        let notes = self.notes.as_ref().map(|notes| &notes.surface);
        let frames = [Some((main, due)), notes.map(|notes| (notes, notes.next_frame))];
        for (surface, due) in frames.into_iter().flatten() {
            match due {
                Some(due) if due <= now => surface.window.request_redraw(),
                due => wait = [wait, due].into_iter().flatten().min(),
            }
        }
        event_loop.set_control_flow(wait.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
    }
}
