//! The progress of a large table that is being read, over the network. It must not know what is read from it.

use egui::{Align2, Area, Frame, Id, Order, ProgressBar, Rect, RichText, Ui, Vec2};
use slowgrad_render::Theme;
use slowgrad_session::{Session, TableReading};

/// The width of the bar.
const WIDTH_PTS: f32 = 320.0;
/// The distance of the bar from the top of the network.
const TOP_PTS: f32 = 48.0;

pub(super) fn table_reading_ui(ui: &Ui, canvas: Rect, session: &Session, theme: &Theme) {
    let Some(TableReading { path, part }) = session.reading() else { return };
    let area = Area::new(Id::unique("table reading")).order(Order::Foreground).pivot(Align2::CENTER_TOP);
    area.fixed_pos(canvas.center_top() + Vec2::new(0.0, TOP_PTS)).show(ui.ctx(), |ui| {
        Frame::window(ui.style()).inner_margin(12).show(ui, |ui| {
            ui.set_width(WIDTH_PTS);
            let text = RichText::new(format!("Reading {path}")).color(theme.text);
            let label = ui.add(egui::Label::new(text).truncate());
            ui.add(ProgressBar::new(part as f32).show_percentage().desired_width(WIDTH_PTS)).labelled_by(label.id);
        });
    });
}
