//! The scripts of a run: the sandbox over the library, its listings, the files in use, the console, and checks.
//!
//! A check uses a separate sandbox over the same files, so that no run uses unsaved text. It must not know the run.

use super::script_versions::{self, has_extension};
use super::slots::{self, Choices, named_plugins};
use crate::protocol::{CheckOutcome, Choice, RecordedChange, ScriptTexts, UsedFile};
use crate::shipped;
use slowgrad_engine::setup::Setup;
use slowgrad_engine::spec::LessonSpec;
use slowgrad_script::{
    CatalogueItem, ConsoleLine, Files, Lesson, Library, Limits, PluginKind, Root, Sandbox, TableProgress,
};
use slowgrad_tape::Diagnostic;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The console stores this many lines.
const MAX_CONSOLE_LINES: usize = 500;

/// The library with the lesson that was last requested.
pub(crate) struct Scripts {
    sandbox: Sandbox,
    /// The lesson that was last requested, even if it did not open.
    lesson_path: String,
    /// The files that the lesson used when it was last read.
    read_files: Vec<String>,
    used_files: Arc<[UsedFile]>,
    checked: Option<Arc<CheckOutcome>>,
    console: Arc<[ConsoleLine]>,
    plugins: Arc<[(PluginKind, String)]>,
    lessons: Arc<[Choice]>,
    choices: Choices,
    /// The number of file replacements so far.
    version: u64,
}

impl Scripts {
    /// Opens a library; its scripts run within these limits.
    pub(crate) fn new(library: Library, limits: Limits) -> Self {
        let mut scripts = Self {
            sandbox: Sandbox::new(library, limits),
            lesson_path: String::new(),
            read_files: Vec::new(),
            used_files: Arc::new([]),
            checked: None,
            console: Arc::new([]),
            plugins: Arc::new([]),
            lessons: Arc::new([]),
            choices: Choices::new(),
            version: 0,
        };
        scripts.list();
        scripts
    }

    /// Rereads the library.
    fn list(&mut self) {
        self.choices = slots::choices(&self.sandbox);
        let mut lessons = self.sandbox.catalogue(PluginKind::Lesson);
        shipped::order_lessons(&mut lessons);
        let choice =
            |CatalogueItem { path, title, info, .. }| Choice { name: path, title, description: info.description };
        self.lessons = lessons.into_iter().map(choice).collect();
        self.plugins = plugin_names(&self.sandbox.library());
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        &self.sandbox
    }

    pub(crate) fn set_table_progress(&mut self, progress: TableProgress) {
        self.sandbox.set_progress(progress);
    }

    pub(crate) fn into_sandbox(self) -> Sandbox {
        self.sandbox
    }

    pub(crate) fn lesson_path(&self) -> &str {
        &self.lesson_path
    }

    pub(crate) fn set_lesson_path(&mut self, path: &str) {
        path.clone_into(&mut self.lesson_path);
    }

    pub(crate) fn lessons(&self) -> &Arc<[Choice]> {
        &self.lessons
    }

    pub(crate) fn plugins(&self) -> &Arc<[(PluginKind, String)]> {
        &self.plugins
    }

    pub(crate) fn choices(&self) -> &Choices {
        &self.choices
    }

    pub(crate) fn checked(&self) -> Option<&Arc<CheckOutcome>> {
        self.checked.as_ref()
    }

    pub(crate) fn console(&self) -> &Arc<[ConsoleLine]> {
        &self.console
    }

    /// Adds, replaces or deletes (`None`) a file.
    pub(crate) fn replace(&mut self, root: &str, path: &str, bytes: Option<Arc<[u8]>>) {
        self.sandbox.replace(root, path, bytes);
        self.version += 1;
        self.list();
    }

    /// Replaces a file by an earlier text during a replay; listings are not updated.
    pub(crate) fn replace_for_replay(&mut self, root: &str, path: &str, text: &str) {
        self.sandbox.replace(root, path, Some(text.as_bytes().into()));
        self.version += 1;
    }

    /// A number that increases with each replaced file.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// Reads the lesson's file. Its output goes to the console.
    ///
    /// # Errors
    ///
    /// The problems of the lesson and of the scripts that it names.
    pub(crate) fn read_lesson(&mut self) -> Result<Lesson, Vec<Diagnostic>> {
        self.discard_printed();
        let lesson = self.sandbox.open(&self.lesson_path);
        self.read_files = self.sandbox.files();
        self.keep_printed();
        lesson
    }

