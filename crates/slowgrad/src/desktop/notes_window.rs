//! The window of the presenter notes, on a screen that the audience does not see: the lesson's note, the current
//! content of the stage, and the next cue. Keys that are pressed there go to the main window.
//!
//! The window is redrawn only when its content changes. It must not know how a lesson is played, nor the shortcuts.

use super::WindowError;
use super::wake::Wake;
use super::window::WindowSurface;
use egui::{Context, Event, Key};
use slowgrad_app::actions::Action;
use slowgrad_app::{PresenterNotes, presenter_notes_ui};
use slowgrad_render::Theme;
use slowgrad_render::fallback_fonts::{FoundFonts, add_fallback_fonts, take_wanted_letters};
use std::time::{Duration, Instant};
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoopProxy, OwnedDisplayHandle};
use winit::window::{Window, WindowId};

const SIZE_PTS: [f64; 2] = [760.0, 480.0];

/// The least time between two frames. The numbers of a caption may change in every frame, faster than anyone can read.
const REDRAW_INTERVAL: Duration = Duration::from_millis(200);

/// The window of the presenter notes.
pub(super) struct NotesWindow {
    pub(super) surface: WindowSurface,
    ctx: Context,
    /// The notes, with the theme and text scale to draw them with.
    content: Option<(PresenterNotes, Theme, f32)>,
    drawn_at: Option<Instant>,
    /// The theme that was last applied to `ctx`.
    applied_theme: Option<Theme>,
}

/// The presenter's input that the main window must handle.
#[derive(Debug, Default)]
pub(super) struct NotesResponse {
    /// Keyboard input for the main window.
    pub(super) keys: Vec<Event>,
    pub(super) action: Option<Action>,
    /// Why the window can draw no more.
    pub(super) failure: Option<String>,
}

impl NotesWindow {
    /// Opens the window, on another screen than `main` if there is one.
    pub(super) fn open(
        event_loop: &ActiveEventLoop,
        main: &Window,
        display: OwnedDisplayHandle,
        proxy: EventLoopProxy<Wake>,
    ) -> Result<Self, WindowError> {
        let attributes = Window::default_attributes()
            .with_title("Presenter notes · slowgrad")
            .with_inner_size(LogicalSize::new(SIZE_PTS[0], SIZE_PTS[1]))
            .with_min_inner_size(LogicalSize::new(360.0, 240.0));
        let here = main.current_monitor();
        let other = event_loop.available_monitors().find(|monitor| Some(monitor) != here.as_ref());
        let attributes = match other.filter(|_| here.is_some()) {
            Some(other) => {
                let corner = other.position();
                attributes.with_position(PhysicalPosition::new(corner.x + 60, corner.y + 60))
            }
            None => attributes,
        };
        let ctx = Context::default();
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let surface = WindowSurface::new(event_loop, attributes, ctx.clone(), display, proxy)?;
        Ok(Self { surface, ctx, content: None, drawn_at: None, applied_theme: None })
    }

    pub(super) fn id(&self) -> WindowId {
        self.surface.window.id()
    }

    /// The notes that the window shows.
    pub(super) fn sheet(&self) -> Option<&PresenterNotes> {
        self.content.as_ref().map(|(sheet, ..)| sheet)
    }

    /// Updates the content and schedules a frame if it has changed.
    pub(super) fn set_content(&mut self, sheet: PresenterNotes, theme: Theme, scale: f32) {
        let content = Some((sheet, theme, scale));
        if self.content != content {
            self.content = content;
            let now = Instant::now();
            let due = self.drawn_at.and_then(|drawn| drawn.checked_add(REDRAW_INTERVAL)).unwrap_or(now);
            self.surface.next_frame = Some(self.surface.next_frame.map_or(due, |other| other.min(due)));
        }
    }

    /// The letters of the notes that need a font.
    pub(super) fn take_wanted_letters(&self) -> String {
        take_wanted_letters(&self.ctx)
    }

    /// Adds fonts. The main window reports the letters that no font has.
    pub(super) fn add_fonts(&mut self, found: FoundFonts) {
        add_fallback_fonts(&self.ctx, found);
        self.surface.window.request_redraw();
    }

    /// Handles an event of the window.
    pub(super) fn handle_event(&mut self, event: &WindowEvent) -> NotesResponse {
        match event {
            WindowEvent::CloseRequested => NotesResponse { action: Some(Action::Notes), ..NotesResponse::default() },
            WindowEvent::RedrawRequested => self.draw(),
            event => {
                if self.surface.handle_event(event) {
                    self.surface.window.request_redraw();
                }
                let keys = self.surface.take_keys();
                // Escape closes this window.
                let is_escape = |event: &Event| matches!(event, Event::Key { key: Key::Escape, pressed: true, .. });
                if keys.iter().any(is_escape) {
                    return NotesResponse { action: Some(Action::Notes), ..NotesResponse::default() };
                }
                NotesResponse { keys, ..NotesResponse::default() }
            }
        }
    }

    fn draw(&mut self) -> NotesResponse {
        let Some((sheet, theme, scale)) = self.content.as_ref() else { return NotesResponse::default() };
        if self.applied_theme != Some(*theme) {
            theme.apply(&self.ctx);
            self.applied_theme = Some(*theme);
        }
        if self.ctx.zoom_factor() != *scale {
            self.ctx.set_zoom_factor(*scale);
        }
        self.drawn_at = Some(Instant::now());
        let mut action = None;
        let ui = |ui: &mut egui::Ui| action = action.or(presenter_notes_ui(ui, sheet, theme));
        match self.surface.draw(theme.panel, ui, |_, _| {}) {
            Ok(_) => NotesResponse { action, ..NotesResponse::default() },
            // Closes this window.
            Err(error) => NotesResponse {
                action: Some(Action::Notes),
                failure: Some(format!("the notes window was closed: {error}")),
                ..NotesResponse::default()
            },
        }
    }
}
