//! The playhead, a position in a step that moves by commands and time: a pure state machine.
//!
//! Commands and elapsed time go in, a [`Response`] comes out. It must not hold a clock or a timeline: `dt` and the
//! timeline of the current step are arguments, so that tests, windows and exporters play the same way.

use super::cue::PlayPart;
use crate::events::Granularity;
use crate::events::Phase;
use crate::events::Timeline;
use std::ops::Range;

/// What to repeat when its end is reached.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Loop {
    /// Nothing: the next step follows.
    #[default]
    Off,
    /// The whole step.
    Step,
    /// A range of events.
    Range(Range<usize>),
}

/// A command to the playhead.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Plays forwards from the current position.
    Play,
    /// Plays backwards from the current position.
    PlayBackwards,
    /// Stops at the current position.
    Pause,
    /// Pauses, or plays in the last direction.
    Toggle,
    /// Plays the next unit and stops after it. While a unit is playing, finishes that unit instead.
    StepForward,
    /// Goes back to the end of the previous unit.
    StepBack,
    /// [`StepForward`](Self::StepForward) by a unit of another granularity, without changing the playhead's own.
    StepForwardBy(Granularity),
    /// [`StepBack`](Self::StepBack) by a unit of another granularity, without changing the playhead's own.
    StepBackBy(Granularity),
    /// Moves to the end of an event's unit, and pauses.
    Seek(usize),
    /// Moves to a position in events, and pauses: 2.5 is the middle of the third event.
    Place(f64),
    /// Moves to the start of the step, and pauses.
    Home,
    /// Moves to the end of the step, and pauses.
    End,
    /// Sets the granularity.
    Granularity(Granularity),
    /// The next finer granularity.
    Finer,
    /// The next coarser granularity.
    Coarser,
    /// Sets the speed, clamped to [`MIN_SPEED`] and [`MAX_SPEED`].
    Speed(f64),
    /// Doubles the speed; beyond [`MAX_SPEED`] switches to full speed.
    Faster,
    /// Halves the speed; from full speed back to [`MAX_SPEED`].
    Slower,
    /// Turns full speed on or off: training without animation.
    FullSpeed(bool),
    /// Sets what to repeat.
    Loop(Loop),
}

/// The step that the playhead needs in order to continue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NeededStep {
    /// The next step, from its start.
    Next,
    /// The previous step, from its end.
    Previous,
}

/// The result of a command or of elapsed time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Response {
    /// The position changed, so the scene has to be drawn again.
    pub moved: bool,
    /// Another step is needed: pass it to [`Playhead::arrive`].
    pub needed_step: Option<NeededStep>,
    /// Playback reached the position that it was to stop at.
    pub finished: bool,
}

/// How the duration of a unit is determined.
#[derive(Debug, Clone, Copy, PartialEq)]
enum UnitDuration {
    /// By its granularity: [`natural_secs`].
    Natural,
    /// So that a number of events lasts a given time in total.
    Events { secs: f64, events: usize },
}

/// Progress below this counts as the start of a unit. Rounding errors in sums of frame times are smaller.
const MIN_PROGRESS: f64 = 0.01;

/// The pause between two phases, in seconds at speed 1.
pub const PHASE_PAUSE_SECS: f64 = 0.5;

/// The lowest speed.
pub const MIN_SPEED: f64 = 1.0 / 16.0;
/// The highest speed that still shows operations.
pub const MAX_SPEED: f64 = 64.0;

/// A position in a step, and how it moves.
#[derive(Debug, Clone, PartialEq)]
pub struct Playhead {
    unit: Range<usize>,
    progress: f64,
    granularity: Granularity,
    speed: f64,
    full_speed: bool,
    playing: bool,
    backwards: bool,
    until: Option<usize>,
    duration: UnitDuration,
    /// Elapsed part of the pause between phases, in seconds at speed 1.
    paused_secs: f64,
    repeat: Loop,
    step_on_arrival: bool,
}

impl Playhead {
    /// A paused playhead at the start of a step.
    pub fn new(timeline: &Timeline, granularity: Granularity) -> Self {
        Self {
            unit: timeline.unit(0, granularity),
            progress: 0.0,
            granularity,
            speed: 1.0,
            full_speed: false,
            playing: false,
            backwards: false,
            until: None,
            duration: UnitDuration::Natural,
            paused_secs: PHASE_PAUSE_SECS,
            repeat: Loop::Off,
            step_on_arrival: false,
        }
    }

    /// The events of the current unit, which are played together.
    pub fn unit(&self) -> Range<usize> {
        self.unit.clone()
    }

    /// The progress of the current unit, from 0 to 1.
    pub fn progress(&self) -> f32 {
        self.progress as f32
    }

