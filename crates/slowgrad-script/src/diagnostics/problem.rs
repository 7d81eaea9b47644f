//! A problem raised inside a native function, on its way through the interpreter.

use rhai::{Dynamic, EvalAltResult, Position};
use slowgrad_tape::{Diagnostic, Location};

/// The result of a native function.
pub(crate) type NativeResult<T> = Result<T, Box<EvalAltResult>>;

/// A problem without a location. The interpreter adds the position of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    pub(crate) code: &'static str,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
    /// The name of the limit that was reached; [`Host::explain_limit`](crate::runtime::host::Host::explain_limit) adds how
    /// to raise it to the help.
    pub(crate) limit: Option<&'static str>,
}

impl Problem {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), help: None, limit: None }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Names the limit that was reached.
    pub(crate) fn limit(mut self, name: &'static str) -> Self {
        self.limit = Some(name);
        self
    }

    pub(crate) fn maybe_help(mut self, help: Option<String>) -> Self {
        self.help = help.or(self.help);
        self
    }

    /// Converts the problem to a diagnostic with a location.
    pub(crate) fn at(self, location: Location) -> Diagnostic {
        self.unplaced().at(location)
    }

    /// Converts the problem to a diagnostic without a location.
    pub(crate) fn unplaced(self) -> Diagnostic {
        Diagnostic { help: self.help, ..Diagnostic::error(self.code, self.message) }
    }
}

impl From<Problem> for Box<EvalAltResult> {
    fn from(problem: Problem) -> Self {
        Box::new(EvalAltResult::ErrorRuntime(Dynamic::from(problem), Position::NONE))
    }
}
