//! The versions of scripts that a run has used: their texts when it began, and the texts that changed later.
//!
//! Files store the last version only, so these texts are part of the recipe of a run. It must not know how a new version
//! arrives or takes effect.

use super::slots::named_plugins;
use crate::protocol::{RecordedChange, ScriptTexts};
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

/// All texts of a run that began with `initial`, in the order in which they took effect.
fn texts<'a>(
    initial: &'a ScriptTexts,
    changes: &'a [RecordedChange],
) -> impl DoubleEndedIterator<Item = (&'a String, &'a Arc<str>)> {
    initial.iter().chain(changes.iter().flat_map(|change| &change.scripts))
}

/// The last text of a script.
fn last_text<'a>(initial: &'a ScriptTexts, changes: &'a [RecordedChange], path: &str) -> Option<&'a Arc<str>> {
    texts(initial, changes).rev().find_map(|(known, text)| (known == path).then_some(text))
}

/// The present texts of the scripts in use that differ from those of a run.
pub(crate) fn new_texts(sandbox: &Sandbox, initial: &ScriptTexts, changes: &[RecordedChange]) -> ScriptTexts {
    let scripts = sandbox.files().into_iter().filter(|path| has_extension(path, "rhai"));
    let changed = scripts.filter_map(|path| {
        let (_, bytes) = sandbox.file(&path)?;
        let text = std::str::from_utf8(&bytes).ok()?;
        let known = last_text(initial, changes, &path).is_some_and(|last| **last == *text);
        (!known).then(|| (path, text.into()))
    });
    changed.collect()
}

/// The scripts whose text has changed since the run last loaded them.
pub(crate) fn changed_scripts(
    sandbox: &Sandbox,
    initial: &ScriptTexts,
    changes: &[RecordedChange],
) -> BTreeSet<String> {
    let paths: BTreeSet<&String> = texts(initial, changes).map(|(path, _)| path).collect();
    let changed = |path: &&&String| {
        let now = sandbox.file(path).map(|(_, bytes)| bytes);
        let known = last_text(initial, changes, path).map(|text| text.as_bytes());
        now.as_deref() != known
    };
    paths.iter().filter(changed).map(|path| (*path).clone()).collect()
}

/// Whether a run of this description depends on a script, other than for its initial weights.
pub(crate) fn still_uses(sandbox: &Sandbox, lesson: &str, spec: &LessonSpec, path: &str) -> bool {
    let folder = Path::new(path).parent().and_then(Path::file_name).and_then(OsStr::to_str).unwrap_or_default();
    // Plugins may import scripts that are not plugins.
    if path == lesson || !PluginKind::ALL.into_iter().any(|kind| kind.folder() == folder) {
        return true;
    }
    named_plugins(spec).into_iter().any(|(kind, name)| {
        let is_file_of_plugin = || match sandbox.path_of(kind, name) {
            Some(known) => known == path,
            // The file was deleted.
            None => kind.folder() == folder && Path::new(path).file_stem().is_some_and(|stem| stem == name),
        };
        kind != PluginKind::Initializer && is_file_of_plugin()
    })
}
