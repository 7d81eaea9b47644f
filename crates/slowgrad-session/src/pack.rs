//! Packs: a lesson with every file that it uses, in one zip file.
//!
//! A pack has a manifest, `slowgrad.json`, and the files of the lesson in the folder `files`, with their paths in the
//! library. It includes the built-in scripts that the lesson uses, so that other versions of the program compute the same
//! numbers. Packs from other people are not trusted: entries, sizes and paths are limited before contents are stored.
//! This module must not know files on disk.

use serde::{Deserialize, Serialize};
use slowgrad_script::{Files, Lesson, Sandbox};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Cursor, Read, Write};
use std::sync::Arc;
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

/// The extension of a pack.
pub const PACK_EXTENSION: &str = "slowgrad";
/// The maximum size of a pack, in bytes.
pub const MAX_PACK_BYTES: u64 = 256 << 20;

/// The version of the format.
const VERSION: u32 = 1;
/// The type of the file in its manifest.
const FILE_TYPE: &str = "pack";
/// The entry of the manifest.
const MANIFEST: &str = "slowgrad.json";
/// The folder of the lesson's files.
const FOLDER: &str = "files/";
/// The maximum size of all files together, in bytes.
const MAX_CONTENTS_BYTES: u64 = 256 << 20;
/// The maximum number of files.
const MAX_FILES: usize = 1_000;
/// The maximum number of entries that are looked at, in bytes that introduce one. Contents may have some by chance.
const MAX_ENTRY_MARKS: usize = 20_000;
/// The maximum size of the manifest, in bytes.
const MAX_MANIFEST_BYTES: u64 = 64 << 10;
/// The maximum number of folders that contain a file, with the file itself.
const MAX_DEPTH: usize = 8;
/// The maximum length of a name in a path, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// A lesson with the files that it uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pack {
    lesson: String,
    title: String,
    files: BTreeMap<String, Arc<[u8]>>,
}

/// The reason why a pack cannot be read or made, as a predicate of the file's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// The bytes are not a valid pack.
    #[error("is not a usable pack: {0}")]
    Invalid(String),
    /// The pack has a newer version of the format.
    #[error("was made by a newer slowgrad (pack version {0}; this version reads up to {VERSION})")]
    Newer(u32),
}

#[derive(Serialize, Deserialize)]
struct Manifest {
    /// The type of the file: "pack".
    slowgrad: String,
    version: u32,
    /// The version of the program that made the pack, for people.
    #[serde(default)]
    program: String,
    /// The path of the lesson.
    lesson: String,
    #[serde(default)]
    title: String,
}

impl Pack {
    /// The pack of a lesson that `sandbox` has opened, with all files that it used. `more` are files that it may use.
    ///
    /// # Errors
    ///
    /// When a file is missing, or the files exceed a limit or have names that not every system accepts.
    pub fn of_lesson(sandbox: &Sandbox, lesson: &Lesson, more: &[String]) -> Result<Self, PackError> {
        let mut files = BTreeMap::new();
        // A lesson also looks for files that do not exist, such as a plugin in its own folder.
        for path in lesson.files.iter().chain([&lesson.path]).chain(more) {
            files.extend(sandbox.file(path).map(|(_, bytes)| (path.clone(), bytes)));
        }
        let pack = Self { lesson: lesson.path.clone(), title: lesson.spec.title.clone(), files };
        let mut checked = Contents::default();
        for (path, bytes) in &pack.files {
            checked.add_path(path)?;
            checked.add_bytes(bytes.len() as u64)?;
        }
        pack.check_lesson()
    }

