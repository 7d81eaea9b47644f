//! Editor support for script texts: completion and go-to-definition.
//!
//! Both work on the current text, even if it has syntax errors, and on the [`reference`](crate::reference). Neither may
//! run a script. Offsets are bytes.

mod completion;
mod definition;
mod outline;

pub use completion::{Completion, complete};
pub use definition::{Definition, definition};
