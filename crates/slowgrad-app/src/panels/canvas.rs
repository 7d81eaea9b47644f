//! The canvas: the network, with the lesson's captions and questions over it.

use super::element_name;
use super::hints::HintCards;
use super::question::QuestionCard;
use super::{comparison, context_menu, structure_buttons};
use crate::actions::{Action, keys_text};
use crate::panels::number_field::{FieldStatus, number_field_ui};
use crate::state::App;
use crate::state::drawer_state::error_count;
use egui::{Align2, FontId, Pos2, Rect, Stroke, StrokeKind, Ui, UiBuilder, Vec2};
use slowgrad_render::ScreenView;
use slowgrad_render::{legend_ui, network_ui};
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_timeline::number_format;
use slowgrad_timeline::scene::{Anchor, Ink, Label, Scene, Target, zoom_step};
use std::sync::Arc;

/// The height of the row with the legend.
const LEGEND_HEIGHT_PTS: f32 = 26.0;

pub(super) fn canvas_ui(ui: &mut Ui, app: &mut App, session: &mut Session) {
    let theme = *app.theme();
    let area = ui.max_rect();
    let other = session.snapshot.as_ref().and_then(|snapshot| snapshot.comparison.clone());
    // Two networks use the space of the buttons over one. The keys of the buttons still work.
    let top = LEGEND_HEIGHT_PTS + if other.is_some() { 0.0 } else { structure_buttons::HEIGHT_PTS };
    let shape = session.now().map(|(timeline, _)| Arc::clone(&timeline.step().shape));
    let hints = HintCards::new(ui, area.shrink2(Vec2::new(6.0, 0.0)), app, session);
    let hints_height = hints.as_ref().map_or(0.0, |hints| hints.height);
    // Both networks are drawn at the same size.
    let rooms = |room: Rect| {
        let shape = shape.as_ref().filter(|_| other.is_some())?;
        Some(comparison::rooms(room, shape))
    };
    let room = Rect::from_min_size(area.min, area.size() - Vec2::new(12.0, top + 90.0 + hints_height));
    let room =
        rooms(room).map_or(room.size(), |[room, _]| room.size() - Vec2::new(0.0, comparison::HEADING_HEIGHT_PTS));
    app.network.set_room(room);
    let zoom_before = zoom_step(session.view.zoom);
    let Some(scene) = app.scene(session) else {
        app.network.canvas.set_drawn(None, None);
        let broken = session.snapshot.as_ref().is_some_and(|snapshot| error_count(snapshot) > 0);
        let text = match (broken, app.is_presenting()) {
            (true, false) => "This lesson cannot run yet. See Problems.",
            // Problems are not shown to an audience.
            (true, true) => "",
            (false, _) => "Opening the lesson…",
        };
        ui.painter().text(area.center(), Align2::CENTER_CENTER, text, FontId::proportional(20.0), theme.faint);
        return;
    };
    let size = caption_size(area, app.is_presenting());
    let question = QuestionCard::new(ui, area, size, session, &theme);
    // A question replaces the caption.
    let caption = if question.is_some() { None } else { caption(ui, area, size, session, &theme) };
    // Reserves the usual height of a caption, two lines and a hint, so that the network does not move.
    let usual = if session.player.has_cues() { 2.3 * size + 44.0 } else { 0.0 };
    let overlay_rect = caption.as_ref().map(|caption| caption.rect).or(question.as_ref().map(|question| question.rect));
    let caption_height = overlay_rect.map_or(0.0, |rect| rect.height() + 12.0).max(usual);
    let (network, below) =
        Rect::from_min_max(area.min + Vec2::new(6.0, top), area.max - Vec2::new(6.0, caption_height + 6.0))
            .split_top_bottom_at_y(area.bottom() - caption_height - 6.0 - hints_height);
    let rooms = rooms(network);
    // The heading of a run is above its network.
    let network = rooms.map_or(network, |[room, _]| room.with_min_y(room.top() + comparison::HEADING_HEIGHT_PTS));
    let legend =
        Rect::from_min_size(area.min + Vec2::new(14.0, 5.0), Vec2::new(area.width() - 28.0, LEGEND_HEIGHT_PTS - 5.0));
    if legend.width() > 440.0 {
        ui.scope_builder(UiBuilder::new().max_rect(legend), |ui| legend_ui(ui, &theme));
    }
    app.network.animate(ui, session, (network.size(), scene.bounds), app.appearance.reduced_motion());
    let output = ui
        .scope_builder(UiBuilder::new().max_rect(network), |ui| network_ui(ui, &scene, &mut session.view, &theme))
        .inner;
    if let Some(response) = &output.response {
        context_menu::network_menu(response, output.hovered, app, session);
    }
    if zoom_step(session.view.zoom) != zoom_before {
        // The level of detail has changed with the zoom.
        ui.ctx().request_repaint();
    }
    let weight = Target::Weight { layer: 0, neuron: 0, input: 0 };
    let place = app.network.position(weight).zip(output.rect).map(|(place, rect)| session.view.to_screen(rect, place));
    app.network.canvas.set_drawn(output.rect, place);
    let row =
        Rect::from_min_max(area.min + Vec2::new(0.0, LEGEND_HEIGHT_PTS), Pos2::new(network.right(), area.top() + top));
    if !app.is_presenting() && other.is_none() {
        ui.scope(|ui| structure_buttons::structure_ui(ui, row, network, app, session));
    }
    if let Some(target) = output.clicked {
        session.view.selected = Some(target);
        app.network.comparison.set_focused(false);
    }
    if let (Some(rooms), Some(other)) = (rooms, other) {
        comparison::comparison_ui(ui, rooms, app, session, &other);
    }
    if output.background_clicked && app.overlays.field().is_none() {
        session.view.selected = None;
    }
    if let Some((target, by)) = output.dragged {
        match target {
            Target::Weight { .. } => drag_weight(session, target, by),
            disc => app.network.drag(disc, by),
        }
        // This frame has drawn the previous positions.
        ui.ctx().request_repaint();
    }
    if let Some(target) = output.double_clicked {
        app.overlays.edit(target, session);
    }
    if let (Some(target), None) = (output.hovered, app.overlays.field()) {
        hover(ui, session, &scene, target);
    }
    if let (Some(mut field), Some(rect)) = (app.overlays.take_field(), output.rect) {
        let place = app.network.position(field.target()).unwrap_or([0.0, 0.0]);
        let at = session.view.to_screen(rect, place) - Vec2::new(0.0, 14.0);
        // Within the canvas, or at its upper left corner when the canvas is too small.
        let at = at.min(rect.max - Vec2::new(110.0, 0.0)).max(rect.min + Vec2::new(110.0, 100.0));
        if number_field_ui(ui, &mut field, at, session, &theme) == FieldStatus::Open {
            app.overlays.set_field(field);
        }
    }
    if let Some(caption) = caption {
        caption.paint(ui, &theme);
    }
    if let Some(question) = question {
        question.show(ui, session, &theme);
    }
    if let Some(hints) = hints {
        hints.show(ui, below, app);
    }
    // Notices concern the author and not the audience.
    if !app.is_presenting() {
        notices_ui(ui, network, session, &theme);
    }
    if session.notices.reload_flash() > 0.0 {
        let strength = (session.notices.reload_flash()) as f32;
        ui.painter().rect_stroke(
            area,
            0.0,
            Stroke::new(3.0, theme.accent.gamma_multiply(strength)),
            StrokeKind::Inside,
        );
    }
}

