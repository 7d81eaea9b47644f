//! The scripts behind a run, for the window's editor: which they are, and what a check finds in one.
//!
//! A check runs in a sandbox of its own over the same files, so that nothing that runs learns of a text that
//! is not saved.

use crate::backend::{Backend, has_ending};
use crate::protocol::{Checked, UsedFile};
use slowgrad_engine::spec::{DataSpec, LessonSpec};
use slowgrad_script::{Files, Library, PluginKind, Root, Sandbox};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the window is told of scripts.
#[derive(Debug, Default)]
pub(crate) struct Scripts {
    /// What the lesson was made from when it was read last.
    pub(crate) read: Vec<String>,
    pub(crate) checked: Option<Arc<Checked>>,
    pub(crate) plugins: Arc<[(PluginKind, String)]>,
    shown: Arc<[UsedFile]>,
}

impl Backend {
    /// The lesson and the scripts that it uses, as they are now.
    pub(crate) fn used_files(&mut self) -> Arc<[UsedFile]> {
        let mut paths: BTreeSet<String> =
            self.scripts.read.iter().filter(|path| has_ending(path, "rhai")).cloned().collect();
        if let Some(opened) = &self.opened {
            // What a person plugged in is in no file.
            let named = named(&opened.run.setup().spec);
            paths.extend(named.into_iter().filter_map(|(kind, name)| self.sandbox.path_of(kind, name)));
        }
        let lesson = self.path.clone();
        paths.remove(&lesson);
        let found = std::iter::once(lesson).chain(paths).filter_map(|path| {
            let (root, bytes) = self.sandbox.file(&path)?;
            // While a run is made again its scripts say what they said once.
            let now = self.replay.as_ref().and_then(|replay| replay.now(&root, &path).cloned());
            Some(UsedFile { path, root, bytes: now.unwrap_or(bytes) })
        });
        let found: Vec<UsedFile> = found.collect();
        if self.scripts.shown[..] != found {
            self.scripts.shown = found.into();
        }
        Arc::clone(&self.scripts.shown)
    }

    /// Tries a text out as if it were saved.
    pub(crate) fn check(&mut self, path: String, text: String) {
        let mut library = self.sandbox.library();
        let files = Files::from_iter([(path.as_str(), text.as_bytes())]);
        library.roots.push(Root { name: "edited".into(), files });
        let found = Sandbox::new(library, self.sandbox.limits()).examine(&path);
        let (problems, reports) = (found.diagnostics, found.reports);
        self.scripts.checked = Some(Arc::new(Checked { path, text, problems, reports }));
    }
}

/// The plugins that a description names.
pub(crate) fn named(spec: &LessonSpec) -> Vec<(PluginKind, &str)> {
    let mut named: Vec<(PluginKind, &str)> =
        spec.layers.iter().map(|layer| (PluginKind::Activation, layer.activation.name.as_str())).collect();
    named.push((PluginKind::Loss, &spec.loss.name));
    named.push((PluginKind::Optimizer, &spec.optimizer.name));
    named.push((PluginKind::Initializer, &spec.initializer.name));
    named.extend(spec.regularizer.iter().map(|plugin| (PluginKind::Regularizer, plugin.name.as_str())));
    named.extend(spec.schedule.iter().map(|plugin| (PluginKind::Schedule, plugin.name.as_str())));
    if let DataSpec::Plugin(plugin) = &spec.data {
        named.push((PluginKind::Dataset, &plugin.name));
    }
    named
}

/// The names of all plugins of a library, without looking into their files.
pub(crate) fn plugins(library: &Library) -> Arc<[(PluginKind, String)]> {
    let paths: BTreeSet<&str> = library.roots.iter().flat_map(|root| root.files.paths()).collect();
    let plugin = |path: &str| {
        let (folder, file) = path.split_once('/')?;
        let kind = PluginKind::ALL.into_iter().find(|kind| kind.folder() == folder)?;
        Some((kind, file.strip_suffix(".rhai").filter(|name| !name.contains('/'))?.to_owned()))
    };
    paths.into_iter().filter_map(plugin).collect()
}
