//! Notices when scripts on disk change, however an editor saves them.
//!
//! Some editors write a file in place (it is empty for a moment), others write beside it and rename (it is
//! gone for a moment). So a change is reported when the file has been quiet for a little while, and an empty
//! or missing file only after some patience. It must not know what the files mean.

use super::library::{self, DEPTH, MOST_ENTRIES};
use notify::event::{EventKind, ModifyKind};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A file is read when nothing has happened to it for so long.
const QUIET: Duration = Duration::from_millis(30);
/// An empty or missing file is believed after so long.
const PATIENCE: Duration = Duration::from_millis(200);

/// A file that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// The folder that the file's root was read from.
    pub(crate) root: String,
    /// Its path in there.
    pub(crate) path: String,
    /// What is in it now; `None` when it is gone.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// The running watcher; watching ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Watch {
    _watcher: Arc<Mutex<RecommendedWatcher>>,
}

impl Watch {
    /// Watches the folders that lessons were read from, and those below them that lessons can use.
    pub(crate) fn start(folders: Vec<PathBuf>, report: impl Fn(Change) + Send + 'static) -> notify::Result<Self> {
        let (noticed, to_do) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && !event.kind.is_access()
            {
                // The thread ends when the watcher does.
                let _ = noticed.send(event);
            }
        })?;
        for folder in &folders {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            let mut budget = MOST_ENTRIES;
            for below in listed(folder, folder, &mut budget).0 {
                watch_below(&mut watcher, folder, &below, &mut budget);
            }
        }
        let watcher = Arc::new(Mutex::new(watcher));
        // The thread must not keep alive what it waits for the end of.
        let weak = Arc::downgrade(&watcher);
        let entered = move |folder: &Path, top: &Path| match weak.upgrade() {
            Some(watcher) => {
                let mut watcher = watcher.lock().unwrap_or_else(PoisonError::into_inner);
                let mut budget = MOST_ENTRIES;
                watch_below(&mut watcher, top, folder, &mut budget)
            }
            None => Vec::new(),
        };
        let thread = std::thread::Builder::new().name("slowgrad-watch".into());
        thread.spawn(move || attend(&folders, &to_do, &entered, &report))?;
        Ok(Self { _watcher: watcher })
    }
}

/// Watches a folder below another and all folders in it, and answers the files that are there already. Not
/// recursively by the system: a lesson may lie in a folder with all the world below it.
fn watch_below(watcher: &mut RecommendedWatcher, top: &Path, folder: &Path, budget: &mut usize) -> Vec<PathBuf> {
    if !is_near(top, folder, DEPTH - 1) {
        return Vec::new();
    }
    // A folder that cannot be watched is left out, as one that cannot be read.
    let _ = watcher.watch(folder, RecursiveMode::NonRecursive);
    let (folders, mut files) = listed(top, folder, budget);
    for folder in folders {
        files.extend(watch_below(watcher, top, &folder, budget));
    }
    files
}

/// The folders that can be watched and the files in a folder, as far as the budget goes; links are neither.
fn listed(top: &Path, folder: &Path, budget: &mut usize) -> (Vec<PathBuf>, Vec<PathBuf>) {
    let entries: Vec<_> = std::fs::read_dir(folder).into_iter().flatten().flatten().take(*budget).collect();
    *budget -= entries.len();
    let (folders, files): (Vec<_>, Vec<_>) = entries
        .into_iter()
        .filter_map(|entry| Some((entry.path(), entry.file_type().ok()?)))
        .filter(|(_, kind)| kind.is_dir() || kind.is_file())
        .partition(|(_, kind)| kind.is_dir());
    let paths = |entries: Vec<(PathBuf, _)>| entries.into_iter().map(|(path, _)| path);
    (paths(folders).filter(|path| is_near(top, path, DEPTH - 1)).collect(), paths(files).collect())
}

/// Whether a path lies below a folder, at most so deep, and neither it nor what it lies in is hidden.
fn is_near(top: &Path, path: &Path, depth: usize) -> bool {
    path.strip_prefix(top).is_ok_and(|below| {
        let hidden = below.iter().any(|name| name.to_string_lossy().starts_with('.'));
        !hidden && (1..=depth).contains(&below.iter().count())
    })
}

