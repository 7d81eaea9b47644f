//! See a network learn: every operation of a training step, in slow motion.
//!
//! The program is the only crate that touches files, threads and the clock. `cli` holds the commands that
//! need no window, `desktop` the window and the thread that trains, `files` all that touches the disk.

mod cli;
mod desktop;
mod files;
mod still;

use clap::Parser;
use slowgrad_script::CountingAllocator;
use std::process::ExitCode;

/// What scripts hold is counted, so that it can be limited.
#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator;

fn main() -> ExitCode {
    quiet_drivers();
    cli::run(cli::Args::parse())
}

/// Mesa's drivers complain on standard error about a missing `XDG_RUNTIME_DIR`, once an adapter is looked
/// for, on machines without a desktop session. An empty place of our own keeps them quiet.
fn quiet_drivers() {
    if cfg!(unix) && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
        #[allow(unsafe_code, reason = "no other thread has been started yet")]
        unsafe {
            std::env::set_var("XDG_RUNTIME_DIR", std::env::temp_dir());
        }
    }
}
