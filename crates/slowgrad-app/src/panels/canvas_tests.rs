//! The canvas, driven by the names of its controls, by keys and by the pointer.

use crate::tests::{Window, open, settle};
use egui::{Event, Key, Modifiers, PointerButton, Pos2, Rect, Vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use slowgrad_engine::record::RecordedStep;
use slowgrad_engine::structure::Reshape;
use slowgrad_render::ScreenView;
use slowgrad_render::label_rects;
use slowgrad_session::Change;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::playback::playhead::Command as To;
use slowgrad_timeline::scene::Target;

fn step(window: &Window) -> RecordedStep {
    window.state().session.now().expect("it is open").0.step().clone()
}

fn sizes(window: &Window) -> Vec<usize> {
    step(window).shape.sizes().to_vec()
}

fn click(window: &mut Window, name: &str) {
    window.get_by_label(name).click();
    settle(window);
}

fn press(window: &mut Window, modifiers: Modifiers, key: Key) {
    window.key_press_modifiers(modifiers, key);
    settle(window);
}

/// The position of a disc on the screen.
fn place(window: &Window, target: Target) -> Pos2 {
    let harness = window.state();
    let app = harness.app.as_ref().expect("it has been drawn");
    let area = app.canvas_rect().expect("it has been drawn");
    harness.session.view.to_screen(area, app.network.position(target).expect("the element exists"))
}

fn pointer(window: &mut Window, pos: Pos2, pressed: Option<bool>) {
    window.event(Event::PointerMoved(pos));
    if let Some(pressed) = pressed {
        window.event(Event::PointerButton { pos, button: PointerButton::Primary, pressed, modifiers: Modifiers::NONE });
    }
    window.step();
}

#[test]
fn a_number_is_edited_in_a_window_of_any_size() {
    let mut window = open("which-weights-change");
    let state = window.state_mut();
    let app = state.app.as_mut().expect("it is drawn");
    app.overlays.edit(Target::Weight { layer: 0, neuron: 1, input: 0 }, &mut state.session);
    // At the smallest sizes the canvas has no space for the field.
    for size in [[1280.0, 720.0], [900.0, 320.0], [700.0, 240.0], [300.0, 200.0], [120.0, 90.0]] {
        window.set_size(Vec2::from(size));
        settle(&mut window);
        assert!(window.state().app.as_ref().is_some_and(|app| app.overlays.field().is_some()), "{size:?}");
    }
}

#[test]
fn neurons_and_layers_are_added_removed_and_restored() {
    let mut window = open("which-weights-change");
    let before = step(&window);
    assert_eq!(sizes(&window), [2, 3, 1]);
    click(&mut window, "add a neuron to layer 1");
    assert_eq!(sizes(&window), [2, 4, 1]);
    assert_eq!(step(&window).before.values[..6], before.before.values[..6], "the other values are unchanged");
    click(&mut window, "add a layer before layer 2");
    assert_eq!(sizes(&window), [2, 4, 4, 1]);
    click(&mut window, "remove neuron 4 of layer 2");
    assert_eq!(sizes(&window), [2, 4, 3, 1]);
    for expected in [[2, 4, 4, 1].as_slice(), &[2, 4, 1], &[2, 3, 1]] {
        press(&mut window, Modifiers::COMMAND, Key::Z);
        assert_eq!(sizes(&window), expected);
    }
    assert_eq!(step(&window).before.values, before.before.values);
    // Removes the selected neuron and clears the selection.
    window.state_mut().session.view.selected = Some(Target::Neuron { layer: 0, neuron: 2 });
    press(&mut window, Modifiers::SHIFT, Key::N);
    assert_eq!((sizes(&window), window.state().session.view.selected), (vec![2, 2, 1], None));
    press(&mut window, Modifiers::NONE, Key::N);
    assert_eq!(sizes(&window), [2, 3, 1]);
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::Backspace);
    assert_eq!(sizes(&window), [2, 1]);
}

