//! A still of one moment: the network, the formula, the script and the phases of the step in one picture.
//!
//! What is drawn is the scene and nothing else, so a still shows what the window would show.

use slowgrad_render::{
    Offscreen, RenderError, RgbaImage, StillContent, Theme, phase_marks, still_network_size, still_ui, still_zoom,
};
use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::inspect;
use slowgrad_timeline::explain::words::Explainer;
use slowgrad_timeline::scene::{Layout, Moment, NeuronMaps, SceneOptions, Target, scene, zoom_step};
use std::sync::Arc;

/// A moment to be drawn.
pub(crate) struct Still<'a> {
    /// The step.
    pub(crate) timeline: &'a Timeline,
    /// The moment within it.
    pub(crate) moment: Moment,
    /// The lesson's title.
    pub(crate) title: &'a str,
    /// What is selected and explained.
    pub(crate) selected: Option<Target>,
    /// What the lesson says.
    pub(crate) caption: String,
    /// What the neurons compute, with the parameters before the step.
    pub(crate) maps: Option<Arc<NeuronMaps>>,
}

impl Still<'_> {
    /// Draws it.
    pub(crate) fn draw(&self, offscreen: &mut Offscreen, theme: &Theme) -> Result<RgbaImage, RenderError> {
        let layout = Layout::within(&self.timeline.step().shape, still_network_size(offscreen.size_pts()).into());
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
        let done = self.moment.events.start as f32 + self.moment.progress * self.moment.events.len() as f32;
        let content = StillContent {
            scene: &scene,
            inspector: inspector.as_ref(),
            selected: self.selected,
            title: self.title,
            phases: &phases,
            progress: done / self.timeline.len() as f32,
        };
        theme.apply(offscreen.context());
        pollster::block_on(offscreen.render(|ui| still_ui(ui, &content, theme)))
    }
}
