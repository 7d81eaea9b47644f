//! What a window needs to show egui's output: its surface, and recovery when the system takes it away.
//!
//! The program hands over whatever its window library gives as window and display, and never names a type
//! of the graphics library itself. This module reads no events and no clock.

use std::sync::Arc;

use egui::{ClippedPrimitive, Color32, TexturesDelta};
use egui_wgpu::{Renderer, ScreenDescriptor};
use wgpu::CurrentSurfaceTexture as Frame;
use wgpu::rwh::HasDisplayHandle;

use crate::device::{Gpu, RenderError};
use crate::egui_pass;

/// What became of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Painted {
    /// It is on screen.
    Shown,
    /// It could not be shown now, or the surface had to be made anew; paint again soon.
    Again,
    /// The window is hidden; there is nothing to see and nothing to do.
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
    /// Opens a device for the window. `window` is an `Arc` of the window, `display` the event loop's owned
    /// display handle, `size` the inner size in pixels. The environment variable `WGPU_BACKEND` chooses
    /// among drivers.
    pub fn new<W>(
        window: Arc<W>,
        display: impl HasDisplayHandle + std::fmt::Debug + Send + Sync + 'static,
        size: [u32; 2],
    ) -> Result<Self, RenderError>
    where
        W: wgpu::rwh::HasWindowHandle + HasDisplayHandle + std::fmt::Debug + Send + Sync + 'static,
    {
        let instance =
            wgpu::Instance::new(wgpu::InstanceDescriptor::new_with_display_handle_from_env(Box::new(display)));
        let make_target: Box<dyn Fn() -> wgpu::SurfaceTarget<'static>> = Box::new(move || Arc::clone(&window).into());
        let surface = instance.create_surface(make_target())?;
        let gpu = Gpu::open(&instance, Some(&surface))?;
        let mut config =
            surface.get_default_config(&gpu.adapter, size[0].max(1), size[1].max(1)).ok_or(RenderError::Unsupported)?;
        let formats = surface.get_capabilities(&gpu.adapter).formats;
        // egui mixes colours in gamma space and so do our shaders; an sRGB format would mix them again.
        let plain = [wgpu::TextureFormat::Bgra8Unorm, wgpu::TextureFormat::Rgba8Unorm];
        config.format = plain
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

    /// The window's inner size changed; a size with an empty side is a minimised window and ignored.
    pub fn resize(&mut self, size: [u32; 2]) {
        let limit = self.max_texture_side() as u32;
        let [width, height] = size.map(|side| side.min(limit));
        if width > 0 && height > 0 && [width, height] != [self.config.width, self.config.height] {
            [self.config.width, self.config.height] = [width, height];
            self.surface.configure(&self.gpu.device, &self.config);
        }
    }

    /// The largest texture side, which egui wants to know.
    pub fn max_texture_side(&self) -> usize {
        self.gpu.device.limits().max_texture_dimension_2d as usize
    }

    /// Name and kind of the adapter, such as `llvmpipe (Vulkan)`.
    pub fn adapter(&self) -> String {
        let info = self.gpu.adapter.get_info();
        format!("{} ({:?})", info.name, info.backend)
    }

    /// Shows one frame. `before_present` is called just before it goes on screen, for the window library's
    /// own notice. Textures are taken in even when no frame can be shown.
    pub fn paint(
        &mut self,
        primitives: &[ClippedPrimitive],
        mut textures: TexturesDelta,
        pixels_per_point: f32,
        clear: Color32,
        before_present: impl FnOnce(),
    ) -> Painted {
        egui_pass::upload(&self.gpu, &mut self.renderer, &mut textures);
        let painted = self.show(primitives, pixels_per_point, clear, before_present);
        if painted != Painted::Shown {
            // Writes that were queued above only leave the queue with a submission.
            self.gpu.queue.submit([]);
        }
        egui_pass::free(&mut self.renderer, &mut textures);
        painted
    }

    fn show(
        &mut self,
        primitives: &[ClippedPrimitive],
        pixels_per_point: f32,
        clear: Color32,
        before_present: impl FnOnce(),
    ) -> Painted {
        let (texture, is_outdated) = match self.surface.get_current_texture() {
            Frame::Success(texture) => (texture, false),
            Frame::Suboptimal(texture) => (texture, true),
            Frame::Occluded => return Painted::Hidden,
            Frame::Timeout => return Painted::Again,
            Frame::Outdated | Frame::Validation => {
                self.surface.configure(&self.gpu.device, &self.config);
                return Painted::Again;
            }
            Frame::Lost => {
                if let Ok(surface) = self.instance.create_surface((self.make_target)()) {
                    self.surface = surface;
                    self.surface.configure(&self.gpu.device, &self.config);
                }
                return Painted::Again;
            }
        };
        let view = texture.texture.create_view(&wgpu::TextureViewDescriptor::default());
        let screen = ScreenDescriptor { size_in_pixels: [self.config.width, self.config.height], pixels_per_point };
        egui_pass::draw(&self.gpu, &mut self.renderer, &view, &screen, primitives, clear, |_| {});
        before_present();
        self.gpu.queue.present(texture);
        if is_outdated {
            self.surface.configure(&self.gpu.device, &self.config);
            return Painted::Again;
        }
        Painted::Shown
    }
}
