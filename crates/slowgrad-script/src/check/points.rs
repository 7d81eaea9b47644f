//! Where functions are tried: spread over the range in which they are used, with small and large numbers among
//! them, and at the places where something special may happen.

use slowgrad_engine::plugin::{Control, ControlKind};
use slowgrad_engine::rng::Rng;

/// One input to try.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Probe {
    /// The function's own inputs, then the sliders.
    pub(super) inputs: Vec<f64>,
    /// What it stands for.
    pub(super) place: Place,
}

/// Which part of the range an input lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Somewhere that nobody chose.
    Anywhere,
    /// 0, 1, tiny, equal: where a function may have something special.
    Special,
    /// Far out, where only infinities and NaN are looked for.
    Far,
}

/// Seeded points of each kind.
const POINTS: usize = 96;

/// Values at which functions of one number often have something special.
const SPECIAL: [f64; 15] = [0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 1e-3, -1e-3, 1e-8, -1e-8, 6.0, -6.0, 20.0, -20.0];

/// As far as pre-activations and weights are followed.
const FAR: f64 = 1_000.0;
/// As far as the outputs that a loss sees are followed.
const FAR_OUTPUT: f64 = 100.0;

/// The sliders of a function: as they stand, or anywhere within their ranges.
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

    /// One number with the sliders as they stand.
    pub(super) fn given(&self, x: f64) -> Vec<f64> {
        std::iter::once(x).chain(self.standing()).collect()
    }

    fn standing(&self) -> impl Iterator<Item = f64> {
        self.0.iter().map(|&(value, ..)| value)
    }

    /// Half of the time moved, and never to an end of the range.
    fn moved(&self, rng: &mut Rng) -> Vec<f64> {
        if rng.unit() < 0.5 {
            return self.standing().collect();
        }
        let place = |&(_, min, max, log): &(f64, f64, f64, bool)| {
            let share = rng.uniform(0.05, 0.95);
            if log { min * slowgrad_tape::math::pow(max / min, share) } else { min + share * (max - min) }
        };
        self.0.iter().map(place).collect()
    }
}

/// A number of mixed size: mostly near 1, sometimes small, sometimes large.
fn mixed(rng: &mut Rng) -> f64 {
    let sign = if rng.unit() < 0.5 { -1.0 } else { 1.0 };
    if rng.unit() < 0.5 {
        rng.uniform(-4.0, 4.0)
    } else {
        sign * slowgrad_tape::math::pow(10.0, rng.uniform(-3.0, 1.5))
    }
}

/// Points for a function of `width` numbers of any size, such as an activation or a penalty.
pub(super) fn anywhere(width: usize, sliders: &Sliders, rng: &mut Rng) -> Vec<Probe> {
    let standing =
        |x: f64, place| Probe { inputs: std::iter::repeat_n(x, width).chain(sliders.standing()).collect(), place };
    let mut probes: Vec<Probe> = SPECIAL.iter().map(|&x| standing(x, Place::Special)).collect();
    for x in [FAR_OUTPUT, -FAR_OUTPUT, FAR, -FAR] {
        probes.push(standing(x, Place::Far));
        if width > 1 {
            let mut one = standing(0.0, Place::Far);
            one.inputs[0] = x;
            probes.push(one);
        }
    }
    for _ in 0..POINTS {
        let own: Vec<f64> = (0..width).map(|_| mixed(rng)).collect();
        probes.push(Probe { inputs: [own, sliders.moved(rng)].concat(), place: Place::Anywhere });
    }
    probes
}

/// The ranges in which a loss may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Domain {
    /// Outputs between 0 and 1, targets that are classes or probabilities.
    Shares,
    /// Outputs and targets of any sign.
    Reals,
}

/// Points for a loss of so many outputs.
pub(super) fn loss(domain: Domain, outputs: usize, sliders: &Sliders, rng: &mut Rng) -> Vec<Probe> {
    let standing = |output: Vec<f64>, target: Vec<f64>, place| Probe {
        inputs: output.into_iter().chain(target).chain(sliders.standing()).collect(),
        place,
    };
    let one_hot = |k: usize| (0..outputs).map(|i| if i == k { 1.0 } else { 0.0 }).collect::<Vec<f64>>();
    let mut probes = Vec::new();
    for i in 0..POINTS / 3 {
        let (output, target): (Vec<f64>, Vec<f64>) = match domain {
            Domain::Shares => {
                let share = |rng: &mut Rng| (0..outputs).map(|_| rng.uniform(0.02, 0.98)).collect();
                (share(rng), if i % 2 == 0 { one_hot(i / 2 % (outputs + 1)) } else { share(rng) })
            }
            Domain::Reals => {
                let label = |rng: &mut Rng| if rng.unit() < 0.5 { -1.0 } else { 1.0 };
                let target = (0..outputs).map(|_| if i % 2 == 0 { label(rng) } else { mixed(rng) }).collect();
                ((0..outputs).map(|_| mixed(rng)).collect(), target)
            }
        };
        probes.push(Probe { inputs: [output, target, sliders.moved(rng)].concat(), place: Place::Anywhere });
    }
    match domain {
        Domain::Shares => {
            // A sigmoid or softmax that is sure of itself gives 0 and 1 exactly.
            for k in 0..=outputs {
                for sure in 0..=outputs {
                    probes.push(standing(one_hot(sure), one_hot(k), Place::Special));
                }
            }
            let half = vec![0.5; outputs];
            probes.push(standing(half.clone(), half, Place::Special));
        }
        Domain::Reals => {
            for x in [0.0, 1.0, -1.0, 2.5] {
                probes.push(standing(vec![x; outputs], vec![x; outputs], Place::Special));
            }
            for x in [FAR_OUTPUT, -FAR_OUTPUT] {
                probes.push(standing(vec![x; outputs], vec![0.0; outputs], Place::Far));
            }
        }
    }
    probes
}
