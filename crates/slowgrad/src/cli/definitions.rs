//! `slowgrad definitions`: definition files of the script language, for language servers.

use super::{Failure, output};
use crate::files::output::{Output, TEXT};
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
    // Checks all files before it writes the first.
    for (name, _) in &files {
        check_replaceable(&folder.join(name))?;
    }
    fs::create_dir_all(folder).map_err(|error| Failure::new(format!("cannot create {}: {error}", folder.display())))?;
    let check = |(name, text)| {
        let path = folder.join(name);
        Output::check(&path, &TEXT).map(|output| (path, output, text))
    };
    for (path, output, text) in files.into_iter().map(check).collect::<Result<Vec<_>, _>>()? {
        output.write(text.as_bytes())?;
        output::print(&format!("{}\n", path.display()))?;
    }
    let usage = "Rhai language servers read these files if the folder is in their workspace. slowgrad-contracts.d.rhai has the\n\
         contract functions and the fields of `ctx` and `lesson()`. Run this command again after an update.";
    output::print(&format!("{usage}\n"))
}

/// Fails if the file exists and was not written by this command.
fn check_replaceable(path: &Path) -> Result<(), Failure> {
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

    fn write_files(folder: &Path) -> Result<(), Failure> {
        run(&DefinitionsArgs { folder: folder.to_owned() })
    }

    #[test]
    fn folder_is_created_and_only_generated_files_are_replaced() {
        let top = tempfile::tempdir().expect("a folder");
        let folder = top.path().join("new/.rhai");
        write_files(&folder).expect("write the files");
        let names: Vec<&str> = definition_files().iter().map(|(name, _)| *name).collect();
        let functions = folder.join(names[0]);
        let first = fs::read(&functions).expect("a file");
        assert!(first.starts_with(GENERATED_MARK.as_bytes()));
        fs::write(&functions, format!("{GENERATED_MARK}\nold")).expect("a file");
        write_files(&folder).expect("write the files again");
        assert_eq!(fs::read(&functions).expect("a file"), first);
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), names.len(), "no temporary file is left");

        // With one file from elsewhere, no file is written.
        fs::remove_file(&functions).expect("delete the file");
        let foreign = folder.join(names[1]);
        fs::write(&foreign, "mine").expect("a file");
        assert!(matches!(write_files(&folder), Err(Failure::Message(message, 1)) if message.contains("not changed")));
        assert_eq!(fs::read(&foreign).expect("a file"), b"mine");
        assert!(!functions.exists());
    }
}
