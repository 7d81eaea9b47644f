//! Lessons: presentation, captions, questions, announcements for screen readers.

use super::*;

#[test]
fn a_presentation_shows_the_network_only_and_continues_by_key() {
    let mut window = open("welcome");
    press(&mut window, Modifiers::NONE, Key::P);
    for gone in ["Reset", "commands", "Script"] {
        assert!(window.query_by_label(gone).is_none(), "{gone}");
    }
    assert!(window.query_all_by_label_contains("timeline, step").next().is_none());
    let done = |window: &Window| window.state().session.player.progress().0;
    let before = done(&window);
    press(&mut window, Modifiers::NONE, Key::PageDown);
    assert!(done(&window) > before || window.state().session.is_active());
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(window.query_by_label("commands").is_some());
}

#[test]
fn the_current_operation_is_announced() {
    let mut window = open("welcome");
    // Also while the explanation is hidden.
    press(&mut window, Modifiers::NONE, Key::F3);
    press(&mut window, Modifiers::NONE, Key::Home);
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    settle(&mut window);
    let [_, _, first] = announcements(&window);
    assert!(first.contains("Input 1 is 0.9."), "{first}");
    press(&mut window, Modifiers::NONE, Key::ArrowRight);
    settle(&mut window);
    assert_ne!(announcements(&window)[2], first);
    window.key_press(Key::Space);
    window.run_steps(4);
    assert_eq!(announcements(&window)[2], "step 1, forward", "operations are too fast to announce");
}

/// The announcements for screen readers: lesson, last message and current event.
fn announcements(window: &Window) -> [String; 3] {
    let nodes = window.root().children_recursive().map(|node| node.accesskit_node());
    let live = nodes.filter(|node| node.role() == Role::Status && node.live() == egui::accesskit::Live::Polite);
    let labels: Vec<String> = live.map(|node| node.label().unwrap_or_default()).collect();
    labels.try_into().expect("three regions")
}

#[test]
fn captions_and_questions_are_announced() {
    let cues = r#"stage.say("The answer is {output:2}."); stage.wait(); stage.ask("Which?", ["this", "that"], 1);"#;
    let mut window = performing(&format!("{cues} stage.wait();"));
    let [text, ..] = announcements(&window);
    assert!(text.starts_with("The answer is 0.") || text.starts_with("The answer is −0."), "{text}");
    press(&mut window, Modifiers::NONE, Key::PageDown);
    settle(&mut window);
    assert_eq!(announcements(&window)[0], "Which? 1: this. 2: that");
    window.get_by_label("answer 1: this").click();
    window.run_steps(8);
    assert_eq!(announcements(&window)[0], "The correct answer is 2: that. Your answer was 1: this");
}

/// An app over a lesson with these cues, at its first cue.
pub(super) fn performing(cues: &str) -> Window {
    let lesson = r#"fn lesson() { #{ title: "T", layers: [2, 3, 1], data: "xor", seed: 3 } }"#;
    let text = format!("{lesson} fn perform(stage) {{ {cues} }}");
    let files = slowgrad_script::Files::from_iter([("t.rhai", text.as_bytes())]);
    let own = slowgrad_script::Root { name: "own".into(), files };
    let library = slowgrad_script::Library { roots: vec![shipped::shipped(), own] };
    let mut window = window(inline(library, Limits::default(), "t.rhai"));
    press(&mut window, Modifiers::NONE, Key::PageDown);
    settle(&mut window);
    window
}

#[test]
fn a_question_is_answered_by_the_names_of_its_answers() {
    let mut window = performing(r#"stage.ask("Which?", ["this", "that"], 1); stage.wait();"#);
    assert!(window.query_by_label("Which?").is_some());
    window.get_by_label("answer 1: this").click();
    window.run_steps(8);
    assert!(window.query_by_label("answer 1: this, incorrect").is_some());
    assert!(window.query_by_label("answer 2: that, correct").is_some());
    window.get_by_label("continue").click();
    settle(&mut window);
    assert!(window.query_by_label("Which?").is_none());
}

#[test]
fn an_audience_sees_only_the_panels_and_plots_of_the_lesson() {
    let cues = r#"stage.wait(); stage.show("lesson"); stage.plot("histograms"); stage.wait(); stage.hide("lesson"); stage.hide("plots"); stage.wait();"#;
    let mut window = performing(cues);
    press(&mut window, Modifiers::NONE, Key::P);
    assert!(window.query_by_label("Reset").is_none());
    press(&mut window, Modifiers::NONE, Key::PageDown);
    settle(&mut window);
    assert!(window.query_by_label("Reset").is_some());
    let seen = |window: &Window| window.state().app.as_ref().map(|app| app.plots.visible());
    assert_eq!(seen(&window), Some(vec![crate::state::plot_tabs::Plot::Histograms]));
    press(&mut window, Modifiers::NONE, Key::PageDown);
    settle(&mut window);
    assert!(window.query_by_label("Reset").is_none());
    assert!(window.query_all_by_label_contains("loss function").next().is_none(), "the plots are gone");
}

#[test]
fn presenter_notes_show_note_answer_and_next_cues() {
    let cues =
        r#"stage.note("Let them guess."); stage.ask("Which?", ["this", "that"], 1); stage.wait(); stage.say("So.");"#;
    let window = performing(cues);
    let session = &window.state().session;
    assert!(window.query_by_label("Let them guess.").is_none(), "the audience does not see the note");
    let sheet = crate::panels::presenter_notes::PresenterNotes::new(session);
    let ui = |ui: &mut egui::Ui, actions: &mut Vec<crate::actions::Action>| {
        actions.extend(crate::panels::presenter_notes::presenter_notes_ui(ui, &sheet, &slowgrad_render::Theme::dark()));
    };
    let mut notes = egui_kittest::Harness::builder().with_size(Vec2::new(760.0, 480.0)).build_ui_state(ui, Vec::new());
    for read in ["T", "Let them guess.", "Which?", "that", "says “So.”", "cue 2 of 4", "waiting for you"] {
        assert!(notes.query_all_by_label_contains(read).next().is_some(), "{read}");
    }
    notes.get_by_label("Next (Page Down)").click();
    notes.run();
    assert_eq!(*notes.state(), [crate::actions::Action::Run(RunAction::NextCue)]);
}

#[test]
fn elements_outside_the_highlight_are_dimmed() {
    let mut window = performing("stage.highlight(|p| p.layer == 1 && p.input == 2); stage.wait();");
    press(&mut window, Modifiers::NONE, Key::End);
    settle(&mut window);
    let harness = window.state_mut();
    let scene = harness.app.as_mut().and_then(|app| app.scene(&harness.session)).expect("a scene");
    let lit = slowgrad_timeline::scene::Target::Weight { layer: 1, neuron: 0, input: 2 };
    for edge in &scene.edges {
        assert_eq!(edge.alpha > 0.5, edge.target == lit, "{edge:?}");
        assert!(edge.target == lit || edge.ghost_width.is_none(), "{edge:?}");
    }
    let bright: Vec<_> = scene.discs.iter().filter(|disc| disc.alpha == 1.0).map(|disc| disc.target).collect();
    let neuron = |layer, neuron| slowgrad_timeline::scene::Target::Neuron { layer, neuron };
    assert_eq!(bright, [neuron(0, 2), neuron(1, 0)]);
}
