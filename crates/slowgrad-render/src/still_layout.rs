//! The composition of a still: network, formula, explanation, script, caption and phases in one image.
//!
//! Images and films use it. All parts scale with the given area, from a thumbnail to a projector. A part that does not
//! fit is omitted as a whole, never cut.

use std::sync::Arc;

use egui::text::LayoutJob;
use egui::{FontId, Galley, Pos2, Rect, Stroke, TextStyle, Ui, UiBuilder, Vec2};
use slowgrad_timeline::scene::{Bounds, Ink, Inspector, Scene, Target, View};

use crate::fonts::replace_missing_glyphs;
use crate::network::{legend_ui, network_ui};
use crate::panels::{comparison_ui, formula_ui, inspector_ui};
use crate::script::script_ui;
use crate::theme::{self, Theme, mix};

/// The size at which text has its normal size.
const DESIGN_SIZE_PTS: Vec2 = Vec2::new(1280.0, 720.0);
/// The smallest size of body text; parts are omitted rather than set smaller.
const MIN_BODY_SIZE_PTS: f32 = 9.0;
/// The smallest size of a caption.
const MIN_CAPTION_SIZE_PTS: f32 = 7.0;
/// The largest number of script lines.
const MAX_SCRIPT_LINES: f32 = 14.0;

/// A coloured section of the phase strip at the bottom.
#[derive(Debug, Clone, PartialEq)]
pub struct PhaseMark {
    /// The name, shown if it fits.
    pub label: String,
    /// The colour.
    pub ink: Ink,
    /// Start as a fraction of the step, 0 to 1.
    pub start: f32,
    /// End as a fraction of the step, 0 to 1.
    pub end: f32,
}

/// The contents of a still.
#[derive(Debug, Clone, Copy)]
pub struct StillContent<'a> {
    /// The scene.
    pub scene: &'a Scene,
    /// The explanation of the selected element.
    pub inspector: Option<&'a Inspector>,
    /// The selected element, highlighted in the network.
    pub selected: Option<Target>,
    /// The title at the top.
    pub title: &'a str,
    /// The phases of the step.
    pub phases: &'a [PhaseMark],
    /// Position of the playhead as a fraction of the step, 0 to 1.
    pub progress: f32,
}

/// The areas of a still's parts, in points.
struct StillLayout {
    /// Size of text and gaps relative to the design size.
    scale: f32,
    header: Rect,
    network: Rect,
    caption: Rect,
    column: Rect,
    strip: Rect,
}

impl StillLayout {
    fn new(whole: Rect, has_phases: bool) -> Self {
        let size = whole.size();
        let portrait = size.y > 1.1 * size.x;
        let design = if portrait { Vec2::new(DESIGN_SIZE_PTS.y, DESIGN_SIZE_PTS.x) } else { DESIGN_SIZE_PTS };
        let scale = (size / design).min_elem().clamp(0.72, 3.0);
        let pad = 14.0 * scale;
        let area = whole.shrink(pad);
        let header = Rect::from_min_size(area.min, Vec2::new(area.width(), 28.0 * scale));
        let strip_height = if has_phases { 26.0 * scale } else { 0.0 };
        let strip = Rect::from_min_max(Pos2::new(area.left(), area.bottom() - strip_height), area.max);
        let body = Rect::from_min_max(
            Pos2::new(area.left(), header.bottom() + 0.7 * pad),
            Pos2::new(area.right(), strip.top() - if has_phases { 0.8 * pad } else { 0.0 }),
        );
        let (left, column) = if portrait {
            let cut = body.top() + 0.52 * body.height();
            (body.with_max_y(cut - 0.5 * pad), body.with_min_y(cut + 0.5 * pad))
        } else {
            let cut = body.right() - (0.335 * size.x).max(215.0).min(0.45 * size.x);
            (body.with_max_x(cut - 0.5 * pad), body.with_min_x(cut + 0.5 * pad))
        };
        let caption = left.with_min_y(left.bottom() - 52.0 * scale);
        let network = left.with_max_y(caption.top() - 0.4 * pad);
        Self { scale, header, network, caption, column, strip }
    }
}

