//! The script files that the sandbox can see, handed in by the caller.
//!
//! The sandbox sees no file system, only a map from paths to bytes. A path is a list of plain names joined by `/`. No
//! path can leave the map, and this module must not open a file.

use crate::diagnostics::problem::Problem;
use slowgrad_tape::Diagnostic;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Files by path, such as `activations/tanh.rhai`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    contents: BTreeMap<String, Arc<[u8]>>,
    deferred: BTreeMap<String, FileReader>,
    /// The files and folders that cannot be used, with the reason.
    left_out: BTreeMap<String, String>,
    /// The reason why there may be more files than these.
    incomplete: Option<String>,
}

/// Reads a file of at most so many bytes, or says why it cannot be used.
#[derive(Clone)]
pub struct FileReader(Arc<dyn Fn(u64) -> Result<Vec<u8>, FileError> + Send + Sync>);

/// The reason why a file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileError {
    /// It is larger than allowed.
    TooLarge {
        /// Its size.
        bytes: u64,
    },
    /// Another reason, in words.
    Unreadable(String),
}

impl FileReader {
    /// A reader that calls a function of the caller.
    pub fn new(read: impl Fn(u64) -> Result<Vec<u8>, FileError> + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }
}

impl fmt::Debug for FileReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileReader")
    }
}

impl PartialEq for FileReader {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for FileReader {}

impl Files {
    /// Creates an empty set of files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file. Returns `false`, and adds nothing, if the path is not made of plain names joined by
    /// `/`.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> bool {
        let path = path.into();
        let valid = is_plain(&path);
        if valid {
            self.left_out.remove(&path);
            self.deferred.remove(&path);
            self.contents.insert(path, bytes.into());
        }
        valid
    }

    /// Adds a file that is read when a lesson uses it. For tables and large weight files, of which a folder may have many.
    /// Returns `false`, and adds nothing, as [`insert`](Self::insert) does.
    pub fn defer(&mut self, path: impl Into<String>, reader: FileReader) -> bool {
        let path = path.into();
        let valid = is_plain(&path);
        if valid {
            self.remove(&path);
            self.deferred.insert(path, reader);
        }
        valid
    }

    /// Reads a deferred file of at most `max_bytes`. Returns whether the path is that of a file, read or not.
    ///
    /// # Errors
    ///
    /// The size of a file that is larger.
    fn load(&mut self, path: &str, max_bytes: u64) -> Result<bool, u64> {
        let Some(reader) = self.deferred.remove(path) else {
            return match self.contents.get(path).map(|bytes| bytes.len() as u64) {
                Some(bytes) if bytes > max_bytes => Err(bytes),
                found => Ok(found.is_some()),
            };
        };
        let error = match (reader.0)(max_bytes) {
            Ok(bytes) => {
                self.contents.insert(path.to_owned(), bytes.into());
                return Ok(true);
            }
            Err(error) => error,
        };
        // The next use reads it again.
        self.deferred.insert(path.to_owned(), reader);
        match error {
            FileError::TooLarge { bytes } => Err(bytes),
            FileError::Unreadable(why) => {
                self.left_out.insert(path.to_owned(), why);
                Ok(true)
            }
        }
    }

    /// Records a file or a folder that exists but cannot be used, with the reason. Looking up the file, or a file in the
    /// folder, reports the reason.
    pub fn leave_out(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.left_out.insert(path.into(), why.into());
    }

    /// Records why some files were not read. Opening a lesson shows the reason as a warning.
    pub fn set_incomplete(&mut self, reason: impl Into<String>) {
        self.incomplete = Some(reason.into());
    }

    /// The reason why a file cannot be used: its own, or that of a folder that contains it.
    fn reason(&self, path: &str) -> Option<&String> {
        let folders = path.match_indices('/').map(|(slash, _)| &path[..slash]);
        std::iter::once(path).chain(folders).find_map(|path| self.left_out.get(path))
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &str) {
        self.left_out.remove(path);
        self.deferred.remove(path);
        self.contents.remove(path);
    }

