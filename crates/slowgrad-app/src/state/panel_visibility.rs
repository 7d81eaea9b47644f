//! What of the window is on stage: the panels that a person likes, that the lesson shows or hides, and that an audience
//! sees, and where the lesson lets the view go.
//!
//! It must not know what the panels hold.

use super::Gui;
use crate::camera_animation::Flight;
use egui::{Ui, Vec2};
use slowgrad_session::Session;
use slowgrad_session::traversal;
use slowgrad_timeline::playback::cue::{CameraTarget, Panel as LessonPanel};
use slowgrad_timeline::scene::Bounds;

impl Gui {
    /// Whether a panel is shown: as the lesson says, else as a person likes it, and before an audience not at all.
    pub(crate) fn is_shown(&self, panel: LessonPanel) -> bool {
        let is_editing = self.editor.is_open() && !self.is_presenting;
        let staged = |panel| self.staged.get(&panel).copied();
        let usual = !self.is_presenting;
        match panel {
            LessonPanel::Lesson => staged(panel).unwrap_or(usual && self.habits.lesson.is_shown),
            LessonPanel::Explanation => {
                is_editing || staged(panel).unwrap_or(usual && self.habits.explanation.is_shown)
            }
            LessonPanel::Timeline => staged(panel).unwrap_or(usual),
            // It stands below what explains.
            LessonPanel::Script => {
                is_editing || staged(panel).unwrap_or(usual && self.is_shown(LessonPanel::Explanation))
            }
            LessonPanel::Plots => self.plots.is_open && staged(panel).unwrap_or(usual),
        }
    }

    /// Whether the panel at the right is shown, which explains and has the script.
    pub(crate) fn is_explaining(&self) -> bool {
        self.is_shown(LessonPanel::Explanation) || self.is_shown(LessonPanel::Script)
    }

    /// A person shows or hides a panel, whatever the lesson said.
    pub(crate) fn toggle(&mut self, panel: LessonPanel) {
        let shown = !self.is_shown(panel);
        if self.is_presenting {
            self.staged.insert(panel, shown);
            return;
        }
        self.staged.remove(&panel);
        match panel {
            LessonPanel::Lesson => self.habits.lesson.is_shown = shown,
            _ => self.habits.explanation.is_shown = shown,
        }
    }

    /// Takes in the panels and plots that the lesson shows or hides.
    pub(crate) fn heed_stage(&mut self, session: &Session) {
        let stage = session.performance.stage();
        if self.told.0 == stage.panels && self.told.1 == stage.plots {
            return;
        }
        let (panels, plots) = std::mem::replace(&mut self.told, (stage.panels.clone(), stage.plots.clone()));
        // Before their panel, which would come with the plots that it had.
        for plot in stage.plots.iter().filter(|plot| !plots.contains(plot)) {
            self.plots.open(*plot);
        }
        for panel in LessonPanel::ALL {
            let (was, is) = (panels.get(&panel), stage.panels.get(&panel));
            match is {
                Some(&is_shown) if was != is => {
                    self.staged.insert(panel, is_shown);
                    self.plots.is_open |= panel == LessonPanel::Plots && is_shown;
                }
                None if was.is_some() => drop(self.staged.remove(&panel)),
                _ => {}
            }
        }
    }

    /// Moves the view to where the lesson looks, in a network of these bounds that is drawn with this size.
    pub(crate) fn fly(&mut self, ui: &Ui, session: &mut Session, size: Vec2, whole: Bounds) {
        if let (Some(look), Some(layout)) = (session.look.take(), &self.scenery.layout)
            && let Some((timeline, _)) = session.now()
        {
            let shape = &timeline.step().shape;
            let is_there = match look {
                CameraTarget::Fit => true,
                CameraTarget::Layer(layer) => layer < shape.layers(),
                CameraTarget::At(target) => traversal::is_part(shape, target),
            };
            self.flight = is_there.then(|| Flight::new(&session.view, look, whole, layout, shape, size));
        }
        if let Some(mut flight) = self.flight.take() {
            let dt_secs = if self.has_reduced_motion() { f32::INFINITY } else { ui.input(|input| input.stable_dt) };
            let goes_on = flight.go_on(&mut session.view, if dt_secs.is_finite() { dt_secs.min(0.1) } else { dt_secs });
            self.flight = goes_on.then_some(flight);
            // Details come and go with the zoom.
            ui.ctx().request_repaint();
        }
    }
}
