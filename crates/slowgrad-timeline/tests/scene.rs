//! The scene of a moment: it shows all numbers computed so far and no others, and all of them are legible.

mod scene_nets;

use scene_nets::{frozen, large_net, momentum, relu, sgd, sigmoid, small_nets, tanh, timeline, with_input_gradients};
use slowgrad_engine::io_names::IoNames;
use slowgrad_engine::shape::Parameter;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::{Cell, EventKind, Granularity, Phase};
use slowgrad_timeline::explain::inspect;
use slowgrad_timeline::explain::words::{self, Explainer};
use slowgrad_timeline::explain::worked_example::JsonLine;
use slowgrad_timeline::number_format::number;
use slowgrad_timeline::scene::{
    Anchor, Bounds, Disc, Edge, Ink, Label, LabelBackground, Layout, Moment, NeuronMaps, Scene, SceneOptions,
    SceneSummary, Target, draw_scene, scene, zoom_step,
};
use std::sync::Arc;

/// The events that a test checks: all of a short step, and every third of a long one.
fn checked_events(timeline: &Timeline) -> impl Iterator<Item = usize> {
    (0..timeline.len()).step_by(if timeline.len() > 300 { 3 } else { 1 })
}

/// The step of a timeline with names for all inputs and outputs; some are long.
fn named(timeline: &Timeline) -> Timeline {
    let mut step = timeline.step().clone();
    let names = |count: usize, what: &str| (0..count).map(|i| format!("{what}{}", "_length".repeat(i % 4))).collect();
    let shape = &step.shape;
    let outputs = shape.size(shape.layers() - 1);
    step.io_names = Arc::new(IoNames { inputs: names(shape.inputs(), "petal"), outputs: names(outputs, "setosa") });
    Timeline::new(Arc::new(step))
}

fn scene_of(timeline: &Timeline, events: std::ops::Range<usize>, progress: f32) -> Scene {
    let layout = Layout::new(&timeline.step().shape);
    scene(timeline, &layout, &Moment { events, progress }, &SceneOptions::default())
}

fn texts(scene: &Scene) -> Vec<String> {
    scene.labels.iter().map(|label| label.math.plain()).collect()
}

fn disc(scene: &Scene, target: Target) -> &Disc {
    scene.discs.iter().find(|disc| disc.target == target).expect("every neuron has a disc")
}

/// The text in the middle of a disc.
fn inside(scene: &Scene, target: Target) -> Option<String> {
    let center = disc(scene, target).center;
    let label = scene.labels.iter().find(|label| label.place == center && label.anchor == Anchor::Center)?;
    Some(label.math.plain())
}

/// The numbers and colours of all discs, without moving numbers.
fn values(scene: &Scene) -> Vec<(Target, Option<String>, Ink, Ink)> {
    scene.discs.iter().map(|disc| (disc.target, inside(scene, disc.target), disc.fill, disc.ring)).collect()
}

/// Fails if two labels of a scene overlap, or one is outside the bounds.
fn assert_no_overlap(scene: &Scene, case: &str) {
    let boxes: Vec<Bounds> = scene.labels.iter().map(Label::room).collect();
    for (i, a) in boxes.iter().enumerate() {
        for (j, b) in boxes[..i].iter().enumerate() {
            let (one, other) = (scene.labels[i].math.plain(), scene.labels[j].math.plain());
            assert!(!a.overlaps(*b), "{case}: «{one}» and «{other}»");
        }
        let inside = (0..2).all(|k| scene.bounds.min[k] <= a.min[k] && a.max[k] <= scene.bounds.max[k]);
        assert!(inside, "{case}: «{}» is outside", scene.labels[i].math.plain());
    }
}

#[test]
fn labels_never_overlap() {
    let with_names = small_nets().into_iter().map(|(name, timeline)| (name, named(&timeline)));
    for (name, timeline) in small_nets().into_iter().chain(with_names) {
        for event in checked_events(&timeline) {
            for progress in [0.0, 0.4, 1.0] {
                let scene = scene_of(&timeline, event..event + 1, progress);
                assert_no_overlap(&scene, &format!("{name}, event {event} at {progress}"));
            }
        }
    }
}

/// Maps of a network with up to two inputs, with arbitrary values.
fn maps(timeline: &Timeline) -> Option<Arc<NeuronMaps>> {
    let shape = &timeline.step().shape;
    let axes = vec![[-1.0, 1.0]; shape.inputs()];
    let places = NeuronMaps::points(&axes, 4).len();
    let layer = |layer: usize| vec![vec![0.5; places]; shape.size(layer)];
    NeuronMaps::new(axes, 4, &(0..shape.layers()).map(layer).collect::<Vec<_>>()).map(Arc::new)
}

