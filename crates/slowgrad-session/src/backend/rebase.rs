//! The description of a run after its lesson's file changed: changes by hand are preserved where the file did not change.
//!
//! It must not know scripts or runs.

use slowgrad_engine::spec::{LayerSpec, LessonSpec};

/// Rebases the edits in `now` from the file's previous description `was` onto its new one: fields that the file changed
/// are taken from the file, all others from `now`.
pub(crate) fn rebased(now: &LessonSpec, was: &LessonSpec, requested: &LessonSpec) -> LessonSpec {
    fn pick<T: Clone + PartialEq>(now: &T, was: &T, requested: &T) -> T {
        if was == requested { now.clone() } else { requested.clone() }
    }
    LessonSpec {
        title: requested.title.clone(),
        layers: layers(&now.layers, &was.layers, &requested.layers),
        loss: pick(&now.loss, &was.loss, &requested.loss),
        regularizer: pick(&now.regularizer, &was.regularizer, &requested.regularizer),
        optimizer: pick(&now.optimizer, &was.optimizer, &requested.optimizer),
        schedule: pick(&now.schedule, &was.schedule, &requested.schedule),
        io_names: pick(&now.io_names, &was.io_names, &requested.io_names),
        batch: pick(&now.batch, &was.batch, &requested.batch),
        shuffle: pick(&now.shuffle, &was.shuffle, &requested.shuffle),
        input_gradients: requested.input_gradients,
        ..now.clone()
    }
}

/// The layers of a run whose file changed: the present number, sizes and biases, with the activations that the file
/// changed.
fn layers(now: &[LayerSpec], was: &[LayerSpec], requested: &[LayerSpec]) -> Vec<LayerSpec> {
    if was == requested {
        return now.to_vec();
    }
    let fits = |a: &LayerSpec, b: &LayerSpec| (a.size, a.bias) == (b.size, b.bias);
    if now.len() == requested.len() && now.iter().zip(requested).all(|(a, b)| fits(a, b)) {
        // A layer that the file did not change keeps an activation set by hand.
        let changed = |nth: usize| was.get(nth) != requested.get(nth);
        return (0..requested.len())
            .map(|nth| if changed(nth) { requested[nth].clone() } else { now[nth].clone() })
            .collect();
    }
    // When the number of layers differs, hidden layers follow the first layer and the output follows the last.
    let activation = |layers: &[LayerSpec], last: bool| {
        let layer = if last { layers.last() } else { layers.first() };
        layer.map(|layer| layer.activation.clone())
    };
    let mut layers = now.to_vec();
    let last = layers.len().saturating_sub(1);
    for (nth, layer) in layers.iter_mut().enumerate() {
        let (old, new) = (activation(was, nth == last), activation(requested, nth == last));
        if old != new
            && let Some(new) = new
        {
            layer.activation = new;
        }
    }
    layers
}

/// Whether a run of one description can continue with the other.
pub(crate) fn same_run(a: &LessonSpec, b: &LessonSpec) -> bool {
    let structure =
        |spec: &LessonSpec| spec.layers.iter().map(|layer| (layer.size, layer.bias, layer.frozen)).collect::<Vec<_>>();
    a.inputs == b.inputs
        && structure(a) == structure(b)
        && a.data == b.data
        && a.count == b.count
        && a.noise.to_bits() == b.noise.to_bits()
        && a.test_fraction.to_bits() == b.test_fraction.to_bits()
        && a.seed == b.seed
        && a.weights == b.weights
        && a.initializer == b.initializer
}
