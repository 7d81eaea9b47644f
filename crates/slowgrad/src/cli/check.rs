//! `slowgrad check`: do scripts run, and is what they say about their gradient true?

use super::{Failure, report};
use crate::library::{self, Loaded};
use clap::Args;
use slowgrad_script::{Checked, Limits, Sandbox};
use slowgrad_tape::Severity;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Script files, or names of lessons of the library
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &CheckArgs) -> Result<(), Failure> {
    let mut errors = Vec::new();
    let mut unopened = None;
    for file in &args.files {
        let Loaded { library, lesson, .. } = match library::load(Some(file)) {
            Ok(loaded) => loaded,
            Err(error) => {
                report::line(&format!("error: {error}"));
                unopened = Some(format!("{} cannot be checked", file.display()));
                continue;
            }
        };
        let Checked { diagnostics: found, reports } = Sandbox::new(library, Limits::default()).examine(&lesson);
        let (wrong, warnings): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Error);
        report::print(&warnings);
        if wrong.is_empty() {
            let remark = match warnings.len() {
                0 => String::new(),
                1 => " (1 warning)".to_owned(),
                n => format!(" ({n} warnings)"),
            };
            let good = format!("{}: good{remark}", file.display());
            let line: Vec<String> = std::iter::once(good).chain(reports.iter().map(ToString::to_string)).collect();
            writeln!(std::io::stdout(), "{}", line.join(" · ")).map_err(|error| Failure::new(error.to_string()))?;
        }
        errors.extend(wrong);
    }
    match (errors.is_empty(), unopened) {
        (false, _) => Err(Failure::Scripts(errors)),
        (true, Some(message)) => Err(Failure::new(message)),
        (true, None) => Ok(()),
    }
}
