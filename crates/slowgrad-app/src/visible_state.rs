//! The state of the window as JSON, for tests that drive the program from outside.
//!
//! It must not know where the record is written.

use crate::panels::presenter_notes::PresenterNotes;
use crate::state::App;
use serde_json::{Value, json};
use slowgrad_session::Session;

impl PresenterNotes {
    /// The text of the notes as JSON.
    pub fn visible_state(&self) -> Value {
        json!({ "note": self.note, "next": self.next })
    }
}

/// The state of the window as JSON.
pub fn visible_state(session: &Session, app: &App) -> Value {
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
        "question": session.player.stage().question.as_ref().map(|question| json!({
            "text": question.text, "chosen": question.chosen, "revealed": question.revealed,
        })),
        "lit": snapshot.and_then(|snapshot| snapshot.highlighted.as_ref()).map(|lit| lit.iter().filter(|lit| **lit).count()),
        "proof": snapshot.and_then(|snapshot| snapshot.proof),
        "waiting": session.player.waits_for_presenter(),
        "cue": session.player.progress().0,
        "plugins": slots,
        "sizes": now.map(|(timeline, _)| timeline.step().shape.sizes().to_vec()),
        "frozen": now.map(|(timeline, _)| timeline.step().frozen.iter().copied().collect::<Vec<_>>()),
        "parameters": now.map(|(timeline, _)| timeline.step().before.values.iter().take(64).copied().collect::<Vec<_>>()),
        "optimizer_fields": now.map(|(timeline, _)| timeline.step().names.state_names()),
        "problems": problems,
        "notices": session.notices.iter().map(|notice| notice.text.clone()).collect::<Vec<_>>(),
        "editor": editor(session, app),
        "selected": session.view.selected.map(|target| format!("{target:?}")),
        "undo": snapshot.and_then(|snapshot| snapshot.undo.clone()),
        "redo": snapshot.and_then(|snapshot| snapshot.redo.clone()),
        "curve": snapshot.map(|snapshot| snapshot.curves.present.len()),
        "ghost": snapshot.and_then(|snapshot| snapshot.curves.abandoned_branch.as_ref()).map(|ghost| ghost.points().len()),
        "overlay": app.overlays.name(),
        "colours": app.preferences().theme.name(),
        "dark": app.theme().dark_mode,
        "contrast": app.theme().min_contrast,
        "reduced_motion": app.appearance.reduced_motion(),
        "scale": app.preferences().scale,
        "hints_seen": app.preferences().hints_seen.len(),
        "presenting": app.is_presenting(),
        "bookmarks": session.bookmarks.iter().map(|bookmark| bookmark.name.clone()).collect::<Vec<_>>(),
        "first_weight": app.weight_pos().map(|pos| [pos.x, pos.y].map(|at| (at * app.context().pixels_per_point()).round())),
        "canvas": app.canvas_rect().map(|rect| [rect.left(), rect.top(), rect.width(), rect.height()]),
    })
}

/// The edited script, or null when the editor is closed.
fn editor(session: &Session, app: &App) -> Value {
    let editor = &app.editor;
    let Some(document) = editor.document().filter(|_| editor.is_open()) else { return Value::Null };
    let marks = editor.marks(session).into_iter();
    json!({
        "file": document.path,
        "root": document.root,
        "is_unsaved": document.is_unsaved(),
        "is_asked": document.conflict.is_some(),
        "is_writing": app.is_editing_text(),
        "selected": [editor.selection().start, editor.selection().end],
        "length": document.text.len(),
        "message": editor.message().map(|(_, text)| text.to_owned()),
        "names": editor.list.as_ref().map(|list| list.names.iter().map(|name| name.text.clone()).collect::<Vec<_>>()),
        "problems": marks.map(|mark| format!("{}: {}", &document.text[mark.range], mark.problem.message)).collect::<Vec<_>>(),
        "checked": editor.checked(session).map(|checked| checked.problems.len()),
    })
}
