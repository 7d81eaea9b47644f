//! The points at which functions are tested: random points in the usual range, including small and large numbers,
//! and special points.

use slowgrad_engine::plugin::{Control, ControlKind};
use slowgrad_engine::rng::Rng;

/// One test point.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Probe {
    /// The function's own inputs, then the sliders.
    pub(super) inputs: Vec<f64>,
    /// How the point was chosen.
    pub(super) kind: ProbeKind,
}

/// How a test point was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeKind {
    /// A random point.
    Random,
    /// A point where functions often behave specially: 0, 1, tiny or equal inputs.
    Special,
    /// A point far out, tested only for infinities and NaN.
    Far,
    /// A point near the ends of the range of numbers, tested only for NaN: a result may be too large for a number.
    Edge,
}

impl ProbeKind {
    /// Whether the gradient is compared with finite differences.
    pub(super) fn is_compared(self) -> bool {
        matches!(self, ProbeKind::Random | ProbeKind::Special)
    }
}

/// Number of random points.
const RANDOM_POINTS: usize = 96;

/// Inputs at which functions of one number often behave specially.
const SPECIAL_INPUTS: [f64; 15] =
    [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1e-3, -1e-3, 1e-8, -1e-8, 6.0, -6.0, 20.0, -20.0];

/// The largest pre-activation or weight to test.
const FAR_INPUT: f64 = 1_000.0;
/// The largest output of a network for which losses are tested.
const FAR_OUTPUT: f64 = 100.0;

/// Sizes of numbers near the ends of their range. The square of 1e154 is the largest power of ten that is finite, that
/// of 1e155 is not. Multiples of 1e300 are numbers, so that `z ** 3 - 2 * z` is infinite and not the difference of two
/// infinities.
pub(super) const EDGE_SIZES: [f64; 7] = [5e-324, 1e-300, 1e-155, 1e20, 1e154, 1e155, 1e300];

/// The sliders of a function, each with its value, minimum, maximum and whether its scale is logarithmic.
#[derive(Debug, Clone)]
pub(super) struct Sliders(Vec<(f64, f64, f64, bool)>);

impl Sliders {
    pub(super) fn new<'c>(controls: impl IntoIterator<Item = &'c Control>) -> Self {
        let slider = |control: &Control| match control.kind {
            ControlKind::Slider { value, min, max, log } => Some((value, min, max, log)),
            _ => None,
        };
        Self(controls.into_iter().filter_map(slider).collect())
    }

    /// The inputs of a function of one number, with the current values of the sliders.
    pub(super) fn with_input(&self, x: f64) -> Vec<f64> {
        std::iter::once(x).chain(self.current()).collect()
    }

    fn current(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|&(value, ..)| value)
    }

    /// The current values, or (half of the time) random values inside the ranges.
    fn sample(&self, rng: &mut Rng) -> Vec<f64> {
        if rng.unit() < 0.5 {
            return self.current().collect();
        }
        let random = |&(_, min, max, log): &(f64, f64, f64, bool)| {
            let share = rng.uniform(0.05, 0.95);
            if log { min * slowgrad_tape::math::pow(max / min, share) } else { min + share * (max - min) }
        };
        self.0.iter().map(random).collect()
    }
}

/// A random number of varied magnitude: mostly near 1, sometimes small, sometimes large.
fn varied(rng: &mut Rng) -> f64 {
    let sign = if rng.unit() < 0.5 { -1.0 } else { 1.0 };
    if rng.unit() < 0.5 {
        rng.uniform(-4.0, 4.0)
    } else {
        sign * slowgrad_tape::math::pow(10.0, rng.uniform(-3.0, 1.5))
    }
}

