//! Ctrl+C, SIGTERM and SIGHUP.
//!
//! A command that can stop early accepts a [`StopRequest`]: the first signal then only asks it to stop, so that it
//! writes its results so far. In all other cases, and at the second signal, the process ends as the signal demands, after
//! its temporary files are deleted. A signal that the parent process ignores, as `nohup` does with SIGHUP, stays ignored.

use super::Failure;
use crate::files::temporary_file;
use signal_hook::low_level::{emulate_default_handler, signal_name};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// A signal that ended a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Signal(i32);

impl Signal {
    /// Its name, such as SIGTERM.
    pub(super) fn name(self) -> &'static str {
        signal_name(self.0).unwrap_or("a signal")
    }
}

/// Whether a command stops at the first signal by itself.
static IS_ACCEPTED: AtomicBool = AtomicBool::new(false);
/// The signal that asked a command to stop; 0 for none.
static REQUESTED: AtomicI32 = AtomicI32::new(0);

/// While it exists, the command checks whether it should stop.
pub(super) struct StopRequest(());

impl StopRequest {
    /// Accepts requests to stop.
    pub(super) fn accept() -> Self {
        IS_ACCEPTED.store(true, Ordering::SeqCst);
        Self(())
    }

    /// The signal that asks the command to stop, if there is one.
    #[allow(clippy::unused_self, reason = "only a command that accepts requests may ask")]
    pub(super) fn signal(&self) -> Option<Signal> {
        Some(REQUESTED.load(Ordering::Relaxed)).filter(|signal| *signal != 0).map(Signal)
    }
}

impl Drop for StopRequest {
    fn drop(&mut self) {
        IS_ACCEPTED.store(false, Ordering::SeqCst);
    }
}

/// Handles a signal, and ends the process unless the signal is a request to stop.
fn handle(signal: i32) {
    let is_first = || REQUESTED.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok();
    if !(IS_ACCEPTED.load(Ordering::SeqCst) && is_first()) {
        end_by(Signal(signal));
    }
}

/// Handles signals on a thread of their own.
#[cfg(unix)]
pub(super) fn watch() -> Result<(), Failure> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;
    let failed = |error: std::io::Error| Failure::new(format!("cannot handle signals: {error}"));
    let handled = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
    let mut signals = Signals::new(handled).map_err(failed)?;
    let work = move || signals.forever().for_each(handle);
    std::thread::Builder::new().name("slowgrad-signals".into()).spawn(work).map(drop).map_err(failed)
}

/// Whether the parent process has chosen to ignore a signal.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    #[allow(unsafe_code, reason = "the standard library cannot ask for the action of a signal")]
    // SAFETY: without a new action, `sigaction` changes nothing and only writes the present one to `action`, whose
    // fields are all valid as zeros.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
            && action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// Handles Ctrl+C. This system has no other signals.
#[cfg(not(unix))]
pub(super) fn watch() -> Result<(), Failure> {
    use signal_hook::consts::SIGINT;
    use std::sync::Arc;
    let failed = |error: std::io::Error| Failure::new(format!("cannot handle Ctrl+C: {error}"));
    let pressed = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, Arc::clone(&pressed)).map_err(failed)?;
    let work = move || {
        loop {
            if pressed.swap(false, Ordering::SeqCst) {
                handle(SIGINT);
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    };
    std::thread::Builder::new().name("slowgrad-signals".into()).spawn(work).map(drop).map_err(failed)
}

/// Deletes the temporary files and ends the process as a signal does, so that a shell sees which one it was.
pub(super) fn end_by(signal: Signal) -> ExitCode {
    temporary_file::delete_all();
    if cfg!(unix) {
        let _ = emulate_default_handler(signal.0);
    }
    // The shell's exit code of a process that a signal has ended.
    std::process::exit(128 + signal.0)
}
