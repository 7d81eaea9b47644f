//! Watch a neural network learn: every operation of a training step, in slow motion.
//!
//! This crate is the only one that uses files, threads and the system's clock. `cli` has the commands that need no
//! window, `desktop` the window and the training thread, `files` all access to the disk. Without the feature `window`
//! only the commands that do not draw are left.

mod cli;
#[cfg(feature = "window")]
mod desktop;
mod files;
mod machine;
#[cfg(feature = "window")]
mod still;

use clap::Parser;
use slowgrad_script::CountingAllocator;
use std::process::ExitCode;

/// Counts the memory of scripts, to enforce their limit.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    silence_graphics_drivers();
    cli::run(cli::Args::parse())
}

/// Sets `XDG_RUNTIME_DIR` if it is missing. Without it, for example without a desktop session, Mesa's drivers print a
/// warning when an adapter is requested.
fn silence_graphics_drivers() {
    if cfg!(all(unix, feature = "window")) && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        #[allow(unsafe_code, reason = "the standard library has no safe function that sets a variable")]
        // SAFETY: `main` calls this first, before it starts any thread, so no other thread reads or writes the
        // environment at the same time.
        unsafe {
            std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir());
        }
    }
}
