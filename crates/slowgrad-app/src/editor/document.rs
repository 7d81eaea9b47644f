//! An open script and the state of its file.
//!
//! The text has plain line feeds while it is edited; the file keeps its line endings. A document must not know where
//! its file is stored, nor how it is read and written.

use slowgrad_session::{Digest, UnsavedScript};
use std::sync::Arc;

/// A change of the file under an edited text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Another program has written these bytes, or a file of another root has replaced it.
    Changed { root: String, bytes: Arc<[u8]> },
    /// The file has been deleted or moved.
    Gone,
}

/// An open script.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// The path in the library.
    pub(crate) path: String,
    /// The edited text, with line feeds only.
    pub(crate) text: String,
    /// The root of the file.
    pub(crate) root: String,
    pub(crate) conflict: Option<Conflict>,
    /// The contents of the file when it was last read or written; `None` when that file is gone.
    base: Option<Arc<[u8]>>,
    /// The text of `base`, with line feeds only.
    saved: String,
    /// The last version from the library.
    seen: Arc<[u8]>,
    /// Versions from the library are accepted once the backend has handled the command with this number.
    pub(crate) accepts_from: u64,
}

impl Document {
    /// A document of a file, or `None` when the file is not valid UTF-8.
    pub(crate) fn new(path: &str, root: &str, bytes: &Arc<[u8]>) -> Option<Self> {
        let text = plain(std::str::from_utf8(bytes).ok()?);
        Some(Self {
            path: path.to_owned(),
            saved: text.clone(),
            text,
            root: root.to_owned(),
            conflict: None,
            base: Some(Arc::clone(bytes)),
            seen: Arc::clone(bytes),
            accepts_from: 0,
        })
    }

    /// A document with this text, which was typed in an earlier window and not saved. `typed_into` identifies the file at
    /// that time, and `file` is its root with its contents now; if these differ, the document is in conflict.
    pub(crate) fn unsaved(script: &UnsavedScript, file: Option<(&str, &Arc<[u8]>)>) -> Self {
        let UnsavedScript { path, root, text, file: typed_into } = script;
        let known = file.and_then(|(root, bytes)| Self::new(path, root, bytes));
        let mut document = known.unwrap_or_else(|| Self {
            path: path.clone(),
            text: String::new(),
            root: root.clone(),
            conflict: None,
            base: None,
            saved: String::new(),
            seen: Arc::new([]),
            accepts_from: 0,
        });
        document.text = plain(text);
        if let Some((root, bytes)) = file
            && document.is_unsaved()
            && *typed_into != Some(Digest::of(bytes))
        {
            document.conflict = Some(Conflict::Changed { root: root.to_owned(), bytes: Arc::clone(bytes) });
        }
        document
    }

    /// The text for a session file, if it is not saved.
    pub(crate) fn to_unsaved(&self) -> Option<UnsavedScript> {
        self.is_unsaved().then(|| UnsavedScript {
            path: self.path.clone(),
            root: self.root.clone(),
            text: self.text.as_str().into(),
            file: self.base().map(Digest::of),
        })
    }

