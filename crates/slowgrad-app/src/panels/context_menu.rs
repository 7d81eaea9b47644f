//! The menu of what is under the pointer: what can be asked of it, with keys, out of the one list of commands.
//!
//! What it is about is selected first, since that is what commands are about.

use super::key;
use crate::actions::Part;
use crate::state::Gui;
use egui::{Button, Response, RichText};
use slowgrad_session::Session;
use slowgrad_timeline::explain::words;
use slowgrad_timeline::scene::Target;

/// The menu of the network, which was drawn with `hovered` under the pointer.
pub(super) fn network_menu(response: &Response, hovered: Option<Target>, gui: &mut Gui, session: &mut Session) {
    if response.secondary_clicked() {
        session.view.selected = hovered;
        gui.rival.is_in_focus = false;
    }
    let selected = session.view.selected;
    let layers = session.now().map_or(0, |(timeline, _)| timeline.step().shape.layers());
    let title = selected.map(words::target);
    menu(response, title.as_deref(), Part::of(selected, layers), gui, session);
}

/// The menu of a layer, for which its first neuron stands.
pub(super) fn layer_menu(response: &Response, layer: usize, gui: &mut Gui, session: &mut Session) {
    if response.secondary_clicked() {
        session.view.selected = Some(Target::Neuron { layer, neuron: 0 });
        gui.rival.is_in_focus = false;
    }
    let layers = session.now().map_or(0, |(timeline, _)| timeline.step().shape.layers());
    let title = format!("layer {}", layer + 1);
    menu(response, Some(&title), Part::Layer { is_output: layer + 1 == layers }, gui, session);
}

fn menu(response: &Response, title: Option<&str>, part: Part, gui: &mut Gui, session: &mut Session) {
    response.context_menu(|ui| {
        let faint = gui.theme().faint;
        if let Some(title) = title {
            ui.label(RichText::new(title).small().color(faint));
        }
        for (nth, group) in part.actions().iter().enumerate() {
            if nth > 0 {
                ui.separator();
            }
            for &action in *group {
                let entry = action.entry();
                let keys = RichText::new(key(action)).color(faint);
                if ui.add(Button::new(entry.name).shortcut_text(keys)).on_hover_text(entry.help).clicked() {
                    ui.close();
                    gui.act(action, session);
                }
            }
        }
    });
}
