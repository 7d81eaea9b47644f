//! How finely a step is looked at.

use serde::{Deserialize, Serialize};

/// From single operations to whole steps. A coarser unit plays its events together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// One operation.
    #[default]
    Operation,
    /// All of a neuron's operations in one phase (in the update: all of a parameter's).
    Neuron,
    /// All of a layer's operations in one phase.
    Layer,
    /// A whole phase: forward, loss, backward or update.
    Phase,
    /// A whole training step.
    Step,
}

impl Granularity {
    /// All, finest first.
    pub const ALL: [Granularity; 5] =
        [Granularity::Operation, Granularity::Neuron, Granularity::Layer, Granularity::Phase, Granularity::Step];

    /// The name that people and scripts use.
    pub fn name(self) -> &'static str {
        match self {
            Granularity::Operation => "operation",
            Granularity::Neuron => "neuron",
            Granularity::Layer => "layer",
            Granularity::Phase => "phase",
            Granularity::Step => "step",
        }
    }

    /// The granularity of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|granularity| granularity.name() == name)
    }

    /// The next coarser one, or itself.
    #[must_use]
    pub fn coarser(self) -> Self {
        let at = self as usize;
        Self::ALL[(at + 1).min(Self::ALL.len() - 1)]
    }

    /// The next finer one, or itself.
    #[must_use]
    pub fn finer(self) -> Self {
        Self::ALL[(self as usize).saturating_sub(1)]
    }
}