    /// The granularity.
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// The speed; 1 is normal.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Whether full speed is on.
    pub fn is_full_speed(&self) -> bool {
        self.full_speed
    }

    /// Whether it plays.
    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// Whether it plays backwards.
    pub fn is_backwards(&self) -> bool {
        self.backwards
    }

    /// What is repeated.
    pub fn repeat(&self) -> &Loop {
        &self.repeat
    }

    /// The event whose formula is shown: the running one, or the last one that is complete.
    pub fn event(&self) -> usize {
        let len = self.unit.len().max(1);
        let nth = (self.progress * len as f64).ceil() as usize;
        self.unit.start + nth.saturating_sub(1).min(len - 1)
    }

    /// The position in events: 2.5 is the middle of the third event.
    pub fn position(&self) -> f64 {
        self.unit.start as f64 + self.progress * self.unit.len() as f64
    }

    /// Executes a command.
    pub fn apply(&mut self, command: &Command, timeline: &Timeline) -> Response {
        let before = (self.unit.clone(), self.progress);
        let mut response = Response::default();
        match command {
            Command::Play => {
                self.clear_stop();
                self.play(false);
            }
            Command::PlayBackwards => {
                self.clear_stop();
                self.play(true);
            }
            Command::Pause => self.pause(),
            Command::Toggle if self.playing => self.pause(),
            Command::Toggle => self.playing = true,
            Command::StepForward => response = self.step_forward(timeline, self.granularity),
            Command::StepBack => response = self.step_back(timeline, self.granularity),
            Command::StepForwardBy(by) => response = self.step_forward(timeline, *by),
            Command::StepBackBy(by) => response = self.step_back(timeline, *by),
            Command::Seek(event) => {
                self.clear_stop();
                self.pause();
                self.move_to_end_of(timeline, (*event).min(timeline.len() - 1), self.granularity);
            }
            Command::Place(position) => {
                self.clear_stop();
                self.pause();
                let position = position.clamp(0.0, timeline.len() as f64);
                let event = (position.ceil() as usize).saturating_sub(1);
                self.unit = timeline.unit(event, self.granularity);
                self.progress = (position - self.unit.start as f64) / self.unit.len() as f64;
            }
            Command::Home => {
                self.clear_stop();
                self.pause();
                self.unit = timeline.unit(0, self.granularity);
                self.progress = 0.0;
            }
            Command::End => {
                self.clear_stop();
                self.pause();
                self.move_to_end_of(timeline, timeline.len() - 1, self.granularity);
            }
            Command::Granularity(granularity) => self.regroup(timeline, *granularity),
            Command::Finer => self.regroup(timeline, self.granularity.finer()),
            Command::Coarser => self.regroup(timeline, self.granularity.coarser()),
            Command::Speed(speed) if speed.is_finite() => self.speed = speed.clamp(MIN_SPEED, MAX_SPEED),
            Command::Speed(_) => {}
            Command::Faster if self.speed >= MAX_SPEED => self.full_speed = true,
            Command::Faster => self.speed = (self.speed * 2.0).min(MAX_SPEED),
            Command::Slower if self.full_speed => self.full_speed = false,
            Command::Slower => self.speed = (self.speed / 2.0).max(MIN_SPEED),
            Command::FullSpeed(on) => self.full_speed = *on,
            Command::Loop(Loop::Range(range)) if range.start >= range.end.min(timeline.len()) => {
                self.repeat = Loop::Off;
            }
            Command::Loop(repeat) => {
                self.repeat = repeat.clone();
                self.fit_loop(timeline);
            }
        }
        response.moved |= before != (self.unit.clone(), self.progress);
        response
    }

    /// Advances by elapsed time, in seconds of the viewer.
    pub fn tick(&mut self, dt_secs: f64, timeline: &Timeline) -> Response {
        let mut response = Response::default();
        if !self.playing || self.full_speed {
            return response;
        }
        let mut left = dt_secs.max(0.0) * self.speed;
        // The rest of the time carries over to the next unit, so that no time is lost between units at high speeds.
        while left > 0.0 && self.playing {
            let lasts = self.unit_secs();
            let remains = if self.backwards { self.progress } else { 1.0 - self.progress } * lasts;
            response.moved = true;
            if remains > 0.0 {
                self.paused_secs = 0.0;
            }
            if left < remains {
                let moved = left / lasts;
                self.progress = (self.progress + if self.backwards { -moved } else { moved }).clamp(0.0, 1.0);
                break;
            }
            left -= remains;
            self.progress = if self.backwards { 0.0 } else { 1.0 };
            let pause = (self.phase_pause_secs(timeline) - self.paused_secs).max(0.0);
            if left < pause {
                self.paused_secs += left;
                break;
            }
            left -= pause;
            if self.next_unit(timeline, &mut response) {
                break;
            }
        }
        response
    }

