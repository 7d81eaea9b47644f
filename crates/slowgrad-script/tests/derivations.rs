//! The printed derivations match the computation, for all shipped plugins and for random scripts. Each product in a
//! printed chain rule equals its printed term, the terms add up to the gradient, every number links to the event that
//! computed it, and the explanation of a change equals the change. All comparisons are bit for bit.
#![allow(clippy::unwrap_used, missing_docs, reason = "a test")]

mod common;

use proptest::prelude::*;
use slowgrad_engine::plugin::{Optimizer, Schedule};
use slowgrad_engine::run::Run;
use slowgrad_engine::shape::Parameter;
use slowgrad_timeline::Timeline;
use slowgrad_timeline::events::Granularity;
use slowgrad_timeline::events::{Cell, Event, EventKind, Phase};
use slowgrad_timeline::explain::inspect;
use slowgrad_timeline::explain::words::Explainer;
use slowgrad_timeline::scene::{
    Inspector, InspectorRow, Layout, Link, Math, Moment, Plugin, SceneOptions, SceneSummary, Slider, Target, draw_scene,
};
use std::sync::Arc;

/// Enough digits to distinguish all numbers.
const EXACT: Explainer = Explainer { digits: 17 };

/// The recorded step of a lesson.
fn timeline(lesson: &str, step: u64) -> Timeline {
    timelines(lesson, step).1
}

/// The previous and the recorded step.
fn timelines(lesson: &str, step: u64) -> (Option<Timeline>, Timeline) {
    let sandbox = common::sandbox(&[("mine.rhai", lesson)]);
    let opened = sandbox.open("mine.rhai").unwrap_or_else(|problems| panic!("{lesson}: {problems:?}"));
    let mut run = Run::new(opened.setup.clone(), opened.parameters);
    let mut recorded = |step: u64| {
        run.seek(step - 1).unwrap();
        Timeline::new(Arc::new(run.record().unwrap()))
    };
    let before = (step > 1).then(|| recorded(step - 1));
    (before, recorded(step))
}

fn lesson(fields: &str, functions: &str) -> String {
    format!("fn lesson() {{ #{{ title: \"T\", seed: 5, {fields} }} }}\n{functions}")
}

/// Every shipped plugin of these kinds in a small network.
fn shipped() -> Vec<(String, (Option<Timeline>, Timeline))> {
    let mut all = Vec::new();
    let mut add = |name: String, fields: &str, step: u64| {
        all.push((name, timelines(&lesson(fields, ""), step)));
    };
    for activation in ["relu", "celu", "gelu", "hardswish", "hardtanh", "mish", "prelu", "selu", "silu", "softsign"] {
        let fields = format!("layers: [2, 3, 1], activation: \"{activation}\", data: \"xor\", batch: 1");
        add(activation.to_owned(), &fields, 2);
    }
    for loss in ["mae", "huber", "hinge", "log_cosh", "quantile", "smooth_l1", "binary_cross_entropy", "focal"] {
        let fields = format!("layers: [2, 3, 1], output: \"sigmoid\", loss: \"{loss}\", data: \"xor\", batch: 2");
        add(loss.to_owned(), &fields, 1);
    }
    for optimizer in [
        "adadelta",
        "adagrad",
        "adam",
        "adamw",
        "amsgrad",
        "lion",
        "momentum",
        "nadam",
        "nesterov",
        "radam",
        "rmsprop",
        "rprop",
        "sgd",
        "sgd_clip_norm",
        "sgd_clip_value",
    ] {
        let fields =
            format!("layers: [2, 3, 1], activation: \"relu\", optimizer: \"{optimizer}\", data: \"xor\", batch: 1");
        add(optimizer.to_owned(), &fields, 3);
    }
    let data = "data: [#{ input: [0.5, 2.0, 0.0], target: [1.0, 0.0, 0.0] }, #{ input: [-1.0, 0.0, 3.0], target: [0.0, 0.0, 1.0] }]";
    let fields = format!(
        "layers: [3, 4, 2, 3], activation: \"relu\", output: \"softmax\", loss: \"categorical_cross_entropy\", {data}, batch: 2, regularizer: \"l2\", schedule: \"cosine\", optimizer: \"momentum\""
    );
    add("softmax".into(), &fields, 2);
    let fields = format!(
        "layers: [3, 6, 6, 3], activation: \"relu\", output: \"log_softmax\", loss: \"nll\", {data}, batch: 1, regularizer: \"l1\""
    );
    add("log_softmax".into(), &fields, 1);
    all
}

