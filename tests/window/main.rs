//! Drives the real window with keys and mouse under Xvfb. This is an integration test of the package `slowgrad`:
//! `env!("CARGO_BIN_EXE_slowgrad")` is the program.
//!
//! The window logs its state as JSON lines. The tests press keys as a user would and read the resulting state from the
//! log. They wait for states rather than for fixed times, so a busy machine makes them slower but does not break them.
//! `driver::display` lists their requirements.

#[path = "../common/harness.rs"]
mod harness;

mod changing;
#[cfg(target_os = "linux")]
mod desktop;
mod driver;
mod dropping;
mod performing;
mod playing;
mod recovering;
mod returning;
mod scripts;
mod whole_lesson;

use std::process::ExitCode;

fn main() -> ExitCode {
    harness::run(&[
        changing::TESTS,
        #[cfg(target_os = "linux")]
        desktop::TESTS,
        dropping::TESTS,
        performing::TESTS,
        playing::TESTS,
        recovering::TESTS,
        returning::TESTS,
        scripts::TESTS,
        whole_lesson::TESTS,
    ])
}
