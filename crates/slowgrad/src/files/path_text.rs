//! Any path as text and back. The app, session files and the library know paths as text, and a path on disk need not be
//! UTF-8.
//!
//! Each byte that is not part of UTF-8 becomes one character of Unicode's private use area. Without that, the text of
//! such a path would name another file.

use std::path::{Path, PathBuf};

/// The character of the byte 0. Those of the other bytes follow.
#[cfg(unix)]
const FIRST_ESCAPE: u32 = 0xF700;

/// The text of a path.
#[cfg(unix)]
pub(crate) fn to_text(path: &Path) -> String {
    use std::os::unix::ffi::OsStrExt as _;
    let mut text = String::new();
    let escape = |text: &mut String, bytes: &[u8]| {
        text.extend(bytes.iter().filter_map(|byte| char::from_u32(FIRST_ESCAPE + u32::from(*byte))));
    };
    for chunk in path.as_os_str().as_bytes().utf8_chunks() {
        for ch in chunk.valid().chars() {
            // The characters that stand for bytes are escaped themselves.
            if escaped_byte(ch).is_some() {
                escape(&mut text, ch.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                text.push(ch);
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// The path of a text.
#[cfg(unix)]
pub(crate) fn from_text(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = Vec::with_capacity(text.len());
    for ch in text.chars() {
        match escaped_byte(ch) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(ch.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    std::ffi::OsString::from_vec(bytes).into()
}

/// The byte that a character stands for.
#[cfg(unix)]
fn escaped_byte(ch: char) -> Option<u8> {
    u32::from(ch).checked_sub(FIRST_ESCAPE).and_then(|byte| u8::try_from(byte).ok())
}

/// The text of a path.
#[cfg(not(unix))]
pub(crate) fn to_text(path: &Path) -> String {
    path.display().to_string()
}

/// The path of a text.
#[cfg(not(unix))]
pub(crate) fn from_text(text: &str) -> PathBuf {
    text.into()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    #[test]
    fn every_path_survives() {
        for bytes in [&b"/a/b.rhai"[..], "/ä/\u{f7e9}/\u{f700}".as_bytes(), b"caf\xe9/\xff\xfe.rhai", b"\xef\x9f", b""]
        {
            let path = Path::new(OsStr::from_bytes(bytes));
            let text = to_text(path);
            assert_eq!(from_text(&text), path, "{text:?}");
            assert_eq!(text.split('/').count(), bytes.split(|byte| *byte == b'/').count());
        }
        assert_eq!(to_text(Path::new("/ä.rhai")), "/ä.rhai");
    }
}
