//! The values that scripts hold besides numbers, texts, arrays and maps.
//!
//! Each stands for something only until the sandbox reads it: a control that `params` describes, a file that
//! a lesson names, a parameter that a cue points at, the stage that cues are spoken to, the random numbers
//! of one purpose.

use rhai::{Dynamic, FnPtr};
use slowgrad_engine::plugin::ControlKind;
use slowgrad_engine::rng::Rng;
use slowgrad_engine::shape::{Parameter, Shape};
use slowgrad_tape::Location;
use slowgrad_timeline::cue::Cue;
use std::cell::RefCell;
use std::rc::Rc;

/// What `slider(…)` and its like make.
#[derive(Debug, Clone)]
pub(crate) struct ControlSpec {
    pub(crate) kind: ControlKind,
    /// Maps are sorted by name; this keeps the order in which the controls were written.
    pub(crate) order: u64,
}

/// What `csv(…)` makes.
#[derive(Debug, Clone)]
pub(crate) struct CsvSpec {
    pub(crate) path: String,
    pub(crate) inputs: Vec<String>,
    pub(crate) target: String,
}

/// What `weight(…)` and `bias(…)` make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParameterRef(pub(crate) Parameter);

/// What `neuron(…)` makes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct NeuronRef {
    pub(crate) layer: usize,
    pub(crate) neuron: usize,
}

/// The random numbers of one purpose, `ctx.rng`.
#[derive(Debug, Clone)]
pub(crate) struct RandomSource(pub(crate) Rc<RefCell<Rng>>);

/// A cue and where the lesson says it.
pub(crate) type LocatedCue = (Cue, Option<Location>);

/// Takes the cues that `perform` speaks.
#[derive(Debug, Clone)]
pub(crate) struct StageRecorder {
    pub(crate) cues: Rc<RefCell<Vec<LocatedCue>>>,
    /// The conditions that cues name by their numbers.
    pub(crate) closures: Rc<RefCell<Vec<Closure>>>,
    pub(crate) shape: Rc<Shape>,
}

/// What a condition is asked of.
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

/// A closure as the stage took it.
#[derive(Debug, Clone)]
pub(crate) struct Closure {
    pub(crate) subject: Subject,
    pub(crate) function: String,
    pub(crate) captured: Vec<Dynamic>,
    /// The cue that it was given to.
    pub(crate) location: Option<Location>,
}

impl Closure {
    pub(crate) fn new(subject: Subject, function: &FnPtr, location: Option<Location>) -> Self {
        // What closures share is emptied when the lesson has been read.
        let captured = function.iter_curry().map(Dynamic::flatten_clone).collect();
        Self { subject, function: function.fn_name().to_owned(), captured, location }
    }
}
