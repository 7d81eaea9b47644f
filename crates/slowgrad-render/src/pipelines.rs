//! The three instanced pipelines that draw edges, discs and fields of levels inside egui's render pass.
//!
//! The CPU builds plain instances and uploads them in one write per pipeline; the shaders do the rest. A grid of levels
//! is a texture, or several if it is larger than the device's textures, which is written again only if the grid has
//! changed. The pipelines use only vertex buffers, one uniform
//! block and unfiltered texture loads, so that they run on WebGL2. This module must not know scenes or themes: callers
//! pass final colours and positions.

use std::collections::HashMap;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use egui::{Color32, Id, PaintCallbackInfo, Pos2};
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};
use glam::Vec2;
use slowgrad_timeline::scene::Levels;
use wgpu::util::DeviceExt as _;

/// An edge in the layout of `edges.wgsl`: world units, premultiplied colours.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct EdgeInstance {
    pub(crate) from: [f32; 2],
    pub(crate) to: [f32; 2],
    pub(crate) width: f32,
    /// Width before the update, drawn as an outline; negative for none.
    pub(crate) previous_width: f32,
    pub(crate) glow: f32,
    /// Bit 0: dashed. Bit 1: hollow.
    pub(crate) style: f32,
    pub(crate) color: [u8; 4],
    pub(crate) glow_color: [u8; 4],
}

/// A disc in the layout of `discs.wgsl`: world units, premultiplied colours.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct DiscInstance {
    pub(crate) center: [f32; 2],
    pub(crate) radius: f32,
    pub(crate) ring_width: f32,
    /// Strength of the halo, 0 to 1.
    pub(crate) halo: f32,
    pub(crate) halo_reach: f32,
    pub(crate) fill: [u8; 4],
    pub(crate) ring: [u8; 4],
    pub(crate) halo_color: [u8; 4],
}

/// A patch of a grid in the layout of `fields.wgsl`: world units.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct PatchInstance {
    /// Left, top, right, bottom.
    pub(crate) rect: [f32; 4],
    /// First column and row in the grid, then the number of columns and rows.
    pub(crate) source: [f32; 4],
    /// 0: cells, 1: plane, 2: curve.
    pub(crate) form: f32,
    pub(crate) alpha: f32,
    /// The marked position as fractions of the rectangle; negative for none.
    pub(crate) probe: [f32; 2],
}

/// A grid of levels and its patches.
pub(crate) struct FieldInstances {
    pub(crate) levels: Arc<Levels>,
    /// Colours of the levels −127 to 127, then of the background and of lines.
    pub(crate) colors: Vec<[u8; 4]>,
    pub(crate) patches: Vec<PatchInstance>,
}

/// The uniform block of `camera.wgsl`, in pixels.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct CameraUniform {
    scale: f32,
    density: f32,
    origin: Vec2,
    target_size: Vec2,
    dash: f32,
    padding: f32,
    previous_color: [f32; 4],
}

/// One network in one frame, as a paint callback of egui.
pub(crate) struct NetworkCallback {
    /// Identifies the network if several are on screen.
    pub(crate) id: Id,
    pub(crate) edges: Vec<EdgeInstance>,
    pub(crate) discs: Vec<DiscInstance>,
    /// The number of discs drawn below the maps; the others are drawn above.
    pub(crate) discs_below_maps: usize,
    /// Matrices of weights, drawn between edges and discs.
    pub(crate) matrices: Vec<FieldInstances>,
    /// Maps of what neurons compute, drawn inside their discs.
    pub(crate) maps: Vec<FieldInstances>,
    /// Screen position of the world's origin, in points.
    pub(crate) origin: Pos2,
    /// Points per world unit.
    pub(crate) zoom: f32,
    /// Length of a dash in points.
    pub(crate) dash_pts: f32,
    /// Colour of the outlines that show previous widths.
    pub(crate) previous_color: Color32,
}

