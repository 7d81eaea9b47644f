//! The baseline: hand-written training of one network, with shapes known only at run time.
//!
//! The layout is `[feature][sample]`, with the samples padded to whole vectors. The compiler vectorizes loops over eight
//! numbers, and large products are blocked by hand. The elementary functions are those of slowgrad, which are faster than
//! the system's. Only the derivative of the loss is computed, not its value. Sums use the fastest order.

#![allow(clippy::needless_range_loop, reason = "indices are those of the formulas")]

pub(crate) mod fixed;
mod product;

use product::{Product, large, small};
use slowgrad_engine::setup::Setup;
use slowgrad_tape::{dispatch, math};

/// The number of lanes.
pub(crate) const LANES: usize = 8;
/// A vector.
pub(crate) type Vector = [f64; LANES];

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Activation {
    Tanh,
    Relu,
    Mish,
    /// With the categorical cross-entropy, so that ∂L/∂z = a − y.
    Softmax,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Optimizer {
    Sgd,
    Momentum(f64),
    /// With PyTorch's constants and this weight decay.
    AdamW(f64),
}

/// A network and its training.
#[derive(Clone)]
pub(crate) struct NetSpec {
    pub(crate) sizes: Vec<usize>,
    pub(crate) activations: Vec<Activation>,
    pub(crate) optimizer: Optimizer,
    /// Whether the loss is Huber's instead of half the squared error.
    pub(crate) huber: bool,
    pub(crate) lr: f64,
    pub(crate) batch: usize,
}

struct Layer {
    w: Vec<f64>,
    b: Vec<f64>,
    /// The velocity, or Adam's first moment.
    mw: Vec<f64>,
    mb: Vec<f64>,
    /// Adam's second moment.
    vw: Vec<f64>,
    vb: Vec<f64>,
    gw: Vec<f64>,
}

/// A network in training.
pub(crate) struct Net {
    spec: NetSpec,
    stride: usize,
    layers: Vec<Layer>,
    /// Activations, `[layer][feature][sample]`.
    a: Vec<Vec<f64>>,
    /// ∂a/∂z of activations whose derivative is not a function of `a`.
    slopes: Vec<Vec<f64>>,
    /// ∂L/∂z.
    d: Vec<Vec<f64>>,
    y: Vec<f64>,
    /// Activations or inputs as `[sample][feature]`.
    transposed: Vec<f64>,
    steps: i32,
    at: usize,
    /// `[sample][feature]`.
    inputs: Vec<f64>,
    targets: Vec<f64>,
}

/// The inputs and targets of a lesson's samples, concatenated.
pub(crate) fn samples(setup: &Setup) -> (Vec<f64>, Vec<f64>) {
    let samples = 0..setup.train.len();
    let inputs = samples.clone().flat_map(|sample| setup.train.input(sample).to_vec()).collect();
    (inputs, samples.flat_map(|sample| setup.train.target(sample).to_vec()).collect())
}

impl Net {
    /// A network with the initial parameters of a lesson.
    pub(crate) fn new(spec: &NetSpec, setup: &Setup, parameters: &[f64]) -> Self {
        let sizes = spec.sizes.clone();
        let stride = spec.batch.next_multiple_of(LANES);
        let (inputs, targets) = samples(setup);
        let mut rest = parameters;
        let layers = sizes.windows(2).map(|pair| {
            let (w, after) = rest.split_at(pair[0] * pair[1]);
            let (b, after) = after.split_at(pair[1]);
            rest = after;
            let (zero_w, zero_b) = (vec![0.0; w.len()], vec![0.0; b.len()]);
            Layer {
                w: w.to_vec(),
                b: b.to_vec(),
                mw: zero_w.clone(),
                mb: zero_b.clone(),
                vw: zero_w.clone(),
                vb: zero_b,
                gw: zero_w,
            }
        });
        let layers = layers.collect();
        let rows = || sizes.iter().map(|size| vec![0.0; size * stride]).collect::<Vec<_>>();
        let widest = sizes.iter().max().map_or(0, |size| size * stride);
        Self {
            spec: spec.clone(),
            stride,
            layers,
            a: rows(),
            slopes: rows(),
            d: rows(),
            y: vec![0.0; sizes.last().map_or(0, |size| size * stride)],
            transposed: vec![0.0; widest],
            steps: 0,
            at: 0,
            inputs,
            targets,
        }
    }

    /// The parameters in the order of the lesson's.
    pub(crate) fn parameters(&self) -> Vec<f64> {
        self.layers.iter().flat_map(|layer| layer.w.iter().chain(&layer.b).copied().collect::<Vec<_>>()).collect()
    }

    /// Trains one step.
    pub(crate) fn step(&mut self) {
        step(self);
    }
}

dispatch!(fn step(net: &mut Net) = step_body);

#[inline(always)]
fn step_body(net: &mut Net) {
    let layers = net.layers.len();
    net.steps += 1;
    load(net);
    for l in 0..layers {
        let (before, after) = net.a.split_at_mut(l + 1);
        let Layer { w, b, .. } = &net.layers[l];
        let (ins, outs) = (net.spec.sizes[l], net.spec.sizes[l + 1]);
        let product =
            Product { a: w, row: ins, term: 1, terms: ins, b: &before[l], stride: net.stride, bias: b, scale: 1.0 };
        multiply(&product, &mut after[0], net.stride, outs, net.stride);
        activate(net.spec.activations[l], &mut after[0], &mut net.slopes[l + 1], net.stride, outs);
    }
    derive(net);
    for l in (0..layers).rev() {
        if l > 0 {
            back(net, l);
        }
        gradients(net, l);
        update(net, l);
    }
}

/// Loads the next batch and transposes it.
#[inline(always)]
fn load(net: &mut Net) {
    let (n, batch) = (net.stride, net.spec.batch);
    let (ins, outs) = (net.spec.sizes[0], net.spec.sizes[net.layers.len()]);
    let x = &net.inputs[net.at * ins..];
    for first in (0..ins).step_by(LANES) {
        for s in 0..batch {
            for i in first..ins.min(first + LANES) {
                net.a[0][i * n + s] = x[s * ins + i];
            }
        }
    }
    let y = &net.targets[net.at * outs..];
    for k in 0..outs {
        for s in 0..batch {
            net.y[k * n + s] = y[s * outs + k];
        }
    }
}

#[inline(always)]
fn multiply(product: &Product<'_>, out: &mut [f64], stride: usize, rows: usize, lanes: usize) {
    if product.terms * lanes * rows > 100_000 {
        large(product, out, stride, rows, lanes);
    } else {
        small(product, out, stride, rows, lanes);
    }
}

#[inline(always)]
fn eights(numbers: &mut [f64]) -> impl Iterator<Item = &mut Vector> {
    numbers.as_chunks_mut().0.iter_mut()
}

#[inline(always)]
fn activate(activation: Activation, out: &mut [f64], slopes: &mut [f64], n: usize, rows: usize) {
    match activation {
        Activation::Tanh => {
            for v in eights(out) {
                for x in v {
                    *x = math::tanh(*x);
                }
            }
        }
        Activation::Relu => {
            for v in eights(out) {
                for x in v {
                    *x = if *x > 0.0 { *x } else { 0.0 };
                }
            }
        }
        // z·tanh(ln(1 + eᶻ)) = z·m/(m + 2) with m = eᶻ(eᶻ + 2), and its derivative, from one exponential.
        Activation::Mish => {
            for (v, slope) in eights(out).zip(eights(slopes)) {
                let mut e = [0.0; LANES];
                for i in 0..LANES {
                    e[i] = math::exp(if v[i] > 20.0 { 20.0 } else { v[i] });
                }
                for i in 0..LANES {
                    let m = e[i] * (e[i] + 2.0);
                    let t = m / (m + 2.0);
                    slope[i] = t + v[i] * (1.0 - t * t) * (e[i] / (1.0 + e[i]));
                    v[i] *= t;
                }
            }
        }
        Activation::Softmax => {
            for first in (0..n).step_by(LANES) {
                let mut largest = [f64::NEG_INFINITY; LANES];
                for r in 0..rows {
                    for i in 0..LANES {
                        let x = out[r * n + first + i];
                        largest[i] = if x > largest[i] { x } else { largest[i] };
                    }
                }
                let mut total = [0.0; LANES];
                for r in 0..rows {
                    for i in 0..LANES {
                        let power = math::exp(out[r * n + first + i] - largest[i]);
                        out[r * n + first + i] = power;
                        total[i] += power;
                    }
                }
                for r in 0..rows {
                    for i in 0..LANES {
                        out[r * n + first + i] /= total[i];
                    }
                }
            }
        }
    }
}

/// The derivative of the loss through the last activation.
#[inline(always)]
fn derive(net: &mut Net) {
    let last = net.layers.len();
    let (a, d, y) = (&mut net.a[last], &mut net.d[last], &mut net.y);
    let tanh = net.spec.activations[last - 1] == Activation::Tanh;
    for ((d, a), y) in eights(d).zip(eights(a)).zip(eights(y)) {
        for i in 0..LANES {
            let mut e = a[i] - y[i];
            if net.spec.huber {
                e = if e > 1.0 { 1.0 } else { e };
                e = if e < -1.0 { -1.0 } else { e };
            }
            d[i] = if tanh { e * (1.0 - a[i] * a[i]) } else { e };
        }
    }
    for row in d.chunks_exact_mut(net.stride) {
        row[net.spec.batch..].fill(0.0);
    }
}

/// ∂L/∂z of the layer before.
#[inline(always)]
fn back(net: &mut Net, l: usize) {
    let (before, after) = net.d.split_at_mut(l + 1);
    let (ins, outs) = (net.spec.sizes[l], net.spec.sizes[l + 1]);
    let n = net.stride;
    let product =
        Product { a: &net.layers[l].w, row: 1, term: ins, terms: outs, b: &after[0], stride: n, bias: &[], scale: 1.0 };
    multiply(&product, &mut before[l], n, ins, n);
    match net.spec.activations[l - 1] {
        Activation::Mish => {
            for (d, slope) in eights(&mut before[l]).zip(eights(&mut net.slopes[l])) {
                for i in 0..LANES {
                    d[i] *= slope[i];
                }
            }
        }
        Activation::Relu => {
            for (d, a) in eights(&mut before[l]).zip(eights(&mut net.a[l])) {
                for i in 0..LANES {
                    d[i] = if a[i] > 0.0 { d[i] } else { 0.0 };
                }
            }
        }
        Activation::Tanh | Activation::Softmax => {
            for (d, a) in eights(&mut before[l]).zip(eights(&mut net.a[l])) {
                for i in 0..LANES {
                    d[i] *= 1.0 - a[i] * a[i];
                }
            }
        }
    }
}

#[inline(always)]
fn gradients(net: &mut Net, l: usize) {
    let (ins, outs) = (net.spec.sizes[l], net.spec.sizes[l + 1]);
    let (n, batch) = (net.stride, net.spec.batch);
    let scale = 1.0 / batch as f64;
    let (a, d, gw) = (&net.a[l], &net.d[l + 1], &mut net.layers[l].gw);
    if ins < 2 * LANES {
        let mut j = 0;
        while j + 2 <= outs {
            few::<2>(d, a, gw, ins, n, j, scale);
            j += 2;
        }
        if j < outs {
            few::<1>(d, a, gw, ins, n, j, scale);
        }
        return;
    }
    // The lanes are the inputs here, so the inputs of a sample must be contiguous.
    let transposed = &mut net.transposed;
    if l == 0 {
        transposed[..batch * ins].copy_from_slice(&net.inputs[net.at * ins..][..batch * ins]);
    } else {
        for first in (0..ins).step_by(LANES) {
            for s in 0..batch {
                for i in first..ins.min(first + LANES) {
                    transposed[s * ins + i] = a[i * n + s];
                }
            }
        }
    }
    let product = Product { a: d, row: n, term: 1, terms: batch, b: transposed, stride: ins, bias: &[], scale };
    multiply(&product, gw, ins, outs, ins);
}

/// The weight gradients of `J` neurons with few inputs.
#[inline(always)]
fn few<const J: usize>(d: &[f64], a: &[f64], gw: &mut [f64], ins: usize, n: usize, j: usize, scale: f64) {
    let mut i = 0;
    while i + 4 <= ins {
        dots::<J, 4>(d, a, gw, ins, n, j, i, scale);
        i += 4;
    }
    while i + 2 <= ins {
        dots::<J, 2>(d, a, gw, ins, n, j, i, scale);
        i += 2;
    }
    if i < ins {
        dots::<J, 1>(d, a, gw, ins, n, j, i, scale);
    }
}

/// Computes `J` × `I` dot products together, so that each number is read once for several of them.
#[allow(clippy::too_many_arguments, reason = "one per operand")]
#[inline(always)]
fn dots<const J: usize, const I: usize>(
    d: &[f64],
    a: &[f64],
    gw: &mut [f64],
    ins: usize,
    n: usize,
    j: usize,
    i: usize,
    scale: f64,
) {
    let mut sums = [[[0.0; LANES]; I]; J];
    for s in (0..n).step_by(LANES) {
        for r in 0..J {
            let d = &d[(j + r) * n + s..][..LANES];
            for c in 0..I {
                let a = &a[(i + c) * n + s..][..LANES];
                for l in 0..LANES {
                    sums[r][c][l] = math::fma(d[l], a[l], sums[r][c][l]);
                }
            }
        }
    }
    for r in 0..J {
        for c in 0..I {
            gw[(j + r) * ins + i + c] = sum(sums[r][c]) * scale;
        }
    }
}

#[inline(always)]
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for i in 0..LANES {
            sums[i] = math::fma(a[i], b[i], sums[i]);
        }
    }
    sum(sums)
}

