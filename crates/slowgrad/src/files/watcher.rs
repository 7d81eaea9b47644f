//! Reports changes of scripts on disk, with debouncing for the ways in which editors save.
//!
//! Some editors write a file in place, so that it is empty for a moment. Others write a temporary file and rename it, so
//! that the original is missing for a moment. A change is therefore reported after a quiet period, and an empty or missing
//! file after a longer one. A watched folder that is removed and created again, as version control does, is watched again.
//! It must not know the meaning of the files.

use super::library::{self, MAX_DEPTH, MAX_ENTRIES};
use super::path_text::to_text;
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The time without events after which a changed file is read.
const QUIET_DELAY: Duration = Duration::from_millis(30);
/// The time after which a file that is still empty or missing is reported.
const MISSING_FILE_DELAY: Duration = Duration::from_millis(200);
/// The interval between looks for a root that was removed.
const LOST_FOLDER_INTERVAL: Duration = Duration::from_millis(250);

/// A changed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// The folder that the file's root was read from.
    pub(crate) root: String,
    /// The path within the root.
    pub(crate) path: String,
    /// The new contents; `None` if the file was deleted.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// A watcher, which stops when it is dropped.
#[derive(Debug)]
pub(crate) struct FileWatcher {
    _watcher: Arc<Mutex<RecommendedWatcher>>,
}

impl FileWatcher {
    /// Watches the folders of roots, with the subfolders that lessons can use.
    ///
    /// # Errors
    ///
    /// When the system cannot watch a folder or start a thread.
    pub(crate) fn start(folders: Vec<PathBuf>, report: impl Fn(FileChange) + Send + 'static) -> notify::Result<Self> {
        let (sender, events) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && !event.kind.is_access()
            {
                // Sending fails only while the watcher is dropped.
                let _ = sender.send(event);
            }
        })?;
        let mut known = BTreeSet::new();
        // The folder of a lesson that only its session file holds may not exist.
        let (existing, missing): (Vec<_>, Vec<_>) = folders.iter().cloned().partition(|folder| folder.is_dir());
        for folder in &existing {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            known.extend(watch_tree(&mut watcher, folder, folder));
        }
        let watcher = Arc::new(Mutex::new(watcher));
        // The thread ends when the watcher is dropped, so it must not own it.
        let weak = Arc::downgrade(&watcher);
        let watch_folder = move |folder: &Path, top: &Path| match weak.upgrade() {
            Some(watcher) => watch_tree(&mut watcher.lock().unwrap_or_else(PoisonError::into_inner), top, folder),
            None => Vec::new(),
        };
        let lost = missing.into_iter().collect();
        let debouncer = Debouncer { folders, known, lost, pending: BTreeMap::new() };
        let thread = std::thread::Builder::new().name("slowgrad-watch".into());
        thread.spawn(move || debouncer.run(&events, &watch_folder, &report))?;
        Ok(Self { _watcher: watcher })
    }
}

/// Watches a folder and its subfolders, and returns the files in them. The recursive mode of the system is not used,
/// because a lesson may be in a folder with a huge tree, such as the home folder.
fn watch_tree(watcher: &mut RecommendedWatcher, top: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut budget = MAX_ENTRIES;
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        if folder != top && !is_in_reach(top, &folder, MAX_DEPTH - 1) {
            continue;
        }
        // A folder that cannot be watched is skipped, like one that cannot be read.
        let _ = watcher.watch(&folder, RecursiveMode::NonRecursive);
        let (subfolders, found) = entries(top, &folder, &mut budget);
        folders.extend(subfolders);
        files.extend(found);
    }
    files
}

/// The subfolders in reach and the files of a folder, without links, up to `budget` entries.
fn entries(top: &Path, folder: &Path, budget: &mut usize) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let entries: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().take(*budget).collect();
    *budget -= entries.len();
    let (folders, files): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .filter_map(|entry| Some((entry.path(), entry.file_type().ok()?)))
        .filter(|(_, kind)| kind.is_dir() || kind.is_file())
        .partition(|(_, kind)| kind.is_dir());
    let paths = |entries: Vec<(PathBuf, _)>| entries.into_iter().map(|(path, _)| path);
    (paths(folders).filter(|path| is_in_reach(top, path, MAX_DEPTH - 1)).collect(), paths(files).collect())
}

/// Whether a path is within a folder, at most `depth` levels deep, and no part of the path is hidden.
fn is_in_reach(top: &Path, path: &Path, depth: usize) -> bool {
    path.strip_prefix(top).is_ok_and(|relative| {
        let hidden = relative.iter().any(|name| name.to_string_lossy().starts_with('.'));
        !hidden && (1..=depth).contains(&relative.iter().count())
    })
}

