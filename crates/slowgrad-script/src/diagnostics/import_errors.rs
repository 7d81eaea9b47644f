//! Problems of imports, used by the analysis before a run and by the resolver during a run.

use crate::diagnostics::problem::Problem;
use slowgrad_tape::Diagnostic;

/// A file that imports itself through other files.
pub(crate) fn circular_import(name: &str) -> Problem {
    let problem = Problem::new("circular-import", format!("`{name}` imports itself through other files"));
    problem.help("move the shared code into a third file")
}

/// A chain of imports that exceeds the limit.
pub(crate) fn import_chain_too_long(max: usize) -> Problem {
    let problem = Problem::new("too-many-modules", format!("a chain of imports is longer than {max} files"));
    problem.help("combine the helpers into fewer files.").limit("modules")
}

/// An imported file that has a problem of its own.
pub(crate) fn broken_import(path: &str, fault: &Diagnostic) -> Problem {
    let place = fault.location.as_ref().map_or_else(String::new, |location| format!(" ({location})"));
    let problem = Problem::new("broken-import", format!("`{path}` cannot be imported: {}{place}", fault.message));
    problem.help("fix the imported file first")
}
