//! The timeline strip: the run from all its steps down to single operations, with a playhead that can be dragged, the
//! repeated range and bookmarks.
//!
//! Events are known for the current step only. For other steps the strip shows their number and their loss.

use crate::actions::Action;
use crate::state::App;
use crate::state::timeline_strip::{TimelineStrip, extent, run_time};
use egui::{
    Color32, CursorIcon, FontId, Id, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, StrokeKind, Ui, Vec2,
    WidgetInfo,
};
use slowgrad_render::Theme;
use slowgrad_render::phase_ink;
use slowgrad_session::RunAction;
use slowgrad_session::visible_range::{RunExtent, VisibleRange};
use slowgrad_session::{Session, event_at};
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::Phase;
use slowgrad_timeline::explain::words;
use slowgrad_timeline::number_format;
use slowgrad_timeline::playback::playhead::{Loop, Playhead};
use std::ops::Range;

/// The minimum distance between marks.
const MIN_MARK_GAP_PTS: f32 = 5.0;

/// The width from which an event is labelled.
const MIN_NAMED_EVENT_PTS: usize = 88;

/// The mapping between run time and positions on the strip.
struct StripGeometry<'a> {
    rect: Rect,
    scale: VisibleRange,
    timeline: &'a Timeline,
}

impl StripGeometry<'_> {
    fn x(&self, time: f64) -> f32 {
        self.rect.left() + self.rect.width() * self.scale.share(time) as f32
    }

    fn x_of(&self, event: f64) -> f32 {
        self.x(run_time(self.timeline, event))
    }

    /// The step at a screen position, and the share of the step before it, from 0 to 1.
    fn at(&self, x: f32) -> (u64, f64) {
        let share = f64::from((x - self.rect.left()) / self.rect.width().max(1.0)).clamp(0.0, 1.0);
        let time = self.scale.time(share).max(0.0);
        let step = if share >= 1.0 && time == time.floor() { time.max(1.0) } else { time.floor() + 1.0 };
        (step as u64, time - (step - 1.0))
    }

    /// The visible events of the current step.
    fn events(&self) -> Range<usize> {
        let len = self.timeline.len() as f64;
        let (from, to) = self.scale.ends();
        let before = (self.timeline.step().step - 1) as f64;
        let event = |time: f64| ((time - before) * len).clamp(0.0, len);
        event(from).floor() as usize..event(to).ceil() as usize
    }
}

pub(super) fn timeline_strip_ui(ui: &mut Ui, app: &mut App, session: &mut Session, theme: &Theme) {
    let size = Vec2::new(ui.available_width(), 32.0);
    let (area, response) = ui.allocate_exact_size(size, Sense::click_and_drag());
    let Some((timeline, playhead)) = session.now() else { return };
    let (timeline, playhead) = (timeline.clone(), playhead.clone());
    let strip = &mut app.transport.strip;
    strip.follow(session, &timeline, &playhead);
    let rect = area.shrink2(Vec2::new(6.0, 3.0));
    wheel(ui, &response, rect, strip, extent(session, &timeline));
    let bar = StripGeometry { rect, scale: strip.scale(), timeline: &timeline };
    let step = timeline.step().step;
    let words = format!("timeline, step {step}, event {} of {}", playhead.event() + 1, timeline.len());
    response.widget_info(|| WidgetInfo::slider(true, playhead.position(), &words));

    let painter = ui.painter_at(area);
    painter.rect_filled(rect, 5.0, theme.background);
    let inside = ui.painter_at(rect.expand2(Vec2::new(0.0, 3.0)));
    paint_steps(&inside, &bar, session, theme);
    paint_phases(&inside, &bar, &playhead, theme);
    paint_units(&inside, &bar, &playhead, theme);
    paint_changes(&inside, &bar, session, theme);
    paint_loop(&inside, &bar, &playhead, theme);
    let playhead_color = if theme.dark_mode { Color32::WHITE } else { theme.text };
    let hovered = response.hover_pos().filter(|_| !response.dragged());
    if let Some(pos) = hovered {
        let x = pos.x.clamp(rect.left(), rect.right());
        painter.vline(x, area.y_range(), Stroke::new(1.0, playhead_color.gamma_multiply(0.4)));
    }
    let now = bar.x_of(playhead.position());
    painter.vline(now, area.y_range(), Stroke::new(2.0, playhead_color));
    painter.circle_filled(Pos2::new(now, area.top() + 1.0), 4.5, playhead_color);

    let pointed = response.interact_pointer_pos().filter(|_| response.dragged() || response.clicked());
    let pointed = pointed.map(|pos| bar.at(pos.x));
    let tip = hovered.map(|pos| tooltip(bar.at(pos.x), session, &timeline));
    // egui reports a drag only after some movement, so its start is the press.
    let pressed = ui.input(|input| input.pointer.press_origin()).map(|pos| bar.at(pos.x));
    let range = choose(ui, &response, strip, pressed.zip(pointed), &timeline, playhead.granularity());
    let flags = flags(&bar, session);
    let response = response.on_hover_cursor(CursorIcon::ResizeHorizontal);
    if let Some(text) = tip {
        response.on_hover_text_at_pointer(text);
    }
    match (range, pointed) {
        (Some(range), _) => session.select_range(range),
        (None, Some((step, share))) => session.go_to_fraction(step, share),
        (None, None) => {}
    }
    flags_ui(ui, app, session, area, &flags, theme);
}

