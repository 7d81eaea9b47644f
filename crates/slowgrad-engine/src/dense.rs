//! The dense layer, once for a single sample and once for a batch.
//!
//! Every sum runs in index order and starts with a plain product: `z = w₀·x₀`, then one fused
//! multiply-add per further term. The batch kernels put their lanes across samples or across outputs,
//! never along a sum, so both forms give the same bits.
//!
//! A batch lies as rows of samples, `[feature][sample]`. Its three products (forward, back, gradient) are one
//! kernel with other strides. It holds a tile of sums in registers, and goes over the terms in stretches that
//! stay in the nearest cache.

use crate::share::{JOBS_A_THREAD, share};
use pulp::{Simd, WithSimd};
use slowgrad_tape::{dispatch, math};
use std::ops::Range;
#[cfg(target_arch = "x86_64")]
use std::sync::LazyLock;

/// `Σ aᵢ·bᵢ` in index order.
#[inline(always)]
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sum = a[0] * b[0];
    for i in 1..a.len() {
        sum = math::fma(a[i], b[i], sum);
    }
    sum
}

dispatch!(
    /// One sample through one layer: `z[j] = Σᵢ weight[j][i]·x[i] + bias[j]`.
    pub fn forward_one(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64]) = forward_one_body
);

#[inline(always)]
fn forward_one_body(weight: &[f64], bias: &[f64], x: &[f64], z: &mut [f64]) {
    for (j, z) in z.iter_mut().enumerate() {
        *z = dot(&weight[j * x.len()..][..x.len()], x) + bias[j];
    }
}

dispatch!(
    /// One sample back through one layer: `grad_x[i] = Σⱼ weight[j][i]·delta[j]`.
    pub fn backward_one(weight: &[f64], delta: &[f64], grad_x: &mut [f64]) = backward_one_body
);

#[inline(always)]
fn backward_one_body(weight: &[f64], delta: &[f64], grad_x: &mut [f64]) {
    let n = grad_x.len();
    for (j, &d) in delta.iter().enumerate() {
        let row = &weight[j * n..][..n];
        if j == 0 {
            for i in 0..n {
                grad_x[i] = row[i] * d;
            }
        } else {
            for i in 0..n {
                grad_x[i] = math::fma(row[i], d, grad_x[i]);
            }
        }
    }
}

dispatch!(
    /// Adds one sample's share to the gradients: `weight[j][i] += delta[j]·x[i]`, `bias[j] += delta[j]`; the
    /// first sample sets them.
    pub fn gradient_one(delta: &[f64], x: &[f64], weight: &mut [f64], bias: &mut [f64], first: bool) = gradient_one_body
);

#[inline(always)]
fn gradient_one_body(delta: &[f64], x: &[f64], weight: &mut [f64], bias: &mut [f64], first: bool) {
    let n = x.len();
    for (j, &d) in delta.iter().enumerate() {
        let row = &mut weight[j * n..][..n];
        if first {
            bias[j] = d;
            for i in 0..n {
                row[i] = d * x[i];
            }
        } else {
            bias[j] += d;
            for i in 0..n {
                row[i] = math::fma(d, x[i], row[i]);
            }
        }
    }
}

/// Numbers as rows that begin `stride` apart.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// Row by row; what lies between the rows has no meaning.
    pub numbers: &'a [f64],
    /// From the beginning of one row to the next.
    pub stride: usize,
}

/// Rows of a matrix in an order of their own; beyond the last one, that one again.
#[derive(Debug, Clone, Copy)]
pub struct Chosen<'a> {
    /// Where the rows come from.
    pub from: Matrix<'a>,
    /// Which ones; at least one.
    pub rows: &'a [usize],
}

/// What has rows.
pub trait Rows: Copy {
    /// Where all of them lie.
    fn numbers(&self) -> &[f64];
    /// Where one begins.
    fn start(&self, row: usize) -> usize;
}

