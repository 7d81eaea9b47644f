//! The animated camera movement to a target of the lesson, which lets the audience follow it.
//!
//! An animation ends when the user moves the view. It must not know the reason for the movement.

use egui::Vec2;
use slowgrad_engine::shape::Shape;
use slowgrad_timeline::playback::cue::CameraTarget;
use slowgrad_timeline::scene::{Bounds, Layout, Point, Target, View};

/// The duration of an animation.
const DURATION_SECS: f32 = 0.7;
/// The space around the target.
const MARGIN_WORLD: f32 = 70.0;
/// The largest zoom, relative to the one that shows the whole network.
const MAX_RELATIVE_ZOOM: f32 = 2.2;

/// A running animation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CameraAnimation {
    from: (Point, f32),
    to: (Point, f32),
    /// Centre and zoom in the last frame.
    at: (Point, f32),
    secs: f32,
    /// Whether the view shows the whole network at the end and keeps doing so.
    fits_all: bool,
}

impl CameraAnimation {
    /// An animation from a view to a target, for a network that is drawn at this size.
    pub(crate) fn new(
        view: &View,
        look: CameraTarget,
        whole: Bounds,
        layout: &Layout,
        shape: &Shape,
        size: Vec2,
    ) -> Self {
        let mut all = view.clone();
        all.fit(whole, size);
        let mut goal = all.clone();
        if look != CameraTarget::Fit {
            goal.fit(bounds(look, layout, shape), size);
            goal.zoom = goal.zoom.min(MAX_RELATIVE_ZOOM * all.zoom).max(all.zoom);
        }
        let from = (view.center, view.zoom);
        Self { from, to: (goal.center, goal.zoom), at: from, secs: 0.0, fits_all: look == CameraTarget::Fit }
    }

    /// Moves the view; returns whether the animation continues.
    pub(crate) fn advance(&mut self, view: &mut View, dt_secs: f32) -> bool {
        if (view.center, view.zoom) != self.at {
            return false;
        }
        self.secs += dt_secs;
        let share = (self.secs / DURATION_SECS).clamp(0.0, 1.0);
        let eased = share * share * (3.0 - 2.0 * share);
        let between = |a: f32, b: f32| a + (b - a) * eased;
        let ([x, y], [to_x, to_y]) = (self.from.0, self.to.0);
        view.center = [between(x, to_x), between(y, to_y)];
        view.zoom = self.from.1 * (self.to.1 / self.from.1).powf(eased);
        view.auto_fit = self.fits_all && share >= 1.0;
        self.at = (view.center, view.zoom);
        share < 1.0
    }
}

/// The box around the target.
fn bounds(look: CameraTarget, layout: &Layout, shape: &Shape) -> Bounds {
    let source = |layer: usize, input: usize| match layer.checked_sub(1) {
        Some(before) => Target::Neuron { layer: before, neuron: input },
        None => Target::Input(input),
    };
    let targets: Vec<Target> = match look {
        CameraTarget::Layer(layer) => {
            let neurons = (0..shape.size(layer)).map(|neuron| Target::Neuron { layer, neuron });
            neurons.chain((0..shape.fan_in(layer)).map(|input| source(layer, input))).collect()
        }
        CameraTarget::At(Target::Weight { layer, neuron, input }) => {
            vec![Target::Neuron { layer, neuron }, source(layer, input)]
        }
        CameraTarget::At(Target::Bias { layer, neuron }) => vec![Target::Neuron { layer, neuron }],
        CameraTarget::At(target) => vec![target],
        CameraTarget::Fit => Vec::new(),
    };
    let mut bounds = Bounds { min: [f32::INFINITY; 2], max: [f32::NEG_INFINITY; 2] };
    for [x, y] in targets.into_iter().map(|target| layout.position(target)) {
        bounds.min = [bounds.min[0].min(x - MARGIN_WORLD), bounds.min[1].min(y - MARGIN_WORLD)];
        bounds.max = [bounds.max[0].max(x + MARGIN_WORLD), bounds.max[1].max(y + MARGIN_WORLD)];
    }
    bounds
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Vec2 = Vec2::new(800.0, 500.0);

    fn animate(view: &View, look: CameraTarget) -> CameraAnimation {
        let shape = Shape::new(2, &[3, 1]);
        let layout = Layout::new(&shape);
        CameraAnimation::new(view, look, layout.bounds(), &layout, &shape, SIZE)
    }

    fn finish(view: &mut View, animation: &mut CameraAnimation) {
        let mut frames = 0;
        while animation.advance(view, 0.05) {
            frames += 1;
            assert!(frames < 100, "the animation does not end");
        }
    }

    #[test]
    fn the_camera_goes_to_a_weight_and_back_to_the_whole_network() {
        let layout = Layout::new(&Shape::new(2, &[3, 1]));
        let mut view = View::default();
        view.fit(layout.bounds(), SIZE);
        let whole = view.clone();
        let mut animation = animate(&view, CameraTarget::At(Target::Weight { layer: 1, neuron: 0, input: 2 }));
        finish(&mut view, &mut animation);
        let [from, to] = [Target::Neuron { layer: 0, neuron: 2 }, Target::Neuron { layer: 1, neuron: 0 }]
            .map(|target| layout.position(target));
        let middle = [from[0].midpoint(to[0]), from[1].midpoint(to[1])];
        assert!((view.center[0] - middle[0]).abs() < 0.01 && (view.center[1] - middle[1]).abs() < 0.01);
        assert!(view.zoom >= whole.zoom && !view.auto_fit);
        let mut animation = animate(&view, CameraTarget::Fit);
        finish(&mut view, &mut animation);
        assert!(view.auto_fit && (view.zoom - whole.zoom).abs() < 0.001);
    }

    #[test]
    fn moving_the_view_ends_the_animation() {
        let mut view = View::default();
        let mut animation = animate(&view, CameraTarget::Layer(1));
        assert!(animation.advance(&mut view, 0.1));
        view.shift([30.0, 0.0]);
        let taken = view.clone();
        assert!(!animation.advance(&mut view, 0.1));
        assert_eq!(view, taken);
    }
}
