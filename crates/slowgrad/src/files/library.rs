//! Reads scripts from the built-in library, the user's folder and the lesson's own folder on disk.
//!
//! Each of them is a root. A file in a later root hides files of the same path in earlier roots. Only this module reads
//! scripts. It limits the number and size of files, and does not follow links that point outside a root.

use super::path_text::to_text;
use etcetera::BaseStrategy;
#[cfg(feature = "window")]
use slowgrad_engine::weights;
use slowgrad_engine::weights::WeightFormat;
#[cfg(feature = "window")]
use slowgrad_script::Limits;
use slowgrad_script::{FileError, FileReader, Files, Library, PluginKind, Root};
use slowgrad_session::shipped::{WELCOME, shipped, teaching_position};
use slowgrad_session::{MAX_PACK_BYTES, PACK_EXTENSION, Pack, PackError};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// The environment variable that overrides the folder of the user's scripts.
const USER_FOLDER_VARIABLE: &str = "SLOWGRAD_SCRIPTS";

/// The extensions of the files that lessons can use.
const EXTENSIONS: [&str; 8] = ["rhai", "csv", "tsv", "txt", "data", "xlsx", "json", "safetensors"];
/// Those of them that are tables. They are read only if a lesson uses them.
const TABLE_EXTENSIONS: [&str; 5] = ["csv", "tsv", "txt", "data", "xlsx"];
/// The depth to which the folders of a root are read and watched.
pub(crate) const MAX_DEPTH: usize = 3;
/// The maximum number of entries that are read per root.
pub(crate) const MAX_ENTRIES: usize = 4_000;
/// The maximum size of a file.
const MAX_FILE_BYTES: u64 = 32 << 20;
/// Weight files beyond this size are read only if a lesson uses them. A folder may have many.
const MAX_READ_AHEAD_BYTES: u64 = 1 << 20;
/// The maximum total size of the files in a root, without those that are not read yet.
const MAX_TOTAL_BYTES: u64 = 128 << 20;

/// The reason why a lesson cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LoadError {
    /// The name is neither a file nor a lesson in the library.
    #[error("there is no lesson named «{name}»{suggestion}")]
    NoLesson {
        /// The requested name.
        name: String,
        /// A suggestion that starts with a semicolon.
        suggestion: String,
    },
    /// There is no file at the path.
    #[error("{path} {fault}")]
    NoFile {
        /// The path.
        path: String,
        /// The reason, as a predicate.
        fault: &'static str,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {cause}")]
    Read {
        /// The file.
        path: String,
        /// The error.
        cause: std::io::Error,
    },
    /// The file is not a pack that can be used.
    #[error("{path} {cause}")]
    Pack {
        /// The file.
        path: String,
        /// The error.
        #[source]
        cause: PackError,
    },
}

/// The files of a lesson.
#[derive(Debug, Clone)]
pub(crate) struct LessonFiles {
    /// All roots, the lesson's own folder last.
    pub(crate) library: Library,
    /// The lesson's path within the library.
    pub(crate) lesson: String,
    /// The folders on disk that roots were read from, by increasing priority.
    #[cfg_attr(not(feature = "window"), allow(dead_code, reason = "only the window watches folders"))]
    pub(crate) folders: Vec<PathBuf>,
    /// The pack that holds the lesson, instead of a folder.
    #[cfg_attr(not(feature = "window"), allow(dead_code, reason = "only the window saves scripts"))]
    pub(crate) pack: Option<PathBuf>,
}