/// The links from a formula to events of the step: the number's text and the event.
fn links(math: &Math, out: &mut Vec<(String, usize)>) {
    let mut all = Vec::new();
    all_links(math, &mut all);
    out.extend(all.into_iter().filter_map(|(text, link)| match link {
        Link::Event(event) => Some((text, event)),
        _ => None,
    }));
}

fn all_links(math: &Math, out: &mut Vec<(String, Link)>) {
    match math {
        Math::Row(parts) => parts.iter().for_each(|part| all_links(part, out)),
        Math::Sub(a, b) | Math::Sup(a, b) | Math::Fraction(a, b) => {
            all_links(a, out);
            all_links(b, out);
        }
        Math::Root(inside) | Math::Fenced(inside) => all_links(inside, out),
        Math::Marked { math, link, .. } => {
            out.extend(link.map(|link| (math.plain(), link)));
            all_links(math, out);
        }
        Math::Text(_) | Math::Variable(_) | Math::Prose(_) => {}
    }
}

/// A printed number.
fn read(text: &str) -> Option<f64> {
    match text.trim().trim_matches(['(', ')']) {
        "∞" => Some(f64::INFINITY),
        "−∞" => Some(f64::NEG_INFINITY),
        text => text.replace('−', "-").parse().ok(),
    }
}

/// Compares bit for bit, except that both zeros are printed as 0.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a == 0.0 && b == 0.0) || (a.is_nan() && b.is_nan())
}

/// Whether an event computed a number: as its result, as the term it added, or as the derivative of its operation.
fn gives(event: &Event, x: f64) -> bool {
    let also = match &event.kind {
        EventKind::Chain { contribution, local, .. } => same(*contribution, x) || same(*local, x),
        EventKind::WeightGrad { contribution, .. } | EventKind::Backprop { contribution, .. } => same(*contribution, x),
        EventKind::BiasGrad { delta, .. } => same(*delta, x),
        EventKind::Operation { op, operands, result } => {
            let at = |k: usize| operands.get(k).or(operands.first()).map_or(0.0, |operand| operand.value);
            (0..op.arity()).any(|k| same(op.derivative(k, at(0), at(1), at(2), result.value), x))
        }
        _ => false,
    };
    also || same(event.kind.result(), x)
}

