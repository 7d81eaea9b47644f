//! The surface of a window, and its recovery when the system takes it away.
//!
//! Callers pass the window and display handles of their window library and name no type of the graphics library. This
//! module reads no events and no clock.

use std::sync::Arc;

use egui::{ClippedPrimitive, Color32, TexturesDelta};
use egui_wgpu::{Renderer, ScreenDescriptor};
use wgpu::CurrentSurfaceTexture as Frame;
use wgpu::rwh::HasDisplayHandle;

use crate::device::{Gpu, RenderError};
use crate::egui_pass;

/// The outcome of [`WindowRenderer::paint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameOutcome {
    /// The frame is on screen.
    Presented,
    /// The frame is not on screen yet, or the surface was recreated: request another frame.
    Retry,
    /// The window is hidden: no frame is needed.
    Hidden,
}

/// Draws egui's output into one window.
pub struct WindowRenderer {
    instance: wgpu::Instance,
    make_target: Box<dyn Fn() -> wgpu::SurfaceTarget<'static>>,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    gpu: Gpu,
    renderer: Renderer,
}

impl WindowRenderer {
    /// Opens a device for a window. `display` is the event loop's owned display handle and `size_px` the inner size of
    /// the window. The environment variable `WGPU_BACKEND` chooses the graphics backend.
    ///
    /// # Errors
    /// [`RenderError::Surface`] if no driver can create a surface, [`RenderError::NoAdapter`] or
    /// [`RenderError::Device`] if no device can be opened, [`RenderError::Unsupported`] if it cannot present.
    pub async fn new<W>(
        window: Arc<W>,
        display: impl HasDisplayHandle + std::fmt::Debug + Send + Sync + 'static,
        size_px: [u32; 2],
    ) -> Result<Self, RenderError>
    where
        W: wgpu::rwh::HasWindowHandle + HasDisplayHandle + std::fmt::Debug + Send + Sync + 'static,
    {
        let descriptor = wgpu::InstanceDescriptor::new_with_display_handle_from_env(Box::new(display));
        let make_target = move || Arc::clone(&window).into();
        Self::with_target(wgpu::Instance::new(descriptor), Box::new(make_target), size_px).await
    }

    /// Opens a device for a canvas of a web page: WebGPU where the browser has it, else WebGL2.
    ///
    /// # Errors
    /// As for [`WindowRenderer::new`].
    #[cfg(target_arch = "wasm32")]
    pub async fn for_canvas(canvas: wgpu::web_sys::HtmlCanvasElement, size_px: [u32; 2]) -> Result<Self, RenderError> {
        let descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
        let instance = wgpu::util::new_instance_with_webgpu_detection(descriptor).await;
        Self::with_target(instance, Box::new(move || wgpu::SurfaceTarget::Canvas(canvas.clone())), size_px).await
    }

    async fn with_target(
        instance: wgpu::Instance,
        make_target: Box<dyn Fn() -> wgpu::SurfaceTarget<'static>>,
        [width, height]: [u32; 2],
    ) -> Result<Self, RenderError> {
        let surface = instance.create_surface(make_target())?;
        let gpu = Gpu::open(&instance, Some(&surface)).await?;
        let mut config =
            surface.get_default_config(&gpu.adapter, width.max(1), height.max(1)).ok_or(RenderError::Unsupported)?;
        let formats = surface.get_capabilities(&gpu.adapter).formats;
        // egui and the shaders blend in gamma space; an sRGB format would convert the colours a second time.
        let preferred = [wgpu::TextureFormat::Bgra8Unorm, wgpu::TextureFormat::Rgba8Unorm];
        config.format = preferred
            .into_iter()
            .find(|format| formats.contains(format))
            .or_else(|| formats.iter().copied().find(|format| !format.is_srgb()))
            .unwrap_or(config.format);
        config.present_mode = wgpu::PresentMode::Fifo;
        config.view_formats = Vec::new();
        surface.configure(&gpu.device, &config);
        let renderer = egui_pass::renderer(&gpu, config.format);
        Ok(Self { instance, make_target, surface, config, gpu, renderer })
    }

