//! The confusion matrix: which classes are predicted for the samples of each class, over all training or test data.

use super::axes::{placeholder_ui, readout};
use crate::state::plot_tabs::PlotTabs;
use egui::{Align2, Color32, FontId, Pos2, Rect, RichText, Role, Sense, Stroke, StrokeKind, Ui, Vec2, WidgetInfo};
use slowgrad_engine::evaluation::{Confusion, Evaluation};
use slowgrad_render::Theme;
use slowgrad_session::Session;
use slowgrad_timeline::number_format;

/// The message for targets that are not classes.
pub(super) const NO_CLASSES: &str = "The targets are numbers, not classes. Classes have one output each with targets 0 \
    and 1, or one output with two different targets.";
/// The size of the numbers in the cells.
const NUMBER_PTS: f32 = 13.0;
/// The smallest cell with a number in it.
const MIN_NUMBER_CELL_PTS: f32 = 22.0;
/// The largest cell.
const MAX_CELL_PTS: f32 = 84.0;

pub(super) fn confusion_ui(ui: &mut Ui, plots: &mut PlotTabs, session: &Session, theme: &Theme) {
    let Some(evaluation) = session.snapshot.as_ref().and_then(|snapshot| snapshot.evaluation.clone()) else {
        return placeholder_ui(ui, "Computing…", theme);
    };
    let evaluated = &evaluation.evaluated;
    let has_test = evaluated.test.score().is_some();
    let of_test = plots.confusion_of_test && has_test;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 8.0;
        for (is_test, name, evaluation) in [(false, "train", &evaluated.train), (true, "test", &evaluated.test)] {
            let Some(text) = score_text(name, evaluation) else { continue };
            let label = ui.selectable_label(of_test == is_test, RichText::new(text).size(12.5));
            if label.on_hover_text("Show the predictions for these data").clicked() {
                plots.confusion_of_test = is_test;
            }
        }
        let shown = session.now().map_or(1, |(timeline, _)| timeline.step().step);
        let when = if evaluation.steps + 1 == shown {
            format!("before step {shown}")
        } else {
            format!("before step {}; step {shown} follows", evaluation.steps + 1)
        };
        ui.label(RichText::new(when).size(12.0).color(theme.faint));
    });
    let shown = if of_test { &evaluated.test } else { &evaluated.train };
    match (shown.confusion(), shown.classes()) {
        (Some(confusion), Some(classes)) => {
            let data = session.snapshot.as_ref().and_then(|snapshot| snapshot.data.clone());
            let io_names = data.map(|data| data.names.clone()).unwrap_or_default();
            let names: Vec<String> = (0..classes.count()).map(|class| classes.name(class, &io_names)).collect();
            matrix_ui(ui, confusion, &names, if of_test { "test" } else { "training" }, theme);
        }
        (None, Some(classes)) => {
            placeholder_ui(ui, &format!("A matrix of {} classes cannot be read.", classes.count()), theme);
        }
        _ => placeholder_ui(ui, NO_CLASSES, theme),
    }
}

/// Loss and accuracy over a data set.
fn score_text(name: &str, evaluation: &Evaluation) -> Option<String> {
    let score = evaluation.score()?;
    let accuracy = score.accuracy.map(|accuracy| format!(" · accuracy {}", number_format::number(accuracy, 3)));
    Some(format!("{name}: loss {}{}", number_format::number(score.loss, 4), accuracy.unwrap_or_default()))
}