#[test]
fn labels_never_overlap_at_any_zoom_with_maps_selections_and_dragged_neurons() {
    let middling = timeline(&[2, 30, 12, 3], vec![tanh(), tanh(), tanh()], momentum(), 1);
    let nets = small_nets().into_iter().chain([("2-30-12-3", middling), ("large", large_net())]);
    for (name, timeline) in nets {
        let shape = Arc::clone(&timeline.step().shape);
        let summary = SceneSummary::new(&timeline);
        let layout = Layout::within(&shape, [1400.0, 1000.0]);
        let mut dragged = layout.clone();
        let [x, y] = dragged.position(Target::Neuron { layer: 0, neuron: 0 });
        dragged.set_position(Target::Neuron { layer: 0, neuron: 0 }, [x + 40.0, y + 90.0]);
        let maps = maps(&timeline);
        let selections = [
            None,
            Some(Target::Neuron { layer: 0, neuron: 1 }),
            Some(Target::Weight { layer: 1, neuron: 0, input: 1 }),
        ];
        for (nth, at) in (0..timeline.len()).step_by((timeline.len() / 13).max(1)).enumerate() {
            let granularity = Granularity::ALL[nth % Granularity::ALL.len()];
            let moment = Moment { events: timeline.unit(at, granularity), progress: [0.0, 0.3, 0.65, 0.9][nth % 4] };
            for (zoom, layout) in [(0.2, &layout), (0.7, &dragged), (1.6, &layout), (9.0, &dragged), (70.0, &layout)] {
                let middle = layout.position(Target::Weight { layer: 0, neuron: 0, input: 0 });
                let visible = (zoom > 1.0).then(|| Bounds {
                    min: [middle[0] - 400.0 / zoom, middle[1] - 300.0 / zoom],
                    max: [middle[0] + 400.0 / zoom, middle[1] + 300.0 / zoom],
                });
                let options = SceneOptions {
                    selected: selections[nth % 3],
                    maps: maps.clone(),
                    zoom: zoom_step(zoom),
                    visible,
                    ..SceneOptions::default()
                };
                let scene = draw_scene(&summary, &timeline, layout, &moment, &options);
                assert_no_overlap(&scene, &format!("{name} at {moment:?}, zoom {zoom}"));
            }
        }
    }
}

#[test]
fn maps_and_numbers_appear_where_there_is_room() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), tanh()], sgd(), 1);
    let layout = Layout::new(&timeline.step().shape);
    let summary = SceneSummary::new(&timeline);
    let (moment, target) = (Moment { events: 20..21, progress: 1.0 }, Target::Neuron { layer: 0, neuron: 1 });
    let scene = |zoom: f32| {
        let options = SceneOptions { maps: maps(&timeline), zoom, ..SceneOptions::default() };
        draw_scene(&summary, &timeline, &layout, &moment, &options)
    };
    let (small, large) = (scene(0.2), scene(1.0));
    assert!(small.maps.is_none() && small.labels.iter().all(|label| label.target != Some(target)));
    let patches = &large.maps.as_ref().expect("there is room").patches;
    assert_eq!(patches.len(), 2 + 4, "inputs and neurons");
    let chip = large.labels.iter().find(|label| label.target == Some(target) && label.anchor == Anchor::Center);
    let Label { place, background, .. } = chip.expect("the neuron is computed");
    let Disc { center, radius, fill, .. } = *disc(&large, target);
    assert!(place[1] > center[1] + 0.6 * radius, "the map is above the number");
    assert_eq!(
        *background,
        LabelBackground::Chip(fill),
        "the number has the colour of the activation, which the map covers"
    );
    // Maps of neurons that are not computed yet are fainter.
    let faint = |disc: &Disc| {
        let [x, y] = disc.center;
        let patch = patches.iter().find(|patch| {
            patch.place.min[0] < x && x < patch.place.max[0] && patch.place.min[1] < y && y < patch.place.max[1]
        });
        patch.map(|patch| patch.alpha < 1.0)
    };
    for disc in large.discs.iter().filter(|disc| disc.target != Target::Loss) {
        assert_eq!(faint(disc), Some(disc.fill == Ink::Empty), "{:?}", disc.target);
    }

    let large = large_net();
    let layout = Layout::new(&large.step().shape);
    let summary = SceneSummary::new(&large);
    let cell = layout.position(Target::Weight { layer: 0, neuron: 5, input: 300 });
    let visible = Bounds { min: [cell[0] - 4.0, cell[1] - 3.0], max: [cell[0] + 4.0, cell[1] + 3.0] };
    let numbers = |zoom: f32| {
        let options = SceneOptions { zoom, visible: Some(visible), ..SceneOptions::default() };
        let scene = draw_scene(&summary, &large, &layout, &Moment { events: 0..1, progress: 0.0 }, &options);
        scene
            .labels
            .iter()
            .filter(|label| label.background == LabelBackground::Plate)
            .map(|label| label.math.plain())
            .collect::<Vec<_>>()
    };
    assert!(numbers(1.0).is_empty());
    let step = large.step();
    let weight = step.before.values[5 * 784 + 300];
    assert!(numbers(100.0).contains(&number(weight, 3)), "{:?}", numbers(100.0));
}

