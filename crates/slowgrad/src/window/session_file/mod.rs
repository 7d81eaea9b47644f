//! Session files: all that makes a window what it is, as JSON that people can read.
//!
//! Replay is exact, so a file holds no weights: the lesson, what was done and when, what its scripts said at each time,
//! and where the viewer stands. Files of data and of weights that a lesson reads are not in it; if they have changed,
//! the loss tells.

mod runs;
#[cfg(test)]
mod tests;

use super::gui::{Gui, Tab};
use super::performance::Performance;
use super::plots::KeptPlots;
use super::session::{Session, Start};
use crate::worker::{Command, Difference, Saved};
use runs::Runs;
use serde::{Deserialize, Serialize};
use slowgrad_render::View;
use slowgrad_timeline::granularity::Granularity;
use slowgrad_timeline::playhead::{self, Loop, Playhead};
use slowgrad_timeline::scene::{Point, Target};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The version that is written; older ones are read as well.
const VERSION: u32 = 2;
/// How the names of session files end.
pub(crate) const ENDING: &str = ".session.json";
/// The root of the lessons that are built in.
const BUILT_IN: &str = "slowgrad";

/// A place in the run that somebody wants to find again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bookmark {
    pub(crate) name: String,
    /// The training step, from 1.
    pub(crate) step: u64,
    /// The event in it, from 0.
    pub(crate) event: usize,
}

/// What to play again, in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Repeat {
    #[default]
    Off,
    Step,
    Events(Range<usize>),
}

/// Where the network is looked at from, once somebody has zoomed or panned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Camera {
    center: Point,
    zoom: f32,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SessionFile {
    /// Says what this is: "session".
    slowgrad: String,
    version: u32,
    /// The name of a lesson that is built in, or the path of a file.
    pub(crate) lesson: String,
    pub(crate) title: String,
    /// Where in the step that is shown, in events: 2.5 is half through the third.
    position: f64,
    /// The loss of the step that is shown, to see whether all is as it was.
    loss: Option<f64>,
    granularity: Granularity,
    speed: f64,
    #[serde(default, rename = "loop")]
    repeat: Repeat,
    /// Cues of the lesson that are over.
    cue: usize,
    #[serde(default)]
    bookmarks: Vec<Bookmark>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    camera: Option<Camera>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    selected: Option<Target>,
    panels: Panels,
    /// What a second run that goes along has instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    compared: Option<Difference>,
    /// What was done, and what can be undone and done again.
    run: Runs,
}

/// What is open around the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Panels {
    pub(crate) tab: Tab,
    #[serde(default)]
    pub(crate) plots: KeptPlots,
}

/// Why a file is no session that can be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error("cannot read {0}: {1}")]
    Read(PathBuf, #[source] std::io::Error),
    #[error("{0} is not a session file: {1}")]
    NoSession(PathBuf, String),
    #[error("{0} was saved by a newer slowgrad (file version {1}; this version reads up to {VERSION})")]
    Newer(PathBuf, u64),
    #[error("cannot find the lesson of this session, {0}")]
    NoLesson(String),
}

/// Whether a path is that of a session and not of a lesson.
pub(crate) fn is_session(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("json"))
}

/// What a lesson is called in a session: its name when it is built in, else its path on disk.
pub(crate) fn lesson_name(root: &str, path: &str) -> String {
    if root == BUILT_IN {
        path.strip_prefix("lessons/").and_then(|path| path.strip_suffix(".rhai")).unwrap_or(path).to_owned()
    } else {
        Path::new(root).join(path).display().to_string()
    }
}

