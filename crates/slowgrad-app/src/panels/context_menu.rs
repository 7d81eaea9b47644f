//! The context menu of an element, with the actions of the table and their keys.
//!
//! It selects the element first, because actions apply to the selection.

use super::element_name;
use super::key;
use crate::actions::Element;
use crate::state::App;
use egui::{Button, Response, RichText};
use slowgrad_session::Session;
use slowgrad_timeline::scene::Target;

/// The menu of the network, which was drawn with `hovered` under the pointer.
pub(super) fn network_menu(response: &Response, hovered: Option<Target>, app: &mut App, session: &mut Session) {
    if response.secondary_clicked() {
        session.view.selected = hovered;
        app.network.comparison.set_focused(false);
    }
    let selected = session.view.selected;
    let layers = session.now().map_or(0, |(timeline, _)| timeline.step().shape.layers());
    let title = selected.map(|target| element_name(session, target));
    menu(response, title.as_deref(), Element::at(selected, layers), app, session);
}

/// The menu of a layer, which selects the first neuron of the layer.
pub(super) fn layer_menu(response: &Response, layer: usize, app: &mut App, session: &mut Session) {
    if response.secondary_clicked() {
        session.view.selected = Some(Target::Neuron { layer, neuron: 0 });
        app.network.comparison.set_focused(false);
    }
    let layers = session.now().map_or(0, |(timeline, _)| timeline.step().shape.layers());
    let title = format!("layer {}", layer + 1);
    menu(response, Some(&title), Element::Layer { output: layer + 1 == layers }, app, session);
}

fn menu(response: &Response, title: Option<&str>, part: Element, app: &mut App, session: &mut Session) {
    response.context_menu(|ui| {
        let faint = app.theme().faint;
        if let Some(title) = title {
            ui.label(RichText::new(title).small().color(faint));
        }
        for (nth, group) in part.actions().iter().enumerate() {
            if nth > 0 {
                ui.separator();
            }
            for &action in *group {
                let info = action.info();
                let keys = RichText::new(key(action)).color(faint);
                if ui.add(Button::new(info.name).shortcut_text(keys)).on_hover_text(info.help).clicked() {
                    ui.close();
                    app.act(action, session);
                }
            }
        }
    });
}
