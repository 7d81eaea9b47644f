//! The comparison: its options, and its network beside that of the baseline.

use super::icons::{Icon, icon_button};
use super::key;
use crate::actions::Action;
use crate::state::App;
use egui::{Align, Align2, Button, Color32, FontId, Layout, Rect, RichText, Sense, Stroke, Ui, UiBuilder, Vec2};
use slowgrad_engine::plugin::ControlKind;
use slowgrad_engine::shape::Shape;
use slowgrad_render::{Theme, network_ui};
use slowgrad_session::Session;
use slowgrad_session::{ComparisonInfo, Difference, PluginControl, SlotInfo};
use slowgrad_timeline::number_format;
use slowgrad_timeline::scene::Bounds;
use slowgrad_timeline::scene::Layout as Arrangement;

/// A setting in which the comparison can differ.
pub(super) struct ComparisonOption {
    pub(super) name: String,
    /// The setting of the baseline.
    pub(super) instead: String,
    pub(super) help: String,
    pub(super) difference: Difference,
}

/// All single settings in which a comparison with the same initial state can differ.
pub(super) fn comparison_options(session: &Session) -> Vec<ComparisonOption> {
    let setup = session.snapshot.as_ref().and_then(|snapshot| snapshot.setup.as_ref());
    let slots = setup.into_iter().flat_map(|setup| &setup.slots).filter(|slot| !slot.slot.starts_new_run());
    // Optimizers and losses come first, because they are compared most.
    let mut slots: Vec<&SlotInfo> = slots.collect();
    slots.sort_by_key(|slot| match slot.slot {
        slowgrad_session::Slot::Optimizer => 0,
        slowgrad_session::Slot::Loss => 1,
        _ => 2,
    });
    let mut comparison_options = Vec::new();
    for info in &slots {
        let slot = info.slot.name();
        for choice in info.choices.iter().filter(|choice| choice.name != info.name) {
            comparison_options.push(ComparisonOption {
                name: format!("{slot}: {}", choice.title),
                instead: format!("instead of {}", info.name),
                help: choice.description.clone(),
                difference: Difference::plugin(info.slot, &choice.name),
            });
        }
    }
    for info in &slots {
        for PluginControl { plugin, control, .. } in info.controls.iter().filter(|knob| knob.layers.is_empty()) {
            // A control for some of the hidden layers is not one setting.
            let ControlKind::Slider { value, min, max, .. } = control.kind else { continue };
            let sign = slowgrad_session::control_symbol(&control.name);
            for other in [2.0 * value, 0.5 * value, 10.0 * value, 0.1 * value] {
                if other < min || other > max || other.to_bits() == value.to_bits() {
                    continue;
                }
                comparison_options.push(ComparisonOption {
                    name: format!("{} {sign} = {}", info.slot.name(), number_format::number(other, 3)),
                    instead: format!("instead of {}", number_format::number(value, 3)),
                    help: String::new(),
                    difference: Difference::slider(info.slot, plugin, &control.name, other),
                });
            }
        }
    }
    comparison_options
}

/// Networks are stacked when that enlarges them by this factor.
const STACKING_GAIN: f32 = 1.15;
/// The height of a run's heading.
pub(super) const HEADING_HEIGHT_PTS: f32 = 30.0;

/// The areas of both networks: side by side, or stacked when that enlarges networks of this shape.
pub(super) fn rooms(room: Rect, shape: &Shape) -> [Rect; 2] {
    let (left, right) = room.split_left_right_at_fraction(0.5);
    let (upper, lower) = room.split_top_bottom_at_fraction(0.5);
    let fits = |room: Rect| {
        let (width, height) = (room.width(), room.height() - HEADING_HEIGHT_PTS);
        let Bounds { min, max } = Arrangement::within(shape, [width, height]).bounds();
        (width / (max[0] - min[0])).min(height / (max[1] - min[1]))
    };
    if STACKING_GAIN * fits(left) >= fits(upper) { [left, right] } else { [upper, lower] }
}

/// Draws the headings of both runs and the network of the comparison, whose view follows that of the baseline.
pub(super) fn comparison_ui(
    ui: &mut Ui,
    rooms: [Rect; 2],
    app: &mut App,
    session: &mut Session,
    comparison: &ComparisonInfo,
) {
    let theme = *app.theme();
    let loss = session.now().map(|(timeline, _)| timeline.step().loss);
    let mine = RunHeading { name: &comparison.baseline_setting, loss, color: theme.accent, theirs: false };
    let loss = comparison.timeline.as_ref().map(|timeline| timeline.step().loss);
    let theirs = RunHeading { name: &comparison.comparison_setting, loss, color: theme.text, theirs: true };
    for (run, room) in [mine, theirs].into_iter().zip(rooms) {
        heading_ui(ui, room.with_max_y(room.top() + HEADING_HEIGHT_PTS), &run, app, session);
    }
    let [upper, lower] = rooms;
    let between = Stroke::new(1.0, theme.line);
    if upper.right() <= lower.left() {
        ui.painter().vline(lower.left(), lower.y_range(), between);
    } else {
        ui.painter().hline(lower.x_range(), lower.top(), between);
    }
    let room = lower.with_min_y(lower.top() + HEADING_HEIGHT_PTS);
    ui.scope_builder(UiBuilder::new().max_rect(room), |ui| network(ui, app, session, comparison));
}