/// The folder of the user's scripts, which may not exist: `slowgrad/scripts` in the platform's data directory, unless
/// `SLOWGRAD_SCRIPTS` overrides it. `None` without a home folder.
pub(crate) fn user_folder() -> Option<PathBuf> {
    let configured = std::env::var_os(USER_FOLDER_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    let platform = || Some(etcetera::choose_base_strategy().ok()?.data_dir().join("slowgrad").join("scripts"));
    configured.or_else(platform)
}

/// Creates the folder of the user's scripts, so that it can be watched. Failures are ignored.
#[cfg(feature = "window")]
pub(crate) fn create_user_folder() {
    if let Some(folder) = user_folder() {
        let _ = fs::create_dir_all(folder);
    }
}

/// The roots of a library by increasing priority, and the folders of those after the built-in one.
struct Roots {
    roots: Vec<Root>,
    folders: Vec<PathBuf>,
}

impl Roots {
    /// The roots of every lesson: the built-in library and the user's folder, if it exists.
    fn shared(user: Option<&Path>) -> Self {
        let mut roots = Self { roots: vec![shipped()], folders: Vec::new() };
        if let Some(user) = user.and_then(|user| fs::canonicalize(user).ok()).filter(|user| user.is_dir()) {
            roots.push(user);
        }
        roots
    }

    /// Adds a folder with the highest priority, or raises its priority if it is a root already.
    fn push(&mut self, folder: PathBuf) {
        let root = match self.folders.iter().position(|known| *known == folder) {
            Some(index) => {
                self.folders.remove(index);
                let name = to_text(&folder);
                let known = self.roots.iter().position(|root| root.name == name);
                known.map_or_else(|| read_folder(&folder), |known| self.roots.remove(known))
            }
            None => read_folder(&folder),
        };
        self.roots.push(root);
        self.folders.push(folder);
    }

    /// Adds the folder of a script. For a folder of one kind of script, such as `lessons` or `losses`, its parent is
    /// also added, because it contains the folders of the other kinds.
    fn push_script_folder(&mut self, folder: PathBuf) {
        let is_kind_folder = PluginKind::ALL.into_iter().any(|kind| folder.ends_with(kind.folder()));
        if let Some(parent) = folder.parent().filter(|_| is_kind_folder) {
            self.push(parent.to_path_buf());
        }
        self.push(folder);
    }
}

/// Loads a lesson by its path on disk or its name. `None` is the welcome lesson.
///
/// # Errors
///
/// When there is no such lesson or its file cannot be read.
pub(crate) fn load(lesson: Option<&Path>) -> Result<LessonFiles, LoadError> {
    load_from(user_folder().as_deref(), lesson)
}

fn load_from(user: Option<&Path>, lesson: Option<&Path>) -> Result<LessonFiles, LoadError> {
    let requested = lesson.unwrap_or(Path::new(WELCOME));
    if is_pack(requested) {
        return load_pack(requested);
    }
    let Roots { roots, folders } = match find_file(requested).filter(|_| lesson.is_some()) {
        Some(file) => return load_file(Roots::shared(user), &file),
        None => Roots::shared(user),
    };
    load_named(Roots { roots, folders }, requested)
}

/// Loads a lesson of the shared roots by its name.
fn load_named(Roots { roots, folders }: Roots, requested: &Path) -> Result<LessonFiles, LoadError> {
    let library = Library { roots };
    let name = requested.to_string_lossy().into_owned();
    let short = name.strip_suffix(".rhai").unwrap_or(&name);
    let path = format!("lessons/{short}.rhai");
    if library.roots.iter().any(|root| root.files.get(&path).is_some()) {
        return Ok(LessonFiles { library, lesson: path, folders, pack: None });
    }
    // A path does not get a suggestion of a lesson.
    if requested.extension().is_some_and(|extension| extension == "rhai") || requested.components().count() > 1 {
        let fault = match requested.symlink_metadata() {
            Ok(_) if requested.exists() => "is not a file",
            Ok(_) => "is a broken link",
            Err(_) => "does not exist",
        };
        return Err(LoadError::NoFile { path: name, fault });
    }
    let lesson = |path: &str| path.strip_prefix("lessons/")?.strip_suffix(".rhai").map(str::to_owned);
    let mut known: Vec<String> = library.roots.iter().flat_map(|root| root.files.paths()).filter_map(lesson).collect();
    known.sort_by_key(|name| teaching_position(name));
    known.dedup();
    let suggestion = match nearest(short, known.iter().map(String::as_str)) {
        Some(lesson) => format!("; did you mean «{lesson}»?"),
        None => format!("; available lessons: {}; or specify a file path", known.join(", ")),
    };
    Err(LoadError::NoLesson { name, suggestion })
}

/// The known name that is most similar to a misspelt one, if any is similar enough.
pub(crate) fn nearest<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let similarity = |other: &str| strsim::jaro_winkler(other, name);
    known.filter(|other| similarity(other) > 0.8).max_by(|a, b| similarity(a).total_cmp(&similarity(b)))
}