#[test]
fn no_value_is_dropped_for_lack_of_room() {
    for (name, timeline) in small_nets() {
        let shape = &timeline.step().shape;
        let weights: usize = (0..shape.layers()).map(|l| shape.weights(l).len()).filter(|&count| count <= 16).sum();
        let mut fewest = usize::MAX;
        for event in checked_events(&timeline) {
            let scene = scene_of(&timeline, event..event + 1, 1.0);
            let on_edges = scene
                .labels
                .iter()
                .filter(|label| label.background == LabelBackground::Plate && (label.size - 13.5).abs() < 0.01)
                .count();
            fewest = fewest.min(on_edges);
            // Every disc keeps its number while the current operation is shown.
            for disc in &scene.discs {
                if disc.fill != Ink::Empty {
                    assert!(inside(&scene, disc.target).is_some(), "{name}, event {event}: {:?}", disc.target);
                }
            }
        }
        assert!(fewest + 3 >= weights, "{name}: {fewest} of {weights} weights are readable at the worst moment");
    }
}

#[test]
fn the_end_of_an_event_equals_the_start_of_the_next() {
    for (name, timeline) in small_nets() {
        for event in 1..timeline.len() {
            let same_sample = timeline.address(event - 1).sample == timeline.address(event).sample;
            if !same_sample {
                continue;
            }
            let before = scene_of(&timeline, event - 1..event, 1.0);
            let after = scene_of(&timeline, event..event + 1, 0.0);
            assert_eq!(values(&before), values(&after), "{name}, event {event}");
        }
    }
}

#[test]
fn a_moment_always_has_the_same_scene() {
    for (_, timeline) in small_nets() {
        for event in (0..timeline.len()).step_by(7) {
            for granularity in Granularity::ALL {
                let unit = timeline.unit(event, granularity);
                assert_eq!(scene_of(&timeline, unit.clone(), 0.37), scene_of(&timeline, unit, 0.37));
            }
        }
    }
}

#[test]
fn every_unit_ends_like_its_last_operation() {
    for (name, timeline) in small_nets() {
        for event in checked_events(&timeline).step_by(2) {
            for granularity in [Granularity::Neuron, Granularity::Layer, Granularity::Phase] {
                let unit = timeline.unit(event, granularity);
                let together = scene_of(&timeline, unit.clone(), 1.0);
                let single = scene_of(&timeline, unit.end - 1..unit.end, 1.0);
                assert_eq!(values(&together), values(&single), "{name}, {granularity:?} of event {event}");
            }
        }
    }
}

#[test]
fn no_number_is_shown_before_it_is_computed() {
    // The test is quadratic in the number of events, so it checks one network.
    for (name, timeline) in small_nets().into_iter().take(1) {
        let step = timeline.step();
        for event in 0..timeline.len() {
            let address = timeline.address(event);
            let Some(sample) = address.sample else { continue };
            let scene = scene_of(&timeline, event..event + 1, 0.0);
            for layer in 0..step.shape.layers() {
                for neuron in 0..step.shape.size(layer) {
                    let activated = (0..event).any(|earlier| {
                        let earlier = timeline.event(earlier);
                        matches!(earlier.kind, EventKind::Activated { neuron: n, .. } if n == neuron)
                            && earlier.address.cell.layer() == Some(layer)
                            && earlier.address.sample == Some(sample)
                    });
                    let target = Target::Neuron { layer, neuron };
                    let fill = disc(&scene, target).fill;
                    assert_eq!(fill != Ink::Empty, activated, "{name}, event {event}, {target:?}");
                    if activated {
                        let a = step.samples[sample].layers[layer].a[neuron];
                        assert_eq!(inside(&scene, target), Some(number(a, 3)));
                    }
                }
            }
            assert!(address.phase < Phase::Loss || scene.comparisons.len() == step.shape.outputs());
        }
    }
}

