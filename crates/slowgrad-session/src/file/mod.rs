//! Session files: the state of a session as readable JSON.
//!
//! Replay is exact, so a file stores no weights but the lesson, the changes with their steps, the texts of scripts at each
//! time, and the viewer's position. It does not include the data and weight files that a lesson reads; if they have
//! changed, the loss differs. This module must not know files on disk.

mod panels;
mod runs;
#[cfg(test)]
mod tests;

use crate::protocol::{BackendCommand, Difference, SavedRun};
pub use panels::{DrawerTab, OpenPanels, OpenPlots};
pub(crate) use runs::RunsDto;
use serde::{Deserialize, Serialize};
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::scene::{Point, Target};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The version of the format. Older versions can be read as well.
pub(crate) const VERSION: u32 = 2;
/// The type of a session file, in its first entry.
pub(crate) const FILE_TYPE: &str = "session";
/// The library root of the built-in lessons.
const BUILT_IN: &str = "slowgrad";

/// A named position in the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bookmark {
    /// The name.
    pub name: String,
    /// The training step, from 1.
    pub step: u64,
    /// The event in the step, from 0.
    pub event: usize,
}

/// The repetition mode of the playhead.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum RepeatDto {
    #[default]
    Off,
    Step,
    Events(Range<usize>),
}

/// The camera, if the viewer has zoomed or panned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CameraDto {
    pub(crate) center: Point,
    pub(crate) zoom: f32,
}

/// The contents of a session file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionFile {
    /// The type of the file: "session".
    pub(crate) slowgrad: String,
    /// The version of the format.
    pub(crate) version: u32,
    /// The name of a built-in lesson, or the path of a file.
    pub lesson: String,
    /// The title of the lesson.
    pub title: String,
    /// The position in the shown step, in events: 2.5 is half through the third event.
    pub(crate) position: f64,
    /// The loss of the shown step, to detect differences when the session is restored.
    pub(crate) loss: Option<f64>,
    pub(crate) granularity: Granularity,
    pub(crate) speed: f64,
    #[serde(default, rename = "loop")]
    pub(crate) repeat: RepeatDto,
    /// The number of completed cues.
    pub(crate) cue: usize,
    #[serde(default)]
    pub(crate) bookmarks: Vec<Bookmark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) camera: Option<CameraDto>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) selected: Option<Target>,
    pub(crate) panels: OpenPanels,
    /// The difference of the second run of a comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compared: Option<Difference>,
    /// The run, and the runs that undo and redo return to.
    pub(crate) run: RunsDto,
}

/// The error of bytes that are not a readable session file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// The bytes are not a session file, for this reason.
    #[error("is not a session file: {0}")]
    NotASession(String),
    /// The file has a newer version of the format than [`SessionFile::parse`] supports.
    #[error("was saved by a newer slowgrad (file version {0}; this version reads up to {VERSION})")]
    Newer(u64),
}

/// The name of a lesson in session files: its name if it is built in, otherwise its path on disk.
pub fn lesson_name(root: &str, path: &str) -> String {
    if root == BUILT_IN {
        path.strip_prefix("lessons/").and_then(|path| path.strip_suffix(".rhai")).unwrap_or(path).to_owned()
    } else {
        Path::new(root).join(path).display().to_string()
    }
}

impl SessionFile {
    /// The text of the file, with one entry per line.
    pub fn text(&self) -> String {
        // Serialization fails only for maps with keys that are not strings; there are none.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a session file of this version or an older one.
    ///
    /// # Errors
    ///
    /// If the bytes are not a session file, or of a newer version.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let invalid = FormatError::NotASession;
        let mut value: serde_json::Value = serde_json::from_slice(bytes).map_err(|error| invalid(error.to_string()))?;
        if value["slowgrad"] != FILE_TYPE {
            return Err(invalid("the entry \"slowgrad\": \"session\" is missing".into()));
        }
        match value["version"].as_u64() {
            Some(version) if version > u64::from(VERSION) => Err(FormatError::Newer(version)),
            Some(version) => {
                if version < 2 {
                    nest_run(&mut value);
                }
                serde_json::from_value(value).map_err(|error| invalid(error.to_string()))
            }
            None => Err(invalid("the version is missing".into())),
        }
    }

    /// The command that restores the run; `lesson` is the path of its lesson in the library.
    pub fn command(&self, lesson: String) -> BackendCommand {
        BackendCommand::Restore(Box::new(SavedRun {
            lesson,
            recipe: self.run.recipe.clone(),
            undo_history: Arc::clone(&self.run.undo_history),
        }))
    }
}

/// Converts the first version of the format, which has the fields of the run at the top level, and no scripts, undo or
/// abandoned branch.
fn nest_run(value: &mut serde_json::Value) {
    let Some(session) = value.as_object_mut() else { return };
    let parts = ["seed", "changes", "step", "trained", "moved"];
    let run = parts.into_iter().filter_map(|name| session.remove_entry(name)).collect();
    session.insert("run".into(), serde_json::Value::Object(run));
}
