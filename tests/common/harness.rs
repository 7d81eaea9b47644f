//! Runs tests that need something of the machine, such as a display or a graphics adapter.
//!
//! Where it is missing, the tests are reported as ignored, with the reason; in continuous integration (`CI` is set)
//! they fail. The standard harness can decide that only at compile time. Command line and output are those of `cargo test`,
//! except that output is never captured and that there is one filter at most.

use libtest_mimic::{Arguments, Completion, Failed, Trial};
use std::panic::resume_unwind;
use std::process::ExitCode;
use std::thread;

/// Tests with the same needs. `group!` makes one.
pub(crate) struct Group {
    /// Returns the reason why the tests cannot run. It is called for each test and should store its result.
    pub(crate) needs: fn() -> Result<(), String>,
    /// Path, starting with the test binary's name, and function of each test.
    pub(crate) tests: &'static [(&'static str, fn())],
}

/// Lists tests of a module after their requirement: `group!(display, [opens, closes])`. The compiler warns of a test
/// that is in no group, because it is unused code.
macro_rules! group {
    ($needs:path, [$($test:ident),+ $(,)?]) => {
        $crate::harness::Group {
            needs: $needs,
            tests: &[$((concat!(module_path!(), "::", stringify!($test)), $test as fn())),+],
        }
    };
}
pub(crate) use group;

/// For tests that always run.
#[allow(dead_code, reason = "not every test binary has such tests")]
#[allow(clippy::unnecessary_wraps, reason = "the type of a requirement")]
pub(crate) fn nothing() -> Result<(), String> {
    Ok(())
}

/// The main function of a test binary.
pub(crate) fn run(groups: &[&[Group]]) -> ExitCode {
    // Cargo has two spellings, the library one.
    let arguments =
        std::env::args().map(|argument| if argument == "--no-capture" { "--nocapture".into() } else { argument });
    let arguments = Arguments::from_iter(arguments);
    let groups = groups.iter().copied().flatten();
    let mut trials: Vec<Trial> =
        groups.flat_map(|group| group.tests.iter().map(|test| trial(group.needs, *test))).collect();
    trials.sort_by(|a, b| a.name().cmp(b.name()));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trial(needs: fn() -> Result<(), String>, (path, test): (&'static str, fn())) -> Trial {
    let name = path.split_once("::").map_or(path, |(_, name)| name);
    Trial::ignorable_test(name, move || match needs() {
        Ok(()) => {
            // As in the standard harness, so that a panic's message names the test.
            let thread = thread::Builder::new().name(name.to_owned()).spawn(test).expect("start a thread");
            thread.join().unwrap_or_else(|panic| resume_unwind(panic));
            Ok(Completion::Completed)
        }
        Err(reason) if std::env::var_os("CI").is_some() => Err(Failed::from(reason)),
        Err(reason) => Ok(Completion::ignored_with(reason)),
    })
}
