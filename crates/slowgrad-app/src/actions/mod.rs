//! The actions of the interface in one table. Menus, palette, tooltips, keyboard shortcuts and help all read it, so
//! that they agree.

pub(crate) mod dispatch;
pub(crate) mod follow_link;
pub(crate) mod shortcut;
mod table;

use crate::state::plot_tabs::Plot;
use egui::{Key, Modifiers};
use shortcut::Shortcut;
use slowgrad_session::RunAction;
use slowgrad_timeline::scene::Target;
pub(crate) use table::ACTIONS;

/// An action of the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// An action on the run, the lesson or the view.
    Run(RunAction),
    /// Rename the bookmark at the current position, which is added if necessary.
    RenameBookmark,
    /// Zoom in on the timeline strip.
    ZoomTimelineIn,
    /// Zoom out on the timeline strip.
    ZoomTimelineOut,
    /// Show the whole run on the timeline strip, or the current step.
    ToggleWholeTimeline,
    /// Reset the layout of the network.
    ResetLayout,
    /// Go back to where the last link was followed.
    GoBack,
    /// Choose the selected layer's activation.
    Activation,
    /// Edit the selected number.
    Edit,
    /// Switch to the next theme.
    Theme,
    /// Switch to the next choice of animations.
    Motion,
    /// Enlarge the text.
    LargerText,
    /// Reduce the text size.
    SmallerText,
    /// Reset the text size.
    ResetTextSize,
    /// Show or hide the lesson panel.
    LessonPanel,
    /// Show or hide the explanation panel.
    ExplanationPanel,
    /// Start or end the presentation.
    Present,
    /// Open or close the presenter notes.
    Notes,
    /// Show the next tab of the drawer.
    NextDrawerTab,
    /// Show or hide the parameter table.
    Parameters,
    /// Choose a comparison, or end it.
    Compare,
    /// Show or hide the plots.
    Plots,
    /// Show or hide one plot.
    Plot(Plot),
    /// Open or close the editor.
    Script,
    /// Choose a lesson or a session to open.
    Open,
    /// Save the edited script, or else the session.
    Save,
    /// Save the session to another file.
    SaveAs,
    /// Check the edited script.
    Check,
    /// Complete the name at the cursor.
    Complete,
    /// Go to the definition of the name at the cursor.
    Definition,
    /// Comment or uncomment the selected lines.
    Comment,
    /// Open or close the palette of actions.
    Palette,
    /// Open the palette with the actions of the selected element.
    ContextMenu,
    /// Show or hide the keyboard help.
    Help,
    /// Close the topmost overlay or mode, or clear the selection.
    Leave,
}

/// An entry of the table of actions.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ActionInfo {
    pub(crate) action: Action,
    /// The name in menus.
    pub(crate) name: &'static str,
    /// A sentence for tooltips and help.
    pub(crate) help: &'static str,
    pub(crate) keys: &'static [Shortcut],
    pub(crate) group: ActionGroup,
}

/// The headings of the keyboard help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActionGroup {
    Playback,
    Timeline,
    View,
    Lesson,
    /// Keys of this group work while a script is edited.
    Script,
    Window,
}

impl ActionGroup {
    pub(crate) const ALL: [ActionGroup; 6] = [
        ActionGroup::Playback,
        ActionGroup::Timeline,
        ActionGroup::View,
        ActionGroup::Lesson,
        ActionGroup::Script,
        ActionGroup::Window,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            ActionGroup::Playback => "Playback",
            ActionGroup::Timeline => "Timeline and bookmarks",
            ActionGroup::View => "View and edit",
            ActionGroup::Lesson => "Lesson and training",
            ActionGroup::Script => "Scripts",
            ActionGroup::Window => "Window",
        }
    }
}

impl Action {
    /// The entry of the table.
    pub(crate) fn info(self) -> &'static ActionInfo {
        ACTIONS.iter().find(|info| info.action == self).unwrap_or(&ACTIONS[0])
    }

    /// Whether its keys work whichever widget has the focus.
    pub(crate) fn is_global(self) -> bool {
        use Action::{ExplanationPanel, LargerText, LessonPanel, ResetTextSize, SmallerText};
        matches!(self, LargerText | SmallerText | ResetTextSize | LessonPanel | ExplanationPanel)
    }

    /// Name, keys and help, for a tooltip.
    pub(crate) fn tooltip(self) -> String {
        let info = self.info();
        let keys = if info.keys.is_empty() { String::new() } else { format!(" ({})", keys_text(info)) };
        format!("{}{keys}\n{}", info.name, info.help)
    }
}

