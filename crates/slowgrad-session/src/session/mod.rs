//! What the window knows between frames, and what every action does to it.
//!
//! Nothing in here draws, reads a clock or waits: time comes in as `dt`, commands go out to the worker, its
//! snapshots come in. It must not know keys or panels.

mod bookmarks;
mod edits;
pub(crate) mod lesson_player;
mod restore;
mod run_action;
pub mod traversal;
pub mod visible_range;

use crate::backend::link::{BackendStopped, Link};
use crate::clock::Deadline;
use crate::file::{Bookmark, OpenPanels, SessionFile};
use crate::protocol::{Change, Command, Snapshot};
pub use edits::Editable;
pub use lesson_player::{Performance, Running};
pub use run_action::RunAction;
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::structure::Reshape;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::{Cell, Phase};
use slowgrad_timeline::playback::cue::{CameraTarget, CueCondition};
use slowgrad_timeline::playback::playhead::{self, Loop, NeededStep, Playhead, Response};
use slowgrad_timeline::scene::{Target, View};
use std::ops::Range;
use std::sync::Arc;

/// A notice stays this long.
const NOTICE_SECS: f64 = 6.0;
/// A key zooms by this factor.
const ZOOM: f32 = 1.25;
/// A key moves the view so many points.
const PAN: f32 = 60.0;
/// A frame that took longer than this does not make the playhead jump.
const LONGEST_DT: f64 = 0.1;

/// A short message that goes away by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    pub text: String,
    pub left_secs: f64,
}

/// What becomes of the lesson's performance when a run starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStart {
    /// It begins.
    Perform,
    /// It goes back to its first cue and waits.
    Hold,
    /// It is carried out at once up to this cue.
    Rush(usize),
}

/// When the next frame is due.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NextFrame {
    /// Not before something happens.
    WhenAsked,
    /// After so many seconds.
    After(f64),
    /// At once.
    Now,
}

/// Where the playhead comes to rest in a step that was asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Landing {
    /// At an event.
    Event(usize),
    /// So far in the step, from 0 to 1: how many events it has is not known before it is there.
    Share(f64),
    /// At the last event of a parameter's update, or where this field of the optimizer's state was computed.
    Update(Target, Option<usize>),
}

impl Landing {
    fn event(self, timeline: &Timeline) -> Option<usize> {
        let (at, field) = match self {
            Landing::Event(event) => return Some(event),
            Landing::Share(share) => return Some(event_at(timeline, share)),
            Landing::Update(Target::Weight { layer, neuron, input }, field) => {
                (Parameter { layer, neuron, input: Some(input) }, field)
            }
            Landing::Update(Target::Bias { layer, neuron }, field) => (Parameter { layer, neuron, input: None }, field),
            Landing::Update(..) => return None,
        };
        let kept = field.and_then(|field| timeline.state_event(at, field));
        let cell = Cell::Parameter { layer: at.layer, neuron: at.neuron, input: at.input };
        kept.or_else(|| timeline.cell(None, Phase::Update, cell).map(|events| events.end - 1))
    }
}

/// The event that is so far in a step, from 0 to 1.
pub fn event_at(timeline: &Timeline, share: f64) -> usize {
    ((share * timeline.len() as f64) as usize).min(timeline.len() - 1)
}

/// The state behind the window.
pub struct Session {
    link: Box<dyn Link>,
    pub snapshot: Option<Snapshot>,
    pub playhead: Option<Playhead>,
    pub performance: Performance,
    pub view: View,
    pub notices: Vec<Notice>,
    /// Seconds left in which the panels show that a script was exchanged.
    pub flash_secs: f64,
    pub bookmarks: Vec<Bookmark>,
    /// The events of a step that were chosen to be repeated, whether they are at the moment or not.
    pub selection: Option<Range<usize>>,
    /// The event to stand at when the step that was asked for is here.
    landing: Option<Landing>,
    /// A saved session that is on its way.
    pub(super) restoring: Option<Box<SessionFile>>,
    /// The panels that a saved session had, until they are open.
    pub panels: Option<OpenPanels>,
    /// Whether it goes on in slow motion once it no longer trains at full speed.
    goes_on: bool,
    pub(super) start: RunStart,
    /// Where the lesson wants the view to go, until the picture is drawn.
    pub look: Option<CameraTarget>,
    pub(super) highlight_sent: Option<CueCondition>,
    wanted: Option<(u64, NeededStep)>,
    /// The step that was asked for last.
    sought: u64,
    full_speed_sent: bool,
    /// Whether the next change of the same number would be one to undo with the last.
    is_changing: bool,
}