    /// Reads a pack.
    ///
    /// # Errors
    ///
    /// When the bytes are not a pack, it has a newer version, or it exceeds a limit or has a path that is not allowed.
    pub fn read(bytes: &[u8]) -> Result<Self, PackError> {
        let mut archive = open(bytes)?;
        let mut manifest = None;
        let mut files = BTreeMap::new();
        let mut contents = Contents::default();
        for index in 0..archive.len() {
            let entry = archive.by_index(index).map_err(damaged)?;
            let name = entry.name().map_err(damaged)?.into_owned();
            if entry.is_symlink() {
                return Err(invalid(format!("«{name}» is a link")));
            }
            if entry.is_dir() {
                contents.count()?;
                continue;
            }
            if name == MANIFEST {
                manifest = Some(read_manifest(entry)?);
                continue;
            }
            let path = name.strip_prefix(FOLDER);
            let path = path.ok_or_else(|| invalid(format!("«{name}» is outside its folder `files`")))?;
            contents.add_path(path)?;
            let mut bytes = Vec::new();
            // The size in the archive may be wrong.
            entry.take(contents.left_bytes() + 1).read_to_end(&mut bytes).map_err(damaged)?;
            contents.add_bytes(bytes.len() as u64)?;
            files.insert(path.to_owned(), Arc::from(bytes));
        }
        let Manifest { lesson, title, .. } = manifest.ok_or_else(|| invalid(format!("it has no {MANIFEST}")))?;
        Self { lesson, title, files }.check_lesson()
    }

    fn check_lesson(self) -> Result<Self, PackError> {
        if self.files.contains_key(&self.lesson) {
            return Ok(self);
        }
        Err(invalid(format!("its lesson, «{}», is missing", self.lesson)))
    }

    /// The bytes of the pack. They depend on the files alone.
    ///
    /// # Errors
    ///
    /// When the files cannot be compressed.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PackError> {
        let manifest = Manifest {
            slowgrad: FILE_TYPE.into(),
            version: VERSION,
            program: env!("CARGO_PKG_VERSION").into(),
            lesson: self.lesson.clone(),
            title: self.title.clone(),
        };
        let mut manifest = serde_json::to_vec_pretty(&manifest).map_err(|error| invalid(error.to_string()))?;
        manifest.push(b'\n');
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        add(&mut writer, MANIFEST, &manifest)?;
        for (path, bytes) in &self.files {
            add(&mut writer, &format!("{FOLDER}{path}"), bytes)?;
        }
        Ok(writer.finish().map_err(damaged)?.into_inner())
    }

    /// The path of the lesson.
    pub fn lesson(&self) -> &str {
        &self.lesson
    }

    /// The files with their paths in the library.
    pub fn files(&self) -> impl ExactSizeIterator<Item = (&str, &Arc<[u8]>)> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes))
    }

    /// The files as those of a library root.
    pub fn to_library_files(&self) -> Files {
        self.files.iter().map(|(path, bytes)| (path.as_str(), Arc::clone(bytes))).collect()
    }
}

/// The bytes of a pack with one file replaced or added. Other files are not compressed again.
///
/// # Errors
///
/// When the bytes are not a zip file or the path is not allowed.
pub fn replace_in_pack(pack: &[u8], path: &str, bytes: &[u8]) -> Result<Vec<u8>, PackError> {
    check_path(path)?;
    let mut archive = open(pack)?;
    let replaced = format!("{FOLDER}{path}");
    let mut writer = ZipWriter::new(Cursor::new(Vec::with_capacity(pack.len())));
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        if entry.name().map_err(damaged)? != replaced {
            writer.raw_copy_file(entry).map_err(damaged)?;
        }
    }
    add(&mut writer, &replaced, bytes)?;
    Ok(writer.finish().map_err(damaged)?.into_inner())
}

/// Opens a zip file without duplicate names. Its number of entries is limited before their list is read.
fn open(bytes: &[u8]) -> Result<ZipArchive<Cursor<&[u8]>>, PackError> {
    if bytes.len() as u64 > MAX_PACK_BYTES {
        return Err(invalid(format!("it has more than {MAX_PACK_BYTES} bytes")));
    }
    // These bytes introduce each entry in the list of a zip file.
    if bytes.windows(4).filter(|window| window == b"PK\x01\x02").count() > MAX_ENTRY_MARKS {
        return Err(too_many_files());
    }
    let archive = ZipArchive::new(Cursor::new(bytes)).map_err(damaged)?;
    if archive.has_duplicate_names() {
        return Err(invalid("it has two files of the same name"));
    }
    Ok(archive)
}

fn add(writer: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: &[u8]) -> Result<(), PackError> {
    let options = SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    writer.start_file(name, options).map_err(damaged)?;
    writer.write_all(bytes).map_err(damaged)
}