fn check_links(what: &str, (before, timeline): (Option<&Timeline>, &Timeline), math: &Math) -> usize {
    let mut found = Vec::new();
    all_links(math, &mut found);
    for (text, link) in &found {
        let is = |x: f64| read(text).is_some_and(|read| same(read, x));
        let step = timeline.step();
        // The events of a parameter in the step before.
        let past = |target| {
            let before = before.unwrap_or_else(|| panic!("{what}: {text} has no step before"));
            let at = parameter(target).unwrap();
            (before, at)
        };
        match *link {
            Link::Event(index) => {
                let event = timeline.event(index);
                let is_answer = matches!(event.kind, EventKind::Compare { answer, .. } if text == if answer { "yes" } else { "no" });
                let is_given = read(text).is_some_and(|x| gives(&event, x));
                assert!(is_answer || is_given, "{what}: {text} leads to event {index}, which is {:?}", event.kind);
            }
            // The number is the result of the previous step's update of the parameter.
            Link::PreviousUpdate(target) => {
                let (before, at) = past(target);
                let cell = Cell::Parameter { layer: at.layer, neuron: at.neuron, input: at.input };
                let update = before.event(before.cell(None, Phase::Update, cell).unwrap().end - 1);
                assert!(is(update.kind.result()), "{what}: {text} against {:?}", update.kind);
            }
            Link::PreviousState(target, field) => {
                let (before, at) = past(target);
                // A state that does not change has no event.
                if let Some(event) = before.state_event(at, field).map(|event| before.event(event)) {
                    assert!(is(event.kind.result()), "{what}: {text} against {:?}", event.kind);
                }
            }
            Link::Constant(index) => {
                let event = timeline.event(index);
                assert!(event.location.is_some(), "{what}: {text} is nowhere");
                let is_there = match &event.kind {
                    EventKind::Operation { operands, .. } => operands.iter().any(|operand| is(operand.value)),
                    EventKind::Compare { a, b, .. } => is(a.value) || is(b.value),
                    _ => false,
                };
                assert!(is_there, "{what}: {text} is not used by {:?}", event.kind);
            }
            Link::Slider(Plugin::Optimizer, Slider::LearningRate) => {
                let base = step.rate.as_ref().map_or(step.learning_rate(), |rate| rate.base);
                assert!(is(base), "{what}: {text} is not the learning rate {base}");
            }
            Link::Slider(plugin, Slider::Nth(nth)) => {
                let inputs = match plugin {
                    Plugin::Activation(layer) => step.names.activation_sliders[layer].clone(),
                    Plugin::Loss => step.names.loss_sliders.clone(),
                    Plugin::Regularizer => step.penalty.as_ref().unwrap().sliders.clone(),
                    Plugin::Schedule => step.rate.as_ref().unwrap().inputs[1 + Schedule::CONTEXT.len()..].to_vec(),
                    Plugin::Optimizer => step.contexts[0][Optimizer::CONTEXT.len()..].to_vec(),
                    Plugin::Initializer => panic!("{what}: {text} is no slider of an initializer"),
                };
                assert!(is(inputs[nth]), "{what}: {text} is not slider {nth} of {plugin:?}: {inputs:?}");
            }
            Link::Slider(plugin, slider) => panic!("{what}: {text} leads to {plugin:?} {slider:?}"),
            // The initial values of a run.
            Link::Plugin(_) => assert!(before.is_none(), "{what}: {text} is not from the beginning"),
            Link::Sample(sample) => {
                let recorded = step.samples.iter().find(|recorded| recorded.sample == sample).unwrap();
                assert!(recorded.input.iter().chain(&recorded.target).any(|x| is(*x)), "{what}: {text}");
            }
        }
    }
    found.len()
}

/// Every number in a formula without a link, except signs, brackets and counts.
fn unlinked(math: &Math, out: &mut Vec<f64>) {
    match math {
        Math::Row(parts) => parts.iter().for_each(|part| unlinked(part, out)),
        Math::Fraction(a, b) => {
            unlinked(a, out);
            unlinked(b, out);
        }
        Math::Sup(a, _) | Math::Root(a) | Math::Fenced(a) => unlinked(a, out),
        Math::Marked { math, link: None, .. } => unlinked(math, out),
        Math::Text(text) => out.extend(read(text)),
        Math::Sub(..) | Math::Marked { .. } | Math::Variable(_) | Math::Prose(_) => {}
    }
}

/// The numbers between plus signs.
fn terms(text: &str) -> Vec<f64> {
    text.split(" + ").map(|term| read(term).unwrap_or_else(|| panic!("{term} in {text}"))).collect()
}

