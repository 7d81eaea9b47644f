//! Everything a person can ask of the window, in one table: menu, palette, tooltips, keys and their help
//! all come from here, so that they never say different things.

pub(crate) mod dispatch;
pub(crate) mod follow_link;
pub(crate) mod shortcut;
mod table;

use crate::state::plot_tabs::Plot;
use egui::{Key, Modifiers};
use shortcut::Shortcut;
use slowgrad_session::RunAction;
use slowgrad_timeline::scene::Target;
pub(crate) use table::TABLE;

/// One thing to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Of the run, the lesson or the picture.
    Run(RunAction),
    NameBookmark,
    TimelineIn,
    TimelineOut,
    TimelineWhole,
    Arrange,
    Back,
    Activation,
    Edit,
    Theme,
    Motion,
    Larger,
    Smaller,
    UsualSize,
    LessonPanel,
    ExplanationPanel,
    Present,
    Notes,
    Drawer,
    Parameters,
    Compare,
    Plots,
    Plot(Plot),
    Script,
    Open,
    Save,
    SaveAs,
    Check,
    Complete,
    Definition,
    Comment,
    Palette,
    Menu,
    Help,
    Leave,
}

/// A line of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) action: Action,
    /// Short, as in a menu.
    pub(crate) name: &'static str,
    /// A sentence, as in a tooltip.
    pub(crate) help: &'static str,
    pub(crate) keys: &'static [Shortcut],
    pub(crate) group: Group,
}

/// Headings of the key help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Group {
    Playing,
    Timeline,
    Looking,
    Lesson,
    /// These are heard while a script is typed.
    Script,
    Window,
}

impl Group {
    pub(crate) const ALL: [Group; 6] =
        [Group::Playing, Group::Timeline, Group::Looking, Group::Lesson, Group::Script, Group::Window];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Group::Playing => "Playback",
            Group::Timeline => "Timeline and bookmarks",
            Group::Looking => "View and edit",
            Group::Lesson => "Lesson and training",
            Group::Script => "Scripts",
            Group::Window => "Window",
        }
    }
}

impl Action {
    /// Its line of the table.
    pub(crate) fn entry(self) -> &'static Entry {
        TABLE.iter().find(|entry| entry.action == self).unwrap_or(&TABLE[0])
    }

    /// Whether its keys are heard whatever else has the keyboard.
    pub(crate) fn is_of_the_window(self) -> bool {
        use Action::{ExplanationPanel, Larger, LessonPanel, Smaller, UsualSize};
        matches!(self, Larger | Smaller | UsualSize | LessonPanel | ExplanationPanel)
    }

    /// Name, sentence and key, for a tooltip.
    pub(crate) fn tooltip(self) -> String {
        let entry = self.entry();
        let keys = if entry.keys.is_empty() { String::new() } else { format!(" ({})", keys_text(entry)) };
        format!("{}{keys}\n{}", entry.name, entry.help)
    }
}

/// What a menu can be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// Where nothing is.
    Ground,
    Input,
    /// A weight or a bias.
    Parameter,
    /// Outputs belong to the data: they neither come nor go.
    Neuron {
        is_output: bool,
    },
    Layer {
        is_output: bool,
    },
    Loss,
}

impl Part {
    /// What stands for it in a network of so many layers.
    pub(crate) fn of(target: Option<Target>, layers: usize) -> Self {
        match target {
            None => Part::Ground,
            Some(Target::Input(_)) => Part::Input,
            Some(Target::Weight { .. } | Target::Bias { .. }) => Part::Parameter,
            Some(Target::Neuron { layer, .. }) => Part::Neuron { is_output: layer + 1 == layers },
            Some(Target::Loss) => Part::Loss,
        }
    }

    /// What can be asked of it when it is selected, in groups.
    pub(crate) fn actions(self) -> &'static [&'static [Action]] {
        use Action::{Activation, Arrange, Edit, Parameters};
        const ADD_LAYER: Action = Action::Run(RunAction::AddLayer);
        const ADD_NEURON: Action = Action::Run(RunAction::AddNeuron);
        const FREEZE: Action = Action::Run(RunAction::Freeze);
        const REMOVE_LAYER: Action = Action::Run(RunAction::RemoveLayer);
        const REMOVE_NEURON: Action = Action::Run(RunAction::RemoveNeuron);
        match self {
            Part::Ground => &[
                &[
                    Action::Run(RunAction::Fit),
                    Action::Run(RunAction::ZoomIn),
                    Action::Run(RunAction::ZoomOut),
                    Arrange,
                ],
                &[Action::Run(RunAction::Undo), Action::Run(RunAction::Redo)],
            ],
            Part::Input => &[&[Edit], &[ADD_LAYER]],
            Part::Parameter => &[&[Edit, FREEZE], &[Action::Plot(Plot::Landscape), Parameters]],
            Part::Neuron { is_output: false } => &[
                &[Edit, FREEZE],
                &[ADD_NEURON, REMOVE_NEURON],
                &[Activation, ADD_LAYER, REMOVE_LAYER],
                &[Action::Plot(Plot::Activation)],
            ],
            Part::Neuron { is_output: true } => {
                &[&[Edit, FREEZE], &[Activation, ADD_LAYER], &[Action::Plot(Plot::Activation)]]
            }
            Part::Layer { is_output: false } => &[
                &[Activation],
                &[ADD_NEURON, REMOVE_NEURON],
                &[ADD_LAYER, REMOVE_LAYER],
                &[Action::Plot(Plot::Activation), Action::Plot(Plot::Histograms)],
            ],
            Part::Layer { is_output: true } => {
                &[&[Activation], &[ADD_LAYER], &[Action::Plot(Plot::Activation), Action::Plot(Plot::Histograms)]]
            }
            Part::Loss => &[&[Action::Plot(Plot::Loss), Action::Plot(Plot::Losses)]],
        }
    }
}

/// The keys of an entry as text.
pub(crate) fn keys_text(entry: &Entry) -> String {
    entry.keys.iter().map(|key| key.text()).collect::<Vec<_>>().join(" or ")
}

/// The action of a pressed key.
pub(crate) fn pressed(key: Key, modifiers: Modifiers) -> Option<Action> {
    TABLE.iter().find(|entry| entry.keys.iter().any(|shortcut| shortcut.fits(key, modifiers))).map(|entry| entry.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_means_one_thing() {
        let keys: Vec<(Shortcut, Action)> =
            TABLE.iter().flat_map(|entry| entry.keys.iter().map(|key| (*key, entry.action))).collect();
        for (i, (key, action)) in keys.iter().enumerate() {
            let modifiers = Modifiers {
                command: key.command,
                ctrl: key.command,
                shift: key.shift.unwrap_or(false),
                ..Modifiers::NONE
            };
            assert_eq!(pressed(key.key, modifiers), Some(*action), "{}", key.text());
            assert!(keys[..i].iter().all(|(other, _)| other != key), "{} twice", key.text());
        }
    }

    #[test]
    fn every_action_has_a_line() {
        assert!(TABLE.iter().all(|entry| entry.action.entry().action == entry.action));
        assert_eq!(pressed(Key::Questionmark, Modifiers::SHIFT), Some(Action::Help));
        assert_eq!(pressed(Key::ArrowRight, Modifiers::SHIFT), Some(Action::Run(RunAction::StepForwardCoarse)));
        assert_eq!(pressed(Key::R, Modifiers::NONE), None);
    }
}