fn read_manifest(entry: impl Read) -> Result<Manifest, PackError> {
    /// The entries that every version has.
    #[derive(Deserialize)]
    struct ManifestHead {
        slowgrad: String,
        version: u32,
    }
    let mut text = Vec::new();
    entry.take(MAX_MANIFEST_BYTES + 1).read_to_end(&mut text).map_err(damaged)?;
    if text.len() as u64 > MAX_MANIFEST_BYTES {
        return Err(invalid(format!("{MANIFEST} has more than {MAX_MANIFEST_BYTES} bytes")));
    }
    let wrong = |error: serde_json::Error| invalid(format!("{MANIFEST}: {error}"));
    let head: ManifestHead = serde_json::from_slice(&text).map_err(wrong)?;
    if head.slowgrad != FILE_TYPE {
        return Err(invalid(format!("{MANIFEST} has no entry \"slowgrad\": \"pack\"")));
    }
    if head.version > VERSION {
        return Err(PackError::Newer(head.version));
    }
    serde_json::from_slice(&text).map_err(wrong)
}

/// Counts the files of a pack, and checks their paths.
#[derive(Default)]
struct Contents {
    count: usize,
    bytes: u64,
    /// The paths in lower case: some systems do not distinguish the case.
    paths: BTreeSet<String>,
}

impl Contents {
    fn count(&mut self) -> Result<(), PackError> {
        self.count += 1;
        if self.count > MAX_FILES { Err(too_many_files()) } else { Ok(()) }
    }

    fn add_path(&mut self, path: &str) -> Result<(), PackError> {
        self.count()?;
        check_path(path)?;
        if self.paths.insert(path.to_lowercase()) {
            return Ok(());
        }
        Err(invalid(format!("it has two files named «{path}»; upper and lower case do not make a difference")))
    }

    fn left_bytes(&self) -> u64 {
        MAX_CONTENTS_BYTES - self.bytes
    }

    fn add_bytes(&mut self, bytes: u64) -> Result<(), PackError> {
        if bytes > self.left_bytes() {
            return Err(invalid(format!("its files have more than {MAX_CONTENTS_BYTES} bytes")));
        }
        self.bytes += bytes;
        Ok(())
    }
}

/// Checks that a path cannot leave its folder, and that every system accepts it.
fn check_path(path: &str) -> Result<(), PackError> {
    if path.split('/').count() > MAX_DEPTH {
        return Err(invalid(format!("«{path}» is in more than {} folders", MAX_DEPTH - 1)));
    }
    if path.split('/').all(is_portable_name) {
        return Ok(());
    }
    Err(invalid(format!("«{path}» is not a path that every system accepts; rename the file")))
}

/// Whether a name is that of a visible file on every system.
fn is_portable_name(name: &str) -> bool {
    let odd = |ch: char| ch.is_control() || r#"\:*?"<>|"#.contains(ch);
    let stem = name.split_once('.').map_or(name, |(stem, _)| stem);
    !name.is_empty()
        && name.len() <= MAX_NAME_BYTES
        && !name.starts_with(['.', ' '])
        && !name.ends_with(['.', ' '])
        && !name.contains(odd)
        && !is_reserved_name(stem)
}

/// Whether a file name without its extension is that of a device on Windows.
pub fn is_reserved_name(stem: &str) -> bool {
    let lower = stem.trim_end().to_lowercase();
    let is_port = |port: &str| {
        lower.strip_prefix(port).is_some_and(|rest| rest.len() == 1 && rest.chars().all(|ch| ch.is_ascii_digit()))
    };
    ["con", "prn", "aux", "nul"].contains(&lower.as_str()) || is_port("com") || is_port("lpt")
}

fn invalid(reason: impl Into<String>) -> PackError {
    PackError::Invalid(reason.into())
}

fn too_many_files() -> PackError {
    invalid(format!("it has more than {MAX_FILES} files"))
}

