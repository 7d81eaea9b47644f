//! A step that was requested from the backend, and the event at which the playhead stops in it.
//!
//! It must not know commands or the playhead.

use slowgrad_engine::shape::Parameter;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::{Cell, Phase};
use slowgrad_timeline::playback::playhead::NeededStep;
use slowgrad_timeline::scene::Target;

/// A position in a step whose timeline is not available yet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum StepPosition {
    /// An event, from 0.
    Event(usize),
    /// A fraction of the step, from 0 to 1.
    Fraction(f64),
    /// The last event of a parameter's update, or the event that computes this field of its optimizer state.
    Update(Target, Option<usize>),
}

impl StepPosition {
    /// The event at this position of a step; `None` when the target is not a parameter.
    pub(super) fn event(self, timeline: &Timeline) -> Option<usize> {
        let (at, field) = match self {
            StepPosition::Event(event) => return Some(event),
            StepPosition::Fraction(fraction) => return Some(event_at(timeline, fraction)),
            StepPosition::Update(Target::Weight { layer, neuron, input }, field) => {
                (Parameter { layer, neuron, input: Some(input) }, field)
            }
            StepPosition::Update(Target::Bias { layer, neuron }, field) => {
                (Parameter { layer, neuron, input: None }, field)
            }
            StepPosition::Update(..) => return None,
        };
        let state_event = field.and_then(|field| timeline.state_event(at, field));
        let cell = Cell::Parameter { layer: at.layer, neuron: at.neuron, input: at.input };
        state_event.or_else(|| timeline.cell(None, Phase::Update, cell).map(|events| events.end - 1))
    }
}

/// The event at a fraction of a step, from 0 to 1.
pub fn event_at(timeline: &Timeline, fraction: f64) -> usize {
    ((fraction * timeline.len() as f64) as usize).min(timeline.len() - 1)
}

/// The request for a step, if one is pending.
#[derive(Debug)]
pub(super) struct StepRequest {
    /// The serial number of the command, and the direction of the seek.
    pending: Option<(u64, NeededStep)>,
    /// The event at which the playhead stops in the requested step.
    position: Option<StepPosition>,
    /// The step that was last requested.
    step: u64,
}

impl StepRequest {
    /// No request yet; the first step is shown.
    pub(super) fn new() -> Self {
        Self { pending: None, position: None, step: 1 }
    }

    /// Whether a requested step is not shown yet.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Whether the pending request goes back by one step, so that the playhead continues at its end.
    pub(super) fn goes_back(&self) -> bool {
        matches!(self.pending, Some((_, NeededStep::Previous)))
    }

    /// Whether the backend has executed the pending request.
    pub(super) fn is_executed(&self, handled: u64) -> bool {
        self.pending.is_some_and(|(serial, _)| handled >= serial)
    }

    /// The step that was last requested, from 1.
    pub(super) fn step(&self) -> u64 {
        self.step
    }

    /// Sets the step that is requested next.
    pub(super) fn set_step(&mut self, step: u64) {
        self.step = step;
    }

    /// Starts a request that was sent with this serial number.
    pub(super) fn start(&mut self, serial: u64, direction: NeededStep) {
        self.pending = Some((serial, direction));
    }

    /// Ends the request.
    pub(super) fn end(&mut self) {
        self.pending = None;
    }

    /// Sets the position at which the playhead stops.
    pub(super) fn set_position(&mut self, position: StepPosition) {
        self.position = Some(position);
    }

    /// Removes and returns the position at which the playhead stops.
    pub(super) fn take_position(&mut self) -> Option<StepPosition> {
        self.position.take()
    }
}
