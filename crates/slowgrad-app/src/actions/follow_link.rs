//! Where the numbers of a formula lead: to an operation of this step or the step before, to a line of a script, to the
//! slider, the choice or the sample that gave them; and back again.
//!
//! It must not know how a formula is drawn.

use crate::state::{DrawerTab, Gui};
use egui::Context;
use slowgrad_engine::plugin::ControlKind;
use slowgrad_session::Session;
use slowgrad_session::{Knob, Slot};
use slowgrad_timeline::number_format;
use slowgrad_timeline::playback::cue::Panel as LessonPanel;
use slowgrad_timeline::playback::playhead;
use slowgrad_timeline::scene::{Link, Plugin, Slider};

/// What a link pointed out is marked so long.
const POINTED_SECS: f64 = 2.5;
/// No more places are kept to go back to.
const MOST_PLACES: usize = 64;
/// Of a sample no more numbers than these are told.
const MOST_NUMBERS: usize = 6;

/// What a link pointed out in the lesson panel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Pointed {
    /// A place for plugins, or one of the controls there, by its index.
    Setting(Slot, Option<usize>),
    /// A sample of the data, by its number.
    Sample(usize),
}

/// The places that links led away from, and what one pointed out.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    /// A step and an event in it.
    places: Vec<(u64, usize)>,
    /// Until when it is marked, and whether it still has to be brought into view.
    pointed: Option<(Pointed, f64, bool)>,
}

impl Trail {
    /// Whether there is a place to go back to.
    pub(crate) fn leads_back(&self) -> bool {
        !self.places.is_empty()
    }

    /// What is to be marked at this moment.
    pub(crate) fn pointed(&self, ctx: &Context) -> Option<&Pointed> {
        let (pointed, until, _) = self.pointed.as_ref()?;
        let left = until - ctx.input(|input| input.time);
        if left <= 0.0 {
            return None;
        }
        ctx.request_repaint_after_secs(left as f32);
        Some(pointed)
    }

    /// Whether what is marked has yet to be brought into view; from now on it has been.
    pub(crate) fn comes_into_view(&mut self) -> bool {
        self.pointed.as_mut().is_some_and(|(.., is_new)| std::mem::take(is_new))
    }
}

impl Gui {
    /// Goes where a number of the run that is explained came from.
    pub(crate) fn follow(&mut self, link: Link, session: &mut Session) {
        let Some((mine, playhead)) = session.now() else { return };
        let step = mine.step().step;
        let here = (step, playhead.event());
        let theirs = self.rival_in_focus(session);
        let timeline = theirs.as_ref().unwrap_or(mine);
        match link {
            Link::Event(event) => {
                // The first run goes to where that is in it.
                let event = theirs.as_ref().map_or(event, |theirs| {
                    let own = theirs.counterpart(event, mine).min(mine.len() - 1);
                    self.rival.pinned = Some((step, own, event));
                    own
                });
                self.leave(here);
                session.take_over(&playhead::Command::Seek(event));
            }
            Link::PreviousUpdate(target) => {
                self.leave(here);
                session.go_to_update_before(target, None);
            }
            Link::PreviousState(target, field) => {
                self.leave(here);
                session.go_to_update_before(target, Some(field));
            }
            Link::Constant(event) => {
                if let Some(location) = timeline.event(event).location {
                    self.tab = DrawerTab::Script;
                    self.editor.go_to(&location, session);
                }
            }
            Link::Slider(plugin, slider) => {
                let slot = slot(plugin, timeline.step().shape.layers());
                let control = control(session, plugin, slot, slider);
                self.point_at_setting(slot, control, theirs.is_some(), session);
            }
            Link::Plugin(plugin) => {
                let slot = slot(plugin, timeline.step().shape.layers());
                self.point_at_setting(slot, None, theirs.is_some(), session);
            }
            Link::Sample(sample) => {
                if let Some(told) = told(session, sample) {
                    session.notice(told);
                }
                self.point_at(Pointed::Sample(sample));
            }
        }
    }

    fn leave(&mut self, place: (u64, usize)) {
        if self.trail.places.last() != Some(&place) {
            self.trail.places.push(place);
        }
        if self.trail.places.len() > MOST_PLACES {
            self.trail.places.remove(0);
        }
    }

    /// Goes back to where the last link was clicked.
    pub(crate) fn go_back(&mut self, session: &mut Session) {
        if let Some((step, event)) = self.trail.places.pop() {
            session.go_to(step, event);
        }
    }

    /// What plays on leaves the places behind that links led away from.
    pub(crate) fn heed_trail(&mut self, session: &Session) {
        if session.is_going() {
            self.trail.places.clear();
        }
    }

    /// Marks a plugin or its control; what only the second run has stands nowhere but in its name.
    fn point_at_setting(&mut self, slot: Slot, control: Option<usize>, is_theirs: bool, session: &mut Session) {
        let rival = session.snapshot.as_ref().and_then(|snapshot| snapshot.rival.as_ref());
        match rival.filter(|rival| is_theirs && rival.difference.slot == slot) {
            Some(rival) => {
                let text = format!("the comparison uses {} instead of {}", rival.theirs, rival.mine);
                session.notice(text);
            }
            None => self.point_at(Pointed::Setting(slot, control)),
        }
    }

    /// Marks something of the lesson panel, which is shown for it.
    fn point_at(&mut self, pointed: Pointed) {
        if !self.is_shown(LessonPanel::Lesson) {
            self.toggle(LessonPanel::Lesson);
        }
        let until = self.ctx.input(|input| input.time) + POINTED_SECS;
        self.trail.pointed = Some((pointed, until, true));
    }
}

/// Where a plugin of the step stands in the lesson panel.
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
    let is_meant = |knob: &Knob| match plugin {
        Plugin::Activation(layer) => knob.layers.is_empty() || knob.layers.contains(&layer),
        _ => true,
    };
    let is_slider = |knob: &Knob| is_meant(knob) && matches!(knob.control.kind, ControlKind::Slider { .. });
    let is_rate = |knob: &Knob| slot == Slot::Optimizer && knob.control.name == "lr";
    let mut sliders = info.controls.iter().enumerate().filter(|(_, knob)| is_slider(knob));
    let found = match slider {
        Slider::LearningRate => sliders.find(|(_, knob)| is_rate(knob)),
        Slider::Nth(nth) => sliders.filter(|(_, knob)| !is_rate(knob)).nth(nth),
    };
    found.map(|(nth, _)| nth)
}

/// A sample as a line of text.
fn told(session: &Session, sample: usize) -> Option<String> {
    let data = session.snapshot.as_ref()?.data.as_ref()?;
    let (input, target) = data.samples.get(sample)?;
    let list = |numbers: &[f64]| {
        let mut words: Vec<String> = numbers.iter().take(MOST_NUMBERS).map(|x| number_format::number(*x, 4)).collect();
        if numbers.len() > MOST_NUMBERS {
            words.push("…".into());
        }
        words.join("; ")
    };
    Some(format!("data sample {}: {} → {}", sample + 1, list(input), list(target)))
}
