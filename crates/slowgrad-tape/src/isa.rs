//! Which vector unit the lane loops use.
//!
//! One portable binary carries every lane loop in several widths and picks the widest one that the machine
//! has. All of them do the same operations on each element, so the choice changes speed and never a bit;
//! [`force`] lets a test prove that.

use std::sync::atomic::{AtomicU8, Ordering};

/// A vector unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Isa {
    /// What every processor of the target has.
    Portable = 1,
    /// AVX2 with fused multiply-add.
    Avx2 = 2,
    /// AVX-512 (F, DQ, VL).
    Avx512 = 3,
}

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The vector units this machine has, narrowest first.
pub fn available() -> Vec<Isa> {
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

/// The vector unit in use: the widest there is, unless [`force`] said otherwise.
#[inline]
pub fn current() -> Isa {
    match CHOSEN.load(Ordering::Relaxed) {
        1 => Isa::Portable,
        2 => Isa::Avx2,
        3 => Isa::Avx512,
        _ => {
            let widest = available().pop().unwrap_or(Isa::Portable);
            CHOSEN.store(widest as u8, Ordering::Relaxed);
            widest
        }
    }
}

/// Uses this vector unit from now on. Answers false, and changes nothing, when the machine does not have it.
pub fn force(isa: Isa) -> bool {
    let there = available().contains(&isa);
    if there {
        CHOSEN.store(isa as u8, Ordering::Relaxed);
    }
    there
}

/// Defines `fn name(args)` that runs `body(args)` compiled for the vector unit in use.
///
/// The body must be `#[inline(always)]`, so that it is compiled anew inside each variant.
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
                    #[allow(unsafe_code, reason = "isa::current answers only with a unit that was detected")]
                    $crate::isa::Isa::Avx512 => return unsafe { avx512($($arg),*) },
                    #[allow(unsafe_code, reason = "isa::current answers only with a unit that was detected")]
                    $crate::isa::Isa::Avx2 => return unsafe { avx2($($arg),*) },
                    $crate::isa::Isa::Portable => {}
                }
            }
            $body($($arg),*)
        }
    };
}
