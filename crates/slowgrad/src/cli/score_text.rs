//! Losses, accuracies and confusion matrices as text for the terminal.

use slowgrad_engine::evaluation::{ClassTargets, Confusion, Evaluation, Score};
use slowgrad_engine::io_names::IoNames;
use slowgrad_timeline::number_format;
use unicode_width::UnicodeWidthStr as _;

/// The largest number of classes whose confusion matrix is printed.
const MAX_PRINTED_CLASSES: usize = 20;

/// The scores before and after training.
pub(super) fn summary(first: Score, last: Score, test: Option<Score>) -> String {
    let number = |x: f64| number_format::number(x, 6);
    let train_accuracy = first.accuracy.zip(last.accuracy);
    let parts = [
        Some(format!("train loss {} → {}", number(first.loss), number(last.loss))),
        train_accuracy.map(|(first, last)| format!("train accuracy {} → {}", number(first), number(last))),
        test.map(|test| format!("test loss {}", number(test.loss))),
        test.and_then(|test| test.accuracy).map(|accuracy| format!("test accuracy {}", number(accuracy))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// The confusion matrix of training or test data as a table after a line break; empty without classes, or with many.
pub(super) fn confusion_table(data: &str, evaluation: &Evaluation, names: &IoNames) -> String {
    let few = evaluation.confusion().filter(|confusion| confusion.classes() <= MAX_PRINTED_CLASSES);
    few.map(|confusion| table(data, confusion, evaluation.classes(), names)).unwrap_or_default()
}

fn table(data: &str, confusion: &Confusion, classes: Option<ClassTargets>, names: &IoNames) -> String {
    let name = |class: usize| classes.map_or_else(|| class.to_string(), |classes| classes.name(class, names));
    let all = 0..confusion.classes();
    let undecided = all.clone().any(|class| confusion.undecided(class) > 0);
    let mut rows = vec![[String::new()].into_iter().chain(all.clone().map(name)).collect::<Vec<_>>()];
    rows.extend(all.clone().map(|class| {
        let counts = all.clone().map(|predicted| confusion.count(class, predicted).to_string());
        [name(class)].into_iter().chain(counts).collect()
    }));
    if undecided {
        rows[0].push("none".into());
        for class in all {
            rows[class + 1].push(confusion.undecided(class).to_string());
        }
    }
    let widths: Vec<usize> =
        (0..rows[0].len()).map(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or(0)).collect();
    let mut text = format!("\nconfusion of the {data} data (a row for each class, a column for each predicted class)");
    for row in rows {
        text.push('\n');
        for (cell, width) in row.iter().zip(&widths) {
            text += &" ".repeat(2 + width - cell.width());
            text += cell;
        }
    }
    text
}
