//! See a network learn: every operation of a training step, in slow motion.
//!
//! The program is the only crate that touches files, threads and the clock. `cli` holds the commands that
//! need no window, `window` the windowed program, `worker` the thread that owns scripts and training.

mod cli;
mod library;
mod still;
mod watch;
mod window;
mod worker;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(cli::Args::parse())
}