/// The times of the first and last event of a file that has not been reported yet.
#[derive(Debug, Clone, Copy)]
struct PendingChange {
    first: Instant,
    last: Instant,
}

/// Collects events, and reports changes after their quiet period.
struct Debouncer {
    /// The folders of the roots.
    folders: Vec<PathBuf>,
    /// The files that existed when their folder was watched, and those with events since.
    known: BTreeSet<PathBuf>,
    /// The roots that were removed or renamed.
    lost: BTreeSet<PathBuf>,
    pending: BTreeMap<PathBuf, PendingChange>,
}

impl Debouncer {
    /// Runs until `events` closes. `watch_folder` watches a folder within a root, or the root, and returns its files.
    fn run(
        mut self,
        events: &Receiver<notify::Event>,
        watch_folder: &dyn Fn(&Path, &Path) -> Vec<PathBuf>,
        report: &dyn Fn(FileChange),
    ) {
        loop {
            let received = if !self.pending.is_empty() {
                events.recv_timeout(QUIET_DELAY / 3)
            } else if !self.lost.is_empty() {
                events.recv_timeout(LOST_FOLDER_INTERVAL)
            } else {
                events.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match received {
                Ok(event) => self.collect(event, watch_folder),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            self.find_lost(watch_folder);
            self.report_quiet(report);
        }
    }

    /// Collects the paths of an event.
    fn collect(&mut self, event: notify::Event, watch_folder: &dyn Fn(&Path, &Path) -> Vec<PathBuf>) {
        let renamed = matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)));
        if renamed || event.kind.is_remove() {
            self.lost.extend(event.paths.iter().filter(|path| self.folders.contains(path)).cloned());
        }
        let created = renamed || event.kind.is_create();
        let new_folders: Vec<&PathBuf> = event.paths.iter().filter(|path| created && path.is_dir()).collect();
        // Files that were created in a new folder before it was watched have no events.
        let found = self.folders.iter().flat_map(|top| {
            let new_folders = new_folders.iter().filter(move |new| is_in_reach(top, new, MAX_DEPTH - 1));
            new_folders.flat_map(move |new| watch_folder(new, top))
        });
        let found: Vec<PathBuf> = found.collect();
        self.add(event.paths.into_iter().chain(found));
    }

    /// Watches the roots that exist again. Each file that was or is in them may have changed.
    fn find_lost(&mut self, watch_folder: &dyn Fn(&Path, &Path) -> Vec<PathBuf>) {
        let found: Vec<PathBuf> = self.lost.iter().filter(|folder| folder.is_dir()).cloned().collect();
        for folder in found {
            self.lost.remove(&folder);
            let before: Vec<PathBuf> = self.known.iter().filter(|path| path.starts_with(&folder)).cloned().collect();
            self.add(watch_folder(&folder, &folder).into_iter().chain(before));
        }
    }

    fn add(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        let now = Instant::now();
        for path in paths {
            let new = PendingChange { first: now, last: now };
            self.pending.entry(path).and_modify(|change| change.last = now).or_insert(new);
        }
    }

    /// Reports the changes whose quiet period is over.
    fn report_quiet(&mut self, report: &dyn Fn(FileChange)) {
        let now = Instant::now();
        let Self { folders, known, pending, .. } = self;
        pending.retain(|path, change| {
            if now - change.last < QUIET_DELAY {
                return true;
            }
            let bytes = library::read_changed_file(path).ok();
            let empty = bytes.as_ref().is_none_or(Vec::is_empty);
            if empty && now - change.first < MISSING_FILE_DELAY {
                return true;
            }
            for folder in folders.iter() {
                if let Some(change) = file_change(folder, path, bytes.clone()) {
                    report(change);
                    if bytes.is_some() {
                        known.insert(path.clone());
                    } else {
                        known.remove(path);
                    }
                }
            }
            false
        });
    }
}

