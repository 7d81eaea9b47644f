//! The editor behind the drawer: open scripts, their edits, saving and checks.
//!
//! It must not draw, and it must not know how a run continues: the backend gets a saved script like a file that was
//! changed by another program.

pub(crate) mod completion;
pub(crate) mod document;
pub(crate) mod highlighting;
pub(crate) mod inline_values;
pub(crate) mod keys;
pub(crate) mod positions;
pub(crate) mod typing;

use crate::platform::{Platform, ScriptSave, ScriptSaveError};
use completion::CompletionList;
use document::{Conflict, Document};
use egui::{Event, Id};
use highlighting::SyntaxHighlightCache;
use inline_values::LineValues;
use slowgrad_session::Session;
use slowgrad_session::{BackendCommand, CheckOutcome, SESSION_ROOT, UnsavedScript, UsedFile};
use slowgrad_tape::{Diagnostic, Location, Severity, Source};
use slowgrad_timeline::Timeline;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use typing::TextChange;

/// The tone of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Plain,
    Bad,
}

/// A problem of the shown script, at its position in the current text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProblemMark {
    pub(crate) range: Range<usize>,
    pub(crate) problem: Diagnostic,
}

/// The values at line ends, with the step, event and source that they belong to.
type Values = (Arc<Timeline>, usize, Arc<Source>, Arc<LineValues>);

/// The editor.
#[derive(Default)]
pub(crate) struct Editor {
    documents: Vec<Document>,
    /// The path of the shown script.
    shown: String,
    open: bool,
    /// The result of the last command.
    message: Option<(Tone, String)>,
    /// The range in bytes to select and scroll to in the next frame.
    pub(crate) target: Option<Range<usize>>,
    /// The selection in bytes.
    selected: Range<usize>,
    /// The open completions.
    pub(crate) list: Option<CompletionList>,
    /// Keys for the next frame.
    pub(crate) waiting: VecDeque<Event>,
    /// The script and line that were last scrolled to because they run.
    followed: Option<(String, usize)>,
    /// The height of the text in the last frame, in points.
    height: f32,
    highlighting: SyntaxHighlightCache,
    /// The number of the command that requested a check.
    checking: Option<u64>,
    values: Option<Values>,
}

impl Editor {
    pub(crate) fn is_open(&self) -> bool {
        self.open
    }

    /// The shown script.
    pub(crate) fn document(&self) -> Option<&Document> {
        self.documents.iter().find(|document| document.path == self.shown)
    }

    pub(crate) fn document_mut(&mut self) -> Option<&mut Document> {
        self.documents.iter_mut().find(|document| document.path == self.shown)
    }

    /// The shown text and its highlighting, for the text widget.
    pub(crate) fn text_and_highlighting(&mut self) -> Option<(&mut String, &mut SyntaxHighlightCache)> {
        let document = self.documents.iter_mut().find(|document| document.path == self.shown)?;
        Some((&mut document.text, &mut self.highlighting))
    }

    /// Whether a range is to be selected in the next frame.
    pub(crate) fn has_target(&self) -> bool {
        self.target.is_some()
    }

    /// The selection in the shown text, in bytes.
    pub(crate) fn selection(&self) -> Range<usize> {
        let text = self.document().map_or("", |document| document.text.as_str());
        let inside = |byte: usize| (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        inside(self.selected.start)..inside(self.selected.end)
    }

    /// Sets the selection.
    pub(crate) fn select(&mut self, selected: Range<usize>) {
        self.selected = selected;
    }

    /// Changes the shown text at the selection.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&str, Range<usize>) -> TextChange) {
        let selection = self.selection();
        let Some(document) = self.document_mut() else { return };
        let change = change(&document.text, selection);
        change.apply(&mut document.text);
        self.selected = change.selected.clone();
        self.target = Some(change.selected);
        self.list = None;
        self.text_changed();
    }

    /// Clears the message, which was about the previous text.
    pub(crate) fn text_changed(&mut self) {
        self.message = None;
    }

