//! The files of data and initial weights in a session file: small ones as they are, of large ones a digest.

use super::limits::{Lines, MAX_DATA_BYTES};
use crate::protocol::UsedFile;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::sync::Arc;

/// A file of data or initial weights.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct DataFile {
    /// The path in the library.
    pub(crate) path: String,
    pub(crate) contents: DataContents,
}

/// The contents of a file.
#[derive(Debug, Clone)]
pub(crate) enum DataContents {
    /// All bytes.
    Whole(Arc<[u8]>),
    /// The bytes of a file that is too large to be stored.
    Large(Arc<[u8]>),
    /// The digest of a file that was too large to be stored.
    Digest(Digest),
}

impl DataContents {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            DataContents::Whole(bytes) | DataContents::Large(bytes) => Digest::of(bytes),
            DataContents::Digest(digest) => digest.clone(),
        }
    }
}

impl PartialEq for DataContents {
    fn eq(&self, other: &Self) -> bool {
        use DataContents::{Large, Whole};
        match (self, other) {
            // Compared in every frame; usually both share the same bytes.
            (Whole(one), Whole(other)) | (Large(one), Large(other)) => Arc::ptr_eq(one, other) || one == other,
            (Whole(_), _) | (_, Whole(_)) => false,
            (one, other) => one.digest() == other.digest(),
        }
    }
}

/// Tells whether two files are equal. It does not protect against forgery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Digest {
    /// The size.
    pub bytes: u64,
    /// The hash FNV-1a of 64 bits, in hexadecimal.
    pub fnv1a: String,
}

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Self { bytes: bytes.len() as u64, fnv1a: format!("{hash:016x}") }
    }
}

/// The files of a lesson, as many whole ones as fit.
pub(crate) fn embed(files: &[UsedFile]) -> Vec<DataFile> {
    let mut left = MAX_DATA_BYTES;
    let embed = |UsedFile { path, bytes, .. }: &UsedFile| {
        let contents = match left.checked_sub(bytes.len()) {
            Some(rest) => {
                left = rest;
                DataContents::Whole(Arc::clone(bytes))
            }
            None => DataContents::Large(Arc::clone(bytes)),
        };
        DataFile { path: path.clone(), contents }
    };
    files.iter().map(embed).collect()
}

/// The serialized form of [`DataFile`]: one of text, Base64 and digest.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DataFileDto {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    text: Option<Lines>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
}

impl Serialize for DataFile {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut file = DataFileDto { path: self.path.clone(), text: None, base64: None, digest: None };
        match &self.contents {
            DataContents::Whole(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => file.text = Some(Lines(text.to_owned())),
                Err(_) => file.base64 = Some(STANDARD.encode(bytes)),
            },
            large => file.digest = Some(large.digest()),
        }
        file.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DataFile {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let DataFileDto { path, text, base64, digest } = DataFileDto::deserialize(deserializer)?;
        let contents = match (text, base64, digest) {
            (Some(Lines(text)), None, None) => DataContents::Whole(text.into_bytes().into()),
            (None, Some(digits), None) => match STANDARD.decode(digits) {
                Ok(bytes) => DataContents::Whole(bytes.into()),
                Err(_) => return Err(D::Error::custom(format!("the contents of {path} are damaged"))),
            },
            (None, None, Some(digest)) => DataContents::Digest(digest),
            _ => return Err(D::Error::custom(format!("{path} needs one of text, base64 and digest"))),
        };
        Ok(Self { path, contents })
    }
}
