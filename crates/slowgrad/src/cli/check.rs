//! `slowgrad check`: checks that scripts run and that their gradients are correct.

use super::report::{self, ConsolePrinter};
use super::table_progress::table_progress;
use super::{Failure, output};
use crate::files::library::{self, LessonFiles};
use crate::files::sessions::{self, LoadedSession, SessionReadError, Versions, is_session};
use clap::Args;
use slowgrad_script::{CheckReport, Limits, Sandbox};
use slowgrad_tape::{Diagnostic, Severity};
use std::path::{Path, PathBuf};

/// The maximum number of lines that are printed per script. A check calls a script hundreds of times.
const MAX_PRINTED_LINES: usize = 20;

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Script files, session files, folders of scripts, or names of library lessons
    #[arg(default_value = ".")]
    files: Vec<PathBuf>,
}

pub(super) fn run(args: &CheckArgs, limits: Limits) -> Result<(), Failure> {
    let mut errors = Vec::new();
    let mut unchecked = None;
    for file in &args.files {
        let checked = if file.is_dir() { check_folder(file, limits) } else { check_file(file, limits) };
        match checked {
            Ok(found) => errors.extend(found),
            Err(Failure::Message(message, _)) => {
                report::print_line(&format!("error: {message}"));
                unchecked = Some(format!("cannot check {}", file.display()));
            }
            Err(failure) => return Err(failure),
        }
    }
    match (errors.is_empty(), unchecked) {
        (false, _) => Err(Failure::Scripts(errors)),
        (true, Some(message)) => Err(Failure::new(message)),
        (true, None) => Ok(()),
    }
}

fn check_file(file: &Path, limits: Limits) -> Result<Vec<Diagnostic>, Failure> {
    if is_session(file) {
        let failed = |error: SessionReadError| Failure::new(error.to_string());
        let session = sessions::read_session(file).map_err(failed)?;
        // The scripts that the session holds are checked, not those in the lesson's folder.
        let LoadedSession { files, notices } =
            sessions::load_lesson(&session, Some(file), Versions::Session).map_err(failed)?;
        for text in notices {
            report::print_line(&format!("note: {text}"));
        }
        return check(&mut Sandbox::new(files.library, limits), &files.lesson, &file.display().to_string(), true);
    }
    let LessonFiles { library, lesson, .. } =
        library::load(Some(file)).map_err(|error| Failure::new(error.to_string()))?;
    check(&mut Sandbox::new(library, limits), &lesson, &file.display().to_string(), true)
}

/// Checks all scripts of a folder, with the library that a lesson in it would have.
fn check_folder(folder: &Path, limits: Limits) -> Result<Vec<Diagnostic>, Failure> {
    let library = library::library_of_folder(folder).map_err(|error| Failure::new(error.to_string()))?;
    let paths = library.roots.last().into_iter().flat_map(|root| root.files.paths());
    let is_script = |path: &&str| Path::new(path).extension().is_some_and(|extension| extension == "rhai");
    let scripts: Vec<String> = paths.filter(is_script).map(str::to_owned).collect();
    if scripts.is_empty() {
        return Err(Failure::new(format!("no scripts found in {}", folder.display())));
    }
    let mut sandbox = Sandbox::new(library, limits);
    let mut errors = Vec::new();
    for script in scripts {
        let name = folder.strip_prefix(".").unwrap_or(folder).join(&script);
        errors.extend(check(&mut sandbox, &script, &name.display().to_string(), false)?);
    }
    Ok(errors)
}

/// Checks a script, prints its warnings and whether it is correct, and returns its errors. `shows_data` adds a summary of a
/// lesson's data, which would be long for all lessons of a folder.
fn check(sandbox: &mut Sandbox, path: &str, name: &str, shows_data: bool) -> Result<Vec<Diagnostic>, Failure> {
    sandbox.set_progress(table_progress());
    let CheckReport { diagnostics: found, reports, data } = sandbox.examine(path);
    let mut printed = sandbox.console();
    printed.dedup();
    ConsolePrinter::new(MAX_PRINTED_LINES).print(printed);
    let (errors, warnings): (Vec<_>, Vec<_>) =
        found.into_iter().partition(|diagnostic| diagnostic.severity == Severity::Error);
    report::print(&warnings);
    if errors.is_empty() {
        let remark = match warnings.len() {
            0 => String::new(),
            1 => " (1 warning)".to_owned(),
            n => format!(" ({n} warnings)"),
        };
        let ok = format!("{name}: ok{remark}");
        let line: Vec<String> = std::iter::once(ok).chain(reports.iter().map(ToString::to_string)).collect();
        let data = data.filter(|_| shows_data).map(|data| data.summary()).unwrap_or_default();
        let data = data.iter().map(|line| format!("  {line}"));
        let lines: Vec<String> = std::iter::once(line.join(" · ")).chain(data).collect();
        match output::print(&format!("{}\n", lines.join("\n"))) {
            // The exit code still tells whether all scripts are correct.
            Err(Failure::ClosedPipe) => {}
            printed => printed?,
        }
    }
    Ok(errors)
}
