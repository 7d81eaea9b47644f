//! The drawer below the explanation: its tab, the parameter table, and the switch to the problems when new ones arrive.

use super::parameter_table::ParameterTable;
use slowgrad_session::{DrawerTab, Session, Snapshot};
use slowgrad_tape::Severity;

/// The state of the drawer.
pub(crate) struct DrawerState {
    tab: DrawerTab,
    /// The number of errors in the last frame.
    last_errors: usize,
    pub(crate) table: ParameterTable,
}

impl Default for DrawerState {
    fn default() -> Self {
        Self { tab: DrawerTab::Script, last_errors: 0, table: ParameterTable::default() }
    }
}

impl DrawerState {
    pub(crate) fn tab(&self) -> DrawerTab {
        self.tab
    }

    pub(crate) fn show_tab(&mut self, tab: DrawerTab) {
        self.tab = tab;
    }

    pub(crate) fn show_next_tab(&mut self) {
        let at = DrawerTab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
        self.tab = DrawerTab::ALL[(at + 1) % DrawerTab::ALL.len()];
    }

    /// Opens the problems when there are new errors, and the script again when the last one is gone.
    pub(super) fn update(&mut self, session: &Session, editor_open: bool) {
        let errors = session.snapshot.as_ref().map_or(0, error_count);
        // The editor shows problems in the text itself.
        if errors > self.last_errors && !editor_open {
            self.tab = DrawerTab::Problems;
        } else if errors == 0 && self.last_errors > 0 && self.tab == DrawerTab::Problems {
            self.tab = DrawerTab::Script;
        }
        self.last_errors = errors;
    }
}

/// The number of problems that keep something from running.
pub(crate) fn error_count(snapshot: &Snapshot) -> usize {
    snapshot.problems.iter().filter(|problem| problem.severity == Severity::Error).count()
}
