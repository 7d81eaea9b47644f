//! The units that a step is divided into for playing and stepping.

use serde::{Deserialize, Serialize};

/// The size of a unit, from single operations to whole steps. The events of a unit are played together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// One operation.
    #[default]
    Operation,
    /// All operations of a neuron in one phase; in the update, all of a parameter's.
    Neuron,
    /// All operations of a layer in one phase.
    Layer,
    /// A whole phase.
    Phase,
    /// A whole training step.
    Step,
}

impl Granularity {
    /// All, finest first.
    pub const ALL: [Granularity; 5] =
        [Granularity::Operation, Granularity::Neuron, Granularity::Layer, Granularity::Phase, Granularity::Step];

    /// The name in the interface and in scripts.
    pub fn name(self) -> &'static str {
        match self {
            Granularity::Operation => "operation",
            Granularity::Neuron => "neuron",
            Granularity::Layer => "layer",
            Granularity::Phase => "phase",
            Granularity::Step => "step",
        }
    }

    /// The granularity with this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|granularity| granularity.name() == name)
    }

    /// The next coarser granularity, or itself if it is the coarsest.
    #[must_use]
    pub fn coarser(self) -> Self {
        let at = self as usize;
        Self::ALL[(at + 1).min(Self::ALL.len() - 1)]
    }

    /// The next finer granularity, or itself if it is the finest.
    #[must_use]
    pub fn finer(self) -> Self {
        Self::ALL[(self as usize).saturating_sub(1)]
    }
}
