//! Everything that the program writes: results of commands, sessions, settings and scripts.
//!
//! An output is written *through* its name, never over it: symbolic links lead to their target, and pipes, devices,
//! `/dev/fd/N` and `-` (standard output) receive the bytes. Only a regular file is replaced, in one step, and keeps its
//! permissions; a read-only file is refused. [`Output::check`] finds every reason against an output before a command
//! starts to work. This module must not know what the contents mean.

use super::temporary_file::TemporaryFile;
use slowgrad_session::PACK_EXTENSION;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// The name that means standard output.
const STANDARD_OUTPUT: &str = "-";
/// The descriptor of standard output.
const STDOUT_DESCRIPTOR: i32 = 1;
/// The maximum number of symbolic links that lead to an output.
const MAX_LINKS: usize = 40;

/// The kind of contents of an output.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct OutputFormat {
    /// The contents in an error message, such as "a picture".
    contents: &'static str,
    /// The extensions of its files in lower case; empty if any name is accepted.
    extensions: &'static [&'static str],
    /// Whether a terminal cannot show it.
    is_binary: bool,
    /// Whether it is written piece by piece, so that a file is not replaced but written in place.
    is_in_pieces: bool,
}

/// Pictures of `render` and `--screenshot`.
#[cfg(feature = "window")]
pub(crate) const PICTURE: OutputFormat =
    OutputFormat { contents: "a picture", extensions: &["png"], is_binary: true, is_in_pieces: false };
/// Weight files. A pipe or device without an extension receives JSON.
pub(crate) const WEIGHTS: OutputFormat = OutputFormat {
    contents: "a weight file",
    extensions: &["json", "safetensors"],
    is_binary: false,
    is_in_pieces: false,
};
/// The state of a run, to continue it.
pub(crate) const TRAINING_STATE: OutputFormat =
    OutputFormat { contents: "a training state", extensions: &["safetensors"], is_binary: true, is_in_pieces: false };
/// A lesson with its files.
pub(crate) const PACK: OutputFormat =
    OutputFormat { contents: "a pack", extensions: &[PACK_EXTENSION], is_binary: true, is_in_pieces: false };
/// Metrics, one JSON object per line.
pub(crate) const METRICS: OutputFormat = OutputFormat {
    contents: "a file of JSON lines",
    extensions: &["jsonl", "ndjson", "json", "log", "txt"],
    is_binary: false,
    is_in_pieces: true,
};
/// Other text, with any name.
pub(crate) const TEXT: OutputFormat =
    OutputFormat { contents: "a text", extensions: &[], is_binary: false, is_in_pieces: false };

/// The reason why an output cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {problem}", path.display())]
pub(crate) struct OutputError {
    /// The name of the output.
    path: PathBuf,
    problem: OutputProblem,
}

