//! Session files: all that makes a window what it is, as JSON that people can read.
//!
//! Replay is exact, so a file holds no weights: the lesson, what was done and when, what its scripts said at each time,
//! and where the viewer stands. Files of data and of weights that a lesson reads are not in it; if they have changed,
//! the loss tells.

mod panels;
mod runs;
#[cfg(test)]
mod tests;

use crate::protocol::{Command, Difference, Saved};
use crate::session::Session;
pub use panels::{DrawerTab, OpenPanels, OpenPlots};
use runs::Runs;
use serde::{Deserialize, Serialize};
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::playhead::Loop;
use slowgrad_timeline::scene::{Point, Target};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// The version that is written; older ones are read as well.
const VERSION: u32 = 2;
/// The root of the lessons that are built in.
const BUILT_IN: &str = "slowgrad";

/// A place in the run that somebody wants to find again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bookmark {
    pub name: String,
    /// The training step, from 1.
    pub step: u64,
    /// The event in it, from 0.
    pub event: usize,
}

/// What to play again, in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Repeat {
    #[default]
    Off,
    Step,
    Events(Range<usize>),
}

/// Where the network is looked at from, once somebody has zoomed or panned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Camera {
    pub(crate) center: Point,
    pub(crate) zoom: f32,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionFile {
    /// Says what this is: "session".
    pub(crate) slowgrad: String,
    pub(crate) version: u32,
    /// The name of a lesson that is built in, or the path of a file.
    pub lesson: String,
    pub title: String,
    /// Where in the step that is shown, in events: 2.5 is half through the third.
    pub(crate) position: f64,
    /// The loss of the step that is shown, to see whether all is as it was.
    pub(crate) loss: Option<f64>,
    pub(crate) granularity: Granularity,
    pub(crate) speed: f64,
    #[serde(default, rename = "loop")]
    pub(crate) repeat: Repeat,
    /// Cues of the lesson that are over.
    pub(crate) cue: usize,
    #[serde(default)]
    pub(crate) bookmarks: Vec<Bookmark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) camera: Option<Camera>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) selected: Option<Target>,
    pub(crate) panels: OpenPanels,
    /// What a second run that goes along has instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compared: Option<Difference>,
    /// What was done, and what can be undone and done again.
    pub(crate) run: Runs,
}

/// Why bytes are not a session that can be opened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// They do not describe a session.
    #[error("is not a session file: {0}")]
    NotASession(String),
    /// They are in a newer version of the format.
    #[error("was saved by a newer slowgrad (file version {0}; this version reads up to {VERSION})")]
    Newer(u64),
}

/// What a lesson is called in a session: its name when it is built in, else its path on disk.
pub fn lesson_name(root: &str, path: &str) -> String {
    if root == BUILT_IN {
        path.strip_prefix("lessons/").and_then(|path| path.strip_suffix(".rhai")).unwrap_or(path).to_owned()
    } else {
        Path::new(root).join(path).display().to_string()
    }
}

impl SessionFile {
    /// The session now, with these panels; `None` before a lesson is open.
    pub fn of(session: &Session, panels: OpenPanels) -> Option<Self> {
        let snapshot = session.snapshot.as_ref()?;
        let lesson = snapshot.lesson.as_ref()?;
        let (timeline, playhead) = session.now()?;
        let file = snapshot.files.first().filter(|file| file.path == lesson.path)?;
        let view = &session.view;
        let recipe = &snapshot.recipe;
        // While a run is made again what is shown is on the way there.
        let is_there = timeline.step().step == recipe.step;
        Some(Self {
            slowgrad: "session".into(),
            version: VERSION,
            lesson: lesson_name(&file.root, &file.path),
            title: lesson.title.clone(),
            position: if is_there { playhead.position() } else { 0.0 },
            loss: Some(timeline.step().loss).filter(|loss| is_there && loss.is_finite()),
            granularity: playhead.granularity(),
            speed: playhead.speed(),
            repeat: match playhead.repeat() {
                Loop::Off => Repeat::Off,
                Loop::Step => Repeat::Step,
                Loop::Range(range) => Repeat::Events(range.clone()),
            },
            cue: session.performance.progress().0,
            bookmarks: session.bookmarks.clone(),
            camera: (!view.auto_fit).then_some(Camera { center: view.center, zoom: view.zoom }),
            selected: view.selected,
            panels,
            compared: snapshot.rival.as_ref().map(|rival| rival.difference.clone()),
            run: Runs { recipe: recipe.clone(), pasts: Arc::clone(&snapshot.pasts) },
        })
    }

    /// As a file: one thing a line.
    pub fn text(&self) -> String {
        // Only maps with odd keys cannot be written, and there are none.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads the bytes of a session file, of this version or an older one.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let no_session = FormatError::NotASession;
        let mut value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| no_session(error.to_string()))?;
        if value["slowgrad"] != "session" {
            return Err(no_session("the entry \"slowgrad\": \"session\" is missing".into()));
        }
        match value["version"].as_u64() {
            Some(version) if version > u64::from(VERSION) => Err(FormatError::Newer(version)),
            Some(version) => {
                if version < 2 {
                    gather_run(&mut value);
                }
                serde_json::from_value(value).map_err(|error| no_session(error.to_string()))
            }
            None => Err(no_session("the version is missing".into())),
        }
    }

    /// The command that makes the run again; its lesson is at this path of the library.
    pub fn command(&self, lesson: String) -> Command {
        Command::Restore(Box::new(Saved {
            lesson,
            recipe: self.run.recipe.clone(),
            pasts: Arc::clone(&self.run.pasts),
        }))
    }
}

/// The first version had what makes the run beside everything else, and no scripts, pasts and ghosts.
fn gather_run(value: &mut serde_json::Value) {
    let Some(session) = value.as_object_mut() else { return };
    let parts = ["seed", "changes", "step", "trained", "moved"];
    let run = parts.into_iter().filter_map(|name| session.remove_entry(name)).collect();
    session.insert("run".into(), serde_json::Value::Object(run));
}
