//! The three instanced pipelines that draw edges, discs and fields of levels inside egui's own pass.
//!
//! A frame's marks are built once on the CPU as plain instances and uploaded in one write per pipeline; the
//! shaders do the rest. A grid of levels becomes a texture, which is written only when it is another grid than
//! in the frame before. Only vertex buffers, one uniform block and textures that are read by place are used,
//! so that the same code runs on WebGL2. This module must not know scenes or themes: colours and places come in
//! ready.

use std::collections::HashMap;
use std::sync::Arc;

use bytemuck::{Pod, Zeroable};
use egui::{Color32, Id, PaintCallbackInfo, Pos2};
use egui_wgpu::{CallbackResources, CallbackTrait, ScreenDescriptor};
use glam::Vec2;
use slowgrad_timeline::scene::Levels;
use wgpu::util::DeviceExt as _;

/// One edge as the shader reads it; world units, premultiplied colours.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct EdgeInstance {
    pub(crate) from: [f32; 2],
    pub(crate) to: [f32; 2],
    pub(crate) width: f32,
    /// Negative for none.
    pub(crate) ghost_width: f32,
    pub(crate) glow: f32,
    /// 1 when it is drawn dashed, and 2 more when it is drawn hollow.
    pub(crate) style: f32,
    pub(crate) color: [u8; 4],
    pub(crate) glow_color: [u8; 4],
}

/// One disc as the shader reads it; world units, premultiplied colours.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct DiscInstance {
    pub(crate) center: [f32; 2],
    pub(crate) radius: f32,
    pub(crate) ring_width: f32,
    pub(crate) halo: f32,
    pub(crate) halo_reach: f32,
    pub(crate) fill: [u8; 4],
    pub(crate) ring: [u8; 4],
    pub(crate) halo_color: [u8; 4],
}

/// One patch of a grid as the shader reads it; world units.
#[derive(Debug, Clone, Copy, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct PatchInstance {
    /// Left, top, right, bottom.
    pub(crate) place: [f32; 4],
    /// First column and row of the grid, then their numbers.
    pub(crate) source: [f32; 4],
    /// 0 for cells, 1 for a plane, 2 for a curve.
    pub(crate) form: f32,
    pub(crate) alpha: f32,
    /// Negative for none.
    pub(crate) probe: [f32; 2],
}

/// All patches of one grid.
pub(crate) struct FieldMarks {
    pub(crate) levels: Arc<Levels>,
    /// Of −127 to 127, then of the ground and of lines.
    pub(crate) colors: Vec<[u8; 4]>,
    pub(crate) patches: Vec<PatchInstance>,
}

#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Camera {
    scale: f32,
    density: f32,
    origin: Vec2,
    target_size: Vec2,
    dash: f32,
    padding: f32,
    ghost_color: [f32; 4],
}

/// One network in one frame.
pub(crate) struct NetworkCallback {
    /// Which network, when there are several on screen.
    pub(crate) id: Id,
    pub(crate) edges: Vec<EdgeInstance>,
    pub(crate) discs: Vec<DiscInstance>,
    /// The first disc that is drawn over the maps.
    pub(crate) first_over: usize,
    /// Drawn between edges and discs.
    pub(crate) matrices: Vec<FieldMarks>,
    /// Drawn over the discs up to `first_over`.
    pub(crate) maps: Vec<FieldMarks>,
    /// Where the world's origin lies on screen, in points.
    pub(crate) origin: Pos2,
    /// Points per world unit.
    pub(crate) zoom: f32,
    /// Length of a dash in points.
    pub(crate) dash: f32,
    pub(crate) ghost_color: Color32,
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
        let camera = Camera {
            scale: self.zoom * density,
            density,
            origin: Vec2::new(self.origin.x, self.origin.y) * density,
            target_size: Vec2::new(width as f32, height as f32),
            dash: self.dash * density,
            padding: 0.0,
            ghost_color: self.ghost_color.to_array().map(|part| f32::from(part) / 255.0),
        };
        let layout = &pipelines.camera_layout;
        let slot = pipelines.slots.entry(self.id).or_insert_with(|| Slot::new(device, layout));
        queue.write_buffer(&slot.camera, 0, bytemuck::bytes_of(&camera));
        slot.edges.write(device, queue, bytemuck::cast_slice(&self.edges), self.edges.len());
        slot.discs.write(device, queue, bytemuck::cast_slice(&self.discs), self.discs.len());
        let layout = &pipelines.field_layout;
        write_fields(&mut slot.matrices, &self.matrices, device, queue, layout);
        write_fields(&mut slot.maps, &self.maps, device, queue, layout);
        Vec::new()
    }

    fn paint(&self, info: PaintCallbackInfo, pass: &mut wgpu::RenderPass<'static>, resources: &CallbackResources) {
        let Some(pipelines) = resources.get::<NetworkPipelines>() else {
            return;
        };
        let Some(slot) = pipelines.slots.get(&self.id) else {
            return;
        };
        // Places are in pixels of the whole target; egui's clip rectangle stays in force.
        let [width, height] = info.screen_size_px;
        pass.set_viewport(0.0, 0.0, width as f32, height as f32, 0.0, 1.0);
        pass.set_bind_group(0, &slot.camera_group, &[]);
        let first_over = (self.first_over as u32).min(slot.discs.count);
        draw(pass, &pipelines.edges, &slot.edges, 0..slot.edges.count);
        draw_fields(pass, &pipelines.fields, &slot.matrices);
        draw(pass, &pipelines.discs, &slot.discs, 0..first_over);
        draw_fields(pass, &pipelines.fields, &slot.maps);
        draw(pass, &pipelines.discs, &slot.discs, first_over..slot.discs.count);
    }
}

