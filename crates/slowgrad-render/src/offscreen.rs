//! Pictures without a window: the same panels and the same network as on screen, drawn into a texture and
//! read back. Exporters and tests see pixels only through here.
//!
//! Equal input gives equal pixels on one driver: time stands still while a picture is drawn, so nothing
//! fades in.

use std::io::Write;

use egui::{Pos2, RawInput, Rect, TexturesDelta, Ui, Vec2, ViewportId};
use egui_wgpu::{Renderer, ScreenDescriptor};

use crate::device::{Gpu, RenderError};
use crate::egui_pass;
use crate::theme;

const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;
/// Layout settles after two passes; more are run only when egui asks for them.
const PASSES: std::ops::RangeInclusive<usize> = 2..=5;

/// A finished picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Red, green, blue, alpha; row by row from the top; alpha is always 255.
    pub rgba: Vec<u8>,
}

impl Picture {
    /// Red, green and blue of one pixel; black outside.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let start = 4 * (y as usize * self.width as usize + x as usize);
        match self.rgba.get(start..start + 3) {
            Some(&[r, g, b]) if x < self.width => [r, g, b],
            _ => [0; 3],
        }
    }

    /// Writes it as PNG.
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

/// A place to draw pictures of one size in, one after the other.
pub struct Offscreen {
    gpu: Gpu,
    renderer: Renderer,
    ctx: egui::Context,
    size: [u32; 2],
    pixels_per_point: f32,
    target: wgpu::Texture,
    read_back: wgpu::Buffer,
}

impl Offscreen {
    /// A place for pictures of this many pixels; a point is `pixels_per_point` of them. The environment
    /// variable `WGPU_BACKEND` chooses among drivers.
    pub fn new(width: u32, height: u32, pixels_per_point: f32) -> Result<Self, RenderError> {
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
        let gpu = Gpu::open(&instance, None)?;
        let limit = gpu.device.limits().max_texture_dimension_2d;
        if !(1..=limit).contains(&width) || !(1..=limit).contains(&height) {
            return Err(RenderError::Size { width, height, limit });
        }
        let target = gpu.device.create_texture(&wgpu::TextureDescriptor {
            label: Some("picture"),
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format: FORMAT,
            usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
            view_formats: &[],
        });
        let read_back = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("picture"),
            size: u64::from(padded_row(width)) * u64::from(height),
            usage: wgpu::BufferUsages::COPY_DST | wgpu::BufferUsages::MAP_READ,
            mapped_at_creation: false,
        });
        let ctx = egui::Context::default();
        theme::Theme::dark().apply(&ctx);
        ctx.all_styles_mut(|style| style.animation_time = 0.0);
        let renderer = egui_pass::renderer(&gpu, FORMAT);
        Ok(Self { gpu, renderer, ctx, size: [width, height], pixels_per_point, target, read_back })
    }

    /// The egui context the pictures are drawn with, for themes and fonts.
    pub fn context(&self) -> &egui::Context {
        &self.ctx
    }

    /// Size of its pictures in points.
    pub fn points(&self) -> Vec2 {
        Vec2::new(self.size[0] as f32, self.size[1] as f32) / self.pixels_per_point
    }

    /// Width over height of its pictures.
    pub fn aspect(&self) -> f32 {
        self.size[0] as f32 / self.size[1] as f32
    }

    /// Name and kind of the adapter, such as `llvmpipe (Vulkan)`.
    pub fn adapter(&self) -> String {
        let info = self.gpu.adapter.get_info();
        format!("{} ({:?})", info.name, info.backend)
    }

    /// Draws one picture. `draw` is called more than once, so that its layout can settle.
    pub fn picture(&mut self, mut draw: impl FnMut(&mut Ui)) -> Result<Picture, RenderError> {
        let [width, height] = self.size;
        let mut textures = TexturesDelta::default();
        let mut shapes = Vec::new();
        for pass in 1..=*PASSES.end() {
            let mut output = self.ctx.run_ui(self.raw_input(), &mut draw);
            textures.append(std::mem::take(&mut output.textures_delta));
            shapes = std::mem::take(&mut output.shapes);
            let again =
                output.viewport_output.get(&ViewportId::ROOT).is_some_and(|viewport| viewport.repaint_delay.is_zero());
            output.drop_without_applying_deltas();
            if pass >= *PASSES.start() && !again {
                break;
            }
        }
        let primitives = self.ctx.tessellate(shapes, self.pixels_per_point);
        let clear = self.ctx.global_style().visuals.panel_fill;
        let screen = ScreenDescriptor { size_in_pixels: self.size, pixels_per_point: self.pixels_per_point };
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
                        bytes_per_row: Some(padded_row(width)),
                        rows_per_image: Some(height),
                    },
                },
                wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            );
        });
        egui_pass::free(&mut self.renderer, &mut textures);
        self.read()
    }

    fn raw_input(&self) -> RawInput {
        let [width, height] = self.size.map(|side| side as f32 / self.pixels_per_point);
        let mut input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, Vec2::new(width, height))),
            time: Some(0.0),
            max_texture_side: Some(self.gpu.device.limits().max_texture_dimension_2d as usize),
            focused: false,
            ..RawInput::default()
        };
        input.viewports.entry(ViewportId::ROOT).or_default().native_pixels_per_point = Some(self.pixels_per_point);
        input
    }

    fn read(&self) -> Result<Picture, RenderError> {
        let [width, height] = self.size;
        let slice = self.read_back.slice(..);
        let (sender, receiver) = std::sync::mpsc::channel();
        slice.map_async(wgpu::MapMode::Read, move |result| {
            // The receiver only goes away when reading has failed already.
            let _ = sender.send(result);
        });
        let mapped = loop {
            match self.gpu.device.poll(wgpu::PollType::wait_indefinitely()) {
                // OpenGL waits at most about two seconds; a slow frame is not an error.
                Ok(_) | Err(wgpu::PollError::Timeout) => {}
                Err(error) => return Err(RenderError::ReadBack(error.to_string())),
            }
            match receiver.try_recv() {
                Ok(result) => break result,
                Err(std::sync::mpsc::TryRecvError::Empty) => {}
                Err(error) => return Err(RenderError::ReadBack(error.to_string())),
            }
        };
        mapped.map_err(|error| RenderError::ReadBack(error.to_string()))?;
        let row = 4 * width as usize;
        let mut rgba = Vec::with_capacity(row * height as usize);
        {
            let bytes = slice.get_mapped_range().map_err(|error| RenderError::ReadBack(error.to_string()))?;
            for line in bytes.chunks_exact(padded_row(width) as usize) {
                rgba.extend_from_slice(&line[..row]);
            }
        }
        self.read_back.unmap();
        for pixel in rgba.chunks_exact_mut(4) {
            pixel[3] = 255;
        }
        Ok(Picture { width, height, rgba })
    }
}

/// Bytes of a row in the buffer a texture is copied into.
fn padded_row(width: u32) -> u32 {
    (4 * width).next_multiple_of(wgpu::COPY_BYTES_PER_ROW_ALIGNMENT)
}