    /// Adapts the surface to the window's new inner size. Ignores a size with a zero side, as of a minimised window.
    pub fn resize(&mut self, size_px: [u32; 2]) {
        let limit = self.gpu.max_texture_side();
        let [width, height] = size_px.map(|side| side.min(limit));
        if width > 0 && height > 0 && [width, height] != [self.config.width, self.config.height] {
            [self.config.width, self.config.height] = [width, height];
            self.surface.configure(&self.gpu.device, &self.config);
        }
    }

    /// The largest texture side in pixels, an input of egui.
    pub fn max_texture_side(&self) -> usize {
        self.gpu.max_texture_side() as usize
    }

    /// Name and backend of the adapter, such as `llvmpipe (Vulkan)`.
    pub fn adapter(&self) -> String {
        self.gpu.adapter_name()
    }

    /// Replaces a device that has failed by a new one. egui's textures are lost: egui uploads them again when the largest
    /// texture side that it is told changes.
    ///
    /// # Errors
    /// As for [`WindowRenderer::new`].
    pub async fn reopen(self) -> Result<Self, RenderError> {
        let Self { instance, make_target, surface, config, gpu, renderer } = self;
        // A window has one surface at a time, and the resources belong to the old device.
        drop((renderer, surface, gpu));
        Self::with_target(instance, make_target, [config.width, config.height]).await
    }

    /// Ends the device as a driver may do at any time, to test the recovery.
    #[doc(hidden)]
    pub fn lose_device(&self) {
        self.gpu.device.destroy();
    }

    /// Presents one frame. Calls `before_present` immediately before, for window libraries that require a notification.
    /// Uploads textures even if the frame cannot be presented.
    ///
    /// # Errors
    /// [`RenderError::DeviceFailed`] if the device has failed; see [`WindowRenderer::reopen`].
    pub fn paint(
        &mut self,
        primitives: &[ClippedPrimitive],
        mut textures: TexturesDelta,
        pixels_per_point: f32,
        clear: Color32,
        before_present: impl FnOnce(),
    ) -> Result<FrameOutcome, RenderError> {
        if let Err(failure) = self.gpu.check() {
            // The next device gets whole textures.
            textures.clear();
            return Err(failure);
        }
        egui_pass::upload(&self.gpu, &mut self.renderer, &mut textures);
        let outcome = self.present(primitives, pixels_per_point, clear, before_present);
        if outcome != FrameOutcome::Presented {
            // Queued texture writes are executed only with a submission.
            self.gpu.queue.submit([]);
        }
        egui_pass::free(&mut self.renderer, &mut textures);
        self.gpu.check()?;
        Ok(outcome)
    }

    fn present(
        &mut self,
        primitives: &[ClippedPrimitive],
        pixels_per_point: f32,
        clear: Color32,
        before_present: impl FnOnce(),
    ) -> FrameOutcome {
        let (texture, suboptimal) = match self.surface.get_current_texture() {
            Frame::Success(texture) => (texture, false),
            Frame::Suboptimal(texture) => (texture, true),
            Frame::Occluded => return FrameOutcome::Hidden,
            Frame::Timeout => return FrameOutcome::Retry,
            Frame::Outdated | Frame::Validation => {
                self.surface.configure(&self.gpu.device, &self.config);
                return FrameOutcome::Retry;
            }
            Frame::Lost => {
                if let Ok(surface) = self.instance.create_surface((self.make_target)()) {
                    self.surface = surface;
                    self.surface.configure(&self.gpu.device, &self.config);
                }
                return FrameOutcome::Retry;
            }
        };
        let view = texture.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let screen = ScreenDescriptor { size_in_pixels: [self.config.width, self.config.height], pixels_per_point };
        egui_pass::draw(&self.gpu, &mut self.renderer, &view, &screen, primitives, clear, |_| {});
        before_present();
        self.gpu.queue.present(texture);
        if suboptimal {
            self.surface.configure(&self.gpu.device, &self.config);
            return FrameOutcome::Retry;
        }
        FrameOutcome::Presented
    }
}
