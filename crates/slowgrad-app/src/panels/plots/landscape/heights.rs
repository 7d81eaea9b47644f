//! The mapping from losses to heights and colours.
//!
//! It must not know how the landscape is drawn.

use crate::state::landscape_view::AxisRanges;
use egui::Color32;
use slowgrad_render::Theme;
use slowgrad_session::Landscape;
use slowgrad_tape::math;

/// The number of contour lines.
const LEVELS: usize = 12;

/// A scale from 0 for the smallest loss to 1 for the largest.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeightScale {
    low: f64,
    high: f64,
    log: bool,
}

impl HeightScale {
    /// The scale of a surface; with `with_paths` it includes the losses along the paths.
    pub(super) fn new(landscape: &Landscape, log: bool, with_paths: bool) -> Self {
        let mut heights = Self { low: 0.0, high: 1.0, log };
        let surface = &landscape.surface;
        let range = |losses: &mut dyn Iterator<Item = f64>| {
            let finite = losses.map(|loss| heights.scaled(loss)).filter(|height| height.is_finite());
            finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)))
        };
        let (low, high) = range(&mut surface.losses.iter().copied().chain([surface.loss]));
        if low > high {
            return heights;
        }
        // A path may rise above the surface, up to a limit that keeps the surface from becoming flat.
        let is_visible = |at: [f64; 2]| (0..2).all(|axis| within(surface.range, axis, at[axis]));
        let paths = landscape.path.iter().chain(&landscape.comparison).filter(|point| is_visible(point.at));
        let paths = paths.filter_map(|point| point.loss);
        let mut paths = paths.filter(|loss| with_paths && heights.scaled(*loss) < high + 4.0 * (high - low));
        let (least, most) = range(&mut paths);
        (heights.low, heights.high) = (low.min(least), high.max(most));
        if heights.high - heights.low < 1e-12 {
            heights.high = heights.low + 1e-12_f64.max(1e-6 * heights.low.abs());
        }
        heights
    }

    fn scaled(self, loss: f64) -> f64 {
        if self.log { math::log10(loss) } else { loss }
    }

    /// The height of a loss, or `None` when the loss has none.
    pub(super) fn share(self, loss: f64) -> Option<f32> {
        let height = self.scaled(loss);
        height.is_finite().then(|| ((height - self.low) / (self.high - self.low)) as f32)
    }

    pub(super) fn loss(self, share: f64) -> f64 {
        let height = self.low + share * (self.high - self.low);
        if self.log { math::pow(10.0, height) } else { height }
    }

    /// The colour of a height, with more shades for low losses, where the path leads.
    pub(super) fn color(share: f32, theme: &Theme) -> Color32 {
        let share = share.clamp(0.0, 1.0);
        theme.background.lerp_to_gamma(theme.loss, 0.06 + 0.8 * share.sqrt())
    }

    /// The losses of the contour lines, closer together for low losses.
    pub(super) fn levels(self) -> Vec<f64> {
        let share = |nth: usize| nth as f64 / (LEVELS + 1) as f64;
        (1..=LEVELS).map(|nth| self.loss(if self.log { share(nth) } else { share(nth) * share(nth) })).collect()
    }
}

/// Whether a number is within a range.
pub(super) fn within(range: AxisRanges, axis: usize, at: f64) -> bool {
    (range[axis][0]..=range[axis][1]).contains(&at)
}
