//! Why a file cannot be imported, as the analysis and the running script both say it.

use crate::diagnostics::problem::Problem;
use slowgrad_tape::Diagnostic;

/// A file that imports itself by way of others.
pub(crate) fn circular_import(name: &str) -> Problem {
    let problem = Problem::new("circular-import", format!("`{name}` imports itself by way of others"));
    problem.help("move what both files need into a third one")
}

/// Files that import each other in too long a row.
pub(crate) fn import_chain_too_long(most: usize) -> Problem {
    let problem = Problem::new("too-many-modules", format!("more than {most} modules import each other"));
    problem.help("gather the helpers in fewer files")
}

/// A file that cannot be imported because of its own fault.
pub(crate) fn broken_import(path: &str, fault: &Diagnostic) -> Problem {
    let place = fault.location.as_ref().map_or_else(String::new, |location| format!(" ({location})"));
    let problem = Problem::new("broken-import", format!("`{path}` cannot be imported: {}{place}", fault.message));
    problem.help("mend the imported file first")
}
