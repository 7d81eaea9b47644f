//! The explaining panels: formula, inspector, comparison of outputs and targets.
//!
//! They are read-only, so that windows and offscreen images share them, and return the clicked link. Font sizes follow
//! the text styles of the `Ui`, so that callers scale a panel by its style.

use egui::{Color32, RichText, Role, Sense, TextStyle, Ui, Vec2, WidgetInfo};
use slowgrad_timeline::scene::{Formula, Ink, Inspector, InspectorRow, Link, Math, OutputComparison};

use crate::fonts::replace_missing_glyphs;
use crate::math::{MathLayout, colored_math_ui, math_ui};
use crate::theme::Theme;

/// The largest number of outputs in a comparison; a line counts the others.
const MAX_COMPARED_OUTPUTS: usize = 10;

/// Size of body text, in points.
fn body_size(ui: &Ui) -> f32 {
    TextStyle::Body.resolve(ui.style()).size
}

/// Whether a formula has no visible character.
fn is_empty(math: &Math) -> bool {
    match math {
        Math::Row(parts) => parts.iter().all(is_empty),
        Math::Text(text) | Math::Variable(text) | Math::Prose(text) => text.trim().is_empty(),
        Math::Marked { math, .. } => is_empty(math),
        _ => false,
    }
}

/// A heading in small secondary text.
pub(crate) fn title_ui(ui: &mut Ui, title: &str, theme: &Theme) {
    ui.add(
        egui::Label::new(RichText::new(replace_missing_glyphs(title)).text_style(TextStyle::Small).color(theme.faint))
            .wrap(),
    );
}

/// Shows a derivation: the question, the formula in symbols, with numbers, its result, and why a factor is 0 or 1.
/// Returns the link of the number that was clicked.
pub fn formula_ui(ui: &mut Ui, formula: &Formula, theme: &Theme) -> Option<Link> {
    let base = body_size(ui);
    let mut clicked = None;
    if !formula.title.is_empty() {
        title_ui(ui, &formula.title, theme);
    }
    if !formula.question.is_empty() {
        prose_ui(ui, &formula.question, 1.1 * base, theme.text);
    }
    ui.add_space((0.35 * base).round());
    if !is_empty(&formula.symbols) {
        // A slightly smaller formula is better than a line break.
        let size = 1.5 * base;
        let width = crate::math::measure(ui.painter(), &formula.symbols, size).x;
        let fitting = (0.98 * ui.available_width() / width.max(1.0)).min(1.0);
        let size = if fitting < 0.7 { size } else { size * fitting };
        clicked = clicked.or(math_ui(ui, &formula.symbols, size, theme).clicked);
    }
    let equals = || Math::text("= ").ink(Ink::Faint);
    if !is_empty(&formula.numbers) {
        ui.add_space((0.2 * base).round());
        let numbers = Math::row([equals(), formula.numbers.clone()]);
        clicked = clicked.or(math_ui(ui, &numbers, 1.2 * base, theme).clicked);
    }
    if !is_empty(&formula.result) {
        ui.add_space((0.1 * base).round());
        let result = Math::row([equals(), formula.result.clone()]);
        clicked = clicked.or(math_ui(ui, &result, 1.5 * base, theme).clicked);
    }
    ui.add_space((0.25 * base).round());
    for note in &formula.notes {
        clicked = clicked.or(math_ui(ui, note, 1.05 * base, theme).clicked);
    }
    for why in &formula.why {
        prose_ui(ui, why, base, theme.text);
    }
    if !formula.sentence.is_empty() {
        ui.add_space((0.15 * base).round());
        prose_ui(ui, &formula.sentence, base, theme.faint);
    }
    clicked
}

/// A wrapped paragraph.
fn prose_ui(ui: &mut Ui, text: &str, size: f32, color: Color32) -> egui::Response {
    ui.add(egui::Label::new(RichText::new(replace_missing_glyphs(text)).size(size).color(color)).wrap())
}

