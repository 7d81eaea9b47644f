//! One long session, as a student would have it: open a lesson, follow it, play, step back, edit; break and repair a
//! script; save, kill the program, and continue where it ended.

use crate::driver::{LESSON, OPTIMIZER, Window, display, number};
use crate::harness::{Group, group};
use crate::returning::persistent;
use serde_json::{Value, json};

pub(crate) const TESTS: &[Group] = &[group!(display, [a_student_works_through_a_lesson_and_continues_after_a_crash])];

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

fn a_student_works_through_a_lesson_and_continues_after_a_crash() {
    let mut window = Window::open(LESSON, OPTIMIZER);

    // Open another lesson by its path. Its optimizer is in the same folder.
    window.make_folder("course");
    window.make_folder("course/optimizers");
    window.save("course/optimizers/own.rhai", OPTIMIZER);
    window.save("course/first.rhai", &format!("{LESSON}{PERFORM}"));
    window.press("ctrl+o");
    window.until("the open dialog opens", |state| state["overlay"] == "open");
    window.write(&window.path("course/first.rhai").display().to_string());
    window.press("Return");

    // The lesson plays, asks, trains, and waits for the student.
    let asked = window.until("the lesson asks", |state| state["question"]["text"] == "Which weights will change?");
    assert_eq!((&asked["lesson"], &asked["step"]), (&json!("first.rhai"), &json!(1)));
    window.click("answer 2: those with a gradient");
    window.until("the question is answered", |state| {
        state["question"]["chosen"] == 1 && state["question"]["revealed"] == true
    });
    window.press("Next");
    let waiting = window.until("the lesson has trained", |state| state["waiting"] == true && state["step"] == 4);
    assert_eq!(waiting["caption"], "Now it is yours.");

    // Play and pause with the mouse; step back by operations, then to the previous step.
    window.click("Play or pause");
    window.until("it plays", |state| state["playing"] == true && number(&state["position"]) > 3.0);
    window.click("Play or pause");
    let stopped = window.until("it pauses", |state| state["playing"] == false);
    window.click("Step back");
    let back = window
        .until("the playhead is an operation back", |state| number(&state["position"]) < number(&stopped["position"]));
    window.press("Left");
    window.until("the playhead is another operation back", |state| {
        number(&state["position"]) == number(&back["position"]).ceil() - 1.0
    });
    window.press("ctrl+Left");
    let past =
        window.until("the previous step is shown", |state| state["step"] == 3 && state["first_weight"].is_array());

    // Edit a weight in the picture, at a past step: the losses of the abandoned branch remain visible.
    window.double_click_at(&past["first_weight"]);
    window.until("its field is open", |state| state["overlay"] == "edit");
    window.press("ctrl+a");
    window.write("1.25");
    window.until("its value is previewed", |state| state["parameters"][0] == 1.25);
    window.press("Return");
    window.until("the edit is accepted", |state| state["overlay"] == "" && state["ghost"].is_number());

    // Add a neuron with the button over the column.
    let before = window.state();
    window.click("add a neuron to layer 1");
    let more = window.until("there are four neurons", |state| state["sizes"] == json!([2, 4, 1]));
    let first = |state: &Value| state["parameters"].as_array().expect("numbers")[..6].to_vec();
    assert_eq!(first(&more), first(&before), "the other parameters are unchanged");
    window.press("ctrl+Right");
    window.until("the new network trains", |state| state["step"] == 4 && state["parameters"] != more["parameters"]);

    // Break a script on disk: the last good version keeps running. Repair it in the editor.
    window.press("End");
    window.press("Left");
    window.until("the optimizer runs", |state| number(&state["position"]) == number(&state["events"]) - 1.0);
    window.save("course/optimizers/own.rhai", &OPTIMIZER.replace("+ grad;", "+ gard;"));
    let broken = window.until("the error is shown", |state| !has_no_problems(state));
    assert!(broken["problems"][0].as_str().is_some_and(|text| text.starts_with("optimizers/own.rhai:4:")));
    window.press("End");
    window.press("Right");
    window.until("the last good version trains on", |state| state["step"] == 5 && state["playing"] == false);
    window.edit_optimizer();
    window.press("ctrl+a");
    // The repaired rule differs from the first one.
    let repaired = [
        "fn state() { #{ velocity: 0.0 } }",
        "fn update(w, grad, state, ctx) {",
        "state.velocity = 0.5 * state.velocity + 2.0 * grad;",
        "w - ctx.lr * state.velocity",
        "}",
    ];
    for line in repaired {
        window.write(line);
        window.press("Return");
    }
    window.press("ctrl+s");
    window.until("the script is repaired", |state| state["editor"]["is_unsaved"] == false && has_no_problems(state));

    // Break it in the editor, and repair it on disk.
    window.press("ctrl+End");
    window.write("let y = 1 +;");
    window.press("ctrl+s");
    window.until("the script is broken again", |state| !has_no_problems(state));
    let text = window.file("course/optimizers/own.rhai");
    window.save("course/optimizers/own.rhai", text.strip_suffix("let y = 1 +;").expect("the typed line"));
    window.until("the script is repaired again", has_no_problems);
    window.press("Escape");
    window.until("the text loses the focus", |state| state["editor"]["is_writing"] == false);
    window.press("Escape");
    window.until("the editor is closed", |state| state["editor"].is_null());
    window.press("ctrl+Right");
    window.press("ctrl+Right");
    window.until("the repaired version trains on", |state| state["step"] == 7 && state["playing"] == false);

    // Save under the proposed name, and play a little further.
    window.press("ctrl+s");
    window.until("the save dialog opens", |state| state["overlay"] == "save");
    window.press("Return");
    window.until("the session is saved", |state| state["notices"].to_string().contains("saved as"));
    let saved = window.until_saved();
    for position in [1.0, 2.0] {
        window.press("Right");
        window.until("the playhead is an operation further", |state| {
            state["position"] == position && state["playing"] == false
        });
    }
    let last = window.until_saved();

    // Kill the program and start it without arguments: the session is restored, with undo, and continues to train.
    window.kill_and_start(None);
    window.until("the session is restored", |state| persistent(state) == persistent(&last));
    window.press("ctrl+z");
    window.until("the steps with the repaired script are undone", |state| {
        state["undo"] == "add neuron to layer 1" && state["step"] != 7
    });
    window.press("ctrl+z");
    window.until("adding the neuron is undone", |state| {
        state["sizes"] == json!([2, 3, 1]) && state["parameters"][0] == 1.25
    });
    window.press("ctrl+z");
    window.until("editing the weight is undone", |state| state["parameters"] == past["parameters"]);
    for _ in 0..3 {
        window.press("ctrl+shift+z");
    }
    window.until("the edits and the steps are redone", |state| {
        state["step"] == 7 && state["parameters"] == last["parameters"]
    });
    window.press("ctrl+Right");
    window.until("training continues", |state| state["step"] == 8 && state["parameters"] != last["parameters"]);

    // The saved file has the earlier state.
    window.press("ctrl+o");
    window.until("the open dialog opens", |state| state["overlay"] == "open");
    window.write(&window.path("course/first.session.json").display().to_string());
    window.press("Return");
    window.until("the saved session is open", |state| persistent(state) == persistent(&saved));
}