impl Rows for Matrix<'_> {
    #[inline(always)]
    fn numbers(&self) -> &[f64] {
        self.numbers
    }

    #[inline(always)]
    fn start(&self, row: usize) -> usize {
        row * self.stride
    }
}

impl Rows for Chosen<'_> {
    #[inline(always)]
    fn numbers(&self) -> &[f64] {
        self.from.numbers
    }

    #[inline(always)]
    fn start(&self, row: usize) -> usize {
        self.from.start(self.rows[row.min(self.rows.len() - 1)])
    }
}

/// A matrix to be written.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    /// Row by row; what lies between the rows has no meaning.
    pub numbers: &'a mut [f64],
    /// From the beginning of one row to the next.
    pub stride: usize,
}

/// Numbers from one row of samples to the next. The rows of few samples lie close together, so that the neurons of a
/// small layer fill vectors together; longer ones begin with a vector.
pub fn row_stride(samples: usize) -> usize {
    if samples <= FEW_SAMPLES { samples } else { samples.next_multiple_of(LONGEST) }
}

/// Numbers that must follow the last row of samples. Rows that lie close together are written from the first to the
/// last, each with what fills its last vector, which the row after it writes over.
pub const ROOM: usize = 2 * LONGEST;

/// Numbers of the longest vector.
const LONGEST: usize = 8;
/// So many samples fit into the sums that are held at once, however short the vectors are.
const FEW_SAMPLES: usize = 12;

/// The weights of a layer. Whoever has them knows how many there are of what, and dividing takes longer than a neuron.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[output][input]`.
    pub numbers: &'a [f64],
    /// Inputs of each neuron.
    pub inputs: usize,
    /// Neurons.
    pub outputs: usize,
}

/// A batch through one layer, by at most so many threads: `z[j][s] = Σᵢ weight[j][i]·x[i][s] + bias[j]`.
#[inline(always)]
pub fn forward_batch<S: Simd>(
    simd: S,
    weight: Weights<'_>,
    bias: &[f64],
    x: Matrix<'_>,
    z: MatrixMut<'_>,
    samples: usize,
    threads: usize,
) {
    let Weights { numbers: a, inputs, outputs } = weight;
    let a = Matrix { numbers: a, stride: inputs };
    let sums = Sums::<_, false> { a, terms: inputs, b: x, rows: outputs, lanes: samples };
    run(simd, &sums, z, Last::Add(bias), threads);
}

/// A batch back through one layer: `grad_x[i][s] = Σⱼ weight[j][i]·delta[j][s]`.
#[inline(always)]
pub fn backward_batch<S: Simd>(
    simd: S,
    weight: Weights<'_>,
    delta: Matrix<'_>,
    grad_x: MatrixMut<'_>,
    samples: usize,
    threads: usize,
) {
    let Weights { numbers: a, inputs, outputs } = weight;
    let a = Matrix { numbers: a, stride: inputs };
    let sums = Sums::<_, true> { a, terms: outputs, b: delta, rows: inputs, lanes: samples };
    run(simd, &sums, grad_x, Last::Keep, threads);
}

/// The mean gradients of a layer of so many inputs: `weight[j][i] = Σₛ delta[j][s]·x[i][s] / samples`.
/// `by_sample` is x as `[sample][feature]`; where there is none, it is made in `turned` for layers that are not narrow.
#[allow(clippy::too_many_arguments, reason = "the matrices of the product and where its results go")]
#[inline(always)]
pub fn gradient_batch<S: Simd>(
    simd: S,
    delta: Matrix<'_>,
    x: Matrix<'_>,
    by_sample: Option<Chosen<'_>>,
    turned: &mut Vec<f64>,
    weight: &mut [f64],
    bias: &mut [f64],
    inputs: usize,
    samples: usize,
    threads: usize,
) {
    if is_narrow(inputs) {
        return narrow_gradients(delta, x, weight, bias, inputs, samples);
    }
    let (a, rows, lanes, terms) = (delta, bias.len(), inputs, samples);
    let (out, last) = (MatrixMut { numbers: weight, stride: inputs }, Last::Divide(samples as f64));
    if let Some(b) = by_sample {
        run(simd, &Sums::<_, false> { a, terms, b, rows, lanes }, out, last, threads);
    } else {
        turned.resize(inputs * samples, 0.0);
        transpose(x, samples, turned, threads);
        let b = Matrix { numbers: turned, stride: inputs };
        run(simd, &Sums::<_, false> { a, terms, b, rows, lanes }, out, last, threads);
    }
    narrow_gradients(delta, Matrix { numbers: &[], stride: 0 }, &mut [], bias, 0, samples);
}