/// Test points for a function of `width` numbers of any size, such as an activation or a penalty.
pub(super) fn anywhere(width: usize, sliders: &Sliders, rng: &mut Rng) -> Vec<Probe> {
    let uniform =
        |x: f64, kind| Probe { inputs: std::iter::repeat_n(x, width).chain(sliders.current()).collect(), kind };
    let mut probes: Vec<Probe> = SPECIAL_INPUTS.iter().map(|&x| uniform(x, ProbeKind::Special)).collect();
    for x in [FAR_OUTPUT, -FAR_OUTPUT, FAR_INPUT, -FAR_INPUT] {
        probes.push(uniform(x, ProbeKind::Far));
        if width > 1 {
            let mut one = uniform(0.0, ProbeKind::Far);
            one.inputs[0] = x;
            probes.push(one);
        }
    }
    for x in EDGE_SIZES.into_iter().flat_map(|x| [x, -x]) {
        probes.push(uniform(x, ProbeKind::Edge));
        if width > 1 {
            // The difference of two such numbers has to be a number.
            let mut one = uniform(0.0, ProbeKind::Edge);
            one.inputs[0] = x;
            probes.push(one);
        }
    }
    for _ in 0..RANDOM_POINTS {
        let own: Vec<f64> = (0..width).map(|_| varied(rng)).collect();
        probes.push(Probe { inputs: [own, sliders.sample(rng)].concat(), kind: ProbeKind::Random });
    }
    probes
}

/// The values that a loss is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// Outputs between 0 and 1, targets that are classes or probabilities.
    Probabilities,
    /// Outputs and targets of any sign.
    Reals,
}

/// Test points for a loss with this number of outputs.
pub(super) fn loss(domain: Domain, outputs: usize, sliders: &Sliders, rng: &mut Rng) -> Vec<Probe> {
    let probe = |output: Vec<f64>, target: Vec<f64>, kind| Probe {
        inputs: output.into_iter().chain(target).chain(sliders.current()).collect(),
        kind,
    };
    let one_hot = |k: usize| (0..outputs).map(|i| if i == k { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
    let mut probes = Vec::new();
    for i in 0..RANDOM_POINTS / 3 {
        let (output, target): (Vec<f64>, Vec<f64>) = match domain {
            Domain::Probabilities => {
                let share = |rng: &mut Rng| (0..outputs).map(|_| rng.uniform(0.02, 0.98)).collect();
                (share(rng), if i % 2 == 0 { one_hot(i / 2 % (outputs + 1)) } else { share(rng) })
            }
            Domain::Reals => {
                let label = |rng: &mut Rng| if rng.unit() < 0.5 { -1.0 } else { 1.0 };
                let target = (0..outputs).map(|_| if i % 2 == 0 { label(rng) } else { varied(rng) }).collect();
                ((0..outputs).map(|_| varied(rng)).collect(), target)
            }
        };
        probes.push(Probe { inputs: [output, target, sliders.sample(rng)].concat(), kind: ProbeKind::Random });
    }
    match domain {
        Domain::Probabilities => {
            // A saturated sigmoid or softmax gives exactly 0 and 1.
            for k in 0..=outputs {
                for certain in 0..=outputs {
                    probes.push(probe(one_hot(certain), one_hot(k), ProbeKind::Special));
                }
            }
            let half = vec![0.5; outputs];
            probes.push(probe(half.clone(), half, ProbeKind::Special));
            for x in [5e-324, 1e-300, 1e-20, 1.0 - f64::EPSILON] {
                for k in 0..=outputs {
                    probes.push(probe(vec![x; outputs], one_hot(k), ProbeKind::Edge));
                }
            }
        }
        Domain::Reals => {
            for x in [0.0, 1.0, -1.0, 2.5] {
                probes.push(probe(vec![x; outputs], vec![x; outputs], ProbeKind::Special));
            }
            for x in [FAR_OUTPUT, -FAR_OUTPUT] {
                probes.push(probe(vec![x; outputs], vec![0.0; outputs], ProbeKind::Far));
            }
            for x in [FAR_INPUT].into_iter().chain(EDGE_SIZES).flat_map(|x| [x, -x]) {
                for t in [0.0, 1.0] {
                    probes.push(probe(vec![x; outputs], vec![t; outputs], ProbeKind::Edge));
                }
            }
        }
    }
    probes
}
