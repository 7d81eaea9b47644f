//! Which plots are open and how they are looked at. What they show comes from the worker, which is told what is
//! open and computes nothing else.

use slowgrad_session::Session;
use slowgrad_session::{ActivationAt, Command, LandscapeAsk, LossAt, OpenPlots, Wanted};
use slowgrad_timeline::events::Cell;
pub(crate) use slowgrad_timeline::playback::cue::Plot;
use slowgrad_timeline::scene::Target;

/// How plots are looked at.
#[derive(Debug)]
pub(crate) struct PlotsView {
    /// Whether the panel is there.
    pub(crate) is_open: bool,
    /// Whether it takes the place of the network.
    pub(crate) is_large: bool,
    /// The plots that are open, the last one opened last.
    shown: Vec<Plot>,
    /// Plots that have room side by side.
    pub(crate) room: usize,
    /// Losses by ratios.
    pub(crate) is_log: bool,
    /// Steps by ratios.
    pub(crate) is_log_steps: bool,
    /// The landscape as a surface, or as a map.
    pub(crate) is_surface: bool,
    /// How the surface is turned, in radians.
    pub(crate) yaw: f32,
    /// How steeply it is looked down at, in radians.
    pub(crate) pitch: f32,
    /// The two parameters of the landscape, by their flat indices; the most changed weights when nobody chose.
    pub(crate) axes: Option<[usize; 2]>,
    /// From where to where of each, as somebody chose it; otherwise as far as the way leads.
    pub(crate) range: Option<[[f64; 2]; 2]>,
    /// The output that the loss is drawn over.
    pub(crate) output: usize,
    neuron: (usize, usize),
    sent: Wanted,
}

impl Default for PlotsView {
    fn default() -> Self {
        Self {
            is_open: false,
            is_large: false,
            shown: vec![Plot::Losses, Plot::Landscape],
            room: 2,
            is_log: false,
            is_log_steps: false,
            is_surface: true,
            yaw: 0.6,
            pitch: 0.6,
            axes: None,
            range: None,
            output: 0,
            neuron: (0, 0),
            sent: Wanted::default(),
        }
    }
}

impl PlotsView {
    /// The plots as a session file has them.
    pub(crate) fn saved(&self) -> OpenPlots {
        OpenPlots {
            shown: self.shown.clone(),
            open: self.is_open,
            large: self.is_large,
            log_losses: self.is_log,
            log_steps: self.is_log_steps,
            surface: self.is_surface,
            axes: self.axes,
            range: self.range,
        }
    }

    /// Opens the plots of a session file.
    pub(crate) fn restore(&mut self, saved: OpenPlots) {
        let OpenPlots { shown, open, large, log_losses, log_steps, surface, axes, range } = saved;
        *self = Self {
            is_open: open && !shown.is_empty(),
            is_large: open && large && !shown.is_empty(),
            shown,
            is_log: log_losses,
            is_log_steps: log_steps,
            is_surface: surface,
            axes,
            range,
            ..Self::default()
        };
    }

    /// The plots that are seen, in the order in which they are offered.
    pub(crate) fn seen(&self) -> Vec<Plot> {
        let recent = &self.shown[self.shown.len().saturating_sub(self.room.max(1))..];
        Plot::ALL.into_iter().filter(|plot| self.is_open && recent.contains(plot)).collect()
    }

    /// Opens a plot, or closes it; the panel comes with the first plot and goes with the last one.
    pub(crate) fn toggle(&mut self, plot: Plot) {
        let was_seen = self.seen().contains(&plot);
        if !self.is_open {
            self.shown.clear();
        }
        self.shown.retain(|shown| *shown != plot);
        if !was_seen {
            self.shown.push(plot);
            let gone = self.shown.len().saturating_sub(self.room.max(1));
            self.shown.drain(..gone);
        }
        self.is_open = !self.shown.is_empty();
        if !self.is_open {
            self.shown.push(plot);
            self.is_large = false;
        }
    }

    /// Opens a plot that is not seen yet.
    pub(crate) fn open(&mut self, plot: Plot) {
        if !self.seen().contains(&plot) {
            self.toggle(plot);
        }
    }

    /// Opens the panel with the plots that it had, or closes it.
    pub(crate) fn toggle_all(&mut self) {
        self.is_open = !self.is_open;
        self.is_large &= self.is_open;
    }

    /// The neuron whose activation is drawn: the selected one, else the one that runs, else the one before.
    fn follow(&mut self, session: &Session) -> (usize, usize) {
        let selected = match session.view.selected {
            Some(
                Target::Neuron { layer, neuron }
                | Target::Bias { layer, neuron }
                | Target::Weight { layer, neuron, .. },
            ) => Some((layer, neuron)),
            _ => None,
        };
        let running = session.now().and_then(|(timeline, playhead)| match timeline.address(playhead.event()).cell {
            Cell::Neuron { layer, neuron } => Some((layer, neuron)),
            _ => None,
        });
        if let Some(neuron) = selected.or(running) {
            self.neuron = neuron;
        }
        if let Some((timeline, _)) = session.now() {
            let shape = &timeline.step().shape;
            self.neuron.0 = self.neuron.0.min(shape.layers() - 1);
            self.neuron.1 = self.neuron.1.min(shape.size(self.neuron.0) - 1);
            self.output = self.output.min(shape.outputs() - 1);
        }
        self.neuron
    }

    /// Tells the worker what is open, when that has changed.
    pub(crate) fn tell(&mut self, session: &mut Session) {
        if session.now().is_none() {
            return;
        }
        let (layer, neuron) = self.follow(session);
        let sample = session.sample();
        let seen = self.seen();
        let is = |plot: Plot| seen.contains(&plot);
        let wanted = Wanted {
            losses: is(Plot::Losses),
            answers: is(Plot::Predictions),
            histograms: is(Plot::Histograms),
            activation: is(Plot::Activation).then_some(ActivationAt { sample, layer, neuron }),
            loss: is(Plot::Loss).then_some(LossAt { sample, output: self.output }),
            landscape: is(Plot::Landscape).then_some(LandscapeAsk { axes: self.axes, range: self.range }),
        };
        if wanted != self.sent {
            self.sent = wanted.clone();
            session.send(Command::Show(Box::new(wanted)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plots_opened_last_are_seen_as_far_as_there_is_room() {
        let mut view = PlotsView::default();
        assert!(view.seen().is_empty());
        view.toggle_all();
        assert_eq!(view.seen(), [Plot::Losses, Plot::Landscape]);
        view.toggle(Plot::Loss);
        assert_eq!(view.seen(), [Plot::Landscape, Plot::Loss]);
        view.room = 1;
        assert_eq!(view.seen(), [Plot::Loss]);
        // What is open but has no room is opened, not closed.
        view.toggle(Plot::Landscape);
        assert_eq!(view.seen(), [Plot::Landscape]);
        view.toggle(Plot::Landscape);
        assert!(!view.is_open);
        view.room = 3;
        view.toggle(Plot::Histograms);
        assert_eq!(view.seen(), [Plot::Histograms]);
    }
}
