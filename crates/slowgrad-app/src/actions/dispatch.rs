//! What a person asks for by a key, a button or a name, as far as it concerns the window: which keys are heard at the
//! moment, and what each action does.
//!
//! It must not know which keys there are; those are in the one list of commands.

use crate::actions::{self, Action, Part};
use crate::editor::{self, typing};
use crate::panels::Table;
use crate::panels::number_field::Field;
use crate::platform::PlatformRequest;
use crate::state::{DrawerTab, Gui, Overlay};
use egui::Event;
use slowgrad_session::Session;
use slowgrad_session::{Command, UsedFile};
use slowgrad_timeline::playback::cue::Panel as LessonPanel;
use slowgrad_timeline::playback::playhead;
use slowgrad_timeline::scene::Target;

impl Gui {
    pub(crate) fn keys(&mut self, session: &mut Session) {
        // What is typed into a script is the editor's business alone.
        let is_writing = self.is_writing();
        // The table of parameters takes a few keys and leaves the rest.
        let in_table = Table::has_keyboard(&self.ctx);
        let is_typing = (self.ctx.egui_wants_keyboard_input() && !in_table) || self.field.is_some();
        let pressed: Vec<Action> = self.ctx.input(|input| {
            let keys = input.events.iter().filter_map(|event| match event {
                Event::Key { key, .. } if in_table && Table::takes(*key) => None,
                Event::Key { key, pressed: true, modifiers, .. } => actions::pressed(*key, *modifiers),
                _ => None,
            });
            keys.collect()
        });
        if is_writing {
            for action in pressed.into_iter().filter(|action| action.is_of_the_window()) {
                self.act(action, session);
            }
            return;
        }
        if !is_typing && self.overlay.is_none() {
            self.type_speed(session);
        }
        let has_menu = egui::Popup::is_any_open(&self.ctx);
        for action in pressed {
            // It leads out of the menu, which hears it itself.
            if has_menu && action == Action::Leave {
                continue;
            }
            // A widget that has the keyboard keeps it; only the keys that lead out of it are heard.
            let is_heard = match (&self.overlay, action) {
                (_, action) if action.is_of_the_window() => true,
                (_, Action::Leave) | (None, _) => !is_typing || action == Action::Leave,
                (Some(_), Action::Help | Action::Palette) => true,
                (Some(_), _) => false,
            };
            if is_heard {
                self.act(action, session);
            }
        }
        if self.editor.target.is_some() {
            // The key that opened a script must not be typed into it.
            self.ctx.input_mut(|input| input.events.retain(|event| !editor::keys::is_typed(event)));
        }
    }

    /// Digits are a speed: 5 and 0 are fifty times as fast as usual, 0 and 5 half as fast.
    fn type_speed(&mut self, session: &mut Session) {
        /// Digits that come later begin another number.
        const TOGETHER_SECS: f64 = 1.0;
        let (digits, now): (String, f64) = self.ctx.input(|input| {
            let typed = input.events.iter().filter_map(|event| match event {
                Event::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(text.as_str()),
                _ => None,
            });
            (typed.collect(), input.time)
        });
        if digits.is_empty() {
            return;
        }
        // While the lesson asks something, they are answers.
        if session.performance.stage().question.is_some() {
            let answer = digits.bytes().next().and_then(|digit| usize::from(digit - b'0').checked_sub(1));
            return answer.map_or((), |answer| session.answer(answer));
        }
        let (typed, when) = &mut self.typed_speed;
        if now - *when > TOGETHER_SECS {
            typed.clear();
        }
        typed.push_str(&digits);
        *when = now;
        // A zero in front is the one before the point.
        let number = typed.strip_prefix('0').map_or_else(|| typed.clone(), |rest| format!("0.{rest}"));
        if let Some(speed) = number.parse::<f64>().ok().filter(|speed| *speed > 0.0) {
            session.steer(&playhead::Command::Speed(speed));
        }
    }

