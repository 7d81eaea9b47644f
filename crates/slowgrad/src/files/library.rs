//! Where scripts come from: the library in the binary, the user's folder, and the lesson's own folder on disk.
//!
//! Each of them is a root, and a file of a later root shadows those of the same path in earlier ones. This is
//! the only place that reads scripts. What it reads is bounded, and a link that leads out of a root is not
//! followed.

use etcetera::BaseStrategy;
use slowgrad_script::{Files, Library, PluginKind, Root};
use slowgrad_session::shipped::{WELCOME, shipped, taught};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Names another folder for the user's own scripts than the platform's.
const USER_FOLDER: &str = "SLOWGRAD_SCRIPTS";

/// Files of a lesson's folder that lessons can use.
const ENDINGS: [&str; 4] = ["rhai", "csv", "json", "safetensors"];
/// Folders below a lesson's folder are read, and watched, this deep.
pub(crate) const DEPTH: usize = 3;
/// At most so many entries of a folder are looked at.
pub(crate) const MOST_ENTRIES: usize = 4_000;
/// Larger files are left out.
const MOST_BYTES: u64 = 32 << 20;
/// All files together may take so much.
const MOST_BYTES_IN_ALL: u64 = 128 << 20;

/// Why a lesson cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// Neither a file nor a lesson of the library.
    #[error("there is no lesson named «{name}»{suggestion}")]
    NoLesson {
        /// What was asked for.
        name: String,
        /// A way out, starting with a semicolon.
        suggestion: String,
    },
    /// A path that leads to no file.
    #[error("{path} {fault}")]
    NoFile {
        /// The path.
        path: String,
        /// What is there instead.
        fault: &'static str,
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

/// The folder of the user's own scripts, whether it is there or not: `scripts` below slowgrad's folder in the
/// platform's data directory, unless `SLOWGRAD_SCRIPTS` names another. `None` where nobody has a home.
pub(crate) fn user_folder() -> Option<PathBuf> {
    let named = std::env::var_os(USER_FOLDER).filter(|path| !path.is_empty()).map(PathBuf::from);
    let platform = || Some(etcetera::choose_base_strategy().ok()?.data_dir().join("slowgrad").join("scripts"));
    named.or_else(platform)
}

/// Makes the user's folder, so that what is put there while a window is open can be noticed. Where that is not
/// possible there is none.
pub(crate) fn make_user_folder() {
    if let Some(folder) = user_folder() {
        let _ = fs::create_dir_all(folder);
    }
}

/// Roots from the weakest to the strongest, and the folders of those after the shipped one.
struct Roots {
    roots: Vec<Root>,
    folders: Vec<PathBuf>,
}

impl Roots {
    /// What every lesson has: the shipped library and the user's folder, if there is one.
    fn standing(user: Option<&Path>) -> Self {
        let mut roots = Self { roots: vec![shipped()], folders: Vec::new() };
        if let Some(user) = user.and_then(|user| fs::canonicalize(user).ok()).filter(|user| user.is_dir()) {
            roots.push(user);
        }
        roots
    }

    /// Adds a folder as the strongest root; one that is there already becomes it.
    fn push(&mut self, folder: PathBuf) {
        let root = match self.folders.iter().position(|known| *known == folder) {
            Some(at) => {
                self.folders.remove(at);
                self.roots.remove(at + 1)
            }
            None => read_folder(&folder),
        };
        self.roots.push(root);
        self.folders.push(folder);
    }

    /// Adds the folder that a script lies in. A folder such as `lessons` or `losses` has its like beside it, and
    /// what they share above.
    fn push_home(&mut self, folder: PathBuf) {
        let is_of_a_kind = PluginKind::ALL.into_iter().any(|kind| folder.ends_with(kind.folder()));
        if let Some(parent) = folder.parent().filter(|_| is_of_a_kind) {
            self.push(parent.to_path_buf());
        }
        self.push(folder);
    }
}

/// Opens a lesson by its path on disk or by its name; the welcome lesson when none is asked for.
pub(crate) fn load(lesson: Option<&Path>) -> Result<Loaded, LoadError> {
    load_from(user_folder().as_deref(), lesson)
}

fn load_from(user: Option<&Path>, lesson: Option<&Path>) -> Result<Loaded, LoadError> {
    let asked = lesson.unwrap_or(Path::new(WELCOME));
    let Roots { roots, folders } = match file_of(asked).filter(|_| lesson.is_some()) {
        Some(file) => return load_file(user, &file),
        None => Roots::standing(user),
    };
    let library = Library { roots };
    let name = asked.to_string_lossy().into_owned();
    let short = name.strip_suffix(".rhai").unwrap_or(&name);
    let path = format!("lessons/{short}.rhai");
    if library.roots.iter().any(|root| root.files.get(&path).is_some()) {
        return Ok(Loaded { library, lesson: path, folders });
    }
    // What is written like a file is not taken for a lesson's name.
    if asked.extension().is_some_and(|ending| ending == "rhai") || asked.components().count() > 1 {
        let fault = match asked.symlink_metadata() {
            Ok(_) if asked.exists() => "is not a file",
            Ok(_) => "is a broken link",
            Err(_) => "does not exist",
        };
        return Err(LoadError::NoFile { path: name, fault });
    }
    let lesson = |path: &str| path.strip_prefix("lessons/")?.strip_suffix(".rhai").map(str::to_owned);
    let mut known: Vec<String> = library.roots.iter().flat_map(|root| root.files.paths()).filter_map(lesson).collect();
    known.sort_by_key(|name| taught(name));
    known.dedup();
    let suggestion = match nearest(short, known.iter().map(String::as_str)) {
        Some(lesson) => format!("; did you mean «{lesson}»?"),
        None => format!("; available lessons: {}; or specify a file path", known.join(", ")),
    };
    Err(LoadError::NoLesson { name, suggestion })
}

/// The known name that was probably meant.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let likeness = |other: &str| strsim::jaro_winkler(other, name);
    known.filter(|other| likeness(other) > 0.8).max_by(|a, b| likeness(a).total_cmp(&likeness(b)))
}