/// Checks that the products of a derivation equal its terms and that the terms add up to its result. Returns the number
/// of paths.
fn check_chain(what: &str, timeline: &Timeline, event: &Event) -> usize {
    let is_fused = matches!(event.kind, EventKind::Backprop { .. });
    if !is_fused && !matches!(event.kind, EventKind::Chain { .. }) {
        return 0;
    }
    let formula = EXACT.formula(timeline, event);
    let numbers = formula.numbers.plain();
    let result = event.kind.result();
    assert!(same(read(&formula.result.plain()).unwrap(), result), "{what}: {}", formula.result.plain());
    let (products, shares) = numbers.split_once(" = ").map_or((numbers.as_str(), None), |(a, b)| (a, Some(b)));
    let factors: Vec<Vec<f64>> = products
        .split(" + ")
        .map(|product| product.split(" · ").map(|factor| read(factor).unwrap_or_else(|| panic!("{factor}"))).collect())
        .collect();
    let multiplied: Vec<f64> = factors.iter().map(|factors| factors.iter().product()).collect();
    let shares = shares.map_or_else(|| multiplied.clone(), terms);
    assert_eq!(shares.len(), multiplied.len(), "{what}: {numbers}");
    for (share, product) in shares.iter().zip(&multiplied) {
        assert!(same(*share, *product), "{what}: {numbers}");
    }
    let mut sum = shares[0];
    for (share, factors) in shares.iter().zip(&factors).skip(1) {
        sum = if is_fused { slowgrad_tape::math::fma(factors[0], factors[1], sum) } else { sum + share };
    }
    assert!(same(sum, result), "{what}: {numbers} is {sum:e} and not {result:e}");
    // The symbolic form has the same number of paths.
    let symbols = formula.symbols.plain();
    assert_eq!(symbols.matches(" + ").count() + 1, shares.len(), "{what}: {symbols} against {numbers}");
    shares.len()
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
    targets
}

fn parameter(target: Target) -> Option<Parameter> {
    match target {
        Target::Weight { layer, neuron, input } => Some(Parameter { layer, neuron, input: Some(input) }),
        Target::Bias { layer, neuron } => Some(Parameter { layer, neuron, input: None }),
        _ => None,
    }
}

fn section<'a>(inspector: &'a Inspector, heading: &str) -> Option<&'a [InspectorRow]> {
    inspector.sections.iter().find(|section| section.heading == heading).map(|section| section.rows.as_slice())
}

/// Checks the headlines of neurons, parameters and layers that are played as a unit.
fn check_headlines(what: &str, steps: (Option<&Timeline>, &Timeline)) -> usize {
    let timeline = steps.1;
    let layout = Layout::new(&timeline.step().shape);
    let options = SceneOptions { digits: 17, ..SceneOptions::default() };
    let picture = SceneSummary::new(timeline);
    let mut followed = 0;
    for granularity in [Granularity::Neuron, Granularity::Layer] {
        let mut at = 0;
        while at < timeline.len() {
            let events = timeline.unit(at, granularity);
            at = events.end;
            let moment = Moment { events: events.clone(), progress: 1.0 };
            let formula = draw_scene(&picture, timeline, &layout, &moment, &options).formula;
            let what = format!("{what}, {}", formula.title);
            for math in [&formula.numbers, &formula.result].into_iter().chain(&formula.notes) {
                followed += check_links(&what, steps, math);
                let mut alone = Vec::new();
                unlinked(math, &mut alone);
                // An output that the loss ignores has a gradient of 0 without an event.
                alone.retain(|x| *x != 0.0);
                assert!(events.len() == 1 || alone.is_empty(), "{what}: {alone:?} in {}", math.plain());
            }
        }
    }
    followed
}

