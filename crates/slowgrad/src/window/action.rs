//! Everything a person can ask of the window, in one table: menu, palette, tooltips, keys and their help
//! all come from here, so that they never say different things.

use super::plots::Plot;
use super::shortcut::Shortcut;
use egui::{Key, Modifiers};

/// One thing to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    PlayPause,
    PlayBackwards,
    StepForward,
    StepBack,
    StepForwardCoarse,
    StepBackCoarse,
    Home,
    End,
    NextStep,
    PreviousStep,
    Finer,
    Coarser,
    Faster,
    Slower,
    FullSpeed,
    Loop,
    LoopFrom,
    LoopTo,
    Bookmark,
    NameBookmark,
    NextBookmark,
    PreviousBookmark,
    TimelineIn,
    TimelineOut,
    TimelineWhole,
    NextCue,
    PreviousCue,
    Fit,
    ZoomIn,
    ZoomOut,
    PanLeft,
    PanRight,
    PanUp,
    PanDown,
    Arrange,
    Back,
    SelectNext,
    SelectPrevious,
    AddNeuron,
    RemoveNeuron,
    AddLayer,
    RemoveLayer,
    Freeze,
    Activation,
    Edit,
    Undo,
    Redo,
    Reset,
    Reseed,
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
            Group::Playing => "Playing",
            Group::Timeline => "Timeline and bookmarks",
            Group::Looking => "Looking and changing",
            Group::Lesson => "Lesson and training",
            Group::Script => "Scripts",
            Group::Window => "Window",
        }
    }
}

const fn entry(
    action: Action,
    group: Group,
    name: &'static str,
    keys: &'static [Shortcut],
    help: &'static str,
) -> Entry {
    Entry { action, name, help, keys, group }
}

