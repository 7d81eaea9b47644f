//! The left panel: data, layers, all plug-ins with their controls, and the loss curve.

use super::data::data_picture_ui;
use super::loss_sparkline::curve_ui;
use super::transport_bar::name;
use crate::actions::Action;
use crate::state::link_history::{LinkHighlight, LinkHistory};
use egui::{
    Align, ComboBox, DragValue, Label, Layout, Margin, Panel, Rect, RichText, ScrollArea, Slider, Stroke, StrokeKind,
    Ui,
};
use slowgrad_engine::plugin::ControlKind;
use slowgrad_engine::spec::{ParamValue, SpecPatch};
use slowgrad_render::Theme;
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_session::{self, Change, PluginControl, SetupInfo, Slot, SlotInfo, control_symbol};
use slowgrad_timeline::number_format;

pub(super) fn lesson_ui(ui: &mut Ui, links: &mut LinkHistory, session: &mut Session, theme: &Theme) -> Option<Action> {
    let mut clicked = None;
    let height = ui.available_height();
    Panel::bottom("curve")
        .exact_size((0.25 * height).clamp(130.0, 280.0))
        .frame(egui::Frame::new().inner_margin(Margin { top: 8, ..Margin::ZERO }))
        .resizable(false)
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                for action in [Action::Run(RunAction::Reset), Action::Run(RunAction::Reseed)] {
                    if ui.button(action.info().name).on_hover_text(action.tooltip()).clicked() {
                        clicked = Some(action);
                    }
                }
            });
            curve_ui(ui, session, theme);
        });
    let Some(setup) = session.snapshot.as_ref().and_then(|snapshot| snapshot.setup.clone()) else { return clicked };
    ScrollArea::vertical().id_salt("lesson").auto_shrink(false).show(ui, |ui| {
        ui.set_width(ui.available_width() - 6.0);
        // A lesson with two sliders nearly fits the smallest supported window without scrolling.
        ui.spacing_mut().item_spacing.y = 4.0;
        ui.spacing_mut().interact_size.y = 21.0;
        ui.spacing_mut().button_padding.y = 2.0;
        let highlight = links.highlight(ui.ctx()).cloned();
        let sample = match highlight {
            Some(LinkHighlight::Sample(sample)) => Some(sample),
            _ => None,
        };
        let picture = ui.scope(|ui| data_picture_ui(ui, session, theme, sample)).response.rect;
        if sample.is_some() && links.take_scroll() {
            ui.scroll_to_rect(picture, None);
        }
        for slot in &setup.slots {
            if let Some(rect) = slot_ui(ui, session, slot, &setup, theme, highlight.as_ref()) {
                if links.take_scroll() {
                    ui.scroll_to_rect(rect, Some(Align::Center));
                }
                let frame = rect.expand2(egui::vec2(3.0, 1.0));
                ui.painter().rect_stroke(frame, 4.0, Stroke::new(2.0, theme.accent), StrokeKind::Outside);
            }
            if slot.slot == Slot::Data {
                layers_ui(ui, &setup, theme);
            }
        }
        batch_ui(ui, session, &setup, theme);
    });
    clicked
}

/// A faint label on the left, and its controls on the right.
fn row(ui: &mut Ui, word: &str, theme: &Theme, add: impl FnOnce(&mut Ui, &egui::Response)) -> Rect {
    let row = ui.horizontal(|ui| {
        let label = ui.label(RichText::new(word).color(theme.faint));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| add(ui, &label));
    });
    row.response.rect
}

fn layers_ui(ui: &mut Ui, setup: &SetupInfo, theme: &Theme) {
    row(ui, "layers", theme, |ui, _| {
        let sizes: Vec<String> = setup.sizes.iter().map(ToString::to_string).collect();
        ui.add(Label::new(sizes.join(" – ")).truncate()).on_hover_text("Inputs, then the neurons of each layer");
    });
}

/// The name of the plug-in in a slot; for data also the numbers of training and test samples.
fn shown_name(session: &Session, slot: &SlotInfo) -> String {
    let data = session.snapshot.as_ref().and_then(|snapshot| snapshot.data.as_ref());
    match data.filter(|_| slot.slot == Slot::Data) {
        Some(data) if data.test > 0 => format!("{} · {} + {} test", slot.name, data.train, data.test),
        Some(data) => format!("{} · {}", slot.name, data.train),
        None => slot.name.clone(),
    }
}