/// What is wrong with an output.
#[derive(Debug, thiserror::Error)]
enum OutputProblem {
    #[error("{}", extension_message(.0))]
    Extension(&'static OutputFormat),
    #[error("{0} is not text and the output is a terminal; use a file, or redirect it with `>` or `|`")]
    Terminal(&'static str),
    #[error("the command reads this file ({}); choose another name", .0.display())]
    Input(PathBuf),
    #[error("{} is the same file; each output needs a file of its own", .0.display())]
    Twice(PathBuf),
    #[error("there is no folder {}; create it first", .0.display())]
    NoFolder(PathBuf),
    #[error("it is a folder; add the name of a file")]
    Folder,
    #[error("it is read-only; choose another name, or allow writing to it")]
    ReadOnly,
    #[error("the folder {} does not accept new files: {cause}", folder.display())]
    ClosedFolder { folder: PathBuf, cause: io::Error },
    #[error(transparent)]
    System(#[from] io::Error),
}

fn extension_message(format: &OutputFormat) -> String {
    let known: Vec<String> = format.extensions.iter().map(|extension| format!(".{extension}")).collect();
    format!("the name of {} must end in {}", format.contents, known.join(" or "))
}

impl OutputError {
    /// Whether the command line is at fault, rather than a file.
    pub(crate) fn is_usage(&self) -> bool {
        use OutputProblem::{Extension, Input, Terminal, Twice};
        matches!(self.problem, Extension(_) | Input(_) | Terminal(_) | Twice(_))
    }

    /// Whether the reader of a pipe has closed it.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(&self.problem, OutputProblem::System(error) if error.kind() == ErrorKind::BrokenPipe)
    }
}

/// An output that can be written, as far as that is known before it is.
#[derive(Debug)]
pub(crate) struct Output {
    /// The name that the user gave.
    name: PathBuf,
    target: OutputTarget,
    identity: Identity,
    /// The extension that chooses the format, if it is a known one.
    extension: Option<&'static str>,
    /// Whether this is standard output.
    is_stdout: bool,
}

/// The destination of the bytes.
#[derive(Debug)]
enum OutputTarget {
    /// A pipe, a device or a descriptor.
    Stream(File),
    /// A regular file, which may not exist yet. No component of the path is a link.
    File(PathBuf),
}

impl Output {
    /// Checks that an output can be written, and opens it if it is a pipe or a device. Changes no file.
    ///
    /// # Errors
    ///
    /// When its extension is unknown, its folder is missing, the file is read-only, or the system does not allow writing.
    pub(crate) fn check(name: &Path, format: &'static OutputFormat) -> Result<Self, OutputError> {
        Self::new(name, format).map_err(|problem| OutputError { path: name.to_owned(), problem })
    }

    fn new(name: &Path, format: &'static OutputFormat) -> Result<Self, OutputProblem> {
        let place = resolve(name)?;
        let extension = known_extension(name, format).or_else(|| match &place {
            Place::File(path, _) => known_extension(path, format),
            _ => None,
        });
        let is_stdout = matches!(place, Place::Descriptor(STDOUT_DESCRIPTOR));
        let (target, identity) = match place {
            Place::Descriptor(number) => {
                let mut file = open_descriptor(number)?;
                // Writing no bytes fails if the descriptor is only for reading.
                file.write(&[]).map(drop)?;
                let identity = Identity::of_descriptor(number, &file);
                (OutputTarget::Stream(file), identity)
            }
            Place::Stream(path) => {
                let file = OpenOptions::new().write(true).open(&path)?;
                let identity = Identity::of_stream(&path, &file);
                (OutputTarget::Stream(file), identity)
            }
            Place::File(path, found) => {
                if extension.is_none() && !format.extensions.is_empty() {
                    return Err(OutputProblem::Extension(format));
                }
                if let Some(found) = &found {
                    check_writable(&path, found)?;
                }
                if found.is_none() || !format.is_in_pieces {
                    let folder = folder_of(&path);
                    TemporaryFile::create(folder).map(drop).map_err(|error| closed_folder(folder, error))?;
                }
                let identity = Identity::of_file(&path, found.as_ref());
                (OutputTarget::File(path), identity)
            }
        };
        match &target {
            OutputTarget::Stream(file) if format.is_binary && file.is_terminal() => {
                Err(OutputProblem::Terminal(format.contents))
            }
            _ => Ok(Self { name: name.to_owned(), target, identity, extension, is_stdout }),
        }
    }

    /// The name that the user gave.
    pub(crate) fn name(&self) -> &Path {
        &self.name
    }

    /// The extension in lower case; `None` for a pipe or a device whose name has no known one.
    pub(crate) fn extension(&self) -> Option<&'static str> {
        self.extension
    }

    /// Whether this is standard output, so that a command must not write anything else there.
    pub(crate) fn is_stdout(&self) -> bool {
        self.is_stdout
    }

    /// Writes the whole output. A file is replaced in one step.
    ///
    /// # Errors
    ///
    /// When the system reports an error. An old file then stays.
    pub(crate) fn write(self, bytes: &[u8]) -> Result<(), OutputError> {
        let Self { name, target, .. } = self;
        let written = match target {
            OutputTarget::Stream(mut file) => file.write_all(bytes).map_err(OutputProblem::System),
            OutputTarget::File(path) => replace(&path, bytes),
        };
        written.map_err(|problem| OutputError { path: name, problem })
    }

    /// Starts to write the output piece by piece. A file is emptied, and then written in place so that readers can
    /// follow it.
    ///
    /// # Errors
    ///
    /// When the system reports an error.
    pub(crate) fn start(self) -> Result<OutputStream, OutputError> {
        let Self { name, target, .. } = self;
        let opened = match target {
            OutputTarget::Stream(file) => Ok(file),
            // Emptied first, because a file that is opened for appending cannot be emptied everywhere. Appending keeps
            // the lines of two programs apart.
            OutputTarget::File(path) => File::create(&path).and_then(|_| OpenOptions::new().append(true).open(&path)),
        };
        match opened {
            Ok(file) => Ok(OutputStream { name, file }),
            Err(error) => Err(OutputError { path: name, problem: error.into() }),
        }
    }
}

/// An output that is written piece by piece. Each piece reaches its readers at once.
#[derive(Debug)]
pub(crate) struct OutputStream {
    name: PathBuf,
    file: File,
}

impl OutputStream {
    /// Writes a piece.
    ///
    /// # Errors
    ///
    /// When the system reports an error, or the reader of a pipe has closed it.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let written = self.file.write_all(bytes);
        written.map_err(|error| OutputError { path: self.name.clone(), problem: error.into() })
    }
}

