//! `slowgrad new`: creates a commented starter script.

use super::{Failure, kind, output};
use crate::files::{library, output::write_new};
use clap::Args;
use include_dir::{Dir, include_dir};
use slowgrad_script::PluginKind;
use slowgrad_session::{is_reserved_name, shipped};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// One script per kind, with `NAME` as a placeholder for its name.
static STARTERS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/starters");

/// The maximum length of a name.
const MAX_NAME_CHARS: usize = 64;

#[derive(Debug, Args)]
pub(super) struct NewArgs {
    /// What to write: activation, loss, optimizer, …, lesson
    #[arg(value_parser = kind::parse)]
    kind: PluginKind,
    /// Its name, by which lessons will use it
    name: String,
    /// Write it into your own folder of scripts, where every lesson finds it, instead of the current folder
    #[arg(long)]
    user: bool,
    /// An activation or an optimizer of a whole layer, as softmax and lars are
    #[arg(long)]
    layer: bool,
}

pub(super) fn run(args: &NewArgs) -> Result<(), Failure> {
    let name = args.name.strip_suffix(".rhai").unwrap_or(&args.name);
    check_name(name).map_err(Failure::usage)?;
    if args.layer && !matches!(args.kind, PluginKind::Activation | PluginKind::Optimizer) {
        return Err(Failure::usage("--layer applies only to activations and optimizers"));
    }
    let folder = folder(args.kind, args.user)?;
    let path = folder.join(format!("{name}.rhai"));
    let text = starter(args.kind, args.layer, name)?;
    let written = std::fs::create_dir_all(&folder).and_then(|()| write_new(&path, text.as_bytes()));
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::new(format!("{} already exists; choose another name", path.display())),
        _ => Failure::new(format!("cannot write {}: {error}", path.display())),
    })?;
    output::print(&summary(args, name, &path))
}

/// Rejects names that are not valid file names on every system, or cannot be used in a lesson.
fn check_name(name: &str) -> Result<(), String> {
    let is_valid = |ch: char| ch.is_alphanumeric() || ch == '_' || ch == '-';
    if name.is_empty() || !name.chars().all(is_valid) || name.starts_with('-') {
        return Err(format!("«{name}» is not a valid name; use letters, digits, _ and -, as in my_own"));
    }
    if name.chars().count() > MAX_NAME_CHARS {
        return Err(format!("a name can have at most {MAX_NAME_CHARS} characters"));
    }
    // These are device names on Windows, and scripts should be portable.
    if is_reserved_name(name) {
        return Err(format!("«{name}» is reserved on Windows; choose another name"));
    }
    Ok(())
}

/// The folder of the new script: the user's folder, or one where lessons in the current folder find it.
fn folder(kind: PluginKind, user: bool) -> Result<PathBuf, Failure> {
    if user {
        let folder = library::user_folder();
        let folder = folder.ok_or_else(|| Failure::new("no home folder found; set SLOWGRAD_SCRIPTS to a folder"))?;
        return Ok(folder.join(kind.folder()));
    }
    let here = if kind == PluginKind::Lesson { "" } else { kind.folder() };
    Ok(PathBuf::from(here))
}

fn starter(kind: PluginKind, layer: bool, name: &str) -> Result<String, Failure> {
    let file = format!("{}{}", kind::word(kind), if layer { "_layer" } else { "" });
    let text = STARTERS.get_file(format!("{file}.rhai")).and_then(|file| file.contents_utf8());
    let text = text.ok_or_else(|| Failure::new(format!("there is no starter script for a {}", kind.label())))?;
    Ok(text.replace("NAME", name))
}

/// The path of the new script, and the next steps.
fn summary(args: &NewArgs, name: &str, path: &Path) -> String {
    let shown = path.display().to_string();
    let word = if shown.contains(' ') { format!("\"{shown}\"") } else { shown.clone() };
    let mut lines = vec![format!("wrote {shown}")];
    lines.push(format!("check it:  slowgrad check {word}"));
    if args.kind == PluginKind::Lesson {
        lines.push(format!("open it:   slowgrad {}", if args.user { name } else { &word }));
    } else {
        let lesson = if args.user { "in any lesson" } else { "in a lesson in this folder" };
        lines.push(format!("use it:    write `{}: \"{name}\"` {lesson}", kind::field(args.kind)));
    }
    if shipped::shipped().files.get(&format!("{}/{name}.rhai", args.kind.folder())).is_some() {
        lines.push(format!("This script hides the built-in {} of the same name.", args.kind.label()));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_starter_and_every_starter_is_used() {
        for kind in PluginKind::ALL {
            let text = starter(kind, false, "mine").expect("a starter");
            assert!(text.contains("mine") && !text.contains("NAME"), "{text}");
        }
        for kind in [PluginKind::Activation, PluginKind::Optimizer] {
            assert!(starter(kind, true, "mine").is_ok());
        }
        assert_eq!(STARTERS.files().count(), PluginKind::ALL.len() + 2);
    }

    #[test]
    fn invalid_names_are_rejected() {
        for name in ["mine", "my_own-2", "Übung", "com", "command"] {
            assert_eq!(check_name(name), Ok(()));
        }
        for name in ["", ".", "..", "a/b", "a\\b", "a b", "-x", ".hidden", "a.b", "a:b", "nul", "COM1", "a\0", "a\"b"] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
        assert!(check_name(&"x".repeat(65)).is_err());
    }
}
