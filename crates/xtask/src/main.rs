//! `cargo xtask run` and `cargo xtask test`: the two commands of a fresh checkout. `cargo xtask page` builds the web page.
//!
//! The two load or start everything that the program or its tests load or start at run time. They name the system
//! packages that are missing, install them once the user agrees, check again, and then call cargo. This crate must
//! not know the other crates of the workspace, so that it compiles in seconds with nothing but a Rust toolchain and a
//! C linker.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command talks to its user")]

mod arguments;
mod cargo;
mod install;
mod load;
mod need;
mod page;
mod system;

use arguments::{Task, USAGE, XtaskCommand};
use need::Use;
use std::env;
use std::path::Path;
use std::process::ExitCode;
use system::System;

fn main() -> ExitCode {
    let command = match arguments::parse(env::args().skip(1)) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("error: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let result = match command {
        XtaskCommand::Help => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        XtaskCommand::Attempt(driver) => load::attempt(&driver).map(|()| ExitCode::SUCCESS),
        XtaskCommand::Page => page::build(root()).map(|folder| {
            println!(
                "{} is ready for any web server, such as `python3 -m http.server --directory target/page`",
                folder.display()
            );
            ExitCode::SUCCESS
        }),
        XtaskCommand::Bind(module, folder) => page::bind(&module, &folder).map(|()| ExitCode::SUCCESS),
        XtaskCommand::Run(task) => run(&task),
        XtaskCommand::Test { task, all } => test(&task, all),
    };
    result.unwrap_or_else(|message| {
        eprintln!("error: {message}");
        ExitCode::FAILURE
    })
}

/// Builds the release program and starts it.
fn run(task: &Task) -> Result<ExitCode, String> {
    let has = |variable: &str| env::var_os(variable).is_some_and(|value| !value.is_empty());
    let uses = need::uses_of_run(&task.passed_on, System::current(), has)?;
    install::ensure(&uses, task.yes)?;
    cargo::run_program(&task.passed_on)
}

/// Runs all tests and, with `all`, everything else that continuous integration checks.
fn test(task: &Task, all: bool) -> Result<ExitCode, String> {
    install::ensure(&[Use::Build, Use::X11, Use::SoftwareAdapter, Use::WindowTests], task.yes).map_err(|message| {
        format!(
            "{message}\nPlain `cargo test --workspace` reports tests that lack a display or a graphics adapter as ignored."
        )
    })?;
    cargo::test(&task.passed_on)?;
    if all {
        cargo::check(root())?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The root of the repository.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/xtask has two parents")
}
