//! Places of the run that somebody wants to find again.
//!
//! They are part of the session and of its file. This must not know how they are drawn.

use super::Session;
use crate::file::Bookmark;
use slowgrad_timeline::explain::words;

impl Session {
    /// The place that is shown, as a bookmark would have it.
    fn place(&self) -> Option<(u64, usize)> {
        self.now().map(|(timeline, playhead)| (timeline.step().step, playhead.event()))
    }

    /// The bookmark of the place that is shown, by its number.
    pub fn bookmark_here(&self) -> Option<usize> {
        let place = self.place()?;
        self.bookmarks.iter().position(|bookmark| (bookmark.step, bookmark.event) == place)
    }

    /// Puts a bookmark here, or takes away the one that is here.
    pub(super) fn toggle_bookmark(&mut self) {
        match self.bookmark_here() {
            Some(known) => self.remove_bookmark(known),
            None => drop(self.add_bookmark()),
        }
    }

    /// The bookmark of this place, which is put here if there is none.
    pub fn add_bookmark(&mut self) -> Option<usize> {
        if let Some(known) = self.bookmark_here() {
            return Some(known);
        }
        let (timeline, playhead) = self.now()?;
        let name = words::title(timeline, &timeline.address(playhead.event()));
        let (step, event) = self.place()?;
        let at = self.bookmarks.partition_point(|bookmark| (bookmark.step, bookmark.event) < (step, event));
        self.notice(format!("bookmark: {name}"));
        self.bookmarks.insert(at, Bookmark { name, step, event });
        Some(at)
    }

    pub fn remove_bookmark(&mut self, nth: usize) {
        if nth < self.bookmarks.len() {
            let gone = self.bookmarks.remove(nth);
            self.notice(format!("bookmark removed: {}", gone.name));
        }
    }

    /// Goes to the next bookmark, or the one before.
    pub(super) fn go_to_bookmark(&mut self, forward: bool) {
        let Some(here) = self.place() else { return };
        let mut all = self.bookmarks.iter().map(|bookmark| (bookmark.step, bookmark.event));
        let found = if forward { all.find(|place| *place > here) } else { all.rfind(|place| *place < here) };
        match found {
            Some((step, event)) => self.go_to(step, event),
            None if self.bookmarks.is_empty() => self.notice("no bookmarks yet"),
            None => self.notice(if forward { "no later bookmark" } else { "no earlier bookmark" }),
        }
    }
}