/// The contents of a heading.
struct RunHeading<'a> {
    name: &'a str,
    loss: Option<f64>,
    color: Color32,
    theirs: bool,
}

/// The heading of a run: its name in the colour of its path, and the loss of its batch. A click explains this run.
fn heading_ui(ui: &mut Ui, area: Rect, run: &RunHeading<'_>, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    let focused = app.network.comparison.is_focused() == run.theirs;
    ui.painter().rect_filled(area, 0.0, theme.panel);
    if focused {
        ui.painter().rect_filled(area.with_min_y(area.bottom() - 2.0), 0.0, run.color);
    }
    ui.scope_builder(UiBuilder::new().max_rect(area.shrink2(Vec2::new(10.0, 2.0))), |ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            dot_ui(ui, run.color, &theme);
            let color = if focused { theme.text } else { theme.faint };
            let name = Button::new(RichText::new(run.name).strong().color(color)).frame(false).truncate();
            let response = ui.add(name).on_hover_text("Show the values of this run in the explanation panel");
            response.widget_info(|| {
                let words = format!("explain {}", run.name);
                egui::WidgetInfo::selected(egui::Role::RadioButton, true, focused, words)
            });
            if response.clicked() {
                app.network.comparison.set_focused(run.theirs);
            }
            if let Some(loss) = run.loss {
                ui.label(RichText::new(format!("L {}", number_format::number(loss, 4))).color(theme.faint));
            }
            if run.theirs && !app.is_presenting() {
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let end = format!("End the comparison ({})", key(Action::Compare));
                    if icon_button(ui, Icon::Close, &end, false, &theme).clicked() {
                        app.act(Action::Compare, session);
                    }
                });
            }
        });
    });
}

fn dot_ui(ui: &mut Ui, color: Color32, theme: &Theme) {
    let (dot, _) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
    ui.painter().circle(dot.center(), 5.0, color, Stroke::new(1.0, theme.background));
}

/// The name of the explained run, when there are two.
pub(super) fn focus_ui(ui: &mut Ui, app: &App, session: &Session) {
    let Some(comparison) = session.snapshot.as_ref().and_then(|snapshot| snapshot.comparison.as_ref()) else { return };
    let theme = app.theme();
    let theirs = app.network.comparison.is_focused();
    let (name, color) = if theirs {
        (&comparison.comparison_setting, theme.text)
    } else {
        (&comparison.baseline_setting, theme.accent)
    };
    ui.horizontal(|ui| {
        dot_ui(ui, color, theme);
        ui.label(RichText::new(name).strong().color(theme.text));
    });
}

fn network(ui: &mut Ui, app: &mut App, session: &mut Session, comparison: &ComparisonInfo) {
    let theme = *app.theme();
    let area = ui.available_rect_before_wrap();
    if comparison.timeline.is_none() {
        let step = session.now().map_or(0, |(timeline, _)| timeline.step().step - 1);
        let text = format!("catching up: step {} of {step}", comparison.step);
        ui.painter().text(area.center(), Align2::CENTER_CENTER, text, FontId::proportional(16.0), theme.faint);
        return;
    }
    // Follows the view of the baseline.
    let view = app.network.comparison.view_mut();
    (view.center, view.zoom, view.auto_fit) = (session.view.center, session.view.zoom, false);
    view.selected = session.view.selected;
    let Some(scene) = app.network.comparison.scene(session) else { return };
    let output = network_ui(ui, &scene, app.network.comparison.view_mut(), &theme);
    let view = app.network.comparison.view();
    if (view.center, view.zoom) != (session.view.center, session.view.zoom) {
        (session.view.center, session.view.zoom, session.view.auto_fit) = (view.center, view.zoom, false);
        ui.ctx().request_repaint();
    }
    // Both networks share the selection; a click also chooses the run to explain.
    if let Some(target) = output.clicked {
        session.view.selected = Some(target);
        app.network.comparison.set_focused(true);
    } else if output.background_clicked {
        session.view.selected = None;
    }
}
