//! A record of what the window shows, for tests that drive it from outside.
//!
//! When a file is named, a JSON line is added to it whenever something that it tells changes.

use egui::accesskit::{Action, TreeUpdate};
use serde_json::{Map, Value, json};
use slowgrad_app::{App, PresenterNotes, visible_state};
use slowgrad_session::Session;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The open file, if there is one.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    file: Option<File>,
    last: Option<Value>,
    frames: u64,
    /// The middle of every control in pixels, by the name that a screen reader says.
    controls: Map<String, Value>,
}

impl EventLog {
    /// Opens the file.
    pub(crate) fn new(path: Option<&Path>) -> std::io::Result<Self> {
        Ok(Self { file: path.map(File::create).transpose()?, ..Self::default() })
    }

    /// Whether anybody reads along.
    pub(crate) fn is_open(&self) -> bool {
        self.file.is_some()
    }

    /// Takes in what a screen reader would be told of this frame.
    pub(crate) fn see(&mut self, update: Option<&TreeUpdate>, pixels_per_point: f32) {
        let Some(update) = update.filter(|_| self.is_open()) else { return };
        let scale = f64::from(pixels_per_point);
        self.controls.clear();
        for (_, node) in &update.nodes {
            let is_control = node.supports_action(Action::Click) && !node.is_disabled();
            if let (Some(name), Some(at), true) = (node.label(), node.bounds(), is_control) {
                let middle =
                    [(at.x0, at.x1), (at.y0, at.y1)].map(|(from, to)| (f64::midpoint(from, to) * scale).round());
                self.controls.entry(name).or_insert_with(|| json!(middle));
            }
        }
    }

    /// Adds a line when there is something new to say: `notes` is what the presenter's window says, `is_kept` whether
    /// all of it is on the disk by now.
    pub(crate) fn write(&mut self, session: &Session, app: &App, notes: Option<&PresenterNotes>, is_kept: bool) {
        let Some(file) = &mut self.file else { return };
        self.frames += 1;
        let mut state = visible_state(session, app);
        state["kept"] = json!(is_kept);
        state["notes"] = notes.map_or(Value::Null, |notes| notes.visible_state());
        state["controls"] = Value::Object(self.controls.clone());
        if self.last.as_ref() == Some(&state) {
            return;
        }
        let mut line = state.clone();
        line["frames"] = json!(self.frames);
        self.last = Some(state);
        // A test that took its file away is not a reason to stop.
        let _ = writeln!(file, "{line}");
    }
}
