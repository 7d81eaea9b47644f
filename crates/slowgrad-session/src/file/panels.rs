//! The panels that are open, as a session file has them. It must not know how any of them is drawn.

use serde::{Deserialize, Serialize};
use slowgrad_timeline::playback::cue::Plot;

/// The pages of the drawer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DrawerTab {
    /// The script that runs.
    Script,
    /// The table of parameters.
    Parameters,
    /// What scripts print.
    Console,
    /// What is wrong with scripts.
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

/// The panels that are open around the network.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPanels {
    /// The page of the drawer.
    pub tab: DrawerTab,
    /// The plots.
    #[serde(default)]
    pub plots: OpenPlots,
}

/// The plots that are open, and how they are shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpenPlots {
    /// The plots, the last one opened last.
    pub shown: Vec<Plot>,
    /// Whether the panel of plots is open.
    #[serde(rename = "is_open")]
    pub open: bool,
    /// Whether the panel takes the place of the network.
    #[serde(rename = "is_large")]
    pub large: bool,
    /// Whether losses have a logarithmic axis.
    #[serde(rename = "is_log")]
    pub log_losses: bool,
    /// Whether steps have a logarithmic axis.
    #[serde(rename = "is_log_steps")]
    pub log_steps: bool,
    /// Whether the landscape is a surface and not a map.
    #[serde(rename = "is_surface")]
    pub surface: bool,
    /// The flat indices of the landscape's two parameters, when a person chose them.
    pub axes: Option<[usize; 2]>,
    /// The least and the largest value of each, when a person chose them.
    pub range: Option<[[f64; 2]; 2]>,
}
