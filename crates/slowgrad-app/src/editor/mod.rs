//! The editor behind the drawer: which scripts are open, what was typed, saved and checked.
//!
//! It must not draw, and it must not know how a run goes on: what is saved is handed to the worker just as a
//! file that was changed from outside.

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
use highlighting::HighlightCache;
use inline_values::LineValues;
use slowgrad_session::Session;
use slowgrad_session::{Checked, Command, UsedFile};
use slowgrad_tape::{Diagnostic, Location, Severity, Source};
use slowgrad_timeline::Timeline;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use typing::TextChange;

/// How good a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Plain,
    Bad,
}

/// Something that is wrong in the shown script, and where that is in the text as it is now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ProblemMark {
    pub(crate) range: Range<usize>,
    pub(crate) problem: Diagnostic,
}

/// The values at the ends of lines, and what they were made for.
type Values = (Arc<Timeline>, usize, Arc<Source>, Arc<LineValues>);

/// The open scripts.
#[derive(Default)]
pub(crate) struct Editor {
    documents: Vec<Document>,
    /// The path of the one that is shown.
    shown: String,
    is_open: bool,
    /// What came of the last command, until the next one.
    message: Option<(Tone, String)>,
    /// What is to be selected and shown in the next frame, in bytes.
    pub(crate) target: Option<Range<usize>>,
    /// What is selected, in bytes.
    selected: Range<usize>,
    /// The names to choose from at the cursor.
    pub(crate) list: Option<CompletionList>,
    /// Keys that wait for the next frame.
    pub(crate) waiting: VecDeque<Event>,
    /// The line that was followed last.
    followed: Option<(String, usize)>,
    /// The height that the text had last.
    height: f32,
    highlighting: HighlightCache,
    /// The check that was asked for.
    checking: Option<u64>,
    values: Option<Values>,
}

impl Editor {
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// The script that is shown.
    pub(crate) fn document(&self) -> Option<&Document> {
        self.documents.iter().find(|document| document.path == self.shown)
    }

    pub(crate) fn document_mut(&mut self) -> Option<&mut Document> {
        self.documents.iter_mut().find(|document| document.path == self.shown)
    }

    /// The text that is shown and how it looks, for the widget that edits it.
    pub(crate) fn text_and_highlighting(&mut self) -> Option<(&mut String, &mut HighlightCache)> {
        let document = self.documents.iter_mut().find(|document| document.path == self.shown)?;
        Some((&mut document.text, &mut self.highlighting))
    }

    /// Whether a range is to be selected in the next frame.
    pub(crate) fn has_target(&self) -> bool {
        self.target.is_some()
    }