    /// Plays a part of the current step, from its start or from the current position within it. `secs` is its duration at
    /// speed 1. Returns false if the rest of the step has no such part, so that the next step is needed.
    pub fn play_part(&mut self, timeline: &Timeline, part: PlayPart, by: Granularity, secs: Option<f64>) -> bool {
        let here = self.position();
        let Some(range) = part_ahead(timeline, part, here) else { return false };
        self.clear_stop();
        self.granularity = by;
        let start = (range.start as f64).max(here.floor()) as usize;
        self.unit = timeline.unit(start, by);
        self.progress = 0.0;
        self.until = Some(range.end);
        if let Some(secs) = secs.filter(|secs| *secs > 0.0) {
            self.duration = UnitDuration::Events { secs, events: range.end - start };
        }
        self.play(false);
        true
    }

    /// Continues in the step that a [`Response`] requested: at its start for [`NeededStep::Next`], else at its end.
    pub fn arrive(&mut self, timeline: &Timeline, step: NeededStep) {
        self.fit_loop(timeline);
        match step {
            NeededStep::Next => {
                self.unit = timeline.unit(0, self.granularity);
                self.progress = 0.0;
                if std::mem::take(&mut self.step_on_arrival) {
                    self.until = Some(self.unit.end);
                    self.playing = true;
                }
            }
            NeededStep::Previous => {
                self.move_to_end_of(timeline, timeline.len() - 1, self.granularity);
            }
        }
    }

    /// Adapts to a new computation of the current step, after a value was edited or a script reloaded. Stays as close to
    /// its position as the new events allow.
    pub fn replaced(&mut self, timeline: &Timeline) {
        let event = self.unit.start.min(timeline.len() - 1);
        self.unit = timeline.unit(event, self.granularity);
        self.until = self.until.map(|until| until.min(timeline.len()));
        self.fit_loop(timeline);
    }

    /// Shortens a repeated range to the step, which may have fewer events than the one that the range was chosen in.
    fn fit_loop(&mut self, timeline: &Timeline) {
        if let Loop::Range(range) = &mut self.repeat {
            range.end = range.end.min(timeline.len());
            if range.start >= range.end {
                self.repeat = Loop::Off;
            }
        }
    }

    /// The duration of the current unit in seconds at speed 1.
    pub fn unit_secs(&self) -> f64 {
        match self.duration {
            UnitDuration::Natural => natural_secs(self.granularity),
            UnitDuration::Events { secs, events } => secs * self.unit.len() as f64 / events.max(1) as f64,
        }
        .max(1e-6)
    }

    /// The pause after the current unit in seconds at speed 1: between two phases, else 0.
    fn phase_pause_secs(&self, timeline: &Timeline) -> f64 {
        let stops = self.until.is_some_and(|until| self.unit.end >= until);
        if self.duration != UnitDuration::Natural || self.granularity == Granularity::Step || stops {
            return 0.0;
        }
        let next = if self.backwards { self.unit.start } else { self.unit.end };
        let phase = |event: usize| {
            let address = timeline.address(event);
            (address.phase, address.sample)
        };
        let between_phases = next > 0 && next < timeline.len() && phase(next - 1) != phase(next);
        if between_phases { PHASE_PAUSE_SECS } else { 0.0 }
    }

    fn play(&mut self, backwards: bool) {
        self.playing = true;
        self.backwards = backwards;
    }

    fn pause(&mut self) {
        self.playing = false;
        self.full_speed = false;
        self.step_on_arrival = false;
    }

    /// Clears the position to stop at.
    fn clear_stop(&mut self) {
        self.until = None;
        self.duration = UnitDuration::Natural;
        // A command skips the pause between phases.
        self.paused_secs = PHASE_PAUSE_SECS;
        self.step_on_arrival = false;
    }

