//! `slowgrad definitions`: what scripts may name, as files for language servers.

use super::loaded_lesson::write_whole;
use super::{Failure, out};
use clap::Args;
use slowgrad_script::reference::{GENERATED_MARK, definition_files};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct DefinitionsArgs {
    /// Folder to write to; created if it does not exist
    folder: PathBuf,
}

pub(super) fn run(args: &DefinitionsArgs) -> Result<(), Failure> {
    let folder = &args.folder;
    let files = definition_files();
    // Nothing is written before it is clear that everything may be.
    for (name, _) in &files {
        ours(&folder.join(name))?;
    }
    fs::create_dir_all(folder).map_err(|error| Failure::new(format!("cannot create {}: {error}", folder.display())))?;
    for (name, text) in &files {
        let path = folder.join(name);
        write_whole(&path, text.as_bytes())?;
        out(&format!("{}\n", path.display()))?;
    }
    let use_of = "Rhai language servers read these files if the folder is in their workspace. slowgrad-contracts.d.rhai has the\n\
         contract functions and the fields of `ctx` and `lesson()`. Run this command again after an update.";
    out(&format!("{use_of}\n"))
}

/// Refuses to replace a file that this command did not write.
fn ours(path: &Path) -> Result<(), Failure> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(Failure::new(format!("cannot read {}: {error}", path.display()))),
    };
    if text.starts_with(GENERATED_MARK.as_bytes()) {
        return Ok(());
    }
    let message =
        format!("{} was not written by this command and was not changed; choose another folder", path.display());
    Err(Failure::new(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path) -> Result<(), Failure> {
        run(&DefinitionsArgs { folder: folder.to_owned() })
    }

    #[test]
    fn the_folder_is_made_own_files_are_replaced_and_others_left_alone() {
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join("new/.rhai");
        write(&folder).expect("written");
        let names: Vec<&str> = definition_files().iter().map(|(name, _)| *name).collect();
        let functions = folder.join(names[0]);
        let first = fs::read(&functions).expect("it is there");
        assert!(first.starts_with(GENERATED_MARK.as_bytes()));
        fs::write(&functions, format!("{GENERATED_MARK}\nold")).expect("a file");
        write(&folder).expect("written again");
        assert_eq!(fs::read(&functions).expect("it is there"), first);
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), names.len(), "nothing else is left behind");

        // One foreign file and nothing is touched.
        fs::remove_file(&functions).expect("removed");
        let foreign = folder.join(names[1]);
        fs::write(&foreign, "mine").expect("a file");
        assert!(matches!(write(&folder), Err(Failure::Message(message, 1)) if message.contains("not changed")));
        assert_eq!(fs::read(&foreign).expect("it is there"), b"mine");
        assert!(!functions.exists());
    }
}