/// The size of the network's area in a still of `size` points, in points.
pub fn still_network_size(size: Vec2) -> Vec2 {
    StillLayout::new(Rect::from_min_size(Pos2::ZERO, size), true).network.size()
}

/// The zoom at which a network with these bounds fits a still of `size` points, in points per world unit.
pub fn still_zoom(size: Vec2, bounds: Bounds) -> f32 {
    let mut view = View::default();
    view.fit(bounds, still_network_size(size));
    view.zoom
}

/// Draws a still into the available space.
pub fn still_ui(ui: &mut Ui, content: &StillContent<'_>, theme: &Theme) {
    let whole = ui.max_rect();
    let StillLayout { scale, header, network, caption, column, strip } =
        StillLayout::new(whole, !content.phases.is_empty());
    ui.set_style(theme::scaled(ui.style(), scale));
    ui.painter().rect_filled(whole, 0.0, theme.background);

    header_ui(ui, header, content, scale, theme);
    let mut view = View { selected: content.selected, ..View::default() };
    ui.scope_builder(UiBuilder::new().max_rect(network), |ui| network_ui(ui, content.scene, &mut view, theme));
    caption_ui(ui, caption, &content.scene.caption, scale, theme);
    column_ui(ui, column, content, scale, theme);
    if !content.phases.is_empty() {
        strip_ui(ui, strip, content.phases, content.progress, scale, theme);
    }
    ui.advance_cursor_after_rect(whole);
}

fn font(ui: &Ui, style: &TextStyle) -> FontId {
    style.resolve(ui.style())
}

/// One line of text, truncated with `…` at `width` points.
fn line(ui: &Ui, text: &str, font: FontId, color: egui::Color32, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple_singleline(replace_missing_glyphs(text).into_owned(), font, color);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width.max(1.0));
    ui.painter().layout_job(job)
}

/// Title and status on one line.
fn header_ui(ui: &mut Ui, area: Rect, content: &StillContent<'_>, scale: f32, theme: &Theme) {
    let status = line(ui, &content.scene.status, font(ui, &TextStyle::Body), theme.faint, 0.62 * area.width());
    let gap = 16.0 * scale;
    let title =
        line(ui, content.title, font(ui, &TextStyle::Heading), theme.text, area.width() - status.size().x - gap);
    let middle = area.center().y;
    let at = |galley: &Galley, x: f32| Pos2::new(x, middle - galley.size().y / 2.0);
    let painter = ui.painter();
    let status_x = if content.title.is_empty() { area.left() } else { area.right() - status.size().x };
    painter.galley(at(&status, status_x), status, theme.faint);
    painter.galley(at(&title, area.left()), title, theme.text);
    painter.hline(area.x_range(), area.bottom() + 2.0 * scale, Stroke::new(1.0, theme.line));
}

/// The caption of the lesson, or the legend of the colours without one.
fn caption_ui(ui: &mut Ui, area: Rect, caption: &str, scale: f32, theme: &Theme) {
    if caption.is_empty() {
        let row = Rect::from_min_max(Pos2::new(area.left(), area.bottom() - 20.0 * scale), area.max);
        ui.scope_builder(UiBuilder::new().max_rect(row), |ui| legend_ui(ui, theme));
        return;
    }
    let pad = 12.0 * scale;
    let mut size = 19.0 * scale;
    let text = replace_missing_glyphs(caption).into_owned();
    let max_height = area.height() - 0.5 * pad;
    let lay_out = |size: f32, width: f32| {
        let mut job = LayoutJob::simple(text.clone(), FontId::proportional(size), theme.text, width);
        job.halign = egui::Align::Center;
        // A text that is too long at the smallest size ends with `…`.
        let row_height = ui.painter().fonts_mut(|fonts| fonts.row_height(&FontId::proportional(size)));
        job.wrap.max_rows = ((max_height / row_height) as usize).max(1);
        ui.painter().layout_job(job)
    };
    let mut width = area.width() - 2.0 * pad;
    while size > MIN_CAPTION_SIZE_PTS && lay_out(size, width).elided {
        size *= 0.93;
    }
    // Balance the lines, so that the last one is not a single word.
    let rows = lay_out(size, width).rows.len();
    let is_same = |galley: &Galley| galley.rows.len() == rows && !galley.elided;
    while rows > 1 && width > 0.5 * area.width() && is_same(&lay_out(size, 0.96 * width)) {
        width *= 0.96;
    }
    let galley = lay_out(size, width);
    let painter = ui.painter();
    painter.rect_filled(area, 8.0 * scale, theme.panel);
    painter.rect_filled(area.with_max_x(area.left() + 4.0 * scale), 2.0 * scale, theme.accent);
    let top = area.center().y - galley.size().y / 2.0;
    painter.galley(Pos2::new(area.center().x, top), galley, theme.text);
}