/// The wheel zooms at the pointer; with Shift or sideways it scrolls.
fn wheel(ui: &Ui, response: &Response, rect: Rect, strip: &mut TimelineStrip, extent: RunExtent) {
    let Some(pos) = response.hover_pos() else { return };
    let (delta, zoom) = ui.input(|input| (input.smooth_scroll_delta(), input.zoom_delta()));
    let at = f64::from((pos.x - rect.left()) / rect.width().max(1.0)).clamp(0.0, 1.0);
    let factor = f64::from(zoom * (delta.y / 120.0).exp());
    if factor != 1.0 {
        strip.scale_mut().zoom(at, factor, extent);
    }
    if delta.x != 0.0 {
        strip.scale_mut().pan(-f64::from(delta.x / rect.width().max(1.0)), extent);
    }
}

/// Dragging with Shift selects a range of whole units; returns the range during the drag.
fn choose(
    ui: &Ui,
    response: &Response,
    strip: &mut TimelineStrip,
    between: Option<((u64, f64), (u64, f64))>,
    timeline: &Timeline,
    by: Granularity,
) -> Option<Range<usize>> {
    if response.drag_started() && ui.input(|input| input.modifiers.shift) {
        let pressed = between.map(|(pressed, _)| pressed).filter(|(step, _)| *step == timeline.step().step);
        strip.set_selection_start(pressed.map(|(_, share)| event_at(timeline, share)));
    }
    let start = strip.selection_start()?;
    if !response.dragged() {
        strip.set_selection_start(None);
        return None;
    }
    let (_, (step, share)) = between?;
    // Beyond the step, the range ends with the step.
    let event = match step.cmp(&timeline.step().step) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => event_at(timeline, share),
        std::cmp::Ordering::Greater => timeline.len() - 1,
    };
    let (first, last) = (timeline.unit(start.min(event), by), timeline.unit(start.max(event), by));
    Some(first.start..last.end)
}

/// The tooltip at a position.
fn tooltip((step, share): (u64, f64), session: &Session, timeline: &Timeline) -> String {
    if step == timeline.step().step {
        return words::title(timeline, &timeline.address(event_at(timeline, share)));
    }
    let curve = session.snapshot.as_ref().map(|snapshot| snapshot.curves.clone()).unwrap_or_default();
    let at = curve.present.binary_search_by_key(&step, |point| point.step);
    match at {
        Ok(at) => {
            let loss = number_format::number(curve.present[at].loss, 4);
            format!("step {step} · {} {loss}", super::step_loss_name(session))
        }
        Err(_) => format!("step {step}"),
    }
}