/// Increases a selected weight that is dragged up.
fn drag_weight(session: &mut Session, target: Target, by: Vec2) {
    if let Some((what, value)) = session.editable(target) {
        session.edit(what, value - 0.01 * f64::from(by.y));
    }
}

/// A tooltip with the name and the number under the pointer.
fn hover(ui: &Ui, session: &Session, scene: &Scene, target: Target) {
    // The selected element is explained on the right.
    if session.view.selected == Some(target) {
        return;
    }
    let name = element_name(session, target);
    let text = match target {
        Target::Neuron { layer, neuron } => {
            // Labels next to the disc show the name, but perhaps not the whole name of an output.
            let is_output = session.now().is_some_and(|(timeline, _)| {
                let step = timeline.step();
                layer + 1 == step.shape.layers() && step.io_names.output(neuron).is_some()
            });
            let is_named = |label: &Label| label.target == Some(target) && label.anchor == Anchor::Above;
            if !is_output && scene.labels.iter().any(is_named) {
                return;
            }
            format!("{name}{}", computed(session, scene, layer, neuron))
        }
        _ => {
            let Some((_, value)) = session.editable(target) else { return };
            let gradient = match target {
                Target::Input(input) => input_gradient(session, scene, input),
                _ => String::new(),
            };
            format!("{name}: {}{gradient}   double-click to edit", number_format::number(value, 5))
        }
    };
    egui::Tooltip::always_open(
        ui.ctx().clone(),
        ui.layer_id(),
        egui::Id::unique("under the pointer"),
        egui::PopupAnchor::Pointer,
    )
    .gap(16.0)
    .show(|ui| ui.add(egui::Label::new(egui::RichText::new(text).small()).extend()));
}