/// A part of the right column.
type Card<'a> = Box<dyn Fn(&mut Ui) + 'a>;

/// Formula, explanation and script, as many as fit.
fn column_ui(ui: &mut Ui, area: Rect, content: &StillContent<'_>, scale: f32, theme: &Theme) {
    let painter = ui.painter();
    painter.rect_filled(area, 10.0 * scale, theme.panel);
    let inner = area.shrink2(Vec2::new(14.0, 12.0) * scale);
    let gap = 22.0 * scale;
    let scene = content.scene;

    let formula: Card<'_> = Box::new(|ui| {
        formula_ui(ui, &scene.formula, theme);
    });
    let extra: Option<Card<'_>> = match content.inspector {
        Some(inspector) => Some(Box::new(move |ui: &mut Ui| {
            inspector_ui(ui, inspector, theme);
        })),
        None if !scene.comparisons.is_empty() => {
            Some(Box::new(|ui: &mut Ui| comparison_ui(ui, &scene.comparisons, theme)))
        }
        None => None,
    };
    let script_height = |ui: &Ui, shrink: f32, lines: f32| {
        let mono = (font(ui, &TextStyle::Monospace).size * shrink * 1.5).round();
        lines * mono + font(ui, &TextStyle::Small).size * shrink * 1.6 + ui.spacing().item_spacing.y * shrink
    };

    // The formula is always shown. Smaller text takes precedence over omitting a part, and the explanation over the
    // script.
    let body = font(ui, &TextStyle::Body).size;
    let min_shrink = (MIN_BODY_SIZE_PTS / body).min(1.0);
    let steps = [1.25, 1.12, 1.0, 0.92, 0.85, 0.78, 0.7].map(|shrink: f32| shrink.max(min_shrink));
    let script_lines = |mark: &slowgrad_timeline::scene::ScriptMark| {
        (mark.location.source.text.trim_end().lines().count() as f32).min(MAX_SCRIPT_LINES)
    };
    let mut chosen = (min_shrink, false, false);
    'search: for (with_extra, with_script) in [(true, true), (true, false), (false, true), (false, false)] {
        if (with_extra && extra.is_none()) || (with_script && scene.script.is_none()) {
            continue;
        }
        for shrink in steps {
            let mut height = measure(ui, inner.width(), shrink, &formula);
            if let Some(extra) = extra.as_ref().filter(|_| with_extra) {
                height += gap + measure(ui, inner.width(), shrink, extra);
            }
            if let Some(mark) = scene.script.as_ref().filter(|_| with_script) {
                // Enlarge text only if the whole script still fits.
                let lines = if shrink > 1.0 { script_lines(mark) } else { 3.0 };
                height += gap + script_height(ui, shrink, lines);
            }
            if height <= inner.height() {
                chosen = (shrink, with_extra, with_script);
                break 'search;
            }
        }
    }
    let (shrink, has_extra, has_script) = chosen;

    let mut top = inner.top();
    let separate = |ui: &Ui, top: &mut f32| {
        ui.painter().hline(inner.x_range(), *top + gap / 2.0, Stroke::new(1.0, theme.line));
        *top += gap;
    };
    let show = |ui: &mut Ui, top: f32, card: &Card<'_>| {
        let rect = inner.with_min_y(top);
        let style = theme::scaled(ui.style(), shrink);
        let shown = ui.scope_builder(UiBuilder::new().max_rect(rect).style(style), |ui| {
            ui.set_clip_rect(area.intersect(ui.clip_rect()));
            card(ui);
        });
        top + shown.response.rect.height()
    };
    top = show(ui, top, &formula);
    if let Some(extra) = extra.as_ref().filter(|_| has_extra) {
        separate(ui, &mut top);
        top = show(ui, top, extra);
    }
    if let Some(mark) = scene.script.as_ref().filter(|_| has_script) {
        separate(ui, &mut top);
        let height = script_height(ui, shrink, script_lines(mark));
        let bottom = (top + height + 1.0).min(inner.bottom());
        let rect = Rect::from_min_max(Pos2::new(inner.left(), top), Pos2::new(inner.right(), bottom));
        let style = theme::scaled(ui.style(), shrink);
        ui.scope_builder(UiBuilder::new().max_rect(rect).style(style), |ui| script_ui(ui, mark, theme));
    }
}

