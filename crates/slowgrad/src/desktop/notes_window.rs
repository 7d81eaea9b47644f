//! The presenter's own window, on a screen that the audience does not see: the lesson's note, what is on stage, and what
//! comes next. What is typed there is heard as if it were typed into the main window.
//!
//! It is drawn only when what it says has changed. It must not know how a lesson is performed, nor which keys there are.

use super::WindowError;
use super::wake::Wake;
use super::window::Open;
use egui::{Context, Event, Key};
use slowgrad_app::actions::Action;
use slowgrad_app::{PresenterNotes, presenter_notes_ui};
use slowgrad_render::Theme;
use std::time::{Duration, Instant};
use winit::dpi::{LogicalSize, PhysicalPosition};
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoopProxy, OwnedDisplayHandle};
use winit::window::{Window, WindowId};

/// The window, in points.
const SIZE: [f64; 2] = [760.0, 480.0];

/// Numbers of a caption may change in every frame, and nobody reads as fast.
const EVERY: Duration = Duration::from_millis(200);

/// The presenter's window.
pub(super) struct Notes {
    pub(super) open: Open,
    ctx: Context,
    /// What it says, in which colours, and how large.
    shown: Option<(PresenterNotes, Theme, f32)>,
    drawn: Option<Instant>,
    /// The colours that its context has put on.
    worn: Option<Theme>,
}

/// What a person wants who looks at it.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Keys for the main window.
    pub(super) keys: Vec<Event>,
    pub(super) action: Option<Action>,
}

impl Notes {
    /// Opens it, on another screen than `main` where there is one.
    pub(super) fn open(
        event_loop: &ActiveEventLoop,
        main: &Window,
        display: OwnedDisplayHandle,
        proxy: EventLoopProxy<Wake>,
    ) -> Result<Self, WindowError> {
        let attributes = Window::default_attributes()
            .with_title("Presenter notes · slowgrad")
            .with_inner_size(LogicalSize::new(SIZE[0], SIZE[1]))
            .with_min_inner_size(LogicalSize::new(360.0, 240.0));
        let here = main.current_monitor();
        let other = event_loop.available_monitors().find(|monitor| Some(monitor) != here.as_ref());
        let attributes = match other.filter(|_| here.is_some()) {
            Some(other) => {
                let at = other.position();
                attributes.with_position(PhysicalPosition::new(at.x + 60, at.y + 60))
            }
            None => attributes,
        };
        let ctx = Context::default();
        ctx.options_mut(|options| options.zoom_with_keyboard = false);
        let open = Open::new(event_loop, attributes, ctx.clone(), display, proxy)?;
        Ok(Self { open, ctx, shown: None, drawn: None, worn: None })
    }

    pub(super) fn id(&self) -> WindowId {
        self.open.window.id()
    }

    /// What it says.
    pub(super) fn sheet(&self) -> Option<&PresenterNotes> {
        self.shown.as_ref().map(|(sheet, ..)| sheet)
    }

    /// Takes in what is to be said now.
    pub(super) fn say(&mut self, sheet: PresenterNotes, theme: Theme, scale: f32) {
        let said = Some((sheet, theme, scale));
        if self.shown != said {
            self.shown = said;
            let now = Instant::now();
            let due = self.drawn.and_then(|drawn| drawn.checked_add(EVERY)).unwrap_or(now);
            self.open.egui_frame = Some(self.open.egui_frame.map_or(due, |other| other.min(due)));
        }
    }

    /// Takes in what happened to it.
    pub(super) fn heed(&mut self, event: &WindowEvent) -> Heard {
        match event {
            WindowEvent::CloseRequested => Heard { action: Some(Action::Notes), ..Heard::default() },
            WindowEvent::RedrawRequested => Heard { action: self.draw(), ..Heard::default() },
            event => {
                if self.open.heed(event) {
                    self.open.window.request_redraw();
                }
                let keys = self.open.take_keys();
                // What leads out of something leads out of this window.
                let is_left = |event: &Event| matches!(event, Event::Key { key: Key::Escape, pressed: true, .. });
                if keys.iter().any(is_left) {
                    return Heard { action: Some(Action::Notes), ..Heard::default() };
                }
                Heard { keys, action: None }
            }
        }
    }

    fn draw(&mut self) -> Option<Action> {
        let (sheet, theme, scale) = self.shown.as_ref()?;
        if self.worn != Some(*theme) {
            theme.apply(&self.ctx);
            self.worn = Some(*theme);
        }
        if self.ctx.zoom_factor() != *scale {
            self.ctx.set_zoom_factor(*scale);
        }
        self.drawn = Some(Instant::now());
        let mut asked = None;
        self.open.draw(theme.panel, |ui| asked = asked.or(presenter_notes_ui(ui, sheet, theme)), |_, _| {});
        asked
    }
}
