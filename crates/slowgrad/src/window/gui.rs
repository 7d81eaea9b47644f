//! What only the window itself knows: theme, open tabs and overlays, the picture of the network.
//!
//! It must not know how training goes; it asks [`Session`] and hands it what a person wants.

use super::action::{self, Action};
use super::edit::Field;
use super::editor::{self, Editor, typing};
use super::flight::Flight;
use super::panels::strip::Strip;
use super::panels::{self, Inspected, Table};
use super::plots::{Plot, PlotsView};
use super::session::Session;
use super::session_file::{ENDING, Panels};
use super::settings::{Habits, Hint, Look as Dress};
use super::store::{Folders, known_sessions};
use super::walk;
use crate::worker::{Arrangement, Change, Command};
use egui::{Event, Id, Pos2, Rect, Ui, Vec2};
use serde::{Deserialize, Serialize};
use slowgrad_engine::shape::Shape;
use slowgrad_render::{Theme, View};
use slowgrad_timeline::Timeline;
use slowgrad_timeline::cue::{Look, Panel as LessonPanel};
use slowgrad_timeline::event::Phase;
use slowgrad_timeline::layout::Layout;
use slowgrad_timeline::picture::{Moment, Picture, SceneOptions, zoom_step};
use slowgrad_timeline::playhead;
use slowgrad_timeline::scene::{Bounds, Scene, Target};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What lies over everything else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Overlay {
    /// All keys.
    Help,
    /// Finding a command by its name.
    Palette { search: String, chosen: usize },
    /// What a second run shall have instead.
    Compare { search: String, chosen: usize },
    /// What shall become of scripts that are not saved, before the window closes.
    Unsaved,
    /// Opening a lesson or a session: what was typed, which line is chosen, and the sessions that there are.
    Open { search: String, chosen: usize, sessions: Vec<(String, PathBuf)> },
    /// Where the session is to be saved.
    SaveAs { path: String },
    /// What a bookmark is to be called.
    Name { bookmark: usize, name: String },
}

/// What the window cannot do by itself, since it takes a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// Opens a lesson or a session.
    Open(PathBuf),
    /// Saves the session.
    Save(PathBuf),
}

/// The pages of the drawer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Tab {
    Script,
    Parameters,
    Console,
    Problems,
}

impl Tab {
    pub(crate) const ALL: [Tab; 4] = [Tab::Script, Tab::Parameters, Tab::Console, Tab::Problems];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Tab::Script => "Script",
            Tab::Parameters => "Parameters",
            Tab::Console => "Console",
            Tab::Problems => "Problems",
        }
    }
}

/// The network's picture, kept from frame to frame.
#[derive(Default)]
pub(crate) struct Scenery {
    layout: Option<Layout>,
    /// The room that the layout is stretched for.
    room: Option<Vec2>,
    /// What a person has dragged, and how far from where it stands by itself.
    moved: Vec<(Target, Vec2)>,
    /// Whether the run does not know of it yet.
    is_moved: bool,
    /// What the run said last.
    told: Arrangement,
    picture: Option<(Arc<Timeline>, Picture)>,
    drawn: Option<(Arc<Timeline>, Moment, SceneOptions, Arc<Scene>)>,
}

/// Panels that a lesson shows to an audience have larger letters.
const PRESENTING_SCALE: f32 = 1.25;

/// The window's own state.
pub(crate) struct Gui {
    ctx: egui::Context,
    theme: Theme,
    pub(crate) habits: Habits,
    /// What of them is in effect, and what the desktop says.
    worn: Option<(Dress, Option<egui::Theme>, f32)>,
    /// The network alone, for an audience.
    pub(crate) is_presenting: bool,
    /// Whether the presenter's notes are shown.
    pub(crate) has_notes: bool,
    /// Panels that the lesson shows or hides, until a person does.
    staged: BTreeMap<LessonPanel, bool>,
    /// What the lesson had on stage when that was looked at last: panels, and plots.
    told: (BTreeMap<LessonPanel, bool>, Vec<Plot>),
    flight: Option<Flight>,
    pub(crate) overlay: Option<Overlay>,
    pub(crate) tab: Tab,
    pub(crate) field: Option<Field>,
    pub(crate) editor: Editor,
    pub(crate) table: Table,
    pub(crate) inspected: Inspected,
    pub(crate) scenery: Scenery,
    pub(crate) plots: PlotsView,
    pub(crate) rival: RivalPicture,
    pub(crate) step_text: String,
    pub(crate) strip: Strip,
    /// Digits of a speed that is being typed, and when the last one was.
    typed_speed: (String, f64),
    canvas: Option<Rect>,
    weight: Option<Pos2>,
    title: String,
    problems_seen: usize,
    /// Where things are kept; nothing where nobody has a home, and in pictures without a window.
    pub(crate) folders: Option<Folders>,
    /// Where the session is saved.
    pub(crate) file: Option<PathBuf>,
    pub(crate) requests: Vec<Request>,
    focused: Option<Id>,
    /// Whether the window is to be closed.
    pub(crate) is_closed: bool,
}

