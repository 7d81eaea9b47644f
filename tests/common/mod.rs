//! What several tests share: the program under test, and a lesson folder of its own.

#![allow(dead_code, unreachable_pub, reason = "each test uses its own part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The program that was built together with the tests.
pub fn slowgrad() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slowgrad"));
    command.current_dir(env!("CARGO_TARGET_TMPDIR"));
    // The scripts of whoever runs the tests must not matter.
    command.env("SLOWGRAD_SCRIPTS", Path::new(env!("CARGO_TARGET_TMPDIR")).join("no-scripts"));
    command
}

/// Runs it and answers (exit code, standard output, standard error).
pub fn run(command: &mut Command) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the program prints UTF-8");
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// The root of the repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the repository")
}
