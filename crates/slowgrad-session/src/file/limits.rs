//! What a session file may hold. A file from another person is not trusted: lists are counted while they are read, so
//! that a small file cannot take much memory.

use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Visitor};
use std::fmt::{self, Formatter};
use std::marker::PhantomData;

/// The maximum size of a session file, in bytes.
pub const MAX_FILE_BYTES: usize = 64 << 20;
/// The maximum size of a file of the first version, which has no texts, in bytes.
pub(super) const MAX_FIRST_VERSION_BYTES: usize = 4 << 20;
/// The maximum number of parameters and optimizer state values that a file stores: 32 MiB. With more of them a file
/// stores none, and opening it replays the run.
pub(crate) const MAX_STATE_NUMBERS: usize = 4 << 20;
/// The maximum size of all data and weight files that a file stores, in bytes. Of others it stores a digest.
pub(crate) const MAX_DATA_BYTES: usize = 4 << 20;
/// The maximum number of a step.
pub const MAX_STEPS: u64 = 1_000_000_000_000_000;
/// The maximum number of steps of a run without stored weights, which are computed again when it is opened.
pub const MAX_REPLAYED_STEPS: u64 = 1_000_000_000;
/// The maximum number of changes of a run.
pub(super) const MAX_CHANGES: usize = 100_000;
/// The maximum number of runs that undo, or redo, returns to.
pub(super) const MAX_UNDO: usize = 1_000;
/// The maximum number of versions of scripts, and of scripts that change together.
pub(super) const MAX_SCRIPTS: usize = 10_000;
/// The maximum number of changes of all runs of undo and redo together, each counted with its scripts. Saving drops the
/// oldest runs beyond it.
pub(super) const MAX_UNDO_CHANGES: usize = 500_000;
/// The maximum number of points of a loss curve.
pub(super) const MAX_CURVE_POINTS: usize = 16_384;
/// The maximum number of bookmarks, plots, data files, state fields and unsaved scripts, each.
pub(super) const MAX_ENTRIES: usize = 10_000;
/// The maximum number of discs that were moved by hand.
pub(super) const MAX_MOVED: usize = 100_000;
/// The maximum size of a name that is displayed, in bytes.
pub(super) const MAX_NAME_BYTES: usize = 4_096;
/// The maximum size of a text in the editor, in bytes.
pub(super) const MAX_UNSAVED_BYTES: usize = 1 << 20;

/// Reads a list of at most `MAX` elements.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>, const MAX: usize>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    struct List<T, const MAX: usize>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for List<T, MAX> {
        type Value = Vec<T>;

        fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
            write!(formatter, "a list of at most {MAX} elements")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Vec<T>, A::Error> {
            let mut list = Vec::new();
            while let Some(element) = elements.next_element()? {
                if list.len() == MAX {
                    return Err(A::Error::custom(format!("a list has more than {MAX} elements")));
                }
                list.push(element);
            }
            Ok(list)
        }
    }
    deserializer.deserialize_seq(List::<T, MAX>(PhantomData))
}

/// A text that is stored line by line, so that differences between files are readable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lines(pub(super) String);

impl serde::Serialize for Lines {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.split('\n'))
    }
}

impl<'de> Deserialize<'de> for Lines {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Joined;
        impl<'de> Visitor<'de> for Joined {
            type Value = Lines;

            fn expecting(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of lines")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut lines: A) -> Result<Lines, A::Error> {
                let mut text = lines.next_element::<String>()?.unwrap_or_default();
                while let Some(line) = lines.next_element::<String>()? {
                    text.push('\n');
                    text.push_str(&line);
                }
                Ok(Lines(text))
            }
        }
        deserializer.deserialize_seq(Joined)
    }
}
