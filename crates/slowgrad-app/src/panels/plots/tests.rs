//! All plots and the comparison, driven by accessible names.

use crate::actions::Action;
use crate::state::plot_tabs::Plot;
use crate::tests::{Window, drag, open, settle, wheel};
use egui::accesskit::Role;
use egui::{Key, Modifiers, Vec2};
use egui_kittest::kittest::{NodeT, Queryable};
use slowgrad_engine::shape::Parameter;
use slowgrad_script::{Files, Library, Limits, Root};
use slowgrad_session::testing::inline;
use slowgrad_session::{BackendCommand, shipped};
use slowgrad_timeline::number_format::number;

/// A lesson with a test set, after several steps.
fn window() -> Window {
    let mut window = open("playground");
    window.state_mut().session.send(BackendCommand::Seek(12));
    settle_plots(&mut window);
    window
}

/// Draws until the plots are complete.
fn settle_plots(window: &mut Window) {
    for _ in 0..20_000 {
        settle(window);
        if !window.state().session.snapshot.as_ref().is_some_and(|snapshot| snapshot.computing_plots) {
            return;
        }
    }
    panic!("the plots are not completed");
}

fn act(window: &mut Window, action: Action) {
    let harness = window.state_mut();
    let app = harness.app.as_mut().expect("it was drawn");
    app.act(action, &mut harness.session);
    settle_plots(window);
}

/// The descriptions of all images.
fn pictures(window: &Window) -> Vec<String> {
    let pictures = window.query_all_by_role(Role::Image).filter_map(|node| node.accesskit_node().label());
    pictures.collect()
}

fn picture(window: &Window, start: &str) -> String {
    let pictures = pictures(window);
    pictures.iter().find(|text| text.starts_with(start)).unwrap_or_else(|| panic!("{start}: {pictures:?}")).clone()
}

#[test]
fn every_plot_opens_by_name_and_describes_itself() {
    let mut window = window();
    assert!(window.query_by_label("plot: landscape").is_none());
    window.get_by_label("plots").click();
    settle_plots(&mut window);
    let snapshot = window.state().session.snapshot.clone().expect("a snapshot");
    let scores = snapshot.plots.scores.as_ref().and_then(|scores| scores.last()).expect("scores").scores;
    let test = scores.test.expect("a test set").loss;
    let text = picture(&window, "plot of the loss");
    assert!(text.contains("step 12"), "{text}");
    assert!(text.contains(&format!("train {}", number(scores.train.loss, 4))), "{text}");
    assert!(text.contains(&format!("test {}", number(test, 4))), "{text}");
    let surface = snapshot.plots.landscape.as_ref().expect("a landscape").surface.clone();
    assert!(picture(&window, "loss landscape over w").ends_with(&format!("loss {}", number(surface.loss, 4))));
    for (name, start) in [
        ("accuracy", "plot of the accuracy,"),
        ("confusion", "confusion matrix of the test data"),
        ("predictions", "plot of predictions over two inputs"),
        ("histograms", "histogram, layer 1"),
        ("activation", "plot of the activation, now z₁"),
        ("loss function", "plot of the loss function, now ŷ₁"),
        ("landscape", "loss landscape"),
        ("loss", "plot of the loss,"),
    ] {
        let chip = format!("plot: {name}");
        if !pictures(&window).iter().any(|text| text.starts_with(start)) {
            window.get_by_label(&chip).click();
            settle_plots(&mut window);
        }
        picture(&window, start);
    }
    window.get_by_label_contains("Close the plots").click();
    settle_plots(&mut window);
    assert!(!pictures(&window).iter().any(|text| text.starts_with("loss landscape")));
    assert!(window.state().session.snapshot.as_ref().is_some_and(|snapshot| snapshot.plots.landscape.is_none()));
}

#[test]
fn keys_open_single_plots_and_make_them_large() {
    let mut window = window();
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num3);
    settle_plots(&mut window);
    assert!(picture(&window, "loss landscape").contains("step 12"));
    assert!(!pictures(&window).iter().any(|text| text.starts_with("plot of the loss")));
    window.get_by_label("larger").click();
    settle_plots(&mut window);
    window.get_by_label("smaller").click();
    settle_plots(&mut window);
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num3);
    settle_plots(&mut window);
    assert!(!pictures(&window).iter().any(|text| text.starts_with("loss landscape")));
}