    /// Whether the text has less height than before, so that the cursor may be out of view.
    pub(crate) fn is_squeezed(&mut self, height: f32) -> bool {
        let before = std::mem::replace(&mut self.height, height);
        height < before
    }

    /// Whether the running line has changed and is to be scrolled to.
    pub(crate) fn follow(&mut self, line: Option<usize>) -> bool {
        let followed = line.map(|line| (self.shown.clone(), line));
        let changed = followed.is_some() && self.followed != followed;
        self.followed = followed;
        changed
    }

    pub(crate) fn message(&self) -> Option<(Tone, &str)> {
        self.message.as_ref().map(|(tone, text)| (*tone, text.as_str()))
    }

    pub(crate) fn set_message(&mut self, tone: Tone, text: impl Into<String>) {
        self.message = Some((tone, text.into()));
    }

    /// The paths of scripts with unsaved changes.
    pub(crate) fn unsaved(&self) -> Vec<String> {
        let unsaved = self.documents.iter().filter(|document| document.is_unsaved());
        unsaved.map(|document| document.path.clone()).collect()
    }

    /// The texts that are not saved, for a session file.
    pub(crate) fn unsaved_scripts(&self) -> Vec<UnsavedScript> {
        self.documents.iter().filter_map(Document::to_unsaved).collect()
    }

    /// Restores texts that were typed in an earlier window and not saved.
    pub(crate) fn restore_unsaved(&mut self, unsaved: Vec<UnsavedScript>, session: &mut Session) {
        for script in unsaved {
            let file = files(session).iter().find(|file| file.path == script.path);
            let document = Document::unsaved(&script, file.map(|file| (file.root.as_str(), &file.bytes)));
            self.documents.retain(|known| known.path != script.path);
            if document.is_unsaved() {
                self.shown = script.path;
                self.documents.push(document);
            }
        }
        let restored = self.unsaved();
        if !restored.is_empty() {
            session.notice(format!("restored your unsaved changes of {}", restored.join(", ")));
        }
    }

    /// The paths to choose from, with whether each has unsaved changes: files in use, then other edited files.
    pub(crate) fn choices(&self, session: &Session) -> Vec<(String, bool)> {
        let unsaved = self.unsaved();
        let used = files(session).iter().map(|file| file.path.clone());
        let mut paths: Vec<String> = used.collect();
        let others = unsaved.iter().chain(std::iter::once(&self.shown));
        for other in others.filter(|path| !path.is_empty()) {
            if !paths.contains(other) {
                paths.push(other.clone());
            }
        }
        paths.into_iter().map(|path| (path.clone(), unsaved.contains(&path))).collect()
    }

    /// Takes over changes of the files and the end of a check.
    pub(crate) fn update(&mut self, session: &Session) {
        let Some(snapshot) = &session.snapshot else { return };
        if self.checking.is_some_and(|serial| snapshot.handled >= serial) {
            self.checking = None;
        }
        for document in &mut self.documents {
            let file = snapshot.files.iter().find(|file| file.path == document.path);
            if let Some(UsedFile { root, bytes, .. }) = file
                && snapshot.handled >= document.accepts_from
            {
                document.update_from_file(root, bytes);
            }
        }
        let shown = &self.shown;
        let is_used = |path: &str| snapshot.files.iter().any(|file| file.path == path);
        self.documents.retain(|document| document.path == *shown || document.is_unsaved() || is_used(&document.path));
    }

    /// Opens the editor on the running script, the last shown script or the lesson, in this order of preference.
    pub(crate) fn open(&mut self, running: Option<&Location>, session: &Session) {
        self.open = true;
        if let Some(location) = running.filter(|location| files(session).iter().any(|f| f.path == location.source.name))
        {
            return self.go_to(location, session);
        }
        let last = self.shown.clone();
        let lesson = files(session).first().map(|file| file.path.clone()).unwrap_or_default();
        let path = if self.document().is_some() { last } else { lesson };
        self.show(&path, session);
        self.target = Some(self.selection());
    }

