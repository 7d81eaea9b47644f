//! Numbers and the network are changed in the picture.

use crate::driver::{LESSON, OPTIMIZER, Window};
use serde_json::{Value, json};

#[test]
fn a_weight_is_edited_in_the_picture() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    let state = window.until("the network is drawn", |state| state["first_weight"].is_array());
    window.click_at(&state["first_weight"]);
    window
        .until("it is selected", |state| state["selected"].as_str().is_some_and(|target| target.starts_with("Weight")));
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("ctrl+a");
    window.write("1.25");
    window.until("the value is shown at once", |state| state["parameters"][0] == 1.25);
    window.press("Return");
    window.until("the field closes", |state| state["overlay"] == "");

    let before = window.state()["parameters"].clone();
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("Up");
    window.until("a nudge", |state| state["parameters"] != before);
    window.press("Escape");
    window.until("the old value is back", |state| state["parameters"] == before && state["overlay"] == "");
}

#[test]
fn the_network_is_changed_in_place_and_comes_back() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    let start = window.until("the network is drawn", |state| state["first_weight"].is_array());
    window.press("n");
    let more = window.until("a neuron more", |state| state["sizes"] == json!([2, 4, 1]));
    let six = |state: &Value| state["parameters"].as_array().expect("numbers")[..6].to_vec();
    assert_eq!(six(&more), six(&start), "the others stay");
    // From part to part: two inputs, a neuron, its first weight.
    for _ in 0..4 {
        window.press("period");
    }
    window.until("the first weight", |state| state["selected"].to_string().contains("Weight"));
    window.press("k");
    window.until("it is frozen", |state| state["frozen"] == json!([0]));
    window.press("ctrl+Right");
    let next = window.until("the next step", |state| state["step"] == 2);
    assert_eq!(next["parameters"][0], start["parameters"][0]);
    assert_ne!(next["parameters"], more["parameters"], "all others learn");
    window.press("ctrl+z");
    window.press("ctrl+z");
    window.until("undone", |state| state["sizes"] == json!([2, 3, 1]) && state["frozen"] == json!([]));
    window.press("ctrl+shift+z");
    window.press("ctrl+shift+z");
    window.until("done again", |state| state["sizes"] == json!([2, 4, 1]) && state["frozen"] == json!([0]));
    window.until_kept();
    window.kill_and_start(Some("lesson.rhai"));
    window.until("it is as it was", |state| state["sizes"] == json!([2, 4, 1]) && state["frozen"] == json!([0]));
}
