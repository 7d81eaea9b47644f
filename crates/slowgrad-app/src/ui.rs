//! One frame of the interface: state, keys and panels in their order.

use crate::panels;
use crate::state::App;
use egui::Ui;
use slowgrad_session::Session;

impl App {
    /// Draws a frame and performs the actions of its input.
    pub fn window_ui(&mut self, ui: &mut Ui, session: &mut Session) {
        self.update(session);
        self.handle_keys(session);
        panels::window_ui(ui, self, session);
        self.finish_edits(session);
    }
}
