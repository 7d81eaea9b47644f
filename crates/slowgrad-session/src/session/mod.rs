//! The state of a session between frames, and the actions that change it.
//!
//! Time arrives as `dt`, commands go to the backend, snapshots come from it; nothing here draws, reads a clock or waits.
//! Each component owns its state; this file alone knows all of them. It must not know keys or panels.

mod backend_connection;
mod bookmarks;
mod cue_execution;
mod edits;
mod lesson_player;
mod navigation;
mod notices;
mod persistence;
mod playback_state;
mod run_action;
mod step_request;
pub mod traversal;
pub mod visible_range;

use crate::backend::link::{BackendLink, BackendStopped, TableReading};
use crate::clock::Deadline;
use crate::protocol::{BackendCommand, Change, Snapshot};
use backend_connection::BackendConnection;
pub use bookmarks::Bookmarks;
pub use edits::Editable;
pub use lesson_player::{LessonPlayer, RunStart};
pub use notices::{Notice, Notices};
use persistence::Restoration;
use playback_state::PlaybackState;
pub use run_action::RunAction;
use slowgrad_engine::structure::Reshape;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::playhead::{self, NeededStep, Playhead, Response};
use slowgrad_timeline::scene::{Target, View};
use std::sync::Arc;
use step_request::StepRequest;
pub use step_request::event_at;

/// The factor of one zoom action.
const ZOOM_FACTOR: f32 = 1.25;
/// The distance of one pan action.
const PAN_PTS: f32 = 60.0;
/// The limit of the time by which the playhead advances per frame, so that it does not jump after a slow frame.
const MAX_DT_SECS: f64 = 0.1;
/// The shortest delay of a scheduled frame.
const MIN_FRAME_DELAY_SECS: f64 = 0.01;

/// The time of the next frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NextFrame {
    /// No frame is needed before the next event.
    OnEvent,
    /// After this many seconds.
    After(f64),
    /// At once.
    Now,
}

/// The state behind the interface: the latest snapshot of the backend, playback, and the viewer's settings.
pub struct Session {
    backend: BackendConnection,
    /// The latest snapshot.
    pub snapshot: Option<Snapshot>,
    /// The position in the shown step; `None` before a step is shown.
    pub playhead: Option<Playhead>,
    /// The lesson in progress.
    pub player: LessonPlayer,
    /// The view of the network: camera and selection.
    pub view: View,
    /// Whether a panel shows the evaluation over all data.
    pub shows_evaluation: bool,
    /// The notices that are shown.
    pub notices: Notices,
    /// The bookmarks.
    pub bookmarks: Bookmarks,
    playback: PlaybackState,
    request: StepRequest,
    restoration: Restoration,
}

impl Session {
    /// Creates a session over a link to a backend that has received its first command.
    pub fn new(link: impl BackendLink + 'static) -> Self {
        Self {
            backend: BackendConnection::new(link),
            snapshot: None,
            playhead: None,
            player: LessonPlayer::new(),
            view: View::default(),
            shows_evaluation: false,
            notices: Notices::default(),
            bookmarks: Bookmarks::default(),
            playback: PlaybackState::default(),
            request: StepRequest::new(),
            restoration: Restoration::default(),
        }
    }

    /// The shown step and the position in it; `None` before a step is shown.
    pub fn now(&self) -> Option<(&Arc<Timeline>, &Playhead)> {
        Some((self.snapshot.as_ref()?.timeline.as_ref()?, self.playhead.as_ref()?))
    }

    /// The sample at the playhead, counted within the batch.
    pub fn sample(&self) -> usize {
        let Some((timeline, playhead)) = self.now() else { return 0 };
        let last = timeline.step().samples.len().saturating_sub(1);
        timeline.address(playhead.event()).sample.unwrap_or(last)
    }

    /// Sends a command to the backend; returns its serial number.
    pub fn send(&mut self, command: BackendCommand) -> u64 {
        self.backend.send(command)
    }

    /// Ends the current change, after a drag or an accepted number: all values since the last seal are undone together.
    pub fn seal(&mut self) {
        self.backend.seal();
    }

    /// Receives snapshots and advances time; returns the time of the next frame.
    pub fn tick(&mut self, dt_secs: f64) -> NextFrame {
        self.receive();
        self.notices.tick(dt_secs);
        // Full speed is updated before the lesson, since stopping it would stop training that a cue starts.
        self.backend.set_full_speed(self.plays_at_full_speed());
        self.execute_cues(dt_secs);
        self.backend.set_highlight(self.player.stage().highlight);
        self.backend.set_evaluation(self.shows_evaluation || self.shows_scores());
        self.play(dt_secs.min(MAX_DT_SECS));
        self.next_frame()
    }

