//! The window survives a graphics device that fails.

use crate::driver::{LESSON, OPTIMIZER, Window, display_with_screenshots};
use crate::harness::{Group, group};

pub(crate) const TESTS: &[Group] = &[group!(display_with_screenshots, [a_failed_graphics_device_is_replaced])];

/// The left panel, which shows the same before and after: no notice covers it.
fn left_panel(window: &Window) -> Vec<u8> {
    let picture = window.screenshot();
    picture.chunks_exact(3 * 1280).flat_map(|row| &row[..3 * 230]).copied().collect()
}

/// Only debug builds can lose the device on request.
fn a_failed_graphics_device_is_replaced() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("End");
    window.until("the step is shown at its end", |state| state["playing"] == false);
    window.press("Right");
    window.until_saved();
    let before = left_panel(&window);
    for _ in 0..2 {
        window.save("lose-device", "");
        window.press("Home");
        let failed = |state: &serde_json::Value| {
            let notices = state["notices"].as_array().map_or(&[][..], Vec::as_slice);
            notices.iter().any(|notice| notice.as_str().is_some_and(|text| text.contains("the graphics device failed")))
        };
        window.until("the failure is told", failed);
        window.press("End");
        window.until("the notice has gone", |state| !failed(state));
        window.press("Right");
    }
    window.until_saved();
    assert!(before == left_panel(&window), "text and plots are drawn by the new device as before");
}