impl CallbackTrait for NetworkCallback {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        screen: &ScreenDescriptor,
        _encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        let Some(pipelines) = resources.get_mut::<NetworkPipelines>() else {
            return Vec::new();
        };
        let density = screen.pixels_per_point;
        let [width, height] = screen.size_in_pixels;
        let camera = CameraUniform {
            scale: self.zoom * density,
            density,
            origin: Vec2::new(self.origin.x, self.origin.y) * density,
            target_size: Vec2::new(width as f32, height as f32),
            dash: self.dash_pts * density,
            padding: 0.0,
            previous_color: self.previous_color.to_array().map(|part| f32::from(part) / 255.0),
        };
        let layout = &pipelines.camera_layout;
        let network = pipelines.networks.entry(self.id).or_insert_with(|| NetworkResources::new(device, layout));
        queue.write_buffer(&network.camera, 0, bytemuck::bytes_of(&camera));
        network.edges.write(device, queue, bytemuck::cast_slice(&self.edges), self.edges.len());
        network.discs.write(device, queue, bytemuck::cast_slice(&self.discs), self.discs.len());
        let layout = &pipelines.field_layout;
        let side = pipelines.max_texture_side;
        write_fields(&mut network.matrices, &self.matrices, device, queue, layout, side);
        write_fields(&mut network.maps, &self.maps, device, queue, layout, side);
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let Some(pipelines) = resources.get::<NetworkPipelines>() else {
            return;
        };
        let Some(network) = pipelines.networks.get(&self.id) else {
            return;
        };
        // Positions are in pixels of the whole target. egui's scissor rectangle still applies.
        let [width, height] = info.screen_size_px;
        pass.set_viewport(0.0, 0.0, width as f32, height as f32, 0.0, 1.0);
        pass.set_bind_group(0, &network.camera_group, &[]);
        let below = (self.discs_below_maps as u32).min(network.discs.count);
        draw(pass, &pipelines.edges, &network.edges, 0..network.edges.count);
        draw_fields(pass, &pipelines.fields, &network.matrices);
        draw(pass, &pipelines.discs, &network.discs, 0..below);
        draw_fields(pass, &pipelines.fields, &network.maps);
        draw(pass, &pipelines.discs, &network.discs, below..network.discs.count);
    }
}

fn draw(
    pass: &mut wgpu::RenderPass<'static>,
    pipeline: &wgpu::RenderPipeline,
    instances: &InstanceBuffer,
    range: std::ops::Range<u32>,
) {
    if !range.is_empty() {
        pass.set_pipeline(pipeline);
        pass.set_vertex_buffer(0, instances.buffer.slice(..));
        pass.draw(0..4, range);
    }
}

fn draw_fields(pass: &mut wgpu::RenderPass<'static>, pipeline: &wgpu::RenderPipeline, fields: &[FieldResources]) {
    for field in fields {
        pass.set_bind_group(1, &field.group, &[]);
        draw(pass, pipeline, &field.patches, 0..field.patches.count);
    }
}

/// Updates the textures and buffers of a network's fields, writing only changes. Textures have at most this side.
fn write_fields(
    resources: &mut Vec<FieldResources>,
    fields: &[FieldInstances],
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    layout: &wgpu::BindGroupLayout,
    max_side: u32,
) {
    let tiles = fields.iter().flat_map(|field| {
        let size = [field.levels.width, field.levels.height];
        tiles(size, max_side as usize).into_iter().map(move |tile| (field, tile))
    });
    let mut count = 0;
    for (field, tile) in tiles {
        let fits = |old: &FieldResources| old.tile[2..] == tile[2..];
        match resources.get_mut(count) {
            Some(old) if fits(old) => {}
            Some(old) => *old = FieldResources::new(device, layout, &field.levels, tile),
            None => resources.push(FieldResources::new(device, layout, &field.levels, tile)),
        }
        resources[count].write(device, queue, field, tile);
        count += 1;
    }
    resources.truncate(count);
}

/// A part of a grid that is one texture: first column, first row, number of columns, number of rows.
type Tile = [usize; 4];

