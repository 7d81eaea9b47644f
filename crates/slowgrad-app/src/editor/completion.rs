//! Completion of names at the cursor, and the search for a definition.

use super::typing::TextChange;
use super::{Editor, Tone};
use slowgrad_script::editing::{Completion, Definition, complete, definition};
use slowgrad_script::{PluginKind, TokenKind, highlight, import_candidates};
use slowgrad_session::Session;
use std::ops::Range;

/// The list opens by itself once a word has this many letters.
const MIN_WORD_LETTERS: usize = 2;

/// The list of completions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CompletionList {
    pub(crate) names: Vec<Completion>,
    pub(crate) chosen: usize,
}

impl CompletionList {
    /// Moves the choice by some entries, and wraps around.
    pub(crate) fn move_choice(&mut self, by: isize) {
        let count = self.names.len().max(1) as isize;
        self.chosen = (self.chosen as isize + by).rem_euclid(count) as usize;
    }

    /// The byte at which the completed word ends.
    pub(crate) fn end(&self) -> Option<usize> {
        self.names.first().map(|name| name.replaces.end)
    }

    /// The text change of the chosen completion.
    pub(crate) fn accept(&self) -> Option<TextChange> {
        let name = self.names.get(self.chosen)?;
        Some(TextChange::insert(name.replaces.clone(), name.text.clone()))
    }
}

/// The completions at a cursor, requested by the user or after a typed letter.
pub(crate) fn list(
    text: &str,
    cursor: usize,
    plugins: &[(PluginKind, String)],
    requested: bool,
) -> Option<CompletionList> {
    if !requested && !opens_by_itself(text, cursor, plugins) {
        return None;
    }
    let names = complete(text, cursor, plugins);
    (!names.is_empty()).then_some(CompletionList { names, chosen: 0 })
}

/// Whether the list should open by itself: not after a complete name, and not where a new name is declared.
fn opens_by_itself(text: &str, cursor: usize, plugins: &[(PluginKind, String)]) -> bool {
    let before = &text[..cursor];
    let is_letter = |letter: char| letter == '_' || letter.is_alphanumeric();
    let start = before.trim_end_matches(is_letter).len();
    let word = &before[start..];
    let rest = &before[..start];
    let after_dot =
        rest.ends_with('.') && !rest.trim_end_matches('.').ends_with(|letter: char| letter.is_ascii_digit());
    let after_path = rest.ends_with("::");
    if word.chars().count() < MIN_WORD_LETTERS
        && !((after_dot || after_path) && text[cursor..].chars().next().is_none_or(|next| !is_letter(next)))
    {
        return false;
    }
    if word.starts_with(|letter: char| letter.is_ascii_digit()) {
        return false;
    }
    let previous = rest.trim_end().rsplit(|letter: char| !is_letter(letter)).next().unwrap_or("");
    let declares = rest.ends_with(' ') && matches!(previous, "let" | "const" | "fn" | "for" | "as");
    let one_less = word.char_indices().next_back().map(|(at, _)| start + at);
    let whole = one_less.is_some_and(|at| complete(text, at, plugins).iter().any(|name| name.text == word));
    !declares && !whole
}

impl Editor {
    /// Opens the completions at the cursor, or reports that there are none.
    pub(crate) fn complete(&mut self, session: &Session) {
        let cursor = self.selection().end;
        let Some(document) = self.document() else { return };
        self.list = list(&document.text, cursor, plugins(session), true);
        if self.list.is_none() {
            self.set_message(Tone::Plain, "no suggestions here");
        }
    }

    /// Goes to the definition of the name at the cursor.
    pub(crate) fn go_to_definition(&mut self, session: &Session) {
        let cursor = self.selection().end;
        let Some(document) = self.document() else { return };
        match definition(&document.text, cursor) {
            Some(Definition::Here(range)) => self.target = Some(range.start..range.start),
            Some(Definition::File { path, function }) => {
                let candidates = import_candidates(Some(&document.path), &path).unwrap_or_default();
                let found =
                    candidates.into_iter().find(|path| super::files(session).iter().any(|file| file.path == *path));
                match found {
                    Some(path) => {
                        if self.show(&path, session) {
                            let text = self.document().map_or("", |document| document.text.as_str());
                            let at = function.and_then(|name| function_at(text, &name)).map_or(0, |range| range.start);
                            self.target = Some(at..at);
                        }
                    }
                    None => self.set_message(Tone::Plain, format!("this lesson has no file {path}")),
                }
            }
            None => self.set_message(Tone::Plain, "no definition found for the name at the cursor"),
        }
    }
}

/// The name of a function in its definition.
fn function_at(text: &str, name: &str) -> Option<Range<usize>> {
    let tokens = highlight(text);
    let pair = tokens.windows(2).find(|pair| {
        pair[0].1 == TokenKind::Keyword && &text[pair[0].0.clone()] == "fn" && &text[pair[1].0.clone()] == name
    })?;
    Some(pair[1].0.clone())
}

/// The names of all plug-ins.
pub(crate) fn plugins(session: &Session) -> &[(PluginKind, String)] {
    session.snapshot.as_ref().map_or(&[], |snapshot| &snapshot.plugins)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(marked: &str, requested: bool) -> Vec<String> {
        let cursor = marked.find('|').expect("a cursor");
        let plugins = [(PluginKind::Loss, "mse".to_owned())];
        let list = list(&marked.replace('|', ""), cursor, &plugins, requested);
        list.map(|list| list.names.into_iter().map(|name| name.text).collect()).unwrap_or_default()
    }

    #[test]
    fn completions_open_by_themselves_only_where_they_help() {
        assert!(names("fn activation(z) { soft| }", false).contains(&"softplus".to_owned()));
        assert!(names("fn activation(z) { s| }", false).is_empty());
        assert!(names("fn activation(z) { s| }", true).contains(&"softplus".to_owned()));
        assert!(names("fn activation(z) { softplus| }", false).is_empty());
        assert!(names("fn activation(z) { let soft| }", false).is_empty());
        assert!(names("fn activation(z) { 12| }", false).is_empty());
        assert!(names("fn activation(z) { 1.| }", false).is_empty());
        assert!(names("// soft|", false).is_empty());
    }

    #[test]
    fn a_chosen_completion_replaces_the_typed_word() {
        let mut text = "fn activation(z) { \"é\"; softp(z) }".to_owned();
        let cursor = text.find("softp").expect("it is there") + 5;
        let mut list = list(&text, cursor, &[], false).expect("a list");
        list.move_choice(-1);
        list.move_choice(1);
        let change = list.accept().expect("a name");
        change.apply(&mut text);
        assert_eq!(text, "fn activation(z) { \"é\"; softplus(z) }");
        assert_eq!(change.selected, cursor + 3..cursor + 3);
    }

    #[test]
    fn functions_are_found_in_other_files() {
        let text = "// fn help\nfn é() {}\nfn help(x) { help(x) }";
        assert_eq!(function_at(text, "help").map(|range| range.start), Some(text.find("help(x)").expect("there")));
        assert_eq!(function_at(text, "é").map(|range| &text[range]), Some("é"));
    }
}
