//! `slowgrad completions` and `slowgrad man`: what shells and `man` know about the command line.

use super::{Args, Failure, output};
use crate::files::library;
use clap::{Command, CommandFactory};
use clap_complete::Shell;
use clap_mangen::Man;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Install them, for example with
  slowgrad completions bash > ~/.local/share/bash-completion/completions/slowgrad
  slowgrad completions zsh  > \"${fpath[1]}/_slowgrad\"
  slowgrad completions fish > ~/.config/fish/completions/slowgrad.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Read it with `slowgrad man | man -l -`, or install it with
  slowgrad man > ~/.local/share/man/man1/slowgrad.1")]
pub(super) struct ManArgs {
    /// A command, such as train [default: the page of slowgrad itself]
    command: Option<String>,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "slowgrad", &mut text);
    output::print(&String::from_utf8_lossy(&text))
}

pub(super) fn man(args: &ManArgs) -> Result<(), Failure> {
    let mut program = Args::command();
    // The parts of the program then have their options and full names.
    program.build();
    let command = match &args.command {
        None => program,
        Some(name) => find(&program, name)?.clone(),
    };
    let mut text = Vec::new();
    let rendered = Man::new(command).render(&mut text);
    rendered.map_err(|error| Failure::new(format!("cannot format the page: {error}")))?;
    output::print(&String::from_utf8_lossy(&text))
}

/// A command of the program by its name.
fn find<'p>(program: &'p Command, name: &str) -> Result<&'p Command, Failure> {
    if let Some(command) = program.find_subcommand(name) {
        return Ok(command);
    }
    let names: Vec<&str> = program.get_subcommands().map(Command::get_name).collect();
    let suggestion = match library::nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean «{near}»?"),
        None => format!("the commands are {}", names.join(", ")),
    };
    Err(Failure::usage(format!("there is no command «{name}»; {suggestion}")))
}