#[inline(always)]
pub(crate) fn sum(a: Vector) -> f64 {
    ((a[0] + a[4]) + (a[1] + a[5])) + ((a[2] + a[6]) + (a[3] + a[7]))
}

/// The gradient of a bias.
#[inline(always)]
fn mean(d: &[f64], scale: f64) -> f64 {
    let mut sums = [0.0; LANES];
    for v in d.as_chunks::<LANES>().0 {
        for i in 0..LANES {
            sums[i] += v[i];
        }
    }
    sum(sums) * scale
}

/// The factors of AdamW that are equal for all parameters of a step.
struct AdamW {
    shrink: f64,
    corrected: f64,
    root: f64,
}

impl AdamW {
    // Not a closure, because that would not be compiled for the vector unit.
    #[inline(always)]
    fn apply(&self, w: &mut f64, m: &mut f64, v: &mut f64, g: f64) {
        *m = 0.9 * *m + (1.0 - 0.9) * g;
        *v = 0.999 * *v + (1.0 - 0.999) * g * g;
        *w = *w * self.shrink - self.corrected * *m / (v.sqrt() / self.root + 1e-8);
    }
}

#[inline(always)]
fn update(net: &mut Net, l: usize) {
    let n = net.stride;
    let scale = 1.0 / net.spec.batch as f64;
    let first_layer = l == 0;
    let Layer { w, b, mw, mb, vw, vb, gw } = &mut net.layers[l];
    let lr = net.spec.lr;
    let d = &net.d[l + 1];
    match net.spec.optimizer {
        Optimizer::Sgd => {
            for (w, g) in w.iter_mut().zip(&*gw) {
                *w -= lr * g;
            }
            for (j, b) in b.iter_mut().enumerate() {
                *b -= lr * mean(&d[j * n..][..n], scale);
            }
        }
        Optimizer::Momentum(mu) => {
            for ((w, m), g) in w.iter_mut().zip(mw).zip(&*gw) {
                *m = mu * *m + g;
                *w -= lr * *m;
            }
            for (j, (b, m)) in b.iter_mut().zip(mb).enumerate() {
                *m = mu * *m + mean(&d[j * n..][..n], scale);
                *b -= lr * *m;
            }
        }
        Optimizer::AdamW(decay) => {
            let steps = f64::from(net.steps);
            let corrected = lr / (1.0 - math::pow(0.9, steps));
            let root = (1.0 - math::pow(0.999, steps)).sqrt();
            let rule = AdamW { shrink: 1.0 - lr * decay, corrected, root };
            let length = w.len();
            let (mw, vw, gw) = (&mut mw[..length], &mut vw[..length], &gw[..length]);
            for i in 0..length {
                rule.apply(&mut w[i], &mut mw[i], &mut vw[i], gw[i]);
            }
            for j in 0..b.len() {
                rule.apply(&mut b[j], &mut mb[j], &mut vb[j], mean(&d[j * n..][..n], scale));
            }
        }
    }
    if first_layer {
        let samples = net.inputs.len() / net.spec.sizes[0];
        net.at = (net.at + net.spec.batch) % samples;
    }
}