/// The matrix, with a row for each class and a column for each predicted class.
fn matrix_ui(ui: &mut Ui, confusion: &Confusion, names: &[String], data: &str, theme: &Theme) {
    let (area, response) = ui.allocate_exact_size(ui.available_size(), Sense::hover());
    let classes = names.len();
    let font = FontId::proportional(NUMBER_PTS);
    let galley = |text: &str, color: Color32| ui.painter().layout_no_wrap(text.to_owned(), font.clone(), color);
    let widest = names.iter().map(|name| galley(name, theme.text).size().x).fold(0.0, f32::max);
    let names_width = widest.min(0.3 * area.width()) + 8.0;
    let header = 2.0 * (NUMBER_PTS + 5.0);
    let cell = ((area.width() - names_width - 22.0) / classes as f32).min((area.height() - header) / classes as f32);
    let cell = cell.min(MAX_CELL_PTS);
    let corner = area.min + Vec2::new(22.0 + names_width, header);
    let at = |row: usize, column: usize| {
        Rect::from_min_size(corner + cell * Vec2::new(column as f32, row as f32), Vec2::splat(cell))
    };
    let painter = ui.painter().with_clip_rect(area);
    let middle = corner.x + 0.5 * cell * classes as f32;
    painter.text(Pos2::new(middle, area.top()), Align2::CENTER_TOP, "predicted", font.clone(), theme.faint);
    let side = galley("class", theme.faint);
    let side_at = Pos2::new(area.left(), corner.y + 0.5 * (cell * classes as f32 + side.size().x));
    painter.add(egui::epaint::TextShape::new(side_at, side, theme.faint).with_angle(-std::f32::consts::FRAC_PI_2));
    let shows_numbers = cell >= MIN_NUMBER_CELL_PTS;
    let every = (NUMBER_PTS / cell).ceil().max(1.0) as usize;
    for (class, name) in names.iter().enumerate().step_by(every) {
        let row = Rect::from_min_max(Pos2::new(area.left() + 20.0, at(class, 0).top()), at(class, 0).left_bottom());
        let right = row.right_center() - Vec2::new(6.0, 0.0);
        painter.with_clip_rect(row).text(right, Align2::RIGHT_CENTER, name, font.clone(), theme.text);
        let column = at(0, class);
        let top = Rect::from_min_max(Pos2::new(column.left(), area.top()), Pos2::new(column.right(), column.top()));
        let below = column.center_top() - Vec2::new(0.0, 3.0);
        painter.with_clip_rect(top).text(below, Align2::CENTER_BOTTOM, name, font.clone(), theme.text);
    }
    for class in 0..classes {
        let samples = confusion.samples(class).max(1) as f32;
        for predicted in 0..classes {
            let rect = at(class, predicted);
            let count = confusion.count(class, predicted);
            let color = if class == predicted { theme.value.positive } else { theme.loss };
            let share = count as f32 / samples;
            let fill = if count == 0 { theme.background } else { color.gamma_multiply(0.15 + 0.6 * share) };
            painter.rect(rect, 0.0, fill, Stroke::new(1.0, theme.line), StrokeKind::Inside);
            if shows_numbers && count > 0 {
                let text = galley(&count.to_string(), theme.text);
                // A long number shrinks rather than leaving its cell.
                let size = NUMBER_PTS * ((cell - 6.0) / text.size().x).min(1.0);
                let font = FontId::proportional(size);
                painter.text(rect.center(), Align2::CENTER_CENTER, count.to_string(), font, theme.text);
            }
        }
    }
    response.widget_info(|| {
        WidgetInfo::labeled(
            Role::Image,
            true,
            format!("confusion matrix of the {data} data, {}", words(confusion, names)),
        )
    });
    let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|_| response.hovered());
    let pointed = pointer.and_then(|pointer| {
        let cells = (pointer - corner) / cell;
        let inside = (0.0..classes as f32).contains(&cells.x) && (0.0..classes as f32).contains(&cells.y);
        inside.then_some((pointer, cells.y as usize, cells.x as usize))
    });
    if let Some((pointer, class, predicted)) = pointed {
        let (count, samples) = (confusion.count(class, predicted), confusion.samples(class));
        let undecided = confusion.undecided(class);
        let without = if undecided > 0 { format!("\n{undecided} without a prediction") } else { String::new() };
        let text = format!("class {}\npredicted {}: {count} of {samples}{without}", names[class], names[predicted]);
        readout(ui, area, pointer, &text, theme);
    }
}

/// The matrix in words: for each class the number of right predictions and the most frequent wrong one.
fn words(confusion: &Confusion, names: &[String]) -> String {
    let row = |class: usize| {
        let right =
            format!("class {}: {} of {} right", names[class], confusion.count(class, class), confusion.samples(class));
        let wrong = (0..names.len()).filter(|other| *other != class).max_by_key(|other| confusion.count(class, *other));
        match wrong.filter(|other| confusion.count(class, *other) > 0) {
            Some(other) => format!("{right}, {} predicted as {}", confusion.count(class, other), names[other]),
            None => right,
        }
    };
    (0..names.len()).map(row).collect::<Vec<_>>().join("; ")
}