/// Divides a grid into tiles with at most this many columns and rows.
fn tiles([width, height]: [usize; 2], max_side: usize) -> Vec<Tile> {
    let spans = |length: usize| (0..length).step_by(max_side).map(move |start| (start, max_side.min(length - start)));
    spans(height).flat_map(|(top, rows)| spans(width).map(move |(left, columns)| [left, top, columns, rows])).collect()
}

/// The part of a patch within a tile, with its source relative to the tile. `None` if the patch has no cell there.
///
/// Only patches of cells are divided: maps of neurons are small enough for one texture.
fn patch_in_tile(patch: &PatchInstance, [left, top, columns, rows]: Tile) -> Option<PatchInstance> {
    let mut part = *patch;
    for (axis, (start, length)) in [(left, columns), (top, rows)].into_iter().enumerate() {
        let (first, count) = (patch.source[axis], patch.source[axis + 2]);
        let from = first.max(start as f32);
        let to = (first + count).min((start + length) as f32);
        if from >= to {
            return None;
        }
        let (low, high) = (patch.rect[axis], patch.rect[axis + 2]);
        let at = |cell: f32| low + (high - low) * ((cell - first) / count);
        // Edges that are not cut remain the same bits.
        part.rect[axis] = if from > first { at(from) } else { low };
        part.rect[axis + 2] = if to < first + count { at(to) } else { high };
        part.source[axis] = from - start as f32;
        part.source[axis + 2] = to - from;
    }
    Some(part)
}

/// The pipelines, and the GPU resources of every network on screen. Stored in egui's callback resources.
pub(crate) struct NetworkPipelines {
    edges: wgpu::RenderPipeline,
    discs: wgpu::RenderPipeline,
    fields: wgpu::RenderPipeline,
    camera_layout: wgpu::BindGroupLayout,
    field_layout: wgpu::BindGroupLayout,
    /// The largest side of a texture.
    max_texture_side: u32,
    networks: HashMap<Id, NetworkResources>,
}

/// Buffers and textures of one network.
struct NetworkResources {
    camera: wgpu::Buffer,
    camera_group: wgpu::BindGroup,
    edges: InstanceBuffer,
    discs: InstanceBuffer,
    matrices: Vec<FieldResources>,
    maps: Vec<FieldResources>,
}

/// Textures and buffers of one tile of a grid of levels.
struct FieldResources {
    levels: Arc<Levels>,
    tile: Tile,
    /// Whether `texture` contains `levels`.
    uploaded: bool,
    colors: Vec<[u8; 4]>,
    texture: wgpu::Texture,
    ramp: wgpu::Texture,
    group: wgpu::BindGroup,
    patches: InstanceBuffer,
}

/// Texels of the colour table: 255 levels, the background and the colour of lines.
const COLOR_TABLE_TEXELS: u32 = 257;
/// Initial size of an instance buffer.
const MIN_INSTANCE_BUFFER_BYTES: u64 = 4096;

impl FieldResources {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout, levels: &Arc<Levels>, tile: Tile) -> Self {
        let texture = |width: u32, height: u32, format: wgpu::TextureFormat| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some("field of levels"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        };
        let [_, _, columns, rows] = tile;
        let grid = texture(columns as u32, rows as u32, wgpu::TextureFormat::R8Snorm);
        let ramp = texture(COLOR_TABLE_TEXELS, 1, wgpu::TextureFormat::Rgba8Unorm);
        let view = |texture: &wgpu::Texture| texture.create_view(&wgpu::TextureViewDescriptor::default());
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("field of levels"),
            layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view(&grid)) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&view(&ramp)) },
            ],
        });
        let patches = InstanceBuffer::new(device, MIN_INSTANCE_BUFFER_BYTES);
        let levels = Arc::clone(levels);
        Self { levels, tile, uploaded: false, colors: Vec::new(), texture: grid, ramp, group, patches }
    }

    fn write(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, field: &FieldInstances, tile: Tile) {
        if !self.uploaded || self.tile != tile || !Arc::ptr_eq(&self.levels, &field.levels) {
            self.levels = Arc::clone(&field.levels);
            self.tile = tile;
            self.uploaded = true;
            let Levels { width, levels, .. } = &*field.levels;
            let first = tile[1] * width + tile[0];
            write_texture(queue, &self.texture, bytemuck::cast_slice(&levels[first..]), *width as u32, 1);
        }
        if self.colors != field.colors {
            self.colors.clone_from(&field.colors);
            let texels = self.colors.len() as u32;
            write_texture(queue, &self.ramp, bytemuck::cast_slice(&self.colors), texels, 4);
        }
        let patches: Vec<PatchInstance> = field.patches.iter().filter_map(|patch| patch_in_tile(patch, tile)).collect();
        self.patches.write(device, queue, bytemuck::cast_slice(&patches), patches.len());
    }
}