    /// Carries out an action.
    pub fn act(&mut self, action: Action, session: &mut Session) {
        match action {
            Action::Run(action) => session.act(action),
            Action::Edit => {
                if let Some(target) = session.view.selected {
                    self.edit(target, session);
                }
            }
            Action::Back => self.go_back(session),
            Action::Arrange => {
                self.scenery.arrange();
                session.view.refit();
            }
            Action::Theme => {
                self.habits.theme = self.habits.theme.next();
                session.notice(format!("theme: {}", self.habits.theme.name()));
            }
            Action::Motion => {
                self.habits.motion = self.habits.motion.next();
                session.notice(format!("animations: {}", self.habits.motion.name()));
            }
            Action::Larger => self.habits.scale_by(1),
            Action::Smaller => self.habits.scale_by(-1),
            Action::UsualSize => self.habits.scale = 1.0,
            Action::LessonPanel => self.toggle(LessonPanel::Lesson),
            Action::ExplanationPanel => self.toggle(LessonPanel::Explanation),
            Action::Notes => self.has_notes = !self.has_notes,
            Action::Present => self.is_presenting = !self.is_presenting,
            Action::Drawer => {
                let at = DrawerTab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
                self.tab = DrawerTab::ALL[(at + 1) % DrawerTab::ALL.len()];
            }
            Action::Parameters if self.tab == DrawerTab::Parameters => {
                self.tab = DrawerTab::Script;
                self.ctx.memory_mut(egui::Memory::stop_text_input);
            }
            Action::Parameters => {
                self.tab = DrawerTab::Parameters;
                self.table.is_called = true;
            }
            Action::Compare if session.snapshot.as_ref().is_some_and(|snapshot| snapshot.rival.is_some()) => {
                session.send(Command::Compare(None));
            }
            Action::Activation => self.ask_activation(session.selected_layer(), session),
            Action::Compare => self.overlay = Some(Overlay::Compare { search: String::new(), chosen: 0 }),
            Action::Plots => {
                self.staged.remove(&LessonPanel::Plots);
                self.plots.toggle_all();
            }
            Action::Plot(plot) => self.plots.toggle(plot),
            Action::Script if self.editor.is_open() => self.editor.close(),
            Action::Script => self.open_editor(session),
            Action::Open => {
                let sessions = self.platform.known_sessions();
                self.overlay = Some(Overlay::Open { search: String::new(), chosen: 0, sessions });
            }
            Action::Save if !self.editor.is_open() && self.editor.unsaved().is_empty() => match self.file.clone() {
                Some(file) => self.requests.push(PlatformRequest::SaveSession(file)),
                None => self.save_as(session),
            },
            Action::SaveAs => self.save_as(session),
            Action::Save => {
                self.editor.save(session, self.platform.as_mut());
                if let Some((_, said)) = self.editor.message().filter(|_| !self.editor.is_open()) {
                    session.notice(said);
                }
            }
            Action::Check => {
                if !self.editor.is_open() {
                    self.open_editor(session);
                }
                self.editor.check(session);
            }
            Action::Complete if self.editor.is_open() => self.editor.complete(session),
            Action::Definition if self.editor.is_open() => self.editor.go_to_definition(session),
            Action::Comment if self.editor.is_open() => self.editor.edit(typing::comment),
            Action::NameBookmark => {
                if let Some(nth) = session.add_bookmark() {
                    self.name_bookmark(nth, session);
                }
            }
            Action::TimelineIn => self.strip.zoom(2.0, session),
            Action::TimelineOut => self.strip.zoom(0.5, session),
            Action::TimelineWhole => self.strip.toggle_whole(session),
            Action::Palette => {
                let is_open = matches!(self.overlay, Some(Overlay::Palette { .. }));
                self.overlay = (!is_open).then(|| Overlay::Palette { part: None, search: String::new(), chosen: 0 });
            }
            Action::Menu => {
                let layers = session.now().map_or(0, |(timeline, _)| timeline.step().shape.layers());
                let part = Some(Part::of(session.view.selected, layers));
                self.overlay = Some(Overlay::Palette { part, search: String::new(), chosen: 0 });
            }
            Action::Help => {
                self.overlay = (self.overlay != Some(Overlay::Help)).then_some(Overlay::Help);
            }
            Action::Leave => {
                if let Some(mut field) = self.field.take() {
                    field.cancel(session);
                } else if self.overlay.take().is_some() {
                } else if self.is_presenting {
                    self.is_presenting = false;
                } else if self.editor.is_open() {
                    self.editor.close();
                } else {
                    session.view.selected = None;
                }
            }
            _ => {}
        }
    }

    /// Asks what a bookmark is to be called.
    pub(crate) fn name_bookmark(&mut self, nth: usize, session: &Session) {
        if let Some(bookmark) = session.bookmarks.get(nth) {
            self.overlay = Some(Overlay::Name { bookmark: nth, name: bookmark.name.clone() });
        }
    }

    /// Asks where to save the session: beside its lesson, or where sessions lie.
    fn save_as(&mut self, session: &Session) {
        let snapshot = session.snapshot.as_ref();
        let lesson = snapshot.and_then(|snapshot| snapshot.files.first());
        let suggested = |lesson: &UsedFile| self.platform.suggested_session(&lesson.root, &lesson.path);
        let known = self.file.clone().or_else(|| lesson.map(suggested));
        let path = known.unwrap_or_default().to_string();
        self.overlay = Some(Overlay::SaveAs { path });
    }

    /// Opens the editor where the script runs.
    fn open_editor(&mut self, session: &Session) {
        let scene = self.scene(session);
        let running = scene.as_ref().and_then(|scene| scene.script.as_ref()).map(|mark| &mark.location);
        self.tab = DrawerTab::Script;
        self.editor.open(running, session);
    }

    /// Opens the field that edits a number, where its mark is.
    pub(crate) fn edit(&mut self, target: Target, session: &mut Session) {
        session.view.selected = Some(target);
        if let Some(mut field) = self.field.take() {
            field.accept(session);
        }
        self.field = session.editable(target).map(|(what, value)| Field::new(target, what, value));
    }
}
