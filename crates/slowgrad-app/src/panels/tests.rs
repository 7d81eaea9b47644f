//! The explanation panels, driven by accessible names as a user or a screen reader would.

use super::drawer;
use crate::actions::Action;
use crate::platform::NoFiles;
use crate::state::App;
use crate::state::link_history::LinkHighlight;
use crate::tests::{Window, settle, window as open_window};
use egui::accesskit::{Live, Role};
use egui::{Align, Key, Layout, Modifiers, Rect, Vec2};
use egui_kittest::Harness;
use egui_kittest::kittest::{NodeT, Queryable};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::shape::Parameter;
use slowgrad_engine::spec::ParamValue;
use slowgrad_script::{Files, Library, Limits, Root};
use slowgrad_session::DrawerTab;
use slowgrad_session::RunAction;
use slowgrad_session::Session;
use slowgrad_session::shipped;
use slowgrad_session::testing::{inline, lesson, timeout};
use slowgrad_session::{BackendCommand, Difference, Slot};
use slowgrad_timeline::events::EventKind;
use slowgrad_timeline::explain::parameter_table::{self, ParameterColumn};
use slowgrad_timeline::number_format::number;
use slowgrad_timeline::playback::playhead::{self, NeededStep};
use slowgrad_timeline::scene::Target;

/// A sample that gives every parameter a different gradient.
const DATA: &str = "data: [#{ input: [0.75, -1.25], target: [1.0] }]";

