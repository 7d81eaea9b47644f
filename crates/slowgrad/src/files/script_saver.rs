//! Saves scripts into folders and packs, and never overwrites changes by other programs.
//!
//! It must not know the meaning of the files.

use super::library::{is_pack, read_file_up_to};
use super::output::{self, OutputError};
use super::path_text::from_text;
use slowgrad_session::{MAX_PACK_BYTES, Pack, PackError, replace_in_pack};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The reason why a script was not saved.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// The file does not have the expected contents. These are its contents.
    #[error("another program has changed the file")]
    Changed(Arc<[u8]>),
    /// The file was deleted or renamed.
    #[error("the file no longer exists")]
    Gone,
    /// A link points outside the folder.
    #[error("{0} is outside the lesson's folder")]
    Outside(PathBuf),
    /// The file is read-only.
    #[error("{0} is read-only")]
    Protected(PathBuf),
    /// The name is that of a folder, a pipe or a device.
    #[error("{0} is not a file")]
    NoFile(PathBuf),
    /// The system reports an error.
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, #[source] io::Error),
    /// The file cannot be replaced.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The pack cannot be read any more.
    #[error("{0} {1}")]
    Pack(PathBuf, #[source] PackError),
}

/// Saves a script of a folder or pack if the file has the expected contents, or does not exist if `expected` is `None`.
/// Returns its path on disk, or that of the pack.
///
/// # Errors
///
/// When the contents differ or the file cannot be written. The file then stays unchanged.
pub(crate) fn save(root: &Path, path: &str, bytes: &[u8], expected: Option<&[u8]>) -> Result<PathBuf, SaveError> {
    if is_pack(root) && root.is_file() {
        return save_into_pack(root, path, bytes, expected);
    }
    let file = root.join(from_text(path));
    let failed = |error| SaveError::Write(file.clone(), error);
    let folder = file.parent().unwrap_or(root);
    fs::create_dir_all(folder).map_err(failed)?;
    let top = fs::canonicalize(root).map_err(failed)?;
    // Saving through a link within the folder writes the target and keeps the link.
    let real = match fs::canonicalize(&file) {
        Ok(real) => real,
        Err(_) => fs::canonicalize(folder).map_err(failed)?.join(file.file_name().unwrap_or_default()),
    };
    if !real.starts_with(&top) {
        return Err(SaveError::Outside(file));
    }
    match (fs::metadata(&real), expected) {
        // Reading a pipe could block forever.
        (Ok(found), _) if !found.is_file() => return Err(SaveError::NoFile(file)),
        (Ok(found), expected) => {
            let present = fs::read(&real).map_err(failed)?;
            if expected != Some(&present[..]) {
                return Err(SaveError::Changed(present.into()));
            }
            if found.permissions().readonly() {
                return Err(SaveError::Protected(file));
            }
        }
        (Err(error), None) if error.kind() == ErrorKind::NotFound => {}
        (Err(error), Some(_)) if error.kind() == ErrorKind::NotFound => return Err(SaveError::Gone),
        (Err(error), _) => return Err(failed(error)),
    }
    output::write(&real, bytes)?;
    Ok(file)
}

fn save_into_pack(file: &Path, path: &str, bytes: &[u8], expected: Option<&[u8]>) -> Result<PathBuf, SaveError> {
    let packed = read_file_up_to(file, MAX_PACK_BYTES).map_err(|error| SaveError::Write(file.to_owned(), error))?;
    let failed = |error| SaveError::Pack(file.to_owned(), error);
    let pack = Pack::read(&packed).map_err(failed)?;
    let found = pack.files().find(|(name, _)| *name == path).map(|(_, bytes)| bytes);
    match (found, expected) {
        (Some(found), expected) if expected != Some(&found[..]) => return Err(SaveError::Changed(Arc::clone(found))),
        (None, Some(_)) => return Err(SaveError::Gone),
        _ => {}
    }
    output::write(file, &replace_in_pack(&packed, path, bytes).map_err(failed)?)?;
    Ok(file.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_path_buf();
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn save_leaves_no_temporary_file() {
        let (folder, path) = folder();
        save(&path, "losses/é.rhai", b"one", None).expect("save the script");
        save(&path, "losses/é.rhai", b"two", Some(b"one")).expect("save the script");
        assert_eq!(fs::read(folder.path().join("losses/é.rhai")).expect("a file"), b"two");
        assert_eq!(names(&folder.path().join("losses")), ["é.rhai"]);
    }

    #[test]
    fn unexpected_contents_are_not_overwritten() {
        let (folder, path) = folder();
        fs::write(folder.path().join("a.rhai"), "theirs").expect("a file");
        for expected in [None, Some(&b"mine"[..])] {
            let error = save(&path, "a.rhai", b"new", expected).expect_err("an error");
            assert!(matches!(error, SaveError::Changed(found) if &found[..] == b"theirs"));
        }
        assert!(matches!(save(&path, "b.rhai", b"new", Some(b"old")), Err(SaveError::Gone)));
        assert_eq!(fs::read(folder.path().join("a.rhai")).expect("a file"), b"theirs");
        assert_eq!(names(folder.path()), ["a.rhai"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_are_kept_and_nothing_is_written_outside() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let (folder, path) = folder();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("a.rhai"), "one").expect("a file");
        fs::set_permissions(at("a.rhai"), fs::Permissions::from_mode(0o640)).expect("set the permissions");
        symlink("a.rhai", at("link.rhai")).expect("a link");
        save(&path, "link.rhai", b"two", Some(b"one")).expect("save the script");
        assert!(fs::symlink_metadata(at("link.rhai")).expect("a link").is_symlink());
        assert_eq!(fs::read(at("a.rhai")).expect("a file"), b"two");
        assert_eq!(fs::metadata(at("a.rhai")).expect("a file").permissions().mode() & 0o777, 0o640);

        fs::set_permissions(at("a.rhai"), fs::Permissions::from_mode(0o440)).expect("set the permissions");
        assert!(matches!(save(&path, "a.rhai", b"x", Some(b"two")), Err(SaveError::Protected(_))));

        let outside = tempfile::tempdir().expect("a folder");
        symlink(outside.path(), at("losses")).expect("a link");
        assert!(matches!(save(&path, "losses/a.rhai", b"x", None), Err(SaveError::Outside(_))));
        assert!(names(outside.path()).is_empty());
    }
}