/// Shows the explanation of an element, row by row under headings. Returns the link of the number that was clicked.
pub fn inspector_ui(ui: &mut Ui, inspector: &Inspector, theme: &Theme) -> Option<Link> {
    let base = body_size(ui);
    let mut clicked = None;
    prose_ui(ui, &inspector.title, 1.1 * base, theme.text);
    for section in &inspector.sections {
        if !section.heading.is_empty() {
            ui.add_space((0.5 * base).round());
            let color = theme.text_color(Ink::Accent, theme.panel);
            let heading = RichText::new(replace_missing_glyphs(&section.heading)).size(1.1 * base).color(color);
            let response = ui.add(egui::Label::new(heading).wrap());
            ui.ctx().accesskit_node_builder(response.id, |node| {
                node.set_role(Role::Heading);
                node.set_label(section.heading.as_str());
            });
        }
        for row in &section.rows {
            clicked = clicked.or(ui.push_id(ui.next_auto_id(), |ui| row_ui(ui, row, theme)).inner);
        }
    }
    clicked
}

/// A name, its value and a sentence. A short value is on the line of its name, a long one below.
fn row_ui(ui: &mut Ui, row: &InspectorRow, theme: &Theme) -> Option<Link> {
    let base = body_size(ui);
    ui.spacing_mut().item_spacing.y = (0.15 * base).round();
    let width = ui.available_width();
    let layout = |math: &Math| MathLayout::wrapped(ui.painter(), math, base, f32::INFINITY);
    let (label, value) = (layout(&row.label), layout(&row.value));
    let clicked = if label.size().x + value.size().x + base < width {
        // Align the baselines.
        let baseline = label.baseline().max(value.baseline());
        let below = (label.size().y - label.baseline()).max(value.size().y - value.baseline());
        let (line, _) = ui.allocate_exact_size(Vec2::new(width, (baseline + below).ceil()), Sense::hover());
        let rect_at = |layout: &MathLayout, x: f32| {
            egui::Rect::from_min_size(egui::Pos2::new(x, line.top() + baseline - layout.baseline()), layout.size())
        };
        let (left, right) = (rect_at(&label, line.left()), rect_at(&value, line.right() - value.size().x - 1.0));
        let at = |ui: &mut Ui, salt: &str, rect: egui::Rect, math: &Math, color| {
            // Rounding must not wrap a formula that fits exactly.
            let builder = egui::UiBuilder::new().id_salt(salt).max_rect(rect.expand2(Vec2::new(0.5, 0.0)));
            colored_math_ui(&mut ui.new_child(builder), math, base, color, theme).clicked
        };
        at(ui, "label", left, &row.label, theme.faint).or(at(ui, "value", right, &row.value, theme.text))
    } else {
        let clicked = colored_math_ui(ui, &row.label, base, theme.faint, theme).clicked;
        let indent = (1.2 * base).round();
        clicked.or(ui
            .horizontal(|ui| {
                ui.add_space(indent);
                ui.vertical(|ui| math_ui(ui, &row.value, base, theme).clicked).inner
            })
            .inner)
    };
    if !row.why.is_empty() {
        let why = RichText::new(replace_missing_glyphs(&row.why)).text_style(TextStyle::Small).color(theme.faint);
        ui.add(egui::Label::new(why).wrap());
        ui.add_space((0.15 * base).round());
    }
    clicked
}