#[test]
fn the_activation_of_a_layer_is_changed_from_the_canvas_and_by_key() {
    let mut window = open("playground");
    let names = |window: &Window| step(window).names.activations.clone();
    let before = step(&window);
    let other = |window: &mut Window, layer: usize, search: &str| {
        assert_eq!(window.state().app.as_ref().map(|app| app.overlays.name()), Some("activation"));
        window.get_by_label(&format!("new activation for layer {layer}")).type_text(search);
        window.run_steps(4);
        press(window, Modifiers::NONE, Key::Enter);
    };
    window.get_by_label("activation of layer 2: tanh").click();
    window.run_steps(4);
    other(&mut window, 2, "no such");
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert_eq!(names(&window), ["tanh", "tanh", "tanh"], "no activation has that name");
    window.get_by_label("activation of layer 2: tanh").click();
    window.run_steps(4);
    other(&mut window, 2, "softplus");
    assert_eq!(names(&window), ["tanh", "softplus", "tanh"]);
    window.get_by_label("activation of layer 2: softplus");
    window.state_mut().session.view.selected = Some(Target::Neuron { layer: 2, neuron: 0 });
    press(&mut window, Modifiers::NONE, Key::A);
    other(&mut window, 3, "identity");
    assert_eq!(names(&window), ["tanh", "softplus", "identity"]);
    assert_eq!(step(&window).before.values, before.before.values, "all weights are unchanged");
    press(&mut window, Modifiers::COMMAND, Key::Z);
    press(&mut window, Modifiers::COMMAND, Key::Z);
    assert_eq!(names(&window), ["tanh", "tanh", "tanh"]);
}

const WITHOUT_BIASES: &str = "fn lesson() {
    #{ title: \"T\", layers: [2, 3, 1], bias: false, input_gradients: true, data: \"xor\" }
}";

#[test]
fn a_neuron_without_a_bias_has_nothing_to_edit_and_can_be_frozen() {
    let root = slowgrad_script::Root {
        name: "own".into(),
        files: slowgrad_script::Files::from_iter([("t.rhai", WITHOUT_BIASES.as_bytes())]),
    };
    let library = slowgrad_script::Library { roots: vec![slowgrad_session::shipped::shipped(), root] };
    let limits = slowgrad_script::Limits::default();
    let mut window = crate::tests::window(slowgrad_session::testing::inline(library, limits, "t.rhai"));
    assert_eq!(step(&window).before.values.len(), 9);
    let neuron = Target::Neuron { layer: 0, neuron: 1 };
    window.state_mut().session.view.selected = Some(neuron);
    settle(&mut window);
    assert!(window.query_by_label("bias").is_none());
    assert_eq!(window.state().session.editable(neuron), None);
    click(&mut window, "frozen");
    assert_eq!(step(&window).frozen.iter().copied().collect::<Vec<_>>(), [2, 3]);
    window.state_mut().session.view.selected = Some(Target::Input(0));
    window.state_mut().session.command_playhead(&To::End);
    settle(&mut window);
    let place = place(&window, Target::Input(1));
    pointer(&mut window, place, None);
    settle(&mut window);
    let gradient = step(&window).samples[0].grad_input.clone().expect("the lesson asks for it")[1];
    let shown = format!("∂L/∂x = {}", slowgrad_timeline::number_format::number(gradient, 5));
    assert!(window.query_by_label_contains(&shown).is_some(), "{shown}");
}

#[test]
fn a_weight_is_frozen_by_key_and_unfrozen_by_checkbox() {
    let mut window = open("which-weights-change");
    window.state_mut().session.view.selected = Some(Target::Weight { layer: 1, neuron: 0, input: 0 });
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::K);
    let held = step(&window);
    assert_eq!(held.frozen.iter().copied().collect::<Vec<_>>(), [9]);
    assert_eq!(held.after.values[9].to_bits(), held.before.values[9].to_bits());
    window.get_by_label("frozen").click();
    settle(&mut window);
    assert!(step(&window).frozen.is_empty());
}

#[test]
fn a_dragged_neuron_follows_the_pointer_until_the_layout_is_reset() {
    let mut window = open("which-weights-change");
    let target = Target::Neuron { layer: 0, neuron: 0 };
    let (start, zoom) = (place(&window, target), window.state().session.view.zoom);
    pointer(&mut window, start, Some(true));
    for by in [Vec2::new(10.0, 6.0), Vec2::new(24.0, 15.0), Vec2::new(40.0, 30.0)] {
        pointer(&mut window, start + by, None);
        window.step();
        let off = place(&window, target) - (start + by);
        assert!(off.length() < 1.5, "{off:?} behind the pointer");
        assert_eq!(window.state().session.view.zoom, zoom, "the zoom does not change during the drag");
    }
    pointer(&mut window, start + Vec2::new(40.0, 30.0), Some(false));
    settle(&mut window);
    let moved = place(&window, target);
    // The neuron keeps its position when neurons are added, and returns on request.
    window.state_mut().session.send(Change::Reshape(Reshape::AddNeuron { layer: 0 }).into());
    settle(&mut window);
    let beside = place(&window, Target::Neuron { layer: 0, neuron: 1 });
    assert!(moved.x > start.x + 20.0 && place(&window, target).x > beside.x + 20.0);
    press(&mut window, Modifiers::SHIFT, Key::F);
    let beside = place(&window, Target::Neuron { layer: 0, neuron: 1 });
    assert!((place(&window, target).x - beside.x).abs() < 0.5);
}