/// The gradient of an input, once it is computed.
fn input_gradient(session: &Session, scene: &Scene, input: usize) -> String {
    let disc = scene.discs.iter().find(|disc| disc.target == Target::Input(input));
    let computed = disc.is_some_and(|disc| matches!(disc.ring, Ink::Gradient(_)));
    let sample = session.now().and_then(|(timeline, _)| timeline.step().samples.get(session.sample()));
    match sample.and_then(|sample| sample.grad_input.as_ref()).filter(|_| computed) {
        Some(gradient) => format!(", ∂L/∂x = {}", number_format::number(gradient[input], 5)),
        None => String::new(),
    }
}

/// The computed values of a neuron.
fn computed(session: &Session, scene: &Scene, layer: usize, neuron: usize) -> String {
    let disc = scene.discs.iter().find(|disc| disc.target == Target::Neuron { layer, neuron });
    let sample = session.now().and_then(|(timeline, _)| timeline.step().samples.get(session.sample()));
    let (Some(disc), Some(sample)) = (disc, sample) else { return String::new() };
    let recorded = &sample.layers[layer];
    let known = [
        (disc.fill != Ink::Empty).then(|| format!("a = {}", number_format::number(recorded.a[neuron], 5))),
        matches!(disc.ring, Ink::Gradient(_))
            .then(|| format!("δ = {}", number_format::number(recorded.delta[neuron], 5))),
    ];
    let known: Vec<String> = known.into_iter().flatten().collect();
    if known.is_empty() { known.concat() } else { format!(": {}", known.join(", ")) }
}

/// The text size of captions, to be readable from the last row of a room.
fn caption_size(area: Rect, is_presenting: bool) -> f32 {
    if is_presenting { (area.width() / 30.0).clamp(24.0, 64.0) } else { (area.width() / 34.0).clamp(17.0, 30.0) }
}

/// The maximum height of a caption as a share of the canvas.
const MAX_CAPTION_SHARE: f32 = 0.34;
/// The smallest size of a caption, in points.
const MIN_CAPTION_PTS: f32 = 14.0;

/// The lesson's caption, laid out but not painted.
struct Caption {
    rect: Rect,
    text: std::sync::Arc<egui::Galley>,
    hint: Option<std::sync::Arc<egui::Galley>>,
}