#[test]
fn moving_numbers_are_those_of_their_event() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), tanh()], sgd(), 1);
    for index in 0..timeline.len() {
        let event = timeline.event(index);
        let late = scene_of(&timeline, index..index + 1, 0.6);
        let done = scene_of(&timeline, index..index + 1, 1.0);
        let early = scene_of(&timeline, index..index + 1, 0.3);
        let carries = |scene: &Scene, x: f64| {
            let mut pills = scene.labels.iter().filter(|label| label.background == LabelBackground::Pill);
            pills.any(|label| label.math.plain() == number(x, 3))
        };
        let (carried_early, carried) = (|x: f64| carries(&early, x), |x: f64| carries(&late, x));
        let shows = |part: &str| texts(&done).iter().any(|text| text.contains(part));
        match event.kind {
            EventKind::Enter { value, .. } => assert!(carried(value)),
            EventKind::Product { product, .. } => assert!(carried(product), "{index}"),
            EventKind::Accumulate { sum, .. } => {
                assert_eq!(inside(&done, neuron_of(event.target)), Some(format!("Σ {}", number(sum, 3))));
                assert!(shows(&format!("= {}", number(sum, 3))));
            }
            EventKind::AddBias { bias, z, .. } => {
                assert!(carried(bias));
                assert_eq!(inside(&done, neuron_of(event.target)), Some(number(z, 3)));
            }
            EventKind::Operation { ref result, .. } => assert!(shows(&number(result.value, 3))),
            EventKind::LossValue { value, .. } => {
                assert_eq!(inside(&done, Target::Loss), Some(number(value, 3)));
                assert_eq!(done.comparisons.len(), 1);
            }
            EventKind::Chain { after, .. } => assert!(shows(&format!("= {}", number(after, 3)))),
            EventKind::Delta { delta, .. } => {
                assert!(shows(&format!("= {}", number(delta, 3))));
                assert!(matches!(disc(&done, event.target).ring, Ink::Gradient(_)));
            }
            EventKind::BiasGrad { delta, .. } => assert!(carried(delta)),
            EventKind::WeightGrad { delta, x, contribution, .. } => {
                assert!(carried_early(delta) && carried_early(x));
                assert!(shows(&format!("= {}", number(contribution, 3))));
            }
            EventKind::Backprop { contribution, .. } => assert!(carried(contribution)),
            EventKind::Updated { old, new, .. } => {
                let differs = |digits: &usize| number(old, *digits) != number(new, *digits);
                let digits = (3..18).find(differs).expect("every parameter moves");
                assert!(shows(&format!("{} → {}", number(old, digits), number(new, digits))));
                let edge = done.edges.iter().find(|edge| edge.target == event.target);
                assert!(edge.is_none_or(|edge| edge.ghost_width.is_some()));
            }
            _ => {}
        }
    }
}

#[test]
fn the_gradient_of_a_neuron_is_the_recorded_sum() {
    let timeline = timeline(&[2, 3, 4, 2], vec![tanh(), tanh(), tanh()], sgd(), 1);
    let layout = Layout::new(&timeline.step().shape);
    let summary = SceneSummary::new(&timeline);
    // All digits, so that every bit is compared.
    let options = SceneOptions { digits: 17, ..SceneOptions::default() };
    let mut sums = 0;
    for index in 0..timeline.len() {
        let event = timeline.event(index);
        let EventKind::Backprop { input, sum, .. } = event.kind else { continue };
        let scene =
            draw_scene(&summary, &timeline, &layout, &Moment { events: index..index + 1, progress: 1.0 }, &options);
        let layer = event.address.cell.layer().expect("a layer") - 1;
        let about = |label: &&Label| label.target == Some(Target::Neuron { layer, neuron: input });
        let shown = scene.labels.iter().filter(about).map(|label| label.math.plain()).collect::<Vec<_>>();
        let expected = format!("∂L/∂a{} = {}", ['₁', '₂', '₃', '₄'][input], number(sum, 17));
        assert!(shown.contains(&expected), "{index}: {expected} is not among {shown:?}");
        sums += 1;
    }
    assert_eq!(sums, 2 * 4 + 4 * 3);
}

fn neuron_of(target: Target) -> Target {
    match target {
        Target::Weight { layer, neuron, .. } | Target::Bias { layer, neuron } => Target::Neuron { layer, neuron },
        other => other,
    }
}

#[test]
fn the_numbers_of_a_layer_move_together() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), tanh()], sgd(), 1);
    let forward = timeline.phase(Phase::Forward, Some(0)).expect("there is a forward phase");
    let layer = timeline.unit(forward.start, Granularity::Layer);
    let scene = scene_of(&timeline, layer, 0.3);
    assert_eq!(scene.pulses.len(), 6);
    assert!(scene.formula.symbols.plain().contains('W'));
    assert_eq!(scene.status, "step 1 · forward · layer 1");
    let neuron = scene_of(&timeline, timeline.unit(forward.start, Granularity::Neuron), 0.3);
    assert_eq!(neuron.pulses.len(), 2);
    assert!(neuron.formula.symbols.plain().starts_with("z₁ = w₁₁ · x₁ + w₁₂ · x₂ + b₁"));
    assert!(neuron.script.is_some());
}

