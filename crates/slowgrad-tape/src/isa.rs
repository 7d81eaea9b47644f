//! Selection of the vector unit for the kernels.
//!
//! One portable binary contains each kernel for several vector units and uses the widest unit of the processor. All
//! variants do the same operations on each number, so the choice changes speed but no bit. Tests use [`force`] to
//! verify that.

use std::sync::atomic::{AtomicU8, Ordering};

/// Lanes per group: the width of the widest vector unit in `f64`s. Kernels work on whole groups.
pub const LANE_GROUP: usize = 8;

/// A vector unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Isa {
    /// The baseline of the target.
    Portable = 1,
    /// AVX2 with fused multiply-add.
    Avx2 = 2,
    /// AVX-512 (F, DQ, VL).
    Avx512 = 3,
}

static CURRENT: AtomicU8 = AtomicU8::new(0);

/// The vector units of this processor, narrowest first.
pub fn available() -> Vec<Isa> {
    #[cfg_attr(not(target_arch = "x86_64"), allow(unused_mut, reason = "other processors have one vector unit here"))]
    let mut found = vec![Isa::Portable];
    #[cfg(target_arch = "x86_64")]
    {
        if std::is_x86_feature_detected!("avx2") && std::is_x86_feature_detected!("fma") {
            found.push(Isa::Avx2);
            let wide = std::is_x86_feature_detected!("avx512f")
                && std::is_x86_feature_detected!("avx512dq")
                && std::is_x86_feature_detected!("avx512vl");
            if wide {
                found.push(Isa::Avx512);
            }
        }
    }
    found
}

/// The vector unit in use: the widest available, unless [`force`] selected another.
#[inline]
pub fn current() -> Isa {
    match CURRENT.load(Ordering::Relaxed) {
        1 => Isa::Portable,
        2 => Isa::Avx2,
        3 => Isa::Avx512,
        _ => {
            let widest = available().pop().unwrap_or(Isa::Portable);
            CURRENT.store(widest as u8, Ordering::Relaxed);
            widest
        }
    }
}

/// Selects a vector unit for the whole process. Returns false and changes nothing if the processor does not have it.
pub fn force(isa: Isa) -> bool {
    let found = available().contains(&isa);
    if found {
        CURRENT.store(isa as u8, Ordering::Relaxed);
    }
    found
}

/// Defines `fn name(args)` that runs `body(args)` compiled for the vector unit in use.
///
/// The body must be `#[inline(always)]`, so that it is compiled separately for each unit.
#[macro_export]
macro_rules! dispatch {
    ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),* $(,)?) = $body:path) => {
        $(#[$meta])*
        #[inline]
        #[allow(clippy::too_many_arguments, reason = "one argument for each operand of the kernel")]
        $vis fn $name($($arg: $ty),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx2($($arg: $ty),*) { $body($($arg),*) }
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "as above")]
                fn avx512($($arg: $ty),*) { $body($($arg),*) }
                match $crate::isa::current() {
                    // SAFETY: `isa::current` returns only units that were detected on this processor, so it has the
                    // features that the function is compiled for.
                    #[allow(unsafe_code, reason = "a function compiled for a vector unit needs that unit")]
                    $crate::isa::Isa::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: as above.
                    #[allow(unsafe_code, reason = "a function compiled for a vector unit needs that unit")]
                    $crate::isa::Isa::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::isa::Isa::Portable => {}
                }
            }
            $body($($arg),*)
        }
    };
}