/// Checks all texts of a step.
fn check(what: &str, steps: (Option<&Timeline>, &Timeline)) -> (usize, usize) {
    let timeline = steps.1;
    let (mut followed, mut most_paths) = (0, 0);
    for index in 0..timeline.len() {
        let event = timeline.event(index);
        let formula = EXACT.formula(timeline, &event);
        let what = format!("{what}, event {index} {:?}", event.kind);
        for math in [&formula.numbers, &formula.result].into_iter().chain(&formula.notes) {
            followed += check_links(&what, steps, math);
        }
        // A factor without an origin is a count or a norm from the engine, the gradient of an output that the loss
        // ignores, or the 1 with which the backward pass of a penalty starts.
        let mut alone = Vec::new();
        unlinked(&formula.numbers, &mut alone);
        let start = if event.address.phase == Phase::Backward { 0.0 } else { 1.0 };
        alone.retain(|x| *x != start || !matches!(event.kind, EventKind::Chain { .. }));
        alone.retain(|x| !timeline.step().contexts.iter().any(|context| context[1..5].contains(x)));
        let is_counted = matches!(event.kind, EventKind::Average { .. }) || event.address.cell == Cell::Rate;
        assert!(alone.is_empty() || is_counted, "{what}: {alone:?} in {}", formula.numbers.plain());
        assert!(!formula.question.is_empty() && !formula.sentence.is_empty(), "{what}");
        most_paths = most_paths.max(check_chain(&what, timeline, &event));
    }
    followed += check_headlines(what, steps);
    let step = timeline.step();
    for target in targets(timeline) {
        let inspector = inspect(timeline, timeline.len() - 1, target, EXACT);
        let what = format!("{what}, {target:?}");
        for row in inspector.sections.iter().flat_map(|section| &section.rows) {
            followed += check_links(&what, steps, &row.value);
        }
        let Some(at) = parameter(target) else { continue };
        let index = step.shape.index(at);
        // The stated terms move the parameter, and the result is its new value.
        let rows = section(&inspector, "Why this change?").unwrap();
        let change = rows[0].value.plain();
        let amount = read(change.rsplit(" = ").next().unwrap()).unwrap();
        let (old, new) = (step.before.values[index], step.after.values[index]);
        let moved = if rows[0].label.plain().starts_with('Δ') { old + amount } else { amount };
        assert!(same(moved, new), "{what}: {old:e} and {change} is {moved:e} and not {new:e}");
        // A gradient of 0 has a reason with an event; any other gradient needs none.
        let reasons = section(&inspector, "Why is the gradient 0?");
        assert_eq!(reasons.is_some(), step.mean_grad(index) == 0.0, "{what}");
        for row in reasons.into_iter().flatten() {
            assert!(!row.why.is_empty() || row.label.plain().starts_with("∂L"), "{what}: {row:?}");
        }
    }
    (followed, most_paths)
}

#[test]
fn derivations_of_all_shipped_plugins_match_the_computation() {
    let mut most = 0;
    for (name, (before, timeline)) in shipped() {
        let (followed, paths) = check(&name, (before.as_ref(), &timeline));
        assert!(followed > 100, "{name} has only {followed} links");
        most = most.max(paths);
    }
    assert!(most >= 3, "no derivation had several paths");
}