/// Checks that all outputs of a command are different files, and that none is an input of the command.
///
/// # Errors
///
/// Names the first output that is an input or another output.
pub(crate) fn check_distinct(outputs: &[&Output], inputs: &[PathBuf]) -> Result<(), OutputError> {
    let inputs: Vec<(&PathBuf, Identity)> =
        inputs.iter().filter_map(|path| Some((path, Identity::of_input(path)?))).collect();
    for (at, output) in outputs.iter().enumerate() {
        let failed = |problem| OutputError { path: output.name.clone(), problem };
        if let Some((path, _)) = inputs.iter().find(|(_, input)| input.is_same(&output.identity)) {
            return Err(failed(OutputProblem::Input((*path).clone())));
        }
        if let Some(other) = outputs[..at].iter().find(|other| other.identity.is_same(&output.identity)) {
            return Err(failed(OutputProblem::Twice(other.name.clone())));
        }
    }
    Ok(())
}

/// Writes an output of any name at once.
///
/// # Errors
///
/// When it cannot be written. An old file then stays.
#[cfg(feature = "window")]
pub(crate) fn write(name: &Path, bytes: &[u8]) -> Result<(), OutputError> {
    let write = || match resolve(name)? {
        Place::Descriptor(number) => Ok(open_descriptor(number)?.write_all(bytes)?),
        Place::Stream(path) => Ok(OpenOptions::new().write(true).open(path)?.write_all(bytes)?),
        Place::File(path, _) => replace(&path, bytes),
    };
    write().map_err(|problem| OutputError { path: name.to_owned(), problem })
}

/// Writes a file that does not exist yet.
///
/// # Errors
///
/// [`ErrorKind::AlreadyExists`] when a file exists; otherwise when it cannot be written.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = TemporaryFile::create(folder_of(path))?;
    file.write_all(bytes)?;
    file.rename_to_new(path)
}

/// Replaces a file, which keeps its owner and permissions, or creates it.
fn replace(path: &Path, bytes: &[u8]) -> Result<(), OutputProblem> {
    let old = match fs::metadata(path) {
        Ok(old) => Some(old),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error.into()),
    };
    if let Some(old) = &old {
        check_writable(path, old)?;
    }
    let folder = folder_of(path);
    let mut file = TemporaryFile::create(folder).map_err(|error| closed_folder(folder, error))?;
    if let Some(old) = &old {
        file.set_access(old)?;
    }
    file.write_all(bytes)?;
    Ok(file.replace(path)?)
}