    /// Whether the text differs from its file.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.base.is_none() || self.text != self.saved
    }

    /// The contents that the file is expected to have before it is written.
    pub(crate) fn base(&self) -> Option<&[u8]> {
        self.base.as_deref()
    }

    /// The text with the line endings of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let base = self.base.as_deref().and_then(|base| std::str::from_utf8(base).ok()).unwrap_or_default();
        with_endings(&self.text, base).into_bytes()
    }

    /// Takes over a new version from the library. An unedited text follows it; an edited text stays and is in conflict.
    pub(crate) fn update_from_file(&mut self, root: &str, bytes: &Arc<[u8]>) {
        if Arc::ptr_eq(&self.seen, bytes) {
            return;
        }
        self.seen = Arc::clone(bytes);
        if self.base.as_deref() == Some(&**bytes) && self.root == root {
            self.conflict = None;
        } else if self.is_unsaved() {
            self.conflict = Some(Conflict::Changed { root: root.to_owned(), bytes: Arc::clone(bytes) });
        } else if let Some(new) = Self::new(&self.path, root, bytes) {
            *self = Self { accepts_from: self.accepts_from, ..new };
        }
    }

    /// Marks the text as saved in a file of this root.
    pub(crate) fn mark_saved(&mut self, root: &str, bytes: Vec<u8>) {
        root.clone_into(&mut self.root);
        self.saved.clone_from(&self.text);
        self.base = Some(bytes.into());
        self.conflict = None;
    }

    /// Resolves a conflict in favour of the edited text.
    pub(crate) fn keep_mine(&mut self) {
        match self.conflict.take() {
            Some(Conflict::Changed { root, bytes }) => {
                self.root = root;
                self.saved = std::str::from_utf8(&bytes).map(plain).unwrap_or_default();
                self.base = Some(bytes);
            }
            Some(Conflict::Gone) => self.base = None,
            None => {}
        }
    }

    /// Resolves a conflict in favour of the file, when that is valid UTF-8.
    pub(crate) fn take_theirs(&mut self) {
        if let Some(Conflict::Changed { root, bytes }) = &self.conflict
            && let Some(new) = Self::new(&self.path, root, bytes)
        {
            *self = Self { accepts_from: self.accepts_from, ..new };
        }
    }
}

/// The text with line feeds only.
pub(crate) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// Splits a line into its text and its line ending.
fn split(line: &str) -> (&str, &str) {
    let body = line.strip_suffix('\n').unwrap_or(line);
    let body = body.strip_suffix('\r').filter(|_| line.ends_with('\n')).unwrap_or(body);
    (body, &line[body.len()..])
}

