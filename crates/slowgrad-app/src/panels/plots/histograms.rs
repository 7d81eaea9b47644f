//! The distributions of weights and gradients, layer by layer.

use super::axes::{Axis, placeholder_ui, plain, plot_ui, readout};
use egui::{Color32, Role, ScrollArea, Ui, UiBuilder, Vec2, WidgetInfo};
use egui_plot::{Bar, BarChart};
use slowgrad_render::{Ramp, Theme};
use slowgrad_session::Histogram;
use slowgrad_session::Session;

/// The minimum width of a layer's histograms.
const MIN_LAYER_WIDTH_PTS: f32 = 98.0;

pub(super) fn histograms_ui(ui: &mut Ui, session: &Session, theme: &Theme) {
    let Some(layers) = session.snapshot.as_ref().and_then(|snapshot| snapshot.plots.histograms.clone()) else {
        return placeholder_ui(ui, "Computing…", theme);
    };
    let room = ui.available_size();
    let width = ((room.x - 8.0 * (layers.len() - 1) as f32) / layers.len() as f32).max(MIN_LAYER_WIDTH_PTS);
    ScrollArea::horizontal().id_salt("histograms").auto_shrink(false).show(ui, |ui| {
        let corner = ui.min_rect().min;
        let bar = if width > MIN_LAYER_WIDTH_PTS { 0.0 } else { 12.0 };
        let size = Vec2::new(width, 0.5 * (room.y - 6.0 - bar));
        for (layer, both) in layers.iter().enumerate() {
            let name = if layer + 1 == layers.len() { "output".to_owned() } else { format!("layer {}", layer + 1) };
            let rows = [
                (format!("{name}: w and b"), &both.values, theme.value),
                ("gradients".to_owned(), &both.grads, theme.gradient),
            ];
            for (row, (title, histogram, ramp)) in rows.into_iter().enumerate() {
                let min = corner + Vec2::new(layer as f32 * (width + 8.0), row as f32 * (size.y + 6.0));
                let rect = egui::Rect::from_min_size(min, size);
                let salt = (layer, row);
                ui.scope_builder(UiBuilder::new().max_rect(rect).id_salt(salt), |ui| {
                    histogram_ui(ui, (&name, &title), histogram, ramp, theme);
                });
            }
        }
    });
}

fn histogram_ui(ui: &mut Ui, (layer, title): (&str, &str), histogram: &Histogram, ramp: Ramp, theme: &Theme) {
    ui.spacing_mut().item_spacing.y = 1.0;
    let total = histogram.counts.iter().sum::<u64>() + histogram.zeros + histogram.strange;
    let zeros = (histogram.zeros > 0).then(|| format!("{} of {total} exactly 0", histogram.zeros));
    let strange = (histogram.strange > 0).then(|| format!("{} not finite", histogram.strange));
    let heading = [Some(title.to_owned()), zeros, strange].into_iter().flatten().collect::<Vec<_>>().join(", ");
    let label = egui::Label::new(egui::RichText::new(&heading).size(12.0).color(theme.faint)).truncate();
    ui.add(label);
    let width = if histogram.width > 0.0 { histogram.width } else { 1.0 };
    let edge = |nth: i64| nth as f64 * width;
    let (first, last) = (histogram.first, histogram.first + histogram.counts.len() as i64);
    let tallest = histogram.counts.iter().copied().max().unwrap_or(0).max(histogram.zeros).max(1);
    let x = [edge(first).min(0.0) - 0.6 * width, edge(last).max(0.0) + 0.6 * width];
    let color = |nth: i64| if nth < 0 { ramp.negative } else { ramp.positive };
    let bars = (first..last)
        .zip(&histogram.counts)
        .map(|(nth, count)| Bar::new(edge(nth) + 0.5 * width, *count as f64).width(0.92 * width).fill(color(nth)));
    let mut bars: Vec<Bar> = bars.collect();
    // Exact zeros have a separate bar at 0.
    if histogram.zeros > 0 {
        let (fill, stroke) = (theme.empty, egui::Stroke::new(1.5, theme.text));
        bars.push(Bar::new(0.0, histogram.zeros as f64).width(0.45 * width).fill(fill).stroke(stroke));
    }
    let count = Axis { counts_steps: true, ..Axis::new("", [0.0, 1.08 * tallest as f64]) };
    let chart = BarChart::new("", bars).color(Color32::TRANSPARENT).allow_hover(false);
    let shown = plot_ui(ui, title, [Axis::new("", x), count], theme, |_| Vec::new(), move |plot| plot.bar_chart(chart));
    shown.response.widget_info(|| {
        WidgetInfo::labeled(Role::Image, true, format!("histogram, {layer}, {heading}, {total} values"))
    });
    if let Some(pointer) = shown.pointer {
        let nth = (pointer.x / width).floor() as i64;
        let zero = histogram.zeros > 0 && pointer.x.abs() < 0.25 * width;
        let text = if zero {
            format!("{} exactly 0", histogram.zeros)
        } else {
            let counted = usize::try_from(nth - first).ok().and_then(|bar| histogram.counts.get(bar)).unwrap_or(&0);
            format!("{counted} from {} to {}", plain(edge(nth)), plain(edge(nth + 1)))
        };
        readout(ui, shown.frame(), shown.at(pointer.x, pointer.y), &text, theme);
    }
}
