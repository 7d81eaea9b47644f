//! Shared by tests of the program: running it, and the repository's root.

#![allow(dead_code, unreachable_pub, reason = "no test uses everything")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A lesson with few steps, whose optimizer has state.
pub const SMALL_LESSON: &str = r#"
fn lesson() {
    #{ title: "small", layers: [2, 3, 1], activation: "tanh", output: "sigmoid", loss: "mse",
       optimizer: "momentum", data: "xor", batch: 2, seed: 5, params: #{ lr: 0.5 } }
}
fn perform(stage) { }
"#;

/// The program that cargo built for the tests, run in a temporary folder.
pub fn slowgrad() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slowgrad"));
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    // The user's scripts must not affect the tests.
    command.env("SLOWGRAD_SCRIPTS", Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-scripts"));
    command
}

/// Runs a command. Returns its exit code, standard output and standard error.
pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("start the program");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}
