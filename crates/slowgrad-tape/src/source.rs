//! Source locations of operations, and diagnostics.
//!
//! Both are plain data: a recorded step keeps pointing into its source text after the file has changed, and a
//! diagnostic can be printed to a terminal or drawn in a window.

use std::fmt;
use std::sync::Arc;

/// A script text as it was compiled.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The name in messages, such as `activations/tanh.rhai`.
    pub name: String,
    /// The whole text.
    pub text: String,
}

/// A range of a [`Source`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// Byte offset of the first byte.
    pub start: u32,
    /// Byte offset after the last byte.
    pub end: u32,
    /// Line of `start`, from 1.
    pub line: u32,
    /// Column of `start` in characters, from 1.
    pub column: u32,
}

impl Span {
    /// The text of the span; empty when the span is out of bounds.
    pub fn text<'s>(&self, source: &'s Source) -> &'s str {
        source.text.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

/// A span with the source that it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The source.
    pub source: Arc<Source>,
    /// The range.
    pub span: Span,
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.source.name, self.span.line, self.span.column)
    }
}

/// The severity of a [`Diagnostic`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The script cannot run until this is fixed.
    Error,
    /// The script runs, but perhaps not as intended.
    Warning,
}

/// One frame of the call stack that led to a problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The script function that was running.
    pub function: String,
    /// The location of its call, if known.
    pub location: Option<Location>,
}

/// A problem in a script or in data: location, cause and help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Stable short code such as `unknown-name`.
    pub code: &'static str,
    /// Error or warning.
    pub severity: Severity,
    /// The problem in one sentence.
    pub message: String,
    /// The location, if a text is the cause.
    pub location: Option<Location>,
    /// How to fix it.
    pub help: Option<String>,
    /// The call stack, innermost frame first.
    pub frames: Vec<Frame>,
}

impl Diagnostic {
    /// Maximum length of a message in characters. Names from scripts and files can be of any length.
    const MAX_MESSAGE_CHARS: usize = 400;

    /// An error without a location. Long messages are truncated.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if let Some((end, _)) = message.char_indices().nth(Self::MAX_MESSAGE_CHARS) {
            message.truncate(end);
            message.push('…');
        }
        Self { code, severity: Severity::Error, message, location: None, help: None, frames: Vec::new() }
    }

    /// A warning without a location. Long messages are truncated.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, message) }
    }

    /// Adds the location.
    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.location = Some(location);
        self
    }

    /// Adds help.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    /// One line: location, severity, message. A front end that shows the source draws it from the fields.
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
