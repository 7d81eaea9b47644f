//! A second run beside the first: what it could differ in, and its network next to the first one's.

use super::icons::{Icon, icon_button};
use super::key;
use crate::window::action::Action;
use crate::window::gui::Gui;
use crate::window::session::Session;
use crate::worker::{Difference, RivalInfo, SlotInfo};
use egui::{Align, Align2, FontId, Frame, Layout, Margin, Panel, RichText, Sense, Ui, Vec2};
use slowgrad_engine::plugin::ControlKind;
use slowgrad_render::{Theme, network_ui};
use slowgrad_timeline::words;
use std::sync::Arc;

/// Something that a second run could have instead.
pub(super) struct Offer {
    pub(super) name: String,
    /// What the first run has.
    pub(super) instead: String,
    pub(super) help: String,
    pub(super) difference: Difference,
}

/// All single things in which a second run from the same beginning can differ.
pub(super) fn offers(session: &Session) -> Vec<Offer> {
    let setup = session.snapshot.as_ref().and_then(|snapshot| snapshot.setup.as_ref());
    let slots = setup.into_iter().flat_map(|setup| &setup.slots).filter(|slot| !slot.slot.is_beginning());
    // Optimizers and losses are what is compared most.
    let mut slots: Vec<&SlotInfo> = slots.collect();
    slots.sort_by_key(|slot| match slot.slot {
        crate::worker::Slot::Optimizer => 0,
        crate::worker::Slot::Loss => 1,
        _ => 2,
    });
    let mut offers = Vec::new();
    for info in &slots {
        let slot = info.slot.name();
        for choice in info.choices.iter().filter(|choice| choice.name != info.name) {
            offers.push(Offer {
                name: format!("{slot}: {}", choice.title),
                instead: format!("instead of {}", info.name),
                help: choice.description.clone(),
                difference: Difference::plugin(info.slot, &choice.name),
            });
        }
    }
    for info in &slots {
        for control in &info.controls {
            let ControlKind::Slider { value, min, max, .. } = control.kind else { continue };
            let sign = crate::worker::sign(&control.name);
            for other in [2.0 * value, 0.5 * value, 10.0 * value, 0.1 * value] {
                if other < min || other > max || other.to_bits() == value.to_bits() {
                    continue;
                }
                offers.push(Offer {
                    name: format!("{} {sign} = {}", info.slot.name(), words::number(other, 3)),
                    instead: format!("instead of {}", words::number(value, 3)),
                    help: String::new(),
                    difference: Difference::slider(info.slot, &info.name, &control.name, other),
                });
            }
        }
    }
    offers
}

/// Makes room for the second network, and says above both what is different.
pub(super) fn rival_ui(ui: &mut Ui, gui: &mut Gui, session: &mut Session) {
    let Some(rival) = session.snapshot.as_ref().and_then(|snapshot| snapshot.rival.clone()) else { return };
    let theme = *gui.theme();
    let area = ui.available_size();
    let frame = Frame::new().fill(theme.background);
    let panel = if area.x > 1.1 * area.y {
        Panel::right("rival").exact_size(0.5 * area.x)
    } else {
        Panel::bottom("rival").exact_size(0.5 * area.y)
    };
    panel.frame(frame).resizable(false).show(ui, |ui| {
        let loss = rival.timeline.as_ref().map(|timeline| timeline.step().loss);
        heading_ui(ui, "rival heading", &rival.theirs, loss, theme.text, &theme, |ui| {
            let end = format!("End the comparison ({})", key(Action::Compare));
            if icon_button(ui, Icon::Close, &end, false, &theme).clicked() {
                gui.act(Action::Compare, session);
            }
        });
        network(ui, gui, session, &rival);
    });
    let loss = session.now().map(|(timeline, _)| timeline.step().loss);
    heading_ui(ui, "own heading", &rival.mine, loss, theme.accent, &theme, |_| {});
}

/// The name of a run in the colour of its way, and the loss of its batch.
fn heading_ui(
    ui: &mut Ui,
    id: &str,
    name: &str,
    loss: Option<f64>,
    color: egui::Color32,
    theme: &Theme,
    buttons: impl FnOnce(&mut Ui),
) {
    let frame = Frame::new().fill(theme.panel).inner_margin(Margin::symmetric(10, 2));
    Panel::top(id).exact_size(30.0).frame(frame).resizable(false).show(ui, |ui| {
        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
            let (dot, _) = ui.allocate_exact_size(Vec2::splat(12.0), Sense::hover());
            ui.painter().circle(dot.center(), 5.0, color, egui::Stroke::new(1.0, theme.background));
            ui.label(RichText::new(name).strong().color(theme.text));
            if let Some(loss) = loss {
                ui.label(RichText::new(format!("L {}", words::number(loss, 4))).color(theme.faint));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), buttons);
        });
    });
}

fn network(ui: &mut Ui, gui: &mut Gui, session: &mut Session, rival: &RivalInfo) {
    let theme = *gui.theme();
    let area = ui.available_rect_before_wrap();
    let Some(timeline) = &rival.timeline else {
        let step = session.now().map_or(0, |(timeline, _)| timeline.step().step - 1);
        let text = format!("catching up: step {} of {step}", rival.step);
        ui.painter().text(area.center(), Align2::CENTER_CENTER, text, FontId::proportional(16.0), theme.faint);
        return;
    };
    gui.rival.scenery.set_room(area.size() - Vec2::new(12.0, 40.0));
    let Some(scene) = gui.rival_scene(session, &Arc::clone(timeline)) else { return };
    gui.rival.view.selected = session.view.selected;
    let answer = network_ui(ui, &scene, &mut gui.rival.view, &theme);
    // What is selected is selected in both.
    if let Some(target) = answer.clicked {
        session.view.selected = Some(target);
    } else if answer.background_clicked {
        session.view.selected = None;
    }
}
