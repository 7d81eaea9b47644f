//! Offscreen images: the same panels and the same network as on screen, rendered into a texture and read back.
//!
//! Exporters and tests get pixels only through this module. Equal input gives equal pixels on the same driver: egui's
//! clock stays at zero during an image, so nothing is half-way through an animation.

use std::future::Future;
use std::io::Write;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use egui::{Pos2, RawInput, Rect, TexturesDelta, Ui, Vec2, ViewportId};
use egui_wgpu::{Renderer, ScreenDescriptor};

use crate::device::{Gpu, RenderError};
use crate::egui_pass;
use crate::text_order;
use crate::theme;

const TARGET_FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// Layout is stable after two passes; more are run only if egui requests them.
const LAYOUT_PASSES: std::ops::RangeInclusive<usize> = 2..=5;

/// An image of 8 bits per channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RgbaImage {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green, blue and alpha of each pixel, row by row from the top. Alpha is always 255.
    pub rgba: Vec<u8>,
}

impl RgbaImage {
    /// Red, green and blue of one pixel; black outside the image.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let start = 4 * (y as usize * self.width as usize + x as usize);
        match self.rgba.get(start..start + 3) {
            Some(&[r, g, b]) if x < self.width => [r, g, b],
            _ => [0; 3],
        }
    }

    /// Encodes the image as PNG without alpha.
    ///
    /// # Errors
    /// Fails if writing to `to` fails.
    pub fn write_png(&self, to: impl Write) -> Result<(), png::EncodingError> {
        let mut encoder = png::Encoder::new(to, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        let rgb: Vec<u8> = self.rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
        writer.write_image_data(&rgb)?;
        writer.finish()
    }
}

/// Renders images of one size, one after the other.
pub struct Offscreen {
    gpu: Gpu,
    renderer: Renderer,
    ctx: egui::Context,
    size_px: [u32; 2],
    pixels_per_point: f32,
    target: wgpu::Texture,
    read_back: wgpu::Buffer,
    /// The simulated time of the next frame.
    time_secs: f64,
    /// Changes of textures in frames that were laid out but not rendered.
    textures: TexturesDelta,
}

impl Offscreen {
    /// Opens a device for images of `width` × `height` pixels. On the desktop the environment variable `WGPU_BACKEND`
    /// chooses the graphics backend. On the web this needs WebGPU: a WebGL2 device needs a canvas.
    ///
    /// # Errors
    /// [`RenderError::NoAdapter`] or [`RenderError::Device`] without a usable device, [`RenderError::Size`] if a side
    /// is zero or exceeds the device's limit.
    pub async fn new(width: u32, height: u32, pixels_per_point: f32) -> Result<Self, RenderError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let gpu = Gpu::open(&instance, None).await?;
        let limit = gpu.max_texture_side();
        if !(1..=limit).contains(&width) || !(1..=limit).contains(&height) {
            return Err(RenderError::Size { width, height, limit });
        }
        let target = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("offscreen image"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: TARGET_FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let read_back = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("offscreen image"),
            size: u64::from(padded_row_bytes(width)) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let ctx = egui::Context::default();
        theme::Theme::dark().apply(&ctx);
        ctx.all_styles_mut(|style| style.animation_time = 0.0);
        let renderer = egui_pass::renderer(&gpu, TARGET_FORMAT);
        Ok(Self {
            gpu,
            renderer,
            ctx,
            size_px: [width, height],
            pixels_per_point,
            target,
            read_back,
            time_secs: 0.0,
            textures: TexturesDelta::default(),
        })
    }

    /// The egui context of the images, to set themes and fonts.
    pub fn context(&self) -> &egui::Context {
        &self.ctx
    }

    /// Size of the images in points.
    pub fn size_pts(&self) -> Vec2 {
        Vec2::new(self.size_px[0] as f32, self.size_px[1] as f32) / self.pixels_per_point
    }

    /// Name and backend of the adapter, such as `llvmpipe (Vulkan)`.
    pub fn adapter(&self) -> String {
        self.gpu.adapter_name()
    }

    /// Draws a frame that is not rendered, and advances the simulated time by its duration in seconds. Animations
    /// continue in such frames.
    pub fn lay_out(&mut self, duration_secs: f64, draw: impl FnMut(&mut Ui)) {
        self.time_secs += duration_secs;
        let mut output = self.ctx.run_ui(self.raw_input(), draw);
        self.textures.append(std::mem::take(&mut output.textures_delta));
        output.drop_without_applying_deltas();
    }

