//! Three hints for new users. A hint disappears for good when it is closed or its advice was followed.
//!
//! Hints are below the network, in space that the network leaves, so that they cover nothing that they refer to.

use super::icons::{Icon, icon_button};
use crate::actions::{Action, keys_text};
use crate::settings::Hint;
use crate::state::App;
use egui::{FontId, Galley, Pos2, Rect, Role, Sense, Shape, Stroke, StrokeKind, Ui, UiBuilder, Vec2, WidgetInfo};
use slowgrad_render::Theme;
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_timeline::playback::cue::Panel;
use std::sync::Arc;

/// The space around a card, which its arrow uses.
const MARGIN_PTS: f32 = 10.0;
/// The padding of a card.
const PADDING_PTS: Vec2 = Vec2::new(12.0, 8.0);
/// The size of the close button, and the space before it.
const CLOSE_BUTTON_PTS: f32 = 28.0;
const CLOSE_BUTTON_GAP_PTS: f32 = 6.0;
/// The minimum and the maximum width of a card.
const CARD_WIDTHS_PTS: [f32; 2] = [170.0, 300.0];
/// The maximum share of the height for cards.
const MAX_HEIGHT_SHARE: f32 = 0.2;

fn text(hint: Hint) -> String {
    let keys = |action: Action| keys_text(action.info());
    match hint {
        Hint::Canvas => {
            "Click a neuron or a weight to see how its values are computed; double-click to change it.".into()
        }
        Hint::Transport => format!(
            "{} plays or pauses, {} steps by one operation, {} and {} set a finer or coarser unit. {} lists all keys.",
            keys(Action::Run(RunAction::PlayPause)),
            keys(Action::Run(RunAction::StepForward)),
            keys(Action::Run(RunAction::Finer)),
            keys(Action::Run(RunAction::Coarser)),
            "?"
        ),
        Hint::Explanation => {
            format!(
                "The panel on the right explains each event with its numbers. {} undoes your changes.",
                keys(Action::Run(RunAction::Undo))
            )
        }
    }
}

/// Whether the user has followed the advice of a hint.
fn is_known(hint: Hint, session: &Session) -> bool {
    match hint {
        Hint::Canvas => session.view.selected.is_some(),
        Hint::Transport | Hint::Explanation => false,
    }
}

/// Whether a hint is due: not seen yet, and its subject is visible.
fn is_due(hint: Hint, app: &App) -> bool {
    !app.preferences().hints_seen.contains(&hint)
        && match hint {
            Hint::Canvas => true,
            Hint::Transport => app.is_shown(Panel::Timeline),
            Hint::Explanation => app.shows_right_panel(),
        }
}

/// The cards, laid out but not painted.
pub(super) struct HintCards {
    cards: Vec<(Hint, Arc<Galley>)>,
    width: f32,
    /// The height with the space around the cards.
    pub(super) height: f32,
}

impl HintCards {
    /// The due hints, as many as fit side by side; the others follow later.
    pub(super) fn new(ui: &Ui, area: Rect, app: &mut App, session: &Session) -> Option<Self> {
        // Hints are not shown to an audience, nor during a question.
        if app.is_presenting() || session.player.stage().question.is_some() {
            return None;
        }
        // The layout must not change under the pointer, or the second click of a double-click would miss.
        let hovered = ui.input(|input| input.pointer.hover_pos()).is_some_and(|pos| area.contains(pos));
        let is_followed =
            |hint: &Hint| !hovered && is_known(*hint, session) && !app.preferences().hints_seen.contains(hint);
        let followed: Vec<Hint> = Hint::ALL.into_iter().filter(is_followed).collect();
        app.appearance.preferences_mut().hints_seen.extend(followed);
        let due: Vec<Hint> = Hint::ALL.into_iter().filter(|hint| is_due(*hint, app)).collect();
        let theme = app.theme();
        (1..=due.len()).rev().find_map(|count| {
            let width = ((area.width() - MARGIN_PTS) / count as f32 - MARGIN_PTS).min(CARD_WIDTHS_PTS[1]);
            let words = width - 2.0 * PADDING_PTS.x - CLOSE_BUTTON_GAP_PTS - CLOSE_BUTTON_PTS;
            let card = |hint: &Hint| {
                (*hint, ui.painter().layout(text(*hint), FontId::proportional(13.0), theme.text, words.max(1.0)))
            };
            let cards: Vec<_> = due[..count].iter().map(card).collect();
            let tallest = cards.iter().map(|(_, words)| words.size().y).fold(CLOSE_BUTTON_PTS, f32::max);
            let height = tallest + 2.0 * (PADDING_PTS.y + MARGIN_PTS);
            let fits = width >= CARD_WIDTHS_PTS[0] && height <= MAX_HEIGHT_SHARE * area.height();
            fits.then_some(Self { cards, width, height })
        })
    }

    /// Paints the cards across the reserved area and handles their close buttons.
    pub(super) fn show(self, ui: &mut Ui, area: Rect, app: &mut App) {
        let theme = *app.theme();
        let row = area.shrink(MARGIN_PTS);
        let gap = (row.width() - self.cards.len() as f32 * self.width) / (self.cards.len().max(2) - 1) as f32;
        for (nth, (hint, words)) in self.cards.into_iter().enumerate() {
            let left = row.left() + nth as f32 * (self.width + gap);
            let card = Rect::from_min_size(Pos2::new(left, row.top()), Vec2::new(self.width, row.height()));
            paint(ui, card, hint, &theme);
            let room = Rect::from_min_size(card.min + PADDING_PTS, words.size());
            let response = ui.interact(room, ui.scope_id().with(("hint", hint as u8)), Sense::hover());
            response.widget_info(|| WidgetInfo::labeled(Role::Label, true, text(hint)));
            ui.painter().galley(room.min, words, theme.text);
            let corner = Pos2::new(card.right() - PADDING_PTS.y - CLOSE_BUTTON_PTS, card.top() + PADDING_PTS.y);
            let button = UiBuilder::new().max_rect(Rect::from_min_size(corner, Vec2::splat(CLOSE_BUTTON_PTS)));
            let close = ui.scope_builder(button, |ui| icon_button(ui, Icon::Close, "Close this hint", false, &theme));
            if close.inner.clicked() {
                app.appearance.preferences_mut().hints_seen.push(hint);
            }
        }
    }
}

/// A card with an arrow to its subject.
fn paint(ui: &Ui, card: Rect, hint: Hint, theme: &Theme) {
    let (root, out) = match hint {
        Hint::Canvas => (card.center_top(), Vec2::UP),
        Hint::Transport => (card.left_bottom() + Vec2::new(28.0, 0.0), Vec2::DOWN),
        Hint::Explanation => (card.right_center(), Vec2::RIGHT),
    };
    let edge = Stroke::new(1.5, theme.accent);
    ui.painter().rect(card, 6.0, theme.raised, edge, StrokeKind::Inside);
    // The arrow starts inside the border and interrupts it.
    let (base, side) = (root - 1.5 * out, 7.0 * out.rot90());
    let ends = [base + side, root + 8.0 * out, base - side];
    ui.painter().add(Shape::convex_polygon(ends.to_vec(), theme.raised, Stroke::NONE));
    ui.painter().add(Shape::line(ends.to_vec(), edge));
}