fn draw(
    pass: &mut wgpu::RenderPass<'static>,
    pipeline: &wgpu::RenderPipeline,
    marks: &Instances,
    which: std::ops::Range<u32>,
) {
    if !which.is_empty() {
        pass.set_pipeline(pipeline);
        pass.set_vertex_buffer(0, marks.buffer.slice(..));
        pass.draw(0..4, which);
    }
}

fn draw_fields(pass: &mut wgpu::RenderPass<'static>, pipeline: &wgpu::RenderPipeline, fields: &[FieldSlot]) {
    for field in fields {
        pass.set_bind_group(1, &field.group, &[]);
        draw(pass, pipeline, &field.patches, 0..field.patches.count);
    }
}

/// Brings the fields of a network up to date; what is the same as before is not written again.
fn write_fields(
    slots: &mut Vec<FieldSlot>,
    marks: &[FieldMarks],
    device: &wgpu::Device,
    queue: &wgpu::Queue,
    layout: &wgpu::BindGroupLayout,
) {
    slots.truncate(marks.len());
    for (nth, marks) in marks.iter().enumerate() {
        let is_size =
            |slot: &FieldSlot| (slot.levels.width, slot.levels.height) == (marks.levels.width, marks.levels.height);
        match slots.get_mut(nth) {
            Some(slot) if is_size(slot) => {}
            Some(slot) => *slot = FieldSlot::new(device, layout, &marks.levels),
            None => slots.push(FieldSlot::new(device, layout, &marks.levels)),
        }
        slots[nth].write(device, queue, marks);
    }
}

/// The pipelines and the buffers of every network on screen; lives among egui's callback resources.
pub(crate) struct NetworkPipelines {
    edges: wgpu::RenderPipeline,
    discs: wgpu::RenderPipeline,
    fields: wgpu::RenderPipeline,
    camera_layout: wgpu::BindGroupLayout,
    field_layout: wgpu::BindGroupLayout,
    slots: HashMap<Id, Slot>,
}

struct Slot {
    camera: wgpu::Buffer,
    camera_group: wgpu::BindGroup,
    edges: Instances,
    discs: Instances,
    matrices: Vec<FieldSlot>,
    maps: Vec<FieldSlot>,
}

/// A grid of levels on the graphics side.
struct FieldSlot {
    levels: Arc<Levels>,
    /// Whether `texture` holds `levels`.
    is_written: bool,
    colors: Vec<[u8; 4]>,
    texture: wgpu::Texture,
    ramp: wgpu::Texture,
    group: wgpu::BindGroup,
    patches: Instances,
}

/// Colours of a ramp, with the ground and the ink of lines.
const COLORS: u32 = 257;

