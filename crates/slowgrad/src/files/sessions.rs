//! Reads session files and finds their lessons.

use super::library::read_file;
use slowgrad_session::{FormatError, SessionFile};
use std::path::{Path, PathBuf};

/// The reason why a session cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionReadError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    /// The contents are not a valid session.
    #[error("{0} {1}")]
    Format(PathBuf, #[source] FormatError),
    /// The lesson is neither at its recorded path nor in the folder of the session.
    #[error("cannot find the lesson of this session, {0}")]
    NoLesson(String),
}

/// Whether a path names a session file rather than a lesson.
pub(crate) fn is_session(path: &Path) -> bool {
    path.to_str().is_some_and(slowgrad_app::platform::is_session)
}

/// Reads a session file.
///
/// # Errors
///
/// When the file cannot be read or is not a valid session.
pub(crate) fn read_session(path: &Path) -> Result<SessionFile, SessionReadError> {
    let bytes = read_file(path).map_err(|error| SessionReadError::Read(path.to_owned(), error))?;
    SessionFile::parse(&bytes).map_err(|error| SessionReadError::Format(path.to_owned(), error))
}

/// The path of a session's lesson: the recorded path, or a file of the same name in the folder of the session file.
///
/// # Errors
///
/// When neither file exists.
pub(crate) fn lesson_path(session: &SessionFile, file: &Path) -> Result<PathBuf, SessionReadError> {
    let recorded = PathBuf::from(&session.lesson);
    if !recorded.is_absolute() || recorded.is_file() {
        return Ok(recorded);
    }
    let sibling = file.parent().zip(recorded.file_name()).map(|(folder, name)| folder.join(name));
    sibling.filter(|sibling| sibling.is_file()).ok_or_else(|| SessionReadError::NoLesson(session.lesson.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lesson_is_found_at_its_path_or_next_to_the_session() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mine.session.json");
        let named = |lesson: &str| {
            let json = format!(
                r#"{{"slowgrad":"session","version":1,"lesson":{lesson:?},"title":"T","changes":[],"step":1,"position":0.0,
                "trained":0,"loss":null,"granularity":"layer","speed":1.0,"cue":0,"moved":[],"panels":{{"tab":"script"}}}}"#
            );
            SessionFile::parse(json.as_bytes()).expect("a session")
        };
        assert_eq!(lesson_path(&named("welcome"), &file).expect("built in"), Path::new("welcome"));
        let moved = named("/nowhere/a.rhai");
        assert!(
            lesson_path(&moved, &file)
                .expect_err("an error")
                .to_string()
                .contains("cannot find the lesson of this session, /nowhere/a.rhai")
        );
        std::fs::write(folder.path().join("a.rhai"), "fn lesson() {}").expect("a file");
        assert_eq!(lesson_path(&moved, &file).expect("a sibling"), folder.path().join("a.rhai"));
    }
}