/// Writes a whole texture from a grid with rows of `row_texels` texels, whose first texel is that of the texture.
fn write_texture(queue: &wgpu::Queue, texture: &wgpu::Texture, bytes: &[u8], row_texels: u32, texel_bytes: u32) {
    let layout = wgpu::TexelCopyBufferLayout {
        offset: 0,
        bytes_per_row: Some(row_texels * texel_bytes),
        rows_per_image: Some(texture.height()),
    };
    queue.write_texture(texture.as_image_copy(), bytes, layout, texture.size());
}

/// A vertex buffer of instances, which grows and never shrinks.
struct InstanceBuffer {
    buffer: wgpu::Buffer,
    count: u32,
}

impl InstanceBuffer {
    fn new(device: &wgpu::Device, bytes: u64) -> Self {
        let buffer = device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("network instances"),
            size: bytes,
            usage: wgpu::BufferUsages::VERTEX | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        });
        Self { buffer, count: 0 }
    }

    fn write(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, bytes: &[u8], count: usize) {
        if self.buffer.size() < bytes.len() as u64 {
            *self = Self::new(device, (bytes.len() as u64).next_power_of_two());
        }
        if !bytes.is_empty() {
            queue.write_buffer(&self.buffer, 0, bytes);
        }
        self.count = count as u32;
    }
}

impl NetworkResources {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout) -> Self {
        let camera = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("network camera"),
            contents: bytemuck::bytes_of(&CameraUniform::zeroed()),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        });
        let camera_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("network camera"),
            layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: camera.as_entire_binding() }],
        });
        let buffer = || InstanceBuffer::new(device, MIN_INSTANCE_BUFFER_BYTES);
        let (edges, discs) = (buffer(), buffer());
        Self { camera, camera_group, edges, discs, matrices: Vec::new(), maps: Vec::new() }
    }
}

/// The source of a shader, preceded by the uniform block.
macro_rules! shader {
    ($file:literal) => {
        concat!(include_str!("../../../shaders/camera.wgsl"), include_str!(concat!("../../../shaders/", $file)))
    };
}

impl NetworkPipelines {
    /// Creates the pipelines for a target format, which must not be sRGB.
    pub(crate) fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let camera_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("network camera"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: wgpu::BufferSize::new(size_of::<CameraUniform>() as u64),
                },
                count: None,
            }],
        });
        let texture = |binding: u32| wgpu::BindGroupLayoutEntry {
            binding,
            visibility: wgpu::ShaderStages::FRAGMENT,
            ty: wgpu::BindingType::Texture {
                sample_type: wgpu::TextureSampleType::Float { filterable: false },
                view_dimension: wgpu::TextureViewDimension::D2,
                multisampled: false,
            },
            count: None,
        };
        let field_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("field of levels"),
            entries: &[texture(0), texture(1)],
        });
        let patch_attributes = wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x4, 2 => Float32x4];
        let edge_attributes = wgpu::vertex_attr_array![0 => Float32x4, 1 => Float32x4, 2 => Unorm8x4, 3 => Unorm8x4];
        let disc_attributes =
            wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32x4, 2 => Unorm8x4, 3 => Unorm8x4, 4 => Unorm8x4];
        Self {
            edges: pipeline(
                device,
                format,
                &[Some(&camera_layout)],
                "edges",
                shader!("edges.wgsl"),
                size_of::<EdgeInstance>(),
                &edge_attributes,
            ),
            discs: pipeline(
                device,
                format,
                &[Some(&camera_layout)],
                "discs",
                shader!("discs.wgsl"),
                size_of::<DiscInstance>(),
                &disc_attributes,
            ),
            fields: pipeline(
                device,
                format,
                &[Some(&camera_layout), Some(&field_layout)],
                "fields",
                shader!("fields.wgsl"),
                size_of::<PatchInstance>(),
                &patch_attributes,
            ),
            camera_layout,
            field_layout,
            max_texture_side: device.limits().max_texture_dimension_2d,
            networks: HashMap::new(),
        }
    }

    /// Uses textures of at most this side.
    pub(crate) fn limit_textures(&mut self, max_side: u32) {
        self.max_texture_side = self.max_texture_side.min(max_side.max(1));
    }
}

