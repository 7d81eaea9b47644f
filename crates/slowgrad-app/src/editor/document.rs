//! A script as it is being edited, and what is known of its file.
//!
//! The text has plain line feeds while it is edited; the file keeps the line endings that it has. A document
//! must not know where its file lies, nor who reads and writes it.

use std::sync::Arc;

/// What became of the file behind a text that was edited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// Somebody else wrote this into it, or a file of another root took its place.
    Changed { root: String, bytes: Arc<[u8]> },
    /// It is gone.
    Gone,
}

/// An open script.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    /// Its path in the library.
    pub(crate) path: String,
    /// The text as it is edited, with line feeds only.
    pub(crate) text: String,
    /// The root that its file was found in.
    pub(crate) root: String,
    pub(crate) conflict: Option<Conflict>,
    /// The file as it was read or written last; nothing when the file that was read is gone.
    base: Option<Arc<[u8]>>,
    /// The text in there, with line feeds only.
    saved: String,
    /// The version in the library that was looked at last.
    seen: Arc<[u8]>,
    /// News of the file count only from the snapshot on that knows of this command.
    pub(crate) accepts_from: u64,
}

impl Document {
    /// A document of a file; nothing when it is no text in UTF-8.
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

    /// Whether something was typed that is in no file.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.base.is_none() || self.text != self.saved
    }

    /// What should be in the file before it is written.
    pub(crate) fn base(&self) -> Option<&[u8]> {
        self.base.as_deref()
    }

    /// The text as it goes into the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let base = self.base.as_deref().and_then(|base| std::str::from_utf8(base).ok()).unwrap_or_default();
        with_endings(&self.text, base).into_bytes()
    }

    /// The library has this version of the file now. A text that was not edited goes along, one that was
    /// stays and is in conflict.
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

    /// The text is in a file of this root now.
    pub(crate) fn mark_saved(&mut self, root: &str, bytes: Vec<u8>) {
        root.clone_into(&mut self.root);
        self.saved.clone_from(&self.text);
        self.base = Some(bytes.into());
        self.conflict = None;
    }

    /// The text here shall win over what is in the file.
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

    /// What is in the file shall win over the text here, as far as it is a text.
    pub(crate) fn take_theirs(&mut self) {
        if let Some(Conflict::Changed { root, bytes }) = &self.conflict
            && let Some(new) = Self::new(&self.path, root, bytes)
        {
            *self = Self { accepts_from: self.accepts_from, ..new };
        }
    }
}

/// A text with line feeds only.
pub(crate) fn plain(text: &str) -> String {
    text.replace("\r\n", "\n")
}

/// A line and what ends it.
fn split(line: &str) -> (&str, &str) {
    let body = line.strip_suffix('\n').unwrap_or(line);
    let body = body.strip_suffix('\r').filter(|_| line.ends_with('\n')).unwrap_or(body);
    (body, &line[body.len()..])
}

/// The text with the line endings of the file that it came from: lines that were not touched keep theirs, and
/// new ones get what most lines of the file have.
fn with_endings(text: &str, base: &str) -> String {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let known: Vec<(&str, &str)> = base.split_inclusive('\n').map(split).collect();
    let feeds = known.iter().filter(|(_, ending)| *ending == "\n").count();
    let usual = if known.iter().filter(|(_, ending)| *ending == "\r\n").count() > feeds { "\r\n" } else { "\n" };
    if feeds == known.len() || known.iter().all(|(_, ending)| ending.is_empty()) {
        return text.to_owned();
    }
    let same = |(line, (body, _)): &(&&str, &(&str, &str))| split(line).0 == *body;
    let before = lines.iter().zip(&known).take_while(same).count();
    let most = lines.len().min(known.len()) - before;
    let after = lines.iter().rev().zip(known.iter().rev()).take(most).take_while(same).count();
    let mut all = String::with_capacity(text.len() + lines.len());
    for (at, line) in lines.iter().enumerate() {
        let (body, ending) = split(line);
        all.push_str(body);
        let from_the_end = lines.len() - at;
        let was = match at {
            at if at < before => known[at].1,
            _ if from_the_end <= after => known[known.len() - from_the_end].1,
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
    fn a_text_that_was_not_touched_goes_along_with_its_file() {
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

        // Theirs was taken back by themselves.
        let mut back = document("a\n");
        back.text = "mine\n".into();
        back.update_from_file("own", &bytes("theirs\n"));
        back.update_from_file("own", &bytes("a\n"));
        assert_eq!(back.conflict, None);
    }

    #[test]
    fn a_file_that_is_gone_can_be_written_again() {
        let mut document = document("a\n");
        document.text = "mine\n".into();
        document.conflict = Some(Conflict::Gone);
        document.keep_mine();
        assert_eq!((document.base(), document.is_unsaved()), (None, true));
        document.mark_saved("own", b"mine\n".to_vec());
        assert!(!document.is_unsaved());
    }

    #[test]
    fn a_file_of_another_root_that_takes_its_place_is_asked_about() {
        let mut document = document("a\n");
        document.text = "mine\n".into();
        document.update_from_file("stronger", &bytes("other\n"));
        document.keep_mine();
        assert_eq!((document.root.as_str(), document.base()), ("stronger", Some(&b"other\n"[..])));
    }

    #[test]
    fn what_is_no_text_is_no_document() {
        assert!(Document::new("a.rhai", "own", &Arc::from(&b"\xff\xfe"[..])).is_none());
    }
}