#[test]
fn keys_zoom_pan_walk_and_fit() {
    let mut window = open("which-weights-change");
    let before = window.state().session.view.clone();
    press(&mut window, Modifiers::NONE, Key::Plus);
    assert!(window.state().session.view.zoom > 1.2 * before.zoom);
    press(&mut window, Modifiers::COMMAND | Modifiers::SHIFT, Key::ArrowRight);
    assert!(window.state().session.view.center[0] > before.center[0] + 10.0);
    press(&mut window, Modifiers::NONE, Key::Minus);
    press(&mut window, Modifiers::NONE, Key::F);
    assert_eq!(window.state().session.view, before);
    press(&mut window, Modifiers::NONE, Key::Period);
    assert_eq!(window.state().session.view.selected, Some(Target::Input(0)));
    press(&mut window, Modifiers::NONE, Key::Comma);
    assert_eq!(window.state().session.view.selected, Some(Target::Bias { layer: 1, neuron: 0 }));
}

#[test]
fn a_click_on_a_number_selects_its_weight_and_a_matrix_cell_names_its_weight() {
    let mut window = open("which-weights-change");
    let weight = Target::Weight { layer: 0, neuron: 2, input: 0 };
    let harness = window.state_mut();
    let app = harness.app.as_mut().expect("it has been drawn");
    let (scene, area) = (app.scene(&harness.session).expect("a scene"), app.canvas_rect().expect("a canvas"));
    let label = scene.labels.iter().find(|label| label.target == Some(weight)).expect("its number is shown");
    // At the corner of the number, away from the edge.
    let [left, top] = label.room().min;
    let corner = harness.session.view.to_screen(area, [left, top]) + Vec2::splat(2.0);
    pointer(&mut window, corner, Some(true));
    pointer(&mut window, corner, Some(false));
    settle(&mut window);
    assert_eq!(window.state().session.view.selected, Some(weight));

    let mut window = open("large");
    let weight = Target::Weight { layer: 0, neuron: 17, input: 402 };
    let value = step(&window).before.values[17 * 784 + 402];
    let cell = place(&window, weight);
    pointer(&mut window, cell, None);
    window.run_steps(3);
    let name = slowgrad_timeline::explain::words::target(weight);
    let number = slowgrad_timeline::number_format::number(value, 5);
    assert!(window.query_by_label_contains(&format!("{name}: {number}")).is_some(), "{name}: {number}");
    // Typing a number changes the weight of this cell.
    window.state_mut().session.view.selected = Some(weight);
    press(&mut window, Modifiers::NONE, Key::Enter);
    window.get_by_role_and_label(egui::accesskit::Role::TextInput, &name).type_text("0.5");
    press(&mut window, Modifiers::NONE, Key::Enter);
    assert_eq!(step(&window).before.values[17 * 784 + 402], 0.5);
}

#[test]
fn labels_do_not_overlap() {
    for lesson in ["which-weights-change", "playground", "large"] {
        let mut window = open(lesson);
        let last = window.state().session.now().expect("it is open").0.len();
        for (nth, at) in (0..last).step_by((last / 9).max(1)).enumerate() {
            let zooms = [None, Some(0.6), Some(1.7), Some(60.0)];
            let harness = window.state_mut();
            // Also during an animation, by operations and by layers.
            let granularity = if nth % 3 == 0 { Granularity::Operation } else { Granularity::Layer };
            harness.session.command_playhead(&To::Granularity(granularity));
            let unit = harness.session.now().expect("it is open").0.unit(at, granularity);
            let share = [0.35, 0.95, 0.65][nth % 3];
            harness.session.command_playhead(&To::Place(unit.start as f64 + share * unit.len() as f64));
            match zooms[nth % zooms.len()] {
                Some(factor) => harness.session.view.zoom_by(factor),
                None => harness.session.view.refit(),
            }
            settle(&mut window);
            let mut checked = None;
            let harness = window.state_mut();
            let app = harness.app.as_mut().expect("it has been drawn");
            let (scene, area) = (app.scene(&harness.session).expect("a scene"), app.canvas_rect().expect("a canvas"));
            let ctx = app.context().clone();
            let view = harness.session.view.clone();
            let output = ctx.run_ui(egui::RawInput::default(), |ui| {
                checked = Some(label_rects(ui.painter(), &scene, &view, area));
            });
            output.drop_without_applying_deltas();
            let (rects, left_out) = checked.expect("it was drawn");
            if lesson == "which-weights-change" && nth % zooms.len() == 0 {
                assert_eq!(left_out, 0, "event {at}: all labels are readable when the whole network is visible");
            }
            for (i, a) in rects.iter().enumerate() {
                assert!(area.expand(0.5).contains_rect(*a), "{lesson}, event {at}: {a:?} is cut off by {area:?}");
                for b in &rects[..i] {
                    let letters = |rect: Rect| rect.shrink2(Vec2::new(1.0, 0.15 * rect.height()));
                    assert!(!letters(*a).intersects(letters(*b)), "{lesson}, event {at}: {a:?} and {b:?}");
                }
            }
            window.state_mut().session.view.refit();
        }
    }
}