impl Gui {
    /// As people like it who have said nothing, and know all hints.
    pub(crate) fn new(ctx: egui::Context, folders: Option<Folders>) -> Self {
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
            worn: None,
            is_presenting: false,
            has_notes: false,
            staged: BTreeMap::new(),
            told: Default::default(),
            flight: None,
            overlay: None,
            tab: Tab::Script,
            field: None,
            editor: Editor::default(),
            table: Table::default(),
            inspected: Inspected::default(),
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
            folders,
            file: None,
            requests: Vec::new(),
            focused: None,
            is_closed: false,
        }
    }

    /// Another lesson is opened: its scripts are saved into these folders, from the weakest to the strongest, and its
    /// session into that file.
    pub(crate) fn begin(&mut self, folders: Vec<PathBuf>, file: Option<PathBuf>) {
        self.editor = Editor::new(folders);
        self.file = file;
        self.overlay = None;
        self.field = None;
        self.strip = Strip::default();
    }

    pub(crate) fn context(&self) -> &egui::Context {
        &self.ctx
    }

    pub(crate) fn theme(&self) -> &Theme {
        &self.theme
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
            (Some(Overlay::Unsaved), _) => "unsaved",
            (Some(Overlay::Open { .. }), _) => "open",
            (Some(Overlay::SaveAs { .. }), _) => "save",
            (Some(Overlay::Name { .. }), _) => "name",
            (None, Some(_)) => "edit",
            (None, None) => "",
        }
    }

    /// The window's title when it has changed.
    pub(crate) fn new_title(&mut self, session: &Session) -> Option<String> {
        let lesson = session.snapshot.as_ref()?.lesson.as_ref()?;
        let title = format!("{} · slowgrad", lesson.title);
        (title != self.title).then(|| {
            self.title.clone_from(&title);
            title
        })
    }

    /// Draws everything and carries out what was asked for.
    pub(crate) fn window_ui(&mut self, ui: &mut Ui, session: &mut Session) {
        self.wear();
        self.heed(session);
        self.keys(session);
        panels::window_ui(ui, self, session);
        self.seal(session);
    }

    /// Whether a panel is shown: as the lesson says, else as a person likes it, and before an audience not at all.
    pub(crate) fn is_shown(&self, panel: LessonPanel) -> bool {
        let is_editing = self.editor.is_open() && !self.is_presenting;
        let staged = |panel| self.staged.get(&panel).copied();
        let usual = !self.is_presenting;
        match panel {
            LessonPanel::Lesson => staged(panel).unwrap_or(usual && self.habits.lesson.is_shown),
            LessonPanel::Explanation => {
                is_editing || staged(panel).unwrap_or(usual && self.habits.explanation.is_shown)
            }
            LessonPanel::Timeline => staged(panel).unwrap_or(usual),
            // It stands below what explains.
            LessonPanel::Script => {
                is_editing || staged(panel).unwrap_or(usual && self.is_shown(LessonPanel::Explanation))
            }
            LessonPanel::Plots => self.plots.is_open && staged(panel).unwrap_or(usual),
        }
    }

    /// Whether the panel at the right is shown, which explains and has the script.
    pub(crate) fn is_explaining(&self) -> bool {
        self.is_shown(LessonPanel::Explanation) || self.is_shown(LessonPanel::Script)
    }

    /// A person shows or hides a panel, whatever the lesson said.
    fn toggle(&mut self, panel: LessonPanel) {
        let shown = !self.is_shown(panel);
        if self.is_presenting {
            self.staged.insert(panel, shown);
            return;
        }
        self.staged.remove(&panel);
        match panel {
            LessonPanel::Lesson => self.habits.lesson.is_shown = shown,
            _ => self.habits.explanation.is_shown = shown,
        }
    }

    /// Takes in the panels and plots that the lesson shows or hides.
    fn heed_stage(&mut self, session: &Session) {
        let stage = session.performance.stage();
        if self.told.0 == stage.panels && self.told.1 == stage.plots {
            return;
        }
        let (panels, plots) = std::mem::replace(&mut self.told, (stage.panels.clone(), stage.plots.clone()));
        // Before their panel, which would come with the plots that it had.
        for plot in stage.plots.iter().filter(|plot| !plots.contains(plot)) {
            self.plots.open(*plot);
        }
        for panel in LessonPanel::ALL {
            let (was, is) = (panels.get(&panel), stage.panels.get(&panel));
            match is {
                Some(&is_shown) if was != is => {
                    self.staged.insert(panel, is_shown);
                    self.plots.is_open |= panel == LessonPanel::Plots && is_shown;
                }
                None if was.is_some() => drop(self.staged.remove(&panel)),
                _ => {}
            }
        }
    }

    /// Moves the view to where the lesson looks, in a network of these bounds that is drawn with this size.
    pub(crate) fn fly(&mut self, ui: &Ui, session: &mut Session, size: Vec2, whole: Bounds) {
        if let (Some(look), Some(layout)) = (session.look.take(), &self.scenery.layout)
            && let Some((timeline, _)) = session.now()
        {
            let shape = &timeline.step().shape;
            let is_there = match look {
                Look::Fit => true,
                Look::Layer(layer) => layer < shape.layers(),
                Look::At(target) => walk::is_part(shape, target),
            };
            self.flight = is_there.then(|| Flight::new(&session.view, look, whole, layout, shape, size));
        }
        if let Some(mut flight) = self.flight.take() {
            let dt_secs = if self.habits.reduced_motion { f32::INFINITY } else { ui.input(|input| input.stable_dt) };
            let goes_on = flight.go_on(&mut session.view, if dt_secs.is_finite() { dt_secs.min(0.1) } else { dt_secs });
            self.flight = goes_on.then_some(flight);
            // Details come and go with the zoom.
            ui.ctx().request_repaint();
        }
    }

    /// Puts on the colours and the size that are asked for.
    fn wear(&mut self) {
        let scale = self.habits.scale * if self.is_presenting { PRESENTING_SCALE } else { 1.0 };
        let asked = (self.habits.theme, self.ctx.system_theme(), scale);
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
        if let Some(snapshot) = &session.snapshot {
            self.scenery.heed(&snapshot.arrangement);
        }
        if let Some(Panels { tab, plots }) = session.panels.take() {
            self.tab = tab;
            self.plots.resume(plots);
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
            self.tab = Tab::Problems;
        } else if errors == 0 && self.problems_seen > 0 && self.tab == Tab::Problems {
            self.tab = Tab::Script;
        }
        self.problems_seen = errors;
    }

    /// Whether a script has the keyboard.
    pub(crate) fn is_writing(&self) -> bool {
        let document = self.editor.document().filter(|_| self.editor.is_open() && self.tab == Tab::Script);
        document.is_some_and(|document| self.ctx.memory(|memory| memory.has_focus(panels::code::field(&document.path))))
    }

    /// Somebody wants to close the window: answers whether it may be, or asks what shall become of what is not saved.
    pub(crate) fn may_close(&mut self) -> bool {
        if self.editor.unsaved().is_empty() {
            return true;
        }
        self.overlay = Some(Overlay::Unsaved);
        self.ctx.memory_mut(egui::Memory::stop_text_input);
        false
    }

    fn keys(&mut self, session: &mut Session) {
        // What is typed into a script is the editor's business alone.
        let is_writing = self.is_writing();
        // The table of parameters takes a few keys and leaves the rest.
        let in_table = Table::has_keyboard(&self.ctx);
        let is_typing = (self.ctx.egui_wants_keyboard_input() && !in_table) || self.field.is_some();
        let pressed: Vec<Action> = self.ctx.input(|input| {
            let keys = input.events.iter().filter_map(|event| match event {
                Event::Key { key, .. } if in_table && Table::takes(*key) => None,
                Event::Key { key, pressed: true, modifiers, .. } => action::pressed(*key, *modifiers),
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
        for action in pressed {
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
    pub(crate) fn act(&mut self, action: Action, session: &mut Session) {
        if session.act(action) {
            return;
        }
        match action {
            Action::Edit => {
                if let Some(target) = session.view.selected {
                    self.edit(target, session);
                }
            }
            Action::Arrange => {
                self.scenery.arrange();
                session.view.refit();
            }
            Action::Theme => {
                self.habits.theme = self.habits.theme.next();
                session.notice(format!("colours: {}", self.habits.theme.name()));
            }
            Action::Motion => {
                self.habits.reduced_motion = !self.habits.reduced_motion;
                let motion =
                    if self.habits.reduced_motion { "nothing travels any more" } else { "numbers travel again" };
                session.notice(motion);
            }
            Action::Larger => self.habits.scale_by(1),
            Action::Smaller => self.habits.scale_by(-1),
            Action::UsualSize => self.habits.scale = 1.0,
            Action::LessonPanel => self.toggle(LessonPanel::Lesson),
            Action::ExplanationPanel => self.toggle(LessonPanel::Explanation),
            Action::Notes => self.has_notes = !self.has_notes,
            Action::Present => self.is_presenting = !self.is_presenting,
            Action::Drawer => {
                let at = Tab::ALL.iter().position(|tab| *tab == self.tab).unwrap_or(0);
                self.tab = Tab::ALL[(at + 1) % Tab::ALL.len()];
            }
            Action::Parameters if self.tab == Tab::Parameters => {
                self.tab = Tab::Script;
                self.ctx.memory_mut(egui::Memory::stop_text_input);
            }
            Action::Parameters => {
                self.tab = Tab::Parameters;
                self.table.is_called = true;
            }
            Action::Compare if session.snapshot.as_ref().is_some_and(|snapshot| snapshot.rival.is_some()) => {
                session.send(Command::Compare(None));
            }
            Action::Compare => self.overlay = Some(Overlay::Compare { search: String::new(), chosen: 0 }),
            Action::Plots => {
                self.staged.remove(&LessonPanel::Plots);
                self.plots.toggle_all();
            }
            Action::Plot(plot) => self.plots.toggle(plot),
            Action::Script if self.editor.is_open() => self.editor.close(),
            Action::Script => self.open_editor(session),
            Action::Open => {
                let sessions = self.folders.as_ref().map(known_sessions).unwrap_or_default();
                self.overlay = Some(Overlay::Open { search: String::new(), chosen: 0, sessions });
            }
            Action::Save if !self.editor.is_open() && self.editor.unsaved().is_empty() => match self.file.clone() {
                Some(file) => self.requests.push(Request::Save(file)),
                None => self.save_as(session),
            },
            Action::SaveAs => self.save_as(session),
            Action::Save => {
                self.editor.save(session);
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
                self.overlay = (!is_open).then(|| Overlay::Palette { search: String::new(), chosen: 0 });
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
        let known = self.file.clone().or_else(|| {
            let lesson = lesson?;
            let stem = Path::new(&lesson.path).file_stem()?.to_string_lossy();
            let on_disk = Path::new(&lesson.root).join(&lesson.path);
            let folder = on_disk.parent().filter(|folder| folder.is_absolute()).map(Path::to_owned);
            let folder = folder.or_else(|| Some(self.folders.as_ref()?.sessions.clone())).unwrap_or_default();
            Some(folder.join(format!("{stem}{ENDING}")))
        });
        let path = known.unwrap_or_default().display().to_string();
        self.overlay = Some(Overlay::SaveAs { path });
    }

    /// Opens the editor where the script runs.
    fn open_editor(&mut self, session: &Session) {
        let scene = self.scene(session);
        let running = scene.as_ref().and_then(|scene| scene.script.as_ref()).map(|mark| &mark.location);
        self.tab = Tab::Script;
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

    /// The scene of the run that goes along at this moment: at the same operation, or as far through the same neuron.
    pub(crate) fn rival_scene(&mut self, session: &Session, theirs: &Arc<Timeline>) -> Option<Arc<Scene>> {
        let (mine, playhead) = session.now()?;
        let moment = if session.is_full_speed() {
            answered(theirs)
        } else {
            let events = playhead.unit();
            let start = mine.counterpart(events.start, theirs);
            let end = mine.counterpart(events.end, theirs).max(start + 1).min(theirs.len());
            Moment { events: start..end, progress: playhead.progress() }
        };
        let zoom = zoom_step(self.rival.view.zoom);
        let options = SceneOptions { selected: session.view.selected, zoom, ..SceneOptions::default() };
        Some(self.rival.scenery.scene(theirs, &moment, &options))
    }

    /// The scene of this moment.
    pub(crate) fn scene(&mut self, session: &Session) -> Option<Arc<Scene>> {
        let (timeline, playhead) = session.now()?;
        let moment = if session.is_full_speed() {
            answered(timeline)
        } else {
            // Without motion a unit is shown as it ends, from its start on.
            let is_under_way = playhead.is_playing() || playhead.progress() > 0.0;
            let jumps = self.habits.reduced_motion && is_under_way;
            Moment { events: playhead.unit(), progress: if jumps { 1.0 } else { playhead.progress() } }
        };
        let options = SceneOptions {
            selected: session.view.selected,
            lit: session.snapshot.as_ref().and_then(|snapshot| snapshot.lit.clone()),
            maps: session.snapshot.as_ref().and_then(|snapshot| snapshot.maps.clone()),
            zoom: zoom_step(session.view.zoom),
            view: self.canvas.filter(|_| !session.view.auto_fit).map(|area| session.view.bounds(area)),
            ..SceneOptions::default()
        };
        Some(self.scenery.scene(timeline, &moment, &options))
    }
}

/// Training at full speed shows what the network answers, not how.
fn answered(timeline: &Timeline) -> Moment {
    let last = timeline.step().samples.len() - 1;
    let events = timeline.phase(Phase::Loss, Some(last)).unwrap_or(0..1);
    Moment { events, progress: 1.0 }
}

/// The picture of the run that goes along.
#[derive(Default)]
pub(crate) struct RivalPicture {
    pub(crate) scenery: Scenery,
    pub(crate) view: View,
}

impl Scenery {
    fn scene(&mut self, timeline: &Arc<Timeline>, moment: &Moment, options: &SceneOptions) -> Arc<Scene> {
        let layout = self.layout(&timeline.step().shape);
        if let Some((drawn, at, with, scene)) = &self.drawn
            && Arc::ptr_eq(drawn, timeline)
            && at == moment
            && with == options
        {
            return Arc::clone(scene);
        }
        let is_known = self.picture.as_ref().is_some_and(|(known, _)| Arc::ptr_eq(known, timeline));
        if !is_known {
            self.picture = Some((Arc::clone(timeline), Picture::new(timeline, options.edges_at_most)));
        }
        let (_, picture) =
            self.picture.get_or_insert_with(|| (Arc::clone(timeline), Picture::new(timeline, options.edges_at_most)));
        let scene = Arc::new(picture.scene(timeline, &layout, moment, options));
        self.drawn = Some((Arc::clone(timeline), moment.clone(), options.clone(), Arc::clone(&scene)));
        scene
    }

    /// The room that there is for the network, to whose shape the layout is stretched.
    pub(crate) fn set_room(&mut self, room: Vec2) {
        if self.room != Some(room) {
            self.room = Some(room);
            self.layout = None;
        }
    }

    /// Everything stands where it stands by itself.
    pub(crate) fn arrange(&mut self) {
        self.is_moved = !self.moved.is_empty();
        self.moved.clear();
        self.layout = None;
    }

    fn layout(&mut self, shape: &Shape) -> Layout {
        if let Some(layout) = self.layout.as_ref().filter(|layout| layout.fits(shape)) {
            return layout.clone();
        }
        let mut layout = Layout::new(shape);
        if let Some(room) = self.room {
            layout.stretch(room.x / room.y);
        }
        for &(target, by) in &self.moved {
            let [x, y] = layout.position(target);
            layout.set_position(target, [x + by.x, y + by.y]);
        }
        self.drawn = None;
        self.layout = Some(layout.clone());
        layout
    }

    /// Where a mark stands, in the world.
    pub(crate) fn position(&self, target: Target) -> Option<[f32; 2]> {
        self.layout.as_ref().map(|layout| layout.position(target))
    }

    /// Moves a disc by so much.
    pub(crate) fn drag(&mut self, target: Target, by: Vec2) {
        let Some(layout) = &mut self.layout else { return };
        let [x, y] = layout.position(target);
        layout.set_position(target, [x + by.x, y + by.y]);
        match self.moved.iter_mut().find(|(moved, _)| *moved == target) {
            Some((_, moved)) => *moved += by,
            None => self.moved.push((target, by)),
        }
        self.is_moved = true;
        self.drawn = None;
    }

    /// What has been moved, when the run does not know of it yet.
    fn moved(&mut self) -> Option<Arrangement> {
        let moved = self.moved.iter().map(|(target, by)| (*target, [by.x, by.y]));
        std::mem::take(&mut self.is_moved).then(|| moved.collect())
    }

    /// Moves discs as the run has them moved, when that has changed: another lesson, or a move that was undone.
    fn heed(&mut self, told: &Arrangement) {
        if self.told == *told {
            return;
        }
        self.told = Arc::clone(told);
        let moved: Vec<(Target, Vec2)> = told.iter().map(|(target, [x, y])| (*target, Vec2::new(*x, *y))).collect();
        if self.moved != moved {
            self.moved = moved;
            self.layout = None;
        }
    }
}
