//! Reads session files and finds their lessons: in their folders, by their names, or in the session file itself.
//!
//! In a session file the path of a lesson is relative to the session file; in memory it is absolute. It must not know how
//! a session is restored.

use super::library::{self, LessonFiles, LoadError, SessionLesson, is_pack, read_file_up_to};
use super::path_text::{from_text, to_text};
use slowgrad_script::{Files, Root};
use slowgrad_session::{Digest, FormatError, MAX_SESSION_BYTES, SESSION_ROOT, SessionFile};
use std::fs;
use std::path::{Component, Path, PathBuf};

/// The reason why a session cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SessionReadError {
    /// The file cannot be read.
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    /// The contents are not a valid session.
    #[error("{0} {1}")]
    Format(PathBuf, #[source] FormatError),
    /// The lesson is neither on disk nor in the session file.
    #[error("cannot find the lesson of this session, {0}, and the session file holds no copy of it")]
    NoLesson(String),
    /// The lesson's file cannot be read.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Whether a path names a session file rather than a lesson.
pub(crate) fn is_session(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"))
}

/// Reads a session file.
///
/// # Errors
///
/// When the file cannot be read or is not a valid session.
pub(crate) fn read_session(path: &Path) -> Result<SessionFile, SessionReadError> {
    let failed = |error| SessionReadError::Read(path.to_owned(), error);
    let bytes = read_file_up_to(path, MAX_SESSION_BYTES as u64).map_err(failed)?;
    let mut session = SessionFile::parse(&bytes).map_err(|error| SessionReadError::Format(path.to_owned(), error))?;
    let relative = if session.version() < 3 {
        // Older versions have the names of built-in lessons and absolute paths. A path may have been shortened by hand.
        Path::new(&session.lesson).extension().is_some()
    } else {
        session.lesson.starts_with("./") || session.lesson.starts_with("../")
    };
    if relative {
        let folder = folder_of(path).map_err(failed)?;
        session.lesson = to_text(&normalized(&folder.join(from_text(&session.lesson))));
    }
    Ok(session)
}

/// The absolute folder of a file.
fn folder_of(file: &Path) -> std::io::Result<PathBuf> {
    fs::canonicalize(file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
}

/// An absolute path without `.` and `..`.
fn normalized(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => drop(normal.pop()),
            other => normal.push(other),
        }
    }
    normal
}

/// The session as it is written to a file: the path of its lesson is relative to that file if they have a folder in
/// common.
#[cfg(feature = "window")]
pub(crate) fn for_file(mut session: SessionFile, file: &Path) -> SessionFile {
    let lesson = from_text(&session.lesson);
    if lesson.is_absolute()
        && let Ok(folder) = folder_of(file)
        && let Some(relative) = relative_path(&folder, &lesson)
    {
        session.lesson = relative;
    }
    session
}

/// The path from a folder to a file, with a leading `./` or `../`; `None` if they have only the file system's root in
/// common.
#[cfg(feature = "window")]
fn relative_path(folder: &Path, file: &Path) -> Option<String> {
    let (from, to): (Vec<_>, Vec<_>) = (folder.components().collect(), file.components().collect());
    let common = from.iter().zip(&to).take_while(|(one, other)| one == other).count();
    from[..common].iter().any(|part| matches!(part, Component::Normal(_))).then(|| {
        let up = "../".repeat(from.len() - common);
        let rest: PathBuf = to[common..].iter().collect();
        format!("{}{}", if up.is_empty() { "./" } else { &up }, to_text(&rest).replace(std::path::MAIN_SEPARATOR, "/"))
    })
}

/// The lesson of a session with its library.
#[derive(Debug)]
pub(crate) struct LoadedSession {
    pub(crate) files: LessonFiles,
    /// What differs from the time of the save, for the user.
    pub(crate) notices: Vec<String>,
}

/// The versions of scripts to use if the lesson's folder has others than the session file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Versions {
    /// Those of the folder, as the window does.
    #[cfg(feature = "window")]
    Folder,
    /// Those of the session file, so that results are the same everywhere.
    Session,
}