/// A pipeline that draws one quad per instance, with premultiplied alpha blending.
fn pipeline(
    device: &wgpu::Device,
    format: wgpu::TextureFormat,
    groups: &[Option<&wgpu::BindGroupLayout>],
    label: &str,
    source: &str,
    stride: usize,
    attributes: &[wgpu::VertexAttribute],
) -> wgpu::RenderPipeline {
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(label),
        source: wgpu::ShaderSource::Wgsl(source.into()),
    });
    let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
        label: Some(label),
        bind_group_layouts: groups,
        immediate_size: 0,
    });
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(label),
        layout: Some(&layout),
        vertex: wgpu::VertexState {
            module: &module,
            entry_point: Some("vertex"),
            buffers: &[Some(wgpu::VertexBufferLayout {
                array_stride: stride as u64,
                step_mode: wgpu::VertexStepMode::Instance,
                attributes,
            })],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..wgpu::PrimitiveState::default()
        },
        depth_stencil: None,
        multisample: wgpu::MultisampleState::default(),
        fragment: Some(wgpu::FragmentState {
            module: &module,
            entry_point: Some("fragment"),
            targets: &[Some(wgpu::ColorTargetState {
                format,
                blend: Some(wgpu::BlendState::PREMULTIPLIED_ALPHA_BLENDING),
                write_mask: wgpu::ColorWrites::ALL,
            })],
            compilation_options: wgpu::PipelineCompilationOptions::default(),
        }),
        multiview_mask: None,
        cache: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_each_cell_once() {
        for size in [[5, 3], [8, 8], [4, 1], [1, 9], [7, 4]] {
            let mut covered = vec![0; size[0] * size[1]];
            for [left, top, columns, rows] in tiles(size, 4) {
                assert!((1..=4).contains(&columns) && (1..=4).contains(&rows));
                for row in top..top + rows {
                    covered[row * size[0] + left..][..columns].iter_mut().for_each(|count| *count += 1);
                }
            }
            assert!(covered.iter().all(|count| *count == 1), "{size:?}");
        }
    }

    #[test]
    fn parts_of_a_patch_join_without_gaps() {
        let patch = PatchInstance {
            rect: [10.0, 20.0, 110.0, 50.0],
            source: [2.0, 0.0, 10.0, 3.0],
            form: 0.0,
            alpha: 1.0,
            probe: [-1.0; 2],
        };
        let parts: Vec<PatchInstance> =
            tiles([13, 3], 4).into_iter().filter_map(|tile| patch_in_tile(&patch, tile)).collect();
        let edges: Vec<[f32; 2]> = parts.iter().map(|part| [part.rect[0], part.rect[2]]).collect();
        assert_eq!(edges, [[10.0, 30.0], [30.0, 70.0], [70.0, 110.0]]);
        assert_eq!(parts.iter().map(|part| part.source[2]).collect::<Vec<_>>(), [2.0, 4.0, 4.0]);
        assert_eq!((parts[0].source[0], parts[1].source[0]), (2.0, 0.0));
        assert!(patch_in_tile(&patch, [12, 0, 1, 3]).is_none());
    }
}
