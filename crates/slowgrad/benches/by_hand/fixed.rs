//! The same with all shapes known at compile time: the practical limit of such a program.

use super::{LANES, dot, samples, sum};
use slowgrad_engine::setup::Setup;
use slowgrad_tape::{dispatch, math};

/// A layer with buffers for `S` samples.
struct Layer<const I: usize, const O: usize, const S: usize> {
    w: [[f64; I]; O],
    b: [f64; O],
    mw: [[f64; I]; O],
    mb: [f64; O],
    a: [[f64; S]; O],
    d: [[f64; S]; O],
}

impl<const I: usize, const O: usize, const S: usize> Layer<I, O, S> {
    /// Takes the parameters of the layer from the front of a list.
    fn take(rest: &mut &[f64]) -> Self {
        let mut next = || {
            let (first, after) = rest.split_first().map_or((0.0, &[][..]), |(first, after)| (*first, after));
            *rest = after;
            first
        };
        let w = std::array::from_fn(|_| std::array::from_fn(|_| next()));
        let b = std::array::from_fn(|_| next());
        let (mw, mb) = ([[0.0; I]; O], [0.0; O]);
        Self { w, b, mw, mb, a: [[0.0; S]; O], d: [[0.0; S]; O] }
    }

    fn parameters(&self) -> impl Iterator<Item = f64> + '_ {
        self.w.as_flattened().iter().chain(&self.b).copied()
    }

    #[inline(always)]
    fn forward<const TANH: bool>(&mut self, x: &[[f64; S]; I]) {
        for o in 0..O {
            let mut z = [self.b[o]; S];
            for i in 0..I {
                for s in 0..S {
                    z[s] = math::fma(self.w[o][i], x[i][s], z[s]);
                }
            }
            for s in 0..S {
                let relu = if z[s] > 0.0 { z[s] } else { 0.0 };
                self.a[o][s] = if TANH { math::tanh(z[s]) } else { relu };
            }
        }
    }

    /// Computes ∂L/∂z of the last layer, for half the squared error and tanh.
    #[inline(always)]
    fn derive(&mut self, y: &[[f64; S]; O], batch: usize) {
        for o in 0..O {
            for s in 0..S {
                let a = self.a[o][s];
                self.d[o][s] = if s < batch { (a - y[o][s]) * (1.0 - a * a) } else { 0.0 };
            }
        }
    }

    /// Computes ∂L/∂z of the previous layer from its activations `a`.
    #[inline(always)]
    fn back<const TANH: bool>(&self, a: &[[f64; S]; I], d: &mut [[f64; S]; I]) {
        for i in 0..I {
            let mut sums = [0.0; S];
            for o in 0..O {
                for s in 0..S {
                    sums[s] = math::fma(self.w[o][i], self.d[o][s], sums[s]);
                }
            }
            for s in 0..S {
                let relu = if a[i][s] > 0.0 { sums[s] } else { 0.0 };
                d[i][s] = if TANH { sums[s] * (1.0 - a[i][s] * a[i][s]) } else { relu };
            }
        }
    }

    #[inline(always)]
    fn update(&mut self, x: &[[f64; S]; I], lr: f64, momentum: f64, batch: usize) {
        let scale = 1.0 / batch as f64;
        let mut g = [[0.0; I]; O];
        for o in 0..O {
            for i in 0..I {
                g[o][i] = dot(&self.d[o], &x[i]) * scale;
            }
        }
        for o in 0..O {
            for i in 0..I {
                self.mw[o][i] = momentum * self.mw[o][i] + g[o][i];
                self.w[o][i] -= lr * self.mw[o][i];
            }
            let mut sums = [0.0; LANES];
            for v in self.d[o].as_chunks::<LANES>().0 {
                for i in 0..LANES {
                    sums[i] += v[i];
                }
            }
            self.mb[o] = momentum * self.mb[o] + sum(sums) * scale;
            self.b[o] -= lr * self.mb[o];
        }
    }
}

/// The samples of a lesson, and the position of the next batch.
struct Data {
    inputs: Vec<f64>,
    targets: Vec<f64>,
    at: usize,
}