    /// Moves from the end of a unit (backwards: from its start) to the next one. Returns whether `tick` ends here.
    fn next_unit(&mut self, timeline: &Timeline, response: &mut Response) -> bool {
        if self.backwards {
            let start = match &self.repeat {
                Loop::Range(range) => range.start,
                _ => 0,
            };
            if self.unit.start > start {
                self.unit = timeline.unit(self.unit.start - 1, self.granularity);
                self.progress = 1.0;
                return false;
            }
            match &self.repeat {
                Loop::Off => response.needed_step = Some(NeededStep::Previous),
                Loop::Step => self.move_to_end_of(timeline, timeline.len() - 1, self.granularity),
                Loop::Range(range) => self.move_to_end_of(timeline, range.end - 1, self.granularity),
            }
            return true;
        }
        if self.until.is_some_and(|until| self.unit.end >= until) {
            self.clear_stop();
            self.playing = false;
            response.finished = true;
            return true;
        }
        let (start, end) = match &self.repeat {
            Loop::Range(range) => (range.start, range.end),
            _ => (0, timeline.len()),
        };
        if self.unit.end < end {
            self.unit = timeline.unit(self.unit.end, self.granularity);
            self.progress = 0.0;
            return false;
        }
        if self.repeat == Loop::Off {
            response.needed_step = Some(NeededStep::Next);
        } else {
            self.unit = timeline.unit(start, self.granularity);
            self.progress = 0.0;
        }
        true
    }

    fn step_forward(&mut self, timeline: &Timeline, by: Granularity) -> Response {
        self.clear_stop();
        self.full_speed = false;
        self.backwards = false;
        let mut response = Response::default();
        if self.progress > 0.0 && self.progress < 1.0 {
            // A second command while the unit is playing finishes it.
            self.progress = 1.0;
            self.playing = false;
            response.finished = true;
            return response;
        }
        let next = if self.progress == 0.0 { self.unit.start } else { self.unit.end };
        if next >= timeline.len() {
            self.step_on_arrival = true;
            response.needed_step = Some(NeededStep::Next);
            return response;
        }
        let unit = timeline.unit(next, by);
        self.until = Some(unit.end);
        self.unit = next..unit.end;
        self.progress = 0.0;
        self.playing = true;
        response
    }

    fn step_back(&mut self, timeline: &Timeline, by: Granularity) -> Response {
        self.clear_stop();
        self.pause();
        let mut response = Response::default();
        let unit = timeline.unit(self.unit.start, by);
        // From within a coarse unit, back to its start; from its start, back by one unit.
        let mut start = if self.unit.start > unit.start { unit.start } else { self.unit.start };
        // The start of a unit looks like the end of the previous one, so a step back has to go beyond that.
        if self.progress < MIN_PROGRESS && start > 0 && start == self.unit.start {
            start = timeline.unit(start - 1, by).start;
            self.progress = 1.0;
        }
        if start == 0 {
            if self.progress > 0.0 {
                self.unit = timeline.unit(0, self.granularity);
                self.progress = 0.0;
            } else if timeline.step().step > 1 {
                response.needed_step = Some(NeededStep::Previous);
            }
            return response;
        }
        self.move_to_end_of(timeline, start - 1, self.granularity);
        response
    }

    /// Moves to the end of an event's unit.
    fn move_to_end_of(&mut self, timeline: &Timeline, event: usize, by: Granularity) {
        self.unit = timeline.unit(event, by);
        self.progress = 1.0;
    }

    fn regroup(&mut self, timeline: &Timeline, granularity: Granularity) {
        let at_start = self.progress == 0.0;
        let event = self.event();
        self.granularity = granularity;
        let unit = timeline.unit(event, granularity);
        let within = if at_start { event as f64 } else { self.position() };
        self.progress = ((within - unit.start as f64) / unit.len() as f64).clamp(0.0, 1.0);
        self.unit = unit;
    }
}

/// The duration of a unit in seconds at speed 1.
pub fn natural_secs(granularity: Granularity) -> f64 {
    match granularity {
        Granularity::Operation => 0.25,
        Granularity::Neuron => 0.5,
        Granularity::Layer => 0.75,
        Granularity::Phase => 1.5,
        Granularity::Step => 2.5,
    }
}

/// The first part of this kind that ends after a position.
fn part_ahead(timeline: &Timeline, part: PlayPart, position: f64) -> Option<Range<usize>> {
    if part == PlayPart::Step {
        let here = position.floor() as usize;
        return (here < timeline.len()).then_some(here..timeline.len());
    }
    let phases = timeline.phases();
    let matches = |phase: Phase| match part {
        PlayPart::Forward => phase == Phase::Forward,
        PlayPart::Loss => phase == Phase::Loss,
        PlayPart::Backward => phase == Phase::Backward,
        PlayPart::Update | PlayPart::Step => phase == Phase::Update,
    };
    let nth = phases.iter().position(|(phase, _, range)| matches(*phase) && range.end as f64 > position)?;
    let mut range = phases[nth].2.clone();
    // The forward pass starts when the sample's values enter.
    if part == PlayPart::Forward && nth > 0 && phases[nth - 1].0 == Phase::Input {
        range.start = phases[nth - 1].2.start;
    }
    Some(range)
}