/// Layers with fewer inputs than this fill no vector; their gradients are sums side by side.
const FEW: usize = 5;

/// Whether the gradients of a layer of so many inputs do without the inputs as `[sample][feature]`.
pub fn is_narrow(inputs: usize) -> bool {
    inputs < FEW
}

/// The mean gradients of the biases, and of so many weights as a neuron has inputs.
#[inline(always)]
fn narrow_gradients(
    delta: Matrix<'_>,
    x: Matrix<'_>,
    weight: &mut [f64],
    bias: &mut [f64],
    inputs: usize,
    samples: usize,
) {
    let mut j = 0;
    while j < bias.len() {
        let some = Few { delta, x, weight: &mut weight[j * inputs..], bias: &mut bias[j..], inputs, j, samples };
        j += match (some.bias.len(), inputs) {
            // More biases alone would be gathered into a vector, which takes longer.
            (2.., 0) => some.neurons::<2, 0>(),
            (4.., 2..) => some.neurons::<4, 2>(),
            (4.., 1) => some.neurons::<4, 1>(),
            (2.., 4..) => some.neurons::<2, 4>(),
            (2.., 2..) => some.neurons::<2, 2>(),
            (2.., 1) => some.neurons::<2, 1>(),
            (_, 0) => some.neurons::<1, 0>(),
            (_, 4..) => some.neurons::<1, 4>(),
            (_, 2..) => some.neurons::<1, 2>(),
            (_, 1) => some.neurons::<1, 1>(),
        };
    }
}

/// The gradients of some neurons, from the j-th on.
struct Few<'a> {
    delta: Matrix<'a>,
    x: Matrix<'a>,
    weight: &'a mut [f64],
    bias: &'a mut [f64],
    inputs: usize,
    j: usize,
    samples: usize,
}

impl Few<'_> {
    /// Those of `J` neurons, `I` weights of each at a time: sums side by side hide the time that one addition takes.
    /// Answers `J`.
    #[inline(always)]
    fn neurons<const J: usize, const I: usize>(self) -> usize {
        let Few { delta, x, weight, bias, inputs, j, samples } = self;
        let delta = rows::<J>(delta, j, samples);
        sums::<J, I, true>(delta, x, weight, bias, inputs, 0, samples);
        let mut i = I;
        while I > 0 && i + I <= inputs {
            sums::<J, I, false>(delta, x, weight, bias, inputs, i, samples);
            i += I;
        }
        while i < inputs {
            sums::<J, 1, false>(delta, x, weight, bias, inputs, i, samples);
            i += 1;
        }
        J
    }
}