/// The file on disk of a requested lesson, given by its path, or by its name if the file is in the current folder or
/// in its subfolder `lessons`.
fn find_file(requested: &Path) -> Option<PathBuf> {
    if requested.is_file() {
        return Some(requested.to_path_buf());
    }
    let file = PathBuf::from(format!("{}.rhai", requested.to_str()?));
    let is_lesson = |path: &PathBuf| {
        path.is_file() && read_file(path).is_ok_and(|script| PluginKind::Lesson.is_defined_in(&script))
    };
    [Path::new("lessons").join(&file), file].into_iter().rev().find(is_lesson)
}

/// Loads the lesson of a session: from its file on disk, by its name, or from the scripts that the session holds.
///
/// `held` are these scripts and the data. Files of the lesson's folder hide them, unless `held_first`. `path` is the
/// lesson's path in the library when the session was saved. `folder` is used if the lesson's file does not exist.
///
/// # Errors
///
/// When the lesson is nowhere, or its file cannot be read.
pub(crate) fn load_session_lesson(
    lesson: SessionLesson<'_>,
    path: Option<&str>,
    held: Root,
    held_first: bool,
) -> Result<LessonFiles, LoadError> {
    let mut roots = Roots::shared(user_folder().as_deref());
    let mut held = Some(held);
    if !held_first {
        roots.roots.extend(held.take());
    }
    let mut loaded = match lesson {
        SessionLesson::File(file) => load_file(roots, file)?,
        SessionLesson::Pack(file) => {
            let LessonFiles { library, lesson, pack, .. } = load_pack(file)?;
            roots.roots.extend(library.roots.into_iter().last());
            LessonFiles { library: Library { roots: roots.roots }, lesson, folders: Vec::new(), pack }
        }
        SessionLesson::Named(name) => load_named(roots, Path::new(name))?,
        SessionLesson::Held { folder } => {
            if let Some(folder) = folder {
                roots.push_script_folder(fs::canonicalize(folder).unwrap_or_else(|_| folder.to_path_buf()));
            }
            let Roots { roots, folders } = roots;
            LessonFiles { library: Library { roots }, lesson: String::new(), folders, pack: None }
        }
    };
    loaded.library.roots.extend(held);
    if let Some(path) = path
        && loaded.library.roots.iter().any(|root| root.files.get(path).is_some())
    {
        path.clone_into(&mut loaded.lesson);
    }
    Ok(loaded)
}