    /// Renders one image at the present time. `draw` is called more than once, until the layout is stable.
    ///
    /// # Errors
    /// [`RenderError::DeviceFailed`] if the device fails, [`RenderError::ReadBack`] if the pixels cannot be read back.
    pub async fn render(&mut self, mut draw: impl FnMut(&mut Ui)) -> Result<RgbaImage, RenderError> {
        let [width, height] = self.size_px;
        let mut textures = std::mem::take(&mut self.textures);
        let mut shapes = Vec::new();
        for pass in 1..=*LAYOUT_PASSES.end() {
            let mut output = self.ctx.run_ui(self.raw_input(), &mut draw);
            textures.append(std::mem::take(&mut output.textures_delta));
            shapes = std::mem::take(&mut output.shapes);
            let again =
                output.viewport_output.get(&ViewportId::ROOT).is_some_and(|viewport| viewport.repaint_delay.is_zero());
            output.drop_without_applying_deltas();
            if pass >= *LAYOUT_PASSES.start() && !again {
                break;
            }
        }
        let primitives = text_order::tessellate(&self.ctx, shapes, self.pixels_per_point);
        let clear = self.ctx.global_style().visuals.panel_fill;
        let screen = ScreenDescriptor { size_in_pixels: self.size_px, pixels_per_point: self.pixels_per_point };
        let view = self.target.create_view(&wgpu::TextureViewDescriptor::default());

        egui_pass::upload(&self.gpu, &mut self.renderer, &mut textures);
        let (target, read_back) = (&self.target, &self.read_back);
        egui_pass::draw(&self.gpu, &mut self.renderer, &view, &screen, &primitives, clear, |encoder| {
            encoder.copy_texture_to_buffer(
                target.as_image_copy(),
                wgpu::TexelCopyBufferInfo {
                    buffer: read_back,
                    layout: wgpu::TexelCopyBufferLayout {
                        offset: 0,
                        bytes_per_row: Some(padded_row_bytes(width)),
                        rows_per_image: Some(height),
                    },
                },
                wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            );
        });
        egui_pass::free(&mut self.renderer, &mut textures);
        self.gpu.check()?;
        self.read_pixels().await
    }

    /// Draws as on an adapter whose textures have at most this side, to test that nothing depends on larger ones.
    pub fn limit_textures(&mut self, max_side: u32) {
        egui_pass::limit_textures(&mut self.renderer, max_side);
    }

    /// Ends the device as a driver may do at any time, to test the error.
    #[doc(hidden)]
    pub fn lose_device(&self) {
        self.gpu.device.destroy();
    }

    fn raw_input(&self) -> RawInput {
        let [width, height] = self.size_px.map(|side| side as f32 / self.pixels_per_point);
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, Vec2::new(width, height))),
            time: Some(self.time_secs),
            max_texture_side: Some(self.gpu.max_texture_side() as usize),
            focused: false,
            ..RawInput::default()
        };
        input.viewports.entry(ViewportId::ROOT).or_default().native_pixels_per_point = Some(self.pixels_per_point);
        input
    }

    async fn read_pixels(&self) -> Result<RgbaImage, RenderError> {
        let [width, height] = self.size_px;
        let slice = self.read_back.slice(..);
        BufferMapping::start(&self.gpu.device, slice).await?;
        let row = 4 * width as usize;
        let mut rgba = Vec::with_capacity(row * height as usize);
        {
            let bytes = slice.get_mapped_range().map_err(|error| RenderError::ReadBack(error.to_string()))?;
            for line in bytes.chunks_exact(padded_row_bytes(width) as usize) {
                rgba.extend_from_slice(&line[..row]);
            }
        }
        self.read_back.unmap();
        for pixel in rgba.chunks_exact_mut(4) {
            pixel[3] = 255;
        }
        Ok(RgbaImage { width, height, rgba })
    }
}

/// Bytes of a row in the buffer that a texture is copied into.
fn padded_row_bytes(width: u32) -> u32 {
    (4 * width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
}

/// A buffer on its way to be mapped for reading: a future that is ready when the device has finished.
struct BufferMapping<'a> {
    device: &'a wgpu::Device,
    state: Arc<Mutex<MappingState>>,
}

#[derive(Default)]
struct MappingState {
    result: Option<Result<(), wgpu::BufferAsyncError>>,
    waker: Option<Waker>,
}

impl<'a> BufferMapping<'a> {
    fn start(device: &'a wgpu::Device, slice: wgpu::BufferSlice<'_>) -> Self {
        let state = Arc::<Mutex<MappingState>>::default();
        let shared = Arc::clone(&state);
        slice.map_async(wgpu::MapMode::Read, move |result| {
            let mut state = shared.lock().unwrap_or_else(PoisonError::into_inner);
            state.result = Some(result);
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        });
        Self { device, state }
    }
}

impl Future for BufferMapping<'_> {
    type Output = Result<(), RenderError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).waker = Some(context.waker().clone());
        if let Err(error) = advance(self.device, context.waker()) {
            return Poll::Ready(Err(error));
        }
        match self.state.lock().unwrap_or_else(PoisonError::into_inner).result.take() {
            Some(result) => Poll::Ready(result.map_err(|error| RenderError::ReadBack(error.to_string()))),
            None => Poll::Pending,
        }
    }
}

/// Native devices run callbacks only while they are polled. Waits up to one slice for the device and requests another
/// poll, so that the executor neither spins nor blocks for a whole frame.
#[cfg(not(target_arch = "wasm32"))]
fn advance(device: &wgpu::Device, waker: &Waker) -> Result<(), RenderError> {
    const SLICE: std::time::Duration = std::time::Duration::from_millis(20);
    let slice = wgpu::PollType::Wait { submission_index: None, timeout: Some(SLICE) };
    match device.poll(slice) {
        Ok(_) | Err(wgpu::PollError::Timeout) => {
            waker.wake_by_ref();
            Ok(())
        }
        Err(error) => Err(RenderError::ReadBack(error.to_string())),
    }
}

/// A page's event loop runs the callback, which wakes the future.
#[cfg(target_arch = "wasm32")]
fn advance(device: &wgpu::Device, _waker: &Waker) -> Result<(), RenderError> {
    let polled = device.poll(wgpu::PollType::Poll);
    polled.map(|_| ()).map_err(|error| RenderError::ReadBack(error.to_string()))
}