#[test]
fn the_range_of_the_landscape_can_be_changed() {
    let mut window = window();
    act(&mut window, Action::Plot(Plot::Landscape));
    let surface = |window: &Window| {
        let snapshot = window.state().session.snapshot.as_ref().expect("a snapshot");
        snapshot.plots.landscape.as_ref().expect("a landscape").surface.clone()
    };
    let whole = surface(&window);
    let wide = |range: [f64; 2]| range[1] - range[0];
    // The wheel zooms in on the current position, on the surface and on the map.
    let at = |window: &Window| window.get_by_label_contains("loss landscape over").rect().center();
    for _ in 0..2 {
        let (before, place) = (surface(&window).range, at(&window));
        wheel(&mut window, place, Vec2::new(0.0, 200.0));
        settle_plots(&mut window);
        let near = surface(&window);
        assert!((0..2).all(|axis| wide(near.range[axis]) < 0.9 * wide(before[axis])), "{:?}", near.range);
        assert!(near.range_chosen && near.complete && near.loss == whole.loss);
        window.get_by_label("map").click();
        settle_plots(&mut window);
    }
    // A map can be dragged.
    window.get_by_label("map").click();
    settle_plots(&mut window);
    let (before, place) = (surface(&window).range, at(&window));
    drag(&mut window, Modifiers::NONE, place, place + Vec2::new(60.0, 0.0));
    settle_plots(&mut window);
    let moved = surface(&window).range;
    assert!(moved[0][0] < before[0][0] && (wide(moved[0]) - wide(before[0])).abs() < 1e-9, "{moved:?}");
    // Its numbers can be typed and reset.
    window.get_by_label("range of the landscape").click();
    window.run_steps(4);
    window.get_by_label("Centre on current values").click();
    settle_plots(&mut window);
    let around = surface(&window);
    let middle = [0, 1].map(|axis| f64::midpoint(around.range[axis][0], around.range[axis][1]));
    assert!((0..2).all(|axis| (middle[axis] - around.present[axis]).abs() < 1e-9), "{middle:?}");
    window.get_by_label("Fit to path").click();
    settle_plots(&mut window);
    assert_eq!(surface(&window).range, whole.range);
}

#[test]
fn the_landscape_is_a_map_or_a_surface_over_chosen_parameters() {
    let mut window = window();
    act(&mut window, Action::Plot(Plot::Landscape));
    window.get_by_label("map").click();
    settle_plots(&mut window);
    picture(&window, "loss landscape");
    let axes = |window: &Window| {
        let snapshot = window.state().session.snapshot.as_ref().expect("a snapshot");
        snapshot.plots.landscape.as_ref().expect("a landscape").surface.axes
    };
    let before = axes(&window);
    let parameter = Parameter { layer: 0, neuron: 3, input: Some(1) };
    let index = {
        let (timeline, _) = window.state().session.now().expect("a step");
        timeline.step().shape.index(parameter)
    };
    assert!(!before.contains(&index));
    window.get_by_label_contains("parameter along x").click();
    window.run_steps(4);
    window.get_by_label("w₄₂ · layer 1").scroll_to_me();
    window.run_steps(4);
    window.get_by_label("w₄₂ · layer 1").click();
    settle_plots(&mut window);
    assert_eq!(axes(&window), [index, before[1]]);
    assert!(picture(&window, "loss landscape over w₄₂ · layer 1 and").contains("step 12"));
}

#[test]
fn a_comparison_is_found_by_typing_and_shows_both_networks() {
    let mut window = window();
    act(&mut window, Action::Plots);
    window.get_by_label("compare").click();
    window.run_steps(4);
    window.get_by_label("compare with a run that uses").type_text("momentum");
    window.run_steps(8);
    window.key_press(Key::Enter);
    settle_plots(&mut window);
    for name in ["sgd", "momentum"] {
        assert!(window.query_all_by_label(name).count() >= 1, "{name}");
    }
    let both = pictures(&window).iter().filter(|text| text.starts_with("network")).count();
    assert_eq!(both, 2, "{:?}", pictures(&window));
    let text = picture(&window, "plot of the loss");
    assert!(text.contains("train · sgd") && text.contains("train · momentum"), "{text}");
    let comparison = window
        .state()
        .session
        .snapshot
        .as_ref()
        .and_then(|snapshot| snapshot.comparison.clone())
        .expect("a comparison");
    assert_eq!(comparison.timeline.as_ref().map(|timeline| timeline.step().step), Some(12));
    act(&mut window, Action::Compare);
    assert_eq!(pictures(&window).iter().filter(|text| text.starts_with("network")).count(), 1);
}

#[test]
fn the_axes_of_the_landscape_name_inputs_and_outputs() {
    let text = "fn lesson() { #{ title: \"T\", layers: [2, 1], optimizer: \"sgd\", data: \"xor\", \
        input_names: [\"width\", \"a very long name of a height\"], output_names: [\"area\"] } }";
    let files = Files::from_iter([("t.rhai", text.as_bytes())]);
    let library = Library { roots: vec![shipped::shipped(), Root { name: "own".into(), files }] };
    let mut window = crate::tests::window(inline(library, Limits::default(), "t.rhai"));
    act(&mut window, Action::Plot(Plot::Landscape));
    // The weights of the two inputs are the two that change most.
    let text = picture(&window, "loss landscape over w");
    assert!(text.contains("w₁₁ · width") && text.contains("w₁₂ · a very long n…"), "{text}");
    let step = window.state().session.now().expect("a step").0.step().clone();
    let app = window.state_mut().app.as_mut().expect("it was drawn");
    app.plots.landscape.set_axis(1, step.shape.parameters() - 1, [0, 1]);
    settle_plots(&mut window);
    let text = picture(&window, "loss landscape over w");
    assert!(text.contains(" and b₁ · area, "), "{text}");
}
