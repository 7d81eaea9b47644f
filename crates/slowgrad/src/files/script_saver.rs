//! Writes scripts to disk: whole or not at all, and never over something that nobody here has seen.
//!
//! It must not know what the files mean.

use super::atomic_write::AtomicFile;
use std::fs;
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SaveError {
    /// There is something else in the file than was thought.
    #[error("another program has changed the file")]
    Changed(Arc<[u8]>),
    /// The file is gone.
    #[error("the file no longer exists")]
    Gone,
    /// A link leads out of the folder.
    #[error("{0} is outside the lesson's folder")]
    Outside(PathBuf),
    /// The file may not be written.
    #[error("{0} is read-only")]
    Protected(PathBuf),
    /// The disk says no.
    #[error("cannot write {0}: {1}")]
    Write(PathBuf, #[source] io::Error),
}

/// Writes a script, if the file still holds what is expected: these bytes, or nothing when it should not be
/// there. Answers the path on disk.
pub(crate) fn save(root: &Path, path: &str, bytes: &[u8], expected: Option<&[u8]>) -> Result<PathBuf, SaveError> {
    let file = root.join(path);
    let broken = |error| SaveError::Write(file.clone(), error);
    let folder = file.parent().unwrap_or(root);
    fs::create_dir_all(folder).map_err(broken)?;
    let top = fs::canonicalize(root).map_err(broken)?;
    // A link to another file of the folder stays a link.
    let real = match fs::canonicalize(&file) {
        Ok(real) => real,
        Err(_) => fs::canonicalize(folder).map_err(broken)?.join(file.file_name().unwrap_or_default()),
    };
    if !real.starts_with(&top) {
        return Err(SaveError::Outside(file));
    }
    let permissions = match (fs::read(&real), expected) {
        (Ok(found), expected) if expected != Some(&found[..]) => return Err(SaveError::Changed(found.into())),
        (Ok(_), _) => Some(fs::metadata(&real).map_err(broken)?.permissions()),
        (Err(error), None) if error.kind() == ErrorKind::NotFound => None,
        (Err(error), Some(_)) if error.kind() == ErrorKind::NotFound => return Err(SaveError::Gone),
        (Err(error), _) => return Err(broken(error)),
    };
    if permissions.as_ref().is_some_and(fs::Permissions::readonly) {
        return Err(SaveError::Protected(file));
    }
    replace(&real, bytes, permissions).map_err(broken)?;
    Ok(file)
}

/// Replaces a file, which keeps its permissions.
fn replace(file: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let mut new = AtomicFile::create(file)?;
    if let Some(permissions) = permissions {
        new.set_permissions(permissions)?;
    }
    new.write_all(bytes)?;
    new.finish()
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
    fn a_file_is_written_whole_and_leaves_nothing_beside_it() {
        let (folder, place) = folder();
        save(&place, "losses/é.rhai", b"one", None).expect("it is saved");
        save(&place, "losses/é.rhai", b"two", Some(b"one")).expect("it is saved");
        assert_eq!(fs::read(folder.path().join("losses/é.rhai")).expect("a file"), b"two");
        assert_eq!(names(&folder.path().join("losses")), ["é.rhai"]);
    }

    #[test]
    fn what_nobody_has_seen_is_not_written_over() {
        let (folder, place) = folder();
        fs::write(folder.path().join("a.rhai"), "theirs").expect("a file");
        for expected in [None, Some(&b"mine"[..])] {
            let error = save(&place, "a.rhai", b"new", expected).expect_err("it was changed");
            assert!(matches!(error, SaveError::Changed(found) if &found[..] == b"theirs"));
        }
        assert!(matches!(save(&place, "b.rhai", b"new", Some(b"old")), Err(SaveError::Gone)));
        assert_eq!(fs::read(folder.path().join("a.rhai")).expect("a file"), b"theirs");
        assert_eq!(names(folder.path()), ["a.rhai"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_and_links_stay_and_nothing_is_written_outside() {
        use std::os::unix::fs::{PermissionsExt, symlink};
        let (folder, place) = folder();
        let at = |path: &str| folder.path().join(path);
        fs::write(at("a.rhai"), "one").expect("a file");
        fs::set_permissions(at("a.rhai"), fs::Permissions::from_mode(0o640)).expect("they are set");
        symlink("a.rhai", at("link.rhai")).expect("a link");
        save(&place, "link.rhai", b"two", Some(b"one")).expect("it is saved");
        assert!(fs::symlink_metadata(at("link.rhai")).expect("it is there").is_symlink());
        assert_eq!(fs::read(at("a.rhai")).expect("a file"), b"two");
        assert_eq!(fs::metadata(at("a.rhai")).expect("a file").permissions().mode() & 0o777, 0o640);

        fs::set_permissions(at("a.rhai"), fs::Permissions::from_mode(0o440)).expect("they are set");
        assert!(matches!(save(&place, "a.rhai", b"x", Some(b"two")), Err(SaveError::Protected(_))));

        let outside = tempfile::tempdir().expect("a folder");
        symlink(outside.path(), at("losses")).expect("a link");
        assert!(matches!(save(&place, "losses/a.rhai", b"x", None), Err(SaveError::Outside(_))));
        assert!(names(outside.path()).is_empty());
    }
}
