//! The network's answers over the range of its inputs: the map behind the picture of the data.

use crate::protocol::Answers;
use slowgrad_engine::run::Run;
use slowgrad_timeline::scene::NeuronMaps;

/// How close to each other the places are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// For the small picture beside the network.
    Coarse,
    /// For a plot.
    Fine,
}

impl Detail {
    /// Places along each side of a map of two inputs.
    fn side(self) -> usize {
        match self {
            Detail::Coarse => 24,
            Detail::Fine => 64,
        }
    }

    /// Places along a line of one input.
    fn places(self) -> usize {
        match self {
            Detail::Coarse => 64,
            Detail::Fine => 256,
        }
    }

    /// That of answers.
    pub(crate) fn of(answers: &Answers) -> Self {
        let is = |detail: Detail| match answers {
            Answers::Line(points) => points.len() == detail.places(),
            Answers::Grid { side, .. } => *side == detail.side(),
        };
        if is(Detail::Fine) { Detail::Fine } else { Detail::Coarse }
    }
}

/// How far beyond the data the picture reaches, as a share of its range.
const MARGIN: f64 = 0.12;

/// The range of an input over samples, a little wider than the samples.
pub fn range(values: impl Iterator<Item = f64>) -> [f64; 2] {
    let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
    for value in values.filter(|value| value.is_finite()) {
        low = low.min(value);
        high = high.max(value);
    }
    if low > high {
        return [-1.0, 1.0];
    }
    let wider = MARGIN * (high - low).max(1e-6);
    let least = if high - low < 1e-6 { 0.5 } else { 0.0 };
    [low - wider - least, high + wider + least]
}

/// Places along each side of a neuron's map.
const MAP_SIDE: usize = 24;

/// The ranges of the inputs of the first `shown` samples.
fn axes(run: &Run, shown: usize) -> Vec<[f64; 2]> {
    let setup = run.setup();
    let shown = shown.min(setup.train.len());
    let axis = |input: usize| range((0..shown).map(|sample| setup.train.input(sample)[input]));
    (0..setup.shape.inputs()).map(axis).collect()
}

/// What every neuron computes over the range of the inputs; nothing for more than two inputs.
pub fn maps(run: &mut Run) -> Option<NeuronMaps> {
    let sizes = run.setup().shape.sizes();
    if !NeuronMaps::fit(sizes[0], sizes.iter().sum()) {
        return None;
    }
    // Around a single sample there would be little to see: then the plane around 0 that holds it.
    let around = |[low, high]: [f64; 2]| {
        let reach = 1.5 * f64::midpoint(low, high).abs().max(1.0);
        if high - low > 1.0 + 1e-6 { [low, high] } else { [low.min(-reach), high.max(reach)] }
    };
    let axes: Vec<[f64; 2]> = axes(run, super::SHOWN_SAMPLES).into_iter().map(around).collect();
    let side = if axes.len() == 1 { Detail::Coarse.places() } else { MAP_SIDE };
    let activations = run.activations(&NeuronMaps::points(&axes, side)).ok()?;
    NeuronMaps::new(axes, side, &activations)
}

/// What the network answers over the range of the first `shown` samples; nothing for more than two inputs.
pub(crate) fn answers(run: &mut Run, shown: usize, detail: Detail) -> Option<Answers> {
    let inputs = run.setup().shape.inputs();
    if !(1..=2).contains(&inputs) {
        return None;
    }
    let axes = axes(run, shown);
    let at = |[low, high]: [f64; 2], nth: usize, of: usize| low + (high - low) * nth as f64 / (of - 1) as f64;
    match inputs {
        1 => {
            let (x, count) = (axes[0], detail.places());
            let places: Vec<Vec<f64>> = (0..count).map(|i| vec![at(x, i, count)]).collect();
            let outputs = run.predict(&places).ok()?;
            Some(Answers::Line(places.iter().zip(outputs).map(|(x, y)| [x[0], y[0]]).collect()))
        }
        2 => {
            let (x, y, side) = (axes[0], axes[1], detail.side());
            let places: Vec<Vec<f64>> =
                (0..side * side).map(|i| vec![at(x, i % side, side), at(y, i / side, side)]).collect();
            let predicted = run.predict(&places).ok()?;
            let outputs = 0..run.setup().shape.outputs();
            let outputs = outputs.map(|k| predicted.iter().map(|output| output[k]).collect()).collect();
            Some(Answers::Grid { side, outputs })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_never_empty() {
        assert_eq!(range(std::iter::empty()), [-1.0, 1.0]);
        let [low, high] = range([2.0, 2.0].into_iter());
        assert!(low < 2.0 && high > 2.0);
        let [low, high] = range([0.0, f64::NAN, 1.0].into_iter());
        assert!(low < 0.0 && low > -0.5 && high > 1.0 && high < 1.5);
    }
}