    /// Closes the editor and keeps the texts.
    pub(crate) fn close(&mut self) {
        self.open = false;
    }

    /// Shows a script; returns whether it can be shown.
    pub(crate) fn show(&mut self, path: &str, session: &Session) -> bool {
        self.message = None;
        if !self.documents.iter().any(|document| document.path == path) {
            let Some(file) = files(session).iter().find(|file| file.path == path) else {
                self.set_message(Tone::Plain, format!("{path} is no longer used"));
                return false;
            };
            let Some(document) = Document::new(path, &file.root, &file.bytes) else {
                self.set_message(Tone::Bad, format!("{path} is not valid UTF-8; convert it with another program"));
                return false;
            };
            self.documents.push(document);
        }
        if self.shown != path {
            path.clone_into(&mut self.shown);
            self.selected = 0..0;
        }
        true
    }

    /// Opens the editor at a location in a script.
    pub(crate) fn go_to(&mut self, location: &Location, session: &Session) {
        self.open = true;
        if !self.show(&location.source.name, session) {
            return;
        }
        let Some(document) = self.document() else { return };
        // In an edited text, the line number is the best estimate.
        let start = |line: u32| -> usize {
            let lines = document.text.split_inclusive('\n').take((line as usize).saturating_sub(1));
            lines.map(str::len).sum()
        };
        let range = positions::range_now(location, &document.text);
        let at = range.map_or_else(|| start(location.span.line), |range| range.start);
        self.target = Some(at..at);
    }

    /// The problems of the shown script that have a position in the current text.
    pub(crate) fn marks(&self, session: &Session) -> Vec<ProblemMark> {
        let Some(document) = self.document() else { return Vec::new() };
        // Problems of a conflicting file do not apply to this text.
        let running = session.snapshot.iter().filter(|_| document.conflict.is_none());
        let running = running.flat_map(|snapshot| snapshot.problems.iter());
        let checked = self.checked(session);
        let checked = checked.iter().flat_map(|checked| &checked.problems);
        let mut marks: Vec<ProblemMark> = Vec::new();
        for problem in running.chain(checked) {
            let Some(location) = problem.location.as_ref().filter(|at| at.source.name == document.path) else {
                continue;
            };
            let Some(range) = positions::range_now(location, &document.text) else { continue };
            let is_listed = |mark: &ProblemMark| mark.range == range && mark.problem.message == problem.message;
            if !marks.iter().any(is_listed) {
                marks.push(ProblemMark { range, problem: problem.clone() });
            }
        }
        marks.sort_by_key(|mark| mark.range.start);
        marks
    }

    /// The running operation in the shown script, when its text is the running one.
    pub(crate) fn running(&self, location: &Location) -> Option<Range<usize>> {
        let document = self.document().filter(|document| document.path == location.source.name)?;
        let same = positions::same_text(&location.source.text, &document.text);
        same.then(|| positions::range_of(location.span, &location.source))
    }

    /// The values that the lines of a script have computed so far in the current neuron, loss or parameter.
    pub(crate) fn values(&mut self, session: &Session, source: &Arc<Source>) -> Arc<LineValues> {
        let Some((timeline, playhead)) = session.now().filter(|_| !session.is_full_speed()) else {
            return Arc::default();
        };
        let event = playhead.unit().end.max(1) - 1;
        let event = event.min(timeline.len().saturating_sub(1));
        if let Some((of, at, from, values)) = &self.values
            && Arc::ptr_eq(of, timeline)
            && *at == event
            && Arc::ptr_eq(from, source)
        {
            return Arc::clone(values);
        }
        let values = Arc::new(inline_values::line_values(timeline, event, source));
        self.values = Some((Arc::clone(timeline), event, Arc::clone(source), Arc::clone(&values)));
        values
    }

    /// Saves the shown script.
    pub(crate) fn save(&mut self, session: &mut Session, platform: &mut dyn Platform) {
        let path = self.shown.clone();
        self.save_one(&path, session, platform);
    }

