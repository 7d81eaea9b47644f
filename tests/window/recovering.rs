//! The window survives a graphics device that fails.

use crate::driver::{LESSON, OPTIMIZER, Window, display_with_screenshots};
use crate::harness::{Group, group};

pub(crate) const TESTS: &[Group] = &[group!(display_with_screenshots, [a_failed_graphics_device_is_replaced])];

/// The settings in the left panel, which are the same before and after: no notice covers them, and training does not
/// change them.
fn settings(window: &Window) -> Vec<u8> {
    let picture = window.screenshot();
    let rows = picture.chunks_exact(3 * 1280).skip(170).take(300);
    rows.flat_map(|row| &row[..3 * 230]).copied().collect()
}

/// Only debug builds can lose the device on request.
fn a_failed_graphics_device_is_replaced() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("End");
    window.until("the step is shown at its end", |state| state["playing"] == false);
    window.press("Right");
    window.until_saved();
    let before = settings(&window);
    assert!(before.chunks_exact(3).any(|pixel| pixel != &before[..3]), "the settings are drawn");
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
    assert!(before == settings(&window), "text is drawn by the new device as before");
}
