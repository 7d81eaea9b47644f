//! The index of a step's events, and any event by its address: `cargo bench -p slowgrad-timeline`.

#[path = "../../slowgrad-engine/tests/common/mod.rs"]
mod common;

use common::{descent, setup, softmax, tanh};
use divan::{Bencher, black_box};
use slowgrad_engine::model::Model;
use slowgrad_engine::record::{RecordedStep, record};
use slowgrad_timeline::Timeline;
use std::sync::Arc;

/// A small network, and one that reads handwritten digits.
const NETWORKS: [&[usize]; 2] = [&[2, 3, 1], &[784, 128, 64, 10]];

fn main() {
    divan::main();
}

fn recorded(sizes: &[usize]) -> Arc<RecordedStep> {
    let mut activations: Vec<_> = sizes[2..].iter().map(|_| tanh()).collect();
    activations.push(softmax(sizes[sizes.len() - 1]));
    let (setup, values) = setup(sizes, activations, descent(0.1, true), 64, 64);
    let model = Model::new(values, &setup.optimizer);
    Arc::new(record(&setup, &model, 1).expect("these functions cannot fail"))
}

#[divan::bench(args = NETWORKS)]
fn index(bencher: Bencher<'_, '_>, sizes: &[usize]) {
    let step = recorded(sizes);
    bencher.bench_local(|| Timeline::new(Arc::clone(&step)));
}

/// From an address to its event, at places all over the step.
#[divan::bench(args = NETWORKS)]
fn event(bencher: Bencher<'_, '_>, sizes: &[usize]) {
    let timeline = Timeline::new(recorded(sizes));
    let places = (1..=1000).map(|at| ((at as f64 * 0.618_034).fract() * timeline.len() as f64) as usize);
    let addresses: Vec<_> = places.map(|index| timeline.address(index)).collect();
    let mut at = 0;
    bencher.bench_local(|| {
        at = (at + 1) % addresses.len();
        timeline.locate(black_box(&addresses[at])).map(|index| timeline.event(index))
    });
}