/// The file on disk that is asked for: its path, or the name of a lesson here or in the folder `lessons` here.
fn file_of(asked: &Path) -> Option<PathBuf> {
    if asked.is_file() {
        return Some(asked.to_path_buf());
    }
    let file = PathBuf::from(format!("{}.rhai", asked.to_str()?));
    let is_lesson = |path: &PathBuf| {
        path.is_file() && read_file(path).is_ok_and(|script| PluginKind::Lesson.is_defined_in(&script))
    };
    [Path::new("lessons").join(&file), file].into_iter().rev().find(is_lesson)
}

fn load_file(user: Option<&Path>, path: &Path) -> Result<Loaded, LoadError> {
    let broken = |cause| LoadError::Read { path: path.display().to_string(), cause };
    let path = fs::canonicalize(path).map_err(broken)?;
    let file = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut roots = Roots::standing(user);
    roots.push_home(path.parent().map_or_else(PathBuf::new, Path::to_path_buf));
    // The lesson itself counts whatever its ending and however full its folder is.
    let bytes = read_file(&path).map_err(broken)?;
    if !roots.roots.last_mut().is_some_and(|own| own.files.insert(file.as_str(), bytes)) {
        let message = "a lesson's file name cannot contain «:», «\\» or control characters";
        return Err(broken(std::io::Error::new(std::io::ErrorKind::InvalidFilename, message)));
    }
    let Roots { roots, folders } = roots;
    Ok(Loaded { library: Library { roots }, lesson: file, folders })
}

/// All roots as a lesson in this folder would see them, the folder last.
pub(crate) fn around(folder: &Path) -> Result<Library, LoadError> {
    let broken = |cause| LoadError::Read { path: folder.display().to_string(), cause };
    let folder = fs::canonicalize(folder).map_err(broken)?;
    let mut roots = Roots::standing(user_folder().as_deref());
    roots.push_home(folder);
    Ok(Library { roots: roots.roots })
}

