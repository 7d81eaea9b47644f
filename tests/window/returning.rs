//! Sessions are restored: after a crash, from a file, at the next start.

use crate::driver::{LESSON, OPTIMIZER, Window, display, number};
use crate::harness::{Group, group};
use serde_json::Value;

pub(crate) const TESTS: &[Group] = &[group!(
    display,
    [
        a_session_is_restored_after_a_kill_and_from_a_file,
        a_script_that_changed_in_between_runs_from_the_next_step_on,
        a_long_run_without_its_lesson_is_back_with_the_text_that_was_not_saved,
        settings_of_the_window_are_restored,
    ]
)];

/// The part of the state that sessions restore: all but frame counts, notices and positions on the screen.
pub(crate) fn persistent(state: &Value) -> Value {
    let mut state = state.clone();
    for transient in ["frames", "notices", "first_weight", "canvas", "controls", "kept", "proof"] {
        state[transient] = Value::Null;
    }
    state
}

fn a_session_is_restored_after_a_kill_and_from_a_file() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("ctrl+Right");
    window.press("ctrl+Right");
    let state = window.until("the third step is shown", |state| state["step"] == 3 && state["first_weight"].is_array());
    window.click_at(&state["first_weight"]);
    window.until("it is selected", |state| !state["selected"].is_null());
    window.press("Return");
    window.until("the field opens", |state| state["overlay"] == "edit");
    window.press("ctrl+a");
    window.write("1.25");
    window.press("Return");
    let edited = window.until("the weight is edited", |state| state["parameters"][0] == 1.25 && state["overlay"] == "");
    window.press("ctrl+z");
    let undone = window.until("the edit is undone", |state| state["parameters"][0] != 1.25);
    assert_eq!(undone["parameters"], state["parameters"]);
    window.press("ctrl+shift+z");
    window.until("the edit is redone", |state| state["parameters"] == edited["parameters"]);
    window.press("ctrl+n");
    window.until("weights are initialized again", |state| {
        state["step"] == 1 && state["parameters"] != edited["parameters"]
    });
    window.press("ctrl+z");
    window.until("the old weights are back", |state| state["step"] == 3 && state["parameters"] == edited["parameters"]);

    window.press("ctrl+Right");
    window.until("the fourth step is shown", |state| state["step"] == 4);
    window.press("Up");
    window.press("Right");
    window.press("bracketright");
    window.until("a neuron is played", |state| state["granularity"] == "neuron" && number(&state["position"]) > 1.0);
    let before = window.until_saved();
    window.kill_and_start(Some("lesson.rhai"));
    let after = window.until("the session is restored", |state| persistent(state) == persistent(&before));
    assert!(after["notices"].to_string().contains("where you left off"), "{}", after["notices"]);

    // Saved to a file, and opened from it.
    window.press("ctrl+s");
    window.until("the save dialog opens", |state| state["overlay"] == "save");
    window.press("Return");
    window.until("the session is saved", |state| state["notices"].to_string().contains("saved as"));
    let text = window.file("lesson.session.json");
    assert!(text.contains("\"value\": 1.25"), "{text}");
    window.press("Home");
    window.press("ctrl+r");
    window.until("the run restarts", |state| state["step"] == 1);
    window.kill_and_start(Some("lesson.session.json"));
    window.until("the saved session is open", |state| persistent(state) == persistent(&before));
    window.press("ctrl+o");
    window.until("the open dialog opens", |state| state["overlay"] == "open");
    window.write("/nowhere.session.json");
    window.press("Return");
    window.until("the error is shown", |state| state["notices"].to_string().contains("cannot read /nowhere"));
    assert_eq!(window.state()["step"], 4);
    // A lesson in another folder, by its path.
    window.make_folder("elsewhere");
    window.save("elsewhere/other.rhai", &LESSON.replace("\"own\"", "\"sgd\""));
    window.press("ctrl+o");
    window.until("the open dialog opens", |state| state["overlay"] == "open");
    let other = window.path("elsewhere/other.rhai").display().to_string();
    window.write(&other);
    window.press("Return");
    window.until("the other lesson opens", |state| state["lesson"] == "other.rhai" && state["step"] == 1);
}