fn closed_folder(folder: &Path, cause: io::Error) -> OutputProblem {
    match cause.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OutputProblem::System(cause),
        _ => OutputProblem::ClosedFolder { folder: folder.to_owned(), cause },
    }
}

/// Checks that a file may be changed. The administrator may change any file, but a read-only one is meant to stay.
fn check_writable(path: &Path, found: &Metadata) -> Result<(), OutputProblem> {
    if found.permissions().readonly() {
        return Err(OutputProblem::ReadOnly);
    }
    match OpenOptions::new().append(true).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(OutputProblem::ReadOnly),
        Err(error) => Err(error.into()),
    }
}

/// The folder of a file.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The extension of a name in lower case, if the format knows it.
fn known_extension(name: &Path, format: &OutputFormat) -> Option<&'static str> {
    let extension = name.extension()?;
    format.extensions.iter().copied().find(|known| extension.eq_ignore_ascii_case(known))
}

/// What a name leads to.
enum Place {
    /// A descriptor that the process has inherited.
    Descriptor(i32),
    /// A pipe or a device.
    Stream(PathBuf),
    /// A regular file, or the place for one. No component of the path is a link.
    File(PathBuf, Option<Metadata>),
}

/// Follows a name to the file that it leads to.
fn resolve(name: &Path) -> Result<Place, OutputProblem> {
    if name == Path::new(STANDARD_OUTPUT) {
        return Ok(Place::Descriptor(STDOUT_DESCRIPTOR));
    }
    let mut path = name.to_owned();
    for _ in 0..MAX_LINKS {
        let folder = folder_of(&path);
        let folder = match fs::canonicalize(folder) {
            Ok(folder) => folder,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Err(OutputProblem::NoFolder(folder.to_owned()));
            }
            Err(error) => return Err(error.into()),
        };
        // A name that ends in a separator is that of a folder.
        let ends_in_separator = path.to_string_lossy().ends_with(std::path::is_separator);
        let Some(file) = path.file_name().filter(|_| !ends_in_separator) else { return Err(OutputProblem::Folder) };
        if let Some(number) = descriptor(&folder, file) {
            return Ok(Place::Descriptor(number));
        }
        let full = folder.join(file);
        match fs::symlink_metadata(&full) {
            Ok(found) if found.is_symlink() => path = folder.join(fs::read_link(&full)?),
            Ok(found) if found.is_dir() => return Err(OutputProblem::Folder),
            Ok(found) if found.is_file() => return Ok(Place::File(full, Some(found))),
            Ok(_) => return Ok(Place::Stream(full)),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Place::File(full, None)),
            Err(error) => return Err(error.into()),
        }
    }
    Err(io::Error::other(format!("more than {MAX_LINKS} symbolic links follow each other")).into())
}

/// The number of a descriptor of this process, if the path is one, such as `/dev/fd/3`. `/dev/stdout` is a link to one.
#[cfg(unix)]
fn descriptor(folder: &Path, file: &std::ffi::OsStr) -> Option<i32> {
    let own = fs::canonicalize("/dev/fd").is_ok_and(|own| own == folder);
    if own { file.to_str()?.parse().ok() } else { None }
}

/// Other systems have no names for descriptors.
#[cfg(not(unix))]
fn descriptor(_: &Path, _: &std::ffi::OsStr) -> Option<i32> {
    None
}

