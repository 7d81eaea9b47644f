//! Finding a graphics adapter, with or without a window, and saying clearly what to do when there is none.

use thiserror::Error;

/// Why nothing can be drawn.
#[derive(Debug, Error)]
pub enum RenderError {
    /// There is neither a graphics card nor a software renderer.
    #[error(
        "no graphics adapter found; on Debian and Ubuntu install mesa-vulkan-drivers \
         (software rendering, works without a GPU)"
    )]
    NoAdapter(#[source] wgpu::RequestAdapterError),
    /// The adapter is there but cannot be used.
    #[error("the graphics device could not be opened: {0}")]
    Device(#[from] wgpu::RequestDeviceError),
    /// The window cannot be drawn into.
    #[error("the window cannot be drawn into: {0}")]
    Surface(#[from] wgpu::CreateSurfaceError),
    /// The adapter has no way to show pictures in this window.
    #[error("the graphics adapter cannot draw into this window")]
    Unsupported,
    /// A picture of this size cannot be made.
    #[error("a picture of {width} by {height} pixels cannot be drawn; each side may have 1 to {limit}")]
    Size {
        /// Wanted width.
        width: u32,
        /// Wanted height.
        height: u32,
        /// The device's limit.
        limit: u32,
    },
    /// The finished picture could not be read back.
    #[error("the picture could not be read back: {0}")]
    ReadBack(String),
}

/// An open adapter.
pub(crate) struct Gpu {
    pub(crate) adapter: wgpu::Adapter,
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
}

impl Gpu {
    /// Opens the adapter that suits the surface, or any at all.
    pub(crate) fn open(instance: &wgpu::Instance, surface: Option<&wgpu::Surface<'_>>) -> Result<Self, RenderError> {
        let adapter = pollster::block_on(instance.request_adapter(&wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::LowPower,
            compatible_surface: surface,
            ..wgpu::RequestAdapterOptions::default()
        }))
        .map_err(RenderError::NoAdapter)?;
        let (device, queue) = pollster::block_on(adapter.request_device(&wgpu::DeviceDescriptor {
            label: Some("slowgrad"),
            // Within WebGL2, but with the adapter's own sizes of buffers and textures.
            required_limits: wgpu::Limits::downlevel_webgl2_defaults().using_resolution(adapter.limits()),
            ..wgpu::DeviceDescriptor::default()
        }))?;
        Ok(Self { adapter, device, queue })
    }
}
