//! The open plots and their view settings.
//!
//! The backend computes the data of open plots only, so it is told which plots are open.

use super::landscape_view::LandscapeView;
use slowgrad_session::Session;
use slowgrad_session::{ActivationAt, BackendCommand, LandscapeRequest, LossAt, OpenPlots, PlotRequest};
use slowgrad_timeline::events::Cell;
pub(crate) use slowgrad_timeline::playback::cue::Plot;
use slowgrad_timeline::scene::Target;

/// The axes that are logarithmic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LogAxes {
    pub(crate) losses: bool,
    pub(crate) steps: bool,
}

/// The plots.
#[derive(Debug)]
pub(crate) struct PlotTabs {
    open: bool,
    /// Whether the plots replace the network.
    large: bool,
    /// The open plots, the last opened one last.
    tabs: Vec<Plot>,
    /// The number of plots that fit side by side.
    capacity: usize,
    pub(crate) log: LogAxes,
    pub(crate) landscape: LandscapeView,
    /// The output whose loss is plotted.
    output: usize,
    /// Whether the confusion matrix is that of the test data, if there is any.
    pub(crate) confusion_of_test: bool,
    /// The layer and the neuron whose activation is plotted.
    neuron: (usize, usize),
    /// The request that the backend has.
    sent: PlotRequest,
}

impl Default for PlotTabs {
    fn default() -> Self {
        Self {
            open: false,
            large: false,
            tabs: vec![Plot::Losses, Plot::Landscape],
            capacity: 2,
            log: LogAxes::default(),
            landscape: LandscapeView::default(),
            output: 0,
            confusion_of_test: true,
            neuron: (0, 0),
            sent: PlotRequest::default(),
        }
    }
}

impl PlotTabs {
    /// The plots for a session file.
    pub(crate) fn saved(&self) -> OpenPlots {
        OpenPlots {
            shown: self.tabs.clone(),
            open: self.open,
            large: self.large,
            log_losses: self.log.losses,
            log_steps: self.log.steps,
            surface: self.landscape.is_surface(),
            axes: self.landscape.axes(),
            range: self.landscape.range(),
        }
    }

    /// Opens the plots of a session file.
    pub(crate) fn restore(&mut self, saved: OpenPlots) {
        let OpenPlots { shown, open, large, log_losses, log_steps, surface, axes, range } = saved;
        *self = Self {
            open: open && !shown.is_empty(),
            large: open && large && !shown.is_empty(),
            tabs: shown,
            log: LogAxes { losses: log_losses, steps: log_steps },
            landscape: LandscapeView::restored(surface, axes, range),
            ..Self::default()
        };
    }

    /// Whether the panel is open.
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the plots replace the network.
    pub(crate) fn is_large(&self) -> bool {
        self.large
    }

    pub(crate) fn toggle_large(&mut self) {
        self.large = !self.large;
    }

    /// Sets the number of plots that fit side by side.
    pub(crate) fn set_capacity(&mut self, capacity: usize) {
        self.capacity = capacity.max(1);
    }

    /// The output whose loss is plotted.
    pub(crate) fn output(&self) -> usize {
        self.output
    }

    pub(crate) fn set_output(&mut self, output: usize) {
        self.output = output;
    }

    /// The plots that are visible, in their fixed order.
    pub(crate) fn visible(&self) -> Vec<Plot> {
        let recent = &self.tabs[self.tabs.len().saturating_sub(self.capacity)..];
        Plot::ALL.into_iter().filter(|plot| self.open && recent.contains(plot)).collect()
    }

    /// Opens a plot, or closes it. The panel opens with the first plot and closes with the last one.
    pub(crate) fn toggle(&mut self, plot: Plot) {
        let was_visible = self.visible().contains(&plot);
        if !self.open {
            self.tabs.clear();
        }
        self.tabs.retain(|tab| *tab != plot);
        if !was_visible {
            self.tabs.push(plot);
            let excess = self.tabs.len().saturating_sub(self.capacity);
            self.tabs.drain(..excess);
        }
        self.open = !self.tabs.is_empty();
        if !self.open {
            self.tabs.push(plot);
            self.large = false;
        }
    }

    /// Opens a plot that is not visible yet.
    pub(crate) fn open(&mut self, plot: Plot) {
        if !self.visible().contains(&plot) {
            self.toggle(plot);
        }
    }

    /// Opens the panel with its last plots.
    pub(crate) fn show_panel(&mut self) {
        self.open = true;
    }

    /// Opens the panel with its last plots, or closes it.
    pub(crate) fn toggle_panel(&mut self) {
        self.open = !self.open;
        self.large &= self.open;
    }

    /// Updates the neuron whose activation is plotted: the selected one, else the running one, else the last one.
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

    /// Requests the data of the visible plots from the backend, when they have changed.
    pub(crate) fn request_data(&mut self, session: &mut Session) {
        if session.now().is_none() {
            return;
        }
        let (layer, neuron) = self.follow(session);
        let sample = session.sample();
        let visible = self.visible();
        let is = |plot: Plot| visible.contains(&plot);
        session.shows_evaluation = is(Plot::Confusion);
        let (axes, range) = (self.landscape.axes(), self.landscape.range());
        let request = PlotRequest {
            scores: is(Plot::Losses) || is(Plot::Accuracy),
            predictions: is(Plot::Predictions),
            histograms: is(Plot::Histograms),
            activation: is(Plot::Activation).then_some(ActivationAt { sample, layer, neuron }),
            loss: is(Plot::Loss).then_some(LossAt { sample, output: self.output }),
            landscape: is(Plot::Landscape).then_some(LandscapeRequest { axes, range }),
        };
        if request != self.sent {
            self.sent = request.clone();
            session.send(BackendCommand::ShowPlots(Box::new(request)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_opened_plots_are_visible_up_to_the_capacity() {
        let mut plots = PlotTabs::default();
        assert!(plots.visible().is_empty());
        plots.toggle_panel();
        assert_eq!(plots.visible(), [Plot::Losses, Plot::Landscape]);
        plots.toggle(Plot::Loss);
        assert_eq!(plots.visible(), [Plot::Landscape, Plot::Loss]);
        plots.set_capacity(1);
        assert_eq!(plots.visible(), [Plot::Loss]);
        // An open plot beyond the capacity becomes visible instead of closing.
        plots.toggle(Plot::Landscape);
        assert_eq!(plots.visible(), [Plot::Landscape]);
        plots.toggle(Plot::Landscape);
        assert!(!plots.is_open());
        plots.set_capacity(3);
        plots.toggle(Plot::Histograms);
        assert_eq!(plots.visible(), [Plot::Histograms]);
    }
}
