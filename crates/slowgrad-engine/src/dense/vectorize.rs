//! Selection of the vector unit for a network's products.

use pulp::WithSimd;
#[cfg(target_arch = "x86_64")]
use std::sync::LazyLock;

/// Runs work compiled for the vector unit in use. A network's work runs inside one call, so that the unit is selected
/// once for all layers.
#[inline]
pub fn vectorize<W: WithSimd>(work: W) -> W::Output {
    #[cfg(target_arch = "x86_64")]
    {
        use pulp::Simd;
        use pulp::x86::{V3, V4};
        use slowgrad_tape::isa::{self, Isa};
        // Cached, since detecting the features takes longer than a small layer.
        static AVX512: LazyLock<Option<V4>> = LazyLock::new(V4::try_new);
        static AVX2: LazyLock<Option<V3>> = LazyLock::new(V3::try_new);
        match (isa::current(), *AVX512, *AVX2) {
            (Isa::Avx512, Some(unit), _) => Simd::vectorize(unit, work),
            (Isa::Avx512 | Isa::Avx2, _, Some(unit)) => Simd::vectorize(unit, work),
            _ => Simd::vectorize(pulp::Scalar, work),
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    pulp::Arch::new().dispatch(work)
}
