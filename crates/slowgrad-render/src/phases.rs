//! The phases of a step as coloured parts of a strip: the same colours in the window and in stills.

use crate::PhaseMark;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Phase;
use slowgrad_timeline::scene::Ink;

/// The phases of a step as parts of its length, from 0 to 1.
pub fn phase_marks(timeline: &Timeline) -> Vec<PhaseMark> {
    let whole = timeline.len() as f32;
    let mark = |(phase, _, range): (Phase, Option<usize>, std::ops::Range<usize>)| PhaseMark {
        label: phase.name().to_owned(),
        ink: phase_ink(phase),
        start: range.start as f32 / whole,
        end: range.end as f32 / whole,
    };
    timeline.phases().into_iter().map(mark).collect()
}

/// The colour of a phase.
pub fn phase_ink(phase: Phase) -> Ink {
    match phase {
        Phase::Input => Ink::Faint,
        Phase::Forward => Ink::Value(0.8),
        Phase::Loss => Ink::Loss,
        Phase::Backward => Ink::Gradient(0.8),
        Phase::Update => Ink::Update(0.8),
    }
}
