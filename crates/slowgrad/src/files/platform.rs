//! The desktop's files for the app: scripts are saved into the folders of the lesson, sessions next to it.

use super::folders::Folders;
use super::library::is_pack;
use super::path_text::{from_text, to_text};
use super::script_saver::{self, SaveError};
use slowgrad_app::platform::{
    FileRef, KnownSession, Platform, SESSION_SUFFIX, ScriptSave, ScriptSaveError, ScriptTarget,
};
use std::path::{Path, PathBuf};

/// Access to the files of a lesson.
#[derive(Debug, Clone, Default)]
pub(crate) struct DesktopPlatform {
    folders: Option<Folders>,
    /// The folders, or the pack, that scripts were read from, by increasing priority.
    roots: Vec<PathBuf>,
    /// Whether the system has file dialogs.
    dialogs: bool,
}

impl DesktopPlatform {
    /// The platform for a lesson whose scripts were read from `roots`, in order of increasing priority.
    pub(crate) fn new(folders: Option<Folders>, roots: Vec<PathBuf>, dialogs: bool) -> Self {
        Self { folders, roots, dialogs }
    }

    fn root(&self, name: &str) -> Option<&PathBuf> {
        self.roots.iter().find(|root| to_text(root) == name)
    }
}

impl Platform for DesktopPlatform {
    fn has_dialogs(&self) -> bool {
        self.dialogs
    }

    fn known_sessions(&self) -> Vec<KnownSession> {
        self.folders.as_ref().map(Folders::known_sessions).unwrap_or_default()
    }

    fn suggested_session(&self, lesson_root: &str, lesson_path: &str) -> FileRef {
        let Some(stem) = Path::new(lesson_path).file_stem() else { return FileRef::default() };
        let on_disk = from_text(lesson_root).join(from_text(lesson_path));
        let root = from_text(lesson_root);
        // The root of a pack is its file.
        let parent = if is_pack(&root) { root.parent() } else { on_disk.parent() };
        let lesson_folder = parent.filter(|folder| folder.is_absolute()).map(Path::to_owned);
        let folder = lesson_folder.or_else(|| Some(self.folders.as_ref()?.sessions.clone())).unwrap_or_default();
        let file = folder.join(from_text(&format!("{}{SESSION_SUFFIX}", stem.to_string_lossy())));
        FileRef::new(&to_text(&file))
    }

    fn exists(&self, file: &FileRef) -> bool {
        Path::new(file.name()).exists()
    }

    fn script_target(&self, root: &str) -> Option<ScriptTarget> {
        let original = self.root(root);
        let folder = original.or(self.roots.last())?;
        Some(ScriptTarget { root: to_text(folder), copy: original.is_none() })
    }

    fn save_script(&mut self, script: ScriptSave<'_>) -> Result<FileRef, ScriptSaveError> {
        let ScriptSave { target, path, bytes, expected } = script;
        let Some(folder) = self.root(&target.root) else {
            return Err(ScriptSaveError::Failed(format!("{} is not a folder or pack of this lesson", target.root)));
        };
        match script_saver::save(folder, path, bytes, expected) {
            Ok(file) => Ok(FileRef::new(&to_text(&file))),
            Err(SaveError::Changed(found)) => Err(ScriptSaveError::Changed(found)),
            Err(SaveError::Gone) => Err(ScriptSaveError::Gone),
            Err(error) => Err(ScriptSaveError::Failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn script_is_saved_to_its_root_and_a_built_in_one_to_the_folder_of_highest_priority() {
        let platform = DesktopPlatform::new(None, vec![PathBuf::from("/shared"), PathBuf::from("/own")], false);
        assert_eq!(platform.script_target("/shared"), Some(ScriptTarget { root: "/shared".into(), copy: false }));
        assert_eq!(platform.script_target("slowgrad"), Some(ScriptTarget { root: "/own".into(), copy: true }));
        assert_eq!(DesktopPlatform::default().script_target("slowgrad"), None);
    }
}
