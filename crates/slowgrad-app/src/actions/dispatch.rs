//! Translates keys and actions into calls on the components of the app.
//!
//! It must not know which key has which action; that is in the table of actions.

use crate::actions::{self, Action, Element};
use crate::editor::{self, typing};
use crate::platform::PlatformRequest;
use crate::state::App;
use crate::state::overlays::Overlay;
use crate::state::parameter_table::ParameterTable;
use egui::Event;
use slowgrad_session::Session;
use slowgrad_session::{BackendCommand, DrawerTab};
use slowgrad_timeline::playback::cue::Panel as LessonPanel;
use slowgrad_timeline::playback::playhead;

impl App {
    /// Performs the actions of the keys pressed in this frame, except for those that the focused widget handles.
    pub(crate) fn handle_keys(&mut self, session: &mut Session) {
        let editing_text = self.is_editing_text();
        let in_table = ParameterTable::has_focus(&self.ctx);
        let typing = (self.ctx.egui_wants_keyboard_input() && !in_table) || self.overlays.field().is_some();
        let pressed: Vec<Action> = self.ctx.input(|input| {
            let keys = input.events.iter().filter_map(|event| match event {
                Event::Key { key, .. } if in_table && ParameterTable::handles(*key) => None,
                Event::Key { key, pressed: true, modifiers, .. } => actions::pressed(*key, *modifiers),
                _ => None,
            });
            keys.collect()
        });
        if editing_text {
            for action in pressed.into_iter().filter(|action| action.is_global()) {
                self.act(action, session);
            }
            return;
        }
        if !typing && self.overlays.overlay().is_none() {
            self.type_digits(session);
        }
        let menu_open = egui::Popup::is_any_open(&self.ctx);
        for action in pressed {
            // An open menu closes itself.
            if menu_open && action == Action::Leave {
                continue;
            }
            // A focused widget keeps all keys but those that leave it.
            let handled = match (self.overlays.overlay(), action) {
                (_, action) if action.is_global() => true,
                (_, Action::Leave) | (None, _) => !typing || action == Action::Leave,
                (Some(_), Action::Help | Action::Palette) => true,
                (Some(_), _) => false,
            };
            if handled {
                self.act(action, session);
            }
        }
        if self.editor.has_target() {
            // The key that has opened a script is not typed into it.
            self.ctx.input_mut(|input| input.events.retain(|event| !editor::keys::is_typed(event)));
        }
    }

    /// Handles typed digits: the answer to a question, or else a playback speed. "50" is 50×, "05" is half speed.
    fn type_digits(&mut self, session: &mut Session) {
        let (digits, now_secs): (String, f64) = self.ctx.input(|input| {
            let typed = input.events.iter().filter_map(|event| match event {
                Event::Text(text) if text.bytes().all(|byte| byte.is_ascii_digit()) => Some(text.as_str()),
                _ => None,
            });
            (typed.collect(), input.time)
        });
        if digits.is_empty() {
            return;
        }
        if session.player.stage().question.is_some() {
            let answer = digits.bytes().next().and_then(|digit| usize::from(digit - b'0').checked_sub(1));
            return answer.map_or((), |answer| session.answer(answer));
        }
        if let Some(speed) = self.transport.type_speed(&digits, now_secs) {
            session.command_playhead(&playhead::Command::Speed(speed));
        }
    }