/// The steps of the run, with the loss when many are visible.
fn paint_steps(painter: &Painter, bar: &StripGeometry<'_>, session: &Session, theme: &Theme) {
    let Some(snapshot) = &session.snapshot else { return };
    let (from, to) = bar.scale.ends();
    let width = bar.rect.width() / bar.scale.span() as f32;
    let block = |from: f64, to: f64| {
        Rect::from_x_y_ranges(bar.x(from) + 0.5..=(bar.x(to) - 0.5).max(bar.x(from) + 1.0), bar.rect.y_range())
    };
    let done = snapshot.furthest as f64;
    if width < MIN_MARK_GAP_PTS {
        painter.rect_filled(block(from, to.min(done)), 0.0, theme.raised);
    } else {
        for step in from.floor() as u64..(to.ceil() as u64).min(snapshot.furthest) {
            let rect = block(step as f64, (step + 1) as f64);
            painter.rect_filled(rect, 4.0f32.min(rect.width() / 2.0), theme.raised);
            let label = format!("step {}", step + 1);
            let galley = painter.layout_no_wrap(label, FontId::proportional(12.0), theme.faint);
            if galley.size().x + 10.0 < rect.width() && step + 1 != bar.timeline.step().step {
                painter.galley(rect.center() - galley.size() / 2.0, galley, theme.faint);
            }
        }
    }
    if bar.scale.span() < 3.0 {
        return;
    }
    let points = &snapshot.curves.present;
    let seen = points.partition_point(|point| (point.step as f64) < from)
        ..points.partition_point(|point| point.step as f64 <= to + 1.0);
    let every = seen.len().div_ceil(bar.rect.width().max(1.0) as usize).max(1);
    let lines = lines(points[seen].iter().map(|point| (point.step, point.loss)), every);
    let all = || lines.iter().flatten().map(|(_, loss)| *loss);
    let (least, most) = (all().fold(0.0, f64::min), all().fold(0.0, f64::max));
    let place = |&(step, loss): &(u64, f64)| {
        let share = (loss - least) / (most - least).max(f64::MIN_POSITIVE);
        let y = egui::lerp(bar.rect.bottom() - 1.0..=bar.rect.top() + 2.0, share as f32);
        Pos2::new(bar.x(step as f64 - 0.5), y)
    };
    for line in &lines {
        painter.add(Shape::line(line.iter().map(place).collect(), Stroke::new(1.2, theme.loss)));
    }
}

/// Splits losses into lines at values that are not finite. Of each group of steps, the smallest and the largest loss
/// are kept, so that no peak is lost.
fn lines(losses: impl Iterator<Item = (u64, f64)>, every: usize) -> Vec<Vec<(u64, f64)>> {
    let losses: Vec<(u64, f64)> = losses.collect();
    let runs = losses.split(|(_, loss)| !loss.is_finite()).filter(|run| !run.is_empty());
    let line = |run: &[(u64, f64)]| {
        let ends = |some: &[(u64, f64)]| {
            let by_loss = |a: &&(u64, f64), b: &&(u64, f64)| a.1.total_cmp(&b.1);
            let mut ends: Vec<(u64, f64)> =
                some.iter().min_by(by_loss).into_iter().chain(some.iter().max_by(by_loss)).copied().collect();
            ends.sort_by_key(|(step, _)| *step);
            ends.dedup();
            ends
        };
        run.chunks(every).flat_map(ends).collect()
    };
    runs.map(line).collect()
}

/// The phases of the current step: past ones in full colour, future ones faint.
fn paint_phases(painter: &Painter, bar: &StripGeometry<'_>, playhead: &Playhead, theme: &Theme) {
    let now = bar.x_of(playhead.position());
    let samples = bar.timeline.step().samples.len();
    let whole = Rect::from_x_y_ranges(bar.x_of(0.0)..=bar.x_of(bar.timeline.len() as f64), bar.rect.y_range());
    if whole.width() < 3.0 * MIN_MARK_GAP_PTS {
        // Too narrow for phases.
        painter.rect_filled(whole.expand2(Vec2::new(0.5, 0.0)), 2.0, theme.accent.gamma_multiply(0.7));
        return;
    }
    for (phase, sample, range) in bar.timeline.phases() {
        let (from, to) = (bar.x_of(range.start as f64) + 0.5, bar.x_of(range.end as f64) - 0.5);
        if to <= from || to < bar.rect.left() || from > bar.rect.right() {
            continue;
        }
        let color = theme.color(phase_ink(phase));
        let ahead = theme.panel.lerp_to_gamma(color, 0.32);
        let rect = Rect::from_x_y_ranges(from..=to, bar.rect.y_range());
        let radius = 4.0f32.min(rect.width() / 2.0);
        painter.rect_filled(rect, radius, ahead);
        let past = painter.with_clip_rect(rect.with_max_x(now.clamp(from, to)).intersect(painter.clip_rect()));
        past.rect_filled(rect, radius, color);
        let long = match sample {
            Some(sample) if samples > 1 && phase == Phase::Forward => format!("{} {}", phase.name(), sample + 1),
            _ => phase.name().to_owned(),
        };
        if bar.events().len() * MIN_NAMED_EVENT_PTS <= bar.rect.width() as usize {
            // The events are labelled instead.
            continue;
        }
        // The name is centred in the visible part of the phase.
        let seen = rect.intersect(bar.rect);
        let galley = painter.layout_no_wrap(long, FontId::proportional(12.0), theme.text);
        if galley.size().x + 8.0 <= seen.width() {
            let at = seen.center() - galley.size() / 2.0;
            let rest = painter.with_clip_rect(rect.with_min_x(now.clamp(from, to)).intersect(painter.clip_rect()));
            rest.galley_with_override_text_color(at, galley.clone(), theme.readable_on(ahead));
            past.galley_with_override_text_color(at, galley, theme.readable_on(color));
        }
    }
}

