//! Scripts that change while a lesson runs, on disk and in the window's editor.

use crate::driver::{LESSON, OPTIMIZER, Window, display, number};
use crate::harness::{Group, group};
use serde_json::Value;
use std::fs;

pub(crate) const TESTS: &[Group] = &[group!(
    display,
    [
        a_script_is_reloaded_while_it_runs,
        a_script_is_edited_saved_broken_and_repaired_in_the_window,
        a_folder_created_while_the_lesson_runs_is_searched,
        a_script_added_to_the_users_folder_while_the_lesson_runs_is_found,
        a_script_of_a_pack_is_saved_into_the_pack,
        an_endless_script_blocks_neither_drawing_nor_training,
    ]
)];

fn a_script_is_reloaded_while_it_runs() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("Right");
    window.until("the playhead is an operation further", |state| number(&state["position"]) == 1.0);

    // A broken version: the error names its line, and the last good version keeps running.
    window.save("optimizers/own.rhai", &OPTIMIZER.replace("+ grad;", "+ gard;"));
    let state = window.until("the error is shown", |state| state["problems"][0].is_string());
    let problem = state["problems"][0].as_str().unwrap_or("").to_owned();
    assert!(problem.starts_with("optimizers/own.rhai:4:") && problem.contains("gard"), "{problem}");
    window.press("End");
    window.press("Right");
    // The operation must finish playing before the next key, which would otherwise only complete it.
    window.until("the last good version trains on", |state| {
        state["step"] == 2 && number(&state["position"]) == 1.0 && state["playing"] == false
    });

    // A valid version with another state field runs from the next step on.
    window.press("Right");
    window.until("the playhead is within the step", |state| number(&state["position"]) == 2.0);
    window.save("optimizers/own.rhai", &OPTIMIZER.replace("velocity", "speed"));
    window.until("the error is gone", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
    assert_eq!(window.assert_paused()["optimizer_fields"][0], "velocity");
    window.press("End");
    window.press("Right");
    let state = window.until("the new version runs", |state| state["optimizer_fields"][0] == "speed");
    let notices = state["notices"].to_string();
    assert!(notices.contains("«velocity» dropped"), "{notices}");
    assert_eq!(state["step"], 3);
}

fn a_script_is_edited_saved_broken_and_repaired_in_the_window() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.edit_optimizer();
    let before = window.state();

    // Playback shortcuts type letters here, and blocks are indented.
    window.press("ctrl+Home");
    for line in ["fn more(x) {", "x * 1.0", "}", "//  t s d [ ]"] {
        window.write(line);
        window.press("Return");
    }
    window.until("the text is typed", |state| {
        state["editor"]["is_unsaved"] == true && state["editor"]["names"].is_null()
    });
    window.press("ctrl+s");
    let state = window.until("the script is saved", |state| state["editor"]["is_unsaved"] == false);
    let typed = "fn more(x) {\n    x * 1.0\n}\n//  t s d [ ]\n";
    assert_eq!(window.file("optimizers/own.rhai"), format!("{typed}{OPTIMIZER}"));
    assert_eq!((&state["position"], &state["playing"]), (&before["position"], &before["playing"]));

    // An error is shown at its location, and the last good version keeps running.
    window.press("ctrl+End");
    window.write("let y = 1 +;");
    window.press("ctrl+s");
    window.until("the error is shown", |state| {
        state["editor"]["problems"].as_array().is_some_and(|found| !found.is_empty())
            && state["problems"][0].is_string()
    });
    assert!(window.file("optimizers/own.rhai").ends_with("let y = 1 +;"));

    // Replacing the whole text repairs it, with another state field.
    replace_optimizer(&mut window);
    window.until("the script is repaired", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
    window.press("ctrl+Return");
    window.until("the gradient is checked", |state| state["editor"]["checked"] == 0);
    see_replaced_optimizer(&mut window);
}

/// Replaces the text in the editor by an optimizer with another state field, and saves it.
fn replace_optimizer(window: &mut Window) {
    window.press("ctrl+a");
    window.write("fn state() { #{ speed: 0.0 } }");
    window.press("Return");
    window.write("fn update(w, grad, state, ctx) { state.speed += grad; w - ctx.lr * state.speed }");
    window.press("ctrl+s");
}