#[test]
fn the_start_and_the_end_of_a_step_have_scenes() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), tanh()], sgd(), 1);
    let start = scene_of(&timeline, 0..0, 0.0);
    assert!(start.pulses.is_empty() && start.formula.sentence.is_empty());
    let end = scene_of(&timeline, timeline.len()..timeline.len(), 1.0);
    assert_eq!(end.status, "step 1");
    assert_eq!(values(&end), values(&scene_of(&timeline, timeline.len() - 1..timeline.len(), 1.0)));
    let beyond = scene_of(&timeline, 0..usize::MAX, f32::NAN);
    assert!(beyond.status.starts_with("step 1"));
}

#[test]
fn the_gradient_path_of_a_selected_weight_glows() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), tanh()], sgd(), 1);
    let layout = Layout::new(&timeline.step().shape);
    let selected = Some(Target::Weight { layer: 0, neuron: 1, input: 0 });
    let moment = Moment { events: 0..1, progress: 0.0 };
    let scene = scene(&timeline, &layout, &moment, &SceneOptions { selected, ..SceneOptions::default() });
    let path: Vec<Target> = scene.edges.iter().filter(|edge| edge.glow > 0.0).map(|edge| edge.target).collect();
    assert_eq!(
        path,
        [
            Target::Weight { layer: 0, neuron: 1, input: 0 },
            Target::Weight { layer: 1, neuron: 0, input: 1 },
            Target::Loss
        ]
    );
}

#[test]
fn only_edges_with_a_gradient_are_on_the_path() {
    let timeline = timeline(&[2, 3, 6, 1], vec![tanh(), relu(), tanh()], sgd(), 1);
    let layout = Layout::new(&timeline.step().shape);
    let deltas = &timeline.step().samples[0].layers[1].delta;
    let dead: Vec<usize> = (0..6).filter(|neuron| deltas[*neuron] == 0.0).collect();
    assert!(!dead.is_empty() && dead.len() < 6, "{deltas:?}");
    let selected = Some(Target::Weight { layer: 0, neuron: 1, input: 0 });
    let moment = Moment { events: 0..1, progress: 0.0 };
    let scene = scene(&timeline, &layout, &moment, &SceneOptions { selected, ..SceneOptions::default() });
    for edge in &scene.edges {
        let passes = match edge.target {
            Target::Weight { layer: 1, neuron, input } => input == 1 && !dead.contains(&neuron),
            Target::Weight { layer: 2, input, .. } => !dead.contains(&input),
            target => Some(target) == selected || target == Target::Loss,
        };
        assert_eq!(edge.glow > 0.0, passes, "{:?}", edge.target);
    }
}

#[test]
fn a_long_name_of_the_loss_covers_no_output() {
    let step = timeline(&[2, 3, 3, 3, 1], vec![tanh(), tanh(), tanh(), tanh()], sgd(), 1).step().clone();
    for name in ["mse", "half_squared_error", "a_loss_with_a_name_of_many_words"] {
        let mut step = step.clone();
        step.names.loss = name.to_owned();
        let timeline = Timeline::new(Arc::new(step));
        for room in [[420.0, 300.0], [660.0, 450.0], [1400.0, 900.0]] {
            let layout = Layout::within(&timeline.step().shape, room);
            let Bounds { min, max } = layout.bounds();
            let zoom = zoom_step((room[0] / (max[0] - min[0])).min(room[1] / (max[1] - min[1])));
            let options = SceneOptions { zoom, ..SceneOptions::default() };
            let scene = scene(&timeline, &layout, &Moment { events: 0..1, progress: 0.0 }, &options);
            let lines: Vec<&Label> = scene.labels.iter().filter(|label| label.target == Some(Target::Loss)).collect();
            assert!(!lines.is_empty());
            for line in lines {
                let left = line.room().min[0];
                assert!(left >= layout.extent(4).max[0], "{name} in {room:?}: {} at {left}", line.math.plain());
            }
        }
    }
}

