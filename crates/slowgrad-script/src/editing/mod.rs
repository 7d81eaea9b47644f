//! Editor support for script texts: completion and go-to-definition.
//!
//! Both work on the current text, even if it has syntax errors, and on the [`reference`](crate::reference). Neither may
//! run a script. Offsets are bytes.

mod complete;
mod meaning;
mod outline;

pub use complete::{Completion, complete};
pub use meaning::{Definition, definition};
