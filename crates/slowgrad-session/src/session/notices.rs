//! Short messages that disappear after a while, and the flash after a hot reload.
//!
//! It must not know how they are drawn.

/// The time for which a notice is shown.
const NOTICE_SECS: f64 = 6.0;
/// The number of notices that are shown together.
const MAX_NOTICES: usize = 4;
/// The duration of the flash after a hot reload.
const RELOAD_FLASH_SECS: f64 = 0.6;

/// A short message that disappears after a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The message.
    pub text: String,
    /// The seconds until it disappears.
    pub left_secs: f64,
}

/// The notices that are shown.
#[derive(Debug, Default)]
pub struct Notices {
    list: Vec<Notice>,
    flash_secs: f64,
}

impl Notices {
    /// The notices, the latest last.
    pub fn iter(&self) -> std::slice::Iter<'_, Notice> {
        self.list.iter()
    }

    /// The latest notice.
    pub fn last(&self) -> Option<&Notice> {
        self.list.last()
    }

    /// The strength of the flash after a hot reload, from 1 at its start to 0.
    pub fn reload_flash(&self) -> f64 {
        self.flash_secs / RELOAD_FLASH_SECS
    }

    /// Shows a notice. A repeated text replaces the earlier notice.
    pub(super) fn add(&mut self, text: String) {
        self.list.retain(|notice| notice.text != text);
        self.list.push(Notice { text, left_secs: NOTICE_SECS });
        if self.list.len() > MAX_NOTICES {
            self.list.remove(0);
        }
    }

    /// Starts the flash after a hot reload.
    pub(super) fn flash(&mut self) {
        self.flash_secs = RELOAD_FLASH_SECS;
    }

    /// Advances time, and removes notices that have expired.
    pub(super) fn tick(&mut self, dt_secs: f64) {
        for notice in &mut self.list {
            notice.left_secs -= dt_secs;
        }
        self.list.retain(|notice| notice.left_secs > 0.0);
        self.flash_secs = (self.flash_secs - dt_secs).max(0.0);
    }

    /// The seconds until the next notice disappears.
    pub(super) fn next_secs(&self) -> Option<f64> {
        self.list.iter().map(|notice| notice.left_secs).reduce(f64::min)
    }
}

impl<'a> IntoIterator for &'a Notices {
    type Item = &'a Notice;
    type IntoIter = std::slice::Iter<'a, Notice>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
