//! Where in a step the viewer is, and how that changes: a pure state machine.
//!
//! Commands and elapsed time go in, a [`Response`] comes out. There is no clock and no timeline inside:
//! `dt` and the timeline of the present step are arguments, so that a test, a window and an exporter play
//! the same way.

use crate::events::Granularity;
use crate::events::Phase;
use crate::events::Timeline;
use crate::playback::cue::PlayPart;
use std::ops::Range;

/// What to play again at its end.
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

/// Everything that can be asked of a playhead.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Plays forwards from here.
    Play,
    /// Plays backwards from here.
    PlayBackwards,
    /// Stops where it is.
    Pause,
    /// Pauses, or plays in the direction it had.
    Toggle,
    /// Plays the next unit and stops after it; finishes the present one first.
    StepForward,
    /// Goes back to the end of the unit before.
    StepBack,
    /// The same at another granularity, without changing the playhead's own.
    StepForwardBy(Granularity),
    /// The same at another granularity, without changing the playhead's own.
    StepBackBy(Granularity),
    /// Shows the unit of an event as just done, and pauses.
    Seek(usize),
    /// Stands at a position in events, and pauses: 2.5 is half through the third.
    Place(f64),
    /// The start of the step.
    Home,
    /// The end of the step.
    End,
    /// How finely to play.
    Granularity(Granularity),
    /// Next finer granularity.
    Finer,
    /// Next coarser granularity.
    Coarser,
    /// Speed, held between the slowest and the fastest.
    Speed(f64),
    /// Twice as fast; past the fastest it is full speed.
    Faster,
    /// Half as fast; from full speed back to the fastest.
    Slower,
    /// Trains as fast as it can instead of showing operations.
    FullSpeed(bool),
    /// What to repeat.
    Loop(Loop),
}

/// A step that the playhead needs to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The step after this one, from its start.
    Next,
    /// The step before this one, from its end.
    Previous,
}

/// What came of a command or of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Response {
    /// The moment changed, so the picture does.
    pub moved: bool,
    /// Another step is needed; hand it to [`Playhead::arrive`].
    pub wanted: Option<Wanted>,
    /// Playing came to the place it was asked to play to.
    pub finished: bool,
}

/// How long a unit lasts.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pace {
    Natural,
    /// So that a number of events lasts so long in all.
    Events {
        secs: f64,
        events: usize,
    },
}

/// So small a part of a unit is not seen; sums of the times of frames miss its start by less.
const UNSEEN: f64 = 0.01;

/// Between two phases the playhead rests so long, in seconds at speed 1.
pub const BREATH_SECS: f64 = 0.5;

/// The slowest speed.
pub const SLOWEST: f64 = 1.0 / 16.0;
/// The fastest speed that still shows operations.
pub const FASTEST: f64 = 64.0;

/// The playhead.
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
    pace: Pace,
    /// How long it has rested where it is, in seconds at speed 1.
    rested: f64,
    repeat: Loop,
    step_on_arrival: bool,
}

