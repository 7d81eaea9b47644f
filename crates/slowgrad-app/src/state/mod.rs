//! What only the window itself knows: theme, open tabs and overlays, what is edited, and the picture of the network.
//!
//! It must not know how training goes; it asks [`Session`] and hands it what a person wants.

pub(crate) mod panel_visibility;
pub(crate) mod plot_tabs;
pub(crate) mod scene_cache;

use crate::actions::Part;
pub(crate) use crate::actions::follow_link::Pointed;
use crate::actions::follow_link::Trail;
use crate::camera_animation::Flight;
use crate::editor::Editor;
use crate::panels::number_field::Field;
use crate::panels::timeline_strip::Strip;
use crate::panels::{self, Inspected, Spoken, Table};
use crate::platform::{FileRef, KnownSession, Platform, PlatformRequest};
use crate::settings::SystemPreferences as Desktop;
use crate::settings::{Habits, Hint, Look as Dress};
use egui::{Id, Pos2, Rect, Ui};
use plot_tabs::{Plot, PlotsView};
use scene_cache::{RivalPicture, Scenery};
use slowgrad_render::Theme;
use slowgrad_session::Change;
pub(crate) use slowgrad_session::DrawerTab;
use slowgrad_session::OpenPanels;
use slowgrad_session::Session;
use slowgrad_timeline::playback::cue::Panel as LessonPanel;
use std::collections::BTreeMap;

/// What lies over everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// All keys.
    Help,
    /// Finding a command by its name, among all or those for a part of the network.
    Palette { part: Option<Part>, search: String, chosen: usize },
    /// What a second run shall have instead.
    Compare { search: String, chosen: usize },
    /// Which activation a layer shall have.
    Activation { layer: usize, search: String, chosen: usize },
    /// What shall become of scripts that are not saved, before the window closes.
    Unsaved,
    /// Opening a lesson or a session: what was typed, which line is chosen, and the sessions that there are.
    Open { search: String, chosen: usize, sessions: Vec<KnownSession> },
    /// Where the session is to be saved.
    SaveAs { path: String },
    /// What a bookmark is to be called.
    Name { bookmark: usize, name: String },
}

/// Panels that a lesson shows to an audience have larger letters.
const PRESENTING_SCALE: f32 = 1.25;

/// The window's own state.
pub struct Gui {
    pub(crate) ctx: egui::Context,
    pub(crate) theme: Theme,
    pub habits: Habits,
    /// What the desktop says.
    pub desktop: Desktop,
    /// What of both is in effect.
    pub(crate) worn: Option<(Dress, Desktop, f32)>,
    /// The network alone, for an audience.
    pub is_presenting: bool,
    /// Whether the presenter has a window of their own.
    pub has_notes: bool,
    /// Panels that the lesson shows or hides, until a person does.
    pub(crate) staged: BTreeMap<LessonPanel, bool>,
    /// What the lesson had on stage when that was looked at last: panels, and plots.
    pub(crate) told: (BTreeMap<LessonPanel, bool>, Vec<Plot>),
    pub(crate) flight: Option<Flight>,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) tab: DrawerTab,
    pub(crate) field: Option<Field>,
    pub(crate) editor: Editor,
    pub(crate) table: Table,
    pub(crate) inspected: Inspected,
    pub(crate) spoken: Spoken,
    pub(crate) trail: Trail,
    pub(crate) scenery: Scenery,
    pub(crate) plots: PlotsView,
    pub(crate) rival: RivalPicture,
    pub(crate) step_text: String,
    pub(crate) strip: Strip,
    /// Digits of a speed that is being typed, and when the last one was.
    pub(crate) typed_speed: (String, f64),
    pub(crate) canvas: Option<Rect>,
    pub(crate) weight: Option<Pos2>,
    pub(crate) title: String,
    pub(crate) problems_seen: usize,
    pub(crate) platform: Box<dyn Platform>,
    /// Where the session is saved.
    pub file: Option<FileRef>,
    pub requests: Vec<PlatformRequest>,
    pub(crate) focused: Option<Id>,
    /// Whether the window is to be closed.
    pub is_closed: bool,
}