/// `weight[r][i + c] = Σₛ delta[r][s]·x[i + c][s] / samples`, and of the biases as well where they are wanted. Loops,
/// since a closure would not be compiled for the vector unit.
#[allow(clippy::needless_range_loop, reason = "the rows are counted as in the formula")]
#[inline(always)]
fn sums<const J: usize, const I: usize, const BIAS: bool>(
    delta: [&[f64]; J],
    x: Matrix<'_>,
    weight: &mut [f64],
    bias: &mut [f64],
    inputs: usize,
    i: usize,
    samples: usize,
) {
    let x = rows::<I>(x, i, samples);
    let (mut sum, mut biases) = ([[0.0; I]; J], [0.0; J]);
    for r in 0..J {
        biases[r] = delta[r][0];
        for c in 0..I {
            sum[r][c] = delta[r][0] * x[c][0];
        }
    }
    for s in 1..samples {
        for r in 0..J {
            if BIAS {
                biases[r] += delta[r][s];
            }
            for c in 0..I {
                sum[r][c] = math::fma(delta[r][s], x[c][s], sum[r][c]);
            }
        }
    }
    // All divisions at once, so that they become few vectors.
    for r in 0..J {
        biases[r] /= samples as f64;
        for c in 0..I {
            sum[r][c] /= samples as f64;
        }
    }
    for r in 0..J {
        if BIAS {
            bias[r] = biases[r];
        }
        for c in 0..I {
            weight[r * inputs + i + c] = sum[r][c];
        }
    }
}

/// So many rows from a row on.
#[inline(always)]
fn rows<const R: usize>(matrix: Matrix<'_>, first: usize, samples: usize) -> [&[f64]; R] {
    let mut rows: [&[f64]; R] = [&[]; R];
    for (r, row) in rows.iter_mut().enumerate() {
        *row = &matrix.numbers[(first + r) * matrix.stride..][..samples];
    }
    rows
}

/// `out[r][l] = Σₜ a[r][t] · b[t][l]`, for all `rows` r and all `lanes` l; where a is `TURNED`, of `a[t][r]`.
#[derive(Clone, Copy)]
struct Sums<'a, B, const TURNED: bool> {
    a: Matrix<'a>,
    terms: usize,
    b: B,
    rows: usize,
    lanes: usize,
}

/// What happens to a finished sum.
#[derive(Clone, Copy)]
enum Last<'a> {
    Keep,
    /// Adds one number a row.
    Add(&'a [f64]),
    /// Divides all by one number.
    Divide(f64),
}

/// Terms of one stretch: with the widest tile, its part of `b` takes half of a small first cache.
const STRETCH: usize = 64;
/// Rows of a tile: with so many, a vector of `b` is used often enough, and all sums still have registers.
const TALL: usize = 6;
/// Rows of a tile that is one vector wide.
const TALLEST: usize = 8;
/// Rows of the tiles for what is left; two of them are better than a tall one and two single rows.
const SHORT: usize = 4;

/// Multiplications that are worth a thread: some microseconds.
const WORTH_A_THREAD: usize = 1 << 17;

#[inline(always)]
fn run<S: Simd, B: Rows + Sync, const TURNED: bool>(
    simd: S,
    sums: &Sums<'_, B, TURNED>,
    out: MatrixMut<'_>,
    last: Last<'_>,
    threads: usize,
) {
    if sums.lanes <= FEW_SAMPLES && out.stride == sums.lanes && !matches!(last, Last::Divide(_)) {
        return Job::<_, TURNED, true> { sums, out, last }.with_simd(simd);
    }
    let threads = if threads < 2 { 1 } else { threads.min(sums.rows * sums.terms * sums.lanes / WORTH_A_THREAD) };
    if threads > 1 {
        return run_shared(simd, sums, out.numbers, out.stride, last, threads);
    }
    // Apart, so that the step of a small network stays small itself: it must fit into the cache of instructions.
    simd.vectorize(Job::<_, TURNED, false> { sums, out, last });
}

