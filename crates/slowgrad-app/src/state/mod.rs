//! The state of the interface, as components that each own their part: appearance, visibility of panels, network view,
//! drawer, editor, plots, and so on.
//!
//! A component's fields are private to its file. [`App`] only composes them; [`crate::actions::dispatch`] translates
//! actions into calls on them. The state must not know how training works: it reads the [`Session`] and sends commands
//! to it. It must not know how panels are drawn.

pub(crate) mod announced;
mod appearance;
mod canvas_state;
pub(crate) mod comparison_view;
pub(crate) mod drawer_state;
pub(crate) mod inspector_cache;
pub(crate) mod landscape_view;
pub(crate) mod link_history;
pub(crate) mod network_view;
pub(crate) mod number_field;
pub(crate) mod overlays;
pub(crate) mod panel_visibility;
pub(crate) mod parameter_table;
pub(crate) mod platform_queue;
pub(crate) mod plot_tabs;
mod scene_cache;
pub(crate) mod timeline_strip;
pub(crate) mod transport_state;

pub(crate) use appearance::Appearance;

use crate::editor::{self, Editor};
use crate::platform::{FileRef, Platform, PlatformRequest};
use crate::settings::{Preferences, SystemPreferences};
use announced::Announced;
use drawer_state::DrawerState;
use egui::{Pos2, Rect};
use inspector_cache::InspectorCache;
use link_history::LinkHistory;
use network_view::NetworkView;
use overlays::{Overlay, Overlays};
use panel_visibility::{PanelVisibility, VisibilityContext};
use platform_queue::PlatformQueue;
use plot_tabs::PlotTabs;
use slowgrad_render::Theme;
use slowgrad_render::fallback_fonts::{FoundFonts, add_fallback_fonts};
use slowgrad_session::{DrawerTab, OpenPanels, Session};
use slowgrad_timeline::playback::cue::Panel as LessonPanel;
use slowgrad_timeline::scene::Scene;
use std::sync::Arc;
use timeline_strip::TimelineStrip;
use transport_state::TransportState;

/// egui's limit is shorter than some frames of large networks, which would then lose clicks.
const MAX_CLICK_SECS: f64 = 3.0;

/// The interface over a session: everything that the session itself does not know.
pub struct App {
    pub(crate) ctx: egui::Context,
    pub(crate) appearance: Appearance,
    pub(crate) visibility: PanelVisibility,
    pub(crate) network: NetworkView,
    pub(crate) drawer: DrawerState,
    pub(crate) editor: Editor,
    pub(crate) plots: PlotTabs,
    pub(crate) transport: TransportState,
    pub(crate) overlays: Overlays,
    pub(crate) links: LinkHistory,
    pub(crate) inspector: InspectorCache,
    pub(crate) announced: Announced,
    pub(crate) platform: PlatformQueue,
}

impl App {
    /// An app with default preferences and without the hints for new users.
    pub fn new(ctx: egui::Context, platform: impl Platform + 'static) -> Self {
        ctx.options_mut(|options| {
            // The zoom keys are actions of the app.
            options.zoom_with_keyboard = false;
            options.input_options.max_click_duration = MAX_CLICK_SECS;
        });
        Self {
            appearance: Appearance::new(&ctx),
            ctx,
            visibility: PanelVisibility::default(),
            network: NetworkView::default(),
            drawer: DrawerState::default(),
            editor: Editor::default(),
            plots: PlotTabs::default(),
            transport: TransportState::default(),
            overlays: Overlays::default(),
            links: LinkHistory::default(),
            inspector: InspectorCache::default(),
            announced: Announced::default(),
            platform: PlatformQueue::new(platform),
        }
    }

    /// Prepares for another lesson or session: a platform that saves its scripts, and the file that it is saved to.
    pub fn start_session(&mut self, platform: impl Platform + 'static, file: Option<FileRef>) {
        self.platform.start_session(platform, file);
        self.editor = Editor::default();
        self.overlays.reset();
        self.transport.strip = TimelineStrip::default();
        self.links = LinkHistory::default();
    }

    /// The egui context that the app is drawn with.
    pub fn context(&self) -> &egui::Context {
        &self.ctx
    }

    /// The theme in effect.
    pub fn theme(&self) -> &Theme {
        self.appearance.theme()
    }

    /// The user's preferences.
    pub fn preferences(&self) -> &Preferences {
        self.appearance.preferences()
    }

    /// Replaces the user's preferences, from the settings file.
    pub fn set_preferences(&mut self, preferences: Preferences) {
        *self.appearance.preferences_mut() = preferences;
    }

    /// Takes over the preferences of the operating system.
    pub fn set_system_preferences(&mut self, system: SystemPreferences) {
        self.appearance.set_system(system);
    }

    /// Whether only the network and the lesson's text are shown, full screen.
    pub fn is_presenting(&self) -> bool {
        self.visibility.is_presenting()
    }

    /// Whether the presenter notes should have a window.
    pub fn has_notes_window(&self) -> bool {
        self.visibility.has_notes_window()
    }

    /// Takes note that the platform could not open the window of the presenter notes, or has closed it.
    pub fn notes_window_closed(&mut self) {
        self.visibility.set_notes_window(false);
    }

    /// The requests to the platform since the last call.
    pub fn take_requests(&mut self) -> Vec<PlatformRequest> {
        self.platform.take_requests()
    }

    /// Requests a lesson or a session from a file, for example one chosen in a dialog.
    pub fn open_file(&mut self, file: FileRef) {
        self.overlays.close();
        self.platform.request(PlatformRequest::Open(file));
    }

