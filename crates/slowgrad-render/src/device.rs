//! Requests a graphics adapter and a device, for a window or without one.

use thiserror::Error;

/// Why a frame or an image cannot be rendered.
#[derive(Debug, Error)]
pub enum RenderError {
    /// There is neither a GPU driver nor a software renderer.
    #[error(
        "no graphics adapter found; on Debian and Ubuntu install mesa-vulkan-drivers \
         (software rendering, works without a GPU)"
    )]
    NoAdapter(#[source] wgpu::RequestAdapterError),
    /// The adapter refused to open a device.
    #[error("cannot open the graphics device: {0}")]
    Device(#[from] wgpu::RequestDeviceError),
    /// The window has no surface that a driver can draw into.
    #[error("cannot draw into the window: {0}")]
    Surface(#[from] wgpu::CreateSurfaceError),
    /// The adapter cannot present into this window.
    #[error("the graphics adapter does not support this window")]
    Unsupported,
    /// The image size is zero or exceeds the device's limit.
    #[error("cannot render an image of {width} × {height} pixels; each side must be 1 to {limit}")]
    Size {
        /// Requested width in pixels.
        width: u32,
        /// Requested height in pixels.
        height: u32,
        /// The device's largest side in pixels.
        limit: u32,
    },
    /// Reading the rendered image back from the device failed.
    #[error("cannot read the rendered image back: {0}")]
    ReadBack(String),
}

/// An open device with its adapter and queue.
pub(crate) struct Gpu {
    pub(crate) adapter: wgpu::Adapter,
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
}

impl Gpu {
    /// Opens a device that can present to `surface`, or any device without one.
    ///
    /// # Errors
    /// [`RenderError::NoAdapter`] without a driver, [`RenderError::Device`] if the adapter refuses.
    pub(crate) async fn open(
        instance: &wgpu::Instance,
        surface: Option<&wgpu::Surface<'_>>,
    ) -> Result<Self, RenderError> {
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::LowPower,
            compatible_surface: surface,
            ..wgpu::RequestAdapterOptions::default()
        };
        let adapter = instance.request_adapter(&options).await.map_err(RenderError::NoAdapter)?;
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("slowgrad"),
            // The limits of WebGL2, except for the adapter's own buffer and texture sizes.
            required_limits: wgpu::Limits::downlevel_webgl2_defaults().using_resolution(adapter.limits()),
            ..wgpu::DeviceDescriptor::default()
        };
        let (device, queue) = adapter.request_device(&descriptor).await?;
        Ok(Self { adapter, device, queue })
    }

    /// Name and backend of the adapter, such as `llvmpipe (Vulkan)`.
    pub(crate) fn adapter_name(&self) -> String {
        let info = self.adapter.get_info();
        format!("{} ({:?})", info.name, info.backend)
    }

    /// The largest texture side in pixels.
    pub(crate) fn max_texture_side(&self) -> u32 {
        self.device.limits().max_texture_dimension_2d
    }
}
