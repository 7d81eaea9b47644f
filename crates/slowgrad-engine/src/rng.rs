//! The only source of randomness, split by purpose.
//!
//! ChaCha with 8 rounds (Bernstein 2008), seeded by the lesson's seed. Each purpose has a stream of its own, so another
//! initializer does not change the order of the data. Numbers use the top 53 bits of each draw.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use slowgrad_tape::math;

/// The purpose of the random numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The samples of a dataset.
    Data,
    /// The order of the samples before they are split.
    Split,
    /// The initial weights.
    Weights,
    /// The order of the samples in one epoch.
    Order {
        /// The epoch, from 0.
        epoch: u64,
    },
}

/// A seeded stream of random numbers.
#[derive(Debug, Clone)]
pub struct Rng {
    source: ChaCha8Rng,
}

impl Rng {
    /// The stream of a seed for a purpose.
    pub fn new(seed: u64, purpose: Purpose) -> Self {
        let mut source = ChaCha8Rng::seed_from_u64(seed);
        source.set_stream(match purpose {
            Purpose::Data => 1,
            Purpose::Split => 2,
            Purpose::Weights => 3,
            Purpose::Order { epoch } => 1_000 + epoch,
        });
        Self { source }
    }

    /// Uniform in [0, 1).
    pub fn unit(&mut self) -> f64 {
        (self.source.next_u64() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// Uniform in [low, high).
    pub fn uniform(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }

    /// Normal with this mean and standard deviation, by the polar method (Marsaglia and Bray 1964), without the second
    /// number of each pair.
    pub fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        loop {
            let (u, v) = (self.uniform(-1.0, 1.0), self.uniform(-1.0, 1.0));
            let s = u * u + v * v;
            if s > 0.0 && s < 1.0 {
                return mean + deviation * (u * (-2.0 * math::ln(s) / s).sqrt());
            }
        }
    }

    /// A uniform integer below `n`, without bias; 0 if `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        if n == 0 {
            return 0;
        }
        // Draws from the incomplete last block would favour small numbers.
        let limit = u64::MAX - u64::MAX % n;
        loop {
            let draw = self.source.next_u64();
            if draw < limit {
                return draw % n;
            }
        }
    }

    /// A uniform permutation by the Fisher–Yates shuffle (Durstenfeld 1964).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}
