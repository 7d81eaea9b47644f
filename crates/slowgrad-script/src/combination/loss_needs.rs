//! What a loss needs of outputs and targets, found by trying it.

use super::SampleTarget;
use super::output_range::OutputRange;
use super::pair::{Pair, Tried, along, far};

/// The outputs that a loss is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LossDomain {
    /// Each output is a probability.
    Probabilities,
    /// The outputs are probabilities that add up to 1.
    Distribution,
    /// Each output is above 0.
    Positive,
    /// The outputs are the logarithms of probabilities that add up to 1.
    LogProbabilities,
    /// The best outputs are far out, such as logits, or are not the targets themselves.
    AnyNumber,
    /// The best outputs are the targets.
    Target,
}

/// A target that gives no gradient.
pub(super) struct TargetFault<'t> {
    pub(super) target: &'t SampleTarget,
    /// Whether −1 in place of it would give one, as with a loss of margins.
    pub(super) dead_zero_of_margin: bool,
}

/// Next to a barrier the loss rises by at least this share of its rise before.
const BARRIER_SHARE: f64 = 0.2;
/// Sizes of outputs and pre-activations of usual size.
const NEAR: [f64; 4] = [0.0, 0.5, 1.0, 2.0];
/// Sizes up to where activations saturate.
const BEYOND: [f64; 5] = [5.0, 20.0, 50.0, 100.0, 800.0];
/// The share of the loss at pre-activations of 0 that must be avoidable by another output.
const AVOIDABLE_SHARE: f64 = 0.1;

/// Whether the loss depends on the target at all.
pub(super) fn depends_on_target(pair: &Pair) -> Tried<bool> {
    let output = along(&vec![0.0; pair.width], 0.0);
    let at = |t: f64| pair.loss(&output, &vec![t; pair.width]);
    let mut last = vec![0.0; pair.width];
    last[pair.width - 1] = 1.0;
    let (zeros, ones, minus) = (at(0.0)?, at(1.0)?, at(-1.0)?);
    let (first, last) = (pair.loss(&output, &pair.first(0.0))?, pair.loss(&output, &last)?);
    Ok([zeros, minus, first, last].iter().any(|other| *other != ones))
}

/// Whether the loss rises like a logarithm where all outputs approach 0 (and the targets are 1), or where all approach
/// 1 (and the targets are 0).
fn has_barrier(pair: &Pair, at: f64) -> Tried<bool> {
    let target = vec![1.0 - at; pair.width];
    let loss = |distance: f64| pair.loss(&vec![(at - distance).abs(); pair.width], &target);
    let (middle, near, nearest) = (loss(0.5)?, loss(1e-3)?, loss(1e-7)?);
    Ok(near > middle && nearest - near > BARRIER_SHARE * (near - middle))
}

/// Whether a loss falls without end along a ray. `near` and `at_far` are its values at two distances.
fn falls(near: f64, at_far: f64) -> bool {
    at_far < near - 0.5 - 0.01 * near.abs()
}

/// Whether the loss falls without end, for each target, when all outputs grow by the same number.
fn falls_together(pair: &Pair, targets: &[SampleTarget]) -> Tried<bool> {
    let up = vec![1.0; pair.width];
    for target in targets {
        let t = &target.values;
        if !falls(pair.loss(&along(&up, 20.0), t)?, pair.loss(&along(&up, far(t)), t)?) {
            return Ok(false);
        }
    }
    Ok(!targets.is_empty())
}

/// Whether the target itself is the best output.
fn is_best_at_target(pair: &Pair, target: &[f64]) -> Tried<bool> {
    let best = pair.loss(target, target)?;
    for direction in pair.directions() {
        for size in [0.1, 1.0, 3.0] {
            let beside: Vec<f64> = target.iter().zip(&direction).map(|(t, x)| t + size * x).collect();
            let loss = pair.loss(&beside, target)?;
            if loss.is_nan() || loss < best - 1e-12 * best.abs() {
                return Ok(false);
            }
        }
    }
    Ok(best.is_finite())
}

