//! Which versions of its scripts a run was made with: what they said when it began, and what they said at each change.
//!
//! Files have the last version only, so this is a part of what makes a run again. It must not know how a version comes
//! or how it is taken over.

use crate::backend::script_files::named;
use crate::backend::{Backend, has_ending};
use crate::protocol::{Made, Texts};
use slowgrad_script::PluginKind;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

/// What scripts say at the end of a run that began with these texts.
fn said<'a>(began_with: &'a Texts, changes: &'a [Made]) -> impl DoubleEndedIterator<Item = (&'a String, &'a Arc<str>)> {
    began_with.iter().chain(changes.iter().flat_map(|made| &made.scripts))
}

/// What one of them says.
fn text_of<'a>(began_with: &'a Texts, changes: &'a [Made], path: &str) -> Option<&'a Arc<str>> {
    said(began_with, changes).rev().find_map(|(known, text)| (known == path).then_some(text))
}

impl Backend {
    /// What the scripts that were looked at say now, as far as a run of these texts and changes does not know it.
    pub(crate) fn untold(&self, began_with: &Texts, changes: &[Made]) -> Texts {
        let scripts = self.sandbox.files().into_iter().filter(|path| has_ending(path, "rhai"));
        let untold = scripts.filter_map(|path| {
            let (_, bytes) = self.sandbox.file(&path)?;
            let text = std::str::from_utf8(&bytes).ok()?;
            let is_known = text_of(began_with, changes, &path).is_some_and(|known| **known == *text);
            (!is_known).then(|| (path, text.into()))
        });
        untold.collect()
    }

    /// The scripts that say something else now than the run knows.
    pub(crate) fn changed_since(&self) -> BTreeSet<String> {
        let Some(opened) = &self.opened else { return BTreeSet::new() };
        let paths: BTreeSet<&String> = said(&opened.began_with, &opened.changes).map(|(path, _)| path).collect();
        let is_changed = |path: &&&String| {
            let now = self.sandbox.file(path).map(|(_, bytes)| bytes);
            let known = text_of(&opened.began_with, &opened.changes, path).map(|text| text.as_bytes());
            now.as_deref() != known
        };
        paths.iter().filter(is_changed).map(|path| (*path).clone()).collect()
    }

    /// Whether a run as it goes on is made from a script: not one whose initial weights alone are.
    pub(crate) fn goes_on_with(&self, path: &str) -> bool {
        let Some(opened) = &self.opened else { return false };
        let folder = Path::new(path).parent().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default();
        // What is no plugin may be imported by one.
        if path == self.path || !PluginKind::ALL.into_iter().any(|kind| kind.folder() == folder) {
            return true;
        }
        named(&opened.run.setup().spec).into_iter().any(|(kind, name)| {
            let is_its_file = || match self.sandbox.path_of(kind, name) {
                Some(known) => known == path,
                // It is gone.
                None => kind.folder() == folder && Path::new(path).file_stem().is_some_and(|stem| stem == name),
            };
            kind != PluginKind::Initializer && is_its_file()
        })
    }
}