    /// Waits until the backend is idle and applies its snapshot; returns false when the deadline passes first.
    pub fn run_until_idle(&mut self, deadline: Deadline) -> bool {
        match self.backend.run_until_idle(deadline) {
            Some(snapshot) => {
                self.apply_snapshot(snapshot);
                true
            }
            None => false,
        }
    }

    /// The table that the backend reads at the moment, if that takes long enough to be shown.
    pub fn reading(&self) -> Option<TableReading> {
        self.backend.reading()
    }

    /// Whether commands are pending or training is in progress.
    pub fn is_busy(&self) -> bool {
        let handled = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.handled);
        handled < self.backend.sent() || self.snapshot.as_ref().is_some_and(|snapshot| snapshot.training)
    }

    /// Whether a backend on this thread needs further ticks to finish its work. A backend on another thread needs none.
    pub fn needs_ticks(&self) -> bool {
        self.backend.has_work()
    }

    /// Whether no event of the present step has been shown yet, so that recomputing the step goes unnoticed.
    pub fn is_between_steps(&self) -> bool {
        self.backend.is_full_speed() || self.playhead.as_ref().is_none_or(|playhead| playhead.position() == 0.0)
    }

    fn receive(&mut self) {
        self.backend.work();
        loop {
            match self.backend.try_receive() {
                Ok(Some(snapshot)) => self.apply_snapshot(snapshot),
                Ok(None) => return,
                Err(BackendStopped) => {
                    return self.notice("internal error: training has stopped; please restart slowgrad");
                }
            }
        }
    }

    /// Replaces the snapshot and updates everything that depends on it.
    fn apply_snapshot(&mut self, new: Snapshot) {
        for text in &new.messages {
            self.notices.add(text.clone());
        }
        if new.reloaded {
            self.notices.flash();
        }
        let old = self.snapshot.replace(new);
        let Some(new) = &self.snapshot else { return };
        let (lesson, old_lesson) = (new.lesson.as_ref(), old.as_ref().and_then(|old| old.lesson.as_ref()));
        let new_run = lesson.map(|lesson| lesson.run_number) != old_lesson.map(|lesson| lesson.run_number);
        let new_cues = lesson.map(|lesson| lesson.cue_version) != old_lesson.map(|lesson| lesson.cue_version);
        let other_lesson = lesson.map(|lesson| &lesson.path) != old_lesson.map(|lesson| &lesson.path);
        if new.stuck && self.request.is_executed(new.handled) {
            self.request.end();
            if let (Some(timeline), Some(playhead)) = (&new.timeline, &mut self.playhead) {
                playhead.apply(&playhead::Command::Pause, timeline);
            }
            self.player.hold();
        }
        if let Some(timeline) = &new.timeline {
            let before = old.as_ref().and_then(|old| old.timeline.as_ref());
            match (&mut self.playhead, before) {
                (Some(playhead), Some(before)) if !new_run => {
                    let (old_step, step) = (before.step().step, timeline.step().step);
                    if old_step != step {
                        let backwards = step < old_step && self.request.goes_back();
                        playhead.arrive(timeline, if backwards { NeededStep::Previous } else { NeededStep::Next });
                    } else if !Arc::ptr_eq(before, timeline) {
                        playhead.replaced(timeline);
                    }
                }
                _ => {
                    let mut playhead = Playhead::new(timeline, Granularity::default());
                    if let Some(old) = &self.playhead
                        && !other_lesson
                    {
                        playhead.apply(&playhead::Command::Granularity(old.granularity()), timeline);
                        playhead.apply(&playhead::Command::Speed(old.speed()), timeline);
                    }
                    self.playhead = Some(playhead);
                }
            }
        }
        if self.request.is_executed(new.handled) {
            self.request.end();
            if let (Some(position), Some(playhead), Some(timeline)) =
                (self.request.take_position(), &mut self.playhead, &new.timeline)
                && let Some(event) = position.event(timeline)
            {
                playhead.apply(&playhead::Command::Seek(event), timeline);
            }
        }
        // The selected element may have been removed.
        let exists = |target: Target| {
            let shape = new.timeline.as_ref().map(|timeline| &timeline.step().shape);
            shape.is_none_or(|shape| target.exists_in(shape))
        };
        self.view.selected = self.view.selected.filter(|target| exists(*target));
        let cues = new.lesson.as_ref().map(|lesson| lesson.cues.clone()).unwrap_or_default();
        if new_run {
            self.request.end();
            self.backend.highlight_dropped();
            if other_lesson {
                self.view = View::default();
                self.bookmarks = Bookmarks::default();
                self.playback.set_loop_range(None);
            }
            self.player.start_run(cues);
        } else if new_cues {
            self.player.replace_cues(cues);
            self.backend.reset_highlight();
        }
        self.restore_view();
    }

    /// Shows a short message.
    pub fn notice(&mut self, text: impl Into<String>) {
        self.notices.add(text.into());
    }

    fn plays_at_full_speed(&self) -> bool {
        self.playhead.as_ref().is_some_and(|playhead| playhead.is_full_speed() && playhead.is_playing())
    }

    /// Advances the playhead.
    fn play(&mut self, dt_secs: f64) {
        if self.request.is_pending() {
            return;
        }
        let dt_secs = if self.player.is_rushing() { lesson_player::SKIP_DT_SECS } else { dt_secs };
        if let (Some(playhead), Some(timeline)) =
            (&mut self.playhead, self.snapshot.as_ref().and_then(|snapshot| snapshot.timeline.as_ref()))
        {
            let response = playhead.tick(dt_secs, timeline);
            self.apply_response(response);
        }
    }

    /// Requests the step that the playhead needs.
    fn apply_response(&mut self, response: Response) {
        if response.finished {
            self.player.playback_finished();
        }
        let Some((timeline, _)) = self.now() else { return };
        let step = timeline.step().step;
        match response.needed_step {
            Some(NeededStep::Next) => self.seek_step(step + 1, NeededStep::Next),
            Some(NeededStep::Previous) if step > 1 => self.seek_step(step - 1, NeededStep::Previous),
            Some(NeededStep::Previous) => self.command_playhead(&playhead::Command::Home),
            None => {}
        }
    }

    /// Requests a step, from 1.
    pub fn seek_step(&mut self, step: u64, direction: NeededStep) {
        let step = step.max(1);
        self.request_step(step, BackendCommand::Seek(step), direction);
    }

    /// Sends a command that leads to another step.
    fn request_step(&mut self, step: u64, command: BackendCommand, direction: NeededStep) {
        self.request.set_step(step);
        if self.plays_at_full_speed() {
            // The backend stops training when it seeks.
            self.command_playhead(&playhead::Command::Pause);
        }
        let serial = self.send(command);
        self.request.start(serial, direction);
    }

    /// Hands control from the lesson to the viewer; training by the lesson ends.
    pub fn hold(&mut self) {
        if self.player.runs_command() {
            self.send(BackendCommand::FullSpeed(false));
        }
        self.player.hold();
    }

    /// Whether a requested step is not shown yet.
    pub fn is_waiting_for_step(&self) -> bool {
        self.request.is_pending()
    }

    /// Sends the playhead a command, and requests the step that it needs.
    pub fn command_playhead(&mut self, command: &playhead::Command) {
        if let (Some(playhead), Some(timeline)) =
            (&mut self.playhead, self.snapshot.as_ref().and_then(|snapshot| snapshot.timeline.as_ref()))
        {
            let response = playhead.apply(command, timeline);
            self.apply_response(response);
        }
    }

    /// Sends the playhead a command by the viewer; the lesson is held.
    pub fn take_over(&mut self, command: &playhead::Command) {
        self.hold();
        self.command_playhead(command);
    }

    /// Executes an action.
    pub fn act(&mut self, action: RunAction) {
        use playhead::Command as To;
        let granularity = self.playhead.as_ref().map(Playhead::granularity).unwrap_or_default();
        let shown = self.now().map_or(1, |(timeline, _)| timeline.step().step);
        // Repeated actions add up even if steps arrive later.
        let step = if self.is_waiting_for_step() { self.request.step() } else { shown };
        match action {
            RunAction::PlayPause => self.play_or_pause(),
            RunAction::PlayBackwards => self.take_over(&To::PlayBackwards),
            RunAction::StepForward => self.take_over(&To::StepForward),
            RunAction::StepBack => self.take_over(&To::StepBack),
            RunAction::StepForwardCoarse => self.take_over(&To::StepForwardBy(granularity.coarser())),
            RunAction::StepBackCoarse => self.take_over(&To::StepBackBy(granularity.coarser())),
            RunAction::Home => self.take_over(&To::Home),
            RunAction::End => self.take_over(&To::End),
            RunAction::NextStep => self.go_to_step(step + 1),
            RunAction::PreviousStep => self.go_to_step(step.saturating_sub(1).max(1)),
            RunAction::Finer => self.command_playhead(&To::Finer),
            RunAction::Coarser => self.command_playhead(&To::Coarser),
            RunAction::Faster => {
                // Full speed has a separate action, so that a presenter who speeds up does not lose the animation.
                if self.playhead.as_ref().is_some_and(|playhead| playhead.speed() < playhead::MAX_SPEED) {
                    self.command_playhead(&To::Faster);
                }
            }
            RunAction::Slower => self.command_playhead(&To::Slower),
            RunAction::FullSpeed => self.toggle_full_speed(),
            RunAction::Loop => self.cycle_loop(),
            RunAction::LoopFrom => self.move_loop_range(true),
            RunAction::LoopTo => self.move_loop_range(false),
            RunAction::Bookmark => self.toggle_bookmark(),
            RunAction::NextBookmark => self.go_to_bookmark(true),
            RunAction::PreviousBookmark => self.go_to_bookmark(false),
            RunAction::NextCue => self.advance_lesson(),
            RunAction::PreviousCue => self.rewind_lesson(),
            RunAction::Fit => self.view.refit(),
            RunAction::ZoomIn => self.view.zoom_by(ZOOM_FACTOR),
            RunAction::ZoomOut => self.view.zoom_by(1.0 / ZOOM_FACTOR),
            RunAction::PanLeft => self.view.shift([-PAN_PTS, 0.0]),
            RunAction::PanRight => self.view.shift([PAN_PTS, 0.0]),
            RunAction::PanUp => self.view.shift([0.0, -PAN_PTS]),
            RunAction::PanDown => self.view.shift([0.0, PAN_PTS]),
            RunAction::SelectNext => self.select_neighbour(true),
            RunAction::SelectPrevious => self.select_neighbour(false),
            RunAction::AddNeuron => self.reshape(Reshape::AddNeuron { layer: self.hidden_layer() }),
            RunAction::RemoveNeuron => self.remove_neuron(),
            RunAction::AddLayer => self.reshape(Reshape::AddLayer { before: self.selected_layer() }),
            RunAction::RemoveLayer => self.reshape(Reshape::RemoveLayer { layer: self.hidden_layer() }),
            RunAction::Freeze => self.freeze_selected(),
            RunAction::Undo => self.undo(BackendCommand::Undo),
            RunAction::Redo => self.undo(BackendCommand::Redo),
            RunAction::Reset => self.restart(Change::Reset, RunStart::Hold),
            RunAction::Reseed => self.restart(Change::Reseed, RunStart::Hold),
        }
    }

    /// Selects the next element of the network, or the previous one.
    fn select_neighbour(&mut self, forward: bool) {
        let selected = self.view.selected;
        if let Some((timeline, _)) = self.now() {
            self.view.selected = Some(traversal::next(&timeline.step().shape, selected, forward));
        }
    }

    /// Undoes or redoes a change.
    fn undo(&mut self, command: BackendCommand) {
        self.take_over(&playhead::Command::Pause);
        self.send(command);
    }

    /// Opens a lesson by its path in the library and starts it.
    pub fn open(&mut self, lesson: &str) {
        self.restart(BackendCommand::Open(lesson.to_owned()), RunStart::Perform);
    }

    /// Sends a command that starts a new run.
    pub fn restart(&mut self, command: impl Into<BackendCommand>, start: RunStart) {
        self.command_playhead(&playhead::Command::Pause);
        self.player.set_next_start(start);
        self.send(command.into());
    }

    fn toggle_full_speed(&mut self) {
        let Some(playhead) = &self.playhead else { return };
        let active = self.plays_at_full_speed();
        let was_playing = playhead.is_playing();
        self.hold();
        if active && self.playback.resumes() {
            self.command_playhead(&playhead::Command::FullSpeed(false));
        } else if active {
            self.command_playhead(&playhead::Command::Pause);
        } else {
            self.playback.set_resumes(was_playing);
            self.command_playhead(&playhead::Command::FullSpeed(true));
            self.command_playhead(&playhead::Command::Play);
        }
    }

    /// Whether the playhead moves, or the lesson plays, trains or shows a caption.
    pub fn is_active(&self) -> bool {
        self.playhead.as_ref().is_some_and(Playhead::is_playing) || self.player.is_active()
    }

    /// Whether the backend trains at full speed by request of the viewer.
    pub fn is_full_speed(&self) -> bool {
        self.backend.is_full_speed()
    }

    fn next_frame(&self) -> NextFrame {
        let animating =
            self.playhead.as_ref().is_some_and(|playhead| playhead.is_playing() && !playhead.is_full_speed());
        if (animating && !self.request.is_pending()) || self.notices.reload_flash() > 0.0 {
            return NextFrame::Now;
        }
        let next = [self.player.next_secs(), self.notices.next_secs()].into_iter().flatten().reduce(f64::min);
        next.map_or(NextFrame::OnEvent, |secs| NextFrame::After(secs.max(MIN_FRAME_DELAY_SECS)))
    }
}