/// What the loss needs.
pub(super) fn need(pair: &Pair, targets: &[SampleTarget]) -> Tried<LossDomain> {
    let (above_0, below_1) = (has_barrier(pair, 0.0)?, has_barrier(pair, 1.0)?);
    if above_0 && below_1 {
        return Ok(LossDomain::Probabilities);
    }
    if falls_together(pair, targets)? {
        return Ok(if above_0 { LossDomain::Distribution } else { LossDomain::LogProbabilities });
    }
    if above_0 {
        return Ok(LossDomain::Positive);
    }
    for target in targets {
        if !is_best_at_target(pair, &target.values)? {
            return Ok(LossDomain::AnyNumber);
        }
    }
    Ok(LossDomain::Target)
}

/// A target for which no output has a gradient, while another target has one.
pub(super) fn dead_target<'t>(
    pair: &Pair,
    targets: &'t [SampleTarget],
    range: &OutputRange,
) -> Tried<Option<TargetFault<'t>>> {
    let is_dead = |target: &[f64]| -> Tried<bool> {
        for output in &range.samples {
            if pair.loss_gradient(output, target)?.iter().any(|grad| *grad != 0.0) {
                return Ok(false);
            }
        }
        Ok(true)
    };
    for target in targets {
        if is_dead(&target.values)? {
            let others = [vec![1.0; pair.width], pair.first(0.0)];
            let mut alive = false;
            for other in &others {
                alive |= !is_dead(other)?;
            }
            let margin = !is_dead(&vec![-1.0; pair.width])? && !has_barrier(pair, 0.0)? && !falls_up(pair)?;
            return Ok(alive.then_some(TargetFault { target, dead_zero_of_margin: margin }));
        }
    }
    Ok(None)
}

/// Whether the loss falls without end for targets of 1 when all outputs grow.
fn falls_up(pair: &Pair) -> Tried<bool> {
    let ones = SampleTarget { sample: 0, values: vec![1.0; pair.width] };
    falls_together(pair, &[ones])
}

/// A target for which the loss falls without end as the pre-activations grow.
pub(super) fn falling_target<'t>(pair: &Pair, targets: &'t [SampleTarget]) -> Tried<Option<&'t SampleTarget>> {
    for target in targets {
        let t = &target.values;
        for direction in pair.directions() {
            let near = pair.composed(&along(&direction, 50.0), t)?;
            if falls(near, pair.composed(&along(&direction, far(t)), t)?) {
                return Ok(Some(target));
            }
        }
    }
    Ok(None)
}

/// Whether other outputs than the activation can give have a clearly lower loss, for some target.
pub(super) fn out_of_reach(pair: &Pair, targets: &[SampleTarget]) -> Tried<bool> {
    for target in targets {
        let t = &target.values;
        let most = t.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let mut directions = pair.directions();
        let true_class: Vec<f64> = t.iter().map(|&t| if t == most { 1.0 } else { -1.0 }).collect();
        let signs: Vec<f64> = t.iter().map(|&t| if t > 0.0 { 1.0 } else { -1.0 }).collect();
        directions.extend([true_class, signs]);
        let (mut best, mut best_given) = (f64::INFINITY, f64::INFINITY);
        for direction in directions {
            let scaled = |size: f64| direction.iter().map(|x| size * x).collect::<Vec<f64>>();
            for size in NEAR.into_iter().chain([far(t)]) {
                best = best.min(pair.loss(&scaled(size), t)?);
            }
            for size in NEAR.into_iter().chain(BEYOND).chain([far(t)]) {
                best_given = best_given.min(pair.composed(&scaled(size), t)?);
            }
        }
        let usual = pair.composed(&vec![0.0; pair.width], t)?;
        if best.is_finite() && best_given - best > AVOIDABLE_SHARE * (usual - best) {
            return Ok(true);
        }
    }
    Ok(false)
}
