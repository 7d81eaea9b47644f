//! Lessons that play, wait, ask questions and are presented to an audience.

use crate::driver::{LESSON, OPTIMIZER, Window, display, number};
use crate::harness::{Group, group};
use serde_json::Value;

pub(crate) const TESTS: &[Group] = &[group!(
    display,
    [
        a_lesson_plays_pauses_and_waits,
        the_notes_window_controls_the_lesson,
        a_question_is_answered_by_key_while_presenting,
    ]
)];

fn a_lesson_plays_pauses_and_waits() {
    let perform = r#"
fn perform(stage) {
    stage.say("Look.");
    stage.play("forward", #{ by: "operation", seconds: 3 });
    stage.say("The answer is {output:2}.");
    stage.wait();
    stage.train(50);
    stage.say("After step {step}.");
}
"#;
    let mut window = Window::open(&format!("{LESSON}{perform}"), OPTIMIZER);
    window.until("it plays without a key", |state| number(&state["position"]) > 1.0);
    window.press("space");
    let paused = window.until("it pauses", |state| state["playing"] == false);
    window.assert_paused();
    window.press("space");
    window.until("it resumes", |state| number(&state["position"]) > number(&paused["position"]));
    let state = window.until("it waits", |state| state["waiting"] == true && state["cue"] == 4);
    assert!(state["caption"].as_str().is_some_and(|caption| caption.starts_with("The answer is 0.")));
    window.press("Next");
    window.until("it trains", |state| state["step"] == 51 && state["caption"] == "After step 51.");
    window.press("Prior");
    window
        .until("it is back at the pause", |state| state["step"] == 1 && state["waiting"] == true && state["cue"] == 4);
}

fn the_notes_window_controls_the_lesson() {
    let perform = r#"
fn perform(stage) {
    stage.note("Ask who knows tanh.");
    stage.say("Look.");
    stage.wait();
    stage.note("Slowly now.");
    stage.ask("Which?", ["this", "that"], 1);
    stage.wait();
}
"#;
    let mut window = Window::open(&format!("{LESSON}{perform}"), OPTIMIZER);
    window.until("it waits", |state| state["waiting"] == true && state["caption"] == "Look.");
    assert_eq!(window.state()["notes"], Value::Null);
    window.press("shift+p");
    window.until("the window shows the note", |state| state["notes"]["note"] == "Ask who knows tanh.");
    window.focus_on("Presenter notes");
    window.press("Next");
    let asked = window.until("the lesson asks", |state| state["question"]["text"] == "Which?");
    assert_eq!(asked["question"]["revealed"], false);
    window.until("the window shows the next note", |state| state["notes"]["note"] == "Slowly now.");
    window.press("2");
    window.until("the key answers the question", |state| state["question"]["chosen"] == 1);
    window.press("Escape");
    window.until("the notes window is closed", |state| state["notes"] == Value::Null);
    window.focus_on("slowgrad");
    window.press("Prior");
    window.until("the main window controls the lesson", |state| state["question"] == Value::Null);
}

const ASKING: &str = r#"
fn lesson() {
    #{ title: "Asking", layers: [2, 3, 1], activation: "relu", data: "xor", seed: 7 }
}
fn perform(stage) {
    stage.ask("Which weights will change?", ["all", "those with a gradient", "none"], 1);
    stage.play("step", #{ by: "phase", seconds: 1 });
    stage.highlight(|p| p.is_bias);
    stage.focus(weight(1, 0, 2));
    stage.wait();
    stage.clear();
    stage.show("timeline");
    stage.wait();
}
"#;

fn a_question_is_answered_by_key_while_presenting() {
    let mut window = Window::open(ASKING, OPTIMIZER);
    window.until("it asks", |state| state["question"]["text"] == "Which weights will change?");
    window.press("F5");
    let presented = window.until("the lesson is presented", |state| state["presenting"] == true);
    window.press("3");
    let answered = window.until("the question is answered", |state| state["question"]["revealed"] == true);
    assert_eq!(answered["question"]["chosen"], 2);
    window.press("1");
    window.assert_paused();
    assert_eq!(window.state()["question"]["chosen"], 2, "no second answer after the right one is revealed");
    window.press("Next");
    let lit = window.until("biases are highlighted", |state| state["lit"] == 4 && state["waiting"] == true);
    assert_eq!(lit["question"], Value::Null);
    assert_eq!(lit["selected"], "Weight { layer: 1, neuron: 0, input: 2 }");
    window.press("Next");
    let cleared = window.until("the timeline is shown", |state| {
        state["lit"] == Value::Null && state["waiting"] == true && state["cue"] == 8
    });
    assert_eq!(cleared["selected"], Value::Null);
    assert!(number(&cleared["canvas"][3]) < number(&presented["canvas"][3]) + 200.0);
    // Going back over the pauses restores their highlights.
    window.press("Prior");
    window.until("biases are highlighted again", |state| state["lit"] == 4);
    window.press("Escape");
    window.until("all panels are shown again", |state| state["presenting"] == false);
}
