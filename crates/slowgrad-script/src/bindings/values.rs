//! The value types of scripts besides numbers, strings, arrays and maps.
//!
//! Each is a placeholder until the sandbox reads it: a control that `params` declares, a file that a lesson names, an
//! element that a cue refers to, the stage that records cues, or a random number generator.

use rhai::{Dynamic, FnPtr};
use slowgrad_engine::plugin::ControlKind;
use slowgrad_engine::rng::Rng;
use slowgrad_engine::shape::{Parameter, Shape};
use slowgrad_engine::spec::TableSpec;
use slowgrad_tape::Location;
use slowgrad_timeline::playback::cue::Cue;
use std::cell::RefCell;
use std::rc::Rc;

/// The result of `slider(…)`, `log_slider(…)`, `toggle(…)` and `choice(…)`.
#[derive(Debug, Clone)]
pub(crate) struct ControlSpec {
    pub(crate) kind: ControlKind,
    /// The order of declaration, because maps are sorted by name.
    pub(crate) order: u64,
}

/// The result of `csv(…)`.
#[derive(Debug, Clone)]
pub(crate) struct CsvSpec(pub(crate) TableSpec);

/// The result of `weight(…)` and `bias(…)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParameterRef(pub(crate) Parameter);

/// The result of `neuron(…)`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeuronRef {
    pub(crate) layer: usize,
    pub(crate) neuron: usize,
}

/// A random number generator, `ctx.rng`.
#[derive(Debug, Clone)]
pub(crate) struct RandomSource(pub(crate) Rc<RefCell<Rng>>);

/// A cue and its location in the lesson.
pub(crate) type LocatedCue = (Cue, Option<Location>);

/// Records the cues that `perform` calls.
#[derive(Debug, Clone)]
pub(crate) struct StageRecorder {
    pub(crate) cues: Rc<RefCell<Vec<LocatedCue>>>,
    /// The conditions of cues; a cue refers to one by its index.
    pub(crate) closures: Rc<RefCell<Vec<Closure>>>,
    pub(crate) shape: Rc<Shape>,
}

/// The argument of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Subject {
    Parameter,
    Training,
}

impl Subject {
    pub(crate) fn example(self) -> String {
        match self {
            Subject::Parameter => "write a comparison, such as `|p| p.grad != 0.0`".to_owned(),
            Subject::Training => "write a comparison, such as `|m| m.loss < 0.01`".to_owned(),
        }
    }
}

/// A closure given to a cue.
#[derive(Debug, Clone)]
pub(crate) struct Closure {
    pub(crate) subject: Subject,
    pub(crate) function: String,
    pub(crate) captured: Vec<Dynamic>,
    /// The location of the cue.
    pub(crate) location: Option<Location>,
}

impl Closure {
    pub(crate) fn new(subject: Subject, function: &FnPtr, location: Option<Location>) -> Self {
        // Copy the captures: shared variables are cleared when the lesson has been read.
        let captured = function.iter_curry().map(Dynamic::flatten_clone).collect();
        Self { subject, function: function.fn_name().to_owned(), captured, location }
    }
}
