//! The network's predictions over the range of its inputs, for the map behind the drawing of the data.

use crate::protocol::Predictions;
use slowgrad_engine::run::Run;
use slowgrad_timeline::scene::NeuronMaps;

/// The resolution of the grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// For the small drawing of the data beside the network.
    Coarse,
    /// For a plot.
    Fine,
}

impl Detail {
    /// The number of points along each side of a grid over two inputs.
    fn side(self) -> usize {
        match self {
            Detail::Coarse => 24,
            Detail::Fine => 64,
        }
    }

    /// The number of points along a line of one input.
    fn places(self) -> usize {
        match self {
            Detail::Coarse => 64,
            Detail::Fine => 256,
        }
    }

    /// That of predictions.
    pub(crate) fn of(predictions: &Predictions) -> Self {
        let is = |detail: Detail| match predictions {
            Predictions::Line(points) => points.len() == detail.places(),
            Predictions::Grid { side, .. } => *side == detail.side(),
        };
        if is(Detail::Fine) { Detail::Fine } else { Detail::Coarse }
    }
}

/// The margin around the data, as a fraction of its range.
const MARGIN: f64 = 0.12;

/// The range of an input over samples, with a margin on both sides. Non-finite values are ignored.
pub fn padded_range(values: impl Iterator<Item = f64>) -> [f64; 2] {
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

/// The number of points along each side of a neuron's map.
const MAP_SIDE: usize = 24;

/// The range of each input over the first `shown` samples.
fn axes(run: &Run, shown: usize) -> Vec<[f64; 2]> {
    let setup = run.setup();
    let shown = shown.min(setup.train.len());
    let axis = |input: usize| padded_range((0..shown).map(|sample| setup.train.input(sample)[input]));
    (0..setup.shape.inputs()).map(axis).collect()
}

/// The activation of every neuron over the range of the inputs; `None` for networks with more than two inputs.
///
/// The maps have 64 points for one input and 24 × 24 for two, row by row from the smallest second input.
pub fn neuron_maps(run: &mut Run) -> Option<NeuronMaps> {
    let sizes = run.setup().shape.sizes();
    if !NeuronMaps::fit(sizes[0], sizes.iter().sum()) {
        return None;
    }
    // A single sample has no range: the map then covers an area around 0 that contains it.
    let around = |[low, high]: [f64; 2]| {
        let reach = 1.5 * f64::midpoint(low, high).abs().max(1.0);
        if high - low > 1.0 + 1e-6 { [low, high] } else { [low.min(-reach), high.max(reach)] }
    };
    let axes: Vec<[f64; 2]> = axes(run, super::SHOWN_SAMPLES).into_iter().map(around).collect();
    let side = if axes.len() == 1 { Detail::Coarse.places() } else { MAP_SIDE };
    let activations = run.activations(&NeuronMaps::points(&axes, side)).ok()?;
    NeuronMaps::new(axes, side, &activations)
}

/// The predictions over the range of the first `shown` samples; `None` for networks with more than two inputs.
pub(crate) fn predict_over_inputs(run: &mut Run, shown: usize, detail: Detail) -> Option<Predictions> {
    let inputs = run.setup().shape.inputs();
    if !(1..=2).contains(&inputs) {
        return None;
    }
    let axes = axes(run, shown);
    let at = |[low, high]: [f64; 2], nth: usize, of: usize| low + (high - low) * nth as f64 / (of - 1) as f64;
    match inputs {
        1 => {
            let (x, count) = (axes[0], detail.places());
            let points: Vec<Vec<f64>> = (0..count).map(|i| vec![at(x, i, count)]).collect();
            let outputs = run.predict(&points).ok()?;
            Some(Predictions::Line(points.iter().zip(outputs).map(|(x, y)| [x[0], y[0]]).collect()))
        }
        2 => {
            let (x, y, side) = (axes[0], axes[1], detail.side());
            let points: Vec<Vec<f64>> =
                (0..side * side).map(|i| vec![at(x, i % side, side), at(y, i / side, side)]).collect();
            let predicted = run.predict(&points).ok()?;
            let outputs = 0..run.setup().shape.outputs();
            let outputs = outputs.map(|k| predicted.iter().map(|output| output[k]).collect()).collect();
            Some(Predictions::Grid { side, outputs })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_never_empty() {
        assert_eq!(padded_range(std::iter::empty()), [-1.0, 1.0]);
        let [low, high] = padded_range([2.0, 2.0].into_iter());
        assert!(low < 2.0 && high > 2.0);
        let [low, high] = padded_range([0.0, f64::NAN, 1.0].into_iter());
        assert!(low < 0.0 && low > -0.5 && high > 1.0 && high < 1.5);
    }
}
