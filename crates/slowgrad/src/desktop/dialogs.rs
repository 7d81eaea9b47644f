//! The desktop's file dialogs.
//!
//! A dialog is created on the main thread, as some systems require, and waited for on another, so that the window keeps
//! drawing. On Linux the desktop portal shows the dialog, or `zenity` if there is no portal.

use slowgrad_app::platform::SESSION_SUFFIX;
use slowgrad_session::PACK_EXTENSION;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use winit::window::Window;

/// The result of a file dialog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FileChoice {
    /// A lesson, pack or session to open.
    Open(PathBuf),
    /// The file to save the session to.
    SaveSession(PathBuf),
    /// The user typed a name without an extension, and the session file of that name exists. The dialog has not asked
    /// whether to replace it.
    Exists(PathBuf),
    /// The user cancelled, or the system has no file dialogs.
    Cancelled,
}

/// The file dialogs of a window, of which at most one is open.
#[derive(Debug, Default)]
pub(super) struct FileDialogs {
    open: bool,
}

impl FileDialogs {
    /// Whether the system probably has file dialogs. On Linux they need a session bus, for the portal, or `zenity`.
    pub(super) fn are_available() -> bool {
        if !cfg!(target_os = "linux") {
            return true;
        }
        let exists = |folder: PathBuf, name: &str| folder.join(name).exists();
        let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS").is_some_and(|address| !address.is_empty())
            || std::env::var_os("XDG_RUNTIME_DIR").is_some_and(|folder| exists(folder.into(), "bus"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        bus || std::env::split_paths(&path).any(|folder| exists(folder, "zenity"))
    }

    /// Asks for a lesson, pack or session to open. Another thread calls `send` with the choice.
    ///
    /// # Errors
    ///
    /// When the system starts no thread.
    pub(super) fn open(&mut self, parent: &Window, send: impl FnOnce(FileChoice) + Send + 'static) -> io::Result<()> {
        if self.open {
            return Ok(());
        }
        let dialog = rfd::AsyncFileDialog::new()
            .set_title("Open a lesson, pack or session")
            .add_filter("Lessons, packs and sessions", &["rhai", PACK_EXTENSION, "json"])
            .add_filter("Lessons", &["rhai"])
            .add_filter("Packs", &[PACK_EXTENSION])
            .add_filter("Sessions", &["json"])
            .set_parent(parent);
        self.wait(dialog.pick_file(), send, FileChoice::Open)
    }

    /// Asks for the file to save the session to, and suggests one. Another thread calls `send` with the choice.
    ///
    /// # Errors
    ///
    /// When the system starts no thread.
    pub(super) fn save_session(
        &mut self,
        suggested: &Path,
        parent: &Window,
        send: impl FnOnce(FileChoice) + Send + 'static,
    ) -> io::Result<()> {
        if self.open {
            return Ok(());
        }
        let mut dialog = rfd::AsyncFileDialog::new()
            .set_title("Save the session")
            .add_filter("Sessions", &["json"])
            .set_parent(parent);
        if let Some(folder) = suggested.parent().filter(|folder| folder.is_dir()) {
            dialog = dialog.set_directory(folder);
        }
        if let Some(name) = suggested.file_name() {
            dialog = dialog.set_file_name(name.to_string_lossy());
        }
        self.wait(dialog.save_file(), send, session_choice)
    }

    /// Takes note that the dialog was closed.
    pub(super) fn closed(&mut self) {
        self.open = false;
    }

    /// Waits for a dialog on a thread, which then calls `send` with the choice.
    fn wait(
        &mut self,
        dialog: impl Future<Output = Option<rfd::FileHandle>> + Send + 'static,
        send: impl FnOnce(FileChoice) + Send + 'static,
        choice: fn(PathBuf) -> FileChoice,
    ) -> io::Result<()> {
        let wait = move || {
            let file = pollster::block_on(dialog);
            let chosen = file.map_or(FileChoice::Cancelled, |file| choice(file.path().to_owned()));
            send(chosen);
        };
        std::thread::Builder::new().name("slowgrad-dialog".into()).spawn(wait)?;
        self.open = true;
        Ok(())
    }
}

/// The session file for a path from the dialog. The extension is added if the user has not typed it, because it tells
/// sessions from lessons.
fn session_choice(path: PathBuf) -> FileChoice {
    if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json")) {
        return FileChoice::SaveSession(path);
    }
    let mut name: OsString = path.into_os_string();
    name.push(SESSION_SUFFIX);
    let path = PathBuf::from(name);
    if path.exists() { FileChoice::Exists(path) } else { FileChoice::SaveSession(path) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn session_extension_is_added_but_never_replaces_a_file_silently() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        assert_eq!(session_choice(path("a.json")), FileChoice::SaveSession(path("a.json")));
        assert_eq!(session_choice(path("a")), FileChoice::SaveSession(path("a.session.json")));
        std::fs::write(path("a.session.json"), "").expect("a file");
        assert_eq!(session_choice(path("a")), FileChoice::Exists(path("a.session.json")));
    }
}
