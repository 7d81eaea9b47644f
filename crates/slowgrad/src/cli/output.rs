//! Text on standard output.

use super::Failure;
use std::io::{ErrorKind, Write as _};

/// Writes to standard output.
///
/// # Errors
///
/// [`Failure::ClosedPipe`] when nothing reads the output any more, so that the command can end.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| cannot_print(&error))
}

/// The failure to write to standard output.
pub(super) fn cannot_print(error: &std::io::Error) -> Failure {
    match error.kind() {
        ErrorKind::BrokenPipe => Failure::ClosedPipe,
        _ => Failure::new(format!("cannot write to standard output: {error}")),
    }
}
