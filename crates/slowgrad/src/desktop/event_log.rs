//! A log of the visible state, for tests that drive the window from outside.
//!
//! The log is a file of JSON lines. A frame adds a line if the state differs from that of the last line.

use crate::files::output::{Output, OutputError, OutputStream};
use egui::accesskit::{Action, TreeUpdate};
use serde_json::{Map, Value, json};
use slowgrad_app::{App, PresenterNotes, visible_state};
use slowgrad_session::Session;

/// The event log; without a file it does nothing.
#[derive(Debug, Default)]
pub(crate) struct EventLog {
    file: Option<OutputStream>,
    last: Option<Value>,
    frames: u64,
    /// The centre of each enabled control in pixels, by its accessible name.
    controls: Map<String, Value>,
}

impl EventLog {
    /// Starts to write the log.
    pub(crate) fn new(output: Option<Output>) -> Result<Self, OutputError> {
        Ok(Self { file: output.map(Output::start).transpose()?, ..Self::default() })
    }

    /// Whether the state is logged.
    pub(crate) fn is_enabled(&self) -> bool {
        self.file.is_some()
    }

    /// Records the controls of a frame from its accessibility tree.
    pub(crate) fn record_controls(&mut self, update: Option<&TreeUpdate>, pixels_per_point: f32) {
        let Some(update) = update.filter(|_| self.is_enabled()) else { return };
        let scale = f64::from(pixels_per_point);
        self.controls.clear();
        for (_, node) in &update.nodes {
            let enabled = node.supports_action(Action::Click) && !node.is_disabled();
            if let (Some(name), Some(bounds), true) = (node.label(), node.bounds(), enabled) {
                let centre = [(bounds.x0, bounds.x1), (bounds.y0, bounds.y1)]
                    .map(|(from, to)| (f64::midpoint(from, to) * scale).round());
                self.controls.entry(name).or_insert_with(|| json!(centre));
            }
        }
    }

    /// Adds a line if the state has changed. `notes` is the content of the notes window; `saved` tells whether session
    /// and settings are on disk.
    pub(crate) fn write(&mut self, session: &Session, app: &App, notes: Option<&PresenterNotes>, saved: bool) {
        let Some(file) = &mut self.file else { return };
        self.frames += 1;
        let mut state = visible_state(session, app);
        state["kept"] = json!(saved);
        state["notes"] = notes.map_or(Value::Null, PresenterNotes::visible_state);
        state["controls"] = Value::Object(self.controls.clone());
        if self.last.as_ref() == Some(&state) {
            return;
        }
        let mut line = state.clone();
        line["frames"] = json!(self.frames);
        self.last = Some(state);
        // The window continues even if a test has removed the file.
        let _ = file.write(format!("{line}\n").as_bytes());
    }
}