/// A second handle to a descriptor. Both share one position, so that nothing is overwritten.
#[cfg(unix)]
fn open_descriptor(number: i32) -> io::Result<File> {
    use std::os::fd::{AsFd, BorrowedFd};
    let owned = match number {
        0 => io::stdin().as_fd().try_clone_to_owned(),
        1 => io::stdout().as_fd().try_clone_to_owned(),
        2 => io::stderr().as_fd().try_clone_to_owned(),
        _ => {
            // The descriptor must exist.
            fs::symlink_metadata(format!("/dev/fd/{number}"))?;
            #[allow(unsafe_code, reason = "the standard library has no safe function for a descriptor by its number")]
            // SAFETY: the descriptor is open, as the line above has checked. The parent process has opened it for this
            // program, or the program itself keeps it open, so it stays open for the duration of this call.
            unsafe { BorrowedFd::borrow_raw(number) }.try_clone_to_owned()
        }
    };
    owned.map(File::from)
}

/// A second handle to standard output.
#[cfg(windows)]
fn open_descriptor(_: i32) -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    io::stdout().as_handle().try_clone_to_owned().map(File::from)
}

/// What makes two names the same file: the path, or the device and the number on it.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    path: Option<PathBuf>,
    node: Option<(u64, u64)>,
}

impl Identity {
    fn of_descriptor(number: i32, file: &File) -> Self {
        // Several outputs to one descriptor would be mixed, whatever it is.
        Self { path: Some(PathBuf::from(format!("/dev/fd/{number}"))), ..Self::of_stream(Path::new(""), file) }
    }

    /// The identity of a pipe. Several outputs may have the same device, such as `/dev/null`.
    fn of_stream(path: &Path, file: &File) -> Self {
        let found = file.metadata().ok().filter(|found| !is_character_device(found));
        Self { path: found.as_ref().map(|_| path.to_owned()), node: found.as_ref().and_then(node) }
    }

    fn of_file(path: &Path, found: Option<&Metadata>) -> Self {
        Self { path: Some(path.to_owned()), node: found.and_then(node) }
    }

    /// The identity of an input; `None` if there is no such file.
    fn of_input(path: &Path) -> Option<Self> {
        let found = fs::metadata(path).ok().filter(|found| !is_character_device(found))?;
        Some(Self { path: fs::canonicalize(path).ok(), node: node(&found) })
    }

    fn is_same(&self, other: &Self) -> bool {
        (self.path.is_some() && self.path == other.path) || (self.node.is_some() && self.node == other.node)
    }
}

#[cfg(unix)]
#[allow(clippy::unnecessary_wraps, reason = "other systems have no such number")]
fn node(found: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((found.dev(), found.ino()))
}

#[cfg(not(unix))]
fn node(_: &Metadata) -> Option<(u64, u64)> {
    None
}

#[cfg(unix)]
fn is_character_device(found: &Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt;
    found.file_type().is_char_device()
}

#[cfg(not(unix))]
fn is_character_device(_: &Metadata) -> bool {
    false
}

#[cfg(all(test, unix, feature = "window"))]
mod tests {
    use super::*;
    use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};

    #[test]
    fn whole_outputs_keep_links_and_permissions_and_respect_read_only_files() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        fs::write(at("settings.json"), "old").expect("a file");
        fs::set_permissions(at("settings.json"), fs::Permissions::from_mode(0o600)).expect("set the permissions");
        symlink("settings.json", at("link")).expect("a link");
        write(&at("link"), b"new").expect("write the file");
        assert!(fs::symlink_metadata(at("link")).expect("a link").is_symlink());
        assert_eq!(fs::read(at("settings.json")).expect("a file"), b"new");
        let mode = |name: &str| fs::metadata(at(name)).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode("settings.json"), 0o600);

        fs::set_permissions(at("settings.json"), fs::Permissions::from_mode(0o400)).expect("set the permissions");
        let error = write(&at("link"), b"newer").expect_err("a read-only file");
        assert!(error.to_string().contains("read-only"), "{error}");
        assert_eq!(fs::read(at("settings.json")).expect("a file"), b"new");
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2, "no temporary file is left");

        write(Path::new("/dev/null"), b"nothing").expect("write to the device");
        assert!(fs::metadata("/dev/null").expect("the device").file_type().is_char_device());
    }
}
