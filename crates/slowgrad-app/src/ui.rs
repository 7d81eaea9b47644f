//! One frame of the interface: state, keys and panels in their order.

use crate::panels;
use crate::platform::PlatformRequest;
use crate::state::App;
use egui::Ui;
use slowgrad_render::fallback_fonts::take_wanted_letters;
use slowgrad_session::Session;

impl App {
    /// Draws a frame and performs the actions of its input.
    pub fn window_ui(&mut self, ui: &mut Ui, session: &mut Session) {
        self.update(session);
        self.handle_keys(session);
        panels::window_ui(ui, self, session);
        self.finish_edits(session);
        let letters = take_wanted_letters(ui.ctx());
        if !letters.is_empty() {
            self.platform.request(PlatformRequest::FindFonts(letters));
        }
    }
}
