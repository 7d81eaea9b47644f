//! The inspector shows the numbers of the recorded step, and its links lead to the events that computed them.

mod scene_nets;

use scene_nets::{momentum, relu, sgd, small_nets, tanh, timeline};
use slowgrad_engine::shape::Parameter;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Phase;
use slowgrad_timeline::explain::inspect;
use slowgrad_timeline::explain::words::Explainer;
use slowgrad_timeline::number_format::number;
use slowgrad_timeline::scene::{Inspector, Link, Math, Target};

const WORDS: Explainer = Explainer { digits: 4 };

fn plain(inspector: &Inspector) -> String {
    let rows = inspector.sections.iter().flat_map(|section| &section.rows);
    let lines = rows.map(|row| format!("{}: {} {}", row.label.plain(), row.value.plain(), row.why));
    lines.collect::<Vec<_>>().join("\n")
}

/// All links of a formula: the number and the event it leads to.
fn links(math: &Math, out: &mut Vec<(String, usize)>) {
    match math {
        Math::Row(parts) => parts.iter().for_each(|part| links(part, out)),
        Math::Sub(a, b) | Math::Sup(a, b) | Math::Fraction(a, b) => {
            links(a, out);
            links(b, out);
        }
        Math::Marked { math, link, .. } => {
            if let Some(Link::Event(event)) = link {
                out.push((math.plain(), *event));
            }
            links(math, out);
        }
        Math::Root(inside) | Math::Fenced(inside) => links(inside, out),
        Math::Text(_) | Math::Variable(_) | Math::Prose(_) => {}
    }
}

fn targets(timeline: &Timeline) -> Vec<Target> {
    let shape = &timeline.step().shape;
    let mut targets: Vec<Target> = (0..shape.inputs()).map(Target::Input).chain([Target::Loss]).collect();
    for layer in 0..shape.layers() {
        for neuron in 0..shape.size(layer) {
            targets.extend([Target::Neuron { layer, neuron }, Target::Bias { layer, neuron }]);
            targets.extend((0..shape.fan_in(layer)).map(|input| Target::Weight { layer, neuron, input }));
        }
    }
    targets.retain(|target| target.exists_in(shape));
    targets
}

#[test]
fn every_link_leads_to_the_event_that_computed_the_number() {
    for (name, timeline) in small_nets() {
        let last_sample = timeline.step().samples.len() - 1;
        let event = timeline.phase(Phase::Loss, Some(last_sample)).expect("there is a loss").start;
        for target in targets(&timeline) {
            let inspector = inspect(&timeline, event, target, WORDS);
            let mut found = Vec::new();
            for row in inspector.sections.iter().flat_map(|section| &section.rows) {
                links(&row.value, &mut found);
            }
            assert!(!found.is_empty(), "{name}: {target:?} has no links");
            for (text, event) in found {
                let made = timeline.event(event);
                let (from, to) = match &made.kind {
                    // Gradients are summed over the batch; the inspector shows the contribution of each sample.
                    slowgrad_timeline::events::EventKind::WeightGrad { contribution, sum, .. } => (*contribution, *sum),
                    slowgrad_timeline::events::EventKind::Backprop { contribution, sum, .. } => (*contribution, *sum),
                    // The slope of the activation is the local derivative of a single chain step.
                    slowgrad_timeline::events::EventKind::Chain { local, after, .. } => (*local, *after),
                    kind => (kind.result(), kind.result()),
                };
                let is_same = (4..18).any(|digits| text == number(from, digits) || text == number(to, digits))
                    || text == "yes"
                    || text == "no";
                assert!(is_same, "{name}: {target:?} says {text}, event {event} is {:?}", made.kind);
            }
        }
    }
}

#[test]
fn a_weight_explains_its_change() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), tanh()], momentum(), 8);
    let step = timeline.step();
    let index = step.shape.index(Parameter { layer: 0, neuron: 1, input: Some(0) });
    let text = plain(&inspect(&timeline, 0, Target::Weight { layer: 0, neuron: 1, input: 0 }, WORDS));
    let (old, new) = (step.before.values[index], step.after.values[index]);
    assert!(text.contains(&format!("{} → {}", number(old, 4), number(new, 4))), "{text}");
    assert!(
        text.contains(&number(step.grads[index], 4)) && text.contains(&number(step.after.state[0][index], 4)),
        "{text}"
    );
    assert!(text.contains("and 2 more samples"), "{text}");
    assert!(text.contains("v: ") && text.contains("η · v"), "{text}");
    assert!(text.contains("δ₂ · x₁"), "{text}");
}

#[test]
fn the_regularizers_share_and_the_schedules_factor_are_terms_of_a_change() {
    let nets = small_nets();
    let (_, timeline) = nets.iter().find(|(name, _)| name.contains("regularized")).expect("a regularized net");
    let step = timeline.step();
    let index = step.shape.index(Parameter { layer: 0, neuron: 1, input: Some(0) });
    let weight = plain(&inspect(timeline, 0, Target::Weight { layer: 0, neuron: 1, input: 0 }, WORDS));
    let share = step.penalty.as_ref().expect("a penalty").shares[index];
    let share = number(share, 4);
    let share = if share.starts_with('−') { format!("({share})") } else { share };
    let sum = format!("{} + {share} = {}", number(step.mean_grad(index), 4), number(step.grads[index], 4));
    assert!(weight.contains("penalty squares") && weight.contains(&sum), "{sum} is missing from {weight}");
    assert!(weight.contains("η: 0.5 · 0.5 = 0.25 The learning rate from the schedule slower."), "{weight}");
    let bias = plain(&inspect(timeline, 0, Target::Bias { layer: 0, neuron: 1 }, WORDS));
    assert!(!bias.contains("squares") && bias.contains("schedule slower"), "{bias}");
    let loss = plain(&inspect(timeline, 0, Target::Loss, WORDS));
    let penalty = step.penalty.as_ref().expect("a penalty").sum;
    assert!(loss.contains(&format!("summed over the weights: {}", number(penalty, 4))), "{loss}");
}

#[test]
fn a_gradient_of_zero_names_its_factor() {
    let timeline = timeline(&[3, 12, 2], vec![relu(), tanh()], sgd(), 1);
    let step = timeline.step();
    let here = &step.samples[0].layers[0];
    let dead = here.z.iter().position(|&z| z < 0.0).expect("some neuron is dead");
    let text = plain(&inspect(&timeline, 0, Target::Weight { layer: 0, neuron: dead, input: 0 }, WORDS));
    assert!(text.contains("the slope of relu is 0"), "{text}");
    let alive = here.delta.iter().position(|&delta| delta != 0.0).expect("some neuron is alive");
    assert_eq!(step.samples[0].input[2], 0.0);
    let text = plain(&inspect(&timeline, 0, Target::Weight { layer: 0, neuron: alive, input: 2 }, WORDS));
    assert!(text.contains("x₃ is 0"), "{text}");
    assert!(text.contains("The gradient is 0, so the parameter does not change."), "{text}");
}

#[test]
fn a_neuron_shows_both_passes() {
    let timeline = timeline(&[2, 3, 1], vec![tanh(), tanh()], sgd(), 1);
    let here = &timeline.step().samples[0].layers[0];
    let text = plain(&inspect(&timeline, 0, Target::Neuron { layer: 0, neuron: 2 }, WORDS));
    for x in [here.z[2], here.a[2], here.grad_a[2], here.delta[2]] {
        assert!(text.contains(&number(x, 4)), "{} is missing in\n{text}", number(x, 4));
    }
}
