//! The texts that scripts are made of, handed in from outside.
//!
//! This is all the sandbox ever sees of a file system: a map from paths to bytes. A path is a list of plain
//! names joined by `/`; nothing in here could leave the map, and nothing in here opens a file.

use crate::diagnostics::problem::Problem;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Files by path, such as `activations/tanh.rhai`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    files: BTreeMap<String, Arc<[u8]>>,
    left_out: BTreeMap<String, String>,
}

impl Files {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file; a path that is not plain names joined by `/` is refused with `false`.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> bool {
        let path = path.into();
        let fine = is_plain(&path);
        if fine {
            self.left_out.remove(&path);
            self.files.insert(path, bytes.into());
        }
        fine
    }

    /// Remembers that there is a file which cannot be used, and why, for whoever looks for it.
    pub fn leave_out(&mut self, path: impl Into<String>, why: impl Into<String>) {
        self.left_out.insert(path.into(), why.into());
    }

    /// Takes a file away.
    pub fn remove(&mut self, path: &str) {
        self.left_out.remove(path);
        self.files.remove(path);
    }

    /// A file's bytes.
    pub fn get(&self, path: &str) -> Option<&Arc<[u8]>> {
        self.files.get(path)
    }

    /// All paths in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
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
    /// How people and the watcher call it, such as `shipped` or `/home/ada/lessons`.
    pub name: String,
    /// Its files.
    pub files: Files,
}

/// All files; later roots shadow earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Library {
    /// From the weakest to the strongest; a lesson's own folder is the last.
    pub roots: Vec<Root>,
}

impl Library {
    /// The strongest file of this path: the index of its root and its bytes.
    pub(crate) fn find(&self, path: &str) -> Option<(usize, Arc<[u8]>)> {
        let mut roots = self.roots.iter().enumerate().rev();
        roots.find_map(|(at, root)| root.files.get(path).map(|bytes| (at, Arc::clone(bytes))))
    }

    /// What to say of a file that cannot be used although it is there.
    pub(crate) fn left_out(&self, path: &str) -> Option<Problem> {
        let why = self.roots.iter().rev().find_map(|root| root.files.left_out.get(path))?;
        Some(Problem::new("unusable-file", format!("`{path}` cannot be used: {why}")))
    }

    /// The names of the plugins in a folder, over all roots, without `.rhai`.
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

/// Whether a path is relative, made of plain names joined by `/`, and leads nowhere else.
pub(crate) fn is_plain(path: &str) -> bool {
    let odd = |ch: char| ch == '\\' || ch == ':' || ch.is_control();
    !path.contains(odd) && path.split('/').all(|name| !name.is_empty() && name != "." && name != "..")
}

/// Whether a path is that of a script; endings are lower case here as everywhere in the library.
#[allow(clippy::case_sensitive_file_extension_comparisons, reason = "the library's names are exact")]
pub(crate) fn is_script(path: &str) -> bool {
    path.ends_with(".rhai")
}

/// The folder of a path with its slash, empty at the top.
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