    /// Restores the path of the open lesson after another one failed to open, so that plugins are searched beside it.
    pub(crate) fn restore_lesson_path(&mut self, lesson_path: &str) {
        self.set_lesson_path(lesson_path);
        let _ = self.sandbox.open(lesson_path);
    }

    /// Assembles the set-up of a description and its initial parameters.
    ///
    /// # Errors
    ///
    /// The problems of the scripts that it names.
    pub(crate) fn start(&self, spec: &LessonSpec) -> Result<(Setup, Vec<f64>), Vec<Diagnostic>> {
        let setup = self.sandbox.assemble(spec);
        let parameters = self.sandbox.parameters(spec).map_err(|error| vec![*error]);
        setup.and_then(|setup| Ok((setup, parameters?)))
    }

    /// Appends the output of scripts to the console.
    pub(crate) fn keep_printed(&mut self) {
        let printed = self.sandbox.console();
        if !printed.is_empty() {
            let lines = self.console.iter().cloned().chain(printed).collect::<Vec<_>>();
            self.console = lines[lines.len().saturating_sub(MAX_CONSOLE_LINES)..].into();
        }
    }

    /// Drops the output of scripts: only the shown step prints to the console, not training, trial calls and plots.
    pub(crate) fn discard_printed(&self) {
        drop(self.sandbox.console());
    }

    /// The present texts of the scripts in use that differ from those of a run.
    pub(crate) fn new_texts(&self, initial: &ScriptTexts, changes: &[RecordedChange]) -> ScriptTexts {
        script_versions::new_texts(&self.sandbox, initial, changes)
    }

    /// The lesson and the scripts that it uses, including the plugins of this description. `contents_now` gives the
    /// present contents of a file, by root and path, that has an earlier text during a replay.
    pub(crate) fn used_files(
        &mut self,
        spec: Option<&LessonSpec>,
        contents_now: impl Fn(&str, &str) -> Option<Arc<[u8]>>,
    ) -> Arc<[UsedFile]> {
        let mut paths: BTreeSet<String> =
            self.read_files.iter().filter(|path| has_extension(path, "rhai")).cloned().collect();
        // No file names a plugin that the viewer chose.
        let named = spec.map(named_plugins).unwrap_or_default();
        paths.extend(named.into_iter().filter_map(|(kind, name)| self.sandbox.path_of(kind, name)));
        let lesson = self.lesson_path.clone();
        paths.remove(&lesson);
        let found = std::iter::once(lesson).chain(paths).filter_map(|path| {
            let (root, bytes) = self.sandbox.file(&path)?;
            let bytes = contents_now(&root, &path).unwrap_or(bytes);
            Some(UsedFile { path, root, bytes })
        });
        let found: Vec<UsedFile> = found.collect();
        if self.used_files[..] != found {
            self.used_files = found.into();
        }
        Arc::clone(&self.used_files)
    }

    /// The files of data and initial weights that the lesson used when it was last read, without those that are built in.
    pub(crate) fn data_files(&self) -> Arc<[UsedFile]> {
        let paths = self.read_files.iter().filter(|path| !has_extension(path, "rhai"));
        let found = paths.filter_map(|path| {
            let (root, bytes) = self.sandbox.file(path)?;
            (root != shipped::ROOT).then(|| UsedFile { path: path.clone(), root, bytes })
        });
        found.collect()
    }

    /// Checks a text as if it were saved.
    pub(crate) fn check(&mut self, path: String, text: String) {
        let mut library = self.sandbox.library();
        let files = Files::from_iter([(path.as_str(), text.as_bytes())]);
        library.roots.push(Root { name: "edited".into(), files });
        let found = self.sandbox.with_library(library).examine(&path);
        let (problems, reports) = (found.diagnostics, found.reports);
        self.checked = Some(Arc::new(CheckOutcome { path, text, problems, reports }));
    }
}

/// The names of all plugins of a library, without reading their files.
fn plugin_names(library: &Library) -> Arc<[(PluginKind, String)]> {
    let paths: BTreeSet<&str> = library.roots.iter().flat_map(|root| root.files.paths()).collect();
    let plugin = |path: &str| {
        let (folder, file) = path.split_once('/')?;
        let kind = PluginKind::ALL.into_iter().find(|kind| kind.folder() == folder)?;
        Some((kind, file.strip_suffix(".rhai").filter(|name| !name.contains('/'))?.to_owned()))
    };
    paths.into_iter().filter_map(plugin).collect()
}