#[test]
fn edges_that_cannot_be_followed_are_bundled_at_small_zooms() {
    let timeline = timeline(&[2, 16, 16, 1], vec![tanh(), tanh(), tanh()], sgd(), 1);
    let shape = &timeline.step().shape;
    let layout = Layout::within(shape, [660.0, 450.0]);
    let summary = SceneSummary::new(&timeline);
    let forward = timeline.phase(Phase::Forward, Some(0)).expect("there is a forward phase").start;
    let neuron = timeline.cell(Some(0), Phase::Forward, Cell::Neuron { layer: 1, neuron: 5 }).expect("a neuron");
    let scene = |zoom: f32, events: std::ops::Range<usize>| {
        let options = SceneOptions { zoom, ..SceneOptions::default() };
        draw_scene(&summary, &timeline, &layout, &Moment { events, progress: 0.3 }, &options)
    };
    let weights = |scene: &Scene, layer: usize| {
        let of_layer = |edge: &&Edge| matches!(edge.target, Target::Weight { layer: at, .. } if at == layer);
        scene.edges.iter().filter(of_layer).cloned().collect::<Vec<_>>()
    };
    let bundles = |scene: &Scene| {
        scene.edges.iter().filter(|edge| !matches!(edge.target, Target::Weight { .. } | Target::Loss)).count()
    };
    let far = scene(zoom_step(0.5), forward..forward + 1);
    assert_eq!(bundles(&far), 16 + 16, "one from each neuron and one into each");
    assert_eq!((weights(&far, 0).len(), weights(&far, 2).len()), (32, 16), "few are edges");
    let strongest = weights(&far, 1);
    assert!((30..128).contains(&strongest.len()), "{}", strongest.len());
    assert!(far.status.contains("weights drawn: the strongest"), "{}", far.status);
    let size = |edge: &Edge| {
        let Target::Weight { layer, neuron, input } = edge.target else { unreachable!("a weight") };
        timeline.step().before.values[shape.index(Parameter { layer, neuron, input: Some(input) })].abs()
    };
    let weakest = strongest.iter().map(size).fold(f64::INFINITY, f64::min);
    let stronger = timeline.step().before.values[shape.weights(1)].iter().filter(|w| w.abs() >= weakest).count();
    assert_eq!(stronger, strongest.len(), "no stronger weight is left out");
    // All weights of the current neuron are drawn.
    let own = weights(&scene(zoom_step(0.5), neuron), 1);
    let own = own.iter().filter(|edge| matches!(edge.target, Target::Weight { neuron: 5, .. })).count();
    assert_eq!(own, 16);
    let close = scene(2.0, forward..forward + 1);
    assert_eq!((weights(&close, 1).len(), bundles(&close)), (256, 0));
}

#[test]
fn a_large_network_has_a_bounded_number_of_marks() {
    let timeline = large_net();
    let layout = Layout::new(&timeline.step().shape);
    let summary = SceneSummary::new(&timeline);
    let options = SceneOptions::default();
    let backward = timeline.phase(Phase::Backward, Some(0)).expect("there is a backward phase");
    for at in [5, 1000, backward.start - 30, backward.start + 60, backward.end - 4000, backward.end + 9000] {
        for granularity in Granularity::ALL {
            let moment = Moment { events: timeline.unit(at, granularity), progress: 0.5 };
            let scene = draw_scene(&summary, &timeline, &layout, &moment, &options);
            assert!(scene.edges.len() <= 4000 + 784 + 10, "{} edges", scene.edges.len());
            assert!(scene.pulses.len() <= 610 && scene.labels.len() < 200);
            assert_eq!(scene.matrices.len(), 3, "all layers have too many weights for edges");
            assert!(!scene.status.contains("drawn"), "all weights are drawn: {}", scene.status);
        }
    }
}

#[test]
fn the_title_of_a_matrix_is_above_it_in_every_area() {
    let timeline = large_net();
    let shape = &timeline.step().shape;
    for room in [[560.0, 440.0], [660.0, 480.0], [1000.0, 600.0], [1900.0, 1200.0]] {
        let layout = Layout::within(shape, room);
        let Bounds { min, max } = layout.bounds();
        let zoom = (room[0] / (max[0] - min[0])).min(room[1] / (max[1] - min[1]));
        let options = SceneOptions { zoom: zoom_step(zoom), ..SceneOptions::default() };
        let scene = scene(&timeline, &layout, &Moment { events: 0..1, progress: 0.0 }, &options);
        let names: Vec<&Label> = scene.labels.iter().filter(|label| label.math.plain().contains(" × ")).collect();
        assert_eq!(names.len(), shape.layers(), "{room:?}");
        for (layer, name) in names.into_iter().enumerate() {
            let matrix = layout.matrix(layer).expect("a matrix");
            assert!(name.room().max[1] <= matrix.min[1], "{room:?}: {}", name.math.plain());
        }
    }
}

