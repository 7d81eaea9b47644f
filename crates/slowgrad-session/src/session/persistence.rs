//! Captures a session as the contents of a session file, and restores its view from one after the backend has restored
//! its run.
//!
//! It must not know how a session file is written as text.

use super::{Bookmarks, RunStart, Session};
use crate::file::{
    BuiltInTexts, CameraDto, FILE_TYPE, OpenPanels, RepeatDto, RunsDto, SESSION_ROOT, SessionFile, StateDto, VERSION,
    embed, lesson_name,
};
use crate::protocol::BackendCommand;
use slowgrad_timeline::playback::playhead::{self, Loop, Playhead};
use slowgrad_timeline::scene::View;
use std::sync::Arc;

/// A saved session that is being restored.
#[derive(Debug, Default)]
pub(super) struct Restoration {
    /// The session file, until the run is replayed.
    file: Option<Box<SessionFile>>,
    /// The panels to open, until the interface takes them.
    panels: Option<OpenPanels>,
    /// The reference of the restored file to its lesson.
    lesson: String,
    /// The built-in scripts of the program that saved the restored file.
    built_in: Arc<BuiltInTexts>,
}

impl Session {
    /// The contents of a session file with these panels; `None` before a lesson is open.
    pub fn to_file(&self, panels: OpenPanels) -> Option<SessionFile> {
        let snapshot = self.snapshot.as_ref()?;
        let lesson = snapshot.lesson.as_ref()?;
        let (timeline, playhead) = self.now()?;
        let view = &self.view;
        let recipe = &snapshot.recipe;
        // During a replay the shown step is not the one to return to.
        let replayed = timeline.step().step == recipe.step;
        Some(SessionFile {
            slowgrad: FILE_TYPE.into(),
            version: VERSION,
            lesson: match &*lesson.root {
                // The folder of the lesson may exist again when the file is opened.
                SESSION_ROOT if !self.restoration.lesson.is_empty() => self.restoration.lesson.clone(),
                root => lesson_name(root, &lesson.path),
            },
            path: lesson.path.clone(),
            title: lesson.title.clone(),
            position: if replayed { playhead.position() } else { 0.0 },
            loss: Some(timeline.step().loss).filter(|loss| replayed && loss.is_finite()),
            granularity: playhead.granularity(),
            speed: playhead.speed(),
            repeat: match playhead.repeat() {
                Loop::Off => RepeatDto::Off,
                Loop::Step => RepeatDto::Step,
                Loop::Range(range) => RepeatDto::Events(range.clone()),
            },
            cue: self.player.progress().0,
            bookmarks: self.bookmarks.to_vec(),
            camera: (!view.auto_fit).then_some(CameraDto { center: view.center, zoom: view.zoom }),
            selected: view.selected,
            panels,
            compared: snapshot.comparison.as_ref().map(|comparison| comparison.difference.clone()),
            files: embed(&snapshot.data_files),
            state: if replayed { StateDto::live(timeline, &snapshot.curves) } else { None },
            run: RunsDto {
                recipe: recipe.clone(),
                undo_history: Arc::clone(&snapshot.undo_history),
                built_in: Arc::clone(&self.restoration.built_in),
            },
        })
    }

    /// Restores the view of a session file once the backend, whose first command replays the run, is done.
    #[must_use]
    pub fn restoring(mut self, file: SessionFile) -> Self {
        self.player.set_next_start(RunStart::Hold);
        self.restoration.lesson.clone_from(&file.lesson);
        self.restoration.built_in = Arc::clone(&file.run.built_in);
        self.restoration.file = Some(Box::new(file));
        self
    }

    /// Whether a saved session is being restored.
    pub fn is_restoring(&self) -> bool {
        self.restoration.file.is_some()
    }

    /// Removes and returns the panels of a restored session, which the interface opens.
    pub fn take_restored_panels(&mut self) -> Option<OpenPanels> {
        self.restoration.panels.take()
    }

    /// Restores the view if a saved session is pending and its run is replayed.
    pub(super) fn restore_view(&mut self) {
        let replayed = self.snapshot.as_ref().is_some_and(|snapshot| !snapshot.training && snapshot.timeline.is_some());
        if !replayed || self.is_busy() {
            return;
        }
        let Some(file) = self.restoration.file.take() else { return };
        let Some(snapshot) = &self.snapshot else { return };
        let cues = snapshot.lesson.as_ref().map(|lesson| lesson.cues.clone()).unwrap_or_default();
        let Some(timeline) = snapshot.timeline.clone() else { return };
        self.player.resume_after(cues, file.cue);
        self.bookmarks = Bookmarks::new(file.bookmarks);
        self.view = View::default();
        self.view.selected = file.selected.filter(|target| target.exists_in(&timeline.step().shape));
        if let Some(CameraDto { center, zoom }) = file.camera {
            (self.view.center, self.view.zoom, self.view.auto_fit) = (center, zoom, false);
        }
        self.restoration.panels = Some(file.panels);
        let mut playhead = Playhead::new(&timeline, file.granularity);
        let repeat = match file.repeat {
            RepeatDto::Off => Loop::Off,
            RepeatDto::Step => Loop::Step,
            RepeatDto::Events(range) => Loop::Range(range),
        };
        let same_step = timeline.step().step == file.run.recipe.step;
        for command in [playhead::Command::Speed(file.speed), playhead::Command::Loop(repeat)] {
            playhead.apply(&command, &timeline);
        }
        if same_step {
            playhead.apply(&playhead::Command::Place(file.position), &timeline);
        }
        self.playhead = Some(playhead);
        if file.compared.is_some() {
            self.send(BackendCommand::Compare(file.compared));
        }
        let loss = timeline.step().loss;
        if same_step && file.loss.is_some_and(|saved| saved.to_bits() != loss.to_bits()) {
            let saved = file.loss.unwrap_or_default();
            self.notice(format!(
                "the lesson's files have changed since: the loss at this step was {saved} and is now {loss}"
            ));
        }
    }
}
