//! The caption as screen readers have announced it.

use slowgrad_session::Session;

/// The last announced caption.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    /// The caption with its placeholders.
    template: String,
    /// The caption with the values at the time of the announcement.
    text: String,
}

impl Announced {
    /// The caption to announce. Its values are updated only while nothing plays.
    pub(crate) fn caption(&mut self, session: &Session) -> String {
        let template = &session.player.stage().caption;
        let moving = session.is_active() || session.is_full_speed();
        if !moving || self.template != *template {
            self.template.clone_from(template);
            self.text = session.caption();
        }
        self.text.clone()
    }
}