/// By several threads, each some rows at a time.
#[inline(never)]
fn run_shared<S: Simd, B: Rows + Sync, const TURNED: bool>(
    simd: S,
    sums: &Sums<'_, B, TURNED>,
    out: &mut [f64],
    stride: usize,
    last: Last<'_>,
    threads: usize,
) {
    let tall = sums.rows.div_ceil(threads * JOBS_A_THREAD).next_multiple_of(SHORT);
    let parts = out.chunks_mut(tall * stride).take(sums.rows.div_ceil(tall)).enumerate();
    share(threads, parts, |(part, numbers)| {
        let first = part * tall;
        let rows = tall.min(sums.rows - first);
        let from = first * if TURNED { 1 } else { sums.a.stride };
        let a = Matrix { numbers: &sums.a.numbers[from..], ..sums.a };
        let sums = Sums { a, rows, ..*sums };
        let last = match last {
            Last::Add(bias) => Last::Add(&bias[first..]),
            other => other,
        };
        simd.vectorize(Job::<_, TURNED, false> { sums: &sums, out: MatrixMut { numbers, stride }, last });
    });
}

/// Runs work compiled for the vector unit in use. The products of layers are part of such work, so that there is one
/// choice for all layers of a network.
#[inline]
pub fn vectorize<W: WithSimd>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        use pulp::x86::{V3, V4};
        use slowgrad_tape::isa::{self, Isa};
        // Asking the processor takes longer than a small layer.
        static WIDE: LazyLock<Option<V4>> = LazyLock::new(V4::try_new);
        static MIDDLE: LazyLock<Option<V3>> = LazyLock::new(V3::try_new);
        match (isa::current(), *WIDE, *MIDDLE) {
            (Isa::Avx512, Some(unit), _) => Simd::vectorize(unit, work),
            (Isa::Avx512 | Isa::Avx2, _, Some(unit)) => Simd::vectorize(unit, work),
            _ => Simd::vectorize(pulp::Scalar, work),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    pulp::Arch::new().dispatch(work)
}

/// All sums, where the rows of the result may lie so `CLOSE` together that vectors end in the next one.
struct Job<'a, B, const TURNED: bool, const CLOSE: bool> {
    sums: &'a Sums<'a, B, TURNED>,
    out: MatrixMut<'a>,
    last: Last<'a>,
}

impl<B: Rows, const TURNED: bool, const CLOSE: bool> WithSimd for Job<'_, B, TURNED, CLOSE> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(mut self, simd: S) {
        let lanes = self.sums.lanes;
        if CLOSE {
            // As many vectors as the most samples need: other numbers of them would be more code than they save time.
            return match S::F64_LANES {
                8.. => self.columns::<S, 2, true>(simd, 0, 2 * S::F64_LANES),
                4.. => self.columns::<S, 3, true>(simd, 0, 3 * S::F64_LANES),
                2.. => self.columns::<S, 6, true>(simd, 0, 6 * S::F64_LANES),
                // Without vectors there is nothing to fill.
                _ => (0..lanes).for_each(|lane| self.columns::<S, 1, true>(simd, lane, 1)),
            };
        }
        let mut lane = 0;
        // A wide vector unit has registers for more sums.
        if S::F64_LANES >= 8 {
            while lane + 4 * S::F64_LANES <= lanes {
                self.columns::<S, 4, true>(simd, lane, 4 * S::F64_LANES);
                lane += 4 * S::F64_LANES;
            }
        }
        while lane + 2 * S::F64_LANES <= lanes {
            self.columns::<S, 2, true>(simd, lane, 2 * S::F64_LANES);
            lane += 2 * S::F64_LANES;
        }
        while lane + S::F64_LANES <= lanes {
            self.columns::<S, 1, true>(simd, lane, S::F64_LANES);
            lane += S::F64_LANES;
        }
        if lane < lanes {
            self.columns::<S, 1, false>(simd, lane, lanes - lane);
        }
    }
}

