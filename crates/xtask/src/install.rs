//! Finds missing requirements, shows the command that installs them, and runs it if the user agrees.

use crate::need::{self, Need, Use};
use crate::system::System;
use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{fs, io};

/// A missing requirement, with the error of the attempt to use it.
type Missing = (&'static Need, String);

/// Installs the missing requirements of these uses.
///
/// # Errors
///
/// If a requirement is still missing at the end.
pub(crate) fn ensure(uses: &[Use], yes: bool) -> Result<(), String> {
    let system = System::current();
    let missing = missing(uses, system);
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("This machine lacks\n{}", listed(&missing));
    let needs: Vec<&Need> = missing.iter().map(|(need, _)| *need).collect();
    let packages = need::packages(&needs, system);
    let is_root = !cfg!(unix) || user_id().as_deref() == Some("0");
    let commands = system.install_commands(&packages, lacks_package_lists(), !is_root);
    if commands.is_empty() {
        return Err(
            "the packages of this system are not known here: install what is listed above, and try again".into()
        );
    }
    eprintln!("\nThis installs it:\n\n  {}\n", shown(&commands));
    if !yes && !agrees()? {
        return Err("something is missing: run the command above, and try again".into());
    }
    if let Err(message) = execute(&commands) {
        // Old package lists name versions that servers no longer have.
        let refreshed = system.install_commands(&packages, true, !is_root);
        if refreshed == commands {
            return Err(message);
        }
        eprintln!("{message}; trying again with new package lists");
        execute(&refreshed)?;
    }
    let left = self::missing(uses, system);
    if left.is_empty() { Ok(()) } else { Err(format!("after installing, this machine still lacks\n{}", listed(&left))) }
}

fn missing(uses: &[Use], system: System) -> Vec<Missing> {
    let needs = need::needs(uses, system).into_iter();
    needs.filter_map(|need| need.attempt().err().map(|reason| (need, reason))).collect()
}

fn listed(missing: &[Missing]) -> String {
    let mut text = String::new();
    for (need, reason) in missing {
        let _ = write!(
            text,
            "{}  {}, for {} ({reason})",
            if text.is_empty() { "" } else { "\n" },
            need.name(),
            need.purpose()
        );
    }
    text
}

/// Commands as one line for a shell.
fn shown(commands: &[Vec<String>]) -> String {
    let commands: Vec<String> = commands.iter().map(|words| words.join(" ")).collect();
    commands.join(" && ")
}

/// Asks on the terminal.
fn agrees() -> Result<bool, String> {
    if !io::stdin().is_terminal() {
        return Err("something is missing: run the command above, or pass --yes to have it run".into());
    }
    eprint!("Run it now? [y/N] ");
    let mut answer = String::new();
    io::stderr().flush().and_then(|()| io::stdin().read_line(&mut answer)).map_err(|error| error.to_string())?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// Runs commands in order, up to the first that fails.
fn execute(commands: &[Vec<String>]) -> Result<(), String> {
    for words in commands {
        let (program, arguments) = words.split_first().expect("a program");
        // Debian's packages take their defaults instead of asking.
        let status = Command::new(program).args(arguments).env("DEBIAN_FRONTEND", "noninteractive").status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(format!("`{}` failed ({status})", words.join(" "))),
            Err(error) => return Err(format!("`{program}` cannot be started ({error})")),
        }
    }
    Ok(())
}

/// The user's number, as the program `id` tells it.
fn user_id() -> Option<String> {
    let output = Command::new("id").arg("-u").stderr(Stdio::null()).output().ok()?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}

/// Whether apt has no package lists, as in fresh containers.
fn lacks_package_lists() -> bool {
    let lists = fs::read_dir(Path::new("/var/lib/apt/lists"));
    !lists.is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_shown_as_one_line() {
        let commands = System::Debian.install_commands(&["xvfb"], true, true);
        assert_eq!(shown(&commands), "sudo apt-get update && sudo apt-get install --no-install-recommends -y xvfb");
    }

    #[cfg(unix)]
    #[test]
    fn the_first_command_that_fails_ends_the_sequence() {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(execute(&[words("true"), words("true")]), Ok(()));
        let failed = execute(&[words("false"), words("no-such-program")]).expect_err("it failed");
        assert!(failed.starts_with("`false` failed"), "{failed}");
        let failed = execute(&[words("no-such-program")]).expect_err("it cannot be started");
        assert!(failed.contains("cannot be started"), "{failed}");
    }
}
