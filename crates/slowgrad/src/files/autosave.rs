//! Keeps what the window shows on disk while it is open, so that it comes back after the program was ended.
//!
//! Each window has a place of its own, and holds a lock on it as long as it lives, however it ends: a session
//! whose lock is free belonged to a window that did not close by itself.

use super::sessions::read_session;
use super::writer::Writer;
use slowgrad_app::App;
use slowgrad_session::{Session, SessionFile};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// So many windows have a place each.
const PLACES: usize = 32;
/// While something plays, it is kept this often.
const EVERY: Duration = Duration::from_secs(1);

/// Where the last session that was closed by itself is kept.
pub(crate) fn last_session(folder: &Path) -> PathBuf {
    folder.join("last.session.json")
}

/// A window's place.
struct Place {
    file: PathBuf,
    /// Released by the system when the program ends.
    _lock: File,
}

/// What is kept, and where.
#[derive(Default)]
pub(crate) struct Autosave {
    place: Option<Place>,
    kept: Option<SessionFile>,
    looked: Option<Instant>,
    /// Whether what was handed over last is what the window shows.
    is_latest: bool,
    /// Files that were handed to the writer and are not on the disk yet.
    on_the_way: usize,
}

impl Autosave {
    /// Takes a place for this window, and answers what a window that was ended left in it: the latest that is wanted.
    pub(crate) fn claim(folder: &Path, is_wanted: impl Fn(&SessionFile) -> bool) -> (Self, Option<SessionFile>) {
        let _ = fs::create_dir_all(folder);
        let mut best: Option<(Place, Option<SessionFile>, Option<std::time::SystemTime>)> = None;
        for nth in 0..PLACES {
            let lock = folder.join(format!("window-{nth}.lock"));
            let file = folder.join(format!("window-{nth}.session.json"));
            // One place that nobody has had yet is enough.
            let is_fresh = !lock.exists();
            if is_fresh && best.as_ref().is_some_and(|(known, ..)| !known.file.exists()) {
                break;
            }
            let Some(lock) = File::create(lock).ok().filter(|lock| lock.try_lock().is_ok()) else { continue };
            let left = read_session(&file).ok();
            let is_empty = left.is_none();
            let left = left.filter(&is_wanted);
            let when = left.as_ref().and_then(|_| fs::metadata(&file).and_then(|about| about.modified()).ok());
            let is_better = match &best {
                None => true,
                // The latest of those that are wanted, else one that has nothing to lose.
                Some((known, _, latest)) => when > *latest || (is_empty && latest.is_none() && known.file.exists()),
            };
            if is_better {
                best = Some((Place { file, _lock: lock }, left, when));
            }
            if is_fresh {
                break;
            }
        }
        let Some((place, left, _)) = best else { return (Self::default(), None) };
        (Self { place: Some(place), ..Self::default() }, left)
    }

    /// Hands what the window shows to the writer when it has changed.
    pub(crate) fn keep(&mut self, session: &Session, app: &App, writer: &Writer) {
        let Some(place) = &self.place else { return };
        // Half a session must not take the place of a whole one.
        let is_early = session.is_going() && self.looked.is_some_and(|looked| looked.elapsed() < EVERY);
        self.is_latest = !is_early && !session.is_restoring();
        if !self.is_latest {
            return;
        }
        self.looked = Some(Instant::now());
        let Some(now) = SessionFile::of(session, app.open_panels()).filter(|now| self.kept.as_ref() != Some(now))
        else {
            return;
        };
        self.kept = Some(now.clone());
        self.on_the_way += 1;
        writer.write(place.file.clone(), move || now.text());
    }

    /// A file was written, or could not be.
    pub(crate) fn written(&mut self, file: &Path) {
        if self.place.as_ref().is_some_and(|place| place.file == file) {
            self.on_the_way = self.on_the_way.saturating_sub(1);
        }
    }

    /// Whether what the window shows would come back if the program was ended now.
    pub(crate) fn is_kept(&self) -> bool {
        self.is_latest && self.on_the_way == 0
    }

    /// The window closes by itself: what was kept becomes the last session, which is opened only when it is asked for.
    pub(crate) fn close(&mut self) {
        if let Some(place) = self.place.take() {
            let last = last_session(place.file.parent().unwrap_or(Path::new(".")));
            let _ = fs::rename(&place.file, last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(lesson: &str) -> String {
        format!(
            r#"{{"slowgrad":"session","version":1,"lesson":{lesson:?},"title":"T","changes":[],"step":1,"position":0.0,
            "trained":0,"loss":null,"granularity":"layer","speed":1.0,"cue":0,"moved":[],"panels":{{"tab":"script"}}}}"#
        )
    }

    #[test]
    fn a_window_that_was_ended_leaves_its_session_to_the_next_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let claim = |lesson: Option<&str>| {
            Autosave::claim(folder.path(), |left| lesson.is_none_or(|lesson| left.lesson == lesson))
        };
        let file = |autosave: &Autosave| autosave.place.as_ref().expect("a place").file.clone();
        let (first, none) = claim(None);
        assert!(none.is_none());
        fs::write(file(&first), session("a")).expect("it is kept");
        // As long as it lives its place is its own.
        let (second, none) = claim(Some("a"));
        assert!(none.is_none() && file(&second) != file(&first));
        fs::write(file(&second), session("b")).expect("it is kept");
        let (was_first, was_second) = (file(&first), file(&second));
        drop((first, second));
        // Both were ended: each lesson finds its own, a third one neither.
        let (third, none) = claim(Some("c"));
        assert!(none.is_none() && ![&was_first, &was_second].contains(&&file(&third)));
        let (mut again, found) = claim(Some("b"));
        assert_eq!((file(&again), found.map(|found| found.lesson)), (was_second.clone(), Some("b".into())));
        again.close();
        assert!(!was_second.exists() && last_session(folder.path()).exists());
        let (_, none) = claim(Some("b"));
        assert!(none.is_none());
        assert_eq!(claim(None).1.map(|found| found.lesson), Some("a".into()));
    }
}