/// Closes the editor, and waits until the optimizer of [`replace_optimizer`] runs.
fn see_replaced_optimizer(window: &mut Window) {
    window.press("Escape");
    window.until("the text loses the focus", |state| state["editor"]["is_writing"] == false);
    window.press("Escape");
    window.until("the editor is closed", |state| state["editor"].is_null());
    window.press("End");
    window.press("Right");
    window.until("the new version runs", |state| state["optimizer_fields"][0] == "speed");
}

fn a_script_of_a_pack_is_saved_into_the_pack() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.kill();
    window.pack("lesson.rhai", "own.slowgrad");
    for file in ["lesson.rhai", "optimizers/own.rhai"] {
        fs::remove_file(window.path(file)).expect("remove the script");
    }
    window.start(Some("own.slowgrad"));
    window.edit_optimizer();
    replace_optimizer(&mut window);
    window.until("the script is saved", |state| state["editor"]["is_unsaved"] == false);
    see_replaced_optimizer(&mut window);

    // A session of a pack is saved beside it, and opens it.
    window.press("ctrl+s");
    window.until("the save dialog opens", |state| state["overlay"] == "save");
    window.press("Return");
    window.until("the session is saved", |state| state["notices"].to_string().contains("saved as"));
    assert!(window.file("lesson.session.json").contains(r#""lesson": "./own.slowgrad/lesson.rhai""#));
    for opened in ["lesson.session.json", "own.slowgrad"] {
        window.kill();
        fs::remove_dir_all(window.path("home/state")).expect("remove the autosaved session");
        window.start(Some(opened));
        let state = window.until("the saved version opens", |state| state["optimizer_fields"][0] == "speed");
        assert_eq!((&state["lesson"], &state["notices"]), (&"lesson.rhai".into(), &serde_json::json!([])), "{opened}");
    }
}

fn a_folder_created_while_the_lesson_runs_is_searched() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.save("lesson.rhai", &LESSON.replace("\"mse\"", "\"mine\""));
    window.until("the loss is reported missing", |state| state["problems"][0].is_string());
    window.make_folder("losses");
    window.save("losses/mine.rhai", "fn loss(output, target) { (output[0] - target[0]) ** 4 }");
    window.until("the loss is found", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
}

fn a_script_added_to_the_users_folder_while_the_lesson_runs_is_found() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    // The window creates this folder when it opens, in order to watch it.
    window.make_folder("user/losses");
    window.save("user/losses/mse.rhai", "fn loss(output, target) { (output[0] - target[0]) ** 4 }");
    window.until("the user's own loss shadows the built-in one", |state| {
        let notices = state["notices"].as_array().expect("notices").iter();
        notices.filter_map(Value::as_str).any(|notice| notice.contains("losses/mse.rhai was saved"))
    });
}

fn an_endless_script_blocks_neither_drawing_nor_training() {
    let mut window = Window::open(LESSON, OPTIMIZER);
    window.press("space");
    let before = window.until("it plays", |state| state["playing"] == true && number(&state["position"]) > 1.0);
    // Evaluating this lesson takes seconds until the limit stops it.
    window.save("lesson.rhai", &format!("{LESSON}\nfn perform(stage) {{ loop {{ let x = 1; }} }}"));
    let failed = |state: &Value| state["problems"].as_array().is_some_and(|problems| !problems.is_empty());
    window.until("the script is stopped", failed);
    let between: Vec<f64> = window
        .states()
        .into_iter()
        .skip_while(|state| state["position"] != before["position"])
        .take_while(|state| !failed(state))
        .map(|state| number(&state["position"]))
        .collect();
    assert!(between.len() > 2 && between.is_sorted(), "the playhead did not move: {between:?}");
    // The last good version keeps running.
    window.press("t");
    window.until("it trains", |state| number(&state["step"]) > 200.0 && failed(state));
    window.save("lesson.rhai", LESSON);
    window.until("it is repaired", |state| !failed(state));
}
