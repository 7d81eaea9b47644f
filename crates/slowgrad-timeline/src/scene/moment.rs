//! The inputs of a scene beside the timeline and the layout: the moment, and the choices of the viewer.

use super::neuron_maps::NeuronMaps;
use super::{Bounds, Target};
use std::ops::Range;
use std::sync::Arc;

/// A moment of a step: the events being played and their progress.
#[derive(Debug, Clone, PartialEq)]
pub struct Moment {
    /// Indices into the timeline. Events before `start` have happened; those in the range are played together.
    pub events: Range<usize>,
    /// From 0 to 1, linear in time. Drawing applies the easing.
    pub progress: f32,
}

/// The choices of the viewer and of the lesson.
#[derive(Debug, Clone, PartialEq)]
pub struct SceneOptions {
    /// Significant digits of every number.
    pub digits: usize,
    /// The selected element. All of its edges are drawn, and its gradient path glows.
    pub selected: Option<Target>,
    /// Draws moving numbers halfway until they arrive, instead of animating them.
    pub reduced_motion: bool,
    /// The caption of the lesson.
    pub caption: String,
    /// The highlighted parameters, by flat index; everything else is dimmed.
    pub highlighted: Option<Arc<[bool]>>,
    /// The functions of the neurons, drawn in discs that are large enough.
    pub maps: Option<Arc<NeuronMaps>>,
    /// Points per world unit, rounded with [`zoom_step`]. Decides which details are drawn.
    pub zoom: f32,
    /// The visible part of the world, unless all of it is visible. Numbers that are too many to show all are drawn only
    /// there.
    pub visible: Option<Bounds>,
}

/// Rounds a zoom down to a quarter octave. Details appear and disappear only between steps, so a scene can be reused
/// within a step.
pub fn zoom_step(zoom: f32) -> f32 {
    let step = (zoom.max(1e-3).log2() * 4.0 + 0.01).floor() / 4.0;
    step.exp2()
}

impl Default for SceneOptions {
    fn default() -> Self {
        Self {
            digits: 3,
            selected: None,
            reduced_motion: false,
            caption: String::new(),
            highlighted: None,
            maps: None,
            zoom: 1.0,
            visible: None,
        }
    }
}