/// The starts of layers, neurons and operations as marks, and an outline around the current unit.
fn paint_units(painter: &Painter, bar: &StripGeometry<'_>, playhead: &Playhead, theme: &Theme) {
    let events = bar.events();
    let most = (bar.rect.width() / MIN_MARK_GAP_PTS) as usize;
    let ink = theme.text.gamma_multiply(0.45);
    for (by, height) in [(Granularity::Layer, 0.5), (Granularity::Neuron, 0.3), (Granularity::Operation, 0.14)] {
        let Some(starts) = starts(bar.timeline, &events, by, most) else { break };
        let top = bar.rect.bottom() - height * bar.rect.height();
        for start in &starts {
            painter.vline(bar.x_of(*start as f64), top..=bar.rect.bottom(), Stroke::new(1.0, ink));
        }
        if by == Granularity::Operation && starts.len() * MIN_NAMED_EVENT_PTS <= bar.rect.width() as usize {
            name_events(painter, bar, &starts, playhead.position(), theme);
        }
    }
    if playhead.is_playing() || playhead.unit().len() > 1 {
        let unit = playhead.unit();
        let x = bar.x_of(unit.start as f64)..=bar.x_of(unit.end as f64);
        let stroke = Stroke::new(1.0, theme.text.gamma_multiply(0.6));
        painter.rect_stroke(Rect::from_x_y_ranges(x, bar.rect.y_range()), 4.0, stroke, StrokeKind::Inside);
    }
}

/// Labels each event when there is space.
fn name_events(painter: &Painter, bar: &StripGeometry<'_>, events: &[usize], position: f64, theme: &Theme) {
    for &event in events {
        let address = bar.timeline.address(event);
        let x = bar.x_of(event as f64)..=bar.x_of((event + 1) as f64);
        let rect = Rect::from_x_y_ranges(x, bar.rect.y_range()).intersect(bar.rect).shrink(1.0);
        let place =
            words::place(bar.timeline.step(), &address).pop().unwrap_or_else(|| address.phase.name().to_owned());
        let kind = bar.timeline.event(event).kind.name().replace('_', " ");
        let color = theme.color(phase_ink(address.phase));
        let past_end = position >= (event + 1) as f64;
        let background = if past_end { color } else { theme.panel.lerp_to_gamma(color, 0.32) };
        let inside = painter.with_clip_rect(rect.intersect(painter.clip_rect()));
        for (text, y) in [(place, -6.0), (kind, 6.0)] {
            let at = rect.center() + Vec2::new(0.0, y);
            inside.text(
                at,
                egui::Align2::CENTER_CENTER,
                text,
                FontId::proportional(10.5),
                theme.readable_on(background),
            );
        }
    }
}

/// The starts of the units in a range, or `None` when there are more than `most`.
fn starts(timeline: &Timeline, events: &Range<usize>, by: Granularity, most: usize) -> Option<Vec<usize>> {
    let mut starts = Vec::new();
    let mut at = events.start;
    while at < events.end {
        let unit = timeline.unit(at, by);
        starts.push(unit.start);
        at = unit.end;
        if starts.len() > most {
            return None;
        }
    }
    Some(starts)
}

/// Changes by hand or by a script, as diamonds at the lower edge.
fn paint_changes(painter: &Painter, bar: &StripGeometry<'_>, session: &Session, theme: &Theme) {
    let Some(snapshot) = &session.snapshot else { return };
    let (from, to) = bar.scale.ends();
    let mut last = None;
    for made in snapshot.recipe.changes.iter().filter(|made| (from..=to).contains(&(made.after as f64))) {
        let x = bar.x(made.after as f64);
        if last.is_some_and(|last: f32| (x - last).abs() < 1.0) {
            continue;
        }
        last = Some(x);
        let at = Pos2::new(x.min(bar.rect.right() - 4.0).max(bar.rect.left() + 4.0), bar.rect.bottom() - 4.0);
        let corners = [Vec2::new(0.0, -4.0), Vec2::new(4.0, 0.0), Vec2::new(0.0, 4.0), Vec2::new(-4.0, 0.0)];
        let points = corners.map(|corner| at + corner).to_vec();
        painter.add(Shape::convex_polygon(points, theme.accent, Stroke::new(1.0, theme.background)));
    }
}

