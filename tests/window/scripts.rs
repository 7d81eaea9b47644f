//! Scripts change while a lesson runs: on the disk and in the window's own editor.

use crate::driver::{LESSON, OPTIMIZER, Window, number};
use serde_json::Value;

#[test]
fn a_script_is_exchanged_while_it_runs() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    window.press("Right");
    window.until("a step", |state| number(&state["position"]) == 1.0);

    // A broken version: the error has its line, and the last good one goes on.
    window.save("optimizers/own.rhai", &OPTIMIZER.replace("+ grad;", "+ gard;"));
    let state = window.until("the error is shown", |state| state["problems"][0].is_string());
    let problem = state["problems"][0].as_str().unwrap_or("").to_owned();
    assert!(problem.starts_with("optimizers/own.rhai:4:") && problem.contains("gard"), "{problem}");
    window.press("End");
    window.press("Right");
    // The key's unit plays to its end before the next key, which would only finish it.
    window.until("the last good version trains on", |state| {
        state["step"] == 2 && number(&state["position"]) == 1.0 && state["playing"] == false
    });

    // A good version with another field takes over at the next step.
    window.press("Right");
    window.until("within the step", |state| number(&state["position"]) == 2.0);
    window.save("optimizers/own.rhai", &OPTIMIZER.replace("velocity", "speed"));
    window.until("the error is gone", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
    assert_eq!(window.stands_still()["optimizer_fields"][0], "velocity");
    window.press("End");
    window.press("Right");
    let state = window.until("the new version runs", |state| state["optimizer_fields"][0] == "speed");
    let notices = state["notices"].to_string();
    assert!(notices.contains("«velocity» dropped"), "{notices}");
    assert_eq!(state["step"], 3);
}

#[test]
fn a_script_is_edited_saved_broken_and_mended_in_the_window() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    window.edit_optimizer();
    let before = window.state();

    // The player's keys are letters here, and brackets are indented.
    window.press("ctrl+Home");
    for line in ["fn more(x) {", "x * 1.0", "}", "//  t s d [ ]"] {
        window.write(line);
        window.press("Return");
    }
    window.until("it is typed", |state| state["editor"]["is_unsaved"] == true && state["editor"]["names"].is_null());
    window.press("ctrl+s");
    let state = window.until("it is saved", |state| state["editor"]["is_unsaved"] == false);
    let typed = "fn more(x) {\n    x * 1.0\n}\n//  t s d [ ]\n";
    assert_eq!(window.file("optimizers/own.rhai"), format!("{typed}{OPTIMIZER}"));
    assert_eq!((&state["position"], &state["playing"]), (&before["position"], &before["playing"]));

    // A mistake is shown in its place, and the last good version runs.
    window.press("ctrl+End");
    window.write("let y = 1 +;");
    window.press("ctrl+s");
    window.until("the mistake is shown", |state| {
        state["editor"]["problems"].as_array().is_some_and(|found| !found.is_empty())
            && state["problems"][0].is_string()
    });
    assert!(window.file("optimizers/own.rhai").ends_with("let y = 1 +;"));

    // Undone by name: the whole text is another one, with another field.
    window.press("ctrl+a");
    window.write("fn state() { #{ speed: 0.0 } }");
    window.press("Return");
    window.write("fn update(w, grad, state, ctx) { state.speed += grad; w - ctx.lr * state.speed }");
    window.press("ctrl+s");
    window.until("it is mended", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
    window.press("ctrl+Return");
    window.until("it was checked", |state| state["editor"]["checked"] == 0);
    window.press("Escape");
    window.until("the text is left", |state| state["editor"]["is_writing"] == false);
    window.press("Escape");
    window.until("the editor is closed", |state| state["editor"].is_null());
    window.press("End");
    window.press("Right");
    window.until("the new version runs", |state| state["optimizer_fields"][0] == "speed");
}

#[test]
fn a_folder_made_while_the_lesson_runs_counts() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    window.save("lesson.rhai", &LESSON.replace("\"mse\"", "\"mine\""));
    window.until("the loss is missed", |state| state["problems"][0].is_string());
    window.make_folder("losses");
    window.save("losses/mine.rhai", "fn loss(output, target) { (output[0] - target[0]) ** 4 }");
    window.until("it is found", |state| state["problems"].as_array().is_some_and(Vec::is_empty));
}

#[test]
fn what_is_put_into_the_users_folder_while_the_lesson_runs_counts() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    // The folder was made when the window opened, so that this can be noticed.
    window.make_folder("user/losses");
    window.save("user/losses/mse.rhai", "fn loss(output, target) { (output[0] - target[0]) ** 4 }");
    window.until("the user's own loss shadows the built-in one", |state| {
        let notices = state["notices"].as_array().expect("notices").iter();
        notices.filter_map(Value::as_str).any(|notice| notice.contains("losses/mse.rhai was saved"))
    });
}

#[test]
fn a_script_that_runs_away_stops_neither_the_picture_nor_the_training() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };
    window.press("space");
    let before = window.until("it plays", |state| state["playing"] == true && number(&state["position"]) > 1.0);
    // It takes seconds until reading this lesson is stopped.
    window.save("lesson.rhai", &format!("{LESSON}\nfn perform(stage) {{ loop {{ let x = 1; }} }}"));
    let runs_away = |state: &Value| state["problems"].as_array().is_some_and(|problems| !problems.is_empty());
    window.until("it is stopped", runs_away);
    let between: Vec<f64> = window
        .states()
        .into_iter()
        .skip_while(|state| state["position"] != before["position"])
        .take_while(|state| !runs_away(state))
        .map(|state| number(&state["position"]))
        .collect();
    assert!(between.len() > 2 && between.is_sorted(), "the picture stood still: {between:?}");
    // The last good version goes on.
    window.press("t");
    window.until("it trains", |state| number(&state["step"]) > 200.0 && runs_away(state));
    window.save("lesson.rhai", LESSON);
    window.until("it is repaired", |state| !runs_away(state));
}