#[test]
fn a_frozen_parameter_is_labelled() {
    // A weight of the first layer, the bias of its third neuron, and a weight of the last layer.
    let timeline = frozen(&[2, 3, 1], vec![tanh(), sigmoid()], &[3, 8, 9]);
    let step = timeline.step();
    let mut frozen_events = 0;
    for index in 0..timeline.len() {
        let event = timeline.event(index);
        let EventKind::Frozen { value } = event.kind else { continue };
        frozen_events += 1;
        let scene = scene_of(&timeline, index..index + 1, 1.0);
        assert!(texts(&scene).iter().any(|text| *text == format!("frozen: {}", number(value, 3))));
        assert_eq!(scene.formula.sentence, format!("The parameter is frozen at {}.", number(value, 3)));
        if matches!(event.target, Target::Weight { .. }) {
            assert!(scene.edges.iter().any(|edge| edge.target == event.target && edge.frozen));
        }
    }
    assert_eq!(frozen_events, 3);
    assert!(step.frozen.iter().all(|&at| step.before.values[at].to_bits() == step.after.values[at].to_bits()));
    let scene = scene_of(&timeline, 0..1, 0.0);
    assert_eq!(scene.edges.iter().filter(|edge| edge.frozen).count(), 2);
    assert_eq!(texts(&scene).iter().filter(|text| text.starts_with('‖')).count(), 3, "two weights and a bias");
}

#[test]
fn names_stand_beside_the_discs_where_there_is_no_room_above() {
    let timeline = named(&timeline(&[9, 8, 3], vec![tanh(), sigmoid()], sgd(), 1));
    let step = timeline.step();
    for size in [[520.0, 380.0], [640.0, 420.0], [1000.0, 560.0]] {
        let plain = Layout::within(&step.shape, size);
        let layout = plain.clone().with_input_names(step.io_names.longest_input());
        let Bounds { min, max } = layout.bounds();
        let zoom = zoom_step((size[0] / (max[0] - min[0])).min(size[1] / (max[1] - min[1])));
        let options = SceneOptions { zoom, ..SceneOptions::default() };
        assert!(min[0] < plain.bounds().min[0], "{size:?}: names have room");
        // After the inputs have entered.
        for event in checked_events(&timeline).filter(|event| *event >= 9) {
            let scene = scene(&timeline, &layout, &Moment { events: event..event + 1, progress: 0.4 }, &options);
            assert_no_overlap(&scene, &format!("{size:?}, event {event}"));
            for (input, shown) in ["petal", "petal_length", "petal_length_", "petal"].into_iter().enumerate() {
                let disc = disc(&scene, Target::Input(input));
                let mut on_left = scene.labels.iter().filter(|label| label.anchor == Anchor::Left);
                let name = on_left.find(|label| label.target == Some(Target::Input(input)));
                let name = name.unwrap_or_else(|| panic!("{size:?}, event {event}: no name of input {input}"));
                let text = name.math.plain();
                let whole = step.io_names.input(input).is_some_and(|whole| whole == text);
                assert!(text.starts_with(shown) && (whole || text.ends_with('…')), "{size:?}: {text}");
                assert!(name.room().max[0] < disc.center[0] - disc.radius, "{size:?}: {text}");
                assert!(name.room().min[0] >= min[0], "{size:?}: {text} is inside");
            }
        }
        let before = scene(&timeline, &layout, &Moment { events: 0..1, progress: 0.0 }, &options);
        assert!(texts(&before).iter().any(|text| text.starts_with("setosa")), "{size:?}: {:?}", texts(&before));
    }
    // Names that have room above their discs need none beside them, and layers without names neither.
    let roomy = Layout::within(&step.shape, [4000.0, 3000.0]);
    let tight = Layout::within(&step.shape, [520.0, 380.0]);
    assert_eq!((roomy.clone().with_input_names(14), tight.clone().with_input_names(0)), (roomy, tight));
}