/// The table.
pub(crate) const TABLE: &[Entry] = &[
    entry(
        Action::PlayPause,
        Group::Playing,
        "Play or pause",
        &[Shortcut::plain(Key::Space)],
        "Plays from here, or stops here",
    ),
    entry(
        Action::PlayBackwards,
        Group::Playing,
        "Play backwards",
        &[Shortcut::shift(Key::Space)],
        "Plays from here back through what happened",
    ),
    entry(
        Action::StepForward,
        Group::Playing,
        "Step",
        &[Shortcut::plain(Key::ArrowRight)],
        "Shows what comes next and stops after it",
    ),
    entry(Action::StepBack, Group::Playing, "Step back", &[Shortcut::plain(Key::ArrowLeft)], "Goes back by one"),
    entry(
        Action::StepForwardCoarse,
        Group::Playing,
        "Big step",
        &[Shortcut::shift(Key::ArrowRight)],
        "Steps one granularity coarser",
    ),
    entry(
        Action::StepBackCoarse,
        Group::Playing,
        "Big step back",
        &[Shortcut::shift(Key::ArrowLeft)],
        "Goes back one granularity coarser",
    ),
    entry(
        Action::Home,
        Group::Playing,
        "Start of the step",
        &[Shortcut::plain(Key::Home)],
        "Goes to the start of this training step",
    ),
    entry(
        Action::End,
        Group::Playing,
        "End of the step",
        &[Shortcut::plain(Key::End)],
        "Goes to the end of this training step",
    ),
    entry(
        Action::NextStep,
        Group::Playing,
        "Next training step",
        &[Shortcut::command(Key::ArrowRight)],
        "Goes to the start of the next training step",
    ),
    entry(
        Action::PreviousStep,
        Group::Playing,
        "Training step before",
        &[Shortcut::command(Key::ArrowLeft)],
        "Goes to the start of the training step before",
    ),
    entry(
        Action::Coarser,
        Group::Playing,
        "Coarser",
        &[Shortcut::plain(Key::ArrowUp)],
        "Larger units: operation, neuron, layer, phase, step",
    ),
    entry(
        Action::Finer,
        Group::Playing,
        "Finer",
        &[Shortcut::plain(Key::ArrowDown)],
        "Smaller units, down to single operations",
    ),
    entry(Action::Faster, Group::Playing, "Faster", &[Shortcut::sign(Key::CloseBracket)], "Twice as fast"),
    entry(Action::Slower, Group::Playing, "Slower", &[Shortcut::sign(Key::OpenBracket)], "Half as fast"),
    entry(
        Action::Loop,
        Group::Playing,
        "Repeat",
        &[Shortcut::plain(Key::L)],
        "Plays again and again: this training step, then what was chosen of it, then nothing",
    ),
    entry(
        Action::LoopFrom,
        Group::Playing,
        "Repeat from here",
        &[Shortcut::plain(Key::I)],
        "What is played again begins here; Shift and dragging over the timeline chooses both ends",
    ),
    entry(
        Action::LoopTo,
        Group::Playing,
        "Repeat up to here",
        &[Shortcut::plain(Key::O)],
        "What is played again ends here",
    ),
    entry(
        Action::Bookmark,
        Group::Timeline,
        "Bookmark",
        &[Shortcut::plain(Key::B)],
        "Puts a bookmark here, or takes away the one that is here",
    ),
    entry(
        Action::NameBookmark,
        Group::Timeline,
        "Name the bookmark",
        &[Shortcut::shift(Key::B)],
        "Gives the bookmark that is here another name",
    ),
    entry(
        Action::NextBookmark,
        Group::Timeline,
        "Next bookmark",
        &[Shortcut::plain(Key::J)],
        "Goes to the bookmark after this place",
    ),
    entry(
        Action::PreviousBookmark,
        Group::Timeline,
        "Bookmark before",
        &[Shortcut::shift(Key::J)],
        "Goes to the bookmark before this place",
    ),
    entry(
        Action::TimelineIn,
        Group::Timeline,
        "Timeline: closer",
        &[Shortcut::command_sign(Key::CloseBracket)],
        "Shows less of the run in the timeline, down to single operations; the wheel does so at the pointer",
    ),
    entry(
        Action::TimelineOut,
        Group::Timeline,
        "Timeline: more",
        &[Shortcut::command_sign(Key::OpenBracket)],
        "Shows more of the run in the timeline; Shift and the wheel move it along",
    ),
    entry(
        Action::TimelineWhole,
        Group::Timeline,
        "Timeline: whole run",
        &[Shortcut::plain(Key::Z)],
        "Shows the whole run in the timeline, or again the step",
    ),
    entry(Action::Fit, Group::Looking, "Fit", &[Shortcut::plain(Key::F)], "Shows the whole network"),
    entry(
        Action::ZoomIn,
        Group::Looking,
        "Zoom in",
        &[Shortcut::sign(Key::Plus), Shortcut::sign(Key::Equals)],
        "Shows the middle of the network larger; the wheel zooms where the pointer is",
    ),
    entry(
        Action::ZoomOut,
        Group::Looking,
        "Zoom out",
        &[Shortcut::sign(Key::Minus)],
        "Shows more of the network, smaller",
    ),
    entry(
        Action::PanLeft,
        Group::Looking,
        "Look further left",
        &[Shortcut::command_shift(Key::ArrowLeft)],
        "Moves the view; dragging the ground does too",
    ),
    entry(
        Action::PanRight,
        Group::Looking,
        "Look further right",
        &[Shortcut::command_shift(Key::ArrowRight)],
        "Moves the view; dragging the ground does too",
    ),
    entry(
        Action::PanUp,
        Group::Looking,
        "Look further up",
        &[Shortcut::command_shift(Key::ArrowUp)],
        "Moves the view; dragging the ground does too",
    ),
    entry(
        Action::PanDown,
        Group::Looking,
        "Look further down",
        &[Shortcut::command_shift(Key::ArrowDown)],
        "Moves the view; dragging the ground does too",
    ),
    entry(
        Action::Arrange,
        Group::Looking,
        "Arrange",
        &[Shortcut::shift(Key::F)],
        "Puts every neuron that was dragged back to its place, and shows the whole network",
    ),
    entry(
        Action::Back,
        Group::Looking,
        "Back to the link",
        &[Shortcut::plain(Key::Backspace)],
        "Goes back to where the last number was clicked that led elsewhere",
    ),
    entry(
        Action::SelectNext,
        Group::Looking,
        "Select the next part",
        &[Shortcut::plain(Key::Period)],
        "Goes from part to part: inputs, neurons, weights, biases",
    ),
    entry(
        Action::SelectPrevious,
        Group::Looking,
        "Select the part before",
        &[Shortcut::plain(Key::Comma)],
        "Goes back from part to part",
    ),
    entry(
        Action::AddNeuron,
        Group::Looking,
        "Add a neuron",
        &[Shortcut::plain(Key::N)],
        "One more neuron in the selected layer, or the first; all other weights stay",
    ),
    entry(
        Action::RemoveNeuron,
        Group::Looking,
        "Remove a neuron",
        &[Shortcut::shift(Key::N)],
        "The selected neuron goes, or the last of its layer; all other weights stay",
    ),
    entry(
        Action::AddLayer,
        Group::Looking,
        "Add a layer",
        &[Shortcut::command_shift(Key::L)],
        "Another layer before the selected one, as large as what comes in there; all other weights stay",
    ),
    entry(
        Action::RemoveLayer,
        Group::Looking,
        "Remove a layer",
        &[Shortcut::command_shift(Key::Backspace)],
        "The selected layer goes, or the first",
    ),
    entry(
        Action::Freeze,
        Group::Looking,
        "Freeze or let go",
        &[Shortcut::plain(Key::K)],
        "Holds the selected weight, bias or neuron fast: no update moves it; again to let it go",
    ),
    entry(
        Action::Activation,
        Group::Looking,
        "Change the activation",
        &[Shortcut::plain(Key::A)],
        "Another activation for the selected layer, or the first; all weights and the step stay",
    ),
    entry(
        Action::Edit,
        Group::Looking,
        "Edit the selection",
        &[Shortcut::plain(Key::Enter)],
        "Types a new value for the selected weight, bias or input",
    ),
    entry(
        Action::Undo,
        Group::Looking,
        "Undo",
        &[Shortcut::command(Key::Z)],
        "Goes back to before the last change: of a number, a plugin, the places of neurons, a reset",
    ),
    entry(
        Action::Redo,
        Group::Looking,
        "Redo",
        &[Shortcut::command_shift(Key::Z), Shortcut::command(Key::Y)],
        "Makes the change again that was undone",
    ),
    entry(
        Action::Drawer,
        Group::Looking,
        "Next tab",
        &[Shortcut::plain(Key::S)],
        "Script, parameters, console or problems",
    ),
    entry(
        Action::Parameters,
        Group::Looking,
        "All parameters",
        &[Shortcut::plain(Key::G)],
        "Shows every weight and bias with gradient, state and change as a table, or hides it",
    ),
    entry(
        Action::Compare,
        Group::Lesson,
        "Compare",
        &[Shortcut::plain(Key::C)],
        "Lets a second run go along that differs in one thing, or ends that",
    ),
    entry(
        Action::Plots,
        Group::Looking,
        "Plots",
        &[Shortcut::plain(Key::V)],
        "Opens the plots below the network, or closes them",
    ),
    entry(
        Action::Plot(Plot::Losses),
        Group::Looking,
        "Plot: loss",
        &[Shortcut::command(Key::Num1)],
        "The loss over the steps, on the data to learn from and on the data to test with",
    ),
    entry(
        Action::Plot(Plot::Answers),
        Group::Looking,
        "Plot: answers",
        &[Shortcut::command(Key::Num2)],
        "What the network answers over its inputs, with the samples",
    ),
    entry(
        Action::Plot(Plot::Landscape),
        Group::Looking,
        "Plot: landscape",
        &[Shortcut::command(Key::Num3)],
        "The loss over two weights, and the way that the optimizer took",
    ),
    entry(
        Action::Plot(Plot::Histograms),
        Group::Looking,
        "Plot: histograms",
        &[Shortcut::command(Key::Num4)],
        "How weights and gradients are spread, layer by layer",
    ),
    entry(
        Action::Plot(Plot::Activation),
        Group::Looking,
        "Plot: activation",
        &[Shortcut::command(Key::Num5)],
        "An activation, its derivative, and where the sample stands",
    ),
    entry(
        Action::Plot(Plot::Loss),
        Group::Looking,
        "Plot: loss function",
        &[Shortcut::command(Key::Num6)],
        "The loss over the output, its derivative, and where the output stands",
    ),
    entry(
        Action::Script,
        Group::Looking,
        "Edit the script",
        &[Shortcut::plain(Key::E)],
        "Opens the running script to change it, or closes it",
    ),
    entry(
        Action::NextCue,
        Group::Lesson,
        "Lesson: go on",
        &[Shortcut::plain(Key::PageDown)],
        "Goes on with the lesson, or skips to the end of what it plays; the keys 1 to 9 answer what it asks",
    ),
    entry(
        Action::PreviousCue,
        Group::Lesson,
        "Lesson: go back",
        &[Shortcut::plain(Key::PageUp)],
        "Goes back to where the lesson last stopped",
    ),
    entry(
        Action::FullSpeed,
        Group::Lesson,
        "Train at full speed",
        &[Shortcut::plain(Key::T)],
        "Trains as fast as it can; again goes on in slow motion, if it played, or stops",
    ),
    entry(
        Action::Reset,
        Group::Lesson,
        "Reset",
        &[Shortcut::command(Key::R)],
        "Starts again from the same initial weights, without your changes",
    ),
    entry(
        Action::Reseed,
        Group::Lesson,
        "New weights",
        &[Shortcut::command(Key::N)],
        "Starts again with the next seed, so with other initial weights",
    ),
    entry(
        Action::Open,
        Group::Lesson,
        "Open",
        &[Shortcut::command(Key::O)],
        "Opens another lesson, or a session that was saved; a file can be dropped onto the window too",
    ),
    entry(
        Action::SaveAs,
        Group::Lesson,
        "Save the session as",
        &[Shortcut::command_shift(Key::S)],
        "Saves lesson, changes and place into a file that is opened later or by others",
    ),
    entry(
        Action::Save,
        Group::Script,
        "Save",
        &[Shortcut::command(Key::S)],
        "Saves the script that is open, with which the lesson goes on; without one, the session",
    ),
    entry(
        Action::Check,
        Group::Script,
        "Check gradient",
        &[Shortcut::command(Key::Enter)],
        "Compares the script's gradient with finite differences at many points",
    ),
    entry(
        Action::Complete,
        Group::Script,
        "Complete the name",
        &[Shortcut::command(Key::Space)],
        "Shows the names that fit at the cursor",
    ),
    entry(
        Action::Definition,
        Group::Script,
        "Go to definition",
        &[Shortcut::plain(Key::F12)],
        "Goes to where the name at the cursor is defined; Ctrl+click too",
    ),
    entry(
        Action::Comment,
        Group::Script,
        "Comment",
        &[Shortcut::command_sign(Key::Slash)],
        "Makes the selected lines comments, or script again",
    ),
    entry(
        Action::Present,
        Group::Window,
        "Present",
        &[Shortcut::plain(Key::F5), Shortcut::plain(Key::P)],
        "The network and what the lesson says alone, on the whole screen; Esc leaves",
    ),
    entry(
        Action::Notes,
        Group::Window,
        "Presenter's notes",
        &[Shortcut::shift(Key::P)],
        "A window of the presenter's own: the lesson's note, what is on screen, and what comes next",
    ),
    entry(
        Action::LessonPanel,
        Group::Window,
        "Lesson panel",
        &[Shortcut::plain(Key::F2)],
        "Shows or hides the panel at the left",
    ),
    entry(
        Action::ExplanationPanel,
        Group::Window,
        "Explanation panel",
        &[Shortcut::plain(Key::F3)],
        "Shows or hides the panel at the right",
    ),
    entry(
        Action::Theme,
        Group::Window,
        "Colours",
        &[Shortcut::plain(Key::D)],
        "Dark, light, high contrast on the system's ground, or all as the system has it",
    ),
    entry(
        Action::Motion,
        Group::Window,
        "Less motion",
        &[Shortcut::plain(Key::M)],
        "Nothing travels, what happens is there at once; again for motion, and again as the system has it",
    ),
    entry(
        Action::Larger,
        Group::Window,
        "Larger letters",
        &[Shortcut::command_sign(Key::Plus), Shortcut::command_sign(Key::Equals)],
        "All letters and controls larger",
    ),
    entry(
        Action::Smaller,
        Group::Window,
        "Smaller letters",
        &[Shortcut::command_sign(Key::Minus)],
        "All letters and controls smaller",
    ),
    entry(
        Action::UsualSize,
        Group::Window,
        "Usual letters",
        &[Shortcut::command(Key::Num0)],
        "All letters and controls as large as usual",
    ),
    entry(
        Action::Palette,
        Group::Window,
        "Find a command",
        &[Shortcut::command(Key::K)],
        "Finds any of these by its name",
    ),
    entry(
        Action::Help,
        Group::Window,
        "Keys",
        &[Shortcut::sign(Key::Questionmark), Shortcut::plain(Key::F1)],
        "Shows this list",
    ),
    entry(
        Action::Leave,
        Group::Window,
        "Close",
        &[Shortcut::plain(Key::Escape)],
        "Closes what is open, or drops the selection",
    ),
];

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
        assert_eq!(pressed(Key::ArrowRight, Modifiers::SHIFT), Some(Action::StepForwardCoarse));
        assert_eq!(pressed(Key::R, Modifiers::NONE), None);
    }
}
