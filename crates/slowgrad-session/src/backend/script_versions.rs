//! Which versions of its scripts a run was made with: their texts when it began, and the texts that changed later.
//!
//! Files have the last version only, so these texts are a part of what makes a run again. It must not know how a version
//! arrives or how it takes over.

use super::script_files::named_plugins;
use crate::protocol::{Made, Texts};
use slowgrad_engine::spec::LessonSpec;
use slowgrad_script::{PluginKind, Sandbox};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;

/// Whether a path of the library has an extension.
pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// The texts of a run that began with `initial`, in the order in which they took over.
fn texts<'a>(initial: &'a Texts, changes: &'a [Made]) -> impl DoubleEndedIterator<Item = (&'a String, &'a Arc<str>)> {
    initial.iter().chain(changes.iter().flat_map(|made| &made.scripts))
}

/// The last text of one script.
fn last_text<'a>(initial: &'a Texts, changes: &'a [Made], path: &str) -> Option<&'a Arc<str>> {
    texts(initial, changes).rev().find_map(|(known, text)| (known == path).then_some(text))
}

/// The present texts of the scripts in use that differ from those of a run.
pub(crate) fn new_texts(sandbox: &Sandbox, initial: &Texts, changes: &[Made]) -> Texts {
    let scripts = sandbox.files().into_iter().filter(|path| has_extension(path, "rhai"));
    let changed = scripts.filter_map(|path| {
        let (_, bytes) = sandbox.file(&path)?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let is_known = last_text(initial, changes, &path).is_some_and(|known| **known == *text);
        (!is_known).then(|| (path, text.into()))
    });
    changed.collect()
}

/// The scripts of a run whose text has changed since the run last loaded them.
pub(crate) fn changed_scripts(sandbox: &Sandbox, initial: &Texts, changes: &[Made]) -> BTreeSet<String> {
    let paths: BTreeSet<&String> = texts(initial, changes).map(|(path, _)| path).collect();
    let is_changed = |path: &&&String| {
        let now = sandbox.file(path).map(|(_, bytes)| bytes);
        let known = last_text(initial, changes, path).map(|text| text.as_bytes());
        now.as_deref() != known
    };
    paths.iter().filter(is_changed).map(|path| (*path).clone()).collect()
}

/// Whether a run of this description still depends on a script: not if only its initial weights do.
pub(crate) fn still_uses(sandbox: &Sandbox, lesson: &str, spec: &LessonSpec, path: &str) -> bool {
    let folder = Path::new(path).parent().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default();
    // A script that is not a plugin may be imported by one.
    if path == lesson || !PluginKind::ALL.into_iter().any(|kind| kind.folder() == folder) {
        return true;
    }
    named_plugins(spec).into_iter().any(|(kind, name)| {
        let is_its_file = || match sandbox.path_of(kind, name) {
            Some(known) => known == path,
            // The file is gone.
            None => kind.folder() == folder && Path::new(path).file_stem().is_some_and(|stem| stem == name),
        };
        kind != PluginKind::Initializer && is_its_file()
    })
}
