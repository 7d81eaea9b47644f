//! The parameter table: its order, its visible rows and the selected row.
//!
//! Only visible rows are sorted. It must not know how a number is computed or how a row is drawn.

use egui::{Context, Id, Key};
use slowgrad_engine::record::RecordedStep;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::explain::parameter_table::{self, ParameterColumn, SortOrder, SortedRows};
use slowgrad_timeline::scene::Target;
use std::ops::Range;
use std::sync::Arc;

/// Keys that move the cursor by rows.
pub(crate) const ROW_KEYS: [Key; 6] = [Key::ArrowDown, Key::ArrowUp, Key::PageDown, Key::PageUp, Key::Home, Key::End];

/// The parameters of the visible rows, with the step and the order that they belong to.
struct VisibleRows {
    timeline: Arc<Timeline>,
    sorting: SortOrder,
    range: Range<usize>,
    parameters: Vec<u32>,
}

/// The state of the table.
#[derive(Default)]
pub(crate) struct ParameterTable {
    sorting: SortOrder,
    order: SortedRows,
    visible: Option<VisibleRows>,
    /// The row that was selected here or scrolled to last.
    cursor: Option<Target>,
    /// Whether the table should take the keyboard focus.
    focus_requested: bool,
    /// The row to scroll to.
    revealed: Option<usize>,
}

impl ParameterTable {
    /// The id of the widget that has the keyboard focus for the table.
    pub(crate) fn focus_id() -> Id {
        Id::unique("parameter table")
    }

    /// Whether the table has the keyboard focus.
    pub(crate) fn has_focus(ctx: &Context) -> bool {
        ctx.memory(|memory| memory.has_focus(Self::focus_id()))
    }

    /// Whether the table handles a key while it has the focus.
    pub(crate) fn handles(key: Key) -> bool {
        ROW_KEYS.contains(&key) || matches!(key, Key::ArrowLeft | Key::ArrowRight | Key::Space)
    }

    /// Requests the keyboard focus for the next frame.
    pub(crate) fn request_focus(&mut self) {
        self.focus_requested = true;
    }

    pub(crate) fn take_focus_request(&mut self) -> bool {
        std::mem::take(&mut self.focus_requested)
    }

    pub(crate) fn sorting(&self) -> SortOrder {
        self.sorting
    }

    /// Sorts by a column; a second time reverses the order.
    pub(crate) fn sort_by(&mut self, column: ParameterColumn) {
        self.sorting = self.sorting.clicked(column);
        self.cursor = None;
    }

    pub(crate) fn cursor(&self) -> Option<Target> {
        self.cursor
    }

    pub(crate) fn set_cursor(&mut self, cursor: Option<Target>) {
        self.cursor = cursor;
    }

    /// The row of the cursor, when it is on a parameter.
    pub(crate) fn cursor_row(&self, step: &RecordedStep) -> Option<usize> {
        let index = parameter_table::index(step, self.cursor?)?;
        Some(self.sorting.rank(step, index))
    }

    /// The parameters in a range of rows.
    pub(crate) fn rows(&mut self, timeline: &Arc<Timeline>, range: Range<usize>) -> &[u32] {
        let cached = self.visible.as_ref().is_some_and(|visible| {
            Arc::ptr_eq(&visible.timeline, timeline) && visible.sorting == self.sorting && visible.range == range
        });
        if !cached {
            let parameters = self.order.rows(timeline.step(), self.sorting, range.clone()).to_vec();
            let timeline = Arc::clone(timeline);
            self.visible = Some(VisibleRows { timeline, sorting: self.sorting, range, parameters });
        }
        self.visible.as_ref().map_or(&[], |visible| &visible.parameters)
    }

    /// The parameter in one row.
    pub(crate) fn row(&mut self, timeline: &Timeline, row: usize) -> Option<u32> {
        self.order.rows(timeline.step(), self.sorting, row..row + 1).first().copied()
    }

    /// Scrolls to a row in the next frame.
    pub(crate) fn reveal(&mut self, row: usize) {
        self.revealed = Some(row);
    }

    /// The row to scroll to in this frame.
    pub(crate) fn take_revealed(&mut self) -> Option<usize> {
        self.revealed.take()
    }
}
