//! A record of what the window shows, for tests that drive it from outside.
//!
//! When a file is named, a JSON line is added to it whenever something that it tells changes.

use super::gui::Gui;
use super::panels::notes::Sheet;
use super::session::Session;
use egui::accesskit::{Action, TreeUpdate};
use serde_json::{Map, Value, json};
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
    pub(crate) fn write(&mut self, session: &Session, gui: &Gui, notes: Option<&Sheet>, is_kept: bool) {
        let Some(file) = &mut self.file else { return };
        self.frames += 1;
        let mut state = state(session, gui);
        state["kept"] = json!(is_kept);
        state["notes"] = notes.map_or(Value::Null, |notes| json!({ "note": notes.note, "next": notes.next }));
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

fn state(session: &Session, gui: &Gui) -> Value {
    let snapshot = session.snapshot.as_ref();
    let problems: Vec<String> =
        snapshot.map(|snapshot| snapshot.problems.iter().map(ToString::to_string).collect()).unwrap_or_default();
    let slots: serde_json::Map<String, Value> = snapshot
        .and_then(|snapshot| snapshot.setup.as_ref())
        .map(|setup| setup.slots.iter().map(|slot| (slot.slot.name().to_owned(), json!(slot.name))).collect())
        .unwrap_or_default();
    let now = session.now();
    json!({
        "lesson": snapshot.and_then(|snapshot| snapshot.lesson.as_ref()).map(|lesson| lesson.path.clone()),
        "step": now.map(|(timeline, _)| timeline.step().step),
        "events": now.map(|(timeline, _)| timeline.len()),
        "event": now.map(|(_, playhead)| playhead.event()),
        "position": now.map(|(_, playhead)| playhead.position()),
        "playing": now.map(|(_, playhead)| playhead.is_playing()),
        "granularity": now.map(|(_, playhead)| playhead.granularity().name()),
        "full_speed": session.is_full_speed(),
        "caption": session.caption(),
        "question": session.performance.stage().question.as_ref().map(|question| json!({
            "text": question.text, "chosen": question.chosen, "revealed": question.is_revealed,
        })),
        "lit": snapshot.and_then(|snapshot| snapshot.lit.as_ref()).map(|lit| lit.iter().filter(|lit| **lit).count()),
        "waiting": session.performance.waits_for_presenter(),
        "cue": session.performance.progress().0,
        "plugins": slots,
        "sizes": now.map(|(timeline, _)| timeline.step().shape.sizes().to_vec()),
        "frozen": now.map(|(timeline, _)| timeline.step().frozen.iter().copied().collect::<Vec<_>>()),
        "parameters": now.map(|(timeline, _)| timeline.step().before.values.iter().take(64).copied().collect::<Vec<_>>()),
        "optimizer_fields": now.map(|(timeline, _)| timeline.step().names.state.clone()),
        "problems": problems,
        "notices": session.notices.iter().map(|notice| notice.text.clone()).collect::<Vec<_>>(),
        "editor": editor(session, gui),
        "selected": session.view.selected.map(|target| format!("{target:?}")),
        "undo": snapshot.and_then(|snapshot| snapshot.undo.clone()),
        "redo": snapshot.and_then(|snapshot| snapshot.redo.clone()),
        "curve": snapshot.map(|snapshot| snapshot.curves.present.len()),
        "ghost": snapshot.and_then(|snapshot| snapshot.curves.ghost.as_ref()).map(|ghost| ghost.points().len()),
        "overlay": gui.overlay_name(),
        "colours": gui.habits.theme.name(),
        "dark": gui.theme().is_dark,
        "contrast": gui.theme().least_contrast,
        "reduced_motion": gui.has_reduced_motion(),
        "scale": gui.habits.scale,
        "hints_seen": gui.habits.hints_seen.len(),
        "presenting": gui.is_presenting,
        "bookmarks": session.bookmarks.iter().map(|bookmark| bookmark.name.clone()).collect::<Vec<_>>(),
        "first_weight": gui.weight_pos().map(|pos| [pos.x, pos.y].map(|at| (at * gui.context().pixels_per_point()).round())),
        "canvas": gui.canvas_rect().map(|rect| [rect.left(), rect.top(), rect.width(), rect.height()]),
    })
}

/// The script that is edited; null while none is.
fn editor(session: &Session, gui: &Gui) -> Value {
    let editor = &gui.editor;
    let Some(document) = editor.document().filter(|_| editor.is_open()) else { return Value::Null };
    let marks = editor.marks(session).into_iter();
    json!({
        "file": document.path,
        "root": document.root,
        "is_unsaved": document.is_unsaved(),
        "is_asked": document.conflict.is_some(),
        "is_writing": gui.is_writing(),
        "selected": [editor.selection().start, editor.selection().end],
        "length": document.text.len(),
        "message": editor.message().map(|(_, text)| text.to_owned()),
        "names": editor.list.as_ref().map(|list| list.names.iter().map(|name| name.text.clone()).collect::<Vec<_>>()),
        "problems": marks.map(|mark| format!("{}: {}", &document.text[mark.range], mark.problem.message)).collect::<Vec<_>>(),
        "checked": editor.checked(session).map(|checked| checked.problems.len()),
    })
}
