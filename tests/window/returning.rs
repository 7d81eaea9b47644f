//! What was done comes back: after a kill, from a file, at the next start.

use crate::driver::{LESSON, OPTIMIZER, Window, number};
use serde_json::Value;

/// What has to come back: all but how often it was drawn, what passes by, and where on the screen things are.
pub(crate) fn lasting(state: &Value) -> Value {
    let mut state = state.clone();
    for passing in ["frames", "notices", "first_weight", "canvas", "controls", "kept"] {
        state[passing] = Value::Null;
    }
    state
}

#[test]
fn what_was_done_comes_back_after_a_kill_and_from_a_file() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    window.press("ctrl+Right");
    window.press("ctrl+Right");
    let state = window.until("the third step", |state| state["step"] == 3 && state["first_weight"].is_array());
    window.click_at(&state["first_weight"]);
    window.until("it is selected", |state| !state["selected"].is_null());
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("ctrl+a");
    window.write("1.25");
    window.press("Return");
    let edited = window.until("it is edited", |state| state["parameters"][0] == 1.25 && state["overlay"] == "");
    window.press("ctrl+z");
    let undone = window.until("it is undone", |state| state["parameters"][0] != 1.25);
    assert_eq!(undone["parameters"], state["parameters"]);
    window.press("ctrl+shift+z");
    window.until("it is done again", |state| state["parameters"] == edited["parameters"]);
    window.press("ctrl+n");
    window.until("new weights", |state| state["step"] == 1 && state["parameters"] != edited["parameters"]);
    window.press("ctrl+z");
    window.until("the old ones again", |state| state["step"] == 3 && state["parameters"] == edited["parameters"]);

    window.press("ctrl+Right");
    window.until("the fourth step", |state| state["step"] == 4);
    window.press("Up");
    window.press("Right");
    window.press("bracketright");
    window.until("a neuron is over", |state| state["granularity"] == "neuron" && number(&state["position"]) > 1.0);
    let before = window.until_kept();
    window.kill_and_start(Some("lesson.rhai"));
    let after = window.until("it is back", |state| lasting(state) == lasting(&before));
    assert!(after["notices"].to_string().contains("where you left off"), "{}", after["notices"]);

    // Into a file, and out of it.
    window.press("ctrl+s");
    window.until("it asks where to", |state| state["overlay"] == "save");
    window.press("Return");
    window.until("it is saved", |state| state["notices"].to_string().contains("saved as"));
    let text = window.file("lesson.session.json");
    assert!(text.contains("\"value\": 1.25"), "{text}");
    window.press("Home");
    window.press("ctrl+r");
    window.until("from the start", |state| state["step"] == 1);
    window.kill_and_start(Some("lesson.session.json"));
    window.until("it is as it was saved", |state| lasting(state) == lasting(&before));
    window.press("ctrl+o");
    window.until("it asks what to open", |state| state["overlay"] == "open");
    window.write("/nowhere.session.json");
    window.press("Return");
    window.until("it says why not", |state| state["notices"].to_string().contains("cannot read /nowhere"));
    assert_eq!(window.state()["step"], 4);
    // A lesson by its path: it may lie anywhere.
    window.make_folder("elsewhere");
    window.save("elsewhere/other.rhai", &LESSON.replace("\"own\"", "\"sgd\""));
    window.press("ctrl+o");
    window.until("it asks what to open", |state| state["overlay"] == "open");
    let other = window.path("elsewhere/other.rhai").display().to_string();
    window.write(&other);
    window.press("Return");
    window.until("the other lesson opens", |state| state["lesson"] == "other.rhai" && state["step"] == 1);
}

#[test]
fn a_script_that_changed_in_the_meantime_runs_from_the_next_step_on() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    for step in 2..5 {
        window.press("ctrl+Right");
        window.until("a step on", |state| state["step"] == step);
    }
    let left = window.until_kept();
    window.kill();
    window.save("optimizers/own.rhai", &OPTIMIZER.replace("velocity", "speed").replace("0.9", "0.5"));
    window.start(Some("lesson.rhai"));
    let back = window.until("it is back", |state| lasting(state) == lasting(&left));
    assert!(back["notices"].to_string().contains("optimizers/own.rhai has changed since"), "{}", back["notices"]);
    window.press("ctrl+Right");
    let on = window.until("the next step", |state| state["step"] == 5);
    assert_eq!(on["optimizer_fields"][0], "speed");
    window.press("ctrl+Left");
    window.until("the step before", |state| state["parameters"] == left["parameters"]);
}

#[test]
fn the_window_is_as_it_was_left() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    let state = window.until("the network is drawn", |state| state["first_weight"].is_array());
    assert_eq!((&state["colours"], &state["hints_seen"]), (&"system".into(), &0.into()));
    window.press("d");
    window.press("d");
    window.press("ctrl+plus");
    window.until("it is light and large", |now| {
        now["colours"] == "light" && now["scale"] != 1.0 && now["canvas"] != state["canvas"]
    });
    // What the first hint says is done.
    window.until("the first weight is where it stays", |state| state["kept"] == true);
    window.click_at(&window.state()["first_weight"]);
    window.until("it is selected", |state| !state["selected"].is_null());
    // The hint goes when the hand has gone.
    window.point_at(&serde_json::json!([5, 5]));
    window.until("a hint is seen", |state| state["hints_seen"] == 1);
    window.press("b");
    window.until("a bookmark", |state| state["bookmarks"].as_array().is_some_and(|all| all.len() == 1));
    let left = window.until_kept();
    window.kill_and_start(Some("lesson.rhai"));
    let again = window.until("it is as it was", |state| lasting(state) == lasting(&left));
    assert_eq!((&again["colours"], &again["hints_seen"]), (&"light".into(), &1.into()));
    // Settings that are broken are no reason not to start.
    window.save("home/config/slowgrad/window.json", "{ oops");
    window.kill_and_start(Some("lesson.rhai"));
    let usual =
        window.until("it says so", |state| state["notices"].to_string().contains("cannot read the window settings"));
    assert_eq!((&usual["colours"], &usual["scale"]), (&"system".into(), &1.0.into()));
}
