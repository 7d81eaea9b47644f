//! Which weights are drawn when there are too many for one picture: the strongest of each layer.
//!
//! It must not know time: the choice holds for a whole step, so that edges do not come and go while it plays.

use crate::layout::is_matrix;
use slowgrad_engine::record::RecordedStep;

/// Of more weights than this only the strongest are drawn.
const MOST: usize = 4000;

/// The weights drawn in each layer, as `neuron * fan_in + input` in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Strongest {
    layers: Vec<Vec<usize>>,
}

impl Strongest {
    pub(super) fn of(step: &RecordedStep) -> Self {
        let shape = &step.shape;
        let counts: Vec<usize> = (0..shape.layers())
            .map(|layer| if is_matrix(shape, layer) { 0 } else { shape.weights(layer).len() })
            .collect();
        let layers = shares(&counts, MOST)
            .into_iter()
            .enumerate()
            .map(|(layer, share)| {
                let weights = &step.before.values[shape.weights(layer)];
                let mut chosen: Vec<usize> = (0..if share == 0 { 0 } else { weights.len() }).collect();
                if share < chosen.len() {
                    let strength = |&i: &usize| weights[i].abs();
                    let stronger = |a: &usize, b: &usize| strength(b).total_cmp(&strength(a)).then(a.cmp(b));
                    chosen.select_nth_unstable_by(share - 1, stronger);
                    chosen.truncate(share);
                    chosen.sort_unstable();
                }
                chosen
            })
            .collect();
        Self { layers }
    }

    pub(super) fn layer(&self, layer: usize) -> &[usize] {
        &self.layers[layer]
    }
}

/// Divides what may be drawn among the layers: small ones are drawn whole, the others share the rest evenly.
fn shares(counts: &[usize], at_most: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..counts.len()).collect();
    order.sort_by_key(|&layer| counts[layer]);
    let (mut left, mut answer) = (at_most, vec![0; counts.len()]);
    for (done, &layer) in order.iter().enumerate() {
        answer[layer] = counts[layer].min(left / (counts.len() - done));
        left -= answer[layer];
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::shares;

    #[test]
    fn small_layers_are_drawn_whole() {
        assert_eq!(shares(&[100_352, 8192, 640], 4000), [1680, 1680, 640]);
        assert_eq!(shares(&[6, 3], 4000), [6, 3]);
        assert_eq!(shares(&[6, 3], 0), [0, 0]);
    }
}
