//! The progress of a large table that a command reads: a bar on standard error, if that is a terminal.

use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};
use slowgrad_script::TableProgress;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// The time after which the bar appears.
const DELAY: Duration = Duration::from_millis(300);
/// The number of units of the bar.
const UNITS: f64 = 1_000.0;

/// The progress of a command.
pub(super) fn table_progress() -> TableProgress {
    let bar: RefCell<Option<(Instant, ProgressBar)>> = RefCell::new(None);
    TableProgress::new(move |path, part| {
        let mut bar = bar.borrow_mut();
        let (began, shown) = bar.get_or_insert_with(|| (Instant::now(), new_bar(path)));
        if part >= 1.0 {
            shown.finish_and_clear();
            *bar = None;
        } else if began.elapsed() >= DELAY {
            shown.set_position((part * UNITS) as u64);
        }
    })
}

/// A bar that disappears when it is dropped.
fn new_bar(path: &str) -> ProgressBar {
    let style = ProgressStyle::with_template("reading {msg}  {bar:30} {percent} %");
    let bar = ProgressBar::new(UNITS as u64).with_finish(ProgressFinish::AndClear);
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(path.to_owned());
    bar
}
