//! Atomic writes: new contents are written to a temporary file in the same folder, which then replaces the old file, so
//! that no reader sees incomplete contents.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file that gets its name only in [`AtomicFile::finish`]. If it is dropped before, the temporary file is deleted.
pub(crate) struct AtomicFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl AtomicFile {
    /// Creates a temporary file in the folder of `path`.
    ///
    /// # Errors
    ///
    /// When the folder cannot be written.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".slowgrad-").suffix(".tmp");
        // By default only the owner can read a temporary file. The umask applies to these permissions as to any new file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Sets the permissions, instead of those of a new file.
    ///
    /// # Errors
    ///
    /// When the system does not allow it.
    #[cfg(feature = "window")]
    pub(crate) fn set_permissions(&self, permissions: std::fs::Permissions) -> io::Result<()> {
        self.file.get_ref().as_file().set_permissions(permissions)
    }

    /// Renames the file to its path, replacing the old file.
    ///
    /// # Errors
    ///
    /// When the contents cannot be written or the old file cannot be replaced. The old file then stays.
    pub(crate) fn finish(self) -> io::Result<()> {
        let (path, file) = self.into_synced()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Renames the file to its path if no file exists there.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] when a file exists; otherwise as [`AtomicFile::finish`].
    pub(crate) fn finish_new(self) -> io::Result<()> {
        let (path, file) = self.into_synced()?;
        file.persist_noclobber(path).map(drop).map_err(|error| error.error)
    }

    /// Flushes the contents to disk.
    fn into_synced(self) -> io::Result<(PathBuf, NamedTempFile)> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.as_file().sync_all()?;
        Ok((self.path, file))
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a file atomically, with the permissions of a new file.
///
/// # Errors
///
/// As [`AtomicFile::create`] and [`AtomicFile::finish`].
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}
