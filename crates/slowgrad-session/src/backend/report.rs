//! Messages, problems and events that the next snapshot reports.
//!
//! It must not know which operation caused them.

use slowgrad_tape::Diagnostic;

/// What the next snapshot reports besides the state of the run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    messages: Vec<String>,
    /// From the last time that scripts were read.
    script_problems: Vec<Diagnostic>,
    /// From the last step that could not be computed.
    run_problem: Option<Diagnostic>,
    /// From the last condition of a cue that failed.
    condition_problem: Option<Diagnostic>,
    stuck: bool,
    reloaded: bool,
}

impl Report {
    /// Adds a message for the person.
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

    /// Unwraps a result that scripts made: its problems replace those of the last time, a success clears them.
    pub(crate) fn accept<T>(&mut self, made: Result<T, Vec<Diagnostic>>) -> Option<T> {
        match made {
            Ok(made) => {
                self.script_problems.clear();
                Some(made)
            }
            Err(problems) => {
                self.script_problems = problems;
                None
            }
        }
    }

    /// Whether the scripts had no problem when they were read last.
    pub(crate) fn scripts_are_fine(&self) -> bool {
        self.script_problems.is_empty()
    }

    /// A step could not be computed.
    pub(crate) fn step_failed(&mut self, problem: Diagnostic) {
        self.run_problem = Some(problem);
        self.stuck = true;
    }

    /// Steps can be computed again.
    pub(crate) fn clear_run_problem(&mut self) {
        self.run_problem = None;
    }

    /// A condition of a cue failed, or (`None`) no longer does.
    pub(crate) fn set_condition_problem(&mut self, problem: Option<Diagnostic>) {
        self.condition_problem = problem;
    }

    /// Sets whether the last command could not get to its step.
    pub(crate) fn set_stuck(&mut self, stuck: bool) {
        self.stuck = stuck;
    }

    /// Whether the last command could not get to its step.
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// A new version of a script takes over.
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

    /// Whether a command got stuck since the last snapshot.
    pub(crate) fn take_stuck(&mut self) -> bool {
        std::mem::take(&mut self.stuck)
    }

    /// Whether a script took over since the last snapshot.
    pub(crate) fn take_reloaded(&mut self) -> bool {
        std::mem::take(&mut self.reloaded)
    }
}
