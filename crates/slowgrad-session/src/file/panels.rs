//! The open panels in a session file, and texts in the editor that are not saved. It must not know how they are drawn.

use super::data::Digest;
use super::limits::{self, Lines, MAX_ENTRIES, MAX_UNSAVED_BYTES};

use serde::{Deserialize, Serialize};
use slowgrad_timeline::playback::cue::Plot;
use std::sync::Arc;

/// A page of the drawer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawerTab {
    /// The editor of scripts.
    Script,
    /// The table of parameters.
    Parameters,
    /// The output of scripts.
    Console,
    /// The problems of scripts.
    Problems,
}

impl DrawerTab {
    /// All pages, in the order in which they are shown.
    pub const ALL: [DrawerTab; 4] = [DrawerTab::Script, DrawerTab::Parameters, DrawerTab::Console, DrawerTab::Problems];

    /// The heading of the page.
    pub fn name(self) -> &'static str {
        match self {
            DrawerTab::Script => "Script",
            DrawerTab::Parameters => "Parameters",
            DrawerTab::Console => "Console",
            DrawerTab::Problems => "Problems",
        }
    }
}

/// The open panels around the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPanels {
    /// The page of the drawer.
    pub tab: DrawerTab,
    /// The panel of plots.
    #[serde(default)]
    pub plots: OpenPlots,
    /// The texts in the editor that are not saved.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "limits::list::<_, _, MAX_ENTRIES>")]
    pub unsaved: Vec<UnsavedScript>,
}

/// A text in the editor that differs from its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "UnsavedScriptDto", into = "UnsavedScriptDto")]
pub struct UnsavedScript {
    /// The path in the library.
    pub path: String,
    /// The name of the root of the file.
    pub root: String,
    /// The edited text, with line feeds only.
    pub text: Arc<str>,
    /// The file when the text was edited; `None` when the file was gone.
    pub file: Option<Digest>,
}

/// The serialized form of [`UnsavedScript`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UnsavedScriptDto {
    path: String,
    root: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    file: Option<Digest>,
    text: Lines,
}

impl From<UnsavedScript> for UnsavedScriptDto {
    fn from(UnsavedScript { path, root, text, file }: UnsavedScript) -> Self {
        Self { path, root, file, text: Lines((*text).to_owned()) }
    }
}

impl TryFrom<UnsavedScriptDto> for UnsavedScript {
    type Error = String;

    fn try_from(UnsavedScriptDto { path, root, file, text: Lines(text) }: UnsavedScriptDto) -> Result<Self, String> {
        if text.len() > MAX_UNSAVED_BYTES {
            return Err(format!("the unsaved text of {path} has more than {MAX_UNSAVED_BYTES} bytes"));
        }
        Ok(Self { path, root, text: text.into(), file })
    }
}

/// The open plots and their settings.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenPlots {
    /// The open plots, in the order in which they were opened.
    #[serde(deserialize_with = "limits::list::<_, _, MAX_ENTRIES>")]
    pub shown: Vec<Plot>,
    /// Whether the panel of plots is open.
    #[serde(rename = "is_open")]
    pub open: bool,
    /// Whether the panel replaces the network.
    #[serde(rename = "is_large")]
    pub large: bool,
    /// Whether the axis of losses is logarithmic.
    #[serde(rename = "is_log")]
    pub log_losses: bool,
    /// Whether the axis of steps is logarithmic.
    #[serde(rename = "is_log_steps")]
    pub log_steps: bool,
    /// Whether the landscape is drawn as a surface instead of a map.
    #[serde(rename = "is_surface")]
    pub surface: bool,
    /// The flat indices of the landscape's two parameters, if chosen by the viewer.
    pub axes: Option<[usize; 2]>,
    /// The lowest and the highest value of each, if chosen by the viewer.
    pub range: Option<[[f64; 2]; 2]>,
}