    /// Returns a file's bytes.
    pub fn get(&self, path: &str) -> Option<&Arc<[u8]>> {
        self.contents.get(path)
    }

    /// Iterates over the paths of all files that are read already, sorted.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.contents.keys().map(String::as_str)
    }

    /// Iterates over the paths of all files.
    pub(crate) fn all_paths(&self) -> impl Iterator<Item = &str> {
        self.contents.keys().chain(self.deferred.keys()).map(String::as_str)
    }
}

impl<P: Into<String>, B: Into<Arc<[u8]>>> FromIterator<(P, B)> for Files {
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> Self {
        let mut all = Self::new();
        for (path, bytes) in files {
            all.insert(path, bytes);
        }
        all
    }
}

/// A named set of files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Root {
    /// The display name, such as `shipped` or `/home/ada/lessons`. The file watcher uses the same name.
    pub name: String,
    /// The files of this root.
    pub files: Files,
}

/// All files that scripts can use. Later roots shadow earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Library {
    /// The roots from lowest to highest precedence. The root of the lesson's own folder comes last.
    pub roots: Vec<Root>,
}

impl Library {
    /// Finds the file with the highest precedence: the index of its root, and its bytes.
    pub(crate) fn find(&self, path: &str) -> Option<(usize, Arc<[u8]>)> {
        let mut roots = self.roots.iter().enumerate().rev();
        roots.find_map(|(at, root)| root.files.get(path).map(|bytes| (at, Arc::clone(bytes))))
    }

    /// Reads the deferred file with the highest precedence at this path, if there is one.
    ///
    /// # Errors
    ///
    /// The size of a file that is larger than `max_bytes`.
    pub(crate) fn load(&mut self, path: &str, max_bytes: u64) -> Result<(), u64> {
        for root in self.roots.iter_mut().rev() {
            if root.files.load(path, max_bytes)? {
                break;
            }
        }
        Ok(())
    }

    /// The problem to report for a file that exists but cannot be used.
    pub(crate) fn left_out(&self, path: &str) -> Option<Problem> {
        let why = self.roots.iter().rev().find_map(|root| root.files.reason(path))?;
        Some(Problem::new("unusable-file", format!("`{path}` cannot be used: {why}")))
    }

    /// Warnings about roots whose files were not all read.
    pub(crate) fn warnings(&self) -> impl Iterator<Item = Diagnostic> {
        let reasons = self.roots.iter().filter_map(|root| root.files.incomplete.as_ref());
        reasons.map(|reason| Diagnostic::warning("incomplete-folder", reason.clone()))
    }

    /// The names of all plugins in a folder, over all roots, without `.rhai`.
    pub(crate) fn names(&self, folder: &str) -> Vec<String> {
        let mut names: Vec<String> = self
            .roots
            .iter()
            .flat_map(|root| root.files.paths())
            .filter_map(|path| path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".rhai"))
            .filter(|name| !name.contains('/'))
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Whether a path is relative and made of plain names joined by `/`.
pub(crate) fn is_plain(path: &str) -> bool {
    let odd = |ch: char| ch == '\\' || ch == ':' || ch.is_control();
    !path.contains(odd) && path.split('/').all(|name| !name.is_empty() && name != "." && name != "..")
}

/// The paths at which an import may find its file, in the order of the search: beside the importing file, then from the
/// top of the library. A path that begins with `./` is searched beside the importing file only. `None` for a path that
/// cannot be imported.
pub fn import_candidates(importer: Option<&str>, path: &str) -> Option<Vec<String>> {
    let (here, name) = plain_part(path.strip_suffix(".rhai").unwrap_or(path));
    if !is_plain(name) {
        return None;
    }
    let beside = importer.map(|importer| format!("{}{name}.rhai", folder(importer)));
    let top = (!here || importer.is_none()).then(|| format!("{name}.rhai"));
    Some(beside.into_iter().chain(top).collect())
}

/// Whether a path begins with `./`, and the path without it.
pub(crate) fn plain_part(path: &str) -> (bool, &str) {
    let name = path.trim_start_matches("./");
    // `.//etc` must not become the plain path `etc`.
    if name.len() == path.len() || name.starts_with('/') { (false, path) } else { (true, name) }
}

/// Whether a path names a script. Extensions are lower case everywhere in the library.
#[allow(clippy::case_sensitive_file_extension_comparisons, reason = "the library's names are exact")]
pub(crate) fn is_script(path: &str) -> bool {
    path.ends_with(".rhai")
}

/// The folder of a path with a trailing slash; empty at the top level.
pub(crate) fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |slash| &path[..=slash])
}