impl Session {
    pub fn new(link: impl Link + 'static) -> Self {
        Self {
            link: Box::new(link),
            snapshot: None,
            playhead: None,
            performance: Performance::new(Vec::new()),
            view: View::default(),
            notices: Vec::new(),
            flash_secs: 0.0,
            bookmarks: Vec::new(),
            selection: None,
            landing: None,
            restoring: None,
            panels: None,
            goes_on: false,
            start: RunStart::Perform,
            look: None,
            highlight_sent: None,
            wanted: None,
            sought: 1,
            full_speed_sent: false,
            is_changing: false,
        }
    }

    /// The step that is shown, and where in it.
    pub fn now(&self) -> Option<(&Arc<Timeline>, &Playhead)> {
        Some((self.snapshot.as_ref()?.timeline.as_ref()?, self.playhead.as_ref()?))
    }

    /// The sample of the batch that is shown, counted within the batch.
    pub fn sample(&self) -> usize {
        let Some((timeline, playhead)) = self.now() else { return 0 };
        let last = timeline.step().samples.len().saturating_sub(1);
        timeline.address(playhead.event()).sample.unwrap_or(last)
    }

    /// Hands a command to the worker.
    pub fn send(&mut self, command: Command) -> u64 {
        self.is_changing |= matches!(command, Command::Change { .. });
        self.link.send(command)
    }

    /// A drag is over, a number is accepted: what was changed since the last time is one thing to undo.
    pub fn seal(&mut self) {
        if std::mem::take(&mut self.is_changing) {
            self.send(Command::Seal);
        }
    }

    /// Goes back to before the last change, or on again.
    fn undo(&mut self, command: Command) {
        self.hold();
        self.steer(&playhead::Command::Pause);
        self.send(command);
    }

    /// Takes in what the worker did and lets time pass.
    pub fn tick(&mut self, dt_secs: f64) -> NextFrame {
        self.receive();
        for notice in &mut self.notices {
            notice.left_secs -= dt_secs;
        }
        self.notices.retain(|notice| notice.left_secs > 0.0);
        self.flash_secs = (self.flash_secs - dt_secs).max(0.0);
        self.sync_full_speed();
        self.perform(dt_secs);
        self.sync_highlight();
        self.play(dt_secs.min(LONGEST_DT));
        self.next_frame()
    }

    /// Waits until the backend is idle and takes in its snapshot; false when the deadline passes first.
    pub fn run_until_idle(&mut self, deadline: Deadline) -> bool {
        match self.link.run_until_idle(deadline) {
            Some(snapshot) => {
                self.take(snapshot);
                true
            }
            None => false,
        }
    }

