//! The destinations of links in a formula: an event of this step or the previous one, a line of a script, or the
//! slider, plug-in or sample that gave a number.
//!
//! It must not know how a formula is drawn.

use crate::state::App;
use crate::state::comparison_view::PinnedEvent;
use crate::state::link_history::LinkHighlight;
use slowgrad_engine::plugin::ControlKind;
use slowgrad_session::Session;
use slowgrad_session::{DrawerTab, PluginControl, Slot};
use slowgrad_timeline::number_format;
use slowgrad_timeline::playback::cue::Panel as LessonPanel;
use slowgrad_timeline::playback::playhead;
use slowgrad_timeline::scene::{Link, Plugin, Slider};

/// A notice lists at most this many numbers of a sample.
const MAX_NUMBERS: usize = 6;

impl App {
    /// Goes to the origin of a number in the run that is explained.
    pub(crate) fn follow_link(&mut self, link: Link, session: &mut Session) {
        let Some((mine, playhead)) = session.now() else { return };
        let step = mine.step().step;
        let here = (step, playhead.event());
        let theirs = self.network.comparison.focused_timeline(session);
        let timeline = theirs.as_ref().unwrap_or(mine);
        match link {
            Link::Event(event) => {
                // The baseline goes to the corresponding event.
                let event = theirs.as_ref().map_or(event, |theirs| {
                    let baseline = theirs.counterpart(event, mine).min(mine.len() - 1);
                    self.network.comparison.pin(PinnedEvent { step, baseline, comparison: event });
                    baseline
                });
                self.links.push(here);
                session.take_over(&playhead::Command::Seek(event));
            }
            Link::PreviousUpdate(target) => {
                self.links.push(here);
                session.go_to_update_before(target, None);
            }
            Link::PreviousState(target, field) => {
                self.links.push(here);
                session.go_to_update_before(target, Some(field));
            }
            Link::Constant(event) => {
                if let Some(location) = timeline.event(event).location {
                    self.drawer.show_tab(DrawerTab::Script);
                    self.editor.go_to(&location, session);
                }
            }
            Link::Slider(plugin, slider) => {
                let slot = slot(plugin, timeline.step().shape.layers());
                let control = control(session, plugin, slot, slider);
                self.highlight_setting(slot, control, theirs.is_some(), session);
            }
            Link::Plugin(plugin) => {
                let slot = slot(plugin, timeline.step().shape.layers());
                self.highlight_setting(slot, None, theirs.is_some(), session);
            }
            Link::Sample(sample) => {
                if let Some(text) = sample_text(session, sample) {
                    session.notice(text);
                }
                self.highlight(LinkHighlight::Sample(sample));
            }
        }
    }

    /// Highlights a plug-in or its control. The setting in which the comparison differs is not in the lesson panel, so
    /// a notice names it.
    fn highlight_setting(&mut self, slot: Slot, control: Option<usize>, theirs: bool, session: &mut Session) {
        let comparison = session.snapshot.as_ref().and_then(|snapshot| snapshot.comparison.as_ref());
        match comparison.filter(|comparison| theirs && comparison.difference.slot == slot) {
            Some(comparison) => {
                let text = format!(
                    "the comparison uses {} instead of {}",
                    comparison.comparison_setting, comparison.baseline_setting
                );
                session.notice(text);
            }
            None => self.highlight(LinkHighlight::Setting(slot, control)),
        }
    }

    /// Highlights an item of the lesson panel and shows the panel.
    fn highlight(&mut self, item: LinkHighlight) {
        if !self.is_shown(LessonPanel::Lesson) {
            self.toggle_panel(LessonPanel::Lesson);
        }
        self.links.set_highlight(item, &self.ctx);
    }
}

/// The slot of a plug-in in the lesson panel.
fn slot(plugin: Plugin, layers: usize) -> Slot {
    match plugin {
        Plugin::Activation(layer) if layer + 1 == layers => Slot::Output,
        Plugin::Activation(_) => Slot::Activation,
        Plugin::Loss => Slot::Loss,
        Plugin::Regularizer => Slot::Regularizer,
        Plugin::Optimizer => Slot::Optimizer,
        Plugin::Schedule => Slot::Schedule,
        Plugin::Initializer => Slot::Initializer,
    }
}

/// The index of a slider among the controls of a slot.
fn control(session: &Session, plugin: Plugin, slot: Slot, slider: Slider) -> Option<usize> {
    let setup = session.snapshot.as_ref()?.setup.as_ref()?;
    let info = setup.slots.iter().find(|info| info.slot == slot)?;
    let applies = |control: &PluginControl| match plugin {
        Plugin::Activation(layer) => control.layers.is_empty() || control.layers.contains(&layer),
        _ => true,
    };
    let is_slider =
        |control: &PluginControl| applies(control) && matches!(control.control.kind, ControlKind::Slider { .. });
    let is_rate = |control: &PluginControl| slot == Slot::Optimizer && control.control.name == "lr";
    let mut sliders = info.controls.iter().enumerate().filter(|(_, control)| is_slider(control));
    let found = match slider {
        Slider::LearningRate => sliders.find(|(_, control)| is_rate(control)),
        Slider::Nth(nth) => sliders.filter(|(_, control)| !is_rate(control)).nth(nth),
    };
    found.map(|(nth, _)| nth)
}

/// A sample as a line of text.
fn sample_text(session: &Session, sample: usize) -> Option<String> {
    let data = session.snapshot.as_ref()?.data.as_ref()?;
    let (input, target) = data.samples.get(sample)?;
    let list = |numbers: &[f64]| {
        let mut words: Vec<String> = numbers.iter().take(MAX_NUMBERS).map(|x| number_format::number(*x, 4)).collect();
        if numbers.len() > MAX_NUMBERS {
            words.push("…".into());
        }
        words.join("; ")
    };
    Some(format!("data sample {}: {} → {}", sample + 1, list(input), list(target)))
}
