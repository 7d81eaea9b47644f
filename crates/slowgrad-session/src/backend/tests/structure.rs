//! Changes of the network: neurons, layers, activations of single layers, and freezing.

use super::*;
use slowgrad_engine::shape::LayerPart;

#[test]
fn changing_the_activation_of_one_layer_preserves_everything_else() {
    let text = |second: &str| {
        format!(
            r#"fn lesson() {{ #{{ title: "A", data: "xor", layers: [2, #{{ size: 3, activation: "tanh" }},
            #{{ size: 3, activation: "{second}" }}, #{{ size: 1, activation: "sigmoid" }}] }} }}"#
        )
    };
    let files = Files::from_iter([("a.rhai", text("tanh").as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    let mut backend = inline(library, Limits::default(), "a.rhai");
    let before = snapshot_after(&mut backend, BackendCommand::Seek(20));
    let names = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().names.activations.clone();
    let activate = |layer, name: &str| Change::Activation { layer, plugin: PluginRef::named(name) };
    let after = snapshot_after(&mut backend, activate(0, "leaky_relu").into());
    assert!(after.problems.is_empty(), "{:?}", after.problems);
    assert_eq!(names(&after), ["leaky_relu", "tanh", "sigmoid"]);
    assert_eq!((values(&after), after.timeline.as_ref().map(|at| at.step().step)), (values(&before), Some(20)));
    assert_eq!(after.undo.as_deref(), Some("activation leaky_relu of layer 1"));
    // The slot of the hidden layers lists both, and sets the control in the layers that have it.
    let setup = after.setup.as_ref().expect("a set-up");
    let slot = setup.slots.iter().find(|slot| slot.slot == Slot::Activation).expect("hidden layers");
    assert_eq!(slot.name, "leaky_relu, tanh");
    let control = slot.controls.first().expect("its slope").control.name.clone();
    let value = ParamValue::Number(0.5);
    let slid = snapshot_after(
        &mut backend,
        Change::Control { slot: Slot::Activation, layers: Vec::new(), control, value }.into(),
    );
    assert_eq!(names(&slid), names(&after));
    assert_ne!(outputs(&slid), outputs(&after));

    // The file changes the other layer; this one keeps the activation set by hand.
    let saved = snapshot_after(&mut backend, reload_as("a.rhai", &text("relu")));
    assert_eq!(names(&saved), ["leaky_relu", "relu", "sigmoid"], "{:?}", saved.problems);
    let whole = snapshot_after(&mut backend, activate(2, "identity").into());
    assert_eq!(names(&whole), ["leaky_relu", "relu", "identity"]);
    let wrong = snapshot_after(&mut backend, activate(3, "relu").into());
    assert_eq!(names(&wrong), names(&whole));
    assert!(wrong.messages.iter().any(|message| message.contains("no such layer")));
    // The last layer's activation, the save, the slope, the first layer's activation.
    for _ in 0..3 {
        backend.send(BackendCommand::Undo);
    }
    assert_eq!(names(&snapshot_after(&mut backend, BackendCommand::Undo)), ["tanh", "relu", "sigmoid"]);
}

#[test]
fn controls_with_the_same_name_are_independent_by_layer() {
    let text = r#"fn lesson() { #{ title: "A", data: "xor", layers: [2, #{ size: 3, activation: "leaky_relu" },
        #{ size: 3, activation: "bent" }, #{ size: 3, activation: "leaky_relu" }, 1] } }"#;
    let bent = "fn params() { #{ slope: slider(0.25, 0.0, 1.0) } } fn activation(z, p) { max(z, p.slope * z) }";
    let files = Files::from_iter([("a.rhai", text.as_bytes()), ("activations/bent.rhai", bent.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    let start = || inline(library.clone(), Limits::default(), "a.rhai");
    let mut backend = start();
    let controls = |snapshot: &Snapshot| {
        let slots = &snapshot.setup.as_ref().expect("a set-up").slots;
        let controls = &slots.iter().find(|slot| slot.slot == Slot::Activation).expect("hidden layers").controls;
        let summary = |control: &PluginControl| {
            (control.plugin.clone(), control.layers.clone(), control.control.slider().expect("a slider"))
        };
        controls.iter().map(summary).collect::<Vec<_>>()
    };
    let sliders =
        |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().names.activation_sliders.clone();
    let control = |plugin: &str, layers: &[usize], value| (plugin.to_owned(), layers.to_vec(), value);
    let first = idle_snapshot(&mut backend);
    assert_eq!(
        controls(&first),
        [control("leaky_relu", &[0, 2], 0.01), control("bent", &[1], 0.25)],
        "{:?}",
        first.problems
    );
    let slide = |layers: &[usize], value| Change::Control {
        slot: Slot::Activation,
        layers: layers.to_vec(),
        control: "slope".into(),
        value: ParamValue::Number(value),
    };
    // Two drags in succession.
    for value in [0.5, 0.75] {
        backend.send(slide(&[0, 2], value).into());
    }
    for value in [0.125, 0.375] {
        backend.send(slide(&[1], value).into());
    }
    let both = idle_snapshot(&mut backend);
    assert_eq!(sliders(&both)[..3], [vec![0.75], vec![0.375], vec![0.75]]);
    assert_eq!(both.undo.as_deref(), Some("slope of layer 2"));
    // A session restores both.
    let mut again = start();
    let saved = SavedRun {
        lesson: "a.rhai".into(),
        recipe: both.recipe.clone(),
        undo_history: Arc::clone(&both.undo_history),
        state: None,
    };
    assert_eq!(sliders(&snapshot_after(&mut again, BackendCommand::Restore(Box::new(saved)))), sliders(&both));
    // Each drag is undone separately.
    let undone = snapshot_after(&mut backend, BackendCommand::Undo);
    assert_eq!(sliders(&undone)[..3], [vec![0.75], vec![0.25], vec![0.75]]);
    assert_eq!(undone.undo.as_deref(), Some("slope of layers 1, 3"));
    assert_eq!(controls(&snapshot_after(&mut backend, BackendCommand::Undo)), controls(&first));
    // Two layers with the same plugin and different values are listed separately.
    let apart = snapshot_after(&mut backend, slide(&[2], 0.5).into());
    let expected = [control("leaky_relu", &[0], 0.01), control("bent", &[1], 0.25), control("leaky_relu", &[2], 0.5)];
    assert_eq!(controls(&apart), expected);
    let wrong = snapshot_after(&mut backend, slide(&[3], 0.5).into());
    assert!(wrong.messages.iter().any(|message| message.contains("no such hidden layer")), "{:?}", wrong.messages);
}

/// The prediction for the first sample.
fn outputs(snapshot: &Snapshot) -> Vec<f64> {
    let timeline = snapshot.timeline.as_ref().expect("a step");
    timeline.step().samples[0].layers.last().expect("layers").a.clone()
}

fn reload_as(path: &str, text: &str) -> BackendCommand {
    BackendCommand::ReloadFile {
        root: "own".into(),
        path: path.into(),
        bytes: Some(text.as_bytes().to_vec()),
        at_once: true,
    }
}

#[test]
fn adding_and_removing_neurons_and_layers_preserves_the_rest() {
    let mut backend = backend();
    backend.send(BackendCommand::Seek(6));
    let before = idle_snapshot(&mut backend);
    let sizes = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().shape.sizes().to_vec();
    backend.send(Change::Reshape(Reshape::AddNeuron { layer: 0 }).into());
    let four = idle_snapshot(&mut backend);
    assert_eq!(sizes(&four), [2, 4, 1]);
    assert_eq!(four.setup.as_ref().expect("a set-up").sizes, [2, 4, 1]);
    assert_eq!(values(&four)[..6], values(&before)[..6], "existing weights keep their values");
    let state = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().before.state[0].clone();
    assert_eq!(state(&four)[..6], state(&before)[..6], "and their optimizer state");
    assert_eq!(state(&four)[6..8], [0.0; 2]);
    backend.send(Change::Reshape(Reshape::AddLayer { before: 1 }).into());
    backend.send(Change::Reshape(Reshape::RemoveNeuron { layer: 0, neuron: 1 }).into());
    backend.send(BackendCommand::Seek(9));
    let five = idle_snapshot(&mut backend);
    assert_eq!(sizes(&five), [2, 3, 4, 1]);
    assert!(five.problems.is_empty(), "{:?}", five.problems);
    // Saving another file does not affect the structure; earlier steps have the previous one.
    backend.send(reload(&OPTIMIZER.replace("state.v += grad", "state.v += 2.0 * grad"), true));
    assert_eq!(sizes(&idle_snapshot(&mut backend)), [2, 3, 4, 1]);
    backend.send(BackendCommand::Seek(3));
    assert_eq!(sizes(&idle_snapshot(&mut backend)), [2, 3, 1]);
    backend.send(BackendCommand::Seek(8));
    assert_eq!(sizes(&idle_snapshot(&mut backend)), [2, 3, 4, 1]);
    backend.send(Change::Reshape(Reshape::RemoveLayer { layer: 2 }).into());
    assert!(idle_snapshot(&mut backend).messages[0].contains("at least one neuron"));
    backend.send(Change::Reset.into());
    assert_eq!(sizes(&idle_snapshot(&mut backend)), [2, 3, 1], "the structure of the lesson");
}

#[test]
fn a_file_that_changes_an_activation_does_not_affect_the_structure() {
    let mut backend = backend();
    backend.send(Change::Reshape(Reshape::AddLayer { before: 0 }).into());
    let text = LESSON.replace("layers: [2, 3, 1],", r#"layers: [2, 3, 1], activation: "sigmoid","#);
    let bytes = Some(text.into_bytes());
    backend.send(BackendCommand::ReloadFile { root: "own".into(), path: "t.rhai".into(), bytes, at_once: true });
    let changed = idle_snapshot(&mut backend);
    let step = changed.timeline.as_ref().expect("a step").step();
    assert_eq!(step.shape.sizes(), [2, 2, 3, 1]);
    assert_eq!(step.names.activations[..2], ["sigmoid", "sigmoid"]);
}

const WITHOUT_BIASES: &str = r#"fn lesson() { #{ title: "T", layers: [2, #{ size: 3, bias: false, frozen: true }, 1],
    optimizer: "own", data: "xor", seed: 3 } }"#;

#[test]
fn a_new_layer_has_biases_if_the_layer_like_it_has_them_and_is_not_frozen() {
    let mut backend = backend_with(WITHOUT_BIASES, OPTIMIZER);
    let shape = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().shape.clone();
    let frozen = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().frozen.len();
    backend.send(BackendCommand::Train(5));
    let before = idle_snapshot(&mut backend);
    assert_eq!((shape(&before).parameters(), frozen(&before)), (10, 6));
    backend.send(Change::Reshape(Reshape::AddLayer { before: 1 }).into());
    backend.send(Change::Reshape(Reshape::AddNeuron { layer: 0 }).into());
    let grown = idle_snapshot(&mut backend);
    assert_eq!([0, 1, 2].map(|layer| shape(&grown).biases(layer).len()), [0, 0, 1]);
    assert_eq!(shape(&grown).sizes(), [2, 4, 3, 1]);
    assert_eq!(frozen(&grown), 6, "new parameters are not frozen");
    // The first layer keeps its weights, and the last one its bias.
    assert_eq!(values(&grown)[..6], values(&before)[..6]);
    assert_eq!(values(&grown).last(), values(&before).last());
    backend.send(Change::Reshape(Reshape::RemoveLayer { layer: 1 }).into());
    backend.send(Change::Reshape(Reshape::RemoveNeuron { layer: 0, neuron: 3 }).into());
    let again = idle_snapshot(&mut backend);
    assert_eq!((shape(&again).parameters(), frozen(&again)), (10, 6));
    backend.send(Change::Reset.into());
    assert_eq!(frozen(&idle_snapshot(&mut backend)), 6);
}

#[test]
fn a_lesson_that_gives_or_takes_biases_restarts_the_run() {
    let mut backend = backend_with(WITHOUT_BIASES, OPTIMIZER);
    for (text, parameters, frozen) in [
        (WITHOUT_BIASES.replace("bias: false", "bias: true"), 13, 9),
        (WITHOUT_BIASES.replace("frozen: true", "frozen: false"), 10, 0),
    ] {
        backend.send(BackendCommand::Train(5));
        let bytes = Some(text.into_bytes());
        backend.send(BackendCommand::ReloadFile { root: "own".into(), path: "t.rhai".into(), bytes, at_once: true });
        let snapshot = idle_snapshot(&mut backend);
        let step = snapshot.timeline.as_ref().expect("a step").step();
        assert_eq!((step.step, step.before.values.len(), step.frozen.len()), (1, parameters, frozen));
    }
}

#[test]
fn a_part_of_a_layer_is_frozen_undone_and_redone() {
    let mut backend = backend();
    let frozen = |backend: &mut InlineBackend| {
        let snapshot = idle_snapshot(backend);
        snapshot.timeline.expect("a step").step().frozen.iter().copied().collect::<Vec<_>>()
    };
    let change = |layer, part, frozen| BackendCommand::from(Change::FreezeLayer { layer, part, frozen });
    backend.send(change(0, LayerPart::Biases, true));
    backend.send(change(1, LayerPart::All, true));
    backend.send(change(1, LayerPart::Weights, false));
    assert_eq!(frozen(&mut backend), [6, 7, 8, 12]);
    backend.send(BackendCommand::Undo);
    assert_eq!(frozen(&mut backend), [6, 7, 8, 9, 10, 11, 12]);
    backend.send(BackendCommand::Redo);
    assert_eq!(frozen(&mut backend), [6, 7, 8, 12]);
    backend.send(change(2, LayerPart::All, true));
    assert_eq!(frozen(&mut backend), [6, 7, 8, 12], "there is no such layer");
}

#[test]
fn frozen_parameters_stay_fixed_through_training_and_reloads() {
    let mut backend = backend();
    let before = idle_snapshot(&mut backend);
    backend.send(freeze(&[0, 12], true));
    backend.send(BackendCommand::Seek(4));
    backend.send(reload(&OPTIMIZER.replace("state.v += grad", "state.v += 2.0 * grad"), true));
    backend.send(BackendCommand::Train(50));
    let after = idle_snapshot(&mut backend);
    let step = after.timeline.as_ref().expect("a step").step();
    assert_eq!(step.frozen.iter().copied().collect::<Vec<_>>(), [0, 12]);
    let stays = |index: usize| values(&after)[index] == values(&before)[index];
    assert!(stays(0) && stays(12) && !stays(1));
    assert_eq!(step.after.values[0].to_bits(), step.before.values[0].to_bits());
    backend.send(freeze(&[0], false));
    backend.send(BackendCommand::Train(20));
    let free = idle_snapshot(&mut backend);
    assert_ne!(values(&free)[0], values(&before)[0]);
    assert_eq!(values(&free)[12], values(&before)[12]);
}