/// The file name of a path without `.rhai`.
pub(crate) fn stem(path: &str) -> &str {
    path[folder(path).len()..].strip_suffix(".rhai").unwrap_or(&path[folder(path).len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cannot_leave_the_map() {
        for path in ["", "/etc/passwd", "../x", "a/../x", "a//b", "a/./b", "a\\b", "c:/x", "a/", "a\0b", ".."] {
            assert!(!is_plain(path), "{path:?}");
            assert!(!Files::new().insert(path, *b"x"));
        }
        assert!(is_plain("activations/tanh.rhai") && is_plain("a..b/…/c d"));
    }

    #[test]
    fn imports_are_searched_beside_the_importing_file_first() {
        let candidates = |importer, path| import_candidates(importer, path).unwrap_or_default();
        assert_eq!(candidates(Some("losses/a.rhai"), "lib/x"), ["losses/lib/x.rhai", "lib/x.rhai"]);
        assert_eq!(candidates(Some("losses/a.rhai"), "./lib/x.rhai"), ["losses/lib/x.rhai"]);
        assert_eq!(candidates(None, "././x"), ["x.rhai"]);
        for path in ["../x", "./../x", "/x", ".//x", "a/./x", "./", "", ".", "..", "c:/x"] {
            assert_eq!(import_candidates(Some("losses/a.rhai"), path), None, "{path:?}");
        }
    }

    #[test]
    fn a_deferred_file_is_read_when_it_is_used() {
        let path = "big.safetensors";
        let reader = |text: &'static [u8]| {
            FileReader::new(move |max| {
                let bytes = text.len() as u64;
                if bytes <= max { Ok(text.to_vec()) } else { Err(FileError::TooLarge { bytes }) }
            })
        };
        let root = |text: &'static [u8]| {
            let mut files = Files::new();
            assert!(!files.defer("../x", reader(text)) && files.defer(path, reader(text)));
            Root { name: "own".into(), files }
        };
        let mut library = Library { roots: vec![root(b"old"), root(b"newer")] };
        assert_eq!(library.find(path), None);
        // The file that cannot be read hides the one below it.
        assert_eq!(library.load(path, 4), Err(5));
        assert_eq!(library.roots[0].files.get(path), None);
        assert_eq!(library.load(path, 5), Ok(()));
        let (at, bytes) = library.find(path).expect("it was read");
        assert_eq!((at, &bytes[..]), (1, &b"newer"[..]));
        // The limit may be lower than before.
        assert_eq!(library.load(path, 4), Err(5));
        library.roots[1].files.remove(path);
        assert_eq!(library.load(path, 5), Ok(()));
        assert_eq!(library.find(path).map(|(at, _)| at), Some(0));
    }

    #[test]
    fn later_roots_shadow_earlier_ones() {
        let root =
            |name: &str, text: &[u8]| Root { name: name.into(), files: Files::from_iter([("losses/mse.rhai", text)]) };
        let library = Library { roots: vec![root("shipped", b"old"), root("own", b"new")] };
        let (at, bytes) = library.find("losses/mse.rhai").expect("it is there");
        assert_eq!((at, &bytes[..]), (1, &b"new"[..]));
        assert_eq!(library.names("losses"), ["mse"]);
        assert_eq!((folder("a/b.rhai"), stem("a/b.rhai"), folder("b"), stem("b")), ("a/", "b", "", "b"));
    }
}