/// Reads a file of bounded size.
pub(crate) fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let file = fs::File::open(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    // It may grow while it is read.
    if size <= MOST_BYTES && file.take(MOST_BYTES + 1).read_to_end(&mut bytes)? as u64 <= MOST_BYTES {
        return Ok(bytes);
    }
    let message = format!("the file has {} bytes; the limit is {MOST_BYTES}", size.max(bytes.len() as u64));
    Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message))
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
    /// What cannot be read is left out: a script that needs it says so, and why, with its line.
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
            if hidden {
                continue;
            }
            if !inside {
                if let Some(name) = path_in(&self.top, &path) {
                    self.files.leave_out(name, "it is a link that is broken or points outside the folder");
                }
            } else if path.is_dir() {
                if depth > 1 {
                    self.folder(&path, depth - 1);
                }
            } else if let Some(name) = path_in(&self.top, &path).filter(|_| path.is_file()) {
                // Reading a pipe would wait for ever.
                match read_file(&path) {
                    Ok(bytes) if self.bytes + bytes.len() as u64 <= MOST_BYTES_IN_ALL => {
                        self.bytes += bytes.len() as u64;
                        self.files.insert(name, bytes);
                    }
                    Ok(_) => {
                        let why = format!("the files in its folder exceed {MOST_BYTES_IN_ALL} bytes in total");
                        self.files.leave_out(name, why);
                    }
                    Err(error) => self.files.leave_out(name, error.to_string()),
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
        let error = load_from(None, Some(&lessons.path().join("a:b.rhai"))).expect_err("the name is odd");
        assert!(error.to_string().contains("cannot contain"), "{error}");
    }

    #[test]
    fn an_unknown_lesson_gets_a_suggestion() {
        let error = load_from(None, Some(Path::new("welcom"))).expect_err("there is none");
        assert!(error.to_string().contains("did you mean «welcome»"), "{error}");
    }

    fn write(folder: &Path, path: &str, text: &str) {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        fs::write(file, text).expect("a file");
    }

    #[test]
    fn the_users_folder_stands_between_the_library_and_the_lessons_own() {
        let (user, own) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        write(user.path(), "lessons/evening.rhai", "fn lesson() { }");
        write(user.path(), "losses/mine.rhai", "mine");
        write(own.path(), "small.rhai", "fn lesson() { }");
        let names = |loaded: &Loaded| loaded.library.roots.iter().map(|root| root.name.clone()).collect::<Vec<_>>();
        let real = |folder: &Path| fs::canonicalize(folder).expect("the folder").display().to_string();

        let by_name = load_from(Some(user.path()), Some(Path::new("evening"))).expect("a lesson");
        assert_eq!(
            (by_name.lesson.as_str(), names(&by_name)),
            ("lessons/evening.rhai", vec!["slowgrad".into(), real(user.path())])
        );
        let by_path = load_from(Some(user.path()), Some(&own.path().join("small.rhai"))).expect("a lesson");
        assert_eq!(names(&by_path), ["slowgrad".into(), real(user.path()), real(own.path())]);
        assert_eq!(by_path.folders, [user.path(), own.path()].map(|path| fs::canonicalize(path).expect("a folder")));
        // A lesson in the user's folder that is opened by its path: no root twice.
        let within = load_from(Some(user.path()), Some(&user.path().join("lessons/evening.rhai"))).expect("a lesson");
        assert_eq!(names(&within), ["slowgrad".into(), real(user.path()), real(&user.path().join("lessons"))]);
        let top = load_from(Some(own.path()), Some(&own.path().join("small.rhai"))).expect("a lesson");
        assert_eq!(names(&top), ["slowgrad".into(), real(own.path())]);
        let none = load_from(Some(&own.path().join("nowhere")), None).expect("the welcome lesson");
        assert_eq!((names(&none), none.folders.len()), (vec!["slowgrad".into()], 0));
    }
}
