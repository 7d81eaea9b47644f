//! All access to the disk: scripts, sessions, settings and results. It must not know windows or panels.

pub(crate) mod library;
pub(crate) mod output;
pub(crate) mod path_text;
pub(crate) mod sessions;
pub(crate) mod temporary_file;

#[cfg(feature = "window")]
pub(crate) mod autosave;
#[cfg(feature = "window")]
pub(crate) mod folders;
#[cfg(all(test, feature = "window"))]
mod hot_reload_tests;
#[cfg(feature = "window")]
pub(crate) mod platform;
#[cfg(feature = "window")]
mod script_saver;
#[cfg(feature = "window")]
pub(crate) mod settings_file;
#[cfg(feature = "window")]
pub(crate) mod system_fonts;
#[cfg(feature = "window")]
pub(crate) mod watcher;
#[cfg(feature = "window")]
pub(crate) mod writer;
