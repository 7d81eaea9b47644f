//! How the loss landscape is shown: as a map or a surface, over which parameters, and how far.
//!
//! It must not know the losses.

use egui::Vec2;

/// Limits of the angle at which the surface is seen from above, in radians.
const MIN_PITCH_RAD: f32 = 0.12;
const MAX_PITCH_RAD: f32 = 1.45;

/// The range of each of the two parameters, as `[low, high]`.
pub(crate) type AxisRanges = [[f64; 2]; 2];

/// The view of the landscape.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LandscapeView {
    /// Whether it is a surface instead of a map.
    surface: bool,
    /// The rotation of the surface, in radians.
    yaw: f32,
    pitch: f32,
    /// The flat indices of the two parameters; the two that have changed most when `None`.
    axes: Option<[usize; 2]>,
    /// The ranges that the user has chosen; those of the parameter path when `None`.
    range: Option<AxisRanges>,
}

impl Default for LandscapeView {
    fn default() -> Self {
        Self { surface: true, yaw: 0.6, pitch: 0.6, axes: None, range: None }
    }
}

impl LandscapeView {
    /// The view of a session file.
    pub(super) fn restored(surface: bool, axes: Option<[usize; 2]>, range: Option<AxisRanges>) -> Self {
        Self { surface, axes, range, ..Self::default() }
    }

    pub(crate) fn is_surface(&self) -> bool {
        self.surface
    }

    pub(crate) fn toggle_surface(&mut self) {
        self.surface = !self.surface;
    }

    /// The rotation of the surface as yaw and pitch, in radians.
    pub(crate) fn rotation(&self) -> (f32, f32) {
        (self.yaw, self.pitch)
    }

    /// Rotates the surface by yaw and pitch, in radians.
    pub(crate) fn rotate(&mut self, by: Vec2) {
        self.yaw = (self.yaw - by.x).rem_euclid(std::f32::consts::TAU);
        self.pitch = (self.pitch + by.y).clamp(MIN_PITCH_RAD, MAX_PITCH_RAD);
    }

    /// The parameters that the user has chosen.
    pub(crate) fn axes(&self) -> Option<[usize; 2]> {
        self.axes
    }

    /// Follows the two parameters that have changed most.
    pub(crate) fn follow_most_changed(&mut self) {
        (self.axes, self.range) = (None, None);
    }

    /// Chooses the parameter of one axis, where the current ones are known. A parameter that the other axis has
    /// changes places with this one, since a landscape needs two.
    pub(crate) fn set_axis(&mut self, nth: usize, parameter: usize, mut current: [usize; 2]) {
        if current[1 - nth] == parameter {
            current[1 - nth] = current[nth];
        }
        current[nth] = parameter;
        self.axes = Some(current);
        self.range = None;
    }

    /// The ranges that the user has chosen.
    pub(crate) fn range(&self) -> Option<AxisRanges> {
        self.range
    }

    pub(crate) fn set_range(&mut self, range: AxisRanges) {
        self.range = Some(range);
    }

    /// Fits the ranges to the parameter path.
    pub(crate) fn reset_range(&mut self) {
        self.range = None;
    }
}
