//! Writes scripts to disk: whole or not at all, and never over something that nobody here has seen.
//!
//! It must not know what the files mean.

use crate::window::store::write_whole;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

/// Where a script of the library is written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) folder: PathBuf,
    /// The name of the root that the folder is.
    pub(crate) root: String,
    /// Whether this is not where the script came from, because that is in the program.
    pub(crate) is_copy: bool,
}

/// Where a script of this root is written to: into its folder, or, when it is built in, into the last of the
/// folders, which takes precedence over it.
pub(crate) fn place(root: &str, folders: &[PathBuf]) -> Option<Place> {
    let name = |folder: &PathBuf| folder.display().to_string();
    let own = folders.iter().find(|folder| name(folder) == root);
    let folder = own.or(folders.last())?;
    Some(Place { folder: folder.clone(), root: name(folder), is_copy: own.is_none() })
}

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
pub(crate) fn save(place: &Place, path: &str, bytes: &[u8], expected: Option<&[u8]>) -> Result<PathBuf, SaveError> {
    let file = place.folder.join(path);
    let broken = |error| SaveError::Write(file.clone(), error);
    let folder = file.parent().unwrap_or(&place.folder);
    fs::create_dir_all(folder).map_err(broken)?;
    let top = fs::canonicalize(&place.folder).map_err(broken)?;
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
    write_whole(&real, bytes, permissions).map_err(broken)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn folder() -> (tempfile::TempDir, Place) {
        let folder = tempfile::tempdir().expect("a folder");
        let place = place("built in", &[folder.path().to_path_buf()]).expect("a place");
        (folder, place)
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("a folder").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn a_script_goes_where_it_came_from_and_a_built_in_one_into_the_strongest_folder() {
        let folders = [PathBuf::from("/shared"), PathBuf::from("/own")];
        let found = |root| place(root, &folders).map(|place| (place.root, place.is_copy));
        assert_eq!(found("/shared"), Some(("/shared".into(), false)));
        assert_eq!(found("slowgrad"), Some(("/own".into(), true)));
        assert_eq!(place("slowgrad", &[]), None);
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
