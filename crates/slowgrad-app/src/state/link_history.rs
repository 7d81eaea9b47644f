//! The positions that links led away from, and the item of the lesson panel that a link highlights.
//!
//! It must not know how a link is resolved.

use egui::Context;
use slowgrad_session::{Session, Slot};

/// How long a link highlights its item.
const HIGHLIGHT_SECS: f64 = 2.5;
/// The oldest positions are dropped beyond this number.
const MAX_VISITED: usize = 64;

/// An item of the lesson panel that a link highlights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LinkHighlight {
    /// A plug-in slot, or one of its controls by index.
    Setting(Slot, Option<usize>),
    /// A sample of the data, by index.
    Sample(usize),
}

/// A highlighted item.
#[derive(Debug)]
struct ActiveHighlight {
    item: LinkHighlight,
    /// egui's time at which the highlight ends.
    until_secs: f64,
    scrolled_to: bool,
}

/// The history of followed links.
#[derive(Debug, Default)]
pub(crate) struct LinkHistory {
    /// Steps, with an event of each.
    visited: Vec<(u64, usize)>,
    highlight: Option<ActiveHighlight>,
}

impl LinkHistory {
    /// Whether there is a position to go back to.
    pub(crate) fn can_go_back(&self) -> bool {
        !self.visited.is_empty()
    }

    /// The item that is highlighted now.
    pub(crate) fn highlight(&self, ctx: &Context) -> Option<&LinkHighlight> {
        let highlight = self.highlight.as_ref()?;
        let left_secs = highlight.until_secs - ctx.input(|input| input.time);
        if left_secs <= 0.0 {
            return None;
        }
        ctx.request_repaint_after_secs(left_secs as f32);
        Some(&highlight.item)
    }

    /// Whether the highlighted item must still be scrolled to; true once for each highlight.
    pub(crate) fn take_scroll(&mut self) -> bool {
        self.highlight.as_mut().is_some_and(|highlight| !std::mem::replace(&mut highlight.scrolled_to, true))
    }

    /// Highlights an item of the lesson panel.
    pub(crate) fn set_highlight(&mut self, item: LinkHighlight, ctx: &Context) {
        let until_secs = ctx.input(|input| input.time) + HIGHLIGHT_SECS;
        self.highlight = Some(ActiveHighlight { item, until_secs, scrolled_to: false });
    }

    /// Adds the position that a link leads away from.
    pub(crate) fn push(&mut self, position: (u64, usize)) {
        if self.visited.last() != Some(&position) {
            self.visited.push(position);
        }
        if self.visited.len() > MAX_VISITED {
            self.visited.remove(0);
        }
    }

    /// Goes back to where the last link was followed.
    pub(crate) fn go_back(&mut self, session: &mut Session) {
        if let Some((step, event)) = self.visited.pop() {
            session.go_to(step, event);
        }
    }

    /// Drops the visited positions once playback continues.
    pub(super) fn update(&mut self, session: &Session) {
        if session.is_active() {
            self.visited.clear();
        }
    }
}
