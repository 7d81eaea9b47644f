//! Session files on disk: reading them and finding their lessons.

use super::library::read_file;
use slowgrad_session::{FormatError, SessionFile};
use std::path::{Path, PathBuf};

/// Why a session cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    /// Its contents are not a session.
    #[error("{0} {1}")]
    Format(PathBuf, #[source] FormatError),
    /// Its lesson is neither where it was nor beside the session.
    #[error("cannot find the lesson of this session, {0}")]
    NoLesson(String),
}

/// Whether a path is that of a session and not of a lesson.
pub(crate) fn is_session(path: &Path) -> bool {
    path.to_str().is_some_and(slowgrad_app::platform::is_session)
}

/// Reads a session file.
///
/// # Errors
///
/// When it cannot be read or is no session.
pub(crate) fn read_session(path: &Path) -> Result<SessionFile, ReadError> {
    let bytes = read_file(path).map_err(|error| ReadError::Read(path.to_owned(), error))?;
    SessionFile::parse(&bytes).map_err(|error| ReadError::Format(path.to_owned(), error))
}

/// The path of a session's lesson: where it was, or beside the session's own file.
///
/// # Errors
///
/// When there is no file in either place.
pub(crate) fn lesson_path(session: &SessionFile, file: &Path) -> Result<PathBuf, ReadError> {
    let named = PathBuf::from(&session.lesson);
    if !named.is_absolute() || named.is_file() {
        return Ok(named);
    }
    let beside = file.parent().zip(named.file_name()).map(|(folder, name)| folder.join(name));
    beside.filter(|beside| beside.is_file()).ok_or_else(|| ReadError::NoLesson(session.lesson.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lesson_is_found_where_it_was_or_beside_the_session() {
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
        let gone = named("/nowhere/a.rhai");
        assert!(
            lesson_path(&gone, &file)
                .expect_err("it is gone")
                .to_string()
                .contains("cannot find the lesson of this session, /nowhere/a.rhai")
        );
        std::fs::write(folder.path().join("a.rhai"), "fn lesson() {}").expect("a file");
        assert_eq!(lesson_path(&gone, &file).expect("beside"), folder.path().join("a.rhai"));
    }
}