/// The place of a session's lesson.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SessionLesson<'s> {
    /// A file on disk.
    File(&'s Path),
    /// A pack on disk.
    Pack(&'s Path),
    /// A lesson of the library.
    Named(&'s str),
    /// Only the session holds it. Its folder may exist or not.
    Held { folder: Option<&'s Path> },
}

fn load_file(mut roots: Roots, path: &Path) -> Result<LessonFiles, LoadError> {
    let failed = |cause| LoadError::Read { path: path.display().to_string(), cause };
    let path = fs::canonicalize(path).map_err(failed)?;
    let file = path.file_name().map(|name| to_text(Path::new(name))).unwrap_or_default();
    roots.push_script_folder(path.parent().map_or_else(PathBuf::new, Path::to_path_buf));
    // The lesson is added whatever its extension, and even if its folder exceeds the limits.
    let bytes = read_file(&path).map_err(failed)?;
    if !roots.roots.last_mut().is_some_and(|own| own.files.insert(file.as_str(), bytes)) {
        let message = "a lesson's file name cannot contain «:», «\\» or control characters";
        return Err(failed(std::io::Error::new(std::io::ErrorKind::InvalidFilename, message)));
    }
    let Roots { roots, folders } = roots;
    Ok(LessonFiles { library: Library { roots }, lesson: file, folders, pack: None })
}

/// Whether a path names a pack.
pub(crate) fn is_pack(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(PACK_EXTENSION))
}

/// Reads a pack.
///
/// # Errors
///
/// When the file cannot be read, or is not a pack that can be used.
pub(crate) fn read_pack(path: &Path) -> Result<Pack, LoadError> {
    let name = || path.display().to_string();
    let bytes = read_file_up_to(path, MAX_PACK_BYTES).map_err(|cause| LoadError::Read { path: name(), cause })?;
    Pack::read(&bytes).map_err(|cause| LoadError::Pack { path: name(), cause })
}

/// Loads the lesson of a pack. It sees the built-in library and the files of the pack, but no folder on this computer.
fn load_pack(path: &Path) -> Result<LessonFiles, LoadError> {
    let pack = read_pack(path)?;
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    let root = Root { name: to_text(&path), files: pack.to_library_files() };
    let library = Library { roots: vec![shipped(), root] };
    Ok(LessonFiles { library, lesson: pack.lesson().to_owned(), folders: Vec::new(), pack: Some(path) })
}

/// The library of a lesson in this folder.
///
/// # Errors
///
/// When the folder does not exist or cannot be read.
pub(crate) fn library_of_folder(folder: &Path) -> Result<Library, LoadError> {
    let failed = |cause| LoadError::Read { path: folder.display().to_string(), cause };
    let folder = fs::canonicalize(folder).map_err(failed)?;
    let mut roots = Roots::shared(user_folder().as_deref());
    roots.push_script_folder(folder);
    Ok(Library { roots: roots.roots })
}

/// Reads a file.
///
/// # Errors
///
/// When the file cannot be read, is too large, or is no regular file: reading a pipe or a device might not end.
pub(crate) fn read_file(path: &Path) -> std::io::Result<Vec<u8>> {
    read_file_up_to(path, MAX_FILE_BYTES)
}

/// Reads a file of at most this size.
///
/// # Errors
///
/// When the file cannot be read or is too large.
pub(crate) fn read_file_up_to(path: &Path, max_bytes: u64) -> std::io::Result<Vec<u8>> {
    // Opening a pipe may block, so its type is checked before.
    check_regular(&fs::metadata(path)?)?;
    let file = fs::File::open(path)?;
    let metadata = file.metadata()?;
    check_regular(&metadata)?;
    let size = metadata.len();
    let mut bytes = Vec::new();
    // The file may grow during reading.
    if size <= max_bytes && file.take(max_bytes + 1).read_to_end(&mut bytes)? as u64 <= max_bytes {
        return Ok(bytes);
    }
    let message = format!("the file has {} bytes; the limit is {max_bytes}", size.max(bytes.len() as u64));
    Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, message))
}

/// Refuses folders, pipes and devices.
fn check_regular(metadata: &fs::Metadata) -> std::io::Result<()> {
    if metadata.is_file() {
        return Ok(());
    }
    let kind = if metadata.is_dir() { "a folder" } else { "a pipe or a device" };
    Err(std::io::Error::new(std::io::ErrorKind::InvalidInput, format!("it is {kind}, not a file")))
}

/// The path of a file within the root of a folder, if lessons can use files of its type.
pub(crate) fn path_in(folder: &Path, file: &Path) -> Option<String> {
    let extension = file.extension()?;
    let relative = to_text(file.strip_prefix(folder).ok()?).replace('\\', "/");
    EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)).then_some(relative)
}

/// Reads a file that has changed. Tables and weight files may be as large as those that a lesson can use by default.
///
/// # Errors
///
/// When the file cannot be read or is too large.
#[cfg(feature = "window")]
pub(crate) fn read_changed_file(path: &Path) -> std::io::Result<Vec<u8>> {
    let limits = Limits::default();
    let max_bytes = if is_table(path) {
        limits.table as u64
    } else {
        WeightFormat::of(path).map_or(MAX_FILE_BYTES, |_| weights::max_file_bytes(limits.parameters))
    };
    read_file_up_to(path, max_bytes)
}

