//! Where scripts come from: the library in the binary, and the lesson's own folder on disk.
//!
//! This is the only place that reads lesson files. What it reads is bounded, and a link that leads out of
//! the lesson's folder is not followed.

use include_dir::{Dir, include_dir};
use slowgrad_script::{Files, Library, Root};
use std::fs;
use std::path::{Path, PathBuf};

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../scripts");

/// The lesson that opens when none is named.
pub(crate) const WELCOME: &str = "welcome";

/// Files of a lesson's folder that lessons can use.
const ENDINGS: [&str; 4] = ["rhai", "csv", "json", "safetensors"];
/// Folders below a lesson's folder are read this deep.
const DEPTH: usize = 3;
/// At most so many entries of a folder are looked at.
const MOST_ENTRIES: usize = 4_000;
/// Larger files are left out.
const MOST_BYTES: u64 = 32 << 20;
/// All files together may take so much.
const MOST_BYTES_IN_ALL: u64 = 128 << 20;

/// Why a lesson cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// Neither a file nor a lesson of the library.
    #[error("there is no lesson «{name}»{suggestion}")]
    NoLesson {
        /// What was asked for.
        name: String,
        /// A way out, starting with a semicolon.
        suggestion: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// Why.
        cause: std::io::Error,
    },
}

/// A lesson's files, and where they are on disk.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    /// All roots, the lesson's own folder last.
    pub(crate) library: Library,
    /// The lesson's path within the library.
    pub(crate) lesson: String,
    /// The folders on disk that the roots after the shipped one were read from, in the same order.
    pub(crate) folders: Vec<PathBuf>,
}

/// The library that every installation has.
pub(crate) fn shipped() -> Root {
    let mut files = Files::new();
    collect(&SHIPPED, &mut files);
    Root { name: "slowgrad".into(), files }
}

fn collect(dir: &Dir<'_>, files: &mut Files) {
    for file in dir.files() {
        files.insert(file.path().to_string_lossy().replace('\\', "/"), file.contents());
    }
    for dir in dir.dirs() {
        collect(dir, files);
    }
}

/// The names of the shipped lessons.
pub(crate) fn lessons() -> Vec<String> {
    let root = shipped();
    let name = |path: &str| path.strip_prefix("lessons/")?.strip_suffix(".rhai").map(str::to_owned);
    root.files.paths().filter_map(name).collect()
}

/// Opens a lesson by its path on disk or, when there is no such file, by its name in the library.
pub(crate) fn load(lesson: Option<&Path>) -> Result<Loaded, LoadError> {
    let asked = lesson.unwrap_or(Path::new(WELCOME));
    if asked.is_file() {
        return load_file(asked);
    }
    let name = asked.to_string_lossy().into_owned();
    let known = lessons();
    let short = name.strip_suffix(".rhai").unwrap_or(&name);
    if known.iter().any(|lesson| lesson == short) {
        let library = Library { roots: vec![shipped()] };
        return Ok(Loaded { library, lesson: format!("lessons/{short}.rhai"), folders: Vec::new() });
    }
    let nearest = known.iter().max_by(|a, b| strsim::jaro_winkler(a, short).total_cmp(&strsim::jaro_winkler(b, short)));
    let suggestion = match nearest.filter(|lesson| strsim::jaro_winkler(lesson, short) > 0.8) {
        Some(lesson) => format!("; did you mean «{lesson}»?"),
        None => format!("; the lessons are {}, or give the path of a file", known.join(", ")),
    };
    Err(LoadError::NoLesson { name, suggestion })
}

fn load_file(path: &Path) -> Result<Loaded, LoadError> {
    let broken = |cause| LoadError::Read { path: path.display().to_string(), cause };
    let path = fs::canonicalize(path).map_err(broken)?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().map_or_else(PathBuf::new, Path::to_path_buf);
    let mut roots = vec![shipped()];
    let mut folders = Vec::new();
    // A lesson in `…/lessons/` has its plugins beside that folder.
    if let Some(parent) = folder.parent().filter(|_| folder.ends_with("lessons")) {
        roots.push(read_folder(parent));
        folders.push(parent.to_path_buf());
    }
    let mut own = read_folder(&folder);
    // The lesson itself counts whatever its ending and however full its folder is.
    let bytes = read_file(&path).map_err(broken)?;
    if !own.files.insert(file.as_str(), bytes) {
        let message = "a lesson's file name cannot hold «:», «\\» or control characters";
        return Err(broken(std::io::Error::new(std::io::ErrorKind::InvalidFilename, message)));
    }
    roots.push(own);
    folders.push(folder);
    Ok(Loaded { library: Library { roots }, lesson: file, folders })
}

