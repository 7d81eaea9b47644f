//! The text widget of a script.
//!
//! The widget owns letters, selection and scrolling; [`crate::editor`] decides what a key changes; [`annotations`]
//! paints over the text.

pub(super) mod annotations;
mod names;

use crate::actions::Action;
use crate::editor::completion;
use crate::editor::keys::{EditorKey, editor_key, is_typed, pasted};
use crate::editor::positions::{byte_at, char_at, line_at};
use crate::editor::typing;
use crate::editor::{Editor, text_id};
use annotations::{Annotations, CodeLayout};
use egui::style::ScrollAnimation;
use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{
    Event, EventFilter, Frame, Galley, Id, Margin, Pos2, Rect, ScrollArea, Shape, Stroke, TextBuffer, TextEdit,
    TextStyle, Ui, UiBuilder, Vec2,
};
use slowgrad_render::{Theme, text_order};
use slowgrad_session::Session;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

/// The number of lines to keep visible around a shown position.
const CONTEXT_LINES: f32 = 2.5;

/// Draws the shown script; returns the actions of its keys.
pub(super) fn code_ui(
    ui: &mut Ui,
    editor: &mut Editor,
    session: &Session,
    annotations: &Annotations,
    label: Id,
    theme: &Theme,
) -> Vec<Action> {
    let Some(document) = editor.document() else { return Vec::new() };
    let id = text_id(&document.path);
    let lines = document.text.matches('\n').count() + 1;
    let font = TextStyle::Monospace.resolve(ui.style());
    let glyph = ui.painter().layout_no_wrap("0".to_owned(), font, theme.text).size().x;
    let area = ui.available_rect_before_wrap();
    ui.advance_cursor_after_rect(area);

    let has_focus = ui.memory(|memory| memory.has_focus(id));
    let edge = if has_focus { theme.faint } else { theme.line };
    ui.painter().rect(area, 6.0, theme.background, Stroke::new(1.0, edge), egui::StrokeKind::Inside);
    let inside = area.shrink(2.0);
    let gutter = (lines.to_string().len().max(2) as f32 + 1.6) * glyph;
    let room = inside.with_min_x(inside.left() + gutter);

    let actions = if has_focus { keys(ui, editor) } else { Vec::new() };
    let mut child = ui.new_child(UiBuilder::new().max_rect(room).id_salt("code"));
    child.set_clip_rect(room.intersect(ui.clip_rect()));
    let scroll = ScrollArea::both().id_salt(id).auto_shrink(false);
    let shown = scroll.show(&mut child, |ui| text_ui(ui, editor, id, label, room.size(), annotations, theme)).inner;
    let Some(shown) = shown else { return actions };
    update_completions(editor, session, &shown);

    let Some(document) = editor.document() else { return actions };
    let sheet = CodeLayout { galley: &shown.galley, origin: shown.origin, text: &document.text, glyph, theme };
    let clip = ui.clip_rect();
    sheet.line_ends(&ui.painter().with_clip_rect(room.intersect(clip)), room, annotations);
    sheet.underlines(&ui.painter().with_clip_rect(room.intersect(clip)), annotations);
    let cursor = shown.cursor.as_ref().map(|cursor| line_at(&document.text, cursor.end));
    sheet.gutter(
        &ui.painter().with_clip_rect(inside.with_max_x(room.left()).intersect(clip)),
        lines,
        cursor,
        annotations,
    );
    if let Some(at) = shown.hovered {
        sheet.explain(ui, at, annotations);
    }
    let at = shown.cursor.as_ref().map(|cursor| {
        let cursor = CCursor::new(char_at(&document.text, cursor.end));
        shown.galley.pos_from_cursor(cursor).translate(shown.origin.to_vec2())
    });
    if let (Some(list), Some(at)) = (&mut editor.list, at)
        && names::names_ui(ui, list, at, theme)
    {
        accept(editor);
    }
    if shown.definition_clicked { [actions, vec![Action::Definition]].concat() } else { actions }
}

