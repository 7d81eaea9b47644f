//! Buttons that change the network, in two rows above its columns: add and remove neurons and layers, and change the
//! activation of a layer.
//!
//! It must not know how a network changes; it asks the session.

use super::{context_menu, key};
use crate::actions::Action;
use crate::state::App;
use egui::{Align2, Button, Color32, FontId, Pos2, Rect, RichText, Ui, Vec2};
use slowgrad_engine::structure::Reshape;
use slowgrad_render::ScreenView;
use slowgrad_session::Session;
use slowgrad_timeline::scene::Target;

/// The height of both rows, and of the upper one.
pub(super) const HEIGHT_PTS: f32 = SIZES_HEIGHT_PTS + 20.0;
const SIZES_HEIGHT_PTS: f32 = 24.0;
/// The side of a button.
const BUTTON_PTS: f32 = 18.0;
/// The minimum width of a column with its number and two buttons.
const MIN_COLUMN_PTS: f32 = 58.0;
/// The width of a button between columns.
const LAYER_BUTTON_PTS: f32 = 48.0;

/// A button with its change of the network.
struct StructureButton {
    center: Pos2,
    sign: &'static str,
    name: String,
    reshape: Reshape,
}

/// Draws the rows above the network, which is drawn in `network`.
pub(super) fn structure_ui(ui: &mut Ui, rows: Rect, network: Rect, app: &mut App, session: &mut Session) {
    let Some((timeline, _)) = session.now() else { return };
    let sizes = timeline.step().shape.sizes().to_vec();
    let layers = sizes.len() - 1;
    let column = |nth: usize| {
        let target =
            |neuron| nth.checked_sub(1).map_or(Target::Input(neuron), |layer| Target::Neuron { layer, neuron });
        let (first, last) = (app.network.position(target(0))?, app.network.position(target(sizes[nth] - 1))?);
        Some(session.view.to_screen(network, [f32::midpoint(first[0], last[0]), first[1]]).x)
    };
    let Some(columns) = (0..=layers).map(column).collect::<Option<Vec<f32>>>() else { return };
    // Columns that are too close, or were dragged past each other, have no space for buttons.
    if columns.windows(2).any(|pair| pair[1] - pair[0] < MIN_COLUMN_PTS) {
        return;
    }
    let (row, below) = rows.split_top_bottom_at_y(rows.top() + SIZES_HEIGHT_PTS);
    let middle = row.center().y;
    let theme = *app.theme();
    let font = FontId::proportional(12.5);
    let mut buttons = Vec::new();
    for (nth, &x) in columns.iter().enumerate() {
        let at = |by: f32| Pos2::new(x + by, middle);
        let hidden_layer = nth > 0 && nth < layers;
        let text = if hidden_layer { sizes[nth].to_string() } else { plural(sizes[nth], nth == 0) };
        let width = ui.painter().layout_no_wrap(text.clone(), font.clone(), theme.faint).size().x;
        if row.contains(at(-0.5 * width)) && row.contains(at(0.5 * width)) {
            ui.painter().text(at(0.0), Align2::CENTER_CENTER, text, font.clone(), theme.faint);
        }
        if hidden_layer {
            let layer = nth - 1;
            let reach = 0.5 * width + 0.5 * BUTTON_PTS + 5.0;
            let add = Reshape::AddNeuron { layer };
            buttons.push(StructureButton {
                center: at(reach),
                sign: "+",
                name: format!("add a neuron to layer {nth}"),
                reshape: add,
            });
            let (name, reshape) = if sizes[nth] > 1 {
                let selected = session.view.selected.and_then(|target| match target {
                    Target::Neuron { layer: at, neuron } if at == layer => Some(neuron),
                    _ => None,
                });
                let neuron = selected.unwrap_or(sizes[nth] - 1);
                (format!("remove neuron {} of layer {nth}", neuron + 1), Reshape::RemoveNeuron { layer, neuron })
            } else {
                (format!("remove layer {nth}"), Reshape::RemoveLayer { layer })
            };
            buttons.push(StructureButton { center: at(-reach), sign: "−", name, reshape });
        }
        if let Some(before) = nth.checked_sub(1) {
            let center = Pos2::new(f32::midpoint(columns[before], x), middle);
            if x - columns[before] > MIN_COLUMN_PTS + LAYER_BUTTON_PTS {
                let name = format!("add a layer before layer {nth}");
                buttons.push(StructureButton { center, sign: "+ layer", name, reshape: Reshape::AddLayer { before } });
            }
        }
    }
    ui.spacing_mut().interact_size = Vec2::ZERO;
    ui.spacing_mut().button_padding = Vec2::ZERO;
    for StructureButton { center, sign, name, reshape } in buttons {
        let width = if sign.len() > 3 { LAYER_BUTTON_PTS } else { BUTTON_PTS };
        let rect = Rect::from_center_size(center, Vec2::new(width, BUTTON_PTS));
        if !row.contains_rect(rect) {
            continue;
        }
        let text = RichText::new(sign).size(if sign.len() > 3 { 11.0 } else { 12.5 }).color(theme.faint);
        let response = ui.put(rect, Button::new(text).fill(Color32::TRANSPARENT).min_size(rect.size()));
        let help = format!("{name}\nAll other weights keep their values");
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &name));
        if response.on_hover_text(help).clicked() {
            session.reshape(reshape);
        }
    }
    activations_ui(ui, below, &columns, app, session);
}

/// The activation of each layer below its number of neurons; a click changes it.
fn activations_ui(ui: &mut Ui, row: Rect, columns: &[f32], app: &mut App, session: &mut Session) {
    let Some(setup) = session.snapshot.as_ref().and_then(|snapshot| snapshot.setup.as_ref()) else { return };
    let theme = *app.theme();
    let names = setup.activations.clone();
    let mut clicked = None;
    for (layer, (name, &x)) in names.iter().zip(columns.iter().skip(1)).enumerate() {
        // Up to the width that the neighbours leave.
        let beside = [layer.checked_sub(1), Some(layer + 1)].map(|nth| nth.and_then(|nth| columns.get(nth + 1)));
        let room = beside.into_iter().flatten().map(|other| (other - x).abs()).fold(150.0, f32::min) - 4.0;
        let text = RichText::new(format!("{name} ▾")).size(12.0).color(theme.faint);
        let text = egui::WidgetText::from(text).into_galley(
            ui,
            Some(egui::TextWrapMode::Truncate),
            room - 10.0,
            egui::TextStyle::Small,
        );
        let rect = Rect::from_center_size(Pos2::new(x, row.center().y), Vec2::new(text.size().x + 10.0, BUTTON_PTS));
        if !row.contains_rect(rect) {
            continue;
        }
        let response = ui.put(rect, Button::new(text).fill(Color32::TRANSPARENT).min_size(rect.size()));
        let accessible_name = format!("activation of layer {}: {name}", layer + 1);
        response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &accessible_name));
        let help = format!(
            "{accessible_name}\nChange it for this layer only ({}); all weights keep their values",
            key(Action::Activation)
        );
        context_menu::layer_menu(&response, layer, app, session);
        if response.on_hover_text(help).clicked() {
            clicked = Some(layer);
        }
    }
    if let Some(layer) = clicked {
        app.overlays.open_activation(layer, session);
    }
}

fn plural(count: usize, input: bool) -> String {
    let noun = if input { "input" } else { "output" };
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