#[test]
fn a_layer_without_biases_shows_none_and_inputs_show_their_gradients() {
    let timeline = with_input_gradients(2, &[(3, false), (1, true)], vec![tanh(), sigmoid()], 1);
    let gradient = timeline.step().samples[0].grad_input.clone().expect("it has gradients of its inputs");
    let is_term = |index: usize| matches!(timeline.event(index).kind, EventKind::Backprop { .. });
    let terms: Vec<usize> = (0..timeline.len())
        .filter(|&index| is_term(index) && timeline.address(index).cell.layer() == Some(0))
        .collect();
    assert_eq!(terms.len(), 6);
    let of_inputs = |event: usize, progress: f32| -> Vec<String> {
        let found = texts(&scene_of(&timeline, event..event + 1, progress));
        found.into_iter().filter(|text| text.starts_with("∂L/∂x")).collect()
    };
    assert!(of_inputs(terms[0], 0.0).is_empty());
    assert_eq!(of_inputs(terms[0], 1.0).len(), 1, "the first term is the first sum");
    let complete = [1, 2].map(|nth| format!("∂L/∂x{} = {}", ['₁', '₂'][nth - 1], number(gradient[nth - 1], 3)));
    assert_eq!(of_inputs(terms[5], 1.0), complete);
    // The ring follows once all neurons have contributed.
    let has_ring = |event: usize| {
        let scene = scene_of(&timeline, event..event + 1, 1.0);
        [0, 1].map(|input| matches!(disc(&scene, Target::Input(input)).ring, Ink::Gradient(_)))
    };
    assert_eq!((has_ring(terms[4]), has_ring(terms[5])), ([false; 2], [true; 2]));
    let biases = texts(&scene_of(&timeline, 0..1, 1.0)).into_iter().filter(|text| text.starts_with("b₁ =")).count();
    assert_eq!(biases, 1, "only the last layer has a bias");
    // The last sum of a neuron without a bias is its pre-activation.
    let sum = (0..timeline.len())
        .map(|index| timeline.event(index))
        .find(|event| matches!(event.kind, EventKind::Accumulate { input: 1, .. }))
        .expect("a sum");
    let z = timeline.step().samples[0].layers[0].z[0];
    assert_eq!(sum.kind.result().to_bits(), z.to_bits());
    let scene = scene_of(&timeline, sum.index..sum.index + 1, 1.0);
    assert_eq!(scene.formula.sentence, format!("With the last product the pre-activation is {}.", number(z, 3)));
    let next = scene_of(&timeline, sum.index + 1..sum.index + 2, 0.0);
    assert_eq!(inside(&next, Target::Neuron { layer: 0, neuron: 0 }), Some(number(z, 3)));
}

#[test]
fn inputs_and_outputs_are_shown_by_their_names() {
    let plain = timeline(&[2, 3, 2], vec![tanh(), sigmoid()], sgd(), 1);
    let named = named(&plain);
    let last = named.len() - 1;
    let found = texts(&scene_of(&named, last..last + 1, 1.0));
    assert!(found.iter().any(|text| text == "petal") && found.iter().any(|text| text == "petal_length"), "{found:?}");
    assert!(!found.iter().any(|text| text == "x₁"), "{found:?}");
    assert!(found.iter().any(|text| text.starts_with("setosa =")), "{found:?}");
    assert!(found.iter().any(|text| text.starts_with("setosa_l… =")), "{found:?}");
    let before = texts(&scene_of(&named, 0..1, 1.0));
    assert!(before.iter().any(|text| text == "setosa"), "{before:?}");
    let (step, explainer) = (named.step(), Explainer { digits: 3 });
    let name = |target| words::named_target(target, &step.shape, &step.io_names);
    let weight = Target::Weight { layer: 0, neuron: 2, input: 1 };
    assert_eq!(name(Target::Input(1)), "input 2 (petal_length)");
    assert_eq!(name(weight), "weight from input 2 (petal_length) to neuron 3 of layer 1");
    assert_eq!(name(Target::Neuron { layer: 1, neuron: 0 }), "neuron 1 of layer 2 (setosa)");
    assert_eq!(name(Target::Neuron { layer: 0, neuron: 0 }), "neuron 1 of layer 1");
    assert_eq!(inspect(&named, 0, Target::Input(0), explainer).title, "input 1 (petal)");
    let sentences: Vec<String> = (0..named.len()).map(|i| explainer.sentence(&named, &named.event(i))).collect();
    assert!(sentences[1].starts_with("Input 2 (petal_length) is "), "{sentences:?}");
    assert!(sentences.iter().any(|text| text.starts_with("The activation of neuron 2 (setosa_length) is ")));
    // JSON lines have the names where there are any, and no fields where there are none.
    let lines = |timeline: &Timeline| -> Vec<serde_json::Value> {
        let line = |event| JsonLine::new(timeline, &timeline.event(event));
        (0..timeline.len()).map(|event| serde_json::to_value(line(event)).expect("JSON")).collect()
    };
    for line in lines(&named) {
        let at = |key: &str| line[key].as_u64();
        let (layer, neuron, input) = (at("layer"), at("neuron"), at("input"));
        let names = (input.filter(|_| layer.unwrap_or(0) == 0), neuron.filter(|_| layer == Some(1)));
        let expected = (
            names.0.map(|i| ["petal", "petal_length"][i as usize]),
            names.1.map(|i| ["setosa", "setosa_length"][i as usize]),
        );
        assert_eq!((line["input_name"].as_str(), line["output_name"].as_str()), expected, "{line}");
    }
    assert!(lines(&plain).iter().all(|line| line.get("input_name").is_none() && line.get("output_name").is_none()));
    let titles: Vec<String> = (0..named.len()).map(|i| words::title(&named, &named.address(i))).collect();
    assert!(titles.iter().any(|title| title.ends_with("layer 1 · weight 2 (petal_length) → 3")), "{titles:?}");
    assert!(titles.iter().any(|title| title.ends_with("layer 2 · bias 1 (setosa)")), "{titles:?}");
}
