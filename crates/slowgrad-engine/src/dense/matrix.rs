//! Matrices as rows in a slice, and the layout of rows of samples.

/// A matrix: rows in a slice that start `stride` numbers apart.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    /// The rows. Numbers between them have no meaning.
    pub numbers: &'a [f64],
    /// Numbers from the start of one row to the next.
    pub stride: usize,
}

/// Rows of a matrix in any order. Indices beyond the last repeat the last one.
#[derive(Debug, Clone, Copy)]
pub struct SelectedRows<'a> {
    /// The matrix that the rows come from.
    pub from: Matrix<'a>,
    /// Indices of the rows; at least one.
    pub rows: &'a [usize],
}

/// A source of rows.
pub trait Rows: Copy {
    /// The slice that holds all rows.
    fn numbers(&self) -> &[f64];
    /// The index in that slice at which a row starts.
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

impl Rows for SelectedRows<'_> {
    #[inline(always)]
    fn numbers(&self) -> &[f64] {
        self.from.numbers
    }

    #[inline(always)]
    fn start(&self, row: usize) -> usize {
        self.from.start(self.rows[row.min(self.rows.len() - 1)])
    }
}

/// A matrix for writing.
#[derive(Debug)]
pub struct MatrixMut<'a> {
    /// The rows. Numbers between them have no meaning.
    pub numbers: &'a mut [f64],
    /// Numbers from the start of one row to the next.
    pub stride: usize,
}

/// The weights of a layer. Both sizes are stored because a division would take longer than a neuron.
#[derive(Debug, Clone, Copy)]
pub struct Weights<'a> {
    /// `[output][input]`.
    pub numbers: &'a [f64],
    /// Number of inputs of each neuron.
    pub inputs: usize,
    /// Number of neurons.
    pub outputs: usize,
}

/// The stride of rows of samples. Rows of few samples are packed without gaps, so that the neurons of a small layer
/// fill vectors together; longer rows start at a vector boundary.
pub fn row_stride(samples: usize) -> usize {
    if samples <= MAX_PACKED_SAMPLES { samples } else { samples.next_multiple_of(MAX_VECTOR_LANES) }
}

/// Padding that must follow the last row of samples, in numbers. Packed rows are written in order in whole vectors;
/// each overwrites the excess of the row before it, and the last one needs room for its own.
pub const ROW_PADDING: usize = 2 * MAX_VECTOR_LANES;

/// Numbers in the longest vector.
const MAX_VECTOR_LANES: usize = 8;
/// Maximum number of samples in packed rows. They fit into the registers of one tile on every vector unit.
pub(super) const MAX_PACKED_SAMPLES: usize = 12;