/// The change of a file within a root; `None` for files that lessons cannot use, hidden files, and links to files
/// outside the folder.
fn file_change(folder: &Path, file: &Path, bytes: Option<Vec<u8>>) -> Option<FileChange> {
    let path = library::path_in(folder, file).filter(|_| is_in_reach(folder, file, MAX_DEPTH))?;
    if bytes.is_some() && !std::fs::canonicalize(file).is_ok_and(|real| real.starts_with(folder)) {
        return None;
    }
    Some(FileChange { root: to_text(folder), path, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Watches a new folder with an optimizer script.
    fn watched() -> (tempfile::TempDir, PathBuf, Receiver<FileChange>, FileWatcher) {
        let folder = tempfile::tempdir().expect("a folder");
        let real = fs::canonicalize(folder.path()).expect("the folder");
        fs::create_dir(real.join("optimizers")).expect("a folder");
        let file = real.join("optimizers/own.rhai");
        fs::write(&file, "one").expect("a file");
        let (to, changes) = channel();
        let watcher = FileWatcher::start(vec![real], move |change| drop(to.send(change))).expect("start to watch");
        (folder, file, changes, watcher)
    }

    fn next(changes: &Receiver<FileChange>) -> FileChange {
        changes.recv_timeout(Duration::from_secs(5)).expect("a change")
    }

    #[test]
    fn file_written_in_place_is_reported_when_complete() {
        let (_folder, file, changes, _watcher) = watched();
        fs::write(&file, "").expect("truncate the file");
        std::thread::sleep(Duration::from_millis(60));
        fs::write(&file, "two").expect("write the file");
        let change = next(&changes);
        assert_eq!((change.path.as_str(), change.bytes.as_deref()), ("optimizers/own.rhai", Some(&b"two"[..])));
    }

    #[test]
    fn file_replaced_by_rename_is_reported_once() {
        let (_folder, file, changes, _watcher) = watched();
        fs::remove_file(&file).expect("delete the file");
        let temporary = file.with_extension("tmp");
        fs::write(&temporary, "three").expect("write the file");
        fs::rename(&temporary, &file).expect("rename the file");
        assert_eq!(next(&changes).bytes.as_deref(), Some(&b"three"[..]));
        assert!(changes.recv_timeout(Duration::from_millis(300)).is_err());
    }

    #[test]
    fn new_folder_is_watched_to_the_depth_that_the_library_reads() {
        let (folder, _, changes, _watcher) = watched();
        let real = fs::canonicalize(folder.path()).expect("the folder");
        fs::create_dir_all(real.join("losses/a/b")).expect("folders");
        fs::create_dir(real.join(".git")).expect("a folder");
        for path in ["losses/own.rhai", "losses/a/deep.rhai", "losses/a/b/deeper.rhai", ".git/hidden.rhai"] {
            fs::write(real.join(path), path).expect("a file");
        }
        let mut seen = std::collections::BTreeSet::from(["optimizers/own.rhai".to_owned()]);
        while let Ok(change) = changes.recv_timeout(Duration::from_millis(500)) {
            assert_eq!(change.bytes.as_deref(), Some(change.path.as_bytes()));
            seen.insert(change.path);
        }
        assert_eq!(
            seen.iter().map(String::as_str).collect::<Vec<_>>(),
            ["losses/a/deep.rhai", "losses/own.rhai", "optimizers/own.rhai"]
        );
        let read = library::read_folder(&real);
        assert_eq!(read.files.paths().collect::<Vec<_>>(), seen.iter().map(String::as_str).collect::<Vec<_>>());
        fs::write(real.join("losses/a/deep.rhai"), "again").expect("a file");
        assert_eq!(next(&changes).bytes.as_deref(), Some(&b"again"[..]));
    }

    #[test]
    fn deleted_file_is_reported() {
        let (_folder, file, changes, _watcher) = watched();
        fs::remove_file(&file).expect("delete the file");
        assert_eq!(next(&changes).bytes, None);
    }

    #[test]
    fn removed_folders_are_watched_again() {
        let (folder, file, changes, _watcher) = watched();
        let top = fs::canonicalize(folder.path()).expect("the folder");
        // A subfolder, then the whole root, as version control and synchronisation tools replace them.
        for round in ["subfolder", "root"] {
            let removed = if round == "root" { top.as_path() } else { file.parent().expect("a folder") };
            fs::remove_dir_all(removed).expect("delete the folder");
            assert_eq!(next(&changes).bytes, None, "{round}");
            std::thread::sleep(Duration::from_millis(100));
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(&file, round).expect("write the file");
            assert_eq!(next(&changes).bytes.as_deref(), Some(round.as_bytes()));
            fs::write(&file, "later").expect("write the file");
            assert_eq!(next(&changes).bytes.as_deref(), Some(&b"later"[..]), "{round}");
        }
        // A root that is replaced at once, without one of its files.
        let other = top.with_extension("other");
        fs::create_dir_all(other.join("losses")).expect("a folder");
        fs::write(other.join("losses/new.rhai"), "new").expect("a file");
        let old = top.with_extension("old");
        fs::rename(&top, &old).expect("rename the folder");
        fs::rename(&other, &top).expect("rename the folder");
        let mut found = [next(&changes), next(&changes)].map(|change| (change.path, change.bytes));
        found.sort();
        let expected =
            [("losses/new.rhai".to_owned(), Some(b"new".to_vec())), ("optimizers/own.rhai".to_owned(), None)];
        assert_eq!(found, expected);
        fs::remove_dir_all(&old).expect("delete the folder");
    }
}
