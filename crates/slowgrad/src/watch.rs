//! Notices when scripts on disk change, however an editor saves them.
//!
//! Some editors write a file in place (it is empty for a moment), others write beside it and rename (it is
//! gone for a moment). So a change is reported when the file has been quiet for a little while, and an empty
//! or missing file only after some patience. It must not know what the files mean.

use crate::library;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use slowgrad_script::PluginKind;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
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
    _watcher: RecommendedWatcher,
}

impl Watch {
    /// Watches the folders that lessons were read from.
    pub(crate) fn start(folders: Vec<PathBuf>, report: impl Fn(Change) + Send + 'static) -> notify::Result<Self> {
        let (noticed, to_do) = channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            if let Ok(event) = event
                && !event.kind.is_access()
            {
                // The thread ends when the watcher does.
                let _ = noticed.send(event.paths);
            }
        })?;
        for folder in &folders {
            watcher.watch(folder, RecursiveMode::NonRecursive)?;
            // Not recursively: a lesson may lie in a folder with all the world below it.
            for kind in PluginKind::ALL {
                let below = folder.join(kind.folder());
                if below.is_dir() {
                    watcher.watch(&below, RecursiveMode::NonRecursive)?;
                }
            }
        }
        std::thread::Builder::new().name("slowgrad-watch".into()).spawn(move || attend(&folders, &to_do, &report))?;
        Ok(Self { _watcher: watcher })
    }
}

/// A file that something happened to.
#[derive(Debug, Clone, Copy)]
struct Stir {
    first: Instant,
    last: Instant,
}

fn attend(folders: &[PathBuf], noticed: &Receiver<Vec<PathBuf>>, report: &dyn Fn(Change)) {
    let mut stirred: BTreeMap<PathBuf, Stir> = BTreeMap::new();
    loop {
        let heard = if stirred.is_empty() {
            noticed.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            noticed.recv_timeout(QUIET / 3)
        };
        let now = Instant::now();
        match heard {
            Ok(paths) => {
                for path in paths {
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
    let path = library::path_in(folder, file)?;
    if path.split('/').any(|name| name.starts_with('.')) {
        return None;
    }
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
    fn a_file_that_stays_away_is_gone() {
        let (_folder, file, changes, _watch) = watched();
        fs::remove_file(&file).expect("gone");
        assert_eq!(next(&changes).bytes, None);
    }
}