/// Reads a file of bounded size.
pub(crate) fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let size = fs::metadata(path)?.len();
    if size > MOST_BYTES {
        let message = format!("the file has {size} bytes, and {MOST_BYTES} is the limit");
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message));
    }
    fs::read(path)
}

/// The path of a file within a root that was read from a folder, if lessons can use it.
pub(crate) fn path_in(folder: &Path, file: &Path) -> Option<String> {
    let ending = file.extension()?.to_str()?;
    let below = file.strip_prefix(folder).ok()?.to_str()?.replace('\\', "/");
    ENDINGS.contains(&ending).then_some(below)
}

/// All files of a folder that lessons can use.
pub(crate) fn read_folder(folder: &Path) -> Root {
    let mut walk = Walk { top: folder.to_path_buf(), files: Files::new(), entries: 0, bytes: 0 };
    walk.folder(folder, DEPTH);
    Root { name: folder.display().to_string(), files: walk.files }
}

struct Walk {
    top: PathBuf,
    files: Files,
    entries: usize,
    bytes: u64,
}

impl Walk {
    /// What cannot be read is left out: a script that needs it says so with its line.
    fn folder(&mut self, folder: &Path, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut paths: Vec<PathBuf> = entries.flatten().take(MOST_ENTRIES).map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            self.entries += 1;
            if self.entries > MOST_ENTRIES {
                return;
            }
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            // A link may point within the folder, nowhere else.
            let inside = fs::canonicalize(&path).is_ok_and(|real| real.starts_with(&self.top));
            if hidden || !inside {
                continue;
            }
            if path.is_dir() {
                if depth > 1 {
                    self.folder(&path, depth - 1);
                }
            } else if let Some(name) = path_in(&self.top, &path).filter(|_| path.is_file()) {
                // Reading a pipe would wait for ever.
                let size = fs::metadata(&path).map_or(u64::MAX, |metadata| metadata.len());
                if size <= MOST_BYTES
                    && self.bytes + size <= MOST_BYTES_IN_ALL
                    && let Ok(bytes) = read_file(&path)
                {
                    self.bytes += size;
                    self.files.insert(name, bytes);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_leads_out_is_not_followed() {
        let outside = tempfile::tempdir().expect("a folder");
        fs::write(outside.path().join("secret.rhai"), "secret").expect("a file");
        let lessons = tempfile::tempdir().expect("a folder");
        fs::write(lessons.path().join("mine.rhai"), "mine").expect("a file");
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(outside.path(), lessons.path().join("out")).expect("a link");
            std::os::unix::fs::symlink(outside.path().join("secret.rhai"), lessons.path().join("s.rhai"))
                .expect("a link");
        }
        let root = read_folder(&fs::canonicalize(lessons.path()).expect("the folder"));
        assert_eq!(root.files.paths().collect::<Vec<_>>(), ["mine.rhai"]);
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_is_not_waited_for_and_an_odd_name_is_refused() {
        let lessons = tempfile::tempdir().expect("a folder");
        let made = std::process::Command::new("mkfifo").arg(lessons.path().join("pipe.rhai")).status();
        assert!(made.is_ok_and(|made| made.success()));
        fs::write(lessons.path().join("mine.rhai"), "mine").expect("a file");
        let root = read_folder(&fs::canonicalize(lessons.path()).expect("the folder"));
        assert_eq!(root.files.paths().collect::<Vec<_>>(), ["mine.rhai"]);
        fs::write(lessons.path().join("a:b.rhai"), "odd").expect("a file");
        let error = load(Some(&lessons.path().join("a:b.rhai"))).expect_err("the name is odd");
        assert!(error.to_string().contains("cannot hold"), "{error}");
    }

    #[test]
    fn an_unknown_lesson_gets_a_suggestion() {
        let error = load(Some(Path::new("welcom"))).expect_err("there is none");
        assert!(error.to_string().contains("did you mean «welcome»"), "{error}");
    }
}