    /// Saves all scripts; returns whether no unsaved changes are left.
    pub(crate) fn save_all(&mut self, session: &mut Session, platform: &mut dyn Platform) -> bool {
        for path in self.unsaved() {
            self.shown.clone_from(&path);
            if !self.save_one(&path, session, platform) {
                self.open = true;
                return false;
            }
        }
        true
    }

    fn save_one(&mut self, path: &str, session: &mut Session, platform: &mut dyn Platform) -> bool {
        let Some(document) = self.documents.iter_mut().find(|document| document.path == path) else { return false };
        if document.conflict.is_some() {
            return false;
        }
        if !document.is_unsaved() {
            self.set_message(Tone::Plain, "no unsaved changes");
            return true;
        }
        let Some(target) = platform.script_target(&document.root) else {
            self.set_message(
                Tone::Bad,
                "this script is built into slowgrad, and this lesson has no folder to save a copy in; \
                 copy the text to your own file and open that",
            );
            return false;
        };
        let bytes = document.bytes();
        let expected = document.base().filter(|_| !target.copy);
        match platform.save_script(ScriptSave { target: &target, path, bytes: &bytes, expected }) {
            Ok(file) => {
                let from = if document.root == SESSION_ROOT { "text of the session file" } else { "built-in script" };
                document.mark_saved(&target.root, bytes.clone());
                let copied = target.copy;
                let reload = BackendCommand::ReloadFile {
                    root: target.root,
                    path: path.to_owned(),
                    bytes: Some(bytes),
                    at_once: session.is_between_steps(),
                };
                document.accepts_from = session.send(reload);
                let text = if copied {
                    format!("saved a copy as {file}, which now replaces the {from}")
                } else {
                    "saved".to_owned()
                };
                self.set_message(Tone::Good, text);
                true
            }
            Err(ScriptSaveError::Changed(bytes)) => {
                document.conflict = Some(Conflict::Changed { root: target.root, bytes });
                false
            }
            Err(ScriptSaveError::Gone) => {
                document.conflict = Some(Conflict::Gone);
                false
            }
            Err(ScriptSaveError::Failed(error)) => {
                self.set_message(Tone::Bad, format!("not saved: {error}"));
                false
            }
        }
    }

    /// Resolves a conflict in favour of the edited text and saves it.
    pub(crate) fn keep_mine(&mut self, session: &mut Session, platform: &mut dyn Platform) {
        if let Some(document) = self.document_mut() {
            document.keep_mine();
        }
        self.save(session, platform);
    }

    /// Resolves a conflict in favour of the file.
    pub(crate) fn take_theirs(&mut self) {
        if let Some(document) = self.document_mut() {
            document.take_theirs();
        }
        self.set_message(Tone::Plain, "loaded the file's contents; Ctrl+Z restores your text");
    }

    /// Requests a check of the shown text.
    pub(crate) fn check(&mut self, session: &mut Session) {
        let Some(document) = self.document() else { return };
        let command = BackendCommand::Check { path: document.path.clone(), text: document.text.clone() };
        self.checking = Some(session.send(command));
        self.message = None;
    }

    pub(crate) fn is_checking(&self) -> bool {
        self.checking.is_some()
    }

    /// The result of the last check, when it was made of the shown text.
    pub(crate) fn checked(&self, session: &Session) -> Option<Arc<CheckOutcome>> {
        let document = self.document()?;
        let checked = session.snapshot.as_ref()?.checked.as_ref()?;
        (checked.path == document.path && checked.text == document.text).then(|| Arc::clone(checked))
    }
}

/// The id of a script's text widget.
pub(crate) fn text_id(path: &str) -> Id {
    Id::unique(("script", path))
}

fn files(session: &Session) -> &[UsedFile] {
    session.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.files)
}

/// The number of errors among marks.
pub(crate) fn errors(marks: &[ProblemMark]) -> usize {
    marks.iter().filter(|mark| mark.problem.severity == Severity::Error).count()
}

#[cfg(test)]
mod tests;
