//! Messages, problems and events that the next snapshot reports.
//!
//! It must not know the operations that cause them.

use slowgrad_tape::Diagnostic;

/// The part of the next snapshot that is not the state of the run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    messages: Vec<String>,
    /// The problems of the scripts when they were last read.
    script_problems: Vec<Diagnostic>,
    /// The problem of the last step that could not be computed.
    run_problem: Option<Diagnostic>,
    /// The problem of the last condition of a cue that failed.
    condition_problem: Option<Diagnostic>,
    stuck: bool,
    reloaded: bool,
}

impl Report {
    /// Adds a message for the viewer.
    pub(crate) fn message(&mut self, text: impl Into<String>) {
        self.messages.push(text.into());
    }

    /// The number of messages so far, for [`Report::discard_messages_after`].
    pub(crate) fn message_count(&self) -> usize {
        self.messages.len()
    }

    /// Drops the messages after the first `count`.
    pub(crate) fn discard_messages_after(&mut self, count: usize) {
        self.messages.truncate(count);
    }

    /// Unwraps a result of scripts. An error replaces the problems of the scripts, a success clears them.
    pub(crate) fn accept<T>(&mut self, result: Result<T, Vec<Diagnostic>>) -> Option<T> {
        match result {
            Ok(value) => {
                self.script_problems.clear();
                Some(value)
            }
            Err(problems) => {
                self.script_problems = problems;
                None
            }
        }
    }

    /// Whether the scripts had no problems when they were last read.
    pub(crate) fn scripts_are_fine(&self) -> bool {
        self.script_problems.is_empty()
    }

    /// Records that a step could not be computed.
    pub(crate) fn step_failed(&mut self, problem: Diagnostic) {
        self.run_problem = Some(problem);
        self.stuck = true;
    }

    /// Records that steps can be computed.
    pub(crate) fn clear_run_problem(&mut self) {
        self.run_problem = None;
    }

    /// Sets or clears (`None`) the problem of a condition.
    pub(crate) fn set_condition_problem(&mut self, problem: Option<Diagnostic>) {
        self.condition_problem = problem;
    }

    /// Sets whether the last command failed to reach its step.
    pub(crate) fn set_stuck(&mut self, stuck: bool) {
        self.stuck = stuck;
    }

    /// Whether the last command failed to reach its step.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Records that a new version of a script takes effect.
    pub(crate) fn mark_reloaded(&mut self) {
        self.reloaded = true;
    }

    /// All problems: of scripts, of the run, of conditions.
    pub(crate) fn problems(&self) -> impl Iterator<Item = &Diagnostic> {
        self.script_problems.iter().chain(&self.run_problem).chain(&self.condition_problem)
    }

    /// The messages since the last snapshot.
    pub(crate) fn take_messages(&mut self) -> Vec<String> {
        std::mem::take(&mut self.messages)
    }

    /// Whether a command failed to reach its step since the last snapshot.
    pub(crate) fn take_stuck(&mut self) -> bool {
        std::mem::take(&mut self.stuck)
    }

    /// Whether a new version of a script took effect since the last snapshot.
    pub(crate) fn take_reloaded(&mut self) -> bool {
        std::mem::take(&mut self.reloaded)
    }
}
