//! A window and its renderer: window events become egui input, egui output becomes a frame.
//!
//! It must not know what is drawn.

use super::WindowError;
use super::error::one_line;
use super::wake::Wake;
use egui::{Color32, Context, Event, Ui, ViewportId};
use egui_winit::accesskit_winit;
use slowgrad_render::{FrameOutcome, RenderError, WindowRenderer, text_order};
use std::sync::Arc;
use std::time::{Duration, Instant};
use winit::event::WindowEvent;
use winit::event_loop::{ActiveEventLoop, EventLoopProxy, OwnedDisplayHandle};
use winit::window::{Window, WindowAttributes};

/// The number of times that a failed graphics device is replaced within [`FAILURE_PERIOD`].
const MAX_REPLACEMENTS: usize = 3;
/// Failures that are further apart are independent.
const FAILURE_PERIOD: Duration = Duration::from_secs(10);

/// A window on the screen that egui draws into.
pub(super) struct WindowSurface {
    pub(super) window: Arc<Window>,
    ctx: Context,
    /// `None` only while it is replaced.
    renderer: Option<WindowRenderer>,
    /// The limit that egui knows.
    max_texture_side: usize,
    /// The times at which the graphics device failed, within the last period.
    failures: Vec<Instant>,
    input: egui_winit::State,
    /// The time of the next frame that egui has requested.
    pub(super) next_frame: Option<Instant>,
}

impl WindowSurface {
    /// Opens a window that is drawn with `ctx`.
    pub(super) fn new(
        event_loop: &ActiveEventLoop,
        attributes: WindowAttributes,
        ctx: Context,
        display: OwnedDisplayHandle,
        proxy: EventLoopProxy<Wake>,
    ) -> Result<Self, WindowError> {
        // AccessKit must be set up before the window becomes visible.
        let window = event_loop.create_window(attributes.with_visible(false));
        let window = Arc::new(window.map_err(|error| WindowError::Display(one_line(&error)))?);
        let size = window.inner_size();
        let renderer = pollster::block_on(WindowRenderer::new(Arc::clone(&window), display, [size.width, size.height]));
        let renderer = renderer.map_err(|error| match error {
            // Without a driver even the surface cannot be created.
            RenderError::Surface(_) => WindowError::NoDriver,
            other => WindowError::Render(other),
        })?;
        let max_texture_side = renderer.max_texture_side();
        let mut input = egui_winit::State::new(
            ctx.clone(),
            ViewportId::ROOT,
            &*window,
            Some(window.scale_factor() as f32),
            window.theme(),
            Some(max_texture_side),
        );
        input.init_accesskit(event_loop, &window, proxy);
        window.set_visible(true);
        window.request_redraw();
        Ok(Self {
            window,
            ctx,
            renderer: Some(renderer),
            max_texture_side,
            failures: Vec::new(),
            input,
            next_frame: None,
        })
    }

    /// Handles an event of the window. Returns whether the window must be redrawn.
    pub(super) fn handle_event(&mut self, event: &WindowEvent) -> bool {
        if let (WindowEvent::Resized(size), Some(renderer)) = (event, &mut self.renderer) {
            renderer.resize([size.width, size.height]);
        }
        let response = self.input.on_window_event(&self.window, event);
        response.repaint || matches!(event, WindowEvent::Resized(_))
    }

    /// Removes and returns the keyboard input since the last frame, for another window.
    pub(super) fn take_keys(&mut self) -> Vec<Event> {
        let is_key = |event: &mut Event| matches!(event, Event::Key { .. } | Event::Text(_));
        self.input.egui_input_mut().events.extract_if(.., is_key).collect()
    }

    /// Adds the keyboard input of another window.
    pub(super) fn add_keys(&mut self, keys: Vec<Event>) {
        self.input.egui_input_mut().events.extend(keys);
        self.window.request_redraw();
    }

    /// Handles an event from a screen reader.
    pub(super) fn handle_accessibility_event(&mut self, event: accesskit_winit::WindowEvent) {
        match event {
            accesskit_winit::WindowEvent::InitialTreeRequested => self.ctx.enable_accesskit(),
            accesskit_winit::WindowEvent::ActionRequested(request) => self.input.on_accesskit_action_request(request),
            accesskit_winit::WindowEvent::AccessibilityDeactivated => self.ctx.disable_accesskit(),
        }
    }

    /// Draws a frame over the colour `clear`. `inspect` receives the accessibility tree and the pixels per point.
    /// Replaces a graphics device that has failed, and returns the cause.
    ///
    /// # Errors
    ///
    /// When there is no other device, or when devices fail repeatedly.
    pub(super) fn draw(
        &mut self,
        clear: Color32,
        ui: impl FnMut(&mut Ui),
        inspect: impl FnOnce(Option<&egui::accesskit::TreeUpdate>, f32),
    ) -> Result<Option<String>, RenderError> {
        let raw = self.input.take_egui_input(&self.window);
        let mut output = self.ctx.run_ui(raw, ui);
        let platform = std::mem::take(&mut output.platform_output);
        inspect(platform.accesskit_update.as_ref(), output.pixels_per_point);
        self.input.handle_platform_output(&self.window, platform);
        let delay = output.viewport_output.get(&ViewportId::ROOT).map(|viewport| viewport.repaint_delay);
        self.next_frame = delay.and_then(|delay| Instant::now().checked_add(delay));
        let mut textures = std::mem::take(&mut output.textures_delta);
        let shapes = std::mem::take(&mut output.shapes);
        let pixels_per_point = output.pixels_per_point;
        output.drop_without_applying_deltas();
        let primitives = text_order::tessellate(&self.ctx, shapes, pixels_per_point);
        let window = Arc::clone(&self.window);
        let Some(renderer) = &mut self.renderer else {
            textures.clear();
            return Ok(None);
        };
        #[cfg(debug_assertions)]
        if loss_is_requested() {
            renderer.lose_device();
        }
        match renderer.paint(&primitives, textures, pixels_per_point, clear, || window.pre_present_notify()) {
            Ok(FrameOutcome::Retry) => self.window.request_redraw(),
            Ok(FrameOutcome::Presented | FrameOutcome::Hidden) => {}
            Err(failure) => return self.replace_device(failure).map(Some),
        }
        Ok(None)
    }

    /// Replaces a graphics device that has failed; returns the cause.
    fn replace_device(&mut self, failure: RenderError) -> Result<String, RenderError> {
        let now = Instant::now();
        self.failures.retain(|time| now - *time < FAILURE_PERIOD);
        self.failures.push(now);
        let Some(renderer) = self.renderer.take().filter(|_| self.failures.len() <= MAX_REPLACEMENTS) else {
            return Err(failure);
        };
        let renderer = pollster::block_on(renderer.reopen())?;
        // egui uploads its textures again when this limit changes.
        let limit = renderer.max_texture_side();
        self.max_texture_side = if self.max_texture_side == limit { limit - 1 } else { limit };
        self.input.set_max_texture_side(self.max_texture_side);
        self.renderer = Some(renderer);
        self.window.request_redraw();
        Ok(failure.to_string())
    }
}

/// Whether a test ends the graphics device now, as a driver may do at any time: it creates the file that an environment
/// variable names.
#[cfg(debug_assertions)]
fn loss_is_requested() -> bool {
    let file = std::env::var_os("SLOWGRAD_TEST_LOSE_DEVICE");
    file.is_some_and(|file| std::fs::remove_file(file).is_ok())
}
