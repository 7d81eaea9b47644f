//! Everything that touches the disk: scripts, sessions, settings and results. It must not know windows or panels.

pub(crate) mod atomic_write;
pub(crate) mod autosave;
pub(crate) mod folders;
#[cfg(test)]
mod hot_reload_tests;
pub(crate) mod library;
pub(crate) mod platform;
pub(crate) mod script_saver;
pub(crate) mod sessions;
pub(crate) mod watcher;
pub(crate) mod writer;