/// Loads the lesson of a session that was read from `file`, `None` for an autosaved one.
///
/// # Errors
///
/// When the lesson is neither on disk nor in the session file.
pub(crate) fn load_lesson(
    session: &SessionFile,
    file: Option<&Path>,
    versions: Versions,
) -> Result<LoadedSession, SessionReadError> {
    let mut notices = Vec::new();
    let path = from_text(&session.lesson);
    // The path of a lesson in a pack continues after the pack's file.
    let path = path.ancestors().find(|path| is_pack(path)).unwrap_or(&path).to_path_buf();
    // A sibling of the session file replaces a lesson that was moved together with it.
    let sibling = || Some(file?.parent()?.join(path.file_name()?)).filter(|sibling| sibling.is_file());
    let on_disk = Some(path.clone()).filter(|path| path.is_file()).or_else(sibling).filter(|_| path.is_absolute());
    let session_folder = file.and_then(|file| folder_of(file).ok());
    let lesson_folder = path.parent().filter(|folder| folder.is_dir() || session_folder.is_none());
    let place = match &on_disk {
        Some(pack) if is_pack(pack) => SessionLesson::Pack(pack),
        Some(file) => SessionLesson::File(file),
        None if path.is_absolute() => {
            notices.push(format!("{} does not exist; the copy in the session file is used", path.display()));
            SessionLesson::Held { folder: lesson_folder.or(session_folder.as_deref()) }
        }
        None => SessionLesson::Named(&session.lesson),
    };
    let held_first = versions == Versions::Session;
    let own = if held_first { session.all_files() } else { session.own_files() };
    let mut held: Files = own.into_iter().collect();
    let digests = session.data_digests();
    for (path, digest, _) in digests.iter().filter(|(_, _, whole)| !whole) {
        let Digest { bytes, fnv1a } = digest;
        let reason = format!(
            "it has {bytes} bytes, so the session file holds only its digest ({fnv1a}); put the file into the folder of \
             the session file"
        );
        held.leave_out(*path, reason);
    }
    let held = Root { name: SESSION_ROOT.into(), files: held };
    let mut loaded = library::load_session_lesson(place, session.lesson_path(), held.clone(), held_first);
    if loaded.is_err() && matches!(place, SessionLesson::Named(_)) {
        // This version of the program has no such lesson.
        let all = Root { name: SESSION_ROOT.into(), files: session.all_files().into_iter().collect() };
        let place = SessionLesson::Held { folder: session_folder.as_deref() };
        loaded = library::load_session_lesson(place, session.lesson_path(), all, held_first);
    }
    let files = loaded?;
    if files.lesson.is_empty() {
        return Err(SessionReadError::NoLesson(path.display().to_string()));
    }
    for (path, digest, whole) in digests {
        let mut roots = files.library.roots.iter().rev();
        let found = roots.find_map(|root| Some((root, root.files.get(path)?)));
        match found {
            Some((root, bytes)) if root.name != SESSION_ROOT && Digest::of(bytes) != digest => {
                notices.push(format!("{path} has changed since the session was saved"));
            }
            None if !whole => notices.push(format!("the session file holds only the digest of {path}")),
            _ => {}
        }
    }
    Ok(LoadedSession { files, notices })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A session of an older version of the format.
    fn session(lesson: &str, scripts: &str) -> String {
        format!(
            r#"{{"slowgrad":"session","version":2,"lesson":{lesson:?},"title":"T","position":0.0,"loss":null,
            "granularity":"layer","speed":1.0,"cue":0,"panels":{{"tab":"script"}},
            "run":{{"changes":[],"step":1,"trained":0,"moved":[]{scripts}}}}}"#
        )
    }

    fn opened(file: &Path) -> Result<LoadedSession, SessionReadError> {
        load_lesson(&read_session(file)?, Some(file), Versions::Session)
    }

    #[test]
    fn lesson_is_found_at_its_path_or_next_to_the_session_or_in_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mine.session.json");
        let save = |text: String| fs::write(&file, text).expect("a file");
        save(session("welcome", ""));
        assert_eq!(opened(&file).expect("built in").files.lesson, "lessons/welcome.rhai");

        save(session("/nowhere/a.rhai", ""));
        let error = opened(&file).expect_err("an error").to_string();
        assert!(error.contains("cannot find the lesson of this session, /nowhere/a.rhai"), "{error}");

        let texts = r#","began_with":[0,1],"scripts":[{"path":"a.rhai","text":["fn lesson() {}"]},
            {"path":"losses/mse.rhai","text":["old"]}]"#;
        save(session("/nowhere/a.rhai", texts));
        let held = opened(&file).expect("the texts");
        assert_eq!(held.files.lesson, "a.rhai");
        assert!(held.notices[0].contains("/nowhere/a.rhai does not exist"), "{:?}", held.notices);

        fs::write(folder.path().join("a.rhai"), "fn lesson() { 1 }").expect("a file");
        let sibling = opened(&file).expect("a sibling");
        let text = |loaded: &LoadedSession, path: &str| {
            let bytes = loaded.files.library.roots.iter().rev().find_map(|root| root.files.get(path).cloned());
            String::from_utf8(bytes.expect("a file").to_vec()).expect("text")
        };
        assert_eq!((sibling.files.lesson.as_str(), sibling.notices.len()), ("a.rhai", 0));
        assert_eq!(text(&sibling, "a.rhai"), "fn lesson() {}", "commands use the texts of the session");
        assert_eq!(text(&sibling, "losses/mse.rhai"), "old");
        #[cfg(feature = "window")]
        {
            let session = read_session(&file).expect("a session");
            let window = load_lesson(&session, Some(&file), Versions::Folder).expect("a sibling");
            assert_eq!(text(&window, "a.rhai"), "fn lesson() { 1 }", "the window uses the files of the folder");
            assert!(text(&window, "losses/mse.rhai").contains("fn loss"), "and the built-in scripts");
        }
    }

    #[cfg(feature = "window")]
    #[test]
    fn paths_are_relative_to_the_session_file() {
        for (folder, file, relative) in [
            ("/home/a/x", "/home/a/x/m.rhai", Some("./m.rhai")),
            ("/home/a/x", "/home/a/x/sub/m.rhai", Some("./sub/m.rhai")),
            ("/home/a/x/y", "/home/a/z/m.rhai", Some("../../z/m.rhai")),
            ("/tmp/x", "/home/a/m.rhai", None),
        ] {
            let found = relative_path(Path::new(folder), Path::new(file));
            assert_eq!(found.as_deref(), relative);
            if let Some(found) = found {
                assert_eq!(normalized(&Path::new(folder).join(found)), Path::new(file));
            }
        }
    }
}