    /// Performs an action.
    pub fn act(&mut self, action: Action, session: &mut Session) {
        match action {
            Action::Run(action) => session.act(action),
            Action::Edit => {
                if let Some(target) = session.view.selected {
                    self.overlays.edit(target, session);
                }
            }
            Action::GoBack => self.links.go_back(session),
            Action::ResetLayout => {
                self.network.reset_layout();
                session.view.refit();
            }
            Action::Theme => {
                let preferences = self.appearance.preferences_mut();
                preferences.theme = preferences.theme.next();
                session.notice(format!("theme: {}", preferences.theme.name()));
            }
            Action::Motion => {
                let preferences = self.appearance.preferences_mut();
                preferences.motion = preferences.motion.next();
                session.notice(format!("animations: {}", preferences.motion.name()));
            }
            Action::LargerText => self.appearance.preferences_mut().scale_by(1),
            Action::SmallerText => self.appearance.preferences_mut().scale_by(-1),
            Action::ResetTextSize => self.appearance.preferences_mut().scale = 1.0,
            Action::LessonPanel => self.toggle_panel(LessonPanel::Lesson),
            Action::ExplanationPanel => self.toggle_panel(LessonPanel::Explanation),
            Action::Notes => self.set_notes_window(!self.visibility.has_notes_window()),
            Action::Present => self.set_presenting(!self.visibility.is_presenting()),
            Action::NextDrawerTab => self.drawer.show_next_tab(),
            Action::Parameters if self.drawer.tab() == DrawerTab::Parameters => {
                self.drawer.show_tab(DrawerTab::Script);
                self.ctx.memory_mut(egui::Memory::stop_text_input);
            }
            Action::Parameters => {
                self.drawer.show_tab(DrawerTab::Parameters);
                self.drawer.table.request_focus();
            }
            Action::Compare if session.snapshot.as_ref().is_some_and(|snapshot| snapshot.comparison.is_some()) => {
                session.send(BackendCommand::Compare(None));
            }
            Action::Activation => self.overlays.open_activation(session.selected_layer(), session),
            Action::Compare => self.overlays.open(Overlay::Compare { search: String::new(), chosen: 0 }),
            Action::Plots => {
                self.visibility.clear_staged(LessonPanel::Plots);
                self.plots.toggle_panel();
            }
            Action::Plot(plot) => self.plots.toggle(plot),
            Action::Script if self.editor.is_open() => self.editor.close(),
            Action::Script => self.open_editor(session),
            Action::Open => {
                let sessions = self.platform.known_sessions();
                self.overlays.open(Overlay::Open { search: String::new(), chosen: 0, sessions });
            }
            Action::Save if !self.editor.is_open() && self.editor.unsaved().is_empty() => {
                match self.platform.session_file().cloned() {
                    Some(file) => self.platform.request(PlatformRequest::SaveSession(file)),
                    None => self.open_save_as(session),
                }
            }
            Action::SaveAs => self.open_save_as(session),
            Action::Save => {
                self.editor.save(session, self.platform.platform_mut());
                if let Some((_, message)) = self.editor.message().filter(|_| !self.editor.is_open()) {
                    session.notice(message);
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
            Action::RenameBookmark => {
                if let Some(nth) = session.add_bookmark() {
                    self.overlays.rename_bookmark(nth, session);
                }
            }
            Action::ZoomTimelineIn => self.transport.strip.zoom(2.0, session),
            Action::ZoomTimelineOut => self.transport.strip.zoom(0.5, session),
            Action::ToggleWholeTimeline => self.transport.strip.toggle_whole(session),
            Action::Palette => self.overlays.toggle_palette(),
            Action::ContextMenu => {
                let layers = session.now().map_or(0, |(timeline, _)| timeline.step().shape.layers());
                self.overlays.open(Overlay::palette(Some(Element::at(session.view.selected, layers))));
            }
            Action::Help => self.overlays.toggle_help(),
            Action::Leave => self.leave(session),
            _ => {}
        }
    }

    /// Closes the topmost of what is open, or clears the selection.
    fn leave(&mut self, session: &mut Session) {
        if self.overlays.cancel_field(session) {
            return;
        }
        if self.overlays.overlay().is_some() {
            self.overlays.close();
        } else if self.visibility.is_presenting() {
            self.set_presenting(false);
        } else if self.editor.is_open() {
            self.editor.close();
        } else {
            session.view.selected = None;
        }
    }

    fn set_presenting(&mut self, presenting: bool) {
        self.visibility.set_presenting(presenting);
        self.platform.request(PlatformRequest::Fullscreen(presenting));
    }

    fn set_notes_window(&mut self, open: bool) {
        self.visibility.set_notes_window(open);
        self.platform.request(PlatformRequest::NotesWindow(open));
    }

    /// Opens the dialog that asks for the session file, with a suggestion.
    fn open_save_as(&mut self, session: &Session) {
        let path = self.platform.suggested_session(session).to_string();
        self.overlays.open(Overlay::SaveAs { path });
    }

    /// Opens the editor at the running operation.
    fn open_editor(&mut self, session: &Session) {
        let scene = self.scene(session);
        let running = scene.as_ref().and_then(|scene| scene.script.as_ref()).map(|mark| &mark.location);
        self.drawer.show_tab(DrawerTab::Script);
        self.editor.open(running, session);
    }
}
