//! Where an operation came from, and what to say when something there is wrong.
//!
//! These are plain data so that a recorded step still points into the text it came from after the file
//! has changed, and so that a diagnostic can be printed by a terminal and drawn by a window alike.

use std::fmt;
use std::sync::Arc;

/// One script text as it was when it was compiled.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name shown to people, such as `activations/tanh.rhai`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A range of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// One past the last byte.
    pub end: u32,
    /// Line of `start`, from 1.
    pub line: u32,
    /// Column of `start` in characters, from 1.
    pub column: u32,
}

impl Span {
    /// The span's text, or the empty string when it does not fit the source.
    pub fn text<'s>(&self, source: &'s Source) -> &'s str {
        source.text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

/// A span together with the text it points into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The text.
    pub source: Arc<Source>,
    /// The range within it.
    pub span: Span,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.span.line, self.span.column)
    }
}

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// Nothing runs until it is mended.
    Error,
    /// It runs, but not as its author may think.
    Warning,
}

/// One link of the chain of calls that led to a problem, innermost first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The script function that was running.
    pub function: String,
    /// Where it was called from, when known.
    pub location: Option<Location>,
}

/// A problem in a script or in data, with its place, its cause and a way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable short code such as `unknown-name`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Where, when a text is at fault.
    pub location: Option<Location>,
    /// What to do about it.
    pub help: Option<String>,
    /// The chain of script calls, innermost first.
    pub frames: Vec<Frame>,
}

impl Diagnostic {
    /// Letters of a message; what it names comes from scripts and files and may be of any length.
    const LONGEST: usize = 400;

    /// An error without a place. The rest of a long message is left out.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(Self::LONGEST) {
            message.truncate(end);
            message.push('…');
        }
        Self { code, severity: Severity::Error, message, location: None, help: None, frames: Vec::new() }
    }

    /// A warning without a place.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// The same problem at a place.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// The same problem with a way out.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    /// One line: place, severity, message. Programs that can show the source line draw it from the fields.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, "{severity}: {}", self.message)
    }
}

impl std::error::Error for Diagnostic {}
