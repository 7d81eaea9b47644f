//! Saves the session of a window periodically, so that it can be restored after a crash.
//!
//! Each window has a slot: a session file and a lock file, which the window keeps locked while it runs. The system
//! releases the lock however the program ends, so a session in an unlocked slot belongs to a window that crashed or was
//! killed.

use super::sessions::read_session;
use super::writer::Writer;
use slowgrad_app::App;
use slowgrad_session::{Session, SessionFile};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The maximum number of windows that are saved.
const MAX_SLOTS: usize = 32;
/// The time between two saves during playback.
const AUTOSAVE_INTERVAL: Duration = Duration::from_secs(1);
/// The time of a write after which another one may follow at once.
const MAX_QUICK_WRITE: Duration = Duration::from_millis(100);
/// The time between two saves of a large network, as a multiple of the time that the last one took.
const AUTOSAVE_REST: u32 = 20;

/// The file of the last session whose window the user closed.
pub(crate) fn last_session(folder: &Path) -> PathBuf {
    folder.join("last.session.json")
}

/// The slot of a window.
struct LockSlot {
    /// The session file.
    file: PathBuf,
    /// The lock, which the system releases when the program ends.
    _lock: File,
}

/// The autosave of a window. Without a slot, nothing is saved.
#[derive(Default)]
pub(crate) struct Autosave {
    slot: Option<LockSlot>,
    /// The session that was last passed to the writer.
    last_saved: Option<SessionFile>,
    checked_at: Option<Instant>,
    /// The time when the last write was queued.
    queued_at: Option<Instant>,
    /// The time that the last write took.
    write_time: Duration,
    /// Whether `last_saved` is the current state.
    up_to_date: bool,
    /// The number of writes that the writer has not finished.
    pending_writes: usize,
}

impl Autosave {
    /// Locks a slot for this window. Also returns the session that a crashed window left in the slot: the newest one
    /// that `accept` allows.
    pub(crate) fn claim(folder: &Path, accept: impl Fn(&SessionFile) -> bool) -> (Self, Option<SessionFile>) {
        let _ = fs::create_dir_all(folder);
        let mut best: Option<(LockSlot, Option<SessionFile>, Option<std::time::SystemTime>)> = None;
        for index in 0..MAX_SLOTS {
            let lock = folder.join(format!("window-{index}.lock"));
            let file = folder.join(format!("window-{index}.session.json"));
            // Slots are used in order, so all slots after an unused one are unused too.
            let unused = !lock.exists();
            if unused && best.as_ref().is_some_and(|(slot, ..)| !slot.file.exists()) {
                break;
            }
            let Some(lock) = File::create(lock).ok().filter(|lock| lock.try_lock().is_ok()) else { continue };
            let session = read_session(&file).ok();
            let empty = session.is_none();
            let session = session.filter(&accept);
            let modified = session.as_ref().and_then(|_| fs::metadata(&file).and_then(|data| data.modified()).ok());
            let better = match &best {
                None => true,
                // Prefers the newest accepted session, then a slot without a session that would be overwritten.
                Some((slot, _, newest)) => modified > *newest || (empty && newest.is_none() && slot.file.exists()),
            };
            if better {
                best = Some((LockSlot { file, _lock: lock }, session, modified));
            }
            if unused {
                break;
            }
        }
        let Some((slot, session, _)) = best else { return (Self::default(), None) };
        (Self { slot: Some(slot), ..Self::default() }, session)
    }

    /// Saves the session if it has changed and the interval has passed.
    pub(crate) fn update(&mut self, session: &Session, app: &App, writer: &Writer) {
        let Some(slot) = &self.slot else { return };
        let interval = if session.is_active() { self.interval() } else { self.rest() };
        // Changes during a write are written together after it.
        let too_early = self.pending_writes > 0 || self.checked_at.is_some_and(|at| at.elapsed() < interval);
        // An incomplete session must not replace the one that is being restored.
        self.up_to_date = !too_early && !session.is_restoring();
        if !self.up_to_date {
            return;
        }
        self.checked_at = Some(Instant::now());
        let current = session.to_file(app.open_panels());
        let Some(current) = current.filter(|current| self.last_saved.as_ref() != Some(current)) else { return };
        self.last_saved = Some(current.clone());
        self.queued_at = Some(Instant::now());
        self.pending_writes += 1;
        writer.write(slot.file.clone(), move || current.text());
    }

    /// Takes note that `file` was written or could not be.
    pub(crate) fn handle_write_result(&mut self, file: &Path) {
        if self.slot.as_ref().is_some_and(|slot| slot.file == file) {
            self.pending_writes = self.pending_writes.saturating_sub(1);
            self.write_time = self.queued_at.map_or(Duration::ZERO, |at| at.elapsed());
        }
    }

    /// The time between two saves during playback.
    fn interval(&self) -> Duration {
        AUTOSAVE_INTERVAL.max(self.rest())
    }

    /// The time after a save in which nothing is saved, so that a large network does not keep the disk busy.
    fn rest(&self) -> Duration {
        if self.write_time < MAX_QUICK_WRITE { Duration::ZERO } else { self.write_time * AUTOSAVE_REST }
    }

    /// The time at which changes since the last save may be saved.
    pub(crate) fn next_update(&self) -> Option<Instant> {
        let due = !self.up_to_date && self.pending_writes == 0;
        self.checked_at.filter(|_| due)?.checked_add(self.interval())
    }

    /// Whether the current state would be restored after a crash.
    pub(crate) fn is_saved(&self) -> bool {
        self.up_to_date && self.pending_writes == 0
    }

    /// Moves the autosaved session to [`last_session`], because the user has closed the window. That session is opened
    /// only on request.
    pub(crate) fn close(&mut self) {
        if let Some(slot) = self.slot.take() {
            let last = last_session(slot.file.parent().unwrap_or(Path::new(".")));
            let _ = fs::rename(&slot.file, last);
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
    fn next_window_restores_session_of_a_killed_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let claim = |lesson: Option<&str>| {
            Autosave::claim(folder.path(), |session| lesson.is_none_or(|lesson| session.lesson == lesson))
        };
        let file = |autosave: &Autosave| autosave.slot.as_ref().expect("a slot").file.clone();
        let (first, none) = claim(None);
        assert!(none.is_none());
        fs::write(file(&first), session("a")).expect("write the session");
        // The slot of a running window stays locked.
        let (second, none) = claim(Some("a"));
        assert!(none.is_none() && file(&second) != file(&first));
        fs::write(file(&second), session("b")).expect("write the session");
        let (first_file, second_file) = (file(&first), file(&second));
        drop((first, second));
        // After both have ended, each lesson finds its own session, and a third lesson none.
        let (third, none) = claim(Some("c"));
        assert!(none.is_none() && ![&first_file, &second_file].contains(&&file(&third)));
        let (mut again, found) = claim(Some("b"));
        assert_eq!((file(&again), found.map(|found| found.lesson)), (second_file.clone(), Some("b".into())));
        again.close();
        assert!(!second_file.exists() && last_session(folder.path()).exists());
        let (_, none) = claim(Some("b"));
        assert!(none.is_none());
        assert_eq!(claim(None).1.map(|found| found.lesson), Some("a".into()));
    }
}