/// Shows target, output and difference of each output, with a bar to the left or right for the difference.
pub fn comparison_ui(ui: &mut Ui, comparisons: &[OutputComparison], theme: &Theme) {
    if comparisons.is_empty() {
        return;
    }
    let font = TextStyle::Body.resolve(ui.style());
    let base = font.size;
    let line = (1.5 * base).round();
    let width = ui.available_width();
    // Right edges of the columns as fractions of the width. The bar takes the rest if all headings fit beside it.
    let head = 0.85 * base;
    let headings = ["target", "output", "difference"];
    let galley = |text: &str| {
        let font = egui::FontId::new(head, font.family.clone());
        ui.painter().layout_no_wrap(text.to_owned(), font, theme.faint)
    };
    let widest = headings.iter().map(|heading| galley(heading).size().x).fold(0.0, f32::max);
    let has_bar = 0.22 * width > widest + 0.6 * base;
    let columns = if has_bar { [0.08, 0.30, 0.52, 0.74] } else { [0.08, 0.38, 0.69, 1.0] };
    let largest = comparisons.iter().map(|c| (c.output - c.target).abs()).filter(|d| d.is_finite()).fold(0.0, f64::max);
    let shown = &comparisons[..comparisons.len().min(MAX_COMPARED_OUTPUTS)];

    let row_ui = |ui: &mut Ui, cells: [(String, Color32); 4], size: f32, bar: Option<f64>| {
        let (rect, response) = ui.allocate_exact_size(Vec2::new(width, line), Sense::hover());
        let words = cells.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" ");
        response.widget_info(|| WidgetInfo::labeled(Role::Label, ui.is_enabled(), &words));
        for ((text, color), share) in cells.into_iter().zip(columns) {
            let galley = ui.painter().layout_no_wrap(text, egui::FontId::new(size, font.family.clone()), color);
            let pos =
                egui::Pos2::new(rect.left() + share * width - galley.size().x, rect.center().y - galley.size().y / 2.0);
            ui.painter().galley(pos.max(egui::Pos2::new(rect.left(), f32::MIN)), galley, color);
        }
        if let Some(difference) = bar.filter(|_| has_bar) {
            let left = rect.left() + 0.79 * width;
            let middle = left.midpoint(rect.right());
            let reach = (rect.right() - middle) * (difference / largest.max(1e-12)) as f32;
            let x = if reach < 0.0 { middle + reach..=middle } else { middle..=middle + reach };
            let band = egui::Rect::from_x_y_ranges(x, rect.center().y - 0.25 * base..=rect.center().y + 0.25 * base);
            ui.painter().rect_filled(band, 2.0, theme.value.at(difference.signum() as f32));
            ui.painter().vline(middle, rect.y_range(), egui::Stroke::new(1.0, theme.line));
        }
    };

    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        let [target, output, difference] = headings.map(|heading| (heading.to_owned(), theme.faint));
        row_ui(ui, [(String::new(), theme.faint), target, output, difference], head, None);
        for (i, comparison) in shown.iter().enumerate() {
            let difference = comparison.output - comparison.target;
            let level = Ink::Value(if difference < 0.0 { -1.0 } else { 1.0 });
            let cells = [
                ((i + 1).to_string(), theme.faint),
                (number(comparison.target), theme.text),
                (number(comparison.output), theme.text),
                (signed(difference), theme.text_color(level, theme.panel)),
            ];
            row_ui(ui, cells, base, Some(difference));
        }
        if comparisons.len() > shown.len() {
            title_ui(ui, &format!("and {} more outputs", comparisons.len() - shown.len()), theme);
        }
    });
}

/// Three digits after the decimal point, or scientific notation for very small and very large numbers.
fn number(value: f64) -> String {
    let text =
        if value == 0.0 || (1e-3..1e5).contains(&value.abs()) { format!("{value:.3}") } else { format!("{value:.2e}") };
    text.replace('-', "−")
}

/// Like [`number`], with an explicit plus sign.
fn signed(value: f64) -> String {
    let text = number(value);
    if value > 0.0 { format!("+{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_sign_and_three_digits() {
        assert_eq!(number(-0.5), "−0.500");
        assert_eq!(number(0.000_012), "1.20e−5");
        assert_eq!(signed(0.25), "+0.250");
        assert_eq!(signed(0.0), "0.000");
        assert_eq!(number(f64::NAN), "NaN");
    }

    #[test]
    fn blank_formulas_are_empty() {
        assert!(is_empty(&Math::row([Math::text(" "), Math::text("").ink(Ink::Text)])));
        assert!(!is_empty(&Math::indexed("w", "1")));
    }
}