/// Whether a file is a table, by its extension.
fn is_table(path: &Path) -> bool {
    let extension = path.extension();
    extension.is_some_and(|extension| TABLE_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Whether a file can be a weight file and is too large to be read in case a lesson uses it.
fn is_large_weight_file(path: &Path) -> bool {
    let len = || fs::metadata(path).map_or(0, |metadata| metadata.len());
    WeightFormat::of(path).is_some() && len() > MAX_READ_AHEAD_BYTES
}

/// Reads the files of a folder that lessons can use.
pub(crate) fn read_folder(folder: &Path) -> Root {
    let mut walker = DirWalker { top: folder.to_path_buf(), files: Files::new(), entries: 0, bytes: 0 };
    walker.read(folder, MAX_DEPTH);
    if walker.entries > MAX_ENTRIES {
        walker.files.set_incomplete(format!(
            "{} has more than {MAX_ENTRIES} entries; the files after them are ignored, so move the lesson into a folder of its own",
            folder.display()
        ));
    }
    Root { name: to_text(folder), files: walker.files }
}

/// Reads a folder and its subfolders.
struct DirWalker {
    top: PathBuf,
    files: Files,
    /// The number of entries so far.
    entries: usize,
    /// The total size of the files so far.
    bytes: u64,
}

impl DirWalker {
    /// Reads a folder. Files that cannot be read are recorded with the reason, for the error of a script that uses them.
    fn read(&mut self, folder: &Path, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        // One more than the limit, so that the limit is noticed.
        let mut paths: Vec<PathBuf> = entries.flatten().take(MAX_ENTRIES + 1).map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            self.entries += 1;
            if self.entries > MAX_ENTRIES {
                return;
            }
            let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            // Links within the root are allowed.
            let inside = fs::canonicalize(&path).is_ok_and(|real| real.starts_with(&self.top));
            if hidden {
                continue;
            }
            if !inside {
                if path.is_dir() {
                    if let Some(name) = path.strip_prefix(&self.top).ok().and_then(Path::to_str) {
                        let reason =
                            "its folder is a link that points outside the lesson's folder; copy the folder instead";
                        self.files.leave_out(name.replace('\\', "/"), reason);
                    }
                } else if let Some(name) = path_in(&self.top, &path) {
                    self.files.leave_out(name, "it is a link that is broken or points outside the folder");
                }
            } else if path.is_dir() {
                if depth > 1 {
                    self.read(&path, depth - 1);
                }
            } else if let Some(name) = path_in(&self.top, &path) {
                if path.is_file() && (is_table(&path) || is_large_weight_file(&path)) {
                    let read = move |max_bytes| {
                        read_file_up_to(&path, max_bytes).map_err(|error| match error.kind() {
                            std::io::ErrorKind::FileTooLarge => {
                                FileError::TooLarge { bytes: fs::metadata(&path).map_or(0, |metadata| metadata.len()) }
                            }
                            _ => FileError::Unreadable(error.to_string()),
                        })
                    };
                    self.files.defer(name, FileReader::new(read));
                    continue;
                }
                match read_file(&path) {
                    Ok(bytes) if self.bytes + bytes.len() as u64 <= MAX_TOTAL_BYTES => {
                        self.bytes += bytes.len() as u64;
                        self.files.insert(name, bytes);
                    }
                    Ok(_) => {
                        let reason = format!("the files in its folder exceed {MAX_TOTAL_BYTES} bytes in total");
                        self.files.leave_out(name, reason);
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
    fn link_to_outside_is_not_followed() {
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
    fn pipe_is_ignored_and_unusable_file_name_is_rejected() {
        let lessons = tempfile::tempdir().expect("a folder");
        let status = std::process::Command::new("mkfifo").arg(lessons.path().join("pipe.rhai")).status();
        assert!(status.is_ok_and(|status| status.success()));
        fs::write(lessons.path().join("mine.rhai"), "mine").expect("a file");
        let root = read_folder(&fs::canonicalize(lessons.path()).expect("the folder"));
        assert_eq!(root.files.paths().collect::<Vec<_>>(), ["mine.rhai"]);
        fs::write(lessons.path().join("a:b.rhai"), "odd").expect("a file");
        let error = load_from(None, Some(&lessons.path().join("a:b.rhai"))).expect_err("an error about the name");
        assert!(error.to_string().contains("cannot contain"), "{error}");
    }

    #[test]
    fn a_folder_with_too_many_entries_and_a_linked_folder_are_told() {
        let lessons = tempfile::tempdir().expect("a folder");
        let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 1], data: "xor", loss: "mine" } }"#;
        fs::write(lessons.path().join("0.rhai"), lesson).expect("a file");
        let open = || {
            let files = load_from(None, Some(&lessons.path().join("0.rhai"))).expect("a lesson");
            slowgrad_script::Sandbox::new(files.library, slowgrad_script::Limits::default()).open(&files.lesson)
        };
        #[cfg(unix)]
        {
            let outside = tempfile::tempdir().expect("a folder");
            fs::write(outside.path().join("mine.rhai"), "fn loss(o, t) { o[0] }").expect("a file");
            std::os::unix::fs::symlink(outside.path(), lessons.path().join("losses")).expect("a link");
            let problems = open().expect_err("the plugin is not read");
            assert!(problems[0].message.contains("its folder is a link that points outside"), "{problems:?}");
            fs::remove_file(lessons.path().join("losses")).expect("the link");
        }
        fs::create_dir(lessons.path().join("losses")).expect("a folder");
        fs::write(lessons.path().join("losses/mine.rhai"), "fn loss(o, t) { (o[0] - t[0]) ** 2 }").expect("a file");
        assert_eq!(open().expect("a lesson").warnings, []);
        // Which files are ignored depends on the file system, so the lesson needs no other file.
        fs::write(lessons.path().join("0.rhai"), lesson.replace("mine", "mse")).expect("a file");
        for n in 0..MAX_ENTRIES {
            fs::write(lessons.path().join(format!("z{n}.txt")), "").expect("a file");
        }
        let warnings = open().expect("the lesson itself is read").warnings;
        assert!(warnings.iter().any(|warning| warning.message.contains("more than 4000 entries")), "{warnings:?}");
    }

    #[test]
    #[cfg(unix)]
    fn a_pipe_or_a_device_is_refused_at_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let pipe = folder.path().join("pipe.rhai");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().is_ok_and(|status| status.success()));
        for path in [pipe.as_path(), Path::new("/dev/zero"), folder.path()] {
            let error = read_file(path).expect_err("not a file");
            assert!(error.to_string().contains("not a file"), "{error}");
        }
        let error = load_from(None, Some(&pipe)).expect_err("not a lesson");
        assert!(error.to_string().contains("is not a file"), "{error}");
    }

    #[test]
    fn unknown_lesson_gets_a_suggestion() {
        let error = load_from(None, Some(Path::new("welcom"))).expect_err("an error");
        assert!(error.to_string().contains("did you mean «welcome»"), "{error}");
    }

    fn write(folder: &Path, path: &str, text: &str) {
        let file = folder.join(path);
        fs::create_dir_all(file.parent().expect("a folder")).expect("folders");
        fs::write(file, text).expect("a file");
    }

    #[test]
    fn user_folder_has_priority_between_library_and_lesson_folder() {
        let (user, own) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        write(user.path(), "lessons/evening.rhai", "fn lesson() { }");
        write(user.path(), "losses/mine.rhai", "mine");
        write(own.path(), "small.rhai", "fn lesson() { }");
        let names =
            |loaded: &LessonFiles| loaded.library.roots.iter().map(|root| root.name.clone()).collect::<Vec<_>>();
        let real = |folder: &Path| fs::canonicalize(folder).expect("the folder").display().to_string();

        let by_name = load_from(Some(user.path()), Some(Path::new("evening"))).expect("a lesson");
        assert_eq!(
            (by_name.lesson.as_str(), names(&by_name)),
            ("lessons/evening.rhai", vec!["slowgrad".into(), real(user.path())])
        );
        let by_path = load_from(Some(user.path()), Some(&own.path().join("small.rhai"))).expect("a lesson");
        assert_eq!(names(&by_path), ["slowgrad".into(), real(user.path()), real(own.path())]);
        assert_eq!(by_path.folders, [user.path(), own.path()].map(|path| fs::canonicalize(path).expect("a folder")));
        // A lesson in the user's folder that is opened by its path does not add that root twice.
        let within = load_from(Some(user.path()), Some(&user.path().join("lessons/evening.rhai"))).expect("a lesson");
        assert_eq!(names(&within), ["slowgrad".into(), real(user.path()), real(&user.path().join("lessons"))]);
        let top = load_from(Some(own.path()), Some(&own.path().join("small.rhai"))).expect("a lesson");
        assert_eq!(names(&top), ["slowgrad".into(), real(own.path())]);
        let none = load_from(Some(&own.path().join("nowhere")), None).expect("the welcome lesson");
        assert_eq!((names(&none), none.folders.len()), (vec!["slowgrad".into()], 0));
    }
}
