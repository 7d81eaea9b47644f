//! Calls of cargo.

use std::env;
use std::path::Path;
use std::process::{Command, ExitCode};

/// Builds the release program and starts it in the current folder, so that arguments may be paths. The exit code is
/// the program's.
pub(crate) fn run_program(arguments: &[String]) -> Result<ExitCode, String> {
    let manifest = crate::root().join("Cargo.toml");
    let mut command = cargo();
    command.args(["run", "--release", "--package", "slowgrad", "--manifest-path"]).arg(manifest);
    let status = command.arg("--").args(arguments).status();
    let status = status.map_err(|error| format!("cargo cannot be started ({error})"))?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Runs the tests of all crates.
pub(crate) fn test(arguments: &[String]) -> Result<(), String> {
    let mut command = cargo();
    execute(command.current_dir(crate::root()).args(["test", "--workspace", "--locked"]).args(arguments))
}

/// The checks of continuous integration other than the tests.
pub(crate) fn check(root: &Path) -> Result<(), String> {
    execute(cargo().current_dir(root).args(["fmt", "--all", "--check"]))?;
    let lints = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    execute(cargo().current_dir(root).args(lints))?;
    let documentation = ["doc", "--workspace", "--no-deps", "--locked", "--document-private-items"];
    execute(cargo().current_dir(root).env("RUSTDOCFLAGS", "-D warnings").args(documentation))?;
    let wasm = root.join(".ci/wasm");
    if !wasm.is_file() {
        return Ok(());
    }
    execute(without_package(Command::new(wasm)).current_dir(root))
}

/// The cargo that started this program.
pub(crate) fn cargo() -> Command {
    without_package(Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into())))
}

/// Removes the variables with which cargo describes this package, because build scripts may depend on them.
pub(crate) fn without_package(mut command: Command) -> Command {
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(describes_package) {
            command.env_remove(name);
        }
    }
    command
}

fn describes_package(variable: &str) -> bool {
    variable.starts_with("CARGO_PKG_") || variable.starts_with("CARGO_MANIFEST_")
}

/// Runs a command.
///
/// # Errors
///
/// The command, when it cannot be started or fails.
pub(crate) fn execute(command: &mut Command) -> Result<(), String> {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = [program].into_iter().chain(command.get_args()).map(|word| word.to_string_lossy());
    let shown = words.collect::<Vec<_>>().join(" ");
    let status = command.status().map_err(|error| format!("`{shown}` cannot be started ({error})"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})")) }
}
