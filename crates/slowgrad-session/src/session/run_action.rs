//! The actions on the run, the lesson and the view. Actions on the window belong to the app.

/// An action that a session executes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunAction {
    /// Pauses or resumes the lesson and the playhead.
    PlayPause,
    /// Plays backwards.
    PlayBackwards,
    /// Moves forward by one unit.
    StepForward,
    /// Moves back by one unit.
    StepBack,
    /// Moves forward by one coarser unit.
    StepForwardCoarse,
    /// Moves back by one coarser unit.
    StepBackCoarse,
    /// Goes to the start of the step.
    Home,
    /// Goes to the end of the step.
    End,
    /// Goes to the next training step.
    NextStep,
    /// Goes to the previous training step.
    PreviousStep,
    /// Selects the next finer unit.
    Finer,
    /// Selects the next coarser unit.
    Coarser,
    /// Doubles the playback speed.
    Faster,
    /// Halves the playback speed.
    Slower,
    /// Starts or stops training at full speed.
    FullSpeed,
    /// Changes the repetition: off, the whole step, the chosen range.
    Loop,
    /// Starts the repeated range at the playhead.
    LoopFrom,
    /// Ends the repeated range at the playhead.
    LoopTo,
    /// Adds or removes a bookmark at the playhead.
    Bookmark,
    /// Goes to the next bookmark.
    NextBookmark,
    /// Goes to the previous bookmark.
    PreviousBookmark,
    /// Continues the lesson after a stop, or skips to the end of the running cue.
    NextCue,
    /// Goes back to the previous stop of the lesson.
    PreviousCue,
    /// Fits the network into the view.
    Fit,
    /// Zooms in.
    ZoomIn,
    /// Zooms out.
    ZoomOut,
    /// Pans the view to the left.
    PanLeft,
    /// Pans the view to the right.
    PanRight,
    /// Pans the view up.
    PanUp,
    /// Pans the view down.
    PanDown,
    /// Selects the next element of the network.
    SelectNext,
    /// Selects the previous element of the network.
    SelectPrevious,
    /// Adds a neuron to the selected hidden layer.
    AddNeuron,
    /// Removes the selected neuron, or the last one of the selected hidden layer.
    RemoveNeuron,
    /// Adds a layer before the selected one.
    AddLayer,
    /// Removes the selected hidden layer.
    RemoveLayer,
    /// Freezes or unfreezes the selected parameters.
    Freeze,
    /// Undoes the last change.
    Undo,
    /// Redoes the change that was undone last.
    Redo,
    /// Returns to the initial weights and drops all edits.
    Reset,
    /// Restarts the lesson with the next seed.
    Reseed,
}
