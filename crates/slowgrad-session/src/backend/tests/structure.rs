//! The network itself changes: neurons, layers, activations of single layers, and what is held fast.

use super::*;

#[test]
fn one_layer_gets_another_activation_and_all_else_stays() {
    let text = |second: &str| {
        format!(
            r#"fn lesson() {{ #{{ title: "A", data: "xor", layers: [2, #{{ size: 3, activation: "tanh" }},
            #{{ size: 3, activation: "{second}" }}, #{{ size: 1, activation: "sigmoid" }}] }} }}"#
        )
    };
    let files = Files::from_iter([("a.rhai", text("tanh").as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    let mut worker = inline(library, Limits::default(), "a.rhai");
    let before = settled_after(&mut worker, Command::Seek(20));
    let names = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().names.activations.clone();
    let activate = |layer, name: &str| Change::Activation { layer, plugin: PluginRef::named(name) };
    let after = settled_after(&mut worker, activate(0, "leaky_relu").into());
    assert!(after.problems.is_empty(), "{:?}", after.problems);
    assert_eq!(names(&after), ["leaky_relu", "tanh", "sigmoid"]);
    assert_eq!((values(&after), after.timeline.as_ref().map(|at| at.step().step)), (values(&before), Some(20)));
    assert_eq!(after.undo.as_deref(), Some("activation leaky_relu of layer 1"));
    // The slot of all hidden layers names both, and moves the control where it is.
    let setup = after.setup.as_ref().expect("a set-up");
    let slot = setup.slots.iter().find(|slot| slot.slot == Slot::Activation).expect("hidden layers");
    assert_eq!(slot.name, "leaky_relu, tanh");
    let control = slot.controls.first().expect("its slope").control.name.clone();
    let value = ParamValue::Number(0.5);
    let slid = settled_after(
        &mut worker,
        Change::Control { slot: Slot::Activation, layers: Vec::new(), control, value }.into(),
    );
    assert_eq!(names(&slid), names(&after));
    assert_ne!(outputs(&slid), outputs(&after));

    // The file changes the other layer: this one keeps what it was given by hand.
    let saved = settled_after(&mut worker, reload_as("a.rhai", &text("relu")));
    assert_eq!(names(&saved), ["leaky_relu", "relu", "sigmoid"], "{:?}", saved.problems);
    let whole = settled_after(&mut worker, activate(2, "identity").into());
    assert_eq!(names(&whole), ["leaky_relu", "relu", "identity"]);
    let wrong = settled_after(&mut worker, activate(3, "relu").into());
    assert_eq!(names(&wrong), names(&whole));
    assert!(wrong.messages.iter().any(|message| message.contains("no such layer")));
    worker.send(Command::Undo);
    worker.send(Command::Undo);
    assert_eq!(names(&settled_after(&mut worker, Command::Undo)), ["tanh", "relu", "sigmoid"]);
}

#[test]
fn controls_of_one_name_in_different_layers_move_by_themselves() {
    let text = r#"fn lesson() { #{ title: "A", data: "xor", layers: [2, #{ size: 3, activation: "leaky_relu" },
        #{ size: 3, activation: "bent" }, #{ size: 3, activation: "leaky_relu" }, 1] } }"#;
    let bent = "fn params() { #{ slope: slider(0.25, 0.0, 1.0) } } fn activation(z, p) { max(z, p.slope * z) }";
    let files = Files::from_iter([("a.rhai", text.as_bytes()), ("activations/bent.rhai", bent.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    let start = || inline(library.clone(), Limits::default(), "a.rhai");
    let mut worker = start();
    let knobs = |snapshot: &Snapshot| {
        let slots = &snapshot.setup.as_ref().expect("a set-up").slots;
        let knobs = &slots.iter().find(|slot| slot.slot == Slot::Activation).expect("hidden layers").controls;
        let told = |knob: &Knob| (knob.plugin.clone(), knob.layers.clone(), knob.control.slider().expect("a slider"));
        knobs.iter().map(told).collect::<Vec<_>>()
    };
    let sliders =
        |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().names.activation_sliders.clone();
    let knob = |plugin: &str, layers: &[usize], value| (plugin.to_owned(), layers.to_vec(), value);
    let first = settled(&mut worker);
    assert_eq!(knobs(&first), [knob("leaky_relu", &[0, 2], 0.01), knob("bent", &[1], 0.25)], "{:?}", first.problems);
    let slide = |layers: &[usize], value| Change::Control {
        slot: Slot::Activation,
        layers: layers.to_vec(),
        control: "slope".into(),
        value: ParamValue::Number(value),
    };
    // Both as in one drag each, without anything between them.
    for value in [0.5, 0.75] {
        worker.send(slide(&[0, 2], value).into());
    }
    for value in [0.125, 0.375] {
        worker.send(slide(&[1], value).into());
    }
    let both = settled(&mut worker);
    assert_eq!(sliders(&both)[..3], [vec![0.75], vec![0.375], vec![0.75]]);
    assert_eq!(both.undo.as_deref(), Some("slope of layer 2"));
    // A session has both.
    let mut again = start();
    let saved = Saved { lesson: "a.rhai".into(), recipe: both.recipe.clone(), pasts: Arc::clone(&both.pasts) };
    assert_eq!(sliders(&settled_after(&mut again, Command::Restore(Box::new(saved)))), sliders(&both));
    // Each is one thing to undo.
    let undone = settled_after(&mut worker, Command::Undo);
    assert_eq!(sliders(&undone)[..3], [vec![0.75], vec![0.25], vec![0.75]]);
    assert_eq!(undone.undo.as_deref(), Some("slope of layers 1, 3"));
    assert_eq!(knobs(&settled_after(&mut worker, Command::Undo)), knobs(&first));
    // The same plugin in two layers with different values is told apart as well.
    let apart = settled_after(&mut worker, slide(&[2], 0.5).into());
    let wanted = [knob("leaky_relu", &[0], 0.01), knob("bent", &[1], 0.25), knob("leaky_relu", &[2], 0.5)];
    assert_eq!(knobs(&apart), wanted);
    let wrong = settled_after(&mut worker, slide(&[3], 0.5).into());
    assert!(wrong.messages.iter().any(|message| message.contains("no such hidden layer")), "{:?}", wrong.messages);
}

/// What the network answers to the first sample.
fn outputs(snapshot: &Snapshot) -> Vec<f64> {
    let timeline = snapshot.timeline.as_ref().expect("a step");
    timeline.step().samples[0].layers.last().expect("layers").a.clone()
}

fn reload_as(path: &str, text: &str) -> Command {
    Command::ReloadFile { root: "own".into(), path: path.into(), bytes: Some(text.as_bytes().to_vec()), at_once: true }
}

#[test]
fn neurons_and_layers_come_and_go_and_the_rest_stays() {
    let mut worker = worker();
    worker.send(Command::Seek(6));
    let before = settled(&mut worker);
    let sizes = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().shape.sizes().to_vec();
    worker.send(Change::Reshape(Reshape::AddNeuron { layer: 0 }).into());
    let four = settled(&mut worker);
    assert_eq!(sizes(&four), [2, 4, 1]);
    assert_eq!(four.setup.as_ref().expect("a set-up").sizes, [2, 4, 1]);
    assert_eq!(values(&four)[..6], values(&before)[..6], "the weights that were there stay");
    let state = |snapshot: &Snapshot| snapshot.timeline.as_ref().expect("a step").step().before.state[0].clone();
    assert_eq!(state(&four)[..6], state(&before)[..6], "and what the optimizer remembers of them");
    assert_eq!(state(&four)[6..8], [0.0; 2]);
    worker.send(Change::Reshape(Reshape::AddLayer { before: 1 }).into());
    worker.send(Change::Reshape(Reshape::RemoveNeuron { layer: 0, neuron: 1 }).into());
    worker.send(Command::Seek(9));
    let five = settled(&mut worker);
    assert_eq!(sizes(&five), [2, 3, 4, 1]);
    assert!(five.problems.is_empty(), "{:?}", five.problems);
    // A save that says nothing of the structure leaves it; the step before the change has its own.
    worker.send(reload(&OPTIMIZER.replace("state.v += grad", "state.v += 2.0 * grad"), true));
    assert_eq!(sizes(&settled(&mut worker)), [2, 3, 4, 1]);
    worker.send(Command::Seek(3));
    assert_eq!(sizes(&settled(&mut worker)), [2, 3, 1]);
    worker.send(Command::Seek(8));
    assert_eq!(sizes(&settled(&mut worker)), [2, 3, 4, 1]);
    worker.send(Change::Reshape(Reshape::RemoveLayer { layer: 2 }).into());
    assert!(settled(&mut worker).messages[0].contains("at least one neuron"));
    worker.send(Change::Reset.into());
    assert_eq!(sizes(&settled(&mut worker)), [2, 3, 1], "the lesson's own structure");
}

#[test]
fn a_file_that_changes_an_activation_leaves_the_structure_as_it_is() {
    let mut worker = worker();
    worker.send(Change::Reshape(Reshape::AddLayer { before: 0 }).into());
    let text = LESSON.replace("layers: [2, 3, 1],", r#"layers: [2, 3, 1], activation: "sigmoid","#);
    let bytes = Some(text.into_bytes());
    worker.send(Command::ReloadFile { root: "own".into(), path: "t.rhai".into(), bytes, at_once: true });
    let changed = settled(&mut worker);
    let step = changed.timeline.as_ref().expect("a step").step();
    assert_eq!(step.shape.sizes(), [2, 2, 3, 1]);
    assert_eq!(step.names.activations[..2], ["sigmoid", "sigmoid"]);
}

#[test]
fn what_is_frozen_stays_through_training_and_reloads() {
    let mut worker = worker();
    let before = settled(&mut worker);
    worker.send(freeze(&[0, 12], true));
    worker.send(Command::Seek(4));
    worker.send(reload(&OPTIMIZER.replace("state.v += grad", "state.v += 2.0 * grad"), true));
    worker.send(Command::Train(50));
    let after = settled(&mut worker);
    let step = after.timeline.as_ref().expect("a step").step();
    assert_eq!(step.frozen.iter().copied().collect::<Vec<_>>(), [0, 12]);
    let stays = |index: usize| values(&after)[index] == values(&before)[index];
    assert!(stays(0) && stays(12) && !stays(1));
    assert_eq!(step.after.values[0].to_bits(), step.before.values[0].to_bits());
    worker.send(freeze(&[0], false));
    worker.send(Command::Train(20));
    let free = settled(&mut worker);
    assert_ne!(values(&free)[0], values(&before)[0]);
    assert_eq!(values(&free)[12], values(&before)[12]);
}