    /// What is selected in the shown text, in bytes.
    pub(crate) fn selection(&self) -> Range<usize> {
        let text = self.document().map_or("", |document| document.text.as_str());
        let inside = |byte: usize| (0..=byte.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        inside(self.selected.start)..inside(self.selected.end)
    }

    /// Another part of the text is selected.
    pub(crate) fn select(&mut self, selected: Range<usize>) {
        self.selected = selected;
    }

    /// Changes the shown text where it is selected.
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

    /// The text was changed, so what was said about it is over.
    pub(crate) fn text_changed(&mut self) {
        self.message = None;
    }

    /// Whether the text has less room than before, so that its cursor may be out of sight.
    pub(crate) fn is_squeezed(&mut self, height: f32) -> bool {
        let before = std::mem::replace(&mut self.height, height);
        height < before
    }

    /// Whether the running line is another one than before, and so is to be shown.
    pub(crate) fn follow(&mut self, line: Option<usize>) -> bool {
        let followed = line.map(|line| (self.shown.clone(), line));
        let is_new = followed.is_some() && self.followed != followed;
        self.followed = followed;
        is_new
    }

    pub(crate) fn message(&self) -> Option<(Tone, &str)> {
        self.message.as_ref().map(|(tone, text)| (*tone, text.as_str()))
    }

    pub(crate) fn set_message(&mut self, tone: Tone, text: impl Into<String>) {
        self.message = Some((tone, text.into()));
    }

    /// The paths of scripts with changes that are in no file.
    pub(crate) fn unsaved(&self) -> Vec<String> {
        let unsaved = self.documents.iter().filter(|document| document.is_unsaved());
        unsaved.map(|document| document.path.clone()).collect()
    }

    /// Paths to choose from, and whether each has unsaved changes: the files in use, then what else was edited.
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

    /// Takes in what became of the files.
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

    /// Opens the editor on the script of the running operation, on the one that it showed last, or on the lesson.
    pub(crate) fn open(&mut self, running: Option<&Location>, session: &Session) {
        self.is_open = true;
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

    /// Closes the editor; what was typed stays.
    pub(crate) fn close(&mut self) {
        self.is_open = false;
    }

    /// Shows a script; answers whether it can be shown.
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

    /// Opens the editor at a place in a script.
    pub(crate) fn go_to(&mut self, location: &Location, session: &Session) {
        self.is_open = true;
        if !self.show(&location.source.name, session) {
            return;
        }
        let Some(document) = self.document() else { return };
        // Where the text was changed, its line is the best that there is.
        let start = |line: u32| -> usize {
            let lines = document.text.split_inclusive('\n').take((line as usize).saturating_sub(1));
            lines.map(str::len).sum()
        };
        let range = positions::range_now(location, &document.text);
        let at = range.map_or_else(|| start(location.span.line), |range| range.start);
        self.target = Some(at..at);
    }

    /// What is wrong in the shown script, as far as it can still be placed.
    pub(crate) fn marks(&self, session: &Session) -> Vec<ProblemMark> {
        let Some(document) = self.document() else { return Vec::new() };
        // What is wrong with a file that somebody else wrote is not wrong with this text.
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
            let is_known = |mark: &ProblemMark| mark.range == range && mark.problem.message == problem.message;
            if !marks.iter().any(is_known) {
                marks.push(ProblemMark { range, problem: problem.clone() });
            }
        }
        marks.sort_by_key(|mark| mark.range.start);
        marks
    }

    /// The running operation in the shown script, while its text is what runs.
    pub(crate) fn running(&self, location: &Location) -> Option<Range<usize>> {
        let document = self.document().filter(|document| document.path == location.source.name)?;
        let is_same = positions::same_text(&location.source.text, &document.text);
        is_same.then(|| positions::range_of(location.span, &location.source))
    }

    /// What the lines of a script have computed so far in the present neuron, loss or parameter.
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

    /// Saves all that has changed; answers whether nothing unsaved is left.
    pub(crate) fn save_all(&mut self, session: &mut Session, platform: &mut dyn Platform) -> bool {
        for path in self.unsaved() {
            self.shown.clone_from(&path);
            if !self.save_one(&path, session, platform) {
                self.is_open = true;
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
                document.mark_saved(&target.root, bytes.clone());
                let copied = target.copy;
                let reload = Command::ReloadFile {
                    root: target.root,
                    path: path.to_owned(),
                    bytes: Some(bytes),
                    at_once: session.is_between_steps(),
                };
                document.accepts_from = session.send(reload);
                let text = if copied {
                    format!("saved a copy as {file}, which now replaces the built-in script")
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

    /// The text here wins over what is in its file, and is saved.
    pub(crate) fn keep_mine(&mut self, session: &mut Session, platform: &mut dyn Platform) {
        if let Some(document) = self.document_mut() {
            document.keep_mine();
        }
        self.save(session, platform);
    }

    /// What is in the file wins over the text here.
    pub(crate) fn take_theirs(&mut self) {
        if let Some(document) = self.document_mut() {
            document.take_theirs();
        }
        self.set_message(Tone::Plain, "loaded the file's contents; Ctrl+Z restores your text");
    }

    /// Has the shown script checked, as it is written here.
    pub(crate) fn check(&mut self, session: &mut Session) {
        let Some(document) = self.document() else { return };
        let command = Command::Check { path: document.path.clone(), text: document.text.clone() };
        self.checking = Some(session.send(command));
        self.message = None;
    }

    pub(crate) fn is_checking(&self) -> bool {
        self.checking.is_some()
    }

    /// What the last check found in the shown script, as long as its text is the one that was checked.
    pub(crate) fn checked(&self, session: &Session) -> Option<Arc<Checked>> {
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