/// Opens the context menu at a position.
fn menu_at(window: &mut Window, pos: Pos2) {
    for pressed in [true, false] {
        let button = PointerButton::Secondary;
        window.event(Event::PointerMoved(pos));
        window.event(Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE });
        window.step();
    }
    settle(window);
}

/// Whether an open menu has a command with these keys.
fn offers(window: &Window, name: &str, keys: &str) -> bool {
    let items = window.query_all_by_label_contains(name).map(|node| node.accesskit_node().label().unwrap_or_default());
    items.into_iter().any(|label| label.starts_with(name) && label.ends_with(keys))
}

fn choose(window: &mut Window, name: &str) {
    let items: Vec<_> = window.query_all_by_label_contains(name).collect();
    assert_eq!(items.len(), 1, "{name}");
    items[0].click();
    settle(window);
}

#[test]
fn elements_have_a_context_menu_of_their_actions() {
    let mut window = open("which-weights-change");
    let neuron = Target::Neuron { layer: 0, neuron: 1 };
    let at = place(&window, neuron);
    menu_at(&mut window, at);
    assert_eq!(window.state().session.view.selected, Some(neuron));
    assert!(offers(&window, "Remove neuron", "Shift+N") && offers(&window, "Change activation", "A"));
    choose(&mut window, "Freeze or unfreeze");
    let (_, frozen) = window.state().session.frozen(neuron).expect("a neuron");
    assert!(frozen);
    assert!(!offers(&window, "Remove neuron", "Shift+N"), "it closes");

    let weight = Target::Weight { layer: 0, neuron: 0, input: 0 };
    let at = window.state().app.as_ref().and_then(crate::state::App::weight_pos).expect("it is drawn");
    menu_at(&mut window, at);
    assert_eq!(window.state().session.view.selected, Some(weight));
    assert!(!offers(&window, "Remove neuron", "Shift+N"));
    choose(&mut window, "Edit value");
    assert!(window.state().app.as_ref().is_some_and(|app| app.overlays.field().is_some()));
    press(&mut window, Modifiers::NONE, Key::Escape);

    let output = place(&window, Target::Neuron { layer: 1, neuron: 0 });
    menu_at(&mut window, output);
    assert!(offers(&window, "Change activation", "A") && !offers(&window, "Remove neuron", "Shift+N"));
    press(&mut window, Modifiers::NONE, Key::Escape);
    assert!(!offers(&window, "Change activation", "A"), "it closes and keeps the selection");
    assert_eq!(window.state().session.view.selected, Some(Target::Neuron { layer: 1, neuron: 0 }));

    let layer = window.get_by_label_contains("activation of layer 1").rect().center();
    menu_at(&mut window, layer);
    choose(&mut window, "Add neuron");
    assert_eq!(sizes(&window), [2, 4, 1]);

    // The same with the keyboard only.
    window.state_mut().session.view.selected = Some(neuron);
    press(&mut window, Modifiers::SHIFT, Key::F10);
    for (name, exists) in [("Remove neuron", true), ("Freeze or unfreeze", true), ("Bookmark", false)] {
        assert_eq!(window.query_by_label(name).is_some(), exists, "{name}");
    }
    window.get_by_label("find a command").type_text("remove neuron");
    settle(&mut window);
    press(&mut window, Modifiers::NONE, Key::Enter);
    settle(&mut window);
    assert_eq!(sizes(&window), [2, 3, 1]);

    // On the background the menu has commands for the view.
    let ground = window.state().app.as_ref().and_then(crate::state::App::canvas_rect).expect("it is drawn");
    menu_at(&mut window, ground.left_bottom() + Vec2::new(20.0, -20.0));
    assert_eq!(window.state().session.view.selected, None);
    assert!(offers(&window, "Reset layout", "Shift+F"));
}