impl<B: Rows, const TURNED: bool, const CLOSE: bool> Job<'_, B, TURNED, CLOSE> {
    /// All sums of `C` vectors of lanes from a lane on, whole ones or, where there is but one, a part of it.
    #[inline(always)]
    fn columns<S: Simd, const C: usize, const WHOLE: bool>(&mut self, simd: S, lane: usize, lanes: usize) {
        let (rows, terms) = (self.sums.rows, self.sums.terms);
        // What lies beyond a row that is close to the next is lost, so sums over few samples are made in one go.
        let stretch = if CLOSE { terms } else { STRETCH };
        let mut start = 0;
        while start < terms {
            let terms = start..terms.min(start + stretch);
            start += stretch;
            let mut row = 0;
            // Sums that are few do not hide the time that one addition takes.
            while !CLOSE && C == 1 && row + TALLEST <= rows {
                self.tile::<S, TALLEST, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += TALLEST;
            }
            // Few samples come with few neurons.
            while !CLOSE && row + TALL <= rows && row + 2 * SHORT != rows {
                self.tile::<S, TALL, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += TALL;
            }
            while row + SHORT <= rows {
                self.tile::<S, SHORT, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += SHORT;
            }
            while row < rows {
                self.tile::<S, 1, C, WHOLE>(simd, row, lane, lanes, terms.clone());
                row += 1;
            }
        }
    }

    /// `R` rows of `C` vectors of sums, over one stretch of the terms.
    #[allow(clippy::needless_range_loop, reason = "the rows are counted as in the formula")]
    #[inline(always)]
    fn tile<S: Simd, const R: usize, const C: usize, const WHOLE: bool>(
        &mut self,
        simd: S,
        row: usize,
        lane: usize,
        lanes: usize,
        terms: Range<usize>,
    ) {
        let Range { start, end } = terms;
        let Sums { a, terms, b, .. } = *self.sums;
        let mut a = Factors::<R, TURNED>::new(a, row, start..end);
        let mut sum = [[simd.splat_f64s(0.0); C]; R];
        let mut from = 0;
        if start == 0 {
            let b = load::<S, C, WHOLE>(simd, &b.numbers()[b.start(0) + lane..][..lanes]);
            let a = a.of_term(0);
            for r in 0..R {
                let a = simd.splat_f64s(a[r]);
                for c in 0..C {
                    sum[r][c] = simd.mul_f64s(a, b[c]);
                }
            }
            from = 1;
        } else {
            for r in 0..R {
                sum[r] = load::<S, C, WHOLE>(simd, &self.out.numbers[(row + r) * self.out.stride + lane..][..lanes]);
            }
        }
        for t in from..end - start {
            let b = load::<S, C, WHOLE>(simd, &b.numbers()[b.start(start + t) + lane..][..lanes]);
            let a = a.of_term(t);
            for r in 0..R {
                let a = simd.splat_f64s(a[r]);
                for c in 0..C {
                    sum[r][c] = simd.mul_add_f64s(a, b[c], sum[r][c]);
                }
            }
        }
        for r in 0..R {
            let into = &mut self.out.numbers[(row + r) * self.out.stride + lane..][..lanes];
            match self.last {
                Last::Add(bias) if end == terms => {
                    let bias = simd.splat_f64s(bias[row + r]);
                    store::<S, C, WHOLE>(simd, into, sum[r].map(|sum| simd.add_f64s(sum, bias)));
                }
                Last::Divide(by) if end == terms => {
                    let by = simd.splat_f64s(by);
                    store::<S, C, WHOLE>(simd, into, sum[r].map(|sum| simd.div_f64s(sum, by)));
                }
                _ => store::<S, C, WHOLE>(simd, into, sum[r]),
            }
        }
    }
}

/// The factors of `R` rows, over one stretch of the terms.
struct Factors<'a, const R: usize, const TURNED: bool> {
    a: Matrix<'a>,
    /// Where the next ones are.
    at: [usize; R],
    /// Rows that are cut to the stretch, so that it need not be asked for each term whether there are so many.
    cut: [&'a [f64]; R],
}

impl<'a, const R: usize, const TURNED: bool> Factors<'a, R, TURNED> {
    /// Cutting takes longer than it saves where there are few.
    const ARE_CUT: bool = R == TALL && !TURNED;