fn damaged(error: impl Into<ZipError>) -> PackError {
    let error: ZipError = error.into();
    invalid(format!("the zip file is damaged ({error})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shipped;
    use slowgrad_script::{Library, Limits, Root};

    const LESSON: &str = r#"fn lesson() { #{ title: "T", layers: [2, 1], data: csv("d.csv", #{ inputs: ["a", "b"], target: "c" }),
        loss: "mine", optimizer: "sgd" } }
        fn perform(stage) { stage.set(#{ optimizer: "adam" }); }"#;

    fn library(files: Files) -> Library {
        Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] }
    }

    fn own_files() -> Files {
        Files::from_iter(
            [
                ("a.rhai", LESSON),
                ("d.csv", "a,b,c\n1,0,1\n0,1,0\n"),
                ("losses/mine.rhai", "import \"./lib/square\" as l;\nfn loss(o, t) { l::square(o[0] - t[0]) }"),
                ("losses/lib/square.rhai", "fn square(x) { x * x }"),
                ("losses/other.rhai", "fn loss(o, t) { o[0] - t[0] }"),
            ]
            .map(|(path, text)| (path, text.as_bytes())),
        )
    }

    fn pack() -> Pack {
        let sandbox = Sandbox::new(library(own_files()), Limits::default());
        let lesson = sandbox.open("a.rhai").expect("a lesson");
        Pack::of_lesson(&sandbox, &lesson, &[]).expect("a pack")
    }

    /// A zip file with these entries.
    fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in entries {
            add(&mut writer, name, bytes).expect("an entry");
        }
        writer.finish().expect("a zip file").into_inner()
    }

    const GOOD_MANIFEST: &[u8] = br#"{"slowgrad":"pack","version":1,"lesson":"a.rhai"}"#;

    fn refusal(bytes: &[u8]) -> String {
        Pack::read(bytes).expect_err("refused").to_string()
    }

    #[test]
    fn a_pack_holds_all_files_of_the_lesson_and_nothing_else() {
        let pack = pack();
        let paths: Vec<&str> = pack.files().map(|(path, _)| path).collect();
        assert_eq!(
            paths,
            [
                "a.rhai",
                "activations/identity.rhai",
                "d.csv",
                "initializers/xavier_uniform.rhai",
                "losses/lib/square.rhai",
                "losses/mine.rhai",
                "optimizers/adam.rhai",
                "optimizers/sgd.rhai"
            ]
        );
        let bytes = pack.to_bytes().expect("bytes");
        assert_eq!(bytes, pack.to_bytes().expect("bytes"), "the bytes do not depend on the time");
        let read = Pack::read(&bytes).expect("a pack");
        assert_eq!(read, pack);
        // It needs neither the folder nor the built-in library, and has the same initial weights.
        let alone = Library { roots: vec![Root { name: "pack".into(), files: read.to_library_files() }] };
        let parameters =
            |library| Sandbox::new(library, Limits::default()).open("a.rhai").expect("a lesson").parameters;
        assert_eq!(parameters(alone), parameters(library(own_files())));
    }

    #[test]
    fn a_file_of_a_pack_is_replaced_or_added() {
        let bytes = pack().to_bytes().expect("bytes");
        let changed = replace_in_pack(&bytes, "d.csv", b"a,b,c\n1,1,1\n").expect("a pack");
        let changed = replace_in_pack(&changed, "losses/mse.rhai", b"fn loss(o, t) { 0 }").expect("a pack");
        let read = Pack::read(&changed).expect("a pack");
        assert_eq!(read.files.len(), pack().files.len() + 1);
        assert_eq!(&read.files["d.csv"][..], b"a,b,c\n1,1,1\n");
        assert_eq!(read.files["a.rhai"], pack().files["a.rhai"]);
        assert!(replace_in_pack(&bytes, "../x", b"").is_err());
    }

    #[test]
    fn bad_packs_are_refused_with_the_reason() {
        assert!(refusal(b"PK no").contains("the zip file is damaged"));
        assert!(refusal(&zip_of(&[("files/a.rhai", b"")])).contains("it has no slowgrad.json"));
        let newer = br#"{"slowgrad":"pack","version":2,"other":[]}"#;
        assert!(refusal(&zip_of(&[(MANIFEST, newer)])).contains("made by a newer slowgrad (pack version 2"));
        assert!(refusal(&zip_of(&[(MANIFEST, br#"{"slowgrad":"session","version":1}"#)])).contains("\"pack\""));
        assert!(refusal(&zip_of(&[(MANIFEST, GOOD_MANIFEST)])).contains("its lesson, «a.rhai», is missing"));
        assert!(refusal(&zip_of(&[(MANIFEST, GOOD_MANIFEST), ("other/a", b"")])).contains("outside its folder"));
        let large = vec![b' '; MAX_MANIFEST_BYTES as usize + 1];
        assert!(refusal(&zip_of(&[(MANIFEST, &large)])).contains("slowgrad.json has more than"));
        let mut cut = pack().to_bytes().expect("bytes");
        cut.truncate(cut.len() / 2);
        assert!(refusal(&cut).contains("damaged"));
    }

    #[test]
    fn paths_that_leave_the_folder_or_some_system_refuses_are_refused() {
        for path in [
            "../x.rhai",
            "a/../../x.rhai",
            "/etc/passwd",
            "a//b",
            "./a",
            "a\\..\\b",
            "c:/x",
            "CON.rhai",
            "a/nul",
            "Com1.csv",
            ".bashrc",
            "a/.git/config",
            "a.",
            "a ",
            "a\u{1}b",
            "a?b",
            "1/2/3/4/5/6/7/8/9",
        ] {
            let name = format!("{FOLDER}{path}");
            let bytes = zip_of(&[(MANIFEST, GOOD_MANIFEST), ("files/a.rhai", b""), (&name, b"")]);
            assert!(Pack::read(&bytes).is_err(), "{path:?}");
        }
        let long = format!("files/{}", "x".repeat(MAX_NAME_BYTES + 1));
        assert!(refusal(&zip_of(&[(MANIFEST, GOOD_MANIFEST), (&long, b"")])).contains("not a path"));
    }

    #[test]
    fn links_and_duplicate_names_are_refused() {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        add(&mut writer, MANIFEST, GOOD_MANIFEST).expect("an entry");
        writer.add_symlink("files/a.rhai", "/etc/passwd", SimpleFileOptions::default()).expect("a link");
        assert!(refusal(&writer.finish().expect("a zip file").into_inner()).contains("«files/a.rhai» is a link"));

        let entries: &[(&str, &[u8])] = &[(MANIFEST, GOOD_MANIFEST), ("files/a.rhai", b"1"), ("files/A.rhai", b"2")];
        assert!(refusal(&zip_of(entries)).contains("two files named"));
        // The library does not write duplicates, so one name is changed into another.
        let mut bytes = zip_of(&[(MANIFEST, GOOD_MANIFEST), ("files/a.rhai", b"1"), ("files/b.rhai", b"2")]);
        for at in 0..bytes.len() - 12 {
            if &bytes[at..at + 12] == b"files/b.rhai" {
                bytes[at + 6] = b'a';
            }
        }
        assert!(refusal(&bytes).contains("two files of the same name"));
    }

    #[test]
    fn zip_bombs_are_refused() {
        // Few bytes for each file of 64 MiB.
        let size = 64_u32 << 20;
        let part = zip_of(&[("a", &vec![0; size as usize])]);
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        add(&mut writer, MANIFEST, GOOD_MANIFEST).expect("an entry");
        for n in 0..5 {
            let mut part = open(&part).expect("a zip file");
            writer.raw_copy_file_rename(part.by_index_raw(0).expect("an entry"), format!("files/{n}")).expect("a copy");
        }
        let bomb = writer.finish().expect("a zip file").into_inner();
        assert!(bomb.len() < 1 << 20);
        assert!(refusal(&bomb).contains("its files have more than 268435456 bytes"));
        // The sizes in the archive say nothing about the contents.
        let mut lying = bomb.clone();
        for at in 0..lying.len() - 4 {
            if lying[at..at + 4] == size.to_le_bytes() {
                lying[at..at + 4].copy_from_slice(&1_u32.to_le_bytes());
            }
        }
        assert!(Pack::read(&lying).is_err());

        let names: Vec<String> = (0..=MAX_FILES).map(|n| format!("files/{n}.csv")).collect();
        let mut entries: Vec<(&str, &[u8])> = vec![(MANIFEST, GOOD_MANIFEST)];
        entries.extend(names.iter().map(|name| (name.as_str(), &b""[..])));
        assert!(refusal(&zip_of(&entries)).contains("more than 1000 files"));
        assert!(refusal(&b"PK\x01\x02".repeat(MAX_ENTRY_MARKS + 1)).contains("more than 1000 files"));
    }
}
