//! The real window under Xvfb, driven by keys and mouse. (An integration test of the package `slowgrad`:
//! `env!("CARGO_BIN_EXE_slowgrad")` is the program.)
//!
//! The window writes down what it shows as JSON lines; the tests press keys as a person would and read there
//! what came of it. They wait for what the window says and never for a time, so that a busy machine makes them
//! slower and not wrong. Without Xvfb or xdotool they fail in continuous integration and say so elsewhere.

mod changing;
#[cfg(target_os = "linux")]
mod desktop;
mod driver;
mod dropping;
mod performing;
mod playing;
mod returning;
mod scripts;
mod whole_lesson;