    /// Whether the worker has commands that no snapshot knows of yet.
    pub fn is_unsettled(&self) -> bool {
        let handled = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.handled);
        handled < self.link.sent() || self.snapshot.as_ref().is_some_and(|snapshot| snapshot.training)
    }

    /// Whether nothing of the present step has been shown yet, so that it may be computed anew unnoticed.
    pub fn is_between_steps(&self) -> bool {
        self.full_speed_sent || self.playhead.as_ref().is_none_or(|playhead| playhead.position() == 0.0)
    }

    fn receive(&mut self) {
        self.link.work();
        loop {
            match self.link.try_receive() {
                Ok(Some(snapshot)) => self.take(snapshot),
                Ok(None) => return,
                Err(BackendStopped) => {
                    return self.notice("internal error: training has stopped; please restart slowgrad");
                }
            }
        }
    }

    fn take(&mut self, new: Snapshot) {
        for text in &new.messages {
            self.notice(text.clone());
        }
        if new.reloaded {
            self.flash_secs = 0.6;
        }
        let old = self.snapshot.replace(new);
        let Some(new) = &self.snapshot else { return };
        let was_opened = old.as_ref().and_then(|old| old.lesson.as_ref());
        let is_new_run = new.lesson.as_ref().map(|lesson| lesson.opened) != was_opened.map(|lesson| lesson.opened);
        let is_new_edition =
            new.lesson.as_ref().map(|lesson| lesson.edition) != was_opened.map(|lesson| lesson.edition);
        let is_other_lesson = new.lesson.as_ref().map(|lesson| &lesson.path) != was_opened.map(|lesson| &lesson.path);
        if let (Some(wanted), true) = (self.wanted, new.stuck)
            && new.handled >= wanted.0
        {
            self.wanted = None;
            if let (Some(timeline), Some(playhead)) = (&new.timeline, &mut self.playhead) {
                playhead.apply(&playhead::Command::Pause, timeline);
            }
            self.performance.hold();
        }
        if let Some(timeline) = &new.timeline {
            let before = old.as_ref().and_then(|old| old.timeline.as_ref());
            match (&mut self.playhead, before) {
                (Some(playhead), Some(before)) if !is_new_run => {
                    let (was, is) = (before.step().step, timeline.step().step);
                    if was != is {
                        let backwards = is < was && matches!(self.wanted, Some((_, NeededStep::Previous)));
                        playhead.arrive(timeline, if backwards { NeededStep::Previous } else { NeededStep::Next });
                    } else if !Arc::ptr_eq(before, timeline) {
                        playhead.replaced(timeline);
                    }
                }
                _ => {
                    let mut playhead = Playhead::new(timeline, Granularity::default());
                    if let Some(old) = &self.playhead
                        && !is_other_lesson
                    {
                        playhead.apply(&playhead::Command::Granularity(old.granularity()), timeline);
                        playhead.apply(&playhead::Command::Speed(old.speed()), timeline);
                    }
                    self.playhead = Some(playhead);
                }
            }
        }
        if let Some((serial, _)) = self.wanted
            && new.handled >= serial
        {
            self.wanted = None;
            if let (Some(landing), Some(playhead), Some(timeline)) =
                (self.landing.take(), &mut self.playhead, &new.timeline)
                && let Some(event) = landing.event(timeline)
            {
                playhead.apply(&playhead::Command::Seek(event), timeline);
            }
        }
        // What is selected may have gone with its neuron.
        let is_there = |target: Target| {
            let shape = new.timeline.as_ref().map(|timeline| &timeline.step().shape);
            shape.is_none_or(|shape| traversal::is_part(shape, target))
        };
        self.view.selected = self.view.selected.filter(|target| is_there(*target));
        let cues = new.lesson.as_ref().map(|lesson| lesson.cues.clone()).unwrap_or_default();
        if is_new_run {
            self.wanted = None;
            // It lights nothing up.
            self.highlight_sent = None;
            if is_other_lesson {
                self.view = View::default();
                self.bookmarks.clear();
                self.selection = None;
            }
            match std::mem::replace(&mut self.start, RunStart::Perform) {
                RunStart::Perform => self.performance = Performance::new(cues),
                RunStart::Hold => {
                    self.performance = Performance::new(cues);
                    self.performance.hold_still();
                }
                RunStart::Rush(cue) => self.performance = Performance::rushing(cues, cue),
            }
        } else if is_new_edition {
            self.performance.exchange(cues);
        }
        if is_new_edition && !is_new_run {
            // Other cues have other conditions, whatever their numbers.
            self.highlight_sent = None;
            self.send(Command::Highlight(None));
        }
        self.restore_view();
    }

    /// Shows a short message.
    pub fn notice(&mut self, text: impl Into<String>) {
        let text = text.into();
        self.notices.retain(|notice| notice.text != text);
        self.notices.push(Notice { text, left_secs: NOTICE_SECS });
        if self.notices.len() > 4 {
            self.notices.remove(0);
        }
    }

    /// Tells the worker whether to train at full speed; before the lesson goes on, whose training this would stop.
    fn sync_full_speed(&mut self) {
        let full_speed =
            self.playhead.as_ref().is_some_and(|playhead| playhead.is_full_speed() && playhead.is_playing());
        if full_speed != self.full_speed_sent {
            self.full_speed_sent = full_speed;
            self.send(Command::FullSpeed(full_speed));
        }
    }

    fn play(&mut self, dt_secs: f64) {
        if self.wanted.is_some() {
            return;
        }
        let dt_secs = if self.performance.is_rushing() { 1e6 } else { dt_secs };
        if let (Some(playhead), Some(timeline)) =
            (&mut self.playhead, self.snapshot.as_ref().and_then(|snapshot| snapshot.timeline.as_ref()))
        {
            let response = playhead.tick(dt_secs, timeline);
            self.heed(response);
        }
    }

    /// Does what the playhead's response asks for.
    pub fn heed(&mut self, response: Response) {
        if response.finished {
            self.performance.played();
        }
        let Some((timeline, _)) = self.now() else { return };
        let step = timeline.step().step;
        match response.needed_step {
            Some(NeededStep::Next) => self.seek_step(step + 1, NeededStep::Next),
            Some(NeededStep::Previous) if step > 1 => self.seek_step(step - 1, NeededStep::Previous),
            Some(NeededStep::Previous) => {
                self.steer(&playhead::Command::Home);
            }
            None => {}
        }
    }

    /// Asks for another step.
    pub fn seek_step(&mut self, step: u64, wanted: NeededStep) {
        self.sought = step.max(1);
        self.want(Command::Seek(self.sought), wanted);
    }

    /// Hands over a command that brings another step.
    fn want(&mut self, command: Command, wanted: NeededStep) {
        if self.playhead.as_ref().is_some_and(|playhead| playhead.is_full_speed() && playhead.is_playing()) {
            // The worker stops training to go to a step.
            self.steer(&playhead::Command::Pause);
        }
        let serial = self.send(command);
        self.wanted = Some((serial, wanted));
    }

    /// A person takes over from the lesson, whose training ends where it is.
    pub fn hold(&mut self) {
        if matches!(self.performance.running, Some(Running::Handled(_))) {
            self.send(Command::FullSpeed(false));
        }
        self.performance.hold();
    }

    /// Whether a step was asked for that is not here yet.
    pub fn is_waiting_for_step(&self) -> bool {
        self.wanted.is_some()
    }

    /// Gives the playhead a command and does what comes of it.
    pub fn steer(&mut self, command: &playhead::Command) {
        if let (Some(playhead), Some(timeline)) =
            (&mut self.playhead, self.snapshot.as_ref().and_then(|snapshot| snapshot.timeline.as_ref()))
        {
            let response = playhead.apply(command, timeline);
            self.heed(response);
        }
    }

    /// A person takes the playhead: the lesson waits until it is asked to go on.
    pub fn take_over(&mut self, command: &playhead::Command) {
        self.hold();
        self.steer(command);
    }

    /// Goes to an event of a step, which may be one of another step.
    pub fn go_to(&mut self, step: u64, event: usize) {
        self.go_to_landing(step, Landing::Event(event));
    }

    /// Goes to a place that is so far in a step, from 0 to 1.
    pub fn go_to_share(&mut self, step: u64, share: f64) {
        self.go_to_landing(step, Landing::Share(share));
    }

    fn go_to_landing(&mut self, step: u64, landing: Landing) {
        let shown = self.now().filter(|(timeline, _)| timeline.step().step == step && !self.is_waiting_for_step());
        if let Some(event) = shown.and_then(|(timeline, _)| landing.event(timeline)) {
            return self.take_over(&playhead::Command::Seek(event));
        }
        // While it is dragged over other steps, each is asked for once.
        if !self.is_waiting_for_step() || self.sought != step {
            self.go_to_step(step);
        }
        self.landing = Some(landing);
    }

    /// Goes to the end of a parameter's update in the step before: to where its present value came from, or a field of
    /// what the optimizer kept for it.
    pub fn go_to_update_before(&mut self, target: Target, field: Option<usize>) {
        let Some((timeline, _)) = self.now() else { return };
        let step = timeline.step().step;
        if step > 1 {
            self.view.selected = Some(target);
            self.go_to_step(step - 1);
            self.landing = Some(Landing::Update(target, field));
        }
    }

    /// What is played again next: nothing, the step, what was chosen of it.
    fn loop_next(&mut self) {
        let now = self.playhead.as_ref().map(|playhead| playhead.repeat().clone()).unwrap_or_default();
        let next = match (now, &self.selection) {
            (Loop::Off, _) => Loop::Step,
            (Loop::Step, Some(selection)) => Loop::Range(selection.clone()),
            (Loop::Step, None) | (Loop::Range(_), _) => Loop::Off,
        };
        self.steer(&playhead::Command::Loop(next));
    }

    /// Chooses what is played again.
    pub fn select_range(&mut self, range: Range<usize>) {
        self.selection = Some(range.clone());
        self.steer(&playhead::Command::Loop(Loop::Range(range)));
    }

    /// One end of what is played again is here.
    fn loop_here(&mut self, is_start: bool) {
        let Some((timeline, playhead)) = self.now() else { return };
        let (unit, len) = (playhead.unit(), timeline.len());
        let chosen = self.selection.clone().unwrap_or(0..len);
        self.select_range(if is_start {
            unit.start..if chosen.end > unit.start { chosen.end } else { len }
        } else {
            (if chosen.start < unit.end { chosen.start } else { 0 })..unit.end
        });
    }

    /// Goes to the start of a step that a person names.
    pub fn go_to_step(&mut self, step: u64) {
        self.hold();
        self.steer(&playhead::Command::Pause);
        self.seek_step(step, NeededStep::Next);
    }

    /// Carries out an action that concerns the run, the lesson or the picture.
    pub fn act(&mut self, action: RunAction) {
        use playhead::Command as To;
        let granularity = self.playhead.as_ref().map(Playhead::granularity).unwrap_or_default();
        let shown = self.now().map_or(1, |(timeline, _)| timeline.step().step);
        // Keys that come faster than steps count all the same.
        let step = if self.is_waiting_for_step() { self.sought } else { shown };
        match action {
            RunAction::PlayPause => self.play_or_pause(),
            RunAction::PlayBackwards => self.take_over(&To::PlayBackwards),
            RunAction::StepForward => self.take_over(&To::StepForward),
            RunAction::StepBack => self.take_over(&To::StepBack),
            RunAction::StepForwardCoarse => self.take_over(&To::StepForwardBy(granularity.coarser())),
            RunAction::StepBackCoarse => self.take_over(&To::StepBackBy(granularity.coarser())),
            RunAction::Home => self.take_over(&To::Home),
            RunAction::End => self.take_over(&To::End),
            RunAction::NextStep => self.go_to_step(step + 1),
            RunAction::PreviousStep => self.go_to_step(step.saturating_sub(1).max(1)),
            RunAction::Finer => self.steer(&To::Finer),
            RunAction::Coarser => self.steer(&To::Coarser),
            RunAction::Faster => {
                // Full speed is a key of its own: a speaker who asks for more must not lose the picture.
                if self.playhead.as_ref().is_some_and(|playhead| playhead.speed() < playhead::MAX_SPEED) {
                    self.steer(&To::Faster);
                }
            }
            RunAction::Slower => self.steer(&To::Slower),
            RunAction::FullSpeed => self.toggle_full_speed(),
            RunAction::Loop => self.loop_next(),
            RunAction::LoopFrom => self.loop_here(true),
            RunAction::LoopTo => self.loop_here(false),
            RunAction::Bookmark => self.toggle_bookmark(),
            RunAction::NextBookmark => self.go_to_bookmark(true),
            RunAction::PreviousBookmark => self.go_to_bookmark(false),
            RunAction::NextCue => self.go_on(),
            RunAction::PreviousCue => self.go_back(),
            RunAction::Fit => self.view.refit(),
            RunAction::ZoomIn => self.view.zoom_by(ZOOM),
            RunAction::ZoomOut => self.view.zoom_by(1.0 / ZOOM),
            RunAction::PanLeft => self.view.shift([-PAN, 0.0]),
            RunAction::PanRight => self.view.shift([PAN, 0.0]),
            RunAction::PanUp => self.view.shift([0.0, -PAN]),
            RunAction::PanDown => self.view.shift([0.0, PAN]),
            RunAction::SelectNext => self.walk(true),
            RunAction::SelectPrevious => self.walk(false),
            RunAction::AddNeuron => self.restructure(Reshape::AddNeuron { layer: self.hidden_layer() }),
            RunAction::RemoveNeuron => self.remove_neuron(),
            RunAction::AddLayer => self.restructure(Reshape::AddLayer { before: self.selected_layer() }),
            RunAction::RemoveLayer => self.restructure(Reshape::RemoveLayer { layer: self.hidden_layer() }),
            RunAction::Freeze => self.freeze_selected(),
            RunAction::Undo => self.undo(Command::Undo),
            RunAction::Redo => self.undo(Command::Redo),
            RunAction::Reset => self.restart(Change::Reset, RunStart::Hold),
            RunAction::Reseed => self.restart(Change::Reseed, RunStart::Hold),
        }
    }

    /// Selects the next part of the network, or the one before.
    fn walk(&mut self, forward: bool) {
        let selected = self.view.selected;
        if let Some((timeline, _)) = self.now() {
            self.view.selected = Some(traversal::next(&timeline.step().shape, selected, forward));
        }
    }

    /// Opens a lesson and lets it begin.
    pub fn open(&mut self, lesson: &str) {
        self.restart(Command::Open(lesson.to_owned()), RunStart::Perform);
    }

    /// Starts a run anew.
    pub fn restart(&mut self, command: impl Into<Command>, start: RunStart) {
        self.steer(&playhead::Command::Pause);
        self.start = start;
        self.send(command.into());
    }

    fn toggle_full_speed(&mut self) {
        let Some(playhead) = &self.playhead else { return };
        let is_on = playhead.is_full_speed() && playhead.is_playing();
        let was_playing = playhead.is_playing();
        self.hold();
        if is_on && self.goes_on {
            self.steer(&playhead::Command::FullSpeed(false));
        } else if is_on {
            self.steer(&playhead::Command::Pause);
        } else {
            self.goes_on = was_playing;
            self.steer(&playhead::Command::FullSpeed(true));
            self.steer(&playhead::Command::Play);
        }
    }

    /// Whether anything goes on: the playhead, or a lesson that plays, trains or pauses for its reader.
    pub fn is_going(&self) -> bool {
        self.playhead.as_ref().is_some_and(Playhead::is_playing) || self.performance.is_going()
    }

    /// Whether training runs at full speed because a person asked for it.
    pub fn is_full_speed(&self) -> bool {
        self.full_speed_sent
    }

    fn next_frame(&self) -> NextFrame {
        let is_playing =
            self.playhead.as_ref().is_some_and(|playhead| playhead.is_playing() && !playhead.is_full_speed());
        if (is_playing && self.wanted.is_none()) || self.flash_secs > 0.0 {
            return NextFrame::Now;
        }
        let waits = [self.performance.next_secs(), self.notices.iter().map(|notice| notice.left_secs).reduce(f64::min)];
        match waits.into_iter().flatten().reduce(f64::min) {
            Some(secs) => NextFrame::After(secs.max(0.01)),
            None => NextFrame::WhenAsked,
        }
    }

    /// What a running cue of this kind still needs.
    pub fn is_handled(&self, running: &Running) -> bool {
        match (running, &self.snapshot) {
            (Running::Handled(serial), Some(snapshot)) => snapshot.handled >= *serial && !snapshot.training,
            _ => false,
        }
    }
}