/// Handles the editor's keys up to the first letter. The text widget gets the letters before the next one.
fn keys(ui: &Ui, editor: &mut Editor) -> Vec<Action> {
    let mut queue: VecDeque<Event> = std::mem::take(&mut editor.waiting);
    ui.input_mut(|input| {
        let (typed, others): (Vec<Event>, Vec<Event>) =
            std::mem::take(&mut input.events).into_iter().partition(is_typed);
        queue.extend(typed.into_iter().map(pasted));
        input.events = others;
    });
    let mut actions = Vec::new();
    while actions.is_empty()
        && let Some(key) = queue.front().and_then(|event| editor_key(event, editor.list.is_some()))
    {
        queue.pop_front();
        match key {
            EditorKey::Act(action) => actions.push(action),
            EditorKey::Enter | EditorKey::Tab { back: false } if editor.list.is_some() => accept(editor),
            EditorKey::Enter => editor.edit(typing::line_feed),
            EditorKey::Tab { back: false } => editor.edit(typing::indent),
            EditorKey::Tab { back: true } => editor.edit(typing::outdent),
            EditorKey::Close(letter) => editor.edit(|text, selected| typing::close(text, selected, &letter)),
            EditorKey::Move(by) => {
                if let Some(list) = &mut editor.list {
                    list.move_choice(by);
                }
            }
            EditorKey::Escape if editor.list.take().is_some() => {}
            // A second Escape closes the editor.
            EditorKey::Escape => {
                if let Some(document) = editor.document() {
                    ui.memory_mut(|memory| memory.surrender_focus(text_id(&document.path)));
                }
            }
        }
    }
    // The completions may open before the next key.
    let next = queue.iter().enumerate().position(|(at, event)| editor_key(event, at > 0).is_some());
    let until = if actions.is_empty() { next.unwrap_or(queue.len()) } else { 0 };
    editor.waiting = queue.split_off(until);
    ui.input_mut(|input| input.events.extend(queue));
    if !editor.waiting.is_empty() {
        ui.ctx().request_repaint();
    }
    actions
}

/// Inserts the chosen completion.
fn accept(editor: &mut Editor) {
    if let Some(change) = editor.list.take().and_then(|list| list.accept()) {
        editor.edit(|_, _| change);
    }
}

/// The text as drawn in this frame.
struct DrawnText {
    galley: Arc<Galley>,
    /// The position of the galley.
    origin: Pos2,
    /// The selection in bytes, when the text has the focus.
    cursor: Option<Range<usize>>,
    changed: bool,
    /// Whether a name was clicked to go to its definition.
    definition_clicked: bool,
    /// The byte under the pointer.
    hovered: Option<usize>,
}

