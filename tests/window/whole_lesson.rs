//! One sitting from beginning to end, as a student would have it: a lesson is opened, performed, played, stepped
//! back through and changed; a script is broken and mended; all of it is saved, the program is killed, and
//! everything is there again.

use crate::driver::{LESSON, OPTIMIZER, Window, number};
use crate::returning::lasting;
use serde_json::{Value, json};

const PERFORM: &str = r#"
fn perform(stage) {
    stage.say("A sample goes through.");
    stage.play("step", #{ by: "operation", seconds: 1 });
    stage.ask("Which weights will change?", ["all", "those with a gradient", "none"], 1);
    stage.train(3);
    stage.say("Now it is yours.");
    stage.wait();
}
"#;

fn has_no_problems(state: &Value) -> bool {
    state["problems"].as_array().is_some_and(Vec::is_empty)
}

#[test]
fn a_student_has_a_whole_lesson_and_finds_it_again() {
    let Some(mut window) = Window::open(LESSON, OPTIMIZER) else { return };

    // Another lesson, which lies beside its optimizer, is opened by its path.
    window.make_folder("course");
    window.make_folder("course/optimizers");
    window.save("course/optimizers/own.rhai", OPTIMIZER);
    window.save("course/first.rhai", &format!("{LESSON}{PERFORM}"));
    window.press("ctrl+o");
    window.until("it asks what to open", |state| state["overlay"] == "open");
    window.write(&window.path("course/first.rhai").display().to_string());
    window.press("Return");

    // It plays, asks, trains, and leaves the rest to the student.
    let asked = window.until("it asks", |state| state["question"]["text"] == "Which weights will change?");
    assert_eq!((&asked["lesson"], &asked["step"]), (&json!("first.rhai"), &json!(1)));
    window.click("answer 2: those with a gradient");
    window.until("it is answered", |state| state["question"]["chosen"] == 1 && state["question"]["revealed"] == true);
    window.press("Next");
    let yours = window.until("it has trained", |state| state["waiting"] == true && state["step"] == 4);
    assert_eq!(yours["caption"], "Now it is yours.");

    // Played and stopped with the mouse, and back: by operations, and to the step before.
    window.click("Play or pause");
    window.until("it plays", |state| state["playing"] == true && number(&state["position"]) > 3.0);
    window.click("Play or pause");
    let stopped = window.until("it pauses", |state| state["playing"] == false);
    window.click("Step back");
    let back = window.until("an operation back", |state| number(&state["position"]) < number(&stopped["position"]));
    window.press("Left");
    window.until("another", |state| number(&state["position"]) == number(&back["position"]).ceil() - 1.0);
    window.press("ctrl+Left");
    let past = window.until("the step before", |state| state["step"] == 3 && state["first_weight"].is_array());

    // A weight is edited in its place, in the past: the losses of what came after stay as a ghost.
    window.double_click_at(&past["first_weight"]);
    window.until("its field is open", |state| state["overlay"] == "edit");
    window.press("ctrl+a");
    window.write("1.25");
    window.until("its value is shown at once", |state| state["parameters"][0] == 1.25);
    window.press("Return");
    window.until("it is accepted", |state| state["overlay"] == "" && state["ghost"].is_number());

    // A neuron more, by its button over the column.
    let before = window.state();
    window.click("add a neuron to layer 1");
    let more = window.until("there are four", |state| state["sizes"] == json!([2, 4, 1]));
    let first = |state: &Value| state["parameters"].as_array().expect("numbers")[..6].to_vec();
    assert_eq!(first(&more), first(&before), "all others stay");
    window.press("ctrl+Right");
    window.until("it learns", |state| state["step"] == 4 && state["parameters"] != more["parameters"]);

    // A script is broken on the disk: the last good version goes on. It is mended in the editor.
    window.press("End");
    window.press("Left");
    window.until("the optimizer runs", |state| number(&state["position"]) == number(&state["events"]) - 1.0);
    window.save("course/optimizers/own.rhai", &OPTIMIZER.replace("+ grad;", "+ gard;"));
    let broken = window.until("the mistake is shown", |state| !has_no_problems(state));
    assert!(broken["problems"][0].as_str().is_some_and(|text| text.starts_with("optimizers/own.rhai:4:")));
    window.press("End");
    window.press("Right");
    window.until("the last good version trains on", |state| state["step"] == 5 && state["playing"] == false);
    window.edit_optimizer();
    window.press("ctrl+a");
    // By another rule than before.
    let mended = [
        "fn state() { #{ velocity: 0.0 } }",
        "fn update(w, grad, state, ctx) {",
        "state.velocity = 0.5 * state.velocity + 2.0 * grad;",
        "w - ctx.lr * state.velocity",
        "}",
    ];
    for line in mended {
        window.write(line);
        window.press("Return");
    }
    window.press("ctrl+s");
    window.until("it is mended", |state| state["editor"]["is_unsaved"] == false && has_no_problems(state));

    // And the other way round.
    window.press("ctrl+End");
    window.write("let y = 1 +;");
    window.press("ctrl+s");
    window.until("it is broken again", |state| !has_no_problems(state));
    let text = window.file("course/optimizers/own.rhai");
    window.save("course/optimizers/own.rhai", text.strip_suffix("let y = 1 +;").expect("what was typed"));
    window.until("it is mended again", has_no_problems);
    window.press("Escape");
    window.until("the text is left", |state| state["editor"]["is_writing"] == false);
    window.press("Escape");
    window.until("the editor is closed", |state| state["editor"].is_null());
    window.press("ctrl+Right");
    window.press("ctrl+Right");
    window.until("the mended version trains on", |state| state["step"] == 7 && state["playing"] == false);

    // Saved by its name, and a little further.
    window.press("ctrl+s");
    window.until("it asks where to", |state| state["overlay"] == "save");
    window.press("Return");
    window.until("it is saved", |state| state["notices"].to_string().contains("saved as"));
    let saved = window.until_kept();
    for position in [1.0, 2.0] {
        window.press("Right");
        window.until("an operation on", |state| state["position"] == position && state["playing"] == false);
    }
    let left = window.until_kept();

    // Killed, and started again without a word: all is as it was, what was done can be undone, and it learns on.
    window.kill_and_start(None);
    window.until("it is as it was", |state| lasting(state) == lasting(&left));
    window.press("ctrl+z");
    window.until("the neuron is gone", |state| state["sizes"] == json!([2, 3, 1]) && state["parameters"][0] == 1.25);
    window.press("ctrl+z");
    window.until("the weight is the old one", |state| state["parameters"] == past["parameters"]);
    window.press("ctrl+shift+z");
    window.press("ctrl+shift+z");
    window.until("all is done again", |state| state["step"] == 7 && state["parameters"] == left["parameters"]);
    window.press("ctrl+Right");
    window.until("it learns on", |state| state["step"] == 8 && state["parameters"] != left["parameters"]);

    // What was saved by its name is as it was then.
    window.press("ctrl+o");
    window.until("it asks what to open", |state| state["overlay"] == "open");
    window.write(&window.path("course/first.session.json").display().to_string());
    window.press("Return");
    window.until("it is as it was saved", |state| lasting(state) == lasting(&saved));
}