impl Gui {
    /// As people like it who have said nothing, and know all hints.
    pub fn new(ctx: egui::Context, platform: impl Platform + 'static) -> Self {
        let theme = Theme::dark();
        theme.apply(&ctx);
        // These keys are in the one list of commands.
        ctx.options_mut(|options| {
            options.zoom_with_keyboard = false;
            // A frame that takes long is no reason not to hear a click.
            options.input_options.max_click_duration = 3.0;
        });
        let habits = Habits { hints_seen: Hint::ALL.to_vec(), ..Habits::default() };
        Self {
            ctx,
            theme,
            habits,
            desktop: Desktop::default(),
            worn: None,
            is_presenting: false,
            has_notes: false,
            staged: BTreeMap::new(),
            told: Default::default(),
            flight: None,
            overlay: None,
            tab: DrawerTab::Script,
            field: None,
            editor: Editor::default(),
            table: Table::default(),
            inspected: Inspected::default(),
            spoken: Spoken::default(),
            trail: Trail::default(),
            scenery: Scenery::default(),
            plots: PlotsView::default(),
            rival: RivalPicture::default(),
            step_text: String::new(),
            strip: Strip::default(),
            typed_speed: (String::new(), 0.0),
            canvas: None,
            weight: None,
            title: String::new(),
            problems_seen: 0,
            platform: Box::new(platform),
            file: None,
            requests: Vec::new(),
            focused: None,
            is_closed: false,
        }
    }

    /// Another lesson is opened: its scripts are saved into these folders, from the weakest to the strongest, and its
    /// session into that file.
    pub fn begin(&mut self, platform: impl Platform + 'static, file: Option<FileRef>) {
        self.platform = Box::new(platform);
        self.editor = Editor::default();
        self.file = file;
        self.overlay = None;
        self.field = None;
        self.strip = Strip::default();
        self.trail = Trail::default();
    }

    /// Asks which activation a layer shall have, beginning with the one that it has.
    pub(crate) fn ask_activation(&mut self, layer: usize, session: &Session) {
        let setup = session.snapshot.as_ref().and_then(|snapshot| snapshot.setup.as_ref());
        let chosen = setup.and_then(|setup| {
            let name = setup.activations.get(layer)?;
            panels::activations(setup).iter().position(|choice| choice.name == *name)
        });
        self.overlay = Some(Overlay::Activation { layer, search: String::new(), chosen: chosen.unwrap_or(0) });
    }

    /// Whether a script has changes that are in no file.
    pub fn has_unsaved_scripts(&self) -> bool {
        !self.editor.unsaved().is_empty()
    }

    /// The panels that are open, for a session file.
    pub fn open_panels(&self) -> OpenPanels {
        OpenPanels { tab: self.tab, plots: self.plots.saved() }
    }

    pub fn context(&self) -> &egui::Context {
        &self.ctx
    }

    pub fn theme(&self) -> &Theme {
        &self.theme
    }

    /// Whether nothing travels.
    pub(crate) fn has_reduced_motion(&self) -> bool {
        self.habits.motion.is_reduced(self.desktop)
    }

    /// Where the network was drawn last.
    pub(crate) fn canvas_rect(&self) -> Option<Rect> {
        self.canvas
    }

    pub(crate) fn set_canvas(&mut self, rect: Option<Rect>, weight: Option<Pos2>) {
        self.canvas = rect;
        self.weight = weight;
    }

    /// Where the first weight was drawn last.
    pub(crate) fn weight_pos(&self) -> Option<Pos2> {
        self.weight
    }

