//! Session files: the state of a session as readable JSON.
//!
//! Replay is exact, so the lesson, the changes with their steps and the texts of scripts at each time reproduce a run. The
//! file also stores the parameters and the optimizer's state of the shown step, so that it is shown before the run is
//! replayed, small files of data and initial weights, so that it opens without the lesson's folder, and the viewer's
//! position. Files are not trusted: everything in them is counted and checked (`limits.rs`). This module must not know
//! files on disk.

mod data;
#[cfg(test)]
mod hostile_tests;
pub(crate) mod limits;
mod panels;
mod runs;
mod state;
#[cfg(test)]
mod tests;

use crate::protocol::{BackendCommand, Difference, SavedRun};
use crate::shipped;
pub use data::Digest;
pub(crate) use data::embed;
use data::{DataContents, DataFile};
use limits::{MAX_ENTRIES, MAX_FILE_BYTES, MAX_FIRST_VERSION_BYTES, MAX_NAME_BYTES, MAX_REPLAYED_STEPS, MAX_STEPS};
pub use panels::{DrawerTab, OpenPanels, OpenPlots, UnsavedScript};
pub(crate) use runs::{BuiltInTexts, RunsDto};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::scene::{Point, Target};
pub(crate) use state::StateDto;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The version of the format. Older versions can be read as well.
pub(crate) const VERSION: u32 = 3;
/// The type of a session file, in its first entry.
pub(crate) const FILE_TYPE: &str = "session";
/// The name of the library root with the scripts and data that a session file holds.
pub const SESSION_ROOT: &str = "session";

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
    /// The name of a built-in lesson, or the path of a file. In a file, a path starts with `./` or `../` and is relative to
    /// the folder of the session file, or it is absolute.
    pub lesson: String,
    /// The path of the lesson in the library; empty in older versions of the format.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) path: String,
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
    #[serde(default, deserialize_with = "limits::list::<_, _, MAX_ENTRIES>")]
    pub(crate) bookmarks: Vec<Bookmark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) camera: Option<CameraDto>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) selected: Option<Target>,
    /// The open panels.
    pub panels: OpenPanels,
    /// The difference of the second run of a comparison.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compared: Option<Difference>,
    /// The files of data and initial weights that the lesson uses.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "limits::list::<_, _, MAX_ENTRIES>")]
    pub(crate) files: Vec<DataFile>,
    /// The numbers of the shown step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<StateDto>,
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
    if root == shipped::ROOT {
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
        let invalid = |error: serde_json::Error| FormatError::NotASession(error.to_string());
        if bytes.len() > MAX_FILE_BYTES {
            return Err(FormatError::NotASession(format!("it has more than {MAX_FILE_BYTES} bytes")));
        }
        let head: Head<'_> = serde_json::from_slice(bytes).map_err(invalid)?;
        if head.slowgrad.is_none_or(|value| value.get() != "\"session\"") {
            return Err(FormatError::NotASession("the entry \"slowgrad\": \"session\" is missing".into()));
        }
        let version = head.version.and_then(|version| version.get().parse::<u64>().ok());
        let file: Self = match version {
            None => return Err(FormatError::NotASession("the version is missing".into())),
            Some(version) if version > u64::from(VERSION) => return Err(FormatError::Newer(version)),
            Some(0 | 1) if bytes.len() > MAX_FIRST_VERSION_BYTES => {
                let text = format!("it has more than {MAX_FIRST_VERSION_BYTES} bytes");
                return Err(FormatError::NotASession(text));
            }
            Some(0 | 1) => {
                let mut value: serde_json::Value = serde_json::from_slice(bytes).map_err(invalid)?;
                nest_run(&mut value);
                serde_json::from_value(value).map_err(invalid)?
            }
            Some(_) => serde_json::from_slice(bytes).map_err(invalid)?,
        };
        file.validate().map_err(FormatError::NotASession)?;
        Ok(file)
    }

    /// Checks everything that the format itself does not limit.
    fn validate(&self) -> Result<(), String> {
        self.run.validate()?;
        let steps = self.run.recipe.furthest;
        if self.state.is_none() && steps > MAX_REPLAYED_STEPS {
            return Err(format!(
                "it trained {steps} steps and stores no weights; at most {MAX_REPLAYED_STEPS} steps are computed again"
            ));
        }
        if let Some(bookmark) = self.bookmarks.iter().find(|bookmark| !(1..=MAX_STEPS).contains(&bookmark.step)) {
            return Err(format!("a bookmark is at step {}", bookmark.step));
        }
        let names = self.bookmarks.iter().map(|bookmark| &bookmark.name).chain([&self.title, &self.lesson, &self.path]);
        if names.into_iter().any(|name| name.len() > MAX_NAME_BYTES) {
            return Err(format!("a name has more than {MAX_NAME_BYTES} bytes"));
        }
        if let Some(CameraDto { center, zoom }) = &self.camera
            && (!zoom.is_finite()
                || *zoom <= 0.0
                || !center.iter().all(|at| (-MAX_CAMERA_DISTANCE..=MAX_CAMERA_DISTANCE).contains(at)))
        {
            return Err("its camera is nowhere".into());
        }
        Ok(())
    }

    /// The command that restores the run; `lesson` is the path of its lesson in the library.
    pub fn command(&self, lesson: String) -> BackendCommand {
        BackendCommand::Restore(Box::new(SavedRun {
            lesson,
            recipe: self.run.recipe.clone(),
            undo_history: Arc::clone(&self.run.undo_history),
            state: self.state.as_ref().map(StateDto::stored),
        }))
    }

    /// The version of the format that the file was read from.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The shown step, from 1.
    pub fn step(&self) -> u64 {
        self.run.recipe.step.max(1)
    }

    /// The number of steps that have to be trained before the shown step can be computed, if the file stores no weights.
    pub fn replayed_steps(&self) -> Option<u64> {
        self.state.is_none().then_some(self.run.recipe.furthest)
    }

    /// The path of the lesson in the library. Older versions of the format do not store it; there, it is the script with
    /// the name of the lesson's file.
    pub fn lesson_path(&self) -> Option<&str> {
        if !self.path.is_empty() {
            return Some(&self.path);
        }
        let file = self.lesson.rsplit(['/', '\\']).next().unwrap_or(&self.lesson);
        let scripts = self.run.last_scripts().into_keys();
        let is_lesson =
            |path: &&String| path.strip_suffix(file).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'));
        scripts.filter(is_lesson).min_by_key(|path| path.len()).map(String::as_str)
    }

    /// The scripts and data that belong to the lesson, with their paths in the library: those that are not built in.
    pub fn own_files(&self) -> Vec<(String, Arc<[u8]>)> {
        let scripts = self.run.own_scripts().into_iter();
        scripts.map(|(path, text)| (path.clone(), Arc::from(text.as_bytes()))).chain(self.data_files()).collect()
    }

    /// The scripts and data of the run, also those that are built in, with their paths in the library.
    pub fn all_files(&self) -> Vec<(String, Arc<[u8]>)> {
        let scripts = self.run.last_scripts().into_iter();
        scripts.map(|(path, text)| (path.clone(), Arc::from(text.as_bytes()))).chain(self.data_files()).collect()
    }

    fn data_files(&self) -> impl Iterator<Item = (String, Arc<[u8]>)> {
        self.files.iter().filter_map(|DataFile { path, contents }| match contents {
            DataContents::Whole(bytes) | DataContents::Large(bytes) => Some((path.clone(), Arc::clone(bytes))),
            DataContents::Digest(_) => None,
        })
    }

    /// The digests of all data and weight files, with their paths in the library and whether the file holds them.
    pub fn data_digests(&self) -> Vec<(&str, Digest, bool)> {
        let files = self.files.iter();
        files
            .map(|DataFile { path, contents }| {
                (path.as_str(), contents.digest(), matches!(contents, DataContents::Whole(_)))
            })
            .collect()
    }

    /// The file without texts of the editor that are not saved.
    #[must_use]
    pub fn without_unsaved(mut self) -> Self {
        self.panels.unsaved = Vec::new();
        self
    }
}

/// The largest distance of the camera from the network, in world units.
const MAX_CAMERA_DISTANCE: f32 = 1e6;

/// The entries that tell the type of a file. Others are skipped without being stored.
#[derive(Deserialize)]
struct Head<'f> {
    #[serde(borrow, default)]
    slowgrad: Option<&'f RawValue>,
    #[serde(borrow, default)]
    version: Option<&'f RawValue>,
}

/// Converts the first version of the format, which has the fields of the run at the top level, and no scripts, undo or
/// abandoned branch.
fn nest_run(value: &mut serde_json::Value) {
    let Some(session) = value.as_object_mut() else { return };
    let parts = ["seed", "changes", "step", "trained", "moved"];
    let run = parts.into_iter().filter_map(|name| session.remove_entry(name)).collect();
    session.insert("run".into(), serde_json::Value::Object(run));
}
