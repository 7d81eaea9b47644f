//! Requests a graphics adapter and a device, for a window or without one.

use std::sync::{Arc, Mutex, PoisonError};
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
    /// The device was lost, ran out of memory or refused a command. It draws nothing any more; open another one.
    #[error("the graphics device failed: {0}")]
    DeviceFailed(String),
    /// Reading the rendered image back from the device failed.
    #[error("cannot read the rendered image back: {0}")]
    ReadBack(String),
}

/// An open device with its adapter and queue.
pub(crate) struct Gpu {
    pub(crate) adapter: wgpu::Adapter,
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    /// The first failure of the device, from its callbacks.
    failure: Arc<Mutex<Option<String>>>,
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
        // Without these callbacks an error ends the program.
        let failure = Arc::new(Mutex::new(None));
        let first = Arc::clone(&failure);
        device.on_uncaptured_error(Arc::new(move |error: wgpu::Error| record_first(&first, &error.to_string())));
        let first = Arc::clone(&failure);
        device.set_device_lost_callback(move |_, message| record_first(&first, &format!("it was lost: {message}")));
        Ok(Self { adapter, device, queue, failure })
    }

    /// Checks that the device works.
    ///
    /// # Errors
    /// [`RenderError::DeviceFailed`] if the device has reported a failure since it was opened.
    pub(crate) fn check(&self) -> Result<(), RenderError> {
        // The callback for a lost device runs in a poll.
        let _ = self.device.poll(wgpu::PollType::Poll);
        let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner).clone();
        failure.map_or(Ok(()), |failure| Err(RenderError::DeviceFailed(failure)))
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

/// Records a failure, unless there is an earlier one, which is the cause.
fn record_first(failure: &Mutex<Option<String>>, message: &str) {
    let mut failure = failure.lock().unwrap_or_else(PoisonError::into_inner);
    // The texts of the graphics library have several lines.
    failure.get_or_insert_with(|| message.split_whitespace().collect::<Vec<_>>().join(" "));
}