/// The repeated range, in brackets.
fn paint_loop(painter: &Painter, bar: &StripGeometry<'_>, playhead: &Playhead, theme: &Theme) {
    let range = match playhead.repeat() {
        Loop::Off => return,
        Loop::Step => 0..bar.timeline.len(),
        Loop::Range(range) => range.clone(),
    };
    let (from, to) = (bar.x_of(range.start as f64), bar.x_of(range.end as f64));
    let rect = Rect::from_x_y_ranges(from..=to, bar.rect.y_range());
    painter.rect_filled(rect, 0.0, theme.accent.gamma_multiply(0.14));
    let pen = Stroke::new(2.0, theme.accent);
    for (x, inward) in [(from, 6.0), (to, -6.0)] {
        painter.vline(x, rect.y_range(), pen);
        for y in [rect.top(), rect.bottom()] {
            painter.hline(x.min(x + inward)..=x.max(x + inward), y, pen);
        }
    }
}

/// The visible bookmarks: index and position.
fn flags(bar: &StripGeometry<'_>, session: &Session) -> Vec<(usize, f32)> {
    let len = bar.timeline.len().max(1) as f64;
    let place = |(nth, bookmark): (usize, &slowgrad_session::Bookmark)| {
        let time = (bookmark.step - 1) as f64 + ((bookmark.event + 1) as f64 / len).min(1.0);
        (nth, bar.x(time))
    };
    let is_visible = |(_, x): &(usize, f32)| *x >= bar.rect.left() - 1.0 && *x <= bar.rect.right() + 1.0;
    session.bookmarks.iter().enumerate().map(place).filter(is_visible).collect()
}

/// Bookmarks as flags: a click goes to one, and its context menu renames or removes it.
fn flags_ui(ui: &Ui, app: &mut App, session: &mut Session, area: Rect, flags: &[(usize, f32)], theme: &Theme) {
    for &(nth, x) in flags {
        let Some(bookmark) = session.bookmarks.get(nth).cloned() else { continue };
        let rect = Rect::from_min_size(Pos2::new(x - 2.0, area.top()), Vec2::new(13.0, 12.0));
        let id = Id::unique(("bookmark", bookmark.step, bookmark.event));
        let response = ui.interact(rect, id, Sense::click());
        let name = format!("bookmark: {}", bookmark.name);
        response.widget_info(|| WidgetInfo::labeled(egui::Role::Button, true, &name));
        let highlighted = response.hovered() || response.has_focus();
        let color = if highlighted { theme.text } else { theme.accent };
        ui.painter().vline(x, area.y_range(), Stroke::new(1.5, color));
        let flag =
            [Vec2::ZERO, Vec2::new(10.0, 4.0), Vec2::new(0.0, 8.0)].map(|corner| Pos2::new(x, area.top()) + corner);
        ui.painter().add(Shape::convex_polygon(flag.to_vec(), color, Stroke::NONE));
        response.context_menu(|ui| {
            if ui.button("Rename…").clicked() {
                app.overlays.rename_bookmark(nth, session);
                ui.close();
            }
            if ui.button("Remove").clicked() {
                session.remove_bookmark(nth);
                ui.close();
            }
        });
        let keys = crate::actions::keys_text(Action::Run(RunAction::NextBookmark).info());
        let response = response
            .on_hover_text(format!("{}\n{keys} goes to the next bookmark; right-click for more", bookmark.name));
        if response.clicked() {
            session.go_to(bookmark.step, bookmark.event);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loss_lines_keep_peaks_and_gaps() {
        let loss = |step: u64| match step {
            37 => 9.0,
            38 => -4.0,
            60 => f64::NAN,
            _ => 1.0 / step as f64,
        };
        let lines = lines((1..=100).map(|step| (step, loss(step))), 10);
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains(&(37, 9.0)) && lines[0].contains(&(38, -4.0)));
        assert!(lines[0].iter().all(|(step, _)| *step < 60) && lines[1].iter().all(|(step, _)| *step > 60));
        assert!(lines.iter().flatten().all(|(step, drawn)| *drawn == loss(*step)), "only computed losses are drawn");
        assert!(lines.iter().flatten().count() <= 22);
    }
}