impl Data {
    fn new(setup: &Setup) -> Self {
        let (inputs, targets) = samples(setup);
        Self { inputs, targets, at: 0 }
    }

    #[inline(always)]
    fn next<const S: usize>(&mut self, batch: usize) -> ([[f64; S]; 2], [[f64; S]; 1]) {
        let (mut x, mut y) = ([[0.0; S]; 2], [[0.0; S]; 1]);
        let (inputs, targets) = (&self.inputs[2 * self.at..][..2 * batch], &self.targets[self.at..][..batch]);
        for s in 0..batch {
            x[0][s] = inputs[2 * s];
            x[1][s] = inputs[2 * s + 1];
            y[0][s] = targets[s];
        }
        self.at += batch;
        if self.at == self.targets.len() {
            self.at = 0;
        }
        (x, y)
    }
}

/// Workload w1: 2-4-2-1, tanh, SGD, batches of 10.
pub(crate) struct W1 {
    data: Data,
    layers: (Layer<2, 4, 16>, Layer<4, 2, 16>, Layer<2, 1, 16>),
}

impl W1 {
    pub(crate) fn new(setup: &Setup, mut parameters: &[f64]) -> Self {
        let rest = &mut parameters;
        Self { data: Data::new(setup), layers: (Layer::take(rest), Layer::take(rest), Layer::take(rest)) }
    }

    pub(crate) fn parameters(&self) -> Vec<f64> {
        let (a, b, c) = &self.layers;
        a.parameters().chain(b.parameters()).chain(c.parameters()).collect()
    }

    pub(crate) fn step(&mut self) {
        step_w1(self);
    }
}

dispatch!(fn step_w1(net: &mut W1) = step_w1_body);

#[inline(always)]
fn step_w1_body(net: &mut W1) {
    const BATCH: usize = 10;
    let (x, y) = net.data.next::<16>(BATCH);
    let (a, b, c) = &mut net.layers;
    a.forward::<true>(&x);
    b.forward::<true>(&a.a);
    c.forward::<true>(&b.a);
    c.derive(&y, BATCH);
    c.back::<true>(&b.a, &mut b.d);
    b.back::<true>(&a.a, &mut a.d);
    c.update(&b.a, 0.03, 0.0, BATCH);
    b.update(&a.a, 0.03, 0.0, BATCH);
    a.update(&x, 0.03, 0.0, BATCH);
}

/// Workload w2: 2-8-8-8-1, ReLU and tanh, momentum, batches of 32.
pub(crate) struct W2 {
    data: Data,
    layers: (Layer<2, 8, 32>, Layer<8, 8, 32>, Layer<8, 8, 32>, Layer<8, 1, 32>),
}

impl W2 {
    pub(crate) fn new(setup: &Setup, mut parameters: &[f64]) -> Self {
        let rest = &mut parameters;
        let layers = (Layer::take(rest), Layer::take(rest), Layer::take(rest), Layer::take(rest));
        Self { data: Data::new(setup), layers }
    }

    pub(crate) fn parameters(&self) -> Vec<f64> {
        let (a, b, c, d) = &self.layers;
        a.parameters().chain(b.parameters()).chain(c.parameters()).chain(d.parameters()).collect()
    }

    pub(crate) fn step(&mut self) {
        step_w2(self);
    }
}

dispatch!(fn step_w2(net: &mut W2) = step_w2_body);

#[inline(always)]
fn step_w2_body(net: &mut W2) {
    const BATCH: usize = 32;
    let (x, y) = net.data.next::<32>(BATCH);
    let (a, b, c, d) = &mut net.layers;
    a.forward::<false>(&x);
    b.forward::<false>(&a.a);
    c.forward::<false>(&b.a);
    d.forward::<true>(&c.a);
    d.derive(&y, BATCH);
    d.back::<false>(&c.a, &mut c.d);
    c.back::<false>(&b.a, &mut b.d);
    b.back::<false>(&a.a, &mut a.d);
    d.update(&c.a, 0.03, 0.9, BATCH);
    c.update(&b.a, 0.03, 0.9, BATCH);
    b.update(&a.a, 0.03, 0.9, BATCH);
    a.update(&x, 0.03, 0.9, BATCH);
}