/// A plug-in with its controls; returns the area of the item that a link highlights.
fn slot_ui(
    ui: &mut Ui,
    session: &mut Session,
    slot: &SlotInfo,
    setup: &SetupInfo,
    theme: &Theme,
    highlight: Option<&LinkHighlight>,
) -> Option<Rect> {
    let mut place = None;
    let is_highlighted = |control: Option<usize>| matches!(highlight, Some(LinkHighlight::Setting(at, of)) if *at == slot.slot && *of == control);
    let choice = row(ui, slot.slot.name(), theme, |ui, _| {
        let mut chosen = None;
        let width = (ui.available_width() - 4.0).clamp(60.0, 130.0);
        let selected = shown_name(session, slot);
        let combo = ComboBox::from_id_salt(slot.slot.name()).width(width).truncate().selected_text(selected);
        let response = combo.show_ui(ui, |ui| {
            for choice in slot.choices.iter() {
                let response = ui.selectable_label(choice.name == slot.name, choice.name.as_str());
                let response = if choice.description.is_empty() {
                    response
                } else {
                    response.on_hover_text(choice.description.as_str())
                };
                if response.clicked() {
                    chosen = Some(choice.name.clone());
                }
            }
        });
        name(&response.response, slot.slot.name(), &slot.name);
        if !slot.description.is_empty() {
            response.response.on_hover_text(slot.description.as_str());
        }
        if let Some(chosen) = chosen.filter(|chosen| *chosen != slot.name) {
            session.choose_plugin(slot.slot, &chosen);
        }
    });
    if is_highlighted(None) {
        place = Some(choice);
    }
    for (nth, knob) in slot.controls.iter().enumerate() {
        let distinction = distinction(setup, slot.slot, knob);
        let ui_of = |ui: &mut Ui| knob_ui(ui, session, slot.slot, knob, distinction, theme);
        let area = ui.push_id(&knob.layers, ui_of).response.rect;
        if is_highlighted(Some(nth)) {
            place = Some(area);
        }
    }
    place
}

/// The symbol and the name of a control.
fn control_words(name: &str) -> String {
    match name {
        "lr" => "η  learning rate".to_owned(),
        "momentum" => "β  momentum".to_owned(),
        other => control_symbol(other),
    }
}

/// The text that distinguishes a control: its layers when they differ, or its slot when another slot has a control of
/// the same name.
fn distinction(setup: &SetupInfo, slot: Slot, knob: &PluginControl) -> Option<String> {
    if !knob.layers.is_empty() {
        return Some(slowgrad_session::layer_list(&knob.layers));
    }
    let others = setup.slots.iter().filter(|other| other.slot != slot);
    let ambiguous = others.flat_map(|other| &other.controls).any(|other| other.control.name == knob.control.name);
    ambiguous.then(|| slot.name().to_owned())
}

fn knob_ui(
    ui: &mut Ui,
    session: &mut Session,
    slot: Slot,
    knob: &PluginControl,
    distinction: Option<String>,
    theme: &Theme,
) {
    let PluginControl { layers, plugin, control } = knob;
    let mut words = control_words(&control.name);
    let mut help = "Click to type or drag to change".to_owned();
    if let Some(distinction) = distinction {
        words = format!("{words} · {distinction}");
        help = format!("{plugin}, {distinction}\n{help}");
    }
    match &control.kind {
        ControlKind::Slider { value, min, max, log } => {
            let mut moved = *value;
            row(ui, &words, theme, |ui, label| {
                let drag = DragValue::new(&mut moved)
                    .speed(0.005 * value.abs().max(1e-4))
                    .custom_formatter(|x, _| number_format::number(x, 3))
                    .custom_parser(crate::state::number_field::parse);
                ui.add(drag).labelled_by(label.id).on_hover_text(&help);
            });
            ui.scope(|ui| {
                ui.spacing_mut().interact_size.y = 16.0;
                ui.spacing_mut().slider_width = ui.available_width() - 4.0;
                // A logarithmic slider from 0 needs its smallest positive value.
                let smallest = if *min > 0.0 { *min } else { 1e-6 * max.abs().max(1e-9) };
                let slider = Slider::new(&mut moved, *min..=*max)
                    .logarithmic(*log)
                    .smallest_positive(smallest)
                    .show_value(false);
                let response = ui.add(slider);
                response.widget_info(|| egui::WidgetInfo::slider(true, moved, &words));
            });
            if moved.to_bits() != value.to_bits() && moved.is_finite() {
                session.set_control(slot, layers, &control.name, ParamValue::Number(moved));
            }
        }
        ControlKind::Toggle { value } => {
            let mut on = *value;
            if ui.checkbox(&mut on, words).changed() {
                session.set_control(slot, layers, &control.name, ParamValue::Bool(on));
            }
        }
        ControlKind::Choice { value, options } => drop(row(ui, &words, theme, |ui, _| {
            let mut chosen = value.clone();
            let combo = ComboBox::from_id_salt((slot, &control.name)).width(100.0).selected_text(value.as_str());
            let response = combo.show_ui(ui, |ui| {
                for option in options {
                    ui.selectable_value(&mut chosen, option.clone(), option.as_str());
                }
            });
            name(&response.response, &words, value);
            if chosen != *value {
                session.set_control(slot, layers, &control.name, ParamValue::Text(chosen));
            }
        })),
    }
}

fn batch_ui(ui: &mut Ui, session: &mut Session, setup: &SetupInfo, theme: &Theme) {
    let samples = session.snapshot.as_ref().and_then(|snapshot| snapshot.data.as_ref()).map_or(1, |data| data.train);
    row(ui, "batch", theme, |ui, label| {
        let mut batch = setup.batch;
        let drag = DragValue::new(&mut batch).range(1..=samples.max(1)).speed(0.05);
        let response = ui.add(drag).labelled_by(label.id);
        if response.on_hover_text("Samples per training step").changed() && batch != setup.batch {
            session.send(Change::Patch(Box::new(SpecPatch { batch: Some(batch), ..SpecPatch::default() })).into());
        }
    });
}
