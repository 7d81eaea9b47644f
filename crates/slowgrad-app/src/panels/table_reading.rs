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

#[cfg(test)]
mod tests {
    use crate::platform::NoFiles;
    use crate::state::App;
    use egui::Vec2;
    use egui::accesskit::Role;
    use egui_kittest::Harness;
    use egui_kittest::kittest::{NodeT, Queryable};
    use slowgrad_session::{BackendCommand, BackendLink, BackendStopped, Deadline, Session, Snapshot, TableReading};
    use std::cell::Cell;
    use std::rc::Rc;

    /// A backend that has not opened its lesson yet, because it reads a table.
    struct ReadingBackend(Rc<Cell<Option<f64>>>);

    impl BackendLink for ReadingBackend {
        fn send(&mut self, _: BackendCommand) -> u64 {
            1
        }

        fn sent(&self) -> u64 {
            1
        }

        fn reading(&self) -> Option<TableReading> {
            self.0.get().map(|part| TableReading { path: "data/big.csv".into(), part })
        }

        fn try_receive(&mut self) -> Result<Option<Snapshot>, BackendStopped> {
            Ok(None)
        }

        fn run_until_idle(&mut self, _: Deadline) -> Option<Snapshot> {
            None
        }
    }

    #[test]
    fn the_bar_is_shown_while_a_table_is_read_before_a_lesson_is_open() {
        let part = Rc::new(Cell::new(None));
        let session = Session::new(ReadingBackend(Rc::clone(&part)));
        let draw = |ui: &mut egui::Ui, (app, session): &mut (Option<App>, Session)| {
            session.tick(0.02);
            app.get_or_insert_with(|| App::new(ui.ctx().clone(), NoFiles)).window_ui(ui, session);
        };
        let mut window = Harness::builder().with_size(Vec2::new(1280.0, 720.0)).build_ui_state(draw, (None, session));
        let bar = |window: &mut Harness<'static, (Option<App>, Session)>, read: Option<f64>| {
            part.set(read);
            window.run_steps(3);
            let value =
                window.query_by_role(Role::ProgressIndicator).and_then(|bar| bar.accesskit_node().numeric_value());
            (window.query_by_label("Reading data/big.csv").is_some(), value)
        };
        assert_eq!(bar(&mut window, None), (false, None));
        let (named, quarter) = bar(&mut window, Some(0.25));
        let (_, half) = bar(&mut window, Some(0.5));
        assert!(named && quarter.zip(half).is_some_and(|(quarter, half)| quarter < half), "{quarter:?}, {half:?}");
        assert_eq!(bar(&mut window, None), (false, None));
    }
}