fn text_ui(
    ui: &mut Ui,
    editor: &mut Editor,
    id: Id,
    label: Id,
    room: Vec2,
    annotations: &Annotations,
    theme: &Theme,
) -> Option<DrawnText> {
    let target = editor.target.take();
    let selection = editor.selection();
    let (text, highlighting) = editor.text_and_highlighting()?;
    if let Some(range) = &target {
        let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
        let [start, end] = [range.start, range.end].map(|byte| CCursor::new(char_at(text, byte)));
        state.cursor.set_char_range(Some(CCursorRange::two(start, end)));
        state.store(ui.ctx(), id);
        ui.memory_mut(|memory| memory.request_focus(id));
    }
    let before = highlighting.galley(ui, text, theme);
    let behind = ui.painter().add(Shape::Noop);
    let mut layouter = |ui: &Ui, buffer: &dyn TextBuffer, _: f32| highlighting.galley(ui, buffer.as_str(), theme);
    let output = TextEdit::multiline(text)
        .id(id)
        .frame(Frame::NONE.inner_margin(Margin::symmetric(4, 3)))
        .font(TextStyle::Monospace)
        // Long lines are not wrapped; the text scrolls instead.
        .desired_width((before.size().x + 24.0).max(room.x))
        .min_size(room)
        .event_filter(EventFilter { tab: true, escape: true, horizontal_arrows: true, vertical_arrows: true })
        .layouter(&mut layouter)
        .show(ui);
    let response = output.response.response.labelled_by(label);
    let (galley, origin) = (output.galley, output.galley_pos);
    let cursor = output.cursor_range.filter(|_| response.has_focus()).map(|range| {
        let chars = range.as_sorted_char_range();
        byte_at(text, chars.start.0)..byte_at(text, chars.end.0)
    });
    let hovered = ui.ctx().pointer_hover_pos().filter(|_| response.hovered());
    let hovered = hovered.map(|pos| byte_at(text, galley.cursor_from_pos(pos - origin).index.0));

    let place = |byte: usize| galley.pos_from_cursor(CCursor::new(char_at(text, byte))).translate(origin.to_vec2());
    let around = |range: &Range<usize>| {
        let at = place(range.start).union(place(range.end.min(range.start + 80)));
        let rect = at.with_min_x(if at.left() - origin.x < 0.6 * room.x { origin.x } else { at.left() });
        rect.expand2(Vec2::new(0.0, CONTEXT_LINES * at.height()))
    };
    let mut seen = target.as_ref().map(around);
    let running = annotations.running.as_ref().map(around);
    let present = cursor.as_ref().map(around);
    let changed = response.changed();
    let clicked = response.interact_pointer_pos().filter(|_| response.clicked());
    if let Some(cursor) = clicked.and_then(|pos| text_order::right_to_left_cursor(&galley, pos - origin)) {
        let mut state = output.state;
        state.cursor.set_char_range(Some(CCursorRange::one(cursor)));
        state.store(ui.ctx(), id);
    }
    let definition_clicked = response.clicked() && ui.input(|input| input.modifiers.command);
    let line = annotations.running.as_ref().filter(|_| !response.has_focus()).map(|range| line_at(text, range.end));
    let tokens = highlighting.tokens();
    let brackets = cursor.as_ref().and_then(|cursor| typing::brackets(text, &tokens, cursor.end));
    let sheet = CodeLayout { galley: &galley, origin, text, glyph: 0.0, theme };
    ui.painter().set(
        behind,
        sheet.behind(ui.clip_rect(), cursor.as_ref(), brackets.as_ref().map_or(&[], |pair| pair), annotations),
    );
    if editor.follow(line) {
        // The running line stays visible unless the user is typing.
        seen = seen.or(running);
    }
    if editor.is_squeezed(room.y) {
        seen = seen.or(present);
    }
    if let Some(rect) = seen {
        ui.scroll_to_rect_animation(rect, None, ScrollAnimation::none());
    }
    editor.select(cursor.clone().unwrap_or(selection));
    Some(DrawnText { galley, origin, cursor, changed, definition_clicked, hovered })
}

/// Updates the completions after an edit: opens, keeps or closes them.
fn update_completions(editor: &mut Editor, session: &Session, shown: &DrawnText) {
    if shown.changed {
        editor.text_changed();
    }
    let Some(cursor) = shown.cursor.as_ref().filter(|cursor| cursor.is_empty()).map(|cursor| cursor.end) else {
        editor.list = None;
        return;
    };
    let stale = editor.list.as_ref().is_some_and(|list| list.end() != Some(cursor));
    if shown.changed {
        let open = editor.list.is_some();
        let text = editor.document().map_or("", |document| document.text.as_str());
        editor.list = completion::list(text, cursor, completion::plugins(session), open && !stale);
    } else if stale {
        editor.list = None;
    }
}

/// The row of a line beside the text, for painting.
fn row(rect: Rect, top: f32, height: f32) -> Rect {
    Rect::from_min_size(Pos2::new(rect.left(), top), Vec2::new(rect.width(), height))
}
