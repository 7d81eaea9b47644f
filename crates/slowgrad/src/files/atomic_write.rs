//! Files that are written whole or not at all: the new contents are written beside the old file and take its place when
//! they are complete, so that no reader ever sees half of them.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// A file whose contents are not visible under its name before [`AtomicFile::finish`]. Dropped earlier, it leaves nothing.
pub(crate) struct AtomicFile {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl AtomicFile {
    /// Begins a file beside the one that it will replace.
    ///
    /// # Errors
    ///
    /// When its folder cannot be written.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut builder = tempfile::Builder::new();
        builder.prefix(".slowgrad-").suffix(".tmp");
        // A temporary file is readable by its owner only. This one gets the permissions of any new file.
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = builder.tempfile_in(folder)?;
        Ok(Self { path: path.to_owned(), file: BufWriter::new(file) })
    }

    /// Gives the file these permissions instead of those of a new file.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn set_permissions(&self, permissions: fs::Permissions) -> io::Result<()> {
        self.file.get_ref().as_file().set_permissions(permissions)
    }

    /// Puts the file in its place, replacing one of the same name.
    ///
    /// # Errors
    ///
    /// When the contents cannot be stored or the file cannot be replaced; the old file stays then.
    pub(crate) fn finish(self) -> io::Result<()> {
        let (path, file) = self.stored()?;
        file.persist(path).map(drop).map_err(|error| error.error)
    }

    /// Puts the file in its place unless there is a file of that name.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::AlreadyExists`] when there is one; else as [`AtomicFile::finish`].
    pub(crate) fn finish_new(self) -> io::Result<()> {
        let (path, file) = self.stored()?;
        file.persist_noclobber(path).map(drop).map_err(|error| error.error)
    }

    fn stored(self) -> io::Result<(PathBuf, NamedTempFile)> {
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

/// Writes a file whole or not at all, with the permissions of any new file.
///
/// # Errors
///
/// As [`AtomicFile::create`] and [`AtomicFile::finish`].
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.finish()
}
