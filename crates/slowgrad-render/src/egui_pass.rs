//! Draws one frame of egui into a texture. Shared by the window and by offscreen images.

use egui::{ClippedPrimitive, TexturesDelta};
use egui_wgpu::{Renderer, RendererOptions, ScreenDescriptor};

use crate::device::Gpu;
use crate::pipelines::NetworkPipelines;

/// Creates egui's renderer with the network pipelines registered. `format` must not be sRGB.
pub(crate) fn renderer(gpu: &Gpu, format: wgpu::TextureFormat) -> Renderer {
    // Dithering differs between drivers and has no visible benefit here.
    let options = RendererOptions { dithering: false, ..RendererOptions::default() };
    let mut renderer = Renderer::new(&gpu.device, format, options);
    renderer.callback_resources.insert(NetworkPipelines::new(&gpu.device, format));
    renderer
}

/// Draws grids of levels with textures of at most this side.
pub(crate) fn limit_textures(renderer: &mut Renderer, max_side: u32) {
    if let Some(pipelines) = renderer.callback_resources.get_mut::<NetworkPipelines>() {
        pipelines.limit_textures(max_side);
    }
}

/// Uploads changed textures of egui. Call [`free`] after the frame to release unused ones.
pub(crate) fn upload(gpu: &Gpu, renderer: &mut Renderer, textures: &mut TexturesDelta) {
    let mut changed: Vec<_> = std::mem::take(&mut textures.set).into_iter().collect();
    changed.sort_by_key(|(id, _)| match id {
        egui::TextureId::Managed(n) => (0, *n),
        egui::TextureId::User(n) => (1, *n),
    });
    for (id, deltas) in changed {
        for delta in deltas {
            renderer.update_texture(&gpu.device, &gpu.queue, id, &delta);
        }
    }
}

/// Releases the textures that egui no longer uses.
pub(crate) fn free(renderer: &mut Renderer, textures: &mut TexturesDelta) {
    for id in std::mem::take(&mut textures.free).into_iter().collect::<Vec<_>>() {
        renderer.free_texture(&id);
    }
}

/// Draws the primitives over a clear colour and submits the commands. `finish` may append further commands.
pub(crate) fn draw(
    gpu: &Gpu,
    renderer: &mut Renderer,
    view: &wgpu::TextureView,
    screen: &ScreenDescriptor,
    primitives: &[ClippedPrimitive],
    clear: egui::Color32,
    finish: impl FnOnce(&mut wgpu::CommandEncoder),
) {
    let mut encoder =
        gpu.device.create_command_encoder(&wgpu::CommandEncoderDescriptor { label: Some("slowgrad frame") });
    let extra = renderer.update_buffers(&gpu.device, &gpu.queue, &mut encoder, primitives, screen);
    {
        let [r, g, b, a] = clear.to_array().map(|part| f64::from(part) / 255.0);
        let pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: Some("slowgrad frame"),
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a }),
                    store: wgpu::StoreOp::Store,
                },
            })],
            depth_stencil_attachment: None,
            timestamp_writes: None,
            occlusion_query_set: None,
            multiview_mask: None,
        });
        renderer.render(&mut pass.forget_lifetime(), primitives, screen);
    }
    finish(&mut encoder);
    gpu.queue.submit(extra.into_iter().chain([encoder.finish()]));
}
