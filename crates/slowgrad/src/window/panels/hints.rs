//! Three hints for whoever starts for the first time, and no more: each goes for ever once it was read or what it
//! says was done.

use super::icons::{Icon, icon_button};
use crate::window::action::{Action, keys_text};
use crate::window::gui::Gui;
use crate::window::session::Session;
use crate::window::settings::Hint;
use egui::{Align2, Area, FontId, Frame, Id, Label, Margin, Order, Rect, Stroke, Ui};

/// What they stand by.
pub(super) struct Places {
    pub(super) canvas: Rect,
    pub(super) transport: Rect,
}

fn text(hint: Hint) -> String {
    let keys = |action: Action| keys_text(action.entry());
    match hint {
        Hint::Canvas => {
            "Click a neuron or a weight to see where its numbers come from; double-click to change it.".into()
        }
        Hint::Transport => format!(
            "{} plays and pauses, {} goes on by one operation, {} and {} look more or less closely. {} shows all keys.",
            keys(Action::PlayPause),
            keys(Action::StepForward),
            keys(Action::Finer),
            keys(Action::Coarser),
            "?"
        ),
        Hint::Explanation => {
            format!(
                "What happens is written at the right, with its numbers. {} takes back whatever you change.",
                keys(Action::Undo)
            )
        }
    }
}

/// Whether a person has found out by themselves.
fn is_known(hint: Hint, session: &Session) -> bool {
    match hint {
        Hint::Canvas => session.view.selected.is_some(),
        Hint::Transport | Hint::Explanation => false,
    }
}

pub(super) fn hints_ui(ui: &Ui, gui: &mut Gui, session: &Session, places: &Places) {
    let theme = *gui.theme();
    for hint in Hint::ALL {
        if gui.habits.hints_seen.contains(&hint) {
            continue;
        }
        let (place, pivot) = match hint {
            Hint::Canvas => (places.canvas.left_bottom() + egui::vec2(14.0, -100.0), Align2::LEFT_BOTTOM),
            Hint::Transport => (places.transport.left_top() + egui::vec2(12.0, -8.0), Align2::LEFT_BOTTOM),
            Hint::Explanation => (places.canvas.right_bottom() + egui::vec2(-14.0, -100.0), Align2::RIGHT_BOTTOM),
        };
        let mut is_seen = is_known(hint, session);
        // They lie below menus and whatever is opened over the panels.
        let area = Area::new(Id::unique(("hint", hint as u8))).order(Order::Middle).pivot(pivot).fixed_pos(place);
        area.show(ui.ctx(), |ui| {
            let frame = Frame::popup(ui.style()).fill(theme.raised).stroke(Stroke::new(1.5, theme.accent));
            frame.inner_margin(Margin::symmetric(12, 8)).show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    let words = ui.painter().layout(text(hint), FontId::proportional(13.5), theme.text, 204.0);
                    ui.add(Label::new(words));
                    is_seen |= icon_button(ui, Icon::Close, "Close this hint", false, &theme).clicked();
                });
            });
        });
        if is_seen {
            gui.habits.hints_seen.push(hint);
        }
    }
}
