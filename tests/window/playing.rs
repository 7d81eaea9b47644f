//! Playing, stepping and standing still.

use crate::driver::{LESSON, OPTIMIZER, Window, number};
use std::process::Command;
use std::time::Duration;

#[test]
fn keys_play_step_and_change_granularity() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    window.press("space");
    window.until("it plays", |state| state["playing"] == true && number(&state["position"]) > 1.0);
    window.press("space");
    window.until("it pauses", |state| state["playing"] == false);
    window.stands_still();

    window.press("Home");
    window.until("the start", |state| number(&state["position"]) == 0.0);
    for step in 1..=3 {
        window.press("Right");
        window.until("a step", |state| number(&state["position"]) == f64::from(step) && state["playing"] == false);
    }
    window.press("Left");
    window.until("a step back", |state| number(&state["position"]) == 2.0);
    window.press("Up");
    window.until("neurons", |state| state["granularity"] == "neuron");
    window.press("End");
    window.until("the end", |state| number(&state["position"]) == number(&state["events"]));
    window.press("Right");
    window.until("the next training step", |state| state["step"] == 2);
    window.press("ctrl+Left");
    window.until("the first step again", |state| state["step"] == 1);

    let shot = window.screenshot();
    let background = &shot[..3];
    let other = shot.chunks_exact(3).filter(|pixel| *pixel != background).count();
    assert!(other > 20_000, "the window looks empty: {other} pixels differ from its corner");
}

#[test]
fn full_speed_trains_and_stops() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    window.press("t");
    window.until("it trains", |state| state["full_speed"] == true && number(&state["step"]) > 200.0);
    window.press("t");
    let state = window.until("it stops", |state| state["full_speed"] == false);
    window.stands_still();
    assert!(number(&state["step"]) > 200.0);
}

#[test]
fn a_paused_window_draws_nothing_even_with_a_script_open() {
    let Some(mut window) = Window::open(LESSON, &format!("{OPTIMIZER}{}", "// a long script\n".repeat(2_000))) else {
        return;
    };
    window.press("e");
    window.until("a script is open", |state| state["editor"]["is_writing"] == true);
    window.press("Escape");
    window.until("the text is left", |state| state["editor"]["is_writing"] == false);
    std::thread::sleep(Duration::from_secs(1));
    let before = number(&window.state()["frames"]);
    std::thread::sleep(Duration::from_secs(2));
    window.press("bracketright");
    window.press("Up");
    let after = number(&window.until("a key is heard", |state| state["granularity"] == "neuron")["frames"]);
    // The two keys, and what was still fading when the text was left.
    assert!(after - before < 20.0, "{} frames were drawn while nothing happened", after - before);
}

#[test]
fn without_a_display_there_is_one_line_that_helps() {
    let user = tempfile::tempdir().expect("a folder");
    let output = Command::new(env!("CARGO_BIN_EXE_slowgrad"))
        .env("SLOWGRAD_SCRIPTS", user.path())
        .env_remove("DISPLAY")
        .env_remove("WAYLAND_DISPLAY")
        .env_remove("WAYLAND_SOCKET")
        .output()
        .expect("the program runs");
    let text = String::from_utf8(output.stderr).expect("text");
    assert!(!output.status.success());
    assert_eq!(text.trim().lines().count(), 1, "{text}");
    assert!(text.contains("slowgrad render") && text.contains("slowgrad trace"), "{text}");
}
