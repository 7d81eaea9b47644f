//! The bookmarks of a run, ordered by step and event.
//!
//! It must not know how they are drawn or stored.

use crate::file::Bookmark;
use std::ops::Deref;

/// The bookmarks of a run, ordered by step and event. As a slice they can be read by number.
#[derive(Debug, Default)]
pub struct Bookmarks(Vec<Bookmark>);

impl Deref for Bookmarks {
    type Target = [Bookmark];

    fn deref(&self) -> &[Bookmark] {
        &self.0
    }
}

impl Bookmarks {
    /// Takes over the bookmarks of a session file.
    pub(super) fn new(bookmarks: Vec<Bookmark>) -> Self {
        Self(bookmarks)
    }

    /// A bookmark by number, for renaming.
    pub fn get_mut(&mut self, nth: usize) -> Option<&mut Bookmark> {
        self.0.get_mut(nth)
    }

    /// The number of the bookmark at an event of a step.
    pub(super) fn position(&self, (step, event): (u64, usize)) -> Option<usize> {
        self.0.iter().position(|bookmark| (bookmark.step, bookmark.event) == (step, event))
    }

    /// Adds a bookmark; returns its number.
    pub(crate) fn insert(&mut self, new: Bookmark) -> usize {
        let nth = self.0.partition_point(|bookmark| (bookmark.step, bookmark.event) < (new.step, new.event));
        self.0.insert(nth, new);
        nth
    }

    /// Removes a bookmark.
    pub(super) fn remove(&mut self, nth: usize) -> Option<Bookmark> {
        (nth < self.0.len()).then(|| self.0.remove(nth))
    }

    /// The step and event of the next bookmark after a position, or of the previous one before it.
    pub(super) fn neighbour(&self, from: (u64, usize), forward: bool) -> Option<(u64, usize)> {
        let mut all = self.0.iter().map(|bookmark| (bookmark.step, bookmark.event));
        if forward { all.find(|position| *position > from) } else { all.rfind(|position| *position < from) }
    }
}