impl SessionFile {
    /// What the window shows now; nothing before a lesson is open.
    pub(crate) fn of(session: &Session, gui: &Gui) -> Option<Self> {
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
            panels: Panels { tab: gui.tab, plots: gui.plots.kept() },
            compared: snapshot.rival.as_ref().map(|rival| rival.difference.clone()),
            run: Runs { recipe: recipe.clone(), pasts: Arc::clone(&snapshot.pasts) },
        })
    }

    /// As a file: one thing a line.
    pub(crate) fn text(&self) -> String {
        // Only maps with odd keys cannot be written, and there are none.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, ReadError> {
        let bytes = crate::library::read_file(path).map_err(|error| ReadError::Read(path.to_owned(), error))?;
        Self::parse(path, &bytes)
    }

    fn parse(path: &Path, bytes: &[u8]) -> Result<Self, ReadError> {
        let no_session = |why: String| ReadError::NoSession(path.to_owned(), why);
        let mut value: serde_json::Value =
            serde_json::from_slice(bytes).map_err(|error| no_session(error.to_string()))?;
        if value["slowgrad"] != "session" {
            return Err(no_session("the entry \"slowgrad\": \"session\" is missing".into()));
        }
        match value["version"].as_u64() {
            Some(version) if version > u64::from(VERSION) => Err(ReadError::Newer(path.to_owned(), version)),
            Some(version) => {
                if version < 2 {
                    gather_run(&mut value);
                }
                serde_json::from_value(value).map_err(|error| no_session(error.to_string()))
            }
            None => Err(no_session("the version is missing".into())),
        }
    }

    /// Where its lesson is: where it was, or beside the session's own file.
    pub(crate) fn lesson_path(&self, file: &Path) -> Result<PathBuf, ReadError> {
        let named = PathBuf::from(&self.lesson);
        if !named.is_absolute() || named.is_file() {
            return Ok(named);
        }
        let beside = file.parent().zip(named.file_name()).map(|(folder, name)| folder.join(name));
        beside.filter(|beside| beside.is_file()).ok_or_else(|| ReadError::NoLesson(self.lesson.clone()))
    }

    /// The command that makes the run again; its lesson is at this path of the library.
    pub(crate) fn command(&self, lesson: String) -> Command {
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

impl Session {
    /// The worker's first command makes a saved run again: the rest follows when that is done.
    pub(crate) fn restoring(mut self, file: SessionFile) -> Self {
        self.start = Start::Hold;
        self.restoring = Some(Box::new(file));
        self
    }

    /// Whether a saved session is on its way.
    pub(crate) fn is_restoring(&self) -> bool {
        self.restoring.is_some()
    }

    /// The run is what it was: now the viewer goes where they were.
    pub(crate) fn restore_view(&mut self) {
        let is_there = self.snapshot.as_ref().is_some_and(|snapshot| !snapshot.training && snapshot.timeline.is_some());
        if !is_there || self.is_unsettled() {
            return;
        }
        let Some(file) = self.restoring.take() else { return };
        let Some(snapshot) = &self.snapshot else { return };
        let cues = snapshot.lesson.as_ref().map(|lesson| lesson.cues.clone()).unwrap_or_default();
        let Some(timeline) = snapshot.timeline.clone() else { return };
        self.performance = Performance::at(cues, file.cue);
        self.bookmarks = file.bookmarks;
        self.view = View::default();
        self.view.selected = file.selected;
        if let Some(Camera { center, zoom }) = file.camera {
            (self.view.center, self.view.zoom, self.view.auto_fit) = (center, zoom, false);
        }
        self.panels = Some(file.panels);
        let mut playhead = Playhead::new(&timeline, file.granularity);
        let repeat = match file.repeat {
            Repeat::Off => Loop::Off,
            Repeat::Step => Loop::Step,
            Repeat::Events(range) => Loop::Range(range),
        };
        let is_same_step = timeline.step().step == file.run.recipe.step;
        for command in [playhead::Command::Speed(file.speed), playhead::Command::Loop(repeat)] {
            playhead.apply(&command, &timeline);
        }
        if is_same_step {
            playhead.apply(&playhead::Command::Place(file.position), &timeline);
        }
        self.playhead = Some(playhead);
        if file.compared.is_some() {
            self.send(Command::Compare(file.compared));
        }
        let Some((timeline, _)) = self.now() else { return };
        let loss = timeline.step().loss;
        if is_same_step && file.loss.is_some_and(|was| was.to_bits() != loss.to_bits()) {
            let was = file.loss.unwrap_or_default();
            self.notice(format!(
                "the lesson's files have changed since: the loss at this step was {was} and is now {loss}"
            ));
        }
    }
}
