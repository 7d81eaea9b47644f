//! Playing, stepping and pausing.

use crate::driver::{LESSON, OPTIMIZER, Window, display, display_with_screenshots, number};
use crate::harness::{Group, group};
use std::time::Duration;

pub(crate) const TESTS: &[Group] = &[
    group!(display_with_screenshots, [keys_play_step_and_change_the_unit]),
    group!(display, [full_speed_trains_and_stops, a_paused_window_draws_no_frames_even_with_a_script_open]),
];

fn keys_play_step_and_change_the_unit() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("space");
    window.until("it plays", |state| state["playing"] == true && number(&state["position"]) > 1.0);
    window.press("space");
    window.until("it pauses", |state| state["playing"] == false);
    window.assert_paused();

    window.press("Home");
    window.until("the playhead is at the start", |state| number(&state["position"]) == 0.0);
    for step in 1..=3 {
        window.press("Right");
        window.until("the playhead is an operation further", |state| {
            number(&state["position"]) == f64::from(step) && state["playing"] == false
        });
    }
    window.press("Left");
    window.until("the playhead is an operation back", |state| number(&state["position"]) == 2.0);
    window.press("Up");
    window.until("the unit is a neuron", |state| state["granularity"] == "neuron");
    window.press("End");
    window.until("the playhead is at the end", |state| number(&state["position"]) == number(&state["events"]));
    window.press("Right");
    window.until("the next step is shown", |state| state["step"] == 2);
    window.press("ctrl+Left");
    window.until("the first step is shown again", |state| state["step"] == 1);

    let shot = window.screenshot();
    let background = &shot[..3];
    let other = shot.chunks_exact(3).filter(|pixel| *pixel != background).count();
    assert!(other > 20_000, "the window looks empty: {other} pixels differ from its corner");
}

fn full_speed_trains_and_stops() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("t");
    window.until("it trains", |state| state["full_speed"] == true && number(&state["step"]) > 200.0);
    window.press("t");
    let state = window.until("it stops", |state| state["full_speed"] == false);
    window.assert_paused();
    assert!(number(&state["step"]) > 200.0);
}

fn a_paused_window_draws_no_frames_even_with_a_script_open() {
    let mut window = Window::open(LESSON, &format!("{OPTIMIZER}{}", "// a long script\n".repeat(2_000)));
    window.press("e");
    window.until("a script is open", |state| state["editor"]["is_writing"] == true);
    window.press("Escape");
    window.until("the text loses the focus", |state| state["editor"]["is_writing"] == false);
    std::thread::sleep(Duration::from_secs(1));
    let before = number(&window.state()["frames"]);
    std::thread::sleep(Duration::from_secs(2));
    window.press("bracketright");
    window.press("Up");
    let after = number(&window.until("the key is handled", |state| state["granularity"] == "neuron")["frames"]);
    // Frames of the two keys and of fades that had not ended.
    assert!(after - before < 20.0, "{} frames were drawn while nothing changed", after - before);
}