/// A file that something happened to.
#[derive(Debug, Clone, Copy)]
struct Stir {
    first: Instant,
    last: Instant,
}

fn attend(
    folders: &[PathBuf],
    noticed: &Receiver<notify::Event>,
    entered: &dyn Fn(&Path, &Path) -> Vec<PathBuf>,
    report: &dyn Fn(Change),
) {
    let mut stirred: BTreeMap<PathBuf, Stir> = BTreeMap::new();
    loop {
        let heard = if stirred.is_empty() {
            noticed.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            noticed.recv_timeout(QUIET / 3)
        };
        let now = Instant::now();
        match heard {
            Ok(event) => {
                let is_new = matches!(event.kind, EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(_)));
                let new_folders: Vec<&PathBuf> = event.paths.iter().filter(|path| is_new && path.is_dir()).collect();
                // What was put into a new folder before it was watched counts as well.
                let found = folders.iter().flat_map(|top| new_folders.iter().flat_map(move |new| entered(new, top)));
                let found: Vec<PathBuf> = found.collect();
                for path in event.paths.into_iter().chain(found) {
                    stirred.entry(path).and_modify(|stir| stir.last = now).or_insert(Stir { first: now, last: now });
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        stirred.retain(|path, stir| {
            if now - stir.last < QUIET {
                return true;
            }
            let bytes = library::read_file(path).ok();
            let is_doubtful = bytes.as_ref().is_none_or(Vec::is_empty);
            if is_doubtful && now - stir.first < PATIENCE {
                return true;
            }
            for folder in folders {
                if let Some(change) = change(folder, path, bytes.clone()) {
                    report(change);
                }
            }
            false
        });
    }
}

/// The change of a file as its root sees it; nothing for files that lessons cannot use, hidden ones, and
/// links that lead out of the folder.
fn change(folder: &Path, file: &Path, bytes: Option<Vec<u8>>) -> Option<Change> {
    let path = library::path_in(folder, file).filter(|_| is_near(folder, file, DEPTH))?;
    if bytes.is_some() && !std::fs::canonicalize(file).is_ok_and(|real| real.starts_with(folder)) {
        return None;
    }
    Some(Change { root: folder.display().to_string(), path, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// Watches a fresh folder with an optimizer in it.
    fn watched() -> (tempfile::TempDir, PathBuf, Receiver<Change>, Watch) {
        let folder = tempfile::tempdir().expect("a folder");
        let real = fs::canonicalize(folder.path()).expect("the folder");
        fs::create_dir(real.join("optimizers")).expect("a folder");
        let file = real.join("optimizers/own.rhai");
        fs::write(&file, "one").expect("a file");
        let (to, changes) = channel();
        let watch = Watch::start(vec![real], move |change| drop(to.send(change))).expect("it watches");
        (folder, file, changes, watch)
    }

    fn next(changes: &Receiver<Change>) -> Change {
        changes.recv_timeout(Duration::from_secs(5)).expect("a change")
    }

    #[test]
    fn a_file_that_is_written_in_place_is_read_when_it_is_whole() {
        let (_folder, file, changes, _watch) = watched();
        fs::write(&file, "").expect("emptied");
        std::thread::sleep(Duration::from_millis(60));
        fs::write(&file, "two").expect("written");
        let change = next(&changes);
        assert_eq!((change.path.as_str(), change.bytes.as_deref()), ("optimizers/own.rhai", Some(&b"two"[..])));
    }

    #[test]
    fn a_file_that_is_renamed_into_place_is_one_change() {
        let (_folder, file, changes, _watch) = watched();
        fs::remove_file(&file).expect("gone");
        let beside = file.with_extension("tmp");
        fs::write(&beside, "three").expect("written");
        fs::rename(&beside, &file).expect("renamed");
        assert_eq!(next(&changes).bytes.as_deref(), Some(&b"three"[..]));
        assert!(changes.recv_timeout(Duration::from_millis(300)).is_err());
    }

    #[test]
    fn a_folder_that_is_made_later_is_watched_as_deep_as_the_library_reads() {
        let (folder, _, changes, _watch) = watched();
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
    fn a_file_that_stays_away_is_gone() {
        let (_folder, file, changes, _watch) = watched();
        fs::remove_file(&file).expect("gone");
        assert_eq!(next(&changes).bytes, None);
    }
}