impl Playhead {
    /// At the start of a step, paused.
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
            pace: Pace::Natural,
            rested: BREATH_SECS,
            repeat: Loop::Off,
            step_on_arrival: false,
        }
    }

    /// The events that are being played together.
    pub fn unit(&self) -> Range<usize> {
        self.unit.clone()
    }

    /// How far the unit has played, 0 to 1.
    pub fn progress(&self) -> f32 {
        self.progress as f32
    }

    /// How finely it plays.
    pub fn granularity(&self) -> Granularity {
        self.granularity
    }

    /// The speed; 1 is the usual pace.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// Whether it trains instead of showing operations.
    pub fn is_full_speed(&self) -> bool {
        self.full_speed
    }

    /// Whether time moves it.
    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// Whether it plays backwards.
    pub fn is_backwards(&self) -> bool {
        self.backwards
    }

    /// What it repeats.
    pub fn repeat(&self) -> &Loop {
        &self.repeat
    }

    /// The event whose formula is on screen: the one that is running, or the last one done.
    pub fn event(&self) -> usize {
        let len = self.unit.len().max(1);
        let nth = (self.progress * len as f64).ceil() as usize;
        self.unit.start + nth.saturating_sub(1).min(len - 1)
    }

    /// Where it stands, in events: 2.5 is half through the third.
    pub fn position(&self) -> f64 {
        self.unit.start as f64 + self.progress * self.unit.len() as f64
    }

    /// Carries out a command.
    pub fn apply(&mut self, command: &Command, timeline: &Timeline) -> Response {
        let before = (self.unit.clone(), self.progress);
        let mut response = Response::default();
        match command {
            Command::Play => {
                self.free();
                self.play(false);
            }
            Command::PlayBackwards => {
                self.free();
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
                self.free();
                self.pause();
                self.rest_after(timeline, (*event).min(timeline.len() - 1), self.granularity);
            }
            Command::Place(position) => {
                self.free();
                self.pause();
                let position = position.clamp(0.0, timeline.len() as f64);
                let event = (position.ceil() as usize).saturating_sub(1);
                self.unit = timeline.unit(event, self.granularity);
                self.progress = (position - self.unit.start as f64) / self.unit.len() as f64;
            }
            Command::Home => {
                self.free();
                self.pause();
                self.unit = timeline.unit(0, self.granularity);
                self.progress = 0.0;
            }
            Command::End => {
                self.free();
                self.pause();
                self.rest_after(timeline, timeline.len() - 1, self.granularity);
            }
            Command::Granularity(granularity) => self.regroup(timeline, *granularity),
            Command::Finer => self.regroup(timeline, self.granularity.finer()),
            Command::Coarser => self.regroup(timeline, self.granularity.coarser()),
            Command::Speed(speed) if speed.is_finite() => self.speed = speed.clamp(SLOWEST, FASTEST),
            Command::Speed(_) => {}
            Command::Faster if self.speed >= FASTEST => self.full_speed = true,
            Command::Faster => self.speed = (self.speed * 2.0).min(FASTEST),
            Command::Slower if self.full_speed => self.full_speed = false,
            Command::Slower => self.speed = (self.speed / 2.0).max(SLOWEST),
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

    /// Lets time pass.
    pub fn tick(&mut self, dt_secs: f64, timeline: &Timeline) -> Response {
        let mut response = Response::default();
        if !self.playing || self.full_speed {
            return response;
        }
        let mut left = dt_secs.max(0.0) * self.speed;
        // Time left over from one unit goes to the next, so that no speed loses time at the seams.
        while left > 0.0 && self.playing {
            let lasts = self.unit_secs();
            let remains = if self.backwards { self.progress } else { 1.0 - self.progress } * lasts;
            response.moved = true;
            if remains > 0.0 {
                self.rested = 0.0;
            }
            if left < remains {
                let moved = left / lasts;
                self.progress = (self.progress + if self.backwards { -moved } else { moved }).clamp(0.0, 1.0);
                break;
            }
            left -= remains;
            self.progress = if self.backwards { 0.0 } else { 1.0 };
            let rests = (self.breath_secs(timeline) - self.rested).max(0.0);
            if left < rests {
                self.rested += left;
                break;
            }
            left -= rests;
            if self.turn(timeline, &mut response) {
                break;
            }
        }
        response
    }

    /// Plays a part of the present step, from its start or from here when that is inside. Answers false when
    /// the step has no such part ahead: then the next step is needed.
    pub fn play_part(&mut self, timeline: &Timeline, part: PlayPart, by: Granularity, secs: Option<f64>) -> bool {
        let here = self.position();
        let Some(range) = part_ahead(timeline, part, here) else { return false };
        self.free();
        self.granularity = by;
        let start = (range.start as f64).max(here.floor()) as usize;
        self.unit = timeline.unit(start, by);
        self.progress = 0.0;
        self.until = Some(range.end);
        if let Some(secs) = secs.filter(|secs| *secs > 0.0) {
            self.pace = Pace::Events { secs, events: range.end - start };
        }
        self.play(false);
        true
    }

    /// The step asked for is here: goes on at its start (after [`Wanted::Next`]) or its end.
    pub fn arrive(&mut self, timeline: &Timeline, wanted: Wanted) {
        self.fit_loop(timeline);
        match wanted {
            Wanted::Next => {
                self.unit = timeline.unit(0, self.granularity);
                self.progress = 0.0;
                if std::mem::take(&mut self.step_on_arrival) {
                    self.until = Some(self.unit.end);
                    self.playing = true;
                }
            }
            Wanted::Previous => {
                self.rest_after(timeline, timeline.len() - 1, self.granularity);
            }
        }
    }

    /// The present step was computed again (a value was tweaked, a script was reloaded): stays as near to
    /// where it was as the new events allow.
    pub fn replaced(&mut self, timeline: &Timeline) {
        let event = self.unit.start.min(timeline.len() - 1);
        self.unit = timeline.unit(event, self.granularity);
        self.until = self.until.map(|until| until.min(timeline.len()));
        self.fit_loop(timeline);
    }

    /// A step may have fewer events than the one that a range was chosen in.
    fn fit_loop(&mut self, timeline: &Timeline) {
        if let Loop::Range(range) = &mut self.repeat {
            range.end = range.end.min(timeline.len());
            if range.start >= range.end {
                self.repeat = Loop::Off;
            }
        }
    }

    /// Seconds that the present unit lasts at speed 1.
    pub fn unit_secs(&self) -> f64 {
        match self.pace {
            Pace::Natural => natural_secs(self.granularity),
            Pace::Events { secs, events } => secs * self.unit.len() as f64 / events.max(1) as f64,
        }
        .max(1e-6)
    }

    /// Seconds that it rests after the present unit: at the end of a phase, when another one follows.
    fn breath_secs(&self, timeline: &Timeline) -> f64 {
        let stops = self.until.is_some_and(|until| self.unit.end >= until);
        if self.pace != Pace::Natural || self.granularity == Granularity::Step || stops {
            return 0.0;
        }
        let next = if self.backwards { self.unit.start } else { self.unit.end };
        let phase = |event: usize| {
            let address = timeline.address(event);
            (address.phase, address.sample)
        };
        let is_between = next > 0 && next < timeline.len() && phase(next - 1) != phase(next);
        if is_between { BREATH_SECS } else { 0.0 }
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

    /// Forgets where it was asked to stop.
    fn free(&mut self) {
        self.until = None;
        self.pace = Pace::Natural;
        // Whoever asks it to move does not wait.
        self.rested = BREATH_SECS;
        self.step_on_arrival = false;
    }

    /// At the end of a unit (or its start, backwards): goes to the next. Answers whether playing stops here.
    fn turn(&mut self, timeline: &Timeline, response: &mut Response) -> bool {
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
                Loop::Off => response.wanted = Some(Wanted::Previous),
                Loop::Step => self.rest_after(timeline, timeline.len() - 1, self.granularity),
                Loop::Range(range) => self.rest_after(timeline, range.end - 1, self.granularity),
            }
            return true;
        }
        if self.until.is_some_and(|until| self.unit.end >= until) {
            self.free();
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
            response.wanted = Some(Wanted::Next);
        } else {
            self.unit = timeline.unit(start, self.granularity);
            self.progress = 0.0;
        }
        true
    }

    fn step_forward(&mut self, timeline: &Timeline, by: Granularity) -> Response {
        self.free();
        self.full_speed = false;
        self.backwards = false;
        let mut response = Response::default();
        if self.progress > 0.0 && self.progress < 1.0 {
            // A second press while the unit still moves finishes it.
            self.progress = 1.0;
            self.playing = false;
            response.finished = true;
            return response;
        }
        let next = if self.progress == 0.0 { self.unit.start } else { self.unit.end };
        if next >= timeline.len() {
            self.step_on_arrival = true;
            response.wanted = Some(Wanted::Next);
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
        self.free();
        self.pause();
        let mut response = Response::default();
        let unit = timeline.unit(self.unit.start, by);
        // From the middle of a coarse unit, back to its start; from a start, back by one.
        let mut start = if self.unit.start > unit.start { unit.start } else { self.unit.start };
        // What has just begun looks like what has just ended, so going back by one has to go beyond that.
        if self.progress < UNSEEN && start > 0 && start == self.unit.start {
            start = timeline.unit(start - 1, by).start;
            self.progress = 1.0;
        }
        if start == 0 {
            if self.progress > 0.0 {
                self.unit = timeline.unit(0, self.granularity);
                self.progress = 0.0;
            } else if timeline.step().step > 1 {
                response.wanted = Some(Wanted::Previous);
            }
            return response;
        }
        self.rest_after(timeline, start - 1, self.granularity);
        response
    }

    /// Shows the unit of an event as just done. The unit ends with the event when it is the finest one.
    fn rest_after(&mut self, timeline: &Timeline, event: usize, by: Granularity) {
        self.unit = timeline.unit(event, by);
        self.progress = 1.0;
    }

    fn regroup(&mut self, timeline: &Timeline, granularity: Granularity) {
        let at_rest_before = self.progress == 0.0;
        let event = self.event();
        self.granularity = granularity;
        let unit = timeline.unit(event, granularity);
        let within = if at_rest_before { event as f64 } else { self.position() };
        self.progress = ((within - unit.start as f64) / unit.len() as f64).clamp(0.0, 1.0);
        self.unit = unit;
    }
}

/// Seconds that a unit lasts at speed 1.
pub fn natural_secs(granularity: Granularity) -> f64 {
    match granularity {
        Granularity::Operation => 0.25,
        Granularity::Neuron => 0.5,
        Granularity::Layer => 0.75,
        Granularity::Phase => 1.5,
        Granularity::Step => 2.5,
    }
}

/// The first part of this kind that is not over at a position.
fn part_ahead(timeline: &Timeline, part: PlayPart, position: f64) -> Option<Range<usize>> {
    if part == PlayPart::Step {
        let here = position.floor() as usize;
        return (here < timeline.len()).then_some(here..timeline.len());
    }
    let phases = timeline.phases();
    let wanted = |phase: Phase| match part {
        PlayPart::Forward => phase == Phase::Forward,
        PlayPart::Loss => phase == Phase::Loss,
        PlayPart::Backward => phase == Phase::Backward,
        PlayPart::Update | PlayPart::Step => phase == Phase::Update,
    };
    let nth = phases.iter().position(|(phase, _, range)| wanted(*phase) && range.end as f64 > position)?;
    let mut range = phases[nth].2.clone();
    // The sample's values enter at the start of the forward pass.
    if part == PlayPart::Forward && nth > 0 && phases[nth - 1].0 == Phase::Input {
        range.start = phases[nth - 1].2.start;
    }
    Some(range)
}