#[test]
fn a_dead_relu_is_found_behind_the_next_layer() {
    // The second layer is dead for every input, so the first gets no gradient.
    let fields = "layers: [2, 2, 1, 1], activation: \"relu\", output: \"identity\", data: [#{ input: [1.0, 2.0], target: [1.0] }],
        weights: [#{ weight: [[1.0, 0.5], [0.5, 1.0]], bias: [0.0, 0.0] }, #{ weight: [[-1.0, -2.0]], bias: [0.0] },
                  #{ weight: [[3.0]], bias: [0.0] }]";
    let timeline = timeline(&lesson(fields, ""), 1);
    let target = Target::Weight { layer: 0, neuron: 1, input: 0 };
    let inspector = inspect(&timeline, 0, target, EXACT);
    let reasons = section(&inspector, "Why is the gradient 0?").unwrap();
    let names: Vec<String> = reasons.iter().map(|row| row.label.plain()).collect();
    assert_eq!(names, ["∂L/∂w₂₁", "δ₂^(1)", "∂L/∂a₂^(1)", "δ₁^(2)", "z > 0"], "{reasons:?}");
    let mut found = Vec::new();
    links(&reasons[4].value, &mut found);
    let origin = timeline.event(found.last().unwrap().1);
    assert!(matches!(origin.kind, EventKind::Compare { answer: false, .. }), "{origin:?}");
    assert_eq!(origin.target, Target::Neuron { layer: 1, neuron: 0 });
}

#[test]
fn a_zero_derivative_inside_a_script_is_explained_by_its_operation() {
    let fields = "layers: [1, 1, 1], data: [#{ input: [1.0], target: [1.0] }],
        weights: [#{ weight: [[-2.0]], bias: [0.0] }, #{ weight: [[1.5]], bias: [0.0] }]";
    for (activation, word) in
        [("max(z, 0.0)", "larger"), ("clamp(z, -1.0, 1.0)", "clamped"), ("floor(z)", "step function")]
    {
        // The lesson's own activation is used for the hidden layers.
        let functions = format!("fn activation(z) {{ {activation} }}");
        let timeline = timeline(&lesson(fields, &functions), 1);
        let inspector = inspect(&timeline, 0, Target::Weight { layer: 0, neuron: 0, input: 0 }, EXACT);
        let reasons = section(&inspector, "Why is the gradient 0?").unwrap();
        assert!(reasons.last().unwrap().why.contains(word), "{activation}: {reasons:?}");
    }
}

#[test]
fn momentum_adam_and_a_custom_rule_are_explained_from_their_scripts() {
    let change = |optimizer: &str, functions: &str| {
        let fields = format!("layers: [2, 2, 1], {optimizer} data: \"xor\", batch: 1");
        let timeline = timeline(&lesson(&fields, functions), 2);
        let inspector =
            inspect(&timeline, 0, Target::Weight { layer: 1, neuron: 0, input: 1 }, Explainer { digits: 4 });
        let rows = section(&inspector, "Why this change?").unwrap().to_vec();
        rows.into_iter().map(|row| format!("{}: {}", row.label.plain(), row.value.plain())).collect::<Vec<_>>()
    };
    let starts =
        |rows: &[String], start: &str| assert!(rows.iter().any(|row| row.starts_with(start)), "{start} in {rows:?}");
    let sgd = change("optimizer: \"sgd\",", "");
    starts(&sgd, "Δw₁₂: −η · δ₁ · a₂ = ");
    starts(&sgd, "δ₁: ");
    starts(&sgd, "a₂: ");
    let momentum = change("optimizer: \"momentum\",", "");
    starts(&momentum, "Δw₁₂: −η · velocity′ = ");
    starts(&momentum, "velocity′: momentum · velocity + g = ");
    let adam = change("optimizer: \"adam\",", "");
    starts(&adam, "Δw₁₂: −(size · m′)/denominator = ");
    starts(&adam, "m′: β₁ · m + (1 − β₁) · g = ");
    starts(&adam, "denominator: √v′/√correction₂ + ε = ");
    let own = change("", "fn update(w, grad, state, ctx) { let push = grad * abs(grad); w * 0.5 + push }");
    starts(&own, "w₁₂ ←: w₁₂ · 0.5 + push = ");
    starts(&own, "push: g · |g| = ");
}

/// Expressions over some leaves, with operations that are defined everywhere.
fn expression(leaves: &'static [&'static str]) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        proptest::sample::select(leaves).prop_map(str::to_owned),
        (-3.0..3.0).prop_map(|x: f64| format!("({x:.2})"))
    ];
    leaf.prop_recursive(4, 14, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone(), proptest::sample::select(&["+", "-", "*"][..]))
                .prop_map(|(a, b, op)| format!("({a} {op} {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} / (1.5 + {b} * {b}))")),
            (inner.clone(), proptest::sample::select(&["tanh", "sigmoid", "sin", "abs", "softplus"][..]))
                .prop_map(|(a, name)| format!("{name}({a})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("max({a}, {b})")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("(if {a} > {b} {{ {a} }} else {{ {b} * 0.5 }})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn derivations_of_random_scripts_match_the_computation(
        activation in expression(&["z", "z"]),
        rule in expression(&["w", "grad", "ctx.lr", "state.m"]),
        memory in expression(&["grad", "state.m"]),
        sizes in proptest::collection::vec(1_usize..4, 1..3),
        batch in 1_usize..4,
        seed in 0_u64..1000,
    ) {
        let sizes: Vec<String> = sizes.iter().map(ToString::to_string).collect();
        let fields = format!("layers: [2, {}, 1], data: \"xor\", batch: {batch}, seed: {seed}", sizes.join(", "));
        let functions = format!(
            "fn activation(z) {{ let s = {activation}; s + 0.1 * z }}
             fn state() {{ #{{ m: 0.25 }} }}
             fn update(w, grad, state, ctx) {{ state.m = {memory}; w - ctx.lr * ({rule}) }}"
        );
        let lesson = format!("fn lesson() {{ #{{ title: \"T\", {fields} }} }}\n{functions}");
        let (before, timeline) = timelines(&lesson, 2);
        check(&lesson, (before.as_ref(), &timeline));
    }
}