/// A kind of element that a menu is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Element {
    /// No element.
    Background,
    Input,
    /// A weight or a bias.
    Parameter,
    /// The number of outputs is given by the data, so output neurons cannot be added or removed.
    Neuron {
        output: bool,
    },
    Layer {
        output: bool,
    },
    Loss,
}

impl Element {
    /// The kind of the selected element, in a network of `layers` layers.
    pub(crate) fn at(target: Option<Target>, layers: usize) -> Self {
        match target {
            None => Element::Background,
            Some(Target::Input(_)) => Element::Input,
            Some(Target::Weight { .. } | Target::Bias { .. }) => Element::Parameter,
            Some(Target::Neuron { layer, .. }) => Element::Neuron { output: layer + 1 == layers },
            Some(Target::Loss) => Element::Loss,
        }
    }

    /// The actions on the selected element, in groups.
    pub(crate) fn actions(self) -> &'static [&'static [Action]] {
        use Action::{Activation, Edit, Parameters, ResetLayout};
        const ADD_LAYER: Action = Action::Run(RunAction::AddLayer);
        const ADD_NEURON: Action = Action::Run(RunAction::AddNeuron);
        const FREEZE: Action = Action::Run(RunAction::Freeze);
        const REMOVE_LAYER: Action = Action::Run(RunAction::RemoveLayer);
        const REMOVE_NEURON: Action = Action::Run(RunAction::RemoveNeuron);
        match self {
            Element::Background => &[
                &[
                    Action::Run(RunAction::Fit),
                    Action::Run(RunAction::ZoomIn),
                    Action::Run(RunAction::ZoomOut),
                    ResetLayout,
                ],
                &[Action::Run(RunAction::Undo), Action::Run(RunAction::Redo)],
            ],
            Element::Input => &[&[Edit], &[ADD_LAYER]],
            Element::Parameter => &[&[Edit, FREEZE], &[Action::Plot(Plot::Landscape), Parameters]],
            Element::Neuron { output: false } => &[
                &[Edit, FREEZE],
                &[ADD_NEURON, REMOVE_NEURON],
                &[Activation, ADD_LAYER, REMOVE_LAYER],
                &[Action::Plot(Plot::Activation)],
            ],
            Element::Neuron { output: true } => {
                &[&[Edit, FREEZE], &[Activation, ADD_LAYER], &[Action::Plot(Plot::Activation)]]
            }
            Element::Layer { output: false } => &[
                &[Activation],
                &[ADD_NEURON, REMOVE_NEURON],
                &[ADD_LAYER, REMOVE_LAYER],
                &[Action::Plot(Plot::Activation), Action::Plot(Plot::Histograms)],
            ],
            Element::Layer { output: true } => {
                &[&[Activation], &[ADD_LAYER], &[Action::Plot(Plot::Activation), Action::Plot(Plot::Histograms)]]
            }
            Element::Loss => &[&[Action::Plot(Plot::Loss), Action::Plot(Plot::Losses)]],
        }
    }
}

/// The keys of an action as text.
pub(crate) fn keys_text(info: &ActionInfo) -> String {
    info.keys.iter().map(|key| key.text()).collect::<Vec<_>>().join(" or ")
}

/// The action of a pressed key.
pub(crate) fn pressed(key: Key, modifiers: Modifiers) -> Option<Action> {
    ACTIONS.iter().find(|info| info.keys.iter().any(|shortcut| shortcut.fits(key, modifiers))).map(|info| info.action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_one_action() {
        let keys: Vec<(Shortcut, Action)> =
            ACTIONS.iter().flat_map(|info| info.keys.iter().map(|key| (*key, info.action))).collect();
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
    fn every_action_is_in_the_table() {
        assert!(ACTIONS.iter().all(|info| info.action.info().action == info.action));
        assert_eq!(pressed(Key::Questionmark, Modifiers::SHIFT), Some(Action::Help));
        assert_eq!(pressed(Key::ArrowRight, Modifiers::SHIFT), Some(Action::Run(RunAction::StepForwardCoarse)));
        assert_eq!(pressed(Key::R, Modifiers::NONE), None);
    }
}
