//! Temporary files: new contents are written beside a file, which they then replace in one step, so that no reader sees
//! incomplete contents.
//!
//! A temporary file never outlives its purpose for long. It is deleted when it is dropped and when a signal ends the
//! process. After a crash, the next process that writes in the same folder deletes it: a process keeps its temporary
//! files locked, and the system releases a lock however the process ends. This module must not know what is written.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tempfile::NamedTempFile;

const PREFIX: &str = ".slowgrad-";
const SUFFIX: &str = ".tmp";
/// The maximum number of attempts to create a file that no other process deletes at the same time.
const MAX_ATTEMPTS: u32 = 16;

/// The temporary files of this process.
static OPEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn open_files() -> MutexGuard<'static, Vec<PathBuf>> {
    // The list is valid after a panic in another thread.
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Deletes all temporary files of this process, which must then end: it cannot create or rename any more of them.
pub(crate) fn delete_all() {
    let open = open_files();
    for path in open.iter() {
        let _ = fs::remove_file(path);
    }
    std::mem::forget(open);
}

/// A file that gets its name only in [`TemporaryFile::replace`] or [`TemporaryFile::rename_to_new`].
pub(super) struct TemporaryFile {
    file: Option<BufWriter<NamedTempFile>>,
    path: PathBuf,
}

impl TemporaryFile {
    /// Creates a file with the permissions of a new file, and deletes the temporary files that ended processes have left
    /// in this folder.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        delete_abandoned(folder);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).suffix(SUFFIX);
        // By default only the owner can read a temporary file. The umask applies to these permissions as to any new file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        for _ in 0..MAX_ATTEMPTS {
            let mut open = open_files();
            let file = builder.tempfile_in(folder)?;
            let is_safe = match file.as_file().try_lock() {
                // Another process may have deleted the file before it was locked.
                Ok(()) => file.path().exists(),
                Err(TryLockError::WouldBlock) => false,
                // Without locks, no other process deletes the file.
                Err(TryLockError::Error(_)) => true,
            };
            if is_safe {
                let path = file.path().to_owned();
                open.push(path.clone());
                return Ok(Self { file: Some(BufWriter::new(file)), path });
            }
        }
        Err(io::Error::other("another process keeps deleting the temporary files in this folder"))
    }

    /// Sets owner, group and permissions to those of another file, as far as the system allows it.
    pub(super) fn set_access(&self, of: &fs::Metadata) -> io::Result<()> {
        let Some(file) = self.file.as_ref().map(|file| file.get_ref().as_file()) else { return Ok(()) };
        #[cfg(unix)]
        {
            use std::os::unix::fs::{MetadataExt, fchown};
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != (of.uid(), of.gid()) {
                // Only the administrator may give a file away, but members of a group may share it.
                let _ = fchown(file, Some(of.uid()), Some(of.gid())).or_else(|_| fchown(file, None, Some(of.gid())));
            }
        }
        file.set_permissions(of.permissions())
    }

    /// Renames the file to `path`, replacing a file there.
    ///
    /// # Errors
    ///
    /// When the contents cannot be written or the old file cannot be replaced. The old file then stays.
    pub(super) fn replace(self, path: &Path) -> io::Result<()> {
        self.finish(|file| file.persist(path).map(drop).map_err(|error| error.error))
    }

    /// Renames the file to `path` if no file exists there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] when a file exists; otherwise as [`TemporaryFile::replace`].
    pub(super) fn rename_to_new(self, path: &Path) -> io::Result<()> {
        self.finish(|file| file.persist_noclobber(path).map(drop).map_err(|error| error.error))
    }

    /// Flushes the contents to disk and renames the file.
    fn finish(mut self, rename: impl FnOnce(NamedTempFile) -> io::Result<()>) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        // Keeps `delete_all` from deleting the renamed file.
        let _open = open_files();
        rename(file)
    }
}

impl Write for TemporaryFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.as_mut().map_or(Ok(0), |file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.as_mut().map_or(Ok(()), Write::flush)
    }
}

impl Drop for TemporaryFile {
    /// Deletes the file if it has not been renamed.
    fn drop(&mut self) {
        let mut open = open_files();
        drop(self.file.take().map(BufWriter::into_parts));
        open.retain(|path| *path != self.path);
    }
}

/// Deletes the temporary files of ended processes in a folder.
fn delete_abandoned(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let is_temporary = name.to_str().is_some_and(|name| name.starts_with(PREFIX) && name.ends_with(SUFFIX));
        if !is_temporary || !entry.file_type().is_ok_and(|kind| kind.is_file()) {
            continue;
        }
        let file = OpenOptions::new().read(true).write(true).open(entry.path());
        if file.is_ok_and(|file| file.try_lock().is_ok()) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_ended_processes_are_deleted() {
        let folder = tempfile::tempdir().expect("a folder");
        let abandoned = folder.path().join(".slowgrad-1a2b3c.tmp");
        fs::write(&abandoned, "half").expect("a file");
        for other in [".slowgrad-x.txt", "x.tmp"] {
            fs::write(folder.path().join(other), "mine").expect("a file");
        }
        let first = TemporaryFile::create(folder.path()).expect("a temporary file");
        assert!(!abandoned.exists());
        let second = TemporaryFile::create(folder.path()).expect("a temporary file");
        assert!(first.path.exists() && second.path.exists());
        let (path, target) = (first.path.clone(), folder.path().join("target"));
        first.replace(&target).expect("rename the file");
        drop(second);
        let entries = fs::read_dir(folder.path()).expect("a folder").flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        assert_eq!(names, [".slowgrad-x.txt", "target", "x.tmp"]);
        assert!(!open_files().contains(&path));
    }
}
