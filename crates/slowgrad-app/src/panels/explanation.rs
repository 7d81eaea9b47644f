//! The right panel: the current event as a formula, the selected element, and the drawer.

use super::{comparison, drawer};
use crate::actions::Action;
use crate::state::App;
use crate::state::number_field::parse;
use egui::{DragValue, Frame, Margin, Panel, RichText, ScrollArea, TextStyle, Ui};
use slowgrad_render::{Theme, comparison_ui, formula_ui, inspector_ui};
use slowgrad_session::DrawerTab;
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_timeline::number_format;
use slowgrad_timeline::playback::cue::Panel as LessonPanel;
use slowgrad_timeline::scene::{Formula, Link, Target};
use std::sync::Arc;

/// Above this height, the panel shows event and selection at full text size.
const ROOMY_HEIGHT_PTS: f32 = 760.0;
/// The text scale of the event below that height.
const COMPACT_TEXT_SCALE: f32 = 0.82;
/// The share of the height for the event when an element is selected.
const EVENT_SHARE: f32 = 0.4;
const ROOMY_EVENT_SHARE: f32 = 0.45;

pub(super) fn explanation_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    let height = ui.available_height();
    let drawer = Frame::new().inner_margin(Margin { left: 0, right: 0, top: 8, bottom: 0 });
    let (has_formulas, has_script) = (app.is_shown(LessonPanel::Explanation), app.is_shown(LessonPanel::Script));
    if has_script && !has_formulas {
        return drawer::drawer_ui(ui, app, session);
    }
    if has_script {
        Panel::bottom("drawer")
            .exact_size(drawer::height(app, height, session.view.selected.is_some()))
            .frame(drawer)
            .resizable(false)
            .show(ui, |ui| drawer::drawer_ui(ui, app, session));
    }
    let Some(scene) = app.explained_scene(session) else { return };
    comparison::focus_ui(ui, app, session);
    let (mut clicked, mut action) = (None, None);
    let Some(target) = session.view.selected else {
        ScrollArea::vertical().id_salt("explain").auto_shrink(false).show(ui, |ui| {
            ui.set_width(ui.available_width() - 6.0);
            clicked = event_ui(ui, app, &scene.formula, &theme, &mut action);
            ui.separator();
            if scene.comparisons.is_empty() {
                let text = "Click a neuron or a weight to see how its values are computed.";
                ui.label(RichText::new(text).color(theme.faint));
            } else {
                comparison_ui(ui, &scene.comparisons, &theme);
            }
        });
        return perform(clicked, action, app, session);
    };
    // Each part has a fixed height, so that the selection does not move while the event changes.
    let compact = height < ROOMY_HEIGHT_PTS;
    let share = if compact { EVENT_SHARE } else { ROOMY_EVENT_SHARE };
    let event = Panel::top("event").exact_size((share * ui.available_height()).round()).frame(Frame::new());
    event.resizable(false).show(ui, |ui| {
        ScrollArea::vertical().id_salt("event").auto_shrink(false).show(ui, |ui| {
            ui.set_width(ui.available_width() - 6.0);
            for font in ui.style_mut().text_styles.values_mut().filter(|_| compact) {
                font.size *= COMPACT_TEXT_SCALE;
            }
            clicked = event_ui(ui, app, &scene.formula, &theme, &mut action);
        });
    });
    ScrollArea::vertical().id_salt(("explain", target)).auto_shrink(false).show(ui, |ui| {
        ui.set_width(ui.available_width() - 6.0);
        ui.add_space(6.0);
        let explained = match app.network.comparison.focused_timeline(session) {
            Some(theirs) => app.network.comparison.moment(session, &theirs).map(|moment| (theirs, moment.events.start)),
            None => {
                value_ui(ui, session, target, &theme);
                session.now().map(|(timeline, playhead)| (Arc::clone(timeline), playhead.event()))
            }
        };
        if let Some((timeline, event)) = explained {
            let inspector = app.inspector.get(&timeline, event, target);
            clicked = clicked.or(inspector_ui(ui, inspector, &theme));
        }
        if app.drawer.tab() != DrawerTab::Parameters {
            ui.add_space(6.0);
            let link = ui.link("all parameters ▸").on_hover_text(Action::Parameters.tooltip());
            action = action.or(link.clicked().then_some(Action::Parameters));
        }
    });
    perform(clicked, action, app, session);
}

/// The current event, with a link back when a link has led to it.
fn event_ui(ui: &mut Ui, app: &App, formula: &Formula, theme: &Theme, action: &mut Option<Action>) -> Option<Link> {
    if app.links.can_go_back() {
        let text = RichText::new(format!("◂ back ({})", super::key(Action::GoBack))).text_style(TextStyle::Small);
        let back = ui.link(text).on_hover_text(Action::GoBack.tooltip());
        *action = back.clicked().then_some(Action::GoBack);
    }
    formula_ui(ui, formula, theme)
}

fn perform(clicked: Option<Link>, action: Option<Action>, app: &mut App, session: &mut Session) {
    if let Some(action) = action {
        app.act(action, session);
    }
    if let Some(link) = clicked {
        app.follow_link(link, session);
    }
}

/// The field of the selected number, and whether its parameters are frozen.
fn value_ui(ui: &mut Ui, session: &mut Session, target: Target, theme: &Theme) {
    let name = match target {
        Target::Input(_) => "value",
        Target::Weight { .. } => "weight",
        _ => "bias",
    };
    ui.horizontal(|ui| {
        // A neuron without a bias has no number to edit.
        if let Some((what, value)) = session.editable(target) {
            let label = ui.label(RichText::new(name).color(theme.faint));
            let mut edited = value;
            let drag = DragValue::new(&mut edited)
                .speed(0.01 * value.abs().max(0.1))
                .custom_formatter(|value, _| number_format::number(value, 6))
                .custom_parser(parse);
            let response = ui.add_sized([104.0, ui.spacing().interact_size.y], drag).labelled_by(label.id);
            response.on_hover_text("Click to type or drag to change; ↑ and ↓ nudge the focused value");
            if edited.to_bits() != value.to_bits() {
                session.edit(what, edited);
            }
        }
        if let Some((_, was_frozen)) = session.frozen(target) {
            let mut frozen = was_frozen;
            ui.checkbox(&mut frozen, "frozen").on_hover_text(Action::Run(RunAction::Freeze).tooltip());
            if frozen != was_frozen {
                session.freeze_selected();
            }
        }
    });
}