/// Height of a card at this width, from an invisible layout.
fn measure(ui: &mut Ui, width: f32, shrink: f32, card: &Card<'_>) -> f32 {
    let rect = Rect::from_min_size(ui.max_rect().min, Vec2::new(width, 10_000.0));
    let style = theme::scaled(ui.style(), shrink);
    let mut invisible =
        ui.new_child(UiBuilder::new().max_rect(rect).style(style).invisible().id_salt(("measure", shrink.to_bits())));
    card(&mut invisible);
    invisible.min_rect().height()
}

/// The phases as a progress bar.
fn strip_ui(ui: &Ui, area: Rect, phases: &[PhaseMark], progress: f32, scale: f32, theme: &Theme) {
    let painter = ui.painter();
    let bar = area.shrink2(Vec2::new(0.0, 3.0 * scale));
    painter.rect_filled(bar, 5.0 * scale, theme.panel);
    let x_of = |share: f32| egui::lerp(bar.x_range(), share.clamp(0.0, 1.0));
    let playhead = x_of(if progress.is_nan() { 0.0 } else { progress });
    let label_font = font(ui, &TextStyle::Small);
    for phase in phases {
        let gap = 1.0 * scale;
        let (from, to) = (x_of(phase.start) + gap, x_of(phase.end) - gap);
        if to <= from {
            continue;
        }
        let color = mix(theme.panel, theme.color(phase.ink), 0.82);
        let ahead = mix(theme.panel, color, 0.34);
        let rect = Rect::from_x_y_ranges(from..=to, bar.y_range());
        let radius = (4.0 * scale).min(rect.width() / 2.0);
        painter.rect_filled(rect, radius, ahead);
        let past = painter.with_clip_rect(rect.with_max_x(playhead.clamp(from, to)));
        past.rect_filled(rect, radius, color);
        let galley =
            painter.layout_no_wrap(replace_missing_glyphs(&phase.label).into_owned(), label_font.clone(), theme.text);
        if galley.size().x + 10.0 * scale <= rect.width() {
            // The text changes colour at the playhead.
            let pos = rect.center() - galley.size() / 2.0;
            let rest = painter.with_clip_rect(rect.with_min_x(playhead.clamp(from, to)));
            rest.galley_with_override_text_color(pos, Arc::clone(&galley), theme.readable_on(ahead));
            past.galley_with_override_text_color(pos, galley, theme.readable_on(color));
        }
    }
    let playhead_color = if theme.dark_mode { egui::Color32::WHITE } else { theme.text };
    painter.vline(playhead, area.y_range(), Stroke::new(2.0 * scale, playhead_color));
    painter.circle_filled(Pos2::new(playhead, area.top()), 4.0 * scale, playhead_color);
}
