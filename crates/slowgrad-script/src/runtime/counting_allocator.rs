//! How many bytes each thread holds: what the memory limit of a script is container_kind by.
//!
//! The interpreter measures single values, but not how many of them a script keeps. So whoever runs scripts of
//! others installs this allocator; without it everything works but the memory limit. It must not know scripts.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    static HELD: Cell<isize> = const { Cell::new(0) };
}

/// The system's allocator with a counter for each thread.
///
/// ```
/// #[global_allocator]
/// static ALLOCATOR: slowgrad_script::CountingAllocator = slowgrad_script::CountingAllocator;
/// # fn main() {}
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct CountingAllocator;

impl CountingAllocator {
    /// Bytes that this thread has asked for and not given back; less than nothing when it gave back what another
    /// thread asked for. Only differences on one thread mean anything.
    pub fn held() -> isize {
        HELD.get()
    }
}

fn count(bytes: isize) {
    // A thread that is ending has no counter any more.
    let _ = HELD.try_with(|held| held.set(held.get().wrapping_add(bytes)));
}

#[allow(unsafe_code, reason = "each call goes on to the system's allocator as it came")]
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size as isize - layout.size() as isize);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
