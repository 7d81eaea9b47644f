//! The command line.

use std::path::PathBuf;

pub(crate) const USAGE: &str = "\
cargo xtask run [--yes] [-- ARGUMENTS]          build the program and start it with ARGUMENTS
cargo xtask test [--yes] [--all] [-- ARGUMENTS] run `cargo test --workspace --locked ARGUMENTS`
cargo xtask page                                build the web page into target/page

run and test first install the system packages that are missing, after asking.
  --yes   install without asking
  --all   check formatting, lints and documentation too, as continuous integration does";

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum XtaskCommand {
    Run(Task),
    Test {
        task: Task,
        all: bool,
    },
    /// Loads a graphics driver in this process, which a faulty driver may end.
    Attempt(String),
    Page,
    /// Writes the JavaScript of a compiled page: the module and the folder of the page.
    Bind(PathBuf, PathBuf),
    Help,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Task {
    /// Install missing packages without asking.
    pub(crate) yes: bool,
    /// The arguments after `--`.
    pub(crate) passed_on: Vec<String>,
}

pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<XtaskCommand, String> {
    let mut arguments = arguments.into_iter();
    let command = arguments.next().unwrap_or_default();
    match command.as_str() {
        "help" | "-h" | "--help" => return Ok(XtaskCommand::Help),
        "attempt" => {
            return arguments
                .next()
                .map(XtaskCommand::Attempt)
                .ok_or_else(|| "attempt needs the name of a driver".into());
        }
        "page" => {
            return match arguments.next().as_deref() {
                None => Ok(XtaskCommand::Page),
                Some("-h" | "--help") => Ok(XtaskCommand::Help),
                Some(argument) => Err(format!("unknown argument «{argument}»")),
            };
        }
        "bind" => {
            return match (arguments.next(), arguments.next()) {
                (Some(module), Some(page)) => Ok(XtaskCommand::Bind(module.into(), page.into())),
                _ => Err("bind needs a module and a folder".into()),
            };
        }
        "run" | "test" => {}
        "" => return Err("a command is missing".into()),
        _ => return Err(format!("there is no command «{command}»")),
    }
    let (mut task, mut all) = (Task::default(), false);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--" => task.passed_on.extend(arguments.by_ref()),
            "--yes" | "-y" => task.yes = true,
            "--all" if command == "test" => all = true,
            "-h" | "--help" => return Ok(XtaskCommand::Help),
            _ => return Err(format!("unknown argument «{argument}»; arguments to pass on follow «--»")),
        }
    }
    Ok(if command == "run" { XtaskCommand::Run(task) } else { XtaskCommand::Test { task, all } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<XtaskCommand, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn arguments_after_two_hyphens_are_passed_on() {
        let task = Task { yes: true, passed_on: vec!["mine.rhai".into(), "--yes".into(), "--".into()] };
        assert_eq!(parsed("run --yes -- mine.rhai --yes --"), Ok(XtaskCommand::Run(task)));
        let task = Task { yes: false, passed_on: vec!["--all".into()] };
        assert_eq!(parsed("test -- --all"), Ok(XtaskCommand::Test { task, all: false }));
        assert_eq!(parsed("test --all"), Ok(XtaskCommand::Test { task: Task::default(), all: true }));
    }

    #[test]
    fn unknown_commands_and_arguments_are_errors() {
        for line in ["", "dance", "run --all", "run mine.rhai", "test window", "attempt", "page mine", "bind"] {
            assert!(parsed(line).is_err(), "{line}");
        }
        assert_eq!(parsed("run --help"), Ok(XtaskCommand::Help));
        assert_eq!(parsed("page"), Ok(XtaskCommand::Page));
    }
}
