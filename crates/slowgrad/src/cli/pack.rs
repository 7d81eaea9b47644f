//! `slowgrad pack` and `unpack`: a lesson as one file to give to others.

use super::loaded_lesson::files_on_disk;
use super::{Failure, output, report};
use crate::files::library::{self, LessonFiles, is_pack, read_pack};
use crate::files::output::{self as outputs, Output, PACK, write_new};
use crate::files::path_text::from_text;
use crate::files::sessions::is_session;
use clap::Args;
use slowgrad_script::{Library, Limits, Root, Sandbox};
use slowgrad_session::{Pack, shipped};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

#[derive(Debug, Args)]
pub(super) struct PackArgs {
    /// Lesson file, or the name of a library lesson
    lesson: PathBuf,
    /// Pack to write; - is standard output
    #[arg(short, long, value_name = "OUT.slowgrad")]
    output: PathBuf,
    /// Also pack a script that the lesson does not use, with the files that it uses; repeat the option for more
    #[arg(long = "with", value_name = "FOLDER/NAME.rhai")]
    more: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct UnpackArgs {
    /// Pack to read
    pack: PathBuf,
    /// Folder to write to, which must be new or empty [default: the name of the pack, in the current folder]
    #[arg(short, long, value_name = "FOLDER")]
    output: Option<PathBuf>,
}

pub(super) fn pack(args: &PackArgs, limits: Limits) -> Result<(), Failure> {
    if is_session(&args.lesson) {
        return Err(Failure::usage("a session file already holds its scripts and small data; pack its lesson"));
    }
    let output = Output::check(&args.output, &PACK)?;
    let loaded = library::load(Some(&args.lesson)).map_err(|error| Failure::new(error.to_string()))?;
    let LessonFiles { library, lesson: path, folders, .. } = loaded;
    let sandbox = Sandbox::new(library, limits);
    let lesson = sandbox.open(&path).map_err(Failure::Scripts)?;
    report::print(&lesson.all_warnings());
    let mut inputs = files_on_disk(&sandbox, &folders);
    inputs.push(args.lesson.clone());
    outputs::check_distinct(&[&output], &inputs)?;

    let more =
        args.more.iter().map(|script| files_of_script(&sandbox, script)).collect::<Result<Vec<_>, _>>()?.concat();
    let named = |error| Failure::new(format!("{} {error}", args.lesson.display()));
    let pack = Pack::of_lesson(&sandbox, &lesson, &more).map_err(named)?;
    // The pack is complete if its lesson opens without the folders of this computer.
    let root = Root { name: args.output.display().to_string(), files: pack.to_library_files() };
    let alone = Sandbox::new(Library { roots: vec![shipped::shipped(), root] }, limits);
    drop(alone.open(pack.lesson()).map_err(Failure::Scripts)?);

    let bytes = pack.to_bytes().map_err(named)?;
    let (name, is_stdout, len) = (output.name().display().to_string(), output.is_stdout(), bytes.len());
    output.write(&bytes)?;
    if is_stdout {
        return Ok(());
    }
    let count = pack.files().len();
    let line =
        |(path, bytes): (&str, &Arc<[u8]>)| format!("  {:>9}  {}\n", size(bytes.len()), report::sanitize_line(path));
    let lines: String = pack.files().map(line).collect();
    output::print(&format!("wrote {name}: {count} files, {}\n{lines}", size(len)))
}

/// The files that a script uses, with itself.
fn files_of_script(sandbox: &Sandbox, script: &str) -> Result<Vec<String>, Failure> {
    if sandbox.file(script).is_none() {
        let help = "give its path in the lesson's folder, such as optimizers/mine.rhai";
        return Err(Failure::usage(format!("there is no script {script}; {help}")));
    }
    let checking = Sandbox::new(sandbox.library(), sandbox.limits());
    drop(checking.check(script));
    let mut files = checking.files();
    files.push(script.to_owned());
    Ok(files)
}

/// A number of bytes for people.
fn size(bytes: usize) -> String {
    const KILO: f64 = 1000.0;
    match bytes as f64 {
        bytes if bytes < KILO => format!("{bytes} B"),
        bytes if bytes < KILO * KILO => format!("{:.1} kB", bytes / KILO),
        bytes => format!("{:.1} MB", bytes / KILO / KILO),
    }
}

pub(super) fn unpack(args: &UnpackArgs) -> Result<(), Failure> {
    if !is_pack(&args.pack) {
        return Err(Failure::usage(format!("{} is not the name of a pack (NAME.slowgrad)", args.pack.display())));
    }
    let pack = read_pack(&args.pack).map_err(|error| Failure::new(error.to_string()))?;
    let default = || args.pack.file_stem().map(PathBuf::from);
    let folder = args.output.clone().or_else(default).unwrap_or_default();
    create_empty(&folder)?;
    for (path, bytes) in pack.files() {
        let file = folder.join(from_text(path));
        let parent = file.parent().unwrap_or(&folder);
        let written = fs::create_dir_all(parent).and_then(|()| write_new(&file, bytes));
        written.map_err(|error| Failure::new(format!("cannot write {}: {error}", file.display())))?;
    }
    let lesson = folder.join(from_text(pack.lesson()));
    let count = pack.files().len();
    output::print(&format!(
        "wrote {count} files to {}\nopen the lesson: slowgrad {}\n",
        folder.display(),
        lesson.display()
    ))
}

/// Creates a folder, or accepts one without entries.
fn create_empty(folder: &Path) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format!("cannot write to {}: {error}", folder.display()));
    if folder.symlink_metadata().is_ok() && !folder.is_dir() {
        return Err(Failure::new(format!("{} is not a folder; choose another with --output", folder.display())));
    }
    fs::create_dir_all(folder).map_err(failed)?;
    if fs::read_dir(folder).map_err(failed)?.next().is_some() {
        let message = format!("the folder {} is not empty; choose another with --output", folder.display());
        return Err(Failure::new(message));
    }
    Ok(())
}
