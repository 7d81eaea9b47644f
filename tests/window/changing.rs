//! Editing weights and the network's structure in the picture.

use crate::driver::{LESSON, OPTIMIZER, Window, display};
use crate::harness::{Group, group};
use serde_json::{Value, json};

pub(crate) const TESTS: &[Group] =
    &[group!(display, [a_weight_is_edited_in_the_network, edits_of_the_network_are_undone_redone_and_restored])];

fn a_weight_is_edited_in_the_network() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    let state = window.until("the network is drawn", |state| state["first_weight"].is_array());
    window.click_at(&state["first_weight"]);
    window
        .until("it is selected", |state| state["selected"].as_str().is_some_and(|target| target.starts_with("Weight")));
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("ctrl+a");
    window.write("1.25");
    window.until("the value is previewed", |state| state["parameters"][0] == 1.25);
    window.press("Return");
    window.until("the field closes", |state| state["overlay"] == "");

    let before = window.state()["parameters"].clone();
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("Up");
    window.until("the value is nudged", |state| state["parameters"] != before);
    window.press("Escape");
    window.until("the old value is back", |state| state["parameters"] == before && state["overlay"] == "");
}

fn edits_of_the_network_are_undone_redone_and_restored() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    let start = window.until("the network is drawn", |state| state["first_weight"].is_array());
    window.press("n");
    let more = window.until("there is another neuron", |state| state["sizes"] == json!([2, 4, 1]));
    let six = |state: &Value| state["parameters"].as_array().expect("numbers")[..6].to_vec();
    assert_eq!(six(&more), six(&start), "the other parameters are unchanged");
    // The key selects the next element: two inputs, a neuron, its first weight.
    for _ in 0..4 {
        window.press("period");
    }
    window.until("the first weight is selected", |state| state["selected"].to_string().contains("Weight"));
    window.press("k");
    window.until("it is frozen", |state| state["frozen"] == json!([0]));
    window.press("ctrl+Right");
    let next = window.until("the next step is shown", |state| state["step"] == 2);
    assert_eq!(next["parameters"][0], start["parameters"][0]);
    assert_ne!(next["parameters"], more["parameters"], "the other parameters are trained");
    window.press("ctrl+z");
    window.press("ctrl+z");
    window.until("both edits are undone", |state| state["sizes"] == json!([2, 3, 1]) && state["frozen"] == json!([]));
    window.press("ctrl+shift+z");
    window.press("ctrl+shift+z");
    window.until("both edits are redone", |state| state["sizes"] == json!([2, 4, 1]) && state["frozen"] == json!([0]));
    window.until_saved();
    window.kill_and_start(Some("lesson.rhai"));
    window.until("the edits are restored", |state| state["sizes"] == json!([2, 4, 1]) && state["frozen"] == json!([0]));
}