/// Adam's update as a loop over arrays.
pub(crate) struct Adam {
    pub(crate) w: Vec<f64>,
    m: Vec<f64>,
    v: Vec<f64>,
    grads: Vec<f64>,
    steps: f64,
}

impl Adam {
    pub(crate) fn new(parameters: &[f64], grads: &[f64]) -> Self {
        let zeros = vec![0.0; parameters.len()];
        Self { w: parameters.to_vec(), m: zeros.clone(), v: zeros, grads: grads.to_vec(), steps: 0.0 }
    }

    pub(crate) fn step(&mut self) {
        adam_step(self);
    }
}

dispatch!(fn adam_step(state: &mut Adam) = adam_body);

#[inline(always)]
fn adam_body(state: &mut Adam) {
    state.steps += 1.0;
    let corrected = 0.001 / (1.0 - math::pow(0.9, state.steps));
    let root = (1.0 - math::pow(0.999, state.steps)).sqrt();
    let grads = &state.grads;
    let length = grads.len();
    let (w, m, v) = (&mut state.w[..length], &mut state.m[..length], &mut state.v[..length]);
    for i in 0..length {
        m[i] = 0.9 * m[i] + (1.0 - 0.9) * grads[i];
        v[i] = 0.999 * v[i] + (1.0 - 0.999) * grads[i] * grads[i];
        w[i] -= corrected * m[i] / (v[i].sqrt() / root + 1e-8);
    }
}