    #[allow(clippy::needless_range_loop, reason = "the rows are counted as in the formula")]
    #[inline(always)]
    fn new(a: Matrix<'a>, row: usize, terms: Range<usize>) -> Self {
        let (apart, term) = if TURNED { (1, a.stride) } else { (a.stride, 1) };
        let mut made = Self { a, at: [0; R], cut: [&[]; R] };
        for r in 0..R {
            made.at[r] = (row + r) * apart + terms.start * term;
            if Self::ARE_CUT {
                made.cut[r] = &a.numbers[made.at[r]..][..terms.len()];
            }
        }
        made
    }

    /// Those of the t-th term of the stretch; the terms are asked for one after the other.
    #[allow(clippy::needless_range_loop, reason = "as above")]
    #[inline(always)]
    fn of_term(&mut self, t: usize) -> [f64; R] {
        let mut factors = [0.0; R];
        for r in 0..R {
            if Self::ARE_CUT {
                factors[r] = self.cut[r][t];
            } else {
                factors[r] = self.a.numbers[self.at[r]];
                self.at[r] += if TURNED { self.a.stride } else { 1 };
            }
        }
        factors
    }
}

/// Numbers as vectors, whole ones or a part of one.
#[inline(always)]
fn load<S: Simd, const C: usize, const WHOLE: bool>(simd: S, numbers: &[f64]) -> [S::f64s; C] {
    if !WHOLE {
        return [simd.partial_load_f64s(numbers); C];
    }
    let (vectors, _) = S::as_simd_f64s(numbers);
    std::array::from_fn(|c| vectors[c])
}

#[inline(always)]
fn store<S: Simd, const C: usize, const WHOLE: bool>(simd: S, into: &mut [f64], vectors: [S::f64s; C]) {
    if !WHOLE {
        return simd.partial_store_f64s(into, vectors[0]);
    }
    let (into, _) = S::as_mut_simd_f64s(into);
    into.copy_from_slice(&vectors);
}

/// The first `columns` columns of rows as rows, close together in `to`.
pub fn transpose(from: impl Rows + Sync, columns: usize, to: &mut [f64], threads: usize) {
    let rows = to.len() / columns;
    // Moving a number takes about as long as multiplying a few.
    let threads = threads.min(32 * to.len() / WORTH_A_THREAD).max(1);
    let wide = columns.div_ceil(threads * JOBS_A_THREAD).next_multiple_of(BLOCK);
    share(threads, to.chunks_mut(wide * rows).enumerate(), |(part, to)| {
        vectorize(Turn { from, first: part * wide, rows, to });
    });
}

/// So many rows, from a column on, as columns.
struct Turn<'a, R> {
    from: R,
    first: usize,
    rows: usize,
    to: &'a mut [f64],
}

/// Rows and columns that are turned at once.
const BLOCK: usize = 8;

impl<R: Rows> WithSimd for Turn<'_, R> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { from, first, rows, to } = self;
        let columns = to.len() / rows;
        let (whole_rows, whole_columns) = (rows / BLOCK * BLOCK, columns / BLOCK * BLOCK);
        for row in (0..whole_rows).step_by(BLOCK) {
            for column in (0..whole_columns).step_by(BLOCK) {
                let mut block = [[0.0; BLOCK]; BLOCK];
                for (r, block) in block.iter_mut().enumerate() {
                    block.copy_from_slice(&from.numbers()[from.start(row + r) + first + column..][..BLOCK]);
                }
                for c in 0..BLOCK {
                    let mut turned = [0.0; BLOCK];
                    for r in 0..BLOCK {
                        turned[r] = block[r][c];
                    }
                    to[(column + c) * rows + row..][..BLOCK].copy_from_slice(&turned);
                }
            }
        }
        for row in 0..rows {
            let left = if row < whole_rows { whole_columns } else { 0 };
            for column in left..columns {
                to[column * rows + row] = from.numbers()[from.start(row) + first + column];
            }
        }
    }
}