impl FieldSlot {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout, levels: &Arc<Levels>) -> Self {
        let texture = |width: u32, height: u32, format: wgpu::TextureFormat| {
            device.create_texture(&wgpu::TextureDescriptor {
                label: Some("network field"),
                size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
                mip_level_count: 1,
                sample_count: 1,
                dimension: wgpu::TextureDimension::D2,
                format,
                usage: wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST,
                view_formats: &[],
            })
        };
        let grid = texture(levels.width as u32, levels.height as u32, wgpu::TextureFormat::R8Snorm);
        let ramp = texture(COLORS, 1, wgpu::TextureFormat::Rgba8Unorm);
        let view = |texture: &wgpu::Texture| texture.create_view(&wgpu::TextureViewDescriptor::default());
        let group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("network field"),
            layout,
            entries: &[
                wgpu::BindGroupEntry { binding: 0, resource: wgpu::BindingResource::TextureView(&view(&grid)) },
                wgpu::BindGroupEntry { binding: 1, resource: wgpu::BindingResource::TextureView(&view(&ramp)) },
            ],
        });
        let patches = Instances::new(device, 4096);
        Self { levels: Arc::clone(levels), is_written: false, colors: Vec::new(), texture: grid, ramp, group, patches }
    }

    fn write(&mut self, device: &wgpu::Device, queue: &wgpu::Queue, marks: &FieldMarks) {
        if !self.is_written || !Arc::ptr_eq(&self.levels, &marks.levels) {
            self.levels = Arc::clone(&marks.levels);
            self.is_written = true;
            let Levels { width, height, levels } = &*marks.levels;
            write_texture(queue, &self.texture, bytemuck::cast_slice(levels), [*width as u32, *height as u32], 1);
        }
        if self.colors != marks.colors {
            self.colors.clone_from(&marks.colors);
            write_texture(queue, &self.ramp, bytemuck::cast_slice(&self.colors), [self.colors.len() as u32, 1], 4);
        }
        self.patches.write(device, queue, bytemuck::cast_slice(&marks.patches), marks.patches.len());
    }
}

fn write_texture(queue: &wgpu::Queue, texture: &wgpu::Texture, bytes: &[u8], [width, height]: [u32; 2], texel: u32) {
    let layout =
        wgpu::TexelCopyBufferLayout { offset: 0, bytes_per_row: Some(width * texel), rows_per_image: Some(height) };
    let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
    queue.write_texture(texture.as_image_copy(), bytes, layout, size);
}

/// A vertex buffer that grows and never shrinks.
struct Instances {
    buffer: wgpu::Buffer,
    count: u32,
}

impl Instances {
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

impl Slot {
    fn new(device: &wgpu::Device, layout: &wgpu::BindGroupLayout) -> Self {
        let camera = device.create_buffer_init(&wgpu::util::BufferInitDescriptor {
            label: Some("network camera"),
            contents: bytemuck::bytes_of(&Camera::zeroed()),
            usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        });
        let camera_group = device.create_bind_group(&wgpu::BindGroupDescriptor {
            label: Some("network camera"),
            layout,
            entries: &[wgpu::BindGroupEntry { binding: 0, resource: camera.as_entire_binding() }],
        });
        let marks = || Instances::new(device, 4096);
        let (edges, discs) = (marks(), marks());
        Self { camera, camera_group, edges, discs, matrices: Vec::new(), maps: Vec::new() }
    }
}

impl NetworkPipelines {
    /// Pipelines for a target of this format, which must not be sRGB.
    pub(crate) fn new(device: &wgpu::Device, format: wgpu::TextureFormat) -> Self {
        let camera_layout = device.create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor {
            label: Some("network camera"),
            entries: &[wgpu::BindGroupLayoutEntry {
                binding: 0,
                visibility: wgpu::ShaderStages::VERTEX_FRAGMENT,
                ty: wgpu::BindingType::Buffer {
                    ty: wgpu::BufferBindingType::Uniform,
                    has_dynamic_offset: false,
                    min_binding_size: wgpu::BufferSize::new(size_of::<Camera>() as u64),
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
            label: Some("network field"),
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
                concat!(include_str!("../../../shaders/camera.wgsl"), include_str!("../../../shaders/edges.wgsl")),
                size_of::<EdgeInstance>(),
                &edge_attributes,
            ),
            discs: pipeline(
                device,
                format,
                &[Some(&camera_layout)],
                "discs",
                concat!(include_str!("../../../shaders/camera.wgsl"), include_str!("../../../shaders/discs.wgsl")),
                size_of::<DiscInstance>(),
                &disc_attributes,
            ),
            fields: pipeline(
                device,
                format,
                &[Some(&camera_layout), Some(&field_layout)],
                "fields",
                concat!(include_str!("../../../shaders/camera.wgsl"), include_str!("../../../shaders/fields.wgsl")),
                size_of::<PatchInstance>(),
                &patch_attributes,
            ),
            camera_layout,
            field_layout,
            slots: HashMap::new(),
        }
    }
}

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