/// The whole window over a lesson without cues.
fn window(fields: &str) -> Window {
    let text = format!("fn lesson() {{ #{{ title: \"T\", seed: 3, {fields} }} }}");
    let files = Files::from_iter([("t.rhai", text.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    open_window(inline(library, Limits::default(), "t.rhai"))
}

fn step(harness: &Window) -> RecordedStep {
    harness.state().session.now().expect("it is open").0.step().clone()
}

fn select(harness: &mut Window, target: Target) {
    harness.state_mut().session.view.selected = Some(target);
    settle(harness);
}

fn selected(harness: &Window) -> Option<Target> {
    harness.state().session.view.selected
}

/// The accessible names of the table's rows, from the top.
fn rows(harness: &Window) -> Vec<String> {
    let mut rows: Vec<(f32, String)> = harness
        .query_all_by_role(Role::Row)
        .map(|row| (row.rect().top(), row.accesskit_node().label().unwrap_or_default()))
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.into_iter().map(|(_, label)| label).collect()
}

/// Clicks the first link with this name, after scrolling to it.
fn follow(harness: &mut Window, link: &str) {
    harness.get_all_by_label(link).next().expect("it is there").scroll_to_me();
    settle(harness);
    harness.get_all_by_label(link).next().expect("it is there").click();
    settle(harness);
}

/// Asserts that rows are a contiguous part of a list of names.
fn check(rows: &[String], names: &[String]) {
    let first = names.iter().position(|name| rows[0].starts_with(name)).expect("the first row is in the list");
    assert!(rows.len() > 4 && first + rows.len() <= names.len());
    for (row, name) in rows.iter().zip(&names[first..]) {
        assert!(row.starts_with(name), "{name} against {row}");
    }
}

#[test]
fn a_factor_links_to_its_event() {
    let mut harness = window(&format!("layers: [2, 3, 1], optimizer: \"sgd\", {DATA}"));
    select(&mut harness, Target::Weight { layer: 1, neuron: 0, input: 2 });
    assert!(harness.query_by_label("Why this change?").is_some());
    let delta = number(step(&harness).samples[0].layers[1].delta[0], 3);
    follow(&mut harness, &format!("origin of {delta}"));
    let (timeline, playhead) = harness.state().session.now().expect("it is open");
    let event = timeline.event(playhead.event());
    assert!(matches!(event.kind, EventKind::Delta { neuron: 0, .. }), "{:?}", event.kind);
    assert_eq!(number(event.kind.result(), 3), delta);
}

#[test]
fn a_weight_links_to_its_update() {
    let mut harness = window(&format!("layers: [2, 3, 1], optimizer: \"sgd\", {DATA}"));
    harness.state_mut().session.act(RunAction::NextStep);
    settle(&mut harness);
    let step = step(&harness);
    assert_eq!(step.step, 2);
    // The first product is w₁₁ · x₁.
    for _ in 0..3 {
        harness.state_mut().session.act(RunAction::StepForward);
        settle(&mut harness);
    }
    follow(&mut harness, &format!("origin of {}", number(step.before.values[0], 3)));
    let (timeline, playhead) = harness.state().session.now().expect("it is open");
    assert_eq!(timeline.step().step, 1);
    let event = timeline.event(playhead.event());
    assert!(matches!(event.kind, EventKind::Updated { new, .. } if new == step.before.values[0]), "{:?}", event.kind);
    assert_eq!(selected(&harness), Some(Target::Weight { layer: 0, neuron: 0, input: 0 }));
}

#[test]
fn a_key_goes_back_from_a_link() {
    let mut harness = window(&format!("layers: [2, 3, 1], optimizer: \"sgd\", {DATA}"));
    harness.state_mut().session.act(RunAction::End);
    settle(&mut harness);
    let place = |harness: &Window| harness.state().session.now().map(|(_, playhead)| playhead.event());
    let left = place(&harness);
    select(&mut harness, Target::Weight { layer: 0, neuron: 0, input: 0 });
    let delta = number(step(&harness).samples[0].layers[0].delta[0], 3);
    follow(&mut harness, &format!("origin of {delta}"));
    assert_ne!(place(&harness), left);
    harness.key_press(Key::Backspace);
    settle(&mut harness);
    assert_eq!(place(&harness), left);
}

#[test]
fn controls_with_the_same_name_are_distinguished_and_linked() {
    let layers = "layers: [2, #{ size: 3, activation: \"leaky_relu\" }, #{ size: 3, activation: \"leaky_relu\" }, 1]";
    let mut harness = window(&format!("{layers}, output: \"leaky_relu\", {DATA}"));
    let sliders = |harness: &Window| {
        let sliders = harness.query_all_by_role(Role::Slider);
        let names = sliders.filter_map(|slider| slider.accesskit_node().label());
        names.filter(|name| name.starts_with("slope")).collect::<Vec<_>>()
    };
    assert_eq!(sliders(&harness), ["slope · activation", "slope · output"]);
    harness.state_mut().session.set_control(Slot::Activation, &[1], "slope", ParamValue::Number(0.625));
    settle(&mut harness);
    assert_eq!(sliders(&harness), ["slope · layer 1", "slope · layer 2", "slope · output"]);
    let is_scaled = |kind: &EventKind| matches!(kind, EventKind::Operation { operands, .. } if operands.iter().any(|operand| operand.value == 0.625));
    let timeline = harness.state().session.now().expect("it is open").0;
    let event = (0..timeline.len()).find(|&event| is_scaled(&timeline.event(event).kind)).expect("a negative sum");
    harness.state_mut().session.take_over(&playhead::Command::Seek(event));
    settle(&mut harness);
    follow(&mut harness, "origin of 0.625");
    let app = harness.state().app.as_ref().expect("it was drawn");
    assert_eq!(app.links.highlight(app.context()), Some(&LinkHighlight::Setting(Slot::Activation, Some(1))));
}

#[test]
fn given_numbers_link_to_their_controls_samples_and_scripts() {
    let fields = format!(
        "layers: [2, 3, 1], optimizer: \"momentum\", params: #{{ lr: 0.375 }}, loss: \"half_squared_error\", {DATA}"
    );
    let mut harness = window(&fields);
    let pointed = |harness: &Window| {
        let app = harness.state().app.as_ref().expect("it was drawn");
        app.links.highlight(app.context()).cloned()
    };
    // The slider of the learning rate.
    select(&mut harness, Target::Weight { layer: 1, neuron: 0, input: 2 });
    follow(&mut harness, "origin of 0.375");
    assert_eq!(pointed(&harness), Some(LinkHighlight::Setting(Slot::Optimizer, Some(0))));
    // The optimizer created its state, and the initializer the weight.
    follow(&mut harness, "origin of 0");
    assert_eq!(pointed(&harness), Some(LinkHighlight::Setting(Slot::Optimizer, None)));
    // The sample has the target.
    select(&mut harness, Target::Loss);
    follow(&mut harness, "origin of 1");
    assert_eq!(pointed(&harness), Some(LinkHighlight::Sample(0)));
    assert!(harness.query_by_label_contains("data sample 1: 0.75; −1.25 → 1").is_some());
    // The velocity was written in the previous step.
    harness.state_mut().session.act(RunAction::NextStep);
    settle(&mut harness);
    let velocity = step(&harness).before.state[0][0];
    select(&mut harness, Target::Weight { layer: 0, neuron: 0, input: 0 });
    follow(&mut harness, &format!("origin of {}", number(velocity, 3)));
    let (timeline, playhead) = harness.state().session.now().expect("it is open");
    let event = timeline.event(playhead.event());
    assert_eq!(timeline.step().step, 1);
    assert!(matches!(&event.kind, EventKind::Operation { result, .. } if result.value == velocity), "{:?}", event.kind);
    // A constant links to its line in the script.
    select(&mut harness, Target::Loss);
    follow(&mut harness, "origin of 0.5");
    let editor = &harness.state().app.as_ref().expect("it was drawn").editor;
    assert!(editor.is_open() && editor.document().is_some_and(|document| document.path.contains("half_squared_error")));
}

#[test]
fn the_values_of_the_comparison_are_explained() {
    let mut harness = window(&format!("layers: [2, 3, 1], optimizer: \"sgd\", {DATA}"));
    let momentum = Difference::plugin(Slot::Optimizer, "momentum");
    harness.state_mut().session.send(BackendCommand::Compare(Some(momentum)));
    settle(&mut harness);
    harness.state_mut().session.seek_step(4, NeededStep::Next);
    settle(&mut harness);
    select(&mut harness, Target::Weight { layer: 1, neuron: 0, input: 2 });
    assert!(harness.query_by_label("velocity").is_none());
    harness.get_by_label("explain momentum").click();
    settle(&mut harness);
    assert!(harness.query_by_label("velocity").is_some());
    let comparison = harness
        .state()
        .session
        .snapshot
        .as_ref()
        .and_then(|snapshot| snapshot.comparison.clone())
        .expect("a comparison");
    let theirs = comparison.timeline.clone().expect("the comparison keeps up");
    let delta = theirs.step().samples[0].layers[1].delta[0];
    assert_ne!(delta, step(&harness).samples[0].layers[1].delta[0]);
    follow(&mut harness, &format!("origin of {}", number(delta, 3)));
    let state = harness.state();
    let moment =
        state.app.as_ref().and_then(|app| app.network.comparison.moment(&state.session, &theirs)).expect("a moment");
    let event = theirs.event(moment.events.start);
    assert!(matches!(event.kind, EventKind::Delta { delta: there, .. } if there == delta), "{:?}", event.kind);
    // An operation that only the comparison has is shown too, and the baseline goes near it.
    let velocity = number(
        theirs.step().after.state[0][theirs.step().shape.index(Parameter { layer: 1, neuron: 0, input: Some(2) })],
        3,
    );
    follow(&mut harness, &format!("origin of {velocity}"));
    let state = harness.state();
    let moment =
        state.app.as_ref().and_then(|app| app.network.comparison.moment(&state.session, &theirs)).expect("a moment");
    let event = theirs.event(moment.events.start);
    assert!(matches!(event.kind, EventKind::Operation { .. }) && number(event.kind.result(), 3) == velocity);
    let (timeline, playhead) = state.session.now().expect("it is open");
    assert_eq!(timeline.event(playhead.event()).target, event.target);
}

#[test]
fn a_zero_gradient_links_to_its_cause() {
    let fields = r#"layers: [2, 1, 1], activation: "relu", optimizer: "sgd",
        data: [#{ input: [1.0, 2.0], target: [1.0] }],
        weights: [#{ weight: [[-1.0, -2.0]], bias: [0.0] }, #{ weight: [[3.0]], bias: [0.0] }]"#;
    let mut harness = window(fields);
    select(&mut harness, Target::Weight { layer: 0, neuron: 0, input: 0 });
    assert!(harness.query_by_label("Why is the gradient 0?").is_some());
    follow(&mut harness, "origin of no");
    let (timeline, playhead) = harness.state().session.now().expect("it is open");
    let event = timeline.event(playhead.event());
    assert!(matches!(event.kind, EventKind::Compare { answer: false, .. }), "{:?}", event.kind);
}

#[test]
fn the_current_event_is_announced_when_it_changes() {
    let mut harness = window(r#"layers: [2, 3, 1], data: "xor""#);
    let mut announced = Vec::new();
    for _ in 0..6 {
        harness.state_mut().session.act(RunAction::StepForward);
        for _ in 0..40 {
            harness.state_mut().session.tick(0.1);
        }
        settle(&mut harness);
        let nodes = harness.root().children_recursive().map(|node| node.accesskit_node());
        let live = nodes.filter(|node| node.live() == Live::Polite).filter_map(|node| node.label());
        let texts: Vec<String> = live.filter(|text| !text.is_empty()).collect();
        assert_eq!(texts.len(), 1, "{texts:?}");
        assert!(texts[0].starts_with("step 1 · "), "{texts:?}");
        announced.extend(texts);
    }
    announced.dedup();
    assert!(announced.len() >= 3, "{announced:?}");
}

#[test]
fn script_buttons_do_not_cover_tabs() {
    let harness = window(&format!("layers: [2, 3, 1], {DATA}"));
    let tabs =
        DrawerTab::ALL.map(|tab| harness.get_all_by_label(tab.name()).map(|node| node.rect()).collect::<Vec<_>>());
    for action in [Action::Check, Action::Script] {
        let buttons: Vec<_> = harness.get_all_by_label(action.info().name).map(|node| node.rect()).collect();
        for (tab, rects) in DrawerTab::ALL.iter().zip(&tabs) {
            let is_free = |button| rects.iter().all(|rect| !rect.intersects(button));
            assert!(buttons.iter().all(|&button| is_free(button)), "{}: {rects:?} and {buttons:?}", tab.name());
        }
    }
}

#[test]
fn the_drawer_fits_its_height() {
    let mut session = Session::new(lesson("welcome"));
    assert!(session.run_until_idle(timeout()));
    // The width of the panel and its full height, in the smallest and in a usual window.
    for (room, tab) in
        [[222.0, 332.0], [336.0, 572.0]].into_iter().flat_map(|room| DrawerTab::ALL.map(|tab| (room, tab)))
    {
        let mut over = f32::MAX;
        let mut app = None;
        let draw = |ui: &mut egui::Ui| {
            let app = app.get_or_insert_with(|| App::new(ui.ctx().clone(), NoFiles));
            app.drawer.show_tab(tab);
            // Without the margin.
            let size = Vec2::new(room[0], drawer::height(app, room[1], false) - 8.0);
            let drawer = Rect::from_min_size(ui.max_rect().min, size);
            let mut drawer = ui.new_child(egui::UiBuilder::new().max_rect(drawer).layout(Layout::top_down(Align::Min)));
            drawer::drawer_ui(&mut drawer, app, &mut session);
            over = drawer.min_rect().height() - size.y;
        };
        Harness::builder().with_size(Vec2::new(600.0, 600.0)).build_ui(draw).run_steps(3);
        // Heights are rounded to pixels.
        assert!(over < 0.5, "{} needs {over} more than it has in {room:?}", tab.name());
    }
}

#[test]
fn the_table_is_sorted_by_click_and_by_key_and_selects_parameters() {
    let mut harness = window(&format!("layers: [2, 3, 1], optimizer: \"momentum\", {DATA}"));
    harness.get_by_label("Parameters").click();
    settle(&mut harness);
    let step = step(&harness);
    let first = rows(&harness);
    assert!(first[0].starts_with("w₁₁ of layer 1, value "), "{first:?}");
    harness.get_by_label("sort by gradient").click();
    settle(&mut harness);
    let mut expected: Vec<usize> = (0..step.shape.parameters()).collect();
    expected.sort_by(|a, b| step.grads[*b].total_cmp(&step.grads[*a]));
    let names = |order: &[usize]| -> Vec<String> {
        order
            .iter()
            .map(|&index| {
                let (name, layer) = parameter_table::name(&step, index);
                format!("{name} of layer {layer}")
            })
            .collect()
    };
    let shown = rows(&harness);
    check(&shown, &names(&expected));
    // A click on a row selects its weight.
    harness.get_by_label(&shown[2]).click();
    settle(&mut harness);
    assert_eq!(selected(&harness), Some(parameter_table::target(&step, expected[2])));
    // With the keyboard: the table takes the focus, arrows move the selection, and Space reverses the order.
    harness.get_by_role(Role::Table).focus();
    settle(&mut harness);
    harness.key_press(Key::ArrowDown);
    settle(&mut harness);
    assert_eq!(selected(&harness), Some(parameter_table::target(&step, expected[3])));
    harness.key_press(Key::Space);
    settle(&mut harness);
    expected.reverse();
    check(&rows(&harness), &names(&expected));
    assert_eq!(selected(&harness), Some(parameter_table::target(&step, expected[expected.len() - 4])));
    harness.key_press(Key::End);
    settle(&mut harness);
    assert_eq!(selected(&harness), Some(parameter_table::target(&step, expected[expected.len() - 1])));
    harness.key_press(Key::ArrowRight);
    settle(&mut harness);
    let state = ParameterColumn::State(0);
    let largest = (0..step.shape.parameters())
        .max_by(|a, b| state.number(&step, *a).total_cmp(&state.number(&step, *b)).then(b.cmp(a)))
        .expect("there are parameters");
    assert!(rows(&harness).iter().any(|row| row.starts_with(&names(&[largest])[0])));
    assert!(harness.query_by_label("sort by velocity, largest first").is_some());
    // Other keys work as usual, and the key that opened the table closes it.
    let before = harness.state().session.now().map(|(_, playhead)| playhead.speed());
    harness.key_press(Key::CloseBracket);
    harness.key_press(Key::G);
    settle(&mut harness);
    assert_ne!(harness.state().session.now().map(|(_, playhead)| playhead.speed()), before);
    assert!(harness.query_by_label("sort by gradient").is_none());
}

#[test]
fn a_frozen_parameter_is_marked_and_explained() {
    let mut harness = window(&format!("layers: [2, 3, 1], optimizer: \"sgd\", {DATA}"));
    select(&mut harness, Target::Weight { layer: 1, neuron: 0, input: 1 });
    harness.state_mut().session.act(RunAction::Freeze);
    settle(&mut harness);
    assert!(harness.query_by_label("Why this change?").is_none());
    assert!(harness.query_by_label("Why does it not change?").is_some());
    harness.get_by_label("Parameters").click();
    settle(&mut harness);
    let frozen: Vec<String> = rows(&harness).into_iter().filter(|row| row.contains("frozen")).collect();
    assert_eq!(frozen.len(), 1, "{frozen:?}");
    assert!(frozen[0].starts_with("w₁₂ of layer 2, frozen, value ") && frozen[0].ends_with("change 0"), "{frozen:?}");
}

#[test]
fn only_visible_rows_of_a_large_table_are_drawn() {
    let data = format!("data: [#{{ input: {:?}, target: {:?} }}]", [0.25; 400], [0.5; 20]);
    let fields = format!("layers: [400, 240, 20], {data}");
    let mut harness = window(&fields);
    let step = step(&harness);
    assert!(step.shape.parameters() > 100_000);
    harness.key_press_modifiers(Modifiers::NONE, Key::G);
    settle(&mut harness);
    harness.get_by_label("sort by gradient").click();
    settle(&mut harness);
    let shown = rows(&harness);
    assert!((5..60).contains(&shown.len()), "{} rows", shown.len());
    let largest = step.grads.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    assert!(shown[0].contains(&format!("gradient {}", number(largest, 3))), "{}", shown[0]);
    select(&mut harness, Target::Weight { layer: 1, neuron: 19, input: 3 });
    assert!(rows(&harness).iter().any(|row| row.starts_with("w₂₀,₄ of layer 2")), "the selected row is visible");
}

#[test]
fn the_small_picture_of_the_data_names_its_axes() {
    let label = |fields: &str| {
        let harness = window(&format!("{fields}, optimizer: \"sgd\""));
        let pictures = harness.query_all_by_role(Role::Image).filter_map(|node| node.accesskit_node().label());
        let found: Vec<String> = pictures.filter(|label| label.starts_with("data and predictions")).collect();
        found.concat()
    };
    let plane = "layers: [2, 1], input_names: [\"width\", \"height\"], output_names: [\"area\"]";
    assert_eq!(label(&format!("{plane}, {DATA}")), "data and predictions, 1 samples, x: width, y: height");
    let line = "layers: [1, 1], input_names: [\"age\"], output_names: [\"price\"]";
    let one = "data: [#{ input: [0.5], target: [1.0] }]";
    assert_eq!(label(&format!("{line}, {one}")), "data and predictions, 1 samples, x: age, y: price");
    assert_eq!(label(&format!("layers: [1, 1], {one}")), "data and predictions, 1 samples");
}
