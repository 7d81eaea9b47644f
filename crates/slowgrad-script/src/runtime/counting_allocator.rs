//! Counts the bytes that each thread holds, for the memory limit of scripts.
//!
//! Rhai measures single values but not how many of them a script keeps. A program that runs scripts of other people
//! must install this allocator; without it everything works except the memory limit. It must not know scripts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// The system allocator with a counter per thread.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: slowgrad_script::CountingAllocator = slowgrad_script::CountingAllocator;
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

impl CountingAllocator {
    /// Bytes that this thread has allocated and not freed. Negative if it freed more memory of other threads than it
    /// holds. Only differences on one thread are meaningful.
    pub fn held() -> isize {
        HELD.get()
    }
}

fn count(bytes: isize) {
    // A thread that is terminating has no counter any more.
    let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(bytes)));
}

#[allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait; each call is forwarded to the system allocator")]
// SAFETY: every method forwards its arguments unchanged to `System`, which fulfils the contract of `GlobalAlloc`.
// Counting neither allocates nor panics: `HELD` has a constant initializer and no destructor.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller upholds the contract of this method, which is that of `System`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        // SAFETY: the caller upholds the contract of this method, which is that of `System`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        // SAFETY: the caller upholds the contract of this method, which is that of `System`.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        // SAFETY: the caller upholds the contract of this method, which is that of `System`.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
