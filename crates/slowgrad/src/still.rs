//! A still image of one moment: the network, its formulas, the script and the phases of the step.
//!
//! It draws the same scene as the window.

use slowgrad_render::{
    Offscreen, RenderError, RgbaImage, StillContent, Theme, phase_marks, still_network_size, still_ui, still_zoom,
};
use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::inspect;
use slowgrad_timeline::explain::words::Explainer;
use slowgrad_timeline::scene::{Layout, Moment, NeuronMaps, SceneOptions, Target, scene, zoom_step};
use std::sync::Arc;

/// The contents of a still image.
pub(crate) struct Still<'a> {
    /// The training step.
    pub(crate) timeline: &'a Timeline,
    /// The moment within the step.
    pub(crate) moment: Moment,
    /// The title of the lesson.
    pub(crate) title: &'a str,
    /// The element to select and explain.
    pub(crate) selected: Option<Target>,
    /// The caption of the lesson.
    pub(crate) caption: String,
    /// The outputs of the neurons over the input plane, with the parameters before the step.
    pub(crate) maps: Option<Arc<NeuronMaps>>,
}

impl Still<'_> {
    /// Draws the image with the size and scale of `offscreen`.
    pub(crate) fn draw(&self, offscreen: &mut Offscreen, theme: &Theme) -> Result<RgbaImage, RenderError> {
        let step = self.timeline.step();
        let layout = Layout::within(&step.shape, still_network_size(offscreen.size_pts()).into())
            .with_input_names(step.io_names.longest_input());
        let zoom = zoom_step(still_zoom(offscreen.size_pts(), layout.bounds()));
        let options = SceneOptions {
            selected: self.selected,
            caption: self.caption.clone(),
            maps: self.maps.clone(),
            zoom,
            ..SceneOptions::default()
        };
        let scene = scene(self.timeline, &layout, &self.moment, &options);
        let last = self.moment.events.end - 1;
        let words = Explainer { digits: options.digits };
        let inspector = self.selected.map(|target| inspect(self.timeline, last, target, words));
        let phases = phase_marks(self.timeline);
        let events = self.moment.events.start as f32 + self.moment.progress * self.moment.events.len() as f32;
        let content = StillContent {
            scene: &scene,
            inspector: inspector.as_ref(),
            selected: self.selected,
            title: self.title,
            phases: &phases,
            progress: events / self.timeline.len() as f32,
        };
        theme.apply(offscreen.context());
        pollster::block_on(offscreen.render(|ui| still_ui(ui, &content, theme)))
    }
}