fn caption(ui: &Ui, area: Rect, size: f32, session: &Session, theme: &slowgrad_render::Theme) -> Option<Caption> {
    let text = session.caption();
    let performance = &session.player;
    let go_on = keys_text(Action::Run(RunAction::NextCue).info());
    let hint = if performance.waits_for_presenter() && performance.has_cues() {
        let (done, all) = performance.progress();
        Some(if performance.is_held() {
            format!("The lesson is paused · press {go_on} to continue ({done} of {all})")
        } else {
            format!("Press {go_on} to continue")
        })
    } else {
        None
    };
    if text.is_empty() && hint.is_none() {
        return None;
    }
    let width = (area.width() - 28.0).max(40.0);
    let layout = |text: &str, size: f32, max_height: f32, color| {
        let mut job = egui::text::LayoutJob::simple(text.to_owned(), FontId::proportional(size), color, width - 40.0);
        job.halign = egui::Align::Center;
        let row_height = ui.painter().fonts_mut(|fonts| fonts.row_height(&FontId::proportional(size)));
        job.wrap.max_rows = ((max_height / row_height) as usize).max(1);
        ui.painter().layout_job(job)
    };
    let accent = theme.text_color(slowgrad_timeline::scene::Ink::Accent, theme.panel);
    let hint = hint.map(|hint| layout(&hint, 13.0, f32::INFINITY, accent));
    let hint_height = hint.as_ref().map_or(0.0, |hint| hint.size().y + 4.0);
    // A long text is smaller, and a very long one ends with `…`.
    let max_height = MAX_CAPTION_SHARE * area.height() - hint_height - 20.0;
    let mut size = size;
    let text = loop {
        let galley = layout(&text, size, max_height, theme.text);
        if !galley.elided || size <= MIN_CAPTION_PTS {
            break galley;
        }
        size = (0.9 * size).max(MIN_CAPTION_PTS);
    };
    let height = text.size().y + hint_height + 20.0;
    let rect = Rect::from_min_max(
        Pos2::new(area.left() + 14.0, area.bottom() - 12.0 - height),
        area.max - Vec2::new(14.0, 12.0),
    );
    Some(Caption { rect, text, hint })
}

impl Caption {
    fn paint(self, ui: &mut Ui, theme: &slowgrad_render::Theme) {
        let painter = ui.painter();
        painter.rect(self.rect, 10.0, theme.panel, Stroke::new(1.0, theme.line), StrokeKind::Inside);
        painter.rect_filled(self.rect.with_max_x(self.rect.left() + 4.0), 2.0, theme.accent);
        let words = self.text.text().to_owned();
        let is_cut = self.text.elided;
        let top = Pos2::new(self.rect.center().x, self.rect.top() + 10.0);
        let below = top + Vec2::new(0.0, self.text.size().y + 4.0);
        painter.galley(top, self.text, theme.text);
        if let Some(hint) = self.hint {
            painter.galley(below, hint, theme.accent);
        }
        // Makes the painted text available to screen readers.
        let response = ui.interact(self.rect, ui.scope_id().with("caption"), egui::Sense::hover());
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, &words));
        if is_cut {
            response.on_hover_text(words);
        }
    }
}

/// The notices in the corner.
fn notices_ui(ui: &mut Ui, area: Rect, session: &Session, theme: &slowgrad_render::Theme) {
    let mut bottom = area.bottom() - 6.0;
    for notice in session.notices.iter().rev() {
        let width = 0.6 * area.width();
        let galley = ui.painter().layout(notice.text.clone(), FontId::proportional(13.0), theme.text, width);
        let size = galley.size() + Vec2::new(20.0, 12.0);
        let rect = Rect::from_min_size(Pos2::new(area.right() - size.x - 6.0, bottom - size.y), size);
        ui.painter().rect(rect, 8.0, theme.raised, Stroke::new(1.0, theme.line), StrokeKind::Inside);
        ui.painter().galley(rect.min + Vec2::new(10.0, 6.0), galley, theme.text);
        bottom = rect.top() - 6.0;
    }
}
