//! What an editor asks about a text while it is being written: which names may stand here, and what a name means.
//!
//! Both answers come from the text as it is, broken or not, and from the [`reference`](crate::reference); no script
//! is run. Offsets are bytes.

mod complete;
mod meaning;
mod outline;

pub use complete::{Completion, complete};
pub use meaning::{Meaning, definition};