/// The text with the line endings of the file: unchanged lines keep theirs, and new lines get the most frequent one.
fn with_endings(text: &str, base: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let base_lines: Vec<(&str, &str)> = base.split_inclusive('\n').map(split).collect();
    let feeds = base_lines.iter().filter(|(_, ending)| *ending == "\n").count();
    let usual = if base_lines.iter().filter(|(_, ending)| *ending == "\r\n").count() > feeds { "\r\n" } else { "\n" };
    if feeds == base_lines.len() || base_lines.iter().all(|(_, ending)| ending.is_empty()) {
        return text.to_owned();
    }
    let same = |(line, (body, _)): &(&&str, &(&str, &str))| split(line).0 == *body;
    let before = lines.iter().zip(&base_lines).take_while(same).count();
    let most = lines.len().min(base_lines.len()) - before;
    let after = lines.iter().rev().zip(base_lines.iter().rev()).take(most).take_while(same).count();
    let mut all = String::with_capacity(text.len() + lines.len());
    for (at, line) in lines.iter().enumerate() {
        let (body, ending) = split(line);
        all.push_str(body);
        let from_the_end = lines.len() - at;
        let was = match at {
            at if at < before => base_lines[at].1,
            _ if from_the_end <= after => base_lines[base_lines.len() - from_the_end].1,
            _ => "",
        };
        all.push_str(if ending.is_empty() || was.is_empty() && usual == "\n" {
            ending
        } else if was.is_empty() {
            usual
        } else {
            was
        });
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Arc<[u8]> {
        text.as_bytes().into()
    }

    fn document(text: &str) -> Document {
        Document::new("a.rhai", "own", &bytes(text)).expect("a text")
    }

    #[test]
    fn files_keep_their_line_endings() {
        for text in ["a\nb\n", "a\r\nb\r\n", "a\r\nb", "a\r\nb\nc\r\n\r\n", "", "\r\n", "a", "a\rb\n"] {
            let mut document = document(text);
            assert!(!document.text.contains("\r\n"));
            assert_eq!(document.bytes(), text.as_bytes(), "{text:?}");
            document.text.push_str("new\n");
            assert!(document.is_unsaved());
            let written = String::from_utf8(document.bytes()).expect("text");
            assert_eq!(plain(&written), document.text, "{text:?}");
        }
        let mut mixed = document("a\r\nb\nc\r\n");
        mixed.text = "a\nü\nb\nc\n".into();
        assert_eq!(mixed.bytes(), "a\r\nü\r\nb\nc\r\n".as_bytes());
    }

    #[test]
    fn an_unedited_text_follows_its_file() {
        let mut document = document("a\r\n");
        document.update_from_file("own", &bytes("b\r\n"));
        assert_eq!((document.text.as_str(), document.is_unsaved()), ("b\n", false));
        document.update_from_file("shipped", &bytes("c\n"));
        assert_eq!((document.text.as_str(), document.root.as_str()), ("c\n", "shipped"));
    }

    #[test]
    fn an_edited_text_is_never_lost() {
        let mut mine = document("a\n");
        mine.text = "mine\n".into();
        mine.update_from_file("own", &bytes("theirs\n"));
        assert_eq!(mine.text, "mine\n");
        assert_eq!(mine.conflict, Some(Conflict::Changed { root: "own".into(), bytes: bytes("theirs\n") }));

        let mut kept = mine.clone();
        kept.keep_mine();
        assert_eq!((kept.base(), kept.is_unsaved(), kept.conflict.is_none()), (Some(&b"theirs\n"[..]), true, true));
        mine.take_theirs();
        assert_eq!((mine.text.as_str(), mine.is_unsaved(), mine.conflict.is_none()), ("theirs\n", false, true));

        // The other program has reverted its change.
        let mut back = document("a\n");
        back.text = "mine\n".into();
        back.update_from_file("own", &bytes("theirs\n"));
        back.update_from_file("own", &bytes("a\n"));
        assert_eq!(back.conflict, None);
    }

    #[test]
    fn a_deleted_file_can_be_saved_again() {
        let mut document = document("a\n");
        document.text = "mine\n".into();
        document.conflict = Some(Conflict::Gone);
        document.keep_mine();
        assert_eq!((document.base(), document.is_unsaved()), (None, true));
        document.mark_saved("own", b"mine\n".to_vec());
        assert!(!document.is_unsaved());
    }

    #[test]
    fn a_file_of_another_root_that_replaces_it_is_a_conflict() {
        let mut document = document("a\n");
        document.text = "mine\n".into();
        document.update_from_file("stronger", &bytes("other\n"));
        document.keep_mine();
        assert_eq!((document.root.as_str(), document.base()), ("stronger", Some(&b"other\n"[..])));
    }

    #[test]
    fn an_unsaved_text_of_an_earlier_window_is_in_conflict_only_if_its_file_has_changed() {
        let mut typed = document("a\r\n");
        assert_eq!(typed.to_unsaved(), None);
        typed.text = "mine\n".into();
        let script = typed.to_unsaved().expect("it is not saved");
        let (same, other) = (bytes("a\r\n"), bytes("theirs\n"));
        let again = Document::unsaved(&script, Some(("own", &same)));
        assert_eq!((again.text.as_str(), again.is_unsaved(), &again.conflict), ("mine\n", true, &None));
        assert_eq!(again.bytes(), b"mine\r\n");
        let changed = Document::unsaved(&script, Some(("own", &other)));
        assert_eq!(changed.conflict, Some(Conflict::Changed { root: "own".into(), bytes: other }));
        assert!(!Document::unsaved(&script, Some(("own", &bytes("mine\n")))).is_unsaved());
        let gone = Document::unsaved(&script, None);
        assert_eq!((gone.root.as_str(), gone.is_unsaved(), gone.base()), ("own", true, None));
    }

    #[test]
    fn invalid_utf8_is_rejected() {
        assert!(Document::new("a.rhai", "own", &Arc::from(&b"\xff\xfe"[..])).is_none());
    }
}
