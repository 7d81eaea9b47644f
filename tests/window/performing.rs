//! A lesson performs: plays, waits, asks, and is presented.

use crate::driver::{LESSON, OPTIMIZER, Window, number};
use serde_json::Value;

#[test]
fn a_lesson_plays_by_itself_pauses_and_waits() {
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
    let Some(mut window) = Window::open(&format!("{LESSON}{perform}"), OPTIMIZER) else { return };
    window.until("it plays by itself", |state| number(&state["position"]) > 1.0);
    window.press("space");
    let paused = window.until("it pauses", |state| state["playing"] == false);
    window.stands_still();
    window.press("space");
    window.until("it goes on", |state| number(&state["position"]) > number(&paused["position"]));
    let state = window.until("it waits", |state| state["waiting"] == true && state["cue"] == 4);
    assert!(state["caption"].as_str().is_some_and(|caption| caption.starts_with("The answer is 0.")));
    window.press("Next");
    window.until("it trains", |state| state["step"] == 51 && state["caption"] == "After step 51.");
    window.press("Prior");
    window.until("it is where it waited", |state| state["step"] == 1 && state["waiting"] == true && state["cue"] == 4);
}

#[test]
fn the_presenter_has_a_window_of_their_own_that_leads_the_lesson() {
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
    let Some(mut window) = Window::open(&format!("{LESSON}{perform}"), OPTIMIZER) else { return };
    window.until("it waits", |state| state["waiting"] == true && state["caption"] == "Look.");
    assert_eq!(window.state()["notes"], Value::Null);
    window.press("shift+p");
    window.until("the note is in it", |state| state["notes"]["note"] == "Ask who knows tanh.");
    window.focus_on("Presenter notes");
    window.press("Next");
    let asked = window.until("the lesson asks", |state| state["question"]["text"] == "Which?");
    assert_eq!(asked["question"]["revealed"], false);
    window.until("the next note is in it", |state| state["notes"]["note"] == "Slowly now.");
    window.press("2");
    window.until("it is answered from there", |state| state["question"]["chosen"] == 1);
    window.press("Escape");
    window.until("it is closed", |state| state["notes"] == Value::Null);
    window.focus_on("slowgrad");
    window.press("Prior");
    window.until("the main window goes on", |state| state["question"] == Value::Null);
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

#[test]
fn a_question_is_answered_by_a_key_before_an_audience() {
    let Some(mut window) = Window::open(ASKING, OPTIMIZER) else { return };
    window.until("it asks", |state| state["question"]["text"] == "Which weights will change?");
    window.press("F5");
    let alone = window.until("it is presented", |state| state["presenting"] == true);
    window.press("3");
    let answered = window.until("it is answered", |state| state["question"]["revealed"] == true);
    assert_eq!(answered["question"]["chosen"], 2);
    window.press("1");
    window.stands_still();
    assert_eq!(window.state()["question"]["chosen"], 2, "who has seen the right answer gives no other");
    window.press("Next");
    let lit = window.until("biases stand out", |state| state["lit"] == 4 && state["waiting"] == true);
    assert_eq!(lit["question"], Value::Null);
    assert_eq!(lit["selected"], "Weight { layer: 1, neuron: 0, input: 2 }");
    window.press("Next");
    let bare = window.until("the timeline is there", |state| {
        state["lit"] == Value::Null && state["waiting"] == true && state["cue"] == 8
    });
    assert_eq!(bare["selected"], Value::Null);
    assert!(number(&bare["canvas"][3]) < number(&alone["canvas"][3]) + 200.0);
    // Back over the stops: what stood on stage stands there again.
    window.press("Prior");
    window.until("biases stand out again", |state| state["lit"] == 4);
    window.press("Escape");
    window.until("all panels are back", |state| state["presenting"] == false);
}
