//! Where the window keeps things on disk, and the thread that writes them, so that no frame waits for a disk.
//!
//! A file is written whole or not at all. This must not know what the files mean.

use super::autosave::last_session;
use super::session_file::ENDING;
use etcetera::BaseStrategy;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

/// The folders of this program, below the platform's.
#[derive(Debug, Clone)]
pub(crate) struct Folders {
    /// How people like the window.
    pub(crate) settings: PathBuf,
    /// Sessions that people save without saying where.
    pub(crate) sessions: PathBuf,
    /// What is kept in case the program is ended.
    pub(crate) kept: PathBuf,
}

impl Folders {
    /// Nothing where nobody has a home.
    pub(crate) fn of_platform() -> Option<Self> {
        let base = etcetera::choose_base_strategy().ok()?;
        let own = |folder: PathBuf| folder.join("slowgrad");
        Some(Self {
            settings: own(base.config_dir()),
            sessions: own(base.data_dir()).join("sessions"),
            kept: own(base.state_dir().unwrap_or_else(|| base.data_dir())),
        })
    }
}

/// The sessions that lie where they lie by themselves, the latest first, each with its name.
pub(crate) fn known_sessions(folders: &Folders) -> Vec<(String, PathBuf)> {
    /// More are not looked at.
    const MOST: usize = 200;
    let is_session = |path: &PathBuf| path.is_file() && path.to_string_lossy().ends_with(ENDING);
    let entries = fs::read_dir(&folders.sessions).into_iter().flatten().flatten().take(MOST);
    let files = entries.map(|entry| entry.path()).chain([last_session(&folders.kept)]).filter(is_session);
    let mut found: Vec<_> = files
        .map(|path| {
            let when = fs::metadata(&path).and_then(|about| about.modified()).ok();
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            (when, file.strip_suffix(ENDING).unwrap_or(&file).to_owned(), path.clone())
        })
        .collect();
    found.sort_by_key(|(when, ..)| std::cmp::Reverse(*when));
    found.into_iter().map(|(_, name, path)| (name, path)).collect()
}

/// Writes a new file beside the old one and puts it into its place, so that nobody ever reads half of it.
pub(crate) fn write_whole(file: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".slowgrad-").suffix(".tmp");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: what the user's mask leaves of this.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut beside = builder.tempfile_in(folder)?;
    beside.write_all(bytes)?;
    if let Some(permissions) = permissions {
        beside.as_file().set_permissions(permissions)?;
    }
    beside.as_file().sync_all()?;
    beside.persist(file).map(drop).map_err(|error| error.error)
}

/// What came of writing a file.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) file: PathBuf,
    pub(crate) result: io::Result<()>,
}

/// What is to be written: made on the writing thread, since that may take as long as writing it.
type Text = Box<dyn FnOnce() -> String + Send>;

/// The thread that writes files.
pub(crate) struct Writer {
    to_do: Option<Sender<(PathBuf, Text)>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread; it tells what came of each file.
    pub(crate) fn start(tell: impl Fn(Written) + Send + 'static) -> io::Result<Self> {
        let (to_do, files) = channel::<(PathBuf, Text)>();
        let work = move || {
            while let Ok((file, text)) = files.recv() {
                let folder = file.parent().map_or(Ok(()), fs::create_dir_all);
                let result = folder.and_then(|()| write_whole(&file, text().as_bytes(), None));
                tell(Written { file, result });
            }
        };
        let thread = std::thread::Builder::new().name("slowgrad-writer".into()).spawn(work)?;
        Ok(Self { to_do: Some(to_do), thread: Some(thread) })
    }

    /// Writes a file, after those that were handed over before.
    pub(crate) fn write(&self, file: PathBuf, text: impl FnOnce() -> String + Send + 'static) {
        if let Some(to_do) = &self.to_do {
            // It ends only when this is dropped.
            let _ = to_do.send((file, Box::new(text)));
        }
    }
}

impl Drop for Writer {
    /// Waits until everything is written.
    fn drop(&mut self) {
        self.to_do = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_written_in_order_and_folders_are_made() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("a/b/c.json");
        let (told, results) = channel();
        let writer = Writer::start(move |written| {
            let _ = told.send(written.result.is_ok());
        })
        .expect("a thread");
        for n in 0..20 {
            writer.write(file.clone(), move || n.to_string());
        }
        writer.write(PathBuf::from("/dev/null/x"), String::new);
        drop(writer);
        assert_eq!(fs::read_to_string(&file).expect("a file"), "19");
        let results: Vec<bool> = results.iter().collect();
        assert_eq!((results.len(), results.iter().filter(|good| !**good).count()), (21, 1));
        assert_eq!(fs::read_dir(file.parent().expect("a folder")).expect("entries").count(), 1);
    }
}