    /// Asks whether to replace a file by the session.
    pub fn ask_to_replace(&mut self, file: FileRef) {
        self.overlays.open(Overlay::Replace { file });
        self.ctx.memory_mut(egui::Memory::stop_text_input);
    }

    /// Requests to save the session to a file whose name the user has typed. If the file exists and is not that of this
    /// session, asks first.
    pub(crate) fn save_session_as_typed(&mut self, file: FileRef) {
        let is_own = self.platform.session_file() == Some(&file);
        if !is_own && self.platform.platform().exists(&file) {
            self.ask_to_replace(file);
        } else {
            self.save_session_as(file);
        }
    }

    /// Requests to save the session to a file, which the user has agreed to replace if it exists, for example in a
    /// dialog.
    pub fn save_session_as(&mut self, file: FileRef) {
        self.overlays.close();
        self.platform.request(PlatformRequest::SaveSession(file));
    }

    /// Adds the fonts that the platform has found. A notice names the scripts that no font has.
    pub fn add_fonts(&mut self, found: FoundFonts, session: &mut Session) {
        if let Some(text) = add_fallback_fonts(&self.ctx, found) {
            session.notice(text);
        }
    }

    /// The file that the session is saved to.
    pub fn session_file(&self) -> Option<&FileRef> {
        self.platform.session_file()
    }

    /// Sets the file that the session is saved to.
    pub fn set_session_file(&mut self, file: FileRef) {
        self.platform.set_session_file(file);
    }

    /// Whether a script has unsaved changes.
    pub fn has_unsaved_scripts(&self) -> bool {
        !self.editor.unsaved().is_empty()
    }

    /// Whether the window may close. With unsaved scripts it may not, and the app asks the user.
    pub fn confirm_close(&mut self) -> bool {
        if !self.has_unsaved_scripts() {
            return true;
        }
        self.overlays.open(Overlay::Unsaved);
        self.ctx.memory_mut(egui::Memory::stop_text_input);
        false
    }

    /// Whether the user has confirmed to close the window.
    pub fn is_closing(&self) -> bool {
        self.platform.is_closing()
    }

    /// The open panels and the unsaved texts of the editor, for a session file.
    pub fn open_panels(&self) -> OpenPanels {
        OpenPanels { tab: self.drawer.tab(), plots: self.plots.saved(), unsaved: self.editor.unsaved_scripts() }
    }

    /// The window title when it has changed since the last call.
    pub fn new_title(&mut self, session: &Session) -> Option<String> {
        self.platform.new_title(session)
    }

    /// The drawing area of the network in the last frame.
    pub(crate) fn canvas_rect(&self) -> Option<Rect> {
        self.network.canvas.rect()
    }

    /// The position of the first weight in the last frame.
    pub(crate) fn weight_pos(&self) -> Option<Pos2> {
        self.network.canvas.first_weight()
    }

    /// The scene of this moment.
    pub(crate) fn scene(&mut self, session: &Session) -> Option<Arc<Scene>> {
        self.network.scene(session, self.appearance.reduced_motion())
    }

    /// The scene of the run whose values are explained.
    pub(crate) fn explained_scene(&mut self, session: &Session) -> Option<Arc<Scene>> {
        self.network.explained_scene(session, self.appearance.reduced_motion())
    }

    /// Whether a panel is shown.
    pub(crate) fn is_shown(&self, panel: LessonPanel) -> bool {
        let context = VisibilityContext {
            preferences: self.appearance.preferences(),
            editor_open: self.editor.is_open(),
            plots_open: self.plots.is_open(),
        };
        self.visibility.is_shown(panel, context)
    }

    /// Whether the right panel is shown, with the explanation, the script or both.
    pub(crate) fn shows_right_panel(&self) -> bool {
        self.is_shown(LessonPanel::Explanation) || self.is_shown(LessonPanel::Script)
    }

    /// Shows or hides a panel for the user.
    pub(crate) fn toggle_panel(&mut self, panel: LessonPanel) {
        let shown = !self.is_shown(panel);
        self.visibility.set_shown(panel, shown, self.appearance.preferences_mut());
    }

    /// Whether the text of a script has the keyboard focus.
    pub(crate) fn is_editing_text(&self) -> bool {
        let shown = self.editor.is_open() && self.drawer.tab() == DrawerTab::Script;
        let document = self.editor.document().filter(|_| shown);
        document.is_some_and(|document| self.ctx.memory(|memory| memory.has_focus(editor::text_id(&document.path))))
    }

    /// Updates all components from the session, before a frame.
    pub(crate) fn update(&mut self, session: &mut Session) {
        self.appearance.apply(&self.ctx, self.visibility.is_presenting());
        self.editor.update(session);
        self.visibility.update(session, &mut self.plots);
        self.drawer.update(session, self.editor.is_open());
        self.links.update(session);
        self.network.update(session);
        if let Some(OpenPanels { tab, plots, unsaved }) = session.take_restored_panels() {
            self.drawer.show_tab(tab);
            self.plots.restore(plots);
            self.editor.restore_unsaved(unsaved, session);
        }
    }

    /// Sends edits that are complete, after a frame.
    pub(crate) fn finish_edits(&mut self, session: &mut Session) {
        if !self.ctx.input(|input| input.pointer.any_down()) {
            self.network.send_arrangement(session);
        }
        self.overlays.end_edit_group(&self.ctx, session);
    }
}