    /// What is open over the panels, for the log.
    pub(crate) fn overlay_name(&self) -> &'static str {
        match (&self.overlay, &self.field) {
            (Some(Overlay::Help), _) => "help",
            (Some(Overlay::Palette { .. }), _) => "palette",
            (Some(Overlay::Compare { .. }), _) => "compare",
            (Some(Overlay::Activation { .. }), _) => "activation",
            (Some(Overlay::Unsaved), _) => "unsaved",
            (Some(Overlay::Open { .. }), _) => "open",
            (Some(Overlay::SaveAs { .. }), _) => "save",
            (Some(Overlay::Name { .. }), _) => "name",
            (None, Some(_)) => "edit",
            (None, None) => "",
        }
    }

    /// The window's title when it has changed.
    pub fn new_title(&mut self, session: &Session) -> Option<String> {
        let lesson = session.snapshot.as_ref()?.lesson.as_ref()?;
        let title = format!("{} · slowgrad", lesson.title);
        (title != self.title).then(|| {
            self.title.clone_from(&title);
            title
        })
    }

    /// Draws everything and carries out what was asked for.
    pub fn window_ui(&mut self, ui: &mut Ui, session: &mut Session) {
        self.wear();
        self.heed(session);
        self.keys(session);
        panels::window_ui(ui, self, session);
        self.seal(session);
    }

    /// Puts on the colours and the size that are asked for.
    fn wear(&mut self) {
        let scale = self.habits.scale * if self.is_presenting { PRESENTING_SCALE } else { 1.0 };
        // Some windowing systems say themselves whether they are dark.
        let scheme = self.desktop.scheme.or_else(|| self.ctx.system_theme());
        let asked = (self.habits.theme, Desktop { scheme, ..self.desktop }, scale);
        if self.worn == Some(asked) {
            return;
        }
        self.theme = asked.0.theme(asked.1);
        self.theme.apply(&self.ctx);
        if (self.worn.is_some() || asked.2 != 1.0) && self.ctx.zoom_factor() != asked.2 {
            self.ctx.set_zoom_factor(asked.2);
        }
        self.worn = Some(asked);
        // Some of it is in effect from the next frame on only.
        self.ctx.request_repaint();
    }

    /// Takes in what has happened.
    pub(crate) fn heed(&mut self, session: &mut Session) {
        self.editor.heed(session);
        self.heed_stage(session);
        self.show_new_problems(session);
        self.heed_trail(session);
        if let Some(snapshot) = &session.snapshot {
            self.scenery.heed(&snapshot.recipe.arrangement);
            self.rival.scenery.heed(&snapshot.recipe.arrangement);
            self.rival.is_in_focus &= snapshot.rival.is_some();
        }
        if let Some(OpenPanels { tab, plots }) = session.panels.take() {
            self.tab = tab;
            self.plots.restore(plots);
        }
    }

    /// What was changed is one thing to undo when the pointer or the keyboard leaves it.
    fn seal(&mut self, session: &mut Session) {
        let focused = self.ctx.memory(egui::Memory::focused);
        let has_moved_on = focused != self.focused || self.ctx.input(|input| input.pointer.any_released());
        self.focused = focused;
        if !self.ctx.input(|input| input.pointer.any_down())
            && let Some(arrangement) = self.scenery.moved()
        {
            session.send(Change::Arrange(arrangement).into());
        }
        if has_moved_on && self.field.is_none() {
            session.seal();
        }
    }

    /// A problem that was not there before opens its page.
    fn show_new_problems(&mut self, session: &Session) {
        let errors = session.snapshot.as_ref().map_or(0, panels::errors);
        // While a script is edited its problems stand in their places.
        if errors > self.problems_seen && !self.editor.is_open() {
            self.tab = DrawerTab::Problems;
        } else if errors == 0 && self.problems_seen > 0 && self.tab == DrawerTab::Problems {
            self.tab = DrawerTab::Script;
        }
        self.problems_seen = errors;
    }

    /// Whether a script has the keyboard.
    pub(crate) fn is_writing(&self) -> bool {
        let document = self.editor.document().filter(|_| self.editor.is_open() && self.tab == DrawerTab::Script);
        document.is_some_and(|document| self.ctx.memory(|memory| memory.has_focus(panels::code::field(&document.path))))
    }

    /// Somebody wants to close the window: answers whether it may be, or asks what shall become of what is not saved.
    pub fn may_close(&mut self) -> bool {
        if self.editor.unsaved().is_empty() {
            return true;
        }
        self.overlay = Some(Overlay::Unsaved);
        self.ctx.memory_mut(egui::Memory::stop_text_input);
        false
    }
}