fn a_script_that_changed_in_between_runs_from_the_next_step_on() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    for step in 2..5 {
        window.press("ctrl+Right");
        window.until("another step is trained", |state| state["step"] == step);
    }
    let saved = window.until_saved();
    window.kill();
    window.save("optimizers/own.rhai", &OPTIMIZER.replace("velocity", "speed").replace("0.9", "0.5"));
    window.start(Some("lesson.rhai"));
    let restored = window.until("the session is restored", |state| persistent(state) == persistent(&saved));
    assert!(
        restored["notices"].to_string().contains("optimizers/own.rhai has changed since"),
        "{}",
        restored["notices"]
    );
    window.press("ctrl+Right");
    let next = window.until("the next step is trained", |state| state["step"] == 5);
    assert_eq!(next["optimizer_fields"][0], "speed");
    window.press("ctrl+Left");
    window.until("the previous step is shown", |state| state["parameters"] == saved["parameters"]);
}

fn a_long_run_without_its_lesson_is_back_with_the_text_that_was_not_saved() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("t");
    window.until("it has trained for a while", |state| number(&state["step"]) > 20_000.0);
    window.press("t");
    window.until("it has stopped", |state| state["full_speed"] == false);
    window.edit_optimizer();
    window.press("ctrl+Home");
    window.write("// not saved");
    window.until("the text is typed", |state| state["editor"]["is_unsaved"] == true);
    let before = window.until_saved();
    window.kill();
    // The lesson and its plugins are gone.
    std::fs::remove_file(window.path("lesson.rhai")).expect("remove the lesson");
    std::fs::remove_dir_all(window.path("optimizers")).expect("remove the plugins");
    window.start(None);
    let numbers =
        |state: &Value| ["step", "parameters", "position", "curve", "optimizer_fields"].map(|at| state[at].clone());
    let after = window.until("the run is back", |state| numbers(state) == numbers(&before));
    assert!(after["notices"].to_string().contains("restored your unsaved changes"), "{}", after["notices"]);
    window.press("e");
    window.until("the text is back", |state| {
        state["editor"]["file"] == "optimizers/own.rhai"
            && state["editor"]["is_unsaved"] == true
            && state["editor"]["length"] == before["editor"]["length"]
    });
    // The steps before are computed again, and are the same.
    window.until("the run is proved", |state| state["proof"].is_null());
    assert!(!window.state()["notices"].to_string().contains("other results"), "{}", window.state()["notices"]);
    // Saving the script makes a file of it.
    window.press("ctrl+s");
    window.until("the script is saved", |state| state["editor"]["is_unsaved"] == false);
    assert!(window.file("optimizers/own.rhai").starts_with("// not saved"));
}

fn settings_of_the_window_are_restored() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    let state = window.until("the network is drawn", |state| state["first_weight"].is_array());
    assert_eq!((&state["colours"], &state["hints_seen"]), (&"system".into(), &0.into()));
    window.press("d");
    window.press("d");
    window.press("ctrl+plus");
    window.until("the theme is light and the text large", |now| {
        now["colours"] == "light" && now["scale"] != 1.0 && now["canvas"] != state["canvas"]
    });
    // Following the first hint marks it as seen.
    window.until("the first weight is where it stays", |state| state["kept"] == true);
    window.click_at(&window.state()["first_weight"]);
    window.until("it is selected", |state| !state["selected"].is_null());
    // The hint goes when the hand has gone.
    window.point_at(&serde_json::json!([5, 5]));
    window.until("the hint is marked as seen", |state| state["hints_seen"] == 1);
    window.press("b");
    window.until("a bookmark is set", |state| state["bookmarks"].as_array().is_some_and(|all| all.len() == 1));
    let saved = window.until_saved();
    window.kill_and_start(Some("lesson.rhai"));
    let restored = window.until("the session is restored", |state| persistent(state) == persistent(&saved));
    assert_eq!((&restored["colours"], &restored["hints_seen"]), (&"light".into(), &1.into()));
    // Unreadable settings do not prevent a start.
    window.save("home/config/slowgrad/window.json", "{ oops");
    window.kill_and_start(Some("lesson.rhai"));
    let defaults = window
        .until("the error is shown", |state| state["notices"].to_string().contains("cannot read the window settings"));
    assert_eq!((&defaults["colours"], &defaults["scale"]), (&"system".into(), &1.0.into()));
}
